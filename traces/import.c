#include "traces/import.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "traces/dat.h"
#include "traces/gather.h"
#include "traces/interchange.h"
#include "traces/io_log.h"
#include "traces/perf_file.h"
#include "traces/resolve.h"
#include "traces/source.h"
#include "traces/text_lines.h"
#include "traces/writer.h"

#define MAGIC(bytes, what) { bytes, sizeof(bytes) - 1, what }
#define LINES_TO_JUDGE 64

enum source_format {
	FORMAT_TEXT,
	FORMAT_DAT,
	FORMAT_PERF,
	FORMAT_IO_LOG,
	FORMAT_IOPORTS,
	FORMAT_INTERCHANGE,
	FORMAT_UNKNOWN
};

/* What people may hand over, and what to do about it. */
static const struct {
	const char *bytes;
	size_t len;
	const char *what;
} foreign[] = {
	MAGIC("\xfd" "7zXZ\0", "compressed by xz: use `xzcat FILE | kmemsim import -`"),
	MAGIC("\x28\xb5\x2f\xfd", "compressed by zstd: use `zstdcat FILE | kmemsim import -`"),
	MAGIC("BZh", "compressed by bzip2: use `bzcat FILE | kmemsim import -`"),
	MAGIC("SQLite format 3", "an SQLite database, such as `kmemsim replay` writes"),
	MAGIC("\x7f" "ELF", "a program"),
	MAGIC("PK\3\4", "a zip archive"),
};

static bool starts_with(const struct source *src, const char *bytes, size_t len)
{
	return src->head_len >= len && !memcmp(src->head, bytes, len);
}

enum text_look { TEXT_OF_NOTHING, TEXT_OF_EVENTS, TEXT_OF_GRAPH };

/* What the first line is that is an event's, or a call's as the function_graph tracer prints it. */
static enum text_look look_at_text(const struct source *src)
{
	const char *p = src->head, *end = src->head + src->head_len;

	if (starts_with(src, "# tracer: function_graph", 24))
		return TEXT_OF_GRAPH;
	if (starts_with(src, "# tracer:", 9))
		return TEXT_OF_EVENTS;
	for (int i = 0; i < LINES_TO_JUDGE && p < end; i++) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((eol ? eol : end) - p);
		char line[1024];
		struct line_head head;

		if (len >= sizeof(line))
			len = sizeof(line) - 1;
		memcpy(line, p, len);
		line[len] = 0;
		if (line_head_parse(line, strlen(line), &head))
			return TEXT_OF_EVENTS;
		if (durations_graph_recognise(line))
			return TEXT_OF_GRAPH;
		p = eol ? eol + 1 : end;
	}
	return TEXT_OF_NOTHING;
}

static enum source_format recognise(const struct source *src, struct err *err)
{
	if (starts_with(src, "\x17\x08" "Dtracing", 10))
		return FORMAT_DAT;
	if (perf_file_recognise(src->head, src->head_len))
		return FORMAT_PERF;
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		if (starts_with(src, foreign[i].bytes, foreign[i].len)) {
			err_set(err, ERR_TRACE, "%s: cannot be imported: it is %s", src->name, foreign[i].what);
			return FORMAT_UNKNOWN;
		}
	}
	if (io_log_recognise(src->head, src->head_len))
		return FORMAT_IO_LOG;
	if (ioports_recognise(src->head, src->head_len))
		return FORMAT_IOPORTS;
	if (interchange_recognise(src->head, src->head_len))
		return FORMAT_INTERCHANGE;
	if (starts_with(src, "{\"kmemsim_trace\"", 16)) {
		err_set(err, ERR_TRACE, "%s: cannot be imported: it is a kmemsim trace already", src->name);
		return FORMAT_UNKNOWN;
	}
	if (look_at_text(src) != TEXT_OF_NOTHING)
		return FORMAT_TEXT;
	if (!src->head_len)
		err_set(err, ERR_TRACE, "%s: cannot be imported: it is empty", src->name);
	else
		err_set(err, ERR_TRACE,
			"%s: not a recording that kmemsim knows: it is %s; trace.dat, perf.data, the text of "
			"`trace-cmd report`, ftrace or `perf script`, QEMU's log, JSONL and CSV are read",
			src->name,
			memchr(src->head, 0, src->head_len) ? "binary data" : "text without a line of an event");
	return FORMAT_UNKNOWN;
}

static int set_text(char **member, const char *text, struct err *err)
{
	free(*member);
	*member = strdup(text);
	return *member ? 0 : err_set(err, ERR_NOMEM, "no memory for the trace's header");
}

/* "CPU 1 is empty": `trace-cmd report` says so before all else. */
static bool begins_with_empty_cpu(const struct source *src)
{
	const char *eol = memchr(src->head, '\n', src->head_len);
	size_t len = eol ? (size_t)(eol - src->head) : 0;

	return starts_with(src, "CPU ", 4) && len > 9 && !memcmp(eol - 9, " is empty", 9);
}

/* What printed or wrote the recording, as far as its beginning tells. */
static const char *tool_of(const struct source *src, enum source_format format)
{
	if (format == FORMAT_DAT || starts_with(src, "cpus=", 5) || starts_with(src, "version = ", 10) ||
	    begins_with_empty_cpu(src))
		return "trace-cmd";
	if (format == FORMAT_IO_LOG)
		return "qemu";
	if (format == FORMAT_PERF || memmem(src->head, src->head_len, " kmem:", 6) ||
	    memmem(src->head, src->head_len, " percpu:", 8))
		return "perf";
	return "ftrace";
}

static int gather_source(struct source *src, enum source_format format, struct gather *g, const char *output,
	const struct import_options *options, struct err *err)
{
	int code;

	if (format == FORMAT_INTERCHANGE)
		return err_set(err, ERR_USAGE, "%s: JSONL and CSV cannot be joined with other sources", src->name);
	if (format == FORMAT_TEXT && !g->durations && look_at_text(src) == TEXT_OF_GRAPH)
		return err_set(err, ERR_TRACE,
			"%s: cannot be imported: it is what the function_graph tracer prints, where events are without time "
			"or task; `kmemsim calibrate` reads it, and a trace.dat of the same recording has its events",
			src->name);
	/* A list of regions beside a log is not what recorded it. */
	code = format == FORMAT_IOPORTS && g->meta->tool ? 0 : set_text(&g->meta->tool, tool_of(src, format), err);
	if (code < 0)
		return code;
	if (format == FORMAT_IO_LOG)
		return io_log_import(src, g, options, err);
	if (format == FORMAT_IOPORTS)
		return ioports_import(src, g, options, err);
	if (format == FORMAT_DAT || format == FORMAT_PERF)
		return dat_import(src, format == FORMAT_DAT ? DAT_TRACE_CMD : DAT_PERF, g, output, options, err);
	return text_import(src, g, options, err);
}

/*
 * Whether the parts are in order: an event that is earlier than the one before is put at
 * that one's time, and that must not be all of a part. Logs of accesses may have no times.
 */
static int look_at_order(const struct gather *g, const char *const *sources, size_t part, enum source_format format,
	uint64_t late, ns_t last_ns, struct err *err)
{
	if (g->late == late || g->last_ns > last_ns || format == FORMAT_IO_LOG || format == FORMAT_IOPORTS)
		return 0;
	return err_set(err, ERR_USAGE,
		"%s: all of it is earlier than the end of %s, which is named before it: the parts of a "
		"recording are named in order of time, and files of single CPUs are none",
		sources[part], sources[part - 1]);
}

/* All parts of a recording, into the gather. */
static int gather_parts(const char *const *sources, size_t nr, struct source *first, enum source_format format,
	struct gather *g, const char *output, const struct import_options *options, struct err *err)
{
	int code = gather_source(first, format, g, output, options, err);

	for (size_t i = 1; i < nr && code == 0; i++) {
		struct source src;
		uint64_t late = g->late;
		ns_t last_ns = g->last_ns;

		code = source_open(&src, sources[i], err);
		if (code < 0)
			break;
		format = recognise(&src, err);
		code = format == FORMAT_UNKNOWN ? -(int)ERR_TRACE :
						  gather_source(&src, format, g, output, options, err);
		source_close(&src);
		if (code == 0)
			code = look_at_order(g, sources, i, format, late, last_ns, err);
	}
	return code == 0 ? gather_finish(g, err) : code;
}

/*
 * The same, and how fast reclaim was meanwhile. What no pace
 * follows from is not the recording's fault, and not counted.
 */
static int gather_with_pace(const char *const *sources, size_t nr, struct source *first, enum source_format format,
	struct gather *g, const char *output, const struct import_options *options, struct trace_meta *meta,
	struct err *err)
{
	struct trace_meta uncounted = { 0 };
	struct durations pace;
	int code;

	if (!options->pace)
		return gather_parts(sources, nr, first, format, g, output, options, err);
	durations_init(&pace, options->pace->call, options->pace->arg, &uncounted);
	g->pace = &pace;
	code = gather_parts(sources, nr, first, format, g, output, options, err);
	if (code == 0 && pace.calls)
		code = options->pace->tell(options->pace->arg, &meta->pace, err);
	g->pace = NULL;
	durations_fini(&pace);
	trace_meta_fini(&uncounted);
	return code;
}

/* A recording: all its parts into the gather, then the second pass into the writer. */
static int import_recording(const char *const *sources, size_t nr, struct source *first, enum source_format format,
	const char *output, struct trace_writer *w, const struct import_options *options, struct trace_meta *meta,
	struct err *err)
{
	struct gather *g = malloc(sizeof(*g));
	int code;

	if (!g)
		return err_set(err, ERR_NOMEM, "no memory for the import");
	code = gather_init(g, output, meta, err);
	if (code == 0 && options->page_size)
		g->page_shift = (unsigned int)__builtin_ctz(options->page_size);
	if (code == 0)
		code = gather_with_pace(sources, nr, first, format, g, output, options, meta, err);
	if (code == 0)
		code = resolve_write(g, w, meta, options, err);
	meta->page_size = 1u << g->page_shift;
	gather_fini(g);
	free(g);
	return code;
}

/* The reason that most of them have; NULL: there is none. */
static const struct trace_count *commonest(const struct trace_counts *counts)
{
	const struct trace_count *most = NULL;

	for (size_t i = 0; i < counts->nr; i++)
		if (!most || counts->rows[i].count > most->count)
			most = &counts->rows[i];
	return most;
}

/* A trace of nothing is no use to anybody: why there was nothing to keep. */
static int holds_nothing(const char *name, const struct trace_meta *meta, struct err *err)
{
	const struct trace_count *most = commonest(meta->unusable.nr ? &meta->unusable : &meta->ignored);

	if (!most)
		return err_set(err, ERR_TRACE, "%s: cannot be imported: it holds no event", name);
	return err_set(err, ERR_TRACE, "%s: cannot be imported: none of its %llu lines and events can be used: %s",
		name, (unsigned long long)meta->lines, most->reason);
}

static int import_into(struct trace_writer *w, const char *const *sources, size_t nr, const char *output,
	const struct import_options *options, struct trace_meta *meta, struct err *err)
{
	struct source src;
	enum source_format format;
	const char *slash = strrchr(sources[0], '/');
	int code = source_open(&src, sources[0], err);

	if (code < 0)
		return code;
	format = recognise(&src, err);
	if (format == FORMAT_UNKNOWN)
		code = -(int)ERR_TRACE;
	else if (format == FORMAT_INTERCHANGE && nr == 1)
		code = interchange_import(&src, w, options, meta, err);
	else
		code = import_recording(sources, nr, &src, format, output, w, options, meta, err);
	/* A table by hand may be an empty one. */
	if (code == 0 && trace_writer_is_empty(w) && (format != FORMAT_INTERCHANGE || meta->unusable.nr))
		code = holds_nothing(src.name, meta, err);
	/* Text printed from a trace says itself where that came from. */
	if (code == 0 && !meta->source)
		code = set_text(&meta->source,
			!strcmp(sources[0], "-") ? src.name :
				slash            ? slash + 1 :
						   sources[0],
			err);
	source_close(&src);
	return code;
}

static int set_options(const struct import_options *options, struct trace_meta *meta, struct err *err)
{
	char release[32];

	meta->recorded_addresses = options->recorded;
	if (options->cache) {
		const struct import_cache *cache = options->cache;

		assert(cache->cache_pages_reused <= cache->cache_pages && cache->cache_pages <= UINT32_MAX);
		assert(cache->anon_pages_reused <= cache->anon_pages && cache->anon_pages <= UINT32_MAX);
		meta->cache_pages = cache->cache_pages;
		meta->cache_pages_reused = cache->cache_pages_reused;
		meta->anon_pages = cache->anon_pages;
		meta->anon_pages_reused = cache->anon_pages_reused;
	}
	if (!options->kernel_major)
		return 0;
	snprintf(release, sizeof(release), "%u.%u", options->kernel_major, options->kernel_minor);
	return set_text(&meta->kernel, release, err);
}

int import_files(const char *const *sources, size_t nr, const char *output, const struct import_options *options,
	struct trace_meta *meta, struct err *err)
{
	const struct trace_writer_options writer_options = { .recorded = options->recorded };
	struct trace_writer *w;
	int code;

	*meta = (struct trace_meta){ .page_size = options->page_size ? options->page_size : 4096 };
	if (options->page_size & (options->page_size - 1))
		return err_set(err, ERR_USAGE, "page size %u is no power of two", options->page_size);
	code = trace_writer_open(&w, output, &writer_options, err);
	if (code < 0)
		return code;
	code = import_into(w, sources, nr, output, options, meta, err);
	if (code == 0)
		code = set_options(options, meta, err);
	if (code == 0)
		return trace_writer_close(w, meta, err) < 0 ? (trace_meta_fini(meta), -(int)err->code) : 0;
	trace_writer_abort(w);
	trace_meta_fini(meta);
	return code;
}

/* Text with commas in its first line. */
static bool looks_like_csv(const struct source *src)
{
	const char *eol = memchr(src->head, '\n', src->head_len);
	size_t len = eol ? (size_t)(eol - src->head) : src->head_len;

	return !starts_with(src, "{", 1) && memchr(src->head, ',', len) && !memchr(src->head, 0, src->head_len);
}

static int durations_recording(struct durations *d, struct source *src, struct err *err)
{
	const struct import_options options = { 0 };
	enum source_format format = recognise(src, err);
	struct gather *g;
	int code;

	if (format == FORMAT_UNKNOWN && !looks_like_csv(src))
		return -(int)ERR_TRACE;
	if (format != FORMAT_DAT && format != FORMAT_PERF && format != FORMAT_TEXT)
		return err_set(err, ERR_TRACE,
			"%s: holds no durations of calls: a table with the columns op and duration_ns is "
			"read, and recordings with probes or function_graph",
			src->name);
	g = malloc(sizeof(*g));
	if (!g)
		return err_set(err, ERR_NOMEM, "no memory to read %s", src->name);
	code = gather_init(g, "-", d->meta, err);
	g->durations = d;
	if (code == 0)
		code = gather_source(src, format, g, "-", &options, err);
	gather_fini(g);
	free(g);
	return code;
}

int durations_read(struct durations *d, const char *source, struct err *err)
{
	struct source src;
	int code = source_open(&src, source, err);

	if (code < 0)
		return code;
	code = durations_csv_recognise(src.head, src.head_len) ? durations_csv(d, &src, err) :
		durations_recording(d, &src, err);
	source_close(&src);
	return code;
}

/* cmd_import: `kmemsim import`: recordings of other tools, or text by hand, into a trace. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "configs/saved_cache.h"
#include "configs/text_file.h"
#include "sim/cli/cli.h"
#include "sim/cli/options.h"
#include "sim/pace.h"
#include "traces/import.h"

enum import_key {
	OPT_STRICT = CLI_OWN_KEY,
	OPT_NO_RECORDED,
	OPT_PAGE_SIZE,
	OPT_KERNEL,
	OPT_KALLSYMS,
	OPT_STATES,
};

struct import_args {
	const char **sources; /* owned; the texts are argv's */
	size_t nr_sources;
	struct cli_given given; /* but for the sources */
	struct import_options options;
	struct cli_progress progress;
	const char *states;         /* --states */
	struct import_cache cache;  /* what the saved states tell */
	char cache_how[SAVED_CACHE_TEXT];
	bool nothing_beside;        /* no states were named, and none are beside the source */
};

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0, "The trace to write; - is standard output", 0 },
	{ "strict", OPT_STRICT, NULL, 0, "A line that cannot be used is an error", 0 },
	{ "no-recorded", OPT_NO_RECORDED, NULL, 0, "Leave out recorded addresses, page frames and contexts, which"
		" `verify`, `lint`, `cat --recorded` and replays from a saved state read", 0 },
	{ "page-size", OPT_PAGE_SIZE, "SIZE", 0,
		"Page size of the recorded machine (default: as the source says, else 4 KiB)", 1 },
	{ "kernel", OPT_KERNEL, "VERSION", 0,
		"The recorded kernel, such as 5.10, where the source does not say (default: 6.1)", 1 },
	{ "kallsyms", OPT_KALLSYMS, "FILE", 0, "Names for the call sites of a perf.data, which holds addresses:"
		" /proc/kallsyms of the recorded boot", 1 },
	{ "states", OPT_STATES, "DIR", 0, "Folder of saved states of the recorded machine, which tell how much of its"
		" page cache it used again (default: "
		"snapshots, beside the recording); none looks for none", 1 },
	{ "json", CLI_JSON, NULL, 0, "Print the summary to standard output as JSON", 2 },
	{ "quiet", 'q', NULL, 0, "No progress, no summary", 2 },
	{ 0 },
};

static void parse_page_size(struct argp_state *state, struct import_args *args, const char *text)
{
	uint64_t bytes;

	if (units_parse_size(text, 0, &bytes) < 0 || bytes < 1024 || bytes > 1u << 20 || bytes & (bytes - 1))
		argp_error(state, "--page-size: \"%s\": expected a power of two such as 4 KiB", text);
	args->options.page_size = (uint32_t)bytes;
}

static void parse_kernel(struct argp_state *state, struct import_args *args, const char *text)
{
	struct import_options *o = &args->options;

	if (sscanf(text, "%u.%u", &o->kernel_major, &o->kernel_minor) != 2 || o->kernel_major < 2)
		argp_error(state, "--kernel: \"%s\": expected a version such as 6.1", text);
}

static void add_source(struct argp_state *state, struct import_args *args, const char *text)
{
	const char **sources = realloc(args->sources, (args->nr_sources + 1) * sizeof(*sources));

	if (!sources)
		argp_failure(state, err_exit_status(ERR_NOMEM), 0, "no memory for the list of sources");
	args->sources = sources;
	args->sources[args->nr_sources++] = text;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct import_args *args = state->input;

	switch (key) {
	case OPT_STRICT:
		args->options.strict = true;
		return 0;
	case OPT_NO_RECORDED:
		args->options.recorded = false;
		return 0;
	case OPT_PAGE_SIZE:
		parse_page_size(state, args, text);
		return 0;
	case OPT_KERNEL:
		parse_kernel(state, args, text);
		return 0;
	case OPT_KALLSYMS:
		args->options.kallsyms = text;
		return 0;
	case OPT_STATES:
		args->states = text;
		return 0;
	case ARGP_KEY_ARG:
		add_source(state, args, text);
		return 0;
	case ARGP_KEY_END:
		if (!args->nr_sources)
			argp_error(state, "which recording?");
		if (!args->given.output)
			argp_error(state, "where to? -o TRACE.kmt");
		for (size_t i = 0; i < args->nr_sources; i++)
			cli_keep_source(state, args->sources[i], args->given.output);
		return 0;
	default:
		return cli_given(key, text, state, &args->given);
	}
}

static const struct argp argp = {
	options, parse_option, "SOURCE...",
	"Example: kmemsim import trace.dat -o boot.kmt\n"
	"         xzcat trace.txt.xz | kmemsim import - -o boot.kmt\n\n"
	"Turns a recording into a trace. Its format is recognised from the content: trace-cmd's trace.dat, perf.data, the "
	"text of `trace-cmd report -t`, of ftrace's trace file or of `perf script`, a log of port and device accesses (QEMU's), or "
	"JSONL or CSV in the documented columns. docs/importing.md has them all. "
	"Several sources are the parts of one recording, in order. - is standard input.\v"
	"Exit status: 0 done; 2 the source or the command line is wrong; 3 input/output; 130 interrupted. "
	"Nothing appears under the output's name before it is whole.",
	NULL, NULL, NULL,
};

static int on_progress(void *arg, uint64_t bytes, uint64_t bytes_total, uint64_t events)
{
	struct import_args *args = arg;

	cli_progress_show(&args->progress, bytes, bytes_total, events, NULL);
	return cli_interrupted();
}

static int by_count(const void *a, const void *b)
{
	const struct trace_count *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->reason, y->reason);
}

/* The counts of one kind, largest first. Sorts them in place: the summary is their last use. */
static void print_counts(const char *title, struct trace_counts *counts)
{
	if (!counts->nr)
		return;
	qsort(counts->rows, counts->nr, sizeof(counts->rows[0]), by_count);
	fprintf(stderr, "%s\n", title);
	for (size_t i = 0; i < counts->nr; i++)
		fprintf(stderr, "%12" PRIu64 "  %s\n", counts->rows[i].count, counts->rows[i].reason);
}

static uint64_t wasted_bytes(const struct trace_meta *meta)
{
	return meta->bytes_allocated > meta->bytes_requested ? meta->bytes_allocated - meta->bytes_requested : 0;
}

static void print_bytes(const struct trace_meta *meta)
{
	char asked[32], given[32], wasted[32];

	fprintf(stderr, "objects      %s requested, %s allocated: %s (%.1f %%) wasted\n",
		units_format_size_short(meta->bytes_requested, asked, sizeof(asked)),
		units_format_size_short(meta->bytes_allocated, given, sizeof(given)),
		units_format_size_short(wasted_bytes(meta), wasted, sizeof(wasted)),
		100.0 * (double)wasted_bytes(meta) / (double)meta->bytes_allocated);
}

/* A table that somebody wrote, or a log of accesses: what recorded it, if anything, saw no page cache. */
static bool is_of_no_kernel(const struct trace_meta *meta)
{
	return meta->tool && (!strcmp(meta->tool, "interchange") || !strcmp(meta->tool, "qemu"));
}

static void print_cache(const struct import_args *args, const struct trace_meta *meta)
{
	if (meta->cache_pages)
		fprintf(stderr,
			"page cache   %" PRIu64 " pages of files came to it, %" PRIu64
			" of them were used again (%s)\n",
			meta->cache_pages, meta->cache_pages_reused,
			args->options.cache ? args->cache_how : "as the source itself says");
	else if (!args->nothing_beside || !is_of_no_kernel(meta))
		fprintf(stderr, "note         how much of its page cache the machine used again is not known: %s\n",
			args->cache_how);
}

static void print_summary(const struct import_args *args, struct trace_meta *meta)
{
	char pace[TRACE_PACE_TEXT];
	uint64_t far_late = trace_counts_of(&meta->repaired, TRACE_REASON_FAR_LATE);

	if (meta->lost)
		fprintf(stderr,
			"LOST         %" PRIu64 " events were lost while recording: as many objects and pages may be "
			"missing, or live too long\n",
			meta->lost);
	if (far_late)
		fprintf(stderr,
			"ORDER        %" PRIu64
			" events stand behind events of over a second later, whose times they got: the "
			"files of single CPUs one behind the other, or several recordings? What comes of it is not what happened\n",
			far_late);
	fprintf(stderr, "read         %" PRIu64 " events of %s%s%s, %u CPU%s\n", meta->lines,
		meta->tool ? meta->tool : "?", meta->kernel ? ", kernel " : "", meta->kernel ? meta->kernel : "",
		meta->cpus, meta->cpus == 1 ? "" : "s");
	fprintf(stderr, "written      %" PRIu64 " events to %s, and %" PRIu64 " that set up what was there before\n",
		meta->events, args->given.output, meta->prologue_events);
	fprintf(stderr, "adopted      %" PRIu64 " objects that are older than the recording\n", meta->adopted);
	fprintf(stderr, "implied      %" PRIu64 " frees, of addresses that were handed out again while still live\n",
		meta->implied_frees);
	if (meta->bytes_allocated)
		print_bytes(meta);
	print_cache(args, meta);
	if (trace_pace_text(&meta->pace, pace, sizeof(pace))[0])
		fprintf(stderr, "reclaim      %s, by its own events\n", pace);
	if (meta->hashed_pointers)
		fputs("note         pointers are hashed: slabs and pages cannot be told from addresses\n", stderr);
	print_counts("unusable: read and not understood; --strict names the first line", &meta->unusable);
	print_counts("repaired: kept by rule", &meta->repaired);
	print_counts("page allocations by cause: origin/how it was found/certainty", &meta->classified);
	print_counts("ignored: read and rightly not kept", &meta->ignored);
}

static void print_json_counts(const char *name, const struct trace_counts *counts, const char *end)
{
	printf("\"%s\": {", name);
	for (size_t i = 0; i < counts->nr; i++) {
		fputs(i ? ", " : "", stdout);
		json_text_put(stdout, counts->rows[i].reason);
		printf(": %" PRIu64, counts->rows[i].count);
	}
	printf("}%s", end);
}

static void print_json_pace(const struct trace_pace *pace)
{
	const char *before = "";

	fputs("\"reclaim_pace\": {", stdout);
#define X(step) \
	if (pace->step) { \
		printf("%s\"" #step "\": %u", before, pace->step); \
		before = ", "; \
	}
	TRACE_PACE(X)
#undef X
	fputs("}, ", stdout);
}

static void print_json(const struct trace_meta *meta)
{
	printf("{\"lost\": %" PRIu64 ", \"lines\": %" PRIu64 ", \"events\": %" PRIu64 ", \"prologue_events\": %" PRIu64
	       ", "
	       "\"adopted\": %" PRIu64 ", \"implied_frees\": %" PRIu64 ", \"cpus\": %u, \"page_size\": %u, "
	       "\"slots\": %u, \"bytes_requested\": %" PRIu64 ", \"bytes_allocated\": %" PRIu64
	       ", \"bytes_wasted\": %" PRIu64 ", "
	       "\"cache_pages\": %" PRIu64 ", \"cache_pages_reused\": %" PRIu64 ", "
	       "\"anon_pages\": %" PRIu64 ", \"anon_pages_reused\": %" PRIu64 ", \"mapped_pages\": %" PRIu64
	       ", \"hashed_pointers\": %s, ",
		meta->lost, meta->lines, meta->events, meta->prologue_events, meta->adopted, meta->implied_frees,
		meta->cpus, meta->page_size, meta->slots, meta->bytes_requested, meta->bytes_allocated,
		wasted_bytes(meta), meta->cache_pages, meta->cache_pages_reused, meta->anon_pages,
		meta->anon_pages_reused, meta->mapped_pages, meta->hashed_pointers ? "true" : "false");
	print_json_pace(&meta->pace);
	print_json_counts("unusable", &meta->unusable, ", ");
	print_json_counts("repaired", &meta->repaired, ", ");
	print_json_counts("classified", &meta->classified, ", ");
	print_json_counts("ignored", &meta->ignored, "}\n");
}

/* Beside "runs/7/trace.dat" it is "runs/7/snapshots". */
static void default_states(const char *source, char *dir, size_t size)
{
	const char *slash = strrchr(source, '/');

	snprintf(dir, size, "%.*ssnapshots", slash ? (int)(slash - source) + 1 : 0, source);
}

/*
 * What states tell that were saved with the recording. Which states is a guess where --states does not say, and
 * then a text that knows of itself, as what `cat` prints does, keeps that when there are none. A folder that was
 * asked for and is none is a mistake.
 */
static int read_states(struct import_args *args, struct err *err)
{
	char beside[TEXT_PATH_MAX];
	const char *dir = args->states ? args->states : beside;
	struct saved_cache cache = { 0 };
	struct stat st;
	bool known = false;

	default_states(args->sources[0], beside, sizeof(beside));
	args->nothing_beside =
		!args->states && (!strcmp(args->sources[0], "-") || (stat(beside, &st) < 0 && errno == ENOENT));
	if (args->states && !strcmp(args->states, "none"))
		snprintf(args->cache_how, sizeof(args->cache_how), "--states none");
	else if (args->states && stat(dir, &st) < 0)
		return err_errno(err, "--states: %s", dir);
	else if (args->states && !S_ISDIR(st.st_mode))
		return err_set(err, ERR_USAGE, "--states: %s: expected a folder of saved states", dir);
	else if (!args->states && !strcmp(args->sources[0], "-"))
		snprintf(args->cache_how, sizeof(args->cache_how),
			"nothing is beside standard input; --states DIR names a folder of saved states");
	else
		known = saved_cache_read(&cache, dir, args->cache_how);
	args->cache = (struct import_cache){ cache.file.pages, cache.file.reused, cache.anon.pages, cache.anon.reused };
	args->options.cache = known || args->states ? &args->cache : NULL;
	return 0;
}

static int run_import(int argc, char **argv)
{
	struct import_args args = { .options = { .recorded = true, .progress = on_progress } };
	struct trace_meta meta;
	struct import_pace pace;
	struct pace_finder finder;
	struct err err = { 0 };
	int status = cli_parse(&argp, argc, argv, &args);

	if (status) {
		free(args.sources);
		return status;
	}
	args.options.pace = &pace;
	args.options.progress_arg = &args;
	cli_catch_signals();
	cli_progress_start(&args.progress, "import", args.given.quiet);
	status = read_states(&args, &err);
	if (status == 0)
		status = pace_finder_init(&finder, &pace, &err);
	if (status == 0) {
		status = import_files(args.sources, args.nr_sources, args.given.output, &args.options, &meta, &err);
		pace_finder_fini(&finder);
	}
	cli_progress_end(&args.progress);
	free(args.sources);
	if (status < 0)
		return cli_fail(&err);
	if (args.given.json && strcmp(args.given.output, "-"))
		print_json(&meta);
	if (!args.given.quiet && !args.given.json)
		print_summary(&args, &meta);
	trace_meta_fini(&meta);
	return cli_flush();
}

const struct cli_command cmd_import = {
	.name = "import",
	.summary = "turn a recording into a trace",
	.run = run_import,
};

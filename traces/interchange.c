#include "traces/interchange.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "traces/header.h"
#include "traces/interchange_priv.h"

#define PROGRESS_LINES 4096u
#define REASONS_MAX 64u        /* different reasons that are counted by themselves */

int interchange_no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for the import");
}

/* Where the line at @p ends: at its newline, or at @end. */
static const char *line_end(const char *p, const char *end)
{
	const char *newline = memchr(p, '\n', (size_t)(end - p));

	return newline ? newline : end;
}

/* Whether one of the cells of the row of names is "event": a CSV cannot lack it. */
static bool names_event(const char *row, const char *end)
{
	while (row < end) {
		const char *comma = memchr(row, ',', (size_t)(end - row));
		const char *stop = comma ? comma : end;
		size_t len = (size_t)(stop - row);

		if (len && row[len - 1] == '\r')
			len--;
		if ((len == 5 && !memcmp(row, "event", 5)) || (len == 7 && !memcmp(row, "\"event\"", 7)))
			return true;
		row = comma ? comma + 1 : end;
	}
	return false;
}

/* Behind empty lines and remarks. */
static const char *first_line(const char *head, const char *end)
{
	while (head < end && (isspace((unsigned char)*head) || *head == '#'))
		head = *head == '#' ? line_end(head, end) : head + 1;
	return head;
}

bool interchange_recognise(const char *head, size_t len)
{
	static const char header[] = "{\"kmemsim_trace\"";
	const char *end = head + len, *next;

	head = first_line(head, end);
	if (head == end)
		return false;
	if (*head != '{')
		return names_event(head, line_end(head, end));
	next = line_end(head, end);
	if ((size_t)(end - head) < sizeof(header) || memcmp(head, header, sizeof(header) - 1) || next >= end - 1)
		return true;
	return next[1] == '{';
}

int interchange_refuse_line(struct interchange *ic, const char *reason, const char *hint, struct err *err)
{
	if (ic->options->strict)
		return err_set(err, ERR_TRACE, "%s:%" PRIu64 ": %s%s%s%s", ic->src->name, ic->src->line_no, reason,
			hint && *hint ? " (" : "", hint && *hint ? hint : "", hint && *hint ? ")" : "");
	if (ic->meta->unusable.nr >= REASONS_MAX)
		reason = "other reasons";
	return trace_counts_add(&ic->meta->unusable, reason, 1) < 0 ? interchange_no_memory(err) : 0;
}

int interchange_refuse_key(struct interchange *ic, const char *name, size_t len, struct err *err)
{
	char reason[128], hint[128] = "";
	const char *near = field_nearest(name, len);

	snprintf(reason, sizeof(reason), "unknown key \"%.*s\"", (int)(len < 80 ? len : 80), name);
	if (near)
		snprintf(hint, sizeof(hint), "did you mean \"%s\"?", near);
	return interchange_refuse_line(ic, reason, hint, err);
}

int interchange_take_fields(struct interchange *ic, struct err *err)
{
	int ret = from_fields_take(&ic->events, &ic->fields, err);

	if (ret > 0)
		return interchange_refuse_line(ic, ic->events.reason, ic->events.hint, err);
	ic->nr_events += ret == 0;
	return ret;
}

int interchange_progress(struct interchange *ic, struct err *err)
{
	if (++ic->nr_lines % PROGRESS_LINES || !ic->options->progress)
		return 0;
	if (ic->options->progress(ic->options->progress_arg, ic->src->bytes_read, ic->src->bytes_total, ic->nr_events))
		return err_set(err, ERR_INTERRUPTED, "%s: interrupted at line %" PRIu64, ic->src->name,
			ic->src->line_no);
	return 0;
}

int interchange_take_header(struct interchange *ic, const char *json, size_t len, struct err *err)
{
	struct header_sizes sizes;
	struct trace_meta was;
	int ret = header_parse(json, len, &was, &sizes, err);

	if (ret < 0)
		return err_context(err, "%s:%" PRIu64, ic->src->name, ic->src->line_no);
	if (ic->meta->source) {
		free(was.source);
		was.source = ic->meta->source;
		ic->meta->source = NULL;
	}
	trace_meta_fini(ic->meta);
	*ic->meta = was;
	ic->with_header = true;
	ic->events.direct = was.slots;
	ic->events.layout = GFP_LAYOUT_L5;
	if (was.page_size && !ic->options->page_size)
		ic->events.page_size = was.page_size;
	return 0;
}

/* What stands in the header only, where the text had none. */
static int fill_meta(struct interchange *ic, struct err *err)
{
	struct trace_meta *meta = ic->meta;

	if (!meta->tool && !(meta->tool = strdup("interchange")))
		return interchange_no_memory(err);
	if (!ic->with_header)
		meta->lines = ic->nr_lines;
	meta->page_size = ic->events.page_size;
	if (meta->cpus < ic->events.cpus)
		meta->cpus = ic->events.cpus;
	return 0;
}

int interchange_import(struct source *src, struct trace_writer *w, const struct import_options *options,
	struct trace_meta *meta, struct err *err)
{
	struct interchange *ic = calloc(1, sizeof(*ic));
	const char *end = src->head + src->head_len, *first = first_line(src->head, end);
	int ret;

	if (!ic)
		return interchange_no_memory(err);
	ic->src = src;
	ic->options = options;
	ic->meta = meta;
	ic->events.writer = w;
	ic->events.ignored = &meta->ignored;
	ic->events.page_size = options->page_size ? options->page_size : 4096;
	ic->events.layout = options->kernel_major ? gfp_layout_of_kernel(options->kernel_major, options->kernel_minor) :
		GFP_LAYOUT_L5;
	ret = first < end && *first == '{' ? interchange_jsonl(ic, err) : interchange_csv(ic, err);
	if (ret == 0)
		ret = fill_meta(ic, err);
	from_fields_fini(&ic->events);
	free(ic);
	return ret;
}

#include "traces/interchange.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "traces/bytes.h"
#include "traces/from_fields.h"
#include "traces/header.h"

#define PROGRESS_LINES 4096u
#define REASONS_MAX 64u        /* different reasons that are counted by themselves */
#define BIG_DIGITS 19u         /* of INT64_MAX */
#define RECORD_MAX (1u << 20)  /* bytes of a CSV record that goes over several lines */

struct interchange {
	struct source *src;                  /* borrowed, as the three below */
	const struct import_options *options;
	struct trace_meta *meta;
	struct from_fields events;
	struct fields fields;
	uint64_t nr_lines, nr_events;
	bool with_header;                    /* the text was printed from a trace */
};

static int no_memory(struct err *err)
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

bool interchange_recognise(const char *head, size_t len)
{
	static const char header[] = "{\"kmemsim_trace\"";
	const char *end = head + len, *next;

	while (head < end && (isspace((unsigned char)*head) || *head == '#'))
		head = *head == '#' ? line_end(head, end) : head + 1;
	if (head == end)
		return false;
	if (*head != '{')
		return names_event(head, line_end(head, end));
	next = line_end(head, end);
	if ((size_t)(end - head) < sizeof(header) || memcmp(head, header, sizeof(header) - 1) || next >= end - 1)
		return true;
	return next[1] == '{';
}

/* Count a line that cannot be used; with `strict` it ends the import. */
static int refuse_line(struct interchange *ic, const char *reason, const char *hint, struct err *err)
{
	if (ic->options->strict)
		return err_set(err, ERR_TRACE, "%s:%" PRIu64 ": %s%s%s%s", ic->src->name, ic->src->line_no, reason,
			hint && *hint ? " (" : "", hint && *hint ? hint : "", hint && *hint ? ")" : "");
	if (ic->meta->unusable.nr >= REASONS_MAX)
		reason = "other reasons";
	return trace_counts_add(&ic->meta->unusable, reason, 1) < 0 ? no_memory(err) : 0;
}

static int refuse_key(struct interchange *ic, const char *name, size_t len, struct err *err)
{
	char reason[128], hint[128] = "";
	const char *near = field_nearest(name, len);

	snprintf(reason, sizeof(reason), "unknown key \"%.*s\"", (int)(len < 80 ? len : 80), name);
	if (near)
		snprintf(hint, sizeof(hint), "did you mean \"%s\"?", near);
	return refuse_line(ic, reason, hint, err);
}

/* The line is in ic->fields: into the trace with it. */
static int take_fields(struct interchange *ic, struct err *err)
{
	int ret = from_fields_take(&ic->events, &ic->fields, err);

	if (ret > 0)
		return refuse_line(ic, ic->events.reason, ic->events.hint, err);
	ic->nr_events += ret == 0;
	return ret;
}

static int show_progress(struct interchange *ic, struct err *err)
{
	if (++ic->nr_lines % PROGRESS_LINES || !ic->options->progress)
		return 0;
	if (ic->options->progress(ic->options->progress_arg, ic->src->bytes_read, ic->src->bytes_total, ic->nr_events))
		return err_set(err, ERR_INTERRUPTED, "%s: interrupted at line %" PRIu64, ic->src->name, ic->src->line_no);
	return 0;
}

/* Take over from the header of the trace that was printed what the text itself does not say. */
static int take_header(struct interchange *ic, const char *json, size_t len, struct err *err)
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

static struct field field_of_json(json_t *v)
{
	struct field f = { .type = FIELD_TYPE_OTHER };

	switch (json_typeof(v)) {
	case JSON_INTEGER:
		f.type = FIELD_TYPE_NUMBER;
		f.negative = json_integer_value(v) < 0;
		f.number = f.negative ? 0 - (uint64_t)json_integer_value(v) : (uint64_t)json_integer_value(v);
		break;
	case JSON_STRING:
		f.type = FIELD_TYPE_TEXT;
		f.text = json_string_value(v);
		f.len = json_string_length(v);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		f.type = FIELD_TYPE_BOOL;
		f.number = json_is_true(v);
		break;
	case JSON_NULL:
		f.type = FIELD_TYPE_NULL;
		break;
	default:
		break;
	}
	return f;
}

static int take_json_object(struct interchange *ic, json_t *object, struct err *err)
{
	const char *name;
	json_t *value;

	ic->fields.present = 0;
	json_object_foreach(object, name, value) {
		enum field_key key = field_by_name(name, strlen(name));

		if (key == NR_FIELDS)
			return refuse_key(ic, name, strlen(name), err);
		/* A null is the NULL pointer for `id`; for other keys it says that they do not apply. */
		if (json_is_null(value) && key != FIELD_ID)
			continue;
		ic->fields.present |= 1ull << key;
		ic->fields.field[key] = field_of_json(value);
	}
	return take_fields(ic, err);
}

static bool is_blank(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isspace((unsigned char)line[i]))
			return false;
	return true;
}

static bool begins_number(const char *line, size_t at)
{
	return isdigit((unsigned char)line[at]) && (at == 0 || strchr(" \t,:[", line[at - 1]));
}

/*
 * The library has integers of 64 bits with a sign. Addresses and masks go beyond: as text they are read in full, so those
 * with as many digits stand in quotes in the copy.
 */
static json_t *load_quoted(const char *line, size_t len, json_error_t *why)
{
	char *copy = malloc(2 * len + 1);
	bool in_text = false;
	json_t *object;
	size_t to = 0;

	if (!copy)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		size_t digits = 0;

		while (!in_text && begins_number(line, i) && i + digits < len && isdigit((unsigned char)line[i + digits]))
			digits++;
		if (digits >= BIG_DIGITS) {
			copy[to++] = '"';
			memcpy(copy + to, line + i, digits);
			to += digits;
			copy[to++] = '"';
			i += digits - 1;
			continue;
		}
		if (line[i] == '"')
			in_text = !in_text;
		copy[to++] = line[i];
		if (in_text && line[i] == '\\' && i + 1 < len)
			copy[to++] = line[++i];
	}
	object = json_loadb(copy, to, JSON_REJECT_DUPLICATES, why);
	free(copy);
	return object;
}

static int take_json_line(struct interchange *ic, const char *line, size_t len, struct err *err)
{
	json_error_t why;
	json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
	int ret;

	if (!object && json_error_code(&why) == json_error_numeric_overflow)
		object = load_quoted(line, len, &why);
	if (!object)
		return refuse_line(ic, "not JSON", why.text, err);
	if (!json_is_object(object))
		ret = refuse_line(ic, "not a JSON object", NULL, err);
	else if (!ic->nr_events && !ic->with_header && json_object_get(object, "kmemsim_trace"))
		ret = take_header(ic, line, len, err);
	else
		ret = take_json_object(ic, object, err);
	json_decref(object);
	return ret;
}

static int import_jsonl(struct interchange *ic, struct err *err)
{
	char *line;
	size_t len;
	int ret;

	while ((ret = source_line(ic->src, &line, &len, err)) > 0) {
		if (is_blank(line, len))
			continue;
		ret = take_json_line(ic, line, len, err);
		if (ret < 0 || (ret = show_progress(ic, err)) < 0)
			return ret;
	}
	return ret;
}

/* A CSV record taken apart; the cells' texts are in @text, each terminated. */
struct csv_record {
	struct bytes text;
	struct {
		size_t start, len;
		bool quoted;
	} cells[2 * NR_FIELDS];
	size_t nr;
	const char *remark;  /* the line, where it is one that begins with #; until the next is read */
};

static bool put_cell(struct csv_record *record, size_t start, bool quoted)
{
	if (record->nr == sizeof(record->cells) / sizeof(record->cells[0]))
		return false;
	record->cells[record->nr].start = start;
	record->cells[record->nr].len = record->text.len - start;
	record->cells[record->nr++].quoted = quoted;
	bytes_put_u8(&record->text, 0);
	return true;
}

/* The quoted part of a cell, from behind its first quote; a quote inside is doubled. Return: behind the closing one, or NULL. */
static const char *take_quoted(struct csv_record *record, const char *at, const char *end)
{
	for (; at < end; at++) {
		if (*at == '"' && at + 1 < end && at[1] == '"')
			at++;
		else if (*at == '"')
			return at + 1;
		bytes_put_u8(&record->text, (uint8_t)*at);
	}
	return NULL;
}

enum csv_answer { CSV_WHOLE, CSV_OPEN_QUOTE, CSV_BAD, CSV_REMARK };

/* RFC 4180. OPEN_QUOTE: the record goes on in the next line. */
static enum csv_answer split_csv(struct csv_record *record, const char *line, size_t len)
{
	const char *at = line, *end = line + len;

	if (len && end[-1] == '\r')
		end--;
	record->nr = 0;
	record->text.len = 0;
	for (;;) {
		size_t start = record->text.len;
		bool quoted = at < end && *at == '"';
		const char *comma;

		if (quoted) {
			at = take_quoted(record, at + 1, end);
			if (!at)
				return CSV_OPEN_QUOTE;
			if (at < end && *at != ',')
				return CSV_BAD;
		} else {
			comma = memchr(at, ',', (size_t)(end - at));
			bytes_put(&record->text, at, (size_t)((comma ? comma : end) - at));
			at = comma ? comma : end;
		}
		if (!put_cell(record, start, quoted))
			return CSV_BAD;
		if (at == end)
			return CSV_WHOLE;
		at++;
	}
}

/* The next record, of as many lines as its quotes need. Return: 1, 0 at the end, negative on an error; *answer tells of its shape. */
static int next_record(struct interchange *ic, struct csv_record *record, enum csv_answer *answer, struct err *err)
{
	struct bytes joined = { 0 };
	char *line;
	size_t len;
	int ret = source_line(ic->src, &line, &len, err);

	if (ret <= 0)
		return ret;
	if (len && line[0] == '#') {
		record->remark = line;
		*answer = CSV_REMARK;
		return 1;
	}
	*answer = split_csv(record, line, len);
	while (*answer == CSV_OPEN_QUOTE && ret > 0 && joined.len < RECORD_MAX && !joined.failed) {
		bytes_put(&joined, line, joined.len ? 0 : len);
		ret = source_line(ic->src, &line, &len, err);
		if (ret <= 0)
			break;
		bytes_put_u8(&joined, '\n');
		bytes_put(&joined, line, len);
		*answer = split_csv(record, (const char *)joined.data, joined.len);
	}
	if (ret >= 0 && (joined.failed || record->text.failed))
		ret = no_memory(err);
	bytes_fini(&joined);
	return ret < 0 ? ret : 1;
}

/* The row of names: which key each column holds. */
static int take_csv_names(struct interchange *ic, const struct csv_record *record, enum field_key *columns, struct err *err)
{
	bool has_event = false;

	for (size_t i = 0; i < record->nr; i++) {
		const char *name = (const char *)record->text.data + record->cells[i].start;

		columns[i] = field_by_name(name, record->cells[i].len);
		has_event |= columns[i] == FIELD_EVENT;
		for (size_t j = 0; j < i; j++)
			if (columns[i] == columns[j] && columns[i] != NR_FIELDS)
				return err_set(err, ERR_TRACE, "%s:%" PRIu64 ": column \"%s\" is there twice", ic->src->name,
					ic->src->line_no, name);
		if (columns[i] == NR_FIELDS) {
			int ret = refuse_key(ic, name, record->cells[i].len, err);

			if (ret < 0)
				return ret;
		}
	}
	if (!has_event)
		return err_set(err, ERR_TRACE, "%s:%" PRIu64 ": neither JSON lines nor CSV of the text interchange: the row of "
			"names has no column \"event\"", ic->src->name, ic->src->line_no);
	return 0;
}

static int take_csv_row(struct interchange *ic, const struct csv_record *record, const enum field_key *columns,
	size_t nr_columns, struct err *err)
{
	if (record->nr != nr_columns)
		return refuse_line(ic, "number of cells differs from the row of names", NULL, err);
	ic->fields.present = 0;
	for (size_t i = 0; i < record->nr; i++) {
		const char *text = (const char *)record->text.data + record->cells[i].start;
		bool quoted = record->cells[i].quoted;

		if (columns[i] == NR_FIELDS || (!record->cells[i].len && !quoted))
			continue;
		ic->fields.present |= 1ull << columns[i];
		ic->fields.field[columns[i]] = (struct field){ .type = FIELD_TYPE_TEXT, .text = text, .len = record->cells[i].len };
		if (columns[i] == FIELD_ID && !quoted && !strcmp(text, "null"))
			ic->fields.field[columns[i]].type = FIELD_TYPE_NULL;
	}
	return take_fields(ic, err);
}

/* A line that begins with #: the header of a printed trace, or a remark. */
static int take_csv_remark(struct interchange *ic, const char *line, struct err *err)
{
	const char *json = line + strspn(line, "# ");

	if (ic->with_header || ic->nr_events || *json != '{' || !header_recognise(json, strlen(json)))
		return 0;
	return take_header(ic, json, strlen(json), err);
}

static int import_csv(struct interchange *ic, struct csv_record *record, struct err *err)
{
	enum field_key columns[sizeof(record->cells) / sizeof(record->cells[0])];
	enum csv_answer answer;
	size_t nr_columns = 0;
	int ret;

	while ((ret = next_record(ic, record, &answer, err)) > 0) {
		if (answer == CSV_REMARK)
			ret = take_csv_remark(ic, record->remark, err);
		else if (answer != CSV_WHOLE && !nr_columns)
			ret = err_set(err, ERR_TRACE, "%s:%" PRIu64 ": neither JSON lines nor CSV of the text interchange", ic->src->name,
				ic->src->line_no);
		else if (answer != CSV_WHOLE)
			ret = refuse_line(ic, "not CSV", "quotes", err);
		else if (record->nr == 1 && !record->cells[0].len)
			continue;
		else if (!nr_columns) {
			ret = take_csv_names(ic, record, columns, err);
			nr_columns = record->nr;
		} else {
			ret = take_csv_row(ic, record, columns, nr_columns, err);
		}
		if (ret < 0 || (ret = show_progress(ic, err)) < 0)
			return ret;
	}
	if (ret == 0 && !nr_columns)
		return err_set(err, ERR_TRACE, "%s: the file is empty", ic->src->name);
	return ret;
}

/* What stands in the header only, where the text had none. */
static int fill_meta(struct interchange *ic, struct err *err)
{
	struct trace_meta *meta = ic->meta;

	if (!meta->tool && !(meta->tool = strdup("interchange")))
		return no_memory(err);
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
	struct csv_record *record = calloc(1, sizeof(*record));
	size_t first = 0;
	int ret;

	if (!ic || !record) {
		free(ic);
		free(record);
		return no_memory(err);
	}
	while (first < src->head_len && isspace((unsigned char)src->head[first]))
		first++;
	ic->src = src;
	ic->options = options;
	ic->meta = meta;
	ic->events.writer = w;
	ic->events.ignored = &meta->ignored;
	ic->events.page_size = options->page_size ? options->page_size : 4096;
	ic->events.layout = options->kernel_major ? gfp_layout_of_kernel(options->kernel_major, options->kernel_minor) :
		GFP_LAYOUT_L5;
	ret = first < src->head_len && src->head[first] == '{' ? import_jsonl(ic, err) : import_csv(ic, record, err);
	if (ret == 0)
		ret = fill_meta(ic, err);
	from_fields_fini(&ic->events);
	bytes_fini(&record->text);
	free(record);
	free(ic);
	return ret;
}

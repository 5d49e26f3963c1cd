/* interchange_csv: CSV of the text interchange (RFC 4180): a row of names, which are the keys, then a row an event. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "traces/bytes.h"
#include "traces/header.h"
#include "traces/interchange_priv.h"

#define RECORD_MAX (1u << 20)  /* bytes of a CSV record that goes over several lines */

/*
 * A record that goes over several lines may be one whose quote nobody closed. Its lines but the first are held until it
 * is known to be a record, else they are read again: such a quote spoils the line it stands in, and no other.
 */
struct held_lines {
	struct bytes text; /* lines, each terminated */
	size_t at;         /* the next one to read; at the end of @text, that is in the source */
};

/* A CSV record taken apart; the cells' texts are in @text, each terminated. */
struct csv_record {
	struct bytes text;
	struct held_lines held;
	size_t second;       /* where its second line stands in @held */
	size_t nr_lines;
	size_t cell_start;   /* of the cell whose quote is open */
	bool open;
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

/*
 * The quoted part of a cell, from behind its first quote; a quote
 * inside is doubled. Return: behind the closing one, or NULL.
 */
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

/* RFC 4180. OPEN_QUOTE: the record goes on in the next line, which is to be given then. */
static enum csv_answer split_csv(struct csv_record *record, const char *line, size_t len)
{
	const char *at = line, *end = line + len;

	if (len && end[-1] == '\r')
		end--;
	if (!record->open) {
		record->nr = 0;
		record->text.len = 0;
	}
	for (;;) {
		size_t start = record->open ? record->cell_start : record->text.len;
		bool quoted = record->open || (at < end && *at == '"');
		const char *comma;

		if (quoted) {
			at = take_quoted(record, record->open ? at : at + 1, end);
			record->open = !at;
			if (!at) {
				record->cell_start = start;
				bytes_put(&record->text, end, (size_t)(line + len - end));
				bytes_put_u8(&record->text, '\n');
				return CSV_OPEN_QUOTE;
			}
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

/*
 * The next line: one that is held, or one of the source, which
 * is held from now on if @hold. Return: as source_line().
 */
static int next_line(struct interchange *ic, struct held_lines *held, bool hold, char **line, size_t *len,
	struct err *err)
{
	bool fresh = held->at == held->text.len;
	int ret = 1;

	if (fresh)
		ret = source_line(ic->src, line, len, err);
	if (ret <= 0 || (fresh && !hold))
		return ret;
	if (fresh) {
		bytes_put(&held->text, *line, *len + 1);
		if (held->text.failed)
			return interchange_no_memory(err);
	} else {
		ic->src->line_no++;
	}
	*line = (char *)held->text.data + held->at;
	*len = strlen(*line);
	held->at += *len + 1;
	return 1;
}

/* Lines that are done with make room, before they are half of what is held: that costs each byte one move. */
static void forget_lines(struct held_lines *held)
{
	if (held->at < held->text.len / 2)
		return;
	held->text.len -= held->at;
	if (held->text.len)
		memmove(held->text.data, held->text.data + held->at, held->text.len);
	held->at = 0;
}

/*
 * The next record, of as many lines as its quotes need. Return: 1,
 * 0 at the end, negative on an error; *answer tells of its shape.
 */
static int next_record(struct interchange *ic, struct csv_record *record, enum csv_answer *answer, struct err *err)
{
	char *line;
	size_t len;
	int ret;

	forget_lines(&record->held);
	ret = next_line(ic, &record->held, false, &line, &len, err);
	if (ret <= 0)
		return ret;
	record->nr_lines = 1;
	record->second = record->held.at;
	record->open = false;
	if (len && line[0] == '#') {
		record->remark = line;
		*answer = CSV_REMARK;
		return 1;
	}
	*answer = split_csv(record, line, len);
	while (*answer == CSV_OPEN_QUOTE && record->held.at - record->second < RECORD_MAX) {
		ret = next_line(ic, &record->held, true, &line, &len, err);
		if (ret <= 0)
			break;
		record->nr_lines++;
		*answer = split_csv(record, line, len);
	}
	if (ret >= 0 && record->text.failed)
		ret = interchange_no_memory(err);
	return ret < 0 ? ret : 1;
}

/*
 * The record just read is none. If it went over several lines, the
 * first one's quote is to blame and the others are read again.
 */
static int refuse_record(struct interchange *ic, struct csv_record *record, const char *reason, struct err *err)
{
	bool stray = record->open || record->nr_lines > 1;

	ic->src->line_no -= record->nr_lines - 1;
	record->held.at = record->second;
	return interchange_refuse_line(ic, stray ? "a quote that nothing closes" : reason, NULL, err);
}

/* The row of names: which key each column holds. */
static int take_csv_names(struct interchange *ic, const struct csv_record *record, enum field_key *columns,
	struct err *err)
{
	bool has_event = false;

	for (size_t i = 0; i < record->nr; i++) {
		const char *name = (const char *)record->text.data + record->cells[i].start;

		columns[i] = field_by_name(name, record->cells[i].len);
		has_event |= columns[i] == FIELD_EVENT;
		for (size_t j = 0; j < i; j++)
			if (columns[i] == columns[j] && columns[i] != NR_FIELDS)
				return err_set(err, ERR_TRACE, "%s:%" PRIu64 ": column \"%s\" is there twice",
					ic->src->name, ic->src->line_no, name);
		if (columns[i] == NR_FIELDS) {
			int ret = interchange_refuse_key(ic, name, record->cells[i].len, err);

			if (ret < 0)
				return ret;
		}
	}
	if (!has_event)
		return err_set(err, ERR_TRACE,
			"%s:%" PRIu64 ": neither JSON lines nor CSV of the text interchange: the row of "
			"names has no column \"event\"",
			ic->src->name, ic->src->line_no);
	return 0;
}

static int take_csv_row(struct interchange *ic, struct csv_record *record, const enum field_key *columns,
	size_t nr_columns, struct err *err)
{
	if (record->nr != nr_columns)
		return refuse_record(ic, record, "number of cells differs from the row of names", err);
	ic->fields.present = 0;
	for (size_t i = 0; i < record->nr; i++) {
		const char *text = (const char *)record->text.data + record->cells[i].start;
		bool quoted = record->cells[i].quoted;

		if (columns[i] == NR_FIELDS || (!record->cells[i].len && !quoted))
			continue;
		ic->fields.present |= 1ull << columns[i];
		ic->fields.field[columns[i]] =
			(struct field){ .type = FIELD_TYPE_TEXT, .text = text, .len = record->cells[i].len };
		if (columns[i] == FIELD_ID && !quoted && !strcmp(text, "null"))
			ic->fields.field[columns[i]].type = FIELD_TYPE_NULL;
	}
	return interchange_take_fields(ic, err);
}

/* A line that begins with #: the header of a printed trace, or a remark. */
static int take_csv_remark(struct interchange *ic, const char *line, struct err *err)
{
	const char *json = line + strspn(line, "# ");

	if (ic->with_header || ic->nr_events || *json != '{' || !header_recognise(json, strlen(json)))
		return 0;
	return interchange_take_header(ic, json, strlen(json), err);
}

static int read_rows(struct interchange *ic, struct csv_record *record, struct err *err)
{
	enum field_key columns[sizeof(record->cells) / sizeof(record->cells[0])];
	enum csv_answer answer;
	size_t nr_columns = 0;
	int ret;

	while ((ret = next_record(ic, record, &answer, err)) > 0) {
		if (answer == CSV_REMARK)
			ret = take_csv_remark(ic, record->remark, err);
		else if (answer != CSV_WHOLE && !nr_columns)
			ret = err_set(err, ERR_TRACE,
				"%s:%" PRIu64 ": neither JSON lines nor CSV of the text interchange", ic->src->name,
				ic->src->line_no);
		else if (answer != CSV_WHOLE)
			ret = refuse_record(ic, record, "not CSV: text behind a quoted cell", err);
		else if (record->nr == 1 && !record->cells[0].len)
			continue;
		else if (!nr_columns) {
			ret = take_csv_names(ic, record, columns, err);
			nr_columns = record->nr;
		} else {
			ret = take_csv_row(ic, record, columns, nr_columns, err);
		}
		if (ret < 0 || (ret = interchange_progress(ic, err)) < 0)
			return ret;
	}
	if (ret == 0 && !nr_columns)
		return err_set(err, ERR_TRACE, "%s: the file is empty", ic->src->name);
	return ret;
}

int interchange_csv(struct interchange *ic, struct err *err)
{
	struct csv_record *record = calloc(1, sizeof(*record));
	int ret = record ? read_rows(ic, record, err) : interchange_no_memory(err);

	if (record) {
		bytes_fini(&record->text);
		bytes_fini(&record->held.text);
	}
	free(record);
	return ret;
}

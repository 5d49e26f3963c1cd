#include "traces/print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "traces/bytes.h"
#include "traces/fields.h"
#include "traces/header.h"

/* Largest integer that JSON readers take as it is; larger ones are written as text. */
#define JSON_MAX INT64_MAX

static void put_text(struct bytes *out, const char *text)
{
	bytes_put(out, text, strlen(text));
}

static void put_number(struct bytes *out, uint64_t number, bool negative)
{
	char digits[24];
	char *p = digits + sizeof(digits);

	do {
		*--p = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	if (negative)
		*--p = '-';
	bytes_put(out, p, (size_t)(digits + sizeof(digits) - p));
}

/* Bytes that are no UTF-8 become '?': JSON cannot hold them. */
static void put_json_string(struct bytes *out, const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;

	bytes_put_u8(out, '"');
	for (size_t i = 0, n; i < len; i += n ? n : 1) {
		char escape[8];

		n = utf8_length(s + i, len - i);
		if (!n) {
			bytes_put_u8(out, '?');
		} else if (s[i] == '"' || s[i] == '\\') {
			bytes_put_u8(out, '\\');
			bytes_put_u8(out, s[i]);
		} else if (s[i] < 0x20) {
			snprintf(escape, sizeof(escape), "\\u%04x", s[i]);
			put_text(out, escape);
		} else {
			bytes_put(out, s + i, n);
		}
	}
	bytes_put_u8(out, '"');
}

static void put_json_value(struct bytes *out, const struct field *v)
{
	switch (v->type) {
	case FIELD_TYPE_NUMBER:
		if (v->number > JSON_MAX)
			bytes_put_u8(out, '"');
		put_number(out, v->number, v->negative);
		if (v->number > JSON_MAX)
			bytes_put_u8(out, '"');
		break;
	case FIELD_TYPE_BOOL:
		put_text(out, v->number ? "true" : "false");
		break;
	case FIELD_TYPE_TEXT:
		put_json_string(out, v->text, v->len);
		break;
	default:
		put_text(out, "null");
	}
}

static void put_jsonl(struct bytes *out, const struct fields *f)
{
	bool first = true;

	for (uint64_t left = f->present; left; left &= left - 1) {
		unsigned int key = (unsigned int)__builtin_ctzll(left);

		put_text(out, first ? "{\"" : ",\"");
		put_text(out, field_name[key]);
		put_text(out, "\":");
		put_json_value(out, &f->field[key]);
		first = false;
	}
	put_text(out, "}\n");
}

/*
 * RFC 4180: quotes where the cell holds a comma, a quote or a line
 * break. An empty text is "", unlike a key that is not there.
 */
static void put_csv_text(struct bytes *out, const char *text, size_t len)
{
	if (len && !strpbrk(text, ",\"\r\n") && text[0] != ' ' && text[0] != '#') {
		bytes_put(out, text, len);
		return;
	}
	bytes_put_u8(out, '"');
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"')
			bytes_put_u8(out, '"');
		bytes_put_u8(out, (uint8_t)text[i]);
	}
	bytes_put_u8(out, '"');
}

static void put_csv_value(struct bytes *out, const struct field *v)
{
	switch (v->type) {
	case FIELD_TYPE_NUMBER:
		put_number(out, v->number, v->negative);
		break;
	case FIELD_TYPE_BOOL:
		put_text(out, v->number ? "true" : "false");
		break;
	case FIELD_TYPE_TEXT:
		put_csv_text(out, v->text, v->len);
		break;
	default:
		put_text(out, "null");
	}
}

static void put_csv(struct bytes *out, const struct fields *f)
{
	for (unsigned int key = 0; key < NR_FIELDS; key++) {
		if (key)
			bytes_put_u8(out, ',');
		if (fields_have(f, (enum field_key)key))
			put_csv_value(out, &f->field[key]);
	}
	bytes_put_u8(out, '\n');
}

/* Control characters would disturb a terminal. */
static void put_plain(struct bytes *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes_put_u8(out, (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : (uint8_t)text[i]);
}

static void put_people(struct bytes *out, const struct fields *f, const struct trace_who *who, const char *comm)
{
	/* These have columns of their own. */
	static const uint64_t shown = 1ull << FIELD_TIME_NS | 1ull << FIELD_CPU | 1ull << FIELD_PID |
		1ull << FIELD_COMM | 1ull << FIELD_EVENT | 1ull << FIELD_ADOPTED;
	char head[256];
	uint64_t time = fields_have(f, FIELD_TIME_NS) ? f->field[FIELD_TIME_NS].number : 0;

	if (fields_have(f, FIELD_TIME_NS))
		snprintf(head, sizeof(head), "%8" PRIu64 ".%09" PRIu64, time / 1000000000u, time % 1000000000u);
	else
		snprintf(head, sizeof(head), "%18s", "before");
	put_text(out, head);
	snprintf(head, sizeof(head), "  cpu %-3u %6d ", who->cpu, who->pid);
	put_text(out, head);
	snprintf(head, sizeof(head), "%-16.64s %-18s", comm, f->field[FIELD_EVENT].text);
	put_plain(out, head, strlen(head));
	for (uint64_t left = f->present & ~shown; left; left &= left - 1) {
		unsigned int key = (unsigned int)__builtin_ctzll(left);
		const struct field *v = &f->field[key];

		bytes_put_u8(out, ' ');
		put_text(out, field_name[key]);
		if (v->type == FIELD_TYPE_BOOL)
			continue;
		bytes_put_u8(out, '=');
		if (v->type == FIELD_TYPE_TEXT)
			put_plain(out, v->text, v->len);
		else
			put_csv_value(out, v);
	}
	bytes_put_u8(out, '\n');
}

static int put_head(struct bytes *out, const struct trace_reader *r, enum print_format format)
{
	char *json = header_format(trace_meta(r), NULL);

	if (!json)
		return -1;
	if (format == PRINT_JSONL) {
		put_text(out, json);
		put_text(out, "\n");
	} else if (format == PRINT_CSV) {
		put_text(out, "# ");
		put_text(out, json);
		put_text(out, "\n");
		for (unsigned int key = 0; key < NR_FIELDS; key++) {
			put_text(out, key ? "," : "");
			put_text(out, field_name[key]);
		}
		put_text(out, "\n");
	}
	free(json);
	return 0;
}

static void put_batch(struct bytes *out, const struct trace_batch *b, const struct trace_tables *tables,
	const struct print_options *options, struct fields *f, FILE *file)
{
	for (uint32_t i = 0; i < b->nr; i++) {
		const struct trace_who *who = &tables->whos[b->who[i]];
		struct event_view e = {
			.time_ns = b->time_ns[i],
			.op = b->op[i],
			.slot = b->slot[i],
			.who = b->who[i],
			.value = b->value ? b->value[i] : 0,
			.prologue = b->prologue,
			.has_recorded = options->recorded && b->where,
		};

		if (e.has_recorded)
			e.recorded = (struct trace_recorded){
				.where = b->where[i],
				.entry = b->entry ? b->entry[i] : 0,
				.moved = b->moved ? b->moved[i] : 0,
				.ctx = b->ctx[i],
			};
		fields_of_event(f, &e, tables);
		out->len = 0;
		if (options->format == PRINT_JSONL)
			put_jsonl(out, f);
		else if (options->format == PRINT_CSV)
			put_csv(out, f);
		else
			put_people(out, f, who, tables->strings[who->comm]);
		fwrite(out->data, 1, out->len, file);
	}
}

int trace_print(struct trace_reader *r, const struct print_options *options, FILE *out, struct err *err)
{
	struct fields *f = malloc(sizeof(*f));
	struct bytes line = { 0 };
	struct trace_batch batch;
	int ret = 1;

	if (!f || put_head(&line, r, options->format) < 0) {
		free(f);
		return err_set(err, ERR_NOMEM, "no memory to print");
	}
	if (line.len)
		fwrite(line.data, 1, line.len, out);
	while (ret > 0 && !ferror(out)) {
		ret = trace_next(r, &batch, err);
		if (ret > 0 && !(batch.prologue && options->events_only))
			put_batch(&line, &batch, trace_tables(r), options, f, out);
	}
	if (ret >= 0 && line.failed)
		ret = err_set(err, ERR_NOMEM, "no memory to print");
	if (ret >= 0 && ferror(out))
		ret = err_errno(err, "cannot write");
	bytes_fini(&line);
	free(f);
	return ret < 0 ? ret : 0;
}

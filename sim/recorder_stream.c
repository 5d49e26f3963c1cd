#include "sim/recorder_stream.h"

#include <stdlib.h>
#include <string.h>

#include "sim/recorder_wire.h"

/* Large enough for any of them, aligned for all. */
union any_record {
	struct record_run run;
	struct fail_message fail_message;
	struct row_message row_message;
#define X(id, name, type) struct type name;
	CALLS(X)
#undef X
};

/* A frame being read. What is not there reads as 0, and bad is set. */
struct frame {
	enum call call;
	const char *at, *end;
	bool bad;
};

static void get(struct frame *f, void *to, size_t len)
{
	if ((size_t)(f->end - f->at) < len) {
		f->bad = true;
		memset(to, 0, len);
		return;
	}
	memcpy(to, f->at, len);
	f->at += len;
}

static const char *get_text(struct frame *f)
{
	const char *text;
	uint32_t len;

	get(f, &len, sizeof(len));
	if (!len)
		return NULL;
	text = f->at;
	if ((size_t)(f->end - f->at) < len || text[len - 1] || memchr(text, 0, len - 1)) {
		f->bad = true;
		return NULL;
	}
	f->at += len;
	return text;
}

static const struct hist *get_hist(struct frame *f, struct hist *hist)
{
	uint32_t i;

	memset(hist, 0, sizeof(*hist));
	get(f, hist, offsetof(struct hist, buckets));
	for (get(f, &i, sizeof(i)); !f->bad && i < HIST_BUCKETS; get(f, &i, sizeof(i)))
		get(f, &hist->buckets[i], sizeof(hist->buckets[i]));
	f->bad |= i > HIST_BUCKETS;
	return hist;
}

static void get_members(struct frame *f, union any_record *record, struct hist *hist)
{
	memset(record, 0, sizeof(*record));
	for (size_t i = 0; i < wire_layouts[f->call].nr && !f->bad; i++) {
		const struct member *m = &wire_layouts[f->call].members[i];
		char *at = (char *)record + m->offset;
		const char *text;

		switch (m->kind) {
		case MEMBER_8:
			get(f, at, 1);
			*at = *at != 0; /* nothing else is a bool */
			break;
		case MEMBER_32:
			get(f, at, 4);
			break;
		case MEMBER_64:
			get(f, at, 8);
			break;
		case MEMBER_TEXT:
			text = get_text(f);
			memcpy(at, &text, sizeof(text));
			break;
		case MEMBER_HIST:
			hist = (struct hist *)get_hist(f, hist);
			memcpy(at, &hist, sizeof(hist));
			break;
		}
	}
}

/* The next frame of a stream, *at moves behind it. Return: false when there is no whole one. */
static bool next_frame(const char **at, const char *end, struct frame *f)
{
	uint32_t len;
	uint8_t call;

	if (end - *at < (ptrdiff_t)(sizeof(len) + 1))
		return false;
	memcpy(&len, *at, sizeof(len));
	if (!len || len > (size_t)(end - *at) - sizeof(len))
		return false;
	*f = (struct frame){ .at = *at + sizeof(len) + 1, .end = *at + sizeof(len) + len };
	memcpy(&call, f->at - 1, 1);
	f->call = (enum call)call;
	*at = f->end;
	return call < NR_CALLS;
}

bool recorder_stream_over(const void *stream, size_t len, size_t *walked)
{
	const char *at = (const char *)stream + *walked, *end = (const char *)stream + len;
	struct frame f;

	while (next_frame(&at, end, &f)) {
		if (f.call == CALL_OVER)
			return true;
		*walked = (size_t)(at - (const char *)stream);
	}
	return false;
}

static void look_at(struct recorder_stream *look, enum call call, const union any_record *record)
{
	switch (call) {
	case CALL_BEGIN:
		look->page_size = record->run.page_size;
		break;
	case CALL_ZONE:
		reserve_look(&look->reserve, record->zone.zone, record->zone.low_pages, record->zone.managed_pages);
		break;
	case CALL_FAIL:
		look->failure = record->fail_message.text;
		break;
	default:
		look->end = record->end;
	}
}

void recorder_stream_look(const void *stream, size_t len, struct recorder_stream *look)
{
	const char *at = stream, *end = at + len;
	union any_record record;
	struct frame f;

	*look = (struct recorder_stream){ 0 };
	while (!look->complete && !look->failure && next_frame(&at, end, &f)) {
		if (f.call != CALL_BEGIN && f.call != CALL_ZONE && f.call != CALL_END && f.call != CALL_FAIL)
			continue;
		get_members(&f, &record, NULL);
		if (f.bad)
			return;
		look_at(look, f.call, &record);
		look->complete = f.call == CALL_END && at == end;
	}
}

static int play_begin(struct frame *f, struct record_run *run, struct recorder *to, struct err *err)
{
	const char *keys[MAX_PARAMS], *values[MAX_PARAMS];
	uint32_t nr;

	get(f, &nr, sizeof(nr));
	for (uint32_t i = 0; i < nr && i < MAX_PARAMS && !f->bad; i++) {
		keys[i] = get_text(f);
		values[i] = get_text(f);
		f->bad |= !keys[i] || !values[i];
	}
	if (f->bad || nr > MAX_PARAMS)
		return err_set(err, ERR_RESULTS, "a stream of results is malformed");
	run->param_keys = keys;
	run->param_values = values;
	run->nr_params = nr;
	return to->ops->begin(to, run, err);
}

static int play_row(struct frame *f, uint32_t table, struct recorder *to, struct err *err)
{
	struct record_value values[RECORD_MAX_VALUES];
	struct record_row row = { .table = (enum record_table)table, .values = values };
	uint8_t type;

	get(f, &row.nr_values, sizeof(row.nr_values));
	f->bad |= table >= NR_RECORD_TABLES || row.nr_values > RECORD_MAX_VALUES;
	for (uint32_t i = 0; i < row.nr_values && !f->bad; i++) {
		get(f, &type, 1);
		if (type == RECORD_TEXT)
			values[i] = RECORD_T(get_text(f));
		else
			values[i].type = RECORD_NUMBER, get(f, &values[i].number, sizeof(values[i].number));
	}
	if (f->bad)
		return err_set(err, ERR_RESULTS, "a stream of results is malformed");
	return to->ops->row(to, &row, err);
}

static int play_frame(struct frame *f, struct hist *hist, struct recorder *to, struct err *err)
{
	union any_record record;

	get_members(f, &record, hist);
	if (f->bad || f->call == CALL_FAIL || f->call == CALL_OVER)
		return err_set(err, ERR_RESULTS, "a stream of results is malformed");
	switch (f->call) {
#define X(id, name, type)       \
	case CALL_##id:         \
		return to->ops->name(to, &record.name, err);
	CALLS(X)
#undef X
	case CALL_ROW:
		return play_row(f, record.row_message.table, to, err);
	default:
		return play_begin(f, &record.run, to, err);
	}
}

int recorder_stream_play(const void *stream, size_t len, struct recorder *to, struct err *err)
{
	const char *at = stream, *end = at + len;
	struct hist *hist = malloc(sizeof(*hist));
	struct frame f;
	int ret = 0;

	if (!hist)
		return err_set(err, ERR_NOMEM, "no memory to take the results");
	while (ret == 0 && next_frame(&at, end, &f))
		ret = play_frame(&f, hist, to, err);
	if (ret == 0 && at != end)
		ret = err_set(err, ERR_RESULTS, "a stream of results is malformed");
	free(hist);
	return ret;
}

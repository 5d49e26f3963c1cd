#include "sim/recorder_pipe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/recorder_wire.h"

#define BUFFER_BYTES (64u << 10)

struct recorder_pipe {
	struct recorder rec;       /* first: what the engine holds */
	int fd;                    /* borrowed */
	char *buf;                 /* owned */
	size_t used, cap;          /* bytes not yet sent; the frame being made is at their end */
	size_t frame;              /* where it begins */
	bool no_memory;
	bool thin;                 /* recorder_pipe_thin() */
	bool at_end;               /* the last sample was the one at the end */
};

static void put(struct recorder_pipe *p, const void *bytes, size_t len)
{
	if (p->used + len > p->cap) {
		size_t cap = 2 * p->cap + len;
		char *buf = realloc(p->buf, cap);

		if (!buf) {
			p->no_memory = true;
			return;
		}
		p->buf = buf;
		p->cap = cap;
	}
	memcpy(p->buf + p->used, bytes, len);
	p->used += len;
}

static void put_text(struct recorder_pipe *p, const char *text)
{
	uint32_t len = text ? (uint32_t)strlen(text) + 1 : 0;

	put(p, &len, sizeof(len));
	if (text)
		put(p, text, len);
}

/* Buckets that hold something, each with its number; HIST_BUCKETS ends them. */
static void put_hist(struct recorder_pipe *p, const struct hist *hist)
{
	put(p, hist, offsetof(struct hist, buckets));
	for (uint32_t i = 0; i <= HIST_BUCKETS; i++) {
		if (i < HIST_BUCKETS && !hist->buckets[i])
			continue;
		put(p, &i, sizeof(i));
		if (i < HIST_BUCKETS)
			put(p, &hist->buckets[i], sizeof(hist->buckets[i]));
	}
}

static void put_members(struct recorder_pipe *p, enum call call, const void *record)
{
	for (size_t i = 0; i < wire_layouts[call].nr; i++) {
		const struct member *m = &wire_layouts[call].members[i];
		const char *at = (const char *)record + m->offset;
		const char *text;
		const struct hist *hist;

		switch (m->kind) {
		case MEMBER_8:
			put(p, at, 1);
			break;
		case MEMBER_32:
			put(p, at, 4);
			break;
		case MEMBER_64:
			put(p, at, 8);
			break;
		case MEMBER_TEXT:
			memcpy(&text, at, sizeof(text));
			put_text(p, text);
			break;
		case MEMBER_HIST:
			memcpy(&hist, at, sizeof(hist));
			put_hist(p, hist);
			break;
		}
	}
}

static int flush(struct recorder_pipe *p, struct err *err)
{
	for (size_t done = 0; done < p->used;) {
		ssize_t sent = write(p->fd, p->buf + done, p->used - done);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return err_errno(err, "cannot hand the results on");
		done += (size_t)sent;
	}
	p->used = 0;
	return 0;
}

static void start_frame(struct recorder_pipe *p, enum call call)
{
	const uint32_t later = 0;
	const uint8_t id = (uint8_t)call;

	p->frame = p->used;
	put(p, &later, sizeof(later));
	put(p, &id, 1);
}

static int end_frame(struct recorder_pipe *p, bool send, struct err *err)
{
	uint32_t len;

	if (p->no_memory)
		return err_set(err, ERR_NOMEM, "no memory to hand the results on");
	len = (uint32_t)(p->used - p->frame - sizeof(len));
	memcpy(p->buf + p->frame, &len, sizeof(len));
	return send || p->used >= BUFFER_BYTES ? flush(p, err) : 0;
}

static int send_call(struct recorder *rec, enum call call, const void *record, struct err *err)
{
	struct recorder_pipe *p = (struct recorder_pipe *)rec;
	struct record_op op;

	if (p->thin && call == CALL_OP) {
		op = *(const struct record_op *)record;
		op.coarse = true;
		record = &op;
	}
	if (p->thin && (call == CALL_CALL_SITE || (call == CALL_CACHE && !p->at_end)))
		return 0;
	if (call == CALL_SAMPLE)
		p->at_end = !strcmp(((const struct record_sample *)record)->reason, "end");
	start_frame(p, call);
	put_members(p, call, record);
	return end_frame(p, call == CALL_END || call == CALL_FAIL, err);
}

#define X(id, name, type)                                                                           \
	static int send_##name(struct recorder *rec, const struct type *record, struct err *err) \
	{                                                                                        \
		return send_call(rec, CALL_##id, record, err);                                   \
	}
CALLS(X)
#undef X

static int send_begin(struct recorder *rec, const struct record_run *run, struct err *err)
{
	struct recorder_pipe *p = (struct recorder_pipe *)rec;
	uint32_t nr = (uint32_t)run->nr_params;

	start_frame(p, CALL_BEGIN);
	put_members(p, CALL_BEGIN, run);
	put(p, &nr, sizeof(nr));
	for (uint32_t i = 0; i < nr; i++) {
		put_text(p, run->param_keys[i]);
		put_text(p, run->param_values[i]);
	}
	return end_frame(p, false, err);
}

/* Lists of what there is in a moment, item by item; how much it is together is in other tables. */
static bool is_list(enum record_table table)
{
	return table == RECORD_VMAP_AREAS || table == RECORD_RESOURCES || table == RECORD_PERCPU_CHUNKS;
}

static int send_row(struct recorder *rec, const struct record_row *row, struct err *err)
{
	struct recorder_pipe *p = (struct recorder_pipe *)rec;

	if (p->thin && !p->at_end && is_list(row->table))
		return 0;
	start_frame(p, CALL_ROW);
	put_members(p, CALL_ROW, &(struct row_message){ row->table });
	put(p, &row->nr_values, sizeof(row->nr_values));
	for (uint32_t i = 0; i < row->nr_values; i++) {
		const uint8_t type = (uint8_t)row->values[i].type;

		put(p, &type, 1);
		if (type == RECORD_TEXT)
			put_text(p, row->values[i].text);
		else
			put(p, &row->values[i].number, sizeof(row->values[i].number));
	}
	return end_frame(p, false, err);
}

static void pipe_close(struct recorder *rec)
{
	struct recorder_pipe *p = (struct recorder_pipe *)rec;

	free(p->buf);
	free(p);
}

static const struct recorder_ops pipe_ops = {
	.begin = send_begin,
	.row = send_row,
#define X(id, name, type) .name = send_##name,
	CALLS(X)
#undef X
	.close = pipe_close,
};

int recorder_pipe_open(struct recorder **out, int fd, struct err *err)
{
	struct recorder_pipe *p = calloc(1, sizeof(*p));

	if (!p || !(p->buf = malloc(2 * BUFFER_BYTES))) {
		free(p);
		return err_set(err, ERR_NOMEM, "no memory to hand the results on");
	}
	p->rec.ops = &pipe_ops;
	p->fd = fd;
	p->cap = 2 * BUFFER_BYTES;
	*out = &p->rec;
	return 0;
}

void recorder_pipe_thin(struct recorder *rec)
{
	((struct recorder_pipe *)rec)->thin = true;
}

int recorder_pipe_fail(struct recorder *rec, const struct err *why, struct err *err)
{
	struct fail_message message = { why->text };

	return send_call(rec, CALL_FAIL, &message, err);
}

int recorder_pipe_over(struct recorder *rec, struct err *err)
{
	struct recorder_pipe *p = (struct recorder_pipe *)rec;

	start_frame(p, CALL_OVER);
	return end_frame(p, true, err);
}

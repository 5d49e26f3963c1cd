#include "sim/recorder_pipe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES (64u << 10)
#define MAX_PARAMS 4096

/* The calls, each with its struct; begin() and row() have lists and are treated by themselves. */
#define CALLS(X)                            \
	X(SAMPLE, sample, record_sample)            \
	X(ZONE, zone, record_zone)                  \
	X(FREE_BLOCKS, free_blocks, record_free_blocks) \
	X(PAGEBLOCKS, pageblocks, record_pageblocks) \
	X(FRAG, frag, record_frag)                  \
	X(CACHE, cache, record_cache)               \
	X(OP, op, record_op)                        \
	X(EXTFRAG, extfrag, record_extfrag)         \
	X(CALL_SITE, call_site, record_call_site)   \
	X(VIOLATION, violation, record_violation)   \
	X(COUNTER, counter, record_counter)         \
	X(VERIFY_CHECK, verify_check, record_verify_check) \
	X(VERIFY_ZONE, verify_zone, record_verify_zone) \
	X(VERIFY_CACHE, verify_cache, record_verify_cache) \
	X(END, end, record_end)

enum call {
	CALL_BEGIN,
#define X(id, name, type) CALL_##id,
	CALLS(X)
#undef X
	CALL_ROW,
	CALL_FAIL, /* not of a recorder: recorder_pipe_fail() */
	CALL_OVER, /* nor this: recorder_pipe_over() */
	NR_CALLS
};

/* How members are sent: numbers in their own size; a text as its length + 1 (0 = NULL), bytes and a terminating 0. */
enum member_kind { MEMBER_8, MEMBER_32, MEMBER_64, MEMBER_TEXT, MEMBER_HIST };

struct member {
	uint32_t offset;
	enum member_kind kind;
};

/* Fails to compile for a type that is not known here. */
#define KIND(x) \
	_Generic((x), bool: MEMBER_8, int: MEMBER_32, uint32_t: MEMBER_32, uint64_t: MEMBER_64, int64_t: MEMBER_64, \
		const char *: MEMBER_TEXT, const struct hist *: MEMBER_HIST)
#define M(type, name) { offsetof(struct type, name), KIND(((struct type *)0)->name) }

#define MAX_MEMBERS 24

static const struct member run_members[] = {
	M(record_run, trace), M(record_run, trace_sha256), M(record_run, machine), M(record_run, config_yaml),
	M(record_run, config_hash), M(record_run, kernel), M(record_run, pace), M(record_run, cpu_map),
	M(record_run, layer), M(record_run, initial), M(record_run, part), M(record_run, sampling),
	M(record_run, seed), M(record_run, lost), M(record_run, page_size), M(record_run, max_order),
	M(record_run, pageblock_order), M(record_run, cma),
};
static const struct member sample_members[] = {
	M(record_sample, time_ns), M(record_sample, event_no), M(record_sample, reason), M(record_sample, marker),
	M(record_sample, free_bytes), M(record_sample, pcp_bytes), M(record_sample, slab_bytes),
	M(record_sample, kmalloc_large_bytes), M(record_sample, page_bytes), M(record_sample, vmalloc_bytes),
	M(record_sample, percpu_bytes), M(record_sample, slab_waste_bytes), M(record_sample, kmalloc_waste_bytes),
	M(record_sample, live_objects),
};
static const struct member zone_members[] = {
	M(record_zone, node), M(record_zone, zone), M(record_zone, start_pfn), M(record_zone, spanned_pages),
	M(record_zone, present_pages), M(record_zone, managed_pages), M(record_zone, free_pages), M(record_zone, pcp_pages),
	M(record_zone, min_pages), M(record_zone, low_pages), M(record_zone, high_pages), M(record_zone, boost_pages),
	M(record_zone, highatomic_pages), M(record_zone, max_order),
};
static const struct member free_blocks_members[] = {
	M(record_free_blocks, node), M(record_free_blocks, zone), M(record_free_blocks, migratetype),
	M(record_free_blocks, order), M(record_free_blocks, blocks),
};
static const struct member pageblocks_members[] = {
	M(record_pageblocks, node), M(record_pageblocks, zone), M(record_pageblocks, migratetype),
	M(record_pageblocks, pageblocks),
};
static const struct member frag_members[] = {
	M(record_frag, node), M(record_frag, zone), M(record_frag, order), M(record_frag, unusable_milli),
	M(record_frag, frag_milli),
};
static const struct member cache_members[] = {
	M(record_cache, cache), M(record_cache, object_size), M(record_cache, size), M(record_cache, align),
	M(record_cache, objs_per_slab), M(record_cache, order), M(record_cache, min_partial), M(record_cache, cpu_partial),
	M(record_cache, active_objs), M(record_cache, total_objs), M(record_cache, live_objs), M(record_cache, slabs),
	M(record_cache, slab_pages), M(record_cache, partial), M(record_cache, cpu_slabs), M(record_cache, aliases),
	M(record_cache, waste_bytes), M(record_cache, allocs), M(record_cache, frees), M(record_cache, grown),
	M(record_cache, discarded), M(record_cache, array_limit), M(record_cache, batchcount),
	M(record_cache, shared_factor), M(record_cache, active_slabs), M(record_cache, shared_avail),
};
static const struct member op_members[] = {
	M(record_op, op), M(record_op, count), M(record_op, failed), M(record_op, bytes_req), M(record_op, bytes_alloc),
	M(record_op, sleeps), M(record_op, latency), M(record_op, coarse),
};
static const struct member extfrag_members[] = {
	M(record_extfrag, from_migratetype), M(record_extfrag, to_migratetype), M(record_extfrag, alloc_order),
	M(record_extfrag, fallback_order), M(record_extfrag, count), M(record_extfrag, pageblock_changes),
};
static const struct member call_site_members[] = {
	M(record_call_site, call_site), M(record_call_site, op), M(record_call_site, count), M(record_call_site, failed),
	M(record_call_site, bytes_req), M(record_call_site, bytes_alloc), M(record_call_site, live),
	M(record_call_site, live_bytes), M(record_call_site, lifetime_mean_ns), M(record_call_site, lat_mean_ns),
	M(record_call_site, lat_max_ns),
};
static const struct member violation_members[] = {
	M(record_violation, time_ns), M(record_violation, cpu), M(record_violation, rule), M(record_violation, severity),
	M(record_violation, event_no), M(record_violation, call_site), M(record_violation, text),
};
static const struct member counter_members[] = {
	M(record_counter, mechanism), M(record_counter, name), M(record_counter, unit), M(record_counter, value),
};
static const struct member verify_check_members[] = {
	M(record_verify_check, check), M(record_verify_check, checked), M(record_verify_check, equal),
	M(record_verify_check, differs), M(record_verify_check, first_event_no), M(record_verify_check, first_time_ns),
	M(record_verify_check, kernel), M(record_verify_check, model),
};
static const struct member verify_zone_members[] = {
	M(record_verify_zone, snapshot), M(record_verify_zone, node), M(record_verify_zone, zone), M(record_verify_zone, order),
	M(record_verify_zone, free_pages), M(record_verify_zone, free_pages_real), M(record_verify_zone, managed_pages),
	M(record_verify_zone, blocks), M(record_verify_zone, blocks_real),
};
static const struct member verify_cache_members[] = {
	M(record_verify_cache, snapshot), M(record_verify_cache, cache), M(record_verify_cache, slabs),
	M(record_verify_cache, slabs_real), M(record_verify_cache, objects), M(record_verify_cache, objects_real),
};
static const struct member end_members[] = {
	M(record_end, status), M(record_end, error), M(record_end, events), M(record_end, sim_ns), M(record_end, wall_ns),
	M(record_end, fingerprint),
};
struct fail_message {
	const char *text;
};
struct row_message {
	uint32_t table;
};
static const struct member row_members[] = { M(row_message, table) };
static const struct member fail_members[] = { M(fail_message, text) };

static const struct layout {
	const struct member *members;
	size_t nr;
} layouts[NR_CALLS] = {
#define LAYOUT(name) { name##_members, sizeof(name##_members) / sizeof(name##_members[0]) }
#define X(id, name, type) [CALL_##id] = LAYOUT(name),
	CALLS(X)
#undef X
	[CALL_BEGIN] = LAYOUT(run),
	[CALL_ROW] = LAYOUT(row),
	[CALL_FAIL] = LAYOUT(fail),
};

/* Large enough for any of them, aligned for all. */
union any_record {
	struct record_run run;
	struct fail_message fail_message;
	struct row_message row_message;
#define X(id, name, type) struct type name;
	CALLS(X)
#undef X
};

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
	for (size_t i = 0; i < layouts[call].nr; i++) {
		const struct member *m = &layouts[call].members[i];
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
	const char *text = f->at;
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
	for (size_t i = 0; i < layouts[f->call].nr && !f->bad; i++) {
		const struct member *m = &layouts[f->call].members[i];
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

void recorder_stream_look(const void *stream, size_t len, struct recorder_stream *look)
{
	const char *at = stream, *end = at + len;
	union any_record record;
	struct frame f;

	*look = (struct recorder_stream){ 0 };
	while (!look->complete && !look->failure && next_frame(&at, end, &f)) {
		if (f.call != CALL_END && f.call != CALL_FAIL)
			continue;
		get_members(&f, &record, NULL);
		if (f.bad)
			return;
		if (f.call == CALL_FAIL)
			look->failure = record.fail_message.text;
		else
			look->end = record.end;
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

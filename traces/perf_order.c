#include "traces/perf_order.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "traces/spool.h"

#define KEYS_AT_FIRST 4096u
#define RUN_BUFFER    4096u  /* keys of a run in memory while runs are merged */

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory to sort the recording");
}

static bool is_before(const struct perf_key *a, const struct perf_key *b)
{
	return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->at < b->at;
}

/* Where the ascending stretch that begins at @from ends. */
static uint32_t end_of_stretch(const struct perf_key *keys, uint32_t from, uint32_t nr)
{
	uint32_t end = from + 1;

	while (end < nr && is_before(&keys[end - 1], &keys[end]))
		end++;
	return end;
}

/* Merges the stretches [from, middle) and [middle, end) of @in into @out. */
static void merge(const struct perf_key *in, uint32_t from, uint32_t middle, uint32_t end, struct perf_key *out)
{
	uint32_t a = from, b = middle;

	for (uint32_t i = from; i < end; i++)
		out[i] = a < middle && (b == end || is_before(&in[a], &in[b])) ? in[a++] : in[b++];
}

/* Merge sort by the stretches that are in order already: what one CPU wrote at a time is one. */
static int sort_keys(struct perf_order *o, struct err *err)
{
	struct perf_key *other = malloc((o->nr + 1) * sizeof(*other));

	if (!other)
		return no_memory(err);
	while (o->nr && end_of_stretch(o->keys, 0, o->nr) < o->nr) {
		struct perf_key *merged = other;
		uint32_t at = 0;

		while (at < o->nr) {
			uint32_t middle = end_of_stretch(o->keys, at, o->nr);
			uint32_t end = middle < o->nr ? end_of_stretch(o->keys, middle, o->nr) : middle;

			merge(o->keys, at, middle, end, merged);
			at = end;
		}
		other = o->keys;
		o->keys = merged;
		o->allocated = o->nr;
	}
	free(other);
	return 0;
}

void perf_order_init(struct perf_order *o, const char *beside, uint32_t keys_at_once)
{
	*o = (struct perf_order){ .fd = -1, .beside = beside, .cap = keys_at_once };
}

/* The full run goes to the temporary file, behind the others. */
static int end_run(struct perf_order *o, struct err *err)
{
	uint64_t start = o->nr_runs ? o->runs[o->nr_runs - 1].end : 0;
	struct perf_run *runs = realloc(o->runs, (o->nr_runs + 1) * sizeof(*runs));

	if (!runs)
		return no_memory(err);
	o->runs = runs;
	if (o->fd < 0) {
		o->fd = spool_open(o->beside, err);
		if (o->fd < 0)
			return o->fd;
	}
	if (sort_keys(o, err) < 0)
		return -(int)err->code;
	o->runs[o->nr_runs++] = (struct perf_run){ .next = start, .end = start + o->nr };
	o->nr = 0;
	return spool_write(o->fd, o->keys, (o->runs[o->nr_runs - 1].end - start) * sizeof(*o->keys), "a temporary file",
		err);
}

static int grow(struct perf_order *o, struct err *err)
{
	uint32_t cap = o->allocated ? o->allocated * 2 : KEYS_AT_FIRST;
	struct perf_key *keys;

	if (cap > o->cap)
		cap = o->cap;
	keys = realloc(o->keys, cap * sizeof(*keys));
	if (!keys)
		return no_memory(err);
	o->keys = keys;
	o->allocated = cap;
	return 0;
}

int perf_order_add(struct perf_order *o, uint64_t time_ns, uint64_t at, struct err *err)
{
	int code = 0;

	if (o->nr == o->cap)
		code = end_run(o, err);
	if (code == 0 && o->nr == o->allocated)
		code = grow(o, err);
	if (code < 0)
		return code;
	o->keys[o->nr++] = (struct perf_key){ time_ns, at };
	return 0;
}

/* Return: 1 when the run has a key, 0 at its end. */
static int fill_run(struct perf_order *o, struct perf_run *run, struct err *err)
{
	size_t len = run->end - run->next < RUN_BUFFER ? run->end - run->next : RUN_BUFFER;
	size_t bytes = len * sizeof(*run->keys), got = 0;

	while (got < bytes) {
		ssize_t n = pread(o->fd, (char *)run->keys + got, bytes - got,
			(off_t)(run->next * sizeof(*run->keys) + got));

		if (n == 0)
			return err_set(err, ERR_IO, "a temporary file was cut off");
		if (n < 0 && errno != EINTR)
			return err_errno(err, "cannot read a temporary file");
		got += n > 0 ? (size_t)n : 0;
	}
	run->next += len;
	run->pos = 0;
	run->nr = (uint32_t)len;
	return len > 0;
}

static const struct perf_key *first_of(const struct perf_order *o, uint32_t at)
{
	const struct perf_run *run = &o->runs[o->heap[at]];

	return &run->keys[run->pos];
}

static void sift_down(struct perf_order *o, uint32_t at)
{
	for (;;) {
		uint32_t child = 2 * at + 1, run = o->heap[at];

		if (child >= o->nr_heap)
			return;
		if (child + 1 < o->nr_heap && is_before(first_of(o, child + 1), first_of(o, child)))
			child++;
		if (is_before(first_of(o, at), first_of(o, child)))
			return;
		o->heap[at] = o->heap[child];
		o->heap[child] = run;
		at = child;
	}
}

static int start_merge(struct perf_order *o, struct err *err)
{
	o->heap = malloc(o->nr_runs * sizeof(*o->heap));
	if (!o->heap)
		return no_memory(err);
	for (uint32_t i = 0; i < o->nr_runs; i++) {
		int code;

		o->runs[i].keys = malloc(RUN_BUFFER * sizeof(*o->runs[i].keys));
		if (!o->runs[i].keys)
			return no_memory(err);
		code = fill_run(o, &o->runs[i], err);
		if (code < 0)
			return code;
		o->heap[o->nr_heap++] = i;
	}
	for (uint32_t i = o->nr_heap / 2; i-- > 0;)
		sift_down(o, i);
	return 0;
}

int perf_order_sort(struct perf_order *o, struct err *err)
{
	int code;

	if (!o->nr_runs)
		return sort_keys(o, err);
	code = o->nr ? end_run(o, err) : 0;
	free(o->keys);
	o->keys = NULL;
	return code < 0 ? code : start_merge(o, err);
}

int perf_order_next(struct perf_order *o, struct perf_key *key, struct err *err)
{
	struct perf_run *run;

	if (!o->nr_runs) {
		if (o->pos == o->nr)
			return 0;
		*key = o->keys[o->pos++];
		return 1;
	}
	if (!o->nr_heap)
		return 0;
	run = &o->runs[o->heap[0]];
	*key = run->keys[run->pos++];
	if (run->pos == run->nr) {
		int code = fill_run(o, run, err);

		if (code < 0)
			return code;
		if (!code)
			o->heap[0] = o->heap[--o->nr_heap];
	}
	sift_down(o, 0);
	return 1;
}

void perf_order_fini(struct perf_order *o)
{
	for (uint32_t i = 0; i < o->nr_runs; i++)
		free(o->runs[i].keys);
	if (o->fd >= 0)
		close(o->fd);
	free(o->runs);
	free(o->heap);
	free(o->keys);
	*o = (struct perf_order){ .fd = -1 };
}

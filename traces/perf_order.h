/*
 * perf_order: the records of a perf.data in order of time. The CPUs' buffers were written out one after the other,
 * so that the file holds them out of order. Sorts what tells where a record lies, in runs that wait in a temporary
 * file when there is more than one, so that memory does not grow with the recording.
 */
#ifndef KMEMSIM_TRACES_PERF_ORDER_H
#define KMEMSIM_TRACES_PERF_ORDER_H

#include <stdint.h>

#include "base/err.h"

struct perf_key {
	uint64_t time_ns;
	uint64_t at;               /* in the file; the order of equal times */
};

struct perf_run {
	uint64_t next, end;        /* keys of it in the temporary file that are not read yet */
	struct perf_key *keys;     /* owned: read and not given yet */
	uint32_t pos, nr;
};

struct perf_order {
	struct perf_key *keys;     /* owned: the run that is being filled */
	uint32_t nr, pos;          /* keys in it; when sorted, given out of it */
	uint32_t allocated, cap;   /* keys there is room for; keys there may be at once */
	int fd;                    /* owned: of the runs; -1 = there are none */
	const char *beside;        /* borrowed: the temporary file goes into this file's directory */
	struct perf_run *runs;     /* owned */
	uint32_t nr_runs;
	uint32_t *heap;            /* owned: runs with keys left, the earliest first */
	uint32_t nr_heap;
};

void perf_order_init(struct perf_order *o, const char *beside, uint32_t keys_at_once);
int perf_order_add(struct perf_order *o, uint64_t time_ns, uint64_t at, struct err *err);
/** perf_order_sort() - after the last one. */
int perf_order_sort(struct perf_order *o, struct err *err);
/** perf_order_next() - Return: 1 with *key, 0 at the end, negative on ERR_IO. */
int perf_order_next(struct perf_order *o, struct perf_key *key, struct err *err);
void perf_order_fini(struct perf_order *o);

#endif

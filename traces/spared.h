/*
 * spared: which pages of the LRU lists the recording's own reclaim came by and left alone, so that they were in
 * use, told by the events that allocated them. That is known when they are free again, or at the end; so the writer
 * keeps it until it closes, and a reader knows it before the first event. A recording that reclaimed nothing takes
 * memory for its slots alone, not by its length.
 *
 * Reclaim takes the oldest pages first. So it has come by a page and left it alone when kswapd has taken, in its
 * life, one of its sort, of files or anonymous, that had come later. Without swap it comes by no anonymous page; and
 * compaction, whose frees look the same, comes by pages in the order of their frames, but is never kswapd's.
 */
#ifndef KMEMSIM_TRACES_SPARED_H
#define KMEMSIM_TRACES_SPARED_H

#include <stdbool.h>

#include "base/err.h"
#include "traces/bytes.h"
#include "traces/trace.h"

/* What is in a slot. */
struct spared_page {
	uint32_t begun_plus1; /* number of the event that allocated it; 0: no page of the LRU lists */
	bool file;            /* and not anonymous */
};

/** In the writer. A zeroed struct is that of a trace without events. */
struct spared {
	struct spared_page *pages; /* owned; by slot */
	uint64_t *bits;           /* owned; by event */
	uint32_t cap_slots, cap_words;
	uint64_t nr;              /* bits that are set; 0: the trace does not tell */
	uint32_t passed_plus1[2]; /* by spared_page.file: the latest begun_plus1 of those that kswapd took */
};

/**
 * spared_event() - the next event of the recording, which is number @event_no: less than 2^32 - 1.
 * @by_kswapd: it is the request of a kswapd.
 * Return: false: no memory.
 */
bool spared_event(struct spared *t, const struct trace_op *op, uint32_t slot, uint64_t event_no, bool by_kswapd);
/** spared_end() - all events have come. Return: false: no memory. */
bool spared_end(struct spared *t);
void spared_fini(struct spared *t);

/** spared_encode() - the payload of a SPARED section into @out; out->failed when out of memory. */
void spared_encode(const struct spared *t, struct bytes *out);

/**
 * spared_decode() - @bits: owned by the caller, a bit for each of @events, also when there is an error.
 * ERR_TRACE when they are not numbers of events, ascending; ERR_NOMEM.
 */
int spared_decode(uint64_t **bits, const uint8_t *raw, size_t len, uint64_t events, struct err *err);

#endif

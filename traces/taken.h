/*
 * taken: which pages of the LRU lists the recording's own reclaim took or never came by, told by the events that
 * allocated them: what it left alone was in use. Told by the frees that are reclaim's (OP_RECLAIM), which come later;
 * so the writer keeps it until it closes, and a reader knows it before the first event.
 *
 * Reclaim takes the oldest pages first. So it has come by a page and left it alone when kswapd has taken, in its
 * life, one of its sort, of files or anonymous, that had come later. Without swap it comes by no anonymous page; and
 * compaction, whose frees look the same, comes by pages in the order of their frames, but is never kswapd's.
 */
#ifndef KMEMSIM_TRACES_TAKEN_H
#define KMEMSIM_TRACES_TAKEN_H

#include <stdbool.h>

#include "base/err.h"
#include "traces/bytes.h"
#include "traces/trace.h"

/* What is in a slot. */
struct taken_page {
	uint32_t begun_plus1; /* number of the event that allocated it; 0: no page of the LRU lists */
	bool file;            /* and not anonymous */
};

/** In the writer. A zeroed struct is that of a trace without events. */
struct taken {
	struct taken_page *pages; /* owned; by slot */
	uint64_t *bits;           /* owned; by event */
	uint32_t cap_slots, cap_words;
	uint64_t nr;              /* bits that are set */
	uint32_t passed_plus1[2]; /* by taken_page.file: the latest begun_plus1 of those that kswapd took */
};

/**
 * taken_event() - the next event of the recording, which is number @event_no: less than 2^32 - 1.
 * @by_kswapd: it is the request of a kswapd.
 * Return: false: no memory.
 */
bool taken_event(struct taken *t, const struct trace_op *op, uint32_t slot, uint64_t event_no, bool by_kswapd);
/** taken_end() - all events have come. Return: false: no memory. */
bool taken_end(struct taken *t);
/** taken_tells() - whether reclaim came by any page. */
bool taken_tells(const struct taken *t);
void taken_fini(struct taken *t);

/** taken_encode() - the payload of a TAKEN section into @out; out->failed when out of memory. */
void taken_encode(const struct taken *t, struct bytes *out);

/**
 * taken_decode() - @bits: owned by the caller, a bit for each of @events, also when there is an error.
 * ERR_TRACE when they are not numbers of events, ascending; ERR_NOMEM.
 */
int taken_decode(uint64_t **bits, const uint8_t *raw, size_t len, uint64_t events, struct err *err);

#endif

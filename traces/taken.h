/*
 * taken: which pages the recording's own reclaim took, told by the events that allocated them: what it did not take,
 * though it was short of memory, was in use. Told by the frees that are reclaim's (OP_RECLAIM), which come later; so
 * the writer keeps it until it closes, and a reader knows it before the first event.
 */
#ifndef KMEMSIM_TRACES_TAKEN_H
#define KMEMSIM_TRACES_TAKEN_H

#include <stdbool.h>

#include "base/err.h"
#include "traces/bytes.h"
#include "traces/trace.h"

/** In the writer. A zeroed struct is that of a trace without events. */
struct taken {
	/* owned; by slot: number of the event that allocated what is in it; 0: none, or no pages */
	uint64_t *begun_plus1;
	uint64_t *bits;        /* owned; by event */
	uint32_t cap_slots, cap_words;
	uint64_t nr;           /* bits that are set */
};

/** taken_event() - the next event of the recording, which is number @event_no. Return: false: no memory. */
bool taken_event(struct taken *t, const struct trace_op *op, uint32_t slot, uint64_t event_no);
void taken_fini(struct taken *t);

/** taken_encode() - the payload of a TAKEN section into @out; out->failed when out of memory. */
void taken_encode(const struct taken *t, struct bytes *out);

/**
 * taken_decode() - @bits: owned by the caller, a bit for each of @events, also when there is an error.
 * ERR_TRACE when they are not numbers of events, ascending; ERR_NOMEM.
 */
int taken_decode(uint64_t **bits, const uint8_t *raw, size_t len, uint64_t events, struct err *err);

#endif

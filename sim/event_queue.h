/*
 * event_queue: what is due, in a fixed order: by time, then class, then first in, first out. A binary heap.
 *
 * Classes at one instant: wake-ups and daemons first, then requests, then samples, then the end, so that a
 * sample at t sees everything that happened at t.
 */
#ifndef KMEMSIM_SIM_EVENT_QUEUE_H
#define KMEMSIM_SIM_EVENT_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/units.h"

enum event_class { CLASS_WAKE, CLASS_REQUEST, CLASS_SAMPLE, CLASS_END };

struct sim_event {
	ns_t time_ns;
	uint64_t rank;  /* class in the top 8 bits, sequence number below */
	uint32_t kind;  /* the receiver's own numbering */
	uint32_t arg;
};

struct event_queue {
	struct sim_event *heap; /* owned */
	size_t nr;
	uint32_t cap;
	uint64_t next_seq;
};

/** event_queue_add() - ERR_NOMEM when the heap cannot grow. */
int event_queue_add(struct event_queue *queue, ns_t time_ns, enum event_class class, uint32_t kind, uint32_t arg,
	struct err *err);
/** event_queue_take() - remove and return the first; the queue must not be empty. */
struct sim_event event_queue_take(struct event_queue *queue);
void event_queue_fini(struct event_queue *queue);

/** event_queue_due() - whether something comes before a (@time_ns, @class) that would be added now. */
static inline int event_queue_due(const struct event_queue *queue, ns_t time_ns, enum event_class class)
{
	const struct sim_event *first = queue->heap;

	if (!queue->nr || first->time_ns > time_ns)
		return 0;
	return first->time_ns < time_ns || (first->rank >> 56) <= (uint64_t)class;
}

#endif

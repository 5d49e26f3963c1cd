/*
 * slots: hands out the slot numbers of a trace: last freed, first used, as the writer's prediction expects and as
 * keeps a replay's object array dense. A zeroed struct has none handed out.
 */
#ifndef KMEMSIM_TRACES_SLOTS_H
#define KMEMSIM_TRACES_SLOTS_H

#include <stddef.h>
#include <stdint.h>

struct slots {
	uint32_t *free;   /* owned: stack of freed slots, room for all that were handed out */
	size_t nr_free;
	uint32_t cap;
	uint32_t used;    /* slots 0 .. used - 1 have been handed out at some time */
};

/** slots_take() - a slot for an object that begins to live. Return: SLOT_NONE when out of memory or of numbers. */
uint32_t slots_take(struct slots *slots);

/** slots_take_fresh() - a slot that never was in use: for objects found out later to be older than the trace. */
uint32_t slots_take_fresh(struct slots *slots);

/** slots_give() - the object of @slot, taken before, is gone. Does not fail. */
void slots_give(struct slots *slots, uint32_t slot);

void slots_fini(struct slots *slots);

#endif

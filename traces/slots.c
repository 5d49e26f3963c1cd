#include "traces/slots.h"

#include <assert.h>
#include <stdlib.h>

#include "base/array.h"
#include "traces/trace.h"

uint32_t slots_take(struct slots *slots)
{
	if (slots->nr_free)
		return slots->free[--slots->nr_free];
	return slots_take_fresh(slots);
}

uint32_t slots_take_fresh(struct slots *slots)
{
	if (slots->used == SLOT_NONE)
		return SLOT_NONE;
	/* The stack always has room for every slot, so that giving back cannot fail. */
	if (!array_room(&slots->free, &slots->cap, slots->used))
		return SLOT_NONE;
	return slots->used++;
}

void slots_give(struct slots *slots, uint32_t slot)
{
	assert(slot < slots->used && slots->nr_free < slots->used);
	slots->free[slots->nr_free++] = slot;
}

void slots_fini(struct slots *slots)
{
	if (!slots)
		return;
	free(slots->free);
	*slots = (struct slots){ 0 };
}

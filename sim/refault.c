/*
 * refault: file pages that are read again after they were reclaimed. A recording made without pressure cannot tell which;
 * `reclaim.refault` says how many, and `kmemsim probe` takes it from a machine that has reclaimed. What comes back takes
 * memory as it did the first time, and counts as in use when it was away for less time than active pages stay.
 *
 * Models workingset_eviction() and workingset_refault() of mm/workingset.c (6.1), for one memory cgroup.
 */
#include "sim/reclaim_priv.h"
#include "sim/timers.h"

#define REFAULT_NS 1000000000u /* mean time until a page is read again: an assumption */

void refault_evicted(struct run *run, uint32_t slot)
{
	struct reclaim *r = &run->reclaim;

	/* A recording of a machine that reclaimed has its refaults: they are pages that it asks for. */
	if (r->recorded || rng_below(&r->refault_rng, 100) >= run->machine->reclaim.refault_percent)
		return;
	/* Nobody asks a reclaimed object when it was born: the place has the count of evictions, the shadow entry's. */
	run->objects[slot].born_ns = page_alloc_counter(run->mm.pages, PC_PGSTEAL_FILE);
	engine_timer(&run->engine, run->engine.now + 1 + rng_below(&r->refault_rng, 2 * REFAULT_NS), CLASS_WAKE,
		RUN_TIMER_REFAULT, slot, &run->deferred);
}

int refault_due(struct run *run, uint32_t slot, struct err *err)
{
	struct object *object = &run->objects[slot];
	struct run_op *op = &run->ops[object->op];
	struct request req = { .op = object->op, .slot = slot };
	struct page_request want;
	uint64_t evicted = object->born_ns;
	pfn_t pfn;

	(void)err;
	/* Its slot has another object by now, or the file is gone. */
	if (object->slab != OBJECT_RECLAIMED || object->index || !op->lru)
		return 0;
	run->cpu = 0;
	want = page_request_of(run, op);
	meter_start(&run->meter, run->machine->latency.step_ns);
	if (page_alloc_take(run->mm.pages, &want, &pfn, &run->meter) != MM_DONE)
		return 0;
	meter_charge(&run->meter, STEP_SWAP_IN_PAGE, 1);
	run->reclaim.refaults++;
	block_begin(run, &req, op, pfn);
	lru_refault(run->mm.pages, pfn, evicted);
	op->older++; /* not a request of the trace */
	reclaim_after(run);
	return 0;
}

/*
 * swap: swap devices that the trace adds and takes away. swapon() has a map with a byte for each page of the
 * device, of which the first is its header; swapoff() frees it when all that was swapped out is back. Models
 * sys_swapon(), sys_swapoff() and try_to_unuse() of 6.1 with one device: pages are read back in the order of the
 * trace's slots, not of the device.
 */
#include "mm/reclaim.h"
#include "sim/reclaim_priv.h"

/* A machine that says how much swap it has has that and no other. */
static bool comes_from_trace(const struct run *run)
{
	return run->reclaim.active && run->machine->reclaim.swap == MACHINE_AUTO;
}

void swap_forget(struct run *run)
{
	if (comes_from_trace(run))
		page_alloc_swap_remove(run->mm.pages, UINT64_MAX);
}

void swap_on(struct run *run, const struct run_op *op)
{
	if (comes_from_trace(run) && op->size)
		page_alloc_swap_add(run->mm.pages, op->size - 1);
}

void swap_older(struct run *run)
{
	const struct state *state = run->options->initial;
	unsigned int shift = run->machine->page_shift;

	if (run->reclaim.active && state && state->swap_bytes)
		page_alloc_swap_load(run->mm.pages, comes_from_trace(run) ? state->swap_bytes >> shift : 0,
			state->swap_used_bytes >> shift);
}

/* Return: whether it is back; what was not swapped out is not. */
static bool read_back(struct run *run, uint32_t slot)
{
	struct object *object = &run->objects[slot];
	struct run_op *op = &run->ops[object->op];
	struct request req = { .op = object->op, .slot = slot };
	struct page_request want;
	pfn_t pfn;

	if (object->slab != OBJECT_RECLAIMED || !object->index || op->action != ACT_PAGES)
		return false;
	want = page_request_of(run, op);
	if (page_alloc_take(run->mm.pages, &want, &pfn, &run->meter) != MM_DONE)
		return false;
	page_alloc_swapped_in(run->mm.pages);
	req.who = object->index - 1;
	block_begin(run, &req, op, pfn);
	op->older++; /* not a request of the trace */
	return true;
}

void swap_off(struct run *run, const struct run_op *op)
{
	uint64_t left;

	if (!comes_from_trace(run) || !op->size)
		return;
	left = page_alloc_swap_remove(run->mm.pages, op->size - 1);
	/* A recording of a machine that swapped has what its swapoff() read. */
	for (uint32_t slot = 0; left && !run->reclaim.recorded && slot < run->nr_objects; slot++)
		if (read_back(run, slot)) {
			meter_charge(&run->meter, STEP_SWAP_IN_PAGE, 1);
			left--;
		}
}

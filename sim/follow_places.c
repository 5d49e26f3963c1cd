/*
 * follow_places: what is there where a replay begins: the memory of the saved state, and
 * in it, or on an empty machine, the objects that events before the beginning have made.
 */
#include <stdlib.h>

#include "base/array.h"
#include "sim/follow_priv.h"
#include "sim/serve_vmalloc.h"

static int load_areas(struct run *run, const struct state *state, struct err *err)
{
	if (!state->nr_areas)
		return 0;
	run->follow.areas = malloc(state->nr_areas * sizeof(*run->follow.areas));
	if (!run->follow.areas)
		return err_set(err, ERR_NOMEM, "no memory for the areas of the initial state");
	return vmalloc_load(mm_state(&run->mm, SLOT_VMALLOC), run->machine, state, &run->follow.bound,
		run->follow.areas, err);
}

/* What was not saved, and what was made of that. */
static void note_filled(struct run *run, const struct state *state, const struct page_load_report *pages)
{
	const struct slab_load_report *slabs = slab_load_report(run->mm.slab);

	run->result.filled = (struct replay_filled){
		.blocks = pages->blocks_placed,
		.blocks_reshaped = pages->blocks_reshaped,
		.pcp_pages = pages->pcp_placed,
		.pageblocks = pages->pageblocks_guessed + pages->pageblocks_mixed,
		.pages_missing = pages->pages_missing,
	};
	if (!slabs_followed(run))
		return;
	run->result.caches_kept = slabs->geometry_differs;
	run->result.filled.objects = slabs->objects_assumed;
	run->result.filled.slabs_missing = slabs->slabs_missing;
	run->result.filled.slabs = state->nr_slabs ? 0 : slabs->slabs;
}

int follow_load(struct run *run, const struct state *state, struct err *err)
{
	struct page_load_report report;
	int ret = page_alloc_load(run->mm.pages, state, run->options->seed, &report, err);

	/* The page layer alone gives and takes slab pages as the recording did; there are no slabs then. */
	if (ret == 0 && slabs_followed(run))
		ret = slab_load(run->mm.slab, state, err);
	if (ret == 0 && slabs_followed(run))
		ret = load_areas(run, state, err);
	if (ret == 0) {
		run->follow.stage = boot_stage_of(run->mm.pages);
		if (run->follow.stage == BOOT_OVER)
			run->result.settings_applied = page_alloc_apply_settings(run->mm.pages);
		note_filled(run, state, &report);
	}
	return ret;
}

static void note_part(struct run *run, const struct trace_batch *batch, uint32_t i)
{
	struct follow *follow = &run->follow;
	struct older *older = &follow->older[batch->slot[i]];
	uint32_t who = batch->who[i];

	if (!array_room(&follow->parts, &follow->cap_parts, follow->nr_parts)) {
		err_set(&run->deferred, ERR_NOMEM, "no memory for the parts of blocks of before the beginning");
		return;
	}
	follow->parts[follow->nr_parts++] = (struct older_part){
		.req = { .op = batch->op[i], .slot = batch->slot[i], .who = who, .seat = run->seats[who] },
		.before = older->parts,
	};
	older->parts = follow->nr_parts;
}

/* In the recording's own state the rest of a block is there, as it was. */
static void free_parts(struct run *run, const struct older *older, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		for (uint32_t part = older[i].parts; part && object_lives(&run->objects[older[i].slot]);
			part = run->follow.parts[part - 1].before)
			serve_request(run, &run->follow.parts[part - 1].req);
}

static bool makes_kmalloc_object(const struct run_op *op)
{
	return op->action == ACT_KMALLOC || op->action == ACT_KMALLOC_LARGE || op->action == ACT_KREALLOC;
}

/*
 * A krealloc() that has to move makes the object that is there
 * then, one of 0 bytes frees it. A saved state has it anyhow.
 */
static void note_krealloc(struct run *run, const struct trace_batch *batch, uint32_t i)
{
	struct older *older = &run->follow.older[batch->slot[i]];
	const struct run_op *op = &run->ops[batch->op[i]];
	const struct run_op *maker = older->op == OLDER_NONE ? NULL : &run->ops[older->op];

	if (run->options->initial || op->size > run->machine->kmalloc.max_size)
		return;
	if (maker && (!makes_kmalloc_object(maker) || maker->bytes_alloc >= op->size) && op->size)
		return;
	*older = (struct older){ .op = op->size ? batch->op[i] : OLDER_NONE,
		.slot = batch->slot[i],
		.who = batch->who[i] };
}

/* Only what is in its slot at the beginning is of interest. */
void follow_note(struct run *run, const struct trace_batch *batch, uint32_t i)
{
	uint32_t slot = batch->slot[i];
	const struct trace_op *op = run->ops[batch->op[i]].trace;
	enum kind_slot use = kind_info[op->kind].slot;

	if (slot != SLOT_NONE && op->kind == KIND_KREALLOC)
		note_krealloc(run, batch, i);
	if (slot == SLOT_NONE || use == SLOT_ABSENT || use == SLOT_USED)
		return;
	if (use == SLOT_ENDS && (op->flags & (OP_PART | OP_LAST)) == OP_PART) {
		note_part(run, batch, i);
		return;
	}
	/* Which objects belong together is told by the order of requests, also of those before the beginning. */
	if (run->follow.older[slot].op != OLDER_NONE) {
		shrinkers_object_ends(run, slot);
		gone_note_end(&run->follow.gone, run->ops[run->follow.older[slot].op].trace,
			run->follow.older[slot].where);
	}
	if (use == SLOT_BEGINS) {
		gone_note_begin(&run->follow.gone, op);
		shrinkers_object_begins(run, slot, batch->who[i], reclaim_shrink_class(&run->ops[batch->op[i]]));
	}
	run->follow.older[slot] = (struct older){
		.where = batch->where ? batch->where[i] : 0,
		.value = batch->value ? batch->value[i] : 0,
		.op = use == SLOT_BEGINS ? batch->op[i] : OLDER_NONE,
		.slot = slot,
		.who = batch->who[i],
		.turn = saver_note(run, batch->op[i], batch->who[i]),
	};
}

/*
 * Their memory is taken anew. Of a saved state this has to wait: what is in use there is
 * still to be given to the trace's objects, and no page tells afterwards that it is a pool's.
 */
static bool is_of_pools(const struct run_op *op)
{
	switch (op->kind) {
	case KIND_MEMPOOL_CREATE:
	case KIND_MEMPOOL_RESIZE:
	case KIND_MEMPOOL_DESTROY:
	case KIND_DMA_POOL_CREATE:
	case KIND_DMA_POOL_DESTROY:
		return op->action == ACT_PART;
	default:
		return false;
	}
}

void follow_stand(struct run *run, const struct request *req)
{
	struct follow *follow = &run->follow;

	if (!run->options->initial || !is_of_pools(&run->ops[req->op]))
		serve_request(run, req);
	else if (array_room(&follow->pools, &follow->cap_pools, follow->nr_pools))
		follow->pools[follow->nr_pools++] = *req;
	else
		err_set(&run->deferred, ERR_NOMEM, "no memory for the pools of before the beginning");
}

static void serve_pools(struct run *run)
{
	for (uint32_t i = 0; i < run->follow.nr_pools; i++)
		serve_request(run, &run->follow.pools[i]);
	run->follow.nr_pools = 0;
}

/* The place of each older object. */
static int find_places(struct run *run, struct older *older, uint32_t nr, bool own, struct err *err)
{
	if (!run->options->initial) {
		adopt_allocate(run, older, nr);
		return 0;
	}
	if (!own)
		return adopt_in_state(run, older, nr, err);
	for (uint32_t i = 0; i < nr; i++)
		follow_bind(run, older[i].slot, older[i].op, older[i].where);
	return 0;
}

/*
 * What the state has that nobody has found a place in: pages on LRU
 * lists, of the trace and of nobody. Then what the trace misses.
 */
static int fill_in(struct run *run, struct older *older, uint32_t nr, bool own, bool at_instant, struct err *err)
{
	int ret;

	if (!run->options->initial)
		return 0;
	ret = adopt_rest(run, older, nr, own, at_instant, err);
	if (ret == 0)
		ret = adopt_areas(run, older, nr, own, err);
	if (ret == 0 && slabs_followed(run))
		ret = shrink_older_load(run, err);
	return ret;
}

void follow_note_done(struct run *run)
{
	for (uint32_t i = 0; i < run->tables->nr_ops; i++) {
		run->ops[i].older = run->ops[i].done;
		run->ops[i].failed = 0;
	}
	run->result.failed_older += run->result.failed;
	run->result.failed = run->result.failed_both = 0;
}

int follow_place_all(struct run *run, bool own, bool at_instant, struct err *err)
{
	struct older *older = run->follow.older;
	uint32_t nr = 0;
	int ret;

	for (uint32_t slot = 0; slot < run->nr_objects; slot++)
		if (older[slot].op != OLDER_NONE)
			older[nr++] = older[slot];
	ret = find_places(run, older, nr, own, err);
	swap_forget(run);
	for (uint32_t i = 0; i < nr; i++) {
		reclaim_older(run, older[i].slot, older[i].who);
		if (run->ops[older[i].op].trace->origin == ORIGIN_SWAP_MAP)
			swap_on(run, &run->ops[older[i].op]);
	}
	swap_older(run);
	if (ret == 0)
		ret = fill_in(run, older, nr, own, at_instant, err);
	if (ret == 0)
		serve_pools(run);
	if (ret == 0 && run->options->initial && !own)
		adopt_anew(run, older, nr);
	if (ret == 0 && !own)
		free_parts(run, older, nr);
	for (uint32_t i = 0; i < nr; i++)
		reclaim_older_missing(run, older[i].slot);
	follow_note_done(run);
	free(older);
	run->follow.older = NULL;
	run->follow.skipping = false;
	run->follow.own = own;
	return ret;
}

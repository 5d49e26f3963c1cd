/* serve_pages: requests for blocks of pages and their frees, whole or in parts. */
#include <inttypes.h>

#include "sim/serve_bulk.h"
#include "sim/serve_priv.h"

/* All pages of a block that is still whole go back the way they were taken. */
static void give_block(struct run *run, const struct object *object)
{
	const struct run_op *maker = &run->ops[object->op];
	bool single = maker->action == ACT_PAGES_EXACT || maker->action == ACT_PAGES_BULK;

	run->pages_held -= object->left;
	if (!single) {
		page_alloc_give(run->mm.pages, object->index, maker->order, run->cpu, &run->meter);
		return;
	}
	for (uint32_t i = 0; i < object->left; i++)
		page_alloc_give(run->mm.pages, object->index + i, 0, run->cpu, &run->meter);
}

void release_block(struct run *run, const struct object *object)
{
	const struct run_op *maker = &run->ops[object->op];

	if (object->left == maker->bytes_alloc >> run->machine->page_shift) {
		give_block(run, object);
		return;
	}
	run->pages_held -= object->left;
}

void release_first_page(struct run *run, struct object *object)
{
	note_place(run, object->slab, object->index);
	page_alloc_give(run->mm.pages, object->index, 0, run->cpu, &run->meter);
	run->pages_held -= object->left;
	object_end(run, object);
}

struct page_request page_request_of(const struct run *run, const struct run_op *op)
{
	return (struct page_request){
		.gfp = op->gfp,
		.cpu = (uint16_t)run->cpu,
		.node = op->node,
		.order = op->order,
	};
}

void block_begin(struct run *run, const struct request *req, struct run_op *op, pfn_t pfn)
{
	note_place(run, OBJECT_PAGES, (uint32_t)pfn);
	pages_begin(run, req, op, pfn);
	if (op->gfp & GFP_BIT_MOVABLE && run->reclaim.active && reclaim_movable(op))
		reclaim_page_begins(run, req, op, pfn);
	if (run->reclaim.mappers)
		mappers_page_begins(run, req, op);
}

/*
 * Models filemap_create_folio() after page_cache_ra_unbounded(): a page of a file that could not be read ahead,
 * which nobody insists on, is asked for once more by who wants to read it. A trace of a machine with more memory
 * has only the first request.
 */
static enum mm_answer read_when_wanted(struct run *run, struct page_request *want, pfn_t *pfn)
{
	want->gfp &= ~(GFP_BIT_NORETRY | GFP_BIT_NOWARN);
	return page_alloc_take(run->mm.pages, want, pfn, &run->meter);
}

static bool is_read_ahead(const struct run *run, const struct run_op *op)
{
	const gfp_t mask = GFP_BIT_NORETRY | GFP_BIT_NOWARN;

	return run->reclaim.active && op->lru == LRU_KIND_FILE && (op->gfp & mask) == mask;
}

void serve_pages(struct run *run, const struct request *req, struct run_op *op)
{
	struct page_request want = page_request_of(run, op);
	uint64_t nr_pages = op->bytes_alloc >> run->machine->page_shift;
	enum mm_answer answer;
	pfn_t pfn = PFN_NONE;

	if (req->slot != SLOT_NONE)
		slot_for(run, req, op);
	if (want.node < 0 && run->follow.asked && req->slot != SLOT_NONE)
		want.node = run->follow.asked[req->slot];
	if (op->action == ACT_PAGES_EXACT)
		answer = page_alloc_take_exact(run->mm.pages, &want, nr_pages, &pfn, &run->meter);
	else
		answer = page_alloc_take(run->mm.pages, &want, &pfn, &run->meter);
	if (__builtin_expect(answer == MM_FAILED, 0) && is_read_ahead(run, op))
		answer = read_when_wanted(run, &want, &pfn);
	if (answer != MM_DONE) {
		if ((answer != MM_WAIT || !serve_wait(run, req, op->gfp)) && !serve_try_again(run, req, op))
			note_failure(run, req, op);
	} else if (req->slot != SLOT_NONE) {
		block_begin(run, req, op, pfn);
	} else {
		/* It failed where it was recorded, so nobody will free it. */
		page_alloc_give(run->mm.pages, pfn, op->order, run->cpu, &run->meter);
		note_recovered(run, op);
	}
}

/*
 * __free_pages() believes its caller's order: of more than the block has it frees what is
 * another's, and of a block that has been freed in parts the first page, which is free.
 */
static void check_whole(struct run *run, const struct object *object, const struct run_op *op)
{
	const struct run_op *maker = &run->ops[object->op];

	if (object->left != maker->bytes_alloc >> run->machine->page_shift)
		run_violation(run, RULE_WRONG_FREE, op,
			"%s of a block of order %u of which parts are free already: the kernel reports a"
			" bad page, %u pages leak",
			kind_info[op->kind].name, maker->order, object->left);
	else if (op->kind == KIND_FREE_PAGES && maker->action == ACT_PAGES && op->order > maker->order)
		run_violation(run, RULE_WRONG_FREE, op,
			"%s of order %u of a block of order %u: the kernel frees pages that are another's",
			kind_info[op->kind].name, op->order, maker->order);
}

/* A part of a block, freed on its own. */
static void serve_part_free(struct run *run, struct object *object, struct run_op *op)
{
	pfn_t pfn = object->index + op->trace->arg[1];
	uint32_t nr_pages = 1u << op->order;

	if (object->slab != OBJECT_PAGES || op->order > run->machine->page_allocator.max_order ||
		object->left < nr_pages || !page_alloc_allocated(run->mm.pages, pfn, op->order)) {
		run_violation(run, RULE_WRONG_FREE, op,
			"a part of order %u at page %" PRIu64 " is not in the block: the kernel reports a bad page",
			op->order, op->trace->arg[1]);
		return;
	}
	note_place(run, OBJECT_PAGES, (uint32_t)pfn);
	page_alloc_give(run->mm.pages, pfn, op->order, run->cpu, &run->meter);
	op->done++;
	object->left -= nr_pages;
	run->pages_held -= nr_pages;
	if (!object->left)
		object_end(run, object);
}

/*
 * What has no struct page of its own to be found by its address;
 * or is a block of kmalloc(), which differs by its accounts alone.
 */
static void check_another(struct run *run, const struct object *object, const struct run_op *op)
{
	const struct run_op *maker = &run->ops[object->op];
	const char *name = kind_info[maker->kind].name;
	bool part = object->slab == OBJECT_PART;

	if (object->slab == SLAB_LARGE && (uint64_t)run->machine->page_size << (op->order & 63) == maker->bytes_alloc)
		run_violation_severe(run, RULE_WRONG_FREE, severity_name[SEVERITY_NOTICE], op,
			"free_pages of an object from %s: works, as it is a block of pages, but for the count of slab pages", name);
	else if (part &&
		(part_of(run, object) == &part_vmalloc || part_of(run, object) == &part_ioremap ||
			part_of(run, object) == &part_percpu))
		run_violation_severe(run, RULE_WRONG_FREE, severity_name[SEVERITY_FATAL], op,
			"free_pages of an object from %s: no page is found by such an address, the kernel oopses", name);
	else
		run_violation(run, RULE_WRONG_FREE, op,
			"free_pages of an object from %s: the kernel reports a bad page", name);
}

void serve_pages_free(struct run *run, const struct request *req, struct run_op *op)
{
	struct object *object;

	if (req->slot != SLOT_NONE && __builtin_expect(run->objects[req->slot].slab == OBJECT_NONE, 0))
		bulk_wanted(run, req->slot);
	object = object_to_free(run, req);
	if (!object || (run->reclaim.active && reclaim_keeps(run, req, op, object)))
		return;
	if (op->flags & OP_PART) {
		serve_part_free(run, object, op);
		return;
	}
	if (object->slab != OBJECT_PAGES)
		check_another(run, object, op);
	else
		check_whole(run, object, op);
	op->done++;
	if (run->reclaim.mappers)
		mappers_page_ends(run, req->slot);
	release(run, object);
}

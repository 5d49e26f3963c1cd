#include "sim/adopt.h"

#include <stdlib.h>

#include "base/rng.h"
#include "base/sort.h"
#include "sim/adopt_priv.h"
#include "sim/serve_priv.h"

static struct request request_of(const struct run *run, const struct older *older)
{
	return (struct request){
		.value = older->value,
		.op = older->op,
		.slot = older->slot,
		.who = older->who,
		.seat = run->seats[older->who],
	};
}

/* A block of pages, also one that the recording shows as a part of a bulk call. */
static void allocate_block(struct run *run, const struct request *req, struct run_op *op)
{
	struct page_request want = page_request_of(run, op);
	uint32_t nr_pages = (uint32_t)(op->bytes_alloc >> run->machine->page_shift);
	enum mm_answer answer;
	pfn_t pfn = PFN_NONE;

	if (op->action == ACT_PAGES_EXACT)
		answer = page_alloc_take_exact(run->mm.pages, &want, nr_pages, &pfn, &run->meter);
	else
		answer = page_alloc_take(run->mm.pages, &want, &pfn, &run->meter);
	if (answer == MM_DONE)
		block_begin(run, req, op, pfn);
	else
		note_failure(run, req, op);
}

static void allocate(struct run *run, const struct older *older)
{
	struct request req = request_of(run, older);
	struct run_op *op = &run->ops[req.op];

	if (op->action != ACT_PAGES && op->action != ACT_PAGES_EXACT && op->action != ACT_PAGES_BULK) {
		serve_request(run, &req);
		return;
	}
	meter_start(&run->meter, run->machine->latency.step_ns);
	run->cpu = req.seat.cpu;
	allocate_block(run, &req, op);
}

void adopt_allocate(struct run *run, const struct older *older, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		if (!op_is_mapping(&run->ops[older[i].op]))
			allocate(run, &older[i]);
	/* Their pages are there now. */
	for (uint32_t i = 0; i < nr; i++)
		if (op_is_mapping(&run->ops[older[i].op]))
			allocate(run, &older[i]);
}

static bool no_file_tells(const struct run_op *op)
{
	switch (op->kind) {
	case KIND_IOREMAP:
	case KIND_MEMPOOL_ALLOC:
	case KIND_DMA_ALLOC_COHERENT:
	case KIND_DMA_POOL_ALLOC:
	case KIND_VM_MAP_RAM: /* has blocks, and not which part of them is whose */
		return op->action == ACT_PART;
	default:
		return op->action == ACT_PART && op_is_mapping(op);
	}
}

void adopt_anew(struct run *run, const struct older *older, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		if (!no_file_tells(&run->ops[older[i].op]) || object_lives(&run->objects[older[i].slot]))
			continue;
		run->objects[older[i].slot].slab = OBJECT_NONE;
		adopt_allocate(run, &older[i], 1);
	}
}

uint32_t adopt_kind_of(struct run *run, struct run_op *op)
{
	if (op->action == ACT_KMALLOC_LARGE)
		return ADOPT_LARGE + (uint32_t)(op->bytes_alloc >> run->machine->page_shift);
	if (op->action == ACT_CACHE_ALLOC && op->generation != run->cache_generation)
		return run_op_resolve_cache(run, op);
	return op->cache;
}

/* @nr objects that the trace names, rows of older[], @nr_there that the state has of their kind, both by address. */
static void pair(struct run *run, const struct older *older, const struct sort_row *wanted, uint32_t nr,
	const struct adopt_object *there, uint32_t nr_there)
{
	uint32_t pairs = nr < nr_there ? nr : nr_there;
	uint32_t paired = 0;

	for (uint32_t i = 0; i < nr; i++) {
		const struct adopt_object *object;
		struct request req = request_of(run, &older[wanted[i].index]);

		if (paired == pairs || i != (uint64_t)paired * nr / pairs)
			continue;
		object = &there[(uint64_t)paired++ * nr_there / pairs];
		object_begin(run, &req, &run->ops[req.op], object->object.slab, object->object.index);
	}
	run->result.bound += pairs;
}

static void pair_kinds(struct run *run, const struct older *older, const struct sort_row *wanted, uint32_t nr,
	const struct adopt_object *there, uint32_t nr_there)
{
	uint32_t first_there = 0;

	for (uint32_t first = 0, end; first < nr; first = end) {
		uint32_t kind = wanted[first].group, end_there;

		for (end = first; end < nr && wanted[end].group == kind; end++)
			;
		while (first_there < nr_there && there[first_there].kind < kind)
			first_there++;
		for (end_there = first_there; end_there < nr_there && there[end_there].kind == kind; end_there++)
			;
		pair(run, older, wanted + first, end - first, there + first_there, end_there - first_there);
		first_there = end_there;
	}
}

/* Objects of @kind among @wanted, whose groups are kinds. */
static uint32_t count_kind(const struct sort_row *wanted, uint32_t nr, uint32_t kind)
{
	uint32_t low = 0, high = nr, count = 0;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (wanted[middle].group < kind)
			low = middle + 1;
		else
			high = middle;
	}
	while (low + count < nr && wanted[low + count].group == kind)
		count++;
	return count;
}

/*
 * Which objects of the CPUs' slabs are free, the state may not tell; the trace knows how many of a cache live, if
 * it knows most of all objects: it began with the kernel's boot, or near it. The state of J-whatif/base does tell:
 * hidden from the model, this finds the free objects twice as well as a common share of them does, and caches end
 * with 18 pages too many or too few in all, in place of 90.
 */
static void assume_live(struct run *run, const struct sort_row *wanted, uint32_t nr)
{
	struct slab *slab = run->mm.slab;
	uint64_t live = 0;

	for (uint32_t cache = 0; cache < slab_nr_caches(slab); cache++) {
		struct slab_stats stats;

		slab_cache_stats(slab, cache, &stats);
		live += stats.live_objs;
	}
	if (run->options->initial->exact_slabs || 2ull * nr < live)
		return;
	for (uint32_t cache = 0; cache < slab_nr_caches(slab); cache++)
		if (slab_cache_live(slab, cache))
			slab_assume_live(slab, cache, count_kind(wanted, nr, cache));
}

static void allocate_missing(struct run *run, const struct older *older, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		struct object *object = &run->objects[older[i].slot];

		if (object_lives(object))
			continue;
		run->result.unbound++;
		if (older[i].turn != TURN_NOT_THERE && adopt_is_object(&run->ops[older[i].op]))
			adopt_allocate(run, &older[i], 1);
		else
			*object = (struct object){ .slab = OBJECT_FAILED, .op = older[i].op };
	}
}

static int adopt_objects(struct run *run, const struct older *older, uint32_t nr, struct err *err)
{
	struct sort_row *wanted = malloc(((size_t)nr + 1) * sizeof(*wanted));
	struct adopt_object *there = NULL;
	uint32_t nr_there = 0, nr_wanted = 0;
	int ret = 0;

	for (uint32_t i = 0; wanted && i < nr; i++) {
		struct run_op *op = &run->ops[older[i].op];

		if (adopt_is_object(op) && !saver_is_new(run, &older[i]))
			wanted[nr_wanted++] = (struct sort_row){ adopt_kind_of(run, op), i, older[i].where };
	}
	if (!wanted || !sort_rows(wanted, nr_wanted)) {
		free(wanted);
		return err_set(err, ERR_NOMEM, "no memory for the objects of the initial state");
	}
	assume_live(run, wanted, nr_wanted);
	ret = adopt_list_objects(run, &there, &nr_there, err);
	if (ret == 0)
		pair_kinds(run, older, wanted, nr_wanted, there, nr_there);
	free(there);
	free(wanted);
	return ret;
}

static uint64_t free_pages(const struct run *run)
{
	uint64_t pages = 0;

	for (unsigned int z = 0; z < page_alloc_nr_zones(run->mm.pages); z++) {
		struct zone_stats zone;

		page_alloc_zone_stats(run->mm.pages, z, &zone);
		pages += zone.free_pages + zone.pcp_pages;
	}
	return pages;
}

/*
 * A state that does not tell its slabs has them among the pages in use. Those of the trace's objects have been made
 * of free pages now: as many others, drawn by the seed, are given back, so that as much is free as the state says.
 */
static void give_back_slabs(struct run *run, struct free_choice *choice, uint64_t were_free)
{
	uint64_t are_free = free_pages(run), nr = were_free > are_free ? were_free - are_free : 0;
	struct rng rng;

	rng_init(&rng, run->options->seed, "adopt_slabs");
	for (uint64_t i = 0; i < nr; i++) {
		pfn_t pfn = choice_page(choice, (uint32_t)rng_below(&rng, choice->end));

		if (pfn == PFN_NONE)
			return;
		choice_take_out(choice, pfn, 1);
		page_alloc_give(run->mm.pages, pfn, 0, 0, &run->meter);
		run->result.filled.slab_pages++;
	}
}

static int adopt_others_rest(struct run *run, struct older *older, uint32_t nr, struct err *err)
{
	const struct state *state = run->options->initial;
	struct free_choice choice;
	uint64_t were_free;
	int ret = adopt_gone(run, err);

	if (ret < 0)
		return ret;
	were_free = free_pages(run);
	ret = adopt_saver(run, older, nr, err);
	allocate_missing(run, older, nr);
	if (ret < 0 || state->nr_caches || state->nr_slabs)
		return ret;
	ret = choice_init(run, &choice, err);
	if (ret == 0) {
		choice_kernel(run, &choice);
		give_back_slabs(run, &choice, were_free);
	}
	choice_fini(&choice);
	return ret;
}

int adopt_rest(struct run *run, struct older *older, uint32_t nr, bool own, bool at_instant, struct err *err)
{
	int ret = adopt_lru(run, err);

	if (ret < 0 || at_instant)
		return ret;
	if (!own)
		return adopt_others_rest(run, older, nr, err);
	run->result.unbound = 0;
	allocate_missing(run, older, nr);
	return 0;
}

int adopt_in_state(struct run *run, struct older *older, uint32_t nr, struct err *err)
{
	int ret = saver_look(run, older, nr, err);

	if (ret == 0)
		ret = adopt_objects(run, older, nr, err);
	if (ret == 0)
		ret = adopt_blocks(run, older, nr, err);
	if (ret == 0)
		ret = adopt_named_areas(run, older, nr, err);
	return ret;
}

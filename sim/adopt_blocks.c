/*
 * adopt_blocks: pages that the trace's callers hold at the beginning, in the memory of another machine. The same
 * work on a like machine has its pages at about the same places: each block is looked for at its recorded frame,
 * then ever further from it. Where the trace tells no frames, places are drawn by the seed.
 */
#include <stdlib.h>

#include "base/bits.h"
#include "base/rng.h"
#include "sim/adopt_priv.h"
#include "sim/serve_priv.h"

#define DIRECT_MAP_ALIGN (1ull << 30) /* of the bases of direct maps, of those that are drawn too */

/* A block that the trace names. */
struct wanted_block {
	uint64_t where;
	uint32_t older; /* its index */
	uint32_t order; /* of the block that it begins */
	uint32_t pages; /* fewer than the block's: of alloc_pages_exact(), which gives the rest back */
};

/* Larger blocks first: they have fewer places. */
static int by_size_and_place(const void *a, const void *b)
{
	const struct wanted_block *x = a, *y = b;

	if (x->order != y->order)
		return x->order > y->order ? -1 : 1;
	if (x->where != y->where)
		return x->where < y->where ? -1 : 1;
	return x->older < y->older ? -1 : x->older > y->older;
}

/* Where the two sides of memory may still be chosen from: the kernel's and users'. */
struct sides {
	struct free_choice of[2];    /* by whether users' */
	uint64_t recorded_end;       /* behind the last frame that the trace names; 0 = it names none */
};

/* On the side of its kind, near its recorded frame; where there is no room, on the other. */
static pfn_t find_place(struct sides *sides, bool users, const struct wanted_block *block)
{
	for (unsigned int turn = 0; turn < 2; turn++) {
		struct free_choice *choice = &sides->of[turn ? !users : users];
		pfn_t pfn = choice_block(choice, choice_near(choice, block->where), block->order);

		if (pfn == PFN_NONE)
			continue;
		choice_take_out(choice, pfn, block->pages);
		return pfn;
	}
	return PFN_NONE;
}

static void place_block(struct run *run, struct sides *sides, const struct older *older,
	const struct wanted_block *block)
{
	struct request req = { .op = older->op, .slot = older->slot, .who = older->who };
	bool movable = run->ops[older->op].gfp & GFP_BIT_MOVABLE;
	pfn_t pfn = find_place(sides, movable, block);

	if (pfn == PFN_NONE)
		return;
	if (movable)
		page_alloc_mark_movable(run->mm.pages, pfn, block->order);
	if (run->ops[older->op].action == ACT_KMALLOC_LARGE) {
		struct slab_object object = kmalloc_large_adopt(run->mm.slab, pfn, block->order);

		object_begin(run, &req, &run->ops[older->op], object.slab, object.index);
	} else {
		block_begin(run, &req, &run->ops[older->op], pfn);
	}
	run->result.bound++;
}

/* The order of a block that adoption can place, -1: of none. */
static int order_of_block(const struct run *run, const struct run_op *op)
{
	unsigned int order = 0;

	switch ((enum run_action)op->action) {
	case ACT_PAGES:
		order = op->order;
		break;
	case ACT_PAGES_BULK:
		break;
	case ACT_PAGES_EXACT:
		order = op->bytes_alloc > run->machine->page_size ?
			(unsigned int)fls64((op->bytes_alloc - 1) >> run->machine->page_shift) :
			0;
		break;
	case ACT_KMALLOC_LARGE:
		order = ilog2_u64(op->bytes_alloc >> run->machine->page_shift);
		break;
	default:
		return -1;
	}
	return order <= run->machine->page_allocator.max_order ? (int)order : -1;
}

/* The recorded frame; of a large kmalloc its address is recorded, and what lies below the direct map's base counts. */
static uint64_t frame_of(const struct run *run, const struct run_op *op, uint64_t where)
{
	uint64_t physical;

	if (op->action != ACT_KMALLOC_LARGE)
		return where;
	if (!direct_map_physical(&run->options->direct_map, where, &physical))
		physical = where & (DIRECT_MAP_ALIGN - 1);
	return physical >> run->machine->page_shift;
}

/* Blocks that are one block; of those whose frames the trace does not tell, the place is drawn. Return: how many. */
static uint32_t list_blocks(const struct run *run, struct sides *sides, const struct older *older, uint32_t nr,
	struct wanted_block *blocks)
{
	uint32_t nr_blocks = 0;
	struct rng rng;

	rng_init(&rng, run->options->seed, "adopt_blocks");
	for (uint32_t i = 0; i < nr; i++) {
		const struct run_op *op = &run->ops[older[i].op];
		int order = order_of_block(run, op);
		uint64_t where;

		if (order < 0 || object_lives(&run->objects[older[i].slot]))
			continue;
		where = older[i].where ? frame_of(run, op, older[i].where) : rng_below(&rng, sides->of[0].end);
		blocks[nr_blocks++] = (struct wanted_block){ where, i, (uint32_t)order,
			op->action == ACT_PAGES_EXACT ? (uint32_t)(op->bytes_alloc >> run->machine->page_shift) :
							1u << order };
		if (older[i].where)
			sides->recorded_end = max_u64(sides->recorded_end, where + (1ull << order));
	}
	return nr_blocks;
}

static int place_blocks(struct run *run, struct sides *sides, const struct older *older, uint32_t nr, struct err *err)
{
	struct wanted_block *blocks = malloc(((size_t)nr + 1) * sizeof(*blocks));
	uint32_t nr_blocks;

	if (!blocks)
		return err_set(err, ERR_NOMEM, "no memory for the pages of the initial state");
	nr_blocks = list_blocks(run, sides, older, nr, blocks);
	sides->of[0].recorded_end = sides->of[1].recorded_end = run->follow.recorded_end = sides->recorded_end;
	qsort(blocks, nr_blocks, sizeof(*blocks), by_size_and_place);
	for (uint32_t i = 0; i < nr_blocks; i++)
		place_block(run, sides, &older[blocks[i].older], &blocks[i]);
	free(blocks);
	return 0;
}

int adopt_blocks(struct run *run, const struct older *older, uint32_t nr, struct err *err)
{
	struct sides sides = { .recorded_end = 0 };
	int ret = choice_init(run, &sides.of[0], err);

	if (ret == 0)
		ret = choice_copy(&sides.of[0], &sides.of[1], err);
	if (ret == 0) {
		choice_side(run, &sides.of[0], false);
		choice_side(run, &sides.of[1], true);
		ret = place_blocks(run, &sides, older, nr, err);
	}
	choice_fini(&sides.of[0]);
	choice_fini(&sides.of[1]);
	return ret;
}

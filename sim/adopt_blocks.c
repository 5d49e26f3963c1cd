/*
 * adopt_blocks: pages that the trace's callers hold at the beginning, in the memory of another machine. The same work on a
 * like machine has its pages at about the same places: each block is looked for at its recorded frame, then ever
 * further from it. Where the places are made up, because only numbers are known, a pageblock of its type comes first:
 * what is freed in pageblocks of another would be taken for other uses, and their types would change.
 */
#include <stdlib.h>

#include "base/bits.h"
#include "sim/adopt_priv.h"
#include "sim/serve_priv.h"

#define DIRECT_MAP_ALIGN (1ull << 30) /* of the bases of direct maps, of those that are drawn too */

/*
 * Pages that may be somebody's block: in use, no slab's, not reserved, not taken yet. up[] and down[] lead to the nearest
 * such page that is not below, or not above; paths are halved as they are walked.
 */
struct free_choice {
	uint32_t *up, *down; /* owned: by pfn + 1; 0 and end + 1 stand for none */
	uint32_t end;        /* first page frame behind all zones */
};

#define ANY_TYPE NR_MIGRATETYPES

/* The choice in pageblocks of each type; in those of any. */
struct choices {
	struct free_choice of[ANY_TYPE + 1];
	bool typed; /* whether types are looked at */
};

static uint32_t nearest(uint32_t *next, uint32_t at)
{
	while (next[at] != at) {
		next[at] = next[next[at]];
		at = next[at];
	}
	return at;
}

static bool can_choose(struct free_choice *choice, pfn_t pfn)
{
	return pfn < choice->end && choice->up[pfn + 1] == pfn + 1;
}

static void take_out(struct free_choice *choice, pfn_t pfn)
{
	choice->up[pfn + 1] = (uint32_t)pfn + 2;
	choice->down[pfn + 1] = (uint32_t)pfn;
}

static void take_out_range(struct free_choice *choice, pfn_t first, uint64_t nr)
{
	for (pfn_t pfn = first; pfn < first + nr && pfn < choice->end; pfn++)
		take_out(choice, pfn);
}

static bool kind_is_a_callers(enum state_page_kind kind)
{
	return kind != STATE_PAGE_RESERVED && kind != STATE_PAGE_HOLE && kind != STATE_PAGE_BUDDY && kind != STATE_PAGE_PCP;
}

/* What is nobody's block: free pages, slabs, reserved ranges, and what the state says is something else. */
static void take_out_others(const struct run *run, struct free_choice *choice)
{
	const struct machine *machine = run->machine;
	const struct state *state = run->options->initial;

	for (pfn_t pfn = 0; pfn < choice->end; pfn++) {
		uint32_t slab_pages = adopt_slab_pages(run, pfn);

		if (!page_alloc_allocated(run->mm.pages, pfn, 0))
			take_out(choice, pfn);
		take_out_range(choice, pfn, slab_pages);
	}
	for (uint32_t i = 0; i < machine->nr_reserved; i++)
		take_out_range(choice, machine->reserved[i].start >> machine->page_shift,
			(machine->reserved[i].size + machine->page_size - 1) >> machine->page_shift);
	for (size_t i = 0; i < state->nr_pages; i++)
		if (!kind_is_a_callers(state->pages[i].kind))
			take_out_range(choice, state->pages[i].first_pfn, state->pages[i].nr_pages);
}

static int choice_init(const struct run *run, struct free_choice *choice, struct err *err)
{
	pfn_t end = adopt_memory_end(run);

	*choice = (struct free_choice){ .end = (uint32_t)end };
	choice->up = malloc((end + 3) * sizeof(*choice->up));
	choice->down = malloc((end + 3) * sizeof(*choice->down));
	if (!choice->up || !choice->down)
		return err_set(err, ERR_NOMEM, "no memory for the pages of the initial state");
	for (uint32_t i = 0; i < end + 3; i++)
		choice->up[i] = choice->down[i] = i;
	take_out_others(run, choice);
	return 0;
}

static void choices_fini(struct choices *choices)
{
	for (unsigned int type = 0; type <= ANY_TYPE; type++) {
		free(choices->of[type].up);
		free(choices->of[type].down);
	}
}

static void leave_type(const struct run *run, struct free_choice *choice, unsigned int type)
{
	for (pfn_t pfn = 0; pfn < choice->end; pfn++)
		if (can_choose(choice, pfn) && page_alloc_type_of(run->mm.pages, pfn) != type)
			take_out(choice, pfn);
}

static int choices_init(const struct run *run, struct choices *choices, struct err *err)
{
	int ret = choice_init(run, &choices->of[ANY_TYPE], err);

	choices->typed = !run->options->initial->exact_blocks;
	for (unsigned int type = 0; ret == 0 && choices->typed && type < ANY_TYPE; type++) {
		ret = choice_init(run, &choices->of[type], err);
		if (ret == 0)
			leave_type(run, &choices->of[type], type);
	}
	return ret;
}

static void choices_take_out(struct choices *choices, pfn_t pfn, unsigned int order)
{
	for (unsigned int type = 0; type <= ANY_TYPE; type++)
		take_out_range(&choices->of[type], pfn, 1ull << order);
}

static bool block_fits(struct free_choice *choice, pfn_t pfn, unsigned int order)
{
	for (pfn_t page = pfn; page < pfn + (1ull << order); page++)
		if (!can_choose(choice, page))
			return false;
	return true;
}

static pfn_t choose_page(struct free_choice *choice, uint32_t near)
{
	uint32_t above = nearest(choice->up, near + 1), below = nearest(choice->down, near + 1);

	if (above > choice->end && below == 0)
		return PFN_NONE;
	if (above > choice->end || (below && near + 1 - below < above - near - 1))
		return below - 1;
	return above - 1;
}

static pfn_t choose_block(struct free_choice *choice, uint32_t near, unsigned int order)
{
	uint32_t size = 1u << order, first = near >> order << order;

	if (!order)
		return choose_page(choice, near);
	for (uint32_t away = 0; away <= choice->end; away += size) {
		if (first >= away && block_fits(choice, first - away, order))
			return first - away;
		if (block_fits(choice, (pfn_t)first + away, order))
			return (pfn_t)first + away;
	}
	return PFN_NONE;
}

/* A block that the trace names. */
struct wanted_block {
	uint64_t where;
	uint32_t older; /* its index */
	uint32_t order;
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

/* Where the recorded frame would be on this machine: memory is handed out from its end, so that is what counts. */
static uint32_t place_here(const struct free_choice *choice, uint64_t where, uint64_t recorded_end)
{
	if (recorded_end <= choice->end)
		return (uint32_t)where;
	return recorded_end - where <= choice->end ? (uint32_t)(choice->end - (recorded_end - where)) : 0;
}

static pfn_t find_place(const struct run *run, struct choices *choices, const struct run_op *op, uint32_t near,
	unsigned int order)
{
	struct page_request want = page_request_of(run, op);
	pfn_t pfn = PFN_NONE;

	if (choices->typed)
		pfn = choose_block(&choices->of[page_alloc_wanted_type(run->mm.pages, &want)], near, order);
	return pfn != PFN_NONE ? pfn : choose_block(&choices->of[ANY_TYPE], near, order);
}

static void place_block(struct run *run, struct choices *choices, const struct older *older,
	const struct wanted_block *block, uint64_t recorded_end)
{
	struct request req = { .op = older->op, .slot = older->slot };
	uint32_t near = place_here(&choices->of[ANY_TYPE], block->where, recorded_end);
	pfn_t pfn = find_place(run, choices, &run->ops[older->op], near, block->order);

	if (pfn == PFN_NONE)
		return;
	choices_take_out(choices, pfn, block->order);
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
		if (op->bytes_alloc != run->machine->page_size)
			return -1;
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

/* Blocks whose frames the recording tells, and that are one block. Return: how many. */
static uint32_t list_blocks(const struct run *run, const struct older *older, uint32_t nr, struct wanted_block *blocks)
{
	uint32_t nr_blocks = 0;

	for (uint32_t i = 0; i < nr; i++) {
		const struct run_op *op = &run->ops[older[i].op];

		int order = order_of_block(run, op);

		if (order < 0 || !older[i].where || object_lives(&run->objects[older[i].slot]))
			continue;
		blocks[nr_blocks++] = (struct wanted_block){ frame_of(run, op, older[i].where), i, (uint32_t)order };
	}
	return nr_blocks;
}

int adopt_blocks(struct run *run, const struct older *older, uint32_t nr, struct err *err)
{
	struct wanted_block *blocks = malloc(((size_t)nr + 1) * sizeof(*blocks));
	struct choices choices = { .typed = false };
	uint64_t recorded_end = 0;
	uint32_t nr_blocks;
	int ret;

	if (!blocks)
		return err_set(err, ERR_NOMEM, "no memory for the pages of the initial state");
	nr_blocks = list_blocks(run, older, nr, blocks);
	for (uint32_t i = 0; i < nr_blocks; i++)
		recorded_end = max_u64(recorded_end, blocks[i].where + (1ull << blocks[i].order));
	qsort(blocks, nr_blocks, sizeof(*blocks), by_size_and_place);
	ret = choices_init(run, &choices, err);
	for (uint32_t i = 0; ret == 0 && i < nr_blocks; i++)
		place_block(run, &choices, &older[blocks[i].older], &blocks[i], recorded_end);
	choices_fini(&choices);
	free(blocks);
	return ret;
}

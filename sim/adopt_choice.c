/*
 * adopt_choice: pages of a saved state that may be somebody's, found by nearness: for blocks that the trace names
 * (adopt_blocks.c), for pages of vmalloc areas (adopt_areas.c), and for those of ended processes (adopt_gone.c).
 */
#include <stdlib.h>
#include <string.h>

#include "sim/adopt_priv.h"

static uint32_t nearest(uint32_t *next, uint32_t at)
{
	while (next[at] != at) {
		next[at] = next[next[at]];
		at = next[at];
	}
	return at;
}

bool choice_has(const struct free_choice *choice, pfn_t pfn)
{
	return pfn < choice->end && choice->up[pfn + 1] == pfn + 1;
}

static void take_out(struct free_choice *choice, pfn_t pfn)
{
	choice->up[pfn + 1] = (uint32_t)pfn + 2;
	choice->down[pfn + 1] = (uint32_t)pfn;
}

void choice_take_out(struct free_choice *choice, pfn_t first, uint64_t nr)
{
	for (pfn_t pfn = first; pfn < first + nr && pfn < choice->end; pfn++)
		take_out(choice, pfn);
}

static bool kind_is_a_callers(enum state_page_kind kind)
{
	return kind != STATE_PAGE_RESERVED && kind != STATE_PAGE_HOLE && kind != STATE_PAGE_BUDDY &&
		kind != STATE_PAGE_PCP;
}

/* Free pages, slabs, blocks that have been found, reserved ranges, and what the state says is something else. */
static void take_out_others(const struct run *run, struct free_choice *choice)
{
	const struct machine *machine = run->machine;
	const struct state *state = run->options->initial;

	for (pfn_t pfn = 0, next; pfn < choice->end; pfn = next) {
		uint32_t nr = page_alloc_allocated(run->mm.pages, pfn, 0) ? adopt_slab_pages(run, pfn) : 1;

		choice_take_out(choice, pfn, nr);
		next = pfn + max_u64(nr, 1);
	}
	for (uint32_t i = 0; i < run->nr_objects; i++)
		if (run->objects[i].slab == OBJECT_PAGES)
			choice_take_out(choice, run->objects[i].index, run->objects[i].left);
	for (uint32_t i = 0; i < machine->nr_reserved; i++)
		choice_take_out(choice, machine->reserved[i].start >> machine->page_shift,
			(machine->reserved[i].size + machine->page_size - 1) >> machine->page_shift);
	for (size_t i = 0; i < state->nr_pages; i++)
		if (!kind_is_a_callers(state->pages[i].kind))
			choice_take_out(choice, state->pages[i].first_pfn, state->pages[i].nr_pages);
}

static int make_room(struct free_choice *choice, pfn_t end, struct err *err)
{
	*choice = (struct free_choice){ .end = (uint32_t)end };
	choice->up = malloc((end + 3) * sizeof(*choice->up));
	choice->down = malloc((end + 3) * sizeof(*choice->down));
	if (!choice->up || !choice->down)
		return err_set(err, ERR_NOMEM, "no memory for the pages of the initial state");
	return 0;
}

int choice_init(const struct run *run, struct free_choice *choice, struct err *err)
{
	int ret = make_room(choice, adopt_memory_end(run), err);

	if (ret < 0)
		return ret;
	for (uint32_t i = 0; i < choice->end + 3; i++)
		choice->up[i] = choice->down[i] = i;
	take_out_others(run, choice);
	return 0;
}

int choice_copy(const struct free_choice *from, struct free_choice *choice, struct err *err)
{
	int ret = make_room(choice, from->end, err);

	if (ret < 0)
		return ret;
	memcpy(choice->up, from->up, (from->end + 3ul) * sizeof(*choice->up));
	memcpy(choice->down, from->down, (from->end + 3ul) * sizeof(*choice->down));
	return 0;
}

void choice_fini(struct free_choice *choice)
{
	free(choice->up);
	free(choice->down);
}

static bool block_fits(struct free_choice *choice, pfn_t pfn, unsigned int order)
{
	for (pfn_t page = pfn; page < pfn + (1ull << order); page++)
		if (!choice_has(choice, page))
			return false;
	return true;
}

pfn_t choice_page(struct free_choice *choice, uint32_t near)
{
	uint32_t above = nearest(choice->up, near + 1), below = nearest(choice->down, near + 1);

	if (above > choice->end && below == 0)
		return PFN_NONE;
	if (above > choice->end || (below && near + 1 - below < above - near - 1))
		return below - 1;
	return above - 1;
}

pfn_t choice_block(struct free_choice *choice, uint32_t near, unsigned int order)
{
	uint32_t size = 1u << order, first = near >> order << order;

	if (!order)
		return choice_page(choice, near);
	for (uint32_t away = 0; away <= choice->end; away += size) {
		if (first >= away && block_fits(choice, first - away, order))
			return first - away;
		if (block_fits(choice, (pfn_t)first + away, order))
			return (pfn_t)first + away;
	}
	return PFN_NONE;
}

uint32_t choice_near(const struct free_choice *choice, uint64_t where)
{
	uint64_t more = choice->recorded_end > choice->end ? choice->recorded_end - choice->end : 0;

	/* What has ended may have been behind all that lives. */
	return (uint32_t)min_u64(where > more ? where - more : 0, choice->end - 1);
}

void choice_side(const struct run *run, struct free_choice *choice, bool users)
{
	const struct state *state = run->options->initial;

	for (size_t i = 0; i < state->nr_pages; i++)
		if ((state->pages[i].kind == STATE_PAGE_ANON || state->pages[i].kind == STATE_PAGE_FILE) != users)
			choice_take_out(choice, state->pages[i].first_pfn, state->pages[i].nr_pages);
	for (pfn_t pfn = 0; !state->nr_pages && pfn < choice->end; pfn++)
		if (choice_has(choice, pfn) && (page_alloc_block_type(run->mm.pages, pfn) == MIGRATE_MOVABLE) != users)
			take_out(choice, pfn);
}

void choice_kernel(const struct run *run, struct free_choice *choice)
{
	const struct state *state = run->options->initial;

	if (state->lru_told == STATE_LRU_UNKNOWN && !state->nr_pages)
		return;
	for (pfn_t pfn = 0; pfn < choice->end; pfn++)
		if (choice_has(choice, pfn) && page_alloc_movable(run->mm.pages, pfn))
			take_out(choice, pfn);
}

void choice_anon(const struct run *run, struct free_choice *choice)
{
	const struct state *state = run->options->initial;

	if (!run->reclaim.active || (state->lru_told == STATE_LRU_UNKNOWN && !state->nr_pages))
		return;
	for (pfn_t pfn = 0; pfn < choice->end; pfn++) {
		enum lru_list list = lru_list_of(run->mm.pages, pfn);

		if (choice_has(choice, pfn) && list != LRU_INACTIVE_ANON && list != LRU_ACTIVE_ANON)
			take_out(choice, pfn);
	}
}

void choice_only(const struct run *run, struct free_choice *choice, enum state_page_kind kind)
{
	const struct state *state = run->options->initial;

	for (size_t i = 0; i < state->nr_pages; i++)
		if (state->pages[i].kind != kind)
			choice_take_out(choice, state->pages[i].first_pfn, state->pages[i].nr_pages);
}

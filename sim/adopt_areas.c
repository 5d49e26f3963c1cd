/*
 * adopt_areas: what a saved state does not tell of the vmalloc space: which pages
 * are whose area's, and, of another machine, which area is which of the trace's.
 */
#include <stdlib.h>

#include "base/bits.h"
#include "base/rng.h"
#include "mm/vmalloc.h"
#include "sim/adopt_priv.h"
#include "sim/serve_priv.h"
#include "sim/serve_vmalloc.h"

struct areas {
	struct run *run;
	struct vmalloc *vm;         /* borrowed from run */
	struct free_choice choice;
	struct rng rng;
	uint64_t *frames;           /* owned: recorded frames of pages of areas */
	uint32_t nr_frames, next_frame;
};

/* An effect: a page that the recording shows an area take, which the model takes with its area. */
static bool is_page_of_area(const struct run_op *op)
{
	return op->action == ACT_SKIP && op->order == 0 &&
	       (op->trace->origin == ORIGIN_VMALLOC || op->trace->origin == ORIGIN_STACK);
}

static int list_frames(struct areas *areas, const struct older *older, uint32_t nr, struct err *err)
{
	areas->frames = malloc(((size_t)nr + 1) * sizeof(*areas->frames));
	if (!areas->frames)
		return err_set(err, ERR_NOMEM, "no memory for the pages of areas of the initial state");
	for (uint32_t i = 0; i < nr; i++)
		if (is_page_of_area(&areas->run->ops[older[i].op]) && older[i].where)
			areas->frames[areas->nr_frames++] = older[i].where;
	return 0;
}

/* A page of the memory of @node, by chance. */
static uint32_t anywhere_on(struct areas *areas, uint32_t node)
{
	const struct page_alloc *pages = areas->run->mm.pages;
	struct zone_stats zone;
	uint64_t all = 0, at;

	for (unsigned int z = 0; z < page_alloc_nr_zones(pages); z++) {
		page_alloc_zone_stats(pages, z, &zone);
		all += zone.node == node ? zone.spanned : 0;
	}
	at = all ? rng_below(&areas->rng, all) : 0;
	for (unsigned int z = 0; z < page_alloc_nr_zones(pages); z++) {
		page_alloc_zone_stats(pages, z, &zone);
		if (zone.node != node)
			continue;
		if (at < zone.spanned)
			return (uint32_t)(zone.start_pfn + at);
		at -= zone.spanned;
	}
	return 0;
}

/*
 * Recorded frames first, then pages drawn by the seed.
 * Simplified: which of the recorded frames are which area's is not looked for.
 */
static pfn_t next_page(struct areas *areas, uint32_t node)
{
	pfn_t pfn;

	while (areas->next_frame < areas->nr_frames) {
		pfn = areas->frames[areas->next_frame++];
		if (choice_has(&areas->choice, pfn) && page_alloc_node_of(areas->run->mm.pages, pfn) == node)
			return pfn;
	}
	areas->run->result.filled.area_pages++;
	return choice_page(&areas->choice, anywhere_on(areas, node));
}

static uint32_t fill(struct areas *areas, pfn_t *pfns, uint32_t nr, uint64_t want, uint32_t node)
{
	for (; want; want--) {
		pfn_t pfn = next_page(areas, node);

		if (pfn == PFN_NONE)
			return nr;
		choice_take_out(&areas->choice, pfn, 1);
		pfns[nr++] = pfn;
	}
	return nr;
}

/*
 * Which of the state's areas an object of the trace may be: all
 * of that size and use that nobody has, or that at @where alone.
 */
static bool may_be(const struct state_area *area, const struct run_op *op, uint64_t bytes, uint64_t where)
{
	if (area->end - area->start != bytes || area->lazy || area->vmap != (op->kind == KIND_VMAP))
		return false;
	return (area->vmap || area->pages) && (!where || area->start == where);
}

/* @where 0: anywhere. */
static void find_area(struct run *run, const struct older *older, bool *taken, uint64_t where)
{
	const struct state *state = run->options->initial;
	struct run_op *op = &run->ops[older->op];
	struct request req = { .op = older->op, .slot = older->slot };
	uint64_t bytes = op->action == ACT_PART ? vmalloc_bytes(run, op) : 0;
	size_t i = 0;

	if (!bytes || object_lives(&run->objects[older->slot]))
		return;
	while (i < state->nr_areas && (taken[i] || !may_be(&state->areas[i], op, bytes, where)))
		i++;
	if (i == state->nr_areas)
		return;
	taken[i] = true;
	object_begin(run, &req, op, OBJECT_PART, run->follow.areas[i]);
	run->result.bound++;
}

int adopt_named_areas(struct run *run, const struct older *older, uint32_t nr, struct err *err)
{
	bool *taken;

	if (!run->follow.areas)
		return 0;
	taken = calloc(run->options->initial->nr_areas, sizeof(*taken));
	if (!taken)
		return err_set(err, ERR_NOMEM, "no memory for the areas of the initial state");
	for (uint32_t i = 0; i < nr; i++)
		if (older[i].where)
			find_area(run, &older[i], taken, older[i].where);
	for (uint32_t i = 0; i < nr; i++)
		find_area(run, &older[i], taken, 0);
	free(taken);
	return 0;
}

/* As many pages as the area has, on the nodes that it has them on. */
static int give_pages(struct areas *areas, const struct state_area *saved, uint32_t area, struct err *err)
{
	uint64_t left = saved->pages;
	uint32_t nr = 0;
	pfn_t *pfns = malloc(left * sizeof(*pfns));

	if (!pfns)
		return err_set(err, ERR_NOMEM, "no memory for the pages of areas of the initial state");
	for (uint32_t node = 0; node < areas->run->machine->nr_nodes; node++) {
		uint64_t want = min_u64(left, saved->on_node[node]);

		nr = fill(areas, pfns, nr, want, node);
		left -= want;
	}
	nr = fill(areas, pfns, nr, left, 0);
	vmalloc_own(areas->vm, area, pfns, nr);
	return 0;
}

/* Areas of per-CPU chunks and of ioremap own no pages, huge mappings whole blocks. */
static bool owns_pages(const struct areas *areas, const struct state_area *saved)
{
	return saved->pages && !saved->lazy && !saved->ioremap && !saved->vmap && !saved->map_ram &&
	       saved->pages <= (saved->end - saved->start) >> areas->run->machine->page_shift;
}

static int fill_areas(struct areas *areas, struct err *err)
{
	const struct state *state = areas->run->options->initial;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < state->nr_areas; i++)
		if (owns_pages(areas, &state->areas[i]))
			ret = give_pages(areas, &state->areas[i], areas->run->follow.areas[i], err);
	return ret;
}

int adopt_areas(struct run *run, const struct older *older, uint32_t nr, bool own, struct err *err)
{
	struct areas areas = { .run = run, .vm = mm_state(&run->mm, SLOT_VMALLOC) };
	int ret;

	if (!run->follow.areas)
		return 0;
	rng_init(&areas.rng, run->options->seed, "adopt_areas");
	ret = list_frames(&areas, older, nr, err);
	if (ret == 0)
		ret = choice_init(run, &areas.choice, err);
	if (ret == 0)
		choice_only(run, &areas.choice, STATE_PAGE_KERNEL);
	if (ret == 0)
		choice_kernel(run, &areas.choice);
	if (ret == 0)
		ret = adopt_percpu(run, &areas.choice, older, nr, own, err);
	if (ret == 0)
		ret = fill_areas(&areas, err);
	choice_fini(&areas.choice);
	free(areas.frames);
	return ret;
}

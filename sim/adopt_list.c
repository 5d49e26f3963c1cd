/* adopt_list: what lives in the model's slabs, found by their pages. */
#include <stdlib.h>

#include "base/array.h"
#include "mm/mempool.h"
#include "sim/adopt_priv.h"
#include "sim/reclaim_priv.h"
#include "sim/serve_priv.h"

/* Where a slab or a large kmalloc begins. */
struct start {
	uint32_t kind, pfn;
	struct slab_object first;
};

struct start_list {
	struct start *rows; /* owned */
	uint32_t nr, room;
};

struct object_list {
	struct adopt_object *rows; /* owned */
	uint32_t nr, room;
};

pfn_t adopt_memory_end(const struct run *run)
{
	pfn_t end = 0;

	for (unsigned int z = 0; z < page_alloc_nr_zones(run->mm.pages); z++) {
		struct zone_stats zone;

		page_alloc_zone_stats(run->mm.pages, z, &zone);
		if (zone.start_pfn + zone.spanned > end)
			end = zone.start_pfn + zone.spanned;
	}
	return end;
}

/* The object whose first byte is the first of page @pfn: where each slab and each large kmalloc begins. */
static bool first_object(const struct run *run, pfn_t pfn, struct slab_object *object)
{
	return page_alloc_allocated(run->mm.pages, pfn, 0) && page_alloc_owner(run->mm.pages, pfn) &&
	       slab_object_at(run->mm.slab, pfn << run->machine->page_shift, object) &&
	       slab_object_pfn(run->mm.slab, *object) == pfn;
}

uint32_t adopt_slab_pages(const struct run *run, pfn_t pfn)
{
	struct slab_object object;
	uint32_t pages = 1;

	if (!first_object(run, pfn, &object))
		return 0;
	if (object.slab != SLAB_LARGE)
		return 1u << slab_cache_geometry(run->mm.slab, slab_object_cache(run->mm.slab, object))->order;
	while (slab_object_at(run->mm.slab, (pfn + pages) << run->machine->page_shift, &object) &&
	       object.slab == SLAB_LARGE && object.index == (uint32_t)pfn)
		pages++;
	return pages;
}

static bool add(struct object_list *list, uint32_t kind, struct slab_object object)
{
	if (!array_room(&list->rows, &list->room, list->nr))
		return false;
	list->rows[list->nr++] = (struct adopt_object){ kind, object };
	return true;
}

static bool add_slab(const struct run *run, struct object_list *list, const struct start *start)
{
	const struct slab *slab = run->mm.slab;

	for (uint32_t i = 0; i < slab_cache_geometry(slab, start->kind)->objs_per_slab; i++) {
		struct slab_object object = { start->first.slab, i };

		if (slab_object_live(slab, object) && !add(list, start->kind, object))
			return false;
	}
	return true;
}

static int by_kind(const void *a, const void *b)
{
	const struct start *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->pfn < y->pfn ? -1 : x->pfn > y->pfn;
}

/* Slabs and large kmallocs, by kind, then address. */
static bool list_starts(const struct run *run, struct start_list *starts)
{
	pfn_t end = adopt_memory_end(run);

	for (pfn_t pfn = 0; pfn < end; pfn++) {
		struct slab_object first;

		if (!first_object(run, pfn, &first))
			continue;
		if (!array_room(&starts->rows, &starts->room, starts->nr))
			return false;
		starts->rows[starts->nr++] = (struct start){ .pfn = (uint32_t)pfn, .first = first,
			.kind = first.slab == SLAB_LARGE ? ADOPT_LARGE + adopt_slab_pages(run, pfn) :
							   slab_object_cache(run->mm.slab, first) };
	}
	if (starts->nr)
		qsort(starts->rows, starts->nr, sizeof(*starts->rows), by_kind);
	return true;
}

int adopt_list_objects(struct run *run, struct adopt_object **out, uint32_t *nr, struct err *err)
{
	struct start_list starts = { 0 };
	struct object_list list = { 0 };
	bool room = list_starts(run, &starts);

	for (uint32_t i = 0; room && i < starts.nr; i++) {
		const struct start *start = &starts.rows[i];

		room = start->kind >= ADOPT_LARGE ? add(&list, start->kind, start->first) : add_slab(run, &list, start);
	}
	free(starts.rows);
	if (!room) {
		free(list.rows);
		return err_set(err, ERR_NOMEM, "no memory for the objects of the initial state");
	}
	*out = list.rows;
	*nr = list.nr;
	return 0;
}

static bool trace_has_objects(const struct run *run, uint32_t cache)
{
	for (uint32_t slot = 0; slot < run->nr_objects; slot++)
		if (object_is_slab(&run->objects[slot]) && run->objects[slot].slab != SLAB_LARGE &&
			slab_object_cache(run->mm.slab, slab_part(&run->objects[slot])) == cache)
			return true;
	return false;
}

static bool pool_has_objects(const struct run *run, uint32_t cache)
{
	const struct mempools *pools = mm_state(&run->mm, SLOT_MEMPOOL);

	for (uint32_t pool = 0; pool < mempool_nr(pools); pool++) {
		struct mempool_stats stats;

		mempool_get_stats(pools, pool, &stats);
		if (!stats.destroyed && stats.create.kind == MEMPOOL_SLAB && stats.create.cache == cache)
			return true;
	}
	return false;
}

/* The shrinkers keep account of dentries, inodes and their like (shrink_older.c). */
static bool is_only_the_states(const struct run *run, uint32_t cache)
{
	const struct state *state = run->options->initial;
	struct slab_stats stats;

	if (!state || state->exact_slabs || !slab_cache_live(run->mm.slab, cache))
		return false;
	slab_cache_stats(run->mm.slab, cache, &stats);
	return stats.live_objs && !stats.aliases && shrink_class_of(stats.name) == SHRINK_NOTHING &&
		!trace_has_objects(run, cache) && !pool_has_objects(run, cache);
}

void adopt_forget_cache(struct run *run, uint32_t cache)
{
	struct adopt_object *objects;
	struct meter free_of_charge;
	uint32_t nr;

	if (!is_only_the_states(run, cache) || adopt_list_objects(run, &objects, &nr, &run->deferred) < 0)
		return;
	meter_start(&free_of_charge, run->machine->latency.step_ns);
	for (uint32_t i = 0; i < nr; i++)
		if (objects[i].kind == cache)
			slab_free(run->mm.slab, objects[i].object, run->cpu, &free_of_charge);
	free(objects);
}

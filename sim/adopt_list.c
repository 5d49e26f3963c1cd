/* adopt_list: what lives in the model's slabs, found by their pages. */
#include <stdlib.h>

#include "base/array.h"
#include "sim/adopt_priv.h"

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
	list->rows[list->nr] = (struct adopt_object){ kind, list->nr, object };
	list->nr++;
	return true;
}

static bool add_slab(const struct run *run, struct object_list *list, pfn_t pfn, struct slab_object first)
{
	const struct slab *slab = run->mm.slab;
	uint32_t cache = slab_object_cache(slab, first);
	const struct slab_geometry *geometry = slab_cache_geometry(slab, cache);

	for (uint32_t i = 0; i < geometry->objs_per_slab; i++) {
		struct slab_object object;

		if (!slab_object_at(slab, (pfn << run->machine->page_shift) + (uint64_t)i * geometry->size, &object) ||
			object.slab != first.slab)
			break;
		if (slab_object_live(slab, object) && !add(list, cache, object))
			return false;
	}
	return true;
}

static int by_kind(const void *a, const void *b)
{
	const struct adopt_object *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

int adopt_list_objects(struct run *run, struct adopt_object **out, uint32_t *nr, struct err *err)
{
	struct object_list list = { 0 };
	pfn_t end = adopt_memory_end(run);
	bool room = true;

	for (pfn_t pfn = 0; pfn < end && room; pfn++) {
		struct slab_object object;

		if (!first_object(run, pfn, &object))
			continue;
		if (object.slab == SLAB_LARGE)
			room = add(&list, ADOPT_LARGE + adopt_slab_pages(run, pfn), object);
		else
			room = add_slab(run, &list, pfn, object);
	}
	if (!room) {
		free(list.rows);
		return err_set(err, ERR_NOMEM, "no memory for the objects of the initial state");
	}
	if (list.nr)
		qsort(list.rows, list.nr, sizeof(*list.rows), by_kind);
	*out = list.rows;
	*nr = list.nr;
	return 0;
}

/* The invariants of SLAB, numbered as in slab_engine_priv.h. */
#include <stdlib.h>
#include <string.h>

#include "mm/slab_engine_priv.h"

#define broken(err, ...) err_set(err, ERR_INVARIANT, __VA_ARGS__)

/* What a walk over all lists and arrays has found, to be held against the slabs themselves. */
struct engine_walk {
	const struct slab_engine *engine;
	uint8_t *found;      /* owned: by slab number, the list it was met on + 1; 0: not met yet */
	uint8_t *at_hand;    /* owned: by slab and link of its place, whether the object lies in an array */
	uint8_t *in_slab;    /* owned: marks of the objects of one slab */
	uint64_t *slabs;     /* owned: by cache, slabs met */
};

/* Where an object's mark is: each has a link of its own. */
static uint8_t *mark_of(struct engine_walk *walk, const struct engine_slab *slab, uint32_t object)
{
	return &walk->at_hand[(size_t)slab->links * SLAB_LINK_UNIT + object];
}

static int check_list(struct engine_walk *walk, uint32_t cache, unsigned int node, enum engine_list list,
	struct err *err)
{
	const struct slab_engine *engine = walk->engine;
	const struct engine_node *n = engine_node_of(engine, cache, node);
	uint32_t prev = ENGINE_NONE, length = 0;

	for (uint32_t number = n->head[list]; number != ENGINE_NONE; number = engine->slabs[number].next) {
		const struct engine_slab *slab = &engine->slabs[number];

		if (number >= engine->nr_slabs || walk->found[number] || slab->list != list)
			return broken(err,
				"engine 2: cache %u: slab %u on list %d does not exist, says otherwise or was met "
				"before",
				cache, number, (int)list);
		if (slab->cache != cache || slab->node != node || slab->prev != prev)
			return broken(err,
				"engine 2: slab %u of cache %u, node %u, behind slab %u: is on list %d of cache %u, "
				"node %u, behind %u",
				number, slab->cache, slab->node, slab->prev, (int)list, cache, node, prev);
		walk->found[number] = (uint8_t)(list + 1);
		prev = number;
		length++;
	}
	if (length != n->nr[list] || n->tail[list] != prev)
		return broken(err, "engine 2: cache %u, node %u: %u slabs on list %d to %u, counted %u to %u", cache,
			node, length, (int)list, prev, n->nr[list], n->tail[list]);
	walk->slabs[cache] += length;
	return 0;
}

/* @node: where its objects have to be from. */
static int check_array(struct engine_walk *walk, uint32_t cache, const struct engine_array *array, unsigned int node,
	struct err *err)
{
	const struct slab_engine *engine = walk->engine;

	if (!array)
		return 0;
	if (array->avail > array->limit)
		return broken(err, "engine 5: cache %u: %u objects in an array for %u", cache, array->avail,
			array->limit);
	for (uint32_t i = 0; i < array->avail; i++) {
		struct slab_object object = array->entry[i];
		const struct engine_slab *slab = &engine->slabs[object.slab];

		if (object.slab >= engine->nr_slabs || slab->list == ENGINE_UNUSED || slab->cache != cache ||
				slab->node != node || object.index >= engine->caches[cache].geometry.objs_per_slab)
			return broken(err,
				"engine 5: cache %u, node %u: object %u of slab %u does not belong into the array",
				cache, node, object.index, object.slab);
		if ((*mark_of(walk, slab, object.index))++)
			return broken(err, "engine 5: object %u of slab %u is in two arrays", object.index,
				object.slab);
	}
	return 0;
}

static int check_arrays(struct engine_walk *walk, uint32_t cache, struct err *err)
{
	const struct slab_engine *engine = walk->engine;
	const struct engine_cache *c = &engine->caches[cache];
	uint32_t nodes = engine->nr_nodes;
	int ret = 0;

	for (unsigned int cpu = 0; !ret && cpu < engine->nr_cpus; cpu++)
		ret = check_array(walk, cache, engine_cpu_array(c, cpu), engine->numa.of_cpu[cpu], err);
	for (unsigned int node = 0; !ret && node < nodes; node++)
		ret = check_array(walk, cache, engine_shared_array(engine, c, node), node, err);
	for (unsigned int i = 0; !ret && i < nodes * nodes; i++)
		ret = check_array(walk, cache, engine_alien_array(engine, c, i / nodes, i % nodes), i % nodes, err);
	return ret;
}

static int check_free_objects(struct engine_walk *walk, const struct engine_slab *slab, uint32_t number,
	struct err *err)
{
	uint32_t num = walk->engine->caches[slab->cache].geometry.objs_per_slab;
	const uint16_t *links = engine_links(walk->engine, slab);

	memset(walk->in_slab, 0, num);
	for (uint32_t i = slab->active; i < num; i++) {
		if (links[i] >= num || walk->in_slab[links[i]]++)
			return broken(err, "engine 1: slab %u: free object %u does not exist, or is free twice", number,
				links[i]);
		if (*mark_of(walk, slab, links[i]))
			return broken(err, "engine 5: object %u of slab %u is free in it and in an array", links[i],
				number);
	}
	return 0;
}

static bool has_right_list(const struct engine_slab *slab, uint32_t num)
{
	if (!slab->active)
		return slab->list == ENGINE_FREE;
	return slab->list == (slab->active == num ? ENGINE_FULL : ENGINE_PARTIAL);
}

static int check_slab(struct engine_walk *walk, uint32_t number, struct err *err)
{
	const struct slab_engine *engine = walk->engine;
	const struct engine_slab *slab = &engine->slabs[number];
	const struct slab_geometry *g;
	uint32_t colour, management;

	if (slab->cache >= engine->nr_caches || !engine->caches[slab->cache].live || !walk->found[number])
		return broken(err, "engine 2: slab %u of cache %u is on no list", number, slab->cache);
	g = &engine->caches[slab->cache].geometry;
	if (slab->active > g->objs_per_slab || !has_right_list(slab, g->objs_per_slab))
		return broken(err, "engine 3: slab %u with %u of %u objects out is on list %u", number, slab->active,
			g->objs_per_slab, slab->list);
	if (page_alloc_owner(engine->pages, slab->pfn) != number + 1 ||
			page_alloc_node_of(engine->pages, slab->pfn) != slab->node)
		return broken(err, "engine 6: slab %u of node %u: page %u is of node %u, owner word %u", number,
			slab->node, slab->pfn, page_alloc_node_of(engine->pages, slab->pfn),
			page_alloc_owner(engine->pages, slab->pfn));
	management = slab_engine_management(engine->machine, g);
	colour = (slab->first - management) / g->colour_off;
	if (slab->first < management || (slab->first - management) % g->colour_off ||
		(colour && colour >= g->colours) ||
		slab->first + (uint64_t)g->objs_per_slab * g->size > (uint64_t)engine->machine->page_size << g->order)
		return broken(err, "engine 7: slab %u: %u objects of %u bytes from byte %u", number, g->objs_per_slab,
			g->size, slab->first);
	if (g->management == SLAB_OFF_SLAB && !slab_object_live(engine->mm->slab, slab->management))
		return broken(err, "engine 8: slab %u: its management, object %u of slab %u, is free", number,
			slab->management.index, slab->management.slab);
	return check_free_objects(walk, slab, number, err);
}

static int check_free_counts(const struct slab_engine *engine, uint32_t cache, struct err *err)
{
	for (unsigned int node = 0; node < engine->nr_nodes; node++) {
		const struct engine_node *n = engine_node_of(engine, cache, node);
		uint32_t num = engine->caches[cache].geometry.objs_per_slab;
		uint64_t free_objects = (uint64_t)n->nr[ENGINE_FREE] * num;

		for (uint32_t i = n->head[ENGINE_PARTIAL]; i != ENGINE_NONE; i = engine->slabs[i].next)
			free_objects += num - engine->slabs[i].active;
		if (free_objects != n->free_objects)
			return broken(err, "engine 4: cache %u, node %u: %llu free objects, counted %llu", cache, node,
				(unsigned long long)free_objects, (unsigned long long)n->free_objects);
	}
	return 0;
}

/* Also an unused number that is not on the chain, since the lengths would differ. */
static int check_numbers(const struct engine_walk *walk, struct err *err)
{
	const struct slab_engine *engine = walk->engine;
	uint32_t unused = 0, chained = 0;

	for (uint32_t number = 0; number < engine->nr_slabs; number++)
		unused += engine->slabs[number].list == ENGINE_UNUSED;
	for (uint32_t number = engine->unused; number != ENGINE_NONE && chained <= unused; chained++) {
		if (number >= engine->nr_slabs || engine->slabs[number].list != ENGINE_UNUSED)
			return broken(err, "engine 9: slab number %u is on the unused chain", number);
		number = engine->slabs[number].next;
	}
	if (chained != unused)
		return broken(err, "engine 9: %u numbers are unused, %u on the chain", unused, chained);
	for (uint32_t cache = 0; cache < engine->nr_caches; cache++) {
		const struct engine_cache *c = &engine->caches[cache];

		if (c->live && c->grown - c->discarded != walk->slabs[cache])
			return broken(err, "engine 9: cache %u has %llu slabs, grown less discarded is %llu", cache,
				(unsigned long long)walk->slabs[cache], (unsigned long long)(c->grown - c->discarded));
	}
	return 0;
}

static int check_cache(struct engine_walk *walk, uint32_t cache, struct err *err)
{
	int ret = 0;

	for (unsigned int node = 0; !ret && node < walk->engine->nr_nodes; node++)
		for (int list = 0; !ret && list < NR_ENGINE_LISTS; list++)
			ret = check_list(walk, cache, node, (enum engine_list)list, err);
	if (!ret)
		ret = check_arrays(walk, cache, err);
	return ret;
}

static int check_all(struct engine_walk *walk, struct err *err)
{
	const struct slab_engine *engine = walk->engine;
	int ret = 0;

	for (uint32_t cache = 0; !ret && cache < engine->nr_caches; cache++)
		if (engine->caches[cache].live)
			ret = check_cache(walk, cache, err);
	for (uint32_t number = 0; !ret && number < engine->nr_slabs; number++)
		if (engine->slabs[number].list != ENGINE_UNUSED)
			ret = check_slab(walk, number, err);
	for (uint32_t cache = 0; !ret && cache < engine->nr_caches; cache++)
		if (engine->caches[cache].live)
			ret = check_free_counts(engine, cache, err);
	return ret ? ret : check_numbers(walk, err);
}

int slab_engine_check(const void *state, struct err *err)
{
	const struct slab_engine *engine = state;
	struct engine_walk walk = {
		.engine = engine,
		.found = calloc((size_t)engine->nr_slabs + 1, 1),
		.at_hand = calloc((size_t)engine->links.nr_units * SLAB_LINK_UNIT + 1, 1),
		.in_slab = malloc(SLAB_OBJECTS_MAX + 1),
		.slabs = calloc((size_t)engine->nr_caches + 1, sizeof(*walk.slabs)),
	};
	int ret;

	if (walk.found && walk.at_hand && walk.in_slab && walk.slabs)
		ret = check_all(&walk, err);
	else
		ret = err_set(err, ERR_NOMEM, "no memory to check %u slabs", engine->nr_slabs);
	free(walk.found);
	free(walk.at_hand);
	free(walk.in_slab);
	free(walk.slabs);
	return ret;
}

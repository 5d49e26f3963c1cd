/* What /proc/slabinfo would show of a SLAB cache, which objects are handed out, and where they are. */
#include "mm/slab_engine_priv.h"

/* All arrays of a cache, one after the other: @i counts up to engine_nr_arrays(). */
static const struct engine_array *array_of(const struct slab_engine *engine, const struct engine_cache *cache,
	uint32_t i)
{
	uint32_t nodes = engine->nr_nodes;

	if (i < engine->nr_cpus)
		return engine_cpu_array(cache, i);
	i -= engine->nr_cpus;
	if (i < nodes)
		return engine_shared_array(engine, cache, i);
	return engine_alien_array(engine, cache, (i - nodes) / nodes, (i - nodes) % nodes);
}

static uint32_t nr_arrays(const struct slab_engine *engine)
{
	return engine->nr_cpus + engine->nr_nodes * (1 + engine->nr_nodes);
}

/* The kernel counts what lies in arrays as active; only who walks them knows what callers hold. */
void slab_engine_stats(const void *state, uint32_t cache, struct slab_stats *stats)
{
	const struct slab_engine *engine = state;
	const struct engine_cache *c = &engine->caches[cache];
	uint64_t free_objects = 0, at_hand = 0;

	for (uint32_t i = 0; i < nr_arrays(engine); i++) {
		const struct engine_array *array = array_of(engine, c, i);

		at_hand += array ? array->avail : 0;
	}
	for (unsigned int node = 0; node < engine->nr_nodes; node++) {
		const struct engine_node *n = engine_node_of(engine, cache, node);
		const struct engine_array *shared = engine_shared_array(engine, c, node);

		free_objects += n->free_objects;
		stats->partial += n->nr[ENGINE_PARTIAL];
		stats->active_slabs += n->nr[ENGINE_PARTIAL] + n->nr[ENGINE_FULL];
		stats->slabs += n->nr[ENGINE_PARTIAL] + n->nr[ENGINE_FULL] + n->nr[ENGINE_FREE];
		stats->shared_avail += shared ? shared->avail : 0;
	}
	stats->total_objs = stats->slabs * c->geometry.objs_per_slab;
	stats->slab_pages = stats->slabs << c->geometry.order;
	stats->active_objs = stats->total_objs - free_objects;
	stats->live_objs = stats->active_objs - at_hand;
	stats->allocs = c->allocs;
	stats->frees = c->allocs - stats->live_objs;
	stats->grown = c->grown;
	stats->discarded = c->discarded;
}

static bool in_array(const struct engine_array *array, struct slab_object object)
{
	for (uint32_t i = 0; i < array->avail; i++)
		if (array->entry[i].slab == object.slab && array->entry[i].index == object.index)
			return true;
	return false;
}

bool slab_engine_object_live(const void *state, struct slab_object object)
{
	const struct slab_engine *engine = state;
	const struct engine_slab *slab;
	const struct engine_cache *cache;

	if (object.slab >= engine->nr_slabs || engine->slabs[object.slab].list == ENGINE_UNUSED)
		return false;
	slab = &engine->slabs[object.slab];
	cache = &engine->caches[slab->cache];
	if (object.index >= cache->geometry.objs_per_slab)
		return false;
	for (uint32_t i = slab->active; i < cache->geometry.objs_per_slab; i++)
		if (engine_links(engine, slab)[i] == object.index)
			return false;
	for (uint32_t i = 0; i < nr_arrays(engine); i++) {
		const struct engine_array *array = array_of(engine, cache, i);

		if (array && in_array(array, object))
			return false;
	}
	return true;
}

uint64_t slab_engine_address_of(const void *state, struct slab_object object)
{
	const struct slab_engine *engine = state;
	const struct engine_slab *slab = &engine->slabs[object.slab];

	return ((uint64_t)slab->pfn << engine->machine->page_shift) + slab->first +
		(uint64_t)object.index * engine->caches[slab->cache].geometry.size;
}

/* Slabs are aligned to their size: the first page is found by rounding down, order by order. */
bool slab_engine_object_at(const void *state, uint64_t address, struct slab_object *object)
{
	const struct slab_engine *engine = state;
	unsigned int shift = engine->machine->page_shift;
	pfn_t pfn = address >> shift;

	if (!page_alloc_allocated(engine->pages, pfn, 0))
		return false;
	for (unsigned int order = 0; order < PAGE_MAX_ORDERS; order++) {
		pfn_t head = pfn >> order << order;
		uint32_t number = page_alloc_owner(engine->pages, head) - 1;
		const struct engine_slab *slab;
		const struct slab_geometry *g;
		uint64_t offset = address - (head << shift);

		if (number >= engine->nr_slabs)
			continue;
		slab = &engine->slabs[number];
		g = &engine->caches[slab->cache].geometry;
		if (slab->list == ENGINE_UNUSED || slab->pfn != head || g->order < order)
			continue;
		if (offset < slab->first || (offset - slab->first) / g->size >= g->objs_per_slab)
			return false;
		*object = (struct slab_object){ number, (uint32_t)((offset - slab->first) / g->size) };
		return true;
	}
	return false;
}

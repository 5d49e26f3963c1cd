/*
 * Growing and destroying slabs of SLAB: numbers, pages, colour, management. Models cache_grow_begin(), cache_grow_end()
 * and slab_destroy() of mm/slab.c.
 */
#include "base/bits.h"
#include "mm/slab_engine_priv.h"

int slab_engine_store_init(struct slab_engine *engine, struct err *err)
{
	uint64_t ram = slab_ram_bytes(engine->machine);

	engine->max_slabs = (uint32_t)min_u64(ram >> engine->machine->page_shift, SLAB_NUMBERS_MAX);
	engine->unused = ENGINE_NONE;
	engine->slabs_bytes = ((size_t)engine->max_slabs + 1) * sizeof(*engine->slabs);
	engine->slabs = slab_reserve(engine->slabs_bytes);
	if (!engine->slabs || slab_links_init(&engine->links, engine->machine) < 0) {
		slab_engine_store_fini(engine);
		return err_set(err, ERR_NOMEM, "no address space to follow the slabs of %llu MiB",
			(unsigned long long)(ram >> 20));
	}
	return 0;
}

void slab_engine_store_fini(struct slab_engine *engine)
{
	slab_unreserve(engine->slabs, engine->slabs_bytes);
	slab_links_fini(&engine->links);
	engine->slabs = NULL;
}

/* A number and room for the free objects' stack. ENGINE_NONE: out of room. */
static uint32_t take_number(struct slab_engine *engine, uint32_t num)
{
	uint32_t number = engine->unused, links = slab_links_take(&engine->links, num);

	if (links == SLAB_LINKS_NONE)
		return ENGINE_NONE;
	if (number != ENGINE_NONE) {
		engine->unused = engine->slabs[number].next;
	} else if (engine->nr_slabs < engine->max_slabs) {
		number = engine->nr_slabs++;
	} else {
		slab_links_give(&engine->links, links, num);
		return ENGINE_NONE;
	}
	engine->slabs[number] = (struct engine_slab){ .links = links, .list = ENGINE_FULL };
	return number;
}

static void give_number(struct slab_engine *engine, uint32_t number, uint32_t num)
{
	struct engine_slab *slab = &engine->slabs[number];

	slab_links_give(&engine->links, slab->links, num);
	slab->list = ENGINE_UNUSED;
	slab->next = engine->unused;
	engine->unused = number;
}

/* The next colour of the node: the first slab of a cache has colour 1, if there is one. Return: bytes. */
static uint32_t next_colour(const struct engine_op *op, unsigned int node)
{
	const struct slab_geometry *g = &op->cache->geometry;
	struct engine_node *n = engine_node_of(op->engine, op->cache_nr, node);

	n->colour_next++;
	if (n->colour_next >= g->colours)
		n->colour_next = 0;
	return n->colour_next * g->colour_off;
}

/*
 * Models alloc_slabmgmt() for an off-slab cache: its management comes from kmalloc, of the slab's node.
 * Return: false when there is no memory for it.
 */
static bool take_management(const struct engine_op *op, gfp_t gfp, struct engine_slab *slab)
{
	const struct slab_geometry *g = &op->cache->geometry;
	struct slab *kmalloc = op->engine->mm->slab;
	uint32_t cache;

	if (g->management != SLAB_OFF_SLAB)
		return true;
	cache = kmalloc_class(kmalloc, g->management_bytes, 0);
	if (cache == CACHE_NONE)
		return kmalloc_large(kmalloc, g->management_bytes, gfp, slab->node, op->cpu, &slab->management,
			op->meter) == MM_DONE;
	return slab_alloc(kmalloc, cache, gfp, slab->node, op->cpu, &slab->management, op->meter) == MM_DONE;
}

static bool take_pages(const struct engine_op *op, gfp_t gfp, int node, pfn_t *pfn)
{
	struct page_request req = {
		.gfp = gfp | op->cache->allocflags,
		.cpu = (uint16_t)op->cpu,
		.node = (int16_t)node,
		.order = (uint8_t)op->cache->geometry.order,
	};

	return page_alloc_take(op->engine->pages, &req, pfn, op->meter) == MM_DONE;
}

/* Simplified: a request that would sleep for pages fails, because nothing sleeps yet. */
uint32_t slab_engine_grow(const struct engine_op *op, gfp_t gfp, int node)
{
	struct slab_engine *engine = op->engine;
	const struct slab_geometry *g = &op->cache->geometry;
	gfp_t local = gfp & GFP_SLAB_PAGE_MASK;
	struct engine_slab *slab;
	uint32_t number;
	uint16_t *links;
	pfn_t pfn;

	if (!take_pages(op, local, node, &pfn))
		return ENGINE_NONE;
	number = take_number(engine, g->objs_per_slab);
	if (number == ENGINE_NONE) {
		page_alloc_give(engine->pages, pfn, g->order, op->cpu, op->meter);
		return ENGINE_NONE;
	}
	slab = &engine->slabs[number];
	slab->pfn = (uint32_t)pfn;
	slab->cache = op->cache_nr;
	slab->node = (uint8_t)page_alloc_node_of(engine->pages, pfn);
	slab->first = next_colour(op, slab->node) + slab_engine_management(engine->machine, g);
	if (!take_management(op, local & ~(GFP_BIT_HARDWALL | GFP_BIT_THISNODE), slab)) {
		page_alloc_give(engine->pages, pfn, g->order, op->cpu, op->meter);
		give_number(engine, number, g->objs_per_slab);
		return ENGINE_NONE;
	}
	page_alloc_set_owner(engine->pages, pfn, number + 1);
	links = engine_links(engine, slab);
	for (uint32_t i = 0; i < g->objs_per_slab; i++)
		links[i] = (uint16_t)i;
	meter_charge(op->meter, STEP_SLAB_NEW, 1);
	meter_charge(op->meter, STEP_SLAB_NEW_OBJECT, g->objs_per_slab);
	if (op->cache->flags & SLAB_CTOR)
		meter_charge(op->meter, STEP_SLAB_CTOR, g->objs_per_slab);
	return number;
}

/* What was taken since slab_engine_grow() is not free; an untouched slab goes last of the free ones. */
void slab_engine_grown(const struct engine_op *op, uint32_t number)
{
	const struct engine_slab *slab = &op->engine->slabs[number];
	uint32_t num = op->cache->geometry.objs_per_slab;

	engine_node_of(op->engine, op->cache_nr, slab->node)->free_objects += num - slab->active;
	op->cache->grown++;
	if (!slab->active)
		slab_engine_list_add(op->engine, number, ENGINE_FREE, true);
	else
		slab_engine_list_add(op->engine, number, slab->active == num ? ENGINE_FULL : ENGINE_PARTIAL, false);
}

void slab_engine_destroy(const struct engine_op *op, uint32_t number)
{
	struct slab_engine *engine = op->engine;
	struct engine_slab *slab = &engine->slabs[number];
	const struct slab_geometry *g = &op->cache->geometry;

	op->cache->discarded++;
	meter_charge(op->meter, STEP_SLAB_DISCARD, 1);
	page_alloc_set_owner(engine->pages, slab->pfn, 0);
	if (op->cache->flags & SLAB_TYPESAFE_BY_RCU)
		page_alloc_give_rcu(engine->pages, slab->pfn, g->order, op->cpu, op->meter);
	else
		page_alloc_give(engine->pages, slab->pfn, g->order, op->cpu, op->meter);
	if (g->management == SLAB_OFF_SLAB)
		slab_free(engine->mm->slab, slab->management, op->cpu, op->meter);
	give_number(engine, number, g->objs_per_slab);
}

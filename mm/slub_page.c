/* Growing and discarding slabs. Models allocate_slab(), new_slab() and discard_slab() of mm/slub.c, 6.1. */
#include <stdlib.h>

#include "mm/slub_priv.h"

bool slub_take_pages_at(const struct slub_op *op, pfn_t pfn, unsigned int order)
{
	const struct slab_geometry *g = &op->cache->geometry;
	struct page_alloc *pages = op->slub->pages;
	struct slab_object there;

	if (order != g->order && order != g->min_order)
		return false;
	if (page_alloc_allocated(pages, pfn, order))
		return !slub_object_at(op->slub, pfn << op->slub->machine->page_shift, &there);
	return page_alloc_take_at(pages, pfn, order,
		op->cache->flags & SLAB_RECLAIM_ACCOUNT ? MIGRATE_RECLAIMABLE : MIGRATE_UNMOVABLE, op->cpu, op->meter);
}

/* The pages that a recording says the kernel used. */
static bool take_told_pages(const struct slub_op *op, pfn_t *pfn, unsigned int *order)
{
	*pfn = op->cache->next_pfn;
	*order = op->cache->next_order;
	op->cache->next_pfn = SLAB_NONE;
	return *pfn != SLAB_NONE && slub_take_pages_at(op, *pfn, *order);
}

/*
 * The cache's order is tried first, without effort when a smaller one would do; then the smallest that holds an
 * object, with all that the caller allows.
 */
static enum mm_answer take_pages(const struct slub_op *op, pfn_t *pfn, unsigned int *order)
{
	const struct slab_geometry *g = &op->cache->geometry;
	gfp_t gfp = (op->gfp & GFP_SLAB_PAGE_MASK) | op->cache->allocflags;
	struct page_request req = {
		.gfp = (gfp | GFP_BIT_NOWARN | GFP_BIT_NORETRY) & ~GFP_BIT_NOFAIL,
		.cpu = (uint16_t)op->cpu,
		.node = (int16_t)op->node,
		.order = (uint8_t)g->order,
	};
	enum mm_answer answer;

	if (__builtin_expect(take_told_pages(op, pfn, order), 0))
		return MM_DONE;
	if ((gfp & GFP_BIT_DIRECT_RECLAIM) && g->order > g->min_order)
		req.gfp = (req.gfp | GFP_BIT_NOMEMALLOC) & ~GFP_RECLAIM;
	*order = g->order;
	answer = page_alloc_take(op->slub->pages, &req, pfn, op->meter);
	if (answer != MM_FAILED)
		return answer;
	req.gfp = gfp;
	req.order = (uint8_t)g->min_order;
	*order = g->min_order;
	return page_alloc_take(op->slub->pages, &req, pfn, op->meter);
}

int slub_randomize(struct slub *slub, struct slub_cache *cache)
{
	uint32_t count = cache->geometry.objs_per_slab;
	uint16_t *seq;

	if (!slub->machine->slab.freelist_random || count < 2)
		return 0;
	seq = malloc(count * sizeof(*seq));
	if (!seq)
		return -1;
	for (uint32_t i = 0; i < count; i++)
		seq[i] = (uint16_t)i;
	for (uint32_t i = count - 1; i > 0; i--) {
		uint32_t other = (uint32_t)rng_below(&slub->freelist_rng, i + 1);
		uint16_t swap = seq[i];

		seq[i] = seq[other];
		seq[other] = swap;
	}
	cache->random_seq = seq;
	return 0;
}

/* Where the permutation is entered: drawn, unless a recording has told it. */
static uint32_t first_position(struct slub *slub, struct slub_cache *cache)
{
	uint32_t count = cache->geometry.objs_per_slab, pos = 0;
	uint16_t first = cache->next_start;

	if (first == OBJECT_NONE)
		return (uint32_t)rng_below(&slub->freelist_rng, count);
	cache->next_start = OBJECT_NONE;
	while (pos + 1 < count && cache->random_seq[pos] != first)
		pos++;
	return pos;
}

/* Models shuffle_freelist(): the permutation from a random place on, without objects that a smaller slab lacks. */
static uint16_t thread_random(struct slub *slub, struct slub_cache *cache, uint32_t objects, uint16_t *links)
{
	uint32_t count = cache->geometry.objs_per_slab;
	uint16_t head = OBJECT_NONE, last = OBJECT_NONE;
	uint32_t pos = first_position(slub, cache);

	for (uint32_t i = 0; i < count; i++) {
		uint16_t object = cache->random_seq[pos];

		pos = pos + 1 == count ? 0 : pos + 1;
		if (object >= objects)
			continue;
		if (last == OBJECT_NONE)
			head = object;
		else
			links[last] = object;
		last = object;
	}
	links[last] = OBJECT_NONE;
	return head;
}

static uint16_t thread_ascending(uint32_t objects, uint16_t *links)
{
	for (uint32_t i = 0; i + 1 < objects; i++)
		links[i] = (uint16_t)(i + 1);
	links[objects - 1] = OBJECT_NONE;
	return 0;
}

void slub_adopt(struct slub *slub, uint32_t number)
{
	const struct slub_slab *slab = &slub->store.slabs[number];
	struct slub_node *n = slub_node_of(slub, slab->cache, slab->node);
	struct slub_cache *cache = &slub->caches[slab->cache];

	page_alloc_set_owner(slub->pages, slab->pfn, number + 1);
	n->nr_slabs++;
	n->total_objects += slab->objects;
	cache->grown++;
	cache->pages += (uint64_t)1 << slab->order;
}

enum mm_answer slub_new_slab(const struct slub_op *op, uint32_t *number)
{
	struct slub *slub = op->slub;
	struct slub_cache *cache = op->cache;
	struct slub_slab *slab;
	unsigned int order;
	uint32_t objects;
	pfn_t pfn;
	enum mm_answer answer = take_pages(op, &pfn, &order);

	if (answer != MM_DONE)
		return answer;
	objects = order == cache->geometry.order ? cache->geometry.objs_per_slab : cache->geometry.min_objs;
	*number = slub_store_take(&slub->store, objects);
	if (*number == SLAB_NONE) {
		page_alloc_give(slub->pages, pfn, order, op->cpu, op->meter);
		return MM_FAILED;
	}
	slab = &slub->store.slabs[*number];
	slab->pfn = (uint32_t)pfn;
	slab->cache = op->cache_nr;
	slab->order = order & 31;
	slab->place = SLUB_FULL;
	slab->node = (uint8_t)page_alloc_node_of(slub->pages, pfn);
	slab->freelist = cache->random_seq && objects > 1 ?
		thread_random(slub, cache, objects, slub_links(slub, slab)) :
		thread_ascending(objects, slub_links(slub, slab));
	slub_adopt(slub, *number);

	meter_charge(op->meter, STEP_SLAB_NEW, 1);
	meter_charge(op->meter, STEP_SLAB_NEW_OBJECT, objects);
	if (cache->flags & SLAB_CTOR)
		meter_charge(op->meter, STEP_SLAB_CTOR, objects);
	return MM_DONE;
}

void slub_discard(const struct slub_op *op, uint32_t number)
{
	struct slub *slub = op->slub;
	struct slub_slab *slab = &slub->store.slabs[number];
	struct slub_node *n = slub_node_of(slub, slab->cache, slab->node);

	n->nr_slabs--;
	n->total_objects -= slab->objects;
	op->cache->discarded++;
	op->cache->pages -= (uint64_t)1 << slab->order;
	meter_charge(op->meter, STEP_SLAB_DISCARD, 1);
	page_alloc_set_owner(slub->pages, slab->pfn, 0);
	if (op->cache->flags & SLAB_TYPESAFE_BY_RCU)
		page_alloc_give_rcu(slub->pages, slab->pfn, slab->order, op->cpu, op->meter);
	else
		page_alloc_give(slub->pages, slab->pfn, slab->order, op->cpu, op->meter);
	slub_store_give(&slub->store, number);
}

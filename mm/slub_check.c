/* The invariants of SLUB, numbered as in slub_priv.h. */
#include <stdlib.h>

#include "mm/slub_priv.h"

#define broken(err, ...) err_set(err, ERR_INVARIANT, __VA_ARGS__)

/* What a walk over all CPUs and lists has found, to be held against the slabs themselves. */
struct slub_walk {
	const struct slub *slub;
	uint8_t *found;   /* owned: by slab number, enum slub_place; SLUB_UNUSED: not met yet */
	uint8_t *free;    /* owned: marks of the objects of one slab: 1 on its freelist, 2 on a CPU's */
	struct slub_node *counted; /* owned: as slub->nodes */
	struct slub_cache *caches; /* owned: as slub->caches; pages and grown are counted */
};

static const struct slub_slab *slab_at(const struct slub_walk *walk, uint32_t number)
{
	return &walk->slub->store.slabs[number];
}

/* Notes that slab @number was met in @place, where only slabs of @cache belong. */
static int meet(struct slub_walk *walk, uint32_t number, enum slub_place place, uint32_t cache, struct err *err)
{
	const struct slub_slab *slab;

	if (number >= walk->slub->store.nr_slabs)
		return broken(err, "slub 3: cache %u: slab %u in place %d does not exist", cache, number,
			(int)place);
	slab = slab_at(walk, number);
	if (slab->place != place)
		return broken(err, "slub 3: slab %u is in place %d but says %d", number, (int)place,
			slab->place);
	if (walk->found[number] != SLUB_UNUSED)
		return broken(err, "slub 3: slab %u is in two places", number);
	if (slab->cache != cache)
		return broken(err, "slub 3: slab %u of cache %u is among those of cache %u", number,
			slab->cache, cache);
	walk->found[number] = (uint8_t)place;
	return 0;
}

static int check_stack(struct slub_walk *walk, uint32_t cache, const struct slub_cpu *c, struct err *err)
{
	uint32_t depth = 0;

	for (uint32_t number = c->partial; number != SLAB_NONE; number = slab_at(walk, number)->next) {
		int ret = meet(walk, number, SLUB_CPU_PARTIAL, cache, err);

		if (ret < 0)
			return ret;
		if (depth && slab_at(walk, number)->depth != depth - 1)
			return broken(err, "slub 5: slab %u has depth %u below depth %u", number,
				slab_at(walk, number)->depth, depth);
		depth = slab_at(walk, number)->depth;
	}
	if (c->partial != SLAB_NONE && depth != 1)
		return broken(err, "slub 5: the bottom of a stack of cache %u has depth %u", cache, depth);
	return 0;
}

static int check_cpu(struct slub_walk *walk, uint32_t cache, unsigned int cpu, struct err *err)
{
	const struct slub *slub = walk->slub;
	const struct slub_cpu *c = slub_cpu_of(slub, cache, cpu);
	int ret;

	if (slub->caches[cache].debug && (c->slab != SLAB_NONE || c->partial != SLAB_NONE))
		return broken(err, "slub 9: debug cache %u has slabs on CPU %u", cache, cpu);
	if (c->slab == SLAB_NONE) {
		if (c->freelist != OBJECT_NONE)
			return broken(err, "slub 2: cache %u: CPU %u has a freelist but no slab", cache,
				cpu);
		return check_stack(walk, cache, c, err);
	}
	ret = meet(walk, c->slab, SLUB_CPU, cache, err);
	if (ret < 0)
		return ret;
	if (c->links != slub_links(slub, slab_at(walk, c->slab)) || c->node != slab_at(walk, c->slab)->node)
		return broken(err, "slub 2: cache %u: CPU %u's copy of slab %u is stale", cache, cpu,
			c->slab);
	return check_stack(walk, cache, c, err);
}

static int check_list(struct slub_walk *walk, uint32_t cache, unsigned int node, struct err *err)
{
	const struct slub_node *n = slub_node_of(walk->slub, cache, node);
	uint32_t prev = SLAB_NONE, length = 0;

	for (uint32_t number = n->head; number != SLAB_NONE; number = slab_at(walk, number)->next) {
		int ret = meet(walk, number, SLUB_NODE_PARTIAL, cache, err);
		const struct slub_slab *slab;

		if (ret < 0)
			return ret;
		slab = slab_at(walk, number);
		if (slab->node != node)
			return broken(err, "slub 3: slab %u of node %u is on the list of node %u", number,
				slab->node, node);
		if (slab->prev != prev || slab->freelist == OBJECT_NONE)
			return broken(err, "slub 4: slab %u: prev %u after slab %u, first free object %u",
				number, slab->prev, prev, slab->freelist);
		prev = number;
		length++;
	}
	if (length != n->nr_partial || n->tail != prev)
		return broken(err, "slub 4: cache %u, node %u: %u slabs on the list to %u, counted %u to %u",
			cache, node, length, prev, n->nr_partial, n->tail);
	return 0;
}

/* Marks the objects of a freelist. Return: how many, or -1 when one is met twice or does not exist. */
static int mark_chain(struct slub_walk *walk, const struct slub_slab *slab, uint16_t head, uint8_t mark)
{
	const uint16_t *links = slub_links(walk->slub, slab);
	int length = 0;

	for (; head != OBJECT_NONE; head = links[head]) {
		if (head >= slab->objects || walk->free[head])
			return -1;
		walk->free[head] = mark;
		length++;
	}
	return length;
}

static int check_freelists(struct slub_walk *walk, uint32_t number, struct err *err)
{
	const struct slub *slub = walk->slub;
	const struct slub_slab *slab = slab_at(walk, number);
	int length;

	for (uint32_t i = 0; i < slab->objects; i++)
		walk->free[i] = 0;
	length = mark_chain(walk, slab, slab->freelist, 1);
	if (length < 0 || (uint32_t)length + slab->inuse != slab->objects)
		return broken(err, "slub 1: slab %u: %u of %u objects in use, %d on its freelist", number,
			slab->inuse, slab->objects, length);
	for (unsigned int cpu = 0; slab->place == SLUB_CPU && cpu < slub->nr_cpus; cpu++) {
		const struct slub_cpu *c = slub_cpu_of(slub, slab->cache, cpu);

		if (c->slab == number && mark_chain(walk, slab, c->freelist, 2) < 0)
			return broken(err, "slub 2: the freelist of CPU %u names an object of slab %u twice, "
				"or one that it does not have", cpu, number);
	}
	return 0;
}

static int check_slab(struct slub_walk *walk, uint32_t number, struct err *err)
{
	const struct slub *slub = walk->slub;
	const struct slub_slab *slab = slab_at(walk, number);
	const struct slab_geometry *g;
	struct slub_node *n;

	if (slab->cache >= slub->nr_caches || !slub->caches[slab->cache].live)
		return broken(err, "slub 3: slab %u is of cache %u, which is gone", number, slab->cache);
	if (walk->found[number] == SLUB_UNUSED && (slab->place != SLUB_FULL || slab->freelist != OBJECT_NONE))
		return broken(err, "slub 3: slab %u says it is in place %d, with first free object %u, "
			"but is on no list", number, slab->place, slab->freelist);
	g = &slub->caches[slab->cache].geometry;
	if (!(slab->order == g->order && slab->objects == g->objs_per_slab) &&
			!(slab->order == g->min_order && slab->objects == g->min_objs))
		return broken(err, "slub 8: slab %u has order %u and %u objects", number, slab->order,
			slab->objects);
	if (page_alloc_owner(slub->pages, slab->pfn) != number + 1 ||
			page_alloc_node_of(slub->pages, slab->pfn) != slab->node)
		return broken(err, "slub 6: slab %u of node %u: page %u is of node %u, owner word %u",
			number, slab->node, slab->pfn, page_alloc_node_of(slub->pages, slab->pfn),
			page_alloc_owner(slub->pages, slab->pfn));
	n = &walk->counted[(size_t)slab->cache * slub->nr_nodes + slab->node];
	n->nr_slabs++;
	n->total_objects += slab->objects;
	walk->caches[slab->cache].grown++;
	walk->caches[slab->cache].pages += (uint64_t)1 << slab->order;
	return check_freelists(walk, number, err);
}

static int check_totals(const struct slub_walk *walk, uint32_t cache, struct err *err)
{
	const struct slub *slub = walk->slub;
	const struct slub_cache *c = &slub->caches[cache], *counted = &walk->caches[cache];

	for (unsigned int node = 0; node < slub->nr_nodes; node++) {
		const struct slub_node *n = slub_node_of(slub, cache, node);
		const struct slub_node *there = &walk->counted[(size_t)cache * slub->nr_nodes + node];

		if (n->nr_slabs != there->nr_slabs || n->total_objects != there->total_objects)
			return broken(err, "slub 7: cache %u, node %u: counted %u slabs, there are %u",
				cache, node, n->nr_slabs, there->nr_slabs);
	}
	if (c->pages != counted->pages || c->grown - c->discarded != counted->grown)
		return broken(err, "slub 7: cache %u: %llu pages in %llu slabs", cache,
			(unsigned long long)counted->pages, (unsigned long long)counted->grown);
	return 0;
}

/* Also an unused number that is not on the chain, since the lengths would differ. */
static int check_numbers(const struct slub_walk *walk, struct err *err)
{
	const struct slub_store *store = &walk->slub->store;
	uint32_t unused = 0, chained = 0;

	for (uint32_t number = 0; number < store->nr_slabs; number++)
		unused += store->slabs[number].place == SLUB_UNUSED;
	for (uint32_t number = store->unused; number != SLAB_NONE && chained <= unused; chained++) {
		if (number >= store->nr_slabs || store->slabs[number].place != SLUB_UNUSED)
			return broken(err, "slub 9: slab number %u is on the unused chain", number);
		number = store->slabs[number].next;
	}
	if (chained != unused)
		return broken(err, "slub 9: %u numbers are unused, %u on the chain", unused, chained);
	return 0;
}

static int check_all(struct slub_walk *walk, struct err *err)
{
	const struct slub *slub = walk->slub;
	int ret = check_numbers(walk, err);

	for (uint32_t cache = 0; !ret && cache < slub->nr_caches; cache++) {
		for (unsigned int cpu = 0; !ret && cpu < slub->nr_cpus; cpu++)
			ret = check_cpu(walk, cache, cpu, err);
		for (unsigned int node = 0; !ret && node < slub->nr_nodes; node++)
			ret = check_list(walk, cache, node, err);
	}
	for (uint32_t number = 0; !ret && number < slub->store.nr_slabs; number++)
		if (slab_at(walk, number)->place != SLUB_UNUSED)
			ret = check_slab(walk, number, err);
	for (uint32_t cache = 0; !ret && cache < slub->nr_caches; cache++)
		ret = check_totals(walk, cache, err);
	return ret;
}

int slub_check(const void *state, struct err *err)
{
	const struct slub *slub = state;
	struct slub_walk walk = {
		.slub = slub,
		.found = calloc((size_t)slub->store.nr_slabs + 1, 1),
		.free = malloc(SLAB_OBJECTS_MAX + 1),
		.counted = calloc((size_t)slub->nr_caches * slub->nr_nodes + 1, sizeof(*walk.counted)),
		.caches = calloc((size_t)slub->nr_caches + 1, sizeof(*walk.caches)),
	};
	int ret;

	if (walk.found && walk.free && walk.counted && walk.caches)
		ret = check_all(&walk, err);
	else
		ret = err_set(err, ERR_NOMEM, "no memory to check %u slabs", slub->store.nr_slabs);
	free(walk.found);
	free(walk.free);
	free(walk.counted);
	free(walk.caches);
	return ret;
}

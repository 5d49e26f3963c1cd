/* mempool_check: the invariants of mm/mempool_priv.h. */
#include <inttypes.h>
#include <stdlib.h>

#include "mm/mempool_priv.h"

static int check_pool(const struct mempools *m, uint32_t number, struct err *err)
{
	const struct pool *pool = &m->pools[number];

	if (pool->state == POOL_DESTROYED)
		return 0;
	if (pool->stats.curr_nr > pool->stats.create.min_nr || pool->stats.create.min_nr > pool->capacity)
		return err_set(err, ERR_INVARIANT, "mempool 1: pool %u has %u of %u elements in an array for %u",
			number, pool->stats.curr_nr, pool->stats.create.min_nr, pool->capacity);
	for (uint32_t i = 0; i < pool->stats.curr_nr; i++) {
		uint32_t element = pool->reserve[i];

		if (element >= m->nr_elements || m->elements[element].pool != number || m->elements[element].next != 1)
			return err_set(err, ERR_INVARIANT,
				"mempool 2: entry %u of pool %u's reserve is element %u of another", i, number,
				element);
	}
	return 0;
}

static int check_element(const struct mempools *m, uint32_t number, struct err *err)
{
	const struct element *element = &m->elements[number];
	const struct mempool_create *create = &m->pools[element->pool].stats.create;
	bool there = true;

	if (create->kind == MEMPOOL_PAGES)
		there = page_alloc_allocated(m->pages, element->object.index, create->order);
	else if (create->kind != MEMPOOL_OTHER && element->object.slab != SLAB_LARGE)
		there = slab_object_live(m->slab, element->object);
	return there ?
		0 :
		err_set(err, ERR_INVARIANT, "mempool 4: element %u of pool %u is free memory", number, element->pool);
}

int mempool_check(const void *state, struct err *err)
{
	const struct mempools *m = state;
	uint64_t *held = calloc(m->nr_pools ? m->nr_pools : 1, sizeof(*held));
	uint64_t *kept = calloc(m->nr_pools ? m->nr_pools : 1, sizeof(*kept));
	int ret = held && kept ? 0 : err_set(err, ERR_NOMEM, "no memory to check the mempools");

	for (uint32_t pool = 0; pool < m->nr_pools && ret == 0; pool++)
		ret = check_pool(m, pool, err);
	for (uint32_t i = 0; i < m->nr_elements && ret == 0; i++) {
		if (m->elements[i].pool == ELEMENT_FREE)
			continue;
		(m->elements[i].next ? kept : held)[m->elements[i].pool]++;
		ret = check_element(m, i, err);
	}
	for (uint32_t pool = 0; pool < m->nr_pools && ret == 0; pool++) {
		const struct pool *p = &m->pools[pool];
		uint64_t curr_nr = p->state == POOL_DESTROYED ? 0 : p->stats.curr_nr;

		if (held[pool] != p->stats.outstanding || kept[pool] != curr_nr)
			ret = err_set(err, ERR_INVARIANT,
				"mempool 3: pool %u has %" PRIu64 " of %" PRIu64 " elements outstanding, %" PRIu64
				" of %" PRIu64 " in reserve",
				pool, held[pool], p->stats.outstanding, kept[pool], curr_nr);
	}
	free(held);
	free(kept);
	return ret;
}

/*
 * page_rcu: blocks whose readers may not be done yet wait for
 * a grace period of RCU. What ends one is not known here.
 */
#include <stdlib.h>

#include "mm/page_alloc_priv.h"

struct rcu_block {
	pfn_t pfn;
	unsigned int order;
};

void page_alloc_delay_rcu(struct page_alloc *pa)
{
	pa->rcu.delayed = true;
}

uint32_t page_alloc_rcu_waiting(const struct page_alloc *pa)
{
	return pa->rcu.nr;
}

static bool make_room(struct page_rcu *rcu)
{
	uint32_t cap = rcu->cap ? 2 * rcu->cap : 64;
	struct rcu_block *blocks;

	if (rcu->nr < rcu->cap)
		return true;
	blocks = malloc(cap * sizeof(*blocks));
	if (!blocks)
		return false;
	for (uint32_t i = 0; i < rcu->nr; i++)
		blocks[i] = rcu->blocks[(rcu->head + i) & (rcu->cap - 1)];
	free(rcu->blocks);
	*rcu = (struct page_rcu){ .delayed = true, .blocks = blocks, .cap = cap, .nr = rcu->nr };
	return true;
}

void page_alloc_give_rcu(struct page_alloc *pa, pfn_t pfn, unsigned int order, unsigned int cpu, struct meter *meter)
{
	struct page_rcu *rcu = &pa->rcu;

	if (!rcu->delayed || !make_room(rcu)) {
		page_alloc_give(pa, pfn, order, cpu, meter);
		return;
	}
	rcu->blocks[(rcu->head + rcu->nr++) & (rcu->cap - 1)] = (struct rcu_block){ pfn, order };
	meter->pressure = true;
}

void page_alloc_rcu_done(struct page_alloc *pa, uint32_t nr, unsigned int cpu, struct meter *meter)
{
	struct page_rcu *rcu = &pa->rcu;

	for (; nr && rcu->nr; nr--, rcu->nr--) {
		struct rcu_block block = rcu->blocks[rcu->head];

		rcu->head = (rcu->head + 1) & (rcu->cap - 1);
		page_alloc_give(pa, block.pfn, block.order, cpu, meter);
	}
}

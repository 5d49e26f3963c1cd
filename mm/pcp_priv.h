/*
 * pcp: per-CPU page lists: the pages that most requests take and give without the zone's lock.
 * Models rmqueue_pcplist(), free_unref_page_commit() and free_pcppages_bulk() of mm/page_alloc.c (6.1.192): three
 * lists per order 0 .. 3 and two for blocks of pageblock_order.
 */
#ifndef KMEMSIM_MM_PCP_PRIV_H
#define KMEMSIM_MM_PCP_PRIV_H

#include "mm/buddy_priv.h"

/** pcp_list_index() - models order_to_pindex(). */
static inline unsigned int pcp_list_index(unsigned int order, unsigned int mt)
{
	if (order < PCP_ORDERS)
		return MIGRATE_PCPTYPES * order + mt;
	return PCP_LIST_THP + (mt == MIGRATE_MOVABLE);
}

/** pcp_batch_blocks() - blocks that a refill asks for by a batch of @batch pages. */
static inline uint32_t pcp_batch_blocks(uint32_t batch, unsigned int order)
{
	if (batch <= 1)
		return batch;
	return batch >> order < 2 ? 2 : batch >> order;
}

/** pcp_refill_blocks() - blocks that a refill asks for. */
static inline uint32_t pcp_refill_blocks(const struct zone *zone, unsigned int order)
{
	return pcp_batch_blocks(zone->pcp_batch, order);
}

/** pcp_refill() - fill one list from the buddy. Models rmqueue_bulk(). Return: whether anything came. */
bool pcp_refill(struct zone *zone, unsigned int cpu, unsigned int order, unsigned int mt, unsigned int alloc_flags,
	struct meter *meter);

/** pcp_pop() - take from a list, refill it first when it is empty. Models __rmqueue_pcplist(). */
static inline pfn_t pcp_pop(struct zone *zone, unsigned int cpu, unsigned int order, unsigned int mt,
	unsigned int alloc_flags, struct meter *meter)
{
	struct page *pages = zone->pa->pages;
	struct pcp *pcp = &zone->pcps[cpu];
	struct block_list *list = &pcp->list[pcp_list_index(order, mt)];
	uint32_t pfn;

	if (__builtin_expect(list->head == LINK_NONE, 0) && !pcp_refill(zone, cpu, order, mt, alloc_flags, meter))
		return PFN_NONE;
	pfn = list->head;
	block_list_del(pages, list, pfn);
	pages[pfn].place = PAGE_NO_HEAD;
	pcp->count -= 1u << order;
	meter_charge(meter, STEP_PAGE_PCP, 1);
	return pfn;
}

/** pcp_take() - a request's block from the CPU's lists. Models rmqueue_pcplist(). */
static inline pfn_t pcp_take(struct zone *zone, unsigned int cpu, unsigned int order, unsigned int mt,
	unsigned int alloc_flags, struct meter *meter)
{
	zone->pcps[cpu].free_factor >>= 1;
	zone->pcps[cpu].acquisitions++;
	return pcp_pop(zone, cpu, order, mt, alloc_flags, meter);
}

/**
 * pcp_excess() - pages to flush after a block of @order was freed to these lists; what is flushed the next time grows.
 * Models nr_pcp_high() and nr_pcp_free().
 */
uint32_t pcp_excess(struct zone *zone, struct pcp *pcp, unsigned int order);

/** pcp_flush_excess() - the lists are over their limit after a free to list @index. */
void pcp_flush_excess(struct zone *zone, unsigned int cpu, unsigned int order, unsigned int index, struct meter *meter);

/** pcp_give() - a freed block to the CPU's lists; @mt: its pageblock's type. Models free_unref_page_commit(). */
static inline void pcp_give(struct zone *zone, pfn_t pfn, unsigned int order, unsigned int mt, unsigned int cpu,
	struct meter *meter)
{
	struct page *page = page_at(zone->pa, pfn);
	struct pcp *pcp = &zone->pcps[cpu];
	unsigned int index = pcp_list_index(order, migratetype_is_mergeable(mt) ? mt : MIGRATE_MOVABLE);

	page->zone_plus1 = (uint16_t)(zone->index + 1);
	page->place = PAGE_IN_PCP;
	page->order = order & 0xf;
	page->mt = mt & 0xf;
	block_list_add(zone->pa->pages, &pcp->list[index], pfn);
	pcp->count += 1u << order;
	pcp->acquisitions++;
	meter_charge(meter, STEP_PAGE_PCP, 1);
	if (__builtin_expect(pcp->count >= zone->pcp_high || pcp->free_factor || zone->reclaim_active, 0))
		pcp_flush_excess(zone, cpu, order, index, meter);
}

/**
 * pcp_flush() - move at least @nr pages (at most all) of @cpu's lists to the buddy, list @index first.
 * @by_cpu: who does it.
 * Models free_pcppages_bulk().
 */
void pcp_flush(struct zone *zone, unsigned int cpu, unsigned int by_cpu, uint32_t nr, unsigned int index,
	struct meter *meter);

/** pcp_drain() - one CPU's lists of a zone, done by @by_cpu. Models drain_pages_zone(). */
void pcp_drain(struct zone *zone, unsigned int cpu, unsigned int by_cpu, struct meter *meter);

/** pcp_drain_all() - models drain_all_pages(NULL), done by @by_cpu. */
void pcp_drain_all(struct page_alloc *pa, unsigned int by_cpu, struct meter *meter);

#endif

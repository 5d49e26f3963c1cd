#include "mm/pcp_priv.h"

#include "base/bits.h"
#include "mm/page_alloc_priv.h"
#include "mm/vmstat_priv.h"

bool pcp_refill(struct zone *zone, unsigned int cpu, unsigned int order, unsigned int mt, unsigned int alloc_flags,
	struct meter *meter)
{
	struct page_alloc *pa = zone->pa;
	struct pcp *pcp = &zone->pcps[cpu];
	struct block_list *list = &pcp->list[pcp_list_index(order, mt)];
	uint32_t wanted = pcp_refill_blocks(zone, order);
	struct zone_work work = { 0 };
	uint32_t nr = 0;

	while (nr < wanted) {
		pfn_t pfn = zone_take_locked(zone, order, mt, alloc_flags, &work);
		struct page *page;

		if (pfn == PFN_NONE)
			break;
		page = page_at(pa, pfn);
		page->zone_plus1 = (uint16_t)(zone->index + 1);
		page->place = PAGE_IN_PCP;
		page->order = order & 0xf;
		page->mt = mt & 0xf;
		block_list_add_tail(pa->pages, list, pfn);
		nr++;
	}
	pcp->count += nr << order;
	pa->last_moved += nr;
	zone_mod_free_pages(zone, cpu, -(int)(nr << order));
	pa->counter[PC_PCP_REFILL]++;
	pa->counter[PC_PCP_REFILL_PAGES] += nr << order;
	zone_charge_locked(zone, STEP_PAGE_PCP_BLOCK, nr, &work, meter);
	meter_charge(meter, STEP_CACHE_COLD, nr);
	return nr > 0;
}

void pcp_flush(struct zone *zone, unsigned int cpu, unsigned int by_cpu, uint32_t nr, unsigned int index,
	struct meter *meter)
{
	struct page_alloc *pa = zone->pa;
	struct pcp *pcp = &zone->pcps[cpu];
	int left = (int)min_u64(nr, pcp->count);
	struct zone_work work = { 0 };
	uint32_t blocks = 0;

	for (unsigned int i = index; left > 0; i = (i + 1) % NR_PCP_LISTS) {
		struct block_list *list = &pcp->list[i];

		while (left > 0 && list->tail != LINK_NONE) {
			pfn_t pfn = list->tail;
			struct page *page = page_at(pa, pfn);
			unsigned int order = page->order;

			block_list_del(pa->pages, list, pfn);
			page->place = PAGE_NO_HEAD;
			pcp->count -= 1u << order;
			left -= 1 << order;
			blocks++;
			pa->counter[PC_PCP_DRAIN_PAGES] += 1u << order;
			buddy_free(zone, pfn, order, page->mt, PLACE_DEFAULT, by_cpu, &work);
		}
	}
	pa->last_moved += blocks;
	if (blocks)
		zone_charge_locked(zone, STEP_PAGE_PCP_BLOCK, blocks, &work, meter);
}

uint32_t pcp_excess(struct zone *zone, struct pcp *pcp, unsigned int order)
{
	uint32_t batch = zone->pcp_batch, limit = zone->pcp_high;
	bool free_high = pcp->free_factor && order >= 1 && order < PCP_ORDERS;
	uint32_t nr, most;

	if (free_high)
		limit = 0;
	else if (zone->reclaim_active)
		limit = (uint32_t)min_u64(4ull * batch, limit);
	if (pcp->count < limit)
		return 0;
	if (free_high)
		return pcp->count;
	if (limit < batch)
		return 1;
	most = limit - batch;
	nr = batch << pcp->free_factor;
	if (nr < most && pcp->free_factor < PCP_BATCH_SCALE_MAX)
		pcp->free_factor++;
	return (uint32_t)min_u64(max_u64(nr, batch), most);
}

void pcp_flush_excess(struct zone *zone, unsigned int cpu, unsigned int order, unsigned int index, struct meter *meter)
{
	uint32_t nr = pcp_excess(zone, &zone->pcps[cpu], order);

	if (nr)
		pcp_flush(zone, cpu, cpu, nr, index, meter);
}

void pcp_drain(struct zone *zone, unsigned int cpu, unsigned int by_cpu, struct meter *meter)
{
	if (zone->pcps[cpu].count)
		zone->pcps[cpu].acquisitions++;
	while (zone->pcps[cpu].count)
		pcp_flush(zone, cpu, by_cpu, zone->pcp_batch << PCP_BATCH_SCALE_MAX, 0, meter);
}

void pcp_drain_all(struct page_alloc *pa, unsigned int by_cpu, struct meter *meter)
{
	for (uint32_t cpu = 0; cpu < pa->nr_cpus; cpu++)
		for (uint32_t i = 0; i < pa->nr_zones; i++)
			pcp_drain(&pa->zones[i], cpu, by_cpu, meter);
}

void page_alloc_drain_pages(struct page_alloc *pa, unsigned int zone, unsigned int cpu, uint32_t nr,
	struct meter *meter)
{
	struct pcp *pcp = &pa->zones[zone].pcps[cpu];

	if (!pcp->count)
		return;
	pcp->acquisitions++;
	pcp_flush(&pa->zones[zone], cpu, cpu, nr < pcp->count ? nr : pcp->count, 0, meter);
}

uint64_t page_alloc_pcp_acquisitions(const struct page_alloc *pa)
{
	uint64_t nr = 0;

	for (uint32_t i = 0; i < pa->nr_zones; i++)
		for (uint32_t cpu = 0; cpu < pa->nr_cpus; cpu++)
			nr += pa->zones[i].pcps[cpu].acquisitions;
	return nr;
}

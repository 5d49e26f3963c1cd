#include "mm/vmstat_priv.h"

#include "base/bits.h"
#include "mm/pcp_priv.h"

#define REMOTE_EXPIRE_ROUNDS 3

uint8_t zone_stat_threshold(uint64_t managed, uint32_t cpus, uint32_t page_shift)
{
	uint64_t threshold = 2ull * fls64(cpus) * (1 + fls64(managed >> (27 - page_shift)));

	return (uint8_t)min_u64(125, threshold);
}

void zone_fold_free_pages(struct zone *zone)
{
	for (uint32_t cpu = 0; cpu < zone->pa->nr_cpus; cpu++) {
		zone->visible_free += zone->pcps[cpu].stat_diff;
		zone->pcps[cpu].stat_diff = 0;
	}
}

int64_t zone_free_snapshot(const struct zone *zone)
{
	int64_t free = zone->visible_free;

	for (uint32_t cpu = 0; cpu < zone->pa->nr_cpus; cpu++)
		free += zone->pcps[cpu].stat_diff;
	return free > 0 ? free : 0;
}

void page_alloc_vmstat_fold(struct page_alloc *pa, unsigned int cpu)
{
	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		struct zone *zone = &pa->zones[i];
		struct pcp *pcp = &zone->pcps[cpu];

		if (!pcp->stat_diff)
			continue;
		zone->visible_free += pcp->stat_diff;
		pcp->stat_diff = 0;
		pcp->expire = REMOTE_EXPIRE_ROUNDS;
	}
}

void page_alloc_vmstat_work(struct page_alloc *pa, unsigned int cpu, struct meter *meter)
{
	page_alloc_vmstat_fold(pa, cpu);
	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		struct zone *zone = &pa->zones[i];
		struct pcp *pcp = &zone->pcps[cpu];

		if (!pcp->expire || !pcp->count)
			continue;
		if (zone->node == pa->machine->node_of_cpu[cpu]) {
			pcp->expire = 0;
			continue;
		}
		if (--pcp->expire)
			continue;
		pcp->acquisitions++;
		pcp_flush(zone, cpu, cpu, (uint32_t)min_u64(pcp->count, zone->pcp_batch), 0, meter);
	}
}

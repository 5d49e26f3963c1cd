#include "mm/vmstat_priv.h"

#include "base/bits.h"
#include "mm/pcp_priv.h"

#define REMOTE_EXPIRE_ROUNDS 3

uint8_t zone_stat_threshold(uint64_t managed, uint32_t cpus, uint32_t page_shift)
{
	uint64_t threshold = 2ull * fls64(cpus) * (1 + fls64(managed >> (27 - page_shift)));

	return (uint8_t)min_u64(125, threshold);
}

uint8_t zone_pressure_threshold(const struct zone *zone)
{
	uint64_t threshold = (zone->wmark[WMARK_LOW] - zone->wmark[WMARK_MIN]) / zone->pa->nr_cpus;

	return (uint8_t)min_u64(125, max_u64(1, threshold));
}

/*
 * As other CPUs come up there are no marks yet, and what all of them hide is more than is between those: no zone
 * of a machine with several CPUs is without a drift mark from then on. Simplified: of a saved state it follows
 * from the marks that are there, not from those of boot.
 */
void zone_stat_setup(struct zone *zone)
{
	uint64_t drift;

	zone->stat_threshold = zone_stat_threshold(zone->managed, zone->pa->nr_cpus, zone->pa->page_shift);
	drift = (uint64_t)zone->pa->nr_cpus * zone->stat_threshold;
	zone->drift_mark = zone->pa->nr_cpus > 1 ? drift : 0;
	if (drift > zone->wmark[WMARK_LOW] - zone->wmark[WMARK_MIN])
		zone->drift_mark = zone->wmark[WMARK_HIGH] + zone->boost + drift;
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

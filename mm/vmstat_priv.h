/*
 * vmstat: the count of free pages as the kernel keeps it: a visible value per zone and a small difference per CPU.
 * Models __mod_zone_page_state() and refresh_cpu_vm_stats() of mm/vmstat.c (6.1).
 */
#ifndef KMEMSIM_MM_VMSTAT_PRIV_H
#define KMEMSIM_MM_VMSTAT_PRIV_H

#include "mm/zone_priv.h"

/** zone_mod_free_pages() - NR_FREE_PAGES += @delta, on CPU @cpu. */
static inline void zone_mod_free_pages(struct zone *zone, unsigned int cpu, int delta)
{
	struct pcp *pcp = &zone->pcps[cpu];
	int diff = pcp->stat_diff + delta;

	if (diff > zone->stat_threshold || -diff > zone->stat_threshold) {
		zone->visible_free += diff;
		diff = 0;
	}
	pcp->stat_diff = (int8_t)diff;
}

/** zone_stat_threshold() - models calculate_normal_threshold(): largest difference that a CPU keeps. */
uint8_t zone_stat_threshold(uint64_t managed, uint32_t cpus, uint32_t page_shift);

/** zone_pressure_threshold() - the same while kswapd is awake. Models calculate_pressure_threshold(). */
uint8_t zone_pressure_threshold(const struct zone *zone);
/** zone_stat_setup() - what CPUs of the zone may keep, and what it hides. Models refresh_zone_stat_thresholds(). */
void zone_stat_setup(struct zone *zone);

/** zone_free_snapshot() - free pages as far as all CPUs know. Models zone_page_state_snapshot(). */
int64_t zone_free_snapshot(const struct zone *zone);

/** zone_fold_free_pages() - make all differences visible: boot, when the threshold is set. */
void zone_fold_free_pages(struct zone *zone);

#endif

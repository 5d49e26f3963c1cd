/*
 * watermark: how much of a zone a request must leave free, and how the marks, reserves and per-CPU limits are sized.
 * Models zone_watermark_fast(), __setup_per_zone_wmarks() and their like of mm/page_alloc.c (6.1).
 */
#ifndef KMEMSIM_MM_WATERMARK_PRIV_H
#define KMEMSIM_MM_WATERMARK_PRIV_H

#include "mm/zone_priv.h"

/** zone_watermark_ok() - the full test, with @free pages. Models __zone_watermark_ok(). */
bool zone_watermark_ok(const struct zone *zone, unsigned int order, uint64_t mark, enum machine_zone highest,
	unsigned int alloc_flags, int64_t free);

/** zone_watermark_slow() - what zone_watermark_fast() does when order 0 does not pass at first sight. */
bool zone_watermark_slow(const struct zone *zone, unsigned int order, uint64_t mark, enum machine_zone highest,
	unsigned int alloc_flags, gfp_t gfp);

/**
 * zone_watermark_safe() - the full test for those who have time to ask all CPUs, where what they
 * keep for themselves could hide that memory is short. Models zone_watermark_ok_safe().
 */
bool zone_watermark_safe(const struct zone *zone, unsigned int order, uint64_t mark, enum machine_zone highest);

static inline uint64_t zone_mark(const struct zone *zone, unsigned int alloc_flags)
{
	return (uint64_t)zone->wmark[alloc_flags & ALLOC_WMARK_MASK] + zone->boost;
}

/** zone_watermark_fast() - models the kernel's: order 0 usually passes with one comparison. */
static inline bool zone_watermark_fast(const struct zone *zone, unsigned int order, uint64_t mark,
	enum machine_zone highest, unsigned int alloc_flags, gfp_t gfp)
{
	if (order == 0) {
		int64_t usable = zone->visible_free;

		if (!(alloc_flags & ALLOC_RESERVES))
			usable -= zone->nr_reserved_highatomic;
		if (usable > (int64_t)(mark + zone->lowmem_reserve[highest]))
			return true;
	}
	return zone_watermark_slow(zone, order, mark, highest, alloc_flags, gfp);
}

/**
 * watermarks_setup() - min_free_kbytes, then all that follows from it and from the zones' managed pages.
 * Models init_per_zone_wmark_min(), then khugepaged's start.
 */
void watermarks_setup(struct page_alloc *pa);

/** zone_setup_pcp() - batch and high of a zone's per-CPU lists. Models zone_set_pageset_high_and_batch(). */
void zone_setup_pcp(struct zone *zone);

/* The rules, each a pure function. */

/** min_free_kbytes_auto() - models calculate_min_free_kbytes(): @lowmem_kib below zone HighMem. */
uint64_t min_free_kbytes_auto(uint64_t lowmem_kib);
/** zone_batchsize() - models the kernel's: pages moved between the buddy and a per-CPU list at once. */
uint32_t zone_batchsize(uint64_t managed, uint32_t page_shift);
/** zone_highsize() - models the kernel's: pages that a CPU may keep; @base: shared by @cpus. */
uint32_t zone_highsize(uint64_t base, uint32_t cpus, uint32_t batch);

#endif

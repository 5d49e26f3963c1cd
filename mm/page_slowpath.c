/*
 * page_slowpath: what a request does when no zone is above its low watermark.
 * Models __alloc_pages_slowpath(), gfp_to_alloc_flags() and wakeup_kswapd() of 6.1.
 *
 * Simplified: there is no time yet in which memory could be reclaimed or compacted, and nobody to be killed. A request
 * that would do so gets what the kernel tries at those points without reclaim: reserved pageblocks given back, per-CPU
 * lists drained. Then it is refused, __GFP_NOFAIL too after its last resort.
 */
#include "mm/page_alloc_priv.h"
#include "mm/pcp_priv.h"

/* Models gfp_to_alloc_flags(). */
static unsigned int slow_flags(const struct alloc_context *ac)
{
	unsigned int flags = WMARK_MIN;

	if (ac->gfp & GFP_BIT_HIGH)
		flags |= ALLOC_MIN_RESERVE;
	if (ac->gfp & GFP_BIT_KSWAPD_RECLAIM)
		flags |= ALLOC_KSWAPD;
	if (ac->gfp & (GFP_BIT_DIRECT_RECLAIM | GFP_BIT_NOMEMALLOC))
		return flags;
	flags |= ALLOC_NON_BLOCK;
	if (ac->order > 0 && flags & ALLOC_MIN_RESERVE)
		flags |= ALLOC_HIGHATOMIC;
	return flags;
}

/* Models __gfp_pfmemalloc_flags(): the right to ignore watermarks. */
static unsigned int reserve_flags(const struct alloc_context *ac)
{
	if (ac->gfp & GFP_BIT_MEMALLOC && !(ac->gfp & GFP_BIT_NOMEMALLOC))
		return ALLOC_NO_WATERMARKS;
	return 0;
}

static bool node_boosted(const struct page_alloc *pa, uint32_t node, enum machine_zone highest)
{
	for (uint32_t i = 0; i < pa->nr_zones; i++)
		if (pa->zones[i].node == node && pa->zones[i].type <= highest && pa->zones[i].boost)
			return true;
	return false;
}

/* Models pgdat_balanced(). */
static bool node_balanced(const struct page_alloc *pa, uint32_t node, unsigned int order, enum machine_zone highest)
{
	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		const struct zone *zone = &pa->zones[i];

		if (zone->node == node && zone->type <= highest && zone->managed &&
			zone_watermark_ok(zone, order, zone_mark(zone, WMARK_HIGH), highest, 0, zone->visible_free))
			return true;
	}
	return false;
}

/*
 * Simplified: kswapd is over with its pass at the instant of its wake-up. It reclaims nothing, and drops the boosts
 * that it saw, as it does at the end of a pass.
 */
void kswapd_wake(struct zone *zone, unsigned int order, enum machine_zone highest, struct meter *meter)
{
	struct page_alloc *pa = zone->pa;

	if (!node_boosted(pa, zone->node, highest) && node_balanced(pa, zone->node, order, highest))
		return;
	pa->counter[PC_KSWAPD_WAKE]++;
	meter_charge(meter, STEP_KSWAPD_WAKE, 1);
	for (uint32_t i = 0; i < pa->nr_zones; i++)
		if (pa->zones[i].node == zone->node && pa->zones[i].type <= highest)
			pa->zones[i].boost = 0;
}

/* Models wake_all_kswapds(): one per node of the zonelist. */
static void wake_all_kswapds(const struct alloc_context *ac, struct meter *meter)
{
	const struct zone *last = NULL;

	for (uint32_t i = ac->preferred; i < ac->nr_zones; i++) {
		struct zone *zone = ac->zonelist->zone[i];

		if (zone->type > ac->highest || !zone->managed || (last && last->node == zone->node))
			continue;
		kswapd_wake(zone, ac->order, ac->highest, meter);
		last = zone;
	}
}

/* What a request that may reclaim tries beside reclaim itself. */
static pfn_t take_after_unreserve(struct page_alloc *pa, const struct alloc_context *ac, unsigned int flags,
	struct meter *meter)
{
	pfn_t pfn;

	unreserve_highatomic(ac, false);
	pcp_drain_all(pa, ac->cpu, meter);
	pfn = zonelist_walk(pa, ac, flags, meter);
	while (pfn == PFN_NONE && unreserve_highatomic(ac, true))
		pfn = zonelist_walk(pa, ac, flags, meter);
	return pfn;
}

pfn_t page_slowpath(struct page_alloc *pa, const struct alloc_context *ac, struct meter *meter)
{
	unsigned int flags = slow_flags(ac);
	unsigned int rights = reserve_flags(ac);
	pfn_t pfn;

	pa->counter[PC_SLOWPATH]++;
	meter_charge(meter, STEP_PAGE_SLOWPATH, 1);
	if (flags & ALLOC_KSWAPD)
		wake_all_kswapds(ac, meter);
	pfn = zonelist_walk(pa, ac, flags, meter);
	if (pfn != PFN_NONE)
		return pfn;
	if (rights) {
		flags = rights | (flags & ALLOC_KSWAPD);
		pfn = zonelist_walk(pa, ac, flags, meter);
	}
	if (pfn != PFN_NONE || !(ac->gfp & GFP_BIT_DIRECT_RECLAIM))
		return pfn;
	pfn = take_after_unreserve(pa, ac, flags, meter);
	if (pfn == PFN_NONE && ac->gfp & GFP_BIT_NOFAIL)
		pfn = zonelist_walk(pa, ac, ALLOC_MIN_RESERVE, meter);
	return pfn;
}

/*
 * fallback: what a request does when the lists of its migratetype are empty: it takes, or claims, a block of another.
 * Models __rmqueue(), __rmqueue_fallback() and steal_suitable_fallback() of mm/page_alloc.c (6.1).
 */
#include "base/bits.h"
#include "mm/page_alloc_priv.h"

#define NR_FALLBACKS 2u

static const uint8_t fallbacks[MIGRATE_PCPTYPES][NR_FALLBACKS] = {
	[MIGRATE_UNMOVABLE] = { MIGRATE_RECLAIMABLE, MIGRATE_MOVABLE },
	[MIGRATE_MOVABLE] = { MIGRATE_RECLAIMABLE, MIGRATE_UNMOVABLE },
	[MIGRATE_RECLAIMABLE] = { MIGRATE_UNMOVABLE, MIGRATE_MOVABLE },
};

bool fallback_can_steal(const struct page_alloc *pa, unsigned int order, unsigned int mt)
{
	return order >= pa->pageblock_order / 2 || mt == MIGRATE_UNMOVABLE || mt == MIGRATE_RECLAIMABLE ||
		pa->mobility_off;
}

/* First type of @mt's fallback order that has a block of @order; NR_MIGRATETYPES: none. */
static unsigned int fallback_type(const struct zone *zone, unsigned int order, unsigned int mt)
{
	const struct free_area *area = &zone->area[order];

	if (!area->nr_free)
		return NR_MIGRATETYPES;
	for (unsigned int i = 0; i < NR_FALLBACKS; i++)
		if (area->list[fallbacks[mt][i]].nr)
			return fallbacks[mt][i];
	return NR_MIGRATETYPES;
}

bool zone_boost_watermark(struct zone *zone)
{
	const struct page_alloc *pa = zone->pa;
	uint64_t factor = pa->machine->page_allocator.watermark_boost_factor;
	uint64_t most = zone->wmark[WMARK_HIGH] * factor / 10000;

	if (!factor || 4 * pageblock_pages(pa) > zone->managed || !most)
		return false;
	most = max_u64(most, pageblock_pages(pa));
	zone->boost = (uint32_t)min_u64(zone->boost + pageblock_pages(pa), most);
	return true;
}

/*
 * Claim the whole pageblock of a stolen block: all its free blocks move to @mt's lists, and its type changes if at
 * least half of its pages are free or of a kind that goes with @mt. Return: false if the zone does not span it all.
 */
static bool claim_pageblock(struct zone *zone, pfn_t pfn, unsigned int mt, unsigned int old_mt)
{
	struct page_alloc *pa = zone->pa;
	uint64_t movable, alike = 0;
	uint64_t moved = buddy_move_pageblock(zone, pfn, mt, &movable);

	if (!moved)
		return false;
	if (mt == MIGRATE_MOVABLE)
		alike = movable;
	else if (old_mt == MIGRATE_MOVABLE)
		alike = pageblock_pages(pa) - moved - movable;
	if (moved + alike >= pageblock_pages(pa) / 2 || pa->mobility_off)
		set_pageblock_migratetype(pa, pfn, mt);
	return true;
}

/* Models steal_suitable_fallback() for the first block of @order on the list of type @from. */
static void steal_block(struct zone *zone, pfn_t pfn, unsigned int order, unsigned int mt, unsigned int alloc_flags)
{
	struct page_alloc *pa = zone->pa;
	unsigned int old_mt = pageblock_migratetype(pa, pfn);

	if (old_mt != MIGRATE_HIGHATOMIC) {
		if (order >= pa->pageblock_order) {
			for (pfn_t p = pfn; p < pfn + (1ull << order); p += pageblock_pages(pa))
				set_pageblock_migratetype(pa, p, mt);
		} else {
			if (zone_boost_watermark(zone) && alloc_flags & ALLOC_KSWAPD)
				zone->boosted = true;
			if (fallback_can_steal(pa, order, mt) && claim_pageblock(zone, pfn, mt, old_mt))
				return;
		}
	}
	buddy_move(zone, pfn, mt);
}

static void count_extfrag(struct page_alloc *pa, pfn_t pfn, unsigned int alloc_order, unsigned int fallback_order,
	unsigned int mt, unsigned int fallback_mt)
{
	unsigned int types = mt * MIGRATE_PCPTYPES + fallback_mt;
	struct extfrag_count *kind =
		&pa->extfrag[(types * PAGE_MAX_ORDERS + alloc_order) * PAGE_MAX_ORDERS + fallback_order];

	pa->counter[PC_EXTFRAG]++;
	kind->count++;
	kind->ownership_changes += pageblock_migratetype(pa, pfn) == mt;
}

/*
 * Which foreign block to take: the largest one, so that pageblocks of other types are broken into as seldom as
 * possible. But a Movable request that cannot claim the pageblock takes the smallest: it will not need company there.
 */
static bool find_fallback(const struct zone *zone, unsigned int order, unsigned int mt, unsigned int alloc_flags,
	unsigned int *fallback_order, unsigned int *fallback_mt)
{
	const struct page_alloc *pa = zone->pa;
	unsigned int lowest = order;
	unsigned int o;

	if (order < pa->pageblock_order && alloc_flags & ALLOC_NOFRAGMENT)
		lowest = pa->pageblock_order;
	for (o = pa->max_order + 1; o-- > lowest;) {
		*fallback_mt = fallback_type(zone, o, mt);
		if (*fallback_mt == NR_MIGRATETYPES)
			continue;
		*fallback_order = o;
		if (fallback_can_steal(pa, o, mt) || mt != MIGRATE_MOVABLE || o == order)
			return true;
		for (o = order;; o++) {
			*fallback_mt = fallback_type(zone, o, mt);
			*fallback_order = o;
			if (*fallback_mt != NR_MIGRATETYPES)
				return true;
		}
	}
	return false;
}

/* Models __rmqueue_fallback(): make blocks of another type ours. Return: false when there are none. */
static bool take_fallback(struct zone *zone, unsigned int order, unsigned int mt, unsigned int alloc_flags,
	struct zone_work *work)
{
	unsigned int fallback_order, fallback_mt;
	pfn_t pfn;

	if (!find_fallback(zone, order, mt, alloc_flags, &fallback_order, &fallback_mt))
		return false;
	pfn = zone->area[fallback_order].list[fallback_mt].blocks.head;
	steal_block(zone, pfn, fallback_order, mt, alloc_flags);
	count_extfrag(zone->pa, pfn, order, fallback_order, mt, fallback_mt);
	work->steals++;
	return true;
}

pfn_t zone_take_locked(struct zone *zone, unsigned int order, unsigned int mt, unsigned int alloc_flags,
	struct zone_work *work)
{
	pfn_t pfn;

	do {
		pfn = buddy_take_smallest(zone, order, mt, work);
	} while (pfn == PFN_NONE && take_fallback(zone, order, mt, alloc_flags, work));
	return pfn;
}

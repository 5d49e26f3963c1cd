/*
 * highatomic: pageblocks kept for high-order requests that may not wait.
 * Models reserve_highatomic_pageblock() and unreserve_highatomic_pageblock() of mm/page_alloc.c (6.1).
 */
#include "base/bits.h"
#include "mm/page_alloc_priv.h"

void zone_reserve_highatomic(struct zone *zone, pfn_t pfn)
{
	struct page_alloc *pa = zone->pa;
	uint64_t limit = zone->managed / 100 + pageblock_pages(pa);

	if (zone->nr_reserved_highatomic >= limit || !migratetype_is_mergeable(pageblock_migratetype(pa, pfn)))
		return;
	zone->nr_reserved_highatomic += (uint32_t)pageblock_pages(pa);
	set_pageblock_migratetype(pa, pfn, MIGRATE_HIGHATOMIC);
	buddy_move_pageblock(zone, pfn, MIGRATE_HIGHATOMIC, NULL);
}

static bool zone_unreserve_highatomic(struct zone *zone, unsigned int mt)
{
	struct page_alloc *pa = zone->pa;

	for (unsigned int order = 0; order <= pa->max_order; order++) {
		uint32_t head = zone->area[order].list[MIGRATE_HIGHATOMIC].blocks.head;

		if (head == LINK_NONE)
			continue;
		if (pageblock_migratetype(pa, head) == MIGRATE_HIGHATOMIC)
			zone->nr_reserved_highatomic -=
				(uint32_t)min_u64(pageblock_pages(pa), zone->nr_reserved_highatomic);
		set_pageblock_migratetype(pa, head, mt);
		zone->gave_back = true;
		if (buddy_move_pageblock(zone, head, mt, NULL))
			return true;
	}
	return false;
}

bool unreserve_highatomic(const struct alloc_context *ac, bool force)
{
	for (uint32_t i = ac->preferred; i < ac->nr_zones; i++) {
		struct zone *zone = ac->zonelist->zone[i];

		if (zone->type > ac->highest || (!force && zone->nr_reserved_highatomic <= pageblock_pages(zone->pa)))
			continue;
		if (zone_unreserve_highatomic(zone, ac->mt))
			return true;
	}
	return false;
}

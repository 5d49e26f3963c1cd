/*
 * node_reclaim: rather reclaim on the near node than take memory of the next one (vm.zone_reclaim_mode).
 * Models node_reclaim(), __node_reclaim() and zone_allows_reclaim() of kernel 6.1.
 *
 * Simplified: file pages are unmapped and clean, anonymous ones mapped and dirty, because no trace tells: with
 * neither write nor unmap only file pages go, with one of them still no more, with both anonymous ones are swapped
 * out. How many pages reclaimable slabs have does not count, only how much page cache there is. It happens at one
 * instant: nobody else is at it.
 */
#include "base/bits.h"
#include "mm/lru_priv.h"

#define RECLAIM_WRITE 2u
#define RECLAIM_UNMAP 4u

/* farther nodes are nobody's to reclaim; the kernel's default but on some AMD machines */
#define RECLAIM_DISTANCE 30u
#define NODE_RECLAIM_PRIORITY 4   /* a sixteenth of the lists at first */
#define MIN_UNMAPPED_PERCENT 1u   /* vm.min_unmapped_ratio: so much page cache of a node is left alone */

static bool has_cpus(const struct page_alloc *pa, uint32_t node)
{
	for (uint32_t cpu = 0; cpu < pa->nr_cpus; cpu++)
		if (pa->machine->node_of_cpu[cpu] == node)
			return true;
	return false;
}

static bool enough_page_cache(const struct page_alloc *pa, uint32_t node)
{
	uint64_t managed = 0;

	for (uint32_t i = 0; i < pa->nr_zones; i++)
		if (pa->zones[i].node == node)
			managed += pa->zones[i].managed;
	return lru_pages(pa, node, LRU_INACTIVE_FILE) + lru_pages(pa, node, LRU_ACTIVE_FILE) >
		managed * MIN_UNMAPPED_PERCENT / 100;
}

/* Whether it is tried at all: NODE_RECLAIM_NOSCAN and NODE_RECLAIM_FULL are no. */
static bool worth_trying(const struct page_alloc *pa, const struct zone *zone, const struct alloc_context *ac)
{
	uint32_t own = pa->machine->node_of_cpu[ac->cpu], preferred = ac->zonelist->zone[ac->preferred]->node;

	return pa->hooks.page_gone && pa->machine->distance[preferred][zone->node] <= RECLAIM_DISTANCE &&
		enough_page_cache(pa, zone->node) && ac->gfp & GFP_BIT_DIRECT_RECLAIM &&
		(zone->node == own || !has_cpus(pa, zone->node));
}

bool node_reclaim(struct zone *zone, const struct alloc_context *ac, unsigned int alloc_flags, struct meter *meter)
{
	struct page_alloc *pa = zone->pa;
	const uint32_t both = RECLAIM_WRITE | RECLAIM_UNMAP;
	struct scan_control sc = {
		.order = ac->order,
		.cpu = ac->cpu,
		.highest = ac->highest,
		.nr_to_reclaim = max_u64(1ull << ac->order, SWAP_CLUSTER_MAX),
		.may_swap = (pa->machine->reclaim.zone_reclaim_mode & both) == both,
		.may_fs = ac->gfp & GFP_BIT_FS,
		.meter = meter,
	};

	if (!worth_trying(pa, zone, ac))
		return false;
	pa->counter[PC_NODE_RECLAIM]++;
	for (sc.priority = NODE_RECLAIM_PRIORITY; sc.priority >= 0 && sc.reclaimed < 1ull << ac->order; sc.priority--)
		shrink_node(pa, zone->node, &sc);
	pa->counter[PC_NODE_RECLAIM_PAGES] += sc.reclaimed;
	pa->counter[PC_ZONE_RECLAIM_FAILED] += sc.reclaimed < 1ull << ac->order;
	return zone_watermark_ok(zone, ac->order, zone_mark(zone, alloc_flags), ac->highest, alloc_flags,
		zone->visible_free);
}

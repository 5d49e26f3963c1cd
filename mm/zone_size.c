/*
 * zone_size: which part of memory is in which zone.
 * Models free_area_init(), calculate_node_totalpages() and find_zone_movable_pfns_for_nodes() of mm/page_alloc.c (6.1).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "mm/page_alloc_priv.h"

struct zone_limits {
	pfn_t low[NR_ZONE_TYPES], high[NR_ZONE_TYPES]; /* [low, high); equal: no such zone */
	pfn_t movable[MACHINE_MAX_NODES];              /* where zone Movable begins on a node; 0: it has none */
	enum machine_zone top;                         /* the highest type that has memory: Movable is carved from it */
	uint64_t movable_pages, total_pages;
};

static pfn_t range_start(const struct page_alloc *pa, const struct memory_range *range)
{
	return div_round_up(range->start, 1ull << pa->page_shift);
}

static pfn_t range_end(const struct page_alloc *pa, const struct memory_range *range)
{
	return range->end >> pa->page_shift;
}

/* Pages of @node in [start, end) that are memory. */
static uint64_t present_pages(const struct page_alloc *pa, const struct memory_map *map, uint32_t node, pfn_t start,
	pfn_t end)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < map->nr; i++) {
		pfn_t from = max_u64(range_start(pa, &map->range[i]), start);
		pfn_t to = min_u64(range_end(pa, &map->range[i]), end);

		if (map->range[i].node == node && from < to)
			pages += to - from;
	}
	return pages;
}

/* First and last pfn of a node: [*start, *end), empty when it has no memory. */
static void node_span(const struct page_alloc *pa, const struct memory_map *map, uint32_t node, pfn_t *start,
	pfn_t *end)
{
	*start = UINT64_MAX;
	*end = 0;
	for (uint32_t i = 0; i < map->nr; i++) {
		if (map->range[i].node != node)
			continue;
		*start = min_u64(*start, range_start(pa, &map->range[i]));
		*end = max_u64(*end, range_end(pa, &map->range[i]));
	}
	if (*start > *end)
		*start = *end;
}

/* Models zone_sizes_init() of the architecture: each type begins where the one before ended. */
static void zone_type_limits(const struct page_alloc *pa, const struct memory_map *map, struct zone_limits *limits)
{
	const struct machine_zones *zones = &pa->machine->zones;
	pfn_t first = range_start(pa, &map->range[0]);
	pfn_t last = range_end(pa, &map->range[map->nr - 1]);
	pfn_t low = min_u64(last, zones->highmem_above >> pa->page_shift);
	pfn_t high[NR_ZONE_TYPES] = {
		[ZONE_DMA] = min_u64(low, zones->dma_end >> pa->page_shift),
		[ZONE_DMA32] = pa->machine->bits32 ? 0 : min_u64(low, zones->dma32_end >> pa->page_shift),
		[ZONE_NORMAL] = low,
		[ZONE_HIGHMEM] = last,
	};

	for (unsigned int type = ZONE_DMA; type < ZONE_MOVABLE; type++) {
		limits->low[type] = first;
		limits->high[type] = max_u64(first, high[type]);
		first = limits->high[type];
		if (limits->low[type] < limits->high[type])
			limits->top = type;
	}
}

/*
 * Walk the node's memory upwards until it has given @share pages for the kernel; Movable begins there. What is below
 * the zone that Movable is carved from is the kernel's anyway. @wanted: of the whole machine, reduced.
 */
static void movable_start_of_node(const struct page_alloc *pa, const struct memory_map *map,
	struct zone_limits *limits, uint32_t node, uint64_t share, uint64_t *wanted)
{
	pfn_t usable = limits->low[limits->top];

	for (uint32_t i = 0; i < map->nr; i++) {
		pfn_t start = max_u64(range_start(pa, &map->range[i]), limits->movable[node]);
		pfn_t end = range_end(pa, &map->range[i]);
		uint64_t pages;

		if (map->range[i].node != node || start >= end)
			continue;
		if (start < usable) {
			pages = min_u64(end, usable) - start;
			share -= min_u64(pages, share);
			*wanted -= min_u64(pages, *wanted);
			limits->movable[node] = min_u64(end, usable);
			if (end <= usable)
				continue;
			start = usable;
		}
		pages = min_u64(end - start, share);
		limits->movable[node] = start + pages;
		*wanted -= min_u64(pages, *wanted);
		share -= pages;
		if (!share)
			return;
	}
}

/* Spread the memory that is not to be movable evenly over the nodes. */
static void movable_limits(const struct page_alloc *pa, const struct memory_map *map, struct zone_limits *limits)
{
	uint64_t block = 1ull << pa->max_order;
	uint64_t movable = align_up(limits->movable_pages, block);
	uint64_t wanted = limits->total_pages - min_u64(movable, limits->total_pages);
	uint32_t nodes = 0;

	for (uint32_t node = 0; node < pa->nr_nodes; node++)
		nodes += present_pages(pa, map, node, 0, UINT64_MAX) > 0;
	if (!movable || !wanted)
		return;
	for (; nodes; nodes--) {
		uint64_t share = wanted / nodes;

		for (uint32_t node = 0; node < pa->nr_nodes; node++) {
			if (wanted < share)
				share = wanted / nodes;
			movable_start_of_node(pa, map, limits, node, share, &wanted);
		}
		if (wanted <= nodes - 1)
			break;
	}
	for (uint32_t node = 0; node < pa->nr_nodes; node++) {
		pfn_t start, end;

		node_span(pa, map, node, &start, &end);
		limits->movable[node] = align_up(limits->movable[node], block);
		if (limits->movable[node] >= end)
			limits->movable[node] = 0;
	}
}

static void zone_init(struct page_alloc *pa, uint32_t node, enum machine_zone type, enum machine_zone top)
{
	struct zone *zone = &pa->zones[pa->nr_zones];

	zone->pa = pa;
	zone->index = (uint16_t)pa->nr_zones++;
	zone->node = (uint16_t)node;
	zone->type = (uint8_t)type;
	zone->highmem = type == ZONE_HIGHMEM || (type == ZONE_MOVABLE && top == ZONE_HIGHMEM);
	for (unsigned int order = 0; order < PAGE_MAX_ORDERS; order++)
		for (unsigned int mt = 0; mt < NR_MIGRATETYPES; mt++)
			zone->area[order].list[mt].blocks = (struct block_list){ LINK_NONE, LINK_NONE };
}

/* Models calculate_node_totalpages(): the zones of one node that have memory. */
static void node_zones(struct page_alloc *pa, const struct memory_map *map, const struct zone_limits *limits,
	uint32_t node)
{
	pfn_t start, end, movable = limits->movable[node];

	node_span(pa, map, node, &start, &end);
	for (unsigned int type = ZONE_DMA; type <= ZONE_MOVABLE; type++) {
		struct zone *zone = &pa->zones[pa->nr_zones];
		pfn_t low = max_u64(start, limits->low[type]), high = min_u64(end, limits->high[type]);

		if (type == ZONE_MOVABLE) {
			low = movable ? movable : end;
			high = end;
		} else if (movable && type == limits->top) {
			high = min_u64(high, movable);
		}
		if (low >= high)
			continue;
		zone->present = present_pages(pa, map, node, low, high);
		if (!zone->present)
			continue;
		zone->start = low;
		zone->end = high;
		zone_init(pa, node, type, limits->top);
	}
}

/* Models alloc_flags_nofragment(): DMA32 is a place to go to before Normal gets fragmented. */
static void mark_nofragment(struct page_alloc *pa)
{
	bool configured = !pa->machine->bits32 && pa->machine->zones.dma32_end;

	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		struct zone *zone = &pa->zones[i];
		bool below = i && pa->zones[i - 1].node == zone->node && pa->zones[i - 1].type == ZONE_DMA32;

		zone->nofragment = zone->type == ZONE_NORMAL && configured && (pa->nr_nodes == 1 || below);
	}
}

int zones_size(struct page_alloc *pa, const struct memory_map *map, struct err *err)
{
	struct zone_limits limits = { .movable_pages = pa->machine->zones.movable >> pa->page_shift };
	size_t bytes = sizeof(*pa->zones) * pa->nr_nodes * NR_ZONE_TYPES;

	pa->zones = aligned_alloc(_Alignof(struct zone), bytes);
	if (!pa->zones)
		return err_set(err, ERR_NOMEM, "no memory for the zones of %u nodes", pa->nr_nodes);
	memset(pa->zones, 0, bytes);
	for (uint32_t node = 0; node < pa->nr_nodes; node++)
		limits.total_pages += present_pages(pa, map, node, 0, UINT64_MAX);
	if (!limits.total_pages)
		return err_set(err, ERR_CONFIG, "the machine has no memory");
	zone_type_limits(pa, map, &limits);
	movable_limits(pa, map, &limits);
	for (uint32_t node = 0; node < pa->nr_nodes; node++)
		node_zones(pa, map, &limits, node);
	mark_nofragment(pa);
	return 0;
}

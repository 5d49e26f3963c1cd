/*
 * page_boot: from memblock to the free lists.
 * Models memmap_init(), memblock_free_all() and add_highpages_with_active_regions() of 6.1: the state that the kernel
 * has when boot is over, with its final watermarks.
 *
 * Simplified: memory whose initialisation the kernel defers is handed over like all other. With one thread at that
 * work the lists are the same; with more, their order depends on timing.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "mm/page_alloc_priv.h"

#define STRUCT_PAGE_BYTES   64u /* what a page's record costs the modelled kernel */

/* Adjacent ranges of one node are one region, as memblock keeps them. */
static void memory_map_init(struct memory_map *map, const struct machine *machine)
{
	map->nr = 0;
	for (uint32_t i = 0; i < machine->nr_ram; i++) {
		const struct machine_range *ram = &machine->ram[i];
		struct memory_range *last = map->nr ? &map->range[map->nr - 1] : NULL;

		if (last && last->end == ram->start && last->node == ram->node)
			last->end += ram->size;
		else
			map->range[map->nr++] =
				(struct memory_range){ ram->start, ram->start + ram->size, ram->node };
	}
}

/*
 * A pageblock is marked Movable when its first page is memory, which is what untouched metadata says; all others, in
 * holes and before the first page, stay Unmovable. Models memmap_init_range().
 */
static void mark_holes(struct page_alloc *pa, const struct memory_map *map)
{
	uint64_t block = pageblock_pages(pa);
	pfn_t hole = 0;

	for (uint32_t i = 0; i < map->nr; i++) {
		uint64_t from = div_round_up(hole, block);
		uint64_t to = div_round_up(div_round_up(map->range[i].start, 1ull << pa->page_shift), block);

		if (from < to)
			memset(pa->pageblock_type + from, MIGRATE_UNMOVABLE ^ MIGRATE_MOVABLE, to - from);
		hole = map->range[i].end >> pa->page_shift;
	}
}

static int mark_sections(struct page_alloc *pa, const struct memory_map *map, struct err *err)
{
	uint64_t nr = (pa->end_pfn << pa->page_shift >> SECTION_BYTES_SHIFT) + 2;

	pa->section_online = calloc(nr, 1);
	if (!pa->section_online)
		return err_set(err, ERR_NOMEM, "no memory for %" PRIu64 " sections", nr);
	for (uint32_t i = 0; i < map->nr; i++)
		for (uint64_t s = map->range[i].start >> SECTION_BYTES_SHIFT;
		     s << SECTION_BYTES_SHIFT < map->range[i].end; s++)
			pa->section_online[s] = 1;
	return 0;
}

static void count_pageblocks(struct zone *zone)
{
	const struct page_alloc *pa = zone->pa;
	uint64_t first = pageblock_of(pa, zone->start);
	uint64_t nr = div_round_up(zone->end - zone->start, pageblock_pages(pa));

	for (uint64_t pb = first; pb < first + nr; pb++)
		if (pageblock_counted(zone, pb))
			zone->pageblocks[pageblock_migratetype(pa, pb << pa->pageblock_order)]++;
}

/* [start, end) of one zone as memblock_free_all() gives it: largest aligned blocks, each to the tail. */
static void hand_over(struct zone *zone, pfn_t start, pfn_t end)
{
	const struct page_alloc *pa = zone->pa;
	struct zone_work work = { 0 };

	while (start < end) {
		unsigned int order = start ? (unsigned int)__builtin_ctzll(start) : pa->max_order;
		uint64_t blocks = (end - start) >> pa->max_order;

		if (order >= pa->max_order && blocks) {
			buddy_add_run(zone, start, (int32_t)blocks, pageblock_migratetype(pa, start), BUDDY_TAIL);
			zone->visible_free += (int64_t)(blocks << pa->max_order);
			start += blocks << pa->max_order;
			continue;
		}
		order = (unsigned int)min_u64(order, pa->max_order);
		while (start + (1ull << order) > end)
			order--;
		buddy_free(zone, start, order, pageblock_migratetype(pa, start), PLACE_TAIL, 0, &work);
		start += 1ull << order;
	}
}

/* [start, end) of high memory: one page after the other, so that the highest block comes first in its list. */
static void hand_over_highmem(struct zone *zone, pfn_t start, pfn_t end)
{
	const struct page_alloc *pa = zone->pa;
	pfn_t block = 1ull << pa->max_order;
	struct zone_work work = { 0 };

	while (start < end) {
		uint64_t blocks = (end - start) >> pa->max_order;

		if (start % block == 0 && blocks) {
			start += blocks << pa->max_order;
			buddy_add_run(zone, start - block, -(int32_t)blocks, pageblock_migratetype(pa, start - block),
				BUDDY_HEAD);
			zone->visible_free += (int64_t)(blocks << pa->max_order);
			continue;
		}
		buddy_free(zone, start, 0, pageblock_migratetype(pa, start), PLACE_DEFAULT, 0, &work);
		start++;
	}
}

/* A range of free memory, cut where a zone ends. */
static void free_range(struct page_alloc *pa, pfn_t start, pfn_t end)
{
	while (start < end) {
		struct zone *zone = page_zone_slow(pa, start);
		pfn_t cut = min_u64(end, zone->end);

		zone->managed += cut - start;
		if (zone->highmem)
			hand_over_highmem(zone, start, cut);
		else
			hand_over(zone, start, cut);
		start = cut;
	}
}

/* Models memblock_free_all(): memory without the reserved ranges, partial pages left out. */
static void free_all(struct page_alloc *pa, const struct memory_map *map)
{
	const struct machine *machine = pa->machine;
	uint64_t page_mask = (1ull << pa->page_shift) - 1;

	for (uint32_t i = 0; i < map->nr; i++) {
		uint64_t at = map->range[i].start, end = map->range[i].end;

		for (uint32_t r = 0; r < machine->nr_reserved && at < end; r++) {
			const struct machine_range *reserved = &machine->reserved[r];

			if (reserved->start + reserved->size <= at)
				continue;
			if (reserved->start >= end)
				break;
			if (reserved->start > at)
				free_range(pa, (at + page_mask) >> pa->page_shift, reserved->start >> pa->page_shift);
			at = reserved->start + reserved->size;
		}
		if (at < end)
			free_range(pa, (at + page_mask) >> pa->page_shift, end >> pa->page_shift);
	}
}

static int zone_init_pcps(struct zone *zone, struct err *err)
{
	uint32_t cpus = zone->pa->nr_cpus;

	zone->pcps = aligned_alloc(_Alignof(struct pcp), sizeof(struct pcp) * cpus);
	if (!zone->pcps)
		return err_set(err, ERR_NOMEM, "no memory for the page lists of %u CPUs", cpus);
	memset(zone->pcps, 0, sizeof(struct pcp) * cpus);
	for (uint32_t cpu = 0; cpu < cpus; cpu++)
		for (unsigned int i = 0; i < NR_PCP_LISTS; i++)
			zone->pcps[cpu].list[i] = (struct block_list){ LINK_NONE, LINK_NONE };
	return 0;
}

/*
 * Models the end of build_all_zonelists(): with hardly more memory than a pageblock per type, types are not told
 * apart. What is managed is not known yet then; the kernel takes what is present without its page records.
 */
static bool too_small_for_mobility(const struct page_alloc *pa)
{
	uint64_t types = pa->machine->page_allocator.cma ? NR_MIGRATETYPES : NR_MIGRATETYPES - 1;
	uint64_t pages = 0;

	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		const struct zone *zone = &pa->zones[i];
		uint64_t records = div_round_up(zone->present * STRUCT_PAGE_BYTES, 1ull << pa->page_shift);

		pages += zone->highmem ? zone->present : zone->present - min_u64(records, zone->present);
	}
	return pages < pageblock_pages(pa) * types;
}

/* Models GFP_ZONE_TABLE: zones that the machine does not have fall to Normal, senseless masks to the lowest. */
static void gfp_zone_init(struct page_alloc *pa)
{
	const struct machine_zones *zones = &pa->machine->zones;
	uint8_t dma = zones->dma_end ? ZONE_DMA : ZONE_NORMAL;
	uint8_t dma32 = zones->dma32_end && !pa->machine->bits32 ? ZONE_DMA32 : ZONE_NORMAL;
	uint8_t high = zones->highmem_above != UINT64_MAX || pa->machine->bits32 ? ZONE_HIGHMEM : ZONE_NORMAL;
	uint8_t lowest = (uint8_t)min_u64(dma, dma32);

	memset(pa->gfp_zone, lowest, sizeof(pa->gfp_zone));
	pa->gfp_zone[0] = ZONE_NORMAL;
	pa->gfp_zone[GFP_BIT_DMA] = dma;
	pa->gfp_zone[GFP_BIT_HIGHMEM] = high;
	pa->gfp_zone[GFP_BIT_DMA32] = dma32;
	pa->gfp_zone[GFP_BIT_MOVABLE] = ZONE_NORMAL;
	pa->gfp_zone[GFP_BIT_MOVABLE | GFP_BIT_DMA] = dma;
	pa->gfp_zone[GFP_BIT_MOVABLE | GFP_BIT_HIGHMEM] = ZONE_MOVABLE;
	pa->gfp_zone[GFP_BIT_MOVABLE | GFP_BIT_DMA32] = dma32;
}

static int page_alloc_boot(struct page_alloc *pa, const struct memory_map *map, struct err *err)
{
	pfn_t end = map->nr ? map->range[map->nr - 1].end >> pa->page_shift : 0;
	int ret;

	if (end >= PAGES_MAX)
		return err_set(err, ERR_CONFIG, "memory ends at page %" PRIu64 "; at most %llu pages can be modelled",
			end, PAGES_MAX - 1);
	ret = page_metadata_init(pa, end, err);
	if (ret < 0)
		return ret;
	ret = zones_size(pa, map, err);
	if (ret < 0)
		return ret;
	ret = mark_sections(pa, map, err);
	if (ret < 0)
		return ret;
	ret = zonelists_build(pa, err);
	if (ret < 0)
		return ret;
	pa->mobility_off = !pa->machine->page_allocator.page_group_by_mobility || too_small_for_mobility(pa);
	gfp_zone_init(pa);
	mark_holes(pa, map);
	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		ret = zone_init_pcps(&pa->zones[i], err);
		if (ret < 0)
			return ret;
		count_pageblocks(&pa->zones[i]);
	}
	free_all(pa, map);
	watermarks_setup(pa);
	return 0;
}

int page_alloc_create(struct page_alloc **out, const struct machine *machine, struct err *err)
{
	const struct machine_page_allocator *config = &machine->page_allocator;
	struct page_alloc *pa = calloc(1, sizeof(*pa));
	struct memory_map map;
	int ret;

	if (!pa)
		return err_set(err, ERR_NOMEM, "no memory for a page allocator");
	assert(config->max_order < PAGE_MAX_ORDERS && config->pageblock_order <= config->max_order);
	pa->machine = machine;
	pa->nr_nodes = machine->nr_nodes;
	pa->nr_cpus = machine->cpus;
	pa->max_order = config->max_order;
	pa->pageblock_order = config->pageblock_order;
	pa->page_shift = machine->page_shift;
	pa->swap_pages = machine->reclaim.swap == MACHINE_AUTO ? 0 : machine->reclaim.swap >> machine->page_shift;
	pa->far = machine->latency.numa && machine->nr_nodes > 1;
	pa->thp = config->transparent_hugepage;
	pa->extfrag = calloc((size_t)MIGRATE_PCPTYPES * MIGRATE_PCPTYPES * PAGE_MAX_ORDERS * PAGE_MAX_ORDERS,
		sizeof(*pa->extfrag));
	memory_map_init(&map, machine);
	pa->reclaim = calloc(pa->nr_nodes, sizeof(*pa->reclaim));
	for (uint32_t node = 0; pa->reclaim && node < pa->nr_nodes; node++)
		for (int list = 0; list < NR_LRU_LISTS; list++)
			pa->reclaim[node].lru[list] = (struct block_list){ LINK_NONE, LINK_NONE };
	ret = pa->extfrag && pa->reclaim ? page_alloc_boot(pa, &map, err) :
		err_set(err, ERR_NOMEM, "no memory for a page allocator");
	if (ret == 0)
		ret = kcompactd_init(pa, err);
	if (ret < 0) {
		page_alloc_destroy(pa);
		return ret;
	}
	*out = pa;
	return 0;
}

void page_alloc_destroy(struct page_alloc *pa)
{
	if (!pa)
		return;
	for (uint32_t i = 0; i < pa->nr_zones; i++)
		free(pa->zones[i].pcps);
	for (uint32_t node = 0; pa->zonelists && node < pa->nr_nodes; node++)
		free(pa->zonelists[node].zone);
	free(pa->zonelists);
	free(pa->zones);
	free(pa->section_online);
	free(pa->extfrag);
	free(pa->rcu.blocks);
	free(pa->reclaim);
	free(pa->compact_skip);
	free(pa->kcompactd);
	page_metadata_fini(pa);
	free(pa);
}

#include "mm/watermark_priv.h"

#include "base/bits.h"
#include "mm/vmstat_priv.h"

#define MIN_FREE_KBYTES_LEAST 128u
#define MIN_FREE_KBYTES_MOST  262144u
#define HIGHMEM_MIN_MOST      128u
/* Where memory is scarcer, transparent huge pages are off from the start (hugepage_init()). */
#define KHUGEPAGED_LEAST_BYTES (512ull << 20)
/* khugepaged wants two pageblocks free, and 3 * 3 more so that types seldom mix, in each zone. */
#define KHUGEPAGED_PAGEBLOCKS 11u

/* Pages that a request of this kind may not count on, although they are free. */
static int64_t zone_unusable(const struct zone *zone, unsigned int order, unsigned int alloc_flags)
{
	int64_t unusable = (1ll << order) - 1;

	if (!(alloc_flags & ALLOC_RESERVES))
		unusable += zone->nr_reserved_highatomic;
	return unusable;
}

bool zone_watermark_ok(const struct zone *zone, unsigned int order, uint64_t mark, enum machine_zone highest,
	unsigned int alloc_flags, int64_t free)
{
	int64_t min = (int64_t)mark;

	if (alloc_flags & ALLOC_MIN_RESERVE) {
		min -= min / 2;
		if (alloc_flags & ALLOC_NON_BLOCK)
			min -= min / 4;
	}
	if (alloc_flags & ALLOC_OOM)
		min -= min / 2;
	if (free - zone_unusable(zone, order, alloc_flags) <= min + zone->lowmem_reserve[highest])
		return false;
	if (order == 0)
		return true;
	for (unsigned int o = order; o <= zone->pa->max_order; o++) {
		const struct free_area *area = &zone->area[o];

		for (unsigned int mt = 0; mt < MIGRATE_PCPTYPES; mt++)
			if (area->list[mt].nr)
				return true;
		if (alloc_flags & (ALLOC_HIGHATOMIC | ALLOC_OOM) && area->list[MIGRATE_HIGHATOMIC].nr)
			return true;
	}
	return false;
}

bool zone_watermark_slow(const struct zone *zone, unsigned int order, uint64_t mark, enum machine_zone highest,
	unsigned int alloc_flags, gfp_t gfp)
{
	if (zone_watermark_ok(zone, order, mark, highest, alloc_flags, zone->visible_free))
		return true;
	/* An atomic order-0 request must not fail because of a boost, which is only there against fragmentation. */
	if (order || !(gfp & GFP_BIT_ATOMIC) || !zone->boost || (alloc_flags & ALLOC_WMARK_MASK) != WMARK_MIN)
		return false;
	return zone_watermark_ok(zone, 0, zone->wmark[WMARK_MIN], highest, alloc_flags, zone->visible_free);
}

bool zone_watermark_safe(const struct zone *zone, unsigned int order, uint64_t mark, enum machine_zone highest)
{
	bool doubtful = zone->visible_free < (int64_t)zone->drift_mark;

	return zone_watermark_ok(zone, order, mark, highest, 0,
		doubtful ? zone_free_snapshot(zone) : zone->visible_free);
}

uint64_t min_free_kbytes_auto(uint64_t lowmem_kib)
{
	uint64_t kbytes = isqrt_u64(lowmem_kib * 16);

	return min_u64(max_u64(kbytes, MIN_FREE_KBYTES_LEAST), MIN_FREE_KBYTES_MOST);
}

uint32_t zone_batchsize(uint64_t managed, uint32_t page_shift)
{
	uint64_t batch = min_u64(managed >> 10, (1ull << 20) >> page_shift) / 4;

	if (batch < 1)
		batch = 1;
	batch = (1ull << ilog2_u64(batch + batch / 2)) - 1;
	return (uint32_t)max_u64(batch, 1);
}

uint32_t zone_highsize(uint64_t base, uint32_t cpus, uint32_t batch)
{
	return (uint32_t)max_u64(base / cpus, 4ull * batch);
}

static uint32_t node_cpus(const struct page_alloc *pa, uint32_t node)
{
	uint32_t nr = 0;

	for (uint32_t cpu = 0; cpu < pa->nr_cpus; cpu++)
		nr += pa->machine->node_of_cpu[cpu] == node;
	return nr ? nr : pa->nr_cpus;
}

/* Pages above the high watermark in the zones that kernel data may come from. Models nr_free_buffer_pages(). */
static uint64_t buffer_pages(const struct page_alloc *pa)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		const struct zone *zone = &pa->zones[i];
		uint64_t high = (uint64_t)zone->wmark[WMARK_HIGH] + zone->boost;

		if (zone->type <= ZONE_NORMAL && zone->managed > high)
			pages += zone->managed - high;
	}
	return pages;
}

/* Models __setup_per_zone_wmarks(). */
static void setup_zone_wmarks(struct page_alloc *pa)
{
	uint64_t pages_min = pa->min_free_kbytes >> (pa->page_shift - 10);
	uint64_t lowmem = 0;

	for (uint32_t i = 0; i < pa->nr_zones; i++)
		if (!pa->zones[i].highmem)
			lowmem += pa->zones[i].managed;
	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		struct zone *zone = &pa->zones[i];
		uint64_t share = lowmem ? pages_min * zone->managed / lowmem : 0;
		uint64_t scaled = zone->managed * pa->machine->page_allocator.watermark_scale_factor / 10000;
		uint64_t distance = max_u64(share / 4, scaled);
		uint64_t min = share;

		if (zone->highmem)
			min = min_u64(max_u64(zone->managed / 1024, SWAP_CLUSTER_MAX), HIGHMEM_MIN_MOST);
		zone->wmark[WMARK_MIN] = (uint32_t)min;
		zone->wmark[WMARK_LOW] = (uint32_t)(min + distance);
		zone->wmark[WMARK_HIGH] = (uint32_t)(min + 2 * distance);
		zone->boost = 0;
	}
}

/* Models setup_per_zone_lowmem_reserve(): what a zone keeps from requests that could use a higher one. */
static void setup_lowmem_reserve(struct page_alloc *pa)
{
	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		struct zone *zone = &pa->zones[i];
		uint32_t ratio = pa->machine->page_allocator.lowmem_reserve_ratio[zone->type];
		uint64_t above = 0;
		uint32_t next = i + 1;

		for (unsigned int type = 0; type < NR_ZONE_TYPES; type++) {
			if (next < pa->nr_zones && pa->zones[next].node == zone->node && pa->zones[next].type == type)
				above += pa->zones[next++].managed;
			zone->lowmem_reserve[type] = ratio && zone->managed ? (uint32_t)(above / ratio) : 0;
		}
	}
}

void zone_setup_pcp(struct zone *zone)
{
	const struct page_alloc *pa = zone->pa;
	uint32_t fraction = pa->machine->page_allocator.pcp_high_fraction;
	uint64_t base = fraction ? zone->managed / fraction : zone->wmark[WMARK_LOW];

	zone->pcp_batch = zone_batchsize(zone->managed, pa->page_shift);
	zone->pcp_high = zone_highsize(base, node_cpus(pa, zone->node), zone->pcp_batch);
}

/* What khugepaged asks for: whole pageblocks free in each zone, but not more than 5 % of memory. */
static uint64_t khugepaged_min_free_kbytes(const struct page_alloc *pa)
{
	uint64_t zones = 0;

	for (uint32_t i = 0; i < pa->nr_zones; i++)
		zones += pa->zones[i].type <= ZONE_NORMAL;
	return min_u64(KHUGEPAGED_PAGEBLOCKS * pageblock_pages(pa) * zones, buffer_pages(pa) / 20)
		<< (pa->page_shift - 10);
}

static uint64_t total_bytes(const struct page_alloc *pa)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < pa->nr_zones; i++)
		pages += pa->zones[i].managed;
	return pages << pa->page_shift;
}

/*
 * Models set_recommended_min_free_kbytes() at khugepaged's start. With huge pages off at run time, the kernel computes
 * min_free_kbytes once more there, now with watermarks to subtract.
 */
static void khugepaged_start(struct page_alloc *pa)
{
	const struct machine_page_allocator *config = &pa->machine->page_allocator;

	if (config->khugepaged_min_free)
		pa->min_free_kbytes = max_u64(pa->min_free_kbytes, khugepaged_min_free_kbytes(pa));
	else if (config->transparent_hugepage && total_bytes(pa) >= KHUGEPAGED_LEAST_BYTES)
		pa->min_free_kbytes = min_free_kbytes_auto(buffer_pages(pa) << (pa->page_shift - 10));
	setup_zone_wmarks(pa);
}

/*
 * Simplified: the kernel sets the marks when some of the memory that is managed in the end (init sections, the initial
 * ramdisk) has not been freed yet. Here managed is final, because the machine describes memory as it is after boot.
 */
void watermarks_setup(struct page_alloc *pa)
{
	uint64_t configured = pa->machine->page_allocator.min_free_kbytes;

	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		pa->zones[i].wmark[WMARK_HIGH] = 0;
		pa->zones[i].boost = 0;
	}
	pa->min_free_kbytes = configured == MACHINE_AUTO ?
		min_free_kbytes_auto(buffer_pages(pa) << (pa->page_shift - 10)) : configured;
	setup_zone_wmarks(pa);
	for (uint32_t i = 0; i < pa->nr_zones; i++)
		zone_stat_setup(&pa->zones[i]);
	if (configured == MACHINE_AUTO)
		khugepaged_start(pa);
	setup_lowmem_reserve(pa);
	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		struct zone *zone = &pa->zones[i];

		zone_fold_free_pages(zone);
		zone_setup_pcp(zone);
	}
}

/* Watermarks, reserves, per-CPU limits and the drift of counters: E30 to E36, and the kernel's own figures. */
#include <dirent.h>
#include <inttypes.h>

#include "base/bits.h"
#include "tests/mm/page_fixture.h"

/* Fewest free pages that pass for a mark of 1000. */
static int64_t least_free(struct fixture *fx, unsigned int order, unsigned int flags)
{
	int64_t free = 0;

	while (!zone_watermark_ok(fx->zone, order, 1000, ZONE_NORMAL, flags, free))
		free++;
	return free;
}

/* E30. */
Test(page_watermark, reserve_rights_lower_the_mark)
{
	static const struct {
		unsigned int flags;
		int64_t order0, order3, order0_with_reserves;
	} rights[] = {
		{ 0, 1001, 1008, 1713 },
		{ ALLOC_MIN_RESERVE, 501, 508, 701 },
		{ ALLOC_NON_BLOCK, 1001, 1008, 1201 },
		{ ALLOC_MIN_RESERVE | ALLOC_NON_BLOCK, 376, 383, 576 },
		{ ALLOC_OOM, 501, 508, 701 },
	};
	struct fixture *fx = fixture_zone(1024, 2048, 7, 28);

	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
		cr_assert_eq(least_free(fx, 0, rights[i].flags), rights[i].order0, "flags %#x", rights[i].flags);
		cr_assert_eq(least_free(fx, 3, rights[i].flags), rights[i].order3, "flags %#x", rights[i].flags);
	}
	fx->zone->lowmem_reserve[ZONE_NORMAL] = 200;
	fx->zone->nr_reserved_highatomic = 512;
	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++)
		cr_assert_eq(least_free(fx, 0, rights[i].flags), rights[i].order0_with_reserves, "flags %#x",
			rights[i].flags);
	fixture_free(fx);
}

Test(page_watermark, high_orders_need_a_block_that_the_request_may_take)
{
	struct fixture *fx = fixture_zone(1024, 2048, 7, 28);

	cr_assert(zone_watermark_ok(fx->zone, 9, 0, ZONE_NORMAL, 0, 1024));
	expect_pfn(take_buddy(fx, 9, M, 0), 1024);
	expect_pfn(take_buddy(fx, 0, M, 0), 1536);
	cr_assert_not(zone_watermark_ok(fx->zone, 9, 0, ZONE_NORMAL, 0, 1024));
	cr_assert(zone_watermark_ok(fx->zone, 8, 0, ZONE_NORMAL, 0, 1024));
	buddy_move_pageblock(fx->zone, 1536, H, NULL);
	cr_assert_not(zone_watermark_ok(fx->zone, 8, 0, ZONE_NORMAL, ALLOC_NON_BLOCK, 1024));
	cr_assert(zone_watermark_ok(fx->zone, 8, 0, ZONE_NORMAL, ALLOC_HIGHATOMIC, 1024));
	fixture_free(fx);
}

Test(page_watermark, atomic_order_0_does_not_see_a_boost_at_the_min_mark)
{
	struct fixture *fx = fixture_zone(1024, 2048, 7, 28);

	fx->zone->wmark[WMARK_MIN] = 100;
	fx->zone->boost = 2000;
	cr_assert_not(zone_watermark_fast(fx->zone, 0, 2100, ZONE_NORMAL, WMARK_MIN, GFP_NOWAIT));
	cr_assert(zone_watermark_fast(fx->zone, 0, 2100, ZONE_NORMAL, WMARK_MIN, GFP_ATOMIC));
	cr_assert_not(zone_watermark_fast(fx->zone, 0, 2100, ZONE_NORMAL, WMARK_LOW, GFP_ATOMIC));
	cr_assert_not(zone_watermark_fast(fx->zone, 1, 2100, ZONE_NORMAL, WMARK_MIN, GFP_ATOMIC));
	fixture_free(fx);
}

enum { PC64, PC512M, X86_32 };

/* The machines of E31 to E34: zones as the examples have them, managed set by hand. */
static struct fixture *example_machine(int which, bool thp)
{
	static const uint64_t managed[][3] = {
		[PC64] = { 3840, 765000, 3290000 },
		[PC512M] = { 3840, 120000, 0 },
		[X86_32] = { 3900, 218000, 296000 },
	};
	struct fixture *fx = fixture_new();

	fx->machine.zones.dma_end = 16 * MIB;
	fx->machine.zones.dma32_end = 4 * GIB;
	fx->machine.page_allocator.min_free_kbytes = MACHINE_AUTO;
	fx->machine.page_allocator.watermark_scale_factor = 10;
	fx->machine.page_allocator.khugepaged_min_free = thp;
	fx->machine.page_allocator.transparent_hugepage = thp;
	if (which == PC64) {
		fixture_add_ram(fx, 1, 0xbffff, 0);
		fixture_add_ram(fx, 0x100000, 0x440000, 0);
	} else if (which == PC512M) {
		fixture_add_ram(fx, 1, 0x20000, 0);
	} else {
		fx->machine.bits32 = true;
		fx->machine.zones.highmem_above = 0x36000ull << 12;
		fixture_add_ram(fx, 1, 0x80000, 0);
	}
	fixture_boot(fx);
	for (uint32_t i = 0; i < fx->pa->nr_zones; i++)
		fx->pa->zones[i].managed = managed[which][i];
	watermarks_setup(fx->pa);
	return fx;
}

static void expect_reserve(const struct fixture *fx, unsigned int zone, const uint32_t (*want)[NR_ZONE_TYPES])
{
	for (unsigned int type = 0; type < NR_ZONE_TYPES; type++)
		cr_assert_eq(fx->pa->zones[zone].lowmem_reserve[type], (*want)[type],
			"zone %u, requests of type %u: %u", zone, type, fx->pa->zones[zone].lowmem_reserve[type]);
}

/* E31. */
Test(page_watermark, lower_zones_keep_pages_from_requests_that_could_go_higher)
{
	struct fixture *fx = example_machine(PC64, false);

	expect_reserve(fx, 0, &(const uint32_t[NR_ZONE_TYPES]){ 0, 2988, 15839, 15839, 15839 });
	expect_reserve(fx, 1, &(const uint32_t[NR_ZONE_TYPES]){ 0, 0, 12851, 12851, 12851 });
	expect_reserve(fx, 2, &(const uint32_t[NR_ZONE_TYPES]){ 0 });
	fixture_free(fx);
	fx = example_machine(PC512M, false);
	expect_reserve(fx, 0, &(const uint32_t[NR_ZONE_TYPES]){ 0, 468, 468, 468, 468 });
	expect_reserve(fx, 1, &(const uint32_t[NR_ZONE_TYPES]){ 0 });
	fixture_free(fx);
	fx = example_machine(X86_32, false);
	expect_reserve(fx, 0, &(const uint32_t[NR_ZONE_TYPES]){ 0, 0, 851, 2007, 2007 });
	expect_reserve(fx, 1, &(const uint32_t[NR_ZONE_TYPES]){ 0, 0, 0, 9250, 9250 });
	fixture_free(fx);
}

/* E32. */
Test(page_watermark, min_free_kbytes_grows_with_the_square_root_of_memory)
{
	static const uint64_t by_mib[][2] = { { 16, 512 }, { 32, 724 }, { 64, 1024 }, { 128, 1448 }, { 256, 2048 },
		{ 512, 2896 }, { 1024, 4096 }, { 2048, 5792 }, { 4096, 8192 }, { 8192, 11585 }, { 16384, 16384 },
		{ 65536, 32768 }, { 4ull << 20, 262144 }, { 8ull << 20, 262144 } };

	for (size_t i = 0; i < sizeof(by_mib) / sizeof(by_mib[0]); i++)
		cr_assert_eq(min_free_kbytes_auto(by_mib[i][0] * 1024), by_mib[i][1], "%" PRIu64 " MiB", by_mib[i][0]);
	cr_assert_eq(min_free_kbytes_auto(512), 128);
}

static void expect_wmarks(const struct fixture *fx, unsigned int zone, uint32_t min, uint32_t low, uint32_t high)
{
	const uint32_t *wmark = fx->pa->zones[zone].wmark;

	cr_assert(wmark[WMARK_MIN] == min && wmark[WMARK_LOW] == low && wmark[WMARK_HIGH] == high,
		"zone %u: %u/%u/%u, expected %u/%u/%u", zone, wmark[WMARK_MIN], wmark[WMARK_LOW], wmark[WMARK_HIGH],
		min, low, high);
}

/* E33. */
Test(page_watermark, watermarks_of_a_16_gib_machine)
{
	struct fixture *fx = example_machine(PC64, false);

	cr_assert_eq(fx->pa->min_free_kbytes, 16117);
	expect_wmarks(fx, 0, 3, 6, 9);
	expect_wmarks(fx, 1, 759, 1524, 2289);
	expect_wmarks(fx, 2, 3265, 6555, 9845);
	fixture_free(fx);
	fx = example_machine(PC64, true);
	cr_assert_eq(fx->pa->min_free_kbytes, 67584);
	expect_wmarks(fx, 0, 15, 18, 21);
	expect_wmarks(fx, 1, 3184, 3980, 4776);
	expect_wmarks(fx, 2, 13695, 17118, 20541);
	cr_assert_eq(fx->pa->zones[0].pcp_high, 18);
	cr_assert_eq(fx->pa->zones[1].pcp_high, 3980);
	cr_assert_eq(fx->pa->zones[2].pcp_high, 17118);
	fixture_free(fx);
}

/* E34. */
Test(page_watermark, watermarks_of_small_and_32_bit_machines)
{
	struct fixture *fx = example_machine(PC512M, false);

	cr_assert_eq(fx->pa->min_free_kbytes, 2815);
	expect_wmarks(fx, 0, 21, 26, 31);
	expect_wmarks(fx, 1, 681, 851, 1021);
	fixture_free(fx);
	fx = example_machine(PC512M, true);
	cr_assert_eq(fx->pa->min_free_kbytes, 24556);
	expect_wmarks(fx, 0, 190, 237, 284);
	expect_wmarks(fx, 1, 5948, 7435, 8922);
	fixture_free(fx);
	fx = example_machine(X86_32, false);
	cr_assert_eq(fx->pa->min_free_kbytes, 3768);
	expect_wmarks(fx, 0, 16, 20, 24);
	expect_wmarks(fx, 1, 925, 1156, 1387);
	expect_wmarks(fx, 2, 128, 442, 756);
	fixture_free(fx);
}

/* E35. */
Test(page_watermark, batch_and_high_of_the_per_cpu_lists)
{
	cr_assert_eq(zone_batchsize(3840, 12), 1);
	cr_assert_eq(zone_batchsize(40000, 12), 7);
	cr_assert_eq(zone_batchsize(100000, 12), 31);
	cr_assert_eq(zone_batchsize(262144, 12), 63);
	cr_assert_eq(zone_batchsize(100000000, 12), 63);
	cr_assert_eq(zone_batchsize(100000000, 14), 15);
	cr_assert_eq(zone_batchsize(100000000, 16), 3);
	cr_assert_eq(zone_highsize(18, 1, 1), 18);
	cr_assert_eq(zone_highsize(18, 4, 1), 4);
	cr_assert_eq(zone_highsize(3980, 1, 63), 3980);
	cr_assert_eq(zone_highsize(3980, 4, 63), 995);
	cr_assert_eq(zone_highsize(3980, 16, 63), 252);
	cr_assert_eq(zone_highsize(17118, 4, 63), 4279);
	cr_assert_eq(zone_highsize(17118, 16, 63), 1069);
}

/* E36. */
Test(page_watermark, the_visible_count_lags_by_less_than_the_threshold)
{
	struct fixture *fx = fixture_zone(1024, 2048, 7, 28);

	cr_assert_eq(zone_stat_threshold(3840, 4, 12), 6);
	cr_assert_eq(zone_stat_threshold(765000, 4, 12), 36);
	cr_assert_eq(zone_stat_threshold(3290000, 1, 12), 16);
	cr_assert_eq(zone_stat_threshold(3290000, 4, 12), 48);
	cr_assert_eq(zone_stat_threshold(3290000, 16, 12), 80);
	cr_assert_eq(zone_stat_threshold(3290000, 64, 12), 112);
	fx->zone->stat_threshold = 48;
	for (unsigned int i = 0; i < 48; i++)
		take_buddy(fx, 0, M, 0);
	cr_assert_eq(fx->zone->visible_free, 1024);
	take_buddy(fx, 0, M, 0);
	cr_assert_eq(fx->zone->visible_free, 1024 - 49);
	fx->zone->pcp_batch = 63;
	expect_pfn(take(fx, 0, M), 1024 + 49);
	cr_assert_eq(fx->zone->visible_free, 1024 - 49 - 63);
	take_buddy(fx, 0, M, 0);
	cr_assert_eq(fx->zone->visible_free, 1024 - 49 - 63);
	page_alloc_vmstat_work(fx->pa, 0, &fx->meter);
	cr_assert_eq(fx->zone->visible_free, 1024 - 49 - 63 - 1);
	fixture_check(fx);
	fixture_free(fx);
}

Test(page_watermark, a_request_below_low_takes_the_slow_path_and_below_min_is_refused)
{
	struct fixture *fx = fixture_zone(1024, 2048, 1, 4);
	struct page_request atomic = { .gfp = GFP_ATOMIC, .node = -1 };
	struct page_request memalloc = { .gfp = GFP_KERNEL | GFP_BIT_MEMALLOC, .node = -1 };
	struct page_request too_large = { .gfp = GFP_KERNEL, .node = -1, .order = 11 };
	pfn_t pfn;

	fx->zone->stat_threshold = 0;
	fx->zone->wmark[WMARK_MIN] = 100;
	fx->zone->wmark[WMARK_LOW] = 200;
	fx->zone->wmark[WMARK_HIGH] = 300;
	while (fx->zone->visible_free > 200)
		take(fx, 0, U);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_KSWAPD_WAKE), 0);
	cr_assert_neq(take(fx, 0, U), PFN_NONE);
	cr_assert_gt(page_alloc_counter(fx->pa, PC_KSWAPD_WAKE), 0);
	while (fx->zone->visible_free > 100)
		cr_assert_neq(take(fx, 0, U), PFN_NONE);
	cr_assert_eq(take(fx, 0, U), PFN_NONE);
	/* HIGH and no reclaim: down to 100 - 50 - 12. */
	while (page_alloc_take(fx->pa, &atomic, &pfn, &fx->meter) == MM_DONE)
		;
	cr_assert_eq(fx->zone->visible_free, 38);
	while (page_alloc_take(fx->pa, &memalloc, &pfn, &fx->meter) == MM_DONE)
		;
	cr_assert_eq(zone_free_pages(fx->zone), 0);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_ALLOC_FAIL), 3);
	cr_assert_eq(page_alloc_take(fx->pa, &too_large, &pfn, &fx->meter), MM_FAILED);
	fixture_check(fx);
	fixture_free(fx);
}

/*
 * gfp_to_alloc_flags(), __gfp_pfmemalloc_flags(): what is left
 * free of a min mark of 100 pages when a request is refused.
 */
Test(page_watermark, rights_say_how_far_below_the_min_mark_a_request_goes)
{
	static const struct { gfp_t gfp; int64_t left; } kinds[] = {
		{ GFP_NOWAIT, 100 }, { GFP_KERNEL | GFP_BIT_HIGH, 50 }, { GFP_ATOMIC, 38 },
		{ GFP_ATOMIC | GFP_BIT_NOMEMALLOC, 50 }, { GFP_NOWAIT | GFP_BIT_MEMALLOC, 0 },
		{ GFP_NOWAIT | GFP_BIT_MEMALLOC | GFP_BIT_NOMEMALLOC, 100 },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct fixture *fx = fixture_zone(1024, 2048, 1, 4);
		struct page_request req = { .gfp = kinds[i].gfp, .node = -1 };
		pfn_t pfn;

		fx->zone->stat_threshold = 0;
		fx->zone->wmark[WMARK_MIN] = fx->zone->wmark[WMARK_LOW] = fx->zone->wmark[WMARK_HIGH] = 100;
		while (page_alloc_take(fx->pa, &req, &pfn, &fx->meter) == MM_DONE)
			;
		cr_expect_eq(fx->zone->visible_free, kinds[i].left, "mask %zu: %lld pages", i,
			(long long)fx->zone->visible_free);
		fixture_free(fx);
	}
}

/*
 * Pageblocks [1024, 1024 + 512 nr) are kept for atomic requests,
 * and free; the rest of the zone, one pageblock, is taken.
 */
static struct fixture *atomic_reserve(unsigned int nr)
{
	struct fixture *fx = fixture_zone(1024, 1024 + 512 * (nr + 1), 1, 4);

	fx->zone->stat_threshold = 0;
	for (unsigned int i = 0; i <= nr; i++)
		expect_pfn(take_buddy(fx, 9, U, 0), 1024 + 512 * i);
	for (unsigned int i = 0; i < nr; i++) {
		zone_reserve_highatomic(fx->zone, 1024 + 512 * i);
		give_buddy(fx, 1024 + 512 * i, 9);
	}
	return fx;
}

/* gfp_to_alloc_flags(): ALLOC_HIGHATOMIC is for high orders with __GFP_HIGH that may not wait. */
Test(page_watermark, high_orders_that_may_not_wait_have_the_atomic_reserve_only_with_gfp_high)
{
	struct fixture *fx = atomic_reserve(1);
	struct page_request req = { .gfp = GFP_NOWAIT, .node = -1, .order = 2 };
	pfn_t pfn;

	cr_expect_eq(page_alloc_take(fx->pa, &req, &pfn, &fx->meter), MM_FAILED);
	req.gfp = GFP_ATOMIC;
	cr_expect_eq(page_alloc_take(fx->pa, &req, &pfn, &fx->meter), MM_DONE);
	fixture_check(fx);
	fixture_free(fx);
}

/*
 * __alloc_pages_direct_reclaim() gives up the atomic reserve but for
 * a pageblock; the last one only before it kills, which is later.
 */
Test(page_watermark, who_gives_up_soon_gets_of_the_atomic_reserve_all_but_a_pageblock)
{
	struct page_request req = { .gfp = GFP_KERNEL | GFP_BIT_NORETRY, .node = -1 };

	for (unsigned int nr = 1; nr <= 2; nr++) {
		struct fixture *fx = atomic_reserve(nr);
		pfn_t pfn;

		cr_assert_eq(fx->zone->nr_reserved_highatomic, 512 * nr);
		cr_expect_eq(page_alloc_take(fx->pa, &req, &pfn, &fx->meter), nr > 1 ? MM_DONE : MM_FAILED,
			"%u pageblocks", nr);
		cr_expect_eq(fx->zone->nr_reserved_highatomic, 512);
		fixture_check(fx);
		fixture_free(fx);
	}
}

static int compare_pfns(const void *a, const void *b)
{
	pfn_t x = *(const pfn_t *)a, y = *(const pfn_t *)b;

	return (x > y) - (x < y);
}

/* A request that could reclaim gets the pages on other CPUs' lists, and the atomic reserve, before it is refused. */
Test(page_watermark, a_reclaiming_request_drains_lists_and_reserves)
{
	struct fixture *fx = fixture_zone(1024, 2048, 63, 2048);
	struct page_request atomic = { .gfp = GFP_ATOMIC, .node = -1 };
	struct page_request kernel = { .gfp = GFP_KERNEL | GFP_BIT_RETRY_MAYFAIL, .node = -1, .order = 4 };
	pfn_t pfns[1024], pfn;
	unsigned int nr = 0;

	/* Else a costly request is not tried again. */
	fx->machine.page_allocator.compaction = true;
	fx->zone->stat_threshold = 0;
	while ((pfn = take(fx, 0, U)) != PFN_NONE)
		pfns[nr++] = pfn;
	qsort(pfns, nr, sizeof(pfns[0]), compare_pfns);
	for (unsigned int i = 0; i < 32; i++)
		give(fx, pfns[i], 0);
	cr_assert_eq(fx->zone->pcps[0].count, 32);
	cr_assert_eq(zone_free_pages(fx->zone), 0);
	atomic.order = 4;
	cr_assert_eq(page_alloc_take(fx->pa, &atomic, &pfn, &fx->meter), MM_FAILED);
	cr_assert_eq(page_alloc_take(fx->pa, &kernel, &pfn, &fx->meter), MM_DONE);
	zone_reserve_highatomic(fx->zone, pfn);
	page_alloc_give(fx->pa, pfn, 4, 0, &fx->meter);
	fixture_check(fx);
	cr_assert_eq(page_alloc_take(fx->pa, &kernel, &pfn, &fx->meter), MM_DONE);
	cr_assert_eq(fx->zone->nr_reserved_highatomic, 0);
	fixture_check(fx);
	fixture_free(fx);
}

/* What /proc/zoneinfo of a capture says of one zone. */
struct kernel_zone {
	unsigned int node, type;
	uint64_t min, low, high, present, managed, protection[5];
	unsigned int pcp_high, pcp_batch, threshold, cpus;
};

static unsigned int zone_type_of(const char *name)
{
	for (unsigned int type = 0; type < NR_ZONE_TYPES; type++)
		if (!strcmp(name, machine_zone_name[type]))
			return type;
	return NR_ZONE_TYPES;
}

static FILE *open_in(const char *dir, const char *name)
{
	char *path = NULL;
	FILE *f;

	cr_assert_gt(asprintf(&path, "%s/%s", dir, name), 0);
	f = fopen(path, "r");
	free(path);
	return f;
}

static unsigned int read_zoneinfo(const char *dir, struct kernel_zone *zones, unsigned int max)
{
	struct kernel_zone *z = NULL;
	char line[512], name[32];
	unsigned int nr = 0, node;
	FILE *f = open_in(dir, "zoneinfo");

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		uint64_t *p;

		if (sscanf(line, "Node %u, zone %31s", &node, name) == 2) {
			if (z && !z->present)
				nr--;
			if (zone_type_of(name) == NR_ZONE_TYPES || nr == max) {
				z = NULL;
				continue;
			}
			z = &zones[nr++];
			*z = (struct kernel_zone){ .node = node, .type = zone_type_of(name) };
		}
		if (!z)
			continue;
		p = z->protection;
		(void)(sscanf(line, " min %" SCNu64, &z->min) || sscanf(line, " low %" SCNu64, &z->low) ||
			sscanf(line, " high %" SCNu64, &z->high) || sscanf(line, " present %" SCNu64, &z->present) ||
			sscanf(line, " managed %" SCNu64, &z->managed) || sscanf(line, " high: %u", &z->pcp_high) ||
			sscanf(line, " batch: %u", &z->pcp_batch) ||
			sscanf(line, " vm stats threshold: %u", &z->threshold) ||
			sscanf(line, " protection: (%" SCNu64 ", %" SCNu64 ", %" SCNu64 ", %" SCNu64 ", %" SCNu64, p,
				p + 1, p + 2, p + 3, p + 4));
		if (strstr(line, "cpu: "))
			z->cpus++;
	}
	if (z && !z->present)
		nr--;
	fclose(f);
	return nr;
}

static uint64_t sysctl_value(const char *dir, const char *name)
{
	char line[256], key[64];
	unsigned long long value = 0;
	FILE *f = open_in(dir, "sysctl_vm.txt");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "vm.%63s = %llu", key, &value) == 2 && !strcmp(key, name))
			break;
	if (f)
		fclose(f);
	return value;
}

static bool file_contains(const char *dir, const char *name, const char *text)
{
	char buf[1 << 14];
	FILE *f = open_in(dir, name);
	size_t len;

	if (!f)
		return false;
	len = fread(buf, 1, sizeof(buf) - 1, f);
	buf[len] = '\0';
	fclose(f);
	return strstr(buf, text) != NULL;
}

/* A machine with these zones; addresses are invented, sizes and CPUs are not. */
static struct fixture *machine_like(const struct kernel_zone *zones, unsigned int nr, const char *dir, bool bits32)
{
	struct fixture *fx = fixture_new();
	struct machine *m = &fx->machine;
	pfn_t at = bits32 ? 1 : 0x1000;

	m->bits32 = bits32;
	m->zones.dma_end = 16 * MIB;
	m->zones.dma32_end = 4 * GIB;
	m->page_allocator.watermark_scale_factor = (uint32_t)sysctl_value(dir, "watermark_scale_factor");
	m->page_allocator.pcp_high_fraction = (uint32_t)sysctl_value(dir, "percpu_pagelist_high_fraction");
	for (unsigned int i = 0; i < nr; i++) {
		const struct kernel_zone *z = &zones[i];

		if (z->type == ZONE_DMA)
			at = 1;
		else if (z->type == ZONE_DMA32)
			at = max_u64(at, 0x1000);
		else if (z->type == ZONE_NORMAL)
			at = max_u64(at, bits32 ? 0x1000 : 0x100000);
		else
			m->zones.highmem_above = at << 12;
		fixture_add_ram(fx, at, at + z->present, z->node);
		at = align_up(at + z->present, 1024);
		m->nr_nodes = z->node + 1;
		for (unsigned int cpu = 0; z->type != ZONE_DMA && cpu < z->cpus; cpu++)
			m->cpus = z->cpus;
	}
	for (unsigned int node = 0; node < m->nr_nodes; node++)
		m->distance[node][node] = 10;
	return fx;
}

/* Which node a CPU is of, from node*_cpulist ("0-1" or "0"). */
static void read_cpu_nodes(struct machine *m, const char *dir)
{
	for (unsigned int node = 0; node < m->nr_nodes; node++) {
		unsigned int first, last;
		char name[32];
		int got;
		FILE *f;

		snprintf(name, sizeof(name), "node%u_cpulist", node);
		f = open_in(dir, name);
		if (!f)
			continue;
		got = fscanf(f, "%u-%u", &first, &last);
		fclose(f);
		for (unsigned int cpu = first; got > 0 && cpu <= (got == 2 ? last : first); cpu++)
			m->node_of_cpu[cpu] = node;
	}
}

enum { MIN_FREE = 1, MARKS = 2, LIMITS = 4, RESERVES = 8 };

static bool reserves_equal(const struct zone *zone, const struct kernel_zone *z, bool bits32)
{
	/* Columns of the kernel: only configured zones, and Device, where nothing is. */
	static const unsigned int columns[2][4] = { { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL, ZONE_MOVABLE },
		{ ZONE_DMA, ZONE_NORMAL, ZONE_HIGHMEM, ZONE_MOVABLE } };

	for (unsigned int c = 0; c < 4; c++)
		if (zone->lowmem_reserve[columns[bits32][c]] != z->protection[c])
			return false;
	return true;
}

static bool marks_equal(const struct zone *zone, const struct kernel_zone *z)
{
	return zone->wmark[WMARK_MIN] == z->min && zone->wmark[WMARK_LOW] == z->low &&
		zone->wmark[WMARK_HIGH] == z->high;
}

static bool limits_equal(const struct zone *zone, const struct kernel_zone *z)
{
	return zone->pcp_high == z->pcp_high && zone->pcp_batch == z->pcp_batch &&
		zone->stat_threshold == z->threshold;
}

/* A capture: what the kernel had, and a machine with the same zones. */
struct capture {
	struct kernel_zone zones[16];
	unsigned int nr;
	bool bits32;
	uint64_t min_free_kbytes;
	struct fixture *fx;
};

static bool figures_equal(const struct capture *c, unsigned int which)
{
	watermarks_setup(c->fx->pa);
	if (which & MIN_FREE && c->fx->pa->min_free_kbytes != c->min_free_kbytes)
		return false;
	for (unsigned int i = 0; i < c->nr; i++) {
		if (which & MARKS && !marks_equal(&c->fx->pa->zones[i], &c->zones[i]))
			return false;
		if (which & LIMITS && !limits_equal(&c->fx->pa->zones[i], &c->zones[i]))
			return false;
		if (which & RESERVES && !reserves_equal(&c->fx->pa->zones[i], &c->zones[i], c->bits32))
			return false;
	}
	return true;
}

/* The zone of a node that memory freed late in boot goes to. */
static struct zone *late_zone(const struct capture *c, unsigned int node)
{
	struct zone *late = NULL;

	for (unsigned int i = 0; i < c->nr; i++) {
		struct zone *zone = &c->fx->pa->zones[i];

		if (zone->node == node && zone->type != ZONE_HIGHMEM && (!late || zone->managed > late->managed))
			late = zone;
	}
	return late;
}

/*
 * The kernel set its marks before it freed the last of the memory that it manages in the end (init sections, initial
 * ramdisk), and no snapshot says how much that was. So there must be numbers of pages, one per node, that were missing
 * when all the figures of @which were computed.
 */
static bool reproduced(const struct capture *c, unsigned int which)
{
	const uint64_t most = 6000; /* pages */
	struct zone *first, *second;
	uint64_t first_final, second_final;

	for (unsigned int i = 0; i < c->nr; i++)
		c->fx->pa->zones[i].managed = c->zones[i].managed;
	first = late_zone(c, 0);
	second = late_zone(c, 1);
	first_final = first->managed;
	second_final = second ? second->managed : 0;
	for (uint64_t i = 0; i < most; i++) {
		first->managed = first_final - i;
		if (second)
			second->managed = second_final;
		if (which & RESERVES && second && !figures_equal(c, RESERVES))
			continue;
		for (uint64_t j = 0; j < (second ? most : 1); j++) {
			if (second)
				second->managed = second_final - j;
			if (!figures_equal(c, which))
				continue;
			cr_log_info("%" PRIu64 " and %" PRIu64 " pages were not managed yet", i, j);
			return true;
		}
	}
	return false;
}

/* Huge pages are off where the command line says so, and on machines below 512 MiB. */
static bool huge_pages_on(const struct capture *c, const char *dir)
{
	uint64_t pages = 0;

	for (unsigned int i = 0; i < c->nr; i++)
		pages += c->zones[i].managed;
	return pages >= 512 * MIB / 4096 && !file_contains(dir, "cmdline", "transparent_hugepage=never");
}

static bool capture_reproduced(const char *dir)
{
	struct machine_page_allocator *config;
	struct capture c = { .min_free_kbytes = sysctl_value(dir, "min_free_kbytes") };
	bool ok;

	c.nr = read_zoneinfo(dir, c.zones, 16);
	if (!c.nr)
		return false; /* each snapshot has a zoneinfo: one that is not read must not pass */
	c.bits32 = c.zones[c.nr - 1].type == ZONE_HIGHMEM;
	c.fx = machine_like(c.zones, c.nr, dir, c.bits32);
	config = &c.fx->machine.page_allocator;
	read_cpu_nodes(&c.fx->machine, dir);
	fixture_boot(c.fx);
	cr_assert_eq(c.fx->pa->nr_zones, c.nr);
	config->min_free_kbytes = MACHINE_AUTO;
	config->khugepaged_min_free = huge_pages_on(&c, dir);
	ok = reproduced(&c, MIN_FREE | MARKS | LIMITS | RESERVES);
	if (!ok) {
		/* A setting was written after boot: what follows from it is newer than what does not. */
		config->min_free_kbytes = c.min_free_kbytes;
		ok = reproduced(&c, MARKS) && reproduced(&c, LIMITS) && reproduced(&c, RESERVES);
		config->min_free_kbytes = MACHINE_AUTO;
		config->watermark_scale_factor = 10;
		if (strstr(dir, "min-free-x8"))
			c.min_free_kbytes /= 8;
		ok = ok && reproduced(&c, MIN_FREE | RESERVES);
		cr_log_info("%s: a setting was written after boot", dir);
	}
	cr_log_info("%s: %s", dir, ok ? "as the kernel" : "NOT as the kernel");
	fixture_free(c.fx);
	return ok;
}

static unsigned int check_captures(const char *dir, unsigned int depth)
{
	struct dirent *entry;
	unsigned int nr = 0;
	DIR *d = opendir(dir);

	if (!d)
		return 0;
	while ((entry = readdir(d))) {
		char *path = NULL;

		if (entry->d_name[0] == '.' || entry->d_type != DT_DIR)
			continue;
		cr_assert_gt(asprintf(&path, "%s/%s", dir, entry->d_name), 0);
		if (!strcmp(entry->d_name, "1-after-boot")) {
			cr_expect(capture_reproduced(path), "%s: marks are not the kernel's", path);
			nr++;
		} else if (depth < 3) {
			nr += check_captures(path, depth + 1);
		}
		free(path);
	}
	closedir(d);
	return nr;
}

Test(page_watermark, real_kernels_have_the_same_marks_reserves_and_limits)
{
	const char *shared = getenv("KMEMSIM_SHARED");
	char *path = NULL;
	unsigned int nr;

	cr_assert_gt(asprintf(&path, "%s/captures", shared ? shared : ""), 0);
	nr = check_captures(path, 0);
	free(path);
	if (!nr)
		cr_skip_test("no captures: KMEMSIM_SHARED does not lead to any");
}

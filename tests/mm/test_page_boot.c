/* Hand-over from memblock, zone sizes, zonelists: worked examples E1 to E4, E38 and what boot must keep cheap. */
#include <sys/resource.h>
#include <unistd.h>

#include "tests/mm/page_fixture.h"

/* E1. Page 0 is not memory, so pageblock 0 is Unmovable; the first MiB is reserved. */
Test(page_boot, dma_zone_of_a_pc_has_3840_pages_and_one_unmovable_pageblock)
{
	struct fixture *fx = fixture_new();

	fixture_add_ram(fx, 1, 4096, 0);
	fixture_reserve(fx, 1, 256);
	fx->machine.zones.dma_end = 16 * MIB;
	fixture_boot(fx);
	expect_bi(fx, "0 0 0 0 0 0 0 0 1 1 3");
	expect_list(fx, 8, U, "256");
	expect_list(fx, 9, M, "512");
	expect_list(fx, 10, M, "1024 2048 3072");
	cr_assert_eq(fx->zone->type, ZONE_DMA);
	cr_assert_eq(fx->zone->managed, 3840);
	cr_assert_eq(fx->zone->present, 4095);
	cr_assert_eq(fx->zone->pageblocks[U], 1);
	cr_assert_eq(fx->zone->pageblocks[M], 7);
	fixture_check(fx);
	fixture_free(fx);
}

/* E2. */
Test(page_boot, ragged_ranges_become_the_largest_aligned_blocks)
{
	struct fixture *fx = fixture_new();

	fixture_add_ram(fx, 0, 1024, 0);
	fixture_reserve(fx, 0, 3);
	fixture_reserve(fx, 21, 1024);
	fixture_boot(fx);
	expect_bi(fx, "2 0 2 1 0 0 0 0 0 0 0");
	expect_list(fx, 0, M, "3 20");
	expect_list(fx, 2, M, "4 16");
	expect_list(fx, 3, M, "8");
	fixture_check(fx);
	fixture_free(fx);

	fx = fixture_new();
	fixture_add_ram(fx, 0, 1024, 0);
	fixture_reserve(fx, 0, 100);
	fixture_reserve(fx, 700, 1024);
	fixture_boot(fx);
	expect_bi(fx, "0 0 2 2 2 1 0 2 1 0 0");
	expect_list(fx, 2, M, "100 696");
	expect_list(fx, 3, M, "104 688");
	expect_list(fx, 4, M, "112 672");
	expect_list(fx, 5, M, "640");
	expect_list(fx, 7, M, "128 512");
	expect_list(fx, 8, M, "256");
	fixture_check(fx);
	fixture_free(fx);
}

/* E3. */
Test(page_boot, aligned_memory_is_handed_out_from_its_start)
{
	struct fixture *fx = fixture_zone(1024, 4096, 7, 28);

	expect_bi(fx, "0 0 0 0 0 0 0 0 0 0 3");
	expect_list(fx, 10, M, "1024 2048 3072");
	expect_pfn(take_buddy(fx, 0, M, 0), 1024);
	fixture_check(fx);
	fixture_free(fx);
}

static struct fixture *highmem_zone(pfn_t start, pfn_t end)
{
	struct fixture *fx = fixture_new();

	fixture_add_ram(fx, start, end, 0);
	fx->machine.bits32 = true;
	fx->machine.zones.highmem_above = 16 * MIB;
	fixture_boot(fx);
	cr_assert_eq(fx->zone->type, ZONE_HIGHMEM);
	return fx;
}

/* E4. Freed page by page, so the highest block is at the head. */
Test(page_boot, highmem_is_handed_out_from_its_end)
{
	struct fixture *fx = highmem_zone(4096, 8192);

	expect_list(fx, 10, M, "7168 6144 5120 4096");
	expect_pfn(take_buddy(fx, 0, M, 0), 7168);
	expect_list(fx, 10, M, "6144 5120 4096");
	fixture_check(fx);
	fixture_free(fx);

	fx = highmem_zone(4096, 5596);
	expect_bi(fx, "0 0 1 1 1 0 1 1 1 0 1");
	expect_list(fx, 2, M, "5592");
	expect_list(fx, 3, M, "5584");
	expect_list(fx, 4, M, "5568");
	expect_list(fx, 6, M, "5504");
	expect_list(fx, 7, M, "5376");
	expect_list(fx, 8, M, "5120");
	expect_list(fx, 10, M, "4096");
	fixture_check(fx);
	fixture_free(fx);
}

/* A run is one element of the list until it is cut; the list's order is that of single blocks all the time. */
Test(page_boot, untouched_memory_is_one_list_element_and_keeps_its_place)
{
	struct fixture *fx = fixture_zone(1024, 1024 * 7, 7, 28);

	cr_assert_eq(fx->pa->pages[1024].run, 6);
	expect_pfn(take_buddy(fx, 10, M, 0), 1024);
	expect_pfn(take_buddy(fx, 9, U, 0), 2048);
	expect_list(fx, 10, M, "3072 4096 5120 6144");
	give_buddy(fx, 1024, 10);
	expect_list(fx, 10, M, "1024 3072 4096 5120 6144");
	cr_assert_eq(fx->pa->pages[3072].run, 4);
	expect_pfn(take_buddy(fx, 10, M, 0), 1024);
	expect_pfn(take_buddy(fx, 10, M, 0), 3072);
	expect_list(fx, 10, M, "4096 5120 6144");
	fixture_check(fx);
	fixture_free(fx);
}

static uint64_t resident_bytes(void)
{
	unsigned long long size, resident;
	FILE *f = fopen("/proc/self/statm", "r");

	cr_assert_not_null(f);
	cr_assert_eq(fscanf(f, "%llu %llu", &size, &resident), 2);
	fclose(f);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

Test(page_boot, a_tebibyte_costs_what_is_touched)
{
	struct fixture *fx = fixture_new();
	uint64_t before = resident_bytes();

	fixture_add_ram(fx, 1, 0xbffff, 0);
	fixture_add_ram(fx, 0x100000, 0x100000 + (1ull << 28), 0);
	fixture_reserve(fx, 1, 256);
	fx->machine.zones.dma_end = 16 * MIB;
	fx->machine.zones.dma32_end = 4 * GIB;
	fx->machine.page_allocator.min_free_kbytes = MACHINE_AUTO;
	fx->machine.page_allocator.watermark_scale_factor = 10;
	fixture_boot(fx);
	cr_assert_eq(fx->pa->nr_zones, 3);
	cr_assert_eq(fx->pa->zones[2].managed, 1ull << 28);
	cr_assert_eq(take(fx, 0, M), 0x100000);
	cr_assert_lt(resident_bytes() - before, 16 * MIB, "%llu bytes",
		(unsigned long long)(resident_bytes() - before));
	fixture_check(fx);
	fixture_free(fx);
}

/* A pageblock whose first page is in a hole is Unmovable, and is counted only where its section has memory. */
Test(page_boot, pageblocks_in_holes_are_unmovable)
{
	struct fixture *fx = fixture_new();

	fixture_add_ram(fx, 1024, 1024 + 700, 0);
	fixture_add_ram(fx, 1024 + 700 + 1000, 4096, 0);
	fixture_boot(fx);
	expect_type(fx, 1024, M);
	expect_type(fx, 1536, M);
	expect_type(fx, 2048, U);
	expect_type(fx, 2560, U);
	expect_type(fx, 3072, M);
	cr_assert_eq(fx->zone->pageblocks[U], 2);
	cr_assert_eq(fx->zone->pageblocks[M], 4);
	fixture_check(fx);
	fixture_free(fx);
}

static struct fixture *pc_of_8_gib(void)
{
	struct fixture *fx = fixture_new();

	fixture_add_ram(fx, 1, 0xbffff, 0);
	fixture_add_ram(fx, 0x100000, 0x240000, 0);
	fx->machine.zones.dma_end = 16 * MIB;
	fx->machine.zones.dma32_end = 4 * GIB;
	fixture_boot(fx);
	return fx;
}

/* E38. */
Test(page_boot, masks_choose_the_highest_zone_and_the_type)
{
	static const struct {
		gfp_t gfp;
		enum machine_zone highest, first;
		unsigned int mt;
	} masks[] = {
		{ 0x100cca, ZONE_MOVABLE, ZONE_NORMAL, M },
		{ 0xcc0, ZONE_NORMAL, ZONE_NORMAL, U },
		{ 0xcc1, ZONE_DMA, ZONE_DMA, U },
		{ 0xcc4, ZONE_DMA32, ZONE_DMA32, U },
		{ 0xcc8, ZONE_NORMAL, ZONE_NORMAL, M },
		{ 0xcd0, ZONE_NORMAL, ZONE_NORMAL, R },
	};
	struct fixture *fx = pc_of_8_gib();

	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		struct page_request req = { .gfp = masks[i].gfp, .node = -1 };
		struct alloc_context ac;

		page_context(fx->pa, &req, &ac);
		cr_assert_eq(ac.highest, masks[i].highest, "mask %#x", masks[i].gfp);
		cr_assert_eq(ac.zonelist->zone[ac.preferred]->type, masks[i].first, "mask %#x", masks[i].gfp);
		cr_assert_eq(ac.mt, masks[i].mt, "mask %#x", masks[i].gfp);
	}
	fixture_free(fx);
}

Test(page_boot, movable_memory_is_taken_from_the_top_of_the_highest_zone)
{
	struct fixture *fx = fixture_new();

	fixture_add_ram(fx, 1, 0xbffff, 0);
	fixture_add_ram(fx, 0x100000, 0x240000, 0);
	fx->machine.zones.dma_end = 16 * MIB;
	fx->machine.zones.dma32_end = 4 * GIB;
	fx->machine.zones.movable = 1 * GIB;
	fixture_boot(fx);
	cr_assert_eq(fx->pa->nr_zones, 4);
	cr_assert_eq(fx->pa->zones[2].end, 0x200000);
	cr_assert_eq(fx->pa->zones[3].type, ZONE_MOVABLE);
	cr_assert_eq(fx->pa->zones[3].start, 0x200000);
	cr_assert_eq(fx->pa->zones[3].managed, 0x40000);
	expect_pfn(take(fx, 0, M), 0x200000);
	expect_pfn(take(fx, 0, U), 0x100000);
	fixture_check(fx);
	fixture_free(fx);
}

Test(page_boot, fewer_pages_than_a_pageblock_per_type_switch_grouping_off)
{
	struct fixture *fx = fixture_new();

	fixture_add_ram(fx, 1024, 1024 + 2560, 0);
	fixture_boot(fx);
	cr_assert(fx->pa->mobility_off);
	expect_pfn(take_buddy(fx, 0, U, 0), 1024);
	fixture_check(fx);
	fixture_free(fx);

	fx = fixture_new();
	fixture_add_ram(fx, 1024, 1024 + 2610, 0);
	fixture_boot(fx);
	cr_assert_not(fx->pa->mobility_off);
	fixture_free(fx);
}

/* Nodes 0 and 1 are near, 2 and 3 are near; each list starts at home and takes nodes at one distance in turns. */
Test(page_boot, zonelists_go_from_near_to_far_and_share_the_load)
{
	struct fixture *fx = fixture_new();
	char order[5] = { 0 };

	fx->machine.nr_nodes = 4;
	fx->machine.cpus = 4;
	for (uint32_t a = 0; a < 4; a++) {
		fx->machine.node_of_cpu[a] = a;
		fixture_add_ram(fx, 0x10000 * (a + 1), 0x10000 * (a + 2), a);
		for (uint32_t b = 0; b < 4; b++)
			fx->machine.distance[a][b] = a == b ? 10 : a / 2 == b / 2 ? 16 : 22;
	}
	fixture_boot(fx);
	for (uint32_t i = 0; i < 4; i++)
		order[i] = (char)('0' + fx->pa->zonelists[0].zone[i]->node);
	cr_assert_str_eq(order, "0123");
	for (uint32_t i = 0; i < 4; i++)
		order[i] = (char)('0' + fx->pa->zonelists[1].zone[i]->node);
	/* Node 2 was picked at a change of distance for node 0's list: its load makes 3 the better one now. */
	cr_assert_str_eq(order, "1032");
	cr_assert_eq(fx->pa->zonelists[2].nr_local, 1);
	fixture_check(fx);
	fixture_free(fx);
}

/* Node 1 lies in a hole of node 0, whose zone spans it. */
Test(page_boot, memory_in_a_hole_of_another_node_is_its_own_nodes)
{
	struct fixture *fx = fixture_new();

	fx->machine.nr_nodes = 2;
	fx->machine.distance[0][1] = fx->machine.distance[1][0] = 20;
	fx->machine.distance[1][1] = 10;
	fixture_add_ram(fx, 0x8000, 0x10000, 0);
	fixture_add_ram(fx, 0x10000, 0x18000, 1);
	fixture_add_ram(fx, 0x18000, 0x20000, 0);
	fixture_boot(fx);
	cr_assert_eq(fx->pa->nr_zones, 2);
	cr_assert_eq(fx->pa->zones[0].present, 0x10000);
	cr_assert_eq(fx->pa->zones[0].managed, 0x10000);
	cr_assert_eq(fx->pa->zones[0].pageblocks[M], 0x10000 / 512);
	cr_assert_eq(fx->pa->zones[1].managed, 0x8000);
	cr_assert_eq(fx->pa->zones[1].pageblocks[M], 0x8000 / 512);
	cr_assert_eq(page_zone(fx->pa, 0x10000 + 1024), &fx->pa->zones[1]);
	cr_assert_eq(page_zone(fx->pa, 0x18000), &fx->pa->zones[0]);
	fixture_check(fx);
	fixture_free(fx);
}

/* Zone Movable on top of HighMem is high memory, too, and comes page by page. */
Test(page_boot, movable_high_memory_is_handed_out_from_its_end)
{
	struct fixture *fx = fixture_new();

	fixture_add_ram(fx, 4096, 16384, 0);
	fx->machine.bits32 = true;
	fx->machine.zones.highmem_above = 16 * MIB;
	fx->machine.zones.movable = 4096ull << 12;
	fixture_boot(fx);
	cr_assert_eq(fx->pa->nr_zones, 2);
	cr_assert_eq(fx->pa->zones[1].type, ZONE_MOVABLE);
	fx->zone = &fx->pa->zones[1];
	expect_list(fx, 10, M, "15360 14336 13312 12288");
	fixture_check(fx);
	fixture_free(fx);
}

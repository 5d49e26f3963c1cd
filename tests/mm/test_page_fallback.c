/* Fallback, stealing, boost, high-order atomic reserve. Worked examples E13 to E20, E44, E45. */
#include "tests/mm/page_fixture.h"

static void take_many(struct fixture *fx, unsigned int nr, unsigned int mt, pfn_t first)
{
	for (unsigned int i = 0; i < nr; i++)
		expect_pfn(take_buddy(fx, 0, mt, 0), first + i);
}

static uint64_t extfrag_count(const struct fixture *fx, struct extfrag_stats *only)
{
	struct extfrag_stats stats[8];
	unsigned int nr = page_alloc_extfrag_stats(fx->pa, stats, 8);

	if (nr)
		*only = stats[nr - 1];
	return page_alloc_counter(fx->pa, PC_EXTFRAG);
}

static void expect_extfrag(const struct fixture *fx, unsigned int alloc_order, unsigned int fallback_order,
	unsigned int mt, unsigned int fallback_mt, unsigned int ownership)
{
	struct extfrag_stats stats = { 0 };

	cr_assert_eq(extfrag_count(fx, &stats), 1);
	cr_assert_eq(stats.alloc_order, alloc_order);
	cr_assert_eq(stats.fallback_order, fallback_order);
	cr_assert_eq(stats.alloc_mt, mt);
	cr_assert_eq(stats.fallback_mt, fallback_mt);
	cr_assert_eq(stats.ownership_changes, ownership);
}

static struct fixture *block_with_movable_pages(unsigned int nr)
{
	struct fixture *fx = fixture_zone(1024, 1536, 7, 28);

	take_many(fx, nr, M, 1024);
	return fx;
}

/* E13, then E14. */
Test(page_fallback, few_free_pages_are_stolen_without_the_pageblock)
{
	struct fixture *fx = block_with_movable_pages(400);

	expect_pfn(take_buddy(fx, 0, U, ALLOC_NOFRAGMENT), PFN_NONE);
	expect_pfn(take_buddy(fx, 0, U, 0), 1424);
	expect_extfrag(fx, 0, 6, U, M, 0);
	expect_type(fx, 1024, M);
	expect_bi(fx, "1 1 1 1 0 1 1 0 0 0 0");
	expect_list(fx, 0, U, "1425");
	expect_list(fx, 1, U, "1426");
	expect_list(fx, 2, U, "1428");
	expect_list(fx, 3, U, "1432");
	expect_list(fx, 5, U, "1440");
	expect_list(fx, 6, U, "1472");
	fixture_check(fx);

	give_buddy(fx, 1424, 0);
	expect_bi(fx, "0 0 0 0 1 1 1 0 0 0 0");
	expect_list(fx, 4, M, "1424");
	expect_list(fx, 5, U, "1440");
	expect_list(fx, 6, U, "1472");
	fixture_check(fx);
	fixture_free(fx);
}

/* E15. */
Test(page_fallback, half_a_pageblock_of_free_pages_is_claimed)
{
	struct fixture *fx = block_with_movable_pages(200);

	expect_list(fx, 3, M, "1224");
	expect_list(fx, 8, M, "1280");
	expect_pfn(take_buddy(fx, 0, U, 0), 1224);
	expect_extfrag(fx, 0, 8, U, M, 1);
	expect_type(fx, 1024, U);
	for (unsigned int order = 0; order <= 10; order++)
		expect_list(fx, order, M, "");
	fixture_check(fx);
	fixture_free(fx);
}

/* E16. */
Test(page_fallback, blocks_of_pageblock_size_change_type_whole)
{
	struct fixture *fx = fixture_zone(1024, 3072, 7, 28);

	expect_pfn(take_buddy(fx, 0, U, ALLOC_NOFRAGMENT), 1024);
	expect_extfrag(fx, 0, 10, U, M, 1);
	expect_type(fx, 1024, U);
	expect_type(fx, 1536, U);
	expect_list(fx, 0, U, "1025");
	expect_list(fx, 1, U, "1026");
	expect_list(fx, 2, U, "1028");
	expect_list(fx, 9, U, "1536");
	expect_list(fx, 10, M, "2048");
	expect_pfn(take_buddy(fx, 0, M, 0), 2048);
	expect_pfn(take_buddy(fx, 0, R, ALLOC_NOFRAGMENT), 1536);
	expect_type(fx, 1536, R);
	expect_type(fx, 2560, M);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_EXTFRAG), 2);
	expect_pfn(take_buddy(fx, 0, R, ALLOC_NOFRAGMENT), 1537);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_EXTFRAG), 2);
	fixture_check(fx);
	fixture_free(fx);
}

static struct fixture *unmovable_block_after_a_movable_one(unsigned int nr)
{
	struct fixture *fx = fixture_zone(1024, 2048, 7, 28);

	take_many(fx, 512, M, 1024);
	take_many(fx, nr, U, 1536);
	memset(fx->pa->extfrag, 0,
		MIGRATE_PCPTYPES * MIGRATE_PCPTYPES * PAGE_MAX_ORDERS * PAGE_MAX_ORDERS * sizeof(*fx->pa->extfrag));
	fx->pa->counter[PC_EXTFRAG] = 0;
	return fx;
}

/* E17. */
Test(page_fallback, movable_steals_large_blocks_without_searching_for_small_ones)
{
	struct fixture *fx = unmovable_block_after_a_movable_one(491);

	expect_list(fx, 0, U, "2027");
	expect_list(fx, 2, U, "2028");
	expect_list(fx, 4, U, "2032");
	expect_pfn(take_buddy(fx, 0, M, 0), 2027);
	expect_extfrag(fx, 0, 4, M, U, 0);
	expect_list(fx, 2, M, "2028");
	expect_list(fx, 4, M, "2032");
	expect_type(fx, 1536, U);
	fixture_check(fx);
	fixture_free(fx);
}

/* E18. */
Test(page_fallback, movable_claims_an_almost_empty_unmovable_block)
{
	struct fixture *fx = unmovable_block_after_a_movable_one(1);

	expect_pfn(take_buddy(fx, 0, M, 0), 1537);
	expect_extfrag(fx, 0, 8, M, U, 1);
	expect_type(fx, 1536, M);
	fixture_check(fx);
	fixture_free(fx);
}

/* E44. */
Test(page_fallback, movable_that_cannot_claim_takes_the_smallest_block)
{
	struct fixture *fx = unmovable_block_after_a_movable_one(499);

	expect_list(fx, 0, U, "2035");
	expect_list(fx, 2, U, "2036");
	expect_list(fx, 3, U, "2040");
	expect_pfn(take_buddy(fx, 0, M, 0), 2035);
	expect_extfrag(fx, 0, 0, M, U, 0);
	expect_list(fx, 2, U, "2036");
	expect_list(fx, 3, U, "2040");
	expect_type(fx, 1536, U);
	fixture_check(fx);
	fixture_free(fx);

	fx = unmovable_block_after_a_movable_one(499);
	expect_pfn(take_buddy(fx, 1, M, 0), 2036);
	expect_extfrag(fx, 1, 2, M, U, 0);
	expect_list(fx, 1, M, "2038");
	fixture_check(fx);
	fixture_free(fx);
}

/* E19. */
Test(page_fallback, stealing_boosts_the_watermarks_up_to_a_cap)
{
	static const uint32_t boosts[] = { 1024, 1536, 2048, 2250, 2250 };
	struct fixture *fx = fixture_zone(1024, 5120, 63, 378);

	fx->zone->wmark[WMARK_MIN] = 1000;
	fx->zone->wmark[WMARK_LOW] = 1250;
	fx->zone->wmark[WMARK_HIGH] = 1500;
	take_many(fx, 3600, M, 1024);
	expect_pfn(take_buddy(fx, 0, U, ALLOC_KSWAPD), 4624);
	cr_assert(fx->zone->boosted);
	cr_assert_eq(fx->zone->boost, 512);
	expect_type(fx, 4608, U);
	cr_assert_eq(zone_mark(fx->zone, WMARK_MIN), 1512);
	cr_assert_eq(zone_mark(fx->zone, WMARK_LOW), 1762);
	cr_assert_eq(zone_mark(fx->zone, WMARK_HIGH), 2012);
	for (size_t i = 0; i < sizeof(boosts) / sizeof(boosts[0]); i++) {
		cr_assert(zone_boost_watermark(fx->zone));
		cr_assert_eq(fx->zone->boost, boosts[i]);
	}
	fixture_check(fx);
	fixture_free(fx);
}

Test(page_fallback, a_boosted_zone_wakes_kswapd_which_drops_the_boost)
{
	struct fixture *fx = fixture_zone(1024, 5120, 1, 4);

	fx->zone->wmark[WMARK_HIGH] = 1500;
	take_many(fx, 3600, M, 1024);
	expect_pfn(take(fx, 0, U), 4624);
	cr_assert_not(fx->zone->boosted);
	cr_assert_eq(fx->zone->boost, 0);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_KSWAPD_WAKE), 1);
	fixture_free(fx);
}

/* E20. */
Test(page_fallback, high_order_atomic_requests_keep_their_pageblock)
{
	const unsigned int atomic = ALLOC_HIGHATOMIC | ALLOC_NON_BLOCK | ALLOC_MIN_RESERVE;
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);

	expect_pfn(take_buddy(fx, 0, U, 0), 1024);
	expect_pfn(take_buddy(fx, 2, U, atomic), 1028);
	zone_reserve_highatomic(fx->zone, 1028);
	expect_type(fx, 1024, H);
	cr_assert_eq(fx->zone->nr_reserved_highatomic, 512);
	expect_list(fx, 0, H, "1025");
	expect_list(fx, 1, H, "1026");
	expect_list(fx, 3, H, "1032");
	expect_list(fx, 4, H, "1040");
	expect_list(fx, 8, H, "1280");
	expect_list(fx, 9, U, "1536");
	expect_list(fx, 10, M, "2048");
	fixture_check(fx);
	expect_pfn(take_buddy(fx, 0, U, 0), 1536);
	expect_pfn(take_buddy(fx, 2, U, atomic), 1032);
	zone_reserve_highatomic(fx->zone, 1032);
	expect_list(fx, 2, H, "1036");
	cr_assert_eq(fx->zone->nr_reserved_highatomic, 512);
	zone_reserve_highatomic(fx->zone, 1536);
	cr_assert_eq(fx->zone->nr_reserved_highatomic, 1024);
	zone_reserve_highatomic(fx->zone, 2048);
	cr_assert_eq(fx->zone->nr_reserved_highatomic, 1024, "the limit is 2048/100 + 512");
	fixture_check(fx);
	fixture_free(fx);
}

/* unreserve_highatomic_pageblock() moves free blocks from list to list; only what is freed later merges. */
Test(page_fallback, a_pageblock_that_comes_back_free_stays_beside_its_free_buddy)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	struct page_request req = { .gfp = GFP_KERNEL, .node = -1 };
	struct alloc_context ac;

	expect_pfn(take_buddy(fx, 9, U, 0), 1024);
	zone_reserve_highatomic(fx->zone, 1024);
	give_buddy(fx, 1024, 9);
	expect_list(fx, 9, H, "1024");
	expect_list(fx, 9, U, "1536");
	page_context(fx->pa, &req, &ac);
	cr_assert(unreserve_highatomic(&ac, true));
	expect_list(fx, 9, U, "1536 1024");
	fixture_check(fx);
	expect_pfn(take_buddy(fx, 9, U, 0), 1536);
	give_buddy(fx, 1536, 9);
	expect_list(fx, 9, U, "");
	fixture_check(fx);
	fixture_free(fx);
}

Test(page_fallback, a_hundredth_of_the_zone_and_one_pageblock_may_be_reserved)
{
	struct fixture *fx = fixture_zone(1024, 1024 + 102400, 63, 378);

	for (unsigned int i = 0; i < 10; i++)
		zone_reserve_highatomic(fx->zone, take_buddy(fx, 9, U, 0));
	cr_assert_eq(fx->zone->nr_reserved_highatomic, 3 * 512, "1024 + 512 is reached with the third");
	fixture_check(fx);
	fixture_free(fx);
}

Test(page_fallback, reserved_pageblocks_come_back_one_by_one_and_the_last_only_by_force)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	struct page_request req = { .gfp = GFP_KERNEL, .node = -1 };
	struct alloc_context ac;

	expect_pfn(take_buddy(fx, 2, U, 0), 1024);
	expect_pfn(take_buddy(fx, 9, U, 0), 1536);
	expect_pfn(take_buddy(fx, 2, U, 0), 1028);
	zone_reserve_highatomic(fx->zone, 1024);
	zone_reserve_highatomic(fx->zone, 1536);
	page_context(fx->pa, &req, &ac);
	give_buddy(fx, 1536, 9);
	fixture_check(fx);
	cr_assert(unreserve_highatomic(&ac, false));
	expect_type(fx, 1024, U);
	cr_assert_eq(fx->zone->nr_reserved_highatomic, 512);
	cr_assert_not(unreserve_highatomic(&ac, false));
	cr_assert(unreserve_highatomic(&ac, true));
	expect_type(fx, 1536, U);
	cr_assert_eq(fx->zone->nr_reserved_highatomic, 0);
	cr_assert_not(unreserve_highatomic(&ac, true));
	fixture_check(fx);
	fixture_free(fx);
}

/* E45. Normal begins at 4 GiB and has only fragments of Movable; DMA32 has an Unmovable page. */
Test(page_fallback, another_zone_helps_out_before_a_pageblock_is_fragmented)
{
	struct fixture *fx = fixture_new();
	struct zone *dma32, *normal;

	fixture_add_ram(fx, 0x2000, 0x4000, 0);
	fixture_add_ram(fx, 0x100000, 0x101000, 0);
	fx->machine.zones.dma_end = 16ull << 20;
	fx->machine.zones.dma32_end = 4ull << 30;
	fixture_boot(fx);
	dma32 = &fx->pa->zones[0];
	normal = &fx->pa->zones[1];
	dma32->pcp_batch = normal->pcp_batch = 1;
	for (pfn_t p = 0x100000; p < 0x100f00; p++) {
		fx->zone = normal;
		expect_pfn(take_buddy(fx, 0, M, 0), p);
	}
	expect_pfn(take(fx, 0, U), 0x2000);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_EXTFRAG), 1, "the pageblock in DMA32 changed hands whole");
	expect_pfn(take(fx, 0, U), 0x2001);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_EXTFRAG), 1);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_PGALLOC_DMA32), 2);

	/* With DMA32 below its mark, Normal is fragmented after all. */
	dma32->wmark[WMARK_LOW] = 1u << 20;
	expect_pfn(take(fx, 0, U), 0x100f00);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_EXTFRAG), 2);
	fixture_check(fx);
	fixture_free(fx);
}

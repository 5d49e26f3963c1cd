/*
 * The slow path without compaction: how often a request reclaims, what it drains and wakes, for
 * whom somebody is killed, who has the reserves. When it compacts is in test_compaction_retry.c.
 */
#include "tests/mm/reclaim_scene.h"

Test(page_slowpath, anonymous_pages_stay_without_swap_and_the_request_fails_when_nobody_can_be_killed)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];

	hook(fx, &told);
	fill(fx, LRU_KIND_ANON, pfns, 4096);
	cr_assert_eq(take_gfp(fx, GFP_KERNEL, 0), PFN_NONE);
	cr_expect_eq(told.nr_gone, 0);
	cr_expect_eq(told.kills, 1);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_OOM_KILL), 0, "nobody was");
	check(fx);
	fixture_free(fx);
}

/*
 * should_reclaim_retry() does not ask whether the last attempt
 * brought anything: up to MAX_RECLAIM_RETRIES in a row need not.
 */
Test(page_slowpath, a_request_tries_16_times_more_without_progress_before_anybody_is_killed)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];

	hook(fx, &told);
	fill(fx, LRU_KIND_ANON, pfns, 4096);
	cr_expect_eq(take_gfp(fx, GFP_KERNEL | GFP_BIT_NORETRY, 0), PFN_NONE);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_ALLOCSTALL_NORMAL), 1);
	cr_expect_eq(take_gfp(fx, GFP_KERNEL, 0), PFN_NONE);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_ALLOCSTALL_NORMAL), 1 + 17);
	cr_expect_eq(told.kills, 1);
	check(fx);
	fixture_free(fx);
}

/* end_pass() of kswapd takes a boost back, within less time than looking for something to reclaim takes a request. */
Test(page_slowpath, nobody_is_killed_for_pages_that_only_a_boost_keeps)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];
	uint32_t nr;

	hook(fx, &told);
	nr = fill(fx, LRU_KIND_ANON, pfns, 4096);
	for (uint32_t i = 0; i < 40; i++)
		page_alloc_give(fx->pa, pfns[--nr], 0, 0, &fx->meter);
	fx->zone->boost = 512;
	cr_expect_eq(take_gfp(fx, GFP_KERNEL | GFP_BIT_NORETRY, 0), PFN_NONE, "who gives up soon does not see its end");
	cr_expect_eq(fx->zone->boost, 512);
	cr_expect_neq(take_gfp(fx, GFP_KERNEL, 0), PFN_NONE);
	cr_expect_eq(told.kills, 0);
	check(fx);
	fixture_free(fx);
}

/* __alloc_pages_may_oom(): not for what would not be helped, and not for who can do without. */
Test(page_slowpath, who_asks_decides_whether_somebody_is_killed)
{
	static const struct { gfp_t gfp; uint8_t order; uint32_t kills; } kinds[] = {
		{ GFP_KERNEL, 0, 1 }, { GFP_KERNEL, 3, 1 }, { GFP_KERNEL, 4, 0 },
			{ GFP_KERNEL | GFP_BIT_RETRY_MAYFAIL, 0, 0 },
		{ GFP_KERNEL | GFP_BIT_THISNODE, 0, 0 }, { GFP_KERNEL | GFP_BIT_DMA32, 0, 0 },
			{ GFP_KERNEL | GFP_BIT_NORETRY, 0, 0 },
		{ GFP_NOWAIT, 0, 0 }, { GFP_KERNEL & ~(gfp_t)GFP_BIT_FS, 0, 0 },
	};
	static struct told told;
	struct fixture *fx = zone_dma32(&told, LRU_KIND_ANON);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		told.kills = 0;
		cr_expect_eq(take_gfp(fx, kinds[i].gfp, kinds[i].order), PFN_NONE);
		cr_expect_eq(told.kills, kinds[i].kills, "kind %zu", i);
	}
	check(fx);
	fixture_free(fx);
}

/*
 * out_of_memory() tells a request without __GFP_FS that there
 * is progress: it goes on until there is. Others may fail.
 */
Test(page_slowpath, who_may_not_kill_tries_until_somebody_else_does)
{
	static const gfp_t nofs = GFP_KERNEL & ~(gfp_t)GFP_BIT_FS;
	static const struct { gfp_t gfp; uint8_t order; bool loops; } kinds[] = {
		{ nofs, 0, true }, { nofs, 3, true }, { nofs & ~(gfp_t)GFP_BIT_IO, 0, true }, { nofs, 4, false },
			{ nofs | GFP_BIT_NORETRY, 0, false },
		{ nofs | GFP_BIT_RETRY_MAYFAIL, 0, false }, { nofs | GFP_BIT_THISNODE, 0, false },
			{ nofs | GFP_BIT_DMA32, 0, false },
		{ GFP_NOWAIT, 0, false }, { GFP_KERNEL, 0, false },
	};
	static struct told told;
	struct fixture *fx = zone_dma32(&told, LRU_KIND_ANON);
	uint32_t key;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		cr_expect_eq(take_gfp(fx, kinds[i].gfp, kinds[i].order), PFN_NONE);
		cr_expect_eq(fx->meter.loops != 0, kinds[i].loops, "kind %zu", i);
	}
	take_gfp(fx, nofs, 1);
	key = fx->meter.loops;
	take_gfp(fx, nofs | GFP_BIT_MOVABLE, 1);
	cr_expect_eq(fx->meter.loops, key, "the same pages would serve both");
	take_gfp(fx, nofs, 2);
	cr_expect_neq(fx->meter.loops, key);
	meter_restart(&fx->meter);
	cr_expect_eq(fx->meter.loops, 0);
	fixture_free(fx);
}

/*
 * With __GFP_NOFAIL the marks do not count once nobody can be killed;
 * who may not kill for it has half of the min mark (64 pages).
 */
Test(page_slowpath, a_request_that_may_not_fail_has_the_reserves)
{
	static struct told told;
	struct fixture *fx = zone_dma32(&told, LRU_KIND_ANON);

	cr_assert_gt(fx->zone->visible_free, 40);
	while (take_gfp(fx, GFP_KERNEL | GFP_BIT_NOFAIL | GFP_BIT_DMA32, 0) != PFN_NONE)
		;
	cr_expect_eq(fx->zone->visible_free, 32);
	cr_expect_eq(told.kills, 0);
	cr_expect_neq(take_gfp(fx, GFP_KERNEL | GFP_BIT_NOFAIL, 0), PFN_NONE);
	cr_expect_eq(told.kills, 1);
	check(fx);
	fixture_free(fx);
}

/*
 * should_reclaim_retry(): what is reclaimed for a costly order is no progress, so after 16 retries it is over, with
 * thousands of pages left that would lift the zone over its mark; a lower order goes on until it has its block.
 */
Test(page_slowpath, a_costly_request_is_tried_again_16_times_and_others_while_there_is_progress)
{
	for (uint8_t order = 3; order <= 4; order++) {
		struct fixture *fx = fixture_zone(1024, 17408, 63, 378);
		struct page_request req = { .gfp = GFP_KERNEL | GFP_BIT_RETRY_MAYFAIL, .node = -1, .order = order };
		static struct told told;
		static pfn_t pfns[16384];
		struct alloc_context ac;
		uint64_t stalls;
		pfn_t pfn, block;

		hook(fx, &told);
		/* else it is not tried again, or reclaims all in one go */
		fx->machine.page_allocator.compaction = order == 4;
		block = take_gfp(fx, GFP_KERNEL, 4);
		fill(fx, LRU_KIND_FILE, pfns, 16384);
		page_alloc_give(fx->pa, block, 4, 0, &fx->meter);
		fx->zone->wmark[WMARK_MIN] = fx->zone->wmark[WMARK_HIGH] = 3000;
		fx->zone->boost = 0;
		page_context(fx->pa, &req, &ac);
		pfn = page_slowpath(fx->pa, &ac, &fx->meter);
		stalls = page_alloc_counter(fx->pa, PC_ALLOCSTALL_NORMAL);
		cr_expect_eq(pfn == PFN_NONE, order == 4);
		cr_expect(order == 4 ? stalls == 17 : stalls > 17, "order %u: %llu", order, (unsigned long long)stalls);
		cr_expect_gt(lru_pages(fx->pa, 0, LRU_INACTIVE_FILE), 4000);
		fixture_free(fx);
	}
}

/*
 * __alloc_pages_direct_reclaim(): pages that were reclaimed wait on the CPU's list, where they do not count as
 * free. It is drained after each attempt, so that no more are reclaimed than the zone is short of, and a batch.
 */
Test(page_slowpath, what_a_request_reclaims_is_drained_after_each_attempt)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];

	hook(fx, &told);
	fx->zone->stat_threshold = 0;
	fill(fx, LRU_KIND_FILE, pfns, 4096);
	fx->zone->pcp_batch = 63;
	fx->zone->boost = 256;
	cr_expect_neq(take_gfp(fx, GFP_KERNEL, 0), PFN_NONE);
	cr_expect_geq(told.nr_gone, 256);
	cr_expect_leq(told.nr_gone, 256 + 2 * 64, "%u", told.nr_gone);
	check(fx);
	fixture_free(fx);
}

/* wake_all_kswapds(), and the end of boosts: only what could serve the request. */
Test(page_slowpath, a_request_leaves_alone_zones_of_other_nodes_that_are_of_no_use_to_it)
{
	static struct told told;
	struct fixture *fx = two_zones(&told, true);
	struct zone *other = &fx->pa->zones[1];

	while (take_gfp(fx, GFP_NOWAIT | GFP_BIT_DMA32, 0) != PFN_NONE)
		;
	other->wmark[WMARK_HIGH] = 4096;
	other->boost = 10;
	cr_expect_eq(take_gfp(fx, GFP_KERNEL | GFP_BIT_DMA32, 0), PFN_NONE);
	cr_expect(kswapd_wanted(fx->pa, 0));
	cr_expect_not(kswapd_wanted(fx->pa, 1));
	cr_expect_eq(other->boost, 10);
	fixture_free(fx);
}

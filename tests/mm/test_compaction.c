/*
 * Compaction for a request, in small zones made by hand: what it
 * brings and costs, where it is suitable, when it is deferred.
 */
#include "tests/mm/compaction_scene.h"

Test(compaction, what_it_costs_is_charged_under_the_locks_that_the_kernel_holds)
{
	struct fixture *fx = fixture_zone(1024, 3072, 7, 28);
	struct users *u = attach(fx);
	struct compact_control cc;
	bool lru = false, zone = false;

	fill(fx, 1024, 3072);
	use(fx, u, 1024, LRU_KIND_ANON);
	give_buddy(fx, 3071, 0);
	meter_start(&fx->meter, fx->machine.latency.step_ns);
	compact_whole(fx, &cc);
	/* One page moved, one TLB flush, one free to the per-CPU lists: 1 each, and the pages looked at. */
	cr_assert_eq(fx->meter.ns, cc.migrate_scanned + cc.free_scanned + 3);
	for (uint32_t i = 0; i < fx->meter.nr_segments; i++) {
		cr_assert_eq(fx->meter.segments[i].step, STEP_COMPACT_SCAN);
		lru |= fx->meter.segments[i].lock == LOCK_LRU;
		zone |= fx->meter.segments[i].lock == LOCK_ZONE(0);
	}
	cr_assert(lru && zone);
	free(u);
	fixture_free(fx);
}

Test(compaction, a_request_gets_a_huge_page_out_of_scattered_ones)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);
	pfn_t pfn;

	fx->zone->compact.forget_skips = true;
	cr_assert_eq(take_page(fx, GFP_TRANSHUGE_LIGHT | GFP_BIT_DIRECT_RECLAIM, 9, &pfn), MM_DONE);
	cr_assert_not(fx->zone->compact.forget_skips, "what it left aside was right");
	cr_assert_eq(page_alloc_counter(fx->pa, PC_COMPACT_STALL), 1);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_COMPACT_SUCCESS), 1);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_COMPACT_FAIL), 0);
	cr_assert_eq(u->episodes, 1);
	cr_assert_eq(u->last.who, COMPACT_DIRECT);
	cr_assert_eq(u->last.result, COMPACT_SUCCESS);
	cr_assert_eq(u->last.migrated, u->moves);
	cr_assert_geq(u->moves, 256);
	cr_assert_eq(fx->zone->compact.order_failed, 10);
	fixture_check(fx);
	free(u);
	fixture_free(fx);
}

/* compaction_capture(): of the request's order, of no Movable pageblock unless it is a whole one, and once. */
Test(compaction, a_block_that_frees_put_together_is_the_requests_that_compacts)
{
	struct fixture *fx = fixture_zone(1024, 3072, 7, 28);
	struct capture_control capture = { .pfn = PFN_NONE, .order = 2 };
	uint64_t free_before;

	fill(fx, 1024, 3072);
	set_pageblock_migratetype(fx->pa, 1024, U);
	fx->zone->capture = &capture;
	for (pfn_t pfn = 2048; pfn < 2052; pfn++)
		give_buddy(fx, pfn, 0);
	cr_assert_eq(capture.pfn, PFN_NONE, "a part of a Movable pageblock");
	free_before = zone_free_pages(fx->zone);
	for (pfn_t pfn = 1028; pfn < 1032; pfn++)
		give_buddy(fx, pfn, 0);
	cr_assert_eq(capture.pfn, 1028);
	page_hand_out(fx->pa, 1028, 2, false);
	cr_assert_eq(zone_free_pages(fx->zone), free_before);
	for (pfn_t pfn = 1032; pfn < 1036; pfn++)
		give_buddy(fx, pfn, 0);
	cr_assert_eq(capture.pfn, 1028, "one is enough");
	cr_assert_eq(zone_free_pages(fx->zone), free_before + 4);
	capture = (struct capture_control){ .pfn = PFN_NONE, .order = 9 };
	for (pfn_t pfn = 2560; pfn < 3072; pfn++)
		give_buddy(fx, pfn, 0);
	cr_assert_eq(capture.pfn, 2560, "a whole pageblock may be Movable");
	page_hand_out(fx->pa, 2560, 9, true);
	fx->zone->capture = NULL;
	fixture_check(fx);
	fixture_free(fx);
}

/*
 * Four pages of a Reclaimable pageblock move away. rmqueue(),
 * which counts PGALLOC, has no part in a block that was captured.
 */
Test(compaction, a_request_gets_the_block_that_its_compaction_captured)
{
	struct fixture *fx = fixture_zone(1024, 3072, 7, 28);
	struct users *u = attach(fx);
	struct alloc_context ac;
	enum compact_result result;
	uint64_t allocated;
	pfn_t pfn;

	fill(fx, 1024, 3072);
	set_pageblock_migratetype(fx->pa, 1024, R);
	for (pfn_t p = 1040; p < 1044; p++)
		use(fx, u, p, LRU_KIND_ANON);
	for (pfn_t p = 2561; p < 3072; p += 2)
		give_buddy(fx, p, 0);
	context(fx, &ac, GFP_KERNEL | GFP_BIT_RECLAIMABLE, 2);
	allocated = page_alloc_counter(fx->pa, PC_PGALLOC_NORMAL);
	pfn = direct_compact(fx->pa, &ac, WMARK_MIN, COMPACT_PRIO_ASYNC, &result, &fx->meter);
	cr_assert_eq(result, COMPACT_SUCCESS);
	cr_assert_eq(pfn, 1040);
	page_hand_out(fx->pa, pfn, 2, false);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_COMPACT_SUCCESS), 1);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_PGALLOC_NORMAL), allocated);
	fixture_check(fx);
	free(u);
	fixture_free(fx);
}

Test(compaction, nothing_is_compacted_where_nobody_can_be_told_or_the_machine_does_not)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);
	const struct reclaim_hooks none = { 0 };
	pfn_t pfn;

	fx->machine.page_allocator.compaction = false;
	cr_assert_eq(take_page(fx, GFP_TRANSHUGE_LIGHT | GFP_BIT_DIRECT_RECLAIM, 9, &pfn), MM_FAILED);
	fx->machine.page_allocator.compaction = true;
	page_alloc_set_hooks(fx->pa, &none);
	cr_assert_eq(take_page(fx, GFP_TRANSHUGE_LIGHT | GFP_BIT_DIRECT_RECLAIM, 9, &pfn), MM_FAILED);
	cr_assert_eq(u->moves, 0);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_COMPACT_STALL), 0);
	cr_assert_not(proactive_wanted(fx->pa, 0));
	free(u);
	fixture_free(fx);
}

/* One page in every chunk of 32 that cannot be moved: no attempt can succeed, and the zone is left alone for longer. */
Test(compaction, unmovable_pages_in_the_way_make_it_fail_and_defer)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);
	enum compact_result result;
	struct alloc_context ac;

	for (pfn_t pfn = 1025; pfn < 5120; pfn += 32) {
		lru_del(fx->pa, pfn);
		u->id[pfn] = 0;
	}
	context(fx, &ac, GFP_TRANSHUGE_LIGHT | GFP_BIT_DIRECT_RECLAIM, 9);
	cr_assert_eq(direct_compact(fx->pa, &ac, WMARK_MIN, COMPACT_PRIO_SYNC_LIGHT, &result, &fx->meter), PFN_NONE);
	cr_assert_eq(result, COMPACT_PARTIAL_SKIPPED);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_COMPACT_FAIL), 1);
	cr_assert_eq(fx->zone->compact.defer_shift, 1);
	cr_assert_eq(direct_compact(fx->pa, &ac, WMARK_MIN, COMPACT_PRIO_SYNC_LIGHT, &result, &fx->meter), PFN_NONE);
	cr_assert_eq(result, COMPACT_DEFERRED);
	/* The strongest attempts ask for no leave, and go through all of the zone. */
	cr_assert_eq(direct_compact(fx->pa, &ac, WMARK_MIN, COMPACT_PRIO_SYNC_FULL, &result, &fx->meter), PFN_NONE);
	cr_assert_eq(result, COMPACT_COMPLETE);
	cr_assert_eq(fx->zone->compact.defer_shift, 2);
	/* Chunks of 16 can be had. */
	ac.order = 4;
	cr_assert_neq(direct_compact(fx->pa, &ac, WMARK_MIN, COMPACT_PRIO_SYNC_FULL, &result, &fx->meter), PFN_NONE);
	cr_assert_eq(fx->zone->compact.defer_shift, 0);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_COMPACT_SUCCESS), 1);
	free(u);
	fixture_free(fx);
}

Test(compaction, deferral_doubles_up_to_64_attempts)
{
	struct fixture *fx = fixture_zone(1024, 3072, 7, 28);
	static const unsigned int attempts[] = { 1, 2, 4, 8, 16, 32, 64, 64 };

	for (unsigned int i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		unsigned int nr = 1;

		while (compaction_deferred(fx->zone, 5))
			nr++;
		cr_assert_eq(nr, attempts[i], "after %u failures: %u", i, nr);
		compaction_defer(fx->zone, 5);
	}
	/* Before the first success a failure of any order is one of all orders; after it, of larger ones only. */
	cr_assert(compaction_deferred(fx->zone, 1));
	compaction_defer_reset(fx->zone, 5, false);
	cr_assert_not(compaction_deferred(fx->zone, 5));
	cr_assert(compaction_deferred(fx->zone, 6));
	compaction_defer_reset(fx->zone, 5, true);
	cr_assert_eq(fx->zone->compact.defer_shift, 0);
	fixture_free(fx);
}

Test(compaction, a_zone_is_suitable_when_memory_is_there_but_in_pieces)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);

	/* 2048 single pages: index 937 for order 4, as E26. */
	cr_assert_eq(compaction_suitable(fx->zone, 4, WMARK_MIN, ZONE_NORMAL), COMPACT_CONTINUE);
	cr_assert_eq(compaction_suitable(fx->zone, COMPACT_ALL, WMARK_MIN, ZONE_NORMAL), COMPACT_CONTINUE);
	/* A block of the order is there. */
	cr_assert_eq(compaction_suitable(fx->zone, 0, WMARK_MIN, ZONE_NORMAL), COMPACT_SUCCESS);
	/* Not enough left to move pages to: min + 2 * 2^order for order 3, low + 2 * 2^order above. */
	fx->zone->wmark[WMARK_LOW] = (uint32_t)fx->zone->visible_free - 32;
	cr_assert_eq(compaction_suitable(fx->zone, 4, WMARK_MIN, ZONE_NORMAL), COMPACT_SKIPPED);
	cr_assert_eq(compaction_suitable(fx->zone, 3, WMARK_MIN, ZONE_NORMAL), COMPACT_CONTINUE);
	fx->zone->wmark[WMARK_LOW]--;
	cr_assert_eq(compaction_suitable(fx->zone, 4, WMARK_MIN, ZONE_NORMAL), COMPACT_CONTINUE);
	free(u);
	fixture_free(fx);
}

Test(compaction, a_zone_that_is_short_of_memory_is_not_suitable)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = attach(fx);

	/* Half pageblocks free: the index for order 9 stays under 500, for want of memory. */
	fill(fx, 1024, 5120);
	for (pfn_t pfn = 1024; pfn < 5120; pfn++)
		if (pfn % 512 >= 256)
			give_buddy(fx, pfn, 0);
	cr_assert_eq(fx->zone->area[8].nr_free, 8);
	cr_assert_eq(compaction_suitable(fx->zone, 9, WMARK_MIN, ZONE_NORMAL), COMPACT_SKIPPED);
	free(u);
	fixture_free(fx);
}

/* zone_page_state_snapshot(), where compaction_suitable() has zone_page_state(). */
Test(compaction, what_cpus_have_not_told_yet_counts_for_whether_reclaim_would_help)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);
	struct alloc_context ac;

	context(fx, &ac, GFP_KERNEL, 9);
	page_alloc_vmstat_fold(fx->pa, 0);
	fx->zone->wmark[WMARK_LOW] =
		(uint32_t)((uint64_t)fx->zone->visible_free + zone_reclaimable(fx->zone) / 9) - 1024 - 1;
	cr_assert(compaction_zonelist_suitable(&ac, 0));
	fx->zone->visible_free -= 5;
	fx->zone->pcps[0].stat_diff = 5;
	cr_assert(compaction_zonelist_suitable(&ac, 0));
	fx->zone->pcps[0].stat_diff = 4;
	cr_assert_not(compaction_zonelist_suitable(&ac, 0));
	free(u);
	fixture_free(fx);
}

/* compaction_zonelist_suitable(): of what could be reclaimed it counts a part, the smaller the higher the order. */
Test(compaction, what_reclaim_could_give_counts_by_the_order)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);
	struct alloc_context ac;
	uint32_t there;

	for (pfn_t pfn = 1025; pfn < 5120; pfn += 2) {
		lru_del(fx->pa, pfn);
		lru_add(fx->pa, pfn, LRU_KIND_FILE);
	}
	context(fx, &ac, GFP_KERNEL, 4);
	there = (uint32_t)zone_free_snapshot(fx->zone) + 2048 / 4;
	fx->zone->wmark[WMARK_LOW] = there - 33;
	cr_expect(compaction_zonelist_suitable(&ac, WMARK_MIN));
	fx->zone->wmark[WMARK_LOW] = there - 32;
	cr_expect_not(compaction_zonelist_suitable(&ac, WMARK_MIN), "low + 2 * 2^4");
	free(u);
	fixture_free(fx);
}

/* compaction_restarting(): marks of pageblocks are forgotten when the longest deferral is over, not while it lasts. */
Test(compaction, skips_are_forgotten_when_the_longest_deferral_is_over)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);
	struct zone_compact *c = &fx->zone->compact;

	c->defer_shift = 6;
	for (c->considered = 63; c->considered <= 64; c->considered++) {
		struct compact_control cc = { .zone = fx->zone, .order = 3, .mt = M, .mode = COMPACT_SYNC_LIGHT };

		c->forget_skips = true;
		cr_assert_eq(compact_begin(&cc), COMPACT_CONTINUE);
		cr_expect_eq(c->forget_skips, c->considered == 63);
	}
	free(u);
	fixture_free(fx);
}

/*
 * __compact_finished(): a free block that the request may not steal
 * does not end the run; and a pageblock is always gone through.
 */
Test(compaction, a_run_ends_behind_a_pageblock_with_a_block_that_may_be_taken)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);
	struct compact_control cc = { .zone = fx->zone, .order = 2, .mt = M, .mode = COMPACT_SYNC_LIGHT };
	enum compact_result result;
	uint64_t in_use;

	cr_assert_eq(compact_begin(&cc), COMPACT_CONTINUE);
	buddy_move_pageblock(fx->zone, 4608, U, &in_use);
	set_pageblock_migratetype(fx->pa, 4608, U);
	give_user(fx, u, 4609);
	give_user(fx, u, 4611);
	pcp_drain_all(fx->pa, 0, &fx->meter);
	cr_assert_eq(fx->zone->area[2].nr_free, 1);
	result = compact_step(&cc, &fx->meter);
	cr_expect_eq(result, COMPACT_CONTINUE, "it is Unmovable");
	while (result == COMPACT_CONTINUE)
		result = compact_step(&cc, &fx->meter);
	cr_expect_eq(result, COMPACT_SUCCESS);
	cr_expect_eq(cc.migrate_pfn, 1536);
	compact_end(&cc, &fx->meter);
	fixture_check(fx);
	free(u);
	fixture_free(fx);
}

/* __isolate_free_page() keeps to the min mark; compact_zone() leaves when there is no target for what it took. */
Test(compaction, a_run_that_finds_memory_short_leaves)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);
	struct compact_control cc = { .zone = fx->zone, .order = 2, .mt = M, .mode = COMPACT_SYNC_LIGHT };

	cr_assert_eq(compact_begin(&cc), COMPACT_CONTINUE);
	fx->zone->wmark[WMARK_MIN] = 4096;
	cr_expect_eq(compact_step(&cc, &fx->meter), COMPACT_CONTENDED);
	cr_expect_eq(u->moves, 0);
	compact_end(&cc, &fx->meter);
	fixture_check(fx);
	free(u);
	fixture_free(fx);
}

/*
 * The two scanners of compaction and the move between them: which
 * pageblocks they look at, what they take, where they go on.
 */
#include "tests/mm/compaction_scene.h"

/*
 * Of a free block of two pageblocks the scanners see the head, and step over its pageblock; nothing in the other
 * one says that it is free. Eight such blocks, untouched, in the last pageblock of which the scanners meet.
 */
Test(compaction_scan, untouched_memory_is_scanned_as_free_blocks_are)
{
	struct fixture *fx = fixture_zone(1024, 9216, 7, 28);
	struct users *u = attach(fx);
	struct compact_control cc;

	cr_assert_eq(compact_whole(fx, &cc), COMPACT_COMPLETE);
	cr_assert_eq(cc.migrate_scanned, 8 + 7 * 512);
	use(fx, u, take_buddy(fx, 0, M, 0), LRU_KIND_FILE);
	cr_assert_eq(compact_whole(fx, &cc), COMPACT_COMPLETE);
	/* All pages of the first such pageblock, every second one of the next, every fourth ... every 32nd. */
	cr_assert_eq(cc.free_scanned, 512 + 256 + 128 + 64 + 32 + 16 + 16);
	free(u);
	fixture_free(fx);
}

/* Four pageblocks: three pages to move in the first, three free ones in the last. */
Test(compaction_scan, the_last_page_taken_moves_first_and_to_the_highest_target)
{
	struct fixture *fx = fixture_zone(1024, 3072, 7, 28);
	struct users *u = attach(fx);
	struct compact_control cc;

	fill(fx, 1024, 3072);
	use(fx, u, 1024, LRU_KIND_ANON);
	use(fx, u, 1124, LRU_KIND_FILE);
	use(fx, u, 1224, LRU_KIND_FILE);
	give_buddy(fx, 2570, 0);
	give_buddy(fx, 2700, 0);
	give_buddy(fx, 3000, 0);
	cr_assert_eq(compact_whole(fx, &cc), COMPACT_COMPLETE);
	cr_assert_eq(u->moves, 3);
	cr_assert(u->from[0] == 1224 && u->to[0] == 3000);
	cr_assert(u->from[1] == 1124 && u->to[1] == 2700);
	cr_assert(u->from[2] == 1024 && u->to[2] == 2570);
	cr_assert_eq(cc.migrated, 3);
	/* Up to where the scanners met: three pageblocks, and all of the last one that lies below the third target. */
	cr_assert_eq(cc.migrate_scanned, 3 * 512);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_PGMIGRATE_SUCCESS), 3);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_COMPACT_ISOLATED), 6);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_COMPACT_MIGRATE_SCANNED), cc.migrate_scanned);
	/* Their lists and what they are stay. */
	cr_assert_eq(lru_pages(fx->pa, 0, LRU_INACTIVE_ANON), 1);
	cr_assert_eq(fx->pa->reclaim[0].lru[LRU_INACTIVE_ANON].head, 2570);
	cr_assert_eq(fx->pa->reclaim[0].lru[LRU_INACTIVE_FILE].head, 2700);
	cr_assert_eq(fx->pa->reclaim[0].lru[LRU_INACTIVE_FILE].tail, 3000);
	/* What they left is with the CPU that moved them. */
	cr_assert_eq(fx->zone->pcps[0].count, 3);
	cr_assert_not(fx->zone->compact.forget_skips, "__compact_finished(): after direct runs alone");
	free(u);
	fixture_free(fx);
}

Test(compaction_scan, of_pages_that_find_no_target_the_first_counts_as_failed)
{
	struct fixture *fx = fixture_zone(1024, 3072, 7, 28);
	struct users *u = attach(fx);
	struct compact_control cc;

	fill(fx, 1024, 3072);
	use(fx, u, 1024, LRU_KIND_ANON);
	use(fx, u, 1124, LRU_KIND_FILE);
	use(fx, u, 1224, LRU_KIND_FILE);
	give_buddy(fx, 3000, 0);
	compact_whole(fx, &cc);
	cr_assert_eq(u->moves, 1);
	cr_expect_eq(cc.failed, 2);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_PGMIGRATE_SUCCESS), 1);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_PGMIGRATE_FAIL), 1);
	free(u);
	fixture_free(fx);
}

Test(compaction_scan, pages_on_no_list_move_too_when_their_user_says_so)
{
	struct fixture *fx = fixture_zone(1024, 3072, 7, 28);
	struct users *u = attach(fx);
	struct compact_control cc;

	fill(fx, 1024, 3072);
	u->id[1030] = 7;
	page_alloc_set_owner(fx->pa, 1030, 99);
	u->id[1031] = 8;
	u->order[1031] = 1; /* part of something larger: stays */
	give_buddy(fx, 3071, 0);
	cr_assert_eq(compact_whole(fx, &cc), COMPACT_COMPLETE);
	cr_assert_eq(u->moves, 1);
	cr_assert_eq(u->id[3071], 7);
	cr_assert_eq(page_alloc_owner(fx->pa, 3071), 99);
	cr_assert_eq(page_alloc_owner(fx->pa, 1030), 0);
	cr_assert(page_is_lru(fx->pa, 3071));
	free(u);
	fixture_free(fx);
}

Test(compaction_scan, async_takes_whole_chunks_of_the_requested_order_or_nothing)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);
	struct compact_control cc = { .zone = fx->zone, .order = 3, .mt = M, .mode = COMPACT_ASYNC, .direct = true,
		.may_fs = false };

	/*
	 * 1025: cannot be moved; 1035: of a file, and the request may not
	 * enter file systems; so 1040 is the first chunk that can be had.
	 */
	lru_del(fx->pa, 1025);
	u->id[1025] = 0;
	lru_del(fx->pa, 1035);
	lru_add(fx->pa, 1035, LRU_KIND_FILE);
	cr_assert_eq(compact_begin(&cc), COMPACT_CONTINUE);
	cr_assert(compact_isolate(&cc, &fx->meter));
	cr_assert_eq(cc.nr_sources, 4);
	cr_assert_eq(cc.sources.head, 1047);
	cr_assert_eq(cc.sources.tail, 1041);
	cr_assert_eq(cc.migrate_pfn, 1048);
	cr_assert_eq(compact_move(&cc, &fx->meter), 0);
	compact_end(&cc, &fx->meter);
	fixture_check(fx);
	free(u);
	fixture_free(fx);
}

/*
 * test_and_set_skip() of 6.1 asks whether the page that it takes
 * first is its pageblock's first, not where the scan began.
 */
Test(compaction_scan, a_pageblock_is_marked_when_its_first_page_is_taken_or_none)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = attach(fx);
	struct compact_control cc = {
		.zone = fx->zone,
		.order = 3,
		.mt = M,
		.mode = COMPACT_SYNC_LIGHT,
		.may_fs = true,
	};

	fill(fx, 1024, 5120);
	use(fx, u, 1024, LRU_KIND_ANON);
	use(fx, u, 1536 + 7, LRU_KIND_ANON);
	for (pfn_t pfn = 4609; pfn < 5120; pfn += 2)
		give_buddy(fx, pfn, 0);
	cr_assert_eq(compact_begin(&cc), COMPACT_CONTINUE);
	for (uint64_t migrated = 1; migrated <= 2; migrated++) {
		cr_assert_eq(compact_step(&cc, &fx->meter), COMPACT_CONTINUE);
		cr_assert_eq(cc.migrated, migrated);
	}
	cr_assert(pageblock_skip(fx->pa, 1024));
	cr_assert_not(pageblock_skip(fx->pa, 1536));
	cr_assert_eq(fx->zone->compact.migrate[COMPACT_SYNC_LIGHT], 1024);
	cr_assert_eq(compact_step(&cc, &fx->meter), COMPACT_CONTINUE);
	cr_assert(pageblock_skip(fx->pa, 2048));
	/* update_cached_migrate() rounds the end of that pageblock up once more. */
	cr_assert_eq(fx->zone->compact.migrate[COMPACT_SYNC_LIGHT], 3072);
	compact_end(&cc, &fx->meter);
	fixture_check(fx);
	free(u);
	fixture_free(fx);
}

/* compact_zone() compares with pageblock_start_pfn(0) where nothing has been moved yet. */
Test(compaction_scan, the_first_pageblock_of_memory_is_taken_whole)
{
	struct fixture *fx = fixture_zone(1, 4096, 7, 28);
	struct users *u = attach(fx);
	struct compact_control cc = {
		.zone = fx->zone,
		.order = 9,
		.search_order = 9,
		.mt = U,
		.mode = COMPACT_SYNC_LIGHT,
		.may_fs = true,
	};

	fill(fx, 1, 4096);
	for (pfn_t pfn = 1; pfn < 1024; pfn++)
		use(fx, u, pfn, LRU_KIND_ANON);
	for (pfn_t pfn = 1025; pfn < 4096; pfn += 2)
		give_buddy(fx, pfn, 0);
	page_alloc_vmstat_fold(fx->pa, 0);
	cr_assert_eq(compact_begin(&cc), COMPACT_CONTINUE);
	cr_assert_eq(compact_step(&cc, &fx->meter), COMPACT_CONTINUE);
	cr_expect_eq(cc.migrated, 511);
	cr_assert_eq(compact_step(&cc, &fx->meter), COMPACT_CONTINUE);
	cr_expect_eq(cc.migrated, 511 + 32);
	compact_end(&cc, &fx->meter);
	fixture_check(fx);
	free(u);
	fixture_free(fx);
}

/* move_freelist_head() also after a search that found nothing: the next one does not look at the same blocks. */
Test(compaction_scan, a_search_without_success_goes_on_behind_it_the_next_time)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = attach(fx);
	struct compact_control cc = {
		.zone = fx->zone,
		.order = 1,
		.mt = M,
		.mode = COMPACT_SYNC_LIGHT,
		.direct = true,
	};

	fill(fx, 1024, 5120);
	for (pfn_t pfn = 1025; pfn < 1037; pfn += 2)
		give_buddy(fx, pfn, 0);
	expect_list(fx, 0, M, "1035 1033 1031 1029 1027 1025");
	page_alloc_vmstat_fold(fx->pa, 0);
	cr_assert_eq(compact_begin(&cc), COMPACT_CONTINUE);
	fx->zone->compact.first_free = 8192;
	cc.search_failed = 4;
	compact_search_free(&cc, &fx->meter);
	cr_assert_eq(cc.free_scanned, 1);
	cr_assert_eq(cc.nr_targets, 0);
	expect_list(fx, 0, M, "1025 1035 1033 1031 1029 1027");
	compact_end(&cc, &fx->meter);
	fixture_check(fx);
	free(u);
	fixture_free(fx);
}

/* __reset_isolation_suitable() goes down from the zone's last page, and 6.1 keeps that as the place to begin. */
Test(compaction_scan, forgetting_skips_sets_the_free_scanner_on_the_last_page_of_a_pageblock)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct zone_compact *c = &fx->zone->compact;
	struct users *u = attach(fx);

	fill(fx, 1024, 5120);
	give_buddy(fx, 4096 + 8, 0);
	use(fx, u, 1536 + 8, LRU_KIND_ANON);
	for (pfn_t pfn = 1024; pfn < 5120; pfn += 512)
		pageblock_set_skip(fx->pa, pfn, true);
	c->forget_skips = true;
	compaction_reset_skips(fx->zone);
	cr_assert_eq(c->free, 4096 + 511);
	cr_assert_eq(c->first_free, 4096 + 511);
	cr_assert_not(pageblock_skip(fx->pa, 4096));
	free(u);
	fixture_free(fx);
}

/* __reset_isolation_pfn(): a zone spans pageblocks of others where the memory of nodes alternates. */
Test(compaction_scan, forgetting_skips_leaves_other_zones_alone)
{
	struct fixture *fx = fixture_new();
	struct users *u;

	fx->machine.cpus = 2;
	fx->machine.nr_nodes = 2;
	fx->machine.node_of_cpu[1] = 1;
	fx->machine.distance[0][1] = fx->machine.distance[1][0] = 20;
	fx->machine.distance[1][1] = 10;
	fixture_add_ram(fx, 1024, 2048, 0);
	fixture_add_ram(fx, 2048, 3072, 1);
	fixture_add_ram(fx, 3072, 4096, 0);
	fixture_boot(fx);
	fx->pa->mobility_off = false;
	u = attach(fx);
	for (pfn_t pfn = 1024; pfn < 4096; pfn += 512)
		pageblock_set_skip(fx->pa, pfn, true);
	cr_assert_eq(fx->zone->end, 4096);
	fx->zone = &fx->pa->zones[1];
	cr_assert_eq(take_buddy(fx, 0, M, 0), 2048);
	use(fx, u, 2048, LRU_KIND_FILE);
	fx->zone = &fx->pa->zones[0];
	fx->zone->compact.forget_skips = true;
	compaction_reset_skips(fx->zone);
	cr_assert_not(pageblock_skip(fx->pa, 3072));
	cr_assert(pageblock_skip(fx->pa, 2048));
	free(u);
	fixture_free(fx);
}

/*
 * __reset_isolation_pfn(): free pages of a pageblock of another
 * type are no targets; where nothing is found the scanners meet.
 */
Test(compaction_scan, forgetting_skips_finds_targets_in_movable_pageblocks_alone)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct zone_compact *c = &fx->zone->compact;
	struct users *u = attach(fx);

	fill(fx, 1024, 5120);
	c->forget_skips = true;
	compaction_reset_skips(fx->zone);
	cr_expect(c->migrate[COMPACT_ASYNC] == 3072 && c->migrate[COMPACT_SYNC_LIGHT] == 3072 && c->free == 3071);
	set_pageblock_migratetype(fx->pa, 4608, U);
	give_buddy(fx, 4608 + 8, 0);
	give_buddy(fx, 4096 + 8, 0);
	for (pfn_t pfn = 1024; pfn < 5120; pfn += 512)
		pageblock_set_skip(fx->pa, pfn, true);
	c->forget_skips = true;
	compaction_reset_skips(fx->zone);
	cr_expect(pageblock_skip(fx->pa, 4608));
	cr_expect_eq(c->free, 4096 + 511);
	free(u);
	fixture_free(fx);
}

/* compact_zone(): who begins where the marks were forgotten from has gone through all of the zone. */
Test(compaction_scan, a_run_from_the_first_source_is_one_of_the_whole_zone)
{
	for (int whole = 0; whole < 2; whole++) {
		struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
		struct users *u = fragmented(fx);
		enum compact_result result;
		struct alloc_context ac;

		for (pfn_t pfn = 1025; pfn < 5120; pfn += 2)
			lru_del(fx->pa, pfn);
		memset(u->id, 0, sizeof(u->id));
		fx->zone->compact.first_migrate = whole ? 1024 : 0;
		context(fx, &ac, GFP_KERNEL, 3);
		direct_compact(fx->pa, &ac, WMARK_MIN, COMPACT_PRIO_SYNC_LIGHT, &result, &fx->meter);
		cr_expect_eq(result, whole ? COMPACT_COMPLETE : COMPACT_PARTIAL_SKIPPED);
		free(u);
		fixture_free(fx);
	}
}

/*
 * compact_zone(), finish_pageblock: a pageblock of which a batch
 * has been moved is gone through to its end next, and left behind.
 */
Test(compaction_scan, the_second_batch_of_a_pageblock_is_all_of_the_rest)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);
	struct compact_control cc = {
		.zone = fx->zone,
		.order = 9,
		.mt = M,
		.mode = COMPACT_SYNC_LIGHT,
		.may_fs = true,
	};

	cr_assert_eq(compact_begin(&cc), COMPACT_CONTINUE);
	cr_assert_eq(compact_step(&cc, &fx->meter), COMPACT_CONTINUE);
	cr_expect_eq(u->moves, 32, "COMPACT_CLUSTER_MAX");
	cr_assert_eq(compact_step(&cc, &fx->meter), COMPACT_CONTINUE);
	cr_expect_eq(u->moves, 256);
	cr_expect_gt(fx->zone->compact.migrate[COMPACT_SYNC_LIGHT], 1024);
	compact_end(&cc, &fx->meter);
	fixture_check(fx);
	free(u);
	fixture_free(fx);
}

/* COMPACT_PRIO_SYNC_FULL: no marks keep it from any pageblock. */
Test(compaction_scan, the_strongest_attempt_looks_at_marked_pageblocks)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);
	enum compact_result result;
	struct alloc_context ac;

	for (pfn_t block = 1024; block < 5120; block += 512)
		pageblock_set_skip(fx->pa, block, true);
	context(fx, &ac, GFP_KERNEL, 9);
	cr_assert_eq(direct_compact(fx->pa, &ac, WMARK_MIN, COMPACT_PRIO_SYNC_LIGHT, &result, &fx->meter), PFN_NONE);
	cr_expect_eq(u->moves, 0);
	fx->zone->compact.forget_skips = false;
	cr_expect_neq(direct_compact(fx->pa, &ac, WMARK_MIN, COMPACT_PRIO_SYNC_FULL, &result, &fx->meter), PFN_NONE);
	cr_expect_gt(u->moves, 0);
	free(u);
	fixture_free(fx);
}

/*
 * suitable_migration_source(): a direct async run leaves pageblocks
 * of other types alone, and does not look at them again.
 */
Test(compaction_scan, async_takes_from_pageblocks_of_the_requests_type)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);
	struct compact_control cc = {
		.zone = fx->zone,
		.order = 3,
		.mt = U,
		.mode = COMPACT_ASYNC,
		.direct = true,
		.may_fs = true,
	};

	cr_assert_eq(compact_begin(&cc), COMPACT_CONTINUE);
	cr_expect_not(compact_isolate(&cc, &fx->meter));
	cr_expect_gt(fx->zone->compact.migrate[COMPACT_ASYNC], 4096);
	compact_end(&cc, &fx->meter);
	fixture_check(fx);
	free(u);
	fixture_free(fx);
}

/* __isolate_free_page(): who takes half a pageblock or more makes it Movable. */
Test(compaction_scan, a_pageblock_of_targets_becomes_movable)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = attach(fx);
	struct compact_control cc = { .zone = fx->zone, .order = 3, .mode = COMPACT_SYNC_LIGHT };

	fill(fx, 1024, 5120);
	cc.sources = cc.targets = (struct block_list){ LINK_NONE, LINK_NONE };
	set_pageblock_migratetype(fx->pa, 2048, U);
	set_pageblock_migratetype(fx->pa, 2560, U);
	for (pfn_t pfn = 2048; pfn < 2048 + 128; pfn++)
		give_buddy(fx, pfn, 0);
	for (pfn_t pfn = 2560; pfn < 2560 + 256; pfn++)
		give_buddy(fx, pfn, 0);
	for (pfn_t pfn = 4096; pfn < 4196; pfn += 2)
		give_buddy(fx, pfn, 0);
	page_alloc_vmstat_fold(fx->pa, 0);
	cr_assert(compact_take_free(&cc, 2048) && compact_take_free(&cc, 2560));
	cr_assert_eq(cc.nr_targets, 128 + 256);
	expect_type(fx, 2048, U);
	expect_type(fx, 2560, M);
	compact_end(&cc, &fx->meter);
	fixture_check(fx);
	free(u);
	fixture_free(fx);
}

/*
 * suitable_migration_target(): a pageblock that is free as a
 * whole is what compaction is for, not where it puts pages.
 */
Test(compaction_scan, a_whole_free_pageblock_is_no_target)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);
	struct compact_control cc;

	for (pfn_t pfn = 4609; pfn < 5120; pfn += 2)
		give_user(fx, u, pfn);
	pcp_drain_all(fx->pa, 0, &fx->meter);
	cr_assert_eq(fx->zone->area[9].nr_free, 1);
	compact_whole(fx, &cc);
	cr_expect_gt(u->moves, 0);
	for (uint32_t i = 0; i < min_u32(u->moves, 1024); i++)
		cr_assert_lt(u->to[i], 4608);
	free(u);
	fixture_free(fx);
}

/* isolate_freepages(): pageblocks without anything free are marked, and the next run begins below them. */
Test(compaction_scan, the_free_scanner_leaves_full_pageblocks_behind)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = attach(fx);
	struct compact_control cc = { .zone = fx->zone, .order = COMPACT_ALL, .mode = COMPACT_SYNC_LIGHT };

	fill(fx, 1024, 5120);
	use(fx, u, 1024, LRU_KIND_ANON);
	for (pfn_t pfn = 3600; pfn < 3700; pfn += 2)
		give_buddy(fx, pfn, 0);
	page_alloc_vmstat_fold(fx->pa, 0);
	cr_assert_eq(compact_begin(&cc), COMPACT_CONTINUE);
	compact_step(&cc, &fx->meter);
	cr_assert_eq(u->moves, 1);
	cr_expect(pageblock_skip(fx->pa, 4608) && pageblock_skip(fx->pa, 4096));
	cr_expect_eq(fx->zone->compact.free, 4096);
	compact_end(&cc, &fx->meter);
	free(u);
	fixture_free(fx);
}

/* Compaction in small zones made by hand, and at random against page_alloc_check(). */
#include "tests/mm/compaction_scene.h"

/*
 * Of a free block of two pageblocks the scanners see the head, and step over its pageblock; nothing in the other one says that it is free.
 * Eight such blocks, untouched, in the last pageblock of which the scanners meet.
 */
Test(compaction, untouched_memory_is_scanned_as_free_blocks_are)
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
Test(compaction, the_last_page_taken_moves_first_and_to_the_highest_target)
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

Test(compaction, of_pages_that_find_no_target_the_first_counts_as_failed)
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

Test(compaction, pages_on_no_list_move_too_when_their_user_says_so)
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

Test(compaction, what_is_costs_is_charged_under_the_locks_that_the_kernel_holds)
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

static enum mm_answer take_page(struct fixture *fx, gfp_t gfp, unsigned int order, pfn_t *pfn)
{
	struct page_request req = { .gfp = gfp, .node = -1, .order = (uint8_t)order };

	return page_alloc_take(fx->pa, &req, pfn, &fx->meter);
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

/* Four pages of a Reclaimable pageblock move away. rmqueue(), which counts PGALLOC, has no part in a block that was captured. */
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

/* Costly and NORETRY: what async compaction does not bring, is not worth reclaiming for when compaction could not run. */
Test(compaction, a_costly_request_that_would_not_wait_gives_up_when_the_zone_is_deferred)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);
	pfn_t pfn;

	compaction_defer(fx->zone, 9);
	cr_assert_eq(take_page(fx, GFP_HIGHUSER_MOVABLE | GFP_BIT_NORETRY, 9, &pfn), MM_FAILED);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_ALLOCSTALL_MOVABLE), 0);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_COMPACT_FAIL), 1);
	/* That attempt was the one to leave out; a request that may wait, reclaims. */
	for (pfn = 1025; pfn < 5120; pfn += 2)
		lru_del(fx->pa, pfn);
	memset(u->id, 0, sizeof(u->id));
	cr_assert_eq(take_page(fx, GFP_HIGHUSER_MOVABLE, 9, &pfn), MM_FAILED);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_ALLOCSTALL_MOVABLE), 1);
	free(u);
	fixture_free(fx);
}

/* Every 64th page belongs to a file: some reclaim succeeds, but brings no block. */
static void use_files(struct fixture *fx)
{
	for (pfn_t pfn = 1025; pfn < 5120; pfn += 64) {
		lru_del(fx->pa, pfn);
		lru_add(fx->pa, pfn, LRU_KIND_FILE);
	}
}

Test(compaction, sync_compaction_brings_what_async_compaction_does_not)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);
	pfn_t pfn;

	/* No pageblock is Movable, and async runs look for targets in such only. */
	for (pfn_t block = 1024; block < 5120; block += 512) {
		uint64_t in_use;

		buddy_move_pageblock(fx->zone, block, U, &in_use);
		set_pageblock_migratetype(fx->pa, block, U);
	}
	use_files(fx);
	cr_assert_eq(take_page(fx, GFP_KERNEL, 3, &pfn), MM_DONE);
	cr_assert_gt(u->gone, 0);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_COMPACT_STALL), 2);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_COMPACT_FAIL), 1);
	cr_assert_eq(u->last.migrated, u->moves);
	cr_assert_gt(u->moves, 0);
	fixture_check(fx);
	free(u);
	fixture_free(fx);
}

/* Direct reclaims of requests for whichever zone. */
static uint64_t stalls(const struct fixture *fx)
{
	uint64_t sum = 0;

	for (int zone = 0; zone < NR_ZONE_TYPES; zone++)
		sum += page_alloc_counter(fx->pa, (enum page_counter)(PC_ALLOCSTALL_DMA + zone));
	return sum;
}

/* Nothing can be moved: every other page is nobody's, and every 64th one of a file. */
static struct users *stuck(struct fixture *fx)
{
	struct users *u = fragmented(fx);

	use_files(fx);
	for (pfn_t pfn = 1025; pfn < 5120; pfn += 2) {
		if (pfn % 64 == 1)
			continue;
		lru_del(fx->pa, pfn);
		u->id[pfn] = 0;
	}
	return u;
}

Test(compaction, a_small_request_compacts_with_all_its_strength_before_it_fails)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = stuck(fx);
	pfn_t pfn;

	cr_assert_eq(take_page(fx, GFP_KERNEL, 3, &pfn), MM_FAILED);
	cr_assert_geq(page_alloc_counter(fx->pa, PC_COMPACT_STALL), 3, "async, sync, all of the zone");
	cr_assert_eq(page_alloc_counter(fx->pa, PC_COMPACT_SUCCESS), 0);
	cr_assert_eq(u->last.result, COMPACT_COMPLETE);
	fixture_check(fx);
	free(u);
	fixture_free(fx);
}

/* should_compact_retry(): MIN_COMPACT_COSTLY_PRIORITY. The strongest attempt would go through all of the zone. */
Test(compaction, a_costly_request_is_not_worth_the_strongest_attempt)
{
	for (unsigned int order = 3; order <= 4; order++) {
		struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
		struct users *u = stuck(fx);
		pfn_t pfn;

		cr_assert_eq(take_page(fx, GFP_KERNEL | GFP_BIT_RETRY_MAYFAIL, order, &pfn), MM_FAILED);
		cr_expect_eq(u->last.result == COMPACT_COMPLETE, order == 3, "order %u: %d", order, u->last.result);
		free(u);
		fixture_free(fx);
	}
}

/* Others are quicker: of each block that compaction makes they have the first page. */
struct robbed {
	struct users *users;
	struct fixture *fx;
	uint32_t nr;
};

static void robbed_moved(void *arg, pfn_t from, pfn_t to)
{
	moved(((struct robbed *)arg)->users, from, to);
}

static bool robbed_movable(void *arg, pfn_t pfn)
{
	return movable(((struct robbed *)arg)->users, pfn);
}

static void robbed_gone(void *arg, pfn_t pfn, bool swapped)
{
	gone(((struct robbed *)arg)->users, pfn, swapped);
}

static void rob(void *arg, const struct compact_episode *episode)
{
	struct robbed *r = arg;

	pfn_t pfn, end;

	for (unsigned int type = 0; type < MIGRATE_PCPTYPES; type++)
		while ((pfn = take_buddy(r->fx, (unsigned int)episode->order, type, 0)) != PFN_NONE)
			for (end = pfn + (1u << episode->order); ++pfn < end;)
				give_buddy(r->fx, pfn, 0);
	r->nr += episode->result == COMPACT_SUCCESS;
}

/* should_compact_retry(): a quarter of MAX_COMPACT_RETRIES. */
Test(compaction, a_costly_request_that_is_robbed_of_each_block_tries_4_times_more)
{
	struct fixture *fx = fixture_zone(1024, 13312, 7, 28);
	struct robbed r = { .users = attach(fx), .fx = fx };
	struct reclaim_hooks hooks = { .page_gone = robbed_gone, .page_moved = robbed_moved, .page_movable = robbed_movable,
		.compacted = rob, .arg = &r };
	pfn_t pfn;

	/* Below 7168 every second page can be moved; above is room for it, which files and nobody's pages keep in pieces. */
	page_alloc_set_hooks(fx->pa, &hooks);
	fill(fx, 1024, 13312);
	for (pfn = 1024; pfn < 7168; pfn += 2) {
		use(fx, r.users, pfn + 1, LRU_KIND_ANON);
		give_buddy(fx, pfn, 0);
	}
	for (pfn = 7168; pfn < 13312; pfn += 4) {
		use(fx, r.users, pfn, LRU_KIND_FILE);
		give_buddy(fx, pfn + 2, 0);
	}
	cr_assert_eq(take_page(fx, GFP_KERNEL | GFP_BIT_RETRY_MAYFAIL, 4, &pfn), MM_FAILED);
	cr_expect_eq(r.nr, 5, "%u", r.nr);
	fixture_check(fx);
	free(r.users);
	fixture_free(fx);
}

Test(compaction, who_may_not_start_io_does_not_reclaim_for_compaction)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = stuck(fx);
	pfn_t pfn;

	cr_assert_eq(take_page(fx, GFP_KERNEL & ~(gfp_t)(GFP_BIT_IO | GFP_BIT_FS), 3, &pfn), MM_FAILED);
	cr_expect_gt(u->gone, 0);
	cr_expect_eq(stalls(fx), 1);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_COMPACT_STALL), 0);
	free(u);
	fixture_free(fx);
}

/* compaction_zonelist_suitable(): twice the block above the watermark, of what is free or could be. */
Test(compaction, a_request_does_not_try_again_where_compaction_could_not_run)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = attach(fx);
	pfn_t pfn;

	fill(fx, 1024, 5120);
	for (pfn = 1024; pfn < 1024 + 12 * 64; pfn += 64)
		use(fx, u, pfn, LRU_KIND_FILE);
	cr_assert_eq(take_page(fx, GFP_KERNEL, 3, &pfn), MM_FAILED);
	cr_expect_eq(u->gone, 12);
	cr_expect_eq(stalls(fx), 1);
	free(u);
	fixture_free(fx);
}

/* compaction_ready() */
Test(compaction, a_costly_request_reclaims_nothing_where_compaction_has_what_it_needs)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = attach(fx);
	pfn_t pfn;

	fill(fx, 1024, 5120);
	for (pfn_t p = 1024; p < 5120; p += 2) {
		use(fx, u, p + 1, LRU_KIND_FILE);
		give_buddy(fx, p, 0);
	}
	cr_assert_eq(take_page(fx, GFP_KERNEL, 5, &pfn), MM_DONE);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_ALLOCSTALL_NORMAL), 1);
	cr_assert_eq(u->gone, 0);
	fixture_check(fx);
	free(u);
	fixture_free(fx);
}

/* should_reclaim_retry() ends with unreserve_highatomic_pageblock(); should_compact_retry() comes after it. */
Test(compaction, what_is_kept_for_atomic_requests_is_given_up_before_compaction_is_tried_again)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = attach(fx);
	uint64_t stalls;
	pfn_t pfn;

	fill(fx, 1024, 5120);
	for (pfn_t p = 1536; p < 5120; p += 2)
		use(fx, u, p, LRU_KIND_FILE);
	set_pageblock_migratetype(fx->pa, 1024, H);
	fx->zone->nr_reserved_highatomic = 512;
	for (pfn_t p = 1024; p < 1032; p++)
		give_buddy(fx, p, 0);
	stalls = page_alloc_counter(fx->pa, PC_ALLOCSTALL_NORMAL);
	cr_assert_eq(take_page(fx, GFP_KERNEL, 3, &pfn), MM_DONE);
	cr_assert_eq(pfn, 1024);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_ALLOCSTALL_NORMAL), stalls + 1);
	cr_assert_eq(fx->zone->nr_reserved_highatomic, 0);
	fixture_check(fx);
	free(u);
	fixture_free(fx);
}

Test(compaction, async_takes_whole_chunks_of_the_requested_order_or_nothing)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);
	struct compact_control cc = { .zone = fx->zone, .order = 3, .mt = M, .mode = COMPACT_ASYNC, .direct = true,
		.may_fs = false };

	/* 1025: cannot be moved; 1035: of a file, and the request may not enter file systems; so 1040 is the first chunk that can be had. */
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

/* test_and_set_skip() of 6.1 asks whether the page that it takes first is its pageblock's first, not where the scan began. */
Test(compaction, a_pageblock_is_marked_when_its_first_page_is_taken_or_none)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = attach(fx);
	struct compact_control cc = { .zone = fx->zone, .order = 3, .mt = M, .mode = COMPACT_SYNC_LIGHT, .may_fs = true };

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
Test(compaction, the_first_pageblock_of_memory_is_taken_whole)
{
	struct fixture *fx = fixture_zone(1, 4096, 7, 28);
	struct users *u = attach(fx);
	struct compact_control cc = { .zone = fx->zone, .order = 9, .search_order = 9, .mt = U, .mode = COMPACT_SYNC_LIGHT,
		.may_fs = true };

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
Test(compaction, a_search_without_success_goes_on_behind_it_the_next_time)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = attach(fx);
	struct compact_control cc = { .zone = fx->zone, .order = 1, .mt = M, .mode = COMPACT_SYNC_LIGHT, .direct = true };

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
Test(compaction, forgetting_skips_sets_the_free_scanner_on_the_last_page_of_a_pageblock)
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
Test(compaction, forgetting_skips_leaves_other_zones_alone)
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

/* __alloc_pages_slowpath() does not try costly requests again where they cannot compact. */
Test(compaction, a_costly_request_that_cannot_compact_reclaims_once)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = attach(fx);
	uint64_t stalls;
	pfn_t pfn;

	fill(fx, 1024, 5120);
	for (pfn_t p = 1056; p < 5120; p += 2)
		use(fx, u, p, LRU_KIND_FILE);
	for (pfn_t p = 1024; p < 1056; p++)
		give_buddy(fx, p, 0);
	/* A block is there, and enough to reclaim to be allowed to take it in the end. */
	for (unsigned int mark = WMARK_MIN; mark < NR_WMARKS; mark++)
		fx->zone->wmark[mark] = 1900;
	stalls = page_alloc_counter(fx->pa, PC_ALLOCSTALL_NORMAL);
	cr_assert_eq(take_page(fx, (GFP_KERNEL & ~GFP_BIT_IO) | GFP_BIT_RETRY_MAYFAIL, 5, &pfn), MM_FAILED);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_ALLOCSTALL_NORMAL), stalls + 1);
	fixture_check(fx);
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
	fx->zone->wmark[WMARK_LOW] = (uint32_t)((uint64_t)fx->zone->visible_free + zone_reclaimable(fx->zone) / 9) - 1024 - 1;
	cr_assert(compaction_zonelist_suitable(&ac, 0));
	fx->zone->visible_free -= 5;
	fx->zone->pcps[0].stat_diff = 5;
	cr_assert(compaction_zonelist_suitable(&ac, 0));
	fx->zone->pcps[0].stat_diff = 4;
	cr_assert_not(compaction_zonelist_suitable(&ac, 0));
	free(u);
	fixture_free(fx);
}

/* __alloc_pages_slowpath(): what is not Movable, or costly, compacts once before it reclaims; not who may use the reserves. */
Test(compaction, who_asks_decides_whether_it_compacts_before_it_reclaims)
{
	static const struct { gfp_t gfp; uint64_t stalls; } kinds[] = { { GFP_KERNEL, 2 }, { GFP_HIGHUSER_MOVABLE, 1 },
		{ GFP_KERNEL | GFP_BIT_MEMALLOC, 1 } };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
		struct users *u = fragmented(fx);
		pfn_t pfn;

		for (pfn = 1025; pfn < 5120; pfn += 2)
			lru_del(fx->pa, pfn);
		memset(u->id, 0, sizeof(u->id));
		cr_assert_eq(take_page(fx, kinds[i].gfp | GFP_BIT_NORETRY, 3, &pfn), MM_FAILED);
		cr_expect_eq(page_alloc_counter(fx->pa, PC_COMPACT_STALL), kinds[i].stalls, "kind %zu: %llu", i,
			(unsigned long long)page_alloc_counter(fx->pa, PC_COMPACT_STALL));
		free(u);
		fixture_free(fx);
	}
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

/* __reset_isolation_pfn(): free pages of a pageblock of another type are no targets; where nothing is found the scanners meet. */
Test(compaction, forgetting_skips_finds_targets_in_movable_pageblocks_alone)
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
Test(compaction, a_run_from_the_first_source_is_one_of_the_whole_zone)
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

/* __compact_finished(): a free block that the request may not steal does not end the run; and a pageblock is always gone through. */
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

/* compact_zone(), finish_pageblock: a pageblock of which a batch has been moved is gone through to its end next, and left behind. */
Test(compaction, the_second_batch_of_a_pageblock_is_all_of_the_rest)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);
	struct compact_control cc = { .zone = fx->zone, .order = 9, .mt = M, .mode = COMPACT_SYNC_LIGHT, .may_fs = true };

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

/* COMPACT_PRIO_SYNC_FULL: no marks keep it from any pageblock. */
Test(compaction, the_strongest_attempt_looks_at_marked_pageblocks)
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

/* suitable_migration_source(): a direct async run leaves pageblocks of other types alone, and does not look at them again. */
Test(compaction, async_takes_from_pageblocks_of_the_requests_type)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);
	struct compact_control cc = { .zone = fx->zone, .order = 3, .mt = U, .mode = COMPACT_ASYNC, .direct = true, .may_fs = true };

	cr_assert_eq(compact_begin(&cc), COMPACT_CONTINUE);
	cr_expect_not(compact_isolate(&cc, &fx->meter));
	cr_expect_gt(fx->zone->compact.migrate[COMPACT_ASYNC], 4096);
	compact_end(&cc, &fx->meter);
	fixture_check(fx);
	free(u);
	fixture_free(fx);
}

/* __isolate_free_page(): who takes half a pageblock or more makes it Movable. */
Test(compaction, a_pageblock_of_targets_becomes_movable)
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

/* suitable_migration_target(): a pageblock that is free as a whole is what compaction is for, not where it puts pages. */
Test(compaction, a_whole_free_pageblock_is_no_target)
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
Test(compaction, the_free_scanner_leaves_full_pageblocks_behind)
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

/* Of what is allocated and freed at random: where it is now. */
struct things {
	uint32_t nr;
	uint32_t next_id;
	struct users *users;
};

static pfn_t any_thing(const struct things *t, const struct page_alloc *pa, struct rng *rng)
{
	pfn_t start = rng_below(rng, pa->end_pfn);

	for (pfn_t i = 0; i < pa->end_pfn; i++) {
		pfn_t pfn = (start + i) % pa->end_pfn;

		if (t->users->id[pfn])
			return pfn;
	}
	return PFN_NONE;
}

static void random_operation(struct fixture *fx, struct things *t, struct rng *rng)
{
	static const unsigned int orders[] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 9 };
	unsigned int cpu = (unsigned int)rng_below(rng, fx->pa->nr_cpus);
	uint64_t dice = rng_below(rng, 100);
	bool mov = rng_below(rng, 3) > 0;
	pfn_t pfn;

	if (dice < 55) {
		struct page_request req = { .gfp = mov ? GFP_HIGHUSER_MOVABLE : GFP_KERNEL, .cpu = (uint16_t)cpu, .node = -1,
			.order = (uint8_t)orders[rng_below(rng, sizeof(orders) / sizeof(orders[0]))] };

		if (page_alloc_take(fx->pa, &req, &pfn, &fx->meter) != MM_DONE)
			return;
		cr_assert_eq(t->users->id[pfn], 0);
		t->users->id[pfn] = ++t->next_id;
		t->users->order[pfn] = req.order;
		t->nr++;
		if (mov && !req.order && rng_below(rng, 4))
			lru_add(fx->pa, pfn, (enum lru_kind)(1 + rng_below(rng, 2)));
	} else if (dice < 90) {
		pfn = any_thing(t, fx->pa, rng);
		if (pfn == PFN_NONE)
			return;
		page_alloc_give(fx->pa, pfn, t->users->order[pfn], cpu, &fx->meter);
		t->users->id[pfn] = t->users->order[pfn] = 0;
		t->nr--;
	} else if (dice < 97) {
		uint32_t node = (uint32_t)rng_below(rng, fx->pa->nr_nodes);

		if (rng_below(rng, 8) == 0)
			kcompactd_wake(fx->pa, node, 4 + (unsigned int)rng_below(rng, 6), ZONE_NORMAL);
		if (kcompactd_wanted(fx->pa, node) || proactive_wanted(fx->pa, node) || fx->pa->kcompactd[node].running)
			kcompactd_step(fx->pa, node, cpu, &fx->meter);
	} else if (dice < 99) {
		struct alloc_context ac;
		enum compact_result result;

		context(fx, &ac, mov ? GFP_HIGHUSER_MOVABLE : GFP_KERNEL, 2 + (unsigned int)rng_below(rng, 8));
		pfn = direct_compact(fx->pa, &ac, WMARK_MIN, (enum compact_priority)rng_below(rng, 3), &result, &fx->meter);
		if (pfn != PFN_NONE) {
			page_hand_out(fx->pa, pfn, ac.order, mov);
			page_alloc_give(fx->pa, pfn, ac.order, 0, &fx->meter);
		}
	} else {
		pcp_drain_all(fx->pa, 0, &fx->meter);
	}
}

static void run_random(struct fixture *fx, uint64_t seed)
{
	struct things t = { .users = attach(fx) };
	uint32_t found = 0;
	struct rng rng;

	fx->pa->mobility_off = false;
	rng_init(&rng, seed, "compaction");
	for (unsigned int i = 0; i < 12000; i++) {
		random_operation(fx, &t, &rng);
		if (i % 8 == 0)
			fixture_check(fx);
	}
	for (uint32_t node = 0; node < fx->pa->nr_nodes; node++)
		while (fx->pa->kcompactd[node].running && kcompactd_step(fx->pa, node, 0, &fx->meter) == KCOMPACTD_MORE)
			;
	/* Nothing is lost, nothing is there twice. */
	for (pfn_t pfn = 0; pfn < fx->pa->end_pfn; pfn++) {
		if (!t.users->id[pfn])
			continue;
		found++;
		cr_assert(page_alloc_allocated(fx->pa, pfn, t.users->order[pfn]));
		page_alloc_give(fx->pa, pfn, t.users->order[pfn], 0, &fx->meter);
	}
	cr_assert_eq(found + t.users->gone, t.nr, "seed %llu: %u things, %u reclaimed, %u found", (unsigned long long)seed,
		t.nr, t.users->gone, found);
	cr_assert_gt(t.users->moves, 100);
	pcp_drain_all(fx->pa, 0, &fx->meter);
	fixture_check(fx);
	for (uint32_t i = 0; i < fx->pa->nr_zones; i++)
		cr_assert_eq(zone_free_pages(&fx->pa->zones[i]), fx->pa->zones[i].managed, "seed %llu",
			(unsigned long long)seed);
	free(t.users);
	fixture_free(fx);
}

Test(compaction, nothing_is_lost_in_one_zone_whatever_happens)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct fixture *fx = fixture_new();

		fixture_add_ram(fx, 1000, 5000, 0);
		fixture_reserve(fx, 2000, 2100);
		fixture_boot(fx);
		run_random(fx, seed);
	}
}

Test(compaction, nothing_is_lost_on_two_nodes_whatever_happens)
{
	for (uint64_t seed = 11; seed <= 13; seed++) {
		struct fixture *fx = fixture_new();

		fx->machine.cpus = 3;
		fx->machine.nr_nodes = 2;
		fx->machine.node_of_cpu[2] = 1;
		fx->machine.distance[0][1] = fx->machine.distance[1][0] = 20;
		fx->machine.distance[1][1] = 10;
		fx->machine.zones.dma_end = 1024 << 12;
		fixture_add_ram(fx, 1, 4096, 0);
		fixture_add_ram(fx, 4096, 8192, 1);
		fixture_boot(fx);
		run_random(fx, seed);
	}
}

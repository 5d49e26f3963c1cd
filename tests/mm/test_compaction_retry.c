/* The slow path with compaction: which requests compact, before or after they reclaim, how hard, and when again. */
#include "tests/mm/compaction_scene.h"

/*
 * Costly and NORETRY: what async compaction does not bring,
 * is not worth reclaiming for when compaction could not run.
 */
Test(compaction_retry, a_costly_request_that_would_not_wait_gives_up_when_the_zone_is_deferred)
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

Test(compaction_retry, sync_compaction_brings_what_async_compaction_does_not)
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

Test(compaction_retry, a_small_request_compacts_with_all_its_strength_before_it_fails)
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
Test(compaction_retry, a_costly_request_is_not_worth_the_strongest_attempt)
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
Test(compaction_retry, a_costly_request_that_is_robbed_of_each_block_tries_4_times_more)
{
	struct fixture *fx = fixture_zone(1024, 13312, 7, 28);
	struct robbed r = { .users = attach(fx), .fx = fx };
	struct reclaim_hooks hooks = {
		.page_gone = robbed_gone,
		.page_moved = robbed_moved,
		.page_movable = robbed_movable,
		.compacted = rob,
		.arg = &r,
	};
	pfn_t pfn;

	/*
	 * Below 7168 every second page can be moved; above is room
	 * for it, which files and nobody's pages keep in pieces.
	 */
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

Test(compaction_retry, who_may_not_start_io_does_not_reclaim_for_compaction)
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
Test(compaction_retry, a_request_does_not_try_again_where_compaction_could_not_run)
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
Test(compaction_retry, a_costly_request_reclaims_nothing_where_compaction_has_what_it_needs)
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
Test(compaction_retry, what_is_kept_for_atomic_requests_is_given_up_before_compaction_is_tried_again)
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

/* __alloc_pages_slowpath() does not try costly requests again where they cannot compact. */
Test(compaction_retry, a_costly_request_that_cannot_compact_reclaims_once)
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

/*
 * __alloc_pages_slowpath(): what is not Movable, or costly,
 * compacts once before it reclaims; not who may use the reserves.
 */
Test(compaction_retry, who_asks_decides_whether_it_compacts_before_it_reclaims)
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

/* LRU lists, direct reclaim and shrinkers on a small zone, with a run that only counts. */
#include "tests/mm/reclaim_scene.h"

Test(reclaim, pages_leave_their_list_with_their_last_user)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	pfn_t a = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0), b = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0);

	lru_add(fx->pa, a, LRU_KIND_FILE);
	lru_add(fx->pa, a, LRU_KIND_FILE);
	lru_add(fx->pa, b, LRU_KIND_ANON);
	cr_expect_eq(lru_pages(fx->pa, 0, LRU_INACTIVE_FILE), 1);
	cr_expect_eq(lru_pages(fx->pa, 0, LRU_INACTIVE_ANON), 1);
	check(fx);
	page_alloc_give(fx->pa, a, 0, 0, &fx->meter);
	cr_expect_eq(lru_pages(fx->pa, 0, LRU_INACTIVE_FILE), 0);
	check(fx);
	page_alloc_give(fx->pa, b, 0, 0, &fx->meter);
	check(fx);
	fixture_free(fx);
}

/* Without swap an anonymous page gives no hope. */
Test(reclaim, a_zone_without_reclaimable_pages_is_not_given_up_while_it_has_free_ones)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	pfn_t anon = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0), file = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0);
	const struct zone *zone = &fx->pa->zones[0];

	cr_assert_gt(zone->visible_free, 1);
	lru_add(fx->pa, anon, LRU_KIND_ANON);
	cr_expect_eq(zone_reclaimable(zone), (uint64_t)zone->visible_free);
	fx->zone->pcps[0].stat_diff = 3; /* zone_page_state_snapshot(): of all CPUs */
	cr_expect_eq(zone_reclaimable(zone), (uint64_t)zone->visible_free + 3);
	lru_add(fx->pa, file, LRU_KIND_FILE);
	cr_expect_eq(zone_reclaimable(zone), 1);
	fixture_free(fx);
}

/* A page that is used twice before it reaches a list begins on the active one; workingset_activation() counts it. */
Test(reclaim, a_page_can_begin_active)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	pfn_t file = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0), anon = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0);
	uint64_t age = lru_age(fx->pa, 0);

	lru_add_active(fx->pa, file, LRU_KIND_FILE);
	lru_add_active(fx->pa, anon, LRU_KIND_ANON);
	lru_add_active(fx->pa, file, LRU_KIND_FILE);
	cr_expect_eq(lru_list_of(fx->pa, file), LRU_ACTIVE_FILE);
	cr_expect_eq(lru_list_of(fx->pa, anon), LRU_ACTIVE_ANON);
	cr_expect_eq(lru_pages(fx->pa, 0, LRU_ACTIVE_FILE), 1);
	cr_expect_eq(lru_age(fx->pa, 0), age + 2);
	check(fx);
	fixture_free(fx);
}

/* Pages of a saved state are older than what is there, and the later ones older than the earlier ones. */
Test(reclaim, a_page_that_is_laid_is_the_oldest_of_its_list)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	pfn_t known = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0), first = take_gfp(fx, GFP_KERNEL, 0), last = take_gfp(fx, GFP_KERNEL, 0);
	const struct reclaim_node *node = &fx->pa->reclaim[0];

	lru_add(fx->pa, known, LRU_KIND_FILE);
	cr_assert(lru_lay(fx->pa, first, LRU_INACTIVE_FILE));
	cr_assert(lru_lay(fx->pa, last, LRU_INACTIVE_FILE));
	cr_expect_not(lru_lay(fx->pa, last, LRU_ACTIVE_ANON), "it is on a list");
	cr_expect_eq(node->lru[LRU_INACTIVE_FILE].head, known);
	cr_expect_eq(node->lru[LRU_INACTIVE_FILE].tail, last);
	cr_expect_eq(lru_list_of(fx->pa, first), LRU_INACTIVE_FILE);
	cr_expect(page_alloc_movable(fx->pa, first), "pages on LRU lists were asked for as Movable");
	cr_expect_eq(lru_zone_pages(fx->pa, 0, LRU_INACTIVE_FILE), 3);
	check(fx);
	page_alloc_give(fx->pa, last, 0, 0, &fx->meter);
	cr_expect_not(lru_lay(fx->pa, last, LRU_INACTIVE_FILE), "it is free");
	cr_expect_eq(node->lru[LRU_INACTIVE_FILE].tail, first);
	check(fx);
	fixture_free(fx);
}

/* A page that the state counts on an active list has been there: neither the age nor a counter moves. */
Test(reclaim, a_page_of_a_saved_state_can_have_been_active)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	pfn_t anon = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0), none = take_gfp(fx, GFP_KERNEL, 0);

	lru_add(fx->pa, anon, LRU_KIND_ANON);
	lru_lay_active(fx->pa, anon);
	lru_lay_active(fx->pa, anon);
	lru_lay_active(fx->pa, none);
	cr_expect_eq(lru_list_of(fx->pa, anon), LRU_ACTIVE_ANON);
	cr_expect_eq(lru_list_of(fx->pa, none), NR_LRU_LISTS);
	cr_expect_eq(lru_age(fx->pa, 0), 0);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_PGACTIVATE), 0);
	check(fx);
	fixture_free(fx);
}

Test(reclaim, swap_of_a_saved_state_is_there_and_as_full_as_it_was)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);

	page_alloc_swap_load(fx->pa, 100, 40);
	cr_expect(can_reclaim_anon(fx->pa));
	page_alloc_swap_load(fx->pa, 60, 0);
	cr_expect_eq(fx->pa->swap_pages, 100, "the larger one counts");
	cr_expect_eq(fx->pa->swap_used, 40);
	page_alloc_swap_load(fx->pa, 0, 1000);
	cr_expect_eq(fx->pa->swap_used, 100, "there is no more");
	cr_expect_not(can_reclaim_anon(fx->pa));
	fixture_free(fx);
}

Test(reclaim, a_request_takes_the_oldest_file_pages_and_is_served)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];
	uint32_t nr;

	hook(fx, &told);
	nr = fill(fx, LRU_KIND_FILE, pfns, 4096);
	cr_assert_gt(nr, 1000);
	cr_assert_eq(told.nr_gone, 0, "GFP_NOWAIT reclaims nothing itself");
	cr_assert_neq(take_gfp(fx, GFP_KERNEL, 0), PFN_NONE);
	cr_assert_geq(told.nr_gone, 32, "SWAP_CLUSTER_MAX");
	for (uint32_t i = 0; i < told.nr_gone; i++)
		cr_assert(has(told.gone, told.nr_gone, pfns[i]), "page %u", i);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_PGSTEAL_DIRECT), told.nr_gone);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_ALLOCSTALL_NORMAL) + page_alloc_counter(fx->pa, PC_ALLOCSTALL_DMA32), 1);
	check(fx);
	fixture_free(fx);
}

Test(reclaim, anonymous_pages_stay_without_swap_and_the_request_fails_when_nobody_can_be_killed)
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

/* do_try_to_free_pages() counts a stall each time that it begins, also when it begins again with force_deactivate. */
Test(reclaim, looking_at_active_pages_after_all_is_another_stall)
{
	static struct told told;
	struct fixture *fx = old_pages_above_active_ones(&told);

	cr_assert_neq(take_gfp(fx, GFP_KERNEL | GFP_BIT_DMA | GFP_BIT_NORETRY, 0), PFN_NONE);
	cr_assert_geq(told.nr_gone, 32);
	cr_expect_eq(page_zone(fx->pa, told.gone[0])->type, ZONE_DMA);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_ALLOCSTALL_DMA), 2);
	check(fx);
	fixture_free(fx);
}

/* should_reclaim_retry() does not ask whether the last attempt brought anything: up to MAX_RECLAIM_RETRIES in a row need not. */
Test(reclaim, a_request_tries_16_times_more_without_progress_before_anybody_is_killed)
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
Test(reclaim, nobody_is_killed_for_pages_that_only_a_boost_keeps)
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

/* The zone is one of memory below 4 GiB, so that requests for such memory are served by it, too. */
static struct fixture *zone_dma32(struct told *told, enum lru_kind kind)
{
	static pfn_t pfns[4096];
	struct fixture *fx = fixture_new();

	fx->machine.zones.dma32_end = 1ull << 32;
	fixture_add_ram(fx, 1024, 3072, 0);
	fixture_boot(fx);
	fx->pa->mobility_off = false;
	fx->zone->pcp_high = 378;
	fx->zone->stat_threshold = 0;
	hook(fx, told);
	cr_assert_eq(fx->zone->type, ZONE_DMA32);
	fill(fx, kind, pfns, 4096);
	return fx;
}

/* __alloc_pages_may_oom(): not for what would not be helped, and not for who can do without. */
Test(reclaim, who_asks_decides_whether_somebody_is_killed)
{
	static const struct { gfp_t gfp; uint8_t order; uint32_t kills; } kinds[] = {
		{ GFP_KERNEL, 0, 1 }, { GFP_KERNEL, 3, 1 }, { GFP_KERNEL, 4, 0 }, { GFP_KERNEL | GFP_BIT_RETRY_MAYFAIL, 0, 0 },
		{ GFP_KERNEL | GFP_BIT_THISNODE, 0, 0 }, { GFP_KERNEL | GFP_BIT_DMA32, 0, 0 }, { GFP_KERNEL | GFP_BIT_NORETRY, 0, 0 },
		{ GFP_NOWAIT, 0, 0 },
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

/* With __GFP_NOFAIL the marks do not count once nobody can be killed; who may not kill for it has half of the min mark (64 pages). */
Test(reclaim, a_request_that_may_not_fail_has_the_reserves)
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
 * should_reclaim_retry(): what is reclaimed for a costly order is no progress, so after 16 retries it is over, with thousands of
 * pages left that would lift the zone over its mark; a lower order goes on until it has its block.
 */
Test(reclaim, a_costly_request_is_tried_again_16_times_and_others_while_there_is_progress)
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
		fx->machine.page_allocator.compaction = order == 4; /* else it is not tried again, or reclaims all in one go */
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

Test(reclaim, without_hooks_nothing_is_taken_back)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static pfn_t pfns[4096];
	uint32_t nr = fill(fx, LRU_KIND_FILE, pfns, 4096);

	cr_assert_eq(take_gfp(fx, GFP_KERNEL, 0), PFN_NONE);
	cr_expect_eq(lru_pages(fx->pa, 0, LRU_INACTIVE_FILE), nr);
	cr_expect_not(kswapd_wanted(fx->pa, 0));
	fixture_free(fx);
}

/* The shrinker of sysfs as D-pressure has recorded it (mm_shrink_slab_start and _end): 3838 entries, none of any worth. */
Test(reclaim, entries_that_cost_nothing_are_asked_for_by_halves_and_what_is_no_batch_is_put_off)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	struct scan_control sc = { .highest = ZONE_NORMAL, .kswapd = true, .may_fs = true, .nr_to_reclaim = 1, .meter = &fx->meter };
	const uint64_t *deferred = fx->pa->reclaim[0].deferred_objects;

	hook(fx, &told);
	fx->pa->hooks.shrinkers = shrinkers;
	fx->pa->hooks.nr_shrinkers = 1;
	told.objects = 3838;
	for (sc.priority = 12; sc.priority >= 11; sc.priority--) {
		shrink_node(fx->pa, 0, &sc);
		cr_expect_eq(deferred[0], sc.priority == 12 ? 895 : 1278, "priority %d: %llu", sc.priority,
			(unsigned long long)deferred[0]);
	}
	cr_expect_eq(told.nr_scans, 2);
	cr_expect(told.scanned[0] == 1024 && told.scanned[1] == 1024);
	for (int i = 0; i < 4; i++)
		shrink_node(fx->pa, 0, &sc);
	cr_expect_eq(told.nr_scans, 2, "896 of 1790 are no batch");
	cr_expect_eq(deferred[0], 3580, "twice what there is, and no more");
	sc.priority = 1;
	shrink_node(fx->pa, 0, &sc);
	cr_expect_eq(told.objects, 0, "at the end what was put off counts");
	fixture_free(fx);
}

/* The kernel has dozens that are only asked; the model's number of them must not decide. */
Test(reclaim, a_pass_over_all_shrinkers_has_one_price)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	struct scan_control sc = { .highest = ZONE_NORMAL, .nr_to_reclaim = 1, .priority = 12, .meter = &fx->meter };
	uint64_t before_ns;

	hook(fx, &told);
	fx->pa->hooks.shrinkers = shrinkers;
	fx->machine.latency.step_ns[STEP_SHRINKER] = 1000;
	for (uint32_t nr = 0; nr <= 2; nr++) {
		fx->pa->hooks.nr_shrinkers = nr;
		before_ns = fx->meter.ns;
		shrink_node(fx->pa, 0, &sc);
		cr_expect_eq((fx->meter.ns - before_ns) / 1000, 1, "%u shrinkers: %llu ns", nr, (unsigned long long)(fx->meter.ns - before_ns));
	}
	fixture_free(fx);
}

Test(reclaim, objects_of_a_disk_are_scanned_as_the_lists_are_and_only_by_who_may_enter_file_systems)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	struct scan_control sc = { .highest = ZONE_NORMAL, .nr_to_reclaim = 1, .priority = 4, .meter = &fx->meter };

	hook(fx, &told);
	fx->pa->hooks.shrinkers = &shrinkers[1];
	fx->pa->hooks.nr_shrinkers = 1;
	told.objects = 2048;
	shrink_node(fx->pa, 0, &sc);
	cr_expect(told.nr_scans == 2 && told.scanned[0] == 128, "2048 >> 4, times 4 / 2 seeks: 256");
	fx->pa->hooks.shrinkers = &shrinkers[0];
	told.nr_scans = 0;
	told.objects = 4096;
	sc.priority = 1;
	shrink_node(fx->pa, 0, &sc);
	cr_expect_eq(told.nr_scans, 0, "without __GFP_FS");
	cr_expect_gt(fx->pa->reclaim[0].deferred_objects[0], 0, "somebody else will");
	sc.may_fs = true;
	shrink_node(fx->pa, 0, &sc);
	cr_expect_gt(told.nr_scans, 0, "who may does");
	fixture_free(fx);
}

/* do_shrink_slab(): a cache with less than a batch is scanned when all of it is due, and never more than twice what there is. */
Test(reclaim, a_small_cache_is_scanned_when_all_of_it_is_due)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	struct scan_control sc = { .highest = ZONE_NORMAL, .nr_to_reclaim = 1, .priority = 2, .meter = &fx->meter };

	hook(fx, &told);
	fx->pa->hooks.shrinkers = &shrinkers[1];
	fx->pa->hooks.nr_shrinkers = 1;
	told.objects = 100;
	shrink_node(fx->pa, 0, &sc);
	cr_expect_eq(told.nr_scans, 0, "50 of 100, and no batch");
	sc.priority = 1;
	shrink_node(fx->pa, 0, &sc);
	cr_expect(told.nr_scans == 1 && told.scanned[0] == 125, "half of the 50, and 100: %u", told.nr_scans);
	told.nr_scans = 0;
	told.objects = 100;
	sc.priority = 0;
	fx->pa->reclaim[0].deferred_objects[0] = 100000;
	shrink_node(fx->pa, 0, &sc);
	cr_expect(told.nr_scans == 1 && told.scanned[0] == 128, "200 are due, of which a batch is asked for: %u", told.nr_scans);
	cr_expect_eq(fx->pa->reclaim[0].deferred_objects[0], 200);
	fixture_free(fx);
}

/* __GFP_IO and __GFP_FS: no page is written to swap, and no shrinker of file systems asked, for who may not. */
Test(reclaim, a_request_reclaims_only_what_its_mask_allows)
{
	static const gfp_t masks[] = { GFP_KERNEL & ~(GFP_BIT_IO | GFP_BIT_FS), GFP_KERNEL & ~GFP_BIT_FS, GFP_KERNEL };

	for (int i = 0; i < 3; i++) {
		static struct told told;
		struct fixture *fx = zone_dma32(&told, LRU_KIND_ANON);
		bool io = masks[i] & GFP_BIT_IO, fs = masks[i] & GFP_BIT_FS;

		page_alloc_swap_add(fx->pa, 16384);
		fx->pa->hooks.shrinkers = &shrinkers[0];
		fx->pa->hooks.nr_shrinkers = 1;
		told.objects = 4096;
		cr_expect_eq(take_gfp(fx, masks[i], 0) != PFN_NONE, io);
		cr_expect_eq(page_alloc_counter(fx->pa, PC_PSWPOUT) > 0, io);
		cr_expect_eq(told.nr_scans > 0, fs, "mask %d: %u", i, told.nr_scans);
		check(fx);
		fixture_free(fx);
	}
}

/* Who reads files knows more than the distance tells. */
Test(reclaim, page_that_comes_back_is_active_or_not_where_that_is_known)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	pfn_t page[3], heap;

	hook(fx, &told);
	for (unsigned int i = 0; i < 3; i++) {
		page[i] = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0);
		lru_add(fx->pa, page[i], LRU_KIND_FILE);
	}
	heap = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0);
	lru_add(fx->pa, heap, LRU_KIND_ANON);
	fx->pa->reclaim[0].nonresident_age = 1000;
	lru_refault(fx->pa, page[0], 0, LRU_RETURN_ACTIVE);
	cr_expect_eq(lru_list_of(fx->pa, page[0]), LRU_ACTIVE_FILE, "although it was away for long");
	lru_refault(fx->pa, page[1], lru_shadow(fx->pa, page[1]), LRU_RETURN_INACTIVE);
	cr_expect_eq(lru_list_of(fx->pa, page[1]), LRU_INACTIVE_FILE);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_WORKINGSET_REFAULT_FILE), 2);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_WORKINGSET_ACTIVATE_FILE), 1);
	lru_activate(fx->pa, page[2]);
	lru_activate(fx->pa, page[2]);
	lru_activate(fx->pa, heap);
	cr_expect_eq(lru_list_of(fx->pa, page[2]), LRU_ACTIVE_FILE);
	cr_expect_eq(lru_list_of(fx->pa, heap), LRU_ACTIVE_ANON);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_PGACTIVATE), 2, "each once");
	cr_expect_eq(lru_age(fx->pa, 0), 1003);
	check(fx);
	fixture_free(fx);
}

Test(reclaim, pages_of_zones_that_are_of_no_use_are_neither_scanned_nor_taken)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];
	struct scan_control sc = { .highest = ZONE_DMA, .kswapd = true, .nr_to_reclaim = 64, .meter = &fx->meter };

	hook(fx, &told);
	cr_assert_gt(fx->zone->type, ZONE_DMA);
	cr_assert_gt(fill(fx, LRU_KIND_FILE, pfns, 4096), 1000);
	shrink_node(fx->pa, 0, &sc);
	cr_expect_eq(sc.scanned, 0);
	cr_expect_eq(told.nr_gone, 0);
	sc.highest = fx->zone->type;
	shrink_node(fx->pa, 0, &sc);
	cr_expect_geq(sc.reclaimed, 64);
	check(fx);
	fixture_free(fx);
}

/* One batch of the inactive file pages: 59 of 1900 are asked for, and 32 are enough. */
static void shrink_a_batch(struct fixture *fx)
{
	struct scan_control sc = { .highest = ZONE_NORMAL, .kswapd = true, .nr_to_reclaim = 1, .priority = 5, .meter = &fx->meter };

	shrink_node(fx->pa, 0, &sc);
	cr_assert_eq(sc.scanned, SWAP_CLUSTER_MAX);
}

/*
 * __alloc_pages_direct_reclaim(): pages that were reclaimed wait on the CPU's list, where they do not count as free. It is drained after
 * each attempt, so that no more are reclaimed than the zone is short of, and a batch.
 */
Test(reclaim, what_a_request_reclaims_is_drained_after_each_attempt)
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

/* free_unref_page_list(): so the list that the next requests take from begins with the oldest. */
Test(reclaim, a_batch_is_freed_from_its_youngest_page)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];

	hook(fx, &told);
	fill(fx, LRU_KIND_FILE, pfns, 4096);
	shrink_a_batch(fx);
	cr_assert_eq(told.nr_gone, SWAP_CLUSTER_MAX);
	for (uint32_t i = 0; i < told.nr_gone; i++)
		cr_expect_eq(told.gone[i], pfns[SWAP_CLUSTER_MAX - 1 - i], "page %u", i);
	fixture_free(fx);
}

static bool used_again(void *arg, pfn_t pfn, enum page_past past)
{
	(void)arg, (void)pfn;
	return past == PAGE_WAS_USED;
}

/* folio_check_references(): kept once, then active if it has been used again, else reclaimed. */
Test(reclaim, a_page_that_was_used_is_kept_and_one_that_is_used_again_becomes_active)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];
	struct scan_control all = { .highest = ZONE_NORMAL, .kswapd = true, .nr_to_reclaim = UINT64_MAX, .meter = &fx->meter };
	uint32_t nr;

	hook(fx, &told);
	nr = fill(fx, LRU_KIND_FILE, pfns, 4096);
	lru_use(fx->pa, pfns[0]);
	lru_use(fx->pa, pfns[7]);
	shrink_a_batch(fx);
	cr_assert_eq(told.nr_gone, SWAP_CLUSTER_MAX - 2);
	cr_expect_not(has(told.gone, told.nr_gone, pfns[0]) || has(told.gone, told.nr_gone, pfns[7]));
	cr_expect_eq(lru_pages(fx->pa, 0, LRU_INACTIVE_FILE), nr - told.nr_gone, "they are still inactive");
	lru_use(fx->pa, pfns[7]);
	shrink_node(fx->pa, 0, &all);
	cr_expect_eq(told.nr_gone, nr - 1, "nobody has used the first one again");
	cr_expect_eq(page_alloc_counter(fx->pa, PC_PGACTIVATE), 1);
	cr_expect_eq(lru_age(fx->pa, 0), nr, "by each that has gone or become active");
	check(fx);
	fixture_free(fx);
}

Test(reclaim, the_run_is_asked_whether_a_page_was_used_again)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];

	hook(fx, &told);
	fx->pa->hooks.page_used = used_again;
	fill(fx, LRU_KIND_FILE, pfns, 4096);
	lru_use(fx->pa, pfns[0]);
	shrink_a_batch(fx);
	cr_expect_eq(told.nr_gone, SWAP_CLUSTER_MAX - 1, "the others have never been used");
	lru_rotate(fx->pa, pfns[0]);
	shrink_a_batch(fx);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_PGACTIVATE), 1);
	fixture_free(fx);
}

static bool reused_all(void *arg, pfn_t pfn)
{
	(void)arg, (void)pfn;
	return true;
}

/* What has been active has been used a second time: only what came and was never found used is asked about. */
Test(reclaim, the_run_is_asked_for_a_second_use_of_new_pages_alone)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];

	hook(fx, &told);
	fx->pa->hooks.page_reused = reused_all;
	fill(fx, LRU_KIND_FILE, pfns, 4096);
	for (uint32_t i = 0; i < SWAP_CLUSTER_MAX; i += 2)
		page_at(fx->pa, pfns[i])->mt |= LRU_WORKINGSET;
	shrink_a_batch(fx);
	cr_expect_eq(told.nr_gone, SWAP_CLUSTER_MAX / 2);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_PGACTIVATE), SWAP_CLUSTER_MAX / 2);
	fixture_free(fx);
}

/* PG_workingset stays with a page that is kept: its refault will be one of the working set. */
Test(reclaim, a_page_that_was_active_and_is_kept_is_still_of_the_working_set)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];

	hook(fx, &told);
	fill(fx, LRU_KIND_FILE, pfns, 4096);
	page_at(fx->pa, pfns[0])->mt |= LRU_WORKINGSET;
	lru_use(fx->pa, pfns[0]);
	shrink_a_batch(fx);
	cr_assert_eq(lru_list_of(fx->pa, pfns[0]), LRU_INACTIVE_FILE);
	cr_expect_eq(lru_shadow(fx->pa, pfns[0]) & 1, 1);
	fixture_free(fx);
}

static bool used_unless_active(void *arg, pfn_t pfn, enum page_past past)
{
	(void)arg, (void)pfn;
	return past != PAGE_WAS_ACTIVE;
}

/* shrink_active_list() clears the accessed bits: the run is told, and answers for the time since then. */
Test(reclaim, a_page_that_has_been_active_goes_unless_it_is_used_anew)
{
	struct scan_control all = { .highest = ZONE_NORMAL, .kswapd = true, .nr_to_reclaim = UINT64_MAX };
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];
	uint32_t nr;

	hook(fx, &told);
	all.meter = &fx->meter;
	fx->pa->hooks.page_used = used_unless_active;
	nr = fill(fx, LRU_KIND_FILE, pfns, 4096);
	lru_activate(fx->pa, pfns[0]);
	lru_activate(fx->pa, pfns[1]);
	for (int i = 0; i < 4; i++)
		shrink_node(fx->pa, 0, &all);
	cr_assert_geq(page_alloc_counter(fx->pa, PC_PGDEACTIVATE), nr, "each of them was active");
	cr_expect_eq(lru_pages(fx->pa, 0, LRU_INACTIVE_FILE) + lru_pages(fx->pa, 0, LRU_ACTIVE_FILE) + told.nr_gone, nr);
	cr_expect_gt(told.nr_gone, 0);
	check(fx);
	fixture_free(fx);
}

/* pageout(): a page is written, comes back to the end of its list, and goes when it is looked at next. */
Test(reclaim, anonymous_pages_are_written_before_they_go_and_their_swap_ends_with_them)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];
	struct scan_control sc = { .highest = ZONE_NORMAL, .kswapd = true, .may_swap = true, .nr_to_reclaim = 1, .priority = 5,
		.meter = &fx->meter };

	hook(fx, &told);
	page_alloc_swap_add(fx->pa, 16384);
	cr_assert_gt(fill(fx, LRU_KIND_ANON, pfns, 4096), 1024);
	shrink_node(fx->pa, 0, &sc);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_PSWPOUT), SWAP_CLUSTER_MAX, "the first batch");
	cr_expect(told.nr_gone > 0 && told.nr_gone < SWAP_CLUSTER_MAX, "the rest of the pass: %u", told.nr_gone);
	cr_expect_eq(told.nr_swapped, told.nr_gone);
	for (uint32_t i = 0; i < told.nr_gone; i++)
		cr_expect(has(pfns, SWAP_CLUSTER_MAX, told.gone[i]), "page %u has been written", i);
	cr_expect_eq(fx->pa->swap_used, SWAP_CLUSTER_MAX);
	for (uint32_t i = 0; i < SWAP_CLUSTER_MAX; i++)
		if (!has(told.gone, told.nr_gone, pfns[i]))
			page_alloc_give(fx->pa, pfns[i], 0, 0, &fx->meter);
	cr_expect_eq(fx->pa->swap_used, told.nr_gone, "of pages that are freed nothing is left in swap");
	check(fx);
	fixture_free(fx);
}

Test(reclaim, a_page_that_is_in_swap_and_cannot_be_is_reported)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	pfn_t file = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0), anon = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0);
	struct err err = { 0 };

	lru_add(fx->pa, file, LRU_KIND_FILE);
	lru_add(fx->pa, anon, LRU_KIND_ANON);
	check(fx);
	page_at(fx->pa, anon)->mt |= LRU_WRITTEN;
	cr_assert_eq(page_alloc_check(fx->pa, &err), -(int)ERR_INVARIANT, "swap has no page");
	fx->pa->swap_used = 2;
	check(fx);
	page_at(fx->pa, file)->mt |= LRU_WRITTEN;
	cr_assert_eq(page_alloc_check(fx->pa, &err), -(int)ERR_INVARIANT, "a file page");
	fixture_free(fx);
}

/* A file page of that zone, active or not. */
static bool add_file_page(struct fixture *fx, enum machine_zone zone, bool active)
{
	pfn_t pfn = take_gfp(fx, GFP_NOWAIT | GFP_BIT_MOVABLE | (zone == ZONE_DMA32 ? GFP_BIT_DMA32 : 0), 0);

	if (pfn != PFN_NONE)
		(active ? lru_add_active : lru_add)(fx->pa, pfn, LRU_KIND_FILE);
	return pfn != PFN_NONE;
}

/* wake_all_kswapds(), and the end of boosts: only what could serve the request. */
Test(reclaim, a_request_leaves_alone_zones_of_other_nodes_that_are_of_no_use_to_it)
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

/*
 * do_try_to_free_pages(), force_deactivate: all that could serve the request is active, and the node's inactive list is long enough. When
 * that has given nothing, the active pages grow old although they would not have to.
 */
Test(reclaim, active_pages_are_taken_before_a_request_fails)
{
	static struct told told;
	struct fixture *fx = two_zones(&told, false);

	while (add_file_page(fx, ZONE_DMA32, true))
		;
	for (int i = 0; i < 1500; i++)
		cr_assert(add_file_page(fx, ZONE_NORMAL, false));
	cr_assert_lt(lru_zone_pages(fx->pa, 1, LRU_ACTIVE_FILE), 1);
	cr_expect_neq(take_gfp(fx, GFP_KERNEL | GFP_BIT_DMA32, 0), PFN_NONE);
	cr_expect_geq(told.nr_gone, SWAP_CLUSTER_MAX);
	cr_expect_eq(told.kills, 0);
	check(fx);
	fixture_free(fx);
}

/* shrink_zones(): a node is looked at once at each priority, however many of its zones the request could use. */
Test(reclaim, a_node_is_looked_at_once_at_each_priority)
{
	static struct told told;
	struct fixture *fx = two_zones(&told, false);

	for (int i = 0; i < 900; i++)
		cr_assert(add_file_page(fx, ZONE_NORMAL, false));
	while (take_gfp(fx, GFP_NOWAIT, 0) != PFN_NONE)
		;
	fx->machine.latency.step_ns[STEP_SHRINKER] = 1000000;
	meter_start(&fx->meter, fx->machine.latency.step_ns);
	cr_expect_neq(take_gfp(fx, GFP_KERNEL, 0), PFN_NONE);
	cr_expect_eq(fx->meter.ns / 1000000, 8, "900 >> 12 ... 5 are 53 pages: %llu", (unsigned long long)fx->meter.ns);
	fixture_free(fx);
}

/* isolate_lru_pages(): pages of zones that are of no use count as scanned, too, but are not what was asked for. */
Test(reclaim, pages_that_are_passed_over_count_as_scanned)
{
	static struct told told;
	struct fixture *fx = two_zones(&told, false);
	struct scan_control sc = { .highest = ZONE_DMA32, .nr_to_reclaim = 1000, .meter = &fx->meter };

	for (int i = 0; i < 300; i++)
		cr_assert(add_file_page(fx, ZONE_NORMAL, false));
	for (int i = 0; i < 100; i++)
		cr_assert(add_file_page(fx, ZONE_DMA32, false));
	shrink_node(fx->pa, 0, &sc);
	cr_expect_eq(told.nr_gone, 100);
	cr_expect_eq(sc.scanned, 100);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_PGSCAN_DIRECT), 400);
	check(fx);
	fixture_free(fx);
}

/* in_reclaim_compaction(): for a costly order at any priority. */
Test(reclaim, for_a_costly_block_reclaim_goes_on_at_the_first_priority)
{
	struct fixture *fx = fixture_zone(1024, 17408, 63, 378);
	static struct told told;
	static pfn_t pfns[16384];
	struct scan_control sc = { .order = 3, .highest = ZONE_NORMAL, .nr_to_reclaim = 1, .priority = 12, .meter = &fx->meter };

	hook(fx, &told);
	fx->machine.page_allocator.compaction = true;
	fill(fx, LRU_KIND_FILE, pfns, 16384);
	fx->zone->wmark[WMARK_MIN] = fx->zone->wmark[WMARK_LOW] = fx->zone->wmark[WMARK_HIGH] = 20000;
	shrink_node(fx->pa, 0, &sc);
	cr_expect_lt(told.nr_gone, 4, "%u", told.nr_gone);
	sc.order = 4;
	shrink_node(fx->pa, 0, &sc);
	cr_expect_lt(lru_pages(fx->pa, 0, LRU_INACTIVE_FILE), 4096);
	fixture_free(fx);
}

/* should_continue_reclaim(): for a high order until compaction has memory enough to work with. */
Test(reclaim, for_a_block_reclaim_goes_on_until_compaction_could_make_it)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];
	struct scan_control sc = { .order = 2, .highest = ZONE_NORMAL, .nr_to_reclaim = 1, .priority = 9, .meter = &fx->meter };
	uint32_t nr;

	hook(fx, &told);
	fx->machine.page_allocator.compaction = true;
	nr = fill(fx, LRU_KIND_FILE, pfns, 4096);
	for (uint32_t i = 0; i < 100; i++)
		page_alloc_give(fx->pa, pfns[nr - 1 - i], 0, 0, &fx->meter);
	pcp_drain_all(fx->pa, 0, &fx->meter);
	shrink_node(fx->pa, 0, &sc);
	cr_expect_eq(told.nr_gone, (nr - 100) >> 9, "the marks are met, with eight pages to spare");
	fx->zone->wmark[WMARK_MIN] = 4096;
	fx->zone->wmark[WMARK_HIGH] = 4096;
	shrink_node(fx->pa, 0, &sc);
	cr_expect_lt(lru_pages(fx->pa, 0, LRU_INACTIVE_FILE), 512, "nothing more is looked at: less than 2^9 pages are left");
	fixture_free(fx);
}

/* lru_refault() of a page that had been active: it is restored, and its like cost more (lru_note_cost_refault()). */
Test(reclaim, a_page_of_the_working_set_that_comes_back_is_restored_at_a_cost)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];
	struct reclaim_node *r = &fx->pa->reclaim[0];
	uint64_t shadow;

	hook(fx, &told);
	fill(fx, LRU_KIND_FILE, pfns, 4096);
	shadow = lru_shadow(fx->pa, pfns[0]);
	lru_refault(fx->pa, pfns[0], shadow, LRU_RETURN_ACTIVE);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_WORKINGSET_RESTORE_FILE), 0);
	cr_expect_eq(r->cost[1], 0);
	cr_expect_eq(lru_shadow(fx->pa, pfns[0]) & 1, 0);
	lru_refault(fx->pa, pfns[1], shadow | 1, LRU_RETURN_ACTIVE);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_WORKINGSET_RESTORE_FILE), 1);
	cr_expect_eq(r->cost[1], 1);
	cr_expect_eq(lru_shadow(fx->pa, pfns[1]) & 1, 1, "it is still of the working set");
	fixture_free(fx);
}

/* workingset_test_recent(): with swap, anonymous pages are room that file pages could have had. */
Test(reclaim, with_swap_anonymous_pages_lengthen_what_counts_as_soon)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[64];
	pfn_t page;
	uint64_t shadow;

	hook(fx, &told);
	fill(fx, LRU_KIND_ANON, pfns, 64);
	page = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0);
	lru_add(fx->pa, page, LRU_KIND_FILE);
	shadow = lru_shadow(fx->pa, page);
	fx->pa->reclaim[0].nonresident_age += 64;
	lru_refault(fx->pa, page, shadow, LRU_RETURN_BY_DISTANCE);
	cr_expect_eq(lru_list_of(fx->pa, page), LRU_INACTIVE_FILE, "there is no swap");
	page_alloc_swap_add(fx->pa, 16);
	cr_expect_eq(zone_reclaimable(fx->zone), 65);
	lru_refault(fx->pa, page, shadow - (1ull << 17), LRU_RETURN_BY_DISTANCE);
	cr_expect_eq(lru_list_of(fx->pa, page), LRU_INACTIVE_FILE, "65 went or became active meanwhile");
	lru_refault(fx->pa, page, shadow, LRU_RETURN_BY_DISTANCE);
	cr_expect_eq(lru_list_of(fx->pa, page), LRU_ACTIVE_FILE, "as many as there are anonymous pages");
	check(fx);
	fixture_free(fx);
}

/* swapoff() cannot take away what is in use: so many pages are to be read back. */
Test(reclaim, what_is_in_a_swap_device_that_goes_is_told)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);

	page_alloc_swap_load(fx->pa, 100, 40);
	cr_expect_eq(page_alloc_swap_remove(fx->pa, 50), 0);
	cr_expect_eq(page_alloc_swap_remove(fx->pa, 30), 20);
	fixture_free(fx);
}

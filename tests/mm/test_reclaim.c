/* Scanning LRU lists and shrinkers on a small zone, for requests and by hand, with a run that only counts. */
#include "tests/mm/reclaim_scene.h"

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
	cr_expect_eq(page_alloc_counter(fx->pa, PC_ALLOCSTALL_NORMAL) + page_alloc_counter(fx->pa, PC_ALLOCSTALL_DMA32),
		1);
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

static struct fixture *resched_in;
static uint32_t rescheds, gone_before, gone_after;

/* kswapd has the CPU until its pass is over. */
static void let_kswapd_run(void *arg)
{
	const struct told *told = arg;

	gone_before = told->nr_gone;
	cr_expect(kswapd_wanted(resched_in->pa, 0), "it was woken");
	while (kswapd_step(resched_in->pa, 0, 0, &resched_in->meter) == KSWAPD_MORE)
		;
	gone_after = told->nr_gone;
	rescheds++;
}

/* __perform_reclaim(): cond_resched(), and then the request reclaims for itself whatever has become free. */
Test(reclaim, kswapd_goes_before_the_request_that_woke_it)
{
	struct fixture *fx = resched_in = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];
	uint32_t nr;

	hook(fx, &told);
	nr = fill(fx, LRU_KIND_FILE, pfns, 4096);
	fx->pa->reclaim[0].wanted = false; /* asleep, as if it had found nothing to do */
	fx->pa->hooks.resched = let_kswapd_run;
	cr_assert_neq(take_gfp(fx, GFP_KERNEL | GFP_BIT_NORETRY, 0), PFN_NONE);
	cr_expect_eq(rescheds, 1);
	cr_expect_eq(gone_before, 0);
	cr_expect_gt(gone_after, 0);
	cr_expect_geq(told.nr_gone, gone_after + 32);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_PGSTEAL_KSWAPD), gone_after);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_PGSTEAL_DIRECT), told.nr_gone - gone_after);
	cr_expect_leq(told.nr_gone, nr);
	check(fx);
	fixture_free(fx);
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

/*
 * The shrinker of sysfs as D-pressure has recorded it
 * (mm_shrink_slab_start and _end): 3838 entries, none of any worth.
 */
Test(reclaim, entries_that_cost_nothing_are_asked_for_by_halves_and_what_is_no_batch_is_put_off)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	struct scan_control sc = {
		.highest = ZONE_NORMAL,
		.kswapd = true,
		.may_fs = true,
		.nr_to_reclaim = 1,
		.meter = &fx->meter,
	};
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
		cr_expect_eq((fx->meter.ns - before_ns) / 1000, 1, "%u shrinkers: %llu ns", nr,
			(unsigned long long)(fx->meter.ns - before_ns));
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

/*
 * do_shrink_slab(): a cache with less than a batch is scanned
 * when all of it is due, and never more than twice what there is.
 */
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
	cr_expect(told.nr_scans == 1 && told.scanned[0] == 128, "200 are due, of which a batch is asked for: %u",
		told.nr_scans);
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
	struct scan_control sc = {
		.highest = ZONE_NORMAL,
		.kswapd = true,
		.nr_to_reclaim = 1,
		.priority = 5,
		.meter = &fx->meter,
	};

	shrink_node(fx->pa, 0, &sc);
	cr_assert_eq(sc.scanned, SWAP_CLUSTER_MAX);
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
	struct scan_control all = {
		.highest = ZONE_NORMAL,
		.kswapd = true,
		.nr_to_reclaim = UINT64_MAX,
		.meter = &fx->meter,
	};
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
	cr_expect_eq(lru_pages(fx->pa, 0, LRU_INACTIVE_FILE) + lru_pages(fx->pa, 0, LRU_ACTIVE_FILE) + told.nr_gone,
		nr);
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
	struct scan_control sc = {
		.highest = ZONE_NORMAL,
		.kswapd = true,
		.may_swap = true,
		.nr_to_reclaim = 1,
		.priority = 5,
		.meter = &fx->meter,
	};

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

/* A file page of that zone, active or not. */
static bool add_file_page(struct fixture *fx, enum machine_zone zone, bool active)
{
	pfn_t pfn = take_gfp(fx, GFP_NOWAIT | GFP_BIT_MOVABLE | (zone == ZONE_DMA32 ? GFP_BIT_DMA32 : 0), 0);

	if (pfn != PFN_NONE)
		(active ? lru_add_active : lru_add)(fx->pa, pfn, LRU_KIND_FILE);
	return pfn != PFN_NONE;
}

/*
 * do_try_to_free_pages(), force_deactivate: all that could serve the request is active, and the node's inactive
 * list is long enough. When that has given nothing, the active pages grow old although they would not have to.
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
	struct scan_control sc = {
		.order = 3,
		.highest = ZONE_NORMAL,
		.nr_to_reclaim = 1,
		.priority = 12,
		.meter = &fx->meter,
	};

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
	struct scan_control sc = {
		.order = 2,
		.highest = ZONE_NORMAL,
		.nr_to_reclaim = 1,
		.priority = 9,
		.meter = &fx->meter,
	};
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
	cr_expect_lt(lru_pages(fx->pa, 0, LRU_INACTIVE_FILE), 512,
		"nothing more is looked at: less than 2^9 pages are left");
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

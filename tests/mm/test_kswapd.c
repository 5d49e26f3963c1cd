/* kswapd: what it works for, its passes, boosts and naps. */
#include "tests/mm/reclaim_scene.h"

Test(kswapd, kswapd_works_until_the_high_watermark_and_naps)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];
	enum kswapd_answer answer = KSWAPD_MORE;

	hook(fx, &told);
	fill(fx, LRU_KIND_FILE, pfns, 4096);
	cr_assert(kswapd_wanted(fx->pa, 0), "the last requests found less than the low watermark: %lld free of %u",
		(long long)fx->zone->visible_free, fx->zone->wmark[WMARK_LOW]);
	for (int step = 0; answer == KSWAPD_MORE && step < 100; step++)
		answer = kswapd_step(fx->pa, 0, 0, &fx->meter);
	cr_assert_eq(answer, KSWAPD_DONE);
	cr_expect_not(kswapd_wanted(fx->pa, 0));
	cr_expect_gt(zone_free_pages(fx->zone) + zone_pcp_pages(fx->zone), fx->zone->wmark[WMARK_HIGH]);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_PAGEOUTRUN), 1);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_PGSTEAL_KSWAPD), told.nr_gone);
	cr_expect(kswapd_may_sleep(fx->pa, 0, false));
	check(fx);
	fixture_free(fx);
}

/*
 * kswapd_try_to_sleep(): it naps only when its node is balanced;
 * balance_pgdat(): a pass with nothing to do is no failure.
 */
Test(kswapd, kswapd_naps_only_when_its_node_is_balanced_and_fails_only_when_it_has_tried)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	struct reclaim_node *r = &fx->pa->reclaim[0];
	static struct told told;

	hook(fx, &told);
	r->pass_highest = ZONE_NORMAL;
	for (int pass = 0; pass < 20; pass++)
		cr_assert_eq(kswapd_step(fx->pa, 0, 0, &fx->meter), KSWAPD_DONE);
	cr_expect_eq(r->failures, 0);
	cr_expect(kswapd_may_sleep(fx->pa, 0, false));
	while (take_gfp(fx, GFP_NOWAIT | GFP_BIT_MOVABLE, 0) != PFN_NONE)
		;
	for (uint32_t pass = 1; pass <= 16; pass++) {
		enum kswapd_answer answer = KSWAPD_MORE;

		while (answer == KSWAPD_MORE)
			answer = kswapd_step(fx->pa, 0, 0, &fx->meter);
		cr_expect_eq(r->failures, pass, "there is nothing on the lists");
		cr_expect_eq(kswapd_may_sleep(fx->pa, 0, false), pass == 16, "pass %u", pass);
	}
	cr_expect_eq(page_alloc_counter(fx->pa, PC_KSWAPD_HIGH_WMARK_HIT_QUICKLY), 15);
	fixture_free(fx);
}

/* kswapd(): kswapd_order is 0 during a pass; only an order that the pass has given up is what it sleeps for. */
Test(kswapd, kswapd_forgets_an_order_that_its_pass_has_not_given_up)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	struct reclaim_node *r = &fx->pa->reclaim[0];
	static struct told told;

	hook(fx, &told);
	r->pass_highest = ZONE_NORMAL;
	r->order = 2;
	cr_assert_eq(kswapd_step(fx->pa, 0, 0, &fx->meter), KSWAPD_DONE);
	cr_expect_eq(r->pass_order, 0);
	cr_expect_not(kswapd_may_sleep(fx->pa, 0, true));
	cr_expect_eq(r->order, 0);
	fixture_free(fx);
}

/*
 * kswapd() reads kswapd_highest_zoneidx before it tries to sleep,
 * too: who has asked for other zones since then wants them balanced.
 */
Test(kswapd, kswapd_does_not_sleep_before_the_zones_that_were_asked_for_during_its_pass_are_balanced)
{
	static struct told told;
	struct fixture *fx = old_pages_above_active_ones(&told);
	struct zone *dma = &fx->pa->zones[0], *normal = &fx->pa->zones[1];

	for (pfn_t pfn = 2048; pfn < 2048 + 128; pfn++)
		page_alloc_give(fx->pa, pfn, 0, 0, &fx->meter);
	pcp_drain_all(fx->pa, 0, &fx->meter);
	page_alloc_vmstat_fold(fx->pa, 0);
	dma->wmark[WMARK_HIGH] = normal->wmark[WMARK_HIGH] = 64;
	normal->boost = 512;
	kswapd_wake(normal, GFP_KERNEL, 0, ZONE_NORMAL, &fx->meter);
	cr_assert_eq(kswapd_step(fx->pa, 0, 0, &fx->meter), KSWAPD_MORE);
	kswapd_wake(dma, GFP_KERNEL | GFP_BIT_DMA, 0, ZONE_DMA, &fx->meter);
	normal->boost = 0;
	while (kswapd_step(fx->pa, 0, 0, &fx->meter) == KSWAPD_MORE)
		;
	cr_expect_gt(normal->visible_free, 64);
	cr_expect_lt(dma->visible_free, 64);
	cr_expect_not(kswapd_may_sleep(fx->pa, 0, false));
	cr_expect_eq(fx->pa->reclaim[0].pass_highest, ZONE_DMA);
	fixture_free(fx);
}

/* kswapd_highest_zoneidx is what it has been woken for since its last pass began, not the most that it ever was. */
Test(kswapd, pass_is_over_the_zones_that_kswapd_was_woken_for)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];
	const struct reclaim_node *r = fx->pa->reclaim;

	hook(fx, &told);
	fill(fx, LRU_KIND_FILE, pfns, 4096);
	kswapd_wake(fx->zone, GFP_HIGHUSER_MOVABLE, 0, ZONE_MOVABLE, &fx->meter);
	while (kswapd_step(fx->pa, 0, 0, &fx->meter) == KSWAPD_MORE)
		;
	cr_expect_eq(r->pass_highest, ZONE_MOVABLE);
	fx->zone->boost = 512;
	kswapd_wake(fx->zone, 0, 0, fx->zone->type, &fx->meter);
	cr_assert(kswapd_wanted(fx->pa, 0), "a boost is worth a pass");
	kswapd_step(fx->pa, 0, 0, &fx->meter);
	cr_expect_eq(r->pass_highest, fx->zone->type);
	fixture_free(fx);
}

/* cond_resched() in shrink_lruvec(): between rounds others run, so what kswapd takes comes little by little. */
Test(kswapd, kswapd_takes_a_batch_of_each_list_in_a_step)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];
	uint32_t most = 0, before = 0;

	hook(fx, &told);
	fill(fx, LRU_KIND_FILE, pfns, 4096);
	fx->zone->wmark[WMARK_HIGH] = 600;
	cr_assert(kswapd_wanted(fx->pa, 0));
	while (kswapd_step(fx->pa, 0, 0, &fx->meter) == KSWAPD_MORE) {
		most = max_u32(most, told.nr_gone - before);
		before = told.nr_gone;
	}
	cr_expect_eq(most, SWAP_CLUSTER_MAX);
	cr_expect_gt(told.nr_gone, 4 * SWAP_CLUSTER_MAX);
	check(fx);
	fixture_free(fx);
}

/*
 * shrink_node(): a node is not hopeless any more when it has
 * given pages; those that another one gave before do not count.
 */
Test(kswapd, a_node_is_hopeful_again_when_it_has_given_pages_itself)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	struct scan_control sc = {
		.highest = ZONE_NORMAL,
		.nr_to_reclaim = SWAP_CLUSTER_MAX,
		.reclaimed = 5,
		.meter = &fx->meter,
	};
	static struct told told;
	static pfn_t pfns[64];

	hook(fx, &told);
	fx->pa->reclaim[0].failures = 3;
	shrink_node(fx->pa, 0, &sc);
	cr_expect_eq(fx->pa->reclaim[0].failures, 3);
	for (uint32_t i = 0; i < 64; i++) {
		pfns[i] = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0);
		lru_add(fx->pa, pfns[i], LRU_KIND_FILE);
	}
	shrink_node(fx->pa, 0, &sc);
	cr_expect_gt(sc.reclaimed, 5);
	cr_expect_eq(fx->pa->reclaim[0].failures, 0);
	check(fx);
	fixture_free(fx);
}

/*
 * balance_pgdat(): for a boost lists are not scanned harder
 * than for 1/1024 of them, as D-pressure's first pass shows.
 */
Test(kswapd, a_boost_is_reclaimed_for_at_priority_10)
{
	struct fixture *fx = fixture_zone(1024, 17408, 63, 378);
	static struct told told;
	static pfn_t pfns[16384];
	uint32_t nr;

	hook(fx, &told);
	nr = fill(fx, LRU_KIND_FILE, pfns, 16384);
	for (uint32_t i = nr - 1500; i < nr; i++)
		page_alloc_give(fx->pa, pfns[i], 0, 0, &fx->meter);
	while (kswapd_wanted(fx->pa, 0) && kswapd_step(fx->pa, 0, 0, &fx->meter) == KSWAPD_MORE)
		;
	told.nr_gone = 0;
	fx->zone->boost = 256;
	kswapd_wake(fx->zone, 0, 0, fx->zone->type, &fx->meter);
	cr_assert(kswapd_wanted(fx->pa, 0));
	while (kswapd_step(fx->pa, 0, 0, &fx->meter) == KSWAPD_MORE)
		cr_assert_geq(fx->pa->reclaim[0].priority, DEF_PRIORITY - 2);
	cr_expect(told.nr_gone >= 256 && told.nr_gone < 256 + (nr >> 10), "the boost, and no more than a step: %u",
		told.nr_gone);
	cr_expect_eq(fx->zone->boost, 0);
	fixture_free(fx);
}

/* balance_pgdat(): a boost that is made during a pass is not what the pass was for: it stays. */
Test(kswapd, a_boost_that_is_made_during_a_pass_stays)
{
	struct fixture *fx = fixture_zone(1024, 17408, 63, 378);
	static struct told told;
	static pfn_t pfns[16384];
	uint32_t nr;

	hook(fx, &told);
	nr = fill(fx, LRU_KIND_FILE, pfns, 16384);
	for (uint32_t i = nr - 1500; i < nr; i++)
		page_alloc_give(fx->pa, pfns[i], 0, 0, &fx->meter);
	while (kswapd_wanted(fx->pa, 0) && kswapd_step(fx->pa, 0, 0, &fx->meter) == KSWAPD_MORE)
		;
	fx->zone->boost = 256;
	kswapd_wake(fx->zone, 0, 0, fx->zone->type, &fx->meter);
	cr_assert_eq(kswapd_step(fx->pa, 0, 0, &fx->meter), KSWAPD_MORE);
	cr_expect(fx->zone->reclaim_active, "ZONE_RECLAIM_ACTIVE: the CPUs keep fewer pages meanwhile");
	fx->zone->boost += 100;
	while (kswapd_step(fx->pa, 0, 0, &fx->meter) == KSWAPD_MORE)
		;
	cr_expect_eq(fx->zone->boost, 100);
	cr_expect_not(fx->zone->reclaim_active);
	check(fx);
	fixture_free(fx);
}

/*
 * balance_pgdat(): for a boost nothing is swapped out, and
 * lists are not scanned harder when an attempt brings nothing.
 */
Test(kswapd, a_boost_is_not_worth_swapping)
{
	struct fixture *fx = fixture_zone(1024, 17408, 63, 378);
	static struct told told;
	static pfn_t pfns[16384];
	uint32_t nr;

	hook(fx, &told);
	fx->machine.reclaim.swappiness = 100;
	page_alloc_swap_add(fx->pa, 16384);
	nr = fill(fx, LRU_KIND_ANON, pfns, 16384);
	for (uint32_t i = nr - 1500; i < nr; i++)
		page_alloc_give(fx->pa, pfns[i], 0, 0, &fx->meter);
	fx->pa->reclaim[0].wanted = false;
	fx->zone->boost = 256;
	kswapd_wake(fx->zone, 0, 0, fx->zone->type, &fx->meter);
	cr_assert(kswapd_wanted(fx->pa, 0));
	while (kswapd_step(fx->pa, 0, 0, &fx->meter) == KSWAPD_MORE)
		cr_assert_eq(fx->pa->reclaim[0].sc.priority, DEF_PRIORITY);
	cr_expect_eq(fx->pa->reclaim[0].sc.priority, DEF_PRIORITY);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_PSWPOUT), 0);
	cr_expect_eq(fx->zone->boost, 0, "it is given up");
	check(fx);
	fixture_free(fx);
}

/* wakeup_kswapd(): the largest order asked for since the last pass began. */
Test(kswapd, kswapd_works_for_the_largest_order_that_it_was_woken_for)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];

	hook(fx, &told);
	fill(fx, LRU_KIND_FILE, pfns, 4096);
	kswapd_wake(fx->zone, GFP_KERNEL, 3, fx->zone->type, &fx->meter);
	kswapd_wake(fx->zone, GFP_KERNEL, 1, fx->zone->type, &fx->meter);
	kswapd_step(fx->pa, 0, 0, &fx->meter);
	cr_expect_eq(fx->pa->reclaim[0].asked_order, 3);
	fixture_free(fx);
}

/*
 * balance_pgdat(): lists are scanned harder until as many pages have been looked at as the high mark has
 * (kswapd_shrink_node()), and then no more while some are reclaimed. Three of four pages have been used, so what
 * was looked at does not suffice.
 */
Test(kswapd, kswapd_scans_no_harder_than_the_high_mark_wants)
{
	struct fixture *fx = fixture_zone(1024, 17408, 63, 378);
	static struct told told;
	static pfn_t pfns[16384];
	const struct reclaim_node *r = fx->pa->reclaim;
	int last = DEF_PRIORITY;
	uint32_t nr;

	hook(fx, &told);
	nr = fill(fx, LRU_KIND_FILE, pfns, 16384);
	for (uint32_t i = 0; i < nr; i++)
		if (i % 4)
			lru_use(fx->pa, pfns[i]);
	fx->zone->wmark[WMARK_HIGH] = 3000;
	cr_assert(kswapd_wanted(fx->pa, 0));
	while (kswapd_step(fx->pa, 0, 0, &fx->meter) == KSWAPD_MORE)
		last = r->sc.priority;
	cr_expect_eq(last, 2, "a quarter of %u pages is more than 3000, an eighth is not: %d", nr, last);
	cr_expect_gt(told.nr_gone, 2900);
	fixture_free(fx);
}

/* balance_pgdat() ends with priority 1: the whole lists are for who waits. */
Test(kswapd, kswapd_never_scans_at_priority_0)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];
	int least = DEF_PRIORITY;

	hook(fx, &told);
	fill(fx, LRU_KIND_ANON, pfns, 4096);
	cr_assert(kswapd_wanted(fx->pa, 0));
	while (kswapd_step(fx->pa, 0, 0, &fx->meter) == KSWAPD_MORE)
		least = fx->pa->reclaim[0].sc.priority;
	cr_expect_geq(least, 1);
	cr_expect_eq(fx->pa->reclaim[0].sc.priority, 1);
	cr_expect_eq(fx->pa->reclaim[0].failures, 1);
	fixture_free(fx);
}

/*
 * balance_pgdat() restarts: what began for a boost and finds memory
 * short on its way is a pass like others, from its beginning.
 */
Test(kswapd, a_pass_for_a_boost_that_finds_memory_short_begins_again)
{
	struct fixture *fx = fixture_zone(1024, 17408, 63, 378);
	static struct told told;
	static pfn_t pfns[16384];
	const struct reclaim_node *r = fx->pa->reclaim;
	uint32_t nr;

	hook(fx, &told);
	nr = fill(fx, LRU_KIND_FILE, pfns, 16384);
	for (uint32_t i = nr - 1500; i < nr; i++)
		page_alloc_give(fx->pa, pfns[i], 0, 0, &fx->meter);
	while (kswapd_wanted(fx->pa, 0) && kswapd_step(fx->pa, 0, 0, &fx->meter) == KSWAPD_MORE)
		;
	fx->zone->boost = 256;
	kswapd_wake(fx->zone, 0, 0, fx->zone->type, &fx->meter);
	while (r->priority > DEF_PRIORITY - 2)
		cr_assert_eq(kswapd_step(fx->pa, 0, 0, &fx->meter), KSWAPD_MORE);
	fx->zone->wmark[WMARK_HIGH] = 8000;
	cr_assert_eq(kswapd_step(fx->pa, 0, 0, &fx->meter), KSWAPD_MORE);
	cr_expect_eq(r->sc.priority, DEF_PRIORITY);
	cr_expect(r->sc.may_swap, "what was not worth swapping is no more what it is about");
	fixture_free(fx);
}

static bool used_always(void *arg, pfn_t pfn, enum page_past past)
{
	(void)arg, (void)pfn, (void)past;
	return true;
}

/* balance_pgdat(): enough pages looked at, but none got, is a reason to scan harder, too: each pass ends. */
Test(kswapd, a_pass_over_pages_that_are_all_in_use_ends)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	enum kswapd_answer answer = KSWAPD_MORE;
	static struct told told;
	static pfn_t pfns[4096];

	hook(fx, &told);
	fx->pa->hooks.page_used = used_always;
	fill(fx, LRU_KIND_FILE, pfns, 4096);
	cr_assert(kswapd_wanted(fx->pa, 0));
	for (int step = 0; answer == KSWAPD_MORE && step < 10000; step++)
		answer = kswapd_step(fx->pa, 0, 0, &fx->meter);
	cr_expect_eq(answer, KSWAPD_DONE);
	cr_expect_eq(told.nr_gone, 0);
	cr_expect_eq(fx->pa->reclaim[0].failures, 1);
	fixture_free(fx);
}

/* balance_pgdat(): a pass that is for lower zones does not count the boosts of higher ones, nor end them. */
Test(kswapd, a_pass_for_lower_zones_leaves_the_boosts_of_higher_ones)
{
	static struct told told;
	struct fixture *fx = two_zones(&told, false);

	fx->pa->zones[0].boost = fx->pa->zones[1].boost = 100;
	kswapd_wake(fx->zone, 0, 0, ZONE_DMA32, &fx->meter);
	cr_assert(kswapd_wanted(fx->pa, 0));
	while (kswapd_step(fx->pa, 0, 0, &fx->meter) == KSWAPD_MORE)
		;
	cr_expect_eq(fx->pa->zones[0].boost, 0);
	cr_expect_eq(fx->pa->zones[1].boost, 100);
	fixture_free(fx);
}

/* kswapd_shrink_node(): compact_gap() pages of the whole pass, not of one priority; D-pressure has 1 + 2 + 6. */
Test(kswapd, kswapd_forgets_the_order_when_its_pass_has_reclaimed_twice_the_block)
{
	struct fixture *fx = fixture_zone(1024, 17408, 63, 378);
	static struct told told;
	static pfn_t pfns[16384];
	const struct reclaim_node *r = fx->pa->reclaim;
	enum kswapd_answer answer = KSWAPD_MORE;

	hook(fx, &told);
	fill(fx, LRU_KIND_FILE, pfns, 16384);
	fx->zone->wmark[WMARK_HIGH] = 2048;
	kswapd_wake(fx->zone, GFP_KERNEL, 2, fx->zone->type, &fx->meter);
	while (answer == KSWAPD_MORE && told.nr_gone < 8) {
		answer = kswapd_step(fx->pa, 0, 0, &fx->meter);
		cr_expect_eq(r->pass_order, told.nr_gone < 8 ? 2 : 0, "%u pages", told.nr_gone);
	}
	cr_expect(told.nr_gone >= 8 && told.nr_gone < 32, "%u pages", told.nr_gone);
	fixture_free(fx);
}

/*
 * set_pgdat_percpu_threshold(): from its wake-up until it sleeps CPUs keep as much for themselves as is between the
 * marks. The zone is that of a machine with two CPUs whose kswapd had "vm stats threshold: 69" in zoneinfo,
 * and 12 before; machines with one CPU keep theirs.
 */
Test(kswapd, the_threshold_of_the_counters_follows_the_marks_while_kswapd_is_awake)
{
	static struct told told;

	for (uint32_t cpus = 1; cpus <= 2; cpus++) {
		struct fixture *fx = fixture_new();
		uint8_t normal;

		fx->machine.cpus = cpus;
		fx->machine.page_allocator.min_free_kbytes = MACHINE_AUTO;
		fixture_add_ram(fx, 1024, 84389, 0);
		fixture_boot(fx);
		hook(fx, &told);
		fx->pa->reclaim[0].pass_highest = ZONE_NORMAL;
		normal = fx->zone->stat_threshold;
		cr_assert_eq(normal, cpus == 2 ? 12 : 6);
		fx->zone->wmark[WMARK_MIN] = 552;
		fx->zone->wmark[WMARK_LOW] = 690;
		fx->zone->wmark[WMARK_HIGH] = 828;
		while (kswapd_step(fx->pa, 0, 0, &fx->meter) == KSWAPD_MORE)
			;
		cr_expect_eq(fx->zone->stat_threshold, cpus == 2 ? 69 : normal, "%u CPUs", cpus);
		cr_expect(kswapd_may_sleep(fx->pa, 0, false));
		cr_expect_eq(fx->zone->stat_threshold, cpus == 2 ? 69 : normal, "it naps");
		kswapd_sleeps(fx->pa, 0);
		cr_expect_eq(fx->zone->stat_threshold, normal);
		fixture_check(fx);
		fixture_free(fx);
	}
}

/* zone_watermark_ok_safe(): where CPUs may hide more than is between the marks, kswapd asks them all. */
Test(kswapd, kswapd_asks_all_cpus_where_their_counters_may_hide_that_memory_is_short)
{
	struct fixture *fx = fixture_new();

	fx->machine.cpus = 2;
	fixture_add_ram(fx, 1024, 3072, 0);
	fixture_boot(fx);
	fx->pa->reclaim[0].pass_highest = ZONE_NORMAL;
	cr_assert_gt(fx->zone->drift_mark, fx->zone->wmark[WMARK_HIGH], "2 * 4 pages, and fewer between the marks");
	fx->zone->visible_free = fx->zone->wmark[WMARK_HIGH] + 2;
	fx->zone->pcps[0].stat_diff = -3;
	cr_expect_not(kswapd_may_sleep(fx->pa, 0, false));
	fx->zone->drift_mark = 0;
	cr_expect(kswapd_may_sleep(fx->pa, 0, false));
	fixture_free(fx);
}

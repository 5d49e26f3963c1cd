/* kcompactd: when it works, for which order, and when it rests. */
#include "tests/mm/compaction_scene.h"

Test(kcompactd, invariants_of_kcompactd_broken_on_purpose)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);
	struct err err = { 0 };
	struct compact_control *cc = &fx->pa->kcompactd[0].cc;

	/* More free pages in one block than there are pages to move at once. */
	for (pfn_t pfn = 5057; pfn < 5120; pfn += 2)
		give_user(fx, u, pfn);
	pcp_drain_all(fx->pa, 0, &fx->meter);
	kcompactd_wake(fx->pa, 0, 9, ZONE_NORMAL);
	kcompactd_step(fx->pa, 0, 0, &fx->meter);
	cr_assert_gt(cc->nr_targets, 0);
	fixture_check(fx);
	cc->nr_sources = 1;
	cr_assert_eq(page_alloc_check(fx->pa, &err), -ERR_INVARIANT);
	cr_assert(strstr(err.text, "kcompactd 1"));
	cc->nr_sources = 0;
	cc->nr_targets++;
	cr_assert_eq(page_alloc_check(fx->pa, &err), -ERR_INVARIANT);
	cr_assert(strstr(err.text, "kcompactd 2"));
	cc->nr_targets--;
	page_at(fx->pa, cc->targets.head)->place = PAGE_ON_LRU;
	cr_assert_eq(page_alloc_check(fx->pa, &err), -ERR_INVARIANT);
	cr_assert(strstr(err.text, "kcompactd 2"));
	free(u);
	fixture_free(fx);
}

Test(kcompactd, scores_of_proactive_compaction)
{
	static const uint64_t e26[11] = { 10, 5, 3, 2, 1 }, other[11] = { 100, 0, 0, 0, 0, 20, 0, 0, 0, 3 },
			      none[11] = { 0 };
	static const unsigned int percent[6] = { 0, 15, 31, 50, 75, 100 };
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = attach(fx);

	for (unsigned int order = 0; order < 6; order++)
		cr_assert_eq(page_extfrag_percent(e26, 10, order), percent[order]);
	cr_assert_eq(page_extfrag_percent(other, 10, 9), 32);
	cr_assert_eq(page_extfrag_percent(none, 10, 9), 0);
	cr_assert(frag_score_low(fx->pa) == 80 && frag_score_high(fx->pa) == 90);
	fx->machine.page_allocator.compaction_proactiveness = 100;
	cr_assert(frag_score_low(fx->pa) == 5 && frag_score_high(fx->pa) == 15);
	fx->machine.page_allocator.compaction_proactiveness = 5;
	cr_assert(frag_score_low(fx->pa) == 95 && frag_score_high(fx->pa) == 100);
	cr_assert_eq(node_frag_score(fx->pa, 0), 0);
	free(u);
	fixture_free(fx);
}

static unsigned int run_kcompactd(struct fixture *fx)
{
	unsigned int steps = 1;

	cr_assert(kcompactd_wanted(fx->pa, 0));
	while (kcompactd_step(fx->pa, 0, 0, &fx->meter) == KCOMPACTD_MORE) {
		fixture_check(fx);
		steps++;
	}
	fixture_check(fx);
	return steps;
}

Test(kcompactd, proactive_compaction_goes_on_until_the_score_is_low)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);

	fx->machine.page_allocator.compaction_proactiveness = 40;
	cr_assert_eq(zone_frag_score(fx->zone), 100);
	cr_assert_eq(node_frag_score(fx->pa, 0), 4096 * 100 / 4097);
	cr_assert(proactive_wanted(fx->pa, 0));
	run_kcompactd(fx);
	cr_assert_leq(zone_frag_score(fx->zone), 60);
	cr_assert_eq(u->last.who, COMPACT_PROACTIVE);
	cr_assert_eq(u->last.result, COMPACT_SUCCESS);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_COMPACT_DAEMON_WAKE), 0);
	cr_assert_gt(page_alloc_counter(fx->pa, PC_COMPACT_MIGRATE_SCANNED), 0);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_COMPACT_DAEMON_MIGRATE_SCANNED), 0,
		"of passes that somebody asked for");
	cr_assert_not(proactive_wanted(fx->pa, 0));
	free(u);
	fixture_free(fx);
}

Test(kcompactd, proactive_compaction_that_was_of_no_use_rests_for_32_seconds)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);
	unsigned int checks = 1;

	for (pfn_t pfn = 1025; pfn < 5120; pfn += 2)
		lru_del(fx->pa, pfn);
	memset(u->id, 0, sizeof(u->id));
	cr_assert(proactive_wanted(fx->pa, 0));
	run_kcompactd(fx);
	cr_assert_eq(u->last.result, COMPACT_COMPLETE);
	while (!proactive_wanted(fx->pa, 0))
		checks++;
	cr_assert_eq(checks, 64);
	free(u);
	fixture_free(fx);
}

Test(kcompactd, kcompactd_makes_a_block_and_sleeps)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);

	kcompactd_wake(fx->pa, 0, 0, ZONE_NORMAL);
	cr_assert_not(kcompactd_wanted(fx->pa, 0), "nothing to make of order 0");
	kcompactd_wake(fx->pa, 0, 9, ZONE_NORMAL);
	cr_assert_gt(run_kcompactd(fx), 2, "a batch at a time");
	cr_assert_eq(u->last.who, COMPACT_KCOMPACTD);
	cr_assert_eq(u->last.result, COMPACT_SUCCESS);
	cr_assert_gt(fx->zone->area[9].nr_free + fx->zone->area[10].nr_free, 0);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_COMPACT_DAEMON_WAKE), 1);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_COMPACT_STALL), 0);
	cr_assert_eq(fx->zone->compact.order_failed, 10, "compaction_defer_reset()");
	kcompactd_wake(fx->pa, 0, 9, ZONE_NORMAL);
	cr_assert_not(kcompactd_wanted(fx->pa, 0), "the block is there");
	free(u);
	fixture_free(fx);
}

/* Of all [start, end) of @zone every second page is free, the others nobody can move. */
static void fill_by_halves(struct fixture *fx, struct zone *zone)
{
	fx->zone = zone;
	fill(fx, zone->start, zone->end);
	for (pfn_t pfn = zone->start; pfn < zone->end; pfn += 2)
		give_buddy(fx, pfn, 0);
	page_alloc_vmstat_fold(fx->pa, 0);
}

/* Zones DMA and Normal of one node, of both of which every second page is free. */
static struct users *two_zones(struct fixture *fx, struct zone **dma, struct zone **normal)
{
	struct users *u;

	fx->machine.zones.dma_end = 4096 << 12;
	fixture_add_ram(fx, 1024, 8192, 0);
	fixture_boot(fx);
	fx->pa->mobility_off = false;
	u = attach(fx);
	*dma = &fx->pa->zones[0], *normal = &fx->pa->zones[1];
	fill_by_halves(fx, *dma);
	fill_by_halves(fx, *normal);
	return u;
}

/*
 * kcompactd_do_work() has one compact_control for all zones,
 * of which compact_zone() sets counters and scanners anew.
 */
Test(kcompactd, kcompactd_that_goes_through_one_zone_whole_does_so_with_the_next_ones)
{
	struct fixture *fx = fixture_new();
	struct zone *dma, *normal;
	struct users *u = two_zones(fx, &dma, &normal);
	struct compact_control *cc = &fx->pa->kcompactd[0].cc;

	dma->compact.first_migrate = dma->start;
	normal->compact.migrate[COMPACT_SYNC_LIGHT] = normal->start + 1024;
	normal->compact.free = normal->start + 2048;
	kcompactd_wake(fx->pa, 0, 9, ZONE_NORMAL);
	while (cc->zone != normal) {
		cr_assert_eq(kcompactd_step(fx->pa, 0, 0, &fx->meter), KCOMPACTD_MORE);
		cc->search_failed = 3;
	}
	cr_assert(cc->whole_zone);
	cr_assert_eq(cc->search_failed, 3);
	while (kcompactd_step(fx->pa, 0, 0, &fx->meter) == KCOMPACTD_MORE)
		;
	cr_assert_eq(u->last.result, COMPACT_COMPLETE);
	/* From its one end to the other, each zone once, until the scanners meet in the last pageblock. */
	cr_assert_eq(u->last.migrate_scanned, dma->end - dma->start + normal->end - normal->start - 1024);
	fixture_check(fx);
	free(u);
	fixture_free(fx);
}

/*
 * kcompactd_highest_zoneidx: the lowest that anybody asked for; what
 * a higher zone keeps of a lower one is nothing to who asks for that.
 */
Test(kcompactd, kcompactd_for_a_low_zone_leaves_higher_ones_alone)
{
	struct fixture *fx = fixture_new();
	struct zone *dma, *normal;
	struct users *u = two_zones(fx, &dma, &normal);

	for (int highest = ZONE_DMA + 1; highest < NR_ZONE_TYPES; highest++)
		dma->lowmem_reserve[highest] = 100000;
	kcompactd_wake(fx->pa, 0, 9, ZONE_NORMAL);
	kcompactd_wake(fx->pa, 0, 9, ZONE_DMA);
	kcompactd_wake(fx->pa, 0, 9, ZONE_NORMAL);
	cr_assert(kcompactd_wanted(fx->pa, 0));
	cr_assert_eq(kcompactd_step(fx->pa, 0, 0, &fx->meter), KCOMPACTD_MORE);
	cr_expect_eq(fx->pa->kcompactd[0].cc.highest, ZONE_DMA);
	cr_expect_eq(fx->pa->kcompactd[0].cc.zone, dma);
	while (kcompactd_step(fx->pa, 0, 0, &fx->meter) == KCOMPACTD_MORE)
		cr_assert_neq(fx->pa->kcompactd[0].cc.zone, normal);
	cr_expect_eq(fx->pa->kcompactd[0].highest, NR_ZONE_TYPES - 1, "the next one may ask for any");
	fixture_check(fx);
	free(u);
	fixture_free(fx);
}

/* kcompactd_node_suitable() looks at the zones up to that one. */
Test(kcompactd, a_higher_zone_in_pieces_is_no_reason_to_compact_for_a_low_one)
{
	struct fixture *fx = fixture_new();
	struct zone *dma, *normal;
	struct users *u = two_zones(fx, &dma, &normal);

	dma->wmark[WMARK_LOW] = 5000;
	kcompactd_wake(fx->pa, 0, 9, ZONE_DMA);
	cr_expect_not(kcompactd_wanted(fx->pa, 0));
	fx->pa->kcompactd[0].highest = NR_ZONE_TYPES - 1;
	kcompactd_wake(fx->pa, 0, 9, ZONE_NORMAL);
	cr_expect(kcompactd_wanted(fx->pa, 0));
	free(u);
	fixture_free(fx);
}

/* kcompactd_do_work() forgets only what it has done. */
Test(kcompactd, who_asks_for_a_lower_zone_meanwhile_is_remembered)
{
	struct fixture *fx = fixture_new();
	struct zone *dma, *normal;
	struct users *u = two_zones(fx, &dma, &normal);

	kcompactd_wake(fx->pa, 0, 9, ZONE_NORMAL);
	cr_assert_eq(kcompactd_step(fx->pa, 0, 0, &fx->meter), KCOMPACTD_MORE);
	kcompactd_wake(fx->pa, 0, 10, ZONE_DMA);
	while (kcompactd_step(fx->pa, 0, 0, &fx->meter) == KCOMPACTD_MORE)
		;
	cr_expect_eq(fx->pa->kcompactd[0].highest, ZONE_DMA);
	cr_expect(kcompactd_wanted(fx->pa, 0));
	free(u);
	fixture_free(fx);
}

Test(kcompactd, an_atomic_request_wakes_kcompactd_when_kswapd_has_nothing_to_do)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);

	fx->zone->wmark[WMARK_HIGH] = 0;
	fx->pa->reclaim[0].failures = 16; /* hopeless, or it would be kswapd */
	kswapd_wake(fx->zone, GFP_KERNEL, 4, ZONE_NORMAL, &fx->meter);
	cr_assert_not(kcompactd_wanted(fx->pa, 0));
	kswapd_wake(fx->zone, GFP_ATOMIC, 4, ZONE_NORMAL, &fx->meter);
	cr_assert(kcompactd_wanted(fx->pa, 0));
	cr_assert_eq(fx->pa->kcompactd[0].order, 4);
	free(u);
	fixture_free(fx);
}

/* __compact_finished(), should_proactive_compact_node(): compacting in advance gives way to kswapd. */
Test(kcompactd, proactive_compaction_gives_way_to_kswapd)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);
	uint32_t moves;

	fx->pa->reclaim[0].running = true;
	cr_expect_not(proactive_wanted(fx->pa, 0));
	fx->pa->reclaim[0].running = false;
	cr_assert(proactive_wanted(fx->pa, 0));
	cr_assert_eq(kcompactd_step(fx->pa, 0, 0, &fx->meter), KCOMPACTD_MORE);
	fx->pa->reclaim[0].running = true;
	moves = u->moves;
	while (kcompactd_step(fx->pa, 0, 0, &fx->meter) == KCOMPACTD_MORE)
		;
	cr_expect_eq(u->moves, moves);
	cr_expect_eq(u->last.result, COMPACT_PARTIAL_SKIPPED);
	fixture_check(fx);
	free(u);
	fixture_free(fx);
}

/* kcompactd_do_work(): it drains the CPUs' lists and puts off the next attempt, as requests do. */
Test(kcompactd, kcompactd_that_fails_defers)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);

	give_user(fx, u, 1025);
	cr_assert_eq(fx->zone->pcps[0].count, 1);
	for (pfn_t pfn = 1027; pfn < 5120; pfn += 2)
		lru_del(fx->pa, pfn);
	memset(u->id, 0, sizeof(u->id));
	kcompactd_wake(fx->pa, 0, 9, ZONE_NORMAL);
	run_kcompactd(fx);
	cr_expect_eq(fx->zone->compact.defer_shift, 1);
	cr_expect_eq(fx->zone->pcps[0].count, 0);
	free(u);
	fixture_free(fx);
}

/* kcompactd_do_work(): an order that is asked for meanwhile is still to be served. */
Test(kcompactd, kcompactd_serves_who_asked_for_more_meanwhile)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);

	kcompactd_wake(fx->pa, 0, 3, ZONE_NORMAL);
	cr_assert_eq(kcompactd_step(fx->pa, 0, 0, &fx->meter), KCOMPACTD_MORE);
	kcompactd_wake(fx->pa, 0, 9, ZONE_NORMAL);
	while (kcompactd_step(fx->pa, 0, 0, &fx->meter) == KCOMPACTD_MORE)
		;
	cr_expect_eq(u->last.order, 3);
	cr_expect_eq(fx->pa->kcompactd[0].order, 9);
	run_kcompactd(fx);
	cr_expect_eq(u->last.order, 9);
	cr_expect_not(kcompactd_wanted(fx->pa, 0));
	free(u);
	fixture_free(fx);
}

/*
 * kcompactd() looks after HPAGE_FRAG_CHECK_INTERVAL_MSEC whether
 * there is work by then: what was asked for comes first.
 */
Test(kcompactd, kcompactd_that_was_asked_too_early_looks_again)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);

	fx->zone->wmark[WMARK_LOW] = 5000;
	kcompactd_wake(fx->pa, 0, 9, ZONE_NORMAL);
	cr_assert_not(kcompactd_wanted(fx->pa, 0));
	fx->zone->wmark[WMARK_LOW] = 0;
	cr_assert(proactive_wanted(fx->pa, 0));
	run_kcompactd(fx);
	cr_expect_eq(u->last.who, COMPACT_KCOMPACTD);
	cr_expect_eq(u->last.order, 9);
	free(u);
	fixture_free(fx);
}

/* kswapd_try_to_sleep(): what it could make no block of kcompactd may, with what was left aside before. */
Test(kcompactd, kswapd_wakes_kcompactd_for_the_order_that_it_gave_up)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);

	for (pfn_t pfn = 1025; pfn < 5120; pfn += 2) {
		lru_del(fx->pa, pfn);
		lru_add(fx->pa, pfn, LRU_KIND_FILE);
	}
	fx->zone->wmark[WMARK_HIGH] = 3300;
	fx->zone->compact.forget_skips = true;
	kswapd_wake(fx->zone, GFP_KERNEL, 9, ZONE_NORMAL, &fx->meter);
	cr_assert(kswapd_wanted(fx->pa, 0));
	while (kswapd_step(fx->pa, 0, 0, &fx->meter) == KSWAPD_MORE)
		;
	cr_assert_gt(u->gone, 1024, "twice the block: %u", u->gone);
	cr_expect_eq(fx->pa->kcompactd[0].order, 9);
	cr_expect_not(fx->zone->compact.forget_skips);
	free(u);
	fixture_free(fx);
}

Test(kcompactd, kswapd_wakes_kcompactd_after_a_boost)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);
	struct users *u = fragmented(fx);

	fx->zone->boost = 512;
	kswapd_wake(fx->zone, GFP_KERNEL, 0, ZONE_NORMAL, &fx->meter);
	cr_assert(kswapd_wanted(fx->pa, 0));
	while (kswapd_step(fx->pa, 0, 0, &fx->meter) == KSWAPD_MORE)
		;
	cr_assert(kcompactd_wanted(fx->pa, 0));
	cr_assert_eq(fx->pa->kcompactd[0].order, 9);
	free(u);
	fixture_free(fx);
}

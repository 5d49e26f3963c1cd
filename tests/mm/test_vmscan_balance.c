/* How much of which list is scanned: anonymous against file pages, and when active pages grow old. */
#include "tests/mm/reclaim_scene.h"

Test(vmscan_balance, page_that_comes_back_soon_is_in_use)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	pfn_t soon, late, active;
	uint64_t went_soon, went_late;

	hook(fx, &told);
	active = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0);
	lru_add(fx->pa, active, LRU_KIND_FILE);
	lru_move(fx->pa, active, LRU_ACTIVE_FILE);
	soon = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0);
	late = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0);
	lru_add(fx->pa, soon, LRU_KIND_FILE);
	lru_add(fx->pa, late, LRU_KIND_FILE);
	fx->pa->reclaim[0].nonresident_age = 5;
	went_late = lru_shadow(fx->pa, late);
	fx->pa->reclaim[0].nonresident_age = 9;
	went_soon = lru_shadow(fx->pa, soon);
	fx->pa->reclaim[0].nonresident_age = 10;
	lru_refault(fx->pa, late, went_late, LRU_RETURN_BY_DISTANCE);
	cr_expect_eq(lru_pages(fx->pa, 0, LRU_ACTIVE_FILE), 1, "five went after it, one page is active");
	lru_refault(fx->pa, soon, went_soon, LRU_RETURN_BY_DISTANCE);
	cr_expect_eq(lru_pages(fx->pa, 0, LRU_ACTIVE_FILE), 2);
	cr_expect_eq(lru_age(fx->pa, 0), 11, "what becomes active ages the others as what goes does");
	cr_expect_eq(page_alloc_counter(fx->pa, PC_WORKINGSET_REFAULT_FILE), 2);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_WORKINGSET_ACTIVATE_FILE), 1);
	check(fx);
	fixture_free(fx);
}

/*
 * shrink_lruvec(): 1000 file pages and 64 anonymous ones are to be looked at, and a batch is enough. Then the
 * smaller kind is let be, and of the larger one no larger a part is wanted than was looked at of the smaller; but a
 * single batch more of it ends the pass.
 */
Test(vmscan_balance, once_enough_is_reclaimed_both_kinds_are_looked_at_in_proportion)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	struct scan_control sc = {
		.highest = ZONE_NORMAL,
		.kswapd = true,
		.nr_to_reclaim = 1,
		.may_swap = true,
		.meter = &fx->meter,
	};
	struct node_scan scan;
	static struct told told;
	static pfn_t pfns[4096];

	hook(fx, &told);
	cr_assert_gt(fill(fx, LRU_KIND_FILE, pfns, 4096), 1500);
	node_scan_begin(fx->pa, 0, &sc, &scan);
	scan.balance.nr[LRU_INACTIVE_FILE] = scan.wanted[LRU_INACTIVE_FILE] = 1000;
	scan.balance.nr[LRU_INACTIVE_ANON] = scan.wanted[LRU_INACTIVE_ANON] = 64;
	cr_assert(node_scan_round(fx->pa, 0, &sc, &scan));
	cr_expect_eq(scan.balance.nr[LRU_INACTIVE_ANON], 0, "half of it has been looked at");
	cr_expect_eq(scan.balance.nr[LRU_INACTIVE_FILE], 1000 * (100 - 49) / 100 - SWAP_CLUSTER_MAX,
		"32 of 65 pages are 49 %%");
	cr_expect_not(node_scan_round(fx->pa, 0, &sc, &scan));
	cr_expect_eq(sc.reclaimed, 2 * SWAP_CLUSTER_MAX);
	check(fx);
	fixture_free(fx);
}

/* A page of each kind in sixteen at priority 4, the zone's other pages being free. */
static void two_kinds(struct fixture *fx, struct told *told)
{
	hook(fx, told);
	page_alloc_swap_add(fx->pa, 16384);
	fx->machine.reclaim.swappiness = 60;
	for (int i = 0; i < 640; i++)
		lru_add(fx->pa, take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0), i % 2 ? LRU_KIND_FILE : LRU_KIND_ANON);
}

/*
 * get_scan_count(): page cache alone while nothing of it comes
 * back (cache_trim_mode), else both, by swappiness and cost.
 */
Test(vmscan_balance, what_is_scanned_depends_on_what_comes_back)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	struct scan_control sc = {
		.highest = ZONE_NORMAL,
		.kswapd = true,
		.may_swap = true,
		.priority = 4,
		.meter = &fx->meter,
	};
	struct scan_balance b;

	two_kinds(fx, &told);
	scan_balance(fx->pa, 0, &sc, &b);
	cr_expect(b.nr[LRU_INACTIVE_FILE] == 20 && b.nr[LRU_INACTIVE_ANON] == 0, "cache is trimmed");
	cr_expect_not(b.deactivate[1]);
	fx->pa->reclaim[0].activated++;
	scan_balance(fx->pa, 0, &sc, &b);
	cr_expect(b.nr[LRU_INACTIVE_FILE] == 14 && b.nr[LRU_INACTIVE_ANON] == 6, "140 and 60 of 200: %llu and %llu",
		(unsigned long long)b.nr[LRU_INACTIVE_FILE], (unsigned long long)b.nr[LRU_INACTIVE_ANON]);
	cr_expect(b.deactivate[1], "active pages make room for those that came back");
	note_cost(fx->pa, 0, true, 100);
	scan_balance(fx->pa, 0, &sc, &b);
	cr_expect(b.nr[LRU_INACTIVE_FILE] == 10 && b.nr[LRU_INACTIVE_ANON] == 9,
		"half of 140 against 60 * 301 / 101: %llu and %llu", (unsigned long long)b.nr[LRU_INACTIVE_FILE],
		(unsigned long long)b.nr[LRU_INACTIVE_ANON]);
	snapshot_refaults(fx->pa, 0);
	scan_balance(fx->pa, 0, &sc, &b);
	cr_expect_eq(b.nr[LRU_INACTIVE_ANON], 0, "nothing has come back since");
	sc.may_swap = false;
	fx->pa->reclaim[0].activated++;
	scan_balance(fx->pa, 0, &sc, &b);
	cr_expect_eq(b.nr[LRU_INACTIVE_ANON], 0);
	fixture_free(fx);
}

/*
 * kswapd_age_node(): at each priority of a pass, before its lists are looked at, and shrink_lruvec() after that;
 * while there is a swap device, however full. Eight times as many anonymous pages are active as inactive, and cache
 * alone is trimmed.
 */
Test(vmscan_balance, active_anonymous_pages_grow_old_whatever_is_scanned)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];

	hook(fx, &told);
	fx->machine.reclaim.swappiness = 60;
	for (int i = 0; i < 900; i++)
		(i < 100 ? lru_add : lru_add_active)(fx->pa, take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0), LRU_KIND_ANON);
	fill(fx, LRU_KIND_FILE, pfns, 4096);
	cr_assert(kswapd_wanted(fx->pa, 0));
	kswapd_step(fx->pa, 0, 0, &fx->meter);
	cr_expect_eq(lru_pages(fx->pa, 0, LRU_ACTIVE_ANON), 800, "there is no swap");
	while (kswapd_step(fx->pa, 0, 0, &fx->meter) == KSWAPD_MORE)
		;
	page_alloc_swap_load(fx->pa, 100, 100);
	fx->zone->wmark[WMARK_HIGH] += 64;
	fill(fx, LRU_KIND_FILE, pfns, 4096);
	cr_assert(kswapd_wanted(fx->pa, 0));
	kswapd_step(fx->pa, 0, 0, &fx->meter);
	cr_expect_eq(lru_pages(fx->pa, 0, LRU_ACTIVE_ANON), 800 - 2 * SWAP_CLUSTER_MAX);
	cr_expect_eq(lru_pages(fx->pa, 0, LRU_INACTIVE_ANON), 100 + 2 * SWAP_CLUSTER_MAX);
	check(fx);
	fixture_free(fx);
}

/*
 * snapshot_refaults(): what has come back before a reclaim
 * ended does not make active pages grow old in the next one.
 */
Test(vmscan_balance, what_came_back_counts_until_the_reclaim_has_ended)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];
	struct reclaim_node *r = &fx->pa->reclaim[0];

	hook(fx, &told);
	fill(fx, LRU_KIND_FILE, pfns, 4096);
	lru_refault(fx->pa, pfns[0], 0, LRU_RETURN_ACTIVE);
	cr_expect_neq(r->activated, r->activated_seen);
	while (kswapd_step(fx->pa, 0, 0, &fx->meter) == KSWAPD_MORE)
		cr_assert_neq(r->activated, r->activated_seen);
	cr_expect_eq(r->activated, r->activated_seen);
	fill(fx, LRU_KIND_FILE, pfns, 4096);
	r->activated++;
	cr_assert_neq(take_gfp(fx, GFP_KERNEL, 0), PFN_NONE);
	cr_expect_gt(page_alloc_counter(fx->pa, PC_PGSTEAL_DIRECT), 0);
	cr_expect_eq(r->activated, r->activated_seen);
	fixture_free(fx);
}

/* The table above inactive_is_low(): the inactive list may be the smaller, the more memory there is. */
Test(vmscan_balance, how_small_an_inactive_list_may_be_depends_on_memory)
{
	static const struct {
		uint64_t mib, ratio;
	} kinds[] = { { 10, 1 }, { 100, 1 }, { 1024, 3 }, { 10240, 10 }, { 102400, 31 }, { 1048576, 101 } };
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	uint64_t *nr = fx->pa->reclaim[0].nr_lru;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		uint64_t pages = kinds[i].mib << 8;

		nr[LRU_INACTIVE_FILE] = pages / (kinds[i].ratio + 1) + 1;
		nr[LRU_ACTIVE_FILE] = nr[LRU_INACTIVE_FILE] * kinds[i].ratio;
		cr_expect_not(inactive_is_low(fx->pa, 0, LRU_INACTIVE_FILE), "%llu MiB",
			(unsigned long long)kinds[i].mib);
		nr[LRU_ACTIVE_FILE]++;
		cr_expect(inactive_is_low(fx->pa, 0, LRU_INACTIVE_FILE), "%llu MiB", (unsigned long long)kinds[i].mib);
	}
	fixture_free(fx);
}

/* lru_note_cost(): when what was paid is more than a quarter of the lists, all of it counts half. */
Test(vmscan_balance, what_reclaim_cost_long_ago_counts_less)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	const uint64_t *cost = fx->pa->reclaim[0].cost;

	two_kinds(fx, &told);
	note_cost(fx->pa, 0, true, 100);
	note_cost(fx->pa, 0, false, 60);
	cr_expect(cost[0] == 60 && cost[1] == 100, "160 of 640 pages");
	note_cost(fx->pa, 0, false, 2);
	cr_expect(cost[0] == 31 && cost[1] == 50, "%llu and %llu", (unsigned long long)cost[0],
		(unsigned long long)cost[1]);
	fixture_free(fx);
}

/* get_scan_count(): near to being out of memory both kinds alike, unless the setting wants no swapping. */
Test(vmscan_balance, at_the_last_priority_all_lists_are_scanned_but_without_swappiness)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	struct scan_control sc = { .highest = ZONE_NORMAL, .may_swap = true, .meter = &fx->meter };
	struct scan_balance b;

	two_kinds(fx, &told);
	scan_balance(fx->pa, 0, &sc, &b);
	cr_expect(b.nr[LRU_INACTIVE_FILE] == 320 && b.nr[LRU_INACTIVE_ANON] == 320);
	fx->machine.reclaim.swappiness = 0;
	scan_balance(fx->pa, 0, &sc, &b);
	cr_expect(b.nr[LRU_INACTIVE_FILE] == 320 && b.nr[LRU_INACTIVE_ANON] == 0);
	fixture_free(fx);
}

/*
 * prepare_scan_count(), file_is_tiny: cache and free memory are
 * not above the high marks, so only anonymous pages can help.
 */
Test(vmscan_balance, anonymous_pages_alone_are_scanned_when_cache_is_tiny)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	struct scan_control sc = {
		.highest = ZONE_NORMAL,
		.kswapd = true,
		.may_swap = true,
		.priority = 4,
		.meter = &fx->meter,
	};
	struct scan_balance b;
	uint32_t all;

	two_kinds(fx, &told);
	all = (uint32_t)fx->zone->visible_free + 320;
	fx->zone->wmark[WMARK_HIGH] = all - 1;
	scan_balance(fx->pa, 0, &sc, &b);
	cr_expect(b.nr[LRU_INACTIVE_FILE] == 20 && b.nr[LRU_INACTIVE_ANON] == 0, "a page more than that");
	fx->zone->wmark[WMARK_HIGH] = all;
	scan_balance(fx->pa, 0, &sc, &b);
	cr_expect(b.nr[LRU_INACTIVE_FILE] == 0 && b.nr[LRU_INACTIVE_ANON] == 20);
	fx->zone->wmark[WMARK_HIGH] = 4096;
	for (int i = 0; i < 400; i++)
		lru_add(fx->pa, take_gfp(fx, GFP_BIT_MEMALLOC | GFP_BIT_MOVABLE, 0), LRU_KIND_FILE);
	sc.priority = 9;
	scan_balance(fx->pa, 0, &sc, &b);
	cr_expect_eq(b.nr[LRU_INACTIVE_FILE], 1, "anonymous pages are too few to be looked at yet");
	sc.priority = 4;
	for (int i = 0; i < 400; i++)
		lru_add_active(fx->pa, take_gfp(fx, GFP_BIT_MEMALLOC | GFP_BIT_MOVABLE, 0), LRU_KIND_ANON);
	scan_balance(fx->pa, 0, &sc, &b);
	cr_expect_eq(b.nr[LRU_INACTIVE_FILE], 45, "anonymous pages are in use");
	fixture_free(fx);
}

/*
 * shrink_lruvec(), scan_adjusted: a request's first attempt
 * looks at all that is due, without regard to what it has got.
 */
Test(vmscan_balance, the_first_attempt_of_a_request_looks_at_all_that_is_due)
{
	for (int kind = 0; kind < 3; kind++) {
		struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
		struct scan_control sc = {
			.highest = ZONE_NORMAL,
			.nr_to_reclaim = 1,
			.meter = &fx->meter,
			.kswapd = kind == 1,
			.priority = kind == 2 ? DEF_PRIORITY - 1 : DEF_PRIORITY,
		};
		struct node_scan scan;
		static struct told told;
		static pfn_t pfns[4096];

		hook(fx, &told);
		fill(fx, LRU_KIND_FILE, pfns, 4096);
		node_scan_begin(fx->pa, 0, &sc, &scan);
		scan.balance.nr[LRU_INACTIVE_FILE] = scan.wanted[LRU_INACTIVE_FILE] = 200;
		while (node_scan_round(fx->pa, 0, &sc, &scan))
			;
		cr_expect_eq(told.nr_gone, kind ? SWAP_CLUSTER_MAX : 200, "kind %d: %u", kind, told.nr_gone);
		fixture_free(fx);
	}
}

/* pageout() is what anonymous pages cost (lru_note_cost() in shrink_inactive_list()). */
Test(vmscan_balance, pages_that_are_written_out_have_a_cost)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];
	struct scan_control sc = {
		.highest = ZONE_NORMAL,
		.kswapd = true,
		.may_swap = true,
		.nr_to_reclaim = 1,
		.priority = 6,
		.meter = &fx->meter,
	};

	hook(fx, &told);
	page_alloc_swap_add(fx->pa, 16384);
	fill(fx, LRU_KIND_ANON, pfns, 4096);
	shrink_node(fx->pa, 0, &sc);
	cr_expect_gt(page_alloc_counter(fx->pa, PC_PSWPOUT), 0);
	cr_expect_eq(fx->pa->reclaim[0].cost[0], page_alloc_counter(fx->pa, PC_PSWPOUT));
	fixture_free(fx);
}

/* What there is that a reclaim could take, and by what mask it may. */
struct stock {
	int kind;          /* enum lru_kind */
	bool active;
	uint64_t swap, swap_used, objects, deferred;
	uint32_t nr_shrinkers;
	gfp_t gfp;
};

static struct fixture *stocked(const struct stock *stock, struct told *told)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);

	hook(fx, told);
	fx->machine.reclaim.swappiness = 60;
	fx->machine.latency.step_ns[STEP_SHRINKER] = 1000;
	meter_start(&fx->meter, fx->machine.latency.step_ns);
	fx->pa->hooks.shrinkers = shrinkers;
	fx->pa->hooks.nr_shrinkers = stock->nr_shrinkers;
	fx->pa->reclaim[0].deferred_objects[0] = stock->deferred;
	told->objects = stock->objects;
	page_alloc_swap_load(fx->pa, stock->swap, stock->swap_used);
	for (int i = 0; i < 100; i++)
		(stock->active ? lru_add_active : lru_add)(fx->pa, take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0),
			(enum lru_kind)stock->kind);
	return fx;
}

/* try_to_free_pages() with all its passes, whether or not they find anything. */
static void reclaim_pass_by_pass(struct fixture *fx, gfp_t gfp)
{
	struct scan_control sc = {
		.highest = ZONE_NORMAL,
		.nr_to_reclaim = SWAP_CLUSTER_MAX,
		.may_swap = gfp & GFP_BIT_IO,
		.may_fs = gfp & GFP_BIT_FS,
		.meter = &fx->meter,
	};

	for (int turn = 0; turn < 2; turn++) {
		fx->pa->counter[PC_ALLOCSTALL_NORMAL]++;
		for (sc.priority = DEF_PRIORITY; sc.priority >= 0 && sc.reclaimed < sc.nr_to_reclaim; sc.priority--)
			shrink_node(fx->pa, 0, &sc);
		if (sc.reclaimed || !sc.skipped_deactivate)
			return;
		sc.force_deactivate = true;
	}
}

static void expect_same_reclaim(const struct stock *stock)
{
	static struct told told[2];
	struct fixture *fx[2] = { stocked(stock, &told[0]), stocked(stock, &told[1]) };
	struct page_request req = { .gfp = stock->gfp, .node = -1 };
	const struct reclaim_node *r[2] = { &fx[0]->pa->reclaim[0], &fx[1]->pa->reclaim[0] };
	struct alloc_context ac;

	page_context(fx[0]->pa, &req, &ac);
	direct_reclaim(fx[0]->pa, &ac, &fx[0]->meter);
	reclaim_pass_by_pass(fx[1], stock->gfp);
	cr_expect_eq(fx[0]->meter.ns, fx[1]->meter.ns,
		"kind %d%s, swap %d of %d, %d objects, %d deferred, mask %x: %d and %d ns", stock->kind,
		stock->active ? ", active" : "", (int)stock->swap_used, (int)stock->swap, (int)stock->objects,
		(int)stock->deferred, stock->gfp, (int)fx[0]->meter.ns, (int)fx[1]->meter.ns);
	cr_expect_arr_eq(fx[0]->pa->counter, fx[1]->pa->counter, sizeof(fx[0]->pa->counter));
	cr_expect_arr_eq(r[0]->nr_lru, r[1]->nr_lru, sizeof(r[0]->nr_lru));
	cr_expect_arr_eq(r[0]->deferred_objects, r[1]->deferred_objects, sizeof(r[0]->deferred_objects));
	cr_expect_eq(told[0].nr_scans, told[1].nr_scans);
	for (int i = 0; i < 2; i++)
		fixture_free(fx[i]);
}

/* A reclaim that finds nothing is over at once, and has cost and changed what all its passes would have. */
Test(vmscan_balance, a_reclaim_in_vain_is_as_all_its_passes)
{
	static const gfp_t masks[] = { GFP_KERNEL, GFP_KERNEL & ~GFP_BIT_FS, GFP_KERNEL & ~(GFP_BIT_IO | GFP_BIT_FS) };
	static const uint64_t swaps[][2] = { { 0, 0 }, { 100, 0 }, { 100, 100 } }, objects[] = { 0, 1, 50 };

	for (int i = 0; i < 54 * 12; i++) {
		const uint64_t *swap = swaps[i / 3 % 3];

		expect_same_reclaim(&(struct stock){
			.kind = i % 3,
			.swap = swap[0],
			.swap_used = swap[1],
			.gfp = masks[i / 9 % 3],
			.active = i / 27 % 2,
			.objects = objects[i / 54 % 3],
			.deferred = i / 162 % 2,
			.nr_shrinkers = 1 + i / 324 % 2,
		});
	}
}

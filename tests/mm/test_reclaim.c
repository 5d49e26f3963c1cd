/* LRU lists, direct reclaim and kswapd's passes on a small zone, with a run that only counts. */
#include <criterion/criterion.h>

#include "base/bits.h"
#include "mm/lru_priv.h"
#include "tests/mm/page_fixture.h"

#define U MIGRATE_UNMOVABLE

/** What the hooks were told. */
struct told {
	pfn_t gone[4096];
	uint32_t nr_gone, nr_swapped, kills;
	uint64_t objects, scanned[64];
	uint32_t nr_scans;
};

static void note_gone(void *arg, pfn_t pfn, bool swapped)
{
	struct told *told = arg;

	told->gone[told->nr_gone++] = pfn;
	told->nr_swapped += swapped;
}

static uint64_t count_objects(void *arg, uint32_t shrinker, uint32_t node)
{
	(void)shrinker, (void)node;
	return ((struct told *)arg)->objects;
}

static uint64_t scan_objects(void *arg, uint32_t shrinker, uint32_t node, uint64_t nr, unsigned int cpu, struct meter *meter)
{
	struct told *told = arg;

	(void)shrinker, (void)node, (void)cpu, (void)meter;
	told->scanned[told->nr_scans++] = nr;
	told->objects -= min_u64(nr, told->objects);
	return nr;
}

static const struct shrinker shrinkers[2] = {
	{ .seeks = 0, .batch = 1024, .needs_fs = true },
	{ .seeks = 2, .batch = 128 },
};

static bool kill_nobody(void *arg, unsigned int cpu, struct meter *meter)
{
	(void)cpu, (void)meter;
	((struct told *)arg)->kills++;
	return false;
}

static void hook(struct fixture *fx, struct told *told)
{
	*told = (struct told){ 0 };
	fx->zone->wmark[WMARK_MIN] = 64;
	fx->zone->wmark[WMARK_LOW] = 80;
	fx->zone->wmark[WMARK_HIGH] = 96;
	page_alloc_set_hooks(fx->pa, &(struct reclaim_hooks){ .page_gone = note_gone,
		.count_objects = count_objects, .scan_objects = scan_objects, .oom_kill = kill_nobody, .arg = told });
}

static pfn_t take_gfp(struct fixture *fx, gfp_t gfp, uint8_t order)
{
	pfn_t pfn;
	struct page_request req = { .gfp = gfp, .node = -1, .order = order };

	return page_alloc_take(fx->pa, &req, &pfn, &fx->meter) == MM_DONE ? pfn : PFN_NONE;
}

/* All memory above the marks becomes pages of that kind, oldest first in pfns[]. */
static uint32_t fill(struct fixture *fx, enum lru_kind kind, pfn_t *pfns, uint32_t most)
{
	uint32_t nr = 0;

	/* What is left on a per-CPU list counts as free for a request that drains it. */
	fx->zone->pcp_batch = 1;
	while (nr < most && (pfns[nr] = take_gfp(fx, GFP_NOWAIT | GFP_BIT_MOVABLE, 0)) != PFN_NONE)
		lru_add(fx->pa, pfns[nr++], kind);
	return nr;
}

static void check(struct fixture *fx)
{
	struct err err = { 0 };

	cr_assert_eq(page_alloc_check(fx->pa, &err), 0, "%s", err.text);
}

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
		cr_assert_eq(told.gone[i], pfns[i], "page %u", i);
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

Test(reclaim, kswapd_works_until_the_high_watermark_and_naps)
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
	cr_assert_eq(answer, KSWAPD_BALANCED);
	cr_expect_not(kswapd_wanted(fx->pa, 0));
	cr_expect_gt(zone_free_pages(fx->zone) + zone_pcp_pages(fx->zone), fx->zone->wmark[WMARK_HIGH]);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_PAGEOUTRUN), 1);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_PGSTEAL_KSWAPD), told.nr_gone);
	cr_expect(kswapd_may_sleep(fx->pa, 0, false));
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
	sc.priority = 1;
	shrink_node(fx->pa, 0, &sc);
	cr_expect_eq(told.nr_scans, 0, "without __GFP_FS");
	cr_expect_gt(fx->pa->reclaim[0].deferred_objects[0], 0, "somebody else will");
	fixture_free(fx);
}

Test(reclaim, page_that_comes_back_soon_is_in_use)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	pfn_t soon, late, active;

	hook(fx, &told);
	active = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0);
	lru_add(fx->pa, active, LRU_KIND_FILE);
	lru_move(fx->pa, active, LRU_ACTIVE_FILE);
	soon = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0);
	late = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0);
	lru_add(fx->pa, soon, LRU_KIND_FILE);
	lru_add(fx->pa, late, LRU_KIND_FILE);
	fx->pa->counter[PC_PGSTEAL_FILE] = 10;
	lru_refault(fx->pa, late, 5);
	cr_expect_eq(lru_pages(fx->pa, 0, LRU_ACTIVE_FILE), 1, "five went after it, one page is active");
	lru_refault(fx->pa, soon, 9);
	cr_expect_eq(lru_pages(fx->pa, 0, LRU_ACTIVE_FILE), 2);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_WORKINGSET_REFAULT_FILE), 2);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_WORKINGSET_ACTIVATE_FILE), 1);
	check(fx);
	fixture_free(fx);
}

/* kswapd_highest_zoneidx is what it has been woken for since its last pass began, not the most that it ever was. */
Test(reclaim, pass_is_over_the_zones_that_kswapd_was_woken_for)
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

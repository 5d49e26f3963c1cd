/* Compaction at random against page_alloc_check(): nothing is lost, nothing is there twice. */
#include "tests/mm/compaction_scene.h"

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
		struct page_request req = {
			.gfp = mov ? GFP_HIGHUSER_MOVABLE : GFP_KERNEL,
			.cpu = (uint16_t)cpu,
			.node = -1,
			.order = (uint8_t)orders[rng_below(rng, sizeof(orders) / sizeof(orders[0]))],
		};

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
		pfn = direct_compact(fx->pa, &ac, WMARK_MIN, (enum compact_priority)rng_below(rng, 3), &result,
			&fx->meter);
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
	cr_assert_eq(found + t.users->gone, t.nr, "seed %llu: %u things, %u reclaimed, %u found",
		(unsigned long long)seed, t.nr, t.users->gone, found);
	cr_assert_gt(t.users->moves, 100);
	pcp_drain_all(fx->pa, 0, &fx->meter);
	fixture_check(fx);
	for (uint32_t i = 0; i < fx->pa->nr_zones; i++)
		cr_assert_eq(zone_free_pages(&fx->pa->zones[i]), fx->pa->zones[i].managed, "seed %llu",
			(unsigned long long)seed);
	free(t.users);
	fixture_free(fx);
}

Test(compaction_random, nothing_is_lost_in_one_zone_whatever_happens)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct fixture *fx = fixture_new();

		fixture_add_ram(fx, 1000, 5000, 0);
		fixture_reserve(fx, 2000, 2100);
		fixture_boot(fx);
		run_random(fx, seed);
	}
}

Test(compaction_random, nothing_is_lost_on_two_nodes_whatever_happens)
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

/*
 * Seeded random operations: one zone beside the slow model of page_model.h, list by list; and machines of several
 * zones, nodes and CPUs against page_alloc_check(), with all pages given back in the end.
 */
#include "base/rng.h"
#include "tests/mm/page_fixture.h"
#include "tests/mm/page_model.h"

#define LIVE_MAX 6000

struct live {
	pfn_t pfn;
	unsigned int order;
};

struct livelist {
	uint32_t nr;
	struct live block[LIVE_MAX];
};

static struct live live_remove(struct livelist *l, uint64_t at)
{
	struct live b = l->block[at];

	l->block[at] = l->block[--l->nr];
	return b;
}

static bool same_free_list(const struct fixture *fx, const struct model *m, int order, unsigned int type)
{
	const struct model_list *l = &m->free[order][type];
	int at = 0;

	for (uint32_t p = fx->zone->area[order].list[type].blocks.head; p != LINK_NONE; p = fx->pa->pages[p].next) {
		int32_t run = order == MODEL_ORDERS - 1 ? fx->pa->pages[p].run : 1;

		for (int32_t i = 0; i < run; i++, at++)
			if (at >= l->nr || l->block[at].pfn != (int)p + (i << order))
				return false;
	}
	return at == l->nr;
}

static bool same_pcp_list(const struct fixture *fx, const struct model *m, int list)
{
	uint32_t p = fx->zone->pcps[0].list[list].head;

	for (int at = 0; at < m->pcp[list].nr; at++, p = fx->pa->pages[p].next)
		if (p == LINK_NONE || (int)p != m->pcp[list].block[at].pfn ||
			fx->pa->pages[p].mt != m->pcp[list].block[at].type)
			return false;
	return p == LINK_NONE;
}

/* All lists, pageblock types and limits of zone and model: the same blocks in the same order? */
static bool same_state(struct fixture *fx, const struct model *m, const char **what)
{
	const struct zone *z = fx->zone;

	for (int o = 0; o < MODEL_ORDERS; o++) {
		*what = "free list";
		for (unsigned int t = 0; t < 4; t++)
			if (!same_free_list(fx, m, o, t))
				return false;
		*what = "nr_free";
		if ((int)z->area[o].nr_free != model_nr_free(m, o))
			return false;
	}
	*what = "per-CPU list";
	for (int i = 0; i < 14; i++)
		if (!same_pcp_list(fx, m, i))
			return false;
	*what = "limit";
	if ((int)z->pcps[0].count != m->count || z->pcps[0].free_factor != m->free_factor ||
		(int)z->nr_reserved_highatomic != m->reserved || z->boost != m->boost)
		return false;
	*what = "pageblock";
	for (int p = m->start; p < m->end; p += MODEL_PB)
		if ((int)pageblock_migratetype(fx->pa, (pfn_t)p) != m->bmt[p >> MODEL_PBO])
			return false;
	return true;
}

static void model_boot(struct model *m, const struct fixture *fx, int start, int end, int hole, int hole_end)
{
	memset(m, 0, sizeof(*m));
	m->start = start;
	m->end = end;
	m->batch = (int)fx->zone->pcp_batch;
	m->high = (int)fx->zone->pcp_high;
	m->high_mark = fx->zone->wmark[WMARK_HIGH];
	for (int pb = 0; pb < MODEL_PAGES / MODEL_PB; pb++)
		m->bmt[pb] = pb * MODEL_PB >= start && pb * MODEL_PB < end;
	for (int p = start; p < end; p++) {
		int order = p ? __builtin_ctz((unsigned int)p) : 10, limit = p < hole ? hole : end;

		if (p >= hole && p < hole_end)
			continue;
		order = order > 10 ? 10 : order;
		while (p + (1 << order) > limit)
			order--;
		m->managed += 1 << order;
		model_free_one(m, p, order, m->bmt[p >> MODEL_PBO], true);
		p += (1 << order) - 1;
	}
}

static const unsigned int orders_by_weight[16] = { 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 3, 4, 5, 9, 9, 10 };

/* One allocation or free on both sides. Return: whether both did the same. */
static bool step_both(struct fixture *fx, struct model *m, struct livelist *live, struct rng *rng, const char **what)
{
	unsigned int order = orders_by_weight[rng_below(rng, 16)];
	unsigned int mt = (unsigned int)rng_below(rng, 3);
	uint64_t dice = rng_below(rng, 100);
	struct live b;

	if (dice == 0) {
		pcp_drain_all(fx->pa, 0, &fx->meter);
		while (m->count)
			model_bulk(m, m->batch << 5, 0);
		m->boost = fx->zone->boost = 0;
	} else if (live->nr < LIVE_MAX && dice < (rng_below(rng, 2) ? 54 : 50)) {
		int flags = dice < 10 ? FLAG_NOFRAGMENT : dice < 14 && order ? FLAG_HIGHATOMIC : 0;
		unsigned int ours = (flags & FLAG_NOFRAGMENT ? ALLOC_NOFRAGMENT : 0) |
			(flags & FLAG_HIGHATOMIC ? ALLOC_HIGHATOMIC : 0);
		bool pcp = model_pcp_order((int)order) && !(flags & FLAG_HIGHATOMIC);
		int want = pcp ? model_alloc_pcp(m, (int)order, (int)mt, flags) : model_alloc_buddy(m, (int)order,
			(int)mt, flags);

		b.order = order;
		b.pfn = pcp ? pcp_take(fx->zone, 0, order, mt, ours, &fx->meter) :
			zone_take_buddy(fx->zone, order, mt, 0, ours, &fx->meter);
		*what = "page taken";
		if (b.pfn != (want == MODEL_NONE ? PFN_NONE : (pfn_t)want))
			return false;
		if (want == MODEL_NONE)
			return true;
		if (flags & FLAG_HIGHATOMIC)
			zone_reserve_highatomic(fx->zone, b.pfn);
		page_hand_out(fx->pa, b.pfn, order, mt == M);
		for (pfn_t p = b.pfn; p < b.pfn + (1ull << order); p++)
			m->lru[p] = mt == M;
		live->block[live->nr++] = b;
	} else if (live->nr) {
		b = live_remove(live, rng_below(rng, live->nr));
		page_alloc_give(fx->pa, b.pfn, b.order, 0, &fx->meter);
		for (pfn_t p = b.pfn; p < b.pfn + (1ull << b.order); p++)
			m->lru[p] = false;
		if (model_pcp_order((int)b.order))
			model_free_pcp(m, (int)b.pfn, (int)b.order);
		else
			model_free_one(m, (int)b.pfn, (int)b.order, m->bmt[b.pfn >> MODEL_PBO], false);
	}
	return same_state(fx, m, what);
}

static void run_beside_model(uint64_t seed, uint32_t batch, uint32_t high, pfn_t start, pfn_t end, pfn_t hole,
	pfn_t hole_end)
{
	struct model *m = malloc(sizeof(*m));
	struct livelist *live = calloc(1, sizeof(*live));
	struct fixture *fx = fixture_new();
	const char *what = "boot";
	struct rng rng;

	cr_assert(m && live);
	fixture_add_ram(fx, start, end, 0);
	fixture_reserve(fx, hole, hole_end);
	fixture_boot(fx);
	fx->pa->mobility_off = false;
	fx->zone->pcp_batch = batch;
	fx->zone->pcp_high = high;
	fx->zone->wmark[WMARK_HIGH] = 3000;
	model_boot(m, fx, (int)start, (int)end, (int)hole, (int)hole_end);
	cr_assert_eq(m->managed, (long)fx->zone->managed);
	cr_assert(same_state(fx, m, &what), "after boot: %s", what);
	rng_init(&rng, seed, "page_random");
	for (unsigned int i = 0; i < 4000; i++) {
		cr_assert(step_both(fx, m, live, &rng, &what), "seed %llu, operation %u, batch %u: %s differs",
			(unsigned long long)seed, i, batch, what);
		if (i % 16 == 0)
			fixture_check(fx);
	}
	fixture_free(fx);
	free(live);
	free(m);
}

Test(page_random, a_zone_does_what_the_slow_model_does)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		run_beside_model(seed, 1, 4, 1024, 5120, 2000, 2100);
		run_beside_model(seed, 7, 28, 1024, 4096, 3000, 3001);
		run_beside_model(seed, 63, 378, 1000, 7000, 4096, 5500);
	}
}

/* What must be the same before anything was taken and after everything was given back. */
static void expect_all_back(struct fixture *fx, const uint64_t *max_blocks, uint64_t seed)
{
	pcp_drain_all(fx->pa, 0, &fx->meter);
	fixture_check(fx);
	for (uint32_t i = 0; i < fx->pa->nr_zones; i++) {
		const struct zone *zone = &fx->pa->zones[i];

		cr_assert_eq(zone_free_pages(zone), zone->managed, "seed %llu, zone %u", (unsigned long long)seed, i);
		/* A reserved pageblock does not merge with its neighbour of another type. */
		if (!zone->nr_reserved_highatomic)
			cr_assert_eq(zone->area[fx->pa->max_order].nr_free, max_blocks[i], "seed %llu, zone %u",
				(unsigned long long)seed, i);
	}
}

static const gfp_t masks[] = { GFP_KERNEL, GFP_KERNEL, GFP_HIGHUSER_MOVABLE, GFP_HIGHUSER_MOVABLE, GFP_ATOMIC,
	GFP_KERNEL | GFP_BIT_RECLAIMABLE, GFP_KERNEL | GFP_BIT_DMA, GFP_KERNEL | GFP_BIT_DMA32,
	GFP_KERNEL | GFP_BIT_MEMALLOC, GFP_KERNEL | GFP_BIT_NOFAIL, GFP_KERNEL | GFP_BIT_THISNODE, GFP_TRANSHUGE_LIGHT,
	GFP_USER | GFP_BIT_HIGHMEM, GFP_NOWAIT, GFP_ATOMIC | GFP_BIT_NOMEMALLOC };

static void random_take(struct fixture *fx, struct livelist *live, struct rng *rng)
{
	struct page_request req = {
		.gfp = masks[rng_below(rng, sizeof(masks) / sizeof(masks[0]))],
		.cpu = (uint16_t)rng_below(rng, fx->pa->nr_cpus),
		.node = (int16_t)(rng_below(rng, fx->pa->nr_nodes + 1)) - 1,
		.order = (uint8_t)orders_by_weight[rng_below(rng, 16)],
	};
	pfn_t pfns[64];
	uint64_t dice = rng_below(rng, 20);

	if (dice == 0) {
		uint32_t got = page_alloc_take_bulk(fx->pa, &req, (uint32_t)rng_below(rng, 64), pfns, &fx->meter);

		for (uint32_t i = 0; i < got; i++)
			live->block[live->nr++] = (struct live){ pfns[i], 0 };
	} else if (dice == 1) {
		uint32_t nr = (uint32_t)rng_below(rng, 40) + 1;

		if (page_alloc_take_exact(fx->pa, &req, nr, pfns, &fx->meter) == MM_DONE)
			for (uint32_t i = 0; i < nr; i++)
				live->block[live->nr++] = (struct live){ pfns[0] + i, 0 };
	} else if (page_alloc_take(fx->pa, &req, pfns, &fx->meter) == MM_DONE) {
		live->block[live->nr++] = (struct live){ pfns[0], req.order };
	}
}

static void random_give(struct fixture *fx, struct livelist *live, struct rng *rng)
{
	struct live b = live_remove(live, rng_below(rng, live->nr));
	unsigned int cpu = (unsigned int)rng_below(rng, fx->pa->nr_cpus);

	/* Now and then a block in two halves, the upper one later. */
	if (b.order && live->nr < LIVE_MAX && rng_below(rng, 8) == 0) {
		b.order--;
		live->block[live->nr++] = (struct live){ b.pfn + (1ull << b.order), b.order };
	}
	cr_assert(page_alloc_allocated(fx->pa, b.pfn, b.order));
	page_alloc_give(fx->pa, b.pfn, b.order, cpu, &fx->meter);
}

static void run_machine(struct fixture *fx, uint64_t seed, unsigned int operations)
{
	struct livelist *live = calloc(1, sizeof(*live));
	uint64_t max_blocks[16], dice;
	struct err err = { 0 };
	struct rng rng;

	cr_assert_not_null(live);
	fixture_boot(fx);
	for (uint32_t i = 0; i < fx->pa->nr_zones; i++)
		max_blocks[i] = fx->pa->zones[i].area[fx->pa->max_order].nr_free;
	rng_init(&rng, seed, "page_machine");
	for (unsigned int i = 0; i < operations; i++) {
		/* Tides: memory fills up, then empties, so that scarcity and plenty both occur. */
		uint64_t takes = i / 500 % 2 ? 35 : 65;

		dice = rng_below(&rng, 100);
		if (dice == 99)
			page_alloc_vmstat_work(fx->pa, (unsigned int)rng_below(&rng, fx->pa->nr_cpus), &fx->meter);
		else if (dice < takes && live->nr + 64 < LIVE_MAX)
			random_take(fx, live, &rng);
		else if (live->nr)
			random_give(fx, live, &rng);
		cr_assert_eq(page_alloc_check(fx->pa, &err), 0, "seed %llu, operation %u: %s",
			(unsigned long long)seed, i, err.text);
	}
	while (live->nr)
		random_give(fx, live, &rng);
	expect_all_back(fx, max_blocks, seed);
	fixture_free(fx);
	free(live);
}

/* Three zones of one node and two CPUs; the higher zones are small so that requests spill over. */
Test(page_random, pages_are_conserved_over_the_zones_of_a_pc, .timeout = 100)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct fixture *fx = fixture_new();

		fx->machine.cpus = 2;
		fixture_add_ram(fx, 1, 0x1400, 0);
		fixture_add_ram(fx, 0x100000, 0x100000 + 1700, 0);
		fixture_reserve(fx, 1, 256);
		fixture_reserve(fx, 0x100000 + 300, 0x100000 + 333);
		fx->machine.zones.dma_end = 16ull << 20;
		fx->machine.zones.dma32_end = 4ull << 30;
		fx->machine.page_allocator.min_free_kbytes = MACHINE_AUTO;
		fx->machine.page_allocator.watermark_scale_factor = 10;
		run_machine(fx, seed, 2000);
	}
}

/* Two nodes, one without CPUs, one of them with zone Movable; and 32-bit highmem. */
Test(page_random, pages_are_conserved_over_nodes_and_kinds_of_zones, .timeout = 100)
{
	for (uint64_t seed = 1; seed <= 2; seed++) {
		struct fixture *fx = fixture_new();

		fx->machine.cpus = 3;
		fx->machine.nr_nodes = 3;
		for (uint32_t a = 0; a < 3; a++)
			for (uint32_t b = 0; b < 3; b++)
				fx->machine.distance[a][b] = a == b ? 10 : 20;
		fx->machine.node_of_cpu[1] = 1;
		fixture_add_ram(fx, 0, 2500, 0);
		fixture_add_ram(fx, 2500, 5120, 2);
		fx->machine.zones.movable = 4ull << 20;
		fx->machine.page_allocator.min_free_kbytes = MACHINE_AUTO;
		run_machine(fx, seed, 2000);

		fx = fixture_new();
		fx->machine.bits32 = true;
		fx->machine.zones.dma_end = 4ull << 20;
		fx->machine.zones.highmem_above = 2000ull << 12;
		fx->machine.page_allocator.min_free_kbytes = MACHINE_AUTO;
		fixture_add_ram(fx, 1, 5000, 0);
		run_machine(fx, seed, 2000);
	}
}

/* 64 KiB pages: blocks of 512 MiB, pageblocks of order 13. */
Test(page_random, pages_are_conserved_with_large_pages_and_without_grouping, .timeout = 100)
{
	struct fixture *fx = fixture_new();

	fx->machine.page_size = 65536;
	fx->machine.page_shift = 16;
	fx->machine.page_allocator.max_order = 13;
	fx->machine.page_allocator.pageblock_order = 13;
	fx->machine.page_allocator.min_free_kbytes = MACHINE_AUTO;
	fixture_add_ram(fx, 8192, 8192 * 2 + 777, 0);
	run_machine(fx, 1, 600);
}

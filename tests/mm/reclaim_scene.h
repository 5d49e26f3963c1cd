/*
 * reclaim_scene: a small zone full of pages on LRU lists, and a run that only counts what it is told.
 */
#ifndef KMEMSIM_TESTS_MM_RECLAIM_SCENE_H
#define KMEMSIM_TESTS_MM_RECLAIM_SCENE_H

#include "base/bits.h"
#include "mm/lru_priv.h"
#include "tests/mm/page_fixture.h"

/** What the hooks were told. */
struct told {
	pfn_t gone[16384];
	uint32_t nr_gone, nr_swapped, kills;
	uint64_t objects, scanned[64];
	uint32_t nr_scans;
};

static inline void note_gone(void *arg, pfn_t pfn, bool swapped)
{
	struct told *told = arg;

	cr_assert_lt(told->nr_gone, sizeof(told->gone) / sizeof(told->gone[0]));
	told->gone[told->nr_gone++] = pfn;
	told->nr_swapped += swapped;
}

static inline uint64_t count_objects(void *arg, uint32_t shrinker, uint32_t node)
{
	(void)shrinker, (void)node;
	return ((struct told *)arg)->objects;
}

static inline uint64_t scan_objects(void *arg, uint32_t shrinker, uint32_t node, uint64_t nr, unsigned int cpu,
	struct meter *meter)
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

static inline bool kill_nobody(void *arg, unsigned int cpu, struct meter *meter)
{
	(void)cpu, (void)meter;
	((struct told *)arg)->kills++;
	return false;
}

static inline void hook(struct fixture *fx, struct told *told)
{
	*told = (struct told){ 0 };
	fx->zone->wmark[WMARK_MIN] = 64;
	fx->zone->wmark[WMARK_LOW] = 80;
	fx->zone->wmark[WMARK_HIGH] = 96;
	page_alloc_set_hooks(fx->pa,
		&(struct reclaim_hooks){
			.page_gone = note_gone,
			.count_objects = count_objects,
			.scan_objects = scan_objects,
			.oom_kill = kill_nobody,
			.arg = told,
		});
}

static inline pfn_t take_gfp(struct fixture *fx, gfp_t gfp, uint8_t order)
{
	pfn_t pfn;
	struct page_request req = { .gfp = gfp, .node = -1, .order = order };

	return page_alloc_take(fx->pa, &req, &pfn, &fx->meter) == MM_DONE ? pfn : PFN_NONE;
}

/* All memory above the marks becomes pages of that kind, oldest first in pfns[]. */
static inline uint32_t fill(struct fixture *fx, enum lru_kind kind, pfn_t *pfns, uint32_t most)
{
	uint32_t nr = 0;

	/* What is left on a per-CPU list counts as free for a request that drains it. */
	fx->zone->pcp_batch = 1;
	while (nr < most && (pfns[nr] = take_gfp(fx, GFP_NOWAIT | GFP_BIT_MOVABLE, 0)) != PFN_NONE)
		lru_add(fx->pa, pfns[nr++], kind);
	return nr;
}

static inline bool has(const pfn_t *pfns, uint32_t nr, pfn_t pfn)
{
	for (uint32_t i = 0; i < nr; i++)
		if (pfns[i] == pfn)
			return true;
	return false;
}

static inline void check(struct fixture *fx)
{
	struct err err = { 0 };

	cr_assert_eq(page_alloc_check(fx->pa, &err), 0, "%s", err.text);
}

/* Two zones of one node, all handed out: file pages in the lower one are active, those in the upper one are not. */
static inline struct fixture *old_pages_above_active_ones(struct told *told)
{
	struct fixture *fx = fixture_new();
	pfn_t pfn;

	fx->machine.zones.dma_end = 2048 << 12;
	fixture_add_ram(fx, 1024, 4096, 0);
	fixture_boot(fx);
	fx->pa->mobility_off = false;
	for (uint32_t i = 0; i < 2; i++) {
		fx->zone = &fx->pa->zones[i];
		while ((pfn = take_buddy(fx, 0, MIGRATE_MOVABLE, 0)) != PFN_NONE)
			(i ? lru_add : lru_add_active)(fx->pa, pfn, LRU_KIND_FILE);
	}
	hook(fx, told);
	for (uint32_t i = 0; i < 2; i++)
		memset(fx->pa->zones[i].wmark, 0, sizeof(fx->pa->zones[i].wmark));
	return fx;
}

/* Memory below 2048 pages is zone DMA32, the rest, of the same node or of another one, is Normal. */
static inline struct fixture *two_zones(struct told *told, bool two_nodes)
{
	struct fixture *fx = fixture_new();
	struct machine *m = &fx->machine;

	m->zones.dma32_end = 2048ull << 12;
	m->nr_nodes = two_nodes ? 2 : 1;
	m->distance[1][1] = 10;
	m->distance[0][1] = m->distance[1][0] = 20;
	fixture_add_ram(fx, 1024, 2048, 0);
	fixture_add_ram(fx, 2048, 4096, two_nodes);
	fixture_boot(fx);
	cr_assert(fx->pa->nr_zones == 2 && fx->pa->zones[0].type == ZONE_DMA32 && fx->pa->zones[1].type == ZONE_NORMAL);
	fx->pa->mobility_off = false;
	for (int i = 0; i < 2; i++) {
		fx->pa->zones[i].stat_threshold = 0;
		fx->pa->zones[i].pcp_batch = 1;
		fx->pa->zones[i].lowmem_reserve[ZONE_NORMAL] = 0;
	}
	hook(fx, told);
	fx->pa->zones[1].wmark[WMARK_MIN] = fx->pa->zones[1].wmark[WMARK_LOW] = fx->pa->zones[1].wmark[WMARK_HIGH] = 0;
	return fx;
}

/* The zone is one of memory below 4 GiB, so that requests for such memory are served by it, too. */
static inline struct fixture *zone_dma32(struct told *told, enum lru_kind kind)
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

#endif

/*
 * page_fixture: small machines for tests of the page allocator, and its lists as text.
 * The usual one has one CPU and one zone with all watermarks 0, as the examples of the specification want it.
 */
#ifndef KMEMSIM_TESTS_MM_PAGE_FIXTURE_H
#define KMEMSIM_TESTS_MM_PAGE_FIXTURE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mm/page_alloc_priv.h"
#include "mm/pcp_priv.h"
#include "mm/vmstat_priv.h"

#define U MIGRATE_UNMOVABLE
#define M MIGRATE_MOVABLE
#define R MIGRATE_RECLAIMABLE
#define H MIGRATE_HIGHATOMIC

struct fixture {
	struct machine machine;
	struct page_alloc *pa;
	struct zone *zone; /* the first one */
	struct meter meter;
	char text[4096];
};

static inline struct fixture *fixture_new(void)
{
	static const uint32_t ratios[NR_ZONE_TYPES] = { 256, 256, 32, 0, 0 };
	struct fixture *fx = calloc(1, sizeof(*fx));
	struct machine *m = &fx->machine;

	cr_assert_not_null(fx);
	m->cpus = 1;
	m->page_size = 4096;
	m->page_shift = 12;
	m->nr_nodes = 1;
	m->distance[0][0] = 10;
	m->zones.highmem_above = UINT64_MAX;
	m->page_allocator = (struct machine_page_allocator){ .max_order = 10, .pageblock_order = 9,
		.watermark_boost_factor = 15000, .transparent_hugepage = true, .page_group_by_mobility = true };
	memcpy(m->page_allocator.lowmem_reserve_ratio, ratios, sizeof(ratios));
	for (unsigned int i = 0; i < NR_STEPS; i++)
		m->latency.step_ns[i] = 1;
	meter_start(&fx->meter, m->latency.step_ns);
	return fx;
}

static inline void fixture_add_ram(struct fixture *fx, pfn_t start, pfn_t end, uint32_t node)
{
	fx->machine.ram[fx->machine.nr_ram++] = (struct machine_range){
		.start = start << fx->machine.page_shift,
		.size = (end - start) << fx->machine.page_shift,
		.node = node,
	};
}

static inline void fixture_reserve(struct fixture *fx, pfn_t start, pfn_t end)
{
	fx->machine.reserved[fx->machine.nr_reserved++] = (struct machine_range){
		.start = start << fx->machine.page_shift, .size = (end - start) << fx->machine.page_shift };
}

static inline void fixture_boot(struct fixture *fx)
{
	struct err err = { 0 };

	cr_assert_eq(page_alloc_create(&fx->pa, &fx->machine, &err), 0, "%s", err.text);
	fx->zone = &fx->pa->zones[0];
}

static inline void fixture_check(const struct fixture *fx)
{
	struct err err = { 0 };

	cr_assert_eq(page_alloc_check(fx->pa, &err), 0, "%s", err.text);
}

static inline void fixture_free(struct fixture *fx)
{
	page_alloc_destroy(fx->pa);
	free(fx);
}

/* One zone [start, end), all free, with that batch and high; small as it is, types are told apart. */
static inline struct fixture *fixture_zone(pfn_t start, pfn_t end, uint32_t batch, uint32_t high)
{
	struct fixture *fx = fixture_new();

	fixture_add_ram(fx, start, end, 0);
	fixture_boot(fx);
	fx->pa->mobility_off = false;
	fx->zone->pcp_batch = batch;
	fx->zone->pcp_high = high;
	return fx;
}

/* Straight from the buddy, and handed out. PFN_NONE: not to be had. */
static inline pfn_t take_buddy(struct fixture *fx, unsigned int order, unsigned int mt, unsigned int flags)
{
	pfn_t pfn = zone_take_buddy(fx->zone, order, mt, 0, flags, &fx->meter);

	if (pfn != PFN_NONE)
		page_hand_out(fx->pa, pfn, order, mt == M);
	return pfn;
}

/* Straight to the buddy, with the type of the pageblock. */
static inline void give_buddy(struct fixture *fx, pfn_t pfn, unsigned int order)
{
	page_take_back(fx->pa, pfn, order);
	page_free_direct(fx->pa, pfn, order, PLACE_DEFAULT, 0, &fx->meter);
}

static inline gfp_t gfp_of(unsigned int mt)
{
	return mt == M ? GFP_HIGHUSER_MOVABLE : mt == R ? GFP_KERNEL | GFP_BIT_RECLAIMABLE : GFP_KERNEL;
}

static inline pfn_t take(struct fixture *fx, unsigned int order, unsigned int mt)
{
	struct page_request req = { .gfp = gfp_of(mt), .node = -1, .order = (uint8_t)order };
	pfn_t pfn;

	return page_alloc_take(fx->pa, &req, &pfn, &fx->meter) == MM_DONE ? pfn : PFN_NONE;
}

static inline void give(struct fixture *fx, pfn_t pfn, unsigned int order)
{
	page_alloc_give(fx->pa, pfn, order, 0, &fx->meter);
}

/* The zone's buddyinfo row. */
static inline const char *bi(struct fixture *fx)
{
	size_t used = 0;

	for (unsigned int order = 0; order <= fx->pa->max_order; order++)
		used += (size_t)snprintf(fx->text + used, sizeof(fx->text) - used, "%s%u", order ? " " : "",
			fx->zone->area[order].nr_free);
	return fx->text;
}

static inline void append_pfn(struct fixture *fx, size_t *used, pfn_t pfn)
{
	*used += (size_t)snprintf(fx->text + *used, sizeof(fx->text) - *used, "%s%llu", *used ? " " : "",
		(unsigned long long)pfn);
}

/* A free list, head first; a run block by block. */
static inline const char *list_of(struct fixture *fx, unsigned int order, unsigned int mt)
{
	size_t used = 0;

	fx->text[0] = '\0';
	for (uint32_t p = fx->zone->area[order].list[mt].blocks.head; p != LINK_NONE; p = fx->pa->pages[p].next) {
		int32_t run = order == fx->pa->max_order ? fx->pa->pages[p].run : 1;

		for (int32_t i = 0; i < abs(run); i++)
			append_pfn(fx, &used, run > 0 ? p + ((pfn_t)i << order) : p - ((pfn_t)i << order));
	}
	return fx->text;
}

static inline const char *pcp_list_of(struct fixture *fx, unsigned int index)
{
	size_t used = 0;

	fx->text[0] = '\0';
	for (uint32_t p = fx->zone->pcps[0].list[index].head; p != LINK_NONE; p = fx->pa->pages[p].next)
		append_pfn(fx, &used, p);
	return fx->text;
}

#define expect_pfn(got, want)                                                                              \
	do {                                                                                               \
		pfn_t got_ = (got);                                                                        \
		cr_assert_eq(got_, (pfn_t)(want), "page %lld, expected %lld", (long long)got_, (long long)(want)); \
	} while (0)
#define expect_bi(fx, want)          cr_assert_str_eq(bi(fx), want)
#define expect_list(fx, order, mt, want) cr_assert_str_eq(list_of(fx, order, mt), want)
#define expect_pcp(fx, index, want)  cr_assert_str_eq(pcp_list_of(fx, index), want)
#define expect_type(fx, pfn, mt)     cr_assert_eq(pageblock_migratetype((fx)->pa, pfn), (unsigned int)(mt))

#endif

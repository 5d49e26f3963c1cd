/* Indices and figures for recording: E26. */
#include "tests/mm/page_fixture.h"

#define NR_ORDERS 11

static int percent(const uint64_t *nr_free, unsigned int order)
{
	return page_unusable_index(nr_free, 10, order) / 10;
}

/* E26. */
Test(page_stats, indices_of_a_fragmented_zone)
{
	static const uint64_t nr_free[NR_ORDERS] = { 10, 5, 3, 2, 1 };
	static const int unusable[NR_ORDERS] = { 0, 156, 312, 500, 750, 1000, 1000, 1000, 1000, 1000, 1000 };
	static const int frag[NR_ORDERS] = { -1000, -1000, -1000, -1000, -1000, 858, 905, 929, 941, 947, 950 };

	for (unsigned int order = 0; order < NR_ORDERS; order++) {
		cr_assert_eq(page_unusable_index(nr_free, 10, order), unusable[order], "order %u", order);
		cr_assert_eq(page_frag_index(nr_free, 10, order), frag[order], "order %u", order);
	}
	cr_assert_eq(percent(nr_free, 1), 15);
	cr_assert_eq(percent(nr_free, 2), 31);
}

/* E26. */
Test(page_stats, indices_at_their_ends)
{
	uint64_t nr_free[NR_ORDERS] = { 1000 };

	cr_assert_eq(page_frag_index(nr_free, 10, 4), 937);
	cr_assert_eq(page_frag_index(nr_free, 10, 9), 998);
	nr_free[0] = 1;
	cr_assert_eq(page_frag_index(nr_free, 10, 4), -62);
	nr_free[0] = 0;
	cr_assert_eq(page_frag_index(nr_free, 10, 4), 0);
	cr_assert_eq(page_unusable_index(nr_free, 10, 4), 1000);
	nr_free[0] = 100;
	nr_free[5] = 20;
	nr_free[9] = 3;
	cr_assert_eq(percent(nr_free, 9), 32);
}

Test(page_stats, zone_stats_tell_blocks_pageblocks_and_pages)
{
	struct fixture *fx = fixture_zone(1024, 3072, 7, 28);
	struct zone_stats stats;

	expect_pfn(take(fx, 0, U), 1024);
	expect_pfn(take(fx, 4, M), 2048);
	cr_assert_eq(page_alloc_nr_zones(fx->pa), 1);
	page_alloc_zone_stats(fx->pa, 0, &stats);
	cr_assert_eq(stats.start_pfn, 1024);
	cr_assert_eq(stats.spanned, 2048);
	cr_assert_eq(stats.managed, 2048);
	cr_assert_eq(stats.free_pages + stats.pcp_pages, 2048 - 17);
	cr_assert_eq(stats.pcp_pages, 6);
	cr_assert_eq(stats.pageblocks[U], 2);
	cr_assert_eq(stats.pageblocks[M], 2);
	cr_assert_eq(stats.blocks[U][9], 1);
	cr_assert_eq(stats.blocks[M][9], 1);
	cr_assert_eq(stats.blocks[M][10], 0);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_PGALLOC_NORMAL), 17);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_NUMA_HIT), 2);
	cr_assert_str_eq(page_counter_name[PC_PGALLOC_NORMAL], "pgalloc_normal");
	cr_assert_str_eq(migratetype_name[H], "HighAtomic");
	fixture_free(fx);
}

Test(page_stats, zeroing_is_charged_by_size_and_only_when_asked_for)
{
	struct fixture *fx = fixture_zone(1024, 3072, 7, 28);
	struct page_request req = { .gfp = GFP_KERNEL | GFP_BIT_ZERO, .node = -1, .order = 1 };
	uint64_t plain;
	pfn_t pfn;

	expect_pfn(take(fx, 1, U), 1024);
	meter_start(&fx->meter, fx->machine.latency.step_ns);
	expect_pfn(take(fx, 1, U), 1026);
	plain = fx->meter.ns;
	meter_start(&fx->meter, fx->machine.latency.step_ns);
	cr_assert_eq(page_alloc_take(fx->pa, &req, &pfn, &fx->meter), MM_DONE);
	cr_assert_eq(fx->meter.ns, plain + 8, "8 KiB at 1 ns");
	fixture_free(fx);
}

Test(page_stats, a_page_keeps_its_owners_word)
{
	struct fixture *fx = fixture_zone(1024, 3072, 7, 28);
	pfn_t pfn = take(fx, 10, M);

	cr_assert_eq(page_alloc_owner(fx->pa, pfn), 0);
	page_alloc_set_owner(fx->pa, pfn, 77);
	page_alloc_set_owner(fx->pa, pfn + 1023, 78);
	cr_assert_eq(page_alloc_owner(fx->pa, pfn), 77);
	cr_assert_eq(page_alloc_owner(fx->pa, pfn + 1023), 78);
	fixture_free(fx);
}

/* Per-CPU page lists. Worked examples E8 to E12, E21 to E25. */
#include "tests/mm/page_fixture.h"

static uint64_t exact_free(const struct fixture *fx)
{
	return zone_free_pages(fx->zone);
}

/* E8. */
Test(page_pcp, refill_takes_a_batch_and_frees_come_back_last_in_first_out)
{
	struct fixture *fx = fixture_zone(1024, 2048, 63, 378);

	expect_pfn(take(fx, 0, M), 1024);
	cr_assert_eq(fx->zone->pcps[0].count, 62);
	cr_assert_eq(fx->zone->pcps[0].list[1].head, 1025);
	cr_assert_eq(fx->zone->pcps[0].list[1].tail, 1086);
	expect_bi(fx, "1 0 0 0 0 0 1 1 1 1 0");
	expect_list(fx, 0, M, "1087");
	expect_list(fx, 6, M, "1088");
	cr_assert_eq(exact_free(fx), 961);
	expect_pfn(take(fx, 0, M), 1025);
	expect_pfn(take(fx, 0, M), 1026);
	give(fx, 1024, 0);
	give(fx, 1025, 0);
	expect_pfn(take(fx, 0, M), 1025);
	expect_pfn(take(fx, 0, M), 1024);
	expect_pfn(take(fx, 0, M), 1027);
	fixture_check(fx);
	fixture_free(fx);
}

/* E9. */
Test(page_pcp, refill_shrinks_with_the_order)
{
	struct fixture *fx = fixture_zone(1024, 2048, 63, 378);

	expect_pfn(take(fx, 1, M), 1024);
	expect_bi(fx, "0 1 0 0 0 0 1 1 1 1 0");
	cr_assert_eq(exact_free(fx), 962);
	cr_assert_eq(fx->zone->pcps[0].count, 60);
	expect_pfn(take(fx, 2, M), 1088);
	expect_bi(fx, "0 1 1 0 0 0 0 1 1 1 0");
	cr_assert_eq(exact_free(fx), 902);
	cr_assert_eq(fx->zone->pcps[0].count, 116);
	expect_pfn(take(fx, 3, M), 1152);
	expect_bi(fx, "0 1 1 1 0 0 1 0 1 1 0");
	cr_assert_eq(exact_free(fx), 846);
	cr_assert_eq(fx->zone->pcps[0].count, 164);
	expect_pfn(take(fx, 0, U), 1536);
	expect_bi(fx, "1 1 1 1 0 0 2 1 2 0 0");
	cr_assert_eq(exact_free(fx), 783);
	cr_assert_eq(fx->zone->pcps[0].count, 226);
	expect_type(fx, 1536, U);
	fixture_check(fx);
	fixture_free(fx);
}

/* E10. */
Test(page_pcp, huge_pages_have_lists_of_their_own)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);

	expect_pfn(take(fx, 9, M), 1024);
	expect_pcp(fx, 13, "1536");
	cr_assert_eq(fx->zone->pcps[0].count, 512);
	expect_bi(fx, "0 0 0 0 0 0 0 0 0 0 1");
	cr_assert_eq(exact_free(fx), 1024);
	fixture_check(fx);
	fixture_free(fx);
}

/* E11. */
Test(page_pcp, flushes_double_while_frees_go_on)
{
	struct fixture *fx = fixture_zone(1024, 2048, 7, 28);
	const struct pcp *pcp = &fx->zone->pcps[0];

	for (pfn_t p = 1024; p < 1064; p++)
		expect_pfn(take(fx, 0, M), p);
	cr_assert_eq(pcp->count, 2);
	expect_bi(fx, "0 1 1 0 1 0 1 1 1 1 0");
	cr_assert_eq(exact_free(fx), 982);
	for (pfn_t p = 1024; p < 1064; p++) {
		give(fx, p, 0);
		if (p == 1048)
			cr_assert_eq(pcp->count, 27);
		if (p == 1049) {
			cr_assert_eq(pcp->count, 21);
			cr_assert_eq(pcp->free_factor, 1);
			expect_bi(fx, "1 0 1 1 1 0 1 1 1 1 0");
		}
		if (p == 1056) {
			cr_assert_eq(pcp->count, 14);
			cr_assert_eq(pcp->free_factor, 2);
			expect_bi(fx, "1 1 0 1 2 0 1 1 1 1 0");
		}
		fixture_check(fx);
	}
	cr_assert_eq(pcp->count, 21);
	expect_list(fx, 0, M, "1042");
	expect_list(fx, 1, M, "1040");
	expect_list(fx, 3, M, "1064");
	expect_list(fx, 4, M, "1024 1072");
	expect_pcp(fx, 1, "1063 1062 1061 1060 1059 1058 1057 1056 1055 1054 1053 1052 1051 1050 1049 1048 1047 1046 "
			  "1045 1044 1043");
	fixture_free(fx);
}

/* E12. */
Test(page_pcp, high_orders_are_flushed_at_once_while_frees_go_on)
{
	struct fixture *fx = fixture_zone(1024, 2048, 7, 28);
	const struct pcp *pcp = &fx->zone->pcps[0];

	for (pfn_t p = 1024; p < 1056; p += 2)
		expect_pfn(take(fx, 1, M), p);
	cr_assert_eq(pcp->count, 4);
	cr_assert_eq(exact_free(fx), 988);
	for (unsigned int i = 1; i <= 16; i++) {
		give(fx, 1024 + 2 * (i - 1), 1);
		if (i == 12) {
			cr_assert_eq(pcp->count, 20);
			cr_assert_eq(pcp->free_factor, 1);
		}
		if (i >= 13)
			cr_assert_eq(pcp->count, 0, "free %u", i);
		fixture_check(fx);
	}
	expect_list(fx, 10, M, "1024");
	fixture_free(fx);
}

/* E21. */
Test(page_pcp, drained_pages_keep_the_type_that_was_asked_for)
{
	struct fixture *fx = fixture_zone(1024, 1536, 7, 28);

	for (pfn_t p = 1024; p < 1423; p++)
		expect_pfn(take_buddy(fx, 0, M, 0), p);
	expect_pfn(take(fx, 0, U), 1423);
	expect_pcp(fx, 0, "1424 1425 1426 1427 1428 1429");
	expect_type(fx, 1024, M);
	fixture_check(fx);
	pcp_drain_all(fx->pa, 0, &fx->meter);
	expect_list(fx, 4, U, "1424");
	expect_list(fx, 5, U, "1440");
	expect_list(fx, 6, U, "1472");
	expect_bi(fx, "0 0 0 0 1 1 1 0 0 0 0");
	fixture_check(fx);
	fixture_free(fx);
}

/* E22. */
Test(page_pcp, drain_goes_from_list_to_list_and_from_tail_to_head)
{
	struct fixture *fx = fixture_zone(1024, 3072, 7, 28);

	expect_pfn(take(fx, 0, U), 1024);
	expect_pfn(take(fx, 0, M), 2048);
	expect_pfn(take(fx, 1, M), 2056);
	pcp_drain_all(fx->pa, 0, &fx->meter);
	expect_list(fx, 1, M, "2050 2058");
	expect_list(fx, 2, M, "2060 2052");
	expect_list(fx, 0, U, "1025");
	expect_list(fx, 0, M, "2049");
	expect_bi(fx, "2 3 3 1 2 2 2 2 2 2 0");
	cr_assert_eq(fx->zone->pcps[0].count, 0);
	fixture_check(fx);
	fixture_free(fx);
}

/* E23. */
Test(page_pcp, a_tiny_zone_refills_one_page_at_a_time)
{
	struct fixture *fx = fixture_new();

	fixture_add_ram(fx, 0, 4096, 0);
	fixture_reserve(fx, 0, 256);
	fixture_boot(fx);
	fx->zone->pcp_batch = 1;
	fx->zone->pcp_high = 4;
	expect_pfn(take(fx, 0, U), 1024);
	expect_type(fx, 1024, U);
	expect_type(fx, 1536, U);
	expect_pfn(take(fx, 0, U), 1025);
	expect_pfn(take(fx, 1, U), 1026);
	cr_assert_eq(fx->zone->pcps[0].count, 0);
	expect_bi(fx, "0 0 1 1 1 1 1 1 2 2 2");
	give(fx, 1024, 0);
	cr_assert_eq(fx->zone->pcps[0].count, 1);
	give(fx, 1025, 0);
	cr_assert_eq(fx->zone->pcps[0].count, 2);
	give(fx, 1026, 1);
	cr_assert_eq(fx->zone->pcps[0].free_factor, 1);
	cr_assert_eq(fx->zone->pcps[0].count, 2);
	expect_pcp(fx, 0, "1025 1024");
	expect_bi(fx, "0 1 1 1 1 1 1 1 2 2 2");
	fixture_check(fx);
	fixture_free(fx);
}

static uint32_t free_378_pages(bool reclaim_active, unsigned int *free_factor)
{
	struct fixture *fx = fixture_zone(1024, 2048, 63, 378);
	uint32_t count;

	for (pfn_t p = 1024; p < 1024 + 378; p++)
		expect_pfn(take(fx, 0, M), p);
	cr_assert_eq(fx->zone->pcps[0].count, 0);
	fx->zone->reclaim_active = reclaim_active;
	for (unsigned int i = 1; i <= 378; i++) {
		give(fx, 1024 + i - 1, 0);
		if (reclaim_active && i == 252)
			cr_assert_eq(fx->zone->pcps[0].count, 189);
		if (reclaim_active && i == 315)
			cr_assert_eq(fx->zone->pcps[0].count, 126);
	}
	fixture_check(fx);
	count = fx->zone->pcps[0].count;
	*free_factor = fx->zone->pcps[0].free_factor;
	fixture_free(fx);
	return count;
}

/* E24. */
Test(page_pcp, fewer_pages_are_kept_while_kswapd_works)
{
	unsigned int free_factor;

	cr_assert_eq(free_378_pages(true, &free_factor), 189);
	cr_assert_eq(free_factor, 2);
	cr_assert_eq(free_378_pages(false, &free_factor), 315);
	cr_assert_eq(free_factor, 1);
}

/* E25. */
Test(page_pcp, bulk_takes_pages_in_order_and_leaves_the_free_factor)
{
	struct fixture *fx = fixture_zone(1024, 2048, 7, 28);
	struct page_request req = { .gfp = GFP_HIGHUSER_MOVABLE, .node = -1 };
	pfn_t pfns[10];

	fx->zone->pcps[0].free_factor = 2;
	cr_assert_eq(page_alloc_take_bulk(fx->pa, &req, 10, pfns, &fx->meter), 10);
	for (unsigned int i = 0; i < 10; i++)
		expect_pfn(pfns[i], 1024 + i);
	cr_assert_eq(fx->zone->pcps[0].count, 4);
	cr_assert_eq(fx->zone->pcps[0].free_factor, 2);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_PCP_REFILL), 2);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_PCP_REFILL_PAGES), 14);
	fixture_check(fx);
	fixture_free(fx);
}

Test(page_pcp, bulk_gives_what_there_is_when_memory_runs_out)
{
	struct fixture *fx = fixture_zone(1024, 1088, 7, 28);
	struct page_request req = { .gfp = GFP_HIGHUSER_MOVABLE, .node = -1 };
	pfn_t pfns[100];

	cr_assert_eq(page_alloc_take_bulk(fx->pa, &req, 60, pfns, &fx->meter), 60);
	cr_assert_eq(page_alloc_take_bulk(fx->pa, &req, 100, pfns, &fx->meter), 1, "a single page at least");
	fixture_check(fx);
	fixture_free(fx);
}

/* The price of a hit is one step without a lock; a refill is paid under the zone's lock. */
Test(page_pcp, only_refills_and_flushes_take_the_zone_lock)
{
	struct fixture *fx = fixture_zone(1024, 2048, 7, 28);

	meter_start(&fx->meter, fx->machine.latency.step_ns);
	expect_pfn(take(fx, 0, M), 1024);
	cr_assert_eq(fx->meter.nr_segments, 3);
	cr_assert_eq(fx->meter.segments[0].step, STEP_ZONE_LOCK);
	cr_assert_eq(fx->meter.segments[0].lock, LOCK_ZONE(0));
	cr_assert_eq(fx->meter.segments[1].step, STEP_PAGE_PCP_BLOCK);
	cr_assert_eq(fx->meter.segments[1].count, 7);
	cr_assert_eq(fx->meter.segments[2].step, STEP_PAGE_SPLIT_MERGE);
	meter_start(&fx->meter, fx->machine.latency.step_ns);
	expect_pfn(take(fx, 0, M), 1025);
	cr_assert_eq(fx->meter.nr_segments, 0);
	cr_assert_eq(fx->meter.ns, 1);
	fixture_free(fx);
}

/*
 * 4.5, 5.5: the lists' own lock is taken once for a request, a free,
 * a bulk of pages or a drain, and not for what the buddy serves.
 */
Test(page_pcp, requests_frees_and_drains_take_the_lists_own_lock)
{
	struct fixture *fx = fixture_zone(1024, 2048, 7, 28);
	struct page_request req = { .gfp = GFP_HIGHUSER_MOVABLE, .node = -1 };
	pfn_t pfns[10], pfn = take(fx, 0, M);

	cr_assert_eq(page_alloc_pcp_acquisitions(fx->pa), 1);
	page_alloc_give(fx->pa, pfn, 0, 0, &fx->meter);
	cr_assert_eq(page_alloc_pcp_acquisitions(fx->pa), 2);
	cr_assert_eq(page_alloc_take_bulk(fx->pa, &req, 10, pfns, &fx->meter), 10);
	cr_assert_eq(page_alloc_pcp_acquisitions(fx->pa), 3);
	pfn = take(fx, 5, M);
	page_alloc_give(fx->pa, pfn, 5, 0, &fx->meter);
	cr_assert_eq(page_alloc_pcp_acquisitions(fx->pa), 3);
	pcp_drain_all(fx->pa, 0, &fx->meter);
	pcp_drain_all(fx->pa, 0, &fx->meter);
	cr_assert_eq(page_alloc_pcp_acquisitions(fx->pa), 4, "empty lists are left alone");
	fixture_free(fx);
}

/* 5.7: a remote node's pages go back after three rounds without a new difference; local ones stay. */
Test(page_pcp, pages_of_a_remote_node_expire)
{
	struct fixture *fx = fixture_new();
	struct page_request req = { .gfp = GFP_KERNEL, .node = 1 };
	pfn_t pfn;

	fx->machine.nr_nodes = 2;
	fx->machine.distance[1][1] = 10;
	fx->machine.distance[0][1] = fx->machine.distance[1][0] = 20;
	fixture_add_ram(fx, 0x10000, 0x20000, 0);
	fixture_add_ram(fx, 0x20000, 0x30000, 1);
	fixture_boot(fx);
	cr_assert_eq(page_alloc_take(fx->pa, &req, &pfn, &fx->meter), MM_DONE);
	cr_assert_eq(page_alloc_node_of(fx->pa, pfn), 1);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_NUMA_OTHER), 1);
	cr_assert_eq(page_alloc_counter(fx->pa, PC_NUMA_HIT), 1);
	cr_assert_gt(fx->pa->zones[1].pcps[0].count, 0);
	page_alloc_give(fx->pa, pfn, 0, 0, &fx->meter);
	fx->pa->zones[1].pcps[0].stat_diff = 0;
	fx->pa->zones[1].visible_free = (int64_t)zone_free_pages(&fx->pa->zones[1]) - 1;
	fx->pa->zones[1].pcps[0].stat_diff = 1;
	page_alloc_vmstat_work(fx->pa, 0, &fx->meter);
	cr_assert_eq(fx->pa->zones[1].pcps[0].expire, 2);
	page_alloc_vmstat_work(fx->pa, 0, &fx->meter);
	cr_assert_gt(fx->pa->zones[1].pcps[0].count, 0);
	page_alloc_vmstat_work(fx->pa, 0, &fx->meter);
	cr_assert_eq(fx->pa->zones[1].pcps[0].count, 0);
	fixture_check(fx);
	fixture_free(fx);
}

/* What a recording says of a clock: counters are folded, pages go when it tells. */
Test(page_pcp, folding_counters_drains_nothing_and_a_told_drain_takes_that_many)
{
	struct fixture *fx = fixture_zone(1024, 3072, 7, 28);
	pfn_t pfn = take(fx, 0, U);

	cr_assert_eq(fx->zone->pcps[0].count, 6);
	fx->zone->pcps[0].expire = 1;
	page_alloc_vmstat_fold(fx->pa, 0);
	cr_expect_eq(fx->zone->pcps[0].stat_diff, 0);
	cr_expect_eq(fx->zone->pcps[0].count, 6);
	page_alloc_drain_pages(fx->pa, 0, 0, 2, &fx->meter);
	cr_expect_eq(fx->zone->pcps[0].count, 4);
	page_alloc_drain_pages(fx->pa, 0, 0, 100, &fx->meter);
	cr_expect_eq(fx->zone->pcps[0].count, 0);
	page_alloc_drain_pages(fx->pa, 0, 0, 1, &fx->meter);
	page_alloc_give(fx->pa, pfn, 0, 0, &fx->meter);
	fixture_check(fx);
	fixture_free(fx);
}

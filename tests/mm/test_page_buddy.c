/* Free lists: splitting, merging, placement. Worked examples E5 to E7, E27 to E29. */
#include "tests/mm/page_fixture.h"

/* E5, then E6. */
Test(page_buddy, splitting_returns_the_lowest_pages_and_merging_undoes_it)
{
	struct fixture *fx = fixture_zone(1024, 2048, 63, 378);

	expect_pfn(take_buddy(fx, 3, M, 0), 1024);
	expect_bi(fx, "0 0 0 1 1 1 1 1 1 1 0");
	expect_pfn(take_buddy(fx, 0, M, 0), 1032);
	expect_bi(fx, "1 1 1 0 1 1 1 1 1 1 0");
	expect_pfn(take_buddy(fx, 1, M, 0), 1034);
	expect_bi(fx, "1 0 1 0 1 1 1 1 1 1 0");
	expect_list(fx, 0, M, "1033");
	expect_list(fx, 2, M, "1036");

	give_buddy(fx, 1024, 3);
	expect_bi(fx, "1 0 1 1 1 1 1 1 1 1 0");
	give_buddy(fx, 1032, 0);
	expect_list(fx, 1, M, "1032");
	expect_list(fx, 2, M, "1036");
	expect_list(fx, 3, M, "1024");
	expect_bi(fx, "0 1 1 1 1 1 1 1 1 1 0");
	fixture_check(fx);
	give_buddy(fx, 1034, 1);
	expect_list(fx, 10, M, "1024");
	expect_bi(fx, "0 0 0 0 0 0 0 0 0 0 1");
	fixture_check(fx);
	fixture_free(fx);
}

/* E7. */
Test(page_buddy, a_block_about_to_merge_goes_to_the_tail)
{
	struct fixture *fx = fixture_zone(1024, 2048, 63, 378);

	for (pfn_t p = 1024; p < 1032; p++)
		expect_pfn(take_buddy(fx, 0, M, 0), p);
	expect_list(fx, 3, M, "1032");
	give_buddy(fx, 1024, 0);
	expect_list(fx, 0, M, "1024");
	give_buddy(fx, 1026, 0);
	expect_list(fx, 0, M, "1026 1024");
	give_buddy(fx, 1031, 0);
	expect_list(fx, 0, M, "1031 1026 1024");
	give_buddy(fx, 1030, 0);
	expect_list(fx, 0, M, "1026 1024");
	expect_list(fx, 1, M, "1030");
	give_buddy(fx, 1028, 0);
	expect_list(fx, 0, M, "1026 1024 1028");
	give_buddy(fx, 1029, 0);
	expect_list(fx, 0, M, "1026 1024");
	expect_list(fx, 2, M, "1028");
	expect_bi(fx, "2 0 1 1 1 1 1 1 1 1 0");
	fixture_check(fx);
	fixture_free(fx);
}

/* E27. */
Test(page_buddy, alloc_pages_exact_gives_the_rest_back_to_the_tail)
{
	struct fixture *fx = fixture_zone(1024, 2048, 1, 4);
	struct page_request req = { .gfp = GFP_KERNEL, .node = -1 };
	pfn_t pfn;

	cr_assert_eq(page_alloc_take_exact(fx->pa, &req, 5, &pfn, &fx->meter), MM_DONE);
	expect_pfn(pfn, 1024);
	expect_type(fx, 1024, U);
	expect_type(fx, 1536, U);
	expect_list(fx, 0, U, "1029");
	expect_list(fx, 1, U, "1030");
	expect_bi(fx, "1 1 0 1 1 1 1 1 1 1 0");
	for (pfn_t p = 1024; p < 1029; p++)
		give(fx, p, 0);
	pcp_drain_all(fx->pa, 0, &fx->meter);
	expect_bi(fx, "0 0 0 0 0 0 0 0 0 0 1");
	fixture_check(fx);
	fixture_free(fx);
}

/* E28. */
Test(page_buddy, pageblocks_merge_unless_a_type_must_stay_apart)
{
	struct fixture *fx = fixture_zone(1024, 2048, 63, 378);

	expect_pfn(take_buddy(fx, 9, M, 0), 1024);
	expect_pfn(take_buddy(fx, 9, M, 0), 1536);
	set_pageblock_migratetype(fx->pa, 1024, H);
	give_buddy(fx, 1024, 9);
	give_buddy(fx, 1536, 9);
	expect_bi(fx, "0 0 0 0 0 0 0 0 0 2 0");
	expect_list(fx, 9, H, "1024");
	expect_list(fx, 9, M, "1536");
	fixture_check(fx);

	expect_pfn(take_buddy(fx, 9, M, 0), 1536);
	expect_pfn(take_buddy(fx, 9, M, ALLOC_HIGHATOMIC), 1024);
	set_pageblock_migratetype(fx->pa, 1024, U);
	give_buddy(fx, 1024, 9);
	give_buddy(fx, 1536, 9);
	expect_list(fx, 10, M, "1024");
	fixture_check(fx);
	fixture_free(fx);
}

/* E29. */
Test(page_buddy, order_4_goes_past_the_per_cpu_lists)
{
	struct fixture *fx = fixture_zone(1024, 2048, 63, 378);

	expect_pfn(take(fx, 4, U), 1024);
	expect_bi(fx, "0 0 0 0 1 1 1 1 1 1 0");
	cr_assert_eq(fx->zone->pcps[0].count, 0);
	give(fx, 1024, 4);
	expect_list(fx, 10, U, "1024");
	fixture_check(fx);
	fixture_free(fx);
}

/* Parts of a block may be freed on their own, in any order, as split_page() allows. */
Test(page_buddy, a_block_freed_in_parts_is_whole_again)
{
	struct fixture *fx = fixture_zone(1024, 2048, 63, 378);

	expect_pfn(take(fx, 6, M), 1024);
	cr_assert(page_alloc_allocated(fx->pa, 1024, 6));
	give(fx, 1024 + 32, 5);
	cr_assert_not(page_alloc_allocated(fx->pa, 1024, 6));
	cr_assert(page_alloc_allocated(fx->pa, 1024, 5));
	fixture_check(fx);
	for (pfn_t p = 1024; p < 1024 + 32; p++)
		give(fx, p, 0);
	cr_assert_not(page_alloc_allocated(fx->pa, 1024, 0));
	pcp_drain_all(fx->pa, 0, &fx->meter);
	expect_list(fx, 10, M, "1024");
	fixture_check(fx);
	fixture_free(fx);
}

Test(page_buddy, allocated_answers_for_any_page_number)
{
	struct fixture *fx = fixture_zone(1024, 2048, 63, 378);

	expect_pfn(take(fx, 2, M), 1024);
	cr_assert(page_alloc_allocated(fx->pa, 1024, 2));
	cr_assert(page_alloc_allocated(fx->pa, 1027, 0));
	cr_assert_not(page_alloc_allocated(fx->pa, 1025, 1), "not aligned");
	cr_assert_not(page_alloc_allocated(fx->pa, 1024, 3), "more than was taken");
	cr_assert_not(page_alloc_allocated(fx->pa, 1028, 0), "on a per-CPU list");
	cr_assert_not(page_alloc_allocated(fx->pa, 0, 0), "not memory");
	cr_assert_not(page_alloc_allocated(fx->pa, 2048, 0));
	cr_assert_not(page_alloc_allocated(fx->pa, PFN_NONE, 0));
	cr_assert_not(page_alloc_allocated(fx->pa, 1ull << 63, 10));
	cr_assert_not(page_alloc_allocated(fx->pa, 1024, 11));
	cr_assert_not(page_alloc_allocated(fx->pa, 1024, 255));
	fixture_free(fx);
}

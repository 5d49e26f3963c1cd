/*
 * LRU lists: which one a page is on, what a saved state lays
 * there, and where a page that was reclaimed comes back to.
 */
#include "tests/mm/reclaim_scene.h"

Test(lru, pages_leave_their_list_with_their_last_user)
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

/* A page that is used twice before it reaches a list begins on the active one; workingset_activation() counts it. */
Test(lru, a_page_can_begin_active)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	pfn_t file = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0), anon = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0);
	uint64_t age = lru_age(fx->pa, 0);

	lru_add_active(fx->pa, file, LRU_KIND_FILE);
	lru_add_active(fx->pa, anon, LRU_KIND_ANON);
	lru_add_active(fx->pa, file, LRU_KIND_FILE);
	cr_expect_eq(lru_list_of(fx->pa, file), LRU_ACTIVE_FILE);
	cr_expect_eq(lru_list_of(fx->pa, anon), LRU_ACTIVE_ANON);
	cr_expect_eq(lru_pages(fx->pa, 0, LRU_ACTIVE_FILE), 1);
	cr_expect_eq(lru_age(fx->pa, 0), age + 2);
	check(fx);
	fixture_free(fx);
}

/* Pages of a saved state are older than what is there, and the later ones older than the earlier ones. */
Test(lru, a_page_that_is_laid_is_the_oldest_of_its_list)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	pfn_t known = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0), first = take_gfp(fx, GFP_KERNEL, 0),
	      last = take_gfp(fx, GFP_KERNEL, 0);
	const struct reclaim_node *node = &fx->pa->reclaim[0];

	lru_add(fx->pa, known, LRU_KIND_FILE);
	cr_assert(lru_lay(fx->pa, first, LRU_INACTIVE_FILE));
	cr_assert(lru_lay(fx->pa, last, LRU_INACTIVE_FILE));
	cr_expect_not(lru_lay(fx->pa, last, LRU_ACTIVE_ANON), "it is on a list");
	cr_expect_eq(node->lru[LRU_INACTIVE_FILE].head, known);
	cr_expect_eq(node->lru[LRU_INACTIVE_FILE].tail, last);
	cr_expect_eq(lru_list_of(fx->pa, first), LRU_INACTIVE_FILE);
	cr_expect(page_alloc_movable(fx->pa, first), "pages on LRU lists were asked for as Movable");
	cr_expect_eq(lru_zone_pages(fx->pa, 0, LRU_INACTIVE_FILE), 3);
	check(fx);
	page_alloc_give(fx->pa, last, 0, 0, &fx->meter);
	cr_expect_not(lru_lay(fx->pa, last, LRU_INACTIVE_FILE), "it is free");
	cr_expect_eq(node->lru[LRU_INACTIVE_FILE].tail, first);
	check(fx);
	fixture_free(fx);
}

/* A page that the state counts on an active list has been there: neither the age nor a counter moves. */
Test(lru, a_page_of_a_saved_state_can_have_been_active)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	pfn_t anon = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0), none = take_gfp(fx, GFP_KERNEL, 0);

	lru_add(fx->pa, anon, LRU_KIND_ANON);
	lru_lay_active(fx->pa, anon);
	lru_lay_active(fx->pa, anon);
	lru_lay_active(fx->pa, none);
	cr_expect_eq(lru_list_of(fx->pa, anon), LRU_ACTIVE_ANON);
	cr_expect_eq(lru_list_of(fx->pa, none), NR_LRU_LISTS);
	cr_expect_eq(lru_age(fx->pa, 0), 0);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_PGACTIVATE), 0);
	check(fx);
	fixture_free(fx);
}

/* Who reads files knows more than the distance tells. */
Test(lru, page_that_comes_back_is_active_or_not_where_that_is_known)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	pfn_t page[3], heap;

	hook(fx, &told);
	for (unsigned int i = 0; i < 3; i++) {
		page[i] = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0);
		lru_add(fx->pa, page[i], LRU_KIND_FILE);
	}
	heap = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0);
	lru_add(fx->pa, heap, LRU_KIND_ANON);
	fx->pa->reclaim[0].nonresident_age = 1000;
	lru_refault(fx->pa, page[0], 0, LRU_RETURN_ACTIVE);
	cr_expect_eq(lru_list_of(fx->pa, page[0]), LRU_ACTIVE_FILE, "although it was away for long");
	lru_refault(fx->pa, page[1], lru_shadow(fx->pa, page[1]), LRU_RETURN_INACTIVE);
	cr_expect_eq(lru_list_of(fx->pa, page[1]), LRU_INACTIVE_FILE);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_WORKINGSET_REFAULT_FILE), 2);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_WORKINGSET_ACTIVATE_FILE), 1);
	lru_activate(fx->pa, page[2]);
	lru_activate(fx->pa, page[2]);
	lru_activate(fx->pa, heap);
	cr_expect_eq(lru_list_of(fx->pa, page[2]), LRU_ACTIVE_FILE);
	cr_expect_eq(lru_list_of(fx->pa, heap), LRU_ACTIVE_ANON);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_PGACTIVATE), 2, "each once");
	cr_expect_eq(lru_age(fx->pa, 0), 1003);
	check(fx);
	fixture_free(fx);
}

Test(lru, a_page_that_is_in_swap_and_cannot_be_is_reported)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	pfn_t file = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0), anon = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0);
	struct err err = { 0 };

	lru_add(fx->pa, file, LRU_KIND_FILE);
	lru_add(fx->pa, anon, LRU_KIND_ANON);
	check(fx);
	page_at(fx->pa, anon)->mt |= LRU_WRITTEN;
	cr_assert_eq(page_alloc_check(fx->pa, &err), -(int)ERR_INVARIANT, "swap has no page");
	fx->pa->swap_used = 2;
	check(fx);
	page_at(fx->pa, file)->mt |= LRU_WRITTEN;
	cr_assert_eq(page_alloc_check(fx->pa, &err), -(int)ERR_INVARIANT, "a file page");
	fixture_free(fx);
}

/* lru_refault() of a page that had been active: it is restored, and its like cost more (lru_note_cost_refault()). */
Test(lru, a_page_of_the_working_set_that_comes_back_is_restored_at_a_cost)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[4096];
	struct reclaim_node *r = &fx->pa->reclaim[0];
	uint64_t shadow;

	hook(fx, &told);
	fill(fx, LRU_KIND_FILE, pfns, 4096);
	shadow = lru_shadow(fx->pa, pfns[0]);
	lru_refault(fx->pa, pfns[0], shadow, LRU_RETURN_ACTIVE);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_WORKINGSET_RESTORE_FILE), 0);
	cr_expect_eq(r->cost[1], 0);
	cr_expect_eq(lru_shadow(fx->pa, pfns[0]) & 1, 0);
	lru_refault(fx->pa, pfns[1], shadow | 1, LRU_RETURN_ACTIVE);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_WORKINGSET_RESTORE_FILE), 1);
	cr_expect_eq(r->cost[1], 1);
	cr_expect_eq(lru_shadow(fx->pa, pfns[1]) & 1, 1, "it is still of the working set");
	fixture_free(fx);
}

/* workingset_test_recent(): with swap, anonymous pages are room that file pages could have had. */
Test(lru, with_swap_anonymous_pages_lengthen_what_counts_as_soon)
{
	struct fixture *fx = fixture_zone(1024, 3072, 63, 378);
	static struct told told;
	static pfn_t pfns[64];
	pfn_t page;
	uint64_t shadow;

	hook(fx, &told);
	fill(fx, LRU_KIND_ANON, pfns, 64);
	page = take_gfp(fx, GFP_HIGHUSER_MOVABLE, 0);
	lru_add(fx->pa, page, LRU_KIND_FILE);
	shadow = lru_shadow(fx->pa, page);
	fx->pa->reclaim[0].nonresident_age += 64;
	lru_refault(fx->pa, page, shadow, LRU_RETURN_BY_DISTANCE);
	cr_expect_eq(lru_list_of(fx->pa, page), LRU_INACTIVE_FILE, "there is no swap");
	page_alloc_swap_add(fx->pa, 16);
	cr_expect_eq(zone_reclaimable(fx->zone), 65);
	lru_refault(fx->pa, page, shadow - (1ull << 17), LRU_RETURN_BY_DISTANCE);
	cr_expect_eq(lru_list_of(fx->pa, page), LRU_INACTIVE_FILE, "65 went or became active meanwhile");
	lru_refault(fx->pa, page, shadow, LRU_RETURN_BY_DISTANCE);
	cr_expect_eq(lru_list_of(fx->pa, page), LRU_ACTIVE_FILE, "as many as there are anonymous pages");
	check(fx);
	fixture_free(fx);
}

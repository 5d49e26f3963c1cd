/* Following a recording: pages taken where they lie, choices corrected, refills and flushes as they were. */
#include "base/rng.h"
#include "page_fixture.h"

Test(page_correct, take_at_splits_as_expand_does)
{
	struct fixture *fx = fixture_zone(1024, 2048, 7, 28);

	cr_expect(page_alloc_take_at(fx->pa, 1540, 1, U, 0, &fx->meter));
	cr_expect_str_eq(bi(fx), "0 1 1 1 1 1 1 1 1 1 0");
	cr_expect(page_alloc_allocated(fx->pa, 1540, 1));
	cr_expect(!page_alloc_take_at(fx->pa, 1540, 0, U, 0, &fx->meter), "it is no longer free");
	cr_expect(!page_alloc_take_at(fx->pa, 1536, 3, U, 0, &fx->meter), "a part of it is no longer free");
	fixture_check(fx);
	fixture_free(fx);
}

Test(page_correct, take_at_finds_a_block_inside_an_untouched_run)
{
	struct fixture *fx = fixture_zone(1024, 9 * 1024, 7, 28);

	cr_expect(page_alloc_take_at(fx->pa, 4 * 1024 + 5, 0, U, 0, &fx->meter));
	fixture_check(fx);
	cr_expect_eq(fx->zone->area[10].nr_free, 7);
	cr_expect_eq(take_buddy(fx, 10, M, 0), 1024, "the run's other blocks keep their order");
	cr_expect_eq(take_buddy(fx, 10, M, 0), 2048);
	cr_expect_eq(take_buddy(fx, 10, M, 0), 3072);
	cr_expect_eq(take_buddy(fx, 10, M, 0), 5120);
	fixture_check(fx);
	fixture_free(fx);
}

Test(page_correct, a_page_of_the_same_list_changes_places)
{
	struct fixture *fx = fixture_zone(1024, 2048, 7, 28);
	pfn_t wrong = take(fx, 0, M);

	cr_expect_eq(wrong, 1024);
	cr_expect(page_alloc_correct(fx->pa, wrong, 1027, 0, 0, &fx->meter));
	fixture_check(fx);
	cr_expect(page_alloc_allocated(fx->pa, 1027, 0));
	cr_expect_eq(take(fx, 0, M), 1025);
	cr_expect_eq(take(fx, 0, M), 1026);
	cr_expect_eq(take(fx, 0, M), 1024, "it stands where the other one stood");
	fixture_free(fx);
}

Test(page_correct, a_page_of_the_buddy_sends_the_wrong_one_back_to_the_head)
{
	struct fixture *fx = fixture_zone(1024, 2048, 7, 28);
	pfn_t wrong = take(fx, 0, M);

	cr_expect(page_alloc_correct(fx->pa, wrong, 1900, 0, 0, &fx->meter));
	fixture_check(fx);
	cr_expect(page_alloc_allocated(fx->pa, 1900, 0));
	cr_expect_eq(take(fx, 0, M), 1024);
	cr_expect(!page_alloc_correct(fx->pa, 1024, 1900, 0, 0, &fx->meter), "handed out already");
	cr_expect(!page_alloc_allocated(fx->pa, 1024, 0));
	fixture_check(fx);
	fixture_free(fx);
}

Test(page_correct, a_recorded_refill_is_compared_and_then_taken_over)
{
	struct fixture *fx = fixture_zone(1024, 2048, 3, 28);
	pfn_t same[] = { 1024, 1025, 1026 }, other[] = { 1100, 1030 };
	struct page_refill refill;

	page_alloc_refill_recorded(fx->pa, same, 3, 0, M, 0, &refill, &fx->meter);
	cr_expect(refill.equal == 3 && !refill.left && refill.first == 1024);
	page_alloc_refill_recorded(fx->pa, other, 2, 0, M, 0, &refill, &fx->meter);
	cr_expect(refill.equal == 0 && refill.left == 3 && refill.first == 1027);
	cr_expect(page_alloc_allocated(fx->pa, 1025, 0), "what was left had been taken without an event");
	fixture_check(fx);
	cr_expect_eq(take(fx, 0, M), 1100);
	cr_expect_eq(take(fx, 0, M), 1030);
	cr_expect_eq(page_alloc_pcp_count(fx->pa, 0, 0), 0);
	fixture_free(fx);
}

Test(page_correct, a_recorded_flush_moves_just_its_blocks)
{
	struct fixture *fx = fixture_zone(1024, 2048, 7, 28);
	pfn_t pfns[28];

	for (unsigned int i = 0; i < 28; i++)
		pfns[i] = take(fx, 0, M);
	for (unsigned int i = 0; i < 27; i++)
		cr_expect_eq(page_alloc_give_recorded(fx->pa, pfns[i], 0, 0, 0, &fx->meter), 0);
	cr_expect_eq(page_alloc_give_recorded(fx->pa, pfns[27], 0, 0, 0, &fx->meter), 7, "28 pages are too many");
	cr_expect_eq(page_alloc_pcp_count(fx->pa, 0, 0), 28);
	cr_expect(page_alloc_flush_recorded(fx->pa, pfns[3], 0, M, 0, &fx->meter));
	cr_expect(!page_alloc_flush_recorded(fx->pa, pfns[3], 0, M, 0, &fx->meter), "it has left the list");
	cr_expect_eq(page_alloc_pcp_count(fx->pa, 0, 0), 27);
	fixture_check(fx);
	fixture_free(fx);
}

Test(page_correct, where_says_which_list)
{
	struct fixture *fx = fixture_zone(1024, 2048, 7, 28);
	char text[4096];

	take(fx, 0, M);
	page_alloc_where(fx->pa, 1026, text, sizeof(text));
	cr_expect_str_eq(text, "on the Movable list of order 0 of CPU 0, position 1 (zone Normal, node 0)");
	page_alloc_where(fx->pa, 1024, text, sizeof(text));
	cr_expect_str_eq(text, "handed out");
	page_alloc_where(fx->pa, 1600, text, sizeof(text));
	cr_expect_str_eq(text, "free: in block 1536 on the Movable list of order 9, position 0 (zone Normal, node 0)");
	page_alloc_where(fx->pa, 5, text, sizeof(text));
	cr_expect_str_eq(text, "in no zone");
	page_alloc_describe(fx->pa, 0, text, sizeof(text));
	cr_expect_not_null(strstr(text, "CPU 0: count 6, free factor 0\n    list 1: 1025 1026 1027 1028 1029 1030\n"),
		"%s", text);
	fixture_free(fx);
}

struct follow {
	struct fixture *fx;
	struct rng rng;
	pfn_t held[600];
	uint8_t order[600];
	unsigned int nr;
};

static void hold(struct follow *f, pfn_t pfn, unsigned int order)
{
	f->held[f->nr] = pfn;
	f->order[f->nr++] = (uint8_t)order;
}

static void follow_step(struct follow *f)
{
	struct fixture *fx = f->fx;
	unsigned int order = (unsigned int)rng_below(&f->rng, 5), mt = (unsigned int)rng_below(&f->rng, 3);
	pfn_t right = 1024 + (rng_below(&f->rng, 4096) & ~((1ull << order) - 1)), wrong;
	unsigned int i;

	switch (f->nr < 500 ? rng_below(&f->rng, 5) : 4) {
	case 0:
		if (page_alloc_take_at(fx->pa, right, order, mt, 0, &fx->meter))
			hold(f, right, order);
		break;
	case 1:
		wrong = take(fx, order, mt);
		if (wrong != PFN_NONE && page_alloc_correct(fx->pa, wrong, right, order, 0, &fx->meter))
			hold(f, right, order);
		break;
	case 2:
		wrong = take(fx, order, mt);
		if (wrong != PFN_NONE)
			hold(f, wrong, order);
		break;
	default:
		if (!f->nr)
			break;
		i = (unsigned int)rng_below(&f->rng, f->nr);
		if (rng_below(&f->rng, 2))
			page_alloc_give(fx->pa, f->held[i], f->order[i], 0, &fx->meter);
		else
			page_alloc_give_recorded(fx->pa, f->held[i], f->order[i], 0, 0, &fx->meter);
		f->held[i] = f->held[--f->nr];
		f->order[i] = f->order[f->nr];
	}
}

Test(page_correct, the_invariants_hold_after_any_correction)
{
	for (uint64_t seed = 0; seed < 10; seed++) {
		struct follow f = { .fx = fixture_zone(1024, 5120, 7, 28) };

		rng_init(&f.rng, seed, "follow");
		for (unsigned int i = 0; i < 400; i++) {
			struct err err = { 0 };

			follow_step(&f);
			cr_assert_eq(page_alloc_check(f.fx->pa, &err), 0, "seed %u, step %u: %s", (unsigned int)seed, i,
				err.text);
		}
		for (unsigned int i = 0; i < f.nr; i++)
			cr_expect(page_alloc_allocated(f.fx->pa, f.held[i], f.order[i]));
		fixture_free(f.fx);
	}
}

Test(page_correct, a_page_on_another_types_list_teaches_its_pageblocks_type)
{
	struct fixture *fx = fixture_zone(1024, 2048, 7, 28);
	pfn_t freed = take_buddy(fx, 9, M, 0), wrong;

	cr_expect_eq(freed, 1024);
	give(fx, 1030, 0);
	wrong = take(fx, 0, U);
	cr_expect_eq(pageblock_migratetype(fx->pa, 1030), M);
	cr_expect(page_alloc_correct(fx->pa, wrong, 1030, 0, 0, &fx->meter), "the kernel had it on its Unmovable list");
	cr_expect_eq(pageblock_migratetype(fx->pa, 1030), U);
	fixture_check(fx);
	cr_expect_eq(take(fx, 0, U), wrong);
	fixture_free(fx);
}

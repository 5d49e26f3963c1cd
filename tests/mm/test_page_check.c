/* Each numbered invariant of mm/zone_priv.h, broken on purpose, is reported under its number. */
#include "tests/mm/page_fixture.h"

/* A zone with a bit of everything: free blocks of several types, per-CPU pages, pages that are handed out. */
static struct fixture *busy_zone(void)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);

	expect_pfn(take(fx, 0, U), 1024);
	expect_pfn(take(fx, 3, M), 2048);
	fixture_check(fx);
	return fx;
}

static void expect_broken(struct fixture *fx, unsigned int number)
{
	struct err err = { 0 };
	char want[64];

	cr_assert_lt(page_alloc_check(fx->pa, &err), 0, "nothing was reported");
	cr_assert_eq(err.code, ERR_INVARIANT);
	snprintf(want, sizeof(want), "zone 0 (node 0, Normal) %u: ", number);
	cr_assert_eq(strncmp(err.text, want, strlen(want)), 0, "%s", err.text);
	fixture_free(fx);
}

static struct page *head_of(struct fixture *fx, unsigned int order, unsigned int mt)
{
	return page_at(fx->pa, fx->zone->area[order].list[mt].blocks.head);
}

Test(page_check, invariant_1_head_of_another_order)
{
	struct fixture *fx = busy_zone();

	head_of(fx, 9, U)->order = 8;
	expect_broken(fx, 1);
}

Test(page_check, invariant_1_head_of_another_type_or_zone)
{
	struct fixture *fx = busy_zone();

	head_of(fx, 9, U)->mt = R;
	expect_broken(fx, 1);
	fx = busy_zone();
	head_of(fx, 9, U)->zone_plus1++;
	expect_broken(fx, 1);
}

Test(page_check, invariant_1_block_outside_its_zone)
{
	struct fixture *fx = busy_zone();

	fx->zone->end -= 1024;
	expect_broken(fx, 1);
	fx = busy_zone();
	head_of(fx, 10, M)->run++;
	expect_broken(fx, 1);
}

Test(page_check, invariant_2_count_of_a_list)
{
	struct fixture *fx = busy_zone();

	fx->zone->area[9].list[U].nr++;
	fx->zone->area[9].nr_free++;
	expect_broken(fx, 2);
	fx = busy_zone();
	fx->zone->area[9].nr_free++;
	expect_broken(fx, 2);
}

Test(page_check, invariant_2_links)
{
	struct fixture *fx = busy_zone();

	head_of(fx, 9, U)->prev = 1024;
	expect_broken(fx, 2);
	fx = busy_zone();
	fx->zone->area[9].list[U].blocks.tail = LINK_NONE;
	expect_broken(fx, 2);
	fx = busy_zone();
	head_of(fx, 9, U)->next = (uint32_t)fx->pa->end_pfn;
	expect_broken(fx, 2);
}

Test(page_check, invariant_3_free_buddies)
{
	struct fixture *fx = fixture_zone(1024, 5120, 7, 28);

	expect_pfn(take_buddy(fx, 10, U, 0), 1024);
	page_take_back(fx->pa, 1024, 10);
	buddy_add(fx->zone, 1024, 9, U, BUDDY_HEAD);
	buddy_add(fx->zone, 1536, 9, U, BUDDY_HEAD);
	expect_broken(fx, 3);
}

Test(page_check, invariant_4_handed_out_and_free)
{
	struct fixture *fx = busy_zone();

	page_hand_out(fx->pa, fx->zone->area[9].list[U].blocks.head + 100, 0, false);
	expect_broken(fx, 4);
	fx = busy_zone();
	page_hand_out(fx->pa, 4096, 0, false);
	expect_broken(fx, 4);
	fx = busy_zone();
	page_hand_out(fx->pa, fx->zone->pcps[0].list[0].head, 0, false);
	expect_broken(fx, 4);
}

Test(page_check, invariant_4_block_inside_another)
{
	struct fixture *fx = busy_zone();
	pfn_t inner = fx->zone->area[9].list[U].blocks.head + 8;

	buddy_add(fx->zone, inner, 3, R, BUDDY_HEAD);
	expect_broken(fx, 4);
	fx = busy_zone();
	buddy_add(fx->zone, 4096 + 8, 3, R, BUDDY_HEAD);
	expect_broken(fx, 4);
}

Test(page_check, invariant_5_count_of_free_pages)
{
	struct fixture *fx = busy_zone();

	fx->zone->visible_free++;
	expect_broken(fx, 5);
	fx = busy_zone();
	fx->zone->pcps[0].stat_diff = 100;
	fx->zone->visible_free -= 100;
	expect_broken(fx, 5);
}

Test(page_check, invariant_6_per_cpu_lists)
{
	struct fixture *fx = busy_zone();

	fx->zone->pcps[0].count--;
	expect_broken(fx, 6);
	fx = busy_zone();
	page_at(fx->pa, fx->zone->pcps[0].list[0].tail)->mt = R;
	expect_broken(fx, 6);
	fx = busy_zone();
	page_at(fx->pa, fx->zone->pcps[0].list[0].tail)->place = PAGE_NO_HEAD;
	expect_broken(fx, 6);
	fx = busy_zone();
	fx->zone->pcps[0].list[0].tail = fx->zone->pcps[0].list[0].head;
	expect_broken(fx, 6);
}

Test(page_check, invariant_7_pages_add_up)
{
	struct fixture *fx = busy_zone();

	fx->zone->managed++;
	expect_broken(fx, 7);
	fx = busy_zone();
	page_take_back(fx->pa, 1024, 0);
	expect_broken(fx, 7);
}

Test(page_check, invariant_8_pageblocks)
{
	struct fixture *fx = busy_zone();

	fx->zone->pageblocks[M]--;
	fx->zone->pageblocks[R]++;
	expect_broken(fx, 8);
	fx = busy_zone();
	fx->pa->pageblock_type[4] = NR_MIGRATETYPES;
	expect_broken(fx, 8);
}

Test(page_check, invariant_9_highatomic_reserve)
{
	struct fixture *fx = busy_zone();

	fx->zone->nr_reserved_highatomic = 511;
	expect_broken(fx, 9);
	fx = busy_zone();
	fx->zone->nr_reserved_highatomic = 2048;
	expect_broken(fx, 9);
}

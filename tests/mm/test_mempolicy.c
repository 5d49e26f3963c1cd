/* Pages from all nodes in turn, as while the kernel boots: numa_policy_init(), interleave_nodes() and who asks them. */
#include <criterion/criterion.h>

#include "mm/mempolicy.h"
#include "tests/mm/page_fixture.h"

#define PAGES_16_MIB 4096u
#define NODES 3u

/* Nodes of @pages[] each, one behind the other; CPU 0 is of node 0. */
static struct fixture *nodes_of(const uint32_t *pages, uint32_t nr)
{
	struct fixture *fx = fixture_new();
	pfn_t start = PAGES_16_MIB;

	fx->machine.nr_nodes = nr;
	for (uint32_t i = 0; i < nr; i++) {
		for (uint32_t j = 0; j < nr; j++)
			fx->machine.distance[i][j] = i == j ? 10 : 20;
		fixture_add_ram(fx, start, start + pages[i], i);
		start += pages[i];
	}
	fixture_boot(fx);
	return fx;
}

static int node_of(const struct fixture *fx, pfn_t pfn)
{
	return pfn == PFN_NONE ? -1 : (int)page_alloc_node_of(fx->pa, pfn);
}

static int taken_from(struct fixture *fx, gfp_t gfp, int node)
{
	struct page_request req = { .gfp = gfp, .node = (int16_t)node };
	pfn_t pfn;

	return page_alloc_take(fx->pa, &req, &pfn, &fx->meter) == MM_DONE ? node_of(fx, pfn) : -1;
}

static void end(struct fixture *fx)
{
	fixture_check(fx);
	fixture_free(fx);
}

Test(mempolicy, nodes_of_less_than_16_mib_are_left_out)
{
	static const uint32_t pages[NODES] = { PAGES_16_MIB, PAGES_16_MIB - 1024, 2 * PAGES_16_MIB };
	struct fixture *fx = nodes_of(pages, NODES);
	struct mempolicy policy;

	mempolicy_boot(&policy, &fx->machine);
	cr_assert_eq(policy.nr, 2);
	cr_expect_eq(mempolicy_next(&policy), 0);
	cr_expect_eq(mempolicy_next(&policy), 2);
	cr_expect_eq(mempolicy_next(&policy), 0);
	end(fx);
}

/* "All too small, use the largest"; and a node without memory is none. */
Test(mempolicy, where_all_nodes_are_small_the_largest_is_used)
{
	static const uint32_t pages[NODES] = { 1024, 3072, 2048 };
	struct fixture *fx = nodes_of(pages, NODES);
	struct mempolicy policy;

	mempolicy_boot(&policy, &fx->machine);
	cr_assert_eq(policy.nr, 1);
	cr_expect_eq(mempolicy_next(&policy), 1);
	cr_expect_eq(mempolicy_next(&policy), 1);
	end(fx);
}

Test(mempolicy, pages_come_from_the_nodes_in_turn_unless_a_node_is_asked_for)
{
	static const uint32_t pages[NODES] = { PAGES_16_MIB, PAGES_16_MIB, PAGES_16_MIB };
	struct fixture *fx = nodes_of(pages, NODES);
	struct mempolicy policy;

	mempolicy_boot(&policy, &fx->machine);
	page_alloc_set_policy(fx->pa, &policy);
	cr_expect_eq(taken_from(fx, GFP_KERNEL, -1), 0);
	cr_expect_eq(taken_from(fx, GFP_KERNEL, -1), 1);
	cr_expect_eq(taken_from(fx, GFP_KERNEL, 1), 1, "alloc_pages_node()");
	cr_expect_eq(taken_from(fx, GFP_KERNEL | GFP_BIT_THISNODE, -1), 0);
	cr_expect_eq(taken_from(fx, GFP_KERNEL, -1), 2, "neither has taken a turn");
	cr_expect_eq(taken_from(fx, GFP_KERNEL, -1), 0);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_NUMA_INTERLEAVE), 4);
	page_alloc_set_policy(fx->pa, NULL);
	cr_expect_eq(taken_from(fx, GFP_KERNEL, -1), 0, "the CPU's node");
	cr_expect_eq(page_alloc_counter(fx->pa, PC_NUMA_INTERLEAVE), 4);
	cr_expect_eq(page_alloc_local_node(fx->pa, -1, 0), 0);
	cr_expect_eq(page_alloc_local_node(fx->pa, 2, 0), 2);
	end(fx);
}

/*
 * Of 8 pages over three nodes the first two whose turn it is give
 * three each, the last one two; then the turn is where it was.
 */
Test(mempolicy, a_bulk_call_takes_an_equal_share_of_each_node)
{
	static const uint32_t pages[NODES] = { PAGES_16_MIB, PAGES_16_MIB, PAGES_16_MIB };
	struct fixture *fx = nodes_of(pages, NODES);
	struct page_request req = { .gfp = GFP_KERNEL, .node = -1 };
	uint32_t taken[NODES] = { 0 };
	struct mempolicy policy;
	pfn_t pfns[8];

	mempolicy_boot(&policy, &fx->machine);
	page_alloc_set_policy(fx->pa, &policy);
	cr_assert_eq(taken_from(fx, GFP_KERNEL, -1), 0);
	cr_assert_eq(page_alloc_take_bulk(fx->pa, &req, 8, pfns, &fx->meter), 8);
	for (unsigned int i = 0; i < 8; i++)
		taken[node_of(fx, pfns[i])]++;
	cr_expect_eq(taken[1], 3);
	cr_expect_eq(taken[2], 3);
	cr_expect_eq(taken[0], 2);
	cr_expect_eq(taken_from(fx, GFP_KERNEL, -1), 1);
	end(fx);
}

Test(mempolicy, a_told_node_is_that_of_the_next_block_alone)
{
	static const uint32_t pages[NODES] = { PAGES_16_MIB, PAGES_16_MIB, PAGES_16_MIB };
	struct fixture *fx = nodes_of(pages, NODES);
	struct mempolicy policy;

	mempolicy_boot(&policy, &fx->machine);
	policy.told = 2;
	cr_expect_eq(mempolicy_next(&policy), 0, "no pages are taken");
	cr_expect_eq(mempolicy_next_pages(&policy), 2);
	cr_expect_eq(mempolicy_next_pages(&policy), 0, "the turn goes on from there");
	end(fx);
}

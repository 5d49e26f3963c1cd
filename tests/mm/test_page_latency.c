/* What memory that is cold or far costs more than the table's steps (docs/latency.md). */
#include "tests/mm/page_fixture.h"

/* Two nodes of 64 MiB at distance 21, a CPU on each; all steps cost 0 but those of a test. */
static struct fixture *two_nodes(bool numa)
{
	struct fixture *fx = fixture_new();
	struct machine *m = &fx->machine;

	m->cpus = m->nr_nodes = 2;
	m->node_of_cpu[1] = 1;
	m->distance[0][0] = m->distance[1][1] = 10;
	m->distance[0][1] = m->distance[1][0] = 21;
	m->latency.numa = numa;
	memset(m->latency.step_ns, 0, sizeof(m->latency.step_ns));
	fixture_add_ram(fx, 0, 16384, 0);
	fixture_add_ram(fx, 16384, 32768, 1);
	fixture_boot(fx);
	return fx;
}

static uint64_t cost_of(struct fixture *fx, int node, unsigned int order, gfp_t gfp)
{
	struct page_request req = { .gfp = GFP_KERNEL | gfp, .node = (int16_t)node, .order = (uint8_t)order };
	uint64_t before = fx->meter.ns;
	pfn_t pfn;

	cr_assert_eq(page_alloc_take(fx->pa, &req, &pfn, &fx->meter), MM_DONE);
	return fx->meter.ns - before;
}

Test(page_latency, clearing_memory_of_a_far_node_costs_as_much_more_as_it_is_far)
{
	struct fixture *fx = two_nodes(true);

	fx->machine.latency.step_ns[STEP_ZERO_KIB] = 100;
	cr_assert_eq(cost_of(fx, 0, 0, GFP_BIT_ZERO), 400);
	cr_assert_eq(cost_of(fx, 1, 0, GFP_BIT_ZERO), 840);
	cr_assert_eq(cost_of(fx, 1, 4, GFP_BIT_ZERO), 16 * 840);
	cr_assert_eq(cost_of(fx, 1, 0, 0), 0);
	fixture_free(fx);
}

Test(page_latency, handing_out_a_far_block_scales_the_step_that_did_it)
{
	struct fixture *fx = two_nodes(true);

	fx->machine.latency.step_ns[STEP_PAGE_PCP] = 40;
	fx->machine.latency.step_ns[STEP_PAGE_BUDDY] = 100;
	cr_assert_eq(cost_of(fx, 0, 0, 0), 40);
	cr_assert_eq(cost_of(fx, 1, 0, 0), 84);
	cr_assert_eq(cost_of(fx, 0, 5, 0), 100);
	cr_assert_eq(cost_of(fx, 1, 5, 0), 210);
	fixture_free(fx);
}

Test(page_latency, without_numa_all_memory_is_as_near)
{
	struct fixture *fx = two_nodes(false);

	fx->machine.latency.step_ns[STEP_ZERO_KIB] = 100;
	cr_assert_eq(cost_of(fx, 1, 0, GFP_BIT_ZERO), 400);
	fixture_free(fx);
}

Test(page_latency, a_block_from_the_free_lists_is_cold_and_one_from_the_cpu_is_not)
{
	struct fixture *fx = two_nodes(false);

	fx->machine.latency.step_ns[STEP_CACHE_COLD] = 60;
	fx->machine.latency.step_ns[STEP_ZERO_COLD_KIB] = 10;
	cr_assert_eq(cost_of(fx, 0, 5, 0), 60);
	cr_assert_eq(cost_of(fx, 0, 5, GFP_BIT_ZERO), 60 + 128 * 10);
	cr_assert_gt(cost_of(fx, 0, 0, 0), 0, "the lists are refilled");
	cr_assert_eq(cost_of(fx, 0, 0, GFP_BIT_ZERO), 0, "the rest of the refill was paid for");
	fixture_free(fx);
}

/* Zones and nodes: where a request may be served, in which order, and what it must leave to others. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/cli/run.h"
#include "tests/cli/scenario.h"

TestSuite(zones, .init = run_enter, .fini = run_leave);

/* Pages that left each zone. */
#define TAKEN "select zone, max(free_pages + pcp_pages) - min(free_pages + pcp_pages) from zone_samples group by node, zone"
#define TAKEN_BY_NODE \
	"select node, zone, max(free_pages + pcp_pages) - min(free_pages + pcp_pages) from zone_samples group by node, zone"

static void take(const char *who, const char *gfp, int order, int times)
{
	static int id;

	for (int i = 0; i < times; i++)
		scenario_add("{\"event\":\"alloc_pages\",\"id\":%d,\"order\":%d,\"gfp\":\"%s\",\"call_site\":\"%s\"}",
			++id, order, gfp, who);
}

static long long got(const char *who)
{
	return scenario_number("select count - failed from call_sites where call_site = '%s'", who);
}

Test(zones, dma_requests_never_leave_zone_dma)
{
	take("dma", "GFP_NOWAIT|__GFP_DMA", 4, 1100);
	scenario_replay("kmemsim: 1\nmemory: 256 MiB\n");
	cr_expect_gt(scenario_number("select failed from op_stats"), 0);
	cr_expect_eq(scenario_number(
			     "select max(free_pages + pcp_pages) - min(free_pages + pcp_pages) from zone_samples"
			     " where zone = 'DMA32'"),
		0);
	cr_expect_eq(got("dma") * 16, scenario_number("select max(free_pages + pcp_pages) - min(free_pages + pcp_pages)"
						      " from zone_samples where zone = 'DMA'"));
}

/* E31: DMA keeps managed(DMA32) / 256 pages from requests that could have used DMA32. */
Test(zones, fallback_goes_down_and_leaves_the_lowmem_reserve)
{
	long long reserve, left, min;

	take("normal", "GFP_NOWAIT", 0, 17000);
	scenario_replay("kmemsim: 1\nmemory: 64 MiB\n");
	reserve = scenario_number("select managed_pages / 256 from zone_samples where zone = 'DMA32' limit 1");
	min = scenario_number("select min_pages from zone_samples where zone = 'DMA' limit 1");
	left = scenario_number("select min(free_pages + pcp_pages) from zone_samples where zone = 'DMA'");
	cr_expect_eq(left, min + reserve, "left %lld, min %lld, reserve %lld", left, min, reserve);
	left = scenario_number("select min(free_pages + pcp_pages) from zone_samples where zone = 'DMA32'");
	min = scenario_number("select min_pages from zone_samples where zone = 'DMA32' limit 1");
	/* Up to a batch more: what the last refill put on the per-CPU list is out of reach. */
	cr_expect(left >= min && left < min + 8, "left %lld, min %lld", left, min);
}

Test(zones, a_64_bit_machine_has_dma_dma32_and_normal)
{
	take("a", "GFP_KERNEL|__GFP_DMA", 4, 1);
	take("b", "GFP_KERNEL|__GFP_DMA32", 5, 1);
	take("c", "GFP_KERNEL", 6, 1);
	take("d", "GFP_HIGHUSER_MOVABLE", 7, 1);
	scenario_replay("kmemsim: 1\nmemory: 8 GiB\n");
	scenario_expect(TAKEN, "DMA 16\nDMA32 32\nNormal 192\n");
}

/* E38: zone Movable takes HIGHMEM with MOVABLE; MOVABLE alone stays in Normal. */
Test(zones, zone_movable_takes_movable_user_pages_alone)
{
	take("a", "GFP_HIGHUSER_MOVABLE", 4, 1);
	take("b", "GFP_KERNEL|__GFP_MOVABLE", 5, 1);
	take("c", "GFP_HIGHUSER", 6, 1);
	scenario_replay("kmemsim: 1\nmemory: 8 GiB\nzones: {movable: 1 GiB}\n");
	scenario_expect(TAKEN, "DMA 0\nDMA32 0\nMovable 16\nNormal 96\n");
}

/* kmalloc and calls that answer with an address cannot use high memory; user pages prefer it. */
Test(zones, high_memory_serves_user_pages_and_never_the_kernel)
{
	take("user", "GFP_HIGHUSER_MOVABLE", 4, 1);
	take("dma32", "GFP_KERNEL|__GFP_DMA32", 5, 1);
	scenario_add("{\"event\":\"__get_free_pages\",\"id\":\"g\",\"order\":6,\"gfp\":\"GFP_HIGHUSER\"}");
	scenario_add("{\"event\":\"alloc_pages_exact\",\"id\":\"e\",\"size\":524288,\"gfp\":\"GFP_HIGHUSER\"}");
	scenario_add("{\"event\":\"kmalloc\",\"id\":\"k\",\"size\":1048576,\"gfp\":\"GFP_KERNEL|__GFP_HIGHMEM\"}");
	scenario_replay("kmemsim: 1\nbits: 32\nmemory: 2 GiB\nzones: {highmem_above: 896 MiB}\n");
	scenario_expect(TAKEN, "DMA 0\nHighMem 16\nNormal 480\n");
	scenario_expect("select rule, severity from violations", "highmem_kmalloc warning\n");
}

Test(zones, high_memory_that_is_full_falls_back_to_normal)
{
	take("user", "GFP_HIGHUSER", 10, 40);
	scenario_replay("kmemsim: 1\nbits: 32\nmemory: 1 GiB\nzones: {highmem_above: 896 MiB}\n");
	cr_expect_eq(scenario_number("select failed from op_stats"), 0);
	cr_expect_gt(scenario_number(
			     "select max(free_pages) - min(free_pages) from zone_samples where zone = 'HighMem'"),
		28 * 1024);
	cr_expect_gt(scenario_number(
			     "select max(free_pages) - min(free_pages) from zone_samples where zone = 'Normal'"),
		6 * 1024);
	cr_expect_eq(scenario_number("select max(free_pages) - min(free_pages) from zone_samples where zone = 'DMA'"),
		0);
}

Test(zones, a_page_is_as_large_as_the_machine_says)
{
	static const int kib[] = { 4, 8, 16, 64 };

	for (int i = 0; i < 4; i++) {
		char machine[128];

		remove("t.jsonl");
		remove("r.db");
		scenario_add("{\"event\":\"alloc_pages\",\"id\":1,\"order\":1,\"gfp\":\"GFP_KERNEL\"}");
		scenario_add("{\"event\":\"get_zeroed_page\",\"id\":2,\"gfp\":\"GFP_KERNEL\"}");
		snprintf(machine, sizeof(machine), "kmemsim: 1\nmemory: 1 GiB\npage_size: %d KiB\n", kib[i]);
		scenario_replay(machine);
		cr_expect_eq(scenario_number("select bytes_alloc from op_stats where op = 'alloc_pages'"),
			2048 * kib[i]);
		cr_expect_eq(scenario_number("select bytes_alloc from op_stats where op = 'get_zeroed_page'"),
			1024 * kib[i]);
		cr_expect_eq(
			scenario_number(
				"select max(free_pages + pcp_pages) - min(free_pages + pcp_pages) from zone_samples"
				" group by zone order by 1 desc limit 1"),
			3);
	}
}

#define TWO_NODES \
	"kmemsim: 1\nnodes:\n  - {memory: 5 GiB, cpus: 1, distances: [10, 21]}\n  - {memory: 64 MiB, cpus: 1, distances: [21, 10]}\n"

Test(zones, a_request_is_served_by_its_cpus_node_or_by_the_one_it_names)
{
	scenario_add("{\"event\":\"alloc_pages\",\"id\":1,\"order\":4,\"gfp\":\"GFP_KERNEL\",\"cpu\":0}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":2,\"order\":5,\"gfp\":\"GFP_KERNEL\",\"cpu\":1}");
	scenario_add(
		"{\"event\":\"alloc_pages_node\",\"id\":3,\"order\":6,\"gfp\":\"GFP_KERNEL\",\"cpu\":0,\"node\":1}");
	scenario_add(
		"{\"event\":\"alloc_pages_vma\",\"id\":4,\"order\":7,\"gfp\":\"GFP_HIGHUSER_MOVABLE\",\"cpu\":1,\"node\":0}");
	scenario_add(
		"{\"event\":\"kmalloc_node\",\"id\":5,\"size\":1048576,\"gfp\":\"GFP_KERNEL\",\"cpu\":0,\"node\":1}");
	scenario_replay(TWO_NODES);
	scenario_expect(TAKEN_BY_NODE, "0 DMA 0\n0 DMA32 0\n0 Normal 144\n1 Normal 352\n");
}

Test(zones, a_full_node_borrows_from_the_other_unless_thisnode_forbids)
{
	for (int i = 0; i < 20; i++)
		scenario_add(
			"{\"event\":\"alloc_pages\",\"id\":%d,\"order\":10,\"gfp\":\"GFP_NOWAIT|__GFP_THISNODE\",\"cpu\":1,\"node\":1,"
			"\"call_site\":\"thisnode\"}",
			i);
	scenario_add(
		"{\"event\":\"alloc_pages\",\"id\":\"x\",\"order\":10,\"gfp\":\"GFP_NOWAIT\",\"cpu\":1,\"node\":1,\"call_site\":\"any\"}");
	scenario_replay(TWO_NODES);
	cr_expect_lt(got("thisnode"), 16);
	cr_expect_eq(got("any"), 1);
	cr_expect_eq(
		scenario_number(
			"select max(free_pages) - min(free_pages) from zone_samples where node = 0 and zone = 'Normal'"),
		1024);
}

/* Nodes in the order of their distance from node 0: 0, 2, 1. */
Test(zones, the_nearest_node_is_borrowed_from_first)
{
	for (int i = 0; i < 17; i++)
		scenario_add("{\"event\":\"alloc_pages\",\"id\":%d,\"order\":10,\"gfp\":\"GFP_NOWAIT\",\"cpu\":0}", i);
	scenario_replay("kmemsim: 1\nzones: {dma: 0}\nnodes:\n"
			"  - {memory: 64 MiB, cpus: 1, distances: [10, 31, 21]}\n"
			"  - {memory: 64 MiB, cpus: 1, distances: [31, 10, 21]}\n"
			"  - {memory: 64 MiB, cpus: 1, distances: [21, 21, 10]}\n");
	scenario_expect("select node, max(free_pages) - min(free_pages) > 0 from zone_samples group by node",
		"0 1\n1 0\n2 1\n");
}

#define POLICY(event, id, pid) \
	"{\"event\":\"" event "\",\"id\":\"" id "\",\"cache\":\"numa_policy\",\"gfp\":\"GFP_KERNEL\",\"pid\":" pid "}"

static void take_as(const char *who, int order, const char *ctx)
{
	static int id = 1000;

	scenario_add(
		"{\"event\":\"alloc_pages\",\"id\":%d,\"order\":%d,\"gfp\":\"GFP_ATOMIC\",\"cpu\":0,\"pid\":%s,\"ctx\":\"%s\"}",
		id++, order, who, ctx);
}

/*
 * The first task takes pages from the nodes in turn; init goes on where the first one was when it was born, until
 * its policy is freed. Orders add up to who took what: 2^4 (node 0), 2^5 (1), in an interrupt 2^9 (0), then the
 * first task has no policy: 2^6 (0); init: 2^7 (0), another task 2^8 (0), init: 2^3 (1), and without its policy 2^2
 * (0). The slab of the policies is one page more.
 */
Test(zones, while_the_kernel_boots_its_first_tasks_take_pages_from_the_nodes_in_turn)
{
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"numa_policy\",\"size\":272}");
	scenario_add("%s", POLICY("kmem_cache_alloc", "first", "0"));
	take_as("0", 4, "process");
	take_as("0", 5, "process");
	take_as("0", 9, "hardirq");
	scenario_add("%s", POLICY("kmem_cache_alloc", "init", "0"));
	scenario_add("%s", POLICY("kmem_cache_free", "first", "0"));
	take_as("0", 6, "process");
	take_as("1", 7, "process");
	take_as("7", 8, "process");
	take_as("1", 3, "process");
	scenario_add("%s", POLICY("kmem_cache_free", "init", "1"));
	take_as("1", 2, "process");
	scenario_replay(
		"kmemsim: 1\nslab: {min_order: 0, max_order: 0}\nnodes:\n  - {memory: 5 GiB, cpus: 1, distances: [10, 21]}\n"
		"  - {memory: 64 MiB, cpus: 1, distances: [21, 10]}\n");
	scenario_expect("select node, zone, max(free_pages + pcp_pages) - min(free_pages + pcp_pages)"
			" from zone_samples where zone = 'Normal' group by node", "0 Normal 981\n1 Normal 40\n");
	cr_expect_eq(scenario_number("select value from counters where name = 'numa_interleave'"), 4);
}

/* Mid-life: the first policy that is seen is a user's, which nothing is known of. */
Test(zones, a_policy_that_a_user_sets_is_not_taken_for_the_kernels)
{
	scenario_add("%s", POLICY("kmem_cache_alloc", "mine", "8"));
	scenario_add("%s", POLICY("kmem_cache_alloc", "more", "0"));
	take_as("0", 4, "process");
	take_as("0", 5, "process");
	scenario_replay(TWO_NODES);
	cr_expect_eq(scenario_number("select value from counters where name = 'numa_interleave'"), 0);
}

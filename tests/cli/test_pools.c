/*
 * Mempools, memory for devices and high memory: scenarios through
 * import, replay and the results, with figures known by hand.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/cli/run.h"

TestSuite(pools, .init = run_enter, .fini = run_leave, .timeout = 300);

/* What a request for memory that is not there costs: nothing, so that waits are whole numbers. */
#define FREE_STEPS                                                                                        \
	"--set latency.page_zone_skip=0 --set latency.page_slowpath=0 --set latency.kswapd_wake=0 "       \
	"--set latency.page_buddy=0 --set latency.page_pcp_block=0 --set latency.drain_cpu=0 "

static void replay(const char *jsonl, const char *options)
{
	run_write("t.jsonl", jsonl);
	run_ok("$K import t.jsonl -o t.kmt --quiet && rm -f r.db && $K replay t.kmt -o r.db --check=1 --quiet %s",
		options);
}

static void expect(const char *sql, const char *answer)
{
	struct run_result result = run_shell("sqlite3 r.db \"%s\"", sql);

	cr_assert_eq(result.status, 0, "%s: %s", sql, result.err);
	cr_assert_str_eq(result.out, answer, "%s: %s", sql, result.out);
	run_free(&result);
}

/*
 * 32 MiB have six blocks of order 10 that anyone can have,
 * and one of the pool's own: the seventh request takes that.
 */
static const char exhausted[] =
	"{\"time_ns\":2000,\"event\":\"mempool_create\",\"pool\":\"p\",\"min_nr\":1,\"kind\":\"page\",\"order\":10}\n"
	"{\"time_ns\":1000000,\"pid\":1,\"event\":\"mempool_alloc\",\"id\":1,\"pool\":\"p\",\"gfp\":\"GFP_ATOMIC\"}\n"
	"{\"time_ns\":1100000,\"pid\":1,\"event\":\"mempool_alloc\",\"id\":2,\"pool\":\"p\",\"gfp\":\"GFP_ATOMIC\"}\n"
	"{\"time_ns\":1200000,\"pid\":1,\"event\":\"mempool_alloc\",\"id\":3,\"pool\":\"p\",\"gfp\":\"GFP_ATOMIC\"}\n"
	"{\"time_ns\":1300000,\"pid\":1,\"event\":\"mempool_alloc\",\"id\":4,\"pool\":\"p\",\"gfp\":\"GFP_ATOMIC\"}\n"
	"{\"time_ns\":1400000,\"pid\":1,\"event\":\"mempool_alloc\",\"id\":5,\"pool\":\"p\",\"gfp\":\"GFP_ATOMIC\"}\n"
	"{\"time_ns\":1500000,\"pid\":1,\"event\":\"mempool_alloc\",\"id\":6,\"pool\":\"p\",\"gfp\":\"GFP_ATOMIC\"}\n";

static void replay_exhausted(const char *rest)
{
	char text[8192];

	snprintf(text, sizeof(text), "%s%s", exhausted, rest);
	replay(text, "--set cpus=2 --set 'memory=32 MiB' " FREE_STEPS);
}

Test(pools, mempool_waiter_sleeps_until_another_task_frees_an_element)
{
	replay_exhausted(
		"{\"time_ns\":5000000,\"pid\":1,\"event\":\"mempool_alloc\",\"id\":7,\"pool\":\"p\",\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"time_ns\":9000000,\"cpu\":1,\"pid\":2,\"event\":\"mempool_free\",\"id\":1,\"pool\":\"p\"}\n");
	expect("SELECT waits, timeouts, wait_ns, allocs, outstanding, curr_nr, lowest_reserve FROM mempool_stats",
		"1|0|4000000|7|6|0|0\n");
	expect("SELECT reason, count, total_ns, timeouts, still_waiting FROM sleeps", "mempool|1|4000000|0|0\n");
	run_ok("$K report r.db | tr -s ' \\n' ' ' > r.txt; grep -q 'Callers slept once for an element of a mempool, the longest for 4.00 ms' r.txt &&"
	       " ! grep -q 'nobody had to wait' r.txt");
	/* The sleep, 5 us to be scheduled again, 30 ns for the element from the reserve. */
	expect("SELECT sleeps, lat_max_ns FROM op_stats WHERE op = 'mempool_alloc'", "1|4005030\n");
	expect("SELECT count(*) FROM violations", "0\n");
}

Test(pools, mempool_waiters_are_served_in_order_and_look_again_after_5_s)
{
	replay_exhausted(
		"{\"time_ns\":5000000,\"pid\":1,\"event\":\"mempool_alloc\",\"id\":7,\"pool\":\"p\",\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"time_ns\":6000000,\"pid\":3,\"event\":\"mempool_alloc\",\"id\":8,\"pool\":\"p\",\"gfp\":\"GFP_NOIO\"}\n"
		"{\"time_ns\":7000000000,\"cpu\":1,\"pid\":2,\"event\":\"mempool_free\",\"id\":1,\"pool\":\"p\"}\n"
		"{\"time_ns\":8000000000,\"cpu\":1,\"pid\":2,\"event\":\"mempool_free\",\"id\":7,\"pool\":\"p\"}\n");
	expect("SELECT waits, timeouts, failed, outstanding FROM mempool_stats", "4|2|0|6\n");
	expect("SELECT count, failed FROM op_stats WHERE op = 'mempool_alloc'", "8|0\n");
	expect("SELECT timeouts, count FROM sleeps WHERE reason = 'mempool'", "2|4\n");
}

Test(pools, atomic_context_breaks_the_rule_and_gets_nothing_from_an_empty_pool)
{
	replay_exhausted(
		"{\"time_ns\":5000000,\"pid\":1,\"event\":\"mempool_alloc\",\"id\":7,\"pool\":\"p\",\"gfp\":\"GFP_KERNEL\",\"preempt_off\":true}\n"
		"{\"time_ns\":5100000,\"pid\":1,\"event\":\"mempool_alloc\",\"id\":8,\"pool\":\"p\",\"gfp\":\"GFP_ATOMIC\"}\n"
		"{\"time_ns\":6000000,\"pid\":1,\"event\":\"mempool_destroy\",\"pool\":\"p\"}\n");
	expect("SELECT rule FROM violations ORDER BY violation_id", "sleep_in_atomic\nmempool_leak\n");
	expect("SELECT failed, waits, from_reserve, outstanding, destroyed FROM mempool_stats", "2|0|1|6|1\n");
	expect("SELECT failed FROM op_stats WHERE op = 'mempool_alloc'", "2\n");
}

Test(pools, elements_that_a_trace_shows_beside_the_pool_are_not_counted_twice)
{
	replay("{\"event\":\"kmem_cache_create\",\"cache\":\"bio\",\"size\":256,\"flags\":\"SLAB_HWCACHE_ALIGN\",\"ctor\":true}\n"
	       "{\"event\":\"kmalloc\",\"id\":\"h\",\"size\":72,\"origin\":\"mempool\"}\n"
	       "{\"event\":\"mempool_create\",\"pool\":\"p\",\"min_nr\":2,\"kind\":\"slab\",\"cache\":\"bio\"}\n"
	       "{\"event\":\"kmem_cache_alloc\",\"id\":1,\"cache\":\"bio\",\"origin\":\"mempool\"}\n"
	       "{\"event\":\"kmem_cache_alloc\",\"id\":2,\"cache\":\"bio\",\"origin\":\"mempool\"}\n"
	       "{\"event\":\"kmem_cache_alloc\",\"id\":3,\"cache\":\"bio\",\"origin\":\"mempool\"}\n"
	       "{\"event\":\"mempool_alloc\",\"id\":\"e\",\"pool\":\"p\",\"gfp\":\"GFP_NOIO\"}\n"
	       "{\"event\":\"kmem_cache_alloc\",\"id\":4,\"cache\":\"bio\"}\n",
		"");
	/* Two in reserve, one held, one of a caller's own. */
	expect("SELECT live_objs FROM cache_stats WHERE cache = 'bio'", "4\n");
	expect("SELECT kind, cache, element_bytes, curr_nr, outstanding FROM mempool_stats", "slab|bio|256|2|1\n");
	expect("SELECT count FROM op_stats WHERE op = 'kmem_cache_alloc'", "1\n");
}

Test(pools, pool_that_is_not_there_is_reported_and_elements_go_back_where_they_came_from)
{
	replay("{\"event\":\"mempool_create\",\"pool\":\"a\",\"min_nr\":1,\"kind\":\"kmalloc\",\"size\":100}\n"
	       "{\"event\":\"mempool_create\",\"pool\":\"b\",\"min_nr\":1,\"kind\":\"kmalloc\",\"size\":100}\n"
	       "{\"event\":\"mempool_alloc\",\"id\":1,\"pool\":\"a\"}\n"
	       "{\"event\":\"mempool_free\",\"id\":1,\"pool\":\"b\"}\n"
	       "{\"event\":\"mempool_resize\",\"pool\":\"a\",\"min_nr\":4}\n"
	       "{\"event\":\"mempool_resize\",\"pool\":\"c\",\"min_nr\":4}\n"
	       "{\"event\":\"mempool_alloc\",\"id\":2,\"pool\":\"c\"}\n"
	       "{\"event\":\"mempool_destroy\",\"pool\":\"b\"}\n"
	       "{\"event\":\"mempool_destroy\",\"pool\":\"b\"}\n",
		"");
	expect("SELECT rule FROM violations ORDER BY violation_id",
		"wrong_free\nfree_unknown\nfree_unknown\nfree_unknown\n");
	expect("SELECT pool, curr_nr, outstanding, destroyed FROM mempool_stats", "a|4|0|0\nb|1|0|1\n");
}

Test(pools, coherent_memory_comes_from_the_zone_that_the_mask_reaches)
{
	replay("{\"event\":\"dma_alloc_coherent\",\"id\":1,\"size\":20000,\"gfp\":\"GFP_KERNEL\",\"dma_mask\":4294967295}\n"
	       "{\"event\":\"dma_alloc_coherent\",\"id\":2,\"size\":4096,\"gfp\":\"GFP_ATOMIC\",\"dma_mask\":16777215,\"ctx\":\"hardirq\"}\n"
	       "{\"event\":\"dma_alloc_coherent\",\"id\":3,\"size\":4096,\"gfp\":\"GFP_KERNEL\",\"dma_mask\":4095}\n"
	       "{\"event\":\"dma_free_coherent\",\"id\":1,\"size\":20000}\n"
	       "{\"event\":\"dma_free_coherent\",\"id\":2,\"size\":4096,\"irqs_off\":true}\n",
		"--set 'memory=128 MiB'");
	expect("SELECT count, failed, bytes_req, bytes_alloc FROM op_stats WHERE op = 'dma_alloc_coherent'",
		"3|1|24096|36864\n");
	expect("SELECT rule FROM violations ORDER BY violation_id", "dma_mask_unreachable\nsleep_in_atomic\n");
	expect("SELECT allocs, frees, failed, unreachable, bytes, peak_bytes FROM dma_stats WHERE pool IS NULL",
		"2|2|1|1|0|36864\n");
}

Test(pools, dma_pool_has_63_blocks_of_64_bytes_a_page_and_leaks_busy_ones)
{
	run_ok(
		"(echo '{\"event\":\"dma_pool_create\",\"pool\":\"p\",\"size\":64,\"align\":64}'; for i in $(seq 64); do"
		" echo '{\"event\":\"dma_pool_alloc\",\"id\":'$i',\"pool\":\"p\"}'; done;"
		" for i in $(seq 63); do echo '{\"event\":\"dma_pool_free\",\"id\":'$i',\"pool\":\"p\"}'; done;"
		" echo '{\"event\":\"dma_pool_destroy\",\"pool\":\"p\"}') > t.jsonl && $K import t.jsonl -o t.kmt --quiet &&"
		" $K replay t.kmt -o r.db --check=1 --quiet");
	expect("SELECT blocks_per_page, block_bytes, allocs, frees, in_use, peak_in_use, bytes, peak_bytes, destroyed FROM dma_stats"
	       " WHERE pool = 'p'",
		"63|64|64|63|1|64|4096|8192|1\n");
	expect("SELECT rule FROM violations", "mempool_leak\n");
}

/* Two slots: both mapped by task 1, task 2 waits until one is given up. */
Test(pools, kmap_waits_for_a_slot_of_another_task)
{
	replay("{\"time_ns\":1000,\"pid\":1,\"event\":\"alloc_pages\",\"id\":\"a\",\"gfp\":\"GFP_HIGHUSER\"}\n"
	       "{\"time_ns\":2000,\"pid\":1,\"event\":\"alloc_pages\",\"id\":\"b\",\"gfp\":\"GFP_HIGHUSER\"}\n"
	       "{\"time_ns\":3000,\"pid\":1,\"event\":\"alloc_pages\",\"id\":\"c\",\"gfp\":\"GFP_HIGHUSER\"}\n"
	       "{\"time_ns\":4000,\"pid\":1,\"event\":\"alloc_pages\",\"id\":\"low\",\"gfp\":\"GFP_KERNEL\"}\n"
	       "{\"time_ns\":1000000,\"pid\":1,\"event\":\"kmap\",\"id\":1,\"page\":\"a\"}\n"
	       "{\"time_ns\":1100000,\"pid\":1,\"event\":\"kmap\",\"id\":2,\"page\":\"b\"}\n"
	       "{\"time_ns\":1200000,\"pid\":1,\"event\":\"kmap\",\"id\":3,\"page\":\"a\"}\n"
	       "{\"time_ns\":1300000,\"pid\":1,\"event\":\"kmap\",\"id\":4,\"page\":\"low\"}\n"
	       "{\"time_ns\":2000000,\"pid\":2,\"event\":\"kmap\",\"id\":5,\"page\":\"c\"}\n"
	       "{\"time_ns\":3000000,\"pid\":1,\"event\":\"kunmap\",\"id\":1}\n"
	       "{\"time_ns\":7000000,\"pid\":1,\"event\":\"kunmap\",\"id\":2}\n"
	       "{\"time_ns\":8000000,\"pid\":1,\"event\":\"kunmap\",\"id\":3}\n"
	       "{\"time_ns\":8100000,\"pid\":1,\"event\":\"kunmap\",\"id\":4}\n",
		"-m $KMEMSIM_SOURCE/configs/machines/highmem-32bit-2g.yaml --set highmem.kmap_slots=2");
	/* One more second user of a's slot gives nothing up; b's end does, 5 ms after the wait began. */
	expect("SELECT slots, slots_used, slots_peak, maps, new_slots, flushes, waits, wait_ns FROM highmem_stats",
		"2|1|2|5|3|1|1|5000000\n");
	expect("SELECT reason, count, total_ns FROM sleeps", "kmap|1|5000000\n");
	run_ok("$K report r.db | tr -s ' \\n' ' ' > r.txt; grep -q 'Callers slept once for a kernel address for high memory' r.txt");
	run_ok("! grep -q 'nobody had to wait' r.txt");
	/* The sleep, 5 us to be scheduled, a flush of 10 us, a slot of 100 ns. */
	expect("SELECT sleeps, lat_max_ns FROM op_stats WHERE op = 'kmap'", "1|5015100\n");
	expect("SELECT rule, count(*) FROM violations GROUP BY rule", "kmap_leak|1\n");
}

Test(pools, unmapped_pages_and_mappings_out_of_order_are_reported)
{
	replay("{\"event\":\"alloc_pages\",\"id\":\"a\",\"gfp\":\"GFP_HIGHUSER\"}\n"
	       "{\"event\":\"alloc_pages\",\"id\":\"b\",\"gfp\":\"GFP_HIGHUSER\"}\n"
	       "{\"event\":\"kmap\",\"id\":1,\"page\":\"a\"}\n"
	       "{\"event\":\"kunmap\",\"id\":1,\"page\":\"a\"}\n"
	       "{\"event\":\"kunmap\",\"id\":1,\"page\":\"a\"}\n"
	       "{\"event\":\"kunmap\",\"id\":9}\n"
	       "{\"event\":\"kmap_atomic\",\"id\":2,\"page\":\"a\"}\n"
	       "{\"event\":\"kmap_atomic\",\"id\":3,\"page\":\"b\"}\n"
	       "{\"event\":\"kunmap_atomic\",\"id\":2}\n"
	       "{\"event\":\"kunmap_atomic\",\"id\":3}\n"
	       "{\"event\":\"free_pages\",\"id\":\"b\"}\n"
	       "{\"event\":\"kmap\",\"id\":4,\"page\":\"b\"}\n"
	       "{\"event\":\"kmap\",\"id\":5,\"page\":\"a\",\"preempt_off\":true}\n"
	       "{\"event\":\"kunmap\",\"id\":5}\n",
		"-m $KMEMSIM_SOURCE/configs/machines/highmem-32bit-2g.yaml");
	expect("SELECT rule, event_no FROM violations ORDER BY event_no",
		"page_address_unmapped|4\npage_address_unmapped|5\npreempt_imbalance|8\npage_address_unmapped|11\nsleep_in_atomic|12\n");
	expect("SELECT maps, local_maps, local_depth_peak FROM highmem_stats", "2|2|2\n");
}

Test(pools, mapping_of_a_dead_page_survives_text_and_back)
{
	run_write("t.jsonl", "{\"event\":\"alloc_pages\",\"id\":\"b\",\"gfp\":\"GFP_KERNEL\"}\n"
			     "{\"event\":\"free_pages\",\"id\":\"b\"}\n"
			     "{\"event\":\"kmap\",\"id\":1,\"page\":\"b\"}\n"
			     "{\"event\":\"kmap\",\"id\":2}\n"
			     "{\"event\":\"dma_alloc_coherent\",\"id\":3,\"size\":100,\"dma_mask\":18446744073709551615}\n");
	run_ok("$K import t.jsonl -o a.kmt --quiet && $K cat a.kmt --format jsonl > a.jsonl && $K import a.jsonl -o b.kmt"
	       " --quiet && $K cat b.kmt --format jsonl > b.jsonl && cmp a.jsonl b.jsonl && $K replay b.kmt -o r.db --quiet");
	expect("SELECT rule FROM violations ORDER BY violation_id", "page_address_unmapped\nkmap_leak\n");
}

/* What the shipped workloads say they show. */
Test(pools, shipped_workloads_replay_without_a_broken_rule)
{
	static const char *const runs[][2] = { { "mempool", "pc-512m" }, { "dma", "pc-512m" },
		{ "highmem", "highmem-32bit-2g" } };

	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		struct run_result result = run_shell(
			"rm -f r.db; $K gen $KMEMSIM_SOURCE/configs/workloads/%s.yaml -o w.kmt --quiet &&"
			" $K replay w.kmt -m $KMEMSIM_SOURCE/configs/machines/%s.yaml --check -o r.db --quiet",
			runs[i][0], runs[i][1]);

		cr_assert_eq(result.status, 0, "%s: %s", runs[i][0], result.err);
		run_free(&result);
		expect("SELECT count(*) FROM violations", "0\n");
		expect("SELECT sum(failed) FROM op_stats", "0\n");
		expect("SELECT value FROM counters WHERE name = 'events_not_modelled'", "0\n");
		result = run_shell("$K report r.db | grep -c '^Mempools\\|^Memory for devices\\|^High memory'");
		cr_assert_str_eq(result.out, "1\n", "%s", result.out);
		run_free(&result);
	}
}

/* What happens on a machine that is too small: who waits, who is killed, and that the run ends and says so. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/cli/run.h"
#include "tests/cli/scenario.h"

TestSuite(shortage, .init = run_enter, .fini = run_leave, .timeout = 120);

/* @format has one %d. Lines by the thousand: written at once. */
static void add_many(int nr, const char *format)
{
	FILE *file = fopen("t.jsonl", "a");

	cr_assert_not_null(file);
	for (int i = 0; i < nr; i++) {
		fprintf(file, format, i); /* the caller's format has one %d */
		fputc('\n', file);
	}
	fclose(file);
}

static void replay(const char *options)
{
	struct run_result result = run_shell("$K import t.jsonl -o t.kmt --quiet && rm -f r.db && $K replay t.kmt -o r.db --quiet"
		" --check=1000 %s", options);

	cr_assert_eq(result.status, 0, "%s: %s", options, result.err);
	run_free(&result);
}

/* CPU 0 is at a long request when the killed task asks, so that the frees on CPU 1 wait for its turn: once too often. */
Test(shortage, nobody_waits_for_the_requests_of_a_killed_task)
{
	add_many(3000, "{\"event\":\"alloc_pages\",\"id\":\"a%d\",\"pid\":7,\"comm\":\"big\",\"gfp\":\"GFP_HIGHUSER_MOVABLE\"}");
	add_many(3000, "{\"event\":\"alloc_pages\",\"id\":\"b%d\",\"pid\":8,\"comm\":\"other\",\"gfp\":\"GFP_KERNEL\"}");
	for (int i = 0; i < 3; i++) {
		int at = 10000000 + i * 1000000;

		scenario_add("{\"event\":\"vmalloc\",\"id\":\"v%d\",\"size\":262144,\"pid\":9,\"time_ns\":%d}", i, at);
		scenario_add("{\"event\":\"kmalloc\",\"id\":\"x\",\"size\":64,\"pid\":7,\"comm\":\"big\",\"time_ns\":%d}", at + 10);
		scenario_add("{\"event\":\"kfree\",\"id\":\"x\",\"pid\":10,\"cpu\":1,\"time_ns\":%d}", at + 20);
	}
	replay("--set memory=24MiB --set cpus=2");
	cr_expect_eq(scenario_number("select value from counters where name = 'oom_kill'"), 1);
	cr_expect_gt(scenario_number("select value from counters where name = 'events_of_killed_tasks'"), 0);
	scenario_expect("select count(*) from sleeps where still_waiting > 0", "0\n");
}

/*
 * Huge pages count as what they are, and go with their task, which is the only one that must: then there is enough. What it
 * asks for afterwards has failed; what interrupts take that break into it has not.
 */
Test(shortage, the_task_with_the_largest_blocks_is_killed_and_frees_them)
{
	add_many(8, "{\"event\":\"alloc_pages\",\"id\":\"h%d\",\"pid\":7,\"comm\":\"huge\",\"order\":9,"
		"\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_NOWARN\"}");
	add_many(100, "{\"event\":\"alloc_pages\",\"id\":\"s%d\",\"pid\":8,\"comm\":\"small\",\"gfp\":\"GFP_HIGHUSER_MOVABLE\"}");
	add_many(4000, "{\"event\":\"alloc_pages\",\"id\":\"k%d\",\"pid\":9,\"comm\":\"kernel\",\"gfp\":\"GFP_KERNEL\"}");
	add_many(10, "{\"event\":\"kmalloc\",\"id\":\"late%d\",\"pid\":7,\"comm\":\"huge\",\"size\":64,\"gfp\":\"GFP_KERNEL\"}");
	add_many(10, "{\"event\":\"kzalloc\",\"id\":\"irq%d\",\"pid\":7,\"comm\":\"huge\",\"recorded_ctx\":\"hardirq\",\"size\":64,"
		"\"gfp\":\"GFP_ATOMIC\"}");
	replay("--set memory=24MiB --set cpus=1");
	cr_expect_eq(scenario_number("select value from counters where name = 'oom_kill'"), 1);
	cr_expect_eq(scenario_number("select value from counters where name = 'allocations_of_killed_tasks'"), 10);
	scenario_expect("select op, count, failed from op_stats where op not like '%%free%%' order by op",
		"alloc_pages 4108 0\nkmalloc 10 10\nkzalloc 10 0\n");
}

static const char *const ways[] = { "--pace recorded", "--pace think", "--pace asap", "--pace think --cpu-map spread",
	"--pace recorded --cpu-map spread", "--pace asap --cpu-map spread" };

#define NR_WAYS (sizeof(ways) / sizeof(ways[0]))

/* Memory is full of what nobody can reclaim, and nobody can be killed: the kernel would loop for ever, or panic. */
Test(shortage, a_request_that_may_not_fail_waits_to_the_end_and_is_told)
{
	add_many(7000, "{\"event\":\"alloc_pages\",\"id\":%d,\"cpu\":1,\"pid\":3,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL\"}");
	for (size_t i = 0; i < NR_WAYS; i++) {
		char options[128];

		snprintf(options, sizeof(options), "--set memory=24MiB --set cpus=2 %s", ways[i]);
		replay(options);
		cr_expect_gt(scenario_number("select sum(still_waiting) from sleeps where reason = 'retry'"), 0, "%s", ways[i]);
		cr_expect_eq(scenario_number("select sum(still_waiting) - (select value from counters where name = 'still_waiting')"
			" from sleeps"), 0, "%s", ways[i]);
		cr_expect_eq(scenario_number("select count from op_stats where op = 'alloc_pages'"), 7000, "%s", ways[i]);
	}
}

Test(shortage, a_request_that_may_not_fail_goes_on_when_memory_comes_back)
{
	add_many(6100, "{\"event\":\"alloc_pages\",\"id\":%d,\"pid\":3,\"gfp\":\"GFP_KERNEL|__GFP_NORETRY|__GFP_NOWARN\"}");
	for (int i = 0; i < 20; i++)
		scenario_add("{\"event\":\"alloc_pages\",\"id\":\"n%d\",\"pid\":%d,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL\",\"order\":3,\"time_ns\":%d}",
			i, 4 + i, 10000000 + i * 100000);
	scenario_add("{\"event\":\"kmalloc\",\"id\":\"m\",\"pid\":50,\"size\":65536,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL\",\"time_ns\":%d}", 20000000);
	for (int i = 0; i < 2000; i++)
		scenario_add("{\"event\":\"free_pages\",\"id\":%d,\"pid\":3,\"time_ns\":%d}", i, 1000000000 + i * 1000);
	scenario_add("{\"event\":\"marker\",\"text\":\"end\",\"time_ns\":%lld}", 2000000000ll);
	replay("--set memory=24MiB --set cpus=2");
	scenario_expect("select count > 1, timeouts > 0, still_waiting from sleeps where reason = 'retry' and total_ns > 900000000", "1 1 0\n");
	scenario_expect("select op, count, failed from op_stats where op = 'kmalloc'", "kmalloc 1 0\n");
}

/* Elements that never come back. What the end of the run cuts off has been waited for all the same. */
Test(shortage, waiting_for_a_pool_ends_with_the_run_and_is_counted_to_then)
{
	scenario_add("{\"event\":\"mempool_create\",\"pool\":\"p\",\"kind\":\"page\",\"order\":0,\"min_nr\":2}");
	add_many(9000, "{\"event\":\"alloc_pages\",\"id\":%d,\"pid\":2,\"gfp\":\"GFP_KERNEL|__GFP_NORETRY|__GFP_NOWARN\"}");
	for (int i = 0; i < 6; i++)
		scenario_add("{\"event\":\"mempool_alloc\",\"id\":\"m%d\",\"pool\":\"p\",\"gfp\":\"GFP_NOIO\",\"pid\":%d,\"cpu\":%d}", i, 10 + i, i % 2);
	for (size_t i = 0; i < NR_WAYS; i++) {
		char options[128];

		snprintf(options, sizeof(options), "--set memory=32MiB --set cpus=2 %s", ways[i]);
		replay(options);
		cr_expect_eq(scenario_number("select sum(still_waiting) from sleeps where reason = 'mempool'"), 4, "%s", ways[i]);
		cr_expect_eq(scenario_number("select total_ns - (select sum(wait_ns) from mempool_stats) from sleeps where reason = 'mempool'"),
			0, "%s", ways[i]);
		/* Ten seconds of waiting, after nine milliseconds, or with asap some times that of reclaiming in vain. */
		cr_expect_lt(scenario_number("select count(*) from samples"), 700, "%s", ways[i]);
	}
}

Test(shortage, mappings_that_never_end_keep_others_waiting_to_the_end)
{
	add_many(40, "{\"event\":\"alloc_pages\",\"id\":\"p%d\",\"gfp\":\"GFP_HIGHUSER\"}");
	for (int i = 0; i < 40; i++)
		scenario_add("{\"event\":\"kmap\",\"id\":\"k%d\",\"page\":\"p%d\",\"pid\":%d,\"cpu\":%d}", i, i, 10 + i, i % 2);
	for (size_t i = 0; i < NR_WAYS; i++) {
		char options[256];

		snprintf(options, sizeof(options), "-m $KMEMSIM_SOURCE/configs/machines/highmem-32bit-2g.yaml --set highmem.kmap_slots=32 %s",
			ways[i]);
		replay(options);
		scenario_expect("select still_waiting, total_ns = (select wait_ns from highmem_stats) from sleeps where reason = 'kmap'",
			"8 1\n");
	}
}

Test(shortage, failures_are_told_by_order_zone_and_flags)
{
	struct run_result result;

	add_many(6200, "{\"event\":\"alloc_pages\",\"id\":%d,\"pid\":3,\"gfp\":\"GFP_ATOMIC|__GFP_NOWARN\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":\"a\",\"order\":3,\"gfp\":\"GFP_NOWAIT\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":\"b\",\"order\":3,\"gfp\":\"GFP_NOWAIT\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":\"c\",\"order\":3,\"gfp\":\"GFP_NOWAIT|GFP_DMA\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":\"d\",\"order\":20,\"gfp\":\"GFP_KERNEL\"}");
	replay("--set memory=24MiB --set cpus=1");
	scenario_expect("select zone, gfp, \\\"order\\\", count from alloc_failures where \\\"order\\\" > 0 order by gfp",
		"DMA32 GFP_KERNEL 20 1\nDMA32 GFP_NOWAIT 3 2\nDMA GFP_NOWAIT|GFP_DMA 3 1\n");
	cr_expect_eq(scenario_number("select sum(count) - (select value from counters where name = 'page_alloc_fail') from alloc_failures"), 0);
	cr_expect_eq(scenario_number("select sum(count) - (select failed from op_stats where op = 'alloc_pages') from alloc_failures"), 0);
	result = run_shell("$K query r.db failures --csv && $K report r.db");
	cr_expect_eq(result.status, 0, "%s", result.err);
	cr_expect(strstr(result.out, "GFP_NOWAIT|GFP_DMA,1"), "%s", result.out);
	cr_expect(strstr(result.out, "Allocations that failed"), "%s", result.out);
	run_free(&result);
}

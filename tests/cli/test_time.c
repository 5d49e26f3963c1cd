/* Time as the program tells it: hand-made traces through import, replay and the results database. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/cli/run.h"

TestSuite(time, .init = run_enter, .fini = run_leave, .timeout = 120);

/* Clearing 2 MiB takes 61 us: what comes in that time interrupts it or waits. */
static const char long_alloc[] =
	"{\"time_ns\": 1000, \"pid\": 5, \"event\": \"alloc_pages\", \"id\": 1, \"order\": 9, \"gfp\": \"GFP_KERNEL|__GFP_ZERO\"}\n";

static void expect(const char *rest, const char *options, const char *sql, const char *answer)
{
	struct run_result result =
		run_shell("printf '%%s' '%s%s' > t.jsonl && $K import t.jsonl -o t.kmt --quiet && rm -f r.db &&"
			  " $K replay t.kmt --set cpus=1 --set 'memory=64 MiB' --check=1 --quiet -o r.db %s &&"
			  " sqlite3 r.db \"%s\"",
			long_alloc, rest, options, sql);

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_str_eq(result.out, answer, "%s: %s", sql, result.out);
	run_free(&result);
}

/* The same in each pace, and with fewer CPUs than the trace has. */
static void expect_always(const char *rest, const char *sql, const char *answer)
{
	static const char *const ways[] = { "--set cpus=4", "--set cpus=4 --pace think", "--set cpus=4 --pace asap",
		"--set cpus=2" };

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		expect(rest, ways[i], sql, answer);
}

Test(time, an_interrupt_starts_at_once_and_a_task_waits_for_what_both_take)
{
	expect("{\"time_ns\": 2000, \"pid\": 5, \"ctx\": \"hardirq\", \"event\": \"kfree\", \"id\": null}\n"
	       "{\"time_ns\": 2500, \"pid\": 5, \"ctx\": \"softirq\", \"event\": \"kmalloc\", \"id\": 2, \"size\": 64, \"gfp\": \"GFP_ATOMIC\"}\n",
		"",
		"SELECT (SELECT lat_max_ns FROM op_stats WHERE op = 'kfree') < 100,"
		" (SELECT lat_max_ns FROM op_stats WHERE op = 'alloc_pages') - (SELECT lat_max_ns FROM op_stats WHERE op = 'kmalloc')"
		" - (SELECT lat_max_ns FROM op_stats WHERE op = 'kfree') BETWEEN 61440 AND 63000", "1|1\n");
	expect("{\"time_ns\": 2500, \"pid\": 6, \"event\": \"kmalloc\", \"id\": 2, \"size\": 64, \"gfp\": \"GFP_ATOMIC\"}\n",
		"", "SELECT lat_max_ns > 60000 FROM op_stats WHERE op = 'kmalloc'", "1\n");
}

/* A worker frees the area while clearing keeps its CPU busy, which an interrupt makes longer. */
Test(time, what_a_worker_does_after_an_interrupted_request_is_not_in_its_latency)
{
	expect("{\"time_ns\": 100000, \"pid\": 5, \"event\": \"vmalloc\", \"id\": 2, \"size\": 4194304, \"gfp\": \"GFP_KERNEL\"}\n"
	       "{\"time_ns\": 1000000, \"pid\": 5, \"ctx\": \"hardirq\", \"event\": \"vfree\", \"id\": 2}\n"
	       "{\"time_ns\": 1000500, \"pid\": 5, \"event\": \"get_zeroed_page\", \"id\": 3, \"gfp\": \"GFP_KERNEL\"}\n"
	       "{\"time_ns\": 1001000, \"pid\": 5, \"event\": \"alloc_pages\", \"id\": 4, \"order\": 9, \"gfp\": \"GFP_KERNEL|__GFP_ZERO\"}\n"
	       "{\"time_ns\": 1020000, \"pid\": 5, \"ctx\": \"hardirq\", \"event\": \"kmalloc\", \"id\": 5, \"size\": 64, \"gfp\": \"GFP_ATOMIC\"}\n",
		"",
		"SELECT (SELECT value FROM counters WHERE name = 'vfree_works'), (SELECT lat_max_ns < 64000 FROM op_stats WHERE op ="
		" 'alloc_pages'), (SELECT group_concat(op) FROM op_stats o WHERE count <> (SELECT sum(count) FROM latency_hist h WHERE h.op ="
		" o.op))",
		"1|1|\n");
}

Test(time, a_task_thinks_for_its_recorded_gap_after_its_last_request_was_done)
{
	static const char next[] =
		"{\"time_ns\": 2000, \"pid\": 5, \"event\": \"kmalloc\", \"id\": 2, \"size\": 64, \"gfp\": \"GFP_KERNEL\"}\n"
		"{\"time_ns\": 2100, \"pid\": 5, \"event\": \"marker\", \"text\": \"here\"}\n";

	expect(next, "--pace recorded", "SELECT lat_max_ns > 60000 FROM op_stats WHERE op = 'kmalloc'", "1\n");
	expect(next, "--pace think", "SELECT lat_max_ns < 10000 FROM op_stats WHERE op = 'kmalloc'", "1\n");
	expect(next, "--pace think --cpu-map spread", "SELECT pace, cpu_map FROM runs", "think|spread\n");
}

/* Clearing takes 20 s here, so that the task's second request comes 20 s after the end of the trace. */
Test(time, a_task_that_is_late_makes_all_its_requests)
{
	static const char next[] =
		"{\"time_ns\": 1000000000, \"pid\": 5, \"event\": \"kmalloc\", \"id\": 2, \"size\": 64, \"gfp\": \"GFP_KERNEL\"}\n"
		"{\"time_ns\": 1500000000, \"pid\": 5, \"event\": \"kfree\", \"id\": 2}\n";
	static const char sql[] =
		"SELECT (SELECT sum(failed) FROM op_stats), (SELECT value FROM counters WHERE name = 'still_waiting'),"
		" (SELECT sim_ns / 100000000 FROM runs)";

	expect(next, "--pace think --set 'latency.zero_kib=10 ms'", sql, "0|0|219\n");
	expect(next, "--pace asap --set 'latency.zero_kib=10 ms'", sql, "0|0|204\n");
	expect(next, "--pace recorded --set 'latency.zero_kib=10 ms'", sql, "0|0|204\n");
}

Test(time, cpus_meet_at_a_lock_and_one_cpu_alone_does_not)
{
	static const char both[] =
		"{\"time_ns\": 1010, \"cpu\": 1, \"pid\": 6, \"event\": \"alloc_pages\", \"id\": 2, \"order\": 9, \"gfp\": \"GFP_KERNEL\"}\n";
	static const char sql[] = "SELECT count(*) FROM lock_stats WHERE contended > 0";

	expect(both, "--set cpus=2", sql, "1\n");
	expect(both, "", sql, "0\n");
}

/* It is done at 125 us, not at 63, and another task's request comes on its CPU before it asks again. */
Test(time, a_gap_begins_when_what_was_interrupted_is_done)
{
	expect("{\"time_ns\": 2000, \"pid\": 5, \"ctx\": \"hardirq\", \"event\": \"alloc_pages\", \"id\": 2, \"order\": 9, \"gfp\":"
	       " \"GFP_ATOMIC|__GFP_ZERO\"}\n"
	       "{\"time_ns\": 140000, \"pid\": 6, \"event\": \"kmalloc\", \"id\": 3, \"size\": 192, \"gfp\": \"GFP_KERNEL\"}\n"
	       "{\"time_ns\": 301000, \"pid\": 5, \"event\": \"kmalloc\", \"id\": 4, \"size\": 64, \"gfp\": \"GFP_KERNEL\"}\n"
	       "{\"time_ns\": 900000, \"pid\": 7, \"event\": \"kfree\", \"id\": null}\n",
		"--pace think --sample-time 1us",
		"SELECT min(time_ns) / 1000 BETWEEN 420 AND 430 FROM samples WHERE live_objects = 4", "1\n");
}

/* A large block is taken from its list with interrupts off, however many CPUs there are. */
Test(time, an_interrupt_waits_for_the_lock_that_its_cpu_holds)
{
	static const char irq[] =
		"{\"time_ns\": 1060, \"pid\": 5, \"ctx\": \"hardirq\", \"event\": \"kfree\", \"id\": null}\n";
	static const char sql[] = "SELECT lat_max_ns > 100 FROM op_stats WHERE op = 'kfree'";

	expect(irq, "", sql, "1\n");
	expect(irq, "--set cpus=2", sql, "1\n");
}

/* The creation of the cache keeps CPU 1 busy, so that the claim waits there, while CPUs 2 and 3 are idle. */
Test(time, a_region_is_used_and_released_when_its_request_is_done)
{
	static const char rest[] =
		"{\"event\": \"kmem_cache_create\", \"cache\": \"c\", \"size\": 640, \"ctor\": true, \"cpu\": 1, \"pid\": 6, \"time_ns\": 1000}\n"
		"{\"event\": \"request_region\", \"start\": 512, \"size\": 8, \"name\": \"a\", \"cpu\": 1, \"pid\": 6, \"time_ns\": 1001}\n"
		"{\"event\": \"inb\", \"port\": 515, \"cpu\": 3, \"pid\": 8, \"time_ns\": 1002}\n"
		"{\"event\": \"release_region\", \"start\": 512, \"size\": 8, \"cpu\": 2, \"pid\": 7, \"time_ns\": 1003}\n"
		"{\"event\": \"request_region\", \"start\": 512, \"size\": 4, \"name\": \"b\", \"cpu\": 3, \"pid\": 9, \"time_ns\": 1004}\n"
		"{\"event\": \"release_region\", \"start\": 512, \"size\": 4, \"cpu\": 0, \"pid\": 10, \"time_ns\": 1005}\n";

	expect_always(rest,
		"SELECT (SELECT sum(failed) FROM op_stats), (SELECT count(*) FROM violations), (SELECT sum(still_waiting)"
		" FROM sleeps WHERE reason = 'object') IS NOT 1",
		"0|0|1\n");
}

/* Clearing keeps CPU 0 busy, so that the page is there late, while CPUs 1 and 2 are idle. */
Test(time, a_page_is_mapped_when_it_is_there)
{
	static const char rest[] =
		"{\"event\": \"alloc_pages\", \"id\": 2, \"order\": 3, \"gfp\": \"GFP_KERNEL|__GFP_ZERO\", \"cpu\": 0, \"pid\": 6, \"time_ns\": 1000}\n"
		"{\"event\": \"alloc_pages\", \"id\": 3, \"order\": 0, \"gfp\": \"GFP_HIGHUSER\", \"cpu\": 0, \"pid\": 6, \"time_ns\": 1001}\n"
		"{\"event\": \"kmap\", \"id\": 4, \"page\": 3, \"cpu\": 1, \"pid\": 7, \"time_ns\": 1002}\n"
		"{\"event\": \"kmap_atomic\", \"id\": 5, \"page\": 3, \"cpu\": 2, \"pid\": 8, \"time_ns\": 1003}\n"
		"{\"event\": \"kunmap_atomic\", \"id\": 5, \"cpu\": 2, \"pid\": 8, \"time_ns\": 1004}\n"
		"{\"event\": \"kunmap\", \"id\": 4, \"cpu\": 1, \"pid\": 7, \"time_ns\": 1005}\n"
		"{\"event\": \"free_pages\", \"id\": 3, \"order\": 0, \"cpu\": 0, \"pid\": 6, \"time_ns\": 200000}\n";
	static const char *const ways[] = { "--set cpus=4 --set bits=32", "--set cpus=4 --set bits=32 --pace think",
		"--set cpus=4 --set bits=32 --pace asap", "--set cpus=2 --set bits=32" };

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		expect(rest, ways[i],
			"SELECT (SELECT sum(failed) FROM op_stats), (SELECT sum(count) FROM op_stats WHERE op LIKE 'kunmap%'),"
			" (SELECT count(*) FROM violations), (SELECT sum(still_waiting) FROM sleeps WHERE reason = 'object') IS NOT 1",
			"0|2|0|1\n");
}

/* A block that is cleared keeps CPU 1 busy, so that the frees wait there, while CPUs 2 and 3 are idle. */
Test(time, a_cache_or_pool_is_destroyed_when_what_came_before_is_done)
{
	static const char rest[] =
		"{\"event\": \"kmem_cache_create\", \"cache\": \"c\", \"size\": 640, \"cpu\": 2, \"pid\": 7, \"time_ns\": 100000}\n"
		"{\"event\": \"mempool_create\", \"pool\": \"p\", \"min_nr\": 2, \"kind\": \"kmalloc\", \"size\": 512, \"cpu\": 2, \"pid\": 7, \"time_ns\": 110000}\n"
		"{\"event\": \"dma_pool_create\", \"pool\": \"d\", \"size\": 64, \"align\": 64, \"cpu\": 2, \"pid\": 7, \"time_ns\": 120000}\n"
		"{\"event\": \"kmem_cache_alloc\", \"id\": 2, \"cache\": \"c\", \"cpu\": 2, \"pid\": 7, \"time_ns\": 130000}\n"
		"{\"event\": \"mempool_alloc\", \"id\": 3, \"pool\": \"p\", \"gfp\": \"GFP_KERNEL\", \"cpu\": 2, \"pid\": 7, \"time_ns\": 140000}\n"
		"{\"event\": \"dma_pool_alloc\", \"id\": 4, \"pool\": \"d\", \"gfp\": \"GFP_KERNEL\", \"cpu\": 2, \"pid\": 7, \"time_ns\": 150000}\n"
		"{\"event\": \"alloc_pages\", \"id\": 5, \"order\": 3, \"gfp\": \"GFP_KERNEL|__GFP_ZERO\", \"cpu\": 1, \"pid\": 6, \"time_ns\": 200000}\n"
		"{\"event\": \"kmem_cache_free\", \"id\": 2, \"cache\": \"c\", \"cpu\": 1, \"pid\": 6, \"time_ns\": 200001}\n"
		"{\"event\": \"mempool_free\", \"id\": 3, \"pool\": \"p\", \"cpu\": 1, \"pid\": 6, \"time_ns\": 200002}\n"
		"{\"event\": \"dma_pool_free\", \"id\": 4, \"pool\": \"d\", \"cpu\": 1, \"pid\": 6, \"time_ns\": 200003}\n"
		"{\"event\": \"kmem_cache_destroy\", \"cache\": \"c\", \"cpu\": 2, \"pid\": 7, \"time_ns\": 200004}\n"
		"{\"event\": \"mempool_destroy\", \"pool\": \"p\", \"cpu\": 2, \"pid\": 7, \"time_ns\": 200005}\n"
		"{\"event\": \"dma_pool_destroy\", \"pool\": \"d\", \"cpu\": 2, \"pid\": 7, \"time_ns\": 200006}\n"
		"{\"event\": \"kmem_cache_create\", \"cache\": \"c\", \"size\": 320, \"cpu\": 3, \"pid\": 8, \"time_ns\": 200007}\n";

	expect_always(rest, "SELECT (SELECT sum(failed) FROM op_stats), (SELECT group_concat(rule) FROM violations),"
		" (SELECT object_size FROM v_caches WHERE cache = 'c'), (SELECT sum(still_waiting) FROM sleeps WHERE reason = 'object')"
		" IS NOT 1", "0||320|1\n");
}

/*
 * The creation of the cache keeps CPU 0 busy, so that of the pool
 * waits there, while CPU 1 is idle and its task asks the pool.
 */
Test(time, nobody_takes_from_a_pool_or_cache_that_is_not_there_yet)
{
	static const char rest[] =
		"{\"event\": \"kmem_cache_create\", \"cache\": \"c\", \"size\": 640, \"ctor\": true, \"cpu\": 1, \"pid\": 6}\n"
		"{\"event\": \"kmem_cache_create\", \"cache\": \"d\", \"size\": 1640, \"ctor\": true, \"cpu\": 1, \"pid\": 6}\n"
		"{\"event\": \"mempool_create\", \"pool\": \"p\", \"kind\": \"slab\", \"cache\": \"d\", \"min_nr\": 1, \"pid\": 7, \"cpu\": 2}\n"
		"{\"event\": \"mempool_alloc\", \"id\": 3, \"pool\": \"p\", \"pid\": 8, \"cpu\": 3}\n"
		"{\"event\": \"mempool_free\", \"id\": 3, \"pool\": \"p\", \"pid\": 7, \"cpu\": 2}\n"
		"{\"event\": \"kmem_cache_alloc\", \"id\": 4, \"cache\": \"d\", \"pid\": 8, \"cpu\": 3}\n";

	expect_always(rest, "SELECT (SELECT sum(failed) FROM op_stats), (SELECT allocs FROM mempool_stats),"
		" (SELECT allocs FROM v_caches WHERE cache = 'd' AND object_size = 1640) > 1, (SELECT count(*) FROM violations WHERE rule <>"
		" 'mempool_misuse')", "0|1|1|0\n");
}

/*
 * Clearing 2 MiB keeps CPU 0 busy for 2 ms here, so that the frees there are
 * late; CPU 1 destroys what they belong to, and makes a cache of the same name.
 */
Test(time, nobody_destroys_a_pool_or_cache_before_earlier_requests_are_done)
{
	static const char rest[] =
		"{\"event\": \"kmem_cache_create\", \"cache\": \"c\", \"size\": 640, \"pid\": 6, \"time_ns\": 4000000}\n"
		"{\"event\": \"kmem_cache_alloc\", \"id\": 2, \"cache\": \"c\", \"pid\": 5, \"time_ns\": 5000000}\n"
		"{\"event\": \"mempool_create\", \"pool\": \"p\", \"kind\": \"kmalloc\", \"size\": 64, \"min_nr\": 1, \"pid\": 6, \"time_ns\": 5100000}\n"
		"{\"event\": \"mempool_alloc\", \"id\": 3, \"pool\": \"p\", \"pid\": 5, \"time_ns\": 5200000}\n"
		"{\"event\": \"alloc_pages\", \"id\": 4, \"order\": 9, \"gfp\": \"GFP_KERNEL|__GFP_ZERO\", \"pid\": 5, \"time_ns\": 6000000}\n"
		"{\"event\": \"kmem_cache_free\", \"id\": 2, \"cache\": \"c\", \"pid\": 5, \"time_ns\": 6001000}\n"
		"{\"event\": \"mempool_free\", \"id\": 3, \"pool\": \"p\", \"pid\": 5, \"time_ns\": 6002000}\n"
		"{\"event\": \"mempool_destroy\", \"pool\": \"p\", \"pid\": 6, \"cpu\": 1, \"time_ns\": 6003000}\n"
		"{\"event\": \"kmem_cache_destroy\", \"cache\": \"c\", \"pid\": 6, \"cpu\": 1, \"time_ns\": 6004000}\n"
		"{\"event\": \"kmem_cache_create\", \"cache\": \"c\", \"size\": 1640, \"pid\": 7, \"cpu\": 1, \"time_ns\": 6104000}\n"
		"{\"event\": \"kmem_cache_alloc\", \"id\": 2, \"cache\": \"c\", \"pid\": 7, \"cpu\": 1, \"time_ns\": 6105000}\n";
	static const char *const paces[] = { "--set cpus=2 --set 'latency.zero_kib=1 us'",
		"--set cpus=2 --set 'latency.zero_kib=1 us' --pace think",
		"--set cpus=2 --set 'latency.zero_kib=1 us' --pace asap", "--set 'latency.zero_kib=1 us'" };

	for (size_t i = 0; i < sizeof(paces) / sizeof(paces[0]); i++)
		expect(rest, paces[i],
			"SELECT (SELECT sum(failed) FROM op_stats), (SELECT sum(destroyed) || ' ' || sum(outstanding) FROM"
			" mempool_stats), (SELECT group_concat(object_size || ' ' || live_objs) FROM v_caches WHERE cache = 'c'),"
			" (SELECT count(*) FROM violations)",
			"0|1 0|1640 1|0\n");
}

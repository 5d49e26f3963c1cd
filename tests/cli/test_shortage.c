/* What happens on a machine that is too small: who waits, who is killed, and that the run ends and says so. */
#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
	run_ok("$K import t.jsonl -o t.kmt --quiet && rm -f r.db && $K replay t.kmt -o r.db --quiet"
		" --check=1000 %s", options);
}

static void expect_zero(const char *what, const char *sql)
{
	cr_expect_eq(scenario_number("%s", sql), 0, "%s: %s", what, sql);
}

/*
 * CPU 0 is at a long request when the killed task asks, so
 * that the frees on CPU 1 wait for its turn: once too often.
 */
Test(shortage, nobody_waits_for_the_requests_of_a_killed_task)
{
	add_many(3000,
		"{\"event\":\"alloc_pages\",\"id\":\"a%d\",\"pid\":7,\"comm\":\"big\",\"gfp\":\"GFP_HIGHUSER_MOVABLE\"}");
	add_many(3000,
		"{\"event\":\"alloc_pages\",\"id\":\"b%d\",\"pid\":8,\"comm\":\"other\",\"gfp\":\"GFP_KERNEL\"}");
	for (int i = 0; i < 3; i++) {
		int at = 10000000 + i * 1000000;

		scenario_add("{\"event\":\"vmalloc\",\"id\":\"v%d\",\"size\":262144,\"pid\":9,\"time_ns\":%d}", i, at);
		scenario_add(
			"{\"event\":\"kmalloc\",\"id\":\"x\",\"size\":64,\"pid\":7,\"comm\":\"big\",\"time_ns\":%d}",
			at + 10);
		scenario_add("{\"event\":\"kfree\",\"id\":\"x\",\"pid\":10,\"cpu\":1,\"time_ns\":%d}", at + 20);
	}
	replay("--set memory=24MiB --set cpus=2");
	cr_expect_eq(scenario_number("select value from counters where name = 'oom_kill'"), 1);
	cr_expect_gt(scenario_number("select value from counters where name = 'events_of_killed_tasks'"), 0);
	scenario_expect("select count(*) from sleeps where still_waiting > 0", "0\n");
}

/*
 * Huge pages count as what they are, and go with their task, which is the only one that must: then there
 * is enough. What it asks for afterwards has failed; what interrupts take that break into it has not.
 */
Test(shortage, the_task_with_the_largest_blocks_is_killed_and_frees_them)
{
	add_many(8, "{\"event\":\"alloc_pages\",\"id\":\"h%d\",\"pid\":7,\"comm\":\"huge\",\"order\":9,"
		"\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_NOWARN\"}");
	add_many(100,
		"{\"event\":\"alloc_pages\",\"id\":\"s%d\",\"pid\":8,\"comm\":\"small\",\"gfp\":\"GFP_HIGHUSER_MOVABLE\"}");
	add_many(4000,
		"{\"event\":\"alloc_pages\",\"id\":\"k%d\",\"pid\":9,\"comm\":\"kernel\",\"gfp\":\"GFP_KERNEL\"}");
	add_many(10,
		"{\"event\":\"kmalloc\",\"id\":\"late%d\",\"pid\":7,\"comm\":\"huge\",\"size\":64,\"gfp\":\"GFP_KERNEL\"}");
	add_many(10,
		"{\"event\":\"kzalloc\",\"id\":\"irq%d\",\"pid\":7,\"comm\":\"huge\",\"recorded_ctx\":\"hardirq\",\"size\":64,"
		"\"gfp\":\"GFP_ATOMIC\"}");
	replay("--set memory=24MiB --set cpus=1");
	cr_expect_eq(scenario_number("select value from counters where name = 'oom_kill'"), 1);
	cr_expect_eq(scenario_number("select value from counters where name = 'allocations_of_killed_tasks'"), 10);
	scenario_expect("select op, count, failed from op_stats where op not like '%%free%%' order by op",
		"alloc_pages 4108 0\nkmalloc 10 10\nkzalloc 10 0\n");
}

/*
 * Its memory is nobody's any more, and what it frees on its
 * way out is free: 4000 pages are left, and no other object.
 */
Test(shortage, what_a_killed_task_had_is_free)
{
	add_many(20,
		"{\"event\":\"kmalloc\",\"id\":\"m%d\",\"pid\":7,\"comm\":\"huge\",\"size\":64,\"gfp\":\"GFP_KERNEL\"}");
	add_many(8, "{\"event\":\"alloc_pages\",\"id\":\"h%d\",\"pid\":7,\"comm\":\"huge\",\"order\":9,"
		"\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_NOWARN\"}");
	add_many(4000,
		"{\"event\":\"alloc_pages\",\"id\":\"k%d\",\"pid\":9,\"comm\":\"kernel\",\"gfp\":\"GFP_KERNEL\"}");
	add_many(20, "{\"event\":\"kfree\",\"id\":\"m%d\",\"pid\":7,\"comm\":\"huge\"}");
	add_many(8, "{\"event\":\"free_pages\",\"id\":\"h%d\",\"pid\":7,\"comm\":\"huge\",\"order\":9}");
	replay("--set memory=24MiB --set cpus=1");
	scenario_expect("select name, value from counters where mechanism = 'oom'", "killed huge, pid 7 4096\n");
	scenario_expect("select page_bytes, live_objects from samples order by time_ns desc, sample_id desc limit 1",
		"16384000 4000\n");
	expect_zero("events that were dropped", "select value from counters where name = 'events_of_killed_tasks'");
}

/*
 * oom_badness() counts what is in swap. Most of the larger task is there when nothing else
 * goes out: with its places free, the smaller one is swapped out, and nobody else is killed.
 */
Test(shortage, what_a_task_has_in_swap_counts_and_goes_with_it)
{
	add_many(5000,
		"{\"event\":\"alloc_pages\",\"id\":\"o%d\",\"pid\":7,\"comm\":\"old\",\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_ZERO\"}");
	add_many(4000,
		"{\"event\":\"alloc_pages\",\"id\":\"n%d\",\"pid\":8,\"comm\":\"new\",\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_ZERO\"}");
	add_many(3500, "{\"event\":\"alloc_pages\",\"id\":\"k%d\",\"pid\":1,\"comm\":\"init\",\"gfp\":\"GFP_KERNEL\"}");
	add_many(5000, "{\"event\":\"free_pages\",\"id\":\"o%d\",\"pid\":7,\"comm\":\"old\"}");
	replay("--set memory=24MiB --set cpus=1 --set reclaim.swap=16MiB");
	scenario_expect("select substr(name, 1, 11), value < 2000 from counters where mechanism = 'oom'",
		"killed old, 1\n");
	cr_expect_gt(scenario_number("select value from counters where name = 'pswpout'"), 4096 + 1000);
}

/*
 * oom_unkillable_task(): a kworker that unpacked the initial ramdisk holds most, and stays;
 * so does init, and what has a like name does not.
 */
Test(shortage, init_and_threads_of_the_kernel_are_never_killed)
{
	static const char *const names[][2] = { { "kworker/u2:1", "kworkerd" }, { "kswapd0", "kswapd0x" },
		{ "nfsd", "nfsdcld" } };

	for (size_t i = 0; i < 3; i++) {
		char line[256];

		unlink("t.jsonl");
		snprintf(line, sizeof(line),
			"{\"event\":\"alloc_pages\",\"id\":\"t%%d\",\"pid\":24,\"comm\":\"%s\",\"gfp\":\"GFP_HIGHUSER_MOVABLE\"}",
			names[i][0]);
		add_many(1200, line);
		add_many(1100,
			"{\"event\":\"alloc_pages\",\"id\":\"i%d\",\"pid\":1,\"comm\":\"init\",\"gfp\":\"GFP_HIGHUSER_MOVABLE\"}");
		snprintf(line, sizeof(line),
			"{\"event\":\"alloc_pages\",\"id\":\"p%%d\",\"pid\":25,\"comm\":\"%s\",\"gfp\":\"GFP_HIGHUSER_MOVABLE\"}",
			names[i][1]);
		add_many(1000, line);
		add_many(900,
			"{\"event\":\"alloc_pages\",\"id\":\"k%d\",\"pid\":1,\"comm\":\"init\",\"gfp\":\"GFP_KERNEL\"}");
		replay("--set memory=16MiB --set cpus=1");
		snprintf(line, sizeof(line), "killed %s, pid 25 1000\n", names[i][1]);
		scenario_expect("select name, value from counters where mechanism = 'oom'", line);
	}
}

/* What a process has read stays in the page cache when it ends, and nobody is killed for it. */
Test(shortage, pages_of_files_are_not_their_readers)
{
	add_many(300,
		"{\"event\":\"alloc_pages\",\"id\":\"h%d\",\"pid\":7,\"comm\":\"reader\",\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_ZERO\"}");
	add_many(3000,
		"{\"event\":\"alloc_pages\",\"id\":\"f%d\",\"pid\":7,\"comm\":\"reader\",\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_NOWARN|__GFP_NORETRY\"}");
	add_many(400,
		"{\"event\":\"alloc_pages\",\"id\":\"a%d\",\"pid\":8,\"comm\":\"app\",\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_ZERO\"}");
	add_many(260,
		"{\"event\":\"alloc_pages\",\"id\":\"b%d\",\"order\":3,\"pid\":1,\"comm\":\"init\",\"gfp\":\"GFP_KERNEL\"}");
	add_many(1500, "{\"event\":\"alloc_pages\",\"id\":\"k%d\",\"pid\":1,\"comm\":\"init\",\"gfp\":\"GFP_KERNEL\"}");
	replay("--set memory=16MiB --set cpus=1");
	scenario_expect("select name, value from counters where mechanism = 'oom' order by value desc",
		"killed app, pid 8 400\nkilled reader, pid 7 300\n");
	expect_zero("frees of the page cache", "select value from counters where name = 'frees_of_reclaimed'");
}

/* Whoever maps it has read it into another page: no memory was refused. */
Test(shortage, a_page_of_a_file_that_was_reclaimed_can_be_mapped)
{
	add_many(3000,
		"{\"event\":\"alloc_pages\",\"id\":\"f%d\",\"pid\":7,\"comm\":\"reader\",\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_NOWARN|__GFP_NORETRY\"}");
	add_many(2000, "{\"event\":\"alloc_pages\",\"id\":\"k%d\",\"pid\":1,\"comm\":\"init\",\"gfp\":\"GFP_KERNEL\"}");
	scenario_add("{\"event\":\"kmap\",\"id\":\"m\",\"page\":\"f0\",\"pid\":7,\"comm\":\"reader\"}");
	scenario_add("{\"event\":\"kunmap\",\"id\":\"m\",\"pid\":7,\"comm\":\"reader\"}");
	replay("--set memory=16MiB --set cpus=1");
	cr_expect_gt(scenario_number("select value from counters where name = 'pages_reclaimed'"), 1000);
	scenario_expect("select op, count, failed from op_stats where op like 'k%%'", "kmap 1 0\nkunmap 1 0\n");
}

/* page_cache_ra_unbounded() gives up; who wants to read the page, filemap_create_folio(), does not. */
Test(shortage, what_could_not_be_read_ahead_is_read_when_it_is_wanted)
{
	add_many(1000,
		"{\"event\":\"alloc_pages\",\"id\":\"a%d\",\"pid\":7,\"comm\":\"hog\",\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_ZERO\"}");
	add_many(4000,
		"{\"event\":\"alloc_pages\",\"id\":\"k%d\",\"pid\":1,\"comm\":\"init\",\"gfp\":\"GFP_KERNEL|__GFP_NORETRY\"}");
	add_many(100,
		"{\"event\":\"__get_free_pages\",\"id\":\"n%d\",\"pid\":9,\"comm\":\"cat\",\"gfp\":\"GFP_KERNEL|__GFP_NOWARN|__GFP_NORETRY\"}");
	replay("--set memory=16MiB --set cpus=1");
	expect_zero("kills", "select value from counters where name = 'oom_kill'");
	add_many(100,
		"{\"event\":\"alloc_pages\",\"id\":\"f%d\",\"pid\":9,\"comm\":\"cat\",\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_NOWARN|__GFP_NORETRY\"}");
	replay("--set memory=16MiB --set cpus=1");
	cr_expect_eq(scenario_number("select value from counters where name = 'oom_kill'"), 1);
	scenario_expect("select failed from op_stats where op = '__get_free_pages'", "100\n");
	cr_expect_gt(scenario_number("select sum(count) from alloc_failures where gfp like '%%MOVABLE%%'"), 0,
		"each attempt counts");
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
		cr_expect_gt(scenario_number("select sum(still_waiting) from sleeps where reason = 'retry'"), 0, "%s",
			ways[i]);
		cr_expect_eq(
			scenario_number(
				"select sum(still_waiting) - (select value from counters where name = 'still_waiting')"
				" from sleeps"),
			0, "%s", ways[i]);
		cr_expect_eq(scenario_number("select count from op_stats where op = 'alloc_pages'"), 7000, "%s",
			ways[i]);
	}
}

Test(shortage, who_waits_when_a_run_is_cut_off_has_not_failed)
{
	static const char failed[] = "could be woken by nobody: they count",
			  cut_off[] = "requests had arrived and were not done";
	struct run_result result;

	add_many(7000, "{\"event\":\"alloc_pages\",\"id\":%d,\"cpu\":1,\"pid\":3,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL\"}");
	replay("--set memory=24MiB --set cpus=2");
	result = run_shell("$K report r.db && sqlite3 r.db \"update runs set status = 'interrupted';"
		" update counters set value = (select sum(still_waiting) from sleeps) where name = 'cut_off'\" && echo CUT && $K report r.db");
	cr_expect_eq(result.status, 0, "%s", result.err);
	cr_expect(strstr(result.out, failed) && strstr(result.out, failed) < strstr(result.out, "CUT"), "%s",
		result.out);
	cr_expect(!strstr(strstr(result.out, "CUT"), failed) && strstr(strstr(result.out, "CUT"), cut_off), "%s",
		result.out);
	run_free(&result);
}

Test(shortage, a_marker_that_waits_for_its_task_is_no_request)
{
	add_many(7000, "{\"event\":\"alloc_pages\",\"id\":%d,\"cpu\":1,\"pid\":3,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL\"}");
	scenario_add("{\"event\":\"marker\",\"text\":\"end\",\"cpu\":1,\"pid\":3}");
	replay("--set memory=24MiB --set cpus=2 --pace think");
	scenario_expect("select op, count from op_stats", "alloc_pages 7000\n");
	cr_expect_eq(scenario_number("select sum(still_waiting) - (select failed from op_stats) from sleeps"), 0);
}

Test(shortage, a_request_that_may_not_fail_goes_on_when_memory_comes_back)
{
	add_many(6100,
		"{\"event\":\"alloc_pages\",\"id\":%d,\"pid\":3,\"gfp\":\"GFP_KERNEL|__GFP_NORETRY|__GFP_NOWARN\"}");
	for (int i = 0; i < 20; i++)
		scenario_add(
			"{\"event\":\"alloc_pages\",\"id\":\"n%d\",\"pid\":%d,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL\",\"order\":3,\"time_ns\":%d}",
			i, 4 + i, 10000000 + i * 100000);
	scenario_add(
		"{\"event\":\"kmalloc\",\"id\":\"m\",\"pid\":50,\"size\":65536,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL\",\"time_ns\":%d}",
		20000000);
	for (int i = 0; i < 2000; i++)
		scenario_add("{\"event\":\"free_pages\",\"id\":%d,\"pid\":3,\"time_ns\":%d}", i, 1000000000 + i * 1000);
	scenario_add("{\"event\":\"marker\",\"text\":\"end\",\"time_ns\":%lld}", 2000000000ll);
	replay("--set memory=24MiB --set cpus=2");
	scenario_expect(
		"select count > 1, timeouts > 0, still_waiting from sleeps where reason = 'retry' and total_ns > 900000000",
		"1 1 0\n");
	scenario_expect("select op, count, failed from op_stats where op = 'kmalloc'", "kmalloc 1 0\n");
}

#define NOFS "\"gfp\":\"GFP_NOFS\""

/* Without boosts, which would keep pages back from those who give up at once. */
static void replay_way(size_t way)
{
	char options[128];

	snprintf(options, sizeof(options),
		"--set memory=24MiB --set cpus=2 --set page_allocator.watermark_boost_factor=0 %s", ways[way]);
	replay(options);
}

/*
 * A task with 2000 pages, and all else in use that nobody can
 * reclaim; half a second later six requests that may not kill.
 */
static void add_hog_and_waiters(const char *hog)
{
	char line[256];

	snprintf(line, sizeof(line),
		"{\"event\":\"alloc_pages\",\"id\":\"h%%d\",\"pid\":7,\"comm\":\"%s\",\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_ZERO\"}",
		hog);
	add_many(2000, line);
	add_many(5000,
		"{\"event\":\"alloc_pages\",\"id\":\"k%d\",\"pid\":3,\"gfp\":\"GFP_KERNEL|__GFP_NORETRY|__GFP_NOWARN\"}");
	scenario_add("{\"event\":\"__get_free_pages\",\"id\":\"a\",\"pid\":11," NOFS ",\"time_ns\":%d}", 500000000);
	scenario_add(
		"{\"event\":\"__get_free_pages\",\"id\":\"b\",\"pid\":12,\"order\":2,\"gfp\":\"GFP_NOIO\",\"time_ns\":%d}",
		500100000);
	scenario_add("{\"event\":\"kmalloc\",\"id\":\"c\",\"pid\":13,\"size\":8192," NOFS ",\"time_ns\":%d}",
		500200000);
	scenario_add("{\"event\":\"krealloc\",\"id\":\"d\",\"pid\":14,\"size\":8192," NOFS ",\"time_ns\":%d}",
		500300000);
	scenario_add("{\"event\":\"kvmalloc\",\"id\":\"e\",\"pid\":15,\"size\":100000," NOFS ",\"time_ns\":%d}",
		500400000);
	scenario_add(
		"{\"event\":\"vmalloc\",\"id\":\"f\",\"pid\":16,\"size\":100000,\"gfp\":\"GFP_NOFS|__GFP_HIGHMEM\",\"time_ns\":%d}",
		500500000);
}

static void add_late(int time_ns)
{
	scenario_add("{\"event\":\"get_zeroed_page\",\"id\":\"z\",\"pid\":9,\"gfp\":\"GFP_KERNEL\",\"time_ns\":%d}",
		time_ns);
	scenario_add("{\"event\":\"marker\",\"text\":\"end\",\"time_ns\":%lld}", time_ns + 1000000000ll);
}

/* out_of_memory() kills for nobody without __GFP_FS; a request that has it kills 2 s later, and all have memory. */
Test(shortage, who_may_not_kill_waits_for_another_to_do_so)
{
	add_hog_and_waiters("hog");
	add_late(2000000000);
	for (size_t i = 0; i < NR_WAYS; i++) {
		replay_way(i);
		scenario_expect("select name from counters where mechanism = 'oom'", "killed hog, pid 7\n");
		expect_zero("nobody of them was refused", "select sum(failed) from op_stats where op <> 'alloc_pages'");
		if (!strncmp(ways[i], "--pace asap", 11))
			continue;
		scenario_expect("select start_ns >= 2000000000 from reclaim_events where by = 'oom'", "1\n");
		scenario_expect("select count >= 6, timeouts > 10, still_waiting from sleeps where reason = 'retry'",
			"1 1 0\n");
	}
}

/* There is none: they wait to the end, which comes, and are told. */
Test(shortage, who_may_not_kill_and_waits_in_vain_is_told)
{
	add_hog_and_waiters("hog");
	for (size_t i = 0; i < NR_WAYS; i++) {
		replay_way(i);
		expect_zero("kills", "select value from counters where name = 'oom_kill'");
		scenario_expect("select still_waiting from sleeps where reason = 'retry'", "6\n");
		scenario_expect("select sum(failed) from op_stats where op <> 'alloc_pages'", "6\n");
	}
}

/* Nor does when it is looked at decide how long the last of them are waited for. */
Test(shortage, samples_do_not_change_what_waits_to_the_end)
{
	add_many(4200,
		"{\"event\":\"alloc_pages\",\"id\":\"k%d\",\"pid\":1,\"comm\":\"init\",\"gfp\":\"GFP_ATOMIC|__GFP_MEMALLOC\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":\"w\",\"pid\":8,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL\"}");
	replay("--set memory=16MiB --set cpus=1");
	scenario_expect("select still_waiting from sleeps where reason = 'retry'", "1\n");
	run_ok("$K replay t.kmt -o r.db --quiet --set memory=16MiB --set cpus=1 --sample-time 7ms");
	scenario_expect("select count(*), count(distinct fingerprint), count(distinct sim_ns) from runs", "2 1 1\n");
}

/*
 * Each looks for memory again after a pause, and looking takes
 * twice as long: there is always one of them on its CPU.
 */
Test(shortage, a_run_ends_though_somebody_always_looks_for_memory)
{
	add_many(100,
		"{\"event\":\"alloc_pages\",\"id\":\"h%d\",\"pid\":3,\"comm\":\"sh\",\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_ZERO\"}");
	add_many(4000,
		"{\"event\":\"alloc_pages\",\"id\":\"k%d\",\"pid\":1,\"comm\":\"init\",\"gfp\":\"GFP_ATOMIC|__GFP_MEMALLOC\"}");
	for (int order = 0; order < 4; order++)
		scenario_add("{\"event\":\"alloc_pages\",\"id\":\"w%d\",\"pid\":%d,\"order\":%d,\"gfp\":\"GFP_NOFS\"}",
			order, 8 + order, order);
	replay("--set memory=16MiB --set cpus=1 --set latency.page_slowpath=200ms");
	scenario_expect("select still_waiting from sleeps where reason = 'retry'", "4\n");
}

/*
 * Nor can the other one kill anybody: the kernel panics then, and
 * here all are refused who have waited, and who come later at once.
 */
Test(shortage, who_may_not_kill_is_refused_when_nobody_can_be_killed)
{
	add_hog_and_waiters("kswapd0");
	add_late(900000000);
	scenario_add("{\"event\":\"kzalloc\",\"id\":\"later\",\"pid\":17,\"size\":8192," NOFS ",\"time_ns\":%d}",
		2000000000);
	replay_way(0);
	scenario_expect("select sum(failed), sum(count) from op_stats where op <> 'alloc_pages'", "8 8\n");
	scenario_expect("select still_waiting, max_ns < 1000000000 from sleeps where reason = 'retry'", "0 1\n");
	expect_zero("who comes later", "select sleeps from op_stats where op = 'kzalloc'");
}

/* Pages that come back singly serve those who want single ones, though one that wants eight has waited for longer. */
Test(shortage, who_waits_for_little_does_not_wait_for_who_waits_for_much)
{
	add_many(7000,
		"{\"event\":\"alloc_pages\",\"id\":%d,\"pid\":3,\"gfp\":\"GFP_KERNEL|__GFP_MEMALLOC|__GFP_NORETRY|__GFP_NOWARN\"}");
	scenario_add("{\"event\":\"__get_free_pages\",\"id\":\"big\",\"pid\":11,\"order\":3," NOFS ",\"time_ns\":%d}",
		10000000);
	for (int i = 0; i < 20; i++)
		scenario_add("{\"event\":\"get_zeroed_page\",\"id\":\"s%d\",\"pid\":%d," NOFS ",\"time_ns\":%d}", i,
			20 + i, 11000000 + i);
	for (int i = 0; i < 600; i += 2)
		scenario_add("{\"event\":\"free_pages\",\"id\":%d,\"pid\":3,\"time_ns\":%d}", i, 1000000000 + i);
	replay("--set memory=24MiB --set cpus=2");
	scenario_expect("select op, count, failed from op_stats where op like '%%get%%' order by op",
		"__get_free_pages 1 1\nget_zeroed_page 20 0\n");
}

/* The trace ends while CPU 1 clears memory for 10 s; only then does it free what CPU 0 waits for. */
Test(shortage, a_request_that_may_not_fail_waits_for_frees_that_are_late)
{
	add_many(16,
		"{\"event\":\"alloc_pages\",\"id\":%d,\"pid\":3,\"order\":10,\"gfp\":\"GFP_KERNEL|__GFP_NORETRY|__GFP_NOWARN\"}");
	scenario_add(
		"{\"event\":\"alloc_pages\",\"id\":\"z\",\"cpu\":1,\"pid\":4,\"order\":8,\"gfp\":\"GFP_KERNEL|__GFP_ZERO\","
		"\"time_ns\":%d}",
		900000000);
	scenario_add(
		"{\"event\":\"alloc_pages\",\"id\":\"n\",\"pid\":5,\"order\":10,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL\","
		"\"time_ns\":%d}",
		900100000);
	for (int i = 0; i < 3; i++)
		scenario_add("{\"event\":\"free_pages\",\"id\":%d,\"cpu\":1,\"pid\":4,\"time_ns\":%d}", i,
			1000000000 + i);
	for (int think = 0; think < 2; think++) {
		replay(think ? "--set memory=64MiB --set zones.dma=none --set cpus=2 --set 'latency.zero_kib=10 ms' --pace think" :
			       "--set memory=64MiB --set zones.dma=none --set cpus=2 --set 'latency.zero_kib=10 ms'");
		scenario_expect("select timeouts > 100, still_waiting from sleeps where reason = 'retry'", "1 0\n");
		expect_zero("frees come late", "select failed from op_stats where op = 'free_pages'");
	}
}

/*
 * One of those that may not fail looks again each 100 ms, and the others wait for it to have found some: also when
 * requests that slept for another reason, pages being written to swap, go on meanwhile. With a timer each, a
 * machine of 80 MiB took minutes.
 */
Test(shortage, one_of_those_that_may_not_fail_looks_for_memory_at_a_time)
{
	add_many(4500,
		"{\"event\":\"alloc_pages\",\"id\":\"k%d\",\"pid\":3,\"gfp\":\"GFP_KERNEL|__GFP_NORETRY|__GFP_NOWARN\"}");
	for (int i = 0; i < 40; i++)
		scenario_add(
			"{\"event\":\"alloc_pages\",\"id\":\"n%d\",\"pid\":%d,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL\",\"order\":10,"
			"\"time_ns\":%d}",
			i, 100 + i, 10000000 + i * 100000);
	for (int i = 0; i < 3000; i++)
		scenario_add(
			"{\"event\":\"alloc_pages\",\"id\":\"a%d\",\"pid\":%d,\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_ZERO\","
			"\"time_ns\":%lld}",
			i, 200 + i % 10, 20000000 + i * 300000ll);
	replay("--set memory=24MiB --set cpus=2 --set reclaim.swap=64MiB");
	cr_expect_gt(scenario_number("select count from sleeps where reason = 'reclaim'"), 0);
	scenario_expect(
		"select still_waiting, timeouts * 1e8 between max_ns * 0.9 and max_ns from sleeps where reason = 'retry'",
		"40 1\n");
}

/* Elements that never come back. What the end of the run cuts off has been waited for all the same. */
Test(shortage, waiting_for_a_pool_ends_with_the_run_and_is_counted_to_then)
{
	scenario_add("{\"event\":\"mempool_create\",\"pool\":\"p\",\"kind\":\"page\",\"order\":0,\"min_nr\":2}");
	add_many(9000,
		"{\"event\":\"alloc_pages\",\"id\":%d,\"pid\":2,\"gfp\":\"GFP_KERNEL|__GFP_NORETRY|__GFP_NOWARN\"}");
	for (int i = 0; i < 6; i++)
		scenario_add(
			"{\"event\":\"mempool_alloc\",\"id\":\"m%d\",\"pool\":\"p\",\"gfp\":\"GFP_NOIO\",\"pid\":%d,\"cpu\":%d}",
			i, 10 + i, i % 2);
	for (size_t i = 0; i < NR_WAYS; i++) {
		char options[128];

		snprintf(options, sizeof(options), "--set memory=32MiB --set cpus=2 %s", ways[i]);
		replay(options);
		cr_expect_eq(scenario_number("select sum(still_waiting) from sleeps where reason = 'mempool'"), 4, "%s",
			ways[i]);
		cr_expect_eq(
			scenario_number(
				"select total_ns - (select sum(wait_ns) from mempool_stats) from sleeps where reason = 'mempool'"),
			0, "%s", ways[i]);
		/*
		 * Ten seconds of waiting, after nine milliseconds, or
		 * with asap some times that of reclaiming in vain.
		 */
		cr_expect_lt(scenario_number("select count(*) from samples"), 700, "%s", ways[i]);
	}
}

Test(shortage, mappings_that_never_end_keep_others_waiting_to_the_end)
{
	add_many(40, "{\"event\":\"alloc_pages\",\"id\":\"p%d\",\"gfp\":\"GFP_HIGHUSER\"}");
	for (int i = 0; i < 40; i++)
		scenario_add("{\"event\":\"kmap\",\"id\":\"k%d\",\"page\":\"p%d\",\"pid\":%d,\"cpu\":%d}", i, i, 10 + i,
			i % 2);
	for (size_t i = 0; i < NR_WAYS; i++) {
		char options[256];

		snprintf(options, sizeof(options),
			"-m $KMEMSIM_SOURCE/configs/machines/highmem-32bit-2g.yaml --set highmem.kmap_slots=32 %s",
			ways[i]);
		replay(options);
		scenario_expect(
			"select still_waiting, total_ns = (select wait_ns from highmem_stats) from sleeps where reason = 'kmap'",
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
	scenario_expect(
		"select zone, gfp, \\\"order\\\", count from alloc_failures where \\\"order\\\" > 0 order by gfp",
		"DMA32 GFP_KERNEL 20 1\nDMA32 GFP_NOWAIT 3 2\nDMA GFP_NOWAIT|GFP_DMA 3 1\n");
	cr_expect_eq(
		scenario_number(
			"select sum(count) - (select value from counters where name = 'page_alloc_fail') from alloc_failures"),
		0);
	cr_expect_eq(
		scenario_number(
			"select sum(count) - (select failed from op_stats where op = 'alloc_pages') from alloc_failures"),
		0);
	result = run_shell("$K query r.db failures --csv && $K report r.db");
	cr_expect_eq(result.status, 0, "%s", result.err);
	cr_expect(strstr(result.out, "GFP_NOWAIT|GFP_DMA,1"), "%s", result.out);
	cr_expect(strstr(result.out, "Allocations that failed"), "%s", result.out);
	run_free(&result);
}

Test(shortage, what_was_there_before_and_finds_no_memory_is_no_request_that_failed)
{
	for (int i = 0; i < 30; i++)
		scenario_add(
			"{\"event\":\"alloc_pages\",\"id\":\"o%d\",\"order\":9,\"gfp\":\"GFP_KERNEL\",\"boot\":true,\"adopted\":true}",
			i);
	add_many(10, "{\"event\":\"alloc_pages\",\"id\":\"n%d\",\"order\":9,\"gfp\":\"GFP_KERNEL\"}");
	replay("--set memory=24MiB --set cpus=1");
	cr_expect_gt(scenario_number("select value from counters where name = 'failed_older'"), 0);
	scenario_expect(
		"select failed, failed = (select value from counters where name = 'failed_allocations') from op_stats",
		"10 1\n");
}

/* What a run says in several places it says alike: each of these is 0. */
static const struct {
	const char *what, *sql;
} sums[] = {
	{ "a row for each stall, of the first ones",
		"select min(sum(value), 10000) - (select count(*) from reclaim_events where by = 'direct') from "
		"counters where name like 'allocstall%'" },
	{ "with its pages",
		"select (value - (select coalesce(sum(pages), 0) from reclaim_events where by = 'direct')) * "
		"(select sum(value) <= 10000 from counters where name like 'allocstall%') from counters where "
		"name = 'pgsteal_direct'" },
	{ "a row for each run of kswapd",
		"select value - (select count(*) from reclaim_events where by = 'kswapd') from counters where "
		"name = 'pageoutrun'" },
	{ "with its pages",
		"select value - (select coalesce(sum(pages), 0) from reclaim_events where by = 'kswapd') from "
		"counters where name = 'pgsteal_kswapd'" },
	{ "pages that moved",
		"select value - (select coalesce(sum(pages), 0) from reclaim_events where by in ('compaction', "
		"'kcompactd')) from counters where name = 'pgmigrate_success'" },
	{ "kills",
		"select value - (select count(*) from reclaim_events where by = 'oom') from counters where name = "
		"'oom_kill'" },
	{ "what the killed gave back",
		"select coalesce(sum(value), 0) - (select coalesce(sum(pages), 0) from reclaim_events where by = "
		"'oom') from counters where mechanism = 'oom'" },
	{ "failures by order, zone and flags",
		"select value - (select coalesce(sum(count), 0) from alloc_failures) from counters where name = "
		"'page_alloc_fail'" },
	{ "allocations that failed",
		"select sum(value) - (select coalesce(sum(failed), 0) from op_stats where op glob '*alloc*' or op "
		"in ('__get_free_pages', 'get_zeroed_page', 'task_create', 'vmap', 'vm_map_ram', 'ioremap', "
		"'mempool_create', 'dma_pool_create')) from counters where name in ('failed_allocations', 'failed_older', "
		"'failed_as_recorded')" },
	{ "sleeps by operation and by reason",
		"select sum(sleeps) - (select coalesce(sum(count), 0) from sleeps where reason not in ('object', "
		"'task')) from op_stats" },
	{ "sleeps for pools",
		"select coalesce(sum(waits), 0) - (select coalesce(sum(count), 0) from sleeps where reason = "
		"'mempool') from mempool_stats" },
	{ "sleeps for slots of kmap()",
		"select coalesce(sum(wait_ns), 0) - (select coalesce(sum(total_ns), 0) from sleeps where reason = "
		"'kmap') from highmem_stats" },
	{ "who still waits",
		"select value - (select coalesce(sum(still_waiting), 0) from sleeps) from counters where name = "
		"'still_waiting'" },
	{ "who meets somebody at a lock waits",
		"select count(*) from lock_stats where contended > acquisitions or (contended > 0) <> (wait_ns > "
		"0)" },
	{ "who sleeps for writing reclaimed",
		"select max(0, (select coalesce(sum(count), 0) from sleeps where reason = 'reclaim') - (select "
		"count(*) from reclaim_events where by = 'direct'))" },
	{ "nobody who frees sleeps",
		"select count(*) from op_stats where op in ('kfree', 'free_pages') and sleeps" },
	{ "work takes time",
		"select count(*) from reclaim_events where pages > 0 and end_ns = start_ns" },
	{ "stalls are in latencies",
		"select sum(end_ns - start_ns) > (select sum(lat_mean_ns * count + count) from op_stats) from "
		"reclaim_events where by in ('direct', 'compaction', 'oom')" },
	{ "each request that happened has a latency",
		"select sum(count) - (select sum(count) from latency_hist) - (select sum(value) from counters "
		"where name in ('allocations_of_killed_tasks', 'still_waiting')) from op_stats" },
};

static void expect_figures_agree(void)
{
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		expect_zero(sums[i].what, sums[i].sql);
}

Test(shortage, every_episode_is_told_with_its_time_and_all_figures_agree)
{
	struct run_result result;

	add_many(8000,
		"{\"event\":\"alloc_pages\",\"id\":\"f%d\",\"pid\":7,\"comm\":\"cat\",\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_NORETRY\"}");
	add_many(4000,
		"{\"event\":\"kmalloc\",\"id\":\"k%d\",\"size\":1024,\"pid\":9,\"comm\":\"net\",\"gfp\":\"GFP_ATOMIC\"}");
	add_many(60, "{\"event\":\"alloc_pages\",\"id\":\"o%d\",\"pid\":9,\"comm\":\"net\",\"order\":3}");
	add_many(8000,
		"{\"event\":\"alloc_pages\",\"id\":\"a%d\",\"pid\":8,\"comm\":\"hog\",\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_ZERO\"}");
	add_many(4000, "{\"event\":\"kfree\",\"id\":\"k%d\",\"pid\":9,\"comm\":\"net\"}");
	add_many(8000, "{\"event\":\"free_pages\",\"id\":\"f%d\",\"pid\":7,\"comm\":\"cat\"}");
	replay("--set memory=24MiB --set cpus=2");
	cr_expect_gt(scenario_number("select count(*) from reclaim_events where by = 'direct'"), 1);
	cr_expect_gt(scenario_number("select sum(pages) from reclaim_events where by = 'kswapd'"), 0);
	expect_figures_agree();
	cr_expect_geq(scenario_number("select acquisitions from lock_stats where lock = 'pcp'"), 16000);
	scenario_expect(
		"select name, unit, value = (select pages from reclaim_events where by = 'oom') from counters where mechanism = 'oom'",
		"killed hog, pid 8 pages 1\n");
	result = run_shell("$K report r.db");
	cr_expect(strstr(result.out, "Longest stalls") && strstr(result.out, "killed hog, pid 8"), "%s", result.out);
	run_free(&result);
}

/* The same of all workloads that ship, with too little memory and with nearly enough. */
Test(shortage, figures_of_shipped_workloads_agree)
{
	static const char *const options[] = { "--set memory=24MiB", "--set memory=64MiB --pace think" };
	char pattern[4096];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/configs/workloads/*.yaml", getenv("KMEMSIM_SOURCE"));
	cr_assert_eq(glob(pattern, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		run_ok("$K gen %s -o t.kmt -q", found.gl_pathv[i]);
		for (size_t o = 0; o < sizeof(options) / sizeof(options[0]); o++) {
			run_ok("rm -f r.db && $K replay t.kmt -o r.db --quiet --check=50000 --set cpus=2 %s",
				options[o]);
			printf("%s %s\n", found.gl_pathv[i], options[o]);
			expect_figures_agree();
		}
	}
	globfree(&found);
}

/* A pool that was to be made by a task which waits to the end is one of the allocations that failed, as others are. */
Test(shortage, a_pool_that_is_never_made_is_an_allocation_that_failed)
{
	add_many(4200,
		"{\"event\":\"alloc_pages\",\"id\":\"k%d\",\"pid\":1,\"comm\":\"init\",\"gfp\":\"GFP_ATOMIC|__GFP_MEMALLOC\"}");
	scenario_add(
		"{\"event\":\"alloc_pages\",\"id\":\"w\",\"pid\":8,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL\",\"time_ns\":1000000000}");
	scenario_add(
		"{\"event\":\"mempool_create\",\"pool\":\"p\",\"pid\":8,\"min_nr\":1,\"kind\":\"kmalloc\",\"size\":512}");
	scenario_add("{\"event\":\"dma_pool_create\",\"pool\":\"d\",\"pid\":8,\"size\":64,\"align\":64}");
	replay("--set memory=16MiB --set cpus=1 --pace think");
	scenario_expect("select op, failed from op_stats where op like '%%create'", "dma_pool_create 1\nmempool_create 1\n");
	expect_zero("difference",
		"select sum(failed) - (select value from counters where name = 'failed_allocations') from op_stats");
}

/* So many others that nobody wants to read them all do not hide it. */
Test(shortage, each_kill_has_a_row_however_many_reclaimed_in_vain)
{
	add_many(700,
		"{\"event\":\"alloc_pages\",\"id\":\"a%d\",\"pid\":8,\"comm\":\"hog\",\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_ZERO\"}");
	add_many(16000,
		"{\"event\":\"alloc_pages\",\"id\":%d,\"pid\":3,\"gfp\":\"GFP_KERNEL|__GFP_RETRY_MAYFAIL|__GFP_NOWARN\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":\"last\",\"pid\":3,\"gfp\":\"GFP_KERNEL\"}");
	replay("--set memory=24MiB --set cpus=2");
	scenario_expect("select by, count(*), sum(pages) from reclaim_events where by in ('direct', 'oom') group by by",
		"direct 10000 0\noom 1 700\n");
	cr_expect_gt(scenario_number("select value from counters where name = 'episodes'"), 10001);
	expect_figures_agree();
}

/* A page that there was no memory for cannot be mapped, but that is no other allocation that failed. */
Test(shortage, a_mapping_of_a_page_that_is_not_there_is_no_allocation)
{
	struct run_result result;

	add_many(20,
		"{\"event\":\"alloc_pages\",\"id\":\"p%d\",\"order\":9,\"gfp\":\"GFP_HIGHUSER|__GFP_NOWARN|__GFP_NORETRY\"}");
	for (int i = 0; i < 20; i++) {
		scenario_add("{\"event\":\"kmap_atomic\",\"id\":\"k%d\",\"page\":\"p%d\"}", i, i);
		scenario_add("{\"event\":\"kunmap_atomic\",\"id\":\"k%d\"}", i);
	}
	replay("--set memory=24MiB --set cpus=1");
	scenario_expect(
		"select value = failed from counters, op_stats where name = 'failed_allocations' and op = 'alloc_pages'",
		"1\n");
	cr_expect_gt(scenario_number("select failed from op_stats where op = 'kmap_atomic'"), 0);
	result = run_shell("$K report r.db");
	cr_expect(strstr(result.out, " of 20 allocations failed"), "%s", result.out);
	run_free(&result);
}

/* Each kswapd tells its own pages, though others work meanwhile, and what it has done when the trace ends under way. */
Test(shortage, figures_of_two_nodes_agree)
{
	for (int i = 0; i < 30000; i++)
		scenario_add(
			"{\"event\":\"alloc_pages\",\"id\":\"f%d\",\"pid\":%d,\"cpu\":%d,\"comm\":\"cat\",\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_NORETRY\"}",
			i, 7 + i % 2, i % 2);
	for (size_t i = 0; i < NR_WAYS; i++) {
		char options[128];

		snprintf(options, sizeof(options),
			"--set cpus=2 --set 'nodes=[{memory: 48 MiB, cpus: 1}, {memory: 48 MiB, cpus: 1}]' %s",
			ways[i]);
		replay(options);
		cr_expect_eq(scenario_number("select count(distinct node) from reclaim_events where by = 'kswapd'"), 2,
			"%s", ways[i]);
		expect_figures_agree();
	}
}

/*
 * cond_resched() in the slow path: who finds memory short that nobody has told kswapd of lets it have its
 * turn before he reclaims for himself. With two CPUs it is on the other one meanwhile.
 */
Test(shortage, kswapd_has_its_turn_before_the_request_that_woke_it_reclaims)
{
	static const char first[] = "select by from reclaim_events where by <> 'kcompactd' order by start_ns limit 1";

	add_many(8000,
		"{\"event\":\"alloc_pages\",\"id\":\"f%d\",\"pid\":7,\"comm\":\"cat\",\"gfp\":\"__GFP_MOVABLE|__GFP_NOWARN\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":\"k\",\"pid\":8,\"time_ns\":900000000}");
	replay("--set memory=24MiB --set cpus=2");
	scenario_expect(first, "direct\n");
	replay("--set memory=24MiB --set cpus=1");
	scenario_expect(first, "kswapd\n");
	scenario_expect("select max(end_ns) filter (where by = 'kswapd') <= min(start_ns) filter (where by = 'direct')"
		" from reclaim_events", "1\n");
	expect_figures_agree();
}

/* It swaps out between requests, which have memory all the time: what it waits for is not theirs. */
Test(shortage, nobody_sleeps_for_what_kswapd_writes)
{
	for (int i = 0; i < 6000; i++) {
		scenario_add(
			"{\"event\":\"alloc_pages\",\"id\":\"a%d\",\"pid\":7,\"time_ns\":%d000000,\"gfp\":\"GFP_HIGHUSER_MOVABLE\"}",
			i, i + 1);
		scenario_add("{\"event\":\"kmalloc\",\"id\":\"k%d\",\"size\":64,\"pid\":8,\"time_ns\":%d300000}", i,
			i + 1);
		scenario_add("{\"event\":\"kfree\",\"id\":\"k%d\",\"pid\":8,\"time_ns\":%d600000}", i, i + 1);
	}
	replay("--set memory=24MiB --set cpus=1 --set reclaim.swap=16MiB");
	cr_expect_gt(scenario_number("select value from counters where name = 'pswpout'"), 0);
	expect_zero("nobody reclaims for himself", "select sum(value) from counters where name like 'allocstall%%'");
	expect_zero("nobody sleeps", "select coalesce(sum(count), 0) from sleeps where reason = 'reclaim'");
	expect_figures_agree();
}

/*
 * Half of memory is in single pages when kcompactd looks for the
 * first time: what it has moved when the run ends has a row, too.
 */
Test(shortage, a_pass_of_kcompactd_that_is_cut_off_is_told)
{
	for (int i = 0; i < 5000; i++)
		scenario_add(
			"{\"event\":\"alloc_pages\",\"id\":\"f%d\",\"pid\":7,\"comm\":\"cat\",\"gfp\":\"GFP_HIGHUSER_MOVABLE\"}",
			i);
	for (int i = 0; i < 5000; i += 2)
		scenario_add("{\"event\":\"free_pages\",\"id\":\"f%d\",\"pid\":7,\"comm\":\"cat\"}", i);
	scenario_add("{\"event\":\"kmalloc\",\"id\":\"k\",\"size\":64,\"time_ns\":%d}", 512400000);
	replay("--set memory=24MiB --set cpus=2 --set page_allocator.compaction_proactiveness=100");
	cr_expect_gt(scenario_number("select value from counters where name = 'pgmigrate_success'"), 0);
	scenario_expect("select \"by\", success from reclaim_events", "kcompactd 0\n");
	expect_figures_agree();
}

/* A capture's recorded kswapd, reclaimed objects and failures. */
Test(shortage, figures_of_a_capture_under_pressure_agree)
{
	if (!run_shared())
		cr_skip_test("no folder of captures: set KMEMSIM_SHARED");
	run_ok("S=%s/captures/D-pressure; $K import $S/trace.dat -o d.kmt --quiet && $K probe $S/snapshots -o d.yaml 2> /dev/null &&"
	       " $K replay d.kmt -m d.yaml -o r.db --quiet",
		run_shared());
	expect_figures_agree();
	cr_expect_gt(scenario_number("select lat_p50_ns from op_stats where op = 'free_pages'"), 0,
		"frees left to the model's kswapd take no time");
	cr_expect_eq(scenario_number("select value from counters where name = 'failed_only_in_recording'") > 0, 1);
}

/* Half their memory: parts of calls come late, tasks are killed in the middle of one, and who may not fail waits. */
Test(shortage, captures_end_on_machines_that_are_too_small_for_them)
{
	static const char *const captures[] = { "B-fs-churn", "C-net-ipc", "F-numa" };

	if (!run_shared())
		cr_skip_test("no folder of captures: set KMEMSIM_SHARED");
	for (size_t i = 0; i < sizeof(captures) / sizeof(captures[0]); i++) {
		run_ok("S=%s/captures/%s; $K import $S/trace.dat -o t.kmt --quiet && $K probe $S/snapshots -o m.yaml --quiet && rm -f r.db &&"
		       " $K replay t.kmt -m m.yaml --set memory=110MiB --set page_allocator.min_free_kbytes=auto --check=100000 -o r.db --quiet",
			run_shared(), captures[i]);
		cr_expect_gt(scenario_number("select sum(value) from counters where name like 'allocstall%%'"), 1000,
			"%s", captures[i]);
	}
}

Test(shortage, a_rule_that_a_waiting_request_breaks_is_told_once)
{
	add_many(7000,
		"{\"event\":\"alloc_pages\",\"id\":%d,\"pid\":3,\"gfp\":\"GFP_KERNEL|__GFP_NORETRY|__GFP_NOWARN\"}");
	add_many(900,
		"{\"event\":\"alloc_pages\",\"id\":\"n%d\",\"order\":2,\"pid\":4,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL\"}");
	replay("--set memory=24MiB --set cpus=1");
	cr_expect_gt(scenario_number("select timeouts from sleeps where reason = 'retry'"), 2);
	scenario_expect("select rule, count(*) from violations group by rule", "order_too_large 900\n");
}

/*
 * Who waits for the memory of a killed task, or for the swap device,
 * is off its CPU: another task of that CPU does not wait with it.
 */
Test(shortage, waiting_for_a_victim_or_for_swap_leaves_the_cpu_to_others)
{
	static const char *const paces[] = { "--pace recorded", "--pace think" };

	add_many(5000,
		"{\"event\":\"alloc_pages\",\"id\":\"a%d\",\"pid\":8,\"comm\":\"hog\",\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_ZERO\"}");
	for (int i = 0; i < 200; i++)
		scenario_add(
			"{\"event\":\"kmalloc\",\"id\":\"k%d\",\"size\":64,\"pid\":9,\"time_ns\":%d,\"gfp\":\"GFP_ATOMIC\"}",
			i, 5000000 + i * 100000);
	for (size_t i = 0; i < 2; i++) {
		char options[256];

		snprintf(options, sizeof(options), "--set memory=16MiB --set cpus=1 %s", paces[i]);
		replay(options);
		scenario_expect(
			"select count > 0, total_ns = count * 50000000, timeouts, still_waiting from sleeps where reason = 'oom'",
			"1 1 0 0\n");
		scenario_expect("select sleeps > 0, lat_max_ns > 50000000 from op_stats where op = 'alloc_pages'",
			"1 1\n");
		cr_expect_lt(scenario_number("select lat_max_ns from op_stats where op = 'kmalloc'"), 10000000, "%s",
			paces[i]);
		snprintf(options, sizeof(options), "--set memory=16MiB --set cpus=1 --set reclaim.swap=16MiB %s",
			paces[i]);
		replay(options);
		scenario_expect("select count > 0, total_ns % 50000 from sleeps where reason = 'reclaim'", "1 0\n");
		expect_zero("each request has a latency",
			"select count(*) from op_stats o where count <> (select sum(count) from latency_hist h where h.op = o.op)");
	}
}

/* An interrupt cannot leave its CPU, nor can a task that must not be preempted: they are busy for as long. */
Test(shortage, who_may_not_sleep_does_not)
{
	add_many(5000,
		"{\"event\":\"alloc_pages\",\"id\":\"a%d\",\"pid\":8,\"comm\":\"hog\",\"preempt_off\":true,\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_ZERO\"}");
	replay("--set memory=16MiB --set cpus=1");
	cr_expect_gt(scenario_number("select value from counters where name = 'oom_kill'"), 0);
	scenario_expect("select count(*) from sleeps", "0\n");
	scenario_expect("select sleeps, lat_max_ns > 50000000 from op_stats", "0 1\n");
}

/*
 * Ctrl-C while requests wait for their CPU, and while they
 * sleep: the part done is saved, and what was not done is told.
 */
Test(shortage, an_interrupted_run_tells_what_was_still_waiting)
{
	struct run_result result;

	/* Clearing these takes 12 ms: what comes within 12000 events waits. */
	add_many(100,
		"{\"event\":\"alloc_pages\",\"id\":\"b%d\",\"pid\":3,\"order\":10,\"gfp\":\"GFP_KERNEL|__GFP_ZERO\"}");
	add_many(20000, "{\"event\":\"alloc_pages\",\"id\":%d,\"pid\":3,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL\"}");
	result = run_shell(
		"$K import t.jsonl -o t.kmt --quiet && ($K replay t.kmt -o r.db --set memory=1GiB --check=1 & P=$!;"
		" for i in 1 2 3 4 5; do sleep 1; kill -INT $P 2> /dev/null || break; done; wait $P)");
	cr_assert_eq(result.status, 130, "status %d: %s%s", result.status, result.out, result.err);
	cr_expect(strstr(result.out, "cut off"), "%s", result.out);
	run_free(&result);
	scenario_expect("select status, events < 20000 from runs", "interrupted 1\n");
	cr_expect_gt(scenario_number("select value from counters where name = 'cut_off'"), 0);
	expect_zero("done, or not",
		"select events - (select sum(count) from op_stats) - (select value from counters where name = 'cut_off') from runs");
}

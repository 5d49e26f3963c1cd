/* Replays that begin in the middle: --from, and the initial state of the machine's file. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/cli/run.h"

TestSuite(from, .init = run_enter, .fini = run_leave);

/* Three objects and a block before the marker; one of each is freed after it. */
static const char story[] =
	"{\"time_ns\":1000,\"event\":\"kmem_cache_create\",\"cache\":\"thing\",\"size\":700}\n"
	"{\"time_ns\":2000,\"event\":\"kmem_cache_alloc\",\"id\":1,\"cache\":\"thing\",\"gfp\":\"GFP_KERNEL\"}\n"
	"{\"time_ns\":3000,\"event\":\"kmalloc\",\"id\":2,\"size\":100,\"gfp\":\"GFP_KERNEL\"}\n"
	"{\"time_ns\":4000,\"event\":\"kmalloc\",\"id\":3,\"size\":100,\"gfp\":\"GFP_KERNEL\"}\n"
	"{\"time_ns\":5000,\"event\":\"kfree\",\"id\":3}\n"
	"{\"time_ns\":6000,\"event\":\"alloc_pages\",\"id\":4,\"order\":3,\"gfp\":\"GFP_KERNEL\"}\n"
	"{\"time_ns\":7000,\"event\":\"marker\",\"text\":\"work begins\"}\n"
	"{\"time_ns\":8000,\"event\":\"kfree\",\"id\":2}\n"
	"{\"time_ns\":9000,\"event\":\"free_pages\",\"id\":4,\"order\":3}\n";

static void import_story(void)
{
	struct run_result result;

	run_write("t.jsonl", story);
	result = run_shell("$K import t.jsonl -o t.kmt --quiet");
	cr_assert_eq(result.status, 0, "%s", result.err);
	run_free(&result);
}

static void expect_replay(const char *options, double events, double live)
{
	struct run_result result = run_shell("rm -f r.db; $K replay t.kmt -o r.db --json --check=1 %s", options);

	cr_assert_eq(result.status, 0, "%s: %s", options, result.err);
	cr_expect_eq(run_number(result.out, "events"), events, "%s: %s", options, result.out);
	cr_expect_eq(run_number(result.out, "live_objects"), live, "%s: %s", options, result.out);
	cr_expect_eq(run_number(result.out, "failed"), 0);
	run_free(&result);
}

static void expect_answer(const char *sql, const char *answer)
{
	struct run_result result = run_shell("sqlite3 -csv r.db \"%s\"", sql);

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_expect_str_eq(result.out, answer);
	run_free(&result);
}

Test(from, a_marker_a_number_and_a_time_begin_at_the_same_event)
{
	import_story();
	expect_replay("", 9, 1);
	expect_replay("--from 'marker:work begins'", 3, 1);
	expect_answer("select op, count from op_stats where op <> 'marker' order by op", "free_pages,1\nkfree,1\n");
	expect_answer("select time_ns, event_no, live_objects, page_bytes from samples where reason = 'start'", "7000,0,3,32768\n");
	expect_replay("--from 6", 3, 1);
	expect_replay("--from '7000 ns'", 3, 1);
	expect_replay("--from '6.5 us'", 3, 1);
}

Test(from, what_was_freed_before_the_beginning_is_not_there_and_caches_are)
{
	import_story();
	expect_replay("--from 'marker:work begins'", 3, 1);
	expect_answer("select live_objs, slabs from cache_stats where cache = 'thing' and sample_id = (select max(sample_id) from"
		      " samples)", "1,1\n");
	expect_answer("select live_objs from cache_stats where cache = 'kmalloc-128' and sample_id = (select min(sample_id) from"
		      " samples where reason = 'marker')", "1\n");
}

Test(from, an_unknown_marker_and_a_place_behind_the_end_are_errors)
{
	struct run_result result;

	import_story();
	result = run_shell("$K replay t.kmt --from 'marker:nobody said this'");
	cr_expect_eq(result.status, 2);
	cr_expect_not_null(strstr(result.err, "nobody said this"), "%s", result.err);
	run_free(&result);
	result = run_shell("$K replay t.kmt --from 100");
	cr_expect_eq(result.status, 2);
	cr_expect_not_null(strstr(result.err, "behind the last event"), "%s", result.err);
	run_free(&result);
	result = run_shell("$K replay t.kmt --from 'next week'");
	cr_expect_eq(result.status, 2);
	run_free(&result);
}

Test(from, the_work_of_one_machine_continues_in_the_saved_state_of_another, .timeout = 120)
{
	const char *shared = run_shared();
	struct run_result result;

	if (!shared)
		cr_skip_test("no folder of captures");
	result = run_shell("$K import %s/captures/J-whatif/base/trace.dat -o t.kmt --quiet &&"
					     " $K probe %s/captures/J-whatif/slub-min-order-1/snapshots -o m.yaml --quiet &&"
					     " echo 'initial: %s/captures/J-whatif/slub-min-order-1/snapshots/1-after-boot' >> m.yaml &&"
					     " $K replay t.kmt -m m.yaml --from 'marker:WORKLOAD begin' -o r.db --json",
		shared, shared, shared);

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_expect_eq(run_number(result.out, "failed"), 0);
	run_free(&result);
	/* The real machine ended with 34675 free pages of 176358 in DMA32 and 15328 pages of slabs. */
	expect_answer("select abs(free_pages - 34675) * 1000 < 176358 * 6 from zone_samples where zone = 'DMA32' and sample_id ="
		      " (select max(sample_id) from samples)", "1\n");
	expect_answer("select abs(slab_bytes / 4096 - 15328) * 50 < 15328 from samples order by sample_id desc limit 1", "1\n");
}

/* What every user has: the files of /proc, and no dump of memory. Where things lie is made up then; how many there are is not. */
Test(from, files_of_proc_alone_tell_how_much_of_everything_there_is, .timeout = 120)
{
	const char *shared = run_shared();
	struct run_result result;

	if (!shared)
		cr_skip_test("no folder of captures");
	result = run_shell("S=%s/captures/J-whatif; $K import $S/base/trace.dat -o t.kmt --quiet && mkdir s &&"
			   " find $S/slub-min-order-1/snapshots/1-after-boot -maxdepth 1 -type f -exec cp {} s ';' &&"
			   " $K probe s -o m.yaml --quiet &&"
			   " $K replay t.kmt -m m.yaml --initial s --from 'marker:WORKLOAD begin' -o r.db --check=1000000 --quiet", shared);
	cr_assert_eq(result.status, 0, "%s", result.err);
	run_free(&result);
	/*
	 * The real machine ended with 34675 free pages of 176358 in DMA32 and 15328 pages of slabs. It was saved with 122771 free;
	 * what saved it filled 1000 more with inodes before the marker.
	 */
	expect_answer("select abs(free_pages - 34675) * 1000 < 176358 * 6 from zone_samples where zone = 'DMA32' and sample_id ="
		      " (select max(sample_id) from samples)", "1\n");
	expect_answer("select abs(slab_bytes / 4096 - 15328) * 50 < 15328 from samples order by sample_id desc limit 1", "1\n");
	expect_answer("select abs(free_pages - 121771) * 1000 < 176358 * 3 from zone_samples where zone = 'DMA32' and sample_id ="
		      " (select min(sample_id) from samples)", "1\n");
}

/* Of 192 pageblocks in DMA32 the real machine has 99 Unmovable ones when it is saved and 101 at the end, in spite of reclaim. */
Test(from, pageblocks_keep_their_types_where_only_numbers_were_saved, .timeout = 120)
{
	const char *shared = run_shared();
	struct run_result result;

	if (!shared)
		cr_skip_test("no folder of captures");
	result = run_shell("S=%s/captures/J-whatif; $K import $S/base/trace.dat -o t.kmt --quiet && mkdir s &&"
			   " find $S/less-memory/snapshots/1-after-boot -maxdepth 1 -type f -exec cp {} s ';' &&"
			   " $K probe s -o m.yaml --quiet &&"
			   " $K replay t.kmt -m m.yaml --initial s --from 'marker:WORKLOAD begin' -o r.db --quiet &&"
			   " $K proc r.db --file pagetypeinfo |"
			   " awk '/DMA32 +[0-9]/ { printf(\"{\\\"unmovable\\\": %%d, \\\"movable\\\": %%d}\", $5, $6) }'", shared);
	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_expect(run_number(result.out, "unmovable") >= 98 && run_number(result.out, "unmovable") <= 104, "%s", result.out);
	cr_expect(run_number(result.out, "movable") >= 81 && run_number(result.out, "movable") <= 87, "%s", result.out);
	run_free(&result);
}

/*
 * Pages that were reclaimed are read again there. A slot whose page went may have another object by then, which shrinkers free in turn:
 * no page comes back for that one, so nobody frees one as an object of a cache.
 */
Test(from, what_comes_back_under_pressure_is_the_page_that_went, .timeout = 120)
{
	const char *shared = run_shared();
	struct run_result result;

	if (!shared)
		cr_skip_test("no folder of captures");
	result = run_shell("S=%s/captures/J-whatif; $K import $S/base/trace.dat -o t.kmt --quiet &&"
			   " $K probe $S/less-memory/snapshots -o m.yaml --quiet &&"
			   " $K replay t.kmt -m m.yaml --initial $S/less-memory/snapshots/1-after-boot --from 'marker:WORKLOAD begin' -o r.db"
			   " --check=1000000 --quiet", shared);
	cr_assert_eq(result.status, 0, "%s", result.err);
	run_free(&result);
	expect_answer("select value > 1000 from counters where name = 'refaults'", "1\n");
	expect_answer("select value > 1000 from counters where name = 'objects_shrunk'", "1\n");
	expect_answer("select count(*) from violations where rule = 'wrong_free'", "0\n");
}

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
	run_write("t.jsonl", story);
	run_ok("$K import t.jsonl -o t.kmt --quiet");
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
	expect_answer("select time_ns, event_no, live_objects, page_bytes from samples where reason = 'start'",
		"7000,0,3,32768\n");
	expect_replay("--from 6", 3, 1);
	expect_replay("--from '7000 ns'", 3, 1);
	expect_replay("--from '6.5 us'", 3, 1);
}

/* What is asked for before the beginning is no request of the run: neither one that fails nor one that is counted. */
Test(from, what_finds_no_memory_before_the_beginning_is_not_counted)
{
	char jsonl[4096];
	size_t len = 0;

	for (int i = 0; i < 12; i++)
		len += (size_t)snprintf(jsonl + len, sizeof(jsonl) - len,
			"{\"event\":\"alloc_pages\",\"id\":%d,\"order\":10,"
			"\"gfp\":\"GFP_KERNEL\",\"call_site\":\"early\"}\n",
			i);
	snprintf(jsonl + len, sizeof(jsonl) - len,
		"{\"event\":\"request_region\",\"start\":65535,\"size\":2,\"name\":\"x\"}\n"
		"{\"event\":\"marker\",\"text\":\"go\"}\n"
		"{\"event\":\"kmalloc\",\"id\":\"k\",\"size\":64,\"gfp\":\"GFP_KERNEL\",\"call_site\":\"late\"}\n");
	run_write("t.jsonl", jsonl);
	run_ok("$K import t.jsonl -o t.kmt --quiet");
	run_ok("$K replay t.kmt -o r.db -q --set memory=24MiB --set cpus=1 --from marker:go");
	expect_answer("select op, count, failed from op_stats where op <> 'marker'", "kmalloc,1,0\n");
	expect_answer("select value from counters where name = 'failed_allocations'", "0\n");
	expect_answer("select 12 - value - (select live from call_sites where call_site = 'early') from counters where "
		      "name = 'failed_older' and value > 0", "0\n");
	expect_answer("select count, failed, bytes_req, lat_mean_ns from call_sites where call_site = 'early'",
		"0,0,0,0\n");
	expect_answer(
		"select sum(live) - (select live_objects from samples order by sample_id desc limit 1) from call_sites",
		"0\n");
}

Test(from, what_krealloc_made_before_the_beginning_is_there)
{
	run_write("t.jsonl",
		"{\"event\":\"kmalloc\",\"id\":1,\"size\":64,\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"event\":\"krealloc\",\"id\":1,\"size\":100000,\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"event\":\"kmalloc\",\"id\":2,\"size\":64,\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"event\":\"krealloc\",\"id\":2,\"size\":20,\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"event\":\"kmalloc\",\"id\":3,\"size\":64,\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"event\":\"krealloc\",\"id\":3,\"size\":0,\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"event\":\"kmalloc\",\"id\":4,\"size\":64,\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"event\":\"krealloc\",\"id\":4,\"size\":300,\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"event\":\"kfree\",\"id\":4}\n"
		"{\"event\":\"marker\",\"text\":\"go\"}\n"
		"{\"event\":\"kfree\",\"id\":1}\n");
	run_ok("$K import t.jsonl -o t.kmt --quiet");
	run_ok("$K replay t.kmt -o r.db -q --check=1 --from marker:go");
	expect_answer(
		"select live_objects, kmalloc_large_bytes, slab_bytes - slab_waste_bytes from samples where reason = 'start'",
		"2,131072,64\n");
	expect_answer("select count(*) from violations", "0\n");
	expect_answer("select live_objects, kmalloc_large_bytes from samples order by sample_id desc limit 1", "1,0\n");
}

Test(from, a_section_that_is_open_at_the_beginning_is_still_one)
{
	run_write("t.jsonl",
		"{\"time_ns\":1000,\"event\":\"get_cpu\",\"pid\":8}\n"
		"{\"time_ns\":2000,\"event\":\"put_cpu\",\"pid\":8}\n"
		"{\"time_ns\":3000,\"event\":\"get_cpu\",\"pid\":7}\n"
		"{\"time_ns\":4000,\"event\":\"kmalloc\",\"id\":1,\"size\":64,\"pid\":7}\n"
		"{\"time_ns\":5000,\"event\":\"put_cpu\",\"pid\":7}\n"
		"{\"time_ns\":6000,\"event\":\"kmalloc\",\"id\":2,\"size\":64,\"pid\":7}\n");
	run_ok("$K import t.jsonl -o t.kmt --quiet");
	expect_replay("--from 3", 3, 2);
	expect_answer("select event_no, rule from violations", "3,sleep_in_atomic\n");
	expect_answer("select name, value from counters where name in ('get_calls', 'sections') order by name",
		"get_calls,0\nsections,1\n");
}

Test(from, what_was_freed_before_the_beginning_is_not_there_and_caches_are)
{
	import_story();
	expect_replay("--from 'marker:work begins'", 3, 1);
	expect_answer(
		"select live_objs, slabs from cache_stats where cache = 'thing' and sample_id = (select max(sample_id) from"
		" samples)",
		"1,1\n");
	expect_answer(
		"select live_objs from cache_stats where cache = 'kmalloc-128' and sample_id = (select min(sample_id) from"
		" samples where reason = 'marker')",
		"1\n");
}

/* Its slot is an older one than its page's, and comes first. */
Test(from, a_page_that_is_mapped_at_the_beginning_is_the_one_that_was)
{
	run_write("t.jsonl", "{\"event\":\"kmalloc\",\"id\":1,\"size\":100}\n"
			     "{\"event\":\"alloc_pages\",\"id\":2,\"order\":0,\"gfp\":\"GFP_HIGHUSER\"}\n"
			     "{\"event\":\"kfree\",\"id\":1}\n{\"event\":\"kmap\",\"id\":3,\"page\":2}\n"
			     "{\"event\":\"kmalloc\",\"id\":1,\"size\":100}\n{\"event\":\"marker\",\"text\":\"now\"}\n"
			     "{\"event\":\"kunmap\",\"id\":3}\n{\"event\":\"free_pages\",\"id\":2,\"order\":0}\n{\"event\":\"kfree\",\"id\":1}\n");
	run_ok("$K import t.jsonl -o t.kmt --quiet");
	expect_replay("--from marker:now", 4, 0);
	expect_answer("select op, count, failed from op_stats where op like 'k%map' order by op", "kunmap,1,0\n");
}

Test(from, of_a_block_that_was_freed_in_part_the_rest_is_there)
{
	run_write("t.jsonl", "{\"event\":\"alloc_pages\",\"id\":1,\"order\":3,\"gfp\":\"GFP_KERNEL\"}\n"
			     "{\"event\":\"free_pages\",\"id\":1,\"order\":1}\n{\"event\":\"free_pages\",\"id\":1,\"order\":0}\n"
			     "{\"event\":\"marker\",\"text\":\"now\"}\n{\"event\":\"free_pages\",\"id\":1,\"order\":0}\n"
			     "{\"event\":\"free_pages\",\"id\":1,\"order\":2}\n");
	run_ok("$K import t.jsonl -o t.kmt --quiet");
	expect_replay("--from marker:now", 3, 0);
	expect_answer("select page_bytes, reason from samples where reason in ('start', 'end') order by sample_id",
		"20480,start\n0,end\n");
}

Test(from, a_limit_counts_from_the_beginning)
{
	import_story();
	expect_replay("--from 6 --limit 2", 2, 2);
	expect_answer("select op, count from op_stats where op <> 'marker' order by op", "kfree,1\n");
	expect_replay("--from 6 --limit 1", 1, 3);
	expect_replay("--limit 4", 4, 3);
}

Test(from, the_first_of_several_markers_is_meant_and_older_objects_are_known_to_their_frees)
{
	run_write("t.jsonl", "{\"time_ns\":1000,\"event\":\"kmalloc\",\"id\":1,\"size\":100,\"gfp\":\"GFP_KERNEL\"}\n"
			     "{\"time_ns\":2000,\"event\":\"vmalloc\",\"id\":2,\"size\":9000,\"gfp\":\"GFP_KERNEL\"}\n"
			     "{\"time_ns\":3000,\"event\":\"alloc_percpu\",\"id\":3,\"size\":64,\"align\":8,\"gfp\":\"GFP_KERNEL\"}\n"
			     "{\"time_ns\":4000,\"event\":\"marker\",\"text\":\"again\"}\n"
			     "{\"time_ns\":5000,\"event\":\"kfree\",\"id\":1}\n"
			     "{\"time_ns\":6000,\"event\":\"marker\",\"text\":\"again\"}\n"
			     "{\"time_ns\":7000,\"event\":\"vfree\",\"id\":2}\n"
			     "{\"time_ns\":8000,\"event\":\"free_percpu\",\"id\":3}\n");
	run_ok("$K import t.jsonl -o t.kmt --quiet");
	expect_replay("--from marker:again", 5, 0);
	expect_answer("select sum(failed), (select count(*) from violations) from op_stats", "0,0\n");
	expect_answer("select live_objects from samples where reason = 'start'", "3\n");
}

/* Pools and claims have no object of the trace, and must be there all the same. */
Test(from, pools_and_claims_from_before_the_beginning_are_there)
{
	run_write("t.jsonl",
		"{\"time_ns\":1000,\"event\":\"mempool_create\",\"pool\":\"p\",\"min_nr\":4,\"kind\":\"kmalloc\",\"size\":256}\n"
		"{\"time_ns\":1500,\"event\":\"dma_pool_create\",\"pool\":\"d\",\"size\":64,\"align\":64}\n"
		"{\"time_ns\":1600,\"event\":\"request_region\",\"start\":1024,\"size\":8,\"name\":\"dev\"}\n"
		"{\"time_ns\":2000,\"event\":\"mempool_alloc\",\"id\":1,\"pool\":\"p\",\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"time_ns\":2500,\"event\":\"dma_pool_alloc\",\"id\":11,\"pool\":\"d\",\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"time_ns\":3000,\"event\":\"marker\",\"text\":\"now\"}\n"
		"{\"time_ns\":3500,\"event\":\"inb\",\"port\":1025}\n"
		"{\"time_ns\":4000,\"event\":\"mempool_alloc\",\"id\":2,\"pool\":\"p\",\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"time_ns\":5000,\"event\":\"mempool_free\",\"id\":1,\"pool\":\"p\"}\n"
		"{\"time_ns\":6000,\"event\":\"mempool_free\",\"id\":2,\"pool\":\"p\"}\n"
		"{\"time_ns\":6500,\"event\":\"dma_pool_free\",\"id\":11,\"pool\":\"d\"}\n"
		"{\"time_ns\":7000,\"event\":\"mempool_destroy\",\"pool\":\"p\"}\n"
		"{\"time_ns\":8000,\"event\":\"release_region\",\"start\":1024,\"size\":8,\"name\":\"dev\"}\n");
	run_ok("$K import t.jsonl -o t.kmt --quiet");
	expect_replay("--from marker:now", 8, 0);
	expect_answer("select sum(failed), (select count(*) from violations) from op_stats", "0,0\n");
	/* In a saved state, too: nobody recorded what else their events did. */
	run_ok("rm -f r.db; $K replay t.kmt -o r.db --quiet && mkdir proc && for f in buddyinfo slabinfo; do"
		" $K proc r.db --file $f > proc/$f || exit 1; done");
	expect_replay("--from marker:now --initial proc", 8, 0);
	expect_answer("select sum(failed), (select count(*) from violations) from op_stats", "0,0\n");
}

/* 3000 pages of files, each with its buffer head, and then more pages than the rest of 32 MiB has. */
static void import_written_files(void)
{
	struct run_result result;
	FILE *out = fopen("t.jsonl", "w");

	cr_assert(out);
	fputs("{\"event\":\"kmem_cache_create\",\"cache\":\"buffer_head\",\"size\":104}\n", out);
	for (int i = 1; i <= 3000; i++)
		fprintf(out,
			"{\"event\":\"alloc_pages\",\"id\":%d,\"order\":0,\"gfp\":\"GFP_NOFS|__GFP_HIGHMEM|__GFP_MOVABLE|__GFP_WRITE\"}\n"
			"{\"event\":\"kmem_cache_alloc\",\"id\":%d,\"cache\":\"buffer_head\",\"gfp\":\"GFP_NOFS\"}\n",
			i, 10000 + i);
	fputs("{\"event\":\"marker\",\"text\":\"now\"}\n", out);
	for (int i = 1; i <= 6000; i++)
		fprintf(out, "{\"event\":\"alloc_pages\",\"id\":%d,\"order\":0,\"gfp\":\"GFP_KERNEL\"}\n", 20000 + i);
	fclose(out);
	result = run_shell("$K import t.jsonl -o t.kmt --quiet");
	cr_assert_eq(result.status, 0, "%s", result.err);
	run_free(&result);
}

Test(from, the_buffer_head_of_an_older_page_goes_with_it)
{
	static const char *const begins[] = { "", "--from marker:now" };

	import_written_files();
	for (size_t i = 0; i < 2; i++) {
		struct run_result result =
			run_shell("rm -f r.db; $K replay t.kmt --set 'memory=32 MiB' %s --check=1000 -o r.db --quiet",
				begins[i]);

		cr_assert_eq(result.status, 0, "%s", result.err);
		run_free(&result);
		expect_answer("select value > 1000, value = (select value from counters where name = 'pages_reclaimed')"
			      " from counters where name = 'objects_shrunk'", "1,1\n");
	}
}

Test(from, an_unknown_marker_and_a_place_behind_the_end_are_errors)
{
	struct run_result result;

	import_story();
	result = run_shell("$K replay t.kmt --from 'marker:nobody said this'");
	cr_expect_eq(result.status, 2);
	cr_expect_not_null(strstr(result.err, "no marker \"nobody said this\"; it has \"work begins\""), "%s",
		result.err);
	run_free(&result);
	result = run_shell("$K replay t.kmt --from 6 --to '4 us'");
	cr_expect_eq(result.status, 2);
	cr_expect_not_null(strstr(result.err, "the part that is read: 3 of the trace's 9 events"), "%s", result.err);
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
	expect_answer(
		"select abs(free_pages - 34675) * 1000 < 176358 * 2 from zone_samples where zone = 'DMA32' and sample_id ="
		" (select max(sample_id) from samples)",
		"1\n");
	expect_answer("select abs(slab_bytes / 4096 - 15328) * 50 < 15328 from samples order by sample_id desc limit 1",
		"1\n");
	/* Caches that the recording does not name are found by their sizes, unless several have them. */
	expect_answer(
		"select cache from cache_stats where cache like 'size-%' and cache not in ('size-160-192', 'size-192-192')",
		"");
}

/* Without merging there are 57 directories more in /sys/kernel/slab, which are read after the state is saved. */
Test(from, what_saving_another_machines_state_leaves_is_there, .timeout = 120)
{
	const char *shared = run_shared();
	struct run_result result;

	if (!shared)
		cr_skip_test("no folder of captures");
	result = run_shell(
		"d=%s/captures/J-whatif; s=$d/slub-nomerge/snapshots; $K import $d/base/trace.dat -o t.kmt --quiet &&"
		" $K probe $s -o m.yaml --quiet && $K replay t.kmt -m m.yaml --initial $s/1-after-boot --from 'marker:WORKLOAD begin'"
		" -o r.db --check",
		shared);
	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_expect(strstr(result.out, "saver      left 3747 objects more"), "%s", result.out);
	run_free(&result);
	/* Really 15533 slab pages, and 2818 of inode_cache. */
	expect_answer(
		"select abs(slab_bytes / 4096 - 15533) * 100 < 15533 from samples order by sample_id desc limit 1",
		"1\n");
	expect_answer(
		"select abs(slab_pages - 2818) < 28 from cache_stats where cache = 'inode_cache' order by sample_id desc limit 1",
		"1\n");
}

/*
 * Its CPUs were not where the recorded ones are: events that
 * would be late in the recording's own state are the future here.
 */
Test(from, in_another_machines_state_no_event_comes_late, .timeout = 120)
{
	const char *shared = run_shared();

	if (!shared)
		cr_skip_test("no folder of captures");
	run_ok("d=%s/captures/J-whatif; s=$d/wmark-scale-200/snapshots; $K import $d/base/trace.dat -o t.kmt --quiet &&"
		" $K probe $s -o m.yaml --quiet && $K replay t.kmt -m m.yaml --initial $s/1-after-boot --limit 100000 --check=1000 --quiet", shared);
}

/* Whether there are rows of the sample at the marker, and how many of the first run the second has not. */
#define DIFFERENT_ROWS(table, columns) \
	"with s as (select run_id, sample_id from samples where marker = 'WORKLOAD begin'), r as (select run_id, " columns " from " table " join s using (sample_id))" \
	" select count(*) > 2, (select count(*) from (select " columns " from r where run_id = 1 except" \
	" select " columns " from r where run_id = 2)) from r"

/* The recorded machine's own state: what happened between it and the beginning is carried out. */
Test(from, behind_its_own_saved_state_a_recording_goes_on_from_that_state, .timeout = 120)
{
	const char *shared = run_shared();
	struct run_result result;

	if (!shared)
		cr_skip_test("no folder of captures");
	run_ok("$K import %s/captures/A-boot-256m/trace.dat -o t.kmt --quiet &&"
		" $K probe %s/captures/A-boot-256m/snapshots -o m.yaml --quiet", shared, shared);
	result = run_shell(
		"for from in '' \"--from=marker:WORKLOAD begin\"; do $K replay t.kmt -m m.yaml -o r.db --json --initial"
		" %s/captures/A-boot-256m/snapshots/1-after-boot ${from:+\"$from\"} > out || exit 1; done; cat out",
		shared);
	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_expect_eq(run_number(result.out, "events"), 60793);
	run_free(&result);
	expect_answer(
		"select count(distinct live_objects), min(live_objects) > 70000 from samples where reason = 'end'",
		"1,1\n");
	expect_answer(DIFFERENT_ROWS("free_blocks", "zone, migratetype, [order], blocks"), "1,0\n");
	expect_answer(DIFFERENT_ROWS("cache_stats", "cache, live_objs, slabs"), "1,0\n");
	/*
	 * The areas of the saved state have their pages, and those
	 * that are freed give them back: snapshot 2 has these.
	 */
	expect_answer(
		"select count(*), sum(pages) from vmap_areas where use <> 'unpurged' and sample_id = (select max(sample_id)"
		" from samples)",
		"83,1814\n");
	/* Of its 31951 free pages, on lists and CPUs', none is missing by more than one in thousand. */
	expect_answer(
		"select abs(sum(free_pages + pcp_pages) - 31951) <= 32 from zone_samples where sample_id = (select max(sample_id)"
		" from samples)",
		"1\n");
	/* Percpu: of snapshot 2 has 256 kB. */
	expect_answer("select percpu_bytes / 1024 from samples order by sample_id desc limit 1", "256\n");
	/* Only what comes after the beginning is counted. */
	expect_answer("select sum(count) <= 60793 from op_stats where run_id = 2", "1\n");
	/* The page layer, too, which has no slabs to know its state by. */
	run_ok("rm r.db; for from in '' \"--from=marker:WORKLOAD begin\"; do $K replay t.kmt -m m.yaml -o r.db --layer page --quiet"
	       " --initial %s/captures/A-boot-256m/snapshots/1-after-boot ${from:+\"$from\"} || exit 1; done",
		shared);
	expect_answer(DIFFERENT_ROWS("free_blocks", "zone, migratetype, [order], blocks"), "1,0\n");
}

/* What happened before the state was saved would happen twice. */
Test(from, before_its_own_saved_state_a_recording_says_so, .timeout = 120)
{
	const char *shared = run_shared();

	if (!shared)
		cr_skip_test("no folder of captures");
	run_ok("d=%s/captures/A-boot-256m; s=$d/snapshots/1-after-boot; $K import $d/trace.dat -o t.kmt --quiet &&"
		" $K probe $d/snapshots -o m.yaml --quiet && $K replay t.kmt -m m.yaml --initial $s --from 'marker:INIT starts' > out &&"
		" grep '^begins .* before that state was saved' out && for from in '' '--from=marker:WORKLOAD begin'; do"
		" $K replay t.kmt -m m.yaml --initial $s ${from:+\"$from\"} > out && ! grep 'before that state' out || exit 1; done", shared);
}

/*
 * Pages that were reclaimed are read again there. A slot whose page went may have another object by then,
 * which shrinkers free in turn: no page comes back for that one, so nobody frees one as an object of a cache.
 */
Test(from, what_comes_back_under_pressure_is_the_page_that_went, .timeout = 120)
{
	const char *shared = run_shared();

	if (!shared)
		cr_skip_test("no folder of captures");
	run_ok("S=%s/captures/J-whatif; $K import $S/base/trace.dat -o t.kmt --quiet &&"
		" $K probe $S/less-memory/snapshots -o m.yaml --quiet &&"
		" $K replay t.kmt -m m.yaml --initial $S/less-memory/snapshots/1-after-boot --from 'marker:WORKLOAD begin' -o r.db"
		" --check=1000000 --quiet", shared);
	expect_answer("select value > 1000 from counters where name = 'refaults'", "1\n");
	expect_answer("select value > 1000 from counters where name = 'objects_shrunk'", "1\n");
	expect_answer("select count(*) from violations where rule = 'wrong_free'", "0\n");
}

/* What more or less memory, and the settings that are about it, do to the shipped workloads and to one that reads files. */
#include <criterion/criterion.h>
#include <glob.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cli/run.h"

TestSuite(pressure, .init = run_enter, .fini = run_leave);

/* One number out of r.db. */
static double ask(const char *sql)
{
	sqlite3_stmt *stmt;
	sqlite3 *db;
	double value;

	cr_assert_eq(sqlite3_open("r.db", &db), SQLITE_OK);
	cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
	cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW, "%s", sql);
	value = sqlite3_column_double(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return value;
}

static double counter(const char *name)
{
	char sql[256];

	snprintf(sql, sizeof(sql), "SELECT coalesce(sum(value), 0) FROM counters WHERE name LIKE '%s'", name);
	return ask(sql);
}

/* t.kmt on m.yaml with a setting, into r.db. */
static void replay(const char *setting)
{
	struct run_result result = run_shell("rm -f r.db; $K replay t.kmt -m m.yaml --set %s -o r.db -q", setting);

	cr_assert_eq(result.status, 0, "%s: %s", setting, result.err);
	run_free(&result);
}

static void generate(const char *workload)
{
	struct run_result result = run_shell("$K gen %s -o t.kmt -q", workload);

	cr_assert_eq(result.status, 0, "%s: %s", workload, result.err);
	run_free(&result);
}

static double failed(void)
{
	return ask("SELECT coalesce(sum(failed), 0) FROM op_stats WHERE op NOT LIKE '%free%'");
}

/* Requests that got nothing: refused, or of a task that had been killed. */
static double lost(void)
{
	return failed() + counter("events_of_killed_tasks");
}

/* Return: how much was lost with the least memory. */
static double expect_monotone(const char *workload, const char *const *sizes)
{
	double first = -1, before = -1;

	generate(workload);
	for (; *sizes; sizes++) {
		char setting[64];
		double now;

		snprintf(setting, sizeof(setting), "memory=%s", *sizes);
		replay(setting);
		now = lost();
		cr_expect(before < 0 || now <= before, "%s: %.0f requests lost with %s, %.0f with less", workload, now, *sizes,
			before);
		before = now;
		first = first < 0 ? now : first;
	}
	return first;
}

Test(pressure, more_memory_never_means_more_failures, .timeout = 600)
{
	/* With less than its buffers, and 14 s for each run, numa-database loses all in any case. */
	static const char *const small[] = { "16MiB", "32MiB", "64MiB", "128MiB", "256MiB", "512MiB", NULL };
	static const char *const large[] = { "8GiB", "16GiB", NULL };
	char pattern[4096];
	int suffered = 0;
	glob_t found;

	run_write("m.yaml", "kmemsim: 1\nname: m\nmemory: 64 MiB\ncpus: 2\n");
	snprintf(pattern, sizeof(pattern), "%s/configs/workloads/*.yaml", getenv("KMEMSIM_SOURCE"));
	cr_assert_eq(glob(pattern, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		suffered += expect_monotone(found.gl_pathv[i], strstr(found.gl_pathv[i], "numa-database") ? large : small) > 0;
	cr_expect_geq(suffered, 5, "some must be short of memory, or nothing has been tested");
	globfree(&found);
}

/* Two tasks read files into 64 MiB without end, among small objects and packets in interrupts. */
static void read_files(void)
{
	run_write("m.yaml", "kmemsim: 1\nname: m\nmemory: 64 MiB\ncpus: 2\n");
	run_write("w.yaml", "kmemsim: 1\nname: w\nduration: 10 s\ntasks: {reader: {count: 2}, nic: {context: softirq}}\nstreams:\n"
		"  page: {event: alloc_pages, gfp: GFP_HIGHUSER_MOVABLE|__GFP_NORETRY, by: reader, rate: 4000}\n"
		"  object: {event: kmalloc, size: {uniform: [32, 512]}, gfp: GFP_KERNEL, by: reader, rate: 2000, "
		"lifetime: {exponential: 200 ms}}\n"
		"  packet: {event: kmalloc, size: 2 KiB, gfp: GFP_ATOMIC, by: nic, rate: 500, lifetime: {exponential: 20 ms}}\n");
	generate("w.yaml");
}

#define LATE "(SELECT sample_id FROM samples ORDER BY sample_id LIMIT 20 OFFSET 70)"

/* The least free memory late in the run, pages: by then all of it has been used. */
static double least_free(void)
{
	return ask("SELECT min(f) FROM (SELECT sum(free_pages) AS f FROM zone_samples WHERE sample_id IN " LATE
		" GROUP BY sample_id)");
}

/* How often reclaim looks at a file page before it takes it. */
static double looks(const char *setting)
{
	replay(setting);
	cr_assert_gt(counter("pgsteal_file"), 10000, "memory must be short");
	return counter("pgscan_file") / counter("pgsteal_file");
}

/* At most METER_MAX_SEGMENTS of one step are counted, so there may be fewer than a batch of 32 pages has. */
Test(pressure, kswapd_takes_the_lock_of_its_lists_by_batches)
{
	double locked, scanned;

	read_files();
	replay("page_allocator.watermark_scale_factor=1000");
	cr_assert_eq(counter("allocstall%"), 0, "nobody else reclaims");
	locked = ask("SELECT acquisitions FROM lock_stats WHERE lock = 'lru'");
	scanned = counter("pgscan_kswapd");
	cr_expect(locked > 100 && locked < scanned / 16, "%.0f times for %.0f pages", locked, scanned);
}

Test(pressure, file_pages_that_are_mapped_are_looked_at_once_more)
{
	double once, more;

	read_files();
	once = looks("reclaim.mapped=0");
	more = looks("reclaim.mapped=30");
	cr_expect(more - once > 0.25 && more - once < 0.35, "%.2f looks, %.2f where none is mapped", more, once);
	cr_expect_lt(looks("reclaim.mapped=1") - once, 0.03);
}

Test(pressure, as_many_file_pages_are_read_again_as_the_setting_says)
{
	double share;

	read_files();
	replay("reclaim.refault=0");
	cr_assert_eq(counter("workingset_refault_file"), 0);
	replay("reclaim.refault=60");
	share = counter("workingset_refault_file") / counter("pgsteal_file");
	cr_expect(share > 0.55 && share < 0.65, "%.2f", share);
	cr_expect_eq(counter("workingset_refault_file"), counter("refaults"));
	cr_expect_eq(failed(), 0, "what is read ahead, and finds no memory, waits");
}

/* sysctl/vm.rst: how much memory is left before kswapd is woken, and how much must be free before it sleeps again. */
Test(pressure, watermark_scale_factor_keeps_more_free_and_wakes_kswapd_for_more_at_a_time)
{
	double free_pages, per_run;

	read_files();
	replay("page_allocator.watermark_scale_factor=10");
	free_pages = least_free();
	cr_assert_gt(counter("pageoutrun"), 0, "memory must be short");
	per_run = counter("pgsteal_kswapd") / counter("pageoutrun");
	replay("page_allocator.watermark_scale_factor=300");
	cr_expect_gt(least_free(), free_pages);
	cr_expect_gt(counter("pgsteal_kswapd") / counter("pageoutrun"), per_run);
}

/* sysctl/vm.rst: the minimum number of kilobytes that are kept free; what must not wait lives on them. */
Test(pressure, min_free_kbytes_keeps_that_much_free_and_atomic_requests_alive)
{
	double free_pages, refused;

	read_files();
	replay("page_allocator.min_free_kbytes=128");
	free_pages = least_free();
	refused = failed();
	replay("page_allocator.min_free_kbytes=4096");
	cr_expect_gt(least_free(), free_pages);
	cr_expect_geq(least_free(), 4096 / 4 * 3 / 4, "nobody but those who may has gone below");
	cr_expect_leq(failed(), refused);
}

/* sysctl/vm.rst: compaction makes free memory available in contiguous blocks where possible. */
Test(pressure, without_compaction_large_blocks_fail_more_often)
{
	static const char unusable[] = "SELECT avg(unusable_index) FROM frag_samples WHERE \"order\" = 9 AND zone = 'DMA32'";
	double refused, index;
	char workload[4096];

	run_write("m.yaml", "kmemsim: 1\nname: m\nmemory: 448 MiB\ncpus: 2\n");
	snprintf(workload, sizeof(workload), "%s/configs/workloads/fragmentation-stress.yaml", getenv("KMEMSIM_SOURCE"));
	generate(workload);
	replay("page_allocator.compaction=true");
	refused = failed();
	index = ask(unusable);
	cr_expect_gt(counter("pgmigrate_success"), 0);
	replay("page_allocator.compaction=false");
	cr_expect_eq(counter("pgmigrate_success"), 0);
	cr_expect_eq(counter("compact_%"), 0);
	cr_expect_gt(failed(), refused);
	cr_expect_gt(ask(unusable), index);
}

/* slub.rst: a minimum order packs more objects into a slab; fewer slabs, of larger blocks. */
Test(pressure, slab_min_order_makes_fewer_and_larger_slabs)
{
	static const char grown[] = "SELECT grown FROM cache_stats WHERE cache = 'kmalloc-256'";
	static const char objs[] = "SELECT objs_per_slab FROM cache_stats WHERE cache = 'kmalloc-256'";
	double slabs, objects;

	read_files();
	replay("slab.min_order=0");
	slabs = ask(grown);
	objects = ask(objs);
	replay("slab.min_order=2");
	cr_expect_lt(ask(grown), slabs);
	cr_expect_gt(ask(objs), objects);
	cr_expect_geq(ask("SELECT \"order\" FROM cache_stats WHERE cache = 'kmalloc-256'"), 2);
}

/* 3000 files looked up before two tasks read more than there is memory for. Return: objects that shrinkers freed. */
static double shrunk(const char *inode_cache)
{
	char yaml[2048];

	run_write("m.yaml", "kmemsim: 1\nname: m\nmemory: 64 MiB\ncpus: 2\n");
	snprintf(yaml, sizeof(yaml), "kmemsim: 1\nname: w\nduration: 10 s\n"
		"caches:\n  dentry: {size: 192, flags: SLAB_RECLAIM_ACCOUNT}\n  %s: {size: 1000, flags: SLAB_RECLAIM_ACCOUNT}\n"
		"tasks: {finder: {comm: find}, reader: {count: 2, comm: cat}}\nstreams:\n"
		"  name: {event: kmem_cache_alloc, cache: dentry, gfp: GFP_KERNEL, by: finder, at: start, burst: 3000}\n"
		"  inode: {event: kmem_cache_alloc, cache: %s, gfp: GFP_KERNEL, on: name}\n"
		"  page: {event: alloc_pages, gfp: GFP_HIGHUSER_MOVABLE|__GFP_NORETRY, by: reader, rate: 4000}\n",
		inode_cache, inode_cache);
	run_write("w.yaml", yaml);
	generate("w.yaml");
	replay("name=shrunk");
	cr_assert_gt(counter("pgsteal_kswapd"), 0, "memory must be short");
	return counter("objects_shrunk");
}

Test(pressure, entries_that_can_be_made_again_go_and_those_of_files_in_memory_stay)
{
	double entries = shrunk("proc_inode_cache");

	cr_expect_eq(shrunk("shmem_inode_cache"), 0);
	cr_expect_eq(entries, 4096, "a batch of 1024, of half of them, one of what was put off, and an inode with each; then less than "
		"a batch is left: %.0f", entries);
	cr_expect_eq(shrunk("ext4_inode_cache"), 0, "what a disk must be read for goes in proportion to the lists: no batch");
}

/*
 * 60 MiB of anonymous memory in 32 MiB, with a swap device of 64 MiB less its header that swapon() adds before it and that swapoff()
 * takes away when half of the memory is free again.
 */
static void swap_in_and_out(void)
{
	FILE *file = fopen("s.jsonl", "w");
	struct run_result result;

	cr_assert_not_null(file);
	fprintf(file, "{\"event\": \"vmalloc\", \"id\": \"map\", \"size\": 16384, \"origin\": \"swap_map\"}\n");
	for (int i = 0; i < 15360; i++)
		fprintf(file, "{\"time_ns\": %d, \"event\": \"alloc_pages\", \"id\": %d, \"gfp\": \"GFP_HIGHUSER_MOVABLE|__GFP_ZERO\"}\n",
			1000000 + i * 100000, i);
	for (int i = 0; i < 15360; i += 2)
		fprintf(file, "{\"time_ns\": 2000000000, \"event\": \"free_pages\", \"id\": %d}\n", i);
	fprintf(file, "{\"time_ns\": 3000000000, \"event\": \"vfree\", \"id\": \"map\"}\n");
	fclose(file);
	result = run_shell("$K import s.jsonl -o t.kmt -q");
	cr_assert_eq(result.status, 0, "%s", result.err);
	run_free(&result);
	run_write("m.yaml", "kmemsim: 1\nname: m\nmemory: 32 MiB\ncpus: 1\n");
}

Test(pressure, swap_comes_and_goes_with_the_trace)
{
	swap_in_and_out();
	replay("reclaim.swap=auto");
	cr_expect_eq(failed(), 0);
	cr_expect_eq(counter("oom_kill"), 0);
	cr_expect_geq(counter("pswpout"), 15360 - 8192, "what does not fit into memory");
	cr_expect_gt(counter("pswpin"), 0);
	cr_expect_leq(counter("pswpin"), counter("pswpout"));
	cr_expect_eq(counter("pages_reclaimed") - counter("frees_of_reclaimed"), counter("pswpin"),
		"swapoff reads all that is still wanted");
	replay("reclaim.swap=none");
	cr_expect_gt(lost(), 0);
	cr_expect_eq(counter("pswpout"), 0);
	replay("reclaim.swap=8MiB");
	cr_expect_leq(counter("pswpout") - counter("frees_of_reclaimed"), 2048, "no more than the machine has");
	cr_expect_eq(counter("pswpin"), 0, "its swap stays");
}

/* Lists of what reclaim may free became rings there, and each failed request looked at all of memory: it did not end. */
Test(pressure, a_machine_that_is_far_too_small_ends, .timeout = 60)
{
	const char *shared = run_shared();
	struct run_result result;

	if (!shared)
		cr_skip_test("no folder of captures: set KMEMSIM_SHARED");
	result = run_shell("$K import %s/captures/B-fs-churn/trace.dat -o b.kmt --quiet &&"
			   " $K replay b.kmt --set memory=64MiB --check=1000000 --json --quiet", shared);
	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_expect_gt(run_number(result.out, "failed"), 0);
	run_free(&result);
}

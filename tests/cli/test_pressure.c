/* What more or less memory, and the settings that are about it, do to the shipped workloads and to one that reads files. */
#include <criterion/criterion.h>
#include <glob.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cli/run.h"

TestSuite(pressure, .init = run_enter, .fini = run_leave, .timeout = 900);

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

/* Allocations that got nothing: refused, or of a task that had been killed. */
static double failed(void)
{
	return ask("SELECT coalesce(sum(failed), 0) FROM op_stats WHERE op NOT LIKE '%free%'");
}

/* t.kmt with ever twice the memory, until nothing fails, and with plenty. Return: how many failed with the least. */
static double expect_monotone(const char *trace)
{
	double first = -1, before = -1;

	for (uint64_t mib = 16; mib <= 16384; mib = before != 0 ? 2 * mib : mib < 8192 ? 16384 : 2 * mib) {
		char setting[64];
		double now;

		snprintf(setting, sizeof(setting), "memory=%" PRIu64 "MiB", mib);
		replay(setting);
		now = failed();
		cr_expect(before < 0 || now <= before, "%s: %.0f allocations failed with %s, %.0f with less", trace, now, setting,
			before);
		before = now;
		first = first < 0 ? now : first;
	}
	cr_expect_eq(before, 0, "%s: 16 GiB are enough for all of them", trace);
	return first;
}

/* tests/bench/monotone has the same with smaller steps. */
Test(pressure, more_memory_never_means_more_failures)
{
	const char *source = getenv("KMEMSIM_SOURCE");
	char pattern[4096];
	int suffered = 0;
	glob_t found;

	run_write("m.yaml", "kmemsim: 1\nname: m\nmemory: 64 MiB\ncpus: 2\n");
	snprintf(pattern, sizeof(pattern), "%s/configs/workloads/*.yaml", source);
	cr_assert_eq(glob(pattern, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		generate(found.gl_pathv[i]);
		suffered += expect_monotone(found.gl_pathv[i]) > 0;
	}
	globfree(&found);
	snprintf(pattern, sizeof(pattern), "%s/traces/samples/boot-pc-256m.kmt", source);
	cr_assert_eq(symlink(pattern, "boot.kmt"), 0);
	cr_assert_eq(rename("boot.kmt", "t.kmt"), 0);
	suffered += expect_monotone(pattern) > 0;
	cr_expect_geq(suffered, 6, "some must be short of memory, or nothing has been tested");
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

/* How often reclaim looks at a file page before it takes it. */
static double looks(const char *setting)
{
	replay(setting);
	cr_assert_gt(counter("pgsteal_file"), 10000, "memory must be short");
	return counter("pgscan_file") / counter("pgsteal_file");
}

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

/*
 * 36000 file pages with @gfp, in memory for a third of them, beside anonymous ones, which pages that come again compete with. It has
 * a kswapd: a recording of a machine that reclaimed.
 */
static void file_pages_of_reclaiming_machine(const char *gfp)
{
	char workload[1024];

	run_write("m.yaml", "kmemsim: 1\nname: m\nmemory: 64 MiB\ncpus: 1\nreclaim: {swap: 16 MiB}\n");
	snprintf(workload, sizeof(workload), "kmemsim: 1\nname: w\nduration: 9 s\ntasks: {reader: {}, kswapd0: {}}\nstreams:\n"
		"  page: {event: alloc_pages, gfp: %s, by: reader, rate: 4000}\n"
		"  heap: {event: alloc_pages, gfp: GFP_HIGHUSER_MOVABLE|__GFP_ZERO, by: reader, rate: 200}\n"
		"  note: {event: kmalloc, size: 64, gfp: GFP_KERNEL, by: kswapd0, rate: 2, lifetime: {exponential: 20 ms}}\n", gfp);
	run_write("w.yaml", workload);
	generate("w.yaml");
}

/* workingset_refault(): pages that a recording which reclaimed reads again are its own requests, and some are active at once. */
Test(pressure, pages_that_a_recording_reads_again_may_be_active_at_once)
{
	double met, gone;

	file_pages_of_reclaiming_machine("GFP_HIGHUSER_MOVABLE|__GFP_NORETRY");
	replay("reclaim.refault=75");
	met = counter("workingset_refault_file");
	gone = counter("pgsteal_file");
	cr_expect_eq(counter("refaults"), 0, "the model reads nothing again of its own");
	cr_expect(met > 0.9 * gone && met <= gone, "%.0f of %.0f: no more come than have gone", met, gone);
	cr_expect_gt(counter("workingset_activate_file"), 0);
	cr_expect_lt(counter("workingset_activate_file"), met, "not those that were away for long");
	cr_expect_gt(counter("pgdeactivate"), 0, "what is active grows old");
	replay("reclaim.refault=0");
	cr_expect_eq(counter("workingset_refault_file"), 0, "not known to read anything again");
	file_pages_of_reclaiming_machine("GFP_HIGHUSER_MOVABLE|__GFP_NORETRY|__GFP_WRITE");
	replay("reclaim.refault=75");
	cr_expect_gt(counter("pgsteal_file"), 10000, "memory must be short");
	cr_expect_eq(counter("workingset_refault_file"), 0, "what is written is not read");
}

/* What the settings are shown on: a trace, and a machine that is short of memory with it. */
struct scene {
	const char *what;
	const char *trace;   /* a workload, a sample, or with a folder of captures a recording; NULL: read_files() */
	const char *memory;  /* of a machine with two CPUs; NULL: the recorded machine */
};

static const struct scene reads = { "two readers", NULL, "64 MiB" };
static const struct scene files = { "a file server", "file-server.yaml", "240 MiB" };
static const struct scene files_scarce = { "a file server", "file-server.yaml", "230 MiB" };
static const struct scene fragments = { "fragmentation-stress", "fragmentation-stress.yaml", "448 MiB" };
static const struct scene network = { "a network server", "network-server.yaml", "256 MiB" };
static const struct scene boot = { "a recorded boot", "boot-pc-256m.kmt", "256 MiB" };
static const struct scene pressure = { "recorded pressure", "D-pressure", NULL };
static const struct scene churn = { "recorded churn", "B-fs-churn", "224 MiB" };

static void shell(const char *command)
{
	struct run_result result = run_shell("%s", command);

	cr_assert_eq(result.status, 0, "%s: %s", command, result.err);
	run_free(&result);
}

/* Makes t.kmt and m.yaml. Return: whether they are there; recordings are only where captures are. */
static bool set_scene(const struct scene *scene)
{
	char text[8192];

	if (scene->memory) {
		snprintf(text, sizeof(text), "kmemsim: 1\nname: m\nmemory: %s\ncpus: 2\n", scene->memory);
		run_write("m.yaml", text);
	}
	if (!scene->trace) {
		read_files();
	} else if (strstr(scene->trace, ".yaml")) {
		snprintf(text, sizeof(text), "%s/configs/workloads/%s", getenv("KMEMSIM_SOURCE"), scene->trace);
		generate(text);
	} else if (strstr(scene->trace, ".kmt")) {
		snprintf(text, sizeof(text), "cp %s/traces/samples/%s t.kmt", getenv("KMEMSIM_SOURCE"), scene->trace);
		shell(text);
	} else {
		if (!run_shared())
			return false;
		snprintf(text, sizeof(text), "$K import %s/captures/%s/trace.dat -o t.kmt -q", run_shared(), scene->trace);
		shell(text);
		if (!scene->memory) {
			snprintf(text, sizeof(text), "$K probe %s/captures/%s/snapshots -o m.yaml -q", run_shared(), scene->trace);
			shell(text);
		}
	}
	return true;
}

/* The least free memory in the second half of the run, pages: by then all of it has been used. */
static double least_free(void)
{
	return ask("SELECT min(f) FROM (SELECT sum(free_pages) AS f FROM zone_samples WHERE sample_id > (SELECT avg(sample_id)"
		" FROM samples) GROUP BY sample_id)");
}

/* What came of a run with one value of a setting. */
struct figures {
	double failed, least_free, stalls, stolen, runs, hit_quickly;
};

static struct figures figures_with(const char *key, int value)
{
	char setting[128];

	snprintf(setting, sizeof(setting), "%s=%d", key, value);
	replay(setting);
	return (struct figures){
		.failed = failed(),
		.least_free = least_free(),
		.stalls = counter("allocstall_%"),
		.stolen = counter("pgsteal_kswapd"),
		.runs = counter("pageoutrun"),
		.hit_quickly = counter("kswapd_low_wmark_hit_quickly"),
	};
}

/*
 * sysctl/vm.rst: how much memory is left before kswapd is woken, and how much must be free before it sleeps again; threads in
 * direct reclaim (allocstall) and a kswapd that goes to sleep prematurely (kswapd_low_wmark_hit_quickly) tell of too little.
 */
Test(pressure, watermark_scale_factor_keeps_more_free_and_wakes_kswapd_for_more_at_a_time)
{
	static const struct scene *const scenes[] = { &reads, &files, &pressure };
	static const int values[] = { 10, 500, 1000 };

	for (size_t i = 0; i < 3; i++) {
		struct figures first = { 0 }, before = { 0 }, now = { 0 };

		if (!set_scene(scenes[i]))
			continue;
		for (size_t v = 0; v < 3; v++) {
			now = figures_with("page_allocator.watermark_scale_factor", values[v]);
			cr_assert_gt(now.runs, 0, "%s: memory must be short", scenes[i]->what);
			if (v) {
				cr_expect_gt(now.least_free, before.least_free, "%s, %d", scenes[i]->what, values[v]);
				cr_expect_gt(now.stolen, before.stolen, "%s, %d", scenes[i]->what, values[v]);
				cr_expect_leq(now.hit_quickly, before.hit_quickly, "%s, %d", scenes[i]->what, values[v]);
				cr_expect_leq(now.stalls, before.stalls, "%s, %d", scenes[i]->what, values[v]);
				cr_expect_leq(now.failed, before.failed, "%s, %d", scenes[i]->what, values[v]);
			} else {
				first = now;
			}
			before = now;
		}
		cr_expect_lt(now.hit_quickly, first.hit_quickly, "%s", scenes[i]->what);
	}
}

/* sysctl/vm.rst: the minimum number of kilobytes that are kept free; what must not wait lives on them. */
Test(pressure, min_free_kbytes_keeps_that_much_free_and_atomic_requests_alive)
{
	static const struct scene *const scenes[] = { &reads, &files, &pressure };

	for (size_t i = 0; i < 3; i++) {
		struct figures little, much;

		if (!set_scene(scenes[i]))
			continue;
		little = figures_with("page_allocator.min_free_kbytes", 128);
		much = figures_with("page_allocator.min_free_kbytes", 8192);
		cr_assert_gt(little.runs, 0, "%s: memory must be short", scenes[i]->what);
		cr_expect_gt(much.least_free, little.least_free, "%s", scenes[i]->what);
		cr_expect_geq(much.least_free, 8192 / 4 * 3 / 4, "%s: nobody but those who may has gone below", scenes[i]->what);
		cr_expect_leq(much.failed, little.failed, "%s", scenes[i]->what);
		cr_expect_leq(much.stalls, little.stalls, "%s", scenes[i]->what);
		if (scenes[i] == &pressure)
			cr_expect_lt(much.failed, little.failed, "atomic requests fail for want of reserves");
	}
}

/* sysctl/vm.rst: compaction makes free memory available in contiguous blocks where possible. */
Test(pressure, without_compaction_free_memory_is_in_pieces_and_large_blocks_fail_more_often)
{
	static const struct scene *const scenes[] = { &fragments, &files, &files_scarce, &churn };
	static const char index[] = "SELECT avg(unusable_index) FROM frag_samples WHERE \"order\" = 3 AND zone = 'DMA32'";
	double failed_with = 0, failed_without = 0;

	for (size_t i = 0; i < 4; i++) {
		double with, without;

		if (!set_scene(scenes[i]))
			continue;
		replay("page_allocator.compaction=true");
		failed_with += failed();
		with = ask(index);
		cr_expect_gt(counter("pgmigrate_success"), 0, "%s", scenes[i]->what);
		replay("page_allocator.compaction=false");
		failed_without += failed();
		without = ask(index);
		cr_expect_eq(counter("pgmigrate_success"), 0, "%s", scenes[i]->what);
		cr_expect_eq(counter("compact_%"), 0, "%s", scenes[i]->what);
		cr_expect_gt(without, with, "%s", scenes[i]->what);
	}
	cr_expect_gt(failed_without, failed_with);
}

/* slub.rst: a minimum order packs more objects into a slab: fewer slabs, of larger blocks, and more memory that nobody uses. */
Test(pressure, slab_min_order_makes_fewer_and_larger_slabs)
{
	static const struct scene *const scenes[] = { &reads, &network, &boot };
	static const char last[] = "FROM cache_stats WHERE sample_id = (SELECT max(sample_id) FROM cache_stats)";

	for (size_t i = 0; i < 3; i++) {
		double grown = 0, objects = 0, pages = 0;
		char sql[256];

		set_scene(scenes[i]);
		for (int order = 0; order <= 3; order++) {
			char setting[64];
			double now;

			snprintf(setting, sizeof(setting), "slab.min_order=%d", order);
			replay(setting);
			snprintf(sql, sizeof(sql), "SELECT min(\"order\") %s", last);
			cr_expect_geq(ask(sql), order, "%s", scenes[i]->what);
			snprintf(sql, sizeof(sql), "SELECT sum(grown) %s", last);
			now = ask(sql);
			cr_expect(!order || now < grown, "%s: %.0f slabs of order %d and more, %.0f before", scenes[i]->what, now,
				order, grown);
			grown = now;
			snprintf(sql, sizeof(sql), "SELECT objs_per_slab %s AND cache = 'kmalloc-256'", last);
			now = ask(sql);
			cr_expect_geq(now, objects, "%s", scenes[i]->what);
			objects = now;
			snprintf(sql, sizeof(sql), "SELECT sum(slab_pages) %s", last);
			pages = order ? pages : ask(sql);
		}
		cr_expect_gt(ask(sql), pages, "%s", scenes[i]->what);
	}
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
	cr_expect_gt(failed(), 0);
	cr_expect_eq(counter("pswpout"), 0);
	replay("reclaim.swap=8MiB");
	cr_expect_leq(counter("pswpout") - counter("frees_of_reclaimed"), 2048, "no more than the machine has");
	cr_expect_eq(counter("pswpin"), 0, "its swap stays");
}

/* Lists of what reclaim may free became rings there, and each failed request looked at all of memory: it did not end. */
Test(pressure, a_machine_that_is_far_too_small_ends)
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

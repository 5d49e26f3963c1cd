/*
 * What the settings that are about memory do, in the direction
 * that the kernel's documentation says: sysctl/vm.rst, slub.rst.
 */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cli/replayed.h"
#include "tests/cli/run.h"

TestSuite(settings, .init = run_enter, .fini = run_leave, .timeout = 900);

/* What the settings are shown on: a trace, and a machine that is short of memory with it. */
struct scene {
	const char *what;
	/* a workload, a sample, or with a folder of captures a recording; NULL: replay_readers() */
	const char *trace;
	const char *memory;  /* of a machine with two CPUs; NULL: the recorded machine */
};

static const struct scene reads = { "two readers", NULL, "64 MiB" };
static const struct scene files = { "a file server", "file-server.yaml", "200 MiB" };
static const struct scene sockets = { "sockets among readers", "sockets", "64 MiB" };
static const struct scene fragments = { "fragmentation-stress", "fragmentation-stress.yaml", "440 MiB" };
static const struct scene network = { "a network server", "network-server.yaml", "256 MiB" };
static const struct scene boot = { "a recorded boot", "boot-pc-256m.kmt", "256 MiB" };
static const struct scene pressure = { "recorded pressure", "D-pressure", NULL };
static const struct scene churn = { "recorded churn", "B-fs-churn", "224 MiB" };

/* Blocks of eight pages among pages of files and of a process. */
static const char sockets_workload[] =
	"kmemsim: 1\nname: w\nduration: 10 s\ntasks: {reader: {count: 2}, app: {}, sender: {}}\nstreams:\n"
	"  page: {event: alloc_pages, gfp: GFP_HIGHUSER_MOVABLE|__GFP_NORETRY|__GFP_NOWARN, by: reader, rate: 4000}\n"
	"  heap: {event: alloc_pages, gfp: GFP_HIGHUSER_MOVABLE|__GFP_ZERO, by: app, rate: 1500, live: 6000, replace: any}\n"
	"  buffer: {event: alloc_pages, order: 3, gfp: GFP_KERNEL|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP, by: sender, rate: 200, live: 200}\n";

/* A process with 27 MiB of memory, and one that reads files. */
static const char swap_workload[] = "kmemsim: 1\nname: w\nduration: 10 s\ntasks: {app: {}, reader: {}}\nstreams:\n"
	"  heap: {event: alloc_pages, gfp: GFP_HIGHUSER_MOVABLE|__GFP_ZERO, by: app, at: start, burst: 7000}\n"
	"  page: {event: alloc_pages, gfp: GFP_HIGHUSER_MOVABLE|__GFP_NORETRY|__GFP_NOWARN, by: reader, rate: 4000}\n";

static void shell(const char *command)
{
	run_ok("%s", command);
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
		replay_readers();
	} else if (scene == &sockets) {
		run_write("w.yaml", sockets_workload);
		replay_generate("w.yaml");
	} else if (strstr(scene->trace, ".yaml")) {
		snprintf(text, sizeof(text), "%s/configs/workloads/%s", getenv("KMEMSIM_SOURCE"), scene->trace);
		replay_generate(text);
	} else if (strstr(scene->trace, ".kmt")) {
		snprintf(text, sizeof(text), "cp %s/traces/samples/%s t.kmt", getenv("KMEMSIM_SOURCE"), scene->trace);
		shell(text);
	} else {
		if (!run_shared())
			return false;
		snprintf(text, sizeof(text), "$K import %s/captures/%s/trace.dat -o t.kmt -q", run_shared(),
			scene->trace);
		shell(text);
		if (!scene->memory) {
			snprintf(text, sizeof(text), "$K probe %s/captures/%s/snapshots -o m.yaml -q", run_shared(),
				scene->trace);
			shell(text);
		}
	}
	return true;
}

/* The least free memory in the second half of the run, pages: by then all of it has been used. */
static double least_free(void)
{
	return replayed_number(
		"SELECT min(f) FROM (SELECT sum(free_pages) AS f FROM zone_samples WHERE sample_id > (SELECT avg(sample_id)"
		" FROM samples) GROUP BY sample_id)");
}

/* What came of runs with one value of a setting: sums, and the least of what is free. */
struct figures {
	double failed, least_free, stalls, stolen, runs, hit_quickly;
};

static void add_run(struct figures *sum, const char *key, int value, unsigned int seed)
{
	char setting[128];
	double free_pages;

	snprintf(setting, sizeof(setting), "%s=%d --seed %u", key, value, seed);
	replay_with(setting);
	free_pages = least_free();
	if (seed == 1 || free_pages < sum->least_free)
		sum->least_free = free_pages;
	sum->failed += replayed_failed();
	sum->stalls += replayed_counter("allocstall_%");
	sum->stolen += replayed_counter("pgsteal_kswapd");
	sum->runs += replayed_counter("pageoutrun");
	sum->hit_quickly += replayed_counter("kswapd_low_wmark_hit_quickly");
}

/*
 * Recorded pressure has moments that decide whether tasks reclaim for themselves 80 times or never (memory that
 * they all fill at once), and some requests fail or none: with 150 (watermark_scale_factor) one seed of four has no
 * direct reclaim, and another 8 failures of 11; with 1000 one has 22 direct reclaims, where with 10 each has 60 to 80.
 */
static struct figures figures_with(const struct scene *scene, const char *key, int value)
{
	struct figures sum = { 0 };

	for (unsigned int seed = 1; seed <= (scene == &pressure ? 4 : 1); seed++)
		add_run(&sum, key, value, seed);
	return sum;
}

/*
 * sysctl/vm.rst: how much memory is left before kswapd is woken, and how much must be free before it sleeps again;
 * threads in direct reclaim (allocstall) and a kswapd that goes to sleep prematurely (kswapd_low_wmark_hit_quickly)
 * tell of too little.
 */
Test(settings, watermark_scale_factor_keeps_more_free_and_wakes_kswapd_for_more_at_a_time)
{
	static const struct scene *const scenes[] = { &reads, &files, &pressure };
	static const int values[] = { 10, 150, 500, 1000 };

	for (size_t i = 0; i < 3; i++) {
		struct figures first = { 0 }, before = { 0 }, now = { 0 };

		if (!set_scene(scenes[i]))
			continue;
		for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
			now = figures_with(scenes[i], "page_allocator.watermark_scale_factor", values[v]);
			cr_assert_gt(now.runs, 0, "%s: memory must be short", scenes[i]->what);
			if (v) {
				cr_expect_gt(now.least_free, before.least_free, "%s, %d", scenes[i]->what, values[v]);
				cr_expect_gt(now.stolen, before.stolen - before.stolen / before.runs,
					"%s, %d: whether a pass more fits in", scenes[i]->what, values[v]);
				cr_expect_leq(now.hit_quickly, before.hit_quickly, "%s, %d", scenes[i]->what,
					values[v]);
				cr_expect(now.stalls <= before.stalls || now.stalls < first.stalls / 8,
					"%s, %d: %.0f after %.0f", scenes[i]->what, values[v], now.stalls,
					before.stalls);
				cr_expect_leq(now.failed, values[v] < 500 ? 1.5 * before.failed : before.failed,
					"%s, %d: %.0f after %.0f", scenes[i]->what, values[v], now.failed,
					before.failed);
			} else {
				first = now;
			}
			before = now;
		}
		cr_expect_lt(now.hit_quickly, first.hit_quickly, "%s", scenes[i]->what);
		cr_expect(now.failed < first.failed || first.failed <= 0, "%s: %.0f, %.0f", scenes[i]->what, now.failed,
			first.failed);
	}
}

/* sysctl/vm.rst: the minimum number of kilobytes that are kept free; what must not wait lives on them. */
Test(settings, min_free_kbytes_keeps_that_much_free_and_atomic_requests_alive)
{
	static const struct scene *const scenes[] = { &reads, &files, &pressure };

	for (size_t i = 0; i < 3; i++) {
		struct figures little, much;

		if (!set_scene(scenes[i]))
			continue;
		little = figures_with(scenes[i], "page_allocator.min_free_kbytes", 128);
		much = figures_with(scenes[i], "page_allocator.min_free_kbytes", 8192);
		cr_assert_gt(little.runs, 0, "%s: memory must be short", scenes[i]->what);
		cr_expect_gt(much.least_free, little.least_free, "%s", scenes[i]->what);
		cr_expect_geq(much.least_free, 8192 / 4 * 3 / 4, "%s: nobody but those who may has gone below",
			scenes[i]->what);
		cr_expect_leq(much.failed, little.failed, "%s", scenes[i]->what);
		cr_expect_leq(much.stalls, little.stalls, "%s", scenes[i]->what);
		if (scenes[i] == &pressure)
			cr_expect_lt(much.failed, little.failed, "atomic requests fail for want of reserves");
	}
}

/*
 * sysctl/vm.rst: compaction makes free memory available in contiguous blocks where possible. Of machines that have
 * hardly a page to move anything to, and of those whose kswapd makes larger blocks by reclaiming more instead,
 * nothing follows.
 */
Test(settings, without_compaction_free_memory_is_in_pieces_and_large_blocks_fail_more_often)
{
	static const struct scene *const scenes[] = { &fragments, &sockets, &churn };
	static const char index[] =
		"SELECT avg(unusable_index) FROM frag_samples WHERE \"order\" = 3 AND zone = 'DMA32'";
	double failed_with = 0, failed_without = 0;

	for (size_t i = 0; i < 3; i++) {
		double with, without;

		if (!set_scene(scenes[i]))
			continue;
		replay_with("page_allocator.compaction=true");
		failed_with += replayed_failed();
		with = replayed_number(index);
		cr_expect_gt(replayed_counter("pgmigrate_success"), 0, "%s", scenes[i]->what);
		replay_with("page_allocator.compaction=false");
		failed_without += replayed_failed();
		without = replayed_number(index);
		cr_expect_eq(replayed_counter("pgmigrate_success"), 0, "%s", scenes[i]->what);
		cr_expect_eq(replayed_counter("compact_%"), 0, "%s", scenes[i]->what);
		cr_expect_gt(without, with, "%s", scenes[i]->what);
	}
	cr_expect_gt(failed_without, failed_with);
}

/*
 * slub.rst: a minimum order packs more objects into a slab: fewer
 * slabs, of larger blocks, and more memory that nobody uses.
 */
Test(settings, slab_min_order_makes_fewer_and_larger_slabs)
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
			replay_with(setting);
			snprintf(sql, sizeof(sql), "SELECT min(\"order\") %s", last);
			cr_expect_geq(replayed_number(sql), order, "%s", scenes[i]->what);
			snprintf(sql, sizeof(sql), "SELECT sum(grown) %s", last);
			now = replayed_number(sql);
			cr_expect(!order || now < grown, "%s: %.0f slabs of order %d and more, %.0f before",
				scenes[i]->what, now, order, grown);
			grown = now;
			snprintf(sql, sizeof(sql), "SELECT objs_per_slab %s AND cache = 'kmalloc-256'", last);
			now = replayed_number(sql);
			cr_expect_geq(now, objects, "%s", scenes[i]->what);
			objects = now;
			snprintf(sql, sizeof(sql), "SELECT sum(slab_pages) %s", last);
			pages = order ? pages : replayed_number(sql);
		}
		cr_expect_gt(replayed_number(sql), pages, "%s", scenes[i]->what);
	}
}

/*
 * sysctl/vm.rst: the rough relative cost of swapping against reading files again. Where most of the page cache is
 * used once, anonymous memory is left alone (cache_trim_mode), so half of it is read again here and a third is
 * found in use. Which pages those are is the seed's to draw, and that takes more or less than some steps do: of
 * four seeds together each step shows.
 */
Test(settings, swappiness_takes_more_anonymous_memory_and_less_page_cache)
{
	static const int values[] = { 0, 60, 100, 150, 200 };
	double anon = 0, file = 0;

	run_write("w.yaml", swap_workload);
	run_write("m.yaml",
		"kmemsim: 1\nname: m\nmemory: 64 MiB\ncpus: 2\nreclaim: {swap: 64 MiB, refault: 60, mapped: 30}\n");
	replay_generate("w.yaml");
	for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
		double anon_now = 0, file_now = 0;
		char setting[64];

		for (int seed = 1; seed <= 4; seed++) {
			snprintf(setting, sizeof(setting), "reclaim.swappiness=%d --seed %d", values[v], seed);
			replay_with(setting);
			anon_now += replayed_counter("pgsteal_anon");
			file_now += replayed_counter("pgsteal_file");
		}
		cr_expect(v ? anon_now > anon : anon_now == 0, "%s: %.0f anonymous pages, %.0f with less", setting,
			anon_now, anon);
		cr_expect(!v || file_now < file, "%s: %.0f file pages, %.0f with less", setting, file_now, file);
		anon = anon_now;
		file = file_now;
	}
}

/*
 * sysctl/vm.rst: the share of a zone that may be on lists of CPUs; the
 * more, the less often the zone's lock is taken. 0: by watermarks.
 */
Test(settings, percpu_pagelist_high_fraction_lets_cpus_keep_more)
{
	static const struct scene plenty = { "a file server", "file-server.yaml", "512 MiB" };
	static const int values[] = { 0, 64, 32, 16 };
	static const char most[] =
		"SELECT max(p) FROM (SELECT sum(pcp_pages) AS p FROM zone_samples GROUP BY sample_id)";
	double kept = 0, locked = 0;

	cr_assert(set_scene(&plenty));
	for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
		char setting[64];
		double now;

		snprintf(setting, sizeof(setting), "page_allocator.pcp_high_fraction=%d", values[v]);
		replay_with(setting);
		now = replayed_number(most);
		cr_expect_gt(now, kept, "%s", setting);
		if (values[v])
			cr_expect_leq(now,
				replayed_number(
					"SELECT max(m) FROM (SELECT sum(managed_pages) AS m FROM zone_samples GROUP BY sample_id)") /
					values[v],
				"%s", setting);
		kept = now;
		now = replayed_number("SELECT sum(acquisitions) FROM lock_stats WHERE lock LIKE '%zone%'");
		cr_expect(!v || now < locked, "%s: %.0f times, %.0f before", setting, now, locked);
		locked = now;
	}
}

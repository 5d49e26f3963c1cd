/* What more or less memory does to the shipped workloads, and to one that reads files. */
#include <criterion/criterion.h>
#include <glob.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cli/replayed.h"
#include "tests/cli/run.h"

TestSuite(pressure, .init = run_enter, .fini = run_leave, .timeout = 900);

#define PLENTY_MIB 16384u

/*
 * t.kmt with half as much memory more at each step, until nothing
 * fails, and with plenty. Return: how many failed with the least.
 */
static double expect_monotone(const char *trace)
{
	double first = -1, before = -1;

	for (uint32_t mib = 16; before < 0 || mib > 16; mib = mib == PLENTY_MIB ? 0 : mib + mib / 2) {
		char setting[64];
		double now;

		if (before == 0 || mib > PLENTY_MIB)
			mib = PLENTY_MIB;
		snprintf(setting, sizeof(setting), "memory=%" PRIu32 "MiB", mib);
		replay_with(setting);
		now = replayed_failed();
		cr_expect(before < 0 || now <= before, "%s: %.0f allocations failed with %s, %.0f with less", trace,
			now, setting, before);
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
		replay_generate(found.gl_pathv[i]);
		suffered += expect_monotone(found.gl_pathv[i]) > 0;
	}
	globfree(&found);
	snprintf(pattern, sizeof(pattern), "%s/traces/samples/boot-pc-256m.kmt", source);
	cr_assert_eq(symlink(pattern, "boot.kmt"), 0);
	cr_assert_eq(rename("boot.kmt", "t.kmt"), 0);
	suffered += expect_monotone(pattern) > 0;
	cr_expect_geq(suffered, 6, "some must be short of memory, or nothing has been tested");
}

/* How often reclaim looks at a file page before it takes it. */
static double looks(const char *setting)
{
	replay_with(setting);
	cr_assert_gt(replayed_counter("pgsteal_file"), 10000, "memory must be short");
	return replayed_counter("pgscan_file") / replayed_counter("pgsteal_file");
}

Test(pressure, kswapd_takes_the_lock_of_its_lists_by_batches)
{
	double locked, scanned;

	replay_readers();
	replay_with("page_allocator.watermark_scale_factor=1000");
	cr_assert_eq(replayed_counter("allocstall%"), 0, "nobody else reclaims");
	locked = replayed_number("SELECT acquisitions FROM lock_stats WHERE lock = 'lru'");
	scanned = replayed_counter("pgscan_kswapd");
	cr_expect(locked > 100 && locked < scanned / 16, "%.0f times for %.0f pages", locked, scanned);
}

Test(pressure, file_pages_that_are_mapped_are_looked_at_once_more)
{
	double once, more;

	replay_readers();
	/* Pages passed over for a lower zone's sake count as looked at, too. */
	run_write("m.yaml", "kmemsim: 1\nname: m\nmemory: 64 MiB\ncpus: 2\nzones: {dma: none}\n");
	once = looks("reclaim.mapped=0");
	more = looks("reclaim.mapped=30");
	cr_expect(more - once > 0.25 && more - once < 0.35, "%.2f looks, %.2f where none is mapped", more, once);
	cr_expect_lt(looks("reclaim.mapped=1") - once, 0.03);
}

/* A task fills pages of files with @gfp without end. Return: how long reclaim takes for one. */
static double reclaim_ns(const char *gfp, const char *setting)
{
	char workload[512];

	run_write("m.yaml", "kmemsim: 1\nname: m\nmemory: 64 MiB\ncpus: 1\n");
	snprintf(workload, sizeof(workload),
		"kmemsim: 1\nname: w\nduration: 6 s\nstreams:\n  page: {event: alloc_pages, gfp: %s, rate: 4000}\n", gfp);
	run_write("w.yaml", workload);
	replay_generate("w.yaml");
	replay_with(setting);
	cr_assert_gt(replayed_counter("pgsteal_file"), 5000, "memory must be short");
	return replayed_number("SELECT sum(end_ns - start_ns) * 1.0 / sum(pages) FROM reclaim_events");
}

Test(pressure, reclaim_waits_for_what_was_written_when_writing_back_costs_something)
{
	const char *read = "GFP_HIGHUSER_MOVABLE|__GFP_NORETRY", *written = "GFP_HIGHUSER_MOVABLE|__GFP_WRITE";
	double none = reclaim_ns(written, "name=none"), some;

	cr_expect_eq(reclaim_ns(written, "latency.write_back_page=none"), none, "none is the default");
	some = reclaim_ns(written, "latency.write_back_page=100us");
	cr_expect(some > none + 95000 && some < none + 105000, "%.0f ns for a page, %.0f without", some, none);
	none = reclaim_ns(read, "latency.write_back_page=0");
	cr_expect_eq(reclaim_ns(read, "latency.write_back_page=100us"), none, "a clean page");
}

Test(pressure, as_many_file_pages_are_read_again_as_the_setting_says)
{
	double share;

	replay_readers();
	replay_with("reclaim.refault=0");
	cr_assert_eq(replayed_counter("workingset_refault_file"), 0);
	replay_with("reclaim.refault=60");
	share = replayed_counter("workingset_refault_file") / replayed_counter("pgsteal_file");
	cr_expect(share > 0.55 && share < 0.65, "%.2f", share);
	cr_expect_eq(replayed_counter("workingset_refault_file"), replayed_counter("refaults"));
	cr_expect_eq(replayed_failed(), 0, "what is read ahead, and finds no memory, waits");
}

/*
 * 36000 file pages with @gfp, in memory for a third of them, beside anonymous ones, which pages
 * that come again compete with. It has a kswapd: a recording of a machine that reclaimed.
 */
static void file_pages_of_reclaiming_machine(const char *gfp)
{
	char workload[1024];

	run_write("m.yaml", "kmemsim: 1\nname: m\nmemory: 64 MiB\ncpus: 1\nreclaim: {swap: 16 MiB}\n");
	snprintf(workload, sizeof(workload),
		"kmemsim: 1\nname: w\nduration: 9 s\ntasks: {reader: {}, kswapd0: {}}\nstreams:\n"
		"  page: {event: alloc_pages, gfp: %s, by: reader, rate: 4000}\n"
		"  heap: {event: alloc_pages, gfp: GFP_HIGHUSER_MOVABLE|__GFP_ZERO, by: reader, rate: 200}\n"
		"  note: {event: kmalloc, size: 64, gfp: GFP_KERNEL, by: kswapd0, rate: 2, lifetime: {exponential: 20 ms}}\n",
		gfp);
	run_write("w.yaml", workload);
	replay_generate("w.yaml");
}

/*
 * workingset_refault(): pages that a recording which reclaimed
 * reads again are its own requests, and some are active at once.
 */
Test(pressure, pages_that_a_recording_reads_again_may_be_active_at_once)
{
	double met, gone;

	file_pages_of_reclaiming_machine("GFP_HIGHUSER_MOVABLE|__GFP_NORETRY");
	replay_with("reclaim.refault=75");
	met = replayed_counter("workingset_refault_file");
	gone = replayed_counter("pgsteal_file");
	cr_expect_eq(replayed_counter("refaults"), 0, "the model reads nothing again of its own");
	cr_expect(met > 0.9 * gone && met <= gone, "%.0f of %.0f: no more come than have gone", met, gone);
	cr_expect_gt(replayed_counter("workingset_activate_file"), 0);
	cr_expect_gt(replayed_counter("pgdeactivate"), 0, "what is active grows old");
	replay_with("reclaim.refault=0");
	cr_expect_eq(replayed_counter("workingset_refault_file"), 0, "not known to read anything again");
	file_pages_of_reclaiming_machine("GFP_HIGHUSER_MOVABLE|__GFP_NORETRY|__GFP_WRITE");
	replay_with("reclaim.refault=75");
	cr_expect_gt(replayed_counter("pgsteal_file"), 10000, "memory must be short");
	cr_expect_eq(replayed_counter("workingset_refault_file"), 0, "what is written is not read");
}

/* How many of the pages that were read became active, when the machine says that @percent do. */
static double activated(unsigned int percent)
{
	char setting[64];

	snprintf(setting, sizeof(setting), "reclaim.activated=%u", percent);
	replay_with(setting);
	cr_assert_gt(replayed_counter("workingset_refault_file"), 10000, "memory must be short");
	return (replayed_counter("workingset_activate_file") + replayed_counter("pgactivate")) / 36000;
}

Test(pressure, as_many_file_pages_of_a_recording_are_active_as_the_setting_says)
{
	double some;

	file_pages_of_reclaiming_machine("GFP_HIGHUSER_MOVABLE|__GFP_NORETRY");
	run_write("m.yaml", "kmemsim: 1\nname: m\nmemory: 64 MiB\ncpus: 1\nreclaim: {swap: 16 MiB, refault: 75}\n");
	cr_expect_eq(activated(0), 0);
	some = activated(30);
	cr_expect(some > 0.26 && some < 0.34, "%.2f", some);
	cr_expect_gt(activated(90), 0.8);
}

/*
 * Frees of a recording's reclaim and compaction are no requests: the pages are the model's to take.
 * A page that only such a free tells of was filled by compaction, and takes no memory of its own.
 */
Test(pressure, pages_that_the_recorded_reclaim_took_are_left_to_the_models)
{
	run_write("m.yaml", "kmemsim: 1\nname: m\nmemory: 64 MiB\n");
	run_write("t.jsonl", "{\"time_ns\":1000,\"pid\":1,\"event\":\"alloc_pages\",\"order\":0,\"id\":1,"
		"\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_NORETRY\"}\n"
		"{\"time_ns\":1000,\"pid\":1,\"event\":\"alloc_pages\",\"order\":0,\"id\":2,"
		"\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_NORETRY\"}\n"
		"{\"time_ns\":1000,\"pid\":1,\"event\":\"alloc_pages\",\"order\":0,\"id\":3,\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"time_ns\":1000,\"pid\":1,\"event\":\"alloc_pages\",\"order\":0,\"id\":4,\"gfp\":\"GFP_KERNEL\",\"reclaim\":true}\n"
		"{\"time_ns\":2000,\"pid\":1,\"event\":\"free_pages\",\"order\":0,\"id\":1,\"reclaim\":true}\n"
		"{\"time_ns\":2000,\"pid\":1,\"event\":\"free_pages\",\"order\":0,\"id\":2}\n"
		"{\"time_ns\":2000,\"pid\":1,\"event\":\"free_pages\",\"order\":0,\"id\":3,\"reclaim\":true}\n"
		"{\"time_ns\":2000,\"pid\":1,\"event\":\"free_pages\",\"order\":0,\"id\":4,\"reclaim\":true}\n");
	run_free(&(struct run_result[]){ run_shell("$K import t.jsonl -o t.kmt --quiet") }[0]);
	replay_with("reclaim.enabled=true");
	cr_expect_eq(replayed_counter("frees_left_to_reclaim"), 1, "of the three that lived, one was a user's");
	cr_expect_eq(replayed_counter("nr_inactive_file"), 1, "it is still cached");
	cr_expect_eq(replayed_counter("pgalloc_%"), 3, "the fourth takes no memory");
	replay_with("reclaim.enabled=false");
	cr_expect_eq(replayed_counter("frees_left_to_reclaim"), 0);
	cr_expect_eq(replayed_counter("pgalloc_%"), 4, "replayed as recorded");
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
	replay_generate("w.yaml");
	replay_with("name=shrunk");
	cr_assert_gt(replayed_counter("pgsteal_kswapd"), 0, "memory must be short");
	return replayed_counter("objects_shrunk");
}

Test(pressure, entries_that_can_be_made_again_go_and_those_of_files_in_memory_stay)
{
	double entries = shrunk("proc_inode_cache");

	cr_expect_eq(shrunk("shmem_inode_cache"), 0);
	cr_expect_eq(entries, 4096,
		"a batch of 1024, of half of them, one of what was put off, and an inode with each; then less than "
		"a batch is left: %.0f",
		entries);
	cr_expect_eq(shrunk("ext4_inode_cache"), 0,
		"what a disk must be read for goes in proportion to the lists: no batch");
}

/* @nr events of task @pid, 50 us apart, that take what @what says, each with an id of its own. */
static void add_events(FILE *file, unsigned int pid, unsigned int nr, const char *what)
{
	static unsigned int id = 1;

	for (; nr; nr--, id++)
		fprintf(file, "{\"time_ns\": %llu, \"pid\": %u, \"id\": %u, %s}\n", id * 50000ull, pid, id, what);
}

/*
 * 2000 files of a disk with @pages each, before anonymous memory
 * leaves little to a task that reads. Return: inodes that are left.
 */
static double inodes_left(unsigned int pages)
{
	FILE *file = fopen("f.jsonl", "w");

	cr_assert_not_null(file);
	fputs("{\"event\": \"kmem_cache_create\", \"cache\": \"dentry\", \"size\": 192}\n"
		"{\"event\": \"kmem_cache_create\", \"cache\": \"ext4_inode_cache\", \"size\": 1000}\n", file);
	for (int i = 0; i < 2000; i++) {
		add_events(file, 1, 1,
			"\"event\": \"kmem_cache_alloc\", \"cache\": \"dentry\", \"gfp\": \"GFP_KERNEL\"");
		add_events(file, 1, 1,
			"\"event\": \"kmem_cache_alloc\", \"cache\": \"ext4_inode_cache\", \"gfp\": \"GFP_KERNEL\"");
		add_events(file, 1, pages, "\"event\": \"alloc_pages\", \"gfp\": \"GFP_HIGHUSER_MOVABLE|__GFP_WRITE\"");
	}
	add_events(file, 2, 15200, "\"event\": \"alloc_pages\", \"gfp\": \"GFP_HIGHUSER_MOVABLE|__GFP_ZERO\"");
	add_events(file, 2, 20000, "\"event\": \"alloc_pages\", \"gfp\": \"GFP_HIGHUSER_MOVABLE|__GFP_NORETRY\"");
	fclose(file);
	run_ok("$K import f.jsonl -o t.kmt -q");
	run_write("m.yaml", "kmemsim: 1\nname: m\nmemory: 64 MiB\ncpus: 1\n");
	replay_with("name=files");
	return replayed_number(
		"select live_objs from cache_stats where cache = 'ext4_inode_cache' order by sample_id desc limit 1");
}

/*
 * mapping_shrinkable(): what is left of a file's pages in its
 * tree keeps the inode, but for that of a first page alone.
 */
Test(pressure, inodes_of_files_with_pages_stay)
{
	double none = inodes_left(0);

	cr_expect_lt(none, 1000, "%.0f", none);
	cr_expect_lt(inodes_left(1), 100, "one shadow entry does not count");
	cr_expect_eq(inodes_left(2), 2000, "pages, and shadow entries when they have gone");
}

/*
 * ext4_es_scan(): 3000 extents of files, before a task reads more than there is memory for. They go by
 * batches of 128 in proportion to the lists, as what a disk must be read for does, whoever else has none.
 */
Test(pressure, extents_of_files_go_in_proportion_to_the_lists)
{
	FILE *file = fopen("f.jsonl", "w");
	double left, scanned;

	cr_assert_not_null(file);
	fputs("{\"event\": \"kmem_cache_create\", \"cache\": \"ext4_extent_status\", \"size\": 40}\n", file);
	add_events(file, 1, 3000,
		"\"event\": \"kmem_cache_alloc\", \"cache\": \"ext4_extent_status\", \"gfp\": \"GFP_ATOMIC\"");
	add_events(file, 2, 40000, "\"event\": \"alloc_pages\", \"gfp\": \"GFP_HIGHUSER_MOVABLE|__GFP_NORETRY\"");
	fclose(file);
	run_ok("$K import f.jsonl -o t.kmt -q");
	run_write("m.yaml", "kmemsim: 1\nname: m\nmemory: 64 MiB\ncpus: 1\n");
	replay_with("name=extents");
	left = replayed_number(
		"select live_objs from cache_stats where cache = 'ext4_extent_status' order by sample_id desc limit 1");
	scanned = replayed_counter("slabs_scanned");
	cr_expect(left > 0 && left < 2500, "%.0f", left);
	cr_expect_eq(3000 - left, scanned, "%.0f left, %.0f looked at", left, scanned);
	cr_expect_eq((long)scanned % 128, 0, "%.0f", scanned);
}

/*
 * 60 MiB of anonymous memory in 32 MiB, with a swap device of 64 MiB less its header that
 * swapon() adds before it and that swapoff() takes away when half of the memory is free again.
 */
static void swap_in_and_out(void)
{
	FILE *file = fopen("s.jsonl", "w");

	cr_assert_not_null(file);
	fprintf(file, "{\"event\": \"vmalloc\", \"id\": \"map\", \"size\": 16384, \"origin\": \"swap_map\"}\n");
	for (int i = 0; i < 15360; i++)
		fprintf(file,
			"{\"time_ns\": %d, \"event\": \"alloc_pages\", \"id\": %d, \"gfp\": \"GFP_HIGHUSER_MOVABLE|__GFP_ZERO\"}\n",
			1000000 + i * 100000, i);
	for (int i = 0; i < 15360; i += 2)
		fprintf(file, "{\"time_ns\": 2000000000, \"event\": \"free_pages\", \"id\": %d}\n", i);
	fprintf(file, "{\"time_ns\": 3000000000, \"event\": \"vfree\", \"id\": \"map\"}\n");
	fclose(file);
	run_ok("$K import s.jsonl -o t.kmt -q");
	run_write("m.yaml", "kmemsim: 1\nname: m\nmemory: 32 MiB\ncpus: 1\n");
}

Test(pressure, swap_comes_and_goes_with_the_trace)
{
	swap_in_and_out();
	replay_with("reclaim.swap=auto");
	cr_expect_eq(replayed_failed(), 0);
	cr_expect_eq(replayed_counter("oom_kill"), 0);
	cr_expect_geq(replayed_counter("pswpout"), 15360 - 8192, "what does not fit into memory");
	cr_expect_gt(replayed_counter("pswpin"), 0);
	cr_expect_leq(replayed_counter("pswpin"), replayed_counter("pswpout"));
	cr_expect_eq(replayed_counter("pages_reclaimed") - replayed_counter("frees_of_reclaimed"),
		replayed_counter("pswpin"), "swapoff reads all that is still wanted");
	replay_with("reclaim.swap=none");
	cr_expect_gt(replayed_failed(), 0);
	cr_expect_eq(replayed_counter("pswpout"), 0);
	replay_with("reclaim.swap=8MiB");
	cr_expect_leq(replayed_counter("pswpout") - replayed_counter("frees_of_reclaimed"), 2048,
		"no more than the machine has");
	cr_expect_eq(replayed_counter("pswpin"), 0, "its swap stays");
}

/*
 * Task 5 has 40 MiB of 64, of which task 7 drives 15 to the swap device; swapoff() brings
 * it back, and then task 7 wants more than there is. Task 3, which asked first, has a page.
 */
Test(pressure, what_swapoff_reads_back_is_whose_it_was)
{
	static const struct {
		unsigned int pid, first, nr;
	} holders[] = { { 3, 0, 1 }, { 5, 1, 10240 }, { 7, 20000, 13000 }, { 7, 40000, 10000 } };
	FILE *file = fopen("s.jsonl", "w");
	unsigned int ms = 0;

	cr_assert_not_null(file);
	fprintf(file, "{\"event\": \"vmalloc\", \"id\": \"map\", \"size\": 32768, \"origin\": \"swap_map\"}\n");
	for (size_t h = 0; h < sizeof(holders) / sizeof(holders[0]); h++) {
		for (unsigned int i = 0; i < holders[h].nr; i++)
			fprintf(file,
				"{\"time_ns\": %u000000, \"pid\": %u, \"comm\": \"task%u\", \"event\": \"alloc_pages\", \"id\": %u,"
				" \"gfp\": \"GFP_HIGHUSER_MOVABLE|__GFP_ZERO\"}\n",
				++ms, holders[h].pid, holders[h].pid, holders[h].first + i);
		if (h != 2)
			continue;
		for (unsigned int i = 0; i < holders[h].nr; i++)
			fprintf(file,
				"{\"time_ns\": %u000000, \"pid\": 7, \"comm\": \"task7\", \"event\": \"free_pages\", \"id\": %u}\n",
				++ms, holders[h].first + i);
		fprintf(file, "{\"time_ns\": %u000000, \"event\": \"vfree\", \"id\": \"map\"}\n", ms += 1000);
	}
	fclose(file);
	run_ok("$K import s.jsonl -o t.kmt -q");
	run_write("m.yaml", "kmemsim: 1\nname: m\nmemory: 64 MiB\ncpus: 1\n");
	replay_with("reclaim.swap=auto");
	cr_assert_gt(replayed_counter("pswpin"), 3000, "%.0f", replayed_counter("pswpin"));
	cr_expect_eq(replayed_counter("killed task3, pid 3"), 0);
	cr_expect_gt(replayed_counter("killed task5, pid 5"), 9000, "%.0f: its own",
		replayed_counter("killed task5, pid 5"));
}

/*
 * Lists of what reclaim may free became rings there, and each
 * failed request looked at all of memory: it did not end.
 */
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

/* A recording, in which task @pid, or an interrupt (@flags) that comes while it runs, takes @nr pages. */
static void ask(FILE *file, unsigned int pid, const char *flags, const char *gfp, unsigned int nr)
{
	static unsigned int pfn;

	for (; nr--; pfn++)
		fprintf(file,
			"task-%u [000] %s 1.%06u: mm_page_alloc: page=0x%x pfn=0x%x order=0 migratetype=1 gfp_flags=%s\n",
			pid, flags, pfn, pfn + 1, pfn + 1, gfp);
}

/*
 * The first that is heard of the task is an interrupt's request;
 * interrupts that have its pid go on when it has been killed.
 */
Test(pressure, a_task_is_killed_once)
{
	FILE *file = fopen("s.txt", "w");

	cr_assert_not_null(file);
	fputs("# tracer: nop\n#\n", file);
	ask(file, 7, "..s1.", "GFP_ATOMIC", 1);
	ask(file, 7, ".....", "GFP_HIGHUSER_MOVABLE|__GFP_ZERO", 20000);
	ask(file, 7, "..s1.", "GFP_NOWAIT|__GFP_MOVABLE|__GFP_ZERO", 100);
	ask(file, 1, ".....", "GFP_KERNEL", 20000);
	fclose(file);
	run_write("m.yaml", "kmemsim: 1\nname: m\nmemory: 64 MiB\ncpus: 1\nzones: {dma: none}\n");
	run_ok("$K import s.txt -o t.kmt -q");
	run_ok("$K replay t.kmt -m m.yaml --set reclaim.swap=none -o r.db -q");
	cr_expect_gt(replayed_counter("killed task, pid 7"), 0);
	cr_expect_eq(replayed_counter("oom_kill"), 1);
}

/*
 * The kernel's own counters of D-pressure, between snapshots 1 and 2, and its
 * mm_page_alloc_extfrag events: machine @yaml must be within a factor of 1.5 of each.
 */
static void expect_counters_of_pressure(const char *yaml, int seed)
{
	static const struct {
		const char *name;
		double real;
	} counters[] = {
		{ "pgsteal_direct", 14822 }, { "pgsteal_kswapd", 199813 }, { "pageoutrun", 2560 }, { "allocstall_%",
			346 },
		{ "pswpout", 7819 },
	};
	double extfrag;

	run_ok("rm -f r.db; $K replay t.kmt -m %s --seed %d --set reclaim.swap=auto --initial %s/captures/D-pressure/snapshots"
	       " -o r.db -q",
		yaml, seed, run_shared());
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		double now = replayed_counter(counters[i].name);

		cr_expect(now > counters[i].real / 1.5 && now < counters[i].real * 1.5,
			"%s, seed %d: %s: %.0f, really %.0f", yaml, seed, counters[i].name, now, counters[i].real);
	}
	extfrag = replayed_number("SELECT sum(count) FROM extfrag_events");
	cr_expect(extfrag > 294 / 1.5 && extfrag < 294 * 1.5, "%s, seed %d: %.0f extfrag events, really 294", yaml,
		seed, extfrag);
}

/* What other seeds do: docs/accuracy.md. With a kswapd that began at once the third had 639 extfrag events. */
Test(pressure, counters_of_a_recording_under_pressure_are_the_kernels_within_a_factor_of_1_5)
{
	if (!run_shared())
		cr_skip_test("no folder of captures: set KMEMSIM_SHARED");
	run_ok("D=%s/captures/D-pressure; $K import $D/trace.dat -o t.kmt -q && $K probe $D/snapshots -o m.yaml -q",
		run_shared());
	for (int seed = 1; seed <= 3; seed++)
		expect_counters_of_pressure("m.yaml", seed);
}

/*
 * The same with costs that the recording's own events of reclaim
 * tell, from those of a machine that is five times as fast.
 */
Test(pressure, costs_fitted_to_the_recordings_own_reclaim_give_its_counters_too)
{
	if (!run_shared())
		cr_skip_test("no folder of captures: set KMEMSIM_SHARED");
	run_ok("D=%s/captures/D-pressure; $K import $D/trace.dat -o t.kmt -q && $K probe $D/snapshots -o m.yaml -q",
		run_shared());
	run_ok("$K calibrate %s/captures/D-pressure/trace.dat -m m.yaml --only 'reclaim_page,lru_*,wake_up' -o fitted.yaml -q "
	       "--set latency.reclaim_page=2000ns --set latency.lru_batch=25000ns --set latency.lru_scan=30ns "
	       "--set latency.wake_up=5000ns",
		run_shared());
	for (int seed = 1; seed <= 3; seed++)
		expect_counters_of_pressure("fitted.yaml", seed);
}

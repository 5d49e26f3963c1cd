/*
 * What of the page cache is read again on a machine with less memory, where the machine does not say
 * (reclaim.refault: auto): the states beside a recording tell how much was used again, and the page tables in it
 * which files are mapped. And what is used where it does say.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/cli/replayed.h"
#include "tests/cli/run.h"

TestSuite(page_cache, .init = run_enter, .fini = run_leave);

#define FILE_PAGES "GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_WRITE"
#define READ_PAGES "GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_NOWARN|__GFP_NORETRY"
#define BUFFER     "GFP_NOFS|__GFP_NOFAIL|__GFP_COMP|__GFP_HARDWALL|__GFP_MOVABLE"
#define HEAP_PAGE  "GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO"
#define TABLE      "GFP_KERNEL_ACCOUNT|__GFP_ZERO"
#define TABLE_6_18 TABLE "|__GFP_COMP" /* capture H */

/** A recording that is made up event by event. */
struct recording {
	FILE *file;
	unsigned long long time_ns;
	unsigned int id;
};

static struct recording begin_with(unsigned int page_size)
{
	struct recording r = { .file = fopen("t.jsonl", "w") };

	cr_assert_not_null(r.file);
	fprintf(r.file, "{\"kmemsim_trace\": 1, \"page_size\": %u, \"cpus\": 1}\n", page_size);
	return r;
}

static struct recording begin(void)
{
	return begin_with(4096);
}

/* @nr pages that were there before the recording. */
static void had(struct recording *r, const char *gfp, unsigned int nr)
{
	while (nr--)
		fprintf(r->file,
			"{\"event\": \"alloc_pages\", \"id\": %u, \"gfp\": \"%s\", \"boot\": true, \"adopted\": true}\n",
			++r->id, gfp);
}

/* Task @pid takes @nr pages, one in 50 us. */
static void take(struct recording *r, unsigned int pid, const char *gfp, unsigned int nr)
{
	while (nr--)
		fprintf(r->file,
			"{\"time_ns\": %llu, \"pid\": %u, \"comm\": \"task%u\", \"event\": \"alloc_pages\", \"id\": %u, \"gfp\": \"%s\"}\n",
			r->time_ns += 50000, pid, pid, ++r->id, gfp);
}

/* Task @pid frees the page @id. */
static void give_back(struct recording *r, unsigned int pid, unsigned int id)
{
	fprintf(r->file,
		"{\"time_ns\": %llu, \"pid\": %u, \"comm\": \"task%u\", \"event\": \"free_pages\", \"id\": %u}\n",
		r->time_ns += 1000, pid, pid, id);
}

/* Task @pid frees the @nr pages taken last. */
static void give(struct recording *r, unsigned int pid, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		give_back(r, pid, r->id - i);
}

/* Somebody has reclaimed: the recording has what was read again. */
static void kswapd_lives(struct recording *r)
{
	fprintf(r->file,
		"{\"time_ns\": %llu, \"pid\": 9, \"comm\": \"kswapd0\", \"event\": \"kmalloc\", \"id\": %u, \"size\": 64, \"gfp\": \"GFP_KERNEL\"}\n",
		r->time_ns += 50000, ++r->id);
}

static void fork_begins(struct recording *r, unsigned int pid)
{
	fprintf(r->file,
		"{\"time_ns\": %llu, \"pid\": %u, \"comm\": \"task%u\", \"event\": \"kmem_cache_alloc\", \"id\": %u, \"cache\": \"mm_struct\","
		" \"gfp\": \"GFP_KERNEL\"}\n",
		r->time_ns += 50000, pid, pid, ++r->id);
}

static void end(struct recording *r, const char *options)
{
	fclose(r->file);
	run_ok("$K import t.jsonl -o t.kmt --quiet %s", options);
}

#define FEW 160 /* pages of a task: five windows of what is read again */

/*
 * 60000 pages of files, one after another at half the pace of the disk, on a machine that has memory
 * for a quarter of them. So few of each task that shares of them do not hang on a single one.
 */
static void use_files(const char *gfp, const char *options)
{
	struct recording r = begin();

	for (unsigned int i = 0; i < 60000; i++) {
		take(&r, 1 + i / FEW, gfp, 1);
		r.time_ns += 110000;
	}
	end(&r, options);
}

static void states_beside(unsigned int inactive, unsigned int active)
{
	run_ok("mkdir -p snapshots/1 snapshots/2");
	run_write("snapshots/1/vmstat", "nr_inactive_file 0\nnr_active_file 0\npgdeactivate 0\npgsteal_file 0\n");
	run_ok("printf 'nr_inactive_file %u\\nnr_active_file %u\\npgdeactivate 0\\npgsteal_file 0\\n' > snapshots/2/vmstat",
		inactive, active);
}

#define MACHINE(memory) \
	"kmemsim: 1\nname: m\nmemory: " memory "\ncpus: 1\nzones: {dma: none}\nreclaim: {refault: auto, mapped: auto}\n"

static void small_machine(void)
{
	run_write("m.yaml", MACHINE("64 MiB"));
}

static void tiny_machine(void)
{
	run_write("m.yaml", MACHINE("32 MiB"));
}

/*
 * Pages that came again for each that is gone for good, on a machine that has memory for a tenth of them. Of those
 * that go for the first time a share does, of those that had come again and go once more 0.3: while all that comes
 * goes again, that is the share and 0.3, 0.09 ... of it, 1.43 times it. A tenth of what came is still there, and
 * makes that up to a tenth more.
 */
static double share_read_again(void)
{
	double again, gone;

	replay_with("reclaim.refault=auto");
	again = replayed_counter("workingset_refault_file");
	gone = replayed_counter("pgsteal_file");
	cr_assert_gt(gone - again, 30000, "memory must be short");
	return again / (gone - again);
}

Test(page_cache, is_read_again_as_the_recorded_machine_used_it_again)
{
	double share;

	tiny_machine();
	states_beside(35000, 15000);
	use_files(READ_PAGES, "");
	share = share_read_again();
	cr_expect(share > 0.41 && share < 0.46, "%.2f of 1.43 * 0.30", share);
	states_beside(50000, 0);
	use_files(READ_PAGES, "");
	cr_expect_eq(share_read_again(), 0);
}

/*
 * What read() uses again before it would go becomes active in its place; where no state tells, or no moment, nobody
 * guesses. Reclaim looks at some 46000 of the pages, each 2.0 to 2.4 s old; of the 30 % that are used again, at any
 * moment of what is left of 9.6 s, 0.41 to 0.46 are by then in the mean.
 */
Test(page_cache, what_is_used_again_while_it_is_there_becomes_active)
{
	double active;

	small_machine();
	states_beside(35000, 15000);
	use_files(READ_PAGES, "");
	replay_with("reclaim.refault=auto");
	active = replayed_counter("pgactivate");
	cr_expect(active > 5400 && active < 6900, "%.0f of 5700 to 6400", active);
	run_ok("rm r.db; $K replay t.kmt -m m.yaml --pace asap -o r.db --quiet");
	cr_expect_eq(replayed_counter("pgactivate"), 0);
	replay_with("reclaim.refault=25");
	cr_expect_eq(replayed_counter("pgactivate"), 0, "the machine says how much it reads again");
	use_files(READ_PAGES, "--states none");
	replay_with("reclaim.refault=auto");
	cr_expect_eq(replayed_counter("pgactivate"), 0);
}

/*
 * write() does not count as a use, and the first read only marks
 * a page: of what was written and read once no state tells.
 */
Test(page_cache, is_read_again_more_often_when_it_was_written)
{
	double share;

	tiny_machine();
	states_beside(35000, 15000);
	use_files(FILE_PAGES, "");
	share = share_read_again();
	cr_expect(share > 1.22 && share < 1.34, "%.2f of 1.43 * 0.86: of 30 %% used again, and 80 %% of the others",
		share);
	states_beside(50000, 0);
	use_files(FILE_PAGES, "");
	share = share_read_again();
	cr_expect(share > 1.14 && share < 1.25, "%.2f of 1.43 * 0.80", share);
}

/*
 * Half of the pages, so many of each task, go while others come
 * for 10 s; then memory is free, and nothing happens for 90 s.
 */
static void record_use_and_quiet(unsigned int of_task)
{
	struct recording r = begin();

	small_machine();
	states_beside(35000, 15000);
	for (unsigned int i = 0; i < 30000; i++) {
		take(&r, 1 + i / of_task, READ_PAGES, 1);
		r.time_ns += 283000;
	}
	give(&r, 1, 12000);
	r.time_ns += 90000000000;
	take(&r, 1, READ_PAGES, 1);
	end(&r, "");
}

static void use_and_be_quiet(unsigned int of_task)
{
	record_use_and_quiet(of_task);
	replay_with("reclaim.refault=auto");
}

/* What is read again has its time then, too. */
Test(page_cache, is_read_again_also_when_nothing_has_to_go_any_more)
{
	double at_first;

	use_and_be_quiet(32);
	at_first = replayed_counter("pgsteal_file");
	cr_assert_gt(at_first, 10000, "memory must be short");
	cr_expect_gt(replayed_counter("workingset_refault_file"), 0.27 * at_first, "%.0f of %.0f",
		replayed_counter("workingset_refault_file"), at_first);
}

/* Free memory so many s after the beginning, bytes. */
static double free_after(unsigned int s)
{
	char sql[160];

	snprintf(sql, sizeof(sql),
		"select free_bytes + pcp_bytes from samples where time_ns >= (select min(time_ns) from samples) + %u000000000"
		" order by time_ns limit 1",
		s);
	return replayed_number(sql);
}

/*
 * Uses are near each other: of what went in 10 s, and did not come
 * in these, 0.42 come in the first quarter of 90 s, by the square.
 */
Test(page_cache, is_read_again_soon_rather_than_late)
{
	double soon = 0, all = 0;
	char setting[40];

	record_use_and_quiet(32);
	for (int seed = 1; seed <= 8; seed++) {
		snprintf(setting, sizeof(setting), "name=m --seed %d", seed);
		replay_with(setting);
		soon += free_after(11) - free_after(33);
		all += free_after(11) - free_after(99);
	}
	cr_expect_gt(all, 8 * 2000 * 4096.0, "pages come");
	cr_expect(soon > 0.37 * all && soon < 0.47 * all, "%.0f of %.0f pages", soon / 4096, all / 4096);
}

/* Of the pages that are read again in the 90 s, the part that comes in the three busiest seconds. */
static double in_three_seconds(void)
{
	return replayed_number("with f as (select time_ns t, free_bytes + pcp_bytes b from samples"
		"  where time_ns >= (select min(time_ns) from samples) + 11000000000),"
		" d as (select max(b - lead(b) over (order by t), 0) fall from f)"
		" select sum(fall) / (select sum(fall) from d) from (select 1.0 * fall fall from d order by fall desc limit 3)");
}

/*
 * Files are read from one end to the other: what one task had is
 * read again in long stretches, what many had here and there.
 */
Test(page_cache, what_a_task_had_is_read_again_in_stretches)
{
	double of_one, of_many;

	use_and_be_quiet(30000);
	of_one = in_three_seconds();
	use_and_be_quiet(32);
	of_many = in_three_seconds();
	cr_expect_gt(of_one, 0.75, "%.2f", of_one);
	cr_expect_lt(of_many, 0.25, "%.2f", of_many);
}

/* Databases want a page here and a page there: the same share is read, but each page when it is wanted. */
Test(page_cache, what_is_read_at_random_comes_page_by_page)
{
	double again, gone;

	record_use_and_quiet(30000);
	replay_with("reclaim.random_reads=100");
	again = replayed_counter("workingset_refault_file");
	gone = replayed_counter("pgsteal_file");
	cr_expect_lt(in_three_seconds(), 0.25, "%.2f", in_three_seconds());
	cr_expect(again > 0.29 * gone && again < 0.31 * gone, "%.0f of %.0f", again, gone);
}

#define LESS_MEMORY_SEEDS 9

/* What free memory of a machine with less memory looks like in the end, in the mean of all seeds. */
static double unusable_with_less_memory(unsigned int random_reads)
{
	double sum = 0;

	for (int seed = 1; seed <= LESS_MEMORY_SEEDS; seed++) {
		run_ok("rm -f r.db; L=%s/captures/J-whatif/less-memory/snapshots/1-after-boot; $K replay t.kmt -m m.yaml --initial $L"
		       " --from 'marker:WORKLOAD begin' --seed %d --set reclaim.random_reads=%u -o r.db -q",
			run_shared(), seed, random_reads);
		sum += replayed_number("select unusable_index from frag_samples where zone = 'DMA32' and \"order\" = 3"
			" order by sample_id desc limit 1");
	}
	return sum / LESS_MEMORY_SEEDS;
}

/*
 * Work of many kinds lies between what is read: memory of which single pages come and go is in pieces. One seed
 * gives 0.53 with a standard deviation of 0.11 in order, and 0.75 with 0.10 at random: the means of nine differ by
 * 0.22, give or take 0.05. The bound lies more than twice that below.
 */
Test(page_cache, what_is_read_at_random_leaves_memory_in_pieces)
{
	double in_order, random;

	if (!run_shared())
		cr_skip_test("no folder of captures: set KMEMSIM_SHARED");
	run_ok("J=%s/captures/J-whatif; $K import $J/base/trace.dat -o t.kmt -q && $K probe $J/less-memory/snapshots/1-after-boot -o m.yaml -q",
		run_shared());
	in_order = unusable_with_less_memory(0);
	random = unusable_with_less_memory(100);
	cr_expect_gt(random, in_order + 0.1, "%.2f and %.2f", random, in_order);
}

/*
 * Who reads does nothing else: what comes later in the recording
 * waits, 80 us for a page. Where it reads for ever, that has an end.
 */
Test(page_cache, the_recording_waits_for_what_is_read_again)
{
	double recorded = 60000 * 160e3, waited, end;

	tiny_machine();
	use_files(READ_PAGES, "");
	replay_with("reclaim.refault=25");
	waited = replayed_counter("waited_for_reading");
	end = replayed_number("select max(time_ns) - min(time_ns) from samples");
	cr_expect_gt(waited, 0.9 * 80e3 * replayed_counter("refaults"), "%.0f ns", waited);
	cr_expect(end > recorded + 0.95 * waited && end < recorded + 1.05 * waited, "%.0f ns", end);
	run_ok("$K report r.db | tr -s ' \\n' ' ' > r.txt; grep -q 'reclaimed were read again: .* the work waited' r.txt &&"
	       " ! grep -q 'nobody had to wait' r.txt");
	replay_with("reclaim.refault=90");
	waited = replayed_counter("waited_for_reading");
	cr_expect(waited > 1.95 * recorded && waited < 2.05 * recorded, "%.0f ns", waited);
	replay_with("reclaim.refault=0");
	cr_expect_eq(replayed_counter("waited_for_reading"), 0);
	run_ok("! $K report r.db | grep -q 'were read again'");
}

/*
 * What file systems keep of a device is read for somebody who then
 * looks it up: used twice, so that pages of files go before it.
 */
Test(page_cache, blocks_of_the_buffer_cache_are_active_from_the_start)
{
	static const char *const masks[] = { BUFFER, READ_PAGES };
	double gone[2];

	run_write("m.yaml",
		"kmemsim: 1\nname: m\nmemory: 64 MiB\ncpus: 1\nzones: {dma: none}\nreclaim: {refault: 0}\n");
	for (int i = 0; i < 2; i++) {
		struct recording r = begin();
		unsigned int first;

		take(&r, 1, READ_PAGES, 1000);
		first = r.id + 1;
		take(&r, 1, masks[i], 1000);
		take(&r, 1, READ_PAGES, 16000);
		for (unsigned int id = first; id < first + 1000; id++)
			give_back(&r, 1, id);
		end(&r, "--states none");
		replay_with("name=buffers");
		gone[i] = replayed_counter("frees_of_reclaimed");
	}
	cr_expect_eq(gone[0], 0, "%.0f", gone[0]);
	cr_expect_gt(gone[1], 900, "%.0f of pages of files, which are as old", gone[1]);
}

Test(page_cache, how_much_is_read_again_of_what_was_read_and_of_what_was_written_is_printed)
{
	struct run_result result;

	small_machine();
	states_beside(5000, 45000);
	use_files(READ_PAGES, "");
	result = run_shell("$K replay t.kmt -m m.yaml --json");
	cr_expect_eq(run_number(result.out, "refault_percent"), 90, "%s", result.out);
	cr_expect_eq(run_number(result.out, "written_refault_percent"), 98, "%s", result.out);
	run_free(&result);
}

Test(page_cache, is_assumed_to_be_read_again_where_nothing_tells_and_the_user_hears_of_it)
{
	struct run_result result;
	double share;

	tiny_machine();
	use_files(READ_PAGES, "--states none");
	share = share_read_again();
	cr_expect(share > 0.41 && share < 0.46, "%.2f of 1.43 * 0.30", share);
	result = run_shell("$K replay t.kmt -m m.yaml");
	cr_expect_not_null(
		strstr(result.out,
			"page cache 30 % of what goes is read again, 86 % of what was written, in the order of files: assumed"),
		"%s", result.out);
	run_free(&result);
	result = run_shell("$K replay t.kmt -m m.yaml --json");
	cr_expect_eq(run_number(result.out, "refault_percent"), 30);
	cr_expect_not_null(strstr(result.out, "\"refault_assumed\": true"), "%s", result.out);
	run_free(&result);
	result = run_shell("$K replay t.kmt -m m.yaml --set reclaim.refault=10");
	cr_expect_null(strstr(result.out, "page cache"), "what the machine says is no assumption: %s", result.out);
	run_free(&result);
	result = run_shell("$K replay t.kmt -m m.yaml --set memory='1 GiB'");
	cr_expect_null(strstr(result.out, "page cache"), "nothing goes: %s", result.out);
	run_free(&result);
}

/* Anonymous pages that are used again are active: others go first, and those that lie before them on their list. */
Test(page_cache, anonymous_pages_used_again_are_active)
{
	double active[2];

	run_write("m.yaml",
		"kmemsim: 1\nname: m\nmemory: 64 MiB\ncpus: 1\nzones: {dma: none}\nreclaim: {refault: auto, swap: 64 MiB}\n");
	for (int reused = 0; reused < 2; reused++) {
		struct recording r = begin();

		states_beside(50000, 0);
		run_ok("printf 'nr_inactive_anon %d\nnr_active_anon %d\n' >> snapshots/2/vmstat", reused ? 3000 : 4000,
			reused ? 1000 : 0);
		take(&r, 2, HEAP_PAGE, 20000);
		end(&r, "");
		replay_with("reclaim.refault=auto");
		cr_assert_gt(replayed_counter("pgsteal_anon"), 4000, "memory must be short");
		active[reused] = replayed_counter("pgactivate");
	}
	cr_expect_gt(active[1] - active[0], 0.22 * 20000, "%.0f, %.0f where none is", active[1], active[0]);
	cr_expect_lt(active[1] - active[0], 0.28 * 20000, "%.0f, %.0f where none is", active[1], active[0]);
}

/** Who takes the page tables behind a file that is larger than memory. */
enum shown { MAPPING, MAPPING_6_18, HEAP_BETWEEN, FORK, TOO_FEW, GIVEN_BACK, KSWAPD };

/* A task writes a file of 80 MB; later another takes 39 page tables. Return: pages that the mapping has read again. */
static double read_by_mapping(enum shown shown)
{
	struct recording r = begin();

	take(&r, 1, FILE_PAGES, 20000);
	if (shown == KSWAPD)
		kswapd_lives(&r);
	if (shown == FORK)
		fork_begins(&r, 2);
	for (int i = 0; i < (shown == TOO_FEW ? 15 : 39); i++) {
		take(&r, 2, shown == MAPPING_6_18 ? TABLE_6_18 : TABLE, 1);
		if (shown == HEAP_BETWEEN)
			take(&r, 2, HEAP_PAGE, 1);
		if (shown == GIVEN_BACK && i % 3)
			give_back(&r, 2, r.id);
	}
	take(&r, 3, HEAP_PAGE, 100);
	end(&r, "--states none");
	run_ok("rm -f r.db; $K replay t.kmt -m m.yaml --check=1000 -o r.db --quiet");
	return replayed_counter("refaults_of_mappings");
}

Test(page_cache, of_what_a_task_maps_is_read_again_where_it_is_gone)
{
	small_machine();
	cr_expect_gt(read_by_mapping(MAPPING), 6000, "more of it is gone than fits");
	cr_expect_eq(replayed_number("select sum(failed) from op_stats"), 0);
	cr_expect_gt(read_by_mapping(MAPPING_6_18), 6000, "newer kernels ask for tables with another mask");
	cr_expect_eq(read_by_mapping(HEAP_BETWEEN), 0, "the tables are for the anonymous pages");
	cr_expect_eq(read_by_mapping(FORK), 0, "the tables are copies");
	cr_expect_eq(read_by_mapping(TOO_FEW), 0, "of a program and its libraries");
	cr_expect_eq(read_by_mapping(GIVEN_BACK), 0,
		"faults that took two tables of three in vain, or ranges that are unmapped: 13 are left");
	cr_expect_eq(read_by_mapping(KSWAPD), 0, "the recording has what was read again");
	run_write("m.yaml", "kmemsim: 1\nname: m\nmemory: 256 MiB\ncpus: 1\nreclaim: {refault: auto}\n");
	cr_expect_eq(read_by_mapping(MAPPING), 0, "all of it is there");
}

/* Of 40000 pages 22000 were used again; 19968 of them a task maps, and touches itself. */
Test(page_cache, what_is_used_again_through_a_mapping_counts_once)
{
	struct recording r = begin();
	struct run_result result;

	small_machine();
	states_beside(18000, 22000);
	take(&r, 1, READ_PAGES, 40000);
	take(&r, 2, TABLE, 39);
	take(&r, 3, HEAP_PAGE, 100);
	end(&r, "");
	result = run_shell("$K info t.kmt --json");
	cr_expect_eq(run_number(result.out, "mapped_pages"), 39 * 512, "%s", result.out);
	run_free(&result);
	result = run_shell("$K replay t.kmt -m m.yaml --json");
	cr_expect_eq(run_number(result.out, "refault_percent"), 10, "%s", result.out);
	cr_expect_eq(run_number(result.out, "written_refault_percent"), 82, "%s", result.out);
	run_free(&result);
}

/*
 * What it reads itself while it takes its tables is what it
 * maps: it is there, and the file that others wrote is not read.
 */
Test(page_cache, a_task_that_reads_what_it_maps_maps_that)
{
	struct recording r = begin();

	small_machine();
	take(&r, 1, FILE_PAGES, 20000);
	for (int i = 0; i < 40; i++) {
		take(&r, 2, TABLE, 1);
		take(&r, 2, READ_PAGES, 100);
	}
	end(&r, "--states none");
	replay_with("reclaim.refault=auto");
	cr_expect_lt(replayed_counter("refaults_of_mappings"), 2000, "%.0f", replayed_counter("refaults_of_mappings"));
}

/*
 * What a task wrote and removed again is no file that can be
 * mapped, however much it was; the slots have other pages by then.
 */
Test(page_cache, files_that_were_removed_are_not_mapped)
{
	struct recording r = begin();

	small_machine();
	for (int i = 0; i < 200; i++) {
		take(&r, 5, FILE_PAGES, 200);
		give(&r, 5, 200);
	}
	take(&r, 1, FILE_PAGES, 20000);
	for (int i = 0; i < 39; i++)
		take(&r, 2, TABLE, 1);
	take(&r, 3, HEAP_PAGE, 100);
	end(&r, "--states none");
	run_ok("rm -f r.db; $K replay t.kmt -m m.yaml --check=1000 -o r.db --quiet");
	cr_expect_gt(replayed_counter("refaults_of_mappings"), 6000, "%.0f: of the file that is there",
		replayed_counter("refaults_of_mappings"));
}

/* Page tables that are older than the recording are of many tasks and in no order. */
Test(page_cache, tables_that_were_there_before_map_nothing)
{
	struct recording r = begin();
	struct run_result result;

	small_machine();
	had(&r, FILE_PAGES, 9000);
	had(&r, TABLE, 40);
	take(&r, 1, FILE_PAGES, 20000);
	end(&r, "--states none");
	result = run_shell("$K replay t.kmt -m m.yaml --json");
	cr_expect_not_null(strstr(result.out, "\"mappings\": 0,"), "%s", result.out);
	run_free(&result);
}

/*
 * With larger pages a table is of more of them: here 2048, so
 * that all of the file is mapped, and not a quarter that fits.
 */
Test(page_cache, a_table_maps_as_many_pages_as_it_has_entries)
{
	struct recording r = begin_with(16384);

	run_write("m.yaml",
		"kmemsim: 1\nname: m\nmemory: 256 MiB\ncpus: 1\npage_size: 16 KiB\nzones: {dma: none}\nreclaim: {refault: auto}\n");
	take(&r, 1, FILE_PAGES, 30000);
	take(&r, 2, TABLE, 16);
	take(&r, 3, HEAP_PAGE, 100);
	end(&r, "--states none");
	replay_with("reclaim.refault=auto");
	cr_expect_gt(replayed_counter("refaults_of_mappings"), 30000 - 16384, "%.0f",
		replayed_counter("refaults_of_mappings"));
}

/*
 * A file of 80 MB that is mapped, used and unmapped, with time to
 * spare, so many times. Return: pages that this has read again.
 */
static double read_by_rounds(int rounds)
{
	struct recording r = begin();

	take(&r, 1, FILE_PAGES, 20000);
	for (; rounds; rounds--) {
		for (int i = 0; i < 39; i++)
			take(&r, 2, TABLE, 1);
		r.time_ns += 100000000000;
		give(&r, 2, 39);
	}
	end(&r, "--states none");
	replay_with("reclaim.refault=auto");
	return replayed_counter("refaults_of_mappings");
}

Test(page_cache, a_file_that_is_mapped_again_is_used_again)
{
	double once, thrice;

	small_machine();
	once = read_by_rounds(1);
	thrice = read_by_rounds(3);
	cr_assert_gt(once, 6000);
	cr_expect_gt(thrice, 2.5 * once, "%.0f, once %.0f", thrice, once);
}

/*
 * The run goes on until all is touched that a recording ends with: a
 * reader at its end is not cut off, and the same with each replay.
 */
Test(page_cache, a_run_ends_when_all_that_is_mapped_has_been_touched)
{
	double end_ns;

	small_machine();
	cr_assert_gt(read_by_mapping(MAPPING), 6000);
	end_ns = replayed_number("select max(time_ns) from samples");
	cr_expect_gt(end_ns, 1000000.0 * (20000 + 39 + 100) * 0.05 + 100e6, "reading takes time after the last event");
	cr_expect_lt(replayed_counter("waited_for_reading"),
		100e3 * (replayed_counter("workingset_refault_file") - replayed_counter("refaults_of_mappings")),
		"nothing comes later");
	run_ok("$K replay t.kmt -m m.yaml --seed 7 > one; $K replay t.kmt -m m.yaml --seed 7 > two; grep fingerprint one > a; grep fingerprint two > b; cmp a b");
}

/* What a reader waits for, what comes later in the recording waits for, too: a page of 80 us each. */
Test(page_cache, what_comes_after_a_mapping_waits_until_it_has_been_read)
{
	struct recording r = begin();
	double waited;

	small_machine();
	take(&r, 1, FILE_PAGES, 20000);
	take(&r, 2, TABLE, 39);
	take(&r, 3, HEAP_PAGE, 4000);
	end(&r, "--states none");
	replay_with("name=waits");
	waited = replayed_counter("waited_for_reading");
	cr_expect_gt(waited, 0.9 * 80e3 * replayed_counter("refaults_of_mappings"), "%.0f ns", waited);
	cr_expect_gt(replayed_number("select max(time_ns) from samples"),
		1e6 * (20000 + 39 + 4000) * 0.05 + 0.9 * waited);
	run_ok("$K replay t.kmt -m m.yaml --pace think -q; $K replay t.kmt -m m.yaml --pace asap -q");
	run_write("m.yaml", "kmemsim: 1\nname: m\nmemory: 256 MiB\ncpus: 1\nreclaim: {refault: auto}\n");
	replay_with("name=waits_not");
	cr_expect_eq(replayed_counter("waited_for_reading"), 0, "all is there");
}

#define READ      40000 /* pages, in memory for a third of them */
#define STAYS     20000 /* pages that are read until the task frees one: more than unused ones stay for */
#define BY_MAPPER(n) ((n) / 32 % 4 == 0)

/** Of a recording that reclaimed. */
struct used {
	double share; /* of the pages that are gone, how often reclaim found one used */
	double gone;  /* of the pages that one task reads, before it frees them */
};

/* That task takes page tables, and reads a quarter of all file pages; another reads the others. */
static struct used used_by_mapping(enum shown shown)
{
	struct recording r = begin();
	static unsigned int id[READ];
	double freed = (READ - STAYS) / 4, stolen;
	unsigned int tables;
	struct used used;

	kswapd_lives(&r);
	tables = r.id + 1;
	for (int i = 0; i < 20; i++) {
		take(&r, 2, TABLE, 1);
		if (shown == HEAP_BETWEEN)
			take(&r, 2, HEAP_PAGE, 1);
	}
	for (int n = 0; n < READ; n++) {
		take(&r, BY_MAPPER(n) ? 2 : 3, READ_PAGES, 1);
		id[n] = r.id;
		if (n >= STAYS && BY_MAPPER(n - STAYS))
			give_back(&r, 2, id[n - STAYS]);
		if (shown == GIVEN_BACK && n < 20)
			give_back(&r, 2, tables + (unsigned int)n);
	}
	end(&r, "--states none");
	replay_with("reclaim.mapped=25");
	stolen = replayed_counter("pgsteal_file");
	used.gone = replayed_counter("frees_of_reclaimed") / freed;
	used.share = (replayed_counter("pgscan_file") - stolen) / (stolen + freed * (1 - used.gone));
	return used;
}

/* The share that the machine says is kept by whoever has it. */
Test(page_cache, in_a_recording_that_reclaimed_tasks_that_map_files_use_them)
{
	struct used mapping, heap, unmapped;

	run_write("m.yaml",
		"kmemsim: 1\nname: m\nmemory: 64 MiB\ncpus: 1\nzones: {dma: none}\nreclaim: {refault: 0}\n");
	mapping = used_by_mapping(MAPPING);
	cr_expect(mapping.share > 0.2 && mapping.share < 0.3, "%.2f", mapping.share);
	cr_expect_lt(mapping.gone, 0.15, "%.2f of those that are mapped", mapping.gone);
	heap = used_by_mapping(HEAP_BETWEEN);
	cr_expect(heap.share > 0.2 && heap.share < 0.3, "%.2f where nobody maps", heap.share);
	cr_expect_gt(heap.gone, 0.65, "%.2f where nobody maps", heap.gone);
	unmapped = used_by_mapping(GIVEN_BACK);
	cr_expect(unmapped.share > 0.2 && unmapped.share < 0.3, "%.2f of what is unmapped", unmapped.share);
	cr_expect_gt(unmapped.gone, 0.65, "%.2f of what is unmapped", unmapped.gone);
}

#define KEPT   3000 /* pages, the oldest ones */
#define ROUNDS 24

/*
 * A task reads KEPT pages and frees them in the end, another one 1000 in each round, of which the
 * recording's kswapd has taken those of two rounds ago. Return: how many of the KEPT are gone by then.
 */
static double kept_gone(void)
{
	struct recording r = begin();

	take(&r, 1, READ_PAGES, KEPT);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		take(&r, 2, READ_PAGES, 1000);
		for (unsigned int i = 0; round >= 2 && i < 1000; i++)
			fprintf(r.file,
				"{\"time_ns\": %llu, \"pid\": 9, \"comm\": \"kswapd0\", \"event\": \"free_pages\", \"id\": %u,"
				" \"reclaim\": true}\n",
				r.time_ns += 1000, KEPT + (round - 2) * 1000 + i + 1);
	}
	for (unsigned int id = KEPT; id > 0; id--)
		give_back(&r, 1, id);
	end(&r, "--states none");
	replay_with("reclaim.mapped=25");
	cr_assert_gt(replayed_counter("pgsteal_file"), 8000, "memory must be short");
	return replayed_counter("frees_of_reclaimed");
}

/* To the oldest pages reclaim comes first. On a machine that is too small even for them they go. */
Test(page_cache, what_the_recordings_reclaim_left_alone_is_in_use)
{
	small_machine();
	cr_expect_leq(kept_gone(), KEPT / 100);
	run_write("m.yaml", MACHINE("12 MiB"));
	cr_expect_gt(kept_gone(), KEPT / 2);
}

/*
 * Pages that the model looks at until it takes one, of 20000 in a recording of a machine with more memory, of which
 * @comm took the first ten. Reclaim has come by no page that came later.
 */
static double looks(const char *comm)
{
	struct recording r = begin();

	take(&r, 1, READ_PAGES, 20000);
	for (unsigned int id = 1; id <= 10; id++)
		fprintf(r.file,
			"{\"time_ns\": %llu, \"pid\": 9, \"comm\": \"%s\", \"event\": \"free_pages\", \"id\": %u,"
			" \"reclaim\": true}\n",
			r.time_ns += 1000, comm, id);
	end(&r, "--states none");
	tiny_machine();
	replay_with("reclaim.mapped=25");
	return replayed_counter("pgscan_file") / replayed_counter("pgsteal_file");
}

Test(page_cache, what_the_recordings_reclaim_never_came_by_is_not_taken_for_used)
{
	cr_expect_lt(looks("kswapd0"), 2.5);
	cr_expect_lt(looks("kcompactd0"), 2.5);
}

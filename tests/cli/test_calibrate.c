/* kmemsim calibrate: costs that are known come out of durations that were made of them. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cli/run.h"

/* A step's column of the printed table: 1 before, 2 after, 3 calls. Fails when it has no row. */
static double column(const char *table, const char *step, int number)
{
	size_t len = strlen(step);
	double values[3] = { 0 };

	for (const char *line = table; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, step, len) && line[len] == ' ' &&
			sscanf(line + len, "%lf %lf %lf", &values[0], &values[1], &values[2]) == 3)
			return values[number - 1];
		if (!*line)
			break;
	}
	cr_assert_fail("no row of %s in\n%s", step, table);
	return 0;
}

static void expect_near(const char *table, const char *step, double truth)
{
	double fitted = column(table, step, 2);

	cr_assert(fitted > 0.9 * truth && fitted < 1.1 * truth, "%s: %.0f, not %.0f\n%s", step, fitted, truth, table);
}

/* Sums of twelve uniform numbers are nearly normal: a tenth of @ns is one deviation. */
static double noisy(double ns, uint64_t *state)
{
	double sum = -6;

	for (int i = 0; i < 12; i++) {
		*state = *state * 6364136223846793005ull + 1442695040888963407ull;
		sum += (double)(*state >> 33) / (double)(1ull << 31);
	}
	return ns * (1 + 0.1 * sum);
}

/* Costs of a machine that is no profile's multiple, and the longer ways that hide among fast ones. */
static void write_measured(const char *name)
{
	static const unsigned int pages[] = { 1, 4, 16, 64, 300 };
	FILE *out = fopen(name, "w");
	uint64_t seed = 5;

	fprintf(out, "# measured somewhere\nop,duration_ns,size,order,path\n");
	for (unsigned int i = 0; i < 2000; i++) {
		unsigned int kib = 1u << i % 4, nr = pages[i % 5];

		fprintf(out, "kmem_cache_alloc,%.1f,,,\n", noisy(i % 5 ? 31 : 900, &seed));
		fprintf(out, "kfree,%.1f,,,\n", noisy(i % 10 < 7 ? 22 : 100, &seed));
		fprintf(out, "kfree,%.1f,,,slow\n", noisy(140, &seed));
		fprintf(out, "__alloc_pages,%.1f,,0,\n", noisy(i % 10 ? 110 : 3000, &seed));
		fprintf(out, "__alloc_pages,%.1f,,%u,\n", noisy(420 + 55, &seed), 4 + i % 3);
		fprintf(out, "page_buddy,%.1f,,,page_buddy+%u*page_split_merge+zone_lock\n",
			noisy(420 + 55 + 40 * (i % 7), &seed), i % 7);
		fprintf(out, "kzalloc,%.1f,%u KiB,,\n", noisy(31 + 95 * kib, &seed), kib);
		fprintf(out, "vmalloc,%.1f,%u,,\n", noisy(2600 + 52 + nr * (310 + 110), &seed), nr * 4096);
		fprintf(out, "kmalloc,%.1f,65536,,\n", noisy(260 + 420 + 55, &seed));
		fprintf(out, "ioremap,%.1f,,,\n", noisy(9000, &seed));
		if (i % 100 == 0)
			fprintf(out, "kfree,soon,,,\nfrobnicate,12,,,\nkfree,12\nkfree,12,,,sideways\n");
	}
	fclose(out);
}

static void expect_truth(const char *table)
{
	static const struct {
		const char *step;
		double ns;
	} truth[] = {
		{ "slab_alloc_fast", 31 }, { "slab_free_fast", 22 }, { "slab_free_slow", 140 }, { "page_pcp", 110 },
		{ "page_buddy", 420 }, { "page_split_merge", 40 }, { "zero_kib", 95 }, { "vmalloc", 2600 },
		{ "vmalloc_page", 310 }, { "kmalloc_large", 260 }, { "ioremap", 9000 },
	};

	for (size_t i = 0; i < sizeof(truth) / sizeof(truth[0]); i++)
		expect_near(table, truth[i].step, truth[i].ns);
}

Test(calibrate, known_costs_are_recovered_within_a_tenth_through_noise, .init = run_enter, .fini = run_leave)
{
	struct run_result run;

	write_measured("m.csv");
	run = run_shell("$K calibrate m.csv -o fitted.yaml");
	cr_assert_eq(run.status, 0, "%s", run.err);
	expect_truth(run.out);
	cr_assert(strstr(run.out, "steps could not be determined"), "%s", run.out);
	run_free(&run);
}

/* What the table is before matters only for what the durations leave open. */
Test(calibrate, another_profile_to_begin_with_gives_the_same, .init = run_enter, .fini = run_leave)
{
	struct run_result run;

	write_measured("m.csv");
	run = run_shell("$K calibrate m.csv --set latency.profile=embedded-a53");
	cr_assert_eq(run.status, 0, "%s", run.err);
	expect_truth(run.out);
	run_free(&run);
}

/*
 * Two ways of one call: what is usual is where durations are
 * densest, unless it is said to be one way, or there are too few.
 */
Test(calibrate, the_usual_way_is_where_durations_are_densest, .init = run_enter, .fini = run_leave)
{
	FILE *out = fopen("ways.csv", "w");
	struct run_result run;

	fprintf(out, "op,duration_ns,size,order,path\n");
	for (int i = 0; i < 100; i++) {
		int ns = i < 40 ? 20 : 200 + 10 * (i - 40);

		fprintf(out, "kfree,%d,,,\nkmem_cache_alloc,%d,,,fast\n", ns, ns);
		if (i < 9)
			fprintf(out, "__alloc_pages,%d,,0,\n", i < 4 ? 10 : 500 + 100 * (i - 4));
	}
	fclose(out);
	run = run_shell("$K calibrate ways.csv");
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(column(run.out, "slab_free_fast", 2), 20, "%s", run.out);
	cr_expect_eq(column(run.out, "slab_alloc_fast", 2), 295, "the median of 290 and 300");
	cr_expect_eq(column(run.out, "page_pcp", 2), 500, "of nine the fifth");
	run_free(&run);
}

/* No step costs less than nothing: what remains is fitted anew, a mean of both equations. */
Test(calibrate, a_step_that_would_cost_less_than_nothing_costs_nothing, .init = run_enter, .fini = run_leave)
{
	struct run_result run;

	run_write("m.csv",
		"op,duration_ns,size,order,path\npage_buddy,100,,,page_buddy\npage_buddy,60,,,page_buddy+zone_lock\n");
	run = run_shell("$K calibrate m.csv");
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(column(run.out, "zone_lock", 2), 0, "%s", run.out);
	cr_expect(column(run.out, "page_buddy", 2) > 62 && column(run.out, "page_buddy", 2) < 95, "%s", run.out);
	run_free(&run);
}

/* A call whose way is not known tells no step's cost. */
Test(calibrate, calls_of_unknown_ways_are_counted_by_reason, .init = run_enter, .fini = run_leave)
{
	static const char *const reasons[] = { "1  duration is not above what measuring adds",
		"1  cleared object of unknown size", "1  path is neither fast, slow, zero nor steps joined by +" };
	struct run_result run;

	run_write("m.csv",
		"op,duration_ns,size,order,path\nkfree,20,,,\nkfree,50,,,\nkzalloc,90,,,\npage_buddy,90,,,3xpage_buddy\n");
	run = run_shell("$K calibrate m.csv --overhead '20 ns'");
	cr_assert_eq(run.status, 0, "%s", run.err);
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		cr_expect(strstr(run.err, reasons[i]), "%s is not in\n%s", reasons[i], run.err);
	cr_expect_eq(column(run.out, "slab_free_fast", 2), 30);
	run_free(&run);
	run_write("graph.txt", " 0)   0.300 us    |  kfree();\n 0)               |  kmem_cache_alloc() {\n"
		" 0)               |    /* mm_page_alloc: page=0000000012345678 pfn=0x1234 order=1 migratetype=0 gfp_flags=GFP_KERNEL */\n"
		" 0)   0.900 us    |  }\n");
	run = run_shell("$K calibrate graph.txt");
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_expect(strstr(run.err, "1  object whose call took pages: its way is not known"), "%s", run.err);
	run_free(&run);
}

Test(calibrate, lines_that_cannot_be_used_are_counted_by_reason, .init = run_enter, .fini = run_leave)
{
	static const char *const reasons[] = { "80 lines could not be used",
		"20  duration_ns is no number of nanoseconds", "20  op is neither a known function nor a step",
		"20  a line with another number of fields than the first",
		"20  path is neither fast, slow, zero nor steps joined by +" };
	struct run_result run;

	write_measured("m.csv");
	run = run_shell("$K calibrate m.csv");
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		cr_assert(strstr(run.err, reasons[i]), "%s is not in\n%s", reasons[i], run.err);
	run_free(&run);
}

Test(calibrate, the_written_machine_has_the_fitted_costs_and_calibrates_to_itself, .init = run_enter, .fini = run_leave)
{
	struct run_result run;

	write_measured("m.csv");
	run = run_shell("$K calibrate m.csv -q -o fitted.yaml && $K calibrate m.csv -m fitted.yaml");
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert(strstr(run.out, "median 1.00 times"), "%s", run.out);
	cr_assert_eq(column(run.out, "slab_alloc_fast", 1), column(run.out, "slab_alloc_fast", 2));
	run_free(&run);
	run = run_shell("grep -c 'slab_discard: [5-9][0-9][0-9] ns' fitted.yaml; grep port_isa fitted.yaml");
	cr_assert_str_eq(run.out, "1\n  port_isa: 1000 ns\n", "scaled by the median, devices not: %s", run.out);
	run_free(&run);
}

Test(calibrate, function_graph_tells_size_and_clearing_by_the_events_inside, .init = run_enter, .fini = run_leave)
{
	struct run_result run;

	run_write("graph.txt",
		"# tracer: function_graph\n#\n# CPU  DURATION                  FUNCTION CALLS\n"
		" 0)               |  __kmalloc() {\n 0)   0.120 us    |    kmalloc_slab();\n"
		" 0)               |    /* kmalloc: call_site=x+0x1/0x2 ptr=0000000012345678 bytes_req=2048 bytes_alloc=2048 "
		"gfp_flags=GFP_KERNEL|__GFP_ZERO node=-1 accounted=false */\n"
		" 0)   0.500 us    |  }\n ------------------------------------------\n 0)  bash-12    =>   sh-13\n"
		" ------------------------------------------\n\n"
		" 1)   0.300 us    |  kfree();\n 1) bash-1234  |   0.300 us    |  kfree();\n 1)   0.040 us    |  kmem_cache_alloc();\n"
		" 0) + 12.000 us   |  __ioremap_caller(x=1);\n");
	run = run_shell("$K calibrate graph.txt");
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert_eq(column(run.out, "slab_free_fast", 2), 300);
	cr_assert_eq(column(run.out, "slab_alloc_fast", 2), 40);
	cr_assert_eq(column(run.out, "zero_kib", 2), 230, "(500 - 40) / 2 KiB\n%s", run.out);
	cr_assert_eq(column(run.out, "ioremap", 2), 12000);
	cr_assert(strstr(run.err, "1  call of a function that is no step"), "%s", run.err);
	run_free(&run);
}

/*
 * What options of the tracer print in front of the duration, behind
 * the name and in the parentheses; trace_pipe has no header.
 */
Test(calibrate, function_graph_is_read_with_any_of_its_options, .init = run_enter, .fini = run_leave)
{
	static const struct {
		const char *option, *lines;
	} cases[] = {
		{ "none",
			" 0)   0.300 us    |  kfree();\n 1)               |  kfree() {\n 1)   0.010 us    |    f [mod]();\n 1)               |"
			"    g [mod]() {\n 1)   0.100 us    |    }\n 1)   0.300 us    |  }\n" },
		{ "proc",
			" 0)    bash-12    |   0.300 us    |  kfree();\n 1)   a-3     |               |  kfree() {\n 1)   a-3     | + 0.300 us   |  }\n" },
		{ "abstime",
			" 12.000001 |   0)   0.300 us    |  kfree();\n 12.000002 |   1) ! 0.300 us   |  kfree();\n" },
		{ "latency-format", " 0)  d..1.  0.300 us    |  kfree();\n 1)  d.h2.  0.300 us    |  kfree();\n" },
		{ "all of these",
			" 12.000001 |   0)    bash-12   |  d..1.  0.300 us    |  kfree();\n 12.000002 |   1)   a-3   |  .....  0.300 us |  kfree();\n" },
		{ "irqs",
			" 0)               |  kfree() {\n 0)   ==========> |\n 0)   0.100 us    |    f();\n 0)   <========== |\n"
			" 0)   0.300 us    |  }\n 0)   0.300 us    |  kfree();\n" },
		{ "tail, retval",
			" 0)   0.300 us    |  kfree(); /* = 0x0 */\n 1)               |  kfree() {\n 1)   0.300 us   |  } /* kfree ret=0x5 */\n" },
		{ "args",
			" 0)   0.300 us    |  kfree(object=0xffff888003c0f000);\n 1)               |  kfree(object=0x0) { /* <-f */\n 1)   0.300 us   |  }\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct run_result run;

		run_write("graph.txt", cases[i].lines);
		run = run_shell("$K calibrate graph.txt");
		cr_assert_eq(run.status, 0, "%s: %s", cases[i].option, run.err);
		cr_expect_eq(column(run.out, "slab_free_fast", 2), 300, "%s", cases[i].option);
		cr_expect_eq(column(run.out, "slab_free_fast", 3), 2, "%s", cases[i].option);
		cr_expect_not(strstr(run.err, "could not be used"), "%s: %s", cases[i].option, run.err);
		run_free(&run);
	}
	run_write("graph.txt",
		" 0)   0.300 us    |  kfree(object=0x1);\n 0)   0.030 us    |  kmem_cache_alloc_noprof(s=0x1, gfpflags=0xcc0);\n"
		" 0)   0.430 us    |  __kmalloc_noprof(size=0x1000, flags=0xdc0);\n 0)   2.000 us    |  __alloc_pages_noprof(gfp=0xcc0, order=0x5);\n");
	struct run_result run = run_shell("$K calibrate graph.txt");
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(column(run.out, "zero_kib", 2), 100, "(430 - 30) / 4 KiB, of the arguments\n%s", run.out);
	cr_expect_eq(column(run.out, "page_buddy", 2) + column(run.out, "zone_lock", 2), 2000);
	run_free(&run);
}

/* As trace-cmd prints it; calls of two tasks on one CPU do not mix. */
Test(calibrate, durations_that_cannot_be_are_counted_and_not_used, .init = run_enter, .fini = run_leave)
{
	run_write("graph.txt",
		" 0)   0.300 us    |  kfree();\n 0)  -5.000 us    |  kfree();\n 0) 1234567890123456789 us |  kfree();\n"
		" 0)   1.2.3 us    |  kfree();\n 0)               |  kfree() {\n 0) -0.900 us    |  }\n 0)   0.300 us    |  kfree();\n");

	struct run_result run = run_shell("$K calibrate graph.txt");

	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_expect_not_null(strstr(run.out, "2 calls of 1 kinds"), "%s", run.out);
	cr_expect_not_null(strstr(run.err, "4  duration is negative, or no number of up to eleven days"), "%s",
		run.err);
	run_free(&run);
}

Test(calibrate, records_of_function_graph_and_probe_pairs_go_by_task, .init = run_enter, .fini = run_leave)
{
	struct run_result run;

	run_write("report.txt",
		"cpus=1\n"
		"  a-100   [000]    10.000001: funcgraph_entry:                   |  __kmalloc() {\n"
		"  b-200   [000]    10.000002: funcgraph_entry:        0.050 us   |    kfree();\n"
		"  b-200   [000]    10.000002: ioremap: (x) phys=0xfe000000 size=4096 pcm=0\n"
		"  a-100   [000]    10.000003: funcgraph_exit:         0.900 us   |  }\n"
		"  a-100   [000]    10.000004: ioremap: (x) phys=0xfe001000 size=4096 pcm=0\n"
		"  a-100   [000]    10.000005: __alloc_pages: (__alloc_pages+0x0) gfp=0xcc0 order=5\n"
		"  a-100   [000]    10.000007: __alloc_pages__return: (x+0x3 <- __alloc_pages)\n"
		"  b-200   [000]    10.000009: ioremap_ret: (x) addr=0xffffc90000000000\n"
		"  a-100   [000]    10.000011: ioremap_ret: (x) addr=0xffffc90000002000\n");
	run = run_shell("$K calibrate report.txt --overhead '20 ns'");
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert_eq(column(run.out, "slab_free_fast", 2), 30);
	cr_assert_eq(column(run.out, "slab_alloc_fast", 2), 880);
	cr_assert_eq(column(run.out, "ioremap", 2), 6980);
	cr_assert_eq(column(run.out, "ioremap", 3), 2);
	cr_assert_eq(column(run.out, "page_buddy", 2) + column(run.out, "zone_lock", 2), 1980);
	run_free(&run);
	run = run_shell("$K import report.txt -o r.kmt && $K info r.kmt");
	cr_assert_eq(run.status, 0, "the import takes no offence: %s", run.err);
	cr_assert(strstr(run.out, "function_graph tracer"), "%s", run.out);
	run_free(&run);
}

/* A moment of reclaim.txt. */
static void write_event(FILE *out, uint64_t ns, const char *task, unsigned int cpu, const char *event)
{
	fprintf(out, "  %s   [%03u]   %u.%09u: %s\n", task, cpu, (unsigned int)(ns / 1000000000),
		(unsigned int)(ns % 1000000000), event);
}

static void write_batch(FILE *out, uint64_t ns, const char *task, unsigned int scanned, unsigned int reclaimed)
{
	char event[160];

	snprintf(event, sizeof(event),
		"mm_vmscan_lru_shrink_inactive: nid=0 nr_scanned=%u nr_reclaimed=%u nr_dirty=0 nr_writeback=0 "
		"priority=12 flags=RECLAIM_WB_FILE",
		scanned, reclaimed);
	write_event(out, ns, task, 0, event);
}

/*
 * kswapd is woken, runs 70 us later, and does batches of 20 us, 400 ns for each page looked at and 3 us for each
 * reclaimed. Batches in which it wrote, and after which another task had the CPU, take ten times as long, and tell
 * nothing. Woken on another CPU, which is idle, it runs 700 us later.
 */
static void write_reclaim(const char *name)
{
	FILE *out = fopen(name, "w");
	uint64_t now = 1000000000;

	for (unsigned int i = 0; i < 300; i++) {
		bool other_cpu = i % 5 == 4;

		write_event(out, now, "cc-7", other_cpu, "mm_vmscan_wakeup_kswapd: nid=0 order=0 gfp_flags=GFP_KERNEL");
		now += other_cpu ? 700000 : 70000;
		write_event(out, now, "kswapd0-31", 0, "mm_vmscan_kswapd_wake: nid=0 order=0");
		now += 500000; /* it begins */
		write_batch(out, now, "kswapd0-31", 32, 32);
		for (unsigned int batch = 0; batch < 8; batch++) {
			unsigned int scanned = 1 + (5 * batch + 11 * i) % 32, reclaimed = batch % 3 ? scanned : 0;
			uint64_t took = 20000 + 400 * scanned + 3000 * reclaimed;

			write_event(out, now + 1000, "kswapd0-31", 0, "mm_page_free: page=0x1 pfn=0x100 order=0");
			if (batch == 3)
				write_event(out, now + 2000, "kswapd0-31", 0,
					"mm_vmscan_write_folio: page=0x1 pfn=0x101 RECLAIM_WB_ANON");
			if (batch == 5)
				write_event(out, now + 3000, "cc-7", 0, "kfree: call_site=f+0x1/0x2 ptr=0x10");
			now += batch == 3 || batch == 5 ? 10 * took : took;
			write_batch(out, now, "kswapd0-31", scanned, reclaimed);
		}
		write_event(out, now + 1000, "kswapd0-31", 0, "mm_vmscan_kswapd_sleep: nid=0");
		now += 4000000;
	}
	fclose(out);
}

Test(calibrate, the_pace_of_reclaim_is_told_by_its_own_events, .init = run_enter, .fini = run_leave)
{
	struct run_result run;

	write_reclaim("reclaim.txt");
	run = run_shell("$K calibrate reclaim.txt");
	cr_assert_eq(run.status, 0, "%s", run.err);
	expect_near(run.out, "lru_batch", 20000);
	expect_near(run.out, "lru_scan", 400);
	expect_near(run.out, "reclaim_page", 3000);
	cr_expect_eq(column(run.out, "wake_up", 2), 70000, "%s", run.out);
	cr_expect_eq(column(run.out, "wake_idle", 2), 630000, "%s", run.out);
	cr_expect_eq(column(run.out, "wake_idle", 3), 60, "those of another CPU");
	cr_expect_eq(column(run.out, "lru_batch", 3), 300 * 6, "those between which nothing else was done");
	run_free(&run);
}

/* Of 60 wake-ups on an idle CPU none is told: they are too few. */
Test(calibrate, import_keeps_the_pace_of_reclaim, .init = run_enter, .fini = run_leave)
{
	static const char told[] =
		"\"reclaim_pace\": { \"reclaim_page\": 3000, \"lru_batch\": 20000, \"lru_scan\": 400, \"wake_up\": 70000 }";
	struct run_result run;

	write_reclaim("reclaim.txt");
	run_ok("$K import reclaim.txt -o r.kmt -q && $K cat r.kmt --format jsonl > r.jsonl && $K import r.jsonl -o again.kmt -q");
	for (int i = 0; i < 2; i++) {
		run = run_shell("$K info %s --json | tr -d '\\n' | sed 's/  */ /g'", i ? "again.kmt" : "r.kmt");
		cr_expect(strstr(run.out, told), "%s", run.out);
		run_free(&run);
	}
	run = run_shell("$K info r.kmt");
	cr_expect(
		strstr(run.out,
			"reclaim         reclaim_page 3000 ns, lru_batch 20000 ns, lru_scan 400 ns, wake_up 70000 ns\n"),
		"%s", run.out);
	run_free(&run);
}

Test(calibrate, only_the_steps_asked_for_are_fitted, .init = run_enter, .fini = run_leave)
{
	struct run_result run;

	write_measured("m.csv");
	run = run_shell("$K calibrate m.csv --only 'slab_free_*,ioremap' -o fitted.yaml");
	cr_assert_eq(run.status, 0, "%s", run.err);
	expect_near(run.out, "slab_free_fast", 22);
	expect_near(run.out, "slab_free_slow", 140);
	expect_near(run.out, "ioremap", 9000);
	cr_expect(strstr(run.out, "All other steps are as they were."), "%s", run.out);
	run_free(&run);
	run = run_shell("grep -E ' (slab_alloc_fast|slab_discard|page_pcp|vmalloc):' fitted.yaml");
	cr_expect_str_eq(run.out,
		"  slab_alloc_fast: 12 ns\n  slab_discard: 250 ns\n  page_pcp: 40 ns\n  vmalloc: 1000 ns\n");
	run_free(&run);
	run = run_shell("$K calibrate m.csv --only slab_free_slow,slab_fre_fast");
	cr_expect_eq(run.status, 2);
	cr_expect(strstr(run.err, "no step is called \"slab_fre_fast\"; did you mean \"slab_free_fast\"?"), "%s",
		run.err);
	run_free(&run);
}

/* Importing makes nothing of them, and says so. */
Test(calibrate, events_of_reclaim_leave_an_import_as_it_is, .init = run_enter, .fini = run_leave)
{
	struct run_result run;

	write_reclaim("reclaim.txt");
	run_ok("grep -v mm_vmscan reclaim.txt > without.txt; for f in reclaim without; do $K import $f.txt -o $f.kmt -q; "
	       "$K cat $f.kmt --format csv | grep -v '^#' > $f.csv; done");
	run = run_shell("cmp reclaim.csv without.csv && grep -c kfree reclaim.csv && $K info reclaim.kmt");
	cr_assert_eq(run.status, 0, "%s%s", run.out, run.err);
	cr_expect_eq(strtol(run.out, NULL, 10), 300);
	cr_expect(strstr(run.out, "tells how fast reclaim is, and is no request"), "%s", run.out);
	run_free(&run);
}

Test(calibrate, what_holds_no_durations_is_refused, .init = run_enter, .fini = run_leave)
{
	struct run_result run;

	run_write("empty.csv", "op,duration_ns\n");
	run = run_shell("$K calibrate empty.csv");
	cr_assert_eq(run.status, 2, "%s", run.err);
	cr_assert(strstr(run.err, "empty.csv: no call in it tells what a step costs"), "%s", run.err);
	run_free(&run);
	run_write("half.csv", "duration_ns,size\n1,2\n");
	run = run_shell("$K calibrate half.csv");
	cr_assert_eq(run.status, 2, "%s", run.err);
	cr_assert(strstr(run.err, "half.csv: expected the columns op and duration_ns"), "%s", run.err);
	run_free(&run);
	run_write("us.csv", "op,duration_us\nkfree,0.1\n");
	run = run_shell("$K calibrate us.csv");
	cr_assert_eq(run.status, 2, "%s", run.err);
	cr_assert(strstr(run.err, "a table with the columns op and duration_ns is read"), "%s", run.err);
	run_free(&run);
	run_write("note.txt", "hello\n");
	run = run_shell("$K calibrate note.txt; $K calibrate; $K calibrate nowhere.csv");
	cr_assert(strstr(run.err, "a SOURCE is missing"), "%s", run.err);
	run_free(&run);
}

/* The probes of the drivers' recording are on entry and return; its text says the same as its trace.dat. */
Test(calibrate, probe_pairs_of_a_recording_determine_what_they_are_on, .init = run_enter, .fini = run_leave,
	.timeout = 120)
{
	const char *shared = run_shared();
	struct run_result run;

	if (!shared)
		cr_skip_test("no captures");
	run = run_shell("$K calibrate %s/captures/E-drivers/trace.dat", shared);
	if (run.status && strstr(run.err, "without libtracecmd"))
		cr_skip_test("built without libtracecmd");
	cr_assert_eq(run.status, 0, "%s", run.err);
	cr_assert_eq(column(run.out, "slab_new", 3), 2499, "each slab_grow_ret has its slab_grow");
	cr_assert_eq(column(run.out, "cache_create", 3), 144);
	cr_assert_eq(column(run.out, "ioremap", 3), 41);
	cr_assert_eq(column(run.out, "region_request", 3), 57);
	cr_assert_gt(column(run.out, "cache_create", 2), column(run.out, "region_request", 2));
	run_free(&run);
}

/* Questions over all runs of a sweep. */
#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"
#include "reports/report.h"

TestSuite(sweep, .fini = fixture_remove);

#define SHA_OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* Memory moves free pages and failures, min_order only latency; the last run was cut short. */
static const struct fixture_point points[] = {
	{ "64 MiB", "0", 1, RUN_DONE, 1000, 9, 100, 0 },
	{ "64 MiB", "1", 1, RUN_DONE, 1000, 9, 110, 0 },
	{ "1 GiB", "0", 1, RUN_DONE, 90000, 0, 100, 0 },
	{ "1 GiB", "1", 1, RUN_DONE, 90000, 0, 110, 0 },
	{ "256 MiB", "0", 1, RUN_DONE, 5000, 1, 100, 0 },
	{ "256 MiB", "1", 1, RUN_INTERRUPTED, 200000, 0, 1, 0 },
};

static const char *write_points(void)
{
	fixture_points(fixture_path("r.db"), points, sizeof(points) / sizeof(points[0]));
	return fixture_path("r.db");
}

static int ask(const char *path, const char *name, struct query_options options, char **text, struct err *err)
{
	struct results *results = NULL;
	size_t size;
	FILE *out = open_memstream(text, &size);
	int ret;

	cr_assert_eq(results_open(&results, path, err), 0, "%s", err->text);
	ret = results_query(results, name, &options, out, err);
	results_close(results);
	fclose(out);
	return ret;
}

static char *csv(const char *path, const char *name, const char *by, unsigned int limit)
{
	struct err err = { 0 };
	char *text;

	cr_assert_eq(ask(path, name, (struct query_options){ .by = by, .format = RESULTS_CSV, .limit = limit }, &text,
			     &err),
		0, "%s", err.text);
	return text;
}

static void expect_csv(const char *name, const char *by, unsigned int limit, const char *expected)
{
	char *text = csv(fixture_path("r.db"), name, by, limit);

	cr_expect_str_eq(text, expected, "%s --by %s:\n%s", name, by, text);
	free(text);
}

Test(sweep, view_has_one_row_per_run_with_what_was_set_and_the_headline_figures)
{
	char *rows = fixture_rows(write_points(),
		"SELECT run_id, params, failed, free_pages, free_pages_lowest, unusable_3, unusable_3_worst, unusable_9,"
		" unusable_9_worst, slab_pages, slab_waste_bytes, kmalloc_waste_bytes, kmalloc_p99_ns, kmem_cache_alloc_p99_ns,"
		" extfrag_events, reclaimed_pages, numa_misses, lat_mean_ns, wall_ns FROM v_sweep LIMIT 1");

	cr_expect_str_eq(rows,
		"1|{\"memory\":\"64 MiB\",\"slab.min_order\":\"0\"}|9|1000|900|0.075|0.15|0.225|0.45|64|1000|24|100|NULL"
		"|7|42|5|100|5000000");
	free(rows);
}

Test(sweep, query_shows_swept_keys_as_columns)
{
	char *text = csv(write_points(), "sweep", NULL, 1);

	cr_expect(strstr(text, "run_id,status,trace,machine,memory,slab.min_order,seed,"), "%s", text);
	cr_expect(strstr(text, "\n1,done,traces/boot.kmt,pc-256m,64 MiB,0,1,200,9,0,1000,900,"), "%s", text);
	free(text);
}

/* A run that was cut short is never best. */
Test(sweep, best_and_worst_know_which_way_a_figure_is_better)
{
	write_points();
	expect_csv("best", "free_pages", 2,
		"run_id,free_pages,memory,slab.min_order,failed,free_pages_lowest,unusable_9,slab_pages,extfrag_events,lat_mean_ns\n"
		"3,90000,1 GiB,0,0,89900,0.225,64,7,100\n"
		"4,90000,1 GiB,1,0,89900,0.225,64,7,110\n");
	expect_csv("worst", "failed", 1,
		"run_id,failed,memory,slab.min_order,free_pages_lowest,unusable_9,slab_pages,extfrag_events,lat_mean_ns\n"
		"2,9,64 MiB,1,900,0.225,64,7,110\n");
	expect_csv("best", "free_pages:min", 1,
		"run_id,free_pages,memory,slab.min_order,failed,free_pages_lowest,unusable_9,slab_pages,extfrag_events,lat_mean_ns\n"
		"1,1000,64 MiB,0,9,900,0.225,64,7,100\n");
}

/* 64 MiB with 9 failures, 256 MiB with 1, 1 GiB with none; min_order 1 and 0 are equal in both. */
Test(sweep, pareto_leaves_what_nothing_beats_and_orders_sizes_as_numbers)
{
	write_points();
	expect_csv("pareto", "memory,failed", 0,
		"run_id,failed,memory,slab.min_order,free_pages_lowest,unusable_9,slab_pages,extfrag_events,lat_mean_ns\n"
		"1,9,64 MiB,0,900,0.225,64,7,100\n"
		"2,9,64 MiB,1,900,0.225,64,7,110\n"
		"5,1,256 MiB,0,4900,0.225,64,7,100\n"
		"3,0,1 GiB,0,89900,0.225,64,7,100\n"
		"4,0,1 GiB,1,89900,0.225,64,7,110\n");
	expect_csv("pareto", "lat_mean_ns,free_pages", 0,
		"run_id,lat_mean_ns,free_pages,memory,slab.min_order,failed,free_pages_lowest,unusable_9,slab_pages,extfrag_events\n"
		"3,100,90000,1 GiB,0,0,89900,0.225,64,7\n");
}

/* Means by memory: 9, 1, 0; by min_order: (9 + 0 + 1) / 3 and (9 + 0) / 2. */
Test(sweep, sensitivity_names_the_key_that_moves_a_figure_most)
{
	write_points();
	expect_csv("sensitivity", "failed", 0,
		"key,figure,relative_spread,spread,lowest_mean,lowest_at,highest_mean,highest_at,groups\n"
		"memory,failed,2.7,9.0,0.0,1 GiB,9.0,64 MiB,3\n"
		"slab.min_order,failed,0.2979,1.167,3.333,0,4.5,1,2\n");
	expect_csv("sensitivity", "slab_pages", 0,
		"key,figure,relative_spread,spread,lowest_mean,lowest_at,highest_mean,highest_at,groups\n");
}

static void change(const char *path, const char *sql)
{
	sqlite3 *db;

	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* The run of another trace has the fewest failures, which says nothing of the others. */
Test(sweep, runs_of_several_traces_and_machines_say_which_and_only_those_of_one_trace_beat_each_other)
{
	change(write_points(),
		"UPDATE runs SET trace = 'traces/idle.kmt', trace_sha256 = '" SHA_OF_NOTHING "' WHERE run_id = 1;"
		"UPDATE runs SET machine = 'other' WHERE run_id = 2;");
	expect_csv("best", "free_pages", 1,
		"run_id,free_pages,trace,machine,memory,slab.min_order,failed,free_pages_lowest,unusable_9,slab_pages,extfrag_events,lat_mean_ns\n"
		"3,90000,traces/boot.kmt,pc-256m,1 GiB,0,0,89900,0.225,64,7,100\n");
	expect_csv("pareto", "lat_mean_ns,slab_pages", 0,
		"run_id,lat_mean_ns,slab_pages,trace,machine,memory,slab.min_order,failed,free_pages_lowest,unusable_9,extfrag_events\n"
		"3,100,64,traces/boot.kmt,pc-256m,1 GiB,0,0,89900,0.225,7\n"
		"5,100,64,traces/boot.kmt,pc-256m,256 MiB,0,1,4900,0.225,7\n"
		"1,100,64,traces/idle.kmt,pc-256m,64 MiB,0,9,900,0.225,7\n");
}

Test(sweep, a_key_without_numbers_is_nothing_to_judge_by)
{
	struct err err = { 0 };
	char *text;

	change(write_points(), "UPDATE run_params SET value = 'slub' WHERE key = 'slab.min_order'");
	cr_expect_eq(ask(fixture_path("r.db"), "best",
			     (struct query_options){ .by = "slab.min_order", .format = RESULTS_CSV }, &text, &err),
		-(int)ERR_USAGE);
	cr_expect(strstr(err.text, "--by: slab.min_order has no numbers"), "%s", err.text);
	free(text);
}

/* With pages of 64 KiB the same bytes are fewer pages, and as many pages reclaimed are more bytes. */
Test(sweep, pages_of_several_sizes_are_compared_as_bytes)
{
	change(write_points(), "UPDATE runs SET page_size = 65536 WHERE run_id = 3");
	expect_csv("best", "free_pages", 2,
		"run_id,free_bytes,memory,slab.min_order,failed,free_bytes_lowest,unusable_9,slab_bytes,extfrag_events,lat_mean_ns\n"
		"3,368640000,1 GiB,0,0,368181248,0.225,262144,7,100\n"
		"4,368640000,1 GiB,1,0,368230400,0.225,262144,7,110\n");
	expect_csv("worst", "reclaimed_bytes", 1,
		"run_id,reclaimed_bytes,memory,slab.min_order,failed,free_bytes_lowest,unusable_9,slab_bytes,extfrag_events,lat_mean_ns\n"
		"3,2752512,1 GiB,0,0,368181248,0.225,262144,7,100\n");
	expect_csv("sensitivity", "free_pages", 1,
		"key,figure,relative_spread,spread,lowest_mean,lowest_at,highest_mean,highest_at,groups\n"
		"memory,free_bytes,2.7813,364544000.0,4096000.0,64 MiB,368640000.0,1 GiB,3\n");
}

Test(sweep, unknown_figure_is_a_usage_error_with_the_nearest_one)
{
	struct err err = { 0 };
	char *text;

	write_points();
	cr_expect_eq(ask(fixture_path("r.db"), "best",
			     (struct query_options){ .by = "free_page", .format = RESULTS_CSV }, &text, &err),
		-(int)ERR_USAGE);
	cr_expect(strstr(err.text, "did you mean \"free_pages\"?"), "%s", err.text);
	free(text);
	cr_expect_eq(ask(fixture_path("r.db"), "pareto",
			     (struct query_options){ .by = "failed", .format = RESULTS_CSV }, &text, &err),
		-(int)ERR_USAGE);
	cr_expect(strstr(err.text, "expected two figures"), "%s", err.text);
	free(text);
	cr_expect_eq(ask(fixture_path("r.db"), "runs", (struct query_options){ .by = "failed", .format = RESULTS_CSV },
			     &text, &err),
		-(int)ERR_USAGE);
	free(text);
}

/* 50 sizes of memory (more than 8: five ranges) by 2 by 10 seeds; each run has 20 samples. */
static void write_thousand(const char *path)
{
	struct fixture_point *thousand = calloc(1000, sizeof(*thousand));
	static char sizes[50][16];

	for (unsigned int i = 0; i < 1000; i++) {
		unsigned int size = i % 50, order = i / 50 % 2;

		snprintf(sizes[size], sizeof(sizes[size]), "%u MiB", 64 + 32 * size);
		thousand[i] = (struct fixture_point){ sizes[size], order ? "1" : "0", i / 100, RUN_DONE,
			1000 + 100 * size, 50 - size, 100 + 10 * order + i / 100, 20 };
	}
	fixture_points(path, thousand, 1000);
	free(thousand);
}

/* Of this process: what else the machine does must not decide. */
static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

Test(sweep, every_query_over_1000_runs_answers_within_a_second)
{
	static const char *const names[] = { "sweep", "best", "worst", "pareto", "sensitivity", "runs" };
	char path[] = "/dev/shm/kmemsim-sweep-XXXXXX", *text;
	int fd = mkstemp(path); /* in memory: a disk takes its time to sync 1000 runs */

	cr_assert_geq(fd, 0);
	write_thousand(path);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		double start = cpu_seconds();

		free(csv(path, names[i], NULL, 0));
		cr_expect_lt(cpu_seconds() - start, 1.0, "%s took %.3f s", names[i], cpu_seconds() - start);
	}
	text = csv(path, "sensitivity", "failed", 1);
	unlink(path);
	close(fd);
	cr_expect(strstr(text, "memory,failed,1.5686,40.0,5.5,1344 MiB .. 1632 MiB,45.5,64 MiB .. 352 MiB,5"), "%s",
		text);
	free(text);
}

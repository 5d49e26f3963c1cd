#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"
#include "reports/merge.h"

TestSuite(merge, .fini = fixture_remove);

/* All that a database says, but for numbers that other runs may have shifted, times and hosts. */
static const char contents_sql[] =
	"SELECT run_id, trace_sha256, config_hash, seed, status, events, fingerprint,"
	" (SELECT group_concat(key || '=' || value) FROM run_params p WHERE p.run_id = r.run_id),"
	" (SELECT group_concat(sample_id || ' ' || time_ns || ' ' || free_bytes) FROM samples s WHERE s.run_id = r.run_id),"
	" (SELECT group_concat(z.free_pages) FROM samples s JOIN zone_samples z USING (sample_id) WHERE s.run_id = r.run_id),"
	" (SELECT sum(unusable_index) FROM samples s JOIN frag_samples f USING (sample_id) WHERE s.run_id = r.run_id),"
	" (SELECT count(*) FROM samples s JOIN cache_stats c USING (sample_id) WHERE s.run_id = r.run_id),"
	" (SELECT group_concat(op || failed || ' ' || lat_p99_ns) FROM op_stats o WHERE o.run_id = r.run_id),"
	" (SELECT sum(count) FROM latency_hist h WHERE h.run_id = r.run_id),"
	" (SELECT group_concat(name || value) FROM counters c WHERE c.run_id = r.run_id)"
	" FROM runs r ORDER BY run_id";

static const struct fixture_point points[] = {
	{ "64 MiB", "0", 1, RUN_DONE, 1000, 9, 100, 0 },
	{ "64 MiB", "1", 1, RUN_DONE, 1200, 7, 110, 3 },
	{ "256 MiB", "0", 1, RUN_DONE, 5000, 0, 120, 0 },
	{ "256 MiB", "1", 1, RUN_DONE, 5200, 0, 130, 4 },
	{ "1 GiB", "0", 1, RUN_DONE, 90000, 0, 90, 0 },
};

static char paths[4][128];

/* A file of the scratch directory whose name stays valid beside others. */
static const char *file(int number, const char *name)
{
	snprintf(paths[number], sizeof(paths[number]), "%s", fixture_path(name));
	return paths[number];
}

static struct merge_summary merge(const char *const *parts, size_t nr, const char *output)
{
	struct merge_summary summary;
	struct err err = { 0 };

	cr_assert_eq(merge_results(parts, nr, output, NULL, &summary, &err), 0, "%s", err.text);
	return summary;
}

static void write_parts(void)
{
	fixture_point(file(0, "a.db"), &points[3]);
	fixture_point(paths[0], &points[0]);
	fixture_point(file(1, "b.db"), &points[4]);
	fixture_point(paths[1], &points[2]);
	fixture_point(paths[1], &points[1]);
}

Test(merge, orders_runs_by_what_was_set_whatever_the_order_of_parts)
{
	char *forth, *back;

	write_parts();
	merge((const char *[]){ paths[0], paths[1] }, 2, file(2, "forth.db"));
	merge((const char *[]){ paths[1], paths[0] }, 2, file(3, "back.db"));
	forth = fixture_rows(paths[2], contents_sql);
	back = fixture_rows(paths[3], contents_sql);
	cr_expect_str_eq(forth, back);
	free(forth), free(back);
	forth = fixture_rows(paths[2],
		"SELECT params ->> 'memory', params ->> '$.\"slab.min_order\"', failed FROM v_sweep ORDER BY run_id");
	cr_expect_str_eq(forth, "64 MiB|0|9\n64 MiB|1|7\n256 MiB|0|0\n256 MiB|1|0\n1 GiB|0|0");
	free(forth);
}

/* 2 + 3 + 2 + 4 + 2 samples, numbered from 1 in the order of the runs. */
Test(merge, copies_every_table_of_a_run_and_numbers_samples_anew)
{
	const char *whole = file(2, "whole.db"), *out = file(3, "out.db");
	char *names, *save, *there, *merged;

	fixture_write(whole, RUN_DONE);
	merge(&whole, 1, out);
	names = fixture_rows(whole, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'");
	for (char *name = strtok_r(names, "\n", &save); name; name = strtok_r(NULL, "\n", &save)) {
		char sql[128];

		snprintf(sql, sizeof(sql), "SELECT * FROM \"%s\"", name);
		there = fixture_rows(whole, sql);
		merged = fixture_rows(out, sql);
		cr_expect_str_eq(merged, there, "%s", name);
		free(there), free(merged);
	}
	free(names);
	write_parts();
	merge((const char *[]){ paths[0], paths[1] }, 2, file(2, "five.db"));
	cr_expect_eq(fixture_count(paths[2],
			     "SELECT count(*) = 13 AND min(sample_id) = 1 AND max(sample_id) = 13 FROM samples"),
		1);
	cr_expect_eq(fixture_count(paths[2], "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	cr_expect_eq(fixture_count(paths[2],
			     "SELECT count(*) FROM samples a JOIN samples b ON b.sample_id = a.sample_id + 1"
			     " WHERE b.run_id < a.run_id"),
		0);
}

Test(merge, a_second_time_changes_nothing)
{
	struct merge_summary summary;
	char *once, *twice;

	write_parts();
	summary = merge((const char *[]){ paths[0], paths[1] }, 2, file(2, "out.db"));
	cr_expect_eq(summary.runs, 5);
	cr_expect_eq(summary.added, 5);
	once = fixture_rows(paths[2], contents_sql);
	summary = merge((const char *[]){ paths[1], paths[0], paths[1] }, 3, paths[2]);
	cr_expect_eq(summary.runs, 5);
	cr_expect_eq(summary.added, 0);
	cr_expect_eq(summary.present, 8);
	twice = fixture_rows(paths[2], contents_sql);
	cr_expect_str_eq(once, twice);
	free(once), free(twice);
}

Test(merge, finished_run_takes_the_place_of_an_unfinished_one)
{
	struct fixture_point killed = points[0], stopped = points[2];
	struct merge_summary summary;
	char *rows;

	killed.status = RUN_RUNNING;
	stopped.status = RUN_INTERRUPTED;
	fixture_point(file(0, "a.db"), &killed);
	fixture_point(paths[0], &stopped);
	fixture_point(file(1, "b.db"), &points[2]);
	summary = merge((const char *[]){ paths[0] }, 1, file(2, "out.db"));
	cr_expect_eq(summary.unfinished, 2);
	summary = merge((const char *[]){ paths[1] }, 1, paths[2]);
	cr_expect_eq(summary.replaced, 1);
	cr_expect_eq(summary.added, 0);
	cr_expect_eq(summary.unfinished, 1);
	rows = fixture_rows(paths[2],
		"SELECT run_id, status, (SELECT count(*) FROM samples s WHERE s.run_id = r.run_id) FROM runs r");
	cr_expect_str_eq(rows, "1|running|0\n2|done|2");
	free(rows);
}

static void expect_refused(const char *what)
{
	struct merge_summary summary;
	struct err err = { 0 };

	cr_expect_eq(merge_results((const char *[]){ paths[0], paths[1] }, 2, file(2, "out.db"), NULL, &summary, &err),
		-(int)ERR_RESULTS);
	cr_expect(strstr(err.text, what), "%s", err.text);
	cr_expect_neq(access(paths[2], F_OK), 0, "an output although it was refused");
}

Test(merge, refuses_and_names_runs_that_contradict)
{
	struct fixture_point other = points[0];

	write_parts();
	other.failed = 8;
	fixture_point(paths[1], &other);
	expect_refused("b.db (");
	expect_refused("a.db (");
	expect_refused("1 run is of the same trace");
}

/* Equal fingerprints do not hide a row that differs. */
Test(merge, refuses_contents_that_differ_under_one_fingerprint)
{
	struct fixture_point other = points[0];

	other.samples = 5;
	fixture_point(file(0, "a.db"), &points[0]);
	fixture_point(file(1, "b.db"), &other);
	expect_refused("not merged");
}

Test(merge, refuses_what_is_no_results_database)
{
	FILE *text = fopen(file(1, "b.db"), "w");

	cr_assert(text);
	for (int i = 0; i < 1000; i++)
		fputs("not a database at all\n", text);
	fclose(text);
	fixture_point(file(0, "a.db"), &points[0]);
	expect_refused("b.db: not a results database");
}

Test(merge, missing_part_is_an_io_error_that_names_it)
{
	struct merge_summary summary;
	struct err err = { 0 };

	fixture_point(file(0, "a.db"), &points[0]);
	cr_expect_eq(merge_results((const char *[]){ paths[0], "/nowhere/b.db" }, 2, file(2, "out.db"), NULL, &summary,
			     &err),
		-(int)ERR_IO);
	cr_expect(strstr(err.text, "/nowhere/b.db: cannot be read"), "%s", err.text);
}

/* A limit of file size stands for a full disk: nothing stays of a new output, and an old one is as it was. */
Test(merge, full_disk_leaves_the_output_as_it_was)
{
	struct rlimit limit = { .rlim_max = RLIM_INFINITY };
	struct stat made;
	struct merge_summary summary;
	struct err err = { 0 };
	const char *whole = file(0, "whole.db"), *out = file(1, "out.db");
	char *before, *after;

	fixture_write(whole, RUN_DONE);
	fixture_point(out, &points[0]);
	before = fixture_rows(out, contents_sql);
	cr_assert_eq(stat(out, &made), 0);
	limit.rlim_cur = (rlim_t)made.st_size - 4096;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	cr_expect_eq(merge_results(&whole, 1, out, NULL, &summary, &err), -(int)ERR_IO, "%s", err.text);
	cr_expect_eq(merge_results(&whole, 1, file(2, "new.db"), NULL, &summary, &err), -(int)ERR_IO, "%s", err.text);
	cr_expect(strstr(err.text, "new.db: cannot be made"), "%s", err.text);
	cr_expect_neq(access(paths[2], F_OK), 0);
	after = fixture_rows(out, contents_sql);
	cr_expect_str_eq(before, after);
	free(before), free(after);
}

static unsigned int runs_left;

static bool after_some_runs(void *arg)
{
	(void)arg;
	return runs_left-- == 0;
}

/* Ctrl-C, before the first run and between two: an old output is as it was, of a new one nothing is there. */
Test(merge, an_interrupted_merge_leaves_the_output_as_it_was)
{
	for (unsigned int runs = 0; runs < 2; runs++) {
		struct merge_summary summary;
		struct err err = { 0 };
		char *before, *after;

		write_parts();
		fixture_point(file(2, "out.db"), &points[0]);
		before = fixture_rows(paths[2], contents_sql);
		runs_left = runs;
		cr_expect_eq(merge_results((const char *[]){ paths[0], paths[1] }, 2, paths[2], after_some_runs,
				     &summary, &err),
			-(int)ERR_INTERRUPTED, "%s", err.text);
		after = fixture_rows(paths[2], contents_sql);
		cr_expect_str_eq(before, after);
		free(before), free(after);
		unlink(paths[2]);
		runs_left = runs;
		cr_expect_eq(merge_results((const char *[]){ paths[0], paths[1] }, 2, paths[2], after_some_runs,
				     &summary, &err),
			-(int)ERR_INTERRUPTED, "%s", err.text);
		cr_expect_neq(access(paths[2], F_OK), 0);
		unlink(paths[0]), unlink(paths[1]);
	}
}

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "reports/compare.h"

TestSuite(compare, .fini = fixture_remove);

static const struct fixture_point points[] = {
	{ "64 MiB", "0", 1, RUN_DONE, 1000, 10, 100, 0 },
	{ "256 MiB", "0", 1, RUN_DONE, 5000, 9, 100, 0 },
	{ "256 MiB", "0", 1, RUN_DONE, 5000, 9, 100, 0 },
};

static char *compare(int64_t a, int64_t b, struct compare_options options, bool *equal)
{
	const char *path = fixture_path("r.db");
	struct err err = { 0 };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	cr_assert_eq(compare_runs(&(struct compare_side){ path, a }, &(struct compare_side){ path, b }, &options, out,
			     equal, &err),
		0, "%s", err.text);
	fclose(out);
	return text;
}

static void write_points(void)
{
	fixture_points(fixture_path("r.db"), points, sizeof(points) / sizeof(points[0]));
}

/* Free pages 1000 -> 5000: +400 %; failed 10 -> 9: -10 %. */
Test(compare, lists_configuration_and_results_largest_relative_difference_first)
{
	bool equal;
	char *text;

	write_points();
	text = compare(1, 2, (struct compare_options){ .format = RESULTS_CSV }, &equal);
	cr_expect(!equal);
	cr_expect_str_eq(text,
		"kind,section,item,figure,a,b,change\n"
		"configuration,machine,,memory,64 MiB,256 MiB,3.0\n"
		"result,run,,fingerprint,000000003b9ada0e,000000012a063089,\n"
		"result,memory,over all samples,free_bytes_lowest,3686400,20070400,4.444444\n"
		"result,memory,at the end,free_bytes,4096000,20480000,4.0\n"
		"result,zones,node 0 DMA32,free_pages,1000,5000,4.0\n"
		"result,counters,\"replay failed_allocations, allocations\",value,10,9,-0.1\n"
		"result,operations,kmalloc,failed,10,9,-0.1\n",
		"%s", text);
	free(text);
}

/* On a narrow terminal one column says which figure it is. */
Test(compare, fits_the_terminal)
{
	bool equal;
	char *text;

	write_points();
	text = compare(1, 2, (struct compare_options){ .width = 80 }, &equal);
	cr_expect(strstr(text,
		"\ncounters replay                     10                9                 -10.0 %\n"
		"failed_allocations, allocations: "), "%s", text);
	free(text);
}

Test(compare, finds_equal_runs_equal)
{
	bool equal;
	char *text;

	write_points();
	text = compare(2, 3, (struct compare_options){ .format = RESULTS_TABLE }, &equal);
	cr_expect(equal);
	cr_expect(strstr(text, "\nConfiguration: no difference\n\nResults: no difference\n"), "%s", text);
	free(text);
}

/* Then a figure in pages is not the same memory. */
Test(compare, says_that_pages_are_of_two_sizes)
{
	sqlite3 *db;
	bool equal;
	char *text;

	write_points();
	cr_assert_eq(sqlite3_open(fixture_path("r.db"), &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, "UPDATE runs SET page_size = 16384 WHERE run_id = 3", NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	text = compare(2, 3, (struct compare_options){ .format = RESULTS_TABLE }, &equal);
	cr_expect(strstr(text, "Pages of a are 4 KiB, those of b 16 KiB"), "%s", text);
	free(text);
}

/* The same version may have been built from other sources, whose results are others. */
Test(compare, names_the_builds_that_differ)
{
	sqlite3 *db;
	bool equal;
	char *text;

	write_points();
	cr_assert_eq(sqlite3_open(fixture_path("r.db"), &db), SQLITE_OK);
	cr_assert_eq(
		sqlite3_exec(db,
			"UPDATE runs SET git_commit = 'other' WHERE run_id = 3; UPDATE runs SET git_commit = 'one' WHERE run_id = 2",
			NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	text = compare(2, 3, (struct compare_options){ .format = RESULTS_CSV }, &equal);
	cr_expect(equal);
	cr_expect_str_eq(text, "kind,section,item,figure,a,b,change\ninput,run,,git_commit,one,other,\n", "%s", text);
	free(text);
}

Test(compare, threshold_hides_what_differs_less)
{
	bool equal;
	char *text;

	write_points();
	text = compare(1, 2, (struct compare_options){ .format = RESULTS_TABLE, .over = 0.2 }, &equal);
	cr_expect(!equal);
	cr_expect(strstr(text, "+400.0 %"), "%s", text);
	cr_expect(!strstr(text, "failed") && !strstr(text, "fingerprint"), "%s", text);
	free(text);
	free(compare(1, 2, (struct compare_options){ .over = 5 }, &equal));
	cr_expect(equal);
}

/* A cache, a lock, a counter that only one run has: absent is 0. */
Test(compare, shows_what_only_one_run_has)
{
	bool equal;
	char *text;

	write_points();
	fixture_write(fixture_path("r.db"), RUN_DONE);
	text = compare(1, 4, (struct compare_options){ .format = RESULTS_TABLE }, &equal);
	cr_expect(strstr(text, "zone DMA32"), "%s", text);
	cr_expect(strstr(text, "new\n"), "%s", text);
	free(text);
	text = compare(4, 1, (struct compare_options){ .format = RESULTS_JSON }, &equal);
	cr_expect(strstr(text,
			  "\"item\": \"kmalloc-64\", \"figure\": \"slabs\", \"a\": 96, \"b\": null, \"change\": -1.0"),
		"%s", text);
	cr_expect(strstr(text, "{\"a\": {\"run_id\": 4, "), "%s", text);
	free(text);
}

Test(compare, damaged_configuration_is_an_error_that_names_the_run)
{
	const char *path = fixture_path("r.db");
	struct compare_side side = { path, 0 };
	struct record_run run = fixture_run();
	struct recorder *rec = fixture_begin(path);
	struct err err = { 0 };
	bool equal;

	rec->ops->close(rec);
	run.config_yaml = "a: [1, 2";
	rec = fixture_begin(path);
	cr_assert_eq(rec->ops->end(rec, &(struct record_end){ .status = RUN_DONE }, &err), 0);
	cr_assert_eq(rec->ops->begin(rec, &run, &err), 0);
	rec->ops->close(rec);
	cr_expect_eq(compare_runs(&side, &side, &(struct compare_options){ 0 }, stdout, &equal, &err),
		-(int)ERR_RESULTS);
	cr_expect(strstr(err.text, "configuration of run 3: line"), "%s", err.text);
}

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "reports/report.h"
#include "reports/sqlite_recorder.h"

TestSuite(query, .fini = fixture_remove);

static char *query_on(unsigned int width, const char *name, enum results_format format)
{
	struct results *results = NULL;
	struct err err = { 0 };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	cr_assert_eq(results_open(&results, fixture_path("results.db"), &err), 0, "%s", err.text);
	cr_assert_eq(results_query(results, name, &(struct query_options){ .format = format, .width = width }, out,
			     &err),
		0, "%s", err.text);
	results_close(results);
	fclose(out);
	return text;
}

static char *query(const char *name, enum results_format format)
{
	return query_on(0, name, format);
}

static void expect_valid_json(const char *text)
{
	sqlite3 *db;
	sqlite3_stmt *stmt;

	cr_assert_eq(sqlite3_open(":memory:", &db), SQLITE_OK);
	cr_assert_eq(sqlite3_prepare_v2(db, "SELECT json_valid(?)", -1, &stmt, NULL), SQLITE_OK);
	sqlite3_bind_text(stmt, 1, text, -1, SQLITE_STATIC);
	cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW);
	cr_expect_eq(sqlite3_column_int(stmt, 0), 1, "not JSON: %s", text);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

static void expect_starts(const char *text, const char *start)
{
	cr_expect_eq(strncmp(text, start, strlen(start)), 0, "%s\ndoes not begin with\n%s", text, start);
}

/* The list of names is itself a query: every name on it must run, in all formats. */
Test(query, every_listed_query_runs_in_all_formats)
{
	char *list;

	fixture_write(fixture_path("results.db"), RUN_DONE);
	fixture_point(fixture_path("results.db"), &(struct fixture_point){ "64 MiB", "0", 1, RUN_DONE, 900, 2, 50, 0 });
	list = query(NULL, RESULTS_CSV);
	expect_starts(list, "name,tells\nruns,");
	for (char *save, *line = strtok_r(strchr(list, '\n'), "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		char *name = strndup(line, strcspn(line, ","));
		char *csv = query(name, RESULTS_CSV), *json = query(name, RESULTS_JSON),
		     *table = query(name, RESULTS_TABLE);

		cr_expect(strchr(csv, '\n') + 1 < csv + strlen(csv), "%s answers no row:\n%s", name, csv);
		expect_valid_json(json);
		free(name), free(csv), free(json), free(table);
	}
	free(list);
}

Test(query, table_aligns_numbers_to_the_right_and_text_to_the_left)
{
	char *text;

	fixture_write(fixture_path("results.db"), RUN_DONE);
	text = query("extfrag", RESULTS_TABLE);
	cr_expect_str_eq(text,
		"run_id  from_migratetype  to_migratetype  alloc_order  fallback_order  count  pageblock_changes\n"
		"     1  Movable           Unmovable                 0               9     17                  4\n");
	free(text);
}

static void write_odd_violation(void)
{
	struct recorder *rec = fixture_begin(fixture_path("results.db"));
	struct record_violation odd = { 1, 2, "free_unknown", "warning", 3, "a\"b\\c,d",
		"line\nbreak \033 \xff \xc3\xa4 end" };

	cr_assert_eq(rec->ops->violation(rec, &odd, NULL), 0);
	cr_assert_eq(rec->ops->end(rec, &(struct record_end){ .status = RUN_DONE }, NULL), 0);
	rec->ops->close(rec);
}

/* Names in a trace can hold anything: CSV quotes, JSON escapes, a terminal gets no control character. */
Test(query, odd_text_upsets_no_format)
{
	char *csv, *json, *table;

	write_odd_violation();
	csv = query("violations", RESULTS_CSV);
	json = query("violations", RESULTS_JSON);
	table = query("violations", RESULTS_TABLE);
	cr_expect(strstr(csv, "\"a\"\"b\\c,d\",\"line\nbreak "), "%s", csv);
	cr_expect(strstr(json,
			  "\"a\\\"b\\\\c,d\", \"text\": \"line\\u000abreak \\u001b \\ufffd \xc3\xa4 end\""),
		"%s", json);
	expect_valid_json(json);
	cr_expect(strstr(table, "line?break ? "), "%s", table);
	free(csv), free(json), free(table);
}

Test(query, nothing_found_is_an_empty_list_and_a_line_of_names)
{
	struct recorder *rec = NULL;
	char *csv, *json;

	cr_assert_eq(sqlite_recorder_open(&rec, fixture_path("results.db"), NULL), 0);
	rec->ops->close(rec);
	csv = query("locks", RESULTS_CSV);
	json = query("locks", RESULTS_JSON);
	cr_expect_str_eq(csv, "run_id,lock,acquisitions,contended,wait_ns,hold_ns\n");
	cr_expect_str_eq(json, "[]\n");
	free(csv), free(json);
}

/* 64 slabs of order 1, 12800 bytes of them wasted. */
Test(query, caches_view_turns_pages_into_bytes_and_waste_into_a_share)
{
	char *text;

	fixture_write(fixture_path("results.db"), RUN_DONE);
	text = fixture_rows(fixture_path("results.db"),
		"SELECT slab_bytes, waste_bytes, waste_share FROM v_caches WHERE cache = 'dentry'");
	cr_expect_str_eq(text, "524288|12800|0.0244");
	free(text);
}

/* Long texts go on in the next line; a row that does not fit all the same has a line for each of its columns. */
Test(query, a_table_fits_the_terminal)
{
	char *list, *runs, *wide, *csv;

	fixture_write(fixture_path("results.db"), RUN_DONE);
	list = query_on(80, NULL, RESULTS_TABLE);
	runs = query_on(80, "runs", RESULTS_TABLE);
	wide = query_on(1000, "runs", RESULTS_TABLE);
	csv = query_on(80, "runs", RESULTS_CSV);
	cr_expect(strstr(list, "\nfailures       Requests for pages that got none: order, preferred zone and \n"
		"               flags, most frequent first.\n"), "%s", list);
	expect_starts(runs, "run_id                1\nstatus                done\n");
	expect_starts(wide, "run_id  status  ");
	expect_starts(csv, "run_id,status,");
	free(list), free(runs), free(wide), free(csv);
}

Test(query, unknown_name_is_a_usage_error_with_the_nearest_one)
{
	struct results *results = NULL;
	struct err err = { 0 };

	fixture_write(fixture_path("results.db"), RUN_DONE);
	cr_assert_eq(results_open(&results, fixture_path("results.db"), &err), 0, "%s", err.text);
	cr_expect_eq(results_query(results, "latncy", &(struct query_options){ 0 }, stdout, &err), -(int)ERR_USAGE);
	cr_expect(strstr(err.text, "did you mean \"latency\"?"), "%s", err.text);
	results_close(results);
}

Test(query, missing_file_is_an_io_error_that_names_it)
{
	struct results *results = NULL;
	struct err err = { 0 };

	cr_expect_eq(results_open(&results, fixture_path("nothing.db"), &err), -(int)ERR_IO);
	cr_expect(strstr(err.text, "nothing.db: cannot be read: No such file"), "%s", err.text);
	cr_expect_neq(access(fixture_path("nothing.db"), F_OK), 0, "reading made a file");
}

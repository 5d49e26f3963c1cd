/* Databases of an older schema: read as they are, brought up to date before they are written. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.h"
#include "fixture.h"
#include "reports/build.h"
#include "reports/database_priv.h"
#include "reports/merge.h"
#include "reports/report.h"
#include "reports/sqlite_recorder.h"

TestSuite(upgrade, .fini = fixture_remove);

static void exec(const char *path, const char *sql)
{
	sqlite3 *db;

	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* As kmemsim wrote it before requests could sleep, runs begin anywhere, and memory be taken back. */
static const char *write_old(const char *name)
{
	static char path[128];
	char *views;

	snprintf(path, sizeof(path), "%s", fixture_path(name));
	fixture_write(path, RUN_DONE);
	views = fixture_rows(path, "SELECT 'DROP VIEW ' || name || ';' FROM sqlite_schema WHERE type = 'view'");
	exec(path, views);
	free(views);
	exec(path, "ALTER TABLE runs DROP COLUMN sampling; ALTER TABLE runs DROP COLUMN cpu_map;"
		   "ALTER TABLE op_stats DROP COLUMN sleeps; DROP TABLE reclaim_events; PRAGMA user_version = 1");
	return path;
}

static void hash_of(const char *path, char hash[SHA256_HEX_SIZE])
{
	int fd = open(path, O_RDONLY);

	cr_assert_eq(sha256_fd(fd, hash, NULL), 0);
	close(fd);
}

static void expect_rows(const char *path, const char *sql, const char *expected)
{
	char *rows = fixture_rows(path, sql);

	cr_expect_str_eq(rows, expected, "%s:\n%s\nbut expected:\n%s", sql, rows, expected);
	free(rows);
}

Test(upgrade, an_old_database_is_read_and_left_as_it_was)
{
	const char *path = write_old("old.db");
	char before[SHA256_HEX_SIZE], after[SHA256_HEX_SIZE];
	struct query_options options = { .format = RESULTS_CSV };
	struct results *results;
	struct err err = { 0 };
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	hash_of(path, before);
	cr_assert_eq(chmod(path, 0444), 0);
	cr_assert_eq(results_open(&results, path, &err), 0, "%s", err.text);
	cr_assert_eq(results_query(results, "sweep", &options, out, &err), 0, "%s", err.text);
	cr_assert_eq(results_query(results, "latency", &options, out, &err), 0, "%s", err.text);
	results_close(results);
	fclose(out);
	cr_expect(strstr(text, "pc-256m") && strstr(text, "kmalloc"), "%s", text);
	hash_of(path, after);
	cr_expect_str_eq(after, before);
	free(text);
}

Test(upgrade, a_run_is_added_to_an_old_database)
{
	const char *path = write_old("old.db");
	char *ops = fixture_rows(path, "SELECT op, count, lat_p99_ns FROM op_stats");
	char *samples = fixture_rows(path, "SELECT * FROM samples"), *now;

	fixture_write(path, RUN_DONE);
	cr_expect_eq(fixture_count(path, "PRAGMA user_version"), RESULTS_SCHEMA_VERSION);
	expect_rows(path, "SELECT run_id, status, cpu_map, ifnull(sampling, 'NULL') FROM runs WHERE run_id = 1",
		"1|done|fold|NULL");
	expect_rows(path, "SELECT count(*), count(DISTINCT fingerprint) FROM runs", "2|1");
	expect_rows(path, "SELECT sum(sleeps) = 0 FROM op_stats WHERE run_id = 1", "1");
	expect_rows(path, "SELECT run_id, count(*) FROM reclaim_events GROUP BY 1", "2|1");
	expect_rows(path, "SELECT count(*) FROM v_sweep", "2");
	expect_rows(path, "SELECT count(*) FROM pragma_foreign_key_check", "0");
	now = fixture_rows(path, "SELECT op, count, lat_p99_ns FROM op_stats WHERE run_id = 1");
	cr_expect_str_eq(now, ops);
	free(now);
	now = fixture_rows(path, "SELECT * FROM samples WHERE run_id = 1");
	cr_expect_str_eq(now, samples);
	free(now), free(ops), free(samples);
}

Test(upgrade, an_old_database_is_merged_with_a_new_one)
{
	const char *path = write_old("old.db");
	static const struct fixture_point point = { "64 MiB", "0", 1, RUN_DONE, 1000, 9, 100, 0 };
	char new[128], out[128];
	struct merge_summary summary;
	struct err err = { 0 };

	snprintf(new, sizeof(new), "%s", fixture_path("new.db"));
	snprintf(out, sizeof(out), "%s", fixture_path("out.db"));
	fixture_point(new, &point);
	cr_assert_eq(merge_results((const char *[]){ path, new }, 2, out, NULL, &summary, &err), 0, "%s", err.text);
	cr_expect_eq(summary.runs, 2);
	cr_expect_eq(fixture_count(path, "PRAGMA user_version"), 1, "parts are only read");
	cr_assert_eq(merge_results((const char *[]){ new }, 1, path, NULL, &summary, &err), 0, "%s", err.text);
	cr_expect_eq(summary.runs, 2);
	cr_expect_eq(fixture_count(path, "PRAGMA user_version"), RESULTS_SCHEMA_VERSION);
}

Test(upgrade, what_another_program_writes_is_not_upgraded)
{
	const char *path = write_old("old.db");
	struct recorder *rec = NULL;
	struct err err = { 0 };
	sqlite3 *other;

	cr_assert_eq(sqlite3_open(path, &other), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	cr_assert_lt(sqlite_recorder_open(&rec, path, &err), 0);
	cr_expect(strstr(err.text, "brought up to date") && strstr(err.text, "another program"), "%s", err.text);
	sqlite3_close(other);
	cr_expect_eq(fixture_count(path, "PRAGMA user_version"), 1);
}

Test(upgrade, a_disk_that_gets_full_leaves_the_old_database)
{
	const char *path = write_old("old.db");
	struct rlimit limit = { .rlim_cur = 64 << 10, .rlim_max = RLIM_INFINITY };
	struct recorder *rec = NULL;
	struct err err = { 0 };
	char made[160];

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_lt(sqlite_recorder_open(&rec, path, &err), 0);
	cr_expect(strstr(err.text, "brought up to date"), "%s", err.text);
	limit.rlim_cur = RLIM_INFINITY;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_expect_eq(fixture_count(path, "PRAGMA user_version"), 1);
	cr_expect_eq(fixture_count(path, "SELECT count(*) FROM runs"), 1);
	snprintf(made, sizeof(made), "%s.new-%ld", path, (long)getpid());
	cr_expect_lt(access(made, F_OK), 0);
}

Test(upgrade, an_empty_file_holds_no_results)
{
	const char *path = fixture_path("empty.db");
	struct results *results = NULL;
	struct err err = { 0 };

	fclose(fopen(path, "w"));
	cr_assert_eq(results_open(&results, path, &err), -(int)ERR_RESULTS);
	cr_expect(strstr(err.text, "is empty"), "%s", err.text);
}

/*
 * What is written by this program is read by it. A change of tables, columns or views without a new version would leave
 * databases behind that nothing brings up to date: raise RESULTS_SCHEMA_VERSION, then put the new hash here.
 */
Test(upgrade, the_schema_changes_only_with_its_version)
{
	static const int version = 3;
	static const char known[] = "3089ca0a8dd995c7d9d36034aa26465865e1e1c534ecf8a8a46450014d79a6f3";
	const char *path = fixture_path("now.db");
	char *columns, hash[SHA256_HEX_SIZE];

	fixture_write(path, RUN_DONE);
	columns = fixture_rows(path, "SELECT s.type, s.name, c.name, c.type, c.\"notnull\", c.pk FROM sqlite_schema s,"
				     " pragma_table_info(s.name) c WHERE s.type IN ('table', 'view') ORDER BY s.name, c.cid");
	sha256_buffer(columns, strlen(columns), hash);
	cr_expect_str_eq(hash, known, "the schema is %s now", hash);
	cr_expect_eq(RESULTS_SCHEMA_VERSION, version);
	free(columns);
}

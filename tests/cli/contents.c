#include "tests/cli/contents.h"

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs and samples by their place in an order that does not depend on when they were written. */
static const char order_sql[] =
	"CREATE TEMP TABLE run_no AS SELECT run_id, row_number() OVER (ORDER BY trace_sha256, seed, params, config_hash) AS n FROM"
	" (SELECT *, (SELECT group_concat(key || '=' || value) FROM (SELECT * FROM run_params p WHERE p.run_id = r.run_id"
	"  AND key <> 'sweep' ORDER BY key)) AS params FROM runs r);"
	"CREATE TEMP TABLE sample_no AS SELECT sample_id, run_no.n || '.' || row_number() OVER"
	" (PARTITION BY run_id ORDER BY sample_id) AS n FROM samples JOIN run_no USING (run_id)";

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;

	cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
	return stmt;
}

static void write_rows(sqlite3 *db, FILE *out, const char *sql)
{
	sqlite3_stmt *stmt = prepare(db, sql);

	while (sqlite3_step(stmt) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(stmt); i++) {
			const char *text = (const char *)sqlite3_column_text(stmt, i);

			fprintf(out, "%s|", text ? text : "NULL");
		}
		fputc('\n', out);
	}
	sqlite3_finalize(stmt);
}

/* All columns of @table but those that differ between equal runs. */
static char *columns_of(sqlite3 *db, const char *table)
{
	char sql[512];
	sqlite3_stmt *stmt;
	char *columns;

	snprintf(sql, sizeof(sql),
		"SELECT group_concat('t.\"' || name || '\"', ', ') FROM pragma_table_info('%s') WHERE name NOT IN ('run_id', 'sample_id',"
		" 'violation_id', 'reclaim_event_id', 'verify_cache_id', 'wall_ns', 'host', 'started_at', 'ended_at')", table);
	stmt = prepare(db, sql);
	cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW);
	columns = strdup((const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	return columns;
}

static void write_table(sqlite3 *db, FILE *out, const char *table)
{
	char sql[4096], probe[256];
	char *columns = columns_of(db, table);
	sqlite3_stmt *stmt;
	int of_run;

	snprintf(probe, sizeof(probe), "SELECT count(*) FROM pragma_table_info('%s') WHERE name = 'run_id'", table);
	stmt = prepare(db, probe);
	sqlite3_step(stmt);
	of_run = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	snprintf(sql, sizeof(sql), "SELECT n, %s FROM %s t JOIN %s USING (%s)%s ORDER BY 1, %s", columns, table,
		of_run ? "run_no" : "sample_no", of_run ? "run_id" : "sample_id",
		!strcmp(table, "run_params") ? " WHERE key <> 'sweep'" : "", columns);
	fprintf(out, "%s\n", table);
	write_rows(db, out, sql);
	free(columns);
}

char *contents_of(const char *path)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	sqlite3_stmt *tables;
	sqlite3 *db;

	cr_assert_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK, "%s", path);
	cr_assert_eq(sqlite3_exec(db, order_sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
	tables = prepare(db,
		"SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name");
	while (sqlite3_step(tables) == SQLITE_ROW)
		write_table(db, out, (const char *)sqlite3_column_text(tables, 0));
	sqlite3_finalize(tables);
	sqlite3_close(db);
	fclose(out);
	return text;
}

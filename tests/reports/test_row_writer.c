#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "reports/row_writer.h"

static const struct row_table tables[] = {
	{ "t", "n, text, share" },
	{ "u", "n" },
};

/* A connection with the tables, and a writer for them. */
static struct row_writer *open_tables(sqlite3 **db)
{
	struct row_writer *w;
	struct err err = { 0 };

	cr_assert_eq(sqlite3_open(":memory:", db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(*db,
			     "CREATE TABLE t (n INTEGER UNIQUE, text TEXT, share REAL); CREATE TABLE u (n INTEGER)",
			     NULL, NULL, NULL),
		SQLITE_OK);
	cr_assert_eq(row_writer_create(&w, "test", tables, 2, &err), 0, "%s", err.text);
	cr_assert_eq(row_writer_connect(w, *db, &err), 0, "%s", err.text);
	return w;
}

static void close_tables(sqlite3 *db, struct row_writer *w)
{
	row_writer_destroy(w);
	cr_expect_eq(sqlite3_close(db), SQLITE_OK, "a statement is left");
}

static int64_t number_of(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;
	int64_t number;

	cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW);
	number = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return number;
}

static int put(struct row_writer *w, int64_t n, const char *text, struct err *err)
{
	struct value values[] = {
		{ .type = VALUE_INTEGER, .integer = n },
		{ .type = VALUE_TEXT, .text = text },
		{ .type = VALUE_REAL, .real = (double)n / 4 },
	};

	return row_writer_put(w, 0, values, err);
}

/* Rows for two tables in turns; each text is overwritten at once, every tenth is NULL. */
static void put_many(struct row_writer *w, int from, int to)
{
	char text[16];

	for (int i = from; i < to; i++) {
		struct value number = { .type = VALUE_INTEGER, .integer = i };

		snprintf(text, sizeof(text), "row %d", i);
		cr_assert_eq(put(w, i, i % 10 ? text : NULL, NULL), 0);
		memset(text, 'x', sizeof(text));
		cr_assert_eq(row_writer_put(w, 1, &number, NULL), 0);
	}
}

static void expect_many(sqlite3 *db, int nr)
{
	cr_expect_eq(number_of(db, "SELECT count(*) FROM t WHERE n = rowid - 1 AND share = n / 4.0"), nr);
	cr_expect_eq(number_of(db, "SELECT count(*) FROM t WHERE text = 'row ' || n"), nr - nr / 10);
	cr_expect_eq(number_of(db, "SELECT count(*) FROM t WHERE text IS NULL AND n % 10 = 0"), nr / 10);
	cr_expect_eq(number_of(db, "SELECT count(*) FROM u WHERE n = rowid - 1"), nr);
}

/* Many more rows than may wait for the thread at once. */
Test(row_writer, rows_arrive_whole_and_in_the_order_of_their_table)
{
	sqlite3 *db;
	struct row_writer *w = open_tables(&db);

	cr_assert_eq(row_writer_start(w, NULL, NULL, NULL), 0);
	put_many(w, 0, 200000);
	cr_assert_eq(row_writer_finish(w, NULL), 0);
	expect_many(db, 200000);
	close_tables(db, w);
}

Test(row_writer, writes_without_a_thread_and_once_more_after_a_finish)
{
	sqlite3 *db;
	struct row_writer *w = open_tables(&db);

	put_many(w, 0, 1000);
	cr_assert_eq(row_writer_finish(w, NULL), 0);
	expect_many(db, 1000);
	cr_assert_eq(row_writer_start(w, NULL, NULL, NULL), 0);
	put_many(w, 1000, 2000);
	cr_assert_eq(row_writer_finish(w, NULL), 0);
	expect_many(db, 2000);
	close_tables(db, w);
}

/* What a flush hands over is written without a finish: without a thread, on the spot. */
Test(row_writer, flush_writes_what_was_put)
{
	sqlite3 *db;
	struct row_writer *w = open_tables(&db);

	put(w, 0, "", NULL);
	cr_expect_eq(number_of(db, "SELECT count(*) FROM t"), 0);
	cr_assert_eq(row_writer_flush(w, NULL), 0);
	cr_expect_eq(number_of(db, "SELECT count(*) FROM t"), 1);
	close_tables(db, w);
}

Test(row_writer, a_row_that_fails_is_told_and_rows_behind_it_are_dropped)
{
	struct err err = { 0 };
	int told = 0;
	sqlite3 *db;
	struct row_writer *w = open_tables(&db);

	cr_assert_eq(row_writer_start(w, NULL, NULL, NULL), 0);
	put(w, 1, "", NULL);
	put(w, 1, "", NULL);
	for (int i = 2; i < 200000 && !told; i++)
		told = put(w, i, "", &err);
	cr_expect_eq(told, -(int)ERR_INVARIANT, "by a later row");
	cr_expect_eq(row_writer_finish(w, &err), -(int)ERR_INVARIANT);
	cr_expect(strstr(err.text, "t.n"), "%s", err.text);
	cr_expect_eq(number_of(db, "SELECT count(*) FROM t"), 1);
	cr_expect_eq(row_writer_finish(w, &err), 0, "an error is told once");
	close_tables(db, w);
}

Test(row_writer, a_table_that_is_missing_is_told)
{
	static const struct row_table missing[] = { { "nowhere", "n" } };
	struct err err = { 0 };
	struct row_writer *w;
	sqlite3 *db;

	cr_assert_eq(sqlite3_open(":memory:", &db), SQLITE_OK);
	cr_assert_eq(row_writer_create(&w, "test", missing, 1, &err), 0);
	cr_assert_eq(row_writer_connect(w, db, &err), 0);
	row_writer_put(w, 0, &(struct value){ .type = VALUE_INTEGER, .integer = 1 }, NULL);
	cr_expect_lt(row_writer_finish(w, &err), 0);
	cr_expect(strstr(err.text, "nowhere"), "%s", err.text);
	close_tables(db, w);
}

Test(row_writer, destroying_none_is_fine)
{
	row_writer_destroy(NULL);
}

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "reports/row_writer.h"

/* A connection with a table t (n, text), and the statement that adds to it. */
static sqlite3_stmt *open_table(sqlite3 **db)
{
	sqlite3_stmt *insert;

	cr_assert_eq(sqlite3_open(":memory:", db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(*db, "CREATE TABLE t (n INTEGER UNIQUE, text TEXT)", NULL, NULL, NULL), SQLITE_OK);
	cr_assert_eq(sqlite3_prepare_v2(*db, "INSERT INTO t VALUES (?, ?)", -1, &insert, NULL), SQLITE_OK);
	return insert;
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

static int put(struct row_writer *w, sqlite3_stmt *insert, int64_t n, const char *text, struct err *err)
{
	struct value values[] = {
		{ .type = VALUE_INTEGER, .integer = n },
		{ .type = VALUE_TEXT, .text = text },
	};

	return row_writer_put(w, insert, values, 2, err);
}

/* More rows than all chunks hold; each text is overwritten at once, every tenth is NULL. */
Test(row_writer, rows_arrive_whole_and_in_order)
{
	const int nr = 10000;
	struct row_writer *w;
	sqlite3_stmt *insert;
	sqlite3 *db;
	char text[16];

	insert = open_table(&db);
	cr_assert_eq(row_writer_start(&w, "test", NULL), 0);
	for (int i = 0; i < nr; i++) {
		snprintf(text, sizeof(text), "row %d", i);
		cr_assert_eq(put(w, insert, i, i % 10 ? text : NULL, NULL), 0);
		memset(text, 'x', sizeof(text));
	}
	cr_assert_eq(row_writer_finish(w, NULL), 0);
	cr_expect_eq(number_of(db, "SELECT count(*) FROM t WHERE n = rowid - 1"), nr);
	cr_expect_eq(number_of(db, "SELECT count(*) FROM t WHERE text = 'row ' || n"), nr - nr / 10);
	cr_expect_eq(number_of(db, "SELECT count(*) FROM t WHERE text IS NULL AND n % 10 = 0"), nr / 10);
	sqlite3_finalize(insert);
	sqlite3_close(db);
}

Test(row_writer, a_row_that_fails_is_told_and_rows_behind_it_are_dropped)
{
	struct err err = { 0 };
	struct row_writer *w;
	sqlite3_stmt *insert;
	int told = 0;
	sqlite3 *db;

	insert = open_table(&db);
	cr_assert_eq(row_writer_start(&w, "test", NULL), 0);
	put(w, insert, 1, "", NULL);
	put(w, insert, 1, "", NULL);
	for (int i = 2; i < 100000 && !told; i++)
		told = put(w, insert, i, "", &err);
	cr_expect_eq(told, -(int)ERR_INVARIANT, "by a later row");
	cr_expect_eq(row_writer_finish(w, &err), -(int)ERR_INVARIANT);
	cr_expect(strstr(err.text, "t.n"), "%s", err.text);
	cr_expect_eq(number_of(db, "SELECT count(*) FROM t"), 1);
	sqlite3_finalize(insert);
	sqlite3_close(db);
}

Test(row_writer, finishing_none_is_fine)
{
	cr_expect_eq(row_writer_finish(NULL, NULL), 0);
}

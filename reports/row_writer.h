/*
 * row_writer: rows on their way to prepared statements, run by a thread of their own beside the simulation: SQLite takes
 * some microseconds a row. The statements run in the order in which the rows were put, so the database is the same as
 * if they had been run on the spot. An error is told by a later put, by the finish at the latest; rows behind it are
 * dropped.
 */
#ifndef KMEMSIM_REPORTS_ROW_WRITER_H
#define KMEMSIM_REPORTS_ROW_WRITER_H

#include <sqlite3.h>
#include <stdint.h>

#include "base/err.h"

/** A value for a column, whatever its C type. */
struct value {
	enum { VALUE_INTEGER, VALUE_REAL, VALUE_TEXT } type;
	union {
		int64_t integer;
		double real;
		const char *text; /* borrowed for the call; NULL = NULL */
	};
};

/** row_write() - run @stmt once with these values, now. @path is for the error. */
int row_write(sqlite3_stmt *stmt, const char *path, const struct value *values, int nr_values, struct err *err);

struct row_writer;

/** row_writer_start() - @path is borrowed. The caller owns *out, and leaves its connection alone until the finish. */
int row_writer_start(struct row_writer **out, const char *path, struct err *err);

/** row_writer_put() - have @stmt run with these values, which are copied. */
int row_writer_put(struct row_writer *w, sqlite3_stmt *stmt, const struct value *values, int nr_values, struct err *err);

/** row_writer_finish() - wait until all rows are written and free @w; NULL is fine. Return: 0, or the first error. */
int row_writer_finish(struct row_writer *w, struct err *err);

#endif

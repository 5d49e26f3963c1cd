/*
 * row_writer: rows on their way to their tables, batch by batch (row_batch.h), and on demand by a thread of their
 * own beside the simulation: SQLite takes a microsecond or more for a row. Rows of a table are written in the order
 * in which they were put; those of different tables in any order, so foreign keys have to be off. An error is told
 * by a later put, by the finish at the latest; rows behind it are dropped.
 */
#ifndef KMEMSIM_REPORTS_ROW_WRITER_H
#define KMEMSIM_REPORTS_ROW_WRITER_H

#include "base/err.h"
#include "reports/row_batch.h"

/** A table that gets rows. */
struct row_table {
	const char *name, *columns; /* columns: as SQL lists them; at most ROW_MAX_VALUES */
};

struct row_writer;

/**
 * row_writer_create() - @path (for errors) and @tables are borrowed until row_writer_destroy(). Statements are prepared
 * when their table gets its first row. The caller owns *out.
 */
int row_writer_create(struct row_writer **out, const char *path, const struct row_table *tables, unsigned int nr_tables,
	struct err *err);

/**
 * row_writer_connect() - where the rows go. @db is borrowed
 * until row_writer_destroy(). Before the first row is written.
 */
int row_writer_connect(struct row_writer *w, sqlite3 *db, struct err *err);

/** row_writer_count_from() - from now on values of types VALUE_RUN and VALUE_SAMPLE are counted from these. */
void row_writer_count_from(struct row_writer *w, int64_t run, int64_t sample);

/** row_writer_destroy() - drops what was not written. Before the connection is closed; accepts NULL. */
void row_writer_destroy(struct row_writer *w);

/**
 * row_writer_start() - from now on a thread writes. The caller leaves the connection alone until row_writer_finish().
 * @prepare: what the thread does before it writes, as connecting
 * the writer; its error is told as one of a row. May be NULL.
 */
int row_writer_start(struct row_writer *w, int (*prepare)(void *arg, struct err *err), void *arg, struct err *err);

/** row_writer_put() - have a row with @values, which are copied, added to tables[@table]: as many as it has columns. */
int row_writer_put(struct row_writer *w, unsigned int table, const struct value *values, struct err *err);

/**
 * row_writer_flush() - hand all rows that were put to the thread, so that
 * it need not wait for more of them. Without a thread they are written now.
 */
int row_writer_flush(struct row_writer *w, struct err *err);

/**
 * row_writer_finish() - wait until all rows are written; the thread is over.
 * Return: 0, or the first error since the last finish.
 */
int row_writer_finish(struct row_writer *w, struct err *err);

#endif

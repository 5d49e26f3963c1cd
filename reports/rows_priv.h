/* rows: the rows of a statement as a table for people, as CSV (RFC 4180, lines end in LF) or as JSON. */
#ifndef KMEMSIM_REPORTS_ROWS_PRIV_H
#define KMEMSIM_REPORTS_ROWS_PRIV_H

#include <stdbool.h>
#include <stdio.h>

#include "reports/results_priv.h"

struct rows_shape {
	enum results_format format;
	unsigned int width; /* of the terminal, for a table; 0 = any */
	/*
	 * where folding long texts does not make it fit it stays
	 * a table, else it becomes a list of each row's columns
	 */
	bool table;
};

/**
 * rows_write() - run @stmt and write what it answers. JSON is an array of one object per row and line,
 * without newline behind it.
 */
int rows_write(struct results *results, sqlite3_stmt *stmt, const struct rows_shape *shape, FILE *out, struct err *err);

/** rows_answer() - run @sql and write what it answers, at most options->limit rows; JSON with a newline behind it. */
int rows_answer(struct results *results, const char *sql, const struct query_options *options, FILE *out,
	struct err *err);

/** rows_write_object() - the current row as one JSON object. */
void rows_write_object(sqlite3_stmt *stmt, FILE *out);

#endif

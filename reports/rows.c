#include "reports/rows_priv.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "reports/text_priv.h"

static const char *cell_text(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	return text ? text : "";
}

static void write_json_cell(sqlite3_stmt *stmt, int column, FILE *out)
{
	switch (sqlite3_column_type(stmt, column)) {
	case SQLITE_NULL:
		fputs("null", out);
		break;
	case SQLITE_INTEGER:
	case SQLITE_FLOAT:
		fputs(cell_text(stmt, column), out);
		break;
	default:
		json_text_put(out, cell_text(stmt, column));
		break;
	}
}

void rows_write_object(sqlite3_stmt *stmt, FILE *out)
{
	fputc('{', out);
	for (int i = 0; i < sqlite3_column_count(stmt); i++) {
		fputs(i ? ", " : "", out);
		json_text_put(out, sqlite3_column_name(stmt, i));
		fputs(": ", out);
		write_json_cell(stmt, i, out);
	}
	fputc('}', out);
}

static int write_json(struct results *results, sqlite3_stmt *stmt, FILE *out, struct err *err)
{
	const char *before = "\n  ";
	int ret;

	fputc('[', out);
	while ((ret = results_step(results, stmt, err)) > 0) {
		fputs(before, out);
		rows_write_object(stmt, out);
		before = ",\n  ";
	}
	fputs(before[0] == ',' ? "\n]" : "]", out);
	return ret;
}

static void write_csv_cell(const char *text, FILE *out)
{
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static int write_csv(struct results *results, sqlite3_stmt *stmt, FILE *out, struct err *err)
{
	int columns = sqlite3_column_count(stmt);
	int ret;

	for (int i = 0; i < columns; i++) {
		fputs(i ? "," : "", out);
		write_csv_cell(sqlite3_column_name(stmt, i), out);
	}
	fputc('\n', out);
	while ((ret = results_step(results, stmt, err)) > 0) {
		for (int i = 0; i < columns; i++) {
			fputs(i ? "," : "", out);
			write_csv_cell(cell_text(stmt, i), out);
		}
		fputc('\n', out);
	}
	return ret;
}

/* A folded text has as many columns at least. */
#define FOLDED_MIN 20

struct column {
	int width;
	bool text; /* left-aligned */
};

/* What is missing is "-". */
static const char *table_text(sqlite3_stmt *stmt, int column)
{
	return sqlite3_column_type(stmt, column) == SQLITE_NULL ? "-" : cell_text(stmt, column);
}

static int measure(struct results *results, sqlite3_stmt *stmt, struct column *columns, struct err *err)
{
	int nr = sqlite3_column_count(stmt);
	int ret;

	for (int i = 0; i < nr; i++)
		columns[i].width = text_width(sqlite3_column_name(stmt, i));
	while ((ret = results_step(results, stmt, err)) > 0) {
		for (int i = 0; i < nr; i++) {
			int width = text_width(table_text(stmt, i));

			if (width > columns[i].width)
				columns[i].width = width;
			if (sqlite3_column_type(stmt, i) == SQLITE_TEXT)
				columns[i].text = true;
		}
	}
	return ret;
}

static int table_width(const struct column *columns, int nr)
{
	int width = 2 * (nr - 1);

	for (int i = 0; i < nr; i++)
		width += columns[i].width;
	return width;
}

/* The widest texts first, as far as they go. */
static void narrow_texts(struct column *columns, int nr, int width)
{
	for (int excess = table_width(columns, nr) - width; excess > 0; excess--) {
		struct column *widest = NULL;

		for (int i = 0; i < nr; i++)
			if (columns[i].text && columns[i].width > FOLDED_MIN &&
				(!widest || columns[i].width > widest->width))
				widest = &columns[i];
		if (!widest)
			return;
		widest->width--;
	}
}

/* Line @line of a row of names (@names) or of values. Return: whether a text goes on in the next one. */
static bool write_table_line(sqlite3_stmt *stmt, const struct column *columns, bool names, unsigned int line, FILE *out)
{
	int nr = sqlite3_column_count(stmt), blanks = 0;
	bool more = false;

	for (int i = 0; i < nr; i++) {
		const char *end = names ? sqlite3_column_name(stmt, i) : table_text(stmt, i);
		const char *begin = text_piece(&end, columns[i].width, line);
		char *cell = strndup(begin, (size_t)(end - begin));
		int pad = columns[i].width - text_width(cell ? cell : "");
		bool last = i == nr - 1;

		more |= *end != '\0';
		if (line == 0 || end > begin) {
			fprintf(out, "%*s", blanks + (columns[i].text ? 0 : pad), "");
			text_padded(out, cell ? cell : "", 0, false);
			blanks = last ? 0 : 2 + (columns[i].text ? pad : 0);
		} else {
			blanks += columns[i].width + 2;
		}
		free(cell);
	}
	fputc('\n', out);
	return more;
}

static void write_table_row(sqlite3_stmt *stmt, const struct column *columns, bool names, FILE *out)
{
	for (unsigned int line = 0; write_table_line(stmt, columns, names, line, out);)
		line++;
}

/* A line for each column of a row, as no line could hold the row. */
static void write_list_row(sqlite3_stmt *stmt, FILE *out)
{
	int nr = sqlite3_column_count(stmt), width = 0;

	for (int i = 0; i < nr; i++)
		width = text_width(sqlite3_column_name(stmt, i)) > width ? text_width(sqlite3_column_name(stmt, i)) :
									   width;
	for (int i = 0; i < nr; i++) {
		text_padded(out, sqlite3_column_name(stmt, i), width + 2, false);
		text_padded(out, table_text(stmt, i), 0, false);
		fputc('\n', out);
	}
}

static int write_rows(struct results *results, sqlite3_stmt *stmt, const struct column *columns, bool list, FILE *out,
	struct err *err)
{
	bool any = false;
	int ret;

	if (!list)
		write_table_row(stmt, columns, true, out);
	while ((ret = results_step(results, stmt, err)) > 0) {
		if (list && any)
			fputc('\n', out);
		if (list)
			write_list_row(stmt, out);
		else
			write_table_row(stmt, columns, false, out);
		any = true;
	}
	if (ret == 0 && !any)
		fputs("(no rows)\n", out);
	return ret;
}

/* Two passes over the rows rather than all rows in memory. */
static int write_table(struct results *results, sqlite3_stmt *stmt, const struct rows_shape *shape, FILE *out,
	struct err *err)
{
	int nr = sqlite3_column_count(stmt), width = (int)shape->width;
	struct column *columns = calloc((size_t)nr, sizeof(*columns));
	bool list = false;
	int ret;

	if (!columns)
		return err_set(err, ERR_NOMEM, "%s: no memory for a table", results->path);
	ret = measure(results, stmt, columns, err);
	sqlite3_reset(stmt);
	if (width) {
		narrow_texts(columns, nr, width);
		list = !shape->table && table_width(columns, nr) > width;
	}
	if (ret == 0)
		ret = write_rows(results, stmt, columns, list, out, err);
	free(columns);
	return ret;
}

int rows_write(struct results *results, sqlite3_stmt *stmt, const struct rows_shape *shape, FILE *out, struct err *err)
{
	switch (shape->format) {
	case RESULTS_CSV:
		return write_csv(results, stmt, out, err);
	case RESULTS_JSON:
		return write_json(results, stmt, out, err);
	case RESULTS_TABLE:
		break;
	}
	return write_table(results, stmt, shape, out, err);
}

int rows_answer(struct results *results, const char *sql, const struct query_options *options, FILE *out,
	struct err *err)
{
	/* LIMIT -1 takes all rows, and keeps them in the order that the query has them in. */
	char *whole = options->run ?
		sqlite3_mprintf("SELECT * FROM (%s LIMIT -1) WHERE run_id = %lld LIMIT %lld", sql,
			(long long)options->run, options->limit ? (long long)options->limit : -1LL) :
		sqlite3_mprintf("%s LIMIT %lld", sql, options->limit ? (long long)options->limit : -1LL);
	const struct rows_shape shape = { .format = options->format, .width = options->width };
	sqlite3_stmt *stmt;
	int ret;

	if (!whole)
		return err_set(err, ERR_NOMEM, "%s: no memory for a query", results->path);
	ret = results_prepare(results, whole, NULL, 0, &stmt, err);
	sqlite3_free(whole);
	if (ret < 0)
		return ret;
	ret = rows_write(results, stmt, &shape, out, err);
	if (ret == 0 && options->format == RESULTS_JSON)
		fputc('\n', out);
	sqlite3_finalize(stmt);
	return ret;
}

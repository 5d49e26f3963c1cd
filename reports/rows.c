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

struct column {
	int width;
	bool text; /* left-aligned */
};

static void write_table_cell(const char *text, const struct column *column, bool last, FILE *out)
{
	text_padded(out, text, column->text && last ? 0 : column->width, !column->text);
	fputs(last ? "\n" : "  ", out);
}

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

/* Two passes over the rows rather than all rows in memory. */
static int write_table(struct results *results, sqlite3_stmt *stmt, FILE *out, struct err *err)
{
	int nr = sqlite3_column_count(stmt);
	struct column *columns = calloc((size_t)nr, sizeof(*columns));
	int ret;

	if (!columns)
		return err_set(err, ERR_NOMEM, "%s: no memory for a table", results->path);
	ret = measure(results, stmt, columns, err);
	sqlite3_reset(stmt);
	for (int i = 0; i < nr; i++)
		write_table_cell(sqlite3_column_name(stmt, i), &columns[i], i == nr - 1, out);
	while (ret == 0 && (ret = results_step(results, stmt, err)) > 0) {
		for (int i = 0; i < nr; i++)
			write_table_cell(table_text(stmt, i), &columns[i], i == nr - 1, out);
		ret = 0;
	}
	free(columns);
	return ret;
}

int rows_write(
	struct results *results, sqlite3_stmt *stmt, enum results_format format, FILE *out, struct err *err)
{
	switch (format) {
	case RESULTS_CSV:
		return write_csv(results, stmt, out, err);
	case RESULTS_JSON:
		return write_json(results, stmt, out, err);
	case RESULTS_TABLE:
		break;
	}
	return write_table(results, stmt, out, err);
}

int rows_answer(struct results *results, const char *sql, const struct query_options *options, FILE *out,
	struct err *err)
{
	char *limited = options->limit ? sqlite3_mprintf("%s LIMIT %u", sql, options->limit) : NULL;
	sqlite3_stmt *stmt;
	int ret;

	if (options->limit && !limited)
		return err_set(err, ERR_NOMEM, "%s: no memory for a query", results->path);
	ret = results_prepare(results, limited ? limited : sql, NULL, 0, &stmt, err);
	sqlite3_free(limited);
	if (ret < 0)
		return ret;
	ret = rows_write(results, stmt, options->format, out, err);
	if (ret == 0 && options->format == RESULTS_JSON)
		fputc('\n', out);
	sqlite3_finalize(stmt);
	return ret;
}

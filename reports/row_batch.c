#include "reports/row_batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void row_batch_clear(struct row_batch *batch, unsigned int table, uint32_t row_values)
{
	batch->next = NULL;
	batch->table = table;
	batch->row_values = row_values;
	batch->nr_rows = batch->nr_values = 0;
	batch->texts_len = 0;
}

/* Keep @text, its end included. */
static bool keep_text(struct row_batch *batch, const char *text, struct value *value)
{
	size_t at = batch->texts_len;
	size_t len = text ? strlen(text) : 0;

	*value = (struct value){ .type = VALUE_TEXT, .length = text ? (int)len : VALUE_NULL, .at = at };
	if (!text)
		return true;
	if (at + len + 1 > batch->texts_cap) {
		size_t cap = 2 * (at + len + 1);
		char *texts = realloc(batch->texts, cap);

		if (!texts)
			return false;
		batch->texts = texts;
		batch->texts_cap = cap;
	}
	memcpy(batch->texts + at, text, len + 1);
	batch->texts_len += len + 1;
	return true;
}

bool row_batch_put(struct row_batch *batch, const struct value *values)
{
	struct value *row = &batch->values[batch->nr_values];

	for (uint32_t i = 0; i < batch->row_values; i++) {
		if (values[i].type != VALUE_TEXT)
			row[i] = values[i];
		else if (!keep_text(batch, values[i].text, &row[i]))
			return false;
	}
	batch->nr_values += batch->row_values;
	batch->nr_rows++;
	return true;
}

void row_batch_free(struct row_batch *batch)
{
	if (batch)
		free(batch->texts);
	free(batch);
}

/* A virtual table of SQLite: the members named `base` are SQLite's, and first. */
struct shown_table {
	sqlite3_vtab base;
	const struct row_source *source; /* borrowed */
};

struct shown_cursor {
	sqlite3_vtab_cursor base;
	const struct row_batch *batch;
	uint32_t row;
};

static int show_connect(sqlite3 *db, void *arg, int argc, const char *const *argv, sqlite3_vtab **out, char **message)
{
	char sql[16 + 5 * ROW_MAX_VALUES] = "CREATE TABLE q (c0";
	struct shown_table *table;
	size_t used = strlen(sql);
	int ret;

	(void)argc, (void)argv, (void)message;
	for (int i = 1; i < ROW_MAX_VALUES; i++)
		used += (size_t)snprintf(sql + used, sizeof(sql) - used, ",c%d", i);
	snprintf(sql + used, sizeof(sql) - used, ")");
	ret = sqlite3_declare_vtab(db, sql);
	if (ret != SQLITE_OK)
		return ret;
	table = sqlite3_malloc(sizeof(*table));
	if (!table)
		return SQLITE_NOMEM;
	*table = (struct shown_table){ .source = arg };
	*out = &table->base;
	return SQLITE_OK;
}

static int show_disconnect(sqlite3_vtab *table)
{
	sqlite3_free(table);
	return SQLITE_OK;
}

/* There is one way: all rows, in their order. */
static int show_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
	(void)table;
	info->estimatedCost = ROW_BATCH_VALUES;
	return SQLITE_OK;
}

static int show_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
	struct shown_cursor *cursor = sqlite3_malloc(sizeof(*cursor));

	(void)table;
	if (!cursor)
		return SQLITE_NOMEM;
	*cursor = (struct shown_cursor){ 0 };
	*out = &cursor->base;
	return SQLITE_OK;
}

static int show_close(sqlite3_vtab_cursor *cursor)
{
	sqlite3_free(cursor);
	return SQLITE_OK;
}

static int show_filter(sqlite3_vtab_cursor *base, int number, const char *name, int argc, sqlite3_value **argv)
{
	struct shown_cursor *cursor = (struct shown_cursor *)base;

	(void)number, (void)name, (void)argc, (void)argv;
	cursor->batch = ((struct shown_table *)base->pVtab)->source->batch;
	cursor->row = 0;
	return SQLITE_OK;
}

static int show_next(sqlite3_vtab_cursor *base)
{
	((struct shown_cursor *)base)->row++;
	return SQLITE_OK;
}

static int show_eof(sqlite3_vtab_cursor *base)
{
	const struct shown_cursor *cursor = (const struct shown_cursor *)base;

	return cursor->row >= cursor->batch->nr_rows;
}

/* Columns behind those that the rows have are NULL: so is a result that is not set. */
static int show_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
	const struct shown_cursor *cursor = (const struct shown_cursor *)base;
	const struct row_batch *batch = cursor->batch;
	const struct value *value = &batch->values[cursor->row * batch->row_values + (uint32_t)column];

	if ((uint32_t)column >= batch->row_values)
		return SQLITE_OK;
	if (value->type <= VALUE_LAST_INTEGER)
		sqlite3_result_int64(context,
			((const struct shown_table *)base->pVtab)->source->base[value->type] + value->integer);
	else if (value->type == VALUE_REAL)
		sqlite3_result_double(context, value->real);
	else if (value->length != VALUE_NULL)
		sqlite3_result_text(context, batch->texts + value->at, value->length, SQLITE_STATIC);
	return SQLITE_OK;
}

static int show_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid)
{
	*rowid = ((const struct shown_cursor *)base)->row;
	return SQLITE_OK;
}

int row_batch_show(sqlite3 *db, struct row_source *source)
{
	static const sqlite3_module module = {
		.iVersion = 1,
		.xConnect = show_connect,
		.xBestIndex = show_best_index,
		.xDisconnect = show_disconnect,
		.xOpen = show_open,
		.xClose = show_close,
		.xFilter = show_filter,
		.xNext = show_next,
		.xEof = show_eof,
		.xColumn = show_column,
		.xRowid = show_rowid,
	};

	return sqlite3_create_module(db, "queued_rows", &module, source);
}

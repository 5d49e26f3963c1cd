#include "reports/run_copy_priv.h"

#include <stdlib.h>
#include <string.h>

#include "reports/rows_priv.h"

/* Columns of runs that two equal runs may have otherwise, as a list of SQL texts. */
#define RUN_OWN_COLUMNS                                                                                      \
	"'run_id', 'trace', 'machine', 'config_yaml', 'version', 'wall_ns', 'git_commit', 'compiler', 'flags', 'host',"   \
	" 'started_at', 'ended_at', 'error'"

/*
 * Parents stand before their children: "runs" and "samples" first, then in the order of the schema. A table
 * without a run_id has a sample_id.
 */
static const char tables_sql[] =
	"SELECT t.name, EXISTS (SELECT 1 FROM pragma_table_info(t.name) WHERE name = 'run_id'), l.wr"
	" FROM sqlite_schema t JOIN pragma_table_list(t.name) l"
	" WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'"
	" ORDER BY t.name <> 'runs', t.name <> 'samples', t.rowid";

#define TABLES_MAX 64

/* A table with its statements prepared. */
struct run_table {
	char *name;           /* owned */
	bool by_run;          /* has a run_id, else a sample_id */
	bool ordered;         /* has a rowid, and its order means something */
	sqlite3_stmt *select; /* owned: the rows of run ?1 */
	sqlite3_stmt *insert; /* owned: NULL without a target */
};

struct run_reader {
	struct results *results; /* borrowed */
	struct results *target;  /* borrowed, or NULL */
	struct run_table tables[TABLES_MAX];
	unsigned int nr_tables;
};

static int no_memory(const struct results *results, struct err *err)
{
	return err_set(err, ERR_NOMEM, "%s: no memory to read a run", results->path);
}

/*
 * The columns of a table that are copied as they are, quoted and joined; its own row
 * number, run_id and sample_id are not. The caller owns *columns: sqlite3_free().
 */
static int data_columns(struct results *results, const char *table, const char *except, char **columns, struct err *err)
{
	/* Where one number is the whole key, it is a row's own. */
	char *sql = sqlite3_mprintf("SELECT group_concat('\"' || name || '\"', ', ') FROM pragma_table_info(%Q)"
				    " WHERE name NOT IN ('run_id', 'sample_id', %s) AND NOT (pk = 1 AND type = 'INTEGER' AND"
				    " (SELECT max(pk) FROM pragma_table_info(%Q)) = 1)",
		table, except, table);
	sqlite3_stmt *stmt = NULL;
	int ret = sql ? results_prepare(results, sql, NULL, 0, &stmt, err) : no_memory(results, err);

	*columns = NULL;
	if (ret == 0)
		ret = results_step(results, stmt, err);
	if (ret > 0)
		*columns = sqlite3_mprintf("%s", sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	sqlite3_free(sql);
	if (ret >= 0 && !*columns)
		return no_memory(results, err);
	return ret < 0 ? ret : 0;
}

/*
 * Reads the rows of run ?1 in their order; a sample shows as its place in the run, from 0. The caller owns the
 * text: sqlite3_free().
 */
static char *select_sql(const struct run_table *table, const char *columns)
{
	if (!strcmp(table->name, "samples"))
		return sqlite3_mprintf("SELECT row_number() OVER (ORDER BY sample_id) - 1 AS sample_id, %s FROM samples"
				       " WHERE run_id = ?1 ORDER BY sample_id",
			columns);
	if (table->by_run)
		return sqlite3_mprintf("SELECT %s FROM \"%w\" WHERE run_id = ?1 %s", columns, table->name,
			table->ordered ? "ORDER BY +rowid" : "");
	return sqlite3_mprintf("SELECT s.place, %s FROM (SELECT sample_id,"
			       " row_number() OVER (ORDER BY sample_id) - 1 AS place FROM samples WHERE run_id = ?1) s"
			       " CROSS JOIN \"%w\" t USING (sample_id) ORDER BY s.place %s",
		columns, table->name, table->ordered ? ", +t.rowid" : "");
}

/* Which numbers go before the columns, to be bound as ?1 (the run) and ?2 (the sample). */
static char *insert_sql(const struct run_table *table, const char *columns, int nr_columns)
{
	bool is_samples = !strcmp(table->name, "samples");
	const char *ids = is_samples ? "run_id, sample_id" : table->by_run ? "run_id" : "sample_id";
	sqlite3_str *sql = sqlite3_str_new(NULL);

	sqlite3_str_appendf(sql, "INSERT INTO \"%w\" (%s, %s) VALUES (%s", table->name, ids, columns,
		is_samples ? "?1, ?2" : table->by_run ? "?1" : "?2");
	for (int i = 0; i < nr_columns; i++)
		sqlite3_str_appendf(sql, ", ?%d", i + 3);
	sqlite3_str_appendall(sql, ")");
	return sqlite3_str_finish(sql);
}

/* A sample's number comes first in the rows of tables that have one. */
static bool has_sample(const struct run_table *table)
{
	return !table->by_run || !strcmp(table->name, "samples");
}

static int prepare_built(struct results *results, char *sql, sqlite3_stmt **stmt, struct err *err)
{
	int ret = sql ? results_prepare(results, sql, NULL, 0, stmt, err) : no_memory(results, err);

	sqlite3_free(sql);
	return ret;
}

/* For a digest, without the columns of runs that equal runs may have otherwise. */
static int prepare_table(struct run_reader *reader, struct run_table *table, struct err *err)
{
	const char *except = reader->target || strcmp(table->name, "runs") ? "''" : RUN_OWN_COLUMNS;
	char *columns;
	int ret = data_columns(reader->results, table->name, except, &columns, err);

	if (ret == 0)
		ret = prepare_built(reader->results, select_sql(table, columns), &table->select, err);
	if (ret == 0 && reader->target)
		ret = prepare_built(reader->target,
			insert_sql(table, columns, sqlite3_column_count(table->select) - has_sample(table)),
			&table->insert, err);
	sqlite3_free(columns);
	return ret;
}

static int add_table(struct run_reader *reader, sqlite3_stmt *listed, struct err *err)
{
	struct run_table *table = &reader->tables[reader->nr_tables];

	if (reader->nr_tables == TABLES_MAX)
		return err_set(err, ERR_RESULTS, "%s: more than %d tables", reader->results->path, TABLES_MAX);
	table->name = strdup((const char *)sqlite3_column_text(listed, 0));
	if (!table->name)
		return no_memory(reader->results, err);
	table->by_run = sqlite3_column_int(listed, 1);
	table->ordered = !sqlite3_column_int(listed, 2);
	reader->nr_tables++;
	return prepare_table(reader, table, err);
}

int run_reader_create(struct run_reader **out, struct results *results, struct results *target, struct err *err)
{
	struct run_reader *reader = calloc(1, sizeof(*reader));
	sqlite3_stmt *listed = NULL;
	int ret;

	if (!reader)
		return no_memory(results, err);
	reader->results = results;
	reader->target = target;
	ret = results_prepare(results, tables_sql, NULL, 0, &listed, err);
	while (ret >= 0 && (ret = results_step(results, listed, err)) > 0)
		ret = add_table(reader, listed, err);
	sqlite3_finalize(listed);
	if (ret < 0) {
		run_reader_destroy(reader);
		return ret;
	}
	*out = reader;
	return 0;
}

void run_reader_destroy(struct run_reader *reader)
{
	if (!reader)
		return;
	for (unsigned int i = 0; i < reader->nr_tables; i++) {
		sqlite3_finalize(reader->tables[i].select);
		sqlite3_finalize(reader->tables[i].insert);
		free(reader->tables[i].name);
	}
	free(reader);
}

static int copy_row(const struct run_reader *reader, const struct run_table *table, const struct run_copy *copy,
	struct err *err)
{
	int first = has_sample(table) ? 1 : 0, nr = sqlite3_column_count(table->select);
	int ret;

	sqlite3_bind_int64(table->insert, 1, copy->to_run);
	if (first)
		sqlite3_bind_int64(table->insert, 2, copy->to_sample + sqlite3_column_int64(table->select, 0));
	for (int i = first; i < nr; i++)
		sqlite3_bind_value(table->insert, i - first + 3, sqlite3_column_value(table->select, i));
	ret = results_step(reader->target, table->insert, err);
	sqlite3_reset(table->insert);
	return ret;
}

int run_copy(const struct run_reader *reader, const struct run_copy *copy, struct err *err)
{
	int ret = 0;

	for (unsigned int i = 0; i < reader->nr_tables && ret >= 0; i++) {
		const struct run_table *table = &reader->tables[i];

		sqlite3_bind_int64(table->select, 1, copy->from_run);
		while (ret >= 0 && (ret = results_step(reader->results, table->select, err)) > 0)
			ret = copy_row(reader, table, copy, err);
		sqlite3_reset(table->select);
	}
	return ret;
}

static int write_tables(const struct run_reader *reader, int64_t run, FILE *text, struct err *err)
{
	int ret = 0;

	for (unsigned int i = 0; i < reader->nr_tables && ret == 0; i++) {
		const struct run_table *table = &reader->tables[i];

		if (!strcmp(table->name, "run_params"))
			continue;
		fprintf(text, "%s\n", table->name);
		sqlite3_bind_int64(table->select, 1, run);
		ret = rows_write(reader->results, table->select, &(struct rows_shape){ .format = RESULTS_CSV }, text,
			err);
		sqlite3_reset(table->select);
	}
	return ret;
}

int run_digest(const struct run_reader *reader, int64_t run, char hex[SHA256_HEX_SIZE], struct err *err)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int ret;

	if (!out)
		return no_memory(reader->results, err);
	ret = write_tables(reader, run, out, err);
	if (fclose(out) != 0 && ret == 0)
		ret = no_memory(reader->results, err);
	if (ret == 0)
		sha256_buffer(text, size, hex);
	free(text);
	return ret;
}

#include "reports/run_copy_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reports/database_priv.h"
#include "reports/rows_priv.h"

/* Columns of runs that two equal runs may have otherwise, as a list of SQL texts. */
#define RUN_OWN_COLUMNS                                                                                      \
	"'run_id', 'trace', 'machine', 'config_yaml', 'wall_ns', 'git_commit', 'compiler', 'flags', 'host',"   \
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

struct table {
	const char *name; /* borrowed: from the statement that lists the tables */
	bool by_run;      /* has a run_id, else a sample_id */
	bool ordered;     /* has a rowid, and its order means something */
};

static int no_memory(const struct results *results, struct err *err)
{
	return err_set(err, ERR_NOMEM, "%s: no memory to read a run", results->path);
}

typedef int (*table_visit)(const struct table *table, void *context, struct err *err);

static int for_each_table(struct results *results, table_visit visit, void *context, struct err *err)
{
	sqlite3_stmt *stmt;
	int ret = results_prepare(results, tables_sql, NULL, 0, &stmt, err);

	if (ret < 0)
		return ret;
	while (ret >= 0 && (ret = results_step(results, stmt, err)) > 0) {
		struct table table = {
			.name = (const char *)sqlite3_column_text(stmt, 0),
			.by_run = sqlite3_column_int(stmt, 1),
			.ordered = !sqlite3_column_int(stmt, 2),
		};

		ret = visit(&table, context, err);
	}
	sqlite3_finalize(stmt);
	return ret;
}

/*
 * The columns of a table that are copied as they are, quoted and joined; its own row number, run_id and sample_id are not.
 * The caller owns *columns: sqlite3_free().
 */
static int data_columns(struct results *results, const char *table, const char *except, char **columns, struct err *err)
{
	char *sql = sqlite3_mprintf("SELECT group_concat('\"' || name || '\"', ', ') FROM pragma_table_info(%Q)"
				    " WHERE name NOT IN ('run_id', 'sample_id', 'violation_id', %s)",
		table, except);
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
static char *select_sql(const struct table *table, const char *columns)
{
	if (!strcmp(table->name, "samples"))
		return sqlite3_mprintf("SELECT row_number() OVER (ORDER BY sample_id) - 1 AS sample_id, %s FROM samples"
				       " WHERE run_id = ?1 ORDER BY sample_id",
			columns);
	if (table->by_run)
		return sqlite3_mprintf("SELECT %s FROM \"%w\" WHERE run_id = ?1 %s", columns, table->name,
			table->ordered ? "ORDER BY rowid" : "");
	return sqlite3_mprintf("SELECT s.place, %s FROM (SELECT sample_id,"
			       " row_number() OVER (ORDER BY sample_id) - 1 AS place FROM samples WHERE run_id = ?1) s"
			       " CROSS JOIN \"%w\" t USING (sample_id) ORDER BY s.place %s",
		columns, table->name, table->ordered ? ", t.rowid" : "");
}

/* Which numbers go before the columns, to be bound as ?1 (the run) and ?2 (the sample). */
static char *insert_sql(const struct table *table, const char *columns, int nr_columns)
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

struct copying {
	struct results *from, *to;
	const struct run_copy *copy;
};

/* A row that shows a sample has it in its first column. */
static int copy_rows(const struct copying *c, sqlite3_stmt *select, sqlite3_stmt *insert, bool with_sample,
	struct err *err)
{
	int first = with_sample ? 1 : 0, nr = sqlite3_column_count(select);
	int ret;

	while ((ret = results_step(c->from, select, err)) > 0) {
		sqlite3_bind_int64(insert, 1, c->copy->to_run);
		if (with_sample)
			sqlite3_bind_int64(insert, 2, c->copy->to_sample + sqlite3_column_int64(select, 0));
		for (int i = first; i < nr; i++)
			sqlite3_bind_value(insert, i - first + 3, sqlite3_column_value(select, i));
		ret = results_step(c->to, insert, err);
		sqlite3_reset(insert);
		if (ret < 0)
			return ret;
	}
	return ret;
}

static int copy_table(const struct table *table, void *context, struct err *err)
{
	const struct copying *c = context;
	bool with_sample = !table->by_run || !strcmp(table->name, "samples");
	char *columns, *reading = NULL, *writing = NULL;
	sqlite3_stmt *select = NULL, *insert = NULL;
	int ret = data_columns(c->from, table->name, "''", &columns, err);

	if (ret == 0) {
		reading = select_sql(table, columns);
		ret = reading ? results_prepare(c->from, reading, &c->copy->from_run, 1, &select, err)
			      : no_memory(c->from, err);
	}
	if (ret == 0) {
		writing = insert_sql(table, columns, sqlite3_column_count(select) - with_sample);
		ret = writing ? results_prepare(c->to, writing, NULL, 0, &insert, err) : no_memory(c->to, err);
	}
	if (ret == 0)
		ret = copy_rows(c, select, insert, with_sample, err);
	sqlite3_finalize(select);
	sqlite3_finalize(insert);
	sqlite3_free(reading);
	sqlite3_free(writing);
	sqlite3_free(columns);
	return ret;
}

int run_copy(struct results *from, struct results *to, const struct run_copy *copy, struct err *err)
{
	struct copying copying = { .from = from, .to = to, .copy = copy };

	return for_each_table(from, copy_table, &copying, err);
}

struct digesting {
	struct results *results;
	int64_t run;
	FILE *text;
};

static int digest_table(const struct table *table, void *context, struct err *err)
{
	const struct digesting *d = context;
	const char *except = strcmp(table->name, "runs") ? "''" : RUN_OWN_COLUMNS;
	char *columns, *reading;
	sqlite3_stmt *select = NULL;
	int ret;

	if (!strcmp(table->name, "run_params"))
		return 0;
	ret = data_columns(d->results, table->name, except, &columns, err);
	if (ret < 0)
		return ret;
	reading = select_sql(table, columns);
	ret = reading ? results_prepare(d->results, reading, &d->run, 1, &select, err) : no_memory(d->results, err);
	fprintf(d->text, "%s\n", table->name);
	if (ret == 0)
		ret = rows_write(d->results, select, RESULTS_CSV, d->text, err);
	sqlite3_finalize(select);
	sqlite3_free(reading);
	sqlite3_free(columns);
	return ret;
}

int run_digest(struct results *results, int64_t run, char hex[SHA256_HEX_SIZE], struct err *err)
{
	char *text = NULL;
	size_t size = 0;
	struct digesting digesting = { .results = results, .run = run, .text = open_memstream(&text, &size) };
	int ret;

	if (!digesting.text)
		return no_memory(results, err);
	ret = for_each_table(results, digest_table, &digesting, err);
	if (fclose(digesting.text) != 0 && ret == 0)
		ret = no_memory(results, err);
	if (ret == 0)
		sha256_buffer(text, size, hex);
	free(text);
	return ret;
}

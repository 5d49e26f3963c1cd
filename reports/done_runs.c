#include "reports/done_runs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "reports/build.h"
#include "reports/database_priv.h"

struct done_run {
	char *identity;            /* owned */
	char *trace, *sha256;      /* owned */
	int results_version;
};

struct done_runs {
	char *path;                /* owned */
	char *sweep;               /* owned */
	struct done_run *runs;     /* owned, sorted by identity */
	size_t nr;
	uint32_t cap;
};

/* params_of() writes the same for a run that is to come. */
#define PARAMS_SQL "(SELECT group_concat(key || '=' || value, char(10))" \
	" FROM (SELECT key, value FROM run_params p WHERE p.run_id = r.run_id ORDER BY key))"

/* identity_of() writes the same for a run that is to come. */
static const char done_sql[] =
	"SELECT trace_sha256 || ' ' || config_hash || ' ' || seed || ' ' || pace || ' ' || cpu_map || ' ' || layer"
	" || ' ' || results_version || ' ' || ifnull(initial, '') || ' ' || ifnull(part, '') || ' ' || ifnull(sampling, '') || char(10)"
	" || " PARAMS_SQL ", trace, trace_sha256, results_version FROM runs r WHERE status = 'done'"
	" AND EXISTS (SELECT 1 FROM run_params p WHERE p.run_id = r.run_id AND key = 'sweep' AND value = ?) ORDER BY 1";

struct param {
	const char *key, *value;
	size_t at;
};

static int by_key(const void *a, const void *b)
{
	const struct param *x = a, *y = b;
	int order = strcmp(x->key, y->key);

	return order ? order : (x->at > y->at) - (x->at < y->at);
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

/* "key=value" lines in order of keys. Return: owned by the caller; NULL when out of memory. */
static char *params_of(const struct record_run *run)
{
	struct param *params = calloc(run->nr_params + 1, sizeof(*params));
	char *text = NULL;
	size_t len;
	FILE *out = params ? open_memstream(&text, &len) : NULL;

	if (!out) {
		free(params);
		return NULL;
	}
	for (size_t i = 0; i < run->nr_params; i++)
		params[i] = (struct param){ run->param_keys[i], run->param_values[i], i };
	qsort(params, run->nr_params, sizeof(*params), by_key);
	for (size_t i = 0; i < run->nr_params; i++) {
		bool last = i + 1 == run->nr_params;

		/* Of two values for a key the last one counts. */
		if (last || strcmp(params[i].key, params[i + 1].key))
			fprintf(out, "%s=%s%s", params[i].key, params[i].value, last ? "" : "\n");
	}
	free(params);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

static char *identity_of(const struct record_run *run)
{
	char *params = params_of(run), *text = NULL;

	if (params &&
		asprintf(&text, "%s %s %" PRId64 " %s %s %s %d %s %s %s\n%s", run->trace_sha256, run->config_hash,
			(int64_t)run->seed, run->pace, run->cpu_map, run->layer, RESULTS_VERSION,
			or_empty(run->initial), or_empty(run->part), or_empty(run->sampling), params) < 0)
		text = NULL;
	free(params);
	return text;
}

static char *column_copy(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	return strdup(text ? text : "");
}

static int read_rows(struct done_runs *done, sqlite3 *db, sqlite3_stmt *stmt, struct err *err)
{
	int step;

	while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct done_run *run;

		if (!array_room(&done->runs, &done->cap, done->nr))
			return err_set(err, ERR_NOMEM, "%s: no memory for its runs", done->path);
		run = &done->runs[done->nr++];
		*run = (struct done_run){ column_copy(stmt, 0), column_copy(stmt, 1), column_copy(stmt, 2),
			sqlite3_column_int(stmt, 3) };
		if (!run->identity || !run->trace || !run->sha256)
			return err_set(err, ERR_NOMEM, "%s: no memory for its runs", done->path);
	}
	return step == SQLITE_DONE ? 0 : database_error(db, done->path, err);
}

static int load(struct done_runs *done, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db;
	int ret;

	if (database_missing(done->path))
		return 0;
	ret = database_open_read(&db, done->path, err);
	if (ret < 0)
		return ret;
	if (sqlite3_prepare_v2(db, done_sql, -1, &stmt, NULL) != SQLITE_OK ||
		sqlite3_bind_text(stmt, 1, done->sweep, -1, SQLITE_STATIC) != SQLITE_OK)
		ret = database_error(db, done->path, err);
	else
		ret = read_rows(done, db, stmt, err);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return ret;
}

int done_runs_load(struct done_runs **out, const char *path, const char *sweep, struct err *err)
{
	struct done_runs *done = calloc(1, sizeof(*done));
	int ret;

	if (!done || !(done->path = strdup(path)) || !(done->sweep = strdup(sweep)))
		ret = err_set(err, ERR_NOMEM, "%s: no memory for its runs", path);
	else
		ret = load(done, err);
	if (ret < 0)
		done_runs_free(done);
	else
		*out = done;
	return ret;
}

int done_runs_check(const struct done_runs *done, const char *const *sha256, uint32_t nr, struct err *err)
{
	for (size_t i = 0; i < done->nr; i++) {
		const struct done_run *run = &done->runs[i];
		uint32_t t = 0;

		if (run->results_version != RESULTS_VERSION)
			return err_set(err, ERR_RESULTS,
				"%s: its runs of sweep \"%s\" are of results version %d, this kmemsim makes version %d: results do not"
				" compare; give another file with -o", done->path, done->sweep, run->results_version, RESULTS_VERSION);
		while (t < nr && strcmp(sha256[t], run->sha256))
			t++;
		if (t == nr)
			return err_set(err, ERR_RESULTS,
				"%s: holds runs of sweep \"%s\" with another trace (%s, SHA-256 %.12s...): give another file with -o, or"
				" the sweep another name", done->path, done->sweep, run->trace, run->sha256);
	}
	return 0;
}

static int by_identity(const void *key, const void *run)
{
	return strcmp(key, ((const struct done_run *)run)->identity);
}

bool done_runs_has(const struct done_runs *done, const struct record_run *run)
{
	char *identity = identity_of(run);
	bool has = identity && done->nr && bsearch(identity, done->runs, done->nr, sizeof(*done->runs), by_identity);

	free(identity);
	return has;
}

void done_runs_free(struct done_runs *done)
{
	if (!done)
		return;
	for (size_t i = 0; i < done->nr; i++) {
		free(done->runs[i].identity);
		free(done->runs[i].trace);
		free(done->runs[i].sha256);
	}
	free(done->runs);
	free(done->sweep);
	free(done->path);
	free(done);
}

struct failed_runs {
	char *path;                /* owned */
	sqlite3 *db;               /* owned; NULL = there is no database */
	sqlite3_stmt *add;         /* owned */
	bool no_memory;
};

int failed_runs_open(struct failed_runs **out, const char *path, struct err *err)
{
	struct failed_runs *failed = calloc(1, sizeof(*failed));
	int ret = 0;

	if (!failed || !(failed->path = strdup(path)))
		ret = err_set(err, ERR_NOMEM, "%s: no memory for its runs", path);
	else if (!database_missing(path))
		ret = database_open_write(&failed->db, path, err);
	if (ret == 0 && failed->db)
		ret = database_exec(failed->db, path, "PRAGMA temp_store = MEMORY;"
			"CREATE TEMP TABLE again (params TEXT, trace TEXT, sha256 TEXT);"
			"CREATE INDEX temp.again_params ON again (params)", err);
	if (ret == 0 && failed->db &&
		sqlite3_prepare_v2(failed->db, "INSERT INTO again VALUES (?, ?, ?)", -1, &failed->add, NULL) !=
			SQLITE_OK)
		ret = database_error(failed->db, path, err);
	if (ret < 0)
		failed_runs_close(failed);
	else
		*out = failed;
	return ret;
}

void failed_runs_again(struct failed_runs *failed, const struct record_run *run)
{
	char *params = failed->db ? params_of(run) : NULL;

	if (params) {
		sqlite3_bind_text(failed->add, 1, params, -1, SQLITE_TRANSIENT);
		sqlite3_bind_text(failed->add, 2, run->trace, -1, SQLITE_TRANSIENT);
		sqlite3_bind_text(failed->add, 3, run->trace_sha256, -1, SQLITE_TRANSIENT);
		failed->no_memory |= sqlite3_step(failed->add) != SQLITE_DONE;
		sqlite3_reset(failed->add);
	}
	failed->no_memory |= failed->db && !params;
	free(params);
}

int failed_runs_forget(struct failed_runs *failed, struct err *err)
{
	if (failed->no_memory)
		return err_set(err, ERR_NOMEM, "%s: no memory for its failed runs", failed->path);
	if (!failed->db)
		return 0;
	return database_exec(failed->db, failed->path,
		"DELETE FROM runs AS r WHERE status <> 'done' AND EXISTS (SELECT 1 FROM again WHERE params = " PARAMS_SQL
		" AND (again.trace = r.trace OR sha256 = r.trace_sha256))", err);
}

void failed_runs_close(struct failed_runs *failed)
{
	if (!failed)
		return;
	sqlite3_finalize(failed->add);
	sqlite3_close(failed->db);
	free(failed->path);
	free(failed);
}

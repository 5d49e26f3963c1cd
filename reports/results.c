#include "reports/results_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reports/database_priv.h"

static int open_with(int (*open_database)(sqlite3 **out, const char *path, struct err *err), struct results **out,
	const char *path, struct err *err)
{
	struct results *results = calloc(1, sizeof(*results));
	int ret;

	if (results)
		results->path = strdup(path);
	if (!results || !results->path) {
		results_close(results);
		return err_set(err, ERR_NOMEM, "%s: no memory for results", path);
	}
	ret = open_database(&results->db, path, err);
	if (ret < 0) {
		results_close(results);
		return ret;
	}
	*out = results;
	return 0;
}

int results_open(struct results **out, const char *path, struct err *err)
{
	return open_with(database_open_read, out, path, err);
}

int results_open_write(struct results **out, const char *path, struct err *err)
{
	return open_with(database_open_write, out, path, err);
}

void results_close(struct results *results)
{
	if (!results)
		return;
	sqlite3_close(results->db);
	free(results->path);
	free(results);
}

int results_prepare(struct results *results, const char *sql, const int64_t *params, int nr,
	sqlite3_stmt **stmt, struct err *err)
{
	if (sqlite3_prepare_v2(results->db, sql, -1, stmt, NULL) != SQLITE_OK)
		return database_error(results->db, results->path, err);
	for (int i = 0; i < nr; i++)
		sqlite3_bind_int64(*stmt, i + 1, params[i]);
	return 0;
}

int results_step(struct results *results, sqlite3_stmt *stmt, struct err *err)
{
	switch (sqlite3_step(stmt)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return database_error(results->db, results->path, err);
	}
}

int results_number(struct results *results, const char *sql, const int64_t *params, int nr, int64_t missing,
	int64_t *number, struct err *err)
{
	sqlite3_stmt *stmt;
	int ret = results_prepare(results, sql, params, nr, &stmt, err);

	if (ret < 0)
		return ret;
	ret = results_step(results, stmt, err);
	*number = ret > 0 && sqlite3_column_type(stmt, 0) != SQLITE_NULL ? sqlite3_column_int64(stmt, 0)
									 : missing;
	sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

int results_choose_run(struct results *results, int64_t run, int64_t *chosen, struct err *err)
{
	int64_t latest;
	int ret = results_number(results, "SELECT max(run_id) FROM runs", NULL, 0, 0, &latest, err);

	if (ret < 0)
		return ret;
	if (latest == 0)
		return err_set(err, ERR_USAGE, "%s: holds no run yet", results->path);
	if (run == 0)
		run = latest;
	ret = results_number(results, "SELECT run_id FROM runs WHERE run_id = ?", &run, 1, 0, chosen, err);
	if (ret < 0)
		return ret;
	if (*chosen == 0)
		return err_set(err, ERR_USAGE,
			"%s: no run %" PRId64 "; the latest is %" PRId64
			", `kmemsim query %s runs` lists them",
			results->path, run, latest, results->path);
	return 0;
}

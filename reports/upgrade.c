/*
 * upgrade: a database of an older schema as one of this program's: a new one that is filled from it, table by table
 * and column by column. What is read only is filled into memory and leaves its file alone; what is to be written is
 * filled into a file beside it, which then takes its name.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reports/database_priv.h"

/*
 * The columns that both have, as they are. Of a mechanism that the older program did not have
 * there is nothing: 0, or no text. How runs were replayed before one could choose is known.
 */
static const char columns_sql[] =
	"SELECT group_concat('\"' || n.name || '\"', ', '), group_concat(CASE"
	" WHEN o.name IS NOT NULL THEN '\"' || n.name || '\"'"
	" WHEN n.\"notnull\" = 0 THEN 'NULL'"
	" WHEN n.name = 'pace' THEN '''recorded''' WHEN n.name = 'cpu_map' THEN '''fold''' WHEN n.name = 'layer' THEN '''intent'''"
	" WHEN n.type = 'TEXT' THEN '''''' ELSE '0' END, ', ')"
	" FROM pragma_table_info(?1, 'main') n LEFT JOIN pragma_table_info(?1, 'old') o ON o.name = n.name";

static const char tables_sql[] =
	"SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
	" AND name IN (SELECT name FROM old.sqlite_schema WHERE type = 'table')";

static int copy_table(sqlite3 *db, const char *path, const char *table, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	char *sql = NULL;
	int ret;

	if (sqlite3_prepare_v2(db, columns_sql, -1, &stmt, NULL) != SQLITE_OK ||
		sqlite3_bind_text(stmt, 1, table, -1, SQLITE_STATIC) != SQLITE_OK || sqlite3_step(stmt) != SQLITE_ROW) {
		ret = database_error(db, path, err);
		sqlite3_finalize(stmt);
		return ret;
	}
	sql = sqlite3_mprintf("INSERT INTO main.\"%w\" (%s) SELECT %s FROM old.\"%w\"", table,
		sqlite3_column_text(stmt, 0), sqlite3_column_text(stmt, 1), table);
	sqlite3_finalize(stmt);
	if (!sql)
		return err_set(err, ERR_NOMEM, "%s: no memory to read it", path);
	ret = database_exec(db, path, sql, err);
	sqlite3_free(sql);
	return ret;
}

static int copy_tables(sqlite3 *db, const char *path, struct err *err)
{
	sqlite3_stmt *tables = NULL;
	int ret = 0, step = SQLITE_DONE;

	if (sqlite3_prepare_v2(db, tables_sql, -1, &tables, NULL) != SQLITE_OK)
		return database_error(db, path, err);
	while (ret == 0 && (step = sqlite3_step(tables)) == SQLITE_ROW)
		ret = copy_table(db, path, (const char *)sqlite3_column_text(tables, 0), err);
	if (ret == 0 && step != SQLITE_DONE)
		ret = database_error(db, path, err);
	sqlite3_finalize(tables);
	return ret;
}

static int attach(sqlite3 *db, const char *path, struct err *err)
{
	char *sql = sqlite3_mprintf("PRAGMA foreign_keys = OFF; ATTACH %Q AS old", path);
	int ret = sql ? database_exec(db, path, sql, err) : err_set(err, ERR_NOMEM, "%s: no memory to read it", path);

	sqlite3_free(sql);
	return ret;
}

static int fill(sqlite3 *db, const char *path, struct err *err)
{
	int ret = attach(db, path, err);

	if (ret == 0)
		ret = database_exec(db, path, "BEGIN", err);
	if (ret == 0)
		ret = copy_tables(db, path, err);
	return ret;
}

int database_read_upgraded(sqlite3 **out, const char *path, struct err *err)
{
	sqlite3 *db = NULL;
	int ret = 0;

	if (sqlite3_open(":memory:", &db) != SQLITE_OK)
		ret = err_set(err, ERR_NOMEM, "%s: no memory for SQLite", path);
	if (ret == 0)
		ret = database_exec(db, path, database_schema, err);
	if (ret == 0)
		ret = fill(db, path, err);
	if (ret == 0)
		ret = database_exec(db, path, "COMMIT; DETACH old", err);
	if (ret < 0) {
		sqlite3_close(db);
		return err_context(err, "%s: of an older kmemsim, and cannot be read by this one", path);
	}
	*out = db;
	return 0;
}

static int fill_draft(const char *made, const char *path, struct err *err)
{
	sqlite3 *db;
	int ret = 0;

	if (sqlite3_open_v2(made, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		ret = database_error(db, made, err);
	if (ret == 0)
		ret = fill(db, path, err);
	if (ret == 0)
		ret = database_exec(db, made, "COMMIT", err);
	sqlite3_close(db);
	return ret;
}

static int replace(const char *path, struct err *err)
{
	char *made;
	int ret = database_draft(&made, path, err);

	if (ret < 0)
		return ret;
	ret = fill_draft(made, path, err);
	if (ret == 0 && rename(made, path) < 0)
		ret = err_errno(err, "%s cannot get its name", made);
	unlink(made);
	free(made);
	return ret;
}

/*
 * Others may read the old file meanwhile, and none may write it. It keeps no journal that would be taken for the
 * new file's. Of two programs that upgrade one file the second finds, when its turn comes, that the name is another
 * file's.
 */
int database_upgrade(const char *path, struct err *err)
{
	struct stat before, now;
	sqlite3 *lock = NULL;
	int ret = 0;

	if (stat(path, &before) < 0)
		return err_errno(err, "%s", path);
	if (sqlite3_open_v2(path, &lock, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
		sqlite3_busy_timeout(lock, DATABASE_BUSY_MS) != SQLITE_OK ||
		sqlite3_exec(lock, "PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		ret = database_error(lock, path, err);
	if (ret == 0 && stat(path, &now) == 0 && now.st_ino == before.st_ino && now.st_dev == before.st_dev)
		ret = replace(path, err);
	sqlite3_close(lock);
	return ret < 0 ? err_context(err, "%s: of an older kmemsim, and cannot be brought up to date", path) : 0;
}

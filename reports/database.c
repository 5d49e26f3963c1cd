#include "reports/database_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reports/build.h"

/* The operating system's reason behind SQLite's, where there is one. */
static int system_error(sqlite3 *db, const char *path, struct err *err)
{
	int number = sqlite3_system_errno(db);

	return err_set(err, ERR_IO, "%s: %s%s%s", path, sqlite3_errmsg(db), number ? ": " : "",
		number ? strerror(number) : "");
}

int database_error(sqlite3 *db, const char *path, struct err *err)
{
	if (sqlite3_extended_errcode(db) == SQLITE_IOERR_WRITE)
		return err_set(err, ERR_IO,
			"%s: cannot grow: a quota, a limit of file size or a failing disk", path);
	switch (sqlite3_errcode(db) & 0xff) {
	case SQLITE_FULL:
		return err_set(err, ERR_IO,
			"%s: no space left on its disk: make room or choose another place", path);
	case SQLITE_READONLY:
		return err_set(
			err, ERR_IO, "%s: cannot be written: the file or its directory is read-only", path);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, ERR_IO,
			"%s: another program is writing it: wait until it is done, or use another file",
			path);
	case SQLITE_NOTADB:
		return err_set(err, ERR_RESULTS, "%s: not a results database (not SQLite at all)", path);
	case SQLITE_CORRUPT:
		return err_set(err, ERR_RESULTS,
			"%s: damaged: %s; `sqlite3 FILE .recover` may save some of it", path,
			sqlite3_errmsg(db));
	case SQLITE_NOMEM:
		return err_set(err, ERR_NOMEM, "%s: no memory for SQLite", path);
	case SQLITE_CONSTRAINT:
		return err_set(err, ERR_INVARIANT, "%s: a row that the schema refuses: %s", path,
			sqlite3_errmsg(db));
	default:
		return system_error(db, path, err);
	}
}

int database_exec(sqlite3 *db, const char *path, const char *sql, struct err *err)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return database_error(db, path, err);
	return 0;
}

/* Reads a PRAGMA that answers one number. */
static int read_pragma(sqlite3 *db, const char *path, const char *sql, int *value, struct err *err)
{
	sqlite3_stmt *stmt;
	int ret = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return database_error(db, path, err);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		*value = sqlite3_column_int(stmt, 0);
	else
		ret = database_error(db, path, err);
	sqlite3_finalize(stmt);
	return ret;
}

static int check_identity(sqlite3 *db, const char *path, bool *old, struct err *err)
{
	int id = 0, version = 0;
	int ret = read_pragma(db, path, "PRAGMA application_id", &id, err);

	if (ret == 0)
		ret = read_pragma(db, path, "PRAGMA user_version", &version, err);
	if (ret < 0)
		return ret;
	*old = version < RESULTS_SCHEMA_VERSION;
	if (id != RESULTS_APPLICATION_ID)
		return err_set(err, ERR_RESULTS, "%s: a SQLite database, but not one of kmemsim", path);
	if (version > RESULTS_SCHEMA_VERSION)
		return err_set(err, ERR_RESULTS,
			"%s: results schema %d; this kmemsim knows schemas up to %d: use the newer kmemsim that made it",
			path, version, RESULTS_SCHEMA_VERSION);
	if (version < 1)
		return err_set(err, ERR_RESULTS,
			"%s: results schema %d was never in use: the file is damaged", path, version);
	return 0;
}

static int open_connection(sqlite3 **out, const char *path, int flags, struct err *err)
{
	sqlite3 *db;
	int ret = 0;

	/* One thread has the connection: no mutexes. */
	if (sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		ret = db ? database_error(db, path, err)
			 : err_set(err, ERR_NOMEM, "%s: no memory for SQLite", path);
	if (ret == 0) {
		sqlite3_busy_timeout(db, DATABASE_BUSY_MS);
		ret = database_exec(db, path, "PRAGMA foreign_keys = ON", err);
	}
	if (ret < 0) {
		sqlite3_close(db);
		return ret;
	}
	*out = db;
	return 0;
}

/* *old: of an older schema; there is no connection then. */
static int open_checked(sqlite3 **out, const char *path, int flags, bool *old, struct err *err)
{
	int ret = open_connection(out, path, flags, err);

	if (ret < 0)
		return ret;
	ret = check_identity(*out, path, old, err);
	if (ret < 0 || *old) {
		sqlite3_close(*out);
		*out = NULL;
	}
	return ret;
}

/* Nobody else knows the file yet, so neither it nor its journal need survive a crash; the first run's end makes it durable. */
static int write_schema(const char *path, struct err *err)
{
	char identity[128];
	sqlite3 *db;
	int ret = open_connection(&db, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);

	if (ret < 0)
		return ret;
	snprintf(identity, sizeof(identity), "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
		RESULTS_APPLICATION_ID, RESULTS_SCHEMA_VERSION);
	ret = database_exec(db, path, "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY; BEGIN", err);
	if (ret == 0)
		ret = database_exec(db, path, database_schema, err);
	if (ret == 0)
		ret = database_exec(db, path, identity, err);
	sqlite3_close(db);
	return ret;
}

/*
 * link() rather than rename(): of two programs that make the same file at once, the second finds the first's
 * and adds to it. File systems without links get the rename.
 */
static int publish(const char *made, const char *path, bool replace, struct err *err)
{
	if (!replace && (link(made, path) == 0 || errno == EEXIST))
		return 0;
	if (rename(made, path) == 0)
		return 0;
	return err_errno(err, "%s: cannot be made", path);
}

/* An empty file: SQLite, which tries more than one way to open, could not say why it cannot be made. */
static int make_empty(const char *made, const char *path, struct err *err)
{
	int fd;

	unlink(made); /* left over from a killed process that had this number */
	fd = open(made, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_errno(err, "%s: cannot be made", path);
	close(fd);
	return 0;
}

int database_draft(char **made, const char *path, struct err *err)
{
	int ret;

	if (asprintf(made, "%s.new-%ld", path, (long)getpid()) < 0)
		return err_set(err, ERR_NOMEM, "%s: no memory", path);
	ret = make_empty(*made, path, err);
	if (ret < 0) {
		free(*made);
		return ret;
	}
	ret = write_schema(*made, err);
	if (ret < 0) {
		unlink(*made);
		free(*made);
		return err_context(err, "%s: cannot be made", path);
	}
	return 0;
}

static int create_file(const char *path, bool replace, struct err *err)
{
	char *made;
	int ret = database_draft(&made, path, err);

	if (ret < 0)
		return ret;
	ret = publish(made, path, replace, err);
	unlink(made);
	free(made);
	return ret;
}

bool database_missing(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? errno == ENOENT : S_ISREG(st.st_mode) && st.st_size == 0;
}

int database_open_read(sqlite3 **out, const char *path, struct err *err)
{
	bool old = false;
	int ret;

	if (access(path, R_OK) < 0)
		return err_errno(err, "%s: cannot be read", path);
	if (database_missing(path))
		return err_set(err, ERR_RESULTS, "%s: is empty: no run has been recorded into it yet", path);
	ret = open_checked(out, path, SQLITE_OPEN_READONLY, &old, err);
	return ret == 0 && old ? database_read_upgraded(out, path, err) : ret;
}

int database_open_write(sqlite3 **out, const char *path, struct err *err)
{
	bool exists = access(path, F_OK) == 0, old = false;
	int ret = 0;

	if (!exists && errno != ENOENT)
		return err_errno(err, "%s: cannot be made", path);
	if (database_missing(path))
		ret = create_file(path, exists, err);
	if (ret == 0)
		ret = open_checked(out, path, SQLITE_OPEN_READWRITE, &old, err);
	if (ret < 0 || !old)
		return ret;
	ret = database_upgrade(path, err);
	return ret < 0 ? ret : open_checked(out, path, SQLITE_OPEN_READWRITE, &old, err);
}

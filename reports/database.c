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

#define CANNOT_GROW "%s: cannot grow: a quota, a limit of file size or a failing disk"
#define NO_SPACE    "%s: no space left on its disk: make room or choose another place"

/* The operating system's reason behind SQLite's, where there is one. */
static int system_error(sqlite3 *db, const char *path, struct err *err)
{
	int number = sqlite3_system_errno(db);

	return err_set(err, ERR_IO, "%s: %s%s%s", path, sqlite3_errmsg(db), number ? ": " : "",
		number ? strerror(number) : "");
}

int database_no_space(const char *path, struct err *err)
{
	return err_set(err, ERR_IO, NO_SPACE, path);
}

int database_error(sqlite3 *db, const char *path, struct err *err)
{
	if (sqlite3_extended_errcode(db) == SQLITE_IOERR_WRITE)
		return err_set(err, ERR_IO, CANNOT_GROW, path);
	switch (sqlite3_errcode(db) & 0xff) {
	case SQLITE_FULL:
		return database_no_space(path, err);
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

/*
 * link() rather than rename(): of two programs that make the same file at once, the second finds the first's
 * and adds to it. File systems without links get the rename.
 */
static int publish(const char *draft, const char *path, bool replace, bool *made, struct err *err)
{
	*made = !replace && link(draft, path) == 0;
	if (*made || (!replace && errno == EEXIST))
		return 0;
	*made = rename(draft, path) == 0;
	return *made ? 0 : err_errno(err, "%s: cannot be made", path);
}

/* What SQLite would say of the same. */
static int write_error(const char *path, struct err *err)
{
	if (errno == EFBIG || errno == EDQUOT || errno == EIO)
		return err_set(err, ERR_IO, CANNOT_GROW, path);
	if (errno == ENOSPC)
		return err_set(err, ERR_IO, NO_SPACE, path);
	return err_errno(err, "%s: cannot be written", path);
}

/* Nobody else knows the file yet, so it need not survive a crash; the first run's end makes it durable. */
static int write_image(int fd, const char *path, struct err *err)
{
	size_t done = 0;

	while (done < database_image_bytes) {
		ssize_t n = write(fd, database_image + done, database_image_bytes - done);

		if (n < 0 && errno != EINTR)
			return write_error(path, err);
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* A database without rows. */
static int make_draft(const char *made, const char *path, struct err *err)
{
	int fd, ret;

	unlink(made); /* left over from a killed process that had this number */
	fd = open(made, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_errno(err, "%s: cannot be made", path);
	ret = write_image(fd, made, err);
	if (close(fd) < 0 && ret == 0)
		ret = write_error(made, err);
	if (ret < 0) {
		unlink(made);
		return err_context(err, "%s: cannot be made", path);
	}
	return 0;
}

/* "-", which is standard output, or input, where a file is no database. */
static bool is_stream(const char *path)
{
	return !strcmp(path, "-");
}

static int refuse_stream(struct err *err)
{
	return err_set(err, ERR_USAGE, "-: results are a database, which is no stream: give the name of a file");
}

int database_draft(char **made, const char *path, struct err *err)
{
	int ret;

	if (is_stream(path))
		return refuse_stream(err);
	if (asprintf(made, "%s.new-%ld", path, (long)getpid()) < 0)
		return err_set(err, ERR_NOMEM, "%s: no memory", path);
	ret = make_draft(*made, path, err);
	if (ret < 0)
		free(*made);
	return ret;
}

/* A file of no bytes, which becomes a database. */
static bool is_empty(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_size == 0;
}

bool database_missing(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? errno == ENOENT : is_empty(&st);
}

/* What is not there is no error. */
static int check_plain(const char *path, struct err *err)
{
	struct stat st;

	if (is_stream(path))
		return refuse_stream(err);
	if (stat(path, &st) < 0 || S_ISREG(st.st_mode))
		return 0;
	return err_set(err, ERR_IO, "%s: is a %s, expected a results database", path,
		S_ISDIR(st.st_mode) ? "directory" : "pipe or a device");
}

int database_open_read(sqlite3 **out, const char *path, struct err *err)
{
	bool old = false;
	int ret = check_plain(path, err);

	if (ret < 0)
		return ret;
	if (access(path, R_OK) < 0)
		return err_errno(err, "%s: cannot be read", path);
	if (database_missing(path))
		return err_set(err, ERR_RESULTS, "%s: is empty: no run has been recorded into it yet", path);
	ret = open_checked(out, path, SQLITE_OPEN_READONLY, &old, err);
	return ret == 0 && old ? database_read_upgraded(out, path, err) : ret;
}

int database_prepare(char **draft, const char *path, struct err *err)
{
	struct stat st;
	int ret = check_plain(path, err);

	*draft = NULL;
	if (ret < 0)
		return ret;
	if (stat(path, &st) < 0)
		return errno == ENOENT ? database_draft(draft, path, err) : err_errno(err, "%s: cannot be made", path);
	return is_empty(&st) ? database_draft(draft, path, err) : 0;
}

void database_drop_draft(char *draft)
{
	if (draft)
		unlink(draft);
	free(draft);
}

int database_open_prepared(sqlite3 **out, const char *path, char *draft, bool *made, struct err *err)
{
	struct stat st;
	bool old = false;
	int ret = 0;

	*made = false;
	if (draft)
		ret = publish(draft, path, stat(path, &st) == 0 && is_empty(&st), made, err);
	database_drop_draft(draft);
	if (ret == 0)
		ret = open_checked(out, path, SQLITE_OPEN_READWRITE, &old, err);
	if (ret < 0 || !old)
		return ret;
	ret = database_upgrade(path, err);
	return ret < 0 ? ret : open_checked(out, path, SQLITE_OPEN_READWRITE, &old, err);
}

int database_read_schema(sqlite3 *db, const char *path, struct err *err)
{
	return sqlite3_table_column_metadata(db, "main", "runs", NULL, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK ? 0 :
		database_error(db, path, err);
}

int database_open_write(sqlite3 **out, const char *path, struct err *err)
{
	char *draft;
	bool made;
	int ret = database_prepare(&draft, path, err);

	return ret < 0 ? ret : database_open_prepared(out, path, draft, &made, err);
}

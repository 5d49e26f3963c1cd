/*
 * database: a results database as a file: opened, checked, made; and what SQLite reports as errors that say
 * what to do. Knows the schema's text and version, not its tables.
 */
#ifndef KMEMSIM_REPORTS_DATABASE_PRIV_H
#define KMEMSIM_REPORTS_DATABASE_PRIV_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* PRAGMA application_id: "kmsm". */
#define RESULTS_APPLICATION_ID 0x6b6d736d

/* How long to wait for another program's lock. */
#define DATABASE_BUSY_MS 5000

/* reports/schema.sql, put into the program by the build. */
extern const char database_schema[];
/* The file of an empty database with that schema, made by the build (reports/make_image.c). */
extern const unsigned char database_image[];
extern const size_t database_image_bytes;

/**
 * database_open_read() / database_open_write() - open a results database; for writing, a missing or empty
 * file is made. A new file appears under @path with its schema, or not at all.
 * One of an older schema is read as if it were of this one, and brought up to date before it is written.
 * ERR_RESULTS: another kind of file, or made by a newer kmemsim. ERR_IO: cannot be read or written.
 * The caller owns *out: sqlite3_close().
 */
int database_open_read(sqlite3 **out, const char *path, struct err *err);
int database_open_write(sqlite3 **out, const char *path, struct err *err);

/**
 * database_prepare(), database_open_prepared() - database_open_write() in two
 * steps, the first of which takes longest and leaves nothing under @path.
 * @draft: NULL when there is a database already; else it goes to the second step, or to database_drop_draft().
 * @made: the file is new, and what is in it not on the disk yet.
 */
int database_prepare(char **draft, const char *path, struct err *err);
int database_open_prepared(sqlite3 **out, const char *path, char *draft, bool *made, struct err *err);
/**
 * database_read_schema() - what the connection's first statement
 * would read: so that another thread can have it done.
 */
int database_read_schema(sqlite3 *db, const char *path, struct err *err);
/** database_drop_draft() - accepts NULL. */
void database_drop_draft(char *draft);

/**
 * database_draft() - an empty results database beside @path, for who fills it before it gets that name. On success the
 * caller renames or removes it, and frees its name *made.
 */
int database_draft(char **made, const char *path, struct err *err);

/** database_missing() - whether there is nothing at @path yet, or an empty file. */
bool database_missing(const char *path);

/**
 * database_read_upgraded() - what the database of an older
 * schema at @path holds, in memory, with the schema of now.
 */
int database_read_upgraded(sqlite3 **out, const char *path, struct err *err);
/** database_upgrade() - the database of an older schema at @path gets the schema of now, whole or not at all. */
int database_upgrade(const char *path, struct err *err);

/** database_exec() - run statements that answer nothing. */
int database_exec(sqlite3 *db, const char *path, const char *sql, struct err *err);

/** database_error() - what @db failed with last, as an error about @path. Return: the negative code. */
int database_error(sqlite3 *db, const char *path, struct err *err);
/** database_no_space() - the error for a file at @path that cannot grow. Return: its code, negative. */
int database_no_space(const char *path, struct err *err);

#endif

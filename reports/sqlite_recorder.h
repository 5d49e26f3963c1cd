/* sqlite_recorder: the recorder that writes a run into a SQLite database (schema: reports/schema.sql). */
#ifndef KMEMSIM_REPORTS_SQLITE_RECORDER_H
#define KMEMSIM_REPORTS_SQLITE_RECORDER_H

#include "sim/recorder.h"

/**
 * sqlite_recorder_open() - open or make @path; the run is added to those already there.
 * A new database appears under its name at once with its schema, or not at all. ERR_RESULTS: not a kmemsim
 * database, or made by a newer version; ERR_IO: cannot be written.
 * The caller owns *out: ops->close().
 */
int sqlite_recorder_open(struct recorder **out, const char *path, struct err *err);

/**
 * sqlite_recorder_open_beside() - the same in a thread of its own, while the caller prepares what is to be
 * recorded: making a database takes longer than to boot a model. Nothing appears under @path before
 * sqlite_recorder_publish() or begin(). begin() does not wait for it either. What goes wrong with @path is told by
 * begin(), rows or end(); here only ERR_NOMEM, and ERR_IO when there can be no thread.
 */
int sqlite_recorder_open_beside(struct recorder **out, const char *path, struct err *err);

/** sqlite_recorder_publish() - there is something to record: a new database may appear under its name. */
void sqlite_recorder_publish(struct recorder *rec);

/**
 * sqlite_recorder_many() - from now on each run is one transaction, its own row included: whatever happens, the
 * database holds whole runs. It is one plain file again after close(). For runs that are recorded one after the
 * other in no time, not while they are simulated.
 */
int sqlite_recorder_many(struct recorder *rec, struct err *err);

#endif

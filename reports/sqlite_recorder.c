#include "reports/sqlite_recorder.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reports/build.h"
#include "reports/database_priv.h"
#include "reports/sqlite_recorder_priv.h"

/* What is done once or twice for a run. */
static const char insert_run_sql[] =
	"INSERT INTO runs (trace, trace_sha256, machine, config_yaml, config_hash, kernel, pace, cpu_map, layer, initial,"
	" part, sampling, seed, lost, page_size, max_order, pageblock_order, cma, cpus, zones, version, git_commit, compiler,"
	" flags, results_version, host, started_at, status)"
	" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
	" strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), 'running')";

/* --set takes the last of two values for a key. */
static const char insert_param_sql[] = "INSERT OR REPLACE INTO run_params (run_id, key, value) VALUES (?, ?, ?)";

static const char update_run_sql[] =
	"UPDATE runs SET status = ?, error = ?, events = ?, sim_ns = ?, wall_ns = ?, fingerprint = ?,"
	" ended_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') WHERE run_id = ?";

static const char *const status_names[] = {
	[RUN_RUNNING] = "running",
	[RUN_DONE] = "done",
	[RUN_FAILED] = "failed",
	[RUN_INTERRUPTED] = "interrupted",
};

/* RUN(r, sql, err, values...) - run a statement once with these values, now. */
#define RUN(r, sql, err, ...)                                                                                \
	run_statement(r, sql, (const struct value[]){ __VA_ARGS__ },                                          \
		(int)(sizeof((const struct value[]){ __VA_ARGS__ }) / sizeof(struct value)), err)

static int bind(sqlite3_stmt *stmt, int column, const struct value *value)
{
	switch (value->type) {
	case VALUE_INTEGER:
	case VALUE_RUN:
	case VALUE_SAMPLE:
		return sqlite3_bind_int64(stmt, column, value->integer);
	case VALUE_REAL:
		return sqlite3_bind_double(stmt, column, value->real);
	case VALUE_TEXT:
		break;
	}
	return sqlite3_bind_text(stmt, column, value->text, -1, SQLITE_STATIC);
}

static int run_statement(struct sqlite_recorder *r, const char *sql, const struct value *values, int nr_values,
	struct err *err)
{
	sqlite3_stmt *stmt;
	int ret = 0;

	if (sqlite3_prepare_v2(r->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return database_error(r->db, r->path, err);
	for (int i = 0; i < nr_values && ret == 0; i++)
		if (bind(stmt, i + 1, &values[i]) != SQLITE_OK)
			ret = database_error(r->db, r->path, err);
	if (ret == 0 && sqlite3_step(stmt) != SQLITE_DONE)
		ret = database_error(r->db, r->path, err);
	sqlite3_finalize(stmt);
	return ret;
}

static int exec(struct sqlite_recorder *r, const char *sql, struct err *err)
{
	return database_exec(r->db, r->path, sql, err);
}

static int insert_run(struct sqlite_recorder *r, const struct record_run *run, struct err *err)
{
	char host[256] = "";

	int ret;

	gethostname(host, sizeof(host) - 1);
	ret = RUN(r, insert_run_sql, err, VALUE(run->trace), VALUE(run->trace_sha256), VALUE(run->machine),
		VALUE(run->config_yaml), VALUE(run->config_hash), VALUE(run->kernel), VALUE(run->pace),
		VALUE(run->cpu_map), VALUE(run->layer), VALUE(run->initial), VALUE(run->part), VALUE(run->sampling),
		VALUE((int64_t)run->seed), VALUE(run->lost), VALUE(run->page_size), VALUE(run->max_order),
		VALUE(run->pageblock_order), VALUE((int64_t)run->cma), VALUE(run->cpus), VALUE(run->zones),
		VALUE(build_version()), VALUE(build_commit()), VALUE(build_compiler()), VALUE(build_flags()),
		VALUE((int64_t)RESULTS_VERSION), VALUE(host));
	if (ret < 0)
		return ret;
	r->run_id = sqlite3_last_insert_rowid(r->db);
	for (size_t i = 0; i < run->nr_params && ret == 0; i++)
		ret = RUN(r, insert_param_sql, err, VALUE(r->run_id), VALUE(run->param_keys[i]),
			VALUE(run->param_values[i]));
	return ret;
}

/* What SQLite has written to the file goes to the disk, whatever `synchronous` says. */
static int sync_file(struct sqlite_recorder *r, struct err *err)
{
	sqlite3_file *file = NULL;

	if (sqlite3_file_control(r->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK || !file ||
		!file->pMethods)
		return database_error(r->db, r->path, err);
	if (file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) != SQLITE_OK)
		return err_errno(err, "%s: cannot be brought to its disk", r->path);
	return 0;
}

/*
 * Back to one plain file. A program that reads it right now keeps the WAL file until it closes: no reason to
 * fail a run. Once all is in the file and on the disk, the change of mode itself needs no sync (see rec_begin()).
 */
static int leave_wal(struct sqlite_recorder *r, struct err *err)
{
	int in_wal = 0, in_file = 0;
	int ret = 0;

	sqlite3_wal_checkpoint_v2(r->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_wal, &in_file);
	if (r->fresh)
		ret = sync_file(r, err);
	r->fresh = false;
	if (ret == 0)
		ret = exec(r, in_wal == in_file ? "PRAGMA synchronous = OFF; PRAGMA journal_mode = DELETE" :
			"PRAGMA journal_mode = DELETE", err);
	return ret < 0 && (sqlite3_errcode(r->db) & 0xff) == SQLITE_BUSY ? 0 : ret;
}

/* Samples are numbered here, so that their rows need not wait for SQLite's answer; nobody else writes meanwhile. */
static int count_rows_from_here(struct sqlite_recorder *r, struct err *err)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(r->db, "SELECT coalesce(max(sample_id), 0) FROM samples", -1, &stmt, NULL) !=
			SQLITE_OK ||
		sqlite3_step(stmt) != SQLITE_ROW) {
		sqlite3_finalize(stmt);
		return database_error(r->db, r->path, err);
	}
	row_writer_count_from(r->writer, r->run_id, sqlite3_column_int64(stmt, 0));
	sqlite3_finalize(stmt);
	return 0;
}

/* For one writer of many runs, each of which is whole when it comes: no row before all are there, no thread. */
static int begin_whole(struct sqlite_recorder *r, struct err *err)
{
	int ret = exec(r, "BEGIN IMMEDIATE", err);

	if (ret < 0)
		return ret;
	r->running = true;
	ret = insert_run(r, &r->run, err);
	return ret < 0 ? ret : count_rows_from_here(r, err);
}

/* Return: the first one's verdict. */
static enum verdict decide(struct sqlite_recorder *r, enum verdict verdict)
{
	pthread_mutex_lock(&r->lock);
	if (r->verdict == UNDECIDED)
		r->verdict = verdict;
	verdict = r->verdict;
	pthread_cond_signal(&r->decided);
	pthread_mutex_unlock(&r->lock);
	return verdict;
}

/* Of sqlite_recorder_open_beside(): the thread is done. Return: 0, or what it failed with. */
static int wait_opened(struct sqlite_recorder *r, enum verdict verdict, struct err *err)
{
	if (r->opening) {
		decide(r, verdict);
		pthread_join(r->opener, NULL);
	}
	r->opening = false;
	if (r->opened.code && err)
		*err = r->opened;
	return -(int)r->opened.code;
}

/*
 * The run's own row is committed at once, so that a killed run shows as unfinished. All else is one
 * transaction in WAL mode: other programs can read the database meanwhile.
 *
 * Waiting for the disk is most of what recording costs, so it is done only where something can be lost. Entering
 * WAL mode changes a few bytes in the first sector of the file, which is valid before and after: no sync. A file
 * that this recorder made holds nothing that a crash of the machine could take: it goes to the disk once, when its
 * first run is whole. Rows refer to rows that this file wrote before them: to look each of those up again costs a
 * fifth of the time.
 */
static int begin_run(struct sqlite_recorder *r, struct err *err)
{
	int ret = exec(r, "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL", err);

	if (ret == 0)
		ret = exec(r, r->fresh ? "BEGIN IMMEDIATE" : "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE", err);
	if (ret == 0)
		ret = insert_run(r, &r->run, err);
	r->fresh &= r->run_id == 1; /* else another program was here first */
	if (ret == 0)
		ret = exec(r,
			r->fresh ? "COMMIT; BEGIN IMMEDIATE" : "COMMIT; PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
			err);
	if (ret == 0)
		ret = count_rows_from_here(r, err);
	if (ret < 0) {
		sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
		leave_wal(r, NULL);
		return ret;
	}
	r->running = true;
	return 0;
}

static int complete_and_begin(struct sqlite_recorder *r, struct err *err)
{
	int ret = r->run.complete ? r->run.complete(r->run.arg, &r->run, err) : 0;

	if (ret < 0)
		return ret;
	return r->many ? begin_whole(r, err) : begin_run(r, err);
}

/* In the thread that writes the rows, before it does. */
static int begin_beside(void *arg, struct err *err)
{
	struct sqlite_recorder *r = arg;
	int ret = wait_opened(r, PUBLISH, err);

	return ret < 0 ? ret : complete_and_begin(r, err);
}

/* A database that is still being opened is not waited for: rows wait for it. */
static int rec_begin(struct recorder *rec, const struct record_run *run, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;
	int ret;

	r->run = *run;
	r->nr_samples = 0;
	if (r->opening && decide(r, PUBLISH) == PUBLISH)
		return row_writer_start(r->writer, begin_beside, r, err);
	ret = wait_opened(r, PUBLISH, err);
	if (ret < 0)
		return ret;
	ret = complete_and_begin(r, err);
	if (ret < 0 || r->many)
		return ret;
	return row_writer_start(r->writer, NULL, NULL, err);
}

static int64_t pragma_number(struct sqlite_recorder *r, const char *sql)
{
	sqlite3_stmt *stmt;
	int64_t number = 0;

	if (sqlite3_prepare_v2(r->db, sql, -1, &stmt, NULL) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
		number = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return number;
}

/*
 * Room in the file for what the WAL file holds: else a run would be committed as done that can then not
 * be brought into its file. SQLite takes room in chunks; those of a page leave the file as long as it is.
 */
static int take_room(struct sqlite_recorder *r, struct err *err)
{
	int chunk = (int)pragma_number(r, "PRAGMA page_size"), none = 0;
	sqlite3_int64 bytes = pragma_number(r, "PRAGMA page_count") * chunk;
	int ret;

	sqlite3_file_control(r->db, "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
	ret = sqlite3_file_control(r->db, "main", SQLITE_FCNTL_SIZE_HINT, &bytes);
	sqlite3_file_control(r->db, "main", SQLITE_FCNTL_CHUNK_SIZE, &none);
	return ret == SQLITE_OK ? 0 : database_no_space(r->path, err);
}

/* The run's own row gets its end, and all is committed. */
static int write_end(struct sqlite_recorder *r, const struct record_end *e, struct err *err)
{
	char fingerprint[17];
	int ret = 0;

	snprintf(fingerprint, sizeof(fingerprint), "%016" PRIx64, e->fingerprint);
	/*
	 * An I/O error may have rolled the transaction back: then the run's end is all that can still be
	 * told.
	 */
	if (sqlite3_get_autocommit(r->db))
		ret = exec(r, "BEGIN IMMEDIATE", err);
	if (ret == 0)
		ret = RUN(r, update_run_sql, err, VALUE(status_names[e->status]), VALUE(e->error),
			VALUE(e->events), VALUE(e->sim_ns), VALUE(e->wall_ns), VALUE(fingerprint),
			VALUE(r->run_id));
	if (ret == 0)
		ret = take_room(r, err);
	return ret < 0 ? ret : exec(r, "COMMIT", err);
}

/*
 * The run's rows cannot be kept, as @why says: this much may
 * still find room. In a database of whole runs it leaves nothing.
 */
static int write_failure(struct sqlite_recorder *r, const struct record_end *e, const struct err *why)
{
	struct record_end end = *e;

	if (r->many)
		return -(int)why->code;
	end.status = RUN_FAILED;
	end.error = why->text;
	sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
	return write_end(r, &end, NULL);
}

static int rec_rows_done(struct recorder *rec, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	return row_writer_flush(r->writer, err);
}

static int rec_end(struct recorder *rec, const struct record_end *e, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;
	struct record_end end = *e;
	struct err rows, full = { 0 };
	int rows_ret = row_writer_finish(r->writer, &rows);
	int ret;

	/* What the simulation does not know yet: a row could not be written. */
	if (rows_ret < 0 && end.status == RUN_DONE) {
		end.status = RUN_FAILED;
		end.error = rows.text;
	}
	ret = r->running ? write_end(r, &end, &full) : 0; /* else its begin has failed, which is what rows has */
	if (r->running &&
		(ret == 0 || write_failure(r, &end, &full) == 0)) { /* else close() undoes what was not committed */
		r->running = false;
		if (!r->many && leave_wal(r, ret == 0 ? &full : NULL) < 0 && ret == 0)
			ret = -(int)full.code;
	}
	if (err && (rows_ret < 0 || ret < 0))
		*err = rows_ret < 0 ? rows : full;
	return rows_ret < 0 ? rows_ret : ret;
}

static void rec_close(struct recorder *rec)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;

	if (r->writer)
		row_writer_finish(r->writer, NULL); /* first: its thread may be the one that waits for the database */
	wait_opened(r, DROP, NULL);
	if (r->running) {
		sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
		leave_wal(r, NULL);
	} else if (r->many) {
		leave_wal(r, NULL);
	}
	row_writer_destroy(r->writer);
	sqlite3_close(r->db);
	pthread_cond_destroy(&r->decided);
	pthread_mutex_destroy(&r->lock);
	free(r->path);
	free(r);
}

static const struct recorder_ops sqlite_ops = {
	.begin = rec_begin,
	.sample = sqlite_put_sample,
	.zone = sqlite_put_zone,
	.free_blocks = sqlite_put_free_blocks,
	.pageblocks = sqlite_put_pageblocks,
	.frag = sqlite_put_frag,
	.cache = sqlite_put_cache,
	.op = sqlite_put_op,
	.extfrag = sqlite_put_extfrag,
	.call_site = sqlite_put_call_site,
	.violation = sqlite_put_violation,
	.counter = sqlite_put_counter,
	.verify_check = sqlite_put_verify_check,
	.verify_zone = sqlite_put_verify_zone,
	.verify_cache = sqlite_put_verify_cache,
	.row = sqlite_put_row,
	.rows_done = rec_rows_done,
	.end = rec_end,
	.close = rec_close,
};

/* @draft: of database_prepare(). */
static int open_database(struct sqlite_recorder *r, char *draft, struct err *err)
{
	int ret = database_open_prepared(&r->db, r->path, draft, &r->fresh, err);

	if (ret == 0)
		ret = database_read_schema(r->db, r->path, err);
	return ret < 0 ? ret : row_writer_connect(r->writer, r->db, err);
}

static struct sqlite_recorder *new_recorder(const char *path, struct err *err)
{
	struct sqlite_recorder *r = calloc(1, sizeof(*r));

	if (r)
		r->path = strdup(path);
	if (!r || !r->path || row_writer_create(&r->writer, r->path, sqlite_tables, nr_sqlite_tables, err) < 0) {
		free(r ? r->path : NULL);
		free(r);
		err_set(err, ERR_NOMEM, "%s: no memory for a recorder", path);
		return NULL;
	}
	r->rec.ops = &sqlite_ops;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->decided, NULL);
	return r;
}

int sqlite_recorder_open(struct recorder **out, const char *path, struct err *err)
{
	struct sqlite_recorder *r = new_recorder(path, err);
	char *draft;
	int ret = r ? database_prepare(&draft, path, err) : -(int)ERR_NOMEM;

	if (ret == 0)
		ret = open_database(r, draft, err);

	if (ret < 0) {
		if (r)
			rec_close(&r->rec);
		return ret;
	}
	*out = &r->rec;
	return 0;
}

static void *open_beside(void *arg)
{
	struct sqlite_recorder *r = arg;
	enum verdict verdict;
	char *draft;

	if (database_prepare(&draft, r->path, &r->opened) < 0) {
		decide(r, UNPREPARED);
		return NULL;
	}
	pthread_mutex_lock(&r->lock);
	while (r->verdict == UNDECIDED)
		pthread_cond_wait(&r->decided, &r->lock);
	verdict = r->verdict;
	pthread_mutex_unlock(&r->lock);
	if (verdict == PUBLISH)
		open_database(r, draft, &r->opened);
	else
		database_drop_draft(draft);
	return NULL;
}

int sqlite_recorder_open_beside(struct recorder **out, const char *path, struct err *err)
{
	struct sqlite_recorder *r = new_recorder(path, err);

	if (!r)
		return -(int)ERR_NOMEM;
	errno = pthread_create(&r->opener, NULL, open_beside, r);
	if (errno) {
		err_errno(err, "%s: cannot start a thread", path);
		rec_close(&r->rec);
		return -(int)ERR_IO;
	}
	r->opening = true;
	*out = &r->rec;
	return 0;
}

void sqlite_recorder_publish(struct recorder *rec)
{
	decide((struct sqlite_recorder *)rec, PUBLISH);
}

int sqlite_recorder_many(struct recorder *rec, struct err *err)
{
	struct sqlite_recorder *r = (struct sqlite_recorder *)rec;
	int ret = exec(r, "PRAGMA foreign_keys = OFF; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL", err);

	r->many = ret == 0;
	r->fresh = false; /* each run is brought to the disk */
	return ret;
}

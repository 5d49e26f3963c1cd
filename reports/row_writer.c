#include "reports/row_writer.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "reports/database_priv.h"

/*
 * Batches that may wait for the thread: more than the rows of a run's end fill, which
 * come all at once, so that the simulation need not wait for them; some 20 KiB each.
 */
#define MAX_WAITING 128u

/* A table, and the batch that is being filled for it. */
struct target {
	sqlite3_stmt *stmt;      /* owned; NULL before the first row */
	struct row_batch *open;  /* owned; NULL: none */
	uint32_t nr_columns;
};

/*
 * The simulation fills the targets' open batches and puts full ones at the end of `first`; the thread takes them
 * from its beginning, writes them and puts them on `spare`. lock is over both lists and what follows them; without
 * a thread nobody else is there.
 */
struct row_writer {
	sqlite3 *db;                       /* borrowed; NULL before row_writer_connect() */
	const char *path;                  /* borrowed */
	const struct row_table *tables;    /* borrowed */
	unsigned int nr_tables;
	struct target *targets;            /* owned */
	struct row_source shown;           /* what the statements read */
	int (*prepare)(void *arg, struct err *err); /* what the thread does before it writes; may be NULL */
	void *arg;                         /* borrowed: prepare's */
	bool beside;                       /* there is a thread */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct row_batch *first, **end;    /* owned: waiting */
	struct row_batch *spare;           /* owned */
	unsigned int nr_waiting;           /* the one being written included */
	bool closing;
	struct err error;                  /* the first one; code 0 = none */
};

static uint32_t count_columns(const char *columns)
{
	uint32_t nr = 1;

	for (const char *comma = columns; (comma = strchr(comma, ',')); comma++)
		nr++;
	return nr;
}

/*
 * "INSERT OR FAIL INTO table (columns) SELECT c0, c1, ... FROM queued_rows". Fail, not abort: rows before
 * the one that is refused stay, so SQLite need not keep what every page was like before the statement.
 */
static int prepare_insert(struct row_writer *w, unsigned int table, struct err *err)
{
	sqlite3_str *sql = sqlite3_str_new(w->db);
	char *text;
	int ret = 0;

	sqlite3_str_appendf(sql, "INSERT OR FAIL INTO %s (%s) SELECT c0", w->tables[table].name,
		w->tables[table].columns);
	for (uint32_t i = 1; i < w->targets[table].nr_columns; i++)
		sqlite3_str_appendf(sql, ", c%u", i);
	sqlite3_str_appendall(sql, " FROM queued_rows");
	text = sqlite3_str_finish(sql);
	if (!text)
		return err_set(err, ERR_NOMEM, "%s: no memory for a recorder", w->path);
	if (sqlite3_prepare_v3(w->db, text, -1, SQLITE_PREPARE_PERSISTENT, &w->targets[table].stmt, NULL) != SQLITE_OK)
		ret = database_error(w->db, w->path, err);
	sqlite3_free(text);
	return ret;
}

static int write_batch(struct row_writer *w, const struct row_batch *batch, struct err *err)
{
	struct target *target = &w->targets[batch->table];
	int ret = target->stmt ? 0 : prepare_insert(w, batch->table, err);

	if (ret < 0)
		return ret;
	w->shown.batch = batch;
	if (sqlite3_step(target->stmt) != SQLITE_DONE)
		ret = database_error(w->db, w->path, err);
	sqlite3_reset(target->stmt);
	return ret;
}

/*
 * The first waiting batch goes to the spare ones, written unless
 * there was an error before. Called and left with the lock.
 */
static void write_first(struct row_writer *w)
{
	struct row_batch *batch = w->first;
	struct err err = { 0 };
	bool drop = w->error.code;

	w->first = batch->next;
	if (!w->first)
		w->end = &w->first;
	pthread_mutex_unlock(&w->lock);
	if (!drop)
		write_batch(w, batch, &err);
	pthread_mutex_lock(&w->lock);
	if (err.code)
		w->error = err;
	batch->next = w->spare;
	w->spare = batch;
	w->nr_waiting--;
}

static void *write_beside(void *arg)
{
	struct row_writer *w = arg;
	struct err err = { 0 };

	if (w->prepare && w->prepare(w->arg, &err) == 0)
		err = (struct err){ 0 }; /* of something that was tried and could be done otherwise */
	pthread_mutex_lock(&w->lock);
	w->error = err;
	for (;;) {
		while (!w->first && !w->closing)
			pthread_cond_wait(&w->changed, &w->lock);
		if (!w->first)
			break;
		write_first(w);
		pthread_cond_signal(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int row_writer_create(struct row_writer **out, const char *path, const struct row_table *tables, unsigned int nr_tables,
	struct err *err)
{
	struct row_writer *w = calloc(1, sizeof(*w));

	if (w)
		w->targets = calloc(nr_tables, sizeof(*w->targets));
	if (!w || !w->targets) {
		free(w);
		return err_set(err, ERR_NOMEM, "%s: no memory for rows", path);
	}
	w->path = path;
	w->tables = tables;
	w->nr_tables = nr_tables;
	w->end = &w->first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	for (unsigned int i = 0; i < nr_tables; i++)
		w->targets[i].nr_columns = count_columns(tables[i].columns);
	*out = w;
	return 0;
}

int row_writer_connect(struct row_writer *w, sqlite3 *db, struct err *err)
{
	w->db = db;
	return row_batch_show(db, &w->shown) == SQLITE_OK ? 0 : database_error(db, w->path, err);
}

void row_writer_count_from(struct row_writer *w, int64_t run, int64_t sample)
{
	w->shown.base[VALUE_RUN] = run;
	w->shown.base[VALUE_SAMPLE] = sample;
}

static void free_list(struct row_batch *batch)
{
	while (batch) {
		struct row_batch *next = batch->next;

		row_batch_free(batch);
		batch = next;
	}
}

void row_writer_destroy(struct row_writer *w)
{
	if (!w)
		return;
	assert(!w->beside);
	for (unsigned int i = 0; i < w->nr_tables; i++) {
		sqlite3_finalize(w->targets[i].stmt);
		row_batch_free(w->targets[i].open);
	}
	free_list(w->first);
	free_list(w->spare);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w->targets);
	free(w);
}

int row_writer_start(struct row_writer *w, int (*prepare)(void *arg, struct err *err), void *arg, struct err *err)
{
	w->prepare = prepare;
	w->arg = arg;
	errno = pthread_create(&w->thread, NULL, write_beside, w);
	if (errno) {
		err_errno(err, "%s: cannot start a writing thread", w->path);
		return -(int)ERR_IO;
	}
	w->beside = true;
	return 0;
}

/*
 * Put a batch behind those that wait. Without a thread it is
 * written at once. Return: 0, or the error of rows before.
 */
static int hand_over(struct row_writer *w, struct row_batch *batch, struct err *err)
{
	int ret;

	pthread_mutex_lock(&w->lock);
	batch->next = NULL;
	*w->end = batch;
	w->end = &batch->next;
	w->nr_waiting++;
	if (!w->beside)
		write_first(w);
	pthread_cond_signal(&w->changed);
	while (w->nr_waiting > MAX_WAITING)
		pthread_cond_wait(&w->changed, &w->lock);
	ret = -(int)w->error.code;
	if (ret < 0 && err)
		*err = w->error;
	pthread_mutex_unlock(&w->lock);
	return ret;
}

static struct row_batch *new_batch(struct row_writer *w)
{
	struct row_batch *batch;

	pthread_mutex_lock(&w->lock);
	batch = w->spare;
	if (batch)
		w->spare = batch->next;
	pthread_mutex_unlock(&w->lock);
	if (!batch) {
		batch = malloc(sizeof(*batch));
		if (batch)
			batch->texts = NULL, batch->texts_cap = 0;
	}
	return batch;
}

int row_writer_put(struct row_writer *w, unsigned int table, const struct value *values, struct err *err)
{
	struct target *target = &w->targets[table];

	if (!target->open) {
		target->open = new_batch(w);
		if (!target->open)
			return err_set(err, ERR_NOMEM, "%s: no memory for rows", w->path);
		row_batch_clear(target->open, table, target->nr_columns);
	}
	if (!row_batch_put(target->open, values))
		return err_set(err, ERR_NOMEM, "%s: no memory for rows", w->path);
	if (row_batch_full(target->open, target->nr_columns)) {
		struct row_batch *full = target->open;

		target->open = NULL;
		return hand_over(w, full, err);
	}
	return 0;
}

int row_writer_flush(struct row_writer *w, struct err *err)
{
	int ret = 0;

	for (unsigned int i = 0; i < w->nr_tables; i++) {
		struct row_batch *open = w->targets[i].open;
		int told;

		w->targets[i].open = NULL;
		if (!open)
			continue;
		told = hand_over(w, open, err);
		ret = told < 0 ? told : ret;
	}
	return ret;
}

int row_writer_finish(struct row_writer *w, struct err *err)
{
	int ret;

	row_writer_flush(w, NULL);
	if (w->beside) {
		pthread_mutex_lock(&w->lock);
		w->closing = true;
		pthread_cond_signal(&w->changed);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
		w->beside = w->closing = false;
	}
	ret = -(int)w->error.code;
	if (ret < 0 && err)
		*err = w->error;
	w->error = (struct err){ 0 };
	return ret;
}

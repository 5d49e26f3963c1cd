#include "reports/row_writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "reports/database_priv.h"

/* Large enough that handing over costs nothing, small enough that the thread has work soon. */
#define CHUNK_ROWS   256
#define CHUNK_VALUES 4096
#define RING_CHUNKS  4u

struct queued_row {
	sqlite3_stmt *stmt;
	uint32_t first_value;
	int nr_values;
};

/* Rows to be written; the text of a value is at @integer in texts. */
struct chunk {
	struct queued_row rows[CHUNK_ROWS];
	struct value values[CHUNK_VALUES];
	char *texts;             /* owned */
	size_t texts_len, texts_cap;
	uint32_t nr_rows, nr_values;
};

/*
 * The simulation fills chunk made % RING_CHUNKS, the thread writes chunk taken % RING_CHUNKS while taken < made.
 * A chunk belongs to one of them at a time; lock is over what tells to whom.
 */
struct row_writer {
	const char *path;        /* borrowed */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int made, taken;
	bool closing;
	struct err error;        /* the first one; code 0 = none */
	struct chunk ring[RING_CHUNKS];
};

static int bind(sqlite3_stmt *stmt, int column, const struct value *value)
{
	switch (value->type) {
	case VALUE_INTEGER:
		return sqlite3_bind_int64(stmt, column, value->integer);
	case VALUE_REAL:
		return sqlite3_bind_double(stmt, column, value->real);
	case VALUE_TEXT:
		break;
	}
	return sqlite3_bind_text(stmt, column, value->text, -1, SQLITE_STATIC);
}

int row_write(sqlite3_stmt *stmt, const char *path, const struct value *values, int nr_values, struct err *err)
{
	int ret = 0;

	for (int i = 0; i < nr_values && ret == 0; i++)
		if (bind(stmt, i + 1, &values[i]) != SQLITE_OK)
			ret = database_error(sqlite3_db_handle(stmt), path, err);
	if (ret == 0 && sqlite3_step(stmt) != SQLITE_DONE)
		ret = database_error(sqlite3_db_handle(stmt), path, err);
	sqlite3_reset(stmt);
	return ret;
}

static int write_chunk(const struct row_writer *w, struct chunk *chunk, struct err *err)
{
	int ret = 0;

	for (uint32_t i = 0; i < chunk->nr_values; i++)
		if (chunk->values[i].type == VALUE_TEXT)
			chunk->values[i].text = chunk->values[i].integer < 0 ? NULL : chunk->texts + chunk->values[i].integer;
	for (uint32_t i = 0; ret == 0 && i < chunk->nr_rows; i++) {
		const struct queued_row *row = &chunk->rows[i];

		ret = row_write(row->stmt, w->path, &chunk->values[row->first_value], row->nr_values, err);
	}
	chunk->nr_rows = chunk->nr_values = 0;
	chunk->texts_len = 0;
	return ret;
}

static void *write_beside(void *arg)
{
	struct row_writer *w = arg;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		struct chunk *chunk = &w->ring[w->taken % RING_CHUNKS];
		struct err err = { 0 };

		while (w->made == w->taken && !w->closing)
			pthread_cond_wait(&w->changed, &w->lock);
		if (w->made == w->taken)
			break;
		if (w->error.code)
			chunk->nr_rows = 0;
		pthread_mutex_unlock(&w->lock);
		write_chunk(w, chunk, &err);
		pthread_mutex_lock(&w->lock);
		if (err.code)
			w->error = err;
		w->taken++;
		pthread_cond_signal(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int row_writer_start(struct row_writer **out, const char *path, struct err *err)
{
	struct row_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return err_set(err, ERR_NOMEM, "%s: no memory for rows", path);
	w->path = path;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	errno = pthread_create(&w->thread, NULL, write_beside, w);
	if (errno) {
		err_errno(err, "%s: cannot start a writing thread", path);
		pthread_cond_destroy(&w->changed);
		pthread_mutex_destroy(&w->lock);
		free(w);
		return -(int)ERR_IO;
	}
	*out = w;
	return 0;
}

/* The chunk that is being filled goes to the thread; the next one is waited for. Return: 0, or the thread's error. */
static int hand_over(struct row_writer *w, struct err *err)
{
	int ret = 0;

	pthread_mutex_lock(&w->lock);
	w->made++;
	pthread_cond_signal(&w->changed);
	while (w->made - w->taken == RING_CHUNKS)
		pthread_cond_wait(&w->changed, &w->lock);
	if (w->error.code) {
		ret = -(int)w->error.code;
		if (err)
			*err = w->error;
	}
	pthread_mutex_unlock(&w->lock);
	return ret;
}

/* Keep @text in the chunk. Return: where, -1 for NULL, -2 when there is no memory. */
static int64_t keep_text(struct chunk *chunk, const char *text)
{
	size_t at = chunk->texts_len;
	size_t len = text ? strlen(text) + 1 : 0;

	if (!text)
		return -1;
	if (at + len > chunk->texts_cap) {
		size_t cap = 2 * (at + len);
		char *texts = realloc(chunk->texts, cap);

		if (!texts)
			return -2;
		chunk->texts = texts;
		chunk->texts_cap = cap;
	}
	memcpy(chunk->texts + at, text, len);
	chunk->texts_len += len;
	return (int64_t)at;
}

int row_writer_put(struct row_writer *w, sqlite3_stmt *stmt, const struct value *values, int nr_values, struct err *err)
{
	struct chunk *chunk = &w->ring[w->made % RING_CHUNKS];

	if (chunk->nr_rows == CHUNK_ROWS || chunk->nr_values + (uint32_t)nr_values > CHUNK_VALUES) {
		int ret = hand_over(w, err);

		if (ret < 0)
			return ret;
		chunk = &w->ring[w->made % RING_CHUNKS];
	}
	for (int i = 0; i < nr_values; i++) {
		struct value *value = &chunk->values[chunk->nr_values + (uint32_t)i];

		*value = values[i];
		if (value->type != VALUE_TEXT)
			continue;
		value->integer = keep_text(chunk, values[i].text);
		if (value->integer < -1)
			return err_set(err, ERR_NOMEM, "%s: no memory for rows", w->path);
	}
	chunk->rows[chunk->nr_rows++] = (struct queued_row){ stmt, chunk->nr_values, nr_values };
	chunk->nr_values += (uint32_t)nr_values;
	return 0;
}

int row_writer_finish(struct row_writer *w, struct err *err)
{
	int ret;

	if (!w)
		return 0;
	hand_over(w, NULL);
	pthread_mutex_lock(&w->lock);
	w->closing = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	ret = -(int)w->error.code;
	if (ret < 0 && err)
		*err = w->error;
	for (unsigned int i = 0; i < RING_CHUNKS; i++)
		free(w->ring[i].texts);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return ret;
}

/*
 * row_batch: rows of one table, kept in memory, and how SQLite sees them: as a table `queued_rows` with the columns
 * c0, c1, ... One INSERT ... SELECT takes a whole batch: a statement that is run once for each row costs twice as
 * much or more.
 */
#ifndef KMEMSIM_REPORTS_ROW_BATCH_H
#define KMEMSIM_REPORTS_ROW_BATCH_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROW_MAX_VALUES 33

/* Large enough that the statement's own cost is nothing beside its rows', small enough that a thread has work soon. */
#define ROW_BATCH_VALUES 1024u

/** A value for a column, whatever its C type. */
struct value {
	enum value_type { VALUE_INTEGER, VALUE_RUN, VALUE_SAMPLE, VALUE_REAL, VALUE_TEXT } type;
	int length;              /* of a kept text; VALUE_NULL = NULL */
	union {
		int64_t integer;
		double real;
		const char *text; /* borrowed for the call; NULL = NULL */
		size_t at;        /* of a kept text: in texts */
	};
};

#define VALUE_NULL (-1)

/* Integers of the types up to this one are what is stored, once the source's base of their type is added. */
#define VALUE_LAST_INTEGER VALUE_SAMPLE

struct row_batch {
	struct row_batch *next;          /* in the list that it is on */
	char *texts;                     /* owned */
	size_t texts_len, texts_cap;
	unsigned int table;              /* that the rows are for */
	uint32_t nr_rows, nr_values;     /* nr_values: in all */
	uint32_t row_values;             /* of each row */
	struct value values[ROW_BATCH_VALUES];
};

/** row_batch_full() - no further row of @nr_values fits. */
static inline bool row_batch_full(const struct row_batch *batch, uint32_t nr_values)
{
	return batch->nr_values + nr_values > ROW_BATCH_VALUES;
}

/** row_batch_clear() - no rows, of table @table, with @row_values values each. The memory is kept for the next ones. */
void row_batch_clear(struct row_batch *batch, unsigned int table, uint32_t row_values);

/** row_batch_put() - add a row, texts included, to a batch that is not full. Return: false when there is no memory. */
bool row_batch_put(struct row_batch *batch, const struct value *values);

/** row_batch_free() - accepts NULL. */
void row_batch_free(struct row_batch *batch);

/** What statements read. */
struct row_source {
	const struct row_batch *batch;            /* the one that a statement writes */
	/* numbers that were not known when the rows were put; [VALUE_INTEGER]: 0 */
	int64_t base[VALUE_LAST_INTEGER + 1];
};

/**
 * row_batch_show() - make the batch that @source has at the start of a statement the connection's `queued_rows`.
 * @source: borrowed until the connection is closed.
 *
 * Return: SQLITE_OK, or what SQLite failed with.
 */
int row_batch_show(sqlite3 *db, struct row_source *source);

#endif

/*
 * sqlite_recorder_priv: what the two halves of the recorder share: sqlite_recorder.c
 * opens, begins and ends runs, sqlite_rows.c makes rows of what happens meanwhile.
 */
#ifndef KMEMSIM_REPORTS_SQLITE_RECORDER_PRIV_H
#define KMEMSIM_REPORTS_SQLITE_RECORDER_PRIV_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>

#include "reports/row_writer.h"
#include "sim/recorder.h"

struct sqlite_recorder {
	struct recorder rec;                     /* first: what the engine holds */
	sqlite3 *db;                             /* owned */
	char *path;                              /* owned */
	struct record_run run;                   /* begun last; its strings are borrowed until its end */
	int64_t run_id;                          /* 0 before the first run */
	int64_t nr_samples;                      /* of this run */
	struct row_writer *writer;               /* owned */
	bool opening;                            /* opener makes db and writer, and leaves in opened how that went */
	pthread_t opener;
	pthread_mutex_t lock;                    /* over the next */
	pthread_cond_t decided;
	/* of what was prepared; UNPREPARED: opened has why */
	enum verdict { UNDECIDED, PUBLISH, DROP, UNPREPARED } verdict;
	struct err opened;
	bool fresh;                              /* the file was made for this recorder, and is not on the disk yet */
	bool running;                            /* between begin and end */
	bool many;                               /* sqlite_recorder_many() */
};

/* The columns are signed: what does not fit is stored as the largest that does (see schema.sql). */
static inline struct value value_unsigned(uint64_t number)
{
	return (struct value){
		.type = VALUE_INTEGER,
		.integer = number > INT64_MAX ? INT64_MAX : (int64_t)number,
	};
}

static inline struct value value_signed(int64_t number)
{
	return (struct value){ .type = VALUE_INTEGER, .integer = number };
}

static inline struct value value_real(double number)
{
	return (struct value){ .type = VALUE_REAL, .real = number };
}

static inline struct value value_text(const char *text)
{
	return (struct value){ .type = VALUE_TEXT, .text = text };
}

#define VALUE(x)                                                                                             \
	_Generic((x),                      \
		uint64_t: value_unsigned,  \
		uint32_t: value_unsigned,  \
		int64_t: value_signed,     \
		double: value_real,        \
		char *: value_text,        \
		const char *: value_text)(x)

/* sqlite_rows.c */
extern const struct row_table sqlite_tables[];
extern const uint32_t nr_sqlite_tables;
int sqlite_put_sample(struct recorder *rec, const struct record_sample *record, struct err *err);
int sqlite_put_zone(struct recorder *rec, const struct record_zone *record, struct err *err);
int sqlite_put_free_blocks(struct recorder *rec, const struct record_free_blocks *record, struct err *err);
int sqlite_put_pageblocks(struct recorder *rec, const struct record_pageblocks *record, struct err *err);
int sqlite_put_frag(struct recorder *rec, const struct record_frag *record, struct err *err);
int sqlite_put_cache(struct recorder *rec, const struct record_cache *record, struct err *err);
int sqlite_put_op(struct recorder *rec, const struct record_op *record, struct err *err);
int sqlite_put_row(struct recorder *rec, const struct record_row *row, struct err *err);
int sqlite_put_extfrag(struct recorder *rec, const struct record_extfrag *record, struct err *err);
int sqlite_put_call_site(struct recorder *rec, const struct record_call_site *record, struct err *err);
int sqlite_put_violation(struct recorder *rec, const struct record_violation *record, struct err *err);
int sqlite_put_counter(struct recorder *rec, const struct record_counter *record, struct err *err);
int sqlite_put_verify_check(struct recorder *rec, const struct record_verify_check *record, struct err *err);
int sqlite_put_verify_zone(struct recorder *rec, const struct record_verify_zone *record, struct err *err);
int sqlite_put_verify_cache(struct recorder *rec, const struct record_verify_cache *record, struct err *err);

#endif

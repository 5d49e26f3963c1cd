/* fixture: what the tests of results share: a scratch directory, a run to write, a look into the database. */
#ifndef KMEMSIM_TESTS_REPORTS_FIXTURE_H
#define KMEMSIM_TESTS_REPORTS_FIXTURE_H

#include <stdint.h>

#include "sim/recorder.h"

/**
 * fixture_path() - path of @name in a scratch directory of this process. Valid until the next call with
 * another name.
 */
const char *fixture_path(const char *name);

/** fixture_remove() - remove the scratch directory with all files in it: as .fini of a test. */
void fixture_remove(void);

/** fixture_run() - the run that the other calls belong to, with every member filled. */
struct record_run fixture_run(void);

/** fixture_begin() - open @path and begin fixture_run(). */
struct recorder *fixture_begin(const char *path);

/**
 * fixture_write() - a whole small run, each kind of row at least once, with two zones and 40 samples. Ended
 * and closed.
 */
void fixture_write(const char *path, enum run_status status);

/* A point of a sweep: what it sets and what comes of it. */
struct fixture_point {
	const char *memory, *min_order; /* values of memory and slab.min_order */
	uint64_t seed;
	enum run_status status;
	uint64_t free_pages;    /* of the one zone at the end */
	uint64_t failed;        /* kmalloc requests */
	uint64_t latency_ns;    /* of all of them */
	unsigned int samples;   /* 0 = 2 */
};

/**
 * fixture_point() / fixture_points() - write the run of a point:
 * equal points give equal runs. RUN_RUNNING: as if killed.
 */
void fixture_point(const char *path, const struct fixture_point *point);
void fixture_points(const char *path, const struct fixture_point *points, unsigned int nr);

/** fixture_rows() - the answer of @sql as text: columns joined by '|', rows by '\n'. To be freed. */
char *fixture_rows(const char *path, const char *sql);

/** fixture_count() - the single number that @sql answers. */
int64_t fixture_count(const char *path, const char *sql);

/** fixture_slurp() - a whole file as a string, NULL when it cannot be read. To be freed. */
char *fixture_slurp(const char *path);

#endif

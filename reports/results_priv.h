/* results: a results database opened for reading, as query, report and proc use it. */
#ifndef KMEMSIM_REPORTS_RESULTS_PRIV_H
#define KMEMSIM_REPORTS_RESULTS_PRIV_H

#include <sqlite3.h>

#include "reports/report.h"

struct results {
	sqlite3 *db; /* owned */
	char *path;  /* owned */
};

/* Zones ascend within their node as enum zone_type of the kernel does. */
#define RESULTS_ZONE_RANK                                                                                    \
	"CASE zone WHEN 'DMA' THEN 0 WHEN 'DMA32' THEN 1 WHEN 'Normal' THEN 2 WHEN 'HighMem' THEN 3"         \
	" WHEN 'Movable' THEN 4 ELSE 5 END"

/*
 * How often a rule was broken, of violations v grouped by rule and severity: the table has the first
 * thousand of each, a counter the rest.
 */
#define RESULTS_VIOLATIONS                                                                                        \
	"coalesce((SELECT value FROM counters c WHERE c.run_id = v.run_id AND mechanism = 'violations'"           \
	" AND name = rule || ' ' || severity), count(*))"

/**
 * results_open_write() - open for changes; a missing file is made. The caller closes it: results_close().
 */
int results_open_write(struct results **out, const char *path, struct err *err);

/**
 * results_prepare() - a statement with its first parameters bound to @nr numbers. The caller owns *stmt:
 * sqlite3_finalize().
 */
int results_prepare(struct results *results, const char *sql, const int64_t *params, int nr,
	sqlite3_stmt **stmt, struct err *err);

/** results_step() - the next row. Return: 1 when there is one, 0 at the end, or a negative code. */
int results_step(struct results *results, sqlite3_stmt *stmt, struct err *err);

/** results_number() - the number that @sql answers; @missing when it answers nothing or NULL. */
int results_number(struct results *results, const char *sql, const int64_t *params, int nr, int64_t missing,
	int64_t *number, struct err *err);

/**
 * results_choose_run() - @run, or the latest for 0. ERR_USAGE: there is no such run (the text names those
 * there are).
 */
int results_choose_run(struct results *results, int64_t run, int64_t *chosen, struct err *err);

#endif

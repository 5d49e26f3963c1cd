/*
 * sweep: the runs of a sweep, each in a process of its own. The trace is decoded once; workers are forked and replay it
 * from the pages they share with their parent. A worker sends its results through a pipe; the parent writes them, a run
 * as a whole, into one recorder. What happens to a worker happens to its run alone.
 */
#ifndef KMEMSIM_SIM_SWEEP_H
#define KMEMSIM_SIM_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "configs/sweep.h"
#include "sim/recorder.h"

struct sweep_plan;

/**
 * sweep_plan_create() - look at every trace and check every point's machine before anything runs.
 * The caller owns *out: sweep_plan_destroy(). @sweep is borrowed for as long.
 * Errors: ERR_CONFIG names the first bad points with their values, and how many there are; ERR_TRACE; ERR_IO.
 */
int sweep_plan_create(struct sweep_plan **out, const struct sweep *sweep, struct err *err);
void sweep_plan_destroy(struct sweep_plan *plan);

/** sweep_plan_shard() - leave only every @nr-th point, beginning with number @shard (1 .. @nr). */
void sweep_plan_shard(struct sweep_plan *plan, uint32_t shard, uint32_t nr);

/**
 * sweep_plan_drop() - drop the points whose run @has already; asked with what the run will be recorded with (but
 * for config_yaml, which is NULL). Return: how many were dropped.
 */
uint32_t sweep_plan_drop(struct sweep_plan *plan, bool (*has)(void *arg, const struct record_run *run), void *arg);

/** sweep_plan_has() - whether the point at index @i of sweep->points is to be run. */
bool sweep_plan_has(const struct sweep_plan *plan, uint32_t i);
/** sweep_plan_runs() - points that are left to run; sweep_plan_events() - events of their traces together. */
uint32_t sweep_plan_runs(const struct sweep_plan *plan);
uint64_t sweep_plan_events(const struct sweep_plan *plan);

/**
 * sweep_plan_check_traces() - decode each trace that a point is left for. The one that is replayed first stays decoded.
 * ERR_TRACE: one of them is damaged; ERR_IO; ERR_INTERRUPTED when @stop says so, which is asked before each.
 */
int sweep_plan_check_traces(struct sweep_plan *plan, bool (*stop)(void *arg), void *arg, struct err *err);

/** sweep_plan_sha256() - of the trace numbered @trace in the sweep, hexadecimal. */
const char *sweep_plan_sha256(const struct sweep_plan *plan, uint32_t trace);

/**
 * sweep_plan_measure() - replay the first point that is left without recording, to tell what the others will take.
 * @events, @wall_ns: of that run, without decoding. ERR_INTERRUPTED when @stop says so.
 */
int sweep_plan_measure(const struct sweep_plan *plan, bool (*stop)(void *arg), void *arg, uint64_t *events,
	uint64_t *wall_ns, struct err *err);

/** How far a sweep has come. */
struct sweep_progress {
	uint32_t runs;             /* to do in all */
	uint32_t done, failed;     /* over and recorded; failed ones are not among the done */
	uint32_t running;
	uint64_t events;           /* of the runs that are done */
	uint64_t wall_ns;          /* since the first was started */
};

struct sweep_options {
	/* processes at a time, at least 1; a single one waits while its results are recorded */
	uint32_t workers;
	struct recorder *recorder; /* borrowed */
	/**
	 * stop() - asked often; true kills the runs in flight, which are not recorded, and ends with
	 * ERR_INTERRUPTED. May be NULL.
	 */
	bool (*stop)(void *arg);
	/** progress() - at least once a second and after each run. May be NULL. */
	void (*progress)(void *arg, const struct sweep_progress *progress);
	/** warn() - of the machine of a run that is done; the first such run in the sweep. May be NULL. */
	void (*warn)(void *arg, const struct sweep_point *point, const char *text);
	/** failed() - a run has failed, for @reason, and was recorded so. May be NULL. */
	void (*failed)(void *arg, const struct sweep_point *point, const char *reason);
	void *arg;
};

/**
 * sweep_run() - do all runs that are left in the plan. Failed runs are no error.
 * Errors: ERR_INTERRUPTED; those of the recorder, which end the sweep; ERR_IO, ERR_NOMEM. What was recorded stays.
 */
int sweep_run(const struct sweep_plan *plan, const struct sweep_options *options, struct sweep_progress *result,
	struct err *err);

#endif

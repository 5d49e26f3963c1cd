/*
 * done_runs: which runs of a sweep a results database holds. A run is told by what its results follow from: SHA-256 of
 * the trace, hash of the machine, start state, part of the trace, seed, pace, CPU map, layer, sampling, the program's
 * results version; and by its keys and values in run_params.
 */
#ifndef KMEMSIM_REPORTS_DONE_RUNS_H
#define KMEMSIM_REPORTS_DONE_RUNS_H

#include "sim/recorder.h"

struct done_runs;

/**
 * done_runs_load() - the finished runs of the sweep called @sweep in the database at
 * @path; none when there is no such file. The caller owns *out: done_runs_free().
 */
int done_runs_load(struct done_runs **out, const char *path, const char *sweep, struct err *err);

/** done_runs_check() - ERR_RESULTS when a run is of another trace than @sha256[@nr], or of another results version. */
int done_runs_check(const struct done_runs *done, const char *const *sha256, uint32_t nr, struct err *err);

/** done_runs_has() - whether @run is there. Its config_yaml and what comes from the machine may be missing. */
bool done_runs_has(const struct done_runs *done, const struct record_run *run);

void done_runs_free(struct done_runs *done);

/*
 * Runs that did not finish and are about to be run again. A failed run that
 * is not, of another shard or of a point that the sweep has no more, stays.
 */
struct failed_runs;

/** failed_runs_open() - of the database at @path, if there is one. The caller owns *out: failed_runs_close(). */
int failed_runs_open(struct failed_runs **out, const char *path, struct err *err);

/** failed_runs_again() - @run is run again: what failed of the same trace, by name or content, and the same values. */
void failed_runs_again(struct failed_runs *failed, const struct record_run *run);

/** failed_runs_forget() - remove those that are run again. */
int failed_runs_forget(struct failed_runs *failed, struct err *err);

void failed_runs_close(struct failed_runs *failed);

#endif

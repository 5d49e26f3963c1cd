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
 * done_runs_load() - the finished runs of the sweep called @sweep in the database at @path; none when there is no such file.
 * The caller owns *out: done_runs_free().
 */
int done_runs_load(struct done_runs **out, const char *path, const char *sweep, struct err *err);

/** done_runs_check() - ERR_RESULTS when a run is of another trace than @sha256[@nr], or of another results version. */
int done_runs_check(const struct done_runs *done, const char *const *sha256, uint32_t nr, struct err *err);

/** done_runs_has() - whether @run is there. Its config_yaml and what comes from the machine may be missing. */
bool done_runs_has(const struct done_runs *done, const struct record_run *run);

void done_runs_free(struct done_runs *done);

/** done_runs_forget_failed() - remove the runs of @sweep that did not finish: they are about to be run again. */
int done_runs_forget_failed(const char *path, const char *sweep, struct err *err);

#endif

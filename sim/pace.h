/*
 * pace: how fast the recorded machine reclaimed, which decides how far tasks get meanwhile. Import finds it in the
 * events of reclaim (traces/durations_reclaim.c), by the fit of `kmemsim calibrate`; a machine with
 * `latency.reclaim_pace: auto` takes it over for these steps.
 */
#ifndef KMEMSIM_SIM_PACE_H
#define KMEMSIM_SIM_PACE_H

#include "sim/calibrate.h"
#include "traces/import.h"

struct run;

struct pace_finder {
	struct machine *machine; /* owned */
	struct calibration fit;
};

/** pace_finder_init() - @import: to be given to import_files(); it refers to @finder. */
int pace_finder_init(struct pace_finder *finder, struct import_pace *import, struct err *err);
void pace_finder_fini(struct pace_finder *finder);

/** pace_is_told() - whether a replay on @machine takes something over from @pace. */
bool pace_is_told(const struct machine *machine, const struct trace_pace *pace);

/** pace_start() - the run goes on with a machine of its own, if its pace is the recording's. */
int pace_start(struct run *run, struct err *err);
void pace_fini(struct run *run);

#endif

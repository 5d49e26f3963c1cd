/*
 * replay_priv: what the files of a replay share: replay.c (events
 * in their order), replay_record.c (what is told of them).
 */
#ifndef KMEMSIM_SIM_REPLAY_PRIV_H
#define KMEMSIM_SIM_REPLAY_PRIV_H

#include "sim/run.h"

/** replay_check_stop() - Errors: ERR_INTERRUPTED when the user has had enough. */
int replay_check_stop(const struct run *run, struct err *err);
/** replay_record_begin() - the run's row. Errors: what the recorder says. */
int replay_record_begin(struct run *run, struct err *err);
/**
 * replay_finish() - the rows of the end and run->result, but for its wall_ns.
 * @ret: how the replay ended, with @err; results so far are kept.
 *
 * Return: @ret, or the first error behind it.
 */
int replay_finish(struct run *run, int ret, struct err *err);
/** replay_record_end() - how the run ended, as its last call to @recorder. Return: as replay_finish(). */
int replay_record_end(struct recorder *recorder, const struct replay_result *result, int ret, struct err *err);

#endif

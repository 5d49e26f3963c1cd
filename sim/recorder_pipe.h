/*
 * recorder_pipe: a recorder that sends its calls through a file descriptor. recorder_stream makes the same calls on
 * another recorder at the other end. Both ends are the same program: numbers are in its own order of bytes.
 *
 * A stream is frames: 4 bytes of length, then a byte that names the call, then the members of its struct in order.
 */
#ifndef KMEMSIM_SIM_RECORDER_PIPE_H
#define KMEMSIM_SIM_RECORDER_PIPE_H

#include "sim/recorder.h"

/**
 * recorder_pipe_open() - a recorder that writes to @fd, which is borrowed. Calls are sent in large pieces; end() sends
 * what is left. The caller owns *out: ops->close().
 */
int recorder_pipe_open(struct recorder **out, int fd, struct err *err);

/**
 * recorder_pipe_thin() - from now on leave out what takes most room and is seldom asked for of one run among many: call
 * sites; caches, vmap areas, resources and per-CPU chunks but at the end; the finer half of latency distributions.
 */
void recorder_pipe_thin(struct recorder *rec);

/** recorder_pipe_fail() - send, as the last thing, why there is no end(). */
int recorder_pipe_fail(struct recorder *rec, const struct err *why, struct err *err);

/** recorder_pipe_over() - send that this run is over: another one may follow through the same descriptor. */
int recorder_pipe_over(struct recorder *rec, struct err *err);

#endif

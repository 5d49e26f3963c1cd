/*
 * recorder_pipe: a recorder that sends its calls through a file descriptor, and the other end, which makes the same calls
 * on another recorder. Both ends are the same program: numbers are in its own order of bytes.
 *
 * A stream is frames: 4 bytes of length, then a byte that names the call, then the members of its struct in order.
 * Whatever a stream holds, playing it reads nothing outside of it.
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

/**
 * recorder_stream_over() - whether the stream of a run that began at @stream has its recorder_pipe_over().
 * @walked: whole frames looked at so far, bytes; 0 at first. When it is over, the length of the run's stream.
 */
bool recorder_stream_over(const void *stream, size_t len, size_t *walked);

/** What a stream comes down to. */
struct recorder_stream {
	bool complete;             /* it has its end(), and nothing behind it */
	struct record_end end;     /* where complete; end.error is borrowed from the stream */
	const char *failure;       /* text of recorder_pipe_fail(), borrowed from the stream; NULL = none */
};

/** recorder_stream_look() - walk over the @len bytes of a stream without making any call. */
void recorder_stream_look(const void *stream, size_t len, struct recorder_stream *look);

/**
 * recorder_stream_play() - make the calls of a stream on @to, in order. ERR_RESULTS: the stream is malformed; else the
 * error of the call that failed, which was the last one made.
 */
int recorder_stream_play(const void *stream, size_t len, struct recorder *to, struct err *err);

#endif

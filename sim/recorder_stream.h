/*
 * recorder_stream: the other end of a recorder_pipe: what came through it, and its calls made on another recorder.
 * Whatever a stream holds, playing it reads nothing outside of it.
 */
#ifndef KMEMSIM_SIM_RECORDER_STREAM_H
#define KMEMSIM_SIM_RECORDER_STREAM_H

#include "sim/recorder.h"
#include "sim/reserve.h"

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
	struct reserve reserve;    /* of the largest zone, in all samples */
	uint32_t page_size;
};

/** recorder_stream_look() - walk over the @len bytes of a stream without making any call. */
void recorder_stream_look(const void *stream, size_t len, struct recorder_stream *look);

/**
 * recorder_stream_play() - make the calls of a stream on @to, in order. ERR_RESULTS: the stream is malformed; else the
 * error of the call that failed, which was the last one made.
 */
int recorder_stream_play(const void *stream, size_t len, struct recorder *to, struct err *err);

#endif

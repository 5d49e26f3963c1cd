/*
 * wall_clock: the time that passes for who waits for the
 * program: for progress, timeouts and speed, never for a result.
 */
#ifndef KMEMSIM_BASE_WALL_CLOCK_H
#define KMEMSIM_BASE_WALL_CLOCK_H

#include <stdint.h>
#include <time.h>

/** wall_clock_ns() - nanoseconds since some instant in the past. */
static inline uint64_t wall_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

#endif

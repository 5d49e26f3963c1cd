/*
 * dat_order: which CPU of a recording comes next, by the times of what each has next. Knows no records.
 *
 * Of equal times the one that is its CPU's only one is the first. The kernel's global clock (trace_clock_global())
 * gives a CPU whose own is behind the latest time that any other has shown, again and again until it has caught up;
 * the other's next time is a later one.
 */
#ifndef KMEMSIM_TRACES_DAT_ORDER_H
#define KMEMSIM_TRACES_DAT_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#define DAT_NOTHING UINT64_MAX

/** What a CPU has next. */
struct dat_next {
	uint64_t time_ns; /* DAT_NOTHING: it has no more */
	bool alone;       /* what follows is of a later time */
};

/**
 * dat_earliest() - the CPU that comes next, of several at once the first.
 * @bound: it comes next as long as what it has next is not later than this.
 *
 * Return: its number; -1: all are at their end.
 */
int dat_earliest(const struct dat_next *cpus, int nr, uint64_t *bound);

#endif

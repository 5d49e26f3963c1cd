/*
 * timers: what happens in a run by the clock and not by a request: the kernel's periodic works and the engine's own
 * notes of what is due.
 */
#ifndef KMEMSIM_SIM_TIMERS_H
#define KMEMSIM_SIM_TIMERS_H

#include <stdint.h>

#include "base/err.h"

struct run;

/* The engine's own, one shot each; the periodic ones of timers.c are numbered behind them. */
enum run_timer {
	RUN_TIMER_SAMPLE,
	RUN_TIMER_RESUME,   /* a woken sleeper is on its CPU again; value: its number */
	RUN_TIMER_TIMEOUT,  /* a sleeper's time is up; value: its number, its generation above RUN_TIMER_BITS */
	RUN_TIMER_TASK,     /* a task's next request; value: the task */
	RUN_TIMER_KSWAPD,   /* kswapd goes on; value: its node, a generation above RUN_TIMER_BITS */
	RUN_TIMER_KCOMPACTD, /* kcompactd goes on; value: its node */
	RUN_TIMER_WORK,     /* a work item; value: which, and on which CPU (sim/works.c) */
	RUN_TIMER_REFAULT,  /* reclaimed pages are read again */
	RUN_TIMER_READER,   /* who reads a mapping goes on; value: its number (sim/readers.c) */
	RUN_TIMER_PERIODIC,
};

#define RUN_TIMER_BITS 8u

/** timers_start() - time begins: all periodic timers are set. */
int timers_start(struct run *run, struct err *err);
/** timers_fire() - one is due (struct engine_client). */
int timers_fire(void *arg, uint32_t kind, uint32_t value, struct err *err);

#endif

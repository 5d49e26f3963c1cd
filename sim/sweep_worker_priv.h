/*
 * sweep_worker: the process that does the runs of a sweep, one after the other. It is forked from the process that
 * has decoded the trace, shares its pages, and stays for as long as the runs are of that trace: a fork copies page
 * tables, and the parent pays again for each page that it writes to afterwards.
 */
#ifndef KMEMSIM_SIM_SWEEP_WORKER_PRIV_H
#define KMEMSIM_SIM_SWEEP_WORKER_PRIV_H

#include <sys/types.h>

#include "sim/sweep_priv.h"

struct worker {
	pid_t pid;                 /* 0 = no process */
	int fd;                    /* its results */
	int tasks;                 /* where it is told the next run */
	uint32_t trace;            /* that it was forked with */
	uint32_t index;            /* of the point it runs */
	bool busy;
	bool timed_out;
	char *stream;              /* owned: what it has sent of this run */
	size_t len, cap;
	size_t walked;             /* of them, whole frames that were looked at */
	uint64_t started_ns;       /* this run */
};

/** worker_start() - fork a process for @worker, with the trace in @reader, and have it run the point at @index. */
int worker_start(struct worker *worker, const struct sweep_plan *plan, struct trace_reader *reader, uint32_t index,
	struct err *err);

/** worker_next() - have an idle process run the point at @index. Return: false when it is not there any more. */
bool worker_next(struct worker *worker, uint32_t index);

/** worker_end() - end the process, whatever it does. Return: its wait status. */
int worker_end(struct worker *worker);

/** worker_reap() - wait for a process that has ended by itself. Return: its wait status. */
int worker_reap(struct worker *worker);

#endif

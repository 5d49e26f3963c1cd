/*
 * sections: what lies between get_cpu() or get_cpu_var() and the matching put, or kmap_atomic() and kunmap_atomic(): no
 * preemption, so the task stays on its CPU and must not sleep. Kept only for traces that have such events.
 */
#ifndef KMEMSIM_SIM_SECTIONS_H
#define KMEMSIM_SIM_SECTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/units.h"

struct run;
struct run_op;
struct request;

/** The section of a task on a CPU. */
struct section {
	uint32_t depth;    /* calls that are not matched yet */
	uint32_t op;       /* the run_op of the outermost of them */
	uint32_t mapped;   /* kmap_atomic() that are not ended yet */
	ns_t begun_ns;
};

struct sections {
	uint32_t *of_who;      /* owned: index of open[] by who asks; NULL: the trace has no sections */
	struct section *open;  /* owned */
	uint32_t nr;
	bool counted;          /* the trace has get_cpu() and the like: there are counters */
	uint64_t count;        /* outermost sections that are over */
	uint64_t calls;        /* of get_cpu() and get_cpu_var() */
	uint32_t max_depth;
	ns_t total_ns, max_ns; /* of those that are over */
	uint64_t sleeps;       /* requests in them that may sleep */
};

/** sections_prepare() - before the trace's operations are prepared: whether it has sections, and whose they can be. */
int sections_prepare(struct run *run, struct err *err);
void sections_fini(struct run *run);

/** sections_any() - whether requests must be looked at for being in one. */
bool sections_any(const struct run *run);

/** sections_enter(), sections_leave() - get and put. A put without a get breaks rule preempt_imbalance. */
void sections_enter(struct run *run, const struct request *req);
void sections_leave(struct run *run, const struct request *req, const struct run_op *op);

/** sections_map(), sections_unmap() - kmap_atomic() and kunmap_atomic(), whose balance is sim/serve_highmem.c's. */
void sections_map(struct run *run, const struct request *req);
void sections_unmap(struct run *run, const struct request *req);

/** sections_may_sleep() - a request that may sleep: reports sleep_in_atomic when it is in a section. */
void sections_may_sleep(struct run *run, const struct request *req, const struct run_op *op);

/** sections_task_ends() - what the task that asks has open is an imbalance. */
void sections_task_ends(struct run *run, const struct request *req);

/** sections_finish() - the counters; what is open at the end is an imbalance. */
int sections_finish(struct run *run, struct err *err);

#endif

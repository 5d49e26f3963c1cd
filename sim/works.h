/*
 * works: work items, which a worker of the CPU that asked does a moment later (schedule_work()). Asked for again
 * while it is queued, one is done once. What it costs is its CPU's, after what that is doing. When the trace has
 * ended the last ones are still done.
 */
#ifndef KMEMSIM_SIM_WORKS_H
#define KMEMSIM_SIM_WORKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct run;

enum run_work {
	WORK_VFREE,          /* __vfree_deferred(): areas that interrupts freed */
	WORK_VMAP_DRAIN,     /* drain_vmap_area_work(): too many areas wait for a purge */
	WORK_PERCPU_BALANCE, /* pcpu_balance_workfn() */
	/* rcu_do_batch(): slabs of SLAB_TYPESAFE_BY_RCU, after a grace period; not when the trace ends */
	WORK_RCU,
	NR_WORKS
};

/** run_schedule_work() - on the CPU of the request being served. At once while the machine boots. */
void run_schedule_work(struct run *run, enum run_work work);
/** run_schedule_due() - what mm/ says is due. */
void run_schedule_due(struct run *run);
/** run_schedule_rcu() - blocks wait for a grace period: one begins, unless it has. */
void run_schedule_rcu(struct run *run);
/** works_left() - whether a worker still has to come. */
bool works_left(const struct run *run);
/** works_fire() - RUN_TIMER_WORK: one is due. @value: as it was queued. */
int works_fire(struct run *run, uint32_t value, struct err *err);
/** works_charge() - what @cpu did by the clock took what run->meter says. */
void works_charge(struct run *run, uint32_t cpu);
/** works_record() - how often each was done. */
int works_record(struct run *run, struct err *err);

#endif

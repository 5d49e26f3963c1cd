/*
 * locks: the kernel's locks as resources of simulated time. mm/ charges the steps that it takes under a lock
 * (mm/meter.h); here they become stays at that lock, each from its arrival over its grant to its release. A lock is
 * granted in order of arrival, and who waits spins: its CPU is busy.
 *
 * A request does what it does at one instant, before its time at the locks has passed; so when it starts, its stays are
 * a forecast, which holds until another CPU's request starts that comes between. Then what has not arrived yet is
 * forecast anew, and CPUs that are done later, or earlier, are told so. No lock needs a queue event, and a request that
 * meets nobody is done as soon as it has started. With one CPU nobody ever meets anybody, but an interrupt waits all
 * the same.
 *
 * Daemons are users, too: kswapd and kcompactd of each node, which are on no CPU in particular. A step of theirs is a
 * request of its own; what others make it wait longer, it learns before the next one.
 *
 * Interrupts are off for who holds a lock or spins for it: the model's locks are taken with irqsave.
 *
 * Invariants, of the stays of all users that are not over
 *  1. arrival <= grant, and a user's stays follow one another
 *  2. no two stays at one lock overlap
 *  3. of two stays at one lock, who arrived first was granted first
 */
#ifndef KMEMSIM_SIM_LOCKS_H
#define KMEMSIM_SIM_LOCKS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/units.h"
#include "mm/meter.h"

struct run;

/** A stay at a lock. */
struct lock_stay {
	ns_t at_ns;      /* work of its request before it */
	ns_t hold_ns;
	ns_t delay_ns;   /* interrupts between the stay before it and this one */
	ns_t arrival_ns, grant_ns; /* as forecast; certain once the arrival is past */
	lock_id lock;
};

/** A request that has stays to come, or had when somebody last looked. */
struct lock_user {
	ns_t start_ns;
	ns_t end_ns;     /* as forecast, of its last stay: its release */
	uint32_t cpu, depth; /* which of struct sim_cpu's doing; a daemon's cpu is above all CPUs */
	uint32_t nr, cap;
	uint32_t next;   /* stay that is forecast next */
	uint32_t arrived; /* stays that are certain, as far as somebody has looked */
	uint32_t over;   /* of those, stays that are released */
	struct lock_stay *stays; /* owned; grown when a request has more than any before */
};

struct lock_stats {
	uint64_t acquisitions, contended;
	ns_t wait_ns, hold_ns;
};

struct locks {
	struct lock_user *users;  /* owned; by CPU and depth, then the daemons */
	uint32_t *active;         /* owned: numbers of users, in order of start */
	uint32_t nr_users, nr_active;
	uint32_t nr_cpus;
	ns_t free_at_ns[NR_LOCKS]; /* while forecasting */
	struct lock_stats stats[NR_LOCKS];
	struct meter_more more;   /* of run->meter */
	bool no_memory;           /* stays have been dropped: locks_record() fails */
};

/**
 * locks_init() - nobody is at any lock. @nr_daemons: users beside the CPUs, daemons_nr(). Errors:
 * ERR_NOMEM; locks_fini() in any case.
 */
int locks_init(struct locks *locks, uint32_t nr_cpus, uint32_t nr_daemons, struct err *err);
void locks_fini(struct locks *locks);

/**
 * locks_started() - what @cpu does at @depth began now and takes @cost_ns: run->meter's segments are taken over,
 * and what it interrupted comes to its locks later.
 */
void locks_started(struct run *run, uint32_t cpu, uint32_t depth, ns_t cost_ns);

/**
 * locks_daemon() - @daemon's step began now: run->meter's segments are taken over. The one before must be over:
 * locks_daemon_busy().
 * Return: how much longer the step takes for waiting at locks, as far as is known.
 */
ns_t locks_daemon(struct run *run, uint32_t daemon);
/** locks_daemon_busy() - how long @daemon's last step still takes, as others have made it wait since. */
ns_t locks_daemon_busy(const struct run *run, uint32_t daemon);

/** locks_count() - run->meter's segments belong to nobody whose time passes: only counted. */
void locks_count(struct run *run);

/** locks_open() - when @cpu, in what it does at @depth, next has interrupts on: now, unless it is at a lock. */
ns_t locks_open(const struct run *run, uint32_t cpu, uint32_t depth);

/** locks_record() - the rows of lock_stats. */
int locks_record(struct run *run, struct err *err);
/** locks_record_pcp() - the row of pcp->lock, which is no resource here but counted by mm/. */
int locks_record_pcp(struct run *run, struct err *err);
/** locks_check() - the invariants. Return: 0, or ERR_INVARIANT. */
int locks_check(const struct run *run, struct err *err);

#endif

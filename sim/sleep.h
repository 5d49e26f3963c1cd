/*
 * sleep: requests that wait for something other than their CPU. Who sleeps is off its CPU and is served again, from its
 * place (struct mm_place), when it is woken: in order of their going to sleep, or when its time is up. Sleepers are
 * found by what they wait for: a reason and a key.
 *
 * A mechanism's serve() that gets MM_WAIT from mm/ does
 *	if (answer == MM_WAIT && serve_wait(run, req, gfp))
 *		return;
 * and takes the request for failed when that answers false: it may not sleep. On the next call run->meter.wait.place
 * has what mm/ left there. Whoever changes what others wait for calls run_wake().
 *
 * Invariants
 *  1. every sleeper is on the chain of its reason and key; chains are in the order of going to sleep
 *  2. nr_asleep counts the sleepers on chains, nr_napping those of them that have been served and only take their time,
 *     nr_awake those that were woken and have not been served again
 */
#ifndef KMEMSIM_SIM_SLEEP_H
#define KMEMSIM_SIM_SLEEP_H

#include <stdbool.h>

#include "base/gfp.h"
#include "mm/answer.h"
#include "sim/request.h"

struct run;
struct run_op;
struct err;

#define SLEEPER_NONE UINT32_MAX

struct sleeper {
	struct request req;
	struct mm_place place;
	uint64_t key;
	ns_t since_ns;
	uint32_t prev, next;   /* on its chain; next also on the list of free ones */
	uint32_t generation;   /* so that an old timeout does not wake the next one in this place */
	uint8_t reason;        /* enum sleep_reason */
	uint8_t state;         /* enum sleeper_state */
	bool timed_out;
	bool counted;
};

enum sleeper_state { SLEEPER_FREE, SLEEPER_ASLEEP, SLEEPER_AWAKE };

/** What came of the sleeps of one reason. */
struct sleep_stats {
	uint64_t count, timeouts;
	ns_t total_ns, max_ns;
	uint64_t still_waiting;  /* at the end of the run */
};

struct sleepers {
	struct sleeper *slots;   /* owned */
	uint32_t nr, cap;        /* slots used so far */
	uint32_t free;           /* the first free one */
	uint32_t nr_asleep, nr_napping, nr_awake;
	struct sleep_chain {
		uint32_t first, last;
	} *chains;               /* owned: 2^chains_log2, at least as many as sleep; NULL: none has slept yet */
	unsigned int chains_log2;
	struct sleep_stats stats[NR_SLEEP_REASONS];
};

/** sleepers_init() - nobody sleeps; memory is taken when somebody does. */
void sleepers_init(struct sleepers *sleepers);
void sleepers_fini(struct sleepers *sleepers);

/** run_may_sleep() - whether @req with @gfp may: it may reclaim directly, and is no interrupt and not atomic. */
bool run_may_sleep(const struct run *run, const struct request *req, gfp_t gfp);

/**
 * run_sleep() - the request being served waits for (@reason, @key), at most @timeout_ns (0: until woken). To be called
 * last in serving it. It goes on from run->meter.wait.place.
 */
void run_sleep(struct run *run, const struct request *req, enum sleep_reason reason, uint64_t key, ns_t timeout_ns);

/**
 * run_nap() - @req has been served and sleeps run->meter.nap_ns for what that took: pages being written,
 * a killed task's memory. In a context that may not sleep its CPU is busy so long.
 */
void run_nap(struct run *run, const struct request *req);

/** serve_wait() - mm/ answered MM_WAIT: run_sleep() as it asks. Return: false when @req may not sleep. */
bool serve_wait(struct run *run, const struct request *req, gfp_t gfp);

/** run_wake() - wake the first @nr of those who wait for (@reason, @key). Return: how many there were. */
uint32_t run_wake(struct run *run, enum sleep_reason reason, uint64_t key, uint32_t nr);

/** sleepers_waited() - how long the first @nr of those who wait for (@reason, @key) have slept, in all. */
ns_t sleepers_waited(const struct run *run, enum sleep_reason reason, uint64_t key, uint32_t nr);

/** run_wake_all() - all of them. */
static inline uint32_t run_wake_all(struct run *run, enum sleep_reason reason, uint64_t key)
{
	return run_wake(run, reason, key, UINT32_MAX);
}

/* The engine's side. */
/**
 * sleepers_add() - @req waits; @counted: in the statistics.
 * Return: its number, SLEEPER_NONE with run->deferred set.
 */
uint32_t sleepers_add(struct run *run, const struct request *req, enum sleep_reason reason, uint64_t key, bool counted);
/** sleepers_find() - the first who waits for (@reason, @key); SLEEPER_NONE. */
uint32_t sleepers_find(const struct run *run, enum sleep_reason reason, uint64_t key);
/** sleepers_take() - @number waits no longer and is forgotten. */
struct request sleepers_take(struct run *run, uint32_t number);
/** sleepers_timer() - a timer of sleepers is due (RUN_TIMER_RESUME, RUN_TIMER_TIMEOUT). */
int sleepers_timer(struct run *run, uint32_t kind, uint32_t generation, uint32_t number, struct err *err);
/**
 * sleepers_resume() - @req, which slept, is about to be served again: run->meter.wait gets its place. Return:
 * whether it has been served, and took a nap.
 */
bool sleepers_resume(struct run *run, const struct request *req);
/** sleepers_give_up() - the run is over: nobody wakes those who still wait. They have failed. */
void sleepers_give_up(struct run *run);
/** sleepers_cut_off() - the run is ended before its end: those who wait now. Return: how many requests are not done. */
uint64_t sleepers_cut_off(struct run *run);
/** sleepers_record() - the rows of the table sleeps: of each reason that there was. */
int sleepers_record(struct run *run, struct err *err);
/** sleepers_check() - the invariants. Return: 0, or ERR_INVARIANT. */
int sleepers_check(const struct run *run, struct err *err);

#endif

/*
 * engine: simulated time. A clock in whole nanoseconds, the queue of what is due, and the CPUs with their queues of
 * requests. Knows when and in which order; what a request does is its owner's (sim/replay.c), who is called back.
 *
 * The fast lane: a request that arrives at an idle CPU when nothing else is due is served on the spot, without a
 * queue event. That is nearly all of them.
 *
 * A CPU does one thing at a level: task, softirq, hardirq, NMI. A request of a higher level starts at once and
 * lengthens what it interrupts; one of the same or a lower level waits until that is over. What runs with interrupts
 * off is interrupted by an NMI only.
 *
 * Invariants
 *  1. the clock never goes back
 *  2. a CPU with waiting requests, with something interrupted or with a changed end has an event queued
 *  3. requests of one CPU and level are served in the order in which they were queued
 *  4. doing[0 .. depth] have ascending levels and descending ends
 *  5. closed says whether the CPU keeps requests out of the fast lane: with waiting ones, something interrupted, or
 *     a changed end; nr_closed is the number of such CPUs
 */
#ifndef KMEMSIM_SIM_ENGINE_H
#define KMEMSIM_SIM_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/units.h"
#include "sim/event_queue.h"
#include "sim/request.h"
#include "traces/trace.h"

#define NR_LEVELS   4u          /* CTX_PROCESS .. CTX_NMI */
#define OP_NOBODY   UINT32_MAX  /* struct doing: work that no request's latency is counted with */

/** What a CPU does at one level. */
struct doing {
	ns_t end_ns;     /* when it is over, as far as is known */
	int64_t late_ns; /* of that, what came after its cost was counted: interrupts, spinning for locks */
	ns_t arrival_ns;
	uint32_t op;
	uint8_t ctx;     /* enum trace_ctx, without what the operation says: see struct engine_client */
};

/** Requests of a CPU that wait for it: a ring that grows. */
struct request_ring {
	struct request *slots; /* owned */
	uint32_t cap;          /* power of two */
	uint32_t head, nr;
};

/* A cache line has all that the fast lane needs. */
struct sim_cpu {
	_Alignas(64) bool closed;
	uint32_t depth;
	ns_t event_ns;                 /* of its earliest queued event, NS_NEVER */
	ns_t work_ns;                  /* of doing[0], at its end: other work, which is no part of it */
	struct doing doing[NR_LEVELS]; /* [0] is what began on the idle CPU; [1 .. depth] interrupted it */
	struct request_ring waiting[NR_LEVELS];
};
_Static_assert(sizeof(struct sim_cpu) == 256, "found by a shift");

#define NS_NEVER UINT64_MAX

/** What the engine calls back. */
struct engine_client {
	/** serve() - do @req now (engine->now). Return: how long the CPU is busy with it. */
	ns_t (*serve)(void *arg, const struct request *req);
	/** context() - what operation @op says of its context beside the request: enum trace_ctx. */
	uint8_t (*context)(void *arg, uint32_t op);
	/** late() - @doing is over on @cpu, and was late_ns longer than what serve() answered. */
	void (*late)(void *arg, uint32_t cpu, const struct doing *doing);
	/**
	 * started() - what serve() was asked for began on @cpu at @depth, after what it interrupts was made @cost_ns
	 * longer. May call engine_lengthen(). May be NULL.
	 */
	void (*started)(void *arg, uint32_t cpu, uint32_t depth, ns_t cost_ns);
	/**
	 * open() - when an interrupt can come into what @cpu does
	 * at @depth: now, or when a lock is released. May be NULL.
	 */
	ns_t (*open)(void *arg, uint32_t cpu, uint32_t depth);
	/** timer() - a timer that the client set is due. 0 or a negative code. */
	int (*timer)(void *arg, uint32_t kind, uint32_t value, struct err *err);
	void *arg; /* borrowed */
};

struct engine {
	ns_t now;
	struct event_queue queue;
	struct sim_cpu *cpus; /* owned */
	uint32_t nr_cpus;
	uint32_t nr_closed;
	struct engine_client client;
};

/**
 * engine_init() - idle CPUs at time 0; @client is copied. Errors: ERR_NOMEM. Where the functions below answer an int it
 * is 0, or the negative code of what failed, in the queue (ERR_NOMEM) or in what the client was asked for.
 */
int engine_init(struct engine *engine, uint32_t nr_cpus, const struct engine_client *client, struct err *err);
void engine_fini(struct engine *engine);

/** engine_timer() - call the client's timer() at @time_ns, in @class. */
int engine_timer(struct engine *engine, ns_t time_ns, enum event_class class, uint32_t kind, uint32_t value,
	struct err *err);

/** engine_run_before() - let everything happen that comes before a request arriving at @time_ns. */
int engine_run_before(struct engine *engine, ns_t time_ns, struct err *err);

/** engine_run_first() - let the first thing happen that is queued; there must be one. */
int engine_run_first(struct engine *engine, struct err *err);

/** engine_find_waiting() - the first request in a CPU's queue that has not slept and that @wanted says yes to; NULL. */
const struct request *engine_find_waiting(const struct engine *engine,
	bool (*wanted)(const struct request *req, void *arg), void *arg);
/**
 * engine_queue() - @req waits for its CPU: until that is free or does something of a lower level only. It starts at an
 * event of its own, so it may be called while another request is served.
 */
int engine_queue(struct engine *engine, const struct request *req, struct err *err);

/**
 * engine_work() - @cpu has @ns of other work to do, a daemon's: at once when it is idle, else after what it does.
 * Return: whether it begins at once, at depth 0.
 */
bool engine_work(struct engine *engine, uint32_t cpu, ns_t ns);

/** engine_own_end() - when what began on the idle @cpu is over, as far as is known; other work may keep it longer. */
static inline ns_t engine_own_end(const struct sim_cpu *cpu)
{
	return cpu->doing[0].end_ns - cpu->work_ns;
}

/** engine_quiet_ns() - for how long @cpu has had nothing to do; 0: it has. */
static inline ns_t engine_quiet_ns(const struct engine *engine, uint32_t cpu)
{
	ns_t end = engine->cpus[cpu].doing[0].end_ns;

	return end < engine->now ? engine->now - end : 0;
}

/** engine_lengthen() - what @cpu does at @depth, and what that interrupted, is over @ns later (negative: earlier). */
void engine_lengthen(struct engine *engine, uint32_t cpu, uint32_t depth, int64_t ns, struct err *err);

/** engine_disown() - what @req has just begun on its CPU is in no latency, whatever makes it longer. */
void engine_disown(struct engine *engine, const struct request *req);

/** engine_waiting() - how many requests wait for a CPU, without those that have been woken. */
uint64_t engine_waiting(const struct engine *engine);

/** engine_finish() - the clock moves on until all CPUs are done with what they do. */
void engine_finish(struct engine *engine);

/** engine_check() - the invariants. */
int engine_check(const struct engine *engine, struct err *err);

/** engine_move_clock() - the one place where time moves. */
static inline void engine_move_clock(struct engine *engine, ns_t time_ns)
{
	if (time_ns > engine->now)
		engine->now = time_ns;
}

/** engine_idle() - whether a request arriving at @time_ns can take the fast lane on @cpu. */
static inline bool engine_idle(const struct sim_cpu *cpu, ns_t time_ns)
{
	return cpu->doing[0].end_ns <= time_ns && !cpu->closed;
}

/** engine_begin() - the fast lane: @req is about to be served on the idle @cpu; its end is set after that. */
static inline void engine_begin(struct sim_cpu *cpu, const struct request *req)
{
	cpu->doing[0].arrival_ns = req->arrival_ns;
	cpu->doing[0].op = req->op;
	cpu->doing[0].ctx = req->seat.ctx;
	cpu->work_ns = 0;
}

#endif

/*
 * engine: simulated time. A clock in whole nanoseconds, the queue of what is due, and the CPUs with their queues of
 * requests. Knows when and in which order; what a request does is its owner's (sim/replay.c), who is called back.
 *
 * The fast lane: a request that arrives at an idle CPU when nothing else is due is served on the spot, without a
 * queue event. That is nearly all of them.
 *
 * Invariants
 *  1. the clock never goes back
 *  2. a CPU with waiting requests has a CPU_FREE event queued, or is stalled: its first request is not ready
 *  3. requests of one CPU are served in the order of arrival
 */
#ifndef KMEMSIM_SIM_ENGINE_H
#define KMEMSIM_SIM_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/units.h"
#include "sim/event_queue.h"

/** A request of the trace on its way through the engine. */
struct request {
	ns_t arrival_ns;
	uint64_t event_no;
	uint64_t value;
	uint32_t op;
	uint32_t slot;
	uint32_t who;
	uint32_t ticket; /* of those that wait: the client's, for ready() */
	uint32_t cpu;    /* of the model */
};

/** Requests of a CPU that wait for it: a ring that grows. */
struct request_ring {
	struct request *slots; /* owned */
	uint32_t cap;          /* power of two */
	uint32_t head, nr;
};

struct sim_cpu {
	ns_t free_at_ns; /* when what it does now is over */
	struct request_ring waiting;
	bool stalled; /* free, but its first request has to wait for one of another CPU */
};

/** What the engine calls back. */
struct engine_client {
	/** serve() - do @req now (engine->now). Return: how long the CPU is busy with it. */
	ns_t (*serve)(void *arg, const struct request *req);
	/** ready() - whether the requests that @req depends on have been served: the free of an object waits for its alloc. */
	bool (*ready)(void *arg, const struct request *req);
	/** timer() - a timer that the client set is due. 0 or a negative code. */
	int (*timer)(void *arg, uint32_t kind, uint32_t value, struct err *err);
	void *arg; /* borrowed */
};

struct engine {
	ns_t now;
	struct event_queue queue;
	struct sim_cpu *cpus; /* owned */
	uint32_t nr_cpus;
	uint32_t nr_stalled;
	struct engine_client client;
};

int engine_init(struct engine *engine, uint32_t nr_cpus, const struct engine_client *client, struct err *err);
void engine_fini(struct engine *engine);

/** engine_timer() - call the client's timer() at @time_ns, in @class. */
int engine_timer(struct engine *engine, ns_t time_ns, enum event_class class, uint32_t kind, uint32_t value,
	struct err *err);

/** engine_run_before() - let everything happen that comes before a request arriving at @time_ns. */
int engine_run_before(struct engine *engine, ns_t time_ns, struct err *err);

/** engine_wait_for_cpu() - queue @req, whose CPU is busy or has others waiting, or which is not ready. */
int engine_wait_for_cpu(struct engine *engine, const struct request *req, struct err *err);

/** engine_drain() - serve all waiting requests and then stop; timers set for later do not fire. */
int engine_drain(struct engine *engine, struct err *err);

/** engine_move_clock() - the one place where time moves. */
static inline void engine_move_clock(struct engine *engine, ns_t time_ns)
{
	if (time_ns > engine->now)
		engine->now = time_ns;
}

/** engine_cpu_idle() - whether a request arriving at @time_ns can take the fast lane on @cpu. */
static inline bool engine_cpu_idle(const struct engine *engine, uint32_t cpu, ns_t time_ns)
{
	const struct sim_cpu *c = &engine->cpus[cpu];

	return c->free_at_ns <= time_ns && !c->waiting.nr;
}

#endif

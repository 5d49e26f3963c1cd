/*
 * arrive: requests of the trace come to the machine: on which CPU (sim/cpu_map.c), when (the pace), and after which
 * others. Three orders are kept:
 *  - requests that name the same object are served in the order of the trace: they draw tickets, struct object has
 *    whose turn it is;
 *  - a CPU serves one after another (sim/engine.h);
 *  - except with PACE_RECORDED, a task makes no request before its last one is done. Interrupts are no task's.
 */
#ifndef KMEMSIM_SIM_ARRIVE_H
#define KMEMSIM_SIM_ARRIVE_H

#include "sim/run.h"

/** A task of the trace, where the pace needs to know it. */
struct task {
	ns_t done_ns;        /* when its last request was over */
	ns_t recorded_ns;    /* when that one was recorded */
	ns_t arrival_ns;     /* when that one arrived, and on which CPU: its end may still change */
	uint32_t cpu;
	uint32_t held;       /* requests that wait for their turn: SLEEP_TASK */
	/* requests of it that are not done; with PACE_ASAP several, where it runs on several CPUs */
	uint32_t open;
	bool known;          /* has made a request */
};

/** tasks_init() - which task each who is, where the pace needs to know. */
int tasks_init(struct run *run, struct err *err);
void tasks_fini(struct run *run);

/** task_timer() - RUN_TIMER_TASK: the next request of @task may arrive. */
int task_timer(struct run *run, uint32_t task, struct err *err);

/** draw_ticket() - @req's turn among those of its slot, or before those who name what it makes, if it has none yet. */
void draw_ticket(struct run *run, struct request *req);

/** task_late() - @doing, which is over on @cpu, took longer than was thought: what its task does next comes later. */
void task_late(struct run *run, uint32_t cpu, const struct doing *doing);

/** task_sleeps() - @req, which is about to sleep, holds its task up. */
void task_sleeps(struct run *run, struct request *req);

/** serve_waited() - serve a request that did not take the fast lane (struct engine_client). */
ns_t serve_waited(void *arg, const struct request *req);

/** arrive_paced() - arrive(), where requests do not arrive when they were recorded. */
int arrive_paced(struct run *run, struct request *req, struct err *err);

/** wait_for_cpu() - @req waits for its CPU; should its object not be ready when its turn has come, for that. */
int wait_for_cpu(struct run *run, struct request *req, struct err *err);

/** request_context() - enum trace_ctx. */
static inline unsigned int request_context(const struct run *run, const struct request *req)
{
	return req->seat.ctx | run->ops[req->op].ctx;
}

static inline ns_t serve(struct run *run, const struct request *req)
{
	if (__builtin_expect(run->observed, 0))
		return serve_observed(run, req);
	return serve_request(run, req);
}

/* Whether nobody who came before waits with the same slot. */
static inline bool slot_is_clear(const struct run *run, uint32_t slot)
{
	return slot == SLOT_NONE || run->objects[slot].next_ticket == run->objects[slot].served;
}

/* A request arrives: at once when its CPU is idle, else it waits there. */
static inline int arrive_at(struct run *run, struct request *req, struct err *err)
{
	struct engine *engine = &run->engine;
	struct sim_cpu *cpu = &engine->cpus[req->seat.cpu];
	ns_t cost;

	if (event_queue_due(&engine->queue, req->arrival_ns, CLASS_WAKE)) {
		int ret = engine_run_before(engine, req->arrival_ns, err);

		if (ret < 0)
			return ret;
	}
	engine_move_clock(engine, req->arrival_ns);
	if (!engine_idle(cpu, req->arrival_ns) || !slot_is_clear(run, req->slot))
		return wait_for_cpu(run, req, err);
	engine_begin(cpu, req);
	cost = serve(run, req);
	cpu->doing[0].end_ns = engine->now + cost;
	if (__builtin_expect(run->meter.nr_segments != 0, 0))
		locks_started(run, req->seat.cpu, 0, cost);
	return 0;
}

/** arrive() - the next event of the trace. Its request's arrival_ns is the recorded time. */
static inline int arrive(struct run *run, struct request *req, struct err *err)
{
	if (__builtin_expect(run->recorded_pace, 1))
		return arrive_at(run, req, err);
	return arrive_paced(run, req, err);
}

#endif

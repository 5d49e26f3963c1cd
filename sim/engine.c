#include "sim/engine.h"

#include <stdlib.h>

#include "base/bits.h"

/* Event kinds: the engine's own, and the client's timers above them. */
#define KIND_CPU_FREE   0u
#define KIND_TIMER_BASE 1u

int engine_init(struct engine *engine, uint32_t nr_cpus, const struct engine_client *client, struct err *err)
{
	*engine = (struct engine){ .nr_cpus = nr_cpus, .client = *client };
	engine->cpus = calloc(nr_cpus, sizeof(*engine->cpus));
	if (!engine->cpus)
		return err_set(err, ERR_NOMEM, "no memory for %u CPUs", nr_cpus);
	return 0;
}

void engine_fini(struct engine *engine)
{
	for (uint32_t cpu = 0; engine->cpus && cpu < engine->nr_cpus; cpu++)
		free(engine->cpus[cpu].waiting.slots);
	free(engine->cpus);
	event_queue_fini(&engine->queue);
	*engine = (struct engine){ 0 };
}

int engine_timer(struct engine *engine, ns_t time_ns, enum event_class class, uint32_t kind, uint32_t value,
	struct err *err)
{
	return event_queue_add(&engine->queue, time_ns, class, KIND_TIMER_BASE + kind, value, err);
}

static int ring_put(struct request_ring *ring, const struct request *req, struct err *err)
{
	if (ring->nr == ring->cap) {
		uint32_t cap = ring->cap ? 2 * ring->cap : 16;
		struct request *slots = malloc(cap * sizeof(*slots));

		if (!slots)
			return err_set(err, ERR_NOMEM, "no memory for %u requests waiting for a CPU", cap);
		for (uint32_t i = 0; i < ring->nr; i++)
			slots[i] = ring->slots[(ring->head + i) & (ring->cap - 1)];
		free(ring->slots);
		*ring = (struct request_ring){ .slots = slots, .cap = cap, .nr = ring->nr };
	}
	ring->slots[(ring->head + ring->nr++) & (ring->cap - 1)] = *req;
	return 0;
}

static struct request ring_get(struct request_ring *ring)
{
	struct request req = ring->slots[ring->head];

	ring->head = (ring->head + 1) & (ring->cap - 1);
	ring->nr--;
	return req;
}

int engine_wait_for_cpu(struct engine *engine, const struct request *req, struct err *err)
{
	struct sim_cpu *cpu = &engine->cpus[req->cpu];
	int ret = ring_put(&cpu->waiting, req, err);

	if (ret < 0 || cpu->waiting.nr > 1)
		return ret;
	return event_queue_add(&engine->queue, max_u64(cpu->free_at_ns, engine->now), CLASS_WAKE, KIND_CPU_FREE, req->cpu,
		err);
}

static bool first_is_ready(const struct engine *engine, const struct sim_cpu *cpu)
{
	return engine->client.ready(engine->client.arg, &cpu->waiting.slots[cpu->waiting.head]);
}

/* A request has been served: the first requests of stalled CPUs may have waited for it. */
static int wake_stalled(struct engine *engine, struct err *err)
{
	int ret = 0;

	for (uint32_t number = 0; ret == 0 && engine->nr_stalled && number < engine->nr_cpus; number++) {
		struct sim_cpu *cpu = &engine->cpus[number];

		if (!cpu->stalled || !first_is_ready(engine, cpu))
			continue;
		cpu->stalled = false;
		engine->nr_stalled--;
		ret = event_queue_add(&engine->queue, engine->now, CLASS_WAKE, KIND_CPU_FREE, number, err);
	}
	return ret;
}

/* A CPU is free: its next request starts, unless it has to wait for one of another CPU. */
static int serve_waiting(struct engine *engine, uint32_t number, struct err *err)
{
	struct sim_cpu *cpu = &engine->cpus[number];
	struct request req;
	int ret;

	if (!first_is_ready(engine, cpu)) {
		cpu->stalled = true;
		engine->nr_stalled++;
		return 0;
	}
	req = ring_get(&cpu->waiting);
	cpu->free_at_ns = engine->now + engine->client.serve(engine->client.arg, &req);
	ret = wake_stalled(engine, err);
	if (ret < 0 || !cpu->waiting.nr)
		return ret;
	return event_queue_add(&engine->queue, cpu->free_at_ns, CLASS_WAKE, KIND_CPU_FREE, number, err);
}

static int run_first(struct engine *engine, struct err *err)
{
	struct sim_event event = event_queue_take(&engine->queue);

	engine_move_clock(engine, event.time_ns);
	if (event.kind == KIND_CPU_FREE)
		return serve_waiting(engine, event.arg, err);
	return engine->client.timer(engine->client.arg, event.kind - KIND_TIMER_BASE, event.arg, err);
}

int engine_run_before(struct engine *engine, ns_t time_ns, struct err *err)
{
	int ret = 0;

	while (ret == 0 && event_queue_due(&engine->queue, time_ns, CLASS_WAKE))
		ret = run_first(engine, err);
	engine_move_clock(engine, time_ns);
	return ret;
}

static bool anyone_waiting(const struct engine *engine)
{
	for (uint32_t cpu = 0; cpu < engine->nr_cpus; cpu++)
		if (engine->cpus[cpu].waiting.nr)
			return true;
	return false;
}

int engine_drain(struct engine *engine, struct err *err)
{
	int ret = 0;

	while (ret == 0 && anyone_waiting(engine))
		ret = run_first(engine, err);
	for (uint32_t cpu = 0; cpu < engine->nr_cpus; cpu++)
		engine_move_clock(engine, engine->cpus[cpu].free_at_ns);
	return ret;
}

#include "sim/engine.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/bits.h"

/* Event kinds: the engine's own, and the client's timers above them. */
#define KIND_CPU        0u
#define KIND_TIMER_BASE 1u

int engine_init(struct engine *engine, uint32_t nr_cpus, const struct engine_client *client, struct err *err)
{
	*engine = (struct engine){ .nr_cpus = nr_cpus, .client = *client };
	engine->cpus = aligned_alloc(_Alignof(struct sim_cpu), nr_cpus * sizeof(*engine->cpus));
	if (!engine->cpus)
		return err_set(err, ERR_NOMEM, "no memory for %u CPUs", nr_cpus);
	for (uint32_t cpu = 0; cpu < nr_cpus; cpu++)
		engine->cpus[cpu] = (struct sim_cpu){ .event_ns = NS_NEVER };
	return 0;
}

void engine_fini(struct engine *engine)
{
	for (uint32_t cpu = 0; engine->cpus && cpu < engine->nr_cpus; cpu++)
		for (uint32_t level = 0; level < NR_LEVELS; level++)
			free(engine->cpus[cpu].waiting[level].slots);
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

static bool has_waiting(const struct sim_cpu *cpu)
{
	for (uint32_t level = 0; level < NR_LEVELS; level++)
		if (cpu->waiting[level].nr)
			return true;
	return false;
}

static bool must_be_closed(const struct sim_cpu *cpu)
{
	return cpu->depth || cpu->doing[0].late_ns || has_waiting(cpu);
}

static void update_closed(struct engine *engine, struct sim_cpu *cpu)
{
	bool closed = must_be_closed(cpu);

	engine->nr_closed += (uint32_t)closed - (uint32_t)cpu->closed;
	cpu->closed = closed;
}

/*
 * Look at the CPU at @time_ns, at once when that is over, unless it is to happen earlier anyway. An event
 * of the past would not be known for the one that event_ns tells of, and whoever waits would wait for ever.
 */
static int look_at(struct engine *engine, struct sim_cpu *cpu, ns_t time_ns, struct err *err)
{
	time_ns = max_u64(time_ns, engine->now);
	if (time_ns >= cpu->event_ns)
		return 0;
	cpu->event_ns = time_ns;
	return event_queue_add(&engine->queue, time_ns, CLASS_WAKE, KIND_CPU, (uint32_t)(cpu - engine->cpus), err);
}

static unsigned int context_of(const struct engine *engine, const struct doing *doing)
{
	return doing->op == OP_NOBODY ? doing->ctx : doing->ctx | engine->client.context(engine->client.arg, doing->op);
}

/* What began on the idle CPU is over, and the CPU is at other work that came meanwhile. */
static bool is_at_work(const struct engine *engine, const struct sim_cpu *cpu)
{
	return cpu->work_ns && engine_own_end(cpu) <= engine->now;
}

/* It took longer than it was counted with, until @end_ns. */
static void tell_late(const struct engine *engine, const struct sim_cpu *cpu, struct doing *doing, ns_t end_ns)
{
	struct doing over = *doing;

	over.end_ns = end_ns;
	if (over.op != OP_NOBODY)
		engine->client.late(engine->client.arg, (uint32_t)(cpu - engine->cpus), &over);
	doing->late_ns = 0;
}

/* What is over is over: the latency of what took longer than it was counted with is told. */
static void settle(struct engine *engine, struct sim_cpu *cpu)
{
	for (;;) {
		struct doing *top = &cpu->doing[cpu->depth];
		ns_t end_ns = cpu->depth ? top->end_ns : engine_own_end(cpu);

		if (end_ns > engine->now)
			return;
		if (top->late_ns)
			tell_late(engine, cpu, top, end_ns);
		if (!cpu->depth)
			return;
		cpu->depth--;
	}
}

/* The earliest instant at which a request of that context can start, as far as is known. */
static ns_t earliest_start(const struct engine *engine, const struct sim_cpu *cpu, unsigned int ctx)
{
	const struct doing *top = &cpu->doing[cpu->depth];
	unsigned int level = ctx & CTX_MASK;
	unsigned int now;

	if (top->end_ns <= engine->now)
		return engine->now;
	now = !cpu->depth && is_at_work(engine, cpu) ? CTX_PROCESS : context_of(engine, top);
	if (level <= (now & CTX_MASK) || (level != CTX_NMI && now & CTX_IRQS_OFF))
		return top->end_ns;
	if (level == CTX_NMI || !engine->client.open)
		return engine->now;
	return engine->client.open(engine->client.arg, (uint32_t)(cpu - engine->cpus), cpu->depth);
}

int engine_queue(struct engine *engine, const struct request *req, struct err *err)
{
	struct sim_cpu *cpu = &engine->cpus[req->seat.cpu];
	struct request waiting = *req;
	int ret;

	waiting.seat.ctx |= engine->client.context(engine->client.arg, req->op);
	ret = ring_put(&cpu->waiting[waiting.seat.ctx & CTX_MASK], &waiting, err);
	if (ret < 0)
		return ret;
	settle(engine, cpu);
	update_closed(engine, cpu);
	return look_at(engine, cpu, earliest_start(engine, cpu, waiting.seat.ctx), err);
}

bool engine_work(struct engine *engine, uint32_t number, ns_t ns)
{
	struct sim_cpu *cpu = &engine->cpus[number];
	bool idle;

	settle(engine, cpu);
	idle = cpu->doing[0].end_ns <= engine->now;
	if (idle) {
		cpu->doing[0] = (struct doing){ .end_ns = engine->now, .op = OP_NOBODY };
		cpu->work_ns = 0;
	} else {
		cpu->work_ns += ns;
	}
	cpu->doing[0].end_ns += ns;
	return idle;
}

/* What @cpu does at @depth is over @ns later, or the work after it. */
static void lengthen(struct sim_cpu *cpu, uint32_t depth, int64_t ns, bool work)
{
	cpu->doing[depth].end_ns += (ns_t)ns;
	if (work)
		cpu->work_ns += (ns_t)ns;
	else
		cpu->doing[depth].late_ns += ns;
}

void engine_lengthen(struct engine *engine, uint32_t number, uint32_t depth, int64_t ns, struct err *err)
{
	struct sim_cpu *cpu = &engine->cpus[number];

	for (uint32_t d = 0; d <= depth; d++)
		lengthen(cpu, d, ns, d < depth && !d && is_at_work(engine, cpu));
	update_closed(engine, cpu);
	if (cpu->closed)
		look_at(engine, cpu, cpu->doing[cpu->depth].end_ns, err);
}

/* It begins: on the idle CPU, or it interrupts what runs and makes that longer. */
static void start(struct engine *engine, struct sim_cpu *cpu, const struct request *req)
{
	bool interrupts = cpu->doing[cpu->depth].end_ns > engine->now;
	uint32_t depth = interrupts ? cpu->depth + 1 : 0;
	bool work = interrupts && is_at_work(engine, cpu);
	ns_t cost;

	if (!interrupts)
		cpu->work_ns = 0;
	/* A request that is over is not what is interrupted, nor does its context keep anybody out. */
	if (work && depth == 1) {
		cpu->doing[0].op = OP_NOBODY;
		cpu->doing[0].ctx = CTX_PROCESS;
	}
	cpu->doing[depth] = (struct doing){ .end_ns = engine->now, .arrival_ns = req->arrival_ns, .op = req->op,
		.ctx = req->seat.ctx };
	cost = engine->client.serve(engine->client.arg, req);
	for (uint32_t below = 0; below < depth; below++)
		lengthen(cpu, below, (int64_t)cost, work && !below);
	cpu->doing[depth].end_ns = engine->now + cost;
	cpu->depth = depth;
	if (engine->client.started)
		engine->client.started(engine->client.arg, (uint32_t)(cpu - engine->cpus), depth, cost);
}

/* Something may be over: who waits starts, the highest level first. */
static int see_to_cpu(struct engine *engine, uint32_t number, struct err *err)
{
	struct sim_cpu *cpu = &engine->cpus[number];
	ns_t next_ns = NS_NEVER;

	if (cpu->event_ns != engine->now)
		return 0; /* was looked at earlier, and will be again */
	cpu->event_ns = NS_NEVER;
	settle(engine, cpu);
	for (uint32_t level = NR_LEVELS; level-- > 0;) {
		struct request_ring *ring = &cpu->waiting[level];
		ns_t earliest_ns = ring->nr ? earliest_start(engine, cpu, ring->slots[ring->head].seat.ctx) : NS_NEVER;

		if (earliest_ns > engine->now) {
			next_ns = min_u64(next_ns, earliest_ns);
			continue;
		}
		struct request req = ring_get(ring);

		start(engine, cpu, &req);
		break;
	}
	update_closed(engine, cpu);
	next_ns = min_u64(next_ns, max_u64(cpu->doing[cpu->depth].end_ns, engine->now));
	return cpu->closed ? look_at(engine, cpu, next_ns, err) : 0;
}

int engine_run_first(struct engine *engine, struct err *err)
{
	struct sim_event event = event_queue_take(&engine->queue);

	engine_move_clock(engine, event.time_ns);
	if (event.kind == KIND_CPU)
		return see_to_cpu(engine, event.arg, err);
	return engine->client.timer(engine->client.arg, event.kind - KIND_TIMER_BASE, event.arg, err);
}

int engine_run_before(struct engine *engine, ns_t time_ns, struct err *err)
{
	int ret = 0;

	while (ret == 0 && event_queue_due(&engine->queue, time_ns, CLASS_WAKE))
		ret = engine_run_first(engine, err);
	if (ret == 0)
		engine_move_clock(engine, time_ns);
	return ret;
}

void engine_disown(struct engine *engine, const struct request *req)
{
	struct sim_cpu *cpu = &engine->cpus[req->seat.cpu];

	for (uint32_t depth = 0; depth < NR_LEVELS; depth++) {
		struct doing *doing = &cpu->doing[depth];

		if (doing->op != req->op || doing->arrival_ns != req->arrival_ns)
			continue;
		doing->ctx |= engine->client.context(engine->client.arg, req->op);
		doing->op = OP_NOBODY;
	}
}

const struct request *engine_find_waiting(const struct engine *engine,
	bool (*wanted)(const struct request *req, void *arg), void *arg)
{
	for (uint32_t i = 0; i < engine->nr_cpus * NR_LEVELS; i++) {
		const struct request_ring *ring = &engine->cpus[i / NR_LEVELS].waiting[i % NR_LEVELS];

		for (uint32_t at = 0; at < ring->nr; at++) {
			const struct request *req = &ring->slots[(ring->head + at) & (ring->cap - 1)];

			if (!req->sleeper && wanted(req, arg))
				return req;
		}
	}
	return NULL;
}

uint64_t engine_waiting(const struct engine *engine)
{
	uint64_t nr = 0;

	for (uint32_t i = 0; i < engine->nr_cpus * NR_LEVELS; i++) {
		const struct request_ring *ring = &engine->cpus[i / NR_LEVELS].waiting[i % NR_LEVELS];

		for (uint32_t at = 0; at < ring->nr; at++)
			nr += !ring->slots[(ring->head + at) & (ring->cap - 1)].sleeper;
	}
	return nr;
}

void engine_finish(struct engine *engine)
{
	for (uint32_t cpu = 0; cpu < engine->nr_cpus; cpu++)
		engine_move_clock(engine, engine->cpus[cpu].doing[0].end_ns);
}

static int check_cpu(const struct engine *engine, uint32_t number, struct err *err)
{
	const struct sim_cpu *cpu = &engine->cpus[number];

	if (must_be_closed(cpu) && cpu->event_ns == NS_NEVER)
		return err_set(err, ERR_INVARIANT, "engine 2: CPU %u has something to do and no event", number);
	if (cpu->event_ns < engine->now)
		return err_set(err, ERR_INVARIANT, "engine 2: the event of CPU %u is overdue", number);
	for (uint32_t level = 0; level < NR_LEVELS; level++) {
		const struct request_ring *ring = &cpu->waiting[level];

		for (uint32_t i = 0; i < ring->nr; i++)
			if ((ring->slots[(ring->head + i) & (ring->cap - 1)].seat.ctx & CTX_MASK) != level)
				return err_set(err, ERR_INVARIANT, "engine 3: CPU %u has a request in a wrong queue",
					number);
	}
	for (uint32_t i = 1; i <= cpu->depth; i++) {
		if ((context_of(engine, &cpu->doing[i]) & CTX_MASK) <=
			(context_of(engine, &cpu->doing[i - 1]) & CTX_MASK))
			return err_set(err, ERR_INVARIANT, "engine 4: CPU %u was interrupted by a lower level", number);
		if (cpu->doing[i].end_ns > cpu->doing[i - 1].end_ns)
			return err_set(err, ERR_INVARIANT, "engine 4: CPU %u ends before what interrupts it", number);
	}
	if (cpu->closed != must_be_closed(cpu))
		return err_set(err, ERR_INVARIANT, "engine 5: CPU %u is closed: %d", number, cpu->closed);
	return 0;
}

int engine_check(const struct engine *engine, struct err *err)
{
	uint32_t closed = 0;

	for (uint32_t cpu = 0; cpu < engine->nr_cpus; cpu++) {
		if (check_cpu(engine, cpu, err) < 0)
			return -(int)err->code;
		closed += engine->cpus[cpu].closed;
	}
	if (closed != engine->nr_closed)
		return err_set(err, ERR_INVARIANT, "engine 5: %u CPUs are closed, %u counted", closed,
			engine->nr_closed);
	return 0;
}

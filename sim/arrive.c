#include "sim/arrive.h"

#include <stdlib.h>

#include "sim/cpu_map.h"
#include "sim/timers.h"

int tasks_init(struct run *run, struct err *err)
{
	uint32_t nr_whos = run->tables->nr_whos;

	if (run->options->pace == PACE_RECORDED)
		return 0;
	run->task_of_who = calloc(nr_whos + 1, sizeof(*run->task_of_who));
	run->tasks = calloc(nr_whos + 1, sizeof(*run->tasks));
	run->task_on_cpu = calloc(run->machine->cpus, sizeof(*run->task_on_cpu));
	if (!run->task_of_who || !run->tasks || !run->task_on_cpu)
		return err_set(err, ERR_NOMEM, "no memory for %u tasks", nr_whos);
	return cpu_map_tasks(run->tables, run->task_of_who, &run->nr_tasks, err);
}

void tasks_fini(struct run *run)
{
	free(run->task_of_who);
	free(run->tasks);
	free(run->task_on_cpu);
}

static struct task *task_of(struct run *run, const struct request *req)
{
	return &run->tasks[run->task_of_who[req->who]];
}

static bool is_task_request(const struct run *run, const struct request *req)
{
	return run->tasks && (request_context(run, req) & CTX_MASK) == CTX_PROCESS;
}

void draw_ticket(struct run *run, struct request *req)
{
	uint32_t *next;

	if (req->seat.marks & REQUEST_TICKET)
		return;
	if (run->ops[req->op].rules & OP_UNMADE)
		unmade_arrives(run, req);
	if (req->slot == SLOT_NONE) {
		req->seat.marks |= unmade_begins(run, req) ? REQUEST_TICKET : 0;
		return;
	}
	next = &run->objects[req->slot].next_ticket;
	req->ticket = *next & TICKET_BITS;
	*next = (*next & TURN_SLEPT) | ((req->ticket + 1) & TICKET_BITS);
	req->seat.marks |= REQUEST_TICKET;
}

int wait_for_cpu(struct run *run, struct request *req, struct err *err)
{
	draw_ticket(run, req);
	return engine_queue(&run->engine, req, err);
}

static bool is_ready(const struct run *run, const struct request *req)
{
	return !(req->seat.marks & REQUEST_TICKET) || req->slot == SLOT_NONE ||
		run->objects[req->slot].served == req->ticket;
}

/* The key of SLEEP_OBJECT of who waits for a turn: of one slot thousands may do. */
static uint64_t turn_key(uint32_t slot, uint32_t ticket)
{
	return (uint64_t)ticket << 32 | slot;
}

static void sleep_for_turn(struct run *run, const struct request *req)
{
	run->objects[req->slot].next_ticket |= TURN_SLEPT;
	sleepers_add(run, req, SLEEP_OBJECT, turn_key(req->slot, req->ticket), true);
}

/* The next one with the same object, if it is there already. */
static void next_of_object(struct run *run, const struct request *req)
{
	struct object *object = &run->objects[req->slot];
	struct request next;
	uint32_t number;

	object->served = (object->served + 1) & TICKET_BITS;
	if (object->served == (object->next_ticket & TICKET_BITS)) {
		object->next_ticket = object->served;
		return;
	}
	/*
	 * As a rule it still waits for its CPU, and looking among
	 * hundreds of thousands who sleep misses the cache each time.
	 */
	if (!(object->next_ticket & TURN_SLEPT))
		return;
	number = sleepers_find(run, SLEEP_OBJECT, turn_key(req->slot, object->served));
	if (number == SLEEPER_NONE)
		return;
	next = sleepers_take(run, number);
	next.seat.marks |= REQUEST_LATE;
	engine_queue(&run->engine, &next, &run->deferred);
}

/* When the first held request of a task may arrive: its recorded gap after the one before it was done. */
static ns_t next_arrival(struct run *run, struct task *task, ns_t recorded_ns)
{
	const struct sim_cpu *cpu = &run->engine.cpus[task->cpu];

	if (!task->known)
		return recorded_ns;
	/* Interrupts may have made it longer since. */
	if (cpu->doing[0].arrival_ns == task->arrival_ns && engine_own_end(cpu) > task->done_ns)
		task->done_ns = engine_own_end(cpu);
	if (run->options->pace == PACE_ASAP)
		return task->done_ns;
	return max_u64(recorded_ns, task->done_ns + (recorded_ns - min_u64(task->recorded_ns, recorded_ns)));
}

static int plan_next(struct run *run, uint32_t number, struct err *err)
{
	uint32_t first = sleepers_find(run, SLEEP_TASK, number);
	ns_t time = next_arrival(run, &run->tasks[number], run->sleepers.slots[first].req.arrival_ns);

	run->nr_planned++;
	return engine_timer(&run->engine, max_u64(time, run->engine.now), CLASS_WAKE, RUN_TIMER_TASK, number, err);
}

static void task_done(struct run *run, const struct request *req, ns_t cost)
{
	struct task *task = task_of(run, req);

	task->open--;
	task->done_ns = run->engine.now + cost;
	task->arrival_ns = req->arrival_ns;
	task->cpu = req->seat.cpu;
	run->task_on_cpu[task->cpu] = run->task_of_who[req->who];
	if (task->held && !task->open)
		plan_next(run, run->task_of_who[req->who], &run->deferred);
}

void task_late(struct run *run, uint32_t cpu, const struct doing *doing)
{
	struct task *task = &run->tasks[run->task_on_cpu[cpu]];

	if (task->known && task->cpu == cpu && task->arrival_ns == doing->arrival_ns)
		task->done_ns = max_u64(task->done_ns, doing->end_ns);
}

void task_sleeps(struct run *run, struct request *req)
{
	if (!is_task_request(run, req) || req->seat.marks & REQUEST_TASK)
		return;
	task_of(run, req)->open++;
	task_of(run, req)->known = true;
	req->seat.marks |= REQUEST_TASK;
}

ns_t serve_waited(void *arg, const struct request *req)
{
	struct run *run = arg;
	uint64_t sleeps = run->nr_sleeps, retries = run->sleepers.stats[SLEEP_RETRY].count;
	bool served, looked;
	uint64_t key;
	ns_t cost;

	if (!is_ready(run, req)) {
		meter_restart(&run->meter);
		sleep_for_turn(run, req);
		return 0;
	}
	served = req->sleeper && sleepers_resume(run, req);
	looked = req->sleeper && run->meter.wait.reason == SLEEP_RETRY;
	key = run->meter.wait.key;
	cost = served ? serve_rest(run, req) : serve(run, req);
	if (req->sleeper)
		run->meter.wait = (struct mm_wait){ 0 };
	/* It was first among those that look for memory again, and has some, or was killed: the next one does now. */
	if (looked && run->sleepers.stats[SLEEP_RETRY].count == retries)
		run_wake(run, SLEEP_RETRY, key, 1);
	if (run->nr_sleeps != sleeps)
		return cost;
	run->nr_queued_served++;
	if (__builtin_expect(run->unmade.nr_early != 0, 0))
		unmade_passed(run, req);
	if (req->seat.marks & REQUEST_TICKET && req->slot == SLOT_NONE)
		unmade_ends(run, req);
	else if (req->seat.marks & REQUEST_TICKET)
		next_of_object(run, req);
	if (req->seat.marks & REQUEST_TASK)
		task_done(run, req, cost);
	return cost;
}

/* It waits until its task is done with the request before it. */
static int hold(struct run *run, struct request *req, struct task *task, struct err *err)
{
	bool first = !task->held && !task->open;

	draw_ticket(run, req);
	if (sleepers_add(run, req, SLEEP_TASK, run->task_of_who[req->who], task->open) == SLEEPER_NONE)
		return -(int)run->deferred.code;
	task->held++;
	return first ? plan_next(run, run->task_of_who[req->who], err) : 0;
}

int task_timer(struct run *run, uint32_t number, struct err *err)
{
	struct task *task = &run->tasks[number];
	uint32_t first = sleepers_find(run, SLEEP_TASK, number);
	struct request req;

	run->nr_planned--;
	/*
	 * Another request of it has begun to sleep since, and plans
	 * the next one when it is done; or has, and that one is gone.
	 */
	if (task->open || first == SLEEPER_NONE)
		return 0;
	if (next_arrival(run, task, run->sleepers.slots[first].req.arrival_ns) > run->engine.now)
		return plan_next(run, number, err);
	req = sleepers_take(run, first);
	task->held--;
	task->open++;
	task->known = true;
	task->recorded_ns = req.arrival_ns;
	req.arrival_ns = run->engine.now;
	req.seat.marks |= REQUEST_TASK;
	return wait_for_cpu(run, &req, err);
}

static int arrive_asap(struct run *run, struct request *req, struct err *err)
{
	struct task *task = task_of(run, req);

	req->arrival_ns = max_u64(run->engine.cpus[req->seat.cpu].doing[0].end_ns, run->engine.now);
	if (__builtin_expect((task->open || task->held) && is_task_request(run, req), 0))
		return hold(run, req, task, err);
	return arrive_at(run, req, err);
}

static int arrive_think(struct run *run, struct request *req, struct err *err)
{
	struct task *task = task_of(run, req);
	int ret = engine_run_before(&run->engine, req->arrival_ns, err);

	if (ret < 0 || !is_task_request(run, req))
		return ret < 0 ? ret : arrive_at(run, req, err);
	return hold(run, req, task, err);
}

int arrive_paced(struct run *run, struct request *req, struct err *err)
{
	return run->options->pace == PACE_ASAP ? arrive_asap(run, req, err) : arrive_think(run, req, err);
}

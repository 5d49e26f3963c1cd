/*
 * run_fixture: a run whose requests do what a test says, on CPUs that cost what it says. Request n is event and
 * operation n of a mechanism that the test plays: scene_add() gives its cost, its locks, whether it sleeps and whom
 * it wakes.
 */
#ifndef KMEMSIM_TESTS_SIM_RUN_FIXTURE_H
#define KMEMSIM_TESTS_SIM_RUN_FIXTURE_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sim/arrive.h"
#include "sim/locks.h"
#include "sim/timers.h"

enum { SCENE_MAX = 64, SCENE_LOCKS = 4, WAKE_UP_NS = 500 };

/*
 * What a request does: costs before_ns, then each lock's hold_ns
 * with gap_ns before it, and all of them again; sleeps once; wakes.
 */
struct act {
	ns_t at_ns;
	uint32_t cpu;
	int32_t pid;         /* 0: 1 + cpu */
	uint8_t ctx;
	uint32_t slot;       /* 1 + the slot it names, 0 = none */
	ns_t cost_ns;
	uint64_t sleeps_on;  /* a key; 0 = does not sleep */
	ns_t timeout_ns;
	uint64_t wakes;      /* a key; 0 = nobody */
	uint32_t wakes_nr;   /* how many; 0 = one */
	struct {
		lock_id lock;
		ns_t before_ns, hold_ns;
	} locks[SCENE_LOCKS];
	uint32_t again;      /* how many times the locks come again */
};

struct scene {
	struct run run;
	struct replay_options options;
	struct machine machine;
	struct trace_tables tables;
	struct trace_who whos[SCENE_MAX];
	struct run_op ops[SCENE_MAX];
	struct seat seats[SCENE_MAX];
	struct object objects[SCENE_MAX];
	struct hist latency;
	struct act acts[SCENE_MAX];
	uint32_t nr;
	int nr_served;
	uint32_t order[2 * SCENE_MAX];   /* of being served, again after a sleep */
	ns_t first_ns[SCENE_MAX], last_ns[SCENE_MAX]; /* when each was first and last served */
	bool timed_out[SCENE_MAX];
};

static void scene_serve(struct run *run, const struct request *req, struct run_op *op)
{
	struct scene *scene = (struct scene *)run; /* its first member */
	const struct act *act = &scene->acts[req->op];

	if (!req->sleeper)
		scene->first_ns[req->op] = run->engine.now;
	scene->order[scene->nr_served++] = req->op;
	scene->last_ns[req->op] = run->engine.now;
	scene->timed_out[req->op] = run->meter.wait.timed_out;
	run->meter.ns += act->cost_ns;
	for (uint32_t round = 0; round <= act->again; round++) {
		for (int i = 0; i < SCENE_LOCKS && act->locks[i].hold_ns; i++) {
			run->meter.ns += act->locks[i].before_ns;
			meter_charge_locked(&run->meter, STEP_ZONE_LOCK, (uint32_t)act->locks[i].hold_ns,
				act->locks[i].lock);
		}
	}
	if (act->wakes)
		run_wake(run, SLEEP_MEMPOOL, act->wakes, act->wakes_nr ? act->wakes_nr : 1);
	if (act->sleeps_on && !run->meter.wait.place.stage) {
		run->meter.wait.place.stage = 1;
		run_sleep(run, req, SLEEP_MEMPOOL, act->sleeps_on, act->timeout_ns);
		return;
	}
	op->done++;
}

static const struct run_part scene_part = { .serve = scene_serve };

static uint8_t scene_context(void *arg, uint32_t op)
{
	return ((struct scene *)arg)->ops[op].ctx;
}

static void scene_late(void *arg, uint32_t cpu, const struct doing *doing)
{
	struct run_op *op = &((struct scene *)arg)->ops[doing->op];

	(void)cpu;
	op->latency_ns += (ns_t)doing->late_ns;
	cr_assert_eq(op->latency_ns, doing->end_ns - doing->arrival_ns);
}

static void scene_started(void *arg, uint32_t cpu, uint32_t depth, ns_t cost)
{
	locks_started(arg, cpu, depth, cost);
}

static ns_t scene_open(void *arg, uint32_t cpu, uint32_t depth)
{
	return locks_open(arg, cpu, depth);
}

static struct scene *scene_new(uint32_t cpus, enum replay_pace pace)
{
	struct scene *scene = aligned_alloc(_Alignof(struct scene), sizeof(*scene));
	struct engine_client client = { .serve = serve_waited, .context = scene_context, .late = scene_late,
		.started = scene_started, .open = scene_open, .timer = timers_fire, .arg = scene };

	cr_assert_not_null(scene);
	memset(scene, 0, sizeof(*scene));
	scene->machine.cpus = cpus;
	scene->machine.latency.step_ns[STEP_WAKE_UP] = WAKE_UP_NS;
	scene->machine.latency.step_ns[STEP_ZONE_LOCK] = 1;
	scene->options.pace = pace;
	scene->tables.whos = scene->whos;
	scene->run = (struct run){
		.options = &scene->options,
		.machine = &scene->machine,
		.tables = &scene->tables,
		.ops = scene->ops,
		.objects = scene->objects,
		.seats = scene->seats,
		.recorded_pace = pace == PACE_RECORDED,
	};
	meter_start(&scene->run.meter, scene->machine.latency.step_ns);
	scene->run.part_of_kind[KIND_INB] = &scene_part;
	scene->run.kinds[KIND_INB].latency = &scene->latency;
	sleepers_init(&scene->run.sleepers);
	cr_assert_eq(engine_init(&scene->run.engine, cpus, &client, NULL), 0);
	cr_assert_eq(locks_init(&scene->run.locks, cpus, 1, NULL), 0);
	scene->run.meter.more = &scene->run.locks.more;
	return scene;
}

static void scene_free(struct scene *scene)
{
	engine_fini(&scene->run.engine);
	sleepers_fini(&scene->run.sleepers);
	locks_fini(&scene->run.locks);
	tasks_fini(&scene->run);
	free(scene);
}

static void scene_check(const struct scene *scene)
{
	struct err err = { 0 };

	cr_assert_eq(engine_check(&scene->run.engine, &err), 0, "%s", err.text);
	cr_assert_eq(sleepers_check(&scene->run, &err), 0, "%s", err.text);
	cr_assert_eq(locks_check(&scene->run, &err), 0, "%s", err.text);
	cr_assert_eq(scene->run.deferred.code, ERR_NONE, "%s", scene->run.deferred.text);
}

/* Return: the request's number. */
static uint32_t scene_add(struct scene *scene, struct act act)
{
	uint32_t n = scene->nr++;

	scene->acts[n] = act;
	scene->ops[n] = (struct run_op){ .action = ACT_PART, .kind = KIND_INB, .ctx = act.ctx };
	scene->whos[n] = (struct trace_who){ .cpu = act.cpu, .pid = act.pid ? act.pid : 1 + (int32_t)act.cpu };
	scene->seats[n] = (struct seat){ .cpu = (uint16_t)act.cpu };
	scene->tables.nr_whos = scene->nr;
	return n;
}

static bool scene_goes_on(const struct scene *scene)
{
	return scene->run.engine.nr_closed || scene->run.sleepers.nr_awake || scene->run.engine.queue.nr;
}

/* All arrive, and who can be served is. */
static void scene_play(struct scene *scene)
{
	struct err err = { 0 };

	cr_assert_eq(tasks_init(&scene->run, &err), 0);
	for (uint32_t n = 0; n < scene->nr; n++) {
		const struct act *act = &scene->acts[n];
		struct request req = {
			.arrival_ns = act->at_ns,
			.event_no = n,
			.op = n,
			.who = n,
			.seat = scene->seats[n],
			.slot = act->slot ? act->slot - 1 : SLOT_NONE,
		};

		cr_assert_eq(arrive(&scene->run, &req, &err), 0, "%s", err.text);
		scene_check(scene);
	}
	while (scene_goes_on(scene)) {
		cr_assert_eq(engine_run_first(&scene->run.engine, &err), 0, "%s", err.text);
		scene_check(scene);
	}
	engine_finish(&scene->run.engine);
}

static inline void expect_served(const struct scene *scene, uint32_t n, ns_t first_ns, ns_t last_ns, ns_t latency_ns)
{
	cr_assert_eq(scene->first_ns[n], first_ns, "%u was first served at %lu", n, (unsigned long)scene->first_ns[n]);
	cr_assert_eq(scene->last_ns[n], last_ns, "%u was last served at %lu", n, (unsigned long)scene->last_ns[n]);
	cr_assert_eq(scene->ops[n].latency_ns, latency_ns, "%u took %lu", n, (unsigned long)scene->ops[n].latency_ns);
}

#endif

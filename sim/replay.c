#include "sim/replay.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/fingerprint.h"
#include "base/table.h"
#include "base/wall_clock.h"
#include "sim/arrive.h"
#include "sim/cpu_map.h"
#include "sim/pace.h"
#include "sim/replay_priv.h"
#include "sim/reserve.h"
#include "sim/serve_bulk.h"
#include "sim/timers.h"

/* How far ahead of the event being served its slot is fetched into the cache: some 10 events of 50 ns. */
#define PREFETCH_EVENTS 12

const char *const replay_pace_name[] = { "recorded", "think", "asap", NULL };
const char *const replay_cpu_map_name[] = { "fold", "spread", "auto", NULL };

enum replay_cpu_map replay_cpu_map_of(enum replay_cpu_map map, bool initial)
{
	if (map != CPU_MAP_AUTO)
		return map;
	return initial ? CPU_MAP_SPREAD : CPU_MAP_FOLD;
}

/* How often all invariants are walked: as the options say, after every event in a build with -Dcheck=full. */
static uint64_t check_interval(const struct replay_options *options)
{
#ifdef KMEMSIM_CHECK_FULL
	(void)options;
	return 1;
#else
	return options->check_every;
#endif
}

static int check_now(struct run *run, struct err *err)
{
	int ret = mm_check(&run->mm, err);

	if (ret == 0)
		ret = engine_check(&run->engine, err);
	if (ret == 0)
		ret = sleepers_check(run, err);
	if (ret == 0)
		ret = unmade_check(run, err);
	if (ret == 0)
		ret = locks_check(run, err);
	if (ret == 0)
		ret = readers_check(run, err);
	return ret < 0 ? err_context(err, "after event %" PRIu64 " at %" PRIu64 " ns", run->event_no, run->engine.now) :
			 0;
}

static int map_cpus(struct run *run, struct err *err)
{
	uint32_t beyond = 0;
	int ret;

	run->seats = calloc(run->tables->nr_whos + 1, sizeof(*run->seats));
	if (!run->seats)
		return err_set(err, ERR_NOMEM, "no memory for %u tasks", run->tables->nr_whos);
	ret = cpu_map_seats(run->tables, replay_cpu_map_of(run->options->cpu_map, run->options->initial),
		run->meta->cpus, run->machine->cpus, run->seats, &beyond, err);
	run->result.folded_cpus = beyond;
	return ret;
}

static int make_objects(struct run *run, struct err *err)
{
	run->nr_objects = run->meta->slots;
	run->objects = table_alloc(((size_t)run->nr_objects + 1) * sizeof(*run->objects));
	if (!run->objects)
		return err_set(err, ERR_NOMEM, "no memory for %u objects", run->nr_objects);
	for (uint32_t i = 0; i < run->nr_objects; i++)
		run->objects[i] = (struct object){ .slab = OBJECT_NONE };
	return 0;
}

static void run_fini(struct run *run)
{
	for (int kind = 0; kind < NR_KINDS; kind++)
		free(run->kinds[kind].latency);
	free(run->ops);
	free(run->makers);
	free(run->pool_makers);
	free(run->objects);
	free(run->seats);
	tasks_fini(run);
	sleepers_fini(&run->sleepers);
	unmade_fini(run);
	free(run->disowned);
	locks_fini(&run->locks);
	bulks_fini(run);
	follow_fini(run);
	reclaim_fini(run);
	sections_fini(run);
	engine_fini(&run->engine);
	mm_fini(&run->mm);
	boot_prefix_fini(run);
	pace_fini(run);
}

static uint8_t op_context(void *arg, uint32_t op)
{
	const struct run *run = arg;

	return run->ops[op].ctx;
}

/* A request took longer than it was counted with. */
static void count_late(void *arg, uint32_t cpu, const struct doing *doing)
{
	struct run *run = arg;
	struct run_op *op = &run->ops[doing->op];
	ns_t latency = doing->end_ns - doing->arrival_ns;

	hist_move(run->kinds[op->kind].latency, latency - (ns_t)doing->late_ns, latency);
	op->latency_ns += (ns_t)doing->late_ns;
	op->latency_max_ns = max_u64(op->latency_max_ns, latency);
	if (run->tasks)
		task_late(run, cpu, doing);
}

/* What began is on its way to its locks; what it interrupted comes to them later. */
static void note_start(void *arg, uint32_t cpu, uint32_t depth, ns_t cost)
{
	struct run *run = arg;

	if (depth || run->meter.nr_segments)
		locks_started(run, cpu, depth, cost);
}

static ns_t next_open(void *arg, uint32_t cpu, uint32_t depth)
{
	return locks_open(arg, cpu, depth);
}

/* Samples and checks that are due by the number of events: when the next one is. */
static void plan_special(struct run *run)
{
	uint64_t every = run->check_every;
	uint64_t sample = run->options->sample_events ? run->next_sample_event : UINT64_MAX;
	uint64_t check = every ? run->events - run->events % every + every : UINT64_MAX;

	run->special_event = min_u64(sample, check);
}

/* What there is beside the model, and what lives in it already. */
static int run_start(struct run *run, struct err *err)
{
	struct engine_client client = { .serve = serve_waited, .context = op_context, .late = count_late,
		.started = note_start, .open = next_open, .timer = timers_fire, .arg = run };
	int ret = engine_init(&run->engine, run->machine->cpus, &client, err);

	if (ret == 0)
		ret = locks_init(&run->locks, run->machine->cpus, daemons_nr(run->machine), err);
	if (ret == 0)
		ret = bulks_init(run, err);
	if (ret == 0)
		ret = reclaim_start(run, err);
	if (ret == 0 && run->options->layer != LAYER_PAGE)
		page_alloc_delay_rcu(run->mm.pages);
	if (ret == 0)
		ret = follow_start(run, err);
	if (ret == 0)
		ret = sections_prepare(run, err);
	if (ret == 0) {
		rules_prepare(run);
		ret = run_ops_prepare(run, err);
	}
	if (ret == 0)
		ret = map_cpus(run, err);
	if (ret == 0)
		ret = tasks_init(run, err);
	if (ret == 0)
		ret = make_objects(run, err);
	return ret;
}

static void warn(const struct run *run)
{
	char text[300];

	if (run->options->warn && reserve_warning_of(&run->mm, text, sizeof(text)))
		run->options->warn(run->options->arg, text);
}

static int run_init(struct run *run, const struct replay_options *options, struct trace_reader *reader,
	struct recorder *recorder, struct err *err)
{
	int ret;

	*run = (struct run){
		.options = options,
		.recorded_pace = options->pace == PACE_RECORDED,
		.observed = options->observer.after != NULL,
		.machine = options->machine,
		.tables = trace_tables(reader),
		.meta = trace_meta(reader),
		.recorder = recorder,
		.cache_generation = 1,
		.origins_modelled = 1u << ORIGIN_SLAB | 1u << ORIGIN_KMALLOC_LARGE | 1u << ORIGIN_EXACT,
		.next_sample_event = options->sample_events,
		.check_every = check_interval(options),
		.result.fingerprint = FINGERPRINT_START,
	};
	if (pace_start(run, err) < 0)
		return -(int)err->code;
	meter_start(&run->meter, run->machine->latency.step_ns);
	boot_policy_prepare(&run->policy, run->machine, run->tables);
	plan_special(run);
	sleepers_init(&run->sleepers);
	parts_prepare(run);
	ret = boot_prefix_read(run, reader, err);
	if (ret == 0)
		ret = mm_init(&run->mm, run->machine, options->seed, err);
	if (ret < 0) {
		boot_prefix_fini(run);
		pace_fini(run);
		return err_context(err, "machine \"%s\"", options->machine->name);
	}
	boot_prefix_move(run);
	ret = run_start(run, err);
	if (ret < 0)
		run_fini(run);
	return ret;
}

int replay_check_stop(const struct run *run, struct err *err)
{
	const struct replay_options *options = run->options;

	if (options->stop && options->stop(options->arg))
		return err_set(err, ERR_INTERRUPTED, "interrupted after %" PRIu64 " events", run->events);
	return 0;
}

/* What is due after an event by its number, not by time. */
static int after_event(struct run *run, const struct request *req, struct err *err)
{
	const struct replay_options *options = run->options;
	int ret = 0;

	if (run->ops[req->op].action == ACT_MARKER)
		ret = sampler_sample(run, "marker", run_string(run, run->ops[req->op].trace->name), err);
	if (ret == 0 && run->events == run->next_sample_event) {
		run->next_sample_event += options->sample_events;
		ret = sampler_sample(run, "events", NULL, err);
	}
	if (ret == 0 && run->check_every && run->events % run->check_every == 0) {
		ret = check_now(run, err);
		if (ret == 0)
			ret = replay_check_stop(run, err); /* a batch takes minutes with a check after each event */
	}
	plan_special(run);
	return ret;
}

static bool event_is_special(const struct run *run, uint32_t op)
{
	return run->ops[op].action == ACT_MARKER || run->events == run->special_event;
}

/* One that was met where none can be returned. */
static int deferred_error(const struct run *run, struct err *err)
{
	if (!run->deferred.code)
		return 0;
	*err = run->deferred;
	return -(int)err->code;
}

#define STEPS_TO_STOP 1024u /* after so many it is asked whether to stop */

/* Nobody has what a reader waits for, and @req, with all that comes after it, comes when he has it. */
static int wait_for_readers(struct run *run, struct request *req, struct err *err)
{
	/* with PACE_ASAP it has nothing to do with recorded times */
	ns_t due_ns = max_u64(req->arrival_ns, run->engine.now);
	int ret = 0;

	for (uint32_t steps = 1; ret == 0 && run->reading; steps++) {
		ret = engine_run_first(&run->engine, err);
		if (ret == 0)
			ret = deferred_error(run, err);
		if (ret == 0 && steps % STEPS_TO_STOP == 0)
			ret = replay_check_stop(run, err);
	}
	if (run->engine.now > due_ns) {
		run->late_ns += run->engine.now - due_ns;
		req->arrival_ns = run->engine.now;
	}
	return ret;
}

static inline int replay_event(struct run *run, const struct trace_batch *batch, uint32_t i, struct err *err)
{
	struct request req;
	int ret;

	/* Member by member: to clear what is set at once costs as much as to set it. */
	req.arrival_ns = batch->time_ns[i] + run->late_ns;
	req.event_no = batch->first_event + i;
	req.value = batch->value ? batch->value[i] : 0;
	req.op = batch->op[i];
	req.slot = batch->slot[i];
	req.who = batch->who[i];
	req.ticket = req.sleeper = 0;
	req.seat = run->seats[batch->who[i]];
	if (__builtin_expect(batch->ctx && run->options->lint, 0))
		req.seat.ctx |= batch->ctx[i] & CTX_PREEMPT_OFF;

	if (i + PREFETCH_EVENTS < batch->nr && batch->slot[i + PREFETCH_EVENTS] != SLOT_NONE)
		__builtin_prefetch(&run->objects[batch->slot[i + PREFETCH_EVENTS]], 1);
	ret = __builtin_expect(run->reading, 0) ? wait_for_readers(run, &req, err) : 0;
	if (ret == 0)
		ret = arrive(run, &req, err);
	if (ret < 0)
		return ret;
	run->events++;
	return __builtin_expect(event_is_special(run, req.op), 0) ? after_event(run, &req, err) : 0;
}

static bool is_enough(const struct run *run)
{
	return run->options->limit && run->events >= run->options->limit;
}

static int replay_batch(struct run *run, const struct trace_batch *batch, struct err *err)
{
	uint64_t left = run->options->limit ? run->options->limit - run->events : UINT64_MAX;
	uint32_t nr = (uint32_t)min_u64(batch->nr, left);

	for (uint32_t i = 0; i < nr; i++) {
		int ret = replay_event(run, batch, i, err);

		if (ret < 0)
			return ret;
	}
	return 0;
}

/* What was there before the recording: in place at once, free of charge. */
static void boot_batch(struct run *run, const struct trace_batch *batch)
{
	for (uint32_t i = 0; i < batch->nr; i++) {
		struct request req = {
			.op = batch->op[i],
			.slot = batch->slot[i],
			.who = batch->who[i],
			.seat = run->seats[batch->who[i]],
		};

		serve_waited(run, &req);
	}
}

/* The first event proper: boot is over, time begins. */
static int begin_time(struct run *run, ns_t time_ns, struct err *err)
{
	int ret;

	run->booting = false;
	run->meter.nr_segments = 0;
	run->meter.more = &run->locks.more;
	run->begun_ns = time_ns;
	engine_move_clock(&run->engine, time_ns);
	ret = sampler_sample(run, "start", NULL, err);
	return ret == 0 ? timers_start(run, err) : ret;
}

/* As replay_batch(), for as long as the recording has something to say beside its events. */
static int replay_followed(struct run *run, const struct trace_batch *batch, struct err *err)
{
	for (uint32_t i = 0; i < batch->nr && !is_enough(run); i++) {
		int ret = follow_event(run, batch, i, err);

		if (ret > 0 && run->booting)
			ret = begin_time(run, batch->time_ns[i], err) < 0 ? -(int)err->code : 1;
		if (ret > 0)
			ret = replay_event(run, batch, i, err);
		if (ret < 0)
			return ret;
	}
	follow_settle(run);
	return 0;
}

static int take_events(struct run *run, const struct trace_batch *batch, struct err *err)
{
	int ret = 0;

	if (run->follow.active)
		return replay_followed(run, batch, err);
	if (run->booting)
		ret = begin_time(run, run->meta->first_ns, err);
	return ret == 0 ? replay_batch(run, batch, err) : ret;
}

static int take_batch(struct run *run, const struct trace_batch *batch, struct err *err)
{
	const struct replay_options *options = run->options;
	int ret = 0;

	if (batch->prologue && run->follow.skipping)
		follow_prologue(run, batch);
	else if (batch->prologue)
		boot_batch(run, batch);
	else
		ret = take_events(run, batch, err);
	if (ret == 0)
		ret = deferred_error(run, err);
	if (options->progress)
		options->progress(options->arg, run->events, run->live_objects);
	return ret == 0 ? replay_check_stop(run, err) : ret;
}

/*
 * How long, in simulated time, the last sleepers are given once
 * nobody else is served: twice the kernel's longest pause. Where
 * looking takes longer than the pause before it somebody is always
 * awake: each of them looks once more then.
 */
#define PATIENCE_NS 10000000000u

/* Whether somebody waits who can still be served, a task has not made all its requests, or a work item is left. */
static bool more_to_come(const struct run *run, ns_t until_ns)
{
	const struct engine *engine = &run->engine;

	if (engine->nr_closed || run->sleepers.nr_awake || run->sleepers.nr_napping || run->nr_planned ||
		works_left(run) || readers_reading(run))
		return true;
	return run->sleepers.nr_asleep && engine->queue.nr > run->nr_periodic &&
		engine->queue.heap[0].time_ns <= until_ns;
}

static bool is_anybody(const struct request *req, void *arg)
{
	(void)req;
	(void)arg;
	return true;
}

/*
 * Whether all who are still to be served have looked for what they want, and there was none. Others may wait for longer
 * than that for their CPU: for their first turn, or to go on after an earlier request for the same object.
 */
static bool all_look_again(const struct run *run)
{
	const struct sleepers *s = &run->sleepers;

	if (engine_find_waiting(&run->engine, is_anybody, NULL))
		return false;
	for (uint32_t n = 0; n < s->nr; n++)
		if (s->slots[n].state == SLEEPER_AWAKE && s->slots[n].reason == SLEEP_OBJECT)
			return false;
	return true;
}

/* The trace has ended: who waits is served, and who waits for what no one will do has failed. */
static int drain(struct run *run, struct err *err)
{
	ns_t until_ns = run->engine.now + PATIENCE_NS;
	uint64_t served = run->nr_queued_served;
	int ret = 0;

	run->draining = true;
	for (uint32_t steps = 1; ret == 0 && more_to_come(run, until_ns); steps++) {
		bool planned = run->nr_planned > 0;

		run->out_of_patience = run->engine.queue.heap[0].time_ns > until_ns && all_look_again(run);
		ret = engine_run_first(&run->engine, err);
		if (planned || run->nr_queued_served != served)
			until_ns = run->engine.now + PATIENCE_NS;
		served = run->nr_queued_served;
		if (ret == 0)
			ret = deferred_error(run, err);
		if (ret == 0 && steps % STEPS_TO_STOP == 0)
			ret = replay_check_stop(run, err);
	}
	if (ret == 0 && run->sleepers.nr_asleep && run->engine.queue.nr > run->nr_periodic)
		engine_move_clock(&run->engine, until_ns); /* whatever was due last before that, perhaps a sample */
	engine_finish(&run->engine);
	if (ret == 0) {
		bulks_end(run);
		sleepers_give_up(run);
	}
	return ret == 0 ? deferred_error(run, err) : ret;
}

/* As take_batch(). What the recording saw beside its events is not read any longer than somebody asks for it. */
static int take_recorded(struct run *run, const struct trace_batch *batch, struct trace_reader *reader, struct err *err)
{
	bool followed = run->follow.active;
	int ret = take_batch(run, batch, err);

	if (followed && !run->follow.active && !run->options->lint)
		trace_spare_recorded(reader);
	return ret;
}

static int replay_all(struct run *run, struct trace_reader *reader, struct err *err)
{
	struct trace_batch batch;
	int ret = 0;

	run->booting = true;
	while (!is_enough(run) && (ret = boot_prefix_next(run, reader, &batch, err)) > 0) {
		ret = take_recorded(run, &batch, reader, err);
		if (ret < 0)
			return ret;
	}
	if (ret == 0 && run->booting)
		ret = begin_time(run, run->meta->first_ns, err);
	if (ret == 0)
		ret = drain(run, err);
	if (ret == 0)
		ret = follow_end(run, err);
	if (ret == 0 && run->check_every)
		ret = check_now(run, err);
	return ret;
}

int replay_run(const struct replay_options *options, struct trace_reader *reader, struct recorder *recorder,
	struct replay_result *result, struct err *err)
{
	uint64_t started = wall_clock_ns();
	struct run run;
	int ret = run_init(&run, options, reader, recorder, err);
	bool begun;

	if (ret < 0)
		return ret;
	warn(&run);
	ret = replay_record_begin(&run, err);
	begun = ret == 0;
	if (begun) {
		ret = replay_all(&run, reader, err);
		ret = replay_finish(&run, ret, err);
		run.result.wall_ns = wall_clock_ns() - started;
	}
	*result = run.result;
	run_fini(&run); /* which takes a while, and the recorder has rows to write meanwhile */
	return begun ? replay_record_end(recorder, result, ret, err) : ret;
}

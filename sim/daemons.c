/*
 * daemons: when kswapd and kcompactd of each node work. What they do in a step mm/ knows (kswapd_step(),
 * kcompactd_step()); here a step takes the time that it costs, and the next one follows.
 */
#include "base/bits.h"
#include "sim/reclaim_priv.h"
#include "sim/timers.h"
#include "sim/works.h"

/* rows of reclaim_events, of each kind: thousands that fail do not hide who is killed */
#define MAX_EPISODES  10000u
#define KSWAPD_NAP_NS 100000000u        /* kswapd_try_to_sleep(): HZ / 10 */
#define JIFFIES_8_NS  32000000u         /* HZ 250; what long timers expire at multiples of */

static uint64_t stolen(const struct run *run)
{
	return page_alloc_counter(run->mm.pages, PC_PGSTEAL_KSWAPD);
}

static int schedule(struct run *run, uint32_t node, enum kswapd_state state, ns_t delay, struct err *err)
{
	struct kswapd *k = &run->reclaim.kswapds[node];

	k->state = state;
	k->generation = (k->generation + 1) & 0xffffff;
	return engine_timer(&run->engine, run->engine.now + delay, CLASS_WAKE,
		RUN_TIMER_KSWAPD | k->generation << RUN_TIMER_BITS, node, err);
}

static const char *const episode_name[NR_EPISODES] = { "kswapd", "direct", "compaction", "kcompactd", "oom" };

void daemons_episode(struct run *run, const struct episode *e)
{
	if (run->deferred.code || run->reclaim.episodes[e->by]++ >= MAX_EPISODES)
		return;
	RECORD_ROW(run->recorder, RECLAIM_EVENTS, &run->deferred, RECORD_T(episode_name[e->by]), RECORD_U(e->node),
		RECORD_U(e->begun_ns), RECORD_U(run->engine.now + meter_elapsed(&run->meter)), RECORD_U(e->pages),
		RECORD_U(e->success));
}

static void reclaimed(struct run *run, enum episode_by by, uint32_t node, ns_t begun_ns, uint64_t pages)
{
	daemons_episode(run, &(struct episode){ by, node, begun_ns, pages, pages > 0 });
}

static void compacted(struct run *run, uint32_t node, ns_t begun_ns, const struct compact_episode *e)
{
	daemons_episode(run,
		&(struct episode){ e->who == COMPACT_DIRECT ? EPISODE_COMPACTION : EPISODE_KCOMPACTD, node, begun_ns,
			e->migrated, e->result == COMPACT_SUCCESS });
}

void daemons_reclaimed(void *arg, const struct reclaim_episode *e)
{
	struct run *run = arg;

	reclaimed(run, EPISODE_DIRECT, e->node, run->engine.now + e->at_ns, e->reclaimed);
}

/* As users of locks: kswapds first, then kcompactds. */
static uint32_t kcompactd_number(const struct run *run, uint32_t node)
{
	return run->machine->nr_nodes + node;
}

/*
 * The daemon runs what the meter has, and spins for @wait_ns: its CPU has no time for others.
 * Return: how long it is until it can go on; at least a microsecond, so that time passes.
 */
static ns_t keep_cpu_busy(struct run *run, struct fair *fair, ns_t wait_ns)
{
	ns_t ns = max_u64(run->meter.ns + wait_ns, 1000);

	engine_work(&run->engine, run->cpu, ns);
	return fair_run(run, fair, ns);
}

/* What a step left to be seen to is no request's: the next one neither sleeps for it nor is short of memory. */
static void look_after(struct run *run)
{
	if (!run->meter.pressure)
		return;
	reclaim_after(run);
	run_schedule_rcu(run);
}

static enum kswapd_answer step_of_pass(struct run *run, uint32_t node)
{
	uint64_t before = stolen(run); /* of all nodes */
	enum kswapd_answer answer;

	meter_start(&run->meter, run->machine->latency.step_ns);
	answer = kswapd_step(run->mm.pages, node, run->cpu, &run->meter);
	run->reclaim.kswapds[node].stolen += stolen(run) - before;
	return answer;
}

static void begin_pass(struct kswapd *k, ns_t now)
{
	k->begun_ns = now;
	k->stolen = 0;
}

/* The pass ends @ended_ns from now; a new one could begin @again_ns from now. */
static int end_pass(struct run *run, uint32_t node, ns_t ended_ns, ns_t again_ns, struct err *err)
{
	const struct kswapd *k = &run->reclaim.kswapds[node];

	reclaim_wake_kcompactds(run);
	reclaimed(run, EPISODE_KSWAPD, node, k->begun_ns, k->stolen);
	if (!kswapd_may_sleep(run->mm.pages, node, false))
		return schedule(run, node, KSWAPD_STARTING, again_ns, err);
	return schedule(run, node, KSWAPD_NAPPING, ended_ns + KSWAPD_NAP_NS, err);
}

static int step(struct run *run, uint32_t node, struct err *err)
{
	struct kswapd *k = &run->reclaim.kswapds[node];
	ns_t busy_ns = locks_daemon_busy(run, node), delay;
	enum kswapd_answer answer;

	if (busy_ns)
		return schedule(run, node, k->state, busy_ns, err);
	if (k->state != KSWAPD_RUNNING)
		begin_pass(k, run->engine.now);
	run->cpu = fair_cpu(run, &k->fair, node);
	answer = step_of_pass(run, node);
	delay = keep_cpu_busy(run, &k->fair, locks_daemon(run, node)) + run->meter.nap_ns;
	look_after(run);
	if (answer == KSWAPD_MORE)
		return schedule(run, node, KSWAPD_RUNNING, delay, err);
	return end_pass(run, node, 0, delay, err);
}

/*
 * A pass that begins @at_ns from now, in the midst of a request, and as much of it as fits into a turn. Simplified:
 * what it does under locks is counted, but keeps nobody out. Return: how long the request is kept from its CPU.
 */
static ns_t step_within(struct run *run, uint32_t node, ns_t at_ns)
{
	struct kswapd *k = &run->reclaim.kswapds[node];
	enum kswapd_answer answer = KSWAPD_MORE;
	ns_t ran_ns = 0, delay;

	begin_pass(k, run->engine.now + at_ns);
	while (answer == KSWAPD_MORE && ran_ns < FAIR_TICK_NS) {
		answer = step_of_pass(run, node);
		locks_count(run);
		ran_ns += max_u64(meter_elapsed(&run->meter), 1000);
	}
	delay = fair_run(run, &k->fair, ran_ns);
	meter_start(&run->meter, run->machine->latency.step_ns);
	meter_charge_ns(&run->meter, at_ns + ran_ns);
	if (answer == KSWAPD_MORE)
		(void)schedule(run, node, KSWAPD_RUNNING, at_ns + delay, &run->deferred);
	else
		(void)end_pass(run, node, at_ns + ran_ns, at_ns + delay, &run->deferred);
	return ran_ns;
}

/* Whether @node's has been woken, and nothing has come of that yet. */
static bool is_woken(const struct run *run, uint32_t node)
{
	const struct kswapd *k = &run->reclaim.kswapds[node];

	return kswapd_wanted(run->mm.pages, node) && k->state != KSWAPD_RUNNING && k->state != KSWAPD_STARTING;
}

static void end_nap(struct run *run, uint32_t node)
{
	if (run->reclaim.kswapds[node].state == KSWAPD_NAPPING)
		(void)kswapd_may_sleep(run->mm.pages, node, true);
}

/* It preempts who makes the request that woke it, and then runs; the request goes on behind that. */
static void come_first(struct run *run, uint32_t node)
{
	struct meter of_request = run->meter;
	ns_t wake_ns = run->machine->latency.step_ns[STEP_WAKE_UP], ran_ns;

	end_nap(run, node);
	run->meter.more = NULL; /* the request's segments are there */
	ran_ns = step_within(run, node, meter_elapsed(&of_request) + wake_ns);
	run->meter = of_request;
	meter_charge_ns(&run->meter, wake_ns + ran_ns);
}

void daemons_resched(void *arg)
{
	struct run *run = arg;

	for (uint32_t node = 0; run->reclaim.active && !run->untimed && node < run->machine->nr_nodes; node++) {
		struct fair *fair = &run->reclaim.kswapds[node].fair;

		if (is_woken(run, node) && fair_cpu(run, fair, node) == run->cpu && !fair_wake(run, fair, node))
			come_first(run, node);
	}
}

int daemons_end(struct run *run, struct err *err)
{
	bool failed = run->deferred.code;

	meter_start(&run->meter, run->machine->latency.step_ns); /* what is on it is another's */
	for (uint32_t node = 0; node < run->machine->nr_nodes; node++) {
		const struct kswapd *k = &run->reclaim.kswapds[node];
		struct compact_episode compaction;

		if (k->state == KSWAPD_RUNNING)
			reclaimed(run, EPISODE_KSWAPD, node, k->begun_ns, k->stolen);
		if (kcompactd_unfinished(run->mm.pages, node, &compaction))
			compacted(run, node, k->compact_begun_ns, &compaction);
	}
	if (failed || !run->deferred.code)
		return 0;
	*err = run->deferred;
	return -(int)err->code;
}

/* ---- Compaction ---- */

/* What @from held is at @to now. */
void daemons_page_moved(void *arg, pfn_t from, pfn_t to)
{
	struct run *run = arg;
	struct object *object = reclaim_user(run, from);

	run->reclaim.users[to] = run->reclaim.users[from];
	run->reclaim.users[from].slot_plus1 = 0;
	if (object)
		object->index = (uint32_t)to;
	note_place(run, (uint32_t)from, (uint32_t)to);
}

void daemons_compacted(void *arg, const struct compact_episode *e)
{
	struct run *run = arg;
	bool direct = e->who == COMPACT_DIRECT;
	ns_t begun_ns = direct ? run->engine.now + e->at_ns : run->reclaim.kswapds[e->node].compact_begun_ns;

	run->meter.pressure = true;
	compacted(run, e->node, begun_ns, e);
}

void reclaim_wake_kcompactds(struct run *run)
{
	for (uint32_t node = 0; run->reclaim.active && node < run->machine->nr_nodes; node++) {
		if (!kcompactd_wanted(run->mm.pages, node) || run->reclaim.kswapds[node].compacting)
			continue;
		run->reclaim.kswapds[node].compacting = true;
		engine_timer(&run->engine,
			run->engine.now + run->machine->latency.step_ns[STEP_WAKE_UP] +
				fair_wake(run, &run->reclaim.kswapds[node].compact_fair, node),
			CLASS_WAKE, RUN_TIMER_KCOMPACTD, node, &run->deferred);
	}
}

static int compact_step(struct run *run, uint32_t node, struct err *err)
{
	struct kswapd *k = &run->reclaim.kswapds[node];
	ns_t busy_ns = locks_daemon_busy(run, kcompactd_number(run, node)), delay;
	enum kcompactd_answer answer;

	if (busy_ns)
		return engine_timer(&run->engine, run->engine.now + busy_ns, CLASS_WAKE, RUN_TIMER_KCOMPACTD, node,
			err);
	if (!k->in_pass)
		k->compact_begun_ns = run->engine.now;
	k->in_pass = true;
	meter_start(&run->meter, run->machine->latency.step_ns);
	run->cpu = fair_cpu(run, &k->compact_fair, node);
	answer = kcompactd_step(run->mm.pages, node, run->cpu, &run->meter);
	delay = keep_cpu_busy(run, &k->compact_fair, locks_daemon(run, kcompactd_number(run, node)));
	look_after(run);
	if (answer == KCOMPACTD_MORE)
		return engine_timer(&run->engine, run->engine.now + delay, CLASS_WAKE, RUN_TIMER_KCOMPACTD, node, err);
	k->compacting = k->in_pass = false;
	k->compact_ended_ns = run->engine.now + delay;
	return 0;
}

/* When kcompactd looks at fragmentation that has slept since then. */
static ns_t look_after_sleep(ns_t since_ns)
{
	return (since_ns + FRAG_CHECK_TIMEOUT_NS + JIFFIES_8_NS - 1) / JIFFIES_8_NS * JIFFIES_8_NS;
}

/*
 * The first one of the run: it looks at the same instants of each period, and a
 * recording tells them. Simplified: of all nodes alike, and as if nothing had woken it since then.
 */
static ns_t first_look(const struct run *run)
{
	ns_t slept_ns = run->meta->kcompactd_sleep_ns ? run->meta->kcompactd_sleep_ns : run->begun_ns;
	ns_t look_ns = look_after_sleep(slept_ns), begun_ns = run->begun_ns;

	if (slept_ns > begun_ns)
		return begun_ns + (look_ns - begun_ns - 1) % FRAG_CHECK_PERIOD_NS + 1;
	if (look_ns > begun_ns)
		return look_ns;
	return begun_ns + FRAG_CHECK_PERIOD_NS - (begun_ns - look_ns) % FRAG_CHECK_PERIOD_NS;
}

ns_t daemons_kcompactd_put_off(const struct run *run, uint32_t node)
{
	const struct kswapd *k = run->reclaim.active ? &run->reclaim.kswapds[node] : NULL;

	if (k && k->compacting)
		return run->engine.now + FRAG_CHECK_PERIOD_NS;
	return k && k->compact_ended_ns ? look_after_sleep(k->compact_ended_ns) : first_look(run);
}

int reclaim_fire(struct run *run, uint32_t kind, uint32_t generation, uint32_t value, struct err *err)
{
	struct kswapd *k;

	if (kind == RUN_TIMER_REFAULT) {
		refault_due(run);
		return 0;
	}
	if (kind == RUN_TIMER_READER) {
		readers_due(run, value);
		return 0;
	}
	if (kind == RUN_TIMER_KCOMPACTD)
		return compact_step(run, value, err);
	k = &run->reclaim.kswapds[value];
	if (generation != k->generation)
		return 0;
	if (k->state != KSWAPD_NAPPING)
		return step(run, value, err);
	if (!kswapd_may_sleep(run->mm.pages, value, false))
		return step(run, value, err);
	k->state = KSWAPD_ASLEEP;
	kswapd_sleeps(run->mm.pages, value);
	return 0;
}

static void wake_kswapds(struct run *run)
{
	for (uint32_t node = 0; node < run->machine->nr_nodes; node++) {
		struct kswapd *k = &run->reclaim.kswapds[node];

		if (!is_woken(run, node))
			continue;
		end_nap(run, node);
		schedule(run, node, KSWAPD_STARTING, run->machine->latency.step_ns[STEP_WAKE_UP] +
			fair_wake(run, &k->fair, node), &run->deferred);
	}
}

void reclaim_after(struct run *run)
{
	run->meter.pressure = false;
	run->meter.nap_ns = 0; /* what is left of it is nobody's */
	if (!run->reclaim.active)
		return;
	wake_kswapds(run);
	reclaim_wake_kcompactds(run);
}

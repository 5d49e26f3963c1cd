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

static int step(struct run *run, uint32_t node, struct err *err)
{
	struct kswapd *k = &run->reclaim.kswapds[node];
	ns_t busy_ns = locks_daemon_busy(run, node), delay;
	enum kswapd_answer answer;
	uint64_t before;

	if (busy_ns)
		return schedule(run, node, k->state, busy_ns, err);
	if (k->state != KSWAPD_RUNNING) {
		k->begun_ns = run->engine.now;
		k->stolen = 0;
	}
	meter_start(&run->meter, run->machine->latency.step_ns);
	run->cpu = fair_cpu(run, &k->fair, node);
	before = stolen(run); /* of all nodes */
	answer = kswapd_step(run->mm.pages, node, run->cpu, &run->meter);
	k->stolen += stolen(run) - before;
	delay = keep_cpu_busy(run, &k->fair, locks_daemon(run, node)) + run->meter.nap_ns;
	look_after(run);
	if (answer == KSWAPD_MORE)
		return schedule(run, node, KSWAPD_RUNNING, delay, err);
	reclaim_wake_kcompactds(run);
	reclaimed(run, EPISODE_KSWAPD, node, k->begun_ns, k->stolen);
	if (!kswapd_may_sleep(run->mm.pages, node, false))
		return schedule(run, node, KSWAPD_STARTING, delay, err);
	return schedule(run, node, KSWAPD_NAPPING, KSWAPD_NAP_NS, err);
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

ns_t daemons_kcompactd_put_off(const struct run *run, uint32_t node)
{
	const struct kswapd *k = run->reclaim.active ? &run->reclaim.kswapds[node] : NULL;
	ns_t since_ns = k && k->compact_ended_ns ? k->compact_ended_ns : run->begun_ns;

	if (k && k->compacting)
		return run->engine.now + FRAG_CHECK_PERIOD_NS;
	return (since_ns + FRAG_CHECK_TIMEOUT_NS + JIFFIES_8_NS - 1) / JIFFIES_8_NS * JIFFIES_8_NS;
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

		if (!kswapd_wanted(run->mm.pages, node) || k->state == KSWAPD_RUNNING || k->state == KSWAPD_STARTING)
			continue;
		if (k->state == KSWAPD_NAPPING)
			kswapd_may_sleep(run->mm.pages, node, true);
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

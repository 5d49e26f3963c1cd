#include "sim/timers.h"

#include "mm/reclaim.h"
#include "sim/arrive.h"
#include "sim/replay_priv.h"
#include "sim/run.h"
#include "sim/works.h"

#define DEFAULT_SAMPLES 100
#define SECOND_NS       1000000000u
#define FIRED_TO_STOP   1024u /* after so many samples and works of daemons it is asked whether to stop */

/** A work that the kernel does again and again. */
struct timer {
	ns_t period_ns;
	ns_t skew_ns;   /* from CPU to CPU, so that they do not all work at once */
	bool per_node;  /* one for each node, on CPU 0; else one for each CPU, which is busy with it */
	/** work() - do it for CPU, or node, @number, charging run->meter. */
	void (*work)(struct run *run, uint32_t number);
	/** put_off() - the instant until which something else has put it off. NULL: nothing does. */
	ns_t (*put_off)(const struct run *run, uint32_t number);
	/** wanted() - whether the machine has that work at all. NULL: always. */
	bool (*wanted)(const struct run *run);
};

/* vmstat_update(), vm.stat_interval. */
static void vmstat_work(struct run *run, uint32_t cpu)
{
	page_alloc_vmstat_work(run->mm.pages, cpu, &run->meter);
}

/* cache_reap(): REAPTIMEOUT_AC, 3 jiffies apart. */
static void slab_reap_work(struct run *run, uint32_t cpu)
{
	slab_reap(run->mm.slab, cpu, &run->meter);
}

static bool slab_is_reaped(const struct run *run)
{
	return slab_reaps(run->mm.slab);
}

/* kcompactd's look at a node's fragmentation. The daemon itself runs when it is wanted. */
static void proactive_work(struct run *run, uint32_t node)
{
	(void)proactive_wanted(run->mm.pages, node);
	reclaim_wake_kcompactds(run);
}

static bool is_compacted_proactively(const struct run *run)
{
	return run->machine->page_allocator.compaction && run->machine->page_allocator.compaction_proactiveness;
}

/* One line each: the first firing is a period after the beginning of time, unless it is put off. */
static const struct timer timers[] = {
	{ .work = vmstat_work, .period_ns = SECOND_NS },
	{ .work = slab_reap_work, .period_ns = 2 * SECOND_NS, .skew_ns = 12000000u, .wanted = slab_is_reaped },
	{ .work = proactive_work, .period_ns = FRAG_CHECK_PERIOD_NS, .per_node = true,
		.put_off = daemons_kcompactd_put_off,
		.wanted = is_compacted_proactively },
};

#define NR_TIMERS (sizeof(timers) / sizeof(timers[0]))

static int set(struct run *run, uint32_t timer, uint32_t number, ns_t time_ns, struct err *err)
{
	return engine_timer(&run->engine, time_ns, CLASS_WAKE, RUN_TIMER_PERIODIC + timer, number, err);
}

static ns_t first_time(const struct run *run, const struct timer *timer, uint32_t number)
{
	return timer->put_off ? timer->put_off(run, number) :
		run->engine.now + timer->period_ns + number * timer->skew_ns;
}

int timers_start(struct run *run, struct err *err)
{
	ns_t span = run->meta->last_ns - run->meta->first_ns;
	int ret;

	run->sample_ns = run->options->sample_ns ? run->options->sample_ns : max_u64(span / DEFAULT_SAMPLES, 1000);
	ret = engine_timer(&run->engine, run->engine.now + run->sample_ns, CLASS_SAMPLE, RUN_TIMER_SAMPLE, 0, err);
	run->nr_periodic = 1;
	for (uint32_t i = 0; i < NR_TIMERS; i++) {
		const struct timer *timer = &timers[i];
		uint32_t nr = timer->per_node ? run->machine->nr_nodes : run->machine->cpus;

		if (timer->wanted && !timer->wanted(run))
			continue;
		for (uint32_t n = 0; ret == 0 && n < nr; n++, run->nr_periodic++)
			ret = set(run, i, n, first_time(run, timer, n), err);
	}
	return ret;
}

static int fire_periodic(struct run *run, uint32_t i, uint32_t number, struct err *err)
{
	const struct timer *timer = &timers[i];
	ns_t until_ns = timer->put_off ? timer->put_off(run, number) : 0;
	uint32_t cpu = timer->per_node ? 0 : number;

	if (until_ns > run->engine.now)
		return set(run, i, number, until_ns, err);
	meter_start(&run->meter, run->machine->latency.step_ns);
	run->cpu = cpu;
	timer->work(run, number);
	works_charge(run, cpu);
	run_schedule_rcu(run);
	return set(run, i, number, run->engine.now + timer->period_ns, err);
}

/*
 * Between two events that are far apart nothing else happens,
 * for hours where samples are close: it is asked here, too.
 */
static int check_stop_at_times(struct run *run, struct err *err)
{
	return ++run->nr_fired % FIRED_TO_STOP == 0 ? replay_check_stop(run, err) : 0;
}

/*
 * Last sleepers can take a thousand times as long as the trace, and little happens
 * meanwhile; and without recorded times a machine that is short of memory can take as long.
 */
static bool goes_on_for_long(const struct run *run)
{
	return run->draining || run->engine.now - run->begun_ns >= 2 * DEFAULT_SAMPLES * run->sample_ns;
}

static int take_sample(struct run *run, struct err *err)
{
	int ret = sampler_sample(run, "time", NULL, err);

	if (!run->options->sample_ns && goes_on_for_long(run))
		run->sample_ns *= 2;
	return ret < 0 ?
		ret :
		engine_timer(&run->engine, run->engine.now + run->sample_ns, CLASS_SAMPLE, RUN_TIMER_SAMPLE, 0, err);
}

int timers_fire(void *arg, uint32_t kind, uint32_t value, struct err *err)
{
	struct run *run = arg;
	uint32_t generation = kind >> RUN_TIMER_BITS;
	int ret;

	kind &= (1u << RUN_TIMER_BITS) - 1;
	switch (kind) {
	case RUN_TIMER_SAMPLE:
		ret = check_stop_at_times(run, err);
		return ret < 0 ? ret : take_sample(run, err);
	case RUN_TIMER_RESUME:
	case RUN_TIMER_TIMEOUT:
		return sleepers_timer(run, kind, generation, value, err);
	case RUN_TIMER_TASK:
		return task_timer(run, value, err);
	case RUN_TIMER_WORK:
		return works_fire(run, value, err);
	case RUN_TIMER_KSWAPD:
	case RUN_TIMER_KCOMPACTD:
	case RUN_TIMER_REFAULT:
	case RUN_TIMER_READER:
		return reclaim_fire(run, kind, generation, value, err);
	default:
		ret = check_stop_at_times(run, err);
		return ret < 0 ? ret : fire_periodic(run, kind - RUN_TIMER_PERIODIC, value, err);
	}
}

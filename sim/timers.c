#include "sim/timers.h"

#include "mm/reclaim.h"
#include "sim/arrive.h"
#include "sim/run.h"
#include "sim/works.h"

#define DEFAULT_SAMPLES 100
#define SECOND_NS       1000000000u

/** A work that the kernel does again and again. */
struct timer {
	const char *name;
	ns_t period_ns;
	ns_t skew_ns;   /* from CPU to CPU, so that they do not all work at once */
	bool per_cpu;   /* one for each CPU, which is busy with it; else one, on CPU 0 */
	/** work() - do it, charging run->meter. May be NULL for what a machine does not have. */
	void (*work)(struct run *run, uint32_t cpu);
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
static void proactive_work(struct run *run, uint32_t cpu)
{
	(void)cpu;
	for (uint32_t node = 0; node < run->machine->nr_nodes; node++)
		(void)proactive_wanted(run->mm.pages, node);
	reclaim_wake_kcompactds(run);
}

static bool is_compacted_proactively(const struct run *run)
{
	return run->machine->page_allocator.compaction && run->machine->page_allocator.compaction_proactiveness;
}

/* One line each: the first firing is a period after the beginning of time. */
static const struct timer timers[] = {
	{ "vmstat", SECOND_NS, 0, true, vmstat_work, NULL },
	{ "slab_reap", 2 * SECOND_NS, 12000000u, true, slab_reap_work, slab_is_reaped },
	{ "kcompactd", PROACTIVE_CHECK_NS, 0, false, proactive_work, is_compacted_proactively },
};

#define NR_TIMERS (sizeof(timers) / sizeof(timers[0]))

static int set(struct run *run, uint32_t number, uint32_t cpu, ns_t skew, struct err *err)
{
	return engine_timer(&run->engine, run->engine.now + timers[number].period_ns + skew, CLASS_WAKE,
		RUN_TIMER_PERIODIC + number, cpu, err);
}

int timers_start(struct run *run, struct err *err)
{
	ns_t span = run->meta->last_ns - run->meta->first_ns;
	int ret;

	run->sample_ns = run->options->sample_ns ? run->options->sample_ns : max_u64(span / DEFAULT_SAMPLES, 1000);
	ret = engine_timer(&run->engine, run->engine.now + run->sample_ns, CLASS_SAMPLE, RUN_TIMER_SAMPLE, 0, err);
	run->nr_periodic = 1;
	for (uint32_t number = 0; number < NR_TIMERS; number++) {
		uint32_t nr = timers[number].per_cpu ? run->machine->cpus : 1;

		if (timers[number].wanted && !timers[number].wanted(run))
			continue;
		for (uint32_t cpu = 0; ret == 0 && cpu < nr; cpu++, run->nr_periodic++)
			ret = set(run, number, cpu, (ns_t)cpu * timers[number].skew_ns, err);
	}
	return ret;
}

static int fire_periodic(struct run *run, uint32_t number, uint32_t cpu, struct err *err)
{
	meter_start(&run->meter, run->machine->latency.step_ns);
	timers[number].work(run, cpu);
	works_charge(run, cpu);
	run_schedule_rcu(run);
	return set(run, number, cpu, 0, err);
}

/*
 * Last sleepers can take a thousand times as long as the trace, and little happens meanwhile; and without recorded times a machine
 * that is short of memory can take as long.
 */
static bool goes_on_for_long(const struct run *run)
{
	return run->draining || run->engine.now - run->begun_ns >= 2 * DEFAULT_SAMPLES * run->sample_ns;
}

int timers_fire(void *arg, uint32_t kind, uint32_t value, struct err *err)
{
	struct run *run = arg;
	uint32_t generation = kind >> RUN_TIMER_BITS;
	int ret;

	kind &= (1u << RUN_TIMER_BITS) - 1;
	switch (kind) {
	case RUN_TIMER_SAMPLE:
		ret = sampler_sample(run, "time", NULL, err);
		if (!run->options->sample_ns && goes_on_for_long(run))
			run->sample_ns *= 2;
		return ret < 0 ? ret : engine_timer(&run->engine, run->engine.now + run->sample_ns, CLASS_SAMPLE, kind, 0, err);
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
		return reclaim_fire(run, kind, generation, value, err);
	default:
		return fire_periodic(run, kind - RUN_TIMER_PERIODIC, value, err);
	}
}

#include "sim/works.h"

#include "mm/percpu.h"
#include "mm/vmalloc.h"
#include "sim/run.h"
#include "sim/timers.h"

#define CPU_SHIFT 8u

/* Three ticks with HZ = 250, as long as no CPU is long in the kernel. */
#define GRACE_PERIOD_NS 12000000u

static void vfree_work(struct run *run)
{
	vmalloc_run_deferred(mm_state(&run->mm, SLOT_VMALLOC), &run->meter);
}

static void drain_work(struct run *run)
{
	vmap_drain(mm_state(&run->mm, SLOT_VMALLOC), &run->meter);
}

static void balance_work(struct run *run)
{
	if (percpu_balance_due(mm_state(&run->mm, SLOT_PERCPU)))
		percpu_balance(mm_state(&run->mm, SLOT_PERCPU), run->cpu, &run->meter);
}

/* Who came after the grace period began waits for the next one. */
static void rcu_work(struct run *run)
{
	page_alloc_rcu_done(run->mm.pages, run->rcu_blocks, run->cpu, &run->meter);
}

static const struct {
	const char *counter;
	void (*work)(struct run *run);
} works[NR_WORKS] = {
	[WORK_VFREE] = { "vfree_works", vfree_work },
	[WORK_VMAP_DRAIN] = { "vmap_drain_works", drain_work },
	[WORK_PERCPU_BALANCE] = { "percpu_balance_works", balance_work },
	[WORK_RCU] = { "rcu_works", rcu_work },
};

void run_schedule_work(struct run *run, enum run_work work)
{
	ns_t delay = work == WORK_RCU ? GRACE_PERIOD_NS : run->machine->latency.step_ns[STEP_WAKE_UP];

	if (run->booting) {
		works[work].work(run);
		return;
	}
	if (run->works_queued & 1u << work)
		return;
	run->works_queued |= 1u << work;
	engine_timer(&run->engine, run->engine.now + run->meter.ns + delay, CLASS_WAKE, RUN_TIMER_WORK,
		(uint32_t)work | run->cpu << CPU_SHIFT, &run->deferred);
}

void run_schedule_rcu(struct run *run)
{
	uint32_t waiting = page_alloc_rcu_waiting(run->mm.pages);

	if (!waiting || run->works_queued & 1u << WORK_RCU)
		return;
	run->rcu_blocks = waiting;
	run_schedule_work(run, WORK_RCU);
}

void run_schedule_due(struct run *run)
{
	const struct percpu *pc = mm_state(&run->mm, SLOT_PERCPU);
	const struct vmalloc *vm = mm_state(&run->mm, SLOT_VMALLOC);

	if (pc && percpu_balance_due(pc))
		run_schedule_work(run, WORK_PERCPU_BALANCE);
	if (vm && vmap_drain_due(vm))
		run_schedule_work(run, WORK_VMAP_DRAIN);
}

bool works_left(const struct run *run)
{
	return run->works_queued & ~(1u << WORK_RCU);
}

void works_charge(struct run *run, uint32_t cpu)
{
	if (run->meter.ns && engine_work(&run->engine, cpu, run->meter.ns) && run->meter.nr_segments)
		locks_started(run, cpu, 0, run->meter.ns);
	else if (run->meter.nr_segments)
		locks_count(run);
}

int works_fire(struct run *run, uint32_t value, struct err *err)
{
	enum run_work work = (enum run_work)(value & ((1u << CPU_SHIFT) - 1));

	(void)err;
	run->cpu = value >> CPU_SHIFT;
	run->works_queued &= ~(1u << work);
	run->works_done[work]++;
	meter_start(&run->meter, run->machine->latency.step_ns);
	works[work].work(run);
	works_charge(run, run->cpu);
	if (run->meter.pressure)
		reclaim_after(run);
	/* What it freed may have made another one due. */
	run_schedule_due(run);
	run_schedule_rcu(run);
	return 0;
}

int works_record(struct run *run, struct err *err)
{
	int ret = 0;

	for (int work = 0; ret == 0 && work < NR_WORKS; work++) {
		struct record_counter row = { "works", works[work].counter, "runs", (int64_t)run->works_done[work] };

		ret = run->recorder->ops->counter(run->recorder, &row, err);
	}
	return ret;
}

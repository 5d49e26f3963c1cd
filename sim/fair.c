/*
 * fair: the CPU time of daemons among the tasks that want the same CPU. Models what decides about two equal tasks in
 * kernel/sched/fair.c (6.1): place_entity(), wakeup_preempt_entity() and check_preempt_tick().
 *
 * A task is ahead of others by what it has run more than they. It runs again when it is not ahead any more, so the
 * others run as much as it, each. Who has slept is behind, but not more than half of the latency that the scheduler
 * aims at: it then preempts who runs, and keeps the CPU until the tick that finds its slice over.
 *
 * Where CPUs share no cache a daemon stays on its own, and
 * takes its time to begin when that is halted (STEP_WAKE_IDLE).
 *
 * Simplified: where they share one, it is on the idlest CPU at each step, as it costs little to go there; times are
 * those of a kernel with HZ 250 and one CPU (with more, the slices are longer); of the tasks of a CPU those count
 * that have found less memory than the low watermark of late, because the trace does not tell who else runs between
 * two requests; the ones that the daemon lets run are alike.
 */
#include "base/bits.h"
#include "base/dist.h"
#include "sim/reclaim_priv.h"

#define SLEEPER_NS 3000000   /* place_entity(): half of sysctl_sched_latency */
#define GRAN_NS    1000000   /* sysctl_sched_wakeup_granularity */
#define RECENT_NS  20000000u /* so long after it found little memory a task still wants its CPU: an assumption */

void fair_note_rival(struct run *run, uint32_t who)
{
	struct reclaim *r = &run->reclaim;
	struct rival *oldest = &r->rivals[0];

	for (uint32_t i = 0; i < NR_RIVALS; i++) {
		struct rival *rival = &r->rivals[i];

		if (rival->pid == run->tables->whos[who].pid && rival->seen_ns) {
			oldest = rival;
			break;
		}
		if (rival->seen_ns < oldest->seen_ns)
			oldest = rival;
	}
	*oldest = (struct rival){ run->tables->whos[who].pid, run->cpu, run->engine.now + 1 };
}

static uint32_t seen_within(const struct run *run, uint32_t cpu, ns_t ns)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < NR_RIVALS; i++) {
		const struct rival *rival = &run->reclaim.rivals[i];

		nr += rival->seen_ns && rival->cpu == cpu && rival->seen_ns + ns > run->engine.now;
	}
	return nr;
}

/*
 * Tasks that want @cpu now, and more memory than there is: also those that the others' turns have
 * kept from showing it since. What waits for the CPU is of one at least: no daemon keeps it for good.
 */
static uint32_t rivals_on(const struct run *run, uint32_t cpu)
{
	uint32_t before, nr = 0;

	do {
		before = nr;
		nr = seen_within(run, cpu, RECENT_NS + (ns_t)nr * FAIR_TICK_NS);
	} while (nr > before);
	return max_u32(nr, run->engine.cpus[cpu].waiting[CTX_PROCESS].nr > 0);
}

/* It has not run until now, but the others have. */
static void stand_by(struct fair *fair, ns_t now, uint32_t rivals)
{
	if (now <= fair->until_ns)
		return;
	fair->ahead_ns -= (int64_t)((now - fair->until_ns) / max_u32(rivals, 1));
	if (fair->ahead_ns < -SLEEPER_NS)
		fair->ahead_ns = -SLEEPER_NS;
	fair->until_ns = now;
}

/* The others run until they are as far as @fair, each for whole ticks: nobody sees earlier that its turn is over. */
static ns_t turns_of_others(const struct fair *fair, uint32_t rivals)
{
	return ((ns_t)fair->ahead_ns + FAIR_TICK_NS - 1) / FAIR_TICK_NS * FAIR_TICK_NS * rivals;
}

/* Nobody wants @cpu, and it is not the one of who looks. */
static bool is_idle(const struct run *run, uint32_t cpu)
{
	return cpu != run->cpu && engine_quiet_ns(&run->engine, cpu) && !rivals_on(run, cpu);
}

/* The CPU of the node that has been idle for longest, the last of several. */
static uint32_t idlest_cpu(const struct run *run, uint32_t node)
{
	uint32_t best = 0;
	bool found = false;

	for (uint32_t cpu = run->machine->cpus; cpu-- > 0;) {
		if (run->machine->node_of_cpu[cpu] != node)
			continue;
		if (!found || engine_quiet_ns(&run->engine, cpu) > engine_quiet_ns(&run->engine, best))
			best = cpu;
		found = true;
	}
	return best;
}

uint32_t fair_cpu(const struct run *run, struct fair *fair, uint32_t node)
{
	if (run->machine->cpus_share_cache || !fair->cpu_plus1)
		fair->cpu_plus1 = idlest_cpu(run, node) + 1;
	return fair->cpu_plus1 - 1;
}

/*
 * Until a halted CPU runs what it was woken for: some are there
 * at once, others take long, as the host has other things to run.
 */
static ns_t wake_idle(struct run *run)
{
	struct dist dist = {
		.kind = DIST_EXPONENTIAL,
		.a = run->machine->latency.step_ns[STEP_WAKE_IDLE],
		.max = UINT64_MAX,
	};

	return dist.a ? dist_quantile(&dist, rng_next(&run->reclaim.wakes)) : 0;
}

ns_t fair_wake(struct run *run, struct fair *fair, uint32_t node)
{
	uint32_t cpu = fair_cpu(run, fair, node), rivals = rivals_on(run, cpu);
	ns_t now = run->engine.now;

	stand_by(fair, now, rivals);
	fair->turn_ns = 0;
	if (is_idle(run, cpu))
		return wake_idle(run);
	if (!rivals || fair->ahead_ns < -GRAN_NS)
		return 0;
	return fair->ahead_ns > 0 ? turns_of_others(fair, rivals) : FAIR_TICK_NS - now % FAIR_TICK_NS;
}

/*
 * A tick has found two who want the CPU: an idle one is woken to take what does not run.
 * Models nohz_balancer_kick() and load_balance(). Return: whether one came, *after is when.
 */
static bool pulled(struct run *run, struct fair *fair, ns_t *after)
{
	uint32_t cpu = idlest_cpu(run, run->machine->node_of_cpu[run->cpu]);

	if (run->machine->cpus_share_cache || !is_idle(run, cpu))
		return false;
	fair->cpu_plus1 = cpu + 1;
	fair->ahead_ns = 0;
	*after = wake_idle(run);
	return true;
}

ns_t fair_run(struct run *run, struct fair *fair, ns_t ns)
{
	uint32_t rivals = rivals_on(run, run->cpu);
	ns_t after;

	stand_by(fair, run->engine.now, rivals);
	fair->until_ns = run->engine.now + ns;
	if (!rivals) {
		fair->ahead_ns = fair->ahead_ns < 0 ? fair->ahead_ns : 0;
		return ns;
	}
	fair->ahead_ns += (int64_t)ns;
	fair->turn_ns += ns;
	if (fair->turn_ns < FAIR_TICK_NS || fair->ahead_ns <= 0)
		return ns;
	fair->turn_ns = 0;
	return ns + (pulled(run, fair, &after) ? after : turns_of_others(fair, rivals));
}

/* Where a daemon runs, and its turns on a CPU that tasks want, too: HZ 250, so a turn is over at a tick of 4 ms. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "sim/reclaim_priv.h"

#define MS 1000000u

#define MAX_CPUS 4

static struct sim_cpu cpus[MAX_CPUS];
static struct machine machine;

/* One CPU, the waker's; more are idle. */
static struct run *run_at(ns_t now, uint32_t rivals)
{
	static struct trace_who whos[NR_RIVALS];
	static struct trace_tables tables;
	struct run *run = calloc(1, sizeof(*run));

	cr_assert_not_null(run);
	for (int i = 0; i < MAX_CPUS; i++)
		cpus[i] = (struct sim_cpu){ .event_ns = NS_NEVER };
	machine = (struct machine){ .cpus = 1, .cpus_share_cache = true };
	run->machine = &machine;
	rng_init(&run->reclaim.wakes, 1, "wake");
	tables.whos = whos;
	run->tables = &tables;
	run->engine.cpus = cpus;
	run->engine.nr_cpus = 1;
	run->engine.now = now;
	for (uint32_t i = 0; i < rivals; i++) {
		whos[i].pid = (int32_t)i + 10;
		fair_note_rival(run, i);
	}
	return run;
}

Test(fair, a_daemon_that_nobody_disturbs_goes_on)
{
	struct run *run = run_at(1000 * MS, 0);
	struct fair fair = { 0 };

	cr_expect_eq(fair_wake(run, &fair, 0), 0);
	for (int i = 0; i < 10; i++, run->engine.now += 3 * MS)
		cr_expect_eq(fair_run(run, &fair, 3 * MS), 3 * MS);
	free(run);
}

/*
 * place_entity(): 3 ms in advance; it has run 4 ms at the tick,
 * and each of the others has a tick before it is its turn again.
 */
Test(fair, who_has_slept_runs_at_once_and_lets_each_of_the_others_have_a_tick_then)
{
	for (uint32_t rivals = 1; rivals <= 3; rivals++) {
		struct run *run = run_at(1000 * MS, rivals);
		struct fair fair = { 0 };

		cr_expect_eq(fair_wake(run, &fair, 0), 0, "it has slept for a second");
		cr_expect_eq(fair_run(run, &fair, 2 * MS), 2 * MS);
		run->engine.now += 2 * MS;
		cr_expect_eq(fair_run(run, &fair, 2 * MS), 2 * MS + rivals * 4 * MS, "%u others", rivals);
		free(run);
	}
}

Test(fair, who_has_just_run_does_not_preempt)
{
	struct run *run = run_at(1000 * MS, 2);
	struct fair fair = { 0 };

	cr_expect_eq(fair_wake(run, &fair, 0), 0);
	cr_expect_eq(fair_run(run, &fair, 3500000), 3500000);
	run->engine.now += 3500000 + 100000;
	cr_expect_eq(fair_wake(run, &fair, 0), 2 * 4 * MS, "it is half a millisecond ahead of two others");
	free(run);
}

/* Of ten tasks, each with turns of 4 ms, most have not been seen for more than 20 ms. */
Test(fair, who_waits_for_its_turn_counts_and_so_does_what_waits_for_the_cpu)
{
	struct run *run = run_at(1000 * MS, 0);
	struct fair fair = { 0 };
	static struct trace_who whos[10];
	struct trace_tables tables = { .whos = whos };

	run->tables = &tables;
	for (uint32_t i = 0; i < 10; i++, run->engine.now += 4 * MS) {
		whos[i].pid = (int32_t)i + 10;
		fair_note_rival(run, i);
	}
	cr_expect_eq(fair_run(run, &fair, 5 * MS), 5 * MS + 10 * 4 * MS);
	free(run);
	run = run_at(1000 * MS, 0);
	cpus[0].waiting[CTX_PROCESS].nr = 1;
	fair = (struct fair){ 0 };
	cr_expect_eq(fair_run(run, &fair, 8 * MS), 8 * MS + 2 * 4 * MS, "8 ms less 3 of credit are two ticks");
	free(run);
}

/*
 * select_task_rq_fair(): without a cache to share it is woken where
 * it was, idle or its waker's; the recordings of J's kind show that.
 */
Test(fair, a_daemon_stays_on_its_cpu_unless_there_is_an_idle_one_that_shares_its_cache)
{
	for (uint32_t before = 0; before < 3; before++) {
		for (int share = 0; share < 2; share++) {
			struct run *run = run_at(1000 * MS, 1);
			struct fair fair = { .cpu_plus1 = before + 1 };

			machine.cpus = 3;
			machine.cpus_share_cache = share;
			cpus[0].doing[0].end_ns = 1000 * MS;
			cpus[2].doing[0].end_ns = 999 * MS;
			cr_expect_eq(fair_wake(run, &fair, 0), 0, "it has slept for a second");
			cr_expect_eq(fair_cpu(run, &fair, 0), share ? 1 : before, "before on %u, share %d", before,
				share);
			free(run);
		}
	}
}

Test(fair, a_daemon_runs_on_cpus_of_its_node)
{
	struct run *run = run_at(1000 * MS, 1);
	struct fair fair = { 0 };

	machine.cpus = 3;
	machine.node_of_cpu[1] = 1;
	machine.node_of_cpu[2] = 1;
	cpus[1].doing[0].end_ns = 998 * MS;
	cpus[2].doing[0].end_ns = 999 * MS;
	fair_wake(run, &fair, 1);
	cr_expect_eq(fair_cpu(run, &fair, 1), 1, "the one that has been idle for longer");
	free(run);
}

Test(fair, a_halted_cpu_takes_its_time_to_wake_up_and_the_wakers_own_none)
{
	struct run *run = run_at(1000 * MS, 0);
	struct fair there = { .cpu_plus1 = 2 }, here = { .cpu_plus1 = 1 };
	ns_t sum_ns = 0, least_ns = NS_NEVER, most_ns = 0;

	machine.cpus = 2;
	machine.cpus_share_cache = false;
	machine.latency.step_ns[STEP_WAKE_IDLE] = 1 * MS;
	for (int i = 0; i < 1000; i++) {
		ns_t ns = fair_wake(run, &there, 0);

		sum_ns += ns;
		least_ns = ns < least_ns ? ns : least_ns;
		most_ns = ns > most_ns ? ns : most_ns;
		cr_assert_eq(fair_wake(run, &here, 0), 0);
	}
	cr_expect(sum_ns > 900 * MS && sum_ns < 1100ull * MS, "mean %llu ns of 1 ms",
		(unsigned long long)sum_ns / 1000);
	cr_expect(least_ns < MS / 50 && most_ns > 4 * MS, "%llu to %llu ns", (unsigned long long)least_ns,
		(unsigned long long)most_ns);
	free(run);
}

/* nohz_balancer_kick(): the tick that ends its turn finds two who want the CPU. */
Test(fair, an_idle_cpu_takes_a_daemon_that_would_have_to_wait_for_its_turn)
{
	struct run *run = run_at(1000 * MS, 1);
	struct fair fair = { .cpu_plus1 = 1 };

	machine.cpus = 2;
	machine.cpus_share_cache = false;
	cr_expect_eq(fair_wake(run, &fair, 0), 0);
	cr_expect_eq(fair_run(run, &fair, 5 * MS), 5 * MS, "it goes on at once");
	cr_expect_eq(fair_cpu(run, &fair, 0), 1);
	run->engine.now += 5 * MS;
	run->cpu = 1;
	cr_expect_eq(fair_run(run, &fair, 20 * MS), 20 * MS, "nobody else wants that one");
	cr_expect_eq(fair_cpu(run, &fair, 0), 1);
	free(run);
}

/* check_preempt_tick() runs at the tick: who wakes up between two, neither ahead nor far behind, has its turn then. */
Test(fair, who_may_not_preempt_begins_at_the_next_tick)
{
	struct run *run = run_at(1000 * MS, 1);
	struct fair fair = { .until_ns = 1000 * MS };

	cr_expect_eq(fair_wake(run, &fair, 0), 4 * MS, "this one is just over");
	run->engine.now += MS;
	fair.until_ns = run->engine.now;
	cr_expect_eq(fair_wake(run, &fair, 0), 3 * MS);
	free(run);
}

Test(fair, a_task_that_is_seen_twice_is_one_and_nobodys_credit_is_taken_by_running_alone)
{
	struct run *run = run_at(1000 * MS, 1);
	struct fair fair = { 0 };

	fair_note_rival(run, 0);
	fair_note_rival(run, 0);
	cr_expect_eq(fair_run(run, &fair, 5 * MS), 5 * MS + 4 * MS, "one other, 2 ms ahead of it");
	free(run);
	run = run_at(1000 * MS, 0);
	fair = (struct fair){ 0 };
	cr_expect_eq(fair_run(run, &fair, 2 * MS), 2 * MS);
	run->engine.now += 2 * MS;
	fair_note_rival(run, 0);
	cr_expect_eq(fair_run(run, &fair, 6 * MS), 6 * MS + 4 * MS, "3 ms behind, then 3 ms ahead");
	free(run);
}

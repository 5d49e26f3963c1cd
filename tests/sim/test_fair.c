/* The turns of a daemon on a CPU that tasks want, too: HZ 250, so a turn is over at a tick of 4 ms. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "sim/reclaim_priv.h"

#define MS 1000000u

static struct sim_cpu cpus[1];

static struct run *run_at(ns_t now, uint32_t rivals)
{
	static struct trace_who whos[NR_RIVALS];
	static struct trace_tables tables;
	struct run *run = calloc(1, sizeof(*run));

	cr_assert_not_null(run);
	cpus[0] = (struct sim_cpu){ .event_ns = NS_NEVER };
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
		cr_expect_eq(fair_run(run, &fair, 0, 3 * MS), 3 * MS);
	free(run);
}

/* place_entity(): 3 ms in advance; it has run 4 ms at the tick, and each of the others has a tick before it is its turn again. */
Test(fair, who_has_slept_runs_at_once_and_lets_each_of_the_others_have_a_tick_then)
{
	for (uint32_t rivals = 1; rivals <= 3; rivals++) {
		struct run *run = run_at(1000 * MS, rivals);
		struct fair fair = { 0 };

		cr_expect_eq(fair_wake(run, &fair, 0), 0, "it has slept for a second");
		cr_expect_eq(fair_run(run, &fair, 0, 2 * MS), 2 * MS);
		run->engine.now += 2 * MS;
		cr_expect_eq(fair_run(run, &fair, 0, 2 * MS), 2 * MS + rivals * 4 * MS, "%u others", rivals);
		free(run);
	}
}

Test(fair, who_has_just_run_does_not_preempt)
{
	struct run *run = run_at(1000 * MS, 2);
	struct fair fair = { 0 };

	cr_expect_eq(fair_wake(run, &fair, 0), 0);
	cr_expect_eq(fair_run(run, &fair, 0, 3500000), 3500000);
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
	cr_expect_eq(fair_run(run, &fair, 0, 5 * MS), 5 * MS + 10 * 4 * MS);
	free(run);
	run = run_at(1000 * MS, 0);
	cpus[0].waiting[CTX_PROCESS].nr = 1;
	fair = (struct fair){ 0 };
	cr_expect_eq(fair_run(run, &fair, 0, 8 * MS), 8 * MS + 2 * 4 * MS, "8 ms less 3 of credit are two ticks");
	free(run);
}

/* On which CPU of the machine tasks of the trace sit: the rules in sim/cpu_map.h. */
#include <criterion/criterion.h>

#include "sim/cpu_map.h"

#define NR 6

/* Tasks 10, 11 and 12 of CPU 0, then 20 and 21 of CPU 1, then 12 again, on CPU 1. */
static const struct trace_who whos[NR] = {
	{ .cpu = 0, .pid = 10 }, { .cpu = 0, .pid = 11 }, { .cpu = 0, .pid = 12 }, { .cpu = 1, .pid = 20 },
		{ .cpu = 1, .pid = 21 },
	{ .cpu = 1, .pid = 12 },
};

static void expect_seats(enum replay_cpu_map map, uint32_t seen, uint32_t traced, uint32_t nr_cpus,
	const uint16_t *cpus)
{
	const struct trace_tables tables = { .whos = whos, .nr_whos = seen };
	struct seat seats[NR];
	struct err err = { 0 };
	uint32_t beyond;

	cr_assert_eq(cpu_map_seats(&tables, map, traced, nr_cpus, seats, &beyond, &err), 0, "%s", err.text);
	for (uint32_t i = 0; i < seen; i++)
		cr_expect_eq(seats[i].cpu, cpus[i], "%u CPUs on %u: who %u is on %u, not on %u", traced, nr_cpus, i,
			seats[i].cpu, cpus[i]);
}

Test(cpu_map, fold_takes_the_cpu_modulo_their_number)
{
	expect_seats(CPU_MAP_FOLD, NR, 2, 4, (const uint16_t[]){ 0, 0, 0, 1, 1, 1 });
	expect_seats(CPU_MAP_FOLD, NR, 2, 1, (const uint16_t[]){ 0, 0, 0, 0, 0, 0 });
}

/* CPU 0 becomes 0 and 1, CPU 1 becomes 2 and 3; tasks take turns in the order in which they are named. */
Test(cpu_map, spread_uses_all_cpus_in_turns)
{
	expect_seats(CPU_MAP_SPREAD, NR, 2, 4, (const uint16_t[]){ 0, 1, 0, 3, 2, 2 });
	expect_seats(CPU_MAP_SPREAD, NR, 2, 3, (const uint16_t[]){ 0, 0, 0, 2, 1, 1 });
	expect_seats(CPU_MAP_SPREAD, NR, 2, 1, (const uint16_t[]){ 0, 0, 0, 0, 0, 0 });
}

/* Also when a CPU of the recorded machine did nothing, and when its file counts CPUs that it does not have. */
Test(cpu_map, on_as_many_cpus_as_were_recorded_everybody_stays)
{
	expect_seats(CPU_MAP_SPREAD, NR, 2, 2, (const uint16_t[]){ 0, 0, 0, 1, 1, 1 });
	expect_seats(CPU_MAP_SPREAD, 3, 2, 2, (const uint16_t[]){ 0, 0, 0 });
	expect_seats(CPU_MAP_SPREAD, NR, 8, 2, (const uint16_t[]){ 0, 0, 0, 1, 1, 1 });
}

/* Each CPU has an idle task of its own, all with pid 0. */
Test(cpu_map, idle_tasks_of_several_cpus_are_several_tasks)
{
	static const struct trace_who idle[] = { { .cpu = 0 }, { .cpu = 1 }, { .cpu = 0 } };
	const struct trace_tables tables = { .whos = idle, .nr_whos = 3 };
	uint32_t task[3], nr;
	struct err err = { 0 };

	cr_assert_eq(cpu_map_tasks(&tables, task, &nr, &err), 0);
	cr_expect_eq(nr, 2);
	cr_expect(task[0] == 0 && task[1] == 1 && task[2] == 0);
}

Test(cpu_map, cpus_that_the_machine_has_not_are_counted)
{
	const struct trace_tables tables = { .whos = whos, .nr_whos = NR };
	struct seat seats[NR];
	struct err err = { 0 };
	uint32_t beyond;

	for (uint32_t nr_cpus = 1; nr_cpus <= 3; nr_cpus++) {
		cr_assert_eq(cpu_map_seats(&tables, CPU_MAP_FOLD, 2, nr_cpus, seats, &beyond, &err), 0);
		cr_expect_eq(beyond, nr_cpus == 1 ? 1 : 0, "%u CPUs: %u", nr_cpus, beyond);
	}
}

Test(cpu_map, auto_is_spread_in_a_saved_state)
{
	cr_expect_eq(replay_cpu_map_of(CPU_MAP_AUTO, true), CPU_MAP_SPREAD);
	cr_expect_eq(replay_cpu_map_of(CPU_MAP_AUTO, false), CPU_MAP_FOLD);
	cr_expect_eq(replay_cpu_map_of(CPU_MAP_FOLD, true), CPU_MAP_FOLD);
	cr_expect_eq(replay_cpu_map_of(CPU_MAP_SPREAD, false), CPU_MAP_SPREAD);
}

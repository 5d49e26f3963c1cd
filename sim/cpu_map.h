/*
 * cpu_map: on which CPU of the machine each of the trace's tasks runs. The rules:
 *  - fold: CPU c of the trace is CPU c mod n of a machine with n CPUs;
 *  - spread: with t CPUs in the trace, CPU c has the machine's CPUs from c * n / t up to (c + 1) * n / t, at least one;
 *    where it has more than one, its tasks take them in turns, in the order in which the trace first names the tasks.
 * A machine that begins in a saved state has run its tasks on all of its CPUs, and each keeps slabs that are partly
 * free: CPU_MAP_AUTO is spread there. Saved runs of one work with four CPUs and a recording with two: slab pages are
 * off by 1.4 % with fold, 0.4 % with spread.
 * Interrupts run where the task runs that they broke into.
 */
#ifndef KMEMSIM_SIM_CPU_MAP_H
#define KMEMSIM_SIM_CPU_MAP_H

#include "base/err.h"
#include "sim/replay.h"
#include "sim/request.h"
#include "traces/trace.h"

_Static_assert(MACHINE_MAX_CPUS <= UINT16_MAX, "struct seat holds every CPU");

/**
 * cpu_map_seats() - where everybody in @tables sits on a machine with @nr_cpus.
 * @traced: CPUs of the recorded machine, 0: not known. Those that are seen, when it is more than @nr_cpus.
 * @map: not CPU_MAP_AUTO.
 * @seats: one for each who. @beyond: number of the trace's CPUs that the machine does not have.
 */
int cpu_map_seats(const struct trace_tables *tables, enum replay_cpu_map map, uint32_t traced, uint32_t nr_cpus,
	struct seat *seats, uint32_t *beyond, struct err *err);

/**
 * cpu_map_tasks() - number the tasks, in the order of @tables: one per pid; the idle tasks (pid 0) one per CPU.
 * @task_of_who: one for each who. @nr: number of tasks.
 */
int cpu_map_tasks(const struct trace_tables *tables, uint32_t *task_of_who, uint32_t *nr, struct err *err);

#endif

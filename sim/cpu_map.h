/*
 * cpu_map: on which CPU of the machine each of the trace's tasks runs. The rules:
 *  - fold: CPU c of the trace is CPU c mod n of a machine with n CPUs;
 *  - spread: with t CPUs in the trace, CPU c has the machine's CPUs from c * n / t up to (c + 1) * n / t, at least one; where
 *    it has more than one, its tasks take them in turns, in the order in which the trace first names the tasks.
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
 * cpu_map_seats() - where everybody in @tables, of a machine with @traced CPUs (0: those that are seen) sits on one with @nr_cpus.
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

#include "sim/cpu_map.h"

#include <stdlib.h>

#include "base/bits.h"
#include "base/idmap.h"

int cpu_map_tasks(const struct trace_tables *tables, uint32_t *task_of_who, uint32_t *nr, struct err *err)
{
	struct idmap numbers = { 0 };
	bool ok = true;

	*nr = 0;
	for (uint32_t i = 0; ok && i < tables->nr_whos; i++) {
		const struct trace_who *who = &tables->whos[i];
		uint64_t key = who->pid ? (uint64_t)(uint32_t)who->pid << 1 : (uint64_t)who->cpu << 1 | 1;
		uint32_t task = idmap_get(&numbers, key);

		if (task == IDMAP_NONE) {
			task = (*nr)++;
			ok = idmap_put(&numbers, key, task) == 0;
		}
		task_of_who[i] = task;
	}
	idmap_fini(&numbers);
	return ok ? 0 : err_set(err, ERR_NOMEM, "no memory for %u tasks", tables->nr_whos);
}

static uint32_t nr_cpus_of(const struct trace_tables *tables, uint32_t traced)
{
	uint32_t nr = traced ? traced : 1;

	for (uint32_t i = 0; i < tables->nr_whos; i++)
		nr = tables->whos[i].cpu >= nr ? tables->whos[i].cpu + 1 : nr;
	return nr;
}

static uint16_t spread(uint64_t cpu, uint64_t nr_traced, uint64_t nr_cpus, uint32_t task)
{
	uint64_t first = cpu * nr_cpus / nr_traced;
	uint64_t width = max_u64((cpu + 1) * nr_cpus / nr_traced - first, 1);

	return (uint16_t)(first + task % width);
}

int cpu_map_seats(const struct trace_tables *tables, enum replay_cpu_map map, uint32_t traced, uint32_t nr_cpus,
	struct seat *seats, uint32_t *beyond, struct err *err)
{
	uint32_t nr_traced = nr_cpus_of(tables, traced), nr_tasks;
	uint32_t *task_of_who = malloc((tables->nr_whos + 1) * sizeof(*task_of_who));
	int ret = task_of_who ? cpu_map_tasks(tables, task_of_who, &nr_tasks, err) :
				err_set(err, ERR_NOMEM, "no memory for %u tasks", tables->nr_whos);

	for (uint32_t i = 0; ret == 0 && i < tables->nr_whos; i++) {
		const struct trace_who *who = &tables->whos[i];

		seats[i] = (struct seat){ .cpu = (uint16_t)(who->cpu % nr_cpus), .ctx = (uint8_t)who->ctx };
		if (map == CPU_MAP_SPREAD)
			seats[i].cpu = spread(who->cpu, nr_traced, nr_cpus, task_of_who[i]);
	}
	*beyond = nr_traced > nr_cpus ? nr_traced - nr_cpus : 0;
	free(task_of_who);
	return ret;
}

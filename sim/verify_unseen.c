#include "sim/verify_unseen.h"

#include <stdlib.h>

#include "base/array.h"

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory to verify page frames");
}

void unseen_cpu_init(struct unseen_cpu *cpu)
{
	*cpu = (struct unseen_cpu){ .nr = 0 };
	for (unsigned int list = 0; list < PCP_LISTS; list++)
		cpu->lists[list].first = PFN_NONE;
}

void unseen_cpu_fini(struct unseen_cpu *cpu)
{
	free(cpu->unflushed);
}

void unseen_log_fini(struct unseen_log *log)
{
	free(log->rows);
	free(log->drains);
	idmap_fini(&log->freed_at);
}

/*
 * When a block left is not shown. At the latest when @take->before says; but where the model would have flushed and
 * the kernel did not, the kernel's lists had less: before the first such free since the list's last allocation and
 * the block's own last free.
 */
static uint64_t when_taken(const struct unseen_log *log, const struct unseen_cpu *cpu, const struct unseen_list *list,
	const struct unseen_take *take)
{
	uint32_t freed = idmap_get(&log->freed_at, take->pfn);
	uint64_t since = freed != IDMAP_NONE && freed > list->since ? freed : list->since;
	uint32_t i = cpu->nr;

	if (take->pfn == list->first)
		return list->before;
	while (i && cpu->unflushed[i - 1] > since)
		i--;
	return i < cpu->nr && cpu->unflushed[i] < take->before ? cpu->unflushed[i] : take->before;
}

int unseen_add(struct unseen_log *log, const struct unseen_cpu *cpu, const struct unseen_take *take, struct err *err)
{
	const struct unseen_list *list = &cpu->lists[page_alloc_list(take->order, (enum migratetype)take->mt)];
	struct unseen_take *row;

	if (!array_room(&log->rows, &log->cap, log->nr))
		return no_memory(err);
	row = &log->rows[log->nr];
	*row = *take;
	row->number = log->nr++;
	row->before = when_taken(log, cpu, list, take);
	return 0;
}

int unseen_free(struct unseen_log *log, struct unseen_cpu *cpu, pfn_t pfn, uint64_t number, bool unflushed,
	struct err *err)
{
	if (idmap_put(&log->freed_at, pfn, (uint32_t)(number % IDMAP_NONE)) < 0)
		return no_memory(err);
	if (!unflushed)
		return 0;
	if (!array_room(&cpu->unflushed, &cpu->cap, cpu->nr))
		return no_memory(err);
	cpu->unflushed[cpu->nr++] = number;
	return 0;
}

int unseen_drained(struct unseen_log *log, const struct unseen_drain *drain, struct err *err)
{
	struct unseen_drain *last = log->nr_drains ? &log->drains[log->nr_drains - 1] : NULL;

	if (last && last->before == drain->before && last->cpu == drain->cpu && last->zone == drain->zone) {
		last->pages += drain->pages;
		return 0;
	}
	if (!array_room(&log->drains, &log->cap_drains, log->nr_drains))
		return no_memory(err);
	log->drains[log->nr_drains] = *drain;
	log->drains[log->nr_drains].number = log->nr_drains;
	log->nr_drains++;
	return 0;
}

static int drain_by_before(const void *a, const void *b)
{
	const struct unseen_drain *x = a, *y = b;

	if (x->before != y->before)
		return x->before < y->before ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static int by_before(const void *a, const void *b)
{
	const struct unseen_take *x = a, *y = b;

	if (x->before != y->before)
		return x->before < y->before ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

void unseen_sort(struct unseen_log *log)
{
	if (log->nr)
		qsort(log->rows, log->nr, sizeof(*log->rows), by_before);
	if (log->nr_drains)
		qsort(log->drains, log->nr_drains, sizeof(*log->drains), drain_by_before);
}

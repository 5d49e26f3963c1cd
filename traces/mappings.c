#include "traces/mappings.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "traces/page_purpose.h"

/** What an operation is to the row of who asks for it. */
enum part { PART_NONE, PART_TABLE, PART_OWN, PART_OTHER, PART_FORK, PART_FREE };

static enum part part_of(const struct trace_tables *tables, const struct trace_op *op)
{
	enum kind_slot slot = kind_info[op->kind].slot;

	if (slot == SLOT_ENDS)
		return PART_FREE;
	if (slot != SLOT_BEGINS || op->origin != ORIGIN_DIRECT)
		return PART_NONE;
	if (page_purpose_is_table(op))
		return PART_TABLE;
	if (op->kind == KIND_KMEM_CACHE_ALLOC)
		return !strcmp(tables->strings[op->name], "mm_struct") ? PART_FORK : PART_OTHER;
	return op->kind == KIND_ALLOC_PAGES && op->gfp & GFP_BIT_MOVABLE && !page_purpose_is_file(op) ? PART_OWN :
													PART_OTHER;
}

/* Operations and tasks that have come to the tables since the last event. */
static bool note_new(struct mappings *m, const struct trace_tables *tables)
{
	for (; m->nr_ops < tables->nr_ops; m->nr_ops++) {
		if (!array_room(&m->part_of_op, &m->cap_ops, m->nr_ops))
			return false;
		m->part_of_op[m->nr_ops] = (uint8_t)part_of(tables, &tables->ops[m->nr_ops]);
	}
	for (; m->nr_whos < tables->nr_whos; m->nr_whos++) {
		uint32_t pid = (uint32_t)tables->whos[m->nr_whos].pid, task = idmap_get(&m->task_of_pid, pid);

		if (!array_room(&m->task_of_who, &m->cap_whos, m->nr_whos))
			return false;
		if (task == IDMAP_NONE) {
			task = m->nr_tasks++;
			if (idmap_put(&m->task_of_pid, pid, task) < 0)
				return false;
		}
		m->task_of_who[m->nr_whos] = task;
	}
	return true;
}

bool mappings_event(struct mappings *m, const struct trace_tables *tables, const struct trace_event *event)
{
	enum part part;
	uint32_t task;

	if ((tables->nr_ops > m->nr_ops || tables->nr_whos > m->nr_whos) && !note_new(m, tables))
		return false;
	part = (enum part)m->part_of_op[event->op];
	if (part == PART_NONE || event->slot == SLOT_NONE)
		return true;
	task = m->task_of_who[event->who];
	if (!table_rows_room(&m->rows, task, event->slot))
		return false;
	if (part == PART_FREE)
		table_rows_free(&m->rows, event->slot);
	else
		table_rows_other(&m->rows, event->slot);
	if (part == PART_TABLE)
		m->tables += table_rows_take(&m->rows, task, event->slot);
	else if (part == PART_FORK)
		table_rows_fork(&m->rows, task);
	else if (part == PART_OWN)
		table_rows_own(&m->rows, task);
	return true;
}

void mappings_fini(struct mappings *m)
{
	table_rows_fini(&m->rows);
	idmap_fini(&m->task_of_pid);
	free(m->task_of_who);
	free(m->part_of_op);
}

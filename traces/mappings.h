/*
 * mappings: how many pages of files tasks map, in the whole of
 * a recording: its rows of page tables (table_rows.h) added up.
 */
#ifndef KMEMSIM_TRACES_MAPPINGS_H
#define KMEMSIM_TRACES_MAPPINGS_H

#include "base/idmap.h"
#include "traces/table_rows.h"

/** A zeroed struct has seen no event. */
struct mappings {
	struct table_rows rows;
	struct idmap task_of_pid;
	uint32_t *task_of_who;  /* owned; by number of who asked */
	uint8_t *part_of_op;    /* owned; by number of the operation: what it is to a row */
	uint32_t nr_tasks, nr_whos, cap_whos, nr_ops, cap_ops;
	uint64_t tables;        /* page tables of all mappings, each when it had most */
};

/**
 * mappings_event() - the next event of the recording, of
 * @tables as far as they are known. Return: false: no memory.
 */
bool mappings_event(struct mappings *m, const struct trace_tables *tables, const struct trace_event *event);
void mappings_fini(struct mappings *m);

#endif

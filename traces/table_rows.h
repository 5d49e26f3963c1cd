/*
 * table_rows: page tables that a task takes in a row, which show that it uses a file through a mapping. What it
 * touches there makes no request while the page cache has it, but its page tables do: one for every 512 pages (of 4
 * KiB) of the range, in a row, with no anonymous page between (which would be memory of its own) and not while the
 * task forks (which copies tables). A table that is free again maps nothing: its range has been unmapped, or the
 * fault that took it has waited for the disk, and takes another. Models __do_fault(), do_fault() and
 * free_pgtables() of mm/memory.c (6.1).
 *
 * Tasks are numbers that the caller gives: entries of the trace's
 * table of who asked which have a pid in common are one task.
 */
#ifndef KMEMSIM_TRACES_TABLE_ROWS_H
#define KMEMSIM_TRACES_TABLE_ROWS_H

#include <stdbool.h>

#include "traces/trace.h"

#define FEWEST_TABLES 16u /* in a row, with pages of 4 KiB 32 MiB: a program and its libraries have fewer */

#define PTE_BYTES     8u  /* of an entry of a page table, one for each page */

#define MAPPING_NONE  UINT32_MAX

/** A task: what its latest requests were. */
struct table_row {
	uint32_t tables;        /* in a row, that it still has */
	uint32_t most;          /* of them so far */
	uint32_t mapping_plus1; /* that the row has become */
	uint32_t number;        /* of its rows */
	bool forking;           /* or about to run another program: its tables are copies, or new */
};

/** What is in a slot, when it is a page table. */
struct table_place {
	uint32_t task_plus1; /* 0: it is none */
	uint32_t number;     /* which of the task's rows it belongs to */
};

/** A zeroed struct has room for nothing. */
struct table_rows {
	struct table_row *rows;     /* owned; by task */
	struct table_place *places; /* owned; by slot */
	uint32_t cap_tasks, cap_slots;
	uint32_t nr_mappings;       /* that have been found: their numbers are below it */
};

/**
 * table_rows_init() - for tasks and slots below these numbers. Return:
 * false: no memory. To be ended by table_rows_fini() in any case.
 */
bool table_rows_init(struct table_rows *rows, uint32_t nr_tasks, uint32_t nr_slots);
/**
 * table_rows_room() - see that there is room for @task and @slot; where they are not known from the beginning:
 * before they are named. Return: as above.
 */
bool table_rows_room(struct table_rows *rows, uint32_t task, uint32_t slot);
void table_rows_fini(struct table_rows *rows);

/**
 * table_rows_take() - @task has taken a page table, which is in @slot.
 * Return: how many tables its mapping has more than before; 0: it maps nothing, or has had as many before.
 */
uint32_t table_rows_take(struct table_rows *rows, uint32_t task, uint32_t slot);
/** table_rows_other() - something else is in @slot now. */
static inline void table_rows_other(struct table_rows *rows, uint32_t slot)
{
	rows->places[slot].task_plus1 = 0;
}
/**
 * table_rows_own() - @task has memory of its own: its row is over.
 * Return: the mapping that has no other table to come, MAPPING_NONE.
 */
uint32_t table_rows_own(struct table_rows *rows, uint32_t task);
/**
 * table_rows_fork() - @task has a new address space, and is
 * to fill it by copying another's, or for another program.
 */
void table_rows_fork(struct table_rows *rows, uint32_t task);
/** table_rows_free() - what is in @slot is to be free. Return: as table_rows_own(). */
uint32_t table_rows_free(struct table_rows *rows, uint32_t slot);

#endif

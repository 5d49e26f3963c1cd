#include "traces/table_rows.h"

#include <stdlib.h>

#include "base/array.h"

bool table_rows_init(struct table_rows *rows, uint32_t nr_tasks, uint32_t nr_slots)
{
	*rows = (struct table_rows){ .cap_tasks = nr_tasks, .cap_slots = nr_slots };
	rows->rows = calloc((size_t)nr_tasks + 1, sizeof(*rows->rows));
	rows->places = calloc((size_t)nr_slots + 1, sizeof(*rows->places));
	return rows->rows && rows->places;
}

bool table_rows_room(struct table_rows *rows, uint32_t task, uint32_t slot)
{
	return array_room_cleared(&rows->rows, &rows->cap_tasks, task) &&
		array_room_cleared(&rows->places, &rows->cap_slots, slot);
}

void table_rows_fini(struct table_rows *rows)
{
	free(rows->rows);
	free(rows->places);
	*rows = (struct table_rows){ 0 };
}

/* What it takes from now on is of another mapping, or its own memory. */
static uint32_t end_row(struct table_row *row)
{
	uint32_t mapping_plus1 = row->mapping_plus1;

	*row = (struct table_row){ .number = row->number + 1 };
	return mapping_plus1 ? mapping_plus1 - 1 : MAPPING_NONE;
}

uint32_t table_rows_take(struct table_rows *rows, uint32_t task, uint32_t slot)
{
	struct table_row *row = &rows->rows[task];

	table_rows_other(rows, slot);
	if (row->forking)
		return 0;
	rows->places[slot] = (struct table_place){ task + 1, row->number };
	if (++row->tables <= row->most)
		return 0;
	row->most = row->tables;
	if (row->most < FEWEST_TABLES)
		return 0;
	if (row->most > FEWEST_TABLES)
		return 1;
	row->mapping_plus1 = ++rows->nr_mappings;
	return FEWEST_TABLES;
}

uint32_t table_rows_own(struct table_rows *rows, uint32_t task)
{
	return end_row(&rows->rows[task]);
}

void table_rows_fork(struct table_rows *rows, uint32_t task)
{
	rows->rows[task].forking = true;
}

uint32_t table_rows_free(struct table_rows *rows, uint32_t slot)
{
	struct table_place place = rows->places[slot];
	struct table_row *row;
	uint32_t mapping;
	bool forking;

	if (!place.task_plus1)
		return MAPPING_NONE;
	table_rows_other(rows, slot);
	row = &rows->rows[place.task_plus1 - 1];
	if (row->tables && place.number == row->number)
		row->tables--;
	if (row->tables || !row->mapping_plus1)
		return MAPPING_NONE;
	/* All of it has been unmapped; what the task forks for goes on. */
	forking = row->forking;
	mapping = end_row(row);
	row->forking = forking;
	return mapping;
}

/* Page tables in a row: when they show a mapping, of what size, and when it is over. */
#include <criterion/criterion.h>

#include "traces/mappings.h"

/* @task takes @nr tables, in slots from @slot on. Return: what its mapping has more than before. */
static uint32_t take(struct table_rows *rows, uint32_t task, uint32_t slot, uint32_t nr)
{
	uint32_t more = 0;

	for (uint32_t i = 0; i < nr; i++) {
		cr_assert(table_rows_room(rows, task, slot + i));
		more += table_rows_take(rows, task, slot + i);
	}
	return more;
}

Test(table_rows, sixteen_in_a_row_are_a_mapping_and_the_next_ones_of_it)
{
	struct table_rows rows = { 0 };

	cr_expect_eq(take(&rows, 3, 0, FEWEST_TABLES - 1), 0);
	cr_expect_eq(take(&rows, 3, 100, 1), FEWEST_TABLES);
	cr_expect_eq(take(&rows, 3, 200, 30), 30);
	cr_expect_eq(rows.rows[3].mapping_plus1, 1);
	cr_expect_eq(take(&rows, 700, 1000, 20), 20, "another task, another mapping");
	cr_expect_eq(rows.rows[700].mapping_plus1, 2);
	cr_expect_eq(rows.rows[3].most, 46);
	table_rows_fini(&rows);
}

Test(table_rows, memory_of_its_own_ends_a_row)
{
	struct table_rows rows = { 0 };

	cr_expect_eq(take(&rows, 0, 0, 15), 0);
	cr_expect_eq(table_rows_own(&rows, 0), MAPPING_NONE);
	cr_expect_eq(take(&rows, 0, 20, 15), 0);
	cr_expect_eq(take(&rows, 0, 40, 2), 17);
	cr_expect_eq(table_rows_own(&rows, 0), 0, "the mapping has no other table to come");
	cr_expect_eq(table_rows_own(&rows, 0), MAPPING_NONE, "once");
	table_rows_fini(&rows);
}

Test(table_rows, a_task_that_forks_takes_copies_until_it_has_memory_of_its_own)
{
	struct table_rows rows = { 0 };

	cr_assert(table_rows_room(&rows, 0, 0));
	table_rows_fork(&rows, 0);
	cr_expect_eq(take(&rows, 0, 0, 40), 0);
	table_rows_own(&rows, 0);
	cr_expect_eq(take(&rows, 0, 0, 40), 40);
	table_rows_fini(&rows);
}

Test(table_rows, what_is_free_again_maps_nothing)
{
	struct table_rows rows = { 0 };

	cr_expect_eq(take(&rows, 0, 0, 20), 20);
	for (uint32_t slot = 0; slot < 5; slot++)
		cr_expect_eq(table_rows_free(&rows, slot), MAPPING_NONE);
	cr_expect_eq(take(&rows, 0, 0, 5), 0, "it has had as many before");
	table_rows_other(&rows, 0);
	cr_expect_eq(table_rows_free(&rows, 0), MAPPING_NONE, "something else was there");
	cr_expect_eq(rows.rows[0].tables, 20);
	for (uint32_t slot = 1; slot < 20; slot++)
		cr_expect_eq(table_rows_free(&rows, slot), MAPPING_NONE);
	take(&rows, 0, 30, 1);
	cr_expect_eq(rows.rows[0].tables, 2);
	table_rows_fini(&rows);
}

Test(table_rows, a_mapping_is_over_when_all_its_tables_are_free_and_older_ones_do_not_count)
{
	struct table_rows rows = { 0 };

	take(&rows, 0, 0, 5);
	table_rows_own(&rows, 0);
	take(&rows, 0, 10, 16);
	cr_expect_eq(table_rows_free(&rows, 0), MAPPING_NONE);
	cr_expect_eq(rows.rows[0].tables, 16, "that was of the row before");
	for (uint32_t slot = 10; slot < 25; slot++)
		cr_expect_eq(table_rows_free(&rows, slot), MAPPING_NONE);
	cr_expect_eq(table_rows_free(&rows, 25), 0);
	table_rows_fini(&rows);
}

/* A recording of two tasks, one of them on two CPUs. */
Test(table_rows, mappings_of_a_recording_are_added_up)
{
	const struct trace_op ops[] = {
		{ .kind = KIND_ALLOC_PAGES, .gfp = GFP_KERNEL_ACCOUNT | GFP_BIT_ZERO },
		{ .kind = KIND_ALLOC_PAGES, .gfp = GFP_HIGHUSER_MOVABLE | GFP_BIT_ZERO },
		{ .kind = KIND_ALLOC_PAGES, .gfp = GFP_HIGHUSER_MOVABLE | GFP_BIT_WRITE },
		{ .kind = KIND_KMEM_CACHE_ALLOC, .gfp = GFP_KERNEL, .name = 1 },
		{ .kind = KIND_ALLOC_PAGES, .gfp = GFP_KERNEL_ACCOUNT | GFP_BIT_ZERO, .origin = ORIGIN_VMALLOC },
	};
	const struct trace_who whos[] = { { .pid = 7 }, { .pid = 7, .cpu = 1 }, { .pid = 8 } };
	const char *const strings[] = { "", "mm_struct" };
	struct trace_tables tables = {
		.ops = ops,
		.nr_ops = 1,
		.whos = whos,
		.nr_whos = 1,
		.strings = strings,
		.nr_strings = 2,
	};
	struct mappings m = { 0 };
	uint32_t slot = 0;

	for (int i = 0; i < 10; i++)
		cr_assert(mappings_event(&m, &tables, &(struct trace_event){ .slot = slot++ }));
	tables.nr_ops = sizeof(ops) / sizeof(ops[0]);
	tables.nr_whos = 3;
	for (int i = 0; i < 10; i++) {
		cr_assert(mappings_event(&m, &tables, &(struct trace_event){ .who = 1, .slot = slot++ }));
		cr_assert(mappings_event(&m, &tables, &(struct trace_event){ .op = 2, .who = 1, .slot = slot++ }));
		cr_assert(mappings_event(&m, &tables, &(struct trace_event){ .op = 4, .who = 1, .slot = slot++ }));
		cr_assert(mappings_event(&m, &tables, &(struct trace_event){ .op = 1, .who = 2, .slot = slot++ }));
	}
	cr_expect_eq(m.tables, 20, "%lu: pages of files between do not matter, nor another task's memory",
		(unsigned long)m.tables);
	cr_assert(mappings_event(&m, &tables, &(struct trace_event){ .op = 3, .who = 2, .slot = slot++ }));
	for (int i = 0; i < 30; i++)
		cr_assert(mappings_event(&m, &tables, &(struct trace_event){ .who = 2, .slot = slot++ }));
	cr_expect_eq(m.tables, 20, "that one copies an address space");
	mappings_fini(&m);
}

/*
 * Which pages of files the trace has: in order, by task, and
 * in room that does not grow with those that came and went.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "sim/file_pages.h"
#include "traces/trace.h"

enum { SLOTS = 64, TASKS = 4 };

static void begin(struct file_pages *files)
{
	struct err err = { 0 };

	cr_assert_eq(file_pages_init(files, SLOTS, TASKS, &err), 0);
}

static void add(struct file_pages *files, uint32_t slot, uint32_t task)
{
	cr_assert(file_pages_add(files, slot, task));
}

Test(file_pages, of_the_task_whose_number_of_living_pages_fits_best)
{
	struct file_pages files;

	begin(&files);
	for (uint32_t slot = 0; slot < 10; slot++)
		add(&files, slot, slot < 4 ? 1 : 2);
	cr_expect_eq(file_pages_fitting(&files, 7, 6), 3);
	cr_expect_eq(file_pages_fitting(&files, 7, 7), 0, "nobody has so many");
	cr_expect_eq(file_pages_fitting(&files, 4, 3), 2, "six are more than it has");
	cr_expect_eq(file_pages_fitting(&files, 5, 3), 3, "the last of equals");
	for (uint32_t slot = 4; slot < 7; slot++)
		file_pages_remove(&files, slot);
	file_pages_remove(&files, 5);
	cr_expect_eq(file_pages_fitting(&files, 6, 4), 2, "what is freed does not count");
	cr_expect_eq(file_pages_alive(&files), 7);
	add(&files, 0, 2);
	cr_expect_eq(file_pages_fitting(&files, 3, 4), 3, "nor does what a slot had before");
	file_pages_fini(&files);
}

Test(file_pages, walk_of_a_task_goes_on_with_what_comes_later)
{
	struct file_pages files;
	struct file_walk walk;

	begin(&files);
	for (uint32_t slot = 0; slot < 6; slot++)
		add(&files, slot, slot % 2);
	file_walk_begin(&walk, &files, 2, 0);
	cr_expect_eq(file_walk_next(&walk, &files), 1);
	cr_expect_eq(file_walk_next(&walk, &files), 3);
	file_pages_remove(&files, 5);
	cr_expect_eq(file_walk_next(&walk, &files), SLOT_NONE);
	add(&files, 9, 1);
	cr_expect_eq(file_walk_next(&walk, &files), 9);
	cr_expect_eq(file_walk_next(&walk, &files), SLOT_NONE);
	file_pages_fini(&files);
}

Test(file_pages, walk_of_all_comes_to_each_once_from_where_it_begins)
{
	struct file_pages files;
	struct file_walk walk;
	const uint32_t want[] = { 3, 4, 5, 0, 1, 2, SLOT_NONE, SLOT_NONE };

	begin(&files);
	for (uint32_t slot = 0; slot < 6; slot++)
		add(&files, slot, slot % 2);
	file_walk_begin(&walk, &files, 0, 3);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		cr_expect_eq(file_walk_next(&walk, &files), want[i]);
	file_pages_fini(&files);
}

Test(file_pages, room_is_for_those_that_live_and_a_walk_outlives_closed_gaps)
{
	struct file_pages files;
	struct file_walk walk;
	struct err err = { 0 };

	begin(&files);
	add(&files, 0, 0);
	for (uint32_t slot = 1; slot <= 8; slot++)
		add(&files, slot, 1);
	file_walk_begin(&walk, &files, 2, 0);
	cr_expect_eq(file_walk_next(&walk, &files), 1);
	for (uint32_t i = 0; i < 100000; i++)
		add(&files, 20 + i % 20, 3);
	cr_expect_lt(files.cap, 200, "%u entries for 29 pages", files.cap);
	cr_expect_eq(file_pages_alive(&files), 29);
	for (uint32_t slot = 2; slot <= 8; slot++)
		cr_expect_eq(file_walk_next(&walk, &files), slot);
	cr_expect_eq(file_walk_next(&walk, &files), SLOT_NONE);
	cr_expect_eq(file_pages_check(&files, &err), 0, "%s", err.text);
	file_pages_fini(&files);
}

/* Beside lists that are searched each time. */
Test(file_pages, behaves_as_a_list_does)
{
	struct rng rng;
	struct file_pages files;
	uint32_t task_of[SLOTS], order[SLOTS], nr = 0;
	struct err err = { 0 };

	rng_init(&rng, 5, "test");
	begin(&files);
	memset(task_of, 0xff, sizeof(task_of));
	for (int step = 0; step < 20000; step++) {
		uint32_t slot = (uint32_t)rng_below(&rng, SLOTS), task = (uint32_t)rng_below(&rng, TASKS), kept = 0,
			 pages = 0;
		bool adds = rng_below(&rng, 3);
		struct file_walk walk;

		for (uint32_t i = 0; i < nr; i++)
			if (order[i] != slot)
				order[kept++] = order[i];
		nr = kept;
		task_of[slot] = adds ? task : UINT32_MAX;
		if (adds)
			order[nr++] = slot, add(&files, slot, task);
		else
			file_pages_remove(&files, slot);
		cr_assert_eq(file_pages_check(&files, &err), 0, "step %d: %s", step, err.text);
		file_walk_begin(&walk, &files, task + 1, 0);
		for (uint32_t i = 0; i < nr; i++) {
			if (task_of[order[i]] != task)
				continue;
			cr_assert_eq(file_walk_next(&walk, &files), order[i], "step %d", step);
			pages++;
		}
		cr_assert_eq(file_walk_next(&walk, &files), SLOT_NONE, "step %d", step);
		cr_assert_eq(files.of_task[task], pages, "step %d", step);
	}
	file_pages_fini(&files);
}

/* What @broken says was broken on purpose. */
static void expect_broken(struct file_pages *files, const char *broken)
{
	struct err err = { 0 };

	cr_expect_lt(file_pages_check(files, &err), 0);
	cr_expect_not_null(strstr(err.text, broken), "%s", err.text);
}

Test(file_pages, broken_invariants_are_reported)
{
	struct file_pages files;

	begin(&files);
	for (uint32_t slot = 0; slot < 6; slot++)
		add(&files, slot, 1);
	files.pages[3].number = 1;
	expect_broken(&files, "file_pages 1:");
	files.pages[3].number = 3;
	files.place[2] = 5;
	expect_broken(&files, "file_pages 2:");
	files.place[2] = 3;
	files.place[40] = 1;
	expect_broken(&files, "file_pages 2:");
	files.place[40] = 0;
	files.nr_gone = 1;
	expect_broken(&files, "file_pages 3:");
	files.nr_gone = 0;
	files.of_task[1] = 5;
	expect_broken(&files, "file_pages 4:");
	file_pages_fini(&files);
}

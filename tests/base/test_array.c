#include <criterion/criterion.h>

#include <stdlib.h>

#include "base/array.h"

struct list {
	uint64_t *rows;
	uint32_t nr, cap;
};

Test(array, keeps_what_it_holds_while_it_grows)
{
	struct list list = { 0 };

	for (uint32_t i = 0; i < 10000; i++) {
		cr_assert(array_room(&list.rows, &list.cap, list.nr));
		cr_assert_gt(list.cap, list.nr);
		list.rows[list.nr++] = 3 * (uint64_t)i;
	}
	for (uint32_t i = 0; i < 10000; i++)
		cr_assert_eq(list.rows[i], 3 * (uint64_t)i);
	free(list.rows);
}

/* Adding n elements moves the array about log2(n) times, not n times. */
Test(array, doubles)
{
	struct list list = { 0 };
	uint32_t moves = 0, before = 0;

	for (; list.nr < 100000; list.nr++) {
		cr_assert(array_room(&list.rows, &list.cap, list.nr));
		moves += list.cap != before;
		before = list.cap;
	}
	cr_assert_leq(moves, 17);
	free(list.rows);
}

Test(array, has_room_for_an_element_far_behind_the_others)
{
	struct list list = { 0 };

	cr_assert(array_room(&list.rows, &list.cap, 70000u));
	cr_assert_gt(list.cap, 70000);
	list.rows[70000] = 1;
	free(list.rows);
}

Test(array, refuses_numbers_that_no_count_of_32_bits_can_have)
{
	struct list list = { 0 };

	cr_assert_eq(array_bigger(1u << 31, 1u << 31), UINT32_MAX);
	cr_assert_eq(array_bigger(UINT32_MAX, UINT32_MAX), 0);
	cr_assert_not(array_room(&list.rows, &list.cap, (uint64_t)UINT32_MAX));
	cr_assert_null(list.rows);
	cr_assert_eq(list.cap, 0);
}

Test(array, is_as_it_was_when_it_cannot_grow)
{
	struct list list = { 0 };

	cr_assert(array_room(&list.rows, &list.cap, 0u));
	list.rows[0] = 7;
	cr_assert_not(array_grow(&list.rows, sizeof(*list.rows), &list.cap, UINT32_MAX));
	cr_assert_eq(list.rows[0], 7);
	free(list.rows);
}

/*
 * Element 0 is kept and those up to 70000 are 0, wherever the
 * array grew from and whatever lay in that memory before.
 */
Test(array, new_elements_are_cleared_where_that_is_wanted)
{
	struct list list = { 0 };

	cr_assert(array_room_cleared(&list.rows, &list.cap, 0u));
	cr_assert_eq(list.rows[0], 0);
	list.rows[0] = 7;
	for (uint32_t nr = 1; nr <= 70000; nr *= 3) {
		cr_assert(array_room_cleared(&list.rows, &list.cap, nr));
		cr_assert_gt(list.cap, nr);
	}
	cr_assert_eq(list.rows[0], 7);
	for (uint32_t i = 1; i < list.cap; i++)
		cr_assert_eq(list.rows[i], 0, "element %u", i);
	free(list.rows);
}

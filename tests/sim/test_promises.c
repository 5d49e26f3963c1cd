/* What is to be read again comes in order of when, whole, and takes no more room than was waiting at once. */
#include <criterion/criterion.h>

#include "base/rng.h"
#include "sim/promises.h"
#include "traces/trace.h"

/* A window whose pages tell @number; @nr 1: a page alone, as a block of the buffer cache is. */
static void add(struct promises *p, uint64_t due, uint32_t number, uint32_t nr)
{
	struct read_window window = { .nr = nr, .kind = number % 3, .who = number % 7 };

	for (uint32_t i = 0; i < nr; i++) {
		window.slots[i] = number + i;
		window.shadows[i] = number * 2ull + i;
	}
	cr_assert(promises_add(p, due, &window));
}

/* Return: what its pages tell. */
static uint32_t take(struct promises *p, uint32_t *nr)
{
	struct read_window window;
	uint32_t number;

	promises_take(p, &window);
	number = window.slots[0];
	cr_assert_eq(window.kind, number % 3);
	cr_assert_eq(window.who, number % 7);
	for (uint32_t i = 0; i < window.nr; i++) {
		cr_assert_eq(window.slots[i], number + i);
		cr_assert(window.nr == 1 || window.shadows[i] == number * 2ull + i);
	}
	*nr = window.nr;
	return number;
}

Test(promises, the_earliest_comes_first)
{
	struct promises p = { 0 };
	uint32_t nr;

	cr_assert_eq(promises_due(&p), UINT64_MAX);
	add(&p, 30, 3000, WINDOW_PAGES);
	add(&p, 10, 1000, 1);
	add(&p, 20, 2000, WINDOW_PAGES);
	cr_assert_eq(promises_due(&p), 10);
	cr_assert_eq(take(&p, &nr), 1000);
	cr_assert_eq(nr, 1);
	cr_assert_eq(take(&p, &nr), 2000);
	cr_assert_eq(nr, WINDOW_PAGES);
	cr_assert_eq(promises_due(&p), 30);
	promises_fini(&p);
	cr_assert_eq(promises_due(&p), UINT64_MAX);
}

/* A page of the initial state has no slot: its shadow is all there is of it. */
Test(promises, a_page_of_nobody_keeps_its_shadow)
{
	struct promises p = { 0 };
	struct read_window window = { .nr = 1, .kind = 1, .who = 5, .slots = { SLOT_NONE }, .shadows = { 77 } };

	cr_assert(promises_add(&p, 1, &window));
	window = (struct read_window){ 0 };
	promises_take(&p, &window);
	cr_assert_eq(window.nr, 1);
	cr_assert_eq(window.slots[0], SLOT_NONE);
	cr_assert_eq(window.shadows[0], 77);
	cr_assert_eq(window.who, 5);
	promises_fini(&p);
}

/* Beside the obvious model: the smallest of those that are waiting. */
Test(promises, come_in_order_however_they_are_added_and_places_are_used_again)
{
	enum { MOST = 200, STEPS = 20000 };
	struct promises p = { 0 };
	uint64_t due[MOST];
	uint32_t waiting = 0, nr;
	struct rng rng;

	rng_init(&rng, 1, "promises");
	for (uint32_t step = 0; step < STEPS; step++) {
		if (waiting < MOST && (!waiting || rng_below(&rng, 2))) {
			due[waiting] = rng_below(&rng, 1000) * STEPS + step; /* each once */
			add(&p, due[waiting], (uint32_t)due[waiting] & 0xffffff, rng_below(&rng, 3) ? WINDOW_PAGES : 1);
			waiting++;
		} else {
			uint32_t first = 0;

			for (uint32_t i = 1; i < waiting; i++)
				first = due[i] < due[first] ? i : first;
			cr_assert_eq(promises_due(&p), due[first]);
			cr_assert_eq(take(&p, &nr), (uint32_t)due[first] & 0xffffff);
			due[first] = due[--waiting];
		}
		cr_assert_eq(p.nr, waiting);
	}
	cr_assert_leq(p.nr_windows, MOST);
	promises_fini(&p);
}

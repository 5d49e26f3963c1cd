#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/rng.h"
#include "base/sort.h"

#define ROWS 3000u

/* What qsort() makes of rows that no two are alike of: their numbers are told apart, too. */
static int by_all(const void *a, const void *b)
{
	const struct sort_row *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->place != y->place)
		return x->place < y->place ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

Test(sort, rows_stand_as_a_stable_sort_leaves_them_whatever_bits_differ)
{
	static struct sort_row rows[ROWS], model[ROWS];
	struct rng rng;

	rng_init(&rng, 7, "sort");
	for (unsigned int turn = 0; turn < 200; turn++) {
		uint32_t nr = (uint32_t)rng_below(&rng, turn % 4 ? 40 : ROWS);
		uint32_t groups = (uint32_t)rng_next(&rng) & (uint32_t)rng_next(&rng);
		uint64_t places = rng_next(&rng) & rng_next(&rng) & rng_next(&rng), base = rng_next(&rng);

		for (uint32_t i = 0; i < nr; i++)
			rows[i] = model[i] = (struct sort_row){ (uint32_t)rng_next(&rng) & groups, i,
				base ^ (rng_next(&rng) & places) };
		qsort(model, nr, sizeof(*model), by_all);
		cr_assert(sort_rows(rows, nr));
		for (uint32_t i = 0; i < nr; i++)
			cr_assert(rows[i].group == model[i].group && rows[i].index == model[i].index &&
					rows[i].place == model[i].place,
				"turn %u, row %u", turn, i);
	}
}

Test(sort, no_rows_and_one_row_are_sorted)
{
	struct sort_row row = { 3, 1, 4 };

	cr_assert(sort_rows(&row, 0));
	cr_assert(sort_rows(&row, 1));
	cr_assert(row.group == 3 && row.index == 1 && row.place == 4);
}

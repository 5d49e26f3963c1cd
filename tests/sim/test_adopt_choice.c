/* Pages of a saved state that may be somebody's, found by nearness. */
#include <criterion/criterion.h>

#include "sim/adopt_priv.h"

#define END 64u

struct pages {
	uint32_t up[END + 3], down[END + 3];
	struct free_choice choice;
};

/* Pages [0, END), all of which may be taken, but [first, end). */
static void begin(struct pages *p, pfn_t first, pfn_t end)
{
	p->choice = (struct free_choice){ .end = END, .up = p->up, .down = p->down };
	for (uint32_t i = 0; i < END + 3; i++)
		p->up[i] = p->down[i] = i;
	choice_take_out(&p->choice, first, end - first);
}

Test(adopt_choice, the_nearest_page_is_found_above_or_below)
{
	struct pages p;

	begin(&p, 10, 20);
	cr_expect_eq(choice_page(&p.choice, 5), 5, "itself");
	cr_expect_eq(choice_page(&p.choice, 12), 9);
	cr_expect_eq(choice_page(&p.choice, 18), 20);
	choice_take_out(&p.choice, 0, 10);
	cr_expect_eq(choice_page(&p.choice, 12), 20, "there is none below");
	choice_take_out(&p.choice, 20, END - 20);
	cr_expect_eq(choice_page(&p.choice, 12), PFN_NONE);
	begin(&p, 40, END);
	cr_expect_eq(choice_page(&p.choice, 63), 39, "there is none above");
}

Test(adopt_choice, a_block_is_aligned_and_whole)
{
	struct pages p;

	begin(&p, 17, 18);
	cr_expect_eq(choice_block(&p.choice, 18, 2), 12, "of [12, 16) and [20, 24) the lower one");
	choice_take_out(&p.choice, 12, 1);
	cr_expect_eq(choice_block(&p.choice, 18, 2), 20);
	choice_take_out(&p.choice, 31, 1);
	cr_expect_eq(choice_block(&p.choice, 18, 4), 32);
	choice_take_out(&p.choice, 32, END - 32);
	cr_expect_eq(choice_block(&p.choice, 18, 4), PFN_NONE);
}

/* Memory of a smaller machine: frames are counted from its end, as that is where kernels begin. */
Test(adopt_choice, places_are_told_from_the_end_of_memory)
{
	struct pages p;

	begin(&p, 0, 0);
	p.choice.recorded_end = END;
	cr_expect_eq(choice_near(&p.choice, 50), 50);
	p.choice.recorded_end = END + 20;
	cr_expect_eq(choice_near(&p.choice, 50), 30);
	cr_expect_eq(choice_near(&p.choice, 10), 0);
	p.choice.recorded_end = END - 20;
	cr_expect_eq(choice_near(&p.choice, 50), 50, "a larger one");
	cr_expect_eq(choice_near(&p.choice, 1000), END - 1);
}

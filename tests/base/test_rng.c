#include <criterion/criterion.h>
#include <stdint.h>

#include "base/rng.h"

Test(rng, same_seed_and_name_give_the_same_numbers_and_others_give_others)
{
	struct rng a, b, other_name, other_seed;
	int equal_names = 0, equal_seeds = 0;

	rng_init(&a, 42, "slub");
	rng_init(&b, 42, "slub");
	rng_init(&other_name, 42, "buddy");
	rng_init(&other_seed, 43, "slub");
	for (int i = 0; i < 1000; i++) {
		uint64_t number = rng_next(&a);

		cr_assert_eq(number, rng_next(&b));
		equal_names += number == rng_next(&other_name);
		equal_seeds += number == rng_next(&other_seed);
	}
	cr_assert_eq(equal_names, 0);
	cr_assert_eq(equal_seeds, 0);
}

Test(rng, numbers_below_n_are_below_n_and_even)
{
	unsigned int seen[10] = { 0 };
	struct rng rng;

	rng_init(&rng, 1, "below");
	for (int i = 0; i < 100000; i++) {
		uint64_t number = rng_below(&rng, 10);

		cr_assert_lt(number, 10);
		seen[number]++;
		cr_assert_eq(rng_below(&rng, 1), 0);
	}
	for (int i = 0; i < 10; i++)
		cr_assert(seen[i] > 9500 && seen[i] < 10500, "%d: %u of 100000", i, seen[i]);
}

/* Numbers stored in results must not change under anybody's feet. */
Test(rng, first_numbers_of_a_stream_never_change)
{
	struct rng rng;

	rng_init(&rng, 1, "golden");
	cr_assert_eq(rng_next(&rng), 0x37bee97100a21d46u);
	cr_assert_eq(rng_next(&rng), 0x1ff9fa986d2aa52cu);
}

#include <criterion/criterion.h>

#include "base/idmap.h"
#include "base/rng.h"

#define KEYS 3000u

/* Keys as addresses are: multiples of a page, so that only some middle bits differ. */
static uint64_t address_of(uint32_t i)
{
	return 0xffff888000000000u + (uint64_t)i * 4096;
}

Test(idmap, holds_what_a_plain_array_holds_under_random_puts_and_removes)
{
	static uint32_t model[KEYS];
	struct idmap map = { 0 };
	struct rng rng;

	rng_init(&rng, 7, "idmap");
	for (uint32_t i = 0; i < KEYS; i++)
		model[i] = IDMAP_NONE;
	for (uint32_t step = 0; step < 400000; step++) {
		uint32_t i = (uint32_t)rng_below(&rng, KEYS);

		if (rng_below(&rng, 2)) {
			model[i] = step;
			cr_assert_eq(idmap_put(&map, address_of(i), step), 0);
		} else {
			cr_assert_eq(idmap_remove(&map, address_of(i)), model[i], "step %u", step);
			model[i] = IDMAP_NONE;
		}
		i = (uint32_t)rng_below(&rng, KEYS);
		cr_assert_eq(idmap_get(&map, address_of(i)), model[i], "step %u", step);
	}
	idmap_fini(&map);
}

Test(idmap, takes_0_and_the_largest_number_as_keys)
{
	struct idmap map = { 0 };

	cr_assert_eq(idmap_get(&map, 0), IDMAP_NONE);
	cr_assert_eq(idmap_remove(&map, 0), IDMAP_NONE);
	cr_assert_eq(idmap_put(&map, 0, 1), 0);
	cr_assert_eq(idmap_put(&map, UINT64_MAX, 2), 0);
	cr_assert_eq(idmap_get(&map, 0), 1);
	cr_assert_eq(idmap_remove(&map, UINT64_MAX), 2);
	cr_assert_eq(map.nr, 1);
	idmap_fini(&map);
}

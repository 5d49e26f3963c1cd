#include "base/bitmap.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/rng.h"

#define BITS 300u

Test(bitmap, a_search_ends_where_it_is_told_to)
{
	uint64_t map[(BITS + 63) / 64] = { 0 };

	cr_expect_eq(bitmap_next_set(map, 0, BITS), BITS);
	cr_expect_eq(bitmap_next_zero(map, 0, BITS), 0);
	cr_expect_eq(bitmap_last_set(map, 0, BITS), BITS);
	bitmap_set(map, 60, 130);
	cr_expect_eq(bitmap_next_set(map, 0, BITS), 60);
	cr_expect_eq(bitmap_next_set(map, 0, 60), 60);
	cr_expect_eq(bitmap_next_zero(map, 60, BITS), 130);
	cr_expect_eq(bitmap_next_zero(map, 60, 100), 100);
	cr_expect_eq(bitmap_last_set(map, 0, BITS), 129);
	cr_expect_eq(bitmap_last_set(map, 0, 100), 99);
	cr_expect_eq(bitmap_next_set(map, 200, 100), 100);
	bitmap_clear(map, 61, 130);
	cr_expect_eq(bitmap_last_set(map, 0, BITS), 60);
	bitmap_set(map, 64, 64);
	cr_expect_eq(bitmap_next_set(map, 61, BITS), BITS);
}

/* Beside an array of bytes. */
Test(bitmap, all_of_it_agrees_with_an_array_of_bytes)
{
	uint64_t map[(BITS + 63) / 64] = { 0 };
	uint8_t bytes[BITS] = { 0 };
	struct rng rng;

	rng_init(&rng, 3, "bitmap");
	for (int i = 0; i < 3000; i++) {
		uint32_t from = (uint32_t)rng_below(&rng, BITS), to = from + (uint32_t)rng_below(&rng, BITS + 1 - from);
		bool set = rng_below(&rng, 2);
		uint32_t next = from, zero = from, last = to;

		(set ? bitmap_set : bitmap_clear)(map, from, to);
		memset(bytes + from, set, to - from);
		from = (uint32_t)rng_below(&rng, BITS);
		to = from + (uint32_t)rng_below(&rng, BITS + 1 - from);
		for (next = from; next < to && !bytes[next]; next++)
			;
		for (zero = from; zero < to && bytes[zero]; zero++)
			;
		for (last = to; last > from && !bytes[last - 1]; last--)
			;
		cr_assert_eq(bitmap_next_set(map, from, to), next);
		cr_assert_eq(bitmap_next_zero(map, from, to), zero);
		cr_assert_eq(bitmap_last_set(map, from, to), last == from ? to : last - 1);
	}
}

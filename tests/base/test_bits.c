#include <criterion/criterion.h>
#include <inttypes.h>

#include "base/bits.h"
#include "base/rng.h"

Test(bits, fls_and_log2_agree_on_every_power_of_two)
{
	cr_assert_eq(fls64(0), 0);
	for (unsigned int i = 0; i < 64; i++) {
		cr_assert_eq(fls64(1ull << i), i + 1);
		cr_assert_eq(ilog2_u64(1ull << i), i);
		cr_assert_eq(ilog2_u64((1ull << i) | 1), i);
	}
	cr_assert_eq(fls64(UINT64_MAX), 64);
}

Test(bits, align_up_and_div_round_up)
{
	cr_assert_eq(align_up(0, 4096), 0);
	cr_assert_eq(align_up(1, 4096), 4096);
	cr_assert_eq(align_up(4096, 4096), 4096);
	cr_assert_eq(div_round_up(0, 3), 0);
	cr_assert_eq(div_round_up(1, 3), 1);
	cr_assert_eq(div_round_up(3, 3), 1);
	cr_assert_eq(div_round_up(UINT64_MAX, 2), 1ull << 63);
	cr_assert_eq(min_u64(1, UINT64_MAX), 1);
	cr_assert_eq(max_u64(1, UINT64_MAX), UINT64_MAX);
}

static void expect_root(uint64_t x)
{
	unsigned __int128 root = isqrt_u64(x);

	cr_assert(root * root <= x, "%" PRIu64, x);
	cr_assert((root + 1) * (root + 1) > x, "%" PRIu64, x);
}

Test(bits, square_root_is_the_floor)
{
	struct rng rng;

	rng_init(&rng, 1, "isqrt");
	for (uint64_t i = 0; i < 10000; i++)
		expect_root(i);
	for (int i = 0; i < 100000; i++)
		expect_root(rng_next(&rng) >> rng_below(&rng, 64));
	expect_root(UINT64_MAX);
	cr_assert_eq(isqrt_u64(UINT64_MAX), UINT32_MAX);
	/* The worked example of page-allocator.md: min_free_kbytes of 512 MiB. */
	cr_assert_eq(isqrt_u64(16 * 524288), 2896);
}

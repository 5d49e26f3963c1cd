#include <criterion/criterion.h>

#include "base/fixed.h"

/* @got / 2^32 against @want, given to six digits. */
static void expect(int64_t got, double want, double within)
{
	double value = (double)got / 4294967296.0;

	cr_assert(value > want - within && value < want + within, "%.9f, not %.9f", value, want);
}

Test(fixed, logarithms_are_those_of_the_books)
{
	cr_assert_eq(log2_fixed(1), 0);
	cr_assert_eq(log2_fixed(1ull << 40), 40ull << 32);
	expect((int64_t)log2_fixed(10), 3.321928095, 1e-9);
	expect((int64_t)log2_fixed(UINT64_MAX), 64.0, 1e-9);
}

Test(fixed, powers_undo_logarithms)
{
	for (uint64_t x = 1; x < 1ull << 62; x = x * 3 + 1) {
		uint64_t back = scale_exp2(1ull << 20, (int64_t)log2_fixed(x) - (20ll << 32));

		cr_assert(back <= x + 1 && x - back <= 1 + (x >> 28), "%lu came back as %lu", x, back);
	}
	cr_assert_eq(scale_exp2(100, 1ll << 32), 200);
	cr_assert_eq(scale_exp2(100, -(2ll << 32)), 25);
	cr_assert_eq(scale_exp2(1, 64ll << 32), UINT64_MAX);
	cr_assert_eq(scale_exp2(3, 63ll << 32), UINT64_MAX);
	cr_assert_eq(scale_exp2(UINT64_MAX, -(100ll << 32)), 0);
}

Test(fixed, normal_quantiles_are_those_of_the_tables)
{
	expect(normal_quantile(1ull << 63), 0.0, 1e-6);
	expect(normal_quantile((uint64_t)(0.975 * 18446744073709551616.0)), 1.959963985, 1e-6);
	expect(normal_quantile((uint64_t)(0.99 * 18446744073709551616.0)), 2.326347874, 1e-6);
	expect(normal_quantile((uint64_t)(0.001 * 18446744073709551616.0)), -3.090232306, 1e-6);
	expect(normal_quantile((uint64_t)(0.84134474607 * 18446744073709551616.0)), 1.0, 1e-6);
	expect(normal_quantile(0), -9.08, 0.1);
}

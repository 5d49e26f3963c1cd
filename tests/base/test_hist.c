#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/hist.h"
#include "base/rng.h"

Test(hist, buckets_follow_each_other_without_gap_from_0_to_the_largest_value)
{
	cr_assert_eq(hist_bucket_low(0), 0);
	for (unsigned int i = 0; i < HIST_BUCKETS; i++) {
		cr_assert_leq(hist_bucket_low(i), hist_bucket_high(i), "bucket %u", i);
		cr_assert_eq(hist_bucket_of(hist_bucket_low(i)), i, "bucket %u", i);
		cr_assert_eq(hist_bucket_of(hist_bucket_high(i)), i, "bucket %u", i);
		if (i)
			cr_assert_eq(hist_bucket_low(i), hist_bucket_high(i - 1) + 1, "bucket %u", i);
	}
	cr_assert_eq(hist_bucket_high(HIST_BUCKETS - 1), UINT64_MAX);
}

Test(hist, small_values_have_a_bucket_each_and_large_ones_are_at_most_a_32nd_wide)
{
	for (unsigned int i = 0; i < HIST_BUCKETS; i++) {
		uint64_t low = hist_bucket_low(i), width = hist_bucket_high(i) - low + 1;

		if (low < 64)
			cr_assert_eq(width, 1, "bucket %u", i);
		else
			cr_assert_leq(width, low / 32, "bucket %u", i);
	}
}

Test(hist, empty_histogram_has_percentile_0)
{
	struct hist hist = { 0 };

	cr_assert_eq(hist_percentile(&hist, 5000), 0);
	cr_assert_eq(hist_percentile(&hist, 10000), 0);
}

Test(hist, percentiles_of_1_to_20)
{
	struct hist hist = { 0 };

	for (uint64_t i = 1; i <= 20; i++)
		hist_add(&hist, i);
	cr_assert_eq(hist.count, 20);
	cr_assert_eq(hist.sum, 210);
	cr_assert_eq(hist.max, 20);
	cr_assert_eq(hist_percentile(&hist, 0), 1);
	cr_assert_eq(hist_percentile(&hist, 5000), 10);
	cr_assert_eq(hist_percentile(&hist, 9000), 18);
	cr_assert_eq(hist_percentile(&hist, 9990), 20);
	cr_assert_eq(hist_percentile(&hist, 10000), 20);
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

Test(hist, percentiles_are_never_below_the_truth_and_at_most_a_32nd_above)
{
	enum { N = 10000 };
	uint64_t *values = malloc(N * sizeof(*values));
	struct hist hist = { 0 };
	struct rng rng;

	rng_init(&rng, 7, "hist");
	for (int i = 0; i < N; i++) {
		values[i] = rng_next(&rng) >> rng_below(&rng, 64);
		hist_add(&hist, values[i]);
	}
	qsort(values, N, sizeof(*values), by_value);
	for (unsigned int p = 1; p <= 10000; p += 7) {
		uint64_t truth = values[(N * (uint64_t)p + 9999) / 10000 - 1], got = hist_percentile(&hist, p);

		cr_assert_geq(got, truth, "%u", p);
		cr_assert_leq(got - truth, truth / 32, "%u: %" PRIu64 " for %" PRIu64, p, got, truth);
	}
	free(values);
}

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/dist.h"
#include "base/fixed.h"

#define DRAWS 400000u

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

struct statistics {
	double mean, median, p99, least, most;
};

/* What many draws come to. */
static struct statistics draw_many(struct dist dist)
{
	static uint64_t values[DRAWS];
	struct dist_table table;
	struct statistics s = { 0 };
	struct rng rng;

	if (!dist.max)
		dist.max = UINT64_MAX;
	dist_table_init(&table, &dist);
	rng_init(&rng, 1, "test");
	for (uint32_t i = 0; i < DRAWS; i++) {
		values[i] = dist_draw(&table, &rng);
		s.mean += (double)values[i] / DRAWS;
	}
	qsort(values, DRAWS, sizeof(values[0]), by_value);
	s.median = (double)values[DRAWS / 2];
	s.p99 = (double)values[DRAWS / 100 * 99];
	s.least = (double)values[0];
	s.most = (double)values[DRAWS - 1];
	return s;
}

static void expect(const char *what, double got, double want, double share)
{
	cr_assert(got > want * (1 - share) && got < want * (1 + share), "%s is %.1f, not %.1f", what, got, want);
}

Test(dist, uniform_covers_its_range_evenly)
{
	struct statistics s = draw_many((struct dist){ .kind = DIST_UNIFORM, .a = 1000, .b = 3000 });

	expect("mean", s.mean, 2000, 0.005);
	cr_assert_eq(s.least, 1000);
	cr_assert_eq(s.most, 3000);
}

Test(dist, exponential_has_its_mean_median_and_tail)
{
	struct statistics s = draw_many((struct dist){ .kind = DIST_EXPONENTIAL, .a = 1000000 });

	expect("mean", s.mean, 1e6, 0.01);
	expect("median", s.median, 693147, 0.01);
	expect("p99", s.p99, 4605170, 0.02);
}

Test(dist, normal_has_its_mean_and_deviation)
{
	struct statistics s = draw_many((struct dist){ .kind = DIST_NORMAL, .a = 100000, .b = 10000 });

	expect("mean", s.mean, 100000, 0.002);
	expect("p99", s.p99, 123263, 0.005);
}

Test(dist, lognormal_has_its_median_mean_and_tail)
{
	struct statistics s = draw_many((struct dist){ .kind = DIST_LOGNORMAL, .a = 1000000, .shape = FIXED_ONE });

	expect("median", s.median, 1e6, 0.02);
	expect("mean", s.mean, 1648721, 0.02);
	expect("p99", s.p99, 10240474, 0.04);
}

Test(dist, pareto_begins_at_its_smallest_and_has_a_heavy_tail)
{
	struct statistics s = draw_many((struct dist){ .kind = DIST_PARETO, .a = 1000000, .shape = 2 * FIXED_ONE });

	expect("least", s.least, 1e6, 0.0001);
	expect("median", s.median, 1414214, 0.01);
	expect("p99", s.p99, 1e7, 0.04);
}

Test(dist, choices_come_by_their_weights)
{
	struct dist_choice choices[] = { { .value = 64 }, { .value = 256 }, { .value = 4096 } };
	uint64_t weights[] = { 7, 2, 1 };
	struct dist dist = { .kind = DIST_CHOICE, .max = UINT64_MAX, .choices = choices, .nr_choices = 3 };
	uint32_t counts[3] = { 0 };
	struct dist_table table;
	struct rng rng;

	dist_share(choices, weights, 3);
	cr_assert_eq(choices[2].until, UINT64_MAX);
	dist_table_init(&table, &dist);
	rng_init(&rng, 1, "test");
	for (uint32_t i = 0; i < DRAWS; i++) {
		uint64_t value = dist_draw(&table, &rng);

		counts[value == 64 ? 0 : value == 256 ? 1 : 2]++;
	}
	expect("first", counts[0], 0.7 * DRAWS, 0.01);
	expect("second", counts[1], 0.2 * DRAWS, 0.01);
	expect("third", counts[2], 0.1 * DRAWS, 0.02);
}

Test(dist, limits_and_steps_hold)
{
	struct statistics s =
		draw_many((struct dist){ .kind = DIST_EXPONENTIAL, .a = 1000, .min = 512, .max = 2048, .step = 512 });

	cr_assert_eq(s.least, 512);
	cr_assert_eq(s.most, 2048);
	cr_assert_eq(s.median, 512);
}

/* A draw lies between the quantiles beside it. */
Test(dist, knots_follow_the_exact_quantiles)
{
	struct dist dist = { .kind = DIST_LOGNORMAL, .a = 1000000000, .shape = FIXED_ONE * 3 / 2, .max = UINT64_MAX };
	struct dist_table table;

	dist_table_init(&table, &dist);
	for (uint32_t i = 0; i + 1 < DIST_KNOTS; i++) {
		cr_assert_leq(table.body[i], table.body[i + 1]);
		cr_assert_eq(table.body[i], dist_quantile(&dist, (uint64_t)i << 56));
		cr_assert_leq(table.highest[i], table.highest[i + 1]);
	}
}

/* Pinned: the same with every compiler. */
Test(dist, draws_are_the_same_everywhere)
{
	struct dist dist = { .kind = DIST_LOGNORMAL, .a = 123456789, .shape = FIXED_ONE * 5 / 4, .max = UINT64_MAX };
	struct dist_table table;
	struct rng rng;
	uint64_t sum = 0;

	dist_table_init(&table, &dist);
	rng_init(&rng, 42, "pinned");
	for (int i = 0; i < 100000; i++)
		sum = sum * 31 + dist_draw(&table, &rng);
	cr_assert_eq(sum, 6968136523191260672u, "%lu", sum);
}

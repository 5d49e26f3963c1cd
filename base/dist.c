#include "base/dist.h"

#include "base/bits.h"
#include "base/fixed.h"

typedef unsigned __int128 u128;
typedef __int128 s128;

void dist_share(struct dist_choice *choices, const uint64_t *weights, uint32_t nr)
{
	u128 sum = 0, before = 0;

	for (uint32_t i = 0; i < nr; i++)
		sum += weights[i];
	for (uint32_t i = 0; i < nr; i++) {
		before += weights[i];
		choices[i].until = (uint64_t)(((before << 32) / sum << 32) - 1);
	}
}

uint32_t dist_pick(const struct dist_choice *choices, uint32_t nr, uint64_t u)
{
	uint32_t low = 0, high = nr - 1;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (choices[middle].until < u)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint64_t limited(const struct dist *dist, uint64_t value)
{
	value = value < dist->min ? dist->min : value;
	value = value > dist->max ? dist->max : value;
	if (dist->step <= 1 || value < dist->step)
		return value;
	return value - value % dist->step;
}

/* -log2(1 - u / 2^64) */
static uint64_t minus_log2_above(uint64_t u)
{
	return (64ull << 32) - log2_fixed(u == UINT64_MAX ? 1 : ~u);
}

static uint64_t exponential(uint64_t mean, uint64_t u)
{
	uint64_t ln = (uint64_t)((u128)minus_log2_above(u) * FIXED_LN2 >> 32);
	u128 value = (u128)mean * ln >> 32;

	return value >> 64 ? UINT64_MAX : (uint64_t)value;
}

static uint64_t normal(const struct dist *dist, uint64_t u)
{
	s128 value = (s128)dist->a + ((s128)normal_quantile(u) * dist->b >> 32);

	return value < 0 ? 0 : value >> 64 ? UINT64_MAX : (uint64_t)value;
}

static int64_t in_powers_of_2(int64_t z, uint64_t sigma)
{
	s128 ln = (s128)z * (s128)sigma >> 32;

	return (int64_t)(ln * (s128)FIXED_LOG2E >> 32);
}

/* Without limits and steps. */
static uint64_t raw_quantile(const struct dist *dist, uint64_t u)
{
	switch (dist->kind) {
	case DIST_UNIFORM:
		return dist->a + (uint64_t)((u128)u * ((u128)(dist->b - dist->a) + 1) >> 64);
	case DIST_EXPONENTIAL:
		return exponential(dist->a, u);
	case DIST_NORMAL:
		return normal(dist, u);
	case DIST_LOGNORMAL:
		return scale_exp2(dist->a, in_powers_of_2(normal_quantile(u), dist->shape));
	case DIST_PARETO:
		return scale_exp2(dist->a,
			(int64_t)min_u64((uint64_t)(((u128)minus_log2_above(u) << 32) / dist->shape), INT64_MAX));
	case DIST_CHOICE:
		return dist->choices[dist_pick(dist->choices, dist->nr_choices, u)].value;
	default:
		return dist->a;
	}
}

uint64_t dist_quantile(const struct dist *dist, uint64_t u)
{
	return limited(dist, raw_quantile(dist, u));
}

/* Knots from @first on, 2^@shift apart. */
static void set_knots(uint64_t *knots, const struct dist *dist, uint64_t first, unsigned int shift)
{
	for (uint32_t i = 0; i < DIST_KNOTS; i++) {
		u128 u = first + ((u128)i << shift);

		knots[i] = raw_quantile(dist, u >> 64 ? UINT64_MAX : (uint64_t)u);
	}
}

void dist_table_init(struct dist_table *table, const struct dist *dist)
{
	table->dist = *dist;
	if (dist->kind == DIST_CONSTANT || dist->kind == DIST_UNIFORM || dist->kind == DIST_CHOICE)
		return;
	set_knots(table->body, dist, 0, 56);
	set_knots(table->high, dist, 0xffull << 56, 48);
	set_knots(table->highest, dist, 0xffffull << 48, 40);
	set_knots(table->low, dist, 0, 48);
	/* The tails go on for ever: the last piece ends where half of it lies beyond. */
	table->highest[DIST_KNOTS - 1] = raw_quantile(dist, UINT64_MAX - (1ull << 39));
}

static uint64_t interpolate(const uint64_t *knots, uint64_t u)
{
	const uint64_t *knot = knots + (u >> 56);

	return knot[0] + (uint64_t)((u128)(knot[1] - knot[0]) * (u << 8) >> 64);
}

uint64_t dist_draw(const struct dist_table *table, struct rng *rng)
{
	const struct dist *dist = &table->dist;
	uint64_t u;

	if (dist->kind == DIST_CONSTANT)
		return limited(dist, dist->a);
	u = rng_next(rng);
	if (dist->kind == DIST_UNIFORM || dist->kind == DIST_CHOICE)
		return dist_quantile(dist, u);
	if (u >> 48 == 0xffff)
		return limited(dist, interpolate(table->highest, u << 16));
	if (u >> 56 == 0xff)
		return limited(dist, interpolate(table->high, u << 8));
	if (u >> 56 == 0)
		return limited(dist, interpolate(table->low, u << 8));
	return limited(dist, interpolate(table->body, u));
}

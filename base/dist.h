/*
 * dist: distributions of counts, sizes and times, and fast draws from them. By integers
 * alone (base/fixed.h): the same seed draws the same values with every compiler.
 *
 * What is drawn from often is turned into knots of its quantile
 * function first; a draw interpolates between two of them.
 */
#ifndef KMEMSIM_BASE_DIST_H
#define KMEMSIM_BASE_DIST_H

#include <stdint.h>

#include "base/rng.h"

enum dist_kind {
	DIST_CONSTANT,    /* a */
	DIST_UNIFORM,     /* a .. b, both included */
	DIST_EXPONENTIAL, /* mean a */
	DIST_NORMAL,      /* mean a, standard deviation b; never below 0 */
	DIST_LOGNORMAL,   /* median a, shape = standard deviation of the logarithm */
	DIST_PARETO,      /* smallest a, shape = exponent */
	DIST_CHOICE,      /* one of the choices */
};

/** A value and its share of all draws: 2^64 times the share of it and those before it, less 1. */
struct dist_choice {
	uint64_t value;
	uint64_t until;
};

struct dist {
	enum dist_kind kind;
	uint64_t a, b;
	uint64_t shape;               /* units of 2^-32 */
	uint64_t min, max;            /* what is drawn beyond is drawn back to it */
	uint64_t step;                /* rounded down to a multiple of it; 0 and 1: to none */
	struct dist_choice *choices;  /* borrowed */
	uint32_t nr_choices;
};

/** dist_share() - give the choices their shares: @weights[i] of the sum of all, told to 2^-32; no weight is 0. */
void dist_share(struct dist_choice *choices, const uint64_t *weights, uint32_t nr);

/** dist_pick() - index of the choice at @u / 2^64. */
uint32_t dist_pick(const struct dist_choice *choices, uint32_t nr, uint64_t u);

/** dist_quantile() - the value that @u / 2^64 of all draws do not exceed, exactly; slow. */
uint64_t dist_quantile(const struct dist *dist, uint64_t u);

#define DIST_KNOTS 257u

/** A distribution to draw from. */
struct dist_table {
	struct dist dist;
	/*
	 * The quantile function at n / 256; again within the last
	 * 1/256, within the last of that, and within the first.
	 */
	uint64_t body[DIST_KNOTS], high[DIST_KNOTS], highest[DIST_KNOTS], low[DIST_KNOTS];
};

/** dist_table_init() - the choices of @dist stay borrowed. */
void dist_table_init(struct dist_table *table, const struct dist *dist);

/** dist_draw() - one value, by integers alone, so that it is the same everywhere. */
uint64_t dist_draw(const struct dist_table *table, struct rng *rng);

#endif

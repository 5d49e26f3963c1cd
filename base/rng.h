/*
 * rng: reproducible random streams (xoshiro256**), one per mechanism name, all from the run's seed,
 * so that a new mechanism leaves the draws of the others alone.
 */
#ifndef KMEMSIM_BASE_RNG_H
#define KMEMSIM_BASE_RNG_H

#include <stdint.h>

struct rng {
	uint64_t s[4];
};

/** rng_init() - the stream @name of @seed. */
void rng_init(struct rng *rng, uint64_t seed, const char *name);
uint64_t rng_next(struct rng *rng);
/** rng_below() - uniform in 0 .. @n - 1; @n must not be 0. */
uint64_t rng_below(struct rng *rng, uint64_t n);

#endif

/*
 * fixed: logarithms, powers and the normal distribution by integers alone, so that what is computed from them
 * is the same with every compiler on every machine. Fractions are in units of 2^-32 unless said otherwise.
 */
#ifndef KMEMSIM_BASE_FIXED_H
#define KMEMSIM_BASE_FIXED_H

#include <stdint.h>

#define FIXED_ONE (1ull << 32)
#define FIXED_LN2 2977044471ull   /* ln 2 */
#define FIXED_LOG2E 6196328018ull /* log2 e */

/** log2_fixed() - log2(@x), rounded down; @x > 0. */
uint64_t log2_fixed(uint64_t x);

/** scale_exp2() - @x * 2^@log2; UINT64_MAX where that does not fit. Within 2^-28 of the truth. */
uint64_t scale_exp2(uint64_t x, int64_t log2);

/**
 * normal_quantile() - the value that a standard normal variable
 * stays below in @u / 2^64 of all cases; within 2^-20.
 */
int64_t normal_quantile(uint64_t u);

#endif

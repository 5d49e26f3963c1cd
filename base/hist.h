/*
 * hist: a log-linear histogram of 64-bit values: exact below 32, then 32 buckets per power of two, so a
 * percentile is at most 1/32 above the truth. Fixed size, no allocation, adding is a few instructions.
 */
#ifndef KMEMSIM_BASE_HIST_H
#define KMEMSIM_BASE_HIST_H

#include <stdint.h>
#include "base/bits.h"

#define HIST_SUB_BITS 5u
#define HIST_SUB      (1u << HIST_SUB_BITS)
#define HIST_BUCKETS  ((64u - HIST_SUB_BITS + 1u) * HIST_SUB)

struct hist {
	uint64_t count;
	uint64_t sum;
	uint64_t max;
	uint64_t buckets[HIST_BUCKETS];
};

static inline unsigned int hist_bucket_of(uint64_t value)
{
	if (value < HIST_SUB)
		return (unsigned int)value;
	unsigned int shift = ilog2_u64(value) - HIST_SUB_BITS;

	return (shift + 1) * HIST_SUB + (unsigned int)((value >> shift) - HIST_SUB);
}

static inline void hist_add(struct hist *hist, uint64_t value)
{
	hist->count++;
	hist->sum += value;
	if (value > hist->max)
		hist->max = value;
	hist->buckets[hist_bucket_of(value)]++;
}

/** hist_move() - a value that was added as @from is @to after all. */
static inline void hist_move(struct hist *hist, uint64_t from, uint64_t to)
{
	hist->sum += to - from;
	if (to > hist->max)
		hist->max = to;
	hist->buckets[hist_bucket_of(from)]--;
	hist->buckets[hist_bucket_of(to)]++;
}

/** hist_bucket_low() / hist_bucket_high() - smallest and largest value of a bucket. */
uint64_t hist_bucket_low(unsigned int bucket);
uint64_t hist_bucket_high(unsigned int bucket);

/**
 * hist_percentile() - smallest bucket's upper end that at least @permille10 / 10000 of the values do not exceed,
 * never above the maximum seen; 0 for an empty histogram.
 */
uint64_t hist_percentile(const struct hist *hist, unsigned int permille10);

#endif

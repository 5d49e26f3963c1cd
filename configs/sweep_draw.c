#include "configs/sweep_draw.h"

#include "base/bits.h"
#include "base/fixed.h"

typedef unsigned __int128 u128;

/* The smallest value whose logarithm is at least @log. */
static uint64_t value_of_log(const struct draw_range *range, uint64_t log)
{
	uint64_t low = range->from, high = range->to;

	while (low < high) {
		uint64_t mid = low + (high - low) / 2;

		if (log2_fixed(mid) < log)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

uint64_t draw_value(const struct draw_range *range, uint64_t where)
{
	uint64_t steps = (range->to - range->from) / range->step;
	uint64_t low, high, value;

	if (!range->log)
		return range->from + range->step * (uint64_t)((u128)where * ((u128)steps + 1) >> 64);
	low = log2_fixed(range->from);
	high = log2_fixed(range->to);
	value = value_of_log(range, low + (uint64_t)((u128)where * (high - low + 1) >> 64));
	return value - (value - range->from) % range->step;
}

uint32_t draw_index(uint64_t where, uint32_t n)
{
	return (uint32_t)((u128)where * n >> 64);
}

uint64_t draw_stratum(uint32_t part, uint32_t n, uint64_t inside)
{
	/* The division rounds down: a whole n above the part's beginning it cannot fall out of it. */
	return (uint64_t)(((u128)part << 64 | max_u64(inside, n)) / n);
}

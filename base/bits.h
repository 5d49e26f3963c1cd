/* bits: integer helpers, named as the kernel names them. */
#ifndef KMEMSIM_BASE_BITS_H
#define KMEMSIM_BASE_BITS_H

#include <stdint.h>

/** fls64() - 1-based index of the highest set bit; 0 for 0. */
static inline unsigned int fls64(uint64_t x)
{
	return x ? 64u - (unsigned int)__builtin_clzll(x) : 0;
}

/** ilog2_u64() - floor of log2; @x must not be 0. */
static inline unsigned int ilog2_u64(uint64_t x)
{
	return 63u - (unsigned int)__builtin_clzll(x);
}

static inline uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static inline uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/** align_up() - @x rounded up to a multiple of @a, a power of two. */
static inline uint64_t align_up(uint64_t x, uint64_t a)
{
	return (x + a - 1) & ~(a - 1);
}

static inline uint64_t div_round_up(uint64_t x, uint64_t d)
{
	return x / d + (x % d != 0);
}

/** isqrt_u64() - floor of the square root (the kernel's int_sqrt64()). */
uint64_t isqrt_u64(uint64_t x);

#endif

/* bitmap: arrays of bits in words of 64; searches as the kernel's find_*_bit() answer. */
#ifndef KMEMSIM_BASE_BITMAP_H
#define KMEMSIM_BASE_BITMAP_H

#include <stdbool.h>
#include <stdint.h>

static inline uint32_t bitmap_words(uint32_t bits)
{
	return (bits + 63) / 64;
}

static inline bool bitmap_test(const uint64_t *map, uint32_t bit)
{
	return map[bit / 64] >> bit % 64 & 1;
}

static inline void bitmap_set_bit(uint64_t *map, uint32_t bit)
{
	map[bit / 64] |= 1ull << bit % 64;
}

/** bitmap_set(), bitmap_clear() - the bits [@from, @to). */
void bitmap_set(uint64_t *map, uint32_t from, uint32_t to);
void bitmap_clear(uint64_t *map, uint32_t from, uint32_t to);

/** bitmap_next_set(), bitmap_next_zero() - the first such bit of [@from, @to); @to when there is none. */
uint32_t bitmap_next_set(const uint64_t *map, uint32_t from, uint32_t to);
uint32_t bitmap_next_zero(const uint64_t *map, uint32_t from, uint32_t to);

/** bitmap_last_set() - the last set bit of [@from, @to); @to when there is none. */
uint32_t bitmap_last_set(const uint64_t *map, uint32_t from, uint32_t to);

#endif

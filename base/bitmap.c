#include "base/bitmap.h"

/* Bits of word @word that lie in [from, to). */
static uint64_t word_mask(uint32_t word, uint32_t from, uint32_t to)
{
	uint32_t first = word * 64;
	uint64_t mask = UINT64_MAX;

	if (from > first)
		mask <<= from - first;
	if (to - first < 64)
		mask &= (1ull << (to - first)) - 1;
	return mask;
}

void bitmap_set(uint64_t *map, uint32_t from, uint32_t to)
{
	for (uint32_t word = from / 64; from < to && word <= (to - 1) / 64; word++)
		map[word] |= word_mask(word, from, to);
}

void bitmap_clear(uint64_t *map, uint32_t from, uint32_t to)
{
	for (uint32_t word = from / 64; from < to && word <= (to - 1) / 64; word++)
		map[word] &= ~word_mask(word, from, to);
}

/* Bits before @from are masked in its word; one behind @to that is found says the same as none. */
static inline uint32_t next(const uint64_t *map, uint32_t from, uint32_t to, uint64_t flip)
{
	uint32_t word = from / 64, last = (to - 1) / 64;
	uint64_t bits;

	if (from >= to)
		return to;
	bits = (map[word] ^ flip) & UINT64_MAX << from % 64;
	while (!bits && word < last)
		bits = map[++word] ^ flip;
	if (!bits)
		return to;
	from = word * 64 + (uint32_t)__builtin_ctzll(bits);
	return from < to ? from : to;
}

uint32_t bitmap_next_set(const uint64_t *map, uint32_t from, uint32_t to)
{
	return next(map, from, to, 0);
}

uint32_t bitmap_next_zero(const uint64_t *map, uint32_t from, uint32_t to)
{
	return next(map, from, to, UINT64_MAX);
}

uint32_t bitmap_last_set(const uint64_t *map, uint32_t from, uint32_t to)
{
	if (from >= to)
		return to;
	for (uint32_t word = (to - 1) / 64 + 1; word-- > from / 64;) {
		uint64_t bits = map[word] & word_mask(word, from, to);

		if (bits)
			return word * 64 + 63 - (uint32_t)__builtin_clzll(bits);
	}
	return to;
}

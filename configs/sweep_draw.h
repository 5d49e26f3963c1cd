/*
 * sweep_draw: values from a range, by integers alone, so that a sweep is the same with every compiler. Where in the
 * range is a fraction of 2^64: 0 is its beginning.
 */
#ifndef KMEMSIM_CONFIGS_SWEEP_DRAW_H
#define KMEMSIM_CONFIGS_SWEEP_DRAW_H

#include <stdbool.h>
#include <stdint.h>

struct draw_range {
	uint64_t from, to; /* inclusive; from <= to */
	uint64_t step;     /* >= 1: values are from + n * step */
	bool log;          /* from > 0: evenly by logarithm */
};

/** draw_value() - the value at @where. */
uint64_t draw_value(const struct draw_range *range, uint64_t where);

/** draw_index() - the part 0 .. @n - 1 of @n equal ones that @where lies in. */
uint32_t draw_index(uint64_t where, uint32_t n);

/** draw_stratum() - a place in part @part of @n equal ones, @inside of the way through it. */
uint64_t draw_stratum(uint32_t part, uint32_t n, uint64_t inside);

#endif

#include "mm/meter.h"

#include <stdlib.h>

void meter_put_more(struct meter *meter, const struct meter_segment *segment)
{
	struct meter_more *more = meter->more;
	uint32_t at = meter->nr_segments - METER_SEGMENTS;

	if (!more || more->no_memory)
		return;
	if (at >= more->cap) {
		uint32_t cap = more->cap ? more->cap * 2 : 4 * METER_SEGMENTS;
		struct meter_segment *segments = realloc(more->segments, cap * sizeof(*segments));

		if (!segments) {
			more->no_memory = true;
			return;
		}
		more->segments = segments;
		more->cap = cap;
	}
	more->segments[at] = *segment;
}

void meter_more_fini(struct meter_more *more)
{
	free(more->segments);
	*more = (struct meter_more){ 0 };
}

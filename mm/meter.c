#include "mm/meter.h"

#include <stdlib.h>

#include "base/array.h"

void meter_put_more(struct meter *meter, const struct meter_segment *segment)
{
	struct meter_more *more = meter->more;
	uint32_t at = meter->nr_segments - METER_SEGMENTS;

	if (!more)
		return;
	/* Once one is dropped no more room is made: what came behind it would follow a gap. */
	if (at >= more->cap && (more->no_memory || !array_room(&more->segments, &more->cap, at)))
		more->no_memory = true;
	else
		more->segments[at] = *segment;
}

void meter_more_fini(struct meter_more *more)
{
	free(more->segments);
	*more = (struct meter_more){ 0 };
}

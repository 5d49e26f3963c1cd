/* replay_from: where a replay begins, as users write it. */
#include <string.h>

#include "base/units.h"
#include "sim/replay.h"

int replay_from_parse(struct replay_from *from, const char *text)
{
	static const char marker[] = "marker:";

	*from = (struct replay_from){ 0 };
	if (!strncmp(text, marker, strlen(marker)))
		*from = (struct replay_from){ .kind = FROM_MARKER, .marker = text + strlen(marker) };
	else if (units_parse_count(text, &from->event) == 0)
		from->kind = FROM_EVENT;
	else if (units_parse_time(text, &from->time_ns) == 0)
		from->kind = FROM_TIME;
	else
		return -1;
	return 0;
}

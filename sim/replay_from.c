/* replay_from: where a replay begins as users write it, and how it samples in words. */
#include <inttypes.h>
#include <stdio.h>
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

void replay_sampling_text(ns_t sample_ns, uint64_t sample_events, bool thin, char *buf, size_t size)
{
	char time[32] = "100 in all", events[40] = "";

	if (sample_ns)
		snprintf(time, sizeof(time), "every %" PRIu64 " ns", sample_ns);
	if (sample_events)
		snprintf(events, sizeof(events), " and every %" PRIu64 " events", sample_events);
	snprintf(buf, size, "%s%s%s", time, events, thin ? ", summary" : "");
}

/* replay_from: where a replay begins, as users write it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "sim/replay.h"
#include "traces/kind.h"

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

/* The texts of the first markers of the trace, for a message. */
static void list_markers(const struct trace_tables *tables, char *buf, size_t size)
{
	uint32_t nr = 0;
	size_t len = 0;

	buf[0] = '\0';
	for (uint32_t i = 0; i < tables->nr_ops && len < size; i++) {
		if (tables->ops[i].kind != KIND_MARKER)
			continue;
		if (nr++ == 8) {
			snprintf(buf + len, size - len, ", ...");
			return;
		}
		len += (size_t)snprintf(buf + len, size - len, "%s\"%s\"", nr > 1 ? ", " : "; it has ",
			tables->strings[tables->ops[i].name]);
	}
}

static bool has_marker(const struct trace_tables *tables, const char *text)
{
	for (uint32_t i = 0; i < tables->nr_ops; i++)
		if (tables->ops[i].kind == KIND_MARKER && !strcmp(tables->strings[tables->ops[i].name], text))
			return true;
	return false;
}

int replay_from_check(const struct replay_from *from, const struct trace_tables *tables, const struct trace_meta *meta,
	struct err *err)
{
	char text[600];

	if (from->kind == FROM_MARKER && !has_marker(tables, from->marker)) {
		list_markers(tables, text, sizeof(text));
		return err_set(err, ERR_TRACE, "the trace has no marker \"%s\"%s", from->marker, text);
	}
	if ((from->kind == FROM_EVENT && from->event >= meta->events) ||
		(from->kind == FROM_TIME && from->time_ns > meta->last_ns))
		return err_set(err, ERR_TRACE,
			"behind the last event: the trace has %" PRIu64 " events and ends at %" PRIu64 " ns",
			meta->events, meta->last_ns);
	return 0;
}

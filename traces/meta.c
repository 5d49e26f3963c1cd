/* meta: the counts of struct trace_meta, and what follows from its fields; see traces/trace.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "traces/trace.h"
#include "base/room_text.h"

/* Where @reason is, or would be inserted. */
static size_t place_of(const struct trace_counts *counts, const char *reason)
{
	size_t low = 0, high = counts->nr;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (strcmp(counts->rows[mid].reason, reason) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int trace_counts_add(struct trace_counts *counts, const char *reason, uint64_t n)
{
	size_t at = place_of(counts, reason);
	struct trace_count *rows;
	char *copy;

	if (at < counts->nr && !strcmp(counts->rows[at].reason, reason)) {
		counts->rows[at].count += n;
		return 0;
	}
	copy = strdup(reason);
	rows = realloc(counts->rows, (counts->nr + 1) * sizeof(*rows));
	if (rows)
		counts->rows = rows;
	if (!copy || !rows) {
		free(copy);
		return -1;
	}
	memmove(rows + at + 1, rows + at, (counts->nr - at) * sizeof(*rows));
	rows[at] = (struct trace_count){ .reason = copy, .count = n };
	counts->nr++;
	return 0;
}

uint64_t trace_counts_of(const struct trace_counts *counts, const char *reason)
{
	size_t at = place_of(counts, reason);

	return at < counts->nr && !strcmp(counts->rows[at].reason, reason) ? counts->rows[at].count : 0;
}

uint64_t trace_counts_total(const struct trace_counts *counts)
{
	uint64_t total = 0;

	for (size_t i = 0; i < counts->nr; i++)
		total += counts->rows[i].count;
	return total;
}

static void counts_fini(struct trace_counts *counts)
{
	for (size_t i = 0; i < counts->nr; i++)
		free(counts->rows[i].reason);
	free(counts->rows);
}

void trace_meta_fini(struct trace_meta *meta)
{
	if (!meta)
		return;
	free(meta->kernel);
	free(meta->arch);
	free(meta->tool);
	free(meta->clock);
	free(meta->source);
	counts_fini(&meta->ignored);
	counts_fini(&meta->unusable);
	counts_fini(&meta->repaired);
	counts_fini(&meta->classified);
	*meta = (struct trace_meta){ 0 };
}

bool trace_kernel_is(const struct trace_meta *meta, unsigned int major, unsigned int minor)
{
	unsigned int of_major, of_minor;

	if (!meta->kernel || sscanf(meta->kernel, "%u.%u", &of_major, &of_minor) != 2)
		return false;
	return of_major > major || (of_major == major && of_minor >= minor);
}

bool trace_is_recording(const struct trace_meta *meta)
{
	return meta->tool && strcmp(meta->tool, "interchange") && strcmp(meta->tool, "gen");
}

char *trace_pace_text(const struct trace_pace *pace, char *buf, size_t size)
{
	const struct {
		const char *step;
		uint32_t ns;
	} told[] = {
#define X(step) { #step, pace->step },
		TRACE_PACE(X)
#undef X
	};
	struct room_text text = { .buf = buf, .size = size };

	buf[0] = '\0';
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		if (told[i].ns)
			room_text_add(&text, "%s%s %u ns", buf[0] ? ", " : "", told[i].step, told[i].ns);
	return buf;
}

/* /proc/ioports: the regions that were claimed when it was printed. See io_log.h. */
#include <stdlib.h>
#include <string.h>

#include "traces/io_log.h"

struct region {
	uint64_t start, end;
	size_t depth;
	const char *name;
};

static bool parse_region(const char *line, struct region *region)
{
	char *end;

	region->depth = strspn(line, " ");
	region->start = strtoull(line + region->depth, &end, 16);
	if (end == line + region->depth || *end != '-')
		return false;
	line = end + 1;
	region->end = strtoull(line, &end, 16);
	if (end == line || strncmp(end, " : ", 3) || region->end < region->start)
		return false;
	region->name = end + 3;
	return true;
}

bool ioports_recognise(const char *head, size_t len)
{
	struct region region;
	char line[256];
	size_t n = 0;

	while (n < len && n < sizeof(line) - 1 && head[n] && head[n] != '\n')
		n++;
	memcpy(line, head, n);
	line[n] = 0;
	return parse_region(line, &region) && region.end <= PORT_MAX && region.depth == 0;
}

/* "0000:00:01.1": ports that a device decodes, which nobody has claimed by that alone; "PCI Bus 0000:00": a window. */
static bool is_only_decoded(const char *name)
{
	static const char pattern[] = "hhhh:hh:hh.h";
	size_t i;

	if (!strncmp(name, "PCI Bus", 7))
		return true;
	for (i = 0; pattern[i]; i++)
		if (pattern[i] == 'h' ? !strchr("0123456789abcdef", name[i]) || !name[i] : name[i] != pattern[i])
			return false;
	return !name[i];
}

/* What drivers claim are the innermost regions. */
static int take_region(struct gather *g, const struct region *region, struct err *err)
{
	struct raw_event event = { .type = RAW_REGION_THERE, .node = -1, .aux = region->start,
		.size = region->end - region->start + 1, .time_ns = g->last_ns };

	event.name = texts_add(&g->texts, region->name, strlen(region->name));
	if (event.name == TEXT_NO_MEMORY)
		return err_set(err, ERR_NOMEM, "no memory for the import's regions");
	return gather_event(g, &event, PAIR_NONE, err);
}

static int unusable(const struct source *src, struct gather *g, const struct import_options *options, struct err *err)
{
	static const char why[] = "line is not a region";

	if (options->strict)
		return err_set(err, ERR_TRACE, "%s: line %llu: %s", src->name, (unsigned long long)src->line_no, why);
	return trace_counts_add(&g->meta->unusable, why, 1) < 0 ?
		err_set(err, ERR_NOMEM, "no memory for the import's regions") : 0;
}

int ioports_import(struct source *src, struct gather *g, const struct import_options *options, struct err *err)
{
	struct region region, before = { 0 };
	char name[256] = "", *line;
	bool pending = false;
	size_t len;
	int code;

	while ((code = source_line(src, &line, &len, err)) > 0) {
		if (!len)
			continue;
		g->meta->lines++;
		if (!parse_region(line, &region) || region.end > PORT_MAX) {
			code = unusable(src, g, options, err);
			if (code < 0)
				return code;
			continue;
		}
		if (pending && region.depth <= before.depth && (code = take_region(g, &before, err)) < 0)
			return code;
		pending = !is_only_decoded(region.name);
		before = region;
		strncpy(name, region.name, sizeof(name) - 1);
		before.name = name;
	}
	return code == 0 && pending ? take_region(g, &before, err) : code;
}

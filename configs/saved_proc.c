/* saved_proc: zones, counts of free blocks and pageblocks, and counters as the kernel prints them. */
#include "configs/saved_priv.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A text file, line by line. */
struct lines {
	char path[TEXT_PATH_MAX];
	char *text;      /* owned */
	char *rest;
	uint32_t line;   /* the one at hand */
};

/* Return: 1, or 0 when there is no such file. Only after 1 there is a text to free. */
static int open_lines(struct lines *lines, struct saved_reader *r, const char *name, struct err *err)
{
	int got;

	*lines = (struct lines){ 0 };
	got = saved_text(r, name, SAVED_TEXT_MAX, &lines->text, lines->path, err);
	lines->rest = got == 1 ? lines->text : NULL;
	return got;
}

static char *next_line(struct lines *lines)
{
	lines->line++;
	return text_next_line(&lines->rest);
}

static int wrong_line(const struct lines *lines, struct err *err, const char *expected)
{
	return err_set(err, ERR_CONFIG, "%s:%" PRIu32 ": expected %s", lines->path, lines->line, expected);
}

static void zone_from_text(const struct zoneinfo *info, const struct zoneinfo_zone *from, struct state_zone *to)
{
	*to = (struct state_zone){ .node = from->node, .type = from->type, .start_pfn = from->start_pfn,
		.spanned = from->spanned, .present = from->present, .managed = from->managed,
		.boost = from->boost, .pcp_high = from->pcp_high, .pcp_batch = from->pcp_batch,
		.reserve_told = from->has_protection, .free_pages = from->free_pages };
	/* The kernel prints watermarks with the boost in them. */
	to->min = from->min > from->boost ? from->min - from->boost : 0;
	to->low = from->low > from->boost ? from->low - from->boost : 0;
	to->high = from->high > from->boost ? from->high - from->boost : 0;
	for (uint32_t i = 0; i < info->nr_types; i++) {
		if (info->types[i] < NR_ZONE_TYPES)
			to->lowmem_reserve[info->types[i]] = from->protection[i];
	}
}

static int keep_zones(struct state *state, const struct zoneinfo *info, struct err *err)
{
	state->zones = calloc(info->nr_zones + 1, sizeof(*state->zones));
	state->pcp_counts = calloc(info->nr_zones + 1, sizeof(*state->pcp_counts));
	if (!state->zones || !state->pcp_counts)
		return err_set(err, ERR_NOMEM, "no memory for a saved state");
	for (uint32_t i = 0; i < info->nr_zones; i++) {
		zone_from_text(info, &info->zones[i], &state->zones[i]);
		memcpy(state->pcp_counts[i], info->zones[i].pcp_count, sizeof(state->pcp_counts[i]));
	}
	state->nr_zones = info->nr_zones;
	return 0;
}

/* As of a file that was cut, or of `kmemsim proc`. */
static void note_untold(struct saved_reader *r)
{
	bool reserves = true, lists = true;

	for (size_t i = 0; i < r->state->nr_zones; i++) {
		reserves &= r->state->zones[i].reserve_told;
		lists &= r->state->zones[i].pcp_batch > 0;
	}
	if (!reserves)
		saved_note(r,
			"zoneinfo does not tell what zones keep from requests for higher ones (protection): that is the machine's");
	if (!lists)
		saved_note(r,
			"zoneinfo does not tell the lists of CPUs (pagesets): their limits are the machine's, and pages on them not known");
}

int saved_zoneinfo(struct saved_reader *r, struct err *err)
{
	struct zoneinfo *info;
	struct lines lines;
	int got = open_lines(&lines, r, "zoneinfo", err);

	if (got <= 0)
		return got;
	info = malloc(sizeof(*info));
	if (info)
		zoneinfo_parse(info, lines.text, r->notes);
	got = info ? keep_zones(r->state, info, err) : err_set(err, ERR_NOMEM, "no memory for a saved state");
	if (got == 0 && !info->nr_zones)
		got = err_set(err, ERR_CONFIG, "%s: expected zones as /proc/zoneinfo has them, it has none with pages",
			lines.path);
	r->text_zones = true;
	if (got == 0)
		saved_note(r, "zones.csv is missing: zones are those of zoneinfo");
	if (got == 0)
		note_untold(r);
	free(info);
	free(lines.text);
	return got;
}

static bool has_zone(const struct state *state, uint32_t node, enum machine_zone type)
{
	for (size_t i = 0; i < state->nr_zones; i++)
		if (state->zones[i].node == node && state->zones[i].type == type)
			return true;
	return false;
}

int saved_named_zones(struct saved_reader *r, const char *name, struct err *err)
{
	struct state *state = r->state;
	struct lines lines;
	int got = open_lines(&lines, r, name, err);
	char *line, zone[16];

	if (got <= 0)
		return got;
	for (got = 0; got == 0 && (line = next_line(&lines));) {
		enum machine_zone type;
		uint32_t node;

		if (!zoneinfo_zone_line(line, &node, zone) || !zoneinfo_type(zone, &type) ||
			has_zone(state, node, type))
			continue;
		got = saved_grow(&state->zones, state->nr_zones, sizeof(*state->zones), err);
		if (got == 0)
			state->zones[state->nr_zones++] = (struct state_zone){ .node = node, .type = type };
	}
	if (got == 0 && !state->nr_zones)
		got = err_set(err, ERR_CONFIG, "%s: expected free blocks of zones as /proc/%s has them", lines.path,
			name);
	if (got == 0)
		saved_note(r,
			"zoneinfo is missing: zones are those of %s; their sizes and watermarks are the machine's, and pages "
			"on CPUs' lists are not known",
			name);
	free(lines.text);
	return got;
}

/* "Node 0, zone  DMA32": index of the zone, or -1 when the line is another or the zone has no pages. */
static int zone_of_line(const struct state *state, const char *line)
{
	enum machine_zone type;
	uint32_t node;
	char name[16];

	if (!zoneinfo_zone_line(line, &node, name) || !zoneinfo_type(name, &type))
		return -1;
	for (size_t i = 0; i < state->nr_zones; i++) {
		if (state->zones[i].node == node && state->zones[i].type == type)
			return (int)i;
	}
	return -1;
}

/* A line of a zone that zoneinfo does not have. */
static void note_unknown_zone(struct saved_reader *r, const char *file, const char *line, int zone)
{
	uint32_t node;
	char name[16];

	if (zone < 0 && zoneinfo_zone_line(line, &node, name))
		saved_note(r, "%s has node %" PRIu32 " zone %s, zoneinfo does not: are both of one machine?", file,
			node, name);
}

/* The numbers behind the word that ends at @at: up to @max of them. ">100000" is where the kernel stopped to count. */
static uint32_t read_counts(const char *at, uint64_t *counts, uint32_t max, bool *at_least)
{
	uint32_t n = 0;

	while (n < max) {
		char *end;

		at += strspn(at, " \t");
		if (*at == '>') {
			*at_least = true;
			at++;
		}
		if (!isdigit((unsigned char)*at))
			break;
		counts[n++] = strtoull(at, &end, 10);
		at = end;
	}
	at += strspn(at, " \t\r");
	return *at ? 0 : n;
}

/* Behind the name of the zone. */
static const char *behind_zone(const char *line)
{
	const char *at = strstr(line, "zone") + strlen("zone");

	at += strspn(at, " \t");
	return at + strcspn(at, " \t,");
}

/* What the columns of "Number of blocks type  Unmovable  Movable ..." are. */
struct columns {
	int type[SAVED_NR_TYPES];
	uint32_t nr;
};

static void read_type_columns(struct columns *columns, const char *line)
{
	char name[32];
	int used;

	columns->nr = 0;
	while (columns->nr < SAVED_NR_TYPES && sscanf(line, "%31s%n", name, &used) == 1) {
		columns->type[columns->nr++] = saved_type_of(name);
		line += used;
	}
}

/* "Node 0, zone  DMA32            60          102            6            0            0" */
static bool read_pageblocks(uint64_t *pageblocks, const struct columns *columns, const char *line)
{
	uint64_t counts[SAVED_NR_TYPES];
	bool at_least = false;
	uint32_t nr = read_counts(behind_zone(line), counts, SAVED_NR_TYPES, &at_least);

	if (!nr || nr != columns->nr)
		return false;
	for (uint32_t i = 0; i < nr; i++) {
		if (columns->type[i] >= 0)
			pageblocks[columns->type[i]] = counts[i];
	}
	return true;
}

/* "Node    0, zone    DMA32, type      Movable      1      1      0 ..." */
static bool read_type_blocks(uint64_t (*blocks)[16], const char *line, bool *at_least)
{
	char name[32];
	int type, used;

	if (sscanf(strstr(line, ", type"), ", type %31s%n", name, &used) != 1)
		return false;
	type = saved_type_of(name);
	return type >= 0 && read_counts(strstr(line, ", type") + used, blocks[type], SAVED_MAX_ORDER + 1, at_least) > 0;
}

static int parse_pagetypeinfo(struct saved_reader *r, struct lines *lines, uint64_t *block_pages, struct err *err)
{
	struct state *state = r->state;
	struct columns columns = { .nr = 0 };
	bool at_least = false, told = false;
	char *line;

	while ((line = next_line(lines))) {
		int zone = zone_of_line(state, line);

		if (!strstr(line, ", type"))
			note_unknown_zone(r, "pagetypeinfo", line, zone);
		text_number(line, "Pages per block", block_pages);
		if (!strncmp(line, "Number of blocks type", strlen("Number of blocks type")))
			read_type_columns(&columns, line + strlen("Number of blocks type"));
		if (zone < 0)
			continue;
		if (strstr(line, ", type")) {
			told = true;
			if (!read_type_blocks(state->block_counts[zone], line, &at_least))
				return wrong_line(lines, err,
					"a migratetype and the number of its free blocks by order");
		} else if (!read_pageblocks(state->pageblocks[zone], &columns, line)) {
			return wrong_line(lines, err, "a number of pageblocks for each migratetype");
		}
	}
	if (!told)
		return err_set(err, ERR_CONFIG, "%s: expected free blocks of zones as /proc/pagetypeinfo has them",
			lines->path);
	if (at_least)
		saved_note(r,
			"pagetypeinfo: the kernel stopped to count some free blocks at 100000: taken as that many");
	return 0;
}

/* zoneinfo does not tell the reserve for atomic allocations: it is what its pageblocks have. */
static void highatomic_from_pageblocks(struct saved_reader *r, uint64_t block_pages)
{
	for (size_t i = 0; r->text_zones && i < r->state->nr_zones; i++)
		r->state->zones[i].highatomic = r->state->pageblocks[i][saved_type_of("HighAtomic")] * block_pages;
}

/* Return: 1 when the file was there. */
static int read_pagetypeinfo(struct saved_reader *r, struct err *err)
{
	struct state *state = r->state;
	uint64_t block_pages = 0;
	struct lines lines;
	int got = open_lines(&lines, r, "pagetypeinfo", err);

	if (got <= 0)
		return got;
	state->block_counts = calloc(state->nr_zones, sizeof(*state->block_counts));
	state->pageblocks = calloc(state->nr_zones, sizeof(*state->pageblocks));
	if (!state->block_counts || !state->pageblocks)
		got = err_set(err, ERR_NOMEM, "no memory for a saved state");
	else
		got = parse_pagetypeinfo(r, &lines, &block_pages, err);
	if (!got)
		highatomic_from_pageblocks(r, block_pages < SAVED_MAX_PFN ? block_pages : 0);
	free(lines.text);
	return got < 0 ? got : 1;
}

/* Only the root user may read pagetypeinfo; buddyinfo does not tell migratetypes. */
static int read_buddyinfo(struct saved_reader *r, struct err *err)
{
	struct state *state = r->state;
	struct lines lines;
	bool at_least = false, told = false;
	int got = open_lines(&lines, r, "buddyinfo", err);
	char *line;

	if (got == 0 && !state->exact_blocks)
		saved_note(r,
			"neither pagetypeinfo nor buddyinfo is there: only the number of free pages of each zone is known, "
			"and taken to be in blocks as large as can be");
	if (got <= 0)
		return got;
	state->block_counts = calloc(state->nr_zones, sizeof(*state->block_counts));
	got = state->block_counts ? 0 : err_set(err, ERR_NOMEM, "no memory for a saved state");
	while (!got && (line = next_line(&lines))) {
		int zone = zone_of_line(state, line);

		note_unknown_zone(r, "buddyinfo", line, zone);
		told |= zone >= 0;
		if (zone >= 0 && !read_counts(behind_zone(line), state->block_counts[zone][saved_type_of("Movable")],
				SAVED_MAX_ORDER + 1, &at_least))
			got = wrong_line(&lines, err, "the number of free blocks by order");
	}
	if (!got && !told)
		got = err_set(err, ERR_CONFIG, "%s: expected free blocks of zones as /proc/buddyinfo has them",
			lines.path);
	if (!got)
		saved_note(r, "pagetypeinfo is missing: all free blocks of buddyinfo are taken as Movable");
	free(lines.text);
	return got;
}

static int read_vmstat(struct saved_reader *r, struct err *err)
{
	struct state *state = r->state;
	struct lines lines;
	int got = open_lines(&lines, r, "vmstat", err);
	char *line;

	if (got <= 0)
		return got;
	got = 0;
	while (!got && (line = next_line(&lines))) {
		struct state_counter *counter;
		int used = 0;

		got = saved_grow(&state->vmstat, state->nr_vmstat, sizeof(*state->vmstat), err);
		if (got < 0)
			break;
		counter = &state->vmstat[state->nr_vmstat++];
		if (sscanf(line, "%47s %" SCNu64 "%n", counter->name, &counter->value, &used) != 2 || line[used])
			got = wrong_line(&lines, err, "the name of a counter and its value");
	}
	free(lines.text);
	return got;
}

/* A live machine goes on between the reading of one file and the next: so much may differ. */
#define MAY_DIFFER_PAGES 1024u
#define MAY_DIFFER_SHARE 20u /* one in so many */

/* Free blocks that are not those of the zones: the files are of other moments, or of two machines. */
static void note_disagreement(struct saved_reader *r, const char *name)
{
	const struct state *state = r->state;

	for (size_t i = 0; r->text_zones && state->block_counts && i < state->nr_zones; i++) {
		const struct state_zone *zone = &state->zones[i];
		uint64_t pages = 0, apart;

		for (int type = 0; type < SAVED_NR_TYPES; type++)
			for (unsigned int order = 0; order <= SAVED_MAX_ORDER; order++)
				pages += state->block_counts[i][type][order] << order;
		apart = pages > zone->free_pages ? pages - zone->free_pages : zone->free_pages - pages;
		if (apart > MAY_DIFFER_PAGES && apart > zone->free_pages / MAY_DIFFER_SHARE)
			saved_note(r,
				"%s and zoneinfo disagree: node %" PRIu32 " zone %s has %" PRIu64
				" pages in free blocks, and %" PRIu64
				" free pages: are both of one machine and one moment?",
				name, zone->node, machine_zone_name[zone->type], pages, zone->free_pages);
	}
}

int saved_proc(struct saved_reader *r, struct err *err)
{
	const char *name = "pagetypeinfo";
	int got = read_pagetypeinfo(r, err);

	if (!got) {
		name = "buddyinfo";
		got = read_buddyinfo(r, err);
	}
	if (got < 0)
		return got;
	note_disagreement(r, name);
	return read_vmstat(r, err);
}

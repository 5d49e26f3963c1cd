/* saved_memory: zones, free blocks, per-CPU lists and page kinds of a memory dump. */
#include "configs/saved_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PAGES SAVED_MAX_PFN

/* Zone types by their number in lowmem_reserve; NR_ZONE_TYPES = one that the model does not have (Device). */
static const enum machine_zone types_64[] = { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL, ZONE_MOVABLE, NR_ZONE_TYPES };
static const enum machine_zone types_32[] = { ZONE_DMA, ZONE_NORMAL, ZONE_HIGHMEM, ZONE_MOVABLE, NR_ZONE_TYPES };

enum { Z_NODE, Z_ZONE, Z_START, Z_SPANNED, Z_PRESENT, Z_MANAGED, Z_MIN, Z_LOW, Z_HIGH, Z_BOOST, Z_RESERVE, Z_PCP_HIGH,
	Z_PCP_BATCH, Z_HIGHATOMIC, Z_FREE };
static const char *const zone_columns[] = { "node", "zone", "start_pfn", "spanned", "present", "managed", "wmark_min",
	"wmark_low", "wmark_high", "watermark_boost?", "lowmem_reserve?", "pcp_high?", "pcp_batch?",
	"nr_reserved_highatomic?", "free_pages", NULL };

static enum machine_zone zone_type(struct csv *csv, struct err *err)
{
	for (uint32_t i = 0; i < NR_ZONE_TYPES; i++) {
		if (!strcmp(machine_zone_name[i], csv_text(csv, Z_ZONE)))
			return (enum machine_zone)i;
	}
	csv_wrong(csv, Z_ZONE, err, "DMA, DMA32, Normal, HighMem or Movable");
	return ZONE_NORMAL;
}

/* Kept by its number for now: which type a number is shows when all zones are known. */
static void zone_reserve(struct csv *csv, struct state_zone *zone, struct err *err)
{
	const char *at = NULL;
	uint64_t pages;

	for (uint32_t i = 0; csv_item(csv, Z_RESERVE, &at, MAX_PAGES, &pages, err); i++) {
		zone->reserve_told = true;
		if (i < NR_ZONE_TYPES)
			zone->lowmem_reserve[i] = pages;
	}
}

static void zone_row(struct csv *csv, struct state_zone *zone, struct err *err)
{
	*zone = (struct state_zone){
		.node = (uint32_t)csv_number(csv, Z_NODE, MACHINE_MAX_NODES - 1, err),
		.type = zone_type(csv, err),
		.start_pfn = csv_number(csv, Z_START, SAVED_MAX_PFN, err),
		.spanned = csv_number(csv, Z_SPANNED, MAX_PAGES, err),
		.present = csv_number(csv, Z_PRESENT, MAX_PAGES, err),
		.managed = csv_number(csv, Z_MANAGED, MAX_PAGES, err),
		.min = csv_number(csv, Z_MIN, MAX_PAGES, err),
		.low = csv_number(csv, Z_LOW, MAX_PAGES, err),
		.high = csv_number(csv, Z_HIGH, MAX_PAGES, err),
		.boost = csv_number(csv, Z_BOOST, MAX_PAGES, err),
		.pcp_high = (uint32_t)csv_number(csv, Z_PCP_HIGH, UINT32_MAX, err),
		.pcp_batch = (uint32_t)csv_number(csv, Z_PCP_BATCH, UINT32_MAX, err),
		.highatomic = csv_number(csv, Z_HIGHATOMIC, MAX_PAGES, err),
		.free_pages = csv_number(csv, Z_FREE, MAX_PAGES, err),
	};
	zone_reserve(csv, zone, err);
	if (zone->present > zone->spanned)
		csv_wrong(csv, Z_PRESENT, err, "at most the %" PRIu64 " pages spanned", zone->spanned);
	if (zone->managed > zone->present)
		csv_wrong(csv, Z_MANAGED, err, "at most the %" PRIu64 " pages present", zone->present);
}

static int by_node_and_type(const void *a, const void *b)
{
	const struct state_zone *x = a, *y = b;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	return (x->type > y->type) - (x->type < y->type);
}

/* The numbers of lowmem_reserve are the zone types that the kernel is configured for. */
static void sort_reserves(struct state *state)
{
	bool highmem = false;

	for (size_t i = 0; i < state->nr_zones; i++)
		highmem |= state->zones[i].type == ZONE_HIGHMEM;
	for (size_t i = 0; i < state->nr_zones; i++) {
		uint64_t by_type[NR_ZONE_TYPES] = { 0 };

		for (uint32_t k = 0; k < NR_ZONE_TYPES; k++) {
			enum machine_zone type = highmem ? types_32[k] : types_64[k];

			if (type < NR_ZONE_TYPES)
				by_type[type] = state->zones[i].lowmem_reserve[k];
		}
		memcpy(state->zones[i].lowmem_reserve, by_type, sizeof(by_type));
	}
}

static int read_zones(struct saved_reader *r, struct err *err)
{
	struct state *state = r->state;
	struct csv csv;
	int got = csv_open(&csv, r->memory, "zones.csv", zone_columns, err);

	if (got <= 0)
		return got;
	while ((got = csv_next(&csv, err)) > 0) {
		if (state->nr_zones == MACHINE_MAX_NODES * NR_ZONE_TYPES)
			csv_wrong(&csv, Z_ZONE, err, "at most %d zones", MACHINE_MAX_NODES * NR_ZONE_TYPES);
		else if ((got = saved_grow(&state->zones, state->nr_zones, sizeof(*state->zones), err)) < 0)
			break;
		else
			zone_row(&csv, &state->zones[state->nr_zones++], err);
	}
	csv_close(&csv);
	if (got == 0 && !state->nr_zones)
		return err_set(err, ERR_CONFIG, "%s: expected a line for each zone", csv.path);
	if (got == 0) {
		qsort(state->zones, state->nr_zones, sizeof(*state->zones), by_node_and_type);
		sort_reserves(state);
	}
	return got;
}

/* A block with its place: which list of the kernel, and where in it. */
struct placed {
	uint64_t pfn, list, pos;
	uint32_t cpu, line;
	uint16_t zone;
	uint8_t pcp_list, order, migratetype;
};

struct placed_list {
	struct placed *rows;
	size_t nr;
};

static int by_list_and_pos(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	if (x->list != y->list)
		return x->list < y->list ? -1 : 1;
	if (x->pos != y->pos)
		return x->pos < y->pos ? -1 : 1;
	return (x->line > y->line) - (x->line < y->line);
}

/* Bring blocks into the order of their lists, which have no holes. */
static int sort_placed(struct placed_list *list, const char *path, struct err *err)
{
	uint64_t pos = 0;

	if (list->nr)
		qsort(list->rows, list->nr, sizeof(*list->rows), by_list_and_pos);
	for (size_t i = 0; i < list->nr; i++) {
		const struct placed *row = &list->rows[i];

		pos = i && list->rows[i - 1].list == row->list ? pos + 1 : 0;
		if (row->pos != pos)
			return err_set(err, ERR_CONFIG, "%s:%" PRIu32 ": pos: found %" PRIu64 ", but position %" PRIu64
				" of its list is missing", path, row->line, row->pos, pos);
	}
	return 0;
}

/* What both files have: frame and order, within the zone. */
static void place_block(struct csv *csv, const struct saved_reader *r, struct placed *row, const uint32_t column[2],
	struct err *err)
{
	const struct state_zone *zone = &r->state->zones[row->zone];

	row->line = csv->line;
	row->order = (uint8_t)csv_number(csv, column[0], SAVED_MAX_ORDER, err);
	row->pfn = csv_number(csv, column[1], SAVED_MAX_PFN, err);
	if (row->pfn < zone->start_pfn || row->pfn + (1ull << row->order) > zone->start_pfn + zone->spanned)
		csv_wrong(csv, column[1], err, "a block within zone %s of node %" PRIu32, machine_zone_name[zone->type],
			zone->node);
	if (row->pfn & ((1ull << row->order) - 1))
		csv_wrong(csv, column[1], err, "a multiple of 2^%u", row->order);
}

enum { B_NODE, B_ZONE, B_ORDER, B_TYPE, B_POS, B_PFN };
static const char *const block_columns[] = { "node", "zone", "order", "migratetype", "pos", "pfn", NULL };

static void block_row(struct csv *csv, const struct saved_reader *r, struct placed *row, struct err *err)
{
	static const uint32_t columns[2] = { B_ORDER, B_PFN };
	int type = saved_type_of(csv_text(csv, B_TYPE));

	*row = (struct placed){ .zone = saved_zone_of(r, csv, B_NODE, B_ZONE, err), .migratetype = (uint8_t)type };
	if (type < 0)
		csv_wrong(csv, B_TYPE, err, "Unmovable, Movable, Reclaimable, HighAtomic, CMA or Isolate");
	place_block(csv, r, row, columns, err);
	row->pos = csv_number(csv, B_POS, MAX_PAGES, err);
	row->list = (uint64_t)row->zone << 16 | (uint64_t)row->order << 8 | row->migratetype;
}

enum { P_NODE, P_ZONE, P_CPU, P_LIST, P_ORDER, P_TYPE, P_POS, P_PFN };
static const char *const pcp_columns[] = { "node", "zone", "cpu", "list", "order", "migratetype", "pos", "pfn",
	NULL };

/* Two lists have pageblock order: 13 for movable blocks, 12 for all others, whose type it does not tell. */
static int pcp_type(const char *name, uint8_t list)
{
	if (!strcmp(name, "THP"))
		return list == 13 ? 1 : 0;
	return saved_type_of(name);
}

static void pcp_row(struct csv *csv, const struct saved_reader *r, struct placed *row, struct err *err)
{
	static const uint32_t columns[2] = { P_ORDER, P_PFN };
	int type;

	*row = (struct placed){
		.zone = saved_zone_of(r, csv, P_NODE, P_ZONE, err),
		.cpu = (uint32_t)csv_number(csv, P_CPU, MACHINE_MAX_CPUS - 1, err),
		.pcp_list = (uint8_t)csv_number(csv, P_LIST, 13, err),
	};
	type = pcp_type(csv_text(csv, P_TYPE), row->pcp_list);
	if (type < 0)
		csv_wrong(csv, P_TYPE, err, "Unmovable, Movable, Reclaimable, HighAtomic, CMA, Isolate or THP");
	row->migratetype = (uint8_t)type;
	place_block(csv, r, row, columns, err);
	row->pos = csv_number(csv, P_POS, MAX_PAGES, err);
	row->list = (uint64_t)row->zone << 32 | (uint64_t)row->cpu << 8 | row->pcp_list;
}

/* Return: 1 when the file is there, and its blocks in order, or 0, or a negative code. */
static int read_placed(struct saved_reader *r, const char *name, const char *const *columns,
	void (*read_row)(struct csv *, const struct saved_reader *, struct placed *, struct err *),
	struct placed_list *list, struct err *err)
{
	struct csv csv;
	int got = csv_open(&csv, r->memory, name, columns, err);

	if (got <= 0)
		return got;
	while ((got = csv_next(&csv, err)) > 0) {
		got = saved_grow(&list->rows, list->nr, sizeof(*list->rows), err);
		if (got < 0)
			break;
		read_row(&csv, r, &list->rows[list->nr++], err);
	}
	csv_close(&csv);
	if (got == 0)
		got = sort_placed(list, csv.path, err);
	return got < 0 ? got : 1;
}

static int read_blocks(struct saved_reader *r, struct err *err)
{
	struct placed_list list = { 0 };
	struct state *state = r->state;
	int got = read_placed(r, "buddy_free.csv", block_columns, block_row, &list, err);

	if (got == 0)
		saved_note(r, "buddy_free.csv is missing: where free blocks lie is laid out at random (--seed)");
	if (got == 1) {
		state->blocks = calloc(list.nr + 1, sizeof(*state->blocks));
		state->exact_blocks = state->blocks != NULL;
		if (!state->blocks)
			got = err_set(err, ERR_NOMEM, "no memory for a saved state");
	}
	for (size_t i = 0; got == 1 && i < list.nr; i++) {
		const struct placed *row = &list.rows[i];

		state->blocks[state->nr_blocks++] = (struct state_block){ .pfn = row->pfn, .zone = row->zone,
			.order = row->order, .migratetype = row->migratetype };
	}
	free(list.rows);
	return got < 0 ? got : 0;
}

static int read_pcp(struct saved_reader *r, struct err *err)
{
	struct placed_list list = { 0 };
	struct state *state = r->state;
	int got = read_placed(r, "pcp.csv", pcp_columns, pcp_row, &list, err);

	if (got == 0)
		saved_note(r, "pcp.csv is missing: per-CPU page lists are assumed empty");
	if (got == 1) {
		state->pcp = calloc(list.nr + 1, sizeof(*state->pcp));
		if (!state->pcp)
			got = err_set(err, ERR_NOMEM, "no memory for a saved state");
	}
	for (size_t i = 0; got == 1 && i < list.nr; i++) {
		const struct placed *row = &list.rows[i];

		state->pcp[state->nr_pcp++] = (struct state_pcp){ .pfn = row->pfn, .cpu = row->cpu, .zone = row->zone,
			.list = row->pcp_list, .order = row->order, .migratetype = row->migratetype };
	}
	free(list.rows);
	return got < 0 ? got : 0;
}

static enum state_page_kind page_kind(const char *name)
{
	static const char *const names[] = { "buddy", "pcp", "slab", "anon", "file", "pgtable", "compound", "kernel",
		"reserved", "unaccounted", "hole" };

	_Static_assert(sizeof(names) / sizeof(names[0]) == STATE_PAGE_OTHER, "a name for each kind");
	for (uint32_t i = 0; i < STATE_PAGE_OTHER; i++) {
		if (!strcmp(names[i], name))
			return (enum state_page_kind)i;
	}
	return STATE_PAGE_OTHER;
}

enum { R_FIRST, R_PAGES, R_KIND };
static const char *const run_columns[] = { "first_pfn", "pages", "kind", NULL };

static int read_pages(struct saved_reader *r, struct err *err)
{
	struct state *state = r->state;
	uint64_t end = 0;
	struct csv csv;
	int got = csv_open(&csv, r->memory, "pages.csv", run_columns, err);

	if (got == 0)
		saved_note(r,
			"pages.csv is missing: what used pages are for is not known, only which are free or slabs");
	if (got <= 0)
		return got;
	while ((got = csv_next(&csv, err)) > 0) {
		struct state_pages *run;

		got = saved_grow(&state->pages, state->nr_pages, sizeof(*state->pages), err);
		if (got < 0)
			break;
		run = &state->pages[state->nr_pages++];
		run->first_pfn = csv_number(&csv, R_FIRST, SAVED_MAX_PFN, err);
		run->nr_pages = csv_number(&csv, R_PAGES, MAX_PAGES, err);
		run->kind = page_kind(csv_text(&csv, R_KIND));
		if (run->first_pfn < end)
			csv_wrong(&csv, R_FIRST, err, "ascending runs, from %" PRIu64 " on", end);
		end = run->first_pfn + run->nr_pages;
	}
	csv_close(&csv);
	return got;
}

enum { E_CPU, E_ENTRIES };
static const char *const entry_columns[] = { "cpu", "entries", NULL };

static int read_entries(struct saved_reader *r, struct err *err)
{
	struct state *state = r->state;
	struct csv csv;
	int got = csv_open(&csv, r->memory, "trace_entries.csv", entry_columns, err);

	if (got == 0 && state->exact_blocks)
		saved_note(r,
			"trace_entries.csv is missing: which events of its recording came before is not known (--from tells)");
	if (got <= 0)
		return got;
	while ((got = csv_next(&csv, err)) > 0) {
		uint32_t cpu = (uint32_t)csv_number(&csv, E_CPU, MACHINE_MAX_CPUS - 1, err);

		state->entries[cpu] = csv_number(&csv, E_ENTRIES, UINT64_MAX, err);
		if (cpu >= state->nr_entries)
			state->nr_entries = cpu + 1;
	}
	csv_close(&csv);
	return got;
}

int saved_memory(struct saved_reader *r, struct err *err)
{
	int ret = read_zones(r, err);

	if (!ret && !r->state->nr_zones)
		ret = saved_zoneinfo(r, err);
	if (!ret && !r->state->nr_zones)
		ret = saved_named_zones(r, "pagetypeinfo", err);
	if (!ret && !r->state->nr_zones)
		ret = saved_named_zones(r, "buddyinfo", err);
	if (!ret && !r->state->nr_zones)
		ret = err_set(err, ERR_CONFIG,
			"%s: expected a folder with memory/zones.csv, zoneinfo, pagetypeinfo or buddyinfo", r->dir);
	if (!ret)
		ret = read_blocks(r, err);
	/* Other pages cannot lie where they were when free ones lie anywhere. */
	if (!ret && r->state->exact_blocks)
		ret = read_pcp(r, err);
	if (!ret && r->state->exact_blocks)
		ret = read_pages(r, err);
	if (!ret)
		ret = read_entries(r, err);
	return ret;
}

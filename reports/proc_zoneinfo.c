/*
 * /proc/zoneinfo, line by line as zoneinfo_show_print() of mm/vmstat.c (6.1) prints it.
 * Simplified: only lines whose figures samples have. There are no per-node statistics, no NUMA counters,
 * and of a zone's statistics nr_free_pages and nr_free_cma; nodes without memory are left out.
 */
#include <inttypes.h>
#include <string.h>

#include "reports/proc_priv.h"

#define SAME_ZONE " s.sample_id = z.sample_id AND s.node = z.node AND s.zone = z.zone AND s.migratetype = 'CMA'"

/* The kernel's watermarks have the boost in them, a sample's do not. */
static const char zones_sql[] =
	"SELECT node, zone, free_pages, boost_pages, min_pages + boost_pages, low_pages + boost_pages, high_pages + boost_pages,"
	" spanned_pages, present_pages, managed_pages, coalesce((SELECT pageblocks << ?2 FROM pageblocks s WHERE" SAME_ZONE "), 0),"
	" coalesce((SELECT sum(blocks << \"order\") FROM free_blocks s WHERE" SAME_ZONE "), 0), start_pfn, protection, pcp_high_pages,"
	" pcp_batch_pages, stat_threshold, node_unreclaimable"
	" FROM zone_samples z WHERE sample_id = ?1 AND present_pages > 0 ORDER BY node, " RESULTS_ZONE_RANK;

enum { NODE, ZONE, FREE, NR_FREE_CMA = 11, START_PFN, PROTECTION, PCP_HIGH, PCP_BATCH, STAT_THRESHOLD, UNRECLAIMABLE };

/* One row for each CPU (?2: how many) of each zone, zones as above. */
static const char lists_sql[] =
	"WITH RECURSIVE cpus(cpu) AS (SELECT 0 WHERE ?2 > 0 UNION ALL SELECT cpu + 1 FROM cpus WHERE cpu + 1 < ?2)"
	" SELECT cpu, coalesce((SELECT pages FROM pcp_lists l WHERE l.sample_id = z.sample_id AND l.node = z.node AND l.zone = z.zone"
	" AND l.cpu = c.cpu), 0) FROM zone_samples z, cpus c WHERE sample_id = ?1 AND present_pages > 0"
	" ORDER BY node, " RESULTS_ZONE_RANK ", cpu";

#define NR_SIZES  9
#define MAX_ZONES 8

#define HIGHMEM_MIN_LEAST 32 /* SWAP_CLUSTER_MAX: of high memory also where there is none, __setup_per_zone_wmarks() */

struct zoneinfo {
	const struct proc_sample *sample;
	sqlite3_stmt *zones, *lists;
	int64_t cpus;                /* 0 = not known: written by an older kmemsim */
	char names[128];             /* holds @name */
	const char *name[MAX_ZONES]; /* of the zones of each node, populated or not */
	uint32_t nr_names;
	bool has_highmem;            /* one was printed: ZONE_MOVABLE is high memory then, is_highmem() */
};

static int read_machine(struct zoneinfo *info, struct err *err)
{
	const struct proc_sample *sample = info->sample;
	sqlite3_stmt *stmt;
	char *save = NULL;
	int ret = results_prepare(sample->results,
		"SELECT cpus, zones FROM runs JOIN samples USING (run_id) WHERE sample_id = ?", &sample->id, 1, &stmt,
		err);

	if (ret < 0)
		return ret;
	ret = results_step(sample->results, stmt, err);
	if (ret > 0) {
		info->cpus = sqlite3_column_int64(stmt, 0);
		snprintf(info->names, sizeof(info->names), "%s", (const char *)sqlite3_column_text(stmt, 1));
	}
	sqlite3_finalize(stmt);
	for (char *at = strtok_r(info->names, " ", &save); at && info->nr_names < MAX_ZONES;
		at = strtok_r(NULL, " ", &save))
		info->name[info->nr_names++] = at;
	return ret < 0 ? ret : 0;
}

/* @sizes: from free to cma. */
static void print_sizes(FILE *out, int node, const char *zone, const int64_t sizes[NR_SIZES])
{
	static const char *const names[NR_SIZES] = { "pages free    ", "      boost   ", "      min     ",
		"      low     ", "      high    ", "      spanned ", "      present ", "      managed ",
		"      cma     " };

	fprintf(out, "Node %d, zone %8s", node, zone);
	for (int i = 0; i < NR_SIZES; i++)
		fprintf(out, "\n  %s %" PRId64, names[i], sizes[i]);
}

static void print_unpopulated(const struct zoneinfo *info, int node, const char *zone)
{
	FILE *out = info->sample->out;
	int64_t mark =
		!strcmp(zone, "HighMem") || (info->has_highmem && !strcmp(zone, "Movable")) ? HIGHMEM_MIN_LEAST : 0;

	print_sizes(out, node, zone, (const int64_t[NR_SIZES]){ 0, 0, mark, mark, mark });
	fputs("\n        protection: (", out);
	for (uint32_t i = 0; i < info->nr_names; i++)
		fputs(i ? ", 0" : "0", out);
	fputs(")\n", out);
}

static int print_lists(const struct zoneinfo *info, struct err *err)
{
	FILE *out = info->sample->out;

	fputs("\n  pagesets", out);
	for (int64_t i = 0; i < info->cpus; i++) {
		int ret = results_step(info->sample->results, info->lists, err);

		if (ret <= 0)
			return ret;
		fprintf(out,
			"\n    cpu: %" PRId64 "\n              count: %" PRId64 "\n              high:  %" PRId64
			"\n              batch: %" PRId64 "\n  vm stats threshold: %" PRId64,
			(int64_t)sqlite3_column_int64(info->lists, 0), (int64_t)sqlite3_column_int64(info->lists, 1),
			(int64_t)sqlite3_column_int64(info->zones, PCP_HIGH),
			(int64_t)sqlite3_column_int64(info->zones, PCP_BATCH),
			(int64_t)sqlite3_column_int64(info->zones, STAT_THRESHOLD));
	}
	return 0;
}

static int print_populated(struct zoneinfo *info, struct err *err)
{
	FILE *out = info->sample->out;
	sqlite3_stmt *zone = info->zones;
	int64_t sizes[NR_SIZES];
	int ret = 0;

	for (int i = 0; i < NR_SIZES; i++)
		sizes[i] = sqlite3_column_int64(zone, FREE + i);
	print_sizes(out, sqlite3_column_int(zone, NODE), (const char *)sqlite3_column_text(zone, ZONE), sizes);
	if (info->cpus)
		fprintf(out, "\n        protection: (%s)", (const char *)sqlite3_column_text(zone, PROTECTION));
	fprintf(out, "\n      %-12s %" PRId64, "nr_free_pages", (int64_t)sqlite3_column_int64(zone, FREE));
	fprintf(out, "\n      %-12s %" PRId64, "nr_free_cma", (int64_t)sqlite3_column_int64(zone, NR_FREE_CMA));
	if (info->cpus) {
		ret = print_lists(info, err);
		fprintf(out, "\n  node_unreclaimable:  %d", sqlite3_column_int(zone, UNRECLAIMABLE));
	}
	fprintf(out, "\n  start_pfn:           %" PRId64 "\n", (int64_t)sqlite3_column_int64(zone, START_PFN));
	return ret;
}

static uint32_t number_of(const struct zoneinfo *info, const char *zone)
{
	uint32_t i = 0;

	while (i < info->nr_names && strcmp(info->name[i], zone))
		i++;
	return i;
}

static void print_range(const struct zoneinfo *info, int node, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		print_unpopulated(info, node, info->name[i]);
}

static int print_zones(struct zoneinfo *info, struct err *err)
{
	uint32_t next = info->nr_names, number;
	int node = -1, ret;

	while ((ret = results_step(info->sample->results, info->zones, err)) > 0) {
		if (sqlite3_column_int(info->zones, NODE) != node) {
			print_range(info, node, next, info->nr_names);
			node = sqlite3_column_int(info->zones, NODE);
			next = 0;
		}
		number = number_of(info, (const char *)sqlite3_column_text(info->zones, ZONE));
		print_range(info, node, next, number);
		next = number + 1;
		info->has_highmem |= !strcmp((const char *)sqlite3_column_text(info->zones, ZONE), "HighMem");
		ret = print_populated(info, err);
		if (ret < 0)
			return ret;
	}
	if (ret == 0)
		print_range(info, node, next, info->nr_names);
	return ret;
}

int proc_zoneinfo(const struct proc_sample *sample, struct err *err)
{
	struct zoneinfo info = { .sample = sample };
	int ret = read_machine(&info, err);

	if (ret == 0)
		ret = results_prepare(sample->results, zones_sql,
			(const int64_t[]){ sample->id, sample->pageblock_order }, 2, &info.zones, err);
	if (ret == 0)
		ret = results_prepare(sample->results, lists_sql, (const int64_t[]){ sample->id, info.cpus }, 2,
			&info.lists, err);
	if (ret == 0)
		ret = print_zones(&info, err);
	sqlite3_finalize(info.zones);
	sqlite3_finalize(info.lists);
	return ret;
}

/*
 * /proc/zoneinfo, line by line as zoneinfo_show_print() of mm/vmstat.c (6.1) prints it.
 * Simplified: only lines whose figures samples have. There are no per-node statistics, no "protection", no "pagesets" of each CPU, and of
 * a zone's statistics nr_free_pages and nr_free_cma.
 */
#include <inttypes.h>

#include "reports/proc_priv.h"

#define SAME_ZONE " s.sample_id = z.sample_id AND s.node = z.node AND s.zone = z.zone AND s.migratetype = 'CMA'"

/* The kernel's watermarks have the boost in them, a sample's do not. */
static const char sql[] =
	"SELECT node, zone, free_pages, boost_pages, min_pages + boost_pages, low_pages + boost_pages, high_pages + boost_pages,"
	" spanned_pages, present_pages, managed_pages, coalesce((SELECT pageblocks << ?2 FROM pageblocks s WHERE" SAME_ZONE "), 0),"
	" coalesce((SELECT sum(blocks << \"order\") FROM free_blocks s WHERE" SAME_ZONE "), 0), start_pfn"
	" FROM zone_samples z WHERE sample_id = ?1 AND present_pages > 0 ORDER BY node, " RESULTS_ZONE_RANK;

enum { NODE, ZONE, FREE, NR_FREE_CMA = 11, START_PFN };

int proc_zoneinfo(const struct proc_sample *sample, struct err *err)
{
	static const char *const names[] = { "pages free    ", "      boost   ", "      min     ", "      low     ", "      high    ",
		"      spanned ", "      present ", "      managed ", "      cma     " };
	sqlite3_stmt *stmt;
	int ret = results_prepare(sample->results, sql, (const int64_t[]){ sample->id, sample->pageblock_order }, 2, &stmt, err);

	if (ret < 0)
		return ret;
	while ((ret = results_step(sample->results, stmt, err)) > 0) {
		fprintf(sample->out, "Node %d, zone %8s", sqlite3_column_int(stmt, NODE), (const char *)sqlite3_column_text(stmt, ZONE));
		for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++)
			fprintf(sample->out, "\n  %s %" PRId64, names[i], (int64_t)sqlite3_column_int64(stmt, FREE + i));
		fprintf(sample->out, "\n      %-12s %" PRId64, "nr_free_pages", (int64_t)sqlite3_column_int64(stmt, FREE));
		fprintf(sample->out, "\n      %-12s %" PRId64, "nr_free_cma", (int64_t)sqlite3_column_int64(stmt, NR_FREE_CMA));
		fprintf(sample->out, "\n  start_pfn:           %" PRId64 "\n", (int64_t)sqlite3_column_int64(stmt, START_PFN));
	}
	sqlite3_finalize(stmt);
	return ret;
}

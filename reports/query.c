#include "reports/report.h"

#include <string.h>

#include "base/word.h"
#include "reports/rows_priv.h"
#include "reports/query_sweep_priv.h"

/*
 * Those over all runs name the run in their first column. Either a
 * text or, where the columns depend on what was set, a function.
 */
static const struct named_query {
	const char *name, *tells, *sql;
	int (*ask)(struct results *results, const struct query_options *options, FILE *out, struct err *err);
} queries[] = {
	{ "runs", "Every run: status, machine, what was set, events, time, fingerprint.",
		"SELECT * FROM v_runs ORDER BY run_id", NULL },
	{ "sweep", "One row per run: swept keys beside the headline figures.", NULL, query_sweep },
	{ "best", "The runs that are best by a figure (--by FIGURE).", NULL, query_best },
	{ "worst", "The runs that are worst by a figure (--by FIGURE).", NULL, query_worst },
	{ "pareto", "Runs that no other run of their trace beats in both of two figures (--by A,B).", NULL,
		query_pareto },
	{ "sensitivity", "Which swept key moves which figure most.", NULL, query_sensitivity },
	{ "latency", "Latency and failures of each operation, most frequent first.",
		"SELECT * FROM v_latency ORDER BY run_id, count DESC, op", NULL },
	{ "histogram", "The distribution of latencies: how many requests took low_ns to high_ns.",
		"SELECT * FROM latency_hist ORDER BY run_id, op, low_ns", NULL },
	{ "locks", "How often each lock was taken and how long was waited for it, longest first.",
		"SELECT * FROM lock_stats ORDER BY run_id, wait_ns DESC, acquisitions DESC, lock", NULL },
	{ "sleeps", "What requests slept for, or whose turn they waited for, and who still did when the run ended.",
		"SELECT * FROM sleeps ORDER BY run_id, total_ns DESC, reason", NULL },
	{ "failures", "Requests for pages that got none: order, preferred zone and flags, most frequent first.",
		"SELECT * FROM alloc_failures ORDER BY run_id, count DESC, node, " RESULTS_ZONE_RANK ", \"order\", gfp",
		NULL },
	{ "reclaim", "What kswapd, direct reclaim and compaction did: times, pages and whether they had success.",
		"SELECT * FROM reclaim_events ORDER BY run_id, reclaim_event_id", NULL },
	{ "samples", "The machine's totals over time.", "SELECT * FROM samples ORDER BY run_id, sample_id", NULL },
	{ "zones", "Free pages and watermarks of each zone over time.",
		"SELECT s.run_id, s.time_ns, s.event_no, z.* FROM zone_samples z JOIN samples s USING (sample_id)"
		" ORDER BY s.run_id, s.sample_id, node, " RESULTS_ZONE_RANK,
		NULL },
	{ "fragmentation", "Fragmentation indices of each zone over time, for blocks of order 3, 5 and 9.",
		"SELECT run_id, sample_id, time_ns, event_no, node, zone, free_pages,"
		" max(unusable_index) FILTER (WHERE \"order\" = 3) AS unusable_3,"
		" max(unusable_index) FILTER (WHERE \"order\" = 5) AS unusable_5,"
		" max(unusable_index) FILTER (WHERE \"order\" = 9) AS unusable_9,"
		" max(frag_index) FILTER (WHERE \"order\" = 9) AS frag_index_9"
		" FROM v_fragmentation GROUP BY run_id, sample_id, node, zone"
		" ORDER BY run_id, sample_id, node, " RESULTS_ZONE_RANK,
		NULL },
	{ "free-blocks", "Free blocks of each order at the end of each run.",
		"SELECT run_id, sample_id, node, zone, migratetype, \"order\", blocks FROM runs r JOIN free_blocks b"
		" ON b.sample_id = (SELECT max(sample_id) FROM samples s WHERE s.run_id = r.run_id)"
		" ORDER BY run_id, node, " RESULTS_ZONE_RANK ", migratetype, \"order\"",
		NULL },
	{ "extfrag", "Requests that took blocks of another migratetype, most frequent first.",
		"SELECT * FROM extfrag_events ORDER BY run_id, count DESC, from_migratetype, to_migratetype, alloc_order,"
		" fallback_order",
		NULL },
	{ "caches", "Slab caches at the end, those that waste most first.",
		"SELECT * FROM v_caches ORDER BY run_id, waste_bytes DESC, cache", NULL },
	{ "ports", "Port instructions by region, dearest first.",
		"SELECT * FROM ioport_stats ORDER BY run_id, cost_ns DESC, start, \"end\", region, op", NULL },
	{ "device-memory", "Reads and writes of device memory by region, dearest first.",
		"SELECT * FROM iomem_stats ORDER BY run_id, cost_ns DESC, start, \"end\", region, op", NULL },
	{ "mappings", "Device memory still mapped at the end.", "SELECT * FROM ioremap_live ORDER BY run_id, mapping",
		NULL },
	{ "resources", "The trees of I/O memory and I/O ports at the end.",
		"SELECT r.run_id, t.* FROM runs r JOIN resources t ON t.sample_id = (SELECT max(sample_id) FROM samples s"
		" WHERE s.run_id = r.run_id) ORDER BY r.run_id, tree, position",
		NULL },
	{ "mempools", "Mempools: their reserves, and who waited for an element.",
		"SELECT * FROM mempool_stats ORDER BY run_id, waits DESC, from_reserve DESC, pool_no", NULL },
	{ "dma", "Coherent memory, and pools of small blocks for devices.",
		"SELECT * FROM dma_stats ORDER BY run_id, pool_no", NULL },
	{ "highmem", "Kernel addresses for high pages: kmap slots, flushes and waits.",
		"SELECT * FROM highmem_stats ORDER BY run_id", NULL },
	{ "percpu", "Per-CPU memory over time: chunks, areas, holes between them, populated pages.",
		"SELECT * FROM v_percpu ORDER BY run_id, sample_id", NULL },
	{ "vmalloc", "The vmalloc space over time: areas, holes, freed areas that wait for a purge.",
		"SELECT * FROM v_vmalloc ORDER BY run_id, sample_id", NULL },
	{ "call-sites",
		"Call sites by what they keep and what rounding up costs them; those of a sweep only with detail: full.",
		"SELECT * FROM v_worst_call_sites ORDER BY run_id, live_bytes DESC, waste_bytes DESC, call_site, op",
		NULL },
	{ "violations", "Broken rules of the kernel's interfaces, in order of time.",
		"SELECT run_id, time_ns, cpu, rule, severity, event_no, call_site, text FROM violations"
		" ORDER BY run_id, violation_id",
		NULL },
	{ "counters", "Figures that have no table of their own.",
		"SELECT * FROM counters ORDER BY run_id, mechanism, name", NULL },
};

#define NR_QUERIES (sizeof(queries) / sizeof(queries[0]))

/* The list is itself a query, so that it has all formats. */
static int list_queries(struct results *results, const struct query_options *options, FILE *out, struct err *err)
{
	sqlite3_str *sql = sqlite3_str_new(results->db);
	char *text;
	int ret;

	for (size_t i = 0; i < NR_QUERIES; i++)
		sqlite3_str_appendf(sql, "%sSELECT %Q AS name, %Q AS tells", i ? " UNION ALL " : "",
			queries[i].name, queries[i].tells);
	text = sqlite3_str_finish(sql);
	if (!text)
		return err_set(err, ERR_NOMEM, "%s: no memory for a list of queries", results->path);
	ret = rows_answer(results, text, options, out, err);
	sqlite3_free(text);
	return ret;
}

int results_query(struct results *results, const char *name, const struct query_options *options, FILE *out,
	struct err *err)
{
	const char *names[NR_QUERIES];
	char hint[128];
	int64_t run;

	if (options->run && results_choose_run(results, options->run, &run, err) < 0)
		return -(int)err->code;
	if (!name)
		return list_queries(results, options, out, err);
	for (size_t i = 0; i < NR_QUERIES; i++) {
		const struct named_query *query = &queries[i];

		names[i] = query->name;
		if (strcmp(query->name, name))
			continue;
		if (query->ask && options->run)
			return err_set(err, ERR_USAGE, "query \"%s\" takes no --run: it is over all runs", name);
		if (query->ask)
			return query->ask(results, options, out, err);
		if (options->by)
			return err_set(err, ERR_USAGE,
				"query \"%s\" takes no --by: best, worst, pareto and sensitivity do", name);
		return rows_answer(results, query->sql, options, out, err);
	}
	return err_set(err, ERR_USAGE, "no query \"%s\"%s `kmemsim query %s` lists them", name,
		word_hint(name, names, NR_QUERIES, ";", hint, sizeof(hint)), results->path);
}

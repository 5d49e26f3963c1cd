#include "reports/report.h"

#include <string.h>

#include "reports/nearest_priv.h"
#include "reports/rows_priv.h"

/* Those over all runs name the run in their first column. */
static const struct named_query {
	const char *name, *tells, *sql;
} queries[] = {
	{ "runs", "Every run: status, machine, what was set, events, time, fingerprint.",
		"SELECT * FROM v_runs ORDER BY run_id" },
	{ "sweep", "One row per run: swept keys beside the headline figures.",
		"SELECT * FROM v_sweep ORDER BY run_id" },
	{ "latency", "Latency and failures of each operation, most frequent first.",
		"SELECT * FROM v_latency ORDER BY run_id, count DESC, op" },
	{ "histogram", "The distribution of latencies: how many requests took low_ns to high_ns.",
		"SELECT * FROM latency_hist ORDER BY run_id, op, low_ns" },
	{ "locks", "How often each lock was taken and how long was waited for it, longest first.",
		"SELECT * FROM lock_stats ORDER BY run_id, wait_ns DESC, acquisitions DESC, lock" },
	{ "samples", "The machine's totals over time.", "SELECT * FROM samples ORDER BY run_id, sample_id" },
	{ "zones", "Free pages and watermarks of each zone over time.",
		"SELECT s.run_id, s.time_ns, s.event_no, z.* FROM zone_samples z JOIN samples s USING (sample_id)"
		" ORDER BY s.run_id, s.sample_id, node, " RESULTS_ZONE_RANK },
	{ "fragmentation", "Fragmentation indices of each zone over time, for blocks of order 3, 5 and 9.",
		"SELECT run_id, sample_id, time_ns, event_no, node, zone, free_pages,"
		" max(unusable_index) FILTER (WHERE \"order\" = 3) AS unusable_3,"
		" max(unusable_index) FILTER (WHERE \"order\" = 5) AS unusable_5,"
		" max(unusable_index) FILTER (WHERE \"order\" = 9) AS unusable_9,"
		" max(frag_index) FILTER (WHERE \"order\" = 9) AS frag_index_9"
		" FROM v_fragmentation GROUP BY run_id, sample_id, node, zone"
		" ORDER BY run_id, sample_id, node, " RESULTS_ZONE_RANK },
	{ "free-blocks", "Free blocks of each order at the end of each run.",
		"SELECT run_id, sample_id, node, zone, migratetype, \"order\", blocks FROM runs r JOIN free_blocks b"
		" ON b.sample_id = (SELECT max(sample_id) FROM samples s WHERE s.run_id = r.run_id)"
		" ORDER BY run_id, node, " RESULTS_ZONE_RANK ", migratetype, \"order\"" },
	{ "extfrag", "Requests that took blocks of another migratetype, most frequent first.",
		"SELECT * FROM extfrag_events ORDER BY run_id, count DESC, from_migratetype, to_migratetype, alloc_order,"
		" fallback_order" },
	{ "caches", "Slab caches at the end, those that waste most first.",
		"SELECT * FROM v_caches ORDER BY run_id, waste_bytes DESC, cache" },
	{ "call-sites", "Call sites by what they keep and what rounding up costs them.",
		"SELECT * FROM v_worst_call_sites ORDER BY run_id, live_bytes DESC, waste_bytes DESC, call_site, op" },
	{ "violations", "Broken rules of the kernel's interfaces, in order of time.",
		"SELECT run_id, time_ns, cpu, rule, severity, event_no, call_site, text FROM violations"
		" ORDER BY run_id, violation_id" },
	{ "counters", "Figures that have no table of their own.",
		"SELECT * FROM counters ORDER BY run_id, mechanism, name" },
};

#define NR_QUERIES (sizeof(queries) / sizeof(queries[0]))

static int run_sql(
	struct results *results, const char *sql, enum results_format format, FILE *out, struct err *err)
{
	sqlite3_stmt *stmt;
	int ret = results_prepare(results, sql, NULL, 0, &stmt, err);

	if (ret < 0)
		return ret;
	ret = rows_write(results, stmt, format, out, err);
	if (ret == 0 && format == RESULTS_JSON)
		fputc('\n', out);
	sqlite3_finalize(stmt);
	return ret;
}

/* The list is itself a query, so that it has all formats. */
static int list_queries(struct results *results, enum results_format format, FILE *out, struct err *err)
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
	ret = run_sql(results, text, format, out, err);
	sqlite3_free(text);
	return ret;
}

int results_query(
	struct results *results, const char *name, enum results_format format, FILE *out, struct err *err)
{
	const char *names[NR_QUERIES];

	if (!name)
		return list_queries(results, format, out, err);
	for (size_t i = 0; i < NR_QUERIES; i++) {
		if (!strcmp(queries[i].name, name))
			return run_sql(results, queries[i].sql, format, out, err);
		names[i] = queries[i].name;
	}
	return err_set(err, ERR_USAGE, "no query \"%s\"; did you mean \"%s\"? `kmemsim query %s` lists them",
		name, nearest_name(name, names, NR_QUERIES), results->path);
}

/*
 * What a reader has to know before all tables: what failed, who was ended or had to wait, which zones ran short,
 * what is wasted and what lies in pieces. Each finding is a question with its sentence; one that has no answer is
 * not printed.
 */
#include "reports/report_priv.h"

#include <string.h>

#include "base/units.h"
#include "reports/text_priv.h"

#define SENTENCE_MAX 1024
#define NAME_COLUMNS 80

/*
 * Order 3 is the largest that the kernel tries hard for; above this
 * share of free memory that cannot serve it requests may fail.
 */
#define UNUSABLE_FROM "0.5"

enum finding_kind {
	TROUBLE, /* where there is none, that is said */
	REMARK,
};

/*
 * A row is a sentence: in @text %c stands for the next column as a count, %n as how often ("once", "7 times"), %b
 * as bytes, %t as a time, %p as a share in per cent, %s as it is. ?1 is the run, ?2 its last sample, ?3 the bytes
 * of a page.
 */
struct finding {
	enum text_style style;
	enum finding_kind kind;
	const char *sql, *text;
};

/* Of operations: other calls fail, too, by mistakes of their callers. */
#define TAKES_MEMORY                                                                                         \
	"(failed > 0 OR bytes_req > 0) AND (op GLOB '*alloc*' OR op GLOB '*_create' OR op IN ('__get_free_pages'," \
	" 'get_zeroed_page', 'vmap', 'vm_map_ram', 'ioremap', 'mempool_resize'))"

/* A compaction that is deferred is no episode. */
#define ALL_DEFERRED "NOT EXISTS (SELECT 1 FROM reclaim_events WHERE run_id = ?1 AND by = 'compaction')"

static const struct finding findings[] = {
	{ TEXT_RED, TROUBLE,
		"SELECT f.nr, sum(count), 1.0 * f.nr / sum(count), (SELECT op FROM op_stats WHERE run_id = ?1"
		" AND " TAKES_MEMORY " ORDER BY failed DESC, op LIMIT 1), max(failed) FROM op_stats, (SELECT sum(value) AS nr FROM counters"
		" WHERE run_id = ?1 AND mechanism = 'replay' AND name IN ('failed_allocations', 'failed_as_recorded')) f"
		" WHERE run_id = ?1 AND " TAKES_MEMORY " HAVING f.nr > 0",
		"%c of %c allocations failed (%p), most of them %s (%c)." },
	{ TEXT_RED, TROUBLE,
		"SELECT value FROM counters WHERE run_id = ?1 AND mechanism = 'reclaim'"
		" AND name = 'allocations_of_killed_tasks' AND value > 0",
		"Of these, %c would have been made by tasks that the OOM killer had ended by then." },
	{ TEXT_RED, TROUBLE,
		"SELECT value FROM counters WHERE run_id = ?1 AND mechanism = 'reclaim'"
		" AND name = 'oom_without_victim' AND value > 0",
		"Memory ran out, and %n no task was left that the OOM killer could end. A real kernel panics at the first of them:"
		" this machine is too small, and what followed did not happen on it." },
	{ TEXT_RED, TROUBLE,
		"SELECT \"order\", sum(count), 'node ' || node || ' ' || zone FROM alloc_failures WHERE run_id = ?1"
		" AND gfp NOT LIKE '%NOWARN%' GROUP BY node, zone, \"order\" ORDER BY sum(count) DESC, node, zone, \"order\" LIMIT 1",
		"Requests for pages failed most often at order %c: %n in %s." },
	{ TEXT_RED, TROUBLE,
		"SELECT count(*), group_concat(substr(name, 8), '; '), sum(value) * ?3 FROM (SELECT name, value FROM counters"
		" WHERE run_id = ?1 AND mechanism = 'oom' AND name LIKE 'killed %' ORDER BY value DESC, name) HAVING count(*) > 0",
		"Memory ran out; tasks that the OOM killer ended: %c (%s), which gave back %b." },
	{ TEXT_RED, TROUBLE,
		"SELECT sum(still_waiting) FROM sleeps JOIN runs USING (run_id) WHERE run_id = ?1 AND status = 'done'"
		" HAVING sum(still_waiting) > 0",
		"%c requests still waited at the end and could be woken by nobody: they count as failed." },
	{ TEXT_YELLOW, TROUBLE,
		"SELECT value FROM counters WHERE run_id = ?1 AND mechanism = 'replay' AND name = 'cut_off' AND value > 0",
		"%c requests had arrived and were not done when the run was cut off: they are in no figure of operations." },
	{ TEXT_RED, TROUBLE,
		"SELECT sum(n), group_concat(rule || ' ' || n, ', ') FROM (SELECT rule, sum(m) AS n FROM (SELECT rule, " RESULTS_VIOLATIONS
		" AS m FROM violations v WHERE run_id = ?1 AND severity IN ('error', 'fatal') GROUP BY rule, severity) GROUP BY rule"
		" ORDER BY n DESC, rule) HAVING sum(n) > 0",
		"Mistakes of the callers: %c (%s)." },
	{ TEXT_YELLOW, TROUBLE,
		"SELECT sum(value), (SELECT max(end_ns - start_ns) FROM reclaim_events WHERE run_id = ?1 AND by = 'direct')"
		" FROM counters WHERE run_id = ?1 AND mechanism = 'page_alloc' AND name GLOB 'allocstall_*' HAVING sum(value) > 0",
		"Callers had to reclaim memory for themselves %n (allocstall), the longest for %t." },
	{ TEXT_YELLOW, TROUBLE,
		"SELECT value, (SELECT max(end_ns - start_ns) FROM reclaim_events WHERE run_id = ?1 AND by = 'compaction')"
		" FROM counters WHERE run_id = ?1 AND mechanism = 'page_alloc' AND name = 'compact_stall' AND value > 0"
		" AND NOT " ALL_DEFERRED,
		"Callers had to compact memory for themselves %n (compact_stall), the longest for %t." },
	{ TEXT_YELLOW, TROUBLE,
		"SELECT value FROM counters WHERE run_id = ?1 AND mechanism = 'page_alloc' AND name = 'compact_stall' AND value > 0"
		" AND " ALL_DEFERRED,
		"Callers would have had to compact memory for themselves %n (compact_stall); after earlier failures nothing was tried." },
	{ TEXT_YELLOW, TROUBLE,
		"SELECT count, CASE reason WHEN 'mempool' THEN 'an element of a mempool'"
		" WHEN 'kmap' THEN 'a kernel address for high memory'"
		" ELSE 'memory that they may not be refused (__GFP_NOFAIL, or without __GFP_FS)' END, max_ns FROM sleeps WHERE run_id = ?1 AND count > 0"
		" AND reason IN ('mempool', 'kmap', 'retry') ORDER BY reason",
		"Callers slept %n for %s, the longest for %t." },
	{ TEXT_YELLOW, TROUBLE,
		"SELECT n.value * ?3, w.value, sim_ns FROM runs JOIN counters w USING (run_id) JOIN counters n USING (run_id)"
		" WHERE run_id = ?1 AND w.mechanism = 'reclaim' AND w.name = 'waited_for_reading' AND w.value > 0"
		" AND n.mechanism = 'reclaim' AND n.name = 'refaults'",
		"Files that had been reclaimed were read again: %b, for which the work waited %t of the %t that it took." },
	{ TEXT_YELLOW, TROUBLE,
		"SELECT 'node ' || node || ' ' || zone, sum(free_pages < low_pages), count(*), min(free_pages) * ?3"
		" FROM zone_samples JOIN samples USING (sample_id) WHERE run_id = ?1 AND managed_pages > 0 GROUP BY node, zone"
		" HAVING sum(free_pages < low_pages) > 0 ORDER BY node, " RESULTS_ZONE_RANK,
		"%s was below its low watermark in %c of %c samples, with %b free at the least." },
	{ TEXT_PLAIN, REMARK,
		"SELECT 'node ' || node || ' ' || zone, unusable_index FROM frag_samples JOIN zone_samples USING (sample_id, node, zone)"
		" WHERE sample_id = ?2 AND \"order\" = 3 AND managed_pages > 0 AND unusable_index >= " UNUSABLE_FROM
		" ORDER BY node, " RESULTS_ZONE_RANK,
		"%s is in pieces: %p of its free memory lies in blocks that are too small for 8 pages (order 3)." },
	{ TEXT_PLAIN, REMARK,
		"SELECT slab_waste_bytes, 1.0 * slab_waste_bytes / slab_bytes, waste_bytes, cache FROM samples, (SELECT cache, waste_bytes"
		" FROM v_caches WHERE run_id = ?1 ORDER BY waste_bytes DESC, cache LIMIT 1) WHERE sample_id = ?2 AND slab_bytes > 0"
		" AND slab_waste_bytes > 0",
		"Slabs hold %b (%p of them) that nobody asked for; %b of it in %s." },
};

static void put_times(int64_t number, char *buf, size_t size)
{
	char count[32];

	text_count(number, count, sizeof(count));
	if (number == 1)
		snprintf(buf, size, "once");
	else
		snprintf(buf, size, "%s times", count);
}

static void put_column(sqlite3_stmt *stmt, int i, char kind, char *buf, size_t size)
{
	int64_t number = sqlite3_column_int64(stmt, i);
	const char *text = (const char *)sqlite3_column_text(stmt, i);

	if (!text)
		snprintf(buf, size, "an unknown time");
	else if (kind == 'c')
		text_count(number, buf, size);
	else if (kind == 'n')
		put_times(number, buf, size);
	else if (kind == 'b')
		units_format_size_short((uint64_t)number, buf, size);
	else if (kind == 't')
		units_format_time_short((ns_t)number, buf, size);
	else if (kind == 'p')
		snprintf(buf, size, "%.3g %%", 100 * sqlite3_column_double(stmt, i));
	else
		text_shortened(text, NAME_COLUMNS, buf, size);
}

static void print_finding(const struct report *report, const struct finding *finding, sqlite3_stmt *stmt)
{
	char sentence[SENTENCE_MAX] = "";
	size_t used = 0;
	int column = 0;

	for (const char *c = finding->text; *c && used < sizeof(sentence) - 1; c++) {
		if (*c != '%') {
			sentence[used++] = *c;
			continue;
		}
		put_column(stmt, column++, *++c, sentence + used, sizeof(sentence) - used);
		used += strlen(sentence + used);
	}
	sentence[used] = '\0';
	text_style(report->out, report->colour, finding->style);
	text_wrapped(report->out, "  -", 4, sentence, (int)report->width);
	text_style(report->out, report->colour, TEXT_PLAIN);
}

/* Return: how many rows, or a negative code. */
static int report_finding(const struct report *report, const struct finding *finding, struct err *err)
{
	sqlite3_stmt *stmt;
	int nr = 0;
	int ret = results_prepare(report->results, finding->sql, &report->run, 1, &stmt, err);

	if (ret < 0)
		return ret;
	sqlite3_bind_int64(stmt, 2, report->last_sample);
	sqlite3_bind_int64(stmt, 3, report->page_size);
	for (; (ret = results_step(report->results, stmt, err)) > 0; nr++)
		print_finding(report, finding, stmt);
	sqlite3_finalize(stmt);
	return ret < 0 ? ret : nr;
}

/* Return: how many rows the findings of a kind have, or a negative code. */
static int report_kind(const struct report *report, enum finding_kind kind, struct err *err)
{
	int found = 0;

	for (size_t i = 0; i < sizeof(findings) / sizeof(findings[0]); i++) {
		int nr = findings[i].kind == kind ? report_finding(report, &findings[i], err) : 0;

		if (nr < 0)
			return nr;
		found += nr;
	}
	return found;
}

int report_findings(const struct report *report, struct err *err)
{
	int troubles, remarks;

	report_heading(report, "What stands out", NULL);
	troubles = report_kind(report, TROUBLE, err);
	if (troubles == 0)
		text_wrapped(report->out, "  -", 4,
			report->last_sample ?
				"No allocation failed, nobody had to wait for memory, and no zone fell below its low"
				" watermark." :
				"Nothing that the run did was recorded.",
			(int)report->width);
	remarks = troubles < 0 ? troubles : report_kind(report, REMARK, err);
	return remarks < 0 ? remarks : 0;
}

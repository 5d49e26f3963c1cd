/* The tables of the report: what each asks and how its columns read is data; one function prints them all. */
#include "reports/report_priv.h"

#include <inttypes.h>

#include "base/units.h"
#include "reports/text_priv.h"

#define COLUMNS_MAX 12
#define CELL_MAX    256

/* A name or text takes no more than this, so that the figures behind it stay on the screen. */
#define TEXT_COLUMNS_MAX 40

/* To fit on the terminal it is shortened to no less. */
#define TEXT_COLUMNS_MIN 24

enum column_kind { COLUMN_TEXT, COLUMN_COUNT, COLUMN_TIME, COLUMN_SIZE, COLUMN_SHARE };

struct table_column {
	const char *title; /* NULL ends the list */
	enum column_kind kind;
};

/* A table is left out when nothing is in it, unless it says what that means. */
struct table {
	const char *title, *note, *sql, *when_empty;
	struct table_column columns[COLUMNS_MAX + 1];
	int rows;          /* printed at most; 0 = all */
	const char *query; /* of `kmemsim query`, which has the others, too */
};

static const struct table tables[] = {
	{ "Latency by operation",
		"What callers waited plus what the steps of the request cost, in simulated time. p99: 99 of 100 requests took no longer.",
		"SELECT op, count, failed, sleeps, lat_mean_ns, lat_p50_ns, lat_p90_ns, lat_p99_ns, lat_p999_ns, lat_max_ns FROM op_stats"
		" WHERE run_id = ? ORDER BY count DESC, op",
		"No operation was recorded.",
		{ { "operation", COLUMN_TEXT }, { "count", COLUMN_COUNT }, { "failed", COLUMN_COUNT },
			{ "slept", COLUMN_COUNT }, { "mean", COLUMN_TIME }, { "p50", COLUMN_TIME },
			{ "p90", COLUMN_TIME }, { "p99", COLUMN_TIME }, { "p99.9", COLUMN_TIME },
			{ "max", COLUMN_TIME } }, 0, NULL },
	{ "Locks waited for", NULL,
		"SELECT lock, acquisitions, contended, wait_ns, hold_ns FROM lock_stats WHERE run_id = ? AND contended > 0"
		" ORDER BY wait_ns DESC, lock",
		NULL,
		{ { "lock", COLUMN_TEXT }, { "taken", COLUMN_COUNT }, { "contended", COLUMN_COUNT },
			{ "waited", COLUMN_TIME }, { "held", COLUMN_TIME } }, 8, "locks" },
	{ "Requests that waited",
		"For what a request slept (reclaim: pages to be written; oom: the memory of a killed task); object and task: for an"
		" earlier request with the same object, or of the same task. Who still waited at the end of a run that was done"
		" could be woken by nobody, and failed.",
		"SELECT reason, count, total_ns, max_ns, timeouts, still_waiting FROM sleeps WHERE run_id = ? ORDER BY reason", NULL,
		{ { "for", COLUMN_TEXT }, { "waits", COLUMN_COUNT }, { "waited", COLUMN_TIME }, { "longest",
			COLUMN_TIME },
			{ "timed out", COLUMN_COUNT }, { "still waiting", COLUMN_COUNT } }, 0, NULL },
	{ "Allocations that failed",
		"Requests for pages that got none, each attempt: by their preferred zone, order and flags. __GFP_NOWARN, __GFP_NORETRY: who"
		" asks is content with less, or asks again.",
		"SELECT 'node ' || node || ' ' || zone, \"order\", gfp, count FROM alloc_failures WHERE run_id = ?"
		" ORDER BY count DESC, node, zone, \"order\", gfp",
		NULL,
		{ { "zone", COLUMN_TEXT }, { "order", COLUMN_COUNT }, { "flags", COLUMN_TEXT }, { "times",
			COLUMN_COUNT } },
		12, "failures" },
	{ "Memory pressure",
		"How the page allocator met it, by the kernel's names in /proc/vmstat where it has one. Direct reclaim and compaction make"
		" the caller wait (allocstall, compact_stall), kswapd and kcompactd do not.",
		"SELECT name, value, unit FROM counters WHERE run_id = ? AND value > 0 AND (mechanism IN ('reclaim', 'oom')"
		" OR mechanism = 'page_alloc' AND (name GLOB 'allocstall*' OR name GLOB 'pgscan_*' OR name GLOB 'pgsteal_*'"
		" OR name GLOB 'compact_*' OR name GLOB 'kswapd_*' OR name GLOB 'pswp*' OR name GLOB 'pgmigrate*'"
		" OR name IN ('pageoutrun', 'slabs_scanned', 'oom_kill'))) ORDER BY mechanism, name",
		NULL,
		{ { "figure", COLUMN_TEXT }, { "value", COLUMN_COUNT }, { "of", COLUMN_TEXT } }, 0, NULL },
	{ "Reclaim and compaction",
		"Episodes: who ran, how often with success, for how many pages (freed, or moved) and how long."
		" Of the first 10 000 of each.",
		"SELECT by, 'node ' || node, count(*), sum(success), sum(pages), sum(end_ns - start_ns), max(end_ns - start_ns)"
		" FROM reclaim_events WHERE run_id = ? GROUP BY by, node ORDER BY by, node",
		NULL,
		{ { "who", COLUMN_TEXT }, { "node", COLUMN_TEXT }, { "episodes", COLUMN_COUNT }, { "success",
			COLUMN_COUNT },
			{ "pages", COLUMN_COUNT }, { "time", COLUMN_TIME }, { "longest", COLUMN_TIME } }, 0, NULL },
	{ "Longest stalls",
		"Requests that had to make room for themselves. at: simulated time; the time is part of the request's latency.",
		"SELECT by, 'node ' || node, start_ns, end_ns - start_ns, pages, success FROM reclaim_events WHERE run_id = ?"
		" AND by IN ('direct', 'compaction', 'oom') AND end_ns > start_ns ORDER BY end_ns - start_ns DESC, reclaim_event_id",
		NULL,
		{ { "by", COLUMN_TEXT }, { "node", COLUMN_TEXT }, { "at", COLUMN_TIME }, { "took", COLUMN_TIME },
			{ "pages", COLUMN_COUNT }, { "success", COLUMN_COUNT } }, 8, "reclaim" },
	{ "Slab caches that waste most",
		"Waste is what the slabs take less their live objects, as large as the cache was created for: unused objects,"
		" alignment, the rest of each slab; not what kmalloc rounds up to its sizes.",
		"SELECT cache, object_size, size, objs_per_slab, slabs, live_objs, total_objs, 1.0 * live_objs / nullif(total_objs, 0),"
		" slab_bytes, waste_bytes, waste_share FROM v_caches WHERE run_id = ? AND slabs > 0"
		" ORDER BY waste_bytes DESC, cache",
		NULL,
		{ { "cache", COLUMN_TEXT }, { "object", COLUMN_SIZE }, { "slot", COLUMN_SIZE },
			{ "per slab", COLUMN_COUNT }, { "slabs", COLUMN_COUNT }, { "live", COLUMN_COUNT },
			{ "objects", COLUMN_COUNT }, { "filled", COLUMN_SHARE }, { "memory", COLUMN_SIZE },
			{ "waste", COLUMN_SIZE }, { "share", COLUMN_SHARE } }, 10, "caches" },
	{ "Fallbacks to another migratetype",
		"A request found no block of its own kind and took one of another; this mixes pages that can move with pages that"
		" cannot, which is how long-term fragmentation begins. Taking from Movable, below the order of a pageblock and without"
		" changing its mark, is the serious kind.",
		"SELECT to_migratetype, from_migratetype, alloc_order, fallback_order, count, pageblock_changes FROM extfrag_events"
		" WHERE run_id = ? ORDER BY count DESC, from_migratetype, to_migratetype, alloc_order, fallback_order",
		"None: every request was served from blocks of its own migratetype.",
		{ { "asked for", COLUMN_TEXT }, { "taken from", COLUMN_TEXT }, { "order", COLUMN_COUNT },
			{ "block order", COLUMN_COUNT }, { "times", COLUMN_COUNT },
			{ "marks changed", COLUMN_COUNT } }, 10, "extfrag" },
	{ "Port instructions by region",
		"What the instructions of drivers cost, by the innermost region around the port; without a name: in none.",
		"SELECT region, printf('%04x-%04x', start, \"end\"), op, count, accesses, cost_ns, unclaimed FROM ioport_stats"
		" WHERE run_id = ? ORDER BY cost_ns DESC, start, \"end\", region, op",
		NULL,
		{ { "region", COLUMN_TEXT }, { "ports", COLUMN_TEXT }, { "operation", COLUMN_TEXT },
			{ "count", COLUMN_COUNT }, { "accesses", COLUMN_COUNT }, { "time", COLUMN_TIME },
			{ "unclaimed", COLUMN_COUNT } }, 12, "ports" },
	{ "Device memory by region", "Reads wait for the device's answer; writes are posted.",
		"SELECT region, printf('%08x-%08x', start, \"end\"), op, count, bytes, cost_ns, unclaimed FROM iomem_stats"
		" WHERE run_id = ? ORDER BY cost_ns DESC, start, \"end\", region, op",
		NULL,
		{ { "region", COLUMN_TEXT }, { "addresses", COLUMN_TEXT }, { "operation", COLUMN_TEXT },
			{ "count", COLUMN_COUNT }, { "bytes", COLUMN_SIZE }, { "time", COLUMN_TIME },
			{ "unclaimed", COLUMN_COUNT } }, 12, "device-memory" },
	{ "Device memory mapped at the end", NULL,
		"SELECT region, mode, count(*), sum(size), sum(area_bytes) FROM ioremap_live WHERE run_id = ? GROUP BY region, mode"
		" ORDER BY sum(area_bytes) DESC, region, mode",
		NULL,
		{ { "region", COLUMN_TEXT }, { "mode", COLUMN_TEXT }, { "mappings", COLUMN_COUNT },
			{ "asked for", COLUMN_SIZE }, { "mapped", COLUMN_SIZE } }, 12, "mappings" },
	{ "Mempools",
		"Pools that keep elements in reserve for who may not fail. Those that used the reserve, and the largest. Lowest is the"
		" fewest elements the reserve had; waits are sleeps until an element came back.",
		"SELECT pool, kind, element_bytes, min_nr, curr_nr, lowest_reserve, allocs, from_reserve, failed, waits, wait_ns,"
		" outstanding FROM mempool_stats WHERE run_id = ? ORDER BY waits DESC, failed DESC, from_reserve DESC, allocs DESC,"
		" pool_no",
		NULL,
		{ { "pool", COLUMN_TEXT }, { "backed by", COLUMN_TEXT }, { "element", COLUMN_SIZE }, { "min",
			COLUMN_COUNT },
			{ "reserve", COLUMN_COUNT }, { "lowest", COLUMN_COUNT }, { "allocs", COLUMN_COUNT },
			{ "from reserve", COLUMN_COUNT }, { "failed", COLUMN_COUNT }, { "waits", COLUMN_COUNT },
			{ "waited", COLUMN_TIME }, { "held", COLUMN_COUNT } }, 10, "mempools" },
	{ "Memory for devices",
		"Coherent blocks, and pools of small blocks that are cut from them. Retried: blocks that lay beyond the device's mask.",
		"SELECT coalesce(pool, '(coherent)'), nullif(block_bytes, 0), nullif(blocks_per_page, 0), bytes, peak_bytes, allocs,"
		" failed, in_use, retries FROM dma_stats WHERE run_id = ? ORDER BY pool_no <> 0, bytes DESC, pool_no",
		NULL,
		{ { "pool", COLUMN_TEXT }, { "block", COLUMN_SIZE }, { "per page", COLUMN_COUNT }, { "memory",
			COLUMN_SIZE },
			{ "most", COLUMN_SIZE }, { "allocs", COLUMN_COUNT }, { "failed", COLUMN_COUNT }, { "held",
				COLUMN_COUNT },
			{ "retried", COLUMN_COUNT } }, 10, "dma" },
	{ "High memory",
		"Pages without a kernel address are mapped into slots (kmap), or for a moment on the CPU's own stack of"
		" mappings (kmap_atomic).",
		"SELECT slots, slots_used, slots_peak, maps, new_slots, flushes, waits, wait_ns, local_maps, local_depth_peak"
		" FROM highmem_stats WHERE run_id = ?",
		NULL,
		{ { "slots", COLUMN_COUNT }, { "used", COLUMN_COUNT }, { "most", COLUMN_COUNT }, { "maps",
			COLUMN_COUNT },
			{ "new slots", COLUMN_COUNT }, { "flushes", COLUMN_COUNT }, { "waits", COLUMN_COUNT },
			{ "waited", COLUMN_TIME }, { "atomic", COLUMN_COUNT }, { "deepest", COLUMN_COUNT } }, 0, NULL },
	{ "Per-CPU memory",
		"At the end; sizes are of one copy, but for all CPUs. Holes: free, and before the last area of a chunk.",
		"SELECT chunks, unit_size_bytes, units, areas, allocated_bytes, used_bytes, free_bytes, hole_bytes, fragmentation,"
		" populated_pages, empty_pages FROM v_percpu WHERE run_id = ? ORDER BY sample_id DESC LIMIT 1",
		NULL,
		{ { "chunks", COLUMN_COUNT }, { "unit", COLUMN_SIZE }, { "units", COLUMN_COUNT }, { "areas",
			COLUMN_COUNT },
			{ "allocated", COLUMN_SIZE }, { "all CPUs", COLUMN_SIZE }, { "free", COLUMN_SIZE },
			{ "in holes", COLUMN_SIZE }, { "fragmented", COLUMN_SHARE }, { "pages", COLUMN_COUNT },
			{ "empty", COLUMN_COUNT } }, 0, NULL },
	{ "Sections without preemption", "From get_cpu() or get_cpu_var() to the matching put.",
		"SELECT max(CASE name WHEN 'sections' THEN value END), max(CASE name WHEN 'section_max_depth' THEN value END),"
		" max(CASE name WHEN 'section_total_ns' THEN value END), max(CASE name WHEN 'section_max_ns' THEN value END),"
		" max(CASE name WHEN 'section_sleeps' THEN value END)"
		" FROM counters WHERE run_id = ? AND mechanism = 'percpu' HAVING max(name = 'sections') > 0",
		NULL,
		{ { "sections", COLUMN_COUNT }, { "deepest", COLUMN_COUNT }, { "time", COLUMN_TIME },
			{ "longest", COLUMN_TIME }, { "requests that may sleep", COLUMN_COUNT } }, 0, NULL },
	{ "Boot memory", "Taken before the page allocator had memory; no zone manages it.",
		"SELECT op, count(*), sum(size_bytes), sum(freed_bytes), min(start), max(start) FROM boot_memory WHERE run_id = ?"
		" GROUP BY op ORDER BY op",
		NULL,
		{ { "call", COLUMN_TEXT }, { "blocks", COLUMN_COUNT }, { "size", COLUMN_SIZE }, { "freed",
			COLUMN_SIZE },
			{ "lowest at", COLUMN_SIZE }, { "highest at", COLUMN_SIZE } }, 0, NULL },
	{ "vmalloc space",
		"At the end. Freed areas stay unusable until a purge. Holes: free ranges between areas; fragmented: how much of the used"
		" part of the space is in holes other than the longest.",
		"SELECT areas, used_bytes, guard_bytes, lazy_bytes, holes, largest_hole_bytes, scattered_share, mapped_pages,"
		" page_table_pages, purges, failures FROM v_vmalloc WHERE run_id = ? ORDER BY sample_id DESC LIMIT 1",
		NULL,
		{ { "areas", COLUMN_COUNT }, { "used", COLUMN_SIZE }, { "guards", COLUMN_SIZE },
			{ "unpurged", COLUMN_SIZE }, { "holes", COLUMN_COUNT }, { "longest", COLUMN_SIZE },
			{ "fragmented", COLUMN_SHARE }, { "pages", COLUMN_COUNT }, { "page tables", COLUMN_COUNT },
			{ "purges", COLUMN_COUNT }, { "failed", COLUMN_COUNT } }, 0, NULL },
	{ "Kernel stacks", "One for each task; two per CPU are kept for the next tasks.",
		"SELECT max(CASE name WHEN 'stack_size' THEN value END), max(CASE name WHEN 'taken' THEN value END),"
		" max(CASE name WHEN 'from_cache' THEN value END), max(CASE name WHEN 'live' THEN value END),"
		" max(CASE name WHEN 'max_live' THEN value END), max(CASE name WHEN 'cached' THEN value END),"
		" max(CASE name WHEN 'deepest_use' THEN value END), max(CASE name WHEN 'irq_stacks' THEN value END)"
		" FROM counters WHERE run_id = ? AND mechanism = 'kernel_stack' HAVING count(*) > 0",
		NULL,
		{ { "size", COLUMN_SIZE }, { "taken", COLUMN_COUNT }, { "from cache", COLUMN_COUNT },
			{ "live", COLUMN_COUNT }, { "most", COLUMN_COUNT }, { "kept", COLUMN_COUNT },
			{ "deepest use", COLUMN_SIZE }, { "interrupt stacks", COLUMN_SIZE } }, 0, NULL },
	{ "Call sites that keep most", NULL,
		"SELECT call_site, op, count, live, live_bytes, max(waste_bytes, 0), lifetime_mean_ns, lat_max_ns FROM v_worst_call_sites"
		" WHERE run_id = ? ORDER BY live_bytes DESC, waste_bytes DESC, call_site, op",
		NULL,
		{ { "call site", COLUMN_TEXT }, { "operation", COLUMN_TEXT }, { "count", COLUMN_COUNT },
			{ "live", COLUMN_COUNT }, { "live bytes", COLUMN_SIZE },
			{ "rounded up", COLUMN_SIZE }, { "lifetime", COLUMN_TIME },
			{ "longest", COLUMN_TIME } }, 8, "call-sites" },
	{ "Broken rules of the kernel's interfaces", NULL,
		"SELECT rule, severity, " RESULTS_VIOLATIONS " AS times, min(time_ns), text FROM violations v WHERE run_id = ?"
		" GROUP BY rule, severity ORDER BY times DESC, rule, severity",
		"None.",
		{ { "rule", COLUMN_TEXT }, { "severity", COLUMN_TEXT }, { "times", COLUMN_COUNT },
			{ "first at", COLUMN_TIME }, { "first", COLUMN_TEXT } }, 0, NULL },
	/* Where model and recording can be held against each other a figure is worth reading at 0 too. */
	{ "Counters", NULL,
		"SELECT mechanism, name, value, unit FROM counters WHERE run_id = ? AND (value <> 0 OR name LIKE '%mismatch%')"
		" ORDER BY name LIKE '%mismatch%' DESC, mechanism, name",
		NULL,
		{ { "mechanism", COLUMN_TEXT }, { "counter", COLUMN_TEXT }, { "value", COLUMN_COUNT },
			{ "unit", COLUMN_TEXT } }, 24, "counters" },
};

/* How a table stands on the page. A row may go on in further lines, below its second column. */
struct layout {
	int widths[COLUMNS_MAX];
	bool breaks[COLUMNS_MAX]; /* the column begins a further line */
};

#define NR_TABLES (sizeof(tables) / sizeof(tables[0]))

/* @columns: that a text may take. */
static const char *cell(sqlite3_stmt *stmt, int i, enum column_kind kind, int columns, char *buf)
{
	uint64_t number = (uint64_t)sqlite3_column_int64(stmt, i);

	if (sqlite3_column_type(stmt, i) == SQLITE_NULL)
		return "-";
	switch (kind) {
	case COLUMN_COUNT:
		return text_count(sqlite3_column_int64(stmt, i), buf, CELL_MAX);
	case COLUMN_TIME:
		return units_format_time_short(number, buf, CELL_MAX);
	case COLUMN_SIZE:
		return units_format_size_short(number, buf, CELL_MAX);
	case COLUMN_SHARE:
		snprintf(buf, CELL_MAX, "%.1f %%", 100 * sqlite3_column_double(stmt, i));
		return buf;
	case COLUMN_TEXT:
		break;
	}
	return text_shortened((const char *)sqlite3_column_text(stmt, i), columns, buf, CELL_MAX);
}

static int nr_columns(const struct table *table)
{
	int nr = 0;

	while (table->columns[nr].title)
		nr++;
	return nr;
}

static bool is_printed(const struct table *table, int row)
{
	return table->rows == 0 || row < table->rows;
}

static int measure(const struct report *report, const struct table *table, sqlite3_stmt *stmt, int *widths,
	int *nr_rows, struct err *err)
{
	char buf[CELL_MAX];
	int ret;

	for (int i = 0; i < nr_columns(table); i++)
		widths[i] = text_width(table->columns[i].title);
	for (*nr_rows = 0; (ret = results_step(report->results, stmt, err)) > 0; ++*nr_rows) {
		for (int i = 0; i < nr_columns(table) && is_printed(table, *nr_rows); i++) {
			int width = text_width(cell(stmt, i, table->columns[i].kind, TEXT_COLUMNS_MAX, buf));

			if (width > widths[i])
				widths[i] = width;
		}
	}
	return ret;
}

/* Shortens the widest texts until a row takes no more than @width columns. Return: whether it does. */
static bool shorten_texts(const struct table *table, struct layout *layout, int width)
{
	int nr = nr_columns(table), total = 0;

	for (int i = 0; i < nr; i++)
		total += 2 + layout->widths[i];
	for (; total > width; total--) {
		int widest = -1;

		for (int i = 0; i < nr; i++)
			if (table->columns[i].kind == COLUMN_TEXT && layout->widths[i] > TEXT_COLUMNS_MIN &&
			    (widest < 0 || layout->widths[i] > layout->widths[widest]))
				widest = i;
		if (widest < 0)
			return false;
		layout->widths[widest]--;
	}
	return true;
}

static void fit(const struct table *table, struct layout *layout, int width)
{
	struct layout shortened = *layout;
	int indent = 2 + layout->widths[0], used = indent;

	if (shorten_texts(table, &shortened, width)) {
		*layout = shortened;
		return;
	}
	for (int i = 1; i < nr_columns(table); i++) {
		layout->breaks[i] = used > indent && used + 2 + layout->widths[i] > width;
		used = (layout->breaks[i] ? indent : used) + 2 + layout->widths[i];
	}
}

/* What stands before column @i: blanks, or a further line. Return: the columns that are left behind it. */
static int begin_column(const struct report *report, const struct layout *layout, int i, int left)
{
	if (!layout->breaks[i]) {
		fputs("  ", report->out);
		return left - 2;
	}
	fprintf(report->out, "\n%*s", 4 + layout->widths[0], "");
	return (int)report->width - 4 - layout->widths[0];
}

static void print_titles(const struct report *report, const struct table *table, const struct layout *layout)
{
	int nr = nr_columns(table);

	text_style(report->out, report->colour, TEXT_DIM);
	for (int i = 0; i < nr; i++) {
		bool text = table->columns[i].kind == COLUMN_TEXT;

		begin_column(report, layout, i, 0);
		text_padded(report->out, table->columns[i].title, text && i == nr - 1 ? 0 : layout->widths[i], !text);
	}
	text_style(report->out, report->colour, TEXT_PLAIN);
	fputc('\n', report->out);
}

static void print_row(
	const struct report *report, const struct table *table, const struct layout *layout, sqlite3_stmt *stmt)
{
	int nr = nr_columns(table), left = (int)report->width;
	char buf[CELL_MAX];

	for (int i = 0; i < nr; i++) {
		bool text = table->columns[i].kind == COLUMN_TEXT, last = text && i == nr - 1;
		int width = layout->widths[i];

		left = begin_column(report, layout, i, left);
		/* Nothing stands behind the last text: it may take the rest of the line. */
		text_padded(report->out,
			cell(stmt, i, table->columns[i].kind, last && left > width ? left : width, buf),
			last ? 0 : width, !text);
		left -= width;
	}
	fputc('\n', report->out);
}

/* What does not stand here is said, and where it does. */
static void print_left_out(const struct report *report, const struct table *table, int nr_rows)
{
	if (table->rows == 0 || nr_rows <= table->rows)
		return;
	text_style(report->out, report->colour, TEXT_DIM);
	fprintf(report->out, "  and %d more: kmemsim query %s %s --run %" PRId64 "\n", nr_rows - table->rows,
		report->results->path, table->query, report->run);
	text_style(report->out, report->colour, TEXT_PLAIN);
}

static int report_table(const struct report *report, const struct table *table, struct err *err)
{
	struct layout layout = { 0 };
	sqlite3_stmt *stmt;
	int nr_rows;
	int ret = results_prepare(report->results, table->sql, &report->run, 1, &stmt, err);

	if (ret < 0)
		return ret;
	ret = measure(report, table, stmt, layout.widths, &nr_rows, err);
	if (report->fit)
		fit(table, &layout, (int)report->width);
	sqlite3_reset(stmt);
	if (ret == 0 && nr_rows == 0 && table->when_empty) {
		report_heading(report, table->title, report->last_sample ? table->when_empty : "Not recorded.");
	} else if (ret == 0 && nr_rows > 0) {
		report_heading(report, table->title, table->note);
		print_titles(report, table, &layout);
		for (int row = 0; is_printed(table, row) && (ret = results_step(report->results, stmt, err)) > 0; row++)
			print_row(report, table, &layout, stmt);
		ret = ret < 0 ? ret : 0;
		print_left_out(report, table, nr_rows);
	}
	sqlite3_finalize(stmt);
	return ret;
}

int report_tables(const struct report *report, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < NR_TABLES && ret == 0; i++)
		ret = report_table(report, &tables[i], err);
	return ret;
}

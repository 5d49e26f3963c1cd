#include "reports/report_priv.h"

#include <inttypes.h>
#include <string.h>

#include "base/units.h"
#include "reports/chart_priv.h"
#include "reports/text_priv.h"

/* Columns left of a chart and right of it. */
#define LABEL_COLUMNS  14
#define FIGURE_COLUMNS 34
#define FREE_LINES     3

/* A zone as one struct: what the charts of it need. */
struct zone {
	int64_t node;
	char name[32];
	int64_t managed_pages, low_pages;
};

/*
 * What memory is used for at the end, in the order in which it is printed. Other is what none of the events took
 * that are replayed, or what they let go and reclaim has yet to take: page cache, and what a saved state holds.
 */
static const char *const uses[] = { "free", "free, on CPU lists", "slab", "kmalloc, whole pages", "pages",
	"vmalloc", "per-CPU", "other" };

#define NR_USES (sizeof(uses) / sizeof(uses[0]))

static const char uses_sql[] =
	"SELECT free_bytes, pcp_bytes, slab_bytes, kmalloc_large_bytes, page_bytes, vmalloc_bytes,"
	" percpu_bytes, max(0, managed - free_bytes - pcp_bytes - slab_bytes - kmalloc_large_bytes - page_bytes - vmalloc_bytes"
	" - percpu_bytes), slab_waste_bytes, kmalloc_waste_bytes, live_objects, managed"
	" FROM samples, (SELECT coalesce(sum(managed_pages), 0) * ?2 AS managed FROM zone_samples WHERE sample_id = ?1)"
	" WHERE sample_id = ?1";

static void print_bar(const struct report *report, int64_t part, int64_t whole, int width)
{
	int64_t halves = whole > 0 ? (int64_t)(2.0 * width * (double)part / (double)whole + 0.5) : 0;

	if (halves == 0)
		return;
	fputs("  ", report->out);
	text_style(report->out, report->colour, TEXT_CYAN);
	for (; halves >= 2; halves -= 2)
		fputs("█", report->out);
	if (halves)
		fputs("▌", report->out);
	text_style(report->out, report->colour, TEXT_PLAIN);
}

static void print_uses(const struct report *report, sqlite3_stmt *stmt)
{
	int64_t whole = sqlite3_column_int64(stmt, NR_USES + 3);
	int64_t other = sqlite3_column_int64(stmt, NR_USES - 1);
	char size[32], waste[32], inside[32], count[32], text[512];

	for (size_t i = 0; i < NR_USES; i++) {
		int64_t bytes = sqlite3_column_int64(stmt, (int)i);

		fprintf(report->out, "  %-22s %9s", uses[i],
			units_format_size_short((uint64_t)bytes, size, sizeof(size)));
		if (whole > 0)
			fprintf(report->out, "  %5.1f %%", 100.0 * (double)bytes / (double)whole);
		print_bar(report, bytes, whole, (int)report->width - 46);
		fputc('\n', report->out);
	}
	snprintf(text, sizeof(text),
		"of %s that the page allocator manages. %s objects are live. Of the slab pages %s hold nothing that was asked for."
		" kmalloc rounded up by %s, in slabs and in whole pages.%s",
		units_format_size_short((uint64_t)whole, size, sizeof(size)),
		text_count(sqlite3_column_int64(stmt, NR_USES + 2), count, sizeof(count)),
		units_format_size_short((uint64_t)sqlite3_column_int64(stmt, NR_USES), waste, sizeof(waste)),
		units_format_size_short((uint64_t)sqlite3_column_int64(stmt, NR_USES + 1), inside, sizeof(inside)),
		other ? " Other is what no object of the replay holds: page cache that waits for reclaim, and what a saved state has." :
			"");
	text_wrapped(report->out, NULL, 2, text, (int)report->width);
}

static int report_uses(const struct report *report, struct err *err)
{
	sqlite3_stmt *stmt;
	int ret = results_prepare(report->results, uses_sql,
		(const int64_t[]){ report->last_sample, report->page_size }, 2, &stmt, err);

	if (ret < 0)
		return ret;
	report_heading(report, "Memory at the end", NULL);
	ret = results_step(report->results, stmt, err);
	if (ret > 0)
		print_uses(report, stmt);
	sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

/* Fills @chart with what @sql answers for the zone: rows of time and value. ?4 is @order. */
static int fill_chart(const struct report *report, const struct zone *zone, const char *sql, int64_t order,
	struct chart *chart, struct err *err)
{
	sqlite3_stmt *stmt;
	int ret = results_prepare(report->results, sql, &report->run, 1, &stmt, err);

	if (ret < 0)
		return ret;
	sqlite3_bind_int64(stmt, 2, zone->node);
	sqlite3_bind_text(stmt, 3, zone->name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 4, order);
	while ((ret = results_step(report->results, stmt, err)) > 0)
		chart_add(chart, sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1));
	sqlite3_finalize(stmt);
	return ret;
}

static unsigned int chart_columns(const struct report *report)
{
	return report->width - LABEL_COLUMNS - FIGURE_COLUMNS;
}

static void print_chart_line(const struct report *report, const char *label, const struct chart *chart,
	int64_t max, unsigned int line, unsigned int lines)
{
	text_padded(report->out, label, LABEL_COLUMNS - 2, true);
	fputs(" │", report->out);
	text_style(report->out, report->colour, TEXT_CYAN);
	chart_line(chart, max, line, lines, report->out);
	text_style(report->out, report->colour, TEXT_PLAIN);
	fputs("│", report->out);
}

static char *pages_text(const struct report *report, int64_t pages, char *buf, size_t size)
{
	return units_format_size_short((uint64_t)(pages * report->page_size), buf, size);
}

static int report_zone_free(const struct report *report, const struct zone *zone, struct err *err)
{
	static const char sql[] =
		"SELECT time_ns, free_pages FROM samples s JOIN zone_samples z USING (sample_id)"
		" WHERE run_id = ?1 AND node = ?2 AND zone = ?3 ORDER BY sample_id";
	char first[32], last[32], worst[32], low[32], managed[32];
	struct chart chart;
	int ret;

	chart_init(&chart, chart_columns(report), report->first_ns, report->last_ns, true);
	ret = fill_chart(report, zone, sql, 0, &chart, err);
	if (ret < 0)
		return ret;
	pages_text(report, zone->managed_pages, managed, sizeof(managed));
	for (unsigned int line = FREE_LINES; line-- > 0;) {
		print_chart_line(report,
			line == FREE_LINES - 1 ? managed
			: line == 0            ? "0 B"
					       : "free",
			&chart, zone->managed_pages, line, FREE_LINES);
		if (line == FREE_LINES - 1)
			fprintf(report->out, " %s → %s",
				pages_text(report, chart.first, first, sizeof(first)),
				pages_text(report, chart.last, last, sizeof(last)));
		else if (line == 1)
			fprintf(report->out, " lowest %s",
				pages_text(report, chart.worst, worst, sizeof(worst)));
		else if (line == 0)
			fprintf(report->out, " watermark low %s",
				pages_text(report, zone->low_pages, low, sizeof(low)));
		fputc('\n', report->out);
	}
	return 0;
}

static int report_zone_unusable(
	const struct report *report, const struct zone *zone, int64_t order, struct err *err)
{
	static const char sql[] =
		"SELECT time_ns, CAST(round(1000 * unusable_index) AS INTEGER) FROM samples"
		" JOIN frag_samples USING (sample_id) WHERE run_id = ?1 AND node = ?2 AND zone = ?3"
		" AND \"order\" = ?4 ORDER BY sample_id";
	struct chart chart;
	char label[32];
	int ret;

	chart_init(&chart, chart_columns(report), report->first_ns, report->last_ns, false);
	ret = fill_chart(report, zone, sql, order, &chart, err);
	if (ret < 0 || !chart.any)
		return ret;
	snprintf(label, sizeof(label), "order %" PRId64, order);
	print_chart_line(report, label, &chart, 1000, 0, 1);
	fprintf(report->out, " %.3f → %.3f, worst %.3f\n", (double)chart.first / 1e3,
		(double)chart.last / 1e3, (double)chart.worst / 1e3);
	return 0;
}

static int report_zone(const struct report *report, const struct zone *zone, struct err *err)
{
	/* 8 pages: the largest order that the kernel tries hard for; 32 pages; a huge page. */
	static const int64_t orders[] = { 3, 5, 9 };
	int ret;

	fprintf(report->out, "\n  node %" PRId64 " %s\n", zone->node, zone->name);
	ret = report_zone_free(report, zone, err);
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]) && ret == 0; i++)
		ret = report_zone_unusable(report, zone, orders[i], err);
	return ret;
}

static void print_time_axis(const struct report *report)
{
	char first[32], last[32];
	int columns = (int)chart_columns(report);

	units_format_time_short((ns_t)report->first_ns, first, sizeof(first));
	units_format_time_short((ns_t)report->last_ns, last, sizeof(last));
	fprintf(report->out, "%*s%s%*s\n", LABEL_COLUMNS, "", first, columns - text_width(first), last);
}

static int report_zones(const struct report *report, struct err *err)
{
	static const char sql[] =
		"SELECT node, zone, managed_pages, low_pages FROM zone_samples WHERE sample_id = ?"
		" AND managed_pages > 0 ORDER BY node, " RESULTS_ZONE_RANK;
	sqlite3_stmt *stmt;
	int ret = results_prepare(report->results, sql, &report->last_sample, 1, &stmt, err);

	if (ret < 0)
		return ret;
	report_heading(report, "Zones over time",
		"Above, free memory in the buddy lists. Below, the unusable index of orders 3, 5 and 9 from 0 to 1: the share of that"
		" free memory that lies in blocks too small for a request of the order. At 0 all of it can serve one, at 1 none."
		" Where several samples share a column it shows the worst.");
	while ((ret = results_step(report->results, stmt, err)) > 0) {
		struct zone zone = { sqlite3_column_int64(stmt, 0), "", sqlite3_column_int64(stmt, 2),
			sqlite3_column_int64(stmt, 3) };

		snprintf(zone.name, sizeof(zone.name), "%s", (const char *)sqlite3_column_text(stmt, 1));
		ret = report_zone(report, &zone, err);
		if (ret < 0)
			break;
	}
	sqlite3_finalize(stmt);
	if (ret == 0)
		print_time_axis(report);
	return ret;
}

/* A zone's free blocks and both indices by order: three lines that are built side by side. */
struct order_lines {
	char blocks[512], unusable[512], frag[512];
};

/* 11 orders fit on 80 columns. */
static int order_columns(const struct report *report)
{
	return report->width < 90 ? 6 : 7;
}

/* -1 is no measure of anything but an answer: it stands apart from the others. */
static void add_order(struct order_lines *lines, sqlite3_stmt *stmt, int width)
{
	size_t used = strlen(lines->blocks);
	double frag = sqlite3_column_double(stmt, 5);

	snprintf(lines->blocks + used, sizeof(lines->blocks) - used, "%*" PRId64, width,
		(int64_t)sqlite3_column_int64(stmt, 3));
	used = strlen(lines->unusable);
	snprintf(lines->unusable + used, sizeof(lines->unusable) - used, "%*.3f", width,
		sqlite3_column_double(stmt, 4));
	used = strlen(lines->frag);
	snprintf(lines->frag + used, sizeof(lines->frag) - used, "%*.*f", width, frag <= -1 ? 0 : 3, frag);
}

static void print_order_lines(const struct report *report, sqlite3_stmt *stmt, struct order_lines *lines)
{
	fprintf(report->out, "  node %d %s\n", sqlite3_column_int(stmt, 0),
		(const char *)sqlite3_column_text(stmt, 1));
	fprintf(report->out, "    blocks  %s\n    unusable%s\n    frag    %s\n", lines->blocks,
		lines->unusable, lines->frag);
	memset(lines, 0, sizeof(*lines));
}

static void print_order_titles(const struct report *report, int64_t max_order)
{
	text_style(report->out, report->colour, TEXT_DIM);
	fputs("  order     ", report->out);
	for (int64_t order = 0; order <= max_order; order++)
		fprintf(report->out, "%*" PRId64, order_columns(report), order);
	text_style(report->out, report->colour, TEXT_PLAIN);
	fputc('\n', report->out);
}

static int report_orders(const struct report *report, struct err *err)
{
	static const char sql[] =
		"SELECT f.node, f.zone, f.\"order\", (SELECT sum(blocks) FROM free_blocks b WHERE b.sample_id = f.sample_id"
		" AND b.node = f.node AND b.zone = f.zone AND b.\"order\" = f.\"order\"), unusable_index, frag_index,"
		" f.\"order\" = z.max_order FROM frag_samples f JOIN zone_samples z USING (sample_id, node, zone)"
		" WHERE sample_id = ? AND managed_pages > 0 ORDER BY f.node, " RESULTS_ZONE_RANK
		", f.\"order\"";
	struct order_lines lines = { 0 };
	sqlite3_stmt *stmt;
	int64_t max_order;
	int ret =
		results_number(report->results, "SELECT max(max_order) FROM zone_samples WHERE sample_id = ?",
			&report->last_sample, 1, 0, &max_order, err);

	if (ret == 0)
		ret = results_prepare(report->results, sql, &report->last_sample, 1, &stmt, err);
	if (ret < 0)
		return ret;
	report_heading(report, "Free blocks of 2^order pages at the end",
		"frag is the fragmentation index, why a request of that order would fail now: -1, it would not; towards 0, memory is"
		" short; towards 1, there is enough of it but in pieces, and compaction would help.");
	print_order_titles(report, max_order);
	while ((ret = results_step(report->results, stmt, err)) > 0) {
		add_order(&lines, stmt, order_columns(report));
		if (sqlite3_column_int(stmt, 6))
			print_order_lines(report, stmt, &lines);
	}
	sqlite3_finalize(stmt);
	return ret;
}

int report_memory(const struct report *report, struct err *err)
{
	int ret;

	if (report->last_sample == 0) {
		report_heading(report, "Memory", "No sample was recorded: the run ended before its first.");
		return 0;
	}
	ret = report_uses(report, err);
	if (ret == 0)
		ret = report_zones(report, err);
	return ret < 0 ? ret : report_orders(report, err);
}

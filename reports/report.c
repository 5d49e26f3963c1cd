#include "reports/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "reports/report_priv.h"
#include "reports/text_priv.h"

#define WIDTH_DEFAULT 100
#define WIDTH_MIN     60

/* Where the lines of the heading go on behind their label. */
#define LABEL_COLUMNS 15

void report_heading(const struct report *report, const char *title, const char *note)
{
	fputc('\n', report->out);
	text_style(report->out, report->colour, TEXT_BOLD);
	fprintf(report->out, "%s\n", title);
	text_style(report->out, report->colour, TEXT_PLAIN);
	if (!note)
		return;
	text_style(report->out, report->colour, TEXT_DIM);
	text_wrapped(report->out, NULL, 2, note, (int)report->width);
	text_style(report->out, report->colour, TEXT_PLAIN);
}

static const char *column(sqlite3_stmt *stmt, int i)
{
	const char *text = (const char *)sqlite3_column_text(stmt, i);

	return text ? text : "";
}

/* A line "Machine      pc-256m ..."; long ones go on under their beginning. */
static void heading_line(const struct report *report, const char *label, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void heading_line(const struct report *report, const char *label, const char *fmt, ...)
{
	char *text = NULL, indented[LABEL_COLUMNS + 1];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0)
		return;
	snprintf(indented, sizeof(indented), "  %s", label);
	text_wrapped(report->out, indented, LABEL_COLUMNS, text, (int)report->width);
	free(text);
}

enum {
	RUN_TRACE,
	RUN_SHA,
	RUN_MACHINE,
	RUN_HASH,
	RUN_SEED,
	RUN_VERSION,
	RUN_STATUS,
	RUN_ERROR,
	RUN_EVENTS,
	RUN_SIM_NS,
	RUN_WALL_NS,
	RUN_FINGERPRINT,
	RUN_KERNEL,
	RUN_PACE,
	RUN_CPU_MAP,
	RUN_LAYER,
	RUN_INITIAL,
	RUN_PART,
	RUN_LOST,
	RUN_COMMIT,
	RUN_PARAMS,
	RUN_NR,
};

static const char run_sql[] =
	"SELECT trace, trace_sha256, machine, config_hash, seed, version, status, error, events, sim_ns,"
	" wall_ns, fingerprint, kernel, pace, cpu_map, layer, initial, part, lost, git_commit,"
	" (SELECT group_concat(key || '=' || value, ', ') FROM run_params p WHERE p.run_id = r.run_id),"
	" (SELECT count(*) FROM runs) FROM runs r WHERE run_id = ?";

/* Lost events stand before everything: they decide how far the rest can be believed. */
static void print_lost(const struct report *report, sqlite3_stmt *run)
{
	int64_t lost = sqlite3_column_int64(run, RUN_LOST), events = sqlite3_column_int64(run, RUN_EVENTS);
	char count[32], text[640], share[48] = "";

	if (lost == 0)
		return;
	if (events > 0)
		snprintf(share, sizeof(share), " (%.2g %% of all)",
			100.0 * (double)lost / ((double)lost + (double)events));
	snprintf(text, sizeof(text),
		"The recording lost %s events%s. In doubt because of it: what was live at any time, since an allocation or a free may"
		" be missing, and with it free memory, waste and fragmentation; counts of operations are too low. Not in doubt: what"
		" each replayed request took, and the order of those that are there.",
		text_count(lost, count, sizeof(count)), share);
	text_style(report->out, report->colour, TEXT_YELLOW);
	text_wrapped(report->out, NULL, 2, text, (int)report->width);
	text_style(report->out, report->colour, TEXT_PLAIN);
	fputc('\n', report->out);
}

static void print_status(const struct report *report, sqlite3_stmt *run)
{
	const char *status = column(run, RUN_STATUS);
	int64_t events = sqlite3_column_int64(run, RUN_EVENTS),
		wall_ns = sqlite3_column_int64(run, RUN_WALL_NS);
	char count[32], sim[32], wall[32], speed[48] = "";

	if (!strcmp(status, "running")) {
		heading_line(report, "Status", "unfinished: the run is still going on, or it was killed");
		return;
	}
	if (wall_ns > 0)
		snprintf(speed, sizeof(speed), " (%.2f M events/s)", (double)events * 1e3 / (double)wall_ns);
	heading_line(report, "Status", "%s: %s events, %s simulated in %s%s", status,
		text_count(events, count, sizeof(count)),
		units_format_time_short((ns_t)sqlite3_column_int64(run, RUN_SIM_NS), sim, sizeof(sim)),
		units_format_time_short((ns_t)wall_ns, wall, sizeof(wall)), speed);
	if (!strcmp(status, "failed") || sqlite3_column_type(run, RUN_ERROR) != SQLITE_NULL) {
		text_style(report->out, report->colour, TEXT_RED);
		heading_line(report, "Error", "%s", column(run, RUN_ERROR));
		text_style(report->out, report->colour, TEXT_PLAIN);
	} else if (!strcmp(status, "interrupted")) {
		heading_line(report, "", "the figures below are those up to the interruption");
	}
}

static void print_run(const struct report *report, sqlite3_stmt *run)
{
	const char *params = column(run, RUN_PARAMS), *kernel = column(run, RUN_KERNEL),
		   *initial = column(run, RUN_INITIAL), *part = column(run, RUN_PART);
	const char *slash = strrchr(column(run, RUN_TRACE), '/');

	text_style(report->out, report->colour, TEXT_BOLD);
	text_padded(report->out, slash ? slash + 1 : column(run, RUN_TRACE), 0, false);
	fputs(" on ", report->out);
	text_padded(report->out, column(run, RUN_MACHINE), 0, false);
	text_style(report->out, report->colour, TEXT_PLAIN);
	fprintf(report->out, "  (run %" PRId64 " of %" PRId64 ")\n\n", report->run,
		(int64_t)sqlite3_column_int64(run, RUN_NR));
	print_lost(report, run);
	print_status(report, run);
	heading_line(report, "Trace", "%s%s%s, sha256 %.12s", column(run, RUN_TRACE),
		*kernel ? ", recorded on kernel " : "", kernel, column(run, RUN_SHA));
	heading_line(report, "Machine", "%s, config %.12s%s%s", column(run, RUN_MACHINE),
		column(run, RUN_HASH), *params ? ", with " : "", params);
	heading_line(report, "Replay", "pace %s, CPU map %s, layer %s, seed %s, started %s%s", column(run, RUN_PACE),
		column(run, RUN_CPU_MAP), column(run, RUN_LAYER), column(run, RUN_SEED), *initial ? "from " : "at boot",
		initial);
	if (*part)
		heading_line(report, "Part", "%s", part);
	heading_line(report, "Fingerprint", "%s",
		sqlite3_column_type(run, RUN_FINGERPRINT) == SQLITE_NULL ? "none yet"
									 : column(run, RUN_FINGERPRINT));
	heading_line(report, "Made by", "kmemsim %s (%s)", column(run, RUN_VERSION), column(run, RUN_COMMIT));
}

static int report_run(const struct report *report, struct err *err)
{
	sqlite3_stmt *stmt;
	int ret = results_prepare(report->results, run_sql, &report->run, 1, &stmt, err);

	if (ret < 0)
		return ret;
	ret = results_step(report->results, stmt, err);
	if (ret > 0)
		print_run(report, stmt);
	sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

static int read_samples(struct report *report, struct err *err)
{
	sqlite3_stmt *stmt;
	int ret = results_prepare(report->results,
		"SELECT page_size, (SELECT count(*) FROM samples s WHERE s.run_id = r.run_id),"
		" (SELECT min(time_ns) FROM samples s WHERE s.run_id = r.run_id),"
		" (SELECT max(time_ns) FROM samples s WHERE s.run_id = r.run_id),"
		" (SELECT max(sample_id) FROM samples s WHERE s.run_id = r.run_id) FROM runs r WHERE run_id = ?",
		&report->run, 1, &stmt, err);

	if (ret < 0)
		return ret;
	ret = results_step(report->results, stmt, err);
	report->page_size = sqlite3_column_int64(stmt, 0);
	report->nr_samples = sqlite3_column_int64(stmt, 1);
	report->first_ns = sqlite3_column_int64(stmt, 2);
	report->last_ns = sqlite3_column_int64(stmt, 3);
	report->last_sample = sqlite3_column_int64(stmt, 4);
	sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

int report_text(struct results *results, const struct report_options *options, FILE *out, struct err *err)
{
	struct report report = {
		.results = results,
		.out = out,
		.colour = options->colour,
		.fit = options->width,
		.width = options->width ? options->width : WIDTH_DEFAULT,
	};
	int ret = results_choose_run(results, options->run, &report.run, err);

	if (ret < 0)
		return ret;
	if (options->json)
		return report_json(results, report.run, out, err);
	if (report.width < WIDTH_MIN)
		report.width = WIDTH_MIN;
	ret = read_samples(&report, err);
	if (ret == 0)
		ret = report_run(&report, err);
	if (ret == 0)
		ret = report_findings(&report, err);
	if (ret == 0)
		ret = report_memory(&report, err);
	return ret < 0 ? ret : report_tables(&report, err);
}

int report_text_keep(struct results *results, const struct report_options *options, char **text, struct err *err)
{
	size_t size = 0;
	FILE *memory;
	int ret;

	*text = NULL;
	memory = open_memstream(text, &size);
	if (!memory)
		return err_set(err, ERR_NOMEM, "no memory for the report");
	ret = report_text(results, options, memory, err);
	if (fclose(memory) && ret == 0)
		ret = err_set(err, ERR_NOMEM, "no memory for the report");
	return ret;
}

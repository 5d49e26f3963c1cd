#include "reports/compare.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "reports/compare_priv.h"
#include "reports/database_priv.h"
#include "reports/quantity_priv.h"
#include "reports/rows_priv.h"

/* A narrower terminal has section, item and figure in one column. */
#define WIDE 120

struct comparison {
	const struct compare_options *options; /* borrowed */
	struct results memory; /* its db is owned: figures, then differences */
	struct results *sides[2]; /* owned; the same file is opened twice */
	int64_t runs[2];
};

static const char figures_sql[] =
	"CREATE TABLE figures (side INTEGER, kind TEXT, section TEXT, item TEXT, figure TEXT, value,"
	" PRIMARY KEY (kind, section, item, figure, side)) WITHOUT ROWID";

/*
 * change is relative to the first run; NULL where that has nothing or where
 * no number is. A figure that one run lacks is 0 there. ?1 is the threshold.
 */
static const char differences_sql[] =
	"CREATE TABLE differences AS"
	" WITH sides AS (SELECT kind, section, item, figure, max(value) FILTER (WHERE side = 0) AS a,"
	" max(value) FILTER (WHERE side = 1) AS b FROM figures GROUP BY kind, section, item, figure),"
	" numbers AS (SELECT *, CASE typeof(a) WHEN 'text' THEN quantity(a) WHEN 'null' THEN"
	" iif(typeof(b) = 'text', NULL, 0) ELSE a END AS na,"
	" CASE typeof(b) WHEN 'text' THEN quantity(b) WHEN 'null' THEN"
	" iif(typeof(a) = 'text', NULL, 0) ELSE b END AS nb,"
	" figure = 'fingerprint' AS opaque FROM sides WHERE a IS NOT b),"
	" changes AS (SELECT *, CASE WHEN na <> 0 AND NOT opaque THEN round((nb - na) / abs(1.0 * na), 6) END AS change FROM numbers"
	" WHERE kind <> 'result' OR na IS NULL OR nb IS NULL OR na <> nb OR opaque)"
	" SELECT kind, section, item, figure, a, b, change FROM changes"
	" WHERE kind <> 'result' OR ?1 = 0 OR (NOT opaque AND ifnull(abs(change) > ?1, 1))"
	" ORDER BY CASE kind WHEN 'input' THEN 0 WHEN 'configuration' THEN 1 ELSE 2 END, change IS NOT NULL, abs(change) DESC,"
	" abs(nb - na) DESC, section, item, figure";

static int exec(struct comparison *c, const char *sql, struct err *err)
{
	return database_exec(c->memory.db, c->memory.path, sql, err);
}

static int find_differences(struct comparison *c, struct err *err)
{
	sqlite3_stmt *stmt;
	int ret = results_prepare(&c->memory, differences_sql, NULL, 0, &stmt, err);

	if (ret < 0)
		return ret;
	sqlite3_bind_double(stmt, 1, c->options->over);
	ret = results_step(&c->memory, stmt, err);
	sqlite3_finalize(stmt);
	return ret;
}

static const char run_sql[] =
	"SELECT run_id, status, trace, machine, (SELECT group_concat(key || '=' || value, ' ') FROM (SELECT key, value"
	" FROM run_params p WHERE p.run_id = r.run_id ORDER BY key)) AS params, seed, fingerprint FROM runs r WHERE run_id = ?";

/* A run as one JSON object, or as a line: "A  run 1 of a.db: done, boot.kmt on pc-512m memory=64 MiB". */
static int write_side(struct comparison *c, int side, FILE *out, struct err *err)
{
	struct results *results = c->sides[side];
	sqlite3_stmt *stmt;
	int ret = results_prepare(results, run_sql, &c->runs[side], 1, &stmt, err);

	if (ret < 0)
		return ret;
	ret = results_step(results, stmt, err);
	if (ret > 0 && c->options->format == RESULTS_JSON) {
		rows_write_object(stmt, out);
	} else if (ret > 0) {
		const char *params = (const char *)sqlite3_column_text(stmt, 4);

		fprintf(out, "%s  run %s of %s: %s, %s on %s%s%s\n", side ? "b" : "a", sqlite3_column_text(stmt, 0),
			results->path, sqlite3_column_text(stmt, 1), sqlite3_column_text(stmt, 2),
			sqlite3_column_text(stmt, 3), params ? " " : "", params ? params : "");
	}
	sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

static int write_rows(struct comparison *c, const char *sql, FILE *out, struct err *err)
{
	const struct rows_shape shape = { .format = c->options->format, .width = c->options->width, .table = true };
	sqlite3_stmt *stmt;
	int ret = results_prepare(&c->memory, sql, NULL, 0, &stmt, err);

	if (ret == 0)
		ret = rows_write(&c->memory, stmt, &shape, out, err);
	sqlite3_finalize(stmt);
	return ret;
}

static int write_json(struct comparison *c, bool equal, FILE *out, struct err *err)
{
	int ret;

	fputs("{\"a\": ", out);
	ret = write_side(c, 0, out, err);
	fputs(",\n\"b\": ", out);
	if (ret == 0)
		ret = write_side(c, 1, out, err);
	fprintf(out, ",\n\"equal\": %s,\n\"differences\": ", equal ? "true" : "false");
	if (ret == 0)
		ret = write_rows(c, "SELECT * FROM differences ORDER BY rowid", out, err);
	fputs("}\n", out);
	return ret;
}

/* One part of the text; @what is its kind in the table. */
static int write_part(struct comparison *c, const char *title, const char *what, FILE *out, struct err *err)
{
	bool narrow = c->options->width && c->options->width < WIDE;
	int64_t rows;
	char sql[512];
	int ret;

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM differences WHERE kind = '%s'", what);
	ret = results_number(&c->memory, sql, NULL, 0, 0, &rows, err);
	if (ret < 0)
		return ret;
	fprintf(out, "\n%s%s\n", title, rows ? "" : ": no difference");
	if (rows == 0)
		return 0;
	snprintf(sql, sizeof(sql),
		"SELECT %s, a, b, CASE WHEN change IS NOT NULL THEN printf('%%+.1f %%%%', 100 * change)"
		" WHEN a IS NULL THEN 'new' WHEN typeof(a) = 'text' OR b IS NULL THEN '' ELSE 'from 0' END AS change"
		" FROM differences WHERE kind = '%s' ORDER BY rowid",
		strcmp(what, "result") ? "figure" :
		narrow ? "trim(section || ' ' || item) || ': ' || figure AS figure" : "section, item, figure", what);
	return write_rows(c, sql, out, err);
}

/* As many pages are not as much memory then, nor is an order as large a block. */
static int write_page_sizes(struct comparison *c, FILE *out, struct err *err)
{
	int64_t bytes[2] = { 0, 0 };
	char text[2][32];
	int ret = 0;

	for (int side = 0; side < 2 && ret == 0; side++)
		ret = results_number(c->sides[side], "SELECT page_size FROM runs WHERE run_id = ?", &c->runs[side], 1,
			0, &bytes[side], err);
	if (ret < 0 || bytes[0] == bytes[1])
		return ret;
	fprintf(out,
		"\nPages of a are %s, those of b %s: compare figures in bytes; the same number of pages is not the same memory.\n",
		units_format_size((uint64_t)bytes[0], text[0], sizeof(text[0])),
		units_format_size((uint64_t)bytes[1], text[1], sizeof(text[1])));
	return 0;
}

static int write_text(struct comparison *c, FILE *out, struct err *err)
{
	int ret = write_side(c, 0, out, err);

	if (ret == 0)
		ret = write_side(c, 1, out, err);
	if (ret == 0)
		ret = write_page_sizes(c, out, err);
	if (ret == 0)
		ret = write_part(c, "Inputs", "input", out, err);
	if (ret == 0)
		ret = write_part(c, "Configuration", "configuration", out, err);
	return ret < 0 ? ret : write_part(c, "Results", "result", out, err);
}

static int open_side(struct comparison *c, int side, const struct compare_side *which, struct err *err)
{
	int ret = results_open(&c->sides[side], which->path, err);

	return ret < 0 ? ret : results_choose_run(c->sides[side], which->run, &c->runs[side], err);
}

static int gather(struct comparison *c, struct err *err)
{
	int ret;

	if (sqlite3_open(":memory:", &c->memory.db) != SQLITE_OK)
		return err_set(err, ERR_NOMEM, "no memory to compare runs");
	ret = quantity_register(&c->memory, err);
	if (ret == 0)
		ret = exec(c, figures_sql, err);
	for (int side = 0; side < 2 && ret >= 0; side++)
		ret = compare_figures(&c->memory, side, c->sides[side], c->runs[side], err);
	return ret < 0 ? ret : find_differences(c, err);
}

static int write_comparison(struct comparison *c, FILE *out, bool *equal, struct err *err)
{
	int64_t differences;
	int ret = results_number(&c->memory, "SELECT count(*) FROM differences WHERE kind = 'result'", NULL, 0, 0,
		&differences, err);

	if (ret < 0)
		return ret;
	*equal = differences == 0;
	switch (c->options->format) {
	case RESULTS_JSON:
		return write_json(c, *equal, out, err);
	case RESULTS_CSV:
		return write_rows(c, "SELECT * FROM differences ORDER BY rowid", out, err);
	case RESULTS_TABLE:
		break;
	}
	return write_text(c, out, err);
}

int compare_runs(const struct compare_side *a, const struct compare_side *b, const struct compare_options *options,
	FILE *out, bool *equal, struct err *err)
{
	char name[] = "comparison";
	struct comparison c = { .options = options, .memory.path = name };
	int ret = open_side(&c, 0, a, err);

	if (ret == 0)
		ret = open_side(&c, 1, b, err);
	if (ret == 0)
		ret = gather(&c, err);
	if (ret == 0)
		ret = write_comparison(&c, out, equal, err);
	sqlite3_close(c.memory.db);
	results_close(c.sides[0]);
	results_close(c.sides[1]);
	return ret;
}

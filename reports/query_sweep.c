#include "reports/query_sweep_priv.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "reports/database_priv.h"
#include "base/word.h"
#include "reports/quantity_priv.h"
#include "reports/rows_priv.h"

#define BEST_ROWS 10

/* The columns of v_sweep that runs are measured by. */
static const struct figure {
	const char *name;
	bool more_is_better;
	bool beside; /* shown with every best run, whatever it is best by */
	/* of pages: its name where runs have pages of several sizes, which are compared as bytes */
	const char *in_bytes;
} figures[] = {
	{ "failed", false, true, NULL },
	{ "sleeps", false, false, NULL },
	{ "free_pages", true, false, "free_bytes" },
	{ "free_pages_lowest", true, true, "free_bytes_lowest" },
	{ "unusable_3", false, false, NULL },
	{ "unusable_3_worst", false, false, NULL },
	{ "unusable_9", false, true, NULL },
	{ "unusable_9_worst", false, false, NULL },
	{ "slab_pages", false, true, "slab_bytes" },
	{ "slab_waste_bytes", false, false, NULL },
	{ "kmalloc_waste_bytes", false, false, NULL },
	{ "extfrag_events", false, true, NULL },
	{ "reclaimed_pages", false, false, "reclaimed_bytes" },
	{ "numa_misses", false, false, NULL },
	{ "lat_mean_ns", false, true, NULL },
	{ "kmalloc_p99_ns", false, false, NULL },
	{ "kmem_cache_alloc_p99_ns", false, false, NULL },
	{ "alloc_pages_p99_ns", false, false, NULL },
	{ "lat_p99_worst_op_ns", false, false, NULL },
	{ "lat_max_ns", false, false, NULL },
	{ "violations", false, false, NULL },
	{ "wall_ns", false, false, NULL },
};

#define NR_FIGURES (sizeof(figures) / sizeof(figures[0]))

/* What stands before and behind the swept keys; a key of the same name is what the column says already. */
static const char columns_before[] = "run_id, status, trace, machine";
static const char columns_behind[] =
	"seed, events, failed, sleeps, free_pages, free_pages_lowest, unusable_3, unusable_3_worst, unusable_9,"
	" unusable_9_worst, slab_pages, slab_waste_bytes, kmalloc_waste_bytes, extfrag_events, reclaimed_pages, numa_misses,"
	" lat_mean_ns, kmalloc_p99_ns, kmem_cache_alloc_p99_ns, alloc_pages_p99_ns, lat_p99_worst_op_ns, lat_max_ns,"
	" violations, sim_ns, wall_ns, fingerprint";

static const char keys_sql[] =
	"SELECT DISTINCT key FROM run_params WHERE lower(key) NOT IN (SELECT name FROM pragma_table_info('v_sweep')) ORDER BY key";

struct swept {
	struct results *results; /* borrowed */
	char **keys;             /* owned: the swept ones, ascending */
	size_t nr_keys;
	bool in_bytes;           /* finished runs have pages of several sizes */
	bool traces, machines;   /* they are of several */
};

/* A figure or swept key to judge runs by. */
struct measure {
	const char *name; /* borrowed: from the sweep or from figures[] */
	bool is_key;
	bool more_is_better;
};

static const char *name_of(const struct swept *swept, const struct figure *figure)
{
	return swept->in_bytes && figure->in_bytes ? figure->in_bytes : figure->name;
}

static int no_memory(const struct results *results, struct err *err)
{
	return err_set(err, ERR_NOMEM, "%s: no memory for a query over all runs", results->path);
}

static void swept_fini(struct swept *swept)
{
	for (size_t i = 0; i < swept->nr_keys; i++)
		free(swept->keys[i]);
	free(swept->keys);
}

/* Whether finished runs differ in a column of `runs`: @sql counts its values. */
static int read_several(const struct swept *swept, const char *sql, bool *several, struct err *err)
{
	int64_t values = 0;
	int ret = results_number(swept->results, sql, NULL, 0, 0, &values, err);

	*several = values > 1;
	return ret;
}

static int read_what_differs(struct swept *swept, struct err *err)
{
	static const char page_sizes[] = "SELECT count(DISTINCT page_size) FROM runs WHERE status = 'done'";
	static const char traces[] = "SELECT count(DISTINCT trace) FROM runs WHERE status = 'done'";
	static const char machines[] = "SELECT count(DISTINCT machine) FROM runs WHERE status = 'done'";
	int ret = read_several(swept, page_sizes, &swept->in_bytes, err);

	if (ret == 0)
		ret = read_several(swept, traces, &swept->traces, err);
	if (ret == 0)
		ret = read_several(swept, machines, &swept->machines, err);
	return ret;
}

static int read_keys(struct swept *swept, struct err *err)
{
	sqlite3_stmt *stmt;
	int ret = results_prepare(swept->results, keys_sql, NULL, 0, &stmt, err);

	if (ret < 0)
		return ret;
	while ((ret = results_step(swept->results, stmt, err)) > 0) {
		char **grown = reallocarray(swept->keys, swept->nr_keys + 1, sizeof(*grown));
		char *key = strdup((const char *)sqlite3_column_text(stmt, 0));

		if (grown)
			swept->keys = grown;
		if (!grown || !key) {
			free(key);
			ret = no_memory(swept->results, err);
			break;
		}
		swept->keys[swept->nr_keys++] = key;
	}
	sqlite3_finalize(stmt);
	return ret;
}

/* Runs the text that @sql has become, and frees it. */
static int exec_built(struct results *results, sqlite3_str *sql, struct err *err)
{
	char *text = sqlite3_str_finish(sql);
	int ret = text ? database_exec(results->db, results->path, text, err) : no_memory(results, err);

	sqlite3_free(text);
	return ret;
}

/* By way of a table: a text needs its rows twice, and they may have taken a while to find. */
static int answer_built(struct results *results, sqlite3_str *sql, const struct query_options *options, FILE *out,
	struct err *err)
{
	char *text = sqlite3_str_finish(sql);
	sqlite3_str *making = sqlite3_str_new(results->db);
	int ret;

	if (text)
		sqlite3_str_appendf(making, "DROP TABLE IF EXISTS temp.answer; CREATE TEMP TABLE answer AS %s", text);
	ret = exec_built(results, making, err);
	if (ret == 0)
		ret = rows_answer(results, "SELECT * FROM temp.answer ORDER BY rowid", options, out, err);
	sqlite3_free(text);
	return ret;
}

static void append_bytes(sqlite3_str *sql)
{
	for (size_t i = 0; i < NR_FIGURES; i++)
		if (figures[i].in_bytes)
			sqlite3_str_appendf(sql,
				", %s * (SELECT page_size FROM runs r WHERE r.run_id = v.run_id) AS %s",
				figures[i].name, figures[i].in_bytes);
}

/*
 * temp.sweep: v_sweep computed once, with a column for each swept key, and pages
 * as bytes where their size varies. In memory: the database may be read-only.
 */
static int swept_init(struct swept *swept, struct results *results, struct err *err)
{
	sqlite3_str *sql;
	int ret;

	*swept = (struct swept){ .results = results };
	ret = read_keys(swept, err);
	if (ret == 0)
		ret = read_what_differs(swept, err);
	if (ret == 0)
		ret = quantity_register(results, err);
	if (ret == 0) {
		sql = sqlite3_str_new(results->db);
		sqlite3_str_appendf(sql, "PRAGMA temp_store = MEMORY; DROP TABLE IF EXISTS temp.sweep;"
					 " CREATE TEMP TABLE sweep AS SELECT %s", columns_before);
		for (size_t i = 0; i < swept->nr_keys; i++)
			sqlite3_str_appendf(sql,
				", (SELECT value FROM run_params p WHERE p.run_id = v.run_id AND key = %Q) AS \"%w\"",
				swept->keys[i], swept->keys[i]);
		sqlite3_str_appendf(sql, ", %s", columns_behind);
		if (swept->in_bytes)
			append_bytes(sql);
		sqlite3_str_appendall(sql, " FROM v_sweep v ORDER BY run_id");
		ret = exec_built(results, sql, err);
	}
	if (ret < 0)
		swept_fini(swept);
	return ret;
}

int query_sweep(struct results *results, const struct query_options *options, FILE *out, struct err *err)
{
	struct swept swept;
	int ret;

	if (options->by)
		return err_set(err, ERR_USAGE, "query \"sweep\" takes no --by: best, worst, pareto and sensitivity do");
	ret = swept_init(&swept, results, err);
	if (ret < 0)
		return ret;
	ret = rows_answer(results, "SELECT * FROM temp.sweep ORDER BY run_id", options, out, err);
	swept_fini(&swept);
	return ret;
}

static int unknown_measure(const struct swept *swept, const char *name, struct err *err)
{
	const char **names = calloc(NR_FIGURES + swept->nr_keys, sizeof(*names));
	char hint[256];
	int ret;

	if (!names)
		return no_memory(swept->results, err);
	for (size_t i = 0; i < NR_FIGURES; i++)
		names[i] = figures[i].name;
	for (size_t i = 0; i < swept->nr_keys; i++)
		names[NR_FIGURES + i] = swept->keys[i];
	ret = err_set(err, ERR_USAGE,
		"--by: neither a figure nor a swept key: \"%s\"%s `kmemsim query %s sweep` shows them", name,
		word_hint(name, names, NR_FIGURES + swept->nr_keys, ";", hint, sizeof(hint)), swept->results->path);
	free(names);
	return ret;
}

/* Runs cannot be put in order by words. */
static int check_numbers(const struct swept *swept, const char *key, struct err *err)
{
	char *sql = sqlite3_mprintf("SELECT count(quantity(\"%w\", 4096)) FROM temp.sweep", key);
	int64_t numbers = 0;
	int ret = sql ? results_number(swept->results, sql, NULL, 0, 0, &numbers, err) : no_memory(swept->results, err);

	sqlite3_free(sql);
	if (ret == 0 && !numbers)
		ret = err_set(err, ERR_USAGE, "--by: %s has no numbers: it takes a figure, or a swept key with numbers",
			key);
	return ret;
}

static int find_measure(const struct swept *swept, const char *name, struct measure *measure, struct err *err)
{
	for (size_t i = 0; i < NR_FIGURES; i++)
		if (!strcmp(figures[i].name, name) || !strcmp(name_of(swept, &figures[i]), name)) {
			*measure = (struct measure){ name_of(swept, &figures[i]), false, figures[i].more_is_better };
			return 0;
		}
	for (size_t i = 0; i < swept->nr_keys; i++)
		if (!strcmp(swept->keys[i], name)) {
			*measure = (struct measure){ swept->keys[i], true, false };
			return check_numbers(swept, swept->keys[i], err);
		}
	return unknown_measure(swept, name, err);
}

/* "FIGURE", "FIGURE:min" or "FIGURE:max"; @text is cut. */
static int parse_measure(const struct swept *swept, char *text, struct measure *measure, struct err *err)
{
	char *colon = strrchr(text, ':');
	bool max = colon && !strcmp(colon, ":max"), min = colon && !strcmp(colon, ":min");
	int ret;

	if (max || min)
		*colon = 0;
	ret = find_measure(swept, text, measure, err);
	if (ret == 0 && (max || min))
		measure->more_is_better = max;
	return ret;
}

/* @nr measures, joined by commas. */
static int parse_by(const struct swept *swept, const char *by, struct measure *measures, size_t nr, struct err *err)
{
	char *copy = strdup(by), *save, *word;
	size_t found = 0;
	int ret = copy ? 0 : no_memory(swept->results, err);

	for (word = copy ? strtok_r(copy, ", ", &save) : NULL; word && ret == 0; word = strtok_r(NULL, ", ", &save)) {
		if (found < nr)
			ret = parse_measure(swept, word, &measures[found], err);
		found++;
	}
	free(copy);
	if (ret == 0 && found != nr)
		return err_set(err, ERR_USAGE, "--by %s: expected %s", by,
			nr == 1 ? "one figure" : "two figures, \"A,B\"");
	return ret;
}

/* A number that is the smaller the better. */
static void append_cost(sqlite3_str *sql, const struct measure *measure)
{
	static const char key[] = "%squantity(\"%w\", (SELECT page_size FROM runs r WHERE r.run_id = sweep.run_id))";

	sqlite3_str_appendf(sql, measure->is_key ? key : "%s\"%w\"", measure->more_is_better ? "-" : "", measure->name);
}

/* The run, what it is judged by, what it is of and sets, and what else one wants to know of it. */
static void append_columns(sqlite3_str *sql, const struct swept *swept, const struct measure *measures, size_t nr)
{
	sqlite3_str_appendall(sql, "run_id");
	for (size_t i = 0; i < nr; i++)
		if (!measures[i].is_key)
			sqlite3_str_appendf(sql, ", \"%w\"", measures[i].name);
	if (swept->traces)
		sqlite3_str_appendall(sql, ", trace");
	if (swept->machines)
		sqlite3_str_appendall(sql, ", machine");
	for (size_t i = 0; i < swept->nr_keys; i++)
		sqlite3_str_appendf(sql, ", \"%w\"", swept->keys[i]);
	for (size_t i = 0; i < NR_FIGURES; i++) {
		bool shown = !figures[i].beside;

		for (size_t k = 0; k < nr; k++)
			shown |= !strcmp(measures[k].name, name_of(swept, &figures[i]));
		if (!shown)
			sqlite3_str_appendf(sql, ", %s", name_of(swept, &figures[i]));
	}
}

static int ranked(struct results *results, const struct query_options *options, bool best, FILE *out, struct err *err)
{
	struct query_options first = *options;
	struct measure measure;
	struct swept swept;
	sqlite3_str *sql;
	int ret = swept_init(&swept, results, err);

	if (ret < 0)
		return ret;
	if (!first.limit)
		first.limit = BEST_ROWS;
	ret = parse_by(&swept, options->by ? options->by : "lat_mean_ns", &measure, 1, err);
	if (ret == 0) {
		sql = sqlite3_str_new(results->db);
		sqlite3_str_appendall(sql, "SELECT ");
		append_columns(sql, &swept, &measure, 1);
		sqlite3_str_appendall(sql, " FROM temp.sweep WHERE status = 'done' AND ");
		append_cost(sql, &measure);
		sqlite3_str_appendall(sql, " IS NOT NULL ORDER BY ");
		append_cost(sql, &measure);
		sqlite3_str_appendf(sql,
			best ? ", failed, lat_mean_ns, run_id" : " DESC, failed DESC, lat_mean_ns DESC, run_id");
		ret = answer_built(results, sql, &first, out, err);
	}
	swept_fini(&swept);
	return ret;
}

int query_best(struct results *results, const struct query_options *options, FILE *out, struct err *err)
{
	return ranked(results, options, true, out, err);
}

int query_worst(struct results *results, const struct query_options *options, FILE *out, struct err *err)
{
	return ranked(results, options, false, out, err);
}

/*
 * Not beaten: the least b of those with its a, and less than every b of those with
 * a lower a. Among the runs of its trace: less work is always done with less.
 */
int query_pareto(struct results *results, const struct query_options *options, FILE *out, struct err *err)
{
	struct measure measures[2];
	struct swept swept;
	sqlite3_str *sql;
	int ret = swept_init(&swept, results, err);

	if (ret < 0)
		return ret;
	ret = parse_by(&swept, options->by ? options->by : "slab_pages,lat_mean_ns", measures, 2, err);
	if (ret == 0) {
		sql = sqlite3_str_new(results->db);
		sqlite3_str_appendall(sql, "WITH costs AS (SELECT *, ");
		append_cost(sql, &measures[0]);
		sqlite3_str_appendall(sql, " AS cost_a, ");
		append_cost(sql, &measures[1]);
		sqlite3_str_appendall(sql,
			" AS cost_b, (SELECT trace_sha256 FROM runs r WHERE r.run_id = sweep.run_id) AS work"
			" FROM temp.sweep WHERE status = 'done'),"
			" ranks AS (SELECT *, min(cost_b) OVER (PARTITION BY work, cost_a) AS least_here, min(cost_b) OVER"
			" (PARTITION BY work ORDER BY cost_a GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS least_before"
			" FROM costs WHERE cost_a IS NOT NULL AND cost_b IS NOT NULL) SELECT ");
		append_columns(sql, &swept, measures, 2);
		sqlite3_str_appendall(sql, " FROM ranks WHERE cost_b = least_here AND"
			" (least_before IS NULL OR cost_b < least_before) ORDER BY trace, cost_a, run_id");
		ret = answer_built(results, sql, options, out, err);
	}
	swept_fini(&swept);
	return ret;
}

/*
 * temp.points: what each finished run was set to. The trace, the machine and the seed count as keys
 * when they vary; a seed only when runs share it, as it tells how much chance alone moves a figure.
 * temp.key_values: which group each value of a key belongs to, and the group's name.
 */
static const char groups_sql[] =
	"DROP TABLE IF EXISTS temp.points; DROP TABLE IF EXISTS temp.key_values;"
	"CREATE TEMP TABLE points AS SELECT run_id, key, value FROM run_params JOIN temp.sweep USING (run_id) WHERE status = 'done'"
	" UNION SELECT run_id, 'trace', trace FROM temp.sweep WHERE status = 'done'"
	" UNION SELECT run_id, 'machine', machine FROM temp.sweep WHERE status = 'done'"
	" UNION SELECT run_id, 'seed', CAST(seed AS TEXT) FROM temp.sweep WHERE status = 'done'"
	" AND 2 * (SELECT count(DISTINCT seed) FROM temp.sweep WHERE status = 'done') <="
	" (SELECT count(*) FROM temp.sweep WHERE status = 'done');"
	"CREATE TEMP TABLE key_values AS"
	" WITH each AS (SELECT DISTINCT key, value, quantity(value) AS number FROM points),"
	" counted AS (SELECT *, count(*) OVER by_key AS nr, count(number) OVER by_key AS nr_numbers FROM each"
	" WINDOW by_key AS (PARTITION BY key)),"
	" grouped AS (SELECT *, CASE WHEN nr > 8 AND nr_numbers = nr THEN ntile(5) OVER by_number ELSE row_number() OVER by_number"
	" END AS part FROM counted WHERE nr > 1 WINDOW by_number AS (PARTITION BY key ORDER BY number, value))"
	" SELECT key, value, part, first_value(value) OVER in_part || CASE WHEN count(*) OVER in_part > 1"
	" THEN ' .. ' || last_value(value) OVER in_part ELSE '' END AS name FROM grouped"
	" WINDOW in_part AS (PARTITION BY key, part ORDER BY number, value ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING);"
	"CREATE INDEX temp.key_values_by_value ON key_values (key, value)";

static const char spread_sql[] =
	" means AS (SELECT k.key, figure, part, name, avg(value_of) AS mean, count(*) AS nr_runs FROM temp.points p"
	" JOIN temp.key_values k USING (key, value) JOIN long USING (run_id) WHERE value_of IS NOT NULL"
	" GROUP BY k.key, figure, part),"
	" ranked AS (SELECT *, row_number() OVER (PARTITION BY key, figure ORDER BY mean, part) AS up,"
	" row_number() OVER (PARTITION BY key, figure ORDER BY mean DESC, part) AS down,"
	" count(*) OVER (PARTITION BY key, figure) AS nr_groups, avg(mean) OVER (PARTITION BY key, figure) AS middle FROM means),"
	" spreads AS (SELECT key, figure, max(nr_groups) AS groups, max(middle) AS middle, min(mean) AS lowest,"
	" max(name) FILTER (WHERE up = 1) AS lowest_at, max(mean) AS highest, max(name) FILTER (WHERE down = 1) AS highest_at"
	" FROM ranked GROUP BY key, figure)"
	" SELECT key, figure, round((highest - lowest) / middle, 4) AS relative_spread, round(highest - lowest, 3) AS spread,"
	" round(lowest, 3) AS lowest_mean, lowest_at, round(highest, 3) AS highest_mean, highest_at, groups"
	" FROM spreads WHERE highest > lowest ORDER BY (highest - lowest) / middle DESC, key, figure";

/* "WITH long AS (run, figure, value ...), ...": only the figure of --by when there is one. */
static void append_long(sqlite3_str *sql, const struct swept *swept, const struct measure *only)
{
	const char *before = "WITH long AS (";

	for (size_t i = 0; i < NR_FIGURES; i++) {
		const char *name = name_of(swept, &figures[i]);

		if (only && strcmp(only->name, name))
			continue;
		if (!only && !strcmp(figures[i].name, "wall_ns"))
			continue;
		sqlite3_str_appendf(sql,
			"%sSELECT run_id, '%s' AS figure, %s AS value_of FROM temp.sweep WHERE status = 'done'", before,
			name, name);
		before = " UNION ALL ";
	}
	sqlite3_str_appendf(sql, "), %s", spread_sql);
}

int query_sensitivity(struct results *results, const struct query_options *options, FILE *out, struct err *err)
{
	struct measure measure;
	struct swept swept;
	sqlite3_str *sql;
	int ret = swept_init(&swept, results, err);

	if (ret < 0)
		return ret;
	if (options->by)
		ret = parse_by(&swept, options->by, &measure, 1, err);
	if (ret == 0 && options->by && measure.is_key)
		ret = err_set(err, ERR_USAGE, "--by %s: a swept key; sensitivity takes a figure", options->by);
	if (ret == 0)
		ret = database_exec(results->db, results->path, groups_sql, err);
	if (ret == 0) {
		sql = sqlite3_str_new(results->db);
		append_long(sql, &swept, options->by ? &measure : NULL);
		ret = answer_built(results, sql, options, out, err);
	}
	swept_fini(&swept);
	return ret;
}

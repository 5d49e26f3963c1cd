#include "reports/merge.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "reports/database_priv.h"
#include "reports/quantity_priv.h"
#include "reports/run_copy_priv.h"

/* Conflicts that a message names; it says how many more there are. */
#define CONFLICTS_NAMED 10

/* How much a run is worth: one that is done replaces all others. */
enum run_rank { RANK_RUNNING, RANK_INTERRUPTED, RANK_FAILED, RANK_DONE };

struct merge_run {
	size_t source;
	int64_t run_id;      /* there */
	int64_t nr_samples;
	enum run_rank rank;
	char *identity;      /* owned: equal for runs that are the same run */
	int64_t seed;
	char *params;        /* owned: "key=value" joined by newlines, ascending keys */
	char *trace;         /* owned: path as given */
	char *fingerprint;   /* owned, "" while it runs */
	bool doubled;        /* another finished run is the same: their digests must be equal */
	char digest[SHA256_HEX_SIZE];
	enum { STAYS_OUT, GOES_IN, IS_IN, GIVES_WAY } fate; /* IS_IN, GIVES_WAY: those of the output */
	int64_t to_run;      /* its number in the output, 0 = the next one */
};

struct merge {
	const char **sources;    /* owned; the paths are borrowed */
	size_t nr_sources;
	bool has_output;         /* the output existed: it is source 0 */
	struct merge_run *runs;  /* owned */
	size_t nr_runs;
	uint32_t max_runs;
	bool (*stop)(void *arg); /* NULL = go on */
	struct merge_summary *summary; /* borrowed */
};

static const char runs_sql[] =
	"SELECT run_id, (SELECT count(*) FROM samples s WHERE s.run_id = r.run_id),"
	" CASE status WHEN 'done' THEN 3 WHEN 'failed' THEN 2 WHEN 'interrupted' THEN 1 ELSE 0 END,"
	" identity, seed,"
	" (SELECT group_concat(key || '=' || value, char(10)) FROM (SELECT key, value FROM run_params p"
	" WHERE p.run_id = r.run_id ORDER BY key)), trace, fingerprint"
	" FROM (SELECT *, trace_sha256 || ' ' || config_hash || ' ' || seed || ' ' || results_version || ' ' || pace"
	" || ' ' || cpu_map || ' ' || layer || ' ' || ifnull(initial, '') || ' ' || ifnull(part, '') || ' ' || ifnull(sampling, '')"
	" || char(10) || ifnull((SELECT group_concat(key || '=' || value, char(10))"
	" FROM (SELECT key, value FROM run_params p WHERE p.run_id = runs.run_id ORDER BY key)), '') AS identity FROM runs) r"
	" ORDER BY run_id";

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory to merge results");
}

static char *column_copy(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	return strdup(text ? text : "");
}

static int check_stop(const struct merge *m, struct err *err)
{
	return m->stop && m->stop(NULL) ? err_set(err, ERR_INTERRUPTED, "interrupted: nothing was merged") : 0;
}

static int add_run(struct merge *m, size_t source, sqlite3_stmt *stmt, struct err *err)
{
	struct merge_run *run;

	if (!array_room(&m->runs, &m->max_runs, m->nr_runs))
		return no_memory(err);
	run = &m->runs[m->nr_runs++];
	*run = (struct merge_run){
		.source = source,
		.run_id = sqlite3_column_int64(stmt, 0),
		.nr_samples = sqlite3_column_int64(stmt, 1),
		.rank = (enum run_rank)sqlite3_column_int(stmt, 2),
		.identity = column_copy(stmt, 3),
		.seed = sqlite3_column_int64(stmt, 4),
		.params = column_copy(stmt, 5),
		.trace = column_copy(stmt, 6),
		.fingerprint = column_copy(stmt, 7),
	};
	return run->identity && run->params && run->trace && run->fingerprint ? 0 : no_memory(err);
}

static int read_runs(struct merge *m, size_t source, struct err *err)
{
	struct results *results;
	sqlite3_stmt *stmt = NULL;
	int ret = results_open(&results, m->sources[source], err);

	if (ret < 0)
		return ret;
	ret = results_prepare(results, runs_sql, NULL, 0, &stmt, err);
	while (ret >= 0 && (ret = results_step(results, stmt, err)) > 0)
		ret = add_run(m, source, stmt, err);
	sqlite3_finalize(stmt);
	results_close(results);
	return ret;
}

static bool in_output(const struct merge *m, const struct merge_run *run)
{
	return m->has_output && run->source == 0;
}

/* Values that no buffer holds are no numbers. */
static int compare_values(const char *a, size_t len_a, const char *b, size_t len_b)
{
	char text_a[64], text_b[64];
	int order;

	if (len_a < sizeof(text_a) && len_b < sizeof(text_b)) {
		snprintf(text_a, sizeof(text_a), "%.*s", (int)len_a, a);
		snprintf(text_b, sizeof(text_b), "%.*s", (int)len_b, b);
		return quantity_compare(text_a, text_b);
	}
	order = strncmp(a, b, len_a < len_b ? len_a : len_b);
	return order ? order : (len_a > len_b) - (len_a < len_b);
}

static int compare_params(const char *a, const char *b)
{
	while (*a && *b) {
		size_t line_a = strcspn(a, "\n"), line_b = strcspn(b, "\n");
		size_t key_a = strcspn(a, "="), key_b = strcspn(b, "=");
		int order = strncmp(a, b, (key_a < key_b ? key_a : key_b) + 1);

		if (order == 0)
			order = compare_values(a + key_a + 1, line_a - key_a - 1, b + key_b + 1, line_b - key_b - 1);
		if (order)
			return order;
		a += line_a + (a[line_a] == '\n');
		b += line_b + (b[line_b] == '\n');
	}
	return (*a != 0) - (*b != 0);
}

/* Same runs side by side, the one to keep first: the best, and of equals the one that the output has. */
static int by_identity(const void *left, const void *right)
{
	const struct merge_run *a = left, *b = right;
	int order = strcmp(a->identity, b->identity);

	if (order == 0)
		order = (int)b->rank - (int)a->rank;
	if (order == 0)
		order = (b->fate == IS_IN) - (a->fate == IS_IN);
	if (order == 0)
		order = compare_params(a->params, b->params);
	if (order == 0)
		order = strcmp(a->trace, b->trace);
	if (order == 0)
		order = strcmp(a->fingerprint, b->fingerprint);
	return order ? order : (a->run_id > b->run_id) - (a->run_id < b->run_id);
}

/* What goes into the output, in the order in which people think of a sweep. */
static int by_place(const void *left, const void *right)
{
	const struct merge_run *a = left, *b = right;
	int order = strcmp(a->trace, b->trace);

	if (order == 0)
		order = compare_params(a->params, b->params);
	if (order == 0)
		order = (a->seed > b->seed) - (a->seed < b->seed);
	return order ? order : strcmp(a->identity, b->identity);
}

/* @group: @nr runs that are the same run, in the order of by_identity(). */
static void decide_group(struct merge *m, struct merge_run *group, size_t nr)
{
	bool kept = group[0].fate == IS_IN;

	if (!kept)
		group[0].fate = GOES_IN;
	for (size_t i = 1; i < nr; i++) {
		if (group[i].fate == IS_IN && !kept) {
			group[i].fate = GIVES_WAY;
			if (!group[0].to_run || group[i].run_id < group[0].to_run)
				group[0].to_run = group[i].run_id;
		}
		if (group[i].fate == STAYS_OUT)
			m->summary->present++;
		if (group[i].fate == STAYS_OUT && group[i].rank == RANK_DONE &&
			!strcmp(group[i].fingerprint, group[0].fingerprint))
			group[0].doubled = group[i].doubled = true;
	}
}

static size_t group_size(const struct merge *m, size_t first)
{
	size_t nr = 1;

	while (first + nr < m->nr_runs && !strcmp(m->runs[first].identity, m->runs[first + nr].identity))
		nr++;
	return nr;
}

static void decide(struct merge *m)
{
	for (size_t i = 0; i < m->nr_runs; i++)
		m->runs[i].fate = in_output(m, &m->runs[i]) ? IS_IN : STAYS_OUT;
	qsort(m->runs, m->nr_runs, sizeof(*m->runs), by_identity);
	for (size_t i = 0; i < m->nr_runs; i += group_size(m, i))
		decide_group(m, &m->runs[i], group_size(m, i));
}

/* A source while its runs are read: opened for the first of them. */
struct reading {
	struct results *from;      /* owned */
	struct run_reader *reader; /* owned */
};

static int start_reading(struct reading *reading, const char *path, struct results *target, struct err *err)
{
	int ret = 0;

	if (!reading->from)
		ret = results_open(&reading->from, path, err);
	if (ret == 0 && !reading->reader)
		ret = run_reader_create(&reading->reader, reading->from, target, err);
	return ret;
}

static void end_reading(struct reading *reading)
{
	run_reader_destroy(reading->reader);
	results_close(reading->from);
}

/* Source by source, so that few files are open at a time. */
static int digest_doubles(struct merge *m, size_t source, struct err *err)
{
	struct reading reading = { 0 };
	int ret = 0;

	for (size_t i = 0; i < m->nr_runs && ret == 0; i++) {
		struct merge_run *run = &m->runs[i];

		if (run->source != source || !run->doubled)
			continue;
		ret = check_stop(m, err);
		if (ret == 0)
			ret = start_reading(&reading, m->sources[source], NULL, err);
		if (ret == 0)
			ret = run_digest(reading.reader, run->run_id, run->digest, err);
	}
	end_reading(&reading);
	return ret;
}

static bool contradict(const struct merge_run *kept, const struct merge_run *other)
{
	return other->fate == STAYS_OUT && other->rank == RANK_DONE &&
	       (strcmp(kept->fingerprint, other->fingerprint) || strcmp(kept->digest, other->digest));
}

/* All conflicts in one message. */
static int check_conflicts(const struct merge *m, const char *output, struct err *err)
{
	char text[ERR_TEXT_MAX - 512] = "";
	size_t used = 0, nr = 0, kept = 0;

	for (size_t i = 1; i < m->nr_runs; i++) {
		const struct merge_run *a, *b = &m->runs[i];

		if (strcmp(b->identity, m->runs[kept].identity))
			kept = i;
		a = &m->runs[kept];
		if (i == kept || !contradict(a, b) || nr++ >= CONFLICTS_NAMED)
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used,
			"\n  run %" PRId64 " of %.200s (%s) and run %" PRId64 " of %.200s (%s)", a->run_id,
			m->sources[a->source], a->fingerprint, b->run_id, m->sources[b->source], b->fingerprint);
	}
	if (nr == 0)
		return 0;
	if (nr > CONFLICTS_NAMED)
		snprintf(text + used, sizeof(text) - used, "\n  and %zu more", nr - CONFLICTS_NAMED);
	return err_set(err, ERR_RESULTS,
		"%s: not merged: %zu %s of the same trace, configuration, seed and results version, but with other results"
		" (were all made by the same build?):%s",
		output, nr, nr == 1 ? "run is" : "runs are", text);
}

/* Numbers for what goes in: behind those that are there. */
static int number_runs(struct merge *m, struct results *out, struct err *err)
{
	int64_t last;
	int ret = results_number(out, "SELECT max(run_id) FROM runs", NULL, 0, 0, &last, err);

	qsort(m->runs, m->nr_runs, sizeof(*m->runs), by_place);
	for (size_t i = 0; i < m->nr_runs && ret == 0; i++) {
		struct merge_run *run = &m->runs[i];

		if (run->fate == GOES_IN) {
			m->summary->added += run->to_run == 0;
			m->summary->replaced += run->to_run != 0;
			if (!run->to_run)
				run->to_run = ++last;
		}
		if (run->fate == GOES_IN || run->fate == IS_IN) {
			m->summary->runs++;
			m->summary->unfinished += run->rank != RANK_DONE;
		}
	}
	return ret;
}

static int remove_replaced(const struct merge *m, struct results *out, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < m->nr_runs && ret == 0; i++) {
		sqlite3_stmt *stmt;

		if (m->runs[i].fate != GIVES_WAY)
			continue;
		ret = results_prepare(out, "DELETE FROM runs WHERE run_id = ?", &m->runs[i].run_id, 1, &stmt, err);
		if (ret == 0)
			ret = results_step(out, stmt, err);
		sqlite3_finalize(stmt);
	}
	return ret;
}

/* A run that goes on meanwhile would have more samples now than it was given numbers for. */
static int copy_run(const struct merge_run *run, const struct reading *reading, int64_t to_sample, struct err *err)
{
	struct run_copy copy = { .from_run = run->run_id, .to_run = run->to_run, .to_sample = to_sample };
	int64_t samples;
	int ret = results_number(reading->from, "SELECT count(*) FROM samples WHERE run_id = ?", &run->run_id, 1, 0,
		&samples, err);

	if (ret == 0 && samples != run->nr_samples)
		return err_set(err, ERR_RESULTS, "%s: run %" PRId64 " went on while it was read: merge when it is done",
			reading->from->path, run->run_id);
	return ret < 0 ? ret : run_copy(reading->reader, &copy, err);
}

/* Samples are numbered in the order of the runs, whichever source is copied first. */
static int copy_source(const struct merge *m, size_t source, struct results *out, int64_t to_sample, struct err *err)
{
	struct reading reading = { 0 };
	int ret = 0;

	for (size_t i = 0; i < m->nr_runs && ret == 0; i++) {
		const struct merge_run *run = &m->runs[i];

		if (run->fate != GOES_IN)
			continue;
		if (run->source == source) {
			ret = check_stop(m, err);
			if (ret == 0)
				ret = start_reading(&reading, m->sources[source], out, err);
			if (ret == 0)
				ret = copy_run(run, &reading, to_sample, err);
		}
		to_sample += run->nr_samples;
	}
	end_reading(&reading);
	return ret;
}

static int copy_all(struct merge *m, struct results *out, struct err *err)
{
	int64_t last_sample;
	int ret = database_exec(out->db, out->path, "BEGIN IMMEDIATE", err);

	if (ret == 0)
		ret = number_runs(m, out, err);
	if (ret == 0)
		ret = remove_replaced(m, out, err);
	if (ret == 0)
		ret = results_number(out, "SELECT max(sample_id) FROM samples", NULL, 0, 0, &last_sample, err);
	for (size_t i = 0; i < m->nr_sources && ret == 0; i++)
		ret = copy_source(m, i, out, last_sample + 1, err);
	return ret < 0 ? ret : database_exec(out->db, out->path, "COMMIT", err);
}

static int write_to(struct merge *m, const char *path, struct err *err)
{
	struct results *out;
	int ret = results_open_write(&out, path, err);

	if (ret < 0)
		return ret;
	ret = copy_all(m, out, err);
	results_close(out); /* undoes what was not committed */
	return ret;
}

static int write_new(struct merge *m, const char *output, struct err *err)
{
	char *made;
	int ret = database_draft(&made, output, err);

	if (ret < 0)
		return ret;
	ret = write_to(m, made, err);
	if (ret == 0 && rename(made, output) < 0)
		ret = err_errno(err, "%s cannot get its name", made);
	if (ret < 0 && err->code != ERR_INTERRUPTED)
		err_context(err, "%s: cannot be made", output);
	unlink(made);
	free(made);
	return ret;
}

static int merge_all(struct merge *m, const char *output, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < m->nr_sources && ret == 0; i++)
		ret = read_runs(m, i, err);
	if (ret < 0)
		return ret;
	decide(m);
	for (size_t i = 0; i < m->nr_sources && ret == 0; i++)
		ret = digest_doubles(m, i, err);
	if (ret == 0)
		ret = check_conflicts(m, output, err);
	if (ret < 0)
		return ret;
	return m->has_output ? write_to(m, output, err) : write_new(m, output, err);
}

static void merge_fini(struct merge *m)
{
	for (size_t i = 0; i < m->nr_runs; i++) {
		free(m->runs[i].identity);
		free(m->runs[i].params);
		free(m->runs[i].trace);
		free(m->runs[i].fingerprint);
	}
	free(m->runs);
	free(m->sources);
}

int merge_results(const char *const *parts, size_t nr_parts, const char *output, bool (*stop)(void *arg),
	struct merge_summary *summary, struct err *err)
{
	struct merge merge = { .stop = stop, .summary = summary };
	struct stat st;
	int ret;

	*summary = (struct merge_summary){ 0 };
	merge.sources = calloc(nr_parts + 1, sizeof(*merge.sources));
	if (!merge.sources)
		return no_memory(err);
	merge.has_output = stat(output, &st) == 0 && st.st_size > 0;
	if (merge.has_output)
		merge.sources[merge.nr_sources++] = output;
	for (size_t i = 0; i < nr_parts; i++)
		merge.sources[merge.nr_sources++] = parts[i];
	ret = merge_all(&merge, output, err);
	merge_fini(&merge);
	return ret;
}

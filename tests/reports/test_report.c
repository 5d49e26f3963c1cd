#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "reports/report.h"
#include "reports/sqlite_recorder.h"
#include "reports/text_priv.h"

TestSuite(report, .fini = fixture_remove);

static char *report_of(const char *path, struct report_options options)
{
	struct results *results = NULL;
	struct err err = { 0 };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	cr_assert_eq(results_open(&results, path, &err), 0, "%s", err.text);
	cr_assert_eq(report_text(results, &options, out, &err), 0, "%s", err.text);
	results_close(results);
	fclose(out);
	return text;
}

static void expect_lines(const char *text, const char *const *lines, size_t nr)
{
	const char *at = text;

	for (size_t i = 0; i < nr; i++) {
		const char *found = strstr(at, lines[i]);

		cr_assert(found, "no line \"%s\" (or not in its place) in:\n%s", lines[i], text);
		at = found + strlen(lines[i]);
	}
}

/* The order is part of it: lost events stand before every figure. */
Test(report, tells_what_the_run_did_in_this_order)
{
	static const char *const lines[] = {
		"boot.kmt on pc-256m  (run 1 of 1)\n",
		"  The recording lost 1 234 events (3.1 % of all).",
		"  Status       done: 39 000 events, 9.75 s simulated in 13.0 ms (3.00 M events/s)\n",
		"  Trace        traces/boot.kmt, recorded on kernel 6.1.0-18-amd64, sha256 9f86d081884c\n",
		"  Machine      pc-256m, config 60303ae22b99, with memory=256 MiB, slab.min_order=1\n",
		"  Replay       pace recorded, CPU map fold, layer intent, seed 42, started from captures/boot\n",
		"  Fingerprint  fedcba9876543210\n",
		"\nMemory at the end\n",
		"  free                     154 MiB   64.2 %  ████",
		"  slab                    37.2 MiB   15.6 %  ████",
		"\nZones over time\n",
		"  node 0 DMA\n",
		"    15.0 MiB │█",
		"│ 15.0 MiB → 4.10 MiB\n",
		"  node 0 DMA32\n",
		"     224 MiB │█",
		"│ lowest 61.2 MiB\n",
		"     order 3 │▁",
		"│ 0.000 → 0.070, worst 0.070\n",
		"     order 9 │▁",
		"▅│ 0.000 → 0.631, worst 0.631\n",
		"0 ns",
		"9.75 s\n",
		"\nFree blocks of 2^order pages at the end\n",
		"  node 0 DMA32\n",
		"    blocks     1424    712    356    178     89     44     22     11      5      2      1\n",
		"    unusable  0.000  0.007  0.031  0.070  0.124  0.195  0.280  0.382  0.499  0.631  0.780\n",
		"    frag         -1     -1",
		"\nLatency by operation\n",
		"  operation  count  failed  slept    mean     p50     p90     p99    p99.9      max\n",
		"  kmalloc    1 000       3      2  500 ns  503 ns  911 ns  991 ns  1.00 us  1.00 us\n",
		"\nLocks waited for\n",
		"  zone DMA32    900         12  3.40 us  56.0 us\n",
		"\nSlab caches that waste most\n",
		"  inode_cache    63 B  256 B        32    128  3 200    4 000  80.0 %  4.00 MiB  37.5 KiB  0.9 %\n",
		"  dentry ",
		"\nFallbacks to another migratetype\n",
		"  Unmovable  Movable         0            9     17              4\n",
		"\nCall sites that keep most\n",
		"  d_alloc+0x1c  kmem_cache_alloc    700    60    11.2 KiB    5.47 KiB   1.00 ms  4.50 us\n",
		"\nBroken rules of the kernel's interfaces\n",
		"  double_free  error         1   5.00 us  kfree of object 12, freed at event 70\n",
		"\nCounters\n",
		"  slab       bytes_alloc_mismatch      0  events\n",
	};
	char *text;

	fixture_write(fixture_path("results.db"), RUN_DONE);
	text = report_of(fixture_path("results.db"), (struct report_options){ 0 });
	expect_lines(text, lines, sizeof(lines) / sizeof(lines[0]));
	free(text);
}

Test(report, says_what_each_index_means)
{
	char *text;

	fixture_write(fixture_path("results.db"), RUN_DONE);
	text = report_of(fixture_path("results.db"), (struct report_options){ .width = 1000 });
	cr_expect(
		strstr(text,
			"the share of that free memory that lies in blocks too small for a request of the order"),
		"%s", text);
	cr_expect(
		strstr(text,
			"why a request of that order would fail now: -1, it would not; towards 0, memory is short"),
		"%s", text);
	free(text);
}

/* 100 columns unless told; only tables of text may be wider. */
Test(report, prose_and_charts_keep_to_the_width)
{
	char *text;

	fixture_write(fixture_path("results.db"), RUN_DONE);
	for (unsigned int width = 80; width <= 200; width += 40) {
		text = report_of(fixture_path("results.db"), (struct report_options){ .width = width });
		for (char *save, *line = strtok_r(text, "\n", &save); line;
			line = strtok_r(NULL, "\n", &save))
			if (strstr(line, "│") || strstr(line, ". ") || strstr(line, "unusable"))
				cr_expect_leq(text_width(line), (int)width, "%s", line);
		free(text);
	}
}

/* As wide as the terminal; a row that does not fit goes on below its second column, with all of its figures. */
Test(report, tables_fit_the_terminal)
{
	static const char *const lines[] = {
		"  operation  count  failed  slept    mean     p50     p90     p99    p99.9      max\n",
		"  cache        object   slot  per slab  slabs   live  objects  filled    memory\n"
		"                  waste  share\n",
		"  inode_cache    63 B  256 B        32    128  3 200    4 000  80.0 %  4.00 MiB\n"
		"               37.5 KiB  0.9 %\n",
	};
	char *text;

	fixture_write(fixture_path("results.db"), RUN_DONE);
	text = report_of(fixture_path("results.db"), (struct report_options){ .width = 84 });
	expect_lines(text, lines, sizeof(lines) / sizeof(lines[0]));
	free(text);
	for (unsigned int width = 80; width <= 120; width++) {
		text = report_of(fixture_path("results.db"), (struct report_options){ .width = width });
		for (char *save, *line = strtok_r(strstr(text, "\nLatency"), "\n", &save); line;
			line = strtok_r(NULL, "\n", &save))
			if (!strstr(line, "kmemsim query"))
				cr_expect_leq(text_width(line), (int)width, "%u: %s", width, line);
		free(text);
	}
}

Test(report, colour_only_when_asked_for)
{
	char *plain, *colour;

	fixture_write(fixture_path("results.db"), RUN_DONE);
	plain = report_of(fixture_path("results.db"), (struct report_options){ 0 });
	colour = report_of(fixture_path("results.db"), (struct report_options){ .colour = true });
	cr_expect_not(strchr(plain, '\033'));
	cr_expect(strstr(colour, "\033[33m  The recording lost"));
	free(plain), free(colour);
}

Test(report, chooses_the_latest_run_or_the_one_asked_for)
{
	char *text;

	fixture_write(fixture_path("results.db"), RUN_DONE);
	fixture_write(fixture_path("results.db"), RUN_FAILED);
	text = report_of(fixture_path("results.db"), (struct report_options){ 0 });
	cr_expect(strstr(text, "(run 2 of 2)") && strstr(text, "Status       failed") &&
			  strstr(text, "the model broke a rule"),
		"%s", text);
	free(text);
	text = report_of(fixture_path("results.db"), (struct report_options){ .run = 1 });
	cr_expect(strstr(text, "(run 1 of 2)") && strstr(text, "Status       done"), "%s", text);
	free(text);
}

/* Nothing but the run's own row: every section must cope. */
Test(report, unfinished_run_says_so)
{
	struct recorder *rec = fixture_begin(fixture_path("results.db"));
	char *text;

	rec->ops->close(rec);
	text = report_of(fixture_path("results.db"), (struct report_options){ 0 });
	cr_expect(strstr(text, "Status       unfinished"), "%s", text);
	cr_expect(strstr(text, "No sample was recorded"), "%s", text);
	/* What nobody has looked at is not praised. */
	cr_expect_null(strstr(text, "No allocation failed"), "%s", text);
	cr_expect_null(strstr(text, "None"), "%s", text);
	free(text);
}

Test(report, interrupted_run_says_that_it_is_partial)
{
	char *text;

	fixture_write(fixture_path("results.db"), RUN_INTERRUPTED);
	text = report_of(fixture_path("results.db"), (struct report_options){ 0 });
	cr_expect(strstr(text, "Status       interrupted") && strstr(text, "up to the interruption"), "%s",
		text);
	free(text);
}

Test(report, no_run_is_a_usage_error)
{
	struct results *results = NULL;
	struct recorder *rec = NULL;
	struct report_options options = { 0 };
	struct err err = { 0 };

	cr_assert_eq(sqlite_recorder_open(&rec, fixture_path("results.db"), &err), 0, "%s", err.text);
	rec->ops->close(rec);
	cr_assert_eq(results_open(&results, fixture_path("results.db"), &err), 0, "%s", err.text);
	cr_expect_eq(report_text(results, &options, stdout, &err), -(int)ERR_USAGE);
	cr_expect(strstr(err.text, "holds no run yet"), "%s", err.text);
	results_close(results);
}

/* Two databases, one with a run more, written a second apart: what the JSON holds is the run alone. */
Test(report, json_of_equal_runs_has_equal_bytes)
{
	char first_path[128];
	char *first, *second;

	strcpy(first_path, fixture_path("first.db"));
	fixture_write(first_path, RUN_DONE);
	fixture_write(fixture_path("second.db"), RUN_INTERRUPTED);
	fixture_write(fixture_path("second.db"), RUN_DONE);
	first = report_of(first_path, (struct report_options){ .json = true });
	second = report_of(fixture_path("second.db"), (struct report_options){ .json = true });
	cr_expect_str_eq(first, second);
	cr_expect(strstr(first, "\"fingerprint\": \"fedcba9876543210\""), "%s", first);
	cr_expect_not(strstr(first, "traces/boot.kmt"));
	cr_expect_not(strstr(first, "wall"));
	free(first), free(second);
}

Test(report, json_is_json_and_holds_the_figures)
{
	char *json, *figures;
	sqlite3 *db;
	sqlite3_stmt *stmt;

	fixture_write(fixture_path("results.db"), RUN_DONE);
	json = report_of(fixture_path("results.db"), (struct report_options){ .json = true });
	cr_assert_eq(sqlite3_open(":memory:", &db), SQLITE_OK);
	cr_assert_eq(
		sqlite3_prepare_v2(db,
			"SELECT (j ->> '$.run.events') || ' ' || json_array_length(j, '$.samples') || ' ' ||"
			" json_array_length(j, '$.fragmentation') || ' ' || (j ->> '$.latency[0].lat_p99_ns') || ' ' ||"
			" (j ->> '$.caches[0].cache') || ' ' || (j ->> '$.violations[0].rule') FROM (SELECT ?1 AS j)",
			-1, &stmt, NULL),
		SQLITE_OK, "%s", sqlite3_errmsg(db));
	sqlite3_bind_text(stmt, 1, json, -1, SQLITE_STATIC);
	cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW, "%s: %s", sqlite3_errmsg(db), json);
	figures = strdup((const char *)sqlite3_column_text(stmt, 0));
	/* 40 samples of 2 zones with 11 orders. */
	cr_expect_str_eq(figures, "39000 40 880 991 dentry double_free");
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	free(figures), free(json);
}

/* Flips bytes behind the file's header; the seed is fixed, so a failure can be repeated. */
static void damage(const char *path, unsigned int *seed)
{
	FILE *file = fopen(path, "r+");
	long size;

	cr_assert(file && fseek(file, 0, SEEK_END) == 0);
	size = ftell(file);
	for (int i = 0; i < 8; i++) {
		fseek(file, 100 + (long)((unsigned int)rand_r(seed) % (unsigned int)(size - 100)), SEEK_SET);
		fputc(rand_r(seed) & 0xff, file);
	}
	fclose(file);
}

/* The same file is damaged further each time, until nothing of it can be read. */
Test(report, damaged_database_is_reported_or_refused_but_never_crashes)
{
	const char *path = fixture_path("results.db");
	unsigned int seed = 1;

	fixture_write(path, RUN_DONE);
	for (int round = 0; round < 100; round++) {
		struct report_options options = { .json = round % 2 };
		struct results *results = NULL;
		struct err err = { 0 };
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		damage(path, &seed);
		if (results_open(&results, path, &err) == 0)
			report_text(results, &options, out, &err);
		cr_expect(err.code == ERR_NONE || strstr(err.text, path), "round %d: %s", round, err.text);
		results_close(results);
		fclose(out);
		free(text);
	}
}

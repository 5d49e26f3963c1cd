#include <criterion/criterion.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reports/build.h"
#include "fixture.h"
#include "reports/sqlite_recorder.h"

TestSuite(sqlite_recorder, .fini = fixture_remove);

static void expect_rows(const char *path, const char *sql, const char *expected)
{
	char *rows = fixture_rows(path, sql);

	cr_expect_str_eq(rows, expected, "%s:\n%s\nbut expected:\n%s", sql, rows, expected);
	free(rows);
}

static bool exists(const char *name)
{
	return access(fixture_path(name), F_OK) == 0;
}

Test(sqlite_recorder, run_comes_back_as_it_was_written)
{
	const char *path = fixture_path("results.db");

	fixture_write(path, RUN_DONE);
	expect_rows(path,
		"SELECT trace, substr(trace_sha256, 1, 4), machine, config_yaml, substr(config_hash, 1, 4), kernel, pace,"
		" layer, initial, seed, lost, page_size, max_order, pageblock_order, cma FROM runs",
		"traces/boot.kmt|9f86|pc-256m|kmemsim: 1\nname: pc-256m\n|6030|6.1.0-18-amd64|recorded|intent|captures/boot|42|1234|"
		"4096|10|9|0");
	expect_rows(path, "SELECT status, error, events, sim_ns, wall_ns, fingerprint FROM runs",
		"done|NULL|39000|9750000000|13000000|fedcba9876543210");
	expect_rows(path,
		"SELECT count(*) FROM runs WHERE version <> '' AND git_commit <> '' AND compiler <> '' AND flags <> ''"
		" AND started_at <= ended_at AND started_at LIKE '20__-__-__T__:__:__Z'",
		"1");
	expect_rows(
		path, "SELECT key, value FROM run_params ORDER BY key", "memory|256 MiB\nslab.min_order|1");
}

Test(sqlite_recorder, samples_come_back_as_they_were_written)
{
	const char *path = fixture_path("results.db");

	fixture_write(path, RUN_DONE);
	expect_rows(path,
		"SELECT run_id, time_ns, event_no, reason, marker, free_bytes, pcp_bytes, slab_bytes, kmalloc_large_bytes,"
		" page_bytes, vmalloc_bytes, percpu_bytes, slab_waste_bytes, kmalloc_waste_bytes, live_objects FROM samples"
		" WHERE sample_id = 21",
		"1|5000000000|20000|time|half way|180000000|81920|20000000|8192|65536|16384|32768|2000000|200000|10000");
	expect_rows(path,
		"SELECT node, zone, start_pfn, spanned_pages, present_pages, managed_pages, free_pages, pcp_pages,"
		" min_pages, low_pages, high_pages, boost_pages, highatomic_pages, max_order, protection,"
		" pcp_high_pages, pcp_batch_pages, stat_threshold, node_unreclaimable FROM zone_samples"
		" WHERE sample_id = 1 ORDER BY start_pfn",
		"0|DMA|3840|3850|3845|3840|3840|0|100|125|150|1|2|10|0, 186|60|7|12|0\n0|DMA32|57344|57354|57349|57344|57344|0|100|125|150|1|2|10|0, 186|60|7|12|0");
	expect_rows(path,
		"SELECT node, zone, migratetype, \"order\", blocks FROM free_blocks WHERE sample_id = 1 AND zone = 'DMA'"
		" AND \"order\" >= 9 ORDER BY \"order\"",
		"0|DMA|Movable|9|0\n0|DMA|Movable|10|0");
	expect_rows(path,
		"SELECT node, zone, migratetype, pageblocks FROM pageblocks WHERE sample_id = 40 AND zone = 'DMA'",
		"0|DMA|Movable|7");
	expect_rows(path,
		"SELECT node, zone, \"order\", unusable_index, frag_index FROM frag_samples WHERE sample_id = 40 AND"
		" zone = 'DMA' AND \"order\" = 9",
		"0|DMA|9|0.631|-1.0");
	expect_rows(path,
		"SELECT sample_id, cache, object_size, size, align, objs_per_slab, \"order\", min_partial, cpu_partial,"
		" active_objs, total_objs, live_objs, slabs, slab_pages, partial, cpu_slabs, aliases, waste_bytes, allocs,"
		" frees, grown, discarded, array_limit, batchcount, shared_factor, active_slabs, shared_avail FROM cache_stats WHERE cache = 'dentry'",
		"40|dentry|61|128|8|32|1|5|30|1800|2000|1600|64|128|3|2|1|12800|5000|4200|40|8|0|0|0|64|0");
}

/* 1 .. 1000 once each: the buckets are exact below 32 and 1/32 wide above. */
Test(sqlite_recorder, latency_comes_back_with_its_percentiles_and_buckets)
{
	const char *path = fixture_path("results.db");

	fixture_write(path, RUN_DONE);
	expect_rows(
		path, "SELECT * FROM op_stats", "1|kmalloc|1000|3|50000|64000|2|500|503|911|991|1000|1000");
	expect_rows(path,
		"SELECT sum(count), min(low_ns), max(high_ns) FROM latency_hist WHERE op = 'kmalloc'",
		"1000|1|1007");
	expect_rows(path, "SELECT low_ns, high_ns, count FROM latency_hist WHERE low_ns IN (31, 64)",
		"31|31|1\n64|65|2");
}

Test(sqlite_recorder, totals_come_back_as_they_were_written)
{
	const char *path = fixture_path("results.db");

	fixture_write(path, RUN_DONE);
	expect_rows(path, "SELECT * FROM lock_stats", "1|zone DMA32|900|12|3400|56000");
	expect_rows(path, "SELECT * FROM sleeps", "1|mempool|5|12000|4000|2|1");
	expect_rows(path, "SELECT * FROM extfrag_events", "1|Movable|Unmovable|0|9|17|4");
	expect_rows(path, "SELECT * FROM call_sites",
		"1|d_alloc+0x1c|kmem_cache_alloc|700|1|134400|140000|60|11520|1000000|120|4500");
	expect_rows(path, "SELECT * FROM violations",
		"1|1|5000|1|double_free|error|77|NULL|kfree of object 12, freed at event 70");
	expect_rows(path, "SELECT * FROM counters",
		"1|replay|failed_allocations|allocations|3\n1|slab|bytes_alloc_mismatch|events|0");
}

Test(sqlite_recorder, second_run_joins_the_first_in_one_plain_file)
{
	const char *path = fixture_path("results.db");

	fixture_write(path, RUN_DONE);
	fixture_write(path, RUN_FAILED);
	expect_rows(path, "SELECT run_id, status, error FROM runs",
		"1|done|NULL\n2|failed|the model broke a rule");
	expect_rows(path, "SELECT run_id, count(*) FROM samples GROUP BY run_id", "1|40\n2|40");
	expect_rows(path, "PRAGMA journal_mode", "delete");
	expect_rows(path, "PRAGMA integrity_check", "ok");
	expect_rows(path, "PRAGMA foreign_key_check", "");
	cr_expect(!exists("results.db-wal"));
	cr_expect(!exists("results.db-shm"));
	cr_expect(!exists("results.db-journal"));
}

Test(sqlite_recorder, one_recorder_takes_several_runs)
{
	const char *path = fixture_path("results.db");
	struct recorder *rec = fixture_begin(path);
	struct record_run run = fixture_run();
	struct record_end end = { .status = RUN_DONE };
	struct err err = { 0 };

	cr_assert_eq(rec->ops->end(rec, &end, &err), 0, "%s", err.text);
	cr_assert_eq(rec->ops->begin(rec, &run, &err), 0, "%s", err.text);
	cr_assert_eq(rec->ops->end(rec, &end, &err), 0, "%s", err.text);
	rec->ops->close(rec);
	expect_rows(path, "SELECT group_concat(run_id) FROM runs WHERE status = 'done'", "1,2");
}

Test(sqlite_recorder, interrupted_run_keeps_its_partial_results)
{
	const char *path = fixture_path("results.db");

	fixture_write(path, RUN_INTERRUPTED);
	expect_rows(path, "SELECT status, (SELECT count(*) FROM samples) FROM runs", "interrupted|40");
}

/* Everything that does not fit a signed column is cut; the seed keeps its bits. */
Test(sqlite_recorder, numbers_beyond_63_bits_are_stored_as_the_schema_says)
{
	const char *path = fixture_path("results.db");
	struct recorder *rec = NULL;
	struct record_run run = fixture_run();
	struct record_end end = { .status = RUN_DONE, .fingerprint = 1 };
	struct err err = { 0 };

	run.seed = UINT64_MAX;
	run.lost = UINT64_MAX;
	run.kernel = run.initial = NULL;
	run.nr_params = 0;
	cr_assert_eq(sqlite_recorder_open(&rec, path, &err), 0, "%s", err.text);
	cr_assert_eq(rec->ops->begin(rec, &run, &err), 0, "%s", err.text);
	cr_assert_eq(rec->ops->end(rec, &end, &err), 0, "%s", err.text);
	rec->ops->close(rec);
	expect_rows(path, "SELECT seed, lost, fingerprint, kernel, initial FROM runs",
		"-1|9223372036854775807|0000000000000001|NULL|NULL");
}

static void begin_in_child_and_die(const char *path)
{
	pid_t child = fork();
	int status;

	cr_assert_geq(child, 0);
	if (child == 0) {
		struct recorder *rec = fixture_begin(path);

		rec->ops->sample(rec, &(struct record_sample){ .reason = "start" }, NULL);
		_exit(7);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

Test(sqlite_recorder, killed_run_leaves_a_valid_database_that_says_so)
{
	const char *path = fixture_path("results.db");

	begin_in_child_and_die(path);
	expect_rows(path, "SELECT run_id, status, events, fingerprint, ended_at FROM runs",
		"1|running|NULL|NULL|NULL");
	expect_rows(path, "SELECT count(*) FROM samples", "0");
	expect_rows(path, "PRAGMA integrity_check", "ok");
}

Test(sqlite_recorder, run_after_a_killed_one_is_recorded_and_tidies_up)
{
	const char *path = fixture_path("results.db");

	begin_in_child_and_die(path);
	fixture_write(path, RUN_DONE);
	expect_rows(path, "SELECT run_id, status FROM runs", "1|running\n2|done");
	cr_expect(!exists("results.db-wal"));
	cr_expect(!exists("results.db-shm"));
}

Test(sqlite_recorder, close_without_end_leaves_the_run_unfinished)
{
	const char *path = fixture_path("results.db");
	struct recorder *rec = fixture_begin(path);

	cr_assert_eq(rec->ops->sample(rec, &(struct record_sample){ .reason = "start" }, NULL), 0);
	rec->ops->close(rec);
	expect_rows(path, "SELECT status, (SELECT count(*) FROM samples) FROM runs", "running|0");
	cr_expect(!exists("results.db-wal"));
}

Test(sqlite_recorder, other_programs_can_read_while_a_run_is_recorded)
{
	const char *path = fixture_path("results.db");
	struct recorder *rec = fixture_begin(path);

	cr_assert_eq(rec->ops->sample(rec, &(struct record_sample){ .reason = "start" }, NULL), 0);
	expect_rows(path, "SELECT status FROM runs", "running");
	rec->ops->close(rec);
}

static void expect_refused(const char *path, enum err_code code, const char *words)
{
	struct recorder *rec = NULL;
	struct err err = { 0 };

	cr_expect_eq(sqlite_recorder_open(&rec, path, &err), -(int)code, "%s", err.text);
	cr_expect_eq(err.code, code);
	cr_expect(strstr(err.text, path), "no path in: %s", err.text);
	cr_expect(strstr(err.text, words), "no \"%s\" in: %s", words, err.text);
}

static void change_database(const char *path, const char *sql)
{
	sqlite3 *db;

	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

Test(sqlite_recorder, newer_schema_is_refused_and_left_alone)
{
	const char *path = fixture_path("results.db");
	char sql[64];

	fixture_write(path, RUN_DONE);
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", RESULTS_SCHEMA_VERSION + 1);
	change_database(path, sql);
	snprintf(sql, sizeof(sql), "schema %d", RESULTS_SCHEMA_VERSION + 1);
	expect_refused(path, ERR_RESULTS, sql);
	expect_rows(path, "SELECT count(*) FROM runs", "1");
}

Test(sqlite_recorder, database_of_another_program_is_refused_and_left_alone)
{
	const char *path = fixture_path("other.db");

	change_database(path, "CREATE TABLE t (x)");
	expect_refused(path, ERR_RESULTS, "not one of kmemsim");
	expect_rows(path, "SELECT name FROM sqlite_master", "t");
}

Test(sqlite_recorder, file_that_is_no_database_is_refused_and_left_alone)
{
	const char *path = fixture_path("notes.txt");
	FILE *out = fopen(path, "w");
	char *text;

	for (int i = 0; i < 100; i++)
		fputs("these are notes, not results\n", out);
	fclose(out);
	expect_refused(path, ERR_RESULTS, "not SQLite");
	text = fixture_slurp(path);
	cr_expect_eq(strlen(text), 2900);
	free(text);
}

Test(sqlite_recorder, empty_file_becomes_a_database)
{
	const char *path = fixture_path("results.db");

	fclose(fopen(path, "w"));
	fixture_write(path, RUN_DONE);
	expect_rows(path, "SELECT count(*) FROM runs", "1");
}

Test(sqlite_recorder, missing_directory_is_an_io_error)
{
	expect_refused(fixture_path("no/such/results.db"), ERR_IO, "cannot be made: No such file or directory");
	expect_refused("/", ERR_IO, "/");
}

static int tell_hash(void *arg, struct record_run *run, struct err *err)
{
	(void)arg, (void)err;
	run->trace_sha256 = "told late";
	return 0;
}

static int fail_to_tell(void *arg, struct record_run *run, struct err *err)
{
	(void)arg, (void)run;
	return err_set(err, ERR_TRACE, "unreadable");
}

/* Opened beside, a bad place is told by begin() or a later call; a good one takes a run as ever. */
Test(sqlite_recorder, opened_in_a_thread_it_takes_a_run_or_tells_by_its_end)
{
	const char *path = fixture_path("results.db");
	struct record_run run = fixture_run();
	struct record_end end = { .status = RUN_DONE };
	struct recorder *rec = NULL;
	struct err err = { 0 };

	cr_assert_eq(sqlite_recorder_open_beside(&rec, path, &err), 0, "%s", err.text);
	cr_assert_eq(rec->ops->begin(rec, &run, &err), 0, "%s", err.text);
	cr_assert_eq(rec->ops->rows_done(rec, &err), 0, "%s", err.text);
	cr_assert_eq(rec->ops->end(rec, &end, &err), 0, "%s", err.text);
	rec->ops->close(rec);
	expect_rows(path, "SELECT status FROM runs", "done");

	cr_assert_eq(sqlite_recorder_open_beside(&rec, fixture_path("no/such/results.db"), &err), 0, "%s", err.text);
	cr_expect(rec->ops->begin(rec, &run, &err) < 0 || rec->ops->end(rec, &end, &err) < 0);
	cr_expect_eq(err.code, ERR_IO);
	cr_expect(strstr(err.text, "cannot be made: No such file or directory"), "%s", err.text);
	rec->ops->close(rec);
}

/*
 * Rows that come before the database is open are counted from
 * what it has, and the run is completed when it is needed.
 */
Test(sqlite_recorder, opened_in_a_thread_it_adds_to_what_is_there)
{
	const char *path = fixture_path("results.db");
	struct record_run run = fixture_run();
	struct record_end end = { .status = RUN_DONE };
	struct record_sample sample = { .reason = "start" };
	struct err err = { 0 };

	run.trace_sha256 = NULL;
	run.complete = tell_hash;
	for (int i = 0; i < 2; i++) {
		struct recorder *rec = NULL;

		cr_assert_eq(sqlite_recorder_open_beside(&rec, path, &err), 0, "%s", err.text);
		cr_assert_eq(rec->ops->begin(rec, &run, &err), 0, "%s", err.text);
		for (int k = 0; k < 2; k++)
			cr_assert_eq(rec->ops->sample(rec, &sample, &err), 0, "%s", err.text);
		cr_assert_eq(rec->ops->end(rec, &end, &err), 0, "%s", err.text);
		rec->ops->close(rec);
	}
	expect_rows(path,
		"SELECT group_concat(run_id || ':' || sample_id) FROM (SELECT * FROM samples ORDER BY sample_id)",
		"1:1,1:2,2:3,2:4");
	expect_rows(path, "SELECT DISTINCT trace_sha256 FROM runs", "told late");
}

Test(sqlite_recorder, a_run_that_cannot_be_completed_is_told)
{
	struct record_run run = fixture_run();
	struct record_end end = { .status = RUN_DONE };
	struct recorder *rec = NULL;
	struct err err = { 0 };

	run.complete = fail_to_tell;
	cr_assert_eq(sqlite_recorder_open_beside(&rec, fixture_path("results.db"), &err), 0, "%s", err.text);
	cr_assert_eq(rec->ops->begin(rec, &run, &err), 0, "%s", err.text);
	cr_expect_eq(rec->ops->end(rec, &end, &err), -(int)ERR_TRACE);
	cr_expect_str_eq(err.text, "unreadable");
	rec->ops->close(rec);
	expect_rows(fixture_path("results.db"), "SELECT count(*) FROM runs", "0");
}

Test(sqlite_recorder, opened_in_a_thread_nothing_appears_before_it_may)
{
	struct recorder *rec = NULL;
	struct err err = { 0 };

	cr_assert_eq(sqlite_recorder_open_beside(&rec, fixture_path("results.db"), &err), 0, "%s", err.text);
	rec->ops->close(rec);
	cr_expect_eq(rmdir(fixture_path("")), 0, "something was left behind");

	cr_assert_eq(mkdir(fixture_path(""), 0777), 0);
	cr_assert_eq(sqlite_recorder_open_beside(&rec, fixture_path("results.db"), &err), 0, "%s", err.text);
	sqlite_recorder_publish(rec);
	rec->ops->close(rec);
	expect_rows(fixture_path("results.db"), "SELECT count(*) FROM runs", "0");
}

/* Root may write anywhere: the test gives that up first. */
Test(sqlite_recorder, read_only_directory_is_an_io_error)
{
	char path[128];

	strcpy(path, fixture_path("results.db"));
	chmod(fixture_path(""), 0555);
	if (geteuid() == 0)
		cr_assert_eq(seteuid(65534), 0);
	expect_refused(path, ERR_IO, "cannot be made: Permission denied");
	cr_expect_neq(access(path, F_OK), 0);
	if (getuid() == 0)
		cr_assert_eq(seteuid(0), 0);
	chmod(fixture_path(""), 0755);
}

Test(sqlite_recorder, database_that_another_program_writes_is_an_io_error, .timeout = 20)
{
	const char *path = fixture_path("results.db");
	struct recorder *first = fixture_begin(path), *second = NULL;
	struct record_run run = fixture_run();
	struct err err = { 0 };

	cr_assert_eq(sqlite_recorder_open(&second, path, &err), 0, "%s", err.text);
	cr_expect_eq(second->ops->begin(second, &run, &err), -(int)ERR_IO);
	cr_expect(strstr(err.text, "another program is writing it"), "%s", err.text);
	second->ops->close(second);
	first->ops->close(first);
}

/* A file that may not grow stands for a full disk. */
static void limit_file_size(rlim_t bytes)
{
	struct rlimit limit = { bytes, RLIM_INFINITY };

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(sqlite_recorder, full_disk_at_creation_leaves_no_file)
{
	const char *path = fixture_path("results.db");
	struct recorder *rec = NULL;
	struct err err = { 0 };

	limit_file_size(8192);
	cr_expect_eq(sqlite_recorder_open(&rec, path, &err), -(int)ERR_IO, "%s", err.text);
	cr_expect(strstr(err.text, path) && strstr(err.text, "cannot grow"), "%s", err.text);
	limit_file_size(RLIM_INFINITY);
	cr_expect(!exists("results.db"));
	cr_expect_eq(rmdir(fixture_path("")), 0, "something was left behind");
}

static int fill(struct recorder *rec, struct err *err)
{
	int ret = 0;

	for (uint64_t i = 0; i < 100000 && ret == 0; i++)
		ret = rec->ops->violation(rec,
			&(struct record_violation){ i, 0, "double_free", "error", i, "kfree+0x10",
				"one of many rows that do not fit" },
			err);
	return ret;
}

Test(sqlite_recorder, full_disk_in_the_run_is_an_error_and_the_run_stays_unfinished)
{
	const char *path = fixture_path("results.db");
	struct recorder *rec = fixture_begin(path);
	struct record_end end = { .status = RUN_FAILED, .error = "disk" };
	struct err err = { 0 };
	int ret;

	limit_file_size(300000);
	ret = fill(rec, &err);
	if (ret == 0)
		ret = rec->ops->end(rec, &end, &err);
	cr_expect_eq(ret, -(int)ERR_IO, "%s", err.text);
	cr_expect(strstr(err.text, path), "%s", err.text);
	rec->ops->close(rec);
	limit_file_size(RLIM_INFINITY);
	expect_rows(path, "SELECT status, (SELECT count(*) FROM violations) FROM runs", "running|0");
	expect_rows(path, "PRAGMA integrity_check", "ok");
	fixture_write(path, RUN_DONE);
	expect_rows(path, "SELECT run_id, status FROM runs", "1|running\n2|done");
}

static off_t size_of(const char *path)
{
	struct stat st;

	cr_assert_eq(stat(path, &st), 0);
	return st.st_size;
}

/* There is room for the journal of a small run behind a large one, and none in the file itself. */
Test(sqlite_recorder, a_run_that_finds_no_room_in_the_file_is_not_done)
{
	const char *path = fixture_path("results.db");
	struct recorder *rec = fixture_begin(path);
	struct record_end end = { .status = RUN_DONE };
	struct record_violation row = { 1, 0, "double_free", "error", 1, NULL, "a row" };
	struct err err = { 0 };

	cr_assert_eq(fill(rec, &err), 0);
	cr_assert_eq(rec->ops->end(rec, &end, &err), 0, "%s", err.text);
	rec->ops->close(rec);
	rec = fixture_begin(path);
	for (int i = 0; i < 2000; i++)
		cr_assert_eq(rec->ops->violation(rec, &row, &err), 0);
	limit_file_size((rlim_t)size_of(path) + 4096);
	cr_expect_eq(rec->ops->end(rec, &end, &err), -(int)ERR_IO);
	cr_expect(strstr(err.text, "no space left"), "%s", err.text);
	rec->ops->close(rec);
	limit_file_size(RLIM_INFINITY);
	expect_rows(path, "SELECT run_id, status, error LIKE '%no space left%' FROM runs", "1|done|NULL\n2|failed|1");
	expect_rows(path, "SELECT run_id, count(*) FROM violations GROUP BY run_id", "1|100000");
	expect_rows(path, "PRAGMA integrity_check", "ok");
	cr_expect(!exists("results.db-wal"));
}

/* The same row twice breaks a rule of the schema: a fault of the engine, and no crash. */
Test(sqlite_recorder, row_that_the_schema_refuses_is_an_error_with_its_reason)
{
	struct recorder *rec = fixture_begin(fixture_path("results.db"));
	struct record_counter counter = { "slab", "grown", "slabs", 1 };
	struct record_end end = { .status = RUN_DONE };
	struct err err = { 0 };

	cr_assert_eq(rec->ops->counter(rec, &counter, &err), 0);
	cr_assert_eq(rec->ops->counter(rec, &counter, &err), 0); /* written later */
	cr_expect_eq(rec->ops->end(rec, &end, &err), -(int)ERR_INVARIANT);
	cr_expect(strstr(err.text, "counters.run_id"), "%s", err.text);
	rec->ops->close(rec);
	expect_rows(fixture_path("results.db"), "SELECT status, error LIKE '%counters.run_id%' FROM runs", "failed|1");
}

/* 0 .. 7 ns and 8 .. 15 ns are one bucket each; 1000 ns is in the upper quarter of 512 .. 1023. */
Test(sqlite_recorder, coarse_distributions_have_four_buckets_for_each_power_of_two_and_the_same_percentiles)
{
	const char *path = fixture_path("results.db");
	struct recorder *rec = fixture_begin(path);
	static struct hist hist;

	for (unsigned int ns = 0; ns < 16; ns++)
		hist_add(&hist, ns);
	hist_add(&hist, 1000);
	cr_assert_eq(rec->ops->op(rec,
			     &(struct record_op){ .op = "kfree", .count = 17, .latency = &hist, .coarse = true }, NULL),
		0);
	cr_assert_eq(rec->ops->op(rec, &(struct record_op){ .op = "kmalloc", .count = 17, .latency = &hist }, NULL), 0);
	cr_assert_eq(rec->ops->end(rec, &(struct record_end){ .status = RUN_DONE }, NULL), 0);
	rec->ops->close(rec);
	expect_rows(path, "SELECT low_ns, high_ns, count FROM latency_hist WHERE op = 'kfree' ORDER BY low_ns",
		"0|7|8\n8|15|8\n896|1023|1");
	expect_rows(path, "SELECT count(*) FROM latency_hist WHERE op = 'kmalloc'", "17");
	expect_rows(path, "SELECT count(DISTINCT lat_p50_ns || ' ' || lat_p99_ns || ' ' || lat_max_ns) FROM op_stats",
		"1");
}

/* replayed: see replayed.h. */
#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>

#include "tests/cli/replayed.h"
#include "tests/cli/run.h"

double replayed_number(const char *sql)
{
	sqlite3_stmt *stmt;
	sqlite3 *db;
	double value;

	cr_assert_eq(sqlite3_open("r.db", &db), SQLITE_OK);
	cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
	cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW, "%s", sql);
	value = sqlite3_column_double(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return value;
}

double replayed_counter(const char *name)
{
	char sql[256];

	snprintf(sql, sizeof(sql), "SELECT coalesce(sum(value), 0) FROM counters WHERE name LIKE '%s'", name);
	return replayed_number(sql);
}

void replay_with(const char *setting)
{
	run_ok("rm -f r.db; $K replay t.kmt -m m.yaml --set %s -o r.db -q", setting);
}

void replay_generate(const char *workload)
{
	run_ok("$K gen %s -o t.kmt -q", workload);
}

double replayed_failed(void)
{
	return replayed_number("SELECT coalesce(sum(failed), 0) FROM op_stats WHERE op NOT LIKE '%free%'");
}

void replay_readers(void)
{
	run_write("m.yaml", "kmemsim: 1\nname: m\nmemory: 64 MiB\ncpus: 2\n");
	run_write("w.yaml",
		"kmemsim: 1\nname: w\nduration: 10 s\ntasks: {reader: {count: 2}, nic: {context: softirq}}\nstreams:\n"
		"  page: {event: alloc_pages, gfp: GFP_HIGHUSER_MOVABLE|__GFP_NORETRY, by: reader, rate: 4000}\n"
		"  object: {event: kmalloc, size: {uniform: [32, 512]}, gfp: GFP_KERNEL, by: reader, rate: 2000, "
		"lifetime: {exponential: 200 ms}}\n"
		"  packet: {event: kmalloc, size: 2 KiB, gfp: GFP_ATOMIC, by: nic, rate: 500, lifetime: {exponential: 20 ms}}\n");
	replay_generate("w.yaml");
}

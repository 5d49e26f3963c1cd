#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "reports/build.h"
#include "reports/sqlite_recorder.h"

TestSuite(schema, .fini = fixture_remove);

/* The names that other people's SQL leans on. */
static const struct {
	const char *table, *columns;
} fixed[] = {
	{ "runs",
		"run_id trace trace_sha256 machine config_yaml config_hash seed version status error events sim_ns wall_ns"
		" fingerprint" },
	{ "run_params", "run_id key value" },
	{ "op_stats",
		"run_id op count failed bytes_req bytes_alloc sleeps lat_mean_ns lat_p50_ns lat_p90_ns lat_p99_ns"
		" lat_p999_ns lat_max_ns" },
	{ "latency_hist", "run_id op low_ns high_ns count" },
	{ "lock_stats", "run_id lock acquisitions contended wait_ns hold_ns" },
	{ "sleeps", "run_id reason count total_ns max_ns timeouts still_waiting" },
	{ "alloc_failures", "run_id node zone order gfp count" },
	{ "samples", "sample_id run_id time_ns event_no" },
	{ "zone_samples", "sample_id node zone free_pages pcp_pages" },
	{ "free_blocks", "sample_id node zone migratetype order blocks" },
	{ "pageblocks", "sample_id node zone migratetype pageblocks" },
	{ "pcp_lists", "sample_id node zone cpu pages" },
	{ "frag_samples", "sample_id node zone order unusable_index frag_index" },
	{ "extfrag_events",
		"run_id from_migratetype to_migratetype alloc_order fallback_order count pageblock_changes" },
	{ "cache_stats",
		"sample_id cache object_size size objs_per_slab order active_objs total_objs slabs waste_bytes" },
	{ "resources", "sample_id tree position depth start end name busy requested" },
	{ "ioport_stats", "run_id start end region op count accesses bytes cost_ns unclaimed" },
	{ "iomem_stats", "run_id start end region op count bytes cost_ns unclaimed" },
	{ "ioremap_stats", "sample_id mode mappings size_bytes area_bytes" },
	{ "ioremap_live", "run_id mapping phys size mode address area_bytes region call_site" },
	{ "percpu_stats",
		"sample_id chunks unit_size_bytes units areas allocated_bytes used_bytes free_bytes largest_free_bytes"
		" hole_bytes largest_hole_bytes populated_pages empty_pages" },
	{ "percpu_chunks",
		"sample_id chunk base_address areas free_bytes contig_bytes largest_free_bytes hole_bytes"
		" largest_hole_bytes populated_pages empty_pages isolated" },
	{ "boot_memory", "run_id block op start size_bytes align_bytes freed_bytes" },
	{ "vmalloc_stats",
		"sample_id size_bytes used_bytes free_bytes lazy_bytes guard_bytes areas lazy_areas mapped_pages page_table_pages"
		" map_ram_blocks holes largest_hole_bytes purges purged_bytes retries failures deferred_frees huge_areas" },
	{ "vmap_areas",
		"sample_id start_address end_address size_bytes use caller pages phys page_array_is_area node_pages" },
	{ "mempool_stats",
		"run_id pool_no pool kind cache element_bytes min_nr curr_nr lowest_reserve allocs frees failed from_reserve refills"
		" waits timeouts wait_ns outstanding peak_outstanding destroyed" },
	{ "dma_stats",
		"run_id pool_no pool block_bytes boundary_bytes blocks_per_page bytes peak_bytes allocs frees failed in_use"
		" peak_in_use retries unreachable destroyed" },
	{ "highmem_stats",
		"run_id slots slots_used slots_peak maps new_slots flushes waits wait_ns local_maps local_depth_peak" },
	{ "call_sites", "run_id call_site op count bytes_req bytes_alloc live" },
	{ "violations", "run_id time_ns cpu rule severity event_no call_site text" },
	{ "counters", "run_id mechanism name unit value" },
	{ "reclaim_events", "reclaim_event_id run_id by node start_ns end_ns pages success" },
	{ "verify_checks", "run_id check checked equal first_event_no first_time_ns kernel model" },
	{ "verify_zones",
		"run_id snapshot node zone order free_pages free_pages_real managed_pages blocks blocks_real" },
	{ "verify_caches", "run_id snapshot cache slabs slabs_real objects objects_real" },
};

#define NR_FIXED (sizeof(fixed) / sizeof(fixed[0]))

static const char *empty_database(void)
{
	const char *path = fixture_path("results.db");
	struct recorder *rec = NULL;
	struct err err = { 0 };

	cr_assert_eq(sqlite_recorder_open(&rec, path, &err), 0, "%s", err.text);
	rec->ops->close(rec);
	return path;
}

Test(schema, has_the_tables_and_columns_that_are_promised)
{
	const char *path = empty_database();

	for (size_t i = 0; i < NR_FIXED; i++) {
		char names[512];
		strcpy(names, fixed[i].columns);
		for (char *save, *name = strtok_r(names, " ", &save); name;
			name = strtok_r(NULL, " ", &save)) {
			char sql[256];
			snprintf(sql, sizeof(sql),
				"SELECT count(*) FROM pragma_table_info('%s') WHERE name = '%s'",
				fixed[i].table, name);
			cr_expect_eq(fixture_count(path, sql), 1, "%s.%s", fixed[i].table, name);
		}
	}
}

Test(schema, has_no_table_that_is_not_named_here)
{
	cr_assert_eq(fixture_count(empty_database(),
			     "SELECT count(*) FROM pragma_table_list WHERE type = 'table' AND"
			     " name NOT LIKE 'sqlite%'"),
		(int64_t)NR_FIXED);
}

Test(schema, has_only_strict_tables)
{
	char *loose = fixture_rows(empty_database(),
		"SELECT name FROM pragma_table_list WHERE type = 'table' AND NOT strict AND"
		" name NOT LIKE 'sqlite%'");

	cr_assert_str_eq(loose, "");
	free(loose);
}

Test(schema, names_the_application_and_the_version)
{
	const char *path = empty_database();

	cr_assert_eq(fixture_count(path, "PRAGMA application_id"), 0x6b6d736d);
	cr_assert_eq(fixture_count(path, "PRAGMA user_version"), RESULTS_SCHEMA_VERSION);
}

Test(schema, ties_every_table_to_a_run_or_a_sample)
{
	char *loose = fixture_rows(empty_database(),
		"SELECT name FROM pragma_table_list t WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'runs' AND"
		" NOT EXISTS (SELECT 1 FROM pragma_foreign_key_list(t.name))");

	cr_assert_str_eq(loose, "");
	free(loose);
}

Test(schema, has_views_that_answer_for_an_empty_database)
{
	static const char *const views[] = { "v_runs", "v_latency", "v_fragmentation", "v_caches", "v_sweep",
		"v_worst_call_sites" };
	const char *path = empty_database();

	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		char sql[64];

		snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", views[i]);
		cr_expect_eq(fixture_count(path, sql), 0, "%s", views[i]);
	}
}

/* Each line breaks one rule of the schema and must be refused. */
Test(schema, refuses_values_that_cannot_be)
{
	static const char *const wrong[] = {
		"UPDATE runs SET status = 'finished'",
		"UPDATE runs SET events = 'many'",
		"UPDATE runs SET fingerprint = 'abc'",
		"UPDATE runs SET ended_at = NULL",
		"UPDATE op_stats SET count = -1",
		"UPDATE op_stats SET count = NULL",
		"UPDATE frag_samples SET unusable_index = 1.001",
		"UPDATE frag_samples SET frag_index = -1.001",
		"UPDATE violations SET severity = 'bad'",
		"UPDATE samples SET run_id = 99",
	};
	const char *path = fixture_path("results.db");
	sqlite3 *db;

	fixture_write(path, RUN_DONE);
	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_exec(db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_expect_eq(sqlite3_exec(db, wrong[i], NULL, NULL, NULL), SQLITE_CONSTRAINT, "%s: %s",
			wrong[i], sqlite3_errmsg(db));
	sqlite3_close(db);
}

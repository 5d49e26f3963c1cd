/* verify and replay --initial on a real recording, as users call them. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/cli/run.h"

TestSuite(verify, .init = run_enter, .fini = run_leave, .timeout = 300);

#define CAPTURE "A-boot-256m"

/* Imports the capture as a.kmt and describes its machine as a.yaml; skips the test where there is none. */
static const char *prepare(const char *options)
{
	const char *shared = run_shared();

	if (!shared)
		cr_skip_test("no folder of captures: set KMEMSIM_SHARED");
	run_ok("$K import %s/captures/" CAPTURE "/trace.dat -o a.kmt --quiet %s && "
		"$K probe %s/captures/" CAPTURE "/snapshots/2-after-workload -o a.yaml --quiet",
		shared, options, shared);
	return shared;
}

static struct run_result verify(const char *shared, const char *options)
{
	return run_shell("$K verify a.kmt -m a.yaml --quiet --snapshots %s/captures/" CAPTURE "/snapshots %s", shared,
		options);
}

/* "key": {"checked": N, "equal": M} */
static void expect_equal(const char *json, const char *key, double least)
{
	const char *at = strstr(json, key);
	double checked, equal;

	cr_assert_not_null(at, "no %s in:\n%.2000s", key, json);
	checked = run_number(at, "checked");
	equal = run_number(at, "equal");
	cr_expect_gt(checked, 0, "%s: nothing checked", key);
	cr_expect_geq(equal, least * checked, "%s: %.0f of %.0f are equal", key, equal, checked);
}

Test(verify, a_boot_capture_has_the_kernels_sizes_and_most_of_its_places)
{
	const char *shared = prepare("");
	struct run_result result = verify(shared, "--json -o r.db");

	cr_assert(result.status == 0 || result.status == 1, "%s", result.err);
	expect_equal(result.out, "\"kmalloc_bytes_alloc\"", 1.0);
	expect_equal(result.out, "\"slab_geometry\"", 1.0);
	expect_equal(result.out, "\"page_frames_step\"", 0.99);
	expect_equal(result.out, "\"page_frames_free\"", 0.90);
	expect_equal(result.out, "\"refill_blocks\"", 0.99);
	expect_equal(result.out, "\"drain_blocks\"", 0.99);
	expect_equal(result.out, "\"object_addresses\"", 0.99);
	expect_equal(result.out, "\"percpu_offsets\"", 0.95);
	cr_expect_gt(run_number(strstr(result.out, "\"object_addresses\""), "told"), 0);
	cr_expect_gt(run_number(strstr(result.out, "\"object_addresses\""), "assisted"), 0);
	expect_equal(result.out, "\"vmalloc_addresses\"", 0.95);
	cr_expect_not_null(strstr(result.out, "\"name\": \"2-after-workload\""));
	cr_expect_not_null(strstr(result.out, "\"first_differences\""));
	run_free(&result);
	result = run_shell("sqlite3 r.db \"select count(*) from verify_checks; select count(*) > 0 from verify_zones;"
			   " select count(*) > 0 from verify_caches; select initial like '%%0b-events-on' from runs\" | tr '\\n' ' '");
	cr_expect_str_eq(result.out, "9 1 1 1 ", "%s", result.out);
	run_free(&result);
}

static void expect_rows(const char *sql, const char *rows)
{
	struct run_result result = run_shell("sqlite3 -csv r.db \"%s\"", sql);

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_expect_str_eq(result.out, rows, "%s: %s", sql, result.out);
	run_free(&result);
}

/* Of vmalloc areas that no probe saw, too: see traces/gather_areas.c. */
Test(verify, free_memory_of_a_boot_ends_within_a_thousandth_of_the_kernels)
{
	const char *shared = prepare("");
	struct run_result result = verify(shared, "-o r.db");

	cr_assert(result.status == 0 || result.status == 1, "%s", result.err);
	run_free(&result);
	expect_rows(
		"select count(distinct snapshot || node || zone), max(abs(free_pages - free_pages_real) * 1000 > managed_pages) from verify_zones",
		"4,0\n");
}

/* No event tells from which node pages are asked for: trace buffers of all CPUs are made by the first. */
Test(verify, memory_of_each_node_ends_near_the_kernels)
{
	const char *shared = run_shared();
	struct run_result result;

	if (!shared)
		cr_skip_test("no folder of captures: set KMEMSIM_SHARED");
	result = run_shell("$K import %s/captures/F-numa/trace.dat -o f.kmt --quiet &&"
			   " $K probe %s/captures/F-numa/snapshots/2-after-workload -o f.yaml --quiet &&"
			   " $K verify f.kmt -m f.yaml --quiet --snapshots %s/captures/F-numa/snapshots -o r.db", shared, shared, shared);
	cr_assert(result.status == 0 || result.status == 1, "%s", result.err);
	run_free(&result);
	expect_rows(
		"select count(distinct snapshot || node || zone), max(abs(free_pages - free_pages_real) * 1000 > managed_pages * 13) from verify_zones",
		"6,0\n");
}

Test(verify, the_same_trace_machine_and_seed_give_the_same_json)
{
	const char *shared = prepare("");
	struct run_result first = verify(shared, "--json"), second = verify(shared, "--json");

	cr_expect_str_eq(first.out, second.out);
	run_free(&first);
	run_free(&second);
}

Test(verify, a_trace_without_recorded_columns_says_how_to_get_them)
{
	const char *shared = prepare("--no-recorded");
	struct run_result result = verify(shared, "");

	cr_expect_eq(result.status, 2, "%d: %s", result.status, result.err);
	cr_expect_not_null(strstr(result.err, "--no-recorded"), "%s", result.err);
	run_free(&result);
}

/* Objects are found by recorded addresses, and those are looked through before the trace is replayed. */
Test(verify, a_trace_from_standard_input_is_refused_where_it_is_read_twice)
{
	static const char *const commands[] = {
		"$K verify - -m a.yaml --quiet --snapshots %s/captures/" CAPTURE "/snapshots < a.kmt",
		"cat a.kmt | $K replay - -m a.yaml --quiet --initial %s/captures/" CAPTURE "/snapshots/1-after-boot -o r.db",
	};
	const char *shared = prepare("");

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct run_result result = run_shell(commands[i], shared);

		cr_expect_eq(result.status, 2, "%d: %s", result.status, result.err);
		cr_expect_not_null(strstr(result.err, "cannot be standard input"), "%s", result.err);
		run_free(&result);
	}
}

/* A saved slab is as large as it was saved, whatever the machine's settings are. */
Test(verify, settings_that_a_saved_state_does_not_take_on_are_told)
{
	static const char *const settings[] = { "cpus=1", "slab.cpu_partial=20", "slab.max_order=0" };
	const char *shared = prepare("");

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		struct run_result result =
			run_shell("$K replay a.kmt -m a.yaml --initial %s/captures/" CAPTURE "/snapshots/1-after-boot"
				  " --limit 100 --set %s",
				shared, settings[i]);

		cr_expect_eq(result.status, 0, "%d: %s", result.status, result.err);
		cr_expect_eq(strstr(result.out, "partial lists of that state, not those of the machine's settings") !=
				NULL,
			i > 0, "%s: %s", settings[i], result.out);
		run_free(&result);
	}
}

/* As of a trace that was imported before those were kept. */
Test(verify, a_trace_without_moved_blocks_says_that_it_is_to_be_imported_again)
{
	const char *shared = prepare("");
	struct run_result result = verify(shared, "");

	cr_expect_null(strstr(result.err, "import the recording again"), "%s", result.err);
	run_free(&result);
	run_ok("xzcat %s/captures/A-boot-256m/trace.txt.xz | grep -v 'mm_page_alloc_zone_locked\\|mm_page_pcpu_drain' |"
		" $K import - -o a.kmt --quiet && $K probe %s/captures/A-boot-256m/snapshots -o a.yaml --quiet",
		shared, shared);
	result = run_shell("$K verify a.kmt -m a.yaml --quiet --snapshots %s/captures/A-boot-256m/snapshots", shared);
	cr_expect_not_null(strstr(result.err, "import the recording again"), "%s", result.err);
	run_free(&result);
}

Test(verify, replay_from_a_later_snapshot_leaves_out_what_came_before_it)
{
	const char *shared = prepare("");
	struct run_result result =
		run_shell("$K replay a.kmt -m a.yaml --json --quiet --check=100000 --initial %s/captures/" CAPTURE
			  "/snapshots/1-after-boot",
			shared);

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_expect_eq(run_number(result.out, "failed"), 0);
	cr_expect_lt(run_number(result.out, "events"), 200000);
	run_free(&result);
}

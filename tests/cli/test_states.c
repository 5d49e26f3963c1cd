/* What import learns of the page cache from the states saved beside a recording, and where that is seen afterwards. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cli/run.h"

TestSuite(states, .init = run_enter, .fini = run_leave, .timeout = 300);

static const char text[] = "{\"event\":\"kmalloc\",\"id\":1,\"size\":8}\n{\"event\":\"kfree\",\"id\":1}\n";

/*
 * A recording in the folder rec, and two states beside it
 * between which 40000 file pages came, 10000 of them used again.
 */
static void make_recording(void)
{
	static const char vmstat[] =
		"nr_inactive_file %u\nnr_active_file %u\npgdeactivate 0\npgsteal_kswapd 0\npgsteal_direct 0\npgsteal_file 0\n";
	char state[512];

	run_ok("mkdir -p rec/snapshots/1-after-boot rec/snapshots/2-after-workload");
	run_write("rec/t.jsonl", text);
	snprintf(state, sizeof(state), vmstat, 100, 20);
	run_write("rec/snapshots/1-after-boot/vmstat", state);
	snprintf(state, sizeof(state), vmstat, 30100, 10020);
	run_write("rec/snapshots/2-after-workload/vmstat", state);
}

/* What the trace says of its page cache, in the three places where that is. */
static void expect_cache(const char *trace, unsigned int pages, unsigned int reused)
{
	struct run_result result = run_shell("$K info %s --json; $K info %s >&2", trace, trace);
	char line[128];

	cr_assert_eq(run_number(result.out, "cache_pages"), pages, "%s", result.out);
	cr_assert_eq(run_number(result.out, "cache_pages_reused"), reused, "%s", result.out);
	snprintf(line, sizeof(line), "page cache      %u pages of files came to it, %u of them were used again\n",
		pages, reused);
	cr_assert_eq(strstr(result.err, line) != NULL, pages > 0, "%s", result.err);
	run_free(&result);
	result = run_shell("$K cat %s --format jsonl | head -1", trace);
	snprintf(line, sizeof(line), "\"cache_pages\":%u,\"cache_pages_reused\":%u,", pages, reused);
	cr_assert_not_null(strstr(result.out, line), "%s", result.out);
	run_free(&result);
}

/* Runs an import of which standard error must have @line, and no other line about the page cache. */
static void expect_note(const char *command, const char *line)
{
	struct run_result result = run_shell("%s", command);
	const char *at = strstr(result.err, "page cache");

	cr_assert_eq(result.status, 0, "%s: %s", command, result.err);
	cr_assert_not_null(strstr(result.err, line), "no \"%s\" in: %s", line, result.err);
	cr_assert(at && !strstr(at + 1, "page cache"), "one line: %s", result.err);
	run_free(&result);
}

Test(states, beside_the_recording_are_found)
{
	make_recording();
	expect_note("$K import rec/t.jsonl -o t.kmt",
		"page cache   40000 pages of files came to it, 10000 of them were used again (rec/snapshots/1-after-boot to 2-after-workload)\n");
	expect_cache("t.kmt", 40000, 10000);
	expect_note("cd rec; $K import t.jsonl -o ../t2.kmt", "(snapshots/1-after-boot to 2-after-workload)");
	run_ok("cmp t.kmt t2.kmt");
}

Test(states, are_told_as_json_and_not_at_all_with_quiet)
{
	struct run_result result;

	make_recording();
	result = run_shell("$K import rec/t.jsonl -o t.kmt --json");
	cr_assert_eq(run_number(result.out, "cache_pages"), 40000);
	cr_assert_eq(run_number(result.out, "cache_pages_reused"), 10000);
	run_free(&result);
	result = run_shell(
		"$K import rec/t.jsonl -o t.kmt --quiet; $K import rec/t.jsonl -o t3.kmt --states none --quiet");
	cr_assert_str_empty(result.err);
	run_free(&result);
	expect_cache("t.kmt", 40000, 10000);
	expect_cache("t3.kmt", 0, 0);
}

Test(states, of_another_folder_are_taken_by_name_and_none_is_none)
{
	make_recording();
	run_write("t.jsonl", text);
	run_write("t.txt", " a-1 [000] 1.5: kfree: call_site=f+0x1 ptr=0x10\n");
	expect_note("$K import t.txt -o t.kmt", "not known: snapshots: No such file or directory\n");
	expect_cache("t.kmt", 0, 0);
	expect_note("$K import - -o t.kmt <t.txt", "not known: nothing is beside standard input");
	expect_note("$K import - -o t.kmt --states rec/snapshots <t.jsonl", "page cache   40000 pages");
	expect_cache("t.kmt", 40000, 10000);
	expect_note("$K import rec/t.jsonl -o t.kmt --states rec/snapshots/1-after-boot",
		"rec/snapshots/1-after-boot, since boot: fewer than 1024 file pages");
	expect_note("$K import rec/t.jsonl -o t.kmt --states none", "not known: --states none\n");
	expect_cache("t.kmt", 0, 0);
}

/* No machine recorded it that could have saved states, unless they are there. */
Test(states, of_what_was_written_by_hand_are_not_missed)
{
	struct run_result result;

	run_write("t.jsonl", text);
	run_write("io.csv", "event,port,width\ninb,0x60,1\n");
	result = run_shell("$K import t.jsonl -o t.kmt && $K import - -o t.kmt <t.jsonl && $K import io.csv -o t.kmt");
	cr_expect_eq(result.status, 0, "%s", result.err);
	cr_expect_null(strstr(result.err, "page cache"), "%s", result.err);
	run_free(&result);
}

Test(states, that_are_damaged_do_not_stop_an_import)
{
	make_recording();
	run_write("rec/snapshots/2-after-workload/vmstat", "nr_inactive_file 30100\nnr_act");
	expect_note("$K import rec/t.jsonl -o t.kmt", "not known: rec/snapshots/2-after-workload/vmstat lacks");
	expect_cache("t.kmt", 0, 0);
}

Test(states, a_folder_that_was_asked_for_and_is_none_is_a_mistake)
{
	struct run_result result;

	run_write("t.jsonl", text);
	result = run_shell("$K import t.jsonl -o t.kmt --states nowhere");
	cr_assert_eq(result.status, 3);
	cr_assert_not_null(strstr(result.err, "--states: nowhere: No such file or directory"), "%s", result.err);
	run_free(&result);
	result = run_shell("$K import t.jsonl -o t.kmt --states t.jsonl");
	cr_assert_eq(result.status, 2);
	cr_assert_not_null(strstr(result.err, "--states: t.jsonl: expected a folder"), "%s", result.err);
	run_free(&result);
	run_ok("test ! -e t.kmt");
}

/* What cat prints knows of itself; states that are named, or lie beside it, come before that. */
Test(states, text_of_a_trace_keeps_what_it_knows)
{
	static const char *const formats[] = { "jsonl", "csv" };

	make_recording();
	run_ok("$K import rec/t.jsonl -o t.kmt -q");
	for (int i = 0; i < 2; i++) {
		run_ok("$K cat t.kmt --format %s >printed", formats[i]);
		expect_note("$K import printed -o again.kmt",
			"page cache   40000 pages of files came to it, 10000 of them were used again (as the source itself says)");
		expect_cache("again.kmt", 40000, 10000);
		run_ok("$K import printed -o again.kmt -q --states none");
		expect_cache("again.kmt", 0, 0);
	}
	run_ok("sed -i s/10020/5020/ rec/snapshots/2-after-workload/vmstat; $K cat t.kmt --format jsonl >rec/printed; $K import rec/printed -o again.kmt -q");
	expect_cache("again.kmt", 35000, 5000);
	run_ok("sed 's/\"cache_pages\":40000/\"cache_pages\":9999/' rec/printed >wrong; ! $K import wrong -o wrong.kmt 2>told; "
	       "grep -q 'wrong:1: .*page cache' told; test ! -e wrong.kmt");
}

Test(states, of_the_recordings_are_read)
{
	struct run_result result;

	if (!run_shared())
		cr_skip_test("no recordings beside the project");
	run_ok("$K import %s/captures/J-whatif/base/trace.dat -o j.kmt -q", run_shared());
	expect_cache("j.kmt", 58437, 25975);
	run_write("t.jsonl", text);
	result = run_shell("$K import t.jsonl -o d.kmt --states %s/captures/D-pressure/snapshots", run_shared());
	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_not_null(strstr(result.err, "the machine reclaimed pages"), "%s", result.err);
	run_free(&result);
	expect_cache("d.kmt", 0, 0);
}

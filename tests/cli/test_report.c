/* The report: what matters most comes first, and what is left out is said. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/cli/run.h"

TestSuite(report, .init = run_enter, .fini = run_leave);

static struct run_result shell_ok(const char *command)
{
	struct run_result result = run_shell("%s", command);

	cr_assert_eq(result.status, 0, "%s: %d: %s%s", command, result.status, result.out, result.err);
	return result;
}

/* One task, or the swapper, whom nobody ends, takes @pages movable pages one by one and keeps them. */
static void write_trace(int pages, int pid)
{
	FILE *file = fopen("t.jsonl", "w");

	cr_assert_not_null(file);
	for (int i = 0; i < pages; i++)
		fprintf(file, "{\"event\":\"alloc_pages\",\"id\":%d,\"order\":0,\"gfp\":\"%s\",\"pid\":%d,\"comm\":\"eater\"}\n", i,
			pid ? "GFP_HIGHUSER_MOVABLE" : "GFP_KERNEL", pid);
	cr_assert_eq(fclose(file), 0);
}

static struct run_result replay_on_16_mib(void)
{
	return shell_ok("$K import t.jsonl -o t.kmt -q && $K replay t.kmt --set memory='16 MiB' --set reclaim.swap=none"
		" --sample-events 50 -o r.db && $K report r.db");
}

/* Where @what stands in the report, behind its heading and before the first table. */
static void expect_finding(const char *report, const char *what)
{
	const char *at = strstr(report, what), *from = strstr(report, "What stands out"), *to = strstr(report, "Memory at the end");

	cr_assert(from && to && from < to, "%s", report);
	cr_expect(at && at > from && at < to, "no \"%s\": %.*s", what, (int)(to - from), from);
}

Test(report, a_run_without_trouble_says_so)
{
	struct run_result result;

	write_trace(10, 7);
	result = replay_on_16_mib();
	expect_finding(result.out, "No allocation failed, nobody had to wait for memory");
	cr_expect_null(strstr(result.out, "OOM  "));
	run_free(&result);
}

Test(report, failures_stalls_and_whom_the_oom_killer_ended_come_first)
{
	struct run_result result;

	write_trace(6000, 7);
	result = replay_on_16_mib();
	expect_finding(result.out, " allocations failed (");
	expect_finding(result.out, "that the OOM killer ended: 1 (eater, pid 7)");
	expect_finding(result.out, "tasks that the OOM killer had ended by then");
	expect_finding(result.out, "had to reclaim memory for themselves");
	cr_expect(strstr(result.out, "OOM        1 task was ended by the OOM killer"), "the summary of replay: %s", result.out);
	run_free(&result);
}

Test(report, a_machine_on_which_the_kernel_panics_is_called_too_small)
{
	struct run_result result;

	write_trace(6000, 0);
	result = replay_on_16_mib();
	expect_finding(result.out, "no task was left that the OOM killer could end");
	expect_finding(result.out, "was below its low watermark in");
	cr_expect(strstr(result.out, "times nobody was left to be ended: the kernel panics at the first"), "%s", result.out);
	run_free(&result);
}

Test(report, a_table_that_is_cut_says_how_to_see_the_rest)
{
	FILE *file = fopen("t.jsonl", "w");
	struct run_result result;

	cr_assert_not_null(file);
	for (int i = 0; i < 20; i++)
		fprintf(file, "{\"event\":\"kmalloc\",\"id\":%d,\"size\":100,\"gfp\":\"GFP_KERNEL\",\"call_site\":\"site_%d+0x1\"}\n", i, i);
	cr_assert_eq(fclose(file), 0);
	result = shell_ok("$K import t.jsonl -o t.kmt -q && $K replay t.kmt -o r.db -q && $K report r.db && $K query r.db call-sites --csv");
	cr_expect(strstr(result.out, "  and 12 more: kmemsim query r.db call-sites\n"), "%s", result.out);
	cr_expect(strstr(result.out, ",site_19+0x1,kmalloc,"), "%s", result.out);
	run_free(&result);
}

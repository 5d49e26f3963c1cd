/* What is asked of the runs of a sweep: merge, the queries over them, compare; made with replay --set. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/cli/run.h"

static void expect(int status, const char *out, const char *err, const char *command)
{
	struct run_result result = run_shell("%s", command);

	cr_expect_eq(result.status, status, "%s: exit status %d: %s", command, result.status, result.err);
	if (out)
		cr_expect(strstr(result.out, out), "%s: no \"%s\" in:\n%s", command, out, result.out);
	if (err)
		cr_expect(strstr(result.err, err), "%s: no \"%s\" in:\n%s", command, err, result.err);
	run_free(&result);
}

/* a.db: 64 and 128 MiB; b.db: 128 MiB again and 1 GiB. */
static void enter(void)
{
	run_enter();
	run_write("t.jsonl", "{\"event\":\"kmalloc\",\"id\":1,\"size\":100,\"gfp\":\"GFP_KERNEL\"}\n"
			     "{\"event\":\"alloc_pages\",\"id\":2,\"order\":9,\"gfp\":\"GFP_KERNEL\"}\n"
			     "{\"event\":\"kfree\",\"id\":1}\n");
	expect(0, NULL, NULL,
		"$K import t.jsonl -o t.kmt --quiet &&"
		" for m in 64 128; do $K replay t.kmt --set memory=\"$m MiB\" -o a.db; done &&"
		" for m in 1024 128; do $K replay t.kmt --set memory=\"$m MiB\" -o b.db; done");
}

TestSuite(sweep_answers, .init = enter, .fini = run_leave);

Test(sweep_answers, merge_adds_each_run_once_and_says_what_it_did)
{
	expect(0, NULL, "r.db: 3 runs: 3 new from 2 parts, 0 completed, 1 there already", "$K merge b.db a.db -o r.db");
	expect(0, NULL, "r.db: 3 runs: 0 new from 1 part, 0 completed, 2 there already", "$K merge a.db -o r.db");
	expect(0, "64 MiB\n128 MiB\n1024 MiB", NULL, "sqlite3 r.db 'select value from run_params order by run_id'");
}

Test(sweep_answers, merge_says_what_stands_in_its_way)
{
	expect(2, NULL, "-o RESULTS is missing", "$K merge a.db");
	expect(3, NULL, "none.db: cannot be read", "$K merge a.db none.db -o r.db");
	expect(2, NULL, "t.jsonl: not a results database", "$K merge a.db t.jsonl -o r.db");
	expect(0, NULL, NULL, "sqlite3 b.db \"update runs set fingerprint = '0123456789abcdef' where run_id = 2\"");
	expect(2, NULL, "run 2 of b.db (0123456789abcdef)", "$K merge a.db b.db -o r.db");
	expect(3, NULL, "/proc/r.db", "$K merge a.db -o /proc/r.db");
	expect(0, NULL, NULL, "test ! -e r.db");
}

Test(sweep_answers, query_best_worst_pareto_and_sensitivity_answer_from_the_command_line)
{
	expect(0, NULL, NULL, "$K merge a.db b.db -o r.db");
	expect(0, "run_id,free_pages_lowest,memory,", NULL,
		"$K query r.db best --by free_pages_lowest --limit 1 --csv");
	expect(0, ",1024 MiB,", NULL, "$K query r.db best --by free_pages_lowest --limit 1 --csv");
	expect(0, ",64 MiB,", NULL, "$K query r.db worst --by free_pages_lowest --limit 1 --csv");
	expect(0, "\"memory\": \"64 MiB\"", NULL, "$K query r.db pareto --by memory,failed --json");
	expect(0, "\nmemory,free_pages,", NULL, "$K query r.db sensitivity --csv");
	expect(2, NULL, "did you mean \"free_pages\"?", "$K query r.db best --by free_pagse");
	expect(2, NULL, "--limit 0: expected a number of rows", "$K query r.db best --limit 0");
}

Test(sweep_answers, compare_exits_with_1_when_results_differ_and_0_when_they_do_not)
{
	expect(0, "Results: no difference", NULL, "$K compare a.db:2 b.db:2");
	expect(1, "node 0 DMA32  ", NULL, "$K compare a.db 1 2");
	expect(1, "\"equal\": false", NULL, "$K compare a.db:1 b.db:1 --json");
	expect(1, "kind,section,item,figure,a,b,change\n", NULL, "$K compare a.db 1 2 --csv");
	expect(1, "free_pages", NULL, "$K compare a.db 1 2 --over 5%");
	expect(2, NULL, "no run 7", "$K compare a.db 1 7");
	expect(2, NULL, "\"x\": expected the number of a run", "$K compare a.db 1 x");
	expect(2, NULL, "expected a share", "$K compare a.db 1 2 --over lots");
	expect(3, NULL, "none.db: cannot be read", "$K compare a.db none.db");
}

/*
 * The recording's pace of reclaim in a replay: which machines take
 * it over. A worker's way is one of its steps, and easily seen.
 */
#include <criterion/criterion.h>

#include "tests/cli/run.h"

TestSuite(pace, .init = run_enter, .fini = run_leave, .timeout = 120);

/* An area that an interrupt frees goes when a worker has been woken. The recording says that this takes 500 us. */
static void make_trace(void)
{
	run_write("t.jsonl",
		"{\"event\": \"vmalloc\", \"id\": 1, \"size\": 40960, \"gfp\": \"GFP_KERNEL\", \"time_ns\": 1000000}\n"
		"{\"event\": \"vfree\", \"id\": 1, \"ctx\": \"softirq\", \"time_ns\": 2000000}\n"
		"{\"event\": \"marker\", \"text\": \"soon\", \"time_ns\": 2300000}\n"
		"{\"event\": \"marker\", \"text\": \"late\", \"time_ns\": 3000000}\n");
	run_ok("$K import t.jsonl -o plain.kmt -q && $K cat plain.kmt --format jsonl |"
		" sed '1s/\"lost\":/\"wake_up_ns\":500000,\"lost\":/' > told.jsonl && $K import told.jsonl -o told.kmt -q &&"
		" $K info told.kmt | grep -q '^reclaim  *wake_up 500000 ns$'");
}

/* Areas after 300 us and after 1 ms. */
static void expect_areas(const char *trace, const char *options, const char *both)
{
	struct run_result result = run_shell(
		"rm -f r.db && $K replay %s -o r.db -q %s && sqlite3 -separator ' ' r.db \"SELECT areas FROM"
		" vmalloc_stats JOIN samples USING (sample_id) WHERE marker IS NOT NULL ORDER BY time_ns\" | tr '\\n' ' '",
		trace, options);

	cr_assert_eq(result.status, 0, "%s: %s", options, result.err);
	cr_expect_str_eq(result.out, both, "%s %s: %s", trace, options, result.out);
	run_free(&result);
}

Test(pace, an_emulated_machine_has_the_recordings)
{
	make_trace();
	expect_areas("told.kmt", "--set latency.profile=emulated", "1 0 ");
	expect_areas("plain.kmt", "--set latency.profile=emulated", "0 0 ");
	expect_areas("told.kmt", "", "0 0 ");
	expect_areas("told.kmt", "--set latency.profile=vm --set latency.reclaim_pace=auto", "1 0 ");
	expect_areas("told.kmt", "--set latency.profile=emulated --set latency.reclaim_pace=table", "0 0 ");
}

Test(pace, who_gives_a_cost_means_it)
{
	make_trace();
	expect_areas("told.kmt", "--set latency.profile=emulated --set 'latency.wake_up=5 us'", "0 0 ");
	run_write("given.yaml", "kmemsim: 1\nlatency:\n  profile: emulated\n  wake_up: 5 us\n");
	expect_areas("told.kmt", "-m given.yaml", "0 0 ");
	run_write("both.yaml", "kmemsim: 1\nlatency:\n  profile: emulated\n  reclaim_pace: auto\n  wake_up: 5 us\n");
	expect_areas("told.kmt", "-m both.yaml", "1 0 ");
	expect_areas("plain.kmt", "-m both.yaml", "0 0 ");
}

Test(pace, a_replay_says_whose_it_is)
{
	struct run_result result;

	make_trace();
	result = run_shell("$K replay told.kmt -o r.db --set latency.profile=emulated");
	cr_expect(strstr(result.out, "\npace       of reclaim as recorded: wake_up 500000 ns (latency.reclaim_pace)\n"),
		"%s", result.out);
	run_free(&result);
	result = run_shell("$K replay told.kmt -o s.db");
	cr_expect(!strstr(result.out, "\npace"), "%s", result.out);
	run_free(&result);
}

/* The recording's own costs, given and taken over, are the same replay. */
Test(pace, what_is_taken_over_is_what_calibrate_finds)
{
	if (!run_shared())
		cr_skip_test("no folder of captures: set KMEMSIM_SHARED");
	run_ok("D=%s/captures/D-pressure; $K import $D/trace.dat -o t.kmt -q && $K probe $D/snapshots -o m.yaml -q &&"
		" grep -q 'reclaim_pace: auto' m.yaml && $K calibrate $D/trace.dat -m m.yaml --only 'reclaim_page,lru_*,wake_*' -o fitted.yaml -q &&"
		" grep -q 'reclaim_pace: table' fitted.yaml", run_shared());
	run_ok("for m in m fitted; do $K replay t.kmt -m $m.yaml -o $m.db --json | grep -o '\"fingerprint.*' > $m.txt; done; "
	       "test -s m.txt && cmp m.txt fitted.txt && ! $K replay t.kmt -m m.yaml -o t.db --json"
	       " --set latency.reclaim_pace=table | grep -qFf m.txt");
}

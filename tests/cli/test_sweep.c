/* `kmemsim sweep`: many runs, and what happens to them when something goes wrong. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cli/contents.h"
#include "tests/cli/run.h"

/* A trace that keeps a few kmalloc classes and page orders busy; every third object stays. */
#define MAKE_TRACE(name, events)                                                                                        \
	"awk 'BEGIN { for (i = 1; i <= " #events "; i++) {"                                                             \
	" if (i % 3 == 0) printf \"{\\\"event\\\":\\\"kfree\\\",\\\"id\\\":%d}\\n\", i - 2;"                             \
	" else if (i % 7 == 1) printf \"{\\\"event\\\":\\\"kzalloc\\\",\\\"id\\\":%d,\\\"size\\\":%d}\\n\", i, 64 + i % 5000;" \
	" else printf \"{\\\"event\\\":\\\"kmalloc\\\",\\\"id\\\":%d,\\\"size\\\":%d,\\\"call_site\\\":\\\"f%d\\\"}\\n\", i, i % 900 + 1, i % 9 } }'" \
	" | $K import - -o " name " --quiet"

/* So that no loop waits for ever for what it has missed. */
#define ENOUGH "|| [ $((n=n+1)) -gt 2000 ]"

static void enter(void)
{
	struct run_result result;

	run_enter();
	result = run_shell("%s", MAKE_TRACE("t.kmt", 3000));
	cr_assert_eq(result.status, 0, "%s", result.err);
	run_free(&result);
	run_write("s.yaml", "name: s\ntrace: t.kmt\nmachine: {memory: 64 MiB}\n"
			    "vary:\n  grid:\n    cpus: [1, 2, 4]\n    slab.max_order: [0, 1, 3]\nrepeat: 2\n");
	/* Each run takes long enough to be met. */
	run_write("slow.yaml",
		"name: slow\ntrace: t.kmt\nmachine: {memory: 64 MiB}\nsamples: 5000\nvary: {grid: {cpus: [1, 2, 3, 4, 5, 6]}}\n"
		"seed: 7\n");
}

TestSuite(sweep, .init = enter, .fini = run_leave);

static void expect(int status, const char *command)
{
	struct run_result result = run_shell("%s", command);

	cr_assert_eq(result.status, status, "%s: status %d: %s%s", command, result.status, result.out, result.err);
	run_free(&result);
}

static void expect_text(int status, const char *command, const char *text)
{
	struct run_result result = run_shell("%s", command);

	cr_assert_eq(result.status, status, "%s: status %d: %s%s", command, result.status, result.out, result.err);
	cr_assert(strstr(result.out, text) || strstr(result.err, text), "%s: no \"%s\" in\n%s%s", command, text,
		result.out, result.err);
	run_free(&result);
}

static void expect_equal(const char *a, const char *b)
{
	char *x = contents_of(a), *y = contents_of(b);
	size_t same = 0;

	while (x[same] && x[same] == y[same])
		same++;
	cr_assert_str_eq(x, y, "%s and %s differ:\n%.200s\n---\n%.200s", a, b, x + same, y + same);
	free(x);
	free(y);
}

Test(sweep, contents_do_not_depend_on_the_number_of_workers)
{
	expect_text(0, "$K sweep s.yaml -o 1.db -j 1", "18 of 18 runs");
	expect(0, "$K sweep s.yaml -o 2.db -j 2");
	expect(0, "$K sweep s.yaml -o 7.db -j 7");
	expect_text(0, "sqlite3 1.db \"select status, count(*) from runs group by 1\"", "done|18");
	expect_equal("1.db", "2.db");
	expect_equal("1.db", "7.db");
}

Test(sweep, contents_equal_those_of_replays_one_by_one)
{
	run_write("full.yaml",
		"name: s\ntrace: t.kmt\nsamples: 10\ndetail: full\nvary: {grid: {cpus: [1, 3], memory: [64 MiB, 96 MiB]}}\n");
	expect(0, "$K sweep full.yaml -o sweep.db");
	/* The trace lasts 2999 us. */
	expect(0, "for c in 1 3; do for m in 64 96; do "
		  "$K replay t.kmt -o replay.db -q --sample-time 299900 --set cpus=$c --set memory=\"$m MiB\"; done; done");
	expect_equal("sweep.db", "replay.db");
}

/*
 * Nobody takes what a worker sends while its parent is stopped, so it is met amid a run: only one that waits for
 * its next run is killed in vain. A single worker waits for that while results are written, which is most of the
 * time where the disk is slow; of two none does.
 */
#define KILL_A_WORKER "kill -STOP $P; sleep 0.3; pkill -KILL -P $P; kill -CONT $P"

Test(sweep, runs_that_are_killed_fail_alone_and_resume_mends_them)
{
	expect(0, "$K sweep slow.yaml -o whole.db -j 1 -q");
	expect_text(1,
		"runs() { sqlite3 -readonly r.db \"select count(*) from runs where status $1\" 2>/dev/null || echo 0; }; "
		"$K sweep slow.yaml -o r.db -j 2 & P=$!; until [ $(runs \"= 'done'\") -ge 1 ] " ENOUGH "; do :; done; "
		"while [ $(runs \"= 'failed'\") = 0 ] && kill -0 $P; do " KILL_A_WORKER "; sleep 0.1; done; wait $P",
		"killed by signal 9");
	expect_text(0,
		"sqlite3 r.db \"select count(*), sum(status = 'failed') between 1 and 5, sum(status = 'done') >= 1 from runs\"",
		"6|1|1");
	expect_text(0, "sqlite3 r.db \"select error from runs where status = 'failed'\"", "killed by signal 9");
	expect(0, "$K sweep slow.yaml -o r.db -j 2 --resume -q");
	expect_equal("whole.db", "r.db");
}

/* One that is done before its parent has a turn on a busy machine is done. */
Test(sweep, a_run_that_takes_too_long_is_ended)
{
	expect(0, "echo 'timeout: 1 ms' >> slow.yaml");
	expect_text(1, "$K sweep slow.yaml -o r.db -j 2", "timeout: took longer than 1");
	expect_text(0,
		"sqlite3 r.db \"select count(*), sum(status = 'failed') >= 3, sum(status in ('failed', 'done')) from runs\"",
		"6|1|6");
}

Test(sweep, a_run_that_needs_too_much_memory_fails_alone)
{
	run_write("m.yaml", "trace: t.kmt\nmemory: 4 MiB\nvary: {grid: {memory: [64 MiB, 16 TiB]}}\n");
	expect(1, "$K sweep m.yaml -o r.db");
	expect_text(0,
		"sqlite3 r.db \"select value, status from runs join run_params using (run_id) where key = 'memory' order by run_id\"",
		"16 TiB|failed");
}

Test(sweep, a_killed_parent_loses_the_runs_in_flight_and_resume_completes_the_same)
{
	expect(0, "$K sweep slow.yaml -o whole.db -q");
	/* After the first commit, at whatever moment that is. */
	expect(137, "$K sweep slow.yaml -o r.db -j 1 -q & P=$!; "
		    "until [ \"$(sqlite3 -readonly r.db 'select count(*) from runs' 2>/dev/null)\" -ge 2 ] 2>/dev/null " ENOUGH "; do :; done; "
		    "W=$(pgrep -P $P); kill -KILL $P; wait $P; S=$?; sleep 0.5; "
		    "for w in $W; do ps -o stat= -p $w | grep -qv Z && S=1; done; exit $S");
	expect_text(0, "sqlite3 r.db \"select count(*) from runs where status <> 'done'; pragma integrity_check\"",
		"0\nok");
	expect(0, "$K sweep slow.yaml -o r.db --resume -q");
	expect_equal("whole.db", "r.db");
	expect_text(0, "$K sweep slow.yaml -o r.db --resume", "0 of 0 runs");
	expect_equal("whole.db", "r.db");
}

Test(sweep, ctrl_c_keeps_what_is_done_and_says_how_to_go_on)
{
	expect(0, "$K sweep slow.yaml -o whole.db -q");
	expect_text(130, "$K sweep slow.yaml -o r.db -j 1 & P=$!; "
			 "until [ \"$(sqlite3 -readonly r.db 'select count(*) from runs' 2>/dev/null)\" -ge 1 ] 2>/dev/null " ENOUGH "; do :; done; "
			 "kill -TERM $P; wait $P", "kmemsim sweep slow.yaml -o r.db -j 1 --resume");
	expect(0, "test ! -e r.db-wal");
	expect(0, "$K sweep slow.yaml -o r.db --resume -q");
	expect_equal("whole.db", "r.db");
}

Test(sweep, sigusr1_shows_how_far_it_is_and_the_bar_is_no_wider_than_the_terminal)
{
	expect_text(0, "$K sweep slow.yaml -o r.db -j 1 -q & P=$!; "
		       "until [ \"$(sqlite3 -readonly r.db 'select count(*) from runs' 2>/dev/null)\" -ge 1 ] 2>/dev/null " ENOUGH "; do :; done; "
		       "kill -USR1 $P; wait $P", " of 6 runs, ");
	expect(0, "script -qec 'stty cols 40; $K sweep slow.yaml -o q.db -j 1' /dev/null < /dev/null | tr '\\r' '\\n' |"
		  " grep -o 'sweep: .*' | awk 'length > 39 { bad = 1 } END { exit bad || !NR }'");
}

/* It can be pasted into a shell. */
Test(sweep, the_command_that_goes_on_quotes_names_with_blanks)
{
	expect_text(3,
		"$K sweep s.yaml -o whole.db -q; cp s.yaml \"a sweep's.yaml\"; ulimit -f $(($(stat -c %s whole.db) / 2 / 512));"
		" $K sweep \"a sweep's.yaml\" -o 'my runs.db' -q",
		"to go on: kmemsim sweep 'a sweep'\\''s.yaml' -o 'my runs.db' --resume");
}

/* A limit of file size stands for a full disk: both are a write that fails at whatever moment. */
Test(sweep, a_full_disk_ends_it_with_one_message_keeps_what_is_done_and_resume_completes_the_same)
{
	struct run_result result;

	expect(0, "$K sweep s.yaml -o whole.db -q");
	result = run_shell("ulimit -f $(($(stat -c %%s whole.db) / 2 / 512)); $K sweep s.yaml -o r.db -q");
	cr_assert_eq(result.status, 3, "status %d: %s", result.status, result.err);
	cr_assert(strstr(result.err, "kmemsim: r.db: cannot grow"), "%s", result.err);
	cr_assert(strstr(result.err, "to go on: kmemsim sweep s.yaml -o r.db --resume"), "%s", result.err);
	run_free(&result);
	expect_text(0,
		"sqlite3 r.db \"select count(*) between 1 and 17 from runs where status = 'done'; pragma integrity_check\"",
		"1\nok");
	expect(0, "test ! -e r.db-wal");
	expect(0, "$K sweep s.yaml -o r.db -q --resume");
	expect_equal("whole.db", "r.db");
}

Test(sweep, a_disk_that_is_full_at_once_leaves_no_file)
{
	expect_text(3, "(ulimit -f 20; $K sweep s.yaml -o r.db -q)", "r.db: cannot be made");
	expect(0, "test -z \"$(ls | grep r.db)\"");
}

/* Root may write everything: another user tries. */
#define AS_NOBODY "$([ $(id -u) = 0 ] && echo setpriv --reuid=65534 --clear-groups) $K "

Test(sweep, a_read_only_database_is_told_before_anything_runs_and_is_left_as_it_was)
{
	struct run_result result = run_shell("chmod 755 . && " AS_NOBODY "--version");

	if (result.status)
		cr_skip_test("no user who may not write: %s", result.err);
	run_free(&result);
	expect(0, "$K sweep s.yaml -o r.db --shard 1/2 -q && cp r.db before.db && chmod 444 r.db && chmod 555 .");
	expect_text(3, AS_NOBODY "sweep s.yaml -o r.db",
		"kmemsim: r.db: cannot be written: the file or its directory is read-only");
	expect_text(3, AS_NOBODY "sweep s.yaml -o r.db --resume", "kmemsim: r.db: cannot be written");
	expect_text(3, AS_NOBODY "sweep s.yaml -o new.db", "new.db: cannot be made: Permission denied");
	expect(0,
		"chmod 755 . && cmp r.db before.db && test ! -e new.db && chmod 644 r.db && $K sweep s.yaml -o r.db --resume -q");
	expect(0, "$K sweep s.yaml -o whole.db -q");
	expect_equal("whole.db", "r.db");
}

Test(sweep, a_workload_is_as_good_as_the_trace_that_is_made_of_it)
{
	run_write("w.yaml", "kmemsim: 1\nname: w\nduration: 100 ms\nstreams:\n"
			    "  a: {event: kmalloc, size: {uniform: [8, 4000]}, gfp: GFP_KERNEL, rate: 20000, lifetime: {exponential: 5 ms}}\n");
	run_write("of-w.yaml", "name: s\nworkload: w.yaml\nvary: {grid: {cpus: [1, 2]}}\n");
	run_write("of-t.yaml", "name: s\ntrace: made.kmt\nvary: {grid: {cpus: [1, 2]}}\n");
	expect(0, "$K gen w.yaml -o made.kmt");
	expect(0, "mkdir tmp && TMPDIR=$PWD/tmp $K sweep of-w.yaml -o w.db -j 2 -q && rmdir tmp"); /* empty again */
	expect(0, "$K sweep of-t.yaml -o t.db -j 1 -q");
	expect_text(0,
		"sqlite3 w.db \"select count(distinct fingerprint), count(*), min(trace) from runs where events > 1000\"",
		"|2|w.yaml");
	expect(0,
		"for d in w t; do sqlite3 $d.db 'select trace_sha256, config_hash, fingerprint, events from runs order by 2' >$d.txt; done;"
		" cmp w.txt t.txt");
	expect_text(0, "$K sweep of-w.yaml -o w.db --resume", "2 runs, done before");
	expect_text(2, "sed -i 's/kmalloc/kmallok/' w.yaml; $K sweep of-w.yaml -o w.db", "w.yaml:5:");
	expect_text(3, "TMPDIR=/nowhere $K sweep of-w.yaml -o w.db", "no folder for the trace that is made of w.yaml");
}

Test(sweep, other_samples_or_details_are_other_runs)
{
	expect(0, "$K sweep s.yaml -o r.db -q && cp s.yaml t.yaml && echo 'samples: 7' >> t.yaml");
	expect_text(0, "$K sweep t.yaml -o r.db --resume", "18 of 18 runs");
	expect_text(0, "$K sweep s.yaml -o r.db --resume", "0 of 0 runs");
	expect(0, "echo 'detail: full' >> t.yaml");
	expect_text(0, "$K sweep t.yaml -o r.db --resume", "18 of 18 runs");
	expect_text(0, "sqlite3 r.db 'select count(*), count(distinct sampling) from runs'", "54|3");
	expect(0,
		"$K sweep t.yaml -o other.db -q && $K sweep s.yaml -o other.db -q && $K merge r.db other.db -o all.db");
	expect_text(0, "sqlite3 all.db 'select count(*) from runs'", "54");
}

Test(sweep, begins_amid_a_trace)
{
	run_write("from.yaml",
		"name: f\ntrace: t.kmt\nsamples: 10\ndetail: full\nfrom: 1000\nvary: {grid: {cpus: [1, 3], memory: [64 MiB, 96 MiB]}}\n");
	expect(0, "$K sweep from.yaml -o sweep.db");
	expect(0, "for c in 1 3; do for m in 64 96; do "
		  "$K replay t.kmt -o replay.db -q --from 1000 --sample-time 299900 --set cpus=$c --set memory=\"$m MiB\"; done; done");
	expect_equal("sweep.db", "replay.db");
	expect_text(0, "sqlite3 sweep.db 'select distinct part, events from runs'", "from 1000|2000");
	expect(0, "sed -i '/^from/d' from.yaml");
	expect_text(0, "$K sweep from.yaml -o sweep.db --resume", "4 of 4 runs");
	expect(0, "echo 'from: next week' >> from.yaml");
	expect_text(2, "$K sweep from.yaml -o sweep.db --resume", "from.yaml: from: \"next week\" is no time");
}

/* A boot of one machine, and its work in the state of another. */
Test(sweep, begins_in_a_saved_state, .timeout = 120)
{
	const char *shared = run_shared();
	char text[2000];

	if (!shared)
		cr_skip_test("no folder of captures");
	snprintf(text, sizeof(text), "$K import %s/captures/J-whatif/base/trace.dat -o j.kmt -q && "
		"$K probe %s/captures/J-whatif/slub-min-order-1/snapshots -o m.yaml -q && ln -s %s/captures/J-whatif/slub-min-order-1/snapshots saved",
		shared, shared, shared);
	expect(0, text);
	run_write("i.yaml",
		"name: i\ntrace: j.kmt\nmachine: m.yaml\nfrom: marker:WORKLOAD begin\ninitial: saved/1-after-boot\n"
		"samples: 10\ndetail: full\nrepeat: 2\n");
	expect(0, "$K sweep i.yaml -o sweep.db -j 2");
	expect(0, "T=$(sqlite3 sweep.db \"select distinct substr(sampling, 7) from runs\"); for s in 1 2; do "
		  "$K replay j.kmt -m m.yaml -o replay.db -q --seed $s --from 'marker:WORKLOAD begin' --initial saved/1-after-boot "
		  "--sample-time \"$T\"; done");
	expect_text(0,
		"for d in sweep replay; do sqlite3 $d.db 'select events, fingerprint, initial, part from runs order by seed' > $d.txt; done; "
		"cmp sweep.txt replay.txt && cat sweep.txt",
		"saved/1-after-boot|from marker:WORKLOAD begin");
	expect(0, "sed -i 's/^initial:.*/initial: nowhere/' i.yaml");
	expect_text(3, "$K sweep i.yaml -o new.db", "nowhere");
	expect(0, "test ! -e new.db");
}

Test(sweep, shards_together_are_the_sweep)
{
	expect(0, "$K sweep s.yaml -o whole.db -q");
	for (int i = 1; i <= 5; i++) {
		char command[200];

		snprintf(command, sizeof(command),
			"$K sweep s.yaml -o parts.db -q --shard %d/5; $K sweep s.yaml --dry-run --shard %d/5", i, i);
		expect(0, command);
	}
	expect_equal("whole.db", "parts.db");
	expect_text(2, "$K sweep s.yaml --shard 6/5", "expected I/N");
}

Test(sweep, without_resume_runs_are_added)
{
	expect(0, "$K sweep s.yaml -o r.db -q && $K sweep s.yaml -o r.db -q");
	expect_text(0, "sqlite3 r.db 'select count(*) from runs'", "36");
}

Test(sweep, bad_points_are_named_with_their_values_and_nothing_runs)
{
	run_write("bad.yaml",
		"trace: t.kmt\nvary: {grid: {cpus: [1, 2], page_allocator.max_order: [10, 3], page_allocator.pageblock_order: [9]}}\n");
	expect_text(2, "$K sweep bad.yaml -o r.db",
		"bad.yaml: point 2 (cpus=1 page_allocator.max_order=3 page_allocator.pageblock_order=9)");
	expect_text(2, "$K sweep bad.yaml -o r.db", "bad.yaml: point 4 (cpus=2 page_allocator.max_order=3");
	expect(0, "test ! -e r.db");
}

Test(sweep, a_mistake_in_the_machine_file_is_told_once)
{
	run_write("m.yaml", "cpsu: 4\n");
	run_write("bad.yaml", "trace: t.kmt\nmachine: m.yaml\nvary: {grid: {cpus: [1, 2]}}\n");
	expect_text(2, "$K sweep bad.yaml --parse-only",
		"kmemsim: m.yaml:1:1: error: unknown key cpsu; did you mean cpus?");
	expect_text(0, "$K sweep bad.yaml --parse-only 2>&1 | grep -c unknown", "1\n");
}

Test(sweep, dry_run_lists_the_runs_and_writes_nothing)
{
	expect_text(0, "$K sweep s.yaml -o r.db --dry-run", "18 cpus=4 slab.max_order=3 repeat=2");
	expect_text(0, "$K sweep s.yaml -o r.db --dry-run", "18 runs");
	expect(0, "test ! -e r.db");
}

Test(sweep, dry_run_as_json_is_for_programs)
{
	expect_text(0,
		"$K sweep s.yaml --dry-run --json --shard 2/5 >plan.json; sqlite3 :memory: \"WITH p AS (SELECT readfile('plan.json') AS j)"
		" SELECT j->'runs', j->'points', json_array_length(j->'list'), j->'list'->0->>'number', j->'list'->0->>'what' FROM p\"",
		"4|18|4|2|cpus=1 slab.max_order=0 repeat=2");
}

/* Both shards' runs are too long; the first one's are made after all, the second one's stay what they were. */
Test(sweep, resume_forgets_only_what_it_runs_again)
{
	run_write("late.yaml",
		"name: s\ntrace: t.kmt\nmachine: {memory: 64 MiB}\nsamples: 5000\ntimeout: 1 ms\nvary: {grid: {cpus: [1, 2, 3, 4]}}\n");
	expect(1, "$K sweep late.yaml -o r.db -q 2> /dev/null");
	expect(0, "sed /timeout/d late.yaml > s.yaml; $K sweep s.yaml -o r.db --shard 1/2 --resume -q");
	expect_text(0, "sqlite3 r.db \"select group_concat(value || ' ' || status, ', ') from"
		       " (select * from runs join run_params using (run_id) where key = 'cpus' order by value)\"",
		"1 done, 2 failed, 3 done, 4 failed\n");
}

Test(sweep, resume_into_an_empty_file_runs_all)
{
	expect(0, ": >r.db");
	expect_text(0, "$K sweep s.yaml -o r.db --resume", "18 of 18 runs");
	expect_text(2, ": >e.db; $K query e.db runs", "e.db: is empty: no run has been recorded into it yet");
}

Test(sweep, resume_goes_on_in_a_database_of_an_older_schema)
{
	expect(0,
		"$K sweep s.yaml -o r.db -q --shard 1/2 && sqlite3 r.db \"drop table reclaim_events; pragma user_version = 1\"");
	expect_text(0, "$K sweep s.yaml -o r.db --resume", "had        9 runs");
	expect(0, "$K sweep s.yaml -o whole.db -q");
	expect_equal("whole.db", "r.db");
}

Test(sweep, without_a_name_it_has_that_of_its_file)
{
	expect(0,
		"mkdir d; printf 'trace: ../t.kmt\\nvary: {grid: {cpus: [1]}}\\n' > d/two.cpus.yaml; $K sweep d/two.cpus.yaml");
	expect_text(0, "sqlite3 two.cpus.db \"select value from run_params where key = 'sweep'\"", "two.cpus\n");
}

Test(sweep, dash_is_standard_input)
{
	expect_text(0, "$K sweep - -o r.db < s.yaml", "18 of 18 runs");
	expect_text(0, "$K sweep s.yaml -o r.db --resume", "had        18 runs");
	expect_text(0, "sed 1d s.yaml | $K sweep - --dry-run --json", "\"runs\": 18");
	expect_text(2, "echo 'tarce: x' | $K sweep -", "standard input:1:1: error: unknown key");
}

Test(sweep, the_command_that_shows_failed_runs_can_be_pasted)
{
	run_write("late.yaml", "trace: t.kmt\nmachine: {memory: 64 MiB}\nsamples: 5000\ntimeout: 1 ms\n");
	expect_text(1, "$K sweep late.yaml -o 'my runs.db'", "(kmemsim query 'my runs.db' runs)");
}

Test(sweep, resume_refuses_another_trace)
{
	expect(0, "$K sweep s.yaml -o r.db -q");
	expect(0, MAKE_TRACE("t.kmt", 3100));
	expect_text(2, "$K sweep s.yaml -o r.db --resume", "another trace");
}

Test(sweep, what_cannot_be_opened_is_told_before_anything_runs)
{
	expect_text(3, "$K sweep nowhere.yaml", "nowhere.yaml: there is no such file");
	run_write("x.yaml", "trace: nowhere.kmt\n");
	expect_text(3, "$K sweep x.yaml", "nowhere.kmt");
	expect(0, "head -c 2000 t.kmt > cut.kmt; echo 'trace: cut.kmt' > x.yaml");
	expect(2, "$K sweep x.yaml -o r.db -q");
	expect_text(2, "echo not a database > r.db; $K sweep s.yaml -o r.db", "r.db");
}

/* Also of a trace that comes last, and whose damage only decoding it finds. */
Test(sweep, what_is_wrong_with_a_trace_is_told_before_anything_runs)
{
	static const char *const files[] = { "cut.yaml", "bad.yaml", "from.yaml" };
	static const char *const texts[] = { "cut off", "bad.kmt",
		"from.yaml: from: t.kmt: the trace has no marker \"nowhere\"" };
	static const char *const ways[] = { "", " --dry-run", " --parse-only" };
	char command[256];

	expect(0, "head -c 2000 t.kmt > cut.kmt; cp t.kmt bad.kmt;"
		" printf '\\377\\0\\377\\0' | dd of=bad.kmt bs=1 seek=$(($(stat -c %s t.kmt) / 2)) conv=notrunc 2> /dev/null");
	run_write("cut.yaml", "traces: [t.kmt, cut.kmt]\n");
	run_write("bad.yaml", "traces: [t.kmt, bad.kmt]\n");
	run_write("from.yaml", "trace: t.kmt\nfrom: marker:nowhere\n");
	for (size_t i = 0; i < 9; i++) {
		snprintf(command, sizeof(command), "$K sweep %s -o r.db%s", files[i / 3], ways[i % 3]);
		expect_text(2, command, texts[i / 3]);
		expect(1, "test -e r.db");
		snprintf(command, sizeof(command), "$K sweep %s -o r.db%s 2>&1 | grep -e --resume", files[i / 3],
			ways[i % 3]);
		expect(1, command);
	}
}

Test(sweep, json_summary_counts_runs)
{
	struct run_result result = run_shell("$K sweep s.yaml -o r.db --json");

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_eq(run_number(result.out, "runs"), 18);
	cr_assert_eq(run_number(result.out, "done"), 18);
	cr_assert_eq(run_number(result.out, "failed"), 0);
	run_free(&result);
}

/*
 * A part of each: every fourth run, or every sixteenth when it
 * has to be quick. None fails but where that is what it shows.
 */
Test(sweep, what_ships_runs, .timeout = 300)
{
	const char *source = getenv("KMEMSIM_SOURCE");
	char text[1024];

	snprintf(text, sizeof(text), "%s/traces/samples/boot-pc-256m.kmt", source);
	if (access(text, R_OK) < 0)
		cr_skip_test("the sample traces are not there");
	snprintf(text, sizeof(text),
		"for s in %s/configs/sweeps/*.yaml; do $K sweep $s --parse-only && $K sweep $s -o all.db -q --shard 1/%d || exit; "
		"done",
		source, getenv("KMEMSIM_FAST") ? 16 : 4);
	expect(0, text);
	expect_text(0, "sqlite3 all.db \"select count(*) from runs where status <> 'done'\"", "0");
	snprintf(text, sizeof(text), "N=$(ls %s/configs/sweeps/*.yaml | wc -l); sqlite3 all.db "
		"\"select count(distinct value) = $N from run_params where key = 'sweep'\"", source);
	expect_text(0, text, "1");
}

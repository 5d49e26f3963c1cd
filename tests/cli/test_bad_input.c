/* Bad input is normal: one clear message, the documented exit status, nothing half-written. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/cli/run.h"

TestSuite(bad_input, .init = run_enter, .fini = run_leave);

/* The command must end with @status and say @text on standard error. */
static void expect_failure(int status, const char *text, const char *command)
{
	struct run_result result = run_shell("%s", command);

	cr_assert_eq(result.status, status, "%s: status %d, not %d: %s", command, result.status, status, result.err);
	cr_assert_not_null(strstr(result.err, text), "%s: no \"%s\" in: %s", command, text, result.err);
	run_free(&result);
}

/* A small trace, t.kmt. */
static void make_trace(int events)
{
	struct run_result result = run_shell(
		"for i in $(seq %d); do echo \"{\\\"event\\\":\\\"kmalloc\\\",\\\"id\\\":$i,\\\"size\\\":$i,\\\"gfp\\\":\\\"GFP_KERNEL\\\"}\"; done | "
		"$K import - -o t.kmt --quiet",
		events);

	cr_assert_eq(result.status, 0, "%s", result.err);
	run_free(&result);
}

Test(bad_input, no_verb_and_an_unknown_verb_are_usage_errors)
{
	expect_failure(2, "Usage: kmemsim", "$K");
	expect_failure(2, "unknown verb \"relpay\"", "$K relpay x");
	expect_failure(2, "which trace", "$K replay");
}

Test(bad_input, a_missing_trace_names_the_file)
{
	expect_failure(3, "nowhere.kmt", "$K replay nowhere.kmt");
	expect_failure(3, "nowhere.kmt", "$K info nowhere.kmt");
}

Test(bad_input, empty_and_foreign_files_are_not_traces)
{
	run_write("empty.kmt", "");
	run_write("foreign.kmt", "#!/bin/sh\necho this is no trace\n");
	expect_failure(2, "empty.kmt", "$K replay empty.kmt");
	expect_failure(2, "foreign.kmt", "$K replay foreign.kmt");
	expect_failure(2, "foreign.gz", "gzip -c foreign.kmt >foreign.gz; $K info foreign.gz");
	expect_failure(2, "foreign.kmt", "$K import foreign.kmt -o x.kmt");
	cr_assert_neq(access("x.kmt", F_OK), 0, "nothing may appear under the output's name");
}

/* Nothing of them can be replayed, and a script would not see that from an empty trace. */
Test(bad_input, a_recording_of_nothing_is_no_trace)
{
	run_write("header.txt", "# tracer: nop\n#\n");
	run_write("ticks.txt", "# tracer: nop\n#\n a-1 [000] ..... 123456: kfree: call_site=f+0x1 ptr=0x10\n");
	run_write("other.txt", " a-1 [000] 1.5: sched_wakeup: x=1\n a-1 [000] 1.6: sched_wakeup: x=1\n");
	run_write("short.txt", " a-1 [000] 1.5: kmalloc: size=1\n");
	run_write("rows.jsonl", "{\"event\":\"kmaloc\",\"id\":1}\n");
	expect_failure(2, "header.txt: cannot be imported: it holds no event", "$K import header.txt -o x.kmt");
	expect_failure(2,
		"ticks.txt: cannot be imported: none of its 1 lines and events can be used: time is of a clock that counts no ns",
		"$K import ticks.txt -o x.kmt");
	expect_failure(2,
		"other.txt: cannot be imported: none of its 2 lines and events can be used: unknown event sched_wakeup",
		"$K import other.txt -o x.kmt");
	expect_failure(2,
		"short.txt: cannot be imported: none of its 1 lines and events can be used: kmalloc: ptr= is missing",
		"$K import short.txt -o x.kmt");
	expect_failure(2, "rows.jsonl: cannot be imported: none of its 1 lines and events can be used: ",
		"$K import rows.jsonl -o x.kmt");
	cr_assert_neq(access("x.kmt", F_OK), 0, "nothing may appear under the output's name");
}

#define FREE_AT(time) " a-1 [000] " time ": kfree: call_site=f+0x1 ptr=0x10\n"

Test(bad_input, parts_in_the_wrong_order_are_refused)
{
	run_write("1.txt", FREE_AT("1.5") FREE_AT("2.5"));
	run_write("2.txt", FREE_AT("2.4") FREE_AT("5.5"));
	run_write("qemu.log", "cpu_out addr 0x70(b) value 143\n");
	expect_failure(2, "1.txt: all of it is earlier than the end of 2.txt", "$K import 2.txt 1.txt -o x.kmt");
	expect_failure(0, "1  time before that of the event before", "$K import 1.txt 2.txt -o x.kmt");
	expect_failure(0, "", "$K import 1.txt qemu.log -o x.kmt -q");
}

/* What comes of it looks like a trace. */
Test(bad_input, files_of_single_cpus_one_behind_the_other_are_said_to_be_in_no_order)
{
	run_write("cpus.txt", FREE_AT("1.5") FREE_AT("9.5") FREE_AT("1.6") FREE_AT("9.6"));
	run_write("near.txt", FREE_AT("1.5") FREE_AT("1.4") FREE_AT("9.6"));
	expect_failure(0, "ORDER        1 events", "$K import cpus.txt -o x.kmt");
	expect_failure(1, "", "$K import near.txt -o y.kmt 2>&1 | grep ORDER");
	expect_failure(0, "", "$K info x.kmt | grep -q '^ORDER .* 1 events'");
}

Test(bad_input, a_byte_order_mark_is_no_part_of_the_text)
{
	run_write("m.yaml", "\xef\xbb\xbfkmemsim: 1\n");
	run_write("t.txt", "\xef\xbb\xbf" FREE_AT("1.5"));
	run_write("t.csv", "\xef\xbb\xbf" "event,id,size,gfp\nkmalloc,1,64,GFP_KERNEL\n");
	run_write("t.jsonl", "\xef\xbb\xbf{\"event\":\"kmalloc\",\"id\":1,\"size\":8,\"gfp\":\"GFP_KERNEL\"}\n");
	run_write("measured.csv", "\xef\xbb\xbfop,duration_ns\nkmalloc,100\nkmalloc,110\n");
	expect_failure(0, "",
		"for t in t.txt t.csv t.jsonl; do $K import --strict $t -o x.kmt -q || exit; $K info x.kmt --json >i.json || exit; "
		"grep -q '\"events\": 1[^0-9]' i.json || { cat i.json >&2; exit 1; }; done; $K replay x.kmt -m m.yaml -q");
	expect_failure(0, "", "$K calibrate measured.csv -q");
}

Test(bad_input, a_cut_off_trace_replays_what_is_whole_and_warns)
{
	struct run_result result;

	make_trace(2000);
	result = run_shell("head -c $(($(stat -c %%s t.kmt) - 200)) t.kmt >cut.kmt; $K replay cut.kmt --json");
	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_not_null(strstr(result.err, "warning"), "%s", result.err);
	run_free(&result);
}

Test(bad_input, a_flipped_bit_is_never_replayed_silently)
{
	make_trace(2000);
	for (int at = 40; at < 100; at += 7) {
		struct run_result result = run_shell(
			"s=$(stat -c %%s t.kmt); cp t.kmt flip.kmt; o=$((s * %d / 100)); "
			"b=$(od -An -tu1 -j$o -N1 t.kmt); printf \"\\\\$(printf %%o $((b ^ 4)))\" | "
			"dd of=flip.kmt bs=1 seek=$o conv=notrunc 2>/dev/null; $K replay flip.kmt --json",
			at);

		cr_assert(result.status == 2 || strstr(result.err, "warning") ||
				run_number(result.out, "events") == 2000,
			"byte at %d %%: status %d, %s%s", at, result.status, result.out, result.err);
		cr_assert_leq(result.status, 2, "%s", result.err);
		run_free(&result);
	}
}

/* A damaged trace says nothing of the callers behind the damage; one that is cut off is whole up to there. */
Test(bad_input, lint_of_a_damaged_trace_is_no_verdict)
{
	struct run_result result = run_shell(
		"$K gen $KMEMSIM_SOURCE/configs/workloads/network-server.yaml --events 200000 -o t.kmt -q && "
		"head -c $(($(stat -c %%s t.kmt) / 2)) t.kmt > cut.kmt && cp t.kmt bad.kmt && "
		"printf XXXXXXXX | dd of=bad.kmt bs=1 seek=$(($(stat -c %%s t.kmt) / 2)) conv=notrunc 2>/dev/null; "
		"$K lint cut.kmt -q; echo $?; $K lint bad.kmt -q; echo $?");

	cr_expect_str_eq(result.out, "0\n2\n", "%s", result.err);
	cr_expect(strstr(result.err, "cut.kmt: the file is cut off") && strstr(result.err, "bad.kmt: block"), "%s",
		result.err);
	run_free(&result);
}

Test(bad_input, a_typo_in_the_machine_names_file_line_column_and_the_nearest_key)
{
	make_trace(10);
	run_write("m.yaml", "kmemsim: 1\nname: x\nmemroy: 512 MiB\n");
	expect_failure(2, "m.yaml:3:1: error: unknown key memroy; did you mean memory?", "$K replay t.kmt -m m.yaml");
	expect_failure(2, "did you mean", "$K replay t.kmt --set page_allocator.max_ordr=3");
}

Test(bad_input, an_interval_of_nothing_is_refused)
{
	make_trace(10);
	expect_failure(2, "--sample-time 0: expected more than 0", "$K replay t.kmt --sample-time 0");
	expect_failure(2, "--sample-events 0: expected at least one event", "$K replay t.kmt --sample-events 0");
	expect_failure(2, "--check 0: expected at least one event", "$K replay t.kmt --check=0");
}

Test(bad_input, a_forgotten_unit_of_the_sampling_is_said)
{
	run_write("t.jsonl", "{\"event\":\"kmalloc\",\"id\":1,\"size\":8,\"gfp\":\"GFP_KERNEL\"}\n"
			     "{\"event\":\"kfree\",\"id\":1,\"time_ns\":20000000000}\n");
	expect_failure(0, "up to 4000000000 samples",
		"$K import t.jsonl -o t.kmt -q; $K replay t.kmt -o r.db --parse-only --sample-time 5");
	expect_failure(0, "",
		"$K replay t.kmt -o r.db --parse-only --sample-time '5 s' 2>&1 | grep samples | wc -l | grep -q 0");
}

Test(bad_input, an_output_that_cannot_be_written_is_an_io_error)
{
	make_trace(10);
	expect_failure(3, "/proc/nothing.db", "$K replay t.kmt -o /proc/nothing.db");
	expect_failure(3, "/proc/nothing.kmt", "$K import t.kmt.jsonl -o /proc/nothing.kmt 2>&1 >&2 || "
					       "{ $K cat t.kmt --format jsonl >t.jsonl; $K import t.jsonl -o /proc/nothing.kmt; }");
	expect_failure(2, "t.kmt", "$K replay t.kmt -o t.kmt");
	expect_failure(2, "-: results are a database", "$K replay t.kmt -o -");
	expect_failure(2, "-: results are a database", "$K lint t.kmt -o -");
	expect_failure(2, "-: results are a database", "$K replay t.kmt -o r.db -q && $K merge r.db -o -");
	expect_failure(2, "-: results are a database", "$K query - runs < r.db");
	expect_failure(0, "", "test ! -e ./-");
	/* The system's own reason, not what the database library met while trying otherwise. */
	expect_failure(3, "t.kmt/x.db: cannot be made: Not a directory", "$K replay t.kmt -o t.kmt/x.db");
}

Test(bad_input, a_full_disk_leaves_nothing_half_written)
{
	make_trace(10);
	expect_failure(3, "standard output", "$K cat t.kmt --format csv >/dev/full");
	expect_failure(3, "full.db", "ulimit -f 8; trap '' XFSZ; $K replay t.kmt -o full.db --sample-events 1");
}

/*
 * Sleeps, and has a handler for SIGINT, which is bit 1 of the
 * mask: the signal comes while it waits for more to read.
 */
#define WAITS_FOR_INPUT "grep -q '^State:.S' /proc/$P/status && grep -q '^SigCgt:.*[2367abef]$' /proc/$P/status"

Test(bad_input, ctrl_c_ends_an_import_that_leaves_nothing_behind)
{
	/* A pipe that does not end while the shell has it open. */
	struct run_result result = run_shell("mkfifo p; $K import - -o never.kmt <p & P=$!; exec 3>p;"
		" echo '{\"event\":\"kmalloc\",\"id\":1,\"size\":8,\"gfp\":\"GFP_KERNEL\"}' >&3;"
		" for i in $(seq 300); do " WAITS_FOR_INPUT " && break; sleep .1; done; kill -INT $P; wait $P; S=$?; ls -A | grep never; exit $S");

	cr_expect_eq(result.status, 130, "status %d", result.status);
	cr_expect_not_null(strstr(result.err, "interrupted"), "%s", result.err);
	cr_expect_str_empty(result.out, "%s", result.out);
	run_free(&result);
}

/* 31 years, in which only daemons have work, and samples are taken. */
Test(bad_input, ctrl_c_ends_a_wait_for_an_event_that_is_far_away)
{
	static const char *const samples[] = { "", "--sample-time 1us" };

	run_write("t.jsonl",
		"{\"event\":\"alloc_pages\",\"id\":1,\"order\":0,\"gfp\":\"GFP_HIGHUSER_MOVABLE\",\"time_ns\":1000}\n"
		"{\"event\":\"free_pages\",\"id\":1,\"order\":0,\"time_ns\":1000000000000000000}\n");
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct run_result result = run_shell(
			"$K import t.jsonl -o t.kmt -q; timeout --foreground --preserve-status -s INT -k 20 1 "
			"$K replay t.kmt -o r.db %s",
			samples[i]);

		cr_expect_eq(result.status, 130, "status %d: %s", result.status, result.err);
		run_free(&result);
		result = run_shell("sqlite3 r.db 'select status, sim_ns < 1000000000000000000 from runs'; rm r.db");
		cr_expect_str_eq(result.out, "interrupted|1\n", "%s", result.out);
		run_free(&result);
	}
}

Test(bad_input, an_output_never_replaces_its_own_source)
{
	run_write("t.jsonl", "{\"event\":\"kmalloc\",\"id\":1,\"size\":8,\"gfp\":\"GFP_KERNEL\"}\n");
	run_write("w.yaml", "duration: 1 ms\nstreams: {}\n");
	run_write("m.csv", "op,duration_ns\nkmalloc,100\n");
	expect_failure(2, "t.jsonl: this is the source", "$K import t.jsonl -o t.jsonl");
	expect_failure(2, "./t.jsonl: this is the source", "$K import t.jsonl -o ./t.jsonl");
	expect_failure(2, "link: this is the source", "ln -s t.jsonl link; $K import t.jsonl -o link");
	expect_failure(2, "w.yaml: this is the source", "$K gen w.yaml -o w.yaml");
	expect_failure(2, "m.csv: this is the source", "$K calibrate m.csv -o m.csv");
	expect_failure(0, "", "grep -q kmalloc t.jsonl && grep -q duration w.yaml && grep -q op,duration_ns m.csv");
}

/* As root, a rename over /dev/null would take it from everybody. */
Test(bad_input, an_output_that_is_a_pipe_or_a_device_stays_one)
{
	static const char *const writers[] = { "probe -q -o", "import t.jsonl -q -o", "report r.db --html",
		"calibrate m.csv -q -o" };

	make_trace(2);
	run_write("t.jsonl", "{\"event\":\"kmalloc\",\"id\":1,\"size\":8,\"gfp\":\"GFP_KERNEL\"}\n");
	run_write("m.csv", "op,duration_ns\nkmalloc,100\n");
	expect_failure(0, "", "$K replay t.kmt -o r.db -q && mkfifo p");
	for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
		char command[256];

		snprintf(command, sizeof(command), "cat p > got & $K %s p && wait && test -p p && test -s got",
			writers[i]);
		expect_failure(0, "", command);
	}
	expect_failure(3, "full: cannot write: No space left on device",
		"ln -s /dev/full full; $K report r.db --html full");
	expect_failure(0, "", "test -c full");
}

Test(bad_input, what_cannot_be_a_results_database_is_named)
{
	make_trace(2);
	expect_failure(3, "d: is a directory, expected a results database", "mkdir d; $K report d");
	expect_failure(3, "d: is a directory, expected a results database", "$K replay t.kmt -o d");
	expect_failure(3, "d: is a directory, expected a results database", "$K merge d -o r.db");
	expect_failure(3, "p: is a pipe or a device, expected a results database", "mkfifo p; $K replay t.kmt -o p");
	expect_failure(3, "p: is a pipe or a device, expected a results database", "$K report p");
}

Test(bad_input, parse_only_knows_all_that_a_run_would_refuse)
{
	make_trace(2);
	expect_failure(2, "no allocator is called slubb; there are: slub, slab, slob",
		"$K replay t.kmt --set slab.allocator=slubb --parse-only");
	expect_failure(2, "no allocator is called slubb; there are: slub, slab, slob",
		"$K replay t.kmt --set slab.allocator=slubb");
	expect_failure(0, "", "$K replay t.kmt --parse-only");
	run_write("s.yaml",
		"name: s\nmachine: {}\ntrace: t.kmt\nvary: {grid: {slab.allocator: [slub, slubb], cpus: [1, 2]}}\n");
	expect_failure(2, "no allocator is called slubb; there are: slub, slab, slob", "$K sweep s.yaml -o s.db");
	expect_failure(0, "", "test ! -e s.db");
}

Test(bad_input, a_part_of_the_trace_that_holds_nothing_is_warned_of)
{
	make_trace(20);
	expect_failure(0, "no event was replayed: it has 20, and --from, --to, --skip or --limit leave none"
		" (a time without a unit is in ns)", "$K replay t.kmt --skip 20 -q");
}

/* The kernel takes such a figure as it is, and then no task gets memory. */
Test(bad_input, a_reserve_that_leaves_nothing_is_warned_of)
{
	make_trace(3);
	expect_failure(0,
		"warning: the low watermark of zone DMA32 is 55.8 MiB, of 48.0 MiB that it has: little or nothing is left for requests"
		" (page_allocator.min_free_kbytes)",
		"$K replay t.kmt --set memory='64 MiB' --set page_allocator.min_free_kbytes=60000 -q");
	expect_failure(0, "",
		"test -z \"$($K replay t.kmt --set memory='64 MiB' --set page_allocator.min_free_kbytes=10000 -q 2>&1)\"");
	/* Before hours are spent, and of many runs of a sweep once. */
	expect_failure(0, "warning: the low watermark",
		"$K replay t.kmt --set memory='64 MiB' --set page_allocator.min_free_kbytes=60000 --parse-only");
	expect_failure(2, "warning: the low watermark",
		"$K replay t.kmt --set memory='64 MiB' --set page_allocator.min_free_kbytes=60000 --from marker:none");
	run_write("s.yaml",
		"name: s\nmachine: {memory: 64 MiB}\ntrace: t.kmt\nvary: {grid: {page_allocator.min_free_kbytes: [60000, 50000, auto], cpus: [1, 2]}}\n");
	expect_failure(0,
		"warning: run 1 (page_allocator.min_free_kbytes=60000 cpus=1): the low watermark of zone DMA32 is 55.8 MiB",
		"$K sweep s.yaml -o s.db -j 1 -q");
	expect_failure(0, "", "test \"$($K sweep s.yaml -o s2.db -q 2>&1 | grep -c 'low watermark')\" = 1");
}

Test(bad_input, a_part_of_no_length_is_no_whole_trace)
{
	make_trace(20);
	expect_failure(2, "--limit 0: expected at least one event", "$K replay t.kmt --limit 0 -q");
	expect_failure(2, "--limit 0: expected at least one event", "$K cat t.kmt --limit 0");
	expect_failure(2, "--to 0: expected a time after the beginning", "$K replay t.kmt --to 0 -q");
	expect_failure(2, "--to 0ms: expected a time after the beginning", "$K cat t.kmt --to 0ms");
}

Test(bad_input, help_that_does_not_arrive_is_an_io_error)
{
	expect_failure(3, "standard output: No space left on device", "$K replay --help >/dev/full");
	expect_failure(3, "standard output: No space left on device", "$K help import >/dev/full");
	expect_failure(0, "", "{ $K replay --help; echo $? >&2; } | head -1 >/dev/null");
}

Test(bad_input, a_message_holds_no_bytes_that_command_the_terminal)
{
	struct run_result result = run_shell(
		"printf 'name: x\\033[31m\\233\\302\\233\\303\\251 \\377' >m.yaml; $K replay x.kmt -m m.yaml; "
		"$K info $(printf 'n\\033[31m\\377.kmt')");

	cr_expect_null(strpbrk(result.err, "\033\233\377"), "%s", result.err);
	cr_expect(strstr(result.err, "\303\251") && strstr(result.err, "n?[31m?.kmt"), "%s", result.err);
	run_free(&result);
}

Test(bad_input, a_cut_off_gzip_stream_is_named_by_its_file)
{
	expect_failure(2, "t.gz: the gzip stream is damaged or cut off: unexpected end of file",
		"for i in $(seq 2000); do echo \" a-1 [000] 1.$i: kfree: call_site=f+0x1 ptr=0x$i\"; done | gzip | head -c 1000 >t.gz; "
		"$K import t.gz -o x.kmt");
}

Test(bad_input, text_that_is_no_utf8_stays_out_of_json)
{
	struct run_result result = run_shell(
		"printf '# tracer: nop\\n#\\n p\\377-1  [000] .....  1.000001: kfree: call_site=f\\376+0x1/0x2 ptr=0000000000000010\\n"
		" p\\377-1  [000] .....  1.000002: kfree: call_site=f\\376+0x1/0x2 ptr=0000000000000010\\n' >t.txt;"
		" $K import t.txt -o n\\\\377.kmt -q; mv n* $(printf 'n\\377.kmt'); $K lint $(printf 'n\\377.kmt') --json");

	cr_expect(strstr(result.out, "\"trace\": \"n\\ufffd.kmt\""), "%s%s", result.out, result.err);
	cr_expect_null(strpbrk(result.out, "\377\376"), "%s", result.out);
	run_free(&result);
}

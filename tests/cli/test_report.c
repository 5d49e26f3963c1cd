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
		fprintf(file,
			"{\"event\":\"alloc_pages\",\"id\":%d,\"order\":0,\"gfp\":\"%s\",\"pid\":%d,\"comm\":\"eater\"}\n",
			i, pid ? "GFP_HIGHUSER_MOVABLE" : "GFP_KERNEL", pid);
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
	const char *at = strstr(report, what), *from = strstr(report, "What stands out"),
		   *to = strstr(report, "Memory at the end");

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

Test(report, tables_fit_in_columns_that_the_environment_tells)
{
	struct run_result result;

	write_trace(10, 7);
	run_ok("$K import t.jsonl -o t.kmt -q && $K replay t.kmt -o r.db -q && $K replay t.kmt --set memory='16 MiB' -o r.db -q");
	result = shell_ok(
		"export COLUMNS=80; for i in runs latency 'counters --limit 9'; do $K query r.db $i; done; $K compare r.db 1 2 ||"
		" test $? = 1; $K report r.db");
	for (char *save, *line = strtok_r(result.out, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		cr_expect(strlen(line) <= 80 || strstr(line, "█") || strstr(line, "│") || strstr(line, "kmemsim query"),
			"%s", line);
	run_free(&result);
	result = shell_ok(
		"$K query r.db runs >wide; COLUMNS=80 $K query r.db runs --csv >narrow.csv; $K query r.db runs --csv | cmp - narrow.csv;"
		" head -1 wide");
	cr_expect_gt(strlen(result.out), 100, "%s", result.out);
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
	cr_expect(strstr(result.out, "OOM        1 task was ended by the OOM killer"), "the summary of replay: %s",
		result.out);
	run_free(&result);
}

Test(report, says_that_only_a_part_was_replayed)
{
	struct run_result result;

	write_trace(10, 0);
	result = shell_ok("$K import t.jsonl -o t.kmt -q && $K replay t.kmt --limit 3 -o r.db -q && $K report r.db");
	cr_expect(strstr(result.out, "\n  Part         limit 3\n"), "%s", result.out);
	run_free(&result);
	result = shell_ok("$K report r.db --json && $K query r.db runs --csv");
	cr_expect(strstr(result.out, "\"part\": \"limit 3\"") && strstr(result.out, "initial,part,"), "%s", result.out);
	run_free(&result);
}

/* Of what had failed when recorded one has room now, and one asks for more than there is. */
Test(report, the_summary_says_what_failed_again)
{
	static const char large[] = "{\"event\":\"alloc_pages\",\"id\":%d,\"order\":10,\"gfp\":\"GFP_NOWAIT\"}\n";
	struct run_result result;
	FILE *file = fopen("t.jsonl", "w");

	cr_assert_not_null(file);
	for (int i = 0; i < 4; i++)
		fprintf(file, large, i); /* three fit */
	fclose(file);
	result = replay_on_16_mib();
	cr_expect(strstr(result.out, "failed     1 allocations\n"), "%s", result.out);
	expect_finding(result.out, "failed most often at order 10: once in node 0");
	run_free(&result);
	file = fopen("t.jsonl", "a");
	cr_assert_not_null(file);
	fputs("{\"event\":\"alloc_pages\",\"order\":0,\"gfp\":\"GFP_KERNEL\",\"failed\":true}\n"
	      "{\"event\":\"alloc_pages\",\"order\":10,\"gfp\":\"GFP_NOWAIT\",\"failed\":true}\n", file);
	fclose(file);
	result = replay_on_16_mib();
	cr_expect(strstr(result.out, "failed     1 allocations, and 1 of the 2 that had failed when recorded\n"), "%s",
		result.out);
	expect_finding(result.out, "2 of 6 allocations failed (");
	expect_finding(result.out, "failed most often at order 10: 2 times in node 0");
	run_free(&result);
}

Test(report, a_call_that_is_refused_is_no_failed_allocation)
{
	struct run_result result;

	run_write("t.jsonl", "{\"event\":\"request_region\",\"start\":1024,\"size\":8,\"name\":\"a\"}\n"
			     "{\"event\":\"request_region\",\"start\":1024,\"size\":8,\"name\":\"b\"}\n"
			     "{\"event\":\"release_region\",\"start\":1024,\"size\":4}\n"
			     "{\"event\":\"kmalloc\",\"id\":1,\"size\":8}\n{\"event\":\"vfree\",\"id\":1}\n");
	result = replay_on_16_mib();
	expect_finding(result.out, "Mistakes of the callers: ");
	cr_expect_null(strstr(result.out, "allocations failed ("), "%s", result.out);
	run_free(&result);
}

/* The table of violations has the first thousand of a rule. */
Test(report, all_breaches_of_a_rule_are_counted)
{
	struct run_result result;
	FILE *file = fopen("t.jsonl", "w");

	cr_assert_not_null(file);
	fputs("{\"event\":\"kmalloc\",\"id\":1,\"size\":8}\n{\"event\":\"kfree\",\"id\":1}\n", file);
	for (int i = 0; i < 1234; i++)
		fputs("{\"event\":\"inb\",\"port\":112}\n", file);
	cr_assert_eq(fclose(file), 0);
	result = replay_on_16_mib();
	cr_expect_not_null(strstr(result.out, "port_unclaimed  warning   1 234"), "%s", result.out);
	run_free(&result);
	result = shell_ok(
		"sqlite3 r.db \"SELECT (SELECT count(*) FROM violations), name, value, unit FROM counters WHERE mechanism = 'violations'\"");
	cr_expect_str_eq(result.out, "1000|port_unclaimed warning|1234|times\n", "%s", result.out);
	run_free(&result);
	result = shell_ok("sqlite3 r.db 'SELECT violations FROM v_sweep'");
	cr_expect_str_eq(result.out, "1234\n", "%s", result.out);
	run_free(&result);
}

/* 12 KiB take 16 and no slab is there: what kmalloc rounds up is not all in slabs. */
Test(report, what_kmalloc_rounds_up_to_pages_is_not_of_slabs)
{
	struct run_result result;

	run_write("t.jsonl", "{\"event\":\"kmalloc\",\"id\":1,\"size\":12288,\"gfp\":\"GFP_KERNEL\"}\n");
	result = replay_on_16_mib();
	cr_expect_not_null(strstr(result.out, "kmalloc rounded up by 4.00 KiB, in slabs and in whole pages."),
		"%s", result.out);
	run_free(&result);
}

/* Pages that the recorded kernel's reclaim took back stay until the model's own does: they are in the table, too. */
Test(report, memory_at_the_end_adds_up)
{
	struct run_result result;

	write_trace(1000, 7);
	result = replay_on_16_mib();
	run_free(&result);
	result = shell_ok(
		"$K report r.db | sed -n '/^Memory at/,/^  of/p' | grep -o '[0-9.]* %' | awk '{ n++; s += $1 } END { print n, (s > 99 && s < 102) }'");
	cr_expect_str_eq(result.out, "8 1\n", "%s", result.out);
	run_free(&result);
}

/* Interrupts take the memory: nothing fails and nobody waits, and yet the machine is short. */
Test(report, a_zone_below_its_low_watermark_is_trouble)
{
	struct run_result result;
	FILE *file = fopen("t.jsonl", "w");

	cr_assert_not_null(file);
	for (int i = 0; i < 3700; i++)
		fprintf(file,
			"{\"event\":\"alloc_pages\",\"id\":%d,\"order\":0,\"gfp\":\"GFP_ATOMIC\",\"ctx\":\"hardirq\"}\n",
			i);
	cr_assert_eq(fclose(file), 0);
	result = replay_on_16_mib();
	expect_finding(result.out, "was below its low watermark in");
	cr_expect_null(strstr(result.out, "no zone fell below"), "%s", result.out);
	cr_expect_null(strstr(result.out, "allocations failed ("), "%s", result.out);
	run_free(&result);
}

Test(report, a_machine_on_which_the_kernel_panics_is_called_too_small)
{
	struct run_result result;

	write_trace(6000, 0);
	result = replay_on_16_mib();
	expect_finding(result.out, "no task was left that the OOM killer could end");
	expect_finding(result.out, "was below its low watermark in");
	cr_expect(strstr(result.out, "times nobody was left to be ended: the kernel panics at the first"), "%s",
		result.out);
	run_free(&result);
}

Test(report, a_table_that_is_cut_says_how_to_see_the_rest)
{
	FILE *file = fopen("t.jsonl", "w");
	struct run_result result;

	cr_assert_not_null(file);
	for (int i = 0; i < 20; i++)
		fprintf(file,
			"{\"event\":\"kmalloc\",\"id\":%d,\"size\":100,\"gfp\":\"GFP_KERNEL\",\"call_site\":\"site_%d+0x1\"}\n",
			i, i);
	cr_assert_eq(fclose(file), 0);
	result = shell_ok(
		"$K import t.jsonl -o t.kmt -q && $K replay t.kmt -o r.db -q && $K report r.db && $K query r.db call-sites --csv");
	cr_expect(strstr(result.out, "  and 12 more: kmemsim query r.db call-sites --run 1\n"), "%s", result.out);
	cr_expect(strstr(result.out, ",site_19+0x1,kmalloc,"), "%s", result.out);
	run_free(&result);
}

Test(report, ascii_has_the_same_lines_in_ascii_alone)
{
	struct run_result plain, ascii;
	size_t lines = 0;

	write_trace(3000, 7);
	plain = replay_on_16_mib();
	ascii = shell_ok("$K report r.db --ascii");
	for (const char *c = ascii.out; *c; c++) {
		cr_assert_lt((unsigned char)*c, 0x80, "%s", c);
		lines += *c == '\n';
	}
	for (const char *c = strstr(plain.out, "\nWhat stands out"); *c; c++)
		lines -= *c == '\n';
	cr_expect_lt(lines, 12, "what stands in front of it alone may differ");
	cr_expect(strstr(ascii.out, "|####"), "%s", ascii.out);
	cr_expect_null(strstr(ascii.out, "?"), "each character of the charts has one of its own: %s", ascii.out);
	run_free(&plain);
	run_free(&ascii);
}

/* The page without its elements is the text report. */
Test(report, html_has_what_the_text_has)
{
	struct run_result plain, page, refused;
	char *text, *to;

	write_trace(3000, 7);
	plain = replay_on_16_mib();
	page = shell_ok("$K report r.db --html r.html && cat r.html && $K report r.db --html - | cmp - r.html");
	cr_assert_eq(strncmp(page.out, "<!DOCTYPE html>\n", 16), 0);
	text = to = strstr(page.out, "<pre>\n") + 6;
	for (const char *c = text; *c; c++) {
		if (*c == '<')
			c = strchr(c, '>');
		else if (!strncmp(c, "&gt;", 4) || !strncmp(c, "&lt;", 4)) {
			*to++ = c[1] == 'g' ? '>' : '<';
			c += 3;
		} else if (!strncmp(c, "&amp;", 5)) {
			*to++ = '&';
			c += 4;
		} else {
			*to++ = *c;
		}
	}
	*to = '\0';
	cr_expect(strstr(text, strstr(plain.out, "\nWhat stands out")) , "%s", text);
	refused = run_shell("$K report r.db --run 77 --html new.html; ls new.html*");
	cr_expect(strstr(refused.err, "77"), "%s", refused.err);
	cr_expect_str_eq(refused.out, "", "nothing is left of it");
	run_free(&refused);
	refused = run_shell("$K report r.db --html ./r.db");
	cr_expect(refused.status == 2 && strstr(refused.err, "this is the source"), "%s", refused.err);
	run_free(&plain);
	run_free(&page);
	run_free(&refused);
}

Test(report, two_forms_at_once_are_refused)
{
	static const char *const forms[] = { "--html r.html --json", "--ascii --html r.html", "--json --ascii" };

	struct run_result replayed;

	write_trace(10, 7);
	replayed = replay_on_16_mib();
	run_free(&replayed);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct run_result result = run_shell("$K report r.db %s; s=$?; ls r.html; exit $s", forms[i]);

		cr_expect_eq(result.status, 2, "%s", forms[i]);
		cr_expect(strstr(result.err, "--json, --html or --ascii: one of them"), "%s: %s", forms[i], result.err);
		cr_expect_str_eq(result.out, "", "%s", forms[i]);
		run_free(&result);
	}
}

Test(report, a_query_answers_for_one_run_in_the_order_it_has_for_all)
{
	struct run_result result;

	write_trace(100, 7);
	run_write("two.sh",
		"$K import t.jsonl -o t.kmt -q; for i in 1 2; do $K replay t.kmt -o r.db --seed $i -q; done;"
		" for q in latency caches counters zones call-sites violations; do $K query r.db $q --csv >all; $K query r.db $q --csv --run 2 >one;"
		" { head -1 all; grep ^2, all; } | cmp - one || echo $q differs; $K query r.db $q --run 2 --limit 1 --csv >few;"
		" head -2 one | cmp - few || echo $q --limit; done; test $(wc -l <one) -ge 1");
	result = shell_ok("export K; sh two.sh");
	cr_expect_str_eq(result.out, "");
	run_free(&result);
	result = shell_ok("$K query r.db violations");
	cr_expect(strstr(result.out, "\n(no rows)\n"), "%s", result.out);
	run_free(&result);
	result = run_shell("$K query r.db latency --run 3");
	cr_expect(result.status == 2 && strstr(result.err, "no run 3; the latest is 2"), "%s", result.err);
	run_free(&result);
	result = run_shell("$K query r.db best --run 1");
	cr_expect(result.status == 2 && strstr(result.err, "takes no --run: it is over all runs"), "%s", result.err);
	run_free(&result);
}

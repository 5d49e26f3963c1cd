/* kmemsim bisect: two machines, and two versions of the program through a file. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/cli/run.h"

TestSuite(bisect, .init = run_enter, .fini = run_leave);

/*
 * 40 objects of 1 KiB on one CPU, then a block of pages. Slabs of one page or of two lie one behind the other in
 * fresh memory, so the objects have the same addresses in both; what is left of the memory differs, and the block
 * shows it.
 */
static void make_trace(void)
{
	char jsonl[1 << 14] = "";
	size_t used = 0;
	struct run_result result;

	for (int i = 0; i < 40; i++)
		used += (size_t)snprintf(jsonl + used, sizeof(jsonl) - used,
			"{\"event\":\"kmalloc\",\"id\":%d,\"size\":1000,\"gfp\":\"GFP_KERNEL\",\"pid\":7,\"comm\":\"dd\","
			"\"call_site\":\"a_driver+0x1c\"}\n", i);
	snprintf(jsonl + used, sizeof(jsonl) - used,
		"{\"event\":\"alloc_pages\",\"id\":99,\"order\":1,\"gfp\":\"GFP_KERNEL\"}\n");
	run_write("t.jsonl", jsonl);
	result = run_shell("$K import t.jsonl -o t.kmt --quiet");
	cr_assert_eq(result.status, 0, "%s", result.err);
	run_free(&result);
}

static void expect(const char *command, int status, const char *text)
{
	struct run_result result = run_shell("%s", command);

	cr_assert_eq(result.status, status, "%s: %d: %s", command, result.status, result.err);
	cr_assert(strstr(result.out, text) || strstr(result.err, text), "no \"%s\" in:\n%s%s", text, result.out,
		result.err);
	run_free(&result);
}

Test(bisect, equal_runs_answer_0_and_runs_that_part_answer_1_with_the_event)
{
	make_trace();
	expect("$K bisect t.kmt --with-seed 1", 0, "The runs are equal: 41 events.");
	expect("$K bisect t.kmt --with-set kmalloc.max_cache_size='4 KiB'", 0, "equal");
	expect("$K bisect t.kmt --with-set slab.cpu_partial=1 --with-set kmalloc.max_size='512 KiB'", 0, "equal");
	expect("$K bisect t.kmt --set slab.max_order=0 --with-set slab.max_order=1", 1, "part after 40 equal events");
	expect("$K bisect t.kmt --set slab.max_order=0 --with-set slab.max_order=1", 1,
		"alloc_pages, order 1, GFP_KERNEL");
	expect("$K bisect t.kmt --with-set slab.freelist_random=true", 1, "part after 0 equal events");
	expect("$K bisect t.kmt --with-set slab.freelist_random=true", 1, "a_driver+0x1c");
	expect("$K bisect t.kmt --with-set slab.freelist_random=true", 1, "CPU 0, dd (pid 7)");
}

Test(bisect, json_has_the_event_and_both_sides)
{
	struct run_result result;

	make_trace();
	result = run_shell("$K bisect t.kmt --with-set slab.freelist_random=true --json --quiet");
	cr_assert_eq(result.status, 1, "%s", result.err);
	cr_assert_str_empty(result.err);
	cr_assert_eq(run_number(result.out, "compared"), 0);
	cr_assert_eq(run_number(result.out, "first"), 0);
	cr_assert_eq(run_number(result.out, "pid"), 7);
	cr_assert_eq(run_number(result.out, "size"), 1024);
	cr_assert_not_null(strstr(result.out, "\"index\": 0,"), "the first run takes the first object: %s", result.out);
	run_free(&result);
	expect("$K bisect t.kmt --with-set slab.freelist_random=true --json | python3 -m json.tool", 0, "call_site");
}

Test(bisect, a_difference_in_cost_alone_is_one_with_time)
{
	make_trace();
	expect("$K bisect t.kmt --with-set latency.slab_new='451 ns'", 0, "equal");
	expect("$K bisect t.kmt --with-set latency.slab_new='451 ns' --time", 1, "part after 0 equal events");
}

Test(bisect, saved_hashes_of_one_version_show_where_another_parts)
{
	make_trace();
	expect("$K bisect t.kmt --save h --every 10 && head -1 h && $K bisect t.kmt --against h", 0,
		"equal: 41 events");
	expect("$K bisect t.kmt --set slab.freelist_random=true --against h", 1, "within events 0 .. 9");
	expect("$K bisect t.kmt --save h --every 1 --events 10 && $K bisect t.kmt --set slab.freelist_random=true --against h",
		1, "kmalloc, 1000 bytes, GFP_KERNEL");
	expect("$K bisect t.kmt --at 40", 0, "alloc_pages, order 1, GFP_KERNEL");
	expect("$K bisect t.kmt --at 41", 2, "no event 41");
}

Test(bisect, bad_usage_and_files_that_are_no_hashes_answer_2)
{
	make_trace();
	expect("$K bisect t.kmt", 2, "compare with what?");
	expect("$K bisect - --with-seed 2", 2, "standard input");
	expect("$K bisect t.kmt --save h --with-seed 2", 2, "exclude each other");
	expect("$K bisect t.kmt --with-seed 2 --every 0", 2, "at least 1");
	expect("$K bisect t.kmt --against t.jsonl", 2, "t.jsonl: line 1: expected");
	expect("$K bisect t.kmt --save h; head -5 h >cut; $K bisect t.kmt --against cut", 2, "cut: no marks");
	expect("$K bisect t.kmt --save h; sed -i 's/^41 .*/41 oops/' h; $K bisect t.kmt --against h", 2,
		"h: line 9: expected");
	expect("head -3 t.jsonl | $K import - -o u.kmt --quiet; $K bisect t.kmt --save h; $K bisect u.kmt --against h",
		2, "of another trace");
	expect("$K bisect t.kmt --save /nowhere/h", 3, "/nowhere/h");
	expect("$K bisect t.kmt --against /nowhere/h", 3, "/nowhere/h");
}

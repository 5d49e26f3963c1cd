/* Scenarios written by hand in the text interchange, through import, replay and query, as users write them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/cli/run.h"

TestSuite(scenarios, .init = run_enter, .fini = run_leave);

static struct run_result replay(const char *jsonl, const char *options)
{
	struct run_result result;

	run_write("t.jsonl", jsonl);
	result = run_shell("$K import t.jsonl -o t.kmt --quiet");
	cr_assert_eq(result.status, 0, "import: %s", result.err);
	run_free(&result);
	return run_shell("$K replay t.kmt -o r.db --json --check=1 %s", options);
}

static void expect_line(const char *command, const char *line)
{
	struct run_result result = run_shell("%s", command);

	cr_assert_eq(result.status, 0, "%s: %s", command, result.err);
	cr_assert_not_null(strstr(result.out, line), "no \"%s\" in:\n%s", line, result.out);
	run_free(&result);
}

Test(scenarios, kmalloc_rounds_up_to_its_class_and_says_so_in_op_stats)
{
	struct run_result result = replay("{\"event\":\"kmalloc\",\"id\":1,\"size\":100,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"kmalloc\",\"id\":2,\"size\":8193,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"kfree\",\"id\":1}\n"
					  "{\"event\":\"kfree\",\"id\":null}\n",
		"");

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_eq(run_number(result.out, "events"), 4);
	cr_assert_eq(run_number(result.out, "failed"), 0);
	cr_assert_eq(run_number(result.out, "live_objects"), 1);
	run_free(&result);
	/* 100 -> 128; 8193 -> order 2, 16384. */
	expect_line("sqlite3 -csv r.db \"select op,count,failed,bytes_req,bytes_alloc from op_stats where op='kmalloc'\"",
		"kmalloc,2,0,8293,16512");
	expect_line("sqlite3 -csv r.db \"select status,events from runs\"", "done,4");
}

Test(scenarios, double_and_unknown_frees_are_violations_and_replay_goes_on)
{
	struct run_result result = replay("{\"event\":\"kmalloc\",\"id\":\"a\",\"size\":64,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"kfree\",\"id\":\"a\"}\n"
					  "{\"event\":\"kfree\",\"id\":\"a\",\"call_site\":\"bad_driver+0x10\"}\n"
					  "{\"event\":\"kfree\",\"id\":\"never\"}\n"
					  "{\"event\":\"kmalloc\",\"id\":\"b\",\"size\":64,\"gfp\":\"GFP_KERNEL\"}\n",
		"");

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_eq(run_number(result.out, "violations"), 2);
	cr_assert_eq(run_number(result.out, "live_objects"), 1);
	run_free(&result);
	expect_line("sqlite3 -csv r.db 'select rule,event_no,call_site from violations order by event_no'",
		"double_free,2,bad_driver+0x10");
	expect_line("sqlite3 -csv r.db 'select rule,event_no from violations order by event_no'", "free_unknown,3");
}

Test(scenarios, absurd_sizes_and_orders_fail_as_in_the_kernel_and_are_violations)
{
	struct run_result result = replay("{\"event\":\"kmalloc\",\"id\":1,\"size\":4194305,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"kmalloc\",\"id\":2,\"size\":9223372036854775807,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"alloc_pages\",\"id\":3,\"order\":11,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"alloc_pages\",\"id\":4,\"order\":200,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"kfree\",\"id\":1}\n",
		"");

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_eq(run_number(result.out, "failed"), 4);
	cr_assert_eq(run_number(result.out, "live_objects"), 0);
	run_free(&result);
	expect_line("sqlite3 -csv r.db 'select rule,count(*) from violations group by rule order by rule'",
		"order_too_large,2\nsize_too_large,2");
}

Test(scenarios, a_cache_keeps_its_geometry_and_refuses_to_go_while_objects_live)
{
	struct run_result result = replay(
		"{\"event\":\"kmem_cache_create\",\"cache\":\"my cache\",\"size\":700}\n"
		"{\"event\":\"kmem_cache_alloc\",\"id\":1,\"cache\":\"my cache\",\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"event\":\"kmem_cache_destroy\",\"cache\":\"my cache\"}\n"
		"{\"event\":\"kmem_cache_free\",\"id\":1,\"cache\":\"my cache\"}\n",
		"--set cpus=4");

	cr_assert_eq(result.status, 0, "%s", result.err);
	run_free(&result);
	/* G16 of the examples: 704 bytes, order 2, 23 objects. */
	expect_line("sqlite3 -csv r.db \"select size,\\\"order\\\",objs_per_slab,slabs from cache_stats where cache='my cache'\"",
		"704,2,23,1");
	expect_line("sqlite3 -csv r.db 'select rule from violations order by event_no'", "cache_name_invalid\ncache_destroy_live");
}

Test(scenarios, pages_freed_by_kfree_and_objects_freed_as_pages_are_wrong_frees)
{
	struct run_result result = replay("{\"event\":\"alloc_pages\",\"id\":1,\"order\":2,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"kmalloc\",\"id\":2,\"size\":64,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"kfree\",\"id\":1}\n"
					  "{\"event\":\"free_pages\",\"id\":2,\"order\":0}\n",
		"");

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_eq(run_number(result.out, "violations"), 2);
	run_free(&result);
	expect_line("sqlite3 -csv r.db 'select rule from violations'", "wrong_free\nwrong_free");
}

Test(scenarios, a_trace_of_more_cpus_than_the_machine_has_is_folded_and_said)
{
	struct run_result result = replay("{\"event\":\"kmalloc\",\"id\":1,\"size\":8,\"gfp\":\"GFP_KERNEL\",\"cpu\":7}\n", "--set cpus=2");

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_not_null(strstr(result.err, "CPU n mod 2"), "%s", result.err);
	run_free(&result);
}

Test(scenarios, without_memory_allocations_fail_and_the_run_ends)
{
	char jsonl[1 << 16] = "";
	size_t used = 0;
	struct run_result result;

	for (int i = 0; i < 300; i++)
		used += (size_t)snprintf(jsonl + used, sizeof(jsonl) - used,
			"{\"event\":\"alloc_pages\",\"id\":%d,\"order\":9,\"gfp\":\"GFP_KERNEL\"}\n", i);
	result = replay(jsonl, "--set memory='64 MiB'");
	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_gt(run_number(result.out, "failed"), 250);
	cr_assert_lt(run_number(result.out, "failed"), 300);
	run_free(&result);
}

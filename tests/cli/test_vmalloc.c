/* The vmalloc space and kernel stacks, from hand-written events and a capture to what SQLite and /proc files say. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cli/run.h"

TestSuite(vmalloc, .init = run_enter, .fini = run_leave);

/* Import, replay with every invariant checked after every event. */
static void replay(const char *jsonl, const char *options)
{
	run_write("m.yaml", "kmemsim: 1\nmemory: 512 MiB\n");
	run_write("t.jsonl", jsonl);
	run_ok("$K import t.jsonl -o t.kmt --quiet && $K replay t.kmt -m m.yaml -o r.db --check=1 --quiet %s", options);
}

static void expect(const char *sql, const char *answer)
{
	struct run_result result = run_shell("sqlite3 -separator ' ' r.db \"%s\"", sql);

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_expect_str_eq(result.out, answer, "%s:\n%s\nnot\n%s", sql, result.out, answer);
	run_free(&result);
}

#define LAST " ORDER BY sample_id DESC LIMIT 1"

/* V1 to V4, and a free: 1, 3, 2 and 1 pages with a guard page each; what was freed waits for a purge. */
Test(vmalloc, areas_pages_and_what_waits_for_the_purge_are_recorded)
{
	struct run_result result;

	replay("{\"event\":\"vmalloc\",\"id\":1,\"size\":4096,\"gfp\":\"GFP_KERNEL\",\"call_site\":\"one+0x1\"}\n"
	       "{\"event\":\"vmalloc\",\"id\":2,\"size\":12288,\"gfp\":\"GFP_KERNEL\"}\n"
	       "{\"event\":\"vzalloc\",\"id\":3,\"size\":8192,\"gfp\":\"GFP_KERNEL\"}\n"
	       "{\"event\":\"vmalloc\",\"id\":4,\"size\":100,\"gfp\":\"GFP_KERNEL\"}\n"
	       "{\"event\":\"vfree\",\"id\":2}\n"
	       "{\"event\":\"vmap\",\"id\":5,\"size\":12288}\n",
		"");
	expect("SELECT areas, used_bytes, guard_bytes, lazy_bytes, mapped_pages, page_table_pages, purges FROM v_vmalloc" LAST,
		"4 45056 16384 16384 4 2 0\n");
	expect("SELECT vmalloc_bytes FROM samples" LAST, "16384\n");
	expect("SELECT op, count, failed, bytes_req, bytes_alloc FROM op_stats WHERE op = 'vmalloc'",
		"vmalloc 3 0 16484 20480\n");
	result = run_shell("$K proc r.db --file vmallocinfo");
	cr_expect_str_eq(result.out,
		"0xffffc90000000000-0xffffc90000002000    8192 one+0x1 pages=1 vmalloc N0=1\n"
		"0xffffc90000006000-0xffffc90000009000   12288 pages=2 vmalloc N0=2\n"
		"0xffffc90000009000-0xffffc9000000b000    8192 pages=1 vmalloc N0=1\n"
		"0xffffc9000000b000-0xffffc9000000f000   16384 vmap\n"
		"0xffffc90000002000-0xffffc90000006000   16384 unpurged vm_area\n",
		"%s", result.out);
	run_free(&result);
}

/* An earlier sample had an area, the last one has none: the file is empty then, and not that of the earlier moment. */
Test(vmalloc, vmallocinfo_is_of_the_last_sample_also_when_nothing_is_left)
{
	struct run_result result;

	replay("{\"event\":\"vmalloc\",\"id\":1,\"size\":8192,\"gfp\":\"GFP_KERNEL\"}\n"
	       "{\"event\":\"marker\",\"text\":\"between\"}\n"
	       "{\"event\":\"vfree\",\"id\":1}\n",
		"--set vmalloc.lazy_max=0");
	expect("SELECT areas, lazy_areas FROM vmalloc_stats" LAST, "0 0\n");
	result = run_shell("$K proc r.db --file vmallocinfo");
	cr_expect_eq(result.status, 0, "%s", result.err);
	cr_expect_str_eq(result.out, "", "%s", result.out);
	run_free(&result);
	result = run_shell(
		"$K proc r.db --file vmallocinfo --sample $(sqlite3 r.db \"SELECT sample_id FROM samples WHERE marker = 'between'\")");
	cr_expect_str_eq(result.out, "0xffffc90000000000-0xffffc90000003000   12288 pages=2 vmalloc N0=2\n", "%s",
		result.out);
	run_free(&result);
}

/* Addresses have as many digits as the kernel's pointers. */
Test(vmalloc, vmallocinfo_of_a_32_bit_machine_has_its_addresses)
{
	struct run_result result;

	replay("{\"event\":\"vmalloc\",\"id\":1,\"size\":8192,\"gfp\":\"GFP_KERNEL\"}\n"
	       "{\"event\":\"ioremap\",\"id\":2,\"phys\":4275044352,\"size\":4096}\n",
		"--set vmalloc.start=0xf7800000 --set vmalloc.size='120 MiB'");
	result = run_shell("$K proc r.db --file vmallocinfo");
	cr_expect_str_eq(result.out,
		"0xf7800000-0xf7803000   12288 pages=2 vmalloc N0=2\n"
		"0xf7803000-0xf7805000    8192 phys=0x00000000fed00000 ioremap\n",
		"%s", result.out);
	run_free(&result);
}

/* V13b: above 4 MiB kmalloc refuses and vmalloc takes huge pages: 3 of 512 pages; 1536 pointers need 3 pages more. */
Test(vmalloc, kvmalloc_falls_back_by_the_kernel_s_rule)
{
	replay("{\"event\":\"kvmalloc\",\"id\":1,\"size\":5242880,\"gfp\":\"GFP_KERNEL\"}\n"
	       "{\"event\":\"kvmalloc\",\"id\":2,\"size\":16384,\"gfp\":\"GFP_KERNEL\"}\n"
	       "{\"event\":\"kvmalloc\",\"id\":3,\"size\":5242880,\"gfp\":\"GFP_NOWAIT\"}\n"
	       "{\"event\":\"kvmalloc\",\"id\":4,\"size\":3000000000,\"gfp\":\"GFP_KERNEL\"}\n",
		"");
	expect("SELECT areas, mapped_pages, huge_areas FROM vmalloc_stats" LAST, "2 1539 1\n");
	expect("SELECT count, failed FROM op_stats WHERE op = 'kvmalloc'", "4 2\n");
	expect("SELECT rule, event_no FROM violations", "size_too_large 3\n"); /* more than INT_MAX */
	expect("SELECT kmalloc_large_bytes FROM samples" LAST, "16384\n");
}

Test(vmalloc, kvfree_takes_both_and_kfree_of_an_area_is_a_wrong_free)
{
	replay("{\"event\":\"kvmalloc\",\"id\":1,\"size\":5242880,\"gfp\":\"GFP_KERNEL\"}\n"
	       "{\"event\":\"kvmalloc\",\"id\":2,\"size\":128,\"gfp\":\"GFP_KERNEL\"}\n"
	       "{\"event\":\"kvfree\",\"id\":1}\n"
	       "{\"event\":\"kvfree\",\"id\":2}\n"
	       "{\"event\":\"vmalloc\",\"id\":3,\"size\":4096,\"gfp\":\"GFP_KERNEL\"}\n"
	       "{\"event\":\"kfree\",\"id\":3}\n"
	       "{\"event\":\"kmalloc\",\"id\":4,\"size\":64,\"gfp\":\"GFP_KERNEL\"}\n"
	       "{\"event\":\"vfree\",\"id\":4}\n",
		"");
	expect("SELECT rule, event_no FROM violations ORDER BY event_no", "wrong_free 5\nwrong_free 7\n");
	expect("SELECT live_objects, vmalloc_bytes FROM samples" LAST, "0 0\n");
}

Test(vmalloc, interrupts_may_not_map_and_their_frees_wait)
{
	replay("{\"time_ns\":100000,\"event\":\"vmalloc\",\"id\":1,\"size\":4096,\"gfp\":\"GFP_KERNEL\"}\n"
	       "{\"time_ns\":200000,\"event\":\"vmalloc\",\"id\":2,\"size\":4096,\"gfp\":\"GFP_KERNEL\",\"ctx\":\"softirq\"}\n"
	       "{\"time_ns\":300000,\"event\":\"vmap\",\"id\":3,\"size\":4096,\"ctx\":\"hardirq\"}\n"
	       "{\"time_ns\":400000,\"event\":\"vmalloc\",\"id\":4,\"size\":4096,\"gfp\":\"GFP_KERNEL\",\"preempt_off\":true}\n"
	       "{\"time_ns\":500000,\"event\":\"vfree\",\"id\":1,\"ctx\":\"hardirq\"}\n",
		"");
	expect("SELECT rule, event_no FROM violations ORDER BY event_no",
		"vmalloc_in_interrupt 1\nvmalloc_in_interrupt 2\nsleep_in_atomic 3\n");
	/* The freed area is there until its work item runs, which it does after the last event. */
	expect("SELECT areas, deferred_frees, lazy_bytes FROM vmalloc_stats" LAST, "1 1 8192\n");
	expect("SELECT count, failed FROM op_stats WHERE op = 'vmalloc'", "3 1\n");
}

Test(vmalloc, small_map_ram_calls_share_a_block)
{
	replay("{\"event\":\"vm_map_ram\",\"id\":1,\"size\":4096}\n"
	       "{\"event\":\"vm_map_ram\",\"id\":2,\"size\":12288}\n"
	       "{\"event\":\"vm_map_ram\",\"id\":3,\"size\":266240}\n"
	       "{\"event\":\"vm_unmap_ram\",\"id\":3,\"size\":266240}\n",
		"");
	expect("SELECT areas, map_ram_blocks, used_bytes, lazy_bytes, guard_bytes FROM vmalloc_stats" LAST,
		"1 1 1048576 266240 0\n");
}

/* 32 bits: a window of 128 MiB; 15 areas of 8 MiB and a guard page leave less than 8 MiB. */
Test(vmalloc, a_32_bit_window_of_128_mib_runs_out)
{
	char jsonl[4096] = "";

	for (int i = 1; i <= 17; i++) {
		size_t len = strlen(jsonl);

		snprintf(jsonl + len, sizeof(jsonl) - len, "{\"event\":\"vmap\",\"id\":%d,\"size\":8388608}\n%s", i,
			i == 16 ? "{\"event\":\"vunmap\",\"id\":3}\n" : "");
	}
	run_write("t.jsonl", jsonl);
	run_write("m.yaml", "kmemsim: 1\nbits: 32\nmemory: 1 GiB\nvmalloc: {start: 0xf7800000, size: 128 MiB}\n");
	run_ok("$K import t.jsonl -o t.kmt --quiet && $K replay t.kmt -m m.yaml -o r.db --check=1 --quiet");
	/* The 16th fails; what was freed for the 17th is purged for it. */
	expect("SELECT count, failed FROM op_stats WHERE op = 'vmap'", "17 1\n");
	expect("SELECT areas, failures, retries, purges, lazy_bytes FROM vmalloc_stats" LAST, "15 1 2 1 0\n");
}

Test(vmalloc, stacks_of_tasks_are_cached_and_overflows_reported)
{
	replay("{\"event\":\"task_create\",\"id\":\"a\"}\n{\"event\":\"task_create\",\"id\":\"b\"}\n"
	       "{\"event\":\"task_create\",\"id\":\"c\"}\n"
	       "{\"event\":\"task_exit\",\"id\":\"a\",\"stack_use\":7000}\n"
	       "{\"event\":\"task_exit\",\"id\":\"b\",\"stack_use\":17000}\n"
	       "{\"event\":\"task_exit\",\"id\":\"c\"}\n{\"event\":\"task_create\",\"id\":\"d\"}\n",
		"");
	expect("SELECT name, value FROM counters WHERE mechanism = 'kernel_stack' ORDER BY name",
		"cached 1\ndeepest_use 17000\nfailed 0\nfreed 1\nfrom_cache 1\nirq_stacks 16384\nlive 1\nmax_live 3\n"
		"stack_size 16384\ntaken 4\n");
	expect("SELECT rule, severity, event_no FROM violations", "stack_overflow fatal 4\n");
	/* One with its task, one cached: 8 pages. */
	expect("SELECT areas, mapped_pages FROM vmalloc_stats" LAST, "2 8\n");
}

Test(vmalloc, stacks_without_vmap_are_blocks)
{
	replay("{\"event\":\"task_create\",\"id\":1}\n{\"event\":\"task_create\",\"id\":2}\n{\"event\":\"task_exit\",\"id\":1}\n",
		"--set kernel_stack.vmap=false --set 'kernel_stack.size=8 KiB'");
	expect("SELECT page_bytes, vmalloc_bytes FROM samples" LAST, "8192 0\n");
	expect("SELECT count(*) FROM vmalloc_stats", "0\n");
}

static const char *capture(void)
{
	const char *shared = getenv("KMEMSIM_SHARED");
	static char path[1024];

	snprintf(path, sizeof(path), "%s/captures/A-boot-256m", shared ? shared : "");
	if (access(path, R_OK) < 0)
		cr_skip_test("no captures: KMEMSIM_SHARED is not set or has none");
	return path;
}

/* The model goes on from the areas after boot and ends with the kernel's own list, unpurged areas included. */
Test(vmalloc, from_a_saved_state_the_areas_end_as_the_kernel_s)
{
	const char *dir = capture();
	struct run_result result =
		run_shell("$K import %s/trace.dat -o a.kmt --quiet && $K probe %s/snapshots -o a.yaml --quiet"
			  " && $K replay a.kmt -m a.yaml --initial %s/snapshots/1-after-boot -o r.db --quiet"
			  " && $K proc r.db --file vmallocinfo | cut -d' ' -f1 > model"
			  " && cut -d' ' -f1 %s/snapshots/2-after-workload/vmallocinfo > kernel && diff model kernel",
			dir, dir, dir, dir);

	cr_expect_eq(result.status, 0, "%s%s", result.out, result.err);
	run_free(&result);
}

Test(vmalloc, nineteen_of_twenty_addresses_of_a_boot_are_the_kernel_s)
{
	const char *dir = capture();
	struct run_result result =
		run_shell("$K import %s/trace.dat -o a.kmt --quiet && $K probe %s/snapshots -o a.yaml --quiet;"
			  " $K verify a.kmt -m a.yaml --snapshots %s/snapshots | grep vmalloc_addresses",
			dir, dir, dir);
	unsigned int checked = 0, equal = 0;

	cr_assert_eq(sscanf(result.out, "vmalloc_addresses %u %u", &checked, &equal), 2, "%s%s", result.out,
		result.err);
	cr_expect_geq(checked, 100);
	cr_expect_geq(equal * 100, checked * 95);
	run_free(&result);
}

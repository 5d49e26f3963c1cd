/* `kmemsim lint` on what drivers use: ports, device memory, local mappings, mempools and memory for DMA. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/cli/lint.h"
#include "tests/cli/run.h"
#include "tests/cli/scenario.h"

TestSuite(lint_devices, .init = run_enter, .fini = run_leave);

Test(lint_devices, devices_are_claimed_and_mapped_first)
{
	run_write("m.yaml", "kmemsim: 1\nmemory: 512 MiB\n");
	scenario_add("{\"event\":\"inb\",\"port\":\"0x3f8\"}");
	scenario_add("{\"event\":\"ioremap\",\"id\":1,\"phys\":\"0x1000000\",\"size\":4096}");
	scenario_add("{\"event\":\"ioremap\",\"id\":2,\"phys\":\"0xfd000000\",\"size\":4096}");
	scenario_add("{\"event\":\"readl\",\"id\":2,\"offset\":4096}");
	scenario_add("{\"event\":\"request_region\",\"start\":\"0x3f8\",\"size\":8,\"name\":\"a\"}");
	scenario_add("{\"event\":\"request_region\",\"start\":\"0x3fc\",\"size\":8,\"name\":\"b\"}");
	scenario_add("{\"event\":\"release_region\",\"start\":\"0x3f8\",\"size\":4}");
	scenario_add("{\"event\":\"mmap_device\",\"phys\":\"0xfd000100\",\"size\":4096}");
	scenario_add("{\"event\":\"task_create\",\"id\":3}");
	scenario_add("{\"event\":\"task_exit\",\"id\":3,\"stack_use\":20000}");
	expect_found("-m m.yaml --severity notice", 1,
		"port_unclaimed warning 0\nioremap_ram error 1\niomem_unclaimed notice 2\niomem_unclaimed fatal 3\nregion_conflict error 5\n"
		"region_release_mismatch warning 6\nmmap_unaligned error 7\nregion_leak leak 9\nregion_leak leak 9\n"
		"stack_overflow fatal 9\n");
}

/*
 * A recording of accesses alone tells of no claim, so that none
 * can be missed; one that tells of any, or a machine, decides.
 */
Test(lint_devices, unclaimed_ports_are_judged_where_claims_can_be_seen)
{
	static const struct {
		const char *ports, *machine, *found;
	} cases[] = {
		{ "", "", "port_unclaimed advice 0\n" },
		{ "0060-0060 : keyboard\n", "", "port_unclaimed warning 0\nport_unclaimed warning 2\n" },
		{ "", "-m m.yaml", "port_unclaimed warning 1\nport_unclaimed warning 2\n" },
	};
	struct run_result result = run_shell(
		"printf 'time_us,direction,port,width_bytes,value,device\\n1,write,0x70,1,0x8f,rtc\\n"
		"2,read,0x60,1,0,kbd\\n3,read,0x64,1,0,kbd\\n' > g.csv; printf 'io_ports:\\n  regions:\\n    - {start: 0x70, size: 2,"
		" name: rtc, claim: driver}\\n' > m.yaml");

	cr_assert_eq(result.status, 0, "%s", result.err);
	run_free(&result);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		result = run_shell(
			"rm -f r.db ports; printf '%s' > ports; test -s ports || rm ports; $K import g.csv $(ls ports 2> /dev/null)"
			" -o t.kmt --quiet && $K lint t.kmt -o r.db --quiet %s",
			cases[i].ports, cases[i].machine);
		cr_expect_eq(result.status, 0, "%zu: %s", i, result.err);
		run_free(&result);
		scenario_expect("select rule, severity, event_no from violations order by event_no", cases[i].found);
		/* A replay, which gives no advice, says that it has judged nothing. */
		result = run_shell("$K replay t.kmt %s | grep '^not judged'", cases[i].machine);
		cr_expect_str_eq(result.out,
			i ? "" :
			    "not judged who had claimed which ports: neither the recording nor the machine tells (kmemsim lint)\n");
		run_free(&result);
	}
	scenario_add("{\"event\":\"inb\",\"port\":\"0x60\"}");
	expect_found("", 0, "port_unclaimed warning 0\n");
}

/* Neither does one of mappings alone, nor one of accesses to devices. */
Test(lint_devices, unclaimed_device_memory_is_judged_where_claims_can_be_seen)
{
	static const char map[] =
		"  sh-9 [000] .....    10.000001: ioremap: (__ioremap_caller+0x0/0x9) phys=0xfd000000 size=0x1000 pcm=2\n"
		"  sh-9 [000] .....    10.000002: ioremap_ret: (ioremap+0x1/0x9 <- __ioremap_caller) addr=0xffffc90000010000\n";
	static const char claim[] = "  sh-9 [000] .....    10.000003: request_region: (__request_region+0x0/0x9)"
		" parent=0xffffffff82a5f2c0 start=0xfe000000 n=0x1000 name=\"drv\"\n"
		"  sh-9 [000] .....    10.000004: request_region_ret: (drv+0x1/0x9 <- __request_region) res=0xffff888000001000\n";

	for (int claims = 0; claims < 2; claims++) {
		struct run_result result;
		FILE *f = fopen("t.txt", "w");

		cr_assert(f);
		fprintf(f, "%s%s", map, claims ? claim : "");
		fclose(f);
		result = run_shell("rm -f r.db; $K import t.txt -o t.kmt --quiet && $K lint t.kmt -o r.db --quiet");
		cr_expect_eq(result.status, 0, "%s", result.err);
		run_free(&result);
		scenario_expect("select rule, severity from violations",
			claims ? "iomem_unclaimed notice\n" : "iomem_unclaimed advice\n");
	}
}

/* Claimed is claimed, in one piece or in two; a piece that nobody has is told. */
Test(lint_devices, a_mapping_of_two_claimed_regions_is_claimed)
{
	scenario_add("{\"event\":\"request_mem_region\",\"start\":\"0xfd000000\",\"size\":4096,\"name\":\"a\"}");
	scenario_add("{\"event\":\"request_mem_region\",\"start\":\"0xfd001000\",\"size\":4096,\"name\":\"b\"}");
	scenario_add("{\"event\":\"ioremap\",\"id\":1,\"phys\":\"0xfd000000\",\"size\":8192}");
	scenario_add("{\"event\":\"ioremap\",\"id\":2,\"phys\":\"0xfd001000\",\"size\":8192}");
	expect_found("--severity notice --rule iomem_unclaimed", 0, "iomem_unclaimed notice 3\n");
}

/* Rows 26 to 30, of driver code that has gone wrong, with the caller. */
Test(lint_devices, device_memory_is_used_while_it_is_mapped)
{
	scenario_add("{\"event\":\"request_mem_region\",\"start\":\"0xfd000000\",\"size\":8192,\"name\":\"drv\"}");
	scenario_add("{\"event\":\"ioremap\",\"id\":1,\"phys\":\"0xfd000000\",\"size\":4096}");
	scenario_add("{\"event\":\"readl\",\"id\":1,\"offset\":4092}");
	scenario_add("{\"event\":\"readl\",\"id\":1,\"offset\":4096,\"call_site\":\"drv_irq+0x8\"}");
	scenario_add("{\"event\":\"iounmap\",\"id\":1}");
	scenario_add("{\"event\":\"writel\",\"id\":1,\"offset\":0,\"value\":1,\"call_site\":\"drv_late+0x4\"}");
	scenario_add("{\"event\":\"readb\",\"phys\":\"0xfe000000\"}");
	scenario_add("{\"event\":\"release_mem_region\",\"start\":\"0xfd000000\",\"size\":8192}");
	expect_found("", 1, "iomem_unclaimed fatal 3\niomem_unclaimed fatal 5\niomem_unclaimed fatal 6\n");
	scenario_expect("select call_site, text from violations where event_no < 6 order by event_no",
		"drv_irq+0x8 readl beyond the mapping: the kernel has a page fault\n"
		"drv_late+0x4 writel after iounmap: the kernel has a page fault\n");
}

/* Row 31. What was given back in order is nobody's leak. */
Test(lint_devices, what_is_claimed_or_mapped_at_the_end_leaks)
{
	scenario_add(
		"{\"event\":\"request_region\",\"start\":768,\"size\":8,\"name\":\"kept\",\"call_site\":\"probe\"}");
	scenario_add("{\"event\":\"request_region\",\"start\":784,\"size\":8,\"name\":\"given\"}");
	scenario_add("{\"event\":\"release_region\",\"start\":784,\"size\":8}");
	scenario_add("{\"event\":\"request_mem_region\",\"start\":\"0xfd000000\",\"size\":4096,\"name\":\"regs\"}");
	scenario_add("{\"event\":\"ioremap\",\"id\":1,\"phys\":\"0xfd000000\",\"size\":4096}");
	scenario_add("{\"event\":\"ioremap\",\"id\":2,\"phys\":\"0xfd000000\",\"size\":4096}");
	scenario_add("{\"event\":\"iounmap\",\"id\":2}");
	scenario_add("{\"event\":\"release_mem_region\",\"start\":\"0xfd000000\",\"size\":4096}");
	expect_found("", 0, "region_leak leak 7\nregion_leak leak 7\n");
	scenario_expect(
		"select call_site, text like 'request_region of 0x300-0x307 for _kept_:%%' from violations where call_site is not null",
		"probe 1\n");
	scenario_expect("select count(*) from violations where text like 'ioremap of 0xfd000000%%'", "1\n");
}

/*
 * Which RAM a recorded machine has where the recording does not
 * say; that ioremap() was granted says that there was none.
 */
Test(lint_devices, what_a_recorded_kernel_mapped_was_no_ram)
{
	FILE *f = fopen("t.txt", "w");
	struct run_result result;

	cr_assert(f);
	fprintf(f,
		"  sh-9 [000] .....    10.000001: ioremap: (__ioremap_caller+0x0/0x9) phys=0x9000000 size=0x1000 pcm=2\n"
		"  sh-9 [000] .....    10.000002: ioremap_ret: (ioremap+0x1/0x9 <- __ioremap_caller) addr=0xffffc90000010000\n"
		"  sh-9 [000] .....    10.000003: ioremap: (__ioremap_caller+0x0/0x9) phys=0xa000000 size=0x1000 pcm=2\n"
		"  sh-9 [000] .....    10.000004: ioremap_ret: (ioremap+0x1/0x9 <- __ioremap_caller) addr=0x0\n");
	fclose(f);
	result = run_shell("$K import t.txt -o t.kmt --quiet && rm -f r.db && $K lint t.kmt -o r.db --quiet");
	cr_expect_eq(result.status, 1, "%s", result.err);
	run_free(&result);
	scenario_expect("select rule, severity, event_no from violations", "ioremap_ram error 1\n");
}

/* Nobody keeps the order of what needs no mapping, but the same driver on 32 bits loses it. */
Test(lint_devices, local_mappings_end_in_reverse_order_on_all_machines)
{
	scenario_add("{\"event\":\"alloc_pages\",\"id\":1,\"gfp\":\"GFP_HIGHUSER\"}");
	scenario_add("{\"event\":\"kmap_atomic\",\"id\":2,\"page\":1}");
	scenario_add("{\"event\":\"kmap_atomic\",\"id\":3,\"page\":1}");
	scenario_add("{\"event\":\"kunmap_atomic\",\"id\":3}");
	scenario_add("{\"event\":\"kmap_atomic\",\"id\":4,\"page\":1}");
	scenario_add("{\"event\":\"kunmap_atomic\",\"id\":2}");
	scenario_add("{\"event\":\"kunmap_atomic\",\"id\":4}");
	expect_found("", 1, "preempt_imbalance error 5\n");
}

/* Rows 35, 36 and 37 of the specification's table. */
Test(lint_devices, mempools_neither_clear_nor_construct)
{
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"c\",\"size\":64,\"ctor\":true}");
	scenario_add("{\"event\":\"mempool_create\",\"pool\":\"p\",\"kind\":\"slab\",\"cache\":\"c\",\"min_nr\":2}");
	scenario_add("{\"event\":\"mempool_create\",\"pool\":\"q\",\"kind\":\"kmalloc\",\"size\":64,\"min_nr\":2}");
	scenario_add("{\"event\":\"mempool_alloc\",\"id\":1,\"pool\":\"q\",\"gfp\":\"GFP_KERNEL|__GFP_ZERO\"}");
	scenario_add(
		"{\"event\":\"mempool_alloc\",\"id\":2,\"pool\":\"q\",\"gfp\":\"GFP_KERNEL\",\"ctx\":\"softirq\"}");
	scenario_add(
		"{\"event\":\"mempool_alloc\",\"id\":3,\"pool\":\"q\",\"gfp\":\"GFP_ATOMIC\",\"ctx\":\"softirq\"}");
	expect_found("", 1, "mempool_misuse error 1\nmempool_misuse warning 3\nsleep_in_atomic error 4\n");
	expect_text(1, "constructor");
	expect_text(3, "not cleared");
}

/* The slab takes it, whichever pool it came from; a page of a pool is no slab's. */
Test(lint_devices, elements_of_pools_go_back_to_them)
{
	scenario_add("{\"event\":\"mempool_create\",\"pool\":\"p\",\"kind\":\"kmalloc\",\"size\":64,\"min_nr\":1}");
	scenario_add("{\"event\":\"mempool_create\",\"pool\":\"q\",\"kind\":\"page\",\"order\":0,\"min_nr\":1}");
	scenario_add("{\"event\":\"mempool_alloc\",\"id\":1,\"pool\":\"p\"}");
	scenario_add("{\"event\":\"kfree\",\"id\":1}");
	scenario_add("{\"event\":\"mempool_alloc\",\"id\":2,\"pool\":\"q\"}");
	scenario_add("{\"event\":\"kfree\",\"id\":2}");
	expect_found("", 1, "wrong_free error 3\nwrong_free fatal 5\n");
	expect_text(3, "never gets it back");
}

Test(lint_devices, a_pool_of_a_destroyed_cache_is_none)
{
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"c\",\"size\":328}");
	scenario_add("{\"event\":\"kmem_cache_destroy\",\"cache\":\"c\"}");
	scenario_add("{\"event\":\"mempool_create\",\"pool\":\"p\",\"kind\":\"slab\",\"cache\":\"c\",\"min_nr\":2}");
	scenario_add("{\"event\":\"kmem_cache_alloc\",\"id\":1,\"cache\":\"c\"}");
	expect_found("", 1, "cache_destroyed error 2\ncache_destroyed error 3\n");
}

Test(lint_devices, blocks_for_pools_and_devices_have_limits_too)
{
	scenario_add("{\"event\":\"dma_alloc_coherent\",\"id\":1,\"size\":4194305,\"dma_mask\":4294967295}");
	scenario_add("{\"event\":\"dma_alloc_coherent\",\"id\":2,\"size\":4194304,\"dma_mask\":4294967295}");
	scenario_add("{\"event\":\"mempool_create\",\"pool\":\"p\",\"kind\":\"page\",\"order\":11,\"min_nr\":1}");
	scenario_add(
		"{\"event\":\"mempool_create\",\"pool\":\"q\",\"kind\":\"kmalloc\",\"size\":4194305,\"min_nr\":1}");
	expect_found("", 1, "size_too_large error 0\norder_too_large error 2\nsize_too_large error 3\n");
}

/* What the model could not make is missed by no mistake of the trace's callers. */
Test(lint_devices, failures_of_the_model_are_not_the_callers)
{
	scenario_add("{\"event\":\"mempool_create\",\"pool\":\"p\",\"kind\":\"page\",\"order\":10,\"min_nr\":2000}");
	scenario_add("{\"event\":\"mempool_alloc\",\"id\":1,\"pool\":\"p\",\"gfp\":\"GFP_KERNEL\"}");
	scenario_add("{\"event\":\"mempool_alloc\",\"id\":2,\"pool\":\"never made\",\"gfp\":\"GFP_KERNEL\"}");
	expect_found("--set memory=64MiB --set cpus=1 --rule free_unknown", 1, "free_unknown error 2\n");
}

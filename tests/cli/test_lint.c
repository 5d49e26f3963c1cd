/*
 * `kmemsim lint`: each rule, what it says of it, and what the
 * exit status is. Devices and pools: test_lint_devices.c.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/cli/lint.h"
#include "tests/cli/run.h"
#include "tests/cli/scenario.h"

TestSuite(lint, .init = run_enter, .fini = run_leave);

Test(lint, what_may_sleep_is_wrong_in_atomic_context)
{
	scenario_add("{\"event\":\"kmalloc\",\"id\":1,\"size\":64,\"ctx\":\"softirq\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":2,\"order\":0,\"gfp\":\"GFP_NOIO\",\"irqs_off\":true}");
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"c\",\"size\":64,\"preempt_off\":true}");
	scenario_add("{\"event\":\"kmem_cache_alloc\",\"id\":3,\"cache\":\"c\",\"preempt_off\":true}");
	scenario_add("{\"event\":\"krealloc\",\"id\":1,\"size\":4000,\"ctx\":\"hardirq\"}");
	scenario_add("{\"event\":\"kmem_cache_shrink\",\"cache\":\"c\",\"ctx\":\"softirq\"}");
	scenario_add("{\"event\":\"vmalloc\",\"id\":4,\"size\":4096,\"preempt_off\":true}");
	scenario_add("{\"event\":\"vmalloc\",\"id\":5,\"size\":4096,\"gfp\":\"GFP_ATOMIC\"}");
	scenario_add("{\"event\":\"vfree\",\"id\":4,\"irqs_off\":true}");
	scenario_add("{\"event\":\"kvfree\",\"id\":5,\"preempt_off\":true}");
	/* Legal ones. */
	scenario_add("{\"event\":\"kmalloc\",\"id\":6,\"size\":64,\"gfp\":\"GFP_ATOMIC\",\"ctx\":\"hardirq\"}");
	scenario_add("{\"event\":\"kmalloc\",\"id\":7,\"size\":64,\"gfp\":\"GFP_NOWAIT\",\"irqs_off\":true}");
	scenario_add("{\"event\":\"kfree\",\"id\":7,\"ctx\":\"nmi\"}");
	expect_found("", 1,
		"sleep_in_atomic error 0\nsleep_in_atomic error 1\nsleep_in_atomic error 2\nsleep_in_atomic error 3\n"
		"sleep_in_atomic error 4\nsleep_in_atomic error 5\nsleep_in_atomic error 6\nsleep_in_atomic error 7\n"
		"sleep_in_atomic error 8\nsleep_in_atomic error 9\n");
	expect_text(0, "may sleep");
	expect_text(2, "with preemption off");
	expect_text(5, "in an interrupt");
	expect_text(7, "GFP_KERNEL");
}

/* Rows 1 and 2, of a recording: who holds a spinlock has preemption off. The idle task boots so. */
Test(lint, the_context_that_a_recording_shows_is_judged)
{
	static const char alloc[] =
		"kmalloc: call_site=drv+0x10/0x90 ptr=0xffff88800000%d000 bytes_req=64 bytes_alloc=64 gfp_flags=%s node=-1"
		" accounted=false\n";
	static const struct {
		const char *who, *flags, *gfp;
	} lines[] = {
		{ "insmod-99", ".....", "GFP_KERNEL" },
		{ "insmod-99", "...1.", "GFP_KERNEL" },
		{ "insmod-99", "...1.", "GFP_ATOMIC" },
		{ "insmod-99", "d....", "GFP_KERNEL" },
		{ "insmod-99", "..s1.", "GFP_NOFS" },
		{ "<idle>-0", "...1.", "GFP_KERNEL" },
		{ "insmod-99", "....1", "GFP_KERNEL" },
		{ "insmod-99", "b....", "GFP_KERNEL" },
	};
	FILE *f = fopen("t.txt", "w");
	struct run_result result;
	int i = 0;

	cr_assert(f);
	for (; i < (int)(sizeof(lines) / sizeof(lines[0])); i++) {
		fprintf(f, "%16s [000] %s    10.00%d000: ", lines[i].who, lines[i].flags, i);
		fprintf(f, alloc, i + 1, lines[i].gfp);
	}
	fprintf(f,
		"%16s [000] ..s1.    10.00%d000: percpu_alloc_percpu: call_site=drv+0x20/0x90 reserved=0 is_atomic=0 size=8 align=8"
		" base_addr=0xffff88807dc36000 off=25596 ptr=0x3c3fc bytes_alloc=48 gfp_flags=GFP_KERNEL\n",
		"insmod-99", i);
	fclose(f);
	result = run_shell("$K import t.txt -o t.kmt --quiet && rm -f r.db && $K lint t.kmt -o r.db --quiet");
	cr_expect_eq(result.status, 1, "%s", result.err);
	run_free(&result);
	scenario_expect("select rule, severity, event_no from violations order by event_no",
		"sleep_in_atomic error 1\nsleep_in_atomic error 3\n"
		"sleep_in_atomic error 4\nsleep_in_atomic error 7\nsleep_in_atomic error 8\n");
	expect_text(1, "with preemption off");
	/* A replay does not read the column that says of preemption. */
	result = run_shell("rm -f r.db && $K replay t.kmt -o r.db --quiet");
	cr_expect_eq(result.status, 0, "%s", result.err);
	run_free(&result);
	scenario_expect("select rule, severity, event_no, text like '%%in an interrupt%%' from violations"
			" order by event_no",
		"sleep_in_atomic error 3 0\nsleep_in_atomic error 4 1\nsleep_in_atomic error 8 1\n");
}

Test(lint, the_vmalloc_space_is_not_for_interrupts)
{
	scenario_add("{\"event\":\"vmalloc\",\"id\":1,\"size\":4096,\"ctx\":\"softirq\"}");
	scenario_add("{\"event\":\"vmap\",\"id\":2,\"size\":4096}");
	scenario_add("{\"event\":\"vunmap\",\"id\":2,\"ctx\":\"hardirq\"}");
	scenario_add("{\"event\":\"vmalloc\",\"id\":3,\"size\":4096}");
	scenario_add("{\"event\":\"vfree\",\"id\":3,\"ctx\":\"nmi\"}");
	scenario_add("{\"event\":\"ioremap\",\"id\":4,\"phys\":\"0xfd000000\",\"size\":4096,\"ctx\":\"softirq\"}");
	/* vfree() in an interrupt is deferred. */
	scenario_add("{\"event\":\"vmalloc\",\"id\":5,\"size\":4096}");
	scenario_add("{\"event\":\"vfree\",\"id\":5,\"ctx\":\"softirq\"}");
	expect_found("", 1, "vmalloc_in_interrupt fatal 0\nvmalloc_in_interrupt fatal 2\nvmalloc_in_interrupt fatal 4\n"
			    "vmalloc_in_interrupt fatal 5\n");
	expect_text(0, "BUG");
}

/*
 * What its callers may not be is asked before what they gave:
 * BUG_ON(in_nmi()), BUG_ON(in_interrupt()), might_sleep().
 */
Test(lint, vfree_and_vunmap_of_null_are_judged_by_context)
{
	scenario_add("{\"event\":\"vfree\",\"id\":null,\"ctx\":\"nmi\"}");
	scenario_add("{\"event\":\"vfree\",\"id\":null,\"ctx\":\"softirq\"}");
	scenario_add("{\"event\":\"vunmap\",\"id\":null,\"ctx\":\"softirq\"}");
	scenario_add("{\"event\":\"vfree\",\"id\":null,\"preempt_off\":true}");
	scenario_add("{\"event\":\"vfree\",\"id\":null}");
	scenario_add("{\"event\":\"kvfree\",\"id\":null,\"ctx\":\"nmi\"}");
	expect_found("", 1, "vmalloc_in_interrupt fatal 0\nvmalloc_in_interrupt fatal 2\nsleep_in_atomic error 3\n");
}

/*
 * WARN_ON_ONCE(!size) in __vmalloc_node_range(); kvmalloc() of
 * nothing is kmalloc()'s ZERO_SIZE_PTR, vmap() of nothing NULL.
 */
Test(lint, vmalloc_of_nothing_warns)
{
	scenario_add("{\"event\":\"vmalloc\",\"id\":1,\"size\":0}");
	scenario_add("{\"event\":\"vzalloc\",\"id\":2,\"size\":0}");
	scenario_add("{\"event\":\"kvmalloc\",\"id\":3,\"size\":0}");
	scenario_add("{\"event\":\"vmap\",\"id\":4,\"size\":0}");
	expect_found("", 0, "size_too_large warning 0\nsize_too_large warning 1\n");
	scenario_expect("select distinct text from violations where event_no = 0",
		"vmalloc of 0 bytes: the kernel warns and answers NULL\n");
}

Test(lint, kvfree_of_vmalloc_memory_is_not_for_sections_of_get_cpu)
{
	scenario_add("{\"event\":\"vmalloc\",\"id\":1,\"size\":4096,\"pid\":7}");
	scenario_add("{\"event\":\"kmalloc\",\"id\":2,\"size\":64,\"pid\":7}");
	scenario_add("{\"event\":\"get_cpu\",\"pid\":7}");
	scenario_add("{\"event\":\"kvfree\",\"id\":1,\"pid\":7}");
	scenario_add("{\"event\":\"kvfree\",\"id\":2,\"pid\":7}");
	scenario_add("{\"event\":\"put_cpu\",\"pid\":7}");
	expect_found("", 1, "sleep_in_atomic error 3\n");
}

/* kvfree() calls vfree(), with its BUG_ON(in_nmi()); of kmalloc memory it is kfree(). */
Test(lint, kvfree_of_vmalloc_memory_is_not_for_nmis)
{
	scenario_add("{\"event\":\"kvmalloc\",\"id\":1,\"size\":6000000}");
	scenario_add("{\"event\":\"kvfree\",\"id\":1,\"ctx\":\"nmi\",\"call_site\":\"drv_nmi+0x8\"}");
	scenario_add("{\"event\":\"kvmalloc\",\"id\":2,\"size\":64}");
	scenario_add("{\"event\":\"kvfree\",\"id\":2,\"ctx\":\"nmi\"}");
	scenario_add("{\"event\":\"kvmalloc\",\"id\":3,\"size\":6000000}");
	scenario_add("{\"event\":\"kvfree\",\"id\":3,\"ctx\":\"softirq\"}");
	expect_found("", 1, "vmalloc_in_interrupt fatal 1\n");
	scenario_expect("select call_site from violations", "drv_nmi+0x8\n");
}

/* kvmalloc() of more than a page keeps the flag for vmalloc(), which takes page by page. */
Test(lint, kvmalloc_may_be_told_not_to_fail)
{
	scenario_add("{\"event\":\"kvmalloc\",\"id\":1,\"size\":900000,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL\"}");
	scenario_add("{\"event\":\"kvzalloc\",\"id\":2,\"size\":9000,\"gfp\":\"GFP_NOFS|__GFP_NOFAIL\"}");
	scenario_add("{\"event\":\"kmalloc\",\"id\":3,\"size\":9000,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL\"}");
	expect_found("", 0, "order_too_large warning 2\n");
}

Test(lint, every_object_has_its_own_free)
{
	static const char *const makes[] = {
		"{\"event\":\"kmalloc\",\"id\":%d,\"size\":64}",
		"{\"event\":\"kmem_cache_alloc\",\"id\":%d,\"cache\":\"mine\"}",
		"{\"event\":\"vmalloc\",\"id\":%d,\"size\":4096}",
		"{\"event\":\"alloc_pages\",\"id\":%d,\"order\":0}",
	};
	static const char *const frees[] = {
		"{\"event\":\"kfree\",\"id\":%d}",
		"{\"event\":\"kmem_cache_free\",\"id\":%d,\"cache\":\"mine\"}",
		"{\"event\":\"vfree\",\"id\":%d}",
		"{\"event\":\"free_pages\",\"id\":%d,\"order\":0}",
		"{\"event\":\"kvfree\",\"id\":%d}",
	};
	int id = 0;

	scenario_add(
		"{\"event\":\"kmem_cache_create\",\"cache\":\"mine\",\"size\":320,\"flags\":\"SLAB_PANIC\",\"ctor\":true}");
	for (int m = 0; m < 4; m++)
		for (int f = 0; f < 5; f++) {
			char line[160];

			snprintf(line, sizeof(line), makes[m], ++id);
			scenario_add("%s", line);
			snprintf(line, sizeof(line), frees[f], id);
			scenario_add("%s", line);
		}
	/* Events 2, 4, 6 … are the frees; what is not listed is right. */
	expect_found("", 1,
		"wrong_free error 4\nwrong_free error 6\nwrong_free error 8\n" /* kmalloc to kmem_cache_free, vfree, free_pages */
		"wrong_free notice 12\nwrong_free error 16\nwrong_free error 18\nwrong_free notice 20\n"
		"wrong_free fatal 22\nwrong_free fatal 24\nwrong_free fatal 28\n"
		"wrong_free error 32\nwrong_free error 34\nwrong_free error 36\nwrong_free error 40\n");
	expect_text(4, "Wrong slab cache");
	expect_text(6, "nonexistent area");
	expect_text(8, "bad page");
	expect_text(12, "works");
	expect_text(22, "oopses");
	expect_text(32, "warns");
}

/* All find an area by its address, but what they give back beside the addresses differs. */
Test(lint, each_kind_of_area_has_its_own_end)
{
	static const struct {
		const char *make, *end, *severity, *says;
	} cases[] = {
		{ "\"ioremap\",\"phys\":\"0xfd000000\"", "vfree", "error", "memory type stays reserved" },
		{ "\"ioremap\",\"phys\":\"0xfd000000\"", "vunmap", "error", "memory type stays reserved" },
		{ "\"vmalloc\"", "vunmap", "error", "its pages leak" },
		{ "\"vmalloc\"", "iounmap", "error", "its pages leak" },
		{ "\"vmalloc\"", "vm_unmap_ram", "fatal", "oopses" },
		{ "\"vmap\"", "vfree", NULL, NULL },
		{ "\"vmap\"", "iounmap", "error", "invalid memory type" },
		{ "\"vm_map_ram\"", "vfree", "error", "nonexistent area" },
		{ "\"vm_map_ram\"", "vunmap", "error", "nonexistent area" },
		{ "\"vm_map_ram\"", "iounmap", "error", "bad address" },
		{ "\"kmalloc\"", "iounmap", "error", "does nothing" },
		{ "\"kmalloc\"", "vunmap", "error", "nonexistent area" },
		{ "\"alloc_percpu\"", "vm_unmap_ram", "fatal", "oopses" },
	};
	size_t nr = sizeof(cases) / sizeof(cases[0]);

	for (size_t i = 0; i < nr; i++) {
		scenario_add("{\"event\":%s,\"id\":%zu,\"size\":4096}", cases[i].make, i);
		scenario_add("{\"event\":\"%s\",\"id\":%zu}", cases[i].end, i);
	}
	expect_found("--severity error", 1,
		"wrong_free error 1\nwrong_free error 3\nwrong_free error 5\nwrong_free error 7\n"
		"wrong_free fatal 9\nwrong_free error 13\nwrong_free error 15\nwrong_free error 17\nwrong_free error 19\n"
		"wrong_free error 21\nwrong_free error 23\nwrong_free fatal 25\n");
	for (size_t i = 0; i < nr; i++)
		if (cases[i].says)
			expect_text(2 * (int)i + 1, cases[i].says);
}

/* And the array of them: 2560 pages take 5 more. */
Test(lint, vunmap_of_vmalloc_memory_leaks_its_pages)
{
	scenario_add("{\"event\":\"vmalloc\",\"id\":1,\"size\":10485760}");
	scenario_add("{\"event\":\"vunmap\",\"id\":1}");
	scenario_replay("kernel: \"6.1\"\n");
	cr_expect_eq(
		scenario_number(
			"select max(f) - min(f) >= 2565 from (select sum(free_pages + pcp_pages) f from zone_samples"
			" where sample_id = (select max(sample_id) from samples) union select sum(free_pages + pcp_pages) from zone_samples"
			" where sample_id = (select min(sample_id) from samples))"),
		1);
}

Test(lint, the_right_cache_may_be_named_for_a_kmalloc_object)
{
	scenario_add("{\"event\":\"kmalloc\",\"id\":1,\"size\":64}");
	scenario_add("{\"event\":\"kmem_cache_free\",\"id\":1,\"cache\":\"kmalloc-64\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":2,\"order\":2,\"gfp\":\"GFP_KERNEL|__GFP_COMP\"}");
	scenario_add("{\"event\":\"kfree\",\"id\":2}");
	expect_found("", 0, "wrong_free notice 1\nwrong_free notice 3\n");
}

Test(lint, slob_cannot_kfree_an_object_of_a_cache)
{
	scenario_add("{\"event\":\"kmem_cache_alloc\",\"id\":1,\"cache\":\"mine\"}");
	scenario_add("{\"event\":\"kfree\",\"id\":1}");
	expect_found("", 0, "wrong_free notice 1\n");
	expect_found("--set slab.allocator=slob", 1, "wrong_free fatal 1\n");
}

/* Documented so since SLOB went; kmem_cache_free() of what kmalloc() made is not. */
Test(lint, kernels_since_6_4_kfree_objects_of_caches)
{
	scenario_add("{\"event\":\"kmem_cache_alloc\",\"id\":1,\"cache\":\"mine\"}");
	scenario_add("{\"event\":\"kfree\",\"id\":1}");
	scenario_add("{\"event\":\"kmalloc\",\"id\":2,\"size\":64}");
	scenario_add("{\"event\":\"kmem_cache_free\",\"id\":2,\"cache\":\"kmalloc-64\"}");
	expect_found("--set kernel=6.18", 0, "wrong_free notice 3\n");
	expect_found("--set kernel=6.1", 0, "wrong_free notice 1\nwrong_free notice 3\n");
}

/* The trace's header says which kernel; text shows by its forms that it is a newer one. */
Test(lint, the_recorded_kernel_says_what_kfree_is_for)
{
	static const struct {
		const char *name, *options, *found;
	} cases[] = {
		{ "", "--kernel 6.3", "wrong_free notice 1\n" },
		{ "", "--kernel 6.4", "" },
		{ "", "", "wrong_free notice 1\n" },
		{ "name=maple_node ", "", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct run_result result;
		FILE *f = fopen("t.txt", "w");

		cr_assert(f);
		fprintf(f,
			"  sh-9 [000] .....    10.000001: kmem_cache_alloc: call_site=mas_alloc_nodes+0x1/0x9 ptr=0xffff888000001000 %s"
			"bytes_req=256 bytes_alloc=256 gfp_flags=GFP_KERNEL node=-1 accounted=false\n",
			cases[i].name);
		fprintf(f,
			"  sh-9 [000] .....    10.000002: kfree: call_site=kfree_rcu_work+0x1/0x9 ptr=0xffff888000001000\n");
		fclose(f);
		result = run_shell("rm -f r.db; $K import t.txt %s -o t.kmt --quiet && $K lint t.kmt -o r.db --quiet",
			cases[i].options);
		cr_expect_eq(result.status, 0, "%zu: %s", i, result.err);
		run_free(&result);
		scenario_expect("select rule, severity, event_no from violations", cases[i].found);
	}
}

Test(lint, kfree_of_a_block_that_is_not_compound_frees_its_first_page)
{
	scenario_add("{\"event\":\"alloc_pages\",\"id\":1,\"order\":3}");
	scenario_add("{\"event\":\"kfree\",\"id\":1}");
	expect_found("", 1, "wrong_free error 1\n");
	expect_text(1, "the others leak");
	cr_expect_eq(
		scenario_number(
			"select max(f) - min(f) from (select sum(free_pages + pcp_pages) f from zone_samples group by sample_id)"),
		7);
}

Test(lint, freeing_twice_is_fatal_and_freeing_nothing_is_an_error)
{
	scenario_add("{\"event\":\"kmalloc\",\"id\":1,\"size\":64}");
	scenario_add("{\"event\":\"kfree\",\"id\":1}");
	scenario_add("{\"event\":\"kfree\",\"id\":1,\"call_site\":\"bad_driver+0x10\"}");
	scenario_add("{\"event\":\"vfree\",\"id\":\"never\"}");
	scenario_add("{\"event\":\"kfree\",\"id\":null}");
	expect_found("", 1, "double_free fatal 2\nfree_unknown error 3\n");
	scenario_expect("select call_site from violations where event_no = 2", "bad_driver+0x10\n");
	expect_text(2, "corrupted");
}

/* __free_pages() believes its caller's order; the caller named is who frees, not who allocated. */
Test(lint, blocks_are_freed_with_their_own_order)
{
	scenario_add("{\"event\":\"alloc_pages\",\"id\":1,\"order\":2}");
	scenario_add("{\"event\":\"free_pages\",\"id\":1,\"order\":3,\"call_site\":\"drv_exit+0x4\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":2,\"order\":2,\"call_site\":\"drv_init+0x4\"}");
	scenario_add("{\"event\":\"free_pages\",\"id\":2,\"order\":0}");
	scenario_add("{\"event\":\"free_pages\",\"id\":2,\"order\":2,\"call_site\":\"drv_exit+0x8\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":3,\"order\":2}");
	scenario_add("{\"event\":\"free_pages\",\"id\":3}");
	scenario_add("{\"event\":\"alloc_pages_exact\",\"id\":4,\"size\":12288}");
	scenario_add("{\"event\":\"free_pages\",\"id\":4,\"order\":2}");
	expect_found("", 1, "wrong_free error 1\nwrong_free error 4\n");
	scenario_expect("select call_site from violations order by event_no", "drv_exit+0x4\ndrv_exit+0x8\n");
	expect_text(1, "order 3 of a block of order 2");
	expect_text(4, "3 pages leak");
}

Test(lint, sizes_and_orders_have_limits)
{
	scenario_add("{\"event\":\"kmalloc\",\"id\":1,\"size\":4194305}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":2,\"order\":11}");
	scenario_add("{\"event\":\"alloc_pages_exact\",\"id\":3,\"size\":4194305}");
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"big\",\"size\":4194305}");
	scenario_add("{\"event\":\"kmalloc\",\"id\":4,\"size\":8,\"gfp\":\"GFP_KERNEL|__GFP_HIGHMEM\"}");
	scenario_add(
		"{\"event\":\"alloc_pages\",\"id\":5,\"order\":4,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL|__GFP_NOWARN\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":6,\"order\":0,\"gfp\":\"GFP_NOWAIT|__GFP_NOFAIL\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":7,\"order\":4}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":8,\"order\":4,\"gfp\":\"GFP_KERNEL|__GFP_NORETRY\"}");
	scenario_add("{\"event\":\"kvmalloc\",\"id\":9,\"size\":8000000}");
	expect_found("", 1,
		"size_too_large error 0\norder_too_large error 1\norder_too_large error 2\nsize_too_large error 3\n"
		"highmem_kmalloc warning 4\norder_too_large warning 5\nsleep_in_atomic warning 6\norder_too_large advice 7\n");
	expect_text(0, "answers NULL");
}

/* What is right at the edge of those rules. */
Test(lint, the_largest_sizes_and_what_may_fail_quietly_are_right)
{
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"big\",\"size\":4194304}");
	scenario_add("{\"event\":\"alloc_pages_exact\",\"id\":1,\"size\":4194305,\"gfp\":\"GFP_KERNEL|__GFP_NOWARN\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":2,\"order\":4,\"gfp\":\"GFP_KERNEL|__GFP_RETRY_MAYFAIL\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":3,\"order\":3}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":4,\"order\":1,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL\"}");
	scenario_add("{\"event\":\"kvmalloc\",\"id\":5,\"size\":100,\"gfp\":\"GFP_NOWAIT|__GFP_NOFAIL\"}");
	for (int id = 2; id <= 4; id++)
		scenario_add("{\"event\":\"free_pages\",\"id\":%d,\"order\":%d}", id, id == 2 ? 4 : id == 3 ? 3 : 1);
	scenario_add("{\"event\":\"kvfree\",\"id\":5}");
	expect_found("", 0, "sleep_in_atomic warning 5\n");
}

/* kmem_cache_sanity_check(); and zone DMA is for devices that reach less than 4 GiB. */
Test(lint, a_cache_has_a_name_and_gfp_dma_is_for_who_needs_it)
{
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"\",\"size\":320}");
	scenario_add(
		"{\"event\":\"dma_alloc_coherent\",\"id\":1,\"size\":4096,\"gfp\":\"GFP_KERNEL|GFP_DMA\",\"dma_mask\":4294967295}");
	scenario_add(
		"{\"event\":\"dma_alloc_coherent\",\"id\":2,\"size\":4096,\"gfp\":\"GFP_KERNEL|GFP_DMA\",\"dma_mask\":1073741823}");
	scenario_add("{\"event\":\"dma_free_coherent\",\"id\":1}");
	scenario_add("{\"event\":\"dma_free_coherent\",\"id\":2}");
	scenario_add("{\"event\":\"kmalloc\",\"id\":3,\"size\":100,\"gfp\":\"GFP_KERNEL|GFP_DMA\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":4,\"order\":0,\"gfp\":\"GFP_KERNEL|GFP_DMA\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":5,\"order\":0,\"gfp\":\"GFP_KERNEL|GFP_DMA32\"}");
	scenario_add("{\"event\":\"kfree\",\"id\":3}");
	scenario_add("{\"event\":\"free_pages\",\"id\":4,\"order\":0}");
	scenario_add("{\"event\":\"free_pages\",\"id\":5,\"order\":0}");
	expect_found("", 1,
		"cache_name_invalid error 0\ndma_mask_unreachable advice 1\ndma_mask_unreachable advice 5\ndma_mask_unreachable advice 6\n");
}

Test(lint, caches_are_created_and_destroyed_with_care)
{
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"my cache\",\"size\":320}");
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"c\",\"size\":320,\"ctor\":true}");
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"c\",\"size\":640,\"ctor\":true}");
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"live\",\"size\":320,\"ctor\":true}");
	scenario_add("{\"event\":\"kmem_cache_alloc\",\"id\":1,\"cache\":\"live\"}");
	scenario_add("{\"event\":\"kmem_cache_destroy\",\"cache\":\"live\"}");
	scenario_add("{\"event\":\"kmem_cache_free\",\"id\":1,\"cache\":\"live\"}");
	scenario_add("{\"event\":\"kmem_cache_destroy\",\"cache\":\"live\"}");
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"gone\",\"size\":320,\"ctor\":true}");
	scenario_add("{\"event\":\"kmem_cache_destroy\",\"cache\":\"gone\"}");
	scenario_add("{\"event\":\"kmem_cache_alloc\",\"id\":2,\"cache\":\"gone\"}");
	scenario_add("{\"event\":\"kmem_cache_shrink\",\"cache\":\"gone\"}");
	scenario_add("{\"event\":\"kmem_cache_destroy\",\"cache\":\"never\"}");
	expect_found("", 1, "cache_name_invalid warning 0\ncache_name_duplicate warning 2\ncache_destroy_live error 5\n"
			    "cache_destroyed error 7\ncache_destroyed error 10\ncache_destroyed error 11\nfree_unknown error 12\n");
}

/*
 * A cache that others share lives on, and so does one that the
 * kernel would not destroy; neither is for its creator any more.
 */
Test(lint, a_destroyed_cache_that_lives_on_is_not_used)
{
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"mine\",\"size\":320}");
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"theirs\",\"size\":320}");
	scenario_add("{\"event\":\"kmem_cache_alloc\",\"id\":1,\"cache\":\"theirs\"}");
	scenario_add("{\"event\":\"kmem_cache_alloc\",\"id\":2,\"cache\":\"mine\"}");
	scenario_add("{\"event\":\"kmem_cache_destroy\",\"cache\":\"mine\"}");
	scenario_add("{\"event\":\"kmem_cache_free\",\"id\":2,\"cache\":\"mine\"}");
	scenario_add("{\"event\":\"kmem_cache_alloc\",\"id\":3,\"cache\":\"mine\"}");
	scenario_add("{\"event\":\"kmem_cache_free\",\"id\":3,\"cache\":\"theirs\"}");
	scenario_add("{\"event\":\"kmem_cache_alloc\",\"id\":3,\"cache\":\"mine\"}");
	scenario_add("{\"event\":\"kmem_cache_free\",\"id\":3,\"cache\":\"theirs\"}");
	scenario_add("{\"event\":\"kmem_cache_destroy\",\"cache\":\"mine\"}");
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"mine\",\"size\":320}");
	scenario_add("{\"event\":\"kmem_cache_alloc\",\"id\":3,\"cache\":\"mine\"}");
	scenario_add("{\"event\":\"kmem_cache_free\",\"id\":3,\"cache\":\"mine\"}");
	scenario_add("{\"event\":\"kmem_cache_destroy\",\"cache\":\"mine\"}");
	scenario_add("{\"event\":\"kmem_cache_destroy\",\"cache\":\"theirs\"}");
	scenario_add("{\"event\":\"kmem_cache_alloc\",\"id\":4,\"cache\":\"theirs\",\"call_site\":\"late+0x1\"}");
	expect_found("", 1,
		"cache_destroy_live error 4\ncache_destroyed error 6\ncache_destroyed error 8\ncache_destroyed error 10\n"
		"cache_destroy_live error 15\ncache_destroyed error 16\n");
	expect_text(4, "does not see");
	expect_text(10, "second destroy");
	scenario_expect("select call_site from violations where event_no = 16", "late+0x1\n");
}

Test(lint, sections_of_a_cpu_are_short_and_do_not_sleep)
{
	scenario_add("{\"event\":\"get_cpu\",\"pid\":7}");
	scenario_add("{\"event\":\"kmalloc\",\"id\":1,\"size\":64,\"pid\":7}");
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"c\",\"size\":320,\"pid\":7}");
	scenario_add("{\"event\":\"kmalloc\",\"id\":2,\"size\":64,\"gfp\":\"GFP_ATOMIC\",\"pid\":7}");
	scenario_add("{\"event\":\"put_cpu\",\"pid\":7}");
	scenario_add("{\"event\":\"kmalloc\",\"id\":3,\"size\":64,\"pid\":7}");
	scenario_add("{\"event\":\"put_cpu\",\"pid\":7}");
	scenario_add("{\"event\":\"alloc_percpu\",\"id\":4,\"size\":40000,\"align\":8}");
	scenario_add("{\"event\":\"alloc_percpu\",\"id\":5,\"size\":64,\"align\":8,\"ctx\":\"softirq\"}");
	scenario_add("{\"event\":\"alloc_percpu\",\"id\":6,\"size\":64,\"align\":8}");
	scenario_add("{\"event\":\"kfree\",\"id\":6}");
	expect_found("", 1,
		"sleep_in_atomic error 1\nsleep_in_atomic error 2\npreempt_imbalance error 6\nsize_too_large error 7\n"
		"sleep_in_atomic error 8\nwrong_free fatal 10\n");
}

Test(lint, sections_are_not_left_by_what_takes_a_mutex)
{
	scenario_add("{\"event\":\"alloc_pages\",\"id\":1,\"gfp\":\"GFP_HIGHUSER\"}");
	scenario_add("{\"event\":\"mempool_create\",\"pool\":\"p\",\"kind\":\"kmalloc\",\"size\":64,\"min_nr\":2}");
	scenario_add("{\"event\":\"get_cpu\"}");
	scenario_add("{\"event\":\"kmap\",\"id\":2,\"page\":1}");
	scenario_add("{\"event\":\"kunmap\",\"id\":2}");
	scenario_add("{\"event\":\"mempool_resize\",\"pool\":\"p\",\"min_nr\":3}");
	scenario_add("{\"event\":\"request_region\",\"start\":768,\"size\":8,\"name\":\"x\"}");
	scenario_add("{\"event\":\"kmap_atomic\",\"id\":3,\"page\":1}");
	scenario_add("{\"event\":\"kunmap_atomic\",\"id\":3}");
	scenario_add("{\"event\":\"put_cpu\"}");
	scenario_add("{\"event\":\"release_region\",\"start\":768,\"size\":8}");
	expect_found("", 1,
		"sleep_in_atomic error 3\nsleep_in_atomic error 4\nsleep_in_atomic error 5\nsleep_in_atomic error 6\n");
}

/* An interrupt that comes into a section is not in it: its vfree() is deferred, as always. */
Test(lint, sections_are_those_of_the_task)
{
	scenario_add("{\"event\":\"vmalloc\",\"id\":1,\"size\":4096,\"pid\":7}");
	scenario_add("{\"event\":\"get_cpu\",\"pid\":7}");
	scenario_add("{\"event\":\"vfree\",\"id\":1,\"pid\":7,\"ctx\":\"softirq\"}");
	scenario_add("{\"event\":\"put_cpu\",\"pid\":7}");
	expect_found("", 0, "");
}

/* BUG_ON(idx >= KM_MAX_IDX): 15 places, of which 16 are asked for. */
Test(lint, more_kmap_atomic_than_places_stop_the_kernel)
{
	scenario_add("{\"event\":\"alloc_pages\",\"id\":\"g\",\"gfp\":\"GFP_HIGHUSER\"}");
	for (int i = 0; i < 16; i++)
		scenario_add("{\"event\":\"kmap_atomic\",\"id\":%d,\"page\":\"g\"}", i);
	for (int i = 15; i-- > 0;)
		scenario_add("{\"event\":\"kunmap_atomic\",\"id\":%d}", i);
	run_write("m.yaml", "kmemsim: 1\nbits: 32\nmemory: 2 GiB\n");
	expect_found("-m m.yaml", 1, "kmap_leak fatal 16\n");
}

/* kmap_atomic() disables preemption, as get_cpu() does; the end out of order is told of who ends. */
Test(lint, what_is_mapped_by_kmap_atomic_is_used_without_sleeping)
{
	scenario_add("{\"event\":\"alloc_pages\",\"id\":\"g\",\"order\":0,\"gfp\":\"GFP_HIGHUSER\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":\"h\",\"order\":0,\"gfp\":\"GFP_HIGHUSER\"}");
	scenario_add("{\"event\":\"kmap_atomic\",\"id\":1,\"page\":\"g\"}");
	scenario_add("{\"event\":\"kmap_atomic\",\"id\":2,\"page\":\"h\",\"call_site\":\"mapper+0x8\"}");
	scenario_add("{\"event\":\"kmalloc\",\"id\":3,\"size\":64,\"gfp\":\"GFP_ATOMIC\"}");
	scenario_add("{\"event\":\"kmalloc\",\"id\":4,\"size\":64}");
	scenario_add("{\"event\":\"kunmap_atomic\",\"id\":1,\"call_site\":\"unmapper+0x8\"}");
	scenario_add("{\"event\":\"kunmap_atomic\",\"id\":2}");
	scenario_add("{\"event\":\"kmalloc\",\"id\":5,\"size\":64}");
	expect_found("", 1, "sleep_in_atomic error 5\npreempt_imbalance error 6\n");
	expect_text(5, "between kmap_atomic and kunmap_atomic");
	scenario_expect("select call_site from violations where event_no = 6", "unmapper+0x8\n");
}

/* What takes a mutex or fills page tables, whatever it is asked for. */
Test(lint, some_calls_may_always_sleep)
{
	scenario_add("{\"event\":\"dma_pool_create\",\"pool\":\"p\",\"size\":64}");
	scenario_add("{\"event\":\"dma_pool_destroy\",\"pool\":\"p\",\"ctx\":\"softirq\"}");
	scenario_add("{\"event\":\"vm_map_ram\",\"id\":1,\"size\":4096}");
	scenario_add("{\"event\":\"vm_unmap_ram\",\"id\":1,\"ctx\":\"hardirq\"}");
	scenario_add("{\"event\":\"mmap_device\",\"phys\":\"0xfd000000\",\"size\":4096,\"preempt_off\":true}");
	scenario_add("{\"event\":\"get_cpu\"}");
	scenario_add("{\"event\":\"mmap_device\",\"phys\":\"0xfd000000\",\"size\":4096}");
	scenario_add("{\"event\":\"put_cpu\"}");
	expect_found("", 1,
		"sleep_in_atomic error 1\nsleep_in_atomic error 3\nsleep_in_atomic error 4\nsleep_in_atomic error 6\n");
}

/* The address decides what the kernel finds by it: a page that is no slab, or nothing at all. */
Test(lint, a_wrong_free_ends_by_what_the_address_leads_to)
{
	scenario_add("{\"event\":\"dma_alloc_coherent\",\"id\":1,\"size\":4096}");
	scenario_add("{\"event\":\"kfree\",\"id\":1}");
	scenario_add("{\"event\":\"kmalloc\",\"id\":2,\"size\":16384}");
	scenario_add("{\"event\":\"free_pages\",\"id\":2,\"order\":2}");
	scenario_add("{\"event\":\"kmalloc\",\"id\":3,\"size\":16384}");
	scenario_add("{\"event\":\"free_pages\",\"id\":3,\"order\":1}");
	scenario_add("{\"event\":\"vmalloc\",\"id\":4,\"size\":4096}");
	scenario_add("{\"event\":\"free_pages\",\"id\":4,\"order\":0}");
	scenario_add("{\"event\":\"kmalloc\",\"id\":5,\"size\":64}");
	scenario_add("{\"event\":\"free_percpu\",\"id\":5}");
	scenario_add("{\"event\":\"dma_pool_create\",\"pool\":\"p\",\"size\":64}");
	scenario_add("{\"event\":\"dma_pool_alloc\",\"id\":6,\"pool\":\"p\"}");
	scenario_add("{\"event\":\"dma_pool_destroy\",\"pool\":\"p\"}");
	scenario_add("{\"event\":\"dma_pool_free\",\"id\":6,\"pool\":\"p\"}");
	expect_found("", 1,
		"wrong_free error 1\nwrong_free notice 3\nwrong_free error 5\nwrong_free fatal 7\nwrong_free fatal 9\n"
		"mempool_leak error 12\nwrong_free error 13\n");
	expect_text(1, "frees its first page");
	expect_text(7, "oopses");
	expect_text(9, "oopses");
}

/* The largest kmalloc() of 2.6 is far from the largest block of pages. */
Test(lint, what_kmalloc_refuses_needs_no_advice)
{
	scenario_add("{\"event\":\"kmalloc\",\"id\":1,\"size\":131073}");
	expect_found("--set kernel=2.6-classic", 1, "size_too_large error 0\n");
	expect_found("", 0, "order_too_large advice 0\n");
}

/* As the functions below them do. */
Test(lint, callers_of_kmalloc_have_its_limits)
{
	scenario_add("{\"event\":\"mempool_create\",\"pool\":\"p\",\"min_nr\":1,\"kind\":\"kmalloc\",\"size\":64}");
	scenario_add("{\"event\":\"mempool_alloc\",\"id\":1,\"pool\":\"p\",\"gfp\":\"GFP_KERNEL|__GFP_HIGHMEM\"}");
	scenario_add("{\"event\":\"mempool_create\",\"pool\":\"q\",\"min_nr\":1,\"kind\":\"page\",\"order\":0}");
	scenario_add("{\"event\":\"mempool_alloc\",\"id\":2,\"pool\":\"q\",\"gfp\":\"GFP_KERNEL|__GFP_HIGHMEM\"}");
	scenario_add("{\"event\":\"kvmalloc\",\"id\":3,\"size\":2147483648}");
	scenario_add("{\"event\":\"kvmalloc\",\"id\":4,\"size\":2147483648,\"gfp\":\"GFP_KERNEL|__GFP_NOWARN\"}");
	scenario_add("{\"event\":\"krealloc\",\"id\":5,\"size\":65536}");
	scenario_add("{\"event\":\"krealloc\",\"id\":6,\"size\":32768}");
	expect_found("", 1, "highmem_kmalloc warning 1\nsize_too_large error 4\norder_too_large advice 6\n");
}

/* krealloc() of what is no slab's ends like kfree() of it; whoever frees that later is not to blame. */
Test(lint, krealloc_is_for_what_kmalloc_made)
{
	scenario_add("{\"event\":\"vmalloc\",\"id\":1,\"size\":8192}");
	scenario_add("{\"event\":\"krealloc\",\"id\":1,\"size\":9000,\"call_site\":\"drv_grow+0x4\"}");
	scenario_add("{\"event\":\"vfree\",\"id\":1}");
	scenario_add("{\"event\":\"alloc_percpu\",\"id\":2,\"size\":8,\"align\":8}");
	scenario_add("{\"event\":\"krealloc\",\"id\":2,\"size\":0}");
	scenario_add("{\"event\":\"kfree\",\"id\":null}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":3,\"order\":0}");
	scenario_add("{\"event\":\"krealloc\",\"id\":3,\"size\":9000}");
	scenario_add("{\"event\":\"kfree\",\"id\":3}");
	scenario_add("{\"event\":\"kmem_cache_alloc\",\"id\":4,\"cache\":\"c\",\"size\":64}");
	scenario_add("{\"event\":\"krealloc\",\"id\":4,\"size\":32}");
	scenario_add("{\"event\":\"krealloc\",\"id\":4,\"size\":640}");
	scenario_add("{\"event\":\"krealloc\",\"id\":4,\"size\":1280}");
	scenario_add("{\"event\":\"kvmalloc\",\"id\":5,\"size\":64}");
	scenario_add("{\"event\":\"krealloc\",\"id\":5,\"size\":640}");
	scenario_add("{\"event\":\"kvfree\",\"id\":5}");
	/* In place nobody looks at the flags. */
	scenario_add("{\"event\":\"krealloc\",\"id\":6,\"size\":100,\"gfp\":\"GFP_KERNEL|__GFP_DMA32\"}");
	scenario_add("{\"event\":\"krealloc\",\"id\":6,\"size\":128,\"gfp\":\"GFP_KERNEL|__GFP_DMA32\"}");
	expect_found("", 1, "wrong_free fatal 1\nwrong_free fatal 4\nwrong_free error 7\nwrong_free notice 11\n"
			    "highmem_kmalloc warning 16\n");
	scenario_expect("select call_site, text from violations where event_no = 1",
		"drv_grow+0x4 krealloc of an object from vmalloc: no slab is there, the kernel oopses\n");
}

/* Row 38. Of the first allocation the cache is looked up in that moment, of the second not. */
Test(lint, clearing_undoes_a_constructor)
{
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"c\",\"size\":64,\"ctor\":true}");
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"plain\",\"size\":64}");
	scenario_add("{\"event\":\"kmem_cache_alloc\",\"id\":1,\"cache\":\"c\",\"gfp\":\"GFP_KERNEL|__GFP_ZERO\"}");
	scenario_add("{\"event\":\"kmem_cache_alloc\",\"id\":2,\"cache\":\"c\",\"gfp\":\"GFP_KERNEL|__GFP_ZERO\"}");
	scenario_add("{\"event\":\"kmem_cache_alloc\",\"id\":3,\"cache\":\"c\",\"gfp\":\"GFP_KERNEL\"}");
	scenario_add("{\"event\":\"kmem_cache_alloc\",\"id\":4,\"cache\":\"plain\",\"gfp\":\"GFP_KERNEL|__GFP_ZERO\"}");
	expect_found("", 0, "constructed_zeroed warning 2\nconstructed_zeroed warning 3\n");
}

/* Rows 41, 42 and 46: how bad they are. */
Test(lint, severities_are_those_of_the_kernels_own_reaction)
{
	scenario_add("{\"event\":\"dma_alloc_coherent\",\"id\":1,\"size\":4096,\"dma_mask\":4294967295}");
	scenario_add("{\"event\":\"dma_free_coherent\",\"id\":1,\"irqs_off\":true}");
	scenario_add("{\"event\":\"dma_pool_create\",\"pool\":\"d\",\"size\":64,\"align\":8,\"boundary\":0}");
	scenario_add("{\"event\":\"dma_pool_alloc\",\"id\":2,\"pool\":\"d\"}");
	scenario_add("{\"event\":\"dma_pool_destroy\",\"pool\":\"d\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":3,\"order\":2,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":4,\"order\":1,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL\"}");
	expect_found("", 1, "sleep_in_atomic warning 1\nmempool_leak error 4\norder_too_large warning 5\n");
	expect_text(1, "the kernel warns");
}

Test(lint, status_is_1_for_errors_alone)
{
	struct run_result result;

	scenario_add("{\"event\":\"kmalloc\",\"id\":1,\"size\":8,\"gfp\":\"GFP_KERNEL|__GFP_HIGHMEM\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":2,\"order\":5}");
	expect_found("", 0, "highmem_kmalloc warning 0\norder_too_large advice 1\n");
	expect_found("--severity warning", 0, "highmem_kmalloc warning 0\n");
	expect_found("--rule order_too_large", 0, "order_too_large advice 1\n");
	result = run_shell("$K lint t.kmt");
	cr_expect(strstr(result.out, "highmem_kmalloc"), "%s", result.out);
	cr_expect(strstr(result.out, "0  errors in 2 events"), "%s", result.out);
	run_free(&result);
	result = run_shell("$K lint t.kmt --rule sleepy");
	cr_expect_eq(result.status, 2);
	cr_expect(strstr(result.err, "there is no rule"), "%s", result.err);
	run_free(&result);
}

Test(lint, json_has_every_violation)
{
	struct run_result result;

	scenario_add("{\"event\":\"kfree\",\"id\":\"never\",\"call_site\":\"a \\\"b\\\"\",\"time_ns\":5000,\"cpu\":1}");
	result = run_shell("$K import t.jsonl -o t.kmt --quiet && $K lint t.kmt --json");
	cr_expect_eq(result.status, 1);
	cr_expect_eq(run_number(result.out, "errors"), 1);
	cr_expect(
		strstr(result.out,
			"{\"event_no\": 0, \"time_ns\": 5000, \"cpu\": 1, \"severity\": \"error\", \"rule\": \"free_unknown\","
			" \"call_site\": \"a \\\"b\\\"\", \"text\": "),
		"%s", result.out);
	run_free(&result);
}

/* A softirq that comes while the CPU is still at something older is judged in the order of the trace. */
Test(lint, rules_are_judged_in_the_order_of_the_trace)
{
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"c\",\"size\":320,\"time_ns\":0}");
	scenario_add(
		"{\"event\":\"kmem_cache_alloc\",\"id\":1,\"cache\":\"c\",\"gfp\":\"GFP_ATOMIC\",\"ctx\":\"softirq\",\"time_ns\":1}");
	expect_found("", 0, "");
}

Test(lint, more_than_a_thousand_of_a_kind_are_counted)
{
	struct run_result result;

	for (int i = 0; i < 1500; i++)
		scenario_add("{\"event\":\"kfree\",\"id\":\"x%d\"}", i);
	result = run_shell("$K import t.jsonl -o t.kmt --quiet && $K lint t.kmt -o r.db");
	cr_expect_eq(result.status, 1);
	cr_expect(strstr(result.out, "1500  error     free_unknown (the first 1000 are shown)"), "%s", result.out);
	run_free(&result);
	scenario_expect("select count(*) from violations", "1000\n");
}

/* What a real kernel does is, but for its boot's own habits, by the rules; F-numa has resource trees of ACPI's own. */
Test(lint, a_recorded_kernel_breaks_no_rule)
{
	static const char *const captures[] = { "A-boot-256m", "F-numa" };

	if (!run_shared())
		cr_skip_test("KMEMSIM_SHARED is not set: no captures");
	for (size_t i = 0; i < sizeof(captures) / sizeof(captures[0]); i++) {
		struct run_result result = run_shell("S=%s/captures/%s; $K import $S/trace.dat -o x.kmt --quiet &&"
			" $K probe $S/snapshots -o x.yaml 2> /dev/null && $K lint x.kmt -m x.yaml", run_shared(), captures[i]);

		cr_expect_eq(result.status, 0, "%s: %s%s", captures[i], result.out, result.err);
		run_free(&result);
	}
}

/* What the kernel does then depends on whose free it is; each says something. */
Test(lint, every_second_free_is_fatal_and_says_what_the_kernel_does)
{
	static const struct {
		const char *make, *end, *says;
	} pairs[] = {
		{ "\"event\":\"kmalloc\",\"size\":64", "kfree", "corrupted" },
		{ "\"event\":\"vmalloc\",\"size\":4096", "vfree", "nonexistent area" },
		{ "\"event\":\"ioremap\",\"phys\":\"0xfd000000\",\"size\":4096", "iounmap", "bad address" },
		{ "\"event\":\"alloc_pages\",\"order\":0", "free_pages", "bad page" },
		{ "\"event\":\"alloc_percpu\",\"size\":64,\"align\":8", "free_percpu", "not there" },
		{ "\"event\":\"task_create\"", "task_exit", "not there" },
	};
	char found[1024] = "";

	for (int i = 0; i < (int)(sizeof(pairs) / sizeof(pairs[0])); i++) {
		scenario_add("{\"id\":%d,%s}", i, pairs[i].make);
		scenario_add("{\"id\":%d,\"event\":\"%s\"}", i, pairs[i].end);
		scenario_add("{\"id\":%d,\"event\":\"%s\"}", i, pairs[i].end);
		snprintf(found + strlen(found), sizeof(found) - strlen(found), "double_free fatal %d\n", 3 * i + 2);
	}
	expect_found("--rule double_free", 1, found);
	for (int i = 0; i < (int)(sizeof(pairs) / sizeof(pairs[0])); i++)
		expect_text(3 * i + 2, pairs[i].says);
}

/*
 * Whose claim, mapping or object it was may be in what --skip
 * leaves out; what is wrong by itself is judged all the same.
 */
Test(lint, what_depends_on_skipped_events_is_not_judged)
{
	struct run_result result;

	scenario_add("{\"event\":\"request_region\",\"start\":1024,\"size\":8,\"name\":\"dev\"}");
	scenario_add("{\"event\":\"inb\",\"port\":1024}");
	scenario_add("{\"event\":\"kmalloc\",\"id\":1,\"size\":64,\"ctx\":\"softirq\"}");
	scenario_add("{\"event\":\"kfree\",\"id\":2,\"unknown\":true}");
	scenario_add("{\"event\":\"release_region\",\"start\":1024,\"size\":8}");
	run_ok("$K import t.jsonl -o t.kmt -q && $K replay t.kmt --skip 1 -o r.db >told");
	scenario_expect("select rule from violations order by event_no", "sleep_in_atomic\nfree_unknown\n");
	run_ok("grep -q '^violations 2 ' told && grep -q '^not judged 2 possible violations: ' told");
	result = run_shell("$K replay t.kmt --json; $K replay t.kmt --skip 1 --json >&2");
	cr_expect_eq(run_number(result.out, "not_judged"), 0, "%s", result.out);
	cr_expect_eq(run_number(result.err, "violations"), 2, "%s", result.err);
	run_free(&result);
}

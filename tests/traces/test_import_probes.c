/* Every probe of the documented naming scheme, and the tracepoints of kernels 4.x to 6.18 as each prints them. */
#include "tests/traces/importing.h"

#define LINE(seconds, event) " task-7 [000] ..... " seconds ": " event "\n"

static const struct imported_event *expect_kind(const struct imported *in, size_t n, enum trace_kind kind)
{
	const struct imported_event *event = importing_event(in, n);

	cr_expect_eq(event->op.kind, kind, "event %zu is %s, not %s", n, kind_info[event->op.kind].name,
		kind_info[kind].name);
	return event;
}

static void expect_clean(const struct imported *in, size_t nr)
{
	cr_expect_eq(in->nr - in->nr_prologue, nr, "%zu events", in->nr - in->nr_prologue);
	cr_expect_eq(trace_counts_total(&in->meta.unusable), 0);
}

Test(import_probes, vmalloc_and_its_relatives)
{
	struct imported in = importing_text(
		LINE("1.000001", "vmalloc_range: (ffffffff812e8bd0) size=20480 align=4096 gfp=0xdc0 flags=0x2 node=-1")
		LINE("1.000002", "vmalloc_range_ret: (ffffffff812e8bd0 <- ffffffff81000000) addr=0xffffc90000100000")
		LINE("1.000003", "vmap: (ffffffff812e8bd0) count=3")
		LINE("1.000004", "vmap_ret: (ffffffff812e8bd0 <- ffffffff81000000) addr=0xffffc90000200000")
		LINE("1.000005", "vm_map_ram: (ffffffff812e8bd0) count=2 node=1")
		LINE("1.000006", "vm_map_ram_ret: (ffffffff812e8bd0 <- ffffffff81000000) addr=0xffffc90000300000")
		LINE("1.000007", "vm_unmap_ram: (ffffffff812e8bd0) addr=0xffffc90000300000 count=2")
		LINE("1.000008", "vunmap: (ffffffff812e8bd0) addr=0xffffc90000200000")
		LINE("1.000009", "vfree: (ffffffff812e8bd0) addr=0xffffc90000100000")
		LINE("1.000010", "vmalloc_range: (ffffffff812e8bd0) size=1073741824 align=1 gfp=0xcc0 node=0")
		LINE("1.000011", "vmalloc_range_ret: (ffffffff812e8bd0 <- ffffffff81000000) addr=0x0"));

	expect_clean(&in, 7);
	cr_expect_eq(expect_kind(&in, 0, KIND_VMALLOC)->op.size, 20480);
	cr_expect_eq(expect_kind(&in, 0, KIND_VMALLOC)->op.gfp, GFP_KERNEL | GFP_BIT_ZERO);
	cr_expect_eq(expect_kind(&in, 1, KIND_VMAP)->op.size, 3 * 4096);
	cr_expect_eq(expect_kind(&in, 2, KIND_VM_MAP_RAM)->op.size, 2 * 4096);
	expect_kind(&in, 3, KIND_VM_UNMAP_RAM);
	expect_kind(&in, 4, KIND_VUNMAP);
	expect_kind(&in, 5, KIND_VFREE);
	cr_expect(expect_kind(&in, 6, KIND_VMALLOC)->op.flags & OP_FAILED);
	importing_end(&in);
}

/* A return probe tells where the call came from; of others, what their definition fetches as caller. */
Test(import_probes, callers_are_call_sites)
{
	struct imported in = importing_text(LINE("1.000001",
		"ioremap: (__ioremap_caller+0x0/0x2a0) phys=0xfed00000 size=1024 pcm=2") LINE("1.000002",
		"ioremap_ret: (vp_modern_probe+0x148/0x300 [virtio_pci_modern_dev] <- __ioremap_caller) addr=0xffffc90000045000")
			LINE("1.000003",
				"iounmap: (iounmap+0x0/0xb0) addr=0xffffc90000045000 caller=vp_modern_remove+0x2c/0x60")
				LINE("1.000004",
					"vmap: (ffffffff812e8bd0) count=3 caller=0xffffffff81000123") LINE("1.000005",
					"vmap_ret: (ffffffff812e8bd0 <- ffffffff81000000) addr=0xffffc90000200000")
					LINE("1.000006",
						"vm_map_ram: (ffffffff812e8bd0) count=2 node=1") LINE("1.000007",
						"vm_map_ram_ret: (ffffffff812e8bd0 <- ffffffff81000000) addr=0xffffc90000300000")
						LINE("1.000008", "vunmap: (ffffffff812e8bd0) addr=0xffffc90000200000"));
	static const char *const sites[] = { "vp_modern_probe+0x148", "vp_modern_remove+0x2c", "0xffffffff81000123",
		"0xffffffff81000000", "" };

	expect_clean(&in, 5);
	for (size_t i = 0; i < 5; i++)
		cr_expect_str_eq(importing_event(&in, i)->call_site, sites[i]);
	importing_end(&in);
}

/*
 * As the kernel, trace-cmd and perf print it: the first function
 * that is neither the tracer's nor the memory layer's has asked.
 */
Test(import_probes, chains_of_callers_tell_the_call_site)
{
	struct imported in = importing_text(LINE("1.000001",
		"mm_page_alloc: page=x pfn=0x4000 order=0 migratetype=1 gfp_flags=GFP_KERNEL") LINE("1.000001",
		"<stack trace>") " => trace_event_raw_event_mm_page_alloc\n => __alloc_pages\n => pipe_write+0x1d0/0x5c0\n => vfs_write\n" LINE("1.000002",
		"kmalloc: call_site=load_elf+0x10/0x20 ptr=0xffff888000001000 bytes_req=64 bytes_alloc=64 gfp_flags=GFP_KERNEL node=-1") LINE("1.000002",
		"kernel_stack:         <stack trace >") "=> __kmalloc (ffffffff81234567)\n=> other (ffffffff81234567)\n" LINE("1.000003",
		"iounmap: (iounmap+0x0/0x90) addr=0xffffc90000000000") LINE("1.000003",
		"kernel_stack:         <stack trace >") "=> kprobe_ftrace_handler (ffffffff81234560)\n=> iounmap (ffffffff81234567)\n=> driver_exit+0x5 (ffffffff81234567)\n" LINE("1.000004",
		"mm_page_free: page=x pfn=0x4000 order=0") " task-8 [001] ..... 1.000004: <stack trace>\n => of_another_cpu\n"
							   "task  7 [000]  1.000005: kmem:mm_page_alloc: page=x pfn=0x5000 order=3 migratetype=1 gfp_flags=GFP_KERNEL\n"
							   "\tffffffff816349cd __alloc_pages+0x20d ([kernel.kallsyms])\n"
							   "\tffffffff816349cd skb_page_frag_refill+0x2d ([kernel.kallsyms])\n\n");
	static const char *const sites[] = { "pipe_write+0x1d0", "load_elf+0x10", "driver_exit+0x5", "",
		"skb_page_frag_refill+0x2d" };

	expect_clean(&in, 5);
	for (size_t i = 0; i < 5; i++)
		cr_expect_str_eq(importing_event(&in, i)->call_site, sites[i], "event %zu: %s", i,
			importing_event(&in, i)->call_site);
	importing_end(&in);
}

Test(import_probes, ioremap_regions_and_mappings_into_user_space)
{
	struct imported in = importing_text(LINE("1.000001",
		"request_region: (ffffffff81000000) parent=0xffffffff82a00000 start=0xfed00000 n=0x400 name=\"HPET 0\"") LINE("1.000002",
		"request_region_ret: (ffffffff81000000 <- ffffffff81000001) res=0xffff888003c44a00") LINE("1.000003",
		"ioremap: (ffffffff8107c440) phys=0xfed00000 size=1024 pcm=2") LINE("1.000004",
		"ioremap_ret: (ffffffff8107c440 <- ffffffff816cf5be) addr=0xffffc90000045000") LINE("1.000005",
		"iounmap: (ffffffff8107c940) addr=0xffffc90000045000") LINE("1.000006",
		"release_region: (ffffffff81000000) parent=0xffffffff82a00000 start=0xfed00000 n=0x400") LINE("1.000007",
		"request_region: (ffffffff81000000) parent=0xffffffff82a00100 start=0x60 n=0x1 name=\"keyboard\"")
			LINE("1.000008", "request_region_ret: (ffffffff81000000 <- ffffffff81000001) res=0x0")
				LINE("1.000009",
					"release_region: (ffffffff81000000) parent=0xffffffff82a00100 start=0x60 n=0x1")
					LINE("1.000010", "remap_pfn_range: (ffffffff81000000) pfn=0xfd000 size=8192"));

	expect_clean(&in, 7);
	cr_expect_str_eq(expect_kind(&in, 0, KIND_REQUEST_MEM_REGION)->name, "HPET 0");
	cr_expect_eq(expect_kind(&in, 0, KIND_REQUEST_MEM_REGION)->op.arg[0], 0xfed00000);
	cr_expect_eq(expect_kind(&in, 1, KIND_IOREMAP)->op.arg[0], 0xfed00000);
	cr_expect_eq(expect_kind(&in, 1, KIND_IOREMAP)->op.size, 1024);
	expect_kind(&in, 2, KIND_IOUNMAP);
	expect_kind(&in, 3, KIND_RELEASE_MEM_REGION);
	cr_expect(expect_kind(&in, 4, KIND_REQUEST_REGION)->op.flags & OP_FAILED, "the region was busy");
	cr_expect_eq(expect_kind(&in, 5, KIND_RELEASE_REGION)->op.arg[0], 0x60);
	cr_expect_eq(expect_kind(&in, 6, KIND_MMAP_DEVICE)->op.arg[0], 0xfd000000);
	cr_expect_eq(expect_kind(&in, 6, KIND_MMAP_DEVICE)->op.size, 8192);
	importing_end(&in);
}

Test(import_probes, a_probe_may_be_called_as_its_function_and_as_perf_probe_names_it)
{
	struct imported in = importing_text(LINE("1.000001",
		"__ioremap_caller: (ffffffff8107c440) phys=0xfed00000 size=1024 pcm=2") LINE("1.000002",
		"__ioremap_caller_ret: (ffffffff8107c440 <- ffffffff816cf5be) addr=0xffffc90000045000") " task 7 [000] 1.000003: probe:__vmalloc_node_range: (ffffffff812e8bd0) size=20480 gfp=0xcc0\n"
													" task 7 [000] 1.000004: probe:__vmalloc_node_range__return: (ffffffff812e8bd0 <- ffffffff81000000) addr=0xffffc90000100000\n" LINE(
														"1.000005",
														"kmem_cache_create_usercopy: (ffffffff812a8030) name=\"x\" size=80")
														LINE("1.000006",
															"kmem_cache_create_usercopy_ret: (ffffffff812a8030 <- ffffffff812a8322) s=0xffff888006ea7f00"));

	expect_clean(&in, 3);
	expect_kind(&in, 0, KIND_IOREMAP);
	cr_expect_eq(expect_kind(&in, 1, KIND_VMALLOC)->op.size, 20480);
	expect_kind(&in, 2, KIND_KMEM_CACHE_CREATE);
	importing_end(&in);
}

Test(import_probes, caches_and_mempools)
{
	struct imported in = importing_text(LINE("1.000001",
		"kmem_cache_create: (ffffffff812a8030) name=\"my cache\" size=80 align=8 flags=0x4040000 useroff=0 usersize=0") LINE("1.000002",
		"kmem_cache_create_ret: (ffffffff812a8030 <- ffffffff812a8322) s=0xffff888006ea7f00") LINE("1.000003",
		"mempool_create_node: (ffffffff81287270) min_nr=16 alloc_fn=0xffffffff81276ca0 pool_data=0xffff888006ea7f00 gfp=0xcc0") LINE("1.000004",
		"mempool_init_node: (ffffffff81276f60) pool=0xffff888027aca9c0 min_nr=16 alloc_fn=0xffffffff81276ca0 pool_data=0xffff888006ea7f00 gfp=0xcc0")
			LINE("1.000005",
				"mempool_create_ret: (ffffffff81287270 <- ffffffffc04e424c) pool=0xffff888027aca9c0") LINE("1.000006",
				"mempool_alloc: (ffffffff81276d00) pool=0xffff888027aca9c0 gfp=0xc00") LINE("1.000007",
				"mempool_alloc_ret: (ffffffff81276d00 <- ffffffff8153db92) ptr=0xffff88800767cf00") LINE("1.000008",
				"mempool_free: (ffffffff81276c20) ptr=0xffff88800767cf00 pool=0xffff888027aca9c0")
				LINE("1.000009",
					"mempool_resize: (ffffffff81276c20) pool=0xffff888027aca9c0 new_min_nr=32")
					LINE("1.000010", "mempool_destroy: (ffffffff81287150) pool=0xffff888027aca9c0") LINE(
						"1.000011",
						"mempool_exit: (ffffffff812870d0) pool=0xffff888027aca9c0") LINE("1.000012",
						"kmem_cache_shrink: (ffffffff812b8650) s=0xffff888006ea7f00")
						LINE("1.000013",
							"kmem_cache_destroy: (ffffffff812b8650) s=0xffff888006ea7f00"));

	expect_clean(&in, 8);
	cr_expect_str_eq(expect_kind(&in, 0, KIND_KMEM_CACHE_CREATE)->name, "my cache");
	cr_expect_eq(expect_kind(&in, 0, KIND_KMEM_CACHE_CREATE)->op.size, 80);
	cr_expect_eq(expect_kind(&in, 1, KIND_MEMPOOL_CREATE)->op.arg[0], 16);
	cr_expect_eq(expect_kind(&in, 1, KIND_MEMPOOL_CREATE)->op.arg[1], BACKING_SLAB);
	cr_expect_str_eq(expect_kind(&in, 1, KIND_MEMPOOL_CREATE)->name2, "my cache");
	expect_kind(&in, 2, KIND_MEMPOOL_ALLOC);
	expect_kind(&in, 3, KIND_MEMPOOL_FREE);
	cr_expect_eq(expect_kind(&in, 4, KIND_MEMPOOL_RESIZE)->op.arg[0], 32);
	expect_kind(&in, 5, KIND_MEMPOOL_DESTROY);
	expect_kind(&in, 6, KIND_KMEM_CACHE_SHRINK);
	expect_kind(&in, 7, KIND_KMEM_CACHE_DESTROY);
	importing_end(&in);
}

Test(import_probes, coherent_memory_and_its_pools)
{
	struct imported in = importing_text(LINE("1.000001",
		"dma_alloc: (ffffffff81141c90) dev=0xffff88800b2c00d0 size=91392 gfp=0xcc0 attrs=0x0") LINE("1.000002",
		"dma_alloc_ret: (ffffffff81141c90 <- ffffffff81141d4a) addr=0xffff88800e120000") LINE("1.000003",
		"dma_free: (ffffffff81141d90) dev=0xffff88800b2c00d0 size=91392 addr=0xffff88800e120000 dma=0xe120000") LINE("1.000004",
		"dma_pool_create: (ffffffff81000000) name=\"ring\" size=96 align=16 boundary=4096") LINE("1.000005",
		"dma_pool_create_ret: (ffffffff81000000 <- ffffffff81000001) pool=0xffff888001000000") LINE("1.000006",
		"dma_pool_create: (ffffffff81000000) name=\"ring\" size=96 align=16 boundary=0") LINE("1.000007",
		"dma_pool_create_ret: (ffffffff81000000 <- ffffffff81000001) pool=0xffff888001000100") LINE("1.000008",
		"dma_pool_alloc: (ffffffff81000000) pool=0xffff888001000100 gfp=0xcc0") LINE("1.000009",
		"dma_pool_alloc_ret: (ffffffff81000000 <- ffffffff81000001) addr=0xffff888002000000") LINE("1.000010",
		"dma_pool_free: (ffffffff81000000) pool=0xffff888001000100 addr=0xffff888002000000 dma=0x2000000")
			LINE("1.000011",
				"dma_pool_free: (ffffffff81000000) pool=0xffff888001000200 addr=0xffff888002000100 dma=0x2000100")
				LINE("1.000012", "dma_pool_destroy: (ffffffff81000000) pool=0xffff888001000000"));

	expect_clean(&in, 8);
	cr_expect_eq(expect_kind(&in, 0, KIND_DMA_ALLOC_COHERENT)->op.size, 91392);
	expect_kind(&in, 1, KIND_DMA_FREE_COHERENT);
	cr_expect_str_eq(expect_kind(&in, 2, KIND_DMA_POOL_CREATE)->name, "ring");
	cr_expect_eq(expect_kind(&in, 2, KIND_DMA_POOL_CREATE)->op.arg[0], 4096);
	cr_expect_str_eq(expect_kind(&in, 3, KIND_DMA_POOL_CREATE)->name, "ring#2", "pools are told apart by name");
	cr_expect_str_eq(expect_kind(&in, 4, KIND_DMA_POOL_ALLOC)->name, "ring#2");
	expect_kind(&in, 5, KIND_DMA_POOL_FREE);
	cr_expect_eq(importing_count(&in.meta.repaired, "DMA pool older than the trace"), 1);
	cr_expect_eq(in.nr_prologue, 2, "that pool, and the block freed of it");
	cr_expect_str_eq(expect_kind(&in, 7, KIND_DMA_POOL_DESTROY)->name, "ring");
	importing_end(&in);
}

Test(import_probes, areas_of_the_vmalloc_space_by_the_tracepoints_of_6_3_and_later)
{
	struct imported in = importing_text(LINE("1.000001",
		"alloc_vmap_area: va_start: 18446683600697196544 size=20480 align=16384 vstart=0xffffc90000000000 vend=0xffffe8ffffffffff failed=0") LINE("1.000002",
		"free_vmap_area_noflush: va_start=0xffffc90007948000 nr_lazy=12 nr_lazy_max=65536") LINE("1.000003",
		"free_vmap_area_noflush: va_start=0xffffc90000100000 nr_lazy=12 nr_lazy_max=65536") LINE("1.000004",
		"purge_vmap_area_lazy: start=0xffffc90000100000 end=0xffffc90000200000 num_purged=3") LINE("1.000005",
		"alloc_vmap_area: va_start: 0 size=20480 align=1 vstart=0xffffc90000000000 vend=0xffffe8ffffffffff failed=1")
			LINE("1.000006", "vmalloc_range: (ffffffff812e8bd0) size=16384 align=4096 gfp=0xcc0 node=-1") LINE(
				"1.000007",
				"alloc_vmap_area: va_start: 18446683600697196544 size=20480 align=4096 vstart=0xffffc90000000000 vend=0xffffe8ffffffffff failed=0")
				LINE("1.000008",
					"vmalloc_range_ret: (ffffffff812e8bd0 <- ffffffff81000000) addr=0xffffc90007948000"));
	const struct imported_event *area = expect_kind(&in, 0, KIND_VMAP);

	expect_clean(&in, 4);
	cr_expect_eq(area->op.size, 16384, "without its guard page");
	cr_expect_eq(area->where, 18446683600697196544u);
	cr_expect_eq(expect_kind(&in, 1, KIND_VUNMAP)->slot, area->slot);
	cr_expect_eq(importing_count(&in.meta.ignored, "free_vmap_area_noflush: effect of"), 1);
	cr_expect_eq(importing_count(&in.meta.ignored, "alloc_vmap_area: effect of vmalloc"), 1);
	cr_expect_eq(importing_count(&in.meta.ignored, "purge_vmap_area_lazy"), 1);
	importing_end(&in);
}

/* One allocation and its free, as kernels of that time print them. */
Test(import_probes, objects_as_kernels_4_x_to_6_18_print_them)
{
	struct imported in = importing_text(
		/* 4.x: bare call sites and pointers, masks without names for single flags */
		LINE("1.000001",
			"kmalloc: call_site=ffffffff8121c2f6 ptr=ffff88003d9e6c00 bytes_req=96 bytes_alloc=96 gfp_flags=GFP_KERNEL|GFP_ZERO")
			LINE("1.000002", "kfree: call_site=ffffffff8121c2f6 ptr=ffff88003d9e6c00")
		/* 4.x: forms with a node */
		LINE("1.000003",
			"kmalloc_node: call_site=ffffffff8121c2f6 ptr=ffff88003d9e6c00 bytes_req=96 bytes_alloc=96 gfp_flags=GFP_KERNEL|__GFP_REPEAT node=1")
			LINE("1.000004",
				"kmem_cache_alloc_node: call_site=ffffffff8121c2f6 ptr=ffff88003d9e7000 bytes_req=192 bytes_alloc=192 gfp_flags=GFP_ATOMIC|__GFP_COLD node=-1")
				LINE("1.000005", "kmem_cache_free: call_site=ffffffff8121c2f6 ptr=ffff88003d9e7000")
		/* 5.6 to 5.19: symbols; the cache's name in its free from 5.12 on */
		LINE("1.000006",
			"kmem_cache_alloc: call_site=__d_alloc+0x26/0x1d0 ptr=00000000f7e4b3a1 bytes_req=192 bytes_alloc=192 gfp_flags=GFP_KERNEL_ACCOUNT|__GFP_RECLAIMABLE")
			LINE("1.000007",
				"kmem_cache_free: call_site=__d_free+0x1a/0x20 ptr=00000000f7e4b3a1 name=dentry")
		/* 6.0: accounted=; 6.1: node in all */
		LINE("1.000008",
			"kmem_cache_alloc: call_site=__d_alloc+0x26/0x1d0 ptr=00000000f7e4b3a1 bytes_req=192 bytes_alloc=192 gfp_flags=GFP_KERNEL accounted=true")
			LINE("1.000009",
				"kmalloc: call_site=single_open+0x2a/0xa0 ptr=00000000f7e4b3b1 bytes_req=32 bytes_alloc=32 gfp_flags=GFP_TEMPORARY node=-1 accounted=false")
		/* 6.18: the cache's name in its allocation */
		LINE("1.000010",
			"kmem_cache_alloc: call_site=getname_flags.part.0+0x24/0x1c0 ptr=00000000f7e4b3c1 name=names_cache bytes_req=4096 bytes_alloc=4096 gfp_flags=GFP_KERNEL node=-1 accounted=false")
			LINE("1.000011",
				"kmem_cache_free: call_site=do_sys_openat2+0x88/0xe0 ptr=00000000f7e4b3c1 name=names_cache")
				LINE("1.000012",
					"kmalloc: call_site=x+0x1/0x2 ptr=(null) bytes_req=5000000 bytes_alloc=0 gfp_flags=GFP_WAIT|__GFP_ATOMIC node=-1"));

	expect_clean(&in, 12);
	cr_expect_eq(expect_kind(&in, 0, KIND_KMALLOC)->op.gfp, GFP_KERNEL | GFP_BIT_ZERO);
	cr_expect_str_eq(expect_kind(&in, 0, KIND_KMALLOC)->call_site, "ffffffff8121c2f6");
	cr_expect_eq(expect_kind(&in, 1, KIND_KFREE)->slot, importing_event(&in, 0)->slot);
	cr_expect_eq(expect_kind(&in, 2, KIND_KMALLOC)->op.node, 1);
	cr_expect_eq(expect_kind(&in, 2, KIND_KMALLOC)->op.gfp, GFP_KERNEL | GFP_BIT_RETRY_MAYFAIL);
	cr_expect_eq(expect_kind(&in, 3, KIND_KMEM_CACHE_ALLOC)->op.gfp, GFP_ATOMIC);
	cr_expect_eq(expect_kind(&in, 4, KIND_KMEM_CACHE_FREE)->slot, importing_event(&in, 3)->slot);
	cr_expect_str_eq(expect_kind(&in, 5, KIND_KMEM_CACHE_ALLOC)->name, "dentry");
	cr_expect_str_eq(expect_kind(&in, 7, KIND_KMEM_CACHE_ALLOC)->name, "dentry");
	cr_expect_eq(expect_kind(&in, 8, KIND_KMALLOC)->op.gfp, GFP_KERNEL | GFP_BIT_RECLAIMABLE);
	cr_expect_str_eq(expect_kind(&in, 9, KIND_KMEM_CACHE_ALLOC)->name, "names_cache");
	cr_expect(expect_kind(&in, 11, KIND_KMALLOC)->op.flags & OP_FAILED);
	importing_end(&in);
}

Test(import_probes, pages_as_kernels_4_x_to_6_18_print_them)
{
	struct imported in = importing_text(LINE("1.000001",
		"mm_page_alloc: page=ffffea0000f3d1c0 pfn=3994311 order=0 migratetype=0 gfp_flags=GFP_KERNEL|GFP_NOTRACK") LINE("1.000002",
		"mm_page_free: page=ffffea0000f3d1c0 pfn=3994311 order=0") LINE("1.000003",
		"mm_page_free_batched: page=ffffea0000f3d1c0 pfn=3994311 order=0 cold=0") LINE("1.000004",
		"mm_page_alloc: page=00000000a1b2c3d4 pfn=0x3cf2c7 order=2 migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE|__GFP_COMP")
			LINE("1.000005",
				"mm_page_free_direct: page=00000000a1b2c3d4 pfn=0x3cf2c7 order=2") LINE("1.000006",
				"mm_page_alloc: page=(null) pfn=0 order=10 migratetype=0 gfp_flags=GFP_KERNEL") LINE("1.000007",
				"mm_page_alloc: page=(nil) pfn=18446744073709551615 order=9 migratetype=0 gfp_flags=0x24000c0"));

	expect_clean(&in, 6);
	cr_expect_eq(expect_kind(&in, 0, KIND_ALLOC_PAGES)->where, 3994311);
	cr_expect_eq(expect_kind(&in, 1, KIND_FREE_PAGES)->slot, importing_event(&in, 0)->slot);
	cr_expect_eq(expect_kind(&in, 2, KIND_ALLOC_PAGES)->where, 0x3cf2c7);
	expect_kind(&in, 3, KIND_FREE_PAGES);
	cr_expect(expect_kind(&in, 4, KIND_ALLOC_PAGES)->op.flags & OP_FAILED);
	cr_expect(expect_kind(&in, 5, KIND_ALLOC_PAGES)->op.flags & OP_FAILED);
	importing_end(&in);
}

Test(import_probes, percpu_before_and_after_5_19)
{
	struct imported in = importing_text(LINE("1.000001",
		"percpu_alloc_percpu: reserved=0 is_atomic=0 size=8 align=8 base_addr=00000000a1b2c3d4 off=65432 ptr=00000000b1b2c3d4")
			LINE("1.000002", "percpu_free_percpu: base_addr=00000000a1b2c3d4 off=65432 ptr=00000000b1b2c3d4") LINE(
				"1.000003",
				"percpu_alloc_percpu: call_site=x+0x1/0x2 reserved=1 is_atomic=1 size=40 align=4 base_addr=00000000a1b2c3d4 off=65472 ptr=00000000b1b2c3f4 bytes_alloc=80 gfp_flags=GFP_KERNEL|__GFP_ZERO")
				LINE("1.000004",
					"percpu_alloc_percpu_fail: reserved=0 is_atomic=1 size=32768 align=4096"));

	expect_clean(&in, 4);
	cr_expect_eq(expect_kind(&in, 0, KIND_ALLOC_PERCPU)->op.size, 8);
	expect_kind(&in, 1, KIND_FREE_PERCPU);
	cr_expect(expect_kind(&in, 2, KIND_ALLOC_PERCPU)->op.flags & OP_RESERVED);
	cr_expect(expect_kind(&in, 3, KIND_ALLOC_PERCPU)->op.flags & OP_FAILED);
	importing_end(&in);
}

/* As many events as the capture's description counts, of each probe. */
Test(import_probes, the_driver_capture_has_every_mempool_mapping_and_region, .timeout = 60)
{
	static const struct {
		enum trace_kind kind;
		uint64_t nr;
	} want[] = {
		{ KIND_MEMPOOL_CREATE, 42 }, { KIND_MEMPOOL_ALLOC, 3496 }, { KIND_MEMPOOL_FREE, 3488 },
			{ KIND_IOREMAP, 41 },
		{ KIND_IOUNMAP, 16 }, { KIND_VMALLOC, 364 }, { KIND_VFREE, 273 }, { KIND_DMA_ALLOC_COHERENT, 46 },
		{ KIND_DMA_FREE_COHERENT, 31 }, { KIND_KMEM_CACHE_CREATE, 144 }, { KIND_KMEM_CACHE_DESTROY, 55 },
		{ KIND_ALLOC_PAGES_EXACT, 8 },
	};
	const char *path = importing_shared("E-drivers/trace.dat");
	const struct import_options options = { .recorded = true };
	uint64_t nr[NR_KINDS] = { 0 }, of_nvme = 0;
	struct imported in;
	struct err err = { 0 };

	if (!path || importing_files(&in, &path, 1, &options, &err) < 0)
		cr_skip_test("the captures or libtracecmd are not there");
	for (size_t i = in.nr_prologue; i < in.nr; i++) {
		nr[in.events[i].op.kind]++;
		of_nvme +=
			in.events[i].op.kind == KIND_DMA_ALLOC_COHERENT && !strncmp(in.events[i].call_site, "nvme_", 5);
	}
	cr_expect_eq(of_nvme, 18, "the return probe tells the caller: %llu", (unsigned long long)of_nvme);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		cr_expect_eq(nr[want[i].kind], want[i].nr, "%s: %llu", kind_info[want[i].kind].name,
			(unsigned long long)nr[want[i].kind]);
	cr_expect_eq(nr[KIND_REQUEST_REGION] + nr[KIND_REQUEST_MEM_REGION], 57);
	cr_expect_eq(nr[KIND_RELEASE_REGION] + nr[KIND_RELEASE_MEM_REGION], 36);
	/* A pool ends by mempool_exit or mempool_destroy; the others are of embedded pools that were never begun. */
	cr_expect_eq(nr[KIND_MEMPOOL_DESTROY] + importing_count(&in.meta.ignored, "mempool_exit: of no pool"), 61 + 2);
	importing_end(&in);
}

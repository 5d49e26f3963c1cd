#include "traces/call_chain.h"

#include <string.h>

/* What functions of the tracer and of the memory layer begin with, of 4.x to 6.18. */
static const char *const inner[] = {
	/* Tracepoints, kprobes, ftrace. */
	"trace_", "__traceiter_", "perf_trace_", "__bpf_trace_", "kprobe_", "kretprobe_", "__kretprobe_", "ftrace_", "function_trace",
	"rethook_", "arch_rethook_", "aggr_pre_handler", "opt_pre_handler", "optimized_callback", "trampoline_handler", "fprobe_",
	"return_to_handler", "do_int3", "asm_exc_int3", "exc_int3", "event_trigger",
	/* Pages. */
	"__alloc_pages", "alloc_pages", "__alloc_frozen_pages", "alloc_frozen_pages", "__folio_alloc", "folio_alloc", "vma_alloc_folio",
	"get_page_from_freelist", "__get_free_pages", "get_zeroed_page", "get_free_pages", "__free_pages", "free_pages", "free_unref_",
	"free_frozen_pages", "___free_pages", "free_the_page", "free_contig_range", "__folio_put", "__put_page", "release_pages", "folios_put",
	"free_pcp_prepare", "free_pcppages", "free_one_page", "rmqueue", "__rmqueue", "make_alloc_exact",
	/* Objects. */
	"__kmalloc", "kmalloc", "__do_kmalloc", "kmem_cache_", "__kmem_cache_", "___slab_alloc", "__slab_", "slab_", "allocate_slab",
	"new_slab", "discard_slab", "__free_slab", "free_slab", "__unfreeze_partials", "unfreeze_partials", "put_cpu_partial",
	"do_slab_free", "kfree", "__kfree", "kvfree", "kvmalloc", "__kvmalloc", "krealloc", "kcalloc", "mempool_", "free_large_kmalloc",
	/* Areas of addresses. */
	"vmalloc", "__vmalloc", "vzalloc", "vfree", "__vfree", "__vunmap", "vunmap", "vmap", "vm_map_ram", "vm_unmap_ram",
	"vm_area_alloc_pages", "alloc_vmap_area", "__get_vm_area", "ioremap", "__ioremap", "iounmap", "__request_region",
	"__release_region",
	/* Per-CPU and DMA memory. */
	"pcpu_", "__alloc_percpu", "free_percpu", "dma_alloc_", "dma_free_", "dma_direct_", "__dma_direct_", "dma_pool_",
};

bool call_chain_is_caller(const char *function, size_t len)
{
	/* A bare address, and perf's "[unknown]". */
	if (!len || function[0] == '[' || (len > 2 && function[0] == '0' && function[1] == 'x'))
		return false;
	for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++) {
		size_t prefix = strlen(inner[i]);

		if (len >= prefix && !memcmp(function, inner[i], prefix))
			return false;
	}
	return true;
}

/* perf prints the callers in user space behind those in the kernel, whose addresses are in the upper half. */
static bool is_kernels(const char *address, size_t digits)
{
	return address[0] >= '8' && (digits == 16 || (digits == 8 && !strstr(address, " (/")));
}

bool call_chain_line(const char *line, const char **site, size_t *len)
{
	const char *at = line + strspn(line, " \t");
	size_t digits;

	if (!strncmp(at, "=> ", 3)) {
		*site = at + 3;
		*len = strcspn(*site, "/ "); /* none of "=> /bin/sh[+0x600d3]", in user space */
		return true;
	}
	digits = strspn(at, "0123456789abcdef");
	if (at == line || !digits || at[digits] != ' ')
		return false;
	*site = at + digits + 1;
	*len = is_kernels(at, digits) ? strcspn(*site, "/ ") : 0;
	return true;
}

/*
 * vmalloc: the part of the kernel's address space that is mapped page by page: areas of vmalloc, vmap, ioremap and
 * kernel stacks, chunks of per-CPU memory, and the page tables behind them. Models mm/vmalloc.c of kernel 6.1.
 *
 * Knows addresses, page frames that areas own, and page tables. Knows nothing of memory types,
 * of resources and of time.
 *
 * An area's descriptor and its array of pages up to one page long are small kmallocs, which recordings show as events
 * of their own: they are not allocated again here. A longer array is an area of its own, which the kernel makes too.
 */
#ifndef KMEMSIM_MM_VMALLOC_H
#define KMEMSIM_MM_VMALLOC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/gfp.h"
#include "mm/answer.h"
#include "mm/meter.h"
#include "mm/page_alloc.h"

struct mm;
struct vmalloc; /* the state of SLOT_VMALLOC: mm_state(mm, SLOT_VMALLOC) */

/* What an area is there for. */
enum vmap_use {
	VMAP_VMALLOC,  /* owns its pages */
	VMAP_VMAP,     /* pages of others */
	VMAP_IOREMAP,  /* device memory */
	VMAP_MAP_RAM,  /* vm_map_ram(): no guard, no descriptor */
	VMAP_BLOCK,    /* one that small vm_map_ram() calls are carved from */
	VMAP_PERCPU,   /* a group of a chunk of per-CPU memory: no guard */
	NR_VMAP_USES
};

/** A request. Members that are 0 mean: page alignment, the vmalloc space, nothing special. */
struct vmap_request {
	uint64_t size;       /* bytes; rounded up to whole pages */
	uint64_t align;      /* bytes, a power of two; VMAP_IOREMAP: ignored, it goes by size */
	uint64_t start, end; /* where: [start, end); both 0: the vmalloc space */
	uint64_t phys;       /* physical address, of VMAP_IOREMAP */
	uint32_t caller;     /* the user's own word, for listings */
	gfp_t gfp;           /* of the pages of vmalloc_take() */
	int16_t node;        /* of these; -1 = any */
	uint16_t cpu;        /* who asks */
	uint8_t use;         /* enum vmap_use */
	bool huge;           /* vmalloc_take(): VM_ALLOW_HUGE_VMAP */
	bool reset_perms;    /* VM_FLUSH_RESET_PERMS: freeing it purges */
};

#define VMAP_AREA_NONE 0u

/* Addresses: areas with page tables, without pages. What ioremap, vmap and per-CPU memory need. */

/**
 * vmap_take() - an area of the size asked for and its guard pages (but VMAP_MAP_RAM, _BLOCK and _PERCPU, which have
 * none). Models __get_vm_area_node() and the page-table pages that vmap_pages_range() needs: a failed search purges the
 * areas that were freed lazily, and tries again.
 * @area: its number, on MM_DONE, until vmap_give(). The caller sees to it that it is not an interrupt that asks.
 * Return: MM_FAILED when no free address range, or no page for page tables, is there.
 */
enum mm_answer vmap_take(struct vmalloc *vm, const struct vmap_request *req, uint32_t *area, struct meter *meter);

/**
 * vmap_give() - models remove_vm_area(): the area is unmapped and its addresses wait for the next purge, which too many
 * of them ask for (vmap_drain_due()). @cpu: who frees.
 */
void vmap_give(struct vmalloc *vm, uint32_t area, unsigned int cpu, struct meter *meter);

/**
 * vmap_take_groups() - models pcpu_get_vm_areas(): areas of @sizes[i] bytes at @offsets[i] from a base that is as high
 * as possible. @align: of all, a power of two. Page tables are the caller's, as pages are mapped: vmap_map().
 * @areas: filled, from first to last. Return: MM_FAILED when they do not fit, after a purge.
 */
enum mm_answer vmap_take_groups(struct vmalloc *vm, const uint64_t *offsets, const uint64_t *sizes, uint32_t nr,
	uint64_t align, uint32_t *areas, struct meter *meter);

/**
 * vmap_map() - page tables for [@start, @start + @size): pages for those that are not there yet; they are never freed.
 * Return: MM_FAILED when there is no memory for one.
 */
enum mm_answer vmap_map(struct vmalloc *vm, uint64_t start, uint64_t size, unsigned int cpu, struct meter *meter);

/** vmap_ungive() - as if the area had never been taken: its addresses are free at once. It has no pages. */
void vmap_ungive(struct vmalloc *vm, uint32_t area);

/** vmap_claim() - the area that a running kernel has at [@start, @end), guard included, with its page tables. */
uint32_t vmap_claim(struct vmalloc *vm, uint64_t start, uint64_t end, enum vmap_use use);
/** vmap_describe() - what a claimed area was made for: as in struct vmap_request. */
void vmap_describe(struct vmalloc *vm, uint32_t area, uint32_t caller, uint64_t phys);
/**
 * vmalloc_own() - a claimed area of VMAP_VMALLOC has the pages @pfns[0 .. nr-1], which are handed out and nobody
 * else's: vmalloc_give() gives them back. @pfns is from malloc() and moves to the area.
 */
void vmalloc_own(struct vmalloc *vm, uint32_t area, pfn_t *pfns, uint32_t nr);
/** vmap_claim_lazy() - as vmap_claim(): one that was freed and is not purged. Return: false when it is not free. */
bool vmap_claim_lazy(struct vmalloc *vm, uint64_t start, uint64_t end);

/** vmap_purge() - models vm_unmap_aliases(): lazily freed areas, and blocks that only wait for frees, become free. */
void vmap_purge(struct vmalloc *vm, struct meter *meter);

/**
 * vmap_drain() - models drain_vmap_area_work(), a work item: the purge that too many lazily freed pages ask for.
 * Nothing to do when another purge came before it.
 */
void vmap_drain(struct vmalloc *vm, struct meter *meter);
/** vmap_drain_due() - whether vmap_drain() is to be scheduled. */
bool vmap_drain_due(const struct vmalloc *vm);

/** vmap_address() - where a live area begins; vmap_use_of() - who asked for it. */
uint64_t vmap_address(const struct vmalloc *vm, uint32_t area);
enum vmap_use vmap_use_of(const struct vmalloc *vm, uint32_t area);
/** vmap_resets_perms() - whether the area was asked for with struct vmap_request.reset_perms. */
bool vmap_resets_perms(const struct vmalloc *vm, uint32_t area);
/** vmap_size() - bytes of the area, guard included. */
uint64_t vmap_size(const struct vmalloc *vm, uint32_t area);

/* Memory. */

/** vmalloc_huge_bytes() - what @size bytes for @node take, where huge pages may be used and are there. */
uint64_t vmalloc_huge_bytes(const struct machine *machine, uint64_t size, int node);
/** vmalloc_take() - models __vmalloc_node_range(): an area, its pages one by one, its page tables. */
enum mm_answer vmalloc_take(struct vmalloc *vm, const struct vmap_request *req, uint32_t *area, struct meter *meter);
/** vmalloc_give() - models vfree() in process context, and vunmap(): pages in the order of their addresses. */
void vmalloc_give(struct vmalloc *vm, uint32_t area, unsigned int cpu, struct meter *meter);
/**
 * vmalloc_leak() - the area's pages, and the array of them, are nobody's from now on: what
 * unmaps it will not free them.
 */
void vmalloc_leak(struct vmalloc *vm, uint32_t area);
/** vmalloc_defer() - models vfree() in an interrupt: noted, for the CPU's work item. */
void vmalloc_defer(struct vmalloc *vm, uint32_t area, unsigned int cpu);
/** vmalloc_run_deferred() - models delayed_vfree_work() of all CPUs: each one's list, last in first out. */
void vmalloc_run_deferred(struct vmalloc *vm, struct meter *meter);
/** vmalloc_pages() - pages that the area owns. */
uint32_t vmalloc_pages(const struct vmalloc *vm, uint32_t area);

/**
 * vm_map_ram() - @nr_pages pages of the caller get an address. Up to the machine's limit (64 pages on 64 bits) it comes
 * from a block of the CPU, else from the vmalloc space. @mapping: its number, until vm_unmap_ram().
 */
enum mm_answer vm_map_ram(struct vmalloc *vm, uint64_t nr_pages, unsigned int cpu, uint32_t *mapping,
	struct meter *meter);
void vm_unmap_ram(struct vmalloc *vm, uint32_t mapping, unsigned int cpu, struct meter *meter);

/* What recording needs; plain copies. */
struct vmalloc_stats {
	uint64_t size;                /* of the vmalloc space, bytes */
	uint64_t used_bytes;          /* busy areas in it, guards included */
	uint64_t free_bytes;          /* neither busy nor lazy */
	uint64_t lazy_bytes;
	uint64_t mapped_pages;        /* that areas own */
	uint64_t guard_bytes;
	uint64_t largest_hole;        /* longest free range in it, bytes */
	uint64_t holes;               /* free ranges in it */
	uint64_t areas, lazy_areas;   /* lazy areas that touch are one */
	uint64_t blocks;              /* of vm_map_ram() */
	uint64_t page_table_pages;
	uint64_t purges, purged_bytes;
	uint64_t failures;            /* requests for which no address was free */
	uint64_t retries;             /* searches that needed a purge */
	uint64_t deferred;            /* vfree() calls in interrupts */
	uint64_t huge_areas;
};

void vmalloc_get_stats(const struct vmalloc *vm, struct vmalloc_stats *stats);

/** One line of /proc/vmallocinfo. */
struct vmap_line {
	uint64_t start, end, phys;
	uint32_t caller, nr_pages;
	uint8_t use;       /* enum vmap_use */
	bool lazy;         /* freed, not purged */
	bool vpages;       /* the array of its pages is an area too */
	uint32_t area;
};

/**
 * vmalloc_lines() - busy areas by address, then lazy ones. @lines: owned by the caller from then on (free()).
 * Return: number of lines, or -1 when out of memory.
 */
int64_t vmalloc_lines(const struct vmalloc *vm, struct vmap_line **lines);
/** vmalloc_pages_on() - pages of the area on @node. */
uint32_t vmalloc_pages_on(const struct vmalloc *vm, uint32_t area, uint32_t node);

#endif

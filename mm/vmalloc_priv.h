/* vmalloc_priv: the state of the vmalloc space, shared by mm/vmalloc*.c and vmap_*.c. */
#ifndef KMEMSIM_MM_VMALLOC_PRIV_H
#define KMEMSIM_MM_VMALLOC_PRIV_H

#include "base/idmap.h"
#include "mm/mm.h"
#include "mm/vmalloc.h"
#include "mm/vmap_tree.h"

/** A vmap block: an area that small vm_map_ram() calls are carved from, from its beginning to its end, once. */
struct vmap_block {
	uint32_t area;  /* VMAP_NIL: this struct is unused */
	uint32_t cpu;
	uint32_t free;  /* pages behind the last one handed out */
	uint32_t dirty; /* pages handed out and returned */
	uint32_t next;  /* in the CPU's queue, or of the unused; plus 1, 0 = none */
	bool queued;    /* has free pages */
};

struct vmalloc {
	const struct mm *mm;          /* borrowed */
	const struct machine *machine; /* borrowed */
	uint64_t limit;               /* last byte of the space, which a request's end may reach (VMALLOC_END) */
	uint64_t lazy_max;            /* pages that may wait for a purge */
	bool drain_due;               /* more do: drain_vmap_work is to be scheduled */
	uint64_t ram_pages;           /* totalram_pages() */
	struct vmap_nodes nodes;      /* owned */
	struct vmap_tree free;        /* all that nobody has, from 1 to the end of the address space */
	struct vmap_tree lazy;        /* freed, not purged */

	uint64_t busy_bytes, guard_bytes; /* of busy areas, anywhere */
	uint64_t nr_busy;
	uint64_t lazy_pages;          /* vmap_lazy_nr */
	uint64_t owned_pages;

	struct vmap_tables {
		struct idmap known;   /* owned: page-table pages that exist, by level and address: their frames */
		uint64_t pages;       /* allocated for them in the model */
	} tables;

	struct vmap_blocks {
		struct vmap_block *all; /* owned */
		uint32_t nr, cap;
		uint32_t unused;      /* plus 1 */
		uint32_t live;
		uint32_t pages;       /* of one block */
		uint32_t max_alloc;   /* pages of the largest call that is served from one */
		uint32_t queue[MACHINE_MAX_CPUS]; /* plus 1 */
	} blocks;

	uint32_t deferred[MACHINE_MAX_CPUS]; /* lists of areas */
	uint64_t nr_deferred;         /* on them */

	uint64_t purges, purged_bytes, failures, retries, deferred_total, huge_areas;
};

static inline struct vmap_node *vmap_node(const struct vmalloc *vm, uint32_t area)
{
	return &vm->nodes.all[area];
}

static inline uint64_t vmap_page_size(const struct vmalloc *vm)
{
	return vm->machine->page_size;
}

/** vmap_area_take() - addresses only: alloc_vmap_area(). Return: VMAP_NIL when there are none. */
uint32_t vmap_area_take(struct vmalloc *vm, const struct vmap_request *req, struct meter *meter);
/** vmap_area_give() - free_vmap_area_noflush(), and the purge that it may start. */
void vmap_area_give(struct vmalloc *vm, uint32_t area, struct meter *meter);

/* vmap_block.c */
void vmap_blocks_init(struct vmalloc *vm);
/** vmap_blocks_purge() - purge_fragmented_blocks_allcpus(). */
void vmap_blocks_purge(struct vmalloc *vm, struct meter *meter);
int vmap_blocks_check(const struct vmalloc *vm, struct err *err);

/* vmap_table.c */
/** vmap_tables_map() - as vmap_map(); @huge: mapped by PMDs, which need no pages of PTEs. */
enum mm_answer vmap_tables_map(struct vmalloc *vm, uint64_t start, uint64_t size, bool huge, unsigned int cpu,
	struct meter *meter);
/** vmap_tables_know() - page tables of [@start, @end) exist already. */
void vmap_tables_know(struct vmalloc *vm, uint64_t start, uint64_t end);

#endif

/*
 * mechanism: what every pluggable part of mm/ declares about itself. mm/meson.build lists the mechanisms by name,
 * compiles them and registers them in a generated table; the machine file chooses by name within a slot.
 */
#ifndef KMEMSIM_MM_MECHANISM_H
#define KMEMSIM_MM_MECHANISM_H

#include <stddef.h>

#include "base/err.h"

/*
 * Slots are filled in this order: a mechanism may use those of lower slots, and the page allocator, which is below all.
 * SLOT_SLAB is slab_common.c's; the others are mm.c's.
 */
enum mm_slot {
	SLOT_SLAB,
	SLOT_VMALLOC,      /* vmalloc space: areas, page tables; ioremap, vmap and stacks use it */
	SLOT_PERCPU,
	SLOT_MEMPOOL,
	SLOT_RESOURCE,     /* trees of I/O ports and I/O memory */
	SLOT_IOREMAP,
	SLOT_HIGHMEM,      /* kmap */
	SLOT_DMA,          /* coherent memory, dma_pool */
	SLOT_KERNEL_STACK,
	SLOT_BOOT_MEMORY,  /* memblock and bootmem */
	NR_SLOTS
};

struct mm;

struct mechanism {
	const char *name;
	enum mm_slot slot;
	size_t state_size;                                        /* bytes, zeroed by the caller before init */
	int (*init)(void *state, struct mm *mm, struct err *err); /* @mm: borrowed, for the layers below */
	void (*fini)(void *state);                                /* also after a failed init; may be NULL */
	int (*check)(const void *state, struct err *err);         /* walks all invariants; ERR_INVARIANT */
};

/** mechanism_find() - the mechanism @name of @slot, NULL if there is none. */
const struct mechanism *mechanism_find(enum mm_slot slot, const char *name);
/** mechanism_first() - the mechanism that is listed first for @slot: its default; NULL if there is none. */
const struct mechanism *mechanism_first(enum mm_slot slot);
/** mechanism_list() - the names of @slot joined by ", ", for messages. */
void mechanism_list(enum mm_slot slot, char *buf, size_t size);

#endif

/* ioremap_priv: the live mappings, shared by ioremap.c and mmio.c. */
#ifndef KMEMSIM_MM_IOREMAP_PRIV_H
#define KMEMSIM_MM_IOREMAP_PRIV_H

#include "mm/ioremap.h"

struct resources;
struct vmalloc;

/* What accesses to a region leave behind. */
struct mmio_device {
	ns_t arrived_ns;    /* when all posted writes will have arrived */
	uint32_t wc_bytes;  /* in the write-combining buffer */
};

/*
 * Invariants
 *  1. by_phys has each live mapping once, ascending by physical address
 *  2. live mappings that meet have the same mode, but for the ISA hole, which is not tracked
 *  3. the figures of live mappings are their sums
 */
struct ioremap {
	const struct machine *machine;     /* borrowed */
	struct resources *resources;       /* borrowed */
	struct vmalloc *vmalloc;           /* borrowed */
	struct ioremap_mapping *mappings;  /* owned */
	uint32_t nr, cap;
	uint32_t *unused;                  /* owned; numbers to give out again, cap of them */
	uint32_t nr_unused;
	uint32_t *by_phys;                 /* owned; cap of them */
	uint32_t nr_live;
	uint64_t largest;                  /* bytes of the largest mapping there ever was */
	uint32_t last;                     /* the mapping that the last access by physical address went to */
	struct io_use_list use;
	struct mmio_device *devices;       /* owned; one for each region of uses */
	uint32_t cap_devices;
	struct ioremap_stats stats;
};

/** ioremap_first_meeting() - index in by_phys of the first mapping that can reach @phys or begins behind it. */
uint32_t ioremap_first_meeting(const struct ioremap *io, uint64_t phys);

#endif

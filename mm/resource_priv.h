/* resource_priv: the trees, shared by resource.c (requests), resource_boot.c (what is there at boot) and ioport.c. */
#ifndef KMEMSIM_MM_RESOURCE_PRIV_H
#define KMEMSIM_MM_RESOURCE_PRIV_H

#include "base/err.h"
#include "mm/ioport_priv.h"
#include "mm/resource.h"

struct mm;

/*
 * Invariants
 *  1. a node lies within its parent, and start <= end
 *  2. siblings ascend and are disjoint
 *  3. each node but the roots is in exactly one list of children, or unused
 *  4. live and live_bytes are those of the nodes that the trace requested
 *  5. each port's region is that of the innermost node around it (ioport.c)
 */
struct resources {
	const struct machine *machine; /* borrowed */
	struct resource *nodes;        /* owned */
	uint32_t nr, cap;
	uint32_t unused;               /* first of the list of unused nodes, by sibling */
	uint64_t generation[NR_RESOURCE_TREES];
	struct resource_stats stats[NR_RESOURCE_TREES];
	struct ioports ports;
};

/** resource_new() - a node outside of any tree. Return: RESOURCE_NONE without memory. */
uint32_t resource_new(struct resources *resources, uint64_t start, uint64_t end, const char *name);
/** resource_drop() - a node that is in no tree goes to the unused ones. */
void resource_drop(struct resources *resources, uint32_t node);

/**
 * resource_insert() - put @node where it belongs: inside what contains it and around what it contains.
 * Models insert_resource(). Return: false when it does not nest.
 */
bool resource_insert(struct resources *resources, uint32_t root, uint32_t node);

/** resource_boot() - the roots, RAM, the kernel's image, the regions of the machine. */
int resource_boot(struct resources *resources, struct err *err);

#endif

/* highmem_priv: the state of mm/highmem.c, for its own test too. */
#ifndef KMEMSIM_MM_HIGHMEM_PRIV_H
#define KMEMSIM_MM_HIGHMEM_PRIV_H

#include "base/idmap.h"
#include "mm/highmem.h"

struct pkmap {
	pfn_t pfn;
	uint32_t count; /* 0: free; 1: no users, but still mapped; n: n - 1 users */
};

struct local_stack {
	uint32_t depth;
	uint32_t mappings[KM_MAX_IDX];
};

/*
 * Invariants
 *  1. each slot with a count is the slot of its page, and no page has two
 *  2. stats.used slots have users
 *  3. no CPU's stack is KM_MAX_IDX deep, nor its note of the order of other pages
 */
struct highmem {
	const struct machine *machine; /* borrowed */
	pfn_t first_high;              /* first page frame without an address; PFN_NONE: none */
	struct pkmap *slots;           /* owned; stats.slots of them */
	struct idmap slot_of;          /* of a page that has one */
	struct local_stack *stacks;    /* owned: by CPU */
	/* owned: by CPU, of pages that need no mapping: who keeps the order all the same */
	struct local_stack *orders;
	uint32_t last;                 /* last_pkmap_nr */
	struct highmem_stats stats;
};

#endif

/*
 * fake_page_alloc: the few calls of mm/page_alloc.h that the slab layer makes, with nothing behind them: blocks by
 * size, the last one given is the next one taken. Tests tell it what to refuse and read what it was asked.
 */
#ifndef KMEMSIM_TESTS_MM_FAKE_PAGE_ALLOC_H
#define KMEMSIM_TESTS_MM_FAKE_PAGE_ALLOC_H

#include "mm/page_alloc.h"

#define FAKE_PAGES_MAX (1u << 19)
#define FAKE_REQUESTS  4u

struct page_alloc {
	const struct machine *machine;
	uint32_t next[MACHINE_MAX_NODES];  /* first page never used, by node */
	uint32_t end[MACHINE_MAX_NODES];
	uint32_t freed[MACHINE_MAX_NODES][PAGE_MAX_ORDERS]; /* chains through link[]; 0 ends */
	uint32_t link[FAKE_PAGES_MAX];
	uint32_t owner[FAKE_PAGES_MAX];
	uint8_t taken[FAKE_PAGES_MAX];     /* order + 1 of the block that starts here */
	uint64_t pages_out;                /* pages that callers hold */
	uint32_t refuse_from;              /* orders from here on fail; PAGE_MAX_ORDERS: none */
	struct mempolicy *policy;          /* borrowed: of who asks, NULL: none */
	bool wait;                         /* answer MM_WAIT */
	bool locks;                        /* each block costs a step with the zone's lock held */
	void (*reclaim)(void *arg);        /* runs once, in front of the next block: objects are freed meanwhile */
	void *reclaim_arg;
	struct page_request requests[FAKE_REQUESTS]; /* the last ones; [0] is the newest */
	pfn_t given;                       /* the last block freed */
};

void fake_page_alloc_init(struct page_alloc *pa, const struct machine *machine);

#endif

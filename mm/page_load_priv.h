/*
 * page_load_priv: how a saved state becomes the model's: the parts of page_alloc_load().
 */
#ifndef KMEMSIM_MM_PAGE_LOAD_PRIV_H
#define KMEMSIM_MM_PAGE_LOAD_PRIV_H

#include "configs/state.h"
#include "mm/page_alloc_priv.h"

struct page_load {
	struct page_alloc *pa;
	const struct state *state;
	struct zone **zone_of; /* borrowed: the model's zone by index into state->zones */
	uint64_t seed;
	struct page_load_report *report;
	struct err *err;
};

/** page_load_blocks() - free lists and per-CPU lists as the state has them, block by block; the rest is handed out. */
int page_load_blocks(const struct page_load *load);

/**
 * page_load_deferred() - mark the zone's pages whose initialisation boot has put off: the highest ones that are neither
 * managed nor reserved. Their records say nothing yet. Call with @zone->unmanaged known.
 */
void page_load_deferred(struct zone *zone);

/**
 * page_load_first_deferred() - the first page of the zone whose initialisation boot puts off; its end when there is
 * none. Models defer_init(): of a node's last zone more than a section is initialised at once, up to a section's
 * border.
 */
pfn_t page_load_first_deferred(const struct zone *zone);

/** page_load_types() - the pageblocks' types, from the free blocks and the kinds of pages. After page_load_blocks(). */
int page_load_types(const struct page_load *load);

/**
 * page_load_counts() - as many blocks of each list as counted,
 * at places of the model's choice, and their pageblocks.
 */
int page_load_counts(const struct page_load *load);

#endif

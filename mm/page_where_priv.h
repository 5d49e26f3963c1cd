/*
 * page_where: in which free block a page lies, and on which list that is.
 */
#ifndef KMEMSIM_MM_PAGE_WHERE_PRIV_H
#define KMEMSIM_MM_PAGE_WHERE_PRIV_H

#include "mm/page_priv.h"

struct free_spot {
	struct zone *zone;
	struct pcp *pcp;   /* NULL: on a free list */
	pfn_t head;
	unsigned int order;
	unsigned int list; /* of the pcp */
	uint32_t cpu;      /* of the pcp */
	uint32_t position; /* blocks in front of it in its list; those of a run count as one */
};

/**
 * free_spot_find() - the free block that holds @pfn, below pa->end_pfn. O(length of its list).
 * A block inside a run becomes an element of its own.
 * Return: false when the page is handed out or no memory.
 */
bool free_spot_find(struct page_alloc *pa, pfn_t pfn, struct free_spot *spot);

#endif

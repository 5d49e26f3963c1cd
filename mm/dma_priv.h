/* dma_priv: the state of mm/dma.c and mm/dma_pool.c. */
#ifndef KMEMSIM_MM_DMA_PRIV_H
#define KMEMSIM_MM_DMA_PRIV_H

#include "mm/dma.h"

#define DMA_LIST_END UINT32_MAX

/* struct dma_page: a coherent block cut into blocks of a pool. */
struct dma_page {
	struct dma_block memory;
	struct slab_object header; /* kmalloc()ed */
	uint32_t pool;
	uint32_t next_page;        /* of the pool's list, newest first; also on the list of unused numbers */
	uint32_t in_use;
	uint32_t first_free;       /* block; DMA_LIST_END: none */
	uint32_t *next_free;       /* owned: by block; DMA_LIST_END ends the chain, the block's own number: in use */
};

enum dma_pool_state { DMA_POOL_LIVES, DMA_POOL_DESTROYED };

struct dma_pool {
	struct dma_pool_stats stats;
	struct slab_object header; /* kmalloc()ed: struct dma_pool */
	uint32_t *offsets;         /* owned: of each block in a page, bytes */
	uint32_t first_page;
	enum dma_pool_state state;
};

/*
 * Invariants
 *  1. each page of a pool: in_use blocks and those on its chain are all its blocks
 *  2. a pool's in_use is the sum over its pages, which its statistics count
 *  3. the memory of each page is handed out
 */
struct dma {
	const struct machine *machine; /* borrowed */
	struct slab *slab;             /* borrowed */
	struct page_alloc *pages;      /* borrowed */
	uint64_t lowest_end;           /* the lowest page frame of RAM that zones manage: its last byte */
	struct dma_stats stats;
	struct dma_pool *pools;        /* owned */
	uint32_t nr_pools, cap_pools;
	struct dma_page *page;         /* owned */
	uint32_t nr_pages, cap_pages;
	uint32_t free_page;            /* the first unused number, DMA_LIST_END: none */
};

/* dma_pool.c */
void dma_pools_fini(struct dma *dma);
int dma_pools_check(const struct dma *dma, struct err *err);

#endif

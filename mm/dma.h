/*
 * dma: memory that devices reach: coherent blocks by the device's mask, and pools of small blocks cut from them.
 * Models kernel/dma/direct.c and mm/dmapool.c (6.1) of a machine whose devices see physical addresses as they are and
 * caches as the CPUs do (x86 without an IOMMU). Knows no time.
 */
#ifndef KMEMSIM_MM_DMA_H
#define KMEMSIM_MM_DMA_H

#include "mm/mm.h"

#define DMA_POOL_NONE    UINT32_MAX
#define DMA_DEFAULT_MASK UINT32_MAX /* what the kernel gives a device whose driver sets no mask: 32 bits */

struct dma_request {
	uint64_t size;  /* bytes */
	uint64_t mask;  /* the last address that the device reaches; 0 = DMA_DEFAULT_MASK */
	gfp_t gfp;
	uint16_t cpu;
};

enum dma_result {
	DMA_DONE,
	DMA_FAILED,      /* no memory, or a size above the largest block */
	DMA_WAIT,        /* as MM_WAIT */
	DMA_UNREACHABLE, /* there is memory, but none that the device reaches */
};

struct dma_block {
	uint32_t pfn;
	uint32_t order;  /* all 2^order pages are held: the rest of the block is not given back */
};

struct dma_stats {
	uint64_t allocs, frees, failed, unreachable;
	uint64_t retries;           /* blocks out of reach, given back for one of a lower zone */
	uint64_t pages, peak_pages; /* of coherent blocks, those of pools included */
};

struct dma_pool_create {
	uint64_t name;     /* the caller's own word for the pool */
	uint64_t size, align, boundary; /* bytes; align and boundary 0: none */
};

struct dma_pool_stats {
	struct dma_pool_create create; /* size: rounded up to align; boundary: as it is used */
	uint64_t allocation;           /* bytes of each coherent block: max(size, page size) */
	uint32_t blocks_per_page;      /* blocks in each of those */
	uint64_t pages, in_use, peak;  /* such blocks ("pages" of the pool); blocks that callers hold */
	uint64_t allocs, frees, failed;
	uint64_t busy_pages;           /* that its destruction found in use, and leaked */
	bool destroyed;
};

struct dma; /* the state of SLOT_DMA */

/** dma_alloc_coherent() - models dma_direct_alloc(): zone by mask, page-aligned, cleared. */
enum dma_result dma_alloc_coherent(struct dma *dma, const struct dma_request *req, struct dma_block *block,
	struct meter *meter);
/** dma_free_coherent() - models dma_free_coherent(): the pages of @block go back. */
void dma_free_coherent(struct dma *dma, struct dma_block block, unsigned int cpu, struct meter *meter);
/** dma_order() - of the block for @size bytes. */
unsigned int dma_order(const struct dma *dma, uint64_t size);
/** dma_zone_bits() - models dma_direct_optimal_gfp_mask(): a pure function. */
gfp_t dma_zone_bits(uint64_t mask);
void dma_get_stats(const struct dma *dma, struct dma_stats *stats);

/**
 * dma_pool_create() - models dma_pool_create(). MM_FAILED: a size, alignment or boundary that the kernel refuses, or no
 * memory.
 */
enum mm_answer dma_pool_create(struct dma *dma, const struct dma_pool_create *create, unsigned int cpu, uint32_t *pool,
	struct meter *meter);
/** dma_pool_find() - the youngest living pool of that name, or DMA_POOL_NONE. */
uint32_t dma_pool_find(const struct dma *dma, uint64_t name);
/** dma_pool_nr() - pools so far, destroyed ones included: their numbers are 0 .. nr - 1. */
uint32_t dma_pool_nr(const struct dma *dma);
/** dma_pool_alloc() - models dma_pool_alloc(). @page, @block: which block of which page, for dma_pool_free(). */
enum dma_result dma_pool_alloc(struct dma *dma, uint32_t pool, gfp_t gfp, unsigned int cpu, uint32_t *page,
	uint32_t *block, struct meter *meter);
/** dma_pool_free() - models dma_pool_free(), to the block's own pool; nothing of a pool that is gone. */
void dma_pool_free(struct dma *dma, uint32_t page, uint32_t block, struct meter *meter);
/** dma_page_lives() - whether the pool of @page, which dma_pool_alloc() told, has not been destroyed. */
bool dma_page_lives(const struct dma *dma, uint32_t page);
/** dma_pool_address() - the physical address of a block. */
uint64_t dma_pool_address(const struct dma *dma, uint32_t page, uint32_t block);
/**
 * dma_pool_destroy() - models dma_pool_destroy(). Return: pages that are in use: the kernel
 * calls them busy and leaks them.
 */
uint64_t dma_pool_destroy(struct dma *dma, uint32_t pool, unsigned int cpu, struct meter *meter);
void dma_pool_get_stats(const struct dma *dma, uint32_t pool, struct dma_pool_stats *stats);

#endif

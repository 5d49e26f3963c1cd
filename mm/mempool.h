/*
 * mempool: pools that keep a reserve of elements, so that who may wait never fails.
 * Models mm/mempool.c (6.1). Elements come from a slab cache, kmalloc() or the page allocator. Knows no time: a request
 * that must wait for an element answers MM_WAIT, and whoever frees one is told that there is one to be had.
 */
#ifndef KMEMSIM_MM_MEMPOOL_H
#define KMEMSIM_MM_MEMPOOL_H

#include "mm/mm.h"

#define MEMPOOL_NONE UINT32_MAX
#define MEMPOOL_TIMEOUT_NS 5000000000u /* io_schedule_timeout(5 * HZ) of mempool_alloc() */

enum mempool_kind {
	MEMPOOL_SLAB,    /* mempool_alloc_slab() */
	MEMPOOL_KMALLOC, /* mempool_kmalloc() */
	MEMPOOL_PAGES,   /* mempool_alloc_pages() */
	MEMPOOL_OTHER,   /* functions of the caller's own that nothing is known of: elements take no memory */
	NR_MEMPOOL_KINDS
};

extern const char *const mempool_kind_name[NR_MEMPOOL_KINDS]; /* "slab", "kmalloc", "page", "other" */

struct mempool_create {
	uint64_t name;      /* the caller's own words for the pool and its cache, given back in its statistics */
	uint64_t cache_name;
	enum mempool_kind kind;
	uint32_t cache;     /* MEMPOOL_SLAB */
	uint32_t order;     /* MEMPOOL_PAGES */
	uint64_t size;      /* MEMPOOL_KMALLOC, bytes */
	uint32_t min_nr;
};

struct mempool_stats {
	struct mempool_create create; /* min_nr: as it is now */
	uint64_t element_bytes;   /* asked for; 0 = not known */
	uint64_t element_alloc;   /* what that takes */
	uint32_t curr_nr;         /* elements in the reserve; of a destroyed pool, before it was destroyed */
	uint32_t lowest;          /* that the reserve has been since the pool was first full */
	uint64_t allocs, frees, failed;
	uint64_t from_reserve;    /* of the allocs */
	uint64_t refills;         /* of the frees: went to the reserve */
	uint64_t waits, wait_ns;  /* as told by mempool_waited(), and the timeouts */
	uint64_t timeouts;
	uint64_t outstanding, peak; /* elements that callers hold */
	bool destroyed;
};

struct mempools; /* all pools of a machine: the state of SLOT_MEMPOOL */

/**
 * mempool_create() - models mempool_create(): the pool, its array, and min_nr elements, all GFP_KERNEL.
 * @pool: the new pool's number. When the last call answered MM_WAIT, still what it was then: the work goes on; else
 *        MEMPOOL_NONE.
 * MM_FAILED: an element was not to be had, or min_nr is absurd; everything is given back.
 */
enum mm_answer mempool_create(struct mempools *m, const struct mempool_create *create, unsigned int cpu, uint32_t *pool,
	struct meter *meter);
/** mempool_find() - the newest living pool of that name; MEMPOOL_NONE. */
uint32_t mempool_find(const struct mempools *m, uint64_t name);
/** mempool_unfinished() - the newest of that name whose creation answered MM_WAIT; MEMPOOL_NONE. */
uint32_t mempool_unfinished(const struct mempools *m, uint64_t name);
/** mempool_nr() - pools so far, destroyed ones included: their numbers are 0 .. nr - 1. Changes with each new pool. */
uint32_t mempool_nr(const struct mempools *m);
bool mempool_lives(const struct mempools *m, uint32_t pool);
/**
 * mempool_alloc() - models mempool_alloc(): the backing without reclaim, the reserve, the backing as the caller allows,
 * then MM_WAIT (SLEEP_MEMPOOL, the pool's number) for those who may reclaim.
 * @element: the new element's number, until mempool_free() or the pool's end.
 */
enum mm_answer mempool_alloc(struct mempools *m, uint32_t pool, gfp_t gfp, unsigned int cpu, uint32_t *element,
	struct meter *meter);
/**
 * mempool_free() - models mempool_free() to the element's own pool; of a pool that is gone, to the backing.
 * Return: the pool of which one waiter is to be woken, MEMPOOL_NONE when the reserve was full.
 */
uint32_t mempool_free(struct mempools *m, uint32_t element, unsigned int cpu, struct meter *meter);
/** mempool_of() - the pool that an element came from. */
uint32_t mempool_of(const struct mempools *m, uint32_t element);
/** mempool_element() - what the element is, for the fingerprint: an object, or { 0, first pfn }. */
struct slab_object mempool_element(const struct mempools *m, uint32_t element);
/**
 * mempool_resize() - models mempool_resize(). To be called again after MM_WAIT: it goes on.
 * MM_FAILED: no memory for a larger array; the pool stays as it is. An element that is not to be had is no failure.
 */
enum mm_answer mempool_resize(struct mempools *m, uint32_t pool, uint32_t min_nr, unsigned int cpu,
	struct meter *meter);
/** mempool_destroy() - models mempool_destroy(). Return: elements that callers still hold, which leak. */
uint64_t mempool_destroy(struct mempools *m, uint32_t pool, unsigned int cpu, struct meter *meter);

/** mempool_refused() - a caller that may not sleep was answered MM_WAIT: it gets nothing. */
void mempool_refused(struct mempools *m, uint32_t pool);
/** mempool_waited() - @waits more requests sleep for an element; one that slept was woken after @wait_ns. */
void mempool_waited(struct mempools *m, uint32_t pool, uint64_t waits, uint64_t wait_ns);
void mempool_get_stats(const struct mempools *m, uint32_t pool, struct mempool_stats *stats);

#endif

/*
 * mempool_priv: the state of the mempools, which their test sees too, and what their files share: mempool.c
 * (pools and their reserves), mempool_backing.c (where elements come from), mempool_check.c (the invariants).
 */
#ifndef KMEMSIM_MM_MEMPOOL_PRIV_H
#define KMEMSIM_MM_MEMPOOL_PRIV_H

#include "mm/mempool.h"

/* Where an element is, in the place of its pool's number. */
#define ELEMENT_FREE UINT32_MAX /* the number is not in use */

struct element {
	struct slab_object object; /* MEMPOOL_PAGES: index = first pfn; MEMPOOL_OTHER: nothing */
	uint32_t pool;
	uint32_t next;             /* of the unused numbers; else 1 while in the reserve */
};

enum pool_state { POOL_BEGUN, POOL_LIVES, POOL_DESTROYED };

struct pool {
	struct mempool_stats stats;
	struct slab_object header; /* kmalloc()ed: struct mempool_s, and its array of pointers */
	struct slab_object array;
	uint32_t *reserve;         /* owned: numbers of elements, a stack */
	uint32_t capacity;         /* of reserve: what the array has room for */
	enum pool_state state;
	bool has_header, has_array;
	bool filling;                /* a resize slept while it filled the reserve */
};

/*
 * Invariants
 *  1. curr_nr <= min_nr <= capacity in each living pool
 *  2. what is on a reserve is an element of that pool, once
 *  3. of the elements of a pool, outstanding are held by callers; the others are on the reserve
 *  4. the memory of each element is handed out: a living object, or pages
 */
struct mempools {
	const struct machine *machine; /* borrowed */
	struct slab *slab;             /* borrowed */
	struct page_alloc *pages;      /* borrowed */
	struct pool *pools;            /* owned */
	uint32_t nr_pools, cap_pools;
	struct element *elements;      /* owned */
	uint32_t nr_elements, cap_elements;
	uint32_t free_element;         /* the first unused number, ELEMENT_FREE: none */
};

/** mempool_take_kmalloc() - models kmalloc() of @size bytes. */
enum mm_answer mempool_take_kmalloc(struct mempools *m, uint64_t size, gfp_t gfp, unsigned int cpu,
	struct slab_object *object, struct meter *meter);
/** mempool_backing_take() - models pool->alloc(). MM_FAILED: none, also when the pool's cache is gone. */
enum mm_answer mempool_backing_take(struct mempools *m, const struct mempool_create *create, gfp_t gfp,
	unsigned int cpu, struct slab_object *object, struct meter *meter);
/** mempool_backing_give() - models pool->free(). */
void mempool_backing_give(struct mempools *m, const struct mempool_create *create, struct slab_object object,
	unsigned int cpu, struct meter *meter);
/** mempool_element_alloc() - bytes that an element takes of the backing; 0: not known. */
uint64_t mempool_element_alloc(const struct mempools *m, const struct mempool_create *create);
/** mempool_element_bytes() - bytes of an element that its user asked for; 0: not known. */
uint64_t mempool_element_bytes(const struct mempools *m, const struct mempool_create *create);

int mempool_check(const void *state, struct err *err);

#endif

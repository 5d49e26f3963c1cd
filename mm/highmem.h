/*
 * highmem: kernel addresses for pages that the kernel does not map. Models mm/highmem.c (6.1): the slots of kmap(),
 * which whoever needs one waits for, and the slots of kmap_local_page() and kmap_atomic(), a stack.
 * Without high memory a page has an address: no slot is used.
 */
#ifndef KMEMSIM_MM_HIGHMEM_H
#define KMEMSIM_MM_HIGHMEM_H

#include "mm/mm.h"

#define KM_MAX_IDX 16 /* a push that makes the depth this is a BUG: 15 mappings can be there */

/* A high page that nothing is known of: what a trace maps without saying which page. @n: a number of its own. */
#define HIGHMEM_NOBODYS_PAGE(n) ((1ull << 40) + (n))

struct highmem_stats {
	uint32_t slots;             /* LAST_PKMAP; 0: the machine has no high memory */
	uint32_t used, peak;        /* slots with users; the most there were */
	uint64_t maps;              /* kmap() in all */
	uint64_t new_slots;         /* of those: took a slot */
	uint64_t flushes;           /* flush_all_zero_pkmaps() that found something to flush */
	uint64_t waits, wait_ns;    /* as told by highmem_waited() */
	uint64_t local_maps;
	uint32_t local_peak;        /* deepest stack of kmap_atomic() on a CPU */
};

enum highmem_local {
	HIGHMEM_LOCAL_DONE,
	HIGHMEM_LOCAL_FULL,     /* push: the stack is full, a BUG */
	HIGHMEM_LOCAL_NOT_LAST, /* pop: not the mapping that was made last; it is taken out nevertheless */
	HIGHMEM_LOCAL_ABSENT,   /* pop: not on that CPU's stack; or a low page, of which only the last few are known */
};

struct highmem; /* the state of SLOT_HIGHMEM */

/**
 * highmem_kmap() - models kmap(). MM_WAIT (SLEEP_KMAP, key 0): all slots have users; call again when one had its last.
 * @slot: the page's slot, UINT32_MAX for a page that needs none.
 */
enum mm_answer highmem_kmap(struct highmem *h, pfn_t pfn, uint32_t *slot, struct meter *meter);

enum highmem_kunmap {
	HIGHMEM_UNMAPPED,  /* a user less */
	HIGHMEM_LAST_USER, /* the slot has no user now: whoever waits is to be woken, all of them */
	HIGHMEM_NOT_MAPPED, /* page_address() is NULL: a BUG */
};

/** highmem_kunmap() - models kunmap(). */
enum highmem_kunmap highmem_kunmap(struct highmem *h, pfn_t pfn, struct meter *meter);

/**
 * highmem_push_local() - models kmap_atomic() and kmap_local_page() on @cpu.
 * @mapping: the caller's own number of the mapping, not one that is there already.
 * Simplified: a stack per CPU; of kmap_local_page() it is the task's, and moves with it.
 */
enum highmem_local highmem_push_local(struct highmem *h, pfn_t pfn, uint32_t mapping, unsigned int cpu,
	struct meter *meter);
/** highmem_pop_local() - models kunmap_atomic() and kunmap_local(). */
enum highmem_local highmem_pop_local(struct highmem *h, pfn_t pfn, uint32_t mapping, unsigned int cpu,
	struct meter *meter);

/** highmem_waited() - @waits sleeps for a slot are over, after @wait_ns in all. */
void highmem_waited(struct highmem *h, uint64_t waits, uint64_t wait_ns);
void highmem_get_stats(const struct highmem *h, struct highmem_stats *stats);

#endif

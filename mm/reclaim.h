/*
 * reclaim: memory that can be taken back from its users: LRU lists, kswapd's passes, direct reclaim.
 * Models mm/swap.c and mm/vmscan.c of kernel 6.1 at the level of a simulator: which pages are referenced again no trace
 * tells, so a page's age is all that decides. Part of the page allocator: its struct holds the lists.
 *
 * Who owns a page that is taken back is not known here: the run is told (struct reclaim_hooks), as it is asked for
 * objects that shrinkers can free and for a task to kill.
 */
#ifndef KMEMSIM_MM_RECLAIM_H
#define KMEMSIM_MM_RECLAIM_H

#include "mm/page_alloc.h"

/** What a page is to its user, when it is put on an LRU list. */
enum lru_kind { LRU_NONE, LRU_KIND_ANON, LRU_KIND_FILE };

/* The lists of a node, in the order in which reclaim goes through them. */
enum lru_list { LRU_INACTIVE_ANON, LRU_ACTIVE_ANON, LRU_INACTIVE_FILE, LRU_ACTIVE_FILE, NR_LRU_LISTS };

/** What the run does for the page allocator; all may be NULL together: then nothing is ever reclaimed. */
struct reclaim_hooks {
	/** page_gone() - @pfn is taken from its user, and is free in a moment. @swapped: it can be read back from swap. */
	void (*page_gone)(void *arg, pfn_t pfn, bool swapped);
	/** count_objects() - how many objects of @node shrinkers could free: dentries, inodes. */
	uint64_t (*count_objects)(void *arg, uint32_t node);
	/** scan_objects() - shrinkers look at @nr objects of @node. Return: how many they freed. */
	uint64_t (*scan_objects)(void *arg, uint32_t node, uint64_t nr, unsigned int cpu, struct meter *meter);
	/** oom_kill() - out_of_memory(): a task's memory is freed. Return: false when there is none to kill. */
	bool (*oom_kill)(void *arg, unsigned int cpu, struct meter *meter);
	void *arg;                  /* borrowed */
};

void page_alloc_set_hooks(struct page_alloc *pa, const struct reclaim_hooks *hooks);

/**
 * lru_add() - an allocated page goes to the head of its inactive list. Models lru_cache_add() without its batches.
 * @pfn: order 0, handed out; pages that are on a list already, or that the kernel never managed, are left alone.
 */
void lru_add(struct page_alloc *pa, pfn_t pfn, enum lru_kind kind);
/** lru_pages() - length of a list of @node. */
uint64_t lru_pages(const struct page_alloc *pa, uint32_t node, enum lru_list list);
/** page_alloc_swap_free() - a page that was swapped out is not needed any more, or has been read back. */
void page_alloc_swap_free(struct page_alloc *pa);

/** page_alloc_last_reclaimed() - pages that the last direct reclaim took back. */
uint64_t page_alloc_last_reclaimed(const struct page_alloc *pa);

/** kswapd_wanted() - kswapd of @node has been woken and has not run yet. */
bool kswapd_wanted(const struct page_alloc *pa, uint32_t node);

enum kswapd_answer {
	KSWAPD_MORE,     /* goes on with another step */
	KSWAPD_BALANCED, /* its pass is over: it naps */
};

/**
 * kswapd_step() - one priority level of a pass of balance_pgdat(); the first step after a wake-up begins a pass.
 * @meter: what it costs; kswapd takes that long before its next step.
 */
enum kswapd_answer kswapd_step(struct page_alloc *pa, uint32_t node, unsigned int cpu, struct meter *meter);
/** kswapd_may_sleep() - after its nap: whether the node is still balanced. Counts what it was woken early by. */
bool kswapd_may_sleep(struct page_alloc *pa, uint32_t node, bool woken);

#endif

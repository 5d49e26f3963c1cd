/* lru_priv: what the files of reclaim share: lru.c (lists), vmscan.c (scanning), kswapd.c (the daemon's passes). */
#ifndef KMEMSIM_MM_LRU_PRIV_H
#define KMEMSIM_MM_LRU_PRIV_H

#include "mm/page_alloc_priv.h"
#include "mm/page_priv.h"
#include "mm/reclaim.h"

#define SWAP_CLUSTER_MAX    32u
#define DEF_PRIORITY        12
#define MAX_RECLAIM_RETRIES 16u

static inline bool lru_is_file(enum lru_list list)
{
	return list >= LRU_INACTIVE_FILE;
}

/** lru_del() - take a page off its list. */
void lru_del(struct page_alloc *pa, pfn_t pfn);
/** lru_isolate() - off its list, which it remembers. Models isolate_lru_page(). */
void lru_isolate(struct page_alloc *pa, pfn_t pfn);
/** lru_putback() - an isolated page goes to the head of the list that it was on. Models putback_lru_page(). */
void lru_putback(struct page_alloc *pa, pfn_t pfn);
/** lru_move() - to the head of @list. */
void lru_move(struct page_alloc *pa, pfn_t pfn, enum lru_list list);

/** One attempt to reclaim. Models struct scan_control. */
struct scan_control {
	unsigned int order, cpu;
	enum machine_zone highest;   /* pages of higher zones are of no use */
	int priority;                /* lists are scanned for 1 / 2^priority of their length */
	uint64_t nr_to_reclaim;      /* pages */
	uint64_t reclaimed, scanned; /* pages */
	bool kswapd;                 /* who: for the counters */
	bool may_swap, may_fs;
	struct meter *meter;
};

/** shrink_node() - models the kernel's: all lists of a node at sc->priority, then the shrinkers. */
void shrink_node(struct page_alloc *pa, uint32_t node, struct scan_control *sc);
/** direct_reclaim() - models try_to_free_pages(). Return: pages reclaimed. */
uint64_t direct_reclaim(struct page_alloc *pa, const struct alloc_context *ac, struct meter *meter);
/** zone_reclaimable() - models zone_reclaimable_pages(). */
uint64_t zone_reclaimable(const struct zone *zone);
/** node_balanced() - models pgdat_balanced(). */
bool node_balanced(const struct page_alloc *pa, uint32_t node, unsigned int order, enum machine_zone highest);

#endif

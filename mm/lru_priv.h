/*
 * lru_priv: what the files of reclaim share: lru.c (the lists), vmscan_balance.c (how much of which list), swapfile.c
 * (room in swap), vmscan.c (scanning, shrinkers, a request's own reclaim); kswapd.c (the daemon's passes),
 * node_reclaim.c and page_slowpath.c call it.
 */
#ifndef KMEMSIM_MM_LRU_PRIV_H
#define KMEMSIM_MM_LRU_PRIV_H

#include "mm/page_alloc_priv.h"
#include "mm/page_priv.h"
#include "mm/reclaim.h"

#define DEF_PRIORITY        12
#define MAX_RECLAIM_RETRIES 16u

static inline bool lru_is_file(enum lru_list list)
{
	return list >= LRU_INACTIVE_FILE;
}

/*
 * What is known of the use of a page on a list, in its record's mt, which says something of free pages only.
 * The accessed bits of page tables, and PG_referenced, PG_swapcache of a clean page and PG_workingset of the kernel.
 */
#define LRU_USED       1u  /* through page tables, since reclaim looked last */
#define LRU_REFERENCED 2u  /* had been when reclaim looked last */
#define LRU_WRITTEN    4u  /* anonymous: swap has it, too */
#define LRU_WORKINGSET 8u  /* has been active */

/* lru.c */

/** lru_del() - take a page off its list. */
void lru_del(struct page_alloc *pa, pfn_t pfn);
/** lru_isolate() - off its list, which it remembers. Models isolate_lru_page(). */
void lru_isolate(struct page_alloc *pa, pfn_t pfn);
/** lru_putback() - an isolated page goes to the head of the list that it was on. Models putback_lru_page(). */
void lru_putback(struct page_alloc *pa, pfn_t pfn);
/** lru_move() - to the head of @list. */
void lru_move(struct page_alloc *pa, pfn_t pfn, enum lru_list list);
/** lru_rotate() - to the tail of its list: the next to go. Models folio_rotate_reclaimable(). */
void lru_rotate(struct page_alloc *pa, pfn_t pfn);

/* vmscan_balance.c */

/** scan_balance() - models prepare_scan_count() and get_scan_count(). */
void scan_balance(const struct page_alloc *pa, uint32_t node, const struct scan_control *sc,
	struct scan_balance *balance);
/** nothing_to_scan() - whatever the priority, a pass over @node finds no page to look at, and moves none. */
bool nothing_to_scan(const struct page_alloc *pa, uint32_t node, const struct scan_control *sc);
/** inactive_is_low() - models the kernel's. */
bool inactive_is_low(const struct page_alloc *pa, uint32_t node, enum lru_list inactive);
/**
 * note_cost() - @nr pages of a kind were written out, or came back: that kind is reclaimed less.
 * Models lru_note_cost().
 */
void note_cost(struct page_alloc *pa, uint32_t node, bool file, uint64_t nr);
/** snapshot_refaults() - models the kernel's: a reclaim is over, what is activated from now on is news to the next. */
void snapshot_refaults(struct page_alloc *pa, uint32_t node);

/* swapfile.c */

/** can_reclaim_anon() - models can_reclaim_anon_pages(): there is swap, and room in it. */
bool can_reclaim_anon(const struct page_alloc *pa);
/** page_alloc_swapped_out() - a page is on its way there, which takes room from now on. */
void page_alloc_swapped_out(struct page_alloc *pa);

/* vmscan.c */

/**
 * node_age_anon() - active anonymous pages grow old where too few are inactive, whatever else is looked at.
 * Models kswapd_age_node().
 */
void node_age_anon(struct page_alloc *pa, uint32_t node, const struct scan_control *sc);
/** node_scan_begin() - what a pass over @node at sc->priority is to look at. */
void node_scan_begin(struct page_alloc *pa, uint32_t node, const struct scan_control *sc, struct node_scan *scan);
/**
 * node_scan_round() - up to SWAP_CLUSTER_MAX pages of each list, as much as shrink_lruvec() looks at before it lets
 * others run; after the last ones the shrinkers. Return: whether the pass goes on.
 */
bool node_scan_round(struct page_alloc *pa, uint32_t node, struct scan_control *sc, struct node_scan *scan);
/** shrink_node() - models the kernel's: a whole pass. */
void shrink_node(struct page_alloc *pa, uint32_t node, struct scan_control *sc);
/**
 * direct_reclaim() - a request reclaims for itself. Models try_to_free_pages().
 * Return: pages reclaimed; 1 where nothing was, because compaction has what it needs already (compaction_ready()).
 */
uint64_t direct_reclaim(struct page_alloc *pa, const struct alloc_context *ac, struct meter *meter);
/** zone_reclaimable() - models zone_reclaimable_pages(). */
uint64_t zone_reclaimable(const struct zone *zone);

#endif

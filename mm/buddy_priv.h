/*
 * buddy: free lists of naturally aligned blocks: put on, take off, split, merge.
 * Models __free_one_page(), expand() and __rmqueue_smallest() of mm/page_alloc.c (6.1). Knows no watermarks, no
 * per-CPU lists and no fallback. All of it runs with the zone's lock held.
 */
#ifndef KMEMSIM_MM_BUDDY_PRIV_H
#define KMEMSIM_MM_BUDDY_PRIV_H

#include "mm/page_priv.h"

/* Lists of blocks, linked by first pfn: free lists and per-CPU lists. */
static inline void block_list_add(struct page *pages, struct block_list *list, pfn_t pfn)
{
	struct page *page = &pages[pfn];

	page->prev = LINK_NONE;
	page->next = list->head;
	if (list->head != LINK_NONE)
		pages[list->head].prev = (uint32_t)pfn;
	else
		list->tail = (uint32_t)pfn;
	list->head = (uint32_t)pfn;
}

static inline void block_list_add_tail(struct page *pages, struct block_list *list, pfn_t pfn)
{
	struct page *page = &pages[pfn];

	page->next = LINK_NONE;
	page->prev = list->tail;
	if (list->tail != LINK_NONE)
		pages[list->tail].next = (uint32_t)pfn;
	else
		list->head = (uint32_t)pfn;
	list->tail = (uint32_t)pfn;
}

static inline void block_list_del(struct page *pages, struct block_list *list, pfn_t pfn)
{
	struct page *page = &pages[pfn];

	if (page->prev != LINK_NONE)
		pages[page->prev].next = page->next;
	else
		list->head = page->next;
	if (page->next != LINK_NONE)
		pages[page->next].prev = page->prev;
	else
		list->tail = page->prev;
}

enum buddy_end { BUDDY_HEAD, BUDDY_TAIL };

/**
 * buddy_add() - put a block on a free list. Models add_to_free_list() and add_to_free_list_tail().
 * Does not touch the count of free pages.
 */
void buddy_add(struct zone *zone, pfn_t pfn, unsigned int order, unsigned int mt, enum buddy_end end);

/** buddy_add_run() - boot: put |@run| untouched blocks of max_order on a list as one element; see struct page. */
void buddy_add_run(struct zone *zone, pfn_t pfn, int32_t run, unsigned int mt, enum buddy_end end);

/** buddy_del() - take a block off its free list, the first one of a run. Models del_page_from_free_list(). */
void buddy_del(struct zone *zone, pfn_t pfn);

/**
 * buddy_run_of() - the head of the run whose blocks hold @pfn. O(elements of the lists of max_order).
 * Return: PFN_NONE: no run, or single block of max_order, does.
 */
pfn_t buddy_run_of(const struct zone *zone, pfn_t pfn);

/** buddy_split_run() - make @block, which the run at @head holds, an element of its own at its place in the list. */
void buddy_split_run(struct zone *zone, pfn_t head, pfn_t block);

/** buddy_move() - to the tail of another type's list of the same order. Models move_to_free_list(). */
void buddy_move(struct zone *zone, pfn_t pfn, unsigned int mt);

enum buddy_place { PLACE_DEFAULT, PLACE_TAIL };

/**
 * buddy_free() - give a block back: merge it and put it on the list of type @mt. Models __free_one_page().
 * Merged blocks leave the lists of whatever type they were on. A block that zone->capture wants is its, and on no list.
 * @cpu: whose count of free pages is updated.
 */
void buddy_free(struct zone *zone, pfn_t pfn, unsigned int order, unsigned int mt, enum buddy_place place,
	unsigned int cpu, struct zone_work *work);

/**
 * buddy_take_smallest() - the smallest block of type @mt that serves @order, its lowest pages; the upper halves stay.
 * Models __rmqueue_smallest(). Does not touch the count of free pages.
 *
 * Return: PFN_NONE when no list of that type can serve it.
 */
pfn_t buddy_take_smallest(struct zone *zone, unsigned int order, unsigned int mt, struct zone_work *work);

/**
 * buddy_move_pageblock() - put all free blocks of the pageblock that holds @pfn on the lists of type @mt, each at the
 * tail, upwards. Models move_freepages_block().
 * @movable: set to the pages that are in use and movable; may be NULL.
 *
 * Return: pages moved; 0 also when the zone does not span the pageblock's end.
 */
uint64_t buddy_move_pageblock(struct zone *zone, pfn_t pfn, unsigned int mt, uint64_t *movable);

#endif

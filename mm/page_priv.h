/*
 * page: what is known per page and per pageblock: its zone, whether it is handed out, its pageblock's type.
 * All of it lies in mappings that read as zero until touched; zero is the state right after boot.
 */
#ifndef KMEMSIM_MM_PAGE_PRIV_H
#define KMEMSIM_MM_PAGE_PRIV_H

#include <assert.h>

#include "mm/zone_priv.h"

/*
 * Two bits per page in handed_out[]: handed out, and handed out as Movable. The second stands for "on an LRU list",
 * which the stealing heuristic asks for: a Movable page counts once it is handed out, not while it is on a per-CPU
 * list.
 */
#define HANDED_PER_WORD  32u
#define HANDED_ORDER     5u
#define HANDED_OUT_BITS  0x5555555555555555ull

/** page_metadata_init() - map the metadata of [0, end_pfn). */
int page_metadata_init(struct page_alloc *pa, pfn_t end_pfn, struct err *err);
void page_metadata_fini(struct page_alloc *pa);
/** page_metadata_reset() - all pages as if never touched; types of pageblocks stay. */
int page_metadata_reset(struct page_alloc *pa, struct err *err);

static inline struct page *page_at(const struct page_alloc *pa, pfn_t pfn)
{
	return &pa->pages[pfn];
}

/** page_zone_slow() - zone of a page that has not been touched, NULL when no zone spans it; in a hole any that does. */
struct zone *page_zone_slow(const struct page_alloc *pa, pfn_t pfn);

static inline struct zone *page_zone(const struct page_alloc *pa, pfn_t pfn)
{
	const struct page *page = page_at(pa, pfn);

	return page->zone_plus1 ? &pa->zones[page->zone_plus1 - 1] : page_zone_slow(pa, pfn);
}

/** handed_mask() - the bits of 2^order <= 32 pages at @pfn within their word. */
static inline uint64_t handed_mask(pfn_t pfn, unsigned int order)
{
	uint64_t ones = order == HANDED_ORDER ? UINT64_MAX : (1ull << (2u << order)) - 1;

	return ones << (2 * (pfn % HANDED_PER_WORD));
}

/** page_hand_out() - the block now belongs to a caller. */
static inline void page_hand_out(struct page_alloc *pa, pfn_t pfn, unsigned int order, bool movable)
{
	uint64_t kind = movable ? UINT64_MAX : HANDED_OUT_BITS;
	uint64_t *word = &pa->handed_out[pfn / HANDED_PER_WORD];

	if (order <= HANDED_ORDER) {
		*word |= handed_mask(pfn, order) & kind;
		return;
	}
	for (uint64_t i = 0; i < 1ull << (order - HANDED_ORDER); i++)
		word[i] = kind;
}

/** page_take_back() - the block, or part of one, has been freed. */
static inline void page_take_back(struct page_alloc *pa, pfn_t pfn, unsigned int order)
{
	uint64_t *word = &pa->handed_out[pfn / HANDED_PER_WORD];

	if (order <= HANDED_ORDER) {
		*word &= ~handed_mask(pfn, order);
		return;
	}
	for (uint64_t i = 0; i < 1ull << (order - HANDED_ORDER); i++)
		word[i] = 0;
}

/** page_is_lru() - whether the page was handed out as Movable. */
static inline bool page_is_lru(const struct page_alloc *pa, pfn_t pfn)
{
	return pa->handed_out[pfn / HANDED_PER_WORD] >> (2 * (pfn % HANDED_PER_WORD)) & 2;
}

/** page_nr_handed_out() - how many pages of [start, end) callers hold. */
uint64_t page_nr_handed_out(const struct page_alloc *pa, pfn_t start, pfn_t end);

/*
 * Types of pageblocks. Boot marks nearly all Movable, so that is what an untouched byte means:
 * the byte is the type with Movable's bit turned over.
 */
static inline uint64_t pageblock_of(const struct page_alloc *pa, pfn_t pfn)
{
	return pfn >> pa->pageblock_order;
}

static inline unsigned int pageblock_migratetype(const struct page_alloc *pa, pfn_t pfn)
{
	return pa->pageblock_type[pageblock_of(pa, pfn)] ^ MIGRATE_MOVABLE;
}

/** set_pageblock_migratetype() - models the kernel's; types below 3 are Unmovable while mobility grouping is off. */
void set_pageblock_migratetype(struct page_alloc *pa, pfn_t pfn, unsigned int mt);

/**
 * pageblock_counted() - whether /proc/pagetypeinfo counts that pageblock for the zone. The kernel samples
 * start, start + pageblock, ... of the zone and leaves out sections without memory and pages of another zone.
 */
bool pageblock_counted(const struct zone *zone, uint64_t pageblock);

#endif

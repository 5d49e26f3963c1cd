/*
 * slob_priv: the state of the SLOB allocator, shared by its files:
 *   slob.c        allocation and free, caches, the mechanism's table
 *   slob_page.c   blocks within a page, lists of pages
 *   slob_check.c  the invariants
 * Models mm/slob.c of kernel 6.1. A page is cut into units of two bytes (four with 64 KiB pages); free blocks are
 * chained by address, as the kernel chains them in the free memory itself.
 */
#ifndef KMEMSIM_MM_SLOB_PRIV_H
#define KMEMSIM_MM_SLOB_PRIV_H

#include "mm/slab_priv.h"

#define SLOB_NONE   UINT32_MAX /* ends a list of pages */
#define SLOB_HEADER 8u         /* bytes in front of a kmalloc object: its size (the minimum alignment) */
#define SLOB_KMALLOC UINT16_MAX /* in place of a cache's number */

#define SLOB_BREAK1 256u       /* bytes */
#define SLOB_BREAK2 1024u

/* Partially free pages by the size of what is asked for: below SLOB_BREAK1, below SLOB_BREAK2, larger. */
enum slob_list { SLOB_SMALL, SLOB_MEDIUM, SLOB_LARGE, NR_SLOB_LISTS,
	SLOB_FULL = NR_SLOB_LISTS, /* no free unit: on no list */
	SLOB_WHOLE,                /* pages of one large object of a cache */
	SLOB_UNUSED };             /* a number without a page */

/** A page of small objects, or the pages of a large one. */
struct slob_page {
	uint32_t pfn;
	uint32_t prev, next;   /* on its list; next also among unused numbers */
	uint32_t cache;        /* SLOB_WHOLE: whose object it is */
	uint16_t units;        /* free */
	uint16_t freelist;     /* first free block; page_units when there is none */
	uint16_t blocks;       /* free ones */
	uint16_t largest;      /* units; no free block is larger */
	uint8_t list;          /* enum slob_list */
	uint8_t order;         /* SLOB_WHOLE */
	uint8_t node;
};

struct slob_cache {
	struct slab_geometry geometry;
	uint32_t flags;
	uint64_t allocs, live_objs, whole; /* objects; whole: of those, pages of their own */
	uint64_t grown, discarded;         /* large objects' pages */
	bool live;
};

/*
 * Each page has page_units words. Of a free block at i: word i is its length and word i + 1 the next one; of a
 * block of one unit, word i is SLOB_SINGLE | the next one. Of an object at i: word i is its cache, or SLOB_KMALLOC
 * with the bytes in word i + 1. A bit per unit tells where objects begin.
 *
 * Invariants
 *  1. Free blocks of a page are in ascending order, do not touch, are
 *     counted, no larger than largest, and add up to its free units.
 *  2. A page with free units is on one list, the one that it says, mirrored by prev; without, on none; none is empty.
 *  3. Objects of a page lie outside its free blocks, do not overlap, and with the free blocks fill it.
 *  4. An object's cache lives; live_objs of a cache counts its objects.
 *  5. The owner word of a page is its number + 1.
 *  6. Numbers below nr_pages are in use or on the unused chain; held is what their pages are.
 */
struct slob {
	struct slob_page *pages;     /* owned: by number; address space for all that there can be */
	uint16_t *words;             /* owned: [number * page_units] */
	uint64_t *starts;            /* owned: bits, [number * page_units] */
	size_t pages_bytes, words_bytes, starts_bytes;
	uint32_t page_units, unit_bytes;
	uint32_t nr_pages, max_pages, unused; /* numbers ever used; first unused one, chained by next */
	uint32_t head[NR_SLOB_LISTS], tail[NR_SLOB_LISTS];
	struct slob_cache *caches;   /* owned: by number */
	uint32_t nr_caches, room;
	uint64_t held;               /* pages of small objects */
	const struct machine *machine; /* borrowed */
	struct page_alloc *page_alloc; /* borrowed */
};
#define SLOB_SINGLE 0x8000u

static inline uint16_t *slob_words(const struct slob *slob, uint32_t number)
{
	return &slob->words[(size_t)number * slob->page_units];
}

static inline uint32_t slob_block_units(const uint16_t *words, uint32_t at)
{
	return words[at] & SLOB_SINGLE ? 1 : words[at];
}

static inline uint32_t slob_block_next(const uint16_t *words, uint32_t at)
{
	return words[at] & SLOB_SINGLE ? words[at] & ~SLOB_SINGLE : words[at + 1];
}

static inline uint32_t slob_units(const struct slob *slob, uint32_t bytes)
{
	return (bytes + slob->unit_bytes - 1) / slob->unit_bytes;
}

/** slob_list_for() - which pages an object of @bytes may come from. */
static inline enum slob_list slob_list_for(uint32_t bytes)
{
	return bytes < SLOB_BREAK1 ? SLOB_SMALL : bytes < SLOB_BREAK2 ? SLOB_MEDIUM : SLOB_LARGE;
}

/** slob_starts() - whether an object begins at that unit. */
bool slob_starts(const struct slob *slob, struct slab_object object);
/** slob_object_units() - units that the object at @object takes. */
uint32_t slob_object_units(const struct slob *slob, struct slab_object object);

/* slob_page.c */
/** slob_list_add() - a page on no list goes to the head of @list. */
void slob_list_add(struct slob *slob, uint32_t number, enum slob_list list);
void slob_list_remove(struct slob *slob, uint32_t number);
/** slob_list_first() - models list_rotate_to_front(): the next search begins with this page. */
void slob_list_first(struct slob *slob, uint32_t number);
/**
 * slob_page_alloc() - first fit within a page. @align: of byte @offset of the block. Return: its first unit, or
 * page_units when none is large enough. The page leaves its list when it is used up.
 */
uint32_t slob_page_alloc(struct slob *slob, uint32_t number, uint32_t bytes, uint32_t align, uint32_t offset,
	struct meter *meter);
/** slob_page_free() - models slob_free() of a block in a page that keeps others: merged with its free neighbours. */
void slob_page_free(struct slob *slob, uint32_t number, uint32_t at, uint32_t bytes);
/** slob_page_init() - a page that is one free block. */
void slob_page_init(struct slob *slob, uint32_t number);

/* slob_check.c */
int slob_check(const void *state, struct err *err);

#endif

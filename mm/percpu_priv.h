/*
 * percpu_priv: chunks and their blocks, shared by percpu.c (requests), percpu_block.c (hints), percpu_find.c
 * (the search), percpu_chunk.c (pages and balance), percpu_layout.c (units) and percpu_check.c.
 *
 * All positions in maps are in bits of PERCPU_MIN_ALLOC bytes. A block is the part of a map that stands for one page.
 *
 * Invariants
 *  1. free_bytes of a chunk is four times the clear bits of its allocation map.
 *  2. A living area's bits are set; its first bit and the one behind it are set in the boundary map, none between is.
 *  3. A block's left_free is the free run at its beginning, contig_hint a whole free run at contig_start, 0 when
 *     there is none; no free bit precedes first_free. contig_hint need not be the longest run, nor right_free be
 *     more than 0: the kernel forgets runs before a new scan_hint when the hint breaks.
 *  4. A chunk's hint is a free run; no free bit precedes its first_free.
 *  5. A chunk is on the list of one slot: the one its hint says, or slot 0 when a search failed
 *     there; isolated ones are to be depopulated or sidelined. The reserved chunk is on none.
 *  6. A chunk's populated pages are those of its bitmap and have a page of each CPU; its empty pages are
 *     those of them with a wholly free block; the sum over chunks that are not isolated is the machine's.
 *  7. Free runs that are known are those of the allocation map.
 */
#ifndef KMEMSIM_MM_PERCPU_PRIV_H
#define KMEMSIM_MM_PERCPU_PRIV_H

#include "base/bitmap.h"
#include "mm/mm.h"
#include "mm/percpu.h"
#include "mm/vmalloc.h"

#define PERCPU_EMPTY_LOW   2  /* fewer empty populated pages: the balance work runs */
#define PERCPU_EMPTY_HIGH  4  /* it goes for as many */
#define PERCPU_SLOT_FAIL   3  /* chunks of lower slots in which a search fails go to slot 0 */
#define PERCPU_RECLAIM_SHARE 4 /* a chunk with that share of its pages empty gives them back */
#define PERCPU_NO_CHUNK    UINT32_MAX

/** What is known of the free runs of a block, or of a whole chunk. In bits; see spec 7.4. */
struct pcpu_block {
	int32_t contig_hint, contig_start; /* largest known run */
	int32_t scan_hint, scan_start;     /* a smaller one before it */
	int32_t left_free, right_free;
	int32_t first_free;
	int32_t nr_bits;
};

/** The free runs of a chunk, as statistics tell them. A hole is one before the last area. */
struct pcpu_runs {
	uint64_t largest_free_bytes, hole_bytes, largest_hole_bytes;
};

struct pcpu_chunk {
	struct pcpu_block whole;    /* chunk_md */
	struct pcpu_block *blocks;  /* owned */
	uint64_t *alloc_map;        /* owned */
	uint64_t *bound_map;        /* owned; one bit more */
	uint64_t *populated;        /* owned: a bit per page */
	/* owned: [cpu * nr_pages + page]; NULL: of the first unit, not the page allocator's */
	pfn_t *pages;
	uint32_t *areas;            /* owned: of the vmalloc space, one per group; NULL as pages */
	uint64_t base;              /* of unit 0, page 0 */
	uint32_t nr_pages, nr_populated;
	int32_t nr_empty;           /* populated pages with nothing in them */
	uint32_t free_bytes;
	uint32_t hidden_start, hidden_end; /* bits at either end that are not the chunk's */
	uint32_t nr_areas;
	uint32_t number;
	uint32_t slot, prev, next;  /* list of its slot */
	bool isolated;
	bool runs_known;            /* since alloc_map changed last: */
	struct pcpu_runs runs;
};

struct pcpu_area {
	uint32_t chunk, bit; /* chunk PERCPU_NO_CHUNK: free; bit is then the next free one */
};

struct pcpu_list {
	uint32_t head, tail;
};

struct percpu {
	struct page_alloc *pages;       /* borrowed */
	struct vmalloc *vmalloc;        /* borrowed */
	const struct machine *machine;  /* borrowed */
	struct percpu_layout layout;
	uint64_t *unit_offset;          /* owned: of each CPU, from a chunk's base */
	uint64_t *group_offset, *group_size; /* owned: of each group */
	uint32_t block_bits;            /* of a page */
	uint32_t unit_pages;

	struct pcpu_chunk **chunks;     /* owned, by number; NULL: none */
	uint32_t nr_chunks, cap_chunks;
	struct pcpu_list *lists;        /* owned: one per slot */
	uint32_t sidelined_slot, free_slot, depopulate_slot; /* and as many slots, and one */
	struct pcpu_area *areas;        /* owned */
	uint32_t nr_areas, cap_areas, free_area;

	int32_t nr_empty;               /* of chunks that are neither isolated nor reserved */
	uint64_t nr_populated;          /* of one unit */
	uint64_t static_used;           /* bytes defined in the static part */
	bool atomic_failed, balance_due;
	const pfn_t *lent;              /* borrowed: pages that chunks take before free ones */
	uint32_t nr_lent;
	struct percpu_stats done;       /* the counters among its members */
};

/* percpu_layout.c */
/**
 * percpu_layout_init() - units and groups of the machine. Models
 * pcpu_build_alloc_info() and x86's setup_per_cpu_areas().
 */
int percpu_layout_init(struct percpu *pc, struct err *err);

/* percpu_block.c */
/** pcpu_blocks_init() - everything free. */
void pcpu_blocks_init(struct pcpu_chunk *chunk, uint32_t block_bits);
/** pcpu_hint_alloc() - models pcpu_block_update_hint_alloc(): the bits have just been set. */
void pcpu_hint_alloc(struct percpu *pc, struct pcpu_chunk *chunk, int32_t bit, int32_t bits);
/** pcpu_hint_free() - models pcpu_block_update_hint_free(): the bits have just been cleared. */
void pcpu_hint_free(struct percpu *pc, struct pcpu_chunk *chunk, int32_t bit, int32_t bits);
/** pcpu_hint_scan() - models pcpu_block_update_scan(): a search passed over this run. */
void pcpu_hint_scan(struct percpu *pc, struct pcpu_chunk *chunk, int32_t bit, int32_t bits);
/** pcpu_add_empty() - that many more populated pages are empty; models pcpu_update_empty_pages(). */
void pcpu_add_empty(struct percpu *pc, struct pcpu_chunk *chunk, int32_t nr);

/* percpu_find.c */
/** pcpu_find_fit() - models pcpu_find_block_fit(). Return: a bit to search from, -1 when nothing fits. */
int32_t pcpu_find_fit(const struct percpu *pc, const struct pcpu_chunk *chunk, int32_t bits, int32_t align,
	bool populated_only);
/** pcpu_find_zero() - models pcpu_find_zero_area(). Return: where, -1 when nowhere; @off, @len: longest run skipped. */
int32_t pcpu_find_zero(const struct pcpu_chunk *chunk, int32_t start, int32_t end, int32_t bits, int32_t align,
	int32_t *off, int32_t *len);

/* percpu_chunk.c */
/** pcpu_chunk_new() - maps for @nr_pages pages, all free; not on a list. Return: NULL when out of memory. */
struct pcpu_chunk *pcpu_chunk_new(struct percpu *pc, uint32_t nr_pages);
void pcpu_chunk_delete(struct percpu *pc, struct pcpu_chunk *chunk);
/** pcpu_chunk_create() - models pcpu_create_chunk(): on its list, nothing populated. Return: NULL when that failed. */
struct pcpu_chunk *pcpu_chunk_create(struct percpu *pc, struct meter *meter);
/** pcpu_populate() - pages [@from, @to) of @chunk for all CPUs. Models pcpu_populate_chunk(). */
bool pcpu_populate(struct percpu *pc, struct pcpu_chunk *chunk, uint32_t from, uint32_t to, gfp_t gfp, unsigned int cpu,
	struct meter *meter);
/** pcpu_isolate() - models pcpu_isolate_chunk(). */
void pcpu_isolate(struct percpu *pc, struct pcpu_chunk *chunk);
/** pcpu_reintegrate() - models pcpu_reintegrate_chunk(): of an isolated one only. */
void pcpu_reintegrate(struct percpu *pc, struct pcpu_chunk *chunk);

/* percpu_slot.c */
/** pcpu_size_slot() - models pcpu_size_to_slot(). */
uint32_t pcpu_size_slot(const struct percpu *pc, uint64_t bytes);
uint32_t pcpu_chunk_slot(const struct percpu *pc, const struct pcpu_chunk *chunk);
/** pcpu_chunk_move() - to that slot's list, to its head or its tail. */
void pcpu_chunk_move(struct percpu *pc, struct pcpu_chunk *chunk, uint32_t slot, bool head);
void pcpu_chunk_unlist(struct percpu *pc, struct pcpu_chunk *chunk);
/** pcpu_chunk_relocate() - models pcpu_chunk_relocate(): @old is its slot before, PERCPU_NO_CHUNK = none. */
void pcpu_chunk_relocate(struct percpu *pc, struct pcpu_chunk *chunk, uint32_t old);

/* percpu_stats.c */
/** pcpu_measure_runs() - the free runs, read off the allocation map. */
struct pcpu_runs pcpu_measure_runs(const struct pcpu_chunk *chunk);

/* percpu_check.c */
int percpu_check(const void *state, struct err *err);

static inline int32_t pcpu_map_bits(const struct pcpu_chunk *chunk)
{
	return chunk->whole.nr_bits;
}

static inline bool pcpu_is_reserved(const struct pcpu_chunk *chunk)
{
	return chunk->number == PERCPU_RESERVED_CHUNK;
}

/** pcpu_next_hint() - where to begin to look for @bits bits; models pcpu_next_hint(). */
static inline int32_t pcpu_next_hint(const struct pcpu_block *block, int32_t bits)
{
	if (block->scan_hint && block->contig_start > block->scan_start && bits > block->scan_hint)
		return block->scan_start + block->scan_hint;
	return block->first_free;
}

static inline int32_t pcpu_align(int32_t bit, int32_t align)
{
	return (bit + align - 1) & -align;
}

#endif

/*
 * boot_memory: memory that is taken before the page allocator has any: memblock, and bootmem of older kernels.
 * Models mm/memblock.c of 6.1 and mm/bootmem.c of 3.x. Outside every other mechanism: what is taken here never
 * reaches the free lists, no zone manages it.
 *
 * Knows ranges of physical memory. When boot is over is the caller's knowledge.
 */
#ifndef KMEMSIM_MM_BOOT_MEMORY_H
#define KMEMSIM_MM_BOOT_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "configs/machine.h"
#include "mm/answer.h"

/* How a request looks for memory. */
enum boot_call {
	BOOT_MEMBLOCK,          /* memblock_alloc(): from the top of memory down, byte by byte */
	BOOT_BOOTMEM,           /* alloc_bootmem(): from the end of zone DMA up, in pages */
	BOOT_BOOTMEM_PAGES,     /* alloc_bootmem_pages(): the same, page-aligned */
	BOOT_BOOTMEM_LOW,       /* alloc_bootmem_low(): from the bottom up, below 4 GiB */
	BOOT_BOOTMEM_LOW_PAGES,
	NR_BOOT_CALLS
};

#define BOOT_BLOCK_NONE UINT32_MAX

/** A block that was asked for, freed or not. */
struct boot_block {
	uint64_t start, size, align; /* physical address, bytes; align as it was used */
	uint64_t freed;              /* bytes of it that were given back */
	enum boot_call call;
};

struct boot_range {
	uint64_t start, end;
};

struct boot_memory {
	const struct machine *machine; /* borrowed */
	struct boot_range *taken;      /* owned: ascending, not touching */
	uint32_t nr_taken, cap_taken;
	struct boot_block *blocks;     /* owned */
	uint32_t nr_blocks, cap_blocks;
	uint64_t last_end;             /* of the last bootmem request: the rest of its page may serve the next */
};

/** boot_memory_begin() - all memory of @machine that is not reserved is there to take. @bm zeroed. */
void boot_memory_begin(struct boot_memory *bm, const struct machine *machine);
void boot_memory_end(struct boot_memory *bm);

/**
 * boot_memory_take() - @size bytes, @align a power of two or 0 (a cache line; a page for the calls of pages).
 * Return: MM_FAILED when there is no room: the kernel panics.
 */
enum mm_answer boot_memory_take(struct boot_memory *bm, enum boot_call call, uint64_t size, uint64_t align,
	uint32_t *block);

/**
 * boot_memory_give() - free [@start, @start + @size). @bytewise: as memblock_free(), else as free_bootmem(),
 * which frees whole pages inside the range only. What was not taken stays as it is. Return: bytes given back.
 */
uint64_t boot_memory_give(struct boot_memory *bm, uint64_t start, uint64_t size, bool bytewise);

/**
 * boot_memory_reserve() - what is taken is reserved in @machine, which begins as a copy of the one of
 * boot_memory_begin(). ERR_CONFIG when it has too many ranges.
 */
int boot_memory_reserve(const struct boot_memory *bm, struct machine *machine, struct err *err);

#endif

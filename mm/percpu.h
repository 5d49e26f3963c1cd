/*
 * percpu: memory of which each CPU has a copy at the same offset of a unit of its own. Models mm/percpu.c and
 * percpu-vm.c of kernel 6.1: the first chunk, chunks in the vmalloc space, areas found with the kernel's hints, pages
 * given to chunks and taken from them.
 *
 * Knows chunks, offsets and pages. Knows nothing of names, of preemption and of time: the work item that the kernel
 * schedules is percpu_balance(), to be called when percpu_balance_due() says so.
 *
 * A chunk's own records (its bitmaps, its array of cgroup pointers) are kmallocs and vmallocs, which recordings show as
 * events of their own: they are not allocated again here.
 */
#ifndef KMEMSIM_MM_PERCPU_H
#define KMEMSIM_MM_PERCPU_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/gfp.h"
#include "mm/answer.h"
#include "mm/meter.h"
#include "mm/page_alloc.h"

struct percpu; /* the state of SLOT_PERCPU: mm_state(mm, SLOT_PERCPU) */

#define PERCPU_MIN_ALLOC   4u          /* bytes: what a bit of the maps stands for */
#define PERCPU_MAX_ALLOC   32768u      /* bytes: largest area */
#define PERCPU_AREA_NONE   UINT32_MAX

struct percpu_request {
	uint64_t size, align; /* bytes; align 0 = 4 */
	gfp_t gfp;            /* without direct reclaim: atomic, finds room in populated pages only */
	bool reserved;        /* from the reserved chunk, where there is one: static areas of modules */
	uint16_t cpu;         /* who asks */
};

/** percpu_refused() - whether the size or alignment is one that pcpu_alloc() warns of and refuses. */
bool percpu_refused(const struct percpu *pc, const struct percpu_request *req);

/**
 * percpu_alloc() - models pcpu_alloc().
 * @area: its number on MM_DONE, until percpu_free().
 */
enum mm_answer percpu_alloc(struct percpu *pc, const struct percpu_request *req, uint32_t *area, struct meter *meter);
/** percpu_free() - models free_percpu(). */
void percpu_free(struct percpu *pc, uint32_t area, struct meter *meter);

/**
 * percpu_define() - room for a DEFINE_PER_CPU of the kernel itself, in the static part of the first chunk.
 * @off: from the unit's start, on MM_DONE. MM_FAILED: the machine's static part is full.
 */
enum mm_answer percpu_define(struct percpu *pc, uint64_t size, uint64_t align, uint64_t *off);

/** percpu_balance_due() - whether the kernel has scheduled pcpu_balance_workfn() and it has not run. */
bool percpu_balance_due(const struct percpu *pc);
/** percpu_balance() - models pcpu_balance_workfn(), on CPU @cpu. */
void percpu_balance(struct percpu *pc, unsigned int cpu, struct meter *meter);

/** Where an area is. */
struct percpu_place {
	uint32_t chunk; /* number of its chunk: PERCPU_FIRST_CHUNK, PERCPU_RESERVED_CHUNK or a later one */
	uint32_t off;   /* bytes from the chunk's page-aligned beginning: what traces call off */
	uint32_t size;  /* bytes of each copy */
};

enum { PERCPU_FIRST_CHUNK, PERCPU_RESERVED_CHUNK };

/** percpu_place() - where the living area @area is. */
struct percpu_place percpu_place(const struct percpu *pc, uint32_t area);
/** percpu_base() - the offset of a chunk of the first unit within it; of others their address. */
uint64_t percpu_base(const struct percpu *pc, uint32_t chunk);

/**
 * percpu_claim() - take exactly this area, to follow a recording. Models nothing in the kernel.
 * @chunk: one that is there, or PERCPU_AREA_NONE for a new one. Return: PERCPU_AREA_NONE when it is not free.
 */
uint32_t percpu_claim(struct percpu *pc, uint32_t chunk, uint32_t off, uint32_t size, struct meter *meter);

/**
 * percpu_adopt_chunk() - a chunk of a saved state, empty and without pages: its addresses are taken already,
 * as the areas @areas[0 .. nr_groups-1] of the vmalloc space. Models nothing in the kernel. Return: its
 * number, PERCPU_AREA_NONE: no memory.
 */
uint32_t percpu_adopt_chunk(struct percpu *pc, const uint32_t *areas);
/**
 * percpu_lend() - chunks take these pages, which are in use and nobody's, before they ask for free ones: those
 * that the chunks of a saved state have. @pfns is borrowed until percpu_lend(pc, NULL, 0). Return: how many of
 * those lent before were not taken.
 */
uint32_t percpu_lend(struct percpu *pc, const pfn_t *pfns, uint32_t nr);

/** Units, and the parts of the first one; bytes. Fixed at boot. */
struct percpu_layout {
	uint64_t static_size, reserved_size, dynamic_size;
	uint64_t unit_size, alloc_size, atom_size; /* alloc_size: of upa units, one allocation */
	uint32_t units_per_alloc, nr_units, nr_groups;
};

void percpu_get_layout(const struct percpu *pc, struct percpu_layout *layout);

/* What recording needs; plain copies. */
struct percpu_stats {
	uint64_t chunks;           /* those of dynamic areas: without the reserved one */
	uint64_t live_areas;
	uint64_t allocated_bytes;  /* one copy of each area; static ones are not in it */
	uint64_t static_bytes;     /* defined in the static part */
	uint64_t free_bytes;       /* of one unit of each chunk */
	uint64_t largest_free_bytes;
	uint64_t hole_bytes;       /* free, and before the last area of a chunk */
	uint64_t largest_hole_bytes;
	uint64_t populated_pages;  /* of one unit, static part included */
	uint64_t empty_pages;      /* populated, with nothing in them: what atomic requests live on */
	uint64_t allocs, frees, failures, atomic_failures, refused;
	uint64_t chunks_created, chunks_destroyed, max_chunks;
	uint64_t balance_runs, pages_populated, pages_depopulated; /* pages: of one unit */
};

/** percpu_populated_pages() - of one unit, static part included: the same as of percpu_get_stats(), at no cost. */
uint64_t percpu_populated_pages(const struct percpu *pc);

void percpu_get_stats(const struct percpu *pc, struct percpu_stats *stats);

/** A chunk, as /sys/kernel/debug/percpu_stats shows it. */
struct percpu_chunk_stats {
	uint64_t base;
	uint32_t areas, populated_pages, empty_pages;
	uint64_t free_bytes, contig_bytes; /* contig: what its hint says */
	uint64_t hole_bytes, largest_hole_bytes, largest_free_bytes;
	bool isolated;
};

/** percpu_nr_chunks() - numbers of chunks are below this. */
uint32_t percpu_nr_chunks(const struct percpu *pc);
/** percpu_chunk_get() - Return: false when there is no chunk of that number. */
bool percpu_chunk_get(const struct percpu *pc, uint32_t chunk, struct percpu_chunk_stats *stats);

#endif

/*
 * state: the memory of a machine at one instant, as it was saved from a real kernel: what a run can start from, and
 * what it can be held against. Plain structs, like configs/machine.h: mm/ and sim/ include this file.
 * configs/saved_state.h reads it from files.
 */
#ifndef KMEMSIM_CONFIGS_STATE_H
#define KMEMSIM_CONFIGS_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "configs/machine.h"

#define STATE_NAME_MAX 64
#define STATE_NO_CPU   UINT32_MAX

/** LRU lists as the kernel counts their pages. The first four are in the order of enum lru_list (mm/reclaim.h). */
enum state_lru {
	STATE_LRU_INACTIVE_ANON,
	STATE_LRU_ACTIVE_ANON,
	STATE_LRU_INACTIVE_FILE,
	STATE_LRU_ACTIVE_FILE,
	STATE_LRU_UNEVICTABLE,
	NR_STATE_LRU,
};

/**
 * A zone: memory/zones.csv, or zoneinfo. spanned 0: only its
 * name is known, and its numbers are those of the machine.
 */
struct state_zone {
	uint32_t node;
	enum machine_zone type;
	uint64_t start_pfn, spanned, present, managed; /* pages */
	uint64_t min, low, high, boost;                /* pages; min..high without boost */
	uint64_t lowmem_reserve[NR_ZONE_TYPES];        /* pages, by zone type of the request */
	/* 0 and 1 before the kernel has set up its per-CPU lists; batch 0: not told */
	uint32_t pcp_high, pcp_batch;
	bool reserve_told;                             /* else lowmem_reserve is not known */
	uint64_t highatomic;                           /* nr_reserved_highatomic, pages */
	uint64_t free_pages;
	/* pages on LRU lists, where the state's lru_told is STATE_LRU_BY_ZONE */
	uint64_t lru[NR_STATE_LRU];
};

/** How much is known of the LRU lists. */
enum state_lru_told {
	STATE_LRU_UNKNOWN,
	STATE_LRU_BY_ZONE,   /* zoneinfo */
	STATE_LRU_IN_PAGES,  /* vmstat: in all */
	STATE_LRU_IN_KIB,    /* meminfo: in all */
};

/** A free block on a zone's list; blocks of one list stand in list order, head first. */
struct state_block {
	uint64_t pfn;
	uint16_t zone;       /* index into zones */
	uint8_t order;
	uint8_t migratetype; /* 0 Unmovable, 1 Movable, 2 Reclaimable, 3 HighAtomic, 4 CMA, 5 Isolate */
};

/** A block on a per-CPU list, in list order, head first. */
struct state_pcp {
	uint64_t pfn;
	uint32_t cpu;
	uint16_t zone;       /* index into zones */
	uint8_t list;        /* order * 3 + migratetype; 12 and 13: pageblock order */
	uint8_t order;
	uint8_t migratetype; /* as the page remembers it */
};

/**
 * What a process read to save slab_sysfs.tsv, which it does after the instant of the state: a directory of
 * /sys/kernel/slab and some files in it for each cache, a link for each other name of one. All 0: there is no such
 * table.
 */
struct state_slab_table {
	uint32_t dirs, links;
	uint32_t files;   /* read in each directory: columns of the table */
	uint32_t counted; /* of these, those for which the kernel looks at all slabs (show_slab_objects()) */
};

/** What a run of pages is: memory/pages.csv. */
enum state_page_kind {
	STATE_PAGE_BUDDY, STATE_PAGE_PCP, STATE_PAGE_SLAB, STATE_PAGE_ANON, STATE_PAGE_FILE, STATE_PAGE_PGTABLE,
	STATE_PAGE_COMPOUND, STATE_PAGE_KERNEL, STATE_PAGE_RESERVED, STATE_PAGE_UNACCOUNTED, STATE_PAGE_HOLE,
	STATE_PAGE_OTHER,
};

struct state_pages {
	uint64_t first_pfn, nr_pages;
	enum state_page_kind kind;
};

/** A slab cache: memory/caches.csv, or slab_sysfs.tsv and slabinfo. */
struct state_cache {
	char name[STATE_NAME_MAX];
	uint32_t object_size, size, align, inuse, offset; /* bytes */
	uint32_t flags;                /* SLAB_* of kernel 6.1 */
	bool ctor, no_merge;           /* a user-copy window, a constructor or refcount -1 */
	uint32_t order, objs_per_slab, min_order, min_objs;
	uint32_t min_partial, cpu_partial, cpu_partial_slabs;
	uint64_t slabs, objects;       /* in all; objects: room for so many */
	uint64_t active_objs;          /* as slabinfo counts, 0 when only caches.csv is there */
	/* current slabs of CPUs and those on their stacks, where slabs are not known; 0 = not told */
	uint64_t cpu_slabs;
	const uint16_t *random_seq;    /* object numbers in the order of a new slab's freelist; NULL = ascending */
	uint32_t nr_random_seq;
};

enum state_slab_place { STATE_SLAB_CPU, STATE_SLAB_CPU_PARTIAL, STATE_SLAB_NODE_PARTIAL, STATE_SLAB_FULL };

/** A slab: memory/slabs.csv. Node-partial slabs stand in list order, head first; CPU-partial ones top first. */
struct state_slab {
	uint64_t pfn;
	uint32_t cache;                /* index into caches */
	uint32_t cpu;                  /* of a CPU or CPU-partial slab; else STATE_NO_CPU */
	uint16_t objects, inuse;
	uint8_t order, node;
	enum state_slab_place place;
	const uint16_t *freelist;      /* the slab's own, in order */
	uint32_t nr_freelist;
	const uint16_t *cpu_freelist;  /* STATE_SLAB_CPU: the CPU's, in order */
	uint32_t nr_cpu_freelist;
};

/** An area of the vmalloc space: a line of vmallocinfo. */
struct state_area {
	uint64_t start, end;           /* guard included */
	uint64_t phys;                 /* of ioremap */
	uint64_t pages;                /* that it owns */
	uint64_t on_node[MACHINE_MAX_NODES]; /* of these, where the kernel tells */
	bool ioremap, vmap, map_ram, vmalloc;
	bool lazy;                     /* freed, not purged */
	char caller[STATE_NAME_MAX];   /* "load_module+0xbb7/0x21a0", "" when not told */
};

/**
 * All of it. Arrays are owned by whoever made it (configs/saved_state.h). Parts that were not saved are empty, and
 * `exact` tells what is.
 */
struct state {
	char source[512];              /* folder, for messages */
	struct state_zone *zones;      size_t nr_zones;
	struct state_block *blocks;    size_t nr_blocks;   /* by zone, order, migratetype, position */
	struct state_pcp *pcp;         size_t nr_pcp;      /* by zone, CPU, list, position */
	struct state_pages *pages;     size_t nr_pages;    /* ascending */
	struct state_cache *caches;    size_t nr_caches;
	struct state_slab *slabs;      size_t nr_slabs;    /* by cache, place, position */
	uint64_t entries[MACHINE_MAX_CPUS]; /* events of each CPU's buffer before this instant */
	uint32_t nr_entries;           /* CPUs in entries; 0 = not known */
	struct state_area *areas;      size_t nr_areas;    /* as vmallocinfo lists them; 0 = not known */
	/* blocks with positions and frames; else only counts by list (nr in block_counts) */
	bool exact_blocks;
	bool exact_slabs;              /* slabs are known one by one */
	/*
	 * Counts by zone, migratetype and order from buddyinfo and
	 * pagetypeinfo, where exact_blocks is false or beside it.
	 */
	uint64_t (*block_counts)[6][16]; /* [zone][migratetype][order]; NULL when not known */
	uint64_t (*pageblocks)[6];       /* [zone][migratetype]; NULL when not known */
	/* Pages on the CPUs' lists where pcp does not tell them: [zone][CPU]; NULL when not known. */
	uint32_t (*pcp_counts)[MACHINE_MAX_CPUS];
	enum state_lru_told lru_told;
	/* in all: pages, or KiB where lru_told says so; zeros where each zone's are known */
	uint64_t lru[NR_STATE_LRU];
	uint64_t swap_bytes, swap_used_bytes; /* meminfo; 0 = none, or not known */
	bool dentries_told;              /* sys/fs/dentry-state */
	uint64_t dentries_unused;        /* that nobody uses: shrinkers may free so many */
	uint64_t percpu_bytes;           /* meminfo: of all populated pages of per-CPU memory; 0 = not known */
	struct state_slab_table slab_table;
	/* /proc/vmstat at that instant. */
	struct state_counter { char name[48]; uint64_t value; } *vmstat; size_t nr_vmstat;
};

#endif

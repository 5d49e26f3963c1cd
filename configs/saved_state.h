/*
 * saved_state: reads the memory of a real machine, saved in a folder, into plain structs (configs/state.h).
 *
 * What the parts of a state are when files are missing:
 *  - no cpu_slabs.csv: exact_slabs is false though slabs are filled: those of a CPU have all objects in use that are
 *    not on the slab's own freelist (cpu_freelist is NULL), and partial slabs of a CPU stand by pfn;
 *  - no buddy_free.csv: exact_blocks is false, free blocks are known by block_counts alone, which was printed a moment
 *    after zoneinfo and need not add up to free_pages; pages of CPUs' lists by pcp_counts; pages.csv is not read;
 *  - nor zoneinfo: of zones only their names are known; nor buddyinfo
 *    and pagetypeinfo: of free blocks only the pages in all;
 *  - no buddy_free.csv or no caches.csv: slabs.csv is not read, slabs are known by counts;
 *  - no caches.csv: offset, inuse, min_order, min_objs and cpu_partial_slabs are 0, random_seq is NULL;
 *  - no slab_sysfs.tsv either: object_size is size, and flags, align, min_partial and cpu_partial are 0.
 * List 12 of per-CPU pages does not tell the migratetype of its blocks: they are taken as Unmovable.
 */
#ifndef KMEMSIM_CONFIGS_SAVED_STATE_H
#define KMEMSIM_CONFIGS_SAVED_STATE_H

#include <stdio.h>

#include "base/err.h"
#include "configs/state.h"

/**
 * saved_state_read() - read what a folder has.
 * @dir:   a snapshot: the folder that holds memory/ with the .csv files (or .csv.xz), or that holds these files itself;
 *         beside or instead of them the text files buddyinfo, pagetypeinfo, zoneinfo, slabinfo, slab_sysfs.tsv, vmstat,
 *         vmallocinfo, meminfo, sys/fs/dentry-state.
 * @notes: what is missing and what is assumed instead, one a line; may be NULL.
 *
 * The caller owns *out: saved_state_free(). Errors: ERR_CONFIG with file, line and what was expected; ERR_IO.
 */
int saved_state_read(struct state **out, const char *dir, FILE *notes, struct err *err);
void saved_state_free(struct state *state);

/**
 * saved_state_check() - whether the parts of a state agree with each other.
 *
 * Invariants
 *  1. zones: no two of one node and type; managed <= present <= spanned; no two overlap that are of one node
 *  2. with exact blocks: each is aligned, lies in its zone, and those of a zone, but the isolated ones, add up to its
 *     free_pages
 *  3. pcp blocks are aligned, lie in their zone and on the list of their order and migratetype
 *  4. free blocks, pcp blocks and slabs do not overlap
 *  5. a slab's own freelist and the objects in use are all of its objects; no object stands twice on its freelists
 *  6. slabs and objects of a cache are as many as the cache says
 *  7. runs of pages ascend; free blocks, pcp blocks and slabs are of that kind in them
 * Errors: ERR_CONFIG with the number of the invariant.
 */
int saved_state_check(const struct state *state, struct err *err);

/**
 * saved_state_list() - the numbered snapshots of @dir ("0b-events-on", ...), ascending.
 * The caller frees each name and the list.
 */
int saved_state_list(const char *dir, char ***names, size_t *nr, struct err *err);

#endif

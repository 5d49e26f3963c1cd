/* saved_state: reads the memory of a real machine, saved in a folder, into plain structs (configs/state.h). */
#ifndef KMEMSIM_CONFIGS_SAVED_STATE_H
#define KMEMSIM_CONFIGS_SAVED_STATE_H

#include <stdio.h>

#include "base/err.h"
#include "configs/state.h"

/**
 * saved_state_read() - read what a folder has.
 * @dir:   a snapshot: the folder that holds memory/ with the .csv files (or .csv.xz), or that holds these files itself;
 *         beside or instead of them the text files buddyinfo, pagetypeinfo, zoneinfo, slabinfo, slab_sysfs.tsv, vmstat.
 * @notes: what is missing and what is assumed instead, one a line; may be NULL.
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

/** saved_state_list() - the numbered snapshots of @dir ("0b-events-on", ...), ascending; the caller frees each and the list. */
int saved_state_list(const char *dir, char ***names, size_t *nr, struct err *err);

#endif

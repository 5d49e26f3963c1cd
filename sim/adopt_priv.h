/* adopt_priv: what the files of adoption share: adopt.c (objects), adopt_list.c (what the state has), adopt_blocks.c (pages). */
#ifndef KMEMSIM_SIM_ADOPT_PRIV_H
#define KMEMSIM_SIM_ADOPT_PRIV_H

#include "sim/adopt.h"

#define ADOPT_LARGE 0x80000000u /* kinds from here: large kmallocs, by their number of pages */

/** A living object of the initial state. */
struct adopt_object {
	uint32_t kind;  /* its cache, or ADOPT_LARGE + pages */
	uint32_t order; /* in which they stand: by address */
	struct slab_object object;
};

/** adopt_list_objects() - all living objects of the model, by kind, then address. The caller frees *list. */
int adopt_list_objects(struct run *run, struct adopt_object **list, uint32_t *nr, struct err *err);

/** adopt_blocks() - find blocks of pages in the initial state: at their recorded frames, or as near as can be. */
int adopt_blocks(struct run *run, const struct older *older, uint32_t nr, struct err *err);

/** adopt_memory_end() - the first page frame behind all zones. */
pfn_t adopt_memory_end(const struct run *run);
/** adopt_slab_pages() - pages of the slab or large kmalloc that begins at @pfn; 0: none does. */
uint32_t adopt_slab_pages(const struct run *run, pfn_t pfn);

#endif

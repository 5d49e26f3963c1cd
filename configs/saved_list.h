/* saved_list: chooses saved states of a machine's memory from a folder of snapshots, as users name them. */
#ifndef KMEMSIM_CONFIGS_SAVED_LIST_H
#define KMEMSIM_CONFIGS_SAVED_LIST_H

#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "configs/state.h"

/** States of one machine, the earliest first. */
struct saved_list {
	struct saved {
		char *name;          /* of its folder, "1-after-boot" */
		struct state *state;
	} *rows;                     /* owned, as all of it */
	size_t nr;
};

/**
 * saved_initial() - the state to start from: @dir itself, or of a folder of numbered snapshots the earliest
 * of which every block and slab is known and that says which events precede it, else the earliest.
 * The caller owns *out: saved_state_free(). @notes: what had to be assumed; may be NULL.
 */
int saved_initial(struct state **out, const char *dir, FILE *notes, struct err *err);

/**
 * saved_read_all() - the numbered snapshots of @dir, from the one that saved_initial() chooses on.
 * ERR_CONFIG: there is none of which every block and slab is known. Free with saved_fini() in any case.
 */
int saved_read_all(struct saved_list *list, const char *dir, FILE *notes, struct err *err);
void saved_fini(struct saved_list *list);

/** saved_memory_end() - first physical address behind the machine's memory, bytes. */
uint64_t saved_memory_end(const struct state *state, uint32_t page_size);

#endif

/*
 * adopt_priv: what the files of adoption share: adopt.c (objects), adopt_list.c (what the state has),
 * adopt_choice.c (which pages may be whose), adopt_blocks.c (pages that the trace names), adopt_areas.c (those of
 * the vmalloc space), adopt_gone.c (those that nobody has any more), adopt_saver.c (what saving it left),
 * adopt_lru.c (pages on LRU lists).
 */
#ifndef KMEMSIM_SIM_ADOPT_PRIV_H
#define KMEMSIM_SIM_ADOPT_PRIV_H

#include "sim/adopt.h"

#define ADOPT_LARGE 0x80000000u /* kinds from here: large kmallocs, by their number of pages */

/** A living object of the initial state. */
struct adopt_object {
	uint32_t kind; /* its cache, or ADOPT_LARGE + pages */
	struct slab_object object;
};

/** adopt_list_objects() - all living objects of the model, by kind, then address. The caller frees *list. */
int adopt_list_objects(struct run *run, struct adopt_object **list, uint32_t *nr, struct err *err);

/**
 * Pages that may be somebody's: in use, no slab's, not reserved, not taken yet. up[] and down[] lead to the nearest
 * such page that is not below, or not above; paths are halved as they are walked.
 */
struct free_choice {
	uint32_t *up, *down;   /* owned: by pfn + 1; 0 and end + 1 stand for none */
	uint32_t end;          /* first page frame behind all zones */
	uint64_t recorded_end; /* behind the last frame that the trace names; 0 = it names none */
};

/** choice_init() - of the model as it is; choice_copy() - of the pages of another choice. choice_fini() in any case. */
int choice_init(const struct run *run, struct free_choice *choice, struct err *err);
int choice_copy(const struct free_choice *from, struct free_choice *choice, struct err *err);
void choice_fini(struct free_choice *choice);
/**
 * choice_only() - pages that the state says are of @kind alone;
 * all, where it does not say of what kind its pages are.
 */
void choice_only(const struct run *run, struct free_choice *choice, enum state_page_kind kind);
/**
 * choice_side() - where users' pages are (@users), or the kernel's:
 * by the kinds that the state tells, else by the types of pageblocks.
 */
void choice_side(const struct run *run, struct free_choice *choice, bool users);
/**
 * choice_kernel() - without pages on LRU lists, where the state
 * tells how many are; choice_anon() - those on anonymous ones alone.
 */
void choice_kernel(const struct run *run, struct free_choice *choice);
void choice_anon(const struct run *run, struct free_choice *choice);
void choice_take_out(struct free_choice *choice, pfn_t first, uint64_t nr);
/** choice_has() - whether @pfn can be chosen. */
bool choice_has(const struct free_choice *choice, pfn_t pfn);
/**
 * choice_near() - where a recorded frame would be on this machine:
 * memory is handed out from its end, so that is what counts.
 * Return: a frame below choice->end, whatever @where is.
 */
uint32_t choice_near(const struct free_choice *choice, uint64_t where);
/**
 * choice_page() - the page nearest to @near, below choice->end;
 * choice_block() - a block of 2^@order. Return: PFN_NONE: none is left.
 */
pfn_t choice_page(struct free_choice *choice, uint32_t near);
pfn_t choice_block(struct free_choice *choice, uint32_t near, unsigned int order);

/** adopt_blocks() - find blocks of pages in the initial state: at their recorded frames, or as near as can be. */
int adopt_blocks(struct run *run, const struct older *older, uint32_t nr, struct err *err);
/**
 * adopt_named_areas() - the areas of the initial state that the trace names: at their recorded
 * address, else the first of the same size that nobody has. Counts run->result.bound.
 */
int adopt_named_areas(struct run *run, const struct older *older, uint32_t nr, struct err *err);
/**
 * adopt_percpu() - the chunks of per-CPU memory that the
 * initial state has, where it tells how much that is (meminfo).
 */
int adopt_percpu(struct run *run, struct free_choice *choice, const struct older *older, uint32_t nr, bool own,
	struct err *err);
/**
 * adopt_gone() - give back pages of processes that have ended
 * since the state was saved: see struct gone in sim/run.h.
 */
int adopt_gone(struct run *run, struct err *err);

/**
 * adopt_lru() - put pages of the initial state on the LRU lists that the state counts, or whose kinds it tells:
 * among those that nobody has. Counts run->result.filled.lru_pages. Without either nothing is on a list.
 */
int adopt_lru(struct run *run, struct err *err);

/**
 * saver_look() - whether the state was saved before its saver
 * read /sys/kernel/slab; before saver_is_new() and adopt_saver().
 */
int saver_look(struct run *run, struct older *older, uint32_t nr, struct err *err);
/**
 * saver_is_new() - whether @older was allocated since and is of a
 * kind that the reading left, so that the state cannot have it.
 */
bool saver_is_new(const struct run *run, const struct older *older);
/**
 * adopt_saver() - what the process that saved the state read
 * more or less than the recorded machine's: see struct saver.
 */
int adopt_saver(struct run *run, struct older *older, uint32_t nr, struct err *err);

/**
 * adopt_is_object() - whether what @op takes is an object of
 * a slab or a large kmalloc; else it is pages, or a part's.
 */
static inline bool adopt_is_object(const struct run_op *op)
{
	return op->action == ACT_KMALLOC || op->action == ACT_KMALLOC_LARGE || op->action == ACT_CACHE_ALLOC;
}
/** adopt_kind_of() - kinds of objects that stand for one another: those of a cache, and large kmallocs of one order. */
uint32_t adopt_kind_of(struct run *run, struct run_op *op);
/** adopt_memory_end() - the first page frame behind all zones. */
pfn_t adopt_memory_end(const struct run *run);
/** adopt_slab_pages() - pages of the slab or large kmalloc that begins at @pfn; 0: none does. */
uint32_t adopt_slab_pages(const struct run *run, pfn_t pfn);

#endif

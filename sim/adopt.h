/*
 * adopt: what lives at the event where a replay begins, when that is not where the recording begins (--from). Without
 * an initial state it is allocated there, free of charge, as the prologue is. With one it is in that state: at its
 * recorded address when the state is the recording's own, else, in the state of another machine, among the objects of
 * its cache and the pages that are in use.
 */
#ifndef KMEMSIM_SIM_ADOPT_H
#define KMEMSIM_SIM_ADOPT_H

#include "sim/run.h"

/** What an event before the beginning left in a slot. */
struct older {
	uint64_t where; /* recorded address, or page frame; 0 = not known */
	uint64_t value; /* of its request: the slot of the page that is mapped */
	uint32_t op;    /* the run_op that made it; OLDER_NONE: nothing lives there */
	uint32_t slot;
	uint32_t who;
	uint32_t turn;  /* saver_note() */
	uint32_t parts; /* 1 + the last free of a part of it, in run->follow.parts; 0: it is whole */
};

/** A part of a block was freed before the beginning. */
struct older_part {
	struct request req;
	uint32_t before; /* 1 + the free of a part of the same block before it; 0: that was the first */
};
#define OLDER_NONE UINT32_MAX
#define TURN_NOT_THERE UINT32_MAX /* adopt_rest() need not allocate it */

/** gone_init() - for the initial state, NULL = none. gone_fini() in any case. */
int gone_init(struct gone *gone, const struct state *state, struct err *err);
void gone_fini(struct gone *gone);
/**
 * gone_note_begin(), gone_note_end() - what @op allocated begins or ceases to live before the beginning;
 * @where: its frame.
 */
void gone_note_begin(struct gone *gone, const struct trace_op *op);
void gone_note_end(struct gone *gone, const struct trace_op *op, uint64_t where);

/** saver_init() - for the initial state, NULL = none. saver_fini() in any case. */
int saver_init(struct run *run, const struct state *state, struct err *err);
void saver_fini(struct saver *saver);
/**
 * saver_note() - operation @op of @who, before the beginning. Return: the turn of what it allocates;
 * 0: nobody has read anything yet.
 */
uint32_t saver_note(struct run *run, uint32_t op, uint32_t who);

/** saver_watch() - while run->follow.saver.awaited: event @i of @batch is next. saver_over() - it was the last one. */
void saver_watch(struct run *run, const struct trace_batch *batch, uint32_t i);
void saver_over(struct run *run);

/** adopt_allocate() - no initial state: @older[0 .. nr-1] are allocated. */
void adopt_allocate(struct run *run, const struct older *older, uint32_t nr);

/**
 * adopt_anew() - in the state of another machine, and after adopt_areas(): of @older[0 .. nr-1] what no file of a
 * state tells (device memory that is mapped, elements of pools, coherent memory, mapped pages, vm_map_ram) is made
 * there. It stays counted in run->result.unbound.
 */
void adopt_anew(struct run *run, const struct older *older, uint32_t nr);

/**
 * adopt_rest() - when @older[0 .. nr-1] have found their places in the initial state: what else it has on LRU lists;
 * then, unless all is @at_instant of the state, what has found none. Objects of that have been allocated between the
 * saved state and the beginning, and are allocated now; pages need not be, and their free will be no event:
 * run->result.unbound. In the state of another machine (not its @own) pages of processes that have ended since it was
 * saved are given back before: run->result.gone. Of what the process that saved it read after that there is as much as
 * its own tables say: run->result.read_more, read_less.
 */
int adopt_rest(struct run *run, struct older *older, uint32_t nr, bool own, bool at_instant, struct err *err);

/**
 * adopt_in_state() - find @older[0 .. nr-1] in the initial state of another machine, which has been loaded. Counts
 * run->result.bound.
 *
 * Simplified: which objects of a cache are those of the trace cannot be known. They are spread over the cache's objects
 * in the order of their recorded addresses, so that neighbours stay neighbours.
 */
int adopt_in_state(struct run *run, struct older *older, uint32_t nr, struct err *err);

/**
 * adopt_areas() - give the vmalloc areas of the initial state pages of those that are in use there and nobody's: at the
 * recorded frames of pages of areas that the trace knows, as far as they are on the right node, else drawn by the run's
 * seed. Chunks of per-CPU memory have their pages and areas, those of the trace where it recorded them when the state
 * is its @own. Counts run->result.filled.area_pages and percpu_pages.
 */
int adopt_areas(struct run *run, const struct older *older, uint32_t nr, bool own, struct err *err);

/**
 * adopt_forget_cache() - @cache is about to be destroyed. A state of /proc files tells too many of its
 * objects to be in use, and of others the recording did not see the end: what lives in it is given back,
 * unless the trace or a pool has some of it.
 */
void adopt_forget_cache(struct run *run, uint32_t cache);

#endif

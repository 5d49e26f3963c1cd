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
	uint32_t op;    /* the run_op that made it; OLDER_NONE: nothing lives there */
	uint32_t slot;
	uint32_t who;
	uint32_t turn;  /* saver_note() */
};
#define OLDER_NONE UINT32_MAX
#define TURN_NOT_THERE UINT32_MAX /* adopt_missing() need not allocate it */

/** gone_init() - for the initial state, NULL = none. gone_fini() in any case. */
int gone_init(struct gone *gone, const struct state *state, struct err *err);
void gone_fini(struct gone *gone);
/** gone_note_begin(), gone_note_end() - what @op allocated begins or ceases to live before the beginning; @where: its frame. */
void gone_note_begin(struct gone *gone, const struct trace_op *op);
void gone_note_end(struct gone *gone, const struct trace_op *op, uint64_t where);

/** saver_init() - for the initial state, NULL = none. saver_fini() in any case. */
int saver_init(struct run *run, const struct state *state, struct err *err);
void saver_fini(struct saver *saver);
/** saver_note() - operation @op of @who, before the beginning. Return: the turn of what it allocates; 0: nobody has read anything yet. */
uint32_t saver_note(struct run *run, uint32_t op, uint32_t who);

/** adopt_allocate() - no initial state: @older[0 .. nr-1] are allocated. */
void adopt_allocate(struct run *run, const struct older *older, uint32_t nr);

/**
 * adopt_missing() - what of @older[0 .. nr-1] has found no place in the initial state: objects have been allocated between
 * the saved state and the beginning, and are allocated now; pages need not be, and their free will be no event.
 * Counts run->result.unbound.
 */
void adopt_missing(struct run *run, const struct older *older, uint32_t nr);

/**
 * adopt_in_state() - find @older[0 .. nr-1] in the initial state of another machine, which has been loaded; then
 * adopt_missing(). Counts run->result.bound.
 *
 * Pages of processes that have ended since the state was saved are given back: run->result.gone. Of what the process that saved it
 * read after that there is as much as its own tables say: run->result.read_more, read_less.
 *
 * Simplified: which objects of a cache are those of the trace cannot be known. They are spread over the cache's objects in
 * the order of their recorded addresses, so that neighbours stay neighbours.
 */
int adopt_in_state(struct run *run, struct older *older, uint32_t nr, struct err *err);

/**
 * adopt_areas() - give the vmalloc areas of the initial state pages of those that are in use there and nobody's: at the recorded
 * frames of pages of areas that the trace knows, as far as they are on the right node, else drawn by the run's seed. Chunks of
 * per-CPU memory have their pages and areas, those of the trace where it recorded them when the state is its @own.
 * Counts run->result.filled.area_pages and percpu_pages.
 */
int adopt_areas(struct run *run, const struct older *older, uint32_t nr, bool own, struct err *err);

#endif

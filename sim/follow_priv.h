/*
 * follow_priv: what follow.c (where a replay begins), follow_places.c (what
 * is there then) and follow_bind.c (what of the state is whose) share.
 */
#ifndef KMEMSIM_SIM_FOLLOW_PRIV_H
#define KMEMSIM_SIM_FOLLOW_PRIV_H

#include "sim/adopt.h"
#include "sim/serve_priv.h"

/* The page layer alone has no slabs. */
static inline bool slabs_followed(const struct run *run)
{
	return run->options->layer == LAYER_INTENT;
}

/** follow_load() - the initial state into the model: pages, slabs, areas. Sets run->result.filled. */
int follow_load(struct run *run, const struct state *state, struct err *err);
/** follow_note() - event @i of @batch comes before the beginning: what it leaves in its slot. */
void follow_note(struct run *run, const struct trace_batch *batch, uint32_t i);
/**
 * follow_stand() - @req, before the beginning, leaves what stands
 * without an object; pools have to wait for follow_place_all().
 */
void follow_stand(struct run *run, const struct request *req);
/** follow_note_done() - what has been done so far came before the beginning, and is not counted. */
void follow_note_done(struct run *run);
/**
 * follow_place_all() - what lives at this event gets its place; no more is to be noted.
 * @own: in the initial state, which is the recording's own. @at_instant: this is the state's instant, too.
 */
int follow_place_all(struct run *run, bool own, bool at_instant, struct err *err);

/*
 * What an operation before the initial state left in a slot is the state's object at its recorded place. When
 * nothing lives there then, it was allocated later by a path that the recording does not see, and its free is no
 * event for the model.
 */
void follow_bind(struct run *run, uint32_t slot, uint32_t op_no, uint64_t where);
/* Whether the initial state is the recording's own: nine in ten objects of the trace are at their places. */
bool follow_is_own_state(const struct run *run);
/*
 * Two machines of a kind boot alike: the few objects of an early instant are where the
 * state of another one has some, too. Of its own state a recording names most objects.
 */
bool follow_names_most(const struct run *run);

#endif

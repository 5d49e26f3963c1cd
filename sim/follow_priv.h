/* follow_priv: what follow.c (where a replay begins) and follow_bind.c (what of the state is whose) share. */
#ifndef KMEMSIM_SIM_FOLLOW_PRIV_H
#define KMEMSIM_SIM_FOLLOW_PRIV_H

#include "sim/adopt.h"
#include "sim/serve_priv.h"

/* The page layer alone has no slabs. */
static inline bool slabs_followed(const struct run *run)
{
	return run->options->layer == LAYER_INTENT;
}

/*
 * What an operation before the initial state left in a slot is the state's object at its recorded place. When nothing
 * lives there then, it was allocated later by a path that the recording does not see, and its free is no event for the model.
 */
void follow_bind(struct run *run, uint32_t slot, uint32_t op_no, uint64_t where);
/* Whether the initial state is the recording's own: nine in ten objects of the trace are at their places. */
bool follow_is_own_state(const struct run *run);
/*
 * Two machines of a kind boot alike: the few objects of an early instant are where the state of another one has some, too. Of
 * its own state a recording names most objects.
 */
bool follow_names_most(const struct run *run);

#endif

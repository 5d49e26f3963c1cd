/*
 * shadows: which pages of a recording that reclaimed are read again. They are requests of the trace like others, and no event
 * tells a page that comes back from one that comes for the first time. The kernel finds what it remembers of a page at its place in
 * the file, and puts on the active list at once what was away for less time than active pages stay.
 *
 * Assumed, of a machine that is known to read again most of what it reclaims: what is read while pages are away is one of them, any of
 * them alike. In the order in which they went all would be away equally long, and all become active or none.
 * Models workingset_eviction() and workingset_refault() of mm/workingset.c (6.1) for one memory cgroup.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "sim/reclaim_priv.h"

#define MOST_PERCENT 50u   /* of reclaimed pages, at least: read again */

struct shadows {
	struct rng rng;
	uint64_t *away;    /* owned; lru_shadow() of pages that went and have not come back, in no order */
	uint32_t nr, room;
};

int shadows_start(struct run *run, struct err *err)
{
	struct shadows *s;

	if (!run->reclaim.recorded || run->machine->reclaim.refault_percent < MOST_PERCENT)
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(err, ERR_NOMEM, "no memory for shadow entries");
	rng_init(&s->rng, run->options->seed, "shadows");
	run->reclaim.shadows = s;
	return 0;
}

void shadows_fini(struct run *run)
{
	if (run->reclaim.shadows)
		free(run->reclaim.shadows->away);
	free(run->reclaim.shadows);
}

void shadow_left(struct run *run, uint64_t shadow)
{
	struct shadows *s = run->reclaim.shadows;

	if (!s)
		return;
	if (array_room(&s->away, &s->room, s->nr))
		s->away[s->nr++] = shadow;
	else
		err_set(&run->deferred, ERR_NOMEM, "no memory for %" PRIu32 " shadow entries", s->nr + 1);
}

void shadow_met(struct run *run, const struct run_op *op, pfn_t pfn)
{
	struct shadows *s = run->reclaim.shadows;
	uint32_t at;

	/* What is allocated by write() is not read. */
	if (!s || !s->nr || op->gfp & GFP_BIT_WRITE)
		return;
	at = (uint32_t)rng_below(&s->rng, s->nr);
	lru_refault(run->mm.pages, pfn, s->away[at]);
	s->away[at] = s->away[--s->nr];
}

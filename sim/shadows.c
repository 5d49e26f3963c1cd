/*
 * shadows: which pages of a recording that reclaimed are read again. They are requests of the trace like others,
 * and no event tells a page that comes back from one that comes for the first time. The kernel finds what it
 * remembers of a page at its place in the file, and puts on the active list at once what was away for less time
 * than active pages stay.
 *
 * Assumed, of a machine that is known to read again most of what it reclaims: what is read while pages are away is
 * one of them, any of them alike. In the order in which they went all would be away equally long, and all become
 * active or none. But files are read by windows of readahead: pages that went together come together, and are
 * active together or not at all. So they lie side by side when they go again, and free memory is in larger pieces.
 * Models workingset_eviction() and workingset_refault() of mm/workingset.c (6.1) for one memory cgroup.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "sim/reclaim_priv.h"

#define MOST_PERCENT 50u   /* of reclaimed pages, at least: read again */

/** lru_shadow() of pages, one after another. */
struct window {
	uint32_t nr;
	uint64_t shadows[WINDOW_PAGES];
};

struct shadows {
	struct rng rng;
	struct window *away;   /* owned; full ones, of pages that went and have not come back, in no order */
	uint32_t nr, room;
	struct window leaving; /* pages that have just gone */
	struct window coming;  /* pages that are being read; the first one is the last of it */
	uint32_t activated_percent; /* of windows that are read; RECLAIM_AUTO: not known */
	uint32_t nr_read;      /* pages of the window that is being read, away before or not */
	bool active;           /* it is active, where the share is known */
};

int shadows_start(struct run *run, struct err *err)
{
	struct shadows *s;

	if (!run->reclaim.recorded || run->reclaim.refault_percent < MOST_PERCENT)
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(err, ERR_NOMEM, "no memory for shadow entries");
	rng_init(&s->rng, run->options->seed, "shadows");
	s->activated_percent = run->machine->reclaim.activated_percent;
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
	s->leaving.shadows[s->leaving.nr++] = shadow;
	if (s->leaving.nr < WINDOW_PAGES)
		return;
	if (array_room(&s->away, &s->room, s->nr))
		s->away[s->nr++] = s->leaving;
	else
		err_set(&run->deferred, ERR_NOMEM, "no memory for %" PRIu32 " shadow entries",
			(s->nr + 1) * WINDOW_PAGES);
	s->leaving.nr = 0;
}

static enum lru_return returns_to(struct shadows *s)
{
	if (s->activated_percent == RECLAIM_AUTO)
		return LRU_RETURN_BY_DISTANCE;
	if (s->nr_read++ % WINDOW_PAGES == 0)
		s->active = rng_below(&s->rng, 100) < s->activated_percent;
	return s->active ? LRU_RETURN_ACTIVE : LRU_RETURN_INACTIVE;
}

void shadow_met(struct run *run, const struct run_op *op, pfn_t pfn)
{
	struct shadows *s = run->reclaim.shadows;
	enum lru_return to;
	uint32_t at;

	/* What is allocated by write() is not read. */
	if (!s || op->gfp & GFP_BIT_WRITE)
		return;
	to = returns_to(s);
	if (!s->coming.nr && s->nr) {
		at = (uint32_t)rng_below(&s->rng, s->nr);
		s->coming = s->away[at];
		s->away[at] = s->away[--s->nr];
	}
	if (s->coming.nr)
		lru_refault(run->mm.pages, pfn, s->coming.shadows[--s->coming.nr], to);
	else if (to == LRU_RETURN_ACTIVE)
		lru_activate(run->mm.pages, pfn);
}

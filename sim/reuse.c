/*
 * reuse: file pages that read() and write() use a second time before reclaim would take them, which makes them
 * active. No event tells which; the states beside a recording say how many (find_use() in reclaim.c). What has gone
 * by then is read again (refault.c), and is asked about no more.
 *
 * Assumed: files are read from one end to the other, so pages that came one after another are used together, a
 * window of readahead at a time, at any moment of what is left of the recording. Simplified: they become active when
 * reclaim looks at them, which is later than their use; what has been active is used no more. Models
 * mark_page_accessed() of mm/swap.c (6.1).
 */
#include "sim/reclaim_priv.h"

ns_t reuse_end(const struct run *run)
{
	return run->meta->last_ns + run->late_ns;
}

/* The next window of pages that nobody is known to have used since they came. */
static void next_window(struct reclaim *r)
{
	struct reuse_window *window = &r->reused;

	window->left = WINDOW_PAGES;
	window->used = rng_below(&r->use, 100) < r->reused_percent;
	window->moment = (uint32_t)(rng_next(&r->use) >> 32);
}

/* Whether the file page at @pfn, one of them, has been used a second time by now. */
static bool page_reused(void *arg, pfn_t pfn)
{
	struct run *run = arg;
	struct reclaim *r = &run->reclaim;
	uint32_t slot_plus1 = r->users[pfn].slot_plus1;
	ns_t came_ns;

	if (!slot_plus1 || r->users[pfn].back != BACK_NOT)
		return false;
	if (!r->reused.left)
		next_window(r);
	r->reused.left--;
	came_ns = run->objects[slot_plus1 - 1].born_ns;
	return r->reused.used &&
		came_ns + reuse_part(max_u64(reuse_end(run), came_ns) - came_ns, r->reused.moment) <= run->engine.now;
}

void reuse_start(struct run *run, struct reclaim_hooks *hooks)
{
	/* Without recorded times (asap) no moment is known. */
	if (run->reclaim.reused_percent && run->options->pace != PACE_ASAP)
		hooks->page_reused = page_reused;
}

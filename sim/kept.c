/*
 * kept: what the recording's own reclaim says of the use of pages. A recording made under memory pressure shows which
 * pages its kernel reclaimed, and which it came by and left alone until somebody freed them (traces/spared.h): these
 * were in use. So reclaim finds them used whenever it looks at them, as the kernel did. Those that it took may have
 * been used before that, and what it never came by may be of no use: of them is known what is known of all (mapped.c).
 *
 * Simplified: how often a page was used nothing tells. It is found so KEPT_LOOKS times at most, which is more often
 * than reclaim comes by on the recorded machine; on one with less memory, where more has to go, reclaim ends.
 *
 * Not told is of pages that are older than the recording or the beginning of the run, or read again by the model
 * itself.
 */
#include "sim/reclaim_priv.h"

#define KEPT_LOOKS 8u

/* Of struct page_user.told: 0: not told; else how often the page is still to be found used, or this. */
#define USED_UP UINT8_MAX

void kept_page_begins(struct run *run, pfn_t pfn)
{
	const uint64_t *spared = run->tables->spared;

	if (!spared || run->booting || run->reclaim.reading_again || run->event_no >= run->meta->events)
		return;
	if (spared[run->event_no / 64] >> run->event_no % 64 & 1)
		run->reclaim.users[pfn].told = KEPT_LOOKS;
}

static enum page_told page_told(void *arg, pfn_t pfn)
{
	struct run *run = arg;
	struct page_user *user = &run->reclaim.users[pfn];

	if (!user->told || user->told == USED_UP)
		return user->told ? PAGE_UNUSED : PAGE_UNTOLD;
	user->told = user->told > 1 ? user->told - 1 : USED_UP;
	return PAGE_USED;
}

void kept_start(struct run *run, struct reclaim_hooks *hooks)
{
	if (run->tables->spared)
		hooks->page_told = page_told;
}

/*
 * page_slowpath: what a request does when no zone is above its low watermark.
 * Models __alloc_pages_slowpath(), gfp_to_alloc_flags() and should_reclaim_retry() of 6.1.
 */
#include "mm/compaction_priv.h"
#include "mm/lru_priv.h"
#include "mm/pcp_priv.h"
#include "mm/vmstat_priv.h"

#define MAX_COMPACT_RETRIES 16u

/** How a request has fared with compaction. */
struct compaction {
	enum compact_priority priority;
	enum compact_result result; /* of the last attempt */
	unsigned int retries;       /* with success, but without a block */
};

/* Models gfp_to_alloc_flags(). */
static unsigned int slow_flags(const struct alloc_context *ac)
{
	unsigned int flags = WMARK_MIN;

	if (ac->gfp & GFP_BIT_HIGH)
		flags |= ALLOC_MIN_RESERVE;
	if (ac->gfp & GFP_BIT_KSWAPD_RECLAIM)
		flags |= ALLOC_KSWAPD;
	if (ac->gfp & (GFP_BIT_DIRECT_RECLAIM | GFP_BIT_NOMEMALLOC))
		return flags;
	flags |= ALLOC_NON_BLOCK;
	if (ac->order > 0 && flags & ALLOC_MIN_RESERVE)
		flags |= ALLOC_HIGHATOMIC;
	return flags;
}

/* Models __gfp_pfmemalloc_flags(): the right to ignore watermarks. */
static unsigned int reserve_flags(const struct alloc_context *ac)
{
	if (ac->gfp & GFP_BIT_MEMALLOC && !(ac->gfp & GFP_BIT_NOMEMALLOC))
		return ALLOC_NO_WATERMARKS;
	return 0;
}

/* Models wake_all_kswapds(): one per node of the zonelist. */
static void wake_all_kswapds(const struct alloc_context *ac, struct meter *meter)
{
	const struct zone *last = NULL;

	for (uint32_t i = ac->preferred; i < ac->nr_zones; i++) {
		struct zone *zone = ac->zonelist->zone[i];

		if (zone->type > ac->highest || !zone->managed || (last && last->node == zone->node))
			continue;
		kswapd_wake(zone, ac->gfp, ac->order, ac->highest, meter);
		last = zone;
	}
}

/*
 * Models __alloc_pages_direct_reclaim(). What has been reclaimed is on the CPU's lists, in part,
 * where no zone counts it as free: after each reclaim that does not help all lists are drained.
 * Simplified: once also when nothing was reclaimed (@drained), as a machine without reclaim would never drain them.
 */
static pfn_t take_reclaimed(struct page_alloc *pa, const struct alloc_context *ac, unsigned int flags, bool *drained,
	uint64_t *reclaimed, struct meter *meter)
{
	pfn_t pfn;

	*reclaimed = direct_reclaim(pa, ac, meter);
	pfn = zonelist_walk(pa, ac, flags, meter);
	if (pfn != PFN_NONE || (*drained && !*reclaimed))
		return pfn;
	*drained = true;
	unreserve_highatomic(ac, false);
	pcp_drain_all(pa, ac->cpu, meter);
	return zonelist_walk(pa, ac, flags, meter);
}

/* Whether all that can be reclaimed would lift some zone over its min watermark. */
static bool worth_reclaiming(const struct alloc_context *ac, unsigned int flags)
{
	for (uint32_t i = ac->preferred; i < ac->nr_zones; i++) {
		const struct zone *zone = ac->zonelist->zone[i];

		if (zone->type <= ac->highest &&
			zone_watermark_ok(zone, ac->order, zone_mark(zone, WMARK_MIN), ac->highest, flags,
				zone_free_snapshot(zone) + (int64_t)zone_reclaimable(zone)))
			return true;
	}
	return false;
}

/*
 * Models should_reclaim_retry(). *no_progress: attempts in a row that brought nothing; with a costly request all
 * count, as single pages do not help it. Before compaction is tried harder and anybody is killed, what is kept for
 * atomic requests is given up.
 */
static bool reclaim_again(const struct alloc_context *ac, unsigned int flags, bool progress, unsigned int *no_progress)
{
	*no_progress = progress && ac->order <= COSTLY_ORDER ? 0 : *no_progress + 1;
	return (*no_progress <= MAX_RECLAIM_RETRIES && worth_reclaiming(ac, flags)) || unreserve_highatomic(ac, true);
}

/* The next attempt is to be stronger, if it can be. Costly requests are not worth the strongest. */
static bool stronger(const struct alloc_context *ac, struct compaction *c)
{
	enum compact_priority strongest = ac->order > COSTLY_ORDER ? COMPACT_PRIO_SYNC_LIGHT : COMPACT_PRIO_SYNC_FULL;

	if (c->priority <= strongest)
		return false;
	c->priority--;
	c->retries = 0;
	return true;
}

/* Models should_compact_retry(). */
static bool worth_compacting(const struct page_alloc *pa, const struct alloc_context *ac, unsigned int flags,
	struct compaction *c)
{
	if (!ac->order || !(ac->gfp & GFP_BIT_IO) || !compaction_on(pa))
		return false;
	switch (c->result) {
	case COMPACT_SKIPPED:
		return compaction_zonelist_suitable(ac, flags);
	case COMPACT_COMPLETE:
	case COMPACT_DEFERRED:
	case COMPACT_CONTENDED:
	case COMPACT_PARTIAL_SKIPPED:
		return stronger(ac, c);
	default:
		c->retries += c->result == COMPACT_SUCCESS;
		return c->retries <= (ac->order > COSTLY_ORDER ? MAX_COMPACT_RETRIES / 4 : MAX_COMPACT_RETRIES) ||
			stronger(ac, c);
	}
}

/*
 * A boost keeps up to a pageblock or more of each zone from requests, against fragmentation. Whoever made it has
 * woken kswapd, whose pass ends with taking it back; a request that finds nothing to reclaim in the same lists does
 * not come to killing before that. Simplified: nor where 6.1 has given kswapd up (16 passes without a page), and
 * may kill with megabytes free.
 * Return: whether there was any.
 */
static bool end_boosts(const struct alloc_context *ac)
{
	bool ended = false;

	for (uint32_t i = ac->preferred; i < ac->nr_zones; i++) {
		struct zone *zone = ac->zonelist->zone[i];

		if (zone->type > ac->highest || !zone->boost)
			continue;
		zone->boost = 0;
		ended = true;
	}
	return ended;
}

/* A number, but not 0, that requests have in common which the same pages would serve. */
static uint32_t loop_key(const struct alloc_context *ac)
{
	return 1 + ac->order + (uint32_t)ac->highest * (COSTLY_ORDER + 1);
}

/*
 * Models __alloc_pages_may_oom(). *progress: memory has been freed. A
 * request without __GFP_FS waits for one with it to kill (meter->loops).
 */
static pfn_t take_by_killing(struct page_alloc *pa, const struct alloc_context *ac, bool *progress, struct meter *meter)
{
	pfn_t pfn = zonelist_walk(pa, ac, WMARK_HIGH, meter);

	*progress = false;
	if (pfn != PFN_NONE)
		return pfn;
	if (ac->order > COSTLY_ORDER || ac->gfp & (GFP_BIT_RETRY_MAYFAIL | GFP_BIT_THISNODE) ||
		ac->highest < ZONE_NORMAL || !pa->hooks.oom_kill)
		return PFN_NONE;
	if (ac->gfp & GFP_BIT_FS)
		*progress = pa->hooks.oom_kill(pa->hooks.arg, ac->cpu, meter);
	else
		meter->loops = loop_key(ac);
	pa->counter[PC_OOM_KILL] += *progress;
	if (ac->gfp & GFP_BIT_NOFAIL)
		pfn = zonelist_walk(pa, ac, ALLOC_NO_WATERMARKS, meter);
	return pfn;
}

/* Who tries again sees to it that kswapd does not sleep, and looks first what is free now. */
static pfn_t again(struct page_alloc *pa, const struct alloc_context *ac, unsigned int flags, struct meter *meter)
{
	if (flags & ALLOC_KSWAPD)
		wake_all_kswapds(ac, meter);
	return zonelist_walk(pa, ac, flags, meter);
}

/*
 * Reclaim and compact, and try again, for as long as the kernel would.
 * Simplified: a request never waits here; what reclaim costs is charged. One that may not fail, or may not kill, is
 * refused when nothing is left to reclaim and nobody to kill, where the kernel would loop or panic: who asked tries
 * again later (sim/serve.c).
 */
static pfn_t take_by_reclaim(struct page_alloc *pa, const struct alloc_context *ac, unsigned int flags,
	struct compaction *compaction, struct meter *meter)
{
	bool costly = ac->order > COSTLY_ORDER, drained = false, killed = true;
	bool can_compact = pa->machine->page_allocator.compaction && ac->gfp & GFP_BIT_IO;
	unsigned int no_progress = 0;
	pfn_t pfn = PFN_NONE;

	while (pfn == PFN_NONE && killed) {
		uint64_t reclaimed;

		pfn = take_reclaimed(pa, ac, flags, &drained, &reclaimed, meter);
		if (pfn == PFN_NONE)
			pfn = direct_compact(pa, ac, flags, compaction->priority, &compaction->result, meter);
		if (pfn != PFN_NONE || ac->gfp & GFP_BIT_NORETRY ||
			(costly && !(can_compact && ac->gfp & GFP_BIT_RETRY_MAYFAIL)))
			return pfn;
		if (!reclaim_again(ac, flags, reclaimed > 0, &no_progress) &&
			!(reclaimed && worth_compacting(pa, ac, flags, compaction)) && !end_boosts(ac)) {
			pfn = take_by_killing(pa, ac, &killed, meter);
			no_progress = 0;
		}
		if (pfn == PFN_NONE && killed)
			pfn = again(pa, ac, flags, meter);
	}
	return pfn;
}

/*
 * Before anything is reclaimed: memory is there, perhaps, but in pieces.
 * *give_up: a costly request that would not have its caller wait.
 */
static pfn_t take_by_compacting(struct page_alloc *pa, const struct alloc_context *ac, unsigned int flags,
	struct compaction *compaction, bool *give_up, struct meter *meter)
{
	bool costly = ac->order > COSTLY_ORDER;
	pfn_t pfn;

	*give_up = false;
	if (!compaction_on(pa) || !(ac->gfp & GFP_BIT_IO) || !(costly || (ac->order && ac->mt != MIGRATE_MOVABLE)))
		return PFN_NONE;
	pfn = direct_compact(pa, ac, flags, COMPACT_PRIO_ASYNC, &compaction->result, meter);
	if (pfn != PFN_NONE || !costly || !(ac->gfp & GFP_BIT_NORETRY))
		return pfn;
	*give_up = compaction->result == COMPACT_SKIPPED || compaction->result == COMPACT_DEFERRED ||
		ac->gfp & GFP_BIT_THISNODE;
	compaction->priority = COMPACT_PRIO_ASYNC;
	return PFN_NONE;
}

pfn_t page_slowpath(struct page_alloc *pa, const struct alloc_context *ac, struct meter *meter)
{
	struct compaction compaction = { COMPACT_PRIO_SYNC_LIGHT, COMPACT_SKIPPED, 0 };
	unsigned int flags = slow_flags(ac);
	unsigned int rights = reserve_flags(ac);
	bool give_up = false;
	pfn_t pfn;

	meter->loops = 0;
	pa->counter[PC_SLOWPATH]++;
	meter_charge(meter, STEP_PAGE_SLOWPATH, 1);
	meter->pressure = true;
	if (flags & ALLOC_KSWAPD)
		wake_all_kswapds(ac, meter);
	pfn = zonelist_walk(pa, ac, flags, meter);
	if (pfn != PFN_NONE)
		return pfn;
	if (ac->gfp & GFP_BIT_DIRECT_RECLAIM && !rights)
		pfn = take_by_compacting(pa, ac, flags, &compaction, &give_up, meter);
	if (pfn != PFN_NONE)
		return pfn;
	if (rights) {
		flags = rights | (flags & ALLOC_KSWAPD);
		pfn = zonelist_walk(pa, ac, flags, meter);
	}
	if (pfn != PFN_NONE || !(ac->gfp & GFP_BIT_DIRECT_RECLAIM))
		return pfn;
	if (!give_up)
		pfn = take_by_reclaim(pa, ac, flags, &compaction, meter);
	if (pfn == PFN_NONE && ac->gfp & GFP_BIT_NOFAIL)
		pfn = zonelist_walk(pa, ac, ALLOC_MIN_RESERVE, meter);
	return pfn;
}

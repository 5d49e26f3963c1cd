/*
 * compaction: whether a zone is worth compacting, how long a run goes on, and what came of it.
 * Models compact_zone(), __compact_finished(), compaction_suitable(), defer_compaction() and try_to_compact_pages() of
 * mm/compaction.c (6.1).
 *
 * Simplified: no run is interrupted, neither by the scheduler nor by others who want its locks.
 */
#include "mm/compaction_priv.h"

#include "base/bits.h"
#include "mm/lru_priv.h"
#include "mm/pcp_priv.h"
#include "mm/vmstat_priv.h"

static void zone_blocks(const struct zone *zone, uint64_t nr_free[PAGE_MAX_ORDERS])
{
	for (unsigned int order = 0; order <= zone->pa->max_order; order++)
		nr_free[order] = zone->area[order].nr_free;
}

/* Models __compaction_suitable() for a zone with @free pages. */
static enum compact_result suitable_with(const struct zone *zone, unsigned int order, unsigned int alloc_flags,
	enum machine_zone highest, int64_t free)
{
	uint64_t mark = zone_mark(zone, order > COSTLY_ORDER ? WMARK_LOW : WMARK_MIN) + (2ull << order);

	if (zone_watermark_ok(zone, order, zone_mark(zone, alloc_flags), highest, alloc_flags, zone->visible_free))
		return COMPACT_SUCCESS;
	return zone_watermark_ok(zone, 0, mark, highest, 0, free) ? COMPACT_CONTINUE : COMPACT_SKIPPED;
}

enum compact_result compaction_suitable(const struct zone *zone, int order, unsigned int alloc_flags,
	enum machine_zone highest)
{
	uint64_t nr_free[PAGE_MAX_ORDERS];
	enum compact_result result;
	int index;

	if (order == COMPACT_ALL)
		return COMPACT_CONTINUE;
	result = suitable_with(zone, (unsigned int)order, alloc_flags, highest, zone->visible_free);
	if (result != COMPACT_CONTINUE || order <= (int)COSTLY_ORDER)
		return result;
	zone_blocks(zone, nr_free);
	index = page_frag_index(nr_free, zone->pa->max_order, (unsigned int)order);
	return index >= 0 && index <= EXTFRAG_THRESHOLD ? COMPACT_SKIPPED : COMPACT_CONTINUE;
}

bool compaction_zonelist_suitable(const struct alloc_context *ac, unsigned int alloc_flags)
{
	for (uint32_t i = ac->preferred; i < ac->nr_zones; i++) {
		const struct zone *zone = ac->zonelist->zone[i];
		int64_t free = zone_free_snapshot(zone) + (int64_t)(zone_reclaimable(zone) / ac->order);

		if (zone->type <= ac->highest &&
			suitable_with(zone, ac->order, alloc_flags, ac->highest, free) == COMPACT_CONTINUE)
			return true;
	}
	return false;
}

bool compaction_deferred(struct zone *zone, unsigned int order)
{
	struct zone_compact *c = &zone->compact;
	uint32_t limit = 1u << c->defer_shift;

	if (order < c->order_failed)
		return false;
	c->considered++;
	if (c->considered < limit)
		return true;
	c->considered = limit;
	return false;
}

void compaction_defer(struct zone *zone, unsigned int order)
{
	struct zone_compact *c = &zone->compact;

	c->considered = 0;
	c->defer_shift = min_u32(c->defer_shift + 1, COMPACT_MAX_DEFER_SHIFT);
	c->order_failed = min_u32(c->order_failed, order);
}

void compaction_defer_reset(struct zone *zone, unsigned int order, bool allocated)
{
	struct zone_compact *c = &zone->compact;

	if (allocated)
		c->considered = c->defer_shift = 0;
	if (order >= c->order_failed)
		c->order_failed = order + 1;
}

/* Models compaction_restarting(): the longest deferral is over. */
static bool restarting(const struct zone *zone, int order)
{
	const struct zone_compact *c = &zone->compact;

	return order >= (int)c->order_failed && c->defer_shift == COMPACT_MAX_DEFER_SHIFT &&
		c->considered >= 1u << c->defer_shift;
}

/*
 * Forget the skip bit of a pageblock of @zone that has something to take, by a sample of its pages.
 * Return: whether it is one to begin at.
 * Models __reset_isolation_pfn().
 */
static bool reset_skip(struct zone *zone, pfn_t pfn, bool source, bool target)
{
	struct page_alloc *pa = zone->pa;
	pfn_t start = max_u64(pageblock_start(pa, pfn), zone->start), end = min_u64(pageblock_end(pa, pfn), zone->end);

	if (page_zone(pa, pfn) != zone)
		return false;
	if (source && target && !pageblock_skip(pa, pfn))
		return true;
	if (!source && target && pageblock_migratetype(pa, pfn) != MIGRATE_MOVABLE)
		return false;
	for (pfn_t p = start; p < end; p += 1u << COSTLY_ORDER) {
		unsigned int order;

		if ((source && (page_at(pa, p)->place == PAGE_ON_LRU || page_is_lru(pa, p))) ||
			(target && compact_free_block(zone, p, &order))) {
			pageblock_set_skip(pa, pfn, false);
			return true;
		}
	}
	return false;
}

void compaction_reset_skips(struct zone *zone)
{
	pfn_t block = pageblock_pages(zone->pa), low = zone->start, high = zone->end - 1;
	pfn_t source = high, target = low;
	struct zone_compact *c = &zone->compact;

	if (!c->forget_skips)
		return;
	c->forget_skips = false;
	for (; low < high; low += block, high -= min_u64(block, high)) {
		if (reset_skip(zone, low, true, source != zone->end - 1) && low < source) {
			source = low;
			c->first_migrate = c->migrate[COMPACT_ASYNC] = c->migrate[COMPACT_SYNC_LIGHT] = low;
		}
		if (reset_skip(zone, high, target != zone->start, true) && high > target) {
			/* The last page of a pageblock, not its first: the linear scan looks at no more of this one. */
			c->first_free = c->free = target = high;
		}
	}
	if (source >= target) {
		c->migrate[COMPACT_ASYNC] = c->migrate[COMPACT_SYNC_LIGHT] = low;
		c->free = high;
	}
}

/* Models reset_cached_positions(). */
static void reset_positions(struct zone *zone)
{
	struct zone_compact *c = &zone->compact;

	c->migrate[COMPACT_ASYNC] = c->migrate[COMPACT_SYNC_LIGHT] = zone->start;
	c->free = pageblock_start(zone->pa, zone->end - 1);
}

static void set_scanners(struct compact_control *cc)
{
	struct zone *zone = cc->zone;
	struct zone_compact *c = &zone->compact;

	if (cc->whole_zone) {
		cc->migrate_pfn = zone->start;
		cc->free_pfn = pageblock_start(zone->pa, zone->end - 1);
		return;
	}
	if (!zone_spans(zone, c->free))
		c->free = pageblock_start(zone->pa, zone->end - 1);
	if (!zone_spans(zone, c->migrate[cc->mode]))
		c->migrate[COMPACT_ASYNC] = c->migrate[COMPACT_SYNC_LIGHT] = zone->start;
	cc->migrate_pfn = c->migrate[cc->mode];
	cc->free_pfn = c->free;
	cc->whole_zone = cc->migrate_pfn <= c->first_migrate;
}

enum compact_result compact_begin(struct compact_control *cc)
{
	struct zone_compact *c = &cc->zone->compact;
	enum compact_result result = compaction_suitable(cc->zone, cc->order, cc->alloc_flags, cc->highest);

	if (result != COMPACT_CONTINUE)
		return result;
	if (restarting(cc->zone, cc->order))
		compaction_reset_skips(cc->zone);
	cc->sources = cc->targets = (struct block_list){ LINK_NONE, LINK_NONE };
	cc->migrate_scanned = cc->free_scanned = cc->migrated = cc->failed = 0;
	cc->last_migrated = 0;
	set_scanners(cc);
	cc->update_cached = cc->mode == COMPACT_ASYNC && c->migrate[COMPACT_ASYNC] == c->migrate[COMPACT_SYNC_LIGHT];
	return COMPACT_CONTINUE;
}

/* Whether the request could be served now from the zone's lists. */
static bool block_is_there(const struct compact_control *cc)
{
	const struct page_alloc *pa = cc->zone->pa;

	for (unsigned int order = (unsigned int)cc->order; order <= pa->max_order; order++) {
		const struct free_area *area = &cc->zone->area[order];

		if (area->list[cc->mt].nr)
			return true;
		for (unsigned int mt = 0; mt < MIGRATE_PCPTYPES; mt++)
			if (area->list[mt].nr && fallback_can_steal(pa, order, cc->mt))
				return true;
	}
	return false;
}

/* Models __compact_finished(). */
static enum compact_result finished(struct compact_control *cc)
{
	struct page_alloc *pa = cc->zone->pa;

	if (compact_scanners_met(cc)) {
		reset_positions(cc->zone);
		if (cc->direct)
			cc->zone->compact.forget_skips = true;
		return cc->whole_zone ? COMPACT_COMPLETE : COMPACT_PARTIAL_SKIPPED;
	}
	if (cc->proactive) {
		if (pa->reclaim[cc->zone->node].running)
			return COMPACT_PARTIAL_SKIPPED;
		return zone_frag_score(cc->zone) > frag_score_low(pa) ? COMPACT_CONTINUE : COMPACT_SUCCESS;
	}
	/* A pageblock is always gone through to its end, so that other types need it less later. */
	if (cc->order == COMPACT_ALL || cc->migrate_pfn & (pageblock_pages(pa) - 1))
		return COMPACT_CONTINUE;
	return block_is_there(cc) ? COMPACT_SUCCESS : COMPACT_CONTINUE;
}

/* The pages freed from a chunk of the request's size can only merge once they have left the CPU's lists. */
static void flush_freed(struct compact_control *cc, struct meter *meter)
{
	if (cc->order <= 0 || !cc->last_migrated || cc->last_migrated >= (cc->migrate_pfn & ~((1ull << cc->order) - 1)))
		return;
	pcp_drain(cc->zone, cc->cpu, cc->cpu, meter);
	cc->last_migrated = 0;
}

enum compact_result compact_step(struct compact_control *cc, struct meter *meter)
{
	struct page_alloc *pa = cc->zone->pa;
	struct zone_compact *c = &cc->zone->compact;
	enum compact_result result = finished(cc);
	pfn_t start = cc->migrate_pfn;

	if (result != COMPACT_CONTINUE)
		return result;
	/* Before anything has been moved that is the first pageblock of memory. */
	cc->finish_pageblock = pageblock_of(pa, cc->last_migrated) == pageblock_of(pa, start);
	if (compact_isolate(cc, meter)) {
		cc->update_cached = false;
		cc->last_migrated = start;
		if (compact_move(cc, meter) && !compact_scanners_met(cc))
			return COMPACT_CONTENDED;
	} else if (cc->update_cached) {
		c->migrate[COMPACT_SYNC_LIGHT] = c->migrate[COMPACT_ASYNC];
	}
	flush_freed(cc, meter);
	return cc->zone->capture && cc->zone->capture->pfn != PFN_NONE ? COMPACT_SUCCESS : COMPACT_CONTINUE;
}

void compact_end(struct compact_control *cc, struct meter *meter)
{
	struct page_alloc *pa = cc->zone->pa;
	pfn_t highest = compact_release_targets(cc, meter);

	if (highest)
		cc->zone->compact.free = max_u64(cc->zone->compact.free, pageblock_start(pa, highest));
	pa->counter[PC_COMPACT_MIGRATE_SCANNED] += cc->migrate_scanned;
	pa->counter[PC_COMPACT_FREE_SCANNED] += cc->free_scanned;
}

void compact_count(struct compact_episode *episode, const struct compact_control *cc, enum compact_result result)
{
	episode->result = max_u32(episode->result, result);
	episode->migrate_scanned += cc->migrate_scanned;
	episode->free_scanned += cc->free_scanned;
	episode->migrated += cc->migrated;
	episode->failed += cc->failed;
}

/* Models compact_zone_order(). *captured: the request's block, where freeing put it together; else untouched. */
static enum compact_result compact_for_request(struct zone *zone, const struct alloc_context *ac,
	unsigned int alloc_flags, enum compact_priority priority, struct compact_episode *episode, pfn_t *captured,
	struct meter *meter)
{
	struct capture_control capture = { .pfn = PFN_NONE, .order = ac->order };
	bool full = priority == COMPACT_PRIO_SYNC_FULL;
	struct compact_control cc = {
		.zone = zone, .order = (int)ac->order, .search_order = (int)ac->order, .mt = ac->mt, .cpu = ac->cpu,
		.alloc_flags = alloc_flags, .highest = ac->highest,
		.mode = priority == COMPACT_PRIO_ASYNC ? COMPACT_ASYNC : COMPACT_SYNC_LIGHT,
		.direct = true, .whole_zone = full, .ignore_skip = full, .ignore_block = full,
		.may_fs = ac->gfp & GFP_BIT_FS,
	};
	enum compact_result result = compact_begin(&cc);

	if (result != COMPACT_CONTINUE)
		return result;
	page_resched(zone->pa);
	zone->capture = &capture;
	while (result == COMPACT_CONTINUE)
		result = compact_step(&cc, meter);
	compact_end(&cc, meter);
	zone->capture = NULL;
	if (capture.pfn != PFN_NONE) {
		*captured = capture.pfn;
		result = COMPACT_SUCCESS;
	}
	compact_count(episode, &cc, result);
	return result;
}

/* Models try_to_compact_pages(). */
static enum compact_result compact_zones(const struct alloc_context *ac, unsigned int alloc_flags,
	enum compact_priority priority, struct compact_episode *episode, pfn_t *captured, struct meter *meter)
{
	enum compact_result highest = COMPACT_SKIPPED;

	if (!(ac->gfp & GFP_BIT_IO))
		return COMPACT_SKIPPED;
	for (uint32_t i = ac->preferred; i < ac->nr_zones; i++) {
		struct zone *zone = ac->zonelist->zone[i];
		enum compact_result result;

		if (zone->type > ac->highest)
			continue;
		if (priority > COMPACT_PRIO_SYNC_FULL && compaction_deferred(zone, ac->order)) {
			highest = max_u32(COMPACT_DEFERRED, highest);
			continue;
		}
		result = compact_for_request(zone, ac, alloc_flags, priority, episode, captured, meter);
		highest = max_u32(result, highest);
		if (result == COMPACT_SUCCESS) {
			compaction_defer_reset(zone, ac->order, false);
			break;
		}
		if (priority != COMPACT_PRIO_ASYNC && (result == COMPACT_COMPLETE || result == COMPACT_PARTIAL_SKIPPED))
			compaction_defer(zone, ac->order);
	}
	return highest;
}

pfn_t direct_compact(struct page_alloc *pa, const struct alloc_context *ac, unsigned int alloc_flags,
	enum compact_priority priority, enum compact_result *result, struct meter *meter)
{
	struct compact_episode episode = {
		.who = COMPACT_DIRECT,
		.order = (int)ac->order,
		.at_ns = meter_elapsed(meter),
	};
	pfn_t pfn = PFN_NONE;

	*result = COMPACT_SKIPPED;
	if (!ac->order || !compaction_on(pa))
		return PFN_NONE;
	*result = episode.result = compact_zones(ac, alloc_flags, priority, &episode, &pfn, meter);
	if (*result == COMPACT_SKIPPED)
		return PFN_NONE;
	episode.node = ac->zonelist->zone[ac->preferred]->node;
	if (pa->hooks.compacted && *result != COMPACT_DEFERRED)
		pa->hooks.compacted(pa->hooks.arg, &episode);
	pa->counter[PC_COMPACT_STALL]++;
	if (pfn == PFN_NONE)
		pfn = zonelist_walk(pa, ac, alloc_flags, meter);
	if (pfn == PFN_NONE) {
		pa->counter[PC_COMPACT_FAIL]++;
		return PFN_NONE;
	}
	page_zone(pa, pfn)->compact.forget_skips = false;
	compaction_defer_reset(page_zone(pa, pfn), ac->order, true);
	pa->counter[PC_COMPACT_SUCCESS]++;
	return pfn;
}

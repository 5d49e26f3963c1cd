/*
 * kcompactd: the daemon that compacts a node when kswapd has made room, or before anybody asks for it. Models
 * kcompactd() and proactive compaction of mm/compaction.c (6.1). When it runs is the engine's matter; pages that it
 * holds from one step to the next are handed out.
 *
 * Invariants, between two steps
 *  1. no page is on its way: there are no sources
 *  2. targets are single pages, handed out, on no list; their number is nr_targets
 */
#include <stdlib.h>

#include "base/bits.h"
#include "mm/compaction_priv.h"
#include "mm/pcp_priv.h"

int kcompactd_init(struct page_alloc *pa, struct err *err)
{
	pa->compact_skip = calloc(pa->pageblock_bytes, sizeof(*pa->compact_skip));
	pa->kcompactd = calloc(pa->nr_nodes, sizeof(*pa->kcompactd));
	if (!pa->compact_skip || !pa->kcompactd)
		return err_set(err, ERR_NOMEM, "no memory for compaction");
	for (uint32_t node = 0; node < pa->nr_nodes; node++)
		pa->kcompactd[node].highest = NR_ZONE_TYPES - 1;
	return 0;
}

/* Models kcompactd_node_suitable(). */
static bool node_suitable(const struct page_alloc *pa, uint32_t node)
{
	const struct kcompactd *k = &pa->kcompactd[node];

	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		const struct zone *zone = &pa->zones[i];

		if (zone->node == node && zone->type <= k->highest &&
			compaction_suitable(zone, (int)k->order, 0, (enum machine_zone)k->highest) == COMPACT_CONTINUE)
			return true;
	}
	return false;
}

void kcompactd_wake(struct page_alloc *pa, uint32_t node, unsigned int order, enum machine_zone highest)
{
	struct kcompactd *k = &pa->kcompactd[node];

	if (!order || !compaction_on(pa))
		return;
	k->order = max_u32(k->order, order);
	k->highest = min_u32(k->highest, highest);
	if (!k->running && node_suitable(pa, node))
		k->wanted = true;
}

void kcompactd_forget_skips(struct page_alloc *pa, uint32_t node)
{
	for (uint32_t i = 0; i < pa->nr_zones; i++)
		if (pa->zones[i].node == node)
			compaction_reset_skips(&pa->zones[i]);
}

bool kcompactd_wanted(const struct page_alloc *pa, uint32_t node)
{
	const struct kcompactd *k = &pa->kcompactd[node];

	return !k->running && (k->wanted || k->wanted_proactive);
}

unsigned int zone_frag_score(const struct zone *zone)
{
	uint64_t nr_free[PAGE_MAX_ORDERS];

	for (unsigned int order = 0; order <= zone->pa->max_order; order++)
		nr_free[order] = zone->area[order].nr_free;
	return page_extfrag_percent(nr_free, zone->pa->max_order, zone->pa->pageblock_order);
}

uint64_t node_frag_score(const struct page_alloc *pa, uint32_t node)
{
	uint64_t present = 0, score = 0;

	for (uint32_t i = 0; i < pa->nr_zones; i++)
		present += pa->zones[i].node == node ? pa->zones[i].present : 0;
	for (uint32_t i = 0; i < pa->nr_zones; i++)
		if (pa->zones[i].node == node)
			score += pa->zones[i].present * zone_frag_score(&pa->zones[i]) / (present + 1);
	return score;
}

unsigned int frag_score_low(const struct page_alloc *pa)
{
	return max_u32(100 - min_u32(pa->machine->page_allocator.compaction_proactiveness, 100), 5);
}

unsigned int frag_score_high(const struct page_alloc *pa)
{
	return min_u32(frag_score_low(pa) + 10, 100);
}

bool proactive_wanted(struct page_alloc *pa, uint32_t node)
{
	struct kcompactd *k = &pa->kcompactd[node];

	if (!compaction_on(pa) || !pa->machine->page_allocator.compaction_proactiveness || k->running || k->wanted)
		return false;
	if (k->quiet) {
		k->quiet--;
		return false;
	}
	/* It was asked, but not woken, because no zone was suitable: the check finds that, too. */
	k->wanted = k->order > 0;
	k->wanted_proactive =
		!k->wanted && !pa->reclaim[node].running && node_frag_score(pa, node) > frag_score_high(pa);
	return kcompactd_wanted(pa, node);
}

static void begin_pass(struct page_alloc *pa, uint32_t node)
{
	struct kcompactd *k = &pa->kcompactd[node];
	bool proactive = !k->wanted;

	k->running = true;
	k->wanted = k->wanted_proactive = false;
	k->pass_highest = proactive ? NR_ZONE_TYPES - 1 : k->highest;
	k->zone = 0;
	k->quiet = 0;
	k->score = proactive ? node_frag_score(pa, node) : 0;
	/* One for all zones: that one is gone through whole, and where to search for targets, goes for the next. */
	k->cc = (struct compact_control){
		.order = proactive ? COMPACT_ALL : (int)k->order,
		.search_order = (int)k->order,
		.mt = MIGRATE_UNMOVABLE,
		.mode = COMPACT_SYNC_LIGHT,
		.highest = (enum machine_zone)k->pass_highest,
		.proactive = proactive,
		.whole_zone = proactive,
		.ignore_skip = proactive,
		.may_fs = true,
	};
	k->episode = (struct compact_episode){ .who = proactive ? COMPACT_PROACTIVE : COMPACT_KCOMPACTD, .node = node,
		.order = k->cc.order, .result = COMPACT_SKIPPED };
	if (!proactive)
		pa->counter[PC_COMPACT_DAEMON_WAKE]++;
}

/* The next zone that is worth it. Return: false: there is none. */
static bool begin_zone(struct page_alloc *pa, uint32_t node, unsigned int cpu)
{
	struct kcompactd *k = &pa->kcompactd[node];
	bool proactive = k->cc.proactive;
	int order = k->cc.order;

	for (; k->zone < pa->nr_zones; k->zone++) {
		struct zone *zone = &pa->zones[k->zone];

		if (zone->node != node || zone->type > k->pass_highest)
			continue;
		if (!proactive && (compaction_deferred(zone, (unsigned int)order) ||
			    compaction_suitable(zone, order, 0, zone->type) != COMPACT_CONTINUE))
			continue;
		k->cc.zone = zone;
		k->cc.cpu = cpu;
		if (compact_begin(&k->cc) == COMPACT_CONTINUE)
			return true;
	}
	return false;
}

static void end_zone(struct page_alloc *pa, struct kcompactd *k, enum compact_result result, struct meter *meter)
{
	struct zone *zone = k->cc.zone;

	compact_end(&k->cc, meter);
	compact_count(&k->episode, &k->cc, result);
	k->zone++;
	k->in_zone = false;
	if (k->cc.proactive)
		return;
	pa->counter[PC_COMPACT_DAEMON_MIGRATE_SCANNED] += k->cc.migrate_scanned;
	pa->counter[PC_COMPACT_DAEMON_FREE_SCANNED] += k->cc.free_scanned;
	if (result == COMPACT_SUCCESS) {
		compaction_defer_reset(zone, (unsigned int)k->cc.order, false);
	} else if (result == COMPACT_COMPLETE || result == COMPACT_PARTIAL_SKIPPED) {
		for (uint32_t cpu = 0; cpu < pa->nr_cpus; cpu++)
			pcp_drain(zone, cpu, k->cc.cpu, meter);
		compaction_defer(zone, (unsigned int)k->cc.order);
	}
}

static enum kcompactd_answer end_pass(struct page_alloc *pa, uint32_t node)
{
	struct kcompactd *k = &pa->kcompactd[node];

	if (k->cc.proactive) {
		k->quiet = node_frag_score(pa, node) >= k->score ? (1u << COMPACT_MAX_DEFER_SHIFT) - 1 : 0;
	} else {
		/* Who asked for more meanwhile is still to be served. */
		if ((int)k->order <= k->cc.order)
			k->order = 0;
		if (k->highest >= k->pass_highest)
			k->highest = NR_ZONE_TYPES - 1;
		k->wanted = k->order > 0;
	}
	k->running = false;
	if (pa->hooks.compacted)
		pa->hooks.compacted(pa->hooks.arg, &k->episode);
	return KCOMPACTD_DONE;
}

enum kcompactd_answer kcompactd_step(struct page_alloc *pa, uint32_t node, unsigned int cpu, struct meter *meter)
{
	struct kcompactd *k = &pa->kcompactd[node];
	enum compact_result result;

	if (!k->running)
		begin_pass(pa, node);
	if (!k->in_zone) {
		k->in_zone = begin_zone(pa, node, cpu);
		if (!k->in_zone)
			return end_pass(pa, node);
	}
	k->cc.cpu = cpu;
	result = compact_step(&k->cc, meter);
	if (result != COMPACT_CONTINUE)
		end_zone(pa, k, result, meter);
	return KCOMPACTD_MORE;
}

bool kcompactd_unfinished(const struct page_alloc *pa, uint32_t node, struct compact_episode *episode)
{
	const struct kcompactd *k = &pa->kcompactd[node];

	*episode = k->episode;
	if (k->in_zone)
		compact_count(episode, &k->cc, COMPACT_CONTINUE);
	return k->running;
}

static int check_targets(const struct page_alloc *pa, const struct compact_control *cc, struct err *err)
{
	uint32_t previous = LINK_NONE, nr = 0;

	if (cc->sources.head != LINK_NONE || cc->nr_sources)
		return err_set(err, ERR_INVARIANT, "kcompactd 1: page %u is on its way", cc->sources.head);
	for (uint32_t pfn = cc->targets.head; pfn != LINK_NONE; pfn = page_at(pa, pfn)->next) {
		const struct page *page = page_at(pa, pfn);

		if (page->place != PAGE_NO_HEAD || !page_alloc_allocated(pa, pfn, 0) || page->prev != previous ||
			++nr > cc->nr_targets)
			return err_set(err, ERR_INVARIANT, "kcompactd 2: page %u is no target", pfn);
		previous = pfn;
	}
	if (nr != cc->nr_targets)
		return err_set(err, ERR_INVARIANT, "kcompactd 2: %u targets, nr_targets is %u", nr, cc->nr_targets);
	return 0;
}

int kcompactd_check(const struct page_alloc *pa, struct err *err)
{
	int ret = 0;

	for (uint32_t node = 0; ret == 0 && node < pa->nr_nodes; node++)
		if (pa->kcompactd[node].in_zone)
			ret = check_targets(pa, &pa->kcompactd[node].cc, err);
	return ret;
}

/*
 * kswapd: the daemon that keeps each node's free memory above its marks. Models balance_pgdat(), wakeup_kswapd() and
 * kswapd_try_to_sleep() of mm/vmscan.c (6.1). When it runs is the engine's matter.
 */
#include "base/bits.h"
#include "mm/lru_priv.h"
#include "mm/vmstat_priv.h"

#define MAX_FAILURES 16u /* passes without a page: the node is hopeless until something else frees memory */

static bool node_boosted(const struct page_alloc *pa, uint32_t node, enum machine_zone highest)
{
	for (uint32_t i = 0; i < pa->nr_zones; i++)
		if (pa->zones[i].node == node && pa->zones[i].type <= highest && pa->zones[i].boost)
			return true;
	return false;
}

/* Models pgdat_balanced(). */
static bool node_balanced(const struct page_alloc *pa, uint32_t node, unsigned int order, enum machine_zone highest)
{
	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		const struct zone *zone = &pa->zones[i];

		if (zone->node == node && zone->type <= highest && zone->managed &&
			zone_watermark_safe(zone, order, zone_mark(zone, WMARK_HIGH), highest))
			return true;
	}
	return false;
}

bool kswapd_gave_up(const struct page_alloc *pa, uint32_t node)
{
	return pa->reclaim[node].failures >= MAX_FAILURES;
}

/* Nobody runs kswapd: it drops the boosts at once, as it does at the end of a pass, and reclaims nothing. */
static void drop_boosts(struct page_alloc *pa, uint32_t node, enum machine_zone highest)
{
	for (uint32_t i = 0; i < pa->nr_zones; i++)
		if (pa->zones[i].node == node && pa->zones[i].type <= highest)
			pa->zones[i].boost = 0;
}

void kswapd_wake(struct zone *zone, gfp_t gfp, unsigned int order, enum machine_zone highest, struct meter *meter)
{
	struct page_alloc *pa = zone->pa;
	struct reclaim_node *r = &pa->reclaim[zone->node];

	r->asked_zone = max_u32(r->asked_zone, highest + 1u);
	r->order = max_u32(r->order, order);
	if (r->running || r->wanted)
		return;
	if (r->failures >= MAX_FAILURES ||
		(!node_boosted(pa, zone->node, highest) && node_balanced(pa, zone->node, order, highest))) {
		/* Memory enough, if in pieces. Who may reclaim compacts for itself. */
		if (!(gfp & GFP_BIT_DIRECT_RECLAIM))
			kcompactd_wake(pa, zone->node, order, highest);
		return;
	}
	pa->counter[PC_KSWAPD_WAKE]++;
	meter_charge(meter, STEP_KSWAPD_WAKE, 1);
	if (!pa->hooks.page_gone) {
		drop_boosts(pa, zone->node, highest);
		return;
	}
	r->wanted = true;
	meter->pressure = true;
}

bool kswapd_wanted(const struct page_alloc *pa, uint32_t node)
{
	return pa->reclaim[node].wanted;
}

static void set_reclaim_active(struct page_alloc *pa, uint32_t node, enum machine_zone highest, bool active)
{
	for (uint32_t i = 0; i < pa->nr_zones; i++)
		if (pa->zones[i].node == node && pa->zones[i].type <= highest)
			pa->zones[i].reclaim_active = active;
}

/* The pages that the boosts seen now are worth; they are subtracted from the zones at the end of the pass. */
static uint64_t note_boosts(struct page_alloc *pa, uint32_t node)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		struct zone *zone = &pa->zones[i];

		if (zone->node != node)
			continue;
		zone->boost_seen = zone->type <= pa->reclaim[node].pass_highest ? zone->boost : 0;
		sum += zone->boost_seen;
	}
	return sum;
}

/* Models kswapd_highest_zoneidx(): without a new one it stays what it was. */
static void take_asked_zone(struct reclaim_node *r)
{
	if (r->asked_zone)
		r->pass_highest = r->asked_zone - 1;
}

/* Models set_pgdat_percpu_threshold(). */
static void set_awake(struct page_alloc *pa, uint32_t node, bool awake)
{
	if (pa->reclaim[node].awake == awake)
		return;
	pa->reclaim[node].awake = awake;
	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		struct zone *zone = &pa->zones[i];

		if (zone->node == node && zone->drift_mark)
			zone->stat_threshold = awake ? zone_pressure_threshold(zone) :
				zone_stat_threshold(zone->managed, pa->nr_cpus, pa->page_shift);
	}
}

static void begin_pass(struct page_alloc *pa, uint32_t node)
{
	struct reclaim_node *r = &pa->reclaim[node];

	set_awake(pa, node, true);
	r->wanted = false;
	r->running = true;
	r->priority = DEF_PRIORITY;
	r->pass_order = r->asked_order = r->order;
	take_asked_zone(r);
	r->asked_zone = 0;
	r->pass_reclaimed = 0;
	r->boost_left = note_boosts(pa, node);
	r->boosted = r->boost_left > 0;
	r->order = 0;
	pa->counter[PC_PAGEOUTRUN]++;
	set_reclaim_active(pa, node, (enum machine_zone)r->pass_highest, true);
}

static enum kswapd_answer end_pass(struct page_alloc *pa, uint32_t node)
{
	struct reclaim_node *r = &pa->reclaim[node];

	set_reclaim_active(pa, node, (enum machine_zone)r->pass_highest, false);
	for (uint32_t i = 0; i < pa->nr_zones; i++)
		if (pa->zones[i].node == node)
			pa->zones[i].boost -= min_u32(pa->zones[i].boost, pa->zones[i].boost_seen);
	if (r->boosted)
		kcompactd_wake(pa, node, pa->pageblock_order, (enum machine_zone)r->pass_highest);
	r->running = false;
	snapshot_refaults(pa, node);
	/* An order that the pass has not given up is forgotten; what others have asked for meanwhile counts. */
	if (r->pass_order == r->asked_order) {
		r->pass_order = r->asked_order = r->order;
		take_asked_zone(r);
	}
	if (r->failures >= MAX_FAILURES || node_balanced(pa, node, r->pass_order, (enum machine_zone)r->pass_highest)) {
		/* Models the start of kswapd_try_to_sleep(): memory that was short can be made whole now. */
		kcompactd_forget_skips(pa, node);
		kcompactd_wake(pa, node, r->asked_order, (enum machine_zone)r->pass_highest);
	}
	return KSWAPD_DONE;
}

/* The pass ends although there is something to do, see MAX_FAILURES. */
static enum kswapd_answer give_up(struct page_alloc *pa, uint32_t node)
{
	if (!pa->reclaim[node].pass_reclaimed)
		pa->reclaim[node].failures++;
	return end_pass(pa, node);
}

/* Models what balance_pgdat() does before it looks at the lists. Return: false, there is nothing to do any more. */
static bool begin_attempt(struct page_alloc *pa, uint32_t node, struct meter *meter)
{
	struct reclaim_node *r = &pa->reclaim[node];

	r->balanced = node_balanced(pa, node, r->pass_order, (enum machine_zone)r->pass_highest);
	if (!r->balanced && r->boost_left) {
		/* Memory is short: it begins again, and not only for the boosts. */
		r->boost_left = 0;
		r->priority = DEF_PRIORITY;
	} else if (r->balanced && !r->boost_left) {
		return false;
	}
	r->sc = (struct scan_control){
		.order = r->pass_order,
		.highest = (enum machine_zone)r->pass_highest,
		.priority = r->priority,
		.kswapd = true,
		.may_swap = !r->boost_left,
		.may_fs = true,
		.meter = meter,
	};
	for (uint32_t i = 0; i < pa->nr_zones; i++)
		if (pa->zones[i].node == node && pa->zones[i].type <= r->sc.highest && pa->zones[i].managed)
			r->sc.nr_to_reclaim += max_u64(zone_mark(&pa->zones[i], WMARK_HIGH), SWAP_CLUSTER_MAX);
	node_age_anon(pa, node, &r->sc);
	node_scan_begin(pa, node, &r->sc, &r->scan);
	r->scanning = true;
	return true;
}

/* Models the end of kswapd_shrink_node(), and what balance_pgdat() makes of it. */
static enum kswapd_answer end_attempt(struct page_alloc *pa, uint32_t node)
{
	struct reclaim_node *r = &pa->reclaim[node];
	/* As much was looked at as is to be reclaimed. A boost alone is not worth scanning harder for. */
	bool enough = r->sc.scanned >= r->sc.nr_to_reclaim, hard = r->boost_left && r->priority == DEF_PRIORITY - 2;

	r->pass_reclaimed += r->sc.reclaimed;
	if (r->pass_order && r->pass_reclaimed >= 2ull << r->pass_order)
		r->pass_order = 0;
	if (r->boost_left)
		r->boost_left -= min_u64(r->boost_left, r->sc.reclaimed);
	if (r->boosted && r->balanced && !r->sc.reclaimed)
		return give_up(pa, node);
	if ((!enough && !hard) || !r->sc.reclaimed)
		r->priority--;
	return r->priority < 1 ? give_up(pa, node) : KSWAPD_MORE;
}

enum kswapd_answer kswapd_step(struct page_alloc *pa, uint32_t node, unsigned int cpu, struct meter *meter)
{
	struct reclaim_node *r = &pa->reclaim[node];

	if (!r->running)
		begin_pass(pa, node);
	if (!r->scanning && !begin_attempt(pa, node, meter))
		return end_pass(pa, node);
	r->sc.cpu = cpu;
	r->sc.meter = meter;
	r->scanning = node_scan_round(pa, node, &r->sc, &r->scan);
	r->sc.meter = NULL;
	return r->scanning ? KSWAPD_MORE : end_attempt(pa, node);
}

bool kswapd_may_sleep(struct page_alloc *pa, uint32_t node, bool woken)
{
	struct reclaim_node *r = &pa->reclaim[node];

	if (woken) {
		/* What it would have slept for it works for. */
		r->order = max_u32(r->order, r->pass_order);
		pa->counter[PC_KSWAPD_LOW_WMARK_HIT_QUICKLY]++;
		return false;
	}
	if (node_balanced(pa, node, r->pass_order, (enum machine_zone)r->pass_highest) || r->failures >= MAX_FAILURES)
		return true;
	pa->counter[PC_KSWAPD_HIGH_WMARK_HIT_QUICKLY]++;
	return false;
}

void kswapd_sleeps(struct page_alloc *pa, uint32_t node)
{
	set_awake(pa, node, false);
}

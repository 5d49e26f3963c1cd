/*
 * vmscan_balance: how many pages of each list a pass looks at: anonymous against file ones, and whether active
 * pages grow old. Models prepare_scan_count(), get_scan_count() and inactive_is_low() of mm/vmscan.c, and
 * lru_note_cost() of mm/swap.c (6.1).
 */
#include "base/bits.h"
#include "mm/lru_priv.h"

/* What is scanned at all. Models enum scan_balance. */
enum scan { SCAN_EQUAL, SCAN_FRACT, SCAN_ANON, SCAN_FILE };

void note_cost(struct page_alloc *pa, uint32_t node, bool file, uint64_t nr)
{
	struct reclaim_node *r = &pa->reclaim[node];
	uint64_t pages = 0;

	r->cost[file] += nr;
	for (int list = 0; list < NR_LRU_LISTS; list++)
		pages += r->nr_lru[list];
	/* What was long ago counts less. */
	if (r->cost[0] + r->cost[1] > pages / 4) {
		r->cost[0] /= 2;
		r->cost[1] /= 2;
	}
}

void snapshot_refaults(struct page_alloc *pa, uint32_t node)
{
	pa->reclaim[node].activated_seen = pa->reclaim[node].activated;
}

bool inactive_is_low(const struct page_alloc *pa, uint32_t node, enum lru_list inactive)
{
	uint64_t nr_inactive = lru_pages(pa, node, inactive), nr_active = lru_pages(pa, node, inactive + 1);
	uint64_t gib = (nr_inactive + nr_active) >> (30 - pa->page_shift);

	return nr_inactive * (gib ? isqrt_u64(10 * gib) : 1) < nr_active;
}

/* Models lruvec_lru_size(): pages of the zones that the request can use. */
static uint64_t eligible_pages(const struct page_alloc *pa, uint32_t node, enum lru_list list,
	const struct scan_control *sc)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < pa->nr_zones; i++)
		if (pa->zones[i].node == node && pa->zones[i].type <= sc->highest)
			pages += pa->zones[i].nr_lru[list];
	return pages;
}

bool nothing_to_scan(const struct page_alloc *pa, uint32_t node, const struct scan_control *sc)
{
	bool anon = sc->may_swap && can_reclaim_anon(pa);

	for (int list = anon ? LRU_INACTIVE_ANON : LRU_INACTIVE_FILE; list < NR_LRU_LISTS; list++)
		if (lru_pages(pa, node, (enum lru_list)list) && eligible_pages(pa, node, (enum lru_list)list, sc))
			return false;
	/* Whether or not they can be taken, active anonymous pages would grow old. */
	return !pa->swap_pages || !inactive_is_low(pa, node, LRU_INACTIVE_ANON);
}

/* So little page cache is left that only anonymous pages can give memory. */
static bool file_is_tiny(const struct page_alloc *pa, uint32_t node, const struct scan_control *sc,
	const struct scan_balance *balance)
{
	uint64_t pages = lru_pages(pa, node, LRU_ACTIVE_FILE) + lru_pages(pa, node, LRU_INACTIVE_FILE), marks = 0;

	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		const struct zone *zone = &pa->zones[i];

		if (zone->node != node || !zone->managed)
			continue;
		pages += (uint64_t)(zone->visible_free > 0 ? zone->visible_free : 0);
		marks += zone_mark(zone, WMARK_HIGH);
	}
	return pages <= marks && !balance->deactivate[0] && lru_pages(pa, node, LRU_INACTIVE_ANON) >> sc->priority;
}

static enum scan what_to_scan(const struct page_alloc *pa, uint32_t node, const struct scan_control *sc,
	const struct scan_balance *balance)
{
	if (!sc->may_swap || !can_reclaim_anon(pa))
		return SCAN_FILE;
	if (!sc->priority && pa->machine->reclaim.swappiness)
		return SCAN_EQUAL;
	if (file_is_tiny(pa, node, sc, balance))
		return SCAN_ANON;
	/* There is cache that was used once, and nothing came back of late: cache_trim_mode. */
	if (lru_pages(pa, node, LRU_INACTIVE_FILE) >> sc->priority && !balance->deactivate[1])
		return SCAN_FILE;
	return SCAN_FRACT;
}

/* Shares of anonymous and file pages: by the setting, and by what taking the one or the other has cost. */
static void fractions(const struct page_alloc *pa, uint32_t node, uint64_t share[2])
{
	const struct reclaim_node *r = &pa->reclaim[node];
	uint64_t swappiness = pa->machine->reclaim.swappiness;
	uint64_t total = r->cost[0] + r->cost[1], anon = total + r->cost[0], file = total + r->cost[1];

	share[0] = swappiness * (anon + file + 1) / (anon + 1);
	share[1] = (200 - swappiness) * (anon + file + 1) / (file + 1);
}

void scan_balance(const struct page_alloc *pa, uint32_t node, const struct scan_control *sc,
	struct scan_balance *balance)
{
	const struct reclaim_node *r = &pa->reclaim[node];
	uint64_t share[2];
	enum scan scan;

	balance->deactivate[0] = sc->force_deactivate || inactive_is_low(pa, node, LRU_INACTIVE_ANON);
	balance->deactivate[1] = sc->force_deactivate || inactive_is_low(pa, node, LRU_INACTIVE_FILE) ||
				 r->activated != r->activated_seen;
	scan = what_to_scan(pa, node, sc, balance);
	fractions(pa, node, share);
	for (int list = 0; list < NR_LRU_LISTS; list++) {
		bool file = lru_is_file((enum lru_list)list);
		uint64_t nr = eligible_pages(pa, node, (enum lru_list)list, sc) >> sc->priority;

		if (scan == SCAN_FRACT)
			nr = nr * share[file] / (share[0] + share[1]);
		else if (scan != SCAN_EQUAL && (scan == SCAN_FILE) != file)
			nr = 0;
		balance->nr[list] = nr;
	}
}

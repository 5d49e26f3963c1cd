/*
 * vmscan: taking pages back. Models shrink_node(), shrink_lruvec(), get_scan_count(), do_shrink_slab() and
 * try_to_free_pages() of mm/vmscan.c (6.1).
 *
 * Simplified: no page is found referenced, because no trace tells who reads or writes a page that it has; one memory
 * cgroup; a dirty page has been written by the flusher before it is the oldest; swapping out is a cost, and the page is
 * free at once; reclaim never waits for others.
 */
#include "base/bits.h"
#include "mm/lru_priv.h"

static void count(struct page_alloc *pa, const struct scan_control *sc, bool file, bool stolen)
{
	if (stolen)
		pa->counter[sc->kswapd ? PC_PGSTEAL_KSWAPD : PC_PGSTEAL_DIRECT]++;
	else
		pa->counter[sc->kswapd ? PC_PGSCAN_KSWAPD : PC_PGSCAN_DIRECT]++;
	if (stolen)
		pa->counter[file ? PC_PGSTEAL_FILE : PC_PGSTEAL_ANON]++;
	else
		pa->counter[file ? PC_PGSCAN_FILE : PC_PGSCAN_ANON]++;
}

static bool may_swap(const struct page_alloc *pa, const struct scan_control *sc)
{
	return sc->may_swap && pa->swap_used < pa->swap_pages;
}

static void steal(struct page_alloc *pa, pfn_t pfn, bool file, struct scan_control *sc)
{
	if (!file) {
		pa->swap_used++;
		pa->counter[PC_PSWPOUT]++;
		meter_nap(sc->meter, STEP_SWAP_OUT_PAGE, 1, SLEEP_RECLAIM);
	}
	count(pa, sc, file, true);
	sc->reclaimed++;
	pa->hooks.page_gone(pa->hooks.arg, pfn, !file);
	meter_charge(sc->meter, STEP_RECLAIM_PAGE, 1);
	page_alloc_give(pa, pfn, 0, sc->cpu, sc->meter);
}

/* Models lruvec_lru_size(): pages of the zones that the request can use. */
static uint64_t eligible_pages(const struct page_alloc *pa, uint32_t node, enum lru_list list, const struct scan_control *sc)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < pa->nr_zones; i++)
		if (pa->zones[i].node == node && pa->zones[i].type <= sc->highest)
			pages += pa->zones[i].nr_lru[list];
	return pages;
}

/*
 * Models isolate_lru_pages(): the next page from the list's end that the request can use, PFN_NONE after the last. The
 * others are passed over, go to the head, and do not count. *left: pages of the list that have not been looked at.
 */
static pfn_t next_eligible(struct page_alloc *pa, uint32_t node, enum lru_list list, const struct scan_control *sc, uint64_t *left)
{
	for (; *left; (*left)--) {
		pfn_t pfn = pa->reclaim[node].lru[list].tail;

		meter_charge_locked(sc->meter, STEP_LRU_SCAN, 1, LOCK_LRU);
		if (page_zone(pa, pfn)->type <= sc->highest) {
			(*left)--;
			return pfn;
		}
		lru_move(pa, pfn, list);
	}
	return PFN_NONE;
}

/* Models shrink_inactive_list(): at most @nr pages from the list's end. */
static void shrink_inactive(struct page_alloc *pa, uint32_t node, enum lru_list list, uint64_t nr, struct scan_control *sc)
{
	uint64_t left = lru_pages(pa, node, list);
	bool file = lru_is_file(list);
	pfn_t pfn;

	meter_charge(sc->meter, STEP_LRU_BATCH, 1);
	while (nr-- && (pfn = next_eligible(pa, node, list, sc, &left)) != PFN_NONE) {
		sc->scanned++;
		count(pa, sc, file, false);
		if (file || may_swap(pa, sc))
			steal(pa, pfn, file, sc);
		else
			lru_move(pa, pfn, list);
	}
}

/* Models shrink_active_list(): pages whose users have not come back grow old. */
static void shrink_active(struct page_alloc *pa, uint32_t node, enum lru_list list, uint64_t nr, struct scan_control *sc)
{
	uint64_t left = lru_pages(pa, node, list);
	pfn_t pfn;

	while (nr-- && (pfn = next_eligible(pa, node, list, sc, &left)) != PFN_NONE) {
		lru_move(pa, pfn, list - 1);
		pa->counter[PC_PGDEACTIVATE]++;
	}
}

/* Models inactive_is_low(). */
static bool inactive_is_low(const struct page_alloc *pa, uint32_t node, enum lru_list inactive)
{
	uint64_t nr_inactive = lru_pages(pa, node, inactive), nr_active = lru_pages(pa, node, inactive + 1);
	uint64_t gib = (nr_inactive + nr_active) >> (30 - pa->page_shift);

	return nr_inactive * (gib ? isqrt_u64(10 * gib) : 1) < nr_active;
}

/* How many pages of each list a pass at this priority looks at. Models get_scan_count(). */
static void scan_counts(const struct page_alloc *pa, uint32_t node, const struct scan_control *sc, uint64_t nr[NR_LRU_LISTS])
{
	uint64_t swappiness = pa->machine->reclaim.swappiness;
	bool file_only = !may_swap(pa, sc) || (!swappiness && sc->priority) ||
			 eligible_pages(pa, node, LRU_INACTIVE_FILE, sc) >> sc->priority;
	/* Pages of each kind that were found of no use, and cost of getting them back, are not known: only the setting counts. */
	uint64_t share_anon = file_only ? 0 : swappiness, share_file = file_only ? 200 : 200 - swappiness;

	for (int list = 0; list < NR_LRU_LISTS; list++) {
		uint64_t scan = eligible_pages(pa, node, (enum lru_list)list, sc) >> sc->priority;

		nr[list] = scan * (lru_is_file((enum lru_list)list) ? share_file : share_anon) / 200;
	}
}

static void shrink_list(struct page_alloc *pa, uint32_t node, enum lru_list list, uint64_t nr, struct scan_control *sc)
{
	bool active = list == LRU_ACTIVE_ANON || list == LRU_ACTIVE_FILE;

	if (!active)
		shrink_inactive(pa, node, list, nr, sc);
	else if (inactive_is_low(pa, node, list - 1))
		shrink_active(pa, node, list, nr, sc);
}

/* Models shrink_lruvec(). A direct reclaim's first look goes through all that it set out to look at. */
static void shrink_lruvec(struct page_alloc *pa, uint32_t node, struct scan_control *sc)
{
	bool proportional = !sc->kswapd && sc->priority == DEF_PRIORITY;
	uint64_t nr[NR_LRU_LISTS];

	scan_counts(pa, node, sc, nr);
	while (nr[LRU_INACTIVE_ANON] || nr[LRU_ACTIVE_FILE] || nr[LRU_INACTIVE_FILE]) {
		for (int list = 0; list < NR_LRU_LISTS; list++) {
			uint64_t part = min_u64(nr[list], SWAP_CLUSTER_MAX);

			if (!part)
				continue;
			nr[list] -= part;
			shrink_list(pa, node, (enum lru_list)list, part, sc);
		}
		if (sc->reclaimed >= sc->nr_to_reclaim && !proportional)
			return;
	}
	if (may_swap(pa, sc) && inactive_is_low(pa, node, LRU_INACTIVE_ANON))
		shrink_active(pa, node, LRU_ACTIVE_ANON, SWAP_CLUSTER_MAX, sc);
}

/* Models do_shrink_slab(): what is too little for a batch is put off, and counts at a higher priority. */
static void do_shrink(struct page_alloc *pa, uint32_t node, uint32_t number, const struct scan_control *sc)
{
	const struct shrinker *shrinker = &pa->hooks.shrinkers[number];
	uint64_t *deferred = &pa->reclaim[node].deferred_objects[number];
	uint64_t freeable = pa->hooks.count_objects(pa->hooks.arg, number, node);
	uint64_t delta = shrinker->seeks ? (freeable >> sc->priority) * 4 / shrinker->seeks : freeable / 2;
	uint64_t total = min_u64((*deferred >> sc->priority) + delta, 2 * freeable), scanned = 0;

	meter_charge(sc->meter, STEP_SHRINKER, 1);
	if (!freeable)
		return;
	while (total && (total >= shrinker->batch || total >= freeable) && (sc->may_fs || !shrinker->needs_fs)) {
		uint64_t nr = min_u64(shrinker->batch, total);

		pa->hooks.scan_objects(pa->hooks.arg, number, node, nr, sc->cpu, sc->meter);
		pa->counter[PC_SLABS_SCANNED] += nr;
		scanned += nr;
		total -= nr;
	}
	*deferred = *deferred + delta > scanned ? min_u64(*deferred + delta - scanned, 2 * freeable) : 0;
}

static void shrink_slab(struct page_alloc *pa, uint32_t node, const struct scan_control *sc)
{
	for (uint32_t i = 0; i < pa->hooks.nr_shrinkers; i++)
		do_shrink(pa, node, i, sc);
}

/* Whether reclaiming more helps a high order. Models should_continue_reclaim(). */
static bool should_continue(const struct page_alloc *pa, uint32_t node, const struct scan_control *sc, uint64_t reclaimed)
{
	bool in_need = sc->order > COSTLY_ORDER || (sc->order && sc->priority < DEF_PRIORITY - 2);
	uint64_t inactive = lru_pages(pa, node, LRU_INACTIVE_FILE);

	if (!in_need || !reclaimed)
		return false;
	if (may_swap(pa, sc))
		inactive += lru_pages(pa, node, LRU_INACTIVE_ANON);
	return !node_balanced(pa, node, sc->order, sc->highest) && inactive > 2ull << sc->order;
}

void shrink_node(struct page_alloc *pa, uint32_t node, struct scan_control *sc)
{
	uint64_t before;

	do {
		before = sc->reclaimed;
		shrink_lruvec(pa, node, sc);
		shrink_slab(pa, node, sc);
	} while (should_continue(pa, node, sc, sc->reclaimed - before));
	if (sc->reclaimed)
		pa->reclaim[node].failures = 0;
}

uint64_t zone_reclaimable(const struct zone *zone)
{
	const struct page_alloc *pa = zone->pa;
	uint64_t pages = zone->nr_lru[LRU_INACTIVE_FILE] + zone->nr_lru[LRU_ACTIVE_FILE];

	if (pa->swap_used < pa->swap_pages)
		pages += zone->nr_lru[LRU_INACTIVE_ANON] + zone->nr_lru[LRU_ACTIVE_ANON];
	return pages;
}

static void shrink_zonelist(struct page_alloc *pa, const struct alloc_context *ac, struct scan_control *sc)
{
	uint32_t last = UINT32_MAX;

	for (uint32_t i = ac->preferred; i < ac->nr_zones; i++) {
		const struct zone *zone = ac->zonelist->zone[i];

		if (zone->type > ac->highest || !zone->managed || zone->node == last)
			continue;
		last = zone->node;
		shrink_node(pa, last, sc);
	}
}

void page_alloc_swap_add(struct page_alloc *pa, uint64_t pages)
{
	pa->swap_pages += pages;
}

uint64_t page_alloc_swap_remove(struct page_alloc *pa, uint64_t pages)
{
	pa->swap_pages -= pages < pa->swap_pages ? pages : pa->swap_pages;
	return pa->swap_used > pa->swap_pages ? pa->swap_used - pa->swap_pages : 0;
}

void page_alloc_swapped_in(struct page_alloc *pa)
{
	page_alloc_swap_free(pa);
	pa->counter[PC_PSWPIN]++;
}

void page_alloc_swap_free(struct page_alloc *pa)
{
	if (pa->swap_used)
		pa->swap_used--;
}

uint64_t direct_reclaim(struct page_alloc *pa, const struct alloc_context *ac, struct meter *meter)
{
	struct scan_control sc = {
		.order = ac->order,
		.cpu = ac->cpu,
		.highest = ac->highest,
		.nr_to_reclaim = SWAP_CLUSTER_MAX,
		.may_swap = ac->gfp & GFP_BIT_IO,
		.may_fs = ac->gfp & GFP_BIT_FS,
		.meter = meter,
	};
	struct reclaim_episode episode = { .node = ac->zonelist->zone[ac->preferred]->node, .at_ns = meter_elapsed(meter) };

	if (!pa->hooks.page_gone)
		return 0;
	pa->counter[PC_ALLOCSTALL_DMA + ac->highest]++;
	for (sc.priority = DEF_PRIORITY; sc.priority >= 0 && sc.reclaimed < sc.nr_to_reclaim; sc.priority--)
		shrink_zonelist(pa, ac, &sc);
	episode.reclaimed = sc.reclaimed;
	if (pa->hooks.reclaimed)
		pa->hooks.reclaimed(pa->hooks.arg, &episode);
	meter->pressure = true;
	return sc.reclaimed;
}

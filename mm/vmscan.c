/*
 * vmscan: taking pages back. Models shrink_node(), shrink_lruvec(), shrink_folio_list(), do_shrink_slab() and
 * try_to_free_pages() of mm/vmscan.c (6.1). How much of each list is looked at: vmscan_balance.c.
 *
 * Simplified: no trace tells who reads or writes a page that it has: the run says which are used (lru_use(),
 * page_used(), page_reused()); one memory cgroup; a dirty file page has been written by the flusher before it is
 * the oldest, or is written as it goes (page_gone()); a page is in swap before the next batch is looked at; reclaim
 * never waits for others.
 */
#include <string.h>

#include "base/bits.h"
#include "mm/compaction_priv.h"
#include "mm/lru_priv.h"
#include "mm/vmstat_priv.h"

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

/* Models what move_folios_to_lru() does of workingset_age_nonresident(). */
static void count_activation(struct page_alloc *pa, uint32_t node)
{
	pa->counter[PC_PGACTIVATE]++;
	pa->reclaim[node].nonresident_age++;
}

static void steal(struct page_alloc *pa, pfn_t pfn, bool file, struct scan_control *sc)
{
	count(pa, sc, file, true);
	sc->reclaimed++;
	pa->hooks.page_gone(pa->hooks.arg, pfn, !file);
	page_at(pa, pfn)->mt &= (unsigned int)~LRU_WRITTEN & 0xf; /* its place in swap stays */
	pa->reclaim[page_zone(pa, pfn)->node].nonresident_age++;
	meter_charge(sc->meter, STEP_RECLAIM_PAGE, 1);
	page_alloc_give(pa, pfn, 0, sc->cpu, sc->meter);
}

/*
 * Models isolate_lru_pages(): the next page from the list's end that the request can use, PFN_NONE after the last.
 * The others are passed over and go to the head; only statistics count them. *left: pages of the list that have not
 * been looked at.
 */
static pfn_t next_eligible(struct page_alloc *pa, uint32_t node, enum lru_list list, const struct scan_control *sc,
	uint64_t *left)
{
	for (; *left; (*left)--) {
		pfn_t pfn = pa->reclaim[node].lru[list].tail;

		if (page_zone(pa, pfn)->type <= sc->highest) {
			(*left)--;
			return pfn;
		}
		if (list == LRU_INACTIVE_ANON || list == LRU_INACTIVE_FILE)
			count(pa, sc, lru_is_file(list), false);
		lru_move(pa, pfn, list);
	}
	return PFN_NONE;
}

/* A batch is taken off its list under the list's lock, which is held once for all of it. */
static void charge_scan(const struct scan_control *sc, uint64_t pages)
{
	if (pages)
		meter_charge_locked(sc->meter, STEP_LRU_SCAN, (uint32_t)pages, LOCK_LRU);
}

/** What a page that was looked at gets. */
enum look { LOOK_RECLAIM, LOOK_KEEP, LOOK_ACTIVATE, LOOK_WRITE };

/* Of a page that is on its inactive list. */
static enum page_past past_of(const struct page *page)
{
	if (page->mt & LRU_REFERENCED)
		return PAGE_WAS_USED;
	return page->mt & LRU_WORKINGSET ? PAGE_WAS_ACTIVE : PAGE_CAME;
}

/*
 * Models folio_check_references(), and pageout() for anonymous pages: one look finds out that a page was used and
 * the next one, when it has been used again, that it is to be active. What nobody uses is reclaimed once its
 * contents are somewhere else.
 */
static enum look look_at(struct page_alloc *pa, pfn_t pfn, bool file, const struct scan_control *sc)
{
	struct page *page = page_at(pa, pfn);
	bool before = page->mt & LRU_REFERENCED, used = page->mt & LRU_USED, reused = false;
	enum page_told told = pa->hooks.page_told ? pa->hooks.page_told(pa->hooks.arg, pfn) : PAGE_UNTOLD;

	used |= told == PAGE_USED;
	if (!used && file && told == PAGE_UNTOLD && pa->hooks.page_used)
		used = pa->hooks.page_used(pa->hooks.arg, pfn, past_of(page));
	if (!used && file && told == PAGE_UNTOLD && pa->hooks.page_reused)
		reused = past_of(page) == PAGE_CAME && pa->hooks.page_reused(pa->hooks.arg, pfn);
	page->mt &= LRU_WRITTEN | LRU_WORKINGSET;
	if (reused)
		return LOOK_ACTIVATE;
	if (used) {
		page->mt |= LRU_REFERENCED;
		return before ? LOOK_ACTIVATE : LOOK_KEEP;
	}
	if (file || page->mt & LRU_WRITTEN)
		return LOOK_RECLAIM;
	return sc->may_swap && can_reclaim_anon(pa) ? LOOK_WRITE : LOOK_KEEP;
}

/* Models pageout(): the page has a place in swap, and is on its way there. */
static void write_out(struct page_alloc *pa, pfn_t pfn, const struct scan_control *sc)
{
	page_at(pa, pfn)->mt |= LRU_WRITTEN;
	page_alloc_swapped_out(pa);
	meter_nap(sc->meter, STEP_SWAP_OUT_PAGE, 1, SLEEP_RECLAIM);
}

/*
 * Models shrink_inactive_list(): a batch of at most @nr pages, SWAP_CLUSTER_MAX, from the list's end. What is not
 * reclaimed goes to the head; what is being written comes back to the end when that is done, which is before the
 * next batch. The batch is freed as free_unref_page_list() does: the youngest first, so that the oldest is taken
 * first again.
 */
static void shrink_inactive(struct page_alloc *pa, uint32_t node, enum lru_list list, uint64_t nr,
	struct scan_control *sc)
{
	uint64_t all = lru_pages(pa, node, list), left = all;
	pfn_t pfn, gone[SWAP_CLUSTER_MAX], written[SWAP_CLUSTER_MAX];
	uint32_t nr_gone = 0, nr_written = 0;
	bool file = lru_is_file(list);

	meter_charge(sc->meter, STEP_LRU_BATCH, 1);
	while (nr-- && (pfn = next_eligible(pa, node, list, sc, &left)) != PFN_NONE) {
		enum look look = look_at(pa, pfn, file, sc);

		sc->scanned++;
		count(pa, sc, file, false);
		lru_move(pa, pfn, look == LOOK_ACTIVATE ? list + 1 : list);
		if (look == LOOK_RECLAIM)
			gone[nr_gone++] = pfn;
		else if (look == LOOK_WRITE)
			written[nr_written++] = pfn;
		else if (look == LOOK_ACTIVATE)
			count_activation(pa, node);
	}
	charge_scan(sc, all - left);
	note_cost(pa, node, file, nr_written);
	for (uint32_t i = nr_written; i-- > 0;) {
		write_out(pa, written[i], sc);
		lru_rotate(pa, written[i]);
	}
	while (nr_gone)
		steal(pa, gone[--nr_gone], file, sc);
}

/* Models shrink_active_list(): pages whose users have not come back grow old. */
static void shrink_active(struct page_alloc *pa, uint32_t node, enum lru_list list, uint64_t nr,
	const struct scan_control *sc)
{
	uint64_t all = lru_pages(pa, node, list), left = all;
	pfn_t pfn;

	while (nr-- && (pfn = next_eligible(pa, node, list, sc, &left)) != PFN_NONE) {
		page_at(pa, pfn)->mt = (page_at(pa, pfn)->mt & LRU_WRITTEN) | LRU_WORKINGSET;
		lru_move(pa, pfn, list - 1);
		pa->counter[PC_PGDEACTIVATE]++;
	}
	charge_scan(sc, all - left);
}

static void shrink_list(struct page_alloc *pa, uint32_t node, enum lru_list list, uint64_t nr,
	const struct scan_balance *balance, struct scan_control *sc)
{
	if (list == LRU_INACTIVE_ANON || list == LRU_INACTIVE_FILE)
		shrink_inactive(pa, node, list, nr, sc);
	else if (balance->deactivate[lru_is_file(list)])
		shrink_active(pa, node, list, nr, sc);
	else
		sc->skipped_deactivate = true;
}

void node_scan_begin(struct page_alloc *pa, uint32_t node, const struct scan_control *sc, struct node_scan *scan)
{
	scan_balance(pa, node, sc, &scan->balance);
	memcpy(scan->wanted, scan->balance.nr, sizeof(scan->wanted));
	scan->reclaimed_before = sc->reclaimed;
	scan->all = !sc->kswapd && sc->priority == DEF_PRIORITY;
}

/* Active anonymous pages alone are no reason to go on. */
static bool more_to_scan(const struct node_scan *scan)
{
	const uint64_t *nr = scan->balance.nr;

	return nr[LRU_INACTIVE_ANON] || nr[LRU_ACTIVE_FILE] || nr[LRU_INACTIVE_FILE];
}

/*
 * Enough has been reclaimed: the kind of pages of which less is left is let be, and of the other no larger a part
 * is looked at than was of that one; in one more round at most, as then there is no proportion left to keep ("fix
 * extreme overreclaim", which came with 6.1).
 * Return: false when one kind is through.
 */
static bool keep_proportion(struct node_scan *scan)
{
	uint64_t *nr = scan->balance.nr, part;
	uint64_t anon = nr[LRU_INACTIVE_ANON] + nr[LRU_ACTIVE_ANON], file = nr[LRU_INACTIVE_FILE] + nr[LRU_ACTIVE_FILE];
	int less = file > anon ? LRU_INACTIVE_ANON : LRU_INACTIVE_FILE;
	int other = less == LRU_INACTIVE_ANON ? LRU_INACTIVE_FILE : LRU_INACTIVE_ANON;

	if (!anon || !file)
		return false;
	part = (nr[less] + nr[less + 1]) * 100 / (scan->wanted[less] + scan->wanted[less + 1] + 1);
	nr[less] = nr[less + 1] = 0;
	for (int list = other; list <= other + 1; list++) {
		uint64_t looked_at = scan->wanted[list] - nr[list], due = scan->wanted[list] * (100 - part) / 100;

		nr[list] = due > looked_at ? due - looked_at : 0;
	}
	return true;
}

/* Models the loop of shrink_lruvec(), a turn of it. Return: whether there is another. */
static bool scan_lists(struct page_alloc *pa, uint32_t node, struct scan_control *sc, struct node_scan *scan)
{
	if (!more_to_scan(scan))
		return false;
	for (int list = 0; list < NR_LRU_LISTS; list++) {
		uint64_t part = min_u64(scan->balance.nr[list], SWAP_CLUSTER_MAX);

		if (!part)
			continue;
		scan->balance.nr[list] -= part;
		shrink_list(pa, node, (enum lru_list)list, part, &scan->balance, sc);
	}
	if (!scan->all && sc->reclaimed - scan->reclaimed_before >= sc->nr_to_reclaim && !keep_proportion(scan))
		return false;
	return more_to_scan(scan);
}

/* Models do_shrink_slab(): what is too little for a batch is put off, and counts at a higher priority. */
static void do_shrink(struct page_alloc *pa, uint32_t node, uint32_t number, const struct scan_control *sc)
{
	const struct shrinker *shrinker = &pa->hooks.shrinkers[number];
	uint64_t *deferred = &pa->reclaim[node].deferred_objects[number];
	uint64_t freeable = pa->hooks.count_objects(pa->hooks.arg, number, node);
	uint64_t delta = shrinker->seeks ? (freeable >> sc->priority) * 4 / shrinker->seeks : freeable / 2;
	uint64_t total = min_u64((*deferred >> sc->priority) + delta, 2 * freeable), scanned = 0;

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

/*
 * Whether do_shrink() does nothing at any priority. Of what costs
 * nothing to make again half is asked for: of a single one, none.
 */
static bool nothing_to_shrink(const struct page_alloc *pa, uint32_t node)
{
	for (uint32_t i = 0; i < pa->hooks.nr_shrinkers; i++) {
		uint64_t freeable = pa->hooks.count_objects(pa->hooks.arg, i, node);

		if (freeable > 1 ||
			(freeable && (pa->hooks.shrinkers[i].seeks || pa->reclaim[node].deferred_objects[i])))
			return false;
	}
	return true;
}

/*
 * Models shrink_slab(). What it takes is most of all to ask each of the kernel's shrinkers, some
 * dozens, whatever they have: the model has those few that free anything, so the price is one for all.
 */
static void shrink_slab(struct page_alloc *pa, uint32_t node, const struct scan_control *sc)
{
	meter_charge(sc->meter, STEP_SHRINKER, 1);
	for (uint32_t i = 0; i < pa->hooks.nr_shrinkers; i++)
		do_shrink(pa, node, i, sc);
}

/* Whether a zone has the block, or memory enough to make one by compaction. */
static bool compaction_could(const struct page_alloc *pa, uint32_t node, const struct scan_control *sc)
{
	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		const struct zone *zone = &pa->zones[i];

		if (zone->node == node && zone->type <= sc->highest && zone->managed &&
			compaction_suitable(zone, (int)sc->order, 0, sc->highest) != COMPACT_SKIPPED)
			return true;
	}
	return false;
}

/* Whether reclaiming more helps a high order. Models should_continue_reclaim(). */
static bool should_continue(const struct page_alloc *pa, uint32_t node, const struct scan_control *sc,
	uint64_t reclaimed)
{
	bool in_need = pa->machine->page_allocator.compaction &&
		       (sc->order > COSTLY_ORDER || (sc->order && sc->priority < DEF_PRIORITY - 2));
	uint64_t inactive = lru_pages(pa, node, LRU_INACTIVE_FILE);

	if (!in_need || !reclaimed || compaction_could(pa, node, sc))
		return false;
	if (can_reclaim_anon(pa))
		inactive += lru_pages(pa, node, LRU_INACTIVE_ANON);
	return inactive > 2ull << sc->order;
}

void node_age_anon(struct page_alloc *pa, uint32_t node, const struct scan_control *sc)
{
	if (pa->swap_pages && inactive_is_low(pa, node, LRU_INACTIVE_ANON))
		shrink_active(pa, node, LRU_ACTIVE_ANON, SWAP_CLUSTER_MAX, sc);
}

bool node_scan_round(struct page_alloc *pa, uint32_t node, struct scan_control *sc, struct node_scan *scan)
{
	if (scan_lists(pa, node, sc, scan))
		return true;
	node_age_anon(pa, node, sc);
	shrink_slab(pa, node, sc);
	/* Of this node: what a request has got from others before says nothing of it. */
	if (sc->reclaimed > scan->reclaimed_before)
		pa->reclaim[node].failures = 0;
	if (!should_continue(pa, node, sc, sc->reclaimed - scan->reclaimed_before))
		return false;
	node_scan_begin(pa, node, sc, scan);
	return true;
}

void shrink_node(struct page_alloc *pa, uint32_t node, struct scan_control *sc)
{
	struct node_scan scan;

	node_scan_begin(pa, node, sc, &scan);
	while (node_scan_round(pa, node, sc, &scan))
		;
}

uint64_t zone_reclaimable(const struct zone *zone)
{
	const struct page_alloc *pa = zone->pa;
	uint64_t pages = zone->nr_lru[LRU_INACTIVE_FILE] + zone->nr_lru[LRU_ACTIVE_FILE];

	if (can_reclaim_anon(pa))
		pages += zone->nr_lru[LRU_INACTIVE_ANON] + zone->nr_lru[LRU_ACTIVE_ANON];
	/* A zone without any is not given up while it has free pages: they count in place of them. */
	return pages ? pages : (uint64_t)zone_free_snapshot(zone);
}

/*
 * Models compaction_ready(): free pages are enough for a
 * costly block, and for those who take some of them meanwhile.
 */
static bool compaction_ready(const struct zone *zone, const struct scan_control *sc)
{
	enum compact_result suitable = compaction_suitable(zone, (int)sc->order, 0, sc->highest);
	uint64_t mark = zone_mark(zone, WMARK_HIGH) + (2ull << sc->order);

	return suitable == COMPACT_SUCCESS ||
		(suitable != COMPACT_SKIPPED && zone_watermark_safe(zone, 0, mark, sc->highest));
}

static void shrink_zonelist(struct page_alloc *pa, const struct alloc_context *ac, struct scan_control *sc)
{
	bool costly = ac->order > COSTLY_ORDER && ac->gfp & GFP_BIT_IO && compaction_on(pa);
	uint32_t last = UINT32_MAX;

	for (uint32_t i = ac->preferred; i < ac->nr_zones; i++) {
		const struct zone *zone = ac->zonelist->zone[i];

		if (zone->type > ac->highest || !zone->managed)
			continue;
		if (costly && compaction_ready(zone, sc)) {
			sc->compaction_ready = true;
			continue;
		}
		if (zone->node == last)
			continue;
		last = zone->node;
		shrink_node(pa, last, sc);
	}
}

/*
 * On a machine that is far too small, each request that fails comes here 17 times, and each time would go through
 * all priorities. Where none of its nodes has anything to take, all that comes of it is the price of asking their
 * shrinkers so often.
 * Return: whether that is so; it has been charged.
 */
static bool scan_in_vain(struct page_alloc *pa, const struct alloc_context *ac, const struct scan_control *sc)
{
	uint32_t last = UINT32_MAX, nr_nodes = 0;

	if (ac->order > COSTLY_ORDER)
		return false; /* compaction may be ready */
	for (uint32_t i = ac->preferred; i < ac->nr_zones; i++) {
		const struct zone *zone = ac->zonelist->zone[i];

		if (zone->type > ac->highest || !zone->managed || zone->node == last)
			continue;
		last = zone->node;
		if (!nothing_to_scan(pa, last, sc) || !nothing_to_shrink(pa, last))
			return false;
		nr_nodes++;
	}
	meter_charge(sc->meter, STEP_SHRINKER, nr_nodes * (DEF_PRIORITY + 1));
	return true;
}

/* Models a turn of do_try_to_free_pages(), each of which counts as a stall. */
static void try_to_free_pages(struct page_alloc *pa, const struct alloc_context *ac, struct scan_control *sc)
{
	bool in_vain = scan_in_vain(pa, ac, sc);

	pa->counter[PC_ALLOCSTALL_DMA + ac->highest]++;
	sc->priority = DEF_PRIORITY;
	while (!in_vain && sc->priority >= 0 && sc->reclaimed < sc->nr_to_reclaim && !sc->compaction_ready) {
		shrink_zonelist(pa, ac, sc);
		sc->priority--;
	}
	for (uint32_t node = 0; node < pa->nr_nodes; node++)
		snapshot_refaults(pa, node);
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
	struct reclaim_episode episode = {
		.node = ac->zonelist->zone[ac->preferred]->node,
	};

	if (!pa->hooks.page_gone)
		return 0;
	page_resched(pa);
	episode.at_ns = meter_elapsed(meter);
	try_to_free_pages(pa, ac, &sc);
	if (!sc.reclaimed && !sc.compaction_ready && sc.skipped_deactivate) {
		sc.force_deactivate = true;
		try_to_free_pages(pa, ac, &sc);
	}
	episode.reclaimed = sc.reclaimed;
	if (pa->hooks.reclaimed)
		pa->hooks.reclaimed(pa->hooks.arg, &episode);
	meter->pressure = true;
	return sc.reclaimed ? sc.reclaimed : sc.compaction_ready;
}

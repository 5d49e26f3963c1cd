/*
 * compaction_scan: the two scanners of compaction and the move between them. One walks up from the
 * zone's start and takes movable pages, the other walks down from its end and takes free ones for them.
 * Models isolate_migratepages(), isolate_freepages(), migrate_pages() and their like of mm/compaction.c and
 * mm/migrate.c (6.1).
 *
 * Simplified: the order of a block that is handed out is not known here, so its pages are looked at one by one
 * where the kernel steps over it; movable blocks of order 1 and more stay where they are; no page is pinned, dirty
 * or being written; TLBs are flushed once for a batch. Sources are not looked for on the free lists
 * (fast_find_migrateblock()).
 */
#include "mm/compaction_priv.h"

#include "base/bits.h"
#include "mm/lru_priv.h"
#include "mm/vmstat_priv.h"

#define NO_LRU_LIST 0xfu /* order of an isolated page that was on no list */

bool compact_free_block(const struct zone *zone, pfn_t pfn, unsigned int *order)
{
	const struct page_alloc *pa = zone->pa;
	const struct page *page = page_at(pa, pfn);

	*order = page->place == PAGE_IN_BUDDY ? page->order : pa->max_order;
	if (page->place == PAGE_IN_BUDDY)
		return true;
	return !page->zone_plus1 && !(pfn & ((1ull << pa->max_order) - 1)) && buddy_run_of(zone, pfn) != PFN_NONE;
}

/* Whether the page can be moved, by this run. */
static bool can_move(const struct compact_control *cc, pfn_t pfn)
{
	const struct page_alloc *pa = cc->zone->pa;
	const struct page *page = page_at(pa, pfn);

	if (page->place == PAGE_ON_LRU)
		return cc->may_fs || !lru_is_file((enum lru_list)page->order);
	return page->place == PAGE_NO_HEAD && page_is_lru(pa, pfn) && pa->hooks.page_movable &&
		pa->hooks.page_movable(pa->hooks.arg, pfn);
}

/* The first one taken is moved last. */
static void take_source(struct compact_control *cc, pfn_t pfn)
{
	struct page_alloc *pa = cc->zone->pa;
	struct page *page = page_at(pa, pfn);

	if (page->place == PAGE_ON_LRU) {
		lru_isolate(pa, pfn);
	} else {
		page->place = PAGE_ISOLATED;
		page->order = NO_LRU_LIST;
	}
	block_list_add(pa->pages, &cc->sources, pfn);
	cc->nr_sources++;
}

/* Back to where its kind stays when compaction is done with it; @pfn is its place now. */
static void settle(struct page_alloc *pa, pfn_t pfn)
{
	struct page *page = page_at(pa, pfn);

	if (page->order == NO_LRU_LIST)
		page->place = PAGE_NO_HEAD;
	else
		lru_putback(pa, pfn);
}

/* Models putback_movable_pages(). Return: how many. */
static uint32_t put_sources_back(struct compact_control *cc)
{
	struct page_alloc *pa = cc->zone->pa;
	uint32_t nr = 0;

	for (; cc->sources.head != LINK_NONE; nr++) {
		pfn_t pfn = cc->sources.head;

		block_list_del(pa->pages, &cc->sources, pfn);
		settle(pa, pfn);
	}
	cc->nr_sources = 0;
	return nr;
}

/*
 * Models update_cached_migrate(): later runs begin behind the pageblock of @pfn. Callers pass the
 * end of the one they are through with, which lies in the next one, so that one is left out too.
 */
static void begin_behind(struct compact_control *cc, pfn_t pfn)
{
	struct zone_compact *c = &cc->zone->compact;

	pfn = pageblock_end(cc->zone->pa, pfn);
	c->migrate[COMPACT_ASYNC] = max_u64(c->migrate[COMPACT_ASYNC], pfn);
	if (cc->mode != COMPACT_ASYNC)
		c->migrate[COMPACT_SYNC_LIGHT] = max_u64(c->migrate[COMPACT_SYNC_LIGHT], pfn);
}

static void charge_scan(struct meter *meter, uint64_t pages, bool taken, lock_id lock)
{
	if (taken)
		meter_charge_locked(meter, STEP_COMPACT_SCAN, (uint32_t)pages, lock);
	else
		meter_charge(meter, STEP_COMPACT_SCAN, (uint32_t)pages);
}

/*
 * Sources of [pfn, end), all in one pageblock. A direct async run wants whole chunks of the request's order: when a
 * page of one cannot be taken, the others of it stay. *first: the first one taken, even if it stays; PFN_NONE:
 * none. Models isolate_migratepages_block(). Return: where to go on.
 */
static pfn_t scan_sources(struct compact_control *cc, pfn_t pfn, pfn_t end, uint64_t *scanned, pfn_t *first)
{
	bool chunks = cc->direct && cc->mode == COMPACT_ASYNC;
	pfn_t chunk = chunks ? 1ull << cc->order : 1, chunk_end = (pfn | (chunk - 1)) + 1;

	*first = PFN_NONE;
	for (; pfn < end; pfn++) {
		unsigned int order;

		if (chunks && pfn >= chunk_end) {
			if (cc->nr_sources)
				break;
			chunk_end = (pfn | (chunk - 1)) + 1;
		}
		++*scanned;
		if (compact_free_block(cc->zone, pfn, &order)) {
			pfn += (1ull << order) - 1;
		} else if (can_move(cc, pfn)) {
			take_source(cc, pfn);
			*first = min_u64(*first, pfn);
			if (cc->nr_sources >= COMPACT_CLUSTER_MAX && !cc->finish_pageblock)
				return pfn + 1;
		} else if (chunks) {
			put_sources_back(cc);
			pfn = chunk_end - 1;
			chunk_end += chunk;
		}
	}
	return min_u64(pfn, end);
}

static pfn_t isolate_sources(struct compact_control *cc, pfn_t pfn, pfn_t end, struct meter *meter)
{
	struct page_alloc *pa = cc->zone->pa;
	pfn_t inside = pageblock_pages(pa) - 1, first;
	uint64_t scanned = 0;
	pfn_t next = scan_sources(cc, pfn, end, &scanned, &first);
	bool through = next == end && (!cc->nr_sources || cc->finish_pageblock);

	/*
	 * Whoever takes the first page of a pageblock marks it, so that others leave it alone, and whoever finds
	 * nothing in all of it. One whose first page is not taken stays unmarked: test_and_set_skip() asks the
	 * page, not the scan.
	 */
	if (first == PFN_NONE ? through && !(pfn & inside) : !cc->ignore_skip && !(first & inside))
		pageblock_set_skip(pa, pfn, true);
	if (through)
		begin_behind(cc, end);
	cc->migrate_scanned += scanned;
	pa->counter[PC_COMPACT_ISOLATED] += cc->nr_sources;
	charge_scan(meter, scanned, cc->nr_sources > 0, LOCK_LRU);
	return next;
}

/* A direct async run frees only pageblocks of the request's type. Models suitable_migration_source(). */
static bool suitable_source(const struct compact_control *cc, pfn_t pfn)
{
	return cc->mode != COMPACT_ASYNC || !cc->direct || pageblock_migratetype(cc->zone->pa, pfn) == cc->mt;
}

bool compact_isolate(struct compact_control *cc, struct meter *meter)
{
	const struct zone *zone = cc->zone;
	const struct page_alloc *pa = zone->pa;
	pfn_t pfn = cc->migrate_pfn, end = pageblock_end(pa, pfn);

	for (; end <= cc->free_pfn; cc->migrate_pfn = pfn = end, end += pageblock_pages(pa)) {
		bool whole = pfn == zone->start || !(pfn & (pageblock_pages(pa) - 1));

		if (page_zone(pa, pfn) != zone || (whole && !cc->ignore_skip && pageblock_skip(pa, pfn)))
			continue;
		if (!suitable_source(cc, pfn)) {
			begin_behind(cc, end);
			continue;
		}
		cc->migrate_pfn = isolate_sources(cc, pfn, end, meter);
		break;
	}
	return cc->nr_sources > 0;
}

bool compact_take_free(struct compact_control *cc, pfn_t pfn)
{
	struct zone *zone = cc->zone;
	struct page_alloc *pa = zone->pa;
	const struct page *head = page_at(pa, pfn);
	unsigned int order = head->order;
	uint32_t nr = 1u << order;

	if (head->mt != MIGRATE_ISOLATE) {
		if (!zone_watermark_ok(zone, 0, zone->wmark[WMARK_MIN] + nr, ZONE_DMA, 0, zone->visible_free))
			return false;
		zone_mod_free_pages(zone, cc->cpu, -(int)nr);
	}
	buddy_del(zone, pfn);
	if (order + 1 >= pa->pageblock_order)
		for (pfn_t p = pfn; p < pfn + nr; p += pageblock_pages(pa))
			if (migratetype_is_mergeable(pageblock_migratetype(pa, p)))
				set_pageblock_migratetype(pa, p, MIGRATE_MOVABLE);
	page_hand_out(pa, pfn, order, false);
	for (pfn_t p = pfn; p < pfn + nr; p++) {
		page_at(pa, p)->zone_plus1 = (uint16_t)(zone->index + 1);
		block_list_add(pa->pages, &cc->targets, p);
	}
	cc->nr_targets += nr;
	pa->counter[PC_COMPACT_ISOLATED] += nr;
	return true;
}

uint32_t compact_isolate_block(struct compact_control *cc, pfn_t *pfn, pfn_t end, unsigned int stride,
	struct meter *meter)
{
	const struct page_alloc *pa = cc->zone->pa;
	uint32_t before = cc->nr_targets;
	uint64_t scanned = 0;
	pfn_t p = *pfn;

	for (; p < end; p += stride) {
		const struct page *page = page_at(pa, p);
		pfn_t nr = 1ull << page->order;

		scanned++;
		if (page->place != PAGE_IN_BUDDY || page->zone_plus1 != cc->zone->index + 1)
			continue;
		if (!compact_take_free(cc, p))
			break;
		scanned += nr - 1;
		p += nr - 1;
		if (cc->nr_targets >= cc->nr_sources) {
			p++;
			break;
		}
	}
	*pfn = min_u64(p, end);
	cc->free_scanned += scanned;
	charge_scan(meter, scanned, cc->nr_targets > before, LOCK_ZONE(cc->zone->index));
	return cc->nr_targets - before;
}

/* Models suitable_migration_target() and isolation_suitable(). */
static bool suitable_target(const struct compact_control *cc, pfn_t block)
{
	const struct page_alloc *pa = cc->zone->pa;
	unsigned int order;

	if (page_zone(pa, block) != cc->zone ||
		(compact_free_block(cc->zone, block, &order) && order >= pa->pageblock_order))
		return false;
	if (!cc->ignore_block && pageblock_migratetype(pa, block) != MIGRATE_MOVABLE)
		return false;
	return cc->ignore_skip || !pageblock_skip(pa, block);
}

/* Models the linear part of isolate_freepages(): pageblocks downwards until there are as many targets as sources. */
static void scan_targets(struct compact_control *cc, struct meter *meter)
{
	struct zone *zone = cc->zone;
	struct page_alloc *pa = zone->pa;
	pfn_t size = pageblock_pages(pa), low = pageblock_end(pa, cc->migrate_pfn);
	pfn_t pfn = cc->free_pfn, block = pageblock_start(pa, pfn), end = min_u64(block + size, zone->end);
	unsigned int stride = cc->mode == COMPACT_ASYNC ? COMPACT_CLUSTER_MAX : 1;

	for (; block >= low; end = block, block -= size, pfn = block) {
		uint32_t taken;

		if (!suitable_target(cc, block))
			continue;
		taken = compact_isolate_block(cc, &pfn, end, stride, meter);
		if (pfn == end) {
			pageblock_set_skip(pa, block, true);
			zone->compact.free = min_u64(zone->compact.free, block);
		}
		if (cc->nr_targets >= cc->nr_sources) {
			if (pfn == end)
				pfn = block - size;
			break;
		}
		if (pfn < end)
			break;
		stride = taken ? 1 : min_u32(COMPACT_CLUSTER_MAX, stride << 1);
	}
	cc->free_pfn = pfn;
}

/* Models compaction_alloc(). */
static pfn_t next_target(struct compact_control *cc, struct meter *meter)
{
	pfn_t pfn;

	if (cc->targets.head == LINK_NONE) {
		compact_search_free(cc, meter);
		if (!cc->nr_targets)
			scan_targets(cc, meter);
		if (!cc->nr_targets)
			return PFN_NONE;
	}
	pfn = cc->targets.head;
	block_list_del(cc->zone->pa->pages, &cc->targets, pfn);
	cc->nr_targets--;
	return pfn;
}

static void move_page(struct compact_control *cc, pfn_t from, pfn_t to, struct meter *meter)
{
	struct page_alloc *pa = cc->zone->pa;
	struct page *source = page_at(pa, from), *target = page_at(pa, to);

	block_list_del(pa->pages, &cc->sources, from);
	if (page_is_lru(pa, from))
		page_hand_out(pa, to, 0, true);
	target->owner = source->owner;
	target->order = source->order;
	target->mt = source->mt;
	settle(pa, to);
	source->owner = 0;
	source->place = PAGE_NO_HEAD;
	pa->hooks.page_moved(pa->hooks.arg, from, to);
	page_alloc_give(pa, from, 0, cc->cpu, meter);
}

uint32_t compact_move(struct compact_control *cc, struct meter *meter)
{
	struct page_alloc *pa = cc->zone->pa;
	uint32_t moved = 0, left;

	while (cc->sources.head != LINK_NONE) {
		pfn_t to = next_target(cc, meter);

		if (to == PFN_NONE)
			break;
		move_page(cc, cc->sources.head, to, meter);
		moved++;
	}
	if (moved) {
		meter_charge(meter, STEP_COMPACT_MIGRATE, moved);
		meter_charge(meter, STEP_TLB_SHOOTDOWN, 1);
	}
	left = put_sources_back(cc);
	cc->migrated += moved;
	cc->failed += left;
	pa->counter[PC_PGMIGRATE_SUCCESS] += moved;
	/* migrate_pages() leaves at the first page for which there is no target (-ENOMEM), and counts that one. */
	pa->counter[PC_PGMIGRATE_FAIL] += left > 0;
	return left;
}

pfn_t compact_release_targets(struct compact_control *cc, struct meter *meter)
{
	struct page_alloc *pa = cc->zone->pa;
	pfn_t highest = 0;

	while (cc->targets.head != LINK_NONE) {
		pfn_t pfn = cc->targets.head;

		block_list_del(pa->pages, &cc->targets, pfn);
		highest = max_u64(highest, pfn);
		page_alloc_give(pa, pfn, 0, cc->cpu, meter);
	}
	cc->nr_targets = 0;
	return highest;
}

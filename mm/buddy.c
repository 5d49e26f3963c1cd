#include "mm/buddy_priv.h"

#include "mm/vmstat_priv.h"

static inline bool page_heads_buddy(const struct zone *zone, pfn_t pfn, unsigned int order)
{
	const struct page *page = page_at(zone->pa, pfn);

	return page->place == PAGE_IN_BUDDY && page->order == order && page->zone_plus1 == zone->index + 1;
}

static void buddy_link(struct zone *zone, pfn_t pfn, unsigned int order, unsigned int mt, enum buddy_end end)
{
	struct page *pages = zone->pa->pages;
	struct free_list *list = &zone->area[order].list[mt];
	struct page *page = &pages[pfn];

	page->zone_plus1 = (uint16_t)(zone->index + 1);
	page->place = PAGE_IN_BUDDY;
	page->order = order & 0xf;
	page->mt = mt & 0xf;
	if (end == BUDDY_TAIL)
		block_list_add_tail(pages, &list->blocks, pfn);
	else
		block_list_add(pages, &list->blocks, pfn);
}

void buddy_add(struct zone *zone, pfn_t pfn, unsigned int order, unsigned int mt, enum buddy_end end)
{
	if (order == zone->pa->max_order) {
		buddy_add_run(zone, pfn, 1, mt, end);
		return;
	}
	buddy_link(zone, pfn, order, mt, end);
	zone->area[order].list[mt].nr++;
	zone->area[order].nr_free++;
}

void buddy_add_run(struct zone *zone, pfn_t pfn, int32_t run, unsigned int mt, enum buddy_end end)
{
	unsigned int order = zone->pa->max_order;
	uint32_t nr = (uint32_t)(run < 0 ? -run : run);

	buddy_link(zone, pfn, order, mt, end);
	page_at(zone->pa, pfn)->run = run;
	zone->area[order].list[mt].nr += nr;
	zone->area[order].nr_free += nr;
}

/* The second block of a run takes the place of the first one in the list. */
static void buddy_cut_run(struct zone *zone, pfn_t pfn)
{
	struct page *pages = zone->pa->pages;
	struct page *page = &pages[pfn];
	struct block_list *list = &zone->area[page->order].list[page->mt].blocks;
	pfn_t block = 1ull << page->order;
	pfn_t next = page->run > 0 ? pfn + block : pfn - block;

	pages[next] = *page;
	pages[next].run = page->run > 0 ? page->run - 1 : page->run + 1;
	if (page->prev != LINK_NONE)
		pages[page->prev].next = (uint32_t)next;
	else
		list->head = (uint32_t)next;
	if (page->next != LINK_NONE)
		pages[page->next].prev = (uint32_t)next;
	else
		list->tail = (uint32_t)next;
}

/* What follows block @pfn in its run becomes an element of its own: |@run| blocks from @next on. */
static void buddy_end_run(struct zone *zone, pfn_t pfn, pfn_t next, int32_t run)
{
	struct page *pages = zone->pa->pages;
	struct page *page = &pages[pfn];
	struct block_list *list = &zone->area[page->order].list[page->mt].blocks;

	pages[next] = *page;
	pages[next].run = run;
	pages[next].prev = (uint32_t)pfn;
	if (page->next != LINK_NONE)
		pages[page->next].prev = (uint32_t)next;
	else
		list->tail = (uint32_t)next;
	page->next = (uint32_t)next;
}

pfn_t buddy_run_of(const struct zone *zone, pfn_t pfn)
{
	const struct page_alloc *pa = zone->pa;

	for (unsigned int mt = 0; mt < NR_MIGRATETYPES; mt++) {
		uint32_t head = zone->area[pa->max_order].list[mt].blocks.head;

		for (; head != LINK_NONE; head = page_at(pa, head)->next) {
			int64_t run = (int64_t)page_at(pa, head)->run << pa->max_order;
			int64_t block = 1ll << pa->max_order, first = head;

			if (run > 0 ? (int64_t)pfn >= first && (int64_t)pfn < first + run :
				      (int64_t)pfn < first + block && (int64_t)pfn >= first + block + run)
				return head;
		}
	}
	return PFN_NONE;
}

void buddy_split_run(struct zone *zone, pfn_t head, pfn_t block)
{
	struct page *pages = zone->pa->pages;
	int32_t run = pages[head].run, one = run > 0 ? 1 : -1;
	int64_t step = (int64_t)one * (1ll << pages[head].order);
	int32_t before = one * (int32_t)(((int64_t)block - (int64_t)head) / step);

	if (before) {
		buddy_end_run(zone, head, block, run - before);
		pages[head].run = before;
		run -= before;
	}
	if (run == one)
		return;
	buddy_end_run(zone, block, (pfn_t)((int64_t)block + step), run - one);
	pages[block].run = one;
}

void buddy_del(struct zone *zone, pfn_t pfn)
{
	struct page *page = page_at(zone->pa, pfn);
	struct free_area *area = &zone->area[page->order];
	struct free_list *list = &area->list[page->mt];

	if (page->order == zone->pa->max_order) {
		if (page->run < -1 || page->run > 1)
			buddy_cut_run(zone, pfn);
		else
			block_list_del(zone->pa->pages, &list->blocks, pfn);
		page->owner = 0;
	} else {
		block_list_del(zone->pa->pages, &list->blocks, pfn);
	}
	page->place = PAGE_NO_HEAD;
	list->nr--;
	area->nr_free--;
}

void buddy_move(struct zone *zone, pfn_t pfn, unsigned int mt)
{
	unsigned int order = page_at(zone->pa, pfn)->order;

	buddy_del(zone, pfn);
	buddy_add(zone, pfn, order, mt, BUDDY_TAIL);
}

/* From pageblock_order on, two blocks of different type merge only if both types can be told apart no more. */
static bool buddies_may_merge(const struct zone *zone, pfn_t buddy, unsigned int order, unsigned int mt)
{
	unsigned int buddy_mt;

	if (order < zone->pa->pageblock_order)
		return true;
	buddy_mt = pageblock_migratetype(zone->pa, buddy);
	return buddy_mt == mt || (migratetype_is_mergeable(mt) && migratetype_is_mergeable(buddy_mt));
}

/*
 * Where a block goes in its list: to the tail when the block beside the one it could become is free too, so that it
 * is likely to merge soon and should be used last. Models buddy_merge_likely() and its caller.
 */
static enum buddy_end buddy_place_of(const struct zone *zone, pfn_t pfn, unsigned int order)
{
	pfn_t parent = pfn & ~(1ull << order);

	if (order + 1 >= zone->pa->max_order)
		return BUDDY_HEAD;
	return page_heads_buddy(zone, parent ^ (2ull << order), order + 1) ? BUDDY_TAIL : BUDDY_HEAD;
}

/*
 * Whether a request that compacts takes the block in place of the free list, and of any watermark. One smaller
 * than a pageblock is not taken out of a Movable one, which it would spoil. Models compaction_capture().
 */
static bool capture_takes(struct zone *zone, pfn_t pfn, unsigned int order, unsigned int mt)
{
	struct capture_control *capture = zone->capture;

	if (capture->pfn != PFN_NONE || order != capture->order || mt == MIGRATE_CMA || mt == MIGRATE_ISOLATE ||
		(order < zone->pa->pageblock_order && mt == MIGRATE_MOVABLE))
		return false;
	capture->pfn = pfn;
	return true;
}

void buddy_free(struct zone *zone, pfn_t pfn, unsigned int order, unsigned int mt, enum buddy_place place,
	unsigned int cpu, struct zone_work *work)
{
	if (mt != MIGRATE_ISOLATE)
		zone_mod_free_pages(zone, cpu, 1 << order);
	while (order < zone->pa->max_order) {
		pfn_t buddy = pfn ^ (1ull << order);

		if (__builtin_expect(zone->capture != NULL, 0) && capture_takes(zone, pfn, order, mt)) {
			zone_mod_free_pages(zone, cpu, -(1 << order));
			return;
		}
		if (!page_heads_buddy(zone, buddy, order) || !buddies_may_merge(zone, buddy, order, mt))
			break;
		buddy_del(zone, buddy);
		pfn &= buddy;
		order++;
		work->levels++;
	}
	buddy_add(zone, pfn, order, mt, place == PLACE_TAIL ? BUDDY_TAIL : buddy_place_of(zone, pfn, order));
}

pfn_t buddy_take_smallest(struct zone *zone, unsigned int order, unsigned int mt, struct zone_work *work)
{
	unsigned int max_order = zone->pa->max_order;

	for (unsigned int o = order; o <= max_order; o++) {
		uint32_t head = zone->area[o].list[mt].blocks.head;

		if (head == LINK_NONE)
			continue;
		buddy_del(zone, head);
		work->levels += o - order;
		while (o > order) {
			o--;
			buddy_add(zone, head + (1ull << o), o, mt, BUDDY_HEAD);
		}
		return head;
	}
	return PFN_NONE;
}

uint64_t buddy_move_pageblock(struct zone *zone, pfn_t pfn, unsigned int mt, uint64_t *movable)
{
	const struct page_alloc *pa = zone->pa;
	pfn_t start = pfn & ~(pageblock_pages(pa) - 1);
	pfn_t end = start + pageblock_pages(pa);
	uint64_t moved = 0, in_use = 0;

	if (movable)
		*movable = 0;
	if (start < zone->start)
		start = pfn;
	if (end > zone->end)
		return 0;
	for (pfn_t p = start; p < end;) {
		const struct page *page = page_at(pa, p);

		if (page->place != PAGE_IN_BUDDY) {
			in_use += page_is_lru(pa, p);
			p++;
			continue;
		}
		buddy_move(zone, p, mt);
		moved += 1ull << page->order;
		p += 1ull << page->order;
	}
	if (movable)
		*movable = in_use;
	return moved;
}

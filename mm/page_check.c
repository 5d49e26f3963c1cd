/*
 * page_check: the invariants of zone_priv.h, under their numbers. Walks everything, trusts nothing.
 */
#include <inttypes.h>

#include "base/bits.h"
#include "mm/page_alloc_priv.h"
#include "mm/pcp_priv.h"
#include "mm/vmstat_priv.h"

struct zone_check {
	const struct page_alloc *pa;
	const struct zone *zone;
	struct err *err;
};

#define broken(c, number, fmt, ...) \
	err_set((c)->err, ERR_INVARIANT, "zone %u (node %u, %s) " #number ": " fmt, (c)->zone->index, (c)->zone->node, \
		machine_zone_name[(c)->zone->type], __VA_ARGS__)

static bool zone_holds(const struct zone *zone, pfn_t pfn, uint64_t pages)
{
	return pfn >= zone->start && pages <= zone->end - zone->start && pfn <= zone->end - pages;
}

/* Invariant 1: what the head of an element of list (@order, @mt) says, and where it is. */
static int check_head(const struct zone_check *c, pfn_t pfn, unsigned int order, unsigned int mt)
{
	const struct page *page = page_at(c->pa, pfn);
	int64_t step = order == c->pa->max_order && page->run < 0 ? -(1ll << order) : 1ll << order;
	int64_t run = order == c->pa->max_order ? page->run : 1;
	pfn_t last;

	if (pfn & ((1ull << order) - 1) || !zone_holds(c->zone, pfn, 1ull << order))
		return broken(c, 1, "free block %" PRIu64 " of order %u is not aligned or not inside", pfn, order);
	if (page->place != PAGE_IN_BUDDY || page->order != order || page->mt != mt ||
		page->zone_plus1 != c->zone->index + 1)
		return broken(c, 1, "block %" PRIu64 " on list %u of order %u: its head says place %u, order %u, "
			"type %u, zone %d", pfn, mt, order, page->place, page->order, page->mt, page->zone_plus1 - 1);
	last = pfn + (pfn_t)(step * ((run < 0 ? -run : run) - 1));
	if (run == 0 || !zone_holds(c->zone, last, 1ull << order))
		return broken(c, 1, "run of %" PRId64 " blocks at %" PRIu64 " is not inside", run, pfn);
	return 0;
}

/* Invariant 3. */
static int check_buddy(const struct zone_check *c, pfn_t pfn, unsigned int order)
{
	pfn_t buddy = pfn ^ (1ull << order);
	const struct page *page = page_at(c->pa, buddy);
	unsigned int mt = pageblock_migratetype(c->pa, pfn), buddy_mt = pageblock_migratetype(c->pa, buddy);

	if (order >= c->pa->max_order || page->place != PAGE_IN_BUDDY || page->order != order ||
		page->zone_plus1 != c->zone->index + 1)
		return 0;
	if (order >= c->pa->pageblock_order && (c->zone->gave_back || (mt != buddy_mt &&
		!(migratetype_is_mergeable(mt) && migratetype_is_mergeable(buddy_mt)))))
		return 0;
	return broken(c, 3, "free buddies %" PRIu64 " and %" PRIu64 " of order %u", pfn, buddy, order);
}

/* Invariant 4: a block that is in no other one and that nobody holds. */
static int check_alone(const struct zone_check *c, pfn_t pfn, unsigned int order)
{
	pfn_t end = pfn + (1ull << order);

	if (page_nr_handed_out(c->pa, pfn, end))
		return broken(c, 4, "free block %" PRIu64 " of order %u has pages that are handed out", pfn, order);
	for (pfn_t p = pfn + 1; p < end; p++)
		if (page_at(c->pa, p)->place != PAGE_NO_HEAD)
			return broken(c, 4, "block %" PRIu64 " is inside free block %" PRIu64 " of order %u", p, pfn,
				order);
	return 0;
}

/* Return: a block of @list that begins in [@start, @end), LINK_NONE when none does. */
static uint32_t find_listed(const struct zone_check *c, const struct free_list *list, pfn_t start, pfn_t end)
{
	uint32_t pfn = list->blocks.head;

	while (pfn != LINK_NONE && (pfn < start || pfn >= end))
		pfn = page_at(c->pa, pfn)->next;
	return pfn;
}

/* Invariant 4 for the untouched blocks of a run: their records must not be read one by one. */
static int check_run(const struct zone_check *c, pfn_t head)
{
	const struct page *page = page_at(c->pa, head);
	pfn_t block = 1ull << page->order;
	pfn_t nr = (pfn_t)(page->run < 0 ? -page->run : page->run);
	pfn_t start = page->run < 0 ? head - (nr - 1) * block : head, end = start + nr * block;

	if (page_nr_handed_out(c->pa, start, end))
		return broken(c, 4, "the run of free blocks at %" PRIu64 " has pages that are handed out", start);
	for (unsigned int order = 0; order < c->pa->max_order; order++)
		for (unsigned int mt = 0; mt < NR_MIGRATETYPES; mt++) {
			uint32_t inside = find_listed(c, &c->zone->area[order].list[mt], start, end);

			if (inside != LINK_NONE)
				return broken(c, 4, "block %u is inside the run of free blocks at %" PRIu64, inside,
					start);
		}
	return 0;
}

static int check_free_block(const struct zone_check *c, pfn_t pfn, unsigned int order, unsigned int mt)
{
	const struct page *page = page_at(c->pa, pfn);
	int ret = check_head(c, pfn, order, mt);

	if (ret < 0)
		return ret;
	ret = check_buddy(c, pfn, order);
	if (ret < 0)
		return ret;
	if (order == c->pa->max_order && page->run != 1 && page->run != -1)
		return check_run(c, pfn);
	return check_alone(c, pfn, order);
}

/* Invariant 2, and what holds for each block on the list. */
static int check_free_list(const struct zone_check *c, unsigned int order, unsigned int mt)
{
	const struct free_list *list = &c->zone->area[order].list[mt];
	uint32_t previous = LINK_NONE;
	uint64_t nr = 0;

	for (uint32_t pfn = list->blocks.head; pfn != LINK_NONE; pfn = page_at(c->pa, pfn)->next) {
		const struct page *page;
		int ret;

		if (pfn >= c->pa->end_pfn)
			return broken(c, 2, "list %u of order %u links page %u beyond memory", mt, order, pfn);
		page = page_at(c->pa, pfn);
		if (page->prev != previous)
			return broken(c, 2, "block %u of list %u, order %u does not link back", pfn, mt, order);
		ret = check_free_block(c, pfn, order, mt);
		if (ret < 0)
			return ret;
		nr += order < c->pa->max_order ? 1 : (uint64_t)(page->run < 0 ? -page->run : page->run);
		if (nr > list->nr)
			break;
		previous = pfn;
	}
	if (nr != list->nr)
		return broken(c, 2, "list %u of order %u has %" PRIu64 " blocks, nr is %u", mt, order, nr, list->nr);
	if (list->blocks.tail != previous)
		return broken(c, 2, "list %u of order %u ends at %u, tail is %u", mt, order, previous,
			list->blocks.tail);
	return 0;
}

static int check_free_areas(const struct zone_check *c)
{
	for (unsigned int order = 0; order <= c->pa->max_order; order++) {
		uint64_t nr = 0;

		for (unsigned int mt = 0; mt < NR_MIGRATETYPES; mt++) {
			int ret = check_free_list(c, order, mt);

			if (ret < 0)
				return ret;
			nr += c->zone->area[order].list[mt].nr;
		}
		if (nr != c->zone->area[order].nr_free)
			return broken(c, 2, "order %u: lists have %" PRIu64 " blocks, nr_free is %u", order, nr,
				c->zone->area[order].nr_free);
	}
	return 0;
}

/* Invariant 5. */
static int check_counter(const struct zone_check *c)
{
	const struct zone *zone = c->zone;
	int64_t counted = zone->visible_free, free = (int64_t)zone_free_pages(zone);
	int most = zone->stat_threshold;

	/* What a CPU kept under the other threshold stays until its next update. */
	if (zone->drift_mark)
		most = (int)max_u32(max_u32(zone->stat_threshold, zone_pressure_threshold(zone)),
			zone_stat_threshold(zone->managed, c->pa->nr_cpus, c->pa->page_shift));
	for (unsigned int order = 0; order <= c->pa->max_order; order++)
		free -= (int64_t)zone->area[order].list[MIGRATE_ISOLATE].nr << order;
	for (uint32_t cpu = 0; cpu < c->pa->nr_cpus; cpu++) {
		int diff = zone->pcps[cpu].stat_diff;

		if (diff > most || -diff > most)
			return broken(c, 5, "CPU %u keeps a difference of %d, threshold %d", cpu, diff, most);
		counted += diff;
	}
	if (counted != free)
		return broken(c, 5, "%" PRId64 " free pages counted, %" PRId64 " on the lists", counted, free);
	return 0;
}

static bool pcp_list_holds(const struct page_alloc *pa, unsigned int index, const struct page *page)
{
	unsigned int mt = migratetype_is_mergeable(page->mt) ? page->mt : MIGRATE_MOVABLE;

	if (!pcp_eligible(pa, page->order))
		return false;
	return pcp_list_index(page->order, mt) == index;
}

/* Invariant 6 for one CPU, and 4 for its blocks. */
static int check_pcp(const struct zone_check *c, uint32_t cpu)
{
	const struct pcp *pcp = &c->zone->pcps[cpu];
	uint64_t pages = 0;

	for (unsigned int i = 0; i < NR_PCP_LISTS; i++) {
		uint32_t previous = LINK_NONE;

		for (uint32_t pfn = pcp->list[i].head; pfn != LINK_NONE; pfn = page_at(c->pa, pfn)->next) {
			const struct page *page = page_at(c->pa, pfn);
			int ret;

			if (page->place != PAGE_IN_PCP || !pcp_list_holds(c->pa, i, page) ||
				!zone_holds(c->zone, pfn, 1ull << page->order) || page->prev != previous)
				return broken(c, 6, "CPU %u, list %u: block %u does not belong there", cpu, i, pfn);
			ret = check_alone(c, pfn, page->order);
			if (ret < 0)
				return ret;
			pages += 1ull << page->order;
			if (pages > pcp->count)
				break;
			previous = pfn;
		}
		if (pages <= pcp->count && pcp->list[i].tail != previous)
			return broken(c, 6, "CPU %u, list %u: the tail is not the last block", cpu, i);
	}
	if (pages != pcp->count)
		return broken(c, 6, "CPU %u: %" PRIu64 " pages on its lists, count is %u", cpu, pages, pcp->count);
	return 0;
}

/* Invariants 7, 8 and 9. */
static int check_sums(const struct zone_check *c)
{
	const struct zone *zone = c->zone;
	uint64_t free = zone_free_pages(zone), pcp = zone_pcp_pages(zone);
	uint64_t out = page_nr_handed_out(c->pa, zone->start, zone->end);
	uint64_t counted[NR_MIGRATETYPES] = { 0 };
	uint64_t first = pageblock_of(c->pa, zone->start), last = pageblock_of(c->pa, zone->end - 1);

	if (free + pcp + out != zone->managed + zone->unmanaged)
		return broken(c, 7, "free %" PRIu64 " + pcp %" PRIu64 " + handed out %" PRIu64 " != managed %" PRIu64
			" + unmanaged %" PRIu64, free, pcp, out, zone->managed, zone->unmanaged);
	for (uint64_t pb = first; pb <= last; pb++) {
		unsigned int mt = pageblock_migratetype(c->pa, pb << c->pa->pageblock_order);

		if (mt >= NR_MIGRATETYPES)
			return broken(c, 8, "pageblock %" PRIu64 " has type %u", pb, mt);
		counted[mt] += pageblock_counted(zone, pb);
	}
	for (unsigned int mt = 0; mt < NR_MIGRATETYPES; mt++)
		if (counted[mt] != zone->pageblocks[mt])
			return broken(c, 8, "%" PRIu64 " pageblocks of type %u, %" PRIu64 " counted", counted[mt], mt,
				zone->pageblocks[mt]);
	if (zone->nr_reserved_highatomic % pageblock_pages(c->pa) ||
		zone->nr_reserved_highatomic > zone->managed / 100 + 2 * pageblock_pages(c->pa))
		return broken(c, 9, "%u pages reserved for high-order atomic requests",
			zone->nr_reserved_highatomic);
	return 0;
}

int page_alloc_check(const struct page_alloc *pa, struct err *err)
{
	int ret;

	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		const struct zone_check c = { pa, &pa->zones[i], err };

		ret = check_free_areas(&c);
		for (uint32_t cpu = 0; ret == 0 && cpu < pa->nr_cpus; cpu++)
			ret = check_pcp(&c, cpu);
		if (ret == 0)
			ret = check_counter(&c);
		if (ret == 0)
			ret = check_sums(&c);
		if (ret < 0)
			return ret;
	}
	ret = lru_check(pa, err);
	return ret < 0 ? ret : kcompactd_check(pa, err);
}

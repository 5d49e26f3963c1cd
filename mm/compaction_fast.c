/*
 * compaction_fast: targets from the ends of the free lists, before pageblocks are walked through: the longer a
 * zone's free scanner has to go, the more this saves. Models fast_isolate_freepages() of mm/compaction.c (6.1).
 */
#include "mm/compaction_priv.h"

#include "base/bits.h"

/* What a search looks for, and has found. */
struct search {
	pfn_t preferred;      /* a block from here on is taken at once: the upper quarter between the scanners */
	pfn_t acceptable;     /* the upper half: the highest of those that were looked at */
	pfn_t highest;        /* pageblock of the highest block seen, 0: none */
	uint32_t limit;       /* blocks to look at in one list */
	uint32_t scanned;
};

/* Models move_freelist_head(): the list begins with @pfn, what was before it comes last and is searched next. */
static void rotate(struct page *pages, struct block_list *list, uint32_t pfn)
{
	uint32_t last = pages[pfn].prev;

	if (last == LINK_NONE)
		return;
	pages[list->tail].next = list->head;
	pages[list->head].prev = list->tail;
	pages[last].next = LINK_NONE;
	pages[pfn].prev = LINK_NONE;
	list->head = pfn;
	list->tail = last;
}

/* One list, from its end, which is looked at last the next time. Return: the block to take, PFN_NONE: none. */
static pfn_t search_list(struct compact_control *cc, unsigned int order, struct search *s, bool *preferred)
{
	const struct page_alloc *pa = cc->zone->pa;
	struct block_list *list = &cc->zone->area[order].list[MIGRATE_MOVABLE].blocks;
	pfn_t found = PFN_NONE;
	uint32_t looked = 0, last = LINK_NONE;

	*preferred = false;
	for (uint32_t pfn = list->tail; pfn != LINK_NONE && (looked == 0 || looked < s->limit);
		pfn = page_at(pa, pfn)->prev) {
		last = pfn;
		looked++;
		if (pfn >= s->highest)
			s->highest = max_u64(pageblock_start(pa, pfn), cc->zone->start);
		if (pfn >= s->preferred) {
			*preferred = true;
			found = pfn;
			break;
		}
		if (pfn >= s->acceptable && (found == PFN_NONE || pfn > found)) {
			found = pfn;
			s->limit >>= 1;
		}
	}
	s->scanned += looked;
	if (found != PFN_NONE)
		last = (uint32_t)found;
	if (last != LINK_NONE)
		rotate(pa->pages, list, last);
	if (looked >= s->limit)
		s->limit = max_u32(1, s->limit >> 1);
	return found;
}

/* Models next_search_order(): downwards, and round to where the last search ended. -1: all have been searched. */
static int next_order(struct compact_control *cc, int order)
{
	order = order > 0 ? order - 1 : cc->order - 1;
	if (order != cc->search_order)
		return order;
	cc->search_order = cc->search_order > 0 ? cc->search_order - 1 : cc->order - 1;
	return -1;
}

/* Return: the last block taken, PFN_NONE: none. */
static pfn_t search_lists(struct compact_control *cc, struct search *s)
{
	cc->search_order = (int)min_u32((uint32_t)cc->search_order, (uint32_t)cc->order - 1);
	for (int order = cc->search_order; order >= 0; order = next_order(cc, order)) {
		bool preferred;
		pfn_t pfn;

		if (!cc->zone->area[order].nr_free)
			continue;
		pfn = search_list(cc, (unsigned int)order, s, &preferred);
		if (preferred) {
			cc->search_failed = 0;
			cc->search_order = order;
		}
		if (pfn == PFN_NONE)
			continue;
		s->scanned += (1u << order) - 1;
		if (compact_take_free(cc, pfn))
			return pfn;
		/* Memory is too short for any: the search is over, as if all had been searched. */
		next_order(cc, cc->search_order + 1);
		break;
	}
	return PFN_NONE;
}

/* The rest of the pageblock that was found. Models fast_isolate_around(). */
static void take_around(struct compact_control *cc, pfn_t found, struct meter *meter)
{
	struct zone *zone = cc->zone;
	pfn_t start = max_u64(pageblock_start(zone->pa, found), zone->start);
	pfn_t pfn = start, end = min_u64(pageblock_end(zone->pa, found), zone->end);

	if (cc->nr_targets >= cc->nr_sources || (cc->direct && cc->mode == COMPACT_ASYNC))
		return;
	compact_isolate_block(cc, &pfn, end, 1, meter);
	if (cc->nr_targets < cc->nr_sources)
		pageblock_set_skip(zone->pa, start, true);
}

/*
 * No block was worth taking. A run that has just begun goes on where free memory was seen, or
 * else half way down: the free scanner would walk for long. Return: where, PFN_NONE: it walks.
 */
static pfn_t second_best(struct compact_control *cc, const struct search *s, bool first)
{
	pfn_t pfn = s->highest >= s->acceptable ? s->highest : s->acceptable;

	if (!first || (s->highest < s->acceptable && !cc->direct))
		return PFN_NONE;
	cc->free_pfn = pfn;
	return page_zone(cc->zone->pa, pfn) == cc->zone ? pfn : PFN_NONE;
}

void compact_search_free(struct compact_control *cc, struct meter *meter)
{
	struct zone *zone = cc->zone;
	struct page_alloc *pa = zone->pa;
	bool first = cc->free_pfn >= zone->compact.first_free;
	pfn_t distance, found;
	struct search s = { 0 };

	if (cc->order <= 0 || cc->free_pfn <= cc->migrate_pfn)
		return;
	distance = cc->free_pfn - cc->migrate_pfn;
	s.preferred = pageblock_start(pa, cc->free_pfn - distance / 4);
	s.acceptable = pageblock_start(pa, cc->free_pfn - distance / 2);
	s.limit = first ? (uint32_t)pageblock_pages(pa) >> 1 :
		max_u32(1, ((COMPACT_CLUSTER_MAX >> min_u32(cc->search_failed, 31)) + 1) >> 1);
	found = search_lists(cc, &s);
	cc->free_scanned += s.scanned;
	if (s.scanned)
		meter_charge_locked(meter, STEP_COMPACT_SCAN, s.scanned, LOCK_ZONE(zone->index));
	if (found == PFN_NONE) {
		cc->search_failed++;
		found = second_best(cc, &s, first);
	}
	if (s.highest && s.highest >= zone->compact.free)
		zone->compact.free = s.highest - min_u64(s.highest, pageblock_pages(pa));
	if (found != PFN_NONE)
		take_around(cc, found, meter);
}

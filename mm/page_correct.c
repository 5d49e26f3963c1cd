/*
 * page_correct: make the model's choice of pages another one, the recorded kernel's, wherever these pages lie.
 * Models nothing in the kernel: it is how a replay follows a recording although the two differ.
 */
#include "base/bits.h"
#include "mm/page_alloc_priv.h"
#include "mm/page_where_priv.h"
#include "mm/pcp_priv.h"
#include "mm/vmstat_priv.h"

/* A block on a per-CPU list leaves it. */
static void pcp_lift(const struct free_spot *spot)
{
	struct page *pages = spot->zone->pa->pages;

	block_list_del(pages, &spot->pcp->list[spot->list], spot->head);
	pages[spot->head].place = PAGE_NO_HEAD;
	spot->pcp->count -= 1u << spot->order;
}

/* What is left of a block of @from at @head without the block of @order at @pfn, largest first, as expand() splits. */
static void leave_rest(const struct free_spot *spot, pfn_t pfn, unsigned int order, unsigned int cpu,
	struct zone_work *work)
{
	struct zone *zone = spot->zone;
	unsigned int mt = page_at(zone->pa, spot->head)->mt;
	pfn_t head = spot->head;

	for (unsigned int o = spot->order; o-- > order;) {
		pfn_t upper = head + (1ull << o);
		pfn_t rest = pfn >= upper ? head : upper;

		head = pfn >= upper ? upper : head;
		work->levels++;
		/* A per-CPU list cannot keep part of a block. */
		if (spot->pcp)
			buddy_free(zone, rest, o, mt, PLACE_DEFAULT, cpu, work);
		else
			buddy_add(zone, rest, o, mt, BUDDY_HEAD);
	}
}

/* Take the pages of [pfn, + 2^order) that lie in this free block. */
static void lift(const struct free_spot *spot, pfn_t pfn, unsigned int order, unsigned int cpu,
	struct zone_work *work)
{
	unsigned int lifted = spot->order < order ? spot->order : order;

	if (spot->pcp)
		pcp_lift(spot);
	else
		buddy_del(spot->zone, spot->head);
	leave_rest(spot, pfn, order, cpu, work);
	if (!spot->pcp && page_at(spot->zone->pa, spot->head)->mt != MIGRATE_ISOLATE)
		zone_mod_free_pages(spot->zone, cpu, -(1 << lifted));
}

bool page_alloc_take_at(struct page_alloc *pa, pfn_t pfn, unsigned int order, enum migratetype mt, unsigned int cpu,
	struct meter *meter)
{
	struct zone *zone = NULL;
	struct zone_work work = { 0 };
	struct free_spot spot;
	pfn_t end;

	if (order > pa->max_order || pfn & ((1ull << order) - 1) || pfn >= pa->end_pfn)
		return false;
	end = pfn + (1ull << order);
	for (pfn_t p = pfn; p < end; p = spot.head + (1ull << spot.order)) {
		if (!free_spot_find(pa, p, &spot) || (zone && spot.zone != zone))
			return false;
		zone = spot.zone;
	}
	for (pfn_t p = pfn; p < end; p = spot.head + (1ull << spot.order)) {
		free_spot_find(pa, p, &spot);
		lift(&spot, pfn, order, cpu, &work);
	}
	zone_charge_locked(zone, STEP_PAGE_BUDDY, 1, &work, meter);
	page_hand_out(pa, pfn, order, mt == MIGRATE_MOVABLE);
	return true;
}

/* @wrong stands in the per-CPU list where @spot's block stood, which is handed out instead. */
static void pcp_exchange(const struct free_spot *spot, pfn_t wrong)
{
	struct page_alloc *pa = spot->zone->pa;
	struct page *page = page_at(pa, spot->head), *instead = page_at(pa, wrong);
	struct block_list *list = &spot->pcp->list[spot->list];

	instead->next = page->next;
	instead->prev = page->prev;
	instead->place = PAGE_IN_PCP;
	instead->order = page->order;
	instead->mt = page->mt;
	instead->zone_plus1 = page->zone_plus1;
	page->place = PAGE_NO_HEAD;
	if (instead->prev != LINK_NONE)
		page_at(pa, instead->prev)->next = (uint32_t)wrong;
	else
		list->head = (uint32_t)wrong;
	if (instead->next != LINK_NONE)
		page_at(pa, instead->next)->prev = (uint32_t)wrong;
	else
		list->tail = (uint32_t)wrong;
}

/* The record of a block keeps its type after it was taken. */
void page_alloc_put_back(struct page_alloc *pa, pfn_t pfn, unsigned int order, unsigned int cpu, struct meter *meter)
{
	struct zone *zone = page_zone(pa, pfn);
	struct page *page = page_at(pa, pfn);
	unsigned int list = migratetype_is_mergeable(page->mt) ? page->mt : MIGRATE_MOVABLE;
	struct zone_work work = { 0 };

	page_take_back(pa, pfn, order);
	if (!pcp_eligible(pa, order) || !zone->pcp_high) {
		buddy_free(zone, pfn, order, page->mt, PLACE_DEFAULT, cpu, &work);
		zone_charge_locked(zone, STEP_PAGE_BUDDY, 1, &work, meter);
		return;
	}
	page->zone_plus1 = (uint16_t)(zone->index + 1);
	page->place = PAGE_IN_PCP;
	page->order = order & 0xf;
	block_list_add(pa->pages, &zone->pcps[cpu].list[pcp_list_index(order, list)], pfn);
	zone->pcps[cpu].count += 1u << order;
	meter_charge(meter, STEP_PAGE_PCP, 1);
}

/*
 * The kernel has a freed block on the list of type @mt, so that is what it
 * takes its pageblock for: it was claimed, and the model did not see by whom.
 */
static void learn_type(struct page_alloc *pa, pfn_t pfn, unsigned int mt)
{
	if (migratetype_is_mergeable(mt) && migratetype_is_mergeable(pageblock_migratetype(pa, pfn)))
		set_pageblock_migratetype(pa, pfn, mt);
}

/*
 * What else of @pfn's pageblock is on the list where @pfn was
 * found goes where the kernel has it: to the head of its type's.
 */
static void move_with(struct page_alloc *pa, struct pcp *pcp, unsigned int list, unsigned int order, pfn_t pfn,
	unsigned int mt)
{
	uint64_t pageblock = pageblock_of(pa, pfn);
	struct block_list *from = &pcp->list[list], *to = &pcp->list[pcp_list_index(order, mt)];

	for (uint32_t at = from->tail, before; at != LINK_NONE; at = before) {
		before = page_at(pa, at)->prev;
		if (pageblock_of(pa, at) != pageblock || from == to)
			continue;
		block_list_del(pa->pages, from, at);
		page_at(pa, at)->mt = mt & 0xf;
		block_list_add(pa->pages, to, at);
	}
}

bool page_alloc_correct(struct page_alloc *pa, pfn_t wrong, pfn_t right, unsigned int order, unsigned int cpu,
	struct meter *meter)
{
	bool lru = page_is_lru(pa, wrong);
	unsigned int mt = page_at(pa, wrong)->mt;
	struct free_spot spot;

	assert(cpu < pa->nr_cpus && page_alloc_allocated(pa, wrong, order));
	if (right < pa->end_pfn && free_spot_find(pa, right, &spot) && spot.pcp && spot.head == right &&
		spot.order == order && spot.zone == page_zone(pa, wrong)) {
		if (page_at(pa, right)->mt == mt) {
			pcp_exchange(&spot, wrong);
			page_take_back(pa, wrong, order);
			page_hand_out(pa, right, order, lru);
			return true;
		}
		learn_type(pa, right, mt);
		page_alloc_put_back(pa, wrong, order, cpu, meter);
		move_with(pa, spot.pcp, spot.list, order, right, mt);
		return page_alloc_take_at(pa, right, order, lru ? MIGRATE_MOVABLE : MIGRATE_UNMOVABLE, cpu, meter);
	}
	page_alloc_put_back(pa, wrong, order, cpu, meter);
	return page_alloc_take_at(pa, right, order, lru ? MIGRATE_MOVABLE : MIGRATE_UNMOVABLE, cpu, meter);
}

/* A block on its list, however many pages the CPU then has. */
static void give_without_flush(struct zone *zone, pfn_t pfn, unsigned int order, unsigned int cpu, struct meter *meter)
{
	struct pcp *pcp = &zone->pcps[cpu];
	uint32_t high = zone->pcp_high;
	uint8_t free_factor = pcp->free_factor;
	bool reclaim_active = zone->reclaim_active;

	zone->pcp_high = UINT32_MAX;
	pcp->free_factor = 0;
	zone->reclaim_active = false;
	page_alloc_give(zone->pa, pfn, order, cpu, meter);
	zone->pcp_high = high;
	pcp->free_factor = free_factor;
	zone->reclaim_active = reclaim_active;
}

/* What a flush of @flushed pages that was not expected says about the kernel's free_factor. */
static uint8_t factor_after(const struct zone *zone, uint8_t before, unsigned int order, uint32_t flushed)
{
	if (!flushed)
		return order ? 0 : before;
	if (order)
		return before;
	return (uint8_t)min_u64(ilog2_u64(max_u64(flushed / zone->pcp_batch, 1)) + 1, PCP_BATCH_SCALE_MAX);
}

uint32_t page_alloc_give_recorded(struct page_alloc *pa, pfn_t pfn, unsigned int order, unsigned int cpu,
	uint32_t flushed, struct meter *meter)
{
	struct zone *zone = page_zone(pa, pfn);
	struct pcp *pcp = &zone->pcps[cpu];
	uint32_t before = pcp->count, expected = 0;
	uint8_t free_factor = pcp->free_factor;
	bool as_expected;

	give_without_flush(zone, pfn, order, cpu, meter);
	if (pcp->count > before)
		expected = pcp_excess(zone, pcp, order);
	/* The last block flushed may be more than what was left to flush. */
	as_expected = expected ? flushed >= expected && flushed < expected + (1u << PCP_ORDERS) : !flushed;
	if (!as_expected)
		pcp->free_factor = factor_after(zone, free_factor, order, flushed);
	return expected;
}

bool page_alloc_flush_recorded(struct page_alloc *pa, pfn_t pfn, unsigned int order, enum migratetype mt,
	unsigned int cpu, struct meter *meter)
{
	struct zone_work work = { 0 };
	struct free_spot spot;
	bool on_list = pfn < pa->end_pfn && free_spot_find(pa, pfn, &spot) && spot.pcp && spot.head == pfn &&
		spot.order == order;

	if (on_list && page_at(pa, pfn)->mt != mt)
		learn_type(pa, pfn, mt);
	if (on_list)
		pcp_lift(&spot);
	else if (page_alloc_allocated(pa, pfn, order))
		page_take_back(pa, pfn, order);
	else
		return false;
	buddy_free(page_zone(pa, pfn), pfn, order, mt, PLACE_DEFAULT, cpu, &work);
	zone_charge_locked(page_zone(pa, pfn), STEP_PAGE_PCP_BLOCK, 1, &work, meter);
	pa->counter[PC_PCP_DRAIN_PAGES] += 1ull << order;
	return on_list;
}

/* How many of these blocks stand at their place in a CPU's list. */
static uint32_t list_matches(const struct page_alloc *pa, const struct block_list *list, const pfn_t *pfns, uint32_t nr)
{
	uint32_t at = list->head, equal = 0;

	for (uint32_t i = 0; i < nr && at != LINK_NONE; i++) {
		equal += at == pfns[i];
		at = page_at(pa, at)->next;
	}
	return equal;
}

/* All blocks of a list go back to the free lists, last one first. */
static void list_return(struct zone *zone, struct block_list *list, unsigned int cpu, struct zone_work *work)
{
	struct page_alloc *pa = zone->pa;

	while (list->tail != LINK_NONE) {
		pfn_t pfn = list->tail;
		struct page *page = page_at(pa, pfn);

		block_list_del(pa->pages, list, pfn);
		page->place = PAGE_NO_HEAD;
		zone->pcps[cpu].count -= 1u << page->order;
		buddy_free(zone, pfn, page->order, page->mt, PLACE_DEFAULT, cpu, work);
	}
}

/* The kernel has this block on a CPU's list, so it is no longer anywhere else, handed out included. */
static void list_put(struct zone *zone, struct block_list *list, pfn_t pfn, unsigned int order, enum migratetype mt,
	unsigned int cpu, struct meter *meter)
{
	struct page_alloc *pa = zone->pa;
	struct page *page = page_at(pa, pfn);

	if (!page_alloc_take_at(pa, pfn, order, mt, cpu, meter) && !page_alloc_allocated(pa, pfn, order))
		return;
	page_take_back(pa, pfn, order);
	page->zone_plus1 = (uint16_t)(zone->index + 1);
	page->place = PAGE_IN_PCP;
	page->order = order & 0xf;
	page->mt = (unsigned int)mt & 0xf;
	block_list_add_tail(pa->pages, list, pfn);
	zone->pcps[cpu].count += 1u << order;
}

void page_alloc_refill_recorded(struct page_alloc *pa, const pfn_t *pfns, uint32_t nr, unsigned int order,
	enum migratetype mt, unsigned int cpu, struct page_refill *refill, struct meter *meter)
{
	struct zone *zone = page_zone_slow(pa, pfns[0]);
	struct zone_work work = { 0 };
	struct block_list *list;

	assert(zone && cpu < pa->nr_cpus && pcp_eligible(pa, order));
	*refill = (struct page_refill){ .first = PFN_NONE };
	list = &zone->pcps[cpu].list[pcp_list_index(order, mt)];
	for (; list->head != LINK_NONE; refill->left++)
		page_alloc_take_at(pa, list->head, order, mt, cpu, meter);
	pcp_refill(zone, cpu, order, mt, WMARK_LOW | ALLOC_KSWAPD, meter);
	if (list->head != LINK_NONE)
		refill->first = list->head;
	refill->equal = list_matches(pa, list, pfns, nr);
	if (refill->equal == nr && nr == pcp_refill_blocks(zone, order))
		return;
	list_return(zone, list, cpu, &work);
	for (uint32_t i = 0; i < nr; i++)
		if (pfns[i] < pa->end_pfn && page_zone_slow(pa, pfns[i]) == zone)
			list_put(zone, list, pfns[i], order, mt, cpu, meter);
}

uint32_t page_alloc_refill_blocks(const struct page_alloc *pa, unsigned int zone, unsigned int order)
{
	return pcp_refill_blocks(&pa->zones[zone], order);
}

uint32_t page_alloc_marks_blocks(const struct page_alloc *pa, unsigned int zone, unsigned int order)
{
	return pcp_batch_blocks(zone_batchsize(pa->zones[zone].managed, pa->page_shift), order);
}

int page_alloc_pcp_position(const struct page_alloc *pa, pfn_t pfn, unsigned int order, enum migratetype mt,
	unsigned int cpu)
{
	const struct zone *zone = page_zone_slow(pa, pfn);
	int position = 0;
	uint32_t at;

	if (!zone || !pcp_eligible(pa, order) || pfn >= pa->end_pfn || page_at(pa, pfn)->place != PAGE_IN_PCP)
		return -1;
	at = zone->pcps[cpu].list[pcp_list_index(order, mt)].head;
	for (; at != LINK_NONE && at != pfn; at = page_at(pa, at)->next)
		position++;
	return at == LINK_NONE ? -1 : position;
}

pfn_t page_alloc_take_first(struct page_alloc *pa, unsigned int zone, unsigned int list, unsigned int cpu,
	uint8_t *order, struct meter *meter)
{
	uint32_t head = pa->zones[zone].pcps[cpu].list[list].head;
	const struct page *page;

	if (head == LINK_NONE)
		return PFN_NONE;
	page = page_at(pa, head);
	*order = page->order;
	page_alloc_take_at(pa, head, page->order, (enum migratetype)page->mt, cpu, meter);
	return head;
}

int page_alloc_preferred_zone(const struct page_alloc *pa, const struct page_request *req)
{
	struct alloc_context ac;

	page_context(pa, req, &ac);
	return ac.preferred < ac.nr_zones ? ac.zonelist->zone[ac.preferred]->index : -1;
}

void page_alloc_empty_list(struct page_alloc *pa, unsigned int zone, unsigned int order, enum migratetype mt,
	unsigned int cpu, struct meter *meter)
{
	struct zone_work work = { 0 };

	list_return(&pa->zones[zone], &pa->zones[zone].pcps[cpu].list[pcp_list_index(order, mt)], cpu, &work);
	zone_charge_locked(&pa->zones[zone], STEP_PAGE_PCP_BLOCK, 0, &work, meter);
}

unsigned int page_alloc_list(unsigned int order, enum migratetype mt)
{
	return pcp_list_index(order, migratetype_is_mergeable(mt) ? mt : MIGRATE_MOVABLE);
}

unsigned int page_alloc_list_of(const struct page_alloc *pa, pfn_t pfn)
{
	const struct page *page = page_at(pa, pfn);

	if (page->place != PAGE_IN_PCP)
		return 0;
	return pcp_list_index(page->order, migratetype_is_mergeable(page->mt) ? page->mt : MIGRATE_MOVABLE);
}

pfn_t page_alloc_flush_next(const struct page_alloc *pa, unsigned int zone, unsigned int list, unsigned int cpu)
{
	const struct pcp *pcp = &pa->zones[zone].pcps[cpu];

	for (unsigned int i = 0; i < NR_PCP_LISTS; i++) {
		uint32_t tail = pcp->list[(list + i) % NR_PCP_LISTS].tail;

		if (tail != LINK_NONE)
			return tail;
	}
	return PFN_NONE;
}

/*
 * page_claim: pages in use that are nobody's yet, one block after another. A state of which only the numbers are known has its
 * slabs somewhere among the pages in use; taking them from the free ones would count them twice.
 */
#include <stdlib.h>

#include "base/bitmap.h"
#include "base/bits.h"
#include "mm/page_alloc_priv.h"

#define ANY_TYPE NR_MIGRATETYPES /* pageblocks of whatever type */

/** Where the search for blocks of an order goes on: what lies before has been looked at. */
struct claim_cursor {
	pfn_t next[PAGE_MAX_ORDERS][ANY_TYPE + 1];
};

struct page_claim {
	struct page_alloc *pa;
	uint64_t *claimed;            /* owned: a bit per page */
	struct claim_cursor *cursors; /* owned: one per zone */
};

struct page_claim *page_claim_start(struct page_alloc *pa)
{
	struct page_claim *claim = calloc(1, sizeof(*claim));

	if (!claim)
		return NULL;
	claim->pa = pa;
	claim->claimed = calloc(bitmap_words((uint32_t)pa->end_pfn), sizeof(*claim->claimed));
	claim->cursors = calloc(pa->nr_zones, sizeof(*claim->cursors));
	if (claim->claimed && claim->cursors)
		return claim;
	page_claim_end(claim);
	return NULL;
}

void page_claim_end(struct page_claim *claim)
{
	if (!claim)
		return;
	free(claim->claimed);
	free(claim->cursors);
	free(claim);
}

static bool is_nobodys(const struct page_claim *claim, pfn_t pfn, unsigned int order)
{
	if (!page_alloc_allocated(claim->pa, pfn, order))
		return false;
	for (pfn_t page = pfn; page < pfn + (1ull << order); page++)
		if (page_alloc_owner(claim->pa, page) || bitmap_test(claim->claimed, (uint32_t)page))
			return false;
	return true;
}

static pfn_t claim_in_zone(struct page_claim *claim, const struct zone *zone, unsigned int order, unsigned int mt)
{
	struct page_alloc *pa = claim->pa;
	pfn_t *next = &claim->cursors[zone->index].next[order][mt], size = 1ull << order;

	if (*next < zone->start)
		*next = div_round_up(zone->start, size) * size;
	for (; *next + size <= zone->end; *next += size) {
		if ((mt != ANY_TYPE && pageblock_migratetype(pa, *next) != mt) || !is_nobodys(claim, *next, order))
			continue;
		bitmap_set(claim->claimed, (uint32_t)*next, (uint32_t)(*next + size));
		/* What is no longer of the kind that boot handed out is on no LRU list. */
		page_take_back(pa, *next, order);
		page_hand_out(pa, *next, order, false);
		*next += size;
		return *next - size;
	}
	return PFN_NONE;
}

pfn_t page_claim_block(struct page_claim *claim, const struct page_request *req)
{
	struct alloc_context ac;
	unsigned int types[2];

	page_context(claim->pa, req, &ac);
	types[0] = ac.mt;
	types[1] = ANY_TYPE;
	for (unsigned int t = 0; t < 2 && req->order <= claim->pa->max_order; t++) {
		for (uint32_t i = ac.preferred; i < ac.nr_zones; i++) {
			pfn_t pfn = claim_in_zone(claim, ac.zonelist->zone[i], ac.order, types[t]);

			if (pfn != PFN_NONE)
				return pfn;
		}
	}
	return PFN_NONE;
}

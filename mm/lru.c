/*
 * lru: pages that may be taken back from their users, by node, kind and age. The links
 * of a page that is handed out are not needed for free lists, so they serve here.
 *
 * Invariants
 *  1. a page on a list is handed out with order 0, and its record says PAGE_ON_LRU and the list
 *  2. links agree in both directions; nr of a list, and the sum of the zones' counts, are its length
 *  3. only an anonymous page is in swap while it is on a list; swap_used counts at least those
 */
#include <inttypes.h>

#include "mm/lru_priv.h"

#define SHADOW_NODE_BITS 16u /* of a shadow entry: the node; then the node's age */

void page_alloc_set_hooks(struct page_alloc *pa, const struct reclaim_hooks *hooks)
{
	pa->hooks = *hooks;
}

/* The page counts as one of @list. Return: that list. */
static struct block_list *count_in(struct page_alloc *pa, pfn_t pfn, enum lru_list list)
{
	struct zone *zone = page_zone(pa, pfn);
	struct reclaim_node *node = &pa->reclaim[zone->node];

	page_at(pa, pfn)->order = (unsigned int)list & 0xf;
	node->nr_lru[list]++;
	zone->nr_lru[list]++;
	return &node->lru[list];
}

static void put_first(struct page_alloc *pa, pfn_t pfn, enum lru_list list)
{
	block_list_add(pa->pages, count_in(pa, pfn, list), pfn);
}

static void put_last(struct page_alloc *pa, pfn_t pfn, enum lru_list list)
{
	block_list_add_tail(pa->pages, count_in(pa, pfn, list), pfn);
}

/* A page that may be put on a list begins its life there. Return: false when it may not. */
static bool begin_life(struct page_alloc *pa, pfn_t pfn)
{
	struct page *page = page_at(pa, pfn);

	if (page->place != PAGE_NO_HEAD || page->owner)
		return false;
	page->zone_plus1 = (uint16_t)(page_zone(pa, pfn)->index + 1);
	page->place = PAGE_ON_LRU;
	page->mt = 0;
	return true;
}

void lru_add(struct page_alloc *pa, pfn_t pfn, enum lru_kind kind)
{
	if (kind != LRU_NONE && begin_life(pa, pfn))
		put_first(pa, pfn, kind == LRU_KIND_ANON ? LRU_INACTIVE_ANON : LRU_INACTIVE_FILE);
}

void lru_add_active(struct page_alloc *pa, pfn_t pfn, enum lru_kind kind)
{
	if (kind == LRU_NONE || !begin_life(pa, pfn))
		return;
	put_first(pa, pfn, kind == LRU_KIND_ANON ? LRU_ACTIVE_ANON : LRU_ACTIVE_FILE);
	pa->reclaim[page_zone(pa, pfn)->node].nonresident_age++;
}

static void take_off(struct page_alloc *pa, pfn_t pfn)
{
	struct page *page = page_at(pa, pfn);
	struct zone *zone = page_zone(pa, pfn);
	struct reclaim_node *node = &pa->reclaim[zone->node];

	block_list_del(pa->pages, &node->lru[page->order], pfn);
	node->nr_lru[page->order]--;
	zone->nr_lru[page->order]--;
}

void lru_del(struct page_alloc *pa, pfn_t pfn)
{
	take_off(pa, pfn);
	page_at(pa, pfn)->place = PAGE_NO_HEAD;
	if (page_at(pa, pfn)->mt & LRU_WRITTEN)
		page_alloc_swap_free(pa);
}

void lru_isolate(struct page_alloc *pa, pfn_t pfn)
{
	take_off(pa, pfn);
	page_at(pa, pfn)->place = PAGE_ISOLATED;
}

void lru_putback(struct page_alloc *pa, pfn_t pfn)
{
	page_at(pa, pfn)->place = PAGE_ON_LRU;
	put_first(pa, pfn, page_at(pa, pfn)->order);
}

void lru_move(struct page_alloc *pa, pfn_t pfn, enum lru_list list)
{
	take_off(pa, pfn);
	put_first(pa, pfn, list);
}

void lru_rotate(struct page_alloc *pa, pfn_t pfn)
{
	take_off(pa, pfn);
	put_last(pa, pfn, (enum lru_list)page_at(pa, pfn)->order);
}

bool lru_lay(struct page_alloc *pa, pfn_t pfn, enum lru_list list)
{
	if (!page_alloc_allocated(pa, pfn, 0) || !begin_life(pa, pfn))
		return false;
	page_hand_out(pa, pfn, 0, true);
	put_last(pa, pfn, list);
	return true;
}

void lru_lay_active(struct page_alloc *pa, pfn_t pfn)
{
	enum lru_list list = lru_list_of(pa, pfn);

	if (list == LRU_INACTIVE_FILE || list == LRU_INACTIVE_ANON)
		lru_move(pa, pfn, list + 1);
}

enum lru_list lru_list_of(const struct page_alloc *pa, pfn_t pfn)
{
	const struct page *page = page_at(pa, pfn);

	return page->place == PAGE_ON_LRU ? (enum lru_list)page->order : NR_LRU_LISTS;
}

uint64_t lru_zone_pages(const struct page_alloc *pa, unsigned int zone, enum lru_list list)
{
	return pa->zones[zone].nr_lru[list];
}

void lru_use(struct page_alloc *pa, pfn_t pfn)
{
	struct page *page = page_at(pa, pfn);

	if (page->place == PAGE_ON_LRU)
		page->mt |= LRU_USED;
}

uint64_t lru_age(const struct page_alloc *pa, uint32_t node)
{
	return pa->reclaim[node].nonresident_age;
}

/* Models pack_shadow(). */
uint64_t lru_shadow(const struct page_alloc *pa, pfn_t pfn)
{
	uint32_t node = page_zone(pa, pfn)->node;
	bool workingset = page_at(pa, pfn)->mt & LRU_WORKINGSET;

	return pa->reclaim[node].nonresident_age << SHADOW_NODE_BITS << 1 | node << 1 | workingset;
}

void lru_activate(struct page_alloc *pa, pfn_t pfn)
{
	enum lru_list list = lru_list_of(pa, pfn);

	if (list != LRU_INACTIVE_FILE && list != LRU_INACTIVE_ANON)
		return;
	pa->reclaim[page_zone(pa, pfn)->node].nonresident_age++;
	pa->counter[PC_PGACTIVATE]++;
	lru_move(pa, pfn, list + 1);
}

void lru_refault(struct page_alloc *pa, pfn_t pfn, uint64_t shadow, enum lru_return how)
{
	struct page *page = page_at(pa, pfn);
	uint32_t from = shadow >> 1 & ((1u << SHADOW_NODE_BITS) - 1);
	struct reclaim_node *node = &pa->reclaim[from];
	uint64_t distance = node->nonresident_age - (shadow >> SHADOW_NODE_BITS >> 1);
	uint64_t workingset = node->nr_lru[LRU_ACTIVE_FILE];

	pa->counter[PC_WORKINGSET_REFAULT_FILE]++;
	if (can_reclaim_anon(pa))
		workingset += node->nr_lru[LRU_INACTIVE_ANON] + node->nr_lru[LRU_ACTIVE_ANON];
	if (page->place != PAGE_ON_LRU || how == LRU_RETURN_INACTIVE ||
		(how == LRU_RETURN_BY_DISTANCE && distance > workingset))
		return;
	node->nonresident_age++;
	node->activated++;
	pa->counter[PC_WORKINGSET_ACTIVATE_FILE]++;
	lru_move(pa, pfn, LRU_ACTIVE_FILE);
	if (!(shadow & 1))
		return;
	page->mt |= LRU_WORKINGSET;
	pa->counter[PC_WORKINGSET_RESTORE_FILE]++;
	note_cost(pa, from, true, 1);
}

uint64_t lru_pages(const struct page_alloc *pa, uint32_t node, enum lru_list list)
{
	return pa->reclaim[node].nr_lru[list];
}

/* What the zones of @node count on that list. */
static uint64_t zones_pages(const struct page_alloc *pa, uint32_t node, enum lru_list list)
{
	uint64_t pages = 0;

	for (uint32_t z = 0; z < pa->nr_zones; z++)
		if (pa->zones[z].node == node)
			pages += pa->zones[z].nr_lru[list];
	return pages;
}

static int check_list(const struct page_alloc *pa, uint32_t node, enum lru_list list, uint64_t *swapped,
	struct err *err)
{
	const struct reclaim_node *r = &pa->reclaim[node];
	uint32_t previous = LINK_NONE;
	uint64_t nr = 0, of_zones = zones_pages(pa, node, list);

	for (uint32_t pfn = r->lru[list].head; pfn != LINK_NONE; pfn = page_at(pa, pfn)->next) {
		const struct page *page = page_at(pa, pfn);

		if (page->place != PAGE_ON_LRU || page->order != list || !page_alloc_allocated(pa, pfn, 0))
			return err_set(err, ERR_INVARIANT, "lru 1: page %u of list %d of node %u: place %u, list %u",
				pfn, list, node, page->place, page->order);
		*swapped += page->mt & LRU_WRITTEN ? 1 : 0;
		if (page->mt & LRU_WRITTEN && (lru_is_file(list) || *swapped > pa->swap_used))
			return err_set(err, ERR_INVARIANT,
				"lru 3: page %u of list %d of node %u is in swap, which has %" PRIu64, pfn, list, node,
				pa->swap_used);
		if (page->prev != previous || ++nr > r->nr_lru[list])
			return err_set(err, ERR_INVARIANT, "lru 2: page %u of list %d of node %u does not link back",
				pfn, list, node);
		previous = pfn;
	}
	if (nr != r->nr_lru[list] || nr != of_zones)
		return err_set(err, ERR_INVARIANT,
			"lru 2: list %d of node %u has %" PRIu64 " pages, counts say %" PRIu64 " and %" PRIu64, list,
			node, nr, r->nr_lru[list], of_zones);
	return 0;
}

int lru_check(const struct page_alloc *pa, struct err *err)
{
	uint64_t swapped = 0;
	int ret = 0;

	for (uint32_t node = 0; ret == 0 && node < pa->nr_nodes; node++)
		for (int list = 0; ret == 0 && list < NR_LRU_LISTS; list++)
			ret = check_list(pa, node, (enum lru_list)list, &swapped, err);
	return ret;
}

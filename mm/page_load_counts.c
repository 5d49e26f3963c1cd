/*
 * page_load_counts: a state of which only the numbers are known (buddyinfo, pagetypeinfo): as many free blocks of each
 * list, at places of the model's choice, and everything else handed out.
 *
 * Memory starts as the blocks that boot handed over, as cells that nothing is free in. A free block of order o is
 * one half of a cell of order o + 1; the other half becomes a cell of order o, in which only smaller blocks can
 * become free. So no cell is ever free as a whole and no two free blocks could merge. Orders are placed from the
 * largest down, hence what remains is enough where the memory is cut as that of the state; elsewhere blocks are
 * halved or merged. A cell of max_order, or one that is as large as boot could make it, may be free as a whole.
 * Pages of the CPUs' lists come out of the cells that are left, the smallest first.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bits.h"
#include "base/rng.h"
#include "mm/buddy_priv.h"
#include "mm/page_load_priv.h"
#include "mm/pcp_priv.h"

#define NO_TYPE NR_MIGRATETYPES /* cells of pageblocks that have no type yet */

struct cells {
	uint32_t *pfn; /* owned */
	size_t nr;
	uint32_t room;
};

struct placing {
	const struct page_load *load;
	struct zone *zone;
	const uint64_t (*saved)[16]; /* borrowed: free blocks by type and order; NULL: only their pages are known */
	struct rng rng;
	uint64_t wanted[NR_MIGRATETYPES]; /* pageblocks of each type still to name */
	struct cells whole[PAGE_MAX_ORDERS]; /* untouched cells, as boot left them */
	struct cells part[PAGE_MAX_ORDERS][NR_MIGRATETYPES + 1]; /* by order and their pageblock's type */
	bool no_memory;
};

static void cells_add(struct placing *placing, struct cells *cells, pfn_t pfn)
{
	if (array_room(&cells->pfn, &cells->room, cells->nr))
		cells->pfn[cells->nr++] = (uint32_t)pfn;
	else
		placing->no_memory = true;
}

static void cells_shuffle(struct cells *cells, struct rng *rng)
{
	for (size_t i = cells->nr; i > 1; i--) {
		size_t other = rng_below(rng, i);
		uint32_t pfn = cells->pfn[i - 1];

		cells->pfn[i - 1] = cells->pfn[other];
		cells->pfn[other] = pfn;
	}
}

static void placing_fini(struct placing *placing)
{
	for (unsigned int order = 0; order < PAGE_MAX_ORDERS; order++) {
		free(placing->whole[order].pfn);
		for (unsigned int mt = 0; mt <= NO_TYPE; mt++)
			free(placing->part[order][mt].pfn);
	}
}

/* What boot left free becomes cells, and is handed out. */
static void take_boot_blocks(struct placing *placing)
{
	struct zone *zone = placing->zone;
	struct page_alloc *pa = zone->pa;

	for (unsigned int order = 0; order <= pa->max_order; order++) {
		for (unsigned int mt = 0; mt < NR_MIGRATETYPES; mt++) {
			uint32_t head;

			while ((head = zone->area[order].list[mt].blocks.head) != LINK_NONE) {
				buddy_del(zone, head);
				page_hand_out(pa, head, order, mt == MIGRATE_MOVABLE);
				cells_add(placing, &placing->whole[order], head);
			}
		}
		cells_shuffle(&placing->whole[order], &placing->rng);
	}
	zone->visible_free = 0;
}

/* The halves of a cell, lower one first, down to @order; the last two stay unsaved: the caller's. */
static pfn_t split_cell(struct placing *placing, pfn_t pfn, unsigned int from, unsigned int order, unsigned int mt)
{
	while (from > order + 1) {
		from--;
		cells_add(placing, &placing->part[from][mt], pfn + (1ull << from));
	}
	cells_add(placing, &placing->part[order][mt], pfn + (1ull << order));
	return pfn;
}

/* A place for a block of @order in cells of pageblocks of type @mt: the smallest cell that will do. */
static pfn_t place_in(struct placing *placing, unsigned int order, unsigned int mt)
{
	unsigned int max_order = placing->zone->pa->max_order;

	for (unsigned int o = order; o <= max_order; o++) {
		struct cells *part = &placing->part[o][mt];

		if (o > order && part->nr)
			return split_cell(placing, part->pfn[--part->nr], o, order, mt);
		if (mt != NO_TYPE || !placing->whole[o].nr)
			continue;
		return o == order ? placing->whole[o].pfn[--placing->whole[o].nr] :
			split_cell(placing, placing->whole[o].pfn[--placing->whole[o].nr], o, order, mt);
	}
	return PFN_NONE;
}

/* Name the type of a cell's pageblocks: @mt, unless it has been named. */
static void name_pageblocks(struct placing *placing, pfn_t pfn, unsigned int order, unsigned int mt)
{
	struct page_alloc *pa = placing->zone->pa;

	for (pfn_t p = pfn; p < pfn + (1ull << order); p += pageblock_pages(pa)) {
		set_pageblock_migratetype(pa, p, mt);
		if (placing->wanted[mt])
			placing->wanted[mt]--;
	}
}

static void place_block(struct placing *placing, pfn_t pfn, unsigned int order, unsigned int mt)
{
	struct zone *zone = placing->zone;

	page_take_back(zone->pa, pfn, order);
	buddy_add(zone, pfn, order, mt, BUDDY_TAIL);
	if (mt != MIGRATE_ISOLATE)
		zone->visible_free += 1ll << order;
	placing->load->report->blocks_placed++;
}

static void cut_cells(struct placing *placing, struct cells *from, unsigned int order)
{
	const struct page_alloc *pa = placing->zone->pa;

	while (from->nr) {
		pfn_t pfn = from->pfn[--from->nr];

		for (pfn_t p = pfn; p < pfn + (1ull << order); p += pageblock_pages(pa))
			cells_add(placing, &placing->part[pa->pageblock_order][NO_TYPE], p);
	}
}

/*
 * Deferred initialisation makes a pageblock Movable when it frees its first page. One whose first page it never
 * frees stays Unmovable: the initial ram disk or the descriptors of pages are there. Models deferred_free_range().
 */
static void name_never_freed(struct placing *placing)
{
	const struct page_alloc *pa = placing->zone->pa;
	pfn_t first = align_up(page_load_first_deferred(placing->zone), pageblock_pages(pa));

	for (pfn_t pfn = first; pfn < placing->zone->end; pfn += pageblock_pages(pa))
		if (!page_alloc_allocated(pa, pfn, 0) && pageblock_counted(placing->zone, pageblock_of(pa, pfn)))
			name_pageblocks(placing, pfn, pa->pageblock_order, MIGRATE_UNMOVABLE);
}

/* Cells that hold whole pageblocks are cut into them, so that each can get a type of its own. */
static void cut_to_pageblocks(struct placing *placing)
{
	const struct page_alloc *pa = placing->zone->pa;

	for (unsigned int o = pa->pageblock_order; o <= pa->max_order; o++) {
		cut_cells(placing, &placing->whole[o], o);
		if (o > pa->pageblock_order)
			cut_cells(placing, &placing->part[o][NO_TYPE], o);
	}
	cells_shuffle(&placing->part[pa->pageblock_order][NO_TYPE], &placing->rng);
}

static unsigned int next_type(const struct placing *placing)
{
	for (unsigned int mt = 0; mt < NR_MIGRATETYPES; mt++)
		if (mt != MIGRATE_MOVABLE && placing->wanted[mt])
			return mt;
	return MIGRATE_MOVABLE;
}

/* Give the pageblocks their types. */
static void name_cells(struct placing *placing)
{
	struct page_alloc *pa = placing->zone->pa;
	struct cells *blocks = &placing->part[pa->pageblock_order][NO_TYPE];

	while (blocks->nr) {
		pfn_t pfn = blocks->pfn[--blocks->nr];
		unsigned int mt = next_type(placing);

		if (placing->load->state->pageblocks)
			name_pageblocks(placing, pfn, pa->pageblock_order, mt);
		cells_add(placing, &placing->part[pa->pageblock_order][pageblock_migratetype(pa, pfn)], pfn);
	}
}

/* Cells of @order that boot left can no longer become free as a whole. */
static void give_up_whole(struct placing *placing, unsigned int order)
{
	struct cells *whole = &placing->whole[order];

	while (whole->nr) {
		pfn_t pfn = whole->pfn[--whole->nr];

		cells_add(placing, &placing->part[order][pageblock_migratetype(placing->zone->pa, pfn)], pfn);
	}
}

/* A place for a small block: in pageblocks of its type, else of any. */
static pfn_t place_small(struct placing *placing, unsigned int order, unsigned int mt)
{
	struct cells *whole = &placing->whole[order];
	pfn_t pfn = place_in(placing, order, mt);

	for (unsigned int other = 0; pfn == PFN_NONE && other < NR_MIGRATETYPES; other++)
		pfn = place_in(placing, order, other);
	if (pfn == PFN_NONE && whole->nr)
		pfn = whole->pfn[--whole->nr];
	return pfn;
}

/* A page that is in use, for a CPU's list: halves of free pages first, they are of no use to larger blocks. */
static pfn_t place_single(struct placing *placing)
{
	for (unsigned int mt = 0; mt < NR_MIGRATETYPES; mt++) {
		struct cells *part = &placing->part[0][mt];

		if (part->nr)
			return part->pfn[--part->nr];
	}
	for (unsigned int mt = 0; mt < NR_MIGRATETYPES; mt++) {
		pfn_t pfn = place_in(placing, 0, mt);

		if (pfn != PFN_NONE)
			return pfn;
	}
	return PFN_NONE;
}

static int no_room(const struct placing *placing)
{
	return err_set(placing->load->err, ERR_CONFIG,
		"%s: zone %s of node %u has more free pages than the machine has there:"
		" is it the one that they were saved from, and are its files of one moment (kmemsim probe)?",
		placing->load->state->source, machine_zone_name[placing->zone->type], placing->zone->node);
}

/*
 * No cell is left for @nr free pages: the other halves are in use. Where what is reserved lies elsewhere than on the
 * machine of the state, there can be too many of these. So pages become free beside free ones, and merge with them.
 */
static int place_merged(struct placing *placing, uint64_t nr)
{
	struct zone *zone = placing->zone;
	struct zone_work unpaid = { 0 };

	for (uint64_t i = 0; i < nr; i++) {
		pfn_t pfn = place_single(placing);

		if (pfn == PFN_NONE)
			return no_room(placing);
		page_take_back(zone->pa, pfn, 0);
		buddy_free(zone, pfn, 0, pageblock_migratetype(zone->pa, pfn), PLACE_TAIL, 0, &unpaid);
	}
	return 0;
}

/* Of @count blocks, saved ones and then halves of larger ones, there is no room for the last @nr as they are. */
static void note_reshaped(const struct placing *placing, unsigned int mt, unsigned int order, uint64_t count,
	uint64_t nr)
{
	uint64_t halves = placing->saved ? count - placing->saved[mt][order] : nr;

	placing->load->report->blocks_reshaped += nr > halves ? nr - halves : 0;
}

/*
 * There is no room for the last @nr of counts[mt][order] as they are: blocks of the next lower order
 * are wanted in their place, or pages beside others. No file tells where all that is reserved lies.
 */
static int place_reshaped(struct placing *placing, uint64_t (*counts)[16], unsigned int mt, unsigned int order,
	uint64_t nr)
{
	note_reshaped(placing, mt, order, counts[mt][order], nr);
	if (!order)
		return place_merged(placing, nr);
	counts[mt][order - 1] += 2 * nr;
	return 0;
}

static int place_order(struct placing *placing, uint64_t (*counts)[16], unsigned int order)
{
	struct page_alloc *pa = placing->zone->pa;
	bool large = order >= pa->pageblock_order;

	for (unsigned int mt = 0; mt < NR_MIGRATETYPES; mt++) {
		for (uint64_t i = 0; i < counts[mt][order]; i++) {
			pfn_t pfn = large ? place_in(placing, order, NO_TYPE) : place_small(placing, order, mt);

			if (placing->no_memory)
				return err_set(placing->load->err, ERR_NOMEM, "no memory to place free blocks");
			if (pfn == PFN_NONE) {
				int ret = place_reshaped(placing, counts, mt, order, counts[mt][order] - i);

				if (ret < 0)
					return ret;
				break;
			}
			if (large)
				name_pageblocks(placing, pfn, order, mt);
			place_block(placing, pfn, order, mt);
		}
	}
	return 0;
}

/* A page of a CPU's list, of the type of its pageblock: it was on its way to or from a caller who asked for that. */
static void place_on_pcp(struct placing *placing, uint32_t cpu, pfn_t pfn)
{
	struct page_alloc *pa = placing->zone->pa;
	unsigned int mt = pageblock_migratetype(pa, pfn);
	struct pcp *pcp = &placing->zone->pcps[cpu];
	struct page *page;

	if (!migratetype_is_mergeable(mt))
		mt = MIGRATE_MOVABLE;
	page_take_back(pa, pfn, 0);
	page = page_at(pa, pfn);
	page->zone_plus1 = (uint16_t)(placing->zone->index + 1);
	page->place = PAGE_IN_PCP;
	page->order = 0;
	page->mt = mt & 0xf;
	block_list_add_tail(pa->pages, &pcp->list[pcp_list_index(0, mt)], (uint32_t)pfn);
	pcp->count++;
}

/* Of the pages that are left, as many as are on the CPUs' lists. */
static void place_pcps(struct placing *placing, const uint32_t *counts)
{
	const struct page_alloc *pa = placing->zone->pa;

	for (uint32_t cpu = 0; cpu < pa->nr_cpus; cpu++) {
		for (uint32_t i = 0; i < counts[cpu]; i++) {
			pfn_t pfn = place_single(placing);

			if (pfn == PFN_NONE)
				return;
			place_on_pcp(placing, cpu, pfn);
			placing->load->report->pcp_placed++;
		}
	}
}

static int place_zone(struct placing *placing, uint64_t (*counts)[16])
{
	unsigned int pageblock_order = placing->zone->pa->pageblock_order;
	int ret = 0;

	take_boot_blocks(placing);
	name_never_freed(placing);
	for (unsigned int o = placing->zone->pa->max_order; ret == 0 && o >= pageblock_order; o--)
		ret = place_order(placing, counts, o);
	if (ret < 0)
		return ret;
	cut_to_pageblocks(placing);
	name_cells(placing);
	for (unsigned int o = pageblock_order; ret == 0 && o-- > 0;) {
		ret = place_order(placing, counts, o);
		give_up_whole(placing, o);
	}
	return ret;
}

/* The saved numbers; where only the free pages are known, they are in blocks as large as can be. */
static void count_blocks(const struct page_load *load, size_t zone, uint64_t (*counts)[16])
{
	const struct state *state = load->state;
	unsigned int max_order = load->pa->max_order;

	if (state->block_counts) {
		memcpy(counts, state->block_counts[zone], sizeof(state->block_counts[zone]));
		return;
	}
	memset(counts, 0, sizeof(state->block_counts[zone]));
	counts[MIGRATE_MOVABLE][max_order] = state->zones[zone].free_pages >> max_order;
	for (unsigned int order = 0; order < max_order; order++)
		counts[MIGRATE_MOVABLE][order] = state->zones[zone].free_pages >> order & 1;
}

/*
 * What is in use in pageblocks that are not Movable is on no LRU list: Movable requests would take such pageblocks
 * over. Where the state counts the pages on LRU lists (@counted), who lays them out finds theirs among all pages in
 * use.
 */
static void unlist_kernel_pages(struct zone *zone, bool counted)
{
	struct page_alloc *pa = zone->pa;

	for (pfn_t pfn = zone->start; pfn < zone->end; pfn++) {
		if ((!counted && pageblock_migratetype(pa, pfn) == MIGRATE_MOVABLE) ||
			!page_alloc_allocated(pa, pfn, 0))
			continue;
		page_take_back(pa, pfn, 0);
		page_hand_out(pa, pfn, 0, false);
	}
}

static int load_zone(const struct page_load *load, size_t index)
{
	const struct state *state = load->state;
	struct placing placing = { .load = load, .zone = load->zone_of[index] };
	uint64_t counts[6][16];
	int ret;

	count_blocks(load, index, counts);
	if (state->block_counts)
		placing.saved = (const uint64_t (*)[16])state->block_counts[index];
	rng_init(&placing.rng, load->seed + index, "page_load");
	if (state->pageblocks)
		memcpy(placing.wanted, state->pageblocks[index], sizeof(placing.wanted));
	ret = place_zone(&placing, counts);
	if (ret == 0)
		unlist_kernel_pages(placing.zone, state->lru_told != STATE_LRU_UNKNOWN);
	if (ret == 0 && state->pcp_counts)
		place_pcps(&placing, state->pcp_counts[index]);
	if (ret == 0 && placing.no_memory)
		ret = err_set(load->err, ERR_NOMEM, "no memory to place free pages");
	placing_fini(&placing);
	return ret;
}

int page_load_counts(const struct page_load *load)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < load->state->nr_zones; i++)
		ret = load_zone(load, i);
	return ret;
}

/*
 * page_load_blocks: a saved state's free blocks on the model's lists, in their order, each page checked to be there and
 * free once.
 */
#include <inttypes.h>

#include "base/bits.h"
#include "mm/page_load_priv.h"
#include "mm/pcp_priv.h"

/* What boot handed over is forgotten; the types of pageblocks stay, because they tell holes from memory. */
static int forget_boot(struct page_alloc *pa, struct err *err)
{
	int ret = page_metadata_reset(pa, err);

	if (ret < 0)
		return ret;
	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		struct zone *zone = &pa->zones[i];

		for (unsigned int order = 0; order <= pa->max_order; order++) {
			for (unsigned int mt = 0; mt < NR_MIGRATETYPES; mt++)
				zone->area[order].list[mt] = (struct free_list){ { LINK_NONE, LINK_NONE }, 0 };
			zone->area[order].nr_free = 0;
		}
		zone->visible_free = 0;
	}
	return 0;
}

/* All pages that are memory. Those of free blocks are taken back one by one. */
static void hand_out_memory(struct page_alloc *pa)
{
	const struct machine *machine = pa->machine;

	for (uint32_t i = 0; i < machine->nr_ram; i++) {
		const struct machine_range *ram = &machine->ram[i];
		pfn_t pfn = div_round_up(ram->start, 1ull << pa->page_shift);
		pfn_t end = (ram->start + ram->size) >> pa->page_shift;

		while (pfn < end) {
			unsigned int order = pfn ? (unsigned int)__builtin_ctzll(pfn) : pa->max_order;

			order = (unsigned int)min_u64(order, ilog2_u64(end - pfn));
			order = (unsigned int)min_u64(order, pa->max_order);
			page_hand_out(pa, pfn, order, false);
			pfn += 1ull << order;
		}
	}
}

/* The model's zone for a block of the state, which must be a block of memory that is not free yet. */
static int block_zone(const struct page_load *load, uint64_t pfn, unsigned int list_zone, unsigned int order,
	unsigned int mt, struct zone **zone)
{
	if (list_zone < load->state->nr_zones && order <= load->pa->max_order && mt < NR_MIGRATETYPES) {
		*zone = load->zone_of[list_zone];
		if (zone_spans(*zone, pfn) && page_alloc_allocated(load->pa, pfn, order))
			return 0;
	}
	return err_set(load->err, ERR_CONFIG,
		"%s: the free block at page %" PRIu64 " (order %u, type %u) is not aligned, "
		"outside its zone or the machine's memory, or in another free block",
		load->state->source, pfn, order, mt);
}

static int load_free_lists(const struct page_load *load)
{
	for (size_t i = 0; i < load->state->nr_blocks; i++) {
		const struct state_block *block = &load->state->blocks[i];
		struct zone *zone;
		int ret = block_zone(load, block->pfn, block->zone, block->order, block->migratetype, &zone);

		if (ret < 0)
			return ret;
		page_take_back(load->pa, block->pfn, block->order);
		buddy_add(zone, block->pfn, block->order, block->migratetype, BUDDY_TAIL);
		if (block->migratetype != MIGRATE_ISOLATE)
			zone->visible_free += 1ll << block->order;
	}
	return 0;
}

static bool pcp_list_is_there(const struct page_alloc *pa, const struct state_pcp *block)
{
	unsigned int mt = migratetype_is_mergeable(block->migratetype) ? block->migratetype : MIGRATE_MOVABLE;

	return block->cpu < pa->nr_cpus && pcp_eligible(pa, block->order) &&
		block->list == pcp_list_index(block->order, mt);
}

static int load_pcp_lists(const struct page_load *load)
{
	struct page_alloc *pa = load->pa;

	for (size_t i = 0; i < load->state->nr_pcp; i++) {
		const struct state_pcp *block = &load->state->pcp[i];
		struct zone *zone;
		struct page *page;
		int ret = block_zone(load, block->pfn, block->zone, block->order, block->migratetype, &zone);

		if (ret < 0)
			return ret;
		if (!pcp_list_is_there(pa, block))
			return err_set(load->err, ERR_CONFIG,
				"%s: page %" PRIu64 " (order %u, type %u) is on list %u of CPU "
				"%u, which the machine does not have",
				load->state->source, block->pfn, block->order, block->migratetype, block->list,
				block->cpu);
		page_take_back(pa, block->pfn, block->order);
		page = page_at(pa, block->pfn);
		page->zone_plus1 = (uint16_t)(zone->index + 1);
		page->place = PAGE_IN_PCP;
		page->order = (unsigned int)block->order & 0xf;
		page->mt = (unsigned int)block->migratetype & 0xf;
		block_list_add_tail(pa->pages, &zone->pcps[block->cpu].list[block->list], block->pfn);
		zone->pcps[block->cpu].count += 1u << block->order;
	}
	return 0;
}

/* Pages that boot code may still free, and what the LRU lists hold. */
static void load_page_kinds(const struct page_load *load)
{
	struct page_alloc *pa = load->pa;

	for (size_t i = 0; i < load->state->nr_pages; i++) {
		const struct state_pages *run = &load->state->pages[i];
		pfn_t end = min_u64(run->first_pfn + run->nr_pages, pa->end_pfn);
		bool lru = run->kind == STATE_PAGE_ANON || run->kind == STATE_PAGE_FILE;

		if (!lru && run->kind != STATE_PAGE_RESERVED)
			continue;
		for (pfn_t pfn = run->first_pfn; pfn < end; pfn++) {
			if (!page_alloc_allocated(pa, pfn, 0))
				continue;
			if (lru)
				page_hand_out(pa, pfn, 0, true);
			else
				page_at(pa, pfn)->place = PAGE_RESERVED;
		}
	}
}

void page_load_deferred(struct zone *zone)
{
	const struct page_alloc *pa = zone->pa;
	uint64_t marked = 0;

	for (pfn_t pfn = zone->start; pfn < zone->end; pfn++)
		marked += page_at(pa, pfn)->place == PAGE_RESERVED;
	for (pfn_t pfn = zone->end; pfn-- > zone->start && marked < zone->unmanaged;) {
		struct page *page = page_at(pa, pfn);

		if (page->place == PAGE_RESERVED || !page_alloc_allocated(pa, pfn, 0))
			continue;
		page->place = PAGE_DEFERRED;
		marked++;
	}
}

int page_load_blocks(const struct page_load *load)
{
	int ret = forget_boot(load->pa, load->err);

	if (ret < 0)
		return ret;
	hand_out_memory(load->pa);
	ret = load_free_lists(load);
	if (ret < 0)
		return ret;
	ret = load_pcp_lists(load);
	if (ret < 0)
		return ret;
	load_page_kinds(load);
	return 0;
}

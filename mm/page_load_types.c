/*
 * page_load_types: the types of pageblocks, which a saved state does not tell.
 *
 * In this order: a pageblock that a free block covers has the type of the block's list, and one with free blocks of
 * one type has that type (any block on a HighAtomic list marks a HighAtomic pageblock: such lists hold nothing
 * else). With free blocks of several types it has the one with the most free pages. One without a free block has
 * the type that most of its pages would ask for: Movable for anonymous memory and files, Reclaimable for slabs of
 * reclaimable caches, Unmovable for what else is allocated. Where nothing is allocated either, boot's type stays.
 * When the number of each type is known (pagetypeinfo), guessed pageblocks
 * and then mixed ones change their type until the numbers fit, ascending.
 *
 * Simplified: a stolen block can lie on another list than its pageblock's, and then the pageblock gets the wrong type
 * here, because nothing else tells.
 */
#include <stdlib.h>

#include "base/bits.h"
#include "mm/page_load_priv.h"
#include "mm/slab.h"

enum certainty { TYPE_GUESSED, TYPE_MIXED, TYPE_KNOWN };

struct evidence {
	uint32_t free[MIGRATE_HIGHATOMIC + 1]; /* free pages on lists of that type */
	uint32_t used[MIGRATE_PCPTYPES];       /* pages in use that ask for that type */
	uint8_t certainty;                     /* enum certainty */
	bool covered;                          /* by one free block */
};

static void count_free(const struct page_load *load, struct evidence *evidence)
{
	const struct page_alloc *pa = load->pa;

	for (size_t i = 0; i < load->state->nr_blocks; i++) {
		const struct state_block *block = &load->state->blocks[i];
		uint64_t pages = 1ull << block->order;

		if (block->migratetype > MIGRATE_HIGHATOMIC)
			continue;
		for (pfn_t pfn = block->pfn; pfn < block->pfn + pages; pfn += pageblock_pages(pa)) {
			struct evidence *e = &evidence[pageblock_of(pa, pfn)];

			e->free[block->migratetype] += (uint32_t)min_u64(pages, pageblock_pages(pa));
			e->covered = block->order >= pa->pageblock_order;
		}
	}
}

static enum migratetype type_of_kind(enum state_page_kind kind)
{
	switch (kind) {
	case STATE_PAGE_ANON:
	case STATE_PAGE_FILE:
		return MIGRATE_MOVABLE;
	case STATE_PAGE_SLAB:
	case STATE_PAGE_PGTABLE:
	case STATE_PAGE_COMPOUND:
	case STATE_PAGE_KERNEL:
	case STATE_PAGE_UNACCOUNTED:
		return MIGRATE_UNMOVABLE;
	default:
		return NR_MIGRATETYPES;
	}
}

static void count_used(const struct page_load *load, struct evidence *evidence)
{
	const struct page_alloc *pa = load->pa;
	const struct state *state = load->state;

	for (size_t i = 0; i < state->nr_pages; i++) {
		const struct state_pages *run = &state->pages[i];
		pfn_t end = min_u64(run->first_pfn + run->nr_pages, pa->end_pfn);
		enum migratetype mt = type_of_kind(run->kind);

		for (pfn_t pfn = run->first_pfn; mt != NR_MIGRATETYPES && pfn < end; pfn++)
			evidence[pageblock_of(pa, pfn)].used[mt] += page_at(pa, pfn)->place == PAGE_NO_HEAD;
	}
	for (size_t i = 0; i < state->nr_slabs; i++) {
		const struct state_slab *slab = &state->slabs[i];
		uint32_t pages = 1u << slab->order;
		struct evidence *e;

		if (slab->cache >= state->nr_caches || slab->pfn >= pa->end_pfn ||
			!(state->caches[slab->cache].flags & SLAB_RECLAIM_ACCOUNT))
			continue;
		e = &evidence[pageblock_of(pa, slab->pfn)];
		e->used[MIGRATE_UNMOVABLE] -= (uint32_t)min_u64(pages, e->used[MIGRATE_UNMOVABLE]);
		e->used[MIGRATE_RECLAIMABLE] += pages;
	}
}

static unsigned int most_of(const uint32_t *pages, unsigned int nr)
{
	unsigned int most = 0;

	for (unsigned int i = 1; i < nr; i++)
		if (pages[i] > pages[most])
			most = i;
	return most;
}

/* Simplified: holes count as pages there, and every 64-bit kernel is taken to defer. */
pfn_t page_load_first_deferred(const struct zone *zone)
{
	const struct page_alloc *pa = zone->pa;
	pfn_t section = 1ull << (SECTION_BYTES_SHIFT - pa->page_shift);
	pfn_t first = align_up(zone->start + section, section);
	bool last = zone->index + 1u == pa->nr_zones || pa->zones[zone->index + 1].node != zone->node;

	return last && !pa->machine->bits32 && first < zone->end ? first : zone->end;
}

/*
 * The type that boot has given. Deferred initialisation marks a pageblock Movable when it frees its first
 * page; one whose first page it never frees stays Unmovable, such as one that the initial ram disk fills.
 */
static unsigned int boot_type(const struct page_alloc *pa, pfn_t pfn, pfn_t deferred)
{
	pfn_t first = pfn & ~(pageblock_pages(pa) - 1);
	pfn_t end = min_u64(first + pageblock_pages(pa), pa->end_pfn);

	if (first >= deferred && page_at(pa, first)->place == PAGE_RESERVED)
		return MIGRATE_UNMOVABLE;
	for (pfn_t p = first; p < end; p++)
		if (page_at(pa, p)->place == PAGE_DEFERRED)
			return MIGRATE_UNMOVABLE;
	return pageblock_migratetype(pa, pfn);
}

/* @boot: the type that boot gave. */
static unsigned int infer_type(struct evidence *e, unsigned int boot)
{
	unsigned int types = 0, mt;

	if (e->free[MIGRATE_HIGHATOMIC]) {
		e->certainty = TYPE_KNOWN;
		return MIGRATE_HIGHATOMIC;
	}
	for (mt = 0; mt < MIGRATE_PCPTYPES; mt++)
		types += e->free[mt] > 0;
	if (types) {
		e->certainty = types == 1 || e->covered ? TYPE_KNOWN : TYPE_MIXED;
		return most_of(e->free, MIGRATE_PCPTYPES);
	}
	e->certainty = TYPE_GUESSED;
	mt = most_of(e->used, MIGRATE_PCPTYPES);
	return e->used[mt] ? mt : boot;
}

static void count_certainty(struct page_load_report *report, enum certainty certainty)
{
	if (certainty == TYPE_KNOWN)
		report->pageblocks_known++;
	else if (certainty == TYPE_MIXED)
		report->pageblocks_mixed++;
	else
		report->pageblocks_guessed++;
}

/* The type that is missing most pageblocks and has a page there; without one, the one that misses most. */
static unsigned int wanted_type(const struct zone *zone, const uint64_t *wanted, const struct evidence *e)
{
	unsigned int best = NR_MIGRATETYPES;

	for (unsigned int mt = 0; mt < MIGRATE_PCPTYPES; mt++) {
		if (zone->pageblocks[mt] >= wanted[mt])
			continue;
		if (best == NR_MIGRATETYPES || e->free[mt] + e->used[mt] > e->free[best] + e->used[best])
			best = mt;
	}
	return best;
}

static void fit_numbers(const struct page_load *load, struct zone *zone, const uint64_t *wanted,
	const struct evidence *evidence, enum certainty certainty)
{
	struct page_alloc *pa = load->pa;

	for (pfn_t pfn = zone->start; pfn < zone->end; pfn = align_up(pfn + 1, pageblock_pages(pa))) {
		const struct evidence *e = &evidence[pageblock_of(pa, pfn)];
		unsigned int mt = pageblock_migratetype(pa, pfn), other;

		if (e->certainty != certainty || mt >= MIGRATE_PCPTYPES || zone->pageblocks[mt] <= wanted[mt] ||
			!pageblock_counted(zone, pageblock_of(pa, pfn)))
			continue;
		other = wanted_type(zone, wanted, e);
		if (other == NR_MIGRATETYPES)
			return;
		set_pageblock_migratetype(pa, pfn, other);
		load->report->pageblocks_adjusted++;
	}
}

int page_load_types(const struct page_load *load)
{
	struct page_alloc *pa = load->pa;
	const struct state *state = load->state;
	struct evidence *evidence = calloc(pa->pageblock_bytes, sizeof(*evidence));

	if (!evidence)
		return err_set(load->err, ERR_NOMEM, "no memory to infer the types of pageblocks");
	count_free(load, evidence);
	count_used(load, evidence);
	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		const struct zone *zone = &pa->zones[i];
		pfn_t deferred = page_load_first_deferred(zone);

		for (pfn_t pfn = zone->start; pfn < zone->end; pfn = align_up(pfn + 1, pageblock_pages(pa))) {
			struct evidence *e = &evidence[pageblock_of(pa, pfn)];

			set_pageblock_migratetype(pa, pfn, infer_type(e, boot_type(pa, pfn, deferred)));
			count_certainty(load->report, e->certainty);
		}
	}
	for (size_t i = 0; state->pageblocks && i < state->nr_zones; i++) {
		fit_numbers(load, load->zone_of[i], state->pageblocks[i], evidence, TYPE_GUESSED);
		fit_numbers(load, load->zone_of[i], state->pageblocks[i], evidence, TYPE_MIXED);
	}
	free(evidence);
	return 0;
}

/*
 * page_load: go on from the memory of a real kernel, as it was saved, in place of what boot made.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "mm/page_load_priv.h"
#include "mm/pcp_priv.h"
#include "mm/vmstat_priv.h"

static struct zone *zone_find(struct page_alloc *pa, uint32_t node, enum machine_zone type)
{
	for (uint32_t i = 0; i < pa->nr_zones; i++)
		if (pa->zones[i].node == node && pa->zones[i].type == type)
			return &pa->zones[i];
	return NULL;
}

/*
 * What is made movable while a system runs may lie amid another
 * zone (online_movable); a zone of the model is in one piece.
 */
static int refuse_overlap(const struct page_load *load)
{
	const struct state *state = load->state;

	for (size_t i = 0; i < state->nr_zones; i++) {
		const struct state_zone *a = &state->zones[i];

		for (size_t k = 0; k < i; k++) {
			const struct state_zone *b = &state->zones[k];

			if (a->node == b->node && a->spanned && b->spanned &&
				a->start_pfn < b->start_pfn + b->spanned && b->start_pfn < a->start_pfn + a->spanned)
				return err_set(load->err, ERR_CONFIG,
					"%s: zones %s and %s of node %u overlap, as memory that was made"
					" movable while the system ran leaves them: such a state cannot be loaded; start from boot",
					state->source, machine_zone_name[b->type], machine_zone_name[a->type], a->node);
		}
	}
	return 0;
}

/* Each zone of the state is one of the model's, with the same span, and there is no other. */
static int match_zones(const struct page_load *load)
{
	const struct state *state = load->state;

	if (refuse_overlap(load) < 0)
		return -(int)load->err->code;
	if (state->nr_zones != load->pa->nr_zones)
		return err_set(load->err, ERR_CONFIG,
			"%s has %zu populated zones, the machine %u: a saved state fits only the"
			" memory that it was saved from (kmemsim probe writes that machine from its files)",
			state->source, state->nr_zones, load->pa->nr_zones);
	for (size_t i = 0; i < state->nr_zones; i++) {
		const struct state_zone *saved = &state->zones[i];
		struct zone *zone = zone_find(load->pa, saved->node, saved->type);

		if (!zone)
			return err_set(load->err, ERR_CONFIG, "%s has zone %s of node %u, the machine does not",
				state->source, machine_zone_name[saved->type], saved->node);
		if (saved->spanned && (zone->start != saved->start_pfn || zone->end - zone->start != saved->spanned))
			return err_set(load->err, ERR_CONFIG, "zone %s of node %u: pages %" PRIu64 " + %" PRIu64
				" in %s, %" PRIu64 " + %" PRIu64 " in the machine: a saved state fits only memory of the size that"
				" it was saved from (kmemsim probe writes that machine from its files); start from boot to ask"
				" for another", machine_zone_name[saved->type], saved->node, saved->start_pfn, saved->spanned,
				state->source, zone->start, zone->end - zone->start);
		load->zone_of[i] = zone;
	}
	return 0;
}

/* What the kernel had not set up yet stays as it was in its first instant: see page_alloc_setup_pagesets(). */
static void load_zone_numbers(struct zone *zone, const struct state_zone *saved)
{
	zone->wmark[WMARK_MIN] = (uint32_t)saved->min;
	zone->wmark[WMARK_LOW] = (uint32_t)saved->low;
	zone->wmark[WMARK_HIGH] = (uint32_t)saved->high;
	zone->boost = (uint32_t)saved->boost;
	for (unsigned int type = 0; saved->reserve_told && type < NR_ZONE_TYPES; type++)
		zone->lowmem_reserve[type] = (uint32_t)saved->lowmem_reserve[type];
	zone->nr_reserved_highatomic = (uint32_t)saved->highatomic;
	zone->gave_back = true;
	zone->present = saved->present;
	zone->managed = saved->managed;
	if (saved->pcp_batch) {
		zone->pcp_high = saved->pcp_high;
		zone->pcp_batch = saved->pcp_batch;
	} else {
		zone_setup_pcp(zone);
	}
	zone_stat_setup(zone);
	if (!saved->high)
		zone->stat_threshold = 0;
}

static int load_numbers(const struct page_load *load)
{
	const struct state *state = load->state;

	for (size_t i = 0; i < state->nr_zones; i++) {
		const struct state_zone *saved = &state->zones[i];
		uint64_t most = saved->managed / 100 + 2 * pageblock_pages(load->pa);

		if (!saved->spanned)
			continue;
		if (saved->managed > saved->present || saved->highatomic > most)
			return err_set(load->err, ERR_CONFIG, "%s: zone %s of node %u cannot be: present %"
				PRIu64 ", managed %" PRIu64 ", reserved for high-order atomic requests %" PRIu64,
				state->source, machine_zone_name[saved->type], saved->node,
				saved->present, saved->managed, saved->highatomic);
		load_zone_numbers(load->zone_of[i], saved);
	}
	return 0;
}

/*
 * What the machine has beyond the managed pages is reserved, and handed out. When less is there than managed, a state
 * of which the pages are known is another machine's; of one that has only numbers, the rest is left out.
 */
static int count_unmanaged(const struct page_load *load)
{
	for (uint32_t i = 0; i < load->pa->nr_zones; i++) {
		struct zone *zone = &load->pa->zones[i];
		uint64_t pages = zone_free_pages(zone) + zone_pcp_pages(zone) +
			page_nr_handed_out(load->pa, zone->start, zone->end);

		if (pages < zone->managed && load->state->exact_blocks)
			return err_set(load->err, ERR_CONFIG,
				"%s: zone %s of node %u manages %" PRIu64 " pages, but the "
				"machine's memory has %" PRIu64 " there",
				load->state->source, machine_zone_name[zone->type], zone->node, zone->managed, pages);
		if (pages < zone->managed) {
			load->report->pages_missing += zone->managed - pages;
			zone->managed = pages;
		}
		zone->unmanaged = pages - zone->managed;
		if (load->state->exact_blocks && !zone->wmark[WMARK_HIGH])
			page_load_deferred(zone);
	}
	return 0;
}

static int load_state(const struct page_load *load)
{
	int ret = match_zones(load);

	if (ret < 0)
		return ret;
	ret = load_numbers(load);
	if (ret < 0)
		return ret;
	ret = load->state->exact_blocks ? page_load_blocks(load) : page_load_counts(load);
	if (ret < 0)
		return ret;
	ret = count_unmanaged(load);
	if (ret < 0 || !load->state->exact_blocks)
		return ret;
	return page_load_types(load);
}

int page_alloc_load(struct page_alloc *pa, const struct state *state, uint64_t seed, struct page_load_report *report,
	struct err *err)
{
	struct page_load_report unread;
	struct page_load load = { .pa = pa, .state = state, .seed = seed, .report = report ? report : &unread,
		.err = err };
	int ret;

	memset(load.report, 0, sizeof(*load.report));
	load.zone_of = calloc(state->nr_zones ? state->nr_zones : 1, sizeof(struct zone *));
	if (!load.zone_of)
		return err_set(err, ERR_NOMEM, "no memory to load %s", state->source);
	ret = load_state(&load);
	free(load.zone_of);
	return ret;
}

/* What watermarks_setup() sets of a zone. */
struct zone_marks {
	uint32_t wmark[NR_WMARKS];
	uint32_t boost, pcp_high, pcp_batch, lowmem_reserve[NR_ZONE_TYPES];
};

static struct zone_marks marks_of(const struct zone *zone)
{
	struct zone_marks marks = { .boost = zone->boost, .pcp_high = zone->pcp_high, .pcp_batch = zone->pcp_batch };

	memcpy(marks.wmark, zone->wmark, sizeof(marks.wmark));
	memcpy(marks.lowmem_reserve, zone->lowmem_reserve, sizeof(marks.lowmem_reserve));
	return marks;
}

static void set_marks(struct zone *zone, const struct zone_marks *marks)
{
	memcpy(zone->wmark, marks->wmark, sizeof(zone->wmark));
	memcpy(zone->lowmem_reserve, marks->lowmem_reserve, sizeof(zone->lowmem_reserve));
	zone->boost = marks->boost;
	zone->pcp_high = marks->pcp_high;
	zone->pcp_batch = marks->pcp_batch;
}

/*
 * The kernel sets its marks when a few pages of boot are not freed yet, so what the same settings lead to differs
 * by some pages of a zone (two in six states of 6.1). A changed setting moves them by more than one in twenty.
 */
static bool differs(uint64_t saved, uint64_t made)
{
	uint64_t apart = saved > made ? saved - made : made - saved;

	return apart * 20 > saved + made;
}

bool page_alloc_apply_settings(struct page_alloc *pa)
{
	uint64_t high[2] = { 0 }, low[2] = { 0 }, pcp[2] = { 0 };
	struct zone_marks saved[MACHINE_MAX_NODES * NR_ZONE_TYPES];

	for (uint32_t i = 0; i < pa->nr_zones; i++)
		saved[i] = marks_of(&pa->zones[i]);
	watermarks_setup(pa);
	for (uint32_t i = 0; i < pa->nr_zones; i++) {
		const struct zone_marks made = marks_of(&pa->zones[i]), *of[2] = { &saved[i], &made };

		for (unsigned int k = 0; k < 2; k++) {
			high[k] += of[k]->wmark[WMARK_HIGH] - of[k]->wmark[WMARK_MIN];
			low[k] += of[k]->wmark[WMARK_MIN];
			pcp[k] += of[k]->pcp_high;
		}
	}
	if (differs(high[0], high[1]) || differs(low[0], low[1]) || differs(pcp[0], pcp[1]))
		return true;
	for (uint32_t i = 0; i < pa->nr_zones; i++)
		set_marks(&pa->zones[i], &saved[i]);
	return false;
}

pfn_t page_alloc_used_block(const struct page_alloc *pa, pfn_t from, unsigned int order, unsigned int mt)
{
	for (pfn_t pfn = align_up(from, 1ull << order); pfn < pa->end_pfn; pfn += 1ull << order)
		if (page_alloc_allocated(pa, pfn, order) &&
			(mt == NR_MIGRATETYPES || pageblock_migratetype(pa, pfn) == mt))
			return pfn;
	return PFN_NONE;
}

void page_alloc_mark_movable(struct page_alloc *pa, pfn_t pfn, unsigned int order)
{
	assert(page_alloc_allocated(pa, pfn, order));
	page_hand_out(pa, pfn, order, true);
}

bool page_alloc_movable(const struct page_alloc *pa, pfn_t pfn)
{
	return page_is_lru(pa, pfn);
}

unsigned int page_alloc_block_type(const struct page_alloc *pa, pfn_t pfn)
{
	return pageblock_migratetype(pa, pfn);
}

pfn_t page_alloc_end(const struct page_alloc *pa)
{
	return pa->end_pfn;
}

bool page_alloc_has_pagesets(const struct page_alloc *pa)
{
	for (uint32_t i = 0; i < pa->nr_zones; i++)
		if (pa->zones[i].pcp_high)
			return true;
	return false;
}

void page_alloc_setup_pagesets(struct page_alloc *pa)
{
	for (uint32_t i = 0; i < pa->nr_zones; i++)
		zone_setup_pcp(&pa->zones[i]);
}

/* Deferred initialisation (page_alloc_init_late()) is over by then: what it has not freed is reserved memory. */
static void end_deferred(struct zone *zone)
{
	for (pfn_t pfn = zone->start; zone->unmanaged && pfn < zone->end; pfn++)
		if (page_at(zone->pa, pfn)->place == PAGE_DEFERRED)
			page_at(zone->pa, pfn)->place = PAGE_RESERVED;
}

void page_alloc_setup_marks(struct page_alloc *pa)
{
	for (uint32_t i = 0; i < pa->nr_zones; i++)
		end_deferred(&pa->zones[i]);
	watermarks_setup(pa);
}

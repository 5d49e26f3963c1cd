/* page_stats: the page allocator's figures, copied out for recording. */
#include "mm/page_alloc_priv.h"

#include <string.h>

const char *const migratetype_name[NR_MIGRATETYPES] = { "Unmovable", "Movable", "Reclaimable", "HighAtomic", "CMA",
	"Isolate" };

const char *const page_counter_name[NR_PAGE_COUNTERS] = {
#define X(id, name) [PC_##id] = name,
	PAGE_COUNTERS(X)
#undef X
};

uint64_t zone_free_pages(const struct zone *zone)
{
	uint64_t pages = 0;

	/* All that the array has: what is above max_order is empty. */
	for (unsigned int order = 0; order < PAGE_MAX_ORDERS; order++)
		pages += (uint64_t)zone->area[order].nr_free << order;
	return pages;
}

uint64_t zone_pcp_pages(const struct zone *zone)
{
	uint64_t pages = 0;

	for (uint32_t cpu = 0; cpu < zone->pa->nr_cpus; cpu++)
		pages += zone->pcps[cpu].count;
	return pages;
}

unsigned int page_alloc_nr_zones(const struct page_alloc *pa)
{
	return pa->nr_zones;
}

void page_alloc_zone_stats(const struct page_alloc *pa, unsigned int index, struct zone_stats *stats)
{
	const struct zone *zone = &pa->zones[index];

	memset(stats, 0, sizeof(*stats));
	stats->node = zone->node;
	stats->type = zone->type;
	stats->start_pfn = zone->start;
	stats->spanned = zone->end - zone->start;
	stats->present = zone->present;
	stats->managed = zone->managed;
	stats->free_pages = zone_free_pages(zone);
	stats->pcp_pages = zone_pcp_pages(zone);
	stats->min = zone->wmark[WMARK_MIN];
	stats->low = zone->wmark[WMARK_LOW];
	stats->high = zone->wmark[WMARK_HIGH];
	stats->boost = zone->boost;
	stats->highatomic = zone->nr_reserved_highatomic;
	for (unsigned int type = 0; type < NR_ZONE_TYPES; type++)
		stats->lowmem_reserve[type] = zone->lowmem_reserve[type];
	stats->pcp_high = zone->pcp_high;
	stats->pcp_batch = zone->pcp_batch;
	stats->stat_threshold = zone->stat_threshold;
	stats->node_unreclaimable = kswapd_gave_up(pa, zone->node);
	for (unsigned int mt = 0; mt < NR_MIGRATETYPES; mt++) {
		for (unsigned int order = 0; order <= pa->max_order; order++)
			stats->blocks[mt][order] = zone->area[order].list[mt].nr;
		stats->pageblocks[mt] = zone->pageblocks[mt];
	}
}

static bool is_kind(const struct page_failures *failures, const struct page_failures *kind)
{
	return failures->gfp == kind->gfp && failures->order == kind->order && failures->node == kind->node &&
		failures->zone == kind->zone;
}

void page_count_failure(struct page_alloc *pa, const struct alloc_context *ac)
{
	const struct zone *zone = ac->preferred < ac->nr_zones ? ac->zonelist->zone[ac->preferred] : NULL;
	struct page_failures kind = { .gfp = ac->gfp, .order = ac->order, .node = zone ? zone->node : 0,
		.zone = zone ? zone->type : NR_ZONE_TYPES };
	struct page_failures *at = &pa->failures[pa->last_failure];

	pa->counter[PC_ALLOC_FAIL]++;
	/* On a machine that is far too small the one before was of the same kind, as a rule. */
	if (!is_kind(at, &kind))
		at = pa->failures;
	while (at < pa->failures + pa->nr_failures && !is_kind(at, &kind))
		at++;
	if (at == pa->failures + PAGE_FAILURE_KINDS) {
		at--;
	} else if (at == pa->failures + pa->nr_failures) {
		*at = kind;
		pa->nr_failures++;
	}
	at->count++;
	pa->last_failure = (uint32_t)(at - pa->failures);
}

unsigned int page_alloc_failures(const struct page_alloc *pa, const struct page_failures **failures)
{
	*failures = pa->failures;
	return pa->nr_failures;
}

uint64_t page_alloc_counter(const struct page_alloc *pa, enum page_counter counter)
{
	return pa->counter[counter];
}

unsigned int page_alloc_extfrag_stats(const struct page_alloc *pa, struct extfrag_stats *stats, unsigned int max)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < MIGRATE_PCPTYPES * MIGRATE_PCPTYPES * PAGE_MAX_ORDERS * PAGE_MAX_ORDERS; i++) {
		const struct extfrag_count *kind = &pa->extfrag[i];
		unsigned int types = i / (PAGE_MAX_ORDERS * PAGE_MAX_ORDERS);

		if (!kind->count)
			continue;
		if (nr < max)
			stats[nr] = (struct extfrag_stats){
				.alloc_mt = (uint8_t)(types / MIGRATE_PCPTYPES),
				.fallback_mt = (uint8_t)(types % MIGRATE_PCPTYPES),
				.alloc_order = (uint8_t)(i / PAGE_MAX_ORDERS % PAGE_MAX_ORDERS),
				.fallback_order = (uint8_t)(i % PAGE_MAX_ORDERS),
				.count = kind->count,
				.ownership_changes = kind->ownership_changes,
			};
		nr++;
	}
	return nr;
}

/* Models fill_contig_page_info() of mm/vmstat.c: what the indices are made of. */
static void contig_page_info(const uint64_t *nr_free, unsigned int max_order, unsigned int order, uint64_t *pages,
	uint64_t *blocks, uint64_t *suitable)
{
	*pages = *blocks = *suitable = 0;
	for (unsigned int o = 0; o <= max_order; o++) {
		*pages += nr_free[o] << o;
		*blocks += nr_free[o];
		if (o >= order)
			*suitable += nr_free[o] << (o - order);
	}
}

int page_unusable_index(const uint64_t *nr_free, unsigned int max_order, unsigned int order)
{
	uint64_t pages, blocks, suitable;

	contig_page_info(nr_free, max_order, order, &pages, &blocks, &suitable);
	if (!pages)
		return 1000;
	return (int)((pages - (suitable << order)) * 1000 / pages);
}

int page_frag_index(const uint64_t *nr_free, unsigned int max_order, unsigned int order)
{
	uint64_t pages, blocks, suitable;

	contig_page_info(nr_free, max_order, order, &pages, &blocks, &suitable);
	if (!blocks)
		return 0;
	if (suitable)
		return -1000;
	return 1000 - (int)((1000 + pages * 1000 / (1ull << order)) / blocks);
}

unsigned int page_extfrag_percent(const uint64_t *nr_free, unsigned int max_order, unsigned int order)
{
	uint64_t pages, blocks, suitable;

	contig_page_info(nr_free, max_order, order, &pages, &blocks, &suitable);
	return pages ? (unsigned int)((pages - (suitable << order)) * 100 / pages) : 0;
}

/* page_where: where pages are, for whoever follows a recording, in structs and in words. */
#include "mm/page_where_priv.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/room_text.h"
#include "mm/page_alloc_priv.h"
#include "mm/pcp_priv.h"

#define BLOCKS_SHOWN 6u

/* The head of the block that holds @pfn, PFN_NONE when no head says so. */
static pfn_t block_head(const struct page_alloc *pa, pfn_t pfn)
{
	for (unsigned int order = 0; order <= pa->max_order; order++) {
		pfn_t head = pfn & ~((1ull << order) - 1);
		const struct page *page = page_at(pa, head);

		if ((page->place == PAGE_IN_BUDDY || page->place == PAGE_IN_PCP) && page->order >= order &&
			head + (1ull << page->order) > pfn)
			return head;
	}
	return PFN_NONE;
}

static void pcp_of(struct free_spot *spot, pfn_t first)
{
	struct zone *zone = spot->zone;
	const struct page *page = page_at(zone->pa, spot->head);

	spot->list = pcp_list_index(spot->order, migratetype_is_mergeable(page->mt) ? page->mt : MIGRATE_MOVABLE);
	for (uint32_t cpu = 0; cpu < zone->pa->nr_cpus; cpu++) {
		if (zone->pcps[cpu].list[spot->list].head != first)
			continue;
		spot->pcp = &zone->pcps[cpu];
		spot->cpu = cpu;
		return;
	}
}

bool free_spot_find(struct page_alloc *pa, pfn_t pfn, struct free_spot *spot)
{
	struct zone *zone = page_zone_slow(pa, pfn);
	pfn_t first;

	if (!zone || page_nr_handed_out(pa, pfn, pfn + 1))
		return false;
	*spot = (struct free_spot){ .zone = zone, .head = block_head(pa, pfn) };
	if (spot->head == PFN_NONE) {
		pfn_t run = buddy_run_of(zone, pfn);

		if (run == PFN_NONE)
			return false;
		spot->head = pfn & ~((1ull << pa->max_order) - 1);
		buddy_split_run(zone, run, spot->head);
	}
	spot->order = page_at(pa, spot->head)->order;
	for (first = spot->head; page_at(pa, first)->prev != LINK_NONE; first = page_at(pa, first)->prev)
		spot->position++;
	if (page_at(pa, spot->head)->place == PAGE_IN_PCP)
		pcp_of(spot, first);
	return true;
}

int page_alloc_zone_of(const struct page_alloc *pa, pfn_t pfn)
{
	const struct zone *zone = page_zone_slow(pa, pfn);

	return zone ? zone->index : -1;
}

uint32_t page_alloc_pcp_count(const struct page_alloc *pa, unsigned int zone, unsigned int cpu)
{
	return pa->zones[zone].pcps[cpu].count;
}

void page_alloc_where(struct page_alloc *pa, pfn_t pfn, char *buf, size_t size)
{
	struct free_spot spot;
	const struct page *page;

	if (pfn >= pa->end_pfn || !page_zone_slow(pa, pfn)) {
		snprintf(buf, size, "in no zone");
		return;
	}
	if (!free_spot_find(pa, pfn, &spot)) {
		snprintf(buf, size, "%s",
			!page_alloc_allocated(pa, pfn, 0)               ? "no memory, or never managed" :
				page_at(pa, pfn)->place != PAGE_NO_HEAD ? "reserved since before the saved state" :
									  "handed out");
		return;
	}
	page = page_at(pa, spot.head);
	if (spot.pcp)
		snprintf(buf, size, "on the %s list of order %u of CPU %u, position %u (zone %s, node %u)",
			migratetype_name[page->mt], spot.order, spot.cpu, spot.position,
			machine_zone_name[spot.zone->type], spot.zone->node);
	else
		snprintf(buf, size,
			"free: in block %" PRIu64 " on the %s list of order %u, position %u (zone %s, node %u)",
			spot.head, migratetype_name[page->mt], spot.order, spot.position,
			machine_zone_name[spot.zone->type], spot.zone->node);
}

static void describe_list(const struct page_alloc *pa, uint32_t head, struct room_text *text)
{
	unsigned int shown = 0;

	for (; head != LINK_NONE && shown < BLOCKS_SHOWN; head = page_at(pa, head)->next, shown++)
		room_text_add(text, " %u", head);
	room_text_add(text, head == LINK_NONE ? "\n" : " ...\n");
}

void page_alloc_describe(const struct page_alloc *pa, unsigned int index, char *buf, size_t size)
{
	const struct zone *zone = &pa->zones[index];
	struct room_text text = { buf, size, 0 };

	room_text_add(&text,
		"zone %s, node %u: free %" PRIu64 ", min %u, low %u, high %u, boost %u, pcp high %u, batch %u\n",
		machine_zone_name[zone->type], zone->node, zone_free_pages(zone), zone->wmark[WMARK_MIN],
		zone->wmark[WMARK_LOW], zone->wmark[WMARK_HIGH], zone->boost, zone->pcp_high, zone->pcp_batch);
	for (unsigned int order = 0; order <= pa->max_order; order++) {
		for (unsigned int mt = 0; mt < NR_MIGRATETYPES; mt++) {
			const struct free_list *list = &zone->area[order].list[mt];

			if (!list->nr)
				continue;
			room_text_add(&text, "  order %u, %s: %u:", order, migratetype_name[mt], list->nr);
			describe_list(pa, list->blocks.head, &text);
		}
	}
	for (uint32_t cpu = 0; cpu < pa->nr_cpus; cpu++) {
		const struct pcp *pcp = &zone->pcps[cpu];

		room_text_add(&text, "  CPU %u: count %u, free factor %u\n", cpu, pcp->count, pcp->free_factor);
		for (unsigned int i = 0; i < NR_PCP_LISTS; i++) {
			if (pcp->list[i].head == LINK_NONE)
				continue;
			room_text_add(&text, "    list %u:", i);
			describe_list(pa, pcp->list[i].head, &text);
		}
	}
}

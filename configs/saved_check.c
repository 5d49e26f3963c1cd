/* saved_check: whether the parts of a saved state agree with each other. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "configs/saved_state.h"

#define PCP_LOW_LISTS 12   /* lists of orders 0 to 3; behind them two for pageblock order */
#define ISOLATE       5    /* its pages do not count as free */

/* Frames that one part of the state claims. */
struct claim {
	uint64_t start, end;
	enum state_page_kind kind;
};

static int check_zones(const struct state *s, struct err *err)
{
	for (size_t i = 0; i < s->nr_zones; i++) {
		const struct state_zone *z = &s->zones[i];

		if (z->managed > z->present || z->present > z->spanned)
			return err_set(err, ERR_CONFIG,
				"1: zone %zu: managed %" PRIu64 ", present %" PRIu64 ", spanned %" PRIu64, i,
				z->managed, z->present, z->spanned);
		for (size_t k = 0; k < i; k++) {
			const struct state_zone *other = &s->zones[k];

			if (other->node != z->node)
				continue;
			if (other->type == z->type)
				return err_set(err, ERR_CONFIG, "1: node %" PRIu32 " has zone %s twice", z->node,
					machine_zone_name[z->type]);
			if (z->spanned && other->spanned && z->start_pfn < other->start_pfn + other->spanned &&
				other->start_pfn < z->start_pfn + z->spanned)
				return err_set(err, ERR_CONFIG, "1: zones %s and %s of node %" PRIu32 " overlap",
					machine_zone_name[other->type], machine_zone_name[z->type], z->node);
		}
	}
	return 0;
}

static bool lies_in(const struct state_zone *zone, uint64_t pfn, unsigned int order)
{
	return !(pfn & ((1ull << order) - 1)) && pfn >= zone->start_pfn &&
		pfn + (1ull << order) <= zone->start_pfn + zone->spanned;
}

static int check_blocks(const struct state *s, struct err *err)
{
	uint64_t *free_pages;

	if (!s->exact_blocks)
		return 0;
	free_pages = calloc(s->nr_zones + 1, sizeof(*free_pages));
	if (!free_pages)
		return err_set(err, ERR_NOMEM, "no memory to check a saved state");
	for (size_t i = 0; i < s->nr_blocks; i++) {
		const struct state_block *b = &s->blocks[i];

		if (b->zone >= s->nr_zones || !lies_in(&s->zones[b->zone], b->pfn, b->order)) {
			free(free_pages);
			return err_set(err, ERR_CONFIG,
				"2: block of order %u at pfn %" PRIu64 " is not aligned or outside zone %u", b->order,
				b->pfn, b->zone);
		}
		free_pages[b->zone] += b->migratetype == ISOLATE ? 0 : 1ull << b->order;
	}
	for (size_t i = 0; i < s->nr_zones; i++) {
		uint64_t found = free_pages[i];

		if (found == s->zones[i].free_pages)
			continue;
		free(free_pages);
		return err_set(err, ERR_CONFIG,
			"2: blocks of node %" PRIu32 " zone %s have %" PRIu64 " pages, free_pages is %" PRIu64,
			s->zones[i].node, machine_zone_name[s->zones[i].type], found, s->zones[i].free_pages);
	}
	free(free_pages);
	return 0;
}

static bool is_on_its_list(const struct state_pcp *p)
{
	if (p->list < PCP_LOW_LISTS)
		return p->order == p->list / 3;
	return p->list == PCP_LOW_LISTS + (p->migratetype == 1) && p->order > PCP_LOW_LISTS / 3 - 1;
}

static int check_pcp(const struct state *s, struct err *err)
{
	for (size_t i = 0; i < s->nr_pcp; i++) {
		const struct state_pcp *p = &s->pcp[i];

		if (p->zone >= s->nr_zones || !lies_in(&s->zones[p->zone], p->pfn, p->order) || !is_on_its_list(p))
			return err_set(err, ERR_CONFIG,
				"3: pcp block of order %u at pfn %" PRIu64 " on list %u of CPU %" PRIu32 " in zone %u",
				p->order, p->pfn, p->list, p->cpu, p->zone);
	}
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static size_t collect_claims(const struct state *s, struct claim *claims)
{
	size_t n = 0;

	for (size_t i = 0; i < s->nr_blocks; i++)
		claims[n++] = (struct claim){ s->blocks[i].pfn, s->blocks[i].pfn + (1ull << s->blocks[i].order),
			STATE_PAGE_BUDDY };
	for (size_t i = 0; i < s->nr_pcp; i++)
		claims[n++] =
			(struct claim){ s->pcp[i].pfn, s->pcp[i].pfn + (1ull << s->pcp[i].order), STATE_PAGE_PCP };
	for (size_t i = 0; i < s->nr_slabs; i++)
		claims[n++] = (struct claim){ s->slabs[i].pfn, s->slabs[i].pfn + (1ull << s->slabs[i].order),
			STATE_PAGE_SLAB };
	qsort(claims, n, sizeof(*claims), by_start);
	return n;
}

/* Both ascend, so one walk through both is enough. */
static int check_kinds(const struct state *s, const struct claim *claims, size_t nr, struct err *err)
{
	size_t run = 0;

	for (size_t i = 1; i < s->nr_pages; i++) {
		if (s->pages[i].first_pfn < s->pages[i - 1].first_pfn + s->pages[i - 1].nr_pages)
			return err_set(err, ERR_CONFIG,
				"7: the run of pages at pfn %" PRIu64 " overlaps the one before",
				s->pages[i].first_pfn);
	}
	for (size_t i = 0; s->nr_pages && i < nr; i++) {
		const struct state_pages *p;

		while (run + 1 < s->nr_pages && s->pages[run].first_pfn + s->pages[run].nr_pages <= claims[i].start)
			run++;
		p = &s->pages[run];
		if (p->kind != claims[i].kind || p->first_pfn > claims[i].start ||
			p->first_pfn + p->nr_pages < claims[i].end)
			return err_set(err, ERR_CONFIG,
				"7: pages %" PRIu64 "..%" PRIu64 " are free, pcp or slab pages, but not so in "
				"pages.csv",
				claims[i].start, claims[i].end - 1);
	}
	return 0;
}

static int check_overlaps(const struct state *s, struct err *err)
{
	struct claim *claims = calloc(s->nr_blocks + s->nr_pcp + s->nr_slabs + 1, sizeof(*claims));
	size_t nr;
	int ret = 0;

	if (!claims)
		return err_set(err, ERR_NOMEM, "no memory to check a saved state");
	nr = collect_claims(s, claims);
	for (size_t i = 1; i < nr && !ret; i++) {
		if (claims[i].start < claims[i - 1].end)
			ret = err_set(err, ERR_CONFIG, "4: two of free blocks, pcp blocks and slabs have pfn %" PRIu64,
				claims[i].start);
	}
	if (!ret)
		ret = check_kinds(s, claims, nr, err);
	free(claims);
	return ret;
}

/* Whether no object of @list was in @seen, a flag for each object, and all are below @objects. */
static bool all_new(const uint16_t *list, uint32_t nr, bool *seen, uint32_t objects)
{
	for (uint32_t i = 0; i < nr; i++) {
		if (list[i] >= objects || seen[list[i]])
			return false;
		seen[list[i]] = true;
	}
	return true;
}

static int check_slab(const struct state *s, const struct state_slab *slab, struct err *err)
{
	bool seen[UINT16_MAX];

	memset(seen, 0, slab->objects * sizeof(seen[0]));
	if (slab->cache >= s->nr_caches)
		return err_set(err, ERR_CONFIG, "5: slab at pfn %" PRIu64 " is of no cache", slab->pfn);
	if (slab->inuse + slab->nr_freelist != slab->objects || slab->nr_cpu_freelist > slab->inuse)
		return err_set(err, ERR_CONFIG,
			"5: slab of %s at pfn %" PRIu64 ": %u in use, %" PRIu32 " free, %" PRIu32
			" on the CPU's freelist, of %u objects",
			s->caches[slab->cache].name, slab->pfn, slab->inuse, slab->nr_freelist, slab->nr_cpu_freelist,
			slab->objects);
	if (!all_new(slab->freelist, slab->nr_freelist, seen, slab->objects) ||
		!all_new(slab->cpu_freelist, slab->nr_cpu_freelist, seen, slab->objects))
		return err_set(err, ERR_CONFIG,
			"5: slab of %s at pfn %" PRIu64 ": an object stands twice on its freelists",
			s->caches[slab->cache].name, slab->pfn);
	return 0;
}

static int check_caches(const struct state *s, struct err *err)
{
	size_t at = 0;

	/* Slabs stand by cache. */
	for (size_t i = 0; s->nr_slabs && i < s->nr_caches; i++) {
		const struct state_cache *c = &s->caches[i];
		uint64_t slabs = 0, objects = 0;

		for (; at < s->nr_slabs && s->slabs[at].cache == i; at++, slabs++)
			objects += s->slabs[at].objects;
		if (slabs != c->slabs || objects != c->objects)
			return err_set(err, ERR_CONFIG, "6: cache %s says %" PRIu64 " slabs with %" PRIu64
				" objects, there are %" PRIu64 " with %" PRIu64, c->name, c->slabs, c->objects, slabs, objects);
	}
	return 0;
}

int saved_state_check(const struct state *state, struct err *err)
{
	int ret = check_zones(state, err);

	if (!ret)
		ret = check_blocks(state, err);
	if (!ret)
		ret = check_pcp(state, err);
	if (!ret)
		ret = check_overlaps(state, err);
	for (size_t i = 0; !ret && i < state->nr_slabs; i++)
		ret = check_slab(state, &state->slabs[i], err);
	if (!ret)
		ret = check_caches(state, err);
	return ret < 0 ? err_context(err, "%s", state->source) : 0;
}

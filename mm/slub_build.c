/*
 * slub_build: slabs of a saved state that only counts them (slabinfo): as many of each
 * cache, in pages that are in use, at places drawn by the seed, with as many objects in use.
 */
#include <stdlib.h>

#include "base/bitmap.h"
#include "base/bits.h"
#include "mm/slub_priv.h"

/* Slabs on their way. */
struct building {
	struct slub *slub;
	struct slab_load_report *report;
	uint64_t *taken; /* owned: a bit for each page that a slab has already */
	uint8_t *none;   /* owned: a 0 for each object of a slab: none is on the slab's own freelist */
	/* where to look on, by type of pageblock; the last: of any */
	pfn_t cursor[NR_MIGRATETYPES + 1][PAGE_MAX_ORDERS];
};

static bool is_taken(const struct building *b, pfn_t pfn, unsigned int order)
{
	uint32_t end = (uint32_t)(pfn + (1ull << order));

	return bitmap_next_set(b->taken, (uint32_t)pfn, end) < end;
}

/* Behind the last one found, else from the beginning of memory. Where there is none, there will be none. */
static pfn_t find_block(struct building *b, unsigned int order, unsigned int mt)
{
	pfn_t *cursor = &b->cursor[mt][order], from = *cursor;

	for (unsigned int turn = 0; turn < 2 && from != PFN_NONE; turn++, from = 0) {
		pfn_t pfn = from;

		while ((pfn = page_alloc_used_block(b->slub->pages, pfn, order, mt)) != PFN_NONE &&
			is_taken(b, pfn, order))
			pfn += 1ull << order;
		*cursor = pfn;
		if (pfn != PFN_NONE)
			return pfn;
	}
	return PFN_NONE;
}

/*
 * In pages that the state has in use, of a pageblock where such
 * slabs are wanted, else of any; where there are none, in free ones.
 */
static bool new_slab(struct building *b, struct slub_op *op, uint32_t *number)
{
	unsigned int order = op->cache->geometry.order;
	unsigned int mt = op->cache->flags & SLAB_RECLAIM_ACCOUNT ? MIGRATE_RECLAIMABLE : MIGRATE_UNMOVABLE;
	pfn_t pfn = find_block(b, order, mt);
	const struct slub_slab *slab;

	if (pfn == PFN_NONE)
		pfn = find_block(b, order, NR_MIGRATETYPES);
	if (pfn != PFN_NONE)
		slub_next_pfn(b->slub, op->cache_nr, pfn, order);
	if (slub_new_slab(op, number) != MM_DONE)
		return false;
	slab = &b->slub->store.slabs[*number];
	bitmap_set(b->taken, slab->pfn, slab->pfn + (1u << slab->order));
	b->report->slabs_from_free += slab->pfn != pfn;
	return true;
}

/* Leaves @free objects free, evenly spread, in ascending order. */
static void fill_slab(struct slub *slub, struct slub_slab *slab, uint32_t free)
{
	uint16_t *links = slub_links(slub, slab), head = OBJECT_NONE;

	for (uint32_t i = free; i-- > 0;) {
		uint16_t object = (uint16_t)((uint64_t)i * slab->objects / free);

		links[object] = head;
		head = object;
	}
	slab->freelist = head;
	slab->inuse = (uint16_t)(slab->objects - free);
}

/* What the slabs of a cache are of which only the numbers are known. */
struct slab_counts {
	uint64_t current; /* CPUs' current ones */
	uint64_t stacked; /* on CPUs' stacks */
	uint64_t partial; /* on node lists */
	uint64_t free;    /* objects on the latter that are free */
};

/*
 * What slabinfo counts as not active lies on the node lists: in slabs that are half full, or in all that there are.
 * Of the others, sysfs tells how many are with CPUs. Where it was not saved, each CPU is taken to have one, as it
 * does in recorded states of caches with so many slabs.
 */
static struct slab_counts count_slabs(const struct slub *slub, const struct state_cache *saved,
	const struct slub_cache *cache)
{
	uint32_t per_slab = cache->geometry.objs_per_slab;
	uint64_t room = saved->slabs * per_slab;
	struct slab_counts n = { .free = room - min_u64(saved->active_objs, room) };
	uint64_t with_cpus = saved->cpu_slabs ? saved->cpu_slabs : slub->nr_cpus;

	n.partial = min_u64(saved->slabs, div_round_up(n.free, (per_slab + 1) / 2));
	with_cpus = min_u64(with_cpus, saved->slabs - n.partial);
	n.current = min_u64(with_cpus, slub->nr_cpus);
	if (cache->has_cpu_partial)
		n.stacked = min_u64(with_cpus - n.current, (uint64_t)slub->nr_cpus * cache->geometry.cpu_partial_slabs);
	return n;
}

/*
 * Slab @i of a cache: those of CPUs first, which give half of
 * their objects when they are on a stack; then the node lists'.
 */
static void fill_new_slab(struct building *b, struct slub_op *op, struct slab_counts *n, uint64_t i, uint32_t number)
{
	struct slub *slub = b->slub;
	struct slub_slab *slab = &slub->store.slabs[number];
	uint64_t with_cpus = n->current + n->stacked;
	uint32_t free = 0;

	if (i >= n->current && i < with_cpus)
		free = slab->objects / 2u;
	else if (i >= with_cpus && i - with_cpus < n->partial)
		free = (uint32_t)min_u64(div_round_up(n->free, n->partial - (i - with_cpus)), slab->objects);
	fill_slab(slub, slab, free);
	b->report->objects_assumed += slab->inuse;
	if (i < n->current) {
		slub_load(op, number);
		op->c->freelist = slub_guess_freelist(slub, slab, b->none, slub_guess_free(slab));
		op->cache->loaded_objects += slab->inuse - slub_guess_free(slab);
		return;
	}
	op->cache->loaded_objects += slab->inuse;
	if (i < with_cpus && free) {
		slub_cpu_partial_put(op, number, false);
	} else if (free) {
		n->free -= free;
		slub_partial_add(slub, number, true);
	}
}

/* As many slabs as counted. */
static void build_slabs(struct building *b, const struct state_cache *saved, uint32_t cache_nr)
{
	struct slub *slub = b->slub;
	const struct slub_cache *cache = &slub->caches[cache_nr];
	uint64_t room = saved->slabs * cache->geometry.objs_per_slab;
	struct slab_counts n = count_slabs(slub, saved, cache);
	struct meter unpaid = { 0 };

	b->report->counts_differ += saved->objects > room ? saved->objects - room : room - saved->objects;
	meter_start(&unpaid, slub->machine->latency.step_ns);
	for (uint64_t i = 0; i < saved->slabs; i++) {
		struct slub_op op = slub_op_of(slub, cache_nr, (unsigned int)(i % slub->nr_cpus), &unpaid);
		uint32_t number;

		op.gfp = GFP_KERNEL & ~GFP_RECLAIM; /* more slabs than memory has room for take nobody's pages */
		if (!new_slab(b, &op, &number)) {
			b->report->slabs_missing += saved->slabs - i;
			return;
		}
		fill_new_slab(b, &op, &n, i, number);
		b->report->slabs++;
	}
}

static int building_init(struct building *b, struct slub *slub, struct slab_load_report *report, struct err *err)
{
	pfn_t end = page_alloc_end(slub->pages);

	*b = (struct building){ .slub = slub, .report = report };
	b->taken = calloc(bitmap_words((uint32_t)end + 1), sizeof(*b->taken));
	b->none = calloc(SLAB_OBJECTS_MAX + 1, sizeof(*b->none));
	if (!b->taken || !b->none) {
		free(b->taken);
		free(b->none);
		return err_set(err, ERR_NOMEM, "no memory to place slabs");
	}
	for (unsigned int mt = 0; mt <= NR_MIGRATETYPES; mt++)
		for (unsigned int order = 0; order < PAGE_MAX_ORDERS; order++)
			b->cursor[mt][order] = rng_below(&slub->load_rng, end);
	return 0;
}

/* Larger slabs first: they have fewer places. */
int slub_build_slabs(struct slub *slub, const struct state *saved, const uint32_t *cache_of,
	struct slab_load_report *report, struct err *err)
{
	struct building b;
	int ret = building_init(&b, slub, report, err);

	if (ret < 0)
		return ret;
	for (unsigned int order = PAGE_MAX_ORDERS; order-- > 0;)
		for (size_t i = saved->nr_caches; i-- > 0;)
			if (slub->caches[cache_of[i]].geometry.order == order)
				build_slabs(&b, &saved->caches[i], cache_of[i]);
	free(b.taken);
	free(b.none);
	return 0;
}

/*
 * Starting from a saved state: its caches take the place of those made at boot; their slabs are the allocator's. And
 * the calls that hold the model against a recording, handed through to the allocator.
 */
#include <stdlib.h>
#include <string.h>

#include "mm/slab_priv.h"

/* The bits of the saved flags that slab.h knows; the others change nothing here. */
#define SAVED_FLAGS \
	(SLAB_HWCACHE_ALIGN | SLAB_CACHE_DMA | SLAB_CACHE_DMA32 | SLAB_DEBUG_FLAGS | SLAB_RECLAIM_ACCOUNT | \
		SLAB_TYPESAFE_BY_RCU | SLAB_NOLEAKTRACE | SLAB_ACCOUNT)

static uint32_t saved_flags(const struct state_cache *saved)
{
	return (saved->flags & SAVED_FLAGS) | (saved->ctor ? SLAB_CTOR : 0) | (saved->no_merge ? SLAB_NO_MERGE : 0);
}

/*
 * As saved; what the text files do not show (the smaller order, the place of the free pointer) follows from the rest.
 */
static void saved_geometry(const struct machine *machine, const struct state_cache *saved, struct slab_geometry *g)
{
	*g = (struct slab_geometry){
		.object_size = saved->object_size, .size = saved->size, .align = saved->align,
		.inuse = saved->inuse, .offset = saved->offset,
		.order = saved->order, .objs_per_slab = saved->objs_per_slab,
		.min_order = saved->min_order, .min_objs = saved->min_objs, .min_partial = saved->min_partial,
		.cpu_partial = saved->cpu_partial, .cpu_partial_slabs = saved->cpu_partial_slabs,
	};
	if (!g->size || !g->objs_per_slab)
		return;
	if (!g->min_objs) {
		g->min_order = slab_order_of(machine, g->size);
		g->min_objs = (uint32_t)(((uint64_t)machine->page_size << g->min_order) / g->size);
	}
	if (!g->cpu_partial_slabs)
		g->cpu_partial_slabs = (2 * g->cpu_partial + g->objs_per_slab - 1) / g->objs_per_slab;
}

static bool slab_holds(const struct machine *machine, uint32_t order, uint32_t objects, uint32_t size)
{
	return order < PAGE_MAX_ORDERS && objects && objects <= SLAB_OBJECTS_MAX &&
		(uint64_t)objects * size <= (uint64_t)machine->page_size << order;
}

/* A merged cache's free pointer stays where the first creator's object had it, so its offset is not held against it. */
static bool same_sizes(const struct slab_geometry *a, const struct slab_geometry *b)
{
	return a->size == b->size && a->order == b->order && a->objs_per_slab == b->objs_per_slab &&
		a->min_order == b->min_order && a->min_objs == b->min_objs && a->min_partial == b->min_partial &&
		a->cpu_partial == b->cpu_partial && a->cpu_partial_slabs == b->cpu_partial_slabs;
}

static int load_cache(struct slab *slab, const struct state_cache *saved, uint32_t *cache, struct err *err)
{
	struct slab_geometry g, computed;
	uint32_t flags = saved_flags(saved);

	saved_geometry(slab->machine, saved, &g);
	if (!g.size || g.object_size > g.size || !slab_holds(slab->machine, g.order, g.objs_per_slab, g.size) ||
			!slab_holds(slab->machine, g.min_order, g.min_objs, g.size))
		return err_set(err, ERR_CONFIG, "cache %s: objects of %u in %u bytes, %u in a slab of order %u, %u in "
			"one of order %u: there is no such cache", saved->name, g.object_size, g.size,
			g.objs_per_slab, g.order, g.min_objs, g.min_order);
	if (!slab->ops->geometry(slab->machine, saved->object_size, saved->align, flags, &computed) ||
			!same_sizes(&g, &computed))
		slab->load_report.geometry_differs++;
	*cache = slab_install_cache(slab, saved->name, &g, flags);
	if (*cache == CACHE_NONE)
		return err_set(err, ERR_NOMEM, "no memory for cache %s", saved->name);
	slab->load_report.caches++;
	return 0;
}

/* Forgets all caches and slabs, so that only the machine is left. */
static int start_again(struct slab *slab, struct err *err)
{
	const struct mechanism *mech = &slab->ops->mech;
	struct mm mm = { .machine = slab->machine, .seed = slab->seed, .pages = slab->pages };

	mech->fini(slab->state);
	memset(slab->state, 0, mech->state_size);
	kmalloc_fini(slab);
	memset(&slab->kmalloc, 0, sizeof(slab->kmalloc));
	memset(&slab->load_report, 0, sizeof(slab->load_report));
	slab->nr_caches = slab->nr_live = slab->nr_names = slab->nr_gone = 0;
	slab->large_pages = 0;
	if (mech->init(slab->state, &mm, err) < 0)
		return err_context(err, "slab allocator %s", mech->name);
	return 0;
}

/* The kernel's list has the newest cache first; merging looks at the oldest first. */
static int load_caches(struct slab *slab, const struct state *state, uint32_t *cache_of, struct err *err)
{
	uint32_t loaded;
	int ret = 0;

	for (size_t i = state->nr_caches; !ret && i-- > 0;)
		ret = load_cache(slab, &state->caches[i], &cache_of[i], err);
	loaded = slab->nr_live;
	if (!ret)
		ret = kmalloc_create_caches(slab, err);
	slab->load_report.caches_added = slab->nr_live - loaded;
	if (!ret)
		ret = kmalloc_check(slab, err);
	return ret;
}

int slab_load(struct slab *slab, const struct state *state, struct err *err)
{
	uint32_t *cache_of;
	int ret;

	if (!slab->ops->load)
		return err_set(err, ERR_CONFIG,
			"%s: a saved state is SLUB's; the slab allocator %s cannot go on from it", state->source,
			slab->ops->mech.name);
	cache_of = malloc((state->nr_caches + 1) * sizeof(*cache_of));
	if (!cache_of)
		return err_set(err, ERR_NOMEM, "%s: no memory for %zu caches", state->source, state->nr_caches);
	ret = start_again(slab, err);
	if (!ret)
		ret = load_caches(slab, state, cache_of, err);
	if (!ret)
		ret = slab->ops->load(slab->state, state, cache_of, &slab->load_report, err);
	free(cache_of);
	return ret ? err_context(err, "%s", state->source) : 0;
}

const struct slab_load_report *slab_load_report(const struct slab *slab)
{
	return &slab->load_report;
}

bool slab_assume_live(struct slab *slab, uint32_t cache, uint64_t live)
{
	return slab->ops->assume_live && slab->ops->assume_live(slab->state, cache, live);
}

bool slab_object_at(const struct slab *slab, uint64_t address, struct slab_object *object)
{
	return slab->ops->object_at(slab->state, address, object) || kmalloc_large_at(slab, address, object);
}

uint64_t slab_object_address(const struct slab *slab, struct slab_object object)
{
	if (object.slab == SLAB_LARGE)
		return (uint64_t)object.index << slab->machine->page_shift;
	return slab->ops->address_of(slab->state, object);
}

bool slab_claim(struct slab *slab, struct slab_object object)
{
	return object.slab != SLAB_LARGE && slab->ops->claim(slab->state, object);
}

void slab_unclaim(struct slab *slab, struct slab_object object, unsigned int cpu)
{
	if (object.slab != SLAB_LARGE)
		slab->ops->unclaim(slab->state, object, cpu);
}

bool slab_switch_to(struct slab *slab, struct slab_object object, unsigned int cpu, struct meter *meter)
{
	return object.slab != SLAB_LARGE && slab->ops->switch_to(slab->state, object, cpu, meter);
}

void slab_next_start(struct slab *slab, uint32_t cache, uint32_t first_object)
{
	if (slab->ops->next_start)
		slab->ops->next_start(slab->state, cache, first_object);
}

void slab_next_pfn(struct slab *slab, uint32_t cache, pfn_t pfn, unsigned int order)
{
	if (slab->ops->next_pfn)
		slab->ops->next_pfn(slab->state, cache, pfn, order);
}

bool slab_grow_at(struct slab *slab, uint32_t cache, pfn_t pfn, unsigned int order, uint32_t first_object,
	unsigned int cpu, struct meter *meter)
{
	return slab->ops->grow_at && slab->ops->grow_at(slab->state, cache, pfn, order, first_object, cpu, meter);
}

bool slab_drop_at(struct slab *slab, pfn_t pfn, unsigned int cpu, struct meter *meter)
{
	return slab->ops->drop_at && slab->ops->drop_at(slab->state, pfn, cpu, meter);
}

void slab_describe(const struct slab *slab, uint32_t cache, unsigned int cpu, char *buf, size_t size)
{
	if (slab->ops->describe)
		slab->ops->describe(slab->state, cache, cpu, buf, size);
	else if (size)
		buf[0] = '\0';
}

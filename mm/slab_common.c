/* The table of caches: creating, merging, finding and destroying them. Models mm/slab_common.c of kernel 6.1. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bits.h"
#include "mm/slab_priv.h"

/*
 * Object numbers hold page frames in 32 bits, and a page's owner word a slab's number.
 * Simplified: 16 TiB of physical address space with 4 KiB pages, because 8 bytes an object pay off everywhere else.
 */
static int check_addressable(const struct machine *machine, struct err *err)
{
	for (uint32_t i = 0; i < machine->nr_ram; i++) {
		uint64_t end = (machine->ram[i].start + machine->ram[i].size) >> machine->page_shift;

		if (end > SLAB_NUMBERS_MAX)
			return err_set(err, ERR_CONFIG, "machine %s: memory ends at page %" PRIu64
				"; slabs can be followed up to page %u", machine->name, end, SLAB_NUMBERS_MAX);
	}
	return 0;
}

/* The allocator that @machine chooses; NULL: it does not exist, or its kernel does not have it. */
static const struct mechanism *find_allocator(const struct machine *machine, struct err *err)
{
	const struct mechanism *mech = mechanism_find(SLOT_SLAB, machine->slab.allocator);
	char known[256];

	if (!mech) {
		mechanism_list(SLOT_SLAB, known, sizeof(known));
		err_set(err, ERR_CONFIG, "slab.allocator: no allocator is called %s; there are: %s",
			machine->slab.allocator, known);
	} else if (machine->behaviour == BEHAVIOUR_6_18 && ((const struct slab_ops *)mech)->gone_since) {
		err_set(err, ERR_CONFIG, "slab.allocator: kernel 6.18 has no %s: it is gone since %s",
			machine->slab.allocator, ((const struct slab_ops *)mech)->gone_since);
		mech = NULL;
	}
	return mech;
}

int slab_check_machine(const struct machine *machine, struct err *err)
{
	return find_allocator(machine, err) ? 0 : -(int)err->code;
}

static int slab_choose_mechanism(struct slab *slab, struct mm *mm, struct err *err)
{
	const char *name = mm->machine->slab.allocator;
	const struct mechanism *mech = find_allocator(mm->machine, err);

	if (!mech)
		return -(int)err->code;
	slab->state = calloc(1, mech->state_size);
	if (!slab->state)
		return err_set(err, ERR_NOMEM, "no memory for the slab allocator %s", name);
	if (mech->init(slab->state, mm, err) < 0)
		return err_context(err, "slab allocator %s", name);
	slab->ops = (const struct slab_ops *)mech;
	return 0;
}

int slab_create_all(struct slab **out, struct mm *mm, struct err *err)
{
	struct slab *slab = calloc(1, sizeof(*slab));
	int ret;

	if (!slab)
		return err_set(err, ERR_NOMEM, "no memory for the slab caches");
	slab->machine = mm->machine;
	slab->pages = mm->pages;
	slab->seed = mm->seed;
	ret = check_addressable(mm->machine, err);
	if (!ret)
		ret = slab_choose_mechanism(slab, mm, err);
	if (!ret)
		ret = kmalloc_create_caches(slab, err);
	if (ret < 0) {
		slab_destroy_all(slab);
		return ret;
	}
	*out = slab;
	return 0;
}

void slab_destroy_all(struct slab *slab)
{
	if (!slab)
		return;
	if (slab->ops && slab->ops->mech.fini)
		slab->ops->mech.fini(slab->state);
	kmalloc_fini(slab);
	free(slab->state);
	free(slab->accounted);
	free(slab->caches);
	free(slab->by_age);
	free(slab->names);
	free(slab->gone);
	free(slab);
}

/* Room for one more cache in all tables by number. Return: 0, or -1. */
static int caches_grow(struct slab *slab)
{
	uint32_t room = array_bigger(slab->caches_room, slab->nr_caches);

	if (slab->nr_caches < slab->caches_room)
		return 0;
	if (!array_resize(&slab->caches, sizeof(*slab->caches), room) ||
		!array_resize(&slab->by_age, sizeof(*slab->by_age), room) ||
		!array_resize(&slab->accounted, sizeof(*slab->accounted), room))
		return -1;
	slab->caches_room = room;
	return 0;
}

/* The lowest number not in use. */
static uint32_t cache_number(const struct slab *slab)
{
	uint32_t cache = 0;

	while (cache < slab->nr_caches && slab->caches[cache].live)
		cache++;
	return cache;
}

/* SLAB_ACCOUNT is 0 in a kernel without memory cgroups for kernel memory. */
static uint32_t cache_flags(const struct slab *slab, uint32_t flags)
{
	return slab->machine->slab.memcg_kmem ? flags : flags & ~SLAB_ACCOUNT;
}

uint32_t slab_install_cache(struct slab *slab, const char *name, const struct slab_geometry *geometry, uint32_t flags)
{
	uint32_t cache = cache_number(slab);

	flags = cache_flags(slab, flags);
	if (caches_grow(slab) < 0 || slab_names_add(slab, name, cache) < 0)
		return CACHE_NONE;
	if (slab->ops->cache_init(slab->state, cache, geometry, flags) < 0) {
		slab->nr_names--;
		return CACHE_NONE;
	}
	if (cache == slab->nr_caches)
		slab->nr_caches++;
	slab->caches[cache] = (struct slab_cache){ .geometry = *geometry, .flags = flags, .refcount = 1, .live = true };
	memcpy(slab->caches[cache].name, slab->names[slab->nr_names - 1].name, SLAB_NAME_MAX);
	slab->accounted[cache] = (flags & SLAB_ACCOUNT) != 0;
	slab->by_age[slab->nr_live++] = cache;
	return cache;
}

uint32_t slab_add_cache(struct slab *slab, const struct slab_create *create)
{
	struct slab_geometry geometry;

	if (!slab->ops->geometry(slab->machine, create->object_size, create->align,
			cache_flags(slab, create->flags), &geometry))
		return CACHE_NONE;
	return slab_install_cache(slab, create->name, &geometry, create->flags);
}

/*
 * Models find_mergeable(). A cache whose destruction was refused is still in the kernel's list with no user, and is
 * merged with like any other; one that was destroyed once more (refcount -1) is not.
 */
static uint32_t find_mergeable(const struct slab *slab, const struct slab_create *create)
{
	uint32_t flags = cache_flags(slab, create->flags), word = slab->machine->bits32 ? 4 : 8, align;
	uint64_t size;

	if (slab->ops->merging == MERGE_NEVER || !slab->machine->slab.merge || (flags & SLAB_NEVER_MERGE) ||
		!create->object_size || (create->align & (create->align - 1)))
		return CACHE_NONE;
	size = align_up(create->object_size, word);
	align = slab_calculate_alignment(flags, create->align, (uint32_t)min_u64(size, UINT32_MAX));
	size = align_up(size, align);
	for (uint32_t i = 0; i < slab->nr_live; i++) {
		const struct slab_cache *c = &slab->caches[slab->by_age[i]];

		if ((c->flags & SLAB_NEVER_MERGE) || c->refcount < 0 || size > c->geometry.size)
			continue;
		if ((c->flags ^ flags) & SLAB_MERGE_SAME)
			continue;
		if (c->geometry.size & (align - 1))
			continue;
		if (slab->ops->merging == MERGE_ALIGNED && c->geometry.align % align)
			continue;
		if (c->geometry.size - size < word)
			return slab->by_age[i];
	}
	return CACHE_NONE;
}

static bool is_classic(const struct slab *slab)
{
	return slab->machine->behaviour == BEHAVIOUR_2_6_CLASSIC;
}

/* Models __kmem_cache_alias(). */
static int cache_alias(struct slab *slab, uint32_t cache, const struct slab_create *create)
{
	struct slab_cache *c = &slab->caches[cache];
	uint32_t word = slab->machine->bits32 ? 4 : 8;

	/* A module that comes and goes brings its name only once. */
	if (slab_cache_find(slab, create->name) != cache && slab_names_add(slab, create->name, cache) < 0)
		return -1;
	c->refcount++;
	c->geometry.object_size = (uint32_t)max_u64(c->geometry.object_size, create->object_size);
	c->geometry.inuse = (uint32_t)max_u64(c->geometry.inuse, align_up(create->object_size, word));
	return 0;
}

/*
 * Simplified: the objects that a cache is made of (struct kmem_cache, its nodes, its name, the random sequence) are
 * not allocated here, because a trace shows their allocations as events of their own.
 */
enum slab_create_result slab_cache_create(struct slab *slab, const struct slab_create *create, uint32_t *cache,
	struct meter *meter)
{
	*cache = CACHE_NONE;
	if (is_classic(slab) && slab_cache_find(slab, create->name) != CACHE_NONE)
		return SLAB_CREATE_FAILED;
	*cache = find_mergeable(slab, create);
	if (*cache != CACHE_NONE)
		return cache_alias(slab, *cache, create) < 0 ? SLAB_CREATE_FAILED : SLAB_MERGED;
	*cache = slab_add_cache(slab, create);
	if (*cache == CACHE_NONE)
		return SLAB_CREATE_FAILED;
	meter_charge(meter, STEP_CACHE_CREATE, 1);
	return SLAB_CREATED;
}

enum slab_create_result slab_cache_boot(struct slab *slab, const struct slab_create *create, uint32_t *cache)
{
	*cache = slab_add_cache(slab, create);
	return *cache == CACHE_NONE ? SLAB_CREATE_FAILED : SLAB_CREATED;
}

bool slab_cache_given_up(const struct slab *slab, uint32_t cache)
{
	return slab->caches[cache].refcount <= 0;
}

bool slab_cache_destroy(struct slab *slab, uint32_t cache, struct meter *meter)
{
	struct slab_cache *c = &slab->caches[cache];
	uint32_t at = 0;

	meter_charge(meter, STEP_CACHE_DESTROY, 1);
	if (--c->refcount != 0)
		return c->refcount > 0;
	if (!slab->ops->destroy(slab->state, cache, meter)) {
		c->refcount = is_classic(slab) ? 1 : 0;
		return false;
	}

	c->live = false;
	slab->accounted[cache] = 0;
	slab_names_remove(slab, cache);
	while (slab->by_age[at] != cache)
		at++;
	slab->nr_live--;
	memmove(&slab->by_age[at], &slab->by_age[at + 1], (slab->nr_live - at) * sizeof(*slab->by_age));
	return true;
}

uint64_t slab_cache_shrink(struct slab *slab, uint32_t cache, struct meter *meter)
{
	return slab->ops->shrink(slab->state, cache, meter);
}

/*
 * Models slab_post_alloc_hook(): clearing, to the nearest KiB, and the charge to a memory cgroup.
 * Simplified: the vector of cgroup pointers of a slab is not allocated, because a trace shows it as a kmalloc.
 */
static void post_alloc(const struct slab *slab, uint32_t cache, gfp_t gfp, struct meter *meter)
{
	if (gfp & GFP_BIT_ZERO)
		meter_charge(meter, STEP_ZERO_KIB, (slab->caches[cache].geometry.object_size + 512) / 1024);
	if (slab->accounted[cache] || (slab->machine->slab.memcg_kmem && (gfp & GFP_BIT_ACCOUNT)))
		meter_charge(meter, STEP_MEMCG_CHARGE, 1);
}

/* Out of line, so that the usual request is one jump to the allocator. */
static __attribute__((noinline)) enum mm_answer alloc_and_post(struct slab *slab, uint32_t cache, gfp_t gfp, int node,
	unsigned int cpu, struct slab_object *object, struct meter *meter)
{
	enum mm_answer answer = slab->ops->alloc(slab->state, cache, gfp, node, cpu, object, meter);

	if (answer == MM_DONE)
		post_alloc(slab, cache, gfp, meter);
	return answer;
}

enum mm_answer slab_alloc(struct slab *slab, uint32_t cache, gfp_t gfp, int node, unsigned int cpu,
	struct slab_object *object, struct meter *meter)
{
	if (__builtin_expect(((gfp & (GFP_BIT_ZERO | GFP_BIT_ACCOUNT)) | slab->accounted[cache]) != 0, 0))
		return alloc_and_post(slab, cache, gfp, node, cpu, object, meter);
	return slab->ops->alloc(slab->state, cache, gfp, node, cpu, object, meter);
}

void slab_free(struct slab *slab, struct slab_object object, unsigned int cpu, struct meter *meter)
{
	if (__builtin_expect(object.slab == SLAB_LARGE, 0))
		kmalloc_large_free(slab, object, cpu, meter);
	else
		slab->ops->free(slab->state, object, cpu, meter);
}

/*
 * Large kmallocs are freed on their own (build_detached_freelist() with df->slab NULL); the rest stays together.
 * Simplified: they go first, wherever they stand, because the allocator behind slab_ops knows nothing of them.
 */
void slab_free_bulk(struct slab *slab, struct slab_object *objects, uint32_t nr, unsigned int cpu, struct meter *meter)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < nr; i++) {
		if (objects[i].slab == SLAB_LARGE)
			kmalloc_large_free(slab, objects[i], cpu, meter);
		else
			objects[kept++] = objects[i];
	}
	if (kept)
		slab->ops->free_bulk(slab->state, objects, kept, cpu, meter);
}

bool slab_reaps(const struct slab *slab)
{
	return slab->ops->reap != NULL;
}

void slab_reap(struct slab *slab, unsigned int cpu, struct meter *meter)
{
	slab->ops->reap(slab->state, cpu, meter);
}

uint32_t slab_nr_caches(const struct slab *slab)
{
	return slab->nr_caches;
}

bool slab_cache_live(const struct slab *slab, uint32_t cache)
{
	return cache < slab->nr_caches && slab->caches[cache].live;
}

void slab_cache_stats(const struct slab *slab, uint32_t cache, struct slab_stats *stats)
{
	const struct slab_cache *c = &slab->caches[cache];

	memset(stats, 0, sizeof(*stats));
	memcpy(stats->name, c->name, sizeof(stats->name));
	stats->geometry = c->geometry;
	stats->flags = c->flags;
	if (!c->live)
		return;
	stats->aliases = c->refcount > 0 ? (uint32_t)c->refcount - 1 : 0;
	slab->ops->stats(slab->state, cache, stats);
}

uint32_t slab_cache_flags(const struct slab *slab, uint32_t cache)
{
	return slab->caches[cache].flags;
}

const struct slab_geometry *slab_cache_geometry(const struct slab *slab, uint32_t cache)
{
	return &slab->caches[cache].geometry;
}

uint32_t slab_object_cache(const struct slab *slab, struct slab_object object)
{
	return object.slab == SLAB_LARGE ? CACHE_NONE : slab->ops->cache_of(slab->state, object);
}

pfn_t slab_object_pfn(const struct slab *slab, struct slab_object object)
{
	return object.slab == SLAB_LARGE ? object.index : slab->ops->pfn_of(slab->state, object);
}

bool slab_object_live(const struct slab *slab, struct slab_object object)
{
	if (object.slab == SLAB_LARGE)
		return kmalloc_large_live(slab, object.index);
	return slab->ops->object_live(slab->state, object);
}

uint64_t slab_pages(const struct slab *slab)
{
	uint64_t pages = slab->ops->pages ? slab->ops->pages(slab->state) : 0;

	if (slab->ops->cache_pages)
		return pages + slab->ops->cache_pages(slab->state);
	for (uint32_t cache = 0; cache < slab->nr_caches; cache++) {
		struct slab_stats stats;

		slab_cache_stats(slab, cache, &stats);
		pages += stats.slab_pages;
	}
	return pages;
}

uint64_t slab_large_pages(const struct slab *slab)
{
	return slab->large_pages;
}

static int check_by_age(const struct slab *slab, struct err *err)
{
	uint32_t live = 0;

	for (uint32_t cache = 0; cache < slab->nr_caches; cache++) {
		uint32_t seen = 0;

		for (uint32_t i = 0; i < slab->nr_live; i++)
			seen += slab->by_age[i] == cache;
		if (seen != slab->caches[cache].live)
			return err_set(err, ERR_INVARIANT, "slab 1: cache %u is %u times in the list by age", cache,
				seen);
		live += seen;
	}
	if (live != slab->nr_live)
		return err_set(err, ERR_INVARIANT, "slab 1: %u caches live, %u in the list by age", live,
			slab->nr_live);
	return 0;
}

static int check_accounted(const struct slab *slab, struct err *err)
{
	for (uint32_t cache = 0; cache < slab->nr_caches; cache++) {
		const struct slab_cache *c = &slab->caches[cache];
		bool accounted = c->live && (c->flags & SLAB_ACCOUNT);

		if (slab->accounted[cache] != accounted)
			return err_set(err, ERR_INVARIANT, "slab 4: cache %u: accounted %u, flags 0x%x", cache,
				slab->accounted[cache], c->flags);
	}
	return 0;
}

int slab_check(const struct slab *slab, struct err *err)
{
	int ret = check_by_age(slab, err);

	if (!ret)
		ret = slab_names_check(slab, err);
	if (!ret)
		ret = kmalloc_check(slab, err);
	if (!ret)
		ret = check_accounted(slab, err);
	return ret ? ret : slab->ops->mech.check(slab->state, err);
}

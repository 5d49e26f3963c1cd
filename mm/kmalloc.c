/* kmalloc: size classes, their caches by type, and what is too large for them. Models mm/slab_common.c of 6.1. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "mm/slab_priv.h"

#define KMALLOC_SMALL_MAX 192u /* bytes: up to here the kernel, too, finds the class by (size - 1) / 8 */

static const char *const type_prefix[NR_KMALLOC_TYPES] = {
	[KMALLOC_NORMAL] = "kmalloc-",
	[KMALLOC_CGROUP] = "kmalloc-cg-",
	[KMALLOC_RECLAIM] = "kmalloc-rcl-",
	[KMALLOC_DMA] = "dma-kmalloc-",
};

/* A user-copy window covers each object whole: none merges. */
static const uint32_t type_flags[NR_KMALLOC_TYPES] = {
	[KMALLOC_NORMAL] = SLAB_NO_MERGE,
	[KMALLOC_CGROUP] = SLAB_NO_MERGE | SLAB_ACCOUNT,
	[KMALLOC_RECLAIM] = SLAB_NO_MERGE | SLAB_RECLAIM_ACCOUNT,
	[KMALLOC_DMA] = SLAB_NO_MERGE | SLAB_CACHE_DMA,
};

/* The three bits of a mask that choose a type, side by side. */
static inline unsigned int kmalloc_type_bits(gfp_t gfp)
{
	_Static_assert(GFP_BIT_DMA == 1 && GFP_BIT_RECLAIMABLE == 1 << 4 && GFP_BIT_ACCOUNT == 1 << 22, "gfp bits");
	return (gfp & 1) | ((gfp >> 4) & 1) << 1 | ((gfp >> 22) & 1) << 2;
}

/* Models kmalloc_type(): the first that matches. */
static enum kmalloc_type type_of_bits(unsigned int bits)
{
	if (bits & 1)
		return KMALLOC_DMA;
	if (bits & 2)
		return KMALLOC_RECLAIM;
	return bits & 4 ? KMALLOC_CGROUP : KMALLOC_NORMAL;
}

static bool is_classic(const struct slab *slab)
{
	return slab->machine->behaviour == BEHAVIOUR_2_6_CLASSIC;
}

/* "kmalloc-2k"; 2.6 has "size-2048" and "size-2048(DMA)". */
static void class_name(const struct slab *slab, char *name, enum kmalloc_type type, uint32_t size)
{
	static const char unit[] = { 0, 'k', 'M', 'G' };
	unsigned int u = 0;

	if (is_classic(slab)) {
		snprintf(name, SLAB_NAME_MAX, "size-%u%s", size, type == KMALLOC_DMA ? "(DMA)" : "");
		return;
	}
	while (size % 1024 == 0 && u < 3) {
		size /= 1024;
		u++;
	}
	snprintf(name, SLAB_NAME_MAX, "%s%u%.*s", type_prefix[type], size, u ? 1 : 0, &unit[u]);
}

static int add_class(struct kmalloc_classes *k, uint32_t size, struct err *err)
{
	if (k->nr_classes == KMALLOC_MAX_CLASSES)
		return err_set(err, ERR_CONFIG, "kmalloc: more than %u classes", KMALLOC_MAX_CLASSES);
	k->size[k->nr_classes++] = size;
	return 0;
}

/*
 * The powers of two from the smallest, each followed by the other classes below the next, as the kernel creates 96
 * right after 64 and 192 right after 128. A class that is no multiple of the smallest cannot keep its alignment and is
 * left out: so the kernel leaves out 96 and 192 where KMALLOC_MIN_SIZE is 64 or 128.
 */
static int list_classes(struct kmalloc_classes *k, const struct machine_kmalloc *machine, uint32_t min_size,
	struct err *err)
{
	int ret = 0;

	for (uint64_t size = min_size; !ret && size <= machine->max_cache_size; size *= 2) {
		ret = add_class(k, (uint32_t)size, err);
		for (size_t i = 0; !ret && i < 8 && machine->extra_classes[i]; i++) {
			uint32_t extra = machine->extra_classes[i];

			if (extra % 8)
				return err_set(err, ERR_CONFIG, "kmalloc.extra_classes: %u is no multiple of 8", extra);
			if (extra <= size || extra >= 2 * size || extra % min_size ||
					extra > machine->max_cache_size)
				continue;
			ret = add_class(k, extra, err);
			k->small_max = (uint32_t)max_u64(k->small_max, extra);
		}
	}
	return ret;
}

/* The smallest class that holds @size bytes. */
static uint8_t smallest_class(const struct kmalloc_classes *k, uint64_t size)
{
	uint32_t best = k->nr_classes;

	for (uint32_t i = 0; i < k->nr_classes; i++)
		if (k->size[i] >= size && (best == k->nr_classes || k->size[i] < k->size[best]))
			best = i;
	return (uint8_t)best;
}

static int fill_tables(struct kmalloc_classes *k, const struct machine *machine, struct err *err)
{
	k->small_max = (uint32_t)min_u64(k->small_max, k->max_cache_size);
	k->class_of_eighth = malloc(k->small_max / 8 + 1);
	if (!k->class_of_eighth)
		return err_set(err, ERR_NOMEM, "no memory for the kmalloc classes");
	for (uint32_t i = 0; i <= k->small_max / 8; i++)
		k->class_of_eighth[i] = smallest_class(k, 8 * ((uint64_t)i + 1));
	for (unsigned int fls = 0; fls <= 32; fls++)
		k->class_of_fls[fls] = smallest_class(k, (uint64_t)1 << fls);
	for (unsigned int bits = 0; bits < 8; bits++) {
		enum kmalloc_type type = type_of_bits(machine->zones.dma_end ? bits : bits & ~1u);

		k->type_of[bits] = (uint8_t)type;
	}
	return 0;
}

/* Whether the kernel has caches of that type; the normal ones serve in place of those that it lacks. */
static bool has_type(const struct slab *slab, enum kmalloc_type type)
{
	if (type == KMALLOC_CGROUP)
		return slab->machine->slab.memcg_kmem && !is_classic(slab);
	if (type == KMALLOC_RECLAIM)
		return !is_classic(slab);
	return type == KMALLOC_NORMAL || slab->machine->zones.dma_end;
}

static int create_class(struct slab *slab, enum kmalloc_type type, uint32_t class, struct err *err)
{
	struct kmalloc_classes *k = &slab->kmalloc;
	uint32_t size = k->size[class];
	char name[SLAB_NAME_MAX];
	struct slab_create create = {
		.name = name,
		.object_size = size,
		.align = (size & (size - 1)) ? slab->machine->kmalloc.min_size : size,
		.flags = type_flags[type],
	};

	if (!has_type(slab, type)) {
		k->cache[type][class] = k->cache[KMALLOC_NORMAL][class];
		return 0;
	}
	if (is_classic(slab))
		create.flags |= SLAB_HWCACHE_ALIGN; /* ARCH_KMALLOC_FLAGS */
	class_name(slab, name, type, size);
	k->cache[type][class] = slab_cache_find(slab, name);
	if (k->cache[type][class] == CACHE_NONE)
		k->cache[type][class] = slab_add_cache(slab, &create);
	if (k->cache[type][class] == CACHE_NONE)
		return err_set(err, ERR_NOMEM, "cache %s cannot be created", name);
	slab->caches[k->cache[type][class]].refcount = -1; /* no trace may destroy it */
	return 0;
}

int kmalloc_create_caches(struct slab *slab, struct err *err)
{
	const struct machine_kmalloc *machine = &slab->machine->kmalloc;
	struct kmalloc_classes *k = &slab->kmalloc;
	int ret;

	if (machine->min_size < 8 || (machine->min_size & (machine->min_size - 1)) ||
			(machine->max_cache_size & (machine->max_cache_size - 1)) ||
			machine->max_cache_size < machine->min_size)
		return err_set(err, ERR_CONFIG,
			"kmalloc: classes from %u to %u bytes: powers of two from 8 are expected",
			machine->min_size, machine->max_cache_size);
	if (slab->ops->alloc_sized) {
		k->max_small = slab->machine->page_size - slab->ops->sized_header - 1;
		return 0;
	}
	k->max_cache_size = k->max_small = machine->max_cache_size;
	k->small_max = KMALLOC_SMALL_MAX;
	ret = list_classes(k, machine, (uint32_t)max_u64(machine->min_size, slab->ops->kmalloc_min_size), err);
	if (!ret)
		ret = fill_tables(k, slab->machine, err);
	for (int type = 0; !ret && type < NR_KMALLOC_TYPES; type++)
		for (uint32_t class = 0; !ret && class < k->nr_classes; class++)
			ret = create_class(slab, (enum kmalloc_type)type, class, err);
	return ret;
}

void kmalloc_fini(struct slab *slab)
{
	free(slab->kmalloc.class_of_eighth);
}

/* Class of a @size of 1 .. max_cache_size. */
static inline uint32_t class_of(const struct kmalloc_classes *k, uint32_t size)
{
	return size <= k->small_max ? k->class_of_eighth[(size - 1) / 8] : k->class_of_fls[fls64(size - 1)];
}

uint32_t kmalloc_class(const struct slab *slab, uint64_t size, gfp_t gfp)
{
	const struct kmalloc_classes *k = &slab->kmalloc;

	if (size - 1 >= k->max_cache_size)
		return CACHE_NONE;
	return k->cache[k->type_of[kmalloc_type_bits(gfp)]][class_of(k, (uint32_t)size)];
}

bool kmalloc_is_large(const struct slab *slab, uint64_t size)
{
	return size > slab->kmalloc.max_small;
}

enum mm_answer kmalloc_sized(struct slab *slab, uint64_t size, gfp_t gfp, int node, unsigned int cpu,
	struct slab_object *object, struct meter *meter)
{
	if (!size || !slab->ops->alloc_sized)
		return MM_FAILED;
	if (gfp & GFP_BIT_ZERO)
		meter_charge(meter, STEP_ZERO_KIB, (uint32_t)((size + 512) / 1024));
	return slab->ops->alloc_sized(slab->state, (uint32_t)size, gfp, node, cpu, object, meter);
}

uint64_t kmalloc_size(const struct slab *slab, uint64_t size, gfp_t gfp)
{
	uint32_t cache = kmalloc_class(slab, size, gfp);
	unsigned int order;

	if (!size)
		return 0;
	if (cache != CACHE_NONE)
		return slab->caches[cache].geometry.size;
	if (!kmalloc_is_large(slab, size))
		return size + slab->ops->sized_header;
	order = slab_order_of(slab->machine, size);
	/* Beyond 2^63 the kernel's shift leaves nothing, too. */
	return order + slab->machine->page_shift < 64 ? (uint64_t)slab->machine->page_size << order : 0;
}

/* Clearing and the charge of __GFP_ACCOUNT are the page allocator's. */
enum mm_answer kmalloc_large(struct slab *slab, uint64_t size, gfp_t gfp, int node, unsigned int cpu,
	struct slab_object *object, struct meter *meter)
{
	unsigned int order = slab_order_of(slab->machine, size);
	struct page_request req = {
		.gfp = (gfp & ~GFP_SLAB_BUG_MASK) | GFP_BIT_COMP,
		.cpu = (uint16_t)cpu,
		.node = (int16_t)page_alloc_local_node(slab->pages, node, cpu),
		.order = (uint8_t)order,
	};
	enum mm_answer answer;
	pfn_t pfn;

	meter_charge(meter, STEP_KMALLOC_LARGE, 1);
	if (size > slab->machine->kmalloc.max_size || order >= PAGE_MAX_ORDERS)
		return MM_FAILED;
	answer = page_alloc_take(slab->pages, &req, &pfn, meter);
	if (answer != MM_DONE)
		return answer;
	*object = kmalloc_large_adopt(slab, pfn, order);
	return MM_DONE;
}

struct slab_object kmalloc_large_adopt(struct slab *slab, pfn_t pfn, unsigned int order)
{
	page_alloc_set_owner(slab->pages, pfn, LARGE_OWNER_BASE + order);
	slab->large_pages += (uint64_t)1 << order;
	return (struct slab_object){ SLAB_LARGE, (uint32_t)pfn };
}

void kmalloc_large_free(struct slab *slab, struct slab_object object, unsigned int cpu, struct meter *meter)
{
	uint32_t owner = page_alloc_owner(slab->pages, object.index);

	assert(owner >= LARGE_OWNER_BASE);
	page_alloc_set_owner(slab->pages, object.index, 0);
	slab->large_pages -= (uint64_t)1 << (owner - LARGE_OWNER_BASE);
	page_alloc_give(slab->pages, object.index, owner - LARGE_OWNER_BASE, cpu, meter);
}

bool kmalloc_large_live(const struct slab *slab, pfn_t pfn)
{
	return page_alloc_allocated(slab->pages, pfn, 0) && page_alloc_owner(slab->pages, pfn) >= LARGE_OWNER_BASE;
}

/* Blocks are aligned to their size, so the head is found by rounding down, order by order. */
bool kmalloc_large_at(const struct slab *slab, uint64_t address, struct slab_object *object)
{
	pfn_t pfn = address >> slab->machine->page_shift;

	if (!page_alloc_allocated(slab->pages, pfn, 0))
		return false;
	for (unsigned int order = 0; order < PAGE_MAX_ORDERS; order++) {
		pfn_t head = pfn >> order << order;
		uint32_t owner = page_alloc_owner(slab->pages, head);

		if (owner < LARGE_OWNER_BASE + order || !page_alloc_allocated(slab->pages, head, order))
			continue;
		*object = (struct slab_object){ SLAB_LARGE, (uint32_t)head };
		return true;
	}
	return false;
}

int kmalloc_check(const struct slab *slab, struct err *err)
{
	const struct kmalloc_classes *k = &slab->kmalloc;

	for (int type = 0; type < NR_KMALLOC_TYPES; type++) {
		for (uint32_t class = 0; class < k->nr_classes; class++) {
			uint32_t cache = k->cache[type][class];

			if (!slab_cache_live(slab, cache))
				return err_set(err, ERR_INVARIANT, "slab 3: class %u of %s has no cache",
					k->size[class], type_prefix[type]);
			if (slab->caches[cache].geometry.object_size != k->size[class])
				return err_set(err, ERR_INVARIANT, "slab 3: class %u of %s is cache %s of %u bytes",
					k->size[class], type_prefix[type], slab->caches[cache].name,
					slab->caches[cache].geometry.object_size);
		}
	}
	return 0;
}

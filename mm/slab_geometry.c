/* The sizes of a cache: pure rules of mm/slab_common.c and mm/slub.c of kernel 6.1. */
#include <string.h>

#include "base/bits.h"
#include "mm/slab_priv.h"

#define SLAB_MINALIGN    8u  /* bytes */
/* sizeof(struct track) with a stack depot, by the size of a pointer: SLAB_STORE_USER keeps two an object */
#define TRACK_SIZE_64    32u
#define TRACK_SIZE_32    20u
#define MIN_PARTIAL      5u
#define MAX_PARTIAL      10u
#define INFER_MAX_ALIGN  4096u

uint32_t slab_calculate_alignment(uint32_t flags, uint32_t align, uint32_t size)
{
	if (flags & SLAB_HWCACHE_ALIGN) {
		uint32_t line = CACHE_LINE;

		while (line > 1 && size <= line / 2)
			line /= 2;
		if (align < line)
			align = line;
	}
	if (align < SLAB_MINALIGN)
		align = SLAB_MINALIGN;
	return (uint32_t)align_up(align, SLAB_MINALIGN);
}

/*
 * Places what belongs to an object: models calculate_sizes(), without the order.
 * @word: sizeof(void *) of the kernel.
 * Return: bytes from one object to the next; geometry may be NULL.
 */
static uint64_t object_layout(uint32_t object_size, uint32_t align, uint32_t flags, uint32_t word,
	struct slab_geometry *geometry)
{
	bool pointer_behind = flags & (SLAB_TYPESAFE_BY_RCU | SLAB_POISON | SLAB_CTOR) ||
		((flags & SLAB_RED_ZONE) && object_size < word);
	uint64_t size = align_up(object_size, word);
	uint64_t inuse, offset;

	if ((flags & SLAB_RED_ZONE) && size == object_size)
		size += word;
	inuse = size;
	if (pointer_behind) {
		offset = size;
		size += word;
	} else {
		offset = object_size / 2 / word * word;
	}
	if (flags & SLAB_STORE_USER)
		size += 2 * (word == 4 ? TRACK_SIZE_32 : TRACK_SIZE_64);
	if (flags & SLAB_RED_ZONE)
		size += word + align_up(word, align);
	if (geometry) {
		geometry->inuse = (uint32_t)inuse;
		geometry->offset = (uint32_t)offset;
	}
	return align_up(size, align);
}

unsigned int slab_order_of(const struct machine *machine, uint64_t size)
{
	unsigned int bits = size > 1 ? fls64(size - 1) : 0;

	return bits > machine->page_shift ? bits - machine->page_shift : 0;
}

static uint64_t order_objects(const struct machine *machine, unsigned int order, uint64_t size)
{
	return ((uint64_t)machine->page_size << order) / size;
}

/*
 * Models calc_slab_order(): the smallest order that holds min_objects and leaves at most 1/fraction unused.
 * Return: max_order + 1 or more when none does.
 */
static unsigned int calc_slab_order(const struct machine *machine, uint64_t size, uint64_t min_objects,
	unsigned int max_order, unsigned int fraction)
{
	unsigned int order = machine->slab.min_order;

	if (order_objects(machine, order, size) > SLAB_OBJECTS_MAX)
		return slab_order_of(machine, size * SLAB_OBJECTS_MAX) - 1;
	order = (unsigned int)max_u64(order, slab_order_of(machine, min_objects * size));
	for (; order <= max_order; order++) {
		uint64_t slab_size = (uint64_t)machine->page_size << order;

		if (slab_size % size <= slab_size / fraction)
			break;
	}
	return order;
}

static uint64_t slab_min_objects(const struct machine *machine)
{
	uint32_t cpus = machine->cpus;

	if (machine->slab.min_objects)
		return machine->slab.min_objects;
	if (cpus <= 1 && machine->slab.nr_cpu_ids)
		cpus = machine->slab.nr_cpu_ids;
	return 4 * (fls64(cpus) + 1);
}

/* Models calculate_order(): log2 pages of a slab of objects of @size bytes; -1: none. */
static int slab_calculate_order(const struct machine *machine, uint32_t size)
{
	unsigned int max_order = machine->slab.max_order, order;
	uint64_t min_objects = min_u64(slab_min_objects(machine), order_objects(machine, max_order, size));

	for (; min_objects > 1; min_objects--) {
		for (unsigned int fraction = 16; fraction >= 4; fraction /= 2) {
			order = calc_slab_order(machine, size, min_objects, max_order, fraction);
			if (order <= max_order)
				return (int)order;
		}
	}
	order = calc_slab_order(machine, size, 1, max_order, 1);
	if (order <= max_order)
		return (int)order;
	order = calc_slab_order(machine, size, 1, machine->page_allocator.max_order, 1);
	return order <= machine->page_allocator.max_order ? (int)order : -1;
}

/* Models set_cpu_partial(). slab.cpu_partial 0 is a kernel built without CPU partials. */
static uint32_t cpu_partial_objects(const struct machine *machine, uint32_t size, uint32_t flags)
{
	if (flags & SLAB_DEBUG_FLAGS)
		return 0;
	if (machine->slab.cpu_partial >= 0)
		return (uint32_t)machine->slab.cpu_partial;
	if (size >= machine->page_size)
		return 6;
	if (size >= 1024)
		return 24;
	return size >= 256 ? 52 : 120;
}

bool slab_geometry_of(const struct machine *machine, uint32_t object_size, uint32_t align, uint32_t flags,
	struct slab_geometry *g)
{
	uint64_t size;
	int order;

	memset(g, 0, sizeof(*g));
	if (!object_size || (align & (align - 1)))
		return false;
	g->object_size = object_size;
	g->align = slab_calculate_alignment(flags, align, object_size);
	size = object_layout(object_size, g->align, flags, machine->bits32 ? 4 : 8, g);
	if (size > INT32_MAX)
		return false;
	g->size = (uint32_t)size;
	order = slab_calculate_order(machine, g->size);
	if (order < 0)
		return false;

	g->order = (uint32_t)order;
	g->objs_per_slab = (uint32_t)order_objects(machine, g->order, size);
	g->min_order = slab_order_of(machine, size);
	g->min_objs = (uint32_t)order_objects(machine, g->min_order, size);
	g->min_partial = (uint32_t)min_u64(max_u64(ilog2_u64(size) / 2, MIN_PARTIAL), MAX_PARTIAL);
	g->cpu_partial = cpu_partial_objects(machine, g->size, flags);
	g->cpu_partial_slabs = (uint32_t)div_round_up(2 * (uint64_t)g->cpu_partial, g->objs_per_slab);
	return true;
}

gfp_t slab_page_flags(const struct slab_geometry *geometry, uint32_t flags)
{
	gfp_t gfp = geometry->order ? GFP_BIT_COMP : 0;

	if (flags & SLAB_CACHE_DMA)
		gfp |= GFP_BIT_DMA;
	if (flags & SLAB_CACHE_DMA32)
		gfp |= GFP_BIT_DMA32;
	if (flags & SLAB_RECLAIM_ACCOUNT)
		gfp |= GFP_BIT_RECLAIMABLE;
	return gfp;
}

/* Whether @align and @flags turn object_size into size, on 64-bit kernels and, with @both, on 32-bit ones as well. */
static bool explains(uint32_t object_size, uint32_t size, uint32_t align, uint32_t flags, bool both)
{
	uint32_t a = slab_calculate_alignment(flags, align, object_size);

	return object_layout(object_size, a, flags, 8, NULL) == size &&
		(!both || object_layout(object_size, a, flags, 4, NULL) == size);
}

/*
 * Flags that explain the size with that alignment, the commonest first: none at all, cache lines, a free pointer behind
 * the object (a constructor has the same effect as SLAB_TYPESAFE_BY_RCU).
 */
static bool infer_flags(uint32_t object_size, uint32_t size, uint32_t align, bool both, uint32_t *flags)
{
	static const uint32_t kinds[] = { 0, SLAB_HWCACHE_ALIGN, SLAB_CTOR, SLAB_CTOR | SLAB_HWCACHE_ALIGN };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (explains(object_size, size, align, kinds[i], both)) {
			*flags = kinds[i];
			return true;
		}
	return false;
}

/*
 * The commonest explanation first: no alignment of its own. What holds for both word sizes goes before,
 * since sizes do not tell which kernel they are from.
 */
bool slab_infer_create(uint32_t object_size, uint32_t size, uint32_t *align, uint32_t *flags)
{
	if (!object_size || object_size > size)
		return false;
	for (int both = 1; both >= 0; both--)
		for (uint32_t a = 0; a <= INFER_MAX_ALIGN; a = a ? 2 * a : 2 * SLAB_MINALIGN)
			if (infer_flags(object_size, size, a, both, flags)) {
				*align = a;
				return true;
			}
	return false;
}

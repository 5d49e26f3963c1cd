/*
 * The sizes of a SLAB cache: how many objects a slab has, where its management is, how its arrays are tuned. Pure
 * rules of mm/slab.c: __kmem_cache_create(), calculate_slab_order(), enable_cpucache(); of 6.1, and of 2.6.
 */
#include <string.h>

#include "base/bits.h"
#include "mm/slab_engine_priv.h"

#define OBJECT_MIN_SIZE   16u  /* SLAB_OBJ_MIN_SIZE: so a byte is enough for the index of an object in 4 KiB */
#define MANY_PAGES_BYTES  (32u << 20) /* with more memory than this, order 1 is not too much */
#define ORDER_MAX         10u  /* KMALLOC_MAX_ORDER */
#define CLASSIC_BUFCTL    4u   /* bytes of management an object: kmem_bufctl_t */

/* A way to lay out a slab, tried by calculate_order(). */
struct layout {
	const struct machine *machine;
	uint64_t size;          /* bytes from one object to the next */
	uint32_t align;
	uint32_t flags;
	enum slab_management management;
	uint32_t num, order;    /* what came of it */
	uint64_t left_over;     /* bytes */
};

static uint32_t word_of(const struct machine *machine)
{
	return machine->bits32 ? 4 : 8;
}

/* sizeof(struct slab) of 2.6 */
static uint32_t classic_descriptor(const struct machine *machine)
{
	return machine->bits32 ? 28 : 48;
}

/* Bytes of an object's index: freelist_idx_t. */
static uint32_t index_bytes(const struct machine *machine)
{
	return machine->page_size / 256 <= OBJECT_MIN_SIZE ? 1 : 2;
}

static uint64_t classic_management(const struct machine *machine, uint64_t num, uint32_t align)
{
	return align_up(classic_descriptor(machine) + num * CLASSIC_BUFCTL, align);
}

static bool is_classic(const struct machine *machine)
{
	return machine->behaviour == BEHAVIOUR_2_6_CLASSIC;
}

/* Models slab_max_order and, in 2.6, slab_break_gfp_order. */
static uint32_t max_order(const struct machine *machine)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < machine->nr_ram; i++)
		bytes += machine->ram[i].size;
	return bytes > MANY_PAGES_BYTES;
}

/* Models cache_estimate(). Return: objects in a slab of that order, *left_over bytes unused. */
static uint64_t estimate(const struct layout *l, uint32_t order, uint64_t *left_over)
{
	uint64_t bytes = (uint64_t)l->machine->page_size << order, num;
	uint32_t each = 0;

	if (l->management == SLAB_ON_SLAB && is_classic(l->machine)) {
		uint32_t descriptor = classic_descriptor(l->machine);

		num = bytes > descriptor ? (bytes - descriptor) / (l->size + CLASSIC_BUFCTL) : 0;
		while (num && classic_management(l->machine, num, l->align) + num * l->size > bytes)
			num--;
		*left_over = bytes - num * l->size - (num ? classic_management(l->machine, num, l->align) : 0);
		return num;
	}
	if (l->management == SLAB_ON_SLAB)
		each = index_bytes(l->machine);
	num = bytes / (l->size + each);
	*left_over = bytes % (l->size + each);
	return num;
}

/* Bytes of the kmalloc object that holds @bytes: a class, or whole pages. */
static uint64_t kmalloc_room(const struct machine *machine, uint64_t bytes)
{
	const struct machine_kmalloc *k = &machine->kmalloc;
	uint64_t room = max_u64(k->min_size, SLAB_ENGINE_KMALLOC_MIN);

	while (room < bytes)
		room *= 2;
	for (uint32_t i = 0; i < 8 && k->extra_classes[i]; i++)
		if (k->extra_classes[i] >= bytes && k->extra_classes[i] < room)
			room = k->extra_classes[i];
	return room <= k->max_cache_size ? room : (uint64_t)machine->page_size << slab_order_of(machine, bytes);
}

/*
 * Whether management outside the slab is worth while. A kmalloc class that is at most half as large has no off-slab
 * management itself, so that the kernel's test for that need not be made.
 */
static bool off_slab_pays(const struct layout *l, uint64_t num)
{
	if (is_classic(l->machine))
		return num <= (l->size - classic_descriptor(l->machine)) / CLASSIC_BUFCTL;
	return kmalloc_room(l->machine, num * index_bytes(l->machine)) <= l->size / 2;
}

/* Models calculate_slab_order(): fills num, order, left_over. Return: false when no order will do. */
static bool calculate_order(struct layout *l)
{
	uint64_t most = is_classic(l->machine) || index_bytes(l->machine) > 1 ? SLAB_OBJECTS_MAX : 255;
	uint32_t last = (uint32_t)min_u64(ORDER_MAX, l->machine->page_allocator.max_order);

	l->num = 0;
	for (uint32_t order = 0; order <= last; order++) {
		uint64_t bytes = (uint64_t)l->machine->page_size << order, left, num = estimate(l, order, &left);

		if (!num)
			continue;
		if (num > most)
			break;
		if (l->management == SLAB_OFF_SLAB && !off_slab_pays(l, num)) {
			if (is_classic(l->machine))
				break;
			continue;
		}
		l->num = (uint32_t)num;
		l->order = order;
		l->left_over = left;
		if ((l->flags & SLAB_RECLAIM_ACCOUNT) || order >= max_order(l->machine) || left * 8 <= bytes)
			break;
	}
	return l->num != 0;
}

/* Models set_objfreelist_slab_cache(), set_off_slab_cache(), set_on_slab_cache(): the first that will do. */
static bool choose_layout(struct layout *l, uint32_t object_size)
{
	uint64_t indices = index_bytes(l->machine);

	l->management = SLAB_OBJFREELIST;
	if (!(l->flags & (SLAB_CTOR | SLAB_TYPESAFE_BY_RCU)) && calculate_order(l) && l->num * indices <= object_size)
		return true;
	l->management = SLAB_OFF_SLAB;
	if (!(l->flags & SLAB_NOLEAKTRACE) && calculate_order(l) && l->left_over < l->num * indices)
		return true;
	l->management = SLAB_ON_SLAB;
	return calculate_order(l);
}

/* 2.6: large objects have their management elsewhere, unless what is left of the slab has room for it. */
static bool choose_classic_layout(struct layout *l)
{
	uint64_t management;

	l->management = l->size >= l->machine->page_size / 8 ? SLAB_OFF_SLAB : SLAB_ON_SLAB;
	if (!calculate_order(l))
		return false;
	management = classic_management(l->machine, l->num, l->align);
	if (l->management == SLAB_OFF_SLAB && l->left_over >= management) {
		l->management = SLAB_ON_SLAB;
		l->left_over -= management;
	}
	return true;
}

uint32_t slab_engine_management(const struct machine *machine, const struct slab_geometry *g)
{
	if (!is_classic(machine) || g->management != SLAB_ON_SLAB)
		return 0;
	return (uint32_t)classic_management(machine, g->objs_per_slab, g->align);
}

/* Models enable_cpucache(). */
static void tune(struct slab_geometry *g, const struct machine *machine)
{
	static const struct { uint32_t above, limit; } limits[] = {
		{ 131072, 1 }, { 4096, 8 }, { 1024, 24 }, { 256, 54 }, { 0, 120 },
	};
	uint32_t i = 0;

	while (g->size <= limits[i].above)
		i++;
	g->limit = limits[i].limit;
	g->batchcount = (g->limit + 1) / 2;
	g->shared = g->size <= machine->page_size && machine->cpus > 1 ? 8 : 0;
}

/* Alignment as 6.1 has it; in 2.6 a word is enough for an object that does not ask for more. */
static uint32_t alignment(const struct machine *machine, uint32_t flags, uint32_t align, uint32_t object_size)
{
	uint32_t own = slab_calculate_alignment(flags, align, object_size);

	if (is_classic(machine) && own == 8 && align <= 4)
		return word_of(machine);
	return own;
}

bool slab_engine_geometry(const struct machine *machine, uint32_t object_size, uint32_t align, uint32_t flags,
	struct slab_geometry *g)
{
	struct layout l = { .machine = machine, .flags = flags };

	memset(g, 0, sizeof(*g));
	if (!object_size || (align & (align - 1)) || (is_classic(machine) && object_size < word_of(machine)))
		return false;
	l.align = alignment(machine, flags, align, object_size);
	l.size = align_up(align_up(object_size, word_of(machine)), l.align);
	if (!is_classic(machine) && index_bytes(machine) == 1 && l.size < OBJECT_MIN_SIZE)
		l.size = align_up(OBJECT_MIN_SIZE, l.align);
	if (l.size > INT32_MAX || !(is_classic(machine) ? choose_classic_layout(&l) : choose_layout(&l, object_size)))
		return false;

	g->object_size = g->inuse = object_size;
	g->size = (uint32_t)l.size;
	g->align = l.align;
	g->order = g->min_order = l.order;
	g->objs_per_slab = g->min_objs = l.num;
	g->management = l.management;
	if (l.management == SLAB_OFF_SLAB)
		g->management_bytes = is_classic(machine) ? classic_descriptor(machine) + l.num * CLASSIC_BUFCTL :
							    l.num * index_bytes(machine);
	g->colour_off = (uint32_t)max_u64(CACHE_LINE, l.align);
	g->colours = (uint32_t)(l.left_over / g->colour_off);
	tune(g, machine);
	return true;
}

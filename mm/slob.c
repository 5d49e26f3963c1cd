/*
 * slob: the SLOB allocator, for very small machines: objects of all caches and sizes side by side in pages, found by
 * first fit. Models mm/slob.c of kernel 6.1 (gone in 6.4); slob_priv.h says what is where, and holds the invariants.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bits.h"
#include "mm/slob_priv.h"

/* Bytes behind an object of SLAB_TYPESAFE_BY_RCU, by the size of a pointer: struct slob_rcu */
#define SLOB_RCU_HEAD_64 24u
#define SLOB_RCU_HEAD_32 12u

/** A request on its way. */
struct slob_op {
	struct slob *slob;
	struct meter *meter;
	gfp_t gfp;
	int node;
	unsigned int cpu;
};

bool slob_starts(const struct slob *slob, struct slab_object object)
{
	size_t bit = (size_t)object.slab * slob->page_units + object.index;

	return slob->starts[bit / 64] >> (bit % 64) & 1;
}

/* An object begins at that unit, or no longer. */
static void slob_mark(struct slob *slob, struct slab_object object, bool starts)
{
	size_t bit = (size_t)object.slab * slob->page_units + object.index;

	if (starts)
		slob->starts[bit / 64] |= (uint64_t)1 << (bit % 64);
	else
		slob->starts[bit / 64] &= ~((uint64_t)1 << (bit % 64));
}

/* Bytes that were asked for, with the header. */
static uint32_t slob_object_bytes(const struct slob *slob, struct slab_object object)
{
	const uint16_t *words = slob_words(slob, object.slab);

	return words[object.index] == SLOB_KMALLOC ? words[object.index + 1] :
						     slob->caches[words[object.index]].geometry.size;
}

uint32_t slob_object_units(const struct slob *slob, struct slab_object object)
{
	return slob_units(slob, slob_object_bytes(slob, object));
}

/* Models slob_new_pages(). Return: a number for them, or SLOB_NONE. */
static uint32_t take_pages(const struct slob_op *op, unsigned int order)
{
	struct slob *slob = op->slob;
	uint32_t number;
	struct page_request req = {
		.gfp = (op->gfp & ~(GFP_SLAB_BUG_MASK | GFP_BIT_ZERO)) | (order ? GFP_BIT_COMP : 0),
		.cpu = (uint16_t)op->cpu,
		.node = (int16_t)op->node,
		.order = (uint8_t)order,
	};
	pfn_t pfn;

	if ((slob->unused == SLOB_NONE && slob->nr_pages == slob->max_pages) ||
			page_alloc_take(slob->page_alloc, &req, &pfn, op->meter) != MM_DONE)
		return SLOB_NONE;
	number = slob->unused; /* only now: reclaim in the call may have freed pages of the allocator itself */
	if (number != SLOB_NONE)
		slob->unused = slob->pages[number].next;
	else
		number = slob->nr_pages++;
	slob->pages[number] = (struct slob_page){
		.pfn = (uint32_t)pfn,
		.prev = SLOB_NONE,
		.next = SLOB_NONE,
		.cache = SLOB_NONE,
		.order = (uint8_t)order,
		.node = (uint8_t)page_alloc_node_of(slob->page_alloc, pfn),
	};
	page_alloc_set_owner(slob->page_alloc, pfn, number + 1);
	return number;
}

/* @rcu: readers may not be done yet. */
static void give_pages(const struct slob_op *op, uint32_t number, bool rcu)
{
	struct slob *slob = op->slob;
	struct slob_page *page = &slob->pages[number];

	page_alloc_set_owner(slob->page_alloc, page->pfn, 0);
	if (rcu)
		page_alloc_give_rcu(slob->page_alloc, page->pfn, page->order, op->cpu, op->meter);
	else
		page_alloc_give(slob->page_alloc, page->pfn, page->order, op->cpu, op->meter);
	page->list = SLOB_UNUSED;
	page->next = slob->unused;
	slob->unused = number;
}

/* A page of the list that has room; the next search begins with it. SLOB_NONE: none has. */
static uint32_t search(const struct slob_op *op, uint32_t bytes, uint32_t align, uint32_t offset, uint32_t *at)
{
	struct slob *slob = op->slob;
	enum slob_list list = slob_list_for(bytes);
	uint32_t units = slob_units(slob, bytes), seen = 0, number;

	for (number = slob->head[list]; number != SLOB_NONE; number = slob->pages[number].next) {
		const struct slob_page *page = &slob->pages[number];

		seen++;
		if ((op->node >= 0 && page->node != op->node) || page->units < units)
			continue;
		*at = slob_page_alloc(slob, number, bytes, align, offset, op->meter);
		if (*at == slob->page_units)
			continue;
		if (page->list != SLOB_FULL)
			slob_list_first(slob, number);
		break;
	}
	meter_charge_locked(op->meter, STEP_SLOB_PAGE, seen, LOCK_LIST(0));
	return number;
}

/* Models slob_alloc(). @offset: of the byte that @align is for. Return: whether there is an object. */
static bool take_block(const struct slob_op *op, uint32_t bytes, uint32_t align, uint32_t offset,
	struct slab_object *object)
{
	struct slob *slob = op->slob;
	uint32_t at = 0, number = search(op, bytes, align, offset, &at);

	if (number == SLOB_NONE) {
		number = take_pages(op, 0);
		if (number == SLOB_NONE)
			return false;
		meter_charge(op->meter, STEP_SLAB_NEW, 1);
		slob->held++;
		slob_page_init(slob, number);
		slob_list_add(slob, number, slob_list_for(bytes));
		at = slob_page_alloc(slob, number, bytes, align, offset, op->meter);
		assert(at < slob->page_units);
	}
	*object = (struct slab_object){ number, at };
	slob_mark(slob, *object, true);
	return true;
}

/* Models __do_kmalloc_node(): the size in front; a power of two is aligned to itself. */
static enum mm_answer slob_alloc_sized(void *state, uint32_t size, gfp_t gfp, int node, unsigned int cpu,
	struct slab_object *object, struct meter *meter)
{
	struct slob_op op = { .slob = state, .meter = meter, .gfp = gfp, .node = node, .cpu = cpu };
	uint32_t align = size > SLOB_HEADER && !(size & (size - 1)) ? size : SLOB_HEADER;
	uint16_t *words;

	if (!take_block(&op, size + SLOB_HEADER, align, SLOB_HEADER, object))
		return MM_FAILED;
	words = slob_words(op.slob, object->slab);
	words[object->index] = SLOB_KMALLOC;
	words[object->index + 1] = (uint16_t)(size + SLOB_HEADER);
	return MM_DONE;
}

/* An object of a page or more: pages of its own. */
static bool take_whole(const struct slob_op *op, uint32_t cache, struct slab_object *object)
{
	struct slob_cache *c = &op->slob->caches[cache];
	uint32_t number = take_pages(op, c->geometry.order);

	if (number == SLOB_NONE)
		return false;
	op->slob->pages[number].list = SLOB_WHOLE;
	op->slob->pages[number].cache = cache;
	c->whole++;
	c->grown++;
	*object = (struct slab_object){ number, 0 };
	return true;
}

/* Models slob_alloc_node(). Constructors run at each allocation. */
static enum mm_answer slob_alloc(void *state, uint32_t cache, gfp_t gfp, int node, unsigned int cpu,
	struct slab_object *object, struct meter *meter)
{
	struct slob *slob = state;
	struct slob_cache *c = &slob->caches[cache];
	struct slob_op op = { .slob = slob, .meter = meter, .gfp = gfp, .node = node, .cpu = cpu };

	if (c->geometry.size >= slob->machine->page_size) {
		if (!take_whole(&op, cache, object))
			return MM_FAILED;
	} else {
		if (!take_block(&op, c->geometry.size, c->geometry.align, 0, object))
			return MM_FAILED;
		slob_words(slob, object->slab)[object->index] = (uint16_t)cache;
	}
	if (c->flags & SLAB_CTOR)
		meter_charge(meter, STEP_SLAB_CTOR, 1);
	c->allocs++;
	c->live_objs++;
	return MM_DONE;
}

static uint32_t slob_cache_of(const void *state, struct slab_object object)
{
	const struct slob *slob = state;
	uint32_t cache = slob->pages[object.slab].cache;

	if (slob->pages[object.slab].list == SLOB_WHOLE)
		return cache;
	cache = slob_words(slob, object.slab)[object.index];
	return cache == SLOB_KMALLOC ? CACHE_NONE : cache;
}

/*
 * A page whose last object goes is given back at once. Simplified: so is the room of a small object of
 * SLAB_TYPESAFE_BY_RCU, which waits for a grace period in the kernel: what ends one knows of pages alone.
 */
static void slob_free(void *state, struct slab_object object, unsigned int cpu, struct meter *meter)
{
	struct slob *slob = state;
	struct slob_op op = { .slob = slob, .meter = meter, .cpu = cpu };
	struct slob_page *page = &slob->pages[object.slab];
	uint32_t cache = slob_cache_of(state, object), bytes;

	if (cache != CACHE_NONE)
		slob->caches[cache].live_objs--;
	if (page->list == SLOB_WHOLE) {
		slob->caches[cache].whole--;
		slob->caches[cache].discarded++;
		give_pages(&op, object.slab, slob->caches[cache].flags & SLAB_TYPESAFE_BY_RCU);
		return;
	}
	assert(slob_starts(slob, object));
	bytes = slob_object_bytes(slob, object);
	meter_charge_locked(meter, STEP_SLOB_PAGE, 1, LOCK_LIST(0));
	slob_mark(slob, object, false);
	if (page->units + slob_units(slob, bytes) < slob->page_units) {
		slob_page_free(slob, object.slab, object.index, bytes);
		return;
	}
	if (page->list != SLOB_FULL)
		slob_list_remove(slob, object.slab);
	slob->held--;
	meter_charge(meter, STEP_SLAB_DISCARD, 1);
	give_pages(&op, object.slab, false);
}

static void slob_free_bulk(void *state, struct slab_object *objects, uint32_t nr, unsigned int cpu, struct meter *meter)
{
	for (uint32_t i = 0; i < nr; i++)
		slob_free(state, objects[i], cpu, meter);
}

/* Pages are given back when they are empty: there is nothing to shrink. Return: large objects' blocks. */
static uint64_t slob_shrink(void *state, uint32_t cache, struct meter *meter)
{
	const struct slob *slob = state;

	(void)meter;
	return slob->caches[cache].whole;
}

/*
 * Models __kmem_cache_shutdown(), which looks at nothing: "no way to check for remaining objects".
 * Simplified: a cache with objects stays, because what they are freed to must be known here.
 */
static bool slob_destroy(void *state, uint32_t cache, struct meter *meter)
{
	struct slob *slob = state;

	(void)meter;
	if (slob->caches[cache].live_objs)
		return false;
	slob->caches[cache].live = false;
	return true;
}

static bool slob_geometry(const struct machine *machine, uint32_t object_size, uint32_t align, uint32_t flags,
	struct slab_geometry *g)
{
	uint64_t unit = machine->page_size > 32767 * 2 ? 4 : 2;
	uint64_t rcu_head = machine->bits32 ? SLOB_RCU_HEAD_32 : SLOB_RCU_HEAD_64;
	uint64_t size = (uint64_t)object_size + (flags & SLAB_TYPESAFE_BY_RCU ? rcu_head : 0);

	memset(g, 0, sizeof(*g));
	size = (size + unit - 1) / unit * unit;
	if (!object_size || (align & (align - 1)) || size > INT32_MAX || align > machine->page_size ||
			slab_order_of(machine, size) > machine->page_allocator.max_order)
		return false;
	g->object_size = g->inuse = object_size;
	g->size = (uint32_t)size;
	g->align = slab_calculate_alignment(flags, align, object_size);
	g->order = g->min_order = slab_order_of(machine, size);
	g->objs_per_slab = g->min_objs = 1;
	return true;
}

static int slob_cache_init(void *state, uint32_t cache, const struct slab_geometry *geometry, uint32_t flags)
{
	struct slob *slob = state;

	if (cache >= SLOB_KMALLOC || !array_room(&slob->caches, &slob->room, cache))
		return -1;
	slob->caches[cache] = (struct slob_cache){ .geometry = *geometry, .flags = flags, .live = true };
	slob->nr_caches = (uint32_t)max_u64(slob->nr_caches, cache + 1);
	return 0;
}

static pfn_t slob_pfn_of(const void *state, struct slab_object object)
{
	const struct slob *slob = state;

	return slob->pages[object.slab].pfn;
}

static bool slob_object_live(const void *state, struct slab_object object)
{
	const struct slob *slob = state;

	if (object.slab >= slob->nr_pages || object.index >= slob->page_units ||
			slob->pages[object.slab].list == SLOB_UNUSED)
		return false;
	if (slob->pages[object.slab].list == SLOB_WHOLE)
		return object.index == 0;
	return slob_starts(slob, object);
}

/* There is no slabinfo: objects are counted, and only large ones have pages that are their cache's. */
static void slob_stats(const void *state, uint32_t cache, struct slab_stats *stats)
{
	const struct slob *slob = state;
	const struct slob_cache *c = &slob->caches[cache];

	stats->active_objs = stats->total_objs = stats->live_objs = c->live_objs;
	stats->slabs = stats->active_slabs = c->whole;
	stats->slab_pages = c->whole << c->geometry.order;
	stats->allocs = c->allocs;
	stats->frees = c->allocs - c->live_objs;
	stats->grown = c->grown;
	stats->discarded = c->discarded;
}

static uint64_t slob_pages(const void *state)
{
	const struct slob *slob = state;

	return slob->held;
}

/* Behind the header, where there is one. */
static uint64_t slob_address_of(const void *state, struct slab_object object)
{
	const struct slob *slob = state;
	uint64_t address = ((uint64_t)slob->pages[object.slab].pfn << slob->machine->page_shift) +
		(uint64_t)object.index * slob->unit_bytes;

	return slob_cache_of(state, object) == CACHE_NONE ? address + SLOB_HEADER : address;
}

/* The object that begins last at or before the address, in the same page. */
static bool slob_object_at(const void *state, uint64_t address, struct slab_object *object)
{
	const struct slob *slob = state;
	pfn_t pfn = address >> slob->machine->page_shift;
	uint32_t at = (uint32_t)((address & (slob->machine->page_size - 1)) / slob->unit_bytes);

	for (unsigned int order = 0; order < PAGE_MAX_ORDERS && page_alloc_allocated(slob->page_alloc, pfn, 0);
		order++) {
		pfn_t head = pfn >> order << order;
		uint32_t number = page_alloc_owner(slob->page_alloc, head) - 1;

		if (number >= slob->nr_pages || slob->pages[number].list == SLOB_UNUSED ||
				slob->pages[number].pfn != head || slob->pages[number].order < order)
			continue;
		*object = (struct slab_object){ number, slob->pages[number].list == SLOB_WHOLE ? 0 : at };
		while (slob->pages[number].list != SLOB_WHOLE && !slob_starts(slob, *object)) {
			if (!object->index--)
				return false;
		}
		return slob->pages[number].list == SLOB_WHOLE || at - object->index < slob_object_units(slob, *object);
	}
	return false;
}

static void slob_fini(void *state)
{
	struct slob *slob = state;

	slab_unreserve(slob->pages, slob->pages_bytes);
	slab_unreserve(slob->words, slob->words_bytes);
	slab_unreserve(slob->starts, slob->starts_bytes);
	free(slob->caches);
}

static int slob_init(void *state, struct mm *mm, struct err *err)
{
	struct slob *slob = state;
	uint64_t ram = slab_ram_bytes(mm->machine);

	slob->machine = mm->machine;
	slob->page_alloc = mm->pages;
	slob->unit_bytes = mm->machine->page_size > 32767 * 2 ? 4 : 2;
	slob->page_units = mm->machine->page_size / slob->unit_bytes;
	slob->max_pages = (uint32_t)min_u64(ram >> mm->machine->page_shift, SLAB_NUMBERS_MAX);
	slob->unused = SLOB_NONE;
	for (int list = 0; list < NR_SLOB_LISTS; list++)
		slob->head[list] = slob->tail[list] = SLOB_NONE;
	slob->pages_bytes = ((size_t)slob->max_pages + 1) * sizeof(*slob->pages);
	slob->words_bytes = (size_t)slob->max_pages * slob->page_units * sizeof(*slob->words);
	slob->starts_bytes = (size_t)slob->max_pages * slob->page_units / 8;
	slob->pages = slab_reserve(slob->pages_bytes);
	slob->words = slab_reserve(slob->words_bytes);
	slob->starts = slab_reserve(slob->starts_bytes);
	if (slob->pages && slob->words && slob->starts)
		return 0;
	slob_fini(slob);
	return err_set(err, ERR_NOMEM, "no address space to follow the objects of %llu MiB",
		(unsigned long long)(ram >> 20));
}

const struct slab_ops mech_slab_slob = {
	.mech = { .name = "slob", .slot = SLOT_SLAB, .state_size = sizeof(struct slob),
		.init = slob_init, .fini = slob_fini, .check = slob_check },
	.gone_since = "6.4",
	.sized_header = SLOB_HEADER,
	.merging = MERGE_NEVER,
	.geometry = slob_geometry,
	.cache_init = slob_cache_init,
	.alloc = slob_alloc,
	.alloc_sized = slob_alloc_sized,
	.free = slob_free,
	.free_bulk = slob_free_bulk,
	.shrink = slob_shrink,
	.destroy = slob_destroy,
	.pages = slob_pages,
	.cache_of = slob_cache_of,
	.pfn_of = slob_pfn_of,
	.object_live = slob_object_live,
	.stats = slob_stats,
	.object_at = slob_object_at,
	.address_of = slob_address_of,
};

/*
 * verify_objects_follow: keeps the model's slabs where the
 * kernel's are, and puts an object right that it chose otherwise.
 */
#include "sim/verify_objects_priv.h"

#define PASS_OVER_MAX   512u /* objects held as nobody's until the model grows a slab where the kernel did */

static uint64_t key_of(struct slab_object object)
{
	return (uint64_t)object.slab << 32 | object.index;
}

bool objects_at(const struct objects *o, uint64_t address, uint64_t *physical, struct slab_object *object)
{
	return direct_map_physical(&o->pass.options->direct_map, address, physical) &&
	       slab_object_at(objects_slab(o), *physical, object) && object->slab != SLAB_LARGE;
}

int objects_hold(struct objects *o, uint32_t slot, struct slab_object object, struct err *err)
{
	if (slot < o->nr_slots)
		o->held[slot] = object;
	return idmap_put(&o->holder, key_of(object), slot) < 0 ? objects_no_memory(err) : 0;
}

/* Slot that holds it, nr_slots or more, or IDMAP_NONE. */
static uint32_t objects_holder(const struct objects *o, struct slab_object object)
{
	return o->holder.nr ? idmap_get(&o->holder, key_of(object)) : IDMAP_NONE;
}

void objects_let_go(struct objects *o, struct slab_object object)
{
	uint32_t slot = o->holder.nr ? idmap_remove(&o->holder, key_of(object)) : IDMAP_NONE;

	if (slot < o->nr_slots)
		o->held[slot].slab = NO_OBJECT;
}

void objects_drop_slab(struct objects *o, pfn_t pfn, unsigned int cpu)
{
	struct slab_object object;

	if (!slab_object_at(objects_slab(o), pfn << o->page_shift, &object) || object.slab == SLAB_LARGE)
		return;
	pfn = slab_object_pfn(objects_slab(o), object);
	if (o->holder.nr) {
		uint32_t cache = slab_object_cache(objects_slab(o), object);
		uint32_t nr = slab_cache_geometry(objects_slab(o), cache)->objs_per_slab;

		for (object.index = 0; object.index < nr; object.index++)
			objects_let_go(o, object);
	}
	slab_drop_at(objects_slab(o), pfn, cpu, &o->pass.meter);
}

bool objects_find_block(const struct objects *o, struct object_alloc *alloc)
{
	pfn_t pfn = alloc->physical >> o->page_shift;

	for (unsigned int order = 0; order < PAGE_MAX_ORDERS; order++) {
		uint32_t found;

		alloc->pfn = pfn >> order << order;
		found = idmap_get(&o->given, alloc->pfn);
		if (found == IDMAP_NONE || found <= order)
			continue;
		alloc->order = found - 1;
		return true;
	}
	/* Its pages were taken unseen. */
	alloc->order = slab_cache_geometry(objects_slab(o), alloc->cache)->order;
	alloc->pfn = pfn >> alloc->order << alloc->order;
	return page_alloc_zone_of(o->pass.mm.pages, pfn) >= 0 && !page_alloc_allocated(o->pass.mm.pages, pfn, 0);
}

static uint64_t pages_allocated(const struct objects *o)
{
	uint64_t pages = 0;

	for (int c = PC_PGALLOC_DMA; c <= PC_PGALLOC_MOVABLE; c++)
		pages += page_alloc_counter(o->pass.mm.pages, (enum page_counter)c);
	return pages;
}

/* Which object of the slab that the kernel made lies at the address: its random order began there. */
static uint32_t first_object(const struct objects *o, const struct object_alloc *alloc)
{
	uint64_t offset = alloc->physical - (alloc->pfn << o->page_shift);

	return (uint32_t)(offset / slab_cache_geometry(objects_slab(o), alloc->cache)->size);
}

enum mm_answer objects_take(struct objects *o, const struct object_alloc *alloc, struct slab_object *object, bool *grew)
{
	const struct verify_event *event = alloc->event;
	uint64_t before = pages_allocated(o);
	enum mm_answer answer;

	if (!alloc->there) {
		slab_next_pfn(objects_slab(o), alloc->cache, alloc->pfn, alloc->order);
		slab_next_start(objects_slab(o), alloc->cache, first_object(o, alloc));
	}
	answer = slab_alloc(objects_slab(o), alloc->cache, event->op->gfp, alloc->node, event->cpu, object,
		&o->pass.meter);
	*grew = pages_allocated(o) != before;
	if (!alloc->there) {
		slab_next_pfn(objects_slab(o), alloc->cache, PFN_NONE, 0);
		slab_next_start(objects_slab(o), alloc->cache, UINT32_MAX);
	}
	return answer;
}

bool objects_is_right(const struct objects *o, const struct object_alloc *alloc, struct slab_object object)
{
	struct slab_object right = alloc->right;
	uint64_t physical;

	return (alloc->there || objects_at(o, alloc->event->where, &physical, &right)) && object_same(object, right);
}

static int hold_as_nobodys(struct objects *o, struct slab_object object, struct err *err)
{
	return objects_hold(o, o->nr_slots + o->nobodys++, object, err);
}

/* The model has handed out @object, and the kernel did not. */
static void take_back(struct objects *o, struct slab_object object, bool grew, unsigned int cpu)
{
	slab_unclaim(objects_slab(o), object, cpu);
	if (grew)
		objects_drop_slab(o, slab_object_pfn(objects_slab(o), object), cpu);
}

/*
 * The kernel has made a slab where the model had objects: it had handed those out unseen.
 * They are nobody's. If the model does not make that slab then, it is made for it.
 */
static int pass_over(struct objects *o, const struct object_alloc *alloc, struct slab_object wrong, bool grew,
	struct err *err)
{
	unsigned int cpu = alloc->event->cpu;
	struct slab_object right;
	uint64_t physical;

	for (uint32_t i = 0; i < PASS_OVER_MAX && !grew; i++) {
		int ret = hold_as_nobodys(o, wrong, err);

		if (ret < 0 || objects_take(o, alloc, &wrong, &grew) != MM_DONE)
			return ret;
		if (objects_is_right(o, alloc, wrong))
			return 0;
	}
	take_back(o, wrong, grew, cpu);
	if (slab_grow_at(objects_slab(o), alloc->cache, alloc->pfn, alloc->order, first_object(o, alloc), cpu,
			&o->pass.meter) && objects_at(o, alloc->event->where, &physical, &right))
		slab_claim(objects_slab(o), right);
	return 0;
}

/*
 * The kernel hands out an object of a slab of which the model believes that some were handed out unseen: they were
 * not, the slab was elsewhere. What was passed over last is free first again, so that they come in the same order.
 */
static void release_nobodys(struct objects *o, const struct object_alloc *alloc)
{
	uint32_t nr = slab_cache_geometry(objects_slab(o), alloc->cache)->objs_per_slab;
	struct slab_object object = alloc->right;

	for (;;) {
		uint32_t latest = o->nr_slots, index = NO_OBJECT;

		for (object.index = 0; object.index < nr; object.index++) {
			uint32_t holder = objects_holder(o, object);

			if (holder == IDMAP_NONE || holder < latest)
				continue;
			latest = holder;
			index = object.index;
		}
		if (index == NO_OBJECT)
			return;
		object.index = index;
		objects_let_go(o, object);
		slab_free(objects_slab(o), object, alloc->event->cpu, &o->pass.meter);
	}
}

/* What the model had once more in the place of another object was handed out unseen. */
static bool wrong_again(struct objects *o, uint32_t cache, struct slab_object wrong)
{
	bool again;

	if (cache >= o->nr_known)
		return false;
	again = object_same(o->last_wrong[cache], wrong);
	o->last_wrong[cache] = wrong;
	if (again)
		o->last_wrong[cache].slab = NO_OBJECT;
	return again;
}

int objects_put_right(struct objects *o, const struct object_alloc *alloc, struct slab_object wrong, bool grew,
	struct err *err)
{
	unsigned int cpu = alloc->event->cpu;
	uint32_t holder;
	bool live;

	if (!alloc->there)
		return pass_over(o, alloc, wrong, grew, err);
	holder = objects_holder(o, alloc->right);
	if (holder < o->nr_slots) {
		objects_let_go(o, alloc->right);
		return objects_hold(o, holder, wrong, err);
	}
	live = slab_object_live(objects_slab(o), alloc->right);
	if (!live && !grew && wrong_again(o, alloc->cache, wrong)) {
		slab_claim(objects_slab(o), alloc->right);
		return hold_as_nobodys(o, wrong, err);
	}
	take_back(o, wrong, grew, cpu);
	if (holder != IDMAP_NONE)
		release_nobodys(o, alloc);
	else if (live)
		slab_free(objects_slab(o), alloc->right, cpu, &o->pass.meter);
	slab_switch_to(objects_slab(o), alloc->right, cpu, &o->pass.meter);
	slab_claim(objects_slab(o), alloc->right);
	return live && holder == IDMAP_NONE;
}

/*
 * What a free shows to be live, and is free in the model, was handed out unseen: in place
 * of the object that the model has for the same slot, of a bulk call, if there is one.
 */
bool objects_freed(struct objects *o, const struct verify_event *event, struct slab_object *object)
{
	struct slab_object held = { .slab = NO_OBJECT };
	uint64_t physical;

	if (!event->where || event->op->flags & OP_SYNTHETIC || !objects_at(o, event->where, &physical, object))
		return false;
	if (objects_holder(o, *object) != IDMAP_NONE || slab_object_live(objects_slab(o), *object))
		return true;
	slab_claim(objects_slab(o), *object);
	if (event->slot != SLOT_NONE)
		held = o->held[event->slot];
	if (held.slab != NO_OBJECT &&
		slab_object_cache(objects_slab(o), held) == slab_object_cache(objects_slab(o), *object)) {
		objects_let_go(o, held);
		slab_unclaim(objects_slab(o), held, event->cpu);
	}
	return true;
}

/* verify_objects_follow: keeps the model's slabs where the kernel's are, and puts an object right that it chose otherwise. */
#include "sim/verify_objects_priv.h"

#define MAX_BLOCK_ORDER 10u
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

uint32_t objects_holder(const struct objects *o, struct slab_object object)
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

	for (unsigned int order = 0; order <= MAX_BLOCK_ORDER; order++) {
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
	return !page_alloc_allocated(o->pass.mm.pages, pfn, 0);
}

static uint64_t pages_allocated(const struct objects *o)
{
	uint64_t pages = 0;

	for (int c = PC_PGALLOC_DMA; c <= PC_PGALLOC_MOVABLE; c++)
		pages += page_alloc_counter(o->pass.mm.pages, (enum page_counter)c);
	return pages;
}

enum mm_answer objects_take(struct objects *o, const struct object_alloc *alloc, struct slab_object *object, bool *grew)
{
	const struct verify_event *event = alloc->event;
	uint64_t before = pages_allocated(o);
	enum mm_answer answer;

	if (!alloc->there) {
		uint32_t size = slab_cache_geometry(objects_slab(o), alloc->cache)->size;
		uint64_t offset = alloc->physical - (alloc->pfn << o->page_shift);

		slab_next_pfn(objects_slab(o), alloc->cache, alloc->pfn, alloc->order);
		slab_next_start(objects_slab(o), alloc->cache, (uint32_t)(offset / size));
	}
	answer = slab_alloc(objects_slab(o), alloc->cache, event->op->gfp, alloc->node, event->cpu, object, &o->pass.meter);
	*grew = pages_allocated(o) != before;
	if (!alloc->there) {
		slab_next_pfn(objects_slab(o), alloc->cache, PFN_NONE, 0);
		slab_next_start(objects_slab(o), alloc->cache, UINT32_MAX);
	}
	return answer;
}

/*
 * The kernel has made a slab where the model had objects: it had handed those out unseen. They are nobody's.
 */
static int pass_over(struct objects *o, const struct object_alloc *alloc, struct slab_object wrong, struct err *err)
{
	struct slab_object right;
	uint64_t physical;
	bool grew;

	for (uint32_t i = 0; i < PASS_OVER_MAX; i++) {
		int ret = objects_hold(o, o->nr_slots, wrong, err);

		if (ret < 0)
			return ret;
		if (objects_take(o, alloc, &wrong, &grew) != MM_DONE)
			return 0;
		if (objects_at(o, alloc->event->where, &physical, &right) && object_same(wrong, right))
			return 0;
		if (grew)
			break;
	}
	slab_free(objects_slab(o), wrong, alloc->event->cpu, &o->pass.meter);
	return 0;
}

int objects_put_right(struct objects *o, const struct object_alloc *alloc, struct slab_object wrong, bool grew,
	struct err *err)
{
	unsigned int cpu = alloc->event->cpu;
	uint32_t holder;
	int told = 0, ret;

	if (!alloc->there)
		return pass_over(o, alloc, wrong, err);
	holder = objects_holder(o, alloc->right);
	if (holder != IDMAP_NONE && holder < o->nr_slots) {
		objects_let_go(o, alloc->right);
		return objects_hold(o, holder, wrong, err);
	}
	if (holder != IDMAP_NONE) {
		objects_let_go(o, alloc->right);
		slab_unclaim(objects_slab(o), wrong, cpu);
		if (grew)
			objects_drop_slab(o, slab_object_pfn(objects_slab(o), wrong), cpu);
		return 0;
	}
	if (slab_object_live(objects_slab(o), alloc->right)) {
		slab_free(objects_slab(o), alloc->right, cpu, &o->pass.meter);
		told = 1;
	} else if (alloc->cache < o->nr_known && object_same(o->last_wrong[alloc->cache], wrong) && !grew) {
		slab_claim(objects_slab(o), alloc->right);
		o->last_wrong[alloc->cache].slab = NO_OBJECT;
		ret = objects_hold(o, o->nr_slots, wrong, err);
		return ret;
	}
	if (!told && alloc->cache < o->nr_known)
		o->last_wrong[alloc->cache] = wrong;
	slab_unclaim(objects_slab(o), wrong, cpu);
	if (grew)
		objects_drop_slab(o, slab_object_pfn(objects_slab(o), wrong), cpu);
	if (!told && wrong.slab != alloc->right.slab)
		slab_switch_to(objects_slab(o), alloc->right, cpu, &o->pass.meter);
	slab_claim(objects_slab(o), alloc->right);
	return told;
}

int objects_show_live(struct objects *o, const struct verify_event *event, struct slab_object right, struct err *err)
{
	struct slab_object held = { .slab = NO_OBJECT };
	uint32_t cache = slab_object_cache(objects_slab(o), right);

	if (event->slot != SLOT_NONE)
		held = o->held[event->slot];
	if (held.slab == NO_OBJECT || slab_object_cache(objects_slab(o), held) != cache) {
		slab_claim(objects_slab(o), right);
		return 0;
	}
	objects_let_go(o, held);
	slab_correct(objects_slab(o), cache, held, right, event->cpu);
	(void)err;
	return 0;
}

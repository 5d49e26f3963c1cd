/*
 * verify_objects_bulk: bulk calls. An allocation is recorded by the number of its objects: they are those that the
 * model has for it, until an event names one of them. A free gives back the objects that are recorded or, without
 * addresses, of the slots that it ends.
 */
#include "base/array.h"
#include "sim/verify_objects_priv.h"

int objects_bulk_alloc(struct objects *o, const struct verify_event *event, struct err *err)
{
	uint32_t cache = objects_named_cache(o, event);
	struct slab_object object;

	if (cache == CACHE_NONE || event->slot == SLOT_NONE ||
		slab_alloc(objects_slab(o), cache, event->op->gfp, -1, event->cpu, &object, &o->pass.meter) != MM_DONE)
		return 0;
	return objects_hold(o, event->slot, object, err);
}

static int add(struct objects *o, struct slab_object object, struct err *err)
{
	if (!array_room(&o->bulk, &o->cap_bulk, o->nr_bulk))
		return objects_no_memory(err);
	o->bulk[o->nr_bulk++] = object;
	return 0;
}

int objects_bulk_free(struct objects *o, const struct verify_event *event, struct err *err)
{
	struct slab_object object = { .slab = NO_OBJECT };
	int ret = 0;

	if (event->where)
		objects_freed(o, event, &object);
	else if (event->slot != SLOT_NONE)
		object = o->held[event->slot];
	if (object.slab != NO_OBJECT) {
		objects_let_go(o, object);
		ret = add(o, object, err);
	}
	if (ret < 0 || event->op->flags & OP_BULK_MORE)
		return ret;
	slab_free_bulk(objects_slab(o), o->bulk, o->nr_bulk, event->cpu, &o->pass.meter);
	o->nr_bulk = 0;
	return 0;
}

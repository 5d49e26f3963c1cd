/* observe: serves a request with somebody watching. */
#include "base/fingerprint.h"
#include "sim/run.h"
#include "sim/serve_bulk.h"

static struct place place_in(const struct run *run, uint32_t slot)
{
	const struct object *object = &run->objects[slot];
	struct slab_object part = { object->slab, object->index };
	struct place place = { .kind = PLACE_NONE };

	if (object->slab == OBJECT_PAGES) {
		place = (struct place){ .kind = PLACE_PAGES, .pfn = object->index };
	} else if (object->slab == SLAB_LARGE) {
		place = (struct place){ .kind = PLACE_LARGE, .pfn = object->index };
	} else if (object->slab < OBJECT_TAGS) {
		place = (struct place){ .kind = PLACE_OBJECT, .index = object->index };
		place.cache = slab_object_cache(run->mm.slab, part);
		place.pfn = slab_object_pfn(run->mm.slab, part);
		place.address = (uint64_t)place.index * slab_cache_geometry(run->mm.slab, place.cache)->size;
	}
	place.address += place.pfn << run->machine->page_shift;
	return place;
}

static uint32_t cache_of(const struct run *run, const struct run_op *op, const struct place *was)
{
	if (op->action == ACT_KMALLOC)
		return op->cache;
	if (op->action == ACT_CACHE_ALLOC)
		return slab_cache_find(run->mm.slab, run_string(run, op->trace->name));
	return was->kind == PLACE_OBJECT ? was->cache : CACHE_NONE;
}

/* The pages that the last event of a bulk call took for the events before it. */
static uint64_t other_places(const struct run *run, const struct bulk *bulk, uint32_t nr)
{
	uint64_t hash = 0;

	for (uint32_t i = 0; i < nr; i++)
		hash = fingerprint_add(hash, place_in(run, bulk->slots[i]).address);
	return hash;
}

ns_t serve_observed(struct run *run, const struct request *req)
{
	const struct observer *observer = &run->options->observer;
	const struct run_op *op = &run->ops[req->op];
	bool has_slot = req->slot != SLOT_NONE;
	uint64_t done = op->done, failed = op->failed;
	const struct bulk *bulk = &run->bulks[req->seat.cpu];
	uint32_t nr_others = op->action == ACT_PAGES_BULK ? bulk->nr : 0;
	struct outcome outcome = {
		.prologue = run->booting,
		.event_no = req->event_no,
		.op = req->op,
		.who = req->who,
		.cpu = req->seat.cpu,
		.cache = CACHE_NONE,
		.arrival_ns = req->arrival_ns,
		.start_ns = run->engine.now,
	};

	if (has_slot)
		outcome.was = place_in(run, req->slot);
	if (observer->before) {
		outcome.cache = cache_of(run, op, &outcome.was);
		observer->before(observer->arg, &outcome, run->tables, &run->mm);
	}
	outcome.cost_ns = serve_request(run, req);
	if (has_slot)
		outcome.is = place_in(run, req->slot);
	if (!bulk->nr)
		outcome.others = other_places(run, bulk, nr_others);
	outcome.result = op->failed != failed ? OUTCOME_FAILED : op->done != done ? OUTCOME_DONE : OUTCOME_NOTHING;
	observer->after(observer->arg, &outcome, &run->mm);
	return outcome.cost_ns;
}

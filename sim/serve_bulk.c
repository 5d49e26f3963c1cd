#include "sim/serve_bulk.h"

#include <stdlib.h>

#include "base/array.h"
#include "sim/serve_priv.h"

int bulks_init(struct run *run, struct err *err)
{
	run->bulks = calloc(run->machine->cpus, sizeof(*run->bulks));
	if (!run->bulks)
		return err_set(err, ERR_NOMEM, "no memory for the bulk calls of %u CPUs", run->machine->cpus);
	return 0;
}

void bulks_fini(struct run *run)
{
	for (uint32_t cpu = 0; run->bulks && cpu < run->machine->cpus; cpu++) {
		free(run->bulks[cpu].slots);
		free(run->bulks[cpu].objects);
		free(run->bulks[cpu].pfns);
	}
	free(run->bulks);
}

/* One more part of the call under way. Return: false when there is no memory. */
static bool bulk_add(struct run *run, struct bulk *bulk, const struct request *req)
{
	if (bulk->nr == bulk->cap) {
		uint32_t cap = array_bigger(bulk->cap, bulk->nr);

		if (!array_resize(&bulk->slots, sizeof(*bulk->slots), cap) ||
			!array_resize(&bulk->objects, sizeof(*bulk->objects), cap) ||
			!array_resize(&bulk->pfns, sizeof(*bulk->pfns), cap)) {
			err_set(&run->deferred, ERR_NOMEM, "no memory for a bulk call of %u objects", cap);
			return false;
		}
		bulk->cap = cap;
	}
	bulk->last = *req;
	bulk->slots[bulk->nr++] = req->slot;
	return true;
}

static void take_pages(struct run *run, struct bulk *bulk)
{
	struct request each = bulk->last;
	struct run_op *op = &run->ops[each.op];
	struct page_request want = page_request_of(run, op);
	bool killed = run->reclaim.nr_killed && run->reclaim.killed[each.who];
	uint32_t got = killed ? 0 : page_alloc_take_bulk(run->mm.pages, &want, bulk->nr, bulk->pfns, &run->meter);

	for (uint32_t i = 0; i < bulk->nr; i++) {
		each.slot = bulk->slots[i];
		each.seat.marks = REQUEST_PART;
		/* As the kernel's callers do: what the bulk call leaves is asked for singly. */
		if (i < got)
			block_begin(run, &each, op, bulk->pfns[i]);
		else if (!killed)
			serve_pages(run, &each, op);
		else
			note_failure(run, &each, op);
	}
}

static void make_call(struct run *run, struct bulk *bulk)
{
	if (bulk->nr && run->ops[bulk->last.op].action == ACT_PAGES_BULK)
		take_pages(run, bulk);
	else if (bulk->nr)
		slab_free_bulk(run->mm.slab, bulk->objects, bulk->nr, run->cpu, &run->meter);
	bulk->nr = 0;
}

/* The call that @req is a part of. One of somebody else that has no end yet is made with what it has. */
static struct bulk *bulk_of(struct run *run, const struct request *req)
{
	struct bulk *bulk = &run->bulks[req->seat.cpu];

	if (bulk->nr && (bulk->last.who != req->who || run->ops[bulk->last.op].action != run->ops[req->op].action))
		make_call(run, bulk);
	return bulk;
}

/* Whether more parts are to come. */
static bool goes_on(const struct request *req, const struct run_op *op)
{
	return op->flags & OP_BULK_MORE && !(req->seat.marks & REQUEST_LATE);
}

void serve_bulk_free(struct run *run, const struct request *req, struct run_op *op)
{
	struct bulk *bulk = bulk_of(run, req);
	struct object *object = object_to_free(run, req);

	if (object && object->slab == OBJECT_PAGES) {
		op->done++;
		free_pages_as_object(run, object, op);
	} else if (object) {
		check_free(run, object, op);
		op->done++;
		if (!object_is_slab(object)) {
			release(run, object);
		} else if (bulk_add(run, bulk, req)) {
			note_place(run, object->slab, object->index);
			bulk->objects[bulk->nr - 1] = slab_part(object);
			object_end(run, object);
		}
	}
	if (goes_on(req, op))
		return;
	if (!object && bulk->nr) {
		op->done++; /* the call happens, for the objects before this one */
		run->untimed = false;
	}
	make_call(run, bulk);
}

void serve_pages_bulk(struct run *run, const struct request *req, struct run_op *op)
{
	struct bulk *bulk;

	if (req->sleeper) {
		serve_pages(run, req, op);
		return;
	}
	bulk = bulk_of(run, req);
	if (req->slot != SLOT_NONE) {
		slot_for(run, req, op);
		if (!bulk_add(run, bulk, req))
			return;
	}
	if (!goes_on(req, op))
		make_call(run, bulk);
}

static bool bulk_has(const struct bulk *bulk, uint32_t slot)
{
	for (uint32_t i = 0; i < bulk->nr; i++)
		if (bulk->slots[i] == slot)
			return true;
	return false;
}

void bulk_wanted(struct run *run, uint32_t slot)
{
	for (uint32_t cpu = 0; cpu < run->machine->cpus; cpu++)
		if (bulk_has(&run->bulks[cpu], slot))
			make_call(run, &run->bulks[cpu]);
}

void bulks_end(struct run *run)
{
	for (uint32_t cpu = 0; cpu < run->machine->cpus; cpu++) {
		run->cpu = cpu;
		make_call(run, &run->bulks[cpu]);
	}
}

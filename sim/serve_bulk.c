/* serve_bulk: calls that take or free many objects or pages at once. */
#include "base/array.h"
#include "sim/serve_priv.h"

/* One more slot for the bulk call under way. Return: false when there is no memory. */
static bool bulk_add(struct run *run, uint32_t slot)
{
	if (run->nr_bulk == run->cap_bulk) {
		uint32_t cap = array_bigger(run->cap_bulk, run->nr_bulk);

		if (!array_resize(&run->bulk_slots, sizeof(*run->bulk_slots), cap) ||
			!array_resize(&run->bulk_objects, sizeof(*run->bulk_objects), cap) ||
			!array_resize(&run->bulk_pfns, sizeof(*run->bulk_pfns), cap)) {
			err_set(&run->deferred, ERR_NOMEM, "no memory for a bulk call of %u objects", cap);
			return false;
		}
		run->cap_bulk = cap;
	}
	run->bulk_slots[run->nr_bulk++] = slot;
	return true;
}

void serve_bulk_free(struct run *run, const struct request *req, struct run_op *op)
{
	struct object *object = object_to_free(run, req);

	if (object && object->slab == OBJECT_PAGES) {
		op->done++;
		free_pages_as_object(run, object, op);
	} else if (object) {
		check_free(run, object, op);
		op->done++;
		if (!object_is_slab(object)) {
			release(run, object);
		} else if (bulk_add(run, req->slot)) {
			note_place(run, object->slab, object->index);
			run->bulk_objects[run->nr_bulk - 1] = slab_part(object);
			object_end(run, object);
		}
	}
	if (op->flags & OP_BULK_MORE)
		return;
	if (!object && run->nr_bulk) {
		op->done++; /* the call happens, for the objects before this one */
		run->untimed = false;
	}
	slab_free_bulk(run->mm.slab, run->bulk_objects, run->nr_bulk, run->cpu, &run->meter);
	run->nr_bulk = 0;
}

/* Pages of one bulk call come one event each; the last one makes the call. */
void serve_pages_bulk(struct run *run, const struct request *req, struct run_op *op)
{
	struct page_request want = page_request_of(run, op);
	struct request each = *req;
	uint32_t got;

	if (req->sleeper) {
		serve_pages(run, req, op);
		return;
	}
	if (req->slot != SLOT_NONE) {
		slot_for(run, req, op);
		if (!bulk_add(run, req->slot))
			return;
	}
	if (op->flags & OP_BULK_MORE)
		return;
	got = page_alloc_take_bulk(run->mm.pages, &want, run->nr_bulk, run->bulk_pfns, &run->meter);
	for (uint32_t i = 0; i < run->nr_bulk; i++) {
		pfn_t pfn = i < got ? run->bulk_pfns[i] : PFN_NONE;

		each.slot = run->bulk_slots[i];
		each.seat.marks = REQUEST_PART;
		/* As the kernel's callers do: what the bulk call leaves is asked for singly. */
		if (i >= got)
			serve_pages(run, &each, op);
		else
			block_begin(run, &each, op, pfn);
	}
	run->nr_bulk = 0;
}

/*
 * serve_highmem: kmap() and kmap_atomic() of pages that the trace allocated. A mapping's object has its page frame
 * as index; left says more: of a page that the trace does not name, index is a number of its own; and the CPU of
 * kmap_atomic().
 *
 * page_address_unmapped: whoever asks for the address of a page that has none. A scenario shows it by kunmap of what is
 * not mapped (page_address() is NULL: BUG in kunmap_high()), or by mapping a page that is not there any more.
 */
#include <inttypes.h>

#include "mm/highmem.h"
#include "sim/serve_priv.h"

#define LEFT_NOBODYS 1u
#define LEFT_CPU     1u /* shift */

static struct highmem *highmem_of(const struct run *run)
{
	return mm_state(&run->mm, SLOT_HIGHMEM);
}

static bool is_local(const struct run_op *op)
{
	return op->kind == KIND_KMAP_ATOMIC || op->kind == KIND_KUNMAP_ATOMIC;
}

static void highmem_prepare(struct run *run, struct run_op *op)
{
	(void)run;
	/* kmap() and kunmap() are might_sleep(), whatever the page. */
	if (!is_local(op) && op->ctx != CTX_PROCESS)
		op->rules |= 1u << RULE_SLEEP_IN_ATOMIC;
}

static pfn_t page_of(const struct object *object)
{
	return object->left & LEFT_NOBODYS ? HIGHMEM_NOBODYS_PAGE(object->index) : object->index;
}

/* The page that is to be mapped. Return: false when the model has none: it was not to be had. */
static bool find_page(const struct run *run, const struct request *req, pfn_t *pfn)
{
	const struct object *object;
	uint64_t slot = request_page(req);

	/*
	 * A page of which the trace says nothing is a high one, and nobody else's.
	 * Simplified: so is one that has been reclaimed; whoever maps it
	 * has read it into another page before, which is not counted.
	 */
	*pfn = HIGHMEM_NOBODYS_PAGE(req->slot);
	if (slot == SLOT_NONE || slot >= run->nr_objects)
		return true;
	object = &run->objects[slot];
	if (object->slab == OBJECT_PAGES)
		*pfn = object->index;
	else if (object_is_slab(object))
		*pfn = slab_object_pfn(run->mm.slab, slab_part(object));
	else
		return object->slab == OBJECT_RECLAIMED;
	return true;
}

static bool page_gone(struct run *run, const struct request *req, struct run_op *op)
{
	if (request_page(req) != PAGE_GONE)
		return false;
	run_violation(run, RULE_PAGE_ADDRESS_UNMAPPED, op,
		"%s of a page that is not allocated: its next owner's is mapped", kind_info[op->kind].name);
	note_failure(run, req, op);
	return true;
}

static void begin_mapping(struct run *run, const struct request *req, struct run_op *op, pfn_t pfn)
{
	note_place(run, (uint32_t)(pfn >> 32), (uint32_t)pfn);
	if (req->slot == SLOT_NONE)
		return;
	object_begin(run, req, op, OBJECT_PART, (uint32_t)pfn);
	run->objects[req->slot].left = (pfn >= HIGHMEM_NOBODYS_PAGE(0) ? LEFT_NOBODYS : 0) | run->cpu << LEFT_CPU;
}

static void serve_kmap(struct run *run, const struct request *req, struct run_op *op, pfn_t pfn)
{
	uint32_t slot;
	enum mm_answer answer = highmem_kmap(highmem_of(run), pfn, &slot, &run->meter);

	if (answer == MM_WAIT && serve_wait(run, req, GFP_KERNEL)) {
		highmem_waited(highmem_of(run), 1, 0);
		return;
	}
	if (answer == MM_DONE)
		begin_mapping(run, req, op, pfn);
	else
		note_failure(run, req, op);
}

static void serve_kmap_atomic(struct run *run, const struct request *req, struct run_op *op, pfn_t pfn)
{
	if (highmem_push_local(highmem_of(run), pfn, req->slot, run->cpu, &run->meter) == HIGHMEM_LOCAL_DONE) {
		begin_mapping(run, req, op, pfn);
		sections_map(run, req);
		return;
	}
	run_violation_severe(run, RULE_KMAP_LEAK, "fatal", op,
		"%s beyond %d mappings of CPU %u: BUG in kmap_local_idx_push()", kind_info[op->kind].name, KM_MAX_IDX - 1,
		run->cpu);
	note_failure(run, req, op);
}

static void serve_map(struct run *run, const struct request *req, struct run_op *op)
{
	pfn_t pfn;

	if (req->slot != SLOT_NONE)
		slot_for(run, req, op);
	if (page_gone(run, req, op))
		return;
	if (!find_page(run, req, &pfn))
		note_failure(run, req, op);
	else if (is_local(op))
		serve_kmap_atomic(run, req, op, pfn);
	else
		serve_kmap(run, req, op, pfn);
}

/* The kernel wakes all who wait for a slot: one gets it, the others sleep again. */
static void wake_waiters(struct run *run)
{
	ns_t waited = sleepers_waited(run, SLEEP_KMAP, 0, UINT32_MAX);

	if (run_wake_all(run, SLEEP_KMAP, 0))
		highmem_waited(highmem_of(run), 0, waited);
}

/* @op: what ends it. */
static void end_local(struct run *run, struct object *object, const struct run_op *op)
{
	uint32_t mapping = (uint32_t)(object - run->objects);

	if (highmem_pop_local(highmem_of(run), page_of(object), mapping, object->left >> LEFT_CPU, &run->meter) ==
		HIGHMEM_LOCAL_NOT_LAST)
		run_violation(run, RULE_PREEMPT_IMBALANCE, op,
			"kunmap_atomic out of order: not the CPU's last mapping, which the kernel takes it for where pages are high");
}

static void highmem_release(struct run *run, struct object *object)
{
	if (is_local(&run->ops[object->op]))
		end_local(run, object, &run->ops[object->op]);
	else if (highmem_kunmap(highmem_of(run), page_of(object), &run->meter) == HIGHMEM_LAST_USER)
		wake_waiters(run);
}

static void serve_unmap(struct run *run, const struct request *req, struct run_op *op)
{
	struct object *object;
	const struct run_op *maker;

	if (op->flags & (OP_UNKNOWN | OP_DOUBLE)) {
		op->failed++;
		run_violation(run, RULE_PAGE_ADDRESS_UNMAPPED, op, "%s of what is not mapped: page_address() is NULL",
			kind_info[op->kind].name);
		return;
	}
	object = object_to_free(run, req);
	if (!object)
		return;
	maker = &run->ops[object->op];
	if (kind_info[maker->kind].keys != KEY_PAGE || is_local(maker) != is_local(op))
		run_violation(run, RULE_WRONG_FREE, op,
			"%s of an object from %s: the kernel stops with a BUG where pages are"
			" high",
			kind_info[op->kind].name, kind_info[maker->kind].name);
	op->done++;
	if (!is_local(maker) || kind_info[maker->kind].keys != KEY_PAGE) {
		release(run, object);
		return;
	}
	note_place(run, object->slab, object->index);
	end_local(run, object, op);
	sections_unmap(run, req);
	object_end(run, object);
}

static void highmem_serve(struct run *run, const struct request *req, struct run_op *op)
{
	if (kind_info[op->kind].slot == SLOT_BEGINS)
		serve_map(run, req, op);
	else
		serve_unmap(run, req, op);
}

/* Mappings that nobody ended. */
static void report_leaks(struct run *run)
{
	for (uint32_t slot = 0; slot < run->nr_objects; slot++) {
		const struct object *object = &run->objects[slot];
		const struct run_op *maker;

		if (object->slab != OBJECT_PART)
			continue;
		maker = &run->ops[object->op];
		if (kind_info[maker->kind].keys == KEY_PAGE)
			run_violation(run, RULE_KMAP_LEAK, maker, "%s at %" PRIu64 " ns is still mapped at the end: %s",
				kind_info[maker->kind].name, object->born_ns, is_local(maker) ?
				"the kernel warns when the task is switched or ends" : "kmap() blocks when all slots are lost so");
	}
}

static int highmem_finish(struct run *run, struct err *err)
{
	struct highmem_stats s;

	highmem_get_stats(highmem_of(run), &s);
	if (!s.maps && !s.local_maps && !s.waits)
		return 0;
	report_leaks(run);
	if (run->deferred.code) {
		*err = run->deferred;
		return -(int)err->code;
	}
	return RECORD_ROW(run->recorder, HIGHMEM_STATS, err, RECORD_U(s.slots), RECORD_U(s.used), RECORD_U(s.peak),
		RECORD_U(s.maps), RECORD_U(s.new_slots), RECORD_U(s.flushes), RECORD_U(s.waits), RECORD_U(s.wait_ns),
		RECORD_U(s.local_maps), RECORD_U(s.local_peak));
}

static void highmem_gave_up(struct run *run, enum sleep_reason reason, uint64_t key, ns_t waited_ns)
{
	(void)key;
	if (reason == SLEEP_KMAP)
		highmem_waited(highmem_of(run), 0, waited_ns);
}

static const enum trace_kind highmem_kinds[] = { KIND_KMAP, KIND_KUNMAP, KIND_KMAP_ATOMIC, KIND_KUNMAP_ATOMIC };

const struct run_part part_highmem = {
	.kinds = highmem_kinds,
	.nr_kinds = sizeof(highmem_kinds) / sizeof(highmem_kinds[0]),
	.prepare = highmem_prepare,
	.serve = highmem_serve,
	.release = highmem_release,
	.gave_up = highmem_gave_up,
	.finish = highmem_finish,
};

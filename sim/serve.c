/* serve: what a request does when its turn has come: asks mm/, keeps what came of it in the request's slot. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/fingerprint.h"
#include "sim/run.h"

/* Out of line, so that what nearly all requests go through stays small. */
#define RARE __attribute__((noinline, cold))

static bool object_is_slab(const struct object *object)
{
	return object->slab < OBJECT_TAGS || object->slab == SLAB_LARGE;
}

static bool object_lives(const struct object *object)
{
	return object_is_slab(object) || object->slab == OBJECT_PAGES;
}

static struct slab_object slab_part(const struct object *object)
{
	return (struct slab_object){ object->slab, object->index };
}

/* What was done, for the fingerprint: which object or page. */
static void note_place(struct run *run, uint32_t slab, uint32_t index)
{
	run->result.fingerprint =
		fingerprint_add(run->result.fingerprint, (uint64_t)slab << 32 | index);
}

void object_begin(struct run *run, const struct request *req, struct run_op *op, uint32_t slab, uint32_t index)
{
	struct object *object = &run->objects[req->slot];

	object->slab = slab;
	object->index = index;
	object->op = req->op;
	object->left = (uint32_t)(op->bytes_alloc >> run->machine->page_shift);
	object->born_ns = run->engine.now;
	op->done++;
	run->live_objects++;
}

static void object_end(struct run *run, struct object *object)
{
	struct run_op *maker = &run->ops[object->op];

	maker->freed++;
	maker->lifetime_ns += run->engine.now - object->born_ns;
	run->live_objects--;
	object->slab = OBJECT_NONE;
}

/* All pages of a block that is still whole go back the way they were taken. */
static void give_block(struct run *run, const struct object *object)
{
	const struct run_op *maker = &run->ops[object->op];
	bool single = maker->action == ACT_PAGES_EXACT || maker->action == ACT_PAGES_BULK;

	run->pages_held -= object->left;
	if (!single) {
		page_alloc_give(run->mm.pages, object->index, maker->order, run->cpu, &run->meter);
		return;
	}
	for (uint32_t i = 0; i < object->left; i++)
		page_alloc_give(run->mm.pages, object->index + i, 0, run->cpu, &run->meter);
}

static __attribute__((noinline)) void release_block(struct run *run, const struct object *object)
{
	const struct run_op *maker = &run->ops[object->op];

	if (object->left == maker->bytes_alloc >> run->machine->page_shift) {
		give_block(run, object);
		return;
	}
	run_violation(run, RULE_WRONG_FREE, maker, "a block of order %u was freed whole after parts of it; %u pages leak",
		maker->order, object->left);
	run->pages_held -= object->left;
}

/* Free whatever lives in a slot, whole. */
static inline void release(struct run *run, struct object *object)
{
	note_place(run, object->slab, object->index);
	if (__builtin_expect(object_is_slab(object), 1))
		slab_free(run->mm.slab, slab_part(object), run->cpu, &run->meter);
	else
		release_block(run, object);
	object_end(run, object);
}

static RARE void end_last(struct run *run, struct object *object, const struct run_op *op)
{
	if (!(op->flags & OP_IMPLIED_FREE))
		run->stale_objects++;
	release(run, object);
}

/*
 * Before an allocation fills a slot: its last object's free was not traced (OP_IMPLIED_FREE), or the trace is
 * damaged; either way it is over now.
 */
static struct object *slot_for(struct run *run, const struct request *req, const struct run_op *op)
{
	struct object *object = &run->objects[req->slot];

	if (__builtin_expect(object_lives(object), 0))
		end_last(run, object, op);
	return object;
}

/* An allocation that failed in the model. */
static RARE void note_failure(struct run *run, const struct request *req, struct run_op *op)
{
	op->failed++;
	note_place(run, OBJECT_FAILED, req->op);
	if (op->flags & OP_FAILED)
		run->result.failed_both++;
	else
		run->result.failed++;
	if (req->slot != SLOT_NONE)
		run->objects[req->slot].slab = OBJECT_FAILED;
}

/* No cache serves it: it has been destroyed or cannot be, or this kernel has no kmalloc caches. */
static __attribute__((noinline)) enum mm_answer take_without_cache(struct run *run, const struct run_op *op,
	struct slab_object *object)
{
	if (op->action != ACT_CACHE_ALLOC)
		return kmalloc_sized(run->mm.slab, op->size, op->gfp, op->node, run->cpu, object, &run->meter);
	if (slab_cache_gone(run->mm.slab, run_string(run, op->trace->name)))
		run_violation(run, RULE_CACHE_DESTROYED, op, "%s from cache \"%s\", which has been destroyed",
			kind_info[op->kind].name, run_string(run, op->trace->name));
	return MM_FAILED;
}

static enum mm_answer take_object(struct run *run, const struct run_op *op, struct slab_object *object)
{
	struct slab *slab = run->mm.slab;

	if (op->action == ACT_KMALLOC_LARGE)
		return kmalloc_large(slab, op->size, op->gfp, op->node, run->cpu, object, &run->meter);
	if (__builtin_expect(op->cache == CACHE_NONE, 0))
		return take_without_cache(run, op, object);
	return slab_alloc(slab, op->cache, op->gfp, op->node, run->cpu, object, &run->meter);
}

static void serve_object(struct run *run, const struct request *req, struct run_op *op)
{
	struct slab_object object;

	if (op->action == ACT_CACHE_ALLOC && op->generation != run->cache_generation)
		run_op_resolve_cache(run, op);
	if (req->slot != SLOT_NONE)
		slot_for(run, req, op);
	if (take_object(run, op, &object) != MM_DONE) {
		note_failure(run, req, op);
		return;
	}
	note_place(run, object.slab, object.index);
	if (req->slot != SLOT_NONE) {
		object_begin(run, req, op, object.slab, object.index);
		return;
	}
	/* It failed where it was recorded, so nobody will free it. */
	slab_free(run->mm.slab, object, run->cpu, &run->meter);
	run->result.recovered++;
}

/* kfree() and kmem_cache_free() take what the matching calls made; anything else breaks a rule. */
static RARE void check_free(struct run *run, const struct object *object, struct run_op *op)
{
	const struct run_op *maker = &run->ops[object->op];

	if (object->slab == OBJECT_PAGES) {
		run_violation(run, RULE_WRONG_FREE, op,
			"%s of pages from %s: the kernel warns and frees the block by its head's order",
			kind_info[op->kind].name, kind_info[maker->kind].name);
		return;
	}
	if (op->kind != KIND_KMEM_CACHE_FREE && op->kind != KIND_KMEM_CACHE_FREE_BULK)
		return;
	if (op->generation != run->cache_generation)
		run_op_resolve_cache(run, op);
	if (object->slab != SLAB_LARGE && maker->cache == op->cache)
		return;
	if (object->slab != SLAB_LARGE && slab_object_cache(run->mm.slab, slab_part(object)) == op->cache)
		return;
	run_violation(run, RULE_WRONG_FREE, op, "object of %s freed to cache %s: the kernel warns and uses the object's own",
		maker->trace->name ? run_string(run, maker->trace->name) : kind_info[maker->kind].name,
		run_string(run, op->trace->name));
}

/* Whether the usual free meets the usual object: nothing to check. */
static inline bool free_fits(const struct run *run, const struct object *object, const struct run_op *op)
{
	if (object->slab >= OBJECT_TAGS)
		return false;
	if (op->kind != KIND_KMEM_CACHE_FREE)
		return op->kind == KIND_KFREE;
	return op->generation == run->cache_generation && run->ops[object->op].cache == op->cache;
}

/* Return: the object to free, NULL when there is none. */
static struct object *object_to_free(struct run *run, const struct request *req)
{
	struct object *object;

	if (req->slot == SLOT_NONE) {
		run->frees_without_object++;
		return NULL;
	}
	object = &run->objects[req->slot];
	if (object_lives(object))
		return object;
	/* Its allocation failed, was skipped, or was cut off with the front of the trace. */
	if (object->slab != OBJECT_FAILED)
		run->frees_without_object++;
	object->slab = OBJECT_NONE;
	return NULL;
}

static void serve_slab_free(struct run *run, const struct request *req, struct run_op *op)
{
	struct object *object = object_to_free(run, req);

	if (!object)
		return;
	if (__builtin_expect(!free_fits(run, object, op), 0))
		check_free(run, object, op);
	op->done++;
	release(run, object);
}

/* One more slot for the bulk call under way. Return: false when there is no memory. */
static bool bulk_add(struct run *run, uint32_t slot)
{
	if (run->nr_bulk == run->cap_bulk) {
		uint32_t cap = run->cap_bulk ? 2 * run->cap_bulk : 64;
		uint32_t *slots = realloc(run->bulk_slots, cap * sizeof(*slots));
		struct slab_object *objects = realloc(run->bulk_objects, cap * sizeof(*objects));
		pfn_t *pfns = realloc(run->bulk_pfns, cap * sizeof(*pfns));

		run->bulk_slots = slots ? slots : run->bulk_slots;
		run->bulk_objects = objects ? objects : run->bulk_objects;
		run->bulk_pfns = pfns ? pfns : run->bulk_pfns;
		if (!slots || !objects || !pfns) {
			err_set(&run->deferred, ERR_NOMEM, "no memory for a bulk call of %u objects", cap);
			return false;
		}
		run->cap_bulk = cap;
	}
	run->bulk_slots[run->nr_bulk++] = slot;
	return true;
}

static RARE void serve_bulk_free(struct run *run, const struct request *req, struct run_op *op)
{
	struct object *object = object_to_free(run, req);

	if (object) {
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
	slab_free_bulk(run->mm.slab, run->bulk_objects, run->nr_bulk, run->cpu, &run->meter);
	run->nr_bulk = 0;
}

/* krealloc(): in place while the object's room (ksize) is enough, else a new object and the old one freed. */
static RARE void serve_krealloc(struct run *run, const struct request *req, struct run_op *op)
{
	uint64_t want = op->size;
	uint64_t room = 0;
	struct object old = { .slab = OBJECT_NONE };
	struct run_op as_kmalloc = *op;
	struct slab_object object;

	if (req->slot == SLOT_NONE)
		return;
	if (object_is_slab(&run->objects[req->slot])) {
		old = run->objects[req->slot];
		room = run->ops[old.op].bytes_alloc;
	}
	if (want == 0) {
		if (object_lives(&run->objects[req->slot]))
			release(run, &run->objects[req->slot]);
		return;
	}
	if (room >= want) {
		op->done++;
		return;
	}
	as_kmalloc.cache = kmalloc_class(run->mm.slab, want, op->gfp);
	as_kmalloc.action = kmalloc_is_large(run->mm.slab, want) ? ACT_KMALLOC_LARGE : ACT_KMALLOC;
	if (take_object(run, &as_kmalloc, &object) != MM_DONE) {
		op->failed++;
		run->result.failed++;
		return;
	}
	if (object_is_slab(&old))
		release(run, &run->objects[req->slot]);
	op->bytes_alloc = kmalloc_size(run->mm.slab, want, op->gfp);
	note_place(run, object.slab, object.index);
	object_begin(run, req, op, object.slab, object.index);
}

static struct page_request page_request_of(const struct run *run, const struct run_op *op)
{
	return (struct page_request){
		.gfp = op->gfp,
		.cpu = (uint16_t)run->cpu,
		.node = op->node,
		.order = op->order,
	};
}

static void block_begin(struct run *run, const struct request *req, struct run_op *op, pfn_t pfn)
{
	note_place(run, OBJECT_PAGES, (uint32_t)pfn);
	object_begin(run, req, op, OBJECT_PAGES, (uint32_t)pfn);
	run->pages_held += run->objects[req->slot].left;
}

static __attribute__((noinline)) void serve_pages(struct run *run, const struct request *req, struct run_op *op)
{
	struct page_request want = page_request_of(run, op);
	uint32_t nr_pages = (uint32_t)(op->bytes_alloc >> run->machine->page_shift);
	enum mm_answer answer;
	pfn_t pfn = PFN_NONE;

	if (req->slot != SLOT_NONE)
		slot_for(run, req, op);
	if (op->action == ACT_PAGES_EXACT)
		answer = page_alloc_take_exact(run->mm.pages, &want, nr_pages, &pfn, &run->meter);
	else
		answer = page_alloc_take(run->mm.pages, &want, &pfn, &run->meter);
	if (answer != MM_DONE) {
		note_failure(run, req, op);
	} else if (req->slot != SLOT_NONE) {
		block_begin(run, req, op, pfn);
	} else {
		/* It failed where it was recorded, so nobody will free it. */
		run->result.recovered++;
		page_alloc_give(run->mm.pages, pfn, op->order, run->cpu, &run->meter);
	}
}

/* Pages of one bulk call come one event each; the last one makes the call. */
static RARE void serve_pages_bulk(struct run *run, const struct request *req, struct run_op *op)
{
	struct page_request want = page_request_of(run, op);
	struct request each = *req;
	uint32_t got;

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
		/* As the kernel's callers do: what the bulk call leaves is asked for singly. */
		if (i >= got && page_alloc_take(run->mm.pages, &want, &pfn, &run->meter) != MM_DONE)
			note_failure(run, &each, op);
		else
			block_begin(run, &each, op, pfn);
	}
	run->nr_bulk = 0;
}

/* A part of a block, freed on its own. */
static RARE void serve_part_free(struct run *run, struct object *object, struct run_op *op)
{
	pfn_t pfn = object->index + op->trace->arg[1];
	uint32_t nr_pages = 1u << op->order;

	if (object->slab != OBJECT_PAGES || op->order > run->machine->page_allocator.max_order ||
		object->left < nr_pages || !page_alloc_allocated(run->mm.pages, pfn, op->order)) {
		run_violation(run, RULE_WRONG_FREE, op, "a part of order %u at page %" PRIu64 " is not in the block",
			op->order, op->trace->arg[1]);
		return;
	}
	note_place(run, OBJECT_PAGES, (uint32_t)pfn);
	page_alloc_give(run->mm.pages, pfn, op->order, run->cpu, &run->meter);
	op->done++;
	object->left -= nr_pages;
	run->pages_held -= nr_pages;
	if (!object->left)
		object_end(run, object);
}

static __attribute__((noinline)) void serve_pages_free(struct run *run, const struct request *req, struct run_op *op)
{
	struct object *object = object_to_free(run, req);

	if (!object)
		return;
	if (op->flags & OP_PART) {
		serve_part_free(run, object, op);
		return;
	}
	if (object->slab != OBJECT_PAGES)
		run_violation(run, RULE_WRONG_FREE, op, "free_pages of an object from %s: the kernel reports a bad page",
			kind_info[run->ops[object->op].kind].name);
	op->done++;
	release(run, object);
}

static uint32_t clamp_u32(uint64_t value)
{
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* Whether the recorded slots of a new cache are what its size, alignment and flags give. */
static bool slots_are_explained(const struct slab_create *create, uint64_t slot_size)
{
	if (!slot_size || !create->object_size)
		return false;
	return align_up(create->object_size,
		slab_calculate_alignment(create->flags, create->align, create->object_size)) == slot_size;
}

/*
 * What an event of a cache's creation asks for. Recordings do not show constructors: the size of the cache's objects
 * does, where the trace has it, else the machine's list.
 */
static struct slab_create create_of(const struct run *run, const struct trace_op *op)
{
	struct slab_create create = {
		.name = run_string(run, op->name),
		.object_size = clamp_u32(op->size),
		.align = clamp_u32(op->align),
		.flags = op->slab_flags,
	};
	uint32_t align = 0, flags = 0;

	if (!(op->flags & OP_BOOT) && slots_are_explained(&create, op->size_alloc))
		return create;
	if (op->size_alloc && slab_infer_create(create.object_size, clamp_u32(op->size_alloc), &align, &flags)) {
		/* Of a cache created before the recording nothing else is known. */
		create.flags |= op->flags & OP_BOOT ? flags : flags & SLAB_CTOR;
		create.align = op->flags & OP_BOOT ? align : create.align;
	} else if (machine_has_constructor(run->machine, create.name)) {
		create.flags |= SLAB_CTOR;
	}
	return create;
}

static const char *duplicate_reaction(const struct machine *machine)
{
	switch (machine->behaviour) {
	case BEHAVIOUR_2_6_CLASSIC:
		return "a BUG in 2.6, so none is created";
	case BEHAVIOUR_6_1:
		return "legal in 6.1, the new one is found by the name";
	case BEHAVIOUR_6_18:
		return "6.18 warns if built with CONFIG_DEBUG_VM, the new one is found by the name";
	}
	return "";
}

static RARE void serve_cache_create(struct run *run, struct run_op *op)
{
	struct slab_create create = create_of(run, op->trace);
	uint32_t cache;

	if (slab_cache_find(run->mm.slab, create.name) != CACHE_NONE)
		run_violation(run, RULE_CACHE_NAME_DUPLICATE, op, "cache \"%s\" exists already: %s", create.name,
			duplicate_reaction(run->machine));
	if (slab_cache_create(run->mm.slab, &create, &cache, &run->meter) == SLAB_CREATE_FAILED) {
		op->failed++;
		run->result.failed++;
	} else {
		op->done++;
	}
	run->cache_generation++;
}

/* A cache that was there before the recording began. */
static RARE void serve_cache_boot(struct run *run, struct run_op *op)
{
	struct slab_create create = create_of(run, op->trace);
	uint32_t cache;

	if (slab_cache_find(run->mm.slab, create.name) != CACHE_NONE)
		return;
	slab_cache_boot(run->mm.slab, &create, &cache);
	run->cache_generation++;
}

static RARE void serve_cache_destroy(struct run *run, struct run_op *op)
{
	uint32_t cache = slab_cache_find(run->mm.slab, run_string(run, op->trace->name));

	if (cache == CACHE_NONE) {
		bool gone = slab_cache_gone(run->mm.slab, run_string(run, op->trace->name));

		run_violation(run, gone ? RULE_CACHE_DESTROYED : RULE_FREE_UNKNOWN, op, "destroy of cache \"%s\", which %s",
			run_string(run, op->trace->name), gone ? "has been destroyed" : "never was");
		return;
	}
	if (slab_cache_destroy(run->mm.slab, cache, &run->meter)) {
		op->done++;
	} else {
		op->failed++;
		run_violation(run, RULE_CACHE_DESTROY_LIVE, op,
			"cache \"%s\" still has objects: the kernel reports them, warns and keeps the cache",
			run_string(run, op->trace->name));
	}
	run->cache_generation++;
}

static RARE void serve_cache_shrink(struct run *run, struct run_op *op)
{
	uint32_t cache = slab_cache_find(run->mm.slab, run_string(run, op->trace->name));

	if (cache == CACHE_NONE)
		return;
	slab_cache_shrink(run->mm.slab, cache, &run->meter);
	op->done++;
}

static RARE void serve_bad_free(struct run *run, struct run_op *op)
{
	op->failed++;
	if (op->flags & OP_DOUBLE)
		run_violation(run, RULE_DOUBLE_FREE, op, "%s of an object that is free already",
			kind_info[op->kind].name);
	else
		run_violation(run, RULE_FREE_UNKNOWN, op, "%s of an object that was never allocated",
			kind_info[op->kind].name);
}

static void dispatch(struct run *run, const struct request *req, struct run_op *op)
{
	switch ((enum run_action)op->action) {
	case ACT_KMALLOC:
	case ACT_KMALLOC_LARGE:
	case ACT_CACHE_ALLOC:
		serve_object(run, req, op);
		break;
	case ACT_SLAB_FREE:
		serve_slab_free(run, req, op);
		break;
	case ACT_SLAB_FREE_BULK:
		serve_bulk_free(run, req, op);
		break;
	case ACT_KREALLOC:
		serve_krealloc(run, req, op);
		break;
	case ACT_PAGES:
	case ACT_PAGES_EXACT:
		serve_pages(run, req, op);
		break;
	case ACT_PAGES_BULK:
		serve_pages_bulk(run, req, op);
		break;
	case ACT_PAGES_FREE:
		serve_pages_free(run, req, op);
		break;
	case ACT_CACHE_CREATE:
		serve_cache_create(run, op);
		break;
	case ACT_CACHE_BOOT:
		serve_cache_boot(run, op);
		break;
	case ACT_CACHE_DESTROY:
		serve_cache_destroy(run, op);
		break;
	case ACT_CACHE_SHRINK:
		serve_cache_shrink(run, op);
		break;
	case ACT_FREE_NULL:
		op->done++;
		break;
	case ACT_FREE_BAD:
		serve_bad_free(run, op);
		break;
	case ACT_UNMODELLED:
		run->result.unmodelled++;
		break;
	case ACT_MARKER:
	case ACT_SKIP:
		break;
	}
}

/* Rules that this operation breaks each time. */
static RARE void report_rules(struct run *run, struct run_op *op)
{
	const char *name = kind_info[op->kind].name;

	if (op->rules & 1u << RULE_SLEEP_IN_ATOMIC)
		run_violation(run, RULE_SLEEP_IN_ATOMIC, op, "%s may sleep, and the context may not", name);
	if (op->rules & 1u << RULE_HIGHMEM_KMALLOC)
		run_violation(run, RULE_HIGHMEM_KMALLOC, op, "%s with a zone that has no kernel address: the kernel clears the bit", name);
	if (op->rules & 1u << RULE_SIZE_TOO_LARGE)
		run_violation(run, RULE_SIZE_TOO_LARGE, op, "%s of %" PRIu64 " bytes: the kernel refuses", name, op->size);
	if (op->rules & 1u << RULE_ORDER_TOO_LARGE)
		run_violation(run, RULE_ORDER_TOO_LARGE, op, "%s of order %u: the kernel refuses", name, op->order);
	if (op->rules & 1u << RULE_CACHE_NAME_INVALID)
		run_violation(run, RULE_CACHE_NAME_INVALID, op, "cache name \"%s\" has a blank",
			run_string(run, op->trace->name));
}

ns_t serve_request(void *arg, const struct request *req)
{
	struct run *run = arg;
	struct run_op *op = &run->ops[req->op];
	ns_t latency;

	run->event_no = req->event_no;
	run->cpu = req->cpu;
	if (op->action == ACT_SKIP)
		return 0;
	meter_start(&run->meter, run->machine->latency.step_ns);
	if (__builtin_expect(op->rules != 0, 0))
		report_rules(run, op);
	dispatch(run, req, op);
	if (run->booting)
		return 0;
	latency = run->engine.now - req->arrival_ns + run->meter.ns;
	op->latency_ns += latency;
	if (latency > op->latency_max_ns)
		op->latency_max_ns = latency;
	hist_add(run->kinds[op->kind].latency, latency);
	return run->meter.ns;
}

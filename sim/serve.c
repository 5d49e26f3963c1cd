/* serve: what a request does when its turn has come: asks mm/, keeps what came of it in the request's slot. */
#include <inttypes.h>

#include "sim/serve_bulk.h"
#include "sim/serve_priv.h"
#include "sim/serve_vmalloc.h"

/*
 * Until a request that may not fail, or waits for another one to kill, looks for memory again. Simplified: the
 * kernel looks after each tick (4 ms with HZ = 250), and all who wait do; here the first of like ones does, and the
 * next one when that has its memory.
 */
#define RETRY_PAUSE_NS 100000000u

RARE void end_last(struct run *run, struct object *object, const struct run_op *op)
{
	if (!(op->flags & OP_IMPLIED_FREE))
		run->stale_objects++;
	release(run, object);
}

RARE void note_failure(struct run *run, const struct request *req, struct run_op *op)
{
	op->failed++;
	/* Not the number of the operation: where it stands in the trace's table is no part of what happened. */
	note_place(run, OBJECT_FAILED, (uint32_t)op->kind << 8 | op->order);
	if (op_is_mapping(op))
		; /* of a page that is not there: that has been counted */
	else if (op->flags & OP_BOOT)
		run->result.failed_older++;
	else if (op->flags & OP_FAILED)
		run->result.failed_both++;
	else
		run->result.failed++;
	if (req->slot != SLOT_NONE)
		run->objects[req->slot].slab = OBJECT_FAILED;
}

/* Whether there is no block as large on any machine: even __GFP_NOFAIL gets none then. */
static bool is_too_large(const struct run *run, const struct run_op *op)
{
	unsigned int max_order = run->machine->page_allocator.max_order;

	if (op->action == ACT_PAGES)
		return op->order > max_order;
	if (op->action == ACT_PAGES_EXACT)
		return !op->size || op->bytes_alloc > (uint64_t)run->machine->page_size << max_order;
	return op->size > run->machine->kmalloc.max_size;
}

/* Who waits for another request to kill is refused, as that one was, when nobody is left: there the kernel panics. */
static bool never_fails(const struct run *run, const struct run_op *op)
{
	bool no_cache = op->action == ACT_CACHE_ALLOC && op->cache == CACHE_NONE;

	if (run->meter.loops && !run->reclaim.none_to_kill)
		return true;
	return op->gfp & GFP_BIT_NOFAIL && !no_cache && !is_too_large(run, op);
}

RARE bool serve_try_again(struct run *run, const struct request *req, const struct run_op *op)
{
	uint64_t key = op->gfp & GFP_BIT_NOFAIL ? 0 : run->meter.loops, last_key = run->meter.wait.key;
	bool looked = req->sleeper && run->meter.wait.reason == SLEEP_RETRY;
	bool first = (looked && key == last_key) || sleepers_find(run, SLEEP_RETRY, key) == SLEEPER_NONE;

	if (!never_fails(run, op) || !run_may_sleep(run, req, op->gfp))
		return false;
	run->meter.wait = (struct mm_wait){ 0 };
	run_sleep(run, req, SLEEP_RETRY, key, first ? RETRY_PAUSE_NS : 0);
	if (looked && key != last_key)
		run_wake(run, SLEEP_RETRY, last_key, 1);
	return true;
}

/* No cache serves it: it has been destroyed or cannot be, or this kernel has no kmalloc caches. */
static __attribute__((noinline)) enum mm_answer take_without_cache(struct run *run, const struct run_op *op,
	struct slab_object *object)
{
	if (op->action != ACT_CACHE_ALLOC)
		return kmalloc_sized(run->mm.slab, op->size, op->gfp, op->node, run->cpu, object, &run->meter);
	if (slab_cache_gone(run->mm.slab, run_string(run, op->trace->name)))
		run_violation(run, RULE_CACHE_DESTROYED, op,
			"%s from cache \"%s\", which has been destroyed: the kernel uses"
			" memory that is freed",
			kind_info[op->kind].name, run_string(run, op->trace->name));
	return MM_FAILED;
}

/* serve_take_object() within this file, where it is on the way of nearly every allocation. */
static inline enum mm_answer take_object(struct run *run, const struct run_op *op, struct slab_object *object)
{
	struct slab *slab = run->mm.slab;

	if (op->action == ACT_KMALLOC_LARGE)
		return kmalloc_large(slab, op->size, op->gfp, op->node, run->cpu, object, &run->meter);
	if (__builtin_expect(op->cache == CACHE_NONE, 0))
		return take_without_cache(run, op, object);
	return slab_alloc(slab, op->cache, op->gfp, op->node, run->cpu, object, &run->meter);
}

enum mm_answer serve_take_object(struct run *run, const struct run_op *op, struct slab_object *object)
{
	return take_object(run, op, object);
}

static bool is_kvmalloc(unsigned int kind)
{
	return kind == KIND_KVMALLOC || kind == KIND_KVZALLOC;
}

/* It is done, and needed no new object. */
static void keep(struct run_op *op)
{
	op->done++;
	op->kept++;
}

/* kmalloc() of 0 bytes: no memory, and no failure. */
static RARE void take_nothing(struct run *run, const struct request *req, struct run_op *op)
{
	keep(op);
	note_place(run, OBJECT_ZERO, req->op);
	if (req->slot != SLOT_NONE)
		run->objects[req->slot].slab = OBJECT_ZERO;
}

static inline void serve_object(struct run *run, const struct request *req, struct run_op *op)
{
	struct slab_object object;
	enum mm_answer answer;

	if (op->action == ACT_CACHE_ALLOC && op->generation != run->cache_generation)
		run_op_resolve_cache(run, op);
	if (req->slot != SLOT_NONE)
		slot_for(run, req, op);
	answer = take_object(run, op, &object);
	if (__builtin_expect(answer != MM_DONE, 0)) {
		if (op->action == ACT_KMALLOC && !op->size) {
			take_nothing(run, req, op);
			return;
		}
		if (answer == MM_WAIT && serve_wait(run, req, op->gfp))
			return;
		if ((!is_kvmalloc(op->kind) || !serve_kvmalloc(run, req, op)) && !serve_try_again(run, req, op))
			note_failure(run, req, op);
		return;
	}
	note_place(run, object.slab, object.index);
	if (req->slot != SLOT_NONE) {
		object_begin(run, req, op, object.slab, object.index);
		if (__builtin_expect(op->lru != 0, 0) && !run->follow.skipping)
			reclaim_object_begins(run, req->slot, req->who, (enum shrink_class)op->lru);
		return;
	}
	/* It failed where it was recorded, so nobody will free it. */
	slab_free(run->mm.slab, object, run->cpu, &run->meter);
	note_recovered(run, op);
}

/* Whether the usual free meets the usual object: nothing to check. */
static inline bool free_fits(const struct run *run, const struct object *object, const struct run_op *op)
{
	const struct run_op *maker = &run->ops[object->op];

	if (object->slab >= OBJECT_TAGS)
		return false;
	if (op->kind != KIND_KMEM_CACHE_FREE)
		return op->kind == KIND_KFREE && maker->kind < KIND_KFREE;
	return op->generation == run->cache_generation && maker->cache == op->cache && maker->kind > KIND_KFREE;
}

static inline void serve_slab_free(struct run *run, const struct request *req, struct run_op *op)
{
	struct object *object = object_to_free(run, req);

	if (!object)
		return;
	op->done++;
	if (__builtin_expect(!free_fits(run, object, op), 0)) {
		if (object->slab == OBJECT_PAGES) {
			free_pages_as_object(run, object, op);
			return;
		}
		check_free(run, object, op);
		if (op->kind == KIND_KVFREE && sections_any(run) && serve_is_area(run, object))
			sections_may_sleep(run, req, op); /* as vfree() */
	}
	release(run, object);
}

static RARE void report_zone(struct run *run, const struct run_op *op)
{
	run_violation(run, RULE_HIGHMEM_KMALLOC, op,
		"%s with a zone that slabs cannot come from: \"Unexpected gfp\", the kernel"
		" warns and clears the bit",
		kind_info[op->kind].name);
}

/*
 * What krealloc() was given goes as with kfree(). Return: false
 * when the kernel does not survive it; the object stays then.
 */
static bool free_of_krealloc(struct run *run, struct object *object, struct run_op *op)
{
	if (object->slab == OBJECT_PAGES) {
		free_pages_as_object(run, object, op);
		return true;
	}
	if (object->slab == OBJECT_PART || op_knows_cache(&run->ops[object->op]))
		check_free(run, object, op);
	if (object->slab == OBJECT_PART)
		return false;
	release(run, object);
	return true;
}

/* krealloc(): in place while the object's room (ksize) is enough, else a new object and the old one freed. */
static RARE void serve_krealloc(struct run *run, const struct request *req, struct run_op *op)
{
	uint64_t want = op->size;
	struct run_op as_kmalloc = *op;
	struct object *old;
	struct slab_object object;
	enum mm_answer answer;

	if (req->slot == SLOT_NONE)
		return;
	old = &run->objects[req->slot];
	if (want == 0 || (object_lives(old) && old->slab == OBJECT_PART)) {
		if (object_lives(old) && !free_of_krealloc(run, old, op))
			op->failed++;
		else
			keep(op);
		return;
	}
	if (object_is_slab(old) && run->ops[old->op].bytes_alloc >= want) {
		keep(op);
		return;
	}
	if (!req->sleeper && op->gfp & (GFP_BIT_HIGHMEM | GFP_BIT_DMA32))
		report_zone(run, op);
	as_kmalloc.cache = kmalloc_class(run->mm.slab, want, op->gfp);
	as_kmalloc.action = kmalloc_is_large(run->mm.slab, want) ? ACT_KMALLOC_LARGE : ACT_KMALLOC;
	answer = serve_take_object(run, &as_kmalloc, &object);
	if (answer == MM_WAIT && serve_wait(run, req, op->gfp))
		return;
	if (answer != MM_DONE && serve_try_again(run, req, op))
		return;
	if (answer != MM_DONE) {
		op->failed++;
		run->result.failed++;
		return;
	}
	if (object_lives(old))
		free_of_krealloc(run, old, op);
	note_place(run, object.slab, object.index);
	object_begin(run, req, op, object.slab, object.index);
}

/* What is not an object of a slab, by a table of jumps. */
static __attribute__((noinline)) void serve_other(struct run *run, const struct request *req, struct run_op *op)
{
	switch ((enum run_action)op->action) {
	case ACT_SLAB_FREE_PURGE:
		serve_purge(run);
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
		serve_end_of_null(run, op);
		op->done++;
		break;
	case ACT_FREE_BAD:
		serve_bad_free(run, op);
		break;
	case ACT_PART:
		run->part_of_kind[op->kind]->serve(run, req, op);
		run_schedule_due(run);
		break;
	case ACT_UNMODELLED:
		run->result.unmodelled += !run->booting;
		run->untimed = !run->booting;
		break;
	case ACT_KMALLOC:
	case ACT_KMALLOC_LARGE:
	case ACT_CACHE_ALLOC:
	case ACT_SLAB_FREE:
	case ACT_MARKER:
	case ACT_SKIP:
		break;
	}
}

static inline void dispatch(struct run *run, const struct request *req, struct run_op *op)
{
	if (op->action == ACT_SLAB_FREE)
		serve_slab_free(run, req, op);
	else if (op->action >= ACT_KMALLOC && op->action <= ACT_CACHE_ALLOC)
		serve_object(run, req, op);
	else
		serve_other(run, req, op);
}

/* While the kernel boots a machine of several nodes, its first tasks have a memory policy. */
static RARE void dispatch_by_policy(struct run *run, const struct request *req, struct run_op *op)
{
	const struct trace_who *who = &run->tables->whos[req->who];
	struct mempolicy *policy = boot_policy_of(&run->policy, who, op->ctx | req->seat.ctx);

	page_alloc_set_policy(run->mm.pages, policy);
	dispatch(run, req, op);
	page_alloc_set_policy(run->mm.pages, NULL);
	if (policy)
		policy->told = MEMPOLICY_NODE_ANY;
	boot_policy_event(&run->policy, op->trace, who, req->slot);
}

/* Rules that this operation breaks each time. */
static RARE void report_rules(struct run *run, const struct request *req, struct run_op *op)
{
	const char *name = kind_info[op->kind].name;

	/* One that has slept was reported when it came. */
	if (run->booting || req->sleeper)
		return;
	if (op->rules & OP_OTHER_RULES)
		rules_report_other(run, req, op);
	if (op->rules & OP_SLEEPS)
		rules_report_sleep(run, req, op);
	if (op->rules & OP_MAY_SLEEP)
		sections_may_sleep(run, req, op);
	if (op->rules & 1u << RULE_SLEEP_IN_ATOMIC)
		run_violation(run, RULE_SLEEP_IN_ATOMIC, op,
			"%s may sleep, and the context may not: a deadlock, or \"scheduling while atomic\"", name);
	if (op->rules & 1u << RULE_HIGHMEM_KMALLOC)
		report_zone(run, op);
	if (op->rules & 1u << RULE_SIZE_TOO_LARGE)
		run_violation(run, RULE_SIZE_TOO_LARGE, op,
			"%s of %" PRIu64 " bytes: the kernel warns and answers NULL", name, op->size);
	if (op->rules & 1u << RULE_ORDER_TOO_LARGE)
		run_violation(run, RULE_ORDER_TOO_LARGE, op, "%s of order %u: the kernel warns and answers NULL", name,
			op->order);
	if (op->rules & 1u << RULE_MEMPOOL_MISUSE)
		run_violation(run, RULE_MEMPOOL_MISUSE, op,
			"%s with __GFP_ZERO: an element from the reserve is not cleared,"
			" a kernel with CONFIG_DEBUG_VM warns",
			name);
	/* A cache that is yet to be looked up is judged then. */
	if (op->rules & 1u << RULE_CONSTRUCTED_ZEROED && op->generation == run->cache_generation)
		rules_report_zeroed(run, op);
	if (op->rules & 1u << RULE_CACHE_DESTROYED && op->generation == run->cache_generation)
		rules_report_disowned(run, op);
	if (op->rules & 1u << RULE_CACHE_NAME_INVALID)
		run_violation(run, RULE_CACHE_NAME_INVALID, op,
			"cache name \"%s\" has a blank: a kernel with CONFIG_DEBUG_VM warns",
			run_string(run, op->trace->name));
}

/*
 * It is parked, and served again later: until then it has cost its CPU what the meter says. Or it is none that the
 * model has: an operation of a mechanism that it lacks, the free of what it never made, or has reclaimed already.
 */
static RARE ns_t end_untimed(struct run *run, const struct request *req)
{
	engine_disown(&run->engine, req);
	run->untimed = false;
	run->meter.wait = (struct mm_wait){ 0 };
	return run->meter.ns;
}

static inline void count_latency(struct run *run, struct run_op *op, ns_t latency)
{
	op->latency_ns += latency;
	if (latency > op->latency_max_ns)
		op->latency_max_ns = latency;
	hist_add(run->kinds[op->kind].latency, latency);
}

ns_t serve_rest(struct run *run, const struct request *req)
{
	run->event_no = req->event_no;
	run->cpu = req->seat.cpu;
	meter_restart(&run->meter); /* what is on it is another's */
	count_latency(run, &run->ops[req->op], run->engine.now - req->arrival_ns);
	return 0;
}

#define CTX_ALL (CTX_MASK | CTX_PREEMPT_OFF | CTX_IRQS_OFF)

/* By context, which of run_op.rules are looked at: most operations of a recording may sleep, and most who ask. */
static const uint32_t heeded[CTX_ALL + 1] = { [CTX_PROCESS] = ~OP_SLEEPS, [CTX_PROCESS + 1 ... CTX_ALL] = ~0u };

ns_t serve_request(void *arg, const struct request *req)
{
	struct run *run = arg;
	struct run_op *op = &run->ops[req->op];

	run->event_no = req->event_no;
	run->cpu = req->seat.cpu;
	meter_restart(&run->meter);
	if (op->action == ACT_SKIP)
		return 0;
	if (__builtin_expect((op->rules & heeded[req->seat.ctx & CTX_ALL]) != 0, 0)) {
		if (op->rules & OP_UNMADE && unmade_holds(run, req))
			return 0;
		report_rules(run, req, op);
	}
	if (__builtin_expect(run->reclaim.nr_killed != 0, 0) && reclaim_drops(run, req, op))
		return 0;
	if (__builtin_expect(run->policy.active, 0))
		dispatch_by_policy(run, req, op);
	else
		dispatch(run, req, op);
	if (__builtin_expect(run->meter.pressure, 0)) {
		if (run->meter.nap_ns)
			run_nap(run, req);
		fair_note_rival(run, req->who);
		reclaim_after(run);
		run_schedule_rcu(run);
	}
	if (run->booting)
		return 0;
	if (__builtin_expect(run->untimed, 0))
		return end_untimed(run, req);
	count_latency(run, op, run->engine.now - req->arrival_ns + run->meter.ns);
	return run->meter.ns;
}

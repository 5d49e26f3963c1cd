/* serve_mempool: events of mempools. An object's index is its element's number in mm/mempool.c. */
#include <inttypes.h>

#include "mm/mempool.h"
#include "sim/serve_priv.h"

static struct mempools *mempools_of(const struct run *run)
{
	return mm_state(&run->mm, SLOT_MEMPOOL);
}

static void mempool_prepare(struct run *run, struct run_op *op)
{
	bool takes = op->kind == KIND_MEMPOOL_CREATE || op->kind == KIND_MEMPOOL_RESIZE ||
		(op->kind == KIND_MEMPOOL_ALLOC && op->gfp & GFP_BIT_DIRECT_RECLAIM);

	(void)run;
	if (op->kind == KIND_MEMPOOL_ALLOC && op->gfp & GFP_BIT_ZERO)
		op->rules |= 1u << RULE_MEMPOOL_MISUSE;
	if (takes && op->ctx != CTX_PROCESS)
		op->rules |= 1u << RULE_SLEEP_IN_ATOMIC;
}

/* The pool that the operation names; MEMPOOL_NONE. Remembered until a pool or a cache comes or goes. */
static uint32_t pool_of(struct run *run, struct run_op *op)
{
	struct mempools *m = mempools_of(run);

	if (op->cache == MEMPOOL_NONE || op->generation != run->cache_generation) {
		op->cache = mempool_find(m, op->trace->name);
		op->generation = run->cache_generation;
		if (op->cache != MEMPOOL_NONE) {
			struct mempool_stats stats;

			mempool_get_stats(m, op->cache, &stats);
			op->size = stats.element_bytes;
			op->bytes_alloc = stats.element_alloc;
		}
	}
	return op->cache;
}

static void unknown_pool(struct run *run, const struct run_op *op)
{
	if (rules_made_in_vain(run, op, KIND_MEMPOOL_CREATE))
		return;
	run_violation(run, RULE_FREE_UNKNOWN, op,
		"%s of pool \"%s\", which is not there: the kernel uses memory that is"
		" freed",
		kind_info[op->kind].name, run_string(run, op->trace->name));
}

/*
 * Whether the cache of that name was destroyed before. A
 * recording may not show the creation of another one of its name.
 */
static bool was_destroyed(const struct run *run, uint32_t name)
{
	return !rules_is_recording(run) &&
		(slab_cache_gone(run->mm.slab, run_string(run, name)) || cache_disowned(run, name));
}

/* The cache behind a new pool: made here where the trace never made it, none where it was destroyed or refused. */
static uint32_t cache_behind(struct run *run, const struct trace_op *trace)
{
	const char *name = run_string(run, trace->name2);
	uint32_t cache = slab_cache_find(run->mm.slab, name);
	struct slab_create create = { .name = name, .object_size = 64 };

	if (cache != CACHE_NONE || !name[0] || was_destroyed(run, trace->name2) ||
		slab_cache_refused(run->mm.slab, name))
		return cache;
	if (trace->size && trace->size <= UINT32_MAX)
		create.object_size = (uint32_t)trace->size;
	slab_cache_boot(run->mm.slab, &create, &cache);
	run->cache_generation++;
	return cache;
}

static struct mempool_create create_of(struct run *run, const struct trace_op *trace)
{
	static const enum mempool_kind kinds[] = {
		[BACKING_SLAB] = MEMPOOL_SLAB, [BACKING_KMALLOC] = MEMPOOL_KMALLOC, [BACKING_PAGE] = MEMPOOL_PAGES,
		[BACKING_OTHER] = MEMPOOL_OTHER,
	};
	struct mempool_create create = { .name = trace->name, .cache_name = trace->name2, .kind = MEMPOOL_OTHER,
		.cache = CACHE_NONE };

	if (trace->arg[1] < sizeof(kinds) / sizeof(kinds[0]))
		create.kind = kinds[trace->arg[1]];
	create.min_nr = trace->arg[0] < UINT32_MAX ? (uint32_t)trace->arg[0] : UINT32_MAX;
	create.order = trace->order;
	create.size = trace->size;
	if (create.kind == MEMPOOL_SLAB)
		create.cache = cache_behind(run, trace);
	/* kmalloc(0) takes nothing. */
	if (create.kind == MEMPOOL_KMALLOC && !create.size)
		create.kind = MEMPOOL_OTHER;
	return create;
}

/* mempool_alloc_slab() has VM_BUG_ON(mem->ctor): elements in the reserve are poisoned. */
static void check_constructor(struct run *run, const struct run_op *op, const struct mempool_create *create)
{
	if (create->kind == MEMPOOL_SLAB && rules_has_constructor(run, create->cache, op->trace->name2))
		run_violation_severe(run, RULE_MEMPOOL_MISUSE, severity_name[SEVERITY_ERROR], op,
			"pool \"%s\" of cache \"%s\", which has a constructor: a BUG in a kernel with CONFIG_DEBUG_VM",
			run_string(run, op->trace->name), run_string(run, op->trace->name2));
}

static void check_destroyed(struct run *run, const struct run_op *op, const struct mempool_create *create)
{
	if (create->kind == MEMPOOL_SLAB && was_destroyed(run, op->trace->name2))
		run_violation(run, RULE_CACHE_DESTROYED, op,
			"pool \"%s\" of cache \"%s\", which has been destroyed: the kernel uses"
			" memory that is freed",
			run_string(run, op->trace->name), run_string(run, op->trace->name2));
}

static void serve_create(struct run *run, const struct request *req, struct run_op *op)
{
	struct mempools *m = mempools_of(run);
	struct mempool_create create = create_of(run, op->trace);
	uint32_t pool = req->sleeper ? mempool_unfinished(m, create.name) : MEMPOOL_NONE;
	enum mm_answer answer = mempool_create(m, &create, run->cpu, &pool, &run->meter);

	if (!req->sleeper) {
		check_constructor(run, op, &create);
		check_destroyed(run, op, &create);
	}
	if (answer == MM_WAIT) {
		if (serve_wait(run, req, GFP_KERNEL))
			return;
		mempool_destroy(m, pool, run->cpu, &run->meter);
	}
	run->cache_generation++;
	if (answer == MM_DONE)
		op->done++;
	else
		note_failure(run, req, op);
}

static void serve_resize(struct run *run, const struct request *req, struct run_op *op)
{
	uint32_t pool = pool_of(run, op);
	uint32_t min_nr = op->trace->arg[0] < UINT32_MAX ? (uint32_t)op->trace->arg[0] : UINT32_MAX;
	enum mm_answer answer = MM_FAILED;

	if (pool == MEMPOOL_NONE)
		unknown_pool(run, op);
	else
		answer = mempool_resize(mempools_of(run), pool, min_nr, run->cpu, &run->meter);
	if (answer == MM_WAIT && serve_wait(run, req, GFP_KERNEL))
		return;
	if (answer == MM_DONE)
		op->done++;
	else
		note_failure(run, req, op);
}

static void serve_destroy(struct run *run, struct run_op *op)
{
	uint32_t pool = pool_of(run, op);
	uint64_t outstanding;

	if (pool == MEMPOOL_NONE) {
		unknown_pool(run, op);
		op->failed++;
		return;
	}
	outstanding = mempool_destroy(mempools_of(run), pool, run->cpu, &run->meter);
	run->cache_generation++;
	op->done++;
	if (outstanding)
		run_violation(run, RULE_MEMPOOL_LEAK, op,
			"pool \"%s\" is destroyed while callers hold %" PRIu64 " of its elements: the"
			" kernel does not look, they leak",
			run_string(run, op->trace->name), outstanding);
}

/* One waiter is woken for an element that came back. */
static void wake_waiter(struct run *run, uint32_t pool)
{
	ns_t waited = sleepers_waited(run, SLEEP_MEMPOOL, pool, 1);

	if (run_wake(run, SLEEP_MEMPOOL, pool, 1))
		mempool_waited(mempools_of(run), pool, 0, waited);
}

static void give(struct run *run, uint32_t element)
{
	uint32_t pool = mempool_free(mempools_of(run), element, run->cpu, &run->meter);

	if (pool != MEMPOOL_NONE)
		wake_waiter(run, pool);
}

/* No element is to be had. Return: whether the request waits for one. */
static bool waits(struct run *run, const struct request *req, const struct run_op *op, uint32_t pool)
{
	bool for_element = run->meter.wait.reason == SLEEP_MEMPOOL;

	if (!serve_wait(run, req, op->gfp)) {
		mempool_refused(mempools_of(run), pool);
		return false;
	}
	if (for_element)
		mempool_waited(mempools_of(run), pool, 1, 0);
	return true;
}

/* The mask goes to the pool's own function as it is. */
static RARE void check_zone(struct run *run, const struct run_op *op, uint32_t pool)
{
	struct mempool_stats stats;

	mempool_get_stats(mempools_of(run), pool, &stats);
	if (stats.create.kind == MEMPOOL_KMALLOC || stats.create.kind == MEMPOOL_SLAB)
		run_violation(run, RULE_HIGHMEM_KMALLOC, op,
			"mempool_alloc with a zone that slabs cannot come from: \"Unexpected gfp\","
			" the kernel warns and clears the bit");
}

static void serve_alloc(struct run *run, const struct request *req, struct run_op *op)
{
	struct mempools *m = mempools_of(run);
	uint32_t pool = pool_of(run, op), element;
	enum mm_answer answer = MM_FAILED;
	struct slab_object place;

	if (req->slot != SLOT_NONE)
		slot_for(run, req, op);
	if (__builtin_expect(op->gfp & (GFP_BIT_HIGHMEM | GFP_BIT_DMA32), 0) && pool != MEMPOOL_NONE && !req->sleeper)
		check_zone(run, op, pool);
	if (pool != MEMPOOL_NONE)
		answer = mempool_alloc(m, pool, op->gfp, run->cpu, &element, &run->meter);
	else
		unknown_pool(run, op);
	if (answer == MM_WAIT && waits(run, req, op, pool))
		return;
	if (answer != MM_DONE) {
		note_failure(run, req, op);
		return;
	}
	place = mempool_element(m, element);
	note_place(run, place.slab, place.index);
	if (req->slot != SLOT_NONE) {
		object_begin(run, req, op, OBJECT_PART, element);
		return;
	}
	/* It failed where it was recorded, so nobody will free it. */
	run->result.recovered++;
	give(run, element);
}

static void serve_free(struct run *run, const struct request *req, struct run_op *op)
{
	struct object *object = object_to_free(run, req);
	const struct run_op *maker;

	if (!object)
		return;
	maker = &run->ops[object->op];
	if (object->slab != OBJECT_PART || maker->kind != KIND_MEMPOOL_ALLOC)
		run_violation(run, RULE_WRONG_FREE, op,
			"mempool_free of an object from %s: the pool's reserve may take it",
			kind_info[maker->kind].name);
	else if (maker->trace->name != op->trace->name)
		run_violation(run, RULE_WRONG_FREE, op,
			"an element of pool \"%s\" freed to pool \"%s\": that one keeps it, or frees it its own way",
			run_string(run, maker->trace->name), run_string(run, op->trace->name));
	else if (!mempool_lives(mempools_of(run), mempool_of(mempools_of(run), object->index)))
		run_violation(run, RULE_WRONG_FREE, op,
			"an element freed to pool \"%s\" after that was destroyed: the kernel uses memory that is freed",
			run_string(run, op->trace->name));
	op->done++;
	release(run, object);
}

static void mempool_serve(struct run *run, const struct request *req, struct run_op *op)
{
	switch (op->kind) {
	case KIND_MEMPOOL_CREATE:
		serve_create(run, req, op);
		break;
	case KIND_MEMPOOL_RESIZE:
		serve_resize(run, req, op);
		break;
	case KIND_MEMPOOL_DESTROY:
		serve_destroy(run, op);
		break;
	case KIND_MEMPOOL_ALLOC:
		serve_alloc(run, req, op);
		break;
	default:
		serve_free(run, req, op);
	}
}

static void mempool_release(struct run *run, struct object *object)
{
	give(run, object->index);
}

/* What pools take is theirs: pages beside those of the trace's callers, and no waste of slabs. */
static void mempool_totals(const struct run *run, struct record_sample *sample)
{
	uint64_t from_slabs = 0;

	for (uint32_t pool = 0; pool < mempool_nr(mempools_of(run)); pool++) {
		struct mempool_stats stats;
		uint64_t elements;

		mempool_get_stats(mempools_of(run), pool, &stats);
		elements = stats.outstanding + (stats.destroyed ? 0 : stats.curr_nr);
		if (stats.create.kind == MEMPOOL_PAGES)
			sample->page_bytes += elements * stats.element_alloc;
		else if (stats.element_bytes <= run->machine->kmalloc.max_cache_size ||
			stats.create.kind == MEMPOOL_SLAB)
			from_slabs += elements * stats.element_bytes;
	}
	sample->slab_waste_bytes -= min_u64(sample->slab_waste_bytes, from_slabs);
}

static int mempool_finish(struct run *run, struct err *err)
{
	int ret = 0;

	for (uint32_t pool = 0; pool < mempool_nr(mempools_of(run)) && ret == 0; pool++) {
		struct mempool_stats s;

		mempool_get_stats(mempools_of(run), pool, &s);
		ret = RECORD_ROW(run->recorder, MEMPOOL_STATS, err, RECORD_U(pool + 1),
			RECORD_T(run_string(run, (uint32_t)s.create.name)), RECORD_T(mempool_kind_name[s.create.kind]),
			RECORD_T(s.create.kind == MEMPOOL_SLAB ? run_string(run, (uint32_t)s.create.cache_name) : NULL),
			RECORD_U(s.element_bytes), RECORD_U(s.create.min_nr), RECORD_U(s.curr_nr), RECORD_U(s.lowest),
			RECORD_U(s.allocs), RECORD_U(s.frees), RECORD_U(s.failed), RECORD_U(s.from_reserve),
			RECORD_U(s.refills), RECORD_U(s.waits), RECORD_U(s.timeouts), RECORD_U(s.wait_ns),
			RECORD_U(s.outstanding), RECORD_U(s.peak), RECORD_U(s.destroyed));
	}
	return ret;
}

/* A wait that the end of the run cut off is part of the pool's. */
static void mempool_gave_up(struct run *run, enum sleep_reason reason, uint64_t pool, ns_t waited_ns)
{
	if (reason == SLEEP_MEMPOOL)
		mempool_waited(mempools_of(run), (uint32_t)pool, 0, waited_ns);
}

static const enum trace_kind mempool_kinds[] = {
	KIND_MEMPOOL_CREATE, KIND_MEMPOOL_RESIZE, KIND_MEMPOOL_DESTROY, KIND_MEMPOOL_ALLOC, KIND_MEMPOOL_FREE,
};

const struct run_part part_mempool = {
	.kinds = mempool_kinds,
	.nr_kinds = sizeof(mempool_kinds) / sizeof(mempool_kinds[0]),
	.origins = 1u << ORIGIN_MEMPOOL,
	.from_boot = true,
	.prepare = mempool_prepare,
	.serve = mempool_serve,
	.release = mempool_release,
	.gave_up = mempool_gave_up,
	.totals = mempool_totals,
	.finish = mempool_finish,
};

/* run_op: turns each distinct operation of a trace into what serving it needs, once. */
#include <stdlib.h>
#include <string.h>

#include "sim/run.h"
#include "sim/serve_vmalloc.h"

/*
 * A page that only reclaim was seen to free: compaction has moved another's contents there, which the model has
 * where it put them, or the page is older than the trace, and then among those that the initial state counts.
 */
static bool is_reclaims_own(const struct run *run, const struct trace_op *op)
{
	return op->kind == KIND_ALLOC_PAGES && op->flags & OP_RECLAIM && run->machine->reclaim.enabled;
}

static enum run_action page_action(const struct run *run, const struct trace_op *op, enum run_action action)
{
	if (run->options->layer == LAYER_PAGE)
		return op->kind == KIND_ALLOC_PAGES_EXACT ? ACT_SKIP : action;
	if (is_reclaims_own(run, op))
		return ACT_SKIP;
	return run->origins_modelled & 1u << op->origin ? ACT_SKIP : action;
}

static enum run_action object_action(const struct run *run, enum run_action action)
{
	return run->options->layer == LAYER_PAGE ? ACT_SKIP : action;
}

/*
 * Whether an event of an object that is not there is for the
 * object's part to judge: its use, and the end of a mapping.
 */
static bool judged_by_part(const struct run *run, const struct trace_op *op)
{
	bool ends = kind_info[op->kind].slot == SLOT_ENDS && !(kind_info[op->kind].keys & KEY_PAGE);

	return !ends && run->part_of_kind[op->kind];
}

/* An object that the model takes itself when it serves the cause, such as an element of a mempool. */
static bool is_effect(const struct run *run, const struct trace_op *op)
{
	return op->kind <= KIND_KMEM_CACHE_FREE_BULK && run->origins_modelled & 1u << op->origin;
}

static enum run_action action_of(const struct run *run, const struct trace_op *op)
{
	if (op->flags & OP_NULL)
		return ACT_FREE_NULL;
	if (is_effect(run, op))
		return ACT_SKIP;
	if (op->flags & (OP_UNKNOWN | OP_DOUBLE) && !judged_by_part(run, op))
		return ACT_FREE_BAD;
	switch (op->kind) {
	case KIND_KMALLOC:
	case KIND_KZALLOC:
	case KIND_KVMALLOC:
	case KIND_KVZALLOC:
		return object_action(run, kmalloc_is_large(run->mm.slab, op->size) ? ACT_KMALLOC_LARGE : ACT_KMALLOC);
	case KIND_KMEM_CACHE_ALLOC:
	case KIND_KMEM_CACHE_ALLOC_BULK:
		return object_action(run, ACT_CACHE_ALLOC);
	case KIND_KFREE:
	case KIND_KVFREE:
		return object_action(run, ACT_SLAB_FREE);
	case KIND_KMEM_CACHE_FREE:
		return object_action(run, vmap_purge_seen(run->tables, op) ? ACT_SLAB_FREE_PURGE : ACT_SLAB_FREE);
	case KIND_KMEM_CACHE_FREE_BULK:
		return object_action(run, ACT_SLAB_FREE_BULK);
	case KIND_KREALLOC:
		return object_action(run, ACT_KREALLOC);
	case KIND_KMEM_CACHE_CREATE:
		return object_action(run, op->flags & OP_BOOT ? ACT_CACHE_BOOT : ACT_CACHE_CREATE);
	case KIND_KMEM_CACHE_DESTROY:
		return object_action(run, ACT_CACHE_DESTROY);
	case KIND_KMEM_CACHE_SHRINK:
		return object_action(run, ACT_CACHE_SHRINK);
	case KIND_ALLOC_PAGES:
	case KIND_GET_FREE_PAGES:
	case KIND_GET_ZEROED_PAGE:
		return page_action(run, op, ACT_PAGES);
	case KIND_ALLOC_PAGES_EXACT:
		return page_action(run, op, ACT_PAGES_EXACT);
	case KIND_ALLOC_PAGES_BULK:
		return page_action(run, op, ACT_PAGES_BULK);
	case KIND_FREE_PAGES:
		return page_action(run, op, ACT_PAGES_FREE);
	case KIND_MARKER:
		return ACT_MARKER;
	default:
		return run->part_of_kind[op->kind] ? object_action(run, ACT_PART) : ACT_UNMODELLED;
	}
}

/* They answer with an address, and high memory has none: the kernel clears the bit. */
static bool needs_address(unsigned int kind)
{
	return kind == KIND_GET_FREE_PAGES || kind == KIND_GET_ZEROED_PAGE || kind == KIND_ALLOC_PAGES_EXACT;
}

static gfp_t gfp_of(const struct run *run, const struct trace_op *op)
{
	gfp_t gfp = needs_address(op->kind) ? op->gfp & ~GFP_BIT_HIGHMEM : op->gfp;

	if (op->kind == KIND_KZALLOC || op->kind == KIND_KVZALLOC || op->kind == KIND_GET_ZEROED_PAGE)
		gfp |= GFP_BIT_ZERO;
	return op->kind == KIND_KVMALLOC || op->kind == KIND_KVZALLOC ? kvmalloc_gfp(run, op->size, gfp) : gfp;
}

static bool is_kmalloc(enum run_action action)
{
	return action == ACT_KMALLOC || action == ACT_KMALLOC_LARGE;
}

/* Whether the operation may sleep in a section: what takes memory with such gfp flags; vmalloc's and mutexes always. */
static bool may_sleep(const struct trace_op *op, bool takes)
{
	switch (op->kind) {
	case KIND_VMALLOC:
	case KIND_VZALLOC:
	case KIND_VMAP:
	case KIND_VFREE:
	case KIND_VUNMAP:
	case KIND_IOREMAP:
	case KIND_IOUNMAP:
	case KIND_KMAP:
	case KIND_KUNMAP:
	case KIND_KMEM_CACHE_CREATE:
	case KIND_KMEM_CACHE_DESTROY:
	case KIND_KMEM_CACHE_SHRINK:
	case KIND_MEMPOOL_CREATE:
	case KIND_MEMPOOL_RESIZE:
	case KIND_DMA_POOL_CREATE:
	case KIND_DMA_POOL_DESTROY:
	case KIND_VM_MAP_RAM:
	case KIND_VM_UNMAP_RAM:
	case KIND_MMAP_DEVICE:
	case KIND_REQUEST_MEM_REGION:
	case KIND_REQUEST_REGION:
		return true;
	default:
		break;
	}
	return (takes || op->kind == KIND_KREALLOC || kind_info[op->kind].slot == SLOT_BEGINS) &&
	       (op->gfp & GFP_BIT_DIRECT_RECLAIM);
}

static uint32_t rules_of(const struct run *run, const struct trace_op *op, enum run_action action)
{
	bool takes_pages = action == ACT_PAGES || action == ACT_PAGES_EXACT || action == ACT_PAGES_BULK;
	bool takes = is_kmalloc(action) || action == ACT_CACHE_ALLOC || takes_pages;
	uint32_t rules = 0;

	if (takes && (op->gfp & GFP_BIT_DIRECT_RECLAIM) && op->ctx != CTX_PROCESS)
		rules |= 1u << RULE_SLEEP_IN_ATOMIC;
	else if (sections_any(run) && may_sleep(op, takes))
		rules |= OP_MAY_SLEEP;
	if (takes && !takes_pages && (op->gfp & (GFP_BIT_HIGHMEM | GFP_BIT_DMA32)))
		rules |= 1u << RULE_HIGHMEM_KMALLOC;
	/* Who says __GFP_NOWARN expects NULL. kvmalloc() says so too, and then asks vmalloc. */
	if (!(op->gfp & GFP_BIT_NOWARN) && is_kmalloc(action) && op->kind != KIND_KVMALLOC &&
		op->kind != KIND_KVZALLOC && op->size > run->machine->kmalloc.max_size)
		rules |= 1u << RULE_SIZE_TOO_LARGE;
	if (!(op->gfp & GFP_BIT_NOWARN) && action == ACT_PAGES && op->order > run->machine->page_allocator.max_order)
		rules |= 1u << RULE_ORDER_TOO_LARGE;
	if (action == ACT_CACHE_CREATE && strpbrk(run_string(run, op->name), " \t\n"))
		rules |= 1u << RULE_CACHE_NAME_INVALID;
	if (rules_other(run, op, action))
		rules |= OP_OTHER_RULES;
	else if (rules_sleeps(run, op, action))
		rules |= OP_SLEEPS;
	return rules;
}

/* The node of that page frame, or -1 when the machine has no RAM there. */
static int16_t node_of_frame(const struct machine *machine, uint64_t pfn)
{
	for (uint32_t i = 0; i < machine->nr_ram; i++) {
		uint64_t first = machine->ram[i].start >> machine->page_shift;

		if (pfn >= first && pfn - first < machine->ram[i].size >> machine->page_shift)
			return (int16_t)machine->ram[i].node;
	}
	return -1;
}

/* A kvmalloc() of more than any kmalloc() gives. */
static bool is_always_vmalloc(const struct run *run, const struct run_op *op)
{
	return (op->kind == KIND_KVMALLOC || op->kind == KIND_KVZALLOC) && op->size > run->machine->kmalloc.max_size;
}

static void prepare_one(struct run *run, const struct trace_op *trace, struct run_op *op)
{
	enum run_action action = action_of(run, trace);

	*op = (struct run_op){
		.action = (uint8_t)action,
		.order = trace->order,
		.node = trace->node >= (int)run->machine->nr_nodes ? (int16_t)-1 : trace->node,
		.flags = trace->flags,
		.kind = trace->kind,
		.ctx = trace->ctx,
		.gfp = gfp_of(run, trace),
		.cache = CACHE_NONE,
		.rules = rules_of(run, trace, action),
		.size = trace->size,
		.trace = trace,
	};
	if (is_kmalloc(action)) {
		op->cache = kmalloc_class(run->mm.slab, op->size, op->gfp);
		op->bytes_alloc = kmalloc_size(run->mm.slab, op->size, op->gfp);
		if (is_always_vmalloc(run, op))
			op->bytes_alloc = vmalloc_huge_bytes(run->machine, op->size, op->node);
	} else if (action == ACT_CACHE_ALLOC) {
		op->lru = (uint8_t)shrink_class_of(run_string(run, trace->name));
	} else if (action == ACT_KREALLOC) {
		op->bytes_alloc = op->size ? kmalloc_size(run->mm.slab, op->size, op->gfp) : 0;
	} else if (action == ACT_PAGES) {
		op->lru = (uint8_t)reclaim_lru_kind(trace);
		op->bytes_alloc = op->order < 64 - run->machine->page_shift ?
					  (uint64_t)run->machine->page_size << op->order : 0;
		op->size = op->bytes_alloc;
		/* A block that is older than the trace goes to the node where it was. */
		if (op->flags & OP_BOOT && trace->kind == KIND_ALLOC_PAGES && trace->arg[0])
			op->node = node_of_frame(run->machine, trace->arg[0]);
	} else if (action == ACT_PAGES_BULK) {
		op->size = op->bytes_alloc = run->machine->page_size;
	} else if (action == ACT_PAGES_EXACT) {
		op->bytes_alloc = align_up(op->size, run->machine->page_size);
	} else if (action == ACT_PART && run->part_of_kind[op->kind]->prepare) {
		run->part_of_kind[op->kind]->prepare(run, op);
	}
	op->rules |= unmade_looks((enum trace_kind)trace->kind) ? OP_UNMADE : 0;
}

static void note_maker(struct run *run, uint32_t number)
{
	const struct run_op *op = &run->ops[number];

	if (op->action == ACT_KMALLOC || op->action == ACT_KMALLOC_LARGE || op->action == ACT_CACHE_ALLOC)
		run->makers[run->nr_makers++] = (struct object_maker){ number, op->action };
	else if (op->action == ACT_KREALLOC)
		run->makers[run->nr_makers++] = (struct object_maker){ number,
			kmalloc_is_large(run->mm.slab, op->size) ? ACT_KMALLOC_LARGE : ACT_KMALLOC };
	if (op->kind == KIND_MEMPOOL_CREATE || op->kind == KIND_DMA_POOL_CREATE)
		run->pool_makers[run->nr_pool_makers++] = number;
}

int run_ops_prepare(struct run *run, struct err *err)
{
	const struct trace_tables *tables = run->tables;

	run->ops = aligned_alloc(_Alignof(struct run_op), ((size_t)tables->nr_ops + 1) * sizeof(*run->ops));
	run->makers = malloc(((size_t)tables->nr_ops + 1) * sizeof(*run->makers));
	run->pool_makers = malloc(((size_t)tables->nr_ops + 1) * sizeof(*run->pool_makers));
	if (!run->ops || !run->makers || !run->pool_makers)
		return err_set(err, ERR_NOMEM, "no memory for %u operations", tables->nr_ops);
	for (uint32_t i = 0; i < tables->nr_ops; i++) {
		uint8_t kind = tables->ops[i].kind;

		prepare_one(run, &tables->ops[i], &run->ops[i]);
		note_maker(run, i);
		if (run->kinds[kind].latency)
			continue;
		run->kinds[kind].latency = calloc(1, sizeof(struct hist));
		if (!run->kinds[kind].latency)
			return err_set(err, ERR_NOMEM, "no memory for the latencies of %s", kind_info[kind].name);
	}
	return 0;
}

/* The trace uses a cache that nobody created: make one of the sizes recorded with it. */
static uint32_t invent_cache(struct run *run, const struct run_op *op, const char *name)
{
	uint32_t object_size = op->size && op->size <= UINT32_MAX ? (uint32_t)op->size : 64;
	struct slab_create create = { .name = name, .object_size = object_size };
	uint32_t cache = CACHE_NONE;

	if (op->trace->size_alloc && op->trace->size_alloc <= UINT32_MAX)
		slab_infer_create(object_size, (uint32_t)op->trace->size_alloc, &create.align, &create.flags);
	slab_cache_boot(run->mm.slab, &create, &cache);
	run->cache_generation++;
	return cache;
}

uint32_t run_op_resolve_cache(struct run *run, struct run_op *op)
{
	const char *name = run_string(run, op->trace->name);

	op->cache = slab_cache_find(run->mm.slab, name);
	/* Who frees tells no size, and its object has a cache already. */
	if (op->cache == CACHE_NONE && op->action == ACT_CACHE_ALLOC && !slab_cache_gone(run->mm.slab, name) &&
		!slab_cache_refused(run->mm.slab, name))
		op->cache = invent_cache(run, op, name);
	if (op->cache != CACHE_NONE && op->action == ACT_CACHE_ALLOC && !run->machine->slab.merge)
		op->cache = unmerged_cache(run, op, op->cache);
	op->generation = run->cache_generation;
	if (op->action == ACT_CACHE_ALLOC && op->gfp & GFP_BIT_ZERO)
		rules_of_zeroed(run, op);
	if (op->action == ACT_CACHE_ALLOC)
		rules_of_disowned(run, op);
	if (op->cache != CACHE_NONE) {
		const struct slab_geometry *geometry = slab_cache_geometry(run->mm.slab, op->cache);

		op->bytes_alloc = geometry->size;
		if (!op->size)
			op->size = geometry->object_size;
	}
	return op->cache;
}

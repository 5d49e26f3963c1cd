/*
 * rules: rules of the kernel's interfaces that an operation breaks by itself or by who asks, beside those that run_op.c
 * finds in its flags and those that only its object can tell (serve*.c). And, for `kmemsim lint`, advice.
 *
 * Simplified: who holds which spinlock is not in a trace; that interrupts or preemption are off is.
 */
#include <inttypes.h>
#include <string.h>

#include "sim/serve_priv.h"

#define CREATE_SIZE_MAX (4u << 20) /* KMALLOC_MAX_SIZE, kmem_cache_sanity_check() */
#define NOFAIL_ORDER 1u            /* rmqueue(): WARN_ON_ONCE((gfp_flags & __GFP_NOFAIL) && (order > 1)) */

static bool takes_pages(enum run_action action)
{
	return action == ACT_PAGES || action == ACT_PAGES_EXACT || action == ACT_PAGES_BULK;
}

static bool takes_object(enum run_action action)
{
	return action == ACT_KMALLOC || action == ACT_KMALLOC_LARGE || action == ACT_CACHE_ALLOC ||
		action == ACT_KREALLOC;
}

/* They take slab_mutex. */
static bool manages_cache(enum run_action action)
{
	return action == ACT_CACHE_CREATE || action == ACT_CACHE_DESTROY || action == ACT_CACHE_SHRINK;
}

static bool may_sleep(const struct trace_op *op, enum run_action action)
{
	bool takes =
		takes_pages(action) || takes_object(action) || (action == ACT_PART && op->kind == KIND_ALLOC_PERCPU);

	return manages_cache(action) || (takes && op->gfp & GFP_BIT_DIRECT_RECLAIM);
}

/* Whether run_op.c has said so already: what takes memory, in a context that the operation itself tells. */
static bool sleep_is_told(const struct trace_op *op, enum run_action action)
{
	return op->ctx != CTX_PROCESS && !manages_cache(action) && action != ACT_KREALLOC;
}

/* The order of the block that the pages come in; 0 when there is no such block. */
static unsigned int block_order(const struct run *run, const struct trace_op *op, enum run_action action)
{
	uint64_t pages = div_round_up(op->size, run->machine->page_size);

	if (action == ACT_PAGES)
		return op->order;
	if (action == ACT_PAGES_EXACT && !pages)
		return (run->machine->bits32 ? 32 : 64) - run->machine->page_shift; /* get_order(0) */
	if (action != ACT_PAGES_EXACT && action != ACT_KMALLOC_LARGE &&
		!(action == ACT_KREALLOC && kmalloc_is_large(run->mm.slab, op->size)))
		return 0;
	return pages > 1 ? (unsigned int)fls64(pages - 1) : 0;
}

/* What takes blocks for others: dma_alloc_coherent(), and mempool_create() for its reserve. */
static bool is_too_large_block(const struct run *run, const struct trace_op *op)
{
	uint64_t largest = (uint64_t)run->machine->page_size << run->machine->page_allocator.max_order;

	if (op->kind == KIND_DMA_ALLOC_COHERENT)
		return op->size > largest;
	if (op->kind != KIND_MEMPOOL_CREATE || !op->arg[0])
		return false;
	return op->arg[1] == BACKING_PAGE ? op->order > run->machine->page_allocator.max_order :
					    op->arg[1] == BACKING_KMALLOC && op->size > run->machine->kmalloc.max_size;
}

static bool is_too_large(const struct run *run, const struct trace_op *op, enum run_action action)
{
	if (op->gfp & GFP_BIT_NOWARN)
		return false;
	if (action == ACT_PART)
		return is_too_large_block(run, op);
	if (action == ACT_PAGES_EXACT)
		return block_order(run, op, action) > run->machine->page_allocator.max_order;
	if (action == ACT_KREALLOC)
		return op->size > run->machine->kmalloc.max_size;
	if (op->kind == KIND_KVMALLOC || op->kind == KIND_KVZALLOC)
		return op->size > INT32_MAX && op->gfp & GFP_BIT_DIRECT_RECLAIM; /* vmalloc is for no others */
	return action == ACT_CACHE_CREATE && op->size > CREATE_SIZE_MAX;
}

static bool is_nameless(const struct run *run, const struct trace_op *op, enum run_action action)
{
	return action == ACT_CACHE_CREATE && !run_string(run, op->name)[0];
}

/* kvmalloc() of more than a page: __GFP_NOFAIL is for its vmalloc, which takes single pages (kvmalloc_gfp()). */
static bool leaves_nofail_to_vmalloc(const struct run *run, const struct trace_op *op)
{
	return (op->kind == KIND_KVMALLOC || op->kind == KIND_KVZALLOC) && op->size > run->machine->page_size;
}

/* __GFP_NOFAIL asks for what cannot be promised: rmqueue() and __alloc_pages_slowpath() warn. */
static bool is_vain_nofail(const struct run *run, const struct trace_op *op, enum run_action action)
{
	if (!(op->gfp & GFP_BIT_NOFAIL) || !(takes_pages(action) || takes_object(action)) ||
		leaves_nofail_to_vmalloc(run, op))
		return false;
	return !(op->gfp & GFP_BIT_DIRECT_RECLAIM) || block_order(run, op, action) > NOFAIL_ORDER;
}

/* More than PAGE_ALLOC_COSTLY_ORDER without saying that a failure is expected. */
static bool is_costly(const struct run *run, const struct trace_op *op, enum run_action action)
{
	unsigned int order = block_order(run, op, action);

	/* kmalloc() refuses it; in 2.6 that is less than the largest block. */
	if ((action == ACT_KMALLOC_LARGE || action == ACT_KREALLOC) && op->size > run->machine->kmalloc.max_size)
		return false;
	return order > COSTLY_ORDER && order <= run->machine->page_allocator.max_order && op->kind != KIND_KVMALLOC &&
	       op->kind != KIND_KVZALLOC && !(op->gfp & (GFP_BIT_NORETRY | GFP_BIT_RETRY_MAYFAIL | GFP_BIT_NOWARN));
}

/*
 * GFP_DMA for a device that reaches 4 GiB: the 16 MiB of zone DMA are
 * for those that do not. Of a page or an object no event tells for whom.
 */
static bool may_waste_dma(const struct trace_op *op, enum run_action action)
{
	return (takes_pages(action) || takes_object(action)) && op->gfp & GFP_BIT_DMA;
}

static bool wastes_dma(const struct trace_op *op)
{
	return op->kind == KIND_DMA_ALLOC_COHERENT && op->gfp & GFP_BIT_DMA && op->arg[0] >= UINT32_MAX;
}

bool rules_other(const struct run *run, const struct trace_op *op, enum run_action action)
{
	if (is_too_large(run, op, action) || is_nameless(run, op, action) || is_vain_nofail(run, op, action))
		return true;
	if (may_sleep(op, action) && !sleep_is_told(op, action) && (op->ctx != CTX_PROCESS || run->options->lint))
		return true;
	return run->options->lint && (is_costly(run, op, action) || wastes_dma(op) || may_waste_dma(op, action));
}

bool rules_sleeps(const struct run *run, const struct trace_op *op, enum run_action action)
{
	return op->ctx == CTX_PROCESS && may_sleep(op, action) && rules_is_recording(run);
}

/*
 * Boot runs as task 0, with interrupts off at first and preemption off to the end, and nothing there sleeps yet
 * (GFP_BOOT_MASK, might_sleep() with SYSTEM_BOOTING); later that task is the idle one and asks for nothing.
 */
static bool is_early_boot(const struct trace_who *who)
{
	return who->pid == 0 && !(who->ctx & CTX_MASK);
}

/* The context of a scenario is the operation's, that of a recording is of who asks. */
void rules_report_sleep(struct run *run, const struct request *req, const struct run_op *op)
{
	const struct trace_who *who = &run->tables->whos[req->who];
	uint32_t ctx =
		op->ctx | (is_early_boot(who) ? (uint32_t)CTX_PROCESS : who->ctx | (req->seat.ctx & CTX_PREEMPT_OFF));
	const char *where = ctx & CTX_MASK ? "in an interrupt" :
			    ctx & CTX_IRQS_OFF ? "with interrupts off" : "with preemption off";

	if (ctx == CTX_PROCESS || sleep_is_told(op->trace, op->action))
		return;
	run_violation(run, RULE_SLEEP_IN_ATOMIC, op, "%s %s may sleep: a deadlock, or \"scheduling while atomic\"",
		kind_info[op->kind].name, where);
}

static void report_size(struct run *run, const struct run_op *op)
{
	const char *name = kind_info[op->kind].name;

	if (op->action == ACT_PART && op->kind == KIND_MEMPOOL_CREATE && op->trace->arg[1] == BACKING_PAGE)
		run_violation(run, RULE_ORDER_TOO_LARGE, op, "%s of blocks of order %u: the kernel warns and refuses",
			name, op->order);
	else if (op->action == ACT_PART)
		run_violation(run, RULE_SIZE_TOO_LARGE, op,
			"%s of %" PRIu64 " bytes: the kernel warns and answers NULL", name, op->trace->size);
	else if (op->action == ACT_PAGES_EXACT)
		run_violation(run, RULE_ORDER_TOO_LARGE, op,
			"%s of %" PRIu64 " bytes, order %u: the kernel warns and refuses", name, op->size,
			block_order(run, op->trace, op->action));
	else if (op->action == ACT_KREALLOC)
		run_violation(run, RULE_SIZE_TOO_LARGE, op,
			"%s to %" PRIu64 " bytes: the kernel refuses, the old object stays", name, op->size);
	else if (op->action != ACT_CACHE_CREATE)
		run_violation(run, RULE_SIZE_TOO_LARGE, op,
			"%s of %" PRIu64 " bytes: the kernel warns and answers NULL", name, op->size);
	else
		run_violation(run, RULE_SIZE_TOO_LARGE, op, "cache \"%s\" of objects of %" PRIu64
			" bytes: the kernel cannot create it", run_string(run, op->trace->name), op->trace->size);
}

static void report_nofail(struct run *run, const struct run_op *op)
{
	if (!(op->gfp & GFP_BIT_DIRECT_RECLAIM))
		run_violation_severe(run, RULE_SLEEP_IN_ATOMIC, severity_name[SEVERITY_WARNING], op,
			"%s with __GFP_NOFAIL that may not sleep: the kernel warns when memory is short, and fails",
			kind_info[op->kind].name);
	else
		run_violation_severe(run, RULE_ORDER_TOO_LARGE, severity_name[SEVERITY_WARNING], op,
			"%s of order %u with __GFP_NOFAIL: the kernel warns, and may try for ever", kind_info[op->kind].name,
			block_order(run, op->trace, op->action));
}

static void report_advice(struct run *run, const struct run_op *op)
{
	const char *advice = severity_name[SEVERITY_ADVICE];

	if (is_costly(run, op->trace, op->action))
		run_violation_severe(run, RULE_ORDER_TOO_LARGE, advice, op,
			"%s of order %u may fail once memory is fragmented: __GFP_NORETRY or __GFP_RETRY_MAYFAIL say that this is"
			" expected; or kvmalloc", kind_info[op->kind].name, block_order(run, op->trace, op->action));
	if (wastes_dma(op->trace))
		run_violation_severe(run, RULE_DMA_MASK_UNREACHABLE, advice, op,
			"%s with GFP_DMA for a mask of 32 bits or more: the mask alone is enough", kind_info[op->kind].name);
	if (may_waste_dma(op->trace, op->action))
		run_violation_severe(run, RULE_DMA_MASK_UNREACHABLE, advice, op,
			"%s with GFP_DMA: of the few MiB of zone DMA, which a device with a mask of 32 bits does not need: GFP_DMA32 for its"
			" pages, or dma_alloc_coherent", kind_info[op->kind].name);
}

void rules_report_other(struct run *run, const struct request *req, const struct run_op *op)
{
	if (may_sleep(op->trace, op->action))
		rules_report_sleep(run, req, op);
	if (is_too_large(run, op->trace, op->action))
		report_size(run, op);
	if (is_nameless(run, op->trace, op->action))
		run_violation_severe(run, RULE_CACHE_NAME_INVALID, severity_name[SEVERITY_ERROR], op,
			"a cache without a name: the integrity check of kmem_cache_create() fails");
	if (is_vain_nofail(run, op->trace, op->action))
		report_nofail(run, op);
	if (run->options->lint)
		report_advice(run, op);
}

/*
 * That a cache of a recording has a constructor may be a
 * guess, from the size of its slots: not enough for a verdict.
 */
bool rules_has_constructor(const struct run *run, uint32_t cache, uint32_t name)
{
	if (cache == CACHE_NONE || !(slab_cache_flags(run->mm.slab, cache) & SLAB_CTOR))
		return false;
	for (uint32_t i = 0; i < run->tables->nr_ops; i++) {
		const struct trace_op *op = &run->tables->ops[i];

		if (op->kind == KIND_KMEM_CACHE_CREATE && op->name == name && op->slab_flags & SLAB_FLAG_CTOR)
			return true;
	}
	return false;
}

void rules_of_disowned(struct run *run, struct run_op *op)
{
	op->rules &= ~(1u << RULE_CACHE_DESTROYED);
	if (run->booting || !cache_disowned(run, op->trace->name))
		return;
	op->rules |= 1u << RULE_CACHE_DESTROYED;
	rules_report_disowned(run, op);
}

void rules_report_disowned(struct run *run, const struct run_op *op)
{
	run_violation(run, RULE_CACHE_DESTROYED, op,
		"%s from cache \"%s\", which has been destroyed: works as long as the kernel"
		" keeps it, for others who share it or for its objects",
		kind_info[op->kind].name, run_string(run, op->trace->name));
}

void rules_of_zeroed(struct run *run, struct run_op *op)
{
	op->rules &= ~(1u << RULE_CONSTRUCTED_ZEROED);
	if (run->booting || !rules_has_constructor(run, op->cache, op->trace->name))
		return;
	op->rules |= 1u << RULE_CONSTRUCTED_ZEROED;
	rules_report_zeroed(run, op);
}

void rules_report_zeroed(struct run *run, const struct run_op *op)
{
	run_violation(run, RULE_CONSTRUCTED_ZEROED, op,
		"%s with __GFP_ZERO from cache \"%s\": clearing undoes its constructor, the kernel warns when the cache grows",
		kind_info[op->kind].name, run_string(run, op->trace->name));
}

bool rules_made_in_vain(const struct run *run, const struct run_op *op, enum trace_kind kind)
{
	bool wanted = false;

	for (uint32_t i = 0; i < run->nr_pool_makers; i++) {
		const struct run_op *maker = &run->ops[run->pool_makers[i]];

		if (maker->kind != kind || maker->trace->name != op->trace->name)
			continue;
		if (maker->done)
			return false;
		wanted = true;
	}
	return wanted;
}

/*
 * Of what the trace's kernel promised its callers, or the machine's
 * does. SLOB, which kept no size for kfree(), went with 6.4.
 */
static bool kernel_takes_all_by_kfree(const struct run *run)
{
	if (!strcmp(run->machine->slab.allocator, "slob"))
		return false;
	return trace_kernel_is(run->meta, 6, 4) || run->machine->behaviour == BEHAVIOUR_6_18;
}

/* Whether requests or releases of regions were recorded: one probe tells of those of ports and of device memory. */
static bool shows_claims(const struct trace_tables *tables)
{
	for (uint32_t i = 0; i < tables->nr_ops; i++) {
		uint8_t kind = tables->ops[i].kind;

		if (kind == KIND_REQUEST_REGION || kind == KIND_RELEASE_REGION || kind == KIND_REQUEST_MEM_REGION ||
			kind == KIND_RELEASE_MEM_REGION)
			return true;
	}
	return false;
}

/* Whether the machine file has what drivers had claimed before the trace, as probe writes it. */
static bool names_claims(const struct machine_io *io)
{
	for (uint32_t i = 0; i < io->nr_regions; i++)
		if (io->regions[i].claim == CLAIM_DRIVER)
			return true;
	return false;
}

void rules_prepare(struct run *run)
{
	/* Who writes a trace by hand, or of a workload file, can say everything in it. */
	bool shown = !rules_is_recording(run) || shows_claims(run->tables);

	run->kfree_of_caches = kernel_takes_all_by_kfree(run);
	run->claims_known[RESOURCE_IOPORT] = shown || names_claims(&run->machine->io_ports);
	run->claims_known[RESOURCE_IOMEM] = shown || names_claims(&run->machine->io_memory);
}

bool rules_claims_known(struct run *run, enum resource_tree tree, const struct run_op *op)
{
	bool port = tree == RESOURCE_IOPORT;

	if (run->claims_known[tree])
		return true;
	if (run->options->lint && !run->result.claims_unknown[tree])
		run_violation_severe(run, port ? RULE_PORT_UNCLAIMED : RULE_IOMEM_UNCLAIMED,
			severity_name[SEVERITY_ADVICE], op,
			"who has claimed which region is not judged, here and later: neither the recording nor the machine tells of a"
			" claim; record request_region, import /proc/ioports, too, or name a machine that probe has described");
	run->result.claims_unknown[tree] = true;
	return false;
}

bool rules_is_recording(const struct run *run)
{
	return trace_is_recording(run->meta);
}

bool rules_ends_whole(const struct run *run)
{
	return run->options->lint && !rules_is_recording(run);
}

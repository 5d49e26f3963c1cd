/*
 * serve_dma: coherent memory and dma_pools. A coherent block's object has its first page frame as index and its
 * order in left; a block of a pool has the number of its page as index, and which of that page's blocks it is in
 * left.
 */
#include <inttypes.h>

#include "mm/dma.h"
#include "sim/serve_priv.h"

static struct dma *dma_of(const struct run *run)
{
	return mm_state(&run->mm, SLOT_DMA);
}

static void dma_prepare(struct run *run, struct run_op *op)
{
	bool takes = kind_info[op->kind].slot == SLOT_BEGINS && op->gfp & GFP_BIT_DIRECT_RECLAIM;

	/* Both take pools_reg_lock, a mutex. */
	if ((takes || op->kind == KIND_DMA_POOL_CREATE || op->kind == KIND_DMA_POOL_DESTROY) && op->ctx != CTX_PROCESS)
		op->rules |= 1u << RULE_SLEEP_IN_ATOMIC;
	if (op->kind == KIND_DMA_ALLOC_COHERENT && op->size <= UINT64_MAX / 4)
		op->bytes_alloc = (uint64_t)run->machine->page_size << dma_order(dma_of(run), op->size);
}

static uint32_t pool_of(struct run *run, struct run_op *op)
{
	if (op->cache == DMA_POOL_NONE || op->generation != run->cache_generation) {
		op->cache = dma_pool_find(dma_of(run), op->trace->name);
		op->generation = run->cache_generation;
		if (op->cache != DMA_POOL_NONE) {
			struct dma_pool_stats stats;

			dma_pool_get_stats(dma_of(run), op->cache, &stats);
			op->size = op->bytes_alloc = stats.create.size;
		}
	}
	return op->cache;
}

static void unknown_pool(struct run *run, const struct run_op *op)
{
	if (rules_made_in_vain(run, op, KIND_DMA_POOL_CREATE))
		return;
	run_violation(run, RULE_FREE_UNKNOWN, op, "%s of DMA pool \"%s\", which is not there: the kernel oopses",
		kind_info[op->kind].name, run_string(run, op->trace->name));
}

static void note_block(struct run *run, uint64_t address)
{
	note_place(run, (uint32_t)(address >> 32), (uint32_t)address);
}

static void unreachable(struct run *run, const struct run_op *op)
{
	uint64_t mask = op->kind == KIND_DMA_ALLOC_COHERENT && op->trace->arg[0] ? op->trace->arg[0] : DMA_DEFAULT_MASK;

	run_violation(run, RULE_DMA_MASK_UNREACHABLE, op, "%s: no zone has memory for %" PRIu64
		" bytes below the device's mask 0x%" PRIx64 ": the kernel answers NULL", kind_info[op->kind].name, op->size, mask);
}

/* What came of an allocation. Return: whether the request is over: it failed, or waits. */
static bool ends_without(struct run *run, const struct request *req, struct run_op *op, enum dma_result result)
{
	if (result == DMA_DONE)
		return false;
	if (result == DMA_WAIT && serve_wait(run, req, op->gfp))
		return true;
	if (result == DMA_UNREACHABLE)
		unreachable(run, op);
	note_failure(run, req, op);
	return true;
}

static void serve_coherent(struct run *run, const struct request *req, struct run_op *op)
{
	struct dma_request want = {
		.size = op->size,
		.mask = op->trace->arg[0],
		.gfp = op->gfp,
		.cpu = (uint16_t)run->cpu,
	};
	struct dma_block block;

	if (req->slot != SLOT_NONE)
		slot_for(run, req, op);
	if (ends_without(run, req, op, dma_alloc_coherent(dma_of(run), &want, &block, &run->meter)))
		return;
	note_place(run, OBJECT_PAGES, block.pfn);
	if (req->slot != SLOT_NONE) {
		object_begin(run, req, op, OBJECT_PART, block.pfn);
		run->objects[req->slot].left = block.order;
		return;
	}
	/* It failed where it was recorded, so nobody will free it. */
	run->result.recovered++;
	dma_free_coherent(dma_of(run), block, run->cpu, &run->meter);
}

static void serve_pool_alloc(struct run *run, const struct request *req, struct run_op *op)
{
	uint32_t pool = pool_of(run, op), page, block;
	enum dma_result result = DMA_FAILED;

	if (req->slot != SLOT_NONE)
		slot_for(run, req, op);
	if (pool != DMA_POOL_NONE)
		result = dma_pool_alloc(dma_of(run), pool, op->gfp, run->cpu, &page, &block, &run->meter);
	else
		unknown_pool(run, op);
	if (ends_without(run, req, op, result))
		return;
	note_block(run, dma_pool_address(dma_of(run), page, block));
	if (req->slot != SLOT_NONE) {
		object_begin(run, req, op, OBJECT_PART, page);
		run->objects[req->slot].left = block;
		return;
	}
	run->result.recovered++;
	dma_pool_free(dma_of(run), page, block, &run->meter);
}

/* Whether the free is of the kind that the object was made by, with the size it was made with. */
static void check_end(struct run *run, const struct object *object, const struct run_op *op)
{
	const struct run_op *maker = &run->ops[object->op];
	enum trace_kind made_by = op->kind == KIND_DMA_POOL_FREE ? KIND_DMA_POOL_ALLOC : KIND_DMA_ALLOC_COHERENT;

	if (maker->kind != made_by)
		run_violation(run, RULE_WRONG_FREE, op,
			"%s of an object from %s: the kernel reports a bad address or page", kind_info[op->kind].name,
			kind_info[maker->kind].name);
	else if (made_by == KIND_DMA_POOL_ALLOC && maker->trace->name != op->trace->name)
		run_violation(run, RULE_WRONG_FREE, op,
			"a block of DMA pool \"%s\" freed to \"%s\": the kernel reports a bad address",
			run_string(run, maker->trace->name), run_string(run, op->trace->name));
	else if (made_by == KIND_DMA_POOL_ALLOC && !dma_page_lives(dma_of(run), object->index))
		run_violation(run, RULE_WRONG_FREE, op,
			"a block freed to DMA pool \"%s\" after that was destroyed: the kernel uses memory that"
			" is freed",
			run_string(run, op->trace->name));
	else if (op->kind == KIND_DMA_FREE_COHERENT && op->size &&
		dma_order(dma_of(run), op->size) != dma_order(dma_of(run), maker->size))
		run_violation(run, RULE_WRONG_FREE, op,
			"dma_free_coherent of %" PRIu64 " bytes, allocated were %" PRIu64, op->size, maker->size);
}

/* WARN_ON(irqs_disabled()): elsewhere than on x86 it may have to unmap, which sleeps. */
static void check_free_context(struct run *run, const struct run_op *op)
{
	bool irqs_off = op->ctx & CTX_IRQS_OFF || (op->ctx & CTX_MASK) >= CTX_HARDIRQ;

	if (op->kind == KIND_DMA_FREE_COHERENT && irqs_off)
		run_violation_severe(run, RULE_SLEEP_IN_ATOMIC, severity_name[SEVERITY_WARNING], op,
			"dma_free_coherent may sleep where it has to unmap, and interrupts are off: the kernel warns");
}

static void serve_end(struct run *run, const struct request *req, struct run_op *op)
{
	struct object *object = object_to_free(run, req);

	if (!object)
		return;
	check_free_context(run, op);
	check_end(run, object, op);
	op->done++;
	release(run, object);
}

static void serve_pool_create(struct run *run, const struct request *req, struct run_op *op)
{
	struct dma_pool_create create = { .name = op->trace->name, .size = op->trace->size, .align = op->trace->align,
		.boundary = op->trace->arg[0] };
	uint32_t pool;
	enum mm_answer answer = dma_pool_create(dma_of(run), &create, run->cpu, &pool, &run->meter);

	if (answer == MM_WAIT && serve_wait(run, req, GFP_KERNEL))
		return;
	run->cache_generation++;
	if (answer == MM_DONE)
		op->done++;
	else
		note_failure(run, req, op);
}

static void serve_pool_destroy(struct run *run, struct run_op *op)
{
	uint32_t pool = pool_of(run, op);
	uint64_t busy;

	if (pool == DMA_POOL_NONE) {
		unknown_pool(run, op);
		op->failed++;
		return;
	}
	busy = dma_pool_destroy(dma_of(run), pool, run->cpu, &run->meter);
	run->cache_generation++;
	op->done++;
	if (busy)
		run_violation_severe(run, RULE_MEMPOOL_LEAK, severity_name[SEVERITY_ERROR], op,
			"DMA pool \"%s\" is destroyed with %" PRIu64
			" pages in use: the kernel calls them busy and leaks them",
			run_string(run, op->trace->name), busy);
}

static void dma_serve(struct run *run, const struct request *req, struct run_op *op)
{
	switch (op->kind) {
	case KIND_DMA_ALLOC_COHERENT:
		serve_coherent(run, req, op);
		break;
	case KIND_DMA_POOL_ALLOC:
		serve_pool_alloc(run, req, op);
		break;
	case KIND_DMA_POOL_CREATE:
		serve_pool_create(run, req, op);
		break;
	case KIND_DMA_POOL_DESTROY:
		serve_pool_destroy(run, op);
		break;
	default:
		serve_end(run, req, op);
	}
}

static void dma_release(struct run *run, struct object *object)
{
	if (run->ops[object->op].kind == KIND_DMA_POOL_ALLOC)
		dma_pool_free(dma_of(run), object->index, object->left, &run->meter);
	else
		dma_free_coherent(dma_of(run), (struct dma_block){ object->index, object->left }, run->cpu,
			&run->meter);
}

static void dma_totals(const struct run *run, struct record_sample *sample)
{
	struct dma_stats stats;

	dma_get_stats(dma_of(run), &stats);
	sample->page_bytes += stats.pages * run->machine->page_size;
}

static int record_coherent(struct run *run, struct err *err)
{
	struct dma_stats s;
	uint64_t page_size = run->machine->page_size;

	dma_get_stats(dma_of(run), &s);
	if (!s.allocs && !s.failed)
		return 0;
	/* What coherent memory has no such thing as is NULL. */
	return RECORD_ROW(run->recorder, DMA_STATS, err, RECORD_U(0), RECORD_T(NULL), RECORD_U(0), RECORD_U(0),
		RECORD_U(0), RECORD_U(s.pages * page_size), RECORD_U(s.peak_pages * page_size), RECORD_U(s.allocs),
		RECORD_U(s.frees), RECORD_U(s.failed), RECORD_U(s.allocs - s.frees), RECORD_U(0), RECORD_U(s.retries),
		RECORD_U(s.unreachable), RECORD_U(0));
}

static int record_pool(struct run *run, uint32_t pool, struct err *err)
{
	struct dma_pool_stats s;
	uint64_t pages;

	dma_pool_get_stats(dma_of(run), pool, &s);
	pages = s.destroyed ? s.busy_pages : s.pages;
	return RECORD_ROW(run->recorder, DMA_STATS, err, RECORD_U(pool + 1),
		RECORD_T(run_string(run, (uint32_t)s.create.name)), RECORD_U(s.create.size),
		RECORD_U(s.create.boundary), RECORD_U(s.blocks_per_page), RECORD_U(pages * s.allocation),
		RECORD_U(s.pages * s.allocation), RECORD_U(s.allocs), RECORD_U(s.frees), RECORD_U(s.failed),
		RECORD_U(s.in_use), RECORD_U(s.peak), RECORD_U(0), RECORD_U(0), RECORD_U(s.destroyed));
}

static int dma_finish(struct run *run, struct err *err)
{
	int ret = record_coherent(run, err);

	for (uint32_t pool = 0; pool < dma_pool_nr(dma_of(run)) && ret == 0; pool++)
		ret = record_pool(run, pool, err);
	return ret;
}

static const enum trace_kind dma_kinds[] = {
	KIND_DMA_ALLOC_COHERENT,
	KIND_DMA_FREE_COHERENT,
	KIND_DMA_POOL_CREATE,
	KIND_DMA_POOL_DESTROY,
	KIND_DMA_POOL_ALLOC,
	KIND_DMA_POOL_FREE,
};

const struct run_part part_dma = {
	.kinds = dma_kinds,
	.nr_kinds = sizeof(dma_kinds) / sizeof(dma_kinds[0]),
	.origins = 1u << ORIGIN_DMA,
	.from_boot = true,
	.prepare = dma_prepare,
	.serve = dma_serve,
	.release = dma_release,
	.totals = dma_totals,
	.finish = dma_finish,
};

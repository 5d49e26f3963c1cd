/* Second pass: vmalloc space, device memory, resources, per-CPU memory, mempools, exact and DMA-coherent blocks. */
#include <stdio.h>
#include <string.h>

#include "traces/resolve_priv.h"

#define PERCPU_UNKNOWN_SIZE 8u
#define MODULES_START 0xffffffffa0000000ull
#define MODULES_START_KASLR 0xffffffffc0000000ull /* of kernels that can be randomised */

static uint64_t page_size(const struct resolve *r)
{
	return 1ull << r->g->page_shift;
}

static uint64_t area_key(const struct resolve *r, uint64_t address)
{
	return address & ~(page_size(r) - 1);
}

/* x86's enum page_cache_mode: WB, WC, UC-, UC, WT, WP. */
static enum trace_cache_mode cache_mode(uint64_t pcm)
{
	switch (pcm) {
	case 0:
		return CACHE_MODE_WB;
	case 1:
		return CACHE_MODE_WC;
	case 4:
		return CACHE_MODE_WT;
	default:
		return CACHE_MODE_UC;
	}
}

/*
 * Calls are recorded without the window they ask for; x86-64's
 * modules have one of their own, behind the vmalloc space.
 */
static uint64_t window_of(uint64_t address)
{
	if (address < MODULES_START)
		return 0;
	return address < MODULES_START_KASLR ? MODULES_START : MODULES_START_KASLR;
}

/* What the event asks of the vmalloc space. */
static struct trace_op area_op(const struct resolve *r, const struct raw_event *event)
{
	struct trace_op op = { .node = -1, .size = event->size };

	switch ((enum raw_type)event->type) {
	case RAW_VMALLOC:
		op.kind = KIND_VMALLOC;
		op.gfp = event->gfp;
		op.align = event->align;
		op.node = event->node;
		op.origin = event->origin;
		op.arg[0] = window_of(event->where);
		break;
	case RAW_VMAP:
		op.kind = KIND_VMAP;
		op.size = event->size << r->g->page_shift;
		break;
	case RAW_VM_MAP_RAM:
		op.kind = KIND_VM_MAP_RAM;
		op.size = event->size << r->g->page_shift;
		op.node = event->node;
		break;
	case RAW_IOREMAP:
		op.kind = KIND_IOREMAP;
		op.arg[0] = event->aux;
		op.arg[1] = cache_mode(event->align);
		break;
	case RAW_VFREE:
		op.kind = KIND_VFREE;
		break;
	case RAW_VUNMAP:
		op.kind = KIND_VUNMAP;
		break;
	case RAW_VM_UNMAP_RAM:
		op.kind = KIND_VM_UNMAP_RAM;
		op.size = event->size << r->g->page_shift;
		break;
	default:
		op.kind = KIND_IOUNMAP;
		break;
	}
	return op;
}

static enum trace_kind beginning_of(uint8_t kind)
{
	switch (kind) {
	case KIND_VUNMAP:
		return KIND_VMAP;
	case KIND_VM_UNMAP_RAM:
		return KIND_VM_MAP_RAM;
	case KIND_IOUNMAP:
		return KIND_IOREMAP;
	default:
		return KIND_VMALLOC;
	}
}

static uint32_t adopt_area(struct resolve *r, const struct raw_event *event, const struct trace_op *end,
	struct err *err)
{
	struct trace_op op = { .kind = (uint8_t)beginning_of(end->kind), .node = -1,
		.size = end->size ? end->size : page_size(r) };
	uint32_t slot = resolve_slot(r, true, ORIGIN_DIRECT);

	if (slot == SLOT_NONE) {
		resolve_no_memory(err);
		return SLOT_NONE;
	}
	if (op.kind == KIND_VMALLOC)
		op.gfp = GFP_KERNEL;
	r->repaired[REPAIR_AREA_SIZE] += !end->size;
	return resolve_prologue(r, &op, slot, event->where, err) < 0 ? SLOT_NONE : slot;
}

static int area_begins(struct resolve *r, const struct raw_event *event, struct trace_op *op, struct err *err)
{
	uint32_t area = event->type == RAW_VMALLOC ? idmap_get(&r->area_of_call, event->link) : IDMAP_NONE;
	uint32_t slot;

	if (!event->where) {
		op->flags = OP_FAILED;
		if (area != IDMAP_NONE)
			slot_list_move(r, &r->area_pages[area], &r->released);
		return resolve_emit(r, event, op, SLOT_NONE, 0, err);
	}
	if (op->kind == KIND_VMALLOC && event->pid == r->swapon_pid && event->origin == ORIGIN_DIRECT) {
		op->origin = ORIGIN_SWAP_MAP;
		r->swapon_pid = -1;
	}
	slot = resolve_begin(r, &r->areas, area_key(r, event->where), op->origin, &op->flags);
	if (slot == SLOT_NONE)
		return resolve_no_memory(err);
	if (r->info[slot].area != SLOT_NONE)
		slot_list_move(r, &r->area_pages[r->info[slot].area], &r->released);
	r->info[slot].area = area;
	return resolve_emit(r, event, op, slot, resolve_is_untold(event->where) ? 0 : event->where, err);
}

static int area_ends(struct resolve *r, const struct raw_event *event, struct trace_op *op, struct err *err)
{
	uint32_t slot, area;
	int code;

	if (!event->where) {
		op->flags = OP_NULL;
		return resolve_emit(r, event, op, SLOT_NONE, 0, err);
	}
	slot = idmap_remove(&r->areas, area_key(r, event->where));
	if (slot == IDMAP_NONE)
		slot = adopt_area(r, event, op, err);
	if (slot == SLOT_NONE)
		return -(int)err->code;
	area = r->info[slot].area;
	op->origin = r->info[slot].origin;
	if (area != SLOT_NONE)
		slot_list_move(r, &r->area_pages[area], &r->released);
	code = resolve_emit(r, event, op, slot, resolve_is_untold(event->where) ? 0 : event->where, err);
	slots_give(&r->slots, slot);
	return code;
}

int resolve_area_event(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op op = area_op(r, event);

	/* Among areas whose addresses are known it would take the place of one of them: its pages are enough. */
	if (resolve_is_untold(event->where) && r->g->sees_areas)
		return 0;
	return kind_info[op.kind].slot == SLOT_BEGINS ? area_begins(r, event, &op, err) : area_ends(r, event, &op, err);
}

/* The resources that hold more than I/O ports can be are memory; of the others nothing above port 0xffff was seen. */
int resolve_region(struct resolve *r, const struct raw_event *event, struct err *err)
{
	bool memory = idmap_get(&r->g->region_parents, event->where) & REGION_MEMORY;
	bool request = event->type == RAW_REGION_REQUEST;
	struct trace_op op = { .node = -1, .size = event->size, .arg[0] = event->aux };

	if (!gather_is_region_root(r->g, event->where)) {
		if (trace_counts_add(&r->meta->ignored,
			    "__request_region, __release_region: in a tree of their caller's own", 1) < 0)
			return resolve_no_memory(err);
		return 0;
	}
	if (request)
		op.kind = memory ? KIND_REQUEST_MEM_REGION : KIND_REQUEST_REGION;
	else
		op.kind = memory ? KIND_RELEASE_MEM_REGION : KIND_RELEASE_REGION;
	if (request && !event->align)
		op.flags = OP_FAILED;
	if (!op.size) {
		op.size = 1;
		r->repaired[REPAIR_REGION_SIZE]++;
	}
	op.name = resolve_string(r, event->name);
	return op.name == UINT32_MAX ? resolve_no_memory(err) : resolve_emit(r, event, &op, SLOT_NONE, 0, err);
}

static int percpu_free(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op begin = { .kind = KIND_ALLOC_PERCPU, .node = -1, .gfp = GFP_KERNEL,
		.size = PERCPU_UNKNOWN_SIZE, .align = PERCPU_UNKNOWN_SIZE };
	struct trace_op op = { .kind = KIND_FREE_PERCPU, .node = -1 };

	r->repaired[REPAIR_PERCPU_SIZE] += event->where && idmap_get(&r->percpu, event->where) == IDMAP_NONE;
	return resolve_ends(r, &r->percpu, event, &op, &begin, err);
}

int resolve_percpu(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op op = { .kind = KIND_ALLOC_PERCPU, .node = -1, .size = event->size, .align = event->align,
		.gfp = event->gfp, .size_alloc = event->size_alloc };

	if (event->type == RAW_PERCPU_FREE)
		return percpu_free(r, event, err);
	/* The mask is told since 5.19, of failures in no kernel; whether the call may sleep always was. */
	if (!op.gfp && !event->is_atomic)
		op.gfp = GFP_KERNEL;
	op.flags = event->aux ? OP_RESERVED : 0;
	return resolve_begins(r, &r->percpu, event, &op, err);
}

/* Pools have no name: they are numbered as they appear. */
static uint32_t pool_string(struct resolve *r, uint32_t number)
{
	char name[32];
	int len = snprintf(name, sizeof(name), "mempool-%u", number);

	return trace_writer_string(r->w, name, (size_t)len);
}

/* One more pool at that address, counted as the first pass counts them. */
static int pool_begins(struct resolve *r, uint64_t address)
{
	uint32_t generation = idmap_get(&r->pool_generation, address);

	return idmap_put(&r->pool_generation, address, generation == IDMAP_NONE ? 1 : generation + 1);
}

/* What the elements of the pool at @address told in the first pass. */
static int learned_backing(struct resolve *r, uint64_t address, struct trace_op *op, struct err *err)
{
	uint32_t generation = idmap_get(&r->pool_generation, address), detail;
	enum trace_backing backing;

	if (!gather_pool(r->g, address, generation == IDMAP_NONE ? 0 : generation, &backing, &detail))
		return 0;
	op->arg[1] = backing;
	if (backing == BACKING_SLAB)
		return resolve_cache(r, gather_cache(r->g, detail), &op->name2, err);
	if (backing == BACKING_PAGE)
		op->order = (uint8_t)detail;
	else
		op->size = detail;
	return 0;
}

static int pool_create(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op op = { .kind = KIND_MEMPOOL_CREATE, .node = -1, .arg[0] = event->size };
	uint32_t cache = gather_cache(r->g, event->link);
	int code;

	if (cache != CACHE_NONE) {
		op.arg[1] = BACKING_SLAB;
		code = resolve_cache(r, cache, &op.name2, err);
		if (code < 0)
			return code;
	} else if (event->aux <= POOL_ORDER_MAX) {
		op.arg[1] = BACKING_PAGE;
		op.order = (uint8_t)event->aux;
	} else if (event->aux <= POOL_SIZE_MAX) {
		op.arg[1] = BACKING_KMALLOC;
		op.size = event->aux;
	} else {
		op.arg[1] = BACKING_OTHER;
	}
	if (pool_begins(r, event->where) < 0)
		return resolve_no_memory(err);
	code = op.arg[1] == BACKING_OTHER ? learned_backing(r, event->where, &op, err) : 0;
	if (code < 0)
		return code;
	op.name = pool_string(r, ++r->nr_pools);
	if (op.name == UINT32_MAX || idmap_put(&r->pools, event->where, r->nr_pools) < 0)
		return resolve_no_memory(err);
	return resolve_emit(r, event, &op, SLOT_NONE, event->where, err);
}

/* The name of the pool that an event uses; one older than the trace is adopted. */
static int pool_of(struct resolve *r, const struct raw_event *event, uint32_t *string, struct err *err)
{
	struct trace_op op = { .kind = KIND_MEMPOOL_CREATE, .node = -1, .arg = { 1, BACKING_OTHER } };
	uint32_t number = idmap_get(&r->pools, event->aux);
	int code;

	*string = pool_string(r, number != IDMAP_NONE ? number : ++r->nr_pools);
	if (*string == UINT32_MAX)
		return resolve_no_memory(err);
	if (number != IDMAP_NONE)
		return 0;
	r->repaired[REPAIR_POOL]++;
	code = learned_backing(r, event->aux, &op, err);
	if (code < 0)
		return code;
	op.name = *string;
	if (idmap_put(&r->pools, event->aux, r->nr_pools) < 0)
		return resolve_no_memory(err);
	return resolve_prologue(r, &op, SLOT_NONE, event->aux, err);
}

static int pool_alloc(struct resolve *r, const struct raw_event *event, struct trace_op *op, struct err *err)
{
	op->kind = KIND_MEMPOOL_ALLOC;
	op->gfp = event->gfp;
	return resolve_begins(r, &r->elements, event, op, err);
}

static int pool_free(struct resolve *r, const struct raw_event *event, struct trace_op *op, struct err *err)
{
	struct trace_op begin = { .kind = KIND_MEMPOOL_ALLOC, .node = -1, .gfp = GFP_KERNEL, .name = op->name };

	op->kind = KIND_MEMPOOL_FREE;
	return resolve_ends(r, &r->elements, event, op, &begin, err);
}

static int pool_end(struct resolve *r, const struct raw_event *event, struct trace_op *op, struct err *err)
{
	uint32_t number = idmap_remove(&r->pools, event->aux);

	/* mempool_destroy() calls mempool_exit(), and that is also called on pools that were never made. */
	if (number == IDMAP_NONE)
		return trace_counts_add(&r->meta->ignored, "mempool_exit: of no pool, or part of mempool_destroy", 1) <
				0 ?
			resolve_no_memory(err) :
			0;
	op->kind = KIND_MEMPOOL_DESTROY;
	op->name = pool_string(r, number);
	return op->name == UINT32_MAX ? resolve_no_memory(err) :
		resolve_emit(r, event, op, SLOT_NONE, event->aux, err);
}

int resolve_pool(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op op = { .node = -1 };
	int code;

	if (event->type == RAW_POOL_INIT)
		return pool_create(r, event, err);
	if (event->type == RAW_POOL_EXIT || event->type == RAW_POOL_DESTROY)
		return pool_end(r, event, &op, err);
	code = pool_of(r, event, &op.name, err);
	if (code < 0)
		return code;
	if (event->type == RAW_POOL_ALLOC)
		return pool_alloc(r, event, &op, err);
	if (event->type == RAW_POOL_FREE)
		return pool_free(r, event, &op, err);
	op.kind = KIND_MEMPOOL_RESIZE;
	op.arg[0] = event->size;
	return resolve_emit(r, event, &op, SLOT_NONE, event->aux, err);
}

static unsigned int order_of(const struct resolve *r, uint64_t size)
{
	unsigned int order = 0;

	while (order < 20 && (page_size(r) << order) < size)
		order++;
	return order;
}

static int block_ends(struct resolve *r, const struct raw_event *event, struct err *err)
{
	bool dma = event->type == RAW_DMA_FREE;
	struct trace_op begin = { .kind = dma ? KIND_DMA_ALLOC_COHERENT : KIND_ALLOC_PAGES_EXACT, .node = -1,
		.gfp = GFP_KERNEL, .size = event->size };
	struct trace_op op = { .kind = dma ? KIND_DMA_FREE_COHERENT : KIND_FREE_PAGES, .node = -1 };

	if (dma)
		op.size = event->size;
	else
		op.order = (uint8_t)order_of(r, event->size);
	return resolve_ends(r, &r->blocks, event, &op, &begin, err);
}

int resolve_block(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op op = {
		.kind = event->type == RAW_DMA_ALLOC ? KIND_DMA_ALLOC_COHERENT : KIND_ALLOC_PAGES_EXACT,
		.node = -1,
		.size = event->size,
		.gfp = event->gfp,
	};

	if (event->type == RAW_DMA_FREE || event->type == RAW_PAGES_EXACT_FREE)
		return block_ends(r, event, err);
	if (event->type == RAW_DMA_ALLOC)
		op.arg[0] = event->aux;
	return resolve_begins(r, &r->blocks, event, &op, err);
}

/* Second pass: DMA pools, device memory in user space, and areas of the vmalloc space that only tracepoints tell of. */
#include <stdio.h>

#include "traces/resolve_priv.h"

#define DMA_POOL_NAME (1ull << 63) /* no address of a pool is that and a small number */
#define NAMES_TO_TRY  1000u

static int ignore(struct resolve *r, const char *why, struct err *err)
{
	return trace_counts_add(&r->meta->ignored, why, 1) < 0 ? resolve_no_memory(err) : 0;
}

/* Drivers call all their pools the same; the trace tells pools by name, so a second one of that name gets a number. */
static uint32_t pool_name(struct resolve *r, const struct raw_event *event)
{
	const char *name = texts_at(&r->g->texts, event->name);
	uint32_t string = resolve_string(r, event->name);
	char text[128];

	for (unsigned int i = 2; i < NAMES_TO_TRY && string != UINT32_MAX; i++) {
		int len;

		if (idmap_get(&r->dma_pools, DMA_POOL_NAME | string) == IDMAP_NONE)
			break;
		len = snprintf(text, sizeof(text), "%.100s#%u", name, i);
		string = trace_writer_string(r->w, text, (size_t)len);
	}
	return string;
}

static int add_pool(struct resolve *r, uint64_t address, uint32_t string, struct err *err)
{
	if (string == UINT32_MAX || idmap_put(&r->dma_pools, DMA_POOL_NAME | string, 1) < 0 ||
	    idmap_put(&r->dma_pools, address, string) < 0)
		return resolve_no_memory(err);
	return 0;
}

static int pool_create(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op op = { .kind = KIND_DMA_POOL_CREATE, .node = -1, .size = event->size, .align = event->align,
		.arg[0] = event->aux, .name = pool_name(r, event) };

	if (op.name == UINT32_MAX)
		return resolve_no_memory(err);
	if (!event->where)
		op.flags = OP_FAILED;
	else if (add_pool(r, event->where, op.name, err) < 0)
		return -(int)err->code;
	return resolve_emit(r, event, &op, SLOT_NONE, event->where, err);
}

/* The name of the pool that an event uses; of one older than the trace nothing is known but that it is there. */
static int pool_of(struct resolve *r, const struct raw_event *event, uint32_t *string, struct err *err)
{
	struct trace_op op = { .kind = KIND_DMA_POOL_CREATE, .node = -1, .size = 64 };
	char text[32];
	int len, code;

	*string = idmap_get(&r->dma_pools, event->aux);
	if (*string != IDMAP_NONE)
		return 0;
	len = snprintf(text, sizeof(text), "dma_pool-%u", ++r->nr_dma_pools);
	*string = op.name = trace_writer_string(r->w, text, (size_t)len);
	code = add_pool(r, event->aux, op.name, err);
	r->repaired[REPAIR_DMA_POOL]++;
	return code < 0 ? code : resolve_prologue(r, &op, SLOT_NONE, event->aux, err);
}

static int pool_alloc(struct resolve *r, const struct raw_event *event, struct trace_op *op, struct err *err)
{
	op->kind = KIND_DMA_POOL_ALLOC;
	op->gfp = event->gfp;
	return resolve_begins(r, &r->blocks, event, op, err);
}

static int pool_free(struct resolve *r, const struct raw_event *event, struct trace_op *op, struct err *err)
{
	struct trace_op begin = { .kind = KIND_DMA_POOL_ALLOC, .node = -1, .gfp = GFP_KERNEL, .name = op->name };

	op->kind = KIND_DMA_POOL_FREE;
	return resolve_ends(r, &r->blocks, event, op, &begin, err);
}

static int resolve_dma_pool(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op op = { .node = -1 };
	int code;

	if (event->type == RAW_DMA_POOL_CREATE)
		return pool_create(r, event, err);
	code = pool_of(r, event, &op.name, err);
	if (code < 0)
		return code;
	if (event->type == RAW_DMA_POOL_ALLOC)
		return pool_alloc(r, event, &op, err);
	if (event->type == RAW_DMA_POOL_FREE)
		return pool_free(r, event, &op, err);
	op.kind = KIND_DMA_POOL_DESTROY;
	idmap_remove(&r->dma_pools, event->aux);
	idmap_remove(&r->dma_pools, DMA_POOL_NAME | op.name);
	return resolve_emit(r, event, &op, SLOT_NONE, event->aux, err);
}

static int resolve_device_map(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op op = { .kind = KIND_MMAP_DEVICE, .node = -1, .size = event->size,
		.arg[0] = event->aux << r->g->page_shift };

	return resolve_emit(r, event, &op, SLOT_NONE, 0, err);
}

/*
 * Simplified: whoever wanted the area, it becomes a vmap, which has addresses and no pages of its own, because the
 * tracepoint tells no more. The area's size includes its guard page.
 */
static int vmap_area_begins(struct resolve *r, const struct raw_event *event, struct err *err)
{
	uint64_t page = 1ull << r->g->page_shift;
	struct trace_op op = { .kind = KIND_VMAP, .node = -1, .size = event->size > page ? event->size - page : page };
	uint32_t slot;

	if (event->aux || !event->where) {
		op.flags = OP_FAILED;
		return resolve_emit(r, event, &op, SLOT_NONE, 0, err);
	}
	slot = resolve_begin(r, &r->vmap_areas, event->where & ~(page - 1), ORIGIN_DIRECT, &op.flags);
	return slot == SLOT_NONE ? resolve_no_memory(err) : resolve_emit(r, event, &op, slot, event->where, err);
}

static int vmap_area_ends(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op op = { .kind = KIND_VUNMAP, .node = -1 };
	uint32_t slot = idmap_remove(&r->vmap_areas, event->where & ~((1ull << r->g->page_shift) - 1));
	int code;

	if (slot == IDMAP_NONE)
		return ignore(r, "free_vmap_area_noflush: effect of another event, or of an older area", err);
	code = resolve_emit(r, event, &op, slot, event->where, err);
	slots_give(&r->slots, slot);
	return code;
}

int resolve_device(struct resolve *r, const struct raw_event *event, struct err *err)
{
	switch (event->type) {
	case RAW_DEVICE_MAP:
		return resolve_device_map(r, event, err);
	case RAW_VMAP_AREA:
		return vmap_area_begins(r, event, err);
	case RAW_VMAP_AREA_FREE:
		return vmap_area_ends(r, event, err);
	default:
		return resolve_dma_pool(r, event, err);
	}
}

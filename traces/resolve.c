#include "traces/resolve_priv.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"

#define PROGRESS_EVENTS 65536u
#define EVENTS_AHEAD 8u /* whose objects are fetched into the processor's caches */

static const char *const repair_text[NR_REPAIRS] = {
	[REPAIR_SIZE_OF_SLAB] = "adopted kmalloc: size from its slab",
	[REPAIR_SIZE_OF_SITE] = "adopted kmalloc: size from its call site",
	[REPAIR_SIZE_DEFAULT] = "adopted kmalloc: size taken as 64 bytes",
	[REPAIR_BULK_FREE] = "bulk free of recorded objects: left to implied frees",
	[REPAIR_UNNAMED_FREED] = "free of an unknown object: one from a bulk allocation",
	[REPAIR_PAGE_FREED] = "free of an unknown page: one from a bulk allocation",
	[REPAIR_CACHE_SIZE] = "cache of unknown size: taken as 64 bytes",
	[REPAIR_AREA_SIZE] = "adopted area: size taken as one page",
	[REPAIR_AREA_UNTOLD] = "vmalloc whose call is not recorded: pages found by their array",
	[REPAIR_POOL] = "mempool older than the trace: adopted with a reserve of one",
	[REPAIR_REGION_SIZE] = "region without its size: taken as 1",
	[REPAIR_SPLIT_FREE] = "free of pages of several blocks: split",
	[REPAIR_PERCPU_SIZE] = "adopted per-CPU object: size taken as 8 bytes",
	[REPAIR_DMA_POOL] = "DMA pool older than the trace: adopted with blocks of 64 bytes",
	[REPAIR_CACHE_FLAGS] = "cache older than the trace: flags from its slabs' pages and its objects",
	[REPAIR_OTHER_CACHE] = "free to another cache than the object's: freed and handed out again unseen",
};

static const struct {
	const char *method, *certainty;
} found_text[NR_FOUND_BY] = {
	[FOUND_NOT] = { "no other cause", "assumed" },
	[FOUND_IN_EVENT] = { "event", "certain" },
	[FOUND_BRACKET] = { "inside its call", "certain" },
	[FOUND_POINTER] = { "object in it", "certain" },
	[FOUND_SLAB_PAGE] = { "slab", "certain" },
	[FOUND_FREE] = { "free", "certain" },
	[FOUND_SITE] = { "call site", "likely" },
	[FOUND_SEQUENCE] = { "next event of the task", "likely" },
	[FOUND_GFP] = { "gfp mask", "likely" },
};

int resolve_no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for the import's objects");
}

void slot_list_init(struct slot_list *list)
{
	*list = (struct slot_list){ .head = SLOT_NONE, .tail = SLOT_NONE };
}

void slot_list_append(struct resolve *r, struct slot_list *list, uint32_t slot)
{
	r->info[slot].next = SLOT_NONE;
	r->info[slot].prev = list->tail;
	if (list->tail != SLOT_NONE)
		r->info[list->tail].next = slot;
	else
		list->head = slot;
	list->tail = slot;
	list->nr++;
}

uint32_t slot_list_take_first(struct resolve *r, struct slot_list *list)
{
	uint32_t slot = list->head;

	if (slot == SLOT_NONE)
		return SLOT_NONE;
	list->head = r->info[slot].next;
	if (list->head != SLOT_NONE)
		r->info[list->head].prev = SLOT_NONE;
	else
		list->tail = SLOT_NONE;
	list->nr--;
	return slot;
}

uint32_t slot_list_take_last(struct resolve *r, struct slot_list *list)
{
	uint32_t slot = list->tail;

	if (slot == SLOT_NONE)
		return SLOT_NONE;
	list->tail = r->info[slot].prev;
	if (list->tail != SLOT_NONE)
		r->info[list->tail].next = SLOT_NONE;
	else
		list->head = SLOT_NONE;
	list->nr--;
	return slot;
}

void slot_list_move(struct resolve *r, struct slot_list *from, struct slot_list *to)
{
	while (from->nr)
		slot_list_append(r, to, slot_list_take_first(r, from));
}

uint32_t resolve_string(struct resolve *r, uint32_t text)
{
	uint32_t number;

	if (!array_room_cleared(&r->strings, &r->strings_cap, text))
		return UINT32_MAX;
	if (r->strings[text])
		return r->strings[text] - 1;
	number = trace_writer_string(r->w, texts_at(&r->g->texts, text), texts_len(&r->g->texts, text));
	if (number != UINT32_MAX)
		r->strings[text] = number + 1;
	return number;
}

static uint32_t who_of(struct resolve *r, const struct raw_event *event)
{
	uint32_t hash = ((uint32_t)event->pid * 2654435761u ^ event->cpu * 97u ^ event->comm * 31u ^
		(event->ctx & WHO_CTX) * 1234577u) >> 16;
	struct who_cached *cached = &r->whos[hash & (WHO_CACHE - 1)];
	struct trace_who who = { .cpu = event->cpu, .pid = event->pid, .ctx = event->ctx & WHO_CTX };
	uint32_t number;

	if (cached->who && cached->pid == event->pid && cached->cpu == event->cpu && cached->comm == event->comm &&
		cached->ctx == who.ctx)
		return cached->who - 1;
	who.comm = resolve_string(r, event->comm);
	number = who.comm == UINT32_MAX ? UINT32_MAX : trace_writer_who(r->w, &who);
	if (number != UINT32_MAX)
		*cached = (struct who_cached){ event->cpu, event->comm, event->pid, who.ctx, number + 1 };
	return number;
}

/* What was read or written; string accesses have no one value. */
static uint64_t value_of(const struct raw_event *event)
{
	if ((event->type != RAW_PORT_IO && event->type != RAW_MMIO) ||
		(event->type == RAW_PORT_IO && event->size_alloc > 1))
		return 0;
	return event->align;
}

int resolve_emit(struct resolve *r, const struct raw_event *event, struct trace_op *op, uint32_t slot, uint64_t where,
	struct err *err)
{
	struct trace_event out = { .time_ns = event->time_ns, .slot = slot, .value = value_of(event),
		.recorded = { .where = where, .entry = event->entry,
			.moved = op->flags & OP_SYNTHETIC ? 0 : event->moved, .ctx = event->ctx } };

	op->call_site = resolve_string(r, event->call_site);
	out.op = op->call_site == UINT32_MAX ? UINT32_MAX : trace_writer_op(r->w, op);
	out.who = who_of(r, event);
	if (out.op == UINT32_MAX || out.who == UINT32_MAX)
		return resolve_no_memory(err);
	return trace_writer_event(r->w, &out, err);
}

int resolve_prologue(struct resolve *r, struct trace_op *op, uint32_t slot, uint64_t where, struct err *err)
{
	const struct trace_who nobody = { 0 };
	struct trace_event out = { .slot = slot, .recorded = { .where = where } };

	op->flags |= OP_BOOT;
	out.op = trace_writer_op(r->w, op);
	out.who = trace_writer_who(r->w, &nobody);
	if (out.op == UINT32_MAX || out.who == UINT32_MAX)
		return resolve_no_memory(err);
	return trace_writer_prologue(r->w, &out, err);
}

uint32_t resolve_slot(struct resolve *r, bool adopted, uint8_t origin)
{
	uint32_t slot = adopted ? slots_take_fresh(&r->slots) : slots_take(&r->slots);

	if (slot == SLOT_NONE)
		return SLOT_NONE;
	if (!array_room(&r->info, &r->info_cap, slot))
		return SLOT_NONE;
	r->info[slot] = (struct slot_info){ .origin = origin, .area = SLOT_NONE, .cache = CACHE_NONE };
	r->meta->adopted += adopted;
	return slot;
}

uint32_t resolve_begin(struct resolve *r, struct idmap *map, uint64_t key, uint8_t origin, uint16_t *flags)
{
	uint32_t slot = idmap_get(map, key);

	if (slot != IDMAP_NONE) {
		*flags |= OP_IMPLIED_FREE;
		r->meta->implied_frees++;
		r->info[slot].origin = origin;
		r->info[slot].cache = CACHE_NONE;
		return slot;
	}
	slot = resolve_slot(r, false, origin);
	return slot == SLOT_NONE || idmap_put(map, key, slot) < 0 ? SLOT_NONE : slot;
}

int resolve_begins(struct resolve *r, struct idmap *map, const struct raw_event *event, struct trace_op *op,
	struct err *err)
{
	uint32_t slot;

	if (!event->where || event->type == RAW_PERCPU_FAILED) {
		op->flags |= OP_FAILED;
		return resolve_emit(r, event, op, SLOT_NONE, 0, err);
	}
	slot = resolve_begin(r, map, event->where, ORIGIN_DIRECT, &op->flags);
	return slot == SLOT_NONE ? resolve_no_memory(err) : resolve_emit(r, event, op, slot, event->where, err);
}

int resolve_ends(struct resolve *r, struct idmap *map, const struct raw_event *event, struct trace_op *op,
	struct trace_op *begin, struct err *err)
{
	uint32_t slot;
	int code = 0;

	if (!event->where) {
		op->flags |= OP_NULL;
		return resolve_emit(r, event, op, SLOT_NONE, 0, err);
	}
	slot = idmap_remove(map, event->where);
	if (slot == IDMAP_NONE) {
		slot = resolve_slot(r, true, ORIGIN_DIRECT);
		if (slot == SLOT_NONE)
			return resolve_no_memory(err);
		code = resolve_prologue(r, begin, slot, event->where, err);
	}
	if (code == 0)
		code = resolve_emit(r, event, op, slot, event->where, err);
	slots_give(&r->slots, slot);
	return code;
}

int resolve_count_unusable(struct resolve *r, const char *why, struct err *err)
{
	return trace_counts_add(&r->meta->unusable, why, 1) < 0 ? resolve_no_memory(err) : 0;
}

static int resolve_marker(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op op = { .kind = KIND_MARKER, .node = -1, .name = resolve_string(r, event->name) };

	return op.name == UINT32_MAX ? resolve_no_memory(err) : resolve_emit(r, event, &op, SLOT_NONE, 0, err);
}

/* Who makes operations of an event. Those without a row only helped the first pass. */
static int (*const resolve_by_type[NR_RAW_TYPES])(struct resolve *r, const struct raw_event *event, struct err *err) = {
	[RAW_KMALLOC] = resolve_kmalloc,
	[RAW_KFREE] = resolve_kfree,
	[RAW_CACHE_ALLOC] = resolve_cache_alloc,
	[RAW_CACHE_FREE] = resolve_cache_free,
	[RAW_CACHE_ALLOC_BULK] = resolve_cache_bulk_alloc,
	[RAW_CACHE_FREE_BULK] = resolve_cache_bulk_free,
	[RAW_CACHE_CREATE] = resolve_cache_create,
	[RAW_CACHE_DESTROY] = resolve_cache_end,
	[RAW_CACHE_SHRINK] = resolve_cache_end,
	[RAW_PAGE_ALLOC] = resolve_page_alloc,
	[RAW_PAGE_FREE] = resolve_page_free,
	[RAW_PAGES_BULK] = resolve_page_bulk,
	[RAW_PAGES_EXACT] = resolve_block,
	[RAW_PAGES_EXACT_FREE] = resolve_block,
	[RAW_DMA_ALLOC] = resolve_block,
	[RAW_DMA_FREE] = resolve_block,
	[RAW_VMALLOC] = resolve_area_event,
	[RAW_VFREE] = resolve_area_event,
	[RAW_VMAP] = resolve_area_event,
	[RAW_VUNMAP] = resolve_area_event,
	[RAW_VM_MAP_RAM] = resolve_area_event,
	[RAW_VM_UNMAP_RAM] = resolve_area_event,
	[RAW_IOREMAP] = resolve_area_event,
	[RAW_IOUNMAP] = resolve_area_event,
	[RAW_REGION_REQUEST] = resolve_region,
	[RAW_REGION_RELEASE] = resolve_region,
	[RAW_PERCPU_ALLOC] = resolve_percpu,
	[RAW_PERCPU_FAILED] = resolve_percpu,
	[RAW_PERCPU_FREE] = resolve_percpu,
	[RAW_POOL_INIT] = resolve_pool,
	[RAW_POOL_RESIZE] = resolve_pool,
	[RAW_POOL_EXIT] = resolve_pool,
	[RAW_POOL_DESTROY] = resolve_pool,
	[RAW_POOL_ALLOC] = resolve_pool,
	[RAW_POOL_FREE] = resolve_pool,
	[RAW_DMA_POOL_CREATE] = resolve_device,
	[RAW_DMA_POOL_DESTROY] = resolve_device,
	[RAW_DMA_POOL_ALLOC] = resolve_device,
	[RAW_DMA_POOL_FREE] = resolve_device,
	[RAW_DEVICE_MAP] = resolve_device,
	[RAW_VMAP_AREA] = resolve_device,
	[RAW_VMAP_AREA_FREE] = resolve_device,
	[RAW_PORT_IO] = resolve_access,
	[RAW_MMIO] = resolve_access,
	[RAW_REGION_THERE] = resolve_access,
	[RAW_MARKER] = resolve_marker,
};

static int resolve_event(struct resolve *r, const struct raw_event *event, struct err *err)
{
	return resolve_by_type[event->type] ? resolve_by_type[event->type](r, event, err) : 0;
}

/* Counts of the pass, into the header. */
static int count_all(struct resolve *r, struct err *err)
{
	static const char *const cache_from[NR_FOUND_BY] = {
		[FOUND_SLAB_PAGE] = "kmem_cache_alloc without a cache: found by its slab",
		[FOUND_FREE] = "kmem_cache_alloc without a cache: found by the object's free",
		[FOUND_SITE] = "kmem_cache_alloc without a cache: found by call site and sizes",
		[FOUND_NOT] = "kmem_cache_alloc without a cache: named by its sizes",
	};
	char text[128];
	int failed = 0;

	for (int i = 0; i < NR_REPAIRS; i++)
		if (r->repaired[i])
			failed |= trace_counts_add(&r->meta->repaired, repair_text[i], r->repaired[i]);
	for (int i = 0; i < NR_FOUND_BY; i++)
		if (r->found_caches[i] && cache_from[i])
			failed |= trace_counts_add(&r->meta->repaired, cache_from[i], r->found_caches[i]);
	for (int origin = 0; origin < NR_ORIGINS; origin++) {
		for (int i = 0; i < NR_FOUND_BY; i++) {
			if (!r->found_pages[origin][i])
				continue;
			snprintf(text, sizeof(text), "%s/%s/%s", origin_name[origin], found_text[i].method,
				found_text[i].certainty);
			failed |= trace_counts_add(&r->meta->classified, text, r->found_pages[origin][i]);
		}
	}
	return failed ? resolve_no_memory(err) : 0;
}

/* What moved before raw event @number. */
static int write_moves(struct resolve *r, uint64_t number, struct err *err)
{
	struct trace_move move;
	int code;

	while ((code = move_spool_next(&r->g->moves, number, &move, err)) > 0)
		if (trace_writer_move(r->w, &move, err) < 0)
			return -(int)err->code;
	return code;
}

static int resolve_all(struct resolve *r, const struct import_options *options, struct err *err)
{
	const struct raw_event *event, *next;
	uint64_t done = 0;
	int code = raw_spool_rewind(&r->g->spool, err);

	if (code < 0 || (code = move_spool_rewind(&r->g->moves, err)) < 0)
		return code;
	while ((code = raw_spool_next(&r->g->spool, &event, err)) > 0) {
		next = raw_spool_ahead(&r->g->spool, EVENTS_AHEAD);
		if (next)
			idmap_expect(&r->objects, next->where);
		code = write_moves(r, done, err);
		if (code == 0)
			code = resolve_event(r, event, err);
		if (code < 0)
			return code;
		if (++done % PROGRESS_EVENTS == 0 && options->progress &&
		    options->progress(options->progress_arg, r->g->spool.nr + done, 2 * r->g->spool.nr, r->meta->lines))
			return err_set(err, ERR_INTERRUPTED, "interrupted");
	}
	return code < 0 ? code : count_all(r, err);
}

int resolve_write(struct gather *g, struct trace_writer *w, struct trace_meta *meta,
	const struct import_options *options, struct err *err)
{
	struct resolve *r = calloc(1, sizeof(*r));
	int code;

	if (!r)
		return resolve_no_memory(err);
	r->g = g;
	r->w = w;
	r->meta = meta;
	r->swapon_pid = -1;
	slot_list_init(&r->released);
	slot_list_init(&r->loose);
	code = resolve_all(r, options, err);
	meta->slots = r->slots.used;
	free(r->strings);
	slots_fini(&r->slots);
	free(r->info);
	idmap_fini(&r->objects);
	idmap_fini(&r->areas);
	idmap_fini(&r->blocks);
	idmap_fini(&r->percpu);
	idmap_fini(&r->elements);
	pfn_map_fini(&r->pages);
	free(r->caches);
	idmap_fini(&r->area_of_call);
	free(r->area_pages);
	idmap_fini(&r->pools);
	idmap_fini(&r->pool_generation);
	idmap_fini(&r->vmap_areas);
	idmap_fini(&r->dma_pools);
	free(r);
	return code;
}

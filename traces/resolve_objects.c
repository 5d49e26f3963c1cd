/* Second pass: kmalloc and slab caches. */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "traces/resolve_priv.h"

#define SWAP_INFO_MIN_SIZE 200u /* bytes: of struct swap_info_struct, any version */
#define UNKNOWN_SIZE 64u     /* bytes: the commonest size class */
#define KNOWN_CREATE_FLAGS (SLAB_FLAG_CONSISTENCY_CHECKS | SLAB_FLAG_RED_ZONE | SLAB_FLAG_POISON | \
	SLAB_FLAG_HWCACHE_ALIGN | SLAB_FLAG_CACHE_DMA | SLAB_FLAG_CACHE_DMA32 | SLAB_FLAG_STORE_USER | \
	SLAB_FLAG_RECLAIM_ACCOUNT | SLAB_FLAG_PANIC | SLAB_FLAG_TYPESAFE_BY_RCU | SLAB_FLAG_MEM_SPREAD | \
	SLAB_FLAG_TRACE | SLAB_FLAG_NOLEAKTRACE | SLAB_FLAG_ACCOUNT)

static struct cache_state *cache_state(struct resolve *r, uint32_t cache)
{
	uint32_t had = r->caches_cap;

	if (!array_room(&r->caches, &r->caches_cap, cache))
		return NULL;
	for (uint32_t i = had; i < r->caches_cap; i++) {
		r->caches[i] = (struct cache_state){ 0 };
		slot_list_init(&r->caches[i].unnamed);
	}
	return &r->caches[cache];
}

/* The caches behind kmalloc: every machine has them. */
static bool is_kmalloc_cache(const char *name)
{
	static const char *const prefixes[] = { "kmalloc-", "kmalloc-rcl-", "kmalloc-cg-", "dma-kmalloc-" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t len = strlen(prefixes[i]);

		if (!strncmp(name, prefixes[i], len) && name[len] >= '0' && name[len] <= '9')
			return true;
	}
	return false;
}

/*
 * A cache is called by the recorded name, else by its sizes, else by a number. The name of a creation does not count
 * for objects from before it (@created: not yet): it was merged with an older cache whose own name nothing shows.
 */
static uint32_t cache_string(struct resolve *r, uint32_t number, bool created)
{
	const struct gather_cache *cache = &r->g->caches[number];
	char name[64];

	if (cache->name && (created || !cache->guessed_name))
		return resolve_string(r, cache->name);
	if (cache->slot_size)
		snprintf(name, sizeof(name), "size-%u-%u", cache->object_size, cache->slot_size);
	else
		snprintf(name, sizeof(name), "cache-%u", number);
	return trace_writer_string(r->w, name, strlen(name));
}

int resolve_cache(struct resolve *r, uint32_t number, uint32_t *string, struct err *err)
{
	struct cache_state *state = cache_state(r, number);
	const struct gather_cache *cache = &r->g->caches[number];
	struct trace_op op = { .kind = KIND_KMEM_CACHE_CREATE, .node = -1 };

	if (!state)
		return resolve_no_memory(err);
	if (!state->string) {
		state->string = cache_string(r, number, state->there);
		if (state->string == UINT32_MAX)
			return resolve_no_memory(err);
	}
	*string = state->string;
	if (state->there)
		return 0;
	state->there = true;
	if (is_kmalloc_cache(texts_at(&r->g->texts, cache->name)))
		return 0;
	op.name = state->string;
	op.size = cache->slot_size ? cache->object_size : UNKNOWN_SIZE;
	op.size_alloc = cache->slot_size ? cache->slot_size : UNKNOWN_SIZE;
	op.slab_flags =
		(cache->reclaimable ? SLAB_FLAG_RECLAIM_ACCOUNT : 0) | (cache->accounted ? SLAB_FLAG_ACCOUNT : 0);
	r->repaired[REPAIR_CACHE_SIZE] += !cache->slot_size;
	r->repaired[REPAIR_CACHE_FLAGS] += op.slab_flags != 0;
	return resolve_prologue(r, &op, SLOT_NONE, 0, err);
}

/*
 * Models alloc_swap_info() of 6.1: swapon() begins with this, zeroed; the next area
 * of its task, zeroed too, is the map of how often each page of the device is in use.
 */
static void look_for_swapon(struct resolve *r, const struct raw_event *event)
{
	static const char *const functions[] = { "__do_sys_swapon+", "__se_sys_swapon+", "__x64_sys_swapon+",
		"SyS_swapon+", "sys_swapon+", "alloc_swap_info+" };
	const char *site = texts_at(&r->g->texts, event->call_site);

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (!strncmp(site, functions[i], strlen(functions[i])))
			r->swapon_pid = event->pid;
}

int resolve_kmalloc(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op op = { .kind = KIND_KMALLOC, .origin = event->origin, .node = event->node, .gfp = event->gfp,
		.size = event->size, .size_alloc = event->size_alloc };
	uint32_t slot;

	if (!event->where) {
		op.flags = OP_FAILED;
		return resolve_emit(r, event, &op, SLOT_NONE, 0, err);
	}
	if (event->gfp & GFP_BIT_ZERO && event->size >= SWAP_INFO_MIN_SIZE)
		look_for_swapon(r, event);
	slot = resolve_begin(r, &r->objects, event->where, event->origin, &op.flags);
	if (slot == SLOT_NONE)
		return resolve_no_memory(err);
	return resolve_emit(r, event, &op, slot, event->where, err);
}

static uint32_t adopt_kmalloc(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op op = { .kind = KIND_KMALLOC, .node = -1, .gfp = GFP_KERNEL };
	uint32_t size = gather_site_size(r->g, event->call_site);
	uint32_t slot = resolve_slot(r, true, ORIGIN_DIRECT);

	if (slot == SLOT_NONE) {
		resolve_no_memory(err);
		return SLOT_NONE;
	}
	op.size = event->link ? event->link : size ? size : UNKNOWN_SIZE;
	op.size_alloc = op.size;
	r->repaired[event->link ? REPAIR_SIZE_OF_SLAB : size ? REPAIR_SIZE_OF_SITE : REPAIR_SIZE_DEFAULT]++;
	return resolve_prologue(r, &op, slot, event->where, err) < 0 ? SLOT_NONE : slot;
}

static int end_object(struct resolve *r, const struct raw_event *event, struct trace_op *op, uint32_t slot,
	struct err *err)
{
	int code;

	op->origin = r->info[slot].origin;
	code = resolve_emit(r, event, op, slot, event->where, err);
	slots_give(&r->slots, slot);
	return code;
}

int resolve_kfree(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op op = { .kind = KIND_KFREE, .node = -1 };
	uint32_t slot;

	if (event->where <= ZERO_SIZE_PTR) {
		op.flags = OP_NULL;
		return resolve_emit(r, event, &op, SLOT_NONE, 0, err);
	}
	slot = idmap_remove(&r->objects, event->where);
	if (slot == IDMAP_NONE)
		slot = adopt_kmalloc(r, event, err);
	return slot == SLOT_NONE ? -(int)err->code : end_object(r, event, &op, slot, err);
}

/* The cache of an object that the event does not name and the first pass could not tell. */
static uint32_t guess_cache(struct resolve *r, const struct raw_event *event)
{
	uint32_t cache = gather_site_cache(r->g, event->call_site, event->size, event->size_alloc);
	char name[64];
	uint32_t text;
	int len;

	r->found_caches[cache != CACHE_NONE ? FOUND_SITE : FOUND_NOT]++;
	if (cache != CACHE_NONE)
		return cache;
	len = snprintf(name, sizeof(name), "size-%llu-%llu", (unsigned long long)event->size,
		(unsigned long long)event->size_alloc);
	text = texts_add(&r->g->texts, name, (size_t)len);
	cache = text == TEXT_NO_MEMORY ? CACHE_NONE : gather_cache_named(r->g, text);
	if (cache != CACHE_NONE && !r->g->caches[cache].slot_size) {
		r->g->caches[cache].object_size = (uint32_t)event->size;
		r->g->caches[cache].slot_size = (uint32_t)event->size_alloc;
	}
	return cache;
}

int resolve_cache_alloc(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op op = { .kind = KIND_KMEM_CACHE_ALLOC, .origin = event->origin, .node = event->node,
		.gfp = event->gfp, .size_alloc = event->size_alloc };
	uint32_t cache = gather_cache(r->g, event->link), slot;
	int code;

	if (cache != CACHE_NONE)
		r->found_caches[event->method]++;
	else
		cache = guess_cache(r, event);
	if (cache == CACHE_NONE)
		return resolve_no_memory(err);
	code = resolve_cache(r, cache, &op.name, err);
	if (code < 0)
		return code;
	if (!event->where) {
		op.flags = OP_FAILED;
		return resolve_emit(r, event, &op, SLOT_NONE, 0, err);
	}
	slot = resolve_begin(r, &r->objects, event->where, event->origin, &op.flags);
	if (slot == SLOT_NONE)
		return resolve_no_memory(err);
	r->info[slot].cache = cache;
	return resolve_emit(r, event, &op, slot, event->where, err);
}

static uint32_t adopt_cache_object(struct resolve *r, const struct raw_event *event, uint32_t cache, uint32_t string,
	struct err *err)
{
	struct trace_op op = { .kind = KIND_KMEM_CACHE_ALLOC, .node = -1, .gfp = GFP_KERNEL, .name = string,
		.size_alloc = r->g->caches[cache].slot_size };
	uint32_t slot = resolve_slot(r, true, ORIGIN_DIRECT);

	if (slot == SLOT_NONE) {
		resolve_no_memory(err);
		return SLOT_NONE;
	}
	return resolve_prologue(r, &op, slot, event->where, err) < 0 ? SLOT_NONE : slot;
}

/* The object that is believed to live there is of another cache: its own free was not recorded. */
static int free_unseen(struct resolve *r, const struct raw_event *event, uint32_t slot, struct err *err)
{
	struct trace_op op = { .kind = KIND_KMEM_CACHE_FREE, .node = -1, .flags = OP_SYNTHETIC };
	int code = resolve_cache(r, r->info[slot].cache, &op.name, err);

	r->repaired[REPAIR_OTHER_CACHE]++;
	return code < 0 ? code : end_object(r, event, &op, slot, err);
}

int resolve_cache_free(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op op = { .kind = KIND_KMEM_CACHE_FREE, .node = -1 };
	uint32_t cache = gather_cache(r->g, event->link), slot;
	int code;

	if (cache != CACHE_NONE) {
		code = resolve_cache(r, cache, &op.name, err);
		if (code < 0)
			return code;
	}
	if (!event->where) {
		op.flags = OP_NULL;
		return resolve_emit(r, event, &op, SLOT_NONE, 0, err);
	}
	slot = idmap_remove(&r->objects, event->where);
	if (slot != IDMAP_NONE && cache != CACHE_NONE && r->info[slot].cache != CACHE_NONE &&
		r->info[slot].cache != cache) {
		code = free_unseen(r, event, slot, err);
		if (code < 0)
			return code;
		slot = IDMAP_NONE;
	}
	if (slot == IDMAP_NONE && cache == CACHE_NONE)
		slot = adopt_kmalloc(r, event, err); /* a kernel up to 5.11, whose event has no name */
	if (slot == IDMAP_NONE && cache != CACHE_NONE) {
		slot = slot_list_take_first(r, &r->caches[cache].unnamed);
		r->repaired[REPAIR_UNNAMED_FREED] += slot != SLOT_NONE;
		if (slot == SLOT_NONE)
			slot = adopt_cache_object(r, event, cache, op.name, err);
	}
	return slot == SLOT_NONE ? -(int)err->code : end_object(r, event, &op, slot, err);
}

int resolve_cache_bulk_alloc(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op op = { .kind = KIND_KMEM_CACHE_ALLOC_BULK, .origin = event->origin, .node = -1,
		.gfp = event->gfp };
	uint32_t cache = gather_cache(r->g, event->link);
	int code;

	if (event->size > BULK_MAX && (int64_t)event->size > 0)
		return resolve_count_unusable(r, "kmem_cache_alloc_bulk: n= is absurd", err);
	code = resolve_cache(r, cache, &op.name, err);
	if (code < 0)
		return code;
	if (!event->size || (int64_t)event->size < 0) {
		op.flags = OP_FAILED;
		return resolve_emit(r, event, &op, SLOT_NONE, 0, err);
	}
	for (uint64_t i = 1; i <= event->size; i++) {
		uint32_t slot = resolve_slot(r, false, event->origin);

		if (slot == SLOT_NONE)
			return resolve_no_memory(err);
		slot_list_append(r, &r->caches[cache].unnamed, slot);
		op.flags = i < event->size ? OP_BULK_MORE : 0;
		code = resolve_emit(r, event, &op, slot, 0, err);
		if (code < 0)
			return code;
	}
	return 0;
}

int resolve_cache_bulk_free(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op op = { .kind = KIND_KMEM_CACHE_FREE_BULK, .node = -1 };
	uint32_t cache = gather_cache(r->g, event->link);
	struct cache_state *state = cache_state(r, cache);
	uint64_t nr;
	int code;

	if (!state)
		return resolve_no_memory(err);
	if (event->size > BULK_MAX)
		return resolve_count_unusable(r, "kmem_cache_free_bulk: size= is absurd", err);
	nr = event->size < state->unnamed.nr ? event->size : state->unnamed.nr;
	r->repaired[REPAIR_BULK_FREE] += event->size - nr;
	if (!nr)
		return 0;
	code = resolve_cache(r, cache, &op.name, err);
	if (code < 0)
		return code;
	for (; nr; nr--) {
		uint32_t slot = slot_list_take_last(r, &r->caches[cache].unnamed);

		op.flags = nr > 1 ? OP_BULK_MORE : 0;
		op.origin = r->info[slot].origin;
		code = resolve_emit(r, event, &op, slot, 0, err);
		slots_give(&r->slots, slot);
		if (code < 0)
			return code;
	}
	return 0;
}

/* Slots of the new cache's objects. One that was merged with an older cache says nothing by that cache's slots. */
static uint32_t created_slot_size(const struct gather_cache *cache, const struct raw_event *event)
{
	return !cache->older && cache->object_size == event->size ? cache->slot_size : 0;
}

int resolve_cache_create(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op op = { .kind = KIND_KMEM_CACHE_CREATE, .node = -1, .size = event->size, .align = event->align,
		.slab_flags = (uint32_t)event->aux & KNOWN_CREATE_FLAGS };
	uint32_t cache = idmap_get(&r->g->cache_of_name, event->name);
	struct cache_state *state;

	op.name = resolve_string(r, event->name);
	if (op.name == UINT32_MAX)
		return resolve_no_memory(err);
	if (event->size_alloc) /* a window that user space may copy: never merged */
		op.slab_flags |= SLAB_FLAG_NO_MERGE;
	if (!event->where)
		op.flags = OP_FAILED;
	if (event->where && cache != IDMAP_NONE && gather_cache(r->g, cache) == cache) {
		state = cache_state(r, cache);
		if (!state)
			return resolve_no_memory(err);
		state->there = true;
		op.size_alloc = created_slot_size(&r->g->caches[cache], event);
	}
	return resolve_emit(r, event, &op, SLOT_NONE, event->where, err);
}

int resolve_cache_end(struct resolve *r, const struct raw_event *event, struct err *err)
{
	struct trace_op op = { .kind = event->type == RAW_CACHE_DESTROY ? KIND_KMEM_CACHE_DESTROY :
		KIND_KMEM_CACHE_SHRINK, .node = -1 };
	uint32_t cache = gather_cache(r->g, event->link);
	int code;

	if (event->name) {
		op.name = resolve_string(r, event->name);
		if (op.name == UINT32_MAX)
			return resolve_no_memory(err);
	} else {
		code = resolve_cache(r, cache, &op.name, err);
		if (code < 0)
			return code;
	}
	return resolve_emit(r, event, &op, SLOT_NONE, event->where, err);
}

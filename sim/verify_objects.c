/*
 * verify_objects: the slab layer by itself. Each allocation's object is compared, and the model is put right after
 * each. The page allocator's answers are replaced by the recorded ones: of a slab that the kernel made, the model
 * is told where it lies and with which object its random order begins. That it makes one, for that object, is its
 * own choice.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/verify_objects_priv.h"

int objects_no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory to verify objects");
}

/*
 * Of which cache it is, and whether the model has a slab of that there. A slab of another one is dropped: the
 * recording misses that it went. Return: false when it is no object of a slab: the kernel has others for its memory
 * checks (kfence).
 */
static bool find_place(struct objects *o, struct object_alloc *alloc)
{
	const struct verify_event *event = alloc->event;
	uint32_t saved;

	alloc->cache = objects_named_cache(o, event);
	alloc->there = objects_at(o, event->where, &alloc->physical, &alloc->right);
	if (alloc->there) {
		uint32_t cache = slab_object_cache(objects_slab(o), alloc->right);

		if (cache == alloc->cache)
			return true;
		if (event->op->kind != KIND_KMALLOC &&
			slab_cache_geometry(objects_slab(o), cache)->size == event->op->size_alloc) {
			alloc->cache = cache;
			return true;
		}
		objects_drop_slab(o, slab_object_pfn(objects_slab(o), alloc->right), event->cpu);
		alloc->there = false;
	}
	if (alloc->cache == CACHE_NONE || !objects_find_block(o, alloc))
		return false;
	if (event->op->kind == KIND_KMALLOC)
		return true;
	saved = objects_saved_cache(o, alloc->physical >> o->page_shift);
	if (saved != CACHE_NONE && slab_cache_geometry(objects_slab(o), saved)->size == event->op->size_alloc)
		alloc->cache = saved;
	return true;
}

static void note_difference(struct objects *o, const struct object_alloc *alloc, struct slab_object wrong, bool grew)
{
	struct verify_difference *first = &o->count->first;
	const struct verify_event *event = alloc->event;
	struct slab_stats stats;
	char text[1024];

	if (first->there)
		return;
	slab_cache_stats(objects_slab(o), alloc->cache, &stats);
	if (!verify_differ(o->count, event, "%s on CPU %u: object at 0x%" PRIx64 "%s", stats.name, event->cpu,
		    event->where, alloc->there ? "" : ", the first of a new slab"))
		return;
	slab_describe(objects_slab(o), alloc->cache, event->cpu, text, sizeof(text));
	snprintf(first->model, sizeof(first->model), "object at 0x%" PRIx64 "%s; then: %s",
		slab_object_address(objects_slab(o), wrong) + o->pass.options->direct_map.base,
		grew ? ", of a new slab" : "", text);
}

static int alloc_event(struct objects *o, const struct verify_event *event, struct err *err)
{
	struct object_alloc alloc = { .event = event, .node = event->op->node };
	struct slab_object object;
	bool grew, known;
	int ret;

	if (!event->where || !find_place(o, &alloc))
		return 0;
	if (alloc.node >= (int)o->pass.options->machine->nr_nodes)
		alloc.node = -1;
	known = alloc.cache < o->nr_known && o->known[alloc.cache];
	o->count->checked += known;
	if (objects_take(o, &alloc, &object, &grew) != MM_DONE)
		return 0;
	if (objects_is_right(o, &alloc, object)) {
		o->count->equal += known;
		o->count->told += known && !alloc.there;
		return 0;
	}
	if (known)
		note_difference(o, &alloc, object, grew);
	ret = objects_put_right(o, &alloc, object, grew, err);
	if (ret > 0)
		o->count->assisted += known;
	return ret < 0 ? ret : 0;
}

static int free_event(struct objects *o, const struct verify_event *event)
{
	struct slab_object object;

	if (objects_freed(o, event, &object)) {
		objects_let_go(o, object);
		slab_free(objects_slab(o), object, event->cpu, &o->pass.meter);
	}
	return 0;
}

static void check_bytes(struct objects *o, const struct verify_event *event)
{
	const struct trace_op *op = event->op;
	uint64_t bytes;

	if (!op->size_alloc || op->flags & OP_BOOT)
		return;
	bytes = kmalloc_size(objects_slab(o), op->size, op->gfp);
	o->bytes->checked++;
	o->bytes->equal += bytes == op->size_alloc;
	if (bytes != op->size_alloc &&
		verify_differ(o->bytes, event, "kmalloc of %" PRIu64 " bytes, gfp 0x%x: %" PRIu64, op->size,
			(unsigned int)op->gfp, op->size_alloc))
		snprintf(o->bytes->first.model, sizeof(o->bytes->first.model), "%" PRIu64, bytes);
}

/* The model's page allocator has handed out what the kernel's has, so that slabs can lie where they do. */
static void follow_pages(struct objects *o, const struct verify_event *event)
{
	struct page_alloc *pages = o->pass.mm.pages;
	pfn_t pfn = event->where, end = pfn + (1ull << event->op->order);
	unsigned int order = event->op->order;
	bool give = event->op->kind == KIND_FREE_PAGES;

	if (give && page_alloc_allocated(pages, pfn, order)) {
		page_alloc_give(pages, pfn, order, event->cpu, &o->pass.meter);
		return;
	}
	if (!give && (page_alloc_allocated(pages, pfn, order) ||
			page_alloc_take_at(pages, pfn, order, MIGRATE_UNMOVABLE, event->cpu, &o->pass.meter)))
		return;
	for (; pfn < end; pfn++) {
		if (!give)
			page_alloc_take_at(pages, pfn, 0, MIGRATE_UNMOVABLE, event->cpu, &o->pass.meter);
		else if (page_alloc_allocated(pages, pfn, 0))
			page_alloc_give(pages, pfn, 0, event->cpu, &o->pass.meter);
	}
}

/* What the kernel hands out or takes back is no slab of the model, whatever it thinks. */
static int page_event(struct objects *o, const struct verify_event *event, struct err *err)
{
	if (!event->where || event->op->order >= PAGE_MAX_ORDERS)
		return 0;
	for (pfn_t pfn = event->where; pfn < event->where + (1ull << event->op->order); pfn++)
		objects_drop_slab(o, pfn, event->cpu);
	follow_pages(o, event);
	if (event->op->kind == KIND_FREE_PAGES)
		idmap_remove(&o->given, event->where);
	else if (idmap_put(&o->given, event->where, event->op->order + 1u) < 0)
		return objects_no_memory(err);
	return 0;
}

static int on_event(void *arg, const struct verify_event *event, struct err *err)
{
	struct objects *o = arg;
	uint32_t kind = event->op->kind;

	if (kind == KIND_KMALLOC)
		check_bytes(o, event);
	if (event->older) {
		if (kind == KIND_KMEM_CACHE_CREATE && event->op->flags & OP_BOOT)
			objects_cache_event(o, event);
		return 0;
	}
	if (objects_next_state(o, event, err) < 0)
		return -(int)err->code;
	switch (kind) {
	case KIND_KMALLOC:
		return event->op->size <= o->pass.options->machine->kmalloc.max_cache_size ?
			alloc_event(o, event, err) :
			0;
	case KIND_KMEM_CACHE_ALLOC:
		return alloc_event(o, event, err);
	case KIND_KMEM_CACHE_ALLOC_BULK:
		return objects_bulk_alloc(o, event, err);
	case KIND_KFREE:
	case KIND_KVFREE:
	case KIND_KMEM_CACHE_FREE:
		return free_event(o, event);
	case KIND_KMEM_CACHE_FREE_BULK:
		return objects_bulk_free(o, event, err);
	case KIND_ALLOC_PAGES:
	case KIND_FREE_PAGES:
		return page_event(o, event, err);
	case KIND_KMEM_CACHE_CREATE:
	case KIND_KMEM_CACHE_DESTROY:
	case KIND_KMEM_CACHE_SHRINK:
		objects_cache_event(o, event);
	}
	return 0;
}

static bool has_cache(const struct state *state, const char *name)
{
	for (size_t i = 0; i < state->nr_caches; i++)
		if (!strcmp(state->caches[i].name, name))
			return true;
	return false;
}

/*
 * The caches of the first state and, without slabs, those that later states have
 * beside them: what such a cache's random order is can only be known from there.
 */
static int all_caches(const struct verify_options *options, struct state *all, struct err *err)
{
	size_t cap = 0;

	*all = *options->states[0].state;
	for (uint32_t s = 0; s < options->nr_states; s++)
		cap += options->states[s].state->nr_caches;
	all->caches = malloc((cap + 1) * sizeof(*all->caches));
	if (!all->caches)
		return objects_no_memory(err);
	memcpy(all->caches, options->states[0].state->caches, all->nr_caches * sizeof(*all->caches));
	for (uint32_t s = 1; s < options->nr_states; s++) {
		const struct state *state = options->states[s].state;

		for (size_t i = 0; state->exact_slabs && i < state->nr_caches; i++) {
			struct state_cache *cache = &all->caches[all->nr_caches];

			if (has_cache(all, state->caches[i].name))
				continue;
			*cache = state->caches[i];
			cache->slabs = cache->objects = cache->active_objs = 0;
			all->nr_caches++;
		}
	}
	return 0;
}

static int objects_run(struct objects *o, struct err *err)
{
	uint32_t nr_ops = o->pass.tables->nr_ops;

	o->page_shift = o->pass.options->machine->page_shift;
	o->nr_slots = trace_meta(o->pass.reader)->slots;
	o->nr_known = slab_nr_caches(objects_slab(o));
	o->generation = 1;
	o->held = malloc(((size_t)o->nr_slots + 1) * sizeof(*o->held));
	o->cache_of_op = calloc(nr_ops + 1, sizeof(*o->cache_of_op));
	o->generation_of_op = calloc(nr_ops + 1, sizeof(*o->generation_of_op));
	o->known = calloc(o->nr_known + 1, sizeof(*o->known));
	o->last_wrong = malloc((o->nr_known + 1) * sizeof(*o->last_wrong));
	if (!o->held || !o->cache_of_op || !o->generation_of_op || !o->known || !o->last_wrong)
		return objects_no_memory(err);
	for (uint32_t slot = 0; slot < o->nr_slots; slot++)
		o->held[slot].slab = NO_OBJECT;
	for (uint32_t cache = 0; cache < o->nr_known; cache++) {
		o->known[cache] = slab_cache_live(objects_slab(o), cache);
		o->last_wrong[cache].slab = NO_OBJECT;
	}
	return verify_pass_run(&o->pass, on_event, o, err);
}

int verify_objects(const struct verify_options *options, struct verify_count *bytes, struct verify_count *objects,
	struct err *err)
{
	struct objects o = { .bytes = bytes, .count = objects };
	struct state state;
	int ret = all_caches(options, &state, err);

	if (ret < 0)
		return ret;
	ret = verify_pass_start(&o.pass, options, &state, true, err);
	if (ret == 0)
		ret = objects_run(&o, err);
	free(state.caches);
	free(o.held);
	free(o.last_wrong);
	free(o.cache_of_op);
	free(o.generation_of_op);
	free(o.known);
	free(o.by_pfn);
	free(o.bulk);
	idmap_fini(&o.holder);
	idmap_fini(&o.given);
	verify_pass_fini(&o.pass);
	return ret;
}

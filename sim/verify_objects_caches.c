/*
 * verify_objects_caches: whose object an allocation is. The recording names few caches before it sees slabs grow.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/verify_objects_priv.h"

uint32_t objects_saved_cache(const struct objects *o, pfn_t pfn)
{
	const struct state *state = o->next_state;
	const struct state_slab *slab;
	size_t low = 0, high = o->nr_by_pfn;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (state->slabs[o->by_pfn[middle]].pfn <= pfn)
			low = middle + 1;
		else
			high = middle;
	}
	slab = low ? &state->slabs[o->by_pfn[low - 1]] : NULL;
	if (!slab)
		return CACHE_NONE;
	return pfn - slab->pfn < 1ull << slab->order ?
		slab_cache_find(objects_slab(o), state->caches[slab->cache].name) :
		CACHE_NONE;
}

uint32_t objects_named_cache(struct objects *o, const struct verify_event *event)
{
	const struct trace_op *op = event->op;
	const char *name = o->pass.tables->strings[op->name];
	uint32_t *cache = &o->cache_of_op[event->op_no];

	if (o->generation_of_op[event->op_no] == o->generation)
		return *cache;
	o->generation_of_op[event->op_no] = o->generation;
	if (op->kind == KIND_KMALLOC) {
		*cache = kmalloc_class(objects_slab(o), op->size, op->gfp);
		return *cache;
	}
	*cache = slab_cache_find(objects_slab(o), name);
	if (*cache == CACHE_NONE) {
		struct slab_create create = { .name = name, .object_size = op->size ? (uint32_t)op->size : 64 };

		if (op->size_alloc)
			slab_infer_create(create.object_size, (uint32_t)op->size_alloc, &create.align, &create.flags);
		slab_cache_boot(objects_slab(o), &create, cache);
	}
	return *cache;
}

void objects_cache_event(struct objects *o, const struct verify_event *event)
{
	const struct trace_op *op = event->op;
	const char *name = o->pass.tables->strings[op->name];
	uint32_t cache = slab_cache_find(objects_slab(o), name);
	struct slab_create create = { .name = name, .object_size = (uint32_t)op->size, .align = (uint32_t)op->align,
		.flags = op->slab_flags };

	if (op->kind == KIND_KMEM_CACHE_SHRINK && cache != CACHE_NONE)
		slab_cache_shrink(objects_slab(o), cache, &o->pass.meter);
	else if (op->kind == KIND_KMEM_CACHE_DESTROY && cache != CACHE_NONE)
		slab_cache_destroy(objects_slab(o), cache, &o->pass.meter);
	else if (op->kind == KIND_KMEM_CACHE_CREATE && cache == CACHE_NONE && op->flags & OP_BOOT)
		slab_cache_boot(objects_slab(o), &create, &cache);
	else if (op->kind == KIND_KMEM_CACHE_CREATE && cache == CACHE_NONE)
		slab_cache_create(objects_slab(o), &create, &cache, &o->pass.meter);
	o->generation++;
}

static int compare_pfn(const void *a, const void *b, void *arg)
{
	const struct state_slab *slabs = arg;
	uint64_t x = slabs[*(const uint32_t *)a].pfn, y = slabs[*(const uint32_t *)b].pfn;

	return x < y ? -1 : x > y;
}

int objects_next_state(struct objects *o, const struct verify_event *event, struct err *err)
{
	const struct verify_options *options = o->pass.options;
	const struct state *state = o->next_state;
	uint32_t *by_pfn;

	if (state && (!event->entry || event->cpu >= state->nr_entries || event->entry <= state->entries[event->cpu]))
		return 0;
	if (o->next_number + 1 >= options->nr_states)
		return 0;
	state = options->states[++o->next_number].state;
	by_pfn = realloc(o->by_pfn, (state->nr_slabs + 1) * sizeof(*by_pfn));
	if (!by_pfn)
		return objects_no_memory(err);
	for (uint32_t i = 0; i < state->nr_slabs; i++)
		by_pfn[i] = i;
	qsort_r(by_pfn, state->nr_slabs, sizeof(*by_pfn), compare_pfn, state->slabs);
	o->by_pfn = by_pfn;
	o->nr_by_pfn = state->nr_slabs;
	o->next_state = state;
	return 0;
}

/*
 * First pass: what is behind mempools. Their creation names the pool and its data, which tell a slab or kmalloc
 * pool from one of pages; of pools with functions of their own, and of those older than the recording, their
 * elements tell.
 */
#include <string.h>

#include "traces/gather.h"

#define GENERATION_BITS 6u /* of a pool's key: pools may be made anew at the same address */
#define BACKING_BITS    2u /* of what is behind it */

_Static_assert(BACKING_OTHER < 1 << BACKING_BITS, "a backing has room");

static uint64_t pool_key(uint64_t address, uint32_t generation)
{
	return address << GENERATION_BITS | (generation & ((1u << GENERATION_BITS) - 1));
}

/* Which pool at that address, counted from those whose creation was seen. */
static uint32_t generation_of(const struct gather *g, uint64_t address)
{
	uint32_t generation = idmap_get(&g->pool_generation, address);

	return generation == IDMAP_NONE ? 0 : generation;
}

int pools_init(struct gather *g, struct gather_task *task, struct raw_event *event)
{
	uint32_t cache = event->aux ? idmap_get(&g->cache_of_s, event->aux) : IDMAP_NONE;

	event->link = cache == IDMAP_NONE ? CACHE_NONE : gather_cache(g, cache);
	task->filling = event->where;
	task->elements_left = event->size < UINT32_MAX ? (uint32_t)event->size : 0;
	task->array_bytes = 8 * event->size;
	task->filled_with_pages =
		event->link == CACHE_NONE && (event->aux <= POOL_ORDER_MAX || event->aux > POOL_SIZE_MAX);
	return idmap_put(&g->pool_generation, event->where, generation_of(g, event->where) + 1);
}

/* The first element tells. Return: 0, or -1: no memory. */
static int learn(struct gather *g, uint64_t pool, enum trace_backing backing, uint32_t detail)
{
	uint64_t key = pool_key(pool, generation_of(g, pool));

	if (idmap_get(&g->pool_backing, key) != IDMAP_NONE || detail > UINT32_MAX >> (BACKING_BITS + 1))
		return 0;
	return idmap_put(&g->pool_backing, key, detail << BACKING_BITS | backing);
}

static int learn_object(struct gather *g, uint64_t pool, const struct raw_event *event)
{
	if (event->type == RAW_KMALLOC)
		return learn(g, pool, BACKING_KMALLOC, (uint32_t)event->size);
	return event->link == CACHE_NONE ? 0 : learn(g, pool, BACKING_SLAB, event->link);
}

/* The pool of the innermost mempool_alloc() that is under way; 0: none. */
static uint64_t pool_of_call(const struct gather *g, const struct gather_task *task)
{
	for (uint32_t at = task->top; at != NO_FRAME; at = g->frames[at].below)
		if (g->frames[at].entry.type == RAW_POOL_ALLOC)
			return g->frames[at].entry.aux;
	return 0;
}

bool pools_object(const struct gather *g, const struct gather_task *task, const struct raw_event *event)
{
	/* Elements of a new pool: its creation has no recorded end, but the element allocator's caller is known. */
	return pool_of_call(g, task) || !strncmp(texts_at(&g->texts, event->call_site), "mempool_", 8);
}

int pools_learn_object(struct gather *g, struct gather_task *task, const struct raw_event *event)
{
	uint64_t pool = pool_of_call(g, task);

	if (event->origin != ORIGIN_MEMPOOL || !event->where)
		return 0;
	if (pool)
		return learn_object(g, pool, event);
	if (!task->elements_left)
		return 0;
	/* First its array, then its elements. */
	if (event->type == RAW_KMALLOC && event->size == task->array_bytes) {
		task->array_bytes = 0;
		return 0;
	}
	task->elements_left--;
	return learn_object(g, task->filling, event);
}

void pools_learn_page(struct gather *g, const struct raw_event *event, uint64_t pool)
{
	/* Without memory for it, the pool is one of which nothing is known. */
	if (event->where)
		(void)learn(g, pool, BACKING_PAGE, event->order);
}

bool pools_fills_page(struct gather *g, struct gather_task *task, const struct raw_event *event)
{
	if (!task->elements_left || !task->filled_with_pages || !event->where || task->top != NO_FRAME ||
		event->ctx & CTX_MASK)
		return false;
	task->elements_left--;
	pools_learn_page(g, event, task->filling);
	return true;
}

void pools_other_event(struct gather_task *task, const struct raw_event *event)
{
	if (event->ctx & CTX_MASK)
		return;
	if (event->type != RAW_KMALLOC && event->type != RAW_CACHE_ALLOC && event->type != RAW_PAGE_ALLOC &&
		event->type != RAW_SLAB_GROW && event->type != RAW_POOL_INIT)
		task->elements_left = 0;
}

bool gather_pool(const struct gather *g, uint64_t address, uint32_t generation, enum trace_backing *backing,
	uint32_t *detail)
{
	uint32_t found = idmap_get(&g->pool_backing, pool_key(address, generation));

	if (found == IDMAP_NONE)
		return false;
	*backing = (enum trace_backing)(found & ((1u << BACKING_BITS) - 1));
	*detail = found >> BACKING_BITS;
	return true;
}

void pools_fini(struct gather *g)
{
	idmap_fini(&g->pool_generation);
	idmap_fini(&g->pool_backing);
}

/*
 * slab: the SLAB allocator: each CPU has an array of free objects of each cache; behind it each node has shared
 * arrays and lists of full, partial and free slabs. Models mm/slab.c of kernel 6.1 (gone in 6.8) and, with kernel:
 * 2.6-classic, of 2.6; slab_engine_priv.h says what is where, and holds the invariants.
 * Simplified: debug flags change nothing, as in a kernel built without CONFIG_DEBUG_SLAB; freelists are not random.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bits.h"
#include "mm/slab_engine_priv.h"

#define ALIEN_LIMIT 12u /* objects on their way to one other node */

static __attribute__((noinline)) enum mm_answer alloc_slow(const struct engine_op *op, gfp_t gfp, int node,
	struct slab_object *object)
{
	bool local = node < 0 || (uint32_t)node >= op->engine->nr_nodes || !op->engine->numa.has_memory[node] ||
		(unsigned int)node == op->node;
	struct engine_array *array = engine_cpu_array(op->cache, op->cpu);

	if (local && slab_engine_refill(op, gfp)) {
		*object = array->entry[--array->avail];
	} else if (!slab_engine_take_from(op, gfp, local ? op->node : (unsigned int)node, object)) {
		return MM_FAILED;
	}
	op->cache->allocs++;
	return MM_DONE;
}

/* Models ____cache_alloc(): the newest object of the CPU's array. */
static enum mm_answer engine_alloc(void *state, uint32_t cache, gfp_t gfp, int node, unsigned int cpu,
	struct slab_object *object, struct meter *meter)
{
	struct slab_engine *engine = state;
	struct engine_cache *c = &engine->caches[cache];
	struct engine_array *array = engine_cpu_array(c, cpu);

	meter_charge(meter, STEP_SLAB_ARRAY, 1);
	/* alternate_node_alloc() */
	if (__builtin_expect(engine->nr_nodes > 1 && node < 0 && !(gfp & GFP_BIT_THISNODE), 0))
		node = (int)slab_policy_node(engine->pages, engine->numa.of_cpu[cpu]);
	if (__builtin_expect(!array->avail || (node >= 0 && node != engine->numa.of_cpu[cpu]), 0)) {
		struct engine_op op = engine_op_of(engine, cache, cpu, meter);

		if (node < 0 || !array->avail || ((uint32_t)node < engine->nr_nodes && engine->numa.has_memory[node]))
			return alloc_slow(&op, gfp, node, object);
	}
	array->touched = 1;
	*object = array->entry[--array->avail];
	c->allocs++;
	return MM_DONE;
}

/* Models ___cache_free(). */
static void engine_free(void *state, struct slab_object object, unsigned int cpu, struct meter *meter)
{
	struct slab_engine *engine = state;
	const struct engine_slab *slab = &engine->slabs[object.slab];
	struct engine_array *array = engine_cpu_array(&engine->caches[slab->cache], cpu);

	assert(slab->list != ENGINE_UNUSED && slab->active);
	meter_charge(meter, STEP_SLAB_ARRAY, 1);
	if (__builtin_expect(slab->node != engine->numa.of_cpu[cpu], 0)) {
		struct engine_op op = engine_op_of(engine, slab->cache, cpu, meter);

		slab_engine_free_alien(&op, object, slab->node);
		return;
	}
	if (__builtin_expect(array->avail == array->limit, 0)) {
		struct engine_op op = engine_op_of(engine, slab->cache, cpu, meter);

		slab_engine_flush(&op, array);
	}
	array->entry[array->avail++] = object;
}

/* Models kmem_cache_free_bulk(): one after the other. */
static void engine_free_bulk(void *state, struct slab_object *objects, uint32_t nr, unsigned int cpu,
	struct meter *meter)
{
	for (uint32_t i = 0; i < nr; i++)
		engine_free(state, objects[i], cpu, meter);
}

static uint32_t engine_cache_of(const void *state, struct slab_object object)
{
	const struct slab_engine *engine = state;

	return engine->slabs[object.slab].cache;
}

static pfn_t engine_pfn_of(const void *state, struct slab_object object)
{
	const struct slab_engine *engine = state;

	return engine->slabs[object.slab].pfn;
}

static bool engine_destroy(void *state, uint32_t cache, struct meter *meter)
{
	struct slab_engine *engine = state;
	struct engine_cache *c = &engine->caches[cache];

	if (slab_engine_shrink(state, cache, meter))
		return false;
	free(c->arrays);
	c->arrays = NULL;
	c->live = false;
	return true;
}

/* Room for one more cache in the two arrays by number. Return: 0, or -1. */
static int caches_grow(struct slab_engine *engine, uint32_t cache)
{
	uint32_t room = array_bigger(engine->room, cache);

	if (cache < engine->room)
		return 0;
	if (!array_resize(&engine->caches, sizeof(*engine->caches), room) ||
		!array_resize(&engine->nodes, engine->nr_nodes * sizeof(*engine->nodes), room))
		return -1;
	engine->room = room;
	return 0;
}

static uint32_t array_bytes(uint32_t limit)
{
	return (uint32_t)align_up(sizeof(struct engine_array) + limit * sizeof(struct slab_object), 64);
}

/* Models do_tune_cpucache() and init_cache_node(): empty arrays of their sizes. Return: 0, or -1. */
static int make_arrays(struct slab_engine *engine, struct engine_cache *c)
{
	const struct slab_geometry *g = &c->geometry;
	uint32_t nodes = engine->nr_nodes, shared = g->shared * g->batchcount;
	uint32_t alien = g->limit > 1 ? ALIEN_LIMIT : g->limit;
	size_t bytes;

	c->cpu_stride = array_bytes(g->limit);
	c->shared_stride = shared ? array_bytes(shared) : 0;
	c->alien_stride = nodes > 1 ? array_bytes(alien) : 0;
	bytes = (size_t)engine->nr_cpus * c->cpu_stride + (size_t)nodes * c->shared_stride +
		(size_t)nodes * nodes * c->alien_stride;
	c->arrays = calloc(1, bytes);
	if (!c->arrays)
		return -1;
	for (unsigned int cpu = 0; cpu < engine->nr_cpus; cpu++)
		*engine_cpu_array(c, cpu) = (struct engine_array){ .limit = g->limit, .batchcount = g->batchcount };
	for (unsigned int a = 0; a < nodes; a++) {
		if (shared)
			*engine_shared_array(engine, c, a) = (struct engine_array){ .limit = shared };
		for (unsigned int b = 0; nodes > 1 && b < nodes; b++)
			if (a != b)
				*engine_alien_array(engine, c, a, b) = (struct engine_array){ .limit = alien };
	}
	return 0;
}

static uint32_t cpus_of_node(const struct slab_engine *engine, unsigned int node)
{
	uint32_t cpus = 0;

	for (uint32_t cpu = 0; cpu < engine->nr_cpus; cpu++)
		cpus += engine->machine->node_of_cpu[cpu] == node;
	return cpus;
}

static int engine_cache_init(void *state, uint32_t cache, const struct slab_geometry *g, uint32_t flags)
{
	struct slab_engine *engine = state;
	struct engine_cache *c;

	if (caches_grow(engine, cache) < 0)
		return -1;
	c = &engine->caches[cache];
	*c = (struct engine_cache){ .geometry = *g, .flags = flags, .allocflags = slab_page_flags(g, flags) };
	if (make_arrays(engine, c) < 0)
		return -1;
	for (unsigned int node = 0; node < engine->nr_nodes; node++)
		*engine_node_of(engine, cache, node) = (struct engine_node){
			.head = { ENGINE_NONE, ENGINE_NONE, ENGINE_NONE },
			.tail = { ENGINE_NONE, ENGINE_NONE, ENGINE_NONE },
			.free_limit = (1 + cpus_of_node(engine, node)) * g->batchcount + g->objs_per_slab,
			.next_reap = engine->rounds[0] + 2,
		};
	c->live = true;
	engine->nr_caches = (uint32_t)max_u64(engine->nr_caches, cache + 1);
	return 0;
}

static void engine_fini(void *state)
{
	struct slab_engine *engine = state;

	for (uint32_t cache = 0; cache < engine->nr_caches; cache++)
		free(engine->caches[cache].arrays);
	free(engine->caches);
	free(engine->nodes);
	free(engine->rounds);
	free(engine->reap_node);
	slab_nodes_fini(&engine->numa);
	slab_engine_store_fini(engine);
}

static int engine_init(void *state, struct mm *mm, struct err *err)
{
	struct slab_engine *engine = state;
	int ret;

	engine->mm = mm;
	engine->machine = mm->machine;
	engine->pages = mm->pages;
	engine->nr_cpus = mm->machine->cpus;
	engine->nr_nodes = mm->machine->nr_nodes;
	ret = slab_engine_store_init(engine, err);
	if (ret < 0)
		return ret;
	engine->rounds = calloc(engine->nr_cpus, sizeof(*engine->rounds));
	engine->reap_node = calloc(engine->nr_cpus, sizeof(*engine->reap_node));
	if (!engine->rounds || !engine->reap_node || slab_nodes_init(&engine->numa, mm->machine) < 0) {
		engine_fini(engine);
		return err_set(err, ERR_NOMEM, "no memory for the reaper of %u CPUs", engine->nr_cpus);
	}
	for (uint32_t cpu = 0; cpu < engine->nr_cpus; cpu++)
		engine->reap_node[cpu] = (uint8_t)((engine->numa.of_cpu[cpu] + 1u) % engine->nr_nodes);
	return 0;
}

const struct slab_ops mech_slab_slab = {
	.mech = { .name = "slab", .slot = SLOT_SLAB, .state_size = sizeof(struct slab_engine),
		.init = engine_init, .fini = engine_fini, .check = slab_engine_check },
	.gone_since = "6.8",
	.kmalloc_min_size = SLAB_ENGINE_KMALLOC_MIN,
	.merging = MERGE_ALIGNED,
	.geometry = slab_engine_geometry,
	.cache_init = engine_cache_init,
	.alloc = engine_alloc,
	.free = engine_free,
	.free_bulk = engine_free_bulk,
	.shrink = slab_engine_shrink,
	.destroy = engine_destroy,
	.reap = slab_engine_reap,
	.cache_of = engine_cache_of,
	.pfn_of = engine_pfn_of,
	.object_live = slab_engine_object_live,
	.stats = slab_engine_stats,
	.object_at = slab_engine_object_at,
	.address_of = slab_engine_address_of,
};

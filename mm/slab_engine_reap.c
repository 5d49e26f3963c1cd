/* The reaper of SLAB, shrink and shutdown. Models cache_reap(), __kmem_cache_shrink() and drain_cpu_caches(). */
#include "mm/slab_engine_priv.h"

#define NODE_ROUNDS 2u /* REAPTIMEOUT_NODE is twice REAPTIMEOUT_AC */

/* Models drain_freelist(): up to @most free slabs, the last one first. */
static void drain_free(const struct engine_op *op, unsigned int node, uint32_t most)
{
	struct engine_node *n = engine_node_of(op->engine, op->cache_nr, node);

	for (; most && n->tail[ENGINE_FREE] != ENGINE_NONE; most--) {
		uint32_t number = n->tail[ENGINE_FREE];

		slab_engine_list_remove(op->engine, number);
		n->free_objects -= op->cache->geometry.objs_per_slab;
		slab_engine_destroy(op, number);
	}
}

/* Models drain_array(): an array that was used in between is left alone once. */
static void drain_array(const struct engine_op *op, struct engine_array *array)
{
	uint32_t nr;

	if (!array || !array->avail)
		return;
	if (array->touched) {
		array->touched = 0;
		return;
	}
	nr = (array->limit + 4) / 5;
	if (nr > array->avail)
		nr = (array->avail + 1) / 2;
	slab_engine_drop_front(op, array, nr, op->node);
}

static void reap_cache(const struct engine_op *op, uint32_t round)
{
	struct slab_engine *engine = op->engine;
	struct engine_node *n = engine_node_of(engine, op->cache_nr, op->node);
	struct engine_array *alien = engine_alien_array(engine, op->cache, op->node, engine->reap_node[op->cpu]);
	uint32_t num = op->cache->geometry.objs_per_slab;

	if (alien)
		slab_engine_drain_alien(op, alien, engine->reap_node[op->cpu]);
	drain_array(op, engine_cpu_array(op->cache, op->cpu));
	if (n->next_reap > round)
		return;
	n->next_reap = round + NODE_ROUNDS;
	drain_array(op, engine_shared_array(engine, op->cache, op->node));
	if (n->free_touched)
		n->free_touched = false;
	else
		drain_free(op, op->node, (n->free_limit + 5 * num - 1) / (5 * num));
}

/* SLAB_NO_REAP is of 2.6-classic only: the flag went with 2.6.16. */
static bool is_reaped(const struct slab_engine *engine, const struct engine_cache *cache)
{
	return cache->live &&
		!(engine->machine->behaviour == BEHAVIOUR_2_6_CLASSIC && (cache->flags & SLAB_NO_REAP));
}

/*
 * The newest cache comes first, as in the kernel's list.
 * Simplified: a node's part comes in every second round of its first CPU; the kernel staggers caches by the addresses
 * of their descriptors, which a model does not have.
 */
void slab_engine_reap(void *state, unsigned int cpu, struct meter *meter)
{
	struct slab_engine *engine = state;
	uint32_t round = ++engine->rounds[cpu];

	for (uint32_t cache = engine->nr_caches; cache-- > 0;) {
		struct engine_op op = engine_op_of(engine, cache, cpu, meter);

		if (is_reaped(engine, op.cache))
			reap_cache(&op, round);
	}
	engine->reap_node[cpu] = (uint8_t)((engine->reap_node[cpu] + 1u) % engine->nr_nodes);
}

/* Models drain_cpu_caches(): all arrays are emptied into the slabs. */
static void drain_arrays(const struct engine_op *on)
{
	struct slab_engine *engine = on->engine;
	uint32_t nodes = engine->nr_nodes;

	for (unsigned int cpu = 0; cpu < engine->nr_cpus; cpu++) {
		struct engine_op op = engine_op_of(engine, on->cache_nr, cpu, on->meter);
		struct engine_array *array = engine_cpu_array(op.cache, cpu);

		if (array->avail)
			slab_engine_drop_front(&op, array, array->avail, op.node);
	}
	for (unsigned int i = 0; i < nodes * nodes; i++) {
		struct engine_array *alien = engine_alien_array(engine, on->cache, i / nodes, i % nodes);

		if (alien)
			slab_engine_drain_alien(on, alien, i % nodes);
	}
	for (unsigned int node = 0; node < nodes; node++) {
		struct engine_array *shared = engine_shared_array(engine, on->cache, node);

		if (shared && shared->avail)
			slab_engine_drop_front(on, shared, shared->avail, node);
	}
}

uint64_t slab_engine_shrink(void *state, uint32_t cache, struct meter *meter)
{
	struct slab_engine *engine = state;
	struct engine_op op = engine_op_of(engine, cache, 0, meter);
	uint64_t left = 0;

	drain_arrays(&op);
	for (unsigned int node = 0; node < engine->nr_nodes; node++) {
		const struct engine_node *n = engine_node_of(engine, cache, node);

		drain_free(&op, node, UINT32_MAX);
		left += n->nr[ENGINE_PARTIAL] + n->nr[ENGINE_FULL];
	}
	return left;
}

/*
 * slub: the SLUB allocator: each CPU takes objects from its own slab and frees to whatever slab they are from.
 * Models mm/slub.c of kernel 6.1; slub_priv.h says what is where, and holds the invariants.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bits.h"
#include "mm/slub_priv.h"

#define BULK_LOOKAHEAD 3 /* objects of other slabs at which gathering a bulk free gives up */

static inline void pop(struct slub_cpu *c, struct slab_object *object)
{
	object->slab = c->slab;
	object->index = c->freelist;
	c->freelist = c->links[c->freelist];
	c->allocs++;
}

/*
 * Models alloc_single_from_partial(), alloc_single_from_new_slab(): debug caches take one object at a time.
 * Simplified: they do not take from other nodes' lists, because debugging is done on small machines.
 */
static enum mm_answer debug_alloc(const struct slub_op *op, struct slab_object *object)
{
	struct slub *slub = op->slub;
	unsigned int node = op->node >= 0 ? (unsigned int)op->node : slub->numa.of_cpu[op->cpu];
	uint32_t number = slub_node_of(slub, op->cache_nr, node)->head;
	struct slub_slab *slab;

	if (number == SLAB_NONE) {
		enum mm_answer answer = slub_new_slab(op, &number);

		if (answer != MM_DONE)
			return answer;
		slub_partial_add(slub, number, false);
	}
	slab = &slub->store.slabs[number];
	meter_charge_locked(op->meter, STEP_LIST_LOCK, 1, LOCK_LIST(slab->node));
	meter_charge_locked(op->meter, STEP_SLAB_NODE_PARTIAL, 1, LOCK_LIST(slab->node));
	object->slab = number;
	object->index = slab->freelist;
	slab->freelist = slub_links(slub, slab)[slab->freelist];
	slab->inuse++;
	op->c->allocs++;
	if (slab->freelist == OBJECT_NONE)
		slub_partial_remove(slub, number);
	return MM_DONE;
}

/*
 * Gives the CPU a current slab with a non-empty freelist, from its stack, a node's list, or new pages. Models
 * ___slab_alloc(). A current slab whose freelist and the CPU's are both used up is full: it is let go, on no list.
 */
static enum mm_answer refill(const struct slub_op *op)
{
	struct slub_cpu *c = op->c;
	uint32_t number;
	enum mm_answer answer;

	for (;;) {
		struct slub_slab *slab;

		if (c->slab == SLAB_NONE) {
			number = c->partial;
			if (number == SLAB_NONE)
				break;
			c->partial = op->slub->store.slabs[number].next;
			slub_load(op, number);
			meter_charge(op->meter, STEP_SLAB_CPU_PARTIAL, 1);
		}
		if (op->node >= 0 && op->node != c->node) {
			slub_deactivate(op);
			continue;
		}
		if (c->freelist != OBJECT_NONE)
			return MM_DONE;
		slab = &op->slub->store.slabs[c->slab];
		if (slab->freelist != OBJECT_NONE) {
			slub_take_freelist(op);
			meter_charge(op->meter, STEP_SLAB_TAKE_FREELIST, 1);
			return MM_DONE;
		}
		slab->place = SLUB_FULL;
		c->slab = SLAB_NONE;
	}
	if (slub_get_partial(op))
		return MM_DONE;
	answer = slub_new_slab(op, &number);
	if (answer == MM_DONE) {
		slub_load(op, number);
		slub_take_freelist(op);
	}
	return answer;
}

/* Out of line and with the parameters of slub_alloc(), which so needs no stack for the usual request. */
static __attribute__((noinline)) enum mm_answer alloc_slow(void *state, uint32_t cache, gfp_t gfp, int node,
	unsigned int cpu, struct slab_object *object, struct meter *meter)
{
	struct slub *slub = state;
	struct slub_op op = slub_op_of(slub, cache, cpu, meter);
	enum mm_answer answer;

	op.gfp = gfp;
	if (node >= 0 && (uint32_t)node < slub->nr_nodes && slub->numa.has_memory[node])
		op.node = node;
	if (op.cache->debug)
		return debug_alloc(&op, object);
	answer = refill(&op);
	if (answer == MM_DONE) {
		meter_charge(meter, STEP_CACHE_COLD, 1);
		pop(op.c, object);
	}
	return answer;
}

static enum mm_answer slub_alloc(void *state, uint32_t cache, gfp_t gfp, int node, unsigned int cpu,
	struct slab_object *object, struct meter *meter)
{
	struct slub *slub = state;
	struct slub_cpu *c = slub_cpu_of(slub, cache, cpu);

	meter_charge(meter, STEP_SLAB_ALLOC_FAST, 1);
	if (__builtin_expect(c->freelist == OBJECT_NONE || (node >= 0 && node != c->node), 0))
		return alloc_slow(state, cache, gfp, node, cpu, object, meter);
	pop(c, object);
	return MM_DONE;
}

/* Models free_debug_processing(): no CPU slab, no stack; a slab that was full comes back to the list's tail. */
static void debug_free(const struct slub_op *op, uint32_t number, bool was_full)
{
	struct slub *slub = op->slub;
	struct slub_slab *slab = &slub->store.slabs[number];
	struct slub_node *n = slub_node_of(slub, op->cache_nr, slab->node);
	bool discard = !slab->inuse && n->nr_partial >= op->cache->geometry.min_partial;

	meter_charge_locked(op->meter, STEP_LIST_LOCK, 1, LOCK_LIST(slab->node));
	if (was_full && !discard)
		slub_partial_add(slub, number, true);
	else if (!was_full && discard)
		slub_partial_remove(slub, number);
	if (discard)
		slub_discard(op, number);
}

/*
 * Models __slab_free() for a chain of @nr objects, @head to @tail, of one slab that is not the CPU's current one.
 */
static void free_slow(const struct slub_op *op, uint32_t number, const uint16_t chain[2], uint32_t nr)
{
	struct slub *slub = op->slub;
	struct slub_slab *slab = &slub->store.slabs[number];
	struct slub_node *n = slub_node_of(slub, op->cache_nr, slab->node);
	bool was_full = slab->freelist == OBJECT_NONE;

	assert(slab->place != SLUB_UNUSED && slab->inuse >= nr && chain[0] < slab->objects);
	meter_charge(op->meter, STEP_SLAB_FREE_SLOW, 1);
	slub_links(slub, slab)[chain[1]] = slab->freelist;
	slab->freelist = chain[0];
	slab->inuse = (uint16_t)(slab->inuse - nr);
	if (slab->place == SLUB_CPU || slab->place == SLUB_CPU_PARTIAL)
		return;
	if (op->cache->debug) {
		debug_free(op, number, was_full);
		return;
	}
	if (was_full && op->cache->has_cpu_partial) {
		slub_cpu_partial_put(op, number, true);
		return;
	}
	if (slab->inuse && !was_full)
		return;
	meter_charge_locked(op->meter, STEP_LIST_LOCK, 1, LOCK_LIST(slab->node));
	if (!slab->inuse && n->nr_partial >= op->cache->geometry.min_partial) {
		if (!was_full)
			slub_partial_remove(slub, number);
		slub_discard(op, number);
	} else if (was_full) {
		slub_partial_add(slub, number, true);
	}
}

/* Out of line, as alloc_slow(). */
static __attribute__((noinline)) void free_one_slow(struct slub *slub, struct slab_object object, unsigned int cpu,
	struct meter *meter)
{
	struct slub_op op = slub_op_of(slub, slub->store.slabs[object.slab].cache, cpu, meter);
	uint16_t chain[2] = { (uint16_t)object.index, (uint16_t)object.index };

	free_slow(&op, object.slab, chain, 1);
}

static void slub_free(void *state, struct slab_object object, unsigned int cpu, struct meter *meter)
{
	struct slub *slub = state;
	const struct slub_slab *slab = &slub->store.slabs[object.slab];
	struct slub_cpu *c = slub_cpu_of(slub, slab->cache, cpu);

	if (__builtin_expect(c->slab == object.slab, 1)) {
		assert(object.index < slab->objects && object.index != c->freelist);
		c->links[object.index] = c->freelist;
		c->freelist = (uint16_t)object.index;
		meter_charge(meter, STEP_SLAB_FREE_FAST, 1);
		return;
	}
	free_one_slow(slub, object, cpu, meter);
}

/*
 * Models build_detached_freelist() and the reversal in slab_free_freelist_hook(): objects of the last one's slab are
 * chained, the one with the highest index in front. Found beyond a gap they change places with it.
 * Return: objects that are left, objects[0 .. left - 1].
 */
static uint32_t gather(const struct slub *slub, struct slab_object *objects, uint32_t nr, uint16_t chain[2])
{
	uint32_t number = objects[nr - 1].slab, left = nr - 1;
	uint16_t *links = slub_links(slub, &slub->store.slabs[number]);
	int lookahead = BULK_LOOKAHEAD;

	chain[0] = chain[1] = (uint16_t)objects[left].index;
	for (uint32_t i = left; i-- > 0;) {
		struct slab_object object = objects[i];

		if (object.slab != number) {
			if (--lookahead == 0)
				break;
			continue;
		}
		links[chain[1]] = (uint16_t)object.index;
		chain[1] = (uint16_t)object.index;
		left--;
		objects[i] = objects[left];
		objects[left] = object;
	}
	return left;
}

static void slub_free_bulk(void *state, struct slab_object *objects, uint32_t nr, unsigned int cpu, struct meter *meter)
{
	struct slub *slub = state;

	while (nr) {
		uint32_t number = objects[nr - 1].slab;
		struct slub_op op = slub_op_of(slub, slub->store.slabs[number].cache, cpu, meter);
		uint16_t chain[2];
		uint32_t left = gather(slub, objects, nr, chain);

		if (op.c->slab == number) {
			op.c->links[chain[1]] = op.c->freelist;
			op.c->freelist = chain[0];
			meter_charge(meter, STEP_SLAB_FREE_FAST, 1);
		} else {
			free_slow(&op, number, chain, nr - left);
		}
		nr = left;
	}
}

static bool slub_destroy(void *state, uint32_t cache, struct meter *meter)
{
	struct slub *slub = state;
	struct slub_op op = slub_op_of(slub, cache, 0, meter);

	if (!slub_shutdown(&op))
		return false;
	free(op.cache->random_seq);
	op.cache->random_seq = NULL;
	op.cache->live = false;
	return true;
}

static uint32_t slub_cache_of(const void *state, struct slab_object object)
{
	const struct slub *slub = state;

	return slub->store.slabs[object.slab].cache;
}

static pfn_t slub_pfn_of(const void *state, struct slab_object object)
{
	const struct slub *slub = state;

	return slub->store.slabs[object.slab].pfn;
}

/* Room for one more cache in the three arrays by number. Return: 0, or -1. */
static int caches_grow(struct slub *slub, uint32_t cache)
{
	uint32_t room = array_bigger(slub->room, cache);
	void *cpus;

	if (cache < slub->room)
		return 0;
	if (!array_resize(&slub->caches, sizeof(*slub->caches), room) ||
		!array_resize(&slub->nodes, slub->nr_nodes * sizeof(*slub->nodes), room))
		return -1;
	cpus = aligned_alloc(64, (size_t)room * slub->nr_cpus * sizeof(*slub->cpus));
	if (!cpus)
		return -1;
	if (slub->room)
		memcpy(cpus, slub->cpus, (size_t)slub->room * slub->nr_cpus * sizeof(*slub->cpus));
	free(slub->cpus);
	slub->cpus = cpus;
	slub->room = room;
	return 0;
}

static int slub_cache_init(void *state, uint32_t cache, const struct slab_geometry *geometry, uint32_t flags)
{
	struct slub *slub = state;
	struct slub_cache *c;

	if (caches_grow(slub, cache) < 0)
		return -1;
	c = &slub->caches[cache];
	*c = (struct slub_cache){ .geometry = *geometry, .flags = flags, .allocflags = slab_page_flags(geometry, flags),
		.live = true, .next_start = OBJECT_NONE, .next_pfn = SLAB_NONE,
		.debug = (flags & SLAB_DEBUG_FLAGS) != 0 };
	c->has_cpu_partial = !c->debug && slub->machine->slab.cpu_partial != 0;
	for (unsigned int cpu = 0; cpu < slub->nr_cpus; cpu++)
		*slub_cpu_of(slub, cache, cpu) = (struct slub_cpu){ .slab = SLAB_NONE, .partial = SLAB_NONE,
			.freelist = OBJECT_NONE };
	for (unsigned int node = 0; node < slub->nr_nodes; node++)
		*slub_node_of(slub, cache, node) = (struct slub_node){ .head = SLAB_NONE, .tail = SLAB_NONE };
	if (slub_randomize(slub, c) < 0) {
		c->live = false;
		return -1;
	}
	slub->nr_caches = (uint32_t)max_u64(slub->nr_caches, cache + 1);
	return 0;
}

static void slub_fini(void *state)
{
	struct slub *slub = state;

	for (uint32_t cache = 0; cache < slub->nr_caches; cache++)
		free(slub->caches[cache].random_seq);
	free(slub->caches);
	free(slub->nodes);
	free(slub->cpus);
	slab_nodes_fini(&slub->numa);
	slub_store_fini(&slub->store);
}

static int slub_init(void *state, struct mm *mm, struct err *err)
{
	struct slub *slub = state;
	int ret;

	slub->machine = mm->machine;
	slub->pages = mm->pages;
	slub->nr_cpus = mm->machine->cpus;
	slub->nr_nodes = mm->machine->nr_nodes;
	rng_init(&slub->freelist_rng, mm->seed, "slub_freelist");
	rng_init(&slub->defrag_rng, mm->seed, "slub_defrag");
	rng_init(&slub->load_rng, mm->seed, "slub_load");
	ret = slub_store_init(&slub->store, mm->machine, err);
	if (ret < 0)
		return ret;
	if (slab_nodes_init(&slub->numa, mm->machine) < 0) {
		slub_fini(slub);
		return err_set(err, ERR_NOMEM, "no memory for the order of %u nodes", slub->nr_nodes);
	}
	return 0;
}

const struct slab_ops mech_slab_slub = {
	.mech = { .name = "slub", .slot = SLOT_SLAB, .state_size = sizeof(struct slub),
		.init = slub_init, .fini = slub_fini, .check = slub_check },
	.geometry = slab_geometry_of,
	.cache_init = slub_cache_init,
	.alloc = slub_alloc,
	.free = slub_free,
	.free_bulk = slub_free_bulk,
	.shrink = slub_shrink,
	.destroy = slub_destroy,
	.cache_of = slub_cache_of,
	.pfn_of = slub_pfn_of,
	.object_live = slub_object_live,
	.stats = slub_stats,
	.cache_pages = slub_cache_pages,
	.load = slub_load_state,
	.assume_live = slub_assume_live,
	.object_at = slub_object_at,
	.address_of = slub_address_of,
	.claim = slub_claim,
	.unclaim = slub_unclaim,
	.switch_to = slub_switch_to,
	.next_start = slub_next_start,
	.next_pfn = slub_next_pfn,
	.grow_at = slub_grow_at,
	.drop_at = slub_drop_at,
	.describe = slub_describe,
};

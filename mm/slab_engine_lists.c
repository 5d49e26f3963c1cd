/*
 * What lies behind the CPUs' arrays of SLAB: the nodes' lists of slabs, shared and alien arrays. Models
 * cache_alloc_refill(), cache_flusharray(), free_block() and the like of mm/slab.c.
 */
#include <assert.h>
#include <string.h>

#include "base/bits.h"
#include "mm/slab_engine_priv.h"

#define BATCH_REFILL_LIMIT 16u /* BATCHREFILL_LIMIT: for an array that nobody touched since the reaper came by */

void slab_engine_list_add(struct slab_engine *engine, uint32_t number, enum engine_list list, bool tail)
{
	struct engine_slab *slabs = engine->slabs, *slab = &slabs[number];
	struct engine_node *n = engine_node_of(engine, slab->cache, slab->node);

	slab->list = (uint8_t)list;
	slab->prev = tail ? n->tail[list] : ENGINE_NONE;
	slab->next = tail ? ENGINE_NONE : n->head[list];
	if (slab->prev != ENGINE_NONE)
		slabs[slab->prev].next = number;
	else
		n->head[list] = number;
	if (slab->next != ENGINE_NONE)
		slabs[slab->next].prev = number;
	else
		n->tail[list] = number;
	n->nr[list]++;
}

void slab_engine_list_remove(struct slab_engine *engine, uint32_t number)
{
	struct engine_slab *slabs = engine->slabs, *slab = &slabs[number];
	struct engine_node *n = engine_node_of(engine, slab->cache, slab->node);

	if (slab->prev != ENGINE_NONE)
		slabs[slab->prev].next = slab->next;
	else
		n->head[slab->list] = slab->next;
	if (slab->next != ENGINE_NONE)
		slabs[slab->next].prev = slab->prev;
	else
		n->tail[slab->list] = slab->prev;
	n->nr[slab->list]--;
}

/* Models transfer_objects(): the newest of @from, in their order. Return: how many. */
static uint32_t transfer(struct engine_array *to, struct engine_array *from, uint32_t most)
{
	uint32_t nr = (uint32_t)min_u64(min_u64(from->avail, most), to->limit - to->avail);

	memcpy(&to->entry[to->avail], &from->entry[from->avail - nr], nr * sizeof(to->entry[0]));
	to->avail += nr;
	from->avail -= nr;
	return nr;
}

/* Models alloc_block(): up to @most objects of a slab into the array. Return: how many. */
static uint32_t take_block(const struct engine_op *op, uint32_t number, struct engine_array *array, uint32_t most)
{
	struct engine_slab *slab = &op->engine->slabs[number];
	const uint16_t *links = engine_links(op->engine, slab);
	uint32_t nr = (uint32_t)min_u64(most, op->cache->geometry.objs_per_slab - slab->active);

	for (uint32_t i = 0; i < nr; i++)
		array->entry[array->avail++] = (struct slab_object){ number, links[slab->active++] };
	return nr;
}

/* Models get_first_slab(): partial slabs first. ENGINE_NONE: there is neither a partial nor a free one. */
static uint32_t first_slab(struct engine_node *n)
{
	if (n->head[ENGINE_PARTIAL] != ENGINE_NONE)
		return n->head[ENGINE_PARTIAL];
	n->free_touched = true;
	return n->head[ENGINE_FREE];
}

/* Models fixup_slab_list(): after objects were taken from a slab of a list. */
static void fix_up(const struct engine_op *op, uint32_t number)
{
	bool full = op->engine->slabs[number].active == op->cache->geometry.objs_per_slab;

	slab_engine_list_remove(op->engine, number);
	slab_engine_list_add(op->engine, number, full ? ENGINE_FULL : ENGINE_PARTIAL, false);
}

/* Objects from the node's slabs. Return: how many. */
static uint32_t take_from_slabs(const struct engine_op *op, struct engine_array *array, uint32_t batch)
{
	struct engine_node *n = engine_node_of(op->engine, op->cache_nr, op->node);
	uint32_t taken = 0;

	while (taken < batch) {
		uint32_t number = first_slab(n);

		if (number == ENGINE_NONE)
			break;
		taken += take_block(op, number, array, batch - taken);
		fix_up(op, number);
	}
	n->free_objects -= taken;
	return taken;
}

static void charge(const struct engine_op *op, enum machine_step step, enum machine_step each, uint32_t nr,
	unsigned int node)
{
	meter_charge_locked(op->meter, step, 1, LOCK_LIST(node));
	meter_charge_locked(op->meter, each, nr, LOCK_LIST(node));
}

static gfp_t exact_node(gfp_t gfp)
{
	return (gfp | GFP_BIT_THISNODE | GFP_BIT_NOWARN) & ~GFP_BIT_NOFAIL;
}

bool slab_engine_refill(const struct engine_op *op, gfp_t gfp)
{
	struct engine_array *array = engine_cpu_array(op->cache, op->cpu);
	struct engine_array *shared = engine_shared_array(op->engine, op->cache, op->node);
	const struct engine_node *n = engine_node_of(op->engine, op->cache_nr, op->node);
	uint32_t batch = array->batchcount, taken = 0, number;

	if (!array->touched && batch > BATCH_REFILL_LIMIT)
		batch = BATCH_REFILL_LIMIT;
	if (n->free_objects || (shared && shared->avail)) {
		if (shared)
			taken = transfer(array, shared, batch);
		if (taken)
			shared->touched = 1;
		else
			taken = take_from_slabs(op, array, batch);
		charge(op, STEP_SLAB_REFILL, STEP_SLAB_REFILL_OBJECT, taken, op->node);
	}
	if (!taken) {
		number = slab_engine_grow(op, exact_node(gfp), (int)op->node);
		/* Reclaim in that call may have freed objects of the cache: they are in the array. */
		if (number != ENGINE_NONE && !array->avail) {
			taken = take_block(op, number, array, batch);
			charge(op, STEP_SLAB_REFILL, STEP_SLAB_REFILL_OBJECT, taken, op->node);
		}
		if (number != ENGINE_NONE)
			slab_engine_grown(op, number);
		if (!array->avail)
			return false;
	}
	array->touched = 1;
	return true;
}

/* The one object that is next in a slab. */
static struct slab_object take_one(const struct engine_op *op, uint32_t number)
{
	struct engine_slab *slab = &op->engine->slabs[number];

	return (struct slab_object){ number, engine_links(op->engine, slab)[slab->active++] };
}

static bool take_existing(const struct engine_op *op, unsigned int node, struct slab_object *object)
{
	struct engine_node *n = engine_node_of(op->engine, op->cache_nr, node);
	uint32_t number = first_slab(n);

	charge(op, STEP_SLAB_REFILL, STEP_SLAB_REFILL_OBJECT, 1, node);
	if (number == ENGINE_NONE)
		return false;
	*object = take_one(op, number);
	n->free_objects--;
	fix_up(op, number);
	return true;
}

/* Models fallback_alloc(): what other nodes have, nearest first; then pages from wherever there are some. */
static bool fall_back(const struct engine_op *op, gfp_t gfp, struct slab_object *object)
{
	struct slab_engine *engine = op->engine;
	const uint8_t *nearest = &engine->numa.nearest[op->node * engine->nr_nodes];
	uint32_t number;

	if (gfp & GFP_BIT_THISNODE)
		return false;
	for (uint32_t i = 0; i < engine->nr_nodes; i++)
		if (engine_node_of(engine, op->cache_nr, nearest[i])->free_objects &&
				take_existing(op, nearest[i], object))
			return true;
	number = slab_engine_grow(op, gfp, (int)op->node);
	if (number == ENGINE_NONE)
		return false;
	slab_engine_grown(op, number);
	return take_existing(op, engine->slabs[number].node, object);
}

bool slab_engine_take_from(const struct engine_op *op, gfp_t gfp, unsigned int node, struct slab_object *object)
{
	uint32_t number;

	if (take_existing(op, node, object))
		return true;
	number = slab_engine_grow(op, exact_node(gfp), (int)node);
	if (number == ENGINE_NONE)
		return fall_back(op, gfp, object);
	*object = take_one(op, number);
	slab_engine_grown(op, number);
	return true;
}

/*
 * Models slab_put_obj(), and where the slab then belongs:
 * free ones first of theirs, others last of the partial ones.
 */
static void put_object(struct slab_engine *engine, struct slab_object object)
{
	struct engine_slab *slab = &engine->slabs[object.slab];

	assert(slab->list != ENGINE_UNUSED && slab->active);
	engine_links(engine, slab)[--slab->active] = (uint16_t)object.index;
	slab_engine_list_remove(engine, object.slab);
	if (!slab->active)
		slab_engine_list_add(engine, object.slab, ENGINE_FREE, false);
	else
		slab_engine_list_add(engine, object.slab, ENGINE_PARTIAL, true);
}

void slab_engine_free_block(const struct engine_op *op, const struct slab_object *objects, uint32_t nr,
	unsigned int node)
{
	struct slab_engine *engine = op->engine;
	struct engine_node *n = engine_node_of(engine, op->cache_nr, node);
	uint32_t going = ENGINE_NONE;

	for (uint32_t i = 0; i < nr; i++)
		put_object(engine, objects[i]);
	n->free_objects += nr;
	while (n->free_objects > n->free_limit && n->tail[ENGINE_FREE] != ENGINE_NONE) {
		uint32_t number = n->tail[ENGINE_FREE];

		slab_engine_list_remove(engine, number);
		n->free_objects -= op->cache->geometry.objs_per_slab;
		engine->slabs[number].next = going;
		going = number;
	}
	/* Their pages go back when the lock is free again, the last one found first. */
	while (going != ENGINE_NONE) {
		uint32_t number = going;

		going = engine->slabs[number].next;
		slab_engine_destroy(op, number);
	}
}

void slab_engine_drop_front(const struct engine_op *op, struct engine_array *array, uint32_t nr, unsigned int node)
{
	charge(op, STEP_SLAB_FLUSH, STEP_SLAB_FLUSH_OBJECT, nr, node);
	slab_engine_free_block(op, array->entry, nr, node);
	array->avail -= nr;
	memmove(array->entry, &array->entry[nr], array->avail * sizeof(array->entry[0]));
}

void slab_engine_flush(const struct engine_op *op, struct engine_array *array)
{
	struct engine_array *shared = engine_shared_array(op->engine, op->cache, op->node);
	uint32_t batch = array->batchcount;

	if (!shared || shared->avail == shared->limit) {
		slab_engine_drop_front(op, array, batch, op->node);
		return;
	}
	batch = (uint32_t)min_u64(batch, shared->limit - shared->avail);
	charge(op, STEP_SLAB_FLUSH, STEP_SLAB_FLUSH_OBJECT, batch, op->node);
	memcpy(&shared->entry[shared->avail], array->entry, batch * sizeof(array->entry[0]));
	shared->avail += batch;
	array->avail -= batch;
	memmove(array->entry, &array->entry[batch], array->avail * sizeof(array->entry[0]));
}

void slab_engine_drain_alien(const struct engine_op *op, struct engine_array *alien, unsigned int node)
{
	struct engine_array *shared = engine_shared_array(op->engine, op->cache, node);

	if (!alien->avail)
		return;
	charge(op, STEP_SLAB_FLUSH, STEP_SLAB_FLUSH_OBJECT, alien->avail, node);
	if (shared)
		transfer(shared, alien, alien->limit);
	slab_engine_free_block(op, alien->entry, alien->avail, node);
	alien->avail = 0;
}

void slab_engine_free_alien(const struct engine_op *op, struct slab_object object, unsigned int node)
{
	struct engine_array *alien = engine_alien_array(op->engine, op->cache, op->node, node);

	if (alien->avail == alien->limit)
		slab_engine_drain_alien(op, alien, node);
	alien->entry[alien->avail++] = object;
}

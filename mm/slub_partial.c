/*
 * Slabs that are partly in use: the current slab of a CPU, its stack of CPU-partial slabs, the lists of the nodes.
 * Models mm/slub.c of 6.1: deactivate_slab(), put_cpu_partial(), get_partial(), flush, shrink and shutdown.
 */
#include "mm/slub_priv.h"

#define REMOTE_NODE_DEFRAG_RATIO 1000u /* of 1024: sysfs remote_node_defrag_ratio, times 10 */
#define SHRINK_PROMOTE_MAX       32u   /* free objects up to which shrinking sorts a slab */

void slub_partial_add(struct slub *slub, uint32_t number, bool tail)
{
	struct slub_slab *slabs = slub->store.slabs, *slab = &slabs[number];
	struct slub_node *n = slub_node_of(slub, slab->cache, slab->node);

	slab->place = SLUB_NODE_PARTIAL;
	slab->prev = tail ? n->tail : SLAB_NONE;
	slab->next = tail ? SLAB_NONE : n->head;
	if (slab->prev != SLAB_NONE)
		slabs[slab->prev].next = number;
	else
		n->head = number;
	if (slab->next != SLAB_NONE)
		slabs[slab->next].prev = number;
	else
		n->tail = number;
	n->nr_partial++;
}

/* It is in no place then: SLUB_FULL until the caller says where. */
void slub_partial_remove(struct slub *slub, uint32_t number)
{
	struct slub_slab *slabs = slub->store.slabs, *slab = &slabs[number];
	struct slub_node *n = slub_node_of(slub, slab->cache, slab->node);

	if (slab->prev != SLAB_NONE)
		slabs[slab->prev].next = slab->next;
	else
		n->head = slab->next;
	if (slab->next != SLAB_NONE)
		slabs[slab->next].prev = slab->prev;
	else
		n->tail = slab->prev;
	n->nr_partial--;
	slab->prev = slab->next = SLAB_NONE;
	slab->place = SLUB_FULL;
}

static void lock_list(struct meter *meter, unsigned int node, uint32_t slabs)
{
	meter_charge_locked(meter, STEP_LIST_LOCK, 1, LOCK_LIST(node));
	if (slabs)
		meter_charge_locked(meter, STEP_SLAB_NODE_PARTIAL_SLAB, slabs, LOCK_LIST(node));
}

void slub_load(const struct slub_op *op, uint32_t number)
{
	struct slub_slab *slab = &op->slub->store.slabs[number];

	slab->place = SLUB_CPU;
	slab->prev = slab->next = SLAB_NONE;
	op->c->slab = number;
	op->c->node = slab->node;
	op->c->links = slub_links(op->slub, slab);
	op->c->freelist = OBJECT_NONE;
}

void slub_take_freelist(const struct slub_op *op)
{
	struct slub_slab *slab = &op->slub->store.slabs[op->c->slab];

	op->c->freelist = slab->freelist;
	slab->freelist = OBJECT_NONE;
	slab->inuse = slab->objects;
}

bool slub_splice_cpu_freelist(struct slub_cpu *c, struct slub_slab *slab)
{
	bool remote_frees = slab->freelist != OBJECT_NONE;
	uint16_t last = c->freelist;

	if (last == OBJECT_NONE)
		return remote_frees;
	slab->inuse--;
	while (c->links[last] != OBJECT_NONE) {
		last = c->links[last];
		slab->inuse--;
	}
	c->links[last] = slab->freelist;
	slab->freelist = c->freelist;
	return remote_frees;
}

void slub_deactivate(const struct slub_op *op)
{
	struct slub *slub = op->slub;
	uint32_t number = op->c->slab;
	struct slub_slab *slab = &slub->store.slabs[number];
	struct slub_node *n = slub_node_of(slub, op->cache_nr, slab->node);
	bool tail = slub_splice_cpu_freelist(op->c, slab);

	op->c->slab = SLAB_NONE;
	op->c->freelist = OBJECT_NONE;
	slab->place = SLUB_FULL;
	if (!slab->inuse && n->nr_partial >= op->cache->geometry.min_partial) {
		slub_discard(op, number);
	} else if (slab->freelist != OBJECT_NONE) {
		lock_list(op->meter, slab->node, 1);
		slub_partial_add(slub, number, tail);
	}
}

/*
 * Models __unfreeze_partials(): from the top of a detached stack to its bottom, to the tails of the node lists; what is
 * empty and too much is discarded afterwards, last found first.
 */
static void unfreeze_partials(const struct slub_op *op, uint32_t top)
{
	struct slub *slub = op->slub;
	uint32_t discard = SLAB_NONE, next;
	unsigned int locked = UINT32_MAX;

	for (uint32_t number = top; number != SLAB_NONE; number = next) {
		struct slub_slab *slab = &slub->store.slabs[number];
		struct slub_node *n = slub_node_of(slub, op->cache_nr, slab->node);

		next = slab->next;
		if (slab->node != locked) {
			locked = slab->node;
			meter_charge_locked(op->meter, STEP_LIST_LOCK, 1, LOCK_LIST(locked));
		}
		meter_charge_locked(op->meter, STEP_SLAB_NODE_PARTIAL_SLAB, 1, LOCK_LIST(locked));
		if (!slab->inuse && n->nr_partial >= op->cache->geometry.min_partial) {
			slab->next = discard;
			discard = number;
		} else {
			slub_partial_add(slub, number, true);
		}
	}
	for (; discard != SLAB_NONE; discard = next) {
		next = slub->store.slabs[discard].next;
		slub_discard(op, discard);
	}
}

void slub_cpu_partial_put(const struct slub_op *op, uint32_t number, bool drain)
{
	struct slub_slab *slabs = op->slub->store.slabs, *slab = &slabs[number];
	uint32_t top = op->c->partial, full = SLAB_NONE;

	if (top != SLAB_NONE && drain && slabs[top].depth >= op->cache->geometry.cpu_partial_slabs) {
		full = top;
		top = SLAB_NONE;
	}
	slab->place = SLUB_CPU_PARTIAL;
	slab->prev = SLAB_NONE;
	slab->next = top;
	slab->depth = top == SLAB_NONE ? 1 : slabs[top].depth + 1;
	op->c->partial = number;
	if (full != SLAB_NONE) {
		meter_charge(op->meter, STEP_SLAB_DRAIN, 1);
		unfreeze_partials(op, full);
	}
}

/* Models get_partial_node(): the head becomes current with its freelist; up to half a stack of others follows. */
static bool get_partial_node(const struct slub_op *op, unsigned int node)
{
	struct slub *slub = op->slub;
	struct slub_node *n = slub_node_of(slub, op->cache_nr, node);
	uint32_t first = n->head, extra = 0;

	if (first == SLAB_NONE)
		return false;
	slub_partial_remove(slub, first);
	slub_load(op, first);
	slub_take_freelist(op);
	while (op->cache->has_cpu_partial && extra <= op->cache->geometry.cpu_partial_slabs / 2 &&
			n->head != SLAB_NONE) {
		uint32_t number = n->head;

		slub_partial_remove(slub, number);
		slub_cpu_partial_put(op, number, false);
		extra++;
	}
	meter_charge_locked(op->meter, STEP_SLAB_NODE_PARTIAL, 1, LOCK_LIST(node));
	lock_list(op->meter, node, 1 + extra);
	return true;
}

/*
 * Models get_any_partial(): nodes that have more than they need, nearest first: to the CPU's, or to the one whose
 * turn it is by the task's policy. The kernel draws from the cycle counter whether to look at all; here it is the
 * run's random stream.
 */
static bool get_any_partial(const struct slub_op *op, unsigned int local)
{
	struct slub *slub = op->slub;
	const uint8_t *nearest;

	if (slub->nr_nodes == 1 || rng_below(&slub->defrag_rng, 1024) > REMOTE_NODE_DEFRAG_RATIO)
		return false;
	nearest = &slub->numa.nearest[slab_policy_node(slub->pages, local) * slub->nr_nodes];
	for (uint32_t i = 0; i < slub->nr_nodes; i++) {
		const struct slub_node *n = slub_node_of(slub, op->cache_nr, nearest[i]);

		if (n->nr_partial > op->cache->geometry.min_partial)
			return get_partial_node(op, nearest[i]);
	}
	return false;
}

bool slub_get_partial(const struct slub_op *op)
{
	unsigned int local = op->slub->numa.of_cpu[op->cpu];

	if (op->node >= 0)
		return get_partial_node(op, (unsigned int)op->node);
	return get_partial_node(op, local) || get_any_partial(op, local);
}

/* Models flush_all(): the current slab and the stack of each CPU. */
static void flush_all(struct slub *slub, uint32_t cache, struct meter *meter)
{
	for (unsigned int cpu = 0; cpu < slub->nr_cpus; cpu++) {
		struct slub_op op = slub_op_of(slub, cache, cpu, meter);
		uint32_t top;

		if (op.c->slab != SLAB_NONE)
			slub_deactivate(&op);
		top = op.c->partial;
		op.c->partial = SLAB_NONE;
		unfreeze_partials(&op, top);
	}
}

/* Takes the slabs without objects off a node's list and discards them, the last of the list first. */
static void discard_empty(const struct slub_op *op, unsigned int node)
{
	struct slub *slub = op->slub;
	uint32_t number = slub_node_of(slub, op->cache_nr, node)->head, discard = SLAB_NONE, next;

	for (; number != SLAB_NONE; number = next) {
		struct slub_slab *slab = &slub->store.slabs[number];

		next = slab->next;
		if (slab->inuse)
			continue;
		slub_partial_remove(slub, number);
		slab->next = discard;
		discard = number;
	}
	for (; discard != SLAB_NONE; discard = next) {
		next = slub->store.slabs[discard].next;
		slub_discard(op, discard);
	}
}

/*
 * Slabs with few free objects go to the head, fewest first; equals in reverse order, as list_move()
 * leaves them. Those without objects stay where they are: the kernel takes them off in the same walk.
 */
static void promote_fullest(struct slub *slub, struct slub_node *n)
{
	struct slub_slab *slabs = slub->store.slabs;
	uint32_t bucket[SHRINK_PROMOTE_MAX + 1], next;

	for (uint32_t free = 0; free <= SHRINK_PROMOTE_MAX; free++)
		bucket[free] = SLAB_NONE;
	for (uint32_t number = n->head; number != SLAB_NONE; number = next) {
		uint32_t free = (uint32_t)slabs[number].objects - slabs[number].inuse;

		next = slabs[number].next;
		if (free > SHRINK_PROMOTE_MAX || !slabs[number].inuse)
			continue;
		slub_partial_remove(slub, number);
		slabs[number].prev = bucket[free]; /* a bucket's chain, newest first, runs through prev */
		bucket[free] = number;
	}
	for (uint32_t free = SHRINK_PROMOTE_MAX; free > 0; free--) {
		/* Turned round, so that adding one by one at the head leaves the newest in front. */
		uint32_t oldest = SLAB_NONE;

		for (uint32_t number = bucket[free]; number != SLAB_NONE; number = slabs[number].prev) {
			slabs[number].next = oldest;
			oldest = number;
		}
		for (; oldest != SLAB_NONE; oldest = next) {
			next = slabs[oldest].next;
			slub_partial_add(slub, oldest, false);
		}
	}
}

uint64_t slub_shrink(void *state, uint32_t cache, struct meter *meter)
{
	struct slub *slub = state;
	struct slub_op op = slub_op_of(slub, cache, 0, meter);
	uint64_t left = 0;

	flush_all(slub, cache, meter);
	for (unsigned int node = 0; node < slub->nr_nodes; node++) {
		struct slub_node *n = slub_node_of(slub, cache, node);

		lock_list(meter, node, n->nr_partial);
		promote_fullest(slub, n);
		discard_empty(&op, node);
		left += n->nr_slabs;
	}
	return left;
}

bool slub_shutdown(const struct slub_op *op)
{
	flush_all(op->slub, op->cache_nr, op->meter);
	/* The first node that has slabs left ends it: empty slabs of later ones stay. */
	for (unsigned int node = 0; node < op->slub->nr_nodes; node++) {
		discard_empty(op, node);
		if (slub_node_of(op->slub, op->cache_nr, node)->nr_slabs)
			return false;
	}
	return true;
}

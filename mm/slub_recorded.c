/*
 * Holding the model against a recording: objects by their addresses, the corrections that keep it in step with the
 * kernel, and its state in words. Nothing here has a model in the kernel.
 */
#include "base/room_text.h"
#include "mm/slub_priv.h"

#define DESCRIBE_MAX 8u /* objects of a freelist, slabs of a list */

/*
 * Only a slab's first page has its number. Slabs are aligned to their size, so it is found by rounding down, order by
 * order; that the slab itself names the page tells it from whatever else the word may mean there.
 */
bool slub_object_at(const void *state, uint64_t address, struct slab_object *object)
{
	const struct slub *slub = state;
	unsigned int shift = slub->machine->page_shift;
	pfn_t pfn = address >> shift;

	if (!page_alloc_allocated(slub->pages, pfn, 0))
		return false;
	for (unsigned int order = 0; order < PAGE_MAX_ORDERS; order++) {
		pfn_t head = pfn >> order << order;
		uint32_t number = page_alloc_owner(slub->pages, head) - 1;
		const struct slub_slab *slab;

		if (number >= slub->store.nr_slabs)
			continue;
		slab = &slub->store.slabs[number];
		if (slab->place == SLUB_UNUSED || slab->pfn != head || slab->order < order)
			continue;
		object->slab = number;
		object->index = (uint32_t)((address - (head << shift)) / slub->caches[slab->cache].geometry.size);
		return object->index < slab->objects;
	}
	return false;
}

uint64_t slub_address_of(const void *state, struct slab_object object)
{
	const struct slub *slub = state;
	const struct slub_slab *slab = &slub->store.slabs[object.slab];

	return ((uint64_t)slab->pfn << slub->machine->page_shift) +
		(uint64_t)object.index * slub->caches[slab->cache].geometry.size;
}

/* Takes @object out of the chain that begins at *head. Return: false when it is not there. */
static bool unlink_object(uint16_t *links, uint16_t *head, uint32_t object)
{
	for (uint16_t *at = head; *at != OBJECT_NONE; at = &links[*at]) {
		if (*at != object)
			continue;
		*at = links[object];
		return true;
	}
	return false;
}

/* The CPU whose current slab it is. */
static struct slub_cpu *cpu_with(const struct slub *slub, uint32_t number)
{
	uint32_t cache = slub->store.slabs[number].cache;

	for (unsigned int cpu = 0; cpu < slub->nr_cpus; cpu++)
		if (slub_cpu_of(slub, cache, cpu)->slab == number)
			return slub_cpu_of(slub, cache, cpu);
	return NULL;
}

/* Out of the stack that it is on, wherever it stands there. */
static void leave_stack(struct slub *slub, uint32_t number)
{
	struct slub_slab *slabs = slub->store.slabs;

	for (unsigned int cpu = 0; cpu < slub->nr_cpus; cpu++) {
		uint32_t *at = &slub_cpu_of(slub, slabs[number].cache, cpu)->partial;
		bool found = false;

		for (uint32_t i = *at; i != SLAB_NONE && !found; i = slabs[i].next)
			found = i == number;
		if (!found)
			continue;
		for (; *at != number; at = &slabs[*at].next)
			slabs[*at].depth--;
		*at = slabs[number].next;
	}
	slabs[number].next = SLAB_NONE;
	slabs[number].place = SLUB_FULL;
}

/* A slab that loses its last free object leaves its list or stack, since none of them has such a slab. */
static bool take_object(struct slub *slub, struct slab_object object)
{
	struct slub_slab *slab = &slub->store.slabs[object.slab];
	struct slub_cpu *c = slab->place == SLUB_CPU ? cpu_with(slub, object.slab) : NULL;

	if (c && unlink_object(c->links, &c->freelist, object.index))
		return true;
	if (!unlink_object(slub_links(slub, slab), &slab->freelist, object.index))
		return false;
	slab->inuse++;
	if (slab->freelist == OBJECT_NONE && slab->place == SLUB_NODE_PARTIAL)
		slub_partial_remove(slub, object.slab);
	else if (slab->freelist == OBJECT_NONE && slab->place == SLUB_CPU_PARTIAL)
		leave_stack(slub, object.slab);
	return true;
}

/* Back to where it was taken from an instant ago: the CPU's freelist or, without current slabs, the slab's. */
static void put_back(struct slub *slub, struct slab_object object, struct slub_cpu *c)
{
	struct slub_slab *slab = &slub->store.slabs[object.slab];

	if (c->slab == object.slab) {
		c->links[object.index] = c->freelist;
		c->freelist = (uint16_t)object.index;
		return;
	}
	slub_links(slub, slab)[object.index] = slab->freelist;
	slab->freelist = (uint16_t)object.index;
	slab->inuse--;
	if (slab->place == SLUB_FULL)
		slub_partial_add(slub, object.slab, false);
}

bool slub_claim(void *state, struct slab_object object)
{
	struct slub *slub = state;
	const struct slub_slab *slab;

	if (object.slab >= slub->store.nr_slabs)
		return false;
	slab = &slub->store.slabs[object.slab];
	return slab->place != SLUB_UNUSED && object.index < slab->objects && take_object(slub, object);
}

void slub_unclaim(void *state, struct slab_object object, unsigned int cpu)
{
	struct slub *slub = state;

	put_back(slub, object, slub_cpu_of(slub, slub->store.slabs[object.slab].cache, cpu));
}

/* Takes the slab from wherever it is, so that it is in no place. Return: false when it has no free object. */
static bool leave_place(struct slub *slub, uint32_t number)
{
	struct slub_slab *slab = &slub->store.slabs[number];
	struct slub_cpu *c;

	switch (slab->place) {
	case SLUB_CPU:
		c = cpu_with(slub, number);
		slub_splice_cpu_freelist(c, slab);
		c->slab = SLAB_NONE;
		c->freelist = OBJECT_NONE;
		slab->place = SLUB_FULL;
		break;
	case SLUB_CPU_PARTIAL:
		leave_stack(slub, number);
		break;
	case SLUB_NODE_PARTIAL:
		slub_partial_remove(slub, number);
		break;
	default:
		break;
	}
	return slab->freelist != OBJECT_NONE;
}

bool slub_switch_to(void *state, struct slab_object object, unsigned int cpu, struct meter *meter)
{
	struct slub *slub = state;
	struct slub_op op = slub_op_of(slub, slub->store.slabs[object.slab].cache, cpu, meter);

	if (op.cache->debug || op.c->slab == object.slab || slub->store.slabs[object.slab].place == SLUB_UNUSED ||
			!leave_place(slub, object.slab))
		return false;
	if (op.c->slab != SLAB_NONE)
		slub_deactivate(&op);
	slub_load(&op, object.slab);
	slub_take_freelist(&op);
	return true;
}

void slub_next_start(void *state, uint32_t cache, uint32_t first_object)
{
	struct slub *slub = state;

	slub->caches[cache].next_start = (uint16_t)first_object;
}

void slub_next_pfn(void *state, uint32_t cache, pfn_t pfn, unsigned int order)
{
	struct slub_cache *c = &((struct slub *)state)->caches[cache];

	c->next_pfn = (uint32_t)pfn;
	c->next_order = (uint8_t)order;
}

bool slub_grow_at(void *state, uint32_t cache, pfn_t pfn, unsigned int order, uint32_t first_object, unsigned int cpu,
	struct meter *meter)
{
	struct slub *slub = state;
	struct slub_op op = slub_op_of(slub, cache, cpu, meter);
	uint32_t number;

	if (!slub_take_pages_at(&op, pfn, order))
		return false;
	slub_next_pfn(slub, cache, pfn, order);
	slub_next_start(slub, cache, first_object);
	if (slub_new_slab(&op, &number) != MM_DONE)
		return false;
	if (op.cache->debug) {
		slub_partial_add(slub, number, false);
		return true;
	}
	if (op.c->slab != SLAB_NONE)
		slub_deactivate(&op);
	slub_load(&op, number);
	slub_take_freelist(&op);
	return true;
}

bool slub_drop_at(void *state, pfn_t pfn, unsigned int cpu, struct meter *meter)
{
	struct slub *slub = state;
	struct slab_object object;
	struct slub_slab *slab;
	struct slub_op op;

	if (!slub_object_at(slub, pfn << slub->machine->page_shift, &object))
		return false;
	slab = &slub->store.slabs[object.slab];
	if (slab->pfn != pfn)
		return false;
	op = slub_op_of(slub, slab->cache, cpu, meter);
	if (slab->place == SLUB_CPU) {
		struct slub_cpu *c = cpu_with(slub, object.slab);

		c->slab = SLAB_NONE;
		c->freelist = OBJECT_NONE;
	} else if (slab->place == SLUB_CPU_PARTIAL) {
		leave_stack(slub, object.slab);
	} else if (slab->place == SLUB_NODE_PARTIAL) {
		slub_partial_remove(slub, object.slab);
	}
	slub_discard(&op, object.slab);
	return true;
}

static void say_objects(struct room_text *text, const uint16_t *links, uint16_t head)
{
	uint32_t nr = 0;

	for (; head != OBJECT_NONE && nr < DESCRIBE_MAX; head = links[head], nr++)
		room_text_add(text, " %u", head);
	room_text_add(text, "%s", !nr ? " none" : head != OBJECT_NONE ? " ..." : "");
}

static void say_slabs(struct room_text *text, const struct slub *slub, uint32_t number)
{
	uint32_t nr = 0;

	for (; number != SLAB_NONE && nr < DESCRIBE_MAX; number = slub->store.slabs[number].next, nr++) {
		const struct slub_slab *slab = &slub->store.slabs[number];

		room_text_add(text, " %u (%u of %u in use, free:", slab->pfn, slab->inuse, slab->objects);
		say_objects(text, slub_links(slub, slab), slab->freelist);
		room_text_add(text, ")");
	}
	room_text_add(text, "%s\n", !nr ? " none" : number != SLAB_NONE ? " ..." : "");
}

void slub_describe(const void *state, uint32_t cache, unsigned int cpu, char *buf, size_t size)
{
	const struct slub *slub = state;
	const struct slub_cpu *c = slub_cpu_of(slub, cache, cpu);
	struct room_text text = { buf, size, 0 };

	if (c->slab == SLAB_NONE) {
		room_text_add(&text, "CPU %u: no slab\n", cpu);
	} else {
		const struct slub_slab *slab = &slub->store.slabs[c->slab];

		room_text_add(&text, "CPU %u: slab at page %u, CPU freelist:", cpu, slab->pfn);
		say_objects(&text, c->links, c->freelist);
		room_text_add(&text, "; freed by others:");
		say_objects(&text, c->links, slab->freelist);
		room_text_add(&text, "\n");
	}
	room_text_add(&text, "CPU %u partial, top first:", cpu);
	say_slabs(&text, slub, c->partial);
	for (unsigned int node = 0; node < slub->nr_nodes; node++) {
		const struct slub_node *n = slub_node_of(slub, cache, node);

		room_text_add(&text, "node %u partial, head first (%u):", node, n->nr_partial);
		say_slabs(&text, slub, n->head);
	}
}

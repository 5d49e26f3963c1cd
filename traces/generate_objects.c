/* generate_objects: the records of what lives in a trace in the making; see traces/generate_priv.h. */
#include "base/array.h"
#include "traces/generate_priv.h"

uint32_t object_new(struct generator *g)
{
	uint32_t object = slots_take(&g->object_numbers);

	if (object == SLOT_NONE)
		return NO_OBJECT;
	if (!array_room(&g->objects, &g->cap_objects, object))
		return NO_OBJECT;
	g->objects[object] = (struct gen_object){
		.born = ++g->births,
		.slot = SLOT_NONE,
		.page = SLOT_NONE,
		.parent = NO_OBJECT,
		.first_child = NO_OBJECT,
		.next = NO_OBJECT,
		.prev = NO_OBJECT,
		.at = UINT32_MAX,
	};
	return object;
}

void object_link(struct generator *g, uint32_t parent, uint32_t child)
{
	struct gen_object *c = &g->objects[child], *p = &g->objects[parent];

	c->parent = parent;
	c->next = p->first_child;
	if (p->first_child != NO_OBJECT)
		g->objects[p->first_child].prev = child;
	p->first_child = child;
}

void object_unlink(struct generator *g, uint32_t child)
{
	struct gen_object *c = &g->objects[child];

	if (c->parent == NO_OBJECT)
		return;
	if (c->prev != NO_OBJECT)
		g->objects[c->prev].next = c->next;
	else
		g->objects[c->parent].first_child = c->next;
	if (c->next != NO_OBJECT)
		g->objects[c->next].prev = c->prev;
	c->parent = c->next = c->prev = NO_OBJECT;
}

void object_release(struct generator *g, uint32_t object)
{
	g->objects[object].born = 0;
	slots_give(&g->object_numbers, object);
}

int living_add(struct generator *g, uint32_t object)
{
	struct gen_state *state = &g->states[g->objects[object].stream];

	if (!array_room(&state->living, &state->cap_living, state->nr_living))
		return -1;
	g->objects[object].at = state->nr_living;
	state->living[state->nr_living++] = object;
	return 0;
}

void living_remove(struct generator *g, uint32_t object)
{
	struct gen_state *state = &g->states[g->objects[object].stream];
	uint32_t at = g->objects[object].at, last;

	if (at == UINT32_MAX)
		return;
	last = state->living[--state->nr_living];
	state->living[at] = last;
	g->objects[last].at = at;
}

uint32_t living_any(const struct generator *g, uint32_t stream, struct rng *rng)
{
	const struct gen_state *state = &g->states[stream];

	return state->nr_living ? state->living[rng_below(rng, state->nr_living)] : NO_OBJECT;
}

/*
 * generate_event: one event of a stream, and what comes on it: who makes it, on
 * which object, what it begins and when that is to end; see traces/generate_priv.h.
 */
#include <inttypes.h>

#include "traces/generate_priv.h"

#define PROGRESS_EVENTS 65536u
#define TRIES_ELSEWHERE 16 /* draws of a task on another CPU */

static int start_events(struct generator *g, uint32_t stream, const struct gen_occasion *on, struct err *err);

int gen_no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory to make a trace");
}

static int write_event(struct generator *g, uint32_t stream, uint32_t operation, enum gen_number which, uint32_t who,
	uint32_t slot, uint64_t value, struct err *err)
{
	uint32_t *number = &g->states[stream].numbers[operation * NUMBERS + which];
	struct trace_event event = { .time_ns = g->now_ns, .who = who, .slot = slot, .value = value };

	if (*number == UINT32_MAX) {
		const struct gen_operation *o = &g->plan->streams[stream].operations[operation];
		struct trace_op op = which == NUMBER_BEGIN || which == NUMBER_BEGIN_MORE ? o->begin : o->end;

		op.flags |= which >= NUMBER_BEGIN_MORE ? OP_BULK_MORE : 0;
		*number = trace_writer_op(g->writer, &op);
		if (*number == UINT32_MAX)
			return gen_no_memory(err);
	}
	event.op = *number;
	if (++g->events % PROGRESS_EVENTS == 0 && g->progress && g->progress(g->progress_arg, g->now_ns, g->events))
		return err_set(err, ERR_INTERRUPTED, "interrupted after %" PRIu64 " events", g->events);
	return trace_writer_event(g->writer, &event, err);
}

/* Number of a who of the group, drawn. */
static uint32_t draw_who(const struct generator *g, uint32_t group, struct rng *rng)
{
	uint32_t nr = g->plan->groups[group].nr;

	return g->who_numbers[group][nr > 1 ? rng_below(rng, nr) : 0];
}

static uint32_t draw_elsewhere(const struct generator *g, uint32_t group, uint32_t who, struct rng *rng)
{
	const struct gen_group *of = &g->plan->groups[group];
	const uint32_t *numbers = g->who_numbers[group];
	uint32_t cpu = UINT32_MAX;

	for (uint32_t i = 0; i < of->nr; i++)
		if (numbers[i] == who)
			cpu = of->whos[i].cpu;
	for (int i = 0; i < TRIES_ELSEWHERE && of->nr > 1; i++) {
		uint32_t other = (uint32_t)rng_below(rng, of->nr);

		if (of->whos[other].cpu != cpu)
			return numbers[other];
	}
	return who;
}

/* @parents: who ends what this object ends with, or GEN_NONE. */
static uint32_t who_ends(struct generator *g, const struct gen_object *object, uint32_t parents)
{
	const struct gen_stream *stream = &g->plan->streams[object->stream];
	struct rng *rng = &g->states[object->stream].rng;

	switch (stream->freer) {
	case GEN_FREED_BY_ANY:
		return draw_who(g, stream->group, rng);
	case GEN_FREED_ELSEWHERE:
		return draw_elsewhere(g, stream->group, object->who, rng);
	case GEN_FREED_BY_GROUP:
		return draw_who(g, stream->freer_group, rng);
	default:
		return parents == GEN_NONE ? object->who : parents;
	}
}

int gen_end_object(struct generator *g, uint32_t number, uint32_t parents, bool more, struct err *err)
{
	struct gen_object *object = &g->objects[number];
	bool bulk = g->plan->streams[object->stream].bulk;
	uint32_t who = who_ends(g, object, parents);
	int ret = 0;

	while (ret == 0 && object->first_child != NO_OBJECT) {
		uint32_t child = object->first_child;

		ret = gen_end_object(g, child, who, bulk && g->objects[child].stream == object->stream, err);
	}
	if (ret < 0)
		return ret;
	object_unlink(g, number);
	living_remove(g, number);
	ret = write_event(g, object->stream, object->operation, more ? NUMBER_END_MORE : NUMBER_END, who, object->slot,
		object->page, err);
	if (object->owns_slot)
		slots_give(&g->slots, object->slot);
	object_release(g, number);
	return ret;
}

static uint32_t draw_operation(const struct gen_stream *stream, struct rng *rng)
{
	uint32_t operation = 0, stride = 1;

	for (uint32_t i = 0; i < stream->nr_variables; i++) {
		const struct gen_variable *v = &stream->variables[i];
		uint32_t index =
			v->choices ? dist_pick(v->choices, v->nr, rng_next(rng)) : (uint32_t)rng_below(rng, v->nr);

		operation += index * stride;
		stride *= v->nr;
	}
	return operation;
}

/* The object that an event refers to. Return: whether there is one, or none is wanted. */
static bool find_object(struct generator *g, uint32_t from, uint32_t stream, const struct gen_occasion *on,
	uint32_t *object)
{
	*object = NO_OBJECT;
	if (from == GEN_NONE)
		return true;
	if (from == GEN_PARENT)
		*object = object_lives(g, on->parent, on->parent_born) ? on->parent : NO_OBJECT;
	else
		*object = living_any(g, from, &g->states[stream].rng);
	return *object != NO_OBJECT;
}

/*
 * Where there are `live` already, the oldest or any goes; the
 * new one takes its place in the list, so that goes by age.
 */
static int make_room(struct generator *g, uint32_t number, struct err *err)
{
	const struct gen_stream *stream = &g->plan->streams[number];
	struct gen_state *state = &g->states[number];
	uint32_t victim;

	state->vacant = UINT32_MAX;
	if (stream->life != GEN_UNTIL_REPLACED || state->nr_living < stream->live)
		return 0;
	state->vacant = stream->replace_any ? (uint32_t)rng_below(&state->rng, stream->live) : state->oldest;
	state->oldest = (state->oldest + 1) % stream->live;
	victim = state->living[state->vacant];
	g->objects[victim].at = UINT32_MAX;
	return gen_end_object(g, victim, GEN_NONE, false, err);
}

static int join_living(struct generator *g, uint32_t number, uint32_t object, struct err *err)
{
	struct gen_state *state = &g->states[number];

	if (g->plan->streams[number].life != GEN_UNTIL_REPLACED || state->vacant == UINT32_MAX)
		return living_add(g, object) < 0 ? gen_no_memory(err) : 0;
	state->living[state->vacant] = object;
	g->objects[object].at = state->vacant;
	return 0;
}

static int put_end(struct generator *g, ns_t time_ns, uint32_t object, struct err *err)
{
	struct due due = { .time_ns = time_ns, .order = g->objects[object].born, .what = object };

	return due_put(&g->ends, due) < 0 ? gen_no_memory(err) : 0;
}

/* How the object will end. */
static int plan_end(struct generator *g, uint32_t number, uint32_t object, const struct gen_occasion *on, uint32_t page,
	struct err *err)
{
	const struct gen_stream *stream = &g->plan->streams[number];
	struct gen_state *state = &g->states[number];

	if (on->first != NO_OBJECT)
		object_link(g, on->first, object);
	else if (stream->life == GEN_LIVES_AS_PARENT)
		object_link(g, on->parent, object);
	else if (page != NO_OBJECT)
		object_link(g, page, object);
	if (stream->life == GEN_UNTIL_REPLACED || stream->referred_to) {
		int ret = join_living(g, number, object, err);

		if (ret < 0)
			return ret;
	}
	if (stream->life == GEN_LIVES_FOR && on->first == NO_OBJECT)
		return put_end(g, g->now_ns + dist_draw(stream->lifetime, &state->rng), object, err);
	return 0;
}

/* A record of what the event began, if that has an end or somebody asks for it. */
static int keep_object(struct generator *g, uint32_t number, const struct gen_object *is, const struct gen_occasion *on,
	uint32_t page, uint32_t *object, struct err *err)
{
	const struct gen_stream *stream = &g->plan->streams[number];

	*object = NO_OBJECT;
	if (stream->life == GEN_NO_END || (stream->life == GEN_NEVER_ENDS && !stream->referred_to &&
					   g->states[number].first_child == GEN_NONE))
		return 0;
	*object = object_new(g);
	if (*object == NO_OBJECT)
		return gen_no_memory(err);
	g->objects[*object].stream = number;
	g->objects[*object].operation = is->operation;
	g->objects[*object].slot = is->slot;
	g->objects[*object].page = is->page;
	g->objects[*object].who = is->who;
	g->objects[*object].owns_slot = is->owns_slot;
	return plan_end(g, number, *object, on, page, err);
}

static int start_children(struct generator *g, uint32_t number, uint32_t object, uint32_t who, struct err *err)
{
	struct gen_occasion on = { .parent = object, .who = who, .first = NO_OBJECT };
	int ret = 0;

	if (object != NO_OBJECT)
		on.parent_born = g->objects[object].born;
	for (uint32_t child = g->states[number].first_child; child != GEN_NONE && ret == 0;
	     child = g->states[child].next_sibling)
		ret = start_events(g, child, &on, err);
	return ret;
}

int gen_start_event(struct generator *g, uint32_t number, const struct gen_occasion *on, uint32_t *kept,
	struct err *err)
{
	const struct gen_stream *stream = &g->plan->streams[number];
	struct gen_state *state = &g->states[number];
	struct gen_object is = { .slot = SLOT_NONE, .page = SLOT_NONE };
	const struct gen_operation *operation;
	uint32_t used, page;
	int ret;

	*kept = NO_OBJECT;
	if ((stream->life == GEN_LIVES_AS_PARENT && !object_lives(g, on->parent, on->parent_born)) ||
	    !find_object(g, stream->object, number, on, &used) || !find_object(g, stream->page, number, on, &page))
		return 0;
	ret = make_room(g, number, err);
	if (ret < 0)
		return ret;
	is.operation = draw_operation(stream, &state->rng);
	operation = &stream->operations[is.operation];
	is.who = stream->as_parent ? on->who : draw_who(g, stream->group, &state->rng);
	is.owns_slot = kind_info[operation->begin.kind].slot == SLOT_BEGINS;
	if (is.owns_slot)
		is.slot = slots_take(&g->slots);
	else if (used != NO_OBJECT)
		is.slot = g->objects[used].slot;
	if (is.owns_slot && is.slot == SLOT_NONE)
		return gen_no_memory(err);
	if (page != NO_OBJECT)
		is.page = g->objects[page].slot;
	ret = write_event(g, number, is.operation, on->more ? NUMBER_BEGIN_MORE : NUMBER_BEGIN, is.who, is.slot,
		kind_info[operation->begin.kind].keys & KEY_PAGE ? is.page : operation->value, err);
	if (ret < 0 || (ret = keep_object(g, number, &is, on, page, kept, err)) < 0 ||
	    (ret = start_children(g, number, *kept, is.who, err)) < 0)
		return ret;
	if (stream->life != GEN_IS_SECTION)
		return 0;
	g->now_ns += stream->lifetime ? dist_draw(stream->lifetime, &state->rng) : 0;
	return gen_end_object(g, *kept, GEN_NONE, false, err);
}

int gen_start_burst(struct generator *g, uint32_t number, struct gen_occasion on, uint64_t count, struct err *err)
{
	bool bulk = g->plan->streams[number].bulk;
	int ret = 0;

	for (uint64_t i = 0; i < count && ret == 0; i++) {
		uint32_t kept;

		on.more = bulk && i + 1 < count;
		ret = gen_start_event(g, number, &on, &kept, err);
		if (bulk && i == 0)
			on.first = kept;
	}
	return ret;
}

uint64_t gen_draw_or(const struct dist_table *table, uint64_t otherwise, struct rng *rng)
{
	return table ? dist_draw(table, rng) : otherwise;
}

/* What comes on an event: now, or as a record that waits for its time. */
static int start_events(struct generator *g, uint32_t number, const struct gen_occasion *on, struct err *err)
{
	const struct gen_stream *stream = &g->plan->streams[number];
	struct rng *rng = &g->states[number].rng;
	uint64_t count;
	ns_t delay;

	if (stream->chance != UINT64_MAX && rng_next(rng) >= stream->chance)
		return 0;
	count = gen_draw_or(stream->count, 1, rng);
	delay = gen_draw_or(stream->delay, 0, rng);
	if (!delay && !stream->gap)
		return gen_start_burst(g, number, *on, count, err);
	for (uint64_t i = 0; i < count; i++) {
		uint32_t waiting = object_new(g);
		int ret;

		if (waiting == NO_OBJECT)
			return gen_no_memory(err);
		g->objects[waiting].stream = number;
		g->objects[waiting].pending = true;
		g->objects[waiting].parent = on->parent;
		g->objects[waiting].parent_born = on->parent_born;
		g->objects[waiting].who = on->who;
		ret = put_end(g, g->now_ns + delay, waiting, err);
		if (ret < 0)
			return ret;
		delay += gen_draw_or(stream->gap, 0, rng);
	}
	return 0;
}

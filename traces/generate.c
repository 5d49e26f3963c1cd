#include "traces/generate.h"

#include <stdlib.h>
#include <string.h>

#include "traces/generate_priv.h"

/* The object's time has come. */
static int fall_due(struct generator *g, const struct due *due, struct err *err)
{
	struct gen_object is = g->objects[due->what];
	uint32_t kept;

	if (is.born != due->order)
		return 0;
	g->now_ns = due->time_ns > g->now_ns ? due->time_ns : g->now_ns;
	if (!is.pending)
		return gen_end_object(g, due->what, GEN_NONE, false, err);
	object_release(g, due->what);
	return gen_start_event(g, is.stream, &(struct gen_occasion){ .parent = is.parent, .parent_born = is.parent_born,
		.who = is.who, .first = NO_OBJECT }, &kept, err);
}

static int put_start(struct generator *g, ns_t time_ns, uint32_t stream, struct err *err)
{
	if (time_ns == GEN_FOREVER)
		return 0;
	return due_put(&g->starts, (struct due){ time_ns, g->order++, stream }) < 0 ? gen_no_memory(err) : 0;
}

/* When the stream's next burst begins, counted from the beginning of the last one. */
static ns_t next_burst(struct generator *g, uint32_t number, ns_t time_ns)
{
	const struct gen_stream *stream = &g->plan->streams[number];
	struct gen_state *state = &g->states[number];
	uint64_t work;

	if (stream->when == GEN_AT_TIMES)
		return state->next_at < stream->nr_at ? stream->at[state->next_at++] : GEN_FOREVER;
	work = dist_draw(stream->interval, &state->rng);
	return gen_after(g->plan, stream, time_ns, work ? work : 1);
}

static int arrive(struct generator *g, ns_t time_ns, uint32_t number, struct err *err)
{
	const struct gen_stream *stream = &g->plan->streams[number];
	struct gen_state *state = &g->states[number];
	const struct gen_occasion on = { .parent = NO_OBJECT, .first = NO_OBJECT };
	uint64_t now = 1;
	int ret;

	g->now_ns = time_ns > g->now_ns ? time_ns : g->now_ns;
	if (!state->left) {
		bool happens = stream->chance == UINT64_MAX || rng_next(&state->rng) < stream->chance;

		state->left = happens ? gen_draw_or(stream->count, 1, &state->rng) : 0;
		state->next_burst_ns = next_burst(g, number, time_ns);
	}
	if (!stream->gap || !state->left)
		now = state->left;
	ret = gen_start_burst(g, number, on, now, err);
	state->left -= now;
	if (ret < 0)
		return ret;
	if (state->left)
		return put_start(g, time_ns + dist_draw(stream->gap, &state->rng), number, err);
	return put_start(g, state->next_burst_ns, number, err);
}

static int run(struct generator *g, struct err *err)
{
	const struct gen_plan *plan = g->plan;
	int ret = 0;

	while (ret == 0 && g->events < plan->events) {
		const struct due *start = g->starts.nr ? &g->starts.heap[0] : NULL;
		const struct due *end = g->ends.nr ? &g->ends.heap[0] : NULL;
		struct due due;

		/* Objects that go make room for those that come at the same time. */
		bool is_end = end && (!start || end->time_ns <= start->time_ns);

		if (!start && !end)
			break;
		due = is_end ? *end : *start;
		if (due.time_ns >= plan->duration_ns)
			break;
		due_drop_first(is_end ? &g->ends : &g->starts);
		ret = is_end ? fall_due(g, &due, err) : arrive(g, due.time_ns, due.what, err);
	}
	return ret;
}

struct birth {
	uint64_t born;
	uint32_t object;
};

static int youngest_first(const void *a, const void *b)
{
	const struct birth *x = a, *y = b;

	return x->born < y->born ? 1 : -1;
}

/* What is left goes, youngest first: caches and pools after what is in them. */
static int end_all(struct generator *g, struct err *err)
{
	struct birth *births = malloc((g->object_numbers.used + 1) * sizeof(*births));
	size_t nr = 0;
	int ret = 0;

	if (!births)
		return gen_no_memory(err);
	for (uint32_t i = 0; i < g->object_numbers.used; i++) {
		const struct gen_object *object = &g->objects[i];

		if (object->born && !object->pending && g->plan->streams[object->stream].life != GEN_NEVER_ENDS)
			births[nr++] = (struct birth){ object->born, i };
	}
	qsort(births, nr, sizeof(*births), youngest_first);
	if (g->plan->duration_ns != GEN_FOREVER && g->events < g->plan->events && g->now_ns < g->plan->duration_ns)
		g->now_ns = g->plan->duration_ns;
	for (size_t i = 0; i < nr && ret == 0; i++)
		if (object_lives(g, births[i].object, births[i].born))
			ret = gen_end_object(g, births[i].object, GEN_NONE, false, err);
	free(births);
	return ret;
}

static int write_before(struct generator *g, struct err *err)
{
	uint32_t who = trace_writer_who(g->writer, &(struct trace_who){ .cpu = 0 });
	int ret = who == UINT32_MAX ? gen_no_memory(err) : 0;

	for (uint32_t i = 0; i < g->plan->nr_before && ret == 0; i++) {
		struct trace_event event = {
			.op = trace_writer_op(g->writer, &g->plan->before[i]),
			.who = who,
			.slot = SLOT_NONE,
		};

		ret = event.op == UINT32_MAX ? gen_no_memory(err) : trace_writer_prologue(g->writer, &event, err);
	}
	return ret;
}

static int number_groups(struct generator *g, struct err *err)
{
	g->who_numbers = calloc(g->plan->nr_groups + 1, sizeof(*g->who_numbers));
	if (!g->who_numbers)
		return gen_no_memory(err);
	for (uint32_t i = 0; i < g->plan->nr_groups; i++) {
		const struct gen_group *group = &g->plan->groups[i];

		g->who_numbers[i] = calloc(group->nr, sizeof(uint32_t));
		if (!g->who_numbers[i])
			return gen_no_memory(err);
		for (uint32_t j = 0; j < group->nr; j++)
			if ((g->who_numbers[i][j] = trace_writer_who(g->writer, &group->whos[j])) == UINT32_MAX)
				return gen_no_memory(err);
	}
	return 0;
}

/* In the order of the plan, so that what comes on one event comes in that order too. */
static void attach(struct generator *g, uint32_t number)
{
	uint32_t *last = &g->states[g->plan->streams[number].parent].first_child;

	while (*last != GEN_NONE)
		last = &g->states[*last].next_sibling;
	*last = number;
}

static int start_streams(struct generator *g, struct err *err)
{
	g->states = calloc(g->plan->nr_streams + 1, sizeof(*g->states));
	if (!g->states)
		return gen_no_memory(err);
	for (uint32_t i = 0; i < g->plan->nr_streams; i++) {
		const struct gen_stream *stream = &g->plan->streams[i];
		struct gen_state *state = &g->states[i];
		size_t bytes = (size_t)stream->nr_operations * NUMBERS * sizeof(uint32_t);
		int ret;

		rng_init(&state->rng, g->plan->seed, stream->name);
		state->first_child = state->next_sibling = GEN_NONE;
		state->numbers = malloc(bytes);
		if (!state->numbers)
			return gen_no_memory(err);
		memset(state->numbers, 0xff, bytes);
		if (stream->when == GEN_ON_EVENT) {
			attach(g, i);
			continue;
		}
		ret = put_start(g, next_burst(g, i, 0), i, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static void generator_fini(struct generator *g)
{
	for (uint32_t i = 0; g->states && i < g->plan->nr_streams; i++) {
		free(g->states[i].numbers);
		free(g->states[i].living);
	}
	for (uint32_t i = 0; g->who_numbers && i < g->plan->nr_groups; i++)
		free(g->who_numbers[i]);
	free(g->states);
	free(g->who_numbers);
	due_fini(&g->starts);
	due_fini(&g->ends);
	free(g->objects);
	slots_fini(&g->object_numbers);
	slots_fini(&g->slots);
}

int generate(const struct gen_plan *plan, struct trace_writer *writer, gen_progress progress, void *arg,
	struct err *err)
{
	struct generator g = { .plan = plan, .writer = writer, .progress = progress, .progress_arg = arg };
	int ret = write_before(&g, err);

	if (ret == 0)
		ret = number_groups(&g, err);
	if (ret == 0)
		ret = start_streams(&g, err);
	if (ret == 0)
		ret = run(&g, err);
	if (ret == 0 && plan->free_at_end)
		ret = end_all(&g, err);
	generator_fini(&g);
	return ret;
}

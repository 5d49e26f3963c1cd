/* gen_plan: the tasks, phases and streams of a workload as the generator wants them. */
#include <stdlib.h>
#include <string.h>

#include "sim/gen_priv.h"

static int no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for the plan of a workload");
}

static bool is_bulk(enum trace_kind kind)
{
	return kind == KIND_KMEM_CACHE_ALLOC_BULK || kind == KIND_ALLOC_PAGES_BULK;
}

/* Each task has its CPU, in turns; one that migrates is met on all of them. */
static int plan_group(struct gen_group *group, const struct workload_tasks *tasks, struct trace_writer *writer,
	struct err *err)
{
	uint32_t comm = trace_writer_string(writer, tasks->comm, strlen(tasks->comm));
	uint32_t per_task = tasks->migrate ? tasks->cpus.nr : 1;

	group->whos = calloc((size_t)tasks->count * per_task, sizeof(*group->whos));
	if (!group->whos || comm == UINT32_MAX)
		return no_memory(err);
	for (uint32_t i = 0; i < tasks->count; i++)
		for (uint32_t j = 0; j < per_task; j++)
			group->whos[group->nr++] = (struct trace_who){
				.cpu = tasks->cpus.numbers[(i + j) % tasks->cpus.nr],
				.pid = (int32_t)(tasks->context == WORKLOAD_PROCESS ? tasks->pid + i : tasks->pid),
				.comm = comm,
			};
	return 0;
}

/* Phases, with what lies between them and behind the last. */
static int plan_phases(struct gen_plan *plan, const struct workload *w, struct err *err)
{
	ns_t end = 0;

	plan->phases = calloc(2 * (size_t)w->nr_phases + 1, sizeof(*plan->phases));
	if (!plan->phases)
		return no_memory(err);
	for (uint32_t i = 0; i < w->nr_phases; i++) {
		const struct workload_phase *phase = &w->phases[i];

		if (phase->start_ns > end)
			plan->phases[plan->nr_phases++].start_ns = end;
		plan->phases[plan->nr_phases++].start_ns = phase->start_ns;
		end = phase->start_ns + phase->duration_ns;
	}
	if (w->repeat_phases)
		plan->cycle_ns = end;
	else if (w->nr_phases)
		plan->phases[plan->nr_phases++].start_ns = end;
	return 0;
}

/* How fast the stream runs in each piece of time that plan_phases() made. */
static int plan_rates(const struct gen_plan *plan, const struct workload *w, const struct workload_stream *from,
	struct gen_stream *to, struct err *err)
{
	uint32_t phase = 0;

	if (!plan->nr_phases)
		return 0;
	to->rates = calloc(plan->nr_phases, sizeof(*to->rates));
	if (!to->rates)
		return no_memory(err);
	for (uint32_t i = 0; i < plan->nr_phases; i++) {
		bool between = phase == w->nr_phases || plan->phases[i].start_ns != w->phases[phase].start_ns;

		if (between)
			to->rates[i] = from->during ? 0 : GEN_RATE_ONE;
		else
			to->rates[i] = !from->during || from->during[phase] ? w->phases[phase].rate : 0;
		phase += !between;
	}
	return 0;
}

/* A marker where each phase begins. */
static int plan_marker(struct gen_stream *to, const struct workload_phase *phase, struct trace_writer *writer,
	struct err *err)
{
	*to = (struct gen_stream){ .name = phase->name, .when = GEN_AT_TIMES, .nr_at = 1, .chance = UINT64_MAX,
		.object = GEN_NONE, .page = GEN_NONE, .nr_operations = 1 };
	to->at = malloc(sizeof(*to->at));
	to->operations = calloc(1, sizeof(*to->operations));
	if (!to->at || !to->operations)
		return no_memory(err);
	to->at[0] = phase->start_ns;
	to->operations[0].begin = (struct trace_op){ .kind = KIND_MARKER, .node = -1,
		.name = trace_writer_string(writer, phase->name, strlen(phase->name)) };
	return to->operations[0].begin.name == UINT32_MAX ? no_memory(err) : 0;
}

static int plan_table(struct dist_table **table, const struct workload_value *value, struct err *err)
{
	if (!value->given)
		return 0;
	*table = malloc(sizeof(**table));
	if (!*table)
		return no_memory(err);
	dist_table_init(*table, &value->dist);
	return 0;
}

static int plan_times(struct gen_stream *to, const struct workload_stream *from, struct err *err)
{
	int ret = plan_table(&to->interval, &from->every, err);

	if (ret || (ret = plan_table(&to->count, &from->burst, err)) || (ret = plan_table(&to->gap, &from->gap, err)) ||
		(ret = plan_table(&to->delay, &from->delay, err)) ||
		(ret = plan_table(&to->lifetime, &from->lifetime, err)))
		return ret;
	to->at = malloc((from->nr_at + 1) * sizeof(*to->at));
	if (!to->at)
		return no_memory(err);
	for (to->nr_at = 0; to->nr_at < from->nr_at; to->nr_at++)
		to->at[to->nr_at] = from->at[to->nr_at];
	return 0;
}

static enum gen_life life_of(enum workload_life life, bool ends)
{
	switch (life) {
	case WORKLOAD_LIFE_TIME:
		return GEN_LIVES_FOR;
	case WORKLOAD_LIFE_PARENT:
		return GEN_LIVES_AS_PARENT;
	case WORKLOAD_LIFE_SECTION:
		return GEN_IS_SECTION;
	case WORKLOAD_LIFE_REPLACED:
		return GEN_UNTIL_REPLACED;
	case WORKLOAD_LIFE_NEVER:
		return GEN_NEVER_ENDS;
	default:
		return ends ? GEN_UNTIL_END : GEN_NO_END;
	}
}

/* The number of a stream of the workload in the plan: markers of phases stand in front. */
static uint32_t stream_number(const struct workload *w, uint32_t stream)
{
	if (stream == WORKLOAD_NONE)
		return GEN_NONE;
	return stream == WORKLOAD_PARENT ? GEN_PARENT : w->nr_phases + stream;
}

/* What stands for @stream in `object` or `page` of @from. */
static uint32_t referred(const struct workload_stream *from, uint32_t stream)
{
	return stream == WORKLOAD_PARENT ? from->on : stream;
}

static enum trace_kind kind_of(const struct workload *w, uint32_t stream)
{
	const char *event = stream == WORKLOAD_NONE ? NULL : w->streams[stream].event;

	return event ? kind_by_name(event) : NR_KINDS;
}

static void check_reference(struct gen_build *b, const struct workload_stream *from, const char *key, uint32_t stream,
	struct finding_place place)
{
	enum trace_kind kind = kind_of(b->workload, referred(from, stream));

	if (stream == WORKLOAD_NONE || kind == NR_KINDS)
		return;
	if (kind_info[kind].slot != SLOT_BEGINS)
		findings_add(&b->workload->findings, place, "%s: %s makes no object", key, kind_info[kind].name);
	else
		b->plan->streams[stream_number(b->workload, referred(from, stream))].referred_to = true;
}

static void check_references(struct gen_build *b, const struct workload_stream *from, enum trace_kind kind)
{
	struct findings *findings = &b->workload->findings;
	const struct kind_info *info = &kind_info[kind];

	check_reference(b, from, "object", from->object, from->object_place);
	check_reference(b, from, "page", from->page, from->page_place);
	if (from->object != WORKLOAD_NONE && info->slot != SLOT_USED)
		findings_add(findings, from->object_place, "object: %s is about no other object", info->name);
	if (from->object == WORKLOAD_NONE && info->slot == SLOT_USED && !(info->keys & (KEY_NAME | KEY_PHYS)))
		findings_add(findings, from->event_place, "%s: object is missing: the stream whose object is meant",
			info->name);
	if (from->page != WORKLOAD_NONE && !(info->keys & KEY_PAGE))
		findings_add(findings, from->page_place, "page: %s maps no page", info->name);
	if (from->page == WORKLOAD_NONE && info->keys & KEY_PAGE)
		findings_add(findings, from->event_place, "%s: page is missing: the stream whose page is mapped",
			info->name);
}

static void check_life(struct gen_build *b, const struct workload_stream *from, enum trace_kind kind)
{
	struct findings *findings = &b->workload->findings;
	const char *event = kind_info[kind].name;
	enum trace_kind parent = from->when == WORKLOAD_ON ? kind_of(b->workload, from->on) : NR_KINDS;

	if (kind_info[kind].slot == SLOT_ENDS)
		findings_add(findings, from->event_place, "%s ends what another event begins: give that one a lifetime",
			event);
	else if (from->life != WORKLOAD_LIFE_DEFAULT && gen_end_of(kind) == NR_KINDS)
		findings_add(findings, from->event_place, "%s has no end: it takes no lifetime, section or live",
			event);
	if (from->life == WORKLOAD_LIFE_PARENT && parent != NR_KINDS && gen_end_of(parent) == NR_KINDS)
		findings_add(findings, from->event_place, "lifetime: parent: %s has no end", kind_info[parent].name);
	if (is_bulk(kind) && (from->gap.given || from->life == WORKLOAD_LIFE_REPLACED))
		findings_add(findings, from->event_place, "%s is one call: it takes no gap and no live", event);
}

static enum trace_kind find_kind(struct gen_build *b, const struct workload_stream *from)
{
	enum trace_kind kind = kind_by_name(from->event);
	const char *near = kind_nearest(from->event, strlen(from->event));
	char got[80];

	if (kind == NR_KINDS)
		findings_add(&b->workload->findings, from->event_place, "unknown event \"%s\"%s%s%s",
			finding_quote(from->event, strlen(from->event), got, sizeof(got)),
			near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	return kind;
}

/* @parent: what the stream comes on, or NULL. What ends with its object ends where that does. */
static void plan_freer(struct gen_stream *to, const struct workload_stream *from, const struct gen_stream *parent)
{
	static const enum gen_freer freers[] = { [WORKLOAD_FREER_SAME] = GEN_FREED_BY_SAME,
		[WORKLOAD_FREER_ANY] = GEN_FREED_BY_ANY,
		[WORKLOAD_FREER_ELSEWHERE] = GEN_FREED_ELSEWHERE,
		[WORKLOAD_FREER_TASKS] = GEN_FREED_BY_GROUP };

	to->freer = freers[from->freer];
	to->freer_group = to->group;
	if (from->freer == WORKLOAD_FREER_TASKS)
		to->freer_group = from->freer_tasks;
	else if (from->freer == WORKLOAD_FREER_SAME && from->life == WORKLOAD_LIFE_PARENT)
		to->freer_group = parent->freer_group;
}

static int plan_stream(struct gen_build *b, const struct workload_stream *from, struct gen_stream *to, struct err *err)
{
	static const enum gen_when whens[] = { [WORKLOAD_EVERY] = GEN_REPEATEDLY, [WORKLOAD_AT] = GEN_AT_TIMES,
		[WORKLOAD_ON] = GEN_ON_EVENT };
	const struct workload *w = b->workload;
	enum trace_kind kind = find_kind(b, from);
	int ret;

	to->name = from->name;
	to->when = whens[from->when];
	to->parent = stream_number(w, from->on);
	to->chance = from->chance;
	to->as_parent = from->by == WORKLOAD_NONE;
	to->group = to->as_parent ? b->plan->streams[to->parent].group : from->by;
	to->live = from->live;
	to->replace_any = from->replace_any;
	to->object = stream_number(w, from->object);
	to->page = stream_number(w, from->page);
	if (kind == NR_KINDS)
		return 0;
	to->bulk = is_bulk(kind);
	to->life = life_of(from->life, gen_end_of(kind) != NR_KINDS);
	plan_freer(to, from, from->when == WORKLOAD_ON ? &b->plan->streams[to->parent] : NULL);
	check_life(b, from, kind);
	check_references(b, from, kind);
	ret = plan_times(to, from, err);
	if (ret || (ret = plan_rates(b->plan, w, from, to, err)))
		return ret;
	return gen_operations(b, from, to, kind, w->tasks[to->group].context, w->tasks[to->freer_group].context, err);
}

static int plan_streams(struct gen_build *b, struct err *err)
{
	const struct workload *w = b->workload;
	struct gen_plan *plan = b->plan;
	int ret = 0;

	plan->streams = calloc(w->nr_phases + w->nr_streams + 1, sizeof(*plan->streams));
	if (!plan->streams)
		return no_memory(err);
	plan->nr_streams = w->nr_phases + w->nr_streams;
	for (uint32_t i = 0; i < w->nr_phases && ret == 0; i++)
		ret = plan_marker(&plan->streams[i], &w->phases[i], b->from.writer, err);
	for (uint32_t i = 0; i < w->nr_streams && ret == 0; i++)
		ret = plan_stream(b, &w->streams[i], &plan->streams[w->nr_phases + i], err);
	return ret;
}

static int plan_groups(struct gen_build *b, struct err *err)
{
	const struct workload *w = b->workload;
	int ret = 0;

	b->plan->groups = calloc(w->nr_tasks, sizeof(*b->plan->groups));
	if (!b->plan->groups)
		return no_memory(err);
	b->plan->nr_groups = w->nr_tasks;
	for (uint32_t i = 0; i < w->nr_tasks && ret == 0; i++)
		ret = plan_group(&b->plan->groups[i], &w->tasks[i], b->from.writer, err);
	return ret;
}

static int plan_before(struct gen_build *b, struct err *err)
{
	const struct workload *w = b->workload;
	int ret = 0;

	b->plan->before = calloc(w->nr_caches + 1, sizeof(*b->plan->before));
	if (!b->plan->before)
		return no_memory(err);
	for (uint32_t i = 0; i < w->nr_caches && ret == 0; i++)
		ret = gen_cache(b, &w->caches[i], &b->plan->before[b->plan->nr_before++], err);
	return ret;
}

/* A length asked for takes the place of both the file's. */
static void plan_length(struct gen_plan *plan, const struct workload *w, const struct gen_options *options)
{
	bool own = !options->duration_ns && !options->events;
	ns_t duration = own ? w->duration_ns : options->duration_ns;
	uint64_t events = own ? w->events : options->events;

	plan->duration_ns = duration ? duration : GEN_FOREVER;
	plan->events = events ? events : GEN_FOREVER;
}

int gen_plan(struct gen_plan *plan, struct workload *workload, const struct gen_options *options,
	struct trace_writer *writer, struct err *err)
{
	struct trace_meta ignored = { 0 };
	struct gen_build b = { .plan = plan, .workload = workload, .from = { .writer = writer, .layout = GFP_LAYOUT_L5,
		.page_size = workload->page_size, .ignored = &ignored.ignored } };
	int ret;

	*plan = (struct gen_plan){ .seed = options->seed ? *options->seed : workload->seed,
		.free_at_end = !workload->keep_at_end };
	plan_length(plan, workload, options);
	ret = plan_before(&b, err);
	if (ret || (ret = plan_groups(&b, err)) || (ret = plan_phases(plan, workload, err)) ||
		(ret = plan_streams(&b, err)))
		goto out;
	ret = findings_report(&workload->findings, err);
out:
	from_fields_fini(&b.from);
	trace_meta_fini(&ignored);
	return ret;
}

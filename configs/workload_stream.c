/* workload_stream: the streams of a workload file: when events come, who asks, how long what they begin lives. */
#include <stdlib.h>
#include <string.h>

#include "base/word.h"
#include "configs/workload_priv.h"

/* A stream in the making. */
struct stream_load {
	struct workload *w;
	struct workload_stream *s;
	const struct yaml_node *map;
	uint32_t whens;              /* keys seen that say when */
	uint32_t lives;              /* that say how long */
};

typedef void (*stream_key)(struct stream_load *l, const struct yaml_node *node);

/* The stream of that name in front of this one; any stream when @any. WORKLOAD_NONE: there is none. */
static uint32_t find_stream(const struct stream_load *l, const char *name, bool any)
{
	uint32_t here = (uint32_t)(l->s - l->w->streams);

	for (uint32_t i = 0; i < l->w->nr_streams; i++)
		if ((any || i < here) && !strcmp(l->w->streams[i].name, name))
			return i;
	return WORKLOAD_NONE;
}

/* The nearest of the first @nr streams may be what was meant. */
static void no_stream(struct stream_load *l, const char *key, const struct yaml_node *node, uint32_t nr,
	const char *expected)
{
	const char **names = malloc((nr + 1) * sizeof(*names));
	char got[80], hint[96] = "";

	for (uint32_t i = 0; names && i < nr; i++)
		names[i] = l->w->streams[i].name;
	if (names)
		word_hint(node->text, names, nr, "", hint, sizeof(hint));
	findings_add(&l->w->findings, PLACE(node), "%s: \"%s\": expected %s%s", key,
		finding_quote(node->text, node->len, got, sizeof(got)), expected, hint);
	free(names);
}

static uint32_t find_tasks(struct stream_load *l, const char *key, const struct yaml_node *node)
{
	const char *name = load_text(l->w, key, node);
	char got[80];

	for (uint32_t i = 0; name && i < l->w->nr_tasks; i++)
		if (!strcmp(l->w->tasks[i].name, name))
			return i;
	if (name)
		findings_add(&l->w->findings, PLACE(node), "%s: \"%s\": there are no tasks of this name", key,
			finding_quote(name, strlen(name), got, sizeof(got)));
	return WORKLOAD_NONE;
}

static void load_event(struct stream_load *l, const struct yaml_node *node)
{
	l->s->event = load_text(l->w, "event", node);
	l->s->event_place = PLACE(node);
}

static void load_by(struct stream_load *l, const struct yaml_node *node)
{
	l->s->by = find_tasks(l, "by", node);
}

static void load_every(struct stream_load *l, const struct yaml_node *node)
{
	uint32_t findings = l->w->findings.nr;

	load_draw(l->w, &l->s->every, "every", node, UNIT_TIME);
	if (l->w->findings.nr == findings && !dist_quantile(&l->s->every.dist, UINT64_MAX))
		findings_add(&l->w->findings, PLACE(node), "every: expected more than 0");
	l->s->when = WORKLOAD_EVERY;
	l->whens++;
}

/* Bursts a second, at random: the time between them is exponential. */
static void load_rate(struct stream_load *l, const struct yaml_node *node)
{
	const char *text = load_text(l->w, "rate", node);
	uint64_t millionths = 0;
	const char *rest = text ? parse_fraction(text, 1000000, &millionths) : NULL;

	l->s->when = WORKLOAD_EVERY;
	l->whens++;
	if (!text)
		return;
	if (!rest || (*rest && strcmp(rest, "/s")) || !millionths || millionths > 1000000000000000u) {
		findings_add(&l->w->findings, PLACE(node), "rate: \"%s\": expected events a second, such as 5000",
			text);
		return;
	}
	l->s->every = (struct workload_value){ .key = "rate", .place = PLACE(node), .given = true, .numbers = true,
		.dist = { .kind = DIST_EXPONENTIAL, .a = 1000000000000000u / millionths, .max = INT64_MAX / 4 } };
}

static int by_time(const void *a, const void *b)
{
	ns_t x = *(const ns_t *)a, y = *(const ns_t *)b;

	return x < y ? -1 : x > y;
}

static void load_at(struct stream_load *l, const struct yaml_node *node)
{
	bool list = node->kind == YAML_LIST;
	uint32_t nr = list ? count_of(node) : 1;

	l->s->when = WORKLOAD_AT;
	l->whens++;
	free(l->s->at);
	l->s->at = calloc(nr + 1, sizeof(*l->s->at));
	l->s->nr_at = 0;
	if (!l->s->at) {
		findings_add(&l->w->findings, PLACE(node), "no memory for %u times", nr);
		return;
	}
	for (const struct yaml_node *one = list ? node->first : node; one; one = list ? one->next : NULL) {
		bool start = one->kind == YAML_SCALAR && !strcmp(one->text, "start");

		if (start || load_time(l->w, "at", one, &l->s->at[l->s->nr_at]))
			l->s->nr_at++;
	}
	qsort(l->s->at, l->s->nr_at, sizeof(*l->s->at), by_time);
}

static void load_on(struct stream_load *l, const struct yaml_node *node)
{
	const char *name = load_text(l->w, "on", node);

	l->s->when = WORKLOAD_ON;
	l->whens++;
	l->s->on = name ? find_stream(l, name, false) : WORKLOAD_NONE;
	if (name && l->s->on == WORKLOAD_NONE)
		no_stream(l, "on", node, (uint32_t)(l->s - l->w->streams), "a stream in front of this one");
}

static void load_chance(struct stream_load *l, const struct yaml_node *node)
{
	uint64_t millionths;

	if (load_fraction(l->w, "chance", node, 1000000, 1, &millionths))
		l->s->chance = millionths == 1000000 ? UINT64_MAX : millionths * (UINT64_MAX / 1000000);
}

static void load_burst(struct stream_load *l, const struct yaml_node *node)
{
	load_draw(l->w, &l->s->burst, "burst", node, UNIT_COUNT);
}

static void load_gap(struct stream_load *l, const struct yaml_node *node)
{
	load_draw(l->w, &l->s->gap, "gap", node, UNIT_TIME);
}

static void load_delay(struct stream_load *l, const struct yaml_node *node)
{
	load_draw(l->w, &l->s->delay, "delay", node, UNIT_TIME);
}

static void load_lifetime(struct stream_load *l, const struct yaml_node *node)
{
	static const char *const words[] = { "parent", "end", "never" };
	static const enum workload_life lives[] = { WORKLOAD_LIFE_PARENT, WORKLOAD_LIFE_END, WORKLOAD_LIFE_NEVER };

	l->lives++;
	for (size_t i = 0; i < 3; i++)
		if (node->kind == YAML_SCALAR && !strcmp(node->text, words[i])) {
			l->s->life = lives[i];
			return;
		}
	l->s->life = WORKLOAD_LIFE_TIME;
	load_draw(l->w, &l->s->lifetime, "lifetime", node, UNIT_TIME);
}

static void load_section(struct stream_load *l, const struct yaml_node *node)
{
	l->lives++;
	l->s->life = WORKLOAD_LIFE_SECTION;
	load_draw(l->w, &l->s->lifetime, "section", node, UNIT_TIME);
}

static void load_live(struct stream_load *l, const struct yaml_node *node)
{
	uint64_t live = 1;

	l->lives++;
	l->s->life = WORKLOAD_LIFE_REPLACED;
	load_number(l->w, "live", node, 1, 1u << 30, &live);
	l->s->live = (uint32_t)live;
}

static void load_replace(struct stream_load *l, const struct yaml_node *node)
{
	static const char *const words[] = { "oldest", "any", NULL };

	l->s->replace_any = load_word(l->w, "replace", node, words) == 1;
	if (!yaml_map_key(l->map, "live", 4))
		findings_add(&l->w->findings, PLACE(node), "replace: only beside `live`");
}

static void load_freed_by(struct stream_load *l, const struct yaml_node *node)
{
	static const char *const words[] = { "same", "any", "elsewhere" };
	static const enum workload_freer freers[] = { WORKLOAD_FREER_SAME, WORKLOAD_FREER_ANY,
		WORKLOAD_FREER_ELSEWHERE };

	for (size_t i = 0; i < 3; i++)
		if (node->kind == YAML_SCALAR && !strcmp(node->text, words[i])) {
			l->s->freer = freers[i];
			return;
		}
	l->s->freer = WORKLOAD_FREER_TASKS;
	l->s->freer_tasks = find_tasks(l, "freed_by", node);
}

static uint32_t load_reference(struct stream_load *l, const char *key, const struct yaml_node *node)
{
	const char *name = load_text(l->w, key, node);
	uint32_t stream;

	if (!name)
		return WORKLOAD_NONE;
	if (!strcmp(name, "parent"))
		return WORKLOAD_PARENT;
	stream = find_stream(l, name, true);
	if (stream == WORKLOAD_NONE)
		no_stream(l, key, node, l->w->nr_streams, "a stream, or parent");
	return stream;
}

static void load_object(struct stream_load *l, const struct yaml_node *node)
{
	l->s->object = load_reference(l, "object", node);
	l->s->object_place = PLACE(node);
}

static void load_page(struct stream_load *l, const struct yaml_node *node)
{
	l->s->page = load_reference(l, "page", node);
	l->s->page_place = PLACE(node);
}

static void load_during(struct stream_load *l, const struct yaml_node *node)
{
	bool list = node->kind == YAML_LIST;

	free(l->s->during);
	l->s->during = calloc(l->w->nr_phases + 1, sizeof(*l->s->during));
	if (!l->s->during) {
		findings_add(&l->w->findings, PLACE(node), "no memory for phases");
		return;
	}
	for (const struct yaml_node *one = list ? node->first : node; one; one = list ? one->next : NULL) {
		const char *name = load_text(l->w, "during", one);
		bool found = !name;

		for (uint32_t i = 0; name && i < l->w->nr_phases; i++)
			if (!strcmp(l->w->phases[i].name, name))
				found = l->s->during[i] = true;
		if (!found)
			findings_add(&l->w->findings, PLACE(one), "during: \"%s\": there is no phase of this name",
				name);
	}
}

const char *const workload_stream_keys[] = { "event", "by", "every", "rate", "at", "on", "chance", "burst", "gap",
	"delay", "lifetime", "section", "live", "replace", "freed_by", "object", "page", "during" };
static const stream_key stream_loads[] = { load_event, load_by, load_every, load_rate, load_at, load_on, load_chance,
	load_burst, load_gap, load_delay, load_lifetime, load_section, load_live, load_replace, load_freed_by,
	load_object, load_page, load_during };
const size_t nr_workload_stream_keys = sizeof(workload_stream_keys) / sizeof(workload_stream_keys[0]);

_Static_assert(sizeof(stream_loads) / sizeof(stream_loads[0]) ==
		sizeof(workload_stream_keys) / sizeof(workload_stream_keys[0]),
	"each key of a stream has its function");

static void load_stream_key(struct stream_load *l, const struct yaml_node *name)
{
	struct workload_value *value;

	for (size_t i = 0; i < nr_workload_stream_keys; i++)
		if (!strcmp(workload_stream_keys[i], name->text)) {
			stream_loads[i](l, name->next);
			return;
		}
	value = &l->s->values[l->s->nr_values++];
	load_draw(l->w, value, name->text, name->next, UNIT_ANY);
	value->key_place = PLACE(name);
}

/* Something that must be there is not: "one of rate and at is missing; is it \"rat\"?" */
static void missing(struct stream_load *l, const char *what, const char *const *keys, size_t nr)
{
	const struct workload_stream *s = l->s;

	for (uint32_t i = 0; i < s->nr_values; i++)
		if (word_nearest(s->values[i].key, keys, nr)) {
			findings_add(&l->w->findings, s->values[i].key_place, "%s: %s is missing; is it this \"%s\"?",
				s->name, what, s->values[i].key);
			return;
		}
	findings_add(&l->w->findings, s->place, "%s: %s is missing", s->name, what);
}

static void check_needed(struct stream_load *l)
{
	static const char *const event[] = { "event" };
	static const char *const whens[] = { "rate", "every", "at", "on" };

	if (!yaml_map_key(l->map, "event", 5))
		missing(l, "event", event, 1);
	if (!l->whens)
		missing(l, "one of rate, every, at and on", whens, 4);
}

static void check_stream(struct stream_load *l)
{
	struct workload *w = l->w;
	const struct workload_stream *s = l->s;
	bool on = s->when == WORKLOAD_ON;

	check_needed(l);
	if (l->whens > 1)
		findings_add(&w->findings, s->place, "%s: expected one of rate, every, at and on", s->name);
	if (l->lives > 1)
		findings_add(&w->findings, s->place, "%s: expected one of lifetime, section and live", s->name);
	if (!on && s->by == WORKLOAD_NONE && w->nr_tasks > 1 && !yaml_map_key(l->map, "by", 2))
		findings_add(&w->findings, s->place, "%s: by is missing: which of the tasks", s->name);
	if (!on && s->life == WORKLOAD_LIFE_PARENT)
		findings_add(&w->findings, s->place, "%s: lifetime: parent is for streams with `on`", s->name);
	if (!on && s->delay.given)
		findings_add(&w->findings, s->delay.place, "delay: only beside `on`");
	if (!on && s->object == WORKLOAD_PARENT)
		findings_add(&w->findings, s->object_place, "object: parent is for streams with `on`");
	if (!on && s->page == WORKLOAD_PARENT)
		findings_add(&w->findings, s->page_place, "page: parent is for streams with `on`");
	if (s->during && s->when != WORKLOAD_EVERY)
		findings_add(&w->findings, s->place, "%s: during: only beside rate or every", s->name);
}

static void load_stream(struct workload *w, struct workload_stream *stream, const struct yaml_node *map)
{
	struct stream_load l = { .w = w, .s = stream, .map = map };

	stream->by = stream->on = stream->freer_tasks = stream->object = stream->page = WORKLOAD_NONE;
	stream->chance = UINT64_MAX;
	if (!map_of(w, stream->name, map))
		return;
	stream->values = calloc(count_of(map) + 1, sizeof(*stream->values));
	if (!stream->values) {
		findings_add(&w->findings, stream->place, "no memory for a stream");
		return;
	}
	for (const struct yaml_node *name = map->first; name; name = name->next->next)
		load_stream_key(&l, name);
	if (stream->by == WORKLOAD_NONE && stream->when != WORKLOAD_ON)
		stream->by = 0;
	check_stream(&l);
}

void load_streams(struct workload *w, const struct yaml_node *node)
{
	uint32_t nr = 0;

	if (!map_of(w, "streams", node))
		return;
	if (!node->first || count_of(node) > WORKLOAD_MAX_ITEMS) {
		findings_add(&w->findings, PLACE(node), "streams: expected 1 to %u streams", WORKLOAD_MAX_ITEMS);
		return;
	}
	w->streams = calloc(count_of(node), sizeof(*w->streams));
	if (!w->streams) {
		findings_add(&w->findings, PLACE(node), "no memory for the streams");
		return;
	}
	w->nr_streams = count_of(node);
	for (const struct yaml_node *name = node->first; name; name = name->next->next) {
		w->streams[nr].name = name->text;
		w->streams[nr++].place = PLACE(name);
	}
	nr = 0;
	for (const struct yaml_node *name = node->first; name; name = name->next->next)
		load_stream(w, &w->streams[nr++], name->next);
}

void stream_fini(struct workload_stream *stream)
{
	workload_value_fini(&stream->every);
	workload_value_fini(&stream->burst);
	workload_value_fini(&stream->gap);
	workload_value_fini(&stream->delay);
	workload_value_fini(&stream->lifetime);
	free(stream->at);
	free(stream->during);
	values_fini(stream->values, stream->nr_values);
}

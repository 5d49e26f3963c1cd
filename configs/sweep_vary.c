/* sweep_vary: the axes of a sweep: each kind of variation is in the end a list of choices. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "configs/sweep_draw.h"
#include "configs/sweep_priv.h"

#define MAX_AXES 32
#define MAX_CHOICES 100000

/* A value of a random axis: a range, or a list to choose from. */
struct spec {
	const char *path;
	const struct key *key;
	const struct yaml_node *choice; /* list; NULL = the range */
	struct draw_range range;
};

static void out_of_memory(struct loader *l)
{
	findings_add(l->findings, (struct finding_place){ 0 }, "no memory for the sweep");
}

static struct sweep_axis *add_axis(struct loader *l, struct sweep *sweep, const struct yaml_node *node,
	uint32_t nr_choices)
{
	struct sweep_axis *axes, *axis;

	if (sweep->nr_axes == MAX_AXES) {
		findings_add(l->findings, place_of(l, node), "more than %d keys that vary by themselves", MAX_AXES);
		return NULL;
	}
	axes = realloc(sweep->axes, (sweep->nr_axes + 1) * sizeof(*axes));
	if (axes)
		sweep->axes = axes;
	axis = axes ? &axes[sweep->nr_axes] : NULL;
	if (!axis || !(axis->choices = calloc(nr_choices, sizeof(*axis->choices)))) {
		out_of_memory(l);
		return NULL;
	}
	axis->nr_choices = nr_choices;
	axis->named = false;
	sweep->nr_axes++;
	return axis;
}

/* @value is owned by the choice from now on, as part of "key=value". */
static void add_set(struct loader *l, struct sweep_choice *choice, const char *path, char *value)
{
	char **sets = realloc(choice->sets, (choice->nr_sets + 1) * sizeof(*sets));

	if (sets)
		choice->sets = sets;
	if (!sets || !value || asprintf(&sets[choice->nr_sets], "%s=%s", path, value) < 0)
		out_of_memory(l);
	else
		choice->nr_sets++;
	free(value);
}

/* The machine key that @name names; NULL, with a finding, when there is none or it already varies. */
static const struct key *find_key(struct loader *l, const struct sweep *sweep, const struct yaml_node *name)
{
	const struct key *key = NULL;

	if (name->kind != YAML_SCALAR || strlen(name->text) != name->len || name->len >= KEY_PATH_MAX)
		findings_add(l->findings, place_of(l, name), "expected the path of a machine key");
	else if (strchr(name->text, '#') || !(key = key_find(name->text)))
		load_unknown(l, place_of(l, name), name->text);
	else if (sweep_key_known(sweep, name->text, name->len))
		findings_add(l->findings, place_of(l, name), "%s: varies already, further up", name->text);
	else
		return key;
	return NULL;
}

/* Whether @node is a value for the key, as far as it can be told without the rest of the machine. */
static void check_value(struct loader *l, const struct key *key, const struct yaml_node *name,
	const struct yaml_node *node)
{
	if (!strchr(key->path, '#'))
		load_value(l, key, l->draft, name->text, node);
}

static uint32_t list_length(const struct yaml_node *list)
{
	uint32_t nr = 0;

	for (const struct yaml_node *node = list->first; node; node = node->next)
		nr++;
	return nr;
}

static bool expect(struct loader *l, const struct yaml_node *node, enum yaml_kind kind, const char *name,
	const char *what)
{
	if (node->kind == kind && node->first)
		return true;
	findings_add(l->findings, place_of(l, node), "%s: expected %s", name, what);
	return false;
}

/* Values that look the same would be the same point twice. */
static void check_different(struct loader *l, const struct sweep_axis *axis, uint32_t last,
	const struct yaml_node *node)
{
	for (uint32_t i = 0; i < last; i++) {
		if (axis->choices[last].nr_sets && axis->choices[i].nr_sets &&
			!strcmp(axis->choices[i].sets[0], axis->choices[last].sets[0])) {
			findings_add(l->findings, place_of(l, node), "%s: given twice", axis->choices[last].sets[0]);
			return;
		}
	}
}

static void load_grid(struct loader *l, struct sweep *sweep, const struct yaml_node *map)
{
	for (const struct yaml_node *name = map->first; name && name->next; name = name->next->next) {
		const struct yaml_node *list = name->next;
		const struct key *key = find_key(l, sweep, name);
		struct sweep_axis *axis;
		uint32_t i = 0;

		if (!key || !expect(l, list, YAML_LIST, name->text, "a list of values"))
			continue;
		axis = add_axis(l, sweep, list, list_length(list));
		if (!axis)
			return;
		for (const struct yaml_node *node = list->first; node; node = node->next, i++) {
			check_value(l, key, name, node);
			add_set(l, &axis->choices[i], name->text, node_to_flow(node));
			check_different(l, axis, i, node);
		}
	}
}

static void load_zip(struct loader *l, struct sweep *sweep, const struct yaml_node *map)
{
	struct sweep_axis *axis = NULL;

	for (const struct yaml_node *name = map->first; name && name->next; name = name->next->next) {
		const struct yaml_node *list = name->next;
		const struct key *key = find_key(l, sweep, name);
		uint32_t i = 0;

		if (!key || !expect(l, list, YAML_LIST, name->text, "a list of values"))
			continue;
		if (!axis && !(axis = add_axis(l, sweep, list, list_length(list))))
			return;
		if (list_length(list) != axis->nr_choices) {
			findings_add(l->findings, place_of(l, list),
				"%s: %u values beside %u of the key before: in step means as many", name->text,
				list_length(list), axis->nr_choices);
			continue;
		}
		for (const struct yaml_node *node = list->first; node; node = node->next, i++) {
			check_value(l, key, name, node);
			add_set(l, &axis->choices[i], name->text, node_to_flow(node));
		}
	}
}

static void load_variant(struct loader *l, struct sweep *sweep, struct sweep_choice *choice,
	const struct yaml_node *name)
{
	const struct yaml_node *sets = name->next;

	if (name->kind != YAML_SCALAR || !name->len) {
		findings_add(l->findings, place_of(l, name), "expected the name of a variant");
		return;
	}
	choice->name = strdup(name->text);
	if (!choice->name)
		out_of_memory(l);
	if (sets->kind != YAML_MAP) {
		findings_add(l->findings, place_of(l, sets), "%s: expected settings such as {slab.merge: false}",
			name->text);
		return;
	}
	for (const struct yaml_node *key_name = sets->first; key_name && key_name->next;
		key_name = key_name->next->next) {
		const struct key *key = NULL;

		if (key_name->kind == YAML_SCALAR && strlen(key_name->text) == key_name->len)
			key = strchr(key_name->text, '#') ? NULL : key_find(key_name->text);
		if (!key) {
			find_key(l, sweep, key_name);
			continue;
		}
		check_value(l, key, key_name, key_name->next);
		add_set(l, choice, key_name->text, node_to_flow(key_name->next));
	}
}

static void load_list(struct loader *l, struct sweep *sweep, const struct yaml_node *map)
{
	struct sweep_axis *axis = add_axis(l, sweep, map, list_length(map) / 2);
	uint32_t i = 0;

	if (!axis)
		return;
	axis->named = true;
	for (const struct yaml_node *name = map->first; name && name->next; name = name->next->next, i++) {
		load_variant(l, sweep, &axis->choices[i], name);
		if (name->kind == YAML_SCALAR && yaml_map_key(map, name->text, name->len) != name)
			findings_add(l->findings, place_of(l, name), "%s: given twice", name->text);
	}
}

/* A quantity of the key's own kind at @path of @map; @missing when it is not there. */
static uint64_t load_bound(struct loader *l, const struct key *key, const struct yaml_node *map, const char *path,
	uint64_t missing)
{
	const struct yaml_node *name = yaml_map_key(map, path, strlen(path));
	uint64_t number = missing;
	const struct key plain = {
		.path = key->path,
		.kind = key->kind,
		.size = sizeof(number),
		.min = key->min,
		.max = key->max,
	};

	if (!name && missing == UINT64_MAX)
		findings_add(l->findings, place_of(l, map),
			"expected a key \"%s\": {from: LOW, to: HIGH} or {choice: [...]}", path);
	else if (name)
		load_value(l, &plain, &number, path, name->next);
	return number;
}

static void check_spec_keys(struct loader *l, const struct yaml_node *map)
{
	static const char *const known[] = { "from", "to", "step", "scale", "choice" };

	for (const struct yaml_node *name = map->first; name && name->next; name = name->next->next) {
		size_t i = 0;

		while (i < 5 && (name->kind != YAML_SCALAR || strcmp(known[i], name->text)))
			i++;
		if (i == 5)
			findings_add(l->findings, place_of(l, name),
				"unknown key: expected from, to, step, scale or choice");
	}
}

static void load_range(struct loader *l, struct spec *spec, const struct yaml_node *map)
{
	static const char *const scales[] = { "linear", "log", NULL };
	static const struct key scale_key = {
		.path = "scale",
		.kind = KEY_WORD,
		.size = sizeof(bool),
		.words = scales,
	};
	const struct key step_key = { .path = "step", .kind = spec->key->kind, .max = UINT64_MAX, .min = 1 };
	const struct yaml_node *scale = yaml_map_key(map, "scale", 5);
	struct draw_range *r = &spec->range;
	uint32_t before = l->findings->nr;
	bool sizes = spec->key->kind == KEY_SIZE;

	if (spec->key->kind != KEY_COUNT && spec->key->kind != KEY_TIME && !sizes) {
		findings_add(l->findings, place_of(l, map), "%s: has no range; expected {choice: [...]}", spec->path);
		return;
	}
	r->from = load_bound(l, spec->key, map, "from", UINT64_MAX);
	r->to = load_bound(l, spec->key, map, "to", UINT64_MAX);
	r->step = load_bound(l, &step_key, map, "step", sizes && r->from % 4096 == 0 ? 4096 : 1);
	if (scale)
		load_value(l, &scale_key, &r->log, "scale", scale->next);
	if (l->findings->nr == before && r->from > r->to)
		findings_add(l->findings, place_of(l, map), "%s: from is more than to", spec->path);
	else if (l->findings->nr == before && r->log && !r->from)
		findings_add(l->findings, place_of(l, map), "%s: a logarithmic scale cannot begin at 0", spec->path);
}

static void load_spec(struct loader *l, struct spec *spec, const struct yaml_node *name)
{
	const struct yaml_node *map = name->next, *choice;

	if (!expect(l, map, YAML_MAP, name->text, "{from: LOW, to: HIGH} or {choice: [...]}"))
		return;
	check_spec_keys(l, map);
	choice = yaml_map_key(map, "choice", 6);
	if (!choice) {
		load_range(l, spec, map);
		return;
	}
	if (map->first != choice || choice->next->next)
		findings_add(l->findings, place_of(l, map), "%s: choice goes without other keys", name->text);
	if (!expect(l, choice->next, YAML_LIST, "choice", "a list of values"))
		return;
	spec->choice = choice->next;
	for (const struct yaml_node *node = spec->choice->first; node; node = node->next)
		check_value(l, spec->key, name, node);
}

static char *drawn_text(const struct spec *spec, uint64_t where)
{
	const struct yaml_node *node;
	uint64_t value;
	char *text = NULL;

	if (spec->choice) {
		node = spec->choice->first;
		for (uint32_t i = draw_index(where, list_length(spec->choice)); i; i--)
			node = node->next;
		return node_to_flow(node);
	}
	value = draw_value(&spec->range, where);
	text = malloc(40);
	if (text && spec->key->kind == KEY_SIZE)
		units_format_size(value, text, 40);
	else if (text)
		snprintf(text, 40, "%llu%s", (unsigned long long)value, spec->key->kind == KEY_TIME ? " ns" : "");
	return text;
}

/* Where each choice of a key lies. A stream for each key: one more leaves the draws of the others alone. */
static void draw(const struct spec *spec, uint64_t seed, bool latin, uint64_t *where, uint32_t nr)
{
	struct rng rng;

	rng_init(&rng, seed, spec->path);
	for (uint32_t i = 0; i < nr; i++)
		where[i] = latin ? i : rng_next(&rng);
	for (uint32_t i = nr; latin && i > 1; i--) {
		uint32_t j = (uint32_t)rng_below(&rng, i);
		uint64_t other = where[j];

		where[j] = where[i - 1];
		where[i - 1] = other;
	}
	for (uint32_t i = 0; latin && i < nr; i++)
		where[i] = draw_stratum((uint32_t)where[i], nr, rng_next(&rng));
}

static void draw_axis(struct loader *l, struct sweep_axis *axis, const struct spec *specs, uint32_t nr_specs,
	uint64_t seed, bool latin)
{
	uint64_t *where = calloc(axis->nr_choices, sizeof(*where));

	if (!where) {
		out_of_memory(l);
		return;
	}
	for (uint32_t k = 0; k < nr_specs; k++) {
		draw(&specs[k], seed, latin, where, axis->nr_choices);
		for (uint32_t i = 0; i < axis->nr_choices; i++)
			add_set(l, &axis->choices[i], specs[k].path, drawn_text(&specs[k], where[i]));
	}
	free(where);
}

static void load_random(struct loader *l, struct sweep *sweep, const struct yaml_node *map, bool latin)
{
	static const struct key count_key = {
		.path = "count",
		.kind = KEY_COUNT,
		.size = 8,
		.min = 1,
		.max = MAX_CHOICES,
	};
	static const struct key seed_key = { .path = "seed", .kind = KEY_COUNT, .size = 8, .max = UINT64_MAX };
	const struct yaml_node *keys = NULL;
	uint32_t before = l->findings->nr, nr = 0;
	struct spec specs[SWEEP_MAX_SETS] = { 0 };
	uint64_t count = 0, seed = 1;
	struct sweep_axis *axis;

	for (const struct yaml_node *name = map->first; name && name->next; name = name->next->next) {
		const char *text = name->kind == YAML_SCALAR ? name->text : "";

		if (!strcmp(text, "count"))
			load_value(l, &count_key, &count, "count", name->next);
		else if (!strcmp(text, "seed"))
			load_value(l, &seed_key, &seed, "seed", name->next);
		else if (!strcmp(text, "keys"))
			keys = name->next;
		else
			findings_add(l->findings, place_of(l, name), "unknown key: expected count, seed or keys");
	}
	if (l->findings->nr == before && (!count || !keys))
		findings_add(l->findings, place_of(l, map), "expected count and keys");
	if (!keys || !expect(l, keys, YAML_MAP, "keys", "what is drawn: {key: {from: LOW, to: HIGH}}"))
		return;
	for (const struct yaml_node *name = keys->first; name && name->next; name = name->next->next) {
		const struct key *key = find_key(l, sweep, name);

		if (nr == SWEEP_MAX_SETS)
			break;
		if (key) {
			specs[nr] = (struct spec){ .path = name->text, .key = key };
			load_spec(l, &specs[nr++], name);
		}
	}
	if (l->findings->nr == before && (axis = add_axis(l, sweep, map, (uint32_t)count)))
		draw_axis(l, axis, specs, nr, seed, latin);
}

void sweep_load_vary(struct loader *l, struct sweep *sweep, const struct yaml_node *vary)
{
	if (!expect(l, vary, YAML_MAP, "vary", "what varies: grid, zip, list, random or latin"))
		return;
	for (const struct yaml_node *name = vary->first; name && name->next; name = name->next->next) {
		const char *kind = name->kind == YAML_SCALAR ? name->text : "";

		if (yaml_map_key(vary, kind, strlen(kind)) != name && name->kind == YAML_SCALAR)
			findings_add(l->findings, place_of(l, name), "%s: given twice", kind);
		else if (!expect(l, name->next, YAML_MAP, kind, "keys and what they vary over"))
			continue;
		else if (!strcmp(kind, "grid"))
			load_grid(l, sweep, name->next);
		else if (!strcmp(kind, "zip"))
			load_zip(l, sweep, name->next);
		else if (!strcmp(kind, "list"))
			load_list(l, sweep, name->next);
		else if (!strcmp(kind, "random") || !strcmp(kind, "latin"))
			load_random(l, sweep, name->next, !strcmp(kind, "latin"));
		else
			findings_add(l->findings, place_of(l, name),
				"unknown kind \"%.40s\": expected grid, zip, list, random or latin", kind);
	}
}

#include "configs/loader_priv.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "configs/cpu_range_priv.h"

struct finding_place place_of(const struct loader *l, const struct yaml_node *node)
{
	return (struct finding_place){ .line = node->line, .column = node->column, .setting = l->setting };
}

bool path_is_within(const char *path, const char *above)
{
	size_t len = strlen(above);

	return !strncmp(path, above, len) && (path[len] == '.' || !path[len]);
}

struct finding_place place_of_path(const struct loader *l, const char *path)
{
	char above[KEY_PATH_MAX], key[KEY_PATH_MAX];

	for (uint32_t i = l->nr_sets; i-- > 0;) {
		snprintf(key, sizeof(key), "%.*s", (int)strcspn(l->sets[i], "="), l->sets[i]);
		if (path_is_within(path, key) || path_is_within(key, path))
			return (struct finding_place){ .setting = l->sets[i] };
	}
	snprintf(above, sizeof(above), "%s", path);
	while (l->root && above[0]) {
		const struct yaml_node *node = yaml_tree_find(l->root, above);
		char *dot = strrchr(above, '.');

		if (node)
			return (struct finding_place){ .line = node->line, .column = node->column };
		above[dot ? dot - above : 0] = '\0';
	}
	return (struct finding_place){ 0 };
}

static void expected(struct loader *l, const struct key *key, const char *path, const struct yaml_node *node)
{
	char want[160], got[80];

	key_expected(key, want, sizeof(want));
	if (node->kind != YAML_SCALAR)
		findings_add(l->findings, place_of(l, node), "%s: expected %s, not a %s", path, want,
			node->kind == YAML_LIST ? "list" : "map");
	else
		findings_add(l->findings, place_of(l, node), "%s: \"%s\": expected %s", path,
			finding_quote(node->text, node->len, got, sizeof(got)), want);
}

static void load_scalar(struct loader *l, const struct key *key, void *base, uint32_t index, const char *path,
	const struct yaml_node *node)
{
	enum key_answer answer = KEY_MISTYPED;
	char range[80], got[80];

	if (node->kind == YAML_SCALAR && strlen(node->text) == node->len)
		answer = key_set(key, base, index, node->text, l->page_size);
	if (answer == KEY_MISTYPED)
		expected(l, key, path, node);
	else if (answer == KEY_OUT_OF_RANGE)
		findings_add(l->findings, place_of(l, node), "%s: \"%s\": out of range: %s", path,
			finding_quote(node->text, node->len, got, sizeof(got)), key_range(key, range, sizeof(range)));
}

/* A key or a list without anything behind it is an empty one: people comment lines out. */
static bool is_empty(const struct yaml_node *node)
{
	return node->kind == YAML_SCALAR && !node->len && !node->quoted;
}

static void too_many(struct loader *l, const struct key *key, const char *path, const struct yaml_node *node)
{
	findings_add(l->findings, place_of(l, node), "%s: more than %u", path, key->list_max);
}

static void load_counts(struct loader *l, const struct key *key, void *base, const char *path,
	const struct yaml_node *list)
{
	const struct key one = { .path = key->path, .kind = KEY_COUNT, .size = key->size, .offset = key->offset,
		.min = key->min, .max = key->max };
	uint32_t index = 0;

	if (list->kind != YAML_LIST && !is_empty(list)) {
		expected(l, key, path, list);
		return;
	}
	key_set_list_length(key, base, 0);
	for (const struct yaml_node *node = list->first; node; node = node->next, index++) {
		char element[KEY_PATH_MAX];

		if (index == key->list_max) {
			too_many(l, key, path, node);
			return;
		}
		snprintf(element, sizeof(element), "%s.%u", path, index);
		key_grow_list(key, base, index + 1);
		load_scalar(l, &one, base, index, element, node);
		if (key->ascending && index && key_number(key, base, index) &&
			key_number(key, base, index) <= key_number(key, base, index - 1))
			findings_add(l->findings, place_of(l, node), "%s: expected more than the element before it",
				element);
	}
}

static void load_cpu_list(struct loader *l, struct draft_node *numa, const char *path, const struct yaml_node *list)
{
	uint32_t first, last;

	for (const struct yaml_node *node = list->first; node; node = node->next) {
		const char *behind =
			node->kind == YAML_SCALAR ? cpu_range(node->text, MACHINE_MAX_CPUS, &first, &last) : NULL;

		if (!behind || *behind) {
			findings_add(l->findings, place_of(l, node),
				"%s: expected CPU numbers below %u, each such as 8 or 0-3", path, MACHINE_MAX_CPUS);
			continue;
		}
		for (; first <= last; first++) {
			uint64_t bit = 1ull << (first % 64);

			numa->nr_cpus += !(numa->cpu_mask[first / 64] & bit);
			numa->cpu_mask[first / 64] |= bit;
		}
	}
}

static void load_cpus(struct loader *l, const struct key *key, struct draft_node *numa, const char *path,
	const struct yaml_node *node)
{
	static const struct key count = { .path = "cpus", .kind = KEY_COUNT, .size = sizeof(uint32_t),
		.offset = offsetof(struct draft_node, nr_cpus), .max = MACHINE_MAX_CPUS };

	numa->nr_cpus = 0;
	memset(numa->cpu_mask, 0, sizeof(numa->cpu_mask));
	numa->cpu_list = node->kind == YAML_LIST;
	if (numa->cpu_list)
		load_cpu_list(l, numa, path, node);
	else if (node->kind == YAML_SCALAR && isdigit((unsigned char)node->text[0]))
		load_scalar(l, &count, numa, 0, path, node);
	else
		expected(l, key, path, node);
}

/* Keys of an element that have no default must be there. */
static void check_required(struct loader *l, const struct key *list, const char *path, const struct yaml_node *map)
{
	size_t len = strlen(list->path);

	for (const struct key *key = list + 1, *end = key_elements_end(list); key < end; key++) {
		const char *name = key->path + len + 3;

		if (strchr(name, '.'))
			continue;
		if (!key->def && (key->kind == KEY_SIZE || key->kind == KEY_COUNT) &&
			!yaml_map_key(map, name, strlen(name)))
			findings_add(l->findings, place_of(l, map), "%s: expected a key \"%s\"", path, name);
	}
}

static void load_records(struct loader *l, const struct key *key, void *base, const char *path,
	const struct yaml_node *list)
{
	uint32_t index = 0;

	if (list->kind != YAML_LIST && !is_empty(list)) {
		expected(l, key, path, list);
		return;
	}
	key_set_list_length(key, base, 0);
	for (const struct yaml_node *node = list->first; node; node = node->next, index++) {
		void *element = (char *)base + key->offset + (size_t)index * key->size;
		char element_path[KEY_PATH_MAX];

		if (index == key->list_max) {
			too_many(l, key, path, node);
			return;
		}
		snprintf(element_path, sizeof(element_path), "%s.%u", path, index);
		key_grow_list(key, base, index + 1);
		draft_element_defaults(key, element);
		if (node->kind != YAML_MAP) {
			findings_add(l->findings, place_of(l, node), "%s: expected a map such as {key: value}",
				element_path);
			continue;
		}
		load_map(l, element, element_path, node);
		check_required(l, key, element_path, node);
	}
}

void load_value(struct loader *l, const struct key *key, void *base, const char *path, const struct yaml_node *node)
{
	switch (key->kind) {
	case KEY_RECORDS:
		load_records(l, key, base, path, node);
		return;
	case KEY_COUNTS:
		load_counts(l, key, base, path, node);
		return;
	case KEY_CPUS:
		load_cpus(l, key, base, path, node);
		return;
	default:
		load_scalar(l, key, base, 0, path, node);
	}
}

void load_unknown(struct loader *l, struct finding_place place, const char *path)
{
	char nearest[KEY_PATH_MAX], quoted[100];

	/* Beyond what is shown, only counted: the search is not free. */
	if (l->findings->nr < FINDINGS_SHOWN && key_nearest(path, nearest))
		findings_add(l->findings, place, "unknown key %s; did you mean %s?",
			finding_quote(path, strlen(path), quoted, sizeof(quoted)), nearest);
	else
		findings_add(l->findings, place, "unknown key %s",
			finding_quote(path, strlen(path), quoted, sizeof(quoted)));
}

void load_map(struct loader *l, void *base, const char *path, const struct yaml_node *map)
{
	const struct key *last = machine_keys;

	if (map->kind != YAML_MAP) {
		if (!is_empty(map))
			findings_add(l->findings, place_of(l, map), "%s%sexpected keys and values", path,
				path[0] ? ": " : "");
		return;
	}
	if (!strcmp(path, "latency"))
		latency_load_map(l, map);
	for (const struct yaml_node *name = map->first; name && name->next; name = name->next->next) {
		const struct yaml_node *value = name->next;
		char below[KEY_PATH_MAX];
		const struct key *key;

		if (name->kind != YAML_SCALAR || strlen(name->text) != name->len) {
			findings_add(l->findings, place_of(l, name), "expected a plain word as a key");
			continue;
		}
		if (strchr(name->text, '.')) {
			findings_add(l->findings, place_of(l, name),
				"\"%s\": keys with dots are for --set; nest them here",
				finding_quote(name->text, name->len, below, 80));
			continue;
		}
		snprintf(below, sizeof(below), "%s%s%s", path, path[0] ? "." : "", name->text);
		key = key_find_from(below, last);
		last = key ? key : last;
		if (!key && !key_is_section(below)) {
			load_unknown(l, place_of(l, name), below);
			continue;
		}
		if (yaml_map_key(map, name->text, name->len) != name)
			findings_add(l->findings, place_of(l, name), "%s: given twice, first in line %u", below,
				yaml_map_key(map, name->text, name->len)->line);
		else if (key)
			load_value(l, key, base, below, value);
		else
			load_map(l, base, below, value);
	}
}

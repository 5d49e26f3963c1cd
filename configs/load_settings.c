#include "configs/loader_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The struct that the key at @path counts its offset from: the draft, or the list element that the last number in
 * the path names. NULL, with a finding, when a list has no such element.
 */
static void *base_of(struct loader *l, const char *path)
{
	struct finding_place place = { .setting = l->setting };
	char list_path[KEY_PATH_MAX];
	void *base = l->draft;

	for (size_t at = 0; path[at];) {
		size_t len = strcspn(path + at, ".");

		if (len && strspn(path + at, "0123456789") == len) {
			unsigned long index = strtoul(path + at, NULL, 10);
			const struct key *list;

			snprintf(list_path, sizeof(list_path), "%.*s", (int)at - 1, path);
			list = key_find(list_path);
			if (!strcmp(list->path, "nodes") && !l->draft->nr_nodes)
				draft_first_node(l->draft); /* a machine without a word about nodes has one */
			if (index >= key_list_length(list, base)) {
				findings_add(l->findings, place, "%s has %u elements", list_path,
					key_list_length(list, base));
				return NULL;
			}
			base = (char *)base + list->offset + index * list->size;
		}
		at += len + (path[at + len] == '.');
	}
	return base;
}

/* A later word about memory or CPUs replaces what the file said in another way. */
static void forget_what_it_replaces(struct loader *l, const char *path)
{
	struct draft *draft = l->draft;
	bool memory = !strcmp(path, "memory"), cpus = !strcmp(path, "cpus");

	if (!strncmp(path, "nodes", strlen("nodes"))) {
		draft->memory = DRAFT_AUTO;
		draft->cpus = DRAFT_AUTO32;
	}
	for (uint32_t i = 0; i < draft->nr_nodes; i++) {
		struct draft_node *node = &draft->nodes[i];
		char ranges[KEY_PATH_MAX];

		snprintf(ranges, sizeof(ranges), "nodes.%u.memory", i);
		if (memory || !strcmp(path, ranges)) {
			node->nr_ranges = 0;
			node->memory = memory ? DRAFT_AUTO : node->memory;
		}
		snprintf(ranges, sizeof(ranges), "nodes.%u.ranges", i);
		if (path_is_within(path, ranges))
			node->memory = DRAFT_AUTO;
		if (cpus) {
			node->nr_cpus = 0;
			node->cpu_list = false;
			memset(node->cpu_mask, 0, sizeof(node->cpu_mask));
		}
	}
}

/* Bytes of RAM that the draft has so far, in whichever way it says so; 0 when it says nothing. */
static uint64_t memory_of(const struct draft *draft)
{
	uint64_t bytes = draft->memory == DRAFT_AUTO ? 0 : draft->memory;

	for (uint32_t i = 0; i < draft->nr_nodes; i++) {
		const struct draft_node *node = &draft->nodes[i];

		bytes += node->memory == DRAFT_AUTO ? 0 : node->memory;
		for (uint32_t j = 0; j < node->nr_ranges; j++)
			bytes += node->ranges[j].size;
	}
	return bytes;
}

static bool sets_memory(const char *path)
{
	const char *leaf = strrchr(path, '.');

	return !strcmp(path, "memory") || (leaf && !strncmp(path, "nodes.", 6) && !strcmp(leaf, ".memory"));
}

static void load_setting(struct loader *l, const char *path, const struct yaml_node *value)
{
	struct finding_place place = { .setting = l->setting };
	const struct key *key = key_find(path);
	uint32_t before = l->findings->nr;
	void *base;

	if (strchr(path, '#') || (!key && !key_is_section(path))) {
		load_unknown(l, place, path);
		return;
	}
	base = base_of(l, path);
	if (!base)
		return;
	if (sets_memory(path) && !l->memory_before)
		l->memory_before = memory_of(l->draft);
	if (key)
		load_value(l, key, base, path, value);
	else
		load_map(l, base, path, value);
	if (l->findings->nr == before) {
		forget_what_it_replaces(l, path);
		latency_after_setting(l, path);
	}
}

/* Blanks around the key are no part of it: "cpus = 4". Return: 0, or -1 when it is no key at all. */
static int split(const char *setting, char *path, const char **value)
{
	const char *equals = strchr(setting, '=');
	size_t len = equals ? (size_t)(equals - setting) : 0;

	while (len && setting[len - 1] == ' ')
		len--;
	if (!len || len >= KEY_PATH_MAX)
		return -1;
	memcpy(path, setting, len);
	path[len] = '\0';
	*value = equals + 1;
	return 0;
}

void load_settings(struct loader *l)
{
	char empty[] = "";
	const struct yaml_node nothing = { .kind = YAML_SCALAR, .text = empty };

	for (uint32_t i = 0; i < l->nr_sets; i++) {
		struct finding_place place = { .setting = l->sets[i] };
		struct yaml_problem problem;
		struct yaml_node *root;
		char path[KEY_PATH_MAX];
		const char *value;

		l->setting = l->sets[i];
		if (split(l->sets[i], path, &value) < 0) {
			findings_add(l->findings, place, "expected key.path=value");
			continue;
		}
		if (yaml_tree_read(&root, value, strlen(value), &problem) < 0) {
			findings_add(l->findings, place, "%s", problem.text);
			continue;
		}
		load_setting(l, path, root ? root : &nothing);
		yaml_tree_free(root);
	}
	l->setting = NULL;
}

/* What another kernel than the usual one has by default: 2.6-classic (spec/slab-vmalloc-percpu-io.md 1.10 and 14). */
#include "configs/loader_priv.h"

#include <string.h>

static const char *const classic_keys[] = { "slab.allocator", "slab.merge", "slab.memcg_kmem", "slab.freelist_random",
	"kmalloc.min_size", "kmalloc.max_cache_size", "kmalloc.max_size", "kmalloc.extra_classes" };

/* Whether a --set gives @path, or a map that may hold it. */
static bool is_set(const struct loader *l, const char *path)
{
	for (uint32_t i = 0; i < l->nr_sets; i++) {
		size_t len = strcspn(l->sets[i], " =");

		if (!strncmp(l->sets[i], path, len) && (path[len] == '.' || !path[len]))
			return true;
	}
	return false;
}

static bool file_has(const struct loader *l, const char *path)
{
	return l->root && yaml_tree_find(l->root, path);
}

/* Whether the file was written for 2.6-classic, too. */
static bool file_is_classic(const struct loader *l)
{
	const struct yaml_node *node = l->root ? yaml_tree_find(l->root, "kernel") : NULL;

	return node && node->kind == YAML_SCALAR && !strcmp(node->text, "2.6-classic");
}

static void set_classic(struct loader *l, const char *path)
{
	struct machine *m = &l->draft->machine;
	const struct key *key = key_find(path);

	if (!strcmp(path, "slab.allocator"))
		key_set(key, l->draft, 0, "slab", 0);
	else if (!strcmp(path, "kmalloc.min_size"))
		m->kmalloc.min_size = m->page_size == 4096 ? 32 : 64;
	else if (!strcmp(path, "kmalloc.extra_classes"))
		/* 96 is for cache lines of 32 bytes. */
		memcpy(m->kmalloc.extra_classes, (uint32_t[8]){ 192 }, sizeof(m->kmalloc.extra_classes));
	else if (key->kind == KEY_BOOL)
		key_set(key, l->draft, 0, "false", 0);
	else
		key_set(key, l->draft, 0, "128 KiB", 0);
}

static void set_usual(struct loader *l, const char *path)
{
	const struct key *key = key_find(path);

	if (key->kind == KEY_COUNTS)
		memcpy(l->draft->machine.kmalloc.extra_classes, (uint32_t[8]){ 96, 192 },
			sizeof(l->draft->machine.kmalloc.extra_classes));
	else
		key_set(key, l->draft, 0, key->def, 0);
}

/*
 * What a file says of slabs and kmalloc describes its own kernel: where a setting changes the
 * kernel from or to 2.6, the other's defaults take its place, but for what settings give.
 */
void draft_resolve_kernel(struct loader *l)
{
	bool classic = l->draft->machine.behaviour == BEHAVIOUR_2_6_CLASSIC;
	bool same = classic == file_is_classic(l);

	if (!classic && same)
		return;
	for (size_t i = 0; i < sizeof(classic_keys) / sizeof(classic_keys[0]); i++) {
		const char *path = classic_keys[i];

		if (is_set(l, path) || (same && file_has(l, path)))
			continue;
		if (classic)
			set_classic(l, path);
		else
			set_usual(l, path);
	}
}

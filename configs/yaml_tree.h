/*
 * yaml_tree: the YAML text of one file or of one setting as a tree of nodes with places. Knows YAML syntax; knows no
 * key. What would make a tree endless or huge (anchors, aliases, deep nesting, size) is refused with its place.
 */
#ifndef KMEMSIM_CONFIGS_YAML_TREE_H
#define KMEMSIM_CONFIGS_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define YAML_MAX_BYTES (4u << 20)
#define YAML_MAX_DEPTH 32
#define YAML_MAX_NODES 20000

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

/** A value, or a key of a map: its place is 1-based; lines and columns count characters as an editor does. */
struct yaml_node {
	enum yaml_kind kind;
	uint32_t line, column;
	bool quoted;              /* of a scalar */
	char *text;               /* of a scalar: owned, terminated */
	size_t len;               /* bytes of text; strlen(text) < len when it holds a 0 byte */
	struct yaml_node *first;  /* owned: elements of a list; of a map: key, value, key, value ... */
	struct yaml_node *next;   /* owned: behind this one in the same list or map */
};

/** Where and why a text is not a tree. */
struct yaml_problem {
	uint32_t line, column;    /* 0 when the whole text is meant */
	char text[160];
};

/**
 * yaml_tree_read() - parse @len bytes of @text.
 * @root:    set to the tree, which the caller gives to yaml_tree_free(); NULL when the text holds no value.
 * @problem: filled when the answer is negative.
 *
 * Return: 0, or -1.
 */
int yaml_tree_read(struct yaml_node **root, const char *text, size_t len, struct yaml_problem *problem);

void yaml_tree_free(struct yaml_node *root);

/** yaml_tree_find() - the value at a dotted path ("nodes.0.memory"), NULL when there is none. */
const struct yaml_node *yaml_tree_find(const struct yaml_node *root, const char *path);

/** yaml_map_key() - the key node of @name in a map, NULL when it has none. */
const struct yaml_node *yaml_map_key(const struct yaml_node *map, const char *name, size_t len);

#endif

#include "configs/yaml_tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* One list or map that is being read. */
struct level {
	struct yaml_node **tail; /* where its next child goes */
};

struct reader {
	yaml_parser_t parser;
	struct yaml_problem *problem;
	struct level levels[YAML_MAX_DEPTH + 1]; /* [0] holds the root */
	unsigned int depth;
	unsigned int nodes;
	unsigned int documents;
};

static int refuse(struct reader *r, yaml_mark_t mark, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(struct reader *r, yaml_mark_t mark, const char *fmt, ...)
{
	va_list args;

	r->problem->line = (uint32_t)mark.line + 1;
	r->problem->column = (uint32_t)mark.column + 1;
	va_start(args, fmt);
	vsnprintf(r->problem->text, sizeof(r->problem->text), fmt, args);
	va_end(args);
	return -1;
}

/* libyaml's own finding: the reader has no mark yet when the bytes are not text. */
static int refuse_syntax(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	yaml_mark_t mark = p->error == YAML_READER_ERROR ? p->mark : p->problem_mark;

	if (p->error == YAML_MEMORY_ERROR)
		return refuse(r, mark, "no memory to read it");
	if (p->error == YAML_READER_ERROR)
		return refuse(r, mark, "not a text file: %s", p->problem);
	if (p->context)
		return refuse(r, mark, "%s (%s)", p->problem, p->context);
	return refuse(r, mark, "%s", p->problem);
}

/* Return: the new last child of the list or map that is being read, NULL when it is refused. */
static struct yaml_node *add_node(struct reader *r, enum yaml_kind kind, const yaml_event_t *event)
{
	struct level *level = &r->levels[r->depth];
	struct yaml_node *node;

	if (++r->nodes > YAML_MAX_NODES) {
		refuse(r, event->start_mark, "more than %u values", YAML_MAX_NODES);
		return NULL;
	}
	node = calloc(1, sizeof(*node));
	if (!node) {
		refuse(r, event->start_mark, "no memory to read it");
		return NULL;
	}
	node->kind = kind;
	node->line = (uint32_t)event->start_mark.line + 1;
	node->column = (uint32_t)event->start_mark.column + 1;
	*level->tail = node;
	level->tail = &node->next;
	return node;
}

static int add_scalar(struct reader *r, const yaml_event_t *event)
{
	struct yaml_node *node;

	if (event->data.scalar.anchor)
		return refuse(r, event->start_mark, "anchors (&%s) are not supported here: write the value out",
			(const char *)event->data.scalar.anchor);
	node = add_node(r, YAML_SCALAR, event);
	if (!node)
		return -1;
	node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	node->len = event->data.scalar.length;
	node->text = malloc(node->len + 1);
	if (!node->text)
		return refuse(r, event->start_mark, "no memory to read it");
	memcpy(node->text, event->data.scalar.value, node->len);
	node->text[node->len] = '\0';
	return 0;
}

static int enter(struct reader *r, enum yaml_kind kind, const yaml_event_t *event)
{
	const yaml_char_t *anchor = kind == YAML_LIST ? event->data.sequence_start.anchor :
							event->data.mapping_start.anchor;
	struct yaml_node *node;

	if (anchor)
		return refuse(r, event->start_mark, "anchors (&%s) are not supported here: write the value out",
			(const char *)anchor);
	if (r->depth == YAML_MAX_DEPTH)
		return refuse(r, event->start_mark, "nested more than %u levels deep", YAML_MAX_DEPTH);
	node = add_node(r, kind, event);
	if (!node)
		return -1;
	r->depth++;
	r->levels[r->depth] = (struct level){ .tail = &node->first };
	return 0;
}

/* Return: 1 when the text has ended, 0 to go on, -1 when it is refused. */
static int take_event(struct reader *r, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_STREAM_END_EVENT:
		return 1;
	case YAML_DOCUMENT_START_EVENT:
		if (++r->documents > 1)
			return refuse(r, event->start_mark, "a second document begins: one file is one document");
		return 0;
	case YAML_ALIAS_EVENT:
		return refuse(r, event->start_mark, "aliases (*%s) are not supported here: write the value out",
			(const char *)event->data.alias.anchor);
	case YAML_SCALAR_EVENT:
		return add_scalar(r, event);
	case YAML_SEQUENCE_START_EVENT:
		return enter(r, YAML_LIST, event);
	case YAML_MAPPING_START_EVENT:
		return enter(r, YAML_MAP, event);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		r->depth--;
		return 0;
	default:
		return 0;
	}
}

static int read_events(struct reader *r)
{
	for (;;) {
		yaml_event_t event;
		int answer;

		if (!yaml_parser_parse(&r->parser, &event))
			return refuse_syntax(r);
		answer = take_event(r, &event);
		yaml_event_delete(&event);
		if (answer)
			return answer < 0 ? -1 : 0;
	}
}

int yaml_tree_read(struct yaml_node **root, const char *text, size_t len, struct yaml_problem *problem)
{
	struct reader r = { .problem = problem };
	int answer;

	*root = NULL;
	*problem = (struct yaml_problem){ 0 };
	if (len > YAML_MAX_BYTES) {
		snprintf(problem->text, sizeof(problem->text), "larger than %u MiB", YAML_MAX_BYTES >> 20);
		return -1;
	}
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3; /* the byte order mark that some editors write */
		len -= 3;
	}
	if (!yaml_parser_initialize(&r.parser)) {
		snprintf(problem->text, sizeof(problem->text), "no memory to read it");
		return -1;
	}
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	r.levels[0].tail = root;
	answer = read_events(&r);
	yaml_parser_delete(&r.parser);
	if (answer < 0) {
		yaml_tree_free(*root);
		*root = NULL;
	}
	return answer;
}

void yaml_tree_free(struct yaml_node *root)
{
	while (root) {
		struct yaml_node *next = root->next;

		yaml_tree_free(root->first); /* at most YAML_MAX_DEPTH deep */
		free(root->text);
		free(root);
		root = next;
	}
}

const struct yaml_node *yaml_map_key(const struct yaml_node *map, const char *name, size_t len)
{
	const struct yaml_node *key;

	for (key = map->first; key && key->next; key = key->next->next) {
		if (key->kind == YAML_SCALAR && key->len == len && !memcmp(key->text, name, len))
			return key;
	}
	return NULL;
}

static const struct yaml_node *child(const struct yaml_node *node, const char *name, size_t len)
{
	const struct yaml_node *key, *element;
	unsigned long index;
	char *end;

	if (node->kind == YAML_MAP) {
		key = yaml_map_key(node, name, len);
		return key ? key->next : NULL;
	}
	if (node->kind != YAML_LIST)
		return NULL;
	index = strtoul(name, &end, 10);
	if (end != name + len)
		return NULL;
	for (element = node->first; element && index; index--)
		element = element->next;
	return element;
}

const struct yaml_node *yaml_tree_find(const struct yaml_node *root, const char *path)
{
	while (root && *path) {
		size_t len = strcspn(path, ".");

		root = child(root, path, len);
		path += len + (path[len] == '.');
	}
	return root;
}

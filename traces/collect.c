#include "traces/collect.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "traces/format.h"

struct text {
	const char *start;
	size_t len;
};

static bool same_string(const void *items, uint32_t number, const void *key)
{
	const struct text *text = key;
	const char *string = ((char *const *)items)[number];

	return !strncmp(string, text->start, text->len) && !string[text->len];
}

static uint32_t add_string(struct collect *c, const struct text *text, uint64_t hash)
{
	char *copy;

	if (c->string_index.nr >= MAX_STRINGS || !array_room(&c->strings, &c->cap_strings, c->string_index.nr))
		return INTERN_NONE;
	copy = strndup(text->start, text->len);
	if (!copy)
		return INTERN_NONE;
	if (intern_add(&c->string_index, hash) == INTERN_NONE) {
		free(copy);
		return INTERN_NONE;
	}
	c->strings[c->string_index.nr - 1] = copy;
	return c->string_index.nr - 1;
}

uint32_t collect_string(struct collect *c, const char *text, size_t len)
{
	/* Strings end at a 0 in memory, so they cannot hold one. */
	struct text key = { text, strnlen(text, len) };
	struct text empty = { "", 0 };
	uint64_t hash;
	uint32_t number;

	if (!c->string_index.nr && add_string(c, &empty, intern_hash("", 0)) == INTERN_NONE)
		return INTERN_NONE;
	hash = intern_hash(key.start, key.len);
	number = intern_find(&c->string_index, hash, same_string, c->strings, &key);
	return number != INTERN_NONE ? number : add_string(c, &key, hash);
}

#define OP_PADDING (offsetof(struct trace_op, slab_flags) + sizeof(uint32_t))

_Static_assert(offsetof(struct trace_op, gfp) == 8 && OP_PADDING == 28 && offsetof(struct trace_op, size) == 32 &&
	sizeof(struct trace_op) == 72, "an operation has padding in one place");

/* A copy whose padding is 0, so that ops can be compared as bytes. */
static void copy_op(struct trace_op *to, const struct trace_op *from)
{
	memcpy(to, from, sizeof(*to));
	memset((char *)to + OP_PADDING, 0, offsetof(struct trace_op, size) - OP_PADDING);
}

static bool same_op(const void *items, uint32_t number, const void *key)
{
	return !memcmp((const struct trace_op *)items + number, key, sizeof(struct trace_op));
}

static uint32_t add_op(struct collect *c, const struct trace_op *op, uint64_t hash)
{
	size_t nr = c->op_index.nr;

	if (nr >= MAX_OPS)
		return INTERN_NONE;
	if (nr >= c->cap_ops) {
		uint32_t cap = array_bigger(c->cap_ops, nr);

		if (!array_resize(&c->ops, sizeof(*c->ops), cap) ||
			!array_resize(&c->op_counts, sizeof(*c->op_counts), cap) ||
			!array_resize(&c->op_class, sizeof(*c->op_class), cap))
			return INTERN_NONE;
		c->cap_ops = cap;
	}
	if (intern_add(&c->op_index, hash) == INTERN_NONE)
		return INTERN_NONE;
	memcpy(&c->ops[nr], op, sizeof(*op));
	c->op_counts[nr] = 0;
	c->op_class[nr] = op_class_of(op);
	return (uint32_t)nr;
}

uint32_t collect_op(struct collect *c, const struct trace_op *op)
{
	struct trace_op key;
	uint64_t hash;
	uint32_t number;

	assert(op->kind < NR_KINDS && op->origin < NR_ORIGINS && op->node >= -1);
	copy_op(&key, op);
	hash = intern_hash(&key, sizeof(key));
	number = intern_find(&c->op_index, hash, same_op, c->ops, &key);
	return number != INTERN_NONE ? number : add_op(c, &key, hash);
}

static bool same_who(const void *items, uint32_t number, const void *key)
{
	return !memcmp((const struct trace_who *)items + number, key, sizeof(struct trace_who));
}

_Static_assert(sizeof(struct trace_who) == 16, "tasks are compared as bytes: no padding");

uint32_t collect_who(struct collect *c, const struct trace_who *who)
{
	uint64_t hash = intern_hash(who, sizeof(*who));
	uint32_t number = intern_find(&c->who_index, hash, same_who, c->whos, who);

	if (number != INTERN_NONE)
		return number;
	if (c->who_index.nr >= MAX_WHOS || !array_room(&c->whos, &c->cap_whos, c->who_index.nr) ||
		intern_add(&c->who_index, hash) == INTERN_NONE)
		return INTERN_NONE;
	c->whos[c->who_index.nr - 1] = *who;
	return c->who_index.nr - 1;
}

struct trace_tables collect_tables(const struct collect *c)
{
	return (struct trace_tables){
		.ops = c->ops,
		.op_counts = c->op_counts,
		.nr_ops = c->op_index.nr,
		.whos = c->whos,
		.nr_whos = c->who_index.nr,
		.strings = (const char *const *)c->strings,
		.nr_strings = c->string_index.nr,
	};
}

void collect_fini(struct collect *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->string_index.nr; i++)
		free(c->strings[i]);
	free(c->strings);
	free(c->ops);
	free(c->op_counts);
	free(c->op_class);
	free(c->whos);
	intern_fini(&c->string_index);
	intern_fini(&c->op_index);
	intern_fini(&c->who_index);
	*c = (struct collect){ 0 };
}

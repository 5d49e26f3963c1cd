#include "traces/block.h"

#include <stdlib.h>

#include "base/array.h"

int block_reserve(struct block *b, uint32_t cap)
{
	size_t n = cap ? cap : 1;

	if (b->cap >= cap && b->cap)
		return 0;
	block_fini(b);
	b->time_ns = malloc(n * sizeof(*b->time_ns));
	b->value = malloc(n * sizeof(*b->value));
	b->where = malloc(n * sizeof(*b->where));
	b->op = malloc(n * sizeof(*b->op));
	b->slot = malloc(n * sizeof(*b->slot));
	b->who = malloc(n * sizeof(*b->who));
	b->entry = malloc(n * sizeof(*b->entry));
	b->moved = malloc(n * sizeof(*b->moved));
	b->ctx = malloc(n * sizeof(*b->ctx));
	b->code = malloc(n * sizeof(*b->code));
	b->ended = malloc(n * sizeof(*b->ended));
	if (!b->time_ns || !b->value || !b->where || !b->op || !b->slot || !b->who || !b->entry || !b->moved ||
		!b->ctx || !b->code || !b->ended) {
		block_fini(b);
		return -1;
	}
	b->cap = (uint32_t)n;
	return 0;
}

void block_fini(struct block *b)
{
	if (!b)
		return;
	free(b->time_ns);
	free(b->value);
	free(b->where);
	free(b->op);
	free(b->slot);
	free(b->who);
	free(b->entry);
	free(b->moved);
	free(b->ctx);
	free(b->code);
	free(b->ended);
	free(b->moves);
	*b = (struct block){ 0 };
}

int block_add_move(struct block *b, const struct trace_move *move)
{
	if (!array_room(&b->moves, &b->cap_moves, b->nr_moves))
		return -1;
	b->moves[b->nr_moves++] = *move;
	return 0;
}

static void release(void *array)
{
	void **p = array;

	free(*p);
	*p = NULL;
}

void block_trim(struct block *b)
{
	release(&b->code);
	release(&b->ended);
	if (!b->has_value)
		release(&b->value);
	if (!b->has_where)
		release(&b->where);
	if (!b->has_entry)
		release(&b->entry);
	if (!b->has_moved)
		release(&b->moved);
	if (!b->has_ctx)
		release(&b->ctx);
	b->cap = 0;
}

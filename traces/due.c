#include "traces/due_priv.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/array.h"

static bool before(const struct due *a, const struct due *b)
{
	return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->order < b->order;
}

int due_put(struct due_queue *queue, struct due due)
{
	size_t at = queue->nr;

	if (!array_room(&queue->heap, &queue->cap, queue->nr))
		return -1;
	queue->nr++;
	while (at && before(&due, &queue->heap[(at - 1) / 4])) {
		queue->heap[at] = queue->heap[(at - 1) / 4];
		at = (at - 1) / 4;
	}
	queue->heap[at] = due;
	return 0;
}

void due_drop_first(struct due_queue *queue)
{
	struct due last = queue->heap[--queue->nr];
	size_t at = 0;

	for (;;) {
		size_t child = 4 * at + 1, end = child + 4 < queue->nr ? child + 4 : queue->nr, least = child;

		for (size_t i = child + 1; i < end; i++)
			if (before(&queue->heap[i], &queue->heap[least]))
				least = i;
		if (child >= queue->nr || !before(&queue->heap[least], &last))
			break;
		queue->heap[at] = queue->heap[least];
		at = least;
	}
	queue->heap[at] = last;
}

void due_fini(struct due_queue *queue)
{
	free(queue->heap);
}

#include "sim/event_queue.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/array.h"

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->rank < b->rank;
}

int event_queue_add(struct event_queue *queue, ns_t time_ns, enum event_class class, uint32_t kind, uint32_t arg,
	struct err *err)
{
	struct sim_event event = { time_ns, (uint64_t)class << 56 | queue->next_seq++, kind, arg };
	size_t at;

	if (!array_room(&queue->heap, &queue->cap, queue->nr))
		return err_set(err, ERR_NOMEM, "no memory for %zu queued events", queue->nr + 1);
	at = queue->nr++;
	while (at && before(&event, &queue->heap[(at - 1) / 2])) {
		queue->heap[at] = queue->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	queue->heap[at] = event;
	return 0;
}

struct sim_event event_queue_take(struct event_queue *queue)
{
	struct sim_event first = queue->heap[0];
	struct sim_event last = queue->heap[--queue->nr];
	size_t at = 0;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= queue->nr)
			break;
		if (child + 1 < queue->nr && before(&queue->heap[child + 1], &queue->heap[child]))
			child++;
		if (!before(&queue->heap[child], &last))
			break;
		queue->heap[at] = queue->heap[child];
		at = child;
	}
	if (queue->nr)
		queue->heap[at] = last;
	return first;
}

void event_queue_fini(struct event_queue *queue)
{
	free(queue->heap);
	*queue = (struct event_queue){ 0 };
}

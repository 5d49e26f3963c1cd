/* due: a queue of what is due when; what is put in first comes out first at equal times. A zeroed struct is empty. */
#ifndef KMEMSIM_TRACES_DUE_PRIV_H
#define KMEMSIM_TRACES_DUE_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "base/units.h"

struct due {
	ns_t time_ns;
	uint64_t order;   /* of putting in */
	uint32_t what;
};

struct due_queue {
	struct due *heap; /* owned: each is due before its four children */
	size_t nr;
	uint32_t cap;
};

/** due_put() - Return: 0, or -1 when out of memory. */
int due_put(struct due_queue *queue, struct due due);
/** due_drop_first() - the first, queue->heap[0], is done. */
void due_drop_first(struct due_queue *queue);
void due_fini(struct due_queue *queue);

#endif

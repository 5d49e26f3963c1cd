#include "sim/promises.h"

#include <stdlib.h>

#include "base/array.h"
#include "traces/trace.h"

void promises_fini(struct promises *p)
{
	free(p->heap);
	free(p->windows);
	*p = (struct promises){ 0 };
}

static void push(struct promises *p, const struct promise *promise)
{
	uint32_t at = p->nr++;

	for (; at && p->heap[(at - 1) / 2].due > promise->due; at = (at - 1) / 2)
		p->heap[at] = p->heap[(at - 1) / 2];
	p->heap[at] = *promise;
}

static struct promise pop(struct promises *p)
{
	struct promise first = p->heap[0], last = p->heap[--p->nr];
	uint32_t at = 0;

	for (uint32_t child = 1; child < p->nr; child = 2 * at + 1) {
		child += child + 1 < p->nr && p->heap[child + 1].due < p->heap[child].due;
		if (p->heap[child].due >= last.due)
			break;
		p->heap[at] = p->heap[child];
		at = child;
	}
	p->heap[at] = last;
	return first;
}

static bool keep(struct promises *p, const struct read_window *window, uint32_t *place)
{
	*place = p->unused_plus1 - 1;
	if (p->unused_plus1)
		p->unused_plus1 = p->windows[*place].nr;
	else if (array_room(&p->windows, &p->cap_windows, p->nr_windows))
		*place = p->nr_windows++;
	else
		return false;
	p->windows[*place] = *window;
	return true;
}

bool promises_add(struct promises *p, uint64_t due, const struct read_window *window)
{
	struct promise promise = { .due = due, .slot = window->slots[0], .place = window->kind, .who = window->who };

	if (!array_room(&p->heap, &p->cap, p->nr))
		return false;
	if (window->nr > 1 || promise.slot == SLOT_NONE) {
		promise.slot = SLOT_NONE;
		if (!keep(p, window, &promise.place))
			return false;
	}
	push(p, &promise);
	return true;
}

void promises_take(struct promises *p, struct read_window *window)
{
	struct promise promise = pop(p);

	if (promise.slot != SLOT_NONE) {
		*window = (struct read_window){ .nr = 1,
			.kind = promise.place,
			.who = promise.who,
			.slots = { promise.slot } };
		return;
	}
	*window = p->windows[promise.place];
	p->windows[promise.place].nr = p->unused_plus1;
	p->unused_plus1 = promise.place + 1;
}

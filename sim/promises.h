/*
 * promises: what of files is to be read again, and when; the earliest comes first. Knows windows of pages;
 * knows nothing of who reads, of memory, or what the clock is.
 *
 * Most are windows, of which there are few, and which are large; blocks of the buffer cache are pages alone,
 * and are kept in the heap.
 */
#ifndef KMEMSIM_SIM_PROMISES_H
#define KMEMSIM_SIM_PROMISES_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/readahead.h"

/** Pages that are read in one go. */
struct read_window {
	uint32_t nr;                    /* of one that struct promises keeps and nobody has: the next such */
	uint32_t kind;                  /* of its pages, the user's word */
	uint32_t who;                   /* had them, the user's word */
	uint32_t slots[WINDOW_PAGES];   /* SLOT_NONE: a page of the initial state, which nobody has */
	uint64_t shadows[WINDOW_PAGES]; /* of the latter; objects have theirs */
};

struct promise {
	uint64_t due;
	uint32_t slot;  /* SLOT_NONE: it is a window */
	uint32_t place; /* of the window, in windows[]; of a page alone, its kind */
	uint32_t who;   /* of a page alone */
};

/** A zeroed one is empty. */
struct promises {
	struct promise *heap;   /* owned; the earliest first */
	uint32_t nr, cap;
	struct read_window *windows; /* owned */
	uint32_t nr_windows, cap_windows;
	uint32_t unused_plus1;  /* 1 + the first of them that nobody has, 0: all are in use */
};

void promises_fini(struct promises *p);

/** promises_add() - @window, of 1 to WINDOW_PAGES pages, is read at @due. Return: false when there is no memory. */
bool promises_add(struct promises *p, uint64_t due, const struct read_window *window);

/** promises_due() - when the earliest is read, UINT64_MAX: there is none. */
static inline uint64_t promises_due(const struct promises *p)
{
	return p->nr ? p->heap[0].due : UINT64_MAX;
}

/** promises_take() - takes the earliest, which there must be; of those due at once, any. */
void promises_take(struct promises *p, struct read_window *window);

#endif

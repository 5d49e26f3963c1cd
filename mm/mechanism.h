/*
 * mechanism: what every pluggable part of mm/ declares about itself. mm/meson.build lists the mechanisms by name,
 * compiles them and registers them in a generated table; the machine file chooses by name within a slot.
 */
#ifndef KMEMSIM_MM_MECHANISM_H
#define KMEMSIM_MM_MECHANISM_H

#include <stddef.h>

#include "base/err.h"

enum mm_slot { SLOT_SLAB, NR_SLOTS };

struct mm;

struct mechanism {
	const char *name;
	enum mm_slot slot;
	size_t state_size;                                        /* bytes, zeroed by the caller before init */
	int (*init)(void *state, struct mm *mm, struct err *err); /* @mm: borrowed, for the layers below */
	void (*fini)(void *state);                                /* may be NULL */
	int (*check)(const void *state, struct err *err);         /* walks all invariants; ERR_INVARIANT */
};

/** mechanism_find() - the mechanism @name of @slot, NULL if there is none. */
const struct mechanism *mechanism_find(enum mm_slot slot, const char *name);
/** mechanism_list() - the names of @slot joined by ", ", for messages. */
void mechanism_list(enum mm_slot slot, char *buf, size_t size);

#endif

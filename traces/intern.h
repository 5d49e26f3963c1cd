/*
 * intern: gives equal items equal numbers, from 0 in order of first appearance. The items themselves are kept by the
 * caller; this is only the hash index over them.
 */
#ifndef KMEMSIM_TRACES_INTERN_H
#define KMEMSIM_TRACES_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INTERN_NONE UINT32_MAX

struct intern_entry {
	uint32_t hash;
	uint32_t number; /* INTERN_NONE: free */
};

/** A zeroed struct is empty. */
struct intern {
	struct intern_entry *entries; /* owned */
	size_t nr_entries;
	uint32_t nr;
};

/** intern_same - whether item @number of the caller's @items equals @key. */
typedef bool (*intern_same)(const void *items, uint32_t number, const void *key);

/** intern_find() - number of the item that equals @key, or INTERN_NONE. */
uint32_t intern_find(const struct intern *in, uint64_t hash, intern_same same, const void *items, const void *key);

/**
 * intern_add() - the next number, for an item that intern_find()
 * did not find. INTERN_NONE: out of memory or numbers.
 */
uint32_t intern_add(struct intern *in, uint64_t hash);

void intern_fini(struct intern *in);

/** intern_hash() - of @len bytes. */
uint64_t intern_hash(const void *data, size_t len);

#endif

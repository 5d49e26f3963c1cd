/*
 * idmap: a map from 64-bit keys (addresses, page frames, identifiers) to small numbers, by open addressing with
 * linear probing. Any key may be used; values are below IDMAP_NONE. A zeroed struct is an empty map.
 */
#ifndef KMEMSIM_BASE_IDMAP_H
#define KMEMSIM_BASE_IDMAP_H

#include <stddef.h>
#include <stdint.h>

#define IDMAP_NONE UINT32_MAX

struct idmap_entry {
	uint64_t key;
	uint32_t value; /* IDMAP_NONE: the entry is free */
};

struct idmap {
	struct idmap_entry *entries; /* owned; NULL when the map never held anything */
	size_t nr_entries;           /* a power of two, or 0 */
	size_t nr;                   /* entries in use, at most 3/4 of them */
};

/** idmap_get() - the value of @key, or IDMAP_NONE. */
uint32_t idmap_get(const struct idmap *map, uint64_t key);

/** idmap_put() - set @key to @value (not IDMAP_NONE), new or not. Return: 0, or -1 when out of memory. */
int idmap_put(struct idmap *map, uint64_t key, uint32_t value);

/** idmap_remove() - forget @key. Return: the value it had, or IDMAP_NONE when it was not there. */
uint32_t idmap_remove(struct idmap *map, uint64_t key);

void idmap_fini(struct idmap *map);

#endif

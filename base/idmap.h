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

/* Where the search for @key begins: multiplied and folded, as addresses differ mostly in their middle bits. */
static inline size_t idmap_home(uint64_t key, size_t mask)
{
	uint64_t x = key * 0x9e3779b97f4a7c15u;

	return (size_t)(x ^ (x >> 32)) & mask;
}

/*
 * The entry that holds @key, or the free one where it would
 * go. There is always a free one in a map that held something.
 */
static inline struct idmap_entry *idmap_find(const struct idmap *map, uint64_t key)
{
	size_t mask = map->nr_entries - 1;
	size_t i = idmap_home(key, mask);

	while (map->entries[i].value != IDMAP_NONE && map->entries[i].key != key)
		i = (i + 1) & mask;
	return &map->entries[i];
}

/** idmap_expect() - @key will be looked up soon: have its entry fetched. */
static inline void idmap_expect(const struct idmap *map, uint64_t key)
{
	if (map->nr)
		__builtin_prefetch(&map->entries[idmap_home(key, map->nr_entries - 1)]);
}

/** idmap_get() - the value of @key, or IDMAP_NONE. */
static inline uint32_t idmap_get(const struct idmap *map, uint64_t key)
{
	return map->nr ? idmap_find(map, key)->value : IDMAP_NONE;
}

/** idmap_put() - set @key to @value (not IDMAP_NONE), new or not. Return: 0, or -1 when out of memory. */
int idmap_put(struct idmap *map, uint64_t key, uint32_t value);

/** idmap_remove() - forget @key. Return: the value it had, or IDMAP_NONE when it was not there. */
uint32_t idmap_remove(struct idmap *map, uint64_t key);

void idmap_fini(struct idmap *map);

#endif

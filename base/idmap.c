#include "base/idmap.h"

#include <assert.h>
#include <stdlib.h>

#define IDMAP_FIRST_SIZE 1024

static int grow(struct idmap *map)
{
	struct idmap bigger = { .nr_entries = map->nr_entries ? 2 * map->nr_entries : IDMAP_FIRST_SIZE, .nr = map->nr };

	bigger.entries = malloc(bigger.nr_entries * sizeof(*bigger.entries));
	if (!bigger.entries)
		return -1;
	for (size_t i = 0; i < bigger.nr_entries; i++)
		bigger.entries[i].value = IDMAP_NONE;
	for (size_t i = 0; i < map->nr_entries; i++)
		if (map->entries[i].value != IDMAP_NONE)
			*idmap_find(&bigger, map->entries[i].key) = map->entries[i];
	free(map->entries);
	*map = bigger;
	return 0;
}

int idmap_put(struct idmap *map, uint64_t key, uint32_t value)
{
	struct idmap_entry *entry;

	assert(value != IDMAP_NONE);
	if (4 * (map->nr + 1) > 3 * map->nr_entries && grow(map) < 0)
		return -1;
	entry = idmap_find(map, key);
	if (entry->value == IDMAP_NONE)
		map->nr++;
	entry->key = key;
	entry->value = value;
	return 0;
}

uint32_t idmap_remove(struct idmap *map, uint64_t key)
{
	size_t mask = map->nr_entries - 1;
	size_t hole, next;
	uint32_t value;

	if (!map->nr)
		return IDMAP_NONE;
	hole = (size_t)(idmap_find(map, key) - map->entries);
	value = map->entries[hole].value;
	if (value == IDMAP_NONE)
		return IDMAP_NONE;
	/*
	 * Close the hole: whatever was pushed past it by a collision
	 * moves back, so that searches need no tombstones.
	 */
	for (next = (hole + 1) & mask; map->entries[next].value != IDMAP_NONE; next = (next + 1) & mask) {
		size_t home = idmap_home(map->entries[next].key, mask);

		if (((next - home) & mask) < ((next - hole) & mask))
			continue;
		map->entries[hole] = map->entries[next];
		hole = next;
	}
	map->entries[hole].value = IDMAP_NONE;
	map->nr--;
	return value;
}

void idmap_fini(struct idmap *map)
{
	if (!map)
		return;
	free(map->entries);
	*map = (struct idmap){ 0 };
}

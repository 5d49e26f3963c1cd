#include "traces/pfn_map.h"

#include <assert.h>
#include <stdlib.h>

#include "base/array.h"

static int add_leaf(struct pfn_map *map, size_t leaf)
{
	if (!array_room_cleared(&map->leaves, &map->cap_leaves, leaf))
		return -1;
	map->leaves[leaf] = calloc(1u << PFN_MAP_LEAF_SHIFT, sizeof(uint32_t));
	return map->leaves[leaf] ? 0 : -1;
}

int pfn_map_set(struct pfn_map *map, uint64_t pfn, uint32_t value)
{
	size_t leaf = (size_t)(pfn >> PFN_MAP_LEAF_SHIFT);

	assert(pfn < PFN_MAP_MAX);
	if (leaf >= map->cap_leaves || !map->leaves[leaf]) {
		if (value == PFN_MAP_NONE)
			return 0;
		if (add_leaf(map, leaf) < 0)
			return -1;
	}
	map->leaves[leaf][pfn & ((1u << PFN_MAP_LEAF_SHIFT) - 1)] = value;
	return 0;
}

void pfn_map_fini(struct pfn_map *map)
{
	for (uint32_t i = 0; i < map->cap_leaves; i++)
		free(map->leaves[i]);
	free(map->leaves);
	*map = (struct pfn_map){ 0 };
}

/*
 * pfn_map: a number for each page frame, in leaves that exist only where frames were seen. A zeroed struct is an
 * empty map. Frames of machines up to 2^36 pages (256 TiB of 4 KiB pages) fit.
 */
#ifndef KMEMSIM_TRACES_PFN_MAP_H
#define KMEMSIM_TRACES_PFN_MAP_H

#include <stddef.h>
#include <stdint.h>

#define PFN_MAP_NONE 0u
#define PFN_MAP_LEAF_SHIFT 15
#define PFN_MAP_MAX (1ull << 36)

struct pfn_map {
	uint32_t **leaves; /* owned, and each leaf; NULL = no frame of it seen */
	uint32_t cap_leaves;
};

/** pfn_map_get() - the number set for @pfn, PFN_MAP_NONE if there is none. */
static inline uint32_t pfn_map_get(const struct pfn_map *map, uint64_t pfn)
{
	uint64_t leaf = pfn >> PFN_MAP_LEAF_SHIFT;

	if (leaf >= map->cap_leaves || !map->leaves[leaf])
		return PFN_MAP_NONE;
	return map->leaves[leaf][pfn & ((1u << PFN_MAP_LEAF_SHIFT) - 1)];
}

/** pfn_map_set() - set it; PFN_MAP_NONE forgets. @pfn must be below PFN_MAP_MAX. Return: 0, or -1: no memory. */
int pfn_map_set(struct pfn_map *map, uint64_t pfn, uint32_t value);
void pfn_map_fini(struct pfn_map *map);

#endif

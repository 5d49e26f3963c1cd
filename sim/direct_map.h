/*
 * direct_map: where the recorded kernel had mapped all of its memory, so that addresses of objects can be taken for
 * places in memory: physical address = address - base.
 */
#ifndef KMEMSIM_SIM_DIRECT_MAP_H
#define KMEMSIM_SIM_DIRECT_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "traces/reader.h"

struct direct_map {
	bool known;
	uint64_t base; /* PAGE_OFFSET */
};

/**
 * direct_map_find() - the direct map of a recording: the nominal one of its architecture where addresses fit it, else
 * solved from a large kmalloc and the pages it was given (address randomisation).
 * @path:       the trace; it is opened and read as far as needed, so not "-".
 * @memory_end: first physical address behind the machine's memory, bytes.
 * Not known, without an error: hashed addresses, or no pair; a trace made up by gen or by hand.
 * Errors: ERR_USAGE when it is "-"; ERR_TRACE when a recording's trace has no recorded columns; what
 * trace_open() and trace_next() say.
 */
int direct_map_find(struct direct_map *map, const char *path, uint64_t memory_end, struct err *err);

/** direct_map_physical() - Return: false when @address is not in the direct map, or that is not known. */
static inline bool direct_map_physical(const struct direct_map *map, uint64_t address, uint64_t *physical)
{
	*physical = address - map->base;
	return map->known && address >= map->base;
}

#endif

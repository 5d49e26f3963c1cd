#include "mm/io_use.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

void io_use_fini(struct io_use_list *list)
{
	free(list->regions);
	*list = (struct io_use_list){ 0 };
}

uint32_t io_use_find(struct io_use_list *list, uint64_t start, uint64_t end, const char *name)
{
	/* The latest are asked for most. */
	for (uint32_t i = list->nr; i-- > 0;) {
		const struct io_use_region *region = &list->regions[i];

		if (region->start == start && region->end == end && !strcmp(region->name, name))
			return i;
	}
	if (list->nr == IO_USE_MAX || !array_room(&list->regions, &list->cap, list->nr))
		return 0;
	list->regions[list->nr] = (struct io_use_region){ .start = start, .end = end, .name = name };
	return list->nr++;
}

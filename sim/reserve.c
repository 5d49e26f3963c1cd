#include "sim/reserve.h"

#include <stdio.h>

#include "base/units.h"
#include "mm/mm.h"

void reserve_look(struct reserve *reserve, const char *zone, uint64_t low, uint64_t managed)
{
	if (managed > reserve->managed)
		*reserve = (struct reserve){ zone, low, managed };
}

bool reserve_warning(const struct reserve *reserve, uint32_t page_size, char *buf, size_t size)
{
	char low[32], managed[32];

	if (reserve->low <= reserve->managed / 2)
		return false;
	snprintf(buf, size,
		"the low watermark of zone %s is %s, of %s that it has: little or nothing is left for requests"
		" (page_allocator.min_free_kbytes)",
		reserve->zone, units_format_size_short(reserve->low * page_size, low, sizeof(low)),
		units_format_size_short(reserve->managed * page_size, managed, sizeof(managed)));
	return true;
}

bool reserve_warning_of(const struct mm *mm, char *buf, size_t size)
{
	struct reserve reserve = { 0 };
	struct zone_stats zone;

	for (unsigned int z = 0; z < page_alloc_nr_zones(mm->pages); z++) {
		page_alloc_zone_stats(mm->pages, z, &zone);
		reserve_look(&reserve, machine_zone_name[zone.type], zone.low, zone.managed);
	}
	return reserve_warning(&reserve, mm->machine->page_size, buf, size);
}

#include "configs/zoneinfo.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "configs/text_file.h"

bool zoneinfo_zone_line(const char *line, uint32_t *node, char *name)
{
	return sscanf(line, "Node %u, zone %15[^ \t,]", node, name) == 2 && *node < MACHINE_MAX_NODES;
}

bool zoneinfo_type(const char *name, enum machine_zone *type)
{
	for (uint32_t i = 0; i < NR_ZONE_TYPES; i++) {
		if (!strcmp(machine_zone_name[i], name)) {
			*type = (enum machine_zone)i;
			return true;
		}
	}
	return false;
}

/* "protection: (0, 186, 186, 186, 186)" */
static void read_protection(struct zoneinfo_zone *zone, const char *line)
{
	const char *at = strchr(line, '(');

	zone->has_protection = at != NULL;
	for (uint32_t i = 0; at && i < ZONEINFO_MAX_TYPES; i++) {
		zone->protection[i] = strtoull(at + 1, NULL, 10);
		at = strchr(at + 1, ',');
	}
}

/* A CPU's page list: "cpu: 0", "count: 61", "high:  41", "batch: 1", "high_min: 41". */
static void read_pageset(struct zoneinfo_zone *zone, const char *line)
{
	uint64_t value;

	if (text_number(line, "cpu", &value)) {
		zone->cpus++;
		zone->pcp_cpu = (uint32_t)(value < MACHINE_MAX_CPUS ? value : MACHINE_MAX_CPUS - 1);
	} else if (text_number(line, "count", &value) && value <= UINT32_MAX) {
		zone->pcp_count[zone->pcp_cpu] = (uint32_t)value;
	} else if (text_number(line, "high", &value) && value <= UINT32_MAX) {
		zone->pcp_high = (uint32_t)value;
	} else if (text_number(line, "high_min", &value) && value <= UINT32_MAX) {
		zone->pcp_high = (uint32_t)value; /* 6.7 and later: "high" wanders between this and high_max */
	} else if (text_number(line, "batch", &value) && value <= UINT32_MAX) {
		zone->pcp_batch = (uint32_t)value;
	}
}

/*
 * Kernels from 4.8 on have lists of nodes and count the pages of zones in them
 * ("nr_zone_inactive_anon"); a node's counts, with the older names, stand among those of its first zone.
 */
static bool read_lru(struct zoneinfo_zone *zone, const char *line)
{
	static const char *const names[NR_STATE_LRU] = {
		[STATE_LRU_INACTIVE_ANON] = "nr_zone_inactive_anon", [STATE_LRU_ACTIVE_ANON] = "nr_zone_active_anon",
		[STATE_LRU_INACTIVE_FILE] = "nr_zone_inactive_file", [STATE_LRU_ACTIVE_FILE] = "nr_zone_active_file",
		[STATE_LRU_UNEVICTABLE] = "nr_zone_unevictable",
	};

	for (int list = 0; list < NR_STATE_LRU; list++)
		if (text_number(line, names[list], &zone->lru[list]))
			return true;
	return false;
}

static void read_field(struct zoneinfo_zone *zone, const char *line)
{
	const struct { const char *name; uint64_t *value; } fields[] = {
		{ "start_pfn", &zone->start_pfn }, { "spanned", &zone->spanned }, { "present", &zone->present },
		{ "managed", &zone->managed }, { "pages free", &zone->free_pages }, { "boost", &zone->boost },
		{ "min", &zone->min }, { "low", &zone->low }, { "high", &zone->high },
	};

	/* Page lists have a "high:" of their own. */
	if (zone->cpus || strstr(line, "cpu:")) {
		read_pageset(zone, line);
		text_number(line, "start_pfn", &zone->start_pfn);
		return;
	}
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (text_number(line, fields[i].name, fields[i].value))
			return;
	}
	if (strstr(line, "protection:"))
		read_protection(zone, line);
}

static void keep_zone(struct zoneinfo *info, const struct zoneinfo_zone *zone, FILE *notes)
{
	if (!zone->present || info->nr_zones == ZONEINFO_MAX_ZONES)
		return;
	if (zone->start_pfn > ZONEINFO_MAX_PFN || zone->spanned > ZONEINFO_MAX_PFN || zone->present > zone->spanned) {
		if (notes)
			fprintf(notes, "zoneinfo: node %" PRIu32 ", zone %s makes no sense and is left out\n",
				zone->node, machine_zone_name[zone->type]);
		return;
	}
	info->zones[info->nr_zones++] = *zone;
}

void zoneinfo_parse(struct zoneinfo *info, char *text, FILE *notes)
{
	struct zoneinfo_zone zone = { 0 };
	uint32_t node, first_node = UINT32_MAX;
	bool in_zone = false;
	char name[16], *line;

	*info = (struct zoneinfo){ 0 };
	while ((line = text_next_line(&text))) {
		if (!zoneinfo_zone_line(line, &node, name)) {
			if (in_zone && read_lru(&zone, line))
				info->has_lru = true;
			else if (in_zone)
				read_field(&zone, line);
			continue;
		}
		if (in_zone)
			keep_zone(info, &zone, notes);
		zone = (struct zoneinfo_zone){ .node = node };
		in_zone = zoneinfo_type(name, &zone.type);
		first_node = first_node == UINT32_MAX ? node : first_node;
		if (node == first_node && info->nr_types < ZONEINFO_MAX_TYPES)
			info->types[info->nr_types++] = (uint8_t)(in_zone ? zone.type : NR_ZONE_TYPES);
	}
	if (in_zone)
		keep_zone(info, &zone, notes);
}

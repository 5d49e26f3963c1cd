/* zoneinfo: the zones of a kernel as /proc/zoneinfo prints them; for the probe and for saved states. */
#ifndef KMEMSIM_CONFIGS_ZONEINFO_H
#define KMEMSIM_CONFIGS_ZONEINFO_H

#include <stdio.h>

#include "configs/state.h"

#define ZONEINFO_MAX_ZONES (MACHINE_MAX_NODES * NR_ZONE_TYPES)
#define ZONEINFO_MAX_TYPES (NR_ZONE_TYPES + 1) /* and Device */
#define ZONEINFO_MAX_PFN   (1ull << 40)        /* no address of a page is larger, whatever a damaged file says */

/* Pages. */
struct zoneinfo_zone {
	uint32_t node;
	enum machine_zone type;
	uint64_t start_pfn, spanned, present, managed, free_pages;
	uint64_t min, low, high;          /* as the kernel prints them: boost is in them */
	uint64_t boost;
	uint64_t protection[ZONEINFO_MAX_TYPES]; /* lowmem_reserve, by zone number of this kernel */
	bool has_protection;
	uint32_t cpus;                    /* CPUs with a page list here */
	uint32_t pcp_high, pcp_batch;     /* of the last of them */
	uint32_t pcp_count[MACHINE_MAX_CPUS]; /* on each one's list */
	uint32_t pcp_cpu;                 /* whose list is being read */
	uint64_t lru[NR_STATE_LRU];       /* on LRU lists */
};

struct zoneinfo {
	struct zoneinfo_zone zones[ZONEINFO_MAX_ZONES]; /* populated ones */
	uint32_t nr_zones;
	/* the types that this kernel has, as it counts them; NR_ZONE_TYPES = another */
	uint8_t types[ZONEINFO_MAX_TYPES];
	uint32_t nr_types;
	bool has_lru;                      /* it counts the LRU lists of zones */
};

/**
 * zoneinfo_parse() - fill *info from the text of zoneinfo, which is cut up.
 * @notes: zones that make no sense and are left out; may be NULL.
 */
void zoneinfo_parse(struct zoneinfo *info, char *text, FILE *notes);

/** zoneinfo_zone_line() - "Node 0, zone    DMA32": false when the line is another. @name has room for 16 bytes. */
bool zoneinfo_zone_line(const char *line, uint32_t *node, char *name);

/** zoneinfo_type() - a zone type by its name. Return: false when it is none that is modelled. */
bool zoneinfo_type(const char *name, enum machine_zone *type);

#endif

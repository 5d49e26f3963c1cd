/*
 * capture_state: what a capture's snapshot says of pages, read with a few
 * lines of its own, so that these tests depend on nothing but the files.
 */
#ifndef KMEMSIM_TESTS_MM_CAPTURE_STATE_H
#define KMEMSIM_TESTS_MM_CAPTURE_STATE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "configs/machine.h"
#include "configs/state.h"
#include "mm/page_alloc.h"

/* A .csv of the snapshot, or its .csv.xz; NULL: neither is there. The head line has been read. */
static inline FILE *capture_open(const char *dir, const char *name)
{
	char path[1024], command[1100], line[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/memory/%s.csv", dir, name);
	snprintf(command, sizeof(command), "xz -dc '%s.xz'", path);
	file = access(path, R_OK) == 0 ? fopen(path, "r") : NULL;
	if (!file) {
		snprintf(line, sizeof(line), "%s.xz", path);
		file = access(line, R_OK) == 0 ? popen(command, "r") : NULL;
	}
	if (file && !fgets(line, sizeof(line), file))
		cr_assert_fail("%s is empty", path);
	return file;
}

static inline unsigned int capture_index(const char *text, const char *const *names, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		if (!strcmp(text, names[i]))
			return i;
	cr_assert_fail("unknown name %s", text);
	return 0;
}

#define CAPTURE_GROW(array, nr)                                                              \
	do {                                                                                 \
		if (((nr) & ((nr) - 1)) == 0)                                                \
			(array) = realloc((array), ((nr) ? 2 * (nr) : 1) * sizeof(*(array))); \
	} while (0)

static inline void capture_zones(struct state *state, const char *dir)
{
	FILE *file = capture_open(dir, "zones");
	char type[32];
	struct state_zone z = { 0 };
	unsigned long reserve[NR_ZONE_TYPES];

	cr_assert_not_null(file, "%s has no zones.csv", dir);
	while (fscanf(file, "%u,%31[^,],%lu,%lu,%lu,%lu,%lu,%lu,%lu,%lu,%lu %lu %lu %lu %lu,%u,%u,%lu,%lu\n", &z.node,
		       type, &z.start_pfn, &z.spanned, &z.present, &z.managed, &z.min, &z.low, &z.high, &z.boost,
		       &reserve[0], &reserve[1], &reserve[2], &reserve[3], &reserve[4], &z.pcp_high, &z.pcp_batch,
		       &z.highatomic, &z.free_pages) == 19) {
		z.type = (enum machine_zone)capture_index(type, machine_zone_name, NR_ZONE_TYPES);
		/* By the kernel's indices: DMA, DMA32, Normal, Movable, Device. */
		z.lowmem_reserve[ZONE_DMA] = reserve[0];
		z.lowmem_reserve[ZONE_DMA32] = reserve[1];
		z.lowmem_reserve[ZONE_NORMAL] = z.lowmem_reserve[ZONE_HIGHMEM] = reserve[2];
		z.lowmem_reserve[ZONE_MOVABLE] = reserve[3];
		CAPTURE_GROW(state->zones, state->nr_zones);
		state->zones[state->nr_zones++] = z;
	}
	pclose(file);
}

static inline uint16_t capture_zone(const struct state *state, uint32_t node, const char *type)
{
	for (size_t i = 0; i < state->nr_zones; i++)
		if (state->zones[i].node == node && !strcmp(machine_zone_name[state->zones[i].type], type))
			return (uint16_t)i;
	cr_assert_fail("no zone %s on node %u", type, node);
	return 0;
}

static inline void capture_blocks(struct state *state, const char *dir)
{
	FILE *file = capture_open(dir, "buddy_free");
	char zone[32], mt[32];
	unsigned int node, order, cpu, list;
	unsigned long pfn;

	cr_assert_not_null(file);
	while (fscanf(file, "%u,%31[^,],%u,%31[^,],%*u,%lu\n", &node, zone, &order, mt, &pfn) == 5) {
		CAPTURE_GROW(state->blocks, state->nr_blocks);
		state->blocks[state->nr_blocks++] = (struct state_block){
			.pfn = pfn,
			.zone = capture_zone(state, node, zone),
			.order = (uint8_t)order,
			.migratetype = (uint8_t)capture_index(mt, migratetype_name, NR_MIGRATETYPES),
		};
	}
	pclose(file);
	file = capture_open(dir, "pcp");
	cr_assert_not_null(file);
	while (fscanf(file, "%u,%31[^,],%u,%u,%u,%31[^,],%*u,%lu\n", &node, zone, &cpu, &list, &order, mt, &pfn) == 7) {
		/* The lists of pageblock order: 12 for what is not Movable, 13. */
		unsigned int type = !strcmp(mt, "THP") ? list == 13 :
			capture_index(mt, migratetype_name, NR_MIGRATETYPES);

		CAPTURE_GROW(state->pcp, state->nr_pcp);
		state->pcp[state->nr_pcp++] = (struct state_pcp){ .pfn = pfn, .cpu = cpu,
			.zone = capture_zone(state, node, zone), .list = (uint8_t)list, .order = (uint8_t)order,
			.migratetype = (uint8_t)type };
	}
	pclose(file);
}

static inline void capture_pages(struct state *state, const char *dir)
{
	static const char *const kinds[] = { "buddy", "pcp", "slab", "anon", "file", "pgtable", "compound", "kernel",
		"reserved", "unaccounted", "hole", "other" };
	FILE *file = capture_open(dir, "pages");
	struct state_pages run;
	char kind[32];

	while (file && fscanf(file, "%lu,%lu,%31[^,]%*[^\n]\n", &run.first_pfn, &run.nr_pages, kind) == 3) {
		run.kind = (enum state_page_kind)capture_index(kind, kinds, sizeof(kinds) / sizeof(kinds[0]));
		CAPTURE_GROW(state->pages, state->nr_pages);
		state->pages[state->nr_pages++] = run;
	}
	if (file)
		pclose(file);
}

/* Pages by zone of a snapshot folder. */
static inline struct state *capture_state(const char *dir)
{
	struct state *state = calloc(1, sizeof(*state));

	snprintf(state->source, sizeof(state->source), "%s", dir);
	capture_zones(state, dir);
	capture_blocks(state, dir);
	capture_pages(state, dir);
	state->exact_blocks = true;
	return state;
}

static inline void capture_state_free(struct state *state)
{
	free(state->zones);
	free(state->blocks);
	free(state->pcp);
	free(state->pages);
	free(state);
}

#endif

/* saved_vmallocinfo: areas of the vmalloc space as the kernel prints them. */
#include "configs/saved_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (256u << 20)

/* "N1=4": so many of its pages are on node 1. Return: whether it is such a word. */
static bool read_node(struct state_area *area, const char *word)
{
	uint64_t pages;
	uint32_t node;

	if (sscanf(word, "N%" SCNu32 "=%" SCNu64, &node, &pages) != 2)
		return false;
	if (node < MACHINE_MAX_NODES)
		area->on_node[node] = pages;
	return true;
}

/* The words behind addresses and size: the caller, "pages=4", "phys=0x...", "ioremap", "unpurged", and others. */
static void read_words(struct state_area *area, char *text)
{
	char *rest = NULL;

	for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		if (sscanf(word, "pages=%" SCNu64, &area->pages) == 1 ||
			sscanf(word, "phys=0x%" SCNx64, &area->phys) == 1 || read_node(area, word))
			continue;
		area->ioremap |= !strcmp(word, "ioremap");
		area->vmap |= !strcmp(word, "vmap");
		area->map_ram |= !strcmp(word, "vm_map_ram");
		area->vmalloc |= !strcmp(word, "vmalloc");
		area->lazy |= !strcmp(word, "unpurged");
		if (!area->caller[0] && strstr(word, "+0x"))
			snprintf(area->caller, sizeof(area->caller), "%s", word);
	}
}

/* Return: false for a line without true addresses, as a reader without privileges gets them. */
static bool read_area(struct state_area *area, char *line)
{
	uint64_t size;
	int used = 0;

	*area = (struct state_area){ 0 };
	if (sscanf(line, "0x%" SCNx64 "-0x%" SCNx64 " %" SCNu64 "%n", &area->start, &area->end, &size, &used) != 3 ||
		area->start >= area->end || area->end - area->start != size)
		return false;
	read_words(area, line + used);
	return true;
}

int saved_vmallocinfo(struct saved_reader *r, struct err *err)
{
	struct state *state = r->state;
	char path[TEXT_PATH_MAX];
	char *text, *at, *line;
	size_t unusable = 0, number = 0;
	int got = saved_text(r, "vmallocinfo", FILE_MAX, &text, path, err);

	if (got == 0)
		saved_note(r, "vmallocinfo is missing: no area is there but those that the trace tells of");
	if (got <= 0)
		return got;
	if (text[strlen(text) - 1] != '\n')
		saved_note(r, "vmallocinfo ends amid a line, so it was cut: areas behind it are not known");
	for (got = 0, at = text; !got && (line = text_next_line(&at));) {
		got = saved_grow(&state->areas, state->nr_areas, sizeof(*state->areas), err);
		if (got < 0)
			break;
		number++;
		if (line[0] && strncmp(line, "0x", 2) != 0)
			got = err_set(err, ERR_CONFIG,
				"%s:%zu: expected an area of the vmalloc space, \"0x...-0x... size\"", path, number);
		else if (read_area(&state->areas[state->nr_areas], line))
			state->nr_areas++;
		else
			unusable += line[0] != '\0';
	}
	free(text);
	if (unusable)
		saved_note(r, "vmallocinfo: %zu lines without addresses were passed over", unusable);
	return got;
}

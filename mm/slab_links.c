/* Memory of the chains and stacks of free objects: 16 bits an object, by slab; no allocation in a run. */
#include <stdlib.h>
#include <sys/mman.h>

#include "base/bits.h"
#include "mm/slab_priv.h"

#define LINK_CLASSES   ((SLAB_OBJECTS_MAX + 1) / SLAB_LINK_UNIT + 1)
#define LINKS_PER_BYTE_OF_RAM 2u /* address space: objects of 8 bytes need a quarter; the rest is for unlike sizes */

void *slab_reserve(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void slab_unreserve(void *p, size_t bytes)
{
	if (p)
		munmap(p, bytes);
}

uint64_t slab_ram_bytes(const struct machine *machine)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < machine->nr_ram; i++)
		bytes += machine->ram[i].size;
	return bytes;
}

int slab_links_init(struct slab_links *links, const struct machine *machine)
{
	uint64_t wanted = slab_ram_bytes(machine) * LINKS_PER_BYTE_OF_RAM / (SLAB_LINK_UNIT * sizeof(uint16_t));
	uint64_t units = min_u64(wanted + LINK_CLASSES, SLAB_LINKS_NONE);

	links->max_units = (uint32_t)units;
	links->bytes = (size_t)units * SLAB_LINK_UNIT * sizeof(uint16_t);
	links->array = slab_reserve(links->bytes);
	links->unused = malloc(LINK_CLASSES * sizeof(*links->unused));
	if (!links->array || !links->unused) {
		slab_links_fini(links);
		return -1;
	}
	for (uint32_t i = 0; i < LINK_CLASSES; i++)
		links->unused[i] = SLAB_LINKS_NONE;
	return 0;
}

void slab_links_fini(struct slab_links *links)
{
	slab_unreserve(links->array, links->bytes);
	free(links->unused);
	links->array = NULL;
	links->unused = NULL;
}

/* A chain of unused arrays of one size runs through their first two links. */
static uint32_t *next_of(const struct slab_links *links, uint32_t at)
{
	return (uint32_t *)(void *)slab_links_at(links, at);
}

static uint32_t units_of(uint32_t objects)
{
	return (objects + SLAB_LINK_UNIT - 1) / SLAB_LINK_UNIT;
}

uint32_t slab_links_take(struct slab_links *links, uint32_t objects)
{
	uint32_t units = units_of(objects), at = links->unused[units];

	if (at != SLAB_LINKS_NONE) {
		links->unused[units] = *next_of(links, at);
		return at;
	}
	if (links->max_units - links->nr_units < units)
		return SLAB_LINKS_NONE;
	at = links->nr_units;
	links->nr_units += units;
	return at;
}

void slab_links_give(struct slab_links *links, uint32_t at, uint32_t objects)
{
	uint32_t units = units_of(objects);

	*next_of(links, at) = links->unused[units];
	links->unused[units] = at;
}

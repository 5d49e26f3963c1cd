/* Numbers of slabs and the memory of their freelists: dense numbers, used again; no allocation in a run. */
#include <stdlib.h>
#include <sys/mman.h>

#include "base/bits.h"
#include "mm/slub_priv.h"

#define LINK_CLASSES   ((SLAB_OBJECTS_MAX + 1) / SLUB_LINK_UNIT + 1)
#define LINKS_PER_BYTE_OF_RAM 2u /* address space: objects of 8 bytes need a quarter; the rest is for unlike sizes */

static void *reserve(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

int slub_store_init(struct slub_store *store, const struct machine *machine, struct err *err)
{
	uint64_t ram = 0, units;

	for (uint32_t i = 0; i < machine->nr_ram; i++)
		ram += machine->ram[i].size;
	units = min_u64(ram * LINKS_PER_BYTE_OF_RAM / (SLUB_LINK_UNIT * sizeof(uint16_t)) + LINK_CLASSES, SLAB_NONE);
	store->max_slabs = (uint32_t)min_u64(ram >> machine->page_shift, SLAB_NUMBERS_MAX);
	store->max_links = (uint32_t)units;
	store->unused = SLAB_NONE;
	store->slabs_bytes = ((size_t)store->max_slabs + 1) * sizeof(*store->slabs);
	store->links_bytes = (size_t)units * SLUB_LINK_UNIT * sizeof(uint16_t);
	store->slabs = reserve(store->slabs_bytes);
	store->links = reserve(store->links_bytes);
	store->links_unused = malloc(LINK_CLASSES * sizeof(*store->links_unused));
	if (!store->slabs || !store->links || !store->links_unused) {
		slub_store_fini(store);
		return err_set(err, ERR_NOMEM, "no address space to follow the slabs of %llu MiB",
			(unsigned long long)(ram >> 20));
	}
	for (uint32_t i = 0; i < LINK_CLASSES; i++)
		store->links_unused[i] = SLAB_NONE;
	return 0;
}

void slub_store_fini(struct slub_store *store)
{
	if (store->slabs)
		munmap(store->slabs, store->slabs_bytes);
	if (store->links)
		munmap(store->links, store->links_bytes);
	free(store->links_unused);
	store->slabs = NULL;
	store->links = NULL;
	store->links_unused = NULL;
}

/* An array's chain of unused ones runs through its first two links. */
static uint32_t *links_next(const struct slub_store *store, uint32_t at)
{
	return (uint32_t *)(void *)&store->links[(size_t)at * SLUB_LINK_UNIT];
}

static uint32_t links_units(uint32_t objects)
{
	return (objects + SLUB_LINK_UNIT - 1) / SLUB_LINK_UNIT;
}

static uint32_t links_take(struct slub_store *store, uint32_t units)
{
	uint32_t at = store->links_unused[units];

	if (at != SLAB_NONE) {
		store->links_unused[units] = *links_next(store, at);
		return at;
	}
	if (store->max_links - store->nr_links < units)
		return SLAB_NONE;
	at = store->nr_links;
	store->nr_links += units;
	return at;
}

uint32_t slub_store_take(struct slub_store *store, uint32_t objects)
{
	uint32_t number = store->unused, links = links_take(store, links_units(objects));

	if (links == SLAB_NONE)
		return SLAB_NONE;
	if (number != SLAB_NONE)
		store->unused = store->slabs[number].next;
	else if (store->nr_slabs < store->max_slabs)
		number = store->nr_slabs++;
	else
		return SLAB_NONE;
	store->slabs[number] = (struct slub_slab){ .links = links, .objects = (uint16_t)objects,
		.prev = SLAB_NONE, .next = SLAB_NONE };
	return number;
}

void slub_store_give(struct slub_store *store, uint32_t number)
{
	struct slub_slab *slab = &store->slabs[number];
	uint32_t units = links_units(slab->objects);

	*links_next(store, slab->links) = store->links_unused[units];
	store->links_unused[units] = slab->links;
	slab->place = SLUB_UNUSED;
	slab->next = store->unused;
	store->unused = number;
}

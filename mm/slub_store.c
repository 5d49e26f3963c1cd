/* Numbers of slabs and the memory of their freelists: dense numbers, used again; no allocation in a run. */
#include "base/bits.h"
#include "mm/slub_priv.h"

int slub_store_init(struct slub_store *store, const struct machine *machine, struct err *err)
{
	uint64_t ram = slab_ram_bytes(machine);

	store->max_slabs = (uint32_t)min_u64(ram >> machine->page_shift, SLAB_NUMBERS_MAX);
	store->unused = SLAB_NONE;
	store->slabs_bytes = ((size_t)store->max_slabs + 1) * sizeof(*store->slabs);
	store->slabs = slab_reserve(store->slabs_bytes);
	if (!store->slabs || slab_links_init(&store->links, machine) < 0) {
		slub_store_fini(store);
		return err_set(err, ERR_NOMEM, "no address space to follow the slabs of %llu MiB",
			(unsigned long long)(ram >> 20));
	}
	return 0;
}

void slub_store_fini(struct slub_store *store)
{
	slab_unreserve(store->slabs, store->slabs_bytes);
	slab_links_fini(&store->links);
	store->slabs = NULL;
}

uint32_t slub_store_take(struct slub_store *store, uint32_t objects)
{
	uint32_t number = store->unused, links = slab_links_take(&store->links, objects);

	if (links == SLAB_LINKS_NONE)
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

	slab_links_give(&store->links, slab->links, slab->objects);
	slab->place = SLUB_UNUSED;
	slab->next = store->unused;
	store->unused = number;
}

/* What /proc/slabinfo and /sys/kernel/slab would show of a cache, and which objects are handed out. */
#include "mm/slub_priv.h"

uint32_t slub_chain_length(const uint16_t *links, uint16_t head, uint32_t max)
{
	uint32_t length = 0;

	for (; head != OBJECT_NONE && length < max; head = links[head])
		length++;
	return length;
}

static uint64_t free_in_slab(const struct slub_slab *slab)
{
	return (uint64_t)slab->objects - slab->inuse;
}

/*
 * Adds up one CPU. sysfs skips a CPU without a current slab altogether, its stack included.
 * Return: objects that are free on this CPU.
 */
static uint64_t add_cpu(const struct slub *slub, const struct slub_cpu *c, struct slab_stats *stats)
{
	const struct slub_slab *slabs = slub->store.slabs;
	uint64_t free = 0, depth = c->partial == SLAB_NONE ? 0 : slabs[c->partial].depth;

	for (uint32_t number = c->partial; number != SLAB_NONE; number = slabs[number].next)
		free += free_in_slab(&slabs[number]);
	stats->slabs_cpu_partial += depth;
	stats->allocs += c->allocs;
	if (c->slab == SLAB_NONE)
		return free;
	stats->slabs_cpu_current++;
	stats->cpu_slabs += 1 + depth;
	return free + free_in_slab(&slabs[c->slab]) +
		slub_chain_length(c->links, c->freelist, slabs[c->slab].objects);
}

/* Full slabs are on no list, so live objects are what is not free anywhere; frees follow from allocs. */
void slub_stats(const void *state, uint32_t cache, struct slab_stats *stats)
{
	const struct slub *slub = state;
	const struct slub_slab *slabs = slub->store.slabs;
	uint64_t free_on_lists = 0, free_on_cpus = 0;

	for (unsigned int cpu = 0; cpu < slub->nr_cpus; cpu++)
		free_on_cpus += add_cpu(slub, slub_cpu_of(slub, cache, cpu), stats);
	for (unsigned int node = 0; node < slub->nr_nodes; node++) {
		const struct slub_node *n = slub_node_of(slub, cache, node);

		for (uint32_t number = n->head; number != SLAB_NONE; number = slabs[number].next)
			free_on_lists += free_in_slab(&slabs[number]);
		stats->partial += n->nr_partial;
		stats->slabs += n->nr_slabs;
		stats->total_objs += n->total_objects;
	}
	stats->active_slabs = stats->slabs;
	stats->slab_pages = slub->caches[cache].pages;
	stats->active_objs = stats->total_objs - free_on_lists;
	stats->live_objs = stats->active_objs - free_on_cpus;
	stats->frees = stats->allocs + slub->caches[cache].loaded_objects - stats->live_objs;
	stats->grown = slub->caches[cache].grown;
	stats->discarded = slub->caches[cache].discarded;
}

static bool on_chain(const uint16_t *links, uint16_t head, uint32_t object)
{
	for (; head != OBJECT_NONE; head = links[head])
		if (head == object)
			return true;
	return false;
}

bool slub_object_live(const void *state, struct slab_object object)
{
	const struct slub *slub = state;
	const struct slub_slab *slab;

	if (object.slab >= slub->store.nr_slabs)
		return false;
	slab = &slub->store.slabs[object.slab];
	if (slab->place == SLUB_UNUSED || object.index >= slab->objects ||
			on_chain(slub_links(slub, slab), slab->freelist, object.index))
		return false;
	for (unsigned int cpu = 0; slab->place == SLUB_CPU && cpu < slub->nr_cpus; cpu++) {
		const struct slub_cpu *c = slub_cpu_of(slub, slab->cache, cpu);

		if (c->slab == object.slab)
			return !on_chain(c->links, c->freelist, object.index);
	}
	return true;
}

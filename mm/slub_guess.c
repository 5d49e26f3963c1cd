/* slub_guess: the CPUs' freelists, where a saved state does not tell them. */
#include <stdlib.h>
#include <string.h>

#include "mm/slub_priv.h"

/*
 * In saved states that have them, three quarters of the objects that are not on
 * the slab's own freelist are on the CPU's (0.66 to 0.81 in eight states of 6.1).
 */
uint32_t slub_guess_free(const struct slub_slab *slab)
{
	return slab->inuse * 3u / 4;
}

uint16_t slub_guess_freelist(const struct slub *slub, const struct slub_slab *slab, const uint8_t *taken, uint32_t nr)
{
	const struct slub_cache *cache = &slub->caches[slab->cache];
	uint16_t *links = slub_links(slub, slab), head = OBJECT_NONE;

	for (uint32_t i = slab->objects; i-- > 0 && nr;) {
		uint16_t object = cache->random_seq && cache->geometry.objs_per_slab == slab->objects ?
			cache->random_seq[i] : (uint16_t)i;

		if (taken[object])
			continue;
		links[object] = head;
		head = object;
		nr--;
	}
	return head;
}

/* The CPU's slab of a cache, NULL: it has none. */
static const struct slub_slab *cpu_slab(const struct slub *slub, uint32_t cache, unsigned int cpu)
{
	const struct slub_cpu *c = slub_cpu_of(slub, cache, cpu);

	return c->slab == SLAB_NONE ? NULL : &slub->store.slabs[c->slab];
}

static void guess_again(struct slub *slub, uint32_t cache, unsigned int cpu, uint8_t *taken, uint32_t nr)
{
	const struct slub_slab *slab = cpu_slab(slub, cache, cpu);
	const uint16_t *links = slub_links(slub, slab);

	memset(taken, 0, slab->objects);
	for (uint16_t object = slab->freelist; object != OBJECT_NONE; object = links[object])
		taken[object] = 1;
	slub_cpu_of(slub, cache, cpu)->freelist = slub_guess_freelist(slub, slab, taken, nr);
}

/* What CPUs may have free, and do have free by the guess: the rest is spread by how much each may. */
bool slub_assume_live(void *state, uint32_t cache, uint64_t live)
{
	struct slub *slub = state;
	uint64_t may = 0, guessed = 0, free_now, before = 0;
	uint64_t all = slub->caches[cache].loaded_objects;
	uint8_t *taken;

	for (unsigned int cpu = 0; cpu < slub->nr_cpus; cpu++) {
		const struct slub_slab *slab = cpu_slab(slub, cache, cpu);
		const struct slub_cpu *c = slub_cpu_of(slub, cache, cpu);

		may += slab ? slab->inuse : 0;
		guessed += slab ? slub_chain_length(c->links, c->freelist, slab->objects) : 0;
	}
	all += guessed;
	if (!may || live > all || all - live > may)
		return false;
	taken = malloc(SLAB_OBJECTS_MAX + 1);
	if (!taken)
		return false;
	free_now = all - live;
	for (unsigned int cpu = 0, seen = 0; cpu < slub->nr_cpus; cpu++) {
		const struct slub_slab *slab = cpu_slab(slub, cache, cpu);
		uint64_t upto;

		if (!slab)
			continue;
		seen += slab->inuse;
		upto = free_now * seen / may;
		guess_again(slub, cache, cpu, taken, (uint32_t)(upto - before));
		before = upto;
	}
	free(taken);
	slub->caches[cache].loaded_objects = live;
	return true;
}

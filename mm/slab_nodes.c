/* Which nodes have memory for slabs, and which is nearest to whom. Models slab_nodes, numa_mem_id() and zonelists. */
#include <stdlib.h>

#include "mm/mempolicy.h"
#include "mm/slab_priv.h"

/* Whether @b is farther from @from than @a, as find_next_best_node() prefers: near, then those behind it. */
static bool is_farther(const struct machine *machine, uint32_t from, uint32_t a, uint32_t b)
{
	uint32_t far_a = 2 * machine->distance[from][a] + (a < from);
	uint32_t far_b = 2 * machine->distance[from][b] + (b < from);

	return a == from || (b != from && far_b > far_a);
}

/* Simplified: equally near nodes are not taken in turns (node_load), because the order is asked for one node only. */
static int order_nodes(struct slab_nodes *nodes, const struct machine *machine)
{
	uint32_t nr = machine->nr_nodes;

	nodes->nearest = malloc((size_t)nr * nr);
	if (!nodes->nearest)
		return -1;
	for (uint32_t from = 0; from < nr; from++) {
		uint8_t *row = &nodes->nearest[from * nr];

		for (uint32_t node = 0; node < nr; node++) {
			uint32_t at = node;

			for (; at > 0 && is_farther(machine, from, node, row[at - 1]); at--)
				row[at] = row[at - 1];
			row[at] = (uint8_t)node;
		}
	}
	return 0;
}

unsigned int slab_policy_node(const struct page_alloc *pages, unsigned int local)
{
	struct mempolicy *policy = page_alloc_policy(pages);

	return policy ? mempolicy_next(policy) : local;
}

int slab_nodes_init(struct slab_nodes *nodes, const struct machine *machine)
{
	if (order_nodes(nodes, machine) < 0)
		return -1;
	for (uint32_t i = 0; i < machine->nr_ram; i++)
		if (machine->ram[i].start < machine->zones.highmem_above)
			nodes->has_memory[machine->ram[i].node] = 1;
	for (uint32_t cpu = 0; cpu < machine->cpus; cpu++) {
		const uint8_t *nearest = &nodes->nearest[machine->node_of_cpu[cpu] * machine->nr_nodes];
		uint32_t i = 0;

		while (i + 1 < machine->nr_nodes && !nodes->has_memory[nearest[i]])
			i++;
		nodes->of_cpu[cpu] = nearest[i];
	}
	return 0;
}

void slab_nodes_fini(struct slab_nodes *nodes)
{
	free(nodes->nearest);
	nodes->nearest = NULL;
}

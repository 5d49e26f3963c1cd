/*
 * zonelist: in which order a node's requests try the zones of all nodes.
 * Models build_all_zonelists() and find_next_best_node() of mm/page_alloc.c (6.1).
 */
#include <stdlib.h>

#include "mm/page_alloc_priv.h"

#define KERNEL_MAX_NUMNODES 1024u

struct node_order {
	bool used[MACHINE_MAX_NODES];
	bool has_cpus[MACHINE_MAX_NODES];
	bool has_memory[MACHINE_MAX_NODES];
	uint32_t load[MACHINE_MAX_NODES]; /* grows over all lists, so that nodes at one distance take turns */
};

/* The nearest node with memory that @order has not used; the node itself comes first. UINT32_MAX: all are used. */
static uint32_t next_best_node(const struct page_alloc *pa, struct node_order *order, uint32_t node)
{
	uint32_t best = UINT32_MAX, best_value = UINT32_MAX;

	if (!order->used[node]) {
		order->used[node] = true;
		return node;
	}
	for (uint32_t n = 0; n < pa->nr_nodes; n++) {
		uint32_t value = pa->machine->distance[node][n];

		if (order->used[n] || !order->has_memory[n])
			continue;
		value += (n < node) + order->has_cpus[n];
		value = value * KERNEL_MAX_NUMNODES + order->load[n];
		if (value < best_value) {
			best_value = value;
			best = n;
		}
	}
	if (best != UINT32_MAX)
		order->used[best] = true;
	return best;
}

static void add_node_zones(const struct page_alloc *pa, struct zonelist *list, uint32_t node)
{
	for (uint32_t i = pa->nr_zones; i-- > 0;)
		if (pa->zones[i].node == node)
			list->zone[list->nr++] = &pa->zones[i];
}

static void build_zonelist(const struct page_alloc *pa, struct node_order *order, uint32_t node)
{
	struct zonelist *list = &pa->zonelists[node];
	uint32_t previous = node, next;

	for (uint32_t n = 0; n < pa->nr_nodes; n++)
		order->used[n] = false;
	while ((next = next_best_node(pa, order, node)) != UINT32_MAX) {
		if (pa->machine->distance[node][next] != pa->machine->distance[node][previous])
			order->load[next]++;
		previous = next;
		add_node_zones(pa, list, next);
		if (next == node)
			list->nr_local = list->nr;
	}
	for (unsigned int type = 0; type < NR_ZONE_TYPES; type++)
		while (list->first[type] < list->nr && list->zone[list->first[type]]->type > type)
			list->first[type]++;
}

int zonelists_build(struct page_alloc *pa, struct err *err)
{
	struct node_order order = { 0 };

	pa->zonelists = calloc(pa->nr_nodes, sizeof(*pa->zonelists));
	if (!pa->zonelists)
		return err_set(err, ERR_NOMEM, "no memory for %u zonelists", pa->nr_nodes);
	for (uint32_t cpu = 0; cpu < pa->nr_cpus; cpu++)
		order.has_cpus[pa->machine->node_of_cpu[cpu]] = true;
	for (uint32_t i = 0; i < pa->nr_zones; i++)
		order.has_memory[pa->zones[i].node] = true;
	for (uint32_t node = 0; node < pa->nr_nodes; node++) {
		pa->zonelists[node].zone = calloc(pa->nr_zones, sizeof(struct zone *));
		if (!pa->zonelists[node].zone)
			return err_set(err, ERR_NOMEM, "no memory for the zonelist of node %u", node);
		build_zonelist(pa, &order, node);
	}
	return 0;
}

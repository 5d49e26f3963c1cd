#include "mm/mempolicy.h"

#define INTERLEAVE_BYTES (16ull << 20) /* numa_policy_init(): smaller nodes are left out */

void mempolicy_boot(struct mempolicy *policy, const struct machine *machine)
{
	uint64_t bytes[MACHINE_MAX_NODES] = { 0 };
	uint32_t largest = 0;

	*policy = (struct mempolicy){ .told = MEMPOLICY_NODE_ANY };
	for (uint32_t i = 0; i < machine->nr_ram; i++)
		bytes[machine->ram[i].node] += machine->ram[i].size;
	for (uint32_t node = 0; node < machine->nr_nodes; node++) {
		if (bytes[node] > bytes[largest])
			largest = node;
		if (bytes[node] >= INTERLEAVE_BYTES)
			policy->nodes[policy->nr++] = (uint8_t)node;
	}
	if (!policy->nr)
		policy->nodes[policy->nr++] = (uint8_t)largest;
}

unsigned int mempolicy_next(struct mempolicy *policy)
{
	unsigned int node = policy->nodes[policy->next];

	policy->next = policy->next + 1 < policy->nr ? policy->next + 1 : 0;
	return node;
}

unsigned int mempolicy_next_pages(struct mempolicy *policy)
{
	if (policy->told != MEMPOLICY_NODE_ANY)
		for (uint32_t i = 0; i < policy->nr; i++)
			if (policy->nodes[i] == policy->told)
				policy->next = i;
	policy->told = MEMPOLICY_NODE_ANY;
	return mempolicy_next(policy);
}

/*
 * mempolicy: the memory policy of a task, as far as the kernel sets one by itself: while it boots, pages come from
 * all nodes in turn. Models struct mempolicy with MPOL_INTERLEAVE and current->il_prev (mm/mempolicy.c). Knows no
 * tasks: who has a policy is its caller's.
 */
#ifndef KMEMSIM_MM_MEMPOLICY_H
#define KMEMSIM_MM_MEMPOLICY_H

#include "configs/machine.h"

#define MEMPOLICY_NODE_ANY (-1)

struct mempolicy {
	uint8_t nodes[MACHINE_MAX_NODES]; /* numbers, ascending */
	uint32_t nr;
	uint32_t next;                    /* the place in nodes[] whose turn it is: behind il_prev */
	/* the node of the next block of pages, as recorded; MEMPOLICY_NODE_ANY: not told */
	int told;
};

/**
 * mempolicy_boot() - the policy of the first task: all nodes with at least 16 MiB of memory in turn, from the first of
 * them on; the largest one where all have less. Models numa_policy_init().
 */
void mempolicy_boot(struct mempolicy *policy, const struct machine *machine);

/** mempolicy_next() - whose turn it is; the turn goes on. Models interleave_nodes(). */
unsigned int mempolicy_next(struct mempolicy *policy);

/** mempolicy_next_pages() - as mempolicy_next(), for a block of pages: the told node, if one is told, once. */
unsigned int mempolicy_next_pages(struct mempolicy *policy);

#endif

/*
 * boot_policy: which tasks take pages from all nodes in turn because the kernel boots. numa_policy_init() gives the
 * first task (pid 0) that policy; the init process inherits a copy of it with its turn; both lose it before user space
 * runs (numa_default_policy()). Each policy is an object of the cache "numa_policy", so a trace tells when: taken by
 * pid 0 the first one is its own and the second one init's, and with its free it ends. A trace without them has no such
 * policy. Models numa_policy_init(), the mpol_dup() of copy_process(), numa_default_policy() (mm/mempolicy.c).
 *
 * Simplified: policies that tasks set later (set_mempolicy(), mbind()) are not modelled,
 * because no event tells what they are.
 */
#ifndef KMEMSIM_SIM_BOOT_POLICY_H
#define KMEMSIM_SIM_BOOT_POLICY_H

#include <stdbool.h>

#include "mm/mempolicy.h"
#include "traces/trace.h"

struct boot_policy {
	bool active;   /* somebody has such a policy, or may yet get one */
	uint32_t name; /* string number of the cache's name */
	const struct machine *machine; /* borrowed */
	struct boot_task {
		bool begun, over;
		uint32_t slot;           /* of the policy, while it has it */
		struct mempolicy policy;
	} tasks[2];    /* by pid */
};

/** boot_policy_prepare() - before the first event. Inactive on one node, and where the trace has no policies. */
void boot_policy_prepare(struct boot_policy *boot, const struct machine *machine, const struct trace_tables *tables);

/** boot_policy_of() - the policy by which @who asks in context @ctx (enum trace_ctx); NULL: none, as in interrupts. */
struct mempolicy *boot_policy_of(struct boot_policy *boot, const struct trace_who *who, unsigned int ctx);

/** boot_policy_event() - @who has done @op with what is in @slot: a policy may begin or end with it. */
void boot_policy_event(struct boot_policy *boot, const struct trace_op *op, const struct trace_who *who, uint32_t slot);

#endif

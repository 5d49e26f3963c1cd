#include "sim/boot_policy.h"

#include <string.h>

#include "traces/kind.h"

#define POLICY_CACHE "numa_policy"

void boot_policy_prepare(struct boot_policy *boot, const struct machine *machine, const struct trace_tables *tables)
{
	*boot = (struct boot_policy){ .machine = machine };
	if (machine->nr_nodes < 2)
		return;
	for (uint32_t i = 0; i < tables->nr_ops && !boot->active; i++) {
		const struct trace_op *op = &tables->ops[i];

		boot->active = op->kind == KIND_KMEM_CACHE_ALLOC && !strcmp(tables->strings[op->name], POLICY_CACHE);
		boot->name = op->name;
	}
}

/* With two pids there are two tasks: those of other CPUs with pid 0 ask in interrupts only. */
static struct boot_task *task_of(struct boot_policy *boot, const struct trace_who *who)
{
	return who->pid == 0 || who->pid == 1 ? &boot->tasks[who->pid] : NULL;
}

static bool has_policy(const struct boot_task *task)
{
	return task->begun && !task->over;
}

struct mempolicy *boot_policy_of(struct boot_policy *boot, const struct trace_who *who, unsigned int ctx)
{
	struct boot_task *task = task_of(boot, who);

	return task && has_policy(task) && !(ctx & CTX_MASK) ? &task->policy : NULL;
}

static void begin(struct boot_policy *boot, uint32_t slot)
{
	struct boot_task *first = &boot->tasks[0], *init = &boot->tasks[1];

	if (!first->begun) {
		mempolicy_boot(&first->policy, boot->machine);
		first->slot = slot;
		first->begun = true;
	} else if (!first->over && !init->begun) {
		*init = *first;
		init->slot = slot;
	}
}

void boot_policy_event(struct boot_policy *boot, const struct trace_op *op, const struct trace_who *who, uint32_t slot)
{
	struct boot_task *first = &boot->tasks[0], *init = &boot->tasks[1];

	/* Before numa_policy_init() there is no other task: the trace, or what is replayed of it, begins later. */
	if (!first->begun && who->pid != 0)
		boot->active = false;
	if (op->name != boot->name || slot == SLOT_NONE)
		return;
	if (op->kind == KIND_KMEM_CACHE_ALLOC) {
		if (who->pid == 0)
			begin(boot, slot);
	} else if (op->kind == KIND_KMEM_CACHE_FREE) {
		for (unsigned int i = 0; i < 2; i++)
			if (has_policy(&boot->tasks[i]) && boot->tasks[i].slot == slot)
				boot->tasks[i].over = true;
	}
	if (first->over && !has_policy(init))
		boot->active = false;
}

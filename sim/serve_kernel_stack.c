/* serve_kernel_stack: tasks come and go, and their stacks with them. */
#include <inttypes.h>

#include "base/bits.h"
#include "mm/kernel_stack.h"
#include "sim/serve_priv.h"

static struct kernel_stacks *stacks_of(const struct run *run)
{
	return mm_state(&run->mm, SLOT_KERNEL_STACK);
}

static void stack_prepare(struct run *run, struct run_op *op)
{
	if (op->kind != KIND_TASK_CREATE)
		return;
	op->size = run->machine->kernel_stack.size;
	op->bytes_alloc = align_up(op->size, run->machine->page_size);
}

static void serve_create(struct run *run, const struct request *req, struct run_op *op)
{
	uint32_t stack;
	uint64_t place;

	if (req->slot != SLOT_NONE)
		slot_for(run, req, op);
	if (kernel_stack_take(stacks_of(run), run->cpu, op->node, &stack, &run->meter) != MM_DONE) {
		note_failure(run, req, op);
		return;
	}
	place = kernel_stack_place(stacks_of(run), stack);
	note_place(run, (uint32_t)(place >> 32), (uint32_t)place);
	if (req->slot != SLOT_NONE) {
		object_begin(run, req, op, OBJECT_PART, stack);
		return;
	}
	/* It failed where it was recorded: no task will end. */
	run->result.recovered++;
	kernel_stack_give(stacks_of(run), stack, run->cpu, &run->meter);
}

static void serve_exit(struct run *run, const struct request *req, struct run_op *op)
{
	struct object *object = object_to_free(run, req);
	uint64_t used = op->trace->arg[0];

	if (!object)
		return;
	if (used && kernel_stack_overflows(stacks_of(run), used))
		run_violation(run, RULE_STACK_OVERFLOW, op,
			"a task used %" PRIu64 " bytes of a stack of %" PRIu64 ": %s", used,
			run->machine->kernel_stack.size,
			run->machine->kernel_stack.vmap ? "it meets the guard page, the kernel stops" :
							  "what lies below it is overwritten");
	if (object->slab != OBJECT_PART || part_of(run, object) != &part_kernel_stack)
		run_violation(run, RULE_WRONG_FREE, op,
			"the end of a task that is an object from %s: the kernel frees what is no stack",
			kind_info[run->ops[object->op].kind].name);
	op->done++;
	release(run, object);
}

static void stack_serve(struct run *run, const struct request *req, struct run_op *op)
{
	if (op->kind == KIND_TASK_CREATE)
		serve_create(run, req, op);
	else
		serve_exit(run, req, op);
	if (op->kind == KIND_TASK_EXIT)
		sections_task_ends(run, req);
}

static void stack_release(struct run *run, struct object *object)
{
	kernel_stack_give(stacks_of(run), object->index, run->cpu, &run->meter);
}

/* Stacks from vmalloc are part of its bytes. */
static void stack_totals(const struct run *run, struct record_sample *sample)
{
	struct kernel_stack_stats stats;

	kernel_stack_get_stats(stacks_of(run), &stats);
	sample->page_bytes += stats.block_pages * run->machine->page_size;
}

static uint64_t deepest_use(const struct run *run)
{
	uint64_t deepest = 0;

	for (uint32_t i = 0; i < run->tables->nr_ops; i++)
		if (run->ops[i].kind == KIND_TASK_EXIT && run->ops[i].done)
			deepest = max_u64(deepest, run->ops[i].trace->arg[0]);
	return deepest;
}

static int stack_finish(struct run *run, struct err *err)
{
	struct kernel_stack_stats s;
	int ret = 0;

	kernel_stack_get_stats(stacks_of(run), &s);
	const struct record_counter rows[] = {
		{ "kernel_stack", "stack_size", "bytes", (int64_t)s.size },
		{ "kernel_stack", "taken", "stacks", (int64_t)s.taken },
		{ "kernel_stack", "from_cache", "stacks", (int64_t)s.from_cache },
		{ "kernel_stack", "freed", "stacks", (int64_t)s.freed },
		{ "kernel_stack", "failed", "stacks", (int64_t)s.failed },
		{ "kernel_stack", "live", "stacks", (int64_t)s.live },
		{ "kernel_stack", "max_live", "stacks", (int64_t)s.max_live },
		{ "kernel_stack", "cached", "stacks", (int64_t)s.cached },
		{ "kernel_stack", "deepest_use", "bytes", (int64_t)deepest_use(run) },
		{ "kernel_stack", "irq_stacks", "bytes", (int64_t)s.irq_bytes },
	};

	if (!s.taken && !s.failed)
		return 0;
	for (size_t i = 0; ret == 0 && i < sizeof(rows) / sizeof(rows[0]); i++)
		ret = run->recorder->ops->counter(run->recorder, &rows[i], err);
	return ret;
}

static const enum trace_kind kinds[] = { KIND_TASK_CREATE, KIND_TASK_EXIT };

const struct run_part part_kernel_stack = {
	.kinds = kinds,
	.nr_kinds = sizeof(kinds) / sizeof(kinds[0]),
	.origins = 1u << ORIGIN_STACK,
	.prepare = stack_prepare,
	.serve = stack_serve,
	.release = stack_release,
	.totals = stack_totals,
	.finish = stack_finish,
};

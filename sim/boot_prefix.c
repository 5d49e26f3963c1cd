#include "sim/boot_prefix.h"

#include <stdlib.h>
#include <string.h>

#include "sim/run.h"
#include "sim/serve_boot_memory.h"

static bool is_early(uint8_t kind)
{
	return boot_call_of(kind) != NR_BOOT_CALLS || kind == KIND_FREE_BOOTMEM || kind == KIND_DEFINE_PER_CPU;
}

static bool trace_has_early(const struct trace_tables *tables)
{
	for (uint32_t i = 0; i < tables->nr_ops; i++)
		if (is_early(tables->ops[i].kind))
			return true;
	return false;
}

static bool copy_column(const void *from, size_t bytes, const void **to)
{
	void *copy;

	if (!from)
		return true;
	copy = malloc(bytes);
	if (!copy)
		return false;
	*to = memcpy(copy, from, bytes);
	return true;
}

/* What replay reads of a batch of the prologue, as its own. */
static int keep_batch(struct boot_prefix *prefix, const struct trace_batch *batch, struct err *err)
{
	struct trace_batch *kept = realloc(prefix->kept, (prefix->nr_kept + 1) * sizeof(*kept)), *copy;
	size_t word = batch->nr * sizeof(uint32_t), wide = batch->nr * sizeof(uint64_t);

	if (!kept)
		return err_set(err, ERR_NOMEM, "no memory for the trace's prologue");
	prefix->kept = kept;
	copy = &kept[prefix->nr_kept++];
	*copy = (struct trace_batch){ .nr = batch->nr, .first_event = batch->first_event, .prologue = true };
	if (copy_column(batch->time_ns, wide, (const void **)&copy->time_ns) &&
		copy_column(batch->op, word, (const void **)&copy->op) &&
		copy_column(batch->slot, word, (const void **)&copy->slot) &&
		copy_column(batch->who, word, (const void **)&copy->who) &&
		copy_column(batch->value, wide, (const void **)&copy->value) &&
		copy_column(batch->where, wide, (const void **)&copy->where))
		return 0;
	return err_set(err, ERR_NOMEM, "no memory for the trace's prologue");
}

/* An event of boot memory happens. Return: the block that it is about. */
static uint32_t carry_out(struct boot_prefix *prefix, const struct trace_op *op, uint32_t slot)
{
	enum boot_call call = boot_call_of(op->kind);
	uint32_t block = BOOT_BLOCK_NONE;

	if (op->kind == KIND_FREE_BOOTMEM) {
		if (slot != SLOT_NONE)
			block = idmap_remove(&prefix->block_of_slot, slot);
		boot_memory_free_op(&prefix->memory, op, block);
	} else if (call != NR_BOOT_CALLS) {
		if (boot_memory_take(&prefix->memory, call, op->size, op->align, &block) != MM_DONE)
			return BOOT_BLOCK_NONE;
		if (slot != SLOT_NONE)
			idmap_put(&prefix->block_of_slot, slot, block);
	}
	return block;
}

static int read_events(struct run *run, const struct trace_batch *batch, struct err *err)
{
	struct boot_prefix *prefix = &run->prefix;
	const struct trace_op *ops = run->tables->ops;
	uint32_t nr = 0;

	while (nr < batch->nr && (is_early(ops[batch->op[nr]].kind) || ops[batch->op[nr]].kind == KIND_MARKER))
		nr++;
	prefix->block_of_event = malloc((nr + 1) * sizeof(*prefix->block_of_event));
	prefix->machine = malloc(sizeof(*prefix->machine));
	if (!prefix->block_of_event || !prefix->machine)
		return err_set(err, ERR_NOMEM, "no memory for the events of boot");
	for (uint32_t i = 0; i < nr; i++)
		prefix->block_of_event[i] = carry_out(prefix, &ops[batch->op[i]], batch->slot[i]);
	prefix->events = nr;
	*prefix->machine = *run->machine;
	if (boot_memory_reserve(&prefix->memory, prefix->machine, err) < 0)
		return -(int)err->code;
	run->machine = prefix->machine;
	return 0;
}

int boot_prefix_read(struct run *run, struct trace_reader *reader, struct err *err)
{
	struct boot_prefix *prefix = &run->prefix;
	int ret = 0;

	boot_memory_begin(&prefix->memory, run->machine);
	if (run->options->initial || run->options->layer == LAYER_PAGE || !trace_has_early(run->tables))
		return 0;
	while ((ret = trace_next(reader, &prefix->first, err)) > 0 && prefix->first.prologue) {
		ret = keep_batch(prefix, &prefix->first, err);
		if (ret < 0)
			return ret;
	}
	prefix->pending = ret > 0;
	if (ret > 0 && prefix->first.first_event == 0)
		ret = read_events(run, &prefix->first, err);
	return ret < 0 ? ret : 0;
}

void boot_prefix_move(struct run *run)
{
	struct boot_memory *memory = mm_state(&run->mm, SLOT_BOOT_MEMORY);

	boot_memory_end(memory);
	*memory = run->prefix.memory;
	run->prefix.memory = (struct boot_memory){ 0 };
}

void boot_prefix_fini(struct run *run)
{
	struct boot_prefix *prefix = &run->prefix;

	for (uint32_t i = 0; i < prefix->nr_kept; i++) {
		const struct trace_batch *kept = &prefix->kept[i];
		const void *columns[] = { kept->time_ns, kept->op, kept->slot, kept->who, kept->value, kept->where };

		for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]); c++)
			free((void *)(uintptr_t)columns[c]);
	}
	free(prefix->kept);
	free(prefix->block_of_event);
	idmap_fini(&prefix->block_of_slot);
	boot_memory_end(&prefix->memory);
	free(prefix->machine);
}

int boot_prefix_next(struct run *run, struct trace_reader *reader, struct trace_batch *batch, struct err *err)
{
	struct boot_prefix *prefix = &run->prefix;

	if (prefix->next_kept < prefix->nr_kept) {
		*batch = prefix->kept[prefix->next_kept++];
		return 1;
	}
	if (prefix->pending) {
		prefix->pending = false;
		*batch = prefix->first;
		return 1;
	}
	return trace_next(reader, batch, err);
}

bool boot_prefix_has(const struct run *run, const struct request *req)
{
	return !run->booting && req->event_no < run->prefix.events;
}

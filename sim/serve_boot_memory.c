/*
 * serve_boot_memory: events of boot memory. Those at the beginning of a trace have been carried out already
 * (sim/boot_prefix.h); one that comes later is a mistake of its caller: a request gets its memory from kmalloc, a
 * free frees nothing. An object's index is the number of its block.
 */
#include "sim/serve_boot_memory.h"

#include <inttypes.h>

#include "base/bits.h"
#include "sim/boot_prefix.h"
#include "sim/serve_priv.h"

enum boot_call boot_call_of(uint8_t kind)
{
	switch (kind) {
	case KIND_MEMBLOCK_ALLOC:
		return BOOT_MEMBLOCK;
	case KIND_ALLOC_BOOTMEM:
		return BOOT_BOOTMEM;
	case KIND_ALLOC_BOOTMEM_PAGES:
		return BOOT_BOOTMEM_PAGES;
	case KIND_ALLOC_BOOTMEM_LOW:
		return BOOT_BOOTMEM_LOW;
	case KIND_ALLOC_BOOTMEM_LOW_PAGES:
		return BOOT_BOOTMEM_LOW_PAGES;
	default:
		return NR_BOOT_CALLS;
	}
}

uint64_t boot_memory_free_op(struct boot_memory *bm, const struct trace_op *op, uint32_t number)
{
	const struct boot_block *block = number == BOOT_BLOCK_NONE ? NULL : &bm->blocks[number];

	return boot_memory_give(bm, block ? block->start : op->arg[0], op->size, block && block->call == BOOT_MEMBLOCK);
}

static struct boot_memory *memory_of(const struct run *run)
{
	return mm_state(&run->mm, SLOT_BOOT_MEMORY);
}

static void boot_prepare(struct run *run, struct run_op *op)
{
	(void)run;
	if (op->kind != KIND_FREE_BOOTMEM)
		op->bytes_alloc = op->size;
}

static void note_block(struct run *run, uint32_t number)
{
	uint64_t start = memory_of(run)->blocks[number].start;

	note_place(run, (uint32_t)(start >> 32), (uint32_t)start);
}

/* Models memblock_alloc_internal() once there are slabs: a warning, and kzalloc() in its place. */
static void take_too_late(struct run *run, const struct request *req, struct run_op *op)
{
	struct run_op as_kzalloc = *op;
	struct slab_object object;

	run_violation(run, RULE_BOOTMEM_AFTER_BOOT, op,
		"%s after boot: the kernel warns and takes the memory from kmalloc", kind_info[op->kind].name);
	as_kzalloc.gfp = GFP_NOWAIT | GFP_BIT_ZERO;
	as_kzalloc.node = -1;
	as_kzalloc.action = op->size > run->machine->kmalloc.max_cache_size ? ACT_KMALLOC_LARGE : ACT_KMALLOC;
	as_kzalloc.cache = kmalloc_class(run->mm.slab, op->size, as_kzalloc.gfp);
	if (!op->size || serve_take_object(run, &as_kzalloc, &object) != MM_DONE) {
		note_failure(run, req, op);
		return;
	}
	note_place(run, object.slab, object.index);
	if (req->slot != SLOT_NONE)
		object_begin(run, req, op, object.slab, object.index);
	else
		op->done++;
}

static void serve_take(struct run *run, const struct request *req, struct run_op *op)
{
	uint32_t block;

	if (req->slot != SLOT_NONE)
		slot_for(run, req, op);
	if (!boot_prefix_has(run, req)) {
		take_too_late(run, req, op);
		return;
	}
	block = run->prefix.block_of_event[req->event_no];
	if (block == BOOT_BLOCK_NONE) {
		note_failure(run, req, op);
		return;
	}
	meter_charge(&run->meter, STEP_ZERO_KIB, (uint32_t)min_u64(div_round_up(op->size, 1024), UINT32_MAX));
	note_block(run, block);
	if (req->slot != SLOT_NONE)
		object_begin(run, req, op, OBJECT_PART, block);
	else
		op->done++;
}

/* The size is the caller's to tell: nobody else knows it. */
static void check_size(struct run *run, const struct run_op *op, const struct boot_block *block)
{
	if (!op->size)
		run_violation(run, RULE_WRONG_FREE, op, "free_bootmem without a size: %" PRIu64 " bytes are lost",
			block->size);
	else if (op->size > block->size)
		run_violation(run, RULE_WRONG_FREE, op, "free_bootmem of %" PRIu64 " bytes of a block of %" PRIu64,
			op->size, block->size);
}

static void serve_give(struct run *run, const struct request *req, struct run_op *op)
{
	struct object *object = req->slot == SLOT_NONE ? NULL : object_to_free(run, req);
	bool early = boot_prefix_has(run, req);

	if (!early)
		run_violation(run, RULE_BOOTMEM_AFTER_BOOT, op, "free_bootmem after boot: the memory is lost");
	if (req->slot != SLOT_NONE && !object)
		return;
	if (object && (object->slab != OBJECT_PART || part_of(run, object) != &part_boot_memory) &&
		boot_call_of(run->ops[object->op].kind) == NR_BOOT_CALLS)
		run_violation(run, RULE_WRONG_FREE, op,
			"free_bootmem of an object from %s: its pages are free and in use at once",
			kind_info[run->ops[object->op].kind].name);
	else if (object && early)
		check_size(run, op, &memory_of(run)->blocks[object->index]);
	if (early)
		op->done++;
	else
		op->failed++;
	if (object)
		object_end(run, object);
}

static void boot_serve(struct run *run, const struct request *req, struct run_op *op)
{
	if (op->kind == KIND_FREE_BOOTMEM)
		serve_give(run, req, op);
	else
		serve_take(run, req, op);
}

/* Its slot begins to live again without a free: the block stays taken, nobody knows of it any more. */
static void boot_release(struct run *run, struct object *object)
{
	note_block(run, object->index);
}

static int boot_finish(struct run *run, struct err *err)
{
	static const char *const call_name[NR_BOOT_CALLS] = {
		[BOOT_MEMBLOCK] = "memblock_alloc", [BOOT_BOOTMEM] = "alloc_bootmem",
		[BOOT_BOOTMEM_PAGES] = "alloc_bootmem_pages",
		[BOOT_BOOTMEM_LOW] = "alloc_bootmem_low", [BOOT_BOOTMEM_LOW_PAGES] = "alloc_bootmem_low_pages",
	};
	const struct boot_memory *bm = memory_of(run);
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < bm->nr_blocks; i++) {
		const struct boot_block *block = &bm->blocks[i];

		ret = RECORD_ROW(run->recorder, BOOT_MEMORY, err, RECORD_U(i), RECORD_T(call_name[block->call]),
			RECORD_U(block->start), RECORD_U(block->size), RECORD_U(block->align), RECORD_U(block->freed));
	}
	return ret;
}

static const enum trace_kind kinds[] = { KIND_MEMBLOCK_ALLOC, KIND_ALLOC_BOOTMEM, KIND_ALLOC_BOOTMEM_PAGES,
	KIND_ALLOC_BOOTMEM_LOW, KIND_ALLOC_BOOTMEM_LOW_PAGES, KIND_FREE_BOOTMEM };

const struct run_part part_boot_memory = {
	.kinds = kinds,
	.nr_kinds = sizeof(kinds) / sizeof(kinds[0]),
	.prepare = boot_prepare,
	.serve = boot_serve,
	.release = boot_release,
	.finish = boot_finish,
};

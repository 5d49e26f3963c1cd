/*
 * vmap_block: vm_map_ram(): pages of the caller's get an address for a short time. Small calls are carved from
 * blocks of their CPU, each part once. Models vb_alloc(), vb_free() and purge_fragmented_blocks() of mm/vmalloc.c
 * in kernel 6.1.
 *
 * Invariants
 *  1. of a block, free + dirty <= pages; dirty < pages, or it would be gone
 *  2. a block is in its CPU's queue exactly while it has free pages
 */
#include <assert.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/bits.h"
#include "mm/vmalloc_priv.h"

/* CONFIG_NR_CPUS of distributions' kernels: blocks are smaller where many CPUs may have some. */
#define NR_CPUS_64 8192u
#define NR_CPUS_32 8u
/* VMALLOC_SPACE: a guess, of the rule only. The real space is larger on 64 bits, and what vmalloc= says on 32. */
#define SPACE_64 (128ull << 30)
#define SPACE_32 (128ull << 20)
#define BLOCK_PAGES_MAX 1024u

void vmap_blocks_init(struct vmalloc *vm)
{
	struct vmap_blocks *b = &vm->blocks;
	uint64_t space = vm->machine->bits32 ? SPACE_32 : SPACE_64;
	uint64_t share = space / vmap_page_size(vm) / (vm->machine->bits32 ? NR_CPUS_32 : NR_CPUS_64) / 16;

	b->max_alloc = vm->machine->bits32 ? 32 : 64;
	b->pages = BLOCK_PAGES_MAX;
	if (share < b->pages)
		b->pages = share > 2 * b->max_alloc ? 1u << ilog2_u64(share) : 2 * b->max_alloc;
}

static uint32_t block_slot(struct vmap_blocks *b)
{
	uint32_t number = b->unused;

	if (number) {
		b->unused = b->all[number - 1].next;
		return number;
	}
	return array_room(&b->all, &b->cap, b->nr) ? ++b->nr : 0;
}

/* new_vmap_block(): at the end of the CPU's queue. Return: its number plus 1; 0 when there is no room. */
static uint32_t new_block(struct vmalloc *vm, unsigned int cpu, struct meter *meter)
{
	struct vmap_blocks *b = &vm->blocks;
	uint64_t bytes = b->pages * vmap_page_size(vm);
	struct vmap_request req = {
		.size = bytes,
		.align = bytes,
		.use = VMAP_BLOCK,
		.cpu = (uint16_t)cpu,
		.node = -1,
	};
	uint32_t number = block_slot(b), area = number ? vmap_area_take(vm, &req, meter) : VMAP_NIL;
	uint32_t *end = &b->queue[cpu];

	if (area == VMAP_NIL) {
		if (number) {
			b->all[number - 1] = (struct vmap_block){ .next = b->unused };
			b->unused = number;
		}
		return 0;
	}
	b->all[number - 1] = (struct vmap_block){ .area = area, .cpu = cpu, .free = b->pages, .queued = true };
	while (*end)
		end = &b->all[*end - 1].next;
	*end = number;
	b->live++;
	return number;
}

static void leave_queue(struct vmap_blocks *b, uint32_t number)
{
	struct vmap_block *block = &b->all[number - 1];
	uint32_t *at = &b->queue[block->cpu];

	if (!block->queued)
		return;
	while (*at != number)
		at = &b->all[*at - 1].next;
	*at = block->next;
	block->queued = false;
	block->next = 0;
}

static void free_block(struct vmalloc *vm, uint32_t number, struct meter *meter)
{
	struct vmap_blocks *b = &vm->blocks;
	uint32_t area = b->all[number - 1].area;

	leave_queue(b, number);
	b->all[number - 1] = (struct vmap_block){ .next = b->unused };
	b->unused = number;
	b->live--;
	vmap_area_give(vm, area, meter);
}

static unsigned int order_of(uint64_t nr_pages)
{
	return nr_pages > 1 ? fls64(nr_pages - 1) : 0;
}

/* A part of a block is a node in no tree: it knows its range and, in link, its block. */
static uint32_t carve(struct vmalloc *vm, uint64_t nr_pages, unsigned int cpu, struct meter *meter)
{
	struct vmap_blocks *b = &vm->blocks;
	uint32_t want = 1u << order_of(nr_pages);
	uint32_t number = b->queue[cpu];
	uint32_t part = vmap_node_take(&vm->nodes, 0, 0, VMAP_BUSY);
	struct vmap_block *block;
	uint64_t start;

	if (part == VMAP_NIL)
		return VMAP_NIL;
	while (number && b->all[number - 1].free < want)
		number = b->all[number - 1].next;
	if (!number)
		number = new_block(vm, cpu, meter);
	if (!number) {
		vmap_node_give(&vm->nodes, part);
		return VMAP_NIL;
	}
	block = &b->all[number - 1];
	start = vmap_node(vm, block->area)->start + (b->pages - block->free) * vmap_page_size(vm);
	block->free -= want;
	if (!block->free)
		leave_queue(b, number);
	*vmap_node(vm, part) = (struct vmap_node){ .start = start, .end = start + want * vmap_page_size(vm),
		.state = VMAP_BUSY, .use = VMAP_MAP_RAM, .link = number };
	return part;
}

/* vb_free(): a block goes when all of it has been used and freed. */
static void put_back(struct vmalloc *vm, uint32_t part, struct meter *meter)
{
	const struct vmap_node *n = vmap_node(vm, part);
	uint32_t number = n->link;
	struct vmap_block *block = &vm->blocks.all[number - 1];

	block->dirty += (uint32_t)((n->end - n->start) / vmap_page_size(vm));
	vmap_node_give(&vm->nodes, part);
	assert(block->free + block->dirty <= vm->blocks.pages);
	if (block->dirty == vm->blocks.pages)
		free_block(vm, number, meter);
}

enum mm_answer vm_map_ram(struct vmalloc *vm, uint64_t nr_pages, unsigned int cpu, uint32_t *mapping,
	struct meter *meter)
{
	struct vmap_request req = { .size = nr_pages * vmap_page_size(vm), .use = VMAP_MAP_RAM, .cpu = (uint16_t)cpu };
	uint32_t taken;

	if (!nr_pages || nr_pages > vm->ram_pages)
		return MM_FAILED;
	meter_charge(meter, STEP_VM_MAP_RAM, 1);
	meter_charge(meter, STEP_VM_MAP_RAM_PAGE, (uint32_t)nr_pages);
	if (nr_pages <= vm->blocks.max_alloc)
		taken = carve(vm, nr_pages, cpu, meter);
	else
		taken = vmap_area_take(vm, &req, meter);
	if (taken == VMAP_NIL)
		return MM_FAILED;
	if (vmap_map(vm, vmap_node(vm, taken)->start, req.size, cpu, meter) != MM_DONE) {
		vm_unmap_ram(vm, taken, cpu, meter);
		return MM_FAILED;
	}
	*mapping = taken;
	return MM_DONE;
}

void vm_unmap_ram(struct vmalloc *vm, uint32_t mapping, unsigned int cpu, struct meter *meter)
{
	uint64_t bytes = vmap_size(vm, mapping);

	(void)cpu;
	meter_charge(meter, STEP_VM_MAP_RAM, 1);
	meter_charge(meter, STEP_VM_MAP_RAM_PAGE, (uint32_t)(bytes / vmap_page_size(vm)));
	if (vmap_node(vm, mapping)->link)
		put_back(vm, mapping, meter);
	else
		vmap_area_give(vm, mapping, meter);
}

void vmap_blocks_purge(struct vmalloc *vm, struct meter *meter)
{
	struct vmap_blocks *b = &vm->blocks;

	for (uint32_t number = 1; number <= b->nr; number++) {
		const struct vmap_block *block = &b->all[number - 1];

		if (block->area != VMAP_NIL && block->free + block->dirty == b->pages)
			free_block(vm, number, meter);
	}
}

int vmap_blocks_check(const struct vmalloc *vm, struct err *err)
{
	const struct vmap_blocks *b = &vm->blocks;
	uint32_t queued = 0, expected = 0;

	for (uint32_t cpu = 0; cpu < vm->machine->cpus; cpu++)
		for (uint32_t number = b->queue[cpu]; number; number = b->all[number - 1].next, queued++)
			if (b->all[number - 1].cpu != cpu || !b->all[number - 1].queued || queued > b->nr)
				return err_set(err, ERR_INVARIANT, "vmap_block 2: queue of CPU %u", cpu);
	for (uint32_t i = 0; i < b->nr; i++) {
		const struct vmap_block *block = &b->all[i];

		if (block->area == VMAP_NIL)
			continue;
		expected += block->free > 0;
		if (block->free + block->dirty > b->pages || block->dirty == b->pages)
			return err_set(err, ERR_INVARIANT, "vmap_block 1: free %u + dirty %u of %u", block->free,
				block->dirty, b->pages);
		if (block->queued != (block->free > 0))
			return err_set(err, ERR_INVARIANT, "vmap_block 2: block %u has %u free pages", i, block->free);
	}
	if (queued != expected)
		return err_set(err, ERR_INVARIANT, "vmap_block 2: %u blocks queued, %u have free pages", queued,
			expected);
	return 0;
}

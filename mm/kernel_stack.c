/*
 * kernel_stack: see kernel_stack.h.
 *
 * Simplified: a stack that finds its CPU's cache full, and a block, is freed at once, not after a grace period of RCU.
 * Simplified: interrupt stacks are counted, not allocated: on x86-64 they lie in the per-CPU areas.
 * Simplified: a stack smaller than a page takes a whole one; the kernel has a slab cache for those.
 *
 * Invariants
 *  1. each stack that was made is a task's, cached, or freed
 *  2. a cached stack is an area of the vmalloc space with all its pages
 */
#include "mm/kernel_stack.h"

#include <inttypes.h>

#include "base/bits.h"
#include "mm/mm.h"
#include "mm/vmalloc.h"

#define NR_CACHED_STACKS 2
#define IRQ_STACKS_32 2 /* hard and soft interrupts, each CPU */

struct kernel_stacks {
	const struct mm *mm;           /* borrowed */
	uint32_t cached[MACHINE_MAX_CPUS][NR_CACHED_STACKS]; /* areas; VMAP_AREA_NONE: empty */
	struct kernel_stack_stats stats;
	uint64_t made;                 /* by vmalloc or as blocks */
	unsigned int order;            /* of a block */
};

static bool is_vmap(const struct kernel_stacks *ks)
{
	return ks->mm->machine->kernel_stack.vmap;
}

static int kernel_stack_init(void *state, struct mm *mm, struct err *err)
{
	struct kernel_stacks *ks = state;
	const struct machine *m = mm->machine;
	uint64_t pages = div_round_up(m->kernel_stack.size, m->page_size);

	(void)err;
	ks->mm = mm;
	ks->order = pages > 1 ? fls64(pages - 1) : 0;
	ks->stats.size = m->kernel_stack.size;
	if (m->kernel_stack.irq_stacks)
		ks->stats.irq_bytes = m->cpus * m->kernel_stack.size * (m->bits32 ? IRQ_STACKS_32 : 1);
	return 0;
}

static enum mm_answer take_area(struct kernel_stacks *ks, unsigned int cpu, int node, uint32_t *stack,
	struct meter *meter)
{
	uint64_t size = ks->stats.size;
	struct vmap_request req = { .size = size, .gfp = GFP_KERNEL | GFP_BIT_ZERO, .node = (int16_t)node,
		.cpu = (uint16_t)cpu };

	req.align = 1ull << (size > 1 ? fls64(size - 1) : 0);
	return vmalloc_take(mm_state(ks->mm, SLOT_VMALLOC), &req, stack, meter);
}

static enum mm_answer take_block(struct kernel_stacks *ks, unsigned int cpu, int node, uint32_t *stack,
	struct meter *meter)
{
	struct page_request req = { .gfp = GFP_KERNEL_ACCOUNT | GFP_BIT_ZERO, .cpu = (uint16_t)cpu,
		.node = (int16_t)page_alloc_local_node(ks->mm->pages, node, cpu), .order = (uint8_t)ks->order };
	enum mm_answer answer;
	pfn_t pfn;

	answer = page_alloc_take(ks->mm->pages, &req, &pfn, meter);
	if (answer != MM_DONE)
		return answer;
	*stack = (uint32_t)pfn;
	ks->stats.block_pages += 1u << ks->order;
	return MM_DONE;
}

/* The first non-empty of the CPU's two. */
static bool take_cached(struct kernel_stacks *ks, unsigned int cpu, uint32_t *stack)
{
	for (int i = 0; i < NR_CACHED_STACKS; i++) {
		*stack = ks->cached[cpu][i];
		if (*stack == VMAP_AREA_NONE)
			continue;
		ks->cached[cpu][i] = VMAP_AREA_NONE;
		ks->stats.cached--;
		return true;
	}
	return false;
}

static void count_taken(struct kernel_stacks *ks, bool cached)
{
	ks->stats.taken++;
	ks->stats.from_cache += cached;
	ks->made += !cached;
	ks->stats.live++;
	ks->stats.max_live = max_u64(ks->stats.max_live, ks->stats.live);
}

enum mm_answer kernel_stack_take(struct kernel_stacks *ks, unsigned int cpu, int node, uint32_t *stack,
	struct meter *meter)
{
	enum mm_answer answer;

	if (is_vmap(ks) && take_cached(ks, cpu, stack)) {
		meter_charge(meter, STEP_STACK_CACHED, 1);
		count_taken(ks, true);
		return MM_DONE;
	}
	meter_charge(meter, STEP_STACK_NEW, 1);
	answer = is_vmap(ks) ? take_area(ks, cpu, node, stack, meter) : take_block(ks, cpu, node, stack, meter);
	if (answer == MM_DONE)
		count_taken(ks, false);
	else
		ks->stats.failed++;
	return answer;
}

void kernel_stack_give(struct kernel_stacks *ks, uint32_t stack, unsigned int cpu, struct meter *meter)
{
	ks->stats.live--;
	for (int i = 0; is_vmap(ks) && i < NR_CACHED_STACKS; i++) {
		if (ks->cached[cpu][i] != VMAP_AREA_NONE)
			continue;
		ks->cached[cpu][i] = stack;
		ks->stats.cached++;
		return;
	}
	ks->stats.freed++;
	if (is_vmap(ks)) {
		vmalloc_give(mm_state(ks->mm, SLOT_VMALLOC), stack, cpu, meter);
		return;
	}
	page_alloc_give(ks->mm->pages, stack, ks->order, cpu, meter);
	ks->stats.block_pages -= 1u << ks->order;
}

bool kernel_stack_overflows(const struct kernel_stacks *ks, uint64_t bytes)
{
	uint64_t word = ks->mm->machine->bits32 ? 4 : 8; /* STACK_END_MAGIC */

	return bytes > ks->stats.size - word;
}

uint64_t kernel_stack_place(const struct kernel_stacks *ks, uint32_t stack)
{
	return is_vmap(ks) ? vmap_address(mm_state(ks->mm, SLOT_VMALLOC), stack) : stack;
}

void kernel_stack_get_stats(const struct kernel_stacks *ks, struct kernel_stack_stats *stats)
{
	*stats = ks->stats;
}

static int kernel_stack_check(const void *state, struct err *err)
{
	const struct kernel_stacks *ks = state;
	uint64_t cached = 0, pages = div_round_up(ks->stats.size, ks->mm->machine->page_size);

	for (uint32_t cpu = 0; cpu < ks->mm->machine->cpus; cpu++) {
		for (int i = 0; i < NR_CACHED_STACKS; i++) {
			uint32_t stack = ks->cached[cpu][i];

			if (stack == VMAP_AREA_NONE)
				continue;
			cached++;
			if (vmalloc_pages(mm_state(ks->mm, SLOT_VMALLOC), stack) != pages)
				return err_set(err, ERR_INVARIANT,
					"kernel_stack 2: cached stack %u of CPU %u has not %" PRIu64 " pages", stack,
					cpu, pages);
		}
	}
	if (cached != ks->stats.cached || ks->stats.live + cached != ks->made - ks->stats.freed)
		return err_set(err, ERR_INVARIANT, "kernel_stack 1: %" PRIu64 " live, %" PRIu64 " cached; made %" PRIu64
			", freed %" PRIu64, ks->stats.live, cached, ks->made, ks->stats.freed);
	return 0;
}

const struct mechanism mech_kernel_stack = {
	.name = "kernel_stack",
	.slot = SLOT_KERNEL_STACK,
	.state_size = sizeof(struct kernel_stacks),
	.init = kernel_stack_init,
	.check = kernel_stack_check,
};

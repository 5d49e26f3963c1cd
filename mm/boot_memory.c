/*
 * Invariants
 *  1. Taken ranges ascend, do not touch, and are memory that the machine does not reserve.
 *  2. What is taken is at least what blocks hold.
 *
 * Simplified: bootmem has one map for all nodes; its map's own
 * pages are not taken. memblock takes no page tables as it goes.
 */
#include "mm/boot_memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bits.h"
#include "mm/mm.h"

#define CACHE_LINE  64u            /* SMP_CACHE_BYTES */
#define DMA_LIMIT   (16ull << 20)  /* MAX_DMA_ADDRESS of x86 */
#define LOW_LIMIT   (4ull << 30)   /* ARCH_LOW_ADDRESS_LIMIT */

void boot_memory_begin(struct boot_memory *bm, const struct machine *machine)
{
	*bm = (struct boot_memory){ .machine = machine };
}

void boot_memory_end(struct boot_memory *bm)
{
	free(bm->taken);
	free(bm->blocks);
	*bm = (struct boot_memory){ 0 };
}

/* Memory that the kernel has an address for. */
static uint64_t memory_limit(const struct machine *machine)
{
	return machine->bits32 ? machine->zones.highmem_above : UINT64_MAX;
}

/* The range of RAM that begins with range @i and goes on without a gap on the same node. */
static struct boot_range ram_region(const struct machine *machine, uint32_t *i)
{
	struct boot_range region = { machine->ram[*i].start, machine->ram[*i].start + machine->ram[*i].size };
	uint32_t node = machine->ram[*i].node;

	while (*i + 1 < machine->nr_ram && machine->ram[*i + 1].start == region.end &&
		machine->ram[*i + 1].node == node)
		region.end += machine->ram[++*i].size;
	return region;
}

static bool overlaps(const struct boot_range *a, uint64_t start, uint64_t end)
{
	return a->start < end && start < a->end;
}

/* What stands in the way of [start, end): the highest such range, or the lowest. */
static bool find_conflict(const struct boot_memory *bm, uint64_t start, uint64_t end, bool highest,
	struct boot_range *conflict)
{
	bool found = false;

	*conflict = highest ? (struct boot_range){ 0, 0 } : (struct boot_range){ UINT64_MAX, UINT64_MAX };
	for (uint32_t i = 0; i < bm->nr_taken + bm->machine->nr_reserved; i++) {
		const struct machine_range *reserved =
			i < bm->nr_taken ? NULL : &bm->machine->reserved[i - bm->nr_taken];
		struct boot_range range = reserved ?
			(struct boot_range){ reserved->start, reserved->start + reserved->size } :
			bm->taken[i];

		if (!overlaps(&range, start, end))
			continue;
		if (highest ? range.start >= conflict->start : range.start < conflict->start)
			*conflict = range;
		found = true;
	}
	return found;
}

/* Models __memblock_find_range_top_down(). Page 0 is never given: its address would be NULL. */
static bool find_down(const struct boot_memory *bm, uint64_t size, uint64_t align, uint64_t *start)
{
	struct boot_range regions[MACHINE_MAX_RANGES];
	uint32_t nr = 0;

	for (uint32_t i = 0; i < bm->machine->nr_ram; i++)
		regions[nr++] = ram_region(bm->machine, &i);
	while (nr-- > 0) {
		uint64_t bottom = max_u64(regions[nr].start, bm->machine->page_size);
		uint64_t end = min_u64(regions[nr].end, memory_limit(bm->machine));
		struct boot_range conflict;

		while (end > bottom && end - bottom >= size) {
			*start = (end - size) & ~(align - 1);
			if (*start < bottom)
				break;
			if (!find_conflict(bm, *start, end, true, &conflict))
				return true;
			end = conflict.start;
		}
	}
	return false;
}

/* Models alloc_bootmem_bdata(): the lowest pages in [goal, limit) that hold @size bytes. */
static bool find_up(const struct boot_memory *bm, uint64_t size, uint64_t step, uint64_t goal, uint64_t limit,
	uint64_t *start)
{
	uint64_t bytes = align_up(size, bm->machine->page_size);

	goal = max_u64(goal, bm->machine->page_size);
	for (uint32_t i = 0; i < bm->machine->nr_ram; i++) {
		struct boot_range region = ram_region(bm->machine, &i), conflict;
		uint64_t end = min_u64(region.end, limit);
		uint64_t at = align_up(max_u64(region.start, goal), step);

		while (at < end && end - at >= bytes) {
			if (!find_conflict(bm, at, at + bytes, false, &conflict)) {
				*start = at;
				return true;
			}
			at = align_up(conflict.end, step);
		}
	}
	return false;
}

/* [start, end) is taken, beside what is. */
static bool take_range(struct boot_memory *bm, uint64_t start, uint64_t end)
{
	uint32_t at = 0, last;

	while (at < bm->nr_taken && bm->taken[at].end < start)
		at++;
	for (last = at; last < bm->nr_taken && bm->taken[last].start <= end; last++) {
		start = min_u64(start, bm->taken[last].start);
		end = max_u64(end, bm->taken[last].end);
	}
	if (last == at && !array_room(&bm->taken, &bm->cap_taken, bm->nr_taken))
		return false;
	memmove(&bm->taken[at + 1], &bm->taken[last], (bm->nr_taken - last) * sizeof(*bm->taken));
	bm->nr_taken = bm->nr_taken + 1 - (last - at);
	bm->taken[at] = (struct boot_range){ start, end };
	return true;
}

static bool note_block(struct boot_memory *bm, const struct boot_block *block, uint32_t *number)
{
	if (!array_room(&bm->blocks, &bm->cap_blocks, bm->nr_blocks))
		return false;
	*number = bm->nr_blocks++;
	bm->blocks[*number] = *block;
	return true;
}

/*
 * Pages, from the goal up or else from below it. A small request goes into the rest of the
 * page where the last one ended when the page behind that is the one it would have had.
 */
static bool take_bootmem(struct boot_memory *bm, struct boot_block *block)
{
	bool low = block->call == BOOT_BOOTMEM_LOW || block->call == BOOT_BOOTMEM_LOW_PAGES;
	uint64_t page = bm->machine->page_size, step = max_u64(block->align, page);
	uint64_t goal = low ? 0 : bm->machine->zones.dma_end ? bm->machine->zones.dma_end : DMA_LIMIT;
	uint64_t limit = min_u64(memory_limit(bm->machine), low ? LOW_LIMIT : UINT64_MAX), at, first;

	if (!find_up(bm, block->size, step, goal, limit, &at) && !find_up(bm, block->size, step, 0, limit, &at))
		return false;
	first = at;
	if (bm->last_end % page && align_up(bm->last_end, page) == at)
		at = align_up(bm->last_end, block->align);
	block->start = at;
	bm->last_end = at + block->size;
	return align_up(bm->last_end, page) <= first || take_range(bm, first, align_up(bm->last_end, page));
}

enum mm_answer boot_memory_take(struct boot_memory *bm, enum boot_call call, uint64_t size, uint64_t align,
	uint32_t *number)
{
	bool pages = call == BOOT_BOOTMEM_PAGES || call == BOOT_BOOTMEM_LOW_PAGES;
	uint64_t smallest = pages ? bm->machine->page_size : CACHE_LINE;
	struct boot_block block = {
		.size = size,
		.align = align && !pages ? align : max_u64(align, smallest),
		.call = call,
	};
	bool taken;

	if (!size || size > 1ull << 56 || (block.align & (block.align - 1)) || block.align > 1ull << 56)
		return MM_FAILED;
	if (call == BOOT_MEMBLOCK)
		taken = find_down(bm, size, block.align, &block.start) &&
			take_range(bm, block.start, block.start + size);
	else
		taken = take_bootmem(bm, &block);
	return taken && note_block(bm, &block, number) ? MM_DONE : MM_FAILED;
}

/* Cuts [start, end) out of the taken ranges. Return: bytes. */
static uint64_t give_range(struct boot_memory *bm, uint64_t start, uint64_t end)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < bm->nr_taken; i++) {
		struct boot_range was = bm->taken[i];
		uint64_t from = max_u64(was.start, start), to = min_u64(was.end, end);

		if (from >= to)
			continue;
		bytes += to - from;
		memmove(&bm->taken[i], &bm->taken[i + 1], (bm->nr_taken - i - 1) * sizeof(*bm->taken));
		bm->nr_taken--;
		/* There is room for one of the two at least; without memory for both the upper one counts as free. */
		if (was.start < from)
			take_range(bm, was.start, from);
		if (to < was.end)
			take_range(bm, to, was.end);
		i = UINT32_MAX;
	}
	return bytes;
}

uint64_t boot_memory_give(struct boot_memory *bm, uint64_t start, uint64_t size, bool bytewise)
{
	uint64_t page = bm->machine->page_size, end = start + min_u64(size, UINT64_MAX - start), bytes;

	if (!bytewise) {
		start = start > UINT64_MAX - page ? start : align_up(start, page);
		end &= ~(page - 1);
	}
	bytes = start < end ? give_range(bm, start, end) : 0;
	for (uint32_t i = 0; bytes && i < bm->nr_blocks; i++) {
		struct boot_block *block = &bm->blocks[i];
		uint64_t from = max_u64(block->start, start), to = min_u64(block->start + block->size, end);

		if (from < to)
			block->freed = min_u64(block->freed + to - from, block->size);
	}
	return bytes;
}

int boot_memory_reserve(const struct boot_memory *bm, struct machine *machine, struct err *err)
{
	for (uint32_t i = 0; i < bm->nr_taken; i++) {
		struct machine_range range = {
			.start = bm->taken[i].start,
			.size = bm->taken[i].end - bm->taken[i].start,
			.name = "boot memory",
		};
		uint32_t at = machine->nr_reserved;

		if (machine->nr_reserved == MACHINE_MAX_RANGES)
			return err_set(err, ERR_CONFIG, "boot memory leaves more than %d reserved ranges",
				MACHINE_MAX_RANGES);
		for (; at > 0 && machine->reserved[at - 1].start > range.start; at--)
			machine->reserved[at] = machine->reserved[at - 1];
		machine->reserved[at] = range;
		machine->nr_reserved++;
	}
	return 0;
}

static int boot_memory_check(const void *state, struct err *err)
{
	const struct boot_memory *bm = state;
	uint64_t taken = 0, held = 0;

	for (uint32_t i = 0; i < bm->nr_taken; i++) {
		const struct boot_range *range = &bm->taken[i];

		taken += range->end - range->start;
		if (range->start >= range->end || (i && bm->taken[i - 1].end >= range->start))
			return err_set(err, ERR_INVARIANT, "boot_memory 1: range %u at %#" PRIx64 " is not in order", i,
				range->start);
		for (uint32_t r = 0; r < bm->machine->nr_reserved; r++)
			if (overlaps(range, bm->machine->reserved[r].start,
				    bm->machine->reserved[r].start + bm->machine->reserved[r].size))
				return err_set(err, ERR_INVARIANT,
					"boot_memory 1: range %u at %#" PRIx64 " is reserved", i, range->start);
	}
	for (uint32_t i = 0; i < bm->nr_blocks; i++)
		held += bm->blocks[i].size - bm->blocks[i].freed;
	if (held > taken)
		return err_set(err, ERR_INVARIANT, "boot_memory 2: blocks hold %" PRIu64 " bytes of %" PRIu64 " taken",
			held, taken);
	return 0;
}

static int boot_memory_init(void *state, struct mm *mm, struct err *err)
{
	(void)err;
	boot_memory_begin(state, mm->machine);
	return 0;
}

static void boot_memory_fini(void *state)
{
	boot_memory_end(state);
}

const struct mechanism mech_boot_memory = {
	.name = "boot_memory",
	.slot = SLOT_BOOT_MEMORY,
	.state_size = sizeof(struct boot_memory),
	.init = boot_memory_init,
	.fini = boot_memory_fini,
	.check = boot_memory_check,
};

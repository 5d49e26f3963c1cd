/*
 * vmap_table: page tables of the vmalloc space: which of their pages exist. A page is allocated when the first page
 * of what it covers is mapped, and never freed, but for a page of PTEs whose place a huge mapping takes
 * (pmd_free_pte_page()).
 *
 * Models vmap_pages_range_noflush() of kernel 6.1 as x86 has it. 64 bits: PMD and PTE pages; those above are allocated
 * at boot (preallocate_vmalloc_pages()). 32 bits: PTE pages only.
 * Simplified: 32 bits have two levels of page tables, not PAE's three, and five levels are four: no machine key tells.
 */
#include "mm/vmalloc_priv.h"

enum level { LEVEL_PTE, LEVEL_PMD };

#define PAGE_OF_STATE (IDMAP_NONE - 1) /* in the place of a page's number: a saved state had it, where is not known */

#define LEVEL_SHIFT 62 /* of a key: addresses that are divided by a page table's reach never get there */

/* Bytes that one page of that level covers, as a power of two: a page is full of entries of 8 bytes (32 bits: 4). */
static unsigned int reach_shift(const struct vmalloc *vm, enum level level)
{
	unsigned int entries_shift = vm->machine->page_shift - (vm->machine->bits32 ? 2 : 3);

	return vm->machine->page_shift + entries_shift * (level == LEVEL_PTE ? 1 : 2);
}

static uint64_t table_key(uint64_t index, enum level level)
{
	return index | (uint64_t)level << LEVEL_SHIFT;
}

static enum mm_answer add_page(struct vmalloc *vm, uint64_t key, unsigned int cpu, struct meter *meter)
{
	struct page_request req = { .gfp = GFP_KERNEL | GFP_BIT_ZERO, .cpu = (uint16_t)cpu, .node = -1 };
	pfn_t pfn;

	meter_charge(meter, STEP_PAGE_TABLE, 1);
	if (page_alloc_take(vm->mm->pages, &req, &pfn, meter) != MM_DONE)
		return MM_FAILED;
	vm->tables.pages++;
	return idmap_put(&vm->tables.known, key, (uint32_t)pfn) < 0 ? MM_FAILED : MM_DONE;
}

static enum mm_answer map_level(struct vmalloc *vm, enum level level, uint64_t start, uint64_t last, unsigned int cpu,
	struct meter *meter)
{
	unsigned int shift = reach_shift(vm, level);

	for (uint64_t i = start >> shift; i <= last >> shift; i++) {
		if (idmap_get(&vm->tables.known, table_key(i, level)) != IDMAP_NONE)
			continue;
		if (add_page(vm, table_key(i, level), cpu, meter) != MM_DONE)
			return MM_FAILED;
	}
	return MM_DONE;
}

/* A PMD that maps by itself has no page of PTEs below it: one that was left there is freed. */
static void give_ptes(struct vmalloc *vm, uint64_t start, uint64_t last, unsigned int cpu, struct meter *meter)
{
	unsigned int shift = reach_shift(vm, LEVEL_PTE);

	for (uint64_t i = start >> shift; i <= last >> shift; i++) {
		uint32_t pfn = idmap_remove(&vm->tables.known, table_key(i, LEVEL_PTE));

		if (pfn == IDMAP_NONE || pfn == PAGE_OF_STATE)
			continue;
		page_alloc_give(vm->mm->pages, pfn, 0, cpu, meter);
		vm->tables.pages--;
	}
}

enum mm_answer vmap_tables_map(struct vmalloc *vm, uint64_t start, uint64_t size, bool huge, unsigned int cpu,
	struct meter *meter)
{
	if (!size)
		return MM_DONE;
	if (!vm->machine->bits32 && map_level(vm, LEVEL_PMD, start, start + size - 1, cpu, meter) != MM_DONE)
		return MM_FAILED;
	if (!huge)
		return map_level(vm, LEVEL_PTE, start, start + size - 1, cpu, meter);
	give_ptes(vm, start, start + size - 1, cpu, meter);
	return MM_DONE;
}

enum mm_answer vmap_map(struct vmalloc *vm, uint64_t start, uint64_t size, unsigned int cpu, struct meter *meter)
{
	return vmap_tables_map(vm, start, size, false, cpu, meter);
}

void vmap_tables_know(struct vmalloc *vm, uint64_t start, uint64_t end)
{
	for (int level = LEVEL_PTE; level <= LEVEL_PMD; level++) {
		unsigned int shift = reach_shift(vm, (enum level)level);

		for (uint64_t i = start >> shift; i <= (end - 1) >> shift; i++)
			/* Out of memory: a page is allocated once more than in the kernel, when it is mapped next. */
			(void)idmap_put(&vm->tables.known, table_key(i, (enum level)level), PAGE_OF_STATE);
	}
}

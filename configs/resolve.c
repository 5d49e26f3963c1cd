#include "configs/loader_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/units.h"

/* Where HighMem begins on x86-32 with the 3G/1G split and PAE, as Debian's 6.1 kernels have it: 880 MiB - 8 KiB. */
#define LOWMEM_MAX_32 0x36ffe000ull

/*
 * Beginning and size of x86's vmalloc space: 64 bits with four page-table levels; 32 bits behind
 * lowmem and a hole of 8 MiB, what fixed mappings leave of 128 MiB (VmallocTotal is 122880 kB there).
 */
#define VMALLOC_START_64 0xffffc90000000000ull
#define VMALLOC_SIZE_64  (32 * TIB)
#define VMALLOC_START_32 0xf77fe000ull
#define VMALLOC_SIZE_32  (120 * MIB)

/* With less, the kernel turns transparent huge pages off at boot (hugepage_init()). */
#define THP_MIN_MEMORY (512 * MIB)

/* Orders by page size: what ARCH_FORCE_MAX_ORDER and one PMD give (page-allocator.md 1.6). */
static const struct page_size_facts {
	uint32_t page_size;
	uint32_t max_order;
	uint32_t pageblock_order;
} page_sizes[] = {
	{ 4 * KIB, 10, 9 },
	{ 8 * KIB, 10, 10 },
	{ 16 * KIB, 11, 11 },
	{ 64 * KIB, 13, 13 },
};

static const struct page_size_facts *resolve_page_size(struct loader *l)
{
	struct machine *m = &l->draft->machine;
	const struct page_size_facts *facts = page_sizes;
	char text[32];

	for (size_t i = 0; i < sizeof(page_sizes) / sizeof(page_sizes[0]); i++) {
		if (page_sizes[i].page_size == m->page_size) {
			m->page_shift = ilog2_u64(m->page_size);
			return &page_sizes[i];
		}
	}
	findings_add(l->findings, place_of_path(l, "page_size"),
		"page_size: \"%s\": expected 4 KiB, 8 KiB, 16 KiB or 64 KiB",
		units_format_size(m->page_size, text, sizeof(text)));
	m->page_size = facts->page_size; /* so that what depends on it can be looked at, too */
	m->page_shift = ilog2_u64(m->page_size);
	return facts;
}

static void resolve_orders(struct loader *l, const struct page_size_facts *facts)
{
	struct machine_page_allocator *pages = &l->draft->machine.page_allocator;
	bool own_max = pages->max_order != DRAFT_AUTO32;

	if (!own_max)
		pages->max_order = facts->max_order;
	if (pages->pageblock_order == DRAFT_AUTO32)
		pages->pageblock_order = facts->pageblock_order < pages->max_order ? facts->pageblock_order :
										     pages->max_order;
	if (pages->pageblock_order > pages->max_order)
		findings_add(l->findings, place_of_path(l, "page_allocator.pageblock_order"),
			"page_allocator.pageblock_order: %u: out of range: at most page_allocator.max_order, %u",
			pages->pageblock_order, pages->max_order);
	/* A block must lie within one memory section: 128 MiB on x86-64, 512 MiB with 64 KiB pages. */
	if (own_max && pages->max_order > facts->max_order + 5)
		findings_add(l->findings, place_of_path(l, "page_allocator.max_order"),
			"page_allocator.max_order: %u: out of range: at most %u with pages of %u KiB", pages->max_order,
			facts->max_order + 5, facts->page_size >> 10);
}

/* RAM that is not reserved. */
static uint64_t usable_bytes(const struct machine *m)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < m->nr_ram; i++) {
		uint64_t end = m->ram[i].start + m->ram[i].size;

		bytes += m->ram[i].size;
		for (uint32_t j = 0; j < m->nr_reserved; j++) {
			uint64_t from = max_u64(m->reserved[j].start, m->ram[i].start);
			uint64_t to = min_u64(m->reserved[j].start + m->reserved[j].size, end);

			bytes -= from < to ? to - from : 0;
		}
	}
	return bytes;
}

static void resolve_page_allocator(struct loader *l, const struct page_size_facts *facts)
{
	struct machine *m = &l->draft->machine;
	struct machine_page_allocator *pages = &m->page_allocator;

	resolve_orders(l, facts);
	pages->transparent_hugepage = m->transparent_hugepage != THP_NONE;
	pages->khugepaged_min_free = m->transparent_hugepage >= THP_MADVISE && usable_bytes(m) >= THP_MIN_MEMORY;
	if (pages->pcp_high_fraction && pages->pcp_high_fraction < 8)
		findings_add(l->findings, place_of_path(l, "page_allocator.pcp_high_fraction"),
			"page_allocator.pcp_high_fraction: %u: expected 0, or at least 8", pages->pcp_high_fraction);
}

static void resolve_slab(struct loader *l)
{
	const struct machine *m = &l->draft->machine;

	if (m->slab.max_order > m->page_allocator.max_order)
		findings_add(l->findings, place_of_path(l, "slab.max_order"),
			"slab.max_order: %u: out of range: at most page_allocator.max_order, %u", m->slab.max_order,
			m->page_allocator.max_order);
	if (m->slab.min_order > m->page_allocator.max_order)
		findings_add(l->findings, place_of_path(l, "slab.min_order"),
			"slab.min_order: %u: out of range: at most page_allocator.max_order, %u", m->slab.min_order,
			m->page_allocator.max_order);
	if (m->slab.nr_cpu_ids && m->slab.nr_cpu_ids < m->cpus)
		findings_add(l->findings, place_of_path(l, "slab.nr_cpu_ids"),
			"slab.nr_cpu_ids: %u: out of range: at least cpus, %u", m->slab.nr_cpu_ids, m->cpus);
}

static bool is_power_of_two(uint64_t value)
{
	return value && !(value & (value - 1));
}

static void resolve_kmalloc(struct loader *l)
{
	struct machine *m = &l->draft->machine;
	struct machine_kmalloc *k = &m->kmalloc;
	uint64_t largest_block = (uint64_t)m->page_size << m->page_allocator.max_order;
	char text[32];

	if (k->max_cache_size == DRAFT_AUTO32)
		k->max_cache_size = 2 * m->page_size; /* KMALLOC_SHIFT_HIGH of SLUB */
	if (k->max_size == DRAFT_AUTO)
		k->max_size = largest_block;
	if (!is_power_of_two(k->min_size))
		findings_add(l->findings, place_of_path(l, "kmalloc.min_size"),
			"kmalloc.min_size: %u: expected a power of two", k->min_size);
	if (!is_power_of_two(k->max_cache_size) || k->max_cache_size < k->min_size)
		findings_add(l->findings, place_of_path(l, "kmalloc.max_cache_size"),
			"kmalloc.max_cache_size: %u: expected a power of two, at least kmalloc.min_size",
			k->max_cache_size);
	if (k->max_size < k->max_cache_size || k->max_size > largest_block)
		findings_add(l->findings, place_of_path(l, "kmalloc.max_size"),
			"kmalloc.max_size: out of range: kmalloc.max_cache_size to %s, the largest block",
			units_format_size(largest_block, text, sizeof(text)));
	for (uint32_t i = 0; i < 8 && k->extra_classes[i]; i++) {
		if (k->extra_classes[i] <= k->min_size || k->extra_classes[i] >= k->max_cache_size ||
			is_power_of_two(k->extra_classes[i]) || k->extra_classes[i] % 8)
			findings_add(l->findings, place_of_path(l, "kmalloc.extra_classes"),
				"kmalloc.extra_classes: %u: expected a multiple of 8 between kmalloc.min_size and "
				"kmalloc.max_cache_size that is no power of two", k->extra_classes[i]);
	}
}

static void check_zone_border(struct loader *l, const char *path, uint64_t border)
{
	if (border != UINT64_MAX && border % l->draft->machine.page_size)
		findings_add(l->findings, place_of_path(l, path), "%s: 0x%" PRIx64 ": expected whole pages", path,
			border);
}

static void resolve_zones(struct loader *l)
{
	struct machine *m = &l->draft->machine;
	struct machine_zones *z = &m->zones;
	uint64_t ram_end = m->nr_ram ? m->ram[m->nr_ram - 1].start + m->ram[m->nr_ram - 1].size : 0;

	if (z->dma32_end == DRAFT_AUTO)
		z->dma32_end = m->bits32 ? 0 : 4 * GIB;
	if (z->highmem_above == DRAFT_AUTO)
		z->highmem_above = m->bits32 && ram_end > LOWMEM_MAX_32 ? LOWMEM_MAX_32 : UINT64_MAX;
	check_zone_border(l, "zones.dma", z->dma_end);
	check_zone_border(l, "zones.dma32", z->dma32_end);
	check_zone_border(l, "zones.highmem_above", z->highmem_above);
	check_zone_border(l, "zones.movable", z->movable);
	if (m->bits32 && z->dma32_end)
		findings_add(l->findings, place_of_path(l, "zones.dma32"), "zones.dma32: 32-bit kernels have none");
	if (!m->bits32 && z->highmem_above != UINT64_MAX)
		findings_add(l->findings, place_of_path(l, "zones.highmem_above"),
			"zones.highmem_above: 64-bit kernels have no HighMem (bits: 32)");
	if (z->dma32_end && z->dma32_end < z->dma_end)
		findings_add(l->findings, place_of_path(l, "zones.dma32"),
			"zones.dma32: expected at least zones.dma, or none");
	if (z->highmem_above < z->dma_end)
		findings_add(l->findings, place_of_path(l, "zones.highmem_above"),
			"zones.highmem_above: expected more than zones.dma, or none");
}

static void resolve_others(struct loader *l)
{
	struct machine *m = &l->draft->machine;

	if (m->vmalloc.start == DRAFT_AUTO)
		m->vmalloc.start = m->bits32 ? VMALLOC_START_32 : VMALLOC_START_64;
	if (m->vmalloc.size == DRAFT_AUTO)
		m->vmalloc.size = m->bits32 ? VMALLOC_SIZE_32 : VMALLOC_SIZE_64;
	if (m->vmalloc.start + m->vmalloc.size < m->vmalloc.start ||
		(m->bits32 && m->vmalloc.start + m->vmalloc.size > 4 * GIB))
		findings_add(l->findings, place_of_path(l, "vmalloc"),
			"vmalloc: start and size reach beyond the %s-bit address space", m->bits32 ? "32" : "64");
	if (m->kernel_stack.size == DRAFT_AUTO)
		m->kernel_stack.size = max_u64(m->bits32 ? 8 * KIB : 16 * KIB, m->page_size);
	if (!is_power_of_two(m->kernel_stack.size))
		findings_add(l->findings, place_of_path(l, "kernel_stack.size"),
			"kernel_stack.size: expected a power of two");
}

void draft_resolve(struct loader *l)
{
	struct machine *m = &l->draft->machine;
	const struct page_size_facts *facts = resolve_page_size(l);

	draft_resolve_kernel(l);
	draft_resolve_memory(l);
	resolve_zones(l);
	resolve_page_allocator(l, facts);
	resolve_slab(l);
	resolve_kmalloc(l);
	resolve_others(l);
	draft_resolve_latency(l);
	draft_resolve_regions(l, "io_ports.regions", &m->io_ports);
	draft_resolve_regions(l, "io_memory.regions", &m->io_memory);
}

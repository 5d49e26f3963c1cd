#include "sim/boot_stage.h"

enum boot_stage boot_stage_of(const struct page_alloc *pa)
{
	uint64_t low = 0;

	if (!page_alloc_has_pagesets(pa))
		return BOOT_PAGESETS_NEXT;
	for (unsigned int z = 0; z < page_alloc_nr_zones(pa); z++) {
		struct zone_stats zone;

		page_alloc_zone_stats(pa, z, &zone);
		low += zone.low;
	}
	return low ? BOOT_OVER : BOOT_MARKS_NEXT;
}

/* Whether the limit before the watermarks are set, four batches, would make this free drain its per-CPU list. */
static bool would_drain(const struct page_alloc *pa, pfn_t pfn, unsigned int order, unsigned int cpu)
{
	int z = page_alloc_zone_of(pa, pfn);
	struct zone_stats zone;

	if (z < 0 || order >= PCP_ORDERS)
		return false;
	page_alloc_zone_stats(pa, (unsigned int)z, &zone);
	return page_alloc_pcp_count(pa, (unsigned int)z, cpu) + (1u << order) >= zone.pcp_high;
}

enum boot_stage boot_stage_before(enum boot_stage stage, struct page_alloc *pa, const struct trace_op *op, pfn_t pfn,
	unsigned int cpu, uint32_t moved)
{
	/* The lists of the first instant are refilled and drained block by block. */
	if (stage == BOOT_PAGESETS_NEXT && moved >= 2) {
		page_alloc_setup_pagesets(pa);
		stage = BOOT_MARKS_NEXT;
	}
	if (stage == BOOT_MARKS_NEXT && op->kind == KIND_FREE_PAGES && pfn && !moved &&
		would_drain(pa, pfn, op->order, cpu)) {
		page_alloc_setup_marks(pa);
		stage = BOOT_OVER;
	}
	return stage;
}

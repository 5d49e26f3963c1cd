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

/*
 * Whether the limit before the watermarks are set, four batches, would make this free drain its per-CPU list. So early
 * only the boot CPU has pages.
 */
static bool would_drain(const struct page_alloc *pa, pfn_t pfn)
{
	for (unsigned int z = 0; z < page_alloc_nr_zones(pa); z++) {
		struct zone_stats zone;

		page_alloc_zone_stats(pa, z, &zone);
		if (pfn - zone.start_pfn < zone.spanned)
			return zone.pcp_pages + 1 >= zone.pcp_high;
	}
	return false;
}

enum boot_stage boot_stage_before(enum boot_stage stage, struct page_alloc *pa, const struct trace_op *op, pfn_t pfn,
	uint32_t moved)
{
	/* The lists of the first instant are refilled and drained block by block. */
	if (stage == BOOT_PAGESETS_NEXT && moved >= 2) {
		page_alloc_setup_pagesets(pa);
		stage = BOOT_MARKS_NEXT;
	}
	if (stage == BOOT_MARKS_NEXT && op->kind == KIND_FREE_PAGES && op->order == 0 && pfn && !moved &&
		would_drain(pa, pfn)) {
		page_alloc_setup_marks(pa);
		stage = BOOT_OVER;
	}
	return stage;
}

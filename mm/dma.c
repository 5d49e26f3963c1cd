/*
 * dma: coherent memory. Models dma_direct_alloc(), __dma_direct_alloc_pages() and dma_direct_free() of kernel 6.1.
 *
 * Simplified: no IOMMU, no CMA, no memory encryption, as on a plain x86 machine. There the atomic pools are never used:
 * who may not sleep gets pages as others do. Their own pages are in recordings of a boot.
 */
#include "mm/dma.h"

#include "base/bits.h"
#include "mm/dma_priv.h"

#define ZONE_DMA_MASK ((1ull << 24) - 1) /* zone_dma_bits */

gfp_t dma_zone_bits(uint64_t mask)
{
	if (mask <= ZONE_DMA_MASK)
		return GFP_BIT_DMA;
	return mask <= UINT32_MAX ? GFP_BIT_DMA32 : 0;
}

unsigned int dma_order(const struct dma *dma, uint64_t size)
{
	uint64_t pages = div_round_up(size ? size : 1, dma->machine->page_size);

	return pages <= 1 ? 0 : fls64(pages - 1);
}

/* dma_coherent_ok() */
static bool in_reach(const struct dma *dma, struct dma_block block, uint64_t size, uint64_t mask)
{
	uint64_t first = (uint64_t)block.pfn << dma->machine->page_shift;

	return first + align_up(size, dma->machine->page_size) - 1 <= mask;
}

static enum mm_answer take_block(struct dma *dma, const struct dma_request *req, gfp_t gfp, struct dma_block *block,
	struct meter *meter)
{
	struct page_request want = { .gfp = gfp, .cpu = req->cpu, .order = (uint8_t)block->order,
		.node = (int16_t)page_alloc_local_node(dma->pages, -1, req->cpu) };
	pfn_t pfn = PFN_NONE;
	enum mm_answer answer = page_alloc_take(dma->pages, &want, &pfn, meter);

	block->pfn = (uint32_t)pfn;
	return answer;
}

/* The next zone to try for what is out of reach; 0: there is none. */
static gfp_t lower_zone(gfp_t gfp, uint64_t mask)
{
	if (mask < UINT64_MAX && !(gfp & (GFP_BIT_DMA32 | GFP_BIT_DMA)))
		return gfp | GFP_BIT_DMA32;
	if (!(gfp & GFP_BIT_DMA))
		return (gfp & ~GFP_BIT_DMA32) | GFP_BIT_DMA;
	return 0;
}

/* __dma_direct_alloc_pages() */
static enum dma_result take_in_reach(struct dma *dma, const struct dma_request *req, uint64_t mask,
	struct dma_block *block, struct meter *meter)
{
	gfp_t gfp = (req->gfp & ~(GFP_BIT_DMA | GFP_BIT_DMA32 | GFP_BIT_HIGHMEM | GFP_BIT_ZERO)) | dma_zone_bits(mask);

	for (;;) {
		enum mm_answer answer = take_block(dma, req, gfp, block, meter);

		if (answer == MM_WAIT)
			return DMA_WAIT;
		if (answer != MM_DONE)
			return DMA_FAILED;
		if (in_reach(dma, *block, req->size, mask))
			return DMA_DONE;
		page_alloc_give(dma->pages, block->pfn, block->order, req->cpu, meter);
		gfp = lower_zone(gfp, mask);
		if (!gfp)
			return DMA_UNREACHABLE;
		dma->stats.retries++;
	}
}

enum dma_result dma_alloc_coherent(struct dma *dma, const struct dma_request *req, struct dma_block *block,
	struct meter *meter)
{
	uint64_t mask = req->mask ? req->mask : DMA_DEFAULT_MASK;
	enum dma_result result = DMA_FAILED;

	block->order = dma_order(dma, req->size);
	if (mask < dma->lowest_end)
		result = DMA_UNREACHABLE;
	else if (req->size && block->order <= dma->machine->page_allocator.max_order)
		result = take_in_reach(dma, req, mask, block, meter);
	if (result == DMA_WAIT)
		return result;
	dma->stats.failed += result != DMA_DONE;
	dma->stats.unreachable += result == DMA_UNREACHABLE;
	if (result != DMA_DONE)
		return result;
	meter_charge(meter, STEP_ZERO_KIB, (uint32_t)(align_up(req->size, dma->machine->page_size) >> 10));
	dma->stats.allocs++;
	dma->stats.pages += 1u << block->order;
	if (dma->stats.pages > dma->stats.peak_pages)
		dma->stats.peak_pages = dma->stats.pages;
	return DMA_DONE;
}

void dma_free_coherent(struct dma *dma, struct dma_block block, unsigned int cpu, struct meter *meter)
{
	page_alloc_give(dma->pages, block.pfn, block.order, cpu, meter);
	dma->stats.frees++;
	dma->stats.pages -= 1u << block.order;
}

void dma_get_stats(const struct dma *dma, struct dma_stats *stats)
{
	*stats = dma->stats;
}

static int dma_init(void *state, struct mm *mm, struct err *err)
{
	struct dma *dma = state;
	uint64_t lowest = UINT64_MAX;

	(void)err;
	for (unsigned int i = 0; i < page_alloc_nr_zones(mm->pages); i++) {
		struct zone_stats zone;

		page_alloc_zone_stats(mm->pages, i, &zone);
		if (zone.managed && zone.start_pfn < lowest)
			lowest = zone.start_pfn;
	}
	*dma = (struct dma){ .machine = mm->machine, .slab = mm->slab, .pages = mm->pages, .free_page = DMA_LIST_END };
	dma->lowest_end = ((lowest + 1) << mm->machine->page_shift) - 1;
	return 0;
}

static void dma_fini(void *state)
{
	dma_pools_fini(state);
}

static int dma_check(const void *state, struct err *err)
{
	return dma_pools_check(state, err);
}

const struct mechanism mech_dma = {
	.name = "dma", .slot = SLOT_DMA, .state_size = sizeof(struct dma),
	.init = dma_init, .fini = dma_fini, .check = dma_check,
};

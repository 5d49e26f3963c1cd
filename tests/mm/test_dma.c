/* Memory for devices: coherent blocks by mask, and pools of small blocks, as the worked examples have them. */
#include "base/rng.h"
#include "mm/dma_priv.h"
#include "mm/pcp_priv.h"
#include "tests/mm/mm_fixture.h"

struct fixture {
	struct mm_fixture *fx;
	struct dma *dma;
};

static struct fixture start(uint64_t ram_bytes)
{
	struct fixture f = { .fx = mm_fixture_new(1, ram_bytes) };

	mm_fixture_boot(f.fx);
	f.dma = mm_state(&f.fx->mm, SLOT_DMA);
	return f;
}

static void stop(struct fixture *f)
{
	mm_fixture_end(f->fx);
}

static enum dma_result coherent(struct fixture *f, uint64_t size, uint64_t mask, struct dma_block *block)
{
	struct dma_request want = { .size = size, .mask = mask, .gfp = GFP_KERNEL };

	return dma_alloc_coherent(f->dma, &want, block, &f->fx->meter);
}

static uint32_t create(struct fixture *f, uint64_t size, uint64_t align, uint64_t boundary)
{
	struct dma_pool_create want = { .size = size, .align = align, .boundary = boundary };
	uint32_t pool;

	cr_assert_eq(dma_pool_create(f->dma, &want, 0, &pool, &f->fx->meter), MM_DONE);
	return pool;
}

static uint64_t take(struct fixture *f, uint32_t pool, uint32_t *page, uint32_t *block)
{
	cr_assert_eq(dma_pool_alloc(f->dma, pool, GFP_KERNEL, 0, page, block, &f->fx->meter), DMA_DONE);
	return dma_pool_address(f->dma, *page, *block);
}

static struct dma_pool_stats stats_of(const struct fixture *f, uint32_t pool)
{
	struct dma_pool_stats stats;

	dma_pool_get_stats(f->dma, pool, &stats);
	return stats;
}

/* D1, D2 */
Test(dma, zone_follows_from_the_mask_and_the_block_is_not_trimmed)
{
	struct fixture f = start(64 << 20);
	uint64_t free_pages = mm_fixture_free_pages(f.fx);
	struct dma_block block;

	cr_assert_eq(dma_zone_bits(0xffffffff), GFP_BIT_DMA32);
	cr_assert_eq(dma_zone_bits(0xffffff), GFP_BIT_DMA);
	cr_assert_eq(dma_zone_bits(0x7fffffff), GFP_BIT_DMA32);
	cr_assert_eq(dma_zone_bits(UINT64_MAX), 0);
	cr_assert_eq(coherent(&f, 20000, 0xffffffff, &block), DMA_DONE);
	cr_assert_eq(block.order, 3);
	cr_assert_eq(mm_fixture_free_pages(f.fx), free_pages - 8);
	dma_free_coherent(f.dma, block, 0, &f.fx->meter);
	cr_assert_eq(mm_fixture_free_pages(f.fx), free_pages);
	cr_assert_eq(coherent(&f, 4096, 0xffffff, &block), DMA_DONE);
	cr_assert_leq(block.pfn, 0xfff, "below 16 MiB");
	stop(&f);
}

/* A mask between the zones: a block of DMA32 beyond it goes back, and zone DMA serves. */
Test(dma, block_out_of_reach_is_given_back_for_one_of_a_lower_zone)
{
	struct fixture f = start(64 << 20);
	struct dma_block block;
	struct dma_stats stats;

	cr_assert_eq(coherent(&f, 4096, 16 << 20, &block), DMA_DONE);
	dma_get_stats(f.dma, &stats);
	cr_assert_eq(stats.retries, 1);
	cr_assert_leq(block.pfn, 0xfff);
	stop(&f);
}

Test(dma, mask_below_all_memory_is_unreachable_and_an_absurd_size_fails)
{
	struct fixture f = start(64 << 20);
	struct dma_block block;
	struct dma_stats stats;

	cr_assert_eq(coherent(&f, 4096, 0xffff, &block), DMA_UNREACHABLE);
	cr_assert_eq(coherent(&f, 1ull << 40, UINT64_MAX, &block), DMA_FAILED);
	cr_assert_eq(coherent(&f, UINT64_MAX, UINT64_MAX, &block), DMA_FAILED);
	cr_assert_eq(coherent(&f, 0, UINT64_MAX, &block), DMA_FAILED);
	dma_get_stats(f.dma, &stats);
	cr_assert_eq(stats.failed, 4);
	cr_assert_eq(stats.unreachable, 1);
	cr_assert_eq(stats.pages, 0);
	stop(&f);
}

/* D3: 63 blocks of 64 bytes in a page, at offsets 0 to 0xf80; the 64th needs a new page. */
Test(dma, pool_of_64_bytes_has_63_blocks_a_page)
{
	struct fixture f = start(64 << 20);
	uint32_t pool = create(&f, 64, 64, 0), page, block;

	cr_assert_eq(stats_of(&f, pool).blocks_per_page, 63);
	for (uint64_t i = 0; i < 63; i++)
		cr_assert_eq(take(&f, pool, &page, &block) & 0xfff, i * 64);
	cr_assert_eq(stats_of(&f, pool).pages, 1);
	take(&f, pool, &page, &block);
	cr_assert_eq(stats_of(&f, pool).pages, 2);
	stop(&f);
}

/* D4, D5, and blocks that must not cross a boundary. */
Test(dma, blocks_per_page_are_those_of_6_1)
{
	struct fixture f = start(64 << 20);
	static const struct {
		uint32_t size, align, boundary, blocks;
	} cases[] = { { 100, 4, 0, 40 }, { 2048, 0, 0, 1 }, { 4096, 4096, 0, 1 }, { 48, 16, 0, 85 },
		{ 1024, 64, 4096, 3 }, { 64, 64, 256, 48 }, { 5000, 8, 0, 1 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_assert_eq(stats_of(&f, create(&f, cases[i].size, cases[i].align, cases[i].boundary)).blocks_per_page,
			cases[i].blocks, "size %u", cases[i].size);
	stop(&f);
}

Test(dma, arguments_that_the_kernel_refuses_make_no_pool)
{
	struct fixture f = start(64 << 20);
	static const struct dma_pool_create bad[] = { { .size = 0 }, { .size = 64, .align = 48 },
		{ .size = 64, .boundary = 32 }, { .size = 64, .boundary = 96 }, { .size = UINT64_MAX } };
	uint32_t pool;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(dma_pool_create(f.dma, &bad[i], 0, &pool, &f.fx->meter), MM_FAILED, "case %zu", i);
	cr_assert_eq(dma_pool_nr(f.dma), 0);
	stop(&f);
}

/* The last block freed is the next one; the newest page is looked at first. */
Test(dma, blocks_are_taken_last_in_first_out_and_from_the_newest_page)
{
	struct fixture f = start(64 << 20);
	uint32_t pool = create(&f, 2000, 4, 0), page[3], block[3];
	uint64_t first = take(&f, pool, &page[0], &block[0]);
	uint64_t second = take(&f, pool, &page[1], &block[1]);

	cr_assert_eq(second, first + 2000);
	take(&f, pool, &page[2], &block[2]);
	dma_pool_free(f.dma, page[0], block[0], &f.fx->meter);
	dma_pool_free(f.dma, page[1], block[1], &f.fx->meter);
	/* Page 2, the newest, still has its second block. */
	cr_assert_eq(take(&f, pool, &page[0], &block[0]) >> 12, dma_pool_address(f.dma, page[2], 0) >> 12);
	cr_assert_eq(take(&f, pool, &page[1], &block[1]), second);
	cr_assert_eq(take(&f, pool, &page[1], &block[1]), first);
	cr_assert_eq(stats_of(&f, pool).pages, 2);
	stop(&f);
}

Test(dma, destroyed_pool_gives_its_pages_back_but_for_the_busy_ones)
{
	struct fixture f = start(64 << 20);
	uint64_t free_pages = mm_fixture_free_pages(f.fx);
	uint32_t pool = create(&f, 4096, 0, 0), page[3], block[3];

	for (int i = 0; i < 3; i++)
		take(&f, pool, &page[i], &block[i]);
	dma_pool_free(f.dma, page[0], block[0], &f.fx->meter);
	dma_pool_free(f.dma, page[2], block[2], &f.fx->meter);
	cr_assert_eq(dma_pool_destroy(f.dma, pool, 0, &f.fx->meter), 1);
	cr_assert_eq(dma_pool_find(f.dma, 0), DMA_POOL_NONE);
	dma_pool_free(f.dma, page[1], block[1], &f.fx->meter); /* into the leak */
	/* One page leaked; the new slabs of headers may hold a few more. */
	cr_assert_leq(free_pages - mm_fixture_free_pages(f.fx), 1 + 2 * 8);
	stop(&f);
}

/* pool_free_page(): the memory, then its header. With SLOB both are freed under locks, of the zone and of the lists. */
Test(dma, destroyed_pool_frees_a_page_before_its_header)
{
	struct fixture f = { .fx = mm_fixture_new(1, 64 << 20) };
	uint32_t pool, page, block;

	strcpy(f.fx->machine.slab.allocator, "slob");
	mm_fixture_boot(f.fx);
	f.dma = mm_state(&f.fx->mm, SLOT_DMA);
	pool = create(&f, 65536, 0, 0);
	take(&f, pool, &page, &block);
	dma_pool_free(f.dma, page, block, &f.fx->meter);
	meter_restart(&f.fx->meter);
	dma_pool_destroy(f.dma, pool, 0, &f.fx->meter);
	cr_assert_geq(f.fx->meter.nr_segments, 2);
	cr_expect_lt(f.fx->meter.segments[0].lock, NR_ZONE_LOCKS);
	stop(&f);
}

Test(dma, two_thousand_random_operations_keep_every_invariant)
{
	struct fixture f = start(64 << 20);
	uint32_t pools[3] = { create(&f, 64, 64, 0), create(&f, 700, 4, 2048), create(&f, 9000, 8, 0) };
	struct { uint32_t page, block; } held[2000];
	uint32_t nr = 0;
	struct rng rng;

	rng_init(&rng, 9, "test");
	for (int step = 0; step < 2000; step++) {
		if (rng_below(&rng, 100) < 52 || !nr) {
			take(&f, pools[rng_below(&rng, 3)], &held[nr].page, &held[nr].block);
			nr++;
		} else {
			uint32_t at = (uint32_t)rng_below(&rng, nr);

			dma_pool_free(f.dma, held[at].page, held[at].block, &f.fx->meter);
			held[at] = held[--nr];
		}
		if (step % 10 == 0)
			mm_fixture_check(f.fx);
	}
	stop(&f);
}

Test(dma, broken_invariants_are_reported_by_number)
{
	struct fixture f = start(64 << 20);
	uint32_t pool = create(&f, 64, 64, 0), page, block;

	take(&f, pool, &page, &block);
	f.dma->page[page].in_use++;
	mm_fixture_expect_broken(f.fx, "dma 1");
	f.dma->page[page].in_use--;
	f.dma->pools[pool].stats.in_use++;
	mm_fixture_expect_broken(f.fx, "dma 2");
	f.dma->pools[pool].stats.in_use--;
	dma_free_coherent(f.dma, f.dma->page[page].memory, 0, &f.fx->meter);
	pcp_drain_all(f.fx->mm.pages, 0, &f.fx->meter);
	mm_fixture_expect_broken(f.fx, "dma 3");
	mm_fixture_free(f.fx);
}

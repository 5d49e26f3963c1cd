/* Areas with pages: the examples of spec/slab-vmalloc-percpu-io.md 13.9, V1 to V14. */
#include "mm/vmalloc_priv.h"
#include "tests/mm/mm_fixture.h"

#define V 0xffffc90000000000ul
#define PAGE 4096ull

static struct mm_fixture *fx;

static struct vmalloc *vm(void)
{
	return mm_state(&fx->mm, SLOT_VMALLOC);
}

static void boot(uint32_t cpus)
{
	fx = mm_fixture_new(cpus, 256ull << 20);
	mm_fixture_boot(fx);
}

static void end(void)
{
	mm_fixture_end(fx);
}

static uint32_t take_pages(uint64_t bytes)
{
	struct vmap_request req = { .size = bytes, .align = 1, .gfp = GFP_KERNEL, .node = -1 };
	uint32_t area = VMAP_AREA_NONE;

	cr_assert_eq(vmalloc_take(vm(), &req, &area, &fx->meter), MM_DONE);
	mm_fixture_check(fx);
	return area;
}

static uint32_t take_ioremap(uint64_t bytes)
{
	struct vmap_request req = { .size = bytes, .use = VMAP_IOREMAP, .node = -1 };
	uint32_t area = VMAP_AREA_NONE;

	cr_assert_eq(vmap_take(vm(), &req, &area, &fx->meter), MM_DONE);
	mm_fixture_check(fx);
	return area;
}

static void expect(uint32_t area, uint64_t offset, uint64_t bytes)
{
	cr_expect_eq(vmap_address(vm(), area), V + offset, "%#lx, not %#lx", vmap_address(vm(), area), V + offset);
	cr_expect_eq(vmap_size(vm(), area), bytes, "%#lx bytes, not %#lx", vmap_size(vm(), area), bytes);
}

Test(vmalloc, areas_go_to_the_lowest_address_that_fits_and_is_aligned)
{
	uint32_t v2;

	boot(1);
	expect(take_pages(PAGE), 0x0, 0x2000);
	v2 = take_pages(3 * PAGE);
	expect(v2, 0x2000, 0x4000);
	expect(take_pages(2 * PAGE), 0x6000, 0x3000);
	expect(take_pages(100), 0x9000, 0x2000);
	expect(take_ioremap(4 << 10), 0xb000, 0x2000);
	expect(take_ioremap(12 << 10), 0x10000, 0x4000);
	expect(take_ioremap(64 << 10), 0x20000, 0x11000);
	expect(take_ioremap(4 << 10), 0xd000, 0x2000);
	/* Freed addresses wait for the purge. */
	vmalloc_give(vm(), v2, 0, &fx->meter);
	mm_fixture_check(fx);
	expect(take_pages(3 * PAGE), 0x14000, 0x4000);
	vmap_purge(vm(), &fx->meter);
	expect(take_pages(3 * PAGE), 0x2000, 0x4000);
	expect(take_pages(2 * PAGE), 0x18000, 0x3000);
	end();
}

/* V12: with 4 CPUs 24576 pages may be lazy; areas of two pages: the 12289th is one too many. */
Test(vmalloc, the_12289th_free_of_two_pages_purges_on_4_cpus)
{
	struct vmalloc_stats stats;
	uint32_t *areas = malloc(12289 * sizeof(*areas));

	boot(4);
	cr_assert_not_null(areas);
	for (int i = 0; i < 12289; i++) {
		struct vmap_request req = { .size = PAGE, .use = VMAP_VMAP, .node = -1 };

		cr_assert_eq(vmap_take(vm(), &req, &areas[i], &fx->meter), MM_DONE);
	}
	for (int i = 0; i < 12288; i++)
		vmap_give(vm(), areas[i], 0, &fx->meter);
	vmalloc_get_stats(vm(), &stats);
	cr_expect_eq(stats.purges, 0);
	cr_expect_eq(stats.lazy_bytes, 24576 * PAGE);
	cr_expect_not(vmap_drain_due(vm()));
	vmap_drain(vm(), &fx->meter);
	vmap_give(vm(), areas[12288], 0, &fx->meter);
	vmalloc_get_stats(vm(), &stats);
	cr_expect_eq(stats.purges, 0, "the work item does it");
	cr_expect(vmap_drain_due(vm()));
	vmap_drain(vm(), &fx->meter);
	cr_expect_not(vmap_drain_due(vm()));
	vmalloc_get_stats(vm(), &stats);
	cr_expect_eq(stats.purges, 1);
	cr_expect_eq(stats.purged_bytes, 24578 * PAGE);
	cr_expect_eq(stats.lazy_bytes, 0);
	cr_expect_eq(stats.free_bytes, stats.size);
	free(areas);
	end();
}

/* V13: the array of 1024 page pointers is an area of its own, placed after the outer one. */
Test(vmalloc, four_mebibytes_have_their_page_array_in_an_area_behind)
{
	struct vmalloc_stats stats;
	struct vmap_line *lines;
	uint32_t area;

	boot(1);
	area = take_pages(4 << 20);
	expect(area, 0, 0x401000);
	vmalloc_get_stats(vm(), &stats);
	cr_expect_eq(stats.areas, 2);
	cr_expect_eq(stats.mapped_pages, 1026);
	cr_assert_eq(vmalloc_lines(vm(), &lines), 2);
	cr_expect_eq(lines[1].start, V + 0x401000);
	cr_expect_eq(lines[1].end, V + 0x404000);
	cr_expect(lines[0].vpages);
	free(lines);
	vmalloc_give(vm(), area, 0, &fx->meter);
	vmalloc_get_stats(vm(), &stats);
	cr_expect_eq(stats.areas, 0);
	cr_expect_eq(stats.mapped_pages, 0);
	end();
}

/* V14: the first page of a fresh GiB needs a PMD and a PTE page, the next 2 MiB one more; they stay. */
Test(vmalloc, page_tables_are_allocated_once_and_stay)
{
	struct vmalloc_stats stats;
	uint64_t free_pages;
	uint32_t area;

	boot(1);
	free_pages = mm_fixture_free_pages(fx);
	area = take_pages(PAGE);
	vmalloc_get_stats(vm(), &stats);
	cr_expect_eq(stats.page_table_pages, 2);
	vmalloc_give(vm(), area, 0, &fx->meter);
	area = take_pages(0x1fd000);
	vmalloc_get_stats(vm(), &stats);
	cr_expect_eq(stats.page_table_pages, 2);
	vmalloc_give(vm(), area, 0, &fx->meter);
	/* Its guard page would begin the next 2 MiB: that needs no table. */
	take_pages(PAGE);
	vmalloc_get_stats(vm(), &stats);
	cr_expect_eq(stats.page_table_pages, 3);
	cr_expect_eq(mm_fixture_free_pages(fx), free_pages - 4);
	end();
}

Test(vmalloc, huge_areas_are_aligned_and_rounded_to_two_mebibytes)
{
	struct vmap_request req = { .size = 5 << 20, .gfp = GFP_KERNEL, .node = -1, .huge = true };
	struct vmalloc_stats stats;
	uint32_t area;

	boot(1);
	take_pages(PAGE);
	cr_assert_eq(vmalloc_take(vm(), &req, &area, &fx->meter), MM_DONE);
	expect(area, 0x200000, 0x601000);
	vmalloc_get_stats(vm(), &stats);
	/* 1536 pages, 3 of their array and the small area's one. */
	cr_expect_eq(stats.mapped_pages, 1536 + 3 + 1);
	cr_expect_eq(stats.huge_areas, 1);
	vmalloc_give(vm(), area, 0, &fx->meter);
	vmalloc_get_stats(vm(), &stats);
	cr_expect_eq(stats.mapped_pages, 1);
	end();
}

/*
 * A PMD that maps 2 MiB has no page of PTEs below it: one
 * that small areas left is freed, and made anew for the next.
 */
Test(vmalloc, a_huge_mapping_frees_the_page_of_ptes_in_its_place)
{
	struct vmap_request req = { .size = 2 << 20, .align = 1, .gfp = GFP_KERNEL, .node = -1, .huge = true };
	struct vmalloc_stats stats;
	uint64_t free_pages;
	uint32_t area;

	boot(1);
	vmalloc_give(vm(), take_pages(PAGE), 0, &fx->meter);
	vmap_purge(vm(), &fx->meter);
	vmalloc_get_stats(vm(), &stats);
	cr_expect_eq(stats.page_table_pages, 2);
	free_pages = mm_fixture_free_pages(fx);
	cr_assert_eq(vmalloc_take(vm(), &req, &area, &fx->meter), MM_DONE);
	expect(area, 0, 0x201000);
	vmalloc_get_stats(vm(), &stats);
	cr_expect_eq(stats.page_table_pages, 1);
	vmalloc_give(vm(), area, 0, &fx->meter);
	vmap_purge(vm(), &fx->meter);
	cr_expect_eq(mm_fixture_free_pages(fx), free_pages + 1);
	take_pages(PAGE);
	vmalloc_get_stats(vm(), &stats);
	cr_expect_eq(stats.page_table_pages, 2);
	end();
}

/* Reserves that the mask opens are open to the array of pages, too. */
Test(vmalloc, the_array_of_pages_is_asked_as_the_pages_are)
{
	struct vmap_request req = { .size = 600 * PAGE, .align = 1, .gfp = GFP_KERNEL, .node = -1 };
	struct page_request page = { .gfp = GFP_BIT_KSWAPD_RECLAIM, .node = -1 };
	uint32_t area;
	pfn_t pfn;

	fx = mm_fixture_new(1, 256ull << 20);
	fx->machine.page_allocator.min_free_kbytes = 16384;
	mm_fixture_boot(fx);
	/* The page tables stay. */
	cr_assert_eq(vmalloc_take(vm(), &req, &area, &fx->meter), MM_DONE);
	vmalloc_give(vm(), area, 0, &fx->meter);
	vmap_purge(vm(), &fx->meter);
	while (page_alloc_take(fx->mm.pages, &page, &pfn, &fx->meter) == MM_DONE)
		;
	req.gfp = page.gfp;
	cr_expect_eq(vmalloc_take(vm(), &req, &area, &fx->meter), MM_FAILED);
	vmap_purge(vm(), &fx->meter);
	req.gfp |= GFP_BIT_MEMALLOC;
	cr_expect_eq(vmalloc_take(vm(), &req, &area, &fx->meter), MM_DONE);
	end();
}

Test(vmalloc, more_than_there_is_ram_is_refused_and_leaves_nothing)
{
	struct vmap_request req = { .size = 1ull << 30, .gfp = GFP_KERNEL, .node = -1 };
	struct vmalloc_stats stats;
	uint64_t free_pages;
	uint32_t area;

	boot(1);
	free_pages = mm_fixture_free_pages(fx);
	cr_expect_eq(vmalloc_take(vm(), &req, &area, &fx->meter), MM_FAILED);
	req.size = 0;
	cr_expect_eq(vmalloc_take(vm(), &req, &area, &fx->meter), MM_FAILED);
	cr_expect_eq(mm_fixture_free_pages(fx), free_pages);
	/*
	 * Less than managed, more than is free: all it got goes
	 * back, but not the page tables and not the lazy addresses.
	 */
	req.size = (free_pages + 64) * PAGE;
	cr_expect_eq(vmalloc_take(vm(), &req, &area, &fx->meter), MM_FAILED);
	vmalloc_get_stats(vm(), &stats);
	cr_expect_eq(stats.areas, 0);
	cr_expect_eq(mm_fixture_free_pages(fx), free_pages - stats.page_table_pages);
	end();
}

Test(vmalloc, a_free_in_an_interrupt_waits_and_the_last_goes_first)
{
	struct vmalloc_stats stats;
	uint32_t a, b;

	boot(2);
	a = take_pages(PAGE);
	b = take_pages(PAGE);
	vmalloc_defer(vm(), a, 1);
	vmalloc_defer(vm(), b, 1);
	vmalloc_get_stats(vm(), &stats);
	cr_expect_eq(stats.areas, 2);
	cr_expect_eq(stats.deferred, 2);
	vmalloc_run_deferred(vm(), &fx->meter);
	vmalloc_get_stats(vm(), &stats);
	cr_expect_eq(stats.areas, 0);
	cr_expect_eq(stats.lazy_areas, 1);
	end();
}

/*
 * The 128 MiB of a 32-bit kernel: 15 areas of 8 MiB and a guard
 * fit; lazily freed ones are purged when the 16th needs them.
 */
Test(vmalloc, a_32_bit_window_runs_out_and_a_purge_helps)
{
	struct vmap_request req = { .size = 8 << 20, .use = VMAP_VMAP, .node = -1 };
	struct vmalloc_stats stats;
	uint32_t areas[16];

	fx = mm_fixture_new(1, 256ull << 20);
	fx->machine.bits32 = true;
	fx->machine.vmalloc.start = 0xf7800000;
	fx->machine.vmalloc.size = 128 << 20;
	mm_fixture_boot(fx);
	for (int i = 0; i < 15; i++)
		cr_assert_eq(vmap_take(vm(), &req, &areas[i], &fx->meter), MM_DONE);
	cr_expect_eq(vmap_take(vm(), &req, &areas[15], &fx->meter), MM_FAILED);
	vmalloc_get_stats(vm(), &stats);
	cr_expect_eq(stats.failures, 1);
	cr_expect_eq(stats.holes, 1);
	cr_expect_eq(stats.largest_hole, stats.size - 15 * ((8 << 20) + PAGE));
	vmap_give(vm(), areas[3], 0, &fx->meter);
	cr_expect_eq(vmap_take(vm(), &req, &areas[3], &fx->meter), MM_DONE);
	cr_expect_eq(vmap_address(vm(), areas[3]), 0xf7800000 + 3 * ((8 << 20) + PAGE));
	vmalloc_get_stats(vm(), &stats);
	cr_expect_eq(stats.purges, 1);
	end();
}

/* An area of a saved state: claimed, and given pages that are in use. */
Test(vmalloc, a_claimed_area_gives_back_the_pages_that_it_was_given)
{
	struct page_request req = { .gfp = GFP_KERNEL, .node = -1 };
	pfn_t *pfns = malloc(3 * sizeof(*pfns));
	uint32_t area;

	boot(1);
	area = vmap_claim(vm(), V, V + 4 * PAGE, VMAP_VMALLOC);
	cr_assert_neq(area, VMAP_AREA_NONE);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(page_alloc_take(fx->mm.pages, &req, &pfns[i], &fx->meter), MM_DONE);
	vmalloc_own(vm(), area, pfns, 3);
	mm_fixture_check(fx);
	cr_expect_eq(vmalloc_pages(vm(), area), 3);
	pfn_t first = pfns[0];
	vmalloc_give(vm(), area, 0, &fx->meter);
	mm_fixture_check(fx);
	cr_expect_not(page_alloc_allocated(fx->mm.pages, first, 0));
	end();
}

/* The importer's rules for areas of the vmalloc space, of which recordings tell little: whose pages are whose. */
#include "tests/traces/import_lines.h"

Test(import_areas, pages_behind_a_vmalloc_area_are_freed_after_it)
{
	struct imported in = importing_text(
		LINE("vmalloc_range: (f) size=8192 align=1 gfp=0xcc0 flags=0x0 node=-1")
		LINE("alloc_pages_bulk: (f) gfp=0x2cc2 nid=0 nr=2 list=0x0 array=0xffff8880086ac740")
		LINE("alloc_pages_bulk_ret: (f <- g) n=2")
		LINE("mm_page_alloc: page=1 pfn=0x99 order=0 migratetype=0 gfp_flags=GFP_KERNEL|__GFP_ZERO")
		LINE("vmalloc_range_ret: (f <- g) addr=0xffffc90000110000") LINE("vfree: (f) addr=0xffffc90000110000")
		FREE_PAGE("0x77", "0") FREE_PAGE("0x78", "0") FREE_PAGE("0x79", "0"));

	cr_expect_eq(importing_event(&in, 0)->op.kind, KIND_ALLOC_PAGES_BULK);
	cr_expect_eq(importing_event(&in, 0)->op.origin, ORIGIN_VMALLOC);
	cr_expect_eq(importing_event(&in, 0)->op.flags, OP_BULK_MORE);
	cr_expect_eq(importing_event(&in, 2)->op.origin, ORIGIN_PAGE_TABLE);
	cr_expect_eq(importing_event(&in, 3)->op.kind, KIND_VMALLOC);
	cr_expect_eq(importing_event(&in, 3)->op.size, 8192);
	cr_expect_eq(importing_event(&in, 4)->op.kind, KIND_VFREE);
	cr_expect_eq(importing_event(&in, 4)->slot, importing_event(&in, 3)->slot);
	cr_expect_eq(importing_event(&in, 5)->slot, importing_event(&in, 0)->slot);
	cr_expect_eq(importing_event(&in, 6)->slot, importing_event(&in, 1)->slot);
	cr_expect_eq(in.meta.adopted, 1, "the third page was none of the area's");
	importing_end(&in);
}

#define ARRAY(ptr, bytes) LINE("kmalloc: call_site=__vmalloc_node_range+0x1ce ptr=" ptr " bytes_req=" bytes " bytes_alloc=" bytes \
	" gfp_flags=GFP_KERNEL|__GFP_ZERO node=-1")
#define AREA_PAGE(pfn) \
	LINE("mm_page_alloc: page=1 pfn=" pfn " order=0 migratetype=0 gfp_flags=GFP_KERNEL|__GFP_HIGHMEM|__GFP_NOWARN")

/*
 * From the kernel's 5.14 on, pages of vmalloc() have no events;
 * without probes only the array of pointers to them has one.
 */
Test(import_areas, an_area_whose_call_is_not_recorded_is_found_by_its_array_of_pages)
{
	struct imported in = importing_text(ARRAY("0xffff888001000040", "32") ALLOC(
		"0xffff888001000080") FREE_PAGE("0x30", "0") LINE("kfree: call_site=f+0x1 ptr=0xffff888001000080")
			FREE_PAGE("0x20", "0") FREE_PAGE("0x21", "0") FREE_PAGE("0x22", "0") FREE_PAGE("0x23", "0")
				LINE("kfree: call_site=vfree+0x1 ptr=0xffff888001000040"));

	cr_assert_eq(in.nr - in.nr_prologue, 1 + 4 + 1 + 1 + 2 + 4 + 2);
	cr_expect_eq(in.meta.adopted, 1, "the first page was none of the area's");
	for (size_t i = 1; i <= 4; i++) {
		cr_expect_eq(importing_event(&in, i)->op.kind, KIND_ALLOC_PAGES_BULK);
		cr_expect_eq(importing_event(&in, i)->op.origin, ORIGIN_STACK);
		cr_expect_eq(importing_event(&in, i + 8)->op.kind, KIND_FREE_PAGES);
		cr_expect_eq(importing_event(&in, i + 8)->slot, importing_event(&in, i)->slot);
	}
	cr_expect_eq(importing_event(&in, 5)->op.kind, KIND_VMALLOC);
	cr_expect_eq(importing_event(&in, 5)->op.size, 16384);
	cr_expect_eq(importing_event(&in, 5)->op.align, 16384, "a kernel stack");
	cr_expect_eq(importing_event(&in, 5)->op.gfp, GFP_KERNEL);
	cr_expect_eq(importing_event(&in, 5)->where, 0, "nothing tells its address");
	cr_expect_eq(importing_event(&in, 13)->op.kind, KIND_VFREE);
	cr_expect_eq(importing_event(&in, 13)->slot, importing_event(&in, 5)->slot);
	cr_expect_eq(importing_event(&in, 14)->op.kind, KIND_KFREE);
	cr_expect_eq(importing_count(&in.meta.repaired, "vmalloc whose call is not recorded"), 1);
	importing_end(&in);
}

#define DESCRIPTOR                                                                                                                         \
	LINE("kmalloc: call_site=__get_vm_area_node+0x7b ptr=0xffff888001000100 bytes_req=64 bytes_alloc=64 gfp_flags=GFP_KERNEL node=-1") \
	LINE("kmem_cache_alloc: call_site=alloc_vmap_area+0x9d ptr=0xffff888001000200 bytes_req=64 bytes_alloc=64 gfp_flags=GFP_KERNEL node=-1 accounted=false")
#define AREA_PAGES 1024u /* what an array of two pages points to */

/*
 * An array of more than a page of pointers is an area of its own, begun right behind the outer one:
 * bpf_prog_pack_alloc() takes 2 MiB for each node. On a machine of two nodes the array's two pages are taken one by
 * one, with events.
 */
Test(import_areas, an_area_is_found_by_the_array_of_its_array)
{
	struct imported in = importing_text(DESCRIPTOR DESCRIPTOR ARRAY("0xffff888001000000", "16") AREA_PAGE("0x20")
		AREA_PAGE("0x30") PAGE("0x21", "0"));
	size_t first = 4 + 1 + 2;

	cr_assert_eq(in.nr - in.nr_prologue, first + AREA_PAGES + 1 + 1);
	cr_expect_eq(importing_event(&in, 5)->op.origin, ORIGIN_VMALLOC);
	cr_expect_eq(importing_event(&in, 6)->op.origin, ORIGIN_VMALLOC);
	for (size_t i = 0; i < AREA_PAGES; i++)
		cr_assert_eq(importing_event(&in, first + i)->op.kind, KIND_ALLOC_PAGES_BULK);
	cr_expect_eq(importing_event(&in, first + AREA_PAGES)->op.kind, KIND_VMALLOC);
	cr_expect_eq(importing_event(&in, first + AREA_PAGES)->op.size, AREA_PAGES * 4096);
	importing_end(&in);
}

/* Without events the array's own two pages are part of the call, and of what is freed. */
Test(import_areas, the_array_of_an_array_goes_with_its_area)
{
	struct imported in = importing_text(
		DESCRIPTOR DESCRIPTOR ARRAY("0xffff888001000000", "16") PAGE("0x21", "0") FREE_PAGE("0x40", "0")
			FREE_PAGE("0x41", "0") LINE("kfree: call_site=vfree+0x1 ptr=0xffff888001000000"));

	cr_assert_eq(in.nr - in.nr_prologue, 4 + 1 + 2 + AREA_PAGES + 1 + 1 + 2 + 2);
	cr_expect_eq(in.meta.adopted, 0, "the freed pages were the area's");
	importing_end(&in);
}

/* What is allocated between the two shows that the first area was another call's, such as that of ioremap(). */
Test(import_areas, areas_one_after_the_other_are_no_array_and_its_area)
{
	struct imported in = importing_text(
		DESCRIPTOR ALLOC("0xffff888001000080") DESCRIPTOR ARRAY("0xffff888001000000", "16") PAGE("0x21", "0"));

	cr_assert_eq(in.nr - in.nr_prologue, 5 + 1 + 2 + 1 + 1);
	importing_end(&in);
}

/*
 * vm_area_alloc_pages() takes 100 at a time; a bulk call for
 * a single page is an ordinary allocation, with its event.
 */
Test(import_areas, the_last_page_of_an_area_may_have_an_event_of_its_own)
{
	struct imported in = importing_text(ARRAY("0xffff888001000000", "808") AREA_PAGE("0x20") PAGE("0x21", "0"));

	cr_assert_eq(in.nr - in.nr_prologue, 1 + 100 + 1 + 2);
	cr_expect_eq(importing_event(&in, 100)->op.kind, KIND_ALLOC_PAGES_BULK);
	cr_expect_eq(importing_event(&in, 101)->op.size, 101 * 4096);
	cr_expect_eq(importing_event(&in, 102)->op.origin, ORIGIN_VMALLOC);
	cr_expect_eq(importing_event(&in, 103)->op.origin, ORIGIN_DIRECT, "the next one is somebody else's");
	importing_end(&in);
}

Test(import_areas, where_the_pages_of_areas_have_events_no_area_is_made_up)
{
	struct imported in = importing_text(ARRAY("0xffff888001000000", "32") AREA_PAGE("0x20") AREA_PAGE("0x21")
			AREA_PAGE("0x22") AREA_PAGE("0x23") ALLOC("0xffff888001000080"));

	cr_assert_eq(in.nr - in.nr_prologue, 6);
	cr_expect_eq(importing_count(&in.meta.repaired, "vmalloc whose call is not recorded"), 0);
	importing_end(&in);
}

/* As at boot, before the probes are on. An area of unknown address would push the others from their places. */
Test(import_areas, where_other_areas_are_recorded_one_that_is_not_has_its_pages_alone)
{
	struct imported in = importing_text(ARRAY("0xffff888001000000", "32") ALLOC("0xffff888001000080")
		LINE("vmalloc_range: (f) size=8192 align=1 gfp=0xcc0 flags=0x0 node=-1")
		LINE("vmalloc_range_ret: (f <- g) addr=0xffffc90000110000")
		FREE_PAGE("0x20", "0") LINE("kfree: call_site=vfree+0x1 ptr=0xffff888001000000"));

	cr_assert_eq(in.nr - in.nr_prologue, 1 + 4 + 1 + 1 + 1 + 1);
	cr_expect_eq(importing_event(&in, 1)->op.kind, KIND_ALLOC_PAGES_BULK);
	cr_expect_eq(importing_event(&in, 1)->op.origin, ORIGIN_DIRECT);
	cr_expect_eq(importing_event(&in, 6)->op.kind, KIND_VMALLOC);
	cr_expect_eq(importing_event(&in, 7)->op.kind, KIND_FREE_PAGES);
	cr_expect_eq(importing_event(&in, 7)->slot, importing_event(&in, 1)->slot);
	cr_expect_eq(importing_event(&in, 7)->op.origin, ORIGIN_DIRECT);
	importing_end(&in);
}

Test(import_areas, the_first_area_of_swapon_is_the_map_of_a_device)
{
	struct imported in = importing_text(LINE(
		"kmalloc: call_site=__do_sys_swapon+0x7e ptr=0x40 bytes_req=328 bytes_alloc=512 gfp_flags=GFP_KERNEL|__GFP_ZERO node=-1") "other-2 [000] 1.000000000: vmalloc_range: (f) size=4096 align=1 gfp=0xdc0 flags=0x0 node=-1\n"
																	  "other-2 [000] 1.000000000: vmalloc_range_ret: (f <- g) addr=0xffffc90000100000\n" LINE(
																		  "vmalloc_range: (f) size=40960 align=1 gfp=0xdc0 flags=0x0 node=-1")
																		  LINE("vmalloc_range_ret: (f <- g) addr=0xffffc90000110000")
																			  LINE("vmalloc_range: (f) size=160 align=1 gfp=0xdc0 flags=0x0 node=-1")
																				  LINE("vmalloc_range_ret: (f <- g) addr=0xffffc90000120000")
																					  LINE("vfree: (f) addr=0xffffc90000110000"));

	cr_expect_eq(importing_event(&in, 1)->op.origin, ORIGIN_DIRECT, "of another task");
	cr_expect_eq(importing_event(&in, 2)->op.origin, ORIGIN_SWAP_MAP);
	cr_expect_eq(importing_event(&in, 2)->op.size, 40960, "a byte for each page");
	cr_expect_eq(importing_event(&in, 3)->op.origin, ORIGIN_DIRECT, "of its control groups");
	cr_expect_eq(importing_event(&in, 4)->op.kind, KIND_VFREE);
	cr_expect_eq(importing_event(&in, 4)->op.origin, ORIGIN_SWAP_MAP);
	importing_end(&in);
}

/*
 * The importer's rules, each on a recording of a few lines. Those of
 * slab objects: test_import_objects.c, of areas: test_import_areas.c.
 */
#include <zlib.h>

#include "tests/traces/import_lines.h"

Test(import_rules, an_event_keeps_what_was_recorded)
{
	struct imported in = importing_text(
		"  kworker/0:1-17  [003] d.h1.  2.000000017: kmalloc: call_site=alloc_it+0x32/0x110 [mod] "
		"ptr=ffff888006e40960 bytes_req=88 bytes_alloc=96 gfp_flags=GFP_KERNEL|__GFP_ZERO node=1 accounted=false\n");
	const struct imported_event *event = importing_event(&in, 0);

	cr_expect_eq(event->time_ns, 2000000017);
	cr_expect_eq(event->op.kind, KIND_KMALLOC);
	cr_expect_eq(event->op.size, 88);
	cr_expect_eq(event->op.size_alloc, 96);
	cr_expect_eq(event->op.gfp, GFP_KERNEL | GFP_BIT_ZERO);
	cr_expect_eq(event->op.node, 1);
	cr_expect_eq(event->op.ctx, CTX_PROCESS, "a recorded context is kept aside");
	cr_expect_eq(event->ctx, CTX_HARDIRQ | CTX_IRQS_OFF | CTX_PREEMPT_OFF);
	cr_expect_eq(event->where, 0xffff888006e40960);
	cr_expect_str_eq(event->call_site, "alloc_it+0x32");
	cr_expect_eq(event->who.cpu, 3);
	cr_expect_eq(event->who.pid, 17);
	cr_expect_str_eq(event->comm, "kworker/0:1");
	cr_expect_eq(in.meta.cpus, 4);
	importing_end(&in);
}

/* Of a newer kernel, or of one with patches. */
Test(import_rules, a_flag_of_an_unknown_name_costs_no_allocation)
{
	struct imported in = importing_text(
		LINE("kmalloc: call_site=f+0x1 ptr=0x10 bytes_req=60 bytes_alloc=64 gfp_flags=GFP_KERNEL|__GFP_NEVER_HEARD node=-1") LINE(
			"kmalloc: call_site=f+0x1 ptr=0x20 bytes_req=60 bytes_alloc=64 gfp_flags=GFP_KERNEL|__GFP_NEVER_HEARD node=-1")
			LINE("kmalloc: call_site=f+0x1 ptr=0x30 bytes_req=60 bytes_alloc=64 gfp_flags=__GFP_A|GFP_NOWAIT|__GFP_B node=-1")
				LINE("kmalloc: call_site=f+0x1 ptr=0x40 bytes_req=60 bytes_alloc=64 gfp_flags=GFP_KERNEL|__gfp node=-1"));

	cr_expect_eq(in.nr, 3);
	cr_expect_eq(importing_event(&in, 1)->op.gfp, GFP_KERNEL);
	cr_expect_eq(importing_event(&in, 2)->op.gfp, GFP_NOWAIT);
	cr_expect_eq(importing_count(&in.meta.repaired, "gfp flag of an unknown name, left out: __GFP_NEVER_HEARD"), 2);
	cr_expect_eq(importing_count(&in.meta.repaired, "gfp flag of an unknown name, left out: __GFP_A|__GFP_B"), 1);
	cr_expect_eq(importing_count(&in.meta.unusable, "kmalloc: gfp_flags= is not understood"), 1);
	importing_end(&in);
}

/* Behind the last field that is known. */
Test(import_rules, a_value_without_a_name_is_of_no_field)
{
	struct imported in = importing_text(LINE("kfree: ptr=0xffff888006e40960 =0x55")
		LINE("kfree: call_site=f+0x1 ptr=0xffff888006e40980"));

	cr_expect_eq(importing_event(&in, 0)->time_ns, 1000000000);
	cr_expect_eq(importing_event(&in, 1)->time_ns, 1000000000);
	cr_expect_eq(in.meta.unusable.nr, 0);
	importing_end(&in);
}

Test(import_rules, every_line_of_a_cpu_counts_for_the_entries_of_its_events)
{
	struct imported in = importing_text(LINE("mm_vmscan_kswapd_sleep: nid=0") LINE("kfree: call_site=f+0x1 ptr=0x0")
		"init-1 [001] 1.000000000: kfree: call_site=f+0x1 ptr=0x0\n"
		"init-1 [000] 1.000000000: [UNKNOWN EVENT]\n" LINE("never_heard_of: x=1") LINE("kfree: call_site=f+0x1 ptr=0x0"));

	cr_expect_eq(importing_event(&in, 0)->entry, 2);
	cr_expect_eq(importing_event(&in, 1)->entry, 1);
	cr_expect_eq(importing_event(&in, 1)->who.cpu, 1);
	cr_expect_eq(importing_event(&in, 2)->entry, 5);
	importing_end(&in);
}

#define BY(comm, irq, event) comm " [000] " irq " 1.000000000: " event "\n"
#define FREED(comm, irq, pfn) BY(comm, irq, "mm_page_free: page=0x1 pfn=" pfn " order=0")

/*
 * Whose frees are reclaim's, or give back what compaction has
 * moved: those of its daemons, and of tasks between begin and end.
 */
Test(import_rules, frees_of_reclaim_and_compaction_are_marked)
{
	static const bool marked[] = { true, true, false, false, true, true, false };
	struct imported in = importing_text(PAGE("0x20", "0") PAGE("0x21", "0") PAGE("0x22", "0") PAGE("0x23",
		"0") PAGE("0x24", "0") PAGE("0x25", "0") PAGE("0x26", "0") FREED("kswapd0-39", ".....",
		"0x20") FREED("kcompactd0-38", ".....", "0x21") FREED("kswapd0-39", "..s..", "0x22") FREED("init-1",
		".....", "0x23") LINE("mm_vmscan_direct_reclaim_begin: order=0 gfp_flags=GFP_KERNEL") FREED("init-1",
		".....", "0x24") LINE("mm_vmscan_direct_reclaim_end: nr_reclaimed=1")
			LINE("mm_compaction_begin: zone_start=0x1 migrate_pfn=0x1 free_pfn=0x1 zone_end=0x9, mode=sync")
				FREED("init-1", ".....", "0x25") LINE(
					"mm_compaction_end: zone_start=0x1 migrate_pfn=0x1 free_pfn=0x1 zone_end=0x9, mode=sync "
					"status=success") FREED("init-1", ".....", "0x26"));

	cr_expect_eq(in.nr_prologue, 0);
	for (size_t i = 0; i < 7; i++) {
		cr_expect_eq(importing_event(&in, 7 + i)->where, 0x20 + i);
		cr_expect_eq(importing_event(&in, 7 + i)->op.flags, marked[i] ? OP_RECLAIM : 0, "free %zu", i);
	}
	importing_end(&in);
}

/* Of a recording that lost the end, else a task would reclaim for ever. */
Test(import_rules, who_gets_a_page_of_users_is_not_in_reclaim)
{
	struct imported in = importing_text(
		PAGE("0x20", "0") LINE("mm_vmscan_direct_reclaim_begin: order=0 gfp_flags=GFP_KERNEL")
			LINE("mm_page_alloc: page=0x1 pfn=0x21 order=0 migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE")
				FREED("init-1", ".....", "0x20"));

	cr_expect_eq(importing_event(&in, 2)->where, 0x20);
	cr_expect_eq(importing_event(&in, 2)->op.flags, 0);
	importing_end(&in);
}

/* Compaction fills free pages without an event: when reclaim frees one, that is all there is of it. */
Test(import_rules, a_page_that_only_reclaim_frees_is_marked_in_the_prologue)
{
	struct imported in = importing_text(FREED("kswapd0-39", ".....", "0x20") FREED("init-1", ".....", "0x21"));

	cr_assert_eq(in.nr_prologue, 2);
	cr_expect_eq(in.events[0].op.kind, KIND_ALLOC_PAGES);
	cr_expect_eq(in.events[0].where, 0x20);
	cr_expect(in.events[0].op.flags & OP_RECLAIM);
	cr_expect_eq(in.events[1].where, 0x21);
	cr_expect(!(in.events[1].op.flags & OP_RECLAIM));
	importing_end(&in);
}

/*
 * As many pages at unknown frames are what compaction has moved
 * as it was seen to move; others are older than the recording.
 */
Test(import_rules, what_compaction_has_moved_its_owner_frees_elsewhere)
{
	struct imported in = importing_text(PAGE("0x20", "0") FREED("init-1", ".....", "0x30")
			FREED("kcompactd0-38", ".....", "0x20") FREED("kcompactd0-38", ".....", "0x99")
				FREED("init-1", ".....", "0x31") FREED("init-1", ".....", "0x32"));

	cr_assert_eq(in.nr_prologue, 4);
	cr_expect_eq(in.events[0].op.flags & OP_RECLAIM, 0, "before anything was moved");
	cr_expect(in.events[1].op.flags & OP_RECLAIM, "compaction gives back a page that it has not used");
	cr_expect(in.events[2].op.flags & OP_RECLAIM, "where the page is now");
	cr_expect_eq(in.events[3].op.flags & OP_RECLAIM, 0, "one was moved");
	importing_end(&in);
}

#define TAKEN(irq) "init-1 [000] " irq " 1.000000000: mm_page_alloc_zone_locked: page=0x1 pfn=0x9 order=0 migratetype=0 " \
	"percpu_refill=1\n"
#define DRAINED LINE("mm_page_pcpu_drain: page=0x1 pfn=0x9 order=0 migratetype=0")

Test(import_rules, blocks_moved_belong_to_the_allocation_behind_them_and_the_free_before_them)
{
	struct imported in = importing_text(TAKEN(".....") TAKEN(".....") TAKEN(
		"..H..") "init-1 [000] ..H.. 1.000000000: mm_page_alloc: page=0x1 pfn=0x30 order=0 gfp_flags=GFP_ATOMIC\n"
			 "init-1 [000] ..... 1.000000000: mm_page_alloc: page=0x1 pfn=0x20 order=0 gfp_flags=GFP_KERNEL\n" DRAINED
				 FREE_PAGE("0x20", "0") DRAINED DRAINED LINE("kfree: call_site=f+0x1 ptr=0x0")
					 DRAINED FREE_PAGE("0x30", "0") FREE_PAGE("0x40", "1") DRAINED);

	cr_expect_eq(importing_event(&in, 0)->moved, 1, "the interrupt's");
	cr_expect_eq(importing_event(&in, 1)->moved, 2);
	cr_expect_eq(importing_event(&in, 2)->moved, 3);
	cr_expect_eq(importing_event(&in, 4)->moved, 0);
	cr_expect_eq(importing_event(&in, 5)->moved, 1, "known at the end only");
	cr_expect_eq(in.meta.lines, 14, "what is told of drains is no line");
	importing_end(&in);
}

Test(import_rules, a_block_older_than_the_recording_carries_its_page_frame)
{
	struct imported in = importing_text(FREE_PAGE("0x40", "1"));

	cr_assert_eq(in.nr_prologue, 1);
	cr_expect_eq(in.events[0].op.kind, KIND_ALLOC_PAGES);
	cr_expect_eq(in.events[0].op.arg[0], 0x40);
	cr_expect_eq(in.events[0].where, 0x40);
	importing_end(&in);
}

Test(import_rules, a_block_is_freed_in_parts_until_nothing_is_left)
{
	struct imported in = importing_text(PAGE("0x40", "2") FREE_PAGE("0x42", "1") FREE_PAGE("0x40", "0")
			FREE_PAGE("0x41", "0") PAGE("0x40", "2") FREE_PAGE("0x40", "2"));
	const struct imported_event *part = importing_event(&in, 1);

	cr_expect_eq(part->op.flags, OP_PART);
	cr_expect_eq(part->op.arg[1], 2);
	cr_expect_eq(part->op.order, 1);
	cr_expect_eq(importing_event(&in, 2)->op.flags, OP_PART);
	cr_expect_eq(importing_event(&in, 3)->op.flags, OP_PART | OP_LAST);
	cr_expect_eq(importing_event(&in, 3)->op.arg[1], 1);
	cr_expect_eq(importing_event(&in, 4)->op.flags, 0, "the block was free");
	cr_expect_eq(importing_event(&in, 5)->op.flags, 0, "a whole block");
	cr_expect_eq(in.meta.adopted, 0);
	importing_end(&in);
}

Test(import_rules, a_free_over_several_blocks_is_split_and_unknown_pages_are_adopted)
{
	struct imported in = importing_text(PAGE("0x41", "0") FREE_PAGE("0x40", "2"));

	/* 0x40 adopted, 0x41 known, 0x42 and 0x43 adopted as one block. */
	cr_assert_eq(in.nr - in.nr_prologue, 4);
	cr_expect_eq(in.meta.adopted, 2);
	cr_expect_eq(importing_event(&in, 2)->slot, importing_event(&in, 0)->slot);
	cr_expect_eq(importing_event(&in, 3)->op.order, 1);
	cr_expect_eq(importing_event(&in, 3)->op.flags, OP_SYNTHETIC);
	cr_expect_eq(importing_count(&in.meta.repaired, "free of pages of several blocks"), 1);
	importing_end(&in);
}

Test(import_rules, calls_nest_by_task_and_a_missed_return_does_not_disturb_the_others)
{
	struct imported in = importing_text(
		"a-1 [000] 1.0: vmalloc_range: (f) size=16384 align=16384 gfp=0xdc0 flags=0x0 node=-1\n"
		"b-2 [001] 1.1: ioremap: (f) phys=0xfed00000 size=1024 pcm=2\n"
		"a-1 [000] 1.2: alloc_pages_bulk: (f) gfp=0x2cc2 nid=0 nr=2 list=0x0 array=0x1\n"
		"a-1 [000] 1.3: mm_page_alloc: page=1 pfn=0x98 order=0 migratetype=0 gfp_flags=GFP_KERNEL|__GFP_HIGHMEM|__GFP_NOWARN\n"
		"b-2 [001] 1.4: mm_page_alloc: page=1 pfn=0x99 order=0 migratetype=0 gfp_flags=GFP_KERNEL\n"
		"a-1 [000] 1.5: vmalloc_range_ret: (f <- g) addr=0xffffc90000110000\n"
		"b-2 [001] 1.6: ioremap_ret: (f <- g) addr=0xffffc90000045000\n"
		"a-1 [000] 1.7: vmalloc_range_ret: (f <- g) addr=0xffffc90000120000\n");

	cr_expect_eq(importing_event(&in, 0)->op.origin, ORIGIN_STACK);
	cr_expect_eq(importing_event(&in, 1)->op.origin, ORIGIN_PAGE_TABLE);
	cr_expect_eq(importing_event(&in, 2)->op.kind, KIND_VMALLOC);
	cr_expect_eq(importing_event(&in, 3)->op.kind, KIND_IOREMAP);
	cr_expect_eq(importing_event(&in, 3)->op.arg[0], 0xfed00000);
	cr_expect_eq(importing_event(&in, 3)->op.arg[1], CACHE_MODE_UC);
	cr_expect_eq(importing_count(&in.meta.ignored, "call whose return was not recorded"), 1);
	cr_expect_eq(importing_count(&in.meta.ignored, "*_ret: its entry was not recorded"), 1);
	importing_end(&in);
}

Test(import_rules, regions_are_ports_unless_their_parent_is_larger_than_the_ports)
{
	struct imported in = importing_text(
		LINE("request_region: (f) parent=0xffffffff82a4fca0 start=0x600 n=0x4 name=\"ACPI PM1a_EVT_BLK\"")
		LINE("request_region_ret: (f <- g) res=0xffff8880084d0a40")
		LINE("request_region: (f) parent=0xffffffff82a4fd00 start=0x100 n=0x4 name=\"low\"")
		LINE("request_region_ret: (f <- g) res=0x0")
		LINE("request_region: (f) parent=0xffffffff82a4fd00 start=0xfed00000 n=0x400 name=\"hpet\"")
		LINE("request_region_ret: (f <- g) res=0xffff8880084d0a80")
		LINE("release_region: (f) parent=0xffffffff82a4fca0 start=0x2f8 n=0x0"));

	cr_expect_eq(importing_event(&in, 0)->op.kind, KIND_REQUEST_REGION);
	cr_expect_eq(importing_event(&in, 0)->op.arg[0], 0x600);
	cr_expect_eq(importing_event(&in, 0)->op.size, 4);
	cr_expect_str_eq(importing_event(&in, 0)->name, "ACPI PM1a_EVT_BLK");
	cr_expect_eq(importing_event(&in, 1)->op.kind, KIND_REQUEST_MEM_REGION);
	cr_expect_eq(importing_event(&in, 1)->op.flags, OP_FAILED);
	cr_expect_eq(importing_event(&in, 2)->op.kind, KIND_REQUEST_MEM_REGION);
	cr_expect_eq(importing_event(&in, 3)->op.kind, KIND_RELEASE_REGION);
	cr_expect_eq(importing_count(&in.meta.repaired, "region without its size"), 1);
	importing_end(&in);
}

/* __request_region() serves trees of their own, too, such as one for each memory target of ACPI's HMAT. */
Test(import_rules, regions_in_a_tree_of_the_callers_own_claim_no_addresses)
{
	struct imported in = importing_text(
		LINE("request_region: (f) parent=0xffff888019630498 start=0x0 n=0xa0000 name=\"memory target\"")
		LINE("request_region_ret: (f <- g) res=0xffff8880084d0a40")
		LINE("request_region: (f) parent=0xffffffff82a4fd00 start=0x100 n=0x4 name=\"low\"")
		LINE("request_region_ret: (f <- g) res=0xffff8880084d0a60")
		LINE("request_region: (f) parent=0xffffffff82a4fca0 start=0xfed00000 n=0x400 name=\"hpet\"")
		LINE("request_region_ret: (f <- g) res=0xffff8880084d0a80")
		LINE("release_region: (f) parent=0xffffffff82a4fca0 start=0xfed00000 n=0x400")
		LINE("release_region: (f) parent=0xffff888019630498 start=0x0 n=0xa0000"));

	cr_expect_eq(in.nr - in.nr_prologue, 3);
	cr_expect_str_eq(importing_event(&in, 0)->name, "low");
	cr_expect_eq(importing_event(&in, 0)->op.kind, KIND_REQUEST_REGION);
	cr_expect_eq(importing_event(&in, 1)->op.kind, KIND_REQUEST_MEM_REGION);
	cr_expect_eq(importing_event(&in, 2)->op.kind, KIND_RELEASE_MEM_REGION);
	cr_expect_eq(importing_count(&in.meta.ignored, "__request_region, __release_region: in a tree"), 2);
	importing_end(&in);
}

Test(import_rules, mempools_are_numbered_and_say_what_backs_them)
{
	struct imported in = importing_text(
		LINE("mempool_init_node: (f) pool=0xffff888000000100 min_nr=4 alloc_fn=0x1 pool_data=0x2 gfp=0xcc0") LINE(
			"mempool_init_node: (f) pool=0xffff888000000200 min_nr=8 alloc_fn=0x1 pool_data=0x80 gfp=0xcc0")
			LINE("mempool_alloc: (f) pool=0xffff888000000200 gfp=0xc00") CACHE_ALLOC("mempool_alloc+0x5c",
				"0xffff88800767cf00",
				SIZES_192) LINE("mempool_alloc_ret: (f <- g) ptr=0xffff88800767cf00")
				LINE("mempool_free: (f) ptr=0xffff88800767cf00 pool=0xffff888000000200")
					LINE("mempool_resize: (f) pool=0xffff888000000200 new_min_nr=16")
						LINE("mempool_destroy: (f) pool=0xffff888000000200")
							LINE("mempool_exit: (f) pool=0xffff888000000200") LINE(
								"mempool_alloc: (f) pool=0xffff888000000300 gfp=0xc00")
								LINE("mempool_alloc_ret: (f <- g) ptr=0x0"));

	cr_expect_eq(importing_event(&in, 0)->op.arg[1], BACKING_PAGE);
	cr_expect_eq(importing_event(&in, 0)->op.order, 2);
	cr_expect_eq(importing_event(&in, 1)->op.arg[1], BACKING_KMALLOC);
	cr_expect_eq(importing_event(&in, 1)->op.size, 128);
	cr_expect_eq(importing_event(&in, 1)->op.arg[0], 8);
	cr_expect_eq(importing_event(&in, 2)->op.origin, ORIGIN_MEMPOOL, "the element's object");
	cr_expect_eq(importing_event(&in, 3)->op.kind, KIND_MEMPOOL_ALLOC);
	cr_expect_str_eq(importing_event(&in, 3)->name, "mempool-2");
	cr_expect_eq(importing_event(&in, 4)->slot, importing_event(&in, 3)->slot);
	cr_expect_eq(importing_event(&in, 5)->op.kind, KIND_MEMPOOL_RESIZE);
	cr_expect_eq(importing_event(&in, 6)->op.kind, KIND_MEMPOOL_DESTROY);
	cr_expect_eq(importing_event(&in, 7)->op.flags, OP_FAILED);
	cr_expect_eq(importing_count(&in.meta.repaired, "mempool older than the trace"), 1);
	importing_end(&in);
}

Test(import_rules, lost_events_are_counted_in_each_way_that_tools_say_it)
{
	struct imported in = importing_text("# tracer: nop\n# entries-in-buffer/entries-written: 90/100   #P:4\n"
		"CPU:2 [LOST 17 EVENTS]\nCPU:0 [3 EVENTS DROPPED]\nCPU:1 [EVENTS DROPPED]\nCPU:1 [LOST EVENTS]\n" ALLOC("0xffff888000001000"));

	cr_expect_eq(in.meta.lost, 10 + 17 + 3 + 1 + 1);
	cr_expect_eq(in.meta.cpus, 4);
	cr_expect_eq(trace_counts_total(&in.meta.unusable), 0);
	importing_end(&in);
}

Test(import_rules, cpus_that_recorded_nothing_are_no_events)
{
	struct imported in = importing_text("CPU 1 is empty\nCPU 12 is empty\ncpus=16\n" ALLOC("0xffff888000001000"));

	cr_expect_str_eq(in.meta.tool, "trace-cmd");
	cr_expect_eq(in.meta.lines, 1);
	cr_expect_eq(in.meta.cpus, 16);
	cr_expect_eq(trace_counts_total(&in.meta.unusable), 0);
	importing_end(&in);
}

Test(import_rules, a_time_behind_the_one_before_is_raised_and_counted)
{
	struct imported in = importing_text("a-1 [000] 5.000000: kfree: call_site=f+0x1 ptr=0x0\n"
		"a-1 [001] 4.999999: kfree: call_site=f+0x1 ptr=0x0\n");

	cr_expect_eq(importing_event(&in, 1)->time_ns, 5000000000);
	cr_expect_eq(importing_count(&in.meta.repaired, "time before"), 1);
	importing_end(&in);
}

/* One CPU's file behind the other's: no clocks are that far apart, and the trace is not what happened. */
Test(import_rules, times_far_behind_are_counted_by_themselves)
{
	struct imported in = importing_text("a-1 [000] 5.000000: kfree: call_site=f+0x1 ptr=0x0\n"
		"a-1 [000] 9.000000: kfree: call_site=f+0x1 ptr=0x0\n"
		"a-1 [001] 8.000000: kfree: call_site=f+0x1 ptr=0x0\n"
		"a-1 [001] 7.999999: kfree: call_site=f+0x1 ptr=0x0\n");

	cr_expect_eq(importing_event(&in, 3)->time_ns, 9000000000);
	cr_expect_eq(trace_counts_of(&in.meta.repaired, TRACE_REASON_FAR_LATE), 1);
	cr_expect_eq(trace_counts_total(&in.meta.repaired), 2);
	importing_end(&in);
}

Test(import_rules, lines_are_ignored_or_unusable_for_a_reason_that_is_counted)
{
	static const char text[] = LINE("mm_page_free_batched: page=0x1 pfn=0x85c6 order=0") LINE(
		"sched_switch: prev=1") LINE("kmalloc: call_site=f+0x1 bytes_req=60 bytes_alloc=64 gfp_flags=GFP_KERNEL")
		LINE("kmalloc: call_site=f+0x1 ptr=0x1 bytes_req=6x bytes_alloc=64 gfp_flags=GFP_KERNEL") LINE(
			"kmalloc: call_site=f+0x1 ptr=0x1 bytes_req=6 bytes_alloc=64 gfp_flags=GFP_SHRUBBERY")
			LINE("kmalloc: call_site=f+0x1 ptr=0x1 bytes_req=6 bytes_alloc=64 gfp_flags=")
				LINE("mm_page_alloc: page=1 pfn=0x10 order=99 migratetype=0 gfp_flags=GFP_KERNEL") "nonsense\n" ALLOC(
					"0x10");
	const struct import_options strict = { .strict = true };
	struct imported in = importing_text(text);
	struct err err = { 0 };
	char path[64];
	const char *source = path;

	cr_expect_eq(in.meta.lines, 9);
	cr_expect_eq(in.meta.events, 1);
	cr_expect_eq(importing_count(&in.meta.ignored, "mm_page_free_batched: reported twice"), 1);
	cr_expect_eq(importing_count(&in.meta.ignored, "unknown event sched_switch"), 1);
	cr_expect_eq(importing_count(&in.meta.unusable, "kmalloc: ptr= is missing"), 1);
	cr_expect_eq(importing_count(&in.meta.unusable, "kmalloc: bytes_req= is not understood"), 1);
	cr_expect_eq(importing_count(&in.meta.unusable, "kmalloc: gfp_flags= is not understood"), 2);
	cr_expect_eq(importing_count(&in.meta.unusable, "mm_page_alloc: order= is not understood"), 1);
	cr_expect_eq(importing_count(&in.meta.unusable, "line is not an event"), 1);
	importing_end(&in);

	importing_file(path, text, sizeof(text) - 1);
	cr_expect_eq(importing_files(&in, &source, 1, &strict, &err), -(int)ERR_TRACE);
	cr_expect(strstr(err.text, "line 3: kmalloc: ptr= is missing"), "%s", err.text);
	cr_expect_neq(access(in.path, F_OK), 0, "nothing may appear under the output's name");
	unlink(path);
}

Test(import_rules, old_kernels_forms_are_read)
{
	struct imported in = importing_text(LINE(
		"kmalloc_node: call_site=ffffffff81234567 ptr=ffff880012345678 bytes_req=60 bytes_alloc=64 gfp_flags=GFP_KERNEL|GFP_ZERO node=1")
			LINE("kmem_cache_alloc: call_site=ffffffff81234567 ptr=ffff880012345000 bytes_req=184 bytes_alloc=192 gfp_flags=GFP_KERNEL")
				LINE("kmem_cache_free: call_site=ffffffff81234567 ptr=ffff880012345000") LINE(
					"mm_page_alloc: page=ffffea0000000000 pfn=28324 order=0 migratetype=0 gfp_flags=GFP_KERNEL|GFP_REPEAT")
					LINE("kfree: call_site=ffffffff81234567 ptr=          (null)") LINE(
						"kmalloc: call_site=ffffffff81234567 ptr=          (null) bytes_req=60 bytes_alloc=64 gfp_flags=GFP_KERNEL"));

	cr_expect_eq(trace_counts_total(&in.meta.unusable), 0);
	cr_expect_eq(importing_event(&in, 0)->op.node, 1);
	cr_expect_str_eq(importing_event(&in, 1)->name, "size-184-192");
	cr_expect_eq(importing_event(&in, 2)->slot, importing_event(&in, 1)->slot);
	cr_expect_eq(importing_event(&in, 3)->where, 28324);
	cr_expect_eq(importing_event(&in, 4)->op.flags, OP_NULL);
	cr_expect_eq(importing_event(&in, 5)->op.flags, OP_FAILED);
	cr_expect_eq(importing_event(&in, 5)->op.size, 60);
	importing_end(&in);
}

Test(import_rules, markers_keep_their_text_whichever_tool_prints_them)
{
	struct imported in =
		importing_text(LINE("print:                tracing_mark_write: SNAPSHOT part: sysfs slab table")
				LINE("tracing_mark_write: INIT starts")
					LINE("print:                 ip=tracing_mark_write buf=SNAPSHOT part: buf=2"));

	cr_expect_str_eq(importing_event(&in, 2)->name, "SNAPSHOT part: buf=2");
	cr_expect_eq(importing_event(&in, 0)->op.kind, KIND_MARKER);
	cr_expect_str_eq(importing_event(&in, 0)->name, "SNAPSHOT part: sysfs slab table");
	cr_expect_str_eq(importing_event(&in, 1)->name, "INIT starts");
	importing_end(&in);
}

Test(import_rules, per_cpu_objects_live_by_their_offset)
{
	struct imported in = importing_text(LINE(
		"percpu_alloc_percpu: call_site=f+0x1 reserved=1 is_atomic=0 size=32 align=16 base_addr=0xffff88800f036000 "
		"off=6448 ptr=0x37930 bytes_alloc=96 gfp_flags=GFP_KERNEL")
			LINE("percpu_free_percpu: base_addr=0xffff88800f036000 off=6448 ptr=0x37930")
				LINE("percpu_alloc_percpu_fail: reserved=0 is_atomic=1 size=32 align=16"));

	cr_expect_eq(importing_event(&in, 0)->op.flags, OP_RESERVED);
	cr_expect_eq(importing_event(&in, 0)->op.align, 16);
	cr_expect_eq(importing_event(&in, 1)->slot, importing_event(&in, 0)->slot);
	cr_expect_eq(importing_event(&in, 2)->op.flags, OP_FAILED);
	importing_end(&in);
}

Test(import_rules, per_cpu_objects_of_old_kernels_are_allocated_as_their_caller_could_sleep)
{
	struct imported in = importing_text(LINE(
		"percpu_alloc_percpu: reserved=0 is_atomic=0 size=32 align=16 base_addr=00000000d0f03600 off=64 ptr=0000000000037930")
			LINE("percpu_alloc_percpu: reserved=0 is_atomic=1 size=32 align=16 base_addr=00000000d0f03600 off=96 ptr=0000000000037950")
				LINE("percpu_alloc_percpu_fail: reserved=0 is_atomic=0 size=32 align=16"));

	cr_expect_eq(importing_event(&in, 0)->op.gfp, GFP_KERNEL);
	cr_expect_eq(importing_event(&in, 1)->op.gfp, 0);
	cr_expect_eq(importing_event(&in, 2)->op.gfp, GFP_KERNEL);
	importing_end(&in);
}

Test(import_rules, a_gzip_source_and_two_parts_are_one_recording)
{
	const struct import_options options = { .recorded = true };
	char first[64], second[64];
	const char *sources[] = { first, second };
	struct imported in;
	struct err err = { 0 };
	gzFile gz;

	importing_file(first, "", 0);
	gz = gzopen(first, "wb");
	gzputs(gz, ALLOC("0xffff888000001000"));
	gzclose(gz);
	importing_file(second, LINE("kfree: call_site=f+0x1 ptr=0xffff888000001000"),
		strlen(LINE("kfree: call_site=f+0x1 ptr=0xffff888000001000")));
	cr_assert_eq(importing_files(&in, sources, 2, &options, &err), 0, "%s", err.text);
	cr_expect_eq(in.meta.adopted, 0);
	cr_expect_eq(importing_event(&in, 1)->slot, importing_event(&in, 0)->slot);
	importing_end(&in);
	unlink(first);
	unlink(second);
}

/* Its events are comments in it, without time or task: an empty trace would say nothing of that. */
Test(import_rules, what_function_graph_prints_is_refused_with_advice)
{
	static const char *const texts[] = {
		("# tracer: function_graph\n#\n 1)               |  kfree() {\n"
			" 1)               |  /* kfree: call_site=f+0x0/0x40 ptr=0 */\n 1) + 78.590 us   |  }\n"),
		" 1) + 44.944 us   |  kmem_cache_free();\n 1)   5.046 us    |  kmem_cache_free();\n",
		"  229.304878 |   1)     sh-107     | + 44.944 us   |  kmem_cache_free();\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const struct import_options options = { .recorded = true };
		struct imported in;
		struct err err = { 0 };
		char path[64];
		const char *source = path;

		importing_file(path, texts[i], strlen(texts[i]));
		cr_expect_eq(importing_files(&in, &source, 1, &options, &err), -(int)ERR_TRACE);
		cr_expect(strstr(err.text, "kmemsim calibrate"), "%s", err.text);
		unlink(path);
	}
}

/* The importer's rules, each on a recording of a few lines. */
#include <zlib.h>

#include "tests/traces/importing.h"

#define LINE(event) "init-1 [000] 1.000000000: " event "\n"
#define ALLOC(ptr) LINE("kmalloc: call_site=f+0x1 ptr=" ptr " bytes_req=60 bytes_alloc=64 gfp_flags=GFP_KERNEL node=-1")
#define CACHE_ALLOC(site, ptr, sizes) \
	LINE("kmem_cache_alloc: call_site=" site " ptr=" ptr " " sizes " gfp_flags=GFP_KERNEL node=-1 accounted=false")
#define SIZES_192 "bytes_req=184 bytes_alloc=192"
#define PAGE(pfn, order) \
	LINE("mm_page_alloc: page=0x1 pfn=" pfn " order=" order " migratetype=0 gfp_flags=GFP_KERNEL")
#define FREE_PAGE(pfn, order) LINE("mm_page_free: page=0x1 pfn=" pfn " order=" order)

Test(import_rules, an_event_keeps_what_was_recorded)
{
	struct imported in = importing_text("  kworker/0:1-17  [003] d.h1.  2.000000017: kmalloc: call_site=alloc_it+0x32/0x110 [mod] "
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
		LINE("kmalloc: call_site=f+0x1 ptr=0x10 bytes_req=60 bytes_alloc=64 gfp_flags=GFP_KERNEL|__GFP_NEVER_HEARD node=-1")
		LINE("kmalloc: call_site=f+0x1 ptr=0x20 bytes_req=60 bytes_alloc=64 gfp_flags=GFP_KERNEL|__GFP_NEVER_HEARD node=-1")
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

/* Whose frees are reclaim's, or give back what compaction has moved: those of its daemons, and of tasks between begin and end. */
Test(import_rules, frees_of_reclaim_and_compaction_are_marked)
{
	static const bool marked[] = { true, true, false, false, true, true, false };
	struct imported in = importing_text(
		PAGE("0x20", "0") PAGE("0x21", "0") PAGE("0x22", "0") PAGE("0x23", "0") PAGE("0x24", "0") PAGE("0x25", "0") PAGE("0x26", "0")
		FREED("kswapd0-39", ".....", "0x20") FREED("kcompactd0-38", ".....", "0x21") FREED("kswapd0-39", "..s..", "0x22")
		FREED("init-1", ".....", "0x23")
		LINE("mm_vmscan_direct_reclaim_begin: order=0 gfp_flags=GFP_KERNEL") FREED("init-1", ".....", "0x24")
		LINE("mm_vmscan_direct_reclaim_end: nr_reclaimed=1")
		LINE("mm_compaction_begin: zone_start=0x1 migrate_pfn=0x1 free_pfn=0x1 zone_end=0x9, mode=sync")
		FREED("init-1", ".....", "0x25") LINE("mm_compaction_end: zone_start=0x1 migrate_pfn=0x1 free_pfn=0x1 zone_end=0x9, mode=sync "
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
	struct imported in = importing_text(PAGE("0x20", "0") LINE("mm_vmscan_direct_reclaim_begin: order=0 gfp_flags=GFP_KERNEL")
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

/* As many pages at unknown frames are what compaction has moved as it was seen to move; others are older than the recording. */
Test(import_rules, what_compaction_has_moved_its_owner_frees_elsewhere)
{
	struct imported in = importing_text(PAGE("0x20", "0") FREED("init-1", ".....", "0x30") FREED("kcompactd0-38", ".....", "0x20")
		FREED("kcompactd0-38", ".....", "0x99") FREED("init-1", ".....", "0x31") FREED("init-1", ".....", "0x32"));

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
	struct imported in = importing_text(TAKEN(".....") TAKEN(".....")
		TAKEN("..H..") "init-1 [000] ..H.. 1.000000000: mm_page_alloc: page=0x1 pfn=0x30 order=0 gfp_flags=GFP_ATOMIC\n"
		"init-1 [000] ..... 1.000000000: mm_page_alloc: page=0x1 pfn=0x20 order=0 gfp_flags=GFP_KERNEL\n" DRAINED
		FREE_PAGE("0x20", "0") DRAINED DRAINED LINE("kfree: call_site=f+0x1 ptr=0x0") DRAINED FREE_PAGE("0x30", "0")
		FREE_PAGE("0x40", "1") DRAINED);

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

/* A constructor is not recorded; the slots of the cache's objects show it: ext4_inode_cache of 6.1. */
Test(import_rules, a_created_cache_carries_the_slots_of_its_objects)
{
	struct imported in = importing_text(
		LINE("kmem_cache_create: (f) name=\"ext4_inode_cache\" size=1184 align=0 flags=0x4120000 useroff=0 usersize=60")
		LINE("kmem_cache_create_ret: (f <- g) s=0xffff888006ea7300")
		CACHE_ALLOC("h+0x1", "0xffff888001000000", "bytes_req=1184 bytes_alloc=1192")
		LINE("kmem_cache_free: call_site=f+0x1 ptr=0xffff888001000000 name=ext4_inode_cache"));

	cr_expect_eq(in.nr_prologue, 0);
	cr_expect_eq(importing_event(&in, 0)->op.kind, KIND_KMEM_CACHE_CREATE);
	cr_expect_eq(importing_event(&in, 0)->op.size_alloc, 1192);
	importing_end(&in);
}

Test(import_rules, flags_of_an_older_cache_come_from_its_slabs_pages_and_its_objects)
{
	struct imported in = importing_text(LINE("slab_grow: (f) s=0xffff888006ea7300 gfp=0xcc0 node=-1 name=\"inodes\"")
		LINE("mm_page_alloc: page=0x1 pfn=0x20 order=0 migratetype=1 gfp_flags=GFP_KERNEL|__GFP_RECLAIMABLE")
		LINE("slab_grow_ret: (f <- g) slab=0x1")
		LINE("kmem_cache_alloc: call_site=f+0x1 ptr=0xffff888000020000 " SIZES_192 " gfp_flags=GFP_KERNEL node=-1 accounted=true "
			"name=inodes"));

	cr_assert_eq(in.nr_prologue, 1);
	cr_expect_eq(in.events[0].op.slab_flags, SLAB_FLAG_RECLAIM_ACCOUNT | SLAB_FLAG_ACCOUNT);
	cr_expect_eq(importing_count(&in.meta.repaired, "cache older than the trace: flags"), 1);
	importing_end(&in);
}

Test(import_rules, kfree_of_null_and_of_the_zero_size_pointer_free_nothing)
{
	struct imported in = importing_text(LINE("kfree: call_site=f+0x1 ptr=0x0") LINE("kfree: call_site=f+0x1 ptr=(null)")
		LINE("kfree: call_site=f+0x1 ptr=0x10"));

	for (size_t i = 0; i < 3; i++) {
		cr_expect_eq(importing_event(&in, i)->op.flags, OP_NULL);
		cr_expect_eq(importing_event(&in, i)->slot, SLOT_NONE);
	}
	cr_expect_eq(in.meta.adopted, 0);
	importing_end(&in);
}

Test(import_rules, a_live_address_handed_out_again_was_freed_just_before)
{
	struct imported in = importing_text(ALLOC("0xffff888000001000") ALLOC("0xffff888000001000"));

	cr_expect_eq(importing_event(&in, 0)->op.flags, 0);
	cr_expect_eq(importing_event(&in, 1)->op.flags, OP_IMPLIED_FREE);
	cr_expect_eq(importing_event(&in, 1)->slot, importing_event(&in, 0)->slot);
	cr_expect_eq(in.meta.implied_frees, 1);
	importing_end(&in);
}

Test(import_rules, an_object_older_than_the_recording_is_adopted_with_the_size_of_its_call_site)
{
	struct imported in = importing_text(ALLOC("0xffff888000001000") LINE("kfree: call_site=g+0x1 ptr=0xffff888000001000")
		LINE("kfree: call_site=g+0x1 ptr=0xffff888000009000") LINE("kfree: call_site=h+0x1 ptr=0xffff88800000a000"));

	cr_assert_eq(in.nr_prologue, 2);
	cr_expect_eq(in.events[0].op.kind, KIND_KMALLOC);
	cr_expect_eq(in.events[0].op.flags, OP_BOOT);
	cr_expect_eq(in.events[0].op.size, 64);
	cr_expect_eq(in.events[0].slot, importing_event(&in, 2)->slot);
	cr_expect_neq(in.events[0].slot, in.events[1].slot);
	cr_expect_eq(in.meta.adopted, 2);
	cr_expect_eq(importing_count(&in.meta.repaired, "adopted kmalloc: size from its call site"), 1);
	cr_expect_eq(importing_count(&in.meta.repaired, "adopted kmalloc: size taken as 64"), 1);
	importing_end(&in);
}

Test(import_rules, a_failed_allocation_has_no_object)
{
	struct imported in = importing_text(
		LINE("kmalloc: call_site=f+0x1 ptr=(nil) bytes_req=60 bytes_alloc=64 gfp_flags=GFP_NOWAIT node=-1")
		LINE("mm_page_alloc: page=(nil) pfn=0x0 order=3 migratetype=0 gfp_flags=GFP_KERNEL"));

	for (size_t i = 0; i < 2; i++) {
		cr_expect_eq(importing_event(&in, i)->op.flags, OP_FAILED);
		cr_expect_eq(importing_event(&in, i)->slot, SLOT_NONE);
	}
	importing_end(&in);
}

Test(import_rules, a_cache_without_a_name_is_found_by_the_objects_free)
{
	struct imported in = importing_text(CACHE_ALLOC("f+0x1", "0xffff888000001000", SIZES_192)
		LINE("kmem_cache_free: call_site=g+0x1 ptr=0xffff888000001000 name=cred jar")
		CACHE_ALLOC("f+0x1", "0xffff888000002000", SIZES_192) CACHE_ALLOC("x+0x1", "0xffff888000003000", SIZES_192));

	cr_expect_str_eq(importing_event(&in, 0)->name, "cred jar");
	cr_expect_str_eq(importing_event(&in, 2)->name, "cred jar", "found by call site and sizes");
	cr_expect_str_eq(importing_event(&in, 3)->name, "size-184-192", "named by its sizes");
	cr_expect_eq(importing_count(&in.meta.repaired, "kmem_cache_alloc without a cache: found by the object's free"), 1);
	cr_expect_eq(importing_count(&in.meta.repaired, "kmem_cache_alloc without a cache: found by call site"), 1);
	cr_expect_eq(importing_count(&in.meta.repaired, "kmem_cache_alloc without a cache: named by"), 1);
	/* Both caches are older than the recording: the prologue makes them. */
	cr_assert_eq(in.nr_prologue, 2);
	cr_expect_eq(in.events[0].op.kind, KIND_KMEM_CACHE_CREATE);
	cr_expect_str_eq(in.events[0].name, "cred jar");
	cr_expect_eq(in.events[0].op.size, 184);
	cr_expect_eq(in.events[0].op.size_alloc, 192);
	importing_end(&in);
}

/* Two pairs of page and object tell where the direct map is; then one named object names its whole slab. */
Test(import_rules, a_cache_without_a_name_is_found_by_another_object_of_the_slab)
{
	struct imported in = importing_text(PAGE("0x10", "0") ALLOC("0xffff888000010000") PAGE("0x11", "0")
		ALLOC("0xffff888000011040") PAGE("0x12", "1") CACHE_ALLOC("f+0x1", "0xffff888000012000", SIZES_192)
		CACHE_ALLOC("g+0x1", "0xffff8880000130c0", SIZES_192)
		LINE("kmem_cache_free: call_site=h+0x1 ptr=0xffff888000012000 name=cred_jar")
		CACHE_ALLOC("i+0x1", "0xffff888000012000", SIZES_192));

	cr_expect_str_eq(importing_event(&in, 6)->name, "cred_jar", "it lives to the end in the same slab");
	cr_expect_str_eq(importing_event(&in, 8)->name, "cred_jar", "the slab is known");
	cr_expect_eq(importing_event(&in, 2)->op.origin, ORIGIN_SLAB);
	cr_expect_eq(importing_event(&in, 4)->op.origin, ORIGIN_SLAB);
	cr_expect_eq(importing_count(&in.meta.classified, "slab/object in it/certain"), 2);
	importing_end(&in);
}

Test(import_rules, growing_slabs_name_their_cache_and_explain_their_pages)
{
	struct imported in = importing_text(PAGE("0x10", "0") ALLOC("0xffff888000010000") PAGE("0x11", "0")
		ALLOC("0xffff888000011040")
		LINE("slab_grow: (ffffffff81315fb0) s=0xffff888006ea7300 gfp=0xcc0 node=-1 name=\"shmem inode\"")
		PAGE("0x20", "3") LINE("slab_grow_ret: (ffffffff81315fb0 <- ffffffff81317ef9) slab=0xffffea0000219d80")
		CACHE_ALLOC("f+0x1", "0xffff888000027000", SIZES_192)
		LINE("slab_release: (ffffffff81316990) s=0xffff888006ea7300 slab=0xffffea000021b0c0 name=\"shmem inode\"")
		FREE_PAGE("0x20", "3"));

	cr_expect_eq(importing_event(&in, 4)->op.origin, ORIGIN_SLAB);
	cr_expect_str_eq(importing_event(&in, 5)->name, "shmem inode");
	cr_expect_eq(importing_event(&in, 6)->op.origin, ORIGIN_SLAB, "a free has the origin of its block");
	cr_expect_eq(importing_count(&in.meta.classified, "slab/inside its call/certain"), 1);
	cr_expect_eq(importing_count(&in.meta.repaired, "kmem_cache_alloc without a cache: found by its slab"), 1);
	importing_end(&in);
}

Test(import_rules, the_name_in_the_event_of_newer_kernels_is_used_and_their_gfp_numbering_too)
{
	struct imported in = importing_text(
		LINE("kmem_cache_alloc: call_site=f+0x1 ptr=00000000b2466910 name=names_cache bytes_req=4096 bytes_alloc=4096 "
		     "gfp_flags=0xcc0 node=-1 accounted=false"));

	cr_expect_str_eq(importing_event(&in, 0)->name, "names_cache");
	cr_expect_eq(importing_event(&in, 0)->op.gfp, GFP_KERNEL);
	cr_expect(in.meta.hashed_pointers);
	importing_end(&in);
}

Test(import_rules, a_created_cache_keeps_its_name_flags_and_merge_ban)
{
	struct imported in = importing_text(
		LINE("kmem_cache_create: (f) name=\"inotify_inode_mark\" size=80 align=8 flags=0x4042000 useroff=0 usersize=16")
		LINE("kmem_cache_create_ret: (f <- g) s=0xffff888006ea7f00")
		LINE("kmem_cache_create: (f) name=\"broken\" size=80 align=8 flags=0x0 useroff=0 usersize=0")
		LINE("kmem_cache_create_ret: (f <- g) s=0x0") LINE("kmem_cache_shrink: (f) s=0xffff888006ea7f00")
		LINE("kmem_cache_destroy: (f) s=0xffff888006ea7f00"));
	const struct imported_event *event = importing_event(&in, 0);

	cr_expect_eq(event->op.kind, KIND_KMEM_CACHE_CREATE);
	cr_expect_str_eq(event->name, "inotify_inode_mark");
	cr_expect_eq(event->op.size, 80);
	cr_expect_eq(event->op.align, 8);
	cr_expect_eq(event->op.slab_flags, SLAB_FLAG_ACCOUNT | SLAB_FLAG_PANIC | SLAB_FLAG_HWCACHE_ALIGN | SLAB_FLAG_NO_MERGE);
	cr_expect_eq(importing_event(&in, 1)->op.flags, OP_FAILED);
	cr_expect_eq(importing_event(&in, 2)->op.kind, KIND_KMEM_CACHE_SHRINK);
	cr_expect_str_eq(importing_event(&in, 2)->name, "inotify_inode_mark");
	cr_expect_eq(importing_event(&in, 3)->op.kind, KIND_KMEM_CACHE_DESTROY);
	cr_expect_str_eq(importing_event(&in, 3)->name, "inotify_inode_mark");
	cr_expect_eq(in.nr_prologue, 0);
	importing_end(&in);
}

Test(import_rules, a_name_that_was_merged_counts_under_the_caches_owner_and_is_destroyed_as_itself)
{
	struct imported in = importing_text(
		LINE("kmem_cache_create: (f) name=\"mine\" size=184 align=8 flags=0x0 useroff=0 usersize=0")
		LINE("kmem_cache_create_ret: (f <- g) s=0xffff888006ea7f00")
		LINE("slab_grow: (f) s=0xffff888006ea7f00 gfp=0xcc0 node=-1 name=\"owner\"") LINE("slab_grow_ret: (f <- g) slab=0x1")
		LINE("kmem_cache_alloc_bulk: (f) s=0xffff888006ea7f00 gfp=0xcc0 size=1 p=0x1")
		LINE("kmem_cache_alloc_bulk_ret: (f <- g) n=1") LINE("kmem_cache_destroy: (f) s=0xffff888006ea7f00"));

	cr_expect_str_eq(importing_event(&in, 0)->name, "mine");
	cr_expect_str_eq(importing_event(&in, 1)->name, "owner");
	cr_expect_str_eq(importing_event(&in, 2)->name, "mine");
	importing_end(&in);
}

/* 32-bit probes give slab_grow no name: a creation's name may be that of a cache merged with an older one. */
Test(import_rules, objects_from_before_a_creation_do_not_get_its_name)
{
	struct imported in = importing_text(PAGE("0x10", "0") ALLOC("0xffff888000010000") PAGE("0x11", "0")
		ALLOC("0xffff888000011040") CACHE_ALLOC("f+0x1", "0xffff888000500000", SIZES_192)
		LINE("kmem_cache_create: (f) name=\"young\" size=184 align=8 flags=0x0 useroff=0 usersize=0")
		LINE("kmem_cache_create_ret: (f <- g) s=0xffff888006ea7f00")
		LINE("slab_grow: (f) s=0xffff888006ea7f00 gfp=0xcc0 node=-1") PAGE("0x20", "0") LINE("slab_grow_ret: (f <- g) slab=0x1")
		CACHE_ALLOC("f+0x1", "0xffff888000020000", SIZES_192));

	cr_expect_str_eq(importing_event(&in, 4)->name, "size-184-192");
	cr_expect_str_eq(importing_event(&in, 5)->name, "young");
	cr_expect_str_eq(importing_event(&in, 7)->name, "size-184-192", "it is one cache, and it is the older one");
	importing_end(&in);
}

Test(import_rules, a_free_to_another_cache_shows_that_the_object_there_is_another)
{
	struct imported in = importing_text(
		LINE("kmem_cache_alloc: call_site=f+0x1 ptr=00000000b2466910 name=lsm_inode_cache bytes_req=56 bytes_alloc=56 "
		     "gfp_flags=GFP_KERNEL node=-1 accounted=false")
		LINE("kmem_cache_free: call_site=f+0x1 ptr=00000000b2466910 name=filp"));

	cr_assert_eq(in.nr - in.nr_prologue, 3);
	cr_expect_str_eq(importing_event(&in, 1)->name, "lsm_inode_cache");
	cr_expect_eq(importing_event(&in, 1)->op.flags, OP_SYNTHETIC);
	cr_expect_eq(importing_event(&in, 1)->slot, importing_event(&in, 0)->slot);
	cr_expect_str_eq(importing_event(&in, 2)->name, "filp");
	cr_expect_eq(in.meta.adopted, 1);
	importing_end(&in);
}

Test(import_rules, objects_of_a_bulk_allocation_are_freed_oldest_first_and_by_bulk_newest_first)
{
	struct imported in = importing_text(LINE("slab_grow: (f) s=0xffff888003c44a00 gfp=0xcc0 node=-1 name=\"maple_node\"")
		LINE("slab_grow_ret: (f <- g) slab=0x1")
		LINE("kmem_cache_alloc_bulk: (f) s=0xffff888003c44a00 gfp=0xcc0 size=4 p=0xffff888008714d10")
		LINE("kmem_cache_alloc_bulk_ret: (f <- g) n=3")
		LINE("kmem_cache_free: call_site=f+0x1 ptr=0xffff888008714000 name=maple_node")
		LINE("kmem_cache_free_bulk: (f) s=0xffff888003c44a00 size=3 p={0x0,0x0,0x0}"));

	cr_assert_eq(in.nr - in.nr_prologue, 6);
	for (size_t i = 0; i < 3; i++) {
		cr_expect_eq(importing_event(&in, i)->op.kind, KIND_KMEM_CACHE_ALLOC_BULK);
		cr_expect_eq(importing_event(&in, i)->op.flags, i < 2 ? OP_BULK_MORE : 0);
		cr_expect_str_eq(importing_event(&in, i)->name, "maple_node");
	}
	cr_expect_eq(importing_event(&in, 3)->slot, importing_event(&in, 0)->slot);
	cr_expect_eq(importing_event(&in, 4)->op.kind, KIND_KMEM_CACHE_FREE_BULK);
	cr_expect_eq(importing_event(&in, 4)->slot, importing_event(&in, 2)->slot);
	cr_expect_eq(importing_event(&in, 4)->op.flags, OP_BULK_MORE);
	cr_expect_eq(importing_event(&in, 5)->slot, importing_event(&in, 1)->slot);
	cr_expect_eq(importing_count(&in.meta.repaired, "bulk free of recorded objects"), 1);
	cr_expect_eq(in.meta.adopted, 0);
	importing_end(&in);
}

Test(import_rules, a_large_kmalloc_explains_its_pages)
{
	struct imported in = importing_text(PAGE("0x10", "0") ALLOC("0xffff888000010000") PAGE("0x11", "0")
		ALLOC("0xffff888000011040") PAGE("0x40", "2")
		LINE("kmalloc: call_site=f+0x1 ptr=0xffff888000040000 bytes_req=9000 bytes_alloc=16384 gfp_flags=GFP_KERNEL node=-1")
		PAGE("0x80", "2"));

	cr_expect_eq(importing_event(&in, 4)->op.origin, ORIGIN_KMALLOC_LARGE);
	cr_expect_eq(importing_event(&in, 6)->op.origin, ORIGIN_DIRECT);
	importing_end(&in);
}

Test(import_rules, a_block_is_freed_in_parts_until_nothing_is_left)
{
	struct imported in = importing_text(PAGE("0x40", "2") FREE_PAGE("0x42", "1") FREE_PAGE("0x40", "0") FREE_PAGE("0x41", "0")
		PAGE("0x40", "2") FREE_PAGE("0x40", "2"));
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

Test(import_rules, pages_behind_a_vmalloc_area_are_freed_after_it)
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

/* From the kernel's 5.14 on, pages of vmalloc() have no events; without probes only the array of pointers to them has one. */
Test(import_rules, an_area_whose_call_is_not_recorded_is_found_by_its_array_of_pages)
{
	struct imported in = importing_text(ARRAY("0xffff888001000040", "32") ALLOC("0xffff888001000080")
		FREE_PAGE("0x30", "0") LINE("kfree: call_site=f+0x1 ptr=0xffff888001000080") FREE_PAGE("0x20", "0") FREE_PAGE("0x21", "0")
		FREE_PAGE("0x22", "0") FREE_PAGE("0x23", "0") LINE("kfree: call_site=vfree+0x1 ptr=0xffff888001000040"));

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

#define DESCRIPTOR LINE("kmalloc: call_site=__get_vm_area_node+0x7b ptr=0xffff888001000100 bytes_req=64 bytes_alloc=64 gfp_flags=GFP_KERNEL node=-1") \
	LINE("kmem_cache_alloc: call_site=alloc_vmap_area+0x9d ptr=0xffff888001000200 bytes_req=64 bytes_alloc=64 gfp_flags=GFP_KERNEL node=-1 accounted=false")
#define AREA_PAGES 1024u /* what an array of two pages points to */

/*
 * An array of more than a page of pointers is an area of its own, begun right behind the outer one: bpf_prog_pack_alloc() takes
 * 2 MiB for each node. On a machine of two nodes the array's two pages are taken one by one, with events.
 */
Test(import_rules, an_area_is_found_by_the_array_of_its_array)
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
Test(import_rules, the_array_of_an_array_goes_with_its_area)
{
	struct imported in = importing_text(DESCRIPTOR DESCRIPTOR ARRAY("0xffff888001000000", "16") PAGE("0x21", "0")
		FREE_PAGE("0x40", "0") FREE_PAGE("0x41", "0") LINE("kfree: call_site=vfree+0x1 ptr=0xffff888001000000"));

	cr_assert_eq(in.nr - in.nr_prologue, 4 + 1 + 2 + AREA_PAGES + 1 + 1 + 2 + 2);
	cr_expect_eq(in.meta.adopted, 0, "the freed pages were the area's");
	importing_end(&in);
}

/* What is allocated between the two shows that the first area was another call's, such as that of ioremap(). */
Test(import_rules, areas_one_after_the_other_are_no_array_and_its_area)
{
	struct imported in = importing_text(DESCRIPTOR ALLOC("0xffff888001000080") DESCRIPTOR ARRAY("0xffff888001000000", "16")
		PAGE("0x21", "0"));

	cr_assert_eq(in.nr - in.nr_prologue, 5 + 1 + 2 + 1 + 1);
	importing_end(&in);
}

/* vm_area_alloc_pages() takes 100 at a time; a bulk call for a single page is an ordinary allocation, with its event. */
Test(import_rules, the_last_page_of_an_area_may_have_an_event_of_its_own)
{
	struct imported in = importing_text(ARRAY("0xffff888001000000", "808") AREA_PAGE("0x20") PAGE("0x21", "0"));

	cr_assert_eq(in.nr - in.nr_prologue, 1 + 100 + 1 + 2);
	cr_expect_eq(importing_event(&in, 100)->op.kind, KIND_ALLOC_PAGES_BULK);
	cr_expect_eq(importing_event(&in, 101)->op.size, 101 * 4096);
	cr_expect_eq(importing_event(&in, 102)->op.origin, ORIGIN_VMALLOC);
	cr_expect_eq(importing_event(&in, 103)->op.origin, ORIGIN_DIRECT, "the next one is somebody else's");
	importing_end(&in);
}

Test(import_rules, where_the_pages_of_areas_have_events_no_area_is_made_up)
{
	struct imported in = importing_text(ARRAY("0xffff888001000000", "32") AREA_PAGE("0x20") AREA_PAGE("0x21") AREA_PAGE("0x22")
		AREA_PAGE("0x23") ALLOC("0xffff888001000080"));

	cr_assert_eq(in.nr - in.nr_prologue, 6);
	cr_expect_eq(importing_count(&in.meta.repaired, "vmalloc whose call is not recorded"), 0);
	importing_end(&in);
}

/* As at boot, before the probes are on. An area of unknown address would push the others from their places. */
Test(import_rules, where_other_areas_are_recorded_one_that_is_not_has_its_pages_alone)
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
		LINE("mempool_init_node: (f) pool=0xffff888000000100 min_nr=4 alloc_fn=0x1 pool_data=0x2 gfp=0xcc0")
		LINE("mempool_init_node: (f) pool=0xffff888000000200 min_nr=8 alloc_fn=0x1 pool_data=0x80 gfp=0xcc0")
		LINE("mempool_alloc: (f) pool=0xffff888000000200 gfp=0xc00")
		CACHE_ALLOC("mempool_alloc+0x5c", "0xffff88800767cf00", SIZES_192)
		LINE("mempool_alloc_ret: (f <- g) ptr=0xffff88800767cf00")
		LINE("mempool_free: (f) ptr=0xffff88800767cf00 pool=0xffff888000000200")
		LINE("mempool_resize: (f) pool=0xffff888000000200 new_min_nr=16")
		LINE("mempool_destroy: (f) pool=0xffff888000000200") LINE("mempool_exit: (f) pool=0xffff888000000200")
		LINE("mempool_alloc: (f) pool=0xffff888000000300 gfp=0xc00") LINE("mempool_alloc_ret: (f <- g) ptr=0x0"));

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

Test(import_rules, lines_are_ignored_or_unusable_for_a_reason_that_is_counted)
{
	static const char text[] = LINE("mm_page_free_batched: page=0x1 pfn=0x85c6 order=0") LINE("sched_switch: prev=1")
		LINE("kmalloc: call_site=f+0x1 bytes_req=60 bytes_alloc=64 gfp_flags=GFP_KERNEL")
		LINE("kmalloc: call_site=f+0x1 ptr=0x1 bytes_req=6x bytes_alloc=64 gfp_flags=GFP_KERNEL")
		LINE("kmalloc: call_site=f+0x1 ptr=0x1 bytes_req=6 bytes_alloc=64 gfp_flags=GFP_SHRUBBERY")
		LINE("kmalloc: call_site=f+0x1 ptr=0x1 bytes_req=6 bytes_alloc=64 gfp_flags=")
		LINE("mm_page_alloc: page=1 pfn=0x10 order=99 migratetype=0 gfp_flags=GFP_KERNEL") "nonsense\n" ALLOC("0x10");
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
	struct imported in = importing_text(
		LINE("kmalloc_node: call_site=ffffffff81234567 ptr=ffff880012345678 bytes_req=60 bytes_alloc=64 gfp_flags=GFP_KERNEL|GFP_ZERO node=1")
		LINE("kmem_cache_alloc: call_site=ffffffff81234567 ptr=ffff880012345000 bytes_req=184 bytes_alloc=192 gfp_flags=GFP_KERNEL")
		LINE("kmem_cache_free: call_site=ffffffff81234567 ptr=ffff880012345000")
		LINE("mm_page_alloc: page=ffffea0000000000 pfn=28324 order=0 migratetype=0 gfp_flags=GFP_KERNEL|GFP_REPEAT")
		LINE("kfree: call_site=ffffffff81234567 ptr=          (null)")
		LINE("kmalloc: call_site=ffffffff81234567 ptr=          (null) bytes_req=60 bytes_alloc=64 gfp_flags=GFP_KERNEL"));

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
	struct imported in = importing_text(LINE("print:                tracing_mark_write: SNAPSHOT part: sysfs slab table")
		LINE("tracing_mark_write: INIT starts"));

	cr_expect_eq(importing_event(&in, 0)->op.kind, KIND_MARKER);
	cr_expect_str_eq(importing_event(&in, 0)->name, "SNAPSHOT part: sysfs slab table");
	cr_expect_str_eq(importing_event(&in, 1)->name, "INIT starts");
	importing_end(&in);
}

Test(import_rules, per_cpu_objects_live_by_their_offset)
{
	struct imported in = importing_text(
		LINE("percpu_alloc_percpu: call_site=f+0x1 reserved=1 is_atomic=0 size=32 align=16 base_addr=0xffff88800f036000 "
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
	struct imported in = importing_text(
		LINE("percpu_alloc_percpu: reserved=0 is_atomic=0 size=32 align=16 base_addr=00000000d0f03600 off=64 ptr=0000000000037930")
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

Test(import_rules, the_first_area_of_swapon_is_the_map_of_a_device)
{
	struct imported in = importing_text(
		LINE("kmalloc: call_site=__do_sys_swapon+0x7e ptr=0x40 bytes_req=328 bytes_alloc=512 gfp_flags=GFP_KERNEL|__GFP_ZERO node=-1")
		"other-2 [000] 1.000000000: vmalloc_range: (f) size=4096 align=1 gfp=0xdc0 flags=0x0 node=-1\n"
		"other-2 [000] 1.000000000: vmalloc_range_ret: (f <- g) addr=0xffffc90000100000\n"
		LINE("vmalloc_range: (f) size=40960 align=1 gfp=0xdc0 flags=0x0 node=-1")
		LINE("vmalloc_range_ret: (f <- g) addr=0xffffc90000110000")
		LINE("vmalloc_range: (f) size=160 align=1 gfp=0xdc0 flags=0x0 node=-1")
		LINE("vmalloc_range_ret: (f <- g) addr=0xffffc90000120000") LINE("vfree: (f) addr=0xffffc90000110000"));

	cr_expect_eq(importing_event(&in, 1)->op.origin, ORIGIN_DIRECT, "of another task");
	cr_expect_eq(importing_event(&in, 2)->op.origin, ORIGIN_SWAP_MAP);
	cr_expect_eq(importing_event(&in, 2)->op.size, 40960, "a byte for each page");
	cr_expect_eq(importing_event(&in, 3)->op.origin, ORIGIN_DIRECT, "of its control groups");
	cr_expect_eq(importing_event(&in, 4)->op.kind, KIND_VFREE);
	cr_expect_eq(importing_event(&in, 4)->op.origin, ORIGIN_SWAP_MAP);
	importing_end(&in);
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

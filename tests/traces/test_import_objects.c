/*
 * The importer's rules for slab objects and their caches: who
 * is adopted, how a cache gets its name and what it is like.
 */
#include "tests/traces/import_lines.h"

/* A constructor is not recorded; the slots of the cache's objects show it: ext4_inode_cache of 6.1. */
Test(import_objects, a_created_cache_carries_the_slots_of_its_objects)
{
	struct imported in = importing_text(LINE(
		"kmem_cache_create: (f) name=\"ext4_inode_cache\" size=1184 align=0 flags=0x4120000 useroff=0 usersize=60")
			LINE("kmem_cache_create_ret: (f <- g) s=0xffff888006ea7300") CACHE_ALLOC("h+0x1",
				"0xffff888001000000", "bytes_req=1184 bytes_alloc=1192")
				LINE("kmem_cache_free: call_site=f+0x1 ptr=0xffff888001000000 name=ext4_inode_cache"));

	cr_expect_eq(in.nr_prologue, 0);
	cr_expect_eq(importing_event(&in, 0)->op.kind, KIND_KMEM_CACHE_CREATE);
	cr_expect_eq(importing_event(&in, 0)->op.size_alloc, 1192);
	importing_end(&in);
}

Test(import_objects, flags_of_an_older_cache_come_from_its_slabs_pages_and_its_objects)
{
	struct imported in =
		importing_text(LINE("slab_grow: (f) s=0xffff888006ea7300 gfp=0xcc0 node=-1 name=\"inodes\"") LINE(
			"mm_page_alloc: page=0x1 pfn=0x20 order=0 migratetype=1 gfp_flags=GFP_KERNEL|__GFP_RECLAIMABLE")
				LINE("slab_grow_ret: (f <- g) slab=0x1")
					LINE("kmem_cache_alloc: call_site=f+0x1 ptr=0xffff888000020000 " SIZES_192
					     " gfp_flags=GFP_KERNEL node=-1 accounted=true "
					     "name=inodes"));

	cr_assert_eq(in.nr_prologue, 1);
	cr_expect_eq(in.events[0].op.slab_flags, SLAB_FLAG_RECLAIM_ACCOUNT | SLAB_FLAG_ACCOUNT);
	cr_expect_eq(importing_count(&in.meta.repaired, "cache older than the trace: flags"), 1);
	importing_end(&in);
}

Test(import_objects, kfree_of_null_and_of_the_zero_size_pointer_free_nothing)
{
	struct imported in = importing_text(LINE("kfree: call_site=f+0x1 ptr=0x0")
			LINE("kfree: call_site=f+0x1 ptr=(null)") LINE("kfree: call_site=f+0x1 ptr=0x10"));

	for (size_t i = 0; i < 3; i++) {
		cr_expect_eq(importing_event(&in, i)->op.flags, OP_NULL);
		cr_expect_eq(importing_event(&in, i)->slot, SLOT_NONE);
	}
	cr_expect_eq(in.meta.adopted, 0);
	importing_end(&in);
}

Test(import_objects, a_live_address_handed_out_again_was_freed_just_before)
{
	struct imported in = importing_text(ALLOC("0xffff888000001000") ALLOC("0xffff888000001000"));

	cr_expect_eq(importing_event(&in, 0)->op.flags, 0);
	cr_expect_eq(importing_event(&in, 1)->op.flags, OP_IMPLIED_FREE);
	cr_expect_eq(importing_event(&in, 1)->slot, importing_event(&in, 0)->slot);
	cr_expect_eq(in.meta.implied_frees, 1);
	importing_end(&in);
}

Test(import_objects, an_object_older_than_the_recording_is_adopted_with_the_size_of_its_call_site)
{
	struct imported in = importing_text(ALLOC("0xffff888000001000") LINE(
		"kfree: call_site=g+0x1 ptr=0xffff888000001000") LINE("kfree: call_site=g+0x1 ptr=0xffff888000009000")
			LINE("kfree: call_site=h+0x1 ptr=0xffff88800000a000"));

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

Test(import_objects, a_failed_allocation_has_no_object)
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

Test(import_objects, a_cache_without_a_name_is_found_by_the_objects_free)
{
	struct imported in = importing_text(CACHE_ALLOC("f+0x1", "0xffff888000001000", SIZES_192)
			LINE("kmem_cache_free: call_site=g+0x1 ptr=0xffff888000001000 name=cred jar")
				CACHE_ALLOC("f+0x1", "0xffff888000002000", SIZES_192)
					CACHE_ALLOC("x+0x1", "0xffff888000003000", SIZES_192));

	cr_expect_str_eq(importing_event(&in, 0)->name, "cred jar");
	cr_expect_str_eq(importing_event(&in, 2)->name, "cred jar", "found by call site and sizes");
	cr_expect_str_eq(importing_event(&in, 3)->name, "size-184-192", "named by its sizes");
	cr_expect_eq(importing_count(&in.meta.repaired, "kmem_cache_alloc without a cache: found by the object's free"),
		1);
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
Test(import_objects, a_cache_without_a_name_is_found_by_another_object_of_the_slab)
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

Test(import_objects, growing_slabs_name_their_cache_and_explain_their_pages)
{
	struct imported in = importing_text(
		PAGE("0x10", "0") ALLOC("0xffff888000010000") PAGE("0x11", "0") ALLOC("0xffff888000011040") LINE(
			"slab_grow: (ffffffff81315fb0) s=0xffff888006ea7300 gfp=0xcc0 node=-1 name=\"shmem inode\"")
			PAGE("0x20", "3") LINE(
				"slab_grow_ret: (ffffffff81315fb0 <- ffffffff81317ef9) slab=0xffffea0000219d80")
				CACHE_ALLOC("f+0x1", "0xffff888000027000", SIZES_192) LINE(
					"slab_release: (ffffffff81316990) s=0xffff888006ea7300 slab=0xffffea000021b0c0 name=\"shmem inode\"")
					FREE_PAGE("0x20", "3"));

	cr_expect_eq(importing_event(&in, 4)->op.origin, ORIGIN_SLAB);
	cr_expect_str_eq(importing_event(&in, 5)->name, "shmem inode");
	cr_expect_eq(importing_event(&in, 6)->op.origin, ORIGIN_SLAB, "a free has the origin of its block");
	cr_expect_eq(importing_count(&in.meta.classified, "slab/inside its call/certain"), 1);
	cr_expect_eq(importing_count(&in.meta.repaired, "kmem_cache_alloc without a cache: found by its slab"), 1);
	importing_end(&in);
}

Test(import_objects, the_name_in_the_event_of_newer_kernels_is_used_and_their_gfp_numbering_too)
{
	struct imported in = importing_text(LINE(
		"kmem_cache_alloc: call_site=f+0x1 ptr=00000000b2466910 name=names_cache bytes_req=4096 bytes_alloc=4096 "
		"gfp_flags=0xcc0 node=-1 accounted=false"));

	cr_expect_str_eq(importing_event(&in, 0)->name, "names_cache");
	cr_expect_eq(importing_event(&in, 0)->op.gfp, GFP_KERNEL);
	cr_expect(in.meta.hashed_pointers);
	importing_end(&in);
}

Test(import_objects, a_created_cache_keeps_its_name_flags_and_merge_ban)
{
	struct imported in = importing_text(LINE(
		"kmem_cache_create: (f) name=\"inotify_inode_mark\" size=80 align=8 flags=0x4042000 useroff=0 usersize=16")
			LINE("kmem_cache_create_ret: (f <- g) s=0xffff888006ea7f00") LINE(
				"kmem_cache_create: (f) name=\"broken\" size=80 align=8 flags=0x0 useroff=0 usersize=0")
				LINE("kmem_cache_create_ret: (f <- g) s=0x0")
					LINE("kmem_cache_shrink: (f) s=0xffff888006ea7f00")
						LINE("kmem_cache_destroy: (f) s=0xffff888006ea7f00"));
	const struct imported_event *event = importing_event(&in, 0);

	cr_expect_eq(event->op.kind, KIND_KMEM_CACHE_CREATE);
	cr_expect_str_eq(event->name, "inotify_inode_mark");
	cr_expect_eq(event->op.size, 80);
	cr_expect_eq(event->op.align, 8);
	cr_expect_eq(event->op.slab_flags,
		SLAB_FLAG_ACCOUNT | SLAB_FLAG_PANIC | SLAB_FLAG_HWCACHE_ALIGN | SLAB_FLAG_NO_MERGE);
	cr_expect_eq(importing_event(&in, 1)->op.flags, OP_FAILED);
	cr_expect_eq(importing_event(&in, 2)->op.kind, KIND_KMEM_CACHE_SHRINK);
	cr_expect_str_eq(importing_event(&in, 2)->name, "inotify_inode_mark");
	cr_expect_eq(importing_event(&in, 3)->op.kind, KIND_KMEM_CACHE_DESTROY);
	cr_expect_str_eq(importing_event(&in, 3)->name, "inotify_inode_mark");
	cr_expect_eq(in.nr_prologue, 0);
	importing_end(&in);
}

Test(import_objects, a_name_that_was_merged_counts_under_the_caches_owner_and_is_destroyed_as_itself)
{
	struct imported in = importing_text(
		LINE("kmem_cache_create: (f) name=\"mine\" size=184 align=8 flags=0x0 useroff=0 usersize=0")
			LINE("kmem_cache_create_ret: (f <- g) s=0xffff888006ea7f00")
				LINE("slab_grow: (f) s=0xffff888006ea7f00 gfp=0xcc0 node=-1 name=\"owner\"") LINE(
					"slab_grow_ret: (f <- g) slab=0x1")
					LINE("kmem_cache_alloc_bulk: (f) s=0xffff888006ea7f00 gfp=0xcc0 size=1 p=0x1")
						LINE("kmem_cache_alloc_bulk_ret: (f <- g) n=1")
							LINE("kmem_cache_destroy: (f) s=0xffff888006ea7f00"));

	cr_expect_str_eq(importing_event(&in, 0)->name, "mine");
	cr_expect_str_eq(importing_event(&in, 1)->name, "owner");
	cr_expect_str_eq(importing_event(&in, 2)->name, "mine");
	importing_end(&in);
}

/* 32-bit probes give slab_grow no name: a creation's name may be that of a cache merged with an older one. */
Test(import_objects, objects_from_before_a_creation_do_not_get_its_name)
{
	struct imported in = importing_text(PAGE("0x10", "0") ALLOC("0xffff888000010000") PAGE("0x11", "0")
			ALLOC("0xffff888000011040") CACHE_ALLOC("f+0x1", "0xffff888000500000", SIZES_192) LINE(
				"kmem_cache_create: (f) name=\"young\" size=184 align=8 flags=0x0 useroff=0 usersize=0")
				LINE("kmem_cache_create_ret: (f <- g) s=0xffff888006ea7f00")
					LINE("slab_grow: (f) s=0xffff888006ea7f00 gfp=0xcc0 node=-1") PAGE("0x20", "0")
						LINE("slab_grow_ret: (f <- g) slab=0x1")
							CACHE_ALLOC("f+0x1", "0xffff888000020000", SIZES_192));

	cr_expect_str_eq(importing_event(&in, 4)->name, "size-184-192");
	cr_expect_str_eq(importing_event(&in, 5)->name, "young");
	cr_expect_str_eq(importing_event(&in, 7)->name, "size-184-192", "it is one cache, and it is the older one");
	importing_end(&in);
}

Test(import_objects, a_free_to_another_cache_shows_that_the_object_there_is_another)
{
	struct imported in = importing_text(LINE(
		"kmem_cache_alloc: call_site=f+0x1 ptr=00000000b2466910 name=lsm_inode_cache bytes_req=56 bytes_alloc=56 "
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

Test(import_objects, objects_of_a_bulk_allocation_are_freed_oldest_first_and_by_bulk_newest_first)
{
	struct imported in = importing_text(
		LINE("slab_grow: (f) s=0xffff888003c44a00 gfp=0xcc0 node=-1 name=\"maple_node\"")
			LINE("slab_grow_ret: (f <- g) slab=0x1") LINE(
				"kmem_cache_alloc_bulk: (f) s=0xffff888003c44a00 gfp=0xcc0 size=4 p=0xffff888008714d10")
				LINE("kmem_cache_alloc_bulk_ret: (f <- g) n=3") LINE(
					"kmem_cache_free: call_site=f+0x1 ptr=0xffff888008714000 name=maple_node")
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

Test(import_objects, a_large_kmalloc_explains_its_pages)
{
	struct imported in = importing_text(PAGE("0x10", "0") ALLOC("0xffff888000010000") PAGE("0x11", "0") ALLOC(
		"0xffff888000011040") PAGE("0x40",
		"2") LINE("kmalloc: call_site=f+0x1 ptr=0xffff888000040000 bytes_req=9000 bytes_alloc=16384 gfp_flags=GFP_KERNEL node=-1")
			PAGE("0x80", "2"));

	cr_expect_eq(importing_event(&in, 4)->op.origin, ORIGIN_KMALLOC_LARGE);
	cr_expect_eq(importing_event(&in, 6)->op.origin, ORIGIN_DIRECT);
	importing_end(&in);
}

#include "configs/schema_priv.h"

#include <string.h>

#include "base/units.h"

/* Where a key is stored; .min, .max and .def come next in struct key and in the table's lines. */
#define IN(struct_, field) \
	.size = (uint32_t)sizeof(((struct struct_ *)0)->field), .offset = (uint32_t)offsetof(struct struct_, field)
#define D(field)           IN(draft, field)
#define M(field)           IN(draft, machine.field)
#define LIST(struct_, field, count) \
	.size = (uint32_t)sizeof(((struct struct_ *)0)->field[0]), \
	.offset = (uint32_t)offsetof(struct struct_, field), \
	.list_max = (uint32_t)(sizeof(((struct struct_ *)0)->field) / sizeof(((struct struct_ *)0)->field[0])), \
	.list_offset = (uint32_t)offsetof(struct struct_, count)

#define AUTO(value) .automatic = true, .auto_value = (value)
#define NONE(value) .none = true, .none_value = (value)

static const char *const kernel_words[] = { "2.6-classic", "6.1", "6.18", NULL };
static const char *const claim_words[] = { "none", "kernel", "driver", NULL };
static const char *const bits_words[] = { "64", "32", NULL };
static const char *const profile_words[] = { "server-2020", "embedded-a53", "vm", "emulated", NULL };
static const char *const pace_words[] = { "table", "auto", NULL };
static const char *const thp_words[] = { "none", "never", "madvise", "always", NULL };

const struct key machine_keys[] = {
	{ "kmemsim", KEY_COUNT, D(version), 1, 1, "1" },
	{ "name", KEY_TEXT, M(name), .def = "default" },
	/* A relative one is meant from the folder of the machine's file; "none" is from boot, as is none. */
	{ "initial", KEY_TEXT, M(initial), .def = "", .silent_zero = true },
	{ "kernel", KEY_WORD, M(behaviour), .words = kernel_words, .def = "6.1" },
	{ "bits", KEY_WORD, M(bits32), .words = bits_words, .def = "64" },
	{ "page_size", KEY_SIZE, M(page_size), 4 * KIB, 64 * KIB, "4 KiB" },
	{ "cpus", KEY_COUNT, D(cpus), 1, MACHINE_MAX_CPUS, "auto", AUTO(DRAFT_AUTO32) },
	{ "cpus_share_cache", KEY_BOOL, M(cpus_share_cache), .def = "true" },
	{ "memory", KEY_SIZE, D(memory), 2 * MIB, 64 * TIB, "auto", AUTO(DRAFT_AUTO),
		.input_only = true },

	{ "nodes", KEY_RECORDS, LIST(draft, nodes, nr_nodes) },
	{ "nodes.#.memory", KEY_SIZE, IN(draft_node, memory), 0, 64 * TIB, "auto", AUTO(DRAFT_AUTO),
		.input_only = true },
	{ "nodes.#.ranges", KEY_RECORDS, LIST(draft_node, ranges, nr_ranges) },
	{ "nodes.#.ranges.#.start", KEY_SIZE, IN(draft_range, start), 0, MACHINE_PHYS_END, .address = true },
	{ "nodes.#.ranges.#.size", KEY_SIZE, IN(draft_range, size), 1, 64 * TIB },
	{ "nodes.#.cpus", KEY_CPUS, .max = MACHINE_MAX_CPUS },
	{ "nodes.#.distances", KEY_COUNTS, .min = 1, .max = 255, LIST(draft_node, distances, nr_distances) },

	{ "reserved", KEY_RECORDS, LIST(draft, machine.reserved, machine.nr_reserved) },
	{ "reserved.#.start", KEY_SIZE, IN(machine_range, start), 0, MACHINE_PHYS_END, .address = true },
	{ "reserved.#.size", KEY_SIZE, IN(machine_range, size), 1, 64 * TIB },
	{ "reserved.#.name", KEY_TEXT, IN(machine_range, name), .def = "reserved" },
	{ "reserved.#.scales", KEY_BOOL, IN(machine_range, scales), .def = "false", .silent_zero = true },

	{ "zones.dma", KEY_SIZE, M(zones.dma_end), 0, MACHINE_PHYS_END, "16 MiB", NONE(0) },
	{ "zones.dma32", KEY_SIZE, M(zones.dma32_end), 0, MACHINE_PHYS_END, "auto", AUTO(DRAFT_AUTO), NONE(0) },
	{ "zones.highmem_above", KEY_SIZE, M(zones.highmem_above), 1 * MIB, MACHINE_PHYS_END, "auto", AUTO(DRAFT_AUTO),
		NONE(UINT64_MAX) },
	{ "zones.movable", KEY_SIZE, M(zones.movable), 0, 64 * TIB, "0", NONE(0) },

	{ "page_allocator.max_order", KEY_COUNT, M(page_allocator.max_order), 3, 20, "auto", AUTO(DRAFT_AUTO32) },
	{ "page_allocator.pageblock_order", KEY_COUNT, M(page_allocator.pageblock_order), 1, 20, "auto",
		AUTO(DRAFT_AUTO32) },
	{ "page_allocator.min_free_kbytes", KEY_COUNT, M(page_allocator.min_free_kbytes), 0, 64 * TIB / KIB, "auto",
		AUTO(MACHINE_AUTO) },
	{ "page_allocator.watermark_scale_factor", KEY_COUNT, M(page_allocator.watermark_scale_factor), 1, 3000, "10" },
	{ "page_allocator.watermark_boost_factor", KEY_COUNT, M(page_allocator.watermark_boost_factor), 0, 1000000,
		"15000" },
	{ "page_allocator.pcp_high_fraction", KEY_COUNT, M(page_allocator.pcp_high_fraction), 0, 1000000, "0" },
	{ "page_allocator.lowmem_reserve_ratio", KEY_COUNTS, .max = 1000000000, .def = "256, 256, 32, 0, 0",
		.size = sizeof(uint32_t), .list_max = NR_ZONE_TYPES,
		.offset = offsetof(struct draft, machine.page_allocator.lowmem_reserve_ratio) },
	{ "page_allocator.transparent_hugepage", KEY_WORD, M(transparent_hugepage), .words = thp_words,
		.def = "madvise" },
	{ "page_allocator.cma", KEY_BOOL, M(page_allocator.cma), .def = "false" },
	{ "page_allocator.page_group_by_mobility", KEY_BOOL, M(page_allocator.page_group_by_mobility), .def = "true" },
	{ "page_allocator.compaction", KEY_BOOL, M(page_allocator.compaction), .def = "true" },
	{ "page_allocator.compaction_proactiveness", KEY_COUNT, M(page_allocator.compaction_proactiveness), 0, 100,
		"20" },

	{ "slab.allocator", KEY_TEXT, M(slab.allocator), .def = "slub" },
	{ "slab.min_order", KEY_COUNT, M(slab.min_order), 0, 20, "0" },
	{ "slab.max_order", KEY_COUNT, M(slab.max_order), 0, 20, "3" },
	{ "slab.min_objects", KEY_COUNT, M(slab.min_objects), 1, 65535, "auto", AUTO(0) },
	{ "slab.cpu_partial", KEY_COUNT, M(slab.cpu_partial), 0, 65535, "auto", AUTO(UINT32_MAX), NONE(0) },
	{ "slab.merge", KEY_BOOL, M(slab.merge), .def = "true" },
	{ "slab.freelist_random", KEY_BOOL, M(slab.freelist_random), .def = "false" },
	{ "slab.memcg_kmem", KEY_BOOL, M(slab.memcg_kmem), .def = "true" },
	{ "slab.nr_cpu_ids", KEY_COUNT, M(slab.nr_cpu_ids), 1, 8192, "auto", AUTO(0) },
	/* Those of 6.1: kmem_cache_create() with a constructor. The free pointer then stands behind the object. */
	{ "slab.constructors", KEY_TEXT, M(slab.constructors),
		.def = "anon_vma bdev_cache btrfs_inode dax_cache ext2_inode_cache ext4_inode_cache f2fs_inode_cache "
		       "fat_inode_cache fuse_inode hugetlbfs_inode_cache iint_cache inode_cache isofs_inode_cache "
		       "mqueue_inode_cache nfs_inode_cache ovl_inode proc_inode_cache radix_tree_node rpc_inode_cache "
		       "shmem_inode_cache sighand_cache sock_inode_cache squashfs_inode_cache userfaultfd_ctx_cache "
		       "xfs_inode" },

	{ "kmalloc.min_size", KEY_SIZE, M(kmalloc.min_size), 8, 4096, "8 B" },
	{ "kmalloc.max_cache_size", KEY_SIZE, M(kmalloc.max_cache_size), 256, 1 * MIB, "auto", AUTO(DRAFT_AUTO32) },
	{ "kmalloc.max_size", KEY_SIZE, M(kmalloc.max_size), 4 * KIB, 64 * GIB, "auto", AUTO(DRAFT_AUTO) },
	{ "kmalloc.extra_classes", KEY_COUNTS, .min = 8, .max = 1 * MIB, .def = "96, 192", .size = sizeof(uint32_t),
		.list_max = 8, .offset = offsetof(struct draft, machine.kmalloc.extra_classes), .ascending = true },

	{ "vmalloc.start", KEY_SIZE, M(vmalloc.start), 0, UINT64_MAX - 2, "auto", AUTO(DRAFT_AUTO),
		.address = true },
	{ "vmalloc.size", KEY_SIZE, M(vmalloc.size), 1 * MIB, 64 * 1024 * TIB, "auto", AUTO(DRAFT_AUTO) },
	{ "vmalloc.guard_pages", KEY_COUNT, M(vmalloc.guard_pages), 0, 1024, "1" },
	{ "vmalloc.lazy_max", KEY_SIZE, M(vmalloc.lazy_max), 0, 64 * TIB, "auto", AUTO(MACHINE_AUTO), NONE(0) },

	{ "percpu.unit_size", KEY_SIZE, M(percpu.unit_size), 4 * KIB, 1 * GIB, "auto", AUTO(MACHINE_AUTO) },
	{ "percpu.dynamic_reserve", KEY_SIZE, M(percpu.dynamic_reserve), 0, 1 * GIB, "auto", AUTO(MACHINE_AUTO) },
	{ "percpu.static_size", KEY_SIZE, M(percpu.static_size), 0, 512 * MIB, "208 KiB", NONE(0) },
	{ "percpu.reserved", KEY_SIZE, M(percpu.reserved), 0, 1 * GIB, "8 KiB", NONE(0) },

	{ "io_ports.size", KEY_COUNT, M(io_ports_size), 0, 64 * KIB, "64 Ki", NONE(0) },
	{ "io_ports.regions", KEY_RECORDS, LIST(draft, machine.io_ports.regions, machine.io_ports.nr_regions) },
	{ "io_ports.regions.#.start", KEY_COUNT, IN(machine_region, start), 0, 64 * KIB - 1, .address = true },
	{ "io_ports.regions.#.size", KEY_COUNT, IN(machine_region, size), 1, 64 * KIB },
	{ "io_ports.regions.#.name", KEY_TEXT, IN(machine_region, name), .def = "device" },
	{ "io_ports.regions.#.claim", KEY_WORD, IN(machine_region, claim), .words = claim_words, .def = "auto",
		AUTO(DRAFT_AUTO32) },
	{ "io_ports.regions.#.access_ns", KEY_TIME, IN(machine_region, access_ns[0]), 0, 1000000000, "0",
		.silent_zero = true },
	{ "io_ports.regions.#.access_16_ns", KEY_TIME, IN(machine_region, access_ns[1]), 0, 1000000000, "0",
		.silent_zero = true },
	{ "io_ports.regions.#.access_32_ns", KEY_TIME, IN(machine_region, access_ns[2]), 0, 1000000000, "0",
		.silent_zero = true },

	{ "io_memory.regions", KEY_RECORDS, LIST(draft, machine.io_memory.regions, machine.io_memory.nr_regions) },
	{ "io_memory.regions.#.start", KEY_SIZE, IN(machine_region, start), 0, MACHINE_PHYS_END, .address = true },
	{ "io_memory.regions.#.size", KEY_SIZE, IN(machine_region, size), 1, MACHINE_PHYS_END },
	{ "io_memory.regions.#.name", KEY_TEXT, IN(machine_region, name), .def = "device" },
	{ "io_memory.regions.#.claim", KEY_WORD, IN(machine_region, claim), .words = claim_words, .def = "auto",
		AUTO(DRAFT_AUTO32) },
	{ "io_memory.regions.#.read_ns", KEY_TIME, IN(machine_region, read_ns), 0, 1000000000, "0",
		.silent_zero = true },
	{ "io_memory.regions.#.write_ns", KEY_TIME, IN(machine_region, write_ns), 0, 1000000000, "0",
		.silent_zero = true },

	{ "highmem.kmap_slots", KEY_COUNT, M(kmap_slots), 1, 65536, "1024" },

	{ "kernel_stack.size", KEY_SIZE, M(kernel_stack.size), 4 * KIB, 1 * MIB, "auto", AUTO(DRAFT_AUTO) },
	{ "kernel_stack.irq_stacks", KEY_BOOL, M(kernel_stack.irq_stacks), .def = "true" },
	{ "kernel_stack.vmap", KEY_BOOL, M(kernel_stack.vmap), .def = "true" },

	{ "reclaim.swap", KEY_SIZE, M(reclaim.swap), 0, 64 * TIB, "auto", AUTO(MACHINE_AUTO), NONE(0) },
	{ "reclaim.enabled", KEY_BOOL, M(reclaim.enabled), .def = "true" },
	{ "reclaim.refault", KEY_COUNT, M(reclaim.refault_percent), 0, 90, "0", AUTO(RECLAIM_AUTO) },
	{ "reclaim.random_reads", KEY_COUNT, M(reclaim.random_percent), 0, 100, "0", .silent_zero = true },
	{ "reclaim.mapped", KEY_COUNT, M(reclaim.mapped_percent), 0, 100, "0", AUTO(RECLAIM_AUTO) },
	{ "reclaim.activated", KEY_COUNT, M(reclaim.activated_percent), 0, 100, "auto", AUTO(RECLAIM_AUTO) },
	{ "reclaim.swappiness", KEY_COUNT, M(reclaim.swappiness), 0, 200, "60" },
	{ "reclaim.zone_reclaim_mode", KEY_COUNT, M(reclaim.zone_reclaim_mode), 0, 7, "0", .silent_zero = true },

	/* Before the steps, whose defaults it sets. */
	{ "latency.profile", KEY_WORD, M(latency.profile), .words = profile_words, .def = "server-2020" },
	{ "latency.reclaim_pace", KEY_WORD, M(latency.reclaim_pace), .words = pace_words, .def = "table" },
	{ "latency.numa", KEY_BOOL, M(latency.numa), .def = "true" },
	{ "latency.zero_bandwidth", KEY_RATE, D(zero_bandwidth), 1000000, 1000000000000000, .input_only = true },
#define STEP_TEXT(ns) #ns " ns"
#define X(id, name, ns)                                                                              \
	{ "latency." name, KEY_TIME, M(latency.step_ns[STEP_##id]), 0, 1000000000, STEP_TEXT(ns), \
		.none = STEP_##id == STEP_WRITE_BACK_PAGE },
	MACHINE_STEPS(X)
#undef X
};
const size_t nr_machine_keys = sizeof(machine_keys) / sizeof(machine_keys[0]);

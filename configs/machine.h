/*
 * machine: the modelled machine, checked. Plain structs: mm/ and sim/ include this file and nothing else of configs/.
 * Every `auto` of the YAML that does not depend on the model's own boot has been resolved to a number; those that
 * do (min_free_kbytes, watermarks) keep MACHINE_AUTO and are computed in mm/ as the kernel computes them.
 */
#ifndef KMEMSIM_CONFIGS_MACHINE_H
#define KMEMSIM_CONFIGS_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/units.h"

#define MACHINE_AUTO UINT64_MAX

#define MACHINE_MAX_CPUS    1024
#define MACHINE_MAX_NODES   64
#define MACHINE_MAX_RANGES  256          /* of RAM, and reserved ones, each */
#define MACHINE_MAX_REGIONS 512          /* of I/O ports, and of I/O memory, each */
#define MACHINE_PHYS_END    (1ull << 52) /* bytes: no processor has wider physical addresses */
#define MACHINE_NAME_MAX   64

/* Zone types, in the kernel's order; only those that a machine has take an index in the model. */
enum machine_zone { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL, ZONE_HIGHMEM, ZONE_MOVABLE, NR_ZONE_TYPES };

enum machine_behaviour { BEHAVIOUR_2_6_CLASSIC, BEHAVIOUR_6_1, BEHAVIOUR_6_18 };

/** A range of physical memory: [start, start + size), bytes. */
struct machine_range {
	uint64_t start;
	uint64_t size;
	uint32_t node;
	char name[MACHINE_NAME_MAX];
	/* reserved in proportion to RAM (page descriptors): matters when memory is set anew */
	bool scales;
};

struct machine_zones {
	uint64_t dma_end;          /* bytes; 0 = no zone DMA. Default 16 MiB */
	uint64_t dma32_end;        /* bytes; 0 = no zone DMA32. Default 4 GiB */
	uint64_t highmem_above;    /* bytes; UINT64_MAX = none */
	uint64_t movable;          /* bytes of ZONE_MOVABLE in all (movablecore=) */
};

struct machine_page_allocator {
	uint32_t max_order;              /* largest order; 10 */
	uint32_t pageblock_order;        /* 9 */
	uint64_t min_free_kbytes;        /* or MACHINE_AUTO */
	uint32_t watermark_scale_factor; /* in 1/10000 of managed; 10 */
	uint32_t watermark_boost_factor; /* in 1/10000 of the high watermark; 15000 */
	uint32_t pcp_high_fraction;      /* 0 = by watermark; else at least 8 */
	uint32_t lowmem_reserve_ratio[NR_ZONE_TYPES]; /* by zone type: 256 256 32 0 0 */
	bool transparent_hugepage;       /* pcp lists of pageblock order, and khugepaged's min_free_kbytes */
	bool khugepaged_min_free;        /* khugepaged raises min_free_kbytes (THP enabled at run time) */
	bool cma;                        /* MIGRATE_CMA is configured */
	bool page_group_by_mobility;     /* false: as the kernel does on tiny machines; default: computed */
	bool compaction;
	uint32_t compaction_proactiveness; /* 20 */
};

struct machine_slab {
	char allocator[MACHINE_NAME_MAX]; /* a mechanism of slot slab: "slub" */
	uint32_t min_order;      /* 0 */
	uint32_t max_order;      /* 3 */
	uint32_t min_objects;    /* 0 = auto: 4 * (fls(cpus) + 1) */
	int32_t cpu_partial;     /* objects; -1 = auto by size; 0 = none */
	bool merge;
	bool freelist_random;
	bool memcg_kmem;         /* kmalloc-cg caches exist */
	uint32_t nr_cpu_ids;     /* what a 1-CPU machine uses in min_objects; 0 = cpus */
	char constructors[1024]; /* names of caches whose objects have a constructor, which recordings do not show */
};

struct machine_kmalloc {
	uint32_t min_size;       /* smallest class, bytes; 8 */
	uint32_t max_cache_size; /* largest class, bytes; 8192 */
	uint64_t max_size;       /* largest kmalloc at all, bytes; 4 MiB */
	uint32_t extra_classes[8]; /* beside the powers of two: 96, 192; ascending, 0 ends */
};

/* Steps that operations are made of. Costs are nanoseconds each, but STEP_ZERO_KIB: nanoseconds per KiB. */
#define MACHINE_STEPS(X)                                                                                   \
	X(SLAB_ALLOC_FAST, "slab_alloc_fast", 12)      /* SLUB alloc from the CPU freelist */              \
	X(SLAB_FREE_FAST, "slab_free_fast", 10)        /* SLUB free to the CPU slab */                     \
	X(SLAB_FREE_SLOW, "slab_free_slow", 40)        /* to another slab: cmpxchg on a cold line */       \
	X(SLAB_TAKE_FREELIST, "slab_take_freelist", 40)                                                    \
	X(SLAB_CPU_PARTIAL, "slab_cpu_partial", 60)    /* next slab of the CPU-partial stack */            \
	X(SLAB_NODE_PARTIAL, "slab_node_partial", 120) /* node list lock taken */                          \
	X(SLAB_NODE_PARTIAL_SLAB, "slab_node_partial_slab", 40) /* each slab moved under it */             \
	X(SLAB_DRAIN, "slab_drain", 150)               /* CPU-partial stack to the node list */            \
	X(SLAB_NEW, "slab_new", 450)                   /* set up a slab, without its pages */              \
	X(SLAB_NEW_OBJECT, "slab_new_object", 4)       /* thread one object on a new freelist */           \
	X(SLAB_DISCARD, "slab_discard", 250)                                                               \
	X(SLAB_CTOR, "slab_ctor", 50)                                                                      \
	X(SLAB_ARRAY, "slab_array", 10)                /* SLAB alloc from, free to the CPU's array */      \
	X(SLAB_REFILL, "slab_refill", 150)             /* SLAB array refilled from slabs or shared */      \
	X(SLAB_REFILL_OBJECT, "slab_refill_object", 10)                                                    \
	X(SLAB_FLUSH, "slab_flush", 150)               /* SLAB array flushed to slabs or shared */         \
	X(SLAB_FLUSH_OBJECT, "slab_flush_object", 15)                                                      \
	X(SLOB_PAGE, "slob_page", 20)                  /* page of a SLOB list that is looked at */         \
	X(SLOB_BLOCK, "slob_block", 10)                /* free block of such a page that is looked at */   \
	X(KMALLOC_LARGE, "kmalloc_large", 100)                                                             \
	X(CACHE_CREATE, "cache_create", 20000)                                                             \
	X(CACHE_DESTROY, "cache_destroy", 10000)                                                           \
	X(MEMCG_CHARGE, "memcg_charge", 30)                                                                \
	X(PAGE_PCP, "page_pcp", 40)                    /* order-0 alloc or free served by the pcp */       \
	X(PAGE_PCP_BLOCK, "page_pcp_block", 45)        /* each block refilled or flushed under the zone lock */ \
	X(PAGE_BUDDY, "page_buddy", 150)               /* direct buddy alloc or free */                    \
	X(PAGE_SPLIT_MERGE, "page_split_merge", 10)    /* each level */                                    \
	X(PAGE_STEAL, "page_steal", 500)               /* fallback to another migratetype */               \
	X(PAGE_ZONE_SKIP, "page_zone_skip", 10)        /* zone looked at and passed over */                \
	X(PAGE_SLOWPATH, "page_slowpath", 1000)                                                            \
	X(KSWAPD_WAKE, "kswapd_wake", 2000)                                                                \
	X(ZERO_KIB, "zero_kib", 30)                    /* clearing memory, ns per KiB: about 33 GB/s */    \
	X(ZERO_COLD_KIB, "zero_cold_kib", 0)           /* more, where the block was on a zone's free lists */ \
	X(CACHE_COLD, "cache_cold", 0)                 /* memory that the CPU's own lists did not hold */  \
	X(MEMPOOL_RESERVE, "mempool_reserve", 30)         /* an element from or to the reserve */                \
	X(WAKE_UP, "wake_up", 5000)                       /* a sleeper: scheduling it again */                   \
	X(WAKE_IDLE, "wake_idle", 0)                      /* more, where its CPU is another one and halted: mean */ \
	X(VMALLOC, "vmalloc", 1000)                       /* an area, without its pages */                       \
	X(VMALLOC_PAGE, "vmalloc_page", 150)              /* each page taken and mapped */                       \
	X(PAGE_TABLE, "page_table", 500)                  /* each new page-table page */                         \
	X(VFREE, "vfree", 800)                                                                                   \
	X(VFREE_PAGE, "vfree_page", 100)                  /* each page unmapped and freed */                     \
	X(VMAP_PURGE, "vmap_purge", 1500)                 /* lazily freed areas go: TLB flush */                 \
	X(VMAP_PURGE_CPU, "vmap_purge_cpu", 500)          /* each CPU that is interrupted for it */              \
	X(VMAP_PURGE_AREA, "vmap_purge_area", 100)        /* each area */                                        \
	X(VM_MAP_RAM, "vm_map_ram", 200)                  /* from a block of 64 pages */                         \
	X(VM_MAP_RAM_PAGE, "vm_map_ram_page", 15)                                                                \
	X(IOREMAP, "ioremap", 5000)                       /* memory type and page tables */                      \
	X(IOUNMAP, "iounmap", 3000)                                                                              \
	X(PERCPU_ALLOC, "percpu_alloc", 700)              /* mutex, scan */                                      \
	X(PERCPU_CPU, "percpu_cpu", 15)                   /* each CPU whose copy is cleared */                   \
	X(PERCPU_POPULATE_CPU, "percpu_populate_cpu", 400) /* each page and CPU */                               \
	X(PERCPU_CHUNK, "percpu_chunk", 150000)           /* a new chunk */                                      \
	X(PERCPU_FREE, "percpu_free", 300)                                                                       \
	X(PERCPU_LOCAL, "percpu_local", 1)                /* this CPU's copy */                                  \
	X(PERCPU_REMOTE, "percpu_remote", 90)             /* another CPU's copy: its cache line */               \
	X(PORT_ISA, "port_isa", 1000)                     /* in or out, device on LPC or ISA */                  \
	X(PORT_PCI, "port_pci", 500)                      /* in or out, PCI device of the chipset */             \
	X(MMIO_READ, "mmio_read", 800)                    /* not posted: the round trip */                       \
	X(MMIO_WRITE, "mmio_write", 100)                  /* posted, uncached */                                 \
	X(MMIO_WRITE_WC, "mmio_write_wc", 10)             /* posted, write-combined */                           \
	X(REGION_REQUEST, "region_request", 200)                                                                 \
	X(REGION_RELEASE, "region_release", 150)                                                                 \
	X(KMAP, "kmap", 20)                               /* a page that is mapped, or of low memory */          \
	X(KMAP_SLOT, "kmap_slot", 100)                    /* a new slot */                                       \
	X(KMAP_FLUSH, "kmap_flush", 10000)                /* all unused slots, TLB flush */                      \
	X(KMAP_LOCAL, "kmap_local", 20)                   /* a slot of the CPU */                                \
	X(DMA_POOL, "dma_pool", 40)                       /* a block of a page that is there */                  \
	X(STACK_CACHED, "stack_cached", 500)              /* from the CPU's two cached stacks, cleared */        \
	X(STACK_NEW, "stack_new", 3000)                   /* without its pages */                                \
	X(RECLAIM_PAGE, "reclaim_page", 2000)             /* each clean page taken from the LRU lists */         \
	X(LRU_BATCH, "lru_batch", 2000)                   /* each batch of an inactive list, without its pages */ \
	X(LRU_SCAN, "lru_scan", 30)                       /* each page looked at */                              \
	X(SHRINKER, "shrinker", 5000)                     /* each pass over all shrinkers */                     \
	X(SHRINKER_OBJECT, "shrinker_object", 100)        /* each object freed */                                \
	X(SWAP_OUT_PAGE, "swap_out_page", 50000)          /* each page written to the swap device */             \
	X(SWAP_IN_PAGE, "swap_in_page", 80000)            /* a refault: a page read again */                     \
	X(WRITE_BACK_PAGE, "write_back_page", 0)          /* each reclaimed page of a file that was written */   \
	X(COMPACT_SCAN, "compact_scan", 10)               /* each page looked at */                              \
	X(COMPACT_MIGRATE, "compact_migrate", 1500)       /* each page moved */                                  \
	X(TLB_SHOOTDOWN, "tlb_shootdown", 5000)                                                                  \
	X(DRAIN_CPU, "drain_cpu", 1000)                   /* each CPU whose lists are drained */                 \
	X(OOM_KILL, "oom_kill", 50000000)                 /* until the killed task's memory is free */           \
	X(ZONE_LOCK, "zone_lock", 20)                                                                      \
	X(LIST_LOCK, "list_lock", 20)

enum machine_step {
#define X(id, name, ns) STEP_##id,
	MACHINE_STEPS(X)
#undef X
	NR_STEPS
};

/* What the costs of steps are by default: configs/latency.h. */
enum machine_profile { PROFILE_SERVER_2020, PROFILE_EMBEDDED_A53, PROFILE_VM, PROFILE_EMULATED, NR_PROFILES };

/* Where the costs of reclaim are from that decide how far tasks get meanwhile (STEP_IS_PACE()). */
enum machine_pace {
	RECLAIM_PACE_TABLE, /* step_ns */
	RECLAIM_PACE_AUTO,  /* the recording, where it was made under pressure and tells; else step_ns */
};

#define STEP_IS_PACE(step) \
	((step) == STEP_RECLAIM_PAGE || (step) == STEP_LRU_BATCH || (step) == STEP_LRU_SCAN || \
		(step) == STEP_WAKE_UP || (step) == STEP_WAKE_IDLE)

struct machine_latency {
	uint32_t step_ns[NR_STEPS];
	uint32_t profile; /* enum machine_profile */
	/* enum machine_pace; auto with profile emulated, whose host the pace is of, else table */
	uint32_t reclaim_pace;
	bool numa;        /* memory of another node costs distance / 10 times as much to touch */
};

/*
 * Parameters of mechanisms beside pages and slabs. MACHINE_AUTO: computed in mm/ as the kernel computes it.
 */
struct machine_vmalloc {
	uint64_t start;          /* virtual address */
	uint64_t size;           /* bytes */
	uint32_t guard_pages;    /* unmapped pages behind each area; 1 */
	uint64_t lazy_max;       /* bytes of freed areas before a purge, or MACHINE_AUTO: fls(cpus) * 32 MiB */
};

struct machine_percpu {
	uint64_t unit_size;       /* bytes, or MACHINE_AUTO */
	uint64_t dynamic_reserve; /* bytes of the first chunk, or MACHINE_AUTO */
	uint64_t reserved;        /* bytes for modules' static areas; 8 KiB */
	uint64_t static_size;     /* bytes of the kernel's own static areas; 208 KiB as a distribution kernel's */
};

/* Whether a region is busy (IORESOURCE_BUSY) before the trace begins. */
enum machine_claim {
	CLAIM_NONE,   /* a device's or a bus' own span: drivers request parts of it */
	CLAIM_KERNEL, /* the kernel's since boot: a request meets it and fails */
	CLAIM_DRIVER, /* a driver's; when the trace shows that very request, the region passes to it */
};

/** A named span of I/O ports or of I/O memory: [start, start + size). Costs of 0 are those of latency's steps. */
struct machine_region {
	uint64_t start;
	uint64_t size;
	char name[MACHINE_NAME_MAX];
	uint32_t claim;        /* enum machine_claim */
	uint32_t access_ns[3]; /* ports: one access of 8, 16 and 32 bits */
	uint32_t read_ns;      /* memory: one read, a round trip */
	uint32_t write_ns;     /* memory: one posted write */
};

struct machine_io {
	/* Ascending by start, the larger first; of two that meet one contains the other. */
	struct machine_region regions[MACHINE_MAX_REGIONS];
	uint32_t nr_regions;
};

struct machine_kernel_stack {
	uint64_t size;           /* bytes; 16 KiB */
	bool irq_stacks;         /* interrupts run on stacks of their own */
	bool vmap;               /* stacks come from vmalloc (CONFIG_VMAP_STACK) */
};

#define RECLAIM_AUTO UINT32_MAX /* of a share: the machine does not tell */

struct machine_reclaim {
	uint64_t swap;           /* bytes; 0 = none; MACHINE_AUTO = what the swapon() of the trace adds */
	uint32_t swappiness;     /* 0 .. 200; 60 */
	/* 0 .. 7: 1 reclaims on the near node before the next one is used, 2 + 4 swaps there, too; 0 */
	uint32_t zone_reclaim_mode;
	/* of file pages reclaimed: read again; 0; RECLAIM_AUTO: what the recording tells, sim/reclaim.c */
	uint32_t refault_percent;
	uint32_t random_percent;  /* of these: in no order, page by page, as a database does, not in that of files; 0 */
	/* of file pages: found used through page tables before they are reclaimed; 0; RECLAIM_AUTO: likewise */
	uint32_t mapped_percent;
	uint32_t activated_percent; /* of file pages read: active soon; RECLAIM_AUTO: how long each was away decides */
	bool enabled;            /* false: memory that is handed out stays handed out until the trace frees it */
};

/* Transparent huge pages: not built in, or the run-time setting. */
enum machine_thp { THP_NONE, THP_NEVER, THP_MADVISE, THP_ALWAYS };

struct machine {
	char name[MACHINE_NAME_MAX];
	char initial[512];   /* folder of a saved state to begin with; "" = boot */
	enum machine_behaviour behaviour;
	uint32_t cpus;
	bool cpus_share_cache; /* the last level, those of a node; without one each is a package of its own */
	uint32_t page_size;  /* bytes: 4, 8, 16 or 64 KiB */
	uint32_t page_shift;
	bool bits32;         /* 32-bit kernel: DMA, Normal, HighMem */

	uint32_t nr_nodes;
	uint32_t node_of_cpu[MACHINE_MAX_CPUS];
	uint8_t distance[MACHINE_MAX_NODES][MACHINE_MAX_NODES]; /* 10 = local */
	struct machine_range ram[MACHINE_MAX_RANGES];       /* ascending, not overlapping */
	uint32_t nr_ram;
	struct machine_range reserved[MACHINE_MAX_RANGES];  /* ascending, not overlapping, inside RAM or holes */
	uint32_t nr_reserved;

	struct machine_zones zones;
	struct machine_page_allocator page_allocator;
	struct machine_slab slab;
	struct machine_kmalloc kmalloc;
	struct machine_latency latency;

	enum machine_thp transparent_hugepage; /* what the two flags of page_allocator follow from */
	struct machine_vmalloc vmalloc;
	struct machine_percpu percpu;
	uint64_t io_ports_size;  /* ports in all; 64 Ki */
	struct machine_io io_ports;
	struct machine_io io_memory;
	uint32_t kmap_slots;     /* LAST_PKMAP */
	struct machine_kernel_stack kernel_stack;
	struct machine_reclaim reclaim;
};

/** machine_has_constructor() - whether slab.constructors names the cache. */
bool machine_has_constructor(const struct machine *machine, const char *cache);

extern const char *const machine_zone_name[NR_ZONE_TYPES]; /* "DMA", "DMA32", "Normal", "HighMem", "Movable" */
extern const char *const machine_step_name[NR_STEPS];

#endif

/*
 * kind: the kinds of events a trace can hold, their names in the text interchange, and which keys each carries.
 * One list; reader, writer, importers, `cat` and replay all take it from here.
 */
#ifndef KMEMSIM_TRACES_KIND_H
#define KMEMSIM_TRACES_KIND_H

#include <stdint.h>

/*
 * What an event does with the object it names.
 * BEGINS: a slot begins to live (unless the recording shows a failure: slot is SLOT_NONE); ENDS: its life ends;
 * USED: it is only named; ABSENT: the event has no object.
 */
enum kind_slot { SLOT_ABSENT, SLOT_BEGINS, SLOT_ENDS, SLOT_USED };

/*
 * Keys an event may carry beside the common ones, as bits; a key's value is in the member of struct trace_op that
 * stands in the comment.
 */
#define KEY_SIZE     (1u << 1)  /* size, bytes; `n` ports of a region */
#define KEY_GFP      (1u << 2)  /* gfp */
#define KEY_NODE     (1u << 3)  /* node, -1 = any */
#define KEY_ORDER    (1u << 4)  /* order */
#define KEY_CACHE    (1u << 5)  /* name, a cache's */
#define KEY_ALIGN    (1u << 6)  /* align */
#define KEY_FLAGS    (1u << 7)  /* slab_flags */
#define KEY_CTOR     (1u << 8)  /* slab_flags, SLAB_FLAG_CTOR */
#define KEY_POOL     (1u << 9)  /* name, a pool's */
#define KEY_MIN_NR   (1u << 10) /* arg[0] */
#define KEY_BACKING  (1u << 11) /* arg[1] = enum trace_backing, with name2 (cache), size or order */
#define KEY_NAME     (1u << 12) /* name: region, symbol or object */
#define KEY_START    (1u << 13) /* arg[0]: "start"; of vmalloc the lowest address it may get, 0 = the vmalloc space's */
#define KEY_PHYS     (1u << 14) /* arg[0]: "phys" */
#define KEY_MODE     (1u << 15) /* arg[1] = enum trace_cache_mode */
#define KEY_OFFSET   (1u << 16) /* arg[1] */
#define KEY_VALUE    (1u << 17) /* the event's own value column */
#define KEY_PORT     (1u << 18) /* arg[0] */
#define KEY_COUNT    (1u << 19) /* arg[1] */
#define KEY_RESERVED (1u << 20) /* flags, OP_RESERVED */
#define KEY_TARGET   (1u << 21) /* arg[1]: target_cpu */
#define KEY_MASK     (1u << 22) /* arg[0]: dma_mask, address bits as a mask */
#define KEY_BOUNDARY (1u << 23) /* arg[0] */
#define KEY_PAGE     (1u << 24) /* the event's own value column: slot of the page */
#define KEY_STACK    (1u << 25) /* arg[0]: stack_use, bytes */
#define KEY_TEXT     (1u << 26) /* name: the marker's text */
#define KEY_AT       (1u << 27) /* arg[0]: "at_pfn", page frame of a block older than the trace; 0 = not known */

#define TRACE_KINDS(X)                                                                              \
	X(KMALLOC, "kmalloc", SLOT_BEGINS, KEY_SIZE | KEY_GFP | KEY_NODE)                            \
	X(KZALLOC, "kzalloc", SLOT_BEGINS, KEY_SIZE | KEY_GFP | KEY_NODE)                            \
	X(KVMALLOC, "kvmalloc", SLOT_BEGINS, KEY_SIZE | KEY_GFP | KEY_NODE)                          \
	X(KVZALLOC, "kvzalloc", SLOT_BEGINS, KEY_SIZE | KEY_GFP | KEY_NODE)                          \
	X(KREALLOC, "krealloc", SLOT_USED, KEY_SIZE | KEY_GFP)                                       \
	X(KFREE, "kfree", SLOT_ENDS, 0)                                                             \
	X(KVFREE, "kvfree", SLOT_ENDS, 0)                                                           \
	X(KMEM_CACHE_CREATE, "kmem_cache_create", SLOT_ABSENT,                                     \
	  KEY_CACHE | KEY_SIZE | KEY_ALIGN | KEY_FLAGS | KEY_CTOR)                                  \
	X(KMEM_CACHE_DESTROY, "kmem_cache_destroy", SLOT_ABSENT, KEY_CACHE)                        \
	X(KMEM_CACHE_SHRINK, "kmem_cache_shrink", SLOT_ABSENT, KEY_CACHE)                          \
	X(KMEM_CACHE_ALLOC, "kmem_cache_alloc", SLOT_BEGINS, KEY_CACHE | KEY_GFP | KEY_NODE)         \
	X(KMEM_CACHE_FREE, "kmem_cache_free", SLOT_ENDS, KEY_CACHE)                                 \
	/* One event per object of a bulk call; OP_BULK_MORE on all but the last of a call. */      \
	X(KMEM_CACHE_ALLOC_BULK, "kmem_cache_alloc_bulk", SLOT_BEGINS, KEY_CACHE | KEY_GFP)          \
	X(KMEM_CACHE_FREE_BULK, "kmem_cache_free_bulk", SLOT_ENDS, KEY_CACHE)                       \
	X(MEMPOOL_CREATE, "mempool_create", SLOT_ABSENT,                                           \
	  KEY_POOL | KEY_MIN_NR | KEY_BACKING | KEY_SIZE | KEY_ORDER)                               \
	X(MEMPOOL_RESIZE, "mempool_resize", SLOT_ABSENT, KEY_POOL | KEY_MIN_NR)                    \
	X(MEMPOOL_DESTROY, "mempool_destroy", SLOT_ABSENT, KEY_POOL)                               \
	X(MEMPOOL_ALLOC, "mempool_alloc", SLOT_BEGINS, KEY_POOL | KEY_GFP)                           \
	X(MEMPOOL_FREE, "mempool_free", SLOT_ENDS, KEY_POOL)                                        \
	X(ALLOC_PAGES, "alloc_pages", SLOT_BEGINS, KEY_ORDER | KEY_GFP | KEY_NODE | KEY_AT)          \
	X(GET_FREE_PAGES, "__get_free_pages", SLOT_BEGINS, KEY_ORDER | KEY_GFP)                      \
	X(GET_ZEROED_PAGE, "get_zeroed_page", SLOT_BEGINS, KEY_GFP)                                  \
	X(ALLOC_PAGES_EXACT, "alloc_pages_exact", SLOT_BEGINS, KEY_SIZE | KEY_GFP | KEY_NODE)        \
	/* One event per page of a bulk call; OP_BULK_MORE on all but the last of a call. */        \
	X(ALLOC_PAGES_BULK, "alloc_pages_bulk", SLOT_BEGINS, KEY_GFP | KEY_NODE)                     \
	/* arg[1] = first page of the part within the block, where OP_PART. */                      \
	X(FREE_PAGES, "free_pages", SLOT_ENDS, KEY_ORDER)                                           \
	X(VMALLOC, "vmalloc", SLOT_BEGINS, KEY_SIZE | KEY_GFP | KEY_NODE | KEY_ALIGN | KEY_START)    \
	X(VZALLOC, "vzalloc", SLOT_BEGINS, KEY_SIZE | KEY_GFP | KEY_NODE)                            \
	X(VMAP, "vmap", SLOT_BEGINS, KEY_SIZE)                                                       \
	X(VFREE, "vfree", SLOT_ENDS, 0)                                                             \
	X(VUNMAP, "vunmap", SLOT_ENDS, 0)                                                           \
	X(VM_MAP_RAM, "vm_map_ram", SLOT_BEGINS, KEY_SIZE | KEY_NODE)                                \
	X(VM_UNMAP_RAM, "vm_unmap_ram", SLOT_ENDS, KEY_SIZE)                                        \
	X(REQUEST_MEM_REGION, "request_mem_region", SLOT_ABSENT, KEY_START | KEY_SIZE | KEY_NAME)  \
	X(RELEASE_MEM_REGION, "release_mem_region", SLOT_ABSENT, KEY_START | KEY_SIZE | KEY_NAME)  \
	X(REQUEST_REGION, "request_region", SLOT_ABSENT, KEY_START | KEY_SIZE | KEY_NAME)          \
	X(RELEASE_REGION, "release_region", SLOT_ABSENT, KEY_START | KEY_SIZE | KEY_NAME)          \
	X(IOREMAP, "ioremap", SLOT_BEGINS, KEY_PHYS | KEY_SIZE | KEY_MODE)                           \
	X(IOUNMAP, "iounmap", SLOT_ENDS, 0)                                                         \
	X(READB, "readb", SLOT_USED, KEY_OFFSET | KEY_PHYS | KEY_VALUE)                              \
	X(READW, "readw", SLOT_USED, KEY_OFFSET | KEY_PHYS | KEY_VALUE)                              \
	X(READL, "readl", SLOT_USED, KEY_OFFSET | KEY_PHYS | KEY_VALUE)                              \
	X(READQ, "readq", SLOT_USED, KEY_OFFSET | KEY_PHYS | KEY_VALUE)                              \
	X(WRITEB, "writeb", SLOT_USED, KEY_OFFSET | KEY_PHYS | KEY_VALUE)                            \
	X(WRITEW, "writew", SLOT_USED, KEY_OFFSET | KEY_PHYS | KEY_VALUE)                            \
	X(WRITEL, "writel", SLOT_USED, KEY_OFFSET | KEY_PHYS | KEY_VALUE)                            \
	X(WRITEQ, "writeq", SLOT_USED, KEY_OFFSET | KEY_PHYS | KEY_VALUE)                            \
	X(MMAP_DEVICE, "mmap_device", SLOT_ABSENT, KEY_PHYS | KEY_SIZE)                            \
	X(ALLOC_PERCPU, "alloc_percpu", SLOT_BEGINS, KEY_SIZE | KEY_ALIGN | KEY_RESERVED | KEY_GFP)  \
	X(FREE_PERCPU, "free_percpu", SLOT_ENDS, 0)                                                 \
	X(DEFINE_PER_CPU, "define_per_cpu", SLOT_ABSENT, KEY_NAME | KEY_SIZE | KEY_ALIGN)          \
	X(GET_CPU, "get_cpu", SLOT_ABSENT, 0)                                                      \
	X(PUT_CPU, "put_cpu", SLOT_ABSENT, 0)                                                      \
	X(GET_CPU_VAR, "get_cpu_var", SLOT_USED, KEY_NAME)                                           \
	X(PUT_CPU_VAR, "put_cpu_var", SLOT_USED, KEY_NAME)                                           \
	X(PER_CPU_PTR, "per_cpu_ptr", SLOT_USED, KEY_NAME | KEY_TARGET)                              \
	X(INB, "inb", SLOT_ABSENT, KEY_PORT | KEY_VALUE)                                           \
	X(INW, "inw", SLOT_ABSENT, KEY_PORT | KEY_VALUE)                                           \
	X(INL, "inl", SLOT_ABSENT, KEY_PORT | KEY_VALUE)                                           \
	X(OUTB, "outb", SLOT_ABSENT, KEY_PORT | KEY_VALUE)                                         \
	X(OUTW, "outw", SLOT_ABSENT, KEY_PORT | KEY_VALUE)                                         \
	X(OUTL, "outl", SLOT_ABSENT, KEY_PORT | KEY_VALUE)                                         \
	X(INSB, "insb", SLOT_ABSENT, KEY_PORT | KEY_COUNT)                                         \
	X(INSW, "insw", SLOT_ABSENT, KEY_PORT | KEY_COUNT)                                         \
	X(INSL, "insl", SLOT_ABSENT, KEY_PORT | KEY_COUNT)                                         \
	X(OUTSB, "outsb", SLOT_ABSENT, KEY_PORT | KEY_COUNT)                                       \
	X(OUTSW, "outsw", SLOT_ABSENT, KEY_PORT | KEY_COUNT)                                       \
	X(OUTSL, "outsl", SLOT_ABSENT, KEY_PORT | KEY_COUNT)                                       \
	X(ALLOC_BOOTMEM, "alloc_bootmem", SLOT_BEGINS, KEY_SIZE | KEY_ALIGN)                         \
	X(ALLOC_BOOTMEM_LOW, "alloc_bootmem_low", SLOT_BEGINS, KEY_SIZE | KEY_ALIGN)                 \
	X(ALLOC_BOOTMEM_PAGES, "alloc_bootmem_pages", SLOT_BEGINS, KEY_SIZE | KEY_ALIGN)             \
	X(ALLOC_BOOTMEM_LOW_PAGES, "alloc_bootmem_low_pages", SLOT_BEGINS, KEY_SIZE | KEY_ALIGN)     \
	X(MEMBLOCK_ALLOC, "memblock_alloc", SLOT_BEGINS, KEY_SIZE | KEY_ALIGN)                       \
	X(FREE_BOOTMEM, "free_bootmem", SLOT_ENDS, KEY_PHYS | KEY_SIZE)                             \
	X(DMA_ALLOC_COHERENT, "dma_alloc_coherent", SLOT_BEGINS, KEY_SIZE | KEY_GFP | KEY_MASK)      \
	X(DMA_FREE_COHERENT, "dma_free_coherent", SLOT_ENDS, KEY_SIZE)                              \
	X(DMA_POOL_CREATE, "dma_pool_create", SLOT_ABSENT,                                         \
	  KEY_POOL | KEY_SIZE | KEY_ALIGN | KEY_BOUNDARY)                                           \
	X(DMA_POOL_DESTROY, "dma_pool_destroy", SLOT_ABSENT, KEY_POOL)                             \
	X(DMA_POOL_ALLOC, "dma_pool_alloc", SLOT_BEGINS, KEY_POOL | KEY_GFP)                         \
	X(DMA_POOL_FREE, "dma_pool_free", SLOT_ENDS, KEY_POOL)                                      \
	X(KMAP, "kmap", SLOT_BEGINS, KEY_PAGE)                                                       \
	X(KUNMAP, "kunmap", SLOT_ENDS, KEY_PAGE)                                                    \
	X(KMAP_ATOMIC, "kmap_atomic", SLOT_BEGINS, KEY_PAGE)                                         \
	X(KUNMAP_ATOMIC, "kunmap_atomic", SLOT_ENDS, KEY_PAGE)                                      \
	X(TASK_CREATE, "task_create", SLOT_BEGINS, 0)                                                \
	X(TASK_EXIT, "task_exit", SLOT_ENDS, KEY_STACK)                                             \
	X(MARKER, "marker", SLOT_ABSENT, KEY_TEXT)

enum trace_kind {
#define X(id, name, slot, keys) KIND_##id,
	TRACE_KINDS(X)
#undef X
	NR_KINDS
};

struct kind_info {
	const char *name;      /* in the text interchange */
	enum kind_slot slot;
	uint32_t keys;         /* KEY_*; that there is an id is implied by slot != SLOT_ABSENT */
};

extern const struct kind_info kind_info[NR_KINDS];

/** kind_by_name() - the kind called @name, or NR_KINDS. */
enum trace_kind kind_by_name(const char *name);

/*
 * Why an event happened: the intent that caused it. A DIRECT event is an intent itself, and so is a SWAP_MAP;
 * the others are effects of another event of the trace, which a replay re-derives once it models the cause.
 */
#define TRACE_ORIGINS(X)                                                                  \
	X(DIRECT, "direct")           /* asked for by the caller itself */                \
	X(SLAB, "slab")               /* a slab's pages */                                \
	X(KMALLOC_LARGE, "kmalloc_large")                                                 \
	X(VMALLOC, "vmalloc")         /* pages behind a vmalloc area */                   \
	X(PAGE_TABLE, "page_table")   /* of the vmalloc space */                          \
	X(PERCPU, "percpu")           /* population of a per-CPU chunk */                 \
	X(STACK, "stack")             /* kernel stacks */                                 \
	X(MEMPOOL, "mempool")         /* element or reserve of a pool */                  \
	X(DMA, "dma")                 /* coherent memory */                               \
	X(EXACT, "exact")             /* inside alloc_pages_exact/free_pages_exact */     \
	X(SWAP_MAP, "swap_map")       /* of vmalloc: swapon()'s, a byte for each page of the device */

enum trace_origin {
#define X(id, name) ORIGIN_##id,
	TRACE_ORIGINS(X)
#undef X
	NR_ORIGINS
};

extern const char *const origin_name[NR_ORIGINS];

/* Slab cache flags, numbered as SLAB_* of kernel 6.1 (include/linux/slab.h); CTOR is ours. */
#define SLAB_FLAG_CONSISTENCY_CHECKS 0x00000100u
#define SLAB_FLAG_RED_ZONE           0x00000400u
#define SLAB_FLAG_POISON             0x00000800u
#define SLAB_FLAG_NO_REAP            0x00001000u /* of 2.6 */
#define SLAB_FLAG_HWCACHE_ALIGN      0x00002000u
#define SLAB_FLAG_CACHE_DMA          0x00004000u
#define SLAB_FLAG_CACHE_DMA32        0x00008000u
#define SLAB_FLAG_STORE_USER         0x00010000u
#define SLAB_FLAG_RECLAIM_ACCOUNT    0x00020000u
#define SLAB_FLAG_PANIC              0x00040000u
#define SLAB_FLAG_TYPESAFE_BY_RCU    0x00080000u
#define SLAB_FLAG_MEM_SPREAD         0x00100000u
#define SLAB_FLAG_TRACE              0x00200000u
#define SLAB_FLAG_NOLEAKTRACE        0x00800000u
#define SLAB_FLAG_ACCOUNT            0x04000000u
#define SLAB_FLAG_NO_MERGE           0x10000000u /* ours: usercopy window or another reason not to merge */
#define SLAB_FLAG_CTOR               0x80000000u /* ours: has a constructor */

enum trace_backing { BACKING_SLAB, BACKING_KMALLOC, BACKING_PAGE, BACKING_OTHER };
enum trace_cache_mode { CACHE_MODE_UC, CACHE_MODE_WC, CACHE_MODE_WB, CACHE_MODE_NP, CACHE_MODE_WT };

#endif

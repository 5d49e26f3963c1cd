/*
 * slab_priv: what the files of the slab layer share: the table of caches, the kmalloc classes and the pure rules of a
 * cache's geometry. Models mm/slab_common.c of kernel 6.1; knows no allocator but by its struct slab_ops.
 */
#ifndef KMEMSIM_MM_SLAB_PRIV_H
#define KMEMSIM_MM_SLAB_PRIV_H

#include "mm/mm.h"
#include "mm/slab.h"

/* Debug flags: such a cache has neither CPU slabs nor CPU-partial stacks (SLAB_DEBUG_FLAGS). */
#define SLAB_DEBUG_FLAGS \
	(SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER | SLAB_TRACE)
/* A cache with one of these shares its slabs with no other (SLAB_NEVER_MERGE, a constructor, a user-copy window). */
#define SLAB_NEVER_MERGE \
	(SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER | SLAB_TRACE | SLAB_TYPESAFE_BY_RCU | SLAB_NOLEAKTRACE | \
		SLAB_CTOR | SLAB_NO_MERGE)
/* Merged caches agree in these (SLAB_MERGE_SAME). */
#define SLAB_MERGE_SAME (SLAB_RECLAIM_ACCOUNT | SLAB_CACHE_DMA | SLAB_CACHE_DMA32 | SLAB_ACCOUNT)

/* What of a caller's mask reaches the page allocator: GFP_RECLAIM_MASK and GFP_CONSTRAINT_MASK. */
#define GFP_SLAB_PAGE_MASK                                                                                     \
	(GFP_RECLAIM | GFP_BIT_HIGH | GFP_BIT_IO | GFP_BIT_FS | GFP_BIT_NOWARN | GFP_BIT_RETRY_MAYFAIL |       \
		GFP_BIT_NOFAIL | GFP_BIT_NORETRY | GFP_BIT_MEMALLOC | GFP_BIT_NOMEMALLOC | GFP_BIT_ATOMIC |    \
		GFP_BIT_HARDWALL | GFP_BIT_THISNODE)

/* A request for pages must not carry these (GFP_SLAB_BUG_MASK): masked off, as kmalloc_fix_flags() does. */
#define GFP_SLAB_BUG_MASK (GFP_BIT_HIGHMEM | GFP_BIT_DMA32)

#define CACHE_LINE 64u /* bytes, cache_line_size() */

#define SLAB_OBJECTS_MAX 32767u /* objects per slab: 15 bits in the kernel's struct slab */

/*
 * The owner word of a slab's first page is its number + 1; of a large kmalloc it is this base + order. So numbers of
 * slabs stay below SLAB_NUMBERS_MAX.
 */
#define LARGE_OWNER_BASE 0xffffff00u
#define SLAB_NUMBERS_MAX (LARGE_OWNER_BASE - 1)

#define SLAB_ENGINE_KMALLOC_MIN 32u /* bytes: smallest kmalloc class of SLAB (KMALLOC_SHIFT_LOW) */

enum kmalloc_type { KMALLOC_NORMAL, KMALLOC_CGROUP, KMALLOC_RECLAIM, KMALLOC_DMA, NR_KMALLOC_TYPES };

#define KMALLOC_MAX_CLASSES 40 /* 32 powers of two and 8 others */

/*
 * The kmalloc caches. A class is found by table: up to small_max bytes by (size - 1) / 8, as the kernel's
 * kmalloc_slab() does up to 192, above by fls(size - 1), where only powers of two are left.
 */
struct kmalloc_classes {
	uint8_t *class_of_eighth;     /* owned: by (size - 1) / 8, up to small_max */
	uint32_t small_max;           /* bytes: the largest class that is no power of two, at least 192 */
	uint32_t max_cache_size;      /* bytes: the largest class; 0: there are no classes */
	uint32_t max_small;           /* bytes: larger ones come from the page allocator */
	uint8_t class_of_fls[33];     /* by fls(size - 1) */
	uint8_t type_of[8];           /* by kmalloc_type_bits() */
	uint32_t nr_classes;
	uint32_t size[KMALLOC_MAX_CLASSES]; /* bytes, in order of creation */
	uint32_t cache[NR_KMALLOC_TYPES][KMALLOC_MAX_CLASSES];
};

struct slab_cache {
	char name[SLAB_NAME_MAX];     /* of its first creator */
	struct slab_geometry geometry;
	uint32_t flags;
	int32_t refcount;             /* users; 0 or less after a refused destroy */
	bool live;
};

/** A name that finds a cache; merged caches have several. */
struct slab_name {
	char name[SLAB_NAME_MAX];
	uint32_t hash;                /* of the name: most others are told apart by it */
	uint32_t cache;
};

/*
 * Invariants
 *  1. by_age holds each live cache once, and no other.
 *  2. Each name leads to a live cache, and each live cache is found by its own name's entry.
 *  3. Each kmalloc class of each type is a live cache whose size is the class size.
 *  4. accounted[cache] is set exactly for live caches with SLAB_ACCOUNT.
 */
struct slab {
	const struct slab_ops *ops;   /* borrowed: the chosen mechanism */
	void *state;                  /* owned: its state */
	uint8_t *accounted;           /* owned: by cache: each object is charged to a memory cgroup */
	struct slab_cache *caches;    /* owned: by number */
	uint32_t *by_age;             /* owned: numbers of live caches, oldest first */
	uint32_t nr_caches, nr_live, caches_room;
	struct slab_name *names;      /* owned: oldest first */
	uint32_t nr_names, names_room;
	/* owned: names of destroyed caches that no cache has taken since; CACHE_NONE: refused */
	struct slab_name *gone;
	uint32_t nr_gone, gone_room;
	uint64_t large_pages;         /* held by large kmallocs */
	struct kmalloc_classes kmalloc;
	const struct machine *machine; /* borrowed */
	struct page_alloc *pages;     /* borrowed */
	uint64_t seed;                /* of the run's random streams */
	struct slab_load_report load_report;
};

/** slab_names_add() - @name leads to @cache, beside its other names. Return: 0, or -1 when out of memory. */
int slab_names_add(struct slab *slab, const char *name, uint32_t cache);
/** slab_names_remove() - @cache goes: all its names are kept as those of a destroyed one. */
void slab_names_remove(struct slab *slab, uint32_t cache);
/** slab_names_check() - invariant 2. */
int slab_names_check(const struct slab *slab, struct err *err);

/** Where slabs can be: nodes with memory that is not ZONE_HIGHMEM, and who is near to whom. */
struct slab_nodes {
	uint8_t has_memory[MACHINE_MAX_NODES]; /* slab_nodes of the kernel */
	uint8_t of_cpu[MACHINE_MAX_CPUS];      /* nearest with memory: numa_mem_id() */
	uint8_t *nearest;                      /* owned: [node * nr_nodes + i]: all nodes, nearest first */
};

/** slab_policy_node() - the node that the task's policy names, else @local. Models mempolicy_slab_node(). */
unsigned int slab_policy_node(const struct page_alloc *pages, unsigned int local);
/** slab_nodes_init() - Return: 0, or -1 when out of memory. */
int slab_nodes_init(struct slab_nodes *nodes, const struct machine *machine);
void slab_nodes_fini(struct slab_nodes *nodes);

/** Memory of freelists: address space for all that the machine's memory can hold, backed when touched. */
struct slab_links {
	uint16_t *array;         /* owned: in units of SLAB_LINK_UNIT */
	size_t bytes;
	uint32_t nr_units;       /* ever used */
	uint32_t max_units;
	uint32_t *unused;        /* owned: by units that a slab takes: first unused place, chained through it */
};
#define SLAB_LINK_UNIT  8u   /* links */
#define SLAB_LINKS_NONE UINT32_MAX

/** slab_links_init() - Return: 0, or -1 when out of address space. */
int slab_links_init(struct slab_links *links, const struct machine *machine);
void slab_links_fini(struct slab_links *links);
/** slab_links_take() - room for one link per object, at a unit. SLAB_LINKS_NONE: out of room. */
uint32_t slab_links_take(struct slab_links *links, uint32_t objects);
void slab_links_give(struct slab_links *links, uint32_t at, uint32_t objects);

static inline uint16_t *slab_links_at(const struct slab_links *links, uint32_t at)
{
	return &links->array[(size_t)at * SLAB_LINK_UNIT];
}

/** slab_reserve() - address space that is backed, with zeros, when touched. NULL: there is none. */
void *slab_reserve(size_t bytes);
void slab_unreserve(void *p, size_t bytes);
/** slab_ram_bytes() - all memory of the machine. */
uint64_t slab_ram_bytes(const struct machine *machine);
/** slab_page_flags() - what a cache's own flags add to each request for pages (allocflags). */
gfp_t slab_page_flags(const struct slab_geometry *geometry, uint32_t flags);

/** slab_add_cache() - a cache of its own: no merging. CACHE_NONE when it cannot be. */
uint32_t slab_add_cache(struct slab *slab, const struct slab_create *create);
/** slab_install_cache() - a cache of a geometry that is known. CACHE_NONE when out of memory. */
uint32_t slab_install_cache(struct slab *slab, const char *name, const struct slab_geometry *geometry, uint32_t flags);

/**
 * kmalloc_create_caches() - models create_kmalloc_caches(): all classes of all types, in the kernel's order. Caches
 * that are there under a class's name already, from a saved state, serve it.
 */
int kmalloc_create_caches(struct slab *slab, struct err *err);
void kmalloc_fini(struct slab *slab);
/** kmalloc_large_free() - models free_large_kmalloc(). */
void kmalloc_large_free(struct slab *slab, struct slab_object object, unsigned int cpu, struct meter *meter);
/** kmalloc_large_live() - whether the pages at @pfn are a large kmalloc. */
bool kmalloc_large_live(const struct slab *slab, pfn_t pfn);
/** kmalloc_large_at() - the large kmalloc that @address lies in. */
bool kmalloc_large_at(const struct slab *slab, uint64_t address, struct slab_object *object);
/** kmalloc_check() - invariant 3. */
int kmalloc_check(const struct slab *slab, struct err *err);

/** slab_order_of() - smallest order whose pages hold @size bytes (get_order()); 64 when none does. */
unsigned int slab_order_of(const struct machine *machine, uint64_t size);
/** slab_geometry_of() - models kmem_cache_open(): SLUB's geometry. Return: false when no slab can hold an object. */
bool slab_geometry_of(const struct machine *machine, uint32_t object_size, uint32_t align, uint32_t flags,
	struct slab_geometry *geometry);

#endif

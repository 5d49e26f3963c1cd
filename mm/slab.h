/*
 * slab: object caches as the layers above see them, whichever allocator the machine has (slab.allocator).
 * Models mm/slab_common.c of kernel 6.1: creating and merging caches, kmalloc classes. The allocator itself is a
 * mechanism of SLOT_SLAB behind struct slab_ops.
 */
#ifndef KMEMSIM_MM_SLAB_H
#define KMEMSIM_MM_SLAB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/gfp.h"
#include "configs/state.h"
#include "mm/answer.h"
#include "mm/mechanism.h"
#include "mm/meter.h"
#include "mm/page_alloc.h"

#define SLAB_NAME_MAX 64
#define CACHE_NONE UINT32_MAX

/* Cache flags: the bits of SLAB_* of kernel 6.1 that change behaviour. traces/kind.h has the same numbers. */
#define SLAB_NO_REAP         0x00001000u /* of 2.6: the reaper passes over the cache; later kernels do not know it */
#define SLAB_HWCACHE_ALIGN   0x00002000u
#define SLAB_CACHE_DMA       0x00004000u
#define SLAB_CACHE_DMA32     0x00008000u
#define SLAB_CONSISTENCY_CHECKS 0x00000100u
#define SLAB_RED_ZONE        0x00000400u
#define SLAB_POISON          0x00000800u
#define SLAB_STORE_USER      0x00010000u
#define SLAB_RECLAIM_ACCOUNT 0x00020000u
#define SLAB_TYPESAFE_BY_RCU 0x00080000u
#define SLAB_TRACE           0x00200000u
#define SLAB_NOLEAKTRACE     0x00800000u
#define SLAB_ACCOUNT         0x04000000u
#define SLAB_NO_MERGE        0x10000000u /* ours: a user-copy window, or refcount -1 */
#define SLAB_CTOR            0x80000000u /* ours: has a constructor */

/** An object: which slab of which kind, and where in it. 8 bytes, kept by the caller for each live object. */
struct slab_object {
	uint32_t slab;  /* the allocator's slab number; SLAB_LARGE: pages of a large kmalloc */
	uint32_t index; /* object in the slab; for SLAB_LARGE the first pfn (of 32 bits) */
};
#define SLAB_LARGE UINT32_MAX

/** Where SLAB keeps which objects of a slab are free. */
enum slab_management {
	SLAB_OBJFREELIST, /* in one of the free objects */
	SLAB_OFF_SLAB,    /* in a kmalloc object of its own */
	SLAB_ON_SLAB,     /* in the slab, beside its objects */
};

/** Sizes of a cache, fixed at its creation. */
struct slab_geometry {
	uint32_t object_size; /* bytes asked for */
	uint32_t size;        /* bytes from one object to the next (slab_size) */
	uint32_t align;
	uint32_t inuse;       /* bytes used before the metadata */
	uint32_t offset;      /* of the free pointer */
	uint32_t order;       /* of a slab, log2 pages */
	uint32_t objs_per_slab;
	uint32_t min_order, min_objs;  /* what is tried when order fails */
	uint32_t min_partial;
	uint32_t cpu_partial;          /* objects */
	uint32_t cpu_partial_slabs;
	/* SLAB only; 0 elsewhere. */
	uint32_t limit, batchcount;    /* objects: of a CPU's array, and what goes to or from it at once */
	uint32_t shared;               /* room of a node's shared array, in batches */
	uint32_t colours, colour_off;  /* places that object 0 may have: number, bytes from one to the next */
	uint32_t management_bytes;     /* of an off-slab slab's kmalloc object */
	enum slab_management management;
};

struct slab_create {
	const char *name;
	uint32_t object_size;
	uint32_t align;
	uint32_t flags;
};

struct slab_stats {
	char name[SLAB_NAME_MAX];
	struct slab_geometry geometry;
	uint32_t flags;
	uint32_t aliases;          /* further names that were merged into it */
	uint64_t active_objs;      /* as /proc/slabinfo counts */
	uint64_t total_objs;
	uint64_t live_objs;        /* objects that callers hold */
	uint64_t slabs;
	uint64_t active_slabs;     /* as /proc/slabinfo counts; SLUB: all */
	uint64_t shared_avail;     /* SLAB: objects in shared arrays */
	uint64_t slab_pages;
	uint64_t partial;          /* slabs on node lists */
	uint64_t cpu_slabs;        /* as sysfs: current and CPU-partial slabs, of CPUs that have a current slab */
	uint64_t slabs_cpu_current;
	uint64_t slabs_cpu_partial; /* on all CPU-partial stacks */
	uint64_t allocs, frees, grown, discarded;
};

/** What slab_load() found and what it assumed. */
struct slab_load_report {
	uint32_t caches;           /* loaded */
	uint32_t caches_added;     /* kmalloc caches that the state lacks */
	uint32_t geometry_differs; /* caches whose saved sizes are not those that the machine file leads to */
	uint64_t slabs;            /* loaded, or built from counts */
	uint64_t slabs_in_transit; /* saved between two lists, with free objects: now last of their node's list */
	uint64_t slabs_from_free;  /* built from counts: in pages that were free, for want of blocks in use */
	uint64_t slabs_missing;    /* built from counts: no pages for them */
	uint64_t objects_assumed;  /* live objects whose places are not known, or of which some may be free */
	uint64_t counts_differ;    /* built from counts: objects between the saved number and what the slabs hold */
};

/** Which caches the kernel's find_mergeable() takes for one, with this allocator. */
enum slab_merging {
	MERGE_BY_SIZE, /* sizes that differ by less than a word */
	MERGE_ALIGNED, /* those, and the other's alignment is a multiple of what is asked for */
	MERGE_NEVER,
};

/*
 * What an allocator of SLOT_SLAB provides. `cache` numbers are dense, 0 .. nr_caches - 1, in order of creation.
 */
struct slab_ops {
	struct mechanism mech;
	const char *gone_since;    /* release that no longer has it; NULL: 6.18 has it */
	/* bytes: there is no smaller kmalloc class, whatever the machine file says; 0: any */
	uint32_t kmalloc_min_size;
	uint32_t sized_header;     /* bytes in front of each object of alloc_sized() */
	enum slab_merging merging;
	/** geometry() - pure: sizes for a cache on this machine. Return false: no such cache can be. */
	bool (*geometry)(const struct machine *machine, uint32_t object_size, uint32_t align, uint32_t flags,
		struct slab_geometry *geometry);
	/** cache_init() - a new cache (or an old number used again) of that geometry. 0, or -1 when out of memory. */
	int (*cache_init)(void *state, uint32_t cache, const struct slab_geometry *geometry, uint32_t flags);
	enum mm_answer (*alloc)(void *state, uint32_t cache, gfp_t gfp, int node, unsigned int cpu,
		struct slab_object *object, struct meter *meter);
	/**
	 * alloc_sized() - kmalloc() of an allocator without kmalloc classes: @size and its header are less than a page.
	 * NULL: classes serve kmalloc().
	 */
	enum mm_answer (*alloc_sized)(void *state, uint32_t size, gfp_t gfp, int node, unsigned int cpu,
		struct slab_object *object, struct meter *meter);
	void (*free)(void *state, struct slab_object object, unsigned int cpu, struct meter *meter);
	/** free_bulk() - objects freed by one call (kmem_cache_free_bulk). */
	void (*free_bulk)(void *state, struct slab_object *objects, uint32_t nr, unsigned int cpu, struct meter *meter);
	/** shrink() - models kmem_cache_shrink(). Return: slabs that remain. */
	uint64_t (*shrink)(void *state, uint32_t cache, struct meter *meter);
	/** destroy() - models __kmem_cache_shutdown(). Return: false when objects live, and the cache stays. */
	bool (*destroy)(void *state, uint32_t cache, struct meter *meter);
	/** reap() - one round of the reaper on @cpu (cache_reap()), which comes every 2 s. NULL: there is none. */
	void (*reap)(void *state, unsigned int cpu, struct meter *meter);
	/** pages() - pages held that are no single cache's. NULL: there are none. */
	uint64_t (*pages)(const void *state);
	/** cache_pages() - pages of all caches' slabs, fast. NULL: they are added up from stats(). */
	uint64_t (*cache_pages)(const void *state);
	/** cache_of() - the cache an object belongs to; CACHE_NONE: alloc_sized() made it. */
	uint32_t (*cache_of)(const void *state, struct slab_object object);
	/** pfn_of() - first page of the object's slab. */
	pfn_t (*pfn_of)(const void *state, struct slab_object object);
	/** object_live() - whether a caller holds the object; any number may be asked. O(free objects of its slab). */
	bool (*object_live)(const void *state, struct slab_object object);
	/** stats() - fills the counts (not name, flags, aliases). */
	void (*stats)(const void *state, uint32_t cache, struct slab_stats *stats);
	/**
	 * load() - the slabs of a saved state; @cache_of: the number of each of its
	 * caches, which have no slab yet. NULL: states of this allocator are not known.
	 */
	int (*load)(void *state, const struct state *saved, const uint32_t *cache_of, struct slab_load_report *report,
		struct err *err);
	/** The others are what slab.h says of slab_assume_live() and those behind it; NULL: not supported. */
	bool (*assume_live)(void *state, uint32_t cache, uint64_t live);
	bool (*object_at)(const void *state, uint64_t address, struct slab_object *object);
	uint64_t (*address_of)(const void *state, struct slab_object object);
	bool (*claim)(void *state, struct slab_object object);
	void (*unclaim)(void *state, struct slab_object object, unsigned int cpu);
	bool (*switch_to)(void *state, struct slab_object object, unsigned int cpu, struct meter *meter);
	void (*next_start)(void *state, uint32_t cache, uint32_t first_object);
	void (*next_pfn)(void *state, uint32_t cache, pfn_t pfn, unsigned int order);
	bool (*grow_at)(void *state, uint32_t cache, pfn_t pfn, unsigned int order, uint32_t first_object,
		unsigned int cpu, struct meter *meter);
	bool (*drop_at)(void *state, pfn_t pfn, unsigned int cpu, struct meter *meter);
	void (*describe)(const void *state, uint32_t cache, unsigned int cpu, char *buf, size_t size);
};

struct slab; /* all caches of a machine; private to mm/ */

/** slab_check_machine() - whether there is the allocator that @machine chooses. Return: 0, or ERR_CONFIG. */
int slab_check_machine(const struct machine *machine, struct err *err);

/** slab_create_all() - boot: the machine's allocator and its kmalloc caches. */
int slab_create_all(struct slab **out, struct mm *mm, struct err *err);
/** slab_destroy_all() - frees what slab_create_all() made; accepts NULL. Pages of slabs stay handed out. */
void slab_destroy_all(struct slab *slab);

enum slab_create_result {
	SLAB_CREATED,
	SLAB_MERGED,         /* an alias of an existing cache; *cache is that one */
	SLAB_CREATE_FAILED,  /* too large, refused, or no memory */
};

/**
 * slab_cache_create() - models kmem_cache_create(): merges where the kernel would.
 * A duplicate name is legal in 6.1; the later one is found by name from then on. In 2.6 it was a BUG(): refused here.
 */
enum slab_create_result slab_cache_create(struct slab *slab, const struct slab_create *create, uint32_t *cache,
	struct meter *meter);
/**
 * slab_cache_boot() - a cache that the trace says was there before it began, with its name kept: never merged.
 */
enum slab_create_result slab_cache_boot(struct slab *slab, const struct slab_create *create, uint32_t *cache);
/** slab_cache_name() - slab_cache_find() finds @cache by @name, too. Return: false without memory. */
bool slab_cache_name(struct slab *slab, uint32_t cache, const char *name);
/** slab_cache_find() - by name (aliases too; the kmalloc caches as well); CACHE_NONE. */
uint32_t slab_cache_find(const struct slab *slab, const char *name);
/** slab_cache_gone() - whether the last cache of that name has been destroyed. */
bool slab_cache_gone(const struct slab *slab, const char *name);
/**
 * slab_cache_refuse() - the creation of @name failed, and no
 * cache has that name. Return: 0, or -1 when out of memory.
 */
int slab_cache_refuse(struct slab *slab, const char *name);
/** slab_cache_refused() - whether that was the last that happened to the name. */
bool slab_cache_refused(const struct slab *slab, const char *name);
/**
 * slab_cache_destroy() - models kmem_cache_destroy(). Return: false when objects live: reported, the cache stays.
 * In 2.6 it may be tried again; later kernels ignore a second call.
 */
bool slab_cache_destroy(struct slab *slab, uint32_t cache, struct meter *meter);
/** slab_cache_given_up() - whether a call was refused, so that this kernel ignores the next one. */
bool slab_cache_given_up(const struct slab *slab, uint32_t cache);
/** slab_cache_shrink() - models kmem_cache_shrink(). Return: slabs that are left. */
uint64_t slab_cache_shrink(struct slab *slab, uint32_t cache, struct meter *meter);

/**
 * slab_alloc() - an object of @cache, as kmem_cache_alloc_node() on @cpu.
 * @gfp:    of the caller: decides whether the page allocator may wait, and clearing and cgroup charge are paid for.
 * @node:   where it is wanted, -1: anywhere.
 * @object: set when the answer is MM_DONE; the caller owns it until slab_free().
 *
 * Return: MM_FAILED when there are no pages for a new slab, MM_WAIT when its pages must be waited for.
 */
enum mm_answer slab_alloc(struct slab *slab, uint32_t cache, gfp_t gfp, int node, unsigned int cpu,
	struct slab_object *object, struct meter *meter);
/** slab_free() - kmem_cache_free() and kfree() alike: the cache is the slab's own. Large kmallocs too. */
void slab_free(struct slab *slab, struct slab_object object, unsigned int cpu, struct meter *meter);
/** slab_free_bulk() - models kmem_cache_free_bulk() and kfree_bulk(): @nr objects of any caches; order is lost. */
void slab_free_bulk(struct slab *slab, struct slab_object *objects, uint32_t nr, unsigned int cpu, struct meter *meter);

/** slab_reaps() - whether the allocator has a reaper. slab_reap() - one round of it on @cpu: every 2 s. */
bool slab_reaps(const struct slab *slab);
void slab_reap(struct slab *slab, unsigned int cpu, struct meter *meter);

/**
 * kmalloc_class() - the cache that serves kmalloc(@size, @gfp), CACHE_NONE for a large one (or 0, or too large).
 * A pure function of the machine: callers may remember its answer.
 */
uint32_t kmalloc_class(const struct slab *slab, uint64_t size, gfp_t gfp);

/** kmalloc_is_large() - whether kmalloc(@size) is served by whole pages: by kmalloc_large(). */
bool kmalloc_is_large(const struct slab *slab, uint64_t size);

/**
 * kmalloc_sized() - kmalloc(@size) of a size that is not large, where no class serves it: an allocator without classes
 * does. MM_FAILED where there are classes, or of size 0.
 */
enum mm_answer kmalloc_sized(struct slab *slab, uint64_t size, gfp_t gfp, int node, unsigned int cpu,
	struct slab_object *object, struct meter *meter);

/**
 * kmalloc_size() - bytes_alloc that the kmalloc event shows: class size, or whole pages of a large kmalloc (also
 * where it is too large and fails); 0 for size 0.
 */
uint64_t kmalloc_size(const struct slab *slab, uint64_t size, gfp_t gfp);

/**
 * kmalloc_large() - models __kmalloc_large_node(): above max_cache_size, from the page allocator.
 * @object: slab = SLAB_LARGE; the order is found again at free.
 */
enum mm_answer kmalloc_large(struct slab *slab, uint64_t size, gfp_t gfp, int node, unsigned int cpu,
	struct slab_object *object, struct meter *meter);

/** kmalloc_large_adopt() - the block of 2^@order pages at @pfn, which is handed out, is a large kmalloc from now on. */
struct slab_object kmalloc_large_adopt(struct slab *slab, pfn_t pfn, unsigned int order);

uint32_t slab_nr_caches(const struct slab *slab); /* destroyed ones included: see slab_cache_live() */
bool slab_cache_live(const struct slab *slab, uint32_t cache);
void slab_cache_stats(const struct slab *slab, uint32_t cache, struct slab_stats *stats);
/** slab_cache_flags() - SLAB_* bits that the cache was created with. */
uint32_t slab_cache_flags(const struct slab *slab, uint32_t cache);
/** slab_cache_geometry() - borrowed until the next cache is created. */
const struct slab_geometry *slab_cache_geometry(const struct slab *slab, uint32_t cache);
uint32_t slab_object_cache(const struct slab *slab, struct slab_object object); /* CACHE_NONE for a large one */
pfn_t slab_object_pfn(const struct slab *slab, struct slab_object object);
/** slab_object_live() - whether a caller holds @object, any two numbers: what slab_free() may be given. Slow. */
bool slab_object_live(const struct slab *slab, struct slab_object object);
/** slab_pages() - pages of all slabs. */
uint64_t slab_pages(const struct slab *slab);
/** slab_large_pages() - pages held by large kmallocs. */
uint64_t slab_large_pages(const struct slab *slab);
/** slab_check() - invariants of caches, names, kmalloc classes and the allocator. Errors: ERR_INVARIANT, ERR_NOMEM. */
int slab_check(const struct slab *slab, struct err *err);

/**
 * slab_load() - replace all caches by those of a saved state, with every slab, freelist and list as it was.
 *
 * The page allocator has been loaded before (page_alloc_load()): it has handed out the pages of the slabs. No object of
 * the old caches may be used any more, and cache numbers change: ask slab_cache_find() again. Without
 * state->exact_slabs the CPUs' freelists are not known: three quarters of what may be on one are taken to be. Without
 * slabs these are built from the counts: their pages are taken from the page allocator, no CPU has a slab, and what is
 * free lies in slabs that are half full.
 *
 * Errors: ERR_CONFIG when the state contradicts itself or the machine, or the machine's allocator cannot take over a
 * state; ERR_NOMEM. The slab layer cannot be used then.
 */
int slab_load(struct slab *slab, const struct state *state, struct err *err);
/** slab_load_report() - what the last slab_load() found and assumed. */
const struct slab_load_report *slab_load_report(const struct slab *slab);
/**
 * slab_assume_live() - of a state without the CPUs' freelists, before anything is allocated: @live objects of @cache
 * are known to live, so the others that its CPUs' slabs have in use are taken to be free. Return: false when @live are
 * more than there are, or the rest more than those slabs have: what slab_load() assumed stays.
 */
bool slab_assume_live(struct slab *slab, uint32_t cache, uint64_t live);

/* Holding the model against a recording. */
/**
 * slab_object_at() - which object lies at a physical address (pfn << page_shift | offset), free ones too; the address
 * may be any byte of it. Return: false when no slab and no large kmalloc is there.
 */
bool slab_object_at(const struct slab *slab, uint64_t address, struct slab_object *object);
/** slab_object_address() - the physical address of an object's first byte, of a large kmalloc too. */
uint64_t slab_object_address(const struct slab *slab, struct slab_object object);
/**
 * slab_claim() - the kernel had handed out @object unseen: it leaves the freelist that it is on, and is live.
 * Return: false when it is no free object.
 */
bool slab_claim(struct slab *slab, struct slab_object object);
/** slab_unclaim() - the model just handed out @object on @cpu, and the kernel did not: it goes back to where it was. */
void slab_unclaim(struct slab *slab, struct slab_object object, unsigned int cpu);
/**
 * slab_switch_to() - the kernel hands out from the slab of @object on @cpu: it becomes the current
 * one there, from wherever it is, and the one of the model is deactivated. Return: false when it is
 * that already, or has no free object.
 */
bool slab_switch_to(struct slab *slab, struct slab_object object, unsigned int cpu, struct meter *meter);
/**
 * slab_next_start() - the freelist of the next new slab of @cache begins with @first_object, as far as its random order
 * allows: the kernel's random draw, learned from a recording. Once; UINT32_MAX: drawn after all.
 */
void slab_next_start(struct slab *slab, uint32_t cache, uint32_t first_object);
/**
 * slab_next_pfn() - the next new slab of @cache gets the 2^@order pages at @pfn: taken there, or, when they are handed
 * out already and are no one's slab, as they are. Once; other pages are taken when neither is possible. PFN_NONE: as
 * the page allocator chooses after all.
 */
void slab_next_pfn(struct slab *slab, uint32_t cache, pfn_t pfn, unsigned int order);
/**
 * slab_grow_at() - the kernel has made a new slab where the model saw no need: it becomes the current one of @cpu, its
 * freelist beginning with @first_object, and the current one of the model is deactivated. Return: false when these
 * pages, or slabs of that order, cannot be had.
 */
bool slab_grow_at(struct slab *slab, uint32_t cache, pfn_t pfn, unsigned int order, uint32_t first_object,
	unsigned int cpu, struct meter *meter);
/**
 * slab_drop_at() - the kernel has given back the pages of the slab at @pfn, which the model still has: it is discarded,
 * whatever lives in it. Return: false when the model has no slab that begins there.
 */
bool slab_drop_at(struct slab *slab, pfn_t pfn, unsigned int cpu, struct meter *meter);
/** slab_describe() - a cache's current slab on @cpu, its stack there and its node lists, for a message. */
void slab_describe(const struct slab *slab, uint32_t cache, unsigned int cpu, char *buf, size_t size);

/* Pure rules, each with its own tests. */
/** slab_calculate_alignment() - models calculate_alignment(). */
uint32_t slab_calculate_alignment(uint32_t flags, uint32_t align, uint32_t size);
/**
 * slab_infer_create() - what alignment and flags turn @object_size into @size: for caches that a trace shows only by
 * their sizes. Return: false when none does.
 */
bool slab_infer_create(uint32_t object_size, uint32_t size, uint32_t *align, uint32_t *flags);

#endif

/*
 * slub_priv: the state of the SLUB allocator, shared by its files:
 *   slub.c          allocation, free and the mechanism's table: the fast paths
 *   slub_partial.c  CPU slabs, CPU-partial stacks, node partial lists; flush, shrink, shutdown
 *   slub_page.c     growing and discarding slabs: pages, the first freelist
 *   slub_store.c    numbers of slabs and the memory of their freelists
 *   slub_stats.c    what /proc and sysfs would show
 *   slub_load.c     starting from slabs that were saved
 *   slub_recorded.c holding it against a recording: addresses, corrections
 *   slub_check.c    the invariants
 * Models mm/slub.c of kernel 6.1. Knows pages only through mm/page_alloc.h; knows nothing of cache names or merging.
 */
#ifndef KMEMSIM_MM_SLUB_PRIV_H
#define KMEMSIM_MM_SLUB_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "mm/mm.h"
#include "mm/slab_priv.h"

#define SLAB_NONE   UINT32_MAX
#define OBJECT_NONE UINT16_MAX /* ends a freelist; SLAB_OBJECTS_MAX is below it */

/* Where a slab is. Full slabs, and all others of a debug cache, are on no list. */
enum slub_place {
	SLUB_UNUSED,       /* a number without a slab */
	SLUB_CPU,          /* the current slab of a CPU */
	SLUB_CPU_PARTIAL,  /* on a CPU's stack */
	SLUB_NODE_PARTIAL, /* on its node's list */
	SLUB_FULL,
};

/** One slab. Freelists are chains of object numbers through links[]. */
struct slub_slab {
	uint32_t pfn;           /* first page */
	uint32_t cache;
	uint32_t prev, next;    /* on the node list; next also on a stack and among unused numbers. SLAB_NONE ends */
	uint32_t links;         /* in the store's link units; links[i] is the object after object i */
	uint32_t depth;         /* on a stack: slabs from here to its bottom */
	uint16_t freelist;      /* first free object, without those on a CPU freelist */
	uint16_t inuse;         /* objects handed out or on a CPU freelist */
	uint16_t objects;
	uint8_t node;           /* of its pages */
	uint8_t order : 5;
	uint8_t place : 3;      /* enum slub_place; the kernel's frozen bit is set in the two CPU places */
};
_Static_assert(sizeof(struct slub_slab) == 32, "two slabs a cache line");

/** What a CPU has of a cache: struct kmem_cache_cpu. */
struct slub_cpu {
	uint16_t *links;        /* of the current slab */
	uint64_t allocs;        /* objects handed out by this CPU */
	uint32_t slab;          /* current one, or SLAB_NONE */
	uint32_t partial;       /* top of the stack, or SLAB_NONE */
	uint16_t freelist;      /* OBJECT_NONE without a current slab */
	uint8_t node;           /* of the current slab */
	uint8_t unused[5];
};
_Static_assert(sizeof(struct slub_cpu) == 32, "half a cache line");

/** What a node has of a cache: struct kmem_cache_node. */
struct slub_node {
	uint32_t head, tail;    /* partial list, or SLAB_NONE */
	uint32_t nr_partial;
	uint32_t nr_slabs;
	uint64_t total_objects;
};

struct slub_cache {
	struct slab_geometry geometry;
	uint32_t flags;
	gfp_t allocflags;       /* added to each request for pages */
	uint16_t *random_seq;   /* owned: permutation of a slab's objects, or NULL */
	uint64_t grown, discarded; /* slabs, since the cache was created; those it was loaded with count as grown */
	uint64_t loaded_objects;   /* live in the state that it was loaded from */
	uint64_t pages;         /* of its slabs */
	bool live;
	bool debug;             /* no CPU slabs */
	bool has_cpu_partial;
	uint16_t next_start;    /* first object of the next new slab, or OBJECT_NONE: drawn */
	uint8_t next_order;     /* log2 pages at next_pfn */
	uint32_t next_pfn;      /* pages of the next new slab, or SLAB_NONE: as the page allocator chooses */
};

/* Memory of slabs and freelists: address space for all that the machine's memory can hold, backed when touched. */
struct slub_store {
	struct slub_slab *slabs; /* owned: by number */
	struct slab_links links;
	size_t slabs_bytes;
	uint32_t nr_slabs;       /* numbers ever used */
	uint32_t max_slabs;
	uint32_t unused;         /* first unused number below nr_slabs, chained by next */
};

/*
 * Invariants
 *  1. Of each slab, inuse and the objects on its freelist make up all its objects, none of them twice.
 *  2. A CPU's freelist holds objects of its current slab, none twice and none that is on the slab's own freelist;
 *     links and node of the CPU are those of that slab. Without a current slab it is empty.
 *  3. Each slab in use is in exactly one place, the one that it says: current slab of one CPU, on one CPU's stack,
 *     on its node's partial list, or, with no free object, nowhere. So it is frozen, as the kernel says, exactly as a
 *     CPU's. Lists and stacks hold slabs of their own cache and node only.
 *  4. nr_partial is the length of the list, prev mirrors next, and each slab on it has a free object.
 *  5. depth of the slabs of a stack counts down to 1.
 *  6. The owner word of a slab's first page is its number + 1, and the page is of the slab's node.
 *  7. nr_slabs and total_objects of a node are those of its slabs; pages, and grown less discarded, of the cache's.
 *  8. A slab's order is the cache's or its minimum, and objects is what fits.
 *  9. Numbers below nr_slabs are in use or on the unused chain; a debug cache has no current slab and no stack.
 */
struct slub {
	struct slub_store store;   /* first: its two arrays are what the fast paths need */
	struct slub_cpu *cpus;     /* owned: [cache * nr_cpus + cpu] */
	uint32_t nr_cpus, nr_nodes;
	struct slub_cache *caches; /* owned: by number */
	struct slub_node *nodes;   /* owned: [cache * nr_nodes + node] */
	uint32_t nr_caches, room;  /* numbers ever used; room in the three arrays */
	struct slab_nodes numa;
	struct rng freelist_rng, defrag_rng, load_rng;
	const struct machine *machine; /* borrowed */
	struct page_alloc *pages;      /* borrowed */
};

/** A request on its way: who asks for what. */
struct slub_op {
	struct slub *slub;
	struct slub_cache *cache;
	struct slub_cpu *c;
	struct meter *meter;
	uint32_t cache_nr;
	unsigned int cpu;
	int node;               /* wanted, or -1 */
	gfp_t gfp;
};

static inline struct slub_cpu *slub_cpu_of(const struct slub *slub, uint32_t cache, unsigned int cpu)
{
	return &slub->cpus[(size_t)cache * slub->nr_cpus + cpu];
}

static inline struct slub_node *slub_node_of(const struct slub *slub, uint32_t cache, unsigned int node)
{
	return &slub->nodes[(size_t)cache * slub->nr_nodes + node];
}

static inline uint16_t *slub_links(const struct slub *slub, const struct slub_slab *slab)
{
	return slab_links_at(&slub->store.links, slab->links);
}

static inline struct slub_op slub_op_of(struct slub *slub, uint32_t cache, unsigned int cpu, struct meter *meter)
{
	return (struct slub_op){ .slub = slub, .cache = &slub->caches[cache], .c = slub_cpu_of(slub, cache, cpu),
		.meter = meter, .cache_nr = cache, .cpu = cpu, .node = -1 };
}

/* slub_store.c */
int slub_store_init(struct slub_store *store, const struct machine *machine, struct err *err);
void slub_store_fini(struct slub_store *store);
/** slub_store_take() - a slab number with room for the freelist of @objects objects. SLAB_NONE: out of room. */
uint32_t slub_store_take(struct slub_store *store, uint32_t objects);
/** slub_store_give() - slab @number is no more; its number and the room of its freelist can be taken again. */
void slub_store_give(struct slub_store *store, uint32_t number);

/* slub_page.c */
/** slub_new_slab() - models new_slab(): pages and a full freelist. @number: the slab, in no place yet, inuse 0. */
enum mm_answer slub_new_slab(const struct slub_op *op, uint32_t *number);
/** slub_take_pages_at() - these very pages for a slab; they may be handed out already, but be no slab. */
bool slub_take_pages_at(const struct slub_op *op, pfn_t pfn, unsigned int order);
/** slub_adopt() - count slab @number, whose pages are handed out and whose fields are set, as one of its cache. */
void slub_adopt(struct slub *slub, uint32_t number);
/** slub_discard() - models discard_slab(): of a slab that has been taken from where it was. */
void slub_discard(const struct slub_op *op, uint32_t number);
/** slub_randomize() - models init_cache_random_seq(). Return: 0, or -1 when out of memory. */
int slub_randomize(struct slub *slub, struct slub_cache *cache);

/* slub_partial.c */
/** slub_partial_add() - models add_partial(): a slab in no place goes to its node's list, to the @tail or the head. */
void slub_partial_add(struct slub *slub, uint32_t number, bool tail);
/** slub_partial_remove() - models remove_partial(): it is in no place then. */
void slub_partial_remove(struct slub *slub, uint32_t number);
/** slub_load() - make a slab in no place the CPU's current one, its freelist left where it is. */
void slub_load(const struct slub_op *op, uint32_t number);
/** slub_take_freelist() - models get_freelist(): all that is free in the current slab goes to the CPU. */
void slub_take_freelist(const struct slub_op *op);
/**
 * slub_splice_cpu_freelist() - the CPU freelist goes in front of
 * the slab's own, in the same order. The CPU keeps its number.
 * Return: whether the latter had objects.
 */
bool slub_splice_cpu_freelist(struct slub_cpu *c, struct slub_slab *slab);
/** slub_deactivate() - models deactivate_slab() of the current slab. */
void slub_deactivate(const struct slub_op *op);
/** slub_cpu_partial_put() - models put_cpu_partial(); @drain: make room on a full stack. */
void slub_cpu_partial_put(const struct slub_op *op, uint32_t number, bool drain);
/** slub_get_partial() - models get_partial(): a slab of a node list becomes current, more go on the stack. */
bool slub_get_partial(const struct slub_op *op);
/** slub_shrink() - models __kmem_cache_do_shrink(). Return: slabs that are left. */
uint64_t slub_shrink(void *state, uint32_t cache, struct meter *meter);
/** slub_shutdown() - models __kmem_cache_shutdown(). Return: false when slabs are left. */
bool slub_shutdown(const struct slub_op *op);

/* slub_stats.c: as struct slab_ops has them. */
void slub_stats(const void *state, uint32_t cache, struct slab_stats *stats);
uint64_t slub_cache_pages(const void *state);
bool slub_object_live(const void *state, struct slab_object object);
/** slub_chain_length() - objects on a freelist, at most @max. */
uint32_t slub_chain_length(const uint16_t *links, uint16_t head, uint32_t max);

/* slub_load.c: load() of struct slab_ops. */
int slub_load_state(void *state, const struct state *saved, const uint32_t *cache_of, struct slab_load_report *report,
	struct err *err);

/* slub_guess.c */
/** slub_guess_free() - objects of a CPU's slab that are on the CPU's freelist. */
uint32_t slub_guess_free(const struct slub_slab *slab);
/**
 * slub_guess_freelist() - @nr objects of @slab as a CPU's freelist: those that a new slab hands out last.
 * @taken: a byte for each object, not 0 for those on the slab's own freelist. Return: the first of them.
 */
uint16_t slub_guess_freelist(const struct slub *slub, const struct slub_slab *slab, const uint8_t *taken, uint32_t nr);
/** slub_assume_live() - as slab.h says of slab_assume_live(). */
bool slub_assume_live(void *state, uint32_t cache, uint64_t live);

/* slub_recorded.c: as slab.h says of slab_object_at() and those behind it. */
bool slub_object_at(const void *state, uint64_t address, struct slab_object *object);
uint64_t slub_address_of(const void *state, struct slab_object object);
bool slub_claim(void *state, struct slab_object object);
void slub_unclaim(void *state, struct slab_object object, unsigned int cpu);
bool slub_switch_to(void *state, struct slab_object object, unsigned int cpu, struct meter *meter);
void slub_next_start(void *state, uint32_t cache, uint32_t first_object);
void slub_next_pfn(void *state, uint32_t cache, pfn_t pfn, unsigned int order);
bool slub_grow_at(void *state, uint32_t cache, pfn_t pfn, unsigned int order, uint32_t first_object, unsigned int cpu,
	struct meter *meter);
bool slub_drop_at(void *state, pfn_t pfn, unsigned int cpu, struct meter *meter);
void slub_describe(const void *state, uint32_t cache, unsigned int cpu, char *buf, size_t size);

/* slub_check.c */
int slub_check(const void *state, struct err *err);

/* slub_build.c */
/** slub_build_slabs() - as many slabs of each cache as @saved counts, in pages that are in use. */
int slub_build_slabs(struct slub *slub, const struct state *saved, const uint32_t *cache_of,
	struct slab_load_report *report, struct err *err);

#endif

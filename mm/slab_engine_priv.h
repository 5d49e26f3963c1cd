/*
 * slab_engine_priv: the state of the SLAB allocator (mm/slab.c of the kernel), shared by its files:
 *   slab.c               allocation and free: the CPUs' arrays, and the mechanism's table
 *   slab_engine_lists.c  what lies behind the arrays: refill, flush, lists of slabs, shared and alien arrays
 *   slab_engine_grow.c   growing and destroying slabs: numbers, pages, colour, management
 *   slab_engine_sizes.c  geometry and tunables of a cache
 *   slab_engine_reap.c   the reaper, shrink, shutdown
 *   slab_engine_stats.c  what /proc/slabinfo would show; objects by address
 *   slab_engine_check.c  the invariants
 * Models mm/slab.c of kernel 6.1 and, with kernel: 2.6-classic, of 2.6.10 or so. Not to be mixed up with slab.h and
 * slab_common.c, the layer above all allocators.
 */
#ifndef KMEMSIM_MM_SLAB_ENGINE_PRIV_H
#define KMEMSIM_MM_SLAB_ENGINE_PRIV_H

#include "mm/slab_priv.h"

#define ENGINE_NONE UINT32_MAX /* ends a list of slabs */

/* The lists of a node, on one of which each of its slabs is. */
enum engine_list { ENGINE_PARTIAL, ENGINE_FREE, ENGINE_FULL, NR_ENGINE_LISTS, ENGINE_UNUSED = NR_ENGINE_LISTS };

/** One slab. Its free objects are links[active .. num - 1], a stack: the next one out is links[active]. */
struct engine_slab {
	uint32_t pfn;           /* first page */
	uint32_t cache;
	uint32_t prev, next;    /* on its list; next also among unused numbers */
	uint32_t links;         /* in units of the links */
	uint32_t first;         /* bytes from the slab's beginning to object 0: its colour and, in front, management */
	struct slab_object management; /* off-slab: the kmalloc object that holds it */
	uint16_t active;        /* objects that are not in the slab: handed out, or in an array */
	uint8_t node;
	uint8_t list;           /* enum engine_list */
};

/** Free objects at hand: of a CPU, of all CPUs of a node (shared), or on their way to another node (alien). */
struct engine_array {
	uint32_t avail, limit, batchcount;
	uint32_t touched;       /* since the reaper came by */
	struct slab_object entry[]; /* the last one in is the first one out */
};

/** What a node has of a cache: struct kmem_cache_node. */
struct engine_node {
	uint32_t head[NR_ENGINE_LISTS], tail[NR_ENGINE_LISTS]; /* or ENGINE_NONE */
	uint32_t nr[NR_ENGINE_LISTS];
	uint32_t colour_next;   /* in units of colour_off */
	uint64_t free_objects;  /* in its slabs, those in arrays not among them */
	uint32_t free_limit;    /* more of them, and free slabs go */
	uint32_t next_reap;     /* round of the reaper */
	bool free_touched;      /* a free slab was asked for since the reaper came by */
};

struct engine_cache {
	struct slab_geometry geometry;
	uint32_t flags;
	gfp_t allocflags;       /* added to each request for pages */
	/* owned: of the CPUs, then of the nodes, shared and alien; engine_cpu_array() and so on */
	char *arrays;
	uint32_t cpu_stride, shared_stride, alien_stride; /* bytes from one array to the next; 0: there are none */
	uint64_t allocs, grown, discarded; /* objects, slabs, slabs */
	bool live;
};

/*
 * Invariants
 *  1. Of each slab, links[active ..] are objects of it, none twice.
 *  2. Each slab in use is on exactly one list, of its own cache and node, the one that it says; prev mirrors next, and
 *     the list's length is counted.
 *  3. A slab is on the free list when no object is out, on the full list when all are, else on the partial list.
 *  4. free_objects of a node is what lies in its slabs.
 *  5. No array holds more than its limit; each entry is an object of its cache that is out of its slab, in one array
 *     only, and of the node that the array is for.
 *  6. The owner word of a slab's first page is its number + 1, and the page is of the slab's node.
 *  7. Object 0 begins at a colour of the cache, and the last object ends within the slab.
 *  8. An off-slab cache's slab has a management object that lives, another's has none.
 *  9. Numbers below nr_slabs are in use or on the unused chain; grown less discarded is what there is.
 */
struct slab_engine {
	struct engine_cache *caches; /* owned: by number */
	struct engine_node *nodes;   /* owned: [cache * nr_nodes + node] */
	struct engine_slab *slabs;   /* owned: by number; address space for all that there can be */
	size_t slabs_bytes;
	struct slab_links links;
	uint32_t nr_caches, room;    /* numbers ever used; room in the arrays by cache */
	uint32_t nr_slabs, max_slabs, unused; /* numbers ever used; first unused one, chained by next */
	uint32_t nr_cpus, nr_nodes;
	uint32_t *rounds;            /* owned: by CPU, how often the reaper came by */
	uint8_t *reap_node;          /* owned: by CPU, whose alien array comes next */
	struct slab_nodes numa;
	const struct mm *mm;         /* borrowed: its slab layer gives off-slab management */
	const struct machine *machine; /* borrowed */
	struct page_alloc *pages;    /* borrowed */
};

/** A request on its way: which cache, for whom. */
struct engine_op {
	struct slab_engine *engine;
	struct engine_cache *cache;
	struct meter *meter;
	uint32_t cache_nr;
	unsigned int cpu;
	unsigned int node;      /* of the CPU: numa_mem_id() */
};

static inline struct engine_op engine_op_of(struct slab_engine *engine, uint32_t cache, unsigned int cpu,
	struct meter *meter)
{
	return (struct engine_op){ .engine = engine, .cache = &engine->caches[cache], .meter = meter, .cache_nr = cache,
		.cpu = cpu, .node = engine->numa.of_cpu[cpu] };
}

static inline struct engine_node *engine_node_of(const struct slab_engine *engine, uint32_t cache, unsigned int node)
{
	return &engine->nodes[(size_t)cache * engine->nr_nodes + node];
}

static inline uint16_t *engine_links(const struct slab_engine *engine, const struct engine_slab *slab)
{
	return slab_links_at(&engine->links, slab->links);
}

static inline struct engine_array *engine_array_at(const struct engine_cache *cache, size_t offset)
{
	return (struct engine_array *)(void *)(cache->arrays + offset);
}

static inline struct engine_array *engine_cpu_array(const struct engine_cache *cache, unsigned int cpu)
{
	return engine_array_at(cache, (size_t)cpu * cache->cpu_stride);
}

/** engine_shared_array() - of a node, or NULL. */
static inline struct engine_array *engine_shared_array(const struct slab_engine *engine,
	const struct engine_cache *cache, unsigned int node)
{
	if (!cache->shared_stride)
		return NULL;
	return engine_array_at(cache,
		(size_t)engine->nr_cpus * cache->cpu_stride + (size_t)node * cache->shared_stride);
}

/** engine_alien_array() - what CPUs of node @from have freed of node @to, or NULL. */
static inline struct engine_array *engine_alien_array(const struct slab_engine *engine,
	const struct engine_cache *cache, unsigned int from, unsigned int to)
{
	if (!cache->alien_stride || from == to)
		return NULL;
	return engine_array_at(cache,
		(size_t)engine->nr_cpus * cache->cpu_stride + (size_t)engine->nr_nodes * cache->shared_stride +
			((size_t)from * engine->nr_nodes + to) * cache->alien_stride);
}

/* slab_engine_sizes.c */
/** slab_engine_geometry() - models __kmem_cache_create() and enable_cpucache(): sizes, layout, colours, tunables. */
bool slab_engine_geometry(const struct machine *machine, uint32_t object_size, uint32_t align, uint32_t flags,
	struct slab_geometry *geometry);
/** slab_engine_management() - bytes of management in front of object 0, on-slab (2.6-classic); else 0. */
uint32_t slab_engine_management(const struct machine *machine, const struct slab_geometry *geometry);

/* slab_engine_grow.c */
int slab_engine_store_init(struct slab_engine *engine, struct err *err);
void slab_engine_store_fini(struct slab_engine *engine);
/**
 * slab_engine_grow() - models cache_grow_begin(): a slab with
 * all objects free, on no list yet. ENGINE_NONE: failed.
 */
uint32_t slab_engine_grow(const struct engine_op *op, gfp_t gfp, int node);
/** slab_engine_grown() - models cache_grow_end(): the slab goes on its list. */
void slab_engine_grown(const struct engine_op *op, uint32_t number);
/** slab_engine_destroy() - models slab_destroy(): of a slab that is on no list any more. */
void slab_engine_destroy(const struct engine_op *op, uint32_t number);

/* slab_engine_lists.c */
/** slab_engine_list_add() - a slab that is on no list goes to one of its node, to the @tail or the head. */
void slab_engine_list_add(struct slab_engine *engine, uint32_t number, enum engine_list list, bool tail);
/** slab_engine_list_remove() - off the list that it is on. */
void slab_engine_list_remove(struct slab_engine *engine, uint32_t number);
/** slab_engine_refill() - models cache_alloc_refill(). Return: false when the CPU's array stays empty. */
bool slab_engine_refill(const struct engine_op *op, gfp_t gfp);
/** slab_engine_take_from() - models ____cache_alloc_node(): an object of @node, past the arrays. */
bool slab_engine_take_from(const struct engine_op *op, gfp_t gfp, unsigned int node, struct slab_object *object);
/** slab_engine_flush() - models cache_flusharray(): makes room in the CPU's array. */
void slab_engine_flush(const struct engine_op *op, struct engine_array *array);
/** slab_engine_free_block() - models free_block() and slabs_destroy(): objects of @node go back to their slabs. */
void slab_engine_free_block(const struct engine_op *op, const struct slab_object *objects, uint32_t nr,
	unsigned int node);
/** slab_engine_drop_front() - models the end of drain_array_locked(): the oldest @nr entries go back to their slabs. */
void slab_engine_drop_front(const struct engine_op *op, struct engine_array *array, uint32_t nr, unsigned int node);
/** slab_engine_free_alien() - models __cache_free_alien(): an object of another node than the CPU's. */
void slab_engine_free_alien(const struct engine_op *op, struct slab_object object, unsigned int node);
/** slab_engine_drain_alien() - models __drain_alien_cache(): all goes home to @node. */
void slab_engine_drain_alien(const struct engine_op *op, struct engine_array *alien, unsigned int node);

/* slab_engine_reap.c */
/** slab_engine_reap() - models cache_reap() on one CPU: one round. */
void slab_engine_reap(void *state, unsigned int cpu, struct meter *meter);
/** slab_engine_shrink() - models __kmem_cache_shrink(). Return: slabs that are left. */
uint64_t slab_engine_shrink(void *state, uint32_t cache, struct meter *meter);

/* slab_engine_stats.c: as struct slab_ops has them. */
void slab_engine_stats(const void *state, uint32_t cache, struct slab_stats *stats);
bool slab_engine_object_live(const void *state, struct slab_object object);
bool slab_engine_object_at(const void *state, uint64_t address, struct slab_object *object);
uint64_t slab_engine_address_of(const void *state, struct slab_object object);

/* slab_engine_check.c */
int slab_engine_check(const void *state, struct err *err);

#endif

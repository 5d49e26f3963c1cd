/*
 * gather: the first pass of an import over raw events. Pairs entries with returns, finds the cause of page events
 * and the cache of objects, also from what comes later, and leaves the events with these findings in a spool for
 * the second pass (resolve.h). Decides by what text and binary recordings both carry, so that both give the same.
 *
 * Memory grows with live objects, pages, call sites and tasks, not with events.
 */
#ifndef KMEMSIM_TRACES_GATHER_H
#define KMEMSIM_TRACES_GATHER_H

#include "base/idmap.h"
#include "traces/cpu_track.h"
#include "traces/durations.h"
#include "traces/import.h"
#include "traces/move_spool.h"
#include "traces/pfn_map.h"
#include "traces/raw_event.h"
#include "traces/slots.h"
#include "traces/raw_spool.h"
#include "traces/texts.h"

#define CACHE_NONE UINT32_MAX
#define NO_FRAME   UINT32_MAX
#define NO_BLOCK   UINT32_MAX

#define ZERO_SIZE_PTR   0x10u  /* what kmalloc(0) returns: freeing it does nothing */
#define VMAP_STACK_SIZE 16384u /* THREAD_SIZE of x86-64; its alignment as well */

/* How a conclusion was reached: the order is that of trust where more than one would do. */
enum found_by {
	FOUND_NOT,       /* nothing said so */
	FOUND_IN_EVENT,  /* the event itself */
	FOUND_BRACKET,   /* between the entry and the return of the call that caused it, same task */
	FOUND_POINTER,   /* an object's address lies in the pages */
	FOUND_SLAB_PAGE, /* the slab that holds the object */
	FOUND_FREE,      /* the object's free */
	FOUND_SITE,      /* others from the same call site with the same sizes */
	FOUND_SEQUENCE,  /* what the same task did next */
	FOUND_GFP,       /* the mask that only this cause uses */
	NR_FOUND_BY
};

/* A slab cache, or one of the names of merged caches. */
struct gather_cache {
	uint32_t name;        /* text number, 0 = not known (yet) */
	uint32_t same;        /* the cache it turned out to be, or itself */
	uint32_t object_size; /* bytes_req of its objects, 0 = none seen */
	uint32_t slot_size;   /* bytes_alloc */
	uint32_t created;     /* first of its names created in the trace and not destroyed, see cache_names; or none */
	bool reclaimable;     /* its slabs' pages say so: SLAB_RECLAIM_ACCOUNT */
	bool accounted;       /* its objects are, without being asked for: SLAB_ACCOUNT */
	bool guessed_name;    /* the name is that of a creation, which may have been merged with an older cache */
	bool older;           /* was there before any creation under this kmem_cache was seen */
};

struct created_name {
	uint32_t name, next;
};

/* An object that lives in the first pass. */
struct gather_object {
	uint64_t record;     /* its allocation in the spool */
	uint32_t call_site;
	uint32_t bytes_req, bytes_alloc;
	uint32_t cache;      /* CACHE_NONE: kmalloc, or not found yet */
	uint8_t origin;      /* what the record says */
	bool kmalloc;
	bool named;          /* the allocation itself named its cache */
};

/* Objects of one call site with equal sizes, or frees of one call site: which answer did most of them have. */
struct tally {
	uint64_t key[2];
	uint32_t answer;
	uint32_t lead;       /* by which it is ahead of all others together */
};

struct tallies {
	struct idmap index;  /* by hash of the key */
	struct tally *rows;  /* owned */
	uint32_t nr, cap;
};

/* A block of pages that lives in the first pass. */
struct gather_block {
	uint64_t record;     /* its allocation in the spool */
	uint64_t pfn;
	uint32_t pages_left;
	uint32_t cache;      /* of the slab it is, or CACHE_NONE */
	uint32_t kmalloc_size; /* bytes_alloc of a kmalloc object in it, 0 = none */
	uint8_t order;
	uint8_t origin, method; /* what the record says */
	bool recorded;       /* has a record */
};

/* A call that has begun and not returned. */
struct gather_frame {
	struct raw_event entry;
	uint32_t id;         /* of this call, from 1 */
	uint32_t below;      /* the frame around it, or NO_FRAME */
	uint32_t pages;      /* order-0 page events inside it */
};

#define WAITING_MAX 256

/* In the place of an area whose address is not recorded; no address of a kernel has this and not the bit above. */
#define AREA_UNTOLD (1ull << 62)

#define POOL_ORDER_MAX 10u         /* pool_data up to this is an order, up to the next a size, above an address */
#define POOL_SIZE_MAX  (1u << 24)

struct gather_task {
	uint32_t top;            /* innermost open call, or NO_FRAME */
	uint32_t last_block;     /* latest page allocation not yet explained by an object, or NO_BLOCK */
	uint64_t last_record;    /* its event: tells whether the block still is that one */
	bool releasing_slab;     /* the next free of pages is that of a slab */
	bool reclaiming, compacting; /* it is in direct reclaim; in compaction */
	uint64_t filling;        /* the mempool that was created last, and how many of its elements are still to come */
	uint32_t elements_left;
	bool filled_with_pages;  /* or with what nobody knows */
	uint64_t array_bytes;    /* of its array of elements; 0 when that has been seen */
	uint64_t *waiting;       /* owned: page events that a per-CPU allocation may explain */
	uint32_t nr_waiting;
	struct raw_event *array; /* owned: the array of pages of a vmalloc() that is not recorded */
	uint32_t array_pages;    /* in it, until the task's next event has told what became of them; then 0 */
	uint32_t outer_pages;    /* of the area whose page array is the area of that array; 0: none */
	uint32_t areas_begun;    /* areas whose descriptors were the task's latest allocations */
	uint8_t page_origin;     /* of the page event that follows, where that is known: enum trace_origin */
	uint64_t *freed;         /* owned: the task's latest events, if they are frees of pages nobody knows; a ring */
	uint32_t nr_freed, cap_freed; /* entries since the ring was new: at most the last cap_freed are in it */
};

/* Where the kernel's direct map of all pages begins, from pairs of page and object events. */
struct direct_map {
	bool known;
	uint64_t known_from;     /* events in the spool when it became known */
	uint64_t base;
	uint64_t candidate;
	uint32_t agreed;         /* pairs that agree on the candidate */
};

/* struct gather's region_parents. */
#define REGION_MEMORY 1u /* holds more than the I/O ports can be */
#define REGION_USE    2u /* for each use */
/*
 * iomem_resource and ioport_resource stand side by side in kernel/resource.c. What is farther from the resource
 * used most is a tree of its caller's own, such as the memory targets of ACPI's HMAT: it claims nothing of the
 * machine's addresses.
 */
#define REGION_ROOTS_APART 4096u

struct gather {
	struct raw_spool spool;
	struct move_spool moves;
	struct texts texts;
	struct trace_meta *meta; /* borrowed */
	unsigned int page_shift;
	/* owned: CPU_TRACKS, for readers of text; a part goes on where the one before ended */
	struct cpu_track *tracks;
	uint64_t *last_free;     /* owned: by CPU, the free in the spool + 1 that was its last page event, or 0 */
	uint64_t moved_away;     /* pages that compaction has moved to frames that no event has told yet */
	ns_t last_ns;
	struct durations *durations; /* borrowed; not NULL: events go there, nothing is gathered */
	struct durations *pace;  /* borrowed, may be NULL: what events tell of the pace of reclaim goes there, too */
	uint64_t late;           /* events whose time had to be raised, */
	uint64_t far_late;       /* and of these by more than the clocks of CPUs are apart */

	struct idmap task_index;
	uint64_t last_task_key;      /* of the event before, and its task; none before the first */
	uint32_t last_task;
	struct gather_task *tasks; /* owned */
	uint32_t nr_tasks, tasks_cap;
	struct gather_frame *frames; /* owned */
	struct slots frame_slots;
	uint32_t frames_cap;
	uint32_t last_frame_id;
	uint64_t unreturned[NR_RAW_TYPES]; /* entries whose return never came */

	struct direct_map map;
	bool sees_slabs;         /* the recording has the growth of slabs */
	struct pfn_map pages;    /* block number + 1 */
	struct gather_block *blocks; /* owned */
	struct slots block_slots;
	uint32_t blocks_cap;

	struct idmap object_index; /* by address */
	struct gather_object *objects; /* owned */
	struct slots object_slots;
	uint32_t objects_cap;

	struct gather_cache *caches; /* owned */
	uint32_t nr_caches, caches_cap;
	struct created_name *created; /* owned */
	uint32_t nr_created, created_cap;
	struct idmap cache_of_name;  /* by text number */
	struct idmap cache_of_s;     /* by address of the kmem_cache */
	struct tallies site_caches;  /* call site and sizes of an allocation: cache */
	struct tallies site_sizes;   /* call site of a kfree: bytes_alloc */
	struct idmap pool_generation; /* by address of a mempool: how many were created there */
	struct idmap pool_backing;   /* by pool_key() */
	struct idmap region_parents; /* resource: REGION_MEMORY, and REGION_USE for each use */
	uint64_t region_root;        /* the resource used most */
	uint32_t region_root_uses;
	struct idmap untold_areas;   /* by address of the array of pages: link of their bulk call */
	bool sees_areas;         /* the recording has calls that make areas, if not all of them */
};

int gather_init(struct gather *g, const char *output, struct trace_meta *meta, struct err *err);
/** gather_event() - the next event of the recording. @pair: as its source_event says. @event may be changed. */
int gather_event(struct gather *g, struct raw_event *event, enum source_pair pair, struct err *err);
/** gather_move() - the next of the recording's moves of blocks: comes before the next event. */
int gather_move(struct gather *g, const struct trace_move *move, struct err *err);
/** gather_finish() - after the last event: settle what waited for more. */
int gather_finish(struct gather *g, struct err *err);
void gather_fini(struct gather *g);

/** gather_is_region_root() - whether regions below resource @parent are claims of I/O memory or I/O ports. */
bool gather_is_region_root(const struct gather *g, uint64_t parent);
/** gather_cache() - the cache that @cache turned out to be. */
uint32_t gather_cache(const struct gather *g, uint32_t cache);
/**
 * gather_pool() - what is behind a mempool, from its elements;
 * false when none was seen. @detail: cache, size or order.
 */
bool gather_pool(const struct gather *g, uint64_t address, uint32_t generation, enum trace_backing *backing,
	uint32_t *detail);
/** gather_cache_named() - the cache called @name (text number), made if there is none; CACHE_NONE: no memory. */
uint32_t gather_cache_named(struct gather *g, uint32_t name);
/** gather_site_cache() - the cache that most objects of that call site and these sizes had, or CACHE_NONE. */
uint32_t gather_site_cache(const struct gather *g, uint32_t call_site, uint64_t bytes_req, uint64_t bytes_alloc);
/** gather_site_size() - bytes_alloc that most objects freed at that call site had, or 0. */
uint32_t gather_site_size(const struct gather *g, uint32_t call_site);

/*
 * Between the files of the first pass. @event is the next one of @task, and what is concluded of it goes into its
 * origin, method and link, before it is appended to the spool. Where nothing else is said: Return: 0, or a negative
 * code (no memory, or the spool's disk).
 */

/* gather_pages.c */
/** pages_alloc() - a block of pages begins to live: who caused it, as far as that is known by now. */
int pages_alloc(struct gather *g, struct gather_task *task, struct raw_event *event, struct err *err);
/** pages_bulk() - pages of a bulk call, whose frames no event tells. */
void pages_bulk(struct gather *g, struct gather_task *task, struct raw_event *event);
/** pages_free() - a block is over, or a part of one: whose it was, and whether reclaim frees it. */
int pages_free(struct gather *g, struct gather_task *task, struct raw_event *event, struct err *err);
/**
 * pages_block_of() - the block that an object's address lies in;
 * NULL when addresses say nothing or the page was never seen.
 */
struct gather_block *pages_block_of(struct gather *g, uint64_t address);
/** pages_block_for() - pages_block_of(); the page gets a block of its own when it has none. */
struct gather_block *pages_block_for(struct gather *g, uint64_t address);
/** pages_claim() - an object has been allocated: the block that it lies in is a slab, or a large kmalloc. */
int pages_claim(struct gather *g, struct gather_task *task, const struct raw_event *object, struct err *err);
/**
 * pages_percpu() - per-CPU memory has been allocated, or a chunk
 * made: that is what the pages were for that wait for a cause.
 */
int pages_percpu(struct gather *g, struct gather_task *task, struct err *err);
/** pages_settle() - after the last event: blocks that only looked like slabs, and never had an object, were none. */
int pages_settle(struct gather *g, struct err *err);

/* gather_areas.c */
/** areas_in_call() - whether the task is inside a recorded call that makes an area of the vmalloc space for itself. */
bool areas_in_call(const struct gather *g, const struct gather_task *task);
/**
 * areas_before() - the next event of a task, before all else:
 * tells of the area whose array was the event before it.
 */
int areas_before(struct gather *g, struct gather_task *task, const struct raw_event *event, struct err *err);
/** areas_object() - an object that may be the array of an area's pages. */
int areas_object(struct gather *g, struct gather_task *task, const struct raw_event *object, struct err *err);
/**
 * areas_page_freed() - a page that nobody knows is freed, by the
 * event that is about to be appended. Return: 0, or -1: no memory.
 */
int areas_page_freed(struct gather *g, struct gather_task *task);
/** areas_kfree() - with the array its area goes, and the pages freed just before were its. */
int areas_kfree(struct gather *g, struct gather_task *task, const struct raw_event *event, struct err *err);

/* gather_pools.c */
/** pools_init() - a mempool is created: its elements are to come. Return: 0, or -1: no memory. */
int pools_init(struct gather *g, struct gather_task *task, struct raw_event *event);
/** pools_object() - whether an object is part of a mempool: an element, the pool's header or its array. */
bool pools_object(const struct gather *g, const struct gather_task *task, const struct raw_event *event);
/**
 * pools_learn_object() - an object whose origin and cache are known
 * may tell what is behind its pool. Return: 0, or -1: no memory.
 */
int pools_learn_object(struct gather *g, struct gather_task *task, const struct raw_event *event);
/** pools_learn_page() - the same of a page that is an element of the mempool at address @pool. */
void pools_learn_page(struct gather *g, const struct raw_event *event, uint64_t pool);
/** pools_fills_page() - whether the page is an element of the pool that the task has just created. */
bool pools_fills_page(struct gather *g, struct gather_task *task, const struct raw_event *event);
/** pools_other_event() - the task does something: a pool that it was filling is full after what is no allocation. */
void pools_other_event(struct gather_task *task, const struct raw_event *event);
void pools_fini(struct gather *g);

/* gather_caches.c: event->link becomes the cache (CACHE_NONE: not known) but of kmalloc() and kfree(). */
/**
 * caches_alloc(), caches_free() - an object of a cache begins to
 * live, or is over; a cache that is named tells of its whole slab.
 */
int caches_alloc(struct gather *g, struct raw_event *event, struct err *err);
int caches_free(struct gather *g, struct raw_event *event, struct err *err);
/** caches_kmalloc() - an object of kmalloc() begins to live. */
int caches_kmalloc(struct gather *g, const struct raw_event *event, struct err *err);
/**
 * caches_kfree() - an object is over; event->link: bytes_alloc
 * of one that is older than the recording, 0 = not known.
 */
int caches_kfree(struct gather *g, struct raw_event *event, struct err *err);
/**
 * caches_create(), caches_destroy() - the name of a destroyed
 * one, which the event does not have, becomes event->name.
 */
int caches_create(struct gather *g, struct raw_event *event, struct err *err);
int caches_destroy(struct gather *g, struct raw_event *event, struct err *err);
/**
 * caches_at() - the cache whose kmem_cache is at @s, called
 * @name (text number, 0 = not said); CACHE_NONE: no memory.
 */
uint32_t caches_at(struct gather *g, uint64_t s, uint32_t name);
/** caches_settle() - after the last event: the caches of objects that still live, as far as others tell. */
int caches_settle(struct gather *g, struct err *err);
void caches_fini(struct gather *g);

#endif

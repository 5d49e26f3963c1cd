/* resolve_priv: what the files of the second pass share. */
#ifndef KMEMSIM_TRACES_RESOLVE_PRIV_H
#define KMEMSIM_TRACES_RESOLVE_PRIV_H

#include "traces/resolve.h"
#include "traces/trace.h"

#define BULK_MAX 65536u      /* more objects or pages in one bulk call are not believed */

/* Slots in order of their birth, chained through slot_info. */
struct slot_list {
	uint32_t head, tail; /* SLOT_NONE when empty */
	uint32_t nr;
};

/* What is known of the object in a slot. */
struct slot_info {
	uint64_t where;      /* page frame of a block; 0 where the address is not known */
	uint32_t next, prev; /* in a slot_list */
	uint32_t pages_left; /* of a block */
	uint32_t area;       /* of a vmalloc area: number of its list of pages, or SLOT_NONE */
	uint32_t cache;      /* of an object of a slab cache, or CACHE_NONE */
	uint8_t order;
	uint8_t origin;
};

/* A cache of the first pass, in the trace. */
struct cache_state {
	bool there;          /* created, in the prologue or in the trace */
	uint32_t string;     /* writer's number of its name */
	struct slot_list unnamed; /* objects of bulk allocations: their addresses are not known */
};

/* What was repaired, see repair_text in resolve.c. */
enum repair {
	REPAIR_SIZE_OF_SLAB, REPAIR_SIZE_OF_SITE, REPAIR_SIZE_DEFAULT, REPAIR_BULK_FREE, REPAIR_UNNAMED_FREED,
	REPAIR_PAGE_FREED, REPAIR_CACHE_SIZE, REPAIR_AREA_SIZE, REPAIR_POOL, REPAIR_REGION_SIZE, REPAIR_SPLIT_FREE,
	REPAIR_PERCPU_SIZE, REPAIR_OTHER_CACHE, REPAIR_CACHE_FLAGS, REPAIR_DMA_POOL,
	REPAIR_AREA_UNTOLD, NR_REPAIRS
};

#define WHO_CACHE 1024u

struct who_cached {
	uint32_t cpu, comm;
	int32_t pid;
	uint32_t ctx;
	uint32_t who;        /* number + 1, 0 = free */
};

struct resolve {
	struct gather *g;           /* borrowed */
	struct trace_writer *w;     /* borrowed */
	struct trace_meta *meta;    /* borrowed */
	uint32_t *strings;          /* owned: writer's number + 1 of each text, 0 = not asked for yet */
	uint32_t strings_cap;
	struct who_cached whos[WHO_CACHE];

	struct slots slots;
	struct slot_info *info;     /* owned, by slot */
	uint32_t info_cap;
	struct idmap objects;       /* slots by address: slab objects and large kmallocs */
	struct idmap areas;         /* of the vmalloc space, by page-aligned address */
	struct idmap blocks;        /* exact and DMA-coherent blocks, by address */
	struct idmap percpu;
	struct idmap elements;      /* of mempools */
	struct pfn_map pages;       /* slot + 1 */

	struct cache_state *caches; /* owned, by number in the gather */
	uint32_t caches_cap;
	struct idmap area_of_call;  /* vmalloc call in the gather: number in area_pages */
	struct slot_list *area_pages; /* owned */
	uint32_t nr_areas, areas_cap;
	struct slot_list released;  /* pages of bulk allocations behind areas that were freed */
	struct slot_list loose;     /* other pages of bulk allocations */
	struct idmap pool_generation; /* by address, as in struct gather */
	struct idmap pools;         /* number of a mempool by address */
	uint32_t nr_pools;
	struct idmap vmap_areas;    /* areas of the vmalloc space that tracepoints told of, by page-aligned address */
	uint32_t nr_dma_pools;      /* that had to be given a name */
	int32_t swapon_pid;         /* the task that is in swapon(), before its map; -1 = none */
	struct idmap dma_pools;     /* number of its name by address; by name | DMA_POOL_NAME: that there is one */
	uint64_t found_pages[NR_ORIGINS][NR_FOUND_BY]; /* page allocations by cause and how it was found */
	uint64_t found_caches[NR_FOUND_BY];
	uint64_t repaired[NR_REPAIRS];
};

/* Where nothing else is said: Return: 0, or a negative code (no memory, or what the writer says). */

/** resolve_no_memory() - the error where the second pass has none left. Return: its code. */
int resolve_no_memory(struct err *err);
/** resolve_string() - the writer's number of text @text of the first pass; UINT32_MAX: no memory. */
uint32_t resolve_string(struct resolve *r, uint32_t text);
/**
 * resolve_emit() - write an event with operation @op, whose
 * call site and who asks are taken from @event, as is its time.
 * @slot:  of the object, or SLOT_NONE.
 * @where: the recorded place of the object, address or page frame; 0: not known.
 */
int resolve_emit(struct resolve *r, const struct raw_event *event, struct trace_op *op, uint32_t slot, uint64_t where,
	struct err *err);
/** resolve_prologue() - resolve_emit() of what was there before the recording. */
int resolve_prologue(struct resolve *r, struct trace_op *op, uint32_t slot, uint64_t where, struct err *err);
/** resolve_slot() - a slot for an object that begins to live (@adopted: before the trace); SLOT_NONE: no memory. */
uint32_t resolve_slot(struct resolve *r, bool adopted, uint8_t origin);
/**
 * resolve_begin() - the slot that begins to live at @key of @map; one that lives there already
 * is freed by implication, which is put in *flags. Return: SLOT_NONE when there is no memory.
 */
uint32_t resolve_begin(struct resolve *r, struct idmap *map, uint64_t key, uint8_t origin, uint16_t *flags);
/**
 * resolve_begins() - write an allocation whose address is
 * @event's: its slot begins in @map; without an address it failed.
 */
int resolve_begins(struct resolve *r, struct idmap *map, const struct raw_event *event, struct trace_op *op,
	struct err *err);
/**
 * resolve_ends() - write a free of what resolve_begins() wrote: what nobody was seen to allocate
 * has been there before the trace, made by @begin; without an address it is a free of NULL.
 */
int resolve_ends(struct resolve *r, struct idmap *map, const struct raw_event *event, struct trace_op *op,
	struct trace_op *begin, struct err *err);
/**
 * resolve_is_untold() - whether @where stands for the unknown
 * address of an area whose call is not recorded (gather_areas.c).
 */
static inline bool resolve_is_untold(uint64_t where)
{
	return where >> 62 == AREA_UNTOLD >> 62;
}
/** resolve_count_unusable() - the event is left out, and counted under the reason @why. */
int resolve_count_unusable(struct resolve *r, const char *why, struct err *err);
/** resolve_cache() - see to it that the cache exists in the trace. *string: the number of its name. */
int resolve_cache(struct resolve *r, uint32_t cache, uint32_t *string, struct err *err);

/** slot_list_init() - an empty list; a slot is on one at most. */
void slot_list_init(struct slot_list *list);
void slot_list_append(struct resolve *r, struct slot_list *list, uint32_t slot);
/** slot_list_take_first(), slot_list_take_last() - take the oldest, or the youngest, off; SLOT_NONE: it is empty. */
uint32_t slot_list_take_first(struct resolve *r, struct slot_list *list);
uint32_t slot_list_take_last(struct resolve *r, struct slot_list *list);
/** slot_list_move() - all of @from, in their order, behind those of @to. */
void slot_list_move(struct resolve *r, struct slot_list *from, struct slot_list *to);

/*
 * Below: each writes what one event, or one call, has come to. Objects that are freed and were not seen to
 * begin are adopted; what is not told, such as their size, is repaired by rule and counted in repaired[].
 */

/* resolve_objects.c */
int resolve_kmalloc(struct resolve *r, const struct raw_event *event, struct err *err);
int resolve_kfree(struct resolve *r, const struct raw_event *event, struct err *err);
int resolve_cache_alloc(struct resolve *r, const struct raw_event *event, struct err *err);
int resolve_cache_free(struct resolve *r, const struct raw_event *event, struct err *err);
int resolve_cache_bulk_alloc(struct resolve *r, const struct raw_event *event, struct err *err);
int resolve_cache_bulk_free(struct resolve *r, const struct raw_event *event, struct err *err);
int resolve_cache_create(struct resolve *r, const struct raw_event *event, struct err *err);
int resolve_cache_end(struct resolve *r, const struct raw_event *event, struct err *err);

/* resolve_pages.c */
int resolve_page_alloc(struct resolve *r, const struct raw_event *event, struct err *err);
int resolve_page_free(struct resolve *r, const struct raw_event *event, struct err *err);
int resolve_page_bulk(struct resolve *r, const struct raw_event *event, struct err *err);

/* resolve_areas.c: vmalloc space, device memory, resources, per-CPU memory, mempools, DMA. */
int resolve_area_event(struct resolve *r, const struct raw_event *event, struct err *err);
int resolve_region(struct resolve *r, const struct raw_event *event, struct err *err);
int resolve_percpu(struct resolve *r, const struct raw_event *event, struct err *err);
int resolve_pool(struct resolve *r, const struct raw_event *event, struct err *err);
int resolve_block(struct resolve *r, const struct raw_event *event, struct err *err);

/* resolve_devices.c: DMA pools, device memory in user space, areas told of by tracepoints. */
int resolve_device(struct resolve *r, const struct raw_event *event, struct err *err);

/* resolve_io.c */
int resolve_access(struct resolve *r, const struct raw_event *event, struct err *err);

#endif

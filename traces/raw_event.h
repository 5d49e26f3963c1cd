/*
 * raw_event: what a recorder wrote, one event in one fixed layout, before anything is concluded from it. The table
 * of known events says which fields each carries; the readers of text and of trace.dat both go by it, so that both
 * fill in the same.
 */
#ifndef KMEMSIM_TRACES_RAW_EVENT_H
#define KMEMSIM_TRACES_RAW_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/gfp.h"
#include "base/units.h"

#define EVENT_NAME_MAX   63u /* bytes of an event's name; of a longer one only these count */
#define ORDER_MAX_USABLE 20u /* of a block of pages: no kernel has larger ones, so a larger number is damage */
#define PORT_MAX         0xffffu /* x86 */

enum raw_type {
	RAW_IGNORED, /* known, and rightly not kept: source_event.why */
	RAW_KMALLOC, RAW_KFREE,
	RAW_CACHE_ALLOC, RAW_CACHE_FREE, RAW_CACHE_CREATE, RAW_CACHE_DESTROY, RAW_CACHE_SHRINK,
	RAW_CACHE_ALLOC_BULK, RAW_CACHE_FREE_BULK,
	RAW_SLAB_GROW, RAW_SLAB_RELEASE,
	RAW_PAGES_DRAINED, /* not recorded as such: size of a group of mm_page_pcpu_drain, see cpu_track.h */
	RAW_RECLAIM_BEGIN, RAW_RECLAIM_END, RAW_COMPACT_BEGIN, RAW_COMPACT_END, /* a task does so for itself */
	RAW_KCOMPACTD_SLEEPS, /* until it is woken, or half a second has passed */
	RAW_PAGE_ALLOC, RAW_PAGE_FREE, RAW_PAGES_BULK, RAW_PAGES_EXACT, RAW_PAGES_EXACT_FREE,
	RAW_VMALLOC, RAW_VFREE, RAW_VMAP, RAW_VUNMAP, RAW_VM_MAP_RAM, RAW_VM_UNMAP_RAM,
	RAW_IOREMAP, RAW_IOUNMAP, RAW_REGION_REQUEST, RAW_REGION_RELEASE,
	RAW_PERCPU_ALLOC, RAW_PERCPU_FAILED, RAW_PERCPU_FREE, RAW_PERCPU_CHUNK,
	RAW_POOL_INIT, RAW_POOL_RESIZE, RAW_POOL_EXIT, RAW_POOL_DESTROY, RAW_POOL_ALLOC, RAW_POOL_FREE,
	RAW_DMA_ALLOC, RAW_DMA_FREE,
	RAW_DMA_POOL_CREATE, RAW_DMA_POOL_DESTROY, RAW_DMA_POOL_ALLOC, RAW_DMA_POOL_FREE,
	RAW_VMAP_AREA, RAW_VMAP_AREA_FREE, /* any area of the vmalloc space, whoever wanted it */
	RAW_DEVICE_MAP,
	RAW_PORT_IO, RAW_MMIO,
	RAW_REGION_THERE, /* a region of I/O ports that is older than the recording */
	RAW_MARKER,
	/* What only durations.h wants. */
	RAW_FUNCTION, /* call_site: what; aux and size: when it began and ended, or 0 */
	RAW_RECLAIM_BATCH, /* of an inactive list is done: size pages were looked at, aux reclaimed */
	RAW_RECLAIM_OTHER, /* reclaim has done something else */
	RAW_KSWAPD_WOKEN, RAW_KSWAPD_RUNS,
	NR_RAW_TYPES
};

/* Direction of a RAW_MMIO, as kvm_mmio numbers it (KVM_TRACE_MMIO_*); that of a RAW_PORT_IO is 0 for in, 1 for out. */
enum raw_access { ACCESS_UNSATISFIED, ACCESS_READ, ACCESS_WRITE };

/*
 * One event. Members that its type does not have are 0 (node: -1). `where` is the object's address, the page frame
 * of a page event (0: the allocation failed) or the kmem_cache, as the type says.
 */
struct raw_event {
	ns_t time_ns;
	uint64_t where;      /* address, page frame, or kmem_cache; of a pair: what the call returned */
	uint64_t size;       /* bytes_req, bytes, objects, pages of a mapping, min_nr; width of an access */
	uint64_t size_alloc; /* bytes_alloc; a cache's usersize; count of a string access */
	/* alignment; ioremap: page cache mode; region: what the request returned; access: the value */
	uint64_t align;
	uint64_t aux;        /* cache flags, phys or start, pool, pool_data, reserved; port or phys of an access */
	uint32_t call_site;  /* text number */
	uint32_t name;       /* text number: cache, region, marker */
	uint32_t comm;       /* text number */
	gfp_t gfp;
	uint32_t link;       /* found at import: cache number, or the bracket that encloses the event (see gather.h) */
	int32_t pid;
	uint16_t cpu;
	int16_t node;
	uint8_t type;        /* enum raw_type */
	uint8_t order;       /* of pages; direction of an access */
	uint8_t ctx;         /* enum trace_ctx, as recorded */
	uint8_t origin;      /* enum trace_origin, found at import */
	uint8_t method;      /* enum found_by, found at import */
	union {
		uint8_t accounted;  /* of an object: charged to a memory cgroup */
		uint8_t by_reclaim; /* of a free of pages: see OP_RECLAIM; found at import */
		uint8_t is_atomic;  /* of a per-CPU object: its allocation may not sleep */
	};
	uint16_t moved;      /* blocks: as in struct trace_recorded */
	uint32_t entry;      /* as in struct trace_recorded */
};

/* How a field's text or bytes become a member. */
enum field_how {
	FIELD_PTR,    /* hexadecimal with or without 0x, "(nil)", "(null)" */
	FIELD_NUMBER, /* decimal, or hexadecimal with 0x */
	FIELD_PFN,    /* as FIELD_NUMBER; all ones (of 32 or 64 bits) become 0 */
	FIELD_ORDER,  /* into 8 bits */
	FIELD_NODE,   /* into 16 bits, signed */
	FIELD_GFP,    /* names, or a number in the numbering of the recorded kernel */
	FIELD_SITE,   /* "symbol+0xoff/0xsize [module]", kept as "symbol+0xoff" */
	FIELD_NAME,   /* text, maybe quoted */
	FIELD_BOOL,   /* "true" or "false", 1 or 0, into 8 bits */
};

struct source_field {
	const char *key;  /* in the text and in the event's format */
	uint8_t key_len;
	bool needed;      /* an event without it cannot be used */
	uint16_t offset;  /* of the member in struct raw_event */
	enum field_how how;
};

/* A call may be recorded as two events, one when it begins and one when it returns. */
enum source_pair { PAIR_NONE, PAIR_ENTRY, PAIR_RETURN };


#define SOURCE_FIELDS_MAX 8

struct source_event {
	const char *name;
	enum raw_type type;
	enum source_pair pair;
	bool moves;      /* not kept, but tells of the free lists: see struct trace_move */
	uint8_t move;    /* enum trace_move_kind, where it does */
	const char *why; /* RAW_IGNORED, raw_type_is_timing(): the reason */
	struct source_field fields[SOURCE_FIELDS_MAX]; /* up to the first without a key */
};

#define CALL_CHAIN "the callers of the event before it"
#define FUNCTION_GRAPH "the function_graph tracer: `kmemsim calibrate` reads it"
#define TIMED_PROBE "how long a call took: `kmemsim calibrate` reads it"
#define RECLAIM_PACE "tells how fast reclaim is, and is no request"

/** raw_type_is_timing() - whether it is kept only to tell how long something took. */
static inline bool raw_type_is_timing(uint8_t type)
{
	return type >= RAW_FUNCTION && type < NR_RAW_TYPES;
}

/** source_event_is_graph() - whether it is one of function_graph's records, which text prints in its own way. */
static inline bool source_event_is_graph(const struct source_event *event)
{
	return event->type == RAW_FUNCTION && !strncmp(event->name, "funcgraph", 9);
}

/** source_event_is_chain() - whether it is the chain of callers of the event before it on its CPU. */
static inline bool source_event_is_chain(const struct source_event *event)
{
	return event->type == RAW_IGNORED && !strcmp(event->name, "kernel_stack");
}

/*
 * A return probe tells where the call came from without being asked: __probe_ret_ip
 * in the record, "(caller+0x17/0x20 <- function)" before the fields in text.
 */
#define RETURN_SITE_KEY "__probe_ret_ip"
extern const struct source_field source_return_site;

/** source_event_has_return_site() - whether the call that @event ends is one whose caller is of interest. */
static inline bool source_event_has_return_site(const struct source_event *event)
{
	return event->pair == PAIR_RETURN && event->type != RAW_FUNCTION && event->type != RAW_SLAB_GROW;
}

/** source_event_find() - the event called @name (@len bytes, without its system), or NULL. */
const struct source_event *source_event_find(const char *name, size_t len);

#endif

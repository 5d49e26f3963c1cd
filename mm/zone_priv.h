/*
 * zone: what the page allocator keeps: a record per page, free lists and per-CPU lists per zone, zonelists per node.
 * Models struct page, struct zone and struct per_cpu_pages (include/linux/mmzone.h of 6.1). Only structs and what is
 * read off them; the files that change them are buddy.c, fallback.c, pcp.c, watermark.c, vmstat.c and page_boot.c.
 *
 * Invariants, for every populated zone
 *  1. A block on a free list starts at a multiple of its size, lies inside its zone, and its head says what it is:
 *     in the buddy, with the order, type and zone of the list.
 *  2. A free list's links agree in both directions, its nr is its number of blocks (a run counts all its blocks), and
 *     nr_free of an order is the sum over the types.
 *  3. No two buddies of equal order below max_order are free, unless the order is at least pageblock_order, their
 *     pageblocks differ in type and one of these types is not mergeable, or differed so: the zone may have given back
 *     a pageblock that was kept for atomic requests, which merges nothing (gave_back).
 *  4. No page is in two places: a free block or a block on a per-CPU list holds no other head and no page that is
 *     handed out.
 *  5. The visible count of free pages and the CPUs' differences add up to the pages on the free lists (those of type
 *     Isolate left out), and no difference is beyond the threshold.
 *  6. A per-CPU list holds only blocks of its order and type whose heads say so; count is the sum of their pages.
 *  7. free + pcp + handed out == managed + unmanaged.
 *  8. The number of pageblocks of each type is what the pageblocks say.
 *  9. The reserve rights of high-order atomic requests are whole pageblocks: nr_reserved_highatomic is a multiple of
 *     the pageblock size, and not more than managed / 100 + two pageblocks.
 */
#ifndef KMEMSIM_MM_ZONE_PRIV_H
#define KMEMSIM_MM_ZONE_PRIV_H

#include "mm/reclaim.h"
#include "mm/scan_priv.h"

#define LINK_NONE     UINT32_MAX /* end of a list of pages, which links first pfns of 32 bits */
#define PAGES_MAX     (1ull << 32)
#define PCP_LIST_THP  (PCP_ORDERS * MIGRATE_PCPTYPES) /* pageblock order: this list, the next one for Movable */
#define NR_PCP_LISTS  (PCP_LIST_THP + 2u)
#define PCP_BATCH_SCALE_MAX 5u
#define SWAP_CLUSTER_MAX 32u      /* pages that reclaim takes in one go */
#define SECTION_BYTES_SHIFT 27    /* x86-64: sections of 128 MiB */

enum page_place {
	PAGE_NO_HEAD,  /* handed out, never managed, a hole, or inside a block */
	PAGE_IN_BUDDY, /* first page of a block on a free list */
	PAGE_IN_PCP,   /* first page of a block on a per-CPU list */
	PAGE_RESERVED, /* handed out since before the saved state, and not managed: managed grows when it is given */
	PAGE_ON_LRU,   /* handed out, on the LRU list that @order says */
	PAGE_ISOLATED, /* the same, off its list while compaction moves it */
	/* as PAGE_RESERVED, and its initialisation was put off: boot gives it to the tail of a free list */
	PAGE_DEFERRED,
};

/*
 * One page, 16 bytes. All zero until first touched, so that memory that nobody uses costs nothing.
 *
 * Run: consecutive blocks of max_order that have not been touched since boot are one list element. The list holds
 * the block that will be taken first; the others follow it at their places in the list. @run is their number, negative
 * when they follow downwards. Nothing merges with a block of max_order, so a run is only ever cut at its head.
 */
struct page {
	uint32_t next; /* pfn, LINK_NONE at the tail */
	uint32_t prev;
	union {
		uint32_t owner; /* handed out: the user's word */
		int32_t run;    /* head of a free block of max_order: blocks in the run */
	};
	uint16_t zone_plus1; /* index of the zone + 1; 0: not touched yet, ask the zones' ranges */
	uint8_t place;       /* enum page_place */
	uint8_t order : 4;   /* of the block, in a head */
	/* free list's type; on a per-CPU list the type that it goes back with; on an LRU list LRU_* */
	uint8_t mt : 4;
};
_Static_assert(sizeof(struct page) == 16, "four pages to a cache line");

/** A list of blocks, by first pfn. */
struct block_list {
	uint32_t head, tail;
};

struct free_list {
	struct block_list blocks;
	uint32_t nr;
};

struct free_area {
	struct free_list list[NR_MIGRATETYPES];
	uint32_t nr_free; /* blocks, all types */
};

/** One CPU's pages of one zone. */
struct pcp {
	uint32_t count;      /* pages on all lists */
	uint8_t free_factor; /* flushes double with each one that follows another */
	uint8_t expire;      /* vmstat rounds until a remote zone's pages go back */
	int8_t stat_diff;    /* free pages not yet folded into the zone's visible count */
	uint64_t acquisitions; /* of pcp->lock, by requests, flushes and drains */
	struct block_list list[NR_PCP_LISTS];
} __attribute__((aligned(64)));

enum wmark { WMARK_MIN, WMARK_LOW, WMARK_HIGH, NR_WMARKS };

/** What compaction keeps of a zone. All zero until its first run. */
struct zone_compact {
	pfn_t free, migrate[2];            /* where runs begin: targets; sources of async and of other runs */
	pfn_t first_migrate, first_free;   /* where they begin since the skip bits were forgotten */
	uint32_t considered, defer_shift;  /* of 2^defer_shift attempts all but one are left out */
	uint32_t order_failed;             /* smallest order for which that holds */
	bool forget_skips;                 /* a direct run went through the zone: kswapd forgets when it sleeps */
};

/**
 * The block that a run of direct compaction is for, should it
 * be put together by a free. Models struct capture_control.
 */
struct capture_control {
	pfn_t pfn;                         /* PFN_NONE until it is there: handed out then */
	unsigned int order;
};

struct zone {
	/* What a request served by a per-CPU list reads. */
	struct pcp *pcps;                     /* owned: one per CPU */
	int64_t visible_free;                 /* NR_FREE_PAGES as watermarks see it: may lag */
	uint32_t wmark[NR_WMARKS];            /* pages, without boost */
	uint32_t boost;                       /* pages */
	uint32_t lowmem_reserve[NR_ZONE_TYPES]; /* pages, by zone type of the request */
	uint32_t nr_reserved_highatomic;      /* pages */
	uint32_t pcp_batch, pcp_high;         /* pages */

	struct page_alloc *pa;                /* borrowed */
	uint16_t index;                       /* in pa->zones: the lock's number */
	uint16_t node;
	uint8_t type;                         /* enum machine_zone */
	bool highmem;                         /* HighMem, or Movable on top of it */
	bool boosted;                         /* ZONE_BOOSTED_WATERMARK: kswapd is to be woken */
	bool reclaim_active;                  /* ZONE_RECLAIM_ACTIVE: kswapd is at work */
	bool nofragment;                      /* requests that prefer it try ALLOC_NOFRAGMENT first */
	bool gave_back;                       /* maybe: a pageblock that was kept for atomic requests */
	uint32_t boost_seen;                  /* pages: boost at the start of kswapd's pass */
	uint64_t nr_lru[NR_LRU_LISTS];        /* pages on the node's lists that are the zone's */
	uint8_t stat_threshold;               /* largest difference that a CPU keeps */
	uint64_t drift_mark;                  /* pages: kswapd asks all CPUs when it sees fewer; 0: never */
	pfn_t start, end;                     /* [start, end): spanned */
	uint64_t present, managed;            /* pages */
	/* pages handed out that managed leaves out: only after page_alloc_load() */
	uint64_t unmanaged;
	uint64_t pageblocks[NR_MIGRATETYPES]; /* as /proc/pagetypeinfo counts */
	struct free_area area[PAGE_MAX_ORDERS];
	struct zone_compact compact;
	struct capture_control *capture;              /* borrowed: of the request that compacts; NULL but for then */
} __attribute__((aligned(64)));

/** Zones in the order in which a node's requests try them: own node first, highest type first. */
struct zonelist {
	struct zone **zone;            /* owned */
	uint16_t nr;
	uint16_t nr_local;             /* the first ones are the node's own: __GFP_THISNODE */
	uint16_t first[NR_ZONE_TYPES]; /* by highest type allowed: first zone that may serve */
};

/** Blocks that wait for a grace period, first in first out. */
struct page_rcu {
	bool delayed;
	struct rcu_block *blocks; /* owned: a ring of cap, a power of two */
	uint32_t head, nr, cap;
};

struct extfrag_count {
	uint64_t count, ownership_changes;
};

/** What reclaim keeps of a node. */
struct reclaim_node {
	struct block_list lru[NR_LRU_LISTS];
	uint64_t nr_lru[NR_LRU_LISTS];
	uint64_t deferred_objects[MAX_SHRINKERS];
	/* The balance between anonymous and file pages, 0 and 1. */
	uint64_t cost[2];            /* pages written out or back too soon, of late */
	uint64_t activated, activated_seen; /* file pages that came back soon; when a reclaim ended last */
	uint64_t nonresident_age;    /* pages evicted, and activated when they came back */
	/* kswapd: what it was woken for, and the pass under way. */
	uint32_t order;
	/* 1 + the highest zone type that it was woken for since its last pass began; 0: none */
	uint32_t asked_zone;
	uint32_t pass_order, pass_highest;
	uint32_t asked_order;        /* pass_order as the pass began */
	int32_t priority;
	uint32_t failures;
	uint64_t pass_reclaimed, boost_left;
	bool wanted, running, boosted;
	bool awake;                  /* since it ran first after it slept; a nap is no sleep */
	/* Its attempt at one priority, in rounds; whether the node was balanced before it. */
	struct scan_control sc;
	struct node_scan scan;
	bool scanning, balanced;
};

struct page_alloc {
	/* Read by every request. */
	struct page *pages;          /* owned mapping: by pfn */
	uint64_t *handed_out;        /* owned mapping: see page_priv.h */
	uint8_t *pageblock_type;     /* owned mapping: see page_priv.h */
	struct zonelist *zonelists;  /* owned: by node */
	struct zone *zones;          /* owned: populated ones, by node and type */
	const struct machine *machine; /* borrowed */
	struct mempolicy *policy;    /* borrowed: of the task that asks; NULL: none */
	uint32_t nr_zones, nr_nodes, nr_cpus;
	uint32_t max_order, pageblock_order, page_shift;
	bool far;                    /* there is memory of other nodes, and it costs more (latency.numa) */
	bool thp;                    /* order pageblock_order has per-CPU lists */
	bool mobility_off;           /* every request counts as Unmovable */
	uint32_t last_moved;         /* blocks moved to or from per-CPU lists by the last take or give */
	uint8_t gfp_zone[16];        /* low four bits of a mask -> highest zone type */
	uint64_t counter[NR_PAGE_COUNTERS];

	pfn_t end_pfn;               /* pages[] has this many, a multiple of 2^max_order */
	uint8_t *section_online;     /* owned: by section of 128 MiB, whether it has memory */
	uint64_t pages_bytes, handed_out_bytes, pageblock_bytes; /* sizes of the mappings */
	uint64_t min_free_kbytes;
	struct reclaim_hooks hooks;
	struct reclaim_node *reclaim; /* owned: by node */
	uint64_t swap_pages, swap_used; /* pages of the swap there is, and of what is swapped out */
	uint8_t *compact_skip;       /* owned: by pageblock, whether compaction found nothing there */
	struct kcompactd *kcompactd; /* owned: by node */
	struct page_rcu rcu;
	struct page_failures failures[PAGE_FAILURE_KINDS];
	uint32_t nr_failures, last_failure;
	struct extfrag_count *extfrag; /* owned: [alloc mt][fallback mt][alloc order][fallback order] */
};

/** Steps taken with a zone's lock held that are charged when it is dropped. */
struct zone_work {
	uint32_t levels; /* splits and merges */
	uint32_t steals;
};

/* Flags of an allocation attempt (mm/internal.h of 6.1); the two lowest bits are an enum wmark. */
#define ALLOC_WMARK_MASK    0x3u
#define ALLOC_NO_WATERMARKS 0x4u
#define ALLOC_OOM           0x8u
#define ALLOC_NON_BLOCK     0x10u
#define ALLOC_MIN_RESERVE   0x20u
#define ALLOC_NOFRAGMENT    0x100u
#define ALLOC_HIGHATOMIC    0x200u
#define ALLOC_KSWAPD        0x800u
#define ALLOC_RESERVES      (ALLOC_NON_BLOCK | ALLOC_MIN_RESERVE | ALLOC_HIGHATOMIC | ALLOC_OOM)

static inline bool migratetype_is_mergeable(unsigned int mt)
{
	return mt < MIGRATE_PCPTYPES;
}

static inline uint64_t pageblock_pages(const struct page_alloc *pa)
{
	return 1ull << pa->pageblock_order;
}

static inline bool zone_spans(const struct zone *zone, pfn_t pfn)
{
	return pfn >= zone->start && pfn < zone->end;
}

/** pcp_eligible() - models pcp_allowed_order(). */
static inline bool pcp_eligible(const struct page_alloc *pa, unsigned int order)
{
	return order < PCP_ORDERS || (pa->thp && order == pa->pageblock_order);
}

/** zone_free_pages() - pages on the free lists: exact, Isolate included. */
uint64_t zone_free_pages(const struct zone *zone);
/** zone_pcp_pages() - pages on all CPUs' lists. */
uint64_t zone_pcp_pages(const struct zone *zone);

#endif

/*
 * page_alloc_priv: what the files of the page allocator call of each other, from a zone's core up to the slow path.
 */
#ifndef KMEMSIM_MM_PAGE_ALLOC_PRIV_H
#define KMEMSIM_MM_PAGE_ALLOC_PRIV_H

#include "mm/buddy_priv.h"
#include "mm/watermark_priv.h"
#include "mm/zone_priv.h"

/** A request on its way through the allocator. Models struct alloc_context. */
struct alloc_context {
	gfp_t gfp;
	unsigned int order;
	unsigned int mt;            /* enum migratetype wanted */
	unsigned int cpu;
	enum machine_zone highest;  /* highest zone type allowed */
	const struct zonelist *zonelist;
	uint32_t nr_zones;          /* of the zonelist: all, or the node's own with __GFP_THISNODE */
	uint32_t preferred;         /* first zone of the zonelist that may serve; nr_zones: there is none */
};

/* page_stats.c */

/** page_count_failure() - a request got nothing. */
void page_count_failure(struct page_alloc *pa, const struct alloc_context *ac);

/* fallback.c */

/**
 * zone_take_locked() - a block from the free lists: of type @mt, else of another type. Models __rmqueue().
 * The zone's lock is held; the caller accounts the pages and charges @work.
 */
pfn_t zone_take_locked(struct zone *zone, unsigned int order, unsigned int mt, unsigned int alloc_flags,
	struct zone_work *work);

/** fallback_can_steal() - whether a pageblock may be claimed through a block of that order. */
bool fallback_can_steal(const struct page_alloc *pa, unsigned int order, unsigned int mt);

/** page_resched() - models cond_resched() in the slow path. */
static inline void page_resched(struct page_alloc *pa)
{
	if (pa->hooks.resched)
		pa->hooks.resched(pa->hooks.arg);
}

/** zone_boost_watermark() - models boost_watermark(). Return: whether the zone has a boost to speak of. */
bool zone_boost_watermark(struct zone *zone);

/* highatomic.c */

/** zone_reserve_highatomic() - keep the pageblock of a high-order atomic allocation for its like. */
void zone_reserve_highatomic(struct zone *zone, pfn_t pfn);

/** unreserve_highatomic() - give one reserved pageblock back, to the request's type; @force: even the last one. */
bool unreserve_highatomic(const struct alloc_context *ac, bool force);

/* page_alloc.c */

/** zone_charge_locked() - charge @nr times @step and @work with the zone's lock held, and taking the lock. */
void zone_charge_locked(const struct zone *zone, enum machine_step step, uint32_t nr, const struct zone_work *work,
	struct meter *meter);

/** zone_take_buddy() - models rmqueue_buddy(). */
pfn_t zone_take_buddy(struct zone *zone, unsigned int order, unsigned int mt, unsigned int cpu,
	unsigned int alloc_flags, struct meter *meter);

/** page_free_direct() - to the buddy without the per-CPU lists. Models __free_pages_ok(). */
void page_free_direct(struct page_alloc *pa, pfn_t pfn, unsigned int order, enum buddy_place place, unsigned int cpu,
	struct meter *meter);

/** page_context() - what a request asks for. Models prepare_alloc_pages(). */
void page_context(const struct page_alloc *pa, const struct page_request *req, struct alloc_context *ac);

/** zonelist_walk() - the first zone that passes and has a block. Models get_page_from_freelist(). */
pfn_t zonelist_walk(struct page_alloc *pa, const struct alloc_context *ac, unsigned int alloc_flags,
	struct meter *meter);

/* lru.c */

/** lru_check() - the invariants of lru.c. */
int lru_check(const struct page_alloc *pa, struct err *err);

/* kswapd.c */

/**
 * kswapd_gave_up() - whether @node is hopeless: kswapd found
 * nothing there in many passes. Models pgdat->kswapd_failures.
 */
bool kswapd_gave_up(const struct page_alloc *pa, uint32_t node);

/** kswapd_wake() - models wakeup_kswapd() for the node of @zone. */
void kswapd_wake(struct zone *zone, gfp_t gfp, unsigned int order, enum machine_zone highest, struct meter *meter);

/* kcompactd.c */

/** kcompactd_init() - no node has anything to do. */
int kcompactd_init(struct page_alloc *pa, struct err *err);
/** kcompactd_wake() - models wakeup_kcompactd(). Nothing for order 0, or where no zone is suitable. */
void kcompactd_wake(struct page_alloc *pa, uint32_t node, unsigned int order, enum machine_zone highest);
/** kcompactd_check() - the invariants of kcompactd.c. */
int kcompactd_check(const struct page_alloc *pa, struct err *err);
/** kcompactd_forget_skips() - models reset_isolation_suitable(). */
void kcompactd_forget_skips(struct page_alloc *pa, uint32_t node);

/* node_reclaim.c */

/**
 * node_reclaim() - @zone is below the mark of @alloc_flags: take pages back on its node, where
 * vm.zone_reclaim_mode has the request do so. Return: whether the zone can serve it now.
 */
bool node_reclaim(struct zone *zone, const struct alloc_context *ac, unsigned int alloc_flags, struct meter *meter);

/* page_slowpath.c */

/** page_slowpath() - what a request does when no zone serves it at once. Models __alloc_pages_slowpath(). */
pfn_t page_slowpath(struct page_alloc *pa, const struct alloc_context *ac, struct meter *meter);

/* zonelist.c */

/** zonelists_build() - models build_all_zonelists() of all nodes. */
int zonelists_build(struct page_alloc *pa, struct err *err);

/* zone_size.c */

/** Physical memory in pages: RAM ranges with adjacent ones of a node joined, ascending. */
struct memory_map {
	uint32_t nr;
	struct memory_range {
		uint64_t start, end; /* bytes */
		uint32_t node;
	} range[MACHINE_MAX_RANGES];
};

/** zones_size() - which zones there are, what they span and what is present. Models free_area_init(). */
int zones_size(struct page_alloc *pa, const struct memory_map *map, struct err *err);

#endif

/*
 * reclaim: memory that can be taken back from its users, or moved: LRU lists, kswapd's and kcompactd's passes, direct
 * reclaim. Models mm/swap.c, mm/vmscan.c, mm/workingset.c and mm/compaction.c of kernel 6.1 at the level of a
 * simulator: which pages are used again no trace tells, so a page's age decides, and what the run says of its use. Part
 * of the page allocator: its struct holds the lists.
 *
 * Who owns a page that is taken back or moved is not known here: the run is told (struct reclaim_hooks),
 * as it is asked for objects that shrinkers can free and for a task to kill.
 */
#ifndef KMEMSIM_MM_RECLAIM_H
#define KMEMSIM_MM_RECLAIM_H

#include "mm/page_alloc.h"

/** What a page is to its user, when it is put on an LRU list. */
enum lru_kind { LRU_NONE, LRU_KIND_ANON, LRU_KIND_FILE };

/* The lists of a node, in the order in which reclaim goes through them. */
enum lru_list { LRU_INACTIVE_ANON, LRU_ACTIVE_ANON, LRU_INACTIVE_FILE, LRU_ACTIVE_FILE, NR_LRU_LISTS };

/*
 * What came of a compaction, by rank: over several zones the highest one counts. Models enum compact_result,
 * without those that its trace points alone know.
 */
enum compact_result {
	COMPACT_SKIPPED,         /* there is not memory enough to move pages to */
	COMPACT_DEFERRED,        /* it has failed of late */
	COMPACT_CONTINUE,        /* worth it, or under way */
	COMPACT_COMPLETE,        /* all of the zone was looked at, for nothing */
	COMPACT_PARTIAL_SKIPPED, /* a part of it was */
	COMPACT_CONTENDED,       /* given up: others want the lock, or the CPU */
	COMPACT_SUCCESS,         /* there is a block of the order */
};

enum compact_who { COMPACT_DIRECT, COMPACT_KCOMPACTD, COMPACT_PROACTIVE };

/** One compaction: of a request, over its zones; or a pass of kcompactd over a node. */
struct compact_episode {
	enum compact_who who;
	enum compact_result result;
	uint32_t node;              /* of the first zone */
	int order;                  /* -1: for no request */
	uint64_t at_ns;             /* COMPACT_DIRECT: what the request had cost before it */
	uint64_t migrate_scanned, free_scanned, migrated, failed; /* pages */
};

/** One direct reclaim: a call of try_to_free_pages(), of which a request may make several. */
struct reclaim_episode {
	uint32_t node;              /* of the first zone */
	uint64_t at_ns;             /* what the request had cost before it */
	uint64_t reclaimed;         /* pages */
};

#define MAX_SHRINKERS 4u

/** One registered shrinker. Models struct shrinker. */
struct shrinker {
	/* what an object costs to make again; 0: nothing, half of all objects are asked for each time */
	uint32_t seeks;
	uint32_t batch;     /* objects; fewer are put off */
	bool needs_fs;      /* does nothing for who may not call into file systems (__GFP_FS) */
};

/** What is known of the use of a page that reclaim looks at. */
enum page_told { PAGE_UNTOLD, PAGE_UNUSED, PAGE_USED };

/** What happened last to a page that reclaim looks at, as its accessed bits are clear from then on. */
enum page_past {
	PAGE_CAME,
	PAGE_WAS_USED,   /* when reclaim looked at it */
	PAGE_WAS_ACTIVE, /* and has grown old */
};

/** What the run does for the page allocator; all may be NULL together: then nothing is ever reclaimed. */
struct reclaim_hooks {
	/**
	 * page_gone() - @pfn is taken from its user, and is free
	 * in a moment. @swapped: it can be read back from swap.
	 */
	void (*page_gone)(void *arg, pfn_t pfn, bool swapped);
	/**
	 * page_told() - whether a page, of whatever kind, was used since then, where that is known.
	 * May be NULL: of none.
	 */
	enum page_told (*page_told)(void *arg, pfn_t pfn);
	/**
	 * page_used() - whether a file page, of which lru_use() does not say so, was used since then.
	 * May be NULL: none was.
	 */
	bool (*page_used)(void *arg, pfn_t pfn, enum page_past past);
	/**
	 * page_reused() - whether a file page that has not been used through page tables since it came was used a
	 * second time otherwise: it ought to be active. May be NULL: none was.
	 */
	bool (*page_reused)(void *arg, pfn_t pfn);
	const struct shrinker *shrinkers; /* borrowed */
	uint32_t nr_shrinkers;      /* at most MAX_SHRINKERS */
	/** count_objects() - how many objects of @node a shrinker could free. */
	uint64_t (*count_objects)(void *arg, uint32_t shrinker, uint32_t node);
	/** scan_objects() - a shrinker looks at @nr objects of @node. Return: how many it freed. */
	uint64_t (*scan_objects)(void *arg, uint32_t shrinker, uint32_t node, uint64_t nr, unsigned int cpu,
		struct meter *meter);
	/**
	 * resched() - cond_resched(): a request that is about to reclaim or to compact for itself lets go first
	 * who has been woken. Pages may be taken back meanwhile. May be NULL: nobody waits.
	 */
	void (*resched)(void *arg);
	/** oom_kill() - out_of_memory(): a task's memory is freed. Return: false when there is none to kill. */
	bool (*oom_kill)(void *arg, unsigned int cpu, struct meter *meter);
	void *arg;                  /* borrowed */
	/**
	 * page_moved() - what @from held, @to holds now; @from
	 * is free in a moment. NULL: nothing is ever compacted.
	 */
	void (*page_moved)(void *arg, pfn_t from, pfn_t to);
	/**
	 * page_movable() - whether @pfn, handed out as Movable
	 * and on no list, is a block of order 0. NULL: none is.
	 */
	bool (*page_movable)(void *arg, pfn_t pfn);
	/** reclaimed() - a direct reclaim is over. May be NULL. */
	void (*reclaimed)(void *arg, const struct reclaim_episode *episode);
	/** compacted() - a compaction is over. May be NULL. */
	void (*compacted)(void *arg, const struct compact_episode *episode);
};

/** page_alloc_set_hooks() - who is told and asked from now on; @hooks is copied, what it points to is borrowed. */
void page_alloc_set_hooks(struct page_alloc *pa, const struct reclaim_hooks *hooks);

/* lru.c: pages that may be taken back, by node, kind and age. Models mm/swap.c and mm/workingset.c. */

/**
 * lru_add() - an allocated page goes to the head of its inactive list. Models lru_cache_add() without its batches.
 * @pfn: order 0, handed out; pages that are on a list already, or that the kernel never managed, are left alone.
 */
void lru_add(struct page_alloc *pa, pfn_t pfn, enum lru_kind kind);
/**
 * lru_add_active() - the same to the active list: used twice before it is on any.
 * Models __lru_cache_activate_folio().
 */
void lru_add_active(struct page_alloc *pa, pfn_t pfn, enum lru_kind kind);
/**
 * lru_lay() - a page of a saved state is on @list: at its tail, so that what was laid later is older.
 * It counts as handed out as Movable.
 * @pfn: order 0, handed out; of a page that is on a list already, or that the kernel never managed, nothing changes.
 * Return: whether it is on the list now.
 */
bool lru_lay(struct page_alloc *pa, pfn_t pfn, enum lru_list list);
/**
 * lru_lay_active() - of a saved state: a page on an inactive list was active already.
 * Nothing counts it as activated now.
 */
void lru_lay_active(struct page_alloc *pa, pfn_t pfn);
/** lru_list_of() - the list that a page is on, NR_LRU_LISTS: none. */
enum lru_list lru_list_of(const struct page_alloc *pa, pfn_t pfn);
/** lru_pages() - length of a list of @node. */
uint64_t lru_pages(const struct page_alloc *pa, uint32_t node, enum lru_list list);
/** lru_zone_pages() - how many pages of a zone are on lists of a kind; @zone: by index as page_alloc_zone_stats(). */
uint64_t lru_zone_pages(const struct page_alloc *pa, unsigned int zone, enum lru_list list);
/**
 * lru_age() - pages of @node that have gone so far, and that have become active as they came back.
 * Models nonresident_age.
 */
uint64_t lru_age(const struct page_alloc *pa, uint32_t node);
/** lru_use() - a page on a list is used through page tables; of others nothing is known. Models the accessed bit. */
void lru_use(struct page_alloc *pa, pfn_t pfn);
/** lru_activate() - a page on an inactive list is used again; any other stays where it is. Models folio_activate(). */
void lru_activate(struct page_alloc *pa, pfn_t pfn);
/**
 * lru_shadow() - while a page goes (page_gone()): what lru_refault() wants to know of it.
 * Models workingset_eviction().
 */
uint64_t lru_shadow(const struct page_alloc *pa, pfn_t pfn);
/** Where a page that was reclaimed comes back to: as the kernel would decide, or as the caller knows. */
enum lru_return { LRU_RETURN_BY_DISTANCE, LRU_RETURN_INACTIVE, LRU_RETURN_ACTIVE };
/**
 * lru_refault() - a file page that was reclaimed is back, and on its inactive list: it goes to the active one when it
 * was away for no longer than active pages stay. @shadow: lru_shadow() as it went. Models workingset_refault().
 */
void lru_refault(struct page_alloc *pa, pfn_t pfn, uint64_t shadow, enum lru_return how);

/* swapfile.c: the room in swap, all devices together. Pages of it are given out as anonymous pages are reclaimed. */

/** page_alloc_swap_add() - a swap device of so many pages is there from now on. */
void page_alloc_swap_add(struct page_alloc *pa, uint64_t pages);
/**
 * page_alloc_swap_load() - of a saved state: there are @pages of swap at least, and of what
 * there is so many were in @used.
 */
void page_alloc_swap_load(struct page_alloc *pa, uint64_t pages, uint64_t used);
/** page_alloc_swap_remove() - a device takes no more. Return: how many pages that are out have to be read back. */
uint64_t page_alloc_swap_remove(struct page_alloc *pa, uint64_t pages);
/** page_alloc_swap_free() - a page that was swapped out is not needed any more. */
void page_alloc_swap_free(struct page_alloc *pa);
/** page_alloc_swapped_in() - it has been read back. */
void page_alloc_swapped_in(struct page_alloc *pa);

/* kswapd.c */

/** kswapd_wanted() - kswapd of @node has been woken and has not run yet. */
bool kswapd_wanted(const struct page_alloc *pa, uint32_t node);

enum kswapd_answer {
	KSWAPD_MORE,     /* goes on with another step */
	KSWAPD_DONE,     /* its pass is over: it naps if kswapd_may_sleep() */
};

/**
 * kswapd_step() - a round of a pass of balance_pgdat(): up to SWAP_CLUSTER_MAX pages of each list;
 * after the last round of a priority level the shrinkers. The first step after a wake-up begins a pass.
 * @cpu:   where it runs now: it may be another one at the next step.
 * @meter: what it costs; kswapd takes that long before its next step.
 */
enum kswapd_answer kswapd_step(struct page_alloc *pa, uint32_t node, unsigned int cpu, struct meter *meter);
/**
 * kswapd_may_sleep() - when its pass is over, and again after its nap: whether the node is balanced, or hopeless;
 * if not, the next pass begins at once. Counts why it does. Models kswapd_try_to_sleep().
 * @woken: somebody has woken it from its nap: it may not.
 */
bool kswapd_may_sleep(struct page_alloc *pa, uint32_t node, bool woken);
/** kswapd_sleeps() - its nap is over, and it sleeps until it is woken. */
void kswapd_sleeps(struct page_alloc *pa, uint32_t node);

/* kcompactd.c */

/*
 * kcompactd's look at the fragmentation of its node: it sleeps for HPAGE_FRAG_CHECK_INTERVAL_MSEC (500 ms), a timer of
 * 125 jiffies (HZ 250), which expires at the next multiple of 8 jiffies. One timeout after the other so makes a period
 * of 128 jiffies. D-pressure shows it: mm_compaction_kcompactd_sleep, 507 to 517 ms apart.
 */
#define FRAG_CHECK_TIMEOUT_NS 500000000u
#define FRAG_CHECK_PERIOD_NS  512000000u

/** kcompactd_wanted() - kcompactd of @node has been woken, or a proactive pass is due, and it has not run yet. */
bool kcompactd_wanted(const struct page_alloc *pa, uint32_t node);
/**
 * proactive_wanted() - to be called every FRAG_CHECK_PERIOD_NS: whether the node is fragmented enough
 * for a pass without a request, or one is still to be done. If so kcompactd is wanted. After a pass
 * that was of no use 63 checks say no.
 */
bool proactive_wanted(struct page_alloc *pa, uint32_t node);

enum kcompactd_answer {
	KCOMPACTD_MORE, /* goes on with another step */
	KCOMPACTD_DONE, /* its pass is over: it sleeps until it is wanted */
};

/**
 * kcompactd_step() - one batch of pages of a pass; the first step after a wake-up begins a pass.
 * @meter: what it costs; kcompactd takes that long before its next step.
 */
enum kcompactd_answer kcompactd_step(struct page_alloc *pa, uint32_t node, unsigned int cpu, struct meter *meter);
/** kcompactd_unfinished() - what the pass that is under way has done so far. Return: false: none is. */
bool kcompactd_unfinished(const struct page_alloc *pa, uint32_t node, struct compact_episode *episode);

#endif

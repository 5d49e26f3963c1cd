/*
 * compaction_priv: making large free blocks by moving pages to the end of their zone. What its files share:
 * compaction.c (whether, how long, with what result), compaction_scan.c (the two scanners and the move),
 * compaction_fast.c (targets from the free lists), kcompactd.c (the daemon's passes).
 * Models mm/compaction.c of kernel 6.1.
 */
#ifndef KMEMSIM_MM_COMPACTION_PRIV_H
#define KMEMSIM_MM_COMPACTION_PRIV_H

#include "mm/page_alloc_priv.h"
#include "mm/page_priv.h"
#include "mm/reclaim.h"

#define COMPACT_CLUSTER_MAX     32u  /* pages taken before they are moved */
#define COMPACT_MAX_DEFER_SHIFT 6u
#define EXTFRAG_THRESHOLD       500  /* vm.extfrag_threshold */
#define COMPACT_ALL             (-1) /* order of a run that is for no request */

/* How hard a request tries. Models enum compact_priority: a smaller one is stronger. */
enum compact_priority { COMPACT_PRIO_SYNC_FULL, COMPACT_PRIO_SYNC_LIGHT, COMPACT_PRIO_ASYNC };

enum compact_mode { COMPACT_ASYNC, COMPACT_SYNC_LIGHT };

/** One run over a zone. Models struct compact_control. */
struct compact_control {
	struct zone *zone;
	int order;                  /* of the request, or COMPACT_ALL */
	unsigned int mt, cpu, alloc_flags;
	enum machine_zone highest;  /* highest zone type of the request */
	enum compact_mode mode;
	bool direct;                /* a request waits for it */
	bool whole_zone;            /* began at the zone's ends */
	bool ignore_skip;           /* skip bits do not count */
	bool ignore_block;          /* targets may lie in pageblocks of any type */
	bool proactive;
	bool may_fs;                /* pages of files may be moved */
	bool finish_pageblock;      /* the same pageblock as the last time: all of it now */
	bool update_cached;         /* nothing found yet: the start of sync runs follows that of async ones */
	pfn_t migrate_pfn, free_pfn; /* where the scanners are */
	pfn_t last_migrated;        /* where a batch was taken that is not flushed yet; 0: none */
	struct block_list sources, targets; /* pages on their way, single */
	uint32_t nr_sources, nr_targets;
	int search_order;           /* of the free lists that compaction_fast.c begins with */
	uint32_t search_failed;     /* times in a row */
	uint64_t migrate_scanned, free_scanned, migrated, failed; /* pages */
};

/** What kcompactd of a node is about. Models the kcompactd_* members of pg_data_t. */
struct kcompactd {
	uint32_t order, highest;    /* what it was woken for */
	uint32_t pass_highest;
	uint32_t zone;              /* index of the zone that it works on */
	uint32_t quiet;             /* proactive checks to leave out */
	uint64_t score;             /* of the node before a proactive pass */
	bool wanted, wanted_proactive, running, in_zone;
	struct compact_control cc;
	struct compact_episode episode;
};

/* compaction.c */

/** compaction_on() - whether the machine compacts, and somebody can be told of moved pages. */
static inline bool compaction_on(const struct page_alloc *pa)
{
	return pa->machine->page_allocator.compaction && pa->hooks.page_moved;
}

/** compaction_suitable() - models the kernel's. Return: CONTINUE, SKIPPED or SUCCESS (there is nothing to do). */
enum compact_result compaction_suitable(const struct zone *zone, int order, unsigned int alloc_flags,
	enum machine_zone highest);

/* Deferral: a zone where compaction failed is left alone for more and more attempts. */
/** compaction_deferred() - models the kernel's: counts the attempt. */
bool compaction_deferred(struct zone *zone, unsigned int order);
/** compaction_defer() - models defer_compaction(). */
void compaction_defer(struct zone *zone, unsigned int order);
/** compaction_defer_reset() - models the kernel's. @allocated: a request got its block. */
void compaction_defer_reset(struct zone *zone, unsigned int order, bool allocated);

/** compact_begin() - set the scanners. Return: CONTINUE, or the result of a run that need not begin. */
enum compact_result compact_begin(struct compact_control *cc);
/** compact_step() - pages of one pageblock are taken and moved. Return: CONTINUE, or the result. */
enum compact_result compact_step(struct compact_control *cc, struct meter *meter);
/** compact_end() - give back what is held, count. */
void compact_end(struct compact_control *cc, struct meter *meter);

/** compact_scanners_met() - models the kernel's. */
static inline bool compact_scanners_met(const struct compact_control *cc)
{
	return pageblock_of(cc->zone->pa, cc->free_pfn) <= pageblock_of(cc->zone->pa, cc->migrate_pfn);
}

/** compaction_reset_skips() - models __reset_isolation_suitable(): forget what was not worth a look. */
void compaction_reset_skips(struct zone *zone);

/** direct_compact() - models __alloc_pages_direct_compact(). Return: PFN_NONE: no block; @result says why. */
pfn_t direct_compact(struct page_alloc *pa, const struct alloc_context *ac, unsigned int alloc_flags,
	enum compact_priority priority, enum compact_result *result, struct meter *meter);

/** compaction_zonelist_suitable() - models the kernel's: whether reclaim would make compaction possible. */
bool compaction_zonelist_suitable(const struct alloc_context *ac, unsigned int alloc_flags);

/** compact_count() - add a zone's run to an episode. */
void compact_count(struct compact_episode *episode, const struct compact_control *cc, enum compact_result result);

/* compaction_scan.c */

/** compact_isolate() - movable pages of the next pageblock that has any. Models isolate_migratepages(). */
bool compact_isolate(struct compact_control *cc, struct meter *meter);
/** compact_move() - move what was taken, as far as there are targets. Models migrate_pages(). Return: pages left. */
uint32_t compact_move(struct compact_control *cc, struct meter *meter);
/** compact_isolate_block() - free blocks of [*pfn, end) become targets. Models isolate_freepages_block(). */
uint32_t compact_isolate_block(struct compact_control *cc, pfn_t *pfn, pfn_t end, unsigned int stride,
	struct meter *meter);
/**
 * compact_take_free() - a free block becomes targets. Models
 * __isolate_free_page(). Return: false: memory is too short.
 */
bool compact_take_free(struct compact_control *cc, pfn_t pfn);
/** compact_release_targets() - models release_freepages(). Return: the highest page given back, 0: none. */
pfn_t compact_release_targets(struct compact_control *cc, struct meter *meter);

/* Skip bits: a pageblock that had nothing to take. */
static inline bool pageblock_skip(const struct page_alloc *pa, pfn_t pfn)
{
	return pa->compact_skip[pageblock_of(pa, pfn)];
}

static inline void pageblock_set_skip(struct page_alloc *pa, pfn_t pfn, bool skip)
{
	pa->compact_skip[pageblock_of(pa, pfn)] = skip;
}

static inline pfn_t pageblock_start(const struct page_alloc *pa, pfn_t pfn)
{
	return pfn & ~(pageblock_pages(pa) - 1);
}

static inline pfn_t pageblock_end(const struct page_alloc *pa, pfn_t pfn)
{
	return pageblock_start(pa, pfn) + pageblock_pages(pa);
}

/**
 * compact_free_block() - whether a free block begins at @pfn,
 * of *order; also in a run, whose first record alone tells.
 */
bool compact_free_block(const struct zone *zone, pfn_t pfn, unsigned int *order);

/* compaction_fast.c */

/** compact_search_free() - models fast_isolate_freepages(). */
void compact_search_free(struct compact_control *cc, struct meter *meter);

/* kcompactd.c */

/** zone_frag_score() - models fragmentation_score_zone(): 0 .. 100. */
unsigned int zone_frag_score(const struct zone *zone);
/** frag_score_low() / frag_score_high() - models fragmentation_score_wmark(): when a proactive run ends and begins. */
unsigned int frag_score_low(const struct page_alloc *pa);
unsigned int frag_score_high(const struct page_alloc *pa);
/** node_frag_score() - models fragmentation_score_node(). */
uint64_t node_frag_score(const struct page_alloc *pa, uint32_t node);

#endif

/*
 * page_alloc: the page allocator as the layers above see it: nodes, zones, free lists, per-CPU lists, watermarks.
 * Models mm/page_alloc.c of kernel 6.1. Knows nothing of slabs and nothing of time.
 */
#ifndef KMEMSIM_MM_PAGE_ALLOC_H
#define KMEMSIM_MM_PAGE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/gfp.h"
#include "configs/machine.h"
#include "mm/answer.h"
#include "mm/meter.h"

typedef uint64_t pfn_t; /* page frame number: physical address / page size */
#define PFN_NONE UINT64_MAX

#define PAGE_MAX_ORDERS 16 /* orders 0 .. max_order, max_order < 16 */
#define COSTLY_ORDER 3u    /* PAGE_ALLOC_COSTLY_ORDER: of larger blocks the kernel does not insist on getting one */
#define PCP_ORDERS (COSTLY_ORDER + 1u) /* orders 0 .. COSTLY_ORDER have per-CPU lists */

enum migratetype {
	MIGRATE_UNMOVABLE,
	MIGRATE_MOVABLE,
	MIGRATE_RECLAIMABLE,
	MIGRATE_HIGHATOMIC,
	MIGRATE_PCPTYPES = MIGRATE_HIGHATOMIC, /* number of types with per-CPU lists */
	MIGRATE_CMA,
	MIGRATE_ISOLATE,
	NR_MIGRATETYPES
};

extern const char *const migratetype_name[NR_MIGRATETYPES]; /* "Unmovable", ... as /proc/pagetypeinfo prints */

struct state; /* configs/state.h */
struct mempolicy; /* mm/mempolicy.h */
struct page_alloc; /* all nodes and zones of a machine; private to mm/ */

struct page_request {
	gfp_t gfp;
	uint16_t cpu;   /* who asks: chooses the per-CPU list and the local node */
	int16_t node;   /* wanted node, -1 = by the task's policy; without one the CPU's */
	uint8_t order;
};

/** page_alloc_create() - boot: size the zones, hand memory over from memblock, set watermarks and pcp limits. */
int page_alloc_create(struct page_alloc **out, const struct machine *machine, struct err *err);
void page_alloc_destroy(struct page_alloc *pa);

/**
 * page_alloc_set_policy() - from now on a task with that memory policy asks (current->mempolicy),
 * until this is called again.
 * @policy: borrowed, its turns go on; NULL: none. Requests that want a node are not touched by it,
 * nor is the state of the zones.
 */
void page_alloc_set_policy(struct page_alloc *pa, struct mempolicy *policy);
/** page_alloc_policy() - the policy of the task that asks, or NULL. */
struct mempolicy *page_alloc_policy(const struct page_alloc *pa);
/**
 * page_alloc_local_node() - what alloc_pages_node() makes of NUMA_NO_NODE (@node < 0),
 * whatever the policy: the CPU's node.
 */
int page_alloc_local_node(const struct page_alloc *pa, int node, unsigned int cpu);

/** What page_alloc_load() had to assume. */
struct page_load_report {
	uint64_t pageblocks_known;    /* type told by a free block of that size or by free blocks of one type */
	uint64_t pageblocks_mixed;    /* free blocks of several types: the one with the most free pages */
	uint64_t pageblocks_guessed;  /* no free block: by the kinds of pages in it */
	uint64_t pageblocks_adjusted; /* of the mixed and guessed ones: changed to fit the number of each type */
	uint64_t pages_missing;       /* managed by the kernel, but the machine does not hand them out at boot */
	uint64_t pcp_placed;          /* pages of per-CPU lists whose place is the model's choice */
	uint64_t blocks_placed;       /* free blocks whose place is the model's choice: only their number was saved */
	/* saved blocks that had no room as they were: smaller ones, or merged with others */
	uint64_t blocks_reshaped;
};

/**
 * page_alloc_load() - go on from the saved memory of a real kernel: replaces what boot made.
 * @pa:     as page_alloc_create() left it, for the same machine: zones must have the state's spans.
 * @seed:   for the places of free blocks of which only the number is known (stream "page_load").
 * @report: filled; may be NULL.
 *
 * Free and per-CPU lists, watermarks, limits and reserves are the state's. All other memory is handed out: reserved
 * pages too, which add to the zone's managed pages when they are given (free_reserved_page(), deferred init). While
 * pcp_high is 0 and pcp_batch 1 the per-CPU lists are transparent, as the kernel's boot pagesets are.
 * Types of pageblocks are not saved: they are inferred, see struct page_load_report and mm/page_load_types.c.
 * Errors: ERR_CONFIG when state and machine differ or the state contradicts itself. @pa must then be destroyed.
 */
int page_alloc_load(struct page_alloc *pa, const struct state *state, uint64_t seed, struct page_load_report *report,
	struct err *err);

/**
 * page_alloc_used_block() - the first aligned block at or behind @from whose 2^@order pages are handed out,
 * in a pageblock of type @mt (NR_MIGRATETYPES: of any): where a saved state whose slabs are only counted
 * may have one. Return: PFN_NONE: none.
 */
pfn_t page_alloc_used_block(const struct page_alloc *pa, pfn_t from, unsigned int order, unsigned int mt);
/** page_alloc_block_type() - the migratetype of the page's pageblock. */
unsigned int page_alloc_block_type(const struct page_alloc *pa, pfn_t pfn);
/** page_alloc_end() - the first page frame behind all memory. */
pfn_t page_alloc_end(const struct page_alloc *pa);

/**
 * page_alloc_apply_settings() - whether the machine's settings (min_free_kbytes, watermark_scale_factor,
 * pcp_high_fraction) are others than those that the loaded state was saved with; then its watermarks and limits are set
 * anew, as when a sysctl is written. Of a state whose watermarks the kernel had set.
 */
bool page_alloc_apply_settings(struct page_alloc *pa);

/** page_alloc_has_pagesets() - whether the kernel has set up its per-CPU lists: always, but for a state of its boot. */
bool page_alloc_has_pagesets(const struct page_alloc *pa);
/** page_alloc_setup_pagesets() - models setup_per_cpu_pageset(): batch and high by managed pages and watermarks. */
void page_alloc_setup_pagesets(struct page_alloc *pa);
/** page_alloc_setup_marks() - models init_per_zone_wmark_min(), then khugepaged's start, with the pages managed now. */
void page_alloc_setup_marks(struct page_alloc *pa);

/**
 * page_alloc_take() - models alloc_pages() and alloc_pages_node(): fast path, then the machine's slow path.
 * @pfn: first page of the block, on MM_DONE; the caller owns 2^order pages until page_alloc_give().
 * Order above max_order: MM_FAILED.
 */
enum mm_answer page_alloc_take(struct page_alloc *pa, const struct page_request *req, pfn_t *pfn, struct meter *meter);

/**
 * page_alloc_take_bulk() - models __alloc_pages_bulk(): order-0 pages of one zone through the pcp;
 * of all nodes of the task's policy, as alloc_pages_bulk_array_mempolicy() does.
 * Return: number of pages obtained, into pfns[0 .. nr-1].
 */
uint32_t page_alloc_take_bulk(struct page_alloc *pa, const struct page_request *req, uint32_t nr, pfn_t *pfns,
	struct meter *meter);

/**
 * page_alloc_give() - models __free_pages() of the last reference, on CPU @cpu.
 * @order may be smaller than the order taken: a part of a block, freed on its own.
 */
void page_alloc_give(struct page_alloc *pa, pfn_t pfn, unsigned int order, unsigned int cpu, struct meter *meter);

/**
 * page_alloc_give_rcu() - models call_rcu() of a block, as slabs of SLAB_TYPESAFE_BY_RCU are freed:
 * without page_alloc_delay_rcu() it is page_alloc_give(). Else the block stays taken, and
 * meter->pressure asks to look after it.
 */
void page_alloc_give_rcu(struct page_alloc *pa, pfn_t pfn, unsigned int order, unsigned int cpu, struct meter *meter);
/** page_alloc_delay_rcu() - somebody ends grace periods from now on. */
void page_alloc_delay_rcu(struct page_alloc *pa);
/** page_alloc_rcu_waiting() - how many blocks wait for the end of one. */
uint32_t page_alloc_rcu_waiting(const struct page_alloc *pa);
/** page_alloc_rcu_done() - a grace period is over for the first @nr blocks that wait: they are free. */
void page_alloc_rcu_done(struct page_alloc *pa, uint32_t nr, unsigned int cpu, struct meter *meter);

/**
 * page_alloc_take_at() - take exactly this block, wherever it is free: out of a larger block, on a per-CPU list of any
 * CPU, or in pieces that make it up. Models nothing in the kernel: it is how a replay follows a recording.
 * @mt: Movable counts as being on an LRU list.
 * Return: false, with nothing done, when a page of it is not free.
 */
bool page_alloc_take_at(struct page_alloc *pa, pfn_t pfn, unsigned int order, enum migratetype mt, unsigned int cpu,
	struct meter *meter);

/** page_alloc_put_back() - the last take is undone: the block goes to the head of the list that it came from. */
void page_alloc_put_back(struct page_alloc *pa, pfn_t pfn, unsigned int order, unsigned int cpu, struct meter *meter);

/**
 * page_alloc_correct() - the model has just taken @wrong where the kernel took @right: as if it had taken that. @right
 * on the same per-CPU list: @wrong stands there instead. Else @wrong goes back to where it came from, first of its
 * list. @right on the list of another type: the kernel has another type for its pageblock, which is learned.
 * Return: false when @right is not free; @wrong has gone back then too.
 */
bool page_alloc_correct(struct page_alloc *pa, pfn_t wrong, pfn_t right, unsigned int order, unsigned int cpu,
	struct meter *meter);

/**
 * page_alloc_give_recorded() - as page_alloc_give(), but nothing is flushed: the recording tells what is, with
 * page_alloc_flush_recorded() for each block.
 * @flushed: pages that the kernel flushed because of this free.
 * Return: pages that page_alloc_give() would have flushed.
 */
uint32_t page_alloc_give_recorded(struct page_alloc *pa, pfn_t pfn, unsigned int order, unsigned int cpu,
	uint32_t flushed, struct meter *meter);

/**
 * page_alloc_flush_recorded() - a block went from a per-CPU list to the free list of type @mt,
 * as mm_page_pcpu_drain tells.
 * Return: whether it was on a per-CPU list. One that is handed out goes to the free list too; else nothing is done.
 */
bool page_alloc_flush_recorded(struct page_alloc *pa, pfn_t pfn, unsigned int order, enum migratetype mt,
	unsigned int cpu, struct meter *meter);

/** page_alloc_flush_next() - the block that a flush of a CPU's lists moves first when it begins with list @list. */
pfn_t page_alloc_flush_next(const struct page_alloc *pa, unsigned int zone, unsigned int list, unsigned int cpu);
/** page_alloc_list() - number of the per-CPU list for that order and type. */
unsigned int page_alloc_list(unsigned int order, enum migratetype mt);
/** page_alloc_list_of() - number of the per-CPU list that a block freed just now is on; 0 when it is on none. */
unsigned int page_alloc_list_of(const struct page_alloc *pa, pfn_t pfn);

/** What page_alloc_refill_recorded() found. */
struct page_refill {
	uint32_t left;  /* blocks that were still on the list */
	uint32_t equal; /* blocks that the model's own refill puts at the same place */
	pfn_t first;    /* of the model's own refill; PFN_NONE: it gives nothing */
};

/**
 * page_alloc_refill_recorded() - a CPU's list was refilled with these @nr blocks, as mm_page_alloc_zone_locked
 * tells. What the model still has on that list was taken without an event, or the kernel would not have refilled:
 * it is handed out. Then the model refills, and is compared. The list is then the recorded one; a block that the
 * model had handed out comes back for it.
 * @pfns: of one zone, at least one. @order: must have per-CPU lists.
 */
void page_alloc_refill_recorded(struct page_alloc *pa, const pfn_t *pfns, uint32_t nr, unsigned int order,
	enum migratetype mt, unsigned int cpu, struct page_refill *refill, struct meter *meter);

/** page_alloc_refill_blocks() - blocks that a refill of lists of @order asks for. */
uint32_t page_alloc_refill_blocks(const struct page_alloc *pa, unsigned int zone, unsigned int order);
/** page_alloc_marks_blocks() - the same, once page_alloc_setup_marks() is over. */
uint32_t page_alloc_marks_blocks(const struct page_alloc *pa, unsigned int zone, unsigned int order);

/** page_alloc_pcp_position() - blocks in front of @pfn in that list of a CPU; -1: it is not there. */
int page_alloc_pcp_position(const struct page_alloc *pa, pfn_t pfn, unsigned int order, enum migratetype mt,
	unsigned int cpu);

/**
 * page_alloc_take_first() - the first block of list @list of a CPU leaves it, for an allocation that no event shows.
 * Return: PFN_NONE when the list is empty.
 */
pfn_t page_alloc_take_first(struct page_alloc *pa, unsigned int zone, unsigned int list, unsigned int cpu,
	uint8_t *order, struct meter *meter);

/** page_alloc_preferred_zone() - number of the zone that the request tries first, -1: there is none. */
int page_alloc_preferred_zone(const struct page_alloc *pa, const struct page_request *req);

/** page_alloc_empty_list() - the model refilled a list that the kernel did not: all its blocks go back. */
void page_alloc_empty_list(struct page_alloc *pa, unsigned int zone, unsigned int order, enum migratetype mt,
	unsigned int cpu, struct meter *meter);

/**
 * page_alloc_take_exact() - models alloc_pages_exact(): @nr_pages; the rest of the block goes back directly to the
 * free lists, to the tail. Free the pages one by one with order 0.
 */
enum mm_answer page_alloc_take_exact(struct page_alloc *pa, const struct page_request *req, uint64_t nr_pages,
	pfn_t *pfn, struct meter *meter);

/** page_alloc_allocated() - whether all 2^order pages at @pfn exist and are handed out: a guard for bad traces. */
bool page_alloc_allocated(const struct page_alloc *pa, pfn_t pfn, unsigned int order);

/** page_alloc_mark_movable() - a block that is handed out, of a saved state, was asked for as Movable. */
void page_alloc_mark_movable(struct page_alloc *pa, pfn_t pfn, unsigned int order);
/** page_alloc_movable() - whether the page is handed out as Movable: for LRU lists, evictable or not. */
bool page_alloc_movable(const struct page_alloc *pa, pfn_t pfn);

/* A word of the user's own per page (a slab's number, say); 0 after boot. Only for pages that the caller owns. */
void page_alloc_set_owner(struct page_alloc *pa, pfn_t pfn, uint32_t owner);
uint32_t page_alloc_owner(const struct page_alloc *pa, pfn_t pfn);
/** page_alloc_node_of() - node of an existing page. */
uint32_t page_alloc_node_of(const struct page_alloc *pa, pfn_t pfn);

/** page_alloc_drain_pages() - models drain_zone_pages(): at least @nr pages of a CPU's lists of a zone, at most all. */
void page_alloc_drain_pages(struct page_alloc *pa, unsigned int zone, unsigned int cpu, uint32_t nr,
	struct meter *meter);
/** page_alloc_vmstat_work() - models refresh_cpu_vm_stats() of a CPU, each second: folds counters, ages remote pcps. */
void page_alloc_vmstat_work(struct page_alloc *pa, unsigned int cpu, struct meter *meter);
/** page_alloc_vmstat_fold() - its counters alone, where a recording tells what was drained. */
void page_alloc_vmstat_fold(struct page_alloc *pa, unsigned int cpu);

/** page_alloc_check() - walk everything, verify all invariants. O(memory touched). */
int page_alloc_check(const struct page_alloc *pa, struct err *err);

/* What recording needs; plain copies. */
struct zone_stats {
	uint32_t node;
	enum machine_zone type;
	uint64_t start_pfn, spanned, present, managed; /* pages */
	uint64_t free_pages;                           /* exact, pcp pages not included */
	uint64_t pcp_pages;
	uint64_t min, low, high, boost;                /* pages, min..high without boost */
	uint64_t highatomic;                           /* nr_reserved_highatomic, pages */
	uint64_t lowmem_reserve[NR_ZONE_TYPES];        /* pages, by zone type of the request */
	uint32_t pcp_high, pcp_batch;
	uint32_t stat_threshold;                       /* pages that a CPU may count for itself */
	bool node_unreclaimable;                       /* kswapd has given the node up */
	uint64_t blocks[NR_MIGRATETYPES][PAGE_MAX_ORDERS]; /* free blocks */
	uint64_t pageblocks[NR_MIGRATETYPES];
};

/** page_alloc_nr_zones() / page_alloc_zone_stats() - populated zones in /proc order (node, then ascending type). */
unsigned int page_alloc_nr_zones(const struct page_alloc *pa);
void page_alloc_zone_stats(const struct page_alloc *pa, unsigned int zone, struct zone_stats *stats);
/**
 * page_alloc_pcp_acquisitions() - how often pcp->lock was taken, of all CPUs and zones: for
 * requests, flushes and drains.
 */
uint64_t page_alloc_pcp_acquisitions(const struct page_alloc *pa);

/** page_alloc_zone_of() - index of the zone that spans a page, -1: none. */
int page_alloc_zone_of(const struct page_alloc *pa, pfn_t pfn);
/** page_alloc_pcp_count() - pages on a CPU's lists of a zone. */
uint32_t page_alloc_pcp_count(const struct page_alloc *pa, unsigned int zone, unsigned int cpu);
/** page_alloc_where() - where a page is, in words: which list and position, or handed out. */
void page_alloc_where(struct page_alloc *pa, pfn_t pfn, char *buf, size_t size);
/** page_alloc_describe() - a zone's marks, and the first blocks of all its lists, in lines. */
void page_alloc_describe(const struct page_alloc *pa, unsigned int zone, char *buf, size_t size);

/* Counters kept under the kernel's /proc/vmstat names, plus a few of the model's own. */
#define PAGE_COUNTERS(X)                     \
	X(PGALLOC_DMA, "pgalloc_dma")        \
	X(PGALLOC_DMA32, "pgalloc_dma32")    \
	X(PGALLOC_NORMAL, "pgalloc_normal")  \
	X(PGALLOC_HIGH, "pgalloc_high")      \
	X(PGALLOC_MOVABLE, "pgalloc_movable") \
	X(PGFREE, "pgfree")                  \
	X(PCP_REFILL, "pcp_refill")          \
	X(PCP_REFILL_PAGES, "pcp_refill_pages") \
	X(PCP_DRAIN_PAGES, "pcp_drain_pages") \
	X(EXTFRAG, "extfrag_events")         \
	X(SLOWPATH, "page_slowpath")         \
	X(KSWAPD_WAKE, "kswapd_wake")        \
	X(ALLOC_FAIL, "page_alloc_fail")     \
	X(PAGEOUTRUN, "pageoutrun")          \
	X(KSWAPD_LOW_WMARK_HIT_QUICKLY, "kswapd_low_wmark_hit_quickly") \
	X(KSWAPD_HIGH_WMARK_HIT_QUICKLY, "kswapd_high_wmark_hit_quickly") \
	X(ALLOCSTALL_DMA, "allocstall_dma")  \
	X(ALLOCSTALL_DMA32, "allocstall_dma32") \
	X(ALLOCSTALL_NORMAL, "allocstall_normal") \
	X(ALLOCSTALL_HIGH, "allocstall_high") \
	X(ALLOCSTALL_MOVABLE, "allocstall_movable") \
	X(PGSCAN_KSWAPD, "pgscan_kswapd")    \
	X(PGSCAN_DIRECT, "pgscan_direct")    \
	X(PGSCAN_ANON, "pgscan_anon")        \
	X(PGSCAN_FILE, "pgscan_file")        \
	X(PGSTEAL_KSWAPD, "pgsteal_kswapd")  \
	X(PGSTEAL_DIRECT, "pgsteal_direct")  \
	X(PGSTEAL_ANON, "pgsteal_anon")      \
	X(PGSTEAL_FILE, "pgsteal_file")      \
	X(PGACTIVATE, "pgactivate")          \
	X(PGDEACTIVATE, "pgdeactivate")      \
	X(SLABS_SCANNED, "slabs_scanned")    \
	X(WORKINGSET_REFAULT_FILE, "workingset_refault_file") \
	X(WORKINGSET_ACTIVATE_FILE, "workingset_activate_file") \
	X(WORKINGSET_RESTORE_FILE, "workingset_restore_file") \
	X(PSWPIN, "pswpin")                  \
	X(PSWPOUT, "pswpout")                \
	X(OOM_KILL, "oom_kill")              \
	X(NODE_RECLAIM, "node_reclaim")      \
	X(NODE_RECLAIM_PAGES, "node_reclaim_pages") \
	X(ZONE_RECLAIM_FAILED, "zone_reclaim_failed") \
	X(COMPACT_STALL, "compact_stall")    \
	X(COMPACT_SUCCESS, "compact_success") \
	X(COMPACT_FAIL, "compact_fail")      \
	X(COMPACT_MIGRATE_SCANNED, "compact_migrate_scanned") \
	X(COMPACT_FREE_SCANNED, "compact_free_scanned") \
	X(COMPACT_ISOLATED, "compact_isolated") \
	X(PGMIGRATE_SUCCESS, "pgmigrate_success") \
	X(PGMIGRATE_FAIL, "pgmigrate_fail")  \
	X(COMPACT_DAEMON_WAKE, "compact_daemon_wake") \
	X(COMPACT_DAEMON_MIGRATE_SCANNED, "compact_daemon_migrate_scanned") \
	X(COMPACT_DAEMON_FREE_SCANNED, "compact_daemon_free_scanned") \
	X(NUMA_HIT, "numa_hit")              \
	X(NUMA_MISS, "numa_miss")            \
	X(NUMA_FOREIGN, "numa_foreign")      \
	X(NUMA_INTERLEAVE, "numa_interleave") \
	X(NUMA_LOCAL, "numa_local")          \
	X(NUMA_OTHER, "numa_other")

enum page_counter {
#define X(id, name) PC_##id,
	PAGE_COUNTERS(X)
#undef X
	NR_PAGE_COUNTERS
};

extern const char *const page_counter_name[NR_PAGE_COUNTERS];
uint64_t page_alloc_counter(const struct page_alloc *pa, enum page_counter counter);

/** Requests of one kind that got nothing. Attempts: of __GFP_NOFAIL each counts, of large slabs the first one, too. */
struct page_failures {
	uint64_t count;
	gfp_t gfp;
	uint32_t order;
	uint32_t node;
	enum machine_zone zone; /* the one preferred; NR_ZONE_TYPES: none may serve */
};

#define PAGE_FAILURE_KINDS 128u

/**
 * page_alloc_failures() - the kinds that there were, the first in time first; what is beyond PAGE_FAILURE_KINDS is
 * counted with the last. Return: how many, valid until the next request.
 */
unsigned int page_alloc_failures(const struct page_alloc *pa, const struct page_failures **failures);

/** One kind of fallback that happened, as /sys/kernel/tracing's mm_page_alloc_extfrag tells them. */
struct extfrag_stats {
	uint8_t alloc_mt, fallback_mt, alloc_order, fallback_order;
	uint64_t count;
	uint64_t ownership_changes; /* pageblocks that changed their migratetype */
};

/** page_alloc_extfrag_stats() - up to @max kinds, ordered. Return: number that there are. */
unsigned int page_alloc_extfrag_stats(const struct page_alloc *pa, struct extfrag_stats *stats, unsigned int max);

/** page_alloc_last_moved() - blocks that the last take or give moved to per-CPU lists (refill) or from them (flush). */
uint32_t page_alloc_last_moved(const struct page_alloc *pa);

/* Indices of spec/page-allocator.md 8, in thousandths, from block counts over all migratetypes. */
/** page_unusable_index() - 0 .. 1000. */
int page_unusable_index(const uint64_t *nr_free, unsigned int max_order, unsigned int order);
/** page_frag_index() - -1000 .. 1000. */
int page_frag_index(const uint64_t *nr_free, unsigned int max_order, unsigned int order);
/** page_extfrag_percent() - free memory in blocks below @order, 0 .. 100: the score of proactive compaction. */
unsigned int page_extfrag_percent(const uint64_t *nr_free, unsigned int max_order, unsigned int order);

#endif

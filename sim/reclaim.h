/*
 * reclaim: what memory pressure does to a run: whose page it was that mm/ took back, when kswapd works, which objects
 * shrinkers free, whom the OOM killer ends. mm/reclaim.h decides which page goes; this knows slots, tasks and time.
 *
 * Recorded frees by kswapd are not replayed: the page stays, as page cache that nobody names, until the model's own
 * reclaim takes it. So a machine with more memory keeps what the recorded one could not.
 */
#ifndef KMEMSIM_SIM_RECLAIM_H
#define KMEMSIM_SIM_RECLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rng.h"
#include "base/units.h"
#include "mm/reclaim.h"

struct run;
struct run_op;
struct request;
struct replay_use;
struct object;
struct trace_op;

/** Whether a page has come again after it was reclaimed, and who read it. */
enum page_back {
	BACK_NOT,
	BACK_READ,   /* read(), or whoever it was */
	BACK_MAPPED, /* who maps it (readers.c) */
};

/** Who has a page that is on an LRU list, or the first one of a larger block of a process. */
struct page_user {
	uint32_t slot_plus1; /* 0: nobody whom the trace names */
	uint32_t who;
	uint16_t least_share;  /* of a file page, in mapped.c: from this share on it is used; 0: never */
	bool perhaps_mapped;   /* who read it had page tables of files then */
	uint8_t back;          /* enum page_back */
	uint8_t told;          /* of the recording's own reclaim: see kept.c */
};

/** Pages that came one after another, in reuse.c. */
struct reuse_window {
	uint32_t left;    /* still to be asked about */
	uint32_t moment;  /* reuse_part() of what is left when the page comes */
	bool used;        /* a second time, then */
};

struct shrinkers; /* in shrinkers.c */
struct refaults;  /* in refault.c */
struct mappers;   /* in mappers.c */
struct readers;   /* in readers.c */
struct mapped;    /* in mapped.c */
struct shadows;   /* in shadows.c */
struct shrink_older; /* in shrink_older.c */

/* What an object of a slab is to shrinkers; beside enum lru_kind, which is what pages are to reclaim. */
enum shrink_class {
	SHRINK_NOTHING,
	SHRINK_PAGE,         /* of a file: it may have buffer heads */
	SHRINK_DENTRY,
	SHRINK_INODE_KEPT,   /* of files that are nowhere but in memory */
	SHRINK_INODE_KERNFS, /* or of a pipe; inode_cache has all of them */
	SHRINK_INODE_PROC,
	SHRINK_INODE_DISK,
	SHRINK_BLOB,         /* an inode's security blob */
	SHRINK_EXTENT,       /* of the extent status tree of a file of ext4 */
	SHRINK_HEAD,         /* buffer head */
	SHRINK_NODE,         /* radix_tree_node: its birth tells what a page is of (shmem.c) */
	SHRINK_NEVER,        /* mm_struct: its birth tells that page tables are copied (mappers.c) */
};

/* What reclaim_events tells of. */
enum episode_by { EPISODE_KSWAPD, EPISODE_DIRECT, EPISODE_COMPACTION, EPISODE_KCOMPACTD, EPISODE_OOM, NR_EPISODES };

enum kswapd_state { KSWAPD_ASLEEP, KSWAPD_STARTING, KSWAPD_RUNNING, KSWAPD_NAPPING };

#define NR_RIVALS 32u

/** A task that has found less memory than the low watermark: it runs, and wants its CPU. */
struct rival {
	int32_t pid;
	uint32_t cpu;
	ns_t seen_ns;            /* last, and 1; 0: none */
};

/** Where a daemon stands among the tasks that want its CPU: sim/fair.c. */
struct fair {
	uint32_t cpu_plus1;      /* where it ran last; 0: nowhere yet */
	int64_t ahead_ns;        /* of the others, by what it has run more; negative: behind them */
	ns_t until_ns;           /* when it ran last */
	ns_t turn_ns;            /* of its turn on the CPU, so far */
};

/** kswapd and kcompactd of one node. */
struct kswapd {
	enum kswapd_state state;
	uint32_t generation;     /* so that an event of an earlier state does nothing */
	ns_t begun_ns;
	struct fair fair;
	uint64_t stolen;         /* pages, in the pass under way */
	bool compacting;         /* kcompactd is at work, or on its way */
	bool in_pass;            /* it is at work */
	ns_t compact_begun_ns;   /* since when */
	ns_t compact_ended_ns;   /* when it was last done */
	struct fair compact_fair;
};

struct reclaim {
	bool active;
	struct page_user *users; /* owned mapping by pfn, backed when touched */
	uint64_t users_bytes;
	bool *is_kswapd;         /* owned; by who */
	bool *is_kcompactd;      /* owned; by who */
	uint8_t *shmem;          /* owned; by who: what is known of it, see shmem.c */
	/* how much of its page cache it uses again recording or assumption tell, not the machine */
	bool use_unknown;
	uint32_t refault_percent, mapped_percent; /* what struct machine_reclaim has, or what stands for auto */
	uint32_t written_refault_percent; /* of pages that write() brought */
	uint32_t again_refault_percent;   /* of pages that had come again, and go once more */
	uint32_t reused_percent;  /* of file pages: used a second time, other than through mappings; 0: nothing tells */
	struct reuse_window reused; /* the pages that reuse.c was asked about last */
	uint32_t active_anon_percent; /* of anonymous pages: used once more before reclaim looks at them */
	struct rng use;          /* which ones */
	/* the trace has a kswapd: objects that it freed are freed by the trace, not by shrinkers */
	bool recorded;
	bool *killed;            /* owned; by who */
	bool *unkillable;        /* owned; by leader: init, threads of the kernel, and who has been killed */
	uint32_t *leader;        /* owned; by who: the first one with the same pid */
	uint32_t nr_killed;
	uint64_t without_victim; /* attempts to get memory at which the OOM killer found nobody */
	/* nobody held pages when the OOM killer looked, and nobody it may kill has got one since */
	bool none_to_kill;
	struct kswapd *kswapds;  /* owned; by node */
	struct rng wakes;        /* how long CPUs take to wake up */
	struct rival rivals[NR_RIVALS];
	struct shrinkers *shrinkers; /* owned; NULL while nothing is reclaimed */
	struct refaults *coming; /* owned */
	struct mappers *mappers; /* owned; NULL: nobody asks who maps files */
	struct readers *readers; /* owned; NULL: nobody reads again what he maps, or the trace shows it */
	ns_t disk_free_ns;       /* when the disk is done with all that refaults and readers have read so far */
	enum page_back reading_again; /* the page that begins is a refault */
	struct mapped *mapped;   /* owned; NULL: no file page is */
	struct shrink_older *older; /* owned; NULL: no initial state, or nothing of it is unknown to the trace */
	uint64_t older_file_pages; /* of the initial state, that nobody has, and that have not gone yet */
	struct shadows *shadows; /* owned; NULL: no page of the trace is known to be read again */
	uint64_t episodes[NR_EPISODES]; /* those beyond what is written out among them */
	/* What came of it. */
	uint64_t pages_gone, frees_of_gone, frees_left_to_model, objects_gone, refaults, events_of_killed,
		allocations_of_killed;
};

/* reclaim.c: whose page it is, and what it is to its user */

/** reclaim_start() - hooks for mm/, daemons asleep. Nothing is reclaimed in the page layer. */
int reclaim_start(struct run *run, struct err *err);
/** reclaim_finish() - the run is over: passes under way are cut off, and what came of it all is recorded. */
int reclaim_finish(struct run *run, struct err *err);
void reclaim_fini(struct run *run);
/** reclaim_use() - what was assumed of pages that went, and whether anything told it. */
void reclaim_use(const struct run *run, struct replay_use *use);
/** reclaim_lru_kind() - what a page that @op asks for is to its user; LRU_NONE: nothing that reclaim can take. */
enum lru_kind reclaim_lru_kind(const struct trace_op *op);
/** reclaim_movable() - whether what @op takes is memory of a process or of a file: movable blocks of any order. */
bool reclaim_movable(const struct run_op *op);
/**
 * reclaim_is_buffer() - whether what @op takes is a block of a device in the buffer cache, as file systems keep inodes,
 * bitmaps and directories: it has a mask of its own. Models grow_dev_page().
 */
bool reclaim_is_buffer(const struct run_op *op);
/** reclaim_shrink_class() - what @op takes is to shrinkers. */
enum shrink_class reclaim_shrink_class(const struct run_op *op);
/** reclaim_page_begins() - @req has got the block at @pfn, which is movable; single pages go on an LRU list. */
void reclaim_page_begins(struct run *run, const struct request *req, const struct run_op *op, uint64_t pfn);
/** reclaim_object_begins() - @who has taken an object of a slab, of @class, that lives in @slot. */
void reclaim_object_begins(struct run *run, uint32_t slot, uint32_t who, enum shrink_class class);
/** reclaim_older() - what @who had in @slot before the run begins has its place in it now, or none, yet. */
void reclaim_older(struct run *run, uint32_t slot, uint32_t who);
/** reclaim_older_missing() - all places have been found: what of @slot has none is not there. */
void reclaim_older_missing(struct run *run, uint32_t slot);
/**
 * reclaim_keeps() - @op frees @object: when it was the recorded reclaim or compaction that did (OP_RECLAIM;
 * kswapd in traces that do not say), the model keeps the page for its own. Return: whether it does.
 */
bool reclaim_keeps(struct run *run, const struct request *req, const struct run_op *op, struct object *object);
/** reclaim_gone_freed() - a free of what was reclaimed before. */
void reclaim_gone_freed(struct run *run, struct object *object);

/* daemons.c: when kswapd and kcompactd work */

/** reclaim_after() - something was served: wake who has been woken. */
void reclaim_after(struct run *run);
/** reclaim_wake_kcompactds() - those that are wanted begin to work. */
void reclaim_wake_kcompactds(struct run *run);
/** reclaim_fire() - an event of kswapd, or of a page that is read again, is due. */
int reclaim_fire(struct run *run, uint32_t kind, uint32_t generation, uint32_t value, struct err *err);
/** daemons_nr() - how many daemons of a machine hold locks: kswapd and kcompactd of each node. */
static inline uint32_t daemons_nr(const struct machine *machine)
{
	return 2 * machine->nr_nodes;
}
/**
 * daemons_kcompactd_put_off() - the instant until which kcompactd of @node, which looks at the node's
 * fragmentation when nobody has woken it for HPAGE_FRAG_CHECK_INTERVAL_MSEC, has been put off by what it has done.
 * Models the timeout of kcompactd().
 */
ns_t daemons_kcompactd_put_off(const struct run *run, uint32_t node);

/* fair.c: their CPU time */

/** fair_note_rival() - a request of @who has been to the slow path. */
void fair_note_rival(struct run *run, uint32_t who);

/* oom.c: whom the OOM killer ends */

/** reclaim_drops() - whether @req is of a task that was killed, and does not happen: an allocation has failed then. */
bool reclaim_drops(struct run *run, const struct request *req, struct run_op *op);

/* shrinkers.c, shrink_older.c: which objects of slabs go */

/** shrink_class_of() - by the name of the cache. */
enum shrink_class shrink_class_of(const char *cache);
/** shrinkers_object_begins() - @who has taken an object of @class that lives in @slot; also one older than the run. */
void shrinkers_object_begins(struct run *run, uint32_t slot, uint32_t who, enum shrink_class class);
/** shrinkers_object_ends() - the object in @slot is no more. */
void shrinkers_object_ends(struct run *run, uint32_t slot);
/** shrink_older_load() - objects of the initial state's slabs that the trace does not know, and shrinkers can free. */
int shrink_older_load(struct run *run, struct err *err);

/* mappers.c, readers.c: who uses files through page tables, and reads them again */

/** mappers_page_begins() - @req has got the block of pages that @op asks for: perhaps it maps a file. */
void mappers_page_begins(struct run *run, const struct request *req, const struct run_op *op);
/** mappers_page_ends() - the block of pages in @slot is to be free: perhaps it is a page table. */
void mappers_page_ends(struct run *run, uint32_t slot);
/** readers_check() - the invariants of sim/file_pages.h. Return: 0, or ERR_INVARIANT. */
int readers_check(const struct run *run, struct err *err);
/** readers_reading() - whether somebody has not yet touched all that he maps. */
bool readers_reading(const struct run *run);

/* swap.c: swap devices of the trace */

/** swap_forget() - no device of the trace is there: what is older than the run is told anew, wherever its map lies. */
void swap_forget(struct run *run);
/**
 * swap_older() - the swap that the initial state had, beside what the trace added before the beginning:
 * the larger one counts.
 */
void swap_older(struct run *run);
/** swap_on(), swap_off() - the map of a swap device, made by @op, begins and ends, see swap.c. */
void swap_on(struct run *run, const struct run_op *op);
void swap_off(struct run *run, const struct run_op *op);

#endif

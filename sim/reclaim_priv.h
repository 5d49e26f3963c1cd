/*
 * reclaim_priv: what the files of reclaim share: reclaim.c (whose page it was), refault.c (pages that come again),
 * reuse.c (those used again while they are there), mappers.c (who maps files), readers.c (what they read again),
 * shadows.c (pages that the trace reads again), mapped.c (pages in use), shrinkers.c (dentries, inodes, buffer
 * heads), shrink_older.c (those that the trace does not know), shmem.c (pages of files in memory), swap.c, oom.c,
 * daemons.c (kswapd and kcompactd), fair.c (their CPU time).
 */
#ifndef KMEMSIM_SIM_RECLAIM_PRIV_H
#define KMEMSIM_SIM_RECLAIM_PRIV_H

#include "sim/readahead.h"
#include "sim/serve_priv.h"

/** reclaim_user() - the trace's object that is page @pfn, NULL: nobody's that the trace names. */
struct object *reclaim_user(struct run *run, pfn_t pfn);
/**
 * reclaim_lose() - the trace's holder of @object has it no more; its free, when it comes, is of something that is gone.
 * @swapped_plus1: 1 + who had it, when it can be read back from swap; 0: it cannot.
 */
void reclaim_lose(struct run *run, struct object *object, uint32_t swapped_plus1);

/**
 * reclaim_disk_reads() - the one disk reads @pages of files, when it is done
 * with others' and they have memory, in @busy_ns. Return: when they are there.
 */
static inline ns_t reclaim_disk_reads(struct run *run, uint32_t pages, ns_t busy_ns)
{
	ns_t begin_ns = run->engine.now + busy_ns;

	if (!pages)
		return begin_ns;
	run->reclaim.disk_free_ns = max_u64(run->reclaim.disk_free_ns, begin_ns) +
		(ns_t)pages * run->machine->latency.step_ns[STEP_SWAP_IN_PAGE];
	return run->reclaim.disk_free_ns;
}

/* refault.c */
/**
 * refault_evicted() - the file page of @slot (SLOT_NONE: nobody's) has been reclaimed: perhaps it is read again.
 * @who:    had it.
 * @shadow: lru_shadow().
 * @back:   how it had come, if it had gone before.
 */
void refault_evicted(struct run *run, uint32_t slot, uint32_t who, uint64_t shadow, enum page_back back);
/** What comes of a page that is to be read. */
enum refault_read { READ_CAME, READ_NOT_WANTED, READ_NO_MEMORY };

/**
 * refault_read() - the page that was of @slot when it was reclaimed is read again as @back says, for @who, by
 * run->cpu; @ahead: nobody waits for it. The slot may have another object by now, or the file may be gone: then
 * nobody wants it.
 */
enum refault_read refault_read(struct run *run, uint32_t slot, uint32_t who, bool ahead, enum page_back back);
/** refault_due() - the next window of pages is read again now, what of it is still gone. */
void refault_due(struct run *run);
int refaults_start(struct run *run, struct err *err);
void refaults_fini(struct run *run);

/* mappers.c */
/** mappers_start() - where somebody asks who maps files; else nothing. */
int mappers_start(struct run *run, struct err *err);
void mappers_fini(struct run *run);
/** mappers_fork() - @who has a new address space, and is to fill it by copying another's, or for another program. */
void mappers_fork(struct run *run, uint32_t who);
/** mappers_tables() - how many page tables of files @who has now, as far as the trace shows. */
uint32_t mappers_tables(const struct run *run, uint32_t who);
/** mappers_maps() - whether they are so many that it uses a file through a mapping. */
bool mappers_maps(const struct run *run, uint32_t who);

/* readers.c */
/**
 * readers_start() - where it is not known how much the machine
 * reads again, and the recording does not show it; else nothing.
 */
int readers_start(struct run *run, struct err *err);
void readers_fini(struct run *run);
/** readers_know() - @slot has a file page, of @who; one older than the run, too. */
void readers_know(struct run *run, uint32_t slot, uint32_t who);
/** readers_forget() - the trace has freed the page of @slot, if it had one. */
void readers_forget(struct run *run, uint32_t slot);
/**
 * readers_map() - @who has shown by a page table that mapping
 * @mapper has @tables of them by now, @more more than known.
 */
void readers_map(struct run *run, uint32_t mapper, uint32_t who, uint32_t tables, uint32_t more);
/** readers_over() - mapping @mapper gets no other table. */
void readers_over(struct run *run, uint32_t mapper);
/** readers_read() - @req has got a file page by @op, of mapping @mapper_plus1 - 1 perhaps; 0: of none. */
void readers_read(struct run *run, uint32_t mapper_plus1, const struct request *req, const struct run_op *op);
/** readers_due() - reader @number goes on. */
void readers_due(struct run *run, uint32_t number);
/** readers_mappings() - how many the recording has shown so far. */
uint64_t readers_mappings(const struct run *run);
/** readers_came() - file pages that readers have read again so far. */
uint64_t readers_came(const struct run *run);

/* shadows.c */
/**
 * shadows_start() - for a recording that reclaimed, on a machine
 * of which it is known how much it reads again; else nothing.
 */
int shadows_start(struct run *run, struct err *err);
void shadows_fini(struct run *run);
/** shadow_left() - a file page has been reclaimed, and perhaps the trace reads it again. @shadow: lru_shadow(). */
void shadow_left(struct run *run, uint64_t shadow);
/** shadow_met() - the trace has got a file page by @op, and it is on its inactive list: perhaps it was there before. */
void shadow_met(struct run *run, const struct run_op *op, pfn_t pfn);

/* mapped.c */
int mapped_start(struct run *run, struct reclaim_hooks *hooks, struct err *err);

/* kept.c: pages that the recording's own reclaim left alone. */

void kept_start(struct run *run, struct reclaim_hooks *hooks);
/** kept_page_begins() - a page of the LRU lists, by the event that is served. */
void kept_page_begins(struct run *run, pfn_t pfn);
void mapped_fini(struct run *run);
/**
 * mapped_page_begins() - @who has got a file page by @op, and
 * it is on its list: perhaps it is used through page tables.
 */
void mapped_page_begins(struct run *run, uint32_t who, const struct run_op *op, pfn_t pfn);
/** mapped_older() - a file page of the initial state is on its inactive list. */
void mapped_older(struct run *run, pfn_t pfn);

/* reuse.c */
/** reuse_start() - file pages are used a second time while they are there, as find_use() has found. */
void reuse_start(struct run *run, struct reclaim_hooks *hooks);
/** reuse_part() - @part in 2^32 of @whole, rounded down. */
static inline uint64_t reuse_part(uint64_t whole, uint32_t part)
{
	return (whole >> 32) * part + ((whole & UINT32_MAX) * part >> 32);
}
/** reuse_end() - when the recording is over, as far as is known: nothing is used after that. */
ns_t reuse_end(const struct run *run);

/* shrink_older.c */
/**
 * older_file_page() - the initial state has a file page that nobody
 * has; older_page_gone() - one of nobody has been reclaimed.
 */
static inline void older_file_page(struct run *run)
{
	run->reclaim.older_file_pages++;
}
void older_page_gone(struct run *run);
/** older_count() - objects of superblock @sb that the trace does not know and nobody uses. */
uint64_t older_count(const struct run *run, unsigned int sb);
/** older_scan() - look at up to @nr of them, and free them. Return: how many were looked at. */
uint64_t older_scan(struct run *run, unsigned int sb, uint64_t nr, unsigned int cpu, struct meter *meter);
void shrink_older_fini(struct run *run);

/* Superblocks, as far as they differ; those of disks have a shrinker of their own for extents. */
enum sb { SB_KERNFS, SB_PROC, SB_DISK, SB_EXTENTS, NR_SB };

/* shrinkers.c */
/** shrinkers_unused() - dentries and inodes of superblock @sb that the trace knows and nobody uses. */
uint64_t shrinkers_unused(const struct run *run, unsigned int sb);
int shrinkers_start(struct run *run, struct reclaim_hooks *hooks, struct err *err);
void shrinkers_fini(struct run *run);
/** shrinkers_page_gone() - the page of @slot has been reclaimed: its buffer heads go with it. */
void shrinkers_page_gone(struct run *run, uint32_t slot);

/* shmem.c */
int shmem_start(struct run *run, struct err *err);
void shmem_fini(struct run *run);
/**
 * shmem_page_begins() - @who has got a page by @op. Return:
 * whether it is known to be of a file that lives in memory.
 */
bool shmem_page_begins(struct run *run, uint32_t who, const struct run_op *op);
/** shmem_page_older() - the same of a page that @who got before the run began. */
bool shmem_page_older(const struct run *run, uint32_t who, const struct run_op *op);
/** shmem_node_begins() - @who has got a node of a tree: perhaps of the file that its last page is of. */
void shmem_node_begins(struct run *run, uint32_t who);
/** shmem_fork() - @who has a new address space, as mappers_fork(). */
void shmem_fork(struct run *run, uint32_t who);

/* oom.c */
/** oom_start() - who may be killed. The leaders of tasks are known. */
void oom_start(struct run *run);
/** oom_is_kernel_thread() - whether a task of that name is no program. */
bool oom_is_kernel_thread(const char *comm);
bool oom_kill(void *arg, unsigned int cpu, struct meter *meter);
/* @who has got a page that an OOM kill would free. */
void oom_page_begins(struct run *run, uint32_t who);

/* fair.c */
/* HZ 250; a slice, sched_slice() of two tasks or more, is 3 ms or less, and over at the next tick */
#define FAIR_TICK_NS 4000000u
/**
 * fair_cpu() - the CPU on which a daemon of @node runs now: where it ran last; among CPUs that share a cache, the
 * one that has been idle for longest. Models select_task_rq_fair(): select_idle_sibling() looks among the latter
 * only, and finds another when that is busy.
 */
uint32_t fair_cpu(const struct run *run, struct fair *fair, uint32_t node);
/**
 * fair_wake() - who runs on run->cpu wakes a daemon of @node.
 * Return: how long it is until it runs, after STEP_WAKE_UP.
 */
ns_t fair_wake(struct run *run, struct fair *fair, uint32_t node);
/**
 * fair_run() - it runs on its CPU, run->cpu, for @ns from now. Return: how long it is until it can go on, with the
 * turns of others; or on an idle CPU of its node, which has come for it (without a shared cache; with one it is on
 * the idlest anyway).
 */
ns_t fair_run(struct run *run, struct fair *fair, ns_t ns);

/* daemons.c */
/** daemons_resched() - a request in its slow path reschedules: a kswapd that it has woken preempts it. */
void daemons_resched(void *arg);
/** An episode of reclaim or compaction: a row of reclaim_events. */
struct episode {
	enum episode_by by;
	uint32_t node;
	ns_t begun_ns;
	uint64_t pages;
	bool success;
};

/** daemons_episode() - it is over, as far as the meter has come at this instant. */
void daemons_episode(struct run *run, const struct episode *episode);
/** daemons_end() - the run is over: passes of kswapd and kcompactd that are under way are cut off. */
int daemons_end(struct run *run, struct err *err);
/** daemons_page_moved(), daemons_reclaimed(), daemons_compacted() - struct reclaim_hooks. */
void daemons_page_moved(void *arg, pfn_t from, pfn_t to);
void daemons_reclaimed(void *arg, const struct reclaim_episode *episode);
void daemons_compacted(void *arg, const struct compact_episode *episode);

#endif

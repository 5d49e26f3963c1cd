/*
 * verify_unseen: allocations that no event shows, as the pass one step at a time finds them out. They are no
 * choice of the allocator's but what it was asked for, so the pass that runs freely is given them: how many
 * blocks left which list, and when.
 */
#ifndef KMEMSIM_SIM_VERIFY_UNSEEN_H
#define KMEMSIM_SIM_VERIFY_UNSEEN_H

#include "base/idmap.h"
#include "mm/page_alloc.h"

#define PCP_LISTS  (PCP_ORDERS * MIGRATE_PCPTYPES + 2u) /* and two of pageblock order */

/** A block had left its list. */
struct unseen_take {
	uint64_t before;     /* number of the event that shows it, or before which it must have happened */
	uint32_t number;     /* of the log's rows as they were found */
	pfn_t pfn;           /* the kernel's block */
	uint16_t cpu;
	uint8_t zone, order;
	uint8_t mt;          /* enum migratetype of the request */
};

/**
 * Pages left a CPU's lists of a zone for the free lists, and no free had caused it: it was time to (drain_zone_pages()
 * of lists of another node), or somebody wanted them. When a CPU does so hangs on timers that wait for it to be awake.
 */
struct unseen_drain {
	uint64_t before;     /* number of the event that follows it */
	uint32_t number;     /* of the log's drains as they were found */
	uint32_t pages;
	uint16_t cpu;
	uint8_t zone;
};

/** What the recording does not show and the model needs in order to run freely. */
struct unseen_log {
	struct unseen_drain *drains; /* owned */
	uint32_t nr_drains, cap_drains;
	struct unseen_take *rows; /* owned */
	uint32_t nr, cap;
	struct idmap freed_at;    /* by page: number of the event that freed it last */
	uint64_t pagesets_at, marks_at; /* events before which boot went on, see boot_stage.h; UINT64_MAX: never */
};

/** What is known of a CPU's list. The last refill stands there until its first block is taken. */
struct unseen_list {
	uint64_t since;  /* number of the event of its last allocation, or before its last refill */
	pfn_t first;     /* first block of that refill, the recording's; PFN_NONE: taken */
	pfn_t chosen;    /* and the model's */
	uint64_t before; /* number of the event that follows it */
};

struct unseen_cpu {
	struct unseen_list lists[PCP_LISTS]; /* by page_alloc_list() */
	uint64_t *unflushed; /* owned: numbers of frees where the model would have flushed and the kernel did not */
	uint32_t nr, cap;
};

void unseen_cpu_init(struct unseen_cpu *cpu);
void unseen_cpu_fini(struct unseen_cpu *cpu);
void unseen_log_fini(struct unseen_log *log);

/** unseen_add() - add *take; its .before is the event that shows it and is made earlier where something tells so. */
int unseen_add(struct unseen_log *log, const struct unseen_cpu *cpu, const struct unseen_take *take, struct err *err);

/** unseen_free() - @pfn was freed at event @number. @unflushed: the CPU's lists of the model have more. */
int unseen_free(struct unseen_log *log, struct unseen_cpu *cpu, pfn_t pfn, uint64_t number, bool unflushed,
	struct err *err);

/** unseen_drained() - add *drain, or its pages to the last one where that is its beginning. */
int unseen_drained(struct unseen_log *log, const struct unseen_drain *drain, struct err *err);

/** unseen_sort() - the rows and drains in the order in which they are to be taken. */
void unseen_sort(struct unseen_log *log);

#endif

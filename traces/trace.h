/*
 * trace: what a .kmt file holds, as it is in memory. Shared by reader, writer, importers and replay.
 *
 * An event is a time, who asked (CPU and task), an operation and, for most, an object. Operations repeat, so each
 * distinct one stands once in the trace's table (struct trace_op) and events name it by number. Objects are
 * slots: small dense numbers, reused (last freed, first used) after the object's free.
 *
 * A trace has two parts: the prologue, events that set up what was there before the recording began (caches,
 * adopted objects), all at time 0 and not counted as events; and the events proper, in time order.
 */
#ifndef KMEMSIM_TRACES_TRACE_H
#define KMEMSIM_TRACES_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/gfp.h"
#include "base/units.h"
#include "traces/kind.h"

#define SLOT_NONE UINT32_MAX
#define PAGE_GONE (UINT32_MAX - 1) /* value of KEY_PAGE: a page is named that does not live; SLOT_NONE: none is named */
#define TRACE_FORMAT_MAJOR 1
#define TRACE_FORMAT_MINOR 3

enum trace_ctx { CTX_PROCESS, CTX_SOFTIRQ, CTX_HARDIRQ, CTX_NMI, CTX_MASK = 3, CTX_PREEMPT_OFF = 4, CTX_IRQS_OFF = 8 };

/* struct trace_op flags */
#define OP_IMPLIED_FREE 0x01u /* ALLOC: the slot still lives; its free was not traced and happens just before */
#define OP_FAILED       0x02u /* ALLOC: failed where it was recorded; slot is SLOT_NONE */
#define OP_NULL         0x04u /* FREE of NULL: legal, does nothing */
#define OP_UNKNOWN      0x08u /* FREE of an object that never was; slot is SLOT_NONE */
#define OP_DOUBLE       0x10u /* FREE of an object freed before; slot is SLOT_NONE */
#define OP_BULK_MORE    0x20u /* the next event belongs to the same bulk call */
#define OP_PART         0x40u /* FREE_PAGES of a part: order pages at arg[1]; the slot lives on unless OP_LAST */
#define OP_LAST         0x80u /* with OP_PART: nothing of the block is left, the slot ends */
#define OP_RESERVED     0x100u /* ALLOC_PERCPU: from the reserved chunk */
#define OP_SYNTHETIC    0x200u /* put in by the importer's rules, not recorded as such */
#define OP_BOOT         0x400u /* prologue: was there before the recording */
/*
 * FREE_PAGES: reclaim took the page, or compaction moved what it held. ALLOC_PAGES of the
 * prologue: only such a free tells of the page, which compaction may have filled without an event.
 */
#define OP_RECLAIM      0x800u

/** One distinct operation. Members that a kind's keys do not name are 0 (node: -1). */
struct trace_op {
	uint8_t kind;        /* enum trace_kind */
	uint8_t origin;      /* enum trace_origin */
	/* enum trace_ctx, where the source is a scenario; recordings have it in struct trace_who */
	uint8_t ctx;
	uint8_t order;       /* log2 of pages */
	int16_t node;        /* wanted node, -1 = any */
	uint16_t flags;      /* OP_* */
	gfp_t gfp;
	uint32_t call_site;  /* string number, 0 = unknown */
	uint32_t name;       /* string number: cache, pool, region, symbol, text; 0 = none */
	uint32_t name2;      /* string number: the cache behind a pool */
	uint32_t slab_flags; /* SLAB_FLAG_* */
	uint64_t size;       /* bytes asked for; object_size of a cache */
	uint64_t size_alloc; /* bytes_alloc as recorded, 0 = not recorded */
	uint64_t align;
	uint64_t arg[2];     /* by key: see traces/kind.h */
};

/** Who asked: a task on a CPU, or an interrupt that broke into it. */
struct trace_who {
	uint32_t cpu;
	int32_t pid;
	uint32_t comm; /* string number */
	uint32_t ctx;  /* enum trace_ctx, as recorded, of its bits WHO_CTX */
};

/* What replay needs of a recorded context. (That preemption was off is in struct trace_recorded.) */
#define WHO_CTX (CTX_MASK | CTX_IRQS_OFF)

struct trace_count {
	char *reason; /* owned by the meta */
	uint64_t count;
};

/** A list of counts by reason, kept sorted by reason. */
struct trace_counts {
	struct trace_count *rows; /* owned */
	size_t nr;
};

/**
 * How fast the recorded machine reclaimed, as its own events tell (traces/durations_reclaim.c):
 * costs of the steps of these names (struct machine_latency), in ns. 0: not told.
 */
#define TRACE_PACE(X) X(reclaim_page) X(lru_batch) X(lru_scan) X(wake_up) X(wake_idle)

struct trace_pace {
#define X(step) uint32_t step;
	TRACE_PACE(X)
#undef X
};

#define TRACE_PACE_MAX 1000000000u /* ns */
#define TRACE_PACE_TEXT 160

/** trace_pace_text() - "lru_scan 400 ns, wake_up 70000 ns", or "" when nothing is told. Return: @buf. */
char *trace_pace_text(const struct trace_pace *pace, char *buf, size_t size);

/** What was traced, how, and what the import did to it. Strings are owned; NULL = unknown. */
struct trace_meta {
	char *kernel;  /* release, "6.1.0-56-cloud-amd64" */
	char *arch;    /* "x86_64" */
	char *tool;    /* what recorded it: "trace-cmd", "ftrace", "interchange", "gen" */
	char *clock;   /* trace clock */
	char *source;  /* name of the imported file */
	uint32_t page_size;
	uint32_t cpus;             /* CPUs recorded */
	uint64_t events;           /* events proper */
	uint64_t prologue_events;
	uint64_t adopted;          /* objects older than the trace */
	uint64_t implied_frees;
	uint64_t lost;             /* events the recorder lost */
	uint64_t lines;            /* events (or lines) read from the source */
	uint64_t bytes_requested;  /* by all recorded allocations of objects, as `perf kmem stat` adds them up */
	uint64_t bytes_allocated;
	/*
	 * The page cache: file pages that came to the LRU lists while it was recorded, and of these the active ones
	 * at the end, which mark_page_accessed() made so when they were used a second time; anonymous pages
	 * likewise. Told by the states saved beside a recording that reclaimed nothing, by no event. 0: not known.
	 * Readers have seen to reused <= all <= UINT32_MAX.
	 */
	uint64_t cache_pages, cache_pages_reused;
	uint64_t anon_pages, anon_pages_reused;
	/* that tasks mapped of files, by the page tables that they took in rows (traces/table_rows.h) */
	uint64_t mapped_pages;
	/*
	 * When kcompactd, of whichever node, first went to sleep (mm_compaction_kcompactd_sleep): unless it is woken it
	 * looks at fragmentation HPAGE_FRAG_CHECK_INTERVAL_MSEC later, and again and again. 0: not told.
	 */
	ns_t kcompactd_sleep_ns;
	struct trace_pace pace;
	ns_t first_ns, last_ns;
	uint32_t slots;            /* slot numbers used: 0 .. slots - 1 */
	bool recorded_addresses;   /* the optional columns are there */
	bool hashed_pointers;
	struct trace_counts ignored;  /* read and rightly not kept, by reason */
	struct trace_counts unusable; /* read and not understood, by reason */
	struct trace_counts repaired; /* kept after a repair, by rule */
	struct trace_counts classified; /* page events: "origin/method/certainty" */
};

void trace_meta_fini(struct trace_meta *meta);

/**
 * trace_kernel_is() - whether it was recorded on this release of the
 * kernel or a newer one. Return: false also where that is not told.
 */
bool trace_kernel_is(const struct trace_meta *meta, unsigned int major, unsigned int minor);
/** trace_is_recording() - whether it is of a real kernel. Return: false when it was written by hand or made up. */
bool trace_is_recording(const struct trace_meta *meta);
/** trace_counts_add() - add @n to @reason. Return: 0, or -1 when out of memory. */
int trace_counts_add(struct trace_counts *counts, const char *reason, uint64_t n);
uint64_t trace_counts_total(const struct trace_counts *counts);
/** trace_counts_of() - how often @reason was counted. */
uint64_t trace_counts_of(const struct trace_counts *counts, const char *reason);

/** Of trace_meta.repaired: so far apart are no clocks of one machine, the lines are not in order. */
#define TRACE_REASON_FAR_LATE "time over a second before that of the event before: raised to it"

/** The tables of a trace; pointers are borrowed from the reader and live as long as it does. */
struct trace_tables {
	const struct trace_op *ops;
	const uint64_t *op_counts;    /* events proper with that op */
	uint32_t nr_ops;
	const struct trace_who *whos;
	uint32_t nr_whos;
	const char *const *strings;   /* strings[0] = "" */
	uint32_t nr_strings;
	/*
	 * Bit n % 64 of word n / 64: the recording's own reclaim came by the
	 * page that event n allocated, and left it alone. NULL: of none.
	 */
	const uint64_t *spared;
};

/**
 * What the recording saw, beside an event: optional, only `verify` and `cat --recorded` read it.
 * What an allocation moved are the blocks taken from the zone's free lists to serve it (mm_page_alloc_zone_locked),
 * what a free moved those drained to them by it (mm_page_pcpu_drain). At most UINT16_MAX are told.
 */
struct trace_recorded {
	uint64_t where; /* address of the object, or page frame for page events; 0 = none */
	uint32_t entry; /* which event of its CPU's recording this is, from 1, kept or not; 0 = not known */
	uint16_t moved; /* page events: blocks of the free lists that it took or drained, see below */
	uint8_t ctx;    /* enum trace_ctx */
};

/* What the page allocator told of itself between two events. */
enum trace_move_kind {
	MOVE_REFILL,  /* mm_page_alloc_zone_locked: a block from the free lists, for a per-CPU list */
	MOVE_TAKE,    /* the same, for the request itself */
	MOVE_DRAIN,   /* mm_page_pcpu_drain: a block from a per-CPU list, to the free lists */
	MOVE_BATCHED, /* mm_page_free_batched: a page freed with others is given back only now */
	MOVE_BULK,    /* a call of alloc_pages_bulk begins; no block */
	MOVE_SLEEP,   /* mm_compaction_kcompactd_sleep: no block */
	NR_MOVE_KINDS
};

/** A block that moved inside the allocator: optional, only `verify` reads it. No part of the prologue has any. */
struct trace_move {
	uint64_t before;  /* number of the event proper that comes next in the trace */
	uint64_t pfn;     /* first page of the block */
	uint32_t entry;   /* as in struct trace_recorded */
	uint16_t cpu;
	uint8_t order;
	uint8_t kind : 4; /* enum trace_move_kind */
	uint8_t mt : 4;   /* of the free list, as the kernel numbers migratetypes */
};

/** One event on its way into a file. */
struct trace_event {
	ns_t time_ns;
	uint32_t op;    /* from trace_writer_op() */
	uint32_t who;   /* from trace_writer_who() */
	uint32_t slot;  /* SLOT_NONE if there is none */
	uint64_t value; /* where the kind has KEY_VALUE or KEY_PAGE */
	struct trace_recorded recorded;
};

#endif

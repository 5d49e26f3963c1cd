/*
 * run: the state of one replay, shared by the files of sim/ that make it up: replay.c (the loop), run_op.c (operations
 * prepared for speed), arrive.c (whose turn it is), sleep.c (who waits), locks.c (who spins), timers.c (what the clock
 * does), follow.c (what a recording says beside its events), serve*.c (what a request does), unmade.c (who names a
 * cache or pool that is not there yet), parts.c (which mechanism has which events), observe.c (the same, watched),
 * sampler.c (what is recorded), violations.c.
 */
#ifndef KMEMSIM_SIM_RUN_H
#define KMEMSIM_SIM_RUN_H

#include <stddef.h>

#include "base/idmap.h"
#include "mm/mm.h"
#include "mm/resource.h"
#include "sim/boot_policy.h"
#include "sim/boot_prefix.h"
#include "sim/boot_stage.h"
#include "sim/engine.h"
#include "sim/locks.h"
#include "sim/part.h"
#include "sim/reclaim.h"
#include "sim/replay.h"
#include "sim/sections.h"
#include "sim/severity.h"
#include "sim/sleep.h"
#include "sim/unmade.h"
#include "sim/works.h"

/* What serving an operation comes down to, decided once per distinct operation. */
enum run_action {
	ACT_SKIP,          /* effect of a cause that is modelled, or of the other layer */
	ACT_UNMODELLED,    /* its mechanism is not there yet */
	ACT_KMALLOC,       /* from a kmalloc class */
	ACT_KMALLOC_LARGE, /* straight from the page allocator */
	ACT_CACHE_ALLOC,
	ACT_SLAB_FREE,     /* kfree and kmem_cache_free */
	ACT_SLAB_FREE_PURGE, /* the kernel purges the vmalloc space: vmap_purge_seen() */
	ACT_SLAB_FREE_BULK,
	ACT_KREALLOC,
	ACT_PAGES,
	ACT_PAGES_EXACT,
	ACT_PAGES_BULK,
	ACT_PAGES_FREE,
	ACT_CACHE_CREATE,
	ACT_CACHE_BOOT,
	ACT_CACHE_DESTROY,
	ACT_CACHE_SHRINK,
	ACT_FREE_NULL,
	ACT_FREE_BAD,      /* of what never was, or twice */
	ACT_PART,          /* of a mechanism with a part of its own: run->part_of_kind */
	ACT_MARKER,
};

/* Rules that an operation breaks whenever it happens; bits of run_op.rules. */
#define RULES(X)                                                  \
	X(SLEEP_IN_ATOMIC, "sleep_in_atomic", "error")            \
	X(HIGHMEM_KMALLOC, "highmem_kmalloc", "warning")          \
	X(CACHE_NAME_INVALID, "cache_name_invalid", "warning")    \
	X(CACHE_NAME_DUPLICATE, "cache_name_duplicate", "warning") \
	X(CACHE_DESTROY_LIVE, "cache_destroy_live", "error")      \
	X(CACHE_DESTROYED, "cache_destroyed", "error")            \
	X(DOUBLE_FREE, "double_free", "fatal")                    \
	X(WRONG_FREE, "wrong_free", "error")                      \
	X(FREE_UNKNOWN, "free_unknown", "error")                  \
	X(ORDER_TOO_LARGE, "order_too_large", "error")            \
	X(SIZE_TOO_LARGE, "size_too_large", "error")              \
	X(VMALLOC_IN_INTERRUPT, "vmalloc_in_interrupt", "fatal")  \
	X(REGION_CONFLICT, "region_conflict", "error")            \
	X(REGION_RELEASE_MISMATCH, "region_release_mismatch", "warning") \
	X(PORT_UNCLAIMED, "port_unclaimed", "warning")            \
	X(IOREMAP_RAM, "ioremap_ram", "error")                    \
	X(IOMEM_UNCLAIMED, "iomem_unclaimed", "notice")           \
	X(MMAP_UNALIGNED, "mmap_unaligned", "error")              \
	X(KMAP_LEAK, "kmap_leak", "leak")                         \
	X(PAGE_ADDRESS_UNMAPPED, "page_address_unmapped", "fatal") \
	X(STACK_OVERFLOW, "stack_overflow", "fatal")              \
	X(MEMPOOL_LEAK, "mempool_leak", "leak")                   \
	X(PREEMPT_IMBALANCE, "preempt_imbalance", "error")        \
	X(BOOTMEM_AFTER_BOOT, "bootmem_after_boot", "error")      \
	X(DMA_MASK_UNREACHABLE, "dma_mask_unreachable", "error")  \
	X(REGION_LEAK, "region_leak", "leak")                     \
	X(MEMPOOL_MISUSE, "mempool_misuse", "warning")            \
	X(CONSTRUCTED_ZEROED, "constructed_zeroed", "warning")

/* Beside those bits: it may sleep, which is wrong where a recording shows who asks in an interrupt. */
#define OP_SLEEPS (1u << 28)
/* Beside those bits: it names a cache or pool that is yet to be made (sim/unmade.h). */
#define OP_UNMADE (1u << 29)
/* Beside those bits: it breaks a rule of sim/rules.c, or may, by who asks. */
#define OP_OTHER_RULES (1u << 30)
/* Beside those bits: it may sleep, which is wrong in a section that its task has open (sim/sections.h). */
#define OP_MAY_SLEEP (1u << 31)

enum rule {
#define X(id, name, severity) RULE_##id,
	RULES(X)
#undef X
	NR_RULES
};

/** A distinct operation of the trace, prepared: what to do, and what came of it. */
struct run_op {
	/* What serving needs. */
	_Alignas(64) uint8_t action; /* enum run_action */
	uint8_t order;
	int16_t node;
	uint16_t flags;      /* OP_* */
	uint8_t kind;
	uint8_t lru;         /* what its pages are to reclaim: enum lru_kind; its objects: enum shrink_class */
	gfp_t gfp;
	uint32_t cache;      /* model's number, valid while generation is the run's */
	uint32_t generation; /* of the cache names when cache was looked up */
	uint32_t rules;      /* bits of enum rule */
	uint64_t bytes_alloc; /* bytes that a success takes in the model; 0 = not known beforehand */
	/* What came of it. */
	uint64_t done;
	uint64_t freed;      /* objects made by this operation that were freed again */
	ns_t latency_ns;     /* sum over all */
	ns_t latency_max_ns;
	/* The second cache line: not needed by most requests. */
	ns_t lifetime_ns;    /* sum over the freed */
	uint64_t size;       /* bytes asked for */
	uint64_t older;      /* of the done, before the event where the replay begins */
	uint64_t failed;
	uint64_t sleeps;
	uint64_t kept;       /* of the done: made no object; krealloc() in place, and what asks for 0 bytes */
	const struct trace_op *trace; /* borrowed from the reader */
	uint32_t mapped;     /* of kvmalloc(): its objects that are areas of the vmalloc space now */
	uint8_t ctx;         /* enum trace_ctx, where the operation says it */
};
_Static_assert(offsetof(struct run_op, lifetime_ns) == 64, "what most requests need is one cache line");

/** An operation that makes objects, for samples: they look at all of these, and at few cache lines of run_ops. */
struct object_maker {
	uint32_t op;
	uint32_t action; /* its own; of krealloc() that of the kmalloc() it comes down to */
};

/*
 * What lives in a slot of the trace. Slab objects keep their struct slab_object; the values of `slab` above
 * OBJECT_TAGS are other things.
 */
#define OBJECT_NONE   0xfffffff0u /* nothing */
#define OBJECT_FAILED 0xfffffff1u /* its allocation failed in the model: the free that follows is no mistake */
#define OBJECT_PAGES  0xfffffff2u /* a block of pages: index = first pfn, left = pages not yet freed */
#define OBJECT_PART   0xfffffff3u /* of a part: index is its own number for it */
#define OBJECT_RECLAIMED 0xfffffff4u /* taken back by reclaim; index: 0, or 1 + who had it that is swapped out */
#define OBJECT_ZERO   0xfffffff5u /* ZERO_SIZE_PTR, kmalloc()'s answer to 0 bytes: nothing, and a free takes it */
#define OBJECT_TAGS   0xfffffff0u

_Static_assert(SLAB_LARGE > OBJECT_ZERO, "tags must not meet SLAB_LARGE");

struct object {
	uint32_t slab;
	uint32_t index;
	uint32_t op;   /* the run_op that made it */
	uint32_t left; /* OBJECT_PAGES: pages of the block still held */
	ns_t born_ns;
	/*
	 * Requests that name this slot and wait for a CPU draw tickets and are served in that order: what one task
	 * frees on a second CPU waits for its allocation on the first. Equal: nobody waits. Tickets have 31 bits, and
	 * beside them next_ticket may have TURN_SLEPT.
	 */
	uint32_t next_ticket, served;
};
#define TURN_SLEPT  0x80000000u /* since nobody waited last, some who wait had their CPU too early, and sleep */
#define TICKET_BITS 0x7fffffffu
_Static_assert(sizeof(struct object) == 32, "two a cache line");

/** Figures by kind of event, as op_stats shows them. */
struct kind_stats {
	struct hist *latency; /* owned; NULL when the trace has no such event */
};

_Static_assert(NR_RULES <= 28, "rules, OP_SLEEPS, OP_UNMADE, OP_OTHER_RULES and OP_MAY_SLEEP are bits of one word");

/** Pages of processes in the trace before the beginning (sim/adopt_gone.c). */
struct gone {
	uint64_t *frames;    /* owned: of anonymous pages that were freed, the last @room of them: a ring */
	uint32_t room;       /* as many as the saved state has anonymous pages; 0 = not known, or no state */
	uint64_t ended;      /* anonymous pages that were freed */
	uint64_t anon, user; /* alive: anonymous for sure; of processes and files */
	uint64_t most_anon;
};

/** What the process that saves a state leaves behind, as the recording shows it (sim/adopt_saver.c). */
struct saver {
	/* owned; by operation: what it tells; NULL: the state does not say how much its saver read */
	uint8_t *calls;
	int32_t task;
	/* files read that show it, numbered from 1 through all tasks: first, last; 0: none yet */
	uint32_t first, turn;
	uint32_t links;        /* read until the last of these */
	uint32_t links_seen;
	struct seat seat;      /* where it ran */
	bool later;            /* than the saved state */
	bool awaited;          /* the replay begins before it reads */
	ns_t first_ns, last_ns; /* while awaited: when the first and the last of these files were read */
	uint32_t quiet;        /* while awaited: events of its task since */
};

struct run {
	const struct replay_options *options; /* borrowed */
	const struct machine *machine;        /* borrowed */
	/* owned: it, at the recording's pace (sim/pace.h); NULL: it has its own */
	struct machine *paced;
	const struct trace_tables *tables;    /* borrowed */
	const struct trace_meta *meta;        /* borrowed */
	struct recorder *recorder;            /* borrowed */
	struct mm mm;
	struct engine engine;
	struct meter meter;

	struct follow {
		bool active;             /* something of the below is still to come */
		bool skipping;           /* what lives where the replay begins has no places yet */
		/* while skipping: the saved state may be the recording's own, and its instant comes */
		bool instant_ahead;
		bool warming;            /* between the instant of its own state and the beginning */
		bool own;                /* no longer skipping: the initial state is the recording's own */
		struct older *older;     /* owned while skipping: what is in a slot (sim/adopt.h) */
		struct older_part *parts; /* owned while skipping: frees of parts (sim/adopt.h) */
		uint32_t nr_parts, cap_parts;
		struct request *pools;   /* owned while skipping: events of pools, see follow_stand() */
		uint32_t nr_pools, cap_pools;
		struct gone gone;        /* while skipping */
		/* while skipping: behind the last frame that older blocks name; 0 = none does */
		uint64_t recorded_end;
		struct saver saver;      /* while skipping, and while awaited */
		/* owned: the model's area for each of the initial state's; NULL = it tells none */
		uint32_t *areas;
		struct idmap bound;      /* objects and blocks of the initial state that slots have, by their place */
		enum boot_stage stage;
		uint32_t next_cut;
		/* owned; by slot: the node that its pages are asked from, -1 = not told. NULL: none is */
		int8_t *asked;
	} follow;

	const struct run_part *part_of_kind[NR_KINDS]; /* NULL: served without a part, or not modelled */
	uint32_t origins_modelled;   /* bits 1 << enum trace_origin: page events that replay derives itself */

	struct run_op *ops;          /* owned; one per trace op */
	struct object_maker *makers; /* owned: those that make objects of slabs, or large ones */
	uint32_t nr_makers;
	uint32_t *pool_makers;       /* owned: operations that make pools */
	uint32_t nr_pool_makers;
	struct object *objects;      /* owned; one per slot */
	uint32_t nr_objects;
	struct seat *seats;          /* owned; by who */
	struct sleepers sleepers;
	struct unmade unmade;
	struct locks locks;
	struct reclaim reclaim;
	struct task *tasks;          /* owned; NULL with PACE_RECORDED, which knows no tasks */
	uint32_t *task_of_who;       /* owned; NULL with PACE_RECORDED */
	uint32_t *task_on_cpu;       /* owned: by CPU, whose request was done there last; NULL with PACE_RECORDED */
	uint32_t nr_tasks;
	uint32_t works_queued;       /* bits 1 << enum run_work */
	uint64_t works_done[NR_WORKS];
	uint32_t rcu_blocks;         /* that wait for the grace period under way */
	uint32_t nr_periodic;        /* queued events that go on for ever: timers and samples */
	uint32_t nr_fired;           /* of those so far: after some it is asked whether to stop; wraps */
	uint64_t nr_sleeps;          /* calls of run_sleep() */
	struct kind_stats kinds[NR_KINDS];
	uint32_t cache_generation;   /* raised whenever a cache is created or destroyed */
	uint32_t *disowned;          /* owned: names whose cache lives on after its destruction (sim/serve_caches.c) */
	uint32_t nr_disowned, cap_disowned;

	struct bulk *bulks;          /* owned: the bulk call under way, by CPU */

	bool recorded_pace, observed; /* what options say, at hand for each event */
	/* who reads again what is gone: events wait for them (sim/readers.c, sim/refault.c) */
	uint32_t reading;
	ns_t late_ns;                /* so much later than recorded events come, for that */
	/* the request being served has no latency, yet (it called run_sleep()) or at all */
	bool untimed;
	struct boot_policy policy;   /* who takes pages from all nodes in turn */
	struct boot_prefix prefix;   /* what happens before the page allocator */
	struct sections sections;    /* of tasks that must stay on their CPU */
	bool kfree_of_caches;        /* kfree() is for objects of caches, too: the kernel's contract since 6.4 */
	bool claims_known[2];        /* by enum resource_tree: who claims regions can be seen */

	bool booting;                /* the prologue: nothing is counted */
	bool draining;               /* the trace has ended, and somebody still waits */
	bool out_of_patience;        /* and nobody has been served for long: who sleeps now does not look again by itself */
	uint32_t nr_planned;         /* timers of tasks whose next request has its time */
	uint64_t nr_queued_served;   /* requests that were served, or dropped, after they had waited for a CPU */
	ns_t begun_ns;               /* when time began */
	uint64_t event_no;           /* of the request being served */
	uint32_t cpu;                /* of the request being served */
	uint64_t events;
	uint64_t pages_held;         /* pages that the trace's callers hold in blocks */
	uint64_t live_objects;
	uint64_t frees_without_object;
	uint64_t stale_objects;      /* slots that began to live while they still did, without saying so */
	uint64_t next_sample_event;
	uint64_t check_every;        /* events between walks of all invariants, 0 = never */
	uint64_t special_event;      /* the next after which one of these two is due */
	ns_t sample_ns;
	uint64_t violations[NR_RULES][NR_SEVERITIES];
	struct replay_result result;
	struct err deferred;         /* an error met where none can be returned; ends the run */
};

/* run_op.c */
/** run_ops_prepare() - the prepared form of all operations of the trace. */
int run_ops_prepare(struct run *run, struct err *err);
/** unmerged_cache() - which cache of a machine that does not merge an operation means whose event names @named. */
uint32_t unmerged_cache(const struct run *run, const struct run_op *op, uint32_t named);
/** run_op_resolve_cache() - look the operation's cache up by name again; creates it where the trace never did. */
uint32_t run_op_resolve_cache(struct run *run, struct run_op *op);

/* follow.c */
/** follow_start() - load the initial state, if there is one, and prepare for what the options want followed. */
int follow_start(struct run *run, struct err *err);
void follow_fini(struct run *run);
/** follow_prologue() - what was there before the recording began: noted, to be found in the initial state. */
void follow_prologue(struct run *run, const struct trace_batch *batch);
/**
 * follow_event() - before event @i of @batch. Return: 1 when it is to be served, 0 when it precedes the initial state,
 * a negative code on an error.
 */
int follow_event(struct run *run, const struct trace_batch *batch, uint32_t i, struct err *err);
/** follow_settle() - after a batch: whether there is anything left to follow. */
void follow_settle(struct run *run);
/** follow_record() - counters of what the initial state told, and of what was filled in. */
int follow_record(struct run *run, struct err *err);
/** follow_end() - the instants at or after the last event. */
int follow_end(struct run *run, struct err *err);

/* serve.c */
/** serve_request() - do what @req asks for, now. Return: its cost in ns (struct engine_client). */
ns_t serve_request(void *arg, const struct request *req);
/** serve_rest() - @req, which has been served and slept for what that took, is over. */
ns_t serve_rest(struct run *run, const struct request *req);

/* observe.c */
/** serve_observed() - serve_request() with the options' observer told before and after. */
ns_t serve_observed(struct run *run, const struct request *req);

/* sampler.c */
int sampler_sample(struct run *run, const char *reason, const char *marker, struct err *err);
/** sampler_finish() - the statistics of the whole run. */
int sampler_finish(struct run *run, struct err *err);

/* rules.c */
/** rules_prepare() - which rules hold for the trace's kernel, before its operations are prepared. */
void rules_prepare(struct run *run);
/** rules_other() - whether operation @op, done by @action, breaks a rule there, or may. */
bool rules_other(const struct run *run, const struct trace_op *op, enum run_action action);
/** rules_report_other() - what of it request @req breaks. */
void rules_report_other(struct run *run, const struct request *req, const struct run_op *op);
/** rules_sleeps() - whether operation @op of a recording may sleep, which a replay judges by who asks. */
bool rules_sleeps(const struct run *run, const struct trace_op *op, enum run_action action);
/** rules_report_sleep() - that @req may sleep, where its context may not. */
void rules_report_sleep(struct run *run, const struct request *req, const struct run_op *op);
/** rules_has_constructor() - whether the trace says so of @cache, which it calls @name. */
bool rules_has_constructor(const struct run *run, uint32_t cache, uint32_t name);
/** rules_of_disowned() - @op allocates, and its cache is known now: whether who created it has destroyed it. */
void rules_of_disowned(struct run *run, struct run_op *op);
void rules_report_disowned(struct run *run, const struct run_op *op);
/** rules_of_zeroed() - @op allocates with __GFP_ZERO, and its cache is known now: whether that has a constructor. */
void rules_of_zeroed(struct run *run, struct run_op *op);
void rules_report_zeroed(struct run *run, const struct run_op *op);
/**
 * rules_made_in_vain() - whether the model failed to make what @op names, all of the times that the trace makes it by
 * an event of @kind, which makes pools: that it is missed then is no mistake of the trace's callers.
 */
bool rules_made_in_vain(const struct run *run, const struct run_op *op, enum trace_kind kind);
/**
 * rules_claims_known() - whether a region that @op uses, and nobody has claimed, is one that nobody has:
 * what tells of claims is there. Where it is not, lint says so once.
 */
bool rules_claims_known(struct run *run, enum resource_tree tree, const struct run_op *op);
/** rules_is_recording() - whether the trace is of a real kernel, and says which context its callers were in. */
bool rules_is_recording(const struct run *run);
/** rules_ends_whole() - whether what lives at the end of the trace is left behind; a recording just stops. */
bool rules_ends_whole(const struct run *run);

/* violations.c */
void run_violation(struct run *run, enum rule rule, const struct run_op *op, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/** run_violation_severe() - a case of the rule that is of another severity than most. */
void run_violation_severe(struct run *run, enum rule rule, const char *severity, const struct run_op *op,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/** object_begin() - the object that request @req made begins to live in its slot. */
static inline void object_begin(struct run *run, const struct request *req, struct run_op *op, uint32_t slab,
	uint32_t index)
{
	struct object *object = &run->objects[req->slot];

	object->slab = slab;
	object->index = index;
	object->op = req->op;
	object->born_ns = run->engine.now;
	op->done++;
	run->live_objects++;
}

/** pages_begin() - object_begin() of a block of pages, which counts them. */
static inline void pages_begin(struct run *run, const struct request *req, struct run_op *op, pfn_t pfn)
{
	uint32_t pages = (uint32_t)(op->bytes_alloc >> run->machine->page_shift);

	object_begin(run, req, op, OBJECT_PAGES, (uint32_t)pfn);
	run->objects[req->slot].left = pages;
	run->pages_held += pages;
}

static inline const char *run_string(const struct run *run, uint32_t number)
{
	return run->tables->strings[number];
}

#endif

/*
 * generate: makes a trace of streams of events, each with its own times, operations and lives of objects. Knows
 * nothing of YAML: what is to be done is a plan of plain structs. Objects that live bound its memory, not the
 * length of the trace.
 */
#ifndef KMEMSIM_TRACES_GENERATE_H
#define KMEMSIM_TRACES_GENERATE_H

#include "base/dist.h"
#include "base/err.h"
#include "traces/writer.h"

#define GEN_NONE UINT32_MAX          /* no stream, no group */
#define GEN_PARENT (UINT32_MAX - 1)  /* the event that this one comes on */
#define GEN_FOREVER UINT64_MAX       /* as a time: never; as a number of events: no limit */
#define GEN_MAX_VARIABLES 4u
#define GEN_RATE_ONE 65536u

/** One of the operations of a stream. */
struct gen_operation {
	struct trace_op begin;
	struct trace_op end;         /* its matching free or release, where the stream has one */
	uint64_t value;              /* where the kind has KEY_VALUE */
};

/**
 * A key whose value is drawn for each event. The operations
 * of a stream are all combinations, the first key fastest.
 */
struct gen_variable {
	uint32_t nr;
	struct dist_choice *choices; /* owned: only their shares count; NULL = equally often */
};

/** Who may ask: one is drawn for each event. */
struct gen_group {
	struct trace_who *whos;      /* owned */
	uint32_t nr;
};

enum gen_when { GEN_REPEATEDLY, GEN_AT_TIMES, GEN_ON_EVENT };

enum gen_life {
	GEN_NO_END,           /* there is nothing to end */
	GEN_LIVES_FOR,        /* a time that is drawn */
	GEN_LIVES_AS_PARENT,  /* ends just before the object of the event that it came on */
	/* ends when what comes on it is done and a time is over; nothing else happens meanwhile */
	GEN_IS_SECTION,
	GEN_UNTIL_REPLACED,   /* when there are `live`, a new one takes the place of the oldest, or of any */
	GEN_UNTIL_END,
	GEN_NEVER_ENDS,
};

enum gen_freer { GEN_FREED_BY_SAME, GEN_FREED_BY_ANY, GEN_FREED_ELSEWHERE, GEN_FREED_BY_GROUP };

/** Tables are owned and may be NULL: then a count is 1 and a time 0. */
struct gen_stream {
	const char *name;             /* borrowed; names its random stream */
	enum gen_when when;
	struct dist_table *interval;  /* REPEATEDLY: from one burst to the next */
	ns_t *at;                     /* owned: AT_TIMES, ascending */
	uint32_t nr_at;
	uint32_t parent;              /* ON_EVENT: a stream in front of this one */
	uint64_t chance;              /* that anything happens: of 2^64 - 1 */
	struct dist_table *count;     /* events of a burst */
	struct dist_table *gap;       /* time between them */
	struct dist_table *delay;     /* ON_EVENT: time from that event */
	uint32_t group;
	bool as_parent;               /* ON_EVENT: by the same task on the same CPU */
	enum gen_life life;
	struct dist_table *lifetime;  /* LIVES_FOR, IS_SECTION */
	uint32_t live;                /* UNTIL_REPLACED */
	bool replace_any;
	enum gen_freer freer;
	uint32_t freer_group;
	uint32_t object;              /* the stream whose object an event of kind USED is about, or GEN_PARENT */
	uint32_t page;                /* the stream whose object a mapping is of, or GEN_PARENT */
	bool referred_to;             /* some stream has it as object or page */
	bool bulk;                    /* a burst is one call */
	struct gen_variable variables[GEN_MAX_VARIABLES];
	uint32_t nr_variables;
	struct gen_operation *operations; /* owned */
	uint32_t nr_operations;
	uint32_t *rates;              /* owned: factor in each phase, of GEN_RATE_ONE; NULL without phases */
};

/** From @start_ns until the next begins, the last without end or until all of them begin again. */
struct gen_phase {
	ns_t start_ns;
};

struct gen_plan {
	uint64_t seed;
	ns_t duration_ns;             /* GEN_FOREVER: `events` ends it */
	uint64_t events;              /* no burst begins when there are as many */
	bool free_at_end;
	struct trace_op *before;      /* owned: the prologue */
	uint32_t nr_before;
	struct gen_group *groups;     /* owned, as the two below */
	uint32_t nr_groups;
	struct gen_stream *streams;
	uint32_t nr_streams;
	struct gen_phase *phases;
	uint32_t nr_phases;
	ns_t cycle_ns;                /* phases begin again after it; 0 = not */
};

/** Called now and then; a non-zero answer ends the work with ERR_INTERRUPTED. */
typedef int (*gen_progress)(void *arg, ns_t now_ns, uint64_t events);

/** generate() - write all events of the plan. Strings in its operations are the writer's. */
int generate(const struct gen_plan *plan, struct trace_writer *writer, gen_progress progress, void *arg,
	struct err *err);

void gen_plan_fini(struct gen_plan *plan);

/** gen_end_of() - the kind of event that ends what @kind begins, or NR_KINDS. */
enum trace_kind gen_end_of(enum trace_kind kind);

#endif

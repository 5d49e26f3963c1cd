/* verify_priv: what the parts of verify share: a pass over the recorded events with a model of its own. */
#ifndef KMEMSIM_SIM_VERIFY_PRIV_H
#define KMEMSIM_SIM_VERIFY_PRIV_H

#include "base/idmap.h"
#include "mm/mm.h"
#include "sim/boot_policy.h"
#include "sim/boot_stage.h"
#include "sim/verify.h"
#include "sim/verify_unseen.h"

/** An event with what the recording saw beside it. */
struct verify_event {
	const struct trace_op *op;
	uint32_t op_no;
	uint32_t slot;
	uint32_t cpu;        /* of the model */
	const struct trace_who *who; /* borrowed: as recorded */
	uint32_t entry;      /* 0 = not known */
	uint64_t where;      /* address or frame, 0 = none */
	uint32_t moved;      /* page events: blocks moved from or to the free lists */
	uint64_t event_no;
	ns_t time_ns;
	bool older;          /* was over when the initial state was saved */
	/* a free whose page was given back only at its MOVE_BATCHED; only with verify_pass.on_move */
	bool later;
};

struct verify_pass {
	const struct verify_options *options; /* borrowed */
	struct trace_reader *reader;          /* owned */
	const struct trace_tables *tables;    /* borrowed from the reader */
	struct mm mm;
	struct meter meter;
	enum boot_stage stage;
	struct boot_policy policy;
	ns_t next_vmstat_ns; /* when the CPUs' counters are folded the next time; 0 = not begun */
	/*
	 * The user's, or NULL: what the allocator told of itself since
	 * the initial state. The stage of boot is then the user's.
	 */
	int (*on_move)(void *arg, const struct trace_move *move, struct err *err);
	/* the user takes from the recording what is drained: the pass does not do it by the clock */
	bool drains_told;
	bool *later;         /* owned: of the batch's events */
	uint32_t cap_later;
};

/** verify_pass_start() - a model in the first state. @slabs: with its slabs, as @state has them. */
int verify_pass_start(struct verify_pass *pass, const struct verify_options *options, const struct state *state,
	bool slabs, struct err *err);
void verify_pass_fini(struct verify_pass *pass);

/** verify_pass_run() - calls event() for each event of the trace, in order. */
int verify_pass_run(struct verify_pass *pass,
	int (*event)(void *arg, const struct verify_event *event, struct err *err), void *arg, struct err *err);

/** verify_page_request() - what a page event asked for. */
struct page_request verify_page_request(const struct verify_pass *pass, const struct verify_event *event);
/** verify_policy() - the memory policy by which the event's task asks, or NULL. */
struct mempolicy *verify_policy(struct verify_pass *pass, const struct verify_event *event);
/** verify_pass_again() - the next run begins at the trace's beginning again; the model stays as it is. */
int verify_pass_again(struct verify_pass *pass, struct err *err);

/** verify_differ() - the first time: note the event and what the kernel did; the caller writes what the model had. */
bool verify_differ(struct verify_count *count, const struct verify_event *event, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The passes. */
int verify_pages_step(const struct verify_options *options, struct verify_count *pages, struct verify_count *refills,
	struct verify_count *drains, struct unseen_log *log, struct err *err);
int verify_pages_free(const struct verify_options *options, struct unseen_log *log, struct verify_count *count,
	struct err *err);
int verify_objects(const struct verify_options *options, struct verify_count *bytes, struct verify_count *objects,
	struct err *err);
int verify_areas(const struct verify_options *options, struct verify_count *count, struct err *err);
int verify_percpu(const struct verify_options *options, struct verify_count *count, struct err *err);
int verify_geometry(const struct verify_options *options, struct verify_count *count, struct err *err);

/**
 * verify_snapshot_take() - the modelled memory beside the
 * saved one. @last: counters at the snapshot before, renewed.
 */
int verify_snapshot_take(struct verify_snapshot *snapshot, const struct verify_state *saved,
	const struct verify_state *before, const struct mm *mm, uint64_t last[NR_PAGE_COUNTERS], struct err *err);

#endif

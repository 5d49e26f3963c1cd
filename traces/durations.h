/*
 * durations: how long calls took, out of a recording or a table. Calls are found between the entry and the return
 * of a function: kprobe pairs and function_graph, in trace.dat, perf.data and text; what their trace events say in
 * between (bytes, order, gfp) goes with them. Reclaim has no such pairs, but an event at the end of each batch
 * (durations_reclaim.c). A table is CSV with the columns op, duration_ns and, if wanted, size, order and path.
 */
#ifndef KMEMSIM_TRACES_DURATIONS_H
#define KMEMSIM_TRACES_DURATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/idmap.h"
#include "traces/duration.h"
#include "traces/raw_event.h"
#include "traces/trace.h"

#define DURATION_NAME_MAX 64
#define DURATION_DEPTH 64

/* A call that has begun. */
struct duration_call {
	char op[DURATION_NAME_MAX];
	uint64_t start_ns;
	uint64_t size;
	uint32_t order;
	bool zero;
};

struct duration_task {
	uint32_t nr;
	struct duration_call calls[DURATION_DEPTH];
};

/* What a CPU did last, for reclaim and at all. */
struct duration_reclaim {
	uint64_t batch_ns; /* when a batch of an inactive list was done, and nothing but reclaim came since; 0: none */
	int32_t pid;       /* by whom */
	uint64_t last_ns;  /* the CPU's last event of any kind */
};

/* A node's kswapd. */
struct duration_wake {
	uint64_t woken_ns; /* and it has not run since; 0: it has */
	uint16_t cpu;      /* whose task woke it */
};

struct durations {
	duration_fn fn;
	void *arg;                    /* borrowed: of fn */
	struct trace_meta *meta;      /* borrowed: what the readers count goes there */
	struct trace_meta unused;     /* its .ignored: recorded calls that fn could not use */
	struct idmap task_index;
	struct duration_task **tasks; /* owned, and each of them */
	uint32_t nr_tasks, cap_tasks;
	struct duration_reclaim *reclaims; /* owned; by CPU */
	struct duration_wake *wakes;  /* owned; by node */
	uint32_t cap_reclaims, cap_wakes;
	uint64_t calls;               /* given to fn */
};

void durations_init(struct durations *d, duration_fn fn, void *arg, struct trace_meta *meta);
void durations_fini(struct durations *d);

/** durations_read() - read @source ("-": standard input), of any format, and give each call to d->fn. */
int durations_read(struct durations *d, const char *source, struct err *err);

/* Between the readers. */

/** durations_call() - a call is known with all that it took. A duration that cannot be one is counted as unusable. */
#define DURATION_MAX_NS 1e15 /* eleven days */
int durations_call(struct durations *d, const struct duration *call, struct err *err);

/** durations_task() - the open calls of a task; idle ones differ by CPU. NULL: no memory. */
struct duration_task *durations_task(struct durations *d, int32_t pid, uint16_t cpu);

/** durations_open() - a call begins. Return: it, or NULL when calls are nested too deep. */
struct duration_call *durations_open(struct duration_task *task, const char *op, size_t len, uint64_t start_ns);

/**
 * durations_close() - the innermost open call of @op ends
 * (NULL: whichever), after @ns; what was open in it is dropped.
 */
int durations_close(struct durations *d, struct duration_task *task, const char *op, double ns, struct err *err);

/** durations_note_object(), durations_note_pages() - what an event tells of the open calls that it lies in. */
void durations_note_object(struct duration_task *task, uint64_t size, bool zero);
void durations_note_pages(struct duration_task *task, uint32_t order, bool zero);

/** durations_event() - an event of a recording, instead of gathering it. @name: of the function, where it has one. */
int durations_event(struct durations *d, const struct raw_event *event, enum source_pair pair, const char *name,
	struct err *err);

/** durations_reclaim() - the same, for what it tells of the pace of reclaim. */
int durations_reclaim(struct durations *d, const struct raw_event *event, struct err *err);

/** durations_graph() - a line as function_graph prints it. Return: 1, or 0 when it is none, or negative. */
int durations_graph(struct durations *d, struct duration_task *task, const char *line, struct err *err);

/** durations_graph_line() - the same for a line of the tracer's own output: "CPU) DURATION | FUNCTION". */
int durations_graph_line(struct durations *d, const char *line, struct err *err);

/** durations_graph_recognise() - whether it is such a line of a call. */
bool durations_graph_recognise(const char *line);

/** durations_csv_recognise(), durations_csv() - the table. */
struct source;
bool durations_csv_recognise(const char *head, size_t len);
int durations_csv(struct durations *d, struct source *src, struct err *err);

#endif

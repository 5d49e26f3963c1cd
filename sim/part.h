/*
 * part: what a mechanism of mm/ brings to a run: which events are its own, what serving one does, what is recorded of
 * it. One file sim/serve_NAME.c each, ending in one const table, and its line in sim/parts.c.
 *
 * Objects, blocks of pages and caches, which nearly all events are about, are served by serve*.c directly.
 */
#ifndef KMEMSIM_SIM_PART_H
#define KMEMSIM_SIM_PART_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/units.h"
#include "mm/answer.h"
#include "traces/kind.h"

struct run;
struct run_op;
struct request;
struct object;
struct record_sample;

struct run_part {
	const enum trace_kind *kinds; /* its events */
	uint32_t nr_kinds;
	/*
	 * Origins of recorded page events that this part re-derives, as bits 1 << enum trace_origin. They are
	 * skipped when the trace has events of the part that can have caused them, else replayed as recorded.
	 */
	uint32_t origins;
	/*
	 * Not of a recording with an initial state, which does not tell what the part
	 * has there: its effects are replayed as recorded, its events not at all.
	 */
	bool from_boot;
	/** prepare() - once per distinct operation of its kinds: sizes, rules. May be NULL. */
	void (*prepare)(struct run *run, struct run_op *op);
	/** serve() - the request's turn has come; struct object of its slot and run->meter take what comes of it. */
	void (*serve)(struct run *run, const struct request *req, struct run_op *op);
	/** release() - an object of this part (OBJECT_PART) is over: give back what it has. */
	void (*release)(struct run *run, struct object *object);
	/** gave_up() - a request of its kinds still waited for (@reason, @key) when the run ended. May be NULL. */
	void (*gave_up)(struct run *run, enum sleep_reason reason, uint64_t key, ns_t waited_ns);
	/** totals() - its members of a sample. May be NULL. */
	void (*totals)(const struct run *run, struct record_sample *sample);
	/** sample() - its rows of the sample just recorded; @full: of markers and of the end. May be NULL. */
	int (*sample)(struct run *run, bool full, struct err *err);
	/** finish() - its rows and rule violations at the end of the run. May be NULL. */
	int (*finish)(struct run *run, struct err *err);
};

/** parts_prepare() - fill run->part_of_kind and run->origins_modelled. */
void parts_prepare(struct run *run);
/** parts_totals(), parts_sample(), parts_finish() - those of all parts, in the order of the list. */
void parts_totals(const struct run *run, struct record_sample *sample);
int parts_sample(struct run *run, bool full, struct err *err);
int parts_finish(struct run *run, struct err *err);

/* The parts. */
extern const struct run_part part_vmalloc;
extern const struct run_part part_kernel_stack;
extern const struct run_part part_percpu;
extern const struct run_part part_dma;
extern const struct run_part part_ioremap;
extern const struct run_part part_boot_memory;

/* The parts, as sim/parts.c lists them. */
extern const struct run_part part_vmalloc;

#endif

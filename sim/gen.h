/* gen: a workload (configs/workload.h) into a trace: what it says of events is held against the list of events. */
#ifndef KMEMSIM_SIM_GEN_H
#define KMEMSIM_SIM_GEN_H

#include "base/err.h"
#include "configs/workload.h"
#include "traces/generate.h"

/* What takes the place of the workload's own. */
struct gen_options {
	const uint64_t *seed;       /* NULL: as the workload says; so the next two where they are 0 */
	ns_t duration_ns;
	uint64_t events;
	gen_progress progress;      /* may be NULL */
	void *progress_arg;
};

/**
 * gen_plan() - what the workload comes down to. Strings and tasks go into the tables of @writer.
 * @workload: its findings are added to.
 * Errors: ERR_CONFIG with all findings. gen_plan_fini() in any case.
 */
int gen_plan(struct gen_plan *plan, struct workload *workload, const struct gen_options *options,
	struct trace_writer *writer, struct err *err);

/**
 * gen_trace() - write the trace that the workload describes.
 * @meta: filled on success; trace_meta_fini().
 * Errors: ERR_CONFIG, ERR_IO, ERR_INTERRUPTED, ERR_NOMEM; nothing is then left under the name.
 */
int gen_trace(struct workload *workload, const char *output, const struct gen_options *options, struct trace_meta *meta,
	struct err *err);

#endif

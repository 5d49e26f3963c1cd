/*
 * gen_priv: what the files of gen share: gen.c (the trace),
 * gen_plan.c (streams), gen_operations.c (the keys of events).
 */
#ifndef KMEMSIM_SIM_GEN_PRIV_H
#define KMEMSIM_SIM_GEN_PRIV_H

#include "sim/gen.h"
#include "traces/from_fields.h"

struct gen_build {
	struct gen_plan *plan;
	struct workload *workload;
	struct from_fields from;
};

/**
 * gen_operations() - all operations that a stream may do, and what is drawn for each of its events.
 * @context: of who begins; @end_context: of who ends. Findings tell what is wrong.
 * Return: 0, or ERR_NOMEM.
 */
int gen_operations(struct gen_build *b, const struct workload_stream *from, struct gen_stream *to, enum trace_kind kind,
	enum workload_context context, enum workload_context end_context, struct err *err);

/** gen_cache() - the operation that sets up a cache that was there before. */
int gen_cache(struct gen_build *b, const struct workload_cache *cache, struct trace_op *op, struct err *err);

#endif

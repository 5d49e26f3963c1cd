/* collect: the tables of a trace in the making: each string, operation and task once, numbered as it comes. */
#ifndef KMEMSIM_TRACES_COLLECT_H
#define KMEMSIM_TRACES_COLLECT_H

#include "traces/intern.h"
#include "traces/trace.h"

/** A zeroed struct is empty. */
struct collect {
	struct intern string_index, op_index, who_index;
	char **strings;          /* owned, each too */
	struct trace_op *ops;    /* owned */
	uint64_t *op_counts;     /* owned */
	uint8_t *op_class;       /* owned: enum op_class of each op */
	struct trace_who *whos;  /* owned */
	uint32_t cap_strings, cap_ops, cap_whos;
};

/** collect_string(), collect_op(), collect_who() - the number of an equal item. UINT32_MAX: out of memory. */
uint32_t collect_string(struct collect *c, const char *text, size_t len);
uint32_t collect_op(struct collect *c, const struct trace_op *op);
uint32_t collect_who(struct collect *c, const struct trace_who *who);

struct trace_tables collect_tables(const struct collect *c);
void collect_fini(struct collect *c);

#endif

/* tables: the strings, operations and tasks of a trace, to and from the payload of a TABLES section. */
#ifndef KMEMSIM_TRACES_TABLES_H
#define KMEMSIM_TRACES_TABLES_H

#include "base/err.h"
#include "traces/bytes.h"
#include "traces/trace.h"

/** tables_encode() - put the payload into @out; out->failed when out of memory. */
void tables_encode(const struct trace_tables *tables, struct bytes *out);

/** Tables with their memory; @view is what others see. */
struct tables {
	struct trace_op *ops;      /* owned, as all here */
	uint64_t *op_counts;
	uint8_t *op_class;         /* enum op_class of each op */
	struct trace_who *whos;
	const char **strings;
	char *text;                /* what the strings point into */
	struct trace_tables view;
};

/** tables_decode() - check everything on the way. ERR_TRACE, ERR_NOMEM; end it with tables_fini() in any case. */
int tables_decode(struct tables *t, const uint8_t *raw, size_t len, struct err *err);
void tables_fini(struct tables *t);

#endif

/* from_fields: keys and values of the text interchange into events of a trace; the names of objects into slots. */
#ifndef KMEMSIM_TRACES_FROM_FIELDS_H
#define KMEMSIM_TRACES_FROM_FIELDS_H

#include "base/idmap.h"
#include "traces/collect.h"
#include "traces/fields.h"
#include "traces/slots.h"
#include "traces/writer.h"

struct from_fields {
	struct trace_writer *writer;   /* borrowed */
	enum gfp_layout layout;        /* what gfp numbers and composite names mean */
	uint32_t page_size;
	uint32_t direct;               /* ids below this are slots already: the text was printed from a trace */
	struct idmap ids;              /* object's name -> slot, or ID_FREED once it is freed */
	struct collect names;          /* names that are not numbers */
	struct slots slots;            /* slots from @direct on */
	struct idmap blocks;           /* slot of a block of pages -> its order and the pages freed of it */
	struct trace_counts *ignored;  /* borrowed: keys that do not apply are counted here */
	uint32_t cpus;                 /* largest CPU seen + 1 */
	ns_t last_ns;
	bool started;                  /* an event has been taken: last_ns is its time */
	char reason[128];              /* why the last line is unusable: for counting */
	char hint[256];                /* more about it, for the message; may be "" */
};

/** A from_fields begins zeroed but for writer, layout, page_size, direct and ignored. */
void from_fields_fini(struct from_fields *f);

/**
 * from_fields_take() - write the event that the fields describe.
 * Return: 0; 1 when it cannot be used, with f->reason and f->hint set and nothing changed; negative on an error.
 */
int from_fields_take(struct from_fields *f, struct fields *fields, struct err *err);

/**
 * from_fields_op() - the operation that the fields describe, without time and object; @value of kinds with KEY_VALUE.
 * Return: as from_fields_take().
 */
int from_fields_op(struct from_fields *f, const struct fields *fields, struct trace_op *op, uint64_t *value,
	struct err *err);

/** from_fields_keys() - the keys that events of @kind take beside those that all take: bit n is enum field_key n. */
uint64_t from_fields_keys(enum trace_kind kind);

#endif

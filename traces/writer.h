/*
 * writer: makes a .kmt file from events in time order. Memory is bounded: blocks go to a temporary file
 * beside the output as they fill; the file appears under its name only when it is whole.
 */
#ifndef KMEMSIM_TRACES_WRITER_H
#define KMEMSIM_TRACES_WRITER_H

#include "base/err.h"
#include "traces/trace.h"

struct trace_writer;

struct trace_writer_options {
	unsigned int block_events; /* events in a block; 0 = default (64 Ki) */
	int level;                 /* zlib level 1 .. 9; 0 = default (3) */
	bool recorded;             /* write the optional columns */
};

/** trace_writer_open() - @path "-" is standard output. The caller owns *out: trace_writer_close() or _abort(). */
int trace_writer_open(struct trace_writer **out, const char *path, const struct trace_writer_options *options,
	struct err *err);

/**
 * trace_writer_string() - number of @text (@len bytes) in the
 * string table; 0 for an empty one. UINT32_MAX: no memory.
 */
uint32_t trace_writer_string(struct trace_writer *w, const char *text, size_t len);
/** trace_writer_op() - number of an operation equal to *op, added if new. UINT32_MAX: no memory. */
uint32_t trace_writer_op(struct trace_writer *w, const struct trace_op *op);
const struct trace_op *trace_writer_op_at(const struct trace_writer *w, uint32_t op);
uint32_t trace_writer_who(struct trace_writer *w, const struct trace_who *who);

/** trace_writer_prologue() - an event of the prologue; may come at any time before close, in its own order. */
int trace_writer_prologue(struct trace_writer *w, const struct trace_event *event, struct err *err);
/** trace_writer_event() - the next event proper; times must not fall (ERR_TRACE). */
int trace_writer_event(struct trace_writer *w, const struct trace_event *event, struct err *err);

/**
 * trace_writer_move() - a block moved before the next event, whose
 * number is filled in. What no event follows may be dropped.
 */
int trace_writer_move(struct trace_writer *w, const struct trace_move *move, struct err *err);

/** trace_writer_is_empty() - whether there has been no event, nor one of the prologue. */
bool trace_writer_is_empty(const struct trace_writer *w);

/**
 * trace_writer_close() - finish the file and put it under its name.
 * @meta: borrowed; counts, times, slots, prologue_events and mapped_pages are filled in by the writer.
 * Frees @w in any case; on failure nothing is left under the name.
 */
int trace_writer_close(struct trace_writer *w, struct trace_meta *meta, struct err *err);
/** trace_writer_abort() - give up; nothing is left. NULL is accepted. */
void trace_writer_abort(struct trace_writer *w);

#endif

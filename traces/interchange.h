/*
 * interchange: the text form of a trace, JSONL and CSV, read. Its writer is traces/print.c; both take the keys from
 * traces/kind.h. What people write by hand is taken at its word: an object freed twice or never allocated is
 * kept as such (OP_DOUBLE, OP_UNKNOWN) for replay to report, and nothing is adopted unless a line says so.
 */
#ifndef KMEMSIM_TRACES_INTERCHANGE_H
#define KMEMSIM_TRACES_INTERCHANGE_H

#include "traces/import.h"
#include "traces/source.h"
#include "traces/writer.h"

/**
 * interchange_recognise() - whether a file that begins with @head is JSONL or CSV of the text interchange.
 * A .kmt file, inflated, begins with the same header, but not with a line of JSON behind it.
 */
bool interchange_recognise(const char *head, size_t len);

/** interchange_import() - read all of @src into @w; counts go to @meta (ignored, unusable, repaired, lines). */
int interchange_import(struct source *src, struct trace_writer *w, const struct import_options *options,
	struct trace_meta *meta, struct err *err);

#endif

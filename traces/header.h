/*
 * header: struct trace_meta as one JSON object and back: the
 * HEADER section and the first line of the text interchange.
 */
#ifndef KMEMSIM_TRACES_HEADER_H
#define KMEMSIM_TRACES_HEADER_H

#include "base/err.h"
#include "traces/trace.h"

/** The totals that a header carries, so that they are known without reading the blocks. */
struct header_sizes {
	uint64_t blocks, bytes_raw, bytes_compressed, bytes_recorded;
};

/** header_format() - one line without newline. @sizes: may be NULL. The caller frees it; NULL: out of memory. */
char *header_format(const struct trace_meta *meta, const struct header_sizes *sizes);

/**
 * header_parse() - @meta, @sizes are filled; on success the caller ends @meta with trace_meta_fini().
 * Members that are unknown are ignored, missing ones are 0.
 * Errors: ERR_TRACE (not such an object; a newer major version), ERR_NOMEM.
 */
int header_parse(const char *json, size_t len, struct trace_meta *meta, struct header_sizes *sizes, struct err *err);

/** header_recognise() - whether the JSON object in @json is a header, by its member "kmemsim_trace". */
bool header_recognise(const char *json, size_t len);

#endif

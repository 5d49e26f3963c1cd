/* perf_priv: the two files that read perf.data with libtraceevent. */
#ifndef KMEMSIM_TRACES_PERF_PRIV_H
#define KMEMSIM_TRACES_PERF_PRIV_H

#include <event-parse.h>

#include "traces/perf_file.h"

/**
 * perf_formats_read() - take the formats in @bytes
 * (PERF_TRACING_DATA). Return: the kernel's page size, 0 = damaged.
 */
uint32_t perf_formats_read(struct tep_handle *tep, const struct perf_bytes *bytes);

#endif

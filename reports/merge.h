/* merge: several results databases made into one, as the shards of a sweep are at its end. */
#ifndef KMEMSIM_REPORTS_MERGE_H
#define KMEMSIM_REPORTS_MERGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct merge_summary {
	size_t runs;       /* in the output afterwards */
	size_t added;      /* of them, new to it */
	size_t replaced;   /* of them, unfinished in it before */
	size_t present;    /* runs of parts that were there already: in the output, or in another part */
	size_t unfinished; /* of runs: running, interrupted or failed */
};

/**
 * merge_results() - add the runs of @parts to @output, which is made when it does not exist.
 *
 * Two runs are the same run when trace (by hash), configuration (by hash), seed, version, pace, CPU map, layer, start
 * state and what was set are: points of a sweep that come to the same machine stay apart. A run that is there already
 * is skipped; an unfinished one gives way to a finished one and keeps its number. New runs are numbered by trace and by
 * what was set, whatever the order of the parts. A new output appears whole or not at all; one that exists is changed
 * in one transaction. @stop is asked before each run; NULL = go on.
 *
 * ERR_RESULTS: two finished runs are the same run with other results (the text names them), or a part is no results
 * database; ERR_IO; ERR_INTERRUPTED: @stop said so. The output is then as it was.
 */
int merge_results(const char *const *parts, size_t nr_parts, const char *output, bool (*stop)(void *arg),
	struct merge_summary *summary, struct err *err);

#endif

/*
 * run_copy: one run with all its rows, as a piece: copied into another database, or digested. Which tables
 * belong to a run is read from the schema: those with a run_id, and those with the sample_id of a sample of the run.
 */
#ifndef KMEMSIM_REPORTS_RUN_COPY_PRIV_H
#define KMEMSIM_REPORTS_RUN_COPY_PRIV_H

#include "base/sha256.h"
#include "reports/results_priv.h"

struct run_copy {
	int64_t from_run;
	int64_t to_run;
	int64_t to_sample; /* number of the first sample; the others follow */
};

/** run_copy() - copy the rows of a run, which the target does not have yet, inside the caller's transaction. */
int run_copy(struct results *from, struct results *to, const struct run_copy *copy, struct err *err);

/**
 * run_digest() - SHA-256 of all that a run says of the modelled machine: neither its numbers, nor host, times, build,
 * names of files and what was set (the configuration says it) take part.
 */
int run_digest(struct results *results, int64_t run, char hex[SHA256_HEX_SIZE], struct err *err);

#endif

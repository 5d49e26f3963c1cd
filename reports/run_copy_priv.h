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

struct run_reader;

/**
 * run_reader_create() - to read runs of @results, and to copy them to @target, NULL = only to digest
 * them. Both are borrowed. The caller owns *out: run_reader_destroy(), before either is closed.
 */
int run_reader_create(struct run_reader **out, struct results *results, struct results *target, struct err *err);
void run_reader_destroy(struct run_reader *reader);

/** run_copy() - copy the rows of a run, which the target does not have yet, inside the caller's transaction. */
int run_copy(const struct run_reader *reader, const struct run_copy *copy, struct err *err);

/**
 * run_digest() - SHA-256 of all that a run says of the modelled machine: neither its numbers, nor host, times, build,
 * names of files and what was set (the configuration says it) take part.
 */
int run_digest(const struct run_reader *reader, int64_t run, char hex[SHA256_HEX_SIZE], struct err *err);

#endif

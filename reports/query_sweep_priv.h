/* query_sweep: questions over all runs of a database at once: which are best, and what made them so. */
#ifndef KMEMSIM_REPORTS_QUERY_SWEEP_PRIV_H
#define KMEMSIM_REPORTS_QUERY_SWEEP_PRIV_H

#include <stdio.h>

#include "reports/results_priv.h"

/** query_sweep() - every run: swept keys as columns beside the headline figures. */
int query_sweep(struct results *results, const struct query_options *options, FILE *out, struct err *err);

/**
 * query_best() / query_worst() - finished runs by options->by, the first 10 unless limited.
 * ERR_USAGE: no such figure or swept key.
 */
int query_best(struct results *results, const struct query_options *options, FILE *out, struct err *err);
int query_worst(struct results *results, const struct query_options *options, FILE *out, struct err *err);

/**
 * query_pareto() - finished runs that no other one of their trace
 * equals in one and beats in the other of the two of options->by.
 */
int query_pareto(struct results *results, const struct query_options *options, FILE *out, struct err *err);

/**
 * query_sensitivity() - for each swept key and figure: the means of the figure over the runs of each value of the
 * key, and how far the lowest and the highest of these are apart, most first. A number that takes more than 8
 * values is cut into 5 ranges with equally many of them.
 */
int query_sensitivity(struct results *results, const struct query_options *options, FILE *out, struct err *err);

#endif

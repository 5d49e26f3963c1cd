/* sweep: questions over all runs of a database at once: which are best, and what made them so. */
#ifndef KMEMSIM_REPORTS_SWEEP_PRIV_H
#define KMEMSIM_REPORTS_SWEEP_PRIV_H

#include <stdio.h>

#include "reports/results_priv.h"

/** sweep_runs() - every run: swept keys as columns beside the headline figures. */
int sweep_runs(struct results *results, const struct query_options *options, FILE *out, struct err *err);

/**
 * sweep_best() / sweep_worst() - finished runs by options->by, the first 10 unless limited.
 * ERR_USAGE: no such figure or swept key.
 */
int sweep_best(struct results *results, const struct query_options *options, FILE *out, struct err *err);
int sweep_worst(struct results *results, const struct query_options *options, FILE *out, struct err *err);

/** sweep_pareto() - finished runs that no other one equals in one and beats in the other of the two of options->by. */
int sweep_pareto(struct results *results, const struct query_options *options, FILE *out, struct err *err);

/**
 * sweep_sensitivity() - for each swept key and figure: the means of the figure over the runs of each value of the key, and how
 * far the lowest and the highest of these are apart, most first. A number that takes more than 8 values is cut into 5
 * ranges with equally many of them.
 */
int sweep_sensitivity(struct results *results, const struct query_options *options, FILE *out, struct err *err);

#endif

/*
 * compare: the figures of two runs in one long table of a database in memory:
 * figures(side, kind, section, item, figure, value), side 0 or 1, kind 'input', 'configuration' or 'result'.
 */
#ifndef KMEMSIM_REPORTS_COMPARE_PRIV_H
#define KMEMSIM_REPORTS_COMPARE_PRIV_H

#include "reports/results_priv.h"

/** compare_figures() - add all figures of a run as those of @side. */
int compare_figures(struct results *memory, int side, struct results *results, int64_t run, struct err *err);

#endif

/* compare: two runs side by side: what differs in what they were given and in what came of it. */
#ifndef KMEMSIM_REPORTS_COMPARE_H
#define KMEMSIM_REPORTS_COMPARE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "reports/report.h"

/* A run of a database. */
struct compare_side {
	const char *path;
	int64_t run; /* 0 = the latest */
};

struct compare_options {
	enum results_format format;
	/* results that differ by no more than this share of the first run's figure are equal: 0.05 = 5 % */
	double over;
	unsigned int width; /* columns of the terminal, that tables fold their texts for; 0 = any */
};

/**
 * compare_runs() - write what differs, the largest relative difference first: inputs, configuration key by key, and
 * results (operations, last sample with its zones and caches, fallbacks, locks, counters). Times and hosts take no
 * part.
 * @equal: set to whether the results are equal. With a threshold only figures count, and the fingerprint does not.
 *
 * Return: 0, or a negative code as results_open(); ERR_USAGE: there is no such run.
 */
int compare_runs(const struct compare_side *a, const struct compare_side *b, const struct compare_options *options,
	FILE *out, bool *equal, struct err *err);

#endif

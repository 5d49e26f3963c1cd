/*
 * chart: a value over time as a line of block characters, one column for each stretch of time. Several
 * samples in one column show the worst of them; a column without a sample shows what held before it.
 */
#ifndef KMEMSIM_REPORTS_CHART_PRIV_H
#define KMEMSIM_REPORTS_CHART_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CHART_COLUMNS_MAX 400

struct chart {
	unsigned int columns;      /* 1 .. CHART_COLUMNS_MAX */
	int64_t first_ns, last_ns; /* the stretch of time shown */
	bool lowest_is_worst;
	int64_t first, last, worst; /* values */
	bool any;                   /* a value was added */
	int64_t values[CHART_COLUMNS_MAX];
	bool filled[CHART_COLUMNS_MAX];
};

void chart_init(
	struct chart *chart, unsigned int columns, int64_t first_ns, int64_t last_ns, bool lowest_is_worst);

/** chart_add() - in order of time. */
void chart_add(struct chart *chart, int64_t time_ns, int64_t value);

/** chart_line() - line @line (0 = the lowest) of @lines that together reach from 0 to @max. */
void chart_line(const struct chart *chart, int64_t max, unsigned int line, unsigned int lines, FILE *out);

#endif

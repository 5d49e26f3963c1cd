/* report: what the results say: named queries, the text report, the kernel's own /proc files. */
#ifndef KMEMSIM_REPORTS_REPORT_H
#define KMEMSIM_REPORTS_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

struct results;

/** results_open() - open for reading. ERR_RESULTS: not a kmemsim database, or a newer one; ERR_IO. */
int results_open(struct results **out, const char *path, struct err *err);
void results_close(struct results *results);

enum results_format { RESULTS_TABLE, RESULTS_CSV, RESULTS_JSON };

struct query_options {
	enum results_format format;
	const char *by;         /* best, worst, sensitivity: a figure; pareto: two, "A,B"; NULL = the query's own */
	unsigned int limit;     /* rows, 0 = the query's own */
	int64_t run;            /* rows of this run alone; 0 = of all */
	/*
	 * columns of the terminal, that a table folds its texts
	 * for, or has a line for each column of a row; 0 = any
	 */
	unsigned int width;
};

/** results_query() - run the named query (or, when @name is NULL, list the names with what they tell). */
int results_query(struct results *results, const char *name, const struct query_options *options, FILE *out,
	struct err *err);

struct report_options {
	int64_t run;      /* 0 = the latest */
	bool json;
	bool colour;
	unsigned int width; /* columns of the terminal, that tables fit, too; 0 = 100 */
};

/** report_text() - the report for people (or the same figures as JSON): fragmentation over time, latency, caches. */
int report_text(struct results *results, const struct report_options *options, FILE *out, struct err *err);

/**
 * report_ascii() - the text report in ASCII alone: charts of
 * other characters, and '?' for what names have beyond it.
 */
int report_ascii(struct results *results, const struct report_options *options, FILE *out, struct err *err);

/** report_html() - the text report as a page of HTML that needs no other file; of @options only the run counts. */
int report_html(struct results *results, const struct report_options *options, FILE *out, struct err *err);

/**
 * report_proc() - a file of /proc as the modelled kernel would show it at a sample.
 * @file:   "buddyinfo", "pagetypeinfo", "slabinfo", "zoneinfo", "vmallocinfo", "iomem", "ioports", "unusable_index", "extfrag_index".
 * @sample: its number, 0 = the run's last.
 */
int report_proc(struct results *results, const char *file, int64_t run, int64_t sample, FILE *out, struct err *err);

#endif

/* report: the parts of the text report and what they share. */
#ifndef KMEMSIM_REPORTS_REPORT_PRIV_H
#define KMEMSIM_REPORTS_REPORT_PRIV_H

#include "reports/results_priv.h"

struct report {
	struct results *results; /* borrowed */
	FILE *out;               /* borrowed */
	int64_t run;
	int64_t page_size;
	int64_t nr_samples;
	int64_t first_ns, last_ns; /* of the samples */
	int64_t last_sample;       /* 0 = the run has none */
	unsigned int width;
	bool fit; /* tables, too, are no wider */
	bool colour;
};

/** report_text_keep() - report_text() into memory. *@text: the caller's to free(), also after an error. */
int report_text_keep(struct results *results, const struct report_options *options, char **text, struct err *err);

/** report_heading() - a section's title, and a sentence behind it that may be NULL. */
void report_heading(const struct report *report, const char *title, const char *note);

/** report_findings() - in a few sentences what failed, who had to wait, what ran short and what is wasted. */
int report_findings(const struct report *report, struct err *err);

/** report_memory() - where memory is at the end, each zone over time, free blocks by order. */
int report_memory(const struct report *report, struct err *err);

/** report_tables() - latency, locks, caches, fallbacks, call sites, violations, counters. */
int report_tables(const struct report *report, struct err *err);

/**
 * report_json() - the figures of a run, and nothing that another run on the same inputs could have otherwise.
 */
int report_json(struct results *results, int64_t run, FILE *out, struct err *err);

#endif

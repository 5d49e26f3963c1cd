/* print: a trace as text: for people, or as the CSV and JSONL of the text interchange (traces/import.h reads them). */
#ifndef KMEMSIM_TRACES_PRINT_H
#define KMEMSIM_TRACES_PRINT_H

#include <stdio.h>

#include "traces/reader.h"

enum print_format { PRINT_TEXT, PRINT_CSV, PRINT_JSONL };

struct print_options {
	enum print_format format;
	bool recorded; /* with addresses, page frames and recorded context, where the trace has them */
	bool events_only; /* without the prologue: what is printed cannot be imported again */
};

/** trace_print() - print all events that @r still gives. Errors: those of the reader; ERR_IO when @out fails. */
int trace_print(struct trace_reader *r, const struct print_options *options, FILE *out, struct err *err);

/** trace_info_json() / trace_info_text() - what the header, tables and sizes say. */
int trace_info_json(const struct trace_reader *r, FILE *out, struct err *err);
int trace_info_text(const struct trace_reader *r, FILE *out, struct err *err);

#endif

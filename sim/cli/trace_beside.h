/*
 * trace_beside: a trace that is opened in a thread of its own, while the command reads the machine:
 * its first events are decoded by the time that the model has booted.
 */
#ifndef KMEMSIM_SIM_CLI_TRACE_BESIDE_H
#define KMEMSIM_SIM_CLI_TRACE_BESIDE_H

#include <pthread.h>
#include <stdbool.h>

#include "traces/reader.h"

struct trace_beside {
	const char *path;              /* borrowed */
	struct trace_reader_options options;
	bool opening;                  /* opener fills the next two */
	pthread_t opener;
	struct trace_reader *reader;   /* owned */
	struct err opened;             /* code 0: reader is there */
};

/**
 * trace_beside_start() - begin to open what path and options say. A file only: what can be read once, as a pipe, is
 * left to trace_beside_open(), which may be asked for other options. Return: 0, or ERR_IO when there can be no thread.
 */
int trace_beside_start(struct trace_beside *trace, struct err *err);

/**
 * trace_beside_open() - the open trace. @options: final ones; where they want more of the file than
 * trace_beside_start() knew, and where that was not called, it is opened now. The reader is the
 * callee's. Errors as trace_open().
 */
int trace_beside_open(struct trace_beside *trace, const struct trace_reader_options *options,
	struct trace_reader **reader, struct err *err);

/** trace_beside_close() - waits for the thread; closes the reader. Also after an error, or if never started. */
void trace_beside_close(struct trace_beside *trace);

#endif

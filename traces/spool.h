/*
 * spool: files on their way: nameless ones for what is needed
 * later, and an output that gets its name when it is whole.
 */
#ifndef KMEMSIM_TRACES_SPOOL_H
#define KMEMSIM_TRACES_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/**
 * spool_open() - a nameless file in the directory of @beside ("-":
 * in the one for temporary files). Return: descriptor, or negative.
 */
int spool_open(const char *beside, struct err *err);

/** spool_write() - all of @data at the end. @name is for the message. */
int spool_write(int fd, const void *data, size_t len, const char *name, struct err *err);

/** spool_copy() - append the @bytes from the start of @from to @to. */
int spool_copy(int to, int from, uint64_t bytes, const char *name, struct err *err);

/** An output file. */
struct output {
	const char *path;  /* borrowed */
	char *partial;     /* owned: the name until it is whole; NULL when it is written directly (a pipe, a device) */
	int fd;
};

/** output_open() - begin @path; "-" is standard output. End it with output_finish() or output_abort(). */
int output_open(struct output *out, const char *path, struct err *err);
/** output_finish() - make it durable and give it its name. On failure nothing is left, as after output_abort(). */
int output_finish(struct output *out, struct err *err);
void output_abort(struct output *out);

#endif

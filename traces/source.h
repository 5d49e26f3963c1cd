/*
 * source: bytes of a recording on their way in, from a file or
 * a pipe, with a look at the first ones without taking them.
 */
#ifndef KMEMSIM_TRACES_SOURCE_H
#define KMEMSIM_TRACES_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SOURCE_HEAD_MAX 65536
#define SOURCE_LINE_MAX (1u << 20) /* longer lines are cut */

struct source {
	const char *name;          /* for messages: the path, or "standard input" */
	void *stream;              /* owned: inflates gzip, passes anything else through */
	/* owned: bytes read and not yet given out; before the first read, the first head_len */
	char *head;
	size_t head_len, head_pos;
	uint64_t bytes_read;       /* taken from the file so far (compressed, where it is) */
	uint64_t bytes_total;      /* 0 = unknown (a pipe) */
	uint64_t line_no;          /* of the last line given, from 1 */
	bool ended;                /* the stream has no more */
	bool plain;                /* a regular file that is not compressed: it can be opened again by its name */
};

/** source_open() - @path "-" is standard input. Gzip is inflated on the way. The caller ends it with source_close(). */
int source_open(struct source *src, const char *path, struct err *err);
/**
 * source_line() - the next line without its newline, terminated by 0; valid until the next call.
 * Embedded 0 bytes are replaced by '?'. Lines over 1 MiB are cut.
 * Return: 1 with *line and *len set, 0 at the end, negative on ERR_IO.
 */
int source_line(struct source *src, char **line, size_t *len, struct err *err);
/** source_copy() - write all that is left to @fd. */
int source_copy(struct source *src, int fd, struct err *err);
void source_close(struct source *src);

#endif

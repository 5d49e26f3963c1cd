/*
 * move_spool: the blocks that a recording shows moving, on their way from the first pass of an import
 * to the second, beside the raw_spool. In memory up to a limit, beyond it in an unnamed temporary file.
 */
#ifndef KMEMSIM_TRACES_MOVE_SPOOL_H
#define KMEMSIM_TRACES_MOVE_SPOOL_H

#include "base/err.h"
#include "traces/trace.h"

struct move_spool {
	const char *beside;        /* borrowed: where the file goes, see spool_open() */
	int fd;                    /* owned; -1 = none yet */
	struct trace_move *buffer; /* owned */
	size_t nr_buffer, next;
	uint64_t nr_file;          /* moves in the file */
	uint64_t read;             /* of those */
};

void move_spool_init(struct move_spool *spool, const char *beside);
/** move_spool_append() - .before is the number of the raw event that comes next. */
int move_spool_append(struct move_spool *spool, const struct trace_move *move, struct err *err);
/** move_spool_rewind() - nothing is appended any more; from now on the moves are read from the first on. */
int move_spool_rewind(struct move_spool *spool, struct err *err);
/**
 * move_spool_next() - the next one if it comes before raw event
 * @number. Return: 1 with *move set, 0, negative on ERR_IO.
 */
int move_spool_next(struct move_spool *spool, uint64_t number, struct trace_move *move, struct err *err);
void move_spool_close(struct move_spool *spool);

#endif

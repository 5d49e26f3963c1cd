/* whole_file: text output that has its name only when it is whole. */
#ifndef KMEMSIM_SIM_CLI_WHOLE_FILE_H
#define KMEMSIM_SIM_CLI_WHOLE_FILE_H

#include <stdio.h>

#include "base/err.h"
#include "traces/spool.h"

struct whole_file {
	FILE *out;             /* to write to */
	struct output output;  /* a pipe, a device and standard output are written directly */
};

/** whole_file_open() - begin @path, "-" for standard output. ERR_IO, ERR_NOMEM: nothing to close. */
int whole_file_open(struct whole_file *file, const char *path, struct err *err);
/**
 * whole_file_close() - give it its name. That the reader of a pipe went away is no error: it has what it wanted.
 * ERR_IO: nothing is left of it, and what had the name before still has it.
 */
int whole_file_close(struct whole_file *file, struct err *err);
/** whole_file_discard() - nothing is left of it, and what had the name before still has it. */
void whole_file_discard(struct whole_file *file);

#endif

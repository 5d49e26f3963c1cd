/* whole_file: output that has its name only when it is whole. */
#ifndef KMEMSIM_SIM_CLI_WHOLE_FILE_H
#define KMEMSIM_SIM_CLI_WHOLE_FILE_H

#include <stdio.h>

#include "base/err.h"

struct whole_file {
	FILE *out;         /* to write to */
	const char *path;  /* borrowed; "-" = standard output */
	char *temporary;   /* what it is called until it is whole; NULL = standard output */
};

/** whole_file_open() - begin @path. ERR_IO, ERR_NOMEM: nothing to close. */
int whole_file_open(struct whole_file *file, const char *path, struct err *err);
/** whole_file_close() - give it its name. ERR_IO: nothing is left of it, and what had the name before still has it. */
int whole_file_close(struct whole_file *file, struct err *err);
/** whole_file_discard() - nothing is left of it, and what had the name before still has it. */
void whole_file_discard(struct whole_file *file);

#endif

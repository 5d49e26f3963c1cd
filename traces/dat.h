/*
 * dat: recordings of trace-cmd (trace.dat), read by libtracecmd. That library can crash on a file that is cut off or
 * damaged, so it runs in a process of its own, which sends what it reads through a pipe.
 */
#ifndef KMEMSIM_TRACES_DAT_H
#define KMEMSIM_TRACES_DAT_H

#include <stdbool.h>

#include "traces/gather.h"
#include "traces/import.h"
#include "traces/source.h"

/** dat_supported() - whether this program was built with libtracecmd. */
bool dat_supported(void);

/**
 * dat_import() - read all of @src into @g.
 * @output: what is not a plain file is first copied to a temporary one in the directory of this.
 * Errors: ERR_TRACE with how far it got when the file is damaged.
 */
int dat_import(struct source *src, struct gather *g, const char *output, const struct import_options *options,
	struct err *err);

#endif

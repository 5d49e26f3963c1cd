/*
 * dat: binary recordings: trace-cmd's trace.dat, read by libtracecmd, and perf.data, whose events' formats
 * libtraceevent reads. These libraries can crash on a file that is cut off or damaged, so they run in a process of
 * its own, which sends what it reads through a pipe.
 */
#ifndef KMEMSIM_TRACES_DAT_H
#define KMEMSIM_TRACES_DAT_H

#include <stdbool.h>

#include "traces/gather.h"
#include "traces/import.h"
#include "traces/source.h"

enum dat_format { DAT_TRACE_CMD, DAT_PERF, NR_DAT_FORMATS };

/** dat_supported() - whether this program was built with libtracecmd; perf_supported() - with libtraceevent. */
bool dat_supported(void);
bool perf_supported(void);

/**
 * dat_import() - read all of @src, which is of @format, into @g.
 * @output: what is not a plain file is first copied to a temporary one in the directory of this.
 * Errors: ERR_TRACE with how far it got when the file is damaged.
 */
int dat_import(struct source *src, enum dat_format format, struct gather *g, const char *output,
	const struct import_options *options, struct err *err);

#endif

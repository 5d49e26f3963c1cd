/* lint_show: what `kmemsim lint` found, as a table and as JSON. */
#ifndef KMEMSIM_SIM_CLI_LINT_SHOW_H
#define KMEMSIM_SIM_CLI_LINT_SHOW_H

#include <stdio.h>

#include "sim/recorder_violations.h"
#include "sim/replay.h"

/**
 * lint_show_table() - a line for each violation, then how many there are of each rule and severity, and how to see the
 * first one in @trace, which is the file's name.
 */
void lint_show_table(FILE *out, const char *trace, const struct replay_result *result,
	const struct recorder_violations *found);
/** lint_show_json() - the same as one object. */
void lint_show_json(FILE *out, const char *trace, const struct replay_result *result,
	const struct recorder_violations *found);

#endif

/* replay_show: what came of `kmemsim replay`, as a summary for people and as JSON, on standard output. */
#ifndef KMEMSIM_SIM_CLI_REPLAY_SHOW_H
#define KMEMSIM_SIM_CLI_REPLAY_SHOW_H

#include "sim/replay.h"
#include "traces/trace.h"

/**
 * replay_show_summary() - a line for each thing that happened, and none for what did not.
 * @options: the run's, with its machine and initial state.
 * @meta:    of the trace.
 * @results: the database, as commands in the text name it.
 */
void replay_show_summary(const struct replay_result *r, const struct replay_options *options,
	const struct trace_meta *meta, const char *results);
/** replay_show_json() - the same as one object; @options and @meta as there. */
void replay_show_json(const struct replay_result *r, const struct replay_options *options,
	const struct trace_meta *meta);

#endif

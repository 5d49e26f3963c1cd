/* describe: what the recorder is told of a run, as far as its options, its machine and its trace say it. */
#ifndef KMEMSIM_SIM_DESCRIBE_H
#define KMEMSIM_SIM_DESCRIBE_H

#include "sim/replay.h"

/** describe_machine() - the part of it that @machine says, but for its YAML and hash. @run borrows from @machine. */
void describe_machine(struct record_run *run, const struct machine *machine);

/**
 * describe_run() - fills @run from @options and what the trace says of itself (@meta); path, hashes, YAML,
 * initial state, part, sampling and --set stay as they are. @run borrows from @options->machine and @meta.
 */
void describe_run(struct record_run *run, const struct replay_options *options, const struct trace_meta *meta);

/**
 * describe_sampling() - when samples are taken, as runs have it. @sample_ns, @sample_events: 0 = not given.
 * @thin: a sweep without details.
 */
void describe_sampling(ns_t sample_ns, uint64_t sample_events, bool thin, char *buf, size_t size);

#endif

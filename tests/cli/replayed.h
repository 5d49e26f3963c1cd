/* replayed: t.kmt on m.yaml with a setting, and what came of it. Uses the folder of run_enter(). */
#ifndef KMEMSIM_TESTS_CLI_REPLAYED_H
#define KMEMSIM_TESTS_CLI_REPLAYED_H

/** replay_generate() - t.kmt of a workload file. */
void replay_generate(const char *workload);
/**
 * replay_readers() - two tasks read files into the 64 MiB of m.yaml
 * without end, among small objects and packets in interrupts.
 */
void replay_readers(void);
/** replay_with() - t.kmt on m.yaml with a setting ("key=value"), into a new r.db. */
void replay_with(const char *setting);
/** replayed_number() - one number out of r.db. */
double replayed_number(const char *sql);
/** replayed_counter() - sum of the counters whose name is LIKE @name. */
double replayed_counter(const char *name);
/** replayed_failed() - allocations that got nothing: refused, or of a task that had been killed. */
double replayed_failed(void);

#endif

/*
 * scenario: events written by hand, replayed by the program,
 * and what SQLite then says. Uses the folder of run_enter().
 */
#ifndef KMEMSIM_TESTS_CLI_SCENARIO_H
#define KMEMSIM_TESTS_CLI_SCENARIO_H

/** scenario_add() - one more line of the trace. */
void scenario_add(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/**
 * scenario_replay() - import what was added and replay it on
 * the machine, with all invariants walked every 1000 events.
 */
void scenario_replay(const char *machine_yaml);
/** scenario_expect() - the answer to an SQL question, columns separated by blanks, lines ended by newlines. */
void scenario_expect(const char *sql, const char *answer);
/** scenario_number() - the answer when it is one number. */
long long scenario_number(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif

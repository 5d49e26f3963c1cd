/* lint: what `kmemsim lint` finds in the events that scenario_add() took. */
#ifndef KMEMSIM_TESTS_CLI_LINT_H
#define KMEMSIM_TESTS_CLI_LINT_H

/**
 * expect_found() - all that lint finds, as "rule severity
 * event" lines, and its exit status; @options may narrow it.
 */
void expect_found(const char *options, int status, const char *found);
/** expect_text() - that what was found at @event says @part. */
void expect_text(int event, const char *part);

#endif

/* contents: everything a results database says, as text, but for numbers of rows, times and hosts. */
#ifndef KMEMSIM_TESTS_CLI_CONTENTS_H
#define KMEMSIM_TESTS_CLI_CONTENTS_H

/**
 * contents_of() - all rows of all tables of the database @path, runs in the order of what they set. Two
 * databases with the same runs, recorded in whatever order, give the same text. Freed by the caller.
 */
char *contents_of(const char *path);

#endif

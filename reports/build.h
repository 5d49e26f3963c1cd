/* build: which kmemsim this is, for results and for --version: the same words in both. */
#ifndef KMEMSIM_REPORTS_BUILD_H
#define KMEMSIM_REPORTS_BUILD_H

/*
 * The schema of results databases (PRAGMA user_version). Raised
 * with every table or column that comes, goes or changes.
 */
#define RESULTS_SCHEMA_VERSION 3

/* Raised whenever the same trace, machine and seed give other results than before. */
#define RESULTS_VERSION 6

/** build_version() - "0.1.0". */
const char *build_version(void);
/** build_commit() - of the source tree, "-dirty" behind it when it was changed; "unknown" outside git. */
const char *build_commit(void);
/** build_compiler() - "gcc 12.2.0". */
const char *build_compiler(void);
/** build_flags() - "buildtype=debugoptimized ...". */
const char *build_flags(void);

#endif

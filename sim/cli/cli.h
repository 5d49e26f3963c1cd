/*
 * cli: what the subcommands share. Only this room prints and exits: results to standard output, messages and
 * progress to standard error.
 */
#ifndef KMEMSIM_SIM_CLI_CLI_H
#define KMEMSIM_SIM_CLI_CLI_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

/** One verb. @run gets argv[0] = "kmemsim VERB" and answers the exit status. */
struct cli_command {
	const char *name;
	const char *summary; /* one line, for `kmemsim --help` */
	int (*run)(int argc, char **argv);
};

extern const struct cli_command cmd_import;
extern const struct cli_command cmd_info;
extern const struct cli_command cmd_cat;
extern const struct cli_command cmd_gen;
extern const struct cli_command cmd_probe;
extern const struct cli_command cmd_replay;
extern const struct cli_command cmd_sweep;
extern const struct cli_command cmd_verify;
extern const struct cli_command cmd_merge;
extern const struct cli_command cmd_query;
extern const struct cli_command cmd_compare;
extern const struct cli_command cmd_report;
extern const struct cli_command cmd_proc;
extern const struct cli_command cmd_bisect;
extern const struct cli_command cmd_lint;
extern const struct cli_command cmd_calibrate;

/**
 * cli_parse() - argp_parse() as all verbs use it: bad usage prints one line and the verb's usage.
 * Return: 0, or the exit status (2) when the command line is wrong. `--help` exits with 0 from within argp.
 */
int cli_parse(const struct argp *argp, int argc, char **argv, void *input);

/** cli_fail() - print "kmemsim: TEXT" to standard error. Return: the exit status that the error stands for. */
int cli_fail(const struct err *err);

/** cli_catch_signals() - from now on SIGINT and SIGTERM only raise cli_interrupted(); a second one ends the process. */
void cli_catch_signals(void);
bool cli_interrupted(void);
/** cli_stop() - cli_interrupted() as the callback of a run; @arg is not used. */
bool cli_stop(void *arg);

/** cli_flush() - flush and check standard output. Return: 0, or the exit status when it could not be written. */
int cli_flush(void);

/**
 * cli_width() - columns of standard output: $COLUMNS, or the terminal's; 0 = it goes elsewhere,
 * where lines may be of any length.
 */
unsigned int cli_width(void);

/* A progress line on standard error: once a second, only on a terminal. Also after SIGUSR1, once, anywhere. */
struct cli_progress {
	const char *what;      /* "replay" */
	bool quiet;
	uint64_t start_ns, last_ns;
};

void cli_progress_start(struct cli_progress *progress, const char *what, bool quiet);
/** cli_progress_show() - @done of @total units of work (bytes), @events so far; @note may be NULL. Cheap if not due. */
void cli_progress_show(struct cli_progress *progress, uint64_t done, uint64_t total, uint64_t events, const char *note);
/** cli_progress_put() - @line in place of the one before, on a terminal and no wider than it. */
void cli_progress_put(const char *line);
/** cli_status_wanted() - whether SIGUSR1 has come since this was asked last. */
bool cli_status_wanted(void);
/** cli_progress_end() - clear the line. */
void cli_progress_end(struct cli_progress *progress);

#endif

/* options: values of options that several verbs have, read the same way with the same messages. */
#ifndef KMEMSIM_SIM_CLI_OPTIONS_H
#define KMEMSIM_SIM_CLI_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/units.h"
#include "configs/machine.h"
#include "reports/report.h"
#include "sim/replay.h"

#define CLI_MAX_SETS 256

/** A machine as the command line gives it: --machine and --set. */
struct cli_machine {
	const char *file;                /* NULL = all defaults */
	const char *sets[CLI_MAX_SETS];
	uint32_t nr_sets;
};

/* Keys of the options that several verbs have; -m, -o and -q are letters. A verb's own keys begin at CLI_OWN_KEY. */
enum cli_key { CLI_SET = 256, CLI_SEED, CLI_JSON, CLI_OWN_KEY };

/** What most verbs are given. @what and @optional are the verb's, the rest is the command line's. */
struct cli_given {
	const char *what;           /* what the argument is: "trace" */
	bool optional;              /* the verb does without it, too */
	const char *input, *output; /* the argument; --output */
	struct cli_machine machine; /* --machine and --set */
	bool json, quiet;
};

/**
 * cli_given() - the last of a verb's parser: takes -m, -o, -q, --set, --json and the one argument, which must be there
 * unless it is optional. What of these the verb does not list among its options argp refuses before it comes here.
 * Return: 0, or ARGP_ERR_UNKNOWN.
 */
error_t cli_given(int key, const char *text, struct argp_state *state, struct cli_given *given);

/*
 * All end the program with a message about --@name when @text is not what it says, as argp_error() does.
 */

/** cli_number() - a count such as 4096 or 64 Ki. */
uint64_t cli_number(struct argp_state *state, const char *name, const char *text);
/** cli_events() - a number of events: 1 or more. */
uint64_t cli_events(struct argp_state *state, const char *name, const char *text);
/** cli_row() - the number of a run or sample: from 1 on. */
uint64_t cli_row(struct argp_state *state, const char *name, const char *text);
/** cli_time() - simulated time such as 12.5 s. */
ns_t cli_time(struct argp_state *state, const char *name, const char *text);
/** cli_end() - the value of --to: more than 0. */
ns_t cli_end(struct argp_state *state, const char *text);
/** cli_word() - one of @words, which end in NULL. Return: its index. */
unsigned int cli_word(struct argp_state *state, const char *name, const char *text, const char *const *words);
/** cli_layer() - intent or page. */
enum replay_layer cli_layer(struct argp_state *state, const char *text);
/** cli_format() - @wanted, when @given, what stands further left, is no other than it: --csv or --json. */
enum results_format cli_format(struct argp_state *state, enum results_format given, enum results_format wanted);
/** cli_from() - where a replay begins; a marker's text is borrowed. */
void cli_from(struct argp_state *state, const char *text, struct replay_from *from);
/** cli_set() - KEY=VALUE, borrowed. */
void cli_set(struct argp_state *state, struct cli_machine *machine, const char *text);

/**
 * cli_keep_source() - ends the program with a message when @output is the file @source, under this or another name:
 * nobody wants a recording replaced by what was made of it. Either may be NULL or "-".
 */
void cli_keep_source(struct argp_state *state, const char *source, const char *output);

/**
 * cli_tell_damage() - warn of what of a damaged trace was left out. Return: the exit status;
 * 0 of one that is only cut off.
 */
int cli_tell_damage(const struct trace_damage *damage);

/** cli_machine_load() - the machine that file and settings describe; the caller frees it. Errors as machine_load(). */
int cli_machine_load(struct machine **machine, const struct cli_machine *given, struct err *err);

#endif

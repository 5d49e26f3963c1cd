/* cmd_lint: `kmemsim lint`: the rules of the kernel's interfaces that a trace's callers broke. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/word.h"
#include "configs/machine_yaml.h"
#include "reports/sqlite_recorder.h"
#include "sim/cli/cli.h"
#include "sim/cli/identity.h"
#include "sim/cli/lint_show.h"
#include "sim/cli/options.h"
#include "sim/replay.h"

/* Without a machine: more than any trace fills, so that no failed allocation hides what follows it. */
#define PLENTY "memory=64 GiB"

#define MAX_RULES 64 /* more than there are */

enum lint_key { OPT_RULE = CLI_OWN_KEY, OPT_SEVERITY };

struct lint_args {
	struct cli_given given;
	struct violations_filter filter;
};

static const struct argp_option options[] = {
	{ "machine", 'm', "FILE", 0,
		"The machine, YAML (without it: one with 64 GiB and the trace's CPUs, page size and kernel)", 0 },
	{ "set", CLI_SET, "KEY=VALUE", 0, "Change a key of the machine (may be given often)", 0 },
	{ "output", 'o', "FILE", 0, "Add the run, with its violations, to this SQLite database", 0 },
	{ "rule", OPT_RULE, "RULE", 0, "Only this rule, such as sleep_in_atomic", 1 },
	{ "severity", OPT_SEVERITY, "SEVERITY", 0,
		"Only this severity and worse: advice, notice, leak, warning, error or fatal", 1 },
	{ "json", CLI_JSON, NULL, 0, "As JSON", 2 },
	{ "quiet", 'q', NULL, 0, "No progress, no table: the exit status alone", 2 },
	{ 0 },
};

static void parse_rule(struct argp_state *state, struct lint_args *args, const char *text)
{
	const char *names[MAX_RULES];
	unsigned int nr = 0;
	char hint[128];

	for (; nr < MAX_RULES && rule_name(nr); nr++) {
		names[nr] = rule_name(nr);
		if (!strcmp(names[nr], text))
			args->filter.rule = text;
	}
	if (args->filter.rule != text)
		argp_error(state, "--rule: there is no rule \"%s\"%s docs/rules.md lists them", text,
			word_hint(text, names, nr, ";", hint, sizeof(hint)));
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct lint_args *args = state->input;

	switch (key) {
	case OPT_RULE:
		parse_rule(state, args, text);
		return 0;
	case OPT_SEVERITY:
		args->filter.severity = severity_by_name(text);
		if (args->filter.severity == NR_SEVERITIES)
			argp_error(state, "--severity: \"%s\": expected advice, notice, leak, warning, error or fatal",
				text);
		return 0;
	default:
		return cli_given(key, text, state, &args->given);
	}
}

static const struct argp argp = {
	options, parse_option, "TRACE",
	"Example: kmemsim import trace.dat -o driver.kmt\n"
	"         kmemsim lint driver.kmt --severity error\n\n"
	"Shows which rules of the kernel's interfaces the callers in a trace broke: who, in which event, how bad it is and what the"
	" kernel does then. Times are the recording's, as dmesg prints them."
	" docs/rules.md explains all rules.\v"
	"Exit status: 0 no errors (there may be warnings, notices, leaks and advice); 1 errors or fatal mistakes; 2 the trace, the"
	" machine or the command line is wrong; 3 input/output failed; 130 interrupted.",
	NULL, NULL, NULL,
};

struct lint_show {
	struct cli_progress progress;
	struct trace_reader *reader;
};

static void on_progress(void *arg, uint64_t events, uint64_t live_objects)
{
	struct lint_show *show = arg;

	(void)live_objects;
	cli_progress_show(&show->progress, trace_progress(show->reader), trace_sizes(show->reader)->bytes_file, events,
		NULL);
}

static int lint(const struct lint_args *args, const struct machine *machine, struct trace_reader *reader,
	struct recorder_violations *keeper, struct replay_result *result, struct err *err)
{
	struct lint_show show = { .reader = reader };
	struct replay_options replay = {
		.seed = 1,
		.machine = machine,
		.lint = true,
		.stop = cli_stop,
		.progress = on_progress,
		.arg = &show,
	};
	struct cli_identity id = { 0 };
	int ret = args->given.output ? cli_identify(&id, reader, machine, err) : 0;

	if (ret == 0) {
		replay.describe.trace = args->given.input;
		cli_identity_tell(&id, &replay.describe);
		cli_progress_start(&show.progress, "lint", args->given.quiet);
		ret = replay_run(&replay, reader, &keeper->recorder, result, err);
		cli_progress_end(&show.progress);
	}
	cli_identity_fini(&id);
	return ret;
}

/* Return: the exit status. */
static int lint_trace(const struct lint_args *args, const struct machine *machine, struct trace_reader *reader)
{
	struct recorder *database = recorder_none();
	struct recorder_violations keeper;
	struct replay_result result = { 0 };
	struct err err = { 0 };
	bool errors;
	int damage;
	int ret = args->given.output ? sqlite_recorder_open(&database, args->given.output, &err) : 0;

	if (ret < 0)
		return cli_fail(&err);
	recorder_violations_init(&keeper, &args->filter, database);
	ret = lint(args, machine, reader, &keeper, &result, &err);
	database->ops->close(database);
	errors = recorder_violations_worse(&keeper, SEVERITY_ERROR) > 0;
	if (ret == 0 && args->given.json)
		lint_show_json(stdout, args->given.input, &result, &keeper);
	else if (ret == 0 && !args->given.quiet)
		lint_show_table(stdout, args->given.input, &result, &keeper);
	recorder_violations_fini(&keeper);
	if (ret < 0)
		return cli_fail(&err);
	damage = cli_tell_damage(trace_damage(reader));
	ret = cli_flush();
	return ret ? ret : damage ? damage : errors;
}

/* So that all happens in the order of the trace and at its times: no interrupt overtakes what a CPU is still at. */
static void take_no_time(struct machine *machine)
{
	memset(&machine->latency, 0, sizeof(machine->latency));
	for (uint32_t i = 0; i < machine->io_ports.nr_regions; i++)
		memset(machine->io_ports.regions[i].access_ns, 0, sizeof(machine->io_ports.regions[i].access_ns));
	for (uint32_t i = 0; i < machine->io_memory.nr_regions; i++)
		machine->io_memory.regions[i].read_ns = machine->io_memory.regions[i].write_ns = 0;
}

/* A machine that all of the trace fits, unless one was named. */
static int load_machine(struct machine *machine, const struct lint_args *args, const struct trace_meta *meta,
	struct err *err)
{
	const char *sets[CLI_MAX_SETS + 4];
	char cpus[32], page_size[32];
	uint32_t nr = 0;

	if (!args->given.machine.file) {
		snprintf(cpus, sizeof(cpus), "cpus=%u", meta->cpus ? meta->cpus : 1);
		snprintf(page_size, sizeof(page_size), "page_size=%u", meta->page_size ? meta->page_size : 4096);
		sets[nr++] = PLENTY;
		sets[nr++] = cpus;
		sets[nr++] = page_size;
		if (trace_kernel_is(meta, 6,
			    7)) /* where behaviours change as probe has it (configs/probe_settings.c) */
			sets[nr++] = "kernel=6.18";
	}
	for (uint32_t i = 0; i < args->given.machine.nr_sets; i++)
		sets[nr++] = args->given.machine.sets[i];
	if (machine_load(machine, args->given.machine.file, sets, nr, err) < 0)
		return -(int)err->code;
	take_no_time(machine);
	return 0;
}

static int run_lint(int argc, char **argv)
{
	const struct trace_reader_options reading = { .thread = true, .recorded = true }; /* that preemption was off */
	struct lint_args args = { .given.what = "trace" };
	struct trace_reader *reader = NULL;
	struct machine *machine;
	struct err err = { 0 };
	int status = cli_parse(&argp, argc, argv, &args);

	if (status)
		return status;
	machine = calloc(1, sizeof(*machine));
	cli_catch_signals();
	if (!machine)
		status = cli_fail((err_set(&err, ERR_NOMEM, "no memory for a machine"), &err));
	else if (trace_open(&reader, args.given.input, &reading, &err) < 0 ||
		load_machine(machine, &args, trace_meta(reader), &err) < 0)
		status = cli_fail(&err);
	else
		status = lint_trace(&args, machine, reader);
	trace_close(reader);
	free(machine);
	return status;
}

const struct cli_command cmd_lint = { "lint", "show which rules the callers in a trace broke", run_lint };

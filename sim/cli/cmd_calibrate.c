/* kmemsim calibrate: fits the machine's costs to measured durations. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "base/word.h"
#include "configs/machine_yaml.h"
#include "sim/calibrate.h"
#include "sim/cli/cli.h"
#include "sim/cli/machine_file.h"
#include "sim/cli/options.h"

enum calibrate_key { OPT_OVERHEAD = CLI_OWN_KEY, OPT_ONLY };

struct calibrate_args {
	struct cli_given given;
	ns_t overhead;
	char *only; /* borrowed; NULL: all steps */
};

static const struct argp_option options[] = {
	{ "machine", 'm', "FILE", 0, "The machine whose costs are fitted, YAML (without it: the default one)", 0 },
	{ "output", 'o', "FILE", 0, "Write the machine with the fitted costs to FILE", 0 },
	{ "set", CLI_SET, "KEY=VALUE", 0,
		"Change a key of the machine first, such as latency.profile=vm (may be given often)", 0 },
	{ "overhead", OPT_OVERHEAD, "TIME", 0,
		"What measuring itself adds to each call, such as 900 ns of a kretprobe", 0 },
	{ "only", OPT_ONLY, "STEPS", 0,
		"Fit these steps alone and leave the others as they are, such as reclaim_page,lru_*,wake_up", 0 },
	{ "quiet", 'q', NULL, 0, "Print no table", 0 },
	{ 0 },
};

static error_t parse_arg(int key, char *text, struct argp_state *state)
{
	struct calibrate_args *args = state->input;

	switch (key) {
	case OPT_OVERHEAD:
		args->overhead = cli_time(state, "overhead", text);
		return 0;
	case OPT_ONLY:
		args->only = text;
		return 0;
	case ARGP_KEY_END:
		cli_keep_source(state, args->given.input, args->given.output);
		return cli_given(key, text, state, &args->given);
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "a SOURCE is missing: CSV, trace.dat, perf.data or their text");
		return 0;
	default:
		return cli_given(key, text, state, &args->given);
	}
}

/* Cuts the option's text at its commas. */
static int choose_steps(struct calibration *c, char *only, struct err *err)
{
	char *name;

	while ((name = strsep(&only, ","))) {
		char hint[128];

		if (!calibrate_only(c, name))
			return err_set(err, ERR_USAGE, "--only: no step is called \"%s\"%s docs/latency.md lists them",
				name, word_hint(name, machine_step_name, NR_STEPS, ";", hint, sizeof(hint)));
	}
	return 0;
}

static void print_counts(FILE *out, const char *what, const struct trace_counts *counts)
{
	uint64_t total = trace_counts_total(counts);

	if (!total)
		return;
	fprintf(out, "%" PRIu64 " %s:\n", total, what);
	for (size_t i = 0; i < counts->nr; i++)
		fprintf(out, "  %10" PRIu64 "  %s\n", counts->rows[i].count, counts->rows[i].reason);
}

static void print_steps(FILE *out, const struct calibration *c, enum calibrate_how how)
{
	for (int step = 0; step < NR_STEPS; step++) {
		const struct calibrate_step *s = &c->steps[step];
		const char *note = !s->after_ns && s->before_ns ? "  nothing left" :
			how == CALIBRATE_SHARED                 ? "  shared" :
								  "";

		if (s->how == how)
			fprintf(out, "%-24s %10u %10u %10" PRIu64 " %8.1f %%%s\n", machine_step_name[step],
				s->before_ns, s->after_ns, s->calls, 100 * s->residual, note);
	}
}

static uint32_t count_steps(const struct calibration *c, enum calibrate_how how)
{
	uint32_t nr = 0;

	for (int step = 0; step < NR_STEPS; step++)
		nr += c->steps[step].how == how;
	return nr;
}

static void print_result(FILE *out, const struct calibration *c)
{
	uint32_t not_seen = count_steps(c, CALIBRATE_NOT_SEEN), listed = 0;

	fprintf(out, "%" PRIu64 " calls of %u kinds, median %.2f times what the machine file says\n\n", c->calls,
		c->nr_groups, c->ratio);
	fprintf(out, "%-24s %10s %10s %10s %10s\n", "step", "before ns", "after ns", "calls", "residual");
	print_steps(out, c, CALIBRATE_MEASURED);
	print_steps(out, c, CALIBRATE_SHARED);
	if (count_steps(c, CALIBRATE_SHARED))
		fputs("\nshared: seen only together with larger steps: stays near the machine file's cost, scaled\n",
			out);
	if (c->narrowed) {
		fputs("\nAll other steps are as they were.\n", out);
		return;
	}
	fprintf(out, "\n%u steps could not be determined; they are scaled by %.2f, but for those of devices:\n ",
		not_seen, c->ratio);
	for (int step = 0; step < NR_STEPS; step++)
		if (c->steps[step].how == CALIBRATE_NOT_SEEN)
			fprintf(out, "%s%s", listed++ % 6 ? " " : listed > 1 ? "\n  " : " ", machine_step_name[step]);
	fputc('\n', out);
}

static int write_fitted(const struct calibrate_args *args, const struct calibration *c, struct machine *machine,
	struct err *err)
{
	char comment[4096];

	char *initial = machine->initial[0] ? realpath(machine->initial, NULL) : NULL;

	/* A relative one would be meant from the folder of the new file. */
	if (initial)
		snprintf(machine->initial, sizeof(machine->initial), "%s", initial);
	free(initial);
	for (int step = 0; step < NR_STEPS; step++)
		machine->latency.step_ns[step] = c->steps[step].after_ns;
	machine->latency.reclaim_pace = RECLAIM_PACE_TABLE;
	snprintf(comment, sizeof(comment),
		"# Costs fitted by kmemsim calibrate to %s: %u steps measured, %u shared, %u %s.\n", args->given.input,
		count_steps(c, CALIBRATE_MEASURED), count_steps(c, CALIBRATE_SHARED),
		count_steps(c, CALIBRATE_NOT_SEEN), c->narrowed ? "as they were" : "scaled");
	return machine_file_write(args->given.output, comment, machine, err);
}

/* The table goes to standard error when the machine takes standard output. */
static int calibrate(struct calibrate_args *args, struct machine *machine, struct err *err)
{
	FILE *out = args->given.output && !strcmp(args->given.output, "-") ? stderr : stdout;
	struct trace_meta meta = { 0 };
	struct calibration c;
	struct durations d;
	int status = 0;

	calibrate_init(&c, machine, (double)args->overhead);
	durations_init(&d, calibrate_add, &c, &meta);
	if (choose_steps(&c, args->only, err) < 0 || durations_read(&d, args->given.input, err) < 0)
		status = cli_fail(err);
	else
		print_counts(stderr, "lines could not be used", &meta.unusable);
	if (!status)
		print_counts(stderr, "recorded calls are not used", &d.unused.ignored);
	if (!status && calibrate_fit(&c, err) < 0) {
		err_context(err, "%s", args->given.input);
		status = cli_fail(err);
	}
	if (!status && !args->given.quiet)
		print_result(out, &c);
	if (!status && args->given.output)
		status = write_fitted(args, &c, machine, err);
	durations_fini(&d);
	calibrate_fini(&c);
	trace_meta_fini(&meta);
	return status ? status : cli_flush();
}

static int run_calibrate(int argc, char **argv)
{
	static const struct argp argp = { options, parse_arg, "SOURCE",
		"Example: kmemsim calibrate measured.csv -m machine.yaml -o calibrated.yaml\n\n"
		"Fits the costs under `latency:` of a machine to how long calls took on a real one. SOURCE is CSV with the columns "
		"op,duration_ns and, if wanted, size,order,path; or a trace.dat, perf.data or their text with function_graph, "
		"with probes on entry and return, or with the events of reclaim.\v"
		"docs/latency.md tells which calls say what, and how to record them.\n\n"
		"Exit status: 0 done; 2 the source, the machine or the command line is wrong; 3 input/output.", NULL, NULL, NULL };
	struct calibrate_args args = { .given.what = "source" };
	struct err err = { 0 };
	struct machine *machine;
	int status = cli_parse(&argp, argc, argv, &args);

	if (status)
		return status;
	if (cli_machine_load(&machine, &args.given.machine, &err) < 0)
		return cli_fail(&err);
	status = calibrate(&args, machine, &err);
	free(machine);
	return status;
}

const struct cli_command cmd_calibrate = {
	.name = "calibrate",
	.summary = "fit a machine's costs to measured durations: CSV, function_graph, probes",
	.run = run_calibrate,
};

#include <stdlib.h>

#include "reports/merge.h"
#include "sim/cli/cli.h"
#include "sim/cli/options.h"

static const char doc[] =
	"Example: kmemsim merge part-1.db part-2.db -o results.db\n"
	"         kmemsim merge part-*.db -o results.db      again: adds what is new\n\n"
	"Makes one results database of several, as the shards of a sweep are at its end.\n\n"
	"Runs of the same trace, configuration, seed, version and settings are one run: it is taken once, and a finished one replaces"
	" one that was cut short. When two finished ones differ, they are named, nothing is merged and the exit status is 2.\v"
	"Exit status: 0 done; 2 runs contradict, a file is no results database or the command line is wrong;"
	" 3 input/output; 130 interrupted: nothing is merged.";

static const struct argp_option options[] = {
	{ "output", 'o', "RESULTS", 0, "The database to make or to add to", 0 },
	{ "quiet", 'q', NULL, 0, "No summary", 0 },
	{ 0 },
};

struct arguments {
	struct cli_given given; /* but for the parts */
	const char **parts;     /* owned */
	size_t nr_parts;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *args = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		args->parts[args->nr_parts++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (args->nr_parts == 0)
			argp_usage(state);
		if (!args->given.output)
			argp_error(state, "-o RESULTS is missing: where the runs go");
		return 0;
	default:
		return cli_given(key, arg, state, &args->given);
	}
}

static void print_summary(const struct arguments *args, const struct merge_summary *s)
{
	fprintf(stderr, "%s: %zu run%s: %zu new from %zu part%s, %zu completed, %zu there already\n",
		args->given.output, s->runs, s->runs == 1 ? "" : "s", s->added, args->nr_parts,
		args->nr_parts == 1 ? "" : "s", s->replaced, s->present);
	if (s->unfinished)
		fprintf(stderr, "%s: %zu of them did not finish: `kmemsim query %s runs` names them\n",
			args->given.output, s->unfinished, args->given.output);
}

static int run(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options, .parser = parse, .args_doc = "PART... -o RESULTS", .doc = doc
	};
	struct arguments args = { .parts = calloc((size_t)argc, sizeof(*args.parts)) };
	struct merge_summary summary;
	struct err err;
	int ret;

	if (!args.parts) {
		err_set(&err, ERR_NOMEM, "no memory");
		return cli_fail(&err);
	}
	ret = cli_parse(&argp, argc, argv, &args);
	cli_catch_signals();
	if (ret == 0 && merge_results(args.parts, args.nr_parts, args.given.output, cli_stop, &summary, &err) < 0)
		ret = cli_fail(&err);
	else if (ret == 0 && !args.given.quiet)
		print_summary(&args, &summary);
	free(args.parts);
	return ret;
}

const struct cli_command cmd_merge = { "merge", "make one results database of several", run };

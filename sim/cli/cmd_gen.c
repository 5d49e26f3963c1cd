/* cmd_gen: `kmemsim gen`: a workload file into a trace. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/cli/cli.h"
#include "sim/cli/options.h"
#include "sim/gen.h"

enum gen_key { OPT_DURATION = CLI_OWN_KEY, OPT_EVENTS, OPT_PARSE_ONLY };

struct gen_args {
	struct cli_given given;
	struct gen_options options;
	uint64_t seed;
	ns_t duration_ns;            /* the whole, for progress; 0 = not known */
	uint64_t events;
	bool parse_only;
	struct cli_progress progress;
};

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0, "The trace to write; - is standard output", 0 },
	{ "seed", CLI_SEED, "N", 0, "In place of the workload's: another seed is another trace of the same kind", 0 },
	{ "duration", OPT_DURATION, "TIME", 0, "Length of the trace, such as 60 s, in place of the workload's", 0 },
	{ "events", OPT_EVENTS, "N", 0, "Number of events, such as 10 Mi, in place of the workload's length", 0 },
	{ "parse-only", OPT_PARSE_ONLY, NULL, 0, "Check the workload and stop", 1 },
	{ "quiet", 'q', NULL, 0, "No progress, no summary", 1 },
	{ 0 },
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct gen_args *args = state->input;

	switch (key) {
	case CLI_SEED:
		args->seed = cli_number(state, "seed", text);
		args->options.seed = &args->seed;
		return 0;
	case OPT_DURATION:
		args->options.duration_ns = cli_time(state, "duration", text);
		if (!args->options.duration_ns)
			argp_error(state, "--duration: at least 1 ns");
		return 0;
	case OPT_EVENTS:
		args->options.events = cli_number(state, "events", text);
		if (!args->options.events)
			argp_error(state, "--events: at least 1");
		return 0;
	case OPT_PARSE_ONLY:
		args->parse_only = true;
		return 0;
	case ARGP_KEY_END:
		if (args->given.input && !args->given.output && !args->parse_only)
			argp_error(state, "where to? -o TRACE.kmt");
		cli_keep_source(state, args->given.input, args->given.output);
		return cli_given(key, text, state, &args->given);
	default:
		return cli_given(key, text, state, &args->given);
	}
}

static const struct argp argp = {
	options, parse_option, "WORKLOAD.yaml",
	"Example: kmemsim gen network-server.yaml -o net.kmt\n"
	"         kmemsim gen network-server.yaml -o long.kmt --events '10 Mi' --seed 7\n\n"
	"Makes a trace of what a workload file describes: who asks for which memory how often, how large it is and how long it "
	"lives. The same file and seed give the same bytes everywhere. docs/workloads.md explains the file; "
	"configs/workloads/ has some ready to use. \"-\" is standard input.\v"
	"Exit status: 0 done; 2 the workload or the command line is wrong; 3 input/output; 130 interrupted. "
	"Nothing appears under the output's name before it is whole.",
	NULL, NULL, NULL,
};

static int on_progress(void *arg, ns_t now_ns, uint64_t events)
{
	struct gen_args *args = arg;

	if (args->duration_ns)
		cli_progress_show(&args->progress, now_ns, args->duration_ns, events, NULL);
	else
		cli_progress_show(&args->progress, events, args->events, events, NULL);
	return cli_interrupted();
}

static void print_summary(const struct gen_args *args, const struct trace_meta *meta)
{
	char length[32];

	fprintf(stderr, "written      %" PRIu64 " events over %s to %s\n", meta->events,
		units_format_time_short(meta->last_ns, length, sizeof(length)), args->given.output);
	if (meta->prologue_events)
		fprintf(stderr, "before       %" PRIu64 " caches that are there from the beginning\n",
			meta->prologue_events);
	fprintf(stderr, "objects      at most %u at a time\n", meta->slots);
}

/* The plan is made and thrown away: into a trace that nobody gets. */
static int check_only(struct workload *workload, const struct gen_args *args, struct err *err)
{
	struct trace_writer *writer;
	struct gen_plan plan = { 0 };
	int ret = trace_writer_open(&writer, "-", NULL, err);

	if (ret < 0)
		return ret;
	ret = gen_plan(&plan, workload, &args->options, writer, err);
	gen_plan_fini(&plan);
	trace_writer_abort(writer);
	return ret;
}

static int write_trace(struct workload *workload, struct gen_args *args, struct err *err)
{
	bool own = !args->options.duration_ns && !args->options.events;
	struct trace_meta meta;
	int ret;

	args->duration_ns = own ? workload->duration_ns : args->options.duration_ns;
	args->events = own ? workload->events : args->options.events;
	args->options.progress = on_progress;
	args->options.progress_arg = args;
	cli_catch_signals();
	cli_progress_start(&args->progress, "gen", args->given.quiet);
	ret = gen_trace(workload, args->given.output, &args->options, &meta, err);
	cli_progress_end(&args->progress);
	if (ret < 0)
		return ret;
	if (!args->given.quiet)
		print_summary(args, &meta);
	trace_meta_fini(&meta);
	return 0;
}

static int run_gen(int argc, char **argv)
{
	struct gen_args args = { .given.what = "workload" };
	struct workload *workload = NULL;
	struct err err = { 0 };
	int status = cli_parse(&argp, argc, argv, &args);
	int ret;

	if (status)
		return status;
	ret = workload_load(&workload, args.given.input, &err);
	if (ret == 0)
		ret = args.parse_only ? check_only(workload, &args, &err) : write_trace(workload, &args, &err);
	workload_free(workload);
	return ret < 0 ? cli_fail(&err) : cli_flush();
}

const struct cli_command cmd_gen = {
	.name = "gen",
	.summary = "make a trace of a workload that you describe",
	.run = run_gen,
};

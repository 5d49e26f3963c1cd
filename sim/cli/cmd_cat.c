/* kmemsim cat: the events of a trace as text. */
#include <string.h>

#include "sim/cli/cli.h"
#include "sim/cli/options.h"
#include "traces/print.h"

struct cat_args {
	struct cli_given given;
	struct print_options print;
	struct trace_reader_options reader;
};

enum { OPTION_FROM = CLI_OWN_KEY, OPTION_TO, OPTION_SKIP, OPTION_LIMIT, OPTION_RECORDED };

static const char *const format_names[] = { [PRINT_TEXT] = "text", [PRINT_CSV] = "csv", [PRINT_JSONL] = "jsonl", NULL };

static error_t parse_arg(int key, char *arg, struct argp_state *state)
{
	struct cat_args *args = state->input;

	switch (key) {
	case 'f':
		args->print.format = (enum print_format)cli_word(state, "format", arg, format_names);
		return 0;
	case OPTION_FROM:
		args->reader.from_ns = cli_time(state, "from", arg);
		return 0;
	case OPTION_TO:
		args->reader.to_ns = cli_end(state, arg);
		return 0;
	case OPTION_SKIP:
		args->reader.skip = cli_number(state, "skip", arg);
		return 0;
	case OPTION_LIMIT:
		args->reader.limit = cli_events(state, "limit", arg);
		return 0;
	case OPTION_RECORDED:
		args->reader.recorded = args->print.recorded = true;
		return 0;
	default:
		return cli_given(key, arg, state, &args->given);
	}
}

static int print_trace(const struct cat_args *args)
{
	struct trace_reader *trace;
	struct err err = { 0 };
	int status;

	if (trace_open(&trace, args->given.input, &args->reader, &err) < 0)
		return cli_fail(&err);
	status = trace_print(trace, &args->print, stdout, &err) < 0 && !ferror(stdout) ? cli_fail(&err) : cli_flush();
	if (!status && trace_damage(trace)->text[0]) {
		err_set(&err, ERR_TRACE, "%s", trace_damage(trace)->text);
		status = cli_fail(&err);
	}
	trace_close(trace);
	return status;
}

static int run_cat(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "format", 'f', "FORMAT", 0,
			"text (for people; the default), csv or jsonl (`kmemsim import` reads both)", 0 },
		{ "from", OPTION_FROM, "TIME", 0, "leave out events before TIME of the trace (\"12.5 s\", or ns)", 1 },
		{ "to", OPTION_TO, "TIME", 0, "stop before the first event at or after TIME", 1 },
		{ "skip", OPTION_SKIP, "N", 0, "leave out the first N events (of those from --from on)", 1 },
		{ "limit", OPTION_LIMIT, "N", 0, "print at most N events", 1 },
		{ "recorded", OPTION_RECORDED, NULL, 0,
			"with recorded addresses, page frames and contexts, if the trace has them", 2 },
		{ 0 },
	};
	static const struct argp argp = { options, parse_arg, "TRACE.kmt",
		"Example: kmemsim cat boot.kmt --from '2 s' --limit 100\n"
		"         kmemsim cat boot.kmt --skip 48261 --limit 1     event 48261 of a lint\n"
		"         kmemsim cat boot.kmt --format jsonl > boot.jsonl\n\n"
		"Prints the events of a trace. First come those that set up what is older than the trace, but as text with --from or"
		" --skip. \"-\" is standard input.\v"
		"Exit status: 0; 2 when the file is no trace, or is cut off or damaged (what is whole before the damage is printed "
		"still); 3 when it cannot be read or the output not be written.", NULL, NULL, NULL };
	struct cat_args args = { .given.what = "trace", .reader = { .thread = true } };
	int status = cli_parse(&argp, argc, argv, &args);

	/* Who looks for an event does not look for thousands that set up what is older; an import needs them. */
	args.print.events_only = args.print.format == PRINT_TEXT && (args.reader.skip || args.reader.from_ns);
	return status ? status : print_trace(&args);
}

const struct cli_command cmd_cat = {
	.name = "cat",
	.summary = "print the events of a trace as text, CSV or JSONL",
	.run = run_cat,
};

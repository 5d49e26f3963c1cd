/* kmemsim info: what is in a trace file, without reading its events. */
#include <string.h>

#include "sim/cli/cli.h"
#include "sim/cli/options.h"
#include "traces/print.h"

static error_t parse_arg(int key, char *arg, struct argp_state *state)
{
	return cli_given(key == 'j' ? CLI_JSON : key, arg, state, state->input);
}

static int run_info(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "json", 'j', NULL, 0, "as one JSON object", 0 },
		{ 0 },
	};
	static const struct argp argp = { options, parse_arg, "TRACE.kmt",
		"Example: kmemsim info boot.kmt --json\n\n"
		"Tells what was recorded, how many events of which kind it holds, what the import adopted, repaired, ignored and "
		"could not use, and how large the file is. \"-\" is standard input.\v"
		"Exit status: 0; 2 when the file is no trace, is cut off, or is damaged outside of its events, which are not read: `gzip -t` "
		"and `cat` find damage there (what is known is printed still); 3 when it cannot be read.", NULL, NULL, NULL };
	struct cli_given given = { .what = "trace" };
	struct trace_reader *trace;
	struct err err = { 0 };
	int status = cli_parse(&argp, argc, argv, &given);
	int ret;

	if (status)
		return status;
	if (trace_open(&trace, given.input, NULL, &err) < 0)
		return cli_fail(&err);
	ret = given.json ? trace_info_json(trace, stdout, &err) : trace_info_text(trace, stdout, &err);
	status = ret < 0 ? cli_fail(&err) : cli_flush();
	if (!status && trace_damage(trace)->text[0]) {
		err_set(&err, ERR_TRACE, "%s", trace_damage(trace)->text);
		status = cli_fail(&err);
	}
	trace_close(trace);
	return status;
}

const struct cli_command cmd_info = {
	.name = "info",
	.summary = "tell what is in a trace",
	.run = run_info,
};

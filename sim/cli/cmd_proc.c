#include "reports/report.h"
#include "sim/cli/cli.h"
#include "sim/cli/options.h"

static const char doc[] =
	"Example: kmemsim proc results.db --file buddyinfo\n"
	"         kmemsim proc results.db --file slabinfo --run 2\n\n"
	"Shows a file of /proc as the modelled kernel would, byte for byte in the kernel's format.\n\n"
	"Files: buddyinfo, pagetypeinfo, slabinfo, zoneinfo (zones, without statistics of nodes and CPUs), vmallocinfo, iomem, ioports, and"
	" unusable_index and extfrag_index of debugfs. `kmemsim query results.db samples` lists the samples.\v"
	"Exit status: 0 done; 2 there is no such file, run or sample, the file is no results database or the command line is wrong; 3"
	" input/output.";

enum { KEY_FILE = CLI_OWN_KEY, KEY_RUN, KEY_SAMPLE };

static const struct argp_option options[] = {
	{ "file", KEY_FILE, "NAME", 0, "Which file", 0 },
	{ "run", KEY_RUN, "ID", 0, "This run instead of the latest", 0 },
	{ "sample", KEY_SAMPLE, "ID", 0, "At this sample instead of the run's last", 0 },
	{ 0 },
};

struct arguments {
	struct cli_given given;
	const char *file;
	uint64_t run, sample; /* 0 = the latest, the last */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *args = state->input;

	switch (key) {
	case KEY_FILE:
		args->file = arg;
		return 0;
	case KEY_RUN:
		args->run = cli_row(state, "run", arg);
		return 0;
	case KEY_SAMPLE:
		args->sample = cli_row(state, "sample", arg);
		return 0;
	case ARGP_KEY_END:
		if (args->given.input && !args->file)
			argp_error(state,
				"which file? --file buddyinfo, pagetypeinfo, slabinfo, zoneinfo, vmallocinfo, iomem, ioports,"
				" unusable_index or extfrag_index");
		return cli_given(key, arg, state, &args->given);
	default:
		return cli_given(key, arg, state, &args->given);
	}
}

static int run(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options, .parser = parse, .args_doc = "RESULTS --file NAME", .doc = doc
	};
	struct arguments args = { .given.what = "database" };
	struct results *results;
	struct err err;
	int ret = cli_parse(&argp, argc, argv, &args);

	if (ret)
		return ret;
	if (results_open(&results, args.given.input, &err) < 0)
		return cli_fail(&err);
	ret = report_proc(results, args.file, (int64_t)args.run, (int64_t)args.sample, stdout, &err);
	results_close(results);
	return ret < 0 ? cli_fail(&err) : cli_flush();
}

const struct cli_command cmd_proc = { "proc", "show a file of /proc of the modelled kernel", run };

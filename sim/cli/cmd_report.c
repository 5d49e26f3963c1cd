#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "reports/report.h"
#include "sim/cli/cli.h"
#include "sim/cli/options.h"

static const char doc[] =
	"Example: kmemsim report results.db                  the latest run\n"
	"         kmemsim report results.db --run 3 | less\n"
	"         kmemsim report results.db --json > run.json\n\n"
	"Reports what a run did to memory and to time, what matters most first. As JSON it has all figures, and the same inputs give the"
	" same bytes.\v"
	"Exit status: 0 done; 2 there is no such run, the file is no results database or the command line is wrong; 3 input/output.";

enum { KEY_RUN = CLI_OWN_KEY };

static const struct argp_option options[] = {
	{ "run", KEY_RUN, "ID", 0, "This run instead of the latest", 0 },
	{ "json", CLI_JSON, NULL, 0, "As JSON", 0 },
	{ 0 },
};

struct arguments {
	struct cli_given given;
	uint64_t run; /* 0 = the latest */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *args = state->input;

	switch (key) {
	case KEY_RUN:
		args->run = cli_row(state, "run", arg);
		return 0;
	default:
		return cli_given(key, arg, state, &args->given);
	}
}

/* https://no-color.org: any value that is not empty turns colour off. */
static bool wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color);
}

static unsigned int terminal_width(void)
{
	struct winsize size;

	return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static int run(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options, .parser = parse, .args_doc = "RESULTS", .doc = doc
	};
	struct arguments args = { .given.what = "database" };
	struct report_options how = { .colour = wants_colour(), .width = terminal_width() };
	struct results *results;
	struct err err;
	int ret = cli_parse(&argp, argc, argv, &args);

	if (ret)
		return ret;
	if (results_open(&results, args.given.input, &err) < 0)
		return cli_fail(&err);
	how.run = (int64_t)args.run;
	how.json = args.given.json;
	ret = report_text(results, &how, stdout, &err);
	results_close(results);
	return ret < 0 ? cli_fail(&err) : cli_flush();
}

const struct cli_command cmd_report = { "report", "report what a run did to memory and to time", run };

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reports/report.h"
#include "sim/cli/cli.h"
#include "sim/cli/options.h"
#include "sim/cli/whole_file.h"

static const char doc[] =
	"Example: kmemsim report results.db                  the latest run\n"
	"         kmemsim report results.db --run 3 | less\n"
	"         kmemsim report results.db --html run.html\n"
	"         kmemsim report results.db --json > run.json\n\n"
	"Reports what a run did to memory and to time, what matters most first. As JSON it has all figures, and the same inputs give the"
	" same bytes.\v"
	"Exit status: 0 done; 2 there is no such run, the file is no results database or the command line is wrong; 3 input/output.";

enum { KEY_RUN = CLI_OWN_KEY, KEY_ASCII, KEY_HTML };

static const struct argp_option options[] = {
	{ "run", KEY_RUN, "ID", 0, "This run instead of the latest", 0 },
	{ "json", CLI_JSON, NULL, 0, "As JSON", 0 },
	{ "html", KEY_HTML, "FILE", 0, "As a page of HTML in FILE (- = standard output)", 0 },
	{ "ascii", KEY_ASCII, NULL, 0, "Charts in ASCII (as on a terminal whose locale is not UTF-8)", 0 },
	{ 0 },
};

struct arguments {
	struct cli_given given;
	uint64_t run; /* 0 = the latest */
	bool ascii;
	const char *html; /* where to; NULL = no page */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *args = state->input;

	switch (key) {
	case KEY_RUN:
		args->run = cli_row(state, "run", arg);
		return 0;
	case KEY_ASCII:
		args->ascii = true;
		return 0;
	case KEY_HTML:
		args->html = arg;
		return 0;
	case ARGP_KEY_END:
		if (args->given.json + (args->html != NULL) + args->ascii > 1)
			argp_error(state, "--json, --html or --ascii: one of them");
		cli_keep_source(state, args->given.input, args->html);
		return cli_given(key, arg, state, &args->given);
	default:
		return cli_given(key, arg, state, &args->given);
	}
}

/* https://no-color.org: any value that is not empty turns colour off. */
static bool wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) && terminal && strcmp(terminal, "dumb");
}

/* What goes into a file or a pipe is the same everywhere; numbers never follow a locale. */
static bool wants_ascii(void)
{
	bool ascii;

	if (!isatty(STDOUT_FILENO) || !setlocale(LC_CTYPE, ""))
		return false;
	ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
	setlocale(LC_CTYPE, "C");
	return ascii;
}

static int write_html(struct results *results, const struct report_options *how, const char *path, struct err *err)
{
	struct whole_file file;
	int ret = whole_file_open(&file, path, err);

	if (ret < 0)
		return ret;
	ret = report_html(results, how, file.out, err);
	if (ret < 0) {
		whole_file_discard(&file);
		return ret;
	}
	return whole_file_close(&file, err);
}

static int run(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options, .parser = parse, .args_doc = "RESULTS", .doc = doc
	};
	struct arguments args = { .given.what = "database" };
	struct report_options how = { .colour = wants_colour(), .width = cli_width() };
	struct results *results;
	struct err err;
	int ret = cli_parse(&argp, argc, argv, &args);

	if (ret)
		return ret;
	if (results_open(&results, args.given.input, &err) < 0)
		return cli_fail(&err);
	how.run = (int64_t)args.run;
	how.json = args.given.json;
	if (args.html)
		ret = write_html(results, &how, args.html, &err);
	else if (!how.json && (args.ascii || wants_ascii()))
		ret = report_ascii(results, &how, stdout, &err);
	else
		ret = report_text(results, &how, stdout, &err);
	results_close(results);
	return ret < 0 ? cli_fail(&err) : cli_flush();
}

const struct cli_command cmd_report = { "report", "report what a run did to memory and to time", run };

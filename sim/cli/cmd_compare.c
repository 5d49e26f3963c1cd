#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "reports/compare.h"
#include "sim/cli/cli.h"
#include "sim/cli/options.h"

static const char doc[] =
	"Example: kmemsim compare results.db 1 7             two runs of one database\n"
	"         kmemsim compare before.db after.db         the latest run of each\n"
	"         kmemsim compare before.db:3 after.db:1 --over 5%\n\n"
	"Compares two runs: what they were given, and what came of it, largest relative difference first."
	" Times of the wall clock and hosts take no part.\v"
	"Exit status: 0 the results are equal; 1 they differ; 2 there is no such run, the file is no results database or the command"
	" line is wrong; 3 input/output.";

enum { KEY_CSV = 0x100, KEY_JSON, KEY_OVER };

static const struct argp_option options[] = {
	{ "csv", KEY_CSV, NULL, 0, "Comma-separated values with a line of names", 0 },
	{ "json", KEY_JSON, NULL, 0, "As JSON", 0 },
	{ "over", KEY_OVER, "SHARE", 0,
		"Only results that differ by more than SHARE of the first run's (\"5%\", \"0.05\")", 0 },
	{ 0 },
};

struct arguments {
	const char *words[3];
	unsigned int nr_words;
	struct compare_options compare;
};

static double parse_share(struct argp_state *state, const char *text)
{
	char *end;
	double share = strtod(text, &end);

	if (end != text && !strcmp(end + strspn(end, " "), "%"))
		share /= 100;
	else if (end == text || *end)
		share = -1;
	if (!(share >= 0))
		argp_error(state, "--over %s: expected a share such as 5%% or 0.05", text);
	return share;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *args = state->input;

	switch (key) {
	case KEY_CSV:
		args->compare.format = cli_format(state, args->compare.format, RESULTS_CSV);
		return 0;
	case KEY_JSON:
		args->compare.format = cli_format(state, args->compare.format, RESULTS_JSON);
		return 0;
	case KEY_OVER:
		args->compare.over = parse_share(state, arg);
		return 0;
	case ARGP_KEY_ARG:
		if (args->nr_words == 3)
			argp_usage(state);
		args->words[args->nr_words++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (args->nr_words < 2)
			argp_error(state, "which runs? RESULTS RUN RUN, or RESULTS[:RUN] RESULTS[:RUN]");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Return: the number of a run, 0 when @word is none. */
static int64_t run_number(const char *word)
{
	uint64_t number;

	return units_parse_count(word, &number) == 0 && number <= INT64_MAX ? (int64_t)number : 0;
}

/* "FILE" or "FILE:RUN". @copy: room for the file's name. */
static struct compare_side parse_side(char *copy)
{
	struct compare_side side = { .path = copy };
	char *colon = strrchr(copy, ':');

	if (access(copy, F_OK) < 0 && colon && run_number(colon + 1)) {
		side.run = run_number(colon + 1);
		*colon = 0;
	}
	return side;
}

static int compare_sides(const struct arguments *args, const struct compare_side *a, const struct compare_side *b)
{
	struct err err;
	bool equal;
	int status;

	if (compare_runs(a, b, &args->compare, stdout, &equal, &err) < 0)
		return cli_fail(&err);
	status = cli_flush();
	return status ? status : !equal;
}

static int compare_files(const struct arguments *args)
{
	char *left = strdup(args->words[0]), *right = strdup(args->words[1]);
	struct err err;
	int status;

	if (left && right) {
		struct compare_side a = parse_side(left), b = parse_side(right);

		status = compare_sides(args, &a, &b);
	} else {
		err_set(&err, ERR_NOMEM, "no memory");
		status = cli_fail(&err);
	}
	free(left);
	free(right);
	return status;
}

static int run(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "RESULTS RUN RUN\nRESULTS[:RUN] RESULTS[:RUN]",
		.doc = doc,
	};
	struct arguments args = { .compare.width = cli_width() };
	struct compare_side a, b;
	struct err err;
	int ret = cli_parse(&argp, argc, argv, &args);

	if (ret)
		return ret;
	if (args.nr_words == 2 && run_number(args.words[1]) && access(args.words[1], F_OK) < 0) {
		err_set(&err, ERR_USAGE, "compare: run %s with which other run of %s?", args.words[1], args.words[0]);
		return cli_fail(&err);
	}
	if (args.nr_words == 2)
		return compare_files(&args);
	a = (struct compare_side){ .path = args.words[0], .run = run_number(args.words[1]) };
	b = (struct compare_side){ .path = args.words[0], .run = run_number(args.words[2]) };
	if (!a.run || !b.run) {
		err_set(&err, ERR_USAGE, "compare: \"%s\": expected the number of a run", args.words[a.run ? 2 : 1]);
		return cli_fail(&err);
	}
	return compare_sides(&args, &a, &b);
}

const struct cli_command cmd_compare = { "compare", "compare two runs", run };

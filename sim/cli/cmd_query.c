#include <limits.h>

#include "reports/report.h"
#include "sim/cli/cli.h"
#include "sim/cli/options.h"

static const char doc[] =
	"Example: kmemsim query results.db                   lists the queries\n"
	"         kmemsim query results.db latency --run 3   as a table\n"
	"         kmemsim query results.db caches --csv > caches.csv\n"
	"         kmemsim query results.db best --by free_pages_lowest\n"
	"         kmemsim query results.db pareto --by memory,failed\n"
	"         kmemsim query results.db sensitivity       which key moves what most\n\n"
	"Runs a named query on a results database; it answers for all runs, with run_id in front. "
	"FIGURE is a column of `kmemsim query results.db sweep`: a figure, or a swept key whose values are numbers. The query knows"
	" whether more of a figure is better (free pages) or worse (all else); FIGURE:min and FIGURE:max say it. Where runs"
	" have pages of several sizes, figures in pages are shown and compared in bytes (free_bytes for free_pages).\n"
	"Any other question: sqlite3 results.db. Tables and views are described in reports/schema.sql, and by"
	" `sqlite3 results.db .schema`.\v"
	"Exit status: 0 done; 2 there is no such query, the file is no results database or the command line is wrong; 3 input/output.";

enum { KEY_CSV = 0x100, KEY_JSON, KEY_BY, KEY_LIMIT, KEY_RUN };

static const struct argp_option options[] = {
	{ "csv", KEY_CSV, NULL, 0, "Comma-separated values with a line of names", 0 },
	{ "json", KEY_JSON, NULL, 0, "An array with one object per row", 0 },
	{ "by", KEY_BY, "FIGURE", 0, "best, worst, sensitivity: by this figure; pareto: by two, A,B", 0 },
	{ "run", KEY_RUN, "ID", 0, "Only rows of this run", 0 },
	{ "limit", KEY_LIMIT, "N", 0, "At most N rows (best and worst: 10 unless told)", 0 },
	{ 0 },
};

struct arguments {
	const char *path, *name;
	struct query_options query;
};

static unsigned int parse_limit(struct argp_state *state, const char *text)
{
	uint64_t limit = cli_number(state, "limit", text);

	if (limit < 1 || limit > UINT_MAX)
		argp_error(state, "--limit %s: expected a number of rows", text);
	return (unsigned int)limit;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *args = state->input;

	switch (key) {
	case KEY_CSV:
		args->query.format = cli_format(state, args->query.format, RESULTS_CSV);
		return 0;
	case KEY_JSON:
		args->query.format = cli_format(state, args->query.format, RESULTS_JSON);
		return 0;
	case KEY_BY:
		args->query.by = arg;
		return 0;
	case KEY_RUN:
		args->query.run = (int64_t)cli_row(state, "run", arg);
		return 0;
	case KEY_LIMIT:
		args->query.limit = parse_limit(state, arg);
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 1)
			argp_usage(state);
		*(state->arg_num == 0 ? &args->path : &args->name) = arg;
		return 0;
	case ARGP_KEY_END:
		if (!args->path)
			argp_error(state, "which database?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int run(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options, .parser = parse, .args_doc = "RESULTS [NAME]", .doc = doc
	};
	struct arguments args = { .query = { .format = RESULTS_TABLE, .width = cli_width() } };
	struct results *results;
	struct err err;
	int ret = cli_parse(&argp, argc, argv, &args);

	if (ret)
		return ret;
	if (results_open(&results, args.path, &err) < 0)
		return cli_fail(&err);
	ret = results_query(results, args.name, &args.query, stdout, &err);
	results_close(results);
	return ret < 0 ? cli_fail(&err) : cli_flush();
}

const struct cli_command cmd_query = { "query", "run a named query on results", run };

/* cmd_sweep: `kmemsim sweep`: many runs of a machine that varies. */
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/wall_clock.h"
#include "reports/done_runs.h"
#include "reports/sqlite_recorder.h"
#include "sim/cli/cli.h"
#include "sim/cli/options.h"
#include "sim/sweep.h"

#define MAX_WORKERS 1024
#define BAR_WIDTH 24
#define TERMINAL_INTERVAL_NS 200000000u
#define LOG_INTERVAL_NS 10000000000u /* where no terminal shows a bar */

enum sweep_key {
	OPT_RESUME = CLI_OWN_KEY,
	OPT_SHARD,
	OPT_DRY_RUN,
	OPT_PARSE_ONLY,
};

struct sweep_args {
	struct cli_given given;    /* without an output: the sweep's name and ".db" */
	char *own_output;          /* owned: that */
	uint32_t jobs;             /* as given; 0 = not */
	uint32_t workers;
	uint32_t shard, nr_shards; /* 1 of 1 without --shard */
	bool resume, dry_run, parse_only;
};

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0, "Add the runs to this SQLite database (without it: the sweep's name and .db)", 0 },
	{ "jobs", 'j', "N", 0, "Runs at a time, each in a process of its own (default: all cores)", 0 },
	{ "resume", OPT_RESUME, NULL, 0, "Run only what the database lacks: what was interrupted or failed", 0 },
	{ "shard", OPT_SHARD, "I/N", 0, "Only every N-th run, beginning with the I-th: N machines share a sweep", 0 },
	{ "dry-run", OPT_DRY_RUN, NULL, 0, "List the runs and tell how long they will take", 1 },
	{ "parse-only", OPT_PARSE_ONLY, NULL, 0, "Check the sweep, its traces and every machine, and stop", 1 },
	{ "json", CLI_JSON, NULL, 0, "Print the summary, or the list of --dry-run, as JSON", 2 },
	{ "quiet", 'q', NULL, 0, "No progress, no summary", 2 },
	{ 0 },
};

static void parse_shard(struct argp_state *state, struct sweep_args *args, const char *text)
{
	char rest;

	if (sscanf(text, "%u/%u%c", &args->shard, &args->nr_shards, &rest) != 2 || !args->shard ||
		args->shard > args->nr_shards)
		argp_error(state, "--shard: \"%s\": expected I/N such as 2/5", text);
}

static void parse_workers(struct argp_state *state, struct sweep_args *args, const char *text)
{
	uint64_t nr = cli_number(state, "jobs", text);

	if (!nr || nr > MAX_WORKERS)
		argp_error(state, "--jobs: \"%s\": expected a number from 1 to %d", text, MAX_WORKERS);
	else
		args->jobs = (uint32_t)nr;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct sweep_args *args = state->input;

	switch (key) {
	case 'j':
		parse_workers(state, args, text);
		return 0;
	case OPT_RESUME:
		args->resume = true;
		return 0;
	case OPT_SHARD:
		parse_shard(state, args, text);
		return 0;
	case OPT_DRY_RUN:
		args->dry_run = true;
		return 0;
	case OPT_PARSE_ONLY:
		args->parse_only = true;
		return 0;
	default:
		return cli_given(key, text, state, &args->given);
	}
}

static const struct argp argp = {
	options, parse_option, "SWEEP",
	"Example: kmemsim sweep memory-x-min-free.yaml -o results.db -j 4\n\n"
	"Replays traces against every machine that a sweep file describes. All machines are checked before the first run "
	"starts. A run that crashes, or exceeds the sweep's timeout or memory, is recorded as failed; the others go on. "
	"\"-\" is standard input.\v"
	"Ctrl-C keeps the runs that are done; so does anything else that ends the program. The same command with --resume does "
	"the rest.\n\n"
	"Exit status: 0 done; 1 done, but some runs failed; 2 the sweep, a machine, a trace or the command line is wrong; "
	"3 input/output or the system; 130 interrupted.",
	NULL, NULL, NULL,
};

static uint32_t all_cores(void)
{
	cpu_set_t set;

	/* What this process may use, not what the machine has. */
	if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
		return (uint32_t)CPU_COUNT(&set);
	return 1;
}

/* What the callbacks of the sweep need. */
struct show {
	const struct sweep *sweep;
	bool quiet, terminal;
	uint64_t last_ns;
};

/* "1 h 20 min", "3 min 20 s", "12 s" */
static char *duration(double seconds, char *buf, size_t size)
{
	uint64_t s = (uint64_t)(seconds + 0.5);

	if (s >= 3600)
		snprintf(buf, size, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s % 3600 / 60);
	else if (s >= 60)
		snprintf(buf, size, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
	else
		snprintf(buf, size, "%" PRIu64 " s", s);
	return buf;
}

/* @bar: on a terminal, in place of the line before. */
static void print_progress(const struct sweep_progress *p, bool bar)
{
	uint32_t over = p->done + p->failed;
	double seconds = (double)p->wall_ns / 1e9, rate = seconds > 0 ? over / seconds : 0;
	uint32_t filled = p->runs ? (uint32_t)((uint64_t)over * BAR_WIDTH / p->runs) : 0;
	char left[40], failed[40] = "", done[BAR_WIDTH + 4] = "", line[256];

	if (p->failed)
		snprintf(failed, sizeof(failed), ", %u failed", p->failed);
	if (bar) {
		strcpy(done, " [");
		for (uint32_t i = 0; i < BAR_WIDTH; i++)
			done[2 + i] = i < filled ? '#' : '.';
		strcpy(done + 2 + BAR_WIDTH, "]");
	}
	/* The bar is what a narrow terminal can do without. */
	snprintf(line, sizeof(line), "sweep: %u of %u runs%s, %.1f runs/s, %s left%s", over, p->runs, failed, rate,
		rate > 0 ? duration((p->runs - over) / rate, left, sizeof(left)) : "?", done);
	if (bar)
		cli_progress_put(line);
	else
		fprintf(stderr, "%s\n", line);
}

static void on_progress(void *arg, const struct sweep_progress *progress)
{
	struct show *show = arg;
	uint64_t now = wall_clock_ns();

	if (cli_status_wanted()) {
		if (show->terminal)
			fputs("\r\033[K", stderr);
		print_progress(progress, false);
	}
	if (show->quiet || now - show->last_ns < (show->terminal ? TERMINAL_INTERVAL_NS : LOG_INTERVAL_NS))
		return;
	show->last_ns = now;
	print_progress(progress, show->terminal);
}

static void on_warning(void *arg, const struct sweep_point *point, const char *warning)
{
	const struct show *show = arg;
	char text[400];

	fprintf(stderr, "%skmemsim: warning: run %u (%s): %s; runs like it are not named\n",
		show->terminal ? "\r\033[K" : "", point->number,
		sweep_point_text(show->sweep, point, text, sizeof(text)), warning);
}

static void on_failed(void *arg, const struct sweep_point *point, const char *reason)
{
	const struct show *show = arg;
	char text[400];

	fprintf(stderr, "%skmemsim: run %u (%s) failed: %s\n", show->terminal ? "\r\033[K" : "", point->number,
		sweep_point_text(show->sweep, point, text, sizeof(text)), reason);
}

static void print_plan_json(const struct sweep_args *args, const struct sweep_plan *plan, const struct sweep *sweep,
	double seconds)
{
	const char *before = "";
	char text[1000];

	printf("{\"runs\": %u, \"points\": %u, \"left_out\": %u, \"drawn_twice\": %u, \"events\": %" PRIu64
	       ", \"seconds\": %.1f"
	       ", \"workers\": %u, \"list\": [",
		sweep_plan_runs(plan), sweep->nr_points, sweep->nr_dropped, sweep->nr_equal, sweep_plan_events(plan),
		seconds, args->workers);
	for (uint32_t i = 0; i < sweep->nr_points; i++) {
		if (!sweep_plan_has(plan, i))
			continue;
		printf("%s\n  {\"number\": %u, \"what\": ", before, sweep->points[i].number);
		json_text_put(stdout, sweep_point_text(sweep, &sweep->points[i], text, sizeof(text)));
		putchar('}');
		before = ",";
	}
	puts("\n]}");
}

static int print_plan(const struct sweep_args *args, const struct sweep_plan *plan, const struct sweep *sweep,
	struct err *err)
{
	uint32_t runs = sweep_plan_runs(plan);
	uint64_t events, wall_ns;
	char text[1000], time[40];
	int ret = sweep_plan_measure(plan, cli_stop, NULL, &events, &wall_ns, err);
	double seconds;

	if (ret < 0)
		return ret;
	seconds = events ? (double)sweep_plan_events(plan) / (double)events * (double)wall_ns / 1e9 / args->workers : 0;
	if (args->given.json) {
		print_plan_json(args, plan, sweep, seconds);
		return 0;
	}
	for (uint32_t i = 0; i < sweep->nr_points; i++)
		if (sweep_plan_has(plan, i))
			printf("%u %s\n", sweep->points[i].number,
				sweep_point_text(sweep, &sweep->points[i], text, sizeof(text)));
	fprintf(stderr,
		"%u runs (of %u points; `where` leaves out %u; %u drawn twice), %" PRIu64
		" events, about %s with %u at a time\n",
		runs, sweep->nr_points, sweep->nr_dropped, sweep->nr_equal, sweep_plan_events(plan),
		duration(seconds, time, sizeof(time)), args->workers);
	return 0;
}

/* As a shell takes it for one word. */
static void put_word(FILE *out, const char *word)
{
	bool plain = word[0] && !strpbrk(word, " \t\n'\"\\$`&;|<>()*?[]{}~#!");

	if (plain) {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (; *word; word++)
		if (*word == '\'')
			fputs("'\\''", out);
		else
			fputc(*word, out);
	fputc('\'', out);
}

static void print_summary(const struct sweep_args *args, const struct sweep_progress *p, uint32_t had)
{
	double seconds = (double)p->wall_ns / 1e9;
	char time[40];

	if (args->given.json) {
		printf("{\"runs\": %u, \"done\": %u, \"failed\": %u, \"had\": %u, \"events\": %" PRIu64
		       ", \"wall_ns\": %" PRIu64 ", \"workers\": %u, \"events_per_s\": %.0f}\n",
			p->runs, p->done, p->failed, had, p->events, p->wall_ns, args->workers,
			seconds > 0 ? (double)p->events / seconds : 0);
		return;
	}
	if (args->given.quiet)
		return;
	printf("done       %u of %u runs in %s (%.1f runs/s, %.2f M events/s, %u at a time)\n", p->done, p->runs,
		duration(seconds, time, sizeof(time)), seconds > 0 ? p->done / seconds : 0,
		seconds > 0 ? (double)p->events / 1e6 / seconds : 0, args->workers);
	if (had)
		printf("had        %u runs, done before\n", had);
	if (p->failed) {
		printf("failed     %u runs (kmemsim query ", p->failed);
		put_word(stdout, args->given.output);
		puts(" runs)");
	}
}

static void tell_how_to_go_on(const struct sweep_args *args, const struct sweep_progress *p)
{
	fprintf(stderr, "kmemsim: %u of %u runs are saved in %s; to go on: kmemsim sweep ", p->done + p->failed,
		p->runs, args->given.output);
	put_word(stderr, args->given.input);
	fputs(" -o ", stderr);
	put_word(stderr, args->given.output);
	if (args->nr_shards > 1)
		fprintf(stderr, " --shard %u/%u", args->shard, args->nr_shards);
	if (args->jobs)
		fprintf(stderr, " -j %u", args->jobs);
	fputs(" --resume\n", stderr);
}

static bool has_run(void *arg, const struct record_run *run)
{
	return done_runs_has(arg, run);
}

/* Take out what the database has already. */
static int drop_done(const struct sweep_args *args, struct sweep_plan *plan, const struct sweep *sweep, uint32_t *had,
	struct err *err)
{
	const char **sha256 = calloc(sweep->nr_traces, sizeof(*sha256));
	struct done_runs *done = NULL;
	int ret = sha256 ? done_runs_load(&done, args->given.output, sweep->name, err) :
			   err_set(err, ERR_NOMEM, "no memory for the traces' names");

	for (uint32_t i = 0; ret == 0 && i < sweep->nr_traces; i++)
		sha256[i] = sweep_plan_sha256(plan, i);
	if (ret == 0)
		ret = done_runs_check(done, sha256, sweep->nr_traces, err);
	if (ret == 0)
		*had = sweep_plan_drop(plan, has_run, done);
	done_runs_free(done);
	free(sha256);
	return ret;
}

static bool is_again(void *arg, const struct record_run *run)
{
	failed_runs_again(arg, run);
	return false;
}

/* What failed before and is run again. */
static int forget_failed(const struct sweep_args *args, struct sweep_plan *plan, struct err *err)
{
	struct failed_runs *failed = NULL;
	int ret = failed_runs_open(&failed, args->given.output, err);

	if (ret == 0) {
		sweep_plan_drop(plan, is_again, failed);
		ret = failed_runs_forget(failed, err);
		failed_runs_close(failed);
	}
	return ret;
}

static int sweep_into(const struct sweep_args *args, struct sweep_plan *plan, const struct sweep *sweep, uint32_t had,
	struct sweep_progress *progress, struct err *err)
{
	struct show show = {
		.sweep = sweep,
		.quiet = args->given.quiet,
		.terminal = isatty(STDERR_FILENO),
		.last_ns = wall_clock_ns(),
	};
	struct sweep_options run = {
		.workers = args->workers,
		.stop = cli_stop,
		.progress = on_progress,
		.warn = on_warning,
		.failed = on_failed,
		.arg = &show,
	};
	int ret = args->resume ? forget_failed(args, plan, err) : 0;

	if (ret == 0)
		ret = sqlite_recorder_open(&run.recorder, args->given.output, err);
	if (ret < 0)
		return ret;
	ret = sqlite_recorder_many(run.recorder, err);
	if (ret == 0)
		ret = sweep_run(plan, &run, progress, err);
	run.recorder->ops->close(run.recorder);
	if (show.terminal && !show.quiet)
		fputs("\r\033[K", stderr);
	if (ret == 0)
		print_summary(args, progress, had);
	else if (progress->runs)
		tell_how_to_go_on(args, progress);
	return ret;
}

static int sweep_plan(struct sweep_args *args, struct sweep_plan *plan, const struct sweep *sweep, struct err *err)
{
	struct sweep_progress progress = { 0 };
	uint32_t had = 0;
	int ret = 0;

	if (args->nr_shards > 1)
		sweep_plan_shard(plan, args->shard, args->nr_shards);
	if (args->resume)
		ret = drop_done(args, plan, sweep, &had, err);
	if (ret == 0)
		ret = sweep_plan_check_traces(plan, cli_stop, NULL, err);
	if (ret == 0 && args->parse_only)
		return 0;
	if (ret == 0)
		ret = args->dry_run ? print_plan(args, plan, sweep, err) :
				      sweep_into(args, plan, sweep, had, &progress, err);
	if (ret < 0)
		return cli_fail(err);
	ret = cli_flush();
	return ret ? ret : progress.failed > 0;
}

static int sweep_file(struct sweep_args *args, struct err *err)
{
	struct sweep_plan *plan = NULL;
	struct sweep *sweep = NULL;
	int ret = sweep_load(&sweep, args->given.input, err);
	int status;

	if (ret == 0)
		ret = sweep_plan_create(&plan, sweep, err);
	if (ret == 0 && !args->given.output) {
		if (asprintf(&args->own_output, "%s.db", sweep->name) < 0)
			ret = err_set(err, ERR_NOMEM, "no memory for a name");
		args->given.output = args->own_output;
	}
	status = ret < 0 ? cli_fail(err) : sweep_plan(args, plan, sweep, err);
	sweep_plan_destroy(plan);
	sweep_free(sweep);
	return status;
}

static int run_sweep(int argc, char **argv)
{
	struct sweep_args args = { .given.what = "sweep", .shard = 1, .nr_shards = 1 };
	struct err err = { 0 };
	int status = cli_parse(&argp, argc, argv, &args);

	if (status)
		return status;
	args.workers = args.jobs ? args.jobs : all_cores();
	cli_catch_signals();
	status = sweep_file(&args, &err);
	free(args.own_output);
	return status;
}

const struct cli_command cmd_sweep = {
	.name = "sweep",
	.summary = "replay traces against many machines",
	.run = run_sweep,
};

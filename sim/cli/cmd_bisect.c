/* cmd_bisect: `kmemsim bisect`: the first event at which two runs of a trace part ways. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/bisect.h"
#include "sim/cli/bisect_print.h"
#include "sim/cli/cli.h"
#include "sim/cli/marks_file.h"
#include "sim/cli/options.h"

#define EXIT_PART 1

enum bisect_key {
	OPT_WITH_MACHINE = CLI_OWN_KEY,
	OPT_WITH_SET,
	OPT_LAYER,
	OPT_WITH_SEED,
	OPT_TIME,
	OPT_EVERY,
	OPT_FROM,
	OPT_EVENTS,
	OPT_SAVE,
	OPT_AGAINST,
	OPT_AT,
	OPT_LISTS,
};

struct bisect_args {
	struct cli_given given;     /* with the first machine */
	struct cli_machine second;
	char names[2][256];         /* of the machines: file and settings */
	const char *save, *against;
	struct bisect_options options;
	struct bisect_run runs[2];
	struct bisect_marks marks; /* every, from and events as given */
	uint64_t at;
	bool with, with_seed, look, lists;
	struct cli_progress progress;
};

static const struct argp_option options[] = {
	{ "machine", 'm', "FILE", 0, "The first machine, YAML (without it: the default one)", 0 },
	{ "set", CLI_SET, "KEY=VALUE", 0, "Change a key of the first machine (may be given often)", 0 },
	{ "seed", CLI_SEED, "N", 0, "Seed of all random streams of the first run (1)", 0 },
	{ "with-machine", OPT_WITH_MACHINE, "FILE", 0, "The second machine (without it: the first, with its --set)",
		1 },
	{ "with-set", OPT_WITH_SET, "KEY=VALUE", 0, "Change a key of the second machine (may be given often)", 1 },
	{ "with-seed", OPT_WITH_SEED, "N", 0, "Seed of the second run (that of the first)", 1 },
	{ "layer", OPT_LAYER, "LAYER", 0, "What is replayed: intent (default) or page, as in replay", 2 },
	{ "time", OPT_TIME, NULL, 0, "A difference in time alone counts, too: when an event starts, what it costs", 2 },
	{ "every", OPT_EVERY, "N", 0, "Hash the runs every N events (4096)", 2 },
	{ "save", OPT_SAVE, "FILE", 0, "Save the first run's hashes, for --against", 3 },
	{ "against", OPT_AGAINST, "FILE", 0, "Compare the first run with saved hashes, of another version of kmemsim",
		3 },
	{ "from-event", OPT_FROM, "N", 0, "--save: leave out the prologue and the first N events", 3 },
	{ "events", OPT_EVENTS, "N", 0, "--save: only N events", 3 },
	{ "at", OPT_AT, "N", 0, "Only show what the first run does after N events, and the state before it", 3 },
	{ "lists", OPT_LISTS, NULL, 0, "Also show the first blocks of all free lists", 4 },
	{ "json", CLI_JSON, NULL, 0, "Print the result as JSON", 4 },
	{ "quiet", 'q', NULL, 0, "No progress, no notes", 4 },
	{ 0 },
};

/* What makes the two runs. */
static error_t parse_runs(int key, const char *text, struct argp_state *state, struct bisect_args *args)
{
	args->with |= key == OPT_WITH_MACHINE || key == OPT_WITH_SET || key == OPT_WITH_SEED;
	switch (key) {
	case CLI_SEED:
		args->runs[0].seed = cli_number(state, "seed", text);
		return 0;
	case OPT_WITH_MACHINE:
		args->second.file = text;
		return 0;
	case OPT_WITH_SET:
		cli_set(state, &args->second, text);
		return 0;
	case OPT_WITH_SEED:
		args->runs[1].seed = cli_number(state, "with-seed", text);
		args->with_seed = true;
		return 0;
	case OPT_LAYER:
		args->options.layer = cli_layer(state, text);
		return 0;
	default:
		return cli_given(key, text, state, &args->given);
	}
}

/* Exactly one of the four things that the verb does. */
static void check_usage(struct argp_state *state, const struct bisect_args *args)
{
	int wanted = (args->save != NULL) + (args->against != NULL) + args->look + args->with;

	if (!args->given.input)
		argp_error(state, "which trace?");
	if (!strcmp(args->given.input, "-"))
		argp_error(state, "the trace is read several times: it cannot be standard input");
	if (!wanted)
		argp_error(state, "compare with what? --with-machine, --with-set, --with-seed, --against or --save");
	if (wanted > 1)
		argp_error(state, "--save, --against, --at and a second machine or seed exclude each other");
	if (!args->marks.every)
		argp_error(state, "--every: at least 1");
	if (!args->save && (args->marks.from || args->marks.events))
		argp_error(state, "--from-event and --events go with --save; --against takes them from the file");
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct bisect_args *args = state->input;

	switch (key) {
	case OPT_TIME:
		args->options.time = true;
		return 0;
	case OPT_EVERY:
		args->marks.every = cli_number(state, "every", text);
		return 0;
	case OPT_FROM:
		args->marks.from = cli_number(state, "from-event", text);
		return 0;
	case OPT_EVENTS:
		args->marks.events = cli_number(state, "events", text);
		return 0;
	case OPT_SAVE:
		args->save = text;
		return 0;
	case OPT_AGAINST:
		args->against = text;
		return 0;
	case OPT_AT:
		args->at = cli_number(state, "at", text);
		args->look = true;
		return 0;
	case OPT_LISTS:
		args->lists = true;
		return 0;
	case ARGP_KEY_END:
		check_usage(state, args);
		return 0;
	default:
		return parse_runs(key, text, state, args);
	}
}

static const struct argp argp = {
	options, parse_option, "TRACE",
	"Example: kmemsim bisect boot.kmt -m pc-512m.yaml --with-set slab.min_order=1\n\n"
	"Replays a trace twice and finds the first event at which the runs part: another event is served, it fails in one of "
	"them only, or an object or page lies elsewhere. Shows what each did, and the state that it met.\n\n"
	"Two versions of kmemsim are compared through a file:\n"
	"  old/kmemsim bisect boot.kmt -m pc.yaml --save hashes\n"
	"  new/kmemsim bisect boot.kmt -m pc.yaml --against hashes\n"
	"which names the first window that differs; --save with --from-event, --events and --every 1 narrows it to the event, and "
	"--at shows that event in either. Model and reality are compared by `kmemsim verify`.\v"
	"Exit status: 0 the runs are equal to the end; 1 they part; 2 the trace, a machine or the command line is wrong; "
	"3 input/output; 130 interrupted.",
	NULL, NULL, NULL,
};

static void on_progress(void *arg, const char *pass, const struct trace_reader *reader, uint64_t events)
{
	struct bisect_args *args = arg;

	cli_progress_show(&args->progress, trace_progress(reader), trace_sizes(reader)->bytes_file, events, pass);
}

static int show(const struct bisect_args *args, const struct bisect_answer *answer, const struct bisect_side *sides,
	int nr_sides)
{
	struct bisect_shown shown = {
		.answer = answer,
		.sides = sides,
		.runs = args->runs,
		.names = { args->names[0], args->names[1] },
		.nr_sides = nr_sides,
		.lists = args->lists,
	};
	int damage = cli_tell_damage(&answer->damage);
	int status;

	if (args->given.json)
		bisect_print_json(&shown, stdout);
	else if (answer->part)
		bisect_print_text(&shown, stdout);
	else
		printf("The runs are equal: %" PRIu64 " events.\n", answer->compared);
	status = cli_flush();
	return status ? status : answer->part ? EXIT_PART : damage;
}

static int compare_runs(struct bisect_args *args, struct err *err)
{
	struct bisect_side *sides = calloc(2, sizeof(*sides));
	struct bisect_answer answer;
	int status;

	if (!sides)
		return cli_fail((err_set(err, ERR_NOMEM, "no memory for the answer"), err));
	if (bisect_runs(&args->options, args->runs, args->marks.every, &answer, sides, err) < 0) {
		cli_progress_end(&args->progress);
		status = cli_fail(err);
	} else {
		cli_progress_end(&args->progress);
		status = show(args, &answer, sides, answer.part ? 2 : 0);
	}
	bisect_side_fini(&sides[0]);
	bisect_side_fini(&sides[1]);
	free(sides);
	return status;
}

/* What one run does at an event. */
static int look(struct bisect_args *args, const struct bisect_answer *answer, struct err *err)
{
	struct bisect_side *side = calloc(1, sizeof(*side));
	struct bisect_shown shown = {
		.answer = answer,
		.sides = side,
		.runs = args->runs,
		.names = { args->names[0] },
		.nr_sides = 1,
		.lists = args->lists,
	};
	int status = 0;

	if (!side)
		return cli_fail((err_set(err, ERR_NOMEM, "no memory for the answer"), err));
	if (bisect_look(&args->options, &args->runs[0], answer, side, err) == 0 && !side->reached)
		err_set(err, ERR_USAGE, "%s has no event %" PRIu64, args->given.input, answer->position);
	cli_progress_end(&args->progress);
	if (err->code)
		status = cli_fail(err);
	else if (args->given.json)
		bisect_print_json(&shown, stdout);
	else
		bisect_print_text(&shown, stdout);
	bisect_side_fini(side);
	free(side);
	return status ? status : cli_flush();
}

static int hash_trace(const char *path, char sha256[65], struct err *err)
{
	struct trace_reader *reader = NULL;
	int ret = trace_open(&reader, path, NULL, err);

	if (ret == 0)
		ret = trace_sha256(reader, sha256, err);
	trace_close(reader);
	return ret;
}

static int save_marks(struct bisect_args *args, struct err *err)
{
	struct marks_file file = { .layer = args->options.layer, .time = args->options.time, .marks = args->marks };
	struct trace_damage damage = { 0 };
	int status;
	int ret = hash_trace(args->given.input, file.trace_sha256, err);

	if (ret == 0)
		ret = bisect_marks_make(&args->options, &args->runs[0], &file.marks, &damage, err);
	cli_progress_end(&args->progress);
	if (ret == 0)
		ret = marks_file_write(&file, args->save, err);
	bisect_marks_fini(&file.marks);
	if (ret < 0)
		return cli_fail(err);
	status = cli_tell_damage(&damage);
	return status ? status : cli_flush();
}

/* The window that differs, and how to go on from there. */
static int show_window(struct bisect_args *args, const struct marks_file *file, const struct bisect_answer *answer,
	struct err *err)
{
	uint64_t nr = answer->last - answer->position + 1;
	int status;

	if (answer->prologue) {
		printf("The runs part before the recording begins, in the prologue.\n");
	} else if (file->marks.every == 1) {
		printf("The runs part after %" PRIu64 " equal events. This one does:\n\n", answer->position);
		fflush(stdout);
		status = look(args, answer, err);
		return status ? status : EXIT_PART;
	} else {
		printf("The runs part within events %" PRIu64 " .. %" PRIu64 ". The event: save again "
		       "as before, with --every 1 --from-event %" PRIu64 " --events %" PRIu64 ".\n",
			answer->position, answer->last, answer->position, nr);
	}
	status = cli_flush();
	return status ? status : EXIT_PART;
}

static int compare_with_marks(struct bisect_args *args, struct err *err)
{
	struct marks_file file;
	struct bisect_answer answer;
	char sha256[65];
	int status;

	if (marks_file_read(&file, args->against, err) < 0)
		return cli_fail(err);
	args->options.layer = file.layer;
	args->options.time = file.time;
	if (hash_trace(args->given.input, sha256, err) == 0 && strcmp(sha256, file.trace_sha256))
		err_set(err, ERR_CONFIG, "%s: its hashes are of another trace than %s", args->against,
			args->given.input);
	if (!err->code)
		bisect_against(&args->options, &args->runs[0], &file.marks, &answer, err);
	cli_progress_end(&args->progress);
	if (err->code)
		status = cli_fail(err);
	else if (answer.part && !args->given.json)
		status = show_window(args, &file, &answer, err);
	else
		status = show(args, &answer, NULL, 0);
	bisect_marks_fini(&file.marks);
	return status;
}

/* The second machine is the first one but for its own settings, unless it has a file of its own. */
static int complete_second(struct bisect_args *args, struct err *err)
{
	struct cli_machine *first = &args->given.machine, *second = &args->second;

	if (!args->with_seed)
		args->runs[1].seed = args->runs[0].seed;
	if (second->file)
		return 0;
	if (first->nr_sets + second->nr_sets > CLI_MAX_SETS)
		return err_set(err, ERR_USAGE, "more than %d settings of one machine", CLI_MAX_SETS);
	second->file = first->file;
	memmove(second->sets + first->nr_sets, second->sets, second->nr_sets * sizeof(*second->sets));
	memcpy(second->sets, first->sets, first->nr_sets * sizeof(*first->sets));
	second->nr_sets += first->nr_sets;
	return 0;
}

static void name_machine(const struct cli_machine *machine, char *name, size_t size)
{
	size_t used = (size_t)snprintf(name, size, "%s", machine->file ? machine->file : "default");

	for (uint32_t i = 0; i < machine->nr_sets && used < size; i++)
		used += (size_t)snprintf(name + used, size - used, " %s", machine->sets[i]);
}

static int load_machines(struct bisect_args *args, struct machine *machines[2], struct err *err)
{
	const struct cli_machine *given[2] = { &args->given.machine, &args->second };

	if (complete_second(args, err) < 0)
		return -(int)err->code;
	for (int i = 0; i < 2; i++) {
		name_machine(given[i], args->names[i], sizeof(args->names[i]));
		if (cli_machine_load(&machines[i], given[i], err) < 0)
			return -(int)err->code;
		args->runs[i].machine = machines[i];
	}
	return 0;
}

static int bisect_with(struct bisect_args *args, struct err *err)
{
	struct bisect_answer event = { .part = true, .position = args->at };

	args->options.trace = args->given.input;
	args->options.stop = cli_stop;
	args->options.progress = on_progress;
	args->options.arg = args;
	cli_catch_signals();
	cli_progress_start(&args->progress, "bisect", args->given.quiet);
	if (args->save)
		return save_marks(args, err);
	if (args->against)
		return compare_with_marks(args, err);
	return args->look ? look(args, &event, err) : compare_runs(args, err);
}

static int run_bisect(int argc, char **argv)
{
	struct bisect_args args = { .given = { .what = "trace" }, .runs[0].seed = 1, .marks.every = BISECT_EVERY };
	struct machine *machines[2] = { NULL, NULL };
	struct err err = { 0 };
	int status = cli_parse(&argp, argc, argv, &args);

	if (status)
		return status;
	status = load_machines(&args, machines, &err) < 0 ? cli_fail(&err) : bisect_with(&args, &err);
	free(machines[0]);
	free(machines[1]);
	return status;
}

const struct cli_command cmd_bisect = {
	.name = "bisect",
	.summary = "find the first event at which two runs of a trace part ways",
	.run = run_bisect,
};

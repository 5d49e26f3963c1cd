/* cmd_replay: `kmemsim replay`: a trace against a machine. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "configs/saved_list.h"
#include "configs/saved_state.h"
#include "mm/mm.h"
#include "reports/sqlite_recorder.h"
#include "sim/cli/cli.h"
#include "sim/cli/identity.h"
#include "sim/cli/options.h"
#include "sim/cli/replay_show.h"
#include "sim/cli/trace_beside.h"
#include "sim/describe.h"
#include "sim/reserve.h"

#define CHECK_EVERY_DEFAULT 10000
#define SAMPLES_MANY 1000000u /* a gigabyte of results */

enum replay_key {
	OPT_PACE = CLI_OWN_KEY,
	OPT_CPU_MAP,
	OPT_LAYER,
	OPT_INITIAL,
	OPT_FROM,
	OPT_TO,
	OPT_SKIP,
	OPT_LIMIT,
	OPT_CHECK,
	OPT_SAMPLE_TIME,
	OPT_SAMPLE_EVENTS,
	OPT_NO_THREAD,
	OPT_PARSE_ONLY,
};

struct replay_args {
	struct cli_given given;
	struct recorder *recorder;     /* owned; recorder_none() without output */
	const char *initial;
	bool from_boot;                /* --initial none */
	const char *from;
	char part[400], sampling[100]; /* as the run is recorded with */
	struct replay_options options;
	struct trace_reader_options reader;
	struct trace_beside trace;
	bool parse_only;
};

static const struct argp_option options[] = {
	{ "machine", 'm', "FILE", 0, "The machine, YAML (without it: the default one, 1 CPU and 512 MiB)", 0 },
	{ "output", 'o', "FILE", 0, "Add the run to this SQLite database", 0 },
	{ "set", CLI_SET, "KEY=VALUE", 0, "Change a key of the machine (may be given often)", 0 },
	{ "pace", OPT_PACE, "PACE", 0, "When requests arrive: recorded (default), think (each task keeps its gaps)"
		" or asap", 0 },
	{ "cpu-map", OPT_CPU_MAP, "MAP", 0,
		"Where tasks run if the machine has other CPUs: fold (CPU modulo their number), spread (over all of"
		" them) or auto (default: spread with --initial, else fold)", 0 },
	{ "layer", OPT_LAYER, "LAYER", 0, "What is replayed: intent (default; page events of slabs are re-derived)"
		" or page (the recorded page events alone)", 0 },
	{ "seed", CLI_SEED, "N", 0, "Seed of all random streams (1)", 0 },
	{ "initial", OPT_INITIAL, "DIR", 0, "Start from the memory of a real machine saved in DIR, a snapshot or a"
		" folder of numbered ones, instead of from boot;"
		" none is from boot, whatever the machine file says", 0 },
	{ "from", OPT_FROM, "WHERE", 0, "Begin at a time (\"12.5 s\"), an event number or marker:TEXT; what lives"
		" then is there from the start", 1 },
	{ "to", OPT_TO, "TIME", 0, "Stop at TIME of the trace (\"12.5 s\"; a number alone is in ns)", 1 },
	{ "skip", OPT_SKIP, "N", 0, "Skip the trace's first N events; what they allocate is not there then,"
		" as it is with --from", 1 },
	{ "limit", OPT_LIMIT, "N", 0, "Replay at most N events, from where the replay begins", 1 },
	{ "sample-time", OPT_SAMPLE_TIME, "TIME", 0, "Simulated time between samples, such as 50 ms; a number alone"
		" is in ns (default: 100 samples in all)", 2 },
	{ "sample-events", OPT_SAMPLE_EVENTS, "N", 0, "Also a sample every N events", 2 },
	{ "check", OPT_CHECK, "N", OPTION_ARG_OPTIONAL, "Verify all invariants every N events (10000) and at the end",
		2 },
	{ "no-thread", OPT_NO_THREAD, NULL, 0, "Decode the trace in the same thread", 2 },
	{ "parse-only", OPT_PARSE_ONLY, NULL, 0, "Check machine and trace, and stop", 2 },
	{ "json", CLI_JSON, NULL, 0, "Print the summary as JSON", 3 },
	{ "quiet", 'q', NULL, 0, "No progress, no summary", 3 },
	{ 0 },
};

/* Which part of the trace is replayed, and how it is sampled. */
static error_t parse_part(struct argp_state *state, struct replay_args *args, int key, const char *text)
{
	switch (key) {
	case OPT_FROM:
		cli_from(state, text, &args->options.from);
		args->from = text;
		return 0;
	case OPT_TO:
		args->reader.to_ns = cli_end(state, text);
		return 0;
	case OPT_SKIP:
		args->reader.skip = cli_number(state, "skip", text);
		args->options.cut_front = args->reader.skip > 0;
		return 0;
	case OPT_LIMIT:
		args->options.limit = cli_events(state, "limit", text);
		return 0;
	case OPT_SAMPLE_TIME:
		args->options.sample_ns = cli_time(state, "sample-time", text);
		if (!args->options.sample_ns)
			argp_error(state, "--sample-time %s: expected more than 0", text);
		return 0;
	case OPT_SAMPLE_EVENTS:
		args->options.sample_events = cli_events(state, "sample-events", text);
		return 0;
	case OPT_CHECK:
		args->options.check_every = text ? cli_events(state, "check", text) : CHECK_EVERY_DEFAULT;
		return 0;
	default:
		return cli_given(key, text, state, &args->given);
	}
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct replay_args *args = state->input;

	switch (key) {
	case OPT_CPU_MAP:
		args->options.cpu_map = (enum replay_cpu_map)cli_word(state, "cpu-map", text, replay_cpu_map_name);
		return 0;
	case OPT_PACE:
		args->options.pace = (enum replay_pace)cli_word(state, "pace", text, replay_pace_name);
		return 0;
	case OPT_LAYER:
		args->options.layer = cli_layer(state, text);
		return 0;
	case CLI_SEED:
		args->options.seed = cli_number(state, "seed", text);
		return 0;
	case OPT_INITIAL:
		args->from_boot = !strcmp(text, "none");
		args->initial = args->from_boot ? NULL : text;
		return 0;
	case OPT_NO_THREAD:
		args->reader.thread = false;
		return 0;
	case OPT_PARSE_ONLY:
		args->parse_only = true;
		return 0;
	default:
		return parse_part(state, args, key, text);
	}
}

static const struct argp argp = {
	options, parse_option, "TRACE",
	"Example: kmemsim replay boot.kmt -m machine.yaml -o results.db\n"
	"         kmemsim replay boot.kmt -m machine.yaml --set memory='256 MiB'\n\n"
	"Replays a trace against a machine and records what happened to memory and time.\v"
	"Exit status: 0 done; 2 the trace, the machine or the command line is wrong; 3 input/output or an "
	"invariant of the model failed; 130 interrupted, with the part done saved.",
	NULL, NULL, NULL,
};

/* What the callbacks of the replay need. */
struct replay_show {
	struct cli_progress progress;
	struct trace_reader *reader;
	const struct machine *machine;  /* borrowed */
	struct cli_identity id;         /* empty before identify() */
};

/*
 * Hashing a trace takes as long as booting a model: the recorder has
 * it done when it needs it. Return: 0, or why it cannot be read.
 */
static int identify(void *arg, struct record_run *run, struct err *err)
{
	struct replay_show *show = arg;
	int ret = cli_identify(&show->id, show->reader, show->machine, err);

	cli_identity_tell(&show->id, run);
	return ret;
}

static void on_progress(void *arg, uint64_t events, uint64_t live_objects)
{
	struct replay_show *show = arg;
	char note[64];

	snprintf(note, sizeof(note), "%" PRIu64 " live objects", live_objects);
	cli_progress_show(&show->progress, trace_progress(show->reader), trace_sizes(show->reader)->bytes_file, events,
		note);
}

static void warn(const char *text)
{
	fprintf(stderr, "kmemsim: warning: %s\n", text);
}

static void on_warning(void *arg, const char *text)
{
	(void)arg;
	warn(text);
}

/* The trace may not fit the machine; that is legal, and said. */
static void warn_misfit(const struct replay_args *args, const struct trace_reader *reader)
{
	const struct trace_meta *meta = trace_meta(reader);
	const struct machine *machine = args->options.machine;

	if (args->given.quiet)
		return;
	if (meta->cpus > machine->cpus)
		fprintf(stderr, "kmemsim: note: the trace has %u CPUs, the machine %u: CPU n runs on CPU %s %u\n",
			meta->cpus, machine->cpus,
			replay_cpu_map_of(args->options.cpu_map, args->initial) == CPU_MAP_FOLD ?
				"n mod" :
				"n divided evenly among",
			machine->cpus);
	if (meta->page_size && meta->page_size != machine->page_size && args->options.layer == LAYER_PAGE)
		fprintf(stderr, "kmemsim: note: the trace has pages of %u bytes, the machine of %u: orders are taken"
			" as they are\n",
			meta->page_size, machine->page_size);
}

/* Splits "key=value" settings into the recorder's two lists; the texts are owned by keys[]. */
static int split_sets(const struct replay_args *args, char *keys[CLI_MAX_SETS], const char *values[CLI_MAX_SETS],
	struct err *err)
{
	for (uint32_t i = 0; i < args->given.machine.nr_sets; i++) {
		char *equals;

		keys[i] = strdup(args->given.machine.sets[i]);
		if (!keys[i])
			return err_set(err, ERR_NOMEM, "no memory for --set");
		equals = strchr(keys[i], '=');
		values[i] = equals ? equals + 1 : "";
		if (equals)
			*equals = '\0';
	}
	return 0;
}

/* Which part of the trace is replayed and how it is sampled, in words: the run is told by them. */
static void describe_part(struct replay_args *args)
{
	const struct trace_reader_options *reader = &args->reader;
	char *part = args->part;
	size_t size = sizeof(args->part), used = 0;

	if (args->from)
		used += (size_t)snprintf(part, size, ", from %.300s", args->from);
	if (reader->to_ns)
		used += (size_t)snprintf(part + used, size - used, ", to %" PRIu64 " ns", reader->to_ns);
	if (reader->skip)
		used += (size_t)snprintf(part + used, size - used, ", skip %" PRIu64, reader->skip);
	if (args->options.limit)
		used += (size_t)snprintf(part + used, size - used, ", limit %" PRIu64, args->options.limit);
	if (used)
		memmove(part, part + 2, used - 1);
	describe_sampling(args->options.sample_ns, args->options.sample_events, false, args->sampling,
		sizeof(args->sampling));
}

static int replay_open_trace(struct replay_args *args, struct trace_reader *reader, struct recorder *recorder,
	struct err *err)
{
	struct replay_show show = { .reader = reader, .machine = args->options.machine };
	struct replay_result result = { 0 };
	char *keys[CLI_MAX_SETS] = { 0 };
	const char *values[CLI_MAX_SETS];
	int ret = split_sets(args, keys, values, err);

	if (ret == 0) {
		describe_part(args);
		args->options.describe = (struct record_run){
			.trace = args->given.input,
			.initial = args->initial,
			.part = args->part[0] ? args->part : NULL,
			.sampling = args->sampling,
			.param_keys = (const char *const *)keys,
			.param_values = values,
			.nr_params = args->given.machine.nr_sets,
			.complete = identify,
			.arg = &show,
		};
		args->options.stop = cli_stop;
		args->options.progress = on_progress;
		args->options.warn = on_warning;
		args->options.arg = &show;
		cli_progress_start(&show.progress, "replay", args->given.quiet);
		ret = replay_run(&args->options, reader, recorder, &result, err);
		cli_progress_end(&show.progress);
	}
	for (uint32_t i = 0; i < args->given.machine.nr_sets; i++)
		free(keys[i]);
	cli_identity_fini(&show.id);
	if (ret == 0 && result.events == 0 && args->part[0])
		fprintf(stderr, "kmemsim: warning: %s: no event was replayed: it has %" PRIu64 ", and --from, --to,"
			" --skip or --limit leave none (a time without a unit is in ns)\n", args->given.input, trace_meta(reader)->events);
	if ((ret == 0 || err->code == ERR_INTERRUPTED) && args->given.json)
		replay_show_json(&result, &args->options, trace_meta(reader));
	else if ((ret == 0 || err->code == ERR_INTERRUPTED) && !args->given.quiet)
		replay_show_summary(&result, &args->options, trace_meta(reader),
			args->given.output ? args->given.output : "FILE");
	return ret;
}

/* The machine alone decides of this: an allocator that is not known, memory that it cannot follow. */
static int check_boots(const struct machine *machine, uint64_t seed, struct err *err)
{
	struct mm mm;
	char text[300];

	if (mm_init(&mm, machine, seed, err) < 0)
		return err_context(err, "machine \"%s\"", machine->name);
	if (reserve_warning_of(&mm, text, sizeof(text)))
		warn(text);
	mm_fini(&mm);
	return 0;
}

/* A forgotten unit fills the disk. */
static void warn_samples(const struct replay_args *args, const struct trace_reader *reader)
{
	const struct trace_meta *meta = trace_meta(reader);
	ns_t span = meta->last_ns - meta->first_ns;
	ns_t part = args->reader.to_ns && args->reader.to_ns < span ? args->reader.to_ns : span;
	uint64_t samples = args->options.sample_ns ? part / args->options.sample_ns : 0;

	if (args->given.output && samples > SAMPLES_MANY)
		fprintf(stderr,
			"kmemsim: warning: --sample-time asks for up to %" PRIu64 " samples, of a kilobyte or more each"
			" (a time without a unit is in ns)\n",
			samples);
}

static int replay_with(struct replay_args *args, const struct machine *machine, struct err *err)
{
	struct trace_reader *reader = NULL;
	int status = 0;
	int ret;

	args->options.machine = machine;
	ret = trace_beside_open(&args->trace, &args->reader, &reader, err);
	if (ret == 0) {
		warn_misfit(args, reader);
		warn_samples(args, reader);
	}
	if (ret == 0 && args->parse_only)
		ret = check_boots(machine, args->options.seed, err);
	if (ret == 0 && !args->parse_only) {
		if (args->given.output)
			sqlite_recorder_publish(args->recorder);
		ret = replay_open_trace(args, reader, args->recorder, err);
		if (ret == 0)
			status = cli_tell_damage(trace_damage(reader));
	}
	if (ret < 0)
		return cli_fail(err);
	return status ? status : cli_flush();
}

/* The saved state to start from, and what of the trace it takes to find objects in it. */
static int read_initial(struct replay_args *args, const struct machine *machine, struct state **state, struct err *err)
{
	int ret = saved_initial(state, args->initial, args->given.quiet ? NULL : stderr, err);

	if (ret < 0)
		return ret;
	args->options.initial = *state;
	args->reader.recorded = true;
	if (!(*state)->exact_slabs)
		return 0;
	return direct_map_find(&args->options.direct_map, args->given.input,
		saved_memory_end(*state, machine->page_size), err);
}

static int replay_from(struct replay_args *args, const struct machine *machine)
{
	struct state *state = NULL;
	struct err err = { 0 };
	int status;

	if (!args->initial && !args->from_boot && machine->initial[0])
		args->initial = machine->initial;
	if (args->initial && read_initial(args, machine, &state, &err) < 0)
		status = cli_fail(&err);
	else
		status = replay_with(args, machine, &err);
	saved_state_free(state);
	return status;
}

/*
 * The trace is opened beside from here on, unless it is a saved state that says how, and the
 * results are prepared; a failure before there is something to record leaves nothing of them.
 */
static int prepare_beside(struct replay_args *args, struct err *err)
{
	bool record = args->given.output && !args->parse_only;

	args->trace = (struct trace_beside){ .path = args->given.input, .options = args->reader };
	args->recorder = recorder_none();
	if (record && sqlite_recorder_open_beside(&args->recorder, args->given.output, err) < 0)
		return -(int)err->code;
	return args->initial ? 0 : trace_beside_start(&args->trace, err);
}

static int replay_into(struct replay_args *args, struct err *err)
{
	struct machine *machine = NULL;
	int status;

	if (prepare_beside(args, err) < 0 || cli_machine_load(&machine, &args->given.machine, err) < 0)
		status = cli_fail(err);
	else
		status = replay_from(args, machine);
	trace_beside_close(&args->trace);
	args->recorder->ops->close(args->recorder);
	free(machine);
	return status;
}

static int run_replay(int argc, char **argv)
{
	struct replay_args args = { .given = { .what = "trace" }, .options = { .seed = 1, .cpu_map = CPU_MAP_AUTO },
		.reader = { .thread = true } };
	struct err err = { 0 };
	int status = cli_parse(&argp, argc, argv, &args);

	if (status)
		return status;
	cli_catch_signals();
	return replay_into(&args, &err);
}

const struct cli_command cmd_replay = {
	.name = "replay",
	.summary = "replay a trace against a machine",
	.run = run_replay,
};

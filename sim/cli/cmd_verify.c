/* cmd_verify: `kmemsim verify`: how much of what a real kernel did the model does too. */
#include <stdlib.h>
#include <string.h>

#include "configs/saved_list.h"
#include "reports/sqlite_recorder.h"
#include "sim/cli/cli.h"
#include "sim/cli/identity.h"
#include "sim/cli/options.h"
#include "sim/cli/verify_show.h"

#define STATUS_DIFFERS 1

enum verify_key { OPT_SNAPSHOTS = CLI_OWN_KEY };

struct verify_args {
	struct cli_given given;
	const char *snapshots;
	struct verify_options options;
};

static const struct argp_option options[] = {
	{ "machine", 'm', "FILE", 0, "The machine that was recorded, YAML (see kmemsim probe)", 0 },
	{ "snapshots", OPT_SNAPSHOTS, "DIR", 0,
		"Folder of its saved states, numbered: the first whole one is where the model begins", 0 },
	{ "output", 'o', "FILE", 0, "Add the run and what was found to this SQLite database", 0 },
	{ "set", CLI_SET, "KEY=VALUE", 0, "Change a key of the machine (may be given often)", 0 },
	{ "seed", CLI_SEED, "N", 0, "Seed of all random streams (1)", 0 },
	{ "json", CLI_JSON, NULL, 0, "Print all that was found as JSON", 1 },
	{ "quiet", 'q', NULL, 0, "Do not tell what was assumed", 1 },
	{ 0 },
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
	struct verify_args *args = state->input;

	switch (key) {
	case OPT_SNAPSHOTS:
		args->snapshots = text;
		return 0;
	case CLI_SEED:
		args->options.seed = cli_number(state, "seed", text);
		return 0;
	case ARGP_KEY_END:
		if (!args->given.input || !args->given.machine.file || !args->snapshots)
			argp_error(state, "a trace, --machine and --snapshots are needed");
		return 0;
	default:
		return cli_given(key, text, state, &args->given);
	}
}

static const struct argp argp = {
	options, parse_option, "TRACE",
	"Example: kmemsim verify boot.kmt -m machine.yaml --snapshots snapshots/\n\n"
	"Begins in a saved state of the recorded machine and compares the model with what its kernel did: bytes_alloc of each "
	"kmalloc, the frame of each page allocation (one step at a time and running freely), the address of each object; and the "
	"whole memory with each later saved state. Names the first event of each kind that differs.\v"
	"Exit status: 0 equal, within limits that are chance; 1 the model differs; 2 the trace, the machine, the saved states or "
	"the command line is wrong; 3 input/output; 130 interrupted.",
	NULL, NULL, NULL,
};

static int describe(struct verify_args *args, const struct machine *machine, struct cli_identity *id, struct err *err)
{
	const struct trace_reader_options reading = { 0 };
	struct trace_reader *reader;
	int ret = trace_open(&reader, args->given.input, &reading, err);

	if (ret < 0)
		return ret;
	ret = cli_identify(id, reader, machine, err);
	args->options.describe = (struct record_run){
		.trace = args->given.input,
		.initial = args->options.states[0].state->source,
	};
	cli_identity_tell(id, &args->options.describe);
	trace_close(reader);
	return ret;
}

static int verify_states(struct verify_args *args, const struct machine *machine, struct verify *verify,
	struct err *err)
{
	struct recorder *recorder = recorder_none();
	struct cli_identity id = { 0 };
	int ret = describe(args, machine, &id, err);

	if (ret == 0)
		ret = direct_map_find(&args->options.direct_map, args->given.input,
			saved_memory_end(args->options.states[0].state, machine->page_size), err);
	if (ret == 0 && args->given.output)
		ret = sqlite_recorder_open(&recorder, args->given.output, err);
	if (ret == 0) {
		args->options.recorder = recorder;
		ret = verify_run(&args->options, verify, err);
		recorder->ops->close(recorder);
	}
	cli_identity_fini(&id);
	return ret;
}

/* Pages taken one step at a time need to know what went on to the lists of CPUs, and off them. */
static void warn_of_missing_moves(const char *trace, const struct verify *verify)
{
	if (verify->checks[VERIFY_PAGES_STEP].checked && !verify->checks[VERIFY_REFILLS].checked &&
		!verify->checks[VERIFY_DRAINS].checked)
		fprintf(stderr,
			"kmemsim: warning: %s does not have the blocks that moved inside the page allocator, without which few page"
			" frames can be followed: import the recording again if an older kmemsim did; else it lacks the events"
			" mm_page_alloc_zone_locked and mm_page_pcpu_drain\n",
			trace);
}

static int verify_with(struct verify_args *args, const struct machine *machine)
{
	struct saved_list saved;
	struct verify_state *states = NULL;
	struct verify verify = { 0 };
	struct err err = { 0 };
	int ret = saved_read_all(&saved, args->snapshots, args->given.quiet ? NULL : stderr, &err);
	int status;

	if (ret == 0) {
		states = calloc(saved.nr, sizeof(*states));
		if (!states)
			ret = err_set(&err, ERR_NOMEM, "no memory for %zu states", saved.nr);
	}
	if (ret == 0) {
		for (size_t i = 0; i < saved.nr; i++)
			states[i] = (struct verify_state){ saved.rows[i].name, saved.rows[i].state };
		args->options.trace = args->given.input;
		args->options.machine = machine;
		args->options.states = states;
		args->options.nr_states = (uint32_t)saved.nr;
		args->options.stop = cli_stop;
		ret = verify_states(args, machine, &verify, &err);
	}
	if (ret < 0) {
		status = cli_fail(&err);
	} else {
		if (args->given.json)
			verify_print_json(&verify);
		else
			verify_print_table(&verify);
		warn_of_missing_moves(args->given.input, &verify);
		status = cli_flush();
		if (status == 0 && !verify_passed(&verify, NULL, 0))
			status = STATUS_DIFFERS;
	}
	verify_fini(&verify);
	free(states);
	saved_fini(&saved);
	return status;
}

static int run_verify(int argc, char **argv)
{
	struct verify_args args = { .given = { .what = "trace" }, .options = { .seed = 1 } };
	struct machine *machine;
	struct err err = { 0 };
	int status = cli_parse(&argp, argc, argv, &args);

	if (status)
		return status;
	if (cli_machine_load(&machine, &args.given.machine, &err) < 0)
		return cli_fail(&err);
	cli_catch_signals();
	status = verify_with(&args, machine);
	free(machine);
	return status;
}

const struct cli_command cmd_verify = {
	.name = "verify",
	.summary = "hold the model against what a real kernel did",
	.run = run_verify,
};

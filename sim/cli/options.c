#include "sim/cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/word.h"
#include "configs/machine_yaml.h"

uint64_t cli_number(struct argp_state *state, const char *name, const char *text)
{
	uint64_t value = 0;

	if (units_parse_count(text, &value) < 0)
		argp_error(state, "--%s: \"%s\" is not a number", name, text);
	return value;
}

uint64_t cli_events(struct argp_state *state, const char *name, const char *text)
{
	uint64_t events = cli_number(state, name, text);

	if (!events)
		argp_error(state, "--%s %s: expected at least one event", name, text);
	return events;
}

uint64_t cli_row(struct argp_state *state, const char *name, const char *text)
{
	uint64_t row = cli_number(state, name, text);

	if (row == 0 || row > INT64_MAX)
		argp_error(state, "--%s: %s: they are numbered from 1 on", name, text);
	return row;
}

ns_t cli_time(struct argp_state *state, const char *name, const char *text)
{
	ns_t value = 0;

	if (units_parse_time(text, &value) < 0)
		argp_error(state, "--%s: \"%s\" is not a time such as 12.5 s", name, text);
	return value;
}

ns_t cli_end(struct argp_state *state, const char *text)
{
	ns_t end_ns = cli_time(state, "to", text);

	if (!end_ns)
		argp_error(state, "--to %s: expected a time after the beginning", text);
	return end_ns;
}

enum results_format cli_format(struct argp_state *state, enum results_format given, enum results_format wanted)
{
	if (given != RESULTS_TABLE && given != wanted)
		argp_error(state, "--csv or --json: one of them");
	return wanted;
}

unsigned int cli_word(struct argp_state *state, const char *name, const char *text, const char *const *words)
{
	char list[200];

	for (unsigned int i = 0; words[i]; i++)
		if (!strcmp(words[i], text))
			return i;
	argp_error(state, "--%s: \"%s\": expected %s", name, text, word_list(words, list, sizeof(list)));
	return 0;
}

enum replay_layer cli_layer(struct argp_state *state, const char *text)
{
	static const char *const words[] = { [LAYER_INTENT] = "intent", [LAYER_PAGE] = "page", NULL };

	return (enum replay_layer)cli_word(state, "layer", text, words);
}

void cli_from(struct argp_state *state, const char *text, struct replay_from *from)
{
	if (replay_from_parse(from, text) < 0)
		argp_error(state, "--from: \"%s\" is no time such as \"12.5 s\", no event number and no marker:TEXT",
			text);
}

void cli_set(struct argp_state *state, struct cli_machine *machine, const char *text)
{
	if (machine->nr_sets == CLI_MAX_SETS)
		argp_error(state, "more than %d settings of one machine", CLI_MAX_SETS);
	machine->sets[machine->nr_sets++] = text;
}

/* The single argument of a verb, called @what ("trace"). */
static void take_one(struct argp_state *state, const char *what, const char *text, const char **argument)
{
	if (*argument)
		argp_error(state, "one %s at a time: \"%s\" is one too many", what, text);
	*argument = text;
}

void cli_keep_source(struct argp_state *state, const char *source, const char *output)
{
	struct stat a, b;

	if (source && output && strcmp(source, "-") && strcmp(output, "-") && stat(source, &a) == 0 &&
		stat(output, &b) == 0 && S_ISREG(a.st_mode) && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		argp_error(state, "%s: this is the source, which would be lost: choose another name", output);
}

error_t cli_given(int key, const char *text, struct argp_state *state, struct cli_given *given)
{
	switch (key) {
	case 'm':
		given->machine.file = text;
		return 0;
	case 'o':
		given->output = text;
		return 0;
	case 'q':
		given->quiet = true;
		return 0;
	case CLI_SET:
		cli_set(state, &given->machine, text);
		return 0;
	case CLI_JSON:
		given->json = true;
		return 0;
	case ARGP_KEY_ARG:
		take_one(state, given->what, text, &given->input);
		return 0;
	case ARGP_KEY_END:
		if (!given->input && !given->optional)
			argp_error(state, "which %s?", given->what);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int cli_tell_damage(const struct trace_damage *damage)
{
	if (!damage->text[0])
		return 0;
	fprintf(stderr, "kmemsim: warning: %s\n", damage->text);
	return damage->truncated ? 0 : err_exit_status(ERR_TRACE);
}

int cli_machine_load(struct machine **machine, const struct cli_machine *given, struct err *err)
{
	int ret;

	*machine = calloc(1, sizeof(**machine));
	if (!*machine)
		return err_set(err, ERR_NOMEM, "no memory for a machine");
	ret = machine_load(*machine, given->file, given->sets, given->nr_sets, err);
	if (ret < 0) {
		free(*machine);
		*machine = NULL;
	}
	return ret;
}

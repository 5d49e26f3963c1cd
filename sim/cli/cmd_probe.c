/* kmemsim probe: describes a real machine as a machine file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "configs/machine_yaml.h"
#include "configs/probe.h"
#include "sim/cli/cli.h"

struct probe_args {
	const char *dir;
	const char *output;
	bool quiet;
};

static error_t parse_arg(int key, char *arg, struct argp_state *state)
{
	struct probe_args *args = state->input;

	switch (key) {
	case 'o':
		args->output = arg;
		return 0;
	case 'q':
		args->quiet = true;
		return 0;
	case ARGP_KEY_ARG:
		if (args->dir)
			argp_error(state, "one folder at a time: \"%s\" and \"%s\"", args->dir, arg);
		args->dir = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void print_machine(FILE *out, const struct probe_args *args, const char *yaml)
{
	fprintf(out, "# Written by kmemsim probe from %s.\n", args->dir ? args->dir : "the running machine");
	fprintf(out, "# Each zone has the pages that its kernel had: spanned, present and managed. Set\n"
		"# page_allocator.min_free_kbytes to auto when you change the memory.\n");
	fputs(yaml, out);
}

/* Under its name only when it is whole. */
static int write_file(const struct probe_args *args, const char *yaml, struct err *err)
{
	char *temporary = NULL;
	mode_t mask = umask(0);
	FILE *out;
	int fd;

	umask(mask);
	if (asprintf(&temporary, "%s.XXXXXX", args->output) < 0)
		return err_set(err, ERR_NOMEM, "no memory for a file name");
	fd = mkstemp(temporary);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out) {
		err_errno(err, "%s", args->output);
		goto fail;
	}
	print_machine(out, args, yaml);
	fchmod(fd, 0666 & ~mask); /* mkstemp() lets nobody else read it */
	if (ferror(out) | fclose(out)) {
		err_errno(err, "%s", args->output);
		goto fail;
	}
	if (rename(temporary, args->output) < 0) {
		err_errno(err, "%s", args->output);
		goto fail;
	}
	free(temporary);
	return 0;
fail:
	if (fd >= 0)
		unlink(temporary);
	free(temporary);
	return -(int)err->code;
}

static int write_machine(const struct probe_args *args, const struct machine *machine, struct err *err)
{
	char *yaml = machine_to_yaml(machine);
	int status;

	if (!yaml) {
		err_set(err, ERR_NOMEM, "no memory for the machine's YAML");
		return cli_fail(err);
	}
	if (args->output && strcmp(args->output, "-")) {
		status = write_file(args, yaml, err) < 0 ? cli_fail(err) : 0;
	} else {
		print_machine(stdout, args, yaml);
		status = cli_flush();
	}
	free(yaml);
	return status;
}

static int run_probe(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "output", 'o', "FILE", 0, "write the machine to FILE instead of standard output", 0 },
		{ "quiet", 'q', NULL, 0, "do not tell what was assumed", 0 },
		{ 0 },
	};
	static const struct argp argp = { options, parse_arg, "[DIR]",
		"Example: kmemsim probe -o machine.yaml\n\n"
		"Writes a machine file that describes this machine, or one whose /proc and /sys files were saved in DIR: "
		"zoneinfo, iomem, meminfo, cmdline, pagetypeinfo, slabinfo, interrupts, nodeN_cpulist, nodeN_distance, "
		"sysctl_vm.txt. What had to be assumed is told on standard error.\v"
		"Run as root to see iomem, slabinfo and pagetypeinfo.", NULL, NULL, NULL };
	struct probe_args args = { 0 };
	struct err err = { 0 };
	struct machine *machine;
	int status = cli_parse(&argp, argc, argv, &args);

	if (status)
		return status;
	machine = calloc(1, sizeof(*machine));
	if (!machine) {
		err_set(&err, ERR_NOMEM, "no memory for a machine");
		return cli_fail(&err);
	}
	if (probe_machine(machine, args.dir, args.quiet ? NULL : stderr, &err) < 0)
		status = cli_fail(&err);
	else
		status = write_machine(&args, machine, &err);
	free(machine);
	return status;
}

const struct cli_command cmd_probe = {
	.name = "probe",
	.summary = "describe this machine, or a folder of saved /proc files, as a machine file",
	.run = run_probe,
};

/* kmemsim probe: describes a real machine as a machine file. */
#include <stdio.h>
#include <stdlib.h>

#include "configs/probe.h"
#include "sim/cli/cli.h"
#include "sim/cli/machine_file.h"
#include "sim/cli/options.h"

static error_t parse_arg(int key, char *arg, struct argp_state *state)
{
	return cli_given(key, arg, state, state->input);
}

static int write_machine(const struct cli_given *given, const struct machine *machine, struct err *err)
{
	char comment[4096];

	snprintf(comment, sizeof(comment), "# Written by kmemsim probe from %s.\n"
		"# Each zone has the pages that its kernel had: spanned, present and managed. Set\n"
		"# page_allocator.min_free_kbytes to auto when you change the memory.\n"
		"# reclaim.refault and reclaim.mapped are measured where the machine had reclaimed (workingset_refault_file, and\n"
		"# what pgscan_file has more than pgskip_* and pgsteal_file, of pgsteal_file, in per cent), and auto where it had not:\n"
		"# then the recording tells, or an assumption.\n",
		given->input ? given->input : "the running machine");
	return machine_file_write(given->output ? given->output : "-", comment, machine, err);
}

static int run_probe(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "output", 'o', "FILE", 0, "write the machine to FILE instead of standard output", 0 },
		{ "quiet", 'q', NULL, 0, "do not tell what was assumed", 0 },
		{ 0 },
	};
	static const struct argp argp = { options, parse_arg, "[DIR]",
		"Example: kmemsim probe -o machine.yaml         this machine\n"
		"         kmemsim probe saved/ -o server.yaml   one whose files were saved\n\n"
		"Writes a machine file that describes this machine, or one whose /proc and /sys files were saved in DIR: "
		"zoneinfo, iomem, meminfo, cmdline, pagetypeinfo, slabinfo, interrupts, nodeN_cpulist, nodeN_distance, "
		"sysctl_vm.txt. What had to be assumed is told on standard error.\v"
		"Run as root to see iomem, slabinfo and pagetypeinfo.\n\n"
		"Exit status: 0 done; 2 what the files say is no machine, or the command line is wrong;"
		" 3 input/output.", NULL, NULL, NULL };
	struct cli_given given = { .what = "folder", .optional = true };
	struct err err = { 0 };
	struct machine *machine;
	int status = cli_parse(&argp, argc, argv, &given);

	if (status)
		return status;
	machine = calloc(1, sizeof(*machine));
	if (!machine) {
		err_set(&err, ERR_NOMEM, "no memory for a machine");
		return cli_fail(&err);
	}
	if (probe_machine(machine, given.input, given.quiet ? NULL : stderr, &err) < 0)
		status = cli_fail(&err);
	else
		status = write_machine(&given, machine, &err);
	free(machine);
	return status;
}

const struct cli_command cmd_probe = {
	.name = "probe",
	.summary = "describe this machine, or a folder of saved /proc files, as a machine file",
	.run = run_probe,
};

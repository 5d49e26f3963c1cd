/* main: chooses the verb. */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/word.h"
#include "sim/cli/cli.h"
#include "sim/cli/version.h"

static const struct cli_command *const commands[] = {
	&cmd_import,
	&cmd_info,
	&cmd_cat,
	&cmd_gen,
	&cmd_probe,
	&cmd_calibrate,
	&cmd_replay,
	&cmd_sweep,
	&cmd_lint,
	&cmd_verify,
	&cmd_bisect,
	&cmd_merge,
	&cmd_query,
	&cmd_compare,
	&cmd_report,
	&cmd_proc,
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *out)
{
	fputs("Usage: kmemsim VERB [OPTION...] ARGUMENT...\n"
	      "Replays recorded Linux kernel allocation traces against a machine described in YAML.\n\n"
	      "  kmemsim import trace.dat -o boot.kmt\n"
	      "  kmemsim replay boot.kmt -m machine.yaml -o results.db\n"
	      "  kmemsim report results.db\n\nVerbs:\n",
		out);
	for (size_t i = 0; i < NR_COMMANDS; i++)
		fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n`kmemsim VERB --help` tells more. `kmemsim --version` names version and features.\n", out);
}

static const struct cli_command *find_command(const char *name)
{
	for (size_t i = 0; i < NR_COMMANDS; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

/* Return: the exit status. */
static int unknown_verb(const char *name)
{
	const char *names[NR_COMMANDS];
	char hint[64];

	for (size_t i = 0; i < NR_COMMANDS; i++)
		names[i] = commands[i]->name;
	if (name[0] == '-')
		fprintf(stderr, "kmemsim: unknown option \"%s\": a verb comes first; `kmemsim --help` lists them\n",
			name);
	else
		fprintf(stderr, "kmemsim: unknown verb \"%s\"%s `kmemsim --help` lists them\n", name,
			word_hint(name, names, NR_COMMANDS, ";", hint, sizeof(hint)));
	return err_exit_status(ERR_USAGE);
}

static int run_command(const struct cli_command *command, int argc, char **argv)
{
	char name[64];

	snprintf(name, sizeof(name), "kmemsim %s", command->name);
	argv[1] = name;
	program_invocation_name = name;
	return command->run(argc - 1, argv + 1);
}

/* `kmemsim help [VERB]` and `kmemsim --help`. Return: the exit status. */
static int help(int argc, char **argv)
{
	static char option[] = "--help";
	const struct cli_command *command = argc > 2 ? find_command(argv[2]) : NULL;
	char *asked[] = { argv[0], argc > 2 ? argv[2] : NULL, option, NULL };

	if (command)
		return run_command(command, 3, asked);
	if (argc > 2)
		return unknown_verb(argv[2]);
	print_usage(stdout);
	return cli_flush();
}

/* of address space: that of a replay of a million events without its large tables */
#define HEAP_BYTES      (16u << 20)
#define HEAP_STEP       (1u << 20)
#define HEAP_HEAD       (256u << 10) /* in small pages */
#define HUGE_PAGE_BYTES (2u << 20)

/*
 * The heap has huge pages where the system gives them on request: a run fills most of it, and a page fault for each
 * 4 KiB costs more than all that is put there (a virtual machine takes 5 us for each). None must be touched before
 * it is a huge page, so a head is in front of the first one, which holds the first block and where the C library
 * notes what is behind it.
 */
static void take_huge_pages(void)
{
	char *start = sbrk(0), *huge, *end, *first;
	size_t gap = (2 * HUGE_PAGE_BYTES - HEAP_HEAD - (uintptr_t)start % HUGE_PAGE_BYTES) % HUGE_PAGE_BYTES;

	if (start == (void *)-1 || sbrk((intptr_t)gap) == (void *)-1)
		return;
	start += gap;
	huge = start + HEAP_HEAD;
	mallopt(M_TOP_PAD, HEAP_BYTES);
	first = malloc(HEAP_HEAD / 8 * 5); /* more than the heap has at first, 132 KiB */
	end = sbrk(0);
	if (first >= start && first < huge && end > huge)
		(void)madvise(huge, (size_t)(end - huge) / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES, MADV_HUGEPAGE);
	free(first);
}

/*
 * Threads here allocate little, and mostly one at a time: they share the heap of the main one, which grows by large
 * steps. A heap of its own for each thread would grow page by page, with a system call that holds up the page
 * faults of all others.
 */
static void prepare_heap(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 1 << 20); /* large tables are mapped, and touched as they are used */
	mallopt(M_TRIM_THRESHOLD, HEAP_BYTES + HEAP_STEP); /* what is taken here stays */
	take_huge_pages();
	mallopt(M_TOP_PAD, HEAP_STEP);
}

int main(int argc, char **argv)
{
	const struct cli_command *command;

	prepare_heap();
	if (argc < 2) {
		print_usage(stderr);
		return err_exit_status(ERR_USAGE);
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "-?") || !strcmp(argv[1], "help"))
		return help(argc, argv);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		version_print(stdout);
		return cli_flush();
	}
	command = find_command(argv[1]);
	return command ? run_command(command, argc, argv) : unknown_verb(argv[1]);
}

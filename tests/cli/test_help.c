/* What the program says of itself: every verb begins with an example and ends with what its exit statuses mean. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/cli/run.h"

TestSuite(help, .init = run_enter, .fini = run_leave);

#define NR_VERBS 16

/* Fills @verbs with what `kmemsim --help` lists. */
static void list_verbs(char verbs[NR_VERBS][16])
{
	struct run_result result = run_shell("$K --help");
	const char *line = strstr(result.out, "\nVerbs:\n");

	cr_assert_not_null(line);
	line += strlen("\nVerbs:\n");
	for (int i = 0; i < NR_VERBS; i++) {
		cr_assert_eq(sscanf(line, "  %15[a-z]", verbs[i]), 1, "%s", line);
		line = strchr(line, '\n') + 1;
	}
	cr_assert_eq(*line, '\n', "more verbs than %d: %s", NR_VERBS, line);
	run_free(&result);
}

static size_t longest_line(const char *text)
{
	size_t longest = 0;

	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		if (strcspn(line, "\n") > longest)
			longest = strcspn(line, "\n");
	return longest;
}

/* An example that goes on in the next line at its beginning was too long to be copied. */
static void expect_whole_examples(const char *verb, const char *help)
{
	const char *line = strstr(help, "Example:"), *end = line ? strstr(line, "\n\n") : NULL;

	cr_assert(line && end, "%s --help has no example", verb);
	for (line += strcspn(line, "\n"); line < end; line += 1 + strcspn(line + 1, "\n"))
		cr_expect(!strncmp(line, "\n         ", 10) && line[10] != ' ', "%s --help wraps an example: %s", verb,
			line);
}

Test(help, each_verb_begins_with_an_example_and_ends_with_exit_statuses)
{
	char verbs[NR_VERBS][16];

	list_verbs(verbs);
	for (int i = 0; i < NR_VERBS; i++) {
		struct run_result result = run_shell("$K %s --help", verbs[i]);

		cr_expect_eq(result.status, 0);
		expect_whole_examples(verbs[i], result.out);
		cr_expect(strstr(result.out, "Exit status: 0"), "%s --help: no exit status", verbs[i]);
		cr_expect_leq(longest_line(result.out), 80, "%s --help", verbs[i]);
		run_free(&result);
	}
}

Test(help, all_ways_to_ask_for_help_give_the_same)
{
	static const char *const ways[] = { "$K replay -h", "$K replay -?", "$K help replay", "$K --help replay",
		"$K -h replay", "$K replay x.kmt y.yaml --help" };
	struct run_result wanted = run_shell("$K replay --help");

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct run_result result = run_shell("%s", ways[i]);

		cr_expect(result.status == 0 && !strcmp(result.out, wanted.out), "%s: %s%s", ways[i], result.out,
			result.err);
		run_free(&result);
	}
	run_free(&wanted);
}

Test(help, a_mistyped_verb_is_guessed)
{
	static const struct {
		const char *command, *says;
	} cases[] = {
		{ "$K relpay t.kmt", "unknown verb \"relpay\"; did you mean \"replay\"?" },
		{ "$K help repot", "unknown verb \"repot\"; did you mean \"report\"?" },
		{ "$K xyzzy", "unknown verb \"xyzzy\"; `kmemsim --help` lists them" },
		{ "$K --verison", "unknown option \"--verison\": a verb comes first" },
		{ "$K lint t.kmt --rule dobule_free",
			"there is no rule \"dobule_free\"; did you mean \"double_free\"?" },
		{ "$K compare r.db 1", "run 1 with which other run of r.db?" },
		{ "$K compare r.db", "which runs? RESULTS RUN RUN" },
		{ "$K import t.jsonl -o t.kmt -q; $K replay t.kmt -o r.db -q; $K proc r.db --file vmstat",
		  "no file \"vmstat\": its figures are in `kmemsim query r.db counters`" },
		{ "$K query r.db xyzzy", "no query \"xyzzy\"; `kmemsim query r.db` lists them" },
		{ "$K query r.db latncy",
			"no query \"latncy\"; did you mean \"latency\"? `kmemsim query r.db` lists them" },
		{ "$K query r.db runs --csv --json", "--csv or --json: one of them" },
		{ "$K compare r.db 1 1 --json --csv", "--csv or --json: one of them" },
		{ "$K proc r.db", "unusable_index or extfrag_index" },
		{ "$K report r.db --run 0", "--run: 0: they are numbered from 1 on" },
	};

	run_write("t.jsonl", "{\"event\":\"kmalloc\",\"id\":1,\"size\":8,\"gfp\":\"GFP_KERNEL\"}\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct run_result result = run_shell("%s", cases[i].command);

		cr_expect_eq(result.status, 2, "%s", cases[i].command);
		cr_expect(strstr(result.err, cases[i].says), "%s: %s", cases[i].command, result.err);
		run_free(&result);
	}
}

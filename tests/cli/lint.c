#include "tests/cli/lint.h"

#include <criterion/criterion.h>

#include "tests/cli/run.h"
#include "tests/cli/scenario.h"

void expect_found(const char *options, int status, const char *found)
{
	struct run_result result =
		run_shell("$K import t.jsonl -o t.kmt --quiet && rm -f r.db && $K lint t.kmt -o r.db --quiet %s",
			options);

	cr_expect_eq(result.status, status, "status %d: %s", result.status, result.err);
	run_free(&result);
	scenario_expect("select rule, severity, event_no from violations order by event_no, rule, severity", found);
}

void expect_text(int event, const char *part)
{
	cr_expect_eq(scenario_number("select instr(text, '%s') > 0 from violations where event_no = %d", part, event),
		1, "event %d does not say \"%s\"", event, part);
}

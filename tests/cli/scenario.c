#include "tests/cli/scenario.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/cli/run.h"

void scenario_add(const char *fmt, ...)
{
	FILE *file = fopen("t.jsonl", "a");
	va_list args;

	cr_assert_not_null(file);
	va_start(args, fmt);
	vfprintf(file, fmt, args);
	va_end(args);
	fputc('\n', file);
	fclose(file);
}

void scenario_replay(const char *machine_yaml)
{
	struct run_result result;

	run_write("m.yaml", machine_yaml);
	result = run_shell(
		"$K import t.jsonl -o t.kmt --quiet && $K replay t.kmt -m m.yaml -o r.db --quiet --check=1000");
	cr_assert_eq(result.status, 0, "%s", result.err);
	run_free(&result);
}

void scenario_expect(const char *sql, const char *answer)
{
	struct run_result result = run_shell("sqlite3 -separator ' ' r.db \"%s\"", sql);

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_expect_str_eq(result.out, answer, "%s:\n%s\nnot\n%s", sql, result.out, answer);
	run_free(&result);
}

long long scenario_number(const char *fmt, ...)
{
	struct run_result result;
	char sql[1024];
	long long number;
	va_list args;

	va_start(args, fmt);
	vsnprintf(sql, sizeof(sql), fmt, args);
	va_end(args);
	result = run_shell("sqlite3 r.db \"%s\"", sql);
	cr_assert_eq(result.status, 0, "%s", result.err);
	number = strtoll(result.out, NULL, 10);
	run_free(&result);
	return number;
}

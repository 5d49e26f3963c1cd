#include "tests/cli/run.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];

/* Return: whether it is gone, or never was. */
static bool remove_folder(void)
{
	char command[192];
	bool gone = true;

	snprintf(command, sizeof(command), "chmod -R u+w %s; rm -rf %s", folder, folder);
	if (folder[0])
		gone = chdir("/") == 0 && system(command) == 0;
	folder[0] = 0;
	return gone;
}

static void at_exit(void)
{
	remove_folder();
}

void run_enter(void)
{
	cr_assert_not_null(getenv("KMEMSIM"), "the build sets KMEMSIM");
	cr_assert_eq(unsetenv("COLUMNS"), 0);
	/* Who fails or skips does not come to run_leave(). */
	cr_assert_eq(atexit(at_exit), 0);
	strcpy(folder, "/tmp/kmemsim-test-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(chdir(folder), 0);
}

void run_leave(void)
{
	cr_assert(remove_folder());
}

void run_write(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	cr_assert_not_null(file);
	cr_assert_neq(fputs(text, file), EOF);
	cr_assert_eq(fclose(file), 0);
}

static char *read_all(const char *name)
{
	char *text = calloc(1, RUN_TEXT_MAX);
	FILE *file = fopen(name, "r");

	cr_assert(text && file);
	cr_assert_lt(fread(text, 1, RUN_TEXT_MAX - 1, file), RUN_TEXT_MAX);
	fclose(file);
	return text;
}

struct run_result run_shell(const char *fmt, ...)
{
	struct run_result result;
	char command[8192], whole[8400];
	va_list args;
	int status;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	snprintf(whole, sizeof(whole), "K=$KMEMSIM; { %s; } >.out 2>.err", command);
	status = system(whole);
	result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	result.out = read_all(".out");
	result.err = read_all(".err");
	return result;
}

void run_ok(const char *fmt, ...)
{
	struct run_result result;
	char command[8192];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	result = run_shell("%s", command);
	cr_assert_eq(result.status, 0, "%s: %d: %s%s", command, result.status, result.out, result.err);
	run_free(&result);
}

void run_free(struct run_result *result)
{
	free(result->out);
	free(result->err);
}

const char *run_shared(void)
{
	const char *shared = getenv("KMEMSIM_SHARED");

	return shared && access(shared, R_OK) == 0 ? shared : NULL;
}

double run_number(const char *json, const char *key)
{
	char quoted[128];
	const char *at;

	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	at = strstr(json, quoted);
	cr_assert_not_null(at, "no %s in %.400s", quoted, json);
	return strtod(at + strlen(quoted), NULL);
}

/* run: runs the built program as its user does, in a folder of its own. */
#ifndef KMEMSIM_TESTS_CLI_RUN_H
#define KMEMSIM_TESTS_CLI_RUN_H

#define RUN_TEXT_MAX (1 << 20)

struct run_result {
	int status;              /* exit status; 128 + signal if a signal ended it */
	char *out, *err;         /* what it printed; freed by run_free() */
};

/** run_enter() - change to a new empty folder; the program is $KMEMSIM, given by the build. */
void run_enter(void);
/** run_leave() - remove that folder. */
void run_leave(void);

/** run_write() - a file of the folder. */
void run_write(const char *name, const char *text);
/** run_shell() - run a shell command in which $K is the program. Freed by run_free(). */
struct run_result run_shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/** run_ok() - run_shell() of what must succeed, and whose output nobody wants. */
void run_ok(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void run_free(struct run_result *result);

/** run_shared() - path of the folder of captures, NULL where there is none. */
const char *run_shared(void);

/** run_number() - the number behind "@key": in JSON text; fails the test when it is not there. */
double run_number(const char *json, const char *key);

#endif

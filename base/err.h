/*
 * err: what went wrong with kmemsim itself, as text that grows outward.
 * Knows nothing of the simulator. What the modelled kernel answers (no memory, must wait) is not an error.
 */
#ifndef KMEMSIM_BASE_ERR_H
#define KMEMSIM_BASE_ERR_H

/*
 * The one list of error codes: name, process exit status.
 * USAGE: the command line is wrong; CONFIG: a YAML file; TRACE: a trace file; RESULTS: a results database that
 * cannot be used; IO: the operating system refused; NOMEM: no memory for kmemsim; INVARIANT: the model broke
 * one of its own rules; INTERRUPTED: SIGINT or SIGTERM.
 */
#define ERR_CODES(X)          \
	X(USAGE, 2)           \
	X(CONFIG, 2)          \
	X(TRACE, 2)           \
	X(RESULTS, 2)         \
	X(IO, 3)              \
	X(NOMEM, 3)           \
	X(INVARIANT, 3)       \
	X(INTERRUPTED, 130)

enum err_code {
	ERR_NONE,
#define X(name, status) ERR_##name,
	ERR_CODES(X)
#undef X
};

/* Room for some twenty findings of a configuration file, each with its source line. */
#define ERR_TEXT_MAX 8192

struct err {
	enum err_code code;
	char text[ERR_TEXT_MAX];
};

/**
 * err_set() - record what failed, where it failed.
 * @err: filled; may be NULL when the caller wants only the return value.
 *
 * Return: the negative code, so that the line that fails is the line that returns. (A macro, so that the compiler
 * sees that it is negative and what the caller then leaves alone.)
 */
#define err_set(err, code, ...) __extension__({ err_record((err), (code), __VA_ARGS__); -(int)(code); })
void err_record(struct err *err, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/** err_errno() - as err_set() with ERR_IO (ERR_NOMEM for ENOMEM), with ": " and the text of errno behind it. */
int err_errno(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** err_context() - put "context: " in front of the text. Return: the negative code already there. */
int err_context(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** err_exit_status() - the documented exit status of a code; 0 for ERR_NONE. */
int err_exit_status(enum err_code code);

#endif

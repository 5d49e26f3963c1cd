#include "sim/cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/json.h"
#include "base/units.h"
#include "base/wall_clock.h"

/* A signal handler, and what exit() calls, can reach nothing but file scope. */
static volatile sig_atomic_t interrupted;
static volatile sig_atomic_t status_wanted;
static bool parsing;

static void on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

static void on_status(int sig)
{
	(void)sig;
	status_wanted = 1;
}

void cli_catch_signals(void)
{
	struct sigaction once = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };
	struct sigaction status = { .sa_handler = on_status, .sa_flags = SA_RESTART };

	sigaction(SIGINT, &once, NULL);
	sigaction(SIGTERM, &once, NULL);
	sigaction(SIGUSR1, &status, NULL);
	/* Both come as errors of write(), which are told with the file's name. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

bool cli_interrupted(void)
{
	return interrupted;
}

bool cli_stop(void *arg)
{
	(void)arg;
	return cli_interrupted();
}

/* argp has --help and -?; hands know -h. No verb has an option -h of its own. */
static void spell_help(int argc, char **argv)
{
	static char help[] = "--help";

	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "-h"))
			argv[i] = help;
}

/* argp ends the program itself after --help, which may not have gone out. */
static void flush_help(void)
{
	int status = parsing ? cli_flush() : 0;

	if (status)
		_exit(status);
}

int cli_parse(const struct argp *argp, int argc, char **argv, void *input)
{
	int status;

	argp_err_exit_status = 2;
	spell_help(argc, argv);
	parsing = true;
	atexit(flush_help);
	status = argp_parse(argp, argc, argv, 0, NULL, input) ? 2 : 0;
	parsing = false;
	return status;
}

/* What a file holds or is called does not command the terminal: bytes that are no text become '?'. */
static void print_text(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	for (size_t left = strlen(text), n; left; s += n, left -= n) {
		size_t whole = utf8_length(s, left);
		bool control = (*s < 0x20 && *s != '\n' && *s != '\t') || *s == 0x7f ||
			(*s == 0xc2 && whole && s[1] < 0xa0); /* U+0080 to U+009f */

		n = whole ? whole : 1;
		if (!whole || control)
			putc('?', out);
		else
			fwrite(s, 1, n, out);
	}
}

int cli_fail(const struct err *err)
{
	fflush(stdout);
	fputs("kmemsim: ", stderr);
	print_text(stderr, err->text);
	putc('\n', stderr);
	return err_exit_status(err->code);
}

int cli_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	/* The reader of a pipe went away: it has what it wanted. */
	if (errno == EPIPE)
		return 0;
	fprintf(stderr, "kmemsim: cannot write to standard output: %s\n", strerror(errno));
	return err_exit_status(ERR_IO);
}

unsigned int cli_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;

	if (columns && atoi(columns) > 0)
		return (unsigned int)atoi(columns);
	return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* A line that is longer than the terminal is wide could not be taken back. */
static int terminal_columns(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
}

void cli_progress_start(struct cli_progress *progress, const char *what, bool quiet)
{
	progress->what = what;
	progress->quiet = quiet || !isatty(STDERR_FILENO);
	progress->start_ns = progress->last_ns = wall_clock_ns();
}

void cli_progress_put(const char *line)
{
	fprintf(stderr, "\r\033[K%.*s", terminal_columns() - 1, line);
}

bool cli_status_wanted(void)
{
	bool wanted = status_wanted;

	status_wanted = 0;
	return wanted;
}

void cli_progress_show(struct cli_progress *progress, uint64_t done, uint64_t total, uint64_t events, const char *note)
{
	uint64_t now;
	double seconds, share;
	char line[256];

	if (progress->quiet && !status_wanted)
		return;
	now = wall_clock_ns();
	if (now - progress->last_ns < 1000000000u && !status_wanted)
		return;
	progress->last_ns = now;
	seconds = (double)(now - progress->start_ns) / 1e9;
	share = total ? (double)done / (double)total : 0;
	snprintf(line, sizeof(line), "%s: %.0f %%, %.2f M events, %.2f M events/s, %.0f s left%s%s", progress->what,
		100 * share, (double)events / 1e6, seconds > 0 ? (double)events / 1e6 / seconds : 0.0,
		share > 0 ? seconds / share - seconds : 0.0, note ? ", " : "", note ? note : "");
	if (status_wanted)
		fprintf(stderr, "%s\n", line);
	else
		cli_progress_put(line);
	status_wanted = 0;
}

void cli_progress_end(struct cli_progress *progress)
{
	if (!progress->quiet)
		fputs("\r\033[K", stderr);
}

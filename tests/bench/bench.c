/*
 * bench: where the speed stands, for a given trace: events per second of replay (with recording, without, without
 * the decoding thread), the ratio of that to merely inflating the same file with zlib in one thread, import rate,
 * peak memory and what of it is fixed and what a live object takes. Whole commands are timed, each several times;
 * the fastest counts, as machines are noisy. With --instructions also what replay executes per event: that repeats
 * exactly. With --sweep also what a sweep gains from all cores, and what it costs beyond its replays
 * (bench_sweep.c).
 *
 * Replay does not read the optional recorded columns of a file and inflating does, so the file's share of them is told,
 * too: a trace imported without them is the stricter measure.
 *
 *   build/tests/bench/bench boot.kmt -m machine.yaml [--source trace.dat] [--runs 3] [--instructions]
 *	[--sweep] [--json]
 */
#include <argp.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/bench/bench.h"

/* All that was measured; what was not asked for stays zero. */
struct figures {
	struct timing recorded, bare, single, import;
	struct timing first;     /* up to the first event: machine booted, slots in place */
	uint64_t slots;          /* objects that are alive at once, at most */
	struct sweep_figures sweep;
	double inflate_s;
	uint64_t inflated;       /* bytes */
	uint64_t bytes_recorded; /* of optional columns in the file */
	uint64_t instructions;   /* of a replay with recording; 0 = not counted */
};

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double seconds(struct timeval tv)
{
	return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

/* The kmemsim of the same build: build/tests/bench/bench -> build/sim/cli/kmemsim. */
static void find_programs(struct place *place)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len < 0) {
		perror("bench: /proc/self/exe");
		exit(3);
	}
	self[len] = '\0';
	strcpy(place->bench, self);
	for (int up = 0; up < 3; up++)
		*strrchr(self, '/') = '\0';
	snprintf(place->kmemsim, PATH_MAX, "%.*s/sim/cli/kmemsim", PATH_MAX - 20, self);
}

/* The number behind "name": in what a command printed, 0 when it is not there. */
static uint64_t number_in(const char *text, const char *name)
{
	char key[32];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(text, key);
	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

/* Run a command; its standard output is left in @text. Return: its status as waitpid() gives it. */
static int run_command(char *const argv[], char *text, size_t size, bool quiet, struct rusage *usage)
{
	size_t len = 0;
	ssize_t got;
	int out[2], status;
	pid_t child;

	if (pipe(out) < 0 || (child = fork()) < 0) {
		perror("bench");
		exit(3);
	}
	if (child == 0) {
		dup2(out[1], STDOUT_FILENO);
		if (quiet)
			dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		close(out[0]);
		close(out[1]);
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	close(out[1]);
	while ((got = read(out[0], text + len, size - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	close(out[0]);
	wait4(child, &status, 0, usage);
	return status;
}

/* Instructions of this process and of those that it starts from now on. Return: -1 where they cannot be counted. */
static int counter_open(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.inherit = 1,
		.exclude_kernel = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* What was counted; the counter is closed. */
static uint64_t counter_read(int fd)
{
	uint64_t count = 0;

	if (fd < 0)
		return 0;
	if (read(fd, &count, sizeof(count)) != sizeof(count))
		count = 0;
	close(fd);
	return count;
}

struct timing time_once(char *const argv[])
{
	struct timing timing = { 0 };
	struct rusage usage;
	char text[1 << 16];
	int counter = counter_open();
	double start = now_s();
	int status = run_command(argv, text, sizeof(text), false, &usage);

	timing.wall_s = now_s() - start;
	timing.instructions = counter_read(counter);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "bench: %s %s failed\n", argv[0], argv[1]);
		exit(3);
	}
	timing.cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
	timing.peak_mib = (double)usage.ru_maxrss / 1024;
	timing.events = number_in(text, "events");
	return timing;
}

static struct timing time_best(char *const argv[], unsigned int runs)
{
	struct timing best = time_once(argv);

	for (unsigned int i = 1; i < runs; i++) {
		struct timing timing = time_once(argv);

		if (timing.wall_s < best.wall_s)
			best = timing;
	}
	return best;
}

/* Inflate the file as any gzip reader would; nothing is done with the bytes. */
static double inflate_once(const char *path, uint64_t *bytes)
{
	static char buf[1 << 18];
	double start = now_s();
	gzFile file = gzopen(path, "rb");
	int got;

	if (!file) {
		perror(path);
		exit(3);
	}
	gzbuffer(file, 1 << 18);
	*bytes = 0;
	while ((got = gzread(file, buf, sizeof(buf))) > 0)
		*bytes += (uint64_t)got;
	gzclose(file);
	return now_s() - start;
}

static void inflate_best(const struct args *args, struct figures *f)
{
	for (unsigned int i = 0; i < args->runs; i++) {
		double s = inflate_once(args->trace, &f->inflated);

		if (i == 0 || s < f->inflate_s)
			f->inflate_s = s;
	}
}

/* A replay command. Strings of argv are not changed by execv(), whatever its type says. */
static void replay_command(const struct args *args, const struct place *place, const char *option, char *argv[12])
{
	int n = 0;

	argv[n++] = (char *)place->kmemsim;
	argv[n++] = "replay";
	argv[n++] = (char *)args->trace;
	argv[n++] = "--json";
	if (args->machine) {
		argv[n++] = "-m";
		argv[n++] = (char *)args->machine;
	}
	if (option)
		argv[n++] = (char *)option;
	if (option && !strcmp(option, "-o"))
		argv[n++] = (char *)place->db;
	argv[n] = NULL;
}

static uint64_t slots_of(const struct args *args, const struct place *place)
{
	char *const argv[] = { (char *)place->kmemsim, "info", (char *)args->trace, "--json", NULL };
	char text[1 << 16];
	struct rusage usage;

	run_command(argv, text, sizeof(text), true, &usage);
	return number_in(text, "slots");
}

static void time_replays(const struct args *args, const struct place *place, struct figures *f)
{
	char *argv[12];

	/* Each run gets a new database, as a first run does. */
	replay_command(args, place, "-o", argv);
	for (unsigned int i = 0; i < args->runs; i++) {
		struct timing timing = time_once(argv);

		if (i == 0 || timing.wall_s < f->recorded.wall_s)
			f->recorded = timing;
		unlink(place->db);
	}
	replay_command(args, place, NULL, argv);
	f->bare = time_best(argv, args->runs);
	replay_command(args, place, "--no-thread", argv);
	f->single = time_best(argv, args->runs);
	replay_command(args, place, "--limit=1", argv);
	f->first = time_best(argv, 1);
	f->slots = slots_of(args, place);
}

/* What the table of slots has for each: struct object of sim/run.h. It is filled before the first event. */
#define SLOT_BYTES 32.0

/*
 * Bytes that each object costs of those that are alive at once: its slot, and what a replay takes beyond its first
 * event, which is slabs and pages that are touched, tables that grow, and a second batch of events. The rest of the
 * peak is fixed: the program, the trace's tables, the booted machine and a batch.
 */
static double per_object(const struct figures *f)
{
	double bytes = (f->bare.peak_mib - f->first.peak_mib) * (1 << 20);

	return f->slots ? SLOT_BYTES + (bytes > 0 ? bytes / (double)f->slots : 0) : 0;
}

static double fixed_mib(const struct figures *f)
{
	return f->first.peak_mib - (double)f->slots * SLOT_BYTES / (1 << 20);
}

/* Instructions of a whole replay with recording: valgrind tells them as "Collected : N" on standard error. */
static void count_instructions(const struct args *args, const struct place *place, struct figures *f)
{
	char *argv[20] = { "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--log-fd=1" };
	char text[1 << 16];
	struct rusage usage;
	const char *at;

	replay_command(args, place, "-o", argv + 4);
	if (run_command(argv, text, sizeof(text), true, &usage) != 0) {
		fprintf(stderr, "bench: instructions are not counted: valgrind is missing or failed\n");
		return;
	}
	at = strstr(text, "Collected : ");
	if (at)
		f->instructions = strtoull(at + strlen("Collected : "), NULL, 10);
}

static void count_recorded(const struct args *args, const struct place *place, struct figures *f)
{
	char *const argv[] = { (char *)place->kmemsim, "info", (char *)args->trace, "--json", NULL };
	char text[1 << 16];
	struct rusage usage;

	run_command(argv, text, sizeof(text), true, &usage);
	f->bytes_recorded = number_in(text, "bytes_recorded");
}

static void time_import(const struct args *args, const struct place *place, struct figures *f)
{
	char *const argv[] = { (char *)place->kmemsim, "import", (char *)args->source, "-o", (char *)place->kmt,
		"--json", "--quiet", NULL };

	f->import = time_best(argv, args->runs);
}

static double per_event(const struct figures *f)
{
	return f->recorded.events ? (double)f->instructions / (double)f->recorded.events : 0;
}

static void json_row(const char *name, const struct timing *t)
{
	printf("  \"%s\": {\"wall_s\": %.4f, \"cpu_s\": %.4f, \"million_events_per_s\": %.3f, \"peak_mib\": %.1f},\n",
		name, t->wall_s, t->cpu_s, (double)t->events / t->wall_s / 1e6, t->peak_mib);
}

static void print_json(const struct args *args, const struct figures *f)
{
	printf("{\n");
	json_row("replay", &f->recorded);
	json_row("replay_unrecorded", &f->bare);
	json_row("replay_one_thread", &f->single);
	if (args->source)
		json_row("import", &f->import);
	if (f->instructions)
		printf("  \"instructions_per_event\": %.1f,\n", per_event(f));
	if (args->sweep)
		sweep_print_json(&f->sweep);
	printf("  \"bytes_per_live_object\": %.1f, \"fixed_mib\": %.1f, \"slots\": %" PRIu64 ",\n", per_object(f),
		fixed_mib(f), f->slots);
	printf("  \"trace\": \"%s\", \"events\": %" PRIu64 ", \"bytes_recorded\": %" PRIu64
	       ", \"inflate_wall_s\": %.4f, "
	       "\"inflated_bytes\": %" PRIu64 ", \"replay_to_inflate\": %.3f\n}\n",
		args->trace, f->recorded.events, f->bytes_recorded, f->inflate_s, f->inflated,
		f->recorded.wall_s / f->inflate_s);
}

static void text_row(const char *name, const struct timing *t)
{
	printf("%-18s %8.3f s wall %8.3f s cpu %8.2f M events/s %8.1f MiB peak\n", name, t->wall_s, t->cpu_s,
		(double)t->events / t->wall_s / 1e6, t->peak_mib);
}

static void print_text(const struct args *args, const struct figures *f)
{
	text_row("replay", &f->recorded);
	text_row("replay_unrecorded", &f->bare);
	text_row("replay_one_thread", &f->single);
	if (args->source)
		text_row("import", &f->import);
	printf("%-18s %8.3f s wall for %.1f MiB; replay takes %.2f times that\n", "inflate only", f->inflate_s,
		(double)f->inflated / (1 << 20), f->recorded.wall_s / f->inflate_s);
	if (f->bytes_recorded)
		printf("%-18s %8.1f KiB of the file, which only inflating reads\n", "recorded columns",
			(double)f->bytes_recorded / 1024);
	if (f->instructions)
		printf("%-18s %8.1f an event, start and end included\n", "instructions", per_event(f));
	printf("%-18s %8.1f MiB before the first event, and %.1f bytes for each of up to %" PRIu64 " live objects\n",
		"memory", fixed_mib(f), per_object(f), f->slots);
	if (args->sweep)
		sweep_print_text(&f->sweep);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct args *args = state->input;

	switch (key) {
	case 'm':
		args->machine = text;
		return 0;
	case 's':
		args->source = text;
		return 0;
	case 'r':
		args->runs = (unsigned int)strtoul(text, NULL, 10);
		if (!args->runs)
			argp_error(state, "--runs: at least 1");
		return 0;
	case 'i':
		args->instructions = true;
		return 0;
	case 'w':
		args->sweep = true;
		return 0;
	case 'j':
		args->json = true;
		return 0;
	case 'D':
		args->decode = true;
		return 0;
	case ARGP_KEY_ARG:
		args->trace = text;
		return 0;
	case ARGP_KEY_END:
		if (!args->trace)
			argp_error(state, "which trace?");
		if (args->sweep && !args->machine)
			argp_error(state, "--sweep: of which machine (-m)?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "machine", 'm', "FILE", 0, "Machine to replay on (without it: the default one)", 0 },
		{ "source", 's', "FILE", 0, "Also time the import of this recording", 0 },
		{ "runs", 'r', "N", 0, "Runs of each command; the fastest counts (3)", 0 },
		{ "instructions", 'i', NULL, 0, "Also count the instructions of a replay (needs valgrind)", 0 },
		{ "sweep", 'w', NULL, 0,
			"Also time a sweep of 64 runs, on one core and on all, against single replays", 0 },
		{ "json", 'j', NULL, 0, "JSON", 0 },
		{ "decode", 'D', NULL, OPTION_HIDDEN,
			"Only decode the trace: what --sweep runs to know what that costs", 0 },
		{ 0 },
	};
	static const struct argp argp = { options, parse, "TRACE", "Times replay, inflate and import of a trace.", NULL,
		NULL, NULL };
	struct args args = { .runs = 3 };
	struct place place = { .dir = "/tmp/kmemsim-bench-XXXXXX" };
	struct figures figures = { 0 };

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	if (args.decode)
		return decode_all(args.trace);
	find_programs(&place);
	if (!mkdtemp(place.dir)) {
		perror(place.dir);
		return 3;
	}
	snprintf(place.db, sizeof(place.db), "%s/results.db", place.dir);
	snprintf(place.kmt, sizeof(place.kmt), "%s/trace.kmt", place.dir);
	snprintf(place.yaml, sizeof(place.yaml), "%s/sweep.yaml", place.dir);
	inflate_best(&args, &figures);
	time_replays(&args, &place, &figures);
	count_recorded(&args, &place, &figures);
	if (args.source)
		time_import(&args, &place, &figures);
	if (args.instructions)
		count_instructions(&args, &place, &figures);
	if (args.sweep)
		time_sweeps(&args, &place, &figures.sweep);
	if (args.json)
		print_json(&args, &figures);
	else
		print_text(&args, &figures);
	unlink(place.db);
	unlink(place.kmt);
	unlink(place.yaml);
	rmdir(place.dir);
	return 0;
}

/*
 * bench: where the speed stands, for a given trace: events per second of replay (with recording, without, without the
 * decoding thread), the ratio of that to merely inflating the same file with zlib in one thread, import rate, and
 * peak memory. Whole commands are timed, each several times; the fastest counts, as machines are noisy.
 *
 *   build/tests/bench/bench boot.kmt -m machine.yaml [--source trace.dat] [--runs 3] [--json]
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

struct args {
	const char *trace, *machine, *source;
	unsigned int runs;
	bool json;
};

/* One command, timed. */
struct timing {
	double wall_s, cpu_s;
	double peak_mib;
	uint64_t events;
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
static void find_kmemsim(char path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len < 0) {
		perror("bench: /proc/self/exe");
		exit(3);
	}
	self[len] = '\0';
	for (int up = 0; up < 3; up++)
		*strrchr(self, '/') = '\0';
	snprintf(path, PATH_MAX, "%.*s/sim/cli/kmemsim", PATH_MAX - 20, self);
}

/* The number behind "events": in what the command printed. */
static uint64_t events_in(const char *text)
{
	const char *at = strstr(text, "\"events\":");

	return at ? strtoull(at + strlen("\"events\":"), NULL, 10) : 0;
}

static struct timing time_once(char *const argv[])
{
	struct timing timing = { 0 };
	struct rusage usage;
	char text[1 << 16];
	size_t len = 0;
	ssize_t got;
	int out[2], status;
	double start = now_s();
	pid_t child;

	if (pipe(out) < 0 || (child = fork()) < 0) {
		perror("bench");
		exit(3);
	}
	if (child == 0) {
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		close(out[1]);
		execv(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	close(out[1]);
	while ((got = read(out[0], text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	close(out[0]);
	wait4(child, &status, 0, &usage);
	timing.wall_s = now_s() - start;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "bench: %s %s failed\n", argv[0], argv[1]);
		exit(3);
	}
	timing.cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
	timing.peak_mib = (double)usage.ru_maxrss / 1024;
	timing.events = events_in(text);
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

static void print_row(const struct args *args, const char *name, const struct timing *t, uint64_t events, bool last)
{
	double rate = (double)events / t->wall_s / 1e6;

	if (args->json)
		printf("  \"%s\": {\"wall_s\": %.4f, \"cpu_s\": %.4f, \"million_events_per_s\": %.3f, \"peak_mib\": %.1f}%s\n",
			name, t->wall_s, t->cpu_s, rate, t->peak_mib, last ? "" : ",");
	else
		printf("%-18s %8.3f s wall %8.3f s cpu %8.2f M events/s %8.1f MiB peak\n", name, t->wall_s, t->cpu_s, rate,
			t->peak_mib);
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
	case 'j':
		args->json = true;
		return 0;
	case ARGP_KEY_ARG:
		args->trace = text;
		return 0;
	case ARGP_KEY_END:
		if (!args->trace)
			argp_error(state, "which trace?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "machine", 'm', "FILE", 0, "Machine to replay on", 0 },
		{ "source", 's', "FILE", 0, "Also time the import of this recording", 0 },
		{ "runs", 'r', "N", 0, "Runs of each command; the fastest counts (3)", 0 },
		{ "json", 'j', NULL, 0, "JSON", 0 },
		{ 0 },
	};
	static const struct argp argp = { options, parse, "TRACE", "Times replay, inflate and import of a trace.", NULL, NULL, NULL };
	struct args args = { .runs = 3 };
	char kmemsim[PATH_MAX], dir[] = "/tmp/kmemsim-bench-XXXXXX", db[64], kmt[64];
	struct timing recorded, bare, single, import = { 0 };
	double inflate_s = 1e9;
	uint64_t inflated = 0;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	find_kmemsim(kmemsim);
	if (!mkdtemp(dir)) {
		perror(dir);
		return 3;
	}
	snprintf(db, sizeof(db), "%s/results.db", dir);
	snprintf(kmt, sizeof(kmt), "%s/trace.kmt", dir);
	for (unsigned int i = 0; i < args.runs; i++) {
		double s = inflate_once(args.trace, &inflated);

		if (s < inflate_s)
			inflate_s = s;
	}
	const char *machine = args.machine ? args.machine : "/dev/null";
	char *const with_db[] = { kmemsim, "replay", (char *)args.trace, "--json", "-o", db, "-m", (char *)machine, NULL };
	char *const without[] = { kmemsim, "replay", (char *)args.trace, "--json", "-m", (char *)machine, NULL };
	char *const one_thread[] = { kmemsim, "replay", (char *)args.trace, "--json", "--no-thread", "-m", (char *)machine, NULL };
	char *const importing[] = { kmemsim, "import", (char *)args.source, "-o", kmt, "--json", "--quiet", NULL };

	recorded = time_best(with_db, args.runs);
	bare = time_best(without, args.runs);
	single = time_best(one_thread, args.runs);
	if (args.source)
		import = time_best(importing, args.runs);
	if (args.json)
		printf("{\n  \"trace\": \"%s\", \"events\": %" PRIu64 ", \"inflate_wall_s\": %.4f, \"inflated_bytes\": %" PRIu64
		       ", \"replay_to_inflate\": %.3f,\n",
			args.trace, recorded.events, inflate_s, inflated, recorded.wall_s / inflate_s);
	print_row(&args, "replay", &recorded, recorded.events, false);
	print_row(&args, "replay_unrecorded", &bare, bare.events, false);
	print_row(&args, "replay_one_thread", &single, single.events, !args.source);
	if (args.source)
		print_row(&args, "import", &import, import.events, true);
	if (args.json)
		printf("}\n");
	else
		printf("%-18s %8.3f s wall for %.1f MiB; replay takes %.2f times that\n", "inflate only", inflate_s,
			(double)inflated / (1 << 20), recorded.wall_s / inflate_s);
	unlink(db);
	unlink(kmt);
	rmdir(dir);
	return 0;
}

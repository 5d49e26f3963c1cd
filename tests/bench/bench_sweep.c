/*
 * bench_sweep: what a sweep of 64 runs gains from all cores, and what it costs beyond the same replays one by one.
 *
 * The gain is measured by the clock, one core and all in turns. On a machine that others use, too, the clock tells
 * little: so also by what the sweep has to do before and after its runs, which one process does while the others
 * wait (Amdahl): a sweep of one run against one of 64 tells it.
 *
 * The cost beyond the replays: (sweep - 64 replays + 63 times decoding) / (64 replays - 63
 * times decoding), because a sweep decodes once. Both record the same into one database.
 */
#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "traces/reader.h"

#define RUNS 64u
#define REPLAYS 4u /* that are measured; they are alike */

int decode_all(const char *path)
{
	struct trace_reader *reader;
	struct trace_batch batch;
	struct err err = { 0 };
	int ret = trace_open(&reader, path, &(struct trace_reader_options){ 0 }, &err);

	if (ret == 0) {
		while ((ret = trace_next(reader, &batch, &err)) > 0)
			;
		trace_close(reader);
	}
	if (ret < 0)
		fprintf(stderr, "bench: %s\n", err.text);
	return ret < 0 ? 3 : 0;
}

static void write_sweep(const struct args *args, const struct place *place, const char *detail, unsigned int repeat)
{
	char trace[PATH_MAX], machine[PATH_MAX];
	FILE *file = fopen(place->yaml, "w");

	if (!file || !realpath(args->trace, trace) || !realpath(args->machine, machine)) {
		perror("bench: sweep");
		exit(3);
	}
	fprintf(file, "kmemsim: 1\nname: bench\nmachine: %s\ntrace: %s\nrepeat: %u\ndetail: %s\n", machine, trace,
		repeat, detail);
	fclose(file);
}

static struct timing time_sweep(const struct place *place, long jobs)
{
	char text[24];
	char *const argv[] = { (char *)place->kmemsim, "sweep", (char *)place->yaml, "-o", (char *)place->db, "-q",
		"-j", text, NULL };
	struct timing timing;

	snprintf(text, sizeof(text), "%ld", jobs);
	timing = time_once(argv);
	unlink(place->db);
	return timing;
}

static double cost(const struct sweep_figures *f, const struct timing *timing)
{
	return f->counted ? (double)timing->instructions : timing->cpu_s;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, unsigned int nr)
{
	qsort(values, nr, sizeof(*values), by_value);
	return nr % 2 ? values[nr / 2] : (values[nr / 2 - 1] + values[nr / 2]) / 2;
}

/* One core and all, in turns. */
static struct timing time_cores(const struct args *args, const struct place *place, struct sweep_figures *f)
{
	double *one = calloc(args->runs, sizeof(*one)), *all = calloc(args->runs, sizeof(*all));
	struct timing first = { 0 }, other;

	if (!one || !all) {
		perror("bench");
		exit(3);
	}
	for (unsigned int i = 0; i < args->runs; i++) {
		struct timing timing = time_sweep(place, 1);

		if (i == 0)
			first = timing;
		other = time_sweep(place, f->cores);
		one[i] = timing.wall_s;
		all[i] = other.wall_s;
		f->one_cpu_s += timing.cpu_s / args->runs;
		f->all_cpu_s += other.cpu_s / args->runs;
	}
	f->one_s = median(one, args->runs);
	f->all_s = median(all, args->runs);
	free(one);
	free(all);
	return first;
}

/* The replays take samples when the sweep does: at each twentieth of the trace. */
static double replay_cost(const struct args *args, const struct place *place, const struct sweep_figures *f)
{
	struct trace_reader *reader;
	char sample[32];
	char *const argv[] = { (char *)place->kmemsim, "replay", (char *)args->trace, "-m", (char *)args->machine, "-o",
		(char *)place->db, "-q", "--sample-time", sample, NULL };
	double sum = 0;

	if (trace_open(&reader, args->trace, NULL, NULL) < 0)
		exit(3);
	snprintf(sample, sizeof(sample), "%llu",
		(unsigned long long)((trace_meta(reader)->last_ns - trace_meta(reader)->first_ns) / 20));
	trace_close(reader);
	for (unsigned int i = 0; i <= REPLAYS; i++) {
		struct timing timing = time_once(argv);

		sum += i ? cost(f, &timing) / REPLAYS : 0; /* the first one makes the database */
	}
	unlink(place->db);
	return sum;
}

void time_sweeps(const struct args *args, const struct place *place, struct sweep_figures *f)
{
	char *const decode[] = { (char *)place->bench, "--decode", (char *)args->trace, NULL };
	struct timing many, one, timing;

	f->runs = RUNS;
	f->cores = sysconf(_SC_NPROCESSORS_ONLN);
	write_sweep(args, place, "summary", RUNS);
	many = time_cores(args, place, f);
	f->counted = many.instructions > 0;
	write_sweep(args, place, "summary", 1);
	one = time_sweep(place, 1);
	f->run = (cost(f, &many) - cost(f, &one)) / (RUNS - 1);
	f->fixed = cost(f, &one) - f->run;
	write_sweep(args, place, "full", RUNS);
	timing = time_sweep(place, 1);
	f->full = cost(f, &timing);
	f->replay = replay_cost(args, place, f);
	timing = time_once(decode);
	f->decode = cost(f, &timing);
}

static double speedup(const struct sweep_figures *f)
{
	return (f->fixed + f->runs * f->run) / (f->fixed + f->runs * f->run / (double)f->cores);
}

static double overhead(const struct sweep_figures *f)
{
	double replays = f->runs * f->replay - (f->runs - 1) * f->decode;

	return f->full / replays - 1;
}

void sweep_print_text(const struct sweep_figures *f)
{
	const char *by = f->counted ? "instructions" : "CPU time";

	printf("%-18s %8.3f s wall on one core, %.3f s on %ld: %.2f times as fast; %.2f and %.2f s of CPU time\n",
		"sweep of 64 runs", f->one_s, f->all_s, f->cores, f->one_s / f->all_s, f->one_cpu_s, f->all_cpu_s);
	printf("%-18s %8.2f times as fast on %ld cores by %s: %.2f %% of the sweep is before and after its runs\n", "",
		speedup(f), f->cores, by, 100 * f->fixed / (f->fixed + f->runs * f->run));
	printf("%-18s %+8.2f %% by %s against the same replays one by one, decoding but once\n", "sweep overhead",
		100 * overhead(f), by);
}

void sweep_print_json(const struct sweep_figures *f)
{
	printf("  \"sweep\": {\"runs\": %u, \"cores\": %ld, \"one_wall_s\": %.4f, \"all_wall_s\": %.4f, \"speedup\": %.3f, "
	       "\"one_cpu_s\": %.4f, \"all_cpu_s\": %.4f,\n    \"by\": \"%s\", \"fixed\": %.6g, \"run\": %.6g, \"speedup_by_work\": "
	       "%.4f, \"sweep_full\": %.6g, \"replay\": %.6g, \"decode\": %.6g, \"overhead\": %.4f},\n",
		f->runs, f->cores, f->one_s, f->all_s, f->one_s / f->all_s, f->one_cpu_s, f->all_cpu_s,
		f->counted ? "instructions" : "cpu_s", f->fixed, f->run, speedup(f), f->full, f->replay, f->decode,
		overhead(f));
}

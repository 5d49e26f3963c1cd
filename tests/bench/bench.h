/* bench: what its files share: bench.c (commands, replay, import), bench_sweep.c (sweeps). */
#ifndef KMEMSIM_TESTS_BENCH_BENCH_H
#define KMEMSIM_TESTS_BENCH_BENCH_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct args {
	const char *trace, *machine, *source;
	unsigned int runs;
	bool instructions, sweep, json, decode;
};

/* The programs and files of a bench. */
struct place {
	char kmemsim[PATH_MAX], bench[PATH_MAX];
	char dir[32];
	char db[64], kmt[64], yaml[64]; /* made for and by the commands, removed at the end */
};

/* One command, timed. */
struct timing {
	double wall_s, cpu_s;  /* CPU: with all its processes */
	uint64_t instructions; /* of all its processes, in user mode; 0 = cannot be counted here */
	double peak_mib;
	uint64_t events, live_objects;
};

/** time_once() - run a command; it has to succeed. */
struct timing time_once(char *const argv[]);

/** What sweeps take. Where instructions can be counted, costs are those; else seconds of CPU time. */
struct sweep_figures {
	unsigned int runs;          /* of a sweep */
	long cores;
	bool counted;               /* by instructions */
	double one_s, all_s;        /* wall clock with one process, and with one for each core; medians */
	double one_cpu_s, all_cpu_s;
	double fixed, run;          /* cost of a sweep before and after its runs, and of a run */
	double replay, decode;      /* cost of the same run by `kmemsim replay`, and of decoding the trace in that */
	double full;                /* cost of the sweep that records what these replays record */
};

/** time_sweeps() - fill @f. The sweep differs in little from run to run. */
void time_sweeps(const struct args *args, const struct place *place, struct sweep_figures *f);
void sweep_print_text(const struct sweep_figures *f);
void sweep_print_json(const struct sweep_figures *f);

/** decode_all() - read a trace to its end. Return: the exit status. */
int decode_all(const char *path);

#endif

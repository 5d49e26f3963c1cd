/*
 * sweep: a sweep file: one base machine, one or several traces, and what varies; expanded to points, each a list of
 * settings of the machine. Knows YAML and machines; knows nothing of processes and results.
 *
 *	kmemsim: 1
 *	name: memory-x-min-free               # if left out, that of the file, without .yaml
 *	machine: ../machines/pc-512m.yaml     # relative to this file; or a map, as a machine file has it
 *	traces: [boot.kmt]                    # relative to this file; `trace: boot.kmt` for one
 *	workloads: [mix.yaml]                 # beside them, or alone: made into traces first, with their seeds
 *	vary:
 *	  grid:                               # all combinations
 *	    memory: [96 MiB, 128 MiB, 256 MiB]
 *	    page_allocator.min_free_kbytes: [auto, 4096]
 *	  zip:                                # in step: first with first, second with second
 *	    cpus: [1, 2]
 *	    slab.max_order: [0, 3]
 *	  list:                               # variants by name, each with its own settings
 *	    plain: {}
 *	    no-merge: {slab.merge: false}
 *	  random:                             # independent draws, the same for the same seed
 *	    count: 20
 *	    seed: 7                           # 1 if left out
 *	    keys:
 *	      zones.movable: {from: 4 MiB, to: 64 MiB, scale: log, step: 1 MiB}
 *	      slab.min_order: {from: 0, to: 3}
 *	      cpus: {choice: [1, 2, 4]}
 *	  latin:                              # as random, but a latin hypercube: each of `count` equal parts of
 *	    count: 16                         # each key's range is met exactly once
 *	    keys: {...}
 *	where: memory >= 96 MiB and not (cpus > 2 and memory < 128 MiB)   # or a list: all must hold
 *	repeat: 3                             # runs of each point, with seeds seed, seed + 1, seed + 2
 *	seed: 1
 *	samples: 20                           # in each run, beside its start and end
 *	detail: summary                       # no call sites, lists only at the end; or full, as replay records
 *	pace: recorded                        # or think, or asap
 *	cpu_map: auto                         # fold, spread; auto: spread with initial, else fold
 *	initial: snapshots/                   # relative to this file; none: from boot; else as the machine says
 *	from: marker:work begins              # begin there, as replay --from has it
 *	layer: intent                         # or page
 *	timeout: 60 s                         # wall clock of one run; none if left out
 *	memory: 2 GiB                         # what a worker may take beside what it shares; none if left out
 *
 * Keys below `vary` are key paths of the machine file, as --set takes them; a value may be a list or a map where
 * the key wants one. Where several kinds are given, every combination of them is a point; a variant that sets a key
 * of another kind takes its place if it stands further down, and combinations that are the same then are one point.
 * Points are numbered from 1: traces change slowest, then what `vary` lists first, repetitions fastest.
 *
 * `step` is 1 if left out, 4 KiB for sizes. `scale: log` draws each power of two as often as the next.
 *
 * `where` compares swept keys, `variant` (the name in `list`), `trace` (as this file has it), `repeat` and `seed`
 * with quantities, with 'quoted words' and with each other: < <= > >= == !=, + - * /, and or not, parentheses. What
 * a point does not set, or sets to a word such as auto, is no quantity: only == and != can hold for it.
 */
#ifndef KMEMSIM_CONFIGS_SWEEP_H
#define KMEMSIM_CONFIGS_SWEEP_H

#include "base/err.h"
#include "base/units.h"
#include "configs/machine.h"

#define SWEEP_MAX_POINTS 1000000u
#define SWEEP_MAX_SETS 64u /* of one point */

/** One run to do. All pointers are borrowed from the sweep. */
struct sweep_point {
	uint32_t number;           /* from 1, over the whole sweep */
	uint32_t trace;            /* index into sweep.traces */
	uint32_t repeat;           /* from 1 */
	uint64_t seed;
	const char *variant;       /* name in `list`; NULL without one */
	const char *const *sets;   /* "key=value", in the order in which they are applied */
	uint32_t nr_sets;
};

enum sweep_pace { SWEEP_PACE_RECORDED, SWEEP_PACE_THINK, SWEEP_PACE_ASAP };
enum sweep_cpu_map { SWEEP_CPU_MAP_FOLD, SWEEP_CPU_MAP_SPREAD, SWEEP_CPU_MAP_AUTO };
enum sweep_layer { SWEEP_LAYER_INTENT, SWEEP_LAYER_PAGE };

struct sweep {
	char name[64];
	char *file;                /* owned: of the sweep, for messages */
	char *machine_name;        /* owned: file of the base machine, for messages */
	char *machine_text;        /* owned: its YAML; NULL = all defaults */
	size_t machine_len;
	uint32_t page_size;        /* its */
	/* owned: paths, to be opened from where the program runs; *.yaml and *.yml: of workloads */
	char **traces;
	char **given;              /* owned: the same as the file has them */
	uint32_t nr_traces;
	uint32_t repeat;
	uint64_t seed;
	uint32_t samples;
	uint8_t pace;              /* enum sweep_pace */
	uint8_t cpu_map;           /* enum sweep_cpu_map */
	uint8_t layer;             /* enum sweep_layer */
	bool full;                 /* detail */
	char initial[512];         /* folder of the saved state that every run begins with; "" = as its machine says */
	char from[256];            /* where in the trace it begins, as replay --from has it; "" = at the beginning */
	ns_t timeout_ns;           /* 0 = none */
	uint64_t memory_bytes;     /* 0 = none */
	struct sweep_point *points; /* owned */
	uint32_t nr_points;
	uint32_t nr_dropped;       /* points that `where` left out */
	uint32_t nr_equal;         /* combinations that were there already: random draws may repeat */
	/* What the points are made of; see configs/sweep_priv.h. */
	struct sweep_axis *axes;   /* owned */
	uint32_t nr_axes;
	struct sweep_combination *combinations; /* owned */
	uint32_t nr_combinations;
};

/**
 * sweep_load() - read a sweep file and expand it.
 * The caller owns *out: sweep_free(). Machines are not checked here but for the values' types: sweep_machine() does.
 * Errors: ERR_CONFIG with all findings, one a line, each with its place; ERR_IO.
 */
int sweep_load(struct sweep **out, const char *path, struct err *err);

/** sweep_load_text() - as sweep_load(), from @len bytes of @text; paths are relative to the folder of @path. */
int sweep_load_text(struct sweep **out, const char *path, const char *text, size_t len, struct err *err);

void sweep_free(struct sweep *sweep);

/** sweep_machine() - the base machine with the settings of @point. ERR_CONFIG names the point and its values. */
int sweep_machine(const struct sweep *sweep, const struct sweep_point *point, struct machine *machine, struct err *err);

/** sweep_is_workload() - whether one of sweep.traces is a workload, by its name: a trace is to be made of it. */
bool sweep_is_workload(const char *path);

/** sweep_point_text() - "memory=96 MiB cpus=2", for messages. Return: @buf. */
char *sweep_point_text(const struct sweep *sweep, const struct sweep_point *point, char *buf, size_t size);

#endif

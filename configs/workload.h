/*
 * workload: a workload file, from which `kmemsim gen` makes a trace. Knows YAML, distributions and how streams of
 * events depend on each other; knows no event: which there are and which keys they take is known where a trace is
 * written. docs/workloads.md explains the file.
 */
#ifndef KMEMSIM_CONFIGS_WORKLOAD_H
#define KMEMSIM_CONFIGS_WORKLOAD_H

#include <stdbool.h>

#include "base/dist.h"
#include "base/err.h"
#include "base/units.h"
#include "configs/findings.h"

#define WORKLOAD_MAX_ITEMS 4096u   /* of any list or map */
#define WORKLOAD_MAX_CPUS 8192u
#define WORKLOAD_RATE_ONE 65536u
#define WORKLOAD_NONE UINT32_MAX
#define WORKLOAD_PARENT (UINT32_MAX - 1)

/** A value that may be drawn. Texts are borrowed from the workload. */
struct workload_value {
	const char *key;
	struct finding_place key_place, place;
	bool given;
	bool numbers;             /* it is a number, or all its choices are */
	struct dist dist;         /* its choices are owned by this value */
	const char **texts;       /* owned: of a constant its text, of choices theirs in order; else NULL */
};

struct workload_cpus {
	uint32_t *numbers;        /* owned */
	uint32_t nr;
};

enum workload_context { WORKLOAD_PROCESS, WORKLOAD_SOFTIRQ, WORKLOAD_HARDIRQ, WORKLOAD_NMI };

/** Who asks. */
struct workload_tasks {
	const char *name, *comm;
	uint32_t count;
	uint32_t pid;             /* of the first; the others follow */
	enum workload_context context;
	struct workload_cpus cpus;
	bool migrate;
};

struct workload_phase {
	const char *name;
	ns_t start_ns, duration_ns;
	uint32_t rate;            /* of WORKLOAD_RATE_ONE */
};

enum workload_when { WORKLOAD_EVERY, WORKLOAD_AT, WORKLOAD_ON };
enum workload_life { WORKLOAD_LIFE_DEFAULT, WORKLOAD_LIFE_TIME, WORKLOAD_LIFE_PARENT, WORKLOAD_LIFE_SECTION,
	WORKLOAD_LIFE_REPLACED, WORKLOAD_LIFE_END, WORKLOAD_LIFE_NEVER };
enum workload_freer { WORKLOAD_FREER_SAME, WORKLOAD_FREER_ANY, WORKLOAD_FREER_ELSEWHERE, WORKLOAD_FREER_TASKS };

struct workload_stream {
	const char *name, *event;
	struct finding_place place, event_place;
	uint32_t by;              /* tasks; NONE: as the event that it comes on */
	enum workload_when when;
	struct workload_value every, burst, gap, delay, lifetime;
	ns_t *at;                 /* owned, ascending */
	uint32_t nr_at;
	uint32_t on;              /* stream */
	uint64_t chance;          /* of 2^64 - 1 */
	enum workload_life life;
	uint32_t live;
	bool replace_any;
	enum workload_freer freer;
	uint32_t freer_tasks;
	uint32_t object, page;    /* stream, WORKLOAD_PARENT or WORKLOAD_NONE */
	struct finding_place object_place, page_place;
	bool *during;             /* owned: for each phase; NULL = all */
	struct workload_value *values; /* owned: keys of the event */
	uint32_t nr_values;
};

/** A cache that is there from the beginning. */
struct workload_cache {
	const char *name;
	struct finding_place place;
	struct workload_value *values; /* owned */
	uint32_t nr_values;
};

struct workload {
	struct findings findings; /* what is wrong with it, for who finds more */
	char *file, *text;        /* owned */
	struct yaml_node *root;   /* owned */
	const char *name;
	uint64_t seed;
	ns_t duration_ns;         /* 0 = not given */
	uint64_t events;          /* 0 = not given */
	uint32_t page_size, cpus;
	bool keep_at_end;
	bool repeat_phases;
	struct workload_cache *caches;  /* owned, as all below */
	struct workload_tasks *tasks;
	struct workload_phase *phases;
	struct workload_stream *streams;
	uint32_t nr_caches, nr_tasks, nr_phases, nr_streams;
};

/**
 * workload_load() - read a workload file.
 * The caller owns *out: workload_free().
 * Errors: ERR_CONFIG with all findings, one a line, each with its place; ERR_IO.
 */
int workload_load(struct workload **out, const char *path, struct err *err);

/** workload_load_text() - as workload_load(), from @len bytes of @text; @path is for messages. */
int workload_load_text(struct workload **out, const char *path, const char *text, size_t len, struct err *err);

void workload_free(struct workload *workload);

/** The keys that a stream takes beside those of its event. */
extern const char *const workload_stream_keys[];
extern const size_t nr_workload_stream_keys;

#endif

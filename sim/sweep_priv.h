/*
 * sweep_priv: what the files of a sweep share: sweep_plan.c (what
 * is to be run), sweep_run.c (one run), sweep.c (the workers).
 */
#ifndef KMEMSIM_SIM_SWEEP_PRIV_H
#define KMEMSIM_SIM_SWEEP_PRIV_H

#include "base/sha256.h"
#include "sim/replay.h"
#include "sim/sweep.h"
#include "traces/reader.h"

struct plan_trace {
	char sha256[SHA256_HEX_SIZE];
	char *kernel;              /* owned; NULL = unknown */
	int made;                  /* owned: descriptor of the trace made of a workload, which has no name; -1 = none */
	uint64_t events, lost;
	ns_t span_ns;
};

/* A saved state that points begin with, read once and shared with the workers. */
struct plan_state {
	char *path;                /* owned */
	struct state *state;       /* owned */
	struct direct_map *maps;   /* owned, one per trace: where objects of the trace are in it */
	bool *mapped;              /* owned, one per trace: its map was looked for */
	struct err unread;       /* why there is no state */
};

/* A decoded trace that is not in use yet. */
struct plan_kept {
	struct trace_reader *reader; /* owned; NULL = none */
	uint32_t trace;
};

#define PLAN_BOOT UINT32_MAX

/* What is known of a point before it runs. */
struct plan_point {
	char config_hash[SHA256_HEX_SIZE];
	uint32_t state;            /* index into plan.states; PLAN_BOOT = none */
	bool wanted;
};

struct sweep_plan {
	const struct sweep *sweep; /* borrowed */
	struct plan_trace *traces; /* owned, one per trace */
	struct plan_point *points; /* owned, one per point */
	struct plan_state *states; /* owned */
	uint32_t nr_states;
	struct plan_kept *kept;    /* owned */
	struct replay_from from;
	char part[300];            /* as runs have it; "" = all of the trace */
};

/* What a run is recorded with: the points' keys and values, and texts that it owns. */
#define PLAN_MAX_PARAMS (SWEEP_MAX_SETS + 3)

/* A sweep file's words are in the order of replay's. */
_Static_assert(SWEEP_PACE_RECORDED == (int)PACE_RECORDED && SWEEP_PACE_THINK == (int)PACE_THINK &&
		SWEEP_PACE_ASAP == (int)PACE_ASAP && SWEEP_CPU_MAP_FOLD == (int)CPU_MAP_FOLD &&
		SWEEP_CPU_MAP_SPREAD == (int)CPU_MAP_SPREAD && SWEEP_CPU_MAP_AUTO == (int)CPU_MAP_AUTO,
	"paces and CPU maps of sweeps are replay's");

static inline enum replay_pace plan_pace(const struct sweep *sweep)
{
	return (enum replay_pace)sweep->pace;
}

static inline enum replay_cpu_map plan_cpu_map(const struct sweep *sweep)
{
	return (enum replay_cpu_map)sweep->cpu_map;
}

struct plan_record {
	struct record_run run;
	const char *keys[PLAN_MAX_PARAMS], *values[PLAN_MAX_PARAMS];
	char *key_text;            /* owned: the keys of the settings */
	char repeat[12];
	char sampling[64];
};

/**
 * plan_states_add() - the state that @machine begins with, read if it is not there yet, in plan.states.
 * @trace: that is replayed from it. @index: its place there, or PLAN_BOOT.
 */
int plan_states_add(struct sweep_plan *plan, const struct machine *machine, uint32_t trace, uint32_t *index,
	struct err *err);
void plan_states_free(struct sweep_plan *plan);

/** plan_sample_ns() - simulated time between two samples of a run of @trace. */
ns_t plan_sample_ns(const struct sweep_plan *plan, uint32_t trace);

/**
 * plan_record_init() - fill @record for the point at @index. @machine: its machine; NULL = leave
 * out what is known of it only then. config_yaml is left NULL. Ended by plan_record_fini().
 */
int plan_record_init(struct plan_record *record, const struct sweep_plan *plan, uint32_t index,
	const struct machine *machine, struct err *err);
void plan_record_fini(struct plan_record *record);

/** sweep_point_run() - replay the point at @index from @reader, from its beginning, into @recorder. */
int sweep_point_run(const struct sweep_plan *plan, uint32_t index, struct trace_reader *reader,
	struct recorder *recorder, bool (*stop)(void *arg), void *arg, uint64_t *wall_ns, struct err *err);

/** sweep_point_failed() - record the point at @index as failed for @reason. */
int sweep_point_failed(const struct sweep_plan *plan, uint32_t index, struct recorder *recorder, const char *reason,
	uint64_t wall_ns, struct err *err);

/** plan_traces_create() - look at every trace of the sweep, and make those of workloads. */
int plan_traces_create(struct sweep_plan *plan, struct err *err);
void plan_traces_free(struct sweep_plan *plan);

/** sweep_open_trace() - the trace of the point at @index, decoded: the caller's. ERR_TRACE also when it is damaged. */
int sweep_open_trace(const struct sweep_plan *plan, uint32_t index, struct trace_reader **reader, struct err *err);

#endif

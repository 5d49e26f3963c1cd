/*
 * bisect: the first event at which two replays of a trace part ways, and the state of both there. Two machines are
 * compared in one go; two versions of the program through a list of marks that one of them saved.
 *
 * Events are compared in the order in which they are served, those of the prologue first. A difference is another event
 * being served, an event that fails in one run only, or an object or block at another physical address; with the option
 * also another start or cost. What two runs did up to an event is one rolling hash; its values every N events are the
 * marks. Three passes find the first event: marks of both to the first window that differs, each event of that window,
 * and the state at the event. Only pass one goes through the whole trace, and only when nothing differs.
 */
#ifndef KMEMSIM_SIM_BISECT_H
#define KMEMSIM_SIM_BISECT_H

#include "mm/mm.h"
#include "sim/observe.h"
#include "sim/replay.h"

#define BISECT_EVERY 4096 /* events between marks, where nothing else is asked for */

/** What is replayed, and what counts as a difference. */
struct bisect_options {
	const char *trace;       /* path; read several times, so not "-" */
	enum replay_layer layer;
	bool time;               /* a difference in time alone counts, too */
	bool (*stop)(void *arg); /* as in struct replay_options */
	/** progress() - once a batch: @pass is what is being done, for people. May be NULL. */
	void (*progress)(void *arg, const char *pass, const struct trace_reader *reader, uint64_t events);
	void *arg;
};

/** One of the two runs. */
struct bisect_run {
	const struct machine *machine; /* borrowed */
	uint64_t seed;
};

/** Rolling hashes of a run: hash[0] after the prologue, hash[i] after `i` times `every` events, and at the end. */
struct bisect_marks {
	uint64_t every;
	uint64_t from;   /* events skipped, and the prologue with them; 0 = none */
	uint64_t events; /* events from there; 0 = all */
	uint64_t total;  /* events that there were, of those */
	uint64_t *hash;  /* owned */
	uint32_t nr, cap;
};

/** A zone just before the event. */
struct bisect_zone {
	struct zone_stats stats;
	uint32_t cpu_pages;  /* on the lists of the event's CPU */
	char lists[8192];    /* page_alloc_describe() */
};

/** What one run did at the event, and what it came from. */
struct bisect_side {
	bool reached;           /* false: the run ended before */
	struct outcome outcome;
	char operation[256];    /* in words */
	char call_site[128];    /* "" = unknown */
	char comm[32];
	int32_t pid;
	struct bisect_zone *zones; /* owned */
	unsigned int nr_zones;
	bool has_cache;         /* the event takes from a cache or gives to it: */
	struct slab_stats cache;
	char slabs[4096];       /* slab_describe() */
};

/** The answer. */
struct bisect_answer {
	bool part;              /* false: equal to the end */
	bool prologue;          /* they part in the prologue, before the first event */
	uint64_t position;      /* of the event in the order of serving, from 0, within prologue or trace */
	uint64_t last;          /* last position of the first window that differs */
	uint64_t compared;      /* events found equal */
	struct trace_damage damage; /* what of the trace could not be read */
};

/**
 * bisect_marks_make() - replay @run and keep its marks.
 * @marks:  every, from and events say which; hash is added. bisect_marks_fini() also after a failure.
 * @damage: what of the trace could not be read.
 */
int bisect_marks_make(const struct bisect_options *options, const struct bisect_run *run, struct bisect_marks *marks,
	struct trace_damage *damage, struct err *err);
/** bisect_marks_add() - one more. Return: false when there is no memory. */
bool bisect_marks_add(struct bisect_marks *marks, uint64_t hash);
void bisect_marks_fini(struct bisect_marks *marks);

/** bisect_against() - replay @run up to the first window whose mark is not that of @marks. */
int bisect_against(const struct bisect_options *options, const struct bisect_run *run, const struct bisect_marks *marks,
	struct bisect_answer *answer, struct err *err);

/**
 * bisect_runs() - the first event at which the two @runs part.
 * @every: events between marks, > 0.
 * @sides: filled when they part; bisect_side_fini() in any case.
 */
int bisect_runs(const struct bisect_options *options, const struct bisect_run runs[2], uint64_t every,
	struct bisect_answer *answer, struct bisect_side sides[2], struct err *err);

/**
 * bisect_look() - what @run does at one event, and the state before it. The event is that at @answer's position, in the
 * prologue or not.
 */
int bisect_look(const struct bisect_options *options, const struct bisect_run *run, const struct bisect_answer *answer,
	struct bisect_side *side, struct err *err);
void bisect_side_fini(struct bisect_side *side);

/** bisect_side_copy() - the state that @outcome's event is about to meet. 0, or -1 when there is no memory. */
int bisect_side_copy(struct bisect_side *side, const struct outcome *outcome, const struct trace_tables *tables,
	const struct mm *mm);
#endif

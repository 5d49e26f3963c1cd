/*
 * observe: what became of each event of a run, for those who watch it (sim/bisect.c). Watching changes nothing;
 * a run that nobody watches pays one comparison an event.
 */
#ifndef KMEMSIM_SIM_OBSERVE_H
#define KMEMSIM_SIM_OBSERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/units.h"

struct mm;
struct trace_tables;

enum place_kind {
	PLACE_NONE,
	PLACE_OBJECT, /* of a slab */
	PLACE_LARGE,  /* a large kmalloc */
	PLACE_PAGES,  /* a block of pages */
};

/** Where something lies in the modelled memory. All 0 but the kind where there is nothing. */
struct place {
	enum place_kind kind;
	uint32_t cache;    /* PLACE_OBJECT: its cache */
	uint32_t index;    /* PLACE_OBJECT: which object of its slab */
	uint64_t pfn;      /* first page of the slab or block */
	uint64_t address;  /* physical, bytes */
};

enum outcome_result {
	OUTCOME_NOTHING, /* nothing to do: an effect that is re-derived, or not modelled */
	OUTCOME_DONE,
	OUTCOME_FAILED,
};

/** One event and what became of it. Before it is served only the first part is known. */
struct outcome {
	bool prologue;
	uint64_t event_no;  /* in the trace, from 0; 0 in the prologue */
	uint32_t op, who;
	uint32_t cpu;       /* of the model */
	uint32_t cache;     /* that it takes from or gives to, CACHE_NONE: none; only for before() */
	ns_t arrival_ns, start_ns;
	struct place was;   /* what its slot held before */

	enum outcome_result result;
	struct place is;    /* what its slot holds now */
	uint64_t others;    /* hash of the places of the other pages of a bulk call */
	ns_t cost_ns;
};

/** What a watcher has called, in the order in which events are served; that of the prologue first. */
struct observer {
	/** before() - @outcome is about to be served. May be NULL. */
	void (*before)(void *arg, const struct outcome *outcome, const struct trace_tables *tables,
		const struct mm *mm);
	/** after() - it has been served. NULL: nobody watches. */
	void (*after)(void *arg, const struct outcome *outcome, const struct mm *mm);
	void *arg; /* borrowed */
};

#endif

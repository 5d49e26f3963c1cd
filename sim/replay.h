/*
 * replay: one run: a trace against a machine. Chooses who asks, on which CPU and when, has mm/ do what the kernel would
 * do, and hands the results to a recorder. A run is one struct; nothing is shared but the machine.
 */
#ifndef KMEMSIM_SIM_REPLAY_H
#define KMEMSIM_SIM_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "configs/machine.h"
#include "configs/state.h"
#include "sim/direct_map.h"
#include "sim/observe.h"
#include "sim/recorder.h"
#include "traces/reader.h"

/* When a request of the trace arrives. Interrupts arrive at their recorded time with PACE_THINK, too. */
enum replay_pace {
	PACE_RECORDED, /* at its recorded time: open loop */
	PACE_THINK,    /* its recorded gap after the task's last one was done: closed loop */
	PACE_ASAP,     /* when its CPU is free and the request before it in the trace has started */
};

/* Where the tasks of the trace run: see sim/cpu_map.h. */
enum replay_cpu_map {
	CPU_MAP_FOLD,   /* CPU modulo the machine's number of CPUs */
	CPU_MAP_SPREAD, /* evenly over all CPUs of the machine */
	CPU_MAP_AUTO,   /* spread in a saved state: all CPUs of its machine had run tasks, and would go on; else fold */
};

extern const char *const replay_pace_name[];    /* ends in NULL, as the next */
extern const char *const replay_cpu_map_name[];
/**
 * replay_cpu_map_of() - the rule that @map comes to in a run that begins in a saved state,
 * or (@initial false) with boot.
 */
enum replay_cpu_map replay_cpu_map_of(enum replay_cpu_map map, bool initial);

/* Which events are replayed. */
enum replay_layer {
	LAYER_INTENT, /* what callers asked for; page events that it causes are re-derived */
	LAYER_PAGE,   /* the recorded page events alone, to check the page allocator by itself */
};

struct mm;
struct replay_result;

/** An instant of the recording: the first entries[n] events of CPU n's buffer precede it. */
struct replay_cut {
	const uint64_t *entries; /* borrowed; entries[0 .. nr-1] */
	uint32_t nr;
};

/** Where a replay begins. */
struct replay_from {
	enum {
		/* at the instant of the initial state, where the recording tells it, else at its beginning */
		FROM_INITIAL,
		FROM_TIME,    /* at the first event that is not before .time_ns */
		FROM_EVENT,   /* at event .event, from 0 */
		FROM_MARKER,  /* at the first marker with the text .marker */
	} kind;
	ns_t time_ns;
	uint64_t event;
	const char *marker;      /* borrowed */
};

/**
 * replay_from_parse() - a time ("12.5 s"), an event number or marker:TEXT, which is borrowed.
 * Return: 0; -1 when it is none.
 */
int replay_from_parse(struct replay_from *from, const char *text);

/** replay_from_check() - whether the trace has that place. ERR_TRACE says what it has instead. */
int replay_from_check(const struct replay_from *from, const struct trace_tables *tables, const struct trace_meta *meta,
	struct err *err);

struct replay_options {
	uint64_t seed;
	enum replay_pace pace;
	enum replay_cpu_map cpu_map;
	enum replay_layer layer;
	ns_t sample_ns;          /* simulated time between samples; 0 = 100 samples over the trace */
	uint64_t sample_events;  /* also every that many events; 0 = no */
	uint64_t limit;          /* events replayed at most, from the one where the replay begins; 0 = all */
	/*
	 * For `kmemsim lint`: advice, leaks at the end and the contexts of recordings are
	 * judged, too, and the recorder gets every violation, not only the first ones.
	 */
	bool lint;
	uint64_t check_every;    /* walk all invariants every that many events and at the end; 0 = never */
	const struct machine *machine; /* borrowed */
	/**
	 * stop() - asked once a batch; true ends the run with
	 * ERR_INTERRUPTED, its results so far kept. May be NULL.
	 */
	bool (*stop)(void *arg);
	/** progress() - once a batch. May be NULL. */
	void (*progress)(void *arg, uint64_t events, uint64_t live_objects);
	/** warn() - before the first event, what of the machine looks like a mistake. May be NULL. */
	void (*warn)(void *arg, const char *text);
	void *arg;
	struct observer observer; /* who watches every event; all NULL = nobody */
	/*
	 * Go on from the saved memory of a real kernel in place of boot. Borrowed; NULL = boot.
	 * Of the recorded kernel: what the state has events before (entries) is not replayed, and objects that live
	 * then are those at their recorded addresses: needs a reader with the recorded columns and the direct map.
	 * Of another one: needs `from`; see sim/adopt.h.
	 */
	struct replay_from from;
	const struct state *initial;
	struct direct_map direct_map;
	/* Instants at which watch.cut() is called, ascending; needs the recorded columns. Borrowed. */
	const struct replay_cut *cuts;
	uint32_t nr_cuts;
	struct replay_watch {
		/** cut() - the modelled memory at an instant. 0, or a negative code that ends the run. */
		int (*cut)(void *arg, uint32_t cut, const struct mm *mm, struct err *err);
		/** end() - after the last event, while the recorder still takes rows. May be NULL. */
		int (*end)(void *arg, struct recorder *recorder, struct err *err);
		void *arg;
	} watch;
	bool cut_front;              /* the reader leaves out first events: what they did is not known */
	/*
	 * For the recorder, borrowed until the run has ended; what these options, the machine and the trace
	 * say is filled in: describe_run().
	 */
	struct record_run describe;
};

struct replay_result {
	uint64_t events;
	uint64_t failed;             /* allocations that failed in the model and not in the recording */
	uint64_t failed_both;        /* that failed in both */
	/* of what is there at the beginning, of the recording or at --from: no memory for it */
	uint64_t failed_older;
	uint64_t recovered;          /* that failed in the recording only */
	uint64_t violations;
	uint64_t not_judged;         /* beside them: that depend on events which were cut off at the front */
	/* by enum resource_tree: what it has was used, and nothing tells of who had claimed it */
	bool claims_unknown[2];
	uint64_t unmodelled;         /* events whose mechanism is not modelled yet: skipped */
	uint64_t bytes_alloc_checked, bytes_alloc_mismatch; /* kmalloc events, against the recording */
	uint64_t oom_kills;          /* tasks that the OOM killer ended */
	/* attempts to get memory at which it found nobody: a real kernel panics at the first */
	uint64_t oom_without_victim;
	uint64_t stalls;             /* direct reclaims of requests: the kernel's allocstall of all zones */
	uint64_t still_waiting;      /* requests that nobody served any more: failed */
	/* requests that had arrived, and were not done when the run was ended before its end */
	uint64_t cut_off;
	uint64_t folded_cpus;        /* CPUs of the trace that the machine does not have */
	uint64_t live_objects;       /* at the end */
	uint64_t skipped;            /* events before the one where the replay begins */
	uint64_t carried;            /* of these, carried out since the instant of the initial state */
	uint64_t bound;              /* older objects found in the initial state */
	/* older objects that are not there: allocated since; those of slabs are allocated now */
	uint64_t unbound;
	/* What the initial state does not tell: laid out by the seed, or assumed. */
	struct replay_filled {
		uint64_t blocks;     /* free blocks whose place was drawn */
		uint64_t blocks_reshaped; /* saved free blocks for which there is no room as they were */
		uint64_t pcp_pages;  /* pages of CPUs' lists, the same */
		uint64_t pageblocks; /* whose type is guessed */
		uint64_t slabs;      /* of which only the number was saved */
		uint64_t objects;    /* in use, their place in the slab assumed */
		uint64_t slab_pages; /* that gave way to the slabs of a state without any */
		uint64_t lru_pages;  /* that were put on LRU lists: which of them is on which was not saved */
		uint64_t area_pages; /* of vmalloc areas, drawn among the pages in use */
		uint64_t percpu_pages; /* of chunks of per-CPU memory, the same */
		uint64_t slabs_missing, pages_missing; /* that found no place on the machine */
	} filled;
	/*
	 * What of its page cache was taken to be used again, where the machine does not say (reclaim.refault:
	 * auto) and pages went.
	 */
	struct replay_use {
		bool unknown;        /* the others hold */
		bool assumed;        /* the recording does not tell either */
		uint32_t refault_percent; /* of file pages that went for the first time, and had come by reading */
		uint32_t written_refault_percent; /* of those that had come by writing */
		uint32_t random_percent; /* of what is read again: at random (reclaim.random_reads) */
		uint64_t mappings;   /* that the recording shows */
		ns_t late_ns;        /* for which the recording waited for what was read again; holds always */
	} use;
	bool settings_applied;       /* watermarks are the machine's: the initial state was saved with other settings */
	uint32_t caches_kept;        /* with the initial state's sizes and partial lists, not those of the settings */
	/* it begins before its recording's initial state was saved: some things happen twice */
	bool before_state;
	uint64_t gone;               /* pages of the initial state whose processes have ended by the beginning */
	uint64_t read_more, read_less; /* objects that saving that state left, than were recorded */
	ns_t sim_ns;
	uint64_t wall_ns;
	uint64_t fingerprint;
};

#define REPLAY_INITIAL_ROWS 21

/** replay_initial() - what a start from a saved state found, and what the seed laid out: as counters are recorded. */
void replay_initial(const struct replay_result *result, struct record_counter rows[REPLAY_INITIAL_ROWS]);

/**
 * replay_run() - replay what @reader still gives.
 * The recorder gets begin(), samples, statistics and end(); on failure end() is called with the status and the
 * error, so that the run is marked. Returns 0, or the first error (ERR_INTERRUPTED after a saved partial run).
 */
int replay_run(const struct replay_options *options, struct trace_reader *reader, struct recorder *recorder,
	struct replay_result *result, struct err *err);

#endif

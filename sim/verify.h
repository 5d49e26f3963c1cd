/*
 * verify: holds the model against a recording and the saved states of the machine it was made on. Each event by itself:
 * bytes_alloc of kmalloc, the frame of each page allocation, the address of each object; and the whole memory at the
 * instants that were saved. Names the first event of each kind at which the two differ, and what either had there.
 */
#ifndef KMEMSIM_SIM_VERIFY_H
#define KMEMSIM_SIM_VERIFY_H

#include "mm/mm.h"
#include "sim/replay.h"

#define VERIFY_MAX_ZONES  16
#define VERIFY_MAX_ORDERS 16
#define VERIFY_TEXT_MAX   2048

/* What is checked, under its name in JSON and in the table verify_checks. */
#define VERIFY_CHECKS(X)                               \
	/* each kmalloc event's bytes_alloc */         \
	X(BYTES_ALLOC, "kmalloc_bytes_alloc")          \
	/* each cache of each saved state: sizes as the formulas give them */ \
	X(GEOMETRY, "slab_geometry")                   \
	/* each page allocation with a recorded frame; after each the model is corrected to the real outcome */ \
	X(PAGES_STEP, "page_frames_step")              \
	/* each block of a refill of a per-CPU list there: the model's own refill has it at the same place */ \
	X(REFILLS, "refill_blocks")                    \
	/* each block of a flush that a free caused there: the model's own flush moves it then */ \
	X(DRAINS, "drain_blocks")                      \
	/* the frames, never corrected; frees give the model's own frames back */ \
	X(PAGES_FREE, "page_frames_free")              \
	/* each object of caches whose state is known: which slab, and which object of it; corrected after each */ \
	X(OBJECTS, "object_addresses")                 \
	/* each area of the vmalloc space with a recorded address; corrected after each */ \
	X(AREAS, "vmalloc_addresses")                  \
	/* each per-CPU area with a recorded pointer: chunk and offset; corrected after each */ \
	X(PERCPU, "percpu_offsets")

enum verify_check {
#define X(id, name) VERIFY_##id,
	VERIFY_CHECKS(X)
#undef X
	NR_VERIFY_CHECKS
};

extern const char *const verify_check_name[NR_VERIFY_CHECKS];

/** The first event at which model and kernel differ in a way. */
struct verify_difference {
	bool there;
	uint64_t event_no;
	ns_t time_ns;
	char kernel[256];            /* what the kernel did */
	char model[VERIFY_TEXT_MAX]; /* what the model did, and its state around it */
};

struct verify_count {
	uint64_t checked, equal;
	/* objects: of the equal, the first ones of new slabs, whose pages and random start were told */
	uint64_t told;
	/* objects: of the others, those that a free without an event gave back, as their reuse shows */
	uint64_t assisted;
	struct verify_difference first;
};

struct verify_zone {
	uint32_t node;
	enum machine_zone type;
	uint64_t free_pages, free_pages_real;
	uint64_t managed_pages;
	uint64_t pcp_pages, pcp_pages_real;
	uint32_t unusable_max_error_milli; /* largest difference over the orders */
	uint64_t blocks[VERIFY_MAX_ORDERS], blocks_real[VERIFY_MAX_ORDERS]; /* free blocks of all types */
};

struct verify_cache {
	char name[STATE_NAME_MAX];
	uint64_t slabs, slabs_real;
	uint64_t objects, objects_real; /* room for so many */
};

/** A counter of /proc/vmstat that the model keeps: its growth since the snapshot before. */
struct verify_vmstat {
	const char *name;
	uint64_t growth, growth_real;
};

struct verify_snapshot {
	const char *name;            /* borrowed from the options */
	uint32_t nr_zones, nr_orders;
	struct verify_zone zones[VERIFY_MAX_ZONES];
	struct verify_cache *caches; /* owned */
	uint32_t nr_caches;
	uint64_t slab_pages, slab_pages_real;
	struct verify_vmstat vmstat[NR_PAGE_COUNTERS];
	uint32_t nr_vmstat;
};

/** How far from the recording the results may be; what is in the targets for such a recording. */
struct verify_limits {
	bool pressure;               /* the machine reclaimed: what is free at an instant is then chance */
	uint32_t equal_permille[NR_VERIFY_CHECKS]; /* of the checked; 0 = any */
};

struct verify {
	struct verify_count checks[NR_VERIFY_CHECKS];
	struct verify_snapshot *snapshots; /* owned */
	uint32_t nr_snapshots;
	struct verify_limits limits;
	struct replay_result replay; /* of the whole replay */
};

/** A saved state and its name. */
struct verify_state {
	const char *name;
	const struct state *state;
};

struct verify_options {
	const char *trace;               /* path; opened once for each pass */
	const struct machine *machine;   /* borrowed */
	const struct verify_state *states; /* borrowed; the first is where all passes begin, and exact */
	uint32_t nr_states;
	struct direct_map direct_map;
	uint64_t seed;
	struct recorder *recorder;       /* borrowed: takes the whole replay and the results */
	struct record_run describe;
	bool (*stop)(void *arg);         /* as in struct replay_options */
	void *arg;
};

/** verify_run() - ERR_TRACE when the trace has no recorded columns; else as replay_run(). End with verify_fini(). */
int verify_run(const struct verify_options *options, struct verify *verify, struct err *err);
void verify_fini(struct verify *verify);

/** verify_passed() - whether all is equal within the limits. @why: the first that is not; may be NULL. */
bool verify_passed(const struct verify *verify, char *why, size_t size);

#endif

/*
 * recorder: where a run's results go. The engine fills plain structs of integers; an implementation writes them
 * (reports/sqlite_recorder.c) or drops them (sim/recorder_none.c).
 */
#ifndef KMEMSIM_SIM_RECORDER_H
#define KMEMSIM_SIM_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hist.h"
#include "base/units.h"

enum run_status { RUN_RUNNING, RUN_DONE, RUN_FAILED, RUN_INTERRUPTED };

struct record_run {
	const char *trace;          /* path as given */
	const char *trace_sha256;
	const char *machine;        /* its name */
	const char *config_yaml;    /* canonical */
	const char *config_hash;
	const char *kernel;         /* of the recording, may be NULL */
	const char *pace, *cpu_map, *layer;
	const char *initial;        /* folder of the start state, NULL = boot */
	const char *part;           /* of the trace that is replayed, as options say it; NULL = all */
	const char *sampling;       /* when samples are taken, and what is left out; NULL = as replay does by itself */
	uint64_t seed;
	uint64_t lost;              /* events the recording lost */
	uint32_t page_size, max_order, pageblock_order; /* of the machine */
	bool cma;
	uint32_t cpus;
	const char *zones;          /* that its kernel has of each node, ascending: "DMA DMA32 Normal Movable Device" */
	const char *const *param_keys;   /* --set, as given */
	const char *const *param_values;
	size_t nr_params;
	/*
	 * What takes long to find out, the hashes and config_yaml: the recorder calls this once before it reads them,
	 * in any thread, and it fills them in. 0 or a negative code. NULL: they are there.
	 */
	int (*complete)(void *arg, struct record_run *run, struct err *err);
	void *arg;
};

struct record_end {
	enum run_status status;
	const char *error;          /* NULL = none */
	uint64_t events;
	ns_t sim_ns;
	uint64_t wall_ns;
	uint64_t fingerprint;
};

struct record_op {
	const char *op;             /* name in the text interchange */
	uint64_t count, failed;
	uint64_t bytes_req, bytes_alloc;
	uint64_t sleeps;
	const struct hist *latency; /* ns; borrowed for the call */
	bool coarse;                /* of its distribution four buckets for each power of two are enough */
};

/* A sample is sample(), then its zones, blocks, caches in any order; they refer to the last sample(). */
struct record_sample {
	ns_t time_ns;
	uint64_t event_no;
	const char *reason;         /* "start", "time", "events", "marker", "end" */
	const char *marker;         /* text, NULL = none */
	uint64_t free_bytes, pcp_bytes, slab_bytes, kmalloc_large_bytes, page_bytes;
	uint64_t vmalloc_bytes, percpu_bytes;
	/* slab pages less what callers asked for: object_size, of a saved state's objects */
	uint64_t slab_waste_bytes;
	uint64_t kmalloc_waste_bytes; /* within kmalloc objects: bytes_alloc less bytes_req */
	uint64_t live_objects;
};

struct record_zone {
	uint32_t node;
	const char *zone;
	uint64_t start_pfn, spanned_pages, present_pages, managed_pages;
	uint64_t free_pages, pcp_pages, min_pages, low_pages, high_pages, boost_pages, highatomic_pages;
	uint32_t max_order;
	/* pages kept from requests that may use a higher zone, by its zones: "0, 186, 186, 186, 186" */
	const char *protection;
	uint64_t pcp_high_pages, pcp_batch_pages; /* of each CPU's lists */
	uint64_t stat_threshold;    /* pages that a CPU may count for itself */
	uint32_t node_unreclaimable; /* 1: kswapd has given the node up */
};

struct record_free_blocks {
	uint32_t node;
	const char *zone;
	const char *migratetype;
	uint32_t order;
	uint64_t blocks;
};

struct record_pageblocks {
	uint32_t node;
	const char *zone;
	const char *migratetype;
	uint64_t pageblocks;
};

struct record_frag {
	uint32_t node;
	const char *zone;
	uint32_t order;
	int unusable_milli;         /* 0 .. 1000 */
	int frag_milli;             /* -1000 .. 1000 */
};

struct record_cache {
	const char *cache;
	uint64_t object_size, size, align, objs_per_slab, order, min_partial, cpu_partial;
	uint64_t active_objs, total_objs, live_objs, slabs, slab_pages, partial, cpu_slabs, aliases;
	uint64_t waste_bytes;       /* slab pages less object_size of each live object */
	uint64_t allocs, frees, grown, discarded;
	uint64_t array_limit, batchcount, shared_factor; /* SLAB's tunables; 0 elsewhere */
	uint64_t active_slabs, shared_avail;             /* as /proc/slabinfo counts */
};

struct record_extfrag {
	const char *from_migratetype, *to_migratetype; /* from: whose block was taken; to: who asked */
	uint32_t alloc_order, fallback_order;
	uint64_t count, pageblock_changes;
};

struct record_call_site {
	const char *call_site;
	const char *op;
	uint64_t count, failed, bytes_req, bytes_alloc, live, live_bytes;
	ns_t lifetime_mean_ns, lat_mean_ns, lat_max_ns;
};

#define MAX_VIOLATION_ROWS 1000 /* of each rule and severity; more are only counted */

struct record_violation {
	ns_t time_ns;
	uint32_t cpu;
	const char *rule;
	const char *severity;       /* "advice", "notice", "warning", "leak", "error", "fatal" */
	uint64_t event_no;
	const char *call_site;      /* NULL = unknown */
	const char *text;
};

struct record_counter {
	const char *mechanism, *name, *unit;
	int64_t value;
};

/*
 * Tables that take rows as lists of values: X(id, table, what a row belongs to, its columns after run_id or sample_id).
 * An implementation writes any of them; the part of sim/ that fills a table knows what stands in it.
 */
#define RECORD_TABLES(X)                                                                     \
	X(LOCK_STATS, "lock_stats", RUN, "lock, acquisitions, contended, wait_ns, hold_ns")          \
	X(RESOURCES, "resources", SAMPLE, "tree, position, depth, start, \"end\", name, busy, requested") \
	X(PCP_LISTS, "pcp_lists", SAMPLE, "node, zone, cpu, pages")                          \
	X(IOPORT_STATS, "ioport_stats", RUN,                                                 \
	  "start, \"end\", region, op, count, accesses, bytes, cost_ns, unclaimed")              \
	X(IOMEM_STATS, "iomem_stats", RUN,                                                   \
	  "start, \"end\", region, op, count, bytes, cost_ns, unclaimed")                        \
	X(IOREMAP_STATS, "ioremap_stats", SAMPLE, "mode, mappings, size_bytes, area_bytes")  \
	X(IOREMAP_LIVE, "ioremap_live", RUN, "mapping, phys, size, mode, address, area_bytes, region, call_site")                     \
	X(SLEEPS, "sleeps", RUN, "reason, count, total_ns, max_ns, timeouts, still_waiting")          \
	X(VMALLOC_STATS, "vmalloc_stats", SAMPLE, "size_bytes, used_bytes, free_bytes, lazy_bytes, guard_bytes, areas,"    \
		" lazy_areas, mapped_pages, page_table_pages, map_ram_blocks, holes, largest_hole_bytes, purges, purged_bytes,"  \
		" retries, failures, deferred_frees, huge_areas")                             \
	X(MEMPOOL_STATS, "mempool_stats", RUN,                                               \
	  "pool_no, pool, kind, cache, element_bytes, min_nr, curr_nr, lowest_reserve, allocs, frees, failed, from_reserve," \
	  " refills, waits, timeouts, wait_ns, outstanding, peak_outstanding, destroyed")        \
	X(DMA_STATS, "dma_stats", RUN,                                                       \
	  "pool_no, pool, block_bytes, boundary_bytes, blocks_per_page, bytes, peak_bytes, allocs, frees, failed, in_use,"  \
	  " peak_in_use, retries, unreachable, destroyed")                                       \
	X(HIGHMEM_STATS, "highmem_stats", RUN,                                               \
	  "slots, slots_used, slots_peak, maps, new_slots, flushes, waits, wait_ns, local_maps, local_depth_peak") \
	X(PERCPU_STATS, "percpu_stats", SAMPLE, "chunks, unit_size_bytes, units, areas, allocated_bytes, used_bytes, free_bytes,"  \
		" largest_free_bytes, hole_bytes, largest_hole_bytes, populated_pages, empty_pages")    \
	X(PERCPU_CHUNKS, "percpu_chunks", SAMPLE, "chunk, base_address, areas, free_bytes, contig_bytes, largest_free_bytes,"   \
		" hole_bytes, largest_hole_bytes, populated_pages, empty_pages, isolated")              \
	X(BOOT_MEMORY, "boot_memory", RUN, "block, op, start, size_bytes, align_bytes, freed_bytes")        \
	X(VMAP_AREAS, "vmap_areas", SAMPLE,                                                  \
		"start_address, end_address, size_bytes, use, caller, pages, phys, page_array_is_area, node_pages")                    \
	X(ALLOC_FAILURES, "alloc_failures", RUN, "node, zone, \"order\", gfp, count")         \
	X(RECLAIM_EVENTS, "reclaim_events", RUN, "by, node, start_ns, end_ns, pages, success")

enum record_table {
#define X(id, table, owner, columns) RECORD_##id,
	RECORD_TABLES(X)
#undef X
	NR_RECORD_TABLES
};

/** A value of a row. */
struct record_value {
	enum { RECORD_NUMBER, RECORD_TEXT } type;
	union {
		int64_t number;
		const char *text;   /* borrowed for the call; NULL = NULL */
	};
};

#define RECORD_U(value) ((struct record_value){ .type = RECORD_NUMBER, .number = record_clamp(value) })
#define RECORD_T(value) ((struct record_value){ .type = RECORD_TEXT, .text = (value) })

/** record_clamp() - a count as a column holds it: 2^63 and more as 2^63 - 1. */
static inline int64_t record_clamp(uint64_t count)
{
	return count > INT64_MAX ? INT64_MAX : (int64_t)count;
}

#define RECORD_MAX_VALUES 32

/** A row of one of RECORD_TABLES: of this run, or of the last sample. */
struct record_row {
	enum record_table table;
	uint32_t nr_values;         /* as many as the table's columns; at most RECORD_MAX_VALUES */
	const struct record_value *values;
};

/* RECORD_ROW(rec, id, err, values...) - one row of table RECORD_id. */
#define RECORD_ROW(rec, id, err, ...)                                                                              \
	(rec)->ops->row(rec,                                                                                       \
		&(struct record_row){                                                                              \
			.table = RECORD_##id,                                                                      \
			.nr_values = sizeof((struct record_value[]){ __VA_ARGS__ }) / sizeof(struct record_value), \
			.values = (const struct record_value[]){ __VA_ARGS__ },                                    \
		},                                                                                                 \
		err)

/* What `kmemsim verify` found: one row of each check, and per snapshot of each zone and order and of each cache. */
struct record_verify_check {
	const char *check;
	uint64_t checked, equal;
	bool differs;               /* the rest is filled */
	uint64_t first_event_no;
	ns_t first_time_ns;
	const char *kernel, *model; /* what either did there */
};

struct record_verify_zone {
	const char *snapshot;
	uint32_t node;
	const char *zone;
	uint32_t order;
	uint64_t free_pages, free_pages_real, managed_pages; /* of the zone */
	uint64_t blocks, blocks_real;                        /* free blocks of that order */
};

struct record_verify_cache {
	const char *snapshot, *cache;
	uint64_t slabs, slabs_real, objects, objects_real;
};

struct recorder;

/* All answer 0 or a negative code with @err filled; the first failure ends the run. */
struct recorder_ops {
	int (*begin)(struct recorder *rec, const struct record_run *run, struct err *err);
	int (*sample)(struct recorder *rec, const struct record_sample *sample, struct err *err);
	int (*zone)(struct recorder *rec, const struct record_zone *zone, struct err *err);
	int (*free_blocks)(struct recorder *rec, const struct record_free_blocks *blocks, struct err *err);
	int (*pageblocks)(struct recorder *rec, const struct record_pageblocks *blocks, struct err *err);
	int (*frag)(struct recorder *rec, const struct record_frag *frag, struct err *err);
	int (*cache)(struct recorder *rec, const struct record_cache *cache, struct err *err);
	int (*op)(struct recorder *rec, const struct record_op *op, struct err *err);
	int (*extfrag)(struct recorder *rec, const struct record_extfrag *extfrag, struct err *err);
	int (*call_site)(struct recorder *rec, const struct record_call_site *site, struct err *err);
	int (*violation)(struct recorder *rec, const struct record_violation *violation, struct err *err);
	int (*counter)(struct recorder *rec, const struct record_counter *counter, struct err *err);
	int (*verify_check)(struct recorder *rec, const struct record_verify_check *check, struct err *err);
	int (*verify_zone)(struct recorder *rec, const struct record_verify_zone *zone, struct err *err);
	int (*verify_cache)(struct recorder *rec, const struct record_verify_cache *cache, struct err *err);
	int (*row)(struct recorder *rec, const struct record_row *row, struct err *err);
	/**
	 * rows_done() - the run's last row was given: who writes beside the
	 * simulation need not wait for more. For speed only; may be NULL.
	 */
	int (*rows_done)(struct recorder *rec, struct err *err);
	/** end() - commit. After it the results are one plain file. Called exactly once when begin() succeeded. */
	int (*end)(struct recorder *rec, const struct record_end *end, struct err *err);
	void (*close)(struct recorder *rec); /* frees @rec; a run that was not ended stays marked unfinished */
};

/** What implementations embed as their first member. */
struct recorder {
	const struct recorder_ops *ops;
};

/** recorder_none() - drops everything: for benchmarks. Static, nothing to free. */
struct recorder *recorder_none(void);

#endif

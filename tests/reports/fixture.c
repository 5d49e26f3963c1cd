#include "fixture.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sha256.h"
#include "reports/sqlite_recorder.h"

#define NR_SAMPLES 40
#define NR_ORDERS  11

/* Each Criterion test is a process of its own. */
static char scratch[64];
static char path_buf[128];

const char *fixture_path(const char *name)
{
	if (!scratch[0]) {
		strcpy(scratch, "/tmp/kmemsim-reports-XXXXXX");
		cr_assert(mkdtemp(scratch));
		cr_assert_eq(atexit(fixture_remove), 0); /* who fails does not come to its .fini */
	}
	snprintf(path_buf, sizeof(path_buf), "%s/%s", scratch, name);
	return path_buf;
}

void fixture_remove(void)
{
	DIR *dir = scratch[0] ? opendir(scratch) : NULL;
	struct dirent *entry;
	char path[512];

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", scratch, entry->d_name);
		unlink(path);
	}
	closedir(dir);
	rmdir(scratch);
}

struct record_run fixture_run(void)
{
	static const char *const keys[] = { "memory", "slab.min_order" };
	static const char *const values[] = { "256 MiB", "1" };

	return (struct record_run){
		.trace = "traces/boot.kmt",
		.trace_sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		.machine = "pc-256m",
		.config_yaml = "kmemsim: 1\nname: pc-256m\n",
		.config_hash = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
		.kernel = "6.1.0-18-amd64",
		.pace = "recorded",
		.cpu_map = "fold",
		.layer = "intent",
		.initial = "captures/boot",
		.seed = 42,
		.lost = 1234,
		.page_size = 4096,
		.max_order = 10,
		.pageblock_order = 9,
		.cpus = 4,
		.zones = "DMA DMA32 Normal Movable Device",
		.param_keys = keys,
		.param_values = values,
		.nr_params = 2,
	};
}

struct recorder *fixture_begin(const char *path)
{
	struct recorder *rec = NULL;
	struct record_run run = fixture_run();
	struct err err = { 0 };

	cr_assert_eq(sqlite_recorder_open(&rec, path, &err), 0, "%s", err.text);
	cr_assert_eq(rec->ops->begin(rec, &run, &err), 0, "%s", err.text);
	return rec;
}

/* A zone that drains and breaks into pieces: @k of NR_SAMPLES. */
static void write_zone(struct recorder *rec, const char *name, uint64_t managed, unsigned int k)
{
	uint64_t free_pages = managed - managed * k * (80 - k) / 2200;
	struct record_zone zone = {
		.zone = name,
		.start_pfn = managed,
		.spanned_pages = managed + 10,
		.present_pages = managed + 5,
		.managed_pages = managed,
		.free_pages = free_pages,
		.pcp_pages = k,
		.min_pages = 100,
		.low_pages = 125,
		.high_pages = 150,
		.boost_pages = 1,
		.highatomic_pages = 2,
		.protection = "0, 186",
		.pcp_high_pages = 60,
		.pcp_batch_pages = 7,
		.stat_threshold = 12,
		.max_order = 10,
	};

	cr_assert_eq(rec->ops->zone(rec, &zone, NULL), 0);
	for (unsigned int order = 0; order < NR_ORDERS; order++) {
		struct record_free_blocks blocks = {
			.zone = name,
			.migratetype = "Movable",
			.order = order,
			.blocks = (free_pages >> order) / NR_ORDERS,
		};
		struct record_frag frag = {
			.zone = name,
			.order = order,
			.unusable_milli = (int)(k * order * order / 5),
			.frag_milli = -1000,
		};

		cr_assert_eq(rec->ops->free_blocks(rec, &blocks, NULL), 0);
		cr_assert_eq(rec->ops->frag(rec, &frag, NULL), 0);
	}
	cr_assert_eq(rec->ops->pageblocks(rec,
			     &(struct record_pageblocks){
				     .zone = name, .migratetype = "Movable", .pageblocks = 7 },
			     NULL),
		0);
}

static void write_caches(struct recorder *rec)
{
	static const char *const names[] = { "kmem_cache", "dentry", "kmalloc-64", "inode_cache" };

	for (uint64_t i = 0; i < 4; i++) {
		struct record_cache cache = {
			.cache = names[i],
			.object_size = 60 + i,
			.size = 64 + 64 * i,
			.align = 8,
			.objs_per_slab = 32,
			.order = i,
			.min_partial = 5,
			.cpu_partial = 30,
			.active_objs = 900 * (i + 1),
			.total_objs = 1000 * (i + 1),
			.live_objs = 800 * (i + 1),
			.slabs = 32 * (i + 1),
			.slab_pages = (32 * (i + 1)) << i,
			.partial = 3,
			.cpu_slabs = 2,
			.aliases = i,
			.waste_bytes = 12800 * i,
			.allocs = 5000,
			.frees = 4200,
			.grown = 40,
			.discarded = 8,
			.active_slabs = 32 * (i + 1),
		};

		cr_assert_eq(rec->ops->cache(rec, &cache, NULL), 0);
	}
}

static void write_samples(struct recorder *rec)
{
	for (unsigned int k = 0; k < NR_SAMPLES; k++) {
		struct record_sample sample = {
			.time_ns = k * 250000000ull,
			.event_no = k * 1000,
			.reason = k + 1 < NR_SAMPLES ? "time" : "end",
			.marker = k == 20 ? "half way" : NULL,
			.free_bytes = 200000000 - 1000000 * k,
			.pcp_bytes = 4096 * k,
			.slab_bytes = 1000000 * k,
			.kmalloc_large_bytes = 8192,
			.page_bytes = 65536,
			.vmalloc_bytes = 16384,
			.percpu_bytes = 32768,
			.slab_waste_bytes = 100000 * k,
			.kmalloc_waste_bytes = 10000 * k,
			.live_objects = 500 * k,
		};

		cr_assert_eq(rec->ops->sample(rec, &sample, NULL), 0);
		write_zone(rec, "DMA", 3840, k);
		write_zone(rec, "DMA32", 57344, k);
	}
	write_caches(rec);
}

static void write_ops(struct recorder *rec)
{
	struct hist *hist = calloc(1, sizeof(*hist));
	struct record_op op = {
		.op = "kmalloc",
		.count = 1000,
		.failed = 3,
		.bytes_req = 50000,
		.bytes_alloc = 64000,
		.sleeps = 2,
		.latency = hist,
	};

	for (uint64_t i = 1; i <= 1000; i++)
		hist_add(hist, i);
	cr_assert_eq(rec->ops->op(rec, &op, NULL), 0);
	free(hist);
}

/* What requests waited for, and what they did not get. */
static void write_waits(struct recorder *rec)
{
	struct err err = { 0 };

	cr_assert_eq(
		RECORD_ROW(rec, LOCK_STATS, &err, RECORD_T("zone DMA32"), RECORD_U(900), RECORD_U(12), RECORD_U(3400),
			RECORD_U(56000)), 0);
	cr_assert_eq(RECORD_ROW(rec, SLEEPS, &err, RECORD_T("mempool"), RECORD_U(5), RECORD_U(12000), RECORD_U(4000),
			     RECORD_U(2), RECORD_U(1)),
		0);
	cr_assert_eq(RECORD_ROW(rec, ALLOC_FAILURES, &err, RECORD_U(0), RECORD_T("DMA32"), RECORD_U(3),
			     RECORD_T("GFP_NOWAIT"), RECORD_U(2)),
		0);
	cr_assert_eq(RECORD_ROW(rec, RECLAIM_EVENTS, &err, RECORD_T("kswapd"), RECORD_U(0), RECORD_U(5000),
			     RECORD_U(9000), RECORD_U(128), RECORD_U(1)),
		0);
}

/* Ports and device memory. */
static void write_devices(struct recorder *rec)
{
	struct err err = { 0 };

	cr_assert_eq(RECORD_ROW(rec, RESOURCES, &err, RECORD_T("ioports"), RECORD_U(0), RECORD_U(0), RECORD_U(0x3f8),
			     RECORD_U(0x3ff), RECORD_T("serial"), RECORD_U(1), RECORD_U(1)), 0);
	cr_assert_eq(RECORD_ROW(rec, IOPORT_STATS, &err, RECORD_U(0x3f8), RECORD_U(0x3ff), RECORD_T("serial"),
			     RECORD_T("outb"), RECORD_U(40), RECORD_U(40), RECORD_U(40), RECORD_U(40000), RECORD_U(3)),
		0);
	cr_assert_eq(RECORD_ROW(rec, IOMEM_STATS, &err, RECORD_U(0xfe000000), RECORD_U(0xfe000fff), RECORD_T("nic"),
			     RECORD_T("readl"), RECORD_U(7), RECORD_U(28), RECORD_U(5600), RECORD_U(0)), 0);
	cr_assert_eq(RECORD_ROW(rec, IOREMAP_STATS, &err, RECORD_T("uc"), RECORD_U(1), RECORD_U(256), RECORD_U(4096)),
		0);
	cr_assert_eq(RECORD_ROW(rec, IOREMAP_LIVE, &err, RECORD_U(0), RECORD_U(0xfe000000), RECORD_U(256),
			     RECORD_T("uc"), RECORD_T("0xffffc90000000000"), RECORD_U(4096), RECORD_T("nic"),
			     RECORD_T(NULL)),
		0);
}

/* Pools, memory for devices, high memory. */
static void write_pools(struct recorder *rec)
{
	struct err err = { 0 };

	cr_assert_eq(RECORD_ROW(rec, MEMPOOL_STATS, &err, RECORD_U(1), RECORD_T("bios"), RECORD_T("slab"),
			     RECORD_T("bio-192"), RECORD_U(192), RECORD_U(4), RECORD_U(3), RECORD_U(0), RECORD_U(90),
			     RECORD_U(80), RECORD_U(1), RECORD_U(5), RECORD_U(4), RECORD_U(2), RECORD_U(1),
			     RECORD_U(5000001234), RECORD_U(10), RECORD_U(12), RECORD_U(0)),
		0);
	cr_assert_eq(RECORD_ROW(rec, DMA_STATS, &err, RECORD_U(0), RECORD_T(NULL), RECORD_U(0), RECORD_U(0),
			     RECORD_U(0), RECORD_U(8192), RECORD_U(40960), RECORD_U(7), RECORD_U(5), RECORD_U(1),
			     RECORD_U(2), RECORD_U(0), RECORD_U(3), RECORD_U(1), RECORD_U(0)),
		0);
	cr_assert_eq(RECORD_ROW(rec, HIGHMEM_STATS, &err, RECORD_U(512), RECORD_U(1), RECORD_U(9), RECORD_U(20),
			     RECORD_U(10), RECORD_U(1), RECORD_U(2), RECORD_U(7000), RECORD_U(30), RECORD_U(2)),
		0);
}

/* Per-CPU and boot memory, the vmalloc space. */
static void write_spaces(struct recorder *rec)
{
	struct err err = { 0 };

	cr_assert_eq(RECORD_ROW(rec, PERCPU_STATS, &err, RECORD_U(2), RECORD_U(524288), RECORD_U(4), RECORD_U(10),
			     RECORD_U(900), RECORD_U(3600), RECORD_U(552060), RECORD_U(524288), RECORD_U(100),
			     RECORD_U(60), RECORD_U(65), RECORD_U(4)),
		0);
	cr_assert_eq(RECORD_ROW(rec, PERCPU_CHUNKS, &err, RECORD_U(0), RECORD_T("0x0000000000036000"), RECORD_U(10),
			     RECORD_U(27772), RECORD_U(27672), RECORD_U(27672), RECORD_U(100), RECORD_U(60),
			     RECORD_U(7), RECORD_U(6), RECORD_U(0)),
		0);
	cr_assert_eq(RECORD_ROW(rec, BOOT_MEMORY, &err, RECORD_U(0), RECORD_T("memblock_alloc"), RECORD_U(0x3ff0000),
			     RECORD_U(4096), RECORD_U(64), RECORD_U(0)), 0);
	cr_assert_eq(RECORD_ROW(rec, VMALLOC_STATS, &err, RECORD_U(1 << 27), RECORD_U(8192),
			     RECORD_U((1 << 27) - 12288), RECORD_U(4096), RECORD_U(4096), RECORD_U(1), RECORD_U(1),
			     RECORD_U(1), RECORD_U(2), RECORD_U(0), RECORD_U(2), RECORD_U(1 << 26), RECORD_U(3),
			     RECORD_U(40960), RECORD_U(1), RECORD_U(0), RECORD_U(0), RECORD_U(0)),
		0);
	cr_assert_eq(RECORD_ROW(rec, VMAP_AREAS, &err, RECORD_T("0xffffc90000000000"), RECORD_T("0xffffc90000002000"),
			     RECORD_U(8192), RECORD_T("vmalloc"), RECORD_T("load_module+0x1"), RECORD_U(1),
			     RECORD_T(NULL), RECORD_U(0), RECORD_T(" N0=1")),
		0);
}

void fixture_write(const char *path, enum run_status status)
{
	struct recorder *rec = fixture_begin(path);
	struct err err = { 0 };

	write_samples(rec);
	write_ops(rec);
	cr_assert_eq(rec->ops->counter(rec,
			     &(struct record_counter){ "replay", "failed_allocations", "allocations", 3 }, NULL),
		0);
	write_waits(rec);
	write_devices(rec);
	write_pools(rec);
	write_spaces(rec);
	cr_assert_eq(
		rec->ops->extfrag(rec, &(struct record_extfrag){ "Movable", "Unmovable", 0, 9, 17, 4 }, &err),
		0);
	cr_assert_eq(rec->ops->call_site(rec,
			     &(struct record_call_site){ "d_alloc+0x1c", "kmem_cache_alloc", 700, 1, 134400,
				     140000, 60, 11520, 1000000, 120, 4500 },
			     &err),
		0);
	cr_assert_eq(rec->ops->violation(rec,
			     &(struct record_violation){ 5000, 1, "double_free", "error", 77, NULL,
				     "kfree of object 12, freed at event 70" },
			     &err),
		0);
	cr_assert_eq(rec->ops->counter(rec,
			     &(struct record_counter){ "slab", "bytes_alloc_mismatch", "events", 0 }, &err),
		0);
	cr_assert_eq(rec->ops->end(rec,
			     &(struct record_end){
				     .status = status,
				     .error = status == RUN_FAILED ? "the model broke a rule" : NULL,
				     .events = 39000,
				     .sim_ns = 9750000000ull,
				     .wall_ns = 13000000,
				     .fingerprint = 0xfedcba9876543210ull,
			     },
			     &err),
		0, "%s", err.text);
	rec->ops->close(rec);
}

static void write_point_samples(struct recorder *rec, const struct fixture_point *point)
{
	unsigned int nr = point->samples ? point->samples : 2;

	for (unsigned int k = 0; k < nr; k++) {
		/* The last sample but one is the worst. */
		uint64_t free_pages = point->free_pages - (k + 2 == nr ? 100 : 0);
		struct record_sample sample = {
			.time_ns = k * 1000,
			.event_no = k,
			.reason = k + 1 < nr ? "time" : "end",
			.free_bytes = 4096 * free_pages,
			.slab_bytes = 4096 * 64,
			.slab_waste_bytes = 1000,
			.kmalloc_waste_bytes = 24,
		};
		struct record_zone zone = {
			.zone = "DMA32",
			.free_pages = free_pages,
			.max_order = 10,
			.protection = "",
		};

		cr_assert_eq(rec->ops->sample(rec, &sample, NULL), 0);
		cr_assert_eq(rec->ops->zone(rec, &zone, NULL), 0);
		for (unsigned int order = 0; order < NR_ORDERS; order++) {
			struct record_frag frag = {
				.zone = "DMA32",
				.order = order,
				.unusable_milli = (int)(order * (k + 2 == nr ? 50 : 25)),
				.frag_milli = -1000,
			};

			cr_assert_eq(rec->ops->frag(rec, &frag, NULL), 0);
		}
	}
}

static void write_point_results(struct recorder *rec, const struct fixture_point *point)
{
	struct err err = { 0 };
	struct hist *hist = calloc(1, sizeof(*hist));
	struct record_op op = {
		.op = "kmalloc",
		.count = 100,
		.failed = point->failed,
		.bytes_req = 5000,
		.bytes_alloc = 6400,
		.latency = hist,
	};
	struct record_cache cache = { .cache = "dentry", .object_size = 192, .size = 192, .slab_pages = 64 };
	struct record_end end = {
		.status = point->status,
		.events = 200,
		.sim_ns = 2000,
		.wall_ns = 5000000,
		.fingerprint = point->free_pages * 1000003 + point->failed * 101 + point->latency_ns,
	};

	for (int i = 0; i < 100; i++)
		hist_add(hist, point->latency_ns);
	cr_assert_eq(rec->ops->op(rec, &op, NULL), 0);
	cr_assert_eq(rec->ops->cache(rec, &cache, NULL), 0);
	cr_assert_eq(rec->ops->extfrag(rec, &(struct record_extfrag){ "Movable", "Unmovable", 0, 9, 7, 1 }, NULL), 0);
	cr_assert_eq(rec->ops->counter(rec, &(struct record_counter){ "pages", "pgalloc", "pages", 900 }, NULL), 0);
	cr_assert_eq(rec->ops->counter(rec, &(struct record_counter){ "replay", "failed_allocations", "allocations",
			     (int64_t)point->failed }, NULL), 0);
	cr_assert_eq(rec->ops->counter(rec, &(struct record_counter){ "page_alloc", "pgsteal_kswapd", "events", 12 },
			     NULL),
		0);
	cr_assert_eq(rec->ops->counter(rec, &(struct record_counter){ "page_alloc", "pgsteal_direct", "events", 30 },
			     NULL),
		0);
	cr_assert_eq(rec->ops->counter(rec, &(struct record_counter){ "page_alloc", "numa_miss", "events", 5 }, NULL),
		0);
	/* Rows that have numbers of their own. */
	cr_assert_eq(RECORD_ROW(rec, RECLAIM_EVENTS, &err, RECORD_T("kswapd"), RECORD_U(0), RECORD_U(50), RECORD_U(90),
			     RECORD_U(32), RECORD_U(1)),
		0);
	cr_assert_eq(rec->ops->violation(rec,
			     &(struct record_violation){
				     .time_ns = 60,
				     .rule = "double_free",
				     .severity = "error",
				     .event_no = 1,
				     .text = "freed twice",
			     },
			     NULL),
		0);
	cr_assert_eq(rec->ops->end(rec, &end, NULL), 0);
	free(hist);
}

static void write_point(struct recorder *rec, const struct fixture_point *point)
{
	struct record_run run = fixture_run();
	const char *values[] = { point->memory, point->min_order };
	char yaml[128], hash[65];
	struct err err = { 0 };

	snprintf(yaml, sizeof(yaml), "kmemsim: 1\nname: point\nmemory: %s\nslab:\n  min_order: %s\n", point->memory,
		point->min_order);
	sha256_buffer(yaml, strlen(yaml), hash);
	run.param_values = values;
	run.config_yaml = yaml;
	run.config_hash = hash;
	run.seed = point->seed;
	cr_assert_eq(rec->ops->begin(rec, &run, &err), 0, "%s", err.text);
	if (point->status == RUN_RUNNING)
		return;
	write_point_samples(rec, point);
	write_point_results(rec, point);
}

void fixture_points(const char *path, const struct fixture_point *points, unsigned int nr)
{
	struct recorder *rec = NULL;
	struct err err = { 0 };

	cr_assert_eq(sqlite_recorder_open(&rec, path, &err), 0, "%s", err.text);
	for (unsigned int i = 0; i < nr; i++)
		write_point(rec, &points[i]);
	rec->ops->close(rec);
}

void fixture_point(const char *path, const struct fixture_point *point)
{
	fixture_points(path, point, 1);
}

char *fixture_rows(const char *path, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *stmt;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int rc;

	cr_assert_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	cr_assert_eq(
		sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
	for (int row = 0; (rc = sqlite3_step(stmt)) == SQLITE_ROW; row++) {
		if (row)
			fputc('\n', out);
		for (int i = 0; i < sqlite3_column_count(stmt); i++) {
			const char *cell = (const char *)sqlite3_column_text(stmt, i);

			fprintf(out, "%s%s", i ? "|" : "", cell ? cell : "NULL");
		}
	}
	cr_assert_eq(rc, SQLITE_DONE, "%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	fclose(out);
	return text;
}

int64_t fixture_count(const char *path, const char *sql)
{
	char *rows = fixture_rows(path, sql);
	int64_t count = strtoll(rows, NULL, 10);

	free(rows);
	return count;
}

char *fixture_slurp(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (!in)
		return NULL;
	if (getdelim(&text, &size, '\0', in) < 0) {
		free(text);
		text = NULL;
	}
	fclose(in);
	return text;
}

/* sampler: takes the state of the modelled memory and the statistics of the run to the recorder. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/run.h"
#include "sim/severity.h"

static const struct machine_page_allocator *pages_config(const struct run *run)
{
	return &run->machine->page_allocator;
}

static int record_blocks(struct run *run, const struct zone_stats *zone, struct err *err)
{
	const struct recorder_ops *ops = run->recorder->ops;
	uint64_t nr_free[PAGE_MAX_ORDERS] = { 0 };
	int ret = 0;

	for (int mt = 0; mt < NR_MIGRATETYPES; mt++) {
		for (uint32_t order = 0; order <= pages_config(run)->max_order; order++) {
			struct record_free_blocks row = {
				.node = zone->node,
				.zone = machine_zone_name[zone->type],
				.migratetype = migratetype_name[mt],
				.order = order,
				.blocks = zone->blocks[mt][order],
			};

			nr_free[order] += row.blocks;
			if (row.blocks && ret == 0)
				ret = ops->free_blocks(run->recorder, &row, err);
		}
	}
	for (uint32_t order = 0; ret == 0 && order <= pages_config(run)->max_order; order++) {
		struct record_frag row = {
			.node = zone->node,
			.zone = machine_zone_name[zone->type],
			.order = order,
			.unusable_milli = page_unusable_index(nr_free, pages_config(run)->max_order, order),
			.frag_milli = page_frag_index(nr_free, pages_config(run)->max_order, order),
		};

		ret = ops->frag(run->recorder, &row, err);
	}
	return ret;
}

static int record_pageblocks(struct run *run, const struct zone_stats *zone, struct err *err)
{
	int ret = 0;

	for (int mt = 0; ret == 0 && mt < NR_MIGRATETYPES; mt++) {
		struct record_pageblocks row = {
			.node = zone->node,
			.zone = machine_zone_name[zone->type],
			.migratetype = migratetype_name[mt],
			.pageblocks = zone->pageblocks[mt],
		};

		if (row.pageblocks)
			ret = run->recorder->ops->pageblocks(run->recorder, &row, err);
	}
	return ret;
}

/*
 * lowmem_reserve[] as /proc/zoneinfo prints it: by the zones that
 * the kernel has, see describe_machine(). ZONE_DEVICE has no pages.
 */
static void print_protection(const struct run *run, const struct zone_stats *zone, char *buf, size_t size)
{
	static const enum machine_zone zones_64[] = { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL, ZONE_MOVABLE, ZONE_MOVABLE };
	static const enum machine_zone zones_32[] = { ZONE_DMA, ZONE_NORMAL, ZONE_HIGHMEM, ZONE_MOVABLE };
	bool bits32 = run->machine->bits32;
	size_t nr = bits32 ? sizeof(zones_32) / sizeof(zones_32[0]) : sizeof(zones_64) / sizeof(zones_64[0]), at = 0;

	for (size_t i = 0; i < nr; i++)
		at += (size_t)snprintf(buf + at, size - at, "%s%" PRIu64, i ? ", " : "",
			zone->lowmem_reserve[bits32 ? zones_32[i] : zones_64[i]]);
}

static int record_cpu_lists(struct run *run, unsigned int z, const struct zone_stats *zone, struct err *err)
{
	int ret = 0;

	for (uint32_t cpu = 0; ret == 0 && zone->pcp_pages && cpu < run->machine->cpus; cpu++) {
		uint32_t pages = page_alloc_pcp_count(run->mm.pages, z, cpu);

		if (pages)
			ret = RECORD_ROW(run->recorder, PCP_LISTS, err, RECORD_U(zone->node),
				RECORD_T(machine_zone_name[zone->type]), RECORD_U(cpu), RECORD_U(pages));
	}
	return ret;
}

static int record_zone_row(struct run *run, const struct zone_stats *zone, struct err *err)
{
	char protection[6 * 24];
	struct record_zone row = {
		.node = zone->node,
		.zone = machine_zone_name[zone->type],
		.start_pfn = zone->start_pfn,
		.spanned_pages = zone->spanned,
		.present_pages = zone->present,
		.managed_pages = zone->managed,
		.free_pages = zone->free_pages,
		.pcp_pages = zone->pcp_pages,
		.min_pages = zone->min,
		.low_pages = zone->low,
		.high_pages = zone->high,
		.boost_pages = zone->boost,
		.highatomic_pages = zone->highatomic,
		.max_order = pages_config(run)->max_order,
		.protection = protection,
		.pcp_high_pages = zone->pcp_high,
		.pcp_batch_pages = zone->pcp_batch,
		.stat_threshold = zone->stat_threshold,
		.node_unreclaimable = zone->node_unreclaimable,
	};

	print_protection(run, zone, protection, sizeof(protection));
	return run->recorder->ops->zone(run->recorder, &row, err);
}

static int record_zones(struct run *run, struct err *err)
{
	unsigned int nr = page_alloc_nr_zones(run->mm.pages);
	int ret = 0;

	for (unsigned int z = 0; ret == 0 && z < nr; z++) {
		struct zone_stats zone;

		page_alloc_zone_stats(run->mm.pages, z, &zone);
		ret = record_zone_row(run, &zone, err);
		if (ret == 0)
			ret = record_cpu_lists(run, z, &zone, err);
		if (ret == 0)
			ret = record_blocks(run, &zone, err);
		if (ret == 0)
			ret = record_pageblocks(run, &zone, err);
	}
	return ret;
}

/* Bytes that the holders of living slab objects asked for, and what kmalloc rounded up for them. */
struct live_bytes {
	uint64_t slab_req;    /* objects from slabs: bytes asked for */
	uint64_t slab_objects; /* the same, each with the object_size of its cache; of runs from a saved state */
	uint64_t kmalloc_waste;
};

static uint64_t object_bytes(const struct run *run, const struct object_maker *maker)
{
	const struct run_op *op = &run->ops[maker->op];

	if (maker->action != ACT_CACHE_ALLOC)
		return op->bytes_alloc;
	return op->cache == CACHE_NONE ? 0 : slab_cache_geometry(run->mm.slab, op->cache)->object_size;
}

static struct live_bytes live_bytes_of(const struct run *run)
{
	struct live_bytes bytes = { 0 };

	for (uint32_t i = 0; i < run->nr_makers; i++) {
		const struct object_maker *maker = &run->makers[i];
		const struct run_op *op = &run->ops[maker->op];
		uint64_t live = op->done - op->freed;

		if (!live)
			continue; /* most: their second cache line stays where it is */
		live -= op->kept + op->mapped;
		if (maker->action != ACT_KMALLOC_LARGE)
			bytes.slab_req += live * op->size;
		if (maker->action != ACT_KMALLOC_LARGE && run->options->initial)
			bytes.slab_objects += live * object_bytes(run, maker);
		if (maker->action != ACT_CACHE_ALLOC)
			bytes.kmalloc_waste += live * (op->bytes_alloc - op->size);
	}
	return bytes;
}

/* Bytes of a cache's slabs that hold no object: 0 where its objects lie in pages that are not its own. */
static uint64_t cache_waste(const struct run *run, const struct slab_stats *stats)
{
	uint64_t bytes = stats->slab_pages * run->machine->page_size;
	uint64_t used = stats->live_objs * stats->geometry.object_size;

	return bytes > used ? bytes - used : 0;
}

/* Bytes of the objects in slabs that the trace does not know: a saved state's. @known: of all others. */
static uint64_t unknown_objects(const struct run *run, uint64_t known)
{
	uint64_t bytes = 0;

	for (uint32_t cache = 0; cache < slab_nr_caches(run->mm.slab); cache++) {
		struct slab_stats stats;

		if (!slab_cache_live(run->mm.slab, cache))
			continue;
		slab_cache_stats(run->mm.slab, cache, &stats);
		bytes += stats.live_objs * stats.geometry.object_size;
	}
	return bytes > known ? bytes - known : 0;
}

static int record_caches(struct run *run, struct err *err)
{
	int ret = 0;

	for (uint32_t cache = 0; ret == 0 && cache < slab_nr_caches(run->mm.slab); cache++) {
		struct slab_stats stats;

		if (!slab_cache_live(run->mm.slab, cache))
			continue;
		slab_cache_stats(run->mm.slab, cache, &stats);
		struct record_cache row = {
			.cache = stats.name,
			.object_size = stats.geometry.object_size,
			.size = stats.geometry.size,
			.align = stats.geometry.align,
			.objs_per_slab = stats.geometry.objs_per_slab,
			.order = stats.geometry.order,
			.min_partial = stats.geometry.min_partial,
			.cpu_partial = stats.geometry.cpu_partial,
			.active_objs = stats.active_objs,
			.total_objs = stats.total_objs,
			.live_objs = stats.live_objs,
			.slabs = stats.slabs,
			.slab_pages = stats.slab_pages,
			.partial = stats.partial,
			.cpu_slabs = stats.cpu_slabs,
			.aliases = stats.aliases,
			.waste_bytes = cache_waste(run, &stats),
			.allocs = stats.allocs,
			.frees = stats.frees,
			.grown = stats.grown,
			.discarded = stats.discarded,
			.array_limit = stats.geometry.limit,
			.batchcount = stats.geometry.batchcount,
			.shared_factor = stats.geometry.shared,
			.active_slabs = stats.active_slabs,
			.shared_avail = stats.shared_avail,
		};
		ret = run->recorder->ops->cache(run->recorder, &row, err);
	}
	return ret;
}

int sampler_sample(struct run *run, const char *reason, const char *marker, struct err *err)
{
	uint32_t page_size = run->machine->page_size;
	struct live_bytes live = live_bytes_of(run);
	struct record_sample sample = {
		.time_ns = run->engine.now,
		.event_no = run->events,
		.reason = reason,
		.marker = marker,
		.slab_bytes = slab_pages(run->mm.slab) * page_size,
		.kmalloc_large_bytes = slab_large_pages(run->mm.slab) * page_size,
		.page_bytes = run->pages_held * page_size,
		.kmalloc_waste_bytes = live.kmalloc_waste,
		.live_objects = run->live_objects,
	};
	unsigned int nr_zones = page_alloc_nr_zones(run->mm.pages);
	bool full = marker || !strcmp(reason, "end");
	uint64_t without_objects, of_pools;
	int ret;

	for (unsigned int z = 0; z < nr_zones; z++) {
		struct zone_stats zone;

		page_alloc_zone_stats(run->mm.pages, z, &zone);
		sample.free_bytes += zone.free_pages * page_size;
		sample.pcp_bytes += zone.pcp_pages * page_size;
	}
	sample.slab_waste_bytes = without_objects =
		sample.slab_bytes > live.slab_req ? sample.slab_bytes - live.slab_req : 0;
	parts_totals(run, &sample);
	if (run->options->initial) {
		of_pools = without_objects - sample.slab_waste_bytes;
		sample.slab_waste_bytes -=
			min_u64(sample.slab_waste_bytes, unknown_objects(run, live.slab_objects + of_pools));
	}
	ret = run->recorder->ops->sample(run->recorder, &sample, err);
	if (ret == 0)
		ret = record_zones(run, err);
	if (ret == 0 && full)
		ret = record_caches(run, err);
	if (ret == 0)
		ret = parts_sample(run, full, err);
	return ret;
}

/* Whether what it asks for counts as taken: of krealloc() what its objects are then, in place or not. */
static bool makes_objects(const struct run_op *op)
{
	return kind_info[op->kind].slot == SLOT_BEGINS || op->kind == KIND_KREALLOC;
}

static int record_ops(struct run *run, struct err *err)
{
	struct record_op rows[NR_KINDS] = { 0 };
	int ret = 0;

	for (uint32_t i = 0; i < run->tables->nr_ops; i++) {
		const struct run_op *op = &run->ops[i];
		struct record_op *row = &rows[op->kind];

		if (op->flags & OP_BOOT)
			continue;
		row->count += op->done - op->older + op->failed;
		row->failed += op->failed;
		row->sleeps += op->sleeps;
		if (makes_objects(op)) {
			row->bytes_req += (op->done - op->older) * op->size;
			row->bytes_alloc += (op->done - op->older) * op->bytes_alloc;
		}
	}
	for (int kind = 0; ret == 0 && kind < NR_KINDS; kind++) {
		rows[kind].op = kind_info[kind].name;
		rows[kind].latency = run->kinds[kind].latency;
		if (rows[kind].count)
			ret = run->recorder->ops->op(run->recorder, &rows[kind], err);
	}
	return ret;
}

static int by_call_site(const void *a, const void *b)
{
	const struct run_op *x = *(const struct run_op *const *)a;
	const struct run_op *y = *(const struct run_op *const *)b;

	if (x->trace->call_site != y->trace->call_site)
		return x->trace->call_site < y->trace->call_site ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* The operations of one call site and kind, ops[0 .. nr-1], as one row. */
static int record_call_site(struct run *run, const struct run_op *const *ops, size_t nr, struct err *err)
{
	struct record_call_site row = {
		.call_site = run_string(run, ops[0]->trace->call_site),
		.op = kind_info[ops[0]->kind].name,
	};
	uint64_t freed = 0;
	ns_t lifetime = 0, latency = 0;

	for (size_t i = 0; i < nr; i++) {
		const struct run_op *op = ops[i];

		row.count += op->done - op->older + op->failed;
		row.failed += op->failed;
		lifetime += op->lifetime_ns;
		latency += op->latency_ns;
		freed += op->freed;
		if (op->latency_max_ns > row.lat_max_ns)
			row.lat_max_ns = op->latency_max_ns;
		if (!makes_objects(op))
			continue;
		row.bytes_req += (op->done - op->older) * op->size;
		row.bytes_alloc += (op->done - op->older) * op->bytes_alloc;
		row.live += op->done - op->kept - op->freed;
		row.live_bytes += (op->done - op->kept - op->freed) * op->bytes_alloc;
	}
	/* A site that asked before the beginning only may still have what it got. */
	if (!row.count && !row.live)
		return 0;
	row.lifetime_mean_ns = freed ? lifetime / freed : 0;
	row.lat_mean_ns = row.count ? latency / row.count : 0;
	return run->recorder->ops->call_site(run->recorder, &row, err);
}

static int record_call_sites(struct run *run, struct err *err)
{
	const struct run_op **sorted = malloc((run->tables->nr_ops + 1) * sizeof(*sorted));
	size_t nr = 0;
	int ret = 0;

	if (!sorted)
		return err_set(err, ERR_NOMEM, "no memory for the call sites");
	for (uint32_t i = 0; i < run->tables->nr_ops; i++)
		if (run->ops[i].trace->call_site && !(run->ops[i].flags & OP_BOOT))
			sorted[nr++] = &run->ops[i];
	qsort(sorted, nr, sizeof(*sorted), by_call_site);
	for (size_t start = 0, end; ret == 0 && start < nr; start = end) {
		for (end = start + 1; end < nr; end++)
			if (sorted[end]->trace->call_site != sorted[start]->trace->call_site ||
				sorted[end]->kind != sorted[start]->kind)
				break;
		ret = record_call_site(run, sorted + start, end - start, err);
	}
	free(sorted);
	return ret;
}

static int record_extfrag(struct run *run, struct err *err)
{
	enum { MAX_KINDS = PAGE_MAX_ORDERS * PAGE_MAX_ORDERS * 16 };
	struct extfrag_stats *stats = calloc(MAX_KINDS, sizeof(*stats));
	unsigned int nr;
	int ret = 0;

	if (!stats)
		return err_set(err, ERR_NOMEM, "no memory for the fallback statistics");
	nr = page_alloc_extfrag_stats(run->mm.pages, stats, MAX_KINDS);
	for (unsigned int i = 0; ret == 0 && i < nr && i < MAX_KINDS; i++) {
		struct record_extfrag row = {
			.from_migratetype = migratetype_name[stats[i].fallback_mt],
			.to_migratetype = migratetype_name[stats[i].alloc_mt],
			.alloc_order = stats[i].alloc_order,
			.fallback_order = stats[i].fallback_order,
			.count = stats[i].count,
			.pageblock_changes = stats[i].ownership_changes,
		};

		ret = run->recorder->ops->extfrag(run->recorder, &row, err);
	}
	free(stats);
	return ret;
}

static int record_failures(struct run *run, struct err *err)
{
	const struct page_failures *failures;
	unsigned int nr = page_alloc_failures(run->mm.pages, &failures);
	int ret = 0;

	for (unsigned int i = 0; ret == 0 && i < nr; i++) {
		const struct page_failures *f = &failures[i];
		char gfp[512];

		gfp_format(f->gfp, gfp, sizeof(gfp));
		ret = RECORD_ROW(run->recorder, ALLOC_FAILURES, err, RECORD_U(f->node),
			RECORD_T(f->zone < NR_ZONE_TYPES ? machine_zone_name[f->zone] : "none"), RECORD_U(f->order),
			RECORD_T(gfp), RECORD_U(f->count));
	}
	return ret;
}

static int record_counter(struct run *run, const char *mechanism, const char *name, const char *unit, uint64_t value,
	struct err *err)
{
	struct record_counter row = { mechanism, name, unit, (int64_t)value };

	return run->recorder->ops->counter(run->recorder, &row, err);
}

/* What a counter of the page allocator counts, as far as its name tells. */
static const char *unit_of(const char *name)
{
	static const char *const of_pages[] = { "pg", "pages", "pswp", "workingset_", "migrate_scanned", "free_scanned",
		"compact_isolated" };

	if (!strcmp(name, "slabs_scanned"))
		return "objects";
	for (size_t i = 0; i < sizeof(of_pages) / sizeof(of_pages[0]); i++)
		if (strstr(name, of_pages[i]))
			return "pages";
	return "events";
}

static int record_counters(struct run *run, struct err *err)
{
	const struct replay_result *result = &run->result;
	const struct {
		const char *name, *unit;
		uint64_t value;
	} own[] = {
		{ "failed_allocations", "allocations", result->failed },
		{ "failed_older", "allocations", result->failed_older },
		{ "failed_as_recorded", "allocations", result->failed_both },
		{ "failed_only_in_recording", "allocations", result->recovered },
		{ "events_not_modelled", "events", result->unmodelled },
		{ "frees_without_object", "events", run->frees_without_object },
		{ "slots_reused_while_live", "events", run->stale_objects },
		{ "kmalloc_bytes_alloc_checked", "events", result->bytes_alloc_checked },
		{ "kmalloc_bytes_alloc_mismatch", "events", result->bytes_alloc_mismatch },
		{ "still_waiting", "requests", result->still_waiting },
		{ "cut_off", "requests", result->cut_off },
		{ "cpus_folded", "cpus", result->folded_cpus },
	};
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < sizeof(own) / sizeof(own[0]); i++)
		ret = record_counter(run, "replay", own[i].name, own[i].unit, own[i].value, err);
	for (int c = 0; ret == 0 && c < NR_PAGE_COUNTERS; c++)
		ret = record_counter(run, "page_alloc", page_counter_name[c], unit_of(page_counter_name[c]),
			page_alloc_counter(run->mm.pages, (enum page_counter)c), err);
	return ret;
}

/* Of which rules more violations were counted than are written out. */
static int record_violation_counts(struct run *run, struct err *err)
{
	int ret = 0;

	for (int rule = 0; ret == 0 && rule < NR_RULES; rule++)
		for (int severity = 0; ret == 0 && severity < NR_SEVERITIES; severity++) {
			uint64_t count = run->violations[rule][severity];
			char name[128];

			if (count <= MAX_VIOLATION_ROWS || run->options->lint)
				continue;
			snprintf(name, sizeof(name), "%s %s", rule_name((unsigned int)rule), severity_name[severity]);
			ret = record_counter(run, "violations", name, "times", count, err);
		}
	return ret;
}

int sampler_finish(struct run *run, struct err *err)
{
	int ret = record_ops(run, err);

	if (ret == 0)
		ret = record_call_sites(run, err);
	if (ret == 0)
		ret = record_extfrag(run, err);
	if (ret == 0)
		ret = record_failures(run, err);
	if (ret == 0)
		ret = record_counters(run, err);
	if (ret == 0)
		ret = record_violation_counts(run, err);
	if (ret == 0)
		ret = works_record(run, err);
	if (ret == 0)
		ret = sleepers_record(run, err);
	if (ret == 0)
		ret = locks_record(run, err);
	if (ret == 0)
		ret = locks_record_pcp(run, err);
	if (ret == 0)
		ret = parts_finish(run, err);
	if (ret == 0)
		ret = reclaim_finish(run, err);
	if (ret == 0)
		ret = follow_record(run, err);
	return ret;
}

#include "reports/report_priv.h"
#include "reports/rows_priv.h"

/*
 * The same trace, machine and seed give the same bytes: no wall clock, host, path, build or number of a row
 * is here, and every list has an order of its own. Samples are named by their time and event number.
 */
static const struct part {
	const char *name, *sql; /* ?1 the run */
	bool single;            /* one object rather than a list */
} parts[] = {
	{ "run",
		"SELECT trace_sha256, machine, config_hash, seed, kernel, pace, cpu_map, layer, status, error, events, lost,"
		" sim_ns, fingerprint, page_size, max_order, pageblock_order, cma, version, part, sampling FROM runs WHERE run_id = ?",
		true },
	{ "params", "SELECT key, value FROM run_params WHERE run_id = ? ORDER BY key", false },
	{ "samples",
		"SELECT time_ns, event_no, reason, marker, free_bytes, pcp_bytes, slab_bytes, kmalloc_large_bytes, page_bytes,"
		" vmalloc_bytes, percpu_bytes, slab_waste_bytes, kmalloc_waste_bytes, live_objects FROM samples WHERE run_id = ?"
		" ORDER BY sample_id",
		false },
	{ "zones",
		"SELECT time_ns, event_no, node, zone, managed_pages, free_pages, pcp_pages, min_pages, low_pages, high_pages,"
		" boost_pages, highatomic_pages FROM zone_samples JOIN samples USING (sample_id) WHERE run_id = ?"
		" ORDER BY sample_id, node, " RESULTS_ZONE_RANK,
		false },
	{ "fragmentation",
		"SELECT time_ns, event_no, node, zone, \"order\", unusable_index, frag_index FROM v_fragmentation"
		" WHERE run_id = ? ORDER BY sample_id, node, " RESULTS_ZONE_RANK ", \"order\"",
		false },
	{ "free_blocks",
		"SELECT node, zone, migratetype, \"order\", blocks FROM free_blocks WHERE sample_id ="
		" (SELECT max(sample_id) FROM samples WHERE run_id = ?) ORDER BY node, " RESULTS_ZONE_RANK
		", migratetype, \"order\"",
		false },
	{ "pageblocks",
		"SELECT node, zone, migratetype, pageblocks FROM pageblocks WHERE sample_id ="
		" (SELECT max(sample_id) FROM samples WHERE run_id = ?) ORDER BY node, " RESULTS_ZONE_RANK
		", migratetype",
		false },
	{ "latency",
		"SELECT op, count, failed, bytes_req, bytes_alloc, sleeps, lat_mean_ns, lat_p50_ns, lat_p90_ns, lat_p99_ns,"
		" lat_p999_ns, lat_max_ns FROM op_stats WHERE run_id = ? ORDER BY op",
		false },
	{ "locks",
		"SELECT lock, acquisitions, contended, wait_ns, hold_ns FROM lock_stats WHERE run_id = ? ORDER BY lock",
		false },
	{ "caches",
		"SELECT cache, object_size, size, objs_per_slab, \"order\", live_objs, active_objs, total_objs, slabs, slab_bytes,"
		" waste_bytes, partial, cpu_slabs, aliases, allocs, frees, grown, discarded FROM v_caches WHERE run_id = ?"
		" ORDER BY cache",
		false },
	{ "ports",
		"SELECT start, \"end\", region, op, count, accesses, bytes, cost_ns, unclaimed FROM ioport_stats WHERE run_id = ?"
		" ORDER BY start, \"end\", region, op",
		false },
	{ "device_memory",
		"SELECT start, \"end\", region, op, count, bytes, cost_ns, unclaimed FROM iomem_stats WHERE run_id = ?"
		" ORDER BY start, \"end\", region, op",
		false },
	{ "mappings",
		"SELECT mapping, phys, size, mode, address, area_bytes, region, call_site FROM ioremap_live WHERE run_id = ?"
		" ORDER BY mapping",
		false },
	{ "percpu",
		"SELECT chunks, unit_size_bytes, units, areas, allocated_bytes, used_bytes, free_bytes, largest_free_bytes, hole_bytes,"
		" largest_hole_bytes, fragmentation, populated_pages, empty_pages FROM v_percpu WHERE run_id = ?"
		" ORDER BY sample_id DESC LIMIT 1",
		false },
	{ "boot_memory",
		"SELECT block, op, start, size_bytes, align_bytes, freed_bytes FROM boot_memory WHERE run_id = ? ORDER BY block",
		false },
	{ "vmalloc",
		"SELECT areas, used_bytes, guard_bytes, lazy_bytes, free_bytes, holes, largest_hole_bytes, hole_fragmentation,"
		" scattered_share, mapped_pages, page_table_pages, purges, retries, failures"
		" FROM v_vmalloc WHERE run_id = ? ORDER BY sample_id DESC LIMIT 1",
		false },
	{ "mempools",
		"SELECT pool, kind, cache, element_bytes, min_nr, curr_nr, lowest_reserve, allocs, frees, failed, from_reserve, refills,"
		" waits, timeouts, wait_ns, outstanding, peak_outstanding, destroyed FROM mempool_stats WHERE run_id = ? ORDER BY pool_no",
		false },
	{ "dma",
		"SELECT pool, block_bytes, boundary_bytes, blocks_per_page, bytes, peak_bytes, allocs, frees, failed, in_use, peak_in_use,"
		" retries, unreachable, destroyed FROM dma_stats WHERE run_id = ? ORDER BY pool_no",
		false },
	{ "highmem",
		"SELECT slots, slots_used, slots_peak, maps, new_slots, flushes, waits, wait_ns, local_maps, local_depth_peak"
		" FROM highmem_stats WHERE run_id = ?",
		false },
	{ "extfrag_events",
		"SELECT from_migratetype, to_migratetype, alloc_order, fallback_order, count, pageblock_changes"
		" FROM extfrag_events WHERE run_id = ? ORDER BY 1, 2, 3, 4",
		false },
	{ "alloc_failures",
		"SELECT node, zone, \"order\", gfp, count FROM alloc_failures WHERE run_id = ? ORDER BY node, " RESULTS_ZONE_RANK
		", \"order\", gfp",
		false },
	{ "sleeps",
		"SELECT reason, count, total_ns, max_ns, timeouts, still_waiting FROM sleeps WHERE run_id = ? ORDER BY reason",
		false },
	{ "reclaim_events",
		"SELECT by, node, start_ns, end_ns, pages, success FROM reclaim_events WHERE run_id = ? ORDER BY reclaim_event_id",
		false },
	{ "call_sites",
		"SELECT call_site, op, count, failed, bytes_req, bytes_alloc, live, live_bytes, lifetime_mean_ns, lat_mean_ns,"
		" lat_max_ns FROM call_sites WHERE run_id = ? ORDER BY call_site, op",
		false },
	{ "violations",
		"SELECT time_ns, cpu, rule, severity, event_no, call_site, text FROM violations WHERE run_id = ?"
		" ORDER BY violation_id",
		false },
	{ "counters",
		"SELECT mechanism, name, unit, value FROM counters WHERE run_id = ? ORDER BY mechanism, name",
		false },
};

#define NR_PARTS (sizeof(parts) / sizeof(parts[0]))

static int write_part(
	struct results *results, const struct part *part, int64_t run, FILE *out, struct err *err)
{
	sqlite3_stmt *stmt;
	int ret = results_prepare(results, part->sql, &run, 1, &stmt, err);

	if (ret < 0)
		return ret;
	fprintf(out, "\"%s\": ", part->name);
	if (!part->single) {
		ret = rows_write(results, stmt, &(struct rows_shape){ .format = RESULTS_JSON }, out, err);
	} else {
		ret = results_step(results, stmt, err);
		if (ret > 0)
			rows_write_object(stmt, out);
	}
	sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

int report_json(struct results *results, int64_t run, FILE *out, struct err *err)
{
	int ret = 0;

	fputs("{", out);
	for (size_t i = 0; i < NR_PARTS && ret == 0; i++) {
		fputs(i ? ",\n" : "\n", out);
		ret = write_part(results, &parts[i], run, out, err);
	}
	fputs("\n}\n", out);
	return ret;
}

#include "sim/recorder_wire.h"

/* Fails to compile for a type that is not known here. */
#define KIND(x) \
	_Generic((x), bool: MEMBER_8, int: MEMBER_32, uint32_t: MEMBER_32, uint64_t: MEMBER_64, int64_t: MEMBER_64, \
		const char *: MEMBER_TEXT, const struct hist *: MEMBER_HIST)
#define M(type, name) { offsetof(struct type, name), KIND(((struct type *)0)->name) }

static const struct member run_members[] = {
	M(record_run, trace), M(record_run, trace_sha256), M(record_run, machine), M(record_run, config_yaml),
	M(record_run, config_hash), M(record_run, kernel), M(record_run, pace), M(record_run, cpu_map),
	M(record_run, layer), M(record_run, initial), M(record_run, part), M(record_run, sampling),
	M(record_run, seed), M(record_run, lost), M(record_run, page_size), M(record_run, max_order),
	M(record_run, pageblock_order), M(record_run, cma), M(record_run, cpus), M(record_run, zones),
};
static const struct member sample_members[] = {
	M(record_sample, time_ns), M(record_sample, event_no), M(record_sample, reason), M(record_sample, marker),
	M(record_sample, free_bytes), M(record_sample, pcp_bytes), M(record_sample, slab_bytes),
	M(record_sample, kmalloc_large_bytes), M(record_sample, page_bytes), M(record_sample, vmalloc_bytes),
	M(record_sample, percpu_bytes), M(record_sample, slab_waste_bytes), M(record_sample, kmalloc_waste_bytes),
	M(record_sample, live_objects),
};
static const struct member zone_members[] = {
	M(record_zone, node),
	M(record_zone, zone),
	M(record_zone, start_pfn),
	M(record_zone, spanned_pages),
	M(record_zone, present_pages),
	M(record_zone, managed_pages),
	M(record_zone, free_pages),
	M(record_zone, pcp_pages),
	M(record_zone, min_pages),
	M(record_zone, low_pages),
	M(record_zone, high_pages),
	M(record_zone, boost_pages),
	M(record_zone, highatomic_pages),
	M(record_zone, max_order),
	M(record_zone, protection),
	M(record_zone, pcp_high_pages),
	M(record_zone, pcp_batch_pages),
	M(record_zone, stat_threshold),
	M(record_zone, node_unreclaimable),
};
static const struct member free_blocks_members[] = {
	M(record_free_blocks, node), M(record_free_blocks, zone), M(record_free_blocks, migratetype),
	M(record_free_blocks, order), M(record_free_blocks, blocks),
};
static const struct member pageblocks_members[] = {
	M(record_pageblocks, node), M(record_pageblocks, zone), M(record_pageblocks, migratetype),
	M(record_pageblocks, pageblocks),
};
static const struct member frag_members[] = {
	M(record_frag, node), M(record_frag, zone), M(record_frag, order), M(record_frag, unusable_milli),
	M(record_frag, frag_milli),
};
static const struct member cache_members[] = {
	M(record_cache, cache),
	M(record_cache, object_size),
	M(record_cache, size),
	M(record_cache, align),
	M(record_cache, objs_per_slab),
	M(record_cache, order),
	M(record_cache, min_partial),
	M(record_cache, cpu_partial),
	M(record_cache, active_objs),
	M(record_cache, total_objs),
	M(record_cache, live_objs),
	M(record_cache, slabs),
	M(record_cache, slab_pages),
	M(record_cache, partial),
	M(record_cache, cpu_slabs),
	M(record_cache, aliases),
	M(record_cache, waste_bytes),
	M(record_cache, allocs),
	M(record_cache, frees),
	M(record_cache, grown),
	M(record_cache, discarded),
	M(record_cache, array_limit),
	M(record_cache, batchcount),
	M(record_cache, shared_factor),
	M(record_cache, active_slabs),
	M(record_cache, shared_avail),
};
static const struct member op_members[] = {
	M(record_op, op), M(record_op, count), M(record_op, failed), M(record_op, bytes_req), M(record_op, bytes_alloc),
	M(record_op, sleeps), M(record_op, latency), M(record_op, coarse),
};
static const struct member extfrag_members[] = {
	M(record_extfrag, from_migratetype), M(record_extfrag, to_migratetype), M(record_extfrag, alloc_order),
	M(record_extfrag, fallback_order), M(record_extfrag, count), M(record_extfrag, pageblock_changes),
};
static const struct member call_site_members[] = {
	M(record_call_site, call_site),
	M(record_call_site, op),
	M(record_call_site, count),
	M(record_call_site, failed),
	M(record_call_site, bytes_req),
	M(record_call_site, bytes_alloc),
	M(record_call_site, live),
	M(record_call_site, live_bytes),
	M(record_call_site, lifetime_mean_ns),
	M(record_call_site, lat_mean_ns),
	M(record_call_site, lat_max_ns),
};
static const struct member violation_members[] = {
	M(record_violation, time_ns),
	M(record_violation, cpu),
	M(record_violation, rule),
	M(record_violation, severity),
	M(record_violation, event_no),
	M(record_violation, call_site),
	M(record_violation, text),
};
static const struct member counter_members[] = {
	M(record_counter, mechanism), M(record_counter, name), M(record_counter, unit), M(record_counter, value),
};
static const struct member verify_check_members[] = {
	M(record_verify_check, check), M(record_verify_check, checked), M(record_verify_check, equal),
	M(record_verify_check, differs), M(record_verify_check, first_event_no), M(record_verify_check, first_time_ns),
	M(record_verify_check, kernel), M(record_verify_check, model),
};
static const struct member verify_zone_members[] = {
	M(record_verify_zone, snapshot),
	M(record_verify_zone, node),
	M(record_verify_zone, zone),
	M(record_verify_zone, order),
	M(record_verify_zone, free_pages),
	M(record_verify_zone, free_pages_real),
	M(record_verify_zone, managed_pages),
	M(record_verify_zone, blocks),
	M(record_verify_zone, blocks_real),
};
static const struct member verify_cache_members[] = {
	M(record_verify_cache, snapshot), M(record_verify_cache, cache), M(record_verify_cache, slabs),
	M(record_verify_cache, slabs_real), M(record_verify_cache, objects), M(record_verify_cache, objects_real),
};
static const struct member end_members[] = {
	M(record_end, status),
	M(record_end, error),
	M(record_end, events),
	M(record_end, sim_ns),
	M(record_end, wall_ns),
	M(record_end, fingerprint),
};
static const struct member row_members[] = { M(row_message, table) };
static const struct member fail_members[] = { M(fail_message, text) };

const struct wire_layout wire_layouts[NR_CALLS] = {
#define LAYOUT(name) { name##_members, sizeof(name##_members) / sizeof(name##_members[0]) }
#define X(id, name, type) [CALL_##id] = LAYOUT(name),
	CALLS(X)
#undef X
	[CALL_BEGIN] = LAYOUT(run),
	[CALL_ROW] = LAYOUT(row),
	[CALL_FAIL] = LAYOUT(fail),
};

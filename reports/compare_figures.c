#include "reports/compare_priv.h"

#include <stdio.h>
#include <string.h>

#include "configs/yaml_tree.h"
#include "reports/database_priv.h"

#define PATH_LENGTH_MAX 512

#define LAST_SAMPLE "(SELECT max(sample_id) FROM samples WHERE run_id = ?1)"

/* What each answers: an item in the first column, its figures in the others. ?1 is the run. */
static const struct {
	const char *kind, *section, *sql;
} sections[] = {
	{ "input", "run",
		"SELECT '', trace_sha256, kernel, lost, seed, pace, cpu_map, layer, initial, part, sampling, version,"
		" results_version, git_commit FROM runs WHERE run_id = ?1" },
	{ "result", "run", "SELECT '', status, error, events, sim_ns, fingerprint FROM runs WHERE run_id = ?1" },
	{ "result", "operations",
		"SELECT op, count, failed, bytes_req, bytes_alloc, sleeps, lat_mean_ns, lat_p50_ns, lat_p90_ns, lat_p99_ns,"
		" lat_p999_ns, lat_max_ns FROM op_stats WHERE run_id = ?1" },
	{ "result", "memory",
		"SELECT 'at the end', free_bytes, pcp_bytes, slab_bytes, kmalloc_large_bytes, page_bytes, vmalloc_bytes,"
		" percpu_bytes, slab_waste_bytes, kmalloc_waste_bytes, live_objects FROM samples WHERE sample_id = " LAST_SAMPLE },
	{ "result", "memory",
		"SELECT 'over all samples', min(free_bytes) AS free_bytes_lowest, max(slab_bytes) AS slab_bytes_highest,"
		" max(slab_waste_bytes) AS slab_waste_bytes_highest, count(*) AS samples FROM samples WHERE run_id = ?1" },
	{ "result", "zones",
		"SELECT 'node ' || node || ' ' || zone, managed_pages, free_pages, pcp_pages, min_pages, low_pages, high_pages,"
		" boost_pages, highatomic_pages FROM zone_samples WHERE sample_id = " LAST_SAMPLE },
	{ "result", "fragmentation",
		"SELECT 'node ' || node || ' ' || zone || ' order ' || \"order\", unusable_index, frag_index FROM frag_samples"
		" WHERE sample_id = " LAST_SAMPLE },
	/* Two caches of one name are told apart by the order of their creation. */
	{ "result", "caches",
		"SELECT cache || CASE WHEN nr > 1 THEN ' (' || nr || ')' ELSE '' END, object_size, size, align, objs_per_slab,"
		" \"order\", min_partial, cpu_partial, active_objs, total_objs, live_objs, slabs, slab_pages, partial, cpu_slabs,"
		" aliases, waste_bytes, allocs, frees, grown, discarded, active_slabs, shared_avail"
		" FROM (SELECT *, row_number() OVER (PARTITION BY cache ORDER BY rowid) AS nr FROM cache_stats WHERE sample_id ="
		" (SELECT s.sample_id FROM samples s WHERE s.run_id = ?1"
		" AND EXISTS (SELECT 1 FROM cache_stats k WHERE k.sample_id = s.sample_id) ORDER BY s.sample_id DESC LIMIT 1))" },
	{ "result", "failures",
		"SELECT 'node ' || node || ' ' || zone || ' order ' || \"order\" || ' ' || gfp, count"
		" FROM alloc_failures WHERE run_id = ?1" },
	{ "result", "fallbacks",
		"SELECT from_migratetype || ' for ' || to_migratetype || ', order ' || alloc_order || ' of ' || fallback_order,"
		" count, pageblock_changes FROM extfrag_events WHERE run_id = ?1" },
	{ "result", "ports",
		"SELECT region || ' ' || printf('%04x-%04x', start, \"end\") || ' ' || op, count, accesses, bytes, cost_ns, unclaimed"
		" FROM ioport_stats WHERE run_id = ?1" },
	{ "result", "device memory",
		"SELECT region || ' ' || printf('%08x-%08x', start, \"end\") || ' ' || op, count, bytes, cost_ns, unclaimed"
		" FROM iomem_stats WHERE run_id = ?1" },
	{ "result", "per-CPU memory",
		"SELECT 'at the end', chunks, areas, allocated_bytes, used_bytes, free_bytes, hole_bytes, largest_hole_bytes,"
		" populated_pages, empty_pages FROM v_percpu WHERE run_id = ?1 ORDER BY sample_id DESC LIMIT 1" },
	{ "result", "boot memory",
		"SELECT op || ' ' || block, start, size_bytes, freed_bytes FROM boot_memory WHERE run_id = ?1" },
	{ "result", "vmalloc space",
		"SELECT 'at the end', areas, used_bytes, lazy_bytes, holes, largest_hole_bytes, mapped_pages, page_table_pages, purges,"
		" failures FROM v_vmalloc WHERE run_id = ?1 ORDER BY sample_id DESC LIMIT 1" },
	{ "result", "mempools",
		"SELECT pool || ' (' || pool_no || ')', min_nr, curr_nr, lowest_reserve, allocs, failed, from_reserve, waits, wait_ns,"
		" outstanding FROM mempool_stats WHERE run_id = ?1" },
	{ "result", "memory for devices",
		"SELECT coalesce(pool, 'coherent') || ' (' || pool_no || ')', bytes, peak_bytes, allocs, failed, in_use, retries"
		" FROM dma_stats WHERE run_id = ?1" },
	{ "result", "high memory",
		"SELECT 'kmap', slots, slots_peak, maps, new_slots, flushes, waits, wait_ns, local_maps, local_depth_peak"
		" FROM highmem_stats WHERE run_id = ?1" },
	{ "result", "locks",
		"SELECT lock, acquisitions, contended, wait_ns, hold_ns FROM lock_stats WHERE run_id = ?1" },
	{ "result", "violations", "SELECT rule, count(*) AS count FROM violations WHERE run_id = ?1 GROUP BY rule" },
	{ "result", "counters",
		"SELECT mechanism || ' ' || name || ', ' || unit, value FROM counters WHERE run_id = ?1" },
};

#define NR_SECTIONS (sizeof(sections) / sizeof(sections[0]))

/* Where rows go: the statement's first parameter, the side, is bound already. */
struct target {
	struct results *memory; /* borrowed */
	sqlite3_stmt *insert;   /* borrowed */
};

static int bind_names(const struct target *target, const char *kind, const char *section, const char *item,
	const char *figure, struct err *err)
{
	const char *const names[] = { kind, section, item, figure };

	for (int i = 0; i < 4; i++)
		if (sqlite3_bind_text(target->insert, i + 2, names[i], -1, SQLITE_TRANSIENT) != SQLITE_OK)
			return database_error(target->memory->db, target->memory->path, err);
	return 0;
}

static int insert(const struct target *target, struct err *err)
{
	int ret = results_step(target->memory, target->insert, err);

	sqlite3_reset(target->insert);
	return ret;
}

static int add_section(const struct target *target, size_t section, struct results *results, int64_t run,
	struct err *err)
{
	sqlite3_stmt *stmt;
	int ret = results_prepare(results, sections[section].sql, &run, 1, &stmt, err);

	if (ret < 0)
		return ret;
	while (ret >= 0 && (ret = results_step(results, stmt, err)) > 0) {
		const char *item = (const char *)sqlite3_column_text(stmt, 0);

		for (int i = 1; i < sqlite3_column_count(stmt) && ret >= 0; i++) {
			ret = bind_names(target, sections[section].kind, sections[section].section, item,
				sqlite3_column_name(stmt, i), err);
			sqlite3_bind_value(target->insert, 6, sqlite3_column_value(stmt, i));
			if (ret >= 0)
				ret = insert(target, err);
		}
	}
	sqlite3_finalize(stmt);
	return ret;
}

/*
 * A map's values are called by their keys, a list's by their
 * places, or by the name that they have among their own keys.
 */
static int add_yaml(const struct target *target, const struct yaml_node *node, const char *path, struct err *err)
{
	char below[PATH_LENGTH_MAX];
	unsigned int place = 0;
	int ret = 0;

	if (node->kind == YAML_SCALAR) {
		ret = bind_names(target, "configuration", "machine", "", path, err);
		if (ret == 0 && sqlite3_bind_text(target->insert, 6, node->text, -1, SQLITE_TRANSIENT) != SQLITE_OK)
			return database_error(target->memory->db, target->memory->path, err);
		return ret < 0 ? ret : insert(target, err);
	}
	for (const struct yaml_node *at = node->first; at && ret == 0; at = at->next, place++) {
		const struct yaml_node *name = at->kind == YAML_MAP ? yaml_tree_find(at, "name") : NULL;
		const char *dot = *path ? "." : "";

		if (node->kind == YAML_MAP)
			snprintf(below, sizeof(below), "%s%s%s", path, dot, at->text);
		else if (name && name->kind == YAML_SCALAR)
			snprintf(below, sizeof(below), "%s[%s]", path, name->text);
		else
			snprintf(below, sizeof(below), "%s[%u]", path, place);
		if (node->kind == YAML_MAP)
			at = at->next;
		ret = add_yaml(target, at, below, err);
	}
	return ret;
}

static int add_configuration(const struct target *target, struct results *results, int64_t run, struct err *err)
{
	struct yaml_problem problem;
	struct yaml_node *root = NULL;
	sqlite3_stmt *stmt;
	int ret = results_prepare(results, "SELECT config_yaml FROM runs WHERE run_id = ?", &run, 1, &stmt, err);

	if (ret < 0)
		return ret;
	ret = results_step(results, stmt, err);
	if (ret > 0) {
		const char *yaml = (const char *)sqlite3_column_text(stmt, 0);

		ret = yaml_tree_read(&root, yaml, strlen(yaml), &problem);
		if (ret < 0)
			ret = err_set(err, ERR_RESULTS, "%s: configuration of run %lld: line %u: %s", results->path,
				(long long)run, problem.line, problem.text);
		else if (root)
			ret = add_yaml(target, root, "", err);
	}
	yaml_tree_free(root);
	sqlite3_finalize(stmt);
	return ret;
}

int compare_figures(struct results *memory, int side, struct results *results, int64_t run, struct err *err)
{
	struct target target = { .memory = memory };
	int64_t number = side;
	/* Of two list elements with one name, the later one hides the other, as in a map. */
	int ret = results_prepare(memory, "INSERT OR REPLACE INTO figures VALUES (?, ?, ?, ?, ?, ?)", &number, 1,
		&target.insert, err);

	if (ret < 0)
		return ret;
	ret = add_configuration(&target, results, run, err);
	for (size_t i = 0; i < NR_SECTIONS && ret >= 0; i++)
		ret = add_section(&target, i, results, run, err);
	sqlite3_finalize(target.insert);
	return ret;
}

/*
 * The kernel's own files (6.1), byte for byte: mm/vmstat.c and mm/slab_common.c have the originals of the
 * formats.
 */
#include "reports/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/word.h"
#include "reports/proc_priv.h"

/* A list is counted no further by /proc/pagetypeinfo. */
#define PAGETYPE_COUNT_MAX 100000

/*
 * A file of rows "Node 0, zone DMA" with one cell per order: what the cells hold (indices: in thousandths)
 * and how one is printed.
 */
struct zone_file {
	const char *sql; /* ?1 sample, ?2 max_order; answers node, zone, order, value */
	void (*cell)(sqlite3_stmt *stmt, int column, FILE *out);
};

#define ALL_ORDERS "WITH RECURSIVE orders(o) AS (SELECT 0 UNION ALL SELECT o + 1 FROM orders WHERE o < ?2)"
#define EACH_ZONE  " FROM zone_samples z, orders WHERE sample_id = ?1 AND present_pages > 0"
#define IN_ORDER   " ORDER BY node, " RESULTS_ZONE_RANK ", o"
#define SAME_PLACE " s.sample_id = z.sample_id AND s.node = z.node AND s.zone = z.zone AND s.\"order\" = o"

static void blocks_cell(sqlite3_stmt *stmt, int column, FILE *out)
{
	fprintf(out, "%6" PRId64 " ", (int64_t)sqlite3_column_int64(stmt, column));
}

static void unusable_cell(sqlite3_stmt *stmt, int column, FILE *out)
{
	int milli = sqlite3_column_int(stmt, column);

	fprintf(out, "%d.%03d ", milli / 1000, milli % 1000);
}

/* The sign goes where C's division puts it: -1000 is "-1.000", -62 is " 0.-62", as the kernel prints it. */
static void extfrag_cell(sqlite3_stmt *stmt, int column, FILE *out)
{
	int milli = sqlite3_column_int(stmt, column);

	fprintf(out, "%2d.%03d ", milli / 1000, milli % 1000);
}

static const struct zone_file buddyinfo = {
	ALL_ORDERS " SELECT node, zone, o, coalesce((SELECT sum(blocks) FROM free_blocks s WHERE" SAME_PLACE
		   "), 0)" EACH_ZONE IN_ORDER,
	blocks_cell,
};

static const struct zone_file unusable_index = {
	ALL_ORDERS
	" SELECT node, zone, o, (SELECT CAST(round(1000 * unusable_index) AS INTEGER) FROM frag_samples s"
	" WHERE" SAME_PLACE ")" EACH_ZONE IN_ORDER,
	unusable_cell,
};

static const struct zone_file extfrag_index = {
	ALL_ORDERS
	" SELECT node, zone, o, (SELECT CAST(round(1000 * frag_index) AS INTEGER) FROM frag_samples s"
	" WHERE" SAME_PLACE ")" EACH_ZONE IN_ORDER,
	extfrag_cell,
};

static int write_zone_file(const struct proc_sample *sample, const struct zone_file *file, struct err *err)
{
	sqlite3_stmt *stmt;
	int ret = results_prepare(sample->results, file->sql,
		(const int64_t[]){ sample->id, sample->max_order }, 2, &stmt, err);

	if (ret < 0)
		return ret;
	while ((ret = results_step(sample->results, stmt, err)) > 0) {
		int64_t order = sqlite3_column_int64(stmt, 2);

		if (order == 0)
			fprintf(sample->out, "Node %d, zone %8s ", sqlite3_column_int(stmt, 0),
				(const char *)sqlite3_column_text(stmt, 1));
		file->cell(stmt, 3, sample->out);
		if (order == sample->max_order)
			fputc('\n', sample->out);
	}
	sqlite3_finalize(stmt);
	return ret;
}

static int write_buddyinfo(const struct proc_sample *sample, struct err *err)
{
	return write_zone_file(sample, &buddyinfo, err);
}

static int write_unusable_index(const struct proc_sample *sample, struct err *err)
{
	return write_zone_file(sample, &unusable_index, err);
}

static int write_extfrag_index(const struct proc_sample *sample, struct err *err)
{
	return write_zone_file(sample, &extfrag_index, err);
}

/* CMA only where the kernel was built with it. */
static const char *const migratetypes[] = { "Unmovable", "Movable", "Reclaimable", "HighAtomic", "CMA",
	"Isolate" };

#define NR_MIGRATETYPES (sizeof(migratetypes) / sizeof(migratetypes[0]))

#define ALL_TYPES                                                                                               \
	"types(rank, type) AS (VALUES (0, 'Unmovable'), (1, 'Movable'), (2, 'Reclaimable'), (3, 'HighAtomic')," \
	" (4, 'CMA'), (5, 'Isolate'))"

static int write_pagetype_free(const struct proc_sample *sample, int64_t node, struct err *err)
{
	static const char sql[] = ALL_ORDERS
		", " ALL_TYPES
		" SELECT node, zone, type, o, coalesce((SELECT blocks FROM free_blocks s WHERE" SAME_PLACE
		" AND s.migratetype = type), 0)"
		" FROM zone_samples z, types, orders WHERE sample_id = ?1 AND present_pages > 0 AND node = ?3"
		" AND (type <> 'CMA' OR ?4) ORDER BY " RESULTS_ZONE_RANK ", rank, o";
	sqlite3_stmt *stmt;
	int ret = results_prepare(sample->results, sql,
		(const int64_t[]){ sample->id, sample->max_order, node, sample->cma }, 4, &stmt, err);

	if (ret < 0)
		return ret;
	while ((ret = results_step(sample->results, stmt, err)) > 0) {
		int64_t order = sqlite3_column_int64(stmt, 3), blocks = sqlite3_column_int64(stmt, 4);

		if (order == 0)
			fprintf(sample->out, "Node %4d, zone %8s, type %12s ", sqlite3_column_int(stmt, 0),
				(const char *)sqlite3_column_text(stmt, 1),
				(const char *)sqlite3_column_text(stmt, 2));
		if (blocks >= PAGETYPE_COUNT_MAX)
			fprintf(sample->out, ">%6d ", PAGETYPE_COUNT_MAX);
		else
			fprintf(sample->out, "%6" PRId64 " ", blocks);
		if (order == sample->max_order)
			fputc('\n', sample->out);
	}
	sqlite3_finalize(stmt);
	return ret;
}

static int write_pagetype_blocks(const struct proc_sample *sample, int64_t node, struct err *err)
{
	static const char sql[] =
		"WITH " ALL_TYPES
		" SELECT node, zone, rank, coalesce((SELECT pageblocks FROM pageblocks s WHERE"
		" s.sample_id = z.sample_id AND s.node = z.node AND s.zone = z.zone AND s.migratetype = type), 0)"
		" FROM zone_samples z, types WHERE sample_id = ?1 AND present_pages > 0 AND node = ?2"
		" AND (type <> 'CMA' OR ?3) ORDER BY " RESULTS_ZONE_RANK ", rank";
	sqlite3_stmt *stmt;
	int ret = results_prepare(
		sample->results, sql, (const int64_t[]){ sample->id, node, sample->cma }, 3, &stmt, err);

	if (ret < 0)
		return ret;
	while ((ret = results_step(sample->results, stmt, err)) > 0) {
		size_t rank = (size_t)sqlite3_column_int64(stmt, 2);

		if (rank == 0)
			fprintf(sample->out, "Node %d, zone %8s ", sqlite3_column_int(stmt, 0),
				(const char *)sqlite3_column_text(stmt, 1));
		fprintf(sample->out, "%12" PRId64 " ", (int64_t)sqlite3_column_int64(stmt, 3));
		if (rank == NR_MIGRATETYPES - 1)
			fputc('\n', sample->out);
	}
	sqlite3_finalize(stmt);
	return ret;
}

static int write_pagetype_node(const struct proc_sample *sample, int64_t node, struct err *err)
{
	int ret;

	fprintf(sample->out, "Page block order: %" PRId64 "\n", sample->pageblock_order);
	fprintf(sample->out, "Pages per block:  %" PRIu64 "\n\n", UINT64_C(1) << sample->pageblock_order);
	fprintf(sample->out, "%-43s ", "Free pages count per migrate type at order");
	for (int64_t order = 0; order <= sample->max_order; order++)
		fprintf(sample->out, "%6" PRId64 " ", order);
	fputc('\n', sample->out);
	ret = write_pagetype_free(sample, node, err);
	if (ret < 0)
		return ret;
	fprintf(sample->out, "\n%-23s", "Number of blocks type ");
	for (size_t i = 0; i < NR_MIGRATETYPES; i++)
		if (sample->cma || strcmp(migratetypes[i], "CMA"))
			fprintf(sample->out, "%12s ", migratetypes[i]);
	fputc('\n', sample->out);
	return write_pagetype_blocks(sample, node, err);
}

static int write_pagetypeinfo(const struct proc_sample *sample, struct err *err)
{
	sqlite3_stmt *stmt;
	int ret = results_prepare(sample->results,
		"SELECT DISTINCT node FROM zone_samples WHERE sample_id = ? AND present_pages > 0 ORDER BY node",
		&sample->id, 1, &stmt, err);

	if (ret < 0)
		return ret;
	while ((ret = results_step(sample->results, stmt, err)) > 0) {
		ret = write_pagetype_node(sample, sqlite3_column_int64(stmt, 0), err);
		if (ret < 0)
			break;
	}
	sqlite3_finalize(stmt);
	return ret;
}

/* The newest cache comes first; only SLAB has tunables. */
static int write_slabinfo(const struct proc_sample *sample, struct err *err)
{
	sqlite3_stmt *stmt;
	int ret = results_prepare(sample->results,
		"SELECT cache, active_objs, total_objs, size, objs_per_slab, 1 << \"order\", active_slabs, slabs,"
		" array_limit, batchcount, shared_factor, shared_avail FROM cache_stats WHERE sample_id = ? ORDER BY rowid DESC",
		&sample->id, 1, &stmt, err);

	if (ret < 0)
		return ret;
	fputs("slabinfo - version: 2.1\n"
	      "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
	      " : tunables <limit> <batchcount> <sharedfactor>"
	      " : slabdata <active_slabs> <num_slabs> <sharedavail>\n",
		sample->out);
	while ((ret = results_step(sample->results, stmt, err)) > 0) {
		fprintf(sample->out, "%-17s %6" PRId64 " %6" PRId64 " %6" PRId64 " %4" PRId64 " %4" PRId64,
			(const char *)sqlite3_column_text(stmt, 0), (int64_t)sqlite3_column_int64(stmt, 1),
			(int64_t)sqlite3_column_int64(stmt, 2), (int64_t)sqlite3_column_int64(stmt, 3),
			(int64_t)sqlite3_column_int64(stmt, 4), (int64_t)sqlite3_column_int64(stmt, 5));
		fprintf(sample->out, " : tunables %4" PRId64 " %4" PRId64 " %4" PRId64,
			(int64_t)sqlite3_column_int64(stmt, 8), (int64_t)sqlite3_column_int64(stmt, 9),
			(int64_t)sqlite3_column_int64(stmt, 10));
		fprintf(sample->out, " : slabdata %6" PRId64 " %6" PRId64 " %6" PRId64 "\n",
			(int64_t)sqlite3_column_int64(stmt, 6), (int64_t)sqlite3_column_int64(stmt, 7),
			(int64_t)sqlite3_column_int64(stmt, 11));
	}
	sqlite3_finalize(stmt);
	return ret;
}

/*
 * The known files; which samples can show one is where its table has rows: ?1 the run, ?2 a sample or 0 for
 * any.
 */
#define LAST_WITH(table)                                                                                     \
	"SELECT max(sample_id) FROM samples s WHERE run_id = ?1 AND ?2 IN (0, sample_id)"                    \
	" AND EXISTS (SELECT 1 FROM " table " t WHERE t.sample_id = s.sample_id)"

/* There may be no area: the sample is one that had them looked at where the other lists of a moment are there. */
#define LAST_WITH_AREAS                                                                                      \
	LAST_WITH("vmap_areas") " UNION ALL " LAST_WITH("resources") " ORDER BY 1 DESC LIMIT 1"

static const struct proc_file {
	const char *name;
	const char *last_sample;
	int (*write)(const struct proc_sample *sample, struct err *err);
} files[] = {
	{ "buddyinfo", LAST_WITH("free_blocks"), write_buddyinfo },
	{ "pagetypeinfo", LAST_WITH("free_blocks"), write_pagetypeinfo },
	{ "slabinfo", LAST_WITH("cache_stats"), write_slabinfo },
	{ "zoneinfo", LAST_WITH("zone_samples"), proc_zoneinfo },
	{ "unusable_index", LAST_WITH("frag_samples"), write_unusable_index },
	{ "extfrag_index", LAST_WITH("frag_samples"), write_extfrag_index },
	{ "iomem", LAST_WITH("resources"), proc_iomem },
	{ "ioports", LAST_WITH("resources"), proc_ioports },
	{ "vmallocinfo", LAST_WITH_AREAS, proc_vmallocinfo },
};

#define NR_FILES (sizeof(files) / sizeof(files[0]))

static int unknown_file(const char *path, const char *name, struct err *err)
{
	/* Files whose figures are there, though not as the kernel prints them. */
	static const struct {
		const char *file, *query;
	} elsewhere[] = { { "vmstat", "counters" }, { "meminfo", "samples" } };
	const char *names[NR_FILES];
	char list[256] = "", hint[64];

	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
		if (!strcmp(name, elsewhere[i].file))
			return err_set(err, ERR_USAGE, "no file \"%s\": its figures are in `kmemsim query %s %s`", name,
				path, elsewhere[i].query);
	for (size_t i = 0; i < NR_FILES; i++) {
		names[i] = files[i].name;
		strcat(strcat(list, i ? ", " : ""), names[i]);
	}
	return err_set(err, ERR_USAGE, "no file \"%s\"%s There are %s", name,
		word_hint(name, names, NR_FILES, ".", hint, sizeof(hint)), list);
}

/* A sample's number is enough to know its run. */
static int choose_sample(
	struct proc_sample *sample, const struct proc_file *file, int64_t run, int64_t id, struct err *err)
{
	struct results *results = sample->results;
	int ret = 0;

	if (run == 0 && id != 0)
		ret = results_number(
			results, "SELECT run_id FROM samples WHERE sample_id = ?", &id, 1, 0, &run, err);
	if (ret == 0)
		ret = results_choose_run(results, run, &run, err);
	if (ret == 0)
		ret = results_number(
			results, file->last_sample, (const int64_t[]){ run, id }, 2, 0, &sample->id, err);
	if (ret < 0)
		return ret;
	if (sample->id == 0 && id != 0)
		return err_set(err, ERR_USAGE,
			"%s: run %" PRId64 " has no sample %" PRId64 " with what %s shows"
			" (slab caches are looked at in a run's last sample only, unless asked for)",
			results->path, run, id, file->name);
	if (sample->id == 0)
		return err_set(err, ERR_RESULTS,
			"%s: run %" PRId64 " has no sample with what %s shows",
			results->path, run, file->name);
	return 0;
}

static int read_shape(struct proc_sample *sample, struct err *err)
{
	sqlite3_stmt *stmt;
	int ret = results_prepare(sample->results,
		"SELECT max_order, pageblock_order, cma FROM runs JOIN samples USING (run_id)"
		" WHERE sample_id = ?",
		&sample->id, 1, &stmt, err);

	if (ret < 0)
		return ret;
	ret = results_step(sample->results, stmt, err);
	sample->max_order = sqlite3_column_int64(stmt, 0);
	sample->pageblock_order = sqlite3_column_int64(stmt, 1);
	sample->cma = sqlite3_column_int64(stmt, 2);
	sqlite3_finalize(stmt);
	return ret < 0 ? ret : 0;
}

int report_proc(
	struct results *results, const char *file, int64_t run, int64_t sample_id, FILE *out, struct err *err)
{
	struct proc_sample sample = { .results = results, .out = out };
	size_t i = 0;
	int ret;

	while (i < NR_FILES && strcmp(files[i].name, file))
		i++;
	if (i == NR_FILES)
		return unknown_file(results->path, file, err);
	ret = choose_sample(&sample, &files[i], run, sample_id, err);
	if (ret == 0)
		ret = read_shape(&sample, err);
	return ret < 0 ? ret : files[i].write(&sample, err);
}

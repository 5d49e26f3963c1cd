/*
 * The kernel's own files of real machines, taken apart into what the recorder gets, recorded, and printed
 * again: the bytes must be the kernel's.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "reports/report.h"
#include "reports/sqlite_recorder.h"

TestSuite(proc, .fini = fixture_remove);

#define MAX_ORDERS 11

static const char *const captures[] = { "A-boot-256m", "B-fs-churn", "C-net-ipc", "D-pressure", "E-drivers",
	"F-numa", "I-highmem-32bit" };
static const char *const moments[] = { "1-after-boot", "2-after-workload" };

/* A row that begins with node and zone, and its numbers. */
struct zone_row {
	uint32_t node;
	char zone[16], type[16];
	double cells[MAX_ORDERS];
	int nr_cells;
};

static bool parse_zone_row(const char *line, struct zone_row *row)
{
	int used = 0;

	row->type[0] = '\0';
	if (sscanf(line, "Node %u, zone %15[A-Za-z0-9]%n", &row->node, row->zone, &used) != 2)
		return false;
	line += used;
	if (sscanf(line, ", type %15s%n", row->type, &used) == 1)
		line += used;
	for (row->nr_cells = 0; row->nr_cells < MAX_ORDERS; row->nr_cells++) {
		if (sscanf(line, "%*s%n", &used) < 0)
			break;
		/* " 0.-62" is how the kernel prints -0.062. */
		if (strstr(line, "0.-") && strstr(line, "0.-") < line + used)
			row->cells[row->nr_cells] = -atof(strstr(line, "0.-") + 3) / 1000;
		else
			row->cells[row->nr_cells] = atof(line);
		line += used;
		used = 0;
	}
	return true;
}

static char *kernel_file(const char *capture, const char *moment, const char *name)
{
	const char *shared = getenv("KMEMSIM_SHARED");
	char path[512];

	snprintf(path, sizeof(path), "%s/captures/%s/snapshots/%s/%s", shared ? shared : "", capture, moment,
		name);
	return fixture_slurp(path);
}

static void need_captures(void)
{
	char *text = kernel_file(captures[0], moments[0], "buddyinfo");

	if (!text)
		cr_skip_test("KMEMSIM_SHARED names no folder with captures");
	free(text);
}

/* Calls @each for every line of @text, which is consumed. */
static void each_line(char *text, struct recorder *rec, void (*each)(struct recorder *rec, const char *line))
{
	for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		each(rec, line);
	free(text);
}

static void record_zone_once(struct recorder *rec, const char *line)
{
	struct zone_row row;

	if (parse_zone_row(line, &row))
		cr_assert_eq(rec->ops->zone(rec,
				     &(struct record_zone){
					     .node = row.node,
					     .zone = row.zone,
					     .present_pages = 1,
					     .managed_pages = 1,
					     .protection = "",
					     .max_order = 10,
				     },
				     NULL),
			0);
}

static void record_blocks(struct recorder *rec, const char *line)
{
	struct zone_row row;

	if (!parse_zone_row(line, &row))
		return;
	for (uint32_t order = 0; order < MAX_ORDERS && row.nr_cells == MAX_ORDERS; order++)
		cr_assert_eq(rec->ops->free_blocks(rec,
				     &(struct record_free_blocks){
					     .node = row.node,
					     .zone = row.zone,
					     .migratetype = row.type[0] ? row.type : "Movable",
					     .order = order,
					     .blocks = (uint64_t)row.cells[order],
				     },
				     NULL),
			0);
}

static void record_pageblocks(struct recorder *rec, const char *line)
{
	static const char *const types[] = { "Unmovable", "Movable", "Reclaimable", "HighAtomic", "Isolate" };
	struct zone_row row;

	if (!parse_zone_row(line, &row) || row.type[0])
		return;
	for (int i = 0; i < row.nr_cells; i++)
		cr_assert_eq(rec->ops->pageblocks(rec,
				     &(struct record_pageblocks){
					     .node = row.node,
					     .zone = row.zone,
					     .migratetype = types[i],
					     .pageblocks = (uint64_t)row.cells[i],
				     },
				     NULL),
			0);
}

static int thousandths(double value)
{
	return (int)(1000 * value + (value < 0 ? -0.5 : 0.5));
}

static void record_unusable(struct recorder *rec, const char *line)
{
	struct zone_row row;

	if (!parse_zone_row(line, &row))
		return;
	for (uint32_t order = 0; order < MAX_ORDERS; order++)
		cr_assert_eq(rec->ops->frag(rec,
				     &(struct record_frag){
					     .node = row.node,
					     .zone = row.zone,
					     .order = order,
					     .unusable_milli = thousandths(row.cells[order]),
					     .frag_milli = 0,
				     },
				     NULL),
			0);
}

static void record_extfrag(struct recorder *rec, const char *line)
{
	struct zone_row row;

	if (!parse_zone_row(line, &row))
		return;
	for (uint32_t order = 0; order < MAX_ORDERS; order++)
		cr_assert_eq(rec->ops->frag(rec,
				     &(struct record_frag){
					     .node = row.node,
					     .zone = row.zone,
					     .order = order,
					     .frag_milli = thousandths(row.cells[order]),
				     },
				     NULL),
			0);
}

/* A sample with the zones of @capture, and then with what @each makes of the lines of @name. */
static void record_file(struct recorder *rec, const char *capture, const char *moment, const char *name,
	void (*each)(struct recorder *rec, const char *line))
{
	cr_assert_eq(rec->ops->sample(rec, &(struct record_sample){ .reason = name }, NULL), 0);
	each_line(kernel_file(capture, moment, "buddyinfo"), rec, record_zone_once);
	each_line(kernel_file(capture, moment, name), rec, each);
}

static void end_run(struct recorder *rec)
{
	cr_assert_eq(rec->ops->end(rec, &(struct record_end){ .status = RUN_DONE }, NULL), 0);
	rec->ops->close(rec);
}

static char *print(const char *path, const char *file, int64_t sample)
{
	struct results *results = NULL;
	struct err err = { 0 };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	cr_assert_eq(results_open(&results, path, &err), 0, "%s", err.text);
	cr_assert_eq(report_proc(results, file, 0, sample, out, &err), 0, "%s", err.text);
	results_close(results);
	fclose(out);
	return text;
}

static void expect_kernel_bytes(
	const char *path, const char *file, const char *capture, const char *moment, const char *name)
{
	char *printed = print(path, file, 0), *original = kernel_file(capture, moment, name);

	cr_expect_str_eq(printed, original, "%s/%s/%s:\n%s\nbut the kernel wrote\n%s", capture, moment, name,
		printed, original);
	free(printed);
	free(original);
	unlink(path);
}

/* Runs @each over one file of all captures. */
static void round_trip(
	const char *file, const char *name, void (*each)(struct recorder *rec, const char *line))
{
	const char *path = fixture_path("results.db");

	need_captures();
	for (size_t c = 0; c < sizeof(captures) / sizeof(captures[0]); c++) {
		for (size_t m = 0; m < 2; m++) {
			struct recorder *rec = fixture_begin(path);

			record_file(rec, captures[c], moments[m], name, each);
			end_run(rec);
			expect_kernel_bytes(path, file, captures[c], moments[m], name);
		}
	}
}

Test(proc, buddyinfo_has_the_bytes_of_the_kernel)
{
	round_trip("buddyinfo", "buddyinfo", record_blocks);
}

Test(proc, unusable_index_has_the_bytes_of_the_kernel)
{
	round_trip("unusable_index", "extfrag_unusable_index", record_unusable);
}

Test(proc, extfrag_index_has_the_bytes_of_the_kernel)
{
	round_trip("extfrag_index", "extfrag_index", record_extfrag);
}

static void record_pagetype_line(struct recorder *rec, const char *line)
{
	struct zone_row row;

	if (parse_zone_row(line, &row) && row.type[0])
		record_blocks(rec, line);
	else
		record_pageblocks(rec, line);
}

Test(proc, pagetypeinfo_has_the_bytes_of_the_kernel)
{
	round_trip("pagetypeinfo", "pagetypeinfo", record_pagetype_line);
}

/* The file's first cache is the newest: they are recorded from the last line to the first. */
static void record_slabinfo(struct recorder *rec, char *text)
{
	char *line;

	while ((line = strrchr(text, '\n'))) {
		char name[64];
		unsigned long active, total, size, per_slab, pages, slabs;

		*line = '\0';
		line = strrchr(text, '\n') ? strrchr(text, '\n') + 1 : text;
		if (*line == '#')
			break;
		cr_assert_eq(sscanf(line, "%63s %lu %lu %lu %lu %lu : tunables 0 0 0 : slabdata %lu", name,
				     &active, &total, &size, &per_slab, &pages, &slabs),
			7, "%s", line);
		cr_assert_eq(rec->ops->cache(rec,
				     &(struct record_cache){
					     .cache = name,
					     .size = size,
					     .objs_per_slab = per_slab,
					     .order = (uint64_t)__builtin_ctzl(pages),
					     .active_objs = active,
					     .total_objs = total,
					     .slabs = slabs,
					     .active_slabs = slabs,
				     },
				     NULL),
			0);
	}
	free(text);
}

Test(proc, slabinfo_has_the_bytes_of_the_kernel)
{
	const char *path = fixture_path("results.db");

	need_captures();
	for (size_t c = 0; c < sizeof(captures) / sizeof(captures[0]); c++) {
		struct recorder *rec = fixture_begin(path);
		char *text = kernel_file(captures[c], moments[0], "slabinfo");

		cr_assert(text);
		text[strlen(text) - 1] = '\n';
		cr_assert_eq(rec->ops->sample(rec, &(struct record_sample){ .reason = "end" }, NULL), 0);
		record_slabinfo(rec, text);
		end_run(rec);
		expect_kernel_bytes(path, "slabinfo", captures[c], moments[0], "slabinfo");
	}
}

/* Depth is two blanks a level; the name of the tree is the file's. */
static void record_resources(struct recorder *rec, const char *tree, char *text)
{
	uint64_t position = 0;

	for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		size_t blanks = strspn(line, " ");
		unsigned long long start, end;
		int name = 0;

		cr_assert_eq(sscanf(line, "%llx-%llx : %n", &start, &end, &name), 2, "%s", line);
		cr_assert_eq(RECORD_ROW(rec, RESOURCES, NULL, RECORD_T(tree), RECORD_U(position++),
				     RECORD_U(blanks / 2), RECORD_U(start), RECORD_U(end), RECORD_T(line + name),
				     RECORD_U(0), RECORD_U(0)),
			0);
	}
	free(text);
}

Test(proc, iomem_and_ioports_have_the_bytes_of_the_kernel)
{
	static const char *const files[] = { "iomem", "ioports" };
	const char *path = fixture_path("results.db");

	need_captures();
	for (size_t c = 0; c < sizeof(captures) / sizeof(captures[0]); c++) {
		for (size_t f = 0; f < 2; f++) {
			struct recorder *rec = fixture_begin(path);

			cr_assert_eq(rec->ops->sample(rec, &(struct record_sample){ .reason = "end" }, NULL), 0);
			record_resources(rec, files[f], kernel_file(captures[c], moments[0], files[f]));
			end_run(rec);
			expect_kernel_bytes(path, files[f], captures[c], moments[0], files[f]);
		}
	}
}

/* Spec 8.5: an index of -62 thousandths prints with the sign behind the point. */
Test(proc, extfrag_index_puts_the_sign_where_the_kernel_puts_it)
{
	const char *path = fixture_path("results.db");
	struct recorder *rec = fixture_begin(path);
	char *text;

	cr_assert_eq(rec->ops->sample(rec, &(struct record_sample){ .reason = "end" }, NULL), 0);
	record_zone_once(rec, "Node 0, zone   Normal");
	for (uint32_t order = 0; order < MAX_ORDERS; order++)
		cr_assert_eq(rec->ops->frag(rec,
				     &(struct record_frag){
					     .zone = "Normal",
					     .order = order,
					     .frag_milli = order < 9 ? -1000 :
						     order == 9      ? -62 :
								       987,
				     },
				     NULL),
			0);
	end_run(rec);
	text = print(path, "extfrag_index", 0);
	cr_expect_str_eq(text,
		"Node 0, zone   Normal -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000 -1.000  0.-62  0.987 \n");
	free(text);
}

static struct recorder *begin_with(bool cma)
{
	struct record_run run = fixture_run();
	struct recorder *rec = fixture_begin(fixture_path("results.db"));

	run.cma = cma;
	cr_assert_eq(rec->ops->end(rec, &(struct record_end){ .status = RUN_DONE }, NULL), 0);
	cr_assert_eq(rec->ops->begin(rec, &run, NULL), 0);
	cr_assert_eq(rec->ops->sample(rec, &(struct record_sample){ .reason = "end" }, NULL), 0);
	record_zone_once(rec, "Node 0, zone   Normal");
	return rec;
}

Test(proc, pagetypeinfo_shows_cma_where_the_kernel_knows_it_and_cuts_long_lists)
{
	struct recorder *rec = begin_with(true);
	char *text;

	cr_assert_eq(rec->ops->free_blocks(rec,
			     &(struct record_free_blocks){
				     .zone = "Normal", .migratetype = "CMA", .order = 0, .blocks = 100000 },
			     NULL),
		0);
	cr_assert_eq(rec->ops->free_blocks(rec,
			     &(struct record_free_blocks){
				     .zone = "Normal", .migratetype = "CMA", .order = 1, .blocks = 99999 },
			     NULL),
		0);
	end_run(rec);
	text = print(fixture_path("results.db"), "pagetypeinfo", 0);
	cr_expect(strstr(text, "Node    0, zone   Normal, type          CMA >100000  99999      0 "), "%s",
		text);
	cr_expect(strstr(text, "   HighAtomic          CMA      Isolate \n"), "%s", text);
	free(text);
}

Test(proc, unpopulated_zone_is_not_printed)
{
	struct recorder *rec = begin_with(false);
	char *text;

	cr_assert_eq(rec->ops->zone(rec, &(struct record_zone){ .zone = "Movable", .protection = "", .max_order = 10 },
			     NULL),
		0);
	record_blocks(rec, "Node 0, zone   Normal 1 2 3 4 5 6 7 8 9 10 11");
	end_run(rec);
	text = print(fixture_path("results.db"), "buddyinfo", 0);
	cr_expect_str_eq(text,
		"Node 0, zone   Normal      1      2      3      4      5      6      7      8      9     10     11 \n");
	free(text);
}

/* The lines of a zone that the file has of it. Return: at the next zone. */
static const char *copy_zone(const char *at, char **out)
{
	static const char *const kept[] = { "Node ", "  pages free", "        boost", "        min", "        low",
		"        high ", "        spanned", "        present", "        managed", "        cma",
		"        protection:", "      nr_free_pages", "      nr_free_cma", "  pagesets",
		"    cpu:", "              count:", "              high:", "              batch:",
		"  vm stats threshold:", "  node_unreclaimable:", "  start_pfn:" };

	do {
		size_t length = strcspn(at, "\n") + 1;

		for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
			if (strncmp(at, kept[i], strlen(kept[i])))
				continue;
			memcpy(*out, at, length);
			*out += length;
		}
		at += length;
	} while (*at && strncmp(at, "Node ", 5));
	return at;
}

static int64_t figure(const char *zone, const char *name)
{
	const char *found = strstr(zone, name);

	cr_assert_not_null(found, "%s", name);
	return atoll(found + strlen(name));
}

static void record_lists(struct recorder *rec, const char *text, uint32_t node, const char *zone)
{
	for (const char *at = text; (at = strstr(at, "cpu: ")); at++)
		if (figure(at, "count: "))
			cr_assert_eq(RECORD_ROW(rec, PCP_LISTS, NULL, RECORD_U(node), RECORD_T(zone),
					     RECORD_U((uint64_t)figure(at, "cpu: ")),
					     RECORD_U((uint64_t)figure(at, "count: "))),
				0);
}

/* Takes a zone of the kernel's file apart, and records it. The kernel's watermarks have the boost in them. */
static void record_zoneinfo(struct recorder *rec, const char *text)
{
	int64_t boost = figure(text, "boost ");
	char protection[128] = "";
	struct record_zone row = {
		.free_pages = (uint64_t)figure(text, "pages free "),
		.boost_pages = (uint64_t)boost,
		.min_pages = (uint64_t)(figure(text, "min ") - boost),
		.low_pages = (uint64_t)(figure(text, "low ") - boost),
		.high_pages = (uint64_t)(figure(text, " high ") - boost),
		.spanned_pages = (uint64_t)figure(text, "spanned "),
		.present_pages = (uint64_t)figure(text, "present "),
		.managed_pages = (uint64_t)figure(text, "managed "),
		.start_pfn = (uint64_t)figure(text, "start_pfn: "),
		.max_order = 10,
		.protection = protection,
		.pcp_high_pages = (uint64_t)figure(text, "high:  "),
		.pcp_batch_pages = (uint64_t)figure(text, "batch: "),
		.stat_threshold = (uint64_t)figure(text, "threshold: "),
		.node_unreclaimable = (uint32_t)figure(text, "node_unreclaimable: "),
	};
	char zone[16];

	cr_assert_eq(sscanf(text, "Node %u, zone %15s", &row.node, zone), 2);
	row.zone = zone;
	cr_assert_eq(sscanf(strstr(text, "protection: "), "protection: (%127[^)]", protection), 1);
	cr_assert_eq(rec->ops->zone(rec, &row, NULL), 0);
	record_lists(rec, text, row.node, zone);
}

static uint32_t count_cpus(const char *text)
{
	uint32_t cpu = 0;

	for (const char *at = text; (at = strstr(at, "cpu: ")); at++)
		cpu = (uint32_t)figure(at, "cpu: ");
	return cpu + 1;
}

static struct recorder *begin_machine(uint32_t cpus, bool bits32)
{
	struct record_run run = fixture_run();
	struct recorder *rec = NULL;

	run.cpus = cpus;
	run.zones = bits32 ? "DMA Normal HighMem Movable" : "DMA DMA32 Normal Movable Device";
	cr_assert_eq(sqlite_recorder_open(&rec, fixture_path("zones.db"), NULL), 0);
	cr_assert_eq(rec->ops->begin(rec, &run, NULL), 0);
	return rec;
}

Test(proc, zoneinfo_has_the_kernels_lines_of_its_zones)
{
	need_captures();
	for (size_t c = 0; c < sizeof(captures) / sizeof(captures[0]); c++) {
		char *kernel = kernel_file(captures[c], moments[1], "zoneinfo");
		char *wanted = calloc(1, strlen(kernel) + 1), *end = wanted, *text;
		struct recorder *rec = begin_machine(count_cpus(kernel), strstr(kernel, "HighMem") != NULL);

		cr_assert_eq(rec->ops->sample(rec, &(struct record_sample){ .reason = "end" }, NULL), 0);
		for (const char *at = kernel; *at;) {
			char *zone = end;
			const char *next = copy_zone(at, &end);

			if (figure(zone, "present "))
				record_zoneinfo(rec, zone);
			at = next;
		}
		end_run(rec);
		text = print(fixture_path("zones.db"), "zoneinfo", 0);
		cr_expect_str_eq(text, wanted, "%s", captures[c]);
		free(text);
		free(wanted);
		free(kernel);
		unlink(fixture_path("zones.db"));
	}
}

static void expect_refused(
	const char *file, int64_t run, int64_t sample, enum err_code code, const char *words)
{
	struct results *results = NULL;
	struct err err = { 0 };

	cr_assert_eq(results_open(&results, fixture_path("results.db"), &err), 0, "%s", err.text);
	cr_expect_eq(report_proc(results, file, run, sample, stdout, &err), -(int)code, "%s", err.text);
	cr_expect(strstr(err.text, words), "no \"%s\" in: %s", words, err.text);
	results_close(results);
}

Test(proc, unknown_file_run_or_sample_is_refused_with_those_that_there_are)
{
	fixture_write(fixture_path("results.db"), RUN_DONE);
	expect_refused("budyinfo", 0, 0, ERR_USAGE,
		"did you mean \"buddyinfo\"? There are buddyinfo, pagetypeinfo, slabinfo");
	expect_refused("buddyinfo", 2, 0, ERR_USAGE, "no run 2");
	expect_refused("buddyinfo", 1, 41, ERR_USAGE, "no sample 41");
	expect_refused("slabinfo", 1, 3, ERR_USAGE, "no sample 3");
}

Test(proc, sample_number_shows_that_moment)
{
	const char *path = fixture_path("results.db");
	char *first, *last;

	fixture_write(path, RUN_DONE);
	first = print(path, "buddyinfo", 1);
	last = print(path, "buddyinfo", 0);
	/* 57344 free pages, a eleventh of them as blocks of each order. */
	cr_expect(
		strstr(first,
			"Node 0, zone    DMA32   5213   2606   1303    651    325    162     81     40     20     10      5 \n"),
		"%s", first);
	cr_expect_str_neq(first, last);
	free(first);
	free(last);
}

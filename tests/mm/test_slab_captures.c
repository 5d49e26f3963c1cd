/*
 * Every cache of every snapshot of the recorded kernels has the geometry that the model computes from its object size,
 * alignment and flags.
 */
#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "slab_fixture.h"

#define MAX_COLUMNS 40
#define KERNEL_FLAGS                                                                                          \
	(SLAB_HWCACHE_ALIGN | SLAB_CACHE_DMA | SLAB_CACHE_DMA32 | SLAB_DEBUG_FLAGS | SLAB_RECLAIM_ACCOUNT |   \
		SLAB_TYPESAFE_BY_RCU | SLAB_NOLEAKTRACE | SLAB_ACCOUNT)

struct table {
	FILE *file;
	char separator;
	char head[4096], line[65536];
	char *columns[MAX_COLUMNS], *fields[MAX_COLUMNS];
	int nr_columns;
};

static int split(char *line, char separator, char **fields)
{
	int nr = 0;

	line[strcspn(line, "\n")] = '\0';
	for (char *at = line; at && nr < MAX_COLUMNS; nr++) {
		fields[nr] = at;
		at = strchr(at, separator);
		if (at)
			*at++ = '\0';
	}
	return nr;
}

static void table_start(struct table *t, FILE *file, char separator)
{
	t->file = file;
	t->separator = separator;
	cr_assert(fgets(t->head, sizeof(t->head), file));
	t->nr_columns = split(t->head, separator, t->columns);
}

static bool table_next(struct table *t)
{
	return fgets(t->line, sizeof(t->line), t->file) &&
		split(t->line, t->separator, t->fields) == t->nr_columns;
}

static const char *text(const struct table *t, const char *column)
{
	for (int i = 0; i < t->nr_columns; i++)
		if (!strcmp(t->columns[i], column))
			return t->fields[i];
	cr_assert_fail("no column %s", column);
	return "";
}

static uint32_t number(const struct table *t, const char *column)
{
	return (uint32_t)strtoul(text(t, column), NULL, 0);
}

static uint32_t kernel_parameter(const char *cmdline, const char *name, uint32_t otherwise)
{
	const char *at = strstr(cmdline, name);

	return at ? (uint32_t)strtoul(at + strlen(name), NULL, 10) : otherwise;
}

/* The machine of the capture whose snapshot file is @path: CPUs and the slub_ parameters of its command line. */
static void machine_of(struct machine *machine, const char *path)
{
	static char cmdline[65536];
	char folder[4096], name[4200];
	uint32_t cpus = 0;
	FILE *file;

	snprintf(folder, sizeof(folder), "%.*s/snapshots/1-after-boot",
		(int)(strstr(path, "/snapshots/") - path), path);
	do {
		snprintf(name, sizeof(name), "%s/trace_stats_cpu%u", folder, cpus++);
	} while (access(name, R_OK) == 0);
	cr_assert_gt(cpus - 1, 0, "%s", folder);
	fixture_machine(machine, cpus - 1, 1);
	snprintf(name, sizeof(name), "%s/cmdline", folder);
	file = fopen(name, "r");
	cr_assert(file && fgets(cmdline, sizeof(cmdline), file), "%s", name);
	fclose(file);
	machine->slab.min_order = kernel_parameter(cmdline, "slub_min_order=", 0);
	machine->slab.max_order = kernel_parameter(cmdline, "slub_max_order=", 3);
	machine->bits32 = strstr(path, "32bit") != NULL;
}

static void captures_glob(const char *tail, glob_t *found)
{
	const char *shared = getenv("KMEMSIM_SHARED");
	char pattern[4096];

	if (!shared || access(shared, R_OK) < 0)
		cr_skip_test("KMEMSIM_SHARED has no captures");
	snprintf(pattern, sizeof(pattern), "%s/captures/*/snapshots/*/%s", shared, tail);
	if (glob(pattern, 0, NULL, found) != 0)
		cr_skip_test("%s: nothing there", pattern);
	snprintf(pattern, sizeof(pattern), "%s/captures/*/*/snapshots/*/%s", shared, tail);
	glob(pattern, GLOB_APPEND, NULL, found);
}

static void expect_infer(const struct machine *machine, const struct slab_geometry *g, const char *path,
	const char *name)
{
	uint32_t align, flags;
	struct slab_geometry again;

	cr_expect(slab_infer_create(g->object_size, g->size, &align, &flags) &&
		slab_geometry_of(machine, g->object_size, align, flags, &again) && again.size == g->size &&
		again.order == g->order, "%s: %s: %u -> %u not inferred", path, name, g->object_size, g->size);
}

static void compare(const struct table *t, const char *path, const char *name, const char *column, uint32_t model)
{
	cr_expect_eq(model, number(t, column), "%s: %s: %s is %u, in the model %u", path, name, column,
		number(t, column), model);
}

static unsigned int compare_sysfs(const char *path)
{
	static struct table t;
	struct machine machine;
	unsigned int compared = 0;

	machine_of(&machine, path);
	table_start(&t, fopen(path, "r"), '\t');
	while (table_next(&t)) {
		const char *name = text(&t, "cache");
		struct slab_geometry g;
		uint32_t flags = (number(&t, "hwcache_align") ? SLAB_HWCACHE_ALIGN : 0) |
			(number(&t, "reclaim_account") ? SLAB_RECLAIM_ACCOUNT : 0) |
			(number(&t, "destroy_by_rcu") ? SLAB_TYPESAFE_BY_RCU : 0) |
			(*text(&t, "ctor") ? SLAB_CTOR : 0);

		if (strcmp(text(&t, "link"), "-") != 0)
			continue;
		cr_assert(slab_geometry_of(&machine, number(&t, "object_size"), number(&t, "align"), flags, &g));
		compare(&t, path, name, "slab_size", g.size);
		compare(&t, path, name, "order", g.order);
		compare(&t, path, name, "objs_per_slab", g.objs_per_slab);
		compare(&t, path, name, "min_partial", g.min_partial);
		compare(&t, path, name, "cpu_partial", g.cpu_partial);
		compare(&t, path, name, "align", g.align);
		expect_infer(&machine, &g, path, name);
		compared++;
	}
	fclose(t.file);
	return compared;
}

/*
 * Whether another cache was merged into this one, with a larger object than the first, for which the free pointer was
 * placed. E unloads modules before its last dump: there the other may be gone again.
 */
static bool may_have_grown(const struct table *t, const char *path)
{
	return (int32_t)number(t, "refcount") > 1 || strstr(path, "E-drivers/snapshots/2-after-workload");
}

static unsigned int compare_dump(const char *path)
{
	static struct table t;
	struct machine machine;
	unsigned int compared = 0;
	char command[5000];
	FILE *file;

	machine_of(&machine, path);
	snprintf(command, sizeof(command), "xzcat '%s'", path);
	file = popen(command, "r");
	cr_assert(file);
	table_start(&t, file, ',');
	while (table_next(&t)) {
		const char *name = text(&t, "name");
		struct slab_geometry g;
		uint32_t flags = (number(&t, "flags") & KERNEL_FLAGS) |
			(strtoul(text(&t, "ctor"), NULL, 0) ? SLAB_CTOR : 0);

		cr_assert(slab_geometry_of(&machine, number(&t, "object_size"), number(&t, "align"), flags, &g));
		compare(&t, path, name, "size", g.size);
		compare(&t, path, name, "align", g.align);
		compare(&t, path, name, "oo_order", g.order);
		compare(&t, path, name, "oo_objects", g.objs_per_slab);
		compare(&t, path, name, "min_order", g.min_order);
		compare(&t, path, name, "min_objects", g.min_objs);
		compare(&t, path, name, "min_partial", g.min_partial);
		compare(&t, path, name, "cpu_partial", g.cpu_partial);
		compare(&t, path, name, "cpu_partial_slabs", g.cpu_partial_slabs);
		compare(&t, path, name, "inuse", g.inuse);
		if (!may_have_grown(&t, path))
			compare(&t, path, name, "offset", g.offset);
		expect_infer(&machine, &g, path, name);
		compared++;
	}
	pclose(file);
	return compared;
}

Test(slab_captures, geometry_equals_sysfs_of_every_recorded_machine)
{
	glob_t found = { 0 };
	unsigned int compared = 0;

	captures_glob("slab_sysfs.tsv", &found);
	for (size_t i = 0; i < found.gl_pathc; i++)
		compared += compare_sysfs(found.gl_pathv[i]);
	cr_log_info("%u caches of %zu snapshots", compared, found.gl_pathc);
	cr_expect_gt(compared, 50 * found.gl_pathc, "%u caches of %zu snapshots", compared, found.gl_pathc);
	globfree(&found);
}

Test(slab_captures, geometry_equals_memory_dump_of_every_recorded_machine)
{
	glob_t found = { 0 };
	unsigned int compared = 0;

	captures_glob("memory/caches.csv.xz", &found);
	for (size_t i = 0; i < found.gl_pathc; i++)
		compared += compare_dump(found.gl_pathv[i]);
	cr_log_info("%u caches of %zu dumps", compared, found.gl_pathc);
	cr_expect_gt(compared, 20 * found.gl_pathc, "%u caches of %zu dumps", compared, found.gl_pathc);
	globfree(&found);
}

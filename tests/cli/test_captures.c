/*
 * The real recordings beside the project, each imported and replayed on its own machine: what the project promises of
 * every one. Skipped where they are absent. KMEMSIM_FAST=1 takes the small ones only.
 */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cli/run.h"

TestSuite(captures, .init = run_enter, .fini = run_leave, .timeout = 600);

static bool fast(void)
{
	return getenv("KMEMSIM_FAST") != NULL;
}

/* Imports a capture to t.kmt and describes its machine in m.yaml. */
static void prepare(const char *capture, const char *file)
{
	const char *read = strstr(file, ".xz") ? "xzcat" : "cat";
	run_ok(
		"%s %s/captures/%s/%s > source && $K import source -o t.kmt --quiet && $K probe %s/captures/%s/snapshots -o m.yaml",
		read, run_shared(), capture, file, run_shared(), capture);
}

/* Counts of events that meta.yaml gives under @theirs and info under @ours. */
static void expect_counts(const char *capture)
{
	static const char *const names[][2] = {
		{ "kmalloc", "kmalloc" }, { "kfree", "kfree" }, { "kmem_cache_alloc", "kmem_cache_alloc" },
		{ "kmem_cache_free", "kmem_cache_free" }, { "mm_page_alloc", "alloc_pages" },
		{ "percpu_alloc_percpu", "alloc_percpu" }, { "vmalloc_range", "vmalloc" },
	};
	struct run_result info = run_shell("$K info t.kmt --json");

	cr_assert_eq(info.status, 0, "%s", info.err);
	cr_assert_eq(run_number(info.out, "lost"), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct run_result meta = run_shell("sed -n '/^events:/,$p' %s/captures/%s/meta.yaml | "
						   "sed -n 's/^  %s: \\([0-9]*\\).*/\\1/p' | head -1",
			run_shared(), capture, names[i][0]);

		if (meta.out[0])
			cr_assert_eq(run_number(info.out, names[i][1]), strtod(meta.out, NULL), "%s: %s is %s", capture,
				names[i][1], meta.out);
		run_free(&meta);
	}
	cr_assert_not_null(strstr(info.out, "\"unusable\": {}"), "%s has unusable lines", capture);
	cr_assert_leq(run_number(info.out, "bytes_raw"), 9 * run_number(info.out, "events"));
	cr_assert_leq(run_number(info.out, "bytes_compressed"), 3 * run_number(info.out, "events"));
	run_free(&info);
}

static void expect_replay(const char *capture, bool pressure)
{
	struct run_result result =
		run_shell("$K replay t.kmt -m m.yaml -o r.db --json --check=%d", fast() ? 100000 : 20000);

	cr_assert_eq(result.status, 0, "%s: %s", capture, result.err);
	cr_assert_eq(run_number(result.out, "bytes_alloc_mismatch"), 0, "%s", capture);
	cr_assert_gt(run_number(result.out, "bytes_alloc_checked"), 0, "%s", capture);
	if (!pressure)
		cr_assert_eq(run_number(result.out, "failed"), 0, "%s: %s", capture, result.out);
	run_free(&result);
}

/* Every cache of the run that the kernel lists at the end: same sizes. Answers how many were compared. */
static void expect_geometry(const char *capture)
{
	struct run_result result = run_shell(
		"sqlite3 -separator '\t' r.db \"select cache,size,objs_per_slab,\\\"order\\\",min_partial,cpu_partial from cache_stats where sample_id = (select max(sample_id) from cache_stats)\" | sort -u > ours; "
		"awk -F'\t' 'NR==1 { for (i=1;i<=NF;i++) at[$i]=i; next } $at[\"link\"]==\"-\" "
		"{ print $at[\"cache\"] \"\t\" $at[\"slab_size\"] \"\t\" $at[\"objs_per_slab\"] \"\t\" $at[\"order\"] \"\t\" "
		"$at[\"min_partial\"] \"\t\" $at[\"cpu_partial\"] }' %s/captures/%s/snapshots/2-after-workload/slab_sysfs.tsv | sort -u > theirs; "
		"cut -f1 theirs | sort -u > names; awk -F'\t' 'NR==FNR { known[$1]; next } $1 in known' names ours > shared_ours; "
		"comm -23 shared_ours theirs; wc -l < shared_ours >&2",
		run_shared(), capture);

	cr_assert_eq(result.status, 0, "%s: %s", capture, result.err);
	cr_assert_str_empty(result.out, "%s: caches unlike the kernel's:\n%s", capture, result.out);
	cr_assert_gt(strtol(result.err, NULL, 10), 50, "%s: only %s caches compared", capture, result.err);
	run_free(&result);
}

static void whole(const char *capture, const char *file, bool big, bool pressure)
{
	if (!run_shared())
		cr_skip_test("%s: no folder of captures beside the project", capture);
	if (big && fast())
		cr_skip_test("%s: too large for the fast form", capture);
	prepare(capture, file);
	expect_counts(capture);
	expect_replay(capture, pressure);
	expect_geometry(capture);
}

Test(captures, a_boot_of_one_cpu_is_whole)
{
	whole("A-boot-256m", "trace.dat", false, false);
}

Test(captures, b_file_system_churn_is_whole)
{
	whole("B-fs-churn", "trace.dat", true, false);
}

Test(captures, c_sockets_and_pipes_are_whole)
{
	whole("C-net-ipc", "trace.dat", true, false);
}

Test(captures, d_memory_pressure_is_whole)
{
	whole("D-pressure", "trace.dat", true, true);
}

Test(captures, e_drivers_are_whole)
{
	whole("E-drivers", "trace.dat", true, false);
}

Test(captures, f_two_nodes_are_whole)
{
	whole("F-numa", "trace.dat", true, false);
}

Test(captures, i_high_memory_on_32_bits_is_whole)
{
	whole("I-highmem-32bit", "ftrace.txt.xz", true, false);
}

Test(captures, j_the_base_of_the_what_if_family_is_whole)
{
	whole("J-whatif/base", "trace.dat", true, false);
}

/*
 * The report does not tell in which context an event happened, and has the callers of
 * return probes as addresses. Those of the tracepoints it names: they are compared.
 */
Test(captures, text_and_binary_imports_of_one_recording_print_the_same)
{
	struct run_result result;

	if (!run_shared())
		cr_skip_test("no folder of captures beside the project");
	if (fast())
		cr_skip_test("too large for the fast form");
	result = run_shell("$K import %s/captures/A-boot-256m/trace.dat -o binary.kmt --quiet; "
			   "xzcat %s/captures/A-boot-256m/trace.txt.xz | $K import - -o text.kmt --quiet; "
			   "same() { tail -n +2 | awk -F, -v OFS=, '$9 !~ /^(kmalloc|kfree|kmem_cache_alloc|kmem_cache_free|alloc_percpu)$/ { $8 = \"\" }"
			   " { print }' | sha256sum; }; "
			   "$K cat binary.kmt --format csv | sed -E 's/,(process|softirq|hardirq|nmi)[a-z_|]*,/,,/' | same; "
			   "$K cat text.kmt --format csv | same",
		run_shared(), run_shared());
	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_eq(strncmp(result.out, result.out + strlen(result.out) / 2, 64), 0, "%s", result.out);
	run_free(&result);
}

Test(captures, the_same_trace_gives_the_same_fingerprint_with_and_without_the_decoding_thread)
{
	struct run_result result;

	if (!run_shared())
		cr_skip_test("no folder of captures beside the project");
	prepare("A-boot-256m", "trace.dat");
	result = run_shell("for i in 1 2; do $K replay t.kmt -m m.yaml --json | grep -o 'fingerprint.*'; done; "
			   "$K replay t.kmt -m m.yaml --json --no-thread -o r.db --sample-events 50000 >/dev/null; "
			   "$K replay t.kmt -m m.yaml --json --no-thread | grep -o 'fingerprint.*'");
	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_eq(strncmp(result.out, result.out + strlen(result.out) / 3, 30), 0, "%s", result.out);
	cr_assert_eq(strncmp(result.out, result.out + 2 * strlen(result.out) / 3, 30), 0, "%s", result.out);
	run_free(&result);
}

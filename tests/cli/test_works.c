/* What the kernel does by the clock and on its workers: when, on whose time, and what it changes. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/cli/run.h"
#include "tests/cli/scenario.h"

TestSuite(works, .init = run_enter, .fini = run_leave, .timeout = 120);

/* A worker is woken in 5 us: two samples, 3 us and 1 ms after what asks for it. */
#define SOON "{\"event\":\"marker\",\"text\":\"soon\",\"time_ns\":%lld}"
#define LATE "{\"event\":\"marker\",\"text\":\"late\",\"time_ns\":%lld}"

static void replay(const char *options)
{
	struct run_result result =
		run_shell("$K import t.jsonl -o t.kmt --quiet && rm -f r.db && $K replay t.kmt -o r.db --quiet"
			  " --check=10 --set latency.wake_up='5 us' %s",
			options);

	cr_assert_eq(result.status, 0, "%s: %s", options, result.err);
	run_free(&result);
}

/* Figure @what of a table of samples, at both markers. */
static void expect_at_markers(const char *table, const char *what, const char *both)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		"select %s from %s join samples using (sample_id) where marker is not null order by time_ns", what,
		table);
	scenario_expect(sql, both);
}

Test(works, what_an_interrupt_vfrees_goes_when_a_worker_comes)
{
	scenario_add("{\"event\":\"vmalloc\",\"id\":1,\"size\":40960,\"gfp\":\"GFP_KERNEL\",\"time_ns\":1000000}");
	scenario_add("{\"event\":\"vfree\",\"id\":1,\"ctx\":\"softirq\",\"time_ns\":2000000}");
	scenario_add(SOON, 2003000ll);
	scenario_add(LATE, 3000000ll);
	replay("--set cpus=1");
	expect_at_markers("vmalloc_stats", "areas, mapped_pages", "1 10\n0 0\n");
	scenario_expect("select value from counters where name = 'vfree_works'", "1\n");
}

Test(works, too_many_lazy_areas_are_purged_by_a_worker)
{
	for (int i = 0; i < 20; i++)
		scenario_add("{\"event\":\"vmalloc\",\"id\":%d,\"size\":61440,\"gfp\":\"GFP_KERNEL\",\"time_ns\":%d}",
			i, 1000000 + i * 100000);
	for (int i = 0; i < 17; i++)
		scenario_add("{\"event\":\"vfree\",\"id\":%d,\"time_ns\":%d}", i, 5000000 + i * 100000);
	scenario_add(SOON, 6603000ll);
	scenario_add(LATE, 7000000ll);
	/* Sixteen areas of 16 pages may wait, the seventeenth is one too many. */
	replay("--set cpus=1 --set 'vmalloc.lazy_max=1 MiB'");
	expect_at_markers("vmalloc_stats", "lazy_bytes, purges", "1114112 0\n0 1\n");
	scenario_expect("select value from counters where name = 'vmap_drain_works'", "1\n");
}

/* The one whose area a worker frees is one too many as well. */
Test(works, what_a_worker_frees_makes_the_purge_due)
{
	for (int i = 0; i < 17; i++)
		scenario_add("{\"event\":\"vmalloc\",\"id\":%d,\"size\":61440,\"gfp\":\"GFP_KERNEL\",\"time_ns\":%d}",
			i, 1000000 + i * 100000);
	for (int i = 0; i < 17; i++)
		scenario_add("{\"event\":\"vfree\",\"id\":%d,%s\"time_ns\":%d}", i,
			i == 16 ? "\"ctx\":\"softirq\"," : "", 5000000 + i * 100000);
	scenario_add(LATE, 7000000ll);
	replay("--set cpus=1 --set 'vmalloc.lazy_max=1 MiB'");
	scenario_expect("select name, value from counters where name in ('vfree_works', 'vmap_drain_works')",
		"vfree_works 1\nvmap_drain_works 1\n");
}

/*
 * pcpu_balance_workfn() keeps two to four empty pages populated:
 * of the six that 28 KiB of the first chunk have, one is left.
 */
Test(works, per_cpu_chunks_are_balanced_by_a_worker)
{
	for (int i = 0; i < 11; i++)
		scenario_add(
			"{\"event\":\"alloc_percpu\",\"id\":%d,\"size\":2048,\"align\":8,\"gfp\":\"GFP_ATOMIC\",\"time_ns\":%d}",
			i, 1000000 + i * 1000000);
	scenario_add(SOON, 11003000ll);
	scenario_add(LATE, 12000000ll);
	replay("--set cpus=1");
	expect_at_markers("percpu_stats", "empty_pages, chunks", "1 1\n4 2\n");
	scenario_expect("select value from counters where name = 'percpu_balance_works'", "1\n");
}

/* cache_reap() every two seconds: objects that a CPU keeps for itself, and slabs without objects, go back in time. */
Test(works, the_slab_reaper_gives_back_what_cpus_keep)
{
	scenario_add(
		"{\"event\":\"kmem_cache_create\",\"cache\":\"c\",\"size\":2000,\"flags\":\"SLAB_HWCACHE_ALIGN\",\"ctor\":true,\"time_ns\":1000}");
	for (int i = 0; i < 200; i++)
		scenario_add("{\"event\":\"kmem_cache_alloc\",\"id\":%d,\"cache\":\"c\",\"time_ns\":%d}", i,
			10000 + i * 1000);
	for (int i = 0; i < 200; i++)
		scenario_add("{\"event\":\"kmem_cache_free\",\"id\":%d,\"cache\":\"c\",\"time_ns\":%d}", i,
			500000 + i * 1000);
	scenario_add(SOON, 1000000000ll);
	scenario_add(LATE, 60000000000ll);
	replay("--set cpus=1 --set slab.allocator=slab");
	scenario_expect(
		"select slabs > 0, total_objs > 0 from cache_stats join samples using (sample_id) where cache = 'c' and marker = 'soon'",
		"1 1\n");
	scenario_expect(
		"select slabs from cache_stats join samples using (sample_id) where cache = 'c' and marker = 'late'",
		"0\n");
	/* SLUB has no reaper. */
	replay("--set cpus=1");
	scenario_expect(
		"select count(distinct slabs) from cache_stats join samples using (sample_id) where cache = 'c' and marker is not null",
		"1\n");
}

/*
 * The slabs of SLAB_TYPESAFE_BY_RCU are no slabs at once, but
 * their pages are free only when no reader can look at them.
 */
static void free_typesafe(const char *flags)
{
	scenario_add(
		"{\"event\":\"kmem_cache_create\",\"cache\":\"c\",\"size\":4096,\"flags\":\"%s\",\"ctor\":true,\"time_ns\":1000}",
		flags);
	for (int i = 0; i < 400; i++)
		scenario_add("{\"event\":\"kmem_cache_alloc\",\"id\":%d,\"cache\":\"c\",\"time_ns\":%d}", i,
			10000 + i * 1000);
	for (int i = 0; i < 400; i++)
		scenario_add("{\"event\":\"kmem_cache_free\",\"id\":%d,\"cache\":\"c\",\"time_ns\":%d}", i,
			500000 + i * 1000);
	scenario_add(SOON, 1000000ll);
	scenario_add(LATE, 40000000ll);
}

static long long at_marker(const char *marker, const char *figure)
{
	return scenario_number("select %s from samples where marker = '%s'", figure, marker);
}

Test(works, slabs_seen_under_rcu_are_free_after_a_grace_period)
{
	static const char *const allocators[] = { "slub", "slab" };

	free_typesafe("SLAB_TYPESAFE_BY_RCU");
	for (int i = 0; i < 2; i++) {
		char options[64];

		snprintf(options, sizeof(options), "--set cpus=1 --set slab.allocator=%s", allocators[i]);
		replay(options);
		cr_expect_gt(at_marker("late", "free_bytes + pcp_bytes"),
			at_marker("soon", "free_bytes + pcp_bytes") + (100 << 12), "%s", allocators[i]);
		cr_expect_eq(at_marker("late", "slab_bytes"), at_marker("soon", "slab_bytes"), "%s", allocators[i]);
		cr_expect_gt(scenario_number("select value from counters where name = 'rcu_works'"), 0, "%s",
			allocators[i]);
	}
}

Test(works, other_slabs_are_free_at_once)
{
	free_typesafe("SLAB_HWCACHE_ALIGN");
	replay("--set cpus=1");
	cr_expect_eq(at_marker("late", "free_bytes + pcp_bytes"), at_marker("soon", "free_bytes + pcp_bytes"));
	scenario_expect("select value from counters where name = 'rcu_works'", "0\n");
}

/*
 * vmstat_update() each second: a CPU's pages of a far node go back three rounds after it last changed that zone's
 * counters by less than folds them at once: by a block of 16 pages, of 20 that may wait with two CPUs and 1 GiB.
 */
Test(works, pages_of_far_nodes_do_not_stay_on_a_cpu_s_list)
{
	run_write("m.yaml", "kmemsim: 1\ncpus: 2\nnodes:\n  - {ranges: [{start: 1 MiB, size: 1023 MiB}], cpus: [0]}\n"
			    "  - {ranges: [{start: 1 GiB, size: 1 GiB}], cpus: [1]}\n");
	for (int node = 0; node < 2; node++) {
		scenario_add("{\"event\":\"alloc_pages\",\"id\":%d,\"node\":%d,\"gfp\":\"GFP_KERNEL\"}", node, node);
		scenario_add("{\"event\":\"alloc_pages\",\"id\":%d,\"node\":%d,\"order\":4,\"gfp\":\"GFP_KERNEL\"}",
			2 + node, node);
	}
	for (int node = 0; node < 2; node++)
		scenario_add("{\"event\":\"free_pages\",\"id\":%d}", node);
	scenario_add(SOON, 2500000000ll);
	scenario_add(LATE, 3500000000ll);
	replay("-m m.yaml");
	/* A refill is 63 pages. The CPU's own node keeps them. */
	scenario_expect(
		"select node, sum(pcp_pages) from zone_samples join samples using (sample_id) where marker is not null"
		" group by sample_id, node order by time_ns, node",
		"0 63\n1 63\n0 63\n1 0\n");
}

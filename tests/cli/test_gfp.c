/* gfp flags: their names and numbers, and what each changes in outcome and in time. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/cli/run.h"
#include "tests/cli/scenario.h"

TestSuite(gfp, .init = run_enter, .fini = run_leave);

/* One zone, DMA32, of 16128 pages; min 253, low 316. */
static const char one_zone[] = "kmemsim: 1\nmemory: 64 MiB\nzones: {dma: 0}\n";
/* All three zones of a PC. */
static const char pc[] = "kmemsim: 1\nmemory: 6 GiB\n";

/* Whether the mask @written reads as @meant. */
static void expect_mask(const char *kernel, const char *written, const char *meant)
{
	struct run_result result;

	remove("t.jsonl");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":1,\"order\":0,\"gfp\":%s}", written);
	result = run_shell(
		"$K import t.jsonl -o t.kmt --quiet %s && $K cat t.kmt --format jsonl | sed -n 's/.*\"gfp\":\"\\([^\"]*\\)\".*/\\1/p'",
		kernel);
	cr_assert_eq(result.status, 0, "%s", result.err);
	result.out[strcspn(result.out, "\n")] = '\0';
	cr_expect_str_eq(result.out, meant, "%s is %s, not %s", written, result.out, meant);
	run_free(&result);
}

Test(gfp, names_of_all_kernels_are_understood)
{
	static const char *const masks[][2] = {
		{ "GFP_DMA", "GFP_DMA" }, { "__GFP_DMA", "GFP_DMA" }, { "GFP_DMA32", "GFP_DMA32" }, { "__GFP_DMA32",
			"GFP_DMA32" },
		{ "__GFP_HIGHMEM", "__GFP_HIGHMEM" }, { "GFP_USER", "GFP_USER" }, { "GFP_HIGHUSER", "GFP_HIGHUSER" },
		{ "GFP_HIGHUSER_MOVABLE", "GFP_HIGHUSER_MOVABLE" }, { "GFP_ATOMIC", "GFP_ATOMIC" }, { "GFP_NOWAIT",
			"GFP_NOWAIT" },
		{ "GFP_NOIO", "GFP_NOIO" }, { "GFP_NOFS", "GFP_NOFS" }, { "GFP_KERNEL_ACCOUNT", "GFP_KERNEL_ACCOUNT" },
		{ "GFP_TRANSHUGE", "GFP_TRANSHUGE" }, { "GFP_TRANSHUGE_LIGHT", "GFP_TRANSHUGE_LIGHT" },
		{ "GFP_TEMPORARY", "GFP_KERNEL|__GFP_RECLAIMABLE" }, { "__GFP_WAIT|__GFP_IO|__GFP_FS", "GFP_KERNEL" },
		{ "GFP_KERNEL|__GFP_COLD", "GFP_KERNEL" }, { "GFP_KERNEL|__GFP_REPEAT",
			"GFP_KERNEL|__GFP_RETRY_MAYFAIL" },
		{ "GFP_KERNEL|__GFP_NOWARN|__GFP_HIGH", "GFP_KERNEL|__GFP_HIGH|__GFP_NOWARN" },
		{ "GFP_KERNEL|__GFP_NOFAIL", "GFP_KERNEL|__GFP_NOFAIL" }, { "GFP_KERNEL|__GFP_NORETRY",
			"GFP_KERNEL|__GFP_NORETRY" },
		{ "GFP_KERNEL|__GFP_MEMALLOC|__GFP_NOMEMALLOC", "GFP_KERNEL|__GFP_NOMEMALLOC|__GFP_MEMALLOC" },
		{ "GFP_KERNEL|__GFP_THISNODE|__GFP_WRITE", "GFP_KERNEL|__GFP_THISNODE|__GFP_WRITE" },
		{ "GFP_KERNEL|GFP_ZERO", "GFP_KERNEL|__GFP_ZERO" }, { "GFP_NOFS|__GFP_MOVABLE",
			"GFP_NOFS|__GFP_MOVABLE" },
		{ "0xcc0", "GFP_KERNEL" }, { "none", "none" },
	};

	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		char quoted[128];

		snprintf(quoted, sizeof(quoted), "\"%s\"", masks[i][0]);
		expect_mask("", quoted, masks[i][1]);
	}
}

Test(gfp, numbers_mean_what_the_kernel_that_wrote_them_meant)
{
	expect_mask("--kernel 3.10", "208", "GFP_KERNEL");
	expect_mask("--kernel 3.10", "32", "GFP_ATOMIC");
	expect_mask("--kernel 4.4", "37748928", "GFP_KERNEL"); /* 0x24000c0 */
	expect_mask("--kernel 4.9", "34078752", "GFP_ATOMIC"); /* 0x2080020 */
	expect_mask("--kernel 4.14", "20971712", "GFP_KERNEL"); /* 0x14000c0 */
	expect_mask("--kernel 4.19", "6291648", "GFP_KERNEL"); /* 0x6000c0 */
	expect_mask("--kernel 4.19", "4718624", "GFP_ATOMIC"); /* 0x480020 */
	expect_mask("--kernel 6.1", "3264", "GFP_KERNEL");
	expect_mask("--kernel 6.1", "2592", "GFP_ATOMIC");
	expect_mask("--kernel 6.6", "2080", "GFP_ATOMIC"); /* 0x820 */
	expect_mask("--kernel 6.1", "1051850", "GFP_HIGHUSER_MOVABLE"); /* 0x100cca */
}

static void ask(const char *who, const char *gfp, int times)
{
	static int id;

	for (int i = 0; i < times; i++)
		scenario_add("{\"event\":\"alloc_pages\",\"id\":%d,\"order\":0,\"gfp\":\"%s\",\"call_site\":\"%s\"}",
			++id, gfp, who);
}

static long long got(const char *who)
{
	return scenario_number("select count - failed from call_sites where call_site = '%s'", who);
}

static bool is_near(long long left, long long least)
{
	return left >= least && left < least + 8;
}

/*
 * E30 of the specification: what is left. Without reserve min, with __GFP_HIGH half of it, GFP_ATOMIC 3/8,
 * __GFP_MEMALLOC nothing. Each time up to a batch more: what the last refill put on the per-CPU list is out of
 * reach.
 */
Test(gfp, high_atomic_and_memalloc_reach_deeper_into_the_reserve)
{
	long long left, min;

	ask("nowait", "GFP_NOWAIT", 17000);
	ask("high", "GFP_KERNEL|__GFP_HIGH|__GFP_NORETRY", 300);
	ask("atomic", "GFP_ATOMIC", 300);
	ask("nomemalloc", "GFP_NOWAIT|__GFP_MEMALLOC|__GFP_NOMEMALLOC", 10);
	ask("memalloc", "GFP_NOWAIT|__GFP_MEMALLOC", 300);
	scenario_replay(one_zone);
	left = scenario_number("select managed_pages from zone_samples order by sample_id limit 1");
	min = scenario_number("select min_pages from zone_samples order by sample_id limit 1");
	left -= got("nowait");
	cr_expect(is_near(left, min), "GFP_NOWAIT left %lld of min %lld", left, min);
	left -= got("high");
	cr_expect(is_near(left, min - min / 2), "__GFP_HIGH left %lld", left);
	left -= got("atomic");
	cr_expect(is_near(left, min - min / 2 - (min - min / 2) / 4), "GFP_ATOMIC left %lld", left);
	cr_expect_eq(got("nomemalloc"), 0);
	left -= got("memalloc");
	cr_expect_eq(left, 0, "__GFP_MEMALLOC left %lld", left);
}

Test(gfp, each_zone_flag_takes_from_its_zone)
{
	scenario_add("{\"event\":\"alloc_pages\",\"id\":1,\"order\":4,\"gfp\":\"GFP_KERNEL|__GFP_DMA\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":2,\"order\":5,\"gfp\":\"GFP_KERNEL|__GFP_DMA32\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":3,\"order\":6,\"gfp\":\"GFP_HIGHUSER\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":4,\"order\":7,\"gfp\":\"GFP_KERNEL\"}");
	scenario_add("{\"event\":\"__get_dma_pages\",\"id\":5,\"order\":4,\"gfp\":\"GFP_KERNEL\"}");
	scenario_replay(pc);
	scenario_expect(
		"select zone, max(free_pages + pcp_pages) - min(free_pages + pcp_pages) from zone_samples group by zone",
		"DMA 32\nDMA32 32\nNormal 192\n");
}

Test(gfp, movable_and_reclaimable_pages_come_from_their_own_blocks)
{
	scenario_add("{\"event\":\"alloc_pages\",\"id\":1,\"order\":8,\"gfp\":\"GFP_KERNEL\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":2,\"order\":8,\"gfp\":\"GFP_KERNEL|__GFP_RECLAIMABLE\"}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":3,\"order\":8,\"gfp\":\"GFP_HIGHUSER_MOVABLE\"}");
	scenario_replay(one_zone);
	/* The first has the block that boot could not make movable; the second claims one. */
	scenario_expect("select from_migratetype, to_migratetype, alloc_order, count from extfrag_events",
		"Movable Reclaimable 8 1\n");
}

Test(gfp, zeroing_and_accounting_cost_time_and_nowarn_costs_a_warning)
{
	static const char *const gfp[][2] = {
		{ "warm", "GFP_KERNEL" }, { "plain", "GFP_KERNEL" }, { "zero", "GFP_KERNEL|__GFP_ZERO" }, { "account",
			"GFP_KERNEL_ACCOUNT" },
	};

	for (int i = 0; i < 4; i++) {
		scenario_add(
			"{\"event\":\"alloc_pages\",\"id\":1,\"order\":4,\"call_site\":\"%s\",\"gfp\":\"%s\",\"time_ns\":%d}",
			gfp[i][0], gfp[i][1], i * 100000);
		scenario_add("{\"event\":\"free_pages\",\"id\":1,\"order\":4,\"time_ns\":%d}", i * 100000 + 50000);
	}
	scenario_add(
		"{\"event\":\"alloc_pages\",\"id\":5,\"order\":11,\"gfp\":\"GFP_KERNEL|__GFP_NOWARN\",\"time_ns\":4000000}");
	scenario_add(
		"{\"event\":\"kmalloc\",\"id\":6,\"size\":8000000,\"gfp\":\"GFP_KERNEL|__GFP_NOWARN\",\"time_ns\":5000000}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":7,\"order\":11,\"gfp\":\"GFP_KERNEL\",\"time_ns\":6000000}");
	scenario_replay(one_zone);
	/* 64 KiB at the machine's cost of a KiB. */
	cr_expect_eq(scenario_number("select max(lat_max_ns) filter (where call_site = 'zero')"
				     " - max(lat_max_ns) filter (where call_site = 'plain') from call_sites"), 64 * 30);
	cr_expect_gt(scenario_number("select max(lat_max_ns) filter (where call_site = 'account')"
				     " - max(lat_max_ns) filter (where call_site = 'plain') from call_sites"), 0);
	scenario_expect("select rule, event_no from violations", "order_too_large 10\n");
	scenario_expect("select op, failed from op_stats order by op", "alloc_pages 2\nfree_pages 0\nkmalloc 1\n");
}

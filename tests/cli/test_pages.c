/* Calls for pages and kmalloc's relatives: what each takes, costs and gives back. */
#include <criterion/criterion.h>

#include "tests/cli/run.h"
#include "tests/cli/scenario.h"

TestSuite(pages, .init = run_enter, .fini = run_leave);

static const char machine[] = "kmemsim: 1\nmemory: 64 MiB\nzones: {dma: 0}\n";

#define FREE_AT "(select sum(free_pages + pcp_pages) from samples join zone_samples using (sample_id) where "

static long long free_at_start(void)
{
	return scenario_number("select" FREE_AT "reason = 'start')");
}

static long long free_at_end(void)
{
	return scenario_number("select" FREE_AT "reason = 'end')");
}

Test(pages, each_call_takes_what_it_says)
{
	scenario_add("{\"event\":\"alloc_pages\",\"id\":1,\"order\":3}");
	scenario_add("{\"event\":\"alloc_page\",\"id\":2}");
	scenario_add("{\"event\":\"__get_free_pages\",\"id\":3,\"order\":2}");
	scenario_add("{\"event\":\"get_zeroed_page\",\"id\":4}");
	scenario_add("{\"event\":\"alloc_pages_exact\",\"id\":5,\"size\":20000}");
	scenario_add("{\"event\":\"alloc_pages_bulk\",\"id\":6,\"bulk_more\":true}");
	scenario_add("{\"event\":\"alloc_pages_bulk\",\"id\":7}");
	scenario_replay(machine);
	scenario_expect("select op, count, failed, bytes_req, bytes_alloc from op_stats order by op",
		"__get_free_pages 1 0 16384 16384\nalloc_pages 2 0 36864 36864\nalloc_pages_bulk 2 0 8192 8192\n"
		"alloc_pages_exact 1 0 20000 20480\nget_zeroed_page 1 0 4096 4096\n");
	/* 8 + 1 + 4 + 1 + 5 + 2: the three pages that alloc_pages_exact() has too many go back at once. */
	cr_expect_eq(free_at_start() - free_at_end(), 21);
}

#define PAGES_OF "{\"event\":\"alloc_pages_bulk\",\"pid\":5,\"cpu\":1,\"id\":\"p%d\"%s}"
#define FREE_OF  "{\"event\":\"kmem_cache_free_bulk\",\"pid\":%d,\"cache\":\"c\",\"id\":\"o%d\",\"cpu\":%d%s%s}"
#define MORE     ",\"bulk_more\":true"

/* A page call was taken for objects of the free that came between its parts, and garbage was freed. */
Test(pages, bulk_calls_of_cpus_and_interrupts_that_come_between_one_another_are_calls_of_their_own)
{
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"c\",\"size\":64}");
	for (int i = 0; i < 4; i++)
		scenario_add("{\"event\":\"kmem_cache_alloc\",\"id\":\"o%d\",\"cache\":\"c\",\"pid\":6}", i);
	scenario_add(PAGES_OF, 0, MORE);
	scenario_add(FREE_OF, 6, 0, 0, "", MORE);
	scenario_add(PAGES_OF, 1, MORE);
	scenario_add(FREE_OF, 6, 1, 0, "", "");
	scenario_add(FREE_OF, 5, 2, 1, ",\"ctx\":\"softirq\"", MORE);
	scenario_add(PAGES_OF, 2, "");
	scenario_add(FREE_OF, 5, 3, 1, ",\"ctx\":\"softirq\"", "");
	for (int i = 0; i < 3; i++)
		scenario_add("{\"event\":\"free_pages\",\"pid\":5,\"cpu\":1,\"id\":\"p%d\"}", i);
	scenario_replay("kmemsim: 1\nmemory: 64 MiB\ncpus: 2\nzones: {dma: 0}\n");
	scenario_expect("select op, count, failed from op_stats order by op",
		"alloc_pages_bulk 3 0\nfree_pages 3 0\nkmem_cache_alloc 4 0\nkmem_cache_create 1 0\nkmem_cache_free_bulk 4 0\n");
	scenario_expect(
		"select live_objs from cache_stats join samples using (sample_id) where cache = 'c' and reason = 'end'",
		"0\n");
}

Test(pages, a_bulk_call_without_an_end_is_made_with_what_has_come)
{
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"c\",\"size\":64}");
	scenario_add("{\"event\":\"kmem_cache_alloc\",\"id\":\"o1\",\"cache\":\"c\",\"pid\":6}");
	scenario_add(PAGES_OF, 1, MORE);
	scenario_add(PAGES_OF, 2, MORE);
	scenario_add(FREE_OF, 6, 1, 0, "", MORE);
	scenario_replay(machine);
	scenario_expect("select op, count, failed from op_stats order by op",
		"alloc_pages_bulk 2 0\nkmem_cache_alloc 1 0\nkmem_cache_create 1 0\nkmem_cache_free_bulk 1 0\n");
	scenario_expect(
		"select live_objs from cache_stats join samples using (sample_id) where cache = 'c' and reason = 'end'",
		"0\n");
}

Test(pages, a_zeroed_page_costs_its_clearing)
{
	scenario_add("{\"event\":\"__get_free_pages\",\"id\":1,\"order\":0}");
	scenario_add(
		"{\"event\":\"__get_free_pages\",\"id\":2,\"order\":0,\"time_ns\":1000000,\"call_site\":\"plain\"}");
	scenario_add("{\"event\":\"get_zeroed_page\",\"id\":3,\"time_ns\":2000000,\"call_site\":\"zeroed\"}");
	scenario_replay(machine);
	cr_expect_eq(
		scenario_number(
			"select max(lat_max_ns) - min(lat_max_ns) from call_sites where call_site in ('plain', 'zeroed')"),
		4 * 30);
}

Test(pages, blocks_go_back_whole_and_in_parts)
{
	scenario_add("{\"event\":\"alloc_pages\",\"id\":1,\"order\":6}");
	scenario_add("{\"event\":\"free_pages\",\"id\":1,\"order\":5}");
	scenario_add("{\"event\":\"free_pages\",\"id\":1,\"order\":5}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":2,\"order\":5}");
	scenario_add("{\"event\":\"free_pages\",\"id\":2}");
	scenario_add("{\"event\":\"alloc_pages_exact\",\"id\":3,\"size\":102400}");
	scenario_add("{\"event\":\"free_pages\",\"id\":3}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":4,\"order\":2}");
	scenario_add("{\"event\":\"free_pages\",\"id\":4,\"order\":0}");
	scenario_replay(machine);
	cr_expect_eq(free_at_start() - free_at_end(), 3, "three pages of the last block are left");
	scenario_expect("select count(*) from violations", "0\n");
	scenario_expect("select op, count, failed from op_stats order by op",
		"alloc_pages 3 0\nalloc_pages_exact 1 0\nfree_pages 5 0\n");
}

Test(pages, orders_from_max_order_on_are_answered_with_null)
{
	scenario_add("{\"event\":\"alloc_pages\",\"id\":1,\"order\":10}");
	scenario_add("{\"event\":\"alloc_pages\",\"id\":2,\"order\":11}");
	scenario_add("{\"event\":\"__get_free_pages\",\"id\":3,\"order\":63}");
	scenario_add("{\"event\":\"alloc_pages_exact\",\"id\":4,\"size\":4194305}");
	scenario_add("{\"event\":\"free_pages\",\"id\":2}");
	scenario_replay(machine);
	scenario_expect("select op, count, failed from op_stats order by op",
		"__get_free_pages 1 1\nalloc_pages 2 1\nalloc_pages_exact 1 1\n");
	scenario_expect("select rule, severity, event_no from violations order by event_no",
		"order_too_large error 1\norder_too_large error 2\norder_too_large error 3\n");
	cr_expect_eq(free_at_start() - free_at_end(), 1024);
}

Test(pages, get_dma_pages_takes_from_zone_dma)
{
	scenario_add("{\"event\":\"__get_dma_pages\",\"id\":1,\"order\":4}");
	scenario_add("{\"event\":\"__get_dma_pages\",\"id\":2,\"order\":3,\"gfp\":\"GFP_ATOMIC\"}");
	scenario_replay("kmemsim: 1\nmemory: 64 MiB\n");
	scenario_expect(
		"select zone, max(free_pages + pcp_pages) - min(free_pages + pcp_pages) from zone_samples group by zone",
		"DMA 24\nDMA32 0\n");
	scenario_expect("select op, count, bytes_alloc from op_stats", "__get_free_pages 2 98304\n");
}

Test(pages, kzalloc_and_kcalloc_cost_their_clearing)
{
	scenario_add("{\"event\":\"kmalloc\",\"id\":1,\"size\":4096}");
	scenario_add("{\"event\":\"kmalloc\",\"id\":2,\"size\":4096,\"time_ns\":1000000,\"call_site\":\"plain\"}");
	scenario_add("{\"event\":\"kzalloc\",\"id\":3,\"size\":4096,\"time_ns\":2000000,\"call_site\":\"kzalloc\"}");
	scenario_add("{\"event\":\"kcalloc\",\"id\":4,\"size\":4096,\"time_ns\":3000000,\"call_site\":\"kcalloc\"}");
	scenario_replay(machine);
	scenario_expect(
		"select call_site, lat_max_ns - (select lat_max_ns from call_sites where call_site = 'plain') from call_sites"
		" where call_site is not null and call_site like 'k%' order by 1",
		"kcalloc 120\nkzalloc 120\n");
	scenario_expect("select op, count, bytes_alloc from op_stats order by op", "kmalloc 2 8192\nkzalloc 2 8192\n");
}

/*
 * In place while the class has room; else a new object, and the
 * old one is free. Of nothing: kmalloc(); to nothing: kfree().
 */
Test(pages, krealloc_grows_in_place_or_moves)
{
	scenario_add("{\"event\":\"kmalloc\",\"id\":1,\"size\":100}");
	scenario_add("{\"event\":\"krealloc\",\"id\":1,\"size\":128}");
	scenario_add("{\"event\":\"krealloc\",\"id\":1,\"size\":129}");
	scenario_add("{\"event\":\"krealloc\",\"id\":2,\"size\":64}");
	scenario_add("{\"event\":\"krealloc\",\"id\":3,\"size\":64}");
	scenario_add("{\"event\":\"krealloc\",\"id\":3,\"size\":0}");
	scenario_add("{\"event\":\"kfree\",\"id\":3}");
	scenario_replay(machine);
	scenario_expect("select op, count, bytes_req, bytes_alloc from op_stats where op = 'krealloc'",
		"krealloc 5 385 448\n");
	scenario_expect("select rule, event_no from violations", "double_free 6\n");
	cr_expect_eq(scenario_number("select live_objects from samples order by sample_id desc limit 1"), 2);
}

/*
 * Small ones from kmalloc, up to what kmalloc has without
 * retries, and beyond that from vmalloc; never in atomic context.
 */
Test(pages, kvmalloc_falls_back_to_vmalloc)
{
	scenario_add("{\"event\":\"kvmalloc\",\"id\":1,\"size\":64}");
	scenario_add("{\"event\":\"kvzalloc\",\"id\":2,\"size\":5000000}");
	scenario_add("{\"event\":\"kvmalloc\",\"id\":3,\"size\":5000000,\"gfp\":\"GFP_ATOMIC\"}");
	scenario_add("{\"event\":\"kvfree\",\"id\":1}");
	scenario_add("{\"event\":\"kvfree\",\"id\":2}");
	scenario_add("{\"event\":\"kvfree\",\"id\":null}");
	scenario_replay(machine);
	scenario_expect("select op, count, failed, bytes_alloc from op_stats order by op",
		"kvfree 3 0 0\nkvmalloc 2 1 64\nkvzalloc 1 0 6291456\n");
	scenario_expect("select count(*) from violations", "0\n");
}

/* 32 B to 128 KiB in powers of two, and nothing above. */
Test(pages, kmalloc_of_2_6_has_pools_and_nothing_above)
{
	scenario_add("{\"event\":\"kmalloc\",\"id\":1,\"size\":1}");
	scenario_add("{\"event\":\"kmalloc\",\"id\":2,\"size\":33}");
	scenario_add("{\"event\":\"kmalloc\",\"id\":3,\"size\":131072}");
	scenario_add("{\"event\":\"kmalloc\",\"id\":4,\"size\":131073}");
	scenario_replay("kmemsim: 1\nkernel: 2.6-classic\nmemory: 64 MiB\n");
	scenario_expect("select op, count, failed, bytes_alloc from op_stats", "kmalloc 4 1 131168\n");
	scenario_expect("select rule, severity, event_no from violations", "size_too_large error 3\n");
}

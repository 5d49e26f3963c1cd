/* Scenarios written by hand in the text interchange, through import, replay and query, as users write them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/cli/run.h"

TestSuite(scenarios, .init = run_enter, .fini = run_leave);

static struct run_result replay(const char *jsonl, const char *options)
{
	struct run_result result;

	run_write("t.jsonl", jsonl);
	result = run_shell("$K import t.jsonl -o t.kmt --quiet");
	cr_assert_eq(result.status, 0, "import: %s", result.err);
	run_free(&result);
	return run_shell("$K replay t.kmt -o r.db --json --check=1 %s", options);
}

static void expect_line(const char *command, const char *line)
{
	struct run_result result = run_shell("%s", command);

	cr_assert_eq(result.status, 0, "%s: %s", command, result.err);
	cr_assert_not_null(strstr(result.out, line), "no \"%s\" in:\n%s", line, result.out);
	run_free(&result);
}

Test(scenarios, kmalloc_rounds_up_to_its_class_and_says_so_in_op_stats)
{
	struct run_result result = replay("{\"event\":\"kmalloc\",\"id\":1,\"size\":100,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"kmalloc\",\"id\":2,\"size\":8193,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"kfree\",\"id\":1}\n"
					  "{\"event\":\"kfree\",\"id\":null}\n",
		"");

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_eq(run_number(result.out, "events"), 4);
	cr_assert_eq(run_number(result.out, "failed"), 0);
	cr_assert_eq(run_number(result.out, "live_objects"), 1);
	run_free(&result);
	/* 100 -> 128; 8193 -> order 2, 16384. */
	expect_line(
		"sqlite3 -csv r.db \"select op,count,failed,bytes_req,bytes_alloc from op_stats where op='kmalloc'\"",
		"kmalloc,2,0,8293,16512");
	expect_line("sqlite3 -csv r.db \"select status,events from runs\"", "done,4");
}

Test(scenarios, double_and_unknown_frees_are_violations_and_replay_goes_on)
{
	struct run_result result = replay("{\"event\":\"kmalloc\",\"id\":\"a\",\"size\":64,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"kfree\",\"id\":\"a\"}\n"
					  "{\"event\":\"kfree\",\"id\":\"a\",\"call_site\":\"bad_driver+0x10\"}\n"
					  "{\"event\":\"kfree\",\"id\":\"never\"}\n"
					  "{\"event\":\"kmalloc\",\"id\":\"b\",\"size\":64,\"gfp\":\"GFP_KERNEL\"}\n",
		"");

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_eq(run_number(result.out, "violations"), 2);
	cr_assert_eq(run_number(result.out, "live_objects"), 1);
	run_free(&result);
	expect_line("sqlite3 -csv r.db 'select rule,event_no,call_site from violations order by event_no'",
		"double_free,2,bad_driver+0x10");
	expect_line("sqlite3 -csv r.db 'select rule,event_no from violations order by event_no'", "free_unknown,3");
}

Test(scenarios, absurd_sizes_and_orders_fail_as_in_the_kernel_and_are_violations)
{
	struct run_result result = replay("{\"event\":\"kmalloc\",\"id\":1,\"size\":4194305,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"kmalloc\",\"id\":2,\"size\":9223372036854775807,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"alloc_pages\",\"id\":3,\"order\":11,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"alloc_pages\",\"id\":4,\"order\":200,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"kfree\",\"id\":1}\n",
		"");

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_eq(run_number(result.out, "failed"), 4);
	cr_assert_eq(run_number(result.out, "live_objects"), 0);
	run_free(&result);
	expect_line("sqlite3 -csv r.db 'select rule,count(*) from violations group by rule order by rule'",
		"order_too_large,2\nsize_too_large,2");
}

Test(scenarios, a_cache_keeps_its_geometry_and_refuses_to_go_while_objects_live)
{
	struct run_result result = replay(
		"{\"event\":\"kmem_cache_create\",\"cache\":\"my cache\",\"size\":700}\n"
		"{\"event\":\"kmem_cache_alloc\",\"id\":1,\"cache\":\"my cache\",\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"event\":\"kmem_cache_destroy\",\"cache\":\"my cache\"}\n"
		"{\"event\":\"kmem_cache_free\",\"id\":1,\"cache\":\"my cache\"}\n",
		"--set cpus=4");

	cr_assert_eq(result.status, 0, "%s", result.err);
	run_free(&result);
	/* G16 of the examples: 704 bytes, order 2, 23 objects. */
	expect_line(
		"sqlite3 -csv r.db \"select size,\\\"order\\\",objs_per_slab,slabs from cache_stats where cache='my cache'\"",
		"704,2,23,1");
	expect_line("sqlite3 -csv r.db 'select rule from violations order by event_no'",
		"cache_name_invalid\ncache_destroy_live");
}

Test(scenarios, pages_freed_by_kfree_and_objects_freed_as_pages_are_wrong_frees)
{
	struct run_result result = replay("{\"event\":\"alloc_pages\",\"id\":1,\"order\":2,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"kmalloc\",\"id\":2,\"size\":64,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"kfree\",\"id\":1}\n"
					  "{\"event\":\"free_pages\",\"id\":2,\"order\":0}\n",
		"");

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_eq(run_number(result.out, "violations"), 2);
	run_free(&result);
	expect_line("sqlite3 -csv r.db 'select rule from violations'", "wrong_free\nwrong_free");
}

Test(scenarios, a_trace_of_more_cpus_than_the_machine_has_is_folded_and_said)
{
	struct run_result result =
		replay("{\"event\":\"kmalloc\",\"id\":1,\"size\":8,\"gfp\":\"GFP_KERNEL\",\"cpu\":7}\n",
			"--set cpus=2");

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_not_null(strstr(result.err, "CPU n mod 2"), "%s", result.err);
	run_free(&result);
}

Test(scenarios, without_memory_allocations_fail_and_the_run_ends)
{
	char jsonl[1 << 16] = "";
	size_t used = 0;
	struct run_result result;

	for (int i = 0; i < 300; i++)
		used += (size_t)snprintf(jsonl + used, sizeof(jsonl) - used,
			"{\"event\":\"alloc_pages\",\"id\":%d,\"order\":9,\"gfp\":\"GFP_KERNEL\"}\n", i);
	result = replay(jsonl, "--set memory='64 MiB'");
	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_gt(run_number(result.out, "failed"), 250);
	cr_assert_lt(run_number(result.out, "failed"), 300);
	run_free(&result);
}

/*
 * 17 objects of 256 bytes are two slabs of SLAB; the reaper
 * takes the second one's 15 spare ones home and no slab goes.
 */
Test(scenarios, slab_keeps_arrays_and_shows_its_tunables)
{
	char jsonl[1 << 14] = "{\"event\":\"kmem_cache_create\",\"cache\":\"c\",\"size\":256,\"align\":256}\n";
	size_t used = strlen(jsonl);
	struct run_result result;

	for (int i = 0; i < 17; i++)
		used += (size_t)snprintf(jsonl + used, sizeof(jsonl) - used,
			"{\"event\":\"kmem_cache_alloc\",\"id\":%d,\"cache\":\"c\",\"gfp\":\"GFP_KERNEL\"}\n", i);
	result = replay(jsonl, "--set slab.allocator=slab --set slab.merge=false --set cpus=1 --set memory='256 MiB'");
	cr_assert_eq(result.status, 0, "%s", result.err);
	run_free(&result);
	expect_line(
		"sqlite3 -csv r.db \"select size,objs_per_slab,slabs,total_objs,active_objs,live_objs,array_limit,batchcount,"
		"shared_factor from cache_stats where cache='c'\"",
		"256,16,2,32,32,17,120,60,0");
	expect_line("$K proc r.db --file slabinfo",
		"c                     32     32    256   16    1 : tunables  120   60    0 : slabdata      2      2      0");
}

/* The example of the specification: all 17 freed, slabs are gone after twelve seconds. */
Test(scenarios, the_reaper_of_slab_gives_slabs_back_in_time)
{
	char jsonl[1 << 14] =
		"{\"event\":\"kmem_cache_create\",\"cache\":\"c\",\"size\":256,\"align\":256,\"time_ns\":0}\n";
	size_t used = strlen(jsonl);
	struct run_result result;

	for (int i = 0; i < 34; i++)
		used += (size_t)snprintf(jsonl + used, sizeof(jsonl) - used,
			"{\"event\":\"kmem_cache_%s\",\"id\":%d,\"cache\":\"c\"%s,\"time_ns\":%d}\n",
			i < 17 ? "alloc" : "free", i % 17, i < 17 ? ",\"gfp\":\"GFP_KERNEL\"" : "", 1000 + 1000 * i);
	snprintf(jsonl + used, sizeof(jsonl) - used,
		"{\"event\":\"marker\",\"text\":\"seven\",\"time_ns\":7000000000}\n"
		"{\"event\":\"marker\",\"text\":\"thirteen\",\"time_ns\":13000000000}\n");
	result = replay(jsonl, "--set slab.allocator=slab --set slab.merge=false --set cpus=1 --set memory='256 MiB'");
	cr_assert_eq(result.status, 0, "%s", result.err);
	run_free(&result);
	expect_line(
		"sqlite3 -csv r.db \"select marker,slabs,active_objs,live_objs from cache_stats join samples using (sample_id)"
		" where cache='c' and marker is not null order by sample_id\"",
		"seven,2,4,0\nthirteen,0,0,0");
}

Test(scenarios, slob_packs_objects_by_their_size)
{
	struct run_result result = replay("{\"event\":\"kmalloc\",\"id\":1,\"size\":100,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"kmalloc\",\"id\":2,\"size\":500,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"kmalloc\",\"id\":3,\"size\":4090,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"kmalloc\",\"id\":4,\"size\":104,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"kfree\",\"id\":2}\n",
		"--set slab.allocator=slob");

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_eq(run_number(result.out, "failed"), 0);
	run_free(&result);
	/* 108 + 508 + 4096 + 112; the page of 500 went at once. */
	expect_line("sqlite3 -csv r.db \"select bytes_alloc from op_stats where op='kmalloc'\"", "4824");
	expect_line(
		"sqlite3 -csv r.db \"select slab_bytes,kmalloc_large_bytes from samples order by sample_id desc limit 1\"",
		"4096,4096");
}

/* Huge pages, where a node's share fills one; it is vmalloc's, and no waste of kmalloc(). */
Test(scenarios, kvmalloc_beyond_kmalloc_counts_the_pages_of_vmalloc)
{
	static const char event[] =
		"{\"event\":\"kvmalloc\",\"id\":1,\"size\":5242881,\"gfp\":\"GFP_KERNEL\",\"call_site\":\"a\"}\n";
	static const char sql[] =
		"sqlite3 -csv r.db 'select bytes_alloc,live_bytes,kmalloc_waste_bytes,mapped_pages from call_sites, samples"
		" join vmalloc_stats using (sample_id) order by sample_id desc limit 1'";
	struct run_result result = replay(event, "--set memory=64MiB");

	cr_assert_eq(result.status, 0, "%s", result.err);
	run_free(&result);
	/* Three of 2 MiB, and three pages for the array of 1536 pages. */
	expect_line(sql, "6291456,6291456,0,1539\n");
	run_ok("rm r.db");
	result = replay(event, "--set memory=64MiB --set bits=32");
	cr_assert_eq(result.status, 0, "%s", result.err);
	run_free(&result);
	expect_line(sql, "5246976,5246976,0,1283\n");
}

/* With every second page free alone kmalloc() finds no block of two, nor room for more slabs of them. */
Test(scenarios, kvmalloc_that_falls_back_is_no_object_of_slabs)
{
	static char jsonl[4096 * 128];
	size_t len = 0;
	struct run_result result;

	for (int i = 0; i < 3000; i++)
		len += (size_t)snprintf(jsonl + len, sizeof(jsonl) - len,
			"{\"event\":\"alloc_pages\",\"id\":%d,\"order\":0,"
			"\"gfp\":\"GFP_NOWAIT|__GFP_NOWARN\"}\n",
			i);
	for (int i = 0; i < 2000; i += 2)
		len += (size_t)snprintf(jsonl + len, sizeof(jsonl) - len, "{\"event\":\"free_pages\",\"id\":%d}\n", i);
	for (int i = 0; i < 100; i++)
		len += (size_t)snprintf(jsonl + len, sizeof(jsonl) - len,
			"{\"event\":\"kvmalloc\",\"id\":\"v%d\",\"size\":8000,\"gfp\":\"GFP_KERNEL\"}\n", i);
	result = replay(jsonl,
		"--set memory=12MiB --set cpus=1 --set reclaim.enabled=false --set page_allocator.compaction=false");
	cr_assert_eq(result.status, 0, "%s", result.err);
	run_free(&result);
	/*
	 * What kmalloc's slab has of 8000 bytes each, and its 192
	 * bytes of waste; the rest are vmalloc's, of two pages each.
	 */
	expect_line(
		"sqlite3 -csv r.db \"select s.slab_bytes - s.slab_waste_bytes - c.live_objs * 8000, s.kmalloc_waste_bytes -"
		" c.live_objs * 192, c.live_objs < 90, v.mapped_pages = 2 * (100 - c.live_objs) from samples s join cache_stats c using"
		" (sample_id) join vmalloc_stats v using (sample_id) where c.cache = 'kmalloc-8k' order by sample_id desc limit 1\"",
		"0,0,1,1\n");
}

Test(scenarios, a_cache_that_could_not_be_created_serves_nobody)
{
	struct run_result result = replay(
		"{\"event\":\"kmem_cache_create\",\"cache\":\"big\",\"size\":4194305}\n"
		"{\"event\":\"kmem_cache_alloc\",\"id\":1,\"cache\":\"big\",\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"event\":\"mempool_create\",\"pool\":\"p\",\"min_nr\":2,\"kind\":\"slab\",\"cache\":\"big\"}\n"
		"{\"event\":\"kmem_cache_destroy\",\"cache\":\"big\"}\n"
		"{\"event\":\"kmem_cache_create\",\"cache\":\"big\",\"size\":100}\n"
		"{\"event\":\"kmem_cache_alloc\",\"id\":2,\"cache\":\"big\",\"gfp\":\"GFP_KERNEL\"}\n", "");

	cr_assert_eq(result.status, 0, "%s", result.err);
	run_free(&result);
	expect_line("sqlite3 -csv r.db 'select op,count,failed from op_stats order by op'",
		"kmem_cache_alloc,2,1\nkmem_cache_create,2,1\nkmem_cache_destroy,1,1\nmempool_create,1,1\n");
	expect_line("sqlite3 -csv r.db 'select rule,event_no from violations'", "size_too_large,0\n");
	expect_line(
		"sqlite3 -csv r.db \"select cache,size,live_objs from cache_stats where cache = 'big' and sample_id ="
		" (select max(sample_id) from samples)\"",
		"big,104,1\n");
}

/* get_order() of nothing, and of what 32 bits of pages do not hold, is beyond any block. */
Test(scenarios, alloc_pages_exact_of_nothing_and_of_too_much_is_refused)
{
	struct run_result result = replay(
		"{\"event\":\"alloc_pages_exact\",\"id\":1,\"size\":0,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL\"}\n"
		"{\"event\":\"alloc_pages_exact\",\"id\":2,\"size\":17592186044417,\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"event\":\"free_pages\",\"id\":1}\n", "");

	cr_assert_eq(result.status, 0, "%s", result.err);
	run_free(&result);
	expect_line("sqlite3 -csv r.db 'select op,count,failed,sleeps from op_stats'", "alloc_pages_exact,2,2,0\n");
	expect_line("sqlite3 -csv r.db 'select distinct rule,event_no from violations'",
		"order_too_large,0\norder_too_large,1\n");
	expect_line("sqlite3 -csv r.db 'select max(free_bytes + pcp_bytes) - min(free_bytes + pcp_bytes) from samples'",
		"0\n");
}

/* ZERO_SIZE_PTR: no memory and no failure, which __GFP_NOFAIL would try again for ever; kfree() takes it. */
Test(scenarios, kmalloc_of_nothing_is_no_failure)
{
	struct run_result result = replay(
		"{\"event\":\"kmalloc\",\"id\":1,\"size\":0,\"gfp\":\"GFP_KERNEL\",\"call_site\":\"a\"}\n"
		"{\"event\":\"kzalloc\",\"id\":2,\"size\":0,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL\"}\n"
		"{\"event\":\"kvmalloc\",\"id\":3,\"size\":0,\"gfp\":\"GFP_KERNEL|__GFP_NOFAIL\"}\n"
		"{\"event\":\"krealloc\",\"id\":2,\"size\":50,\"gfp\":\"GFP_KERNEL\",\"call_site\":\"b\"}\n"
		"{\"event\":\"kfree\",\"id\":1}\n"
		"{\"event\":\"kfree\",\"id\":2}\n"
		"{\"event\":\"kvfree\",\"id\":3}\n", "");

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_expect_eq(run_number(result.out, "failed"), 0);
	run_free(&result);
	expect_line("sqlite3 -csv r.db 'select op,count,failed,bytes_req,bytes_alloc,sleeps from op_stats order by op'",
		"kfree,2,0,0,0,0\nkmalloc,1,0,0,0,0\nkrealloc,1,0,50,64,0\nkvfree,1,0,0,0,0\nkvmalloc,1,0,0,0,0\nkzalloc,1,0,0,0,0\n");
	expect_line(
		"sqlite3 -csv r.db 'select sum(live),(select count(*) from violations),(select count(*) from sleeps) from call_sites'",
		"0,0,0\n");
}

/* Text without the key, and recordings of old kernels. */
Test(scenarios, a_free_makes_no_cache_and_may_name_none)
{
	struct run_result result = replay(
		"{\"event\":\"kmem_cache_create\",\"cache\":\"c\",\"size\":64,\"flags\":\"SLAB_TYPESAFE_BY_RCU\"}\n"
		"{\"event\":\"kmem_cache_alloc\",\"id\":1,\"cache\":\"c\",\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"event\":\"kmem_cache_free\",\"id\":1}\n"
		"{\"event\":\"kmem_cache_alloc\",\"id\":2,\"cache\":\"c\",\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"event\":\"kmem_cache_free\",\"id\":2,\"cache\":\"e\"}\n"
		"{\"event\":\"kmem_cache_create\",\"cache\":\"d\",\"size\":64}\n"
		"{\"event\":\"kmem_cache_alloc\",\"id\":3,\"cache\":\"d\",\"gfp\":\"GFP_KERNEL\"}\n", "");

	cr_assert_eq(result.status, 0, "%s", result.err);
	run_free(&result);
	expect_line("sqlite3 -csv r.db 'select rule,event_no from violations'", "wrong_free,4\n");
	expect_line(
		"sqlite3 -csv r.db \"select group_concat(cache || ' ' || allocs || ' ' || frees) from cache_stats where cache not like"
		" '%kmalloc%' and size in (64, 72) and sample_id = (select max(sample_id) from samples)\"",
		"c 2 2,d 1 0");
}

/* The object lives at the site that got its memory; a krealloc() in place asks for bytes and makes no object. */
Test(scenarios, what_krealloc_makes_lives_and_counts_at_its_site)
{
	struct run_result result = replay(
		"{\"event\":\"kmalloc\",\"id\":1,\"size\":10,\"gfp\":\"GFP_KERNEL\",\"call_site\":\"make\"}\n"
		"{\"event\":\"krealloc\",\"id\":1,\"size\":100,\"gfp\":\"GFP_KERNEL\",\"call_site\":\"grow\"}\n"
		"{\"event\":\"krealloc\",\"id\":1,\"size\":100,\"gfp\":\"GFP_KERNEL\",\"call_site\":\"grow\"}\n"
		"{\"event\":\"krealloc\",\"id\":1,\"size\":20,\"gfp\":\"GFP_KERNEL\",\"call_site\":\"trim\"}\n"
		"{\"event\":\"kmalloc\",\"id\":2,\"size\":8,\"gfp\":\"GFP_KERNEL\",\"call_site\":\"make\"}\n"
		"{\"event\":\"krealloc\",\"id\":2,\"size\":9000,\"gfp\":\"GFP_KERNEL\",\"call_site\":\"swell\"}\n"
		"{\"event\":\"krealloc\",\"id\":2,\"size\":0,\"gfp\":\"GFP_KERNEL\",\"call_site\":\"drop\"}\n", "");

	cr_assert_eq(result.status, 0, "%s", result.err);
	run_free(&result);
	expect_line(
		"sqlite3 -csv r.db 'select call_site,count,bytes_req,bytes_alloc,live,live_bytes from call_sites order by 1'",
		"drop,1,0,0,0,0\ngrow,2,200,256,1,128\nmake,2,18,24,0,0\nswell,1,9000,16384,0,0\ntrim,1,20,32,0,0\n");
	expect_line("sqlite3 -csv r.db 'select count,bytes_req,bytes_alloc from op_stats where op=\"krealloc\"'",
		"5,9220,16672\n");
	/* One object of 100 bytes in its slab of 128, and the page that the two small ones have left. */
	expect_line(
		"sqlite3 -csv r.db 'select slab_bytes-slab_waste_bytes,kmalloc_waste_bytes,live_objects from samples"
		" order by sample_id desc limit 1'",
		"100,28,1\n");
}

Test(scenarios, kernel_2_6_has_pools_to_128_kib_and_refuses_duplicates)
{
	struct run_result result = replay("{\"event\":\"kmalloc\",\"id\":1,\"size\":1,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"kmalloc\",\"id\":2,\"size\":100000,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"kmalloc\",\"id\":3,\"size\":131073,\"gfp\":\"GFP_KERNEL\"}\n"
					  "{\"event\":\"kmem_cache_create\",\"cache\":\"c\",\"size\":100}\n"
					  "{\"event\":\"kmem_cache_create\",\"cache\":\"c\",\"size\":200}\n"
					  "{\"event\":\"kmem_cache_destroy\",\"cache\":\"c\"}\n"
					  "{\"event\":\"kmem_cache_alloc\",\"id\":4,\"cache\":\"c\",\"gfp\":\"GFP_KERNEL\"}\n",
		"--set kernel=2.6-classic");

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_assert_eq(run_number(result.out, "failed"), 3);
	run_free(&result);
	expect_line("sqlite3 -csv r.db 'select rule,event_no from violations order by event_no'",
		"size_too_large,2\ncache_name_duplicate,4\ncache_destroyed,6");
	expect_line(
		"sqlite3 -csv r.db \"select cache,slabs from cache_stats where slabs > 0 and live_objs > 0 order by cache\"",
		"size-131072,1\nsize-32,1");
}

Test(scenarios, kernel_6_18_has_no_slab)
{
	struct run_result result = replay("{\"event\":\"kmalloc\",\"id\":1,\"size\":1,\"gfp\":\"GFP_KERNEL\"}\n",
		"--set kernel=6.18 --set slab.allocator=slab");

	cr_assert_eq(result.status, 2, "%s", result.err);
	cr_assert_not_null(strstr(result.err, "kernel 6.18 has no slab: it is gone since 6.8"), "%s", result.err);
	run_free(&result);
}

/* Per-CPU memory, sections without preemption and boot memory, from hand-written events to what SQLite says. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cli/run.h"

TestSuite(percpu, .init = run_enter, .fini = run_leave);

/* Import, replay with every invariant checked after every event. */
static void replay(const char *machine, const char *jsonl)
{
	run_write("m.yaml", machine);
	run_write("t.jsonl", jsonl);
	run_ok("$K import t.jsonl -o t.kmt --quiet && $K replay t.kmt -m m.yaml -o r.db --check=1 --quiet");
}

static void expect(const char *sql, const char *answer)
{
	struct run_result result = run_shell("sqlite3 -separator ' ' r.db \"%s\"", sql);

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_expect_str_eq(result.out, answer, "%s:\n%s\nnot\n%s", sql, result.out, answer);
	run_free(&result);
}

#define FOUR_CPUS "kmemsim: 1\ncpus: 4\nmemory: 64 MiB\n"
#define TWO_CPUS  "kmemsim: 1\ncpus: 2\nmemory: 64 MiB\n"
#define LAST      " ORDER BY sample_id DESC LIMIT 1"

/*
 * Example C2 with C5: (8,8) (4,4) (32,16) (100,4) (3,1) (64,64)
 * lie at 0, 8, 16, 48, 12 and 192: a hole of 44 bytes at 148.
 */
Test(percpu, the_areas_of_the_first_chunk_and_their_holes_are_recorded)
{
	replay(FOUR_CPUS, "{\"event\":\"alloc_percpu\",\"id\":1,\"size\":8,\"align\":8}\n"
			  "{\"event\":\"alloc_percpu\",\"id\":2,\"size\":4,\"align\":4}\n"
			  "{\"event\":\"alloc_percpu\",\"id\":3,\"size\":32,\"align\":16}\n"
			  "{\"event\":\"alloc_percpu\",\"id\":4,\"size\":100,\"align\":4}\n"
			  "{\"event\":\"alloc_percpu\",\"id\":5,\"size\":3,\"align\":1}\n"
			  "{\"event\":\"alloc_percpu\",\"id\":6,\"size\":64,\"align\":64}\n"
			  "{\"event\":\"free_percpu\",\"id\":3}\n");
	expect("SELECT chunks, unit_size_bytes, units, areas, allocated_bytes, used_bytes, free_bytes, largest_free_bytes, hole_bytes,"
	       " largest_hole_bytes, populated_pages, empty_pages FROM percpu_stats" LAST,
		"1 524288 4 5 180 720 28492 28416 76 44 61 6\n");
	expect("SELECT fragmentation FROM v_percpu" LAST, "0.296875\n");
	expect("SELECT count, failed, bytes_req, bytes_alloc FROM op_stats WHERE op = 'alloc_percpu'",
		"6 0 211 1272\n");
	expect("SELECT percpu_bytes FROM samples" LAST, "999424\n"); /* 61 pages of 4 units */
	expect("SELECT base_address, areas, free_bytes FROM percpu_chunks WHERE chunk = 0" LAST,
		"0x0000000000036000 5 28492\n");
}

/*
 * Of 32 KiB areas none fits in the first chunk: 16 fill a chunk
 * of 512 KiB, the 17th needs one more, 2 MiB further down.
 */
Test(percpu, a_chunk_comes_when_no_other_has_room)
{
	char jsonl[4096] = "";
	size_t len = 0;

	for (int i = 0; i < 17; i++)
		len += (size_t)snprintf(jsonl + len, sizeof(jsonl) - len,
			"{\"event\":\"alloc_percpu\",\"id\":%d,\"size\":32768,\"align\":4096}\n", i);
	replay(FOUR_CPUS, jsonl);
	expect("SELECT chunk, base_address, areas, populated_pages FROM percpu_chunks WHERE chunk > 1 ORDER BY chunk",
		"2 0xffffe8ffffc00000 16 128\n3 0xffffe8ffffa00000 1 8\n");
	expect("SELECT chunks, areas, populated_pages FROM percpu_stats" LAST, "3 17 197\n");
	expect("SELECT value FROM counters WHERE mechanism = 'percpu' AND name = 'chunks_created'", "2\n");
}

/* Rows 1 and 24 of the rules; atomic requests are served from what is populated. */
Test(percpu, what_the_kernel_refuses_and_what_may_not_sleep_is_told)
{
	replay(TWO_CPUS, "{\"event\":\"alloc_percpu\",\"id\":1,\"size\":40000,\"align\":8}\n"
			 "{\"event\":\"alloc_percpu\",\"id\":2,\"size\":8,\"align\":8192}\n"
			 "{\"event\":\"alloc_percpu\",\"id\":3,\"size\":8,\"align\":8,\"ctx\":\"softirq\"}\n"
			 "{\"event\":\"alloc_percpu\",\"id\":4,\"size\":8,\"align\":8,\"ctx\":\"softirq\",\"gfp\":\"GFP_NOWAIT\"}\n"
			 "{\"event\":\"free_percpu\",\"id\":1}\n"
			 "{\"event\":\"kmalloc\",\"id\":5,\"size\":8}\n"
			 "{\"event\":\"free_percpu\",\"id\":5}\n");
	expect("SELECT rule, event_no FROM violations ORDER BY event_no",
		"size_too_large 0\nsize_too_large 1\nsleep_in_atomic 2\nwrong_free 6\n");
	expect("SELECT count, failed FROM op_stats WHERE op = 'alloc_percpu'", "4 2\n");
}

/* Two nested sections of 5 us on CPU 0, one of 2 us on CPU 1. */
Test(percpu, sections_are_timed_nest_and_must_not_sleep)
{
	replay(TWO_CPUS, "{\"event\":\"get_cpu\",\"time_ns\":1000,\"pid\":5}\n"
			 "{\"event\":\"get_cpu_var\",\"name\":\"v\",\"time_ns\":2000,\"pid\":5}\n"
			 "{\"event\":\"get_cpu\",\"cpu\":1,\"time_ns\":2500,\"pid\":6}\n"
			 "{\"event\":\"kmalloc\",\"id\":1,\"size\":64,\"time_ns\":3000,\"pid\":5,\"call_site\":\"bad\"}\n"
			 "{\"event\":\"kmalloc\",\"id\":2,\"size\":64,\"gfp\":\"GFP_ATOMIC\",\"time_ns\":4000,\"pid\":5}\n"
			 "{\"event\":\"put_cpu\",\"cpu\":1,\"time_ns\":4500,\"pid\":6}\n"
			 "{\"event\":\"kmalloc\",\"id\":3,\"size\":64,\"cpu\":1,\"time_ns\":4700,\"pid\":6}\n"
			 "{\"event\":\"put_cpu_var\",\"name\":\"v\",\"time_ns\":5000,\"pid\":5}\n"
			 "{\"event\":\"vmalloc\",\"id\":4,\"size\":64,\"time_ns\":5500,\"pid\":5}\n"
			 "{\"event\":\"put_cpu\",\"time_ns\":600000,\"pid\":5}\n"
			 "{\"event\":\"kmalloc\",\"id\":5,\"size\":64,\"time_ns\":700000,\"pid\":5}\n");
	expect("SELECT rule, event_no, call_site FROM violations ORDER BY event_no",
		"sleep_in_atomic 3 bad\nsleep_in_atomic 8 \n");
	expect("SELECT name, value FROM counters WHERE mechanism = 'percpu' ORDER BY name",
		"get_calls 3\nsection_max_depth 2\nsection_max_ns 599000\nsection_sleeps 2\nsection_total_ns 601000\nsections 2\n");
}

Test(percpu, a_get_without_put_and_a_put_without_get_are_imbalances)
{
	replay(TWO_CPUS, "{\"event\":\"put_cpu\",\"pid\":1}\n"
			 "{\"event\":\"task_create\",\"id\":\"t\",\"pid\":1}\n"
			 "{\"event\":\"get_cpu\",\"pid\":7}\n"
			 "{\"event\":\"task_exit\",\"id\":\"t\",\"pid\":7}\n"
			 "{\"event\":\"get_cpu_var\",\"name\":\"v\",\"pid\":8}\n");
	expect("SELECT rule, event_no, severity FROM violations ORDER BY event_no",
		"preempt_imbalance 0 error\npreempt_imbalance 3 error\npreempt_imbalance 4 error\n");
}

Test(percpu, the_copy_of_another_cpu_is_remote)
{
	replay(TWO_CPUS, "{\"event\":\"alloc_percpu\",\"id\":1,\"size\":8,\"align\":8}\n"
			 "{\"event\":\"per_cpu_ptr\",\"id\":1,\"target_cpu\":0}\n"
			 "{\"event\":\"per_cpu_ptr\",\"id\":1,\"target_cpu\":1}\n"
			 "{\"event\":\"per_cpu_ptr\",\"id\":1,\"target_cpu\":1,\"cpu\":1}\n");
	expect("SELECT count, lat_max_ns FROM op_stats WHERE op = 'per_cpu_ptr'", "3 90\n");
}

/* Definitions before anything else are the kernel's own; later ones are those of a module, of which 8 KiB is all. */
Test(percpu, static_areas_are_the_kernels_or_a_modules)
{
	replay(TWO_CPUS, "{\"event\":\"define_per_cpu\",\"name\":\"a\",\"size\":100,\"align\":64}\n"
			 "{\"event\":\"define_per_cpu\",\"name\":\"b\",\"size\":8,\"align\":8}\n"
			 "{\"event\":\"kmalloc\",\"id\":1,\"size\":64}\n"
			 "{\"event\":\"define_per_cpu\",\"name\":\"m\",\"size\":8000,\"align\":64}\n"
			 "{\"event\":\"define_per_cpu\",\"name\":\"n\",\"size\":200,\"align\":8}\n");
	expect("SELECT name, value FROM counters WHERE mechanism = 'percpu' AND name IN ('static_used', 'failures') ORDER BY name",
		"failures 1\nstatic_used 112\n");
	expect("SELECT areas, free_bytes FROM percpu_chunks WHERE chunk = 1" LAST, "1 192\n");
	expect("SELECT count, failed FROM op_stats WHERE op = 'define_per_cpu'", "4 1\n");
}

/*
 * 64 MiB from 1 MiB on, zone DMA to 16 MiB: memblock from the top, bootmem from 16 MiB, low bootmem from the
 * bottom. The second small request lies behind the first in its page. Of the freed 5000 bytes one whole page is
 * inside, the page behind it leaks.
 */
Test(percpu, boot_memory_is_managed_by_no_zone)
{
	replay("kmemsim: 1\nmemory: 64 MiB\n",
		"{\"event\":\"marker\",\"text\":\"boot\"}\n"
		"{\"event\":\"memblock_alloc\",\"id\":\"m1\",\"size\":4096,\"align\":4096}\n"
		"{\"event\":\"memblock_alloc\",\"id\":\"m2\",\"size\":100}\n"
		"{\"event\":\"alloc_bootmem\",\"id\":\"b1\",\"size\":100}\n"
		"{\"event\":\"alloc_bootmem\",\"id\":\"b2\",\"size\":100}\n"
		"{\"event\":\"alloc_bootmem_pages\",\"id\":\"b3\",\"size\":5000}\n"
		"{\"event\":\"alloc_bootmem_low\",\"id\":\"l1\",\"size\":64}\n"
		"{\"event\":\"alloc_bootmem_low_pages\",\"id\":\"l2\",\"size\":4096}\n"
		"{\"event\":\"free_bootmem\",\"id\":\"b3\",\"size\":5000}\n"
		"{\"event\":\"free_bootmem\",\"id\":\"m1\",\"size\":4096}\n"
		"{\"event\":\"kmalloc\",\"id\":\"k\",\"size\":100}\n");
	expect("SELECT block, op, start, size_bytes, align_bytes, freed_bytes FROM boot_memory ORDER BY block",
		"0 memblock_alloc 67104768 4096 4096 4096\n"
		"1 memblock_alloc 67104640 100 64 0\n"
		"2 alloc_bootmem 16777216 100 64 0\n"
		"3 alloc_bootmem 16777344 100 64 0\n"
		"4 alloc_bootmem_pages 16781312 5000 4096 4096\n"
		"5 alloc_bootmem_low 1048576 64 64 0\n"
		"6 alloc_bootmem_low_pages 1052672 4096 4096 0\n");
	expect("SELECT zone, managed_pages FROM zone_samples JOIN samples USING (sample_id) WHERE reason = 'end' ORDER BY zone",
		"DMA 3838\nDMA32 12285\n");
	expect("SELECT count(*) FROM violations", "0\n");
}

Test(percpu, boot_memory_after_boot_is_an_error)
{
	replay("kmemsim: 1\nmemory: 64 MiB\n",
		"{\"event\":\"alloc_bootmem\",\"id\":\"early\",\"size\":4096}\n"
		"{\"event\":\"kmalloc\",\"id\":\"k\",\"size\":100}\n"
		"{\"event\":\"memblock_alloc\",\"id\":\"late\",\"size\":100}\n"
		"{\"event\":\"free_bootmem\",\"id\":\"early\",\"size\":4096}\n"
		"{\"event\":\"kfree\",\"id\":\"late\"}\n");
	expect("SELECT rule, severity, event_no FROM violations ORDER BY event_no",
		"bootmem_after_boot error 2\nbootmem_after_boot error 3\n");
	expect("SELECT count(*) FROM boot_memory", "1\n");
	expect("SELECT sum(managed_pages) FROM zone_samples JOIN samples USING (sample_id) WHERE reason = 'end'",
		"16127\n");
	expect("SELECT count, failed, bytes_alloc FROM op_stats WHERE op = 'memblock_alloc'", "1 0 100\n");
}

/* A recorded boot: the kernel's offsets, one chunk below the top of the vmalloc space as in its vmallocinfo. */
Test(percpu, a_boot_capture_has_the_kernels_offsets, .timeout = 300)
{
	const char *shared = run_shared(), *at;
	struct run_result result;

	if (!shared)
		cr_skip_test("no folder of captures: set KMEMSIM_SHARED");
	result = run_shell("$K import %s/captures/A-boot-256m/trace.dat -o a.kmt --quiet && "
			   "$K probe %s/captures/A-boot-256m/snapshots/2-after-workload -o a.yaml --quiet && "
			   "$K verify a.kmt -m a.yaml --quiet --snapshots %s/captures/A-boot-256m/snapshots --json -o r.db",
		shared, shared, shared);
	cr_assert(result.status == 0 || result.status == 1, "%s", result.err);
	at = strstr(result.out, "\"percpu_offsets\"");
	cr_assert_not_null(at);
	cr_expect_geq(run_number(at, "checked"), 454);
	cr_expect_geq(run_number(at, "equal"), 0.95 * run_number(at, "checked"));
	run_free(&result);
	expect("SELECT base_address FROM percpu_chunks WHERE chunk = 2" LAST, "0xffffe8ffffc00000\n");
}

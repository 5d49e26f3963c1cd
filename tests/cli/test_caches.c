/* Slab caches of a machine that are not those of the recording. */
#include <criterion/criterion.h>

#include "tests/cli/run.h"
#include "tests/cli/scenario.h"

TestSuite(caches, .init = run_enter, .fini = run_leave, .timeout = 60);

/* As a kernel that merges shows it: whoever asks, the first of the merged caches is named. Half of the objects stay. */
static void record(void)
{
	static const char *const sites[] = { "jbd2__journal_start+0x8d/0x1f0", "ext4_free_blocks+0x3c1/0xb20",
		"kmalloc_reserve+0x20", "sk_prot_alloc+0x30" };

	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"jbd2_journal_handle\",\"size\":56,\"align\":8}");
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"ext4_free_data\",\"size\":56,\"align\":8}");
	scenario_add("{\"event\":\"kmem_cache_create\",\"cache\":\"ext4_groups\",\"size\":64,\"align\":8}");
	for (int i = 0; i < 8; i++)
		scenario_add(
			"{\"event\":\"kmem_cache_alloc\",\"id\":%d,\"cache\":\"jbd2_journal_handle\",\"gfp\":\"GFP_NOFS\",\"call_site\":\"%s\"}",
			i, sites[i % 4]);
	for (int i = 0; i < 4; i++)
		scenario_add("{\"event\":\"kmem_cache_free\",\"id\":%d,\"cache\":\"jbd2_journal_handle\"}", i);
}

static const char live[] =
	"select cache, live_objs from cache_stats where live_objs > 0 and sample_id = (select max(sample_id) from"
	" samples) order by cache";

Test(caches, a_machine_that_does_not_merge_has_objects_in_the_cache_that_the_function_tells)
{
	record();
	scenario_replay("kmemsim: 1\nname: m\nmemory: 64 MiB\nslab: {merge: false}\n");
	scenario_expect(live, "ext4_free_data 1\njbd2_journal_handle 3\n");
	scenario_expect("select count(*) from violations", "0\n");
}

Test(caches, a_machine_that_merges_has_them_in_one)
{
	record();
	scenario_replay("kmemsim: 1\nname: m\nmemory: 64 MiB\nslab: {merge: true}\n");
	scenario_expect(live, "jbd2_journal_handle 4\n");
	scenario_expect("select count(*) from violations", "0\n");
}

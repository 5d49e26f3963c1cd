/* Starts from saved /proc files: all of them, some of them, damaged ones; from the machine's file and from a sweep. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/cli/run.h"

TestSuite(initial, .init = run_enter, .fini = run_leave, .timeout = 120);

/* A trace that begins in mid-life: what lives was made before the marker. */
static const char story[] =
	"{\"time_ns\":1000,\"event\":\"kmem_cache_create\",\"cache\":\"thing\",\"size\":700}\n"
	"{\"time_ns\":2000,\"event\":\"kmem_cache_alloc\",\"id\":1,\"cache\":\"thing\",\"gfp\":\"GFP_KERNEL\"}\n"
	"{\"time_ns\":3000,\"event\":\"kmalloc\",\"id\":2,\"size\":100,\"gfp\":\"GFP_KERNEL\"}\n"
	"{\"time_ns\":4000,\"event\":\"vmalloc\",\"id\":3,\"size\":12288,\"gfp\":\"GFP_KERNEL\"}\n"
	"{\"time_ns\":5000,\"event\":\"alloc_pages\",\"id\":4,\"order\":2,\"gfp\":\"GFP_KERNEL\"}\n"
	"{\"time_ns\":6000,\"event\":\"marker\",\"text\":\"now\"}\n"
	"{\"time_ns\":7000,\"event\":\"kfree\",\"id\":2}\n"
	"{\"time_ns\":8000,\"event\":\"vfree\",\"id\":3}\n"
	"{\"time_ns\":9000,\"event\":\"free_pages\",\"id\":4,\"order\":2}\n";

static void sh(int status, const char *said, const char *command)
{
	struct run_result result = run_shell("%s", command);

	cr_assert_eq(result.status, status, "%s: %d, %s", command, result.status, result.err);
	cr_expect(!said || strstr(result.err, said) || strstr(result.out, said), "%s: no \"%s\" in: %s%s", command,
		said, result.out, result.err);
	run_free(&result);
}

/* The story's machine saves its own /proc files at the end: proc/. */
static void save_state(void)
{
	run_write("t.jsonl", story);
	sh(0, NULL, "$K import t.jsonl -o t.kmt --quiet && $K replay t.kmt --limit 5 -o s.db --quiet && mkdir proc &&"
		    " for f in buddyinfo pagetypeinfo slabinfo vmallocinfo; do $K proc s.db --file $f > proc/$f || exit 1; done");
}

static void expect_number(const char *sql, const char *answer)
{
	struct run_result result = run_shell("sqlite3 -csv r.db \"%s\"", sql);

	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_expect_str_eq(result.out, answer, "%s: %s", sql, result.out);
	run_free(&result);
}

Test(initial, none_is_from_boot_whatever_another_file_says)
{
	run_write("t.jsonl", story);
	run_write("m.yaml", "kmemsim: 1\ninitial: nowhere\n");
	run_write("n.yaml", "kmemsim: 1\ninitial: none\n");
	run_write("s.yaml", "name: s\nmachine: m.yaml\ntrace: t.kmt\ninitial: none\nvary: {grid: {cpus: [1]}}\n");
	run_write("v.yaml", "name: s\nmachine: m.yaml\ntrace: t.kmt\nvary: {grid: {initial: [none]}}\n");
	sh(0, NULL, "$K import t.jsonl -o t.kmt -q");
	sh(3, "nowhere: No such file", "$K replay t.kmt -m m.yaml -q");
	sh(0, NULL, "$K replay t.kmt -m m.yaml -q --set initial=none && $K replay t.kmt -m m.yaml -q --initial none");
	sh(0, NULL, "$K replay t.kmt -m n.yaml -q && $K sweep s.yaml -o s.db -q && $K sweep v.yaml -o v.db -q");
	sh(0, "done|2",
		"{ sqlite3 s.db 'select status from runs'; sqlite3 v.db 'select status from runs'; } | sort | uniq -c | "
		"awk '{print $2 \"|\" $1}'");
}

/* Without zoneinfo, too: then the zones are the machine's. */
Test(initial, the_files_of_proc_bring_their_numbers_back)
{
	save_state();
	sh(0, "not saved, so laid out by seed 1",
		"$K replay t.kmt --initial proc --from marker:now --limit 1 --check=1 -o r.db 2>&1");
	sh(0, NULL,
		"for f in buddyinfo pagetypeinfo slabinfo vmallocinfo; do $K proc r.db --file $f > new && cmp proc/$f new || exit 1; done");
	expect_number("select value > 0 from counters where mechanism = 'initial' and name = 'drawn_free_blocks'",
		"1\n");
	expect_number("select value from counters where mechanism = 'initial' and name = 'older_found'", "4\n");
}

/*
 * Where zoneinfo tells neither what zones keep from higher ones
 * nor lists of CPUs, these are as the machine computes them.
 */
Test(initial, a_zoneinfo_without_reserves_and_lists_has_those_of_the_machine)
{
	run_write("m.yaml", "kmemsim: 1\ncpus: 2\nmemory: 512 MiB\n");
	save_state();
	sh(0, NULL,
		"$K replay t.kmt -m m.yaml --limit 5 -o s.db --quiet && for f in buddyinfo zoneinfo pagetypeinfo slabinfo vmallocinfo; do"
		" $K proc s.db --file $f > proc/$f || exit 1; done");
	run_ok("sed -i '/protection:/d; /pagesets/,/node_unreclaimable/d' proc/zoneinfo");
	sh(0, "zoneinfo does not tell the lists of CPUs (pagesets): their limits are the machine's",
		"$K replay t.kmt -m m.yaml --initial proc --from marker:now --limit 1 --check=1 -o r.db 2>&1");
	sh(0, NULL,
		"for f in buddyinfo pagetypeinfo slabinfo; do $K proc r.db --file $f > new && cmp proc/$f new || exit 1; done;"
		" $K proc r.db --file zoneinfo > new; grep -q '^        protection: (0, 4[0-9]*, 4[0-9]*, 4[0-9]*, 4[0-9]*)$' new &&"
		" sed '/protection:/d; /pagesets/,/node_unreclaimable/d' new | cmp proc/zoneinfo");
}

/* Zones without pages are there, too. */
Test(initial, zoneinfo_brings_reserves_and_lists_back)
{
	run_write("m.yaml", "kmemsim: 1\ncpus: 2\nmemory: 512 MiB\n");
	save_state();
	sh(0, NULL,
		"$K replay t.kmt -m m.yaml --limit 5 -o s.db --quiet && for f in buddyinfo zoneinfo pagetypeinfo slabinfo vmallocinfo; do"
		" $K proc s.db --file $f > proc/$f || exit 1; done");
	run_ok("test $(grep -c '^Node 0' proc/zoneinfo) -eq 5 -a $(grep -c '^    cpu: [01]$' proc/zoneinfo) -eq 4");
	run_ok("awk '$1 == \"count:\" { n += $2 } END { print n }' proc/zoneinfo > lists; test $(cat lists) -gt 0");
	sh(0, NULL,
		"$K replay t.kmt -m m.yaml --initial proc --from marker:now --limit 1 --check=1 -o r.db 2> notes; ! grep -E 'protection|pagesets' notes");
	sh(0, NULL, "$K proc r.db --file zoneinfo | cmp proc/zoneinfo");
	expect_number(
		"select sum(pages) = cast(readfile('lists') as integer) from pcp_lists where sample_id = (select max(sample_id) from samples)",
		"1\n");
}

Test(initial, what_is_older_is_found_and_its_frees_give_back)
{
	save_state();
	sh(0, NULL, "$K replay t.kmt --initial proc --from marker:now --check=1 -o r.db --quiet 2>&1");
	expect_number("select sum(failed), (select count(*) from violations) from op_stats", "0,0\n");
	/* The vmalloc area had three pages, the block four. */
	expect_number(
		"select (select sum(free_pages + pcp_pages) from zone_samples where sample_id = (select max(sample_id) from samples))"
		" - (select sum(free_pages + pcp_pages) from zone_samples where sample_id = (select min(sample_id) from samples))",
		"7\n");
}

/*
 * Pools that stand at the beginning, elements of them, a device that is mapped, a page that is: no file tells of
 * them. What the state has in use is the other objects', not the memory that the pools are given; that they have it
 * is checked after every event.
 */
Test(initial, what_no_file_tells_is_made_anew_beside_what_is_found)
{
	run_write("p.jsonl",
		"{\"event\":\"mempool_create\",\"pool\":\"a\",\"min_nr\":40,\"kind\":\"kmalloc\",\"size\":512}\n"
		"{\"event\":\"mempool_create\",\"pool\":\"b\",\"min_nr\":40,\"kind\":\"page\",\"order\":1}\n"
		"{\"event\":\"kmem_cache_create\",\"cache\":\"thing\",\"size\":700}\n"
		"{\"event\":\"mempool_create\",\"pool\":\"c\",\"min_nr\":4,\"kind\":\"slab\",\"cache\":\"thing\"}\n"
		"{\"event\":\"dma_pool_create\",\"pool\":\"d\",\"size\":64,\"align\":64}\n");
	run_write("q.jsonl", "{\"event\":\"mempool_alloc\",\"id\":\"ea\",\"pool\":\"a\",\"gfp\":\"GFP_KERNEL\"}\n"
			     "{\"event\":\"mempool_alloc\",\"id\":\"eb\",\"pool\":\"b\",\"gfp\":\"GFP_KERNEL\"}\n"
			     "{\"event\":\"mempool_alloc\",\"id\":\"ec\",\"pool\":\"c\",\"gfp\":\"GFP_KERNEL\"}\n"
			     "{\"event\":\"dma_pool_alloc\",\"id\":\"ed\",\"pool\":\"d\",\"gfp\":\"GFP_KERNEL\"}\n"
			     "{\"event\":\"dma_alloc_coherent\",\"id\":\"dma\",\"size\":8192,\"gfp\":\"GFP_KERNEL\"}\n"
			     "{\"event\":\"ioremap\",\"id\":\"io\",\"phys\":3758096384,\"size\":4096}\n"
			     "{\"event\":\"kmap\",\"id\":\"map\",\"page\":\"p1\"}\n"
			     "{\"event\":\"marker\",\"text\":\"now\"}\n"
			     "{\"event\":\"readl\",\"id\":\"io\",\"offset\":16}\n"
			     "{\"event\":\"iounmap\",\"id\":\"io\"}\n{\"event\":\"kunmap\",\"id\":\"map\"}\n");
	run_write("r.jsonl",
		"{\"event\":\"mempool_free\",\"id\":\"ea\",\"pool\":\"a\"}\n{\"event\":\"mempool_free\",\"id\":\"eb\",\"pool\":\"b\"}\n"
		"{\"event\":\"mempool_free\",\"id\":\"ec\",\"pool\":\"c\"}\n{\"event\":\"dma_pool_free\",\"id\":\"ed\",\"pool\":\"d\"}\n"
		"{\"event\":\"dma_free_coherent\",\"id\":\"dma\"}\n{\"event\":\"mempool_destroy\",\"pool\":\"a\"}\n"
		"{\"event\":\"mempool_destroy\",\"pool\":\"b\"}\n{\"event\":\"mempool_destroy\",\"pool\":\"c\"}\n"
		"{\"event\":\"dma_pool_destroy\",\"pool\":\"d\"}\n{\"event\":\"kmem_cache_destroy\",\"cache\":\"thing\"}\n");
	sh(0, NULL,
		"for i in $(seq 100); do printf '{\"event\":\"kmalloc\",\"id\":\"k%d\",\"size\":500}\n' $i >> k; printf"
		" '{\"event\":\"alloc_pages\",\"id\":\"p%d\",\"order\":1}\n' $i >> k; printf"
		" '{\"event\":\"kfree\",\"id\":\"k%d\"}\n{\"event\":\"free_pages\",\"id\":\"p%d\",\"order\":1}\n' $i $i >> f; done;"
		" cat p.jsonl k q.jsonl f r.jsonl > t.jsonl; $K import t.jsonl -o t.kmt --quiet &&"
		" $K replay t.kmt --to $(awk '/now/ { print NR \"us\"; exit }' t.jsonl) -o s.db --quiet && mkdir proc &&"
		" for f in buddyinfo pagetypeinfo slabinfo vmallocinfo; do $K proc s.db --file $f > proc/$f || exit 1; done");
	for (int seed = 1; seed <= 3; seed++) {
		struct run_result result = run_shell(
			"$K replay t.kmt --initial proc --from marker:now --check=1 --seed %d -o r.db --quiet", seed);

		cr_assert_eq(result.status, 0, "%s", result.err);
		run_free(&result);
	}
	expect_number(
		"select (select sum(failed) from op_stats), (select group_concat(rule) from violations where rule <> 'iomem_unclaimed')",
		"0,\n");
	expect_number(
		"select op, count from op_stats where op in ('readl', 'iounmap', 'kunmap', 'mempool_free', 'dma_pool_free') and run_id = 1 order by op",
		"dma_pool_free,1\niounmap,1\nkunmap,1\nmempool_free,3\nreadl,1\n");
}

/* Three pages of a block of four; and addresses without pages of their own. */
Test(initial, exact_pages_and_vm_map_ram_are_there_too)
{
	run_write("t.jsonl",
		"{\"event\":\"alloc_pages_exact\",\"id\":1,\"size\":12288}\n{\"event\":\"alloc_pages_exact\",\"id\":2,\"size\":20480}\n"
		"{\"event\":\"vm_map_ram\",\"id\":3,\"size\":8192}\n{\"event\":\"marker\",\"text\":\"now\"}\n"
		"{\"event\":\"free_pages\",\"id\":1}\n{\"event\":\"free_pages\",\"id\":2}\n{\"event\":\"vm_unmap_ram\",\"id\":3}\n");
	sh(0, NULL, "$K import t.jsonl -o t.kmt --quiet && $K replay t.kmt --limit 3 -o s.db --quiet && mkdir proc &&"
		    " for f in buddyinfo pagetypeinfo slabinfo vmallocinfo; do $K proc s.db --file $f > proc/$f || exit 1; done;"
		    " $K replay t.kmt --initial proc --from marker:now --check=1 -o r.db --quiet 2>&1");
	expect_number("select value from counters where name = 'older_found'", "2\n");
	expect_number("select count(*), sum(failed), (select count(*) from violations) from op_stats", "2,0,0\n");
	expect_number(
		"select (select sum(free_pages + pcp_pages) from zone_samples where sample_id = (select max(sample_id) from samples))"
		" - (select sum(free_pages + pcp_pages) from zone_samples where sample_id = (select min(sample_id) from samples))",
		"8\n");
}

/*
 * The state has a hundred objects that the trace begins without. What is wasted is what the caches have free,
 * and what kmalloc rounds up.
 */
Test(initial, objects_of_the_state_that_the_trace_does_not_know_are_no_waste)
{
	save_state();
	sh(0, NULL,
		"for i in $(seq 100); do printf '{\"event\":\"kmem_cache_alloc\",\"id\":\"a%d\",\"cache\":\"thing\"}\n' $i; done > more;"
		" (head -5 t.jsonl; cat more) > u.jsonl; $K import u.jsonl -o u.kmt --quiet && $K replay u.kmt -o u.db --quiet &&"
		" for f in buddyinfo pagetypeinfo slabinfo vmallocinfo; do $K proc u.db --file $f > proc/$f || exit 1; done;"
		" $K replay t.kmt --initial proc --from marker:now -o r.db --quiet 2>&1");
	expect_number("select live_objs > 90 from v_caches where cache = 'thing'", "1\n");
	expect_number(
		"select slab_waste_bytes - kmalloc_waste_bytes - (select sum(waste_bytes) from v_caches) from samples"
		" order by sample_id desc limit 1",
		"0\n");
}

Test(initial, the_same_seed_gives_the_same_run)
{
	save_state();
	sh(0, NULL,
		"for run in 1 2; do $K replay t.kmt --initial proc --from marker:now --seed 7 --json --quiet -o r.db |"
		" sed 's/.*fingerprint//' > f$run || exit 1; done; cmp f1 f2");
	expect_number("select count(distinct fingerprint), count(*) from runs where seed = 7", "1,2\n");
}

Test(initial, json_has_every_counter_of_the_start)
{
	save_state();
	sh(0, NULL, "$K replay t.kmt --initial proc --from marker:now --json -o r.db 2>&1 > json; sqlite3 r.db"
		    " \"select '\\\"' || name || '\\\": ' || value from counters where mechanism = 'initial'\" > counters;"
		    " test $(wc -l < counters) -gt 12 && while read figure; do grep -F \"$figure\" json || { echo no $figure >&2; exit 1; };"
		    " done < counters");
}

/* Slabs that nobody told are among the pages in use. */
Test(initial, a_state_without_slabs_keeps_its_free_pages)
{
	save_state();
	sh(0, NULL,
		"rm proc/slabinfo proc/vmallocinfo; $K replay t.kmt --initial proc --from marker:now --limit 1 --check=1 -o r.db --quiet 2>&1");
	sh(0, NULL,
		"awk '{ for (o = 0; o < NF - 4; o++) n += $(o + 5) * 2 ^ o } END { print n }' proc/buddyinfo > was");
	sh(0, NULL,
		"sqlite3 r.db \"select sum(free_pages + pcp_pages) from zone_samples where sample_id = (select min(sample_id) from samples)\""
		" | cmp - was");
}

/* The kernel's own caches and those of kmalloc are the oldest, which slabinfo shows last. */
Test(initial, a_slabinfo_that_was_cut_is_said)
{
	static const char cache[] = "thing 16 16 256 16 1 : tunables 0 0 0 : slabdata 1 1 0";

	save_state();
	run_ok("cp -r proc cut; { sed 2q proc/slabinfo; echo '%s'; } > cut/slabinfo; { cat cut/slabinfo; echo '%s' | sed s/thing/kmem_cache/; }"
	       " > proc/slabinfo",
		cache, cache);
	sh(0, "slabinfo ends with thing, so it was cut",
		"$K replay t.kmt --initial cut --from marker:now --limit 1 2>&1");
	sh(0, NULL, "$K replay t.kmt --initial proc --from marker:now --limit 1 > notes 2>&1; ! grep cut notes");
}

Test(initial, each_damaged_or_missing_file_is_one_clear_message)
{
	save_state();
	sh(3, "nowhere: No such file or directory", "$K replay t.kmt --initial nowhere");
	sh(2, "expected a folder with memory/zones.csv, zoneinfo, pagetypeinfo or buddyinfo",
		"mkdir bare; $K replay t.kmt --initial bare");
	sh(2, "bare/zoneinfo: expected zones", "echo nonsense > bare/zoneinfo; $K replay t.kmt --initial bare");
	sh(2, "bad/pagetypeinfo: expected free blocks",
		"cp -r proc bad; echo nonsense > bad/pagetypeinfo; $K replay t.kmt --initial bad");
	sh(2, "bad/buddyinfo: expected free blocks",
		"rm bad/pagetypeinfo; echo nonsense > bad/buddyinfo; $K replay t.kmt --initial bad");
	sh(2, "bad2/vmallocinfo:1: expected an area",
		"cp -r proc bad2; echo nonsense > bad2/vmallocinfo; $K replay t.kmt --initial bad2");
	sh(2, "bad3/slabinfo:1: expected a cache",
		"cp -r proc bad3; echo nonsense > bad3/slabinfo; $K replay t.kmt --initial bad3");
	sh(0, "zoneinfo is missing: zones are those of buddyinfo",
		"mkdir few; cp proc/buddyinfo few; $K replay t.kmt --initial few --from marker:now 2>&1");
}

/* What is taken as empty for want of a file is said, too. */
Test(initial, areas_and_percpu_memory_that_no_file_tells_are_said)
{
	save_state();
	sh(0, "vmallocinfo is missing: no area is there",
		"mkdir few; cp proc/buddyinfo few; $K replay t.kmt --initial few");
	sh(0, "meminfo does not tell Percpu", "$K replay t.kmt --initial few");
	sh(0, "vmallocinfo ends amid a line, so it was cut",
		"cp -r proc cut; printf '0xffffc90000100000-0xffffc90000102000 8192' > cut/vmallocinfo;"
		" $K replay t.kmt --initial cut");
	sh(0, NULL,
		"echo 'Percpu: 64 kB' > proc/meminfo; $K replay t.kmt --initial proc 2> said;"
		" ! grep -E 'Percpu|vmallocinfo' said");
}

/* As another user than root saves them: the shell makes an empty file of what it may not read. */
Test(initial, files_that_are_empty_or_may_not_be_read_are_missing_ones)
{
	save_state();
	sh(0, NULL,
		"cp -r proc few; rm few/pagetypeinfo few/slabinfo few/vmallocinfo; cp -r few empty; cp -r proc mine;"
		" touch empty/pagetypeinfo empty/slabinfo empty/vmallocinfo empty/vmstat empty/meminfo empty/zoneinfo;"
		" chmod 0 mine/pagetypeinfo mine/slabinfo mine/vmallocinfo");
	sh(0, "empty/slabinfo is empty", "$K replay t.kmt --initial empty --from marker:now --check=1 -o r.db 2>&1");
	sh(0, NULL, "$K replay t.kmt --initial few --from marker:now --check=1 -o r.db --quiet 2>&1");
	expect_number("select count(*), count(distinct fingerprint) from runs", "2,1\n");
	/* Root may read all. */
	sh(0, NULL,
		"cat mine/slabinfo > /dev/null 2>&1 || { $K replay t.kmt --initial mine --from marker:now -o r.db 2>&1 |"
		" grep 'mine/slabinfo may not be read'; }; chmod 644 mine/*");
	expect_number("select count(distinct fingerprint) from runs", "1\n");
}

Test(initial, lines_may_end_as_on_other_systems)
{
	save_state();
	sh(0, NULL,
		"echo nr_free_pages 5 > proc/vmstat; $K proc s.db --file zoneinfo | sed 's/^ *start_pfn/    cpu: 0\\n high: 42\\n batch: 7\\n&/'"
		" > proc/zoneinfo; cp -r proc crlf; sed -i 's/$/\\r/' crlf/*; for state in proc crlf; do"
		" $K replay t.kmt --initial $state --from marker:now --check=1 -o r.db --quiet 2>&1 || exit 1;"
		" $K probe $state -o $state.yaml 2> $state.notes || exit 1; sed -i 's/proc/crlf/' $state.yaml; done;"
		" cmp proc.yaml crlf.yaml && cmp proc.notes crlf.notes");
	expect_number("select count(*), count(distinct fingerprint) from runs", "2,1\n");
}

/* Such files are not of one machine. */
Test(initial, more_slabs_than_memory_are_told_and_take_nobodys_pages)
{
	save_state();
	sh(0, NULL,
		"echo 'nr_inactive_file 20000' > proc/vmstat; sed -i 's/^kmalloc-64 .*/kmalloc-64 64000000 64000000 64 64 1 : tunables 0 0 0 :"
		" slabdata 1000000 1000000 0/' proc/slabinfo");
	sh(0, "no room    for", "$K replay t.kmt --initial proc --from marker:now --limit 1 --check=1 -o r.db");
	expect_number("select coalesce(sum(pages), 0) from reclaim_events", "0\n");
}

/*
 * Of 100 anonymous pages that the state counts the trace frees 50 before it begins: these are given back. They were
 * recorded behind all that live, in the page frame @first and those above; this machine ends with frame 16383.
 */
static void give_back_ended(uint32_t first)
{
	static char text[32768];
	size_t len = 0;

	for (uint32_t i = 0; i < 100; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
			"{\"event\":\"alloc_pages\",\"id\":%u,\"order\":0,"
			"\"gfp\":\"GFP_HIGHUSER_MOVABLE|__GFP_ZERO\",\"pfn\":%u}\n",
			i, i < 50 ? 1000 + i : first + i - 50);
	for (uint32_t i = 50; i < 100; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
			"{\"event\":\"free_pages\",\"id\":%u,\"order\":0}\n", i);
	cr_assert_lt(len, sizeof(text) - 100);
	snprintf(text + len, sizeof(text) - len, "{\"event\":\"marker\",\"text\":\"now\"}\n");
	run_write("t.jsonl", text);
	run_write("m.yaml", "kmemsim: 1\nmemory: 64 MiB\ncpus: 1\n");
	sh(0, NULL,
		"rm -rf proc *.db; $K import t.jsonl -o t.kmt --quiet && $K replay t.kmt -m m.yaml --limit 100 -o s.db --quiet &&"
		" mkdir proc && echo nr_anon_pages 100 > proc/vmstat && $K proc s.db --file pagetypeinfo > proc/pagetypeinfo &&"
		" $K proc s.db --file zoneinfo | sed 's/^ *start_pfn/    cpu: 0\\n high: 42\\n batch: 7\\n&/' > proc/zoneinfo");
	sh(0, NULL, "$K replay t.kmt -m m.yaml --initial proc --from marker:now --check=1 -o r.db --quiet 2>&1");
	expect_number("select value from counters where name = 'pages_gone'", "50\n");
}

Test(initial, pages_of_ended_processes_are_given_back_wherever_they_were_recorded)
{
	give_back_ended(2000);     /* in this machine's memory */
	give_back_ended(16384);    /* just behind it */
	give_back_ended(50000000); /* far behind it */
}

#define THINGS_IN_SLAB 11u /* so no slab of the state is one of which it is not known what is free */

/*
 * A process saves the state, then reads @dirs directories of /sys/kernel/slab: two of six files count objects. A
 * "thing" is left for each file and directory, but not of the first and the last file. proc/ is the state at event
 * @saved.
 */
static void save_and_read(uint32_t dirs, uint32_t saved)
{
	static char text[65536];
	size_t len = 0;
	uint32_t id = THINGS_IN_SLAB + 1;

	len += (size_t)snprintf(text, sizeof(text),
		"{\"time_ns\":1,\"event\":\"kmem_cache_create\",\"cache\":\"thing\",\"size\":700}\n");
	for (uint32_t i = 0; i < THINGS_IN_SLAB; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
			"{\"time_ns\":2,\"pid\":9,\"event\":\"kmem_cache_alloc\",\"id\":%u,"
			"\"cache\":\"thing\",\"gfp\":\"GFP_KERNEL\"}\n",
			i + 1);
	len += (size_t)snprintf(text + len, sizeof(text) - len,
		"{\"time_ns\":3,\"event\":\"marker\",\"text\":\"saved\"}\n");
	for (uint32_t read = 0; read < 2 * dirs; read++) {
		len += (size_t)snprintf(text + len, sizeof(text) - len,
			"{\"time_ns\":%u,\"pid\":9,\"event\":\"kmalloc\",\"id\":%u,\"size\":8,"
			"\"gfp\":\"GFP_KERNEL\",\"call_site\":\"show_slab_objects+0x30\"}\n{\"time_ns\":%u,\"pid\":9,\"event\":\"kfree\",\"id\":%u}\n",
			1000 * id, id, 1000 * id + 1, id);
		id++;
		for (uint32_t i = 0; i < (read & 1 ? 3u : 4u) && read + 1 < 2 * dirs; i++, id++)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
				"{\"time_ns\":%u,\"pid\":9,\"event\":\"kmem_cache_alloc\",\"id\":%u,"
				"\"cache\":\"thing\",\"gfp\":\"GFP_KERNEL\"}\n",
				1000 * id, id);
	}
	cr_assert_lt(len, sizeof(text) - 100);
	snprintf(text + len, sizeof(text) - len, "{\"time_ns\":20000000000,\"event\":\"marker\",\"text\":\"now\"}\n");
	run_write("t.jsonl", text);
	snprintf(text, sizeof(text),
		"rm -rf proc; $K import t.jsonl -o t.kmt --quiet && $K replay t.kmt --limit %u -o s.db --quiet && mkdir proc &&"
		" for f in buddyinfo pagetypeinfo slabinfo; do $K proc s.db --file $f > proc/$f || exit 1; done; rm s.db",
		saved);
	sh(0, NULL, text);
}

/* What the other machine's saver read: @dirs directories of caches, @links other names of caches. */
static void table_of(uint32_t dirs, uint32_t links)
{
	char command[512];

	snprintf(command, sizeof(command),
		"awk 'BEGIN { OFS = \"\\t\"; print \"cache\", \"link\", \"object_size\", \"slab_size\", \"objs_per_slab\","
		" \"order\", \"objects\", \"slabs\"; for (i = 0; i < %u; i++) print \"c\" i, \"-\", 64, 64, 64, 0, 0, 0;"
		" for (i = 0; i < %u; i++) print \"l\" i, \"c0\", \"\", \"\", \"\", \"\", \"\", \"\" }' > proc/slab_sysfs.tsv",
		dirs, links);
	sh(0, NULL, command);
}

static void expect_counters(const char *counters)
{
	expect_number(
		"select (select value from counters where name = 'saver_more'), (select value from counters where name = 'saver_less'),"
		" (select live_objs from cache_stats where cache = 'thing' order by sample_id desc limit 1)",
		counters);
}

/* The run's counters, and how many things there are at its end, whether it begins after the reading or before. */
static void expect_left(const char *counters)
{
	sh(0, NULL, "rm -f r.db; $K replay t.kmt --initial proc --from marker:now --check=1 -o r.db --quiet 2>&1");
	expect_counters(counters);
	sh(0, NULL, "rm -f r.db; $K replay t.kmt --initial proc --from marker:saved --check=1 -o r.db --quiet 2>&1");
	expect_counters(counters);
}

Test(initial, what_its_saver_read_after_it_is_there_in_the_other_machines_number)
{
	save_and_read(2, 1 + THINGS_IN_SLAB);
	/* 11 things between the first and the last file of 14: each left one. */
	table_of(2, 0);
	expect_left("0,0,22\n");
	table_of(5, 0);
	expect_left("21,0,43\n");
	table_of(5, 4);
	expect_left("25,0,47\n");
	table_of(1, 0);
	expect_left("0,7,15\n");
	/* A table that was not read so, or of which there is no sign. */
	table_of(5, 0);
	sh(0, NULL, "sed -i '1s/$/\\tpartial/; 2,$s/$/\\t0/' proc/slab_sysfs.tsv");
	expect_left("0,0,22\n");
	sh(0, NULL, "rm proc/slab_sysfs.tsv");
	expect_left("0,0,22\n");
}

/* The state has what was left: it was saved after the reading. */
Test(initial, a_state_saved_after_its_reading_has_it)
{
	save_and_read(5, 1000);
	sh(0, NULL, "mv proc five");
	save_and_read(2, 1000);
	sh(0, NULL, "rm -r proc; mv five proc");
	table_of(5, 0);
	sh(0, NULL, "$K replay t.kmt --initial proc --from marker:now --check=1 -o r.db --quiet 2>&1");
	expect_number("select count(*), sum(value) from counters where name in ('saver_more', 'saver_less')", "2,0\n");
}

/* A saved state is one that all CPUs of its machine have worked in. */
Test(initial, tasks_use_all_cpus_of_a_saved_machine_and_as_many_as_recorded_of_one_that_boots)
{
	save_state();
	sh(0, NULL,
		"for map in '' '--cpu-map fold'; do $K replay t.kmt --initial proc --set cpus=4 --from marker:now $map -o r.db --quiet 2>&1 || exit 1; done;"
		" $K replay t.kmt --set cpus=4 -o r.db --quiet");
	expect_number("select group_concat(cpu_map) from runs", "\"spread,fold,fold\"\n");
}

/* Relative to the machine's file, the sweep's file, or, of a setting, to where the command runs. */
Test(initial, machines_and_sweeps_name_it_relative_to_their_files)
{
	save_state();
	run_write("s.yaml", "kmemsim: 1\nname: s\ntrace: t.kmt\nmachine: m/m.yaml\nfrom: marker:now\n"
			    "vary: {grid: {slab.max_order: [0, 3]}}\n");
	run_write("v.yaml",
		"kmemsim: 1\nname: v\ntrace: t.kmt\nmachine: {}\nfrom: marker:now\nvary: {grid: {initial: [proc]}}\n");
	sh(0, NULL, "mkdir m; cp -r proc m/state; printf 'kmemsim: 1\\ninitial: state\\n' > m/m.yaml;"
		    " $K replay t.kmt -m m/m.yaml --from marker:now --quiet 2>&1");
	sh(0, NULL, "$K replay t.kmt -m m/m.yaml --set initial=proc --from marker:now --quiet 2>&1");
	sh(0, NULL, "$K sweep s.yaml -o r.db --quiet 2>&1 && $K sweep v.yaml -o r.db --quiet 2>&1");
	expect_number("select count(*), count(distinct status) from runs", "3,1\n");
	expect_number(
		"select count(distinct run_id) from counters where mechanism = 'initial' and name = 'drawn_slabs' and value > 0",
		"3\n");
	/* What is wrong for all points is told once. */
	sh(2, "state: expected a folder",
		"rm m/state/*; $K sweep s.yaml -o r.db 2> err; s=$?; cat err; test $(wc -l < err) = 1 && exit $s");
}

/*
 * A machine of 64 MiB whose memory is page cache, saved as /proc files: full/,
 * and m.yaml. What comes next, n.kmt, wants more than is free and less than all.
 */
static void save_full_machine(void)
{
	run_write("m.yaml", "kmemsim: 1\nmemory: 64 MiB\ncpus: 1\n");
	sh(0, NULL,
		"awk 'BEGIN { for (i = 0; i < 12500; i++) printf(\"{\\\"time_ns\\\":%d,\\\"event\\\":\\\"alloc_pages\\\",\\\"id\\\":%d,"
		"\\\"order\\\":0,\\\"gfp\\\":\\\"GFP_HIGHUSER_MOVABLE|__GFP_NORETRY\\\"}\\n\", 200000 * i, i) }' > f.jsonl &&"
		" sed -n 1,8000p f.jsonl | sed 's/GFP_HIGHUSER_MOVABLE|__GFP_NORETRY/GFP_KERNEL/' > n.jsonl &&"
		" for t in f n; do $K import $t.jsonl -o $t.kmt --quiet || exit 1; done;"
		" $K replay f.kmt -m m.yaml -o s.db --quiet && mkdir full &&"
		" for f in buddyinfo pagetypeinfo slabinfo; do $K proc s.db --file $f > full/$f || exit 1; done");
}

/* Without a word of LRU lists nothing of the state can be taken: this is what the test is to tell apart. */
Test(initial, page_cache_of_the_state_goes_before_a_request_fails)
{
	save_full_machine();
	sh(0, "nothing of this state can be reclaimed",
		"$K replay n.kmt -m m.yaml --initial full --check=1000 -o r.db 2>&1");
	expect_number(
		"select sum(failed) > 1000, (select value from counters where name = 'pages_reclaimed') from op_stats",
		"1,0\n");
	sh(0, "12000 pages on LRU lists",
		"rm r.db; printf 'Active(file): 16000 kB\\nInactive(file): 32000 kB\\n' > full/meminfo;"
		" $K replay n.kmt -m m.yaml --set reclaim.refault=0 --initial full --check=1000 -o r.db 2>&1");
	expect_number(
		"select sum(failed), (select value > 4000 from counters where name = 'pages_reclaimed') from op_stats",
		"0,1\n");
	expect_number(
		"select sum(value) = 12000 - (select value from counters where name = 'pages_reclaimed') from counters"
		" where name in ('nr_inactive_file', 'nr_active_file')",
		"1\n");
}

/*
 * What the trace knows of no event tells to be active; the state does. Of its 12500 pages
 * of files so many are active that the others fit on the inactive list that the state has.
 */
Test(initial, pages_that_the_trace_knows_are_active_where_the_state_says_so)
{
	const unsigned int inactive[] = { 3000, 12500, 9000 };
	char answer[32];

	run_write("m.yaml", "kmemsim: 1\nmemory: 128 MiB\ncpus: 1\nzones: {dma: none}\n");
	sh(0, NULL,
		"awk 'BEGIN { for (i = 0; i < 12500; i++) printf(\"{\\\"time_ns\\\":%d,\\\"event\\\":\\\"alloc_pages\\\",\\\"id\\\":%d,"
		"\\\"order\\\":0,\\\"gfp\\\":\\\"GFP_HIGHUSER_MOVABLE|__GFP_NORETRY\\\"}\\n\", 20000 * i, i);"
		" print \"{\\\"time_ns\\\":300000000,\\\"event\\\":\\\"marker\\\",\\\"text\\\":\\\"now\\\"}\" }' > f.jsonl &&"
		" $K import f.jsonl -o f.kmt --quiet && $K replay f.kmt -m m.yaml -o s.db --quiet && mkdir state &&"
		" for f in buddyinfo pagetypeinfo slabinfo; do $K proc s.db --file $f > state/$f || exit 1; done");
	for (size_t i = 0; i < sizeof(inactive) / sizeof(inactive[0]); i++) {
		run_ok("$K proc s.db --file zoneinfo | sed 's/^ *start_pfn/      nr_zone_inactive_file %u\\n      nr_zone_active_file %u\\n    cpu: 0\\n"
		       " high: 42\\n batch: 7\\n&/' > state/zoneinfo",
			inactive[i], 12500 - inactive[i]);
		sh(0, NULL,
			"rm -f r.db; $K replay f.kmt -m m.yaml --initial state --from marker:now --check=1 -o r.db --quiet 2>&1");
		snprintf(answer, sizeof(answer), "%u\n%u\n", inactive[i], 12500 - inactive[i]);
		expect_number(
			"select value from counters where name in ('nr_inactive_file', 'nr_active_file') order by name = 'nr_active_file'",
			answer);
	}
}

/*
 * Of 12500 pages that @comm has had from before, those that
 * reclaim has looked at for each one that it took, in hundredths.
 */
static void expect_looks(const char *comm, const char *between)
{
	sh(0, NULL, "rm -rf state s.db r.db f.kmt");
	run_ok("awk 'BEGIN { for (i = 0; i < 12500; i++) printf(\"{\\\"time_ns\\\":%%d,\\\"event\\\":\\\"alloc_pages\\\",\\\"pid\\\":9,"
	       "\\\"comm\\\":\\\"%s\\\",\\\"id\\\":%%d,\\\"gfp\\\":\\\"GFP_HIGHUSER_MOVABLE\\\"}\\n\", 20000 * i, i);"
	       " print \"{\\\"time_ns\\\":300000000,\\\"event\\\":\\\"marker\\\",\\\"text\\\":\\\"now\\\"}\";"
	       " for (i = 0; i < 6000; i++) printf(\"{\\\"time_ns\\\":%%d,\\\"event\\\":\\\"alloc_pages\\\",\\\"pid\\\":8,"
	       "\\\"id\\\":%%d,\\\"gfp\\\":\\\"GFP_KERNEL\\\"}\\n\", 300001000 + 20000 * i, 12500 + i) }' > f.jsonl",
		comm);
	sh(0, NULL,
		"$K import f.jsonl -o f.kmt --quiet && $K replay f.kmt -m m.yaml --limit 12500 -o s.db --quiet && mkdir state &&"
		" for f in buddyinfo pagetypeinfo slabinfo; do $K proc s.db --file $f > state/$f || exit 1; done;"
		" $K replay f.kmt -m m.yaml --initial state --from marker:now --check=1000 -o r.db --quiet 2>&1");
	expect_number("select (select value from counters where name = 'pgsteal_anon') > 1000", "1\n");
	run_write("sql", between);
	expect_number("select (select value from counters where name = 'pgscan_anon') * 100 /"
		      " (select value from counters where name = 'pgsteal_anon') between $(cat sql)", "1\n");
}

/*
 * What a kworker has written to files in memory is in no page table: it is written to swap when
 * it is looked at first, and goes at the second look. What a program has is kept the first time.
 */
Test(initial, files_in_memory_of_another_machines_state_are_not_in_use)
{
	run_write("m.yaml", "kmemsim: 1\nmemory: 64 MiB\ncpus: 1\nreclaim: {swap: 64 MiB}\n");
	expect_looks("kworker/u4:0", "195 and 215");
	expect_looks("program", "300 and 2000");
}

/* What is anonymous goes when there is swap, what is locked does not go. */
Test(initial, anonymous_pages_of_the_state_want_swap_and_unevictable_ones_stay)
{
	save_full_machine();
	sh(0, NULL,
		"printf 'nr_inactive_anon 12000\\n' > full/vmstat; $K replay n.kmt -m m.yaml --initial full --check=1000 -o r.db --quiet 2>&1");
	expect_number(
		"select sum(failed) > 1000, (select value from counters where name = 'pages_reclaimed') from op_stats",
		"1,0\n");
	sh(0, NULL, "rm r.db; printf 'SwapTotal: 65536 kB\\nSwapFree: 65536 kB\\n' > full/meminfo;"
		    " $K replay n.kmt -m m.yaml --initial full --check=1000 -o r.db --quiet 2>&1");
	expect_number("select sum(failed), (select value > 4000 from counters where name = 'pswpout') from op_stats",
		"0,1\n");
	sh(0, NULL, "rm r.db; sed -i 's/SwapFree.*/SwapFree: 0 kB/' full/meminfo;"
		    " $K replay n.kmt -m m.yaml --initial full --check=1000 -o r.db --quiet 2>&1");
	expect_number("select sum(failed) > 1000, (select value from counters where name = 'pswpout') from op_stats",
		"1,0\n");
	sh(0, "12000 pages on LRU lists", "rm r.db full/meminfo; printf 'nr_unevictable 12000\\n' > full/vmstat;"
					  " $K replay n.kmt -m m.yaml --initial full --check=1000 -o r.db 2>&1");
	expect_number(
		"select sum(failed) > 1000, (select value from counters where name = 'pages_reclaimed') from op_stats",
		"1,0\n");
}

/* A share of what goes is read again, also when nobody of the trace had it. */
Test(initial, page_cache_of_the_state_is_read_again)
{
	save_full_machine();
	sh(0, NULL, "printf 'nr_inactive_file 12000\\n' > full/vmstat;"
		    " $K replay n.kmt -m m.yaml --set reclaim.refault=60 --set reclaim.mapped=20 --initial full --check=1000 -o r.db --quiet 2>&1");
	expect_number("select sum(failed), (select value > 500 from counters where name = 'refaults') from op_stats",
		"0,1\n");
	expect_number(
		"select (select value from counters where name = 'pgscan_file') > (select value from counters where name = 'pgsteal_file')",
		"1\n");
}

/*
 * When few pages come back there is often no other window to be read: making room for the last
 * page of one set the timer again, and then there was nothing to read. Two of these runs crashed.
 */
Test(initial, a_single_window_that_is_read_again_may_reclaim)
{
	save_full_machine();
	sh(0, NULL,
		"rm full/slabinfo; printf 'nr_inactive_file 5000\\n' > full/vmstat; for share in 2 10; do for seed in 1 2 3 4 5 6 7 8 9 10 11 12;"
		" do $K replay n.kmt -m m.yaml --set reclaim.refault=$share --initial full --seed $seed --quiet 2>&1 || exit 1; done; done");
}

/* Objects that no trace knows: unused dentries and inodes give their slabs back, those in use stay. */
Test(initial, shrinkers_free_dentries_and_inodes_of_the_state)
{
	static const char slabinfo[] = "slabinfo - version: 2.1\n# name\n"
		"ext4_inode_cache 2700 2700 1192 27 8 : tunables 0 0 0 : slabdata 100 100 0\n"
		"dentry 4200 4200 192 21 1 : tunables 0 0 0 : slabdata 200 200 0\n";

	save_full_machine();
	run_write("full/slabinfo", slabinfo);
	sh(0, NULL,
		"printf 'nr_inactive_file 4000\\n' > full/vmstat; $K replay n.kmt -m m.yaml --set reclaim.refault=0 --initial full"
		" --check=1000 -o r.db --quiet 2>&1");
	expect_number("select value > 2000 from counters where name = 'objects_shrunk'", "1\n");
	expect_number(
		"select sum(slabs) < 300 from cache_stats where cache in ('dentry', 'ext4_inode_cache') and sample_id ="
		" (select max(sample_id) from samples)",
		"1\n");
	sh(0, NULL,
		"rm r.db; mkdir -p full/sys/fs; echo '4200 0 45 0 0 0' > full/sys/fs/dentry-state; $K replay n.kmt -m m.yaml"
		" --set reclaim.refault=0 --initial full --check=1000 -o r.db --quiet 2>&1");
	expect_number(
		"select active_objs from cache_stats where cache = 'dentry' and sample_id = (select max(sample_id) from samples)",
		"4200\n");
}

/* Such a table, which no kernel prints, took a minute to lay out. */
Test(initial, more_slabs_than_objects_are_refused)
{
	save_full_machine();
	run_write("full/slabinfo", "slabinfo - version: 2.1\n"
		"dentry 4200 4200 192 21 1 : tunables 0 0 0 : slabdata 4201 4201 0\n");
	sh(2, "slabinfo:2: expected a cache as slabinfo version 2.1 has it",
		"$K replay n.kmt -m m.yaml --initial full --quiet 2>&1");
}

/*
 * The text files of a capture's snapshot, its machine and a
 * trace of one marker: proc/, m.yaml, t.kmt. False: no captures.
 */
static bool take_capture(const char *name)
{
	const char *shared = run_shared();

	if (!shared)
		return false;
	run_write("t.jsonl", "{\"time_ns\":6000,\"event\":\"marker\",\"text\":\"now\"}\n");
	run_ok("d=%s/captures/%s/snapshots; rm -rf proc; mkdir proc; for f in $d/1-after-boot/*; do test -d $f || cp $f proc;"
	       " done; $K probe $d -o m.yaml --quiet && $K import t.jsonl -o t.kmt --quiet",
		shared, name);
	return true;
}

Test(initial, a_real_kernels_proc_files_are_met_exactly)
{
	static const char *const captures[] = { "A-boot-256m", "J-whatif/base" };

	for (size_t i = 0; i < 2; i++) {
		if (!take_capture(captures[i]))
			cr_skip_test("no folder of captures");
		sh(0, NULL, "$K replay t.kmt -m m.yaml --initial proc -o r.db --check=1 --quiet 2>&1");
		/*
		 * Of the numbers of pageblocks one may be another where
		 * none of a type has a page that boot handed out.
		 */
		sh(0, NULL,
			"$K proc r.db --file buddyinfo | cmp - proc/buddyinfo && sed '/^Number/,$d' proc/pagetypeinfo > lists &&"
			" $K proc r.db --file pagetypeinfo | sed '/^Number/,$d' | cmp - lists");
		/* Names, objects and slabs of all caches. */
		sh(0, NULL, "$K proc r.db --file slabinfo > slabinfo; for f in slabinfo proc/slabinfo; do"
			    " awk 'NR > 2 { print $1, $3, $15 }' $f | sort > sorted.$(dirname $f); done; cmp sorted.. sorted.proc");
		sh(0, NULL,
			"$K proc r.db --file vmallocinfo | cut -c1-37 > areas; grep ^0x proc/vmallocinfo | cut -c1-37 | cmp - areas");
		/* Free pages and those on the CPUs' lists, zone by zone. */
		sh(0, NULL,
			"awk '/^Node/ { if (n && present) print z, free, pcp; z = $4; n = 1; pcp = 0 } $2 == \"free\" { free = $3 }"
			" $1 == \"present\" { present = $2 } $1 == \"count:\" { pcp += $2 } END { if (present) print z, free, pcp }'"
			" proc/zoneinfo | sort > zones; sqlite3 -separator ' ' r.db \"select zone, free_pages, pcp_pages from zone_samples where"
			" sample_id = (select max(sample_id) from samples) order by zone\" | sort | cmp - zones");
		sh(0, NULL,
			"sqlite3 r.db 'select percpu_bytes / 1024 from samples order by sample_id desc limit 1' > percpu;"
			" awk '$1 == \"Percpu:\" { print $2 }' proc/meminfo | cmp - percpu");
		sh(0, NULL, "rm r.db");
	}
}

/* What came later need not be there whole: the first state of which all is known is the one. */
Test(initial, later_snapshots_of_a_folder_are_not_read)
{
	if (!take_capture("A-boot-256m"))
		cr_skip_test("no folder of captures");
	run_ok("d=%s/captures/A-boot-256m/snapshots; rm -rf all; mkdir -p all/2-later/memory; ln -s $d/1-after-boot all/1-exact;"
	       " echo damaged > all/2-later/memory/zones.csv",
		run_shared());
	sh(2, "zones.csv:1", "$K replay t.kmt -m m.yaml --initial all/2-later --quiet 2>&1");
	sh(0, NULL, "$K replay t.kmt -m m.yaml --initial all --from marker:now --quiet 2>&1");
}

/* What starts in a saved state lacks the recorded DMA; its events cost nothing and are in no distribution either. */
Test(initial, distributions_hold_the_operations_that_are_counted)
{
	if (!take_capture("E-drivers"))
		cr_skip_test("no folder of captures");
	run_ok("$K import %s/captures/E-drivers/trace.dat -o t.kmt --quiet", run_shared());
	sh(0, NULL,
		"$K replay t.kmt -m m.yaml --initial $KMEMSIM_SHARED/captures/E-drivers/snapshots -o r.db --quiet 2>&1");
	expect_number("select count(*) from op_stats o where count <> (select sum(count) from latency_hist h"
		      " where h.run_id = o.run_id and h.op = o.op)",
		"0\n");
}

/* Of two nodes and four zones; and where zoneinfo is not there, of what vmstat says. */
Test(initial, lru_lists_of_a_real_machine_are_as_long_as_it_says)
{
	if (!take_capture("F-numa"))
		cr_skip_test("no folder of captures");
	sh(0, "10086 pages on LRU lists", "$K replay t.kmt -m m.yaml --initial proc --check=1 -o r.db 2>&1");
	sh(0, NULL,
		"sqlite3 -separator ' ' r.db \"select name, value from counters where name like 'nr_%active_%' order by name\" > model &&"
		" grep -E '^nr_(in)?active_' proc/vmstat | sort | cmp - model");
	/* Shared out among the zones by what is in use there; in all none is lost. */
	sh(0, "10086 pages on LRU lists",
		"rm proc/zoneinfo r.db; $K replay t.kmt -m m.yaml --initial proc --check=1 -o r.db 2>&1");
	sh(0, NULL,
		"sqlite3 -separator ' ' r.db \"select name, value from counters where name like 'nr_%active_%' order by name\" | cmp - model");
}

/*
 * A machine that had read and written files for a while (snapshot 2), and then does the work of a file server that
 * wants more than is free: 58437 of its 180198 pages are on the lists of files, and less than half of that is
 * needed.
 */
Test(initial, a_real_machine_full_of_page_cache_does_more_work)
{
	const char *shared = run_shared();

	if (!take_capture("J-whatif/base"))
		cr_skip_test("no folder of captures");
	run_ok("d=%s/captures/J-whatif/base/snapshots/2-after-workload; rm -rf proc; mkdir proc; for f in $d/*; do test -d $f ||"
	       " cp $f proc; done; $K probe proc -o m.yaml --quiet 2>&1 && $K gen $KMEMSIM_SOURCE/configs/workloads/file-server.yaml"
	       " -o w.kmt --quiet",
		shared);
	sh(0, "81123 pages on LRU lists", "$K replay w.kmt -m m.yaml --initial proc --check -o r.db");
	expect_number("select sum(failed) from op_stats", "0\n");
	expect_number("select value > 10000 from counters where name = 'pages_reclaimed'", "1\n");
	expect_number("select value > 10000 from counters where name = 'objects_shrunk'", "1\n");
}

/* As when a sysctl is written: the state's watermarks are those of the settings that it was saved with. */
Test(initial, settings_that_are_not_the_saved_machines_prevail)
{
	if (!take_capture("A-boot-256m"))
		cr_skip_test("no folder of captures");
	sh(0, NULL, "$K replay t.kmt -m m.yaml --initial proc -o r.db > same && ! grep '^settings' same");
	expect_number("select min_pages, low_pages, high_pages from zone_samples where zone = 'DMA32' and"
		      " sample_id = (select max(sample_id) from samples)", "420,525,630\n");
	sh(0, "settings   of the machine",
		"$K replay t.kmt -m m.yaml --initial proc -o r.db --set page_allocator.min_free_kbytes=20000");
	expect_number("select min_pages > 4000 from zone_samples where zone = 'DMA32' and"
		      " sample_id = (select max(sample_id) from samples)", "1\n");
}

/* A recording that was switched on after boot: older objects are known by their frees, and are found in the state. */
Test(initial, a_recording_of_mid_life_finds_its_older_objects)
{
	const char *shared = run_shared();

	if (!take_capture("A-boot-256m"))
		cr_skip_test("no folder of captures");
	run_ok("xzcat %s/captures/A-boot-256m/ftrace.txt.xz > all && (grep '^#' all; sed '1,/SNAPSHOT 1 begin/d' all) > mid.txt &&"
	       " $K import mid.txt -o mid.kmt --quiet && ln -s %s/captures/A-boot-256m/snapshots/1-after-boot exact",
		shared, shared);
	sh(0, NULL,
		"for state in proc 'exact --from 0'; do $K replay mid.kmt -m m.yaml --initial $state --check -o r.db --quiet 2>&1 || exit 1;"
		" done");
	expect_number(
		"select count(*), max(value) - min(value) < 10, max(value) = 857 from counters where name = 'older_found'",
		"2,1,1\n");
	expect_number("select sum(failed) from op_stats", "0\n");
	/* Snapshot 2 has 31951 free pages of 59361. */
	expect_number(
		"select max(abs(free - 31951)) < 300 from (select sum(free_pages + pcp_pages) as free from zone_samples where sample_id in"
		" (select max(sample_id) from samples group by run_id) group by sample_id)",
		"1\n");
	/* The state's own count of events is of another recording. */
	sh(2, "say --from 0", "$K replay mid.kmt -m m.yaml --initial exact");
}

/* What gen made, or somebody by hand, was recorded nowhere: no event of it precedes any state. */
Test(initial, made_up_work_begins_where_an_exact_state_ends)
{
	const char *shared = run_shared();

	if (!take_capture("A-boot-256m"))
		cr_skip_test("no folder of captures");
	run_write("w.yaml", "duration: 1 s\nstreams: {s: {event: kmalloc, size: 256, rate: 1000, lifetime: 1 ms}}\n");
	run_write("t.jsonl", story);
	run_ok("ln -s %s/captures/A-boot-256m/snapshots/1-after-boot exact && $K import t.jsonl -o t.kmt -q &&"
	       " $K import t.jsonl --no-recorded -o n.kmt -q && $K gen w.yaml -o w.kmt -q", shared);
	sh(0, NULL,
		"for t in t n w; do $K replay $t.kmt -m m.yaml --initial exact --check=1 -o r.db -q || exit 1; done");
	/* buddyinfo is of the same instant. */
	sh(0, NULL,
		"awk '{ for (i = 5; i <= NF; i++) n += $i * 2 ^ (i - 5) } END { print n; print n; print n }'"
		" proc/buddyinfo > free;"
		" sqlite3 r.db 'select sum(free_pages) from zone_samples where sample_id in"
		" (select min(sample_id) from samples group by run_id) group by sample_id' | cmp - free");
	sh(0, "3 older objects found in it, 1 not", "$K replay t.kmt -m m.yaml --initial exact --from marker:now");
	expect_number("select count(*), sum(events) > 1000 from runs where status = 'done'", "3,1\n");
	/* Of a recording it would not be known where to begin. */
	run_ok("$K import %s/captures/A-boot-256m/trace.dat --no-recorded -o a.kmt -q", shared);
	sh(2, "without --no-recorded", "$K replay a.kmt -m m.yaml --initial exact");
}

/* Free blocks at random places, and what else there is at its own, would lie on each other. */
Test(initial, each_file_of_an_exact_state_may_be_missing)
{
	const char *shared = run_shared();

	if (!take_capture("A-boot-256m"))
		cr_skip_test("no folder of captures");
	run_ok("cp -r %s/captures/A-boot-256m/snapshots/1-after-boot exact && chmod -R u+w exact &&"
	       " mv exact/memory all", shared);
	run_ok("for f in $(ls all); do rm -rf exact/memory; cp -r all exact/memory; rm -f exact/memory/$f;"
	       " $K replay t.kmt -m m.yaml --initial exact --check=1 -o $f.db 2> $f.txt > out ||"
	       " { cat $f.txt >&2; exit 1; }; done");
	sh(0, NULL, "grep '^buddy_free.csv is missing' buddy_free.csv.txt &&"
		    " grep '^slabs.csv is not read' buddy_free.csv.txt &&"
		    " ! grep 'at random' zones.csv.txt && grep '^trace_entries.csv is missing' trace_entries.csv.txt");
	/* As many slabs as there were, wherever they lie. */
	sh(0, NULL,
		"for f in buddy_free.csv caches.csv.xz slabs.csv.xz; do sqlite3 $f.db 'select sum(slabs) from cache_stats where"
		" sample_id = (select max(sample_id) from samples)'; done | sort | uniq -c | grep -w 3");
}

/* kmemsim gen, from the workload file to the trace, as its user runs it. */
#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/cli/run.h"

TestSuite(gen, .init = run_enter, .fini = run_leave);

/* Run a command that must succeed. Return: what it printed; the caller frees it. */
static char *good(const char *fmt, const char *a, const char *b)
{
	struct run_result result = run_shell(fmt, a, b);

	cr_assert_eq(result.status, 0, "%s %s: %s", a, b, result.err);
	free(result.err);
	return result.out;
}

/* The workload's events as JSON lines, without the header. */
static char *events_of(const char *yaml)
{
	run_write("w.yaml", yaml);
	free(good("$K gen w.yaml -o t.kmt -q%s%s", "", ""));
	return good("$K cat t.kmt --format jsonl | tail -n +2%s%s", "", "");
}

static void expect_events(const char *yaml, const char *events)
{
	char *got = events_of(yaml);

	cr_assert_str_eq(got, events, "got:\n%s", got);
	free(got);
}

static void expect_refused(const char *yaml, const char *text)
{
	struct run_result result;

	run_write("w.yaml", yaml);
	result = run_shell("$K gen w.yaml -o t.kmt; test ! -e t.kmt || echo there");
	cr_assert_not_null(strstr(result.err, text), "no \"%s\" in:\n%s", text, result.err);
	cr_assert_str_empty(result.out, "no trace appears");
	run_free(&result);
	result = run_shell("$K gen w.yaml --parse-only");
	cr_assert_eq(result.status, 2);
	run_free(&result);
}

Test(gen, an_object_is_freed_by_its_task_after_its_lifetime)
{
	expect_events("events: 4\nstreams: {a: {event: kmalloc, size: 1 KiB, every: 10 us, lifetime: 25 us}}\n",
		"{\"time_ns\":10000,\"pid\":100,\"comm\":\"task\",\"event\":\"kmalloc\",\"id\":0,\"size\":1024,\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"time_ns\":20000,\"pid\":100,\"comm\":\"task\",\"event\":\"kmalloc\",\"id\":1,\"size\":1024,\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"time_ns\":30000,\"pid\":100,\"comm\":\"task\",\"event\":\"kmalloc\",\"id\":2,\"size\":1024,\"gfp\":\"GFP_KERNEL\"}\n"
		"{\"time_ns\":35000,\"pid\":100,\"comm\":\"task\",\"event\":\"kfree\",\"id\":0}\n"
		"{\"time_ns\":35000,\"pid\":100,\"comm\":\"task\",\"event\":\"kfree\",\"id\":2}\n"
		"{\"time_ns\":35000,\"pid\":100,\"comm\":\"task\",\"event\":\"kfree\",\"id\":1}\n");
}

Test(gen, what_comes_on_an_event_ends_before_it_by_the_same_task)
{
	expect_events("duration: 100 us\n"
		      "cpus: 2\n"
		      "tasks: {rx: {context: softirq, cpus: 1}, app: {cpus: 0}}\n"
		      "streams:\n"
		      "  skb: {event: kmem_cache_alloc, cache: skb, gfp: GFP_ATOMIC, by: rx, at: 5 us, lifetime: 20 us, freed_by: app}\n"
		      "  data: {event: kmalloc, size: 704, gfp: GFP_ATOMIC, on: skb, lifetime: parent}\n",
		"{\"time_ns\":5000,\"cpu\":1,\"comm\":\"rx\",\"ctx\":\"softirq\",\"event\":\"kmem_cache_alloc\",\"id\":0,\"gfp\":\"GFP_ATOMIC\",\"cache\":\"skb\"}\n"
		"{\"time_ns\":5000,\"cpu\":1,\"comm\":\"rx\",\"ctx\":\"softirq\",\"event\":\"kmalloc\",\"id\":1,\"size\":704,\"gfp\":\"GFP_ATOMIC\"}\n"
		"{\"time_ns\":25000,\"pid\":100,\"comm\":\"app\",\"event\":\"kfree\",\"id\":1}\n"
		"{\"time_ns\":25000,\"pid\":100,\"comm\":\"app\",\"event\":\"kmem_cache_free\",\"id\":0,\"cache\":\"skb\"}\n");
}

Test(gen, a_section_holds_what_comes_on_it_and_nothing_else)
{
	expect_events("duration: 20 us\n"
		      "streams:\n"
		      "  cpu: {event: get_cpu, at: 10 us, section: 3 us}\n"
		      "  other: {event: marker, text: other, at: 11 us}\n"
		      "  inner: {event: outb, port: 0x3f8, value: 65, on: cpu, burst: 2}\n",
		"{\"time_ns\":10000,\"pid\":100,\"comm\":\"task\",\"event\":\"get_cpu\"}\n"
		"{\"time_ns\":10000,\"pid\":100,\"comm\":\"task\",\"event\":\"outb\",\"value\":65,\"port\":1016}\n"
		"{\"time_ns\":10000,\"pid\":100,\"comm\":\"task\",\"event\":\"outb\",\"value\":65,\"port\":1016}\n"
		"{\"time_ns\":13000,\"pid\":100,\"comm\":\"task\",\"event\":\"put_cpu\"}\n"
		"{\"time_ns\":13000,\"pid\":100,\"comm\":\"task\",\"event\":\"marker\",\"text\":\"other\"}\n");
}

Test(gen, a_ring_replaces_its_oldest_and_the_rest_goes_at_the_end_youngest_first)
{
	expect_events("duration: 5 us\nstreams: {r: {event: alloc_pages, order: 1, every: 1 us, live: 2}}\n",
		"{\"time_ns\":1000,\"pid\":100,\"comm\":\"task\",\"event\":\"alloc_pages\",\"id\":0,\"gfp\":\"GFP_KERNEL\",\"order\":1}\n"
		"{\"time_ns\":2000,\"pid\":100,\"comm\":\"task\",\"event\":\"alloc_pages\",\"id\":1,\"gfp\":\"GFP_KERNEL\",\"order\":1}\n"
		"{\"time_ns\":3000,\"pid\":100,\"comm\":\"task\",\"event\":\"free_pages\",\"id\":0,\"order\":1}\n"
		"{\"time_ns\":3000,\"pid\":100,\"comm\":\"task\",\"event\":\"alloc_pages\",\"id\":0,\"gfp\":\"GFP_KERNEL\",\"order\":1}\n"
		"{\"time_ns\":4000,\"pid\":100,\"comm\":\"task\",\"event\":\"free_pages\",\"id\":1,\"order\":1}\n"
		"{\"time_ns\":4000,\"pid\":100,\"comm\":\"task\",\"event\":\"alloc_pages\",\"id\":1,\"gfp\":\"GFP_KERNEL\",\"order\":1}\n"
		"{\"time_ns\":5000,\"pid\":100,\"comm\":\"task\",\"event\":\"free_pages\",\"id\":1,\"order\":1}\n"
		"{\"time_ns\":5000,\"pid\":100,\"comm\":\"task\",\"event\":\"free_pages\",\"id\":0,\"order\":1}\n");
}

Test(gen, bulk_calls_are_marked_and_pages_are_mapped)
{
	expect_events("duration: 10 us\n"
		      "at_end: keep\n"
		      "streams:\n"
		      "  b: {event: kmem_cache_alloc_bulk, cache: c, at: start, burst: 2, lifetime: 1 us}\n"
		      "  p: {event: alloc_pages, gfp: GFP_HIGHUSER, at: 2 us}\n"
		      "  m: {event: kmap_atomic, page: parent, on: p, section: 0}\n",
		"{\"time_ns\":0,\"pid\":100,\"comm\":\"task\",\"event\":\"kmem_cache_alloc_bulk\",\"id\":0,\"gfp\":\"GFP_KERNEL\",\"cache\":\"c\",\"bulk_more\":true}\n"
		"{\"time_ns\":0,\"pid\":100,\"comm\":\"task\",\"event\":\"kmem_cache_alloc_bulk\",\"id\":1,\"gfp\":\"GFP_KERNEL\",\"cache\":\"c\"}\n"
		"{\"time_ns\":1000,\"pid\":100,\"comm\":\"task\",\"event\":\"kmem_cache_free_bulk\",\"id\":1,\"cache\":\"c\",\"bulk_more\":true}\n"
		"{\"time_ns\":1000,\"pid\":100,\"comm\":\"task\",\"event\":\"kmem_cache_free_bulk\",\"id\":0,\"cache\":\"c\"}\n"
		"{\"time_ns\":2000,\"pid\":100,\"comm\":\"task\",\"event\":\"alloc_pages\",\"id\":0,\"gfp\":\"GFP_HIGHUSER\"}\n"
		"{\"time_ns\":2000,\"pid\":100,\"comm\":\"task\",\"event\":\"kmap_atomic\",\"id\":1,\"page\":0}\n"
		"{\"time_ns\":2000,\"pid\":100,\"comm\":\"task\",\"event\":\"kunmap_atomic\",\"id\":1,\"page\":0}\n");
}

Test(gen, the_same_seed_gives_the_same_bytes_and_another_seed_others)
{
	char *sums = good(
		"for s in 5 5 6; do $K gen $KMEMSIM_SOURCE/configs/workloads/network-server.yaml --events 200000 --seed $s "
		"-o t.kmt -q && sha256sum < t.kmt; done%s%s",
		"", "");
	const size_t line = 68;

	cr_assert_eq(strlen(sums), 3 * line);
	cr_assert_eq(strncmp(sums, sums + line, line), 0);
	cr_assert_neq(strncmp(sums, sums + 2 * line, line), 0);
	free(sums);
}

/*
 * Pinned: the same events with every compiler. A change of this
 * number is a change of what seeds mean: say so in the commit.
 */
Test(gen, seeds_mean_the_same_events_everywhere)
{
	char *sum = good(
		"$K gen $KMEMSIM_SOURCE/tests/cli/golden.yaml -o - -q | $K cat - --format jsonl | tail -n +2 | sha256sum%s%s",
		"", "");

	cr_assert_eq(strncmp(sum, "c02b3f4b7e8901521324da5867820d8dbc7c2fce7fd6b0ed9b46d1f33ab144e8", 64), 0, "%s",
		sum);
	free(sum);
}

/* One name of a machine stands in the first lines of each workload. */
static void try_workload(const char *path)
{
	char *machine = good("sed -n 's/^# Machine: //p' %s | head -1 | tr -d '\\n'%s", path, "");
	char *out;

	cr_assert(*machine, "%s names no machine", path);
	/* Going round costs most: the first events show it. */
	free(good("$K gen %s -o t.kmt -q --events 20000 && $K info t.kmt%s", path, ""));
	free(good("$K cat t.kmt --format jsonl > a.jsonl && $K import a.jsonl -o b.kmt -q --strict && "
		  "$K cat b.kmt --format jsonl | tail -n +2 > b.jsonl && tail -n +2 a.jsonl | cmp - b.jsonl%s%s", "", ""));
	free(good("$K gen %s -o t.kmt -q %s", path, getenv("KMEMSIM_FAST") ? "--events 100000" : ""));
	out = good("$K replay t.kmt -m $KMEMSIM_SOURCE/configs/machines/%s.yaml -o r.db --check --json && rm r.db%s",
		machine, "");
	cr_assert_eq(run_number(out, "violations"), 0, "%s: %s", path, out);
	cr_assert_gt(run_number(out, "events"), 5000, "%s: %s", path, out);
	free(out);
	free(machine);
}

Test(gen, every_shipped_workload_makes_a_trace_that_goes_round_and_replays_without_violations)
{
	char pattern[4096];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/configs/workloads/*.yaml", getenv("KMEMSIM_SOURCE"));
	cr_assert_eq(glob(pattern, 0, NULL, &found), 0);
	cr_assert_geq(found.gl_pathc, 22u);
	for (size_t i = 0; i < found.gl_pathc; i++)
		try_workload(found.gl_pathv[i]);
	globfree(&found);
}

/*
 * 1000 a second for 50 s; 3 standard deviations of a Poisson
 * process are 671. Mean of the sizes: 200 e^(1/2) = 329.7.
 */
Test(gen, rates_and_sizes_are_those_asked_for)
{
	struct run_result result;
	char *out;

	run_write("w.yaml",
		"duration: 50 s\nstreams: {a: {event: kmalloc, size: {lognormal: 200, sigma: 1}, rate: 1000, lifetime: 1 ms}}\n");
	run_write("m.yaml", "memory: 64 MiB\n");
	free(good("$K gen w.yaml -o t.kmt -q && $K replay t.kmt -m m.yaml -o r.db -q%s%s", "", ""));
	result = run_shell(
		"sqlite3 r.db \"select count between 49329 and 50671, bytes_req * 1.0 / count between 324 and 335 "
		"from op_stats where op = 'kmalloc'\"");
	cr_assert_str_eq(result.out, "1|1\n", "%s%s", result.out, result.err);
	run_free(&result);
	out = good("sqlite3 r.db \"select count(*) from op_stats where op in ('kmalloc', 'kfree')\"%s%s", "", "");
	cr_assert_str_eq(out, "2\n");
	free(out);
}

/* A phase of half the rate, one of none, one of three times. */
Test(gen, phases_change_the_rate_and_mark_their_beginning)
{
	char *out = events_of("duration: 30 us\n"
			      "phases: {slow: {duration: 10 us, rate: 0.5}, none: {duration: 10 us, rate: 0}, fast: {duration: 10 us, rate: 200 %}}\n"
			      "streams: {a: {event: outb, port: 1, every: 2 us}}\n");
	unsigned int slow = 0, none = 0, fast = 0;
	unsigned long time_ns;

	for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
		cr_assert_eq(sscanf(line, "{\"time_ns\":%lu", &time_ns), 1);
		if (!strstr(line, "outb"))
			cr_assert_eq(time_ns % 10000, 0, "%s", line);
		else if (time_ns < 10000)
			slow++;
		else
			(*(time_ns < 20000 ? &none : &fast))++;
	}
	cr_assert_eq(slow, 2, "%u", slow);
	cr_assert_eq(none, 0, "%u", none);
	cr_assert_geq(fast, 9, "%u", fast);
	free(out);
}

Test(gen, what_is_wrong_with_an_event_is_said_with_its_place)
{
	expect_refused("events: 5\nstreams:\n  x: {event: kmaloc, rate: 5}\n",
		"w.yaml:3:14: error: unknown event \"kmaloc\"; did you mean \"kmalloc\"?");
	expect_refused("events: 5\nstreams:\n  x: {event: kmalloc, sise: 5, rate: 5}\n",
		"w.yaml:3:23: error: unknown key \"sise\" of kmalloc; did you mean \"size\"?");
	expect_refused("events: 5\nstreams:\n  x: {event: kmalloc, rate: 5}\n",
		"w.yaml:3:14: error: kmalloc: size is missing");
	expect_refused("events: 5\nstreams:\n  x: {event: kmalloc, size: 5, gfp: GFP_KERNAL, rate: 5}\n",
		"w.yaml:3:37: error: kmalloc: gfp: unknown flag");
	expect_refused("events: 5\nstreams: {x: {event: kfree, rate: 5}}\n", "kfree ends what another event begins");
	expect_refused("events: 5\nstreams: {x: {event: kmap, rate: 5}}\n", "page is missing");
	expect_refused("events: 5\nstreams: {x: {event: marker, text: a, rate: 5, lifetime: 1 s}}\n",
		"marker has no end");
	expect_refused("events: 5\ncaches: {a: {sice: 5}}\nstreams: {x: {event: marker, rate: 5}}\n",
		"unknown key \"sice\" of kmem_cache_create; did you mean \"size\"?");
}

Test(gen, dash_is_standard_input)
{
	free(good("%s%s",
		"printf 'events: 5\\nstreams: {x: {event: kmalloc, size: 8, rate: 5}}\\n' > w.yaml; $K gen w.yaml -o a.kmt -q;",
		" $K gen - -o b.kmt -q < w.yaml; $K cat a.kmt > a; $K cat b.kmt | cmp a"));
}

static long peak_kib(const char *events)
{
	struct rusage usage;

	free(good("$K gen $KMEMSIM_SOURCE/configs/workloads/network-server.yaml --events %s -o t.kmt -q%s", events,
		""));
	cr_assert_eq(getrusage(RUSAGE_CHILDREN, &usage), 0);
	return usage.ru_maxrss;
}

/* Of a workload nothing was recorded that the replay could be held against. */
Test(gen, a_replay_of_a_workload_does_not_compare_with_a_recording)
{
	struct run_result result;

	run_write("w.yaml", "duration: 1 ms\nstreams: {a: {event: kmalloc, size: 64, every: 100 us}}\n");
	result = run_shell("$K gen w.yaml -o t.kmt -q && $K replay t.kmt");
	cr_expect(strstr(result.out, "replayed ") && !strstr(result.out, "recording's"), "%s%s", result.out,
		result.err);
	run_free(&result);
}

/* Both figures are the largest of all so far: the longer trace must not have moved it. */
Test(gen, memory_does_not_grow_with_the_length_of_the_trace)
{
	bool fast = getenv("KMEMSIM_FAST") != NULL;
	long first = peak_kib(fast ? "500000" : "1000000"), then = peak_kib(fast ? "3000000" : "10000000");

#ifdef __SANITIZE_ADDRESS__
	cr_skip_test("memory under ASan is not kmemsim's own");
#endif
	cr_assert_lt(then, first + 4096, "%ld KiB, then %ld KiB: more than a huge page or two", first, then);
}

#include <criterion/criterion.h>
#include <string.h>

#include "base/fixed.h"
#include "configs/workload.h"

static struct workload *load(const char *text)
{
	struct workload *w = NULL;
	struct err err = { 0 };

	cr_assert_eq(workload_load_text(&w, "w.yaml", text, strlen(text), &err), 0, "%s", err.text);
	return w;
}

/* The file is refused with this line among the findings. */
static void expect_finding(const char *text, const char *finding)
{
	struct workload *w = NULL;
	struct err err = { 0 };

	cr_assert_lt(workload_load_text(&w, "w.yaml", text, strlen(text), &err), 0, "no \"%s\"", finding);
	cr_assert_eq(err.code, ERR_CONFIG);
	cr_assert_not_null(strstr(err.text, finding), "no \"%s\" in:\n%s", finding, err.text);
}

Test(workload, reads_streams_tasks_and_phases)
{
	struct workload *w = load("duration: 2 s\n"
				  "seed: 9\n"
				  "cpus: 4\n"
				  "tasks: {a: {count: 2, cpus: [1, 2-3]}, irq: {context: hardirq}}\n"
				  "phases: {one: {duration: 500 ms, rate: 0.5}, two: {start: 1 s, duration: 1 s}}\n"
				  "streams:\n"
				  "  x: {event: kmalloc, by: a, rate: 1000, during: two, size: {lognormal: 100, sigma: 1.5, max: 8 KiB}}\n"
				  "  y: {event: kfree_rcu, by: irq, on: x, lifetime: parent, chance: 25 %}\n");

	cr_expect_eq(w->seed, 9u);
	cr_expect_eq(w->duration_ns, 2000000000u);
	cr_expect_eq(w->tasks[0].cpus.nr, 3u);
	cr_expect_eq(w->tasks[0].cpus.numbers[2], 3u);
	cr_expect_eq(w->tasks[0].pid, 100u);
	cr_expect_eq(w->tasks[1].count, 4u, "in interrupts one on each CPU");
	cr_expect_eq(w->tasks[1].pid, 0u);
	cr_expect_eq(w->phases[0].rate, WORKLOAD_RATE_ONE / 2);
	cr_expect_eq(w->phases[1].start_ns, 1000000000u);
	cr_expect_eq(w->streams[0].every.dist.a, 1000000u, "a mean of 1 ms");
	cr_expect_eq(w->streams[0].values[0].dist.kind, DIST_LOGNORMAL);
	cr_expect_eq(w->streams[0].values[0].dist.shape, FIXED_ONE * 3 / 2);
	cr_expect_eq(w->streams[0].values[0].dist.max, 8192u);
	cr_expect(!w->streams[0].during[0] && w->streams[0].during[1]);
	cr_expect_eq(w->streams[1].on, 0u);
	cr_expect_eq(w->streams[1].life, WORKLOAD_LIFE_PARENT);
	workload_free(w);
}

Test(workload, unknown_keys_name_file_line_column_and_nearest_key)
{
	expect_finding("duration: 1 s\nstreems: {}\n",
		"w.yaml:2:1: error: unknown key \"streems\"; did you mean \"streams\"?");
	expect_finding("duration: 1 s\ntasks: {a: {cpu: 0}}\n",
		"w.yaml:2:13: error: unknown key \"cpu\"; did you mean \"cpus\"?");
	expect_finding("duration: 1 s\nstreams:\n  x: {event: marker, rte: 5}\n",
		"w.yaml:3:22: error: x: one of rate, every, at and on is missing; is it this \"rte\"?");
}

Test(workload, wrong_values_say_what_is_expected)
{
	expect_finding("duration: 2 xs\nstreams: {x: {event: marker, rate: 1}}\n",
		"w.yaml:1:11: error: duration: \"2 xs\": expected a time such as 20 us");
	expect_finding("events: 5\nstreams: {x: {event: marker, rate: -1}}\n", "expected events a second");
	expect_finding("events: 5\nstreams: {x: {event: marker, rate: 1, gap: {uniform: 3}}}\n", "expected two values");
	expect_finding("events: 5\nstreams: {x: {event: marker, rate: 1, gap: {lognormal: 3 us}}}\n",
		"gap: sigma is missing");
	expect_finding("events: 5\nstreams: {x: {event: marker, rate: 1, gap: {exponential: 3 us, alpha: 2}}}\n",
		"gap: alpha is not for this distribution");
	expect_finding("events: 5\nstreams: {x: {event: marker, rate: 1, burst: {choice: {1: 0}}}}\n",
		"expected 1 to 1000000");
	expect_finding("events: 5\nstreams: {x: {event: marker, every: {uniform: [9 us, 1 us]}}}\n",
		"the smaller value first");
	expect_finding("events: 5\nstreams: {x: {event: marker, every: 0}}\n",
		"w.yaml:2:37: error: every: expected more than 0");
	expect_finding("events: 5\nstreams: {x: {event: marker, every: {uniform: [0, 0]}}}\n",
		"every: expected more than 0");
	expect_finding("events: 5\ntasks: {a: {cpus: 1}}\nstreams: {x: {event: marker, rate: 1}}\n",
		"expected CPUs such as 0-3, below 1");
	expect_finding("events: 5\ntasks: {a: {cpus: 4294967296}}\nstreams: {x: {event: marker, rate: 1}}\n",
		"expected CPUs such as 0-3, below 1");
	expect_finding("events: 5\nstreams: {x: {event: kmalloc, rate: 1, size: [1, 2]}}\n",
		"expected a number, or a size such as 4 KiB");
}

Test(workload, streams_hang_only_on_streams_in_front_of_them)
{
	expect_finding("events: 5\nstreams:\n  x: {event: marker, on: y}\n  y: {event: marker, on: x}\n",
		"w.yaml:3:26: error: on: \"y\": expected a stream in front of this one");
	expect_finding("events: 5\nstreams: {x: {event: marker, on: x}}\n",
		"\"x\": expected a stream in front of this one\n");
	expect_finding("events: 5\nstreams: {x: {event: kmalloc, rate: 1, lifetime: parent}}\n",
		"for streams with `on`");
}

Test(workload, needs_a_length_and_streams)
{
	expect_finding("streams: {x: {event: marker, rate: 1}}\n", "expected duration or events");
	expect_finding("events: 5\n", "expected a key \"streams\"");
	expect_finding("", "empty");
	expect_finding("[1, 2]\n", "expected keys and values");
}

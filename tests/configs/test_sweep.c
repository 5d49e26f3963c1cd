/* configs/sweep: files that describe many machines. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "configs/sweep.h"
#include "configs/sweep_draw.h"

#define HEAD "name: t\ntrace: boot.kmt\n"

static struct sweep *load(const char *text)
{
	struct sweep *sweep = NULL;
	struct err err = { 0 };

	cr_assert_eq(sweep_load_text(&sweep, "s.yaml", text, strlen(text), &err), 0, "%s", err.text);
	return sweep;
}

/* The points, one a line, as messages show them. */
static void expect_points(const char *text, const char *points)
{
	struct sweep *sweep = load(text);
	char all[16384] = "", one[512];

	for (uint32_t i = 0; i < sweep->nr_points; i++) {
		cr_assert_eq(sweep->points[i].number, i + 1);
		strcat(all, sweep_point_text(sweep, &sweep->points[i], one, sizeof(one)));
		strcat(all, "\n");
	}
	cr_assert_str_eq(all, points, "got\n%s", all);
	sweep_free(sweep);
}

static void expect_error(const char *text, const char *part)
{
	struct sweep *sweep = NULL;
	struct err err = { 0 };

	cr_assert_lt(sweep_load_text(&sweep, "s.yaml", text, strlen(text), &err), 0, "accepted: %s", text);
	cr_assert_eq(err.code, ERR_CONFIG);
	cr_assert(strstr(err.text, part), "no \"%s\" in\n%s", part, err.text);
}

Test(sweep, quotes_around_a_value_are_no_part_of_it)
{
	expect_points(HEAD "vary: {grid: {memory: [\"64 MiB\", '1 GiB'], name: [\"a: b\"]}}\nwhere: memory > 64 MiB\n",
		"memory=1 GiB name=\"a: b\"\n");
}

/*
 * What a variant sets itself does not vary: combinations that come
 * to the same are one point, and shown without what does not count.
 */
Test(sweep, a_variant_takes_the_place_of_what_the_grid_set_before)
{
	expect_points(HEAD "vary: {grid: {cpus: [1, 2], slab.min_order: [0, 1]}, list: {four: {cpus: 4}, asked: {}}}\n",
		"variant=four slab.min_order=0 cpus=4\nvariant=asked cpus=1 slab.min_order=0\n"
		"variant=four slab.min_order=1 cpus=4\nvariant=asked cpus=1 slab.min_order=1\n"
		"variant=asked cpus=2 slab.min_order=0\nvariant=asked cpus=2 slab.min_order=1\n");
}

Test(sweep, grid_is_all_combinations_and_its_last_key_changes_fastest)
{
	expect_points(HEAD "vary:\n  grid:\n    memory: [64 MiB, 1 GiB]\n    cpus: [1, 2, 4]\n",
		"memory=64 MiB cpus=1\nmemory=64 MiB cpus=2\nmemory=64 MiB cpus=4\n"
		"memory=1 GiB cpus=1\nmemory=1 GiB cpus=2\nmemory=1 GiB cpus=4\n");
}

Test(sweep, zip_goes_in_step)
{
	expect_points(HEAD "vary: {zip: {cpus: [1, 2], slab.max_order: [0, 3]}}\n",
		"cpus=1 slab.max_order=0\ncpus=2 slab.max_order=3\n");
}

Test(sweep, list_has_a_name_and_its_own_settings_for_each_variant)
{
	expect_points(HEAD
		"vary:\n  list:\n    plain: {}\n    two: {nodes: [{memory: 64 MiB, cpus: [0-1, 3]}, {memory: 1 GiB}], "
		"slab.merge: false}\n",
		"variant=plain\n"
		"variant=two nodes=[{memory: 64 MiB, cpus: [0-1, 3]}, {memory: 1 GiB}] slab.merge=false\n");
}

Test(sweep, kinds_combine_in_the_order_of_the_file)
{
	expect_points(HEAD
		"vary:\n  list: {a: {}, b: {}}\n  grid: {cpus: [1, 2]}\n  zip: {slab.min_order: [0, 1]}\nrepeat: 2\n",
		"variant=a cpus=1 slab.min_order=0 repeat=1\nvariant=a cpus=1 slab.min_order=0 repeat=2\n"
		"variant=a cpus=1 slab.min_order=1 repeat=1\nvariant=a cpus=1 slab.min_order=1 repeat=2\n"
		"variant=a cpus=2 slab.min_order=0 repeat=1\nvariant=a cpus=2 slab.min_order=0 repeat=2\n"
		"variant=a cpus=2 slab.min_order=1 repeat=1\nvariant=a cpus=2 slab.min_order=1 repeat=2\n"
		"variant=b cpus=1 slab.min_order=0 repeat=1\nvariant=b cpus=1 slab.min_order=0 repeat=2\n"
		"variant=b cpus=1 slab.min_order=1 repeat=1\nvariant=b cpus=1 slab.min_order=1 repeat=2\n"
		"variant=b cpus=2 slab.min_order=0 repeat=1\nvariant=b cpus=2 slab.min_order=0 repeat=2\n"
		"variant=b cpus=2 slab.min_order=1 repeat=1\nvariant=b cpus=2 slab.min_order=1 repeat=2\n");
}

Test(sweep, traces_change_slowest_and_lie_beside_the_file)
{
	const char *text = "traces: [a.kmt, /b.kmt]\nvary: {grid: {cpus: [1, 2]}}\n";
	struct sweep *sweep = NULL;

	cr_assert_eq(sweep_load_text(&sweep, "dir/s.yaml", text, strlen(text), NULL), 0);
	cr_assert_eq(sweep->nr_points, 4);
	cr_assert_str_eq(sweep->traces[0], "dir/a.kmt");
	cr_assert_str_eq(sweep->traces[1], "/b.kmt");
	cr_assert_eq(sweep->points[1].trace, 0);
	cr_assert_eq(sweep->points[2].trace, 1);
	sweep_free(sweep);
}

Test(sweep, traces_and_workloads_are_one_list_in_the_order_of_the_file)
{
	const char *text = "trace: a.kmt\nworkloads: [b.yaml, /c.yml]\n";
	struct sweep *sweep = NULL;

	cr_assert_eq(sweep_load_text(&sweep, "dir/s.yaml", text, strlen(text), NULL), 0);
	cr_assert_eq(sweep->nr_points, 3);
	cr_assert_str_eq(sweep->traces[0], "dir/a.kmt");
	cr_assert_str_eq(sweep->traces[1], "dir/b.yaml");
	cr_assert_str_eq(sweep->traces[2], "/c.yml");
	cr_assert_not(sweep_is_workload(sweep->traces[0]));
	cr_assert(sweep_is_workload(sweep->traces[1]));
	cr_assert(sweep_is_workload(sweep->traces[2]));
	sweep_free(sweep);
}

Test(sweep, repeat_gives_each_repetition_the_next_seed)
{
	struct sweep *sweep = load(HEAD "repeat: 3\nseed: 40\n");

	cr_assert_eq(sweep->nr_points, 3);
	for (uint32_t i = 0; i < 3; i++) {
		cr_assert_eq(sweep->points[i].seed, 40 + i);
		cr_assert_eq(sweep->points[i].repeat, i + 1);
	}
	sweep_free(sweep);
}

Test(sweep, a_value_that_is_no_plain_word_reads_back_as_the_same)
{
	expect_points(HEAD "vary: {grid: {kmalloc.extra_classes: [[96, 192], []], name: [\"a, b\", 'c: \"d\"']}}\n",
		"kmalloc.extra_classes=[96, 192] name=\"a, b\"\nkmalloc.extra_classes=[96, 192] name=\"c: \\\"d\\\"\"\n"
		"kmalloc.extra_classes=[] name=\"a, b\"\nkmalloc.extra_classes=[] name=\"c: \\\"d\\\"\"\n");
}

static uint64_t megabytes(const struct sweep_point *point)
{
	uint64_t bytes = 0;

	cr_assert_eq(units_parse_size(strchr(point->sets[0], '=') + 1, 0, &bytes), 0);
	cr_assert_eq(bytes % (1 << 20), 0, "%s", point->sets[0]);
	return bytes >> 20;
}

Test(sweep, random_draws_lie_in_their_range_on_their_steps_and_repeat_with_their_seed)
{
	static const char text[] = HEAD "vary: {random: {count: 200, seed: 5, keys: {"
					"memory: {from: 64 MiB, to: 1 GiB, scale: log, step: 1 MiB}, cpus: {choice: [1, 2, 4]}}}}\n";
	struct sweep *a = load(text), *b = load(text);
	uint32_t below = 0;

	cr_assert_gt(a->nr_points, 150);
	cr_assert_eq(a->nr_points + a->nr_equal, 200);
	for (uint32_t i = 0; i < a->nr_points; i++) {
		uint64_t mib = megabytes(&a->points[i]);

		cr_assert(mib >= 64 && mib <= 1024);
		below += mib < 256;
		cr_assert_str_eq(a->points[i].sets[0], b->points[i].sets[0]);
		cr_assert_str_eq(a->points[i].sets[1], b->points[i].sets[1]);
	}
	/* 64 MiB to 256 MiB is half of the range by logarithm, a fifth of it by amount. */
	cr_assert(below > a->nr_points * 2 / 5 && below < a->nr_points * 3 / 5, "%u", below);
	sweep_free(a);
	sweep_free(b);
}

Test(sweep, another_key_leaves_the_draws_of_the_first_alone)
{
	struct sweep *a = load(HEAD "vary: {random: {count: 20, keys: {memory: {from: 64 MiB, to: 1 GiB}}}}\n");
	struct sweep *b = load(HEAD
		"vary: {random: {count: 20, keys: {cpus: {from: 1, to: 64}, memory: {from: 64 MiB, to: 1 GiB}}}}\n");

	for (uint32_t i = 0; i < 20; i++)
		cr_assert_str_eq(a->points[i].sets[0], b->points[i].sets[1]);
	sweep_free(a);
	sweep_free(b);
}

Test(sweep, latin_hypercube_meets_each_part_of_each_range_once)
{
	struct sweep *s = load(HEAD
		"vary: {latin: {count: 10, keys: {cpus: {from: 0x1, to: 100}, slab.min_objects: {from: 1, to: 1000}, "
		"slab.min_order: {choice: [0, 1]}}}}\n");
	bool cpus[10] = { 0 }, objects[10] = { 0 };
	uint32_t zeros = 0;

	cr_assert_eq(s->nr_points, 10);
	for (uint32_t i = 0; i < 10; i++) {
		int c = atoi(strchr(s->points[i].sets[0], '=') + 1), o = atoi(strchr(s->points[i].sets[1], '=') + 1);

		cr_assert(c >= 1 && c <= 100 && o >= 1 && o <= 1000);
		cr_assert_not(cpus[(c - 1) / 10], "two of the points have cpus=%d..%d", (c - 1) / 10 * 10 + 1,
			(c - 1) / 10 * 10 + 10);
		cr_assert_not(objects[(o - 1) / 100]);
		cpus[(c - 1) / 10] = objects[(o - 1) / 100] = true;
		zeros += !strcmp(s->points[i].sets[2], "slab.min_order=0");
	}
	cr_assert_eq(zeros, 5);
	sweep_free(s);
}

Test(sweep_draw, the_ends_of_a_range_are_drawn)
{
	struct draw_range linear = { 10, 20, 5, false }, log = { 1, 1024, 1, true };

	cr_assert_eq(draw_value(&linear, 0), 10);
	cr_assert_eq(draw_value(&linear, UINT64_MAX), 20);
	cr_assert_eq(draw_value(&linear, UINT64_MAX / 2), 15);
	cr_assert_eq(draw_value(&log, 0), 1);
	cr_assert_eq(draw_value(&log, UINT64_MAX), 1024);
	cr_assert_eq(draw_value(&log, UINT64_MAX / 2), 32);
}

Test(sweep_draw, full_range_of_64_bits_does_not_overflow)
{
	struct draw_range all = { 0, UINT64_MAX, 1, false }, log = { 1, UINT64_MAX, 1, true };

	cr_assert_eq(draw_value(&all, 12345), 12345);
	cr_assert_eq(draw_value(&all, UINT64_MAX), UINT64_MAX);
	cr_assert_geq(draw_value(&log, UINT64_MAX), UINT64_MAX / 2);
}

Test(sweep_draw, a_stratum_is_within_its_part)
{
	for (uint32_t n = 1; n < 300; n++) {
		for (uint32_t part = 0; part < n; part++) {
			cr_assert_eq(draw_index(draw_stratum(part, n, 0), n), part);
			cr_assert_eq(draw_index(draw_stratum(part, n, UINT64_MAX), n), part);
		}
	}
}

static void expect_where(const char *where, const char *points)
{
	char text[1024];

	snprintf(text, sizeof(text), HEAD "where: \"%s\"\nvary:\n  list: {small: {memory: 64 MiB}, auto: {cpus: 3}}\n"
				     "  grid: {slab.max_order: [0, 3], latency.slab_alloc_fast: [10 ns]}\n", where);
	expect_points(text, points);
}

#define SMALL_0 "variant=small memory=64 MiB slab.max_order=0 latency.slab_alloc_fast=10 ns\n"
#define SMALL_3 "variant=small memory=64 MiB slab.max_order=3 latency.slab_alloc_fast=10 ns\n"
#define AUTO_0  "variant=auto cpus=3 slab.max_order=0 latency.slab_alloc_fast=10 ns\n"
#define AUTO_3  "variant=auto cpus=3 slab.max_order=3 latency.slab_alloc_fast=10 ns\n"

Test(sweep_where, compares_quantities_of_all_units)
{
	expect_where("memory == 65536 KiB", SMALL_0 SMALL_3);
	expect_where("memory >= 0.0625 GiB and slab.max_order>0", SMALL_3);
	expect_where("latency.slab_alloc_fast < 1 us and slab.max_order < 1", SMALL_0 AUTO_0);
}

Test(sweep_where, precedence_is_not_then_and_then_or)
{
	expect_where("slab.max_order == 0 or cpus == 3 and not slab.max_order == 0", SMALL_0 AUTO_0 AUTO_3);
	expect_where("(slab.max_order == 0 or cpus == 3) and not slab.max_order == 0", AUTO_3);
}

Test(sweep_where, calculates)
{
	expect_where("slab.max_order * 2 + 1 - 6 / 2 == 4", SMALL_3 AUTO_3);
	expect_where("-slab.max_order > -1", SMALL_0 AUTO_0);
	expect_where("memory / 4 >= 16 MiB", SMALL_0 SMALL_3);
	expect_where("(slab.max_order + 1) * 16 MiB < memory", SMALL_0);
}

Test(sweep_where, what_a_point_does_not_set_is_no_quantity)
{
	expect_where("memory > 0", SMALL_0 SMALL_3);
	expect_where("not memory > 0", AUTO_0 AUTO_3);
	expect_where("memory != 64 MiB", AUTO_0 AUTO_3);
	expect_where("1 / slab.max_order < 1", SMALL_3 AUTO_3);
}

Test(sweep_where, words_are_equal_or_not)
{
	expect_where("variant == 'small' and slab.max_order == 0", SMALL_0);
	expect_where("variant != 'small' and slab.max_order == 0", AUTO_0);
}

Test(sweep_where, a_list_holds_when_all_do)
{
	expect_points(HEAD "vary: {grid: {cpus: [1, 2, 3, 4]}}\nwhere: [cpus > 1, cpus < 4]\n", "cpus=2\ncpus=3\n");
}

Test(sweep_where, mistakes_are_told_with_their_place)
{
	static const char vary[] = HEAD "vary: {grid: {cpus: [1, 2]}}\n";
	static const struct {
		const char *where, *part;
	} wrong[] = {
		{ "cpsu > 1", "4:8: error: where: cpsu: is not swept here" },
		{ "cpus > ", "4:14: error: where: expected a key or a quantity" },
		{ "cpus > 1 MeB", "4:15: error: where: \"1 MeB\": expected a quantity" },
		{ "cpus", "expected a comparison" },
		{ "cpus and cpus", "expected comparisons on both sides" },
		{ "(cpus > 1) + 2 > 1", "expected quantities on both sides" },
		{ "1 < cpus < 3", "4:17: error: where: expected and, or, or the end" },
		{ "(cpus > 1", "expected )" },
		{ "not cpus", "not: expected a comparison" },
	};
	char text[400];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), "%swhere: %s\n", vary, wrong[i].where);
		expect_error(text, wrong[i].part);
	}
	expect_error(HEAD "vary: {grid: {cpus: [1, 2]}}\nwhere: cpus > 2\n", "leaves out all 2 points");
}

Test(sweep_where, a_trace_has_the_path_that_the_file_has_wherever_that_is)
{
	static const char text[] = "traces: [a.kmt, b/c.kmt]\nvary: {grid: {cpus: [1]}}\nwhere: trace == 'b/c.kmt'\n";
	struct sweep *sweep = NULL;
	struct err err = { 0 };

	cr_assert_eq(sweep_load_text(&sweep, "some/where/s.yaml", text, strlen(text), &err), 0, "%s", err.text);
	cr_assert_eq(sweep->nr_points, 1);
	cr_assert_str_eq(sweep->traces[sweep->points[0].trace], "some/where/b/c.kmt");
	sweep_free(sweep);
}

Test(sweep_where, sizes_in_pages_are_those_of_the_point)
{
	expect_points(HEAD "vary: {grid: {memory: [32768p, 64 MiB]}}\nwhere: memory == 128 MiB\n", "memory=32768p\n");
	expect_points(HEAD
		"machine: {page_size: 16 KiB}\nvary: {grid: {memory: [32768p, 64 MiB]}}\nwhere: memory == 512 MiB\n",
		"memory=32768p\n");
	expect_points(HEAD "vary: {grid: {memory: [32768p], page_size: [4 KiB, 64 KiB]}}\nwhere: memory == 2 GiB\n",
		"memory=32768p page_size=64 KiB\n");
}

Test(sweep_where, deep_nesting_is_refused)
{
	char text[4096] = HEAD "vary: {grid: {cpus: [1, 2]}}\nwhere: \"";

	memset(text + strlen(text), '(', 3000);
	strcat(text, "\"\n");
	expect_error(text, "nested too deep");
}

Test(sweep_yaml, all_mistakes_are_told_in_one_pass)
{
	static const char text[] = "tarces: [a]\nrepeat: none\nvary:\n  grid:\n    memroy: [1 GiB]\n    cpus: 4\n"
				   "    slab.max_order: [0, many, 99]\n  zip: {slab.merge: [true], slab.min_order: [0, 1]}\n  gird: {a: 1}\n";

	expect_error(text, "s.yaml:1:1: error: unknown key");
	expect_error(text, "expected a key \"traces\"");
	expect_error(text, "s.yaml:2:9: error: repeat: \"none\": expected a number");
	expect_error(text, "s.yaml:5:5: error: unknown key memroy; did you mean memory?");
	expect_error(text, "s.yaml:6:11: error: cpus: expected a list of values");
	expect_error(text, "s.yaml:7:25: error: slab.max_order: \"many\": expected a number");
	expect_error(text, "s.yaml:7:31: error: slab.max_order: \"99\": out of range");
	expect_error(text, "slab.min_order: 2 values beside 1");
	expect_error(text, "unknown kind \"gird\"");
}

Test(sweep_yaml, mistakes_of_each_kind)
{
	expect_error(HEAD "vary: {grid: {cpus: [1, 2], cpus: [3]}}", "varies already");
	expect_error(HEAD "vary: {grid: {cpus: [1, 2]}, zip: {cpus: [3]}}", "varies already");
	expect_error(HEAD "vary: {grid: {cpus: [1, 2, 1]}}", "cpus=1: given twice");
	expect_error(HEAD "vary: {list: {a: {}, a: {}}}", "a: given twice");
	expect_error(HEAD "vary: {list: {a: 1}}", "a: expected settings such as");
	expect_error(HEAD "vary: {random: {keys: {cpus: {from: 1, to: 2}}}}", "expected count and keys");
	expect_error(HEAD "vary: {random: {count: 2, keys: {cpus: {from: 3, to: 2}}}}", "from is more than to");
	expect_error(HEAD "vary: {random: {count: 2, keys: {cpus: {from: 3}}}}", "expected a key \"to\"");
	expect_error(HEAD "vary: {random: {count: 2, keys: {slab.merge: {from: 0, to: 1}}}}", "has no range");
	expect_error(HEAD "vary: {random: {count: 2, keys: {cpus: {choice: [1], to: 1}}}}", "choice goes without");
	expect_error(HEAD "vary: {latin: {count: 2, keys: {slab.cpu_partial: {from: 0, to: 9, scale: log}}}}",
		"cannot begin at 0");
	expect_error(HEAD "vary: {latin: {count: 2, keys: {cpus: {from: 1, to: 9, scael: log}}}}",
		"unknown key: expected from");
	expect_error(HEAD "timeout: 60\n", "timeout: \"60\": out of range: 1 ms to 1000000000 s");
	expect_error(HEAD "machine: nowhere.yaml\n", "there is no such file");
	expect_error("machine: {cpsu: 1}\ntrace: a\n", "s.yaml:1:11: error: unknown key cpsu; did you mean cpus?");
	expect_error("", "empty");
	expect_error("traces: []\n", "expected at least one");
	expect_error("workload: a.kmt\n", "s.yaml:1:11: error: expected a workload, whose name ends in .yaml");
	expect_error(
		"trace: a\nrepeat: 100000\nvary: {grid: {cpus: [1, 2], slab.min_order: [0, 1], slab.max_order: [1, 2, 3]}}\n",
		"at most");
}

Test(sweep_machine, a_point_is_its_base_machine_with_its_settings)
{
	struct sweep *s = load(HEAD "machine: {memory: 256 MiB, cpus: 2}\nvary: {grid: {cpus: [4, 8]}}\n");
	struct machine *machine = malloc(sizeof(*machine));

	cr_assert_eq(sweep_machine(s, &s->points[1], machine, NULL), 0);
	cr_assert_eq(machine->cpus, 8);
	free(machine);
	sweep_free(s);
}

Test(sweep_machine, a_bad_point_is_named_with_its_values)
{
	struct sweep *s = load(HEAD
		"vary: {grid: {cpus: [1, 2], page_allocator.max_order: [3, 10], page_allocator.pageblock_order: [9]}}\n");
	struct machine *machine = malloc(sizeof(*machine));
	struct err err = { 0 };

	cr_assert_eq(sweep_machine(s, &s->points[2], machine, &err), -(int)ERR_CONFIG);
	cr_assert(strstr(err.text,
			  "s.yaml: point 3 (cpus=2 page_allocator.max_order=3 page_allocator.pageblock_order=9): "),
		"%s", err.text);
	free(machine);
	sweep_free(s);
}

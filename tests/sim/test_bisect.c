#include "sim/bisect.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "configs/machine_yaml.h"
#include "traces/slots.h"
#include "traces/writer.h"

enum { NR_EVENTS = 9000, NR_PROLOGUE = 40 };

/* A trace of kmallocs, pages and their frees on two CPUs, so close together that some have to wait. */
struct scenario {
	char path[64];
	struct machine machines[2];
	struct bisect_run runs[2];
	struct bisect_options options;
	struct bisect_side sides[2];
	struct bisect_answer answer;
};

static uint32_t alloc_op(struct trace_writer *w, struct rng *rng)
{
	static const uint64_t sizes[] = { 24, 64, 192, 1000, 4096, 20000 };
	struct trace_op op = { .kind = KIND_KMALLOC, .node = -1, .gfp = GFP_KERNEL };

	op.call_site = trace_writer_string(w, "some_caller+0x1c", 16);
	if (rng_below(rng, 4)) {
		op.size = sizes[rng_below(rng, 6)];
	} else {
		op.kind = KIND_ALLOC_PAGES;
		op.order = (uint8_t)rng_below(rng, 4);
	}
	return trace_writer_op(w, &op);
}

static uint32_t free_op(struct trace_writer *w, uint32_t alloc)
{
	struct trace_op op = { .kind = KIND_KFREE, .node = -1 };

	if (trace_writer_op_at(w, alloc)->kind == KIND_ALLOC_PAGES) {
		op.kind = KIND_FREE_PAGES;
		op.order = trace_writer_op_at(w, alloc)->order;
	}
	return trace_writer_op(w, &op);
}

static void write_trace(const char *path)
{
	struct trace_meta meta = { .page_size = 4096, .cpus = 2 };
	uint32_t *slot = calloc(NR_EVENTS + NR_PROLOGUE, sizeof(*slot)),
		 *made_by = calloc(NR_EVENTS + NR_PROLOGUE, sizeof(*slot));
	uint32_t nr_live = 0;
	struct slots slots = { 0 };
	struct trace_writer *w;
	struct rng rng;
	struct err err;
	ns_t now = 1000;

	rng_init(&rng, 7, "bisect");
	cr_assert_eq(trace_writer_open(&w, path, &(struct trace_writer_options){ .block_events = 1000 }, &err), 0);
	for (int i = 0; i < NR_PROLOGUE + NR_EVENTS; i++) {
		struct trace_who who = { (uint32_t)rng_below(&rng, 2), 1, trace_writer_string(w, "init", 4), 0 };
		struct trace_event e = { .time_ns = now, .who = trace_writer_who(w, &who) };

		if (i < NR_PROLOGUE || !nr_live || rng_below(&rng, 5) < 3) {
			made_by[nr_live] = e.op = alloc_op(w, &rng);
			slot[nr_live++] = e.slot = slots_take(&slots);
		} else {
			uint32_t which = (uint32_t)rng_below(&rng, nr_live--);

			e.op = free_op(w, made_by[which]);
			e.slot = slot[which];
			slots_give(&slots, e.slot);
			slot[which] = slot[nr_live];
			made_by[which] = made_by[nr_live];
		}
		if (i < NR_PROLOGUE)
			cr_assert_eq(trace_writer_prologue(w, &e, &err), 0, "%s", err.text);
		else
			cr_assert_eq(trace_writer_event(w, &e, &err), 0, "%s", err.text);
		now += rng_below(&rng, 400);
	}
	cr_assert_eq(trace_writer_close(w, &meta, &err), 0, "%s", err.text);
	trace_meta_fini(&meta);
	slots_fini(&slots);
	free(slot);
	free(made_by);
}

/* Two runs of the trace: a machine of 64 MiB and 2 CPUs, and the same with @change. */
static struct scenario *scenario_new(const char *change)
{
	struct scenario *s = calloc(1, sizeof(*s));
	const char *sets[] = { "cpus=2", "memory=64 MiB", change };
	struct err err;
	int fd;

	cr_assert_not_null(s);
	strcpy(s->path, "/tmp/kmemsim-test-XXXXXX");
	fd = mkstemp(s->path);
	cr_assert(fd >= 0);
	close(fd);
	write_trace(s->path);
	cr_assert_eq(machine_load(&s->machines[0], NULL, sets, 2, &err), 0, "%s", err.text);
	cr_assert_eq(machine_load(&s->machines[1], NULL, sets, change ? 3 : 2, &err), 0, "%s", err.text);
	for (int i = 0; i < 2; i++)
		s->runs[i] = (struct bisect_run){ &s->machines[i], 1 };
	s->options.trace = s->path;
	return s;
}

static void scenario_free(struct scenario *s)
{
	unlink(s->path);
	bisect_side_fini(&s->sides[0]);
	bisect_side_fini(&s->sides[1]);
	free(s);
}

static void bisect(struct scenario *s, uint64_t every)
{
	struct err err = { 0 };

	bisect_side_fini(&s->sides[0]);
	bisect_side_fini(&s->sides[1]);
	cr_assert_eq(bisect_runs(&s->options, s->runs, every, &s->answer, s->sides, &err), 0, "%s", err.text);
}

/* All outcomes of a run, kept whole: what bisecting is held against. */
struct outcomes {
	struct outcome outcome[NR_PROLOGUE + NR_EVENTS];
	uint64_t nr;
};

static void keep(void *arg, const struct outcome *outcome, const struct mm *mm)
{
	struct outcomes *outcomes = arg;

	(void)mm;
	outcomes->outcome[outcomes->nr++] = *outcome;
}

static struct outcomes *all_outcomes(const struct scenario *s, int which)
{
	struct outcomes *outcomes = calloc(1, sizeof(*outcomes));
	struct replay_options options = {
		.seed = s->runs[which].seed,
		.machine = s->runs[which].machine,
		.observer = { .after = keep, .arg = outcomes },
	};
	struct trace_reader *reader;
	struct replay_result result;
	struct err err;

	cr_assert_eq(trace_open(&reader, s->path, NULL, &err), 0, "%s", err.text);
	cr_assert_eq(replay_run(&options, reader, recorder_none(), &result, &err), 0, "%s", err.text);
	trace_close(reader);
	cr_assert_eq(outcomes->nr, NR_PROLOGUE + NR_EVENTS);
	return outcomes;
}

static bool same_outcome(const struct outcome *a, const struct outcome *b, bool time)
{
	return a->event_no == b->event_no && a->result == b->result && a->was.address == b->was.address &&
	       a->is.kind == b->is.kind && a->is.address == b->is.address &&
	       (!time || (a->start_ns == b->start_ns && a->cost_ns == b->cost_ns));
}

/* Number of the first event that differs, those of the prologue counted; the number of all when none does. */
static uint64_t first_difference(const struct scenario *s)
{
	struct outcomes *a = all_outcomes(s, 0), *b = all_outcomes(s, 1);
	uint64_t i = 0;

	while (i < a->nr && same_outcome(&a->outcome[i], &b->outcome[i], s->options.time))
		i++;
	free(a);
	free(b);
	return i;
}

static void expect_first_difference(struct scenario *s)
{
	static const uint64_t steps[] = { 1, 7, 1000, 4096, 1000000 };
	uint64_t first = first_difference(s);

	cr_assert_lt(first, NR_PROLOGUE + NR_EVENTS);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		bisect(s, steps[i]);
		cr_assert(s->answer.part);
		cr_assert_eq(s->answer.prologue, first < NR_PROLOGUE);
		cr_assert_eq(s->answer.position + (s->answer.prologue ? 0 : NR_PROLOGUE), first,
			"every %lu: %lu, not %lu", (unsigned long)steps[i], (unsigned long)s->answer.position,
			(unsigned long)first);
		cr_assert(s->sides[0].reached && s->sides[1].reached);
		cr_assert(!same_outcome(&s->sides[0].outcome, &s->sides[1].outcome, s->options.time));
	}
}

Test(bisect, equal_machines_are_equal_to_the_end)
{
	struct scenario *s = scenario_new(NULL);

	bisect(s, 1000);
	cr_assert(!s->answer.part);
	cr_assert_eq(s->answer.compared, NR_EVENTS);
	cr_assert(!s->sides[0].reached);
	scenario_free(s);
}

Test(bisect, machines_with_another_slab_min_order_part_where_their_first_slabs_do)
{
	struct scenario *s = scenario_new("slab.min_order=1");

	expect_first_difference(s);
	cr_assert(s->answer.prologue);
	cr_assert(s->sides[0].has_cache);
	cr_assert_str_eq(s->sides[0].cache.name, s->sides[1].cache.name);
	cr_assert_eq(s->sides[1].cache.geometry.order, s->sides[0].cache.geometry.order + 1);
	cr_assert_not_null(strstr(s->sides[0].operation, "kmalloc, "), "%s", s->sides[0].operation);
	cr_assert_str_eq(s->sides[0].call_site, "some_caller+0x1c");
	scenario_free(s);
}

Test(bisect, machines_that_part_later_are_found_at_the_event_whatever_the_distance_of_marks)
{
	struct scenario *s = scenario_new("slab.cpu_partial=0");

	expect_first_difference(s);
	cr_assert(!s->answer.prologue);
	cr_assert_gt(s->answer.position, 10);
	cr_assert_str_eq(s->sides[0].comm, "init");
	cr_assert_eq(s->sides[0].nr_zones, s->sides[1].nr_zones);
	scenario_free(s);
}

Test(bisect, a_difference_in_time_alone_counts_only_when_asked_for)
{
	struct scenario *s = scenario_new("latency.slab_new=451 ns");
	struct outcomes *outcomes = all_outcomes(s, 0);
	bool waited = false;

	for (uint64_t i = NR_PROLOGUE; i < outcomes->nr; i++)
		waited |= outcomes->outcome[i].start_ns > outcomes->outcome[i].arrival_ns;
	cr_assert(waited, "nobody waits in this trace");
	free(outcomes);
	s->options.time = true;
	expect_first_difference(s);
	cr_assert_eq(s->sides[1].outcome.cost_ns, s->sides[0].outcome.cost_ns + 1);
	cr_assert_eq(s->sides[1].outcome.is.address, s->sides[0].outcome.is.address);
	scenario_free(s);
}

Test(bisect, a_failure_in_one_run_only_is_a_difference)
{
	struct scenario *s = scenario_new("kmalloc.max_size=16 KiB");

	expect_first_difference(s);
	cr_assert_eq(s->sides[0].outcome.result, OUTCOME_DONE);
	cr_assert_eq(s->sides[1].outcome.result, OUTCOME_FAILED);
	cr_assert_eq(s->sides[1].outcome.is.kind, PLACE_NONE);
	scenario_free(s);
}

Test(bisect, marks_of_one_run_show_the_window_in_which_another_parts)
{
	struct scenario *s = scenario_new("slab.cpu_partial=0");
	struct bisect_marks marks = { .every = 100 };
	struct trace_damage damage;
	struct bisect_answer window;
	struct err err = { 0 };

	bisect(s, 1000);
	cr_assert_eq(bisect_marks_make(&s->options, &s->runs[0], &marks, &damage, &err), 0, "%s", err.text);
	cr_assert_eq(marks.total, NR_EVENTS);
	cr_assert_eq(marks.nr, 1 + NR_EVENTS / 100);
	cr_assert_eq(bisect_against(&s->options, &s->runs[0], &marks, &window, &err), 0, "%s", err.text);
	cr_assert(!window.part);
	cr_assert_eq(bisect_against(&s->options, &s->runs[1], &marks, &window, &err), 0, "%s", err.text);
	cr_assert(window.part);
	cr_assert_eq(window.position, s->answer.position / 100 * 100);
	cr_assert_eq(window.last, window.position + 99);
	bisect_marks_fini(&marks);

	/* Narrowed: each event of that window alone. */
	marks = (struct bisect_marks){ .every = 1, .from = window.position, .events = 100 };
	cr_assert_eq(bisect_marks_make(&s->options, &s->runs[0], &marks, &damage, &err), 0, "%s", err.text);
	cr_assert_eq(marks.total, 100);
	cr_assert_eq(bisect_against(&s->options, &s->runs[1], &marks, &window, &err), 0, "%s", err.text);
	cr_assert(window.part);
	cr_assert_eq(window.position, s->answer.position);
	cr_assert_eq(window.last, s->answer.position);
	bisect_marks_fini(&marks);
	scenario_free(s);
}

Test(bisect, looking_at_an_event_shows_what_bisecting_showed_of_it)
{
	struct scenario *s = scenario_new("slab.cpu_partial=0");
	struct bisect_side side = { 0 };
	struct err err = { 0 };

	bisect(s, 1000);
	cr_assert_eq(bisect_look(&s->options, &s->runs[1], &s->answer, &side, &err), 0, "%s", err.text);
	cr_assert(side.reached);
	cr_assert(same_outcome(&side.outcome, &s->sides[1].outcome, true));
	cr_assert_str_eq(side.slabs, s->sides[1].slabs);
	cr_assert_eq(side.zones[0].stats.free_pages, s->sides[1].zones[0].stats.free_pages);
	bisect_side_fini(&side);
	s->answer.position = NR_EVENTS;
	cr_assert_eq(bisect_look(&s->options, &s->runs[1], &s->answer, &side, &err), 0, "%s", err.text);
	cr_assert(!side.reached);
	scenario_free(s);
}

static bool stop_now(void *arg)
{
	(void)arg;
	return true;
}

Test(bisect, an_interrupted_comparison_says_so)
{
	struct scenario *s = scenario_new(NULL);
	struct err err = { 0 };

	s->options.stop = stop_now;
	cr_assert_lt(bisect_runs(&s->options, s->runs, 1000, &s->answer, s->sides, &err), 0);
	cr_assert_eq(err.code, ERR_INTERRUPTED);
	scenario_free(s);
}

/* Watching a run changes nothing that it does. */
Test(bisect, an_observed_run_has_the_fingerprint_of_an_unobserved_one)
{
	struct scenario *s = scenario_new(NULL);
	struct outcomes *outcomes = calloc(1, sizeof(*outcomes));
	uint64_t fingerprint[2];

	for (int i = 0; i < 2; i++) {
		struct replay_options options = { .seed = 1, .machine = &s->machines[0] };
		struct trace_reader *reader;
		struct replay_result result;
		struct err err;

		if (i)
			options.observer = (struct observer){ .after = keep, .arg = outcomes };
		cr_assert_eq(trace_open(&reader, s->path, NULL, &err), 0, "%s", err.text);
		cr_assert_eq(replay_run(&options, reader, recorder_none(), &result, &err), 0, "%s", err.text);
		trace_close(reader);
		fingerprint[i] = result.fingerprint;
	}
	cr_assert_eq(fingerprint[0], fingerprint[1]);
	free(outcomes);
	scenario_free(s);
}

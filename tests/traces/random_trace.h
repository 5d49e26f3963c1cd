/*
 * random_trace: traces of all kinds of events for tests, in
 * memory and as a file; the same seed gives the same trace.
 */
#ifndef KMEMSIM_TESTS_TRACES_RANDOM_TRACE_H
#define KMEMSIM_TESTS_TRACES_RANDOM_TRACE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "traces/reader.h"
#include "traces/slots.h"
#include "traces/writer.h"

struct random_trace {
	struct trace_event *prologue, *events;
	uint32_t nr_prologue, nr_events;
	uint32_t block_events;
	bool recorded;
};

/* A new temporary file's name; the test removes the file. */
static inline char *scratch_path(void)
{
	char *path = strdup("/tmp/kmemsim-test-XXXXXX");
	int fd = mkstemp(path);

	cr_assert(fd >= 0);
	close(fd);
	return path;
}

static inline uint32_t random_op(struct trace_writer *w, struct rng *rng, enum trace_kind kind)
{
	char name[32];
	struct trace_op op = {
		.kind = (uint8_t)kind,
		.origin = (uint8_t)rng_below(rng, NR_ORIGINS),
		.order = (uint8_t)rng_below(rng, 11),
		.node = (int16_t)((int)rng_below(rng, 4) - 1),
		.flags = (uint16_t)(rng_below(rng, 8) ? 0 : 1u << rng_below(rng, 11)),
		.gfp = (gfp_t)rng_below(rng, GFP_ALL_BITS + 1),
		.size = rng_next(rng) >> rng_below(rng, 64),
		.align = 1ull << rng_below(rng, 13),
		.arg = { rng_below(rng, 3), rng_next(rng) },
	};
	int len = snprintf(name, sizeof(name), "name-%u", (unsigned int)rng_below(rng, 20));

	op.name = trace_writer_string(w, name, (size_t)len);
	op.call_site = rng_below(rng, 2) ? trace_writer_string(w, "vfs_read+0x1c", 13) : 0;
	return trace_writer_op(w, &op);
}

static inline struct trace_event random_event(struct trace_writer *w, struct rng *rng, struct slots *slots,
	uint32_t *live, uint32_t *nr_live)
{
	enum trace_kind kind = (enum trace_kind)rng_below(rng, NR_KINDS);
	struct trace_who who = { (uint32_t)rng_below(rng, 4), (int32_t)rng_below(rng, 9) - 1,
		trace_writer_string(w, "task", 4), 0 };
	struct trace_event e = { .op = random_op(w, rng, kind), .who = trace_writer_who(w, &who), .slot = SLOT_NONE };
	const struct trace_op *op = trace_writer_op_at(w, e.op);
	bool stays = (op->flags & (OP_PART | OP_LAST)) == OP_PART;

	if (kind_info[kind].slot == SLOT_BEGINS && rng_below(rng, 20)) {
		e.slot = live[(*nr_live)++] = slots_take(slots);
	} else if (kind_info[kind].slot != SLOT_ABSENT && *nr_live && rng_below(rng, 20)) {
		uint32_t i = (uint32_t)rng_below(rng, *nr_live);

		e.slot = live[i];
		if (kind_info[kind].slot == SLOT_ENDS && !stays) {
			live[i] = live[--*nr_live];
			slots_give(slots, e.slot);
		}
	}
	if (kind_info[kind].keys & KEY_VALUE)
		e.value = rng_next(rng) >> rng_below(rng, 64);
	if (kind_info[kind].keys & KEY_PAGE)
		e.value = *nr_live ? live[rng_below(rng, *nr_live)] : SLOT_NONE;
	e.recorded.where = rng_next(rng) >> rng_below(rng, 64);
	e.recorded.ctx = (uint8_t)rng_below(rng, 16);
	/* Small steps, jumps to both ends of the range, and unknown ones. */
	e.recorded.entry = (uint32_t)(rng_next(rng) >> (32 + rng_below(rng, 32)));
	e.recorded.moved = (uint16_t)(rng_below(rng, 4) ? 0 : rng_next(rng) >> (48 + rng_below(rng, 16)));
	return e;
}

/* Write a trace of @nr events to @path and keep what was written. */
static inline struct random_trace random_trace_write(const char *path, uint64_t seed, uint32_t nr,
	uint32_t block_events, bool recorded)
{
	struct random_trace t = {
		.nr_events = nr,
		.nr_prologue = nr / 10,
		.block_events = block_events,
		.recorded = recorded,
	};
	struct trace_writer_options options = { .block_events = block_events, .recorded = recorded };
	struct trace_meta meta = { .page_size = 4096, .cpus = 4, .cache_pages = 48057, .cache_pages_reused = 17619 };
	struct slots slots = { 0 };
	uint32_t *live = calloc(nr + t.nr_prologue + 1, sizeof(*live)), nr_live = 0;
	struct trace_writer *w;
	struct rng rng;
	struct err err;
	ns_t now = 1000;

	rng_init(&rng, seed, "random trace");
	t.events = calloc(nr + 1, sizeof(*t.events));
	t.prologue = calloc(t.nr_prologue + 1, sizeof(*t.prologue));
	cr_assert_eq(trace_writer_open(&w, path, &options, &err), 0, "%s", err.text);
	meta.kernel = strdup("6.1.0-test");
	cr_assert_eq(trace_counts_add(&meta.ignored, "a reason", 3), 0);
	for (uint32_t i = 0; i < t.nr_prologue; i++) {
		t.prologue[i] = random_event(w, &rng, &slots, live, &nr_live);
		cr_assert_eq(trace_writer_prologue(w, &t.prologue[i], &err), 0, "%s", err.text);
	}
	for (uint32_t i = 0; i < nr; i++) {
		t.events[i] = random_event(w, &rng, &slots, live, &nr_live);
		now += rng_below(&rng, 3) ? rng_below(&rng, 5000) : rng_next(&rng) >> (20 + rng_below(&rng, 44));
		t.events[i].time_ns = now;
		cr_assert_eq(trace_writer_event(w, &t.events[i], &err), 0, "%s", err.text);
	}
	cr_assert_eq(trace_writer_close(w, &meta, &err), 0, "%s", err.text);
	trace_meta_fini(&meta);
	slots_fini(&slots);
	free(live);
	return t;
}

static inline void random_trace_fini(struct random_trace *t)
{
	free(t->prologue);
	free(t->events);
}

/* Whether event @i of the batch is @want, with the recorded columns if the batch has them. */
static inline bool same_event(const struct trace_batch *b, uint32_t i, const struct trace_event *want)
{
	return b->time_ns[i] == want->time_ns && b->op[i] == want->op && b->who[i] == want->who &&
		b->slot[i] == want->slot && (b->value ? b->value[i] : 0) == want->value &&
		(!b->where || b->where[i] == want->recorded.where) &&
		(!b->ctx ||
			(b->ctx[i] == want->recorded.ctx && (b->entry ? b->entry[i] : 0) == want->recorded.entry &&
				(b->moved ? b->moved[i] : 0) == want->recorded.moved));
}

/*
 * Read @path to its end and hold every event against @t, from event @first on. Return: events read, or -1 when it could
 * not be opened or read; *damaged tells whether the reader reported damage. Anything silently wrong fails the test.
 */
static inline int64_t read_and_compare(const char *path, const struct trace_reader_options *options,
	const struct random_trace *t, uint32_t first, bool *damaged)
{
	struct trace_reader *r;
	struct trace_batch b;
	struct err err;
	uint32_t prologue = 0, event = first;
	int ret;

	*damaged = false;
	if (trace_open(&r, path, options, &err) < 0)
		return -1;
	while ((ret = trace_next(r, &b, &err)) > 0) {
		cr_assert_eq(b.first_event, b.prologue ? prologue : event);
		for (uint32_t i = 0; i < b.nr; i++) {
			const struct trace_event *want = b.prologue ? &t->prologue[prologue++] : &t->events[event++];

			cr_assert(same_event(&b, i, want), "%s %u differs", b.prologue ? "prologue event" : "event",
				(b.prologue ? prologue : event) - 1);
		}
		if (options && options->recorded && t->recorded && !b.where)
			cr_assert_fail("the recorded columns are missing");
	}
	*damaged = trace_damage(r)->text[0] != '\0';
	trace_close(r);
	return ret < 0 ? -1 : (int64_t)(event - first);
}

#endif

/*
 * The page layer of verify on hand-made recordings: one zone's Unmovable pages 5120,
 * 5121, ... come in this order, seven at a time, and a list of ten pages is flushed.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "configs/machine_yaml.h"
#include "sim/verify_priv.h"
#include "traces/writer.h"

#define FIRST 5120u
#define BATCH 7u
#define SLOT_OLD 90u /* of a page that was allocated unseen */

struct recording {
	char path[64];
	struct machine machine;
	struct state state;
	struct state_zone zones[4];
	struct state_block blocks[2];
	struct verify_state verify_state;
	struct verify_options options;
	struct trace_writer *w;
	ns_t now;
	struct verify_count step, free, refills, drains;
};

static void make_state(struct recording *r)
{
	struct page_alloc *pa;
	struct err err;
	unsigned int last;

	cr_assert_eq(page_alloc_create(&pa, &r->machine, &err), 0, "%s", err.text);
	r->state.nr_zones = page_alloc_nr_zones(pa);
	last = (unsigned int)r->state.nr_zones - 1;
	for (unsigned int i = 0; i <= last; i++) {
		struct zone_stats zone;

		page_alloc_zone_stats(pa, i, &zone);
		r->zones[i] = (struct state_zone){
			.node = zone.node,
			.type = zone.type,
			.start_pfn = zone.start_pfn,
			.spanned = zone.spanned,
			.present = zone.present,
			.managed = zone.managed,
			.min = 1,
			.low = 2,
			.high = 3,
			.pcp_high = 10,
			.pcp_batch = BATCH,
		};
	}
	page_alloc_destroy(pa);
	r->zones[last].free_pages = 512 + 1024;
	r->blocks[0] = (struct state_block){
		.pfn = FIRST,
		.zone = (uint16_t)last,
		.order = 9,
		.migratetype = MIGRATE_UNMOVABLE,
	};
	r->blocks[1] = (struct state_block){
		.pfn = 8192,
		.zone = (uint16_t)last,
		.order = 10,
		.migratetype = MIGRATE_MOVABLE,
	};
	strcpy(r->state.source, "made up");
	r->state.zones = r->zones;
	r->state.blocks = r->blocks;
	r->state.nr_blocks = 2;
	r->state.exact_blocks = true;
	r->state.nr_entries = 1;
}

static struct recording *begin(void)
{
	static const char *sets[] = { "cpus=1", "memory=64 MiB" };
	struct recording *r = calloc(1, sizeof(*r));
	struct trace_writer_options options = { .recorded = true };
	struct err err;
	int fd;

	cr_assert_eq(machine_load(&r->machine, NULL, sets, 2, &err), 0, "%s", err.text);
	make_state(r);
	strcpy(r->path, "/tmp/kmemsim-test-XXXXXX");
	fd = mkstemp(r->path);
	cr_assert_geq(fd, 0);
	close(fd);
	cr_assert_eq(trace_writer_open(&r->w, r->path, &options, &err), 0, "%s", err.text);
	return r;
}

static void event_of(struct recording *r, enum trace_kind kind, uint16_t flags, uint32_t slot, uint64_t pfn,
	uint8_t order)
{
	struct trace_op op = { .kind = (uint8_t)kind, .node = -1, .flags = flags, .order = order,
		.gfp = kind == KIND_FREE_PAGES ? 0 : GFP_KERNEL };
	struct trace_event e = {
		.time_ns = ++r->now,
		.slot = slot,
		.recorded = { .where = pfn, .entry = (uint32_t)r->now },
	};
	struct err err;

	e.op = trace_writer_op(r->w, &op);
	e.who = trace_writer_who(r->w, &(struct trace_who){ 0 });
	cr_assert_eq(trace_writer_event(r->w, &e, &err), 0, "%s", err.text);
}

static void event(struct recording *r, enum trace_kind kind, uint16_t flags, uint32_t slot, uint64_t pfn)
{
	event_of(r, kind, flags, slot, pfn, 0);
}

static void alloc(struct recording *r, uint32_t slot, uint64_t pfn)
{
	event(r, KIND_ALLOC_PAGES, 0, slot, pfn);
}

static void release(struct recording *r, uint32_t slot, uint64_t pfn)
{
	event(r, KIND_FREE_PAGES, 0, slot, pfn);
}

static void move_of(struct recording *r, enum trace_move_kind kind, uint64_t pfn, uint8_t order)
{
	struct trace_move move = {
		.pfn = pfn,
		.order = order & 0xf,
		.kind = (unsigned int)kind & 0xf,
		.entry = (uint32_t)++r->now,
	};
	struct err err;

	cr_assert_eq(trace_writer_move(r->w, &move, &err), 0);
}

static void move(struct recording *r, enum trace_move_kind kind, uint64_t pfn)
{
	move_of(r, kind, pfn, 0);
}

static void refill(struct recording *r, uint64_t first)
{
	for (unsigned int i = 0; i < BATCH; i++)
		move(r, MOVE_REFILL, first + i);
}

/* The page of a slot whose allocation nobody saw. */
static void adopt(struct recording *r, uint64_t pfn)
{
	struct trace_op op = { .kind = KIND_ALLOC_PAGES, .node = -1, .gfp = GFP_KERNEL, .flags = OP_BOOT };
	struct trace_event e = { .slot = SLOT_OLD, .recorded = { .where = pfn } };
	struct err err;

	e.op = trace_writer_op(r->w, &op);
	e.who = trace_writer_who(r->w, &(struct trace_who){ 0 });
	cr_assert_eq(trace_writer_prologue(r->w, &e, &err), 0, "%s", err.text);
}

static void verify(struct recording *r)
{
	struct trace_meta meta = { .page_size = 4096, .cpus = 1 };
	struct unseen_log log = { .pagesets_at = UINT64_MAX, .marks_at = UINT64_MAX };
	struct err err;

	cr_assert_eq(trace_writer_close(r->w, &meta, &err), 0, "%s", err.text);
	r->verify_state = (struct verify_state){ "made up", &r->state };
	r->options = (struct verify_options){
		.trace = r->path,
		.machine = &r->machine,
		.states = &r->verify_state,
		.nr_states = 1,
	};
	cr_assert_eq(verify_pages_step(&r->options, &r->step, &r->refills, &r->drains, &log, &err), 0, "%s", err.text);
	cr_assert_eq(verify_pages_free(&r->options, &log, &r->free, &err), 0, "%s", err.text);
	unseen_log_fini(&log);
	unlink(r->path);
}

static void expect(const struct verify_count *count, uint64_t equal, uint64_t checked)
{
	cr_expect(count->equal == equal && count->checked == checked, "%lu of %lu are equal, not %lu of %lu",
		(unsigned long)count->equal, (unsigned long)count->checked, (unsigned long)equal,
		(unsigned long)checked);
}

Test(verify_pages, the_model_refills_as_the_kernel_did)
{
	struct recording *r = begin();

	refill(r, FIRST);
	for (uint32_t i = 0; i < BATCH; i++)
		alloc(r, i, FIRST + i);
	refill(r, FIRST + BATCH);
	alloc(r, BATCH, FIRST + BATCH);
	verify(r);
	expect(&r->step, 8, 8);
	expect(&r->refills, 14, 14);
	expect(&r->free, 8, 8);
	cr_expect(!r->step.first.there);
	free(r);
}

Test(verify_pages, a_refill_is_the_models_own_until_it_has_been_compared)
{
	struct recording *r = begin();

	refill(r, FIRST + 100);
	alloc(r, 0, FIRST + 100);
	alloc(r, 1, FIRST + 101);
	verify(r);
	expect(&r->step, 1, 2);
	expect(&r->refills, 0, 7);
	expect(&r->free, 0, 2);
	cr_expect_eq(r->step.first.event_no, 0);
	cr_expect_not_null(strstr(r->step.first.kernel, "5220"));
	cr_expect_not_null(strstr(r->step.first.model, "page 5120"));
	free(r);
}

Test(verify_pages, what_left_a_list_unseen_is_found_out_and_given_to_the_free_run)
{
	struct recording *r = begin();

	adopt(r, FIRST + 1);
	refill(r, FIRST);
	alloc(r, 0, FIRST);
	alloc(r, 1, FIRST + 3);
	release(r, SLOT_OLD, FIRST + 1);
	alloc(r, 2, FIRST + 1);
	alloc(r, 3, FIRST + 4);
	verify(r);
	expect(&r->step, 3, 4);
	cr_expect_eq(r->step.first.event_no, 1);
	expect(&r->free, 4, 4);
	free(r);
}

Test(verify_pages, a_refill_shows_that_the_list_was_empty)
{
	struct recording *r = begin();

	refill(r, FIRST);
	alloc(r, 0, FIRST);
	refill(r, FIRST + BATCH);
	refill(r, FIRST + 2 * BATCH);
	alloc(r, 1, FIRST + 2 * BATCH);
	verify(r);
	expect(&r->step, 2, 2);
	expect(&r->refills, 21, 21);
	expect(&r->free, 2, 2);
	free(r);
}

Test(verify_pages, a_flush_takes_the_blocks_that_the_model_would_take)
{
	struct recording *r = begin();

	refill(r, FIRST);
	for (uint32_t i = 0; i < BATCH; i++)
		alloc(r, i, FIRST + i);
	refill(r, FIRST + BATCH);
	alloc(r, BATCH, FIRST + BATCH);
	for (uint32_t i = 0; i < 4; i++)
		release(r, i, FIRST + i);
	for (uint32_t i = 0; i < 3; i++)
		move(r, MOVE_DRAIN, FIRST + 2 * BATCH - 1 - i);
	alloc(r, 0, FIRST + 3);
	verify(r);
	expect(&r->drains, 3, 3);
	expect(&r->step, 9, 9);
	expect(&r->free, 9, 9);
	free(r);
}

Test(verify_pages, another_flush_than_the_models_is_told_and_followed)
{
	struct recording *r = begin();

	refill(r, FIRST);
	alloc(r, 0, FIRST);
	release(r, 0, FIRST);
	move(r, MOVE_DRAIN, FIRST + 6);
	alloc(r, 0, FIRST);
	alloc(r, 1, FIRST + 1);
	verify(r);
	expect(&r->drains, 0, 1);
	cr_expect(r->drains.first.there);
	cr_expect_str_eq(r->drains.first.model, "no block");
	expect(&r->step, 3, 3);
	free(r);
}

/*
 * No free has caused it: it was time to. The free run, which has no such clock, is told when and how many, and
 * finds the same three pages: they make a block of four with their neighbour, which the next request takes.
 */
Test(verify_pages, what_the_clock_drains_is_given_to_the_free_run)
{
	struct recording *r = begin();

	refill(r, FIRST);
	alloc(r, 0, FIRST);
	for (uint32_t i = 0; i < 3; i++)
		move(r, MOVE_DRAIN, FIRST + 6 - i);
	move_of(r, MOVE_REFILL, FIRST + 4, 2);
	move_of(r, MOVE_REFILL, FIRST + 8, 2);
	event_of(r, KIND_ALLOC_PAGES, 0, 1, FIRST + 4, 2);
	for (uint32_t i = 0; i < 3; i++)
		alloc(r, 2 + i, FIRST + 1 + i);
	verify(r);
	expect(&r->drains, 0, 0);
	expect(&r->refills, 9, 9);
	expect(&r->step, 5, 5);
	expect(&r->free, 5, 5);
	free(r);
}

Test(verify_pages, a_batched_page_comes_back_when_that_is_told)
{
	struct recording *r = begin();

	refill(r, FIRST);
	alloc(r, 0, FIRST);
	release(r, 0, FIRST);
	alloc(r, 1, FIRST + 1);
	move(r, MOVE_BATCHED, FIRST);
	alloc(r, 0, FIRST);
	verify(r);
	expect(&r->step, 3, 3);
	expect(&r->free, 3, 3);
	free(r);
}

Test(verify_pages, pages_of_a_bulk_call_leave_the_list)
{
	struct recording *r = begin();

	refill(r, FIRST);
	alloc(r, 0, FIRST);
	move(r, MOVE_BULK, 0);
	event(r, KIND_ALLOC_PAGES_BULK, OP_BULK_MORE, 1, 0);
	event(r, KIND_ALLOC_PAGES_BULK, OP_BULK_MORE, 2, 0);
	event(r, KIND_ALLOC_PAGES_BULK, 0, 3, 0);
	alloc(r, 4, FIRST + 4);
	verify(r);
	expect(&r->step, 2, 2);
	expect(&r->free, 2, 2);
	free(r);
}

/* Which pages the recording's own reclaim left alone: kept while a trace is written, known before its first event. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/gfp.h"
#include "traces/spared.h"

#define LRU_PAGE .kind = KIND_ALLOC_PAGES, .gfp = GFP_HIGHUSER_MOVABLE

static const struct trace_op anon = { LRU_PAGE }, file = { LRU_PAGE | GFP_BIT_WRITE },
			     kernel = { .kind = KIND_ALLOC_PAGES, .gfp = GFP_KERNEL },
			     object = { .kind = KIND_KMALLOC }, page_free = { .kind = KIND_FREE_PAGES },
			     reclaim = { .kind = KIND_FREE_PAGES, .flags = OP_RECLAIM }, kfree = { .kind = KIND_KFREE };

struct step {
	const struct trace_op *op;
	uint32_t slot;
	uint64_t event_no;
	bool by_kswapd;
};

static bool is_set(const uint64_t *bits, uint64_t event_no)
{
	return bits[event_no / 64] >> event_no % 64 & 1;
}

/* What a reader finds for @events events. Return: owned by the caller; NULL: the trace does not tell. */
static uint64_t *told(const struct step *steps, size_t nr_steps, uint64_t events)
{
	struct spared t = { 0 };
	struct bytes payload = { 0 };
	struct err err = { 0 };
	uint64_t *bits = NULL;

	for (size_t i = 0; i < nr_steps; i++)
		cr_assert(spared_event(&t, steps[i].op, steps[i].slot, steps[i].event_no, steps[i].by_kswapd));
	cr_assert(spared_end(&t));
	if (t.nr) {
		spared_encode(&t, &payload);
		cr_assert_eq(spared_decode(&bits, payload.data, payload.len, events, &err), 0, "%s", err.text);
	}
	bytes_fini(&payload);
	spared_fini(&t);
	return bits;
}

static void expect_told(const uint64_t *bits, uint64_t events, const uint64_t *wanted, size_t nr_wanted)
{
	uint64_t nr = 0;

	cr_assert_not_null(bits);
	for (uint64_t event_no = 0; event_no < events; event_no++)
		nr += is_set(bits, event_no);
	cr_expect_eq(nr, nr_wanted);
	for (size_t i = 0; i < nr_wanted; i++)
		cr_expect(is_set(bits, wanted[i]), "event %llu", (unsigned long long)wanted[i]);
}

/* Slots are used again; event numbers are in words far apart. */
Test(spared, pages_that_lived_when_kswapd_took_a_later_one_are)
{
	static const struct step steps[] = {
		{ &file, 7, 0, false },
		{ &file, 8, 1, false },
		{ &object, 9, 2, false },
		{ &file, 11, 3, false },
		{ &reclaim, 11, 4, true },
		{ &reclaim, 7, 5, true },
		{ &page_free, 8, 6, false },
		{ &kfree, 9, 7, false },
		{ &file, 12, 999, false },
		{ &file, 8, 1000, false },
		{ &reclaim, SLOT_NONE, 1001, true },
		{ &reclaim, 8, 1002, true },
		{ &reclaim, 8, 1003, true },
		{ &kernel, 9, 1023, false },
		{ &file, 10, 1024, false },
		{ &reclaim, 10, 1025, true },
		{ &reclaim, 500, 1026, true },
	};
	static const uint64_t wanted[] = { 1, 999 };
	uint64_t *bits = told(steps, sizeof(steps) / sizeof(steps[0]), 1027);

	expect_told(bits, 1027, wanted, sizeof(wanted) / sizeof(wanted[0]));
	free(bits);
}

/* Left alone are 0 and 2: kswapd took 3. Page 4 came later, 1 is anonymous, 8 went before any later one was taken. */
Test(spared, what_reclaim_never_came_by_it_has_not_left_alone)
{
	static const struct step steps[] = {
		{ &file, 0, 0, false },
		{ &anon, 1, 1, false },
		{ &file, 2, 2, false },
		{ &file, 3, 3, false },
		{ &file, 4, 4, false },
		{ &reclaim, 3, 5, true },
		{ &page_free, 2, 6, false },
		{ &page_free, 1, 7, false },
		{ &file, 5, 8, false },
		{ &page_free, 5, 9, false },
		{ &file, 6, 10, false },
		{ &reclaim, 6, 11, false },
		{ &anon, 7, 12, false },
		{ &anon, 7, 13, false },
	};
	static const uint64_t wanted[] = { 0, 2 };
	uint64_t *bits = told(steps, sizeof(steps) / sizeof(steps[0]), 14);

	expect_told(bits, 14, wanted, sizeof(wanted) / sizeof(wanted[0]));
	free(bits);
}

/* Compaction moves pages, and a task in direct reclaim is never alone. */
Test(spared, frees_of_others_than_kswapd_tell_nothing)
{
	static const struct step steps[] = {
		{ &file, 0, 0, false },
		{ &file, 1, 1, false },
		{ &reclaim, 1, 2, false },
		{ &page_free, 0, 3, true },
		{ &kernel, 2, 4, false },
		{ &reclaim, 2, 5, true },
	};

	cr_expect_null(told(steps, sizeof(steps) / sizeof(steps[0]), 6));
}

/* Bits beyond the events would be read from beyond the memory. */
Test(spared, what_are_no_numbers_of_events_ascending_is_refused)
{
	static const struct {
		uint8_t raw[4];
		size_t len;
		bool good;
	} cases[] = {
		{ { 0 }, 1, true },
		{ { 1, 9 }, 2, true },
		{ { 2, 0, 9 }, 3, true },
		{ { 1, 10 }, 2, false },
		{ { 2, 5, 5 }, 3, false },
		{ { 2, 5, 0 }, 3, false },
		{ { 2, 5 }, 2, false },
		{ { 1, 5, 1 }, 3, false },
		{ { 0 }, 0, false },
		{ { 1, 0x80 }, 2, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = { 0 };
		uint64_t *bits;

		cr_expect_eq(spared_decode(&bits, cases[i].raw, cases[i].len, 10, &err),
			cases[i].good ? 0 : -(int)ERR_TRACE, "case %zu", i);
		free(bits);
	}
}

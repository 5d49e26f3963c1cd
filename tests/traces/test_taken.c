/* Which pages the recording's own reclaim took: kept while a trace is written, known before its first event. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "traces/taken.h"

static const struct trace_op alloc = { .kind = KIND_ALLOC_PAGES }, object = { .kind = KIND_KMALLOC },
			     page_free = { .kind = KIND_FREE_PAGES },
			     reclaim = { .kind = KIND_FREE_PAGES, .flags = OP_RECLAIM }, kfree = { .kind = KIND_KFREE };

static bool is_set(const uint64_t *bits, uint64_t event_no)
{
	return bits[event_no / 64] >> event_no % 64 & 1;
}

/* Slots are used again; event numbers are in words far apart. */
Test(taken, those_that_reclaim_freed_by_the_event_that_allocated_them)
{
	static const struct {
		const struct trace_op *op;
		uint32_t slot;
		uint64_t event_no;
	} events[] = {
		{ &alloc, 7, 0 }, { &alloc, 8, 1 }, { &object, 9, 2 }, { &reclaim, 7, 3 }, { &page_free, 8, 4 },
		{ &kfree, 9, 5 }, { &alloc, 8, 1000 }, { &reclaim, SLOT_NONE, 1001 }, { &reclaim, 8, 1002 },
		{ &reclaim, 8, 1003 }, { &alloc, 9, 1023 }, { &alloc, 10, 1024 }, { &reclaim, 10, 1025 },
		{ &reclaim, 500, 1026 },
	};
	struct taken t = { 0 };
	struct bytes payload = { 0 };
	struct err err = { 0 };
	uint64_t *bits, nr = 0;

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		cr_assert(taken_event(&t, events[i].op, events[i].slot, events[i].event_no));
	cr_assert_eq(t.nr, 3);
	taken_encode(&t, &payload);
	cr_assert_eq(taken_decode(&bits, payload.data, payload.len, 1027, &err), 0, "%s", err.text);
	for (uint64_t event_no = 0; event_no < 1027; event_no++)
		nr += is_set(bits, event_no);
	cr_assert_eq(nr, 3);
	cr_assert(is_set(bits, 0) && is_set(bits, 1000) && is_set(bits, 1024));
	free(bits);
	bytes_fini(&payload);
	taken_fini(&t);
}

/* Bits beyond the events would be read from beyond the memory. */
Test(taken, what_are_no_numbers_of_events_ascending_is_refused)
{
	static const struct {
		uint8_t raw[4];
		size_t len;
		bool good;
	} cases[] = {
		{ { 0 }, 1, true }, { { 1, 9 }, 2, true }, { { 2, 0, 9 }, 3, true }, { { 1, 10 }, 2, false },
		{ { 2, 5, 5 }, 3, false }, { { 2, 5, 0 }, 3, false }, { { 2, 5 }, 2, false }, { { 1, 5, 1 }, 3, false },
		{ { 0 }, 0, false }, { { 1, 0x80 }, 2, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = { 0 };
		uint64_t *bits;

		cr_expect_eq(taken_decode(&bits, cases[i].raw, cases[i].len, 10, &err),
			cases[i].good ? 0 : -(int)ERR_TRACE, "case %zu", i);
		free(bits);
	}
}

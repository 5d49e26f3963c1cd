/* Pages as the kernel leaves them (events/header_page, header_event), and damaged ones. */
#include <criterion/criterion.h>
#include <string.h>

#include "traces/ring_page.h"

#define PAGE 4096u

static unsigned char page[PAGE];
static struct ring_record records[PAGE / RING_RECORD_MIN];

/* Fills the page with these words behind its head. */
static void make_page(uint64_t time_ns, uint32_t flags, const uint32_t *words, uint32_t nr)
{
	uint64_t commit = flags | 4 * nr;

	memset(page, 0xee, sizeof(page));
	memcpy(page, &time_ns, 8);
	memcpy(page + 8, &commit, 8);
	memcpy(page + 16, words, 4 * nr);
}

static void expect_record(int i, uint64_t time_ns, uint32_t at, int32_t size)
{
	cr_expect_eq(records[i].time_ns, time_ns, "record %d: %llu ns", i, (unsigned long long)records[i].time_ns);
	cr_expect_eq(records[i].at, at, "record %d at %u", i, records[i].at);
	cr_expect_eq(records[i].size, size, "record %d of %d bytes", i, records[i].size);
}

/* Lengths in words and in bytes, longer gaps, absolute times and padding. */
Test(ring_page, times_and_places_of_every_kind_of_record)
{
	const uint32_t words[] = {
		2 | 0 << 5, 1, 2,             /* two words, at the page's time */
		30 | 5 << 5, 1,               /* 5 + 2^27 ns more */
		0 | 7 << 5, 12, 3, 4,         /* twelve bytes with their length: eight of data; 7 ns later */
		29 | 1 << 5, 8, 0,            /* padding to the third word; 1 ns */
		31 | 9 << 5, 2,               /* the time is 9 + 2 * 2^27, with the highest bits of the page's */
		1 | 3 << 5, 6,
	};
	const uint64_t base = 0x1000000000000064u;
	int64_t missed = 7;

	make_page(base, 0, words, sizeof(words) / 4);
	cr_assert_eq(ring_page_records(page, PAGE, 8, records, &missed), 3);
	cr_expect_eq(missed, 0);
	expect_record(0, base, 20, 8);
	expect_record(1, base + 5 + (1u << 27) + 7, 44, 8);
	expect_record(2, 0x1000000000000000u + 9 + (2u << 27) + 3, 76, 4);
}

Test(ring_page, lost_events_are_those_before_a_record_at_the_start)
{
	const uint32_t words[] = { 1, 6 }, late[] = { 30, 0, 1, 6 };
	const uint64_t number = 42;
	int64_t missed;

	make_page(1, 1u << 31, words, 2);
	cr_assert_eq(ring_page_records(page, PAGE, 8, records, &missed), 1);
	cr_expect_eq(missed, -1);
	make_page(1, 3u << 30, words, 2);
	memcpy(page + 24, &number, 8);
	cr_assert_eq(ring_page_records(page, PAGE, 8, records, &missed), 1);
	cr_expect_eq(missed, 42);
	make_page(1, 1u << 31, late, 4);
	cr_assert_eq(ring_page_records(page, PAGE, 8, records, &missed), 1);
	cr_expect_eq(missed, 0);
}

Test(ring_page, longs_of_32_bits_make_a_shorter_head)
{
	const uint32_t words[] = { 8, 1 | 2 << 5, 6 }; /* of a page whose commit has 4 bytes */
	int64_t missed;

	make_page(10, 0, words, 0);
	memcpy(page + 8, words, sizeof(words));
	cr_assert_eq(ring_page_records(page, PAGE, 4, records, &missed), 1);
	expect_record(0, 12, 16, 4);
}

Test(ring_page, more_than_a_page_is_refused)
{
	int64_t missed;

	make_page(1, PAGE + 4, &(uint32_t){ 0 }, 0);
	cr_expect_eq(ring_page_records(page, PAGE, 8, records, &missed), -1);
}

/*
 * Whatever stands in a page, its records begin in it and do not
 * end behind it, and there are no more than there is room for.
 */
Test(ring_page, records_of_damaged_pages_stay_in_them)
{
	uint64_t state = 1;

	for (int round = 0; round < 2000; round++) {
		uint32_t words[(PAGE - 16) / 4];
		int64_t missed;
		int nr;

		for (uint32_t i = 0; i < sizeof(words) / 4; i++) {
			state = state * 6364136223846793005u + 1442695040888963407u;
			words[i] = (uint32_t)(state >> 33) & (round & 1 ? ~0u : 0x1f);
		}
		make_page(1, 0, words, sizeof(words) / 4);
		nr = ring_page_records(page, PAGE, 8, records, &missed);
		cr_assert(nr >= -1 && nr <= (int)(sizeof(records) / sizeof(records[0])), "round %d: %d records", round,
			nr);
		for (int i = 0; i < nr; i++)
			cr_assert(records[i].at <= PAGE && records[i].size <= (int32_t)(PAGE - records[i].at),
				"round %d, record %d: at %u, %d bytes", round, i, records[i].at, records[i].size);
	}
}

/* High memory: the slots of kmap(), who waits for them, and the stacks of kmap_atomic(). */
#include "base/rng.h"
#include "mm/highmem_priv.h"
#include "tests/mm/mm_fixture.h"

#define HIGH 0x100000u /* a page frame in high memory */

struct fixture {
	struct mm_fixture *fx;
	struct highmem *h;
};

static struct fixture start(uint32_t slots)
{
	struct fixture f = { .fx = mm_fixture_new(2, 64 << 20) };

	f.fx->machine.bits32 = true;
	f.fx->machine.zones.highmem_above = 32 << 20;
	f.fx->machine.zones.dma32_end = 0;
	f.fx->machine.kmap_slots = slots;
	mm_fixture_boot(f.fx);
	f.h = mm_state(&f.fx->mm, SLOT_HIGHMEM);
	return f;
}

static void stop(struct fixture *f)
{
	mm_fixture_end(f->fx);
}

static uint32_t map(struct fixture *f, pfn_t pfn)
{
	uint32_t slot;

	cr_assert_eq(highmem_kmap(f->h, pfn, &slot, &f->fx->meter), MM_DONE);
	return slot;
}

static struct highmem_stats stats_of(const struct fixture *f)
{
	struct highmem_stats stats;

	highmem_get_stats(f->h, &stats);
	return stats;
}

/* E42: slots 1 to 1023, then the cursor wraps: a flush, slot 0, and slot 1 again. */
Test(highmem, slots_go_round_and_are_flushed_when_the_cursor_wraps)
{
	struct fixture f = start(1024);

	for (uint32_t i = 0; i < 1023; i++)
		cr_assert_eq(map(&f, HIGH + i), i + 1);
	for (uint32_t i = 0; i < 1023; i++)
		cr_assert_eq(highmem_kunmap(f.h, HIGH + i, &f.fx->meter), HIGHMEM_LAST_USER);
	cr_assert_eq(stats_of(&f).flushes, 0);
	cr_assert_eq(map(&f, HIGH + 5000), 0);
	cr_assert_eq(stats_of(&f).flushes, 1);
	cr_assert_eq(map(&f, HIGH + 5001), 1);
	cr_assert_eq(stats_of(&f).peak, 1023);
	stop(&f);
}

/* E42: with all 1024 mapped the next one waits; a slot that lost its user serves it after the next flush. */
Test(highmem, who_finds_all_slots_in_use_waits_until_one_is_given_up)
{
	struct fixture f = start(1024);
	uint32_t slot;

	for (uint32_t i = 0; i < 1024; i++)
		map(&f, HIGH + i);
	cr_assert_eq(highmem_kmap(f.h, HIGH + 5000, &slot, &f.fx->meter), MM_WAIT);
	cr_assert_eq(f.fx->meter.wait.reason, SLEEP_KMAP);
	cr_assert_eq(f.fx->meter.wait.timeout_ns, 0);
	cr_assert_eq(highmem_kunmap(f.h, HIGH + 99, &f.fx->meter), HIGHMEM_LAST_USER);
	cr_assert_eq(map(&f, HIGH + 5000), 100);
	cr_assert_eq(stats_of(&f).flushes, 1);
	cr_assert_eq(highmem_kmap(f.h, HIGH + 5001, &slot, &f.fx->meter), MM_WAIT);
	/* Another mapped the page meanwhile: that one is used. */
	cr_assert_eq(map(&f, HIGH + 5000), 100);
	stop(&f);
}

Test(highmem, page_that_is_mapped_already_counts_a_user_more)
{
	struct fixture f = start(512);

	cr_assert_eq(map(&f, HIGH), 1);
	cr_assert_eq(map(&f, HIGH), 1);
	cr_assert_eq(stats_of(&f).used, 1);
	cr_assert_eq(highmem_kunmap(f.h, HIGH, &f.fx->meter), HIGHMEM_UNMAPPED);
	cr_assert_eq(highmem_kunmap(f.h, HIGH, &f.fx->meter), HIGHMEM_LAST_USER);
	cr_assert_eq(highmem_kunmap(f.h, HIGH, &f.fx->meter), HIGHMEM_NOT_MAPPED);
	/* Not flushed yet: the same slot, no new one. */
	cr_assert_eq(map(&f, HIGH), 1);
	cr_assert_eq(stats_of(&f).new_slots, 1);
	stop(&f);
}

Test(highmem, low_pages_and_64_bit_machines_need_no_slot)
{
	struct fixture f = start(512);
	struct mm_fixture *fx64 = mm_fixture_new(1, 64 << 20);
	uint32_t slot;

	cr_assert_eq(map(&f, 100), UINT32_MAX);
	cr_assert_eq(highmem_kunmap(f.h, 100, &f.fx->meter), HIGHMEM_UNMAPPED);
	cr_assert_eq(stats_of(&f).new_slots, 0);
	stop(&f);
	mm_fixture_boot(fx64);
	cr_assert_eq(highmem_kmap(mm_state(&fx64->mm, SLOT_HIGHMEM), HIGH, &slot, &fx64->meter), MM_DONE);
	cr_assert_eq(slot, UINT32_MAX);
	mm_fixture_free(fx64);
}

Test(highmem, atomic_mappings_are_a_stack_of_15_on_each_cpu)
{
	struct fixture f = start(512);

	for (uint32_t i = 0; i < 15; i++)
		cr_assert_eq(highmem_push_local(f.h, HIGH + i, i, 0, &f.fx->meter), HIGHMEM_LOCAL_DONE);
	cr_assert_eq(highmem_push_local(f.h, HIGH, 15, 0, &f.fx->meter), HIGHMEM_LOCAL_FULL);
	cr_assert_eq(highmem_push_local(f.h, HIGH, 15, 1, &f.fx->meter), HIGHMEM_LOCAL_DONE);
	cr_assert_eq(highmem_push_local(f.h, 100, 16, 0, &f.fx->meter), HIGHMEM_LOCAL_DONE, "a low page takes no slot");
	cr_assert_eq(highmem_pop_local(f.h, HIGH + 14, 14, 0, &f.fx->meter), HIGHMEM_LOCAL_DONE);
	cr_assert_eq(highmem_pop_local(f.h, HIGH + 3, 3, 0, &f.fx->meter), HIGHMEM_LOCAL_NOT_LAST);
	cr_assert_eq(highmem_pop_local(f.h, HIGH + 3, 3, 0, &f.fx->meter), HIGHMEM_LOCAL_ABSENT);
	cr_assert_eq(highmem_pop_local(f.h, HIGH + 13, 13, 0, &f.fx->meter), HIGHMEM_LOCAL_DONE);
	cr_assert_eq(stats_of(&f).local_peak, 15);
	stop(&f);
}

Test(highmem, random_mappings_agree_with_counting_users_by_page)
{
	struct fixture f = start(16);
	uint32_t users[64] = { 0 }, mapped = 0;
	struct rng rng;

	rng_init(&rng, 3, "test");
	for (int step = 0; step < 20000; step++) {
		uint32_t page = (uint32_t)rng_below(&rng, 64), slot;

		if (rng_below(&rng, 2)) {
			enum mm_answer answer = highmem_kmap(f.h, HIGH + page, &slot, &f.fx->meter);

			cr_assert_eq(answer, mapped == 16 && !users[page] ? MM_WAIT : MM_DONE, "step %d", step);
			if (answer == MM_DONE)
				mapped += users[page]++ == 0;
		} else {
			enum highmem_kunmap expected = !users[page] ? HIGHMEM_NOT_MAPPED :
				users[page] == 1 ? HIGHMEM_LAST_USER : HIGHMEM_UNMAPPED;

			cr_assert_eq(highmem_kunmap(f.h, HIGH + page, &f.fx->meter), expected, "step %d", step);
			if (users[page])
				mapped -= --users[page] == 0;
		}
		cr_assert_eq(stats_of(&f).used, mapped);
		if (step % 50 == 0)
			mm_fixture_check(f.fx);
	}
	stop(&f);
}

Test(highmem, broken_invariants_are_reported_by_number)
{
	struct fixture f = start(16);

	map(&f, HIGH);
	f.h->slots[1].pfn++;
	mm_fixture_expect_broken(f.fx, "highmem 1");
	f.h->slots[1].pfn--;
	f.h->stats.used++;
	mm_fixture_expect_broken(f.fx, "highmem 2");
	f.h->stats.used--;
	f.h->stacks[1].depth = KM_MAX_IDX;
	mm_fixture_expect_broken(f.fx, "highmem 3");
	mm_fixture_free(f.fx);
}

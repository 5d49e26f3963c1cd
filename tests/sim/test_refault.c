/* Which file pages that were reclaimed are read again, and when: as many as is said, in windows of readahead.
 */
#include "sim/readahead.h"
#include "tests/sim/reclaim_fixture.h"

/* Of what was read, written, and had come again before, so many in hundred. */
static struct world *begin(uint64_t seed, uint32_t read, uint32_t written, uint32_t again)
{
	struct world *w = world_new(seed);
	struct err err = { 0 };

	w->run.reclaim.refault_percent = read;
	w->run.reclaim.written_refault_percent = written;
	w->run.reclaim.again_refault_percent = again;
	cr_assert_eq(refaults_start(&w->run, &err), 0);
	return w;
}

static void end(struct world *w)
{
	refaults_fini(&w->run);
	world_free(w);
}

/* So many windows of pages of the initial state go, which count as written. */
static void windows_go(struct world *w, uint32_t nr, enum page_back back)
{
	for (uint32_t i = 0; i < nr * WINDOW_PAGES; i++)
		refault_evicted(&w->run, SLOT_NONE, 0, 0, back);
}

/* All that is due comes. Return: pages. */
static uint64_t read_all(struct world *w)
{
	struct err err = { 0 };

	for (uint32_t events = 0; w->run.engine.queue.nr; events++) {
		cr_assert_lt(events, 100000, "reading does not end");
		cr_assert_eq(engine_run_first(&w->run.engine, &err), 0);
		if (w->run.engine.now < NS / 2)
			w->refaults_at_half = w->run.reclaim.refaults;
	}
	cr_assert_eq(w->run.reading, 0);
	return w->run.reclaim.refaults;
}

Test(refault, as_many_windows_come_as_the_share_says_whatever_is_drawn)
{
	for (uint64_t seed = 0; seed < 10; seed++) {
		struct world *w = begin(seed, 0, 30, 0);

		windows_go(w, 100, BACK_NOT);
		cr_expect_leq(abs((int)(read_all(w) / WINDOW_PAGES) - 30), 1, "%lu pages",
			(unsigned long)w->run.reclaim.refaults);
		end(w);
	}
}

Test(refault, what_had_come_again_has_a_share_of_its_own_and_mapped_pages_are_left_to_who_maps_them)
{
	for (uint32_t again = 0; again <= 100; again += 100) {
		struct world *w = begin(1, 0, 100, again);

		windows_go(w, 3, BACK_MAPPED);
		cr_expect_eq(read_all(w), 0);
		windows_go(w, 3, BACK_READ);
		cr_expect_eq(read_all(w), again ? 3 * WINDOW_PAGES : 0);
		windows_go(w, 2, BACK_NOT);
		cr_expect_eq(read_all(w), (again ? 5 : 2) * WINDOW_PAGES);
		end(w);
	}
}

Test(refault, a_recording_that_reclaimed_has_its_own)
{
	struct world *w = world_new(1);
	struct err err = { 0 };

	w->run.reclaim.written_refault_percent = 100;
	w->run.reclaim.recorded = true;
	cr_assert_eq(refaults_start(&w->run, &err), 0);
	windows_go(w, 3, BACK_NOT);
	cr_expect_eq(read_all(w), 0);
	end(w);
}

/* The share that a machine has shown is one of all that went, by whatever way. */
Test(refault, a_share_that_is_known_is_one_of_all_pages_that_go)
{
	struct world *w = begin(1, 20, 20, 20);

	w->run.reclaim.use_unknown = false;
	w->fx->pa->counter[PC_PGSTEAL_FILE] = 100 * WINDOW_PAGES;
	windows_go(w, 1, BACK_MAPPED);
	windows_go(w, 15, BACK_NOT);
	cr_expect_geq(read_all(w), 14 * WINDOW_PAGES, "less than a fifth has come so far");
	end(w);
}

/* Least of the squares: sqrt(1/2) of all are there at half of the time. */
Test(refault, they_come_sooner_rather_than_later)
{
	struct world *w = begin(1, 0, 100, 0);
	uint64_t all;

	windows_go(w, 200, BACK_NOT);
	all = read_all(w);
	cr_expect_eq(all, 200 * WINDOW_PAGES);
	cr_expect(w->refaults_at_half * 100 > 62 * all && w->refaults_at_half * 100 < 80 * all, "%lu of %lu",
		(unsigned long)w->refaults_at_half, (unsigned long)all);
	end(w);
}

/* What one task has lies together: it comes as a whole, or none of it. */
Test(refault, a_stretch_comes_whole_or_not_at_all)
{
	uint32_t whole = 0;

	for (uint64_t seed = 0; seed < 20; seed++) {
		struct world *w = begin(seed, 0, 50, 0);
		uint64_t came;

		for (uint32_t i = 0; i < 4096; i++)
			lru_add(w->fx->pa, take(w->fx, 0, M), LRU_KIND_FILE);
		windows_go(w, 33, BACK_NOT); /* a quarter of what is on the lists, and one */
		came = read_all(w);
		cr_expect(came == 0 || came == 33 * WINDOW_PAGES, "%lu pages", (unsigned long)came);
		whole += came > 0;
		end(w);
	}
	cr_expect(whole > 3 && whole < 17, "%u of 20", whole);
}

Test(refault, a_stretch_is_over_when_too_much_else_has_gone_since)
{
	for (uint64_t seed = 0; seed < 10; seed++) {
		struct world *w = begin(seed, 0, 50, 0);

		for (uint32_t i = 0; i < 1024; i++)
			lru_add(w->fx->pa, take(w->fx, 0, M), LRU_KIND_FILE);
		windows_go(w, 1, BACK_NOT);
		windows_go(w, 9, BACK_READ); /* more than 256 pages */
		windows_go(w, 1, BACK_NOT);
		cr_expect_eq(read_all(w), WINDOW_PAGES, "of two stretches one half");
		end(w);
	}
}

Test(refault, blocks_of_the_buffer_cache_come_alone)
{
	struct world *w = begin(1, 100, 100, 0);

	for (uint32_t slot = 0; slot < 10; slot++) {
		w->objects[slot] =
			(struct object){ .slab = OBJECT_RECLAIMED, .op = slot < 5 ? OP_BUFFER : OP_READ };
		refault_evicted(&w->run, slot, 2, 0, BACK_NOT);
	}
	cr_expect_eq(read_all(w), 5, "the others are not yet a window");
	cr_expect_eq(w->objects[0].slab, OBJECT_PAGES);
	cr_expect_eq(w->objects[5].slab, OBJECT_RECLAIMED);
	end(w);
}

/*
 * When pages of a window have gone one after another, it is read again after the one before, which the disk
 * does first.
 */
Test(refault, a_window_waits_for_the_disk)
{
	struct world *w = begin(1, 0, 100, 0);
	struct err err = { 0 };
	ns_t first_ns = 0;

	w->fx->machine.latency.step_ns[STEP_SWAP_IN_PAGE] = 100000;
	for (uint32_t i = 0; i < 4096; i++)
		lru_add(w->fx->pa, take(w->fx, 0, M), LRU_KIND_FILE);
	windows_go(w, 2, BACK_NOT);
	while (w->run.reclaim.refaults < 2 * WINDOW_PAGES) {
		cr_assert_eq(engine_run_first(&w->run.engine, &err), 0);
		if (w->run.reclaim.refaults == WINDOW_PAGES && !first_ns)
			first_ns = w->run.engine.now;
	}
	cr_expect_geq(w->run.engine.now - first_ns, WINDOW_PAGES * 100000u);
	cr_expect_gt(w->run.reclaim.disk_free_ns, first_ns + 2 * WINDOW_PAGES * 100000u,
		"the readers' own time to find memory comes first");
	(void)read_all(w);
	end(w);
}

Test(refault, what_is_promised_is_read_before_the_recording_ends)
{
	struct world *w = begin(1, 0, 100, 0);
	const uint32_t windows = 200;

	w->fx->machine.latency.step_ns[STEP_SWAP_IN_PAGE] = NS / (windows * WINDOW_PAGES) * 9 / 10;
	windows_go(w, windows, BACK_NOT);
	cr_expect_eq(read_all(w), windows * WINDOW_PAGES);
	cr_expect_leq(w->run.reclaim.disk_free_ns, NS, "%lu", (unsigned long)w->run.reclaim.disk_free_ns);
	end(w);
}

Test(refault, what_has_been_read_keeps_the_disk_from_nothing)
{
	ns_t latest_ns = 0;

	for (uint64_t seed = 0; seed < 10; seed++) {
		struct world *w = begin(seed, 0, 100, 0);
		ns_t since_ns;

		w->fx->machine.latency.step_ns[STEP_SWAP_IN_PAGE] = NS / (100 * WINDOW_PAGES);
		windows_go(w, 100, BACK_NOT);
		(void)read_all(w);
		since_ns = w->run.engine.now;
		w->meta.last_ns = since_ns + NS / 2;
		windows_go(w, 1, BACK_NOT);
		(void)read_all(w);
		latest_ns = max_u64(latest_ns, w->run.engine.now - since_ns);
		end(w);
	}
	cr_expect_gt(latest_ns, NS / 10, "one window of ten comes late in half a second: %lu ns",
		(unsigned long)latest_ns);
}

Test(refault, a_reader_who_finds_no_memory_gives_up_page_by_page)
{
	struct world *w = begin(1, 0, 100, 0);

	while (take(w->fx, 0, M) != PFN_NONE)
		;
	meter_restart(&w->run.meter);
	windows_go(w, 3, BACK_NOT);
	cr_expect_eq(read_all(w), 0);
	end(w);
}

/* MOST_WAITING times its own length. */
Test(refault, the_recording_waits_for_what_is_due_but_not_for_ever)
{
	for (int late = 0; late < 2; late++) {
		struct world *w = begin(1, 0, 100, 0);
		struct err err = { 0 };

		windows_go(w, 1, BACK_NOT);
		w->run.late_ns = late ? 2ull * NS : 0;
		cr_assert_eq(engine_run_first(&w->run.engine, &err), 0);
		cr_expect_eq(w->run.reclaim.refaults, WINDOW_PAGES);
		cr_expect_eq(w->run.reading, !late);
		(void)read_all(w);
		end(w);
	}
}

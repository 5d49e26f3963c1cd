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
	const uint32_t windows = 20;

	for (uint64_t seed = 0; seed < 20; seed++) {
		struct world *w = begin(seed, 0, 100, 0);

		w->fx->machine.latency.step_ns[STEP_SWAP_IN_PAGE] = NS / (windows * WINDOW_PAGES) * 97 / 100;
		windows_go(w, windows, BACK_NOT);
		cr_expect_eq(read_all(w), windows * WINDOW_PAGES);
		cr_expect_leq(w->run.reclaim.disk_free_ns, NS, "%lu", (unsigned long)w->run.reclaim.disk_free_ns);
		end(w);
	}
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
	for (uint64_t late = 0; late < 4; late++) {
		struct world *w = begin(1, 0, 100, 0);
		struct err err = { 0 };

		windows_go(w, 1, BACK_NOT);
		w->run.late_ns = late * NS * 2 / 3;
		cr_assert_eq(engine_run_first(&w->run.engine, &err), 0);
		cr_expect_eq(w->run.reclaim.refaults, WINDOW_PAGES);
		cr_expect_eq(w->run.reading, late < 3);
		(void)read_all(w);
		end(w);
	}
}

/* What it has waited before counts, too. */
Test(refault, the_recording_goes_on_when_reading_takes_too_long)
{
	struct world *w = begin(1, 0, 100, 0);
	struct err err = { 0 };
	ns_t since_ns = 0;

	w->fx->machine.latency.step_ns[STEP_SWAP_IN_PAGE] = NS / WINDOW_PAGES / 10;
	w->run.late_ns = NS;
	windows_go(w, 40, BACK_NOT);
	while (w->run.engine.queue.nr) {
		bool waited = w->run.reading;

		cr_assert_eq(engine_run_first(&w->run.engine, &err), 0);
		if (w->run.reading && !waited)
			since_ns = w->run.engine.now;
		if (waited && !w->run.reading)
			break;
	}
	cr_expect(w->run.engine.now >= since_ns + NS && w->run.engine.now < since_ns + NS + NS / 4, "%lu after %lu",
		(unsigned long)w->run.engine.now, (unsigned long)since_ns);
	cr_expect_lt(w->run.reclaim.refaults, 40 * WINDOW_PAGES);
	w->run.late_ns = 2ull * NS;
	(void)read_all(w);
	end(w);
}

/* Objects of the trace in slots from @first on, a window of them, which go. */
static void window_of_objects_goes(struct world *w, uint32_t first, uint32_t who, uint32_t op)
{
	for (uint32_t slot = first; slot < first + WINDOW_PAGES; slot++) {
		w->objects[slot] = (struct object){ .slab = OBJECT_RECLAIMED, .op = op };
		refault_evicted(&w->run, slot, who, 0, BACK_NOT);
	}
}

Test(refault, of_a_known_share_all_that_is_to_come_is_a_part)
{
	for (int again = 0; again < 2; again++) {
		struct world *w = begin(1, 50, 50, 50);

		w->run.reclaim.use_unknown = false;
		w->fx->pa->counter[PC_PGSTEAL_FILE] = 6 * WINDOW_PAGES;
		for (uint32_t i = 0; again == 0 && i < 7; i++)
			window_of_objects_goes(w, i * WINDOW_PAGES, 2, OP_READ);
		if (again)
			windows_go(w, 7, BACK_READ);
		windows_go(w, 20, BACK_NOT);
		cr_expect_leq(read_all(w), 5 * WINDOW_PAGES, "half of six, and what was drawn");
		end(w);
	}
}

/* A stretch that goes as a whole is read from its beginning on, so that its end is there in time, too. */
Test(refault, a_long_stretch_is_begun_early_enough)
{
	for (uint64_t seed = 0; seed < 10; seed++) {
		struct world *w = begin(seed, 0, 100, 0);

		for (uint32_t i = 0; i < 4096; i++)
			lru_add(w->fx->pa, take(w->fx, 0, M), LRU_KIND_FILE);
		w->fx->machine.latency.step_ns[STEP_SWAP_IN_PAGE] = NS / (33 * WINDOW_PAGES) * 9 / 10;
		windows_go(w, 33, BACK_NOT);
		cr_expect_eq(read_all(w), 33 * WINDOW_PAGES);
		cr_expect_leq(w->run.reclaim.disk_free_ns, NS, "%lu", (unsigned long)w->run.reclaim.disk_free_ns);
		end(w);
	}
}

/* A quarter of what is on the lists, and a window. */
Test(refault, a_stretch_has_an_end)
{
	for (uint64_t seed = 0; seed < 10; seed++) {
		struct world *w = begin(seed, 0, 50, 0);

		for (uint32_t i = 0; i < 4096; i++)
			lru_add(w->fx->pa, take(w->fx, 0, M), LRU_KIND_FILE);
		windows_go(w, 66, BACK_NOT);
		cr_expect_eq(read_all(w), 33 * WINDOW_PAGES, "of two stretches one");
		end(w);
	}
}

Test(refault, threads_of_one_task_read_one_stretch)
{
	for (uint64_t seed = 0; seed < 10; seed++) {
		struct world *w = begin(seed, 50, 50, 0);
		uint64_t came;

		for (uint32_t i = 0; i < 4096; i++)
			lru_add(w->fx->pa, take(w->fx, 0, M), LRU_KIND_FILE);
		w->leader[3] = 2;
		for (uint32_t i = 0; i < 8; i++)
			window_of_objects_goes(w, i * WINDOW_PAGES, 2 + i % 2, OP_READ);
		came = read_all(w);
		cr_expect(came == 0 || came == 8 * WINDOW_PAGES, "%lu pages", (unsigned long)came);
		end(w);
	}
}

/* Nobody reads what has been freed meanwhile: the disk has nothing to do, and other pages make up for it. */
Test(refault, what_is_gone_for_good_is_neither_read_nor_counted)
{
	struct world *w = begin(1, 50, 50, 0);
	uint64_t came;

	for (uint32_t i = 0; i < 8; i++)
		window_of_objects_goes(w, i * WINDOW_PAGES, 2, OP_READ);
	for (uint32_t slot = 0; slot < WORLD_OBJECTS; slot++)
		w->objects[slot].slab = OBJECT_NONE;
	w->fx->machine.latency.step_ns[STEP_SWAP_IN_PAGE] = NS / 10;
	cr_expect_eq(read_all(w), 0);
	cr_expect_leq(w->run.reclaim.disk_free_ns, NS);
	w->fx->machine.latency.step_ns[STEP_SWAP_IN_PAGE] = 1000;
	for (uint32_t i = 0; i < 8; i++)
		window_of_objects_goes(w, i * WINDOW_PAGES, 2, OP_READ);
	came = read_all(w);
	cr_expect_geq(came, 7 * WINDOW_PAGES, "half of all sixteen: %lu pages", (unsigned long)came);
	end(w);
}

Test(refault, a_page_that_is_in_swap_is_not_read_as_one_of_a_file)
{
	struct world *w = begin(1, 100, 100, 0);

	w->objects[1] = (struct object){ .slab = OBJECT_RECLAIMED, .op = OP_READ, .index = 1 };
	cr_expect_eq(refault_read(&w->run, 1, 2, false, BACK_READ), READ_NOT_WANTED);
	w->objects[1].index = 0;
	cr_expect_eq(refault_read(&w->run, 1, 2, false, BACK_READ), READ_CAME);
	cr_expect_eq(w->ops[OP_READ].older, 1, "no request of the trace");
	end(w);
}

/* workingset_refault(): what was away for no longer than active pages stay; of the trace, and of the initial state. */
Test(refault, what_comes_back_soon_is_active)
{
	for (int i = 0; i < 4; i++) {
		struct world *w = begin(1, 100, 100, 0);
		bool late = i & 1, older = i & 2;
		uint32_t came_again = 0;

		w->fx->pa->reclaim[0].nonresident_age = 1000;
		for (uint32_t slot = 0; slot < WINDOW_PAGES; slot++) {
			w->objects[slot] = (struct object){ .slab = OBJECT_RECLAIMED, .op = OP_READ };
			refault_evicted(&w->run, older ? SLOT_NONE : slot, 2, (late ? 0ull : 1000ull) << 17, BACK_NOT);
		}
		cr_expect_eq(read_all(w), WINDOW_PAGES);
		cr_expect_eq(lru_pages(w->fx->pa, 0, LRU_ACTIVE_FILE) > 0, !late, "%d", i);
		for (pfn_t pfn = WORLD_FIRST; pfn < WORLD_END; pfn++)
			came_again += w->users[pfn].back == BACK_READ;
		cr_expect_eq(came_again, WINDOW_PAGES, "when they go next, it is not for the first time");
		end(w);
	}
}

/* Without recorded times, the clock is the pages that have gone since. */
Test(refault, as_fast_as_possible_they_come_when_as_much_has_gone)
{
	struct world *w = world_new(1);
	struct err err = { 0 };

	w->options.pace = PACE_ASAP;
	w->run.reclaim.written_refault_percent = 100;
	cr_assert_eq(refaults_start(&w->run, &err), 0);
	for (uint32_t i = 0; i < 4096; i++)
		lru_add(w->fx->pa, take(w->fx, 0, M), LRU_KIND_FILE);
	windows_go(w, 2, BACK_NOT);
	cr_expect_eq(read_all(w), 0);
	w->fx->pa->reclaim[0].nonresident_age += 4096 + 2;
	windows_go(w, 1, BACK_NOT);
	cr_expect_geq(read_all(w), 2 * WINDOW_PAGES);
	end(w);
}

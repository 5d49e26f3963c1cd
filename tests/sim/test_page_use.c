/*
 * Pages that are used while they are there, that come back to a recording, that go with a task or with a swap
 * device.
 */
#include "mm/lru_priv.h"
#include "sim/readahead.h"
#include "tests/sim/reclaim_fixture.h"

enum { WINDOWS = 200, PAGES = WINDOWS * WINDOW_PAGES };

/* ---- reuse.c ---- */

static struct world *begin_reuse(uint32_t percent, struct reclaim_hooks *hooks)
{
	struct world *w = world_new(1);

	w->run.reclaim.reused_percent = percent;
	for (pfn_t pfn = WORLD_FIRST; pfn < WORLD_FIRST + PAGES; pfn++)
		w->users[pfn].slot_plus1 = 1;
	*hooks = (struct reclaim_hooks){ 0 };
	reuse_start(&w->run, hooks);
	return w;
}

Test(page_use, as_many_windows_as_is_known_are_used_twice_by_the_end_each_as_one)
{
	struct reclaim_hooks hooks;
	struct world *w = begin_reuse(30, &hooks);
	uint32_t used = 0;
	bool before = false;

	w->run.engine.now = NS;
	for (uint32_t i = 0; i < PAGES; i++) {
		bool is_used = hooks.page_reused(w, WORLD_FIRST + i);

		cr_assert(i % WINDOW_PAGES == 0 || is_used == before, "page %u", i);
		before = is_used;
		used += is_used;
	}
	cr_expect(used > PAGES * 20 / 100 && used < PAGES * 40 / 100, "%u of %u", used, PAGES);
	world_free(w);
}

Test(page_use, what_has_come_again_or_is_nobodys_is_not_used_twice)
{
	struct reclaim_hooks hooks;
	struct world *w = begin_reuse(100, &hooks);

	w->run.engine.now = NS;
	cr_expect(hooks.page_reused(w, WORLD_FIRST));
	w->users[WORLD_FIRST].back = BACK_READ;
	cr_expect_not(hooks.page_reused(w, WORLD_FIRST));
	w->users[WORLD_FIRST] = (struct page_user){ 0 };
	cr_expect_not(hooks.page_reused(w, WORLD_FIRST));
	world_free(w);
}

Test(page_use, without_recorded_times_no_page_is_known_to_be_used_twice)
{
	struct reclaim_hooks hooks;
	struct world *w = begin_reuse(100, &hooks);

	w->options.pace = PACE_ASAP;
	hooks = (struct reclaim_hooks){ 0 };
	reuse_start(&w->run, &hooks);
	cr_expect_null(hooks.page_reused);
	world_free(w);
}

/* ---- mapped.c ---- */

static struct world *begin_mapped(uint32_t percent, struct reclaim_hooks *hooks)
{
	struct world *w = world_new(1);
	struct err err = { 0 };

	w->run.reclaim.mapped_percent = percent;
	*hooks = (struct reclaim_hooks){ 0 };
	cr_assert_eq(mapped_start(&w->run, hooks, &err), 0);
	return w;
}

static void end_mapped(struct world *w)
{
	mapped_fini(&w->run);
	world_free(w);
}

static void read_pages(struct world *w, uint32_t op)
{
	for (pfn_t pfn = WORLD_FIRST; pfn < WORLD_FIRST + PAGES; pfn++)
		mapped_page_begins(&w->run, 2, &w->ops[op], pfn);
}

static uint32_t used_pages(struct world *w, const struct reclaim_hooks *hooks, uint32_t step)
{
	uint32_t used = 0;

	for (pfn_t pfn = WORLD_FIRST; pfn < WORLD_FIRST + PAGES; pfn += step)
		used += hooks->page_used(w, pfn, PAGE_CAME);
	return used;
}

/* filemap_fault() maps the one page that the window was read for. */
Test(page_use, of_a_window_the_page_that_it_was_read_for_is_mapped_first)
{
	struct reclaim_hooks hooks;
	struct world *w = begin_mapped(4, &hooks);

	read_pages(w, OP_READ);
	cr_expect_eq(used_pages(w, &hooks, WINDOW_PAGES), WINDOWS);
	cr_expect_lt(used_pages(w, &hooks, 1), WINDOWS * 2, "4 in 100 are one of a window, and a few more");
	end_mapped(w);
}

Test(page_use, the_share_of_mapped_pages_comes_out)
{
	struct reclaim_hooks hooks;
	struct world *w = begin_mapped(50, &hooks);
	uint32_t used;

	read_pages(w, OP_READ);
	used = used_pages(w, &hooks, 1);
	cr_expect(used > PAGES * 42 / 100 && used < PAGES * 58 / 100, "%u of %u", used, PAGES);
	end_mapped(w);
}

Test(page_use, what_is_written_nobody_maps_until_it_is_read_again)
{
	struct reclaim_hooks hooks;
	struct world *w = begin_mapped(100, &hooks);

	read_pages(w, OP_WRITTEN);
	cr_expect_eq(used_pages(w, &hooks, 1), 0);
	w->run.reclaim.reading_again = BACK_READ;
	read_pages(w, OP_WRITTEN);
	cr_expect_eq(used_pages(w, &hooks, 1), PAGES);
	end_mapped(w);
}

Test(page_use, a_mapped_page_that_has_grown_old_goes)
{
	struct reclaim_hooks hooks;
	struct world *w = begin_mapped(100, &hooks);

	read_pages(w, OP_READ);
	cr_expect(hooks.page_used(w, WORLD_FIRST, PAGE_CAME));
	cr_expect_not(hooks.page_used(w, WORLD_FIRST, PAGE_WAS_ACTIVE));
	end_mapped(w);
}

/* A recording that reclaimed: task 2 has page tables in a row. */
static struct world *begin_mappers(uint32_t percent, struct reclaim_hooks *hooks)
{
	static const struct trace_op table = {
		.kind = KIND_ALLOC_PAGES,
		.gfp = GFP_KERNEL_ACCOUNT | GFP_BIT_ZERO,
	};
	struct world *w = world_new(1);
	struct err err = { 0 };

	w->run.reclaim.recorded = true;
	w->run.reclaim.mapped_percent = percent;
	w->meta.slots = WORLD_OBJECTS;
	w->tables.ops = &table;
	w->tables.nr_ops = 1;
	*hooks = (struct reclaim_hooks){ 0 };
	cr_assert_eq(mapped_start(&w->run, hooks, &err), 0);
	cr_assert_eq(mappers_start(&w->run, &err), 0);
	for (uint32_t slot = 0; slot < 20; slot++)
		mappers_page_begins(&w->run, &(struct request){ .slot = slot, .who = 2 },
			&(struct run_op){ .action = ACT_PAGES });
	cr_assert(mappers_maps(&w->run, 2));
	return w;
}

/* The first half of the pages are task 3's, the second are task 2's. */
static void read_half(struct world *w, uint32_t who)
{
	pfn_t first = WORLD_FIRST + (who == 2 ? PAGES / 2 : 0);

	for (pfn_t pfn = first; pfn < first + PAGES / 2; pfn++) {
		w->users[pfn].who = who;
		mapped_page_begins(&w->run, who, &w->ops[OP_READ], pfn);
	}
}

static void end_mappers(struct world *w)
{
	mappers_fini(&w->run);
	end_mapped(w);
}

/* do_fault_around() maps 16 pages: one that is mapped is touched as much less often. */
Test(page_use, a_page_of_a_mapping_that_was_used_is_used_again_one_time_in_16)
{
	struct reclaim_hooks hooks;
	struct world *w = begin_mappers(100, &hooks);
	uint32_t used = 0;

	read_half(w, 2);
	for (pfn_t pfn = WORLD_FIRST + PAGES / 2; pfn < WORLD_FIRST + PAGES; pfn++)
		used += hooks.page_used(w, pfn, PAGE_WAS_USED);
	cr_expect(used > PAGES / 2 / 20 && used < PAGES / 2 / 13, "%u of %u", used, PAGES / 2);
	end_mappers(w);
}

/* A quarter of all are used. Of the first half nobody was known to map files yet; or nobody has asked. */
Test(page_use, mappers_make_up_for_what_others_have_not_had)
{
	for (int asked = 0; asked < 2; asked++) {
		struct reclaim_hooks hooks;
		struct world *w = begin_mappers(25, &hooks);
		uint32_t others = 0, theirs = 0;

		read_half(w, 3);
		for (pfn_t pfn = WORLD_FIRST; asked && pfn < WORLD_FIRST + PAGES / 2; pfn++)
			others += hooks.page_used(w, pfn, PAGE_CAME);
		read_half(w, 2);
		for (pfn_t pfn = WORLD_FIRST + PAGES / 2; pfn < WORLD_FIRST + PAGES; pfn++)
			theirs += hooks.page_used(w, pfn, PAGE_CAME);
		cr_expect_eq(others > 0, asked);
		cr_expect(others + theirs > PAGES * 20 / 100 && others + theirs < PAGES * 30 / 100,
			"%u and %u of %u", others, theirs, PAGES);
		end_mappers(w);
	}
}

/* ---- shadows.c ---- */

Test(page_use, windows_of_a_recording_come_back_active_or_not_as_one)
{
	struct world *w = world_new(1);
	struct err err = { 0 };
	uint32_t active = 0;
	bool before = false;

	w->run.reclaim.recorded = true;
	w->run.reclaim.refault_percent = 50;
	w->fx->machine.reclaim.activated_percent = 30;
	cr_assert_eq(shadows_start(&w->run, &err), 0);
	cr_assert_not_null(w->run.reclaim.shadows, "half of what goes is most of it");
	for (uint32_t i = 0; i < PAGES; i++) {
		pfn_t pfn = take(w->fx, 0, M);
		bool is_active;

		lru_add(w->fx->pa, pfn, LRU_KIND_FILE);
		shadow_met(&w->run, &w->ops[OP_READ], pfn);
		is_active = lru_list_of(w->fx->pa, pfn) == LRU_ACTIVE_FILE;
		cr_assert(i % WINDOW_PAGES == 0 || is_active == before, "page %u", i);
		before = is_active;
		active += is_active;
	}
	cr_expect(active > PAGES * 20 / 100 && active < PAGES * 40 / 100, "%u of %u", active, PAGES);
	shadows_fini(&w->run);
	world_free(w);
}

/* ---- swap.c ---- */

/* One page of a task is in swap when the device goes. Return: whether it is back. */
static bool swaps_in(bool recorded)
{
	struct world *w = world_new(1);
	struct run_op device = { .size = 100 };
	bool back;

	w->fx->machine.reclaim.swap = MACHINE_AUTO;
	w->run.reclaim.recorded = recorded;
	swap_on(&w->run, &device);
	cr_assert_eq(w->fx->pa->swap_pages, 99, "without its header");
	w->fx->pa->swap_used = 1;
	w->objects[3] = (struct object){ .slab = OBJECT_RECLAIMED, .index = 1 + 2, .op = OP_ANON };
	swap_off(&w->run, &device);
	cr_assert_eq(w->fx->pa->swap_pages, 0);
	back = w->objects[3].slab == OBJECT_PAGES;
	world_free(w);
	return back;
}

Test(page_use, swapoff_reads_back_what_the_recording_does_not_show_it_reading)
{
	cr_expect(swaps_in(false));
	cr_expect_not(swaps_in(true));
}

Test(page_use, a_machine_that_says_how_much_swap_it_has_has_no_other)
{
	struct world *w = world_new(1);
	struct run_op device = { .size = 100 };
	struct state state = { .swap_bytes = 50 << 12 };

	w->options.initial = &state;
	w->fx->pa->swap_pages = 10;
	swap_on(&w->run, &device);
	swap_older(&w->run);
	cr_expect_eq(w->fx->pa->swap_pages, 10);
	swap_forget(&w->run);
	cr_expect_eq(w->fx->pa->swap_pages, 10);
	w->fx->machine.reclaim.swap = MACHINE_AUTO;
	swap_older(&w->run);
	cr_expect_eq(w->fx->pa->swap_pages, 50);
	world_free(w);
}

/* ---- oom.c ---- */

static bool kill_one(struct world *w)
{
	bool killed = oom_kill(w, 0, &w->run.meter);

	meter_restart(&w->run.meter);
	return killed;
}

/* oom_unkillable_task(): whatever it holds. */
Test(page_use, init_and_the_first_task_are_not_killed_and_nobody_twice)
{
	struct world *w = world_new(1);

	oom_start(&w->run);
	for (uint32_t slot = 0; slot < 9; slot++)
		world_take(w, slot, slot < 4 ? 1 : slot < 6 ? 2 : slot < 8 ? 0 : 3, OP_ANON);
	cr_expect(kill_one(w));
	cr_expect(w->killed[2] && !w->killed[3]);
	cr_expect_eq(w->objects[4].slab, OBJECT_RECLAIMED);
	world_take(w, 20, 2, OP_ANON); /* of an interrupt in it, say */
	world_take(w, 21, 2, OP_ANON);
	cr_expect(kill_one(w));
	cr_expect(w->killed[3]);
	cr_expect_eq(w->run.reclaim.nr_killed, 2);
	cr_expect_not(kill_one(w));
	cr_expect_not(w->killed[0] || w->killed[1]);
	world_free(w);
}

/* Its first event may be of an interrupt, and its name another one later: one task all the same. */
Test(page_use, who_has_several_names_and_contexts_is_killed_once)
{
	struct world *w = world_new(1);

	w->whos[2].ctx = CTX_SOFTIRQ;
	w->whos[4].pid = 2;
	w->leader[4] = 2;
	oom_start(&w->run);
	for (uint32_t slot = 0; slot < 4; slot++)
		world_take(w, slot, slot % 2 ? 2 : 4, OP_ANON);
	for (uint32_t slot = 4; slot < 7; slot++)
		world_take(w, slot, 3, OP_ANON);
	cr_expect(kill_one(w));
	cr_expect(w->killed[4] && !w->killed[3], "two and two are more than three");
	cr_expect_not(w->killed[2], "what interrupts it goes on");
	for (uint32_t slot = 10; slot < 14; slot++)
		world_take(w, slot, 2, OP_ANON);
	cr_expect(kill_one(w));
	cr_expect(w->killed[3]);
	cr_expect_not(kill_one(w));
	world_free(w);
}

Test(page_use, a_huge_page_that_is_whole_counts_and_goes_and_one_that_is_not_stays)
{
	struct world *w = world_new(1);

	oom_start(&w->run);
	world_take(w, 0, 2, OP_HUGE);
	world_take(w, 1, 3, OP_ANON);
	world_take(w, 2, 2, OP_READ);
	w->objects[0].left = 511;
	page_alloc_give(w->fx->pa, w->objects[0].index + 511, 0, 0, &w->run.meter);
	meter_restart(&w->run.meter);
	w->run.pages_held = 513;
	cr_expect(kill_one(w));
	cr_expect(w->killed[3] && !w->killed[2], "nothing of the other one's would be free");
	cr_expect_eq(w->objects[0].slab, OBJECT_PAGES);
	cr_expect_eq(w->run.pages_held, 512);
	world_take(w, 3, 2, OP_HUGE);
	cr_expect(kill_one(w));
	cr_expect_eq(w->objects[3].slab, OBJECT_RECLAIMED);
	cr_expect_eq(w->objects[2].slab, OBJECT_PAGES, "pages of files stay");
	world_free(w);
}

Test(page_use, nobody_is_looked_for_again_before_somebody_has_got_a_page)
{
	struct world *w = world_new(1);

	oom_start(&w->run);
	cr_expect_not(kill_one(w));
	world_take(w, 0, 1, OP_ANON);
	cr_expect(w->run.reclaim.none_to_kill, "init's page is of no use");
	world_take(w, 1, 2, OP_READ);
	cr_expect(w->run.reclaim.none_to_kill, "nor is one of a file");
	cr_expect_not(kill_one(w));
	world_take(w, 2, 2, OP_ANON);
	cr_expect(kill_one(w));
	cr_expect_eq(w->run.reclaim.without_victim, 2);
	world_free(w);
}

/* What it frees on its way out it still frees. */
Test(page_use, who_has_been_killed_gets_nothing_and_frees_what_he_has)
{
	struct world *w = world_new(1);
	struct run_op free_op = { .action = ACT_PAGES_FREE, .kind = KIND_FREE_PAGES };
	struct request req = { .op = OP_ANON, .slot = 7, .who = 2 };

	cr_expect_not(reclaim_drops(&w->run, &req, &w->ops[OP_ANON]));
	w->killed[2] = true;
	cr_expect(reclaim_drops(&w->run, &req, &w->ops[OP_ANON]));
	cr_expect_eq(w->objects[7].slab, OBJECT_FAILED);
	cr_expect_eq(w->ops[OP_ANON].failed, 1);
	cr_expect_not(reclaim_drops(&w->run, &req, &free_op));
	world_take(w, 8, 3, OP_ANON);
	req.slot = 8;
	cr_expect(reclaim_drops(&w->run, &req, &w->ops[OP_ANON]));
	cr_expect_eq(w->objects[8].slab, OBJECT_PAGES, "it lives until its own free");
	cr_expect_eq(w->ops[OP_ANON].failed, 2);
	cr_expect_eq(w->run.reclaim.events_of_killed, 2);
	world_free(w);
}

/* ---- reclaim.c ---- */

/* Task 2 is kswapd, 3 kcompactd; task 4 reclaims itself in that operation. */
Test(page_use, what_the_recordings_reclaim_freed_is_left_to_the_models)
{
	static const struct {
		uint32_t who, op;
		uint16_t flags;
		bool kept;
	} cases[] = {
		{ 1, OP_READ, 0, false },
		{ 2, OP_READ, 0, true },
		{ 2, OP_ANON, 0, true },
		{ 2, OP_HUGE, 0, false },
		{ 4, OP_READ, OP_RECLAIM, true },
		{ 4, OP_ANON, OP_RECLAIM, true },
		{ 4, OP_READ, 0, false },
		{ 3, OP_READ, OP_RECLAIM, true },
		{ 3, OP_ANON, OP_RECLAIM, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = world_new(1);
		struct request req = { .slot = 5, .who = cases[i].who };
		struct run_op op = {
			.action = ACT_PAGES_FREE, .kind = KIND_FREE_PAGES, .flags = cases[i].flags
		};
		pfn_t pfn;

		w->is_kswapd[2] = w->is_kcompactd[3] = true;
		pfn = world_take(w, 5, 1, cases[i].op);
		cr_expect_eq(reclaim_keeps(&w->run, &req, &op, &w->objects[5]), cases[i].kept, "case %zu", i);
		cr_expect_eq(w->run.pages_held,
			cases[i].kept            ? 0
			: cases[i].op == OP_HUGE ? 512
						 : 1,
			"case %zu", i);
		cr_expect_eq(w->run.untimed, cases[i].kept);
		cr_expect_eq(reclaim_user(&w->run, pfn) == NULL, cases[i].kept,
			"case %zu: nobody's, and still in use", i);
		cr_expect(page_alloc_allocated(w->fx->pa, pfn, w->ops[cases[i].op].order));
		world_free(w);
	}
}

Test(page_use, the_free_of_what_is_in_swap_frees_its_place_there_and_that_of_a_file_page_none)
{
	struct world *w = world_new(1);

	w->fx->pa->swap_pages = 10;
	w->fx->pa->swap_used = 2;
	w->objects[0] = (struct object){ .slab = OBJECT_RECLAIMED, .op = OP_READ };
	reclaim_gone_freed(&w->run, &w->objects[0]);
	cr_expect_eq(w->fx->pa->swap_used, 2);
	w->objects[1] = (struct object){ .slab = OBJECT_RECLAIMED, .index = 1, .op = OP_ANON };
	reclaim_gone_freed(&w->run, &w->objects[1]);
	cr_expect_eq(w->fx->pa->swap_used, 1);
	cr_expect_eq(w->run.reclaim.frees_of_gone, 2);
	cr_expect_eq(w->objects[1].slab, OBJECT_NONE);
	world_free(w);
}

/*
 * Of two tasks with a page each one has two more in swap, whose
 * places are free when it has been killed, and are not freed again.
 */
Test(page_use, the_places_in_swap_of_a_killed_task_are_free_once)
{
	struct world *w = world_new(1);

	w->fx->pa->swap_pages = 10;
	w->fx->pa->swap_used = 4;
	world_take(w, 0, 2, OP_ANON);
	world_take(w, 1, 3, OP_ANON);
	w->objects[2] = (struct object){ .slab = OBJECT_RECLAIMED, .index = 1 + 3, .op = OP_ANON };
	w->objects[3] = (struct object){ .slab = OBJECT_RECLAIMED, .index = 1 + 3, .op = OP_ANON };
	w->objects[4] = (struct object){ .slab = OBJECT_RECLAIMED, .index = 1 + 2, .op = OP_ANON };
	cr_assert(oom_kill(&w->run, 0, &w->run.meter));
	cr_expect(w->killed[3] && !w->killed[2]);
	cr_expect_eq(w->fx->pa->swap_used, 2);
	for (uint32_t slot = 1; slot < 4; slot++)
		reclaim_gone_freed(&w->run, &w->objects[slot]);
	cr_expect_eq(w->fx->pa->swap_used, 2);
	cr_expect_eq(w->objects[4].index, 1 + 2, "the other's are where they were");
	cr_assert(oom_kill(&w->run, 0, &w->run.meter));
	cr_expect(w->killed[2]);
	cr_expect_eq(w->fx->pa->swap_used, 1);
	world_free(w);
}

/* find_or_create_page() and __find_get_block() mark a buffer used; a task has touched its anonymous page. */
Test(page_use, pages_begin_as_used_as_their_makers_leave_them)
{
	struct world *w = world_new(1);
	pfn_t anon = world_take(w, 2, 1, OP_ANON);

	cr_expect_eq(lru_list_of(w->fx->pa, world_take(w, 0, 1, OP_READ)), LRU_INACTIVE_FILE);
	cr_expect_eq(lru_list_of(w->fx->pa, world_take(w, 1, 1, OP_BUFFER)), LRU_ACTIVE_FILE);
	cr_expect_eq(lru_list_of(w->fx->pa, world_take(w, 3, 1, OP_HUGE)), NR_LRU_LISTS);
	cr_expect_eq(lru_list_of(w->fx->pa, anon), LRU_INACTIVE_ANON);
	cr_expect(w->fx->pa->pages[anon].mt & LRU_USED);
	w->run.reclaim.active_anon_percent = 100;
	cr_expect_eq(lru_list_of(w->fx->pa, world_take(w, 4, 1, OP_ANON)), LRU_ACTIVE_ANON);
	world_free(w);
}

/* ---- shmem.c ---- */

static bool begins_used(struct world *w, uint32_t slot, uint32_t who, gfp_t more)
{
	pfn_t pfn;

	w->ops[OP_ANON].gfp = GFP_HIGHUSER_MOVABLE | more;
	pfn = world_take(w, slot, who, OP_ANON);
	cr_expect_eq(lru_list_of(w->fx->pa, pfn), LRU_INACTIVE_ANON);
	return w->fx->pa->pages[pfn].mt & LRU_USED;
}

static struct world *begin_shmem(void)
{
	struct world *w = world_new(1);
	struct err err = { 0 };

	w->strings[0] = "task";
	w->strings[1] = "kworker/u4:0";
	w->whos[3].comm = 1;
	cr_assert_eq(shmem_start(&w->run, &err), 0);
	return w;
}

static void end_shmem(struct world *w)
{
	shmem_fini(&w->run);
	world_free(w);
}

/*
 * A kworker unpacks the initial ramdisk into shmem; the pages of a program's arguments it
 * clears, and they are mapped. Which of what is unpacked in the run is a program nothing tells.
 */
Test(page_use, what_a_thread_of_the_kernel_wrote_to_memory_before_the_run_is_not_in_use)
{
	struct world *w = begin_shmem();

	cr_expect(begins_used(w, 0, 3, 0));
	reclaim_object_begins(&w->run, 9, 3, SHRINK_NODE);
	cr_expect(begins_used(w, 4, 3, 0));
	w->run.follow.skipping = true;
	cr_expect(begins_used(w, 1, 2, 0));
	cr_expect_not(begins_used(w, 2, 3, 0));
	cr_expect(begins_used(w, 3, 3, GFP_BIT_ZERO));
	end_shmem(w);
}

/*
 * shmem_add_to_page_cache(): its tree has a node when the file has
 * a second page; a file of a disk has one, too, and others' trees.
 */
Test(page_use, who_puts_pages_in_a_tree_writes_to_files_in_memory)
{
	struct world *w = begin_shmem();

	reclaim_object_begins(&w->run, 9, 2, SHRINK_NODE);
	cr_expect(begins_used(w, 0, 2, 0), "a node without a page");
	(void)world_take(w, 1, 2, OP_WRITTEN);
	reclaim_object_begins(&w->run, 9, 2, SHRINK_NODE);
	cr_expect(begins_used(w, 2, 2, 0), "a node of a file of a disk");
	reclaim_object_begins(&w->run, 9, 4, SHRINK_NODE);
	cr_expect(begins_used(w, 3, 2, 0), "another task's node");
	reclaim_object_begins(&w->run, 9, 2, SHRINK_NODE);
	cr_expect_not(begins_used(w, 4, 2, 0));
	cr_expect(begins_used(w, 5, 2, GFP_BIT_ZERO), "memory of its own");
	cr_expect(begins_used(w, 6, 4, 0), "another task's page");
	cr_expect_not(begins_used(w, 7, 2, 0));
	end_shmem(w);
}

/* A program that is executed, or a child that is forked: what is written then are copies. */
Test(page_use, who_has_a_new_address_space_writes_to_copies)
{
	struct world *w = begin_shmem();

	w->leader[4] = 2;
	(void)begins_used(w, 0, 4, 0);
	reclaim_object_begins(&w->run, 9, 2, SHRINK_NODE);
	cr_expect_not(begins_used(w, 1, 2, 0), "the same task on another CPU");
	reclaim_object_begins(&w->run, 10, 4, SHRINK_NEVER);
	cr_expect(begins_used(w, 2, 2, 0));
	reclaim_object_begins(&w->run, 11, 3, SHRINK_NEVER);
	w->run.follow.skipping = true;
	cr_expect_not(begins_used(w, 4, 3, 0), "a thread of the kernel stays one");
	end_shmem(w);
}

/* What is older than the beginning comes in the order of its slots. */
Test(page_use, older_pages_are_not_the_last_before_a_node)
{
	struct world *w = begin_shmem();

	w->run.follow.skipping = true;
	(void)begins_used(w, 0, 2, 0);
	w->run.follow.skipping = false;
	reclaim_object_begins(&w->run, 9, 2, SHRINK_NODE);
	cr_expect(begins_used(w, 1, 2, 0));
	end_shmem(w);
}

/* Whose a saved state is, and what has gone since it was saved. */
#include "mm/lru_priv.h"
#include "sim/adopt.h"
#include "sim/adopt_priv.h"
#include "sim/follow_priv.h"
#include "tests/sim/reclaim_fixture.h"

static struct older older[WORLD_OBJECTS];
static struct state state;

static struct world *begin(void)
{
	struct world *w = world_new(1);

	for (uint32_t i = 0; i < WORLD_OBJECTS; i++)
		older[i] = (struct older){ .op = OLDER_NONE };
	state = (struct state){ 0 };
	w->options.initial = &state;
	w->run.follow.older = older;
	return w;
}

/* Of pages that the recording had before, nine in ten are at their frames. */
Test(follow, a_state_is_the_recordings_own_when_what_it_had_is_there)
{
	for (uint32_t missing = 0; missing < 5; missing++) {
		struct world *w = begin();

		w->options.layer = LAYER_PAGE;
		cr_expect_not(follow_is_own_state(&w->run), "nothing tells");
		for (uint32_t i = 0; i < 20; i++)
			older[i] = (struct older){
				.op = OP_READ,
				.where = i < missing ? WORLD_END - 1 - i : take(w->fx, 0, M),
			};
		older[20] = (struct older){ .op = OP_READ }; /* its place is not known */
		cr_expect_eq(follow_is_own_state(&w->run), missing <= 2, "%u of 20 are not there", missing);
		world_free(w);
	}
}

/* One that was saved while the recording began has many objects from before it. */
Test(follow, a_recording_that_names_half_of_the_objects_of_a_state_names_most)
{
	struct state_slab slabs[2] = { { .inuse = 16, .nr_cpu_freelist = 3 },
		{ .inuse = 8, .nr_cpu_freelist = 1 } };

	for (uint32_t named = 9; named <= 11; named++) {
		struct world *w = begin();

		w->ops[OP_ANON].kind = KIND_KMEM_CACHE_ALLOC;
		state.slabs = slabs;
		state.nr_slabs = 2;
		for (uint32_t i = 0; i < named; i++)
			older[i].op = OP_ANON;
		for (uint32_t i = 100; i < 120; i++)
			older[i].op = OP_READ; /* pages are no objects */
		cr_expect_eq(follow_names_most(&w->run), named >= 10, "%u of 20", named);
		world_free(w);
	}
}

/* ---- adopt_lru.c ---- */

/* The state tells the lists of the world's zone. */
static void tell_lists(const struct world *w, struct state_zone *zone)
{
	zone->type = w->fx->zone->type;
	zone->start_pfn = WORLD_FIRST;
	zone->spanned = zone->present = zone->managed;
	state.zones = zone;
	state.nr_zones = 1;
	state.lru_told = STATE_LRU_BY_ZONE;
}

/* A task has touched its anonymous memory; of pages of files the older ones are nobody's. */
Test(follow, pages_of_a_state_are_on_its_lists_as_used_as_such_pages_are)
{
	static struct state_zone zone = {
		.managed = WORLD_END - WORLD_FIRST,
		.lru = { [STATE_LRU_INACTIVE_ANON] = 600,
			[STATE_LRU_ACTIVE_ANON] = 200,
			[STATE_LRU_INACTIVE_FILE] = 700,
			[STATE_LRU_ACTIVE_FILE] = 300,
			[STATE_LRU_UNEVICTABLE] = 100 },
	};
	static const uint64_t want[NR_LRU_LISTS] = { 600, 200, 700, 300 };
	struct world *w = begin();
	struct err err = { 0 };
	uint32_t used = 0;

	for (uint32_t i = 0; i < 3072; i++)
		(void)take(w->fx, 0, M);
	tell_lists(w, &zone);
	cr_assert_eq(adopt_lru(&w->run, &err), 0, "%s", err.text);
	for (int list = 0; list < NR_LRU_LISTS; list++)
		cr_expect_eq(lru_pages(w->fx->pa, 0, (enum lru_list)list), want[list], "list %d: %lu", list,
			(unsigned long)lru_pages(w->fx->pa, 0, (enum lru_list)list));
	for (pfn_t pfn = WORLD_FIRST; pfn < WORLD_END; pfn++) {
		enum lru_list list = lru_list_of(w->fx->pa, pfn);
		bool is_used = list != NR_LRU_LISTS && w->fx->pa->pages[pfn].mt & LRU_USED;

		used += is_used;
		cr_expect(!is_used || list == LRU_INACTIVE_ANON);
	}
	cr_expect_eq(used, 600);
	cr_expect_eq(w->run.reclaim.older_file_pages, 1000);
	cr_expect_eq(w->run.result.filled.lru_pages, 1900, "unevictable ones are movable and on no list");
	world_free(w);
}

/* A state of one zone whose lists have so many pages, all of which are in use. */
static struct world *begin_lists(uint64_t inactive_anon, uint64_t active_anon, uint64_t inactive_file,
	uint64_t active_file)
{
	static struct state_zone zone = { .managed = WORLD_END - WORLD_FIRST };
	struct world *w = begin();

	zone.lru[STATE_LRU_INACTIVE_ANON] = state.lru[STATE_LRU_INACTIVE_ANON] = inactive_anon;
	zone.lru[STATE_LRU_ACTIVE_ANON] = state.lru[STATE_LRU_ACTIVE_ANON] = active_anon;
	zone.lru[STATE_LRU_INACTIVE_FILE] = state.lru[STATE_LRU_INACTIVE_FILE] = inactive_file;
	zone.lru[STATE_LRU_ACTIVE_FILE] = state.lru[STATE_LRU_ACTIVE_FILE] = active_file;
	tell_lists(w, &zone);
	while (take(w->fx, 0, M) != PFN_NONE)
		;
	return w;
}

static void expect_lists(struct world *w, uint64_t inactive_anon, uint64_t active_anon, uint64_t inactive_file,
	uint64_t active_file)
{
	const uint64_t want[NR_LRU_LISTS] = { inactive_anon, active_anon, inactive_file, active_file };
	struct err err = { 0 };

	cr_assert_eq(adopt_lru(&w->run, &err), 0, "%s", err.text);
	for (int list = 0; list < NR_LRU_LISTS; list++)
		cr_expect_eq(lru_pages(w->fx->pa, 0, (enum lru_list)list), want[list], "list %d: %lu", list,
			(unsigned long)lru_pages(w->fx->pa, 0, (enum lru_list)list));
}

/* meminfo tells them in KiB, whatever a page has. */
Test(follow, lists_that_are_told_as_totals_have_as_many_pages)
{
	struct world *w = begin_lists(600 * 4, 200 * 4, 700 * 4, 300 * 4);

	state.lru_told = STATE_LRU_IN_KIB;
	expect_lists(w, 600, 200, 700, 300);
	world_free(w);
}

/* How often it changes from page to page in [first, first + nr) whether it is on the list. */
static uint32_t changes(const struct world *w, pfn_t first, uint32_t nr, enum lru_list list)
{
	uint32_t found = 0;

	for (pfn_t pfn = first + 1; pfn < first + nr; pfn++)
		found += (lru_list_of(w->fx->pa, pfn) == list) != (lru_list_of(w->fx->pa, pfn - 1) == list);
	return found;
}

/*
 * Of 512 pages of either kind there is room for 300 on the inactive
 * list: files are used in stretches, memory of tasks by pages.
 */
Test(follow, what_the_trace_knows_is_active_where_there_is_no_room_for_it)
{
	struct world *w = begin_lists(300, 400, 300, 400);

	for (pfn_t pfn = WORLD_FIRST; pfn < WORLD_FIRST + 512; pfn++) {
		lru_add(w->fx->pa, pfn, LRU_KIND_FILE);
		lru_add(w->fx->pa, pfn + 512, LRU_KIND_ANON);
	}
	expect_lists(w, 300, 400, 300, 400);
	for (pfn_t pfn = WORLD_FIRST; pfn < WORLD_FIRST + 512; pfn++)
		cr_assert(lru_list_of(w->fx->pa, pfn) == LRU_INACTIVE_FILE ||
			lru_list_of(w->fx->pa, pfn) == LRU_ACTIVE_FILE);
	cr_expect_leq(changes(w, WORLD_FIRST, 512, LRU_ACTIVE_FILE), 2 * 512 / 32);
	cr_expect_geq(changes(w, WORLD_FIRST + 512, 512, LRU_ACTIVE_ANON), 100);
	world_free(w);
}

/*
 * Of 200 pages that a dump tells to be of files, 20 are of
 * files in memory, as the numbers say; without numbers none is.
 */
Test(follow, lists_are_of_the_kinds_that_a_dump_tells)
{
	static struct state_pages pages[] = {
		{ .first_pfn = WORLD_FIRST + 100, .nr_pages = 100, .kind = STATE_PAGE_ANON },
		{ .first_pfn = WORLD_FIRST + 300, .nr_pages = 200, .kind = STATE_PAGE_FILE },
	};

	for (int told = 0; told < 2; told++) {
		struct world *w = told ? begin_lists(80, 40, 130, 50) : begin_lists(0, 0, 0, 0);

		state.pages = pages;
		state.nr_pages = 2;
		state.lru_told = told ? STATE_LRU_BY_ZONE : STATE_LRU_UNKNOWN;
		if (told)
			expect_lists(w, 80, 40, 130, 50);
		else
			expect_lists(w, 100, 0, 200, 0);
		for (pfn_t pfn = WORLD_FIRST + 100; pfn < WORLD_FIRST + 200; pfn++)
			cr_assert_leq((int)lru_list_of(w->fx->pa, pfn), (int)LRU_ACTIVE_ANON);
		world_free(w);
	}
}

/* Of a state of its own recording: what a kworker unpacked is in no page table. */
Test(follow, pages_of_a_state_that_the_kernel_wrote_to_memory_are_not_used)
{
	static struct state_zone zone = {
		.managed = WORLD_END - WORLD_FIRST,
		.lru = { [STATE_LRU_INACTIVE_ANON] = 1000 },
	};
	struct world *w = begin();
	struct err err = { 0 };
	uint32_t used = 0;

	w->strings[1] = "kworker/u4:0";
	w->whos[3].comm = 1;
	cr_assert_eq(shmem_start(&w->run, &err), 0);
	for (uint32_t i = 0; i < 1000; i++) {
		pfn_t pfn = take(w->fx, 0, M);

		if (i >= 200)
			continue;
		w->objects[i] = (struct object){ .slab = OBJECT_PAGES, .index = (uint32_t)pfn, .op = OP_ANON };
		w->users[pfn] = (struct page_user){ .slot_plus1 = i + 1, .who = i % 2 ? 3 : 2 };
	}
	tell_lists(w, &zone);
	cr_assert_eq(adopt_lru(&w->run, &err), 0, "%s", err.text);
	cr_expect_eq(lru_pages(w->fx->pa, 0, LRU_INACTIVE_ANON), 1000);
	for (pfn_t pfn = WORLD_FIRST; pfn < WORLD_END; pfn++)
		used += lru_list_of(w->fx->pa, pfn) == LRU_INACTIVE_ANON && w->fx->pa->pages[pfn].mt & LRU_USED;
	cr_expect_eq(used, 900);
	shmem_fini(&w->run);
	world_free(w);
}

/* ---- adopt_gone.c ---- */

static const struct trace_op anon_op = {
	.kind = KIND_ALLOC_PAGES,
	.gfp = GFP_HIGHUSER_MOVABLE | GFP_BIT_ZERO,
};
static const struct trace_op file_op = {
	.kind = KIND_ALLOC_PAGES,
	.gfp = GFP_HIGHUSER_MOVABLE | GFP_BIT_WRITE,
};

/*
 * A state with so many pages of processes and of files, and 1000 anonymous pages in use, every second one of
 * which it tells to be such.
 */
static struct world *begin_gone(uint64_t anon, uint64_t file)
{
	static struct state_counter counters[] = { { "nr_anon_pages", 0 }, { "nr_file_pages", 0 } };
	static struct state_zone zone = { .managed = WORLD_END - WORLD_FIRST };
	struct world *w = begin();
	struct err err = { 0 };

	counters[0].value = anon;
	counters[1].value = file;
	state.vmstat = counters;
	state.nr_vmstat = 2;
	state.zones = &zone;
	state.nr_zones = 1;
	state.lru_told = STATE_LRU_BY_ZONE;
	for (uint32_t i = 0; i < 1000; i++)
		lru_add(w->fx->pa, take(w->fx, 0, M), i % 2 ? LRU_KIND_ANON : LRU_KIND_FILE);
	cr_assert_eq(gone_init(&w->run.follow.gone, &state, &err), 0);
	return w;
}

/* Return: how many pages have gone. */
static uint64_t end_gone(struct world *w)
{
	uint64_t files = lru_pages(w->fx->pa, 0, LRU_INACTIVE_FILE), gone;
	struct err err = { 0 };

	cr_assert_eq(adopt_gone(&w->run, &err), 0, "%s", err.text);
	gone = w->run.result.gone;
	cr_expect_eq(lru_pages(w->fx->pa, 0, LRU_INACTIVE_FILE), files,
		"what the state tells to be of files stays");
	cr_expect_eq(lru_pages(w->fx->pa, 0, LRU_INACTIVE_ANON), 500 - gone);
	gone_fini(&w->run.follow.gone);
	world_free(w);
	return gone;
}

static void notes(struct gone *gone, const struct trace_op *op, uint32_t begins, uint32_t ends)
{
	for (uint32_t i = 0; i < begins; i++)
		gone_note_begin(gone, op);
	for (uint32_t i = 0; i < ends; i++)
		gone_note_end(gone, op, WORLD_FIRST + 100 + i);
}

Test(follow, what_processes_had_that_have_ended_since_is_given_back)
{
	struct world *w = begin_gone(100, 50);

	notes(&w->run.follow.gone, &anon_op, 80, 30);
	cr_expect_eq(end_gone(w), 30);
}

Test(follow, no_more_goes_than_the_trace_ever_had_at_once)
{
	struct world *w = begin_gone(100, 50);

	for (uint32_t i = 0; i < 40; i++)
		notes(&w->run.follow.gone, &anon_op, 1, 1);
	cr_expect_eq(end_gone(w), 1);
	w = begin_gone(20, 500);
	notes(&w->run.follow.gone, &anon_op, 80, 65);
	cr_expect_eq(end_gone(w), 5, "the other machine had no more than 20");
}

/* Copies on write look like pages of files: the smaller surplus counts. */
Test(follow, nothing_goes_where_pages_of_processes_and_files_together_are_no_fewer)
{
	struct world *w = begin_gone(20, 5);

	notes(&w->run.follow.gone, &anon_op, 20, 10);
	notes(&w->run.follow.gone, &file_op, 20, 0);
	cr_expect_eq(end_gone(w), 0);
	w = begin_gone(20, 5);
	notes(&w->run.follow.gone, &anon_op, 20, 10);
	notes(&w->run.follow.gone, &file_op, 20, 7);
	cr_expect_eq(end_gone(w), 2);
}

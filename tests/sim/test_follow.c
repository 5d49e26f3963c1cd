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
			older[i] = (struct older){ .op = OP_READ,
				.where = i < missing ? WORLD_END - 1 - i : take(w->fx, 0, M) };
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

/* A task has touched its anonymous memory; of pages of files the older ones are nobody's. */
Test(follow, pages_of_a_state_are_on_its_lists_as_used_as_such_pages_are)
{
	static struct state_zone zone = { .managed = WORLD_END - WORLD_FIRST,
		.lru = { [STATE_LRU_INACTIVE_ANON] = 600,
			[STATE_LRU_ACTIVE_ANON] = 200,
			[STATE_LRU_INACTIVE_FILE] = 700,
			[STATE_LRU_ACTIVE_FILE] = 300 } };
	static const uint64_t want[NR_LRU_LISTS] = { 600, 200, 700, 300 };
	struct world *w = begin();
	struct err err = { 0 };
	uint32_t used = 0;

	for (uint32_t i = 0; i < 3072; i++)
		(void)take(w->fx, 0, M);
	zone.type = w->fx->zone->type;
	zone.start_pfn = WORLD_FIRST;
	zone.spanned = zone.present = zone.managed;
	state.zones = &zone;
	state.nr_zones = 1;
	state.lru_told = STATE_LRU_BY_ZONE;
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
	cr_expect_eq(w->run.result.filled.lru_pages, 1800);
	world_free(w);
}

/* ---- adopt_gone.c ---- */

static const struct trace_op anon_op = { .kind = KIND_ALLOC_PAGES,
	.gfp = GFP_HIGHUSER_MOVABLE | GFP_BIT_ZERO };
static const struct trace_op file_op = { .kind = KIND_ALLOC_PAGES,
	.gfp = GFP_HIGHUSER_MOVABLE | GFP_BIT_WRITE };

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

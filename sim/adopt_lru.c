/*
 * adopt_lru: which pages of a saved state are on LRU lists, and on which. Text files tell how many of each zone are
 * on each list (zoneinfo), or how many there are in all (vmstat, meminfo); a memory dump tells which pages are of
 * anonymous memory and of files, but not those of files that live in memory (shmem), which are on the lists of
 * anonymous pages. What neither tells is drawn by the seed:
 *
 * Pages in use of Movable pageblocks first, those that have free pages before those that are in use as a whole, as
 * the latter may be reserved memory; then of Reclaimable and of Unmovable ones, as Movable requests fall back. So a
 * pageblock is of users or of the kernel where the numbers allow it. Neighbours are of one kind and stand together
 * on their list, as they were read together.
 *
 * What the trace does not know of is older than what it does, which has its place on the lists already.
 * Simplified: a huge page counts as its pages, and no page waits in a CPU's batch (struct cpu_fbatches).
 */
#include <stdlib.h>

#include "base/array.h"
#include "base/bits.h"
#include "base/rng.h"
#include "sim/adopt_priv.h"
#include "sim/reclaim_priv.h"

/* The lists of the kernel that the model has, by the same number. */
_Static_assert((int)STATE_LRU_ACTIVE_FILE == (int)LRU_ACTIVE_FILE && (int)STATE_LRU_UNEVICTABLE == (int)NR_LRU_LISTS,
	"the state's lists are the model's");

/* Pages side by side that are of one list. */
struct piece {
	uint32_t first;
	uint8_t nr;
	uint8_t lists; /* bits 1 << enum state_lru: those that it may be on */
	uint8_t list;  /* enum state_lru */
};

#define ANY_LIST   ((1u << NR_STATE_LRU) - 1)
#define ANON_LISTS (1u << STATE_LRU_INACTIVE_ANON | 1u << STATE_LRU_ACTIVE_ANON)
#define FILE_LISTS (1u << STATE_LRU_INACTIVE_FILE | 1u << STATE_LRU_ACTIVE_FILE)

struct lists {
	struct run *run;
	struct free_choice choice;
	struct rng rng;
	uint64_t need[NR_STATE_LRU];   /* pages of the zone at hand */
	struct piece *pieces;          /* owned */
	uint32_t nr, room, zone_first; /* those of the zone at hand begin at zone_first */
	/* where zones' numbers are not told: what totals are shared out by */
	uint64_t room_of[MACHINE_MAX_NODES * NR_ZONE_TYPES];
	bool no_memory;
};

static void add_piece(struct lists *l, struct piece piece)
{
	if (array_room(&l->pieces, &l->room, l->nr))
		l->pieces[l->nr++] = piece;
	else
		l->no_memory = true;
}

static void add_page(struct lists *l, pfn_t pfn, unsigned int may_be)
{
	struct piece *last = l->nr > l->zone_first ? &l->pieces[l->nr - 1] : NULL;

	if (last && last->first + last->nr == pfn && last->lists == may_be && last->nr < WINDOW_PAGES)
		last->nr++;
	else
		add_piece(l, (struct piece){ .first = (uint32_t)pfn, .nr = 1, .lists = (uint8_t)may_be });
}

static void shuffle(struct lists *l, uint32_t first)
{
	for (uint32_t i = l->nr; i > first + 1; i--) {
		uint32_t other = first + (uint32_t)rng_below(&l->rng, i - first);
		struct piece piece = l->pieces[i - 1];

		l->pieces[i - 1] = l->pieces[other];
		l->pieces[other] = piece;
	}
}

/* ---- How many of a zone are wanted ---- */

static bool may_be_listed(const struct lists *l, pfn_t pfn)
{
	return choice_has(&l->choice, pfn) && lru_list_of(l->run->mm.pages, pfn) == NR_LRU_LISTS;
}

/* Pages in use of Movable pageblocks, by zone. */
static void measure_room(struct lists *l)
{
	const struct page_alloc *pages = l->run->mm.pages;

	for (unsigned int z = 0; z < page_alloc_nr_zones(pages); z++) {
		struct zone_stats zone;

		page_alloc_zone_stats(pages, z, &zone);
		for (pfn_t pfn = zone.start_pfn; pfn < zone.start_pfn + zone.spanned; pfn++)
			l->room_of[z] += page_alloc_block_type(pages, pfn) == MIGRATE_MOVABLE && may_be_listed(l, pfn);
	}
}

/* Of what the state has in all: the part of the zones up to @zone, without that of those before it. */
static void share_totals(struct lists *l, unsigned int zone)
{
	const struct state *state = l->run->options->initial;
	unsigned int shift = l->run->machine->page_shift;
	uint64_t before = 0, all = 0;

	for (unsigned int z = 0; z < page_alloc_nr_zones(l->run->mm.pages); z++) {
		all += l->room_of[z];
		before += z < zone ? l->room_of[z] : 0;
	}
	for (int list = 0; all && list < NR_STATE_LRU; list++) {
		uint64_t pages =
			state->lru_told == STATE_LRU_IN_KIB ? state->lru[list] >> (shift - 10) : state->lru[list];

		pages = min_u64(pages, all);
		l->need[list] = pages * (before + l->room_of[zone]) / all - pages * before / all;
	}
}

static void need_of_zone(struct lists *l, unsigned int zone, const struct zone_stats *stats)
{
	const struct state *state = l->run->options->initial;

	for (int list = 0; list < NR_STATE_LRU; list++)
		l->need[list] = 0;
	if (state->lru_told != STATE_LRU_BY_ZONE) {
		share_totals(l, zone);
		return;
	}
	for (size_t i = 0; i < state->nr_zones; i++)
		if (state->zones[i].node == stats->node && state->zones[i].type == stats->type)
			for (int list = 0; list < NR_STATE_LRU; list++)
				l->need[list] = min_u64(state->zones[i].lru[list], stats->spanned);
}

/*
 * Until @nr more of a zone's pages are active, of those on @inactive:
 * files are used in stretches, memory of processes a page at a time.
 */
static void make_active(struct lists *l, const struct zone_stats *zone, enum lru_list inactive, uint64_t nr,
	uint64_t of)
{
	struct page_alloc *pages = l->run->mm.pages;
	uint32_t run_pages = inactive == LRU_INACTIVE_FILE ? WINDOW_PAGES : 1, left = 0;
	bool take = false;

	for (pfn_t pfn = zone->start_pfn; nr && pfn < zone->start_pfn + zone->spanned; pfn++) {
		if (lru_list_of(pages, pfn) != inactive)
			continue;
		if (!left) {
			take = rng_below(&l->rng, of) < nr;
			left = run_pages;
		}
		left--;
		of--;
		if (take || nr > of) {
			lru_lay_active(pages, pfn);
			nr--;
		}
	}
}

/*
 * What the trace knows of is on lists already, mostly inactive ones, as no event tells of use. So
 * many of its pages that the state has no room for them on its inactive list have become active.
 */
static void without_known(struct lists *l, unsigned int zone, const struct zone_stats *stats)
{
	for (int list = LRU_INACTIVE_ANON; list <= LRU_INACTIVE_FILE; list += 2) {
		uint64_t inactive = lru_zone_pages(l->run->mm.pages, zone, (enum lru_list)list);
		uint64_t active = lru_zone_pages(l->run->mm.pages, zone, (enum lru_list)(list + 1)),
			 known = inactive + active;
		uint64_t to_inactive = min_u64(known, l->need[list]),
			 to_active = min_u64(known - to_inactive, l->need[list + 1]);

		if (to_active > active)
			make_active(l, stats, (enum lru_list)list, min_u64(to_active - active, inactive), inactive);
		l->need[list] -= to_inactive;
		l->need[list + 1] -= to_active;
	}
}

static uint64_t needed(const struct lists *l, unsigned int of)
{
	uint64_t pages = 0;

	for (int list = 0; list < NR_STATE_LRU; list++)
		pages += of & 1u << list ? l->need[list] : 0;
	return pages;
}

/* ---- Which pages ---- */

/* Whether a pageblock of Movable pages is in use as a whole. */
static bool is_full(const struct page_alloc *pages, pfn_t first, pfn_t end)
{
	for (pfn_t pfn = first; pfn < end; pfn++)
		if (!page_alloc_allocated(pages, pfn, 0))
			return false;
	return true;
}

/* In which turn a pageblock's pages are looked at. */
static unsigned int turn_of(const struct page_alloc *pages, pfn_t first, pfn_t end)
{
	switch (page_alloc_block_type(pages, first)) {
	case MIGRATE_MOVABLE:
		return is_full(pages, first, end) ? 1 : 0;
	case MIGRATE_RECLAIMABLE:
		return 2;
	default:
		return 3;
	}
}

#define NR_TURNS 4u

/* Pages of [first, end) that may be on a list, at most @nr of them. Return: how many there were. */
static uint64_t pick_of_block(struct lists *l, pfn_t first, pfn_t end, uint64_t nr)
{
	uint64_t picked = 0;

	for (pfn_t pfn = first; picked < nr && pfn < end; pfn++) {
		if (!may_be_listed(l, pfn))
			continue;
		add_page(l, pfn, ANY_LIST);
		picked++;
	}
	return picked;
}

/* Pages of one pageblock after the other, in an order that is drawn, until there are as many as wanted. */
static int pick_pages(struct lists *l, const struct zone_stats *zone, struct err *err)
{
	const struct page_alloc *pages = l->run->mm.pages;
	pfn_t size = 1ull << l->run->machine->page_allocator.pageblock_order, end = zone->start_pfn + zone->spanned;
	uint64_t left = needed(l, ANY_LIST);
	uint32_t nr = 0, *blocks = malloc((zone->spanned / size + 2) * sizeof(*blocks));

	if (!blocks)
		return err_set(err, ERR_NOMEM, "no memory for the LRU lists of the initial state");
	for (pfn_t first = zone->start_pfn; first < end; first = align_up(first + 1, size))
		blocks[nr++] = (uint32_t)first;
	for (uint32_t i = nr; i > 1; i--) {
		uint32_t other = (uint32_t)rng_below(&l->rng, i), block = blocks[i - 1];

		blocks[i - 1] = blocks[other];
		blocks[other] = block;
	}
	for (unsigned int turn = 0; turn < NR_TURNS; turn++) {
		for (uint32_t i = 0; left && i < nr; i++) {
			pfn_t block_end = min_u64(align_up((pfn_t)blocks[i] + 1, size), end);

			if (turn_of(pages, blocks[i], block_end) == turn)
				left -= pick_of_block(l, blocks[i], block_end, left);
		}
	}
	free(blocks);
	return 0;
}

/* Of a page that the state says is a user's: what the trace says of it, else the state. */
static unsigned int lists_of_kind(const struct lists *l, pfn_t pfn, enum state_page_kind kind)
{
	struct run *run = l->run;
	const struct object *object = run->reclaim.active ? reclaim_user(run, pfn) : NULL;

	if (object && run->ops[object->op].lru)
		return run->ops[object->op].lru == LRU_KIND_ANON ? ANON_LISTS : FILE_LISTS;
	if (kind == STATE_PAGE_ANON)
		return ANON_LISTS;
	return needed(l, ANY_LIST) ? ANY_LIST : FILE_LISTS;
}

/* A page that the trace knows of, and that is on no list yet. */
static bool is_users(const struct lists *l, pfn_t pfn)
{
	struct run *run = l->run;

	return run->reclaim.active && lru_list_of(run->mm.pages, pfn) == NR_LRU_LISTS && reclaim_user(run, pfn);
}

/* Those that the state says are anonymous or of files, unless the trace knows them to be something else. */
static void pick_kinds(struct lists *l, const struct zone_stats *zone)
{
	struct run *run = l->run;
	const struct state *state = run->options->initial;
	pfn_t zone_end = zone->start_pfn + zone->spanned;

	for (size_t i = 0; i < state->nr_pages; i++) {
		const struct state_pages *pages = &state->pages[i];
		pfn_t end = min_u64(pages->first_pfn + pages->nr_pages, zone_end);

		if (pages->kind != STATE_PAGE_ANON && pages->kind != STATE_PAGE_FILE)
			continue;
		for (pfn_t pfn = max_u64(pages->first_pfn, zone->start_pfn); pfn < end; pfn++)
			if (may_be_listed(l, pfn) || is_users(l, pfn))
				add_page(l, pfn, lists_of_kind(l, pfn, pages->kind));
	}
}

/* ---- Which list ---- */

/* One of @of, as likely as pages of it are wanted. */
static enum state_lru draw_list(struct lists *l, unsigned int of)
{
	uint64_t all = needed(l, of), at;

	if (!all)
		return of == ANON_LISTS ? STATE_LRU_INACTIVE_ANON : STATE_LRU_INACTIVE_FILE;
	at = rng_below(&l->rng, all);
	for (int list = 0; list < NR_STATE_LRU; list++) {
		uint64_t pages = of & 1u << list ? l->need[list] : 0;

		if (at < pages)
			return (enum state_lru)list;
		at -= pages;
	}
	return STATE_LRU_INACTIVE_FILE;
}

/* What of a piece its list has no need for becomes a piece of its own. */
static void give_list(struct lists *l, uint32_t at)
{
	struct piece *piece = &l->pieces[at], rest = *piece;
	uint64_t need;

	piece->list = (uint8_t)draw_list(l, piece->lists);
	need = l->need[piece->list];
	l->need[piece->list] -= min_u64(need, piece->nr);
	if (!need || need >= piece->nr)
		return;
	piece->nr = (uint8_t)need;
	rest.first += piece->nr;
	rest.nr = (uint8_t)(rest.nr - piece->nr);
	add_piece(l, rest);
	if (!l->no_memory)
		give_list(l, l->nr - 1);
}

/* Those of which more is known first: others take what is left. */
static void give_lists(struct lists *l)
{
	const unsigned int order[] = { ANON_LISTS, FILE_LISTS, ANY_LIST };
	uint32_t nr = l->nr;

	shuffle(l, l->zone_first);
	for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++)
		for (uint32_t i = l->zone_first; i < nr && !l->no_memory; i++)
			if (l->pieces[i].lists == order[k])
				give_list(l, i);
}

/* An inactive page of a process has been used by the fault that made it. */
static bool is_used(struct run *run, pfn_t pfn)
{
	const struct object *object = reclaim_user(run, pfn);

	return !object || !shmem_page_older(run, run->reclaim.users[pfn].who, &run->ops[object->op]);
}

static void lay_page(struct lists *l, pfn_t pfn, enum state_lru list)
{
	struct run *run = l->run;

	run->result.filled.lru_pages++;
	page_alloc_mark_movable(run->mm.pages, pfn, 0);
	if (list == STATE_LRU_UNEVICTABLE || !run->reclaim.active || !lru_lay(run->mm.pages, pfn, (enum lru_list)list))
		return;
	if (list == STATE_LRU_INACTIVE_ANON && is_used(run, pfn))
		lru_use(run->mm.pages, pfn);
	else if (list == STATE_LRU_INACTIVE_FILE)
		mapped_older(run, pfn);
	if (list >= STATE_LRU_INACTIVE_FILE && !reclaim_user(run, pfn))
		older_file_page(run);
}

static int list_zone(struct lists *l, unsigned int zone, struct err *err)
{
	const struct state *state = l->run->options->initial;
	struct zone_stats stats;
	int ret = 0;

	page_alloc_zone_stats(l->run->mm.pages, zone, &stats);
	l->zone_first = l->nr;
	need_of_zone(l, zone, &stats);
	without_known(l, zone, &stats);
	if (state->nr_pages)
		pick_kinds(l, &stats);
	else
		ret = pick_pages(l, &stats, err);
	give_lists(l);
	if (ret == 0 && l->no_memory)
		return err_set(err, ERR_NOMEM, "no memory for the LRU lists of the initial state");
	return ret;
}

int adopt_lru(struct run *run, struct err *err)
{
	const struct state *state = run->options->initial;
	struct lists l = { .run = run };
	int ret;

	if (state->lru_told == STATE_LRU_UNKNOWN && !state->nr_pages)
		return 0;
	rng_init(&l.rng, run->options->seed, "adopt_lru");
	ret = choice_init(run, &l.choice, err);
	if (ret == 0 && state->lru_told != STATE_LRU_BY_ZONE)
		measure_room(&l);
	for (unsigned int z = 0; ret == 0 && z < page_alloc_nr_zones(run->mm.pages); z++)
		ret = list_zone(&l, z, err);
	shuffle(&l, 0);
	for (uint32_t i = 0; ret == 0 && i < l.nr; i++)
		for (uint32_t k = 0; k < l.pieces[i].nr; k++)
			lay_page(&l, l.pieces[i].first + k, (enum state_lru)l.pieces[i].list);
	choice_fini(&l.choice);
	free(l.pieces);
	return ret;
}

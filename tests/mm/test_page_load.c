/*
 * Going on from a saved state: recorded kernels' memory block by block, made-up states, and states of which only the
 * numbers are known.
 */
#include <criterion/logging.h>
#include <glob.h>

#include "capture_state.h"
#include "configs/probe.h"
#include "page_fixture.h"

static void check_zone(const struct page_alloc *pa, const struct state *state, unsigned int index)
{
	const struct state_zone *saved = &state->zones[index];
	uint64_t blocks[NR_MIGRATETYPES][PAGE_MAX_ORDERS] = { 0 };
	struct zone_stats stats;

	page_alloc_zone_stats(pa, index, &stats);
	for (size_t i = 0; i < state->nr_blocks; i++)
		if (state->blocks[i].zone == index)
			blocks[state->blocks[i].migratetype][state->blocks[i].order]++;
	cr_expect_eq(stats.free_pages, saved->free_pages, "%s", state->source);
	cr_expect_eq(stats.managed, saved->managed, "%s", state->source);
	cr_expect_eq(stats.low, saved->low, "%s", state->source);
	cr_expect_eq(stats.pcp_high, saved->pcp_high, "%s", state->source);
	for (unsigned int mt = 0; mt < NR_MIGRATETYPES; mt++)
		for (unsigned int order = 0; order < PAGE_MAX_ORDERS; order++)
			cr_expect_eq(stats.blocks[mt][order], blocks[mt][order], "%s: zone %u, type %u, order %u",
				state->source, index, mt, order);
}

/* Each list of the model, head first, is the recorded one. The state's blocks stand in that order. */
static void check_lists(const struct page_alloc *pa, const struct state *state)
{
	uint32_t next = LINK_NONE;

	for (size_t i = 0; i < state->nr_blocks; i++) {
		const struct state_block *block = &state->blocks[i], *last = i ? block - 1 : NULL;

		if (!last || last->zone != block->zone || last->order != block->order ||
			last->migratetype != block->migratetype)
			next = pa->zones[block->zone].area[block->order].list[block->migratetype].blocks.head;
		cr_assert_eq(next, block->pfn, "%s: block %zu", state->source, i);
		next = pa->pages[next].next;
	}
	for (size_t i = 0; i < state->nr_pcp; i++) {
		const struct state_pcp *block = &state->pcp[i], *last = i ? block - 1 : NULL;

		if (!last || last->zone != block->zone || last->cpu != block->cpu || last->list != block->list)
			next = pa->zones[block->zone].pcps[block->cpu].list[block->list].head;
		cr_assert_eq(next, block->pfn, "%s: pcp block %zu", state->source, i);
		next = pa->pages[next].next;
	}
}

static void check_snapshot(const char *dir)
{
	static struct machine machine;
	struct state *state = capture_state(dir);
	struct page_load_report report;
	struct page_alloc *pa;
	struct err err = { 0 };
	char *capture = strdup(dir);

	*strstr(capture, "/snapshots/") = '\0';
	strcat(capture, "/snapshots");
	cr_assert_eq(probe_machine(&machine, capture, NULL, &err), 0, "%s", err.text);
	cr_assert_eq(page_alloc_create(&pa, &machine, &err), 0, "%s", err.text);
	cr_assert_eq(page_alloc_load(pa, state, 1, &report, &err), 0, "%s", err.text);
	cr_assert_eq(page_alloc_check(pa, &err), 0, "%s: %s", dir, err.text);
	for (unsigned int i = 0; i < page_alloc_nr_zones(pa); i++)
		check_zone(pa, state, i);
	check_lists(pa, state);
	page_alloc_destroy(pa);
	capture_state_free(state);
	free(capture);
}

Test(page_load, every_recorded_snapshot_is_there_block_by_block)
{
	const char *shared = getenv("KMEMSIM_SHARED");
	char pattern[1024];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/captures/*/snapshots/*/memory/buddy_free.csv*", shared ? shared : "");
	if (!shared || glob(pattern, 0, NULL, &found) != 0)
		cr_skip_test("no captures in $KMEMSIM_SHARED");
	for (size_t i = 0; i < found.gl_pathc; i++) {
		*strstr(found.gl_pathv[i], "/memory/") = '\0';
		check_snapshot(found.gl_pathv[i]);
	}
	globfree(&found);
}

/* One zone of 2048 pages at 1024: an order-9 and an order-0 block, one page on CPU 0's list. */
static void fill_state(struct state *state, struct state_zone *zone, struct state_block *blocks, struct state_pcp *pcp)
{
	*zone = (struct state_zone){ .type = ZONE_NORMAL, .start_pfn = 1024, .spanned = 2048, .present = 2048,
		.managed = 2040, .min = 5, .low = 6, .high = 7, .pcp_high = 28, .pcp_batch = 7, .free_pages = 513 };
	blocks[0] = (struct state_block){ .pfn = 1029, .order = 0, .migratetype = U };
	blocks[1] = (struct state_block){ .pfn = 1536, .order = 9, .migratetype = M };
	pcp[0] = (struct state_pcp){ .pfn = 1025, .list = 2, .migratetype = R };
	*state = (struct state){ .source = "made up", .zones = zone, .nr_zones = 1, .blocks = blocks, .nr_blocks = 2,
		.pcp = pcp, .nr_pcp = 1, .exact_blocks = true };
}

struct made_up {
	struct fixture *fx;
	struct state state;
	struct state_zone zone;
	struct state_block blocks[2];
	struct state_pcp pcp[1];
	struct err err;
};

static struct made_up *made_up(void)
{
	struct made_up *m = calloc(1, sizeof(*m));

	m->fx = fixture_zone(1024, 3072, 7, 28);
	fill_state(&m->state, &m->zone, m->blocks, m->pcp);
	return m;
}

static int load(struct made_up *m)
{
	return page_alloc_load(m->fx->pa, &m->state, 1, NULL, &m->err);
}

static void made_up_free(struct made_up *m)
{
	fixture_free(m->fx);
	free(m);
}

Test(page_load, requests_go_on_from_the_saved_lists)
{
	struct made_up *m = made_up();

	cr_assert_eq(load(m), 0, "%s", m->err.text);
	fixture_check(m->fx);
	m->fx->zone->wmark[WMARK_LOW] = 0;
	cr_expect_eq(take(m->fx, 0, R), 1025);
	cr_expect_eq(take(m->fx, 0, U), 1029);
	cr_expect(page_alloc_allocated(m->fx->pa, 1024, 0), "what is not free is handed out");
	fixture_check(m->fx);
	made_up_free(m);
}

Test(page_load, freed_reserved_pages_become_managed)
{
	struct made_up *m = made_up();
	struct state_pages reserved = { .first_pfn = 2048, .nr_pages = 8, .kind = STATE_PAGE_RESERVED };

	m->state.pages = &reserved;
	m->state.nr_pages = 1;
	cr_assert_eq(load(m), 0, "%s", m->err.text);
	cr_expect_eq(m->fx->zone->unmanaged, 8);
	give(m->fx, 2050, 0);
	cr_expect_eq(m->fx->zone->managed, 2041);
	cr_expect_eq(m->fx->zone->unmanaged, 7);
	cr_expect_eq(m->fx->zone->pcps[0].count, 2, "an init section's page goes through the per-CPU list");
	give(m->fx, 2080, 0);
	cr_expect_eq(m->fx->zone->managed, 2041, "an allocated page had been managed before");
	fixture_check(m->fx);
	made_up_free(m);
}

Test(page_load, pages_put_off_by_boot_are_freed_to_the_tail_as_blocks)
{
	struct made_up *m = made_up();

	m->zone.managed = 1536;
	m->zone.min = m->zone.low = m->zone.high = 0;
	m->zone.pcp_high = 0;
	m->zone.pcp_batch = 1;
	cr_assert_eq(load(m), 0, "%s", m->err.text);
	cr_expect(!page_alloc_has_pagesets(m->fx->pa));
	cr_expect_eq(pageblock_migratetype(m->fx->pa, 2560), U, "marked when it is freed");
	give(m->fx, 2560, 9);
	cr_expect_eq(pageblock_migratetype(m->fx->pa, 2560), M);
	cr_expect_eq(m->fx->zone->managed, 2048, "the highest pages are the ones put off");
	cr_expect_eq(m->fx->zone->area[9].list[M].blocks.tail, 2560);
	cr_expect_eq(m->fx->zone->area[9].list[M].blocks.head, 1536);
	fixture_check(m->fx);
	made_up_free(m);
}

Test(page_load, boot_pagesets_keep_nothing)
{
	struct made_up *m = made_up();
	pfn_t pfn;

	m->state.nr_pcp = 0;
	m->zone.min = m->zone.low = m->zone.high = 0;
	m->zone.pcp_high = 0;
	m->zone.pcp_batch = 1;
	cr_assert_eq(load(m), 0, "%s", m->err.text);
	pfn = take(m->fx, 0, U);
	cr_expect_eq(pfn, 1029);
	cr_expect_eq(m->fx->zone->pcps[0].count, 0);
	cr_expect_eq(page_alloc_last_moved(m->fx->pa), 1);
	give(m->fx, pfn, 0);
	cr_expect_eq(m->fx->zone->pcps[0].count, 0);
	cr_expect_eq(page_alloc_last_moved(m->fx->pa), 1);
	page_alloc_setup_pagesets(m->fx->pa);
	cr_expect(page_alloc_has_pagesets(m->fx->pa));
	cr_expect_eq(m->fx->zone->pcp_batch, 1);
	cr_expect_eq(m->fx->zone->pcp_high, 4);
	fixture_check(m->fx);
	made_up_free(m);
}

Test(page_load, types_follow_free_blocks_then_kinds_then_numbers)
{
	struct made_up *m = made_up();
	struct state_pages kinds[] = { { 2048, 400, STATE_PAGE_SLAB }, { 2560, 512, STATE_PAGE_ANON } };
	uint64_t pageblocks[1][6] = { { 2, 1, 1 } };
	struct page_load_report report;

	m->state.pages = kinds;
	m->state.nr_pages = 2;
	cr_assert_eq(page_alloc_load(m->fx->pa, &m->state, 1, &report, &m->err), 0);
	cr_expect_eq(pageblock_migratetype(m->fx->pa, 1024), U);
	cr_expect_eq(pageblock_migratetype(m->fx->pa, 1536), M);
	cr_expect_eq(pageblock_migratetype(m->fx->pa, 2048), U);
	cr_expect_eq(pageblock_migratetype(m->fx->pa, 2560), M);
	cr_expect_eq(report.pageblocks_known, 2);
	cr_expect_eq(report.pageblocks_guessed, 2);
	fixture_free(m->fx);
	m->fx = fixture_zone(1024, 3072, 7, 28);
	m->state.pageblocks = pageblocks;
	cr_assert_eq(page_alloc_load(m->fx->pa, &m->state, 1, &report, &m->err), 0);
	cr_expect_eq(report.pageblocks_adjusted, 1);
	cr_expect_eq(m->fx->zone->pageblocks[R], 1);
	cr_expect_eq(pageblock_migratetype(m->fx->pa, 2560), R);
	made_up_free(m);
}

Test(page_load, limits_that_the_state_does_not_tell_are_those_of_its_watermarks)
{
	struct made_up *m = made_up();

	m->zone.pcp_batch = m->zone.pcp_high = 0;
	m->zone.low = 600;
	m->fx->zone->lowmem_reserve[ZONE_MOVABLE] = 77;
	cr_assert_eq(load(m), 0, "%s", m->err.text);
	cr_expect_eq(m->fx->zone->pcp_batch, 1, "zone_batchsize() of 2040 pages");
	cr_expect_eq(m->fx->zone->pcp_high, 600, "zone_highsize(): the low watermark, of one CPU");
	cr_expect_eq(m->fx->zone->lowmem_reserve[ZONE_MOVABLE], 77);
	m->zone.reserve_told = true;
	cr_assert_eq(load(m), 0, "%s", m->err.text);
	cr_expect_eq(m->fx->zone->lowmem_reserve[ZONE_MOVABLE], 0);
	made_up_free(m);
}

Test(page_load, other_spans_are_named)
{
	struct made_up *m = made_up();

	m->zone.spanned = 4096;
	cr_expect_eq(load(m), -ERR_CONFIG);
	cr_expect_not_null(strstr(m->err.text, "1024 + 4096 in made up, 1024 + 2048 in the machine"), "%s",
		m->err.text);
	made_up_free(m);
}

Test(page_load, zones_that_overlap_are_refused)
{
	struct made_up *m = made_up();
	struct state_zone zones[] = { m->zone, m->zone };

	zones[1].type = ZONE_MOVABLE;
	zones[1].start_pfn += zones[0].spanned - 1;
	m->state.zones = zones;
	m->state.nr_zones = 2;
	cr_expect_eq(load(m), -ERR_CONFIG);
	cr_expect_not_null(strstr(m->err.text, "overlap, as memory that was made movable"), "%s", m->err.text);
	zones[1].start_pfn++;
	cr_expect_eq(load(m), -ERR_CONFIG);
	cr_expect_not_null(strstr(m->err.text, "2 populated zones, the machine 1"), "%s", m->err.text);
	made_up_free(m);
}

Test(page_load, blocks_that_overlap_are_refused)
{
	struct made_up *m = made_up();

	m->blocks[0].pfn = 1540;
	m->blocks[1].pfn = 1536;
	cr_expect_eq(load(m), -ERR_CONFIG);
	made_up_free(m);
}

/* The numbers of real lists, placed anew, are the same numbers. */
static void check_counts(uint64_t seed, uint64_t (*pageblocks)[6])
{
	struct made_up *m = made_up();
	uint64_t counts[1][6][16] = { { { 20, 10, 3, 2, 1 }, { 60, 30, 20, 9, 4, 2, 1, 1 }, { 3, 3 } } };
	struct page_load_report report;
	struct zone_stats stats;

	counts[0][M][9] = 1;
	m->state.exact_blocks = false;
	m->state.nr_blocks = m->state.nr_pcp = 0;
	m->state.block_counts = counts;
	m->state.pageblocks = pageblocks;
	cr_assert_eq(page_alloc_load(m->fx->pa, &m->state, seed, &report, &m->err), 0, "%s", m->err.text);
	fixture_check(m->fx);
	page_alloc_zone_stats(m->fx->pa, 0, &stats);
	for (unsigned int mt = 0; mt < NR_MIGRATETYPES; mt++)
		for (unsigned int order = 0; order <= 10; order++)
			cr_expect_eq(stats.blocks[mt][order], counts[0][mt][order], "type %u, order %u", mt, order);
	cr_expect_eq(report.blocks_placed, 170);
	for (unsigned int mt = 0; pageblocks && mt < NR_MIGRATETYPES; mt++)
		cr_expect_eq(stats.pageblocks[mt], pageblocks[0][mt], "type %u", mt);
	made_up_free(m);
}

Test(page_load, numbers_alone_give_as_many_blocks_of_each_list)
{
	uint64_t pageblocks[1][6] = { { 2, 1, 1 } };

	for (uint64_t seed = 0; seed < 20; seed++) {
		check_counts(seed, NULL);
		check_counts(seed, pageblocks);
	}
}

/*
 * A node's last zone is initialised late behind its first section (32768 pages), and a pageblock there becomes
 * Movable with its first page: one that begins with reserved memory stays Unmovable. The numbers that the state has
 * include these.
 */
Test(page_load, pageblocks_that_late_initialisation_never_frees_are_unmovable)
{
	uint64_t pageblocks[1][6] = { { 3, 77, 0 } }, counts[1][6][16] = { { { 0 }, { [10] = 20 } } };
	struct made_up *m = made_up();
	struct page_load_report report;

	fixture_free(m->fx);
	m->fx = fixture_new();
	fixture_add_ram(m->fx, 0, 80 * 512, 0);
	fixture_reserve(m->fx, 2 * 512, 3 * 512);
	fixture_reserve(m->fx, 70 * 512, 71 * 512 + 100);
	fixture_reserve(m->fx, 79 * 512 + 100, 80 * 512);
	fixture_boot(m->fx);
	m->zone = (struct state_zone){
		.type = ZONE_NORMAL,
		.spanned = 80 * 512,
		.present = 80 * 512,
		.managed = 77 * 512,
		.pcp_batch = 7,
		.pcp_high = 28,
		.free_pages = 20 * 1024,
	};
	m->state.exact_blocks = false;
	m->state.nr_blocks = m->state.nr_pcp = 0;
	m->state.block_counts = counts;
	m->state.pageblocks = pageblocks;
	for (uint64_t seed = 0; seed < 5; seed++) {
		cr_assert_eq(page_alloc_load(m->fx->pa, &m->state, seed, &report, &m->err), 0, "%s", m->err.text);
		cr_expect_eq(pageblock_migratetype(m->fx->pa, 2 * 512), M, "initialised early");
		cr_expect_eq(pageblock_migratetype(m->fx->pa, 70 * 512), U);
		cr_expect_eq(pageblock_migratetype(m->fx->pa, 71 * 512), U, "its first page is reserved, too");
		cr_expect_eq(m->fx->zone->pageblocks[U], 3);
		page_alloc_destroy(m->fx->pa);
		fixture_boot(m->fx);
	}
	made_up_free(m);
}

/* A state of two lists of free blocks, 125 pages in all, and of a CPU's list. Of other CPUs the machine has none. */
static struct made_up *made_of_numbers(uint64_t (*counts)[6][16], uint32_t (*on_lists)[MACHINE_MAX_CPUS], uint32_t nr)
{
	struct made_up *m = made_up();

	memset(counts, 0, sizeof(*counts));
	counts[0][U][0] = 5;
	counts[0][M][0] = 60;
	counts[0][M][1] = 30;
	memset(on_lists, 0, sizeof(*on_lists));
	on_lists[0][0] = nr;
	on_lists[0][2] = 999;
	m->state.exact_blocks = false;
	m->state.nr_blocks = m->state.nr_pcp = 0;
	m->state.block_counts = counts;
	m->state.pcp_counts = on_lists;
	return m;
}

/* What is on a CPU's list is neither free nor somebody's. More than there are cannot be on it. */
Test(page_load, numbers_of_pages_on_cpu_lists_give_lists_as_long)
{
	static const uint32_t saved[] = { 37, 5000 }, want[] = { 37, 2048 - 125 };

	for (int i = 0; i < 2; i++) {
		uint64_t counts[1][6][16];
		uint32_t on_lists[1][MACHINE_MAX_CPUS];
		struct made_up *m = made_of_numbers(counts, on_lists, saved[i]);
		struct page_load_report report;
		struct zone_stats stats;

		cr_assert_eq(page_alloc_load(m->fx->pa, &m->state, 1, &report, &m->err), 0, "%s", m->err.text);
		fixture_check(m->fx);
		page_alloc_zone_stats(m->fx->pa, 0, &stats);
		cr_expect_eq(stats.free_pages, 125);
		cr_expect_eq(stats.pcp_pages, want[i]);
		cr_expect_eq(report.pcp_placed, want[i]);
		cr_expect_eq(page_alloc_pcp_count(m->fx->pa, 0, 0), want[i]);
		made_up_free(m);
	}
}

/* Where a slab may be of which only the number is known. */
Test(page_load, a_block_in_use_is_found_behind_the_free_ones)
{
	uint64_t counts[1][6][16];
	uint32_t on_lists[1][MACHINE_MAX_CPUS];
	struct made_up *m = made_of_numbers(counts, on_lists, 0);
	pfn_t pfn;

	cr_assert_eq(load(m), 0, "%s", m->err.text);
	pfn = page_alloc_used_block(m->fx->pa, 0, 3, NR_MIGRATETYPES);
	cr_assert_neq(pfn, PFN_NONE);
	cr_expect_eq(pfn % 8, 0);
	cr_expect(page_alloc_allocated(m->fx->pa, pfn, 3));
	cr_expect_eq(page_alloc_used_block(m->fx->pa, page_alloc_end(m->fx->pa), 0, NR_MIGRATETYPES), PFN_NONE);
	made_up_free(m);
}

/* Stealing looks at how many pages of a pageblock are on LRU lists: kernel memory is on none. */
Test(page_load, pages_in_use_are_on_lru_lists_in_movable_pageblocks_alone)
{
	struct made_up *m = made_up();
	uint64_t pageblocks[1][6] = { { 2, 1, 1 } }, counts[1][6][16] = { 0 };
	uint32_t nr[NR_MIGRATETYPES] = { 0 };

	counts[0][U][3] = 64;
	counts[0][M][0] = 256;
	counts[0][R][8] = 1;
	m->state.exact_blocks = false;
	m->state.nr_blocks = m->state.nr_pcp = 0;
	m->state.block_counts = counts;
	m->state.pageblocks = pageblocks;
	cr_assert_eq(load(m), 0, "%s", m->err.text);
	for (pfn_t pfn = 1024; pfn < 3072; pfn++) {
		if (!page_alloc_allocated(m->fx->pa, pfn, 0))
			continue;
		nr[pageblock_migratetype(m->fx->pa, pfn)]++;
		cr_assert_eq(page_is_lru(m->fx->pa, pfn), pageblock_migratetype(m->fx->pa, pfn) == M, "page %lu", pfn);
	}
	cr_expect(nr[U] && nr[M] && nr[R]);
	fixture_check(m->fx);
	made_up_free(m);
}

Test(page_load, more_free_blocks_than_memory_are_refused)
{
	struct made_up *m = made_up();
	uint64_t counts[1][6][16] = { { { 0 } } };

	counts[0][M][0] = 2049;
	m->state.exact_blocks = false;
	m->state.block_counts = counts;
	cr_expect_eq(load(m), -ERR_CONFIG);
	made_up_free(m);
}

/*
 * What is reserved lay elsewhere on the machine of the state: there
 * is no room for its blocks as they were, and for its pages there is.
 */
Test(page_load, free_blocks_without_room_in_one_piece_are_cut_or_merged)
{
	static const struct {
		uint16_t orders[11], reshaped;
	} states[] = {
		{ { [10] = 2 }, 0 },
		{ { [9] = 4 }, 2 },     /* on that machine each had a neighbour that was reserved */
		{ { [0] = 1100 }, 76 }, /* more than every second page */
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		uint64_t counts[1][6][16] = { { { 0 } } };
		struct made_up *m = made_up();
		struct page_load_report report;
		struct zone_stats stats;
		uint64_t free_pages = 0;

		for (unsigned int order = 0; order <= 10; order++) {
			counts[0][M][order] = states[i].orders[order];
			free_pages += (uint64_t)states[i].orders[order] << order;
		}
		m->state.exact_blocks = false;
		m->state.nr_blocks = m->state.nr_pcp = 0;
		m->state.block_counts = counts;
		cr_assert_eq(page_alloc_load(m->fx->pa, &m->state, 1, &report, &m->err), 0, "%s", m->err.text);
		fixture_check(m->fx);
		page_alloc_zone_stats(m->fx->pa, 0, &stats);
		cr_expect_eq(stats.free_pages, free_pages, "state %zu", i);
		cr_expect_eq(report.blocks_reshaped, states[i].reshaped, "state %zu: %lu", i, report.blocks_reshaped);
		made_up_free(m);
	}
}

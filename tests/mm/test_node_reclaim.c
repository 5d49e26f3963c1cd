/* vm.zone_reclaim_mode on two nodes of 12 MiB: what a full node does before the next one is asked. */
#include <criterion/criterion.h>

#include "mm/lru_priv.h"
#include "tests/mm/page_fixture.h"

/** What the hooks were told. */
struct told {
	pfn_t gone[8192];
	uint32_t nr_gone, nr_swapped;
};

static void note_gone(void *arg, pfn_t pfn, bool swapped)
{
	struct told *told = arg;

	told->gone[told->nr_gone++] = pfn;
	told->nr_swapped += swapped;
}

static bool kill_nobody(void *arg, unsigned int cpu, struct meter *meter)
{
	(void)arg, (void)cpu, (void)meter;
	return false;
}

static struct fixture *two_nodes(uint32_t mode, uint32_t cpus, uint8_t distance, struct told *told)
{
	struct fixture *fx = fixture_new();
	struct machine *m = &fx->machine;

	m->cpus = cpus;
	m->nr_nodes = 2;
	m->node_of_cpu[1] = 1; /* of no meaning with one CPU */
	m->distance[1][1] = 10;
	m->distance[0][1] = m->distance[1][0] = distance;
	m->reclaim.zone_reclaim_mode = mode;
	fixture_add_ram(fx, 1024, 4096, 0);
	fixture_add_ram(fx, 4096, 7168, 1);
	fixture_boot(fx);
	cr_assert_eq(fx->pa->nr_zones, 2);
	for (uint32_t i = 0; i < 2; i++) {
		fx->pa->zones[i].wmark[WMARK_MIN] = 64;
		fx->pa->zones[i].wmark[WMARK_LOW] = 80;
		fx->pa->zones[i].wmark[WMARK_HIGH] = 96;
		fx->pa->zones[i].pcp_batch = 1;
		fx->pa->zones[i].pcp_high = 0;
	}
	*told = (struct told){ 0 };
	page_alloc_set_hooks(fx->pa,
		&(struct reclaim_hooks){
			.page_gone = note_gone,
			.oom_kill = kill_nobody,
			.arg = told,
		});
	return fx;
}

static pfn_t take_on(struct fixture *fx, gfp_t gfp, int node)
{
	pfn_t pfn;
	struct page_request req = { .gfp = gfp, .node = (int16_t)node };

	return page_alloc_take(fx->pa, &req, &pfn, &fx->meter) == MM_DONE ? pfn : PFN_NONE;
}

/* @node has nothing left for anyone who may not reclaim. Return: its oldest page. */
static pfn_t fill(struct fixture *fx, int node, enum lru_kind kind)
{
	pfn_t oldest = PFN_NONE, pfn;

	while ((pfn = take_on(fx, GFP_NOWAIT | GFP_BIT_MOVABLE | GFP_BIT_THISNODE, node)) != PFN_NONE) {
		if (kind != LRU_NONE)
			lru_add(fx->pa, pfn, kind);
		oldest = oldest == PFN_NONE ? pfn : oldest;
	}
	return oldest;
}

static void end(struct fixture *fx)
{
	fixture_check(fx);
	fixture_free(fx);
}

Test(node_reclaim, without_it_the_next_node_serves_and_nothing_is_taken_back)
{
	static struct told told;
	struct fixture *fx = two_nodes(0, 2, 20, &told);

	fill(fx, 0, LRU_KIND_FILE);
	cr_assert_eq(page_alloc_node_of(fx->pa, take_on(fx, GFP_KERNEL, -1)), 1);
	cr_expect_eq(told.nr_gone, 0);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_NODE_RECLAIM), 0);
	end(fx);
}

Test(node_reclaim, the_oldest_file_pages_of_the_own_node_make_room)
{
	static struct told told;
	struct fixture *fx = two_nodes(1, 2, 20, &told);
	pfn_t oldest = fill(fx, 0, LRU_KIND_FILE);

	cr_assert_eq(page_alloc_node_of(fx->pa, take_on(fx, GFP_KERNEL, -1)), 0);
	cr_expect_geq(told.nr_gone, 32, "SWAP_CLUSTER_MAX");
	cr_expect_eq(told.gone[SWAP_CLUSTER_MAX - 1], oldest, "the last of the first batch: it is freed from its end");
	cr_expect_eq(page_alloc_counter(fx->pa, PC_NODE_RECLAIM), 1);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_NODE_RECLAIM_PAGES), told.nr_gone);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_PGSTEAL_DIRECT), told.nr_gone);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_ALLOCSTALL_NORMAL) + page_alloc_counter(fx->pa, PC_ALLOCSTALL_DMA32),
		0, "no direct reclaim");
	end(fx);
}

/* vm.min_unmapped_ratio is 1: so many per cent of the node's pages, 30 of 3072, are left to the page cache. */
Test(node_reclaim, a_hundredth_of_the_node_is_left_to_the_page_cache)
{
	for (uint32_t file_pages = 30; file_pages <= 31; file_pages++) {
		static struct told told;
		struct fixture *fx = two_nodes(1, 2, 20, &told);

		for (uint32_t i = 0; i < file_pages; i++)
			lru_add(fx->pa, take_on(fx, GFP_NOWAIT | GFP_BIT_MOVABLE | GFP_BIT_THISNODE, 0), LRU_KIND_FILE);
		fill(fx, 0, LRU_NONE);
		cr_assert_neq(take_on(fx, GFP_KERNEL, -1), PFN_NONE);
		cr_expect_eq(told.nr_gone > 0, file_pages == 31, "%u file pages", file_pages);
		end(fx);
	}
}

Test(node_reclaim, who_may_not_wait_goes_to_the_next_node)
{
	static struct told told;
	struct fixture *fx = two_nodes(1, 2, 20, &told);

	fill(fx, 0, LRU_KIND_FILE);
	cr_assert_eq(page_alloc_node_of(fx->pa, take_on(fx, GFP_NOWAIT, -1)), 1);
	cr_expect_eq(told.nr_gone, 0);
	end(fx);
}

Test(node_reclaim, a_node_without_page_cache_is_full)
{
	static struct told told;
	struct fixture *fx = two_nodes(1, 2, 20, &told);

	fill(fx, 0, LRU_KIND_ANON);
	cr_assert_eq(page_alloc_node_of(fx->pa, take_on(fx, GFP_KERNEL, -1)), 1);
	cr_expect_eq(page_alloc_counter(fx->pa, PC_NODE_RECLAIM), 0);
	end(fx);
}

Test(node_reclaim, anonymous_pages_are_swapped_only_when_it_may_write_and_unmap)
{
	static struct told told;

	for (uint32_t mode = 1; mode <= 7; mode++) {
		struct fixture *fx = two_nodes(mode, 2, 20, &told);

		/* More than 1 % of page cache, but active: inactive file pages would go first. */
		page_alloc_swap_add(fx->pa, 16384);
		fx->machine.reclaim.swappiness = 200;
		for (int i = 0; i < 40; i++) {
			pfn_t pfn = take_on(fx, GFP_NOWAIT | GFP_BIT_MOVABLE | GFP_BIT_THISNODE, 0);

			lru_add(fx->pa, pfn, LRU_KIND_FILE);
			lru_move(fx->pa, pfn, LRU_ACTIVE_FILE);
		}
		fill(fx, 0, LRU_KIND_ANON);
		cr_assert_neq(take_on(fx, GFP_KERNEL, -1), PFN_NONE);
		cr_expect_eq(page_alloc_counter(fx->pa, PC_NODE_RECLAIM), 1, "mode %u", mode);
		cr_expect_eq(told.nr_swapped > 0, (mode & 6) == 6, "mode %u: %u of %u", mode, told.nr_swapped,
			told.nr_gone);
		end(fx);
	}
}

Test(node_reclaim, another_node_is_reclaimed_on_only_when_it_is_near_and_has_no_cpus)
{
	static const struct {
		uint32_t cpus;
		uint8_t distance;
		uint64_t attempts;
	} cases[] = { { 1, 20, 1 }, { 1, 30, 1 }, { 1, 31, 0 }, { 2, 20, 0 } };
	static struct told told;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *fx = two_nodes(1, cases[i].cpus, cases[i].distance, &told);

		fill(fx, 1, LRU_KIND_FILE);
		fill(fx, 0, LRU_NONE);
		cr_assert_eq(page_alloc_node_of(fx->pa, take_on(fx, GFP_KERNEL, -1)), 1);
		cr_expect_eq(page_alloc_counter(fx->pa, PC_NODE_RECLAIM), cases[i].attempts, "case %zu", i);
		cr_expect_eq(page_alloc_counter(fx->pa, PC_ALLOCSTALL_NORMAL) +
				page_alloc_counter(fx->pa, PC_ALLOCSTALL_DMA32),
			!cases[i].attempts, "case %zu: else it is direct reclaim that helps", i);
		end(fx);
	}
}

/* SLUB beyond one CPU: pages it asks for, nodes, other CPUs' slabs, debug caches, bulk frees, what it charges. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "mm/mempolicy.h"
#include "slab_fixture.h"

static enum mm_answer alloc(struct fixture *f, uint32_t cache, gfp_t gfp, int node, unsigned int cpu,
	struct slab_object *o)
{
	return slab_alloc(f->slab, cache, gfp, node, cpu, o, &f->meter);
}

static struct slab_object alloc_on(struct fixture *f, uint32_t cache, int node, unsigned int cpu)
{
	struct slab_object o = { 0 };

	cr_assert_eq(alloc(f, cache, GFP_KERNEL, node, cpu, &o), MM_DONE);
	return o;
}

static unsigned int node_of(struct fixture *f, struct slab_object o)
{
	return page_alloc_node_of(&f->pages, slab_object_pfn(f->slab, o));
}

/* Pages. */

Test(slub, first_try_above_the_minimum_order_does_not_reclaim)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t c = fixture_cache(f, "rcl", 1088, 0, SLAB_RECLAIM_ACCOUNT);
	struct slab_object o;

	cr_assert_eq(alloc(f, c, GFP_KERNEL | GFP_BIT_ZERO | GFP_BIT_ACCOUNT | GFP_BIT_NOFAIL | GFP_BIT_HIGHMEM, -1, 0,
		&o), MM_DONE);
	cr_expect_eq(f->pages.requests[0].order, 3);
	cr_expect_eq(f->pages.requests[0].gfp, GFP_BIT_IO | GFP_BIT_FS | GFP_BIT_NOWARN | GFP_BIT_NORETRY |
		GFP_BIT_COMP | GFP_BIT_NOMEMALLOC | GFP_BIT_RECLAIMABLE, "0x%x", f->pages.requests[0].gfp);
	fixture_free(f);
}

Test(slub, first_try_at_the_minimum_order_may_reclaim)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t c = fixture_cache(f, "c", 256, 0, 0), dma = fixture_cache(f, "dma", 256, 0, SLAB_CACHE_DMA);
	struct slab_object o;

	cr_assert_eq(alloc(f, c, GFP_KERNEL, -1, 0, &o), MM_DONE);
	cr_expect_eq(f->pages.requests[0].gfp, GFP_KERNEL | GFP_BIT_NOWARN | GFP_BIT_NORETRY);
	cr_assert_eq(alloc(f, dma, GFP_ATOMIC, -1, 0, &o), MM_DONE);
	cr_expect_eq(f->pages.requests[0].gfp, GFP_ATOMIC | GFP_BIT_NOWARN | GFP_BIT_NORETRY | GFP_BIT_DMA);
	fixture_free(f);
}

Test(slub, failed_try_is_followed_by_the_minimum_order_with_the_callers_flags)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t c = fixture_cache(f, "c", 1088, 0, 0);
	struct slab_object o[40];
	struct slab_stats s;

	f->pages.refuse_from = 3;
	fixture_alloc_many(f, c, o, 4);
	cr_expect_eq(f->pages.requests[1].order, 3);
	cr_expect_eq(f->pages.requests[0].order, 0);
	cr_expect_eq(f->pages.requests[0].gfp, GFP_KERNEL | GFP_BIT_COMP);
	f->pages.refuse_from = PAGE_MAX_ORDERS;
	fixture_alloc_many(f, c, o + 4, 36);
	fixture_check(f);
	s = fixture_stats(f, c);
	cr_expect_eq(s.slabs, 4, "3 + 3 + 30 + 30 objects");
	cr_expect_eq(s.total_objs, 66);
	cr_expect_eq(s.slab_pages, 1 + 1 + 8 + 8);
	fixture_free_range(f, o, 0, 39, 1);
	cr_expect_eq(slab_cache_shrink(f->slab, c, &f->meter), 0);
	cr_expect_eq(f->pages.pages_out, 0);
	fixture_free(f);
}

Test(slub, no_pages_is_a_failure_and_waiting_is_passed_on)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t c = fixture_cache(f, "c", 256, 0, 0);
	struct slab_object o;

	f->pages.refuse_from = 0;
	cr_expect_eq(alloc(f, c, GFP_KERNEL, -1, 0, &o), MM_FAILED);
	fixture_check(f);
	f->pages.refuse_from = PAGE_MAX_ORDERS;
	f->pages.wait = true;
	cr_expect_eq(alloc(f, c, GFP_KERNEL, -1, 0, &o), MM_WAIT);
	f->pages.wait = false;
	cr_expect_eq(alloc(f, c, GFP_KERNEL, -1, 0, &o), MM_DONE);
	cr_expect_eq(fixture_stats(f, c).allocs, 1);
	fixture_check(f);
	fixture_free(f);
}

Test(slub, owner_word_of_a_slabs_page_is_its_number_and_is_cleared)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t c = fixture_cache(f, "c", 256, 0, 0);
	struct slab_object o = fixture_alloc(f, c);
	pfn_t pfn = slab_object_pfn(f->slab, o);

	cr_expect_eq(page_alloc_owner(&f->pages, pfn), o.slab + 1);
	fixture_free_object(f, o);
	slab_cache_shrink(f->slab, c, &f->meter);
	cr_expect_eq(page_alloc_owner(&f->pages, pfn), 0);
	fixture_free(f);
}

Test(slub, slab_numbers_and_freelists_are_used_again)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t c = fixture_cache(f, "c", 256, 0, 0), links = 0;

	for (int round = 0; round < 10; round++) {
		struct slab_object o[64];

		fixture_alloc_many(f, c, o, 64);
		fixture_free_range(f, o, 0, 63, 1);
		slab_cache_shrink(f->slab, c, &f->meter);
		if (round == 0)
			links = f->slub->store.links.nr_units;
	}
	cr_expect_eq(f->slub->store.nr_slabs, 4);
	cr_expect_eq(f->slub->store.links.nr_units, links);
	fixture_free(f);
}

/* Freelists in random order. */

static struct fixture *random_new(uint64_t seed)
{
	struct fixture *f = calloc(1, sizeof(*f));

	fixture_machine(&f->machine, 4, 1);
	f->machine.slab.freelist_random = true;
	fake_page_alloc_init(&f->pages, &f->machine);
	f->mm = (struct mm){ .machine = &f->machine, .seed = seed, .pages = &f->pages };
	cr_assert_eq(slab_create_all(&f->slab, &f->mm, NULL), 0);
	f->slub = f->slab->state;
	meter_start(&f->meter, f->machine.latency.step_ns);
	return f;
}

Test(slub, random_freelist_holds_every_object_once_and_follows_the_seed)
{
	struct fixture *f = random_new(7), *same = random_new(7), *other = random_new(8);
	uint32_t c = fixture_cache(f, "c", 256, 0, 0);
	bool seen[16] = { false }, differs = false, ascending = true;

	fixture_cache(same, "c", 256, 0, 0);
	fixture_cache(other, "c", 256, 0, 0);
	for (uint32_t i = 0; i < 16; i++) {
		uint32_t index = fixture_alloc(f, c).index;

		cr_expect_not(seen[index]);
		seen[index] = true;
		ascending &= index == i;
		cr_expect_eq(fixture_alloc(same, c).index, index);
		differs |= fixture_alloc(other, c).index != index;
	}
	cr_expect(differs);
	cr_expect_not(ascending);
	fixture_check(f);
	fixture_free(f);
	fixture_free(same);
	fixture_free(other);
}

Test(slub, random_freelist_of_a_minimum_slab_leaves_out_what_it_lacks)
{
	struct fixture *f = random_new(7);
	uint32_t c = fixture_cache(f, "c", 1088, 0, 0);
	struct slab_object o[3];

	f->pages.refuse_from = 3;
	fixture_alloc_many(f, c, o, 3);
	cr_expect(o[0].slab == o[2].slab && o[0].index + o[1].index + o[2].index == 3);
	fixture_check(f);
	fixture_free(f);
}

/* Other CPUs. */

Test(slub, free_of_another_cpus_current_slab_waits_on_the_slab)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t c = fixture_cache(f, "c", 256, 0, 0);
	struct slab_object o[16];

	fixture_alloc_many(f, c, o, 16);
	slab_free(f->slab, o[4], 1, &f->meter);
	cr_expect_eq(slub_cpu_of(f->slub, c, 1)->partial, SLAB_NONE);
	cr_expect_eq(f->slub->store.slabs[0].inuse, 15);
	fixture_check(f);
	cr_expect_eq(fixture_alloc(f, c).index, 4, "taken over when the CPU's own freelist is used up");
	cr_expect_eq(fixture_stats(f, c).slabs, 1);
	fixture_free(f);
}

Test(slub, freed_full_slab_goes_to_the_stack_of_the_cpu_that_frees)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t c = fixture_cache(f, "c", 256, 0, 0);
	struct slab_object o[17];

	fixture_alloc_many(f, c, o, 17);
	slab_free(f->slab, o[3], 2, &f->meter);
	cr_expect_eq(slub_cpu_of(f->slub, c, 2)->partial, o[3].slab);
	cr_expect_eq(fixture_stats(f, c).slabs_cpu_partial, 1);
	cr_expect_eq(fixture_stats(f, c).cpu_slabs, 1, "sysfs leaves out a CPU without a current slab");
	fixture_check(f);
	fixture_free(f);
}

Test(slub, without_cpu_partials_slabs_go_to_the_node_at_once)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct slab_object o[160];
	uint32_t c;

	fixture_machine(&f->machine, 4, 1);
	f->machine.slab.cpu_partial = 0;
	fixture_start(f);
	c = fixture_cache(f, "c", 256, 0, 0);
	fixture_alloc_many(f, c, o, 160);
	fixture_free_object(f, o[20]);
	fixture_free_object(f, o[0]);
	cr_expect_eq(slub_node_of(f->slub, c, 0)->head, o[20].slab);
	cr_expect_eq(slub_node_of(f->slub, c, 0)->tail, o[0].slab);
	for (uint32_t i = 1; i < 144; i++)
		if (i != 20)
			fixture_free_object(f, o[i]);
	fixture_check(f);
	cr_expect_eq(fixture_stats(f, c).partial, 4, "a slab counts itself on the list when it becomes empty");
	cr_expect_eq(fixture_stats(f, c).discarded, 5);
	fixture_alloc_many(f, c, o, 1);
	cr_expect_eq(fixture_stats(f, c).partial, 3, "one slab is taken, none for a stack");
	fixture_check(f);
	fixture_free(f);
}

Test(slub, drained_slabs_go_to_the_tail_from_the_top_of_the_stack)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t c = fixture_cache(f, "c", 1024, 0, 0); /* 3 slabs on a stack */
	struct slab_object o[80];
	const struct slub_node *n = slub_node_of(f->slub, c, 0);

	fixture_alloc_many(f, c, o, 80);
	fixture_free_range(f, o, 0, 48, 16);
	cr_expect_eq(n->nr_partial, 3);
	cr_expect_eq(n->head, o[32].slab);
	cr_expect_eq(n->tail, o[0].slab);
	cr_expect_eq(slub_cpu_of(f->slub, c, 0)->partial, o[48].slab);
	fixture_check(f);
	fixture_free(f);
}

Test(slub, shrink_sorts_fullest_first_and_equals_backwards)
{
	static const uint32_t free_objects[] = { 3, 1, 3, 1, 2 };
	static const uint32_t expected[] = { 3, 1, 4, 2, 0 };
	struct fixture *f = fixture_new(4, 1);
	uint32_t c = fixture_cache(f, "c", 256, 0, 0), number;
	struct slub_node *n = slub_node_of(f->slub, c, 0);
	struct slab_object o[96];

	fixture_alloc_many(f, c, o, 96);
	for (uint32_t slab = 0; slab < 5; slab++) {
		fixture_free_range(f, o, 16 * slab, 16 * slab + free_objects[slab] - 1, 1);
		slub_partial_add(f->slub, o[16 * slab].slab, true); /* in this order, not by way of a stack */
		slub_cpu_of(f->slub, c, 0)->partial = SLAB_NONE;
	}
	fixture_check(f);
	cr_expect_eq(slab_cache_shrink(f->slab, c, &f->meter), 6);
	fixture_check(f);
	number = n->head;
	for (uint32_t i = 0; i < 5; i++, number = f->slub->store.slabs[number].next)
		cr_expect_eq(number, o[16 * expected[i]].slab, "place %u: slab %u", i, number);
	fixture_free(f);
}

/*
 * Slabs without objects are not sorted: the last one of the
 * list is discarded first, however few objects it has room for.
 */
Test(slub, shrink_discards_empty_slabs_from_the_end_of_the_list)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t c = fixture_cache(f, "c", 256, 0, 0); /* 16 objects */
	struct slab_object o[64];
	uint32_t first;

	fixture_alloc_many(f, c, o, 64);
	first = f->slub->store.slabs[o[0].slab].pfn;
	for (uint32_t slab = 0; slab < 3; slab++) {
		fixture_free_range(f, o, 16 * slab, 16 * slab + 15, 1);
		slub_partial_add(f->slub, o[16 * slab].slab, true); /* in this order, not by way of a stack */
		slub_cpu_of(f->slub, c, 0)->partial = SLAB_NONE;
	}
	fixture_check(f);
	cr_expect_eq(slab_cache_shrink(f->slab, c, &f->meter), 1);
	cr_expect_eq(f->pages.given, first);
	fixture_check(f);
	fixture_free(f);
}

Test(slub, shrink_leaves_slabs_with_more_than_32_free_objects_behind)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t c = fixture_cache(f, "c", 32, 0, 0); /* 128 objects */
	struct slab_object o[512];

	fixture_alloc_many(f, c, o, 512);
	fixture_free_range(f, o, 0, 39, 1);
	fixture_free_range(f, o, 128, 130, 1);
	slab_cache_shrink(f->slab, c, &f->meter);
	cr_expect_eq(slub_node_of(f->slub, c, 0)->head, o[128].slab);
	cr_expect_eq(slub_node_of(f->slub, c, 0)->tail, o[0].slab);
	fixture_check(f);
	fixture_free(f);
}

/* Bulk frees. */

Test(slub, bulk_free_gives_up_at_the_third_object_of_another_slab)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t c = fixture_cache(f, "c", 256, 0, 0);
	struct slab_object o[64], bulk[7];

	fixture_alloc_many(f, c, o, 64);
	/* From the end: a, then b, a (gathered beyond a gap), b, b: the third of b ends the search. */
	bulk[6] = o[0];
	bulk[5] = o[16];
	bulk[4] = o[1];
	bulk[3] = o[17];
	bulk[2] = o[18];
	bulk[1] = o[2];
	bulk[0] = o[19];
	slab_free_bulk(f->slab, bulk, 7, 0, &f->meter);
	fixture_check(f);
	/* Chains: (0, 1); what is left is 19 2 18 17 16, of which (16, 17, 18, 19) beyond the gap of 2; then (2). */
	const struct slub_slab *a = &f->slub->store.slabs[o[0].slab], *b = &f->slub->store.slabs[o[16].slab];
	const uint16_t *la = slub_links(f->slub, a), *lb = slub_links(f->slub, b);

	cr_expect_eq(a->inuse, 13);
	cr_expect_eq(b->inuse, 12);
	cr_expect(a->freelist == 2 && la[2] == 0 && la[0] == 1, "a: %u %u %u", a->freelist, la[2], la[0]);
	cr_expect(b->freelist == 0 && lb[0] == 1 && lb[1] == 2 && lb[2] == 3, "b: %u %u %u %u", b->freelist,
		lb[0], lb[1], lb[2]);
	fixture_free(f);
}

Test(slub, bulk_free_to_the_current_slab_is_one_fast_step)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t c = fixture_cache(f, "c", 256, 0, 0);
	struct slab_object o[8];

	fixture_alloc_many(f, c, o, 8);
	meter_start(&f->meter, f->machine.latency.step_ns);
	slab_free_bulk(f->slab, o, 8, 0, &f->meter);
	cr_expect_eq(f->meter.ns, f->machine.latency.step_ns[STEP_SLAB_FREE_FAST]);
	cr_expect_eq(fixture_alloc(f, c).index, 7);
	cr_expect_eq(fixture_alloc(f, c).index, 6);
	fixture_check(f);
	fixture_free(f);
}

Test(slub, bulk_free_of_whole_slabs_pushes_each_once)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t c = fixture_cache(f, "c", 256, 0, 0);
	struct slab_object o[160];

	fixture_alloc_many(f, c, o, 160);
	slab_free_bulk(f->slab, o, 144, 0, &f->meter);
	fixture_check(f);
	/* 9 slabs, already empty when pushed: the 8th push drains 7, of which 2 are too many. */
	cr_expect_eq(fixture_stats(f, c).slabs, 8);
	cr_expect_eq(fixture_stats(f, c).partial, 5);
	cr_expect_eq(fixture_stats(f, c).slabs_cpu_partial, 2);
	fixture_free(f);
}

/* Nodes. */

Test(slub, each_cpu_gets_slabs_of_its_node)
{
	struct fixture *f = fixture_new(4, 2);
	uint32_t c = fixture_cache(f, "c", 256, 0, 0);

	cr_expect_eq(node_of(f, alloc_on(f, c, -1, 0)), 0);
	cr_expect_eq(node_of(f, alloc_on(f, c, -1, 3)), 1);
	cr_expect_eq(node_of(f, alloc_on(f, c, 1, 0)), 1);
	fixture_check(f);
	fixture_free(f);
}

Test(slub, request_for_another_node_deactivates_the_current_slab)
{
	struct fixture *f = fixture_new(4, 2);
	uint32_t c = fixture_cache(f, "c", 256, 0, 0);
	struct slab_object here = alloc_on(f, c, -1, 0), there = alloc_on(f, c, 1, 0), again;

	cr_expect_eq(fixture_stats(f, c).partial, 1);
	cr_expect_eq(slub_node_of(f->slub, c, 0)->head, here.slab);
	again = alloc_on(f, c, -1, 0);
	cr_expect_eq(again.slab, there.slab, "any node will do: the current slab serves");
	again = alloc_on(f, c, 0, 0);
	cr_expect_eq(again.slab, here.slab, "from its node's list");
	fixture_check(f);
	fixture_free(f);
}

Test(slub, request_for_a_node_without_memory_takes_any)
{
	struct fixture *f = calloc(1, sizeof(*f));
	uint32_t c;

	fixture_machine(&f->machine, 4, 3);
	f->machine.nr_ram = 2;
	fixture_start(f);
	c = fixture_cache(f, "c", 256, 0, 0);
	cr_expect_eq(f->slub->numa.of_cpu[3], 0, "CPU 3's node has none: the nearest that has");
	cr_expect_eq(node_of(f, alloc_on(f, c, 2, 0)), 0);
	cr_expect_eq(node_of(f, alloc_on(f, c, 60, 0)), 0);
	cr_expect_eq(fixture_stats(f, c).slabs, 1);
	fixture_check(f);
	fixture_free(f);
}

Test(slub, drained_slabs_go_back_to_their_own_node)
{
	struct fixture *f = fixture_new(4, 2);
	uint32_t c = fixture_cache(f, "c", 1024, 0, 0); /* 3 slabs on a stack */
	struct slab_object o[80];

	fixture_alloc_many(f, c, o, 80);
	for (uint32_t i = 0; i < 64; i += 16)
		slab_free(f->slab, o[i], 3, &f->meter);
	cr_expect_eq(slub_node_of(f->slub, c, 0)->nr_partial, 3);
	cr_expect_eq(slub_node_of(f->slub, c, 1)->nr_partial, 0);
	fixture_check(f);
	fixture_free(f);
}

/* Fills node 0 with @slabs partial slabs, then asks on a CPU of node 1. */
static unsigned int node_with_remote_partials(uint32_t slabs, int node, int rounds)
{
	unsigned int remote = 0;

	for (int round = 0; round < rounds; round++) {
		struct fixture *f = calloc(1, sizeof(*f));
		struct slab_object o[16 * 20];
		uint32_t c;

		fixture_machine(&f->machine, 4, 2);
		fixture_start(f);
		rng_init(&f->slub->defrag_rng, (uint64_t)round, "slub_defrag");
		c = fixture_cache(f, "c", 256, 0, 0);
		fixture_alloc_many(f, c, o, 16 * slabs);
		fixture_free_range(f, o, 0, 16 * slabs - 1, 16);
		slab_cache_shrink(f->slab, c, &f->meter);
		remote += node_of(f, alloc_on(f, c, node, 3)) == 0;
		fixture_check(f);
		fixture_free(f);
	}
	return remote;
}

Test(slub, any_node_request_borrows_from_a_node_with_more_than_min_partial)
{
	unsigned int remote = node_with_remote_partials(6, -1, 300);

	cr_expect(remote > 270 && remote < 300, "%u of 300: 1001 of 1024 are expected", remote);
	cr_expect_eq(node_with_remote_partials(5, -1, 20), 0, "not more than min_partial");
	cr_expect_eq(node_with_remote_partials(6, 1, 20), 0, "a named node never borrows");
}

Test(slub, nearest_node_is_asked_first)
{
	struct fixture *f = calloc(1, sizeof(*f));

	fixture_machine(&f->machine, 4, 4);
	f->machine.distance[0][1] = 30;
	f->machine.distance[0][2] = 15;
	f->machine.distance[0][3] = 20;
	fixture_start(f);
	cr_expect_arr_eq(f->slub->numa.nearest, ((uint8_t[]){ 0, 2, 3, 1 }), 4);
	cr_expect_arr_eq(&f->slub->numa.nearest[2 * 4], ((uint8_t[]){ 2, 3, 0, 1 }), 4,
		"equally near: those behind first");
	fixture_free(f);
}

/* __kmem_cache_shutdown() returns at the first node with slabs left. */
Test(slub, refused_destroy_leaves_empty_slabs_of_later_nodes)
{
	struct fixture *f = fixture_new(4, 2);
	uint32_t c = fixture_cache(f, "c", 256, 0, 0);
	struct slab_object live = fixture_alloc(f, c), gone;

	cr_assert_eq(slab_alloc(f->slab, c, GFP_KERNEL, 1, 0, &gone, &f->meter), MM_DONE);
	fixture_free_object(f, gone);
	cr_expect_not(slab_cache_destroy(f->slab, c, &f->meter));
	cr_expect_eq(slub_node_of(f->slub, c, 0)->nr_slabs, 1);
	cr_expect_eq(slub_node_of(f->slub, c, 1)->nr_slabs, 1);
	fixture_free_object(f, live);
	fixture_check(f);
	fixture_free(f);
}

/* Debug caches. */

Test(slub, debug_cache_has_neither_current_slab_nor_stack)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t c = fixture_cache(f, "poison", 256, 0, SLAB_POISON);
	struct slab_object o[150]; /* 15 objects of 264 bytes in order 0, or more in order 1 */
	uint32_t objs = slab_cache_geometry(f->slab, c)->objs_per_slab;
	struct slab_stats s;

	fixture_alloc_many(f, c, o, 150);
	fixture_check(f);
	s = fixture_stats(f, c);
	cr_expect_eq(s.slabs, (150 + objs - 1) / objs);
	cr_expect_eq(s.partial, 1);
	cr_expect_eq(s.cpu_slabs, 0);
	cr_expect_eq(s.live_objs, 150);
	fixture_free_object(f, o[1]);
	fixture_free_object(f, o[0]);
	fixture_check(f);
	cr_expect_eq(slub_node_of(f->slub, c, 0)->tail, o[0].slab, "a slab that was full comes to the tail");
	fixture_free_range(f, o, 2, 149, 1);
	fixture_check(f);
	cr_expect_eq(fixture_stats(f, c).live_objs, 0);
	cr_expect(slab_cache_destroy(f->slab, c, &f->meter));
	cr_expect_eq(f->pages.pages_out, 0);
	fixture_free(f);
}

Test(slub, debug_caches_discard_beyond_min_partial)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t c = fixture_cache(f, "check", 2048, 0, SLAB_CONSISTENCY_CHECKS);
	struct slab_object o[160];

	fixture_alloc_many(f, c, o, 160);
	fixture_free_range(f, o, 0, 159, 1);
	fixture_check(f);
	cr_expect_eq(fixture_stats(f, c).slabs, 4, "a slab counts itself on the list when it becomes empty");
	cr_expect_eq(fixture_stats(f, c).discarded, 6);
	fixture_free(f);
}

/* What is charged. */

static uint64_t charged(struct fixture *f, const char *what, uint64_t expected)
{
	cr_expect_eq(f->meter.ns, expected, "%s: %lu ns", what, f->meter.ns);
	meter_start(&f->meter, f->machine.latency.step_ns);
	return expected;
}

Test(slub, every_way_charges_its_steps)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t c = fixture_cache(f, "c", 256, 0, SLAB_CTOR); /* 264 bytes, 31 objects in 2 pages, 4 slabs a stack */
	const uint32_t *ns = f->machine.latency.step_ns;
	struct slab_object o[31 * 8 + 1];
	uint64_t fast = ns[STEP_SLAB_ALLOC_FAST];

	fixture_alloc(f, c);
	charged(f, "new slab", fast + ns[STEP_SLAB_NEW] + 31 * (ns[STEP_SLAB_NEW_OBJECT] + ns[STEP_SLAB_CTOR]));
	o[0] = fixture_alloc(f, c);
	charged(f, "fast alloc", fast);
	fixture_free_object(f, o[0]);
	charged(f, "fast free", ns[STEP_SLAB_FREE_FAST]);

	fixture_alloc_many(f, c, o, 30 + 31 * 7); /* 8 slabs full, the last one current */
	meter_start(&f->meter, f->machine.latency.step_ns);
	fixture_free_object(f, o[0]);
	charged(f, "free to a full slab", ns[STEP_SLAB_FREE_SLOW]);
	cr_expect_eq(f->meter.nr_segments, 0);
	o[0] = fixture_alloc(f, c);
	charged(f, "alloc from the stack", fast + ns[STEP_SLAB_CPU_PARTIAL] + ns[STEP_SLAB_TAKE_FREELIST]);

	for (uint32_t slab = 1; slab < 6; slab++) {
		meter_start(&f->meter, f->machine.latency.step_ns);
		fixture_free_object(f, o[30 + 31 * slab - 1]);
	}
	cr_expect_eq(f->meter.nr_segments, 5);
	cr_expect_eq(f->meter.segments[0].lock, LOCK_LIST(0));
	cr_expect_eq(f->meter.segments[0].step, STEP_LIST_LOCK);
	charged(f, "drain of 4", ns[STEP_SLAB_FREE_SLOW] + ns[STEP_SLAB_DRAIN] + ns[STEP_LIST_LOCK] +
		4 * ns[STEP_SLAB_NODE_PARTIAL_SLAB]);
	fixture_check(f);
	fixture_free(f);
}

/* Objects that are asked about. */

Test(slub, object_live_knows_both_freelists)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t c = fixture_cache(f, "c", 256, 0, 0);
	struct slab_object o[20];

	fixture_alloc_many(f, c, o, 20);
	fixture_free_object(f, o[18]);
	slab_free(f->slab, o[19], 1, &f->meter);
	fixture_free_object(f, o[3]);
	cr_expect(slab_object_live(f->slab, o[17]));
	cr_expect(slab_object_live(f->slab, o[4]));
	cr_expect_not(slab_object_live(f->slab, o[18]), "on the CPU's freelist");
	cr_expect_not(slab_object_live(f->slab, o[19]), "freed by another CPU");
	cr_expect_not(slab_object_live(f->slab, o[3]));
	cr_expect_not(slab_object_live(f->slab, (struct slab_object){ 0, 16 }));
	cr_expect_not(slab_object_live(f->slab, (struct slab_object){ 99, 0 }));
	cr_expect_not(slab_object_live(f->slab, (struct slab_object){ SLAB_LARGE, 1 }));
	cr_expect_not(slab_object_live(f->slab, (struct slab_object){ SLAB_LARGE, UINT32_MAX }));
	fixture_free(f);
}

/*
 * get_any_partial() asks the policy for a node to begin at, and finds nothing; then the pages take their turn. So
 * on two nodes the slabs of a booting kernel are all of one node, but where the cycle counter forbids the first
 * look (23 of 1024; not here).
 */
Test(slub, a_new_slab_takes_two_turns_of_the_tasks_policy)
{
	struct fixture *f = fixture_new(1, 2);
	uint32_t cache = fixture_cache(f, "a", 2048, 0, 0);
	uint32_t per_slab = slab_cache_geometry(f->slab, cache)->objs_per_slab;
	struct mempolicy policy;

	mempolicy_boot(&policy, &f->machine);
	cr_assert_eq(policy.nr, 2);
	f->pages.policy = &policy;
	for (uint32_t i = 0; i < 4 * per_slab; i++) {
		struct slab_object object = fixture_alloc(f, cache);

		cr_assert_eq(f->slub->store.slabs[object.slab].node, 1, "object %u", i);
	}
	fixture_check(f);
	fixture_free(f);
}

Test(slub, a_large_kmalloc_is_not_spread_over_the_nodes)
{
	struct fixture *f = fixture_new(1, 2);
	struct mempolicy policy;
	struct slab_object object;

	mempolicy_boot(&policy, &f->machine);
	f->pages.policy = &policy;
	for (uint32_t i = 0; i < 3; i++) {
		cr_assert_eq(kmalloc_large(f->slab, 16384, GFP_KERNEL, -1, 0, &object, &f->meter), MM_DONE);
		cr_expect_eq(page_alloc_node_of(&f->pages, object.index), 0);
	}
	fixture_free(f);
}

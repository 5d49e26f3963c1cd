/* The SLAB allocator: worked examples 13.7 of the specification, the reaper, NUMA, 2.6, and broken invariants. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "mm/mempolicy.h"
#include "mm/slab_engine_priv.h"
#include "slab_fixture.h"

static struct fixture *slab_machine(uint32_t cpus, uint32_t nodes, enum machine_behaviour kernel)
{
	struct fixture *f = calloc(1, sizeof(*f));

	fixture_machine(&f->machine, cpus, nodes);
	strcpy(f->machine.slab.allocator, "slab");
	f->machine.behaviour = kernel;
	if (kernel == BEHAVIOUR_2_6_CLASSIC)
		f->machine.kmalloc = (struct machine_kmalloc){
			.min_size = 32,
			.max_cache_size = 131072,
			.max_size = 131072,
			.extra_classes = { 192 },
		};
	fixture_start(f);
	return f;
}

static struct slab_engine *engine_of(const struct fixture *f)
{
	return f->slab->state;
}

static void expect_geometry(uint32_t size, uint32_t align, uint32_t flags, const uint32_t want[5])
{
	struct machine m;
	struct slab_geometry g;

	fixture_machine(&m, 4, 1);
	cr_assert(slab_engine_geometry(&m, size, align, flags, &g));
	cr_expect_eq(g.size, want[0], "%u: slot %u", size, g.size);
	cr_expect_eq(g.objs_per_slab, want[1], "%u: %u objects", size, g.objs_per_slab);
	cr_expect_eq(g.order, want[2], "%u: order %u", size, g.order);
	cr_expect_eq((uint32_t)g.management, want[3], "%u: management %d", size, (int)g.management);
	cr_expect_eq(g.colours, want[4], "%u: %u colours", size, g.colours);
}

Test(slab, geometry_is_that_of_s1_to_s12)
{
	expect_geometry(32, 32, 0, (uint32_t[]){ 32, 124, 0, SLAB_ON_SLAB, 0 });
	expect_geometry(64, 64, 0, (uint32_t[]){ 64, 64, 0, SLAB_OBJFREELIST, 0 });
	expect_geometry(96, 0, 0, (uint32_t[]){ 96, 42, 0, SLAB_OBJFREELIST, 1 });
	expect_geometry(100, 0, 0, (uint32_t[]){ 104, 39, 0, SLAB_OBJFREELIST, 0 });
	expect_geometry(192, 0, 0, (uint32_t[]){ 192, 21, 0, SLAB_OBJFREELIST, 1 });
	expect_geometry(256, 256, 0, (uint32_t[]){ 256, 16, 0, SLAB_OBJFREELIST, 0 });
	expect_geometry(700, 0, 0, (uint32_t[]){ 704, 11, 1, SLAB_OBJFREELIST, 7 });
	expect_geometry(1024, 0, SLAB_CTOR, (uint32_t[]){ 1024, 4, 0, SLAB_OFF_SLAB, 0 });
	expect_geometry(1536, 0, 0, (uint32_t[]){ 1536, 5, 1, SLAB_OBJFREELIST, 8 });
	expect_geometry(3000, 0, 0, (uint32_t[]){ 3000, 2, 1, SLAB_OBJFREELIST, 34 });
	expect_geometry(8192, 8192, 0, (uint32_t[]){ 8192, 1, 1, SLAB_OBJFREELIST, 0 });
	expect_geometry(20000, 0, 0, (uint32_t[]){ 20000, 1, 3, SLAB_OBJFREELIST, 199 });
}

/** Objects that a shrinker frees. */
struct shrunk {
	struct fixture *f;
	struct slab_object objects[200];
	uint32_t nr;
};

static void shrink(void *arg)
{
	struct shrunk *shrunk = arg;

	for (uint32_t i = 0; i < shrunk->nr; i++)
		fixture_free_object(shrunk->f, shrunk->objects[i]);
}

/*
 * cache_alloc_refill() looks at the array again after
 * cache_grow_begin(), and takes of the new slab only for an empty one.
 */
Test(slab, objects_that_reclaim_frees_while_a_slab_is_taken_are_used_before_the_slab)
{
	for (int refuse = 0; refuse < 2; refuse++) {
		struct fixture *f = slab_machine(1, 1, BEHAVIOUR_6_1);
		uint32_t c = fixture_cache(f, "c", 256, 256, 0);
		struct shrunk shrunk = { .f = f };
		struct engine_array *array = engine_cpu_array(&engine_of(f)->caches[c], 0);
		struct slab_object last;

		do
			shrunk.objects[shrunk.nr++] = fixture_alloc(f, c);
		while (shrunk.nr < 160 || array->avail);
		shrunk.nr = array->limit; /* these are freed, and none of the others: the array is full then */
		f->pages.reclaim_arg = &shrunk;
		f->pages.reclaim = shrink;
		f->pages.refuse_from = refuse ? 0 : PAGE_MAX_ORDERS;
		last = fixture_alloc(f, c);
		cr_expect_null(f->pages.reclaim);
		cr_expect_eq(last.slab, shrunk.objects[shrunk.nr - 1].slab);
		cr_expect_eq(last.index, shrunk.objects[shrunk.nr - 1].index, "the newest of those freed");
		cr_expect_eq(array->avail, array->limit - 1);
		fixture_check(f);
		fixture_free(f);
	}
}

Test(slab, tunables_are_those_of_s13)
{
	static const uint32_t rows[][4] = { { 256, 120, 60, 8 }, { 264, 54, 27, 8 }, { 1024, 54, 27, 8 },
		{ 1032, 24, 12, 8 }, { 4096, 24, 12, 8 }, { 4104, 8, 4, 0 }, { 200000, 1, 1, 0 } };
	struct machine m;

	fixture_machine(&m, 4, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct slab_geometry g;

		cr_assert(slab_engine_geometry(&m, rows[i][0], 0, 0, &g));
		cr_expect(g.limit == rows[i][1] && g.batchcount == rows[i][2] && g.shared == rows[i][3], "%u: %u %u %u",
			rows[i][0], g.limit, g.batchcount, g.shared);
	}
}

/* 2.6: 48 bytes of descriptor and 4 an object in front of objects below 512 bytes; larger ones keep them elsewhere. */
Test(slab, geometry_of_2_6_has_descriptors)
{
	struct machine m;
	struct slab_geometry g;

	fixture_machine(&m, 1, 1);
	m.behaviour = BEHAVIOUR_2_6_CLASSIC;
	cr_assert(slab_engine_geometry(&m, 32, 32, 0, &g));
	cr_expect(g.objs_per_slab == 112 && g.management == SLAB_ON_SLAB, "%u", g.objs_per_slab);
	cr_expect_eq(slab_engine_management(&m, &g), 512);
	cr_assert(slab_engine_geometry(&m, 512, 0, 0, &g));
	cr_expect(g.objs_per_slab == 8 && g.management == SLAB_OFF_SLAB && g.management_bytes == 48 + 8 * 4, "%u",
		g.objs_per_slab);
	m.bits32 = true;
	cr_assert(slab_engine_geometry(&m, 100, 0, 0, &g));
	cr_expect(g.size == 100 && g.objs_per_slab == 39, "%u of %u", g.objs_per_slab, g.size);
	cr_expect_not(slab_engine_geometry(&m, 2, 0, 0, &g), "less than a word was a BUG");
}

static uint64_t at_hand(struct fixture *f, uint32_t cache)
{
	return engine_cpu_array(&engine_of(f)->caches[cache], 0)->avail;
}

Test(slab, size_256_lives_as_in_s14)
{
	static const uint32_t left[] = { 32, 8, 4, 2, 1, 0 }, slabs[] = { 2, 2, 2, 2, 1, 0 };
	struct fixture *f = slab_machine(1, 1, BEHAVIOUR_6_1);
	uint32_t c = fixture_cache(f, "c", 256, 256, SLAB_NO_MERGE);
	struct slab_object o[17];

	cr_expect_eq(engine_node_of(engine_of(f), c, 0)->free_limit, 136);
	for (uint32_t i = 0; i < 17; i++) {
		o[i] = fixture_alloc(f, c);
		cr_expect_eq(o[i].index, i < 16 ? 15 - i : 15, "object %u has index %u", i, o[i].index);
		fixture_check(f);
	}
	cr_expect_eq(fixture_stats(f, c).slabs, 2);
	fixture_free_range(f, o, 0, 16, 1);
	cr_expect_eq(at_hand(f, c), 32);
	for (int round = 0; round < 6; round++) {
		slab_reap(f->slab, 0, &f->meter);
		fixture_check(f);
		cr_expect_eq(at_hand(f, c), left[round], "round %d: %lu", round, at_hand(f, c));
		cr_expect_leq(fixture_stats(f, c).slabs, slabs[round] + 1, "round %d", round);
	}
	cr_expect_eq(fixture_stats(f, c).slabs, 0);
	cr_expect_eq(f->pages.pages_out, 0);
	fixture_free(f);
}

Test(slab, off_slab_management_is_a_kmalloc_object)
{
	struct fixture *f = slab_machine(1, 1, BEHAVIOUR_6_1);
	uint32_t c = fixture_cache(f, "c", 1024, 0, SLAB_CTOR), k = slab_cache_find(f->slab, "kmalloc-32");
	struct slab_object o = fixture_alloc(f, c);

	cr_expect_eq(fixture_stats(f, k).live_objs, 1);
	fixture_free_object(f, o);
	cr_expect_eq(slab_cache_shrink(f->slab, c, &f->meter), 0);
	cr_expect_eq(fixture_stats(f, k).live_objs, 0);
	fixture_check(f);
	fixture_free(f);
}

Test(slab, slabs_begin_at_one_colour_after_the_other)
{
	struct fixture *f = slab_machine(1, 1, BEHAVIOUR_6_1);
	uint32_t c = fixture_cache(f, "c", 1536, 0, 0);
	struct slab_object o[50];

	fixture_alloc_many(f, c, o, 50);
	for (uint32_t slab = 0; slab < 10; slab++)
		cr_expect_eq(engine_of(f)->slabs[o[slab * 5].slab].first, (slab + 1) % 8 * 64);
	fixture_check(f);
	fixture_free(f);
}

Test(slab, object_of_another_node_goes_home_through_the_alien_array)
{
	struct fixture *f = slab_machine(2, 2, BEHAVIOUR_6_1);
	uint32_t c = fixture_cache(f, "c", 256, 0, 0);
	struct slab_engine *e = engine_of(f);
	struct slab_object o[13];

	fixture_alloc_many(f, c, o, 13);
	for (uint32_t i = 0; i < 12; i++)
		slab_free(f->slab, o[i], 1, &f->meter);
	cr_expect_eq(engine_alien_array(e, &e->caches[c], 1, 0)->avail, 12);
	slab_free(f->slab, o[12], 1, &f->meter); /* full: the twelve go to node 0's shared array */
	cr_expect_eq(engine_alien_array(e, &e->caches[c], 1, 0)->avail, 1);
	cr_expect_eq(engine_shared_array(e, &e->caches[c], 0)->avail, 12);
	cr_expect_eq(fixture_stats(f, c).live_objs, 0);
	fixture_check(f);
	fixture_free(f);
}

Test(slab, no_reap_keeps_the_reaper_of_2_6_away)
{
	struct fixture *f = slab_machine(1, 1, BEHAVIOUR_2_6_CLASSIC);
	uint32_t with = fixture_cache(f, "with", 256, 0, 0),
		 without = fixture_cache(f, "without", 256, 0, SLAB_NO_REAP);

	fixture_free_object(f, fixture_alloc(f, with));
	fixture_free_object(f, fixture_alloc(f, without));
	for (int round = 0; round < 12; round++)
		slab_reap(f->slab, 0, &f->meter);
	cr_expect_eq(fixture_stats(f, with).slabs, 0);
	cr_expect_eq(fixture_stats(f, without).slabs, 1);
	fixture_check(f);
	fixture_free(f);
}

Test(slab, kernel_2_6_has_pools_to_128_kib_and_nothing_above) /* K4 */
{
	struct fixture *f = slab_machine(1, 1, BEHAVIOUR_2_6_CLASSIC);
	struct slab_object o;

	cr_expect_eq(kmalloc_size(f->slab, 1, GFP_KERNEL), 32);
	cr_expect_eq(kmalloc_size(f->slab, 65, GFP_KERNEL), 128, "no 96 with cache lines of 64 bytes");
	cr_expect_eq(kmalloc_size(f->slab, 129, GFP_KERNEL), 192);
	cr_expect_eq(kmalloc_size(f->slab, 100000, GFP_KERNEL), 131072);
	cr_expect_eq(kmalloc_class(f->slab, 100, GFP_KERNEL | GFP_BIT_DMA), slab_cache_find(f->slab, "size-128(DMA)"));
	cr_expect(kmalloc_is_large(f->slab, 131073));
	cr_expect_eq(kmalloc_large(f->slab, 131073, GFP_KERNEL, -1, 0, &o, &f->meter), MM_FAILED);
	fixture_free(f);
}

Test(slab, destroy_is_refused_while_objects_live_and_in_2_6_may_be_tried_again)
{
	struct fixture *f = slab_machine(1, 1, BEHAVIOUR_2_6_CLASSIC);
	struct slab_create create = { .name = "c", .object_size = 100 };
	uint32_t c = fixture_cache(f, "c", 100, 0, 0), again;
	struct slab_object o = fixture_alloc(f, c);

	cr_expect_eq(slab_cache_create(f->slab, &create, &again, &f->meter), SLAB_CREATE_FAILED,
		"a duplicate was a BUG");
	cr_expect_not(slab_cache_destroy(f->slab, c, &f->meter));
	fixture_free_object(f, o);
	cr_expect(slab_cache_destroy(f->slab, c, &f->meter));
	cr_expect(slab_cache_gone(f->slab, "c"));
	cr_expect_eq(slab_cache_create(f->slab, &create, &again, &f->meter), SLAB_CREATED);
	cr_expect_not(slab_cache_gone(f->slab, "c"));
	fixture_free(f);
}

Test(slab, kernel_6_18_has_neither_slab_nor_slob)
{
	static const char *const names[] = { "slab", "slob" };
	struct fixture *f = calloc(1, sizeof(*f));

	for (int i = 0; i < 2; i++) {
		struct err err = { 0 };

		fixture_machine(&f->machine, 1, 1);
		strcpy(f->machine.slab.allocator, names[i]);
		f->machine.behaviour = BEHAVIOUR_6_18;
		f->mm = (struct mm){ .machine = &f->machine, .pages = &f->pages };
		cr_expect_eq(slab_create_all(&f->slab, &f->mm, &err), -(int)ERR_CONFIG);
		cr_expect(strstr(err.text, "kernel 6.18 has no"), "%s", err.text);
	}
	free(f);
}

Test(slab, each_broken_invariant_is_reported)
{
	struct fixture *f = slab_machine(2, 2, BEHAVIOUR_6_1);
	struct slab_engine *e = engine_of(f);
	uint32_t c = fixture_cache(f, "c", 1024, 0, SLAB_CTOR);
	struct slab_object o[20];
	struct engine_slab *slab;
	struct engine_node *n;
	struct engine_array *array;

	fixture_alloc_many(f, c, o, 20);
	fixture_free_object(f, o[19]);
	slab_engine_free_block(
		&(struct engine_op){
			.engine = e,
			.cache = &e->caches[c],
			.cache_nr = c,
			.meter = &f->meter,
		},
		(struct slab_object[]){ o[0], o[1] }, 2, 0);
	slab = &e->slabs[o[0].slab];
	n = engine_node_of(e, c, 0);
	array = engine_cpu_array(&e->caches[c], 0);
	fixture_check(f);
	FIXTURE_BREAK(f, engine_links(e, slab)[slab->active], engine_links(e, slab)[slab->active + 1], "engine 1");
	FIXTURE_BREAK(f, n->nr[ENGINE_FULL], 1, "engine 2");
	FIXTURE_BREAK(f, slab->list, ENGINE_FULL, "engine 2");
	FIXTURE_BREAK(f, e->slabs[n->head[ENGINE_FULL]].active, 3, "engine 3");
	FIXTURE_BREAK(f, n->free_objects, 1, "engine 4");
	FIXTURE_BREAK(f, array->entry[0].index, 4, "engine 5");
	FIXTURE_BREAK(f, array->limit, 0, "engine 5");
	FIXTURE_BREAK(f, f->pages.owner[slab->pfn], 0, "engine 6");
	FIXTURE_BREAK(f, slab->first, 64, "engine 7");
	FIXTURE_BREAK(f, slab->management.index, 0,
		"engine 8"); /* one that nobody has: the last of the batch goes out first */
	FIXTURE_BREAK(f, e->caches[c].grown, 9, "engine 9");
	fixture_free(f);
}

/* alternate_node_alloc(): each object is of the node whose turn it is. */
Test(slab, objects_come_from_the_nodes_of_the_tasks_policy_in_turn)
{
	struct fixture *f = slab_machine(1, 2, BEHAVIOUR_6_1);
	uint32_t cache = fixture_cache(f, "a", 256, 0, 0);
	struct mempolicy policy;

	mempolicy_boot(&policy, &f->machine);
	f->pages.policy = &policy;
	for (uint32_t i = 0; i < 6; i++) {
		struct slab_object object = fixture_alloc(f, cache);

		cr_expect_eq(engine_of(f)->slabs[object.slab].node, i % 2, "object %u", i);
	}
	fixture_check(f);
	fixture_free(f);
}

/*
 * SLUB, SLAB and SLOB: seeded operations on several CPUs, nodes and caches beside an obvious model: the set of live
 * objects. After each one every invariant holds, no object is handed out twice, and what the caches say of
 * themselves is what callers hold.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "slab_fixture.h"

#define CPUS   3
#define NODES  2
#define CACHES 7
#define LIVE   1200
#define BULK   40

struct held {
	struct slab_object object;
	uint32_t cache; /* CACHE_NONE: a large kmalloc */
};

struct property {
	struct fixture *f;
	struct rng rng;
	uint64_t seed;
	uint32_t caches[CACHES];
	struct held held[LIVE];
	uint32_t nr_held;
};

static uint32_t below(struct property *p, uint32_t n)
{
	return (uint32_t)rng_below(&p->rng, n);
}

static bool is_held(const struct property *p, struct slab_object o)
{
	for (uint32_t i = 0; i < p->nr_held; i++)
		if (p->held[i].object.slab == o.slab && p->held[i].object.index == o.index)
			return true;
	return false;
}

static void hold(struct property *p, struct slab_object o, uint32_t cache)
{
	cr_assert_not(is_held(p, o), "seed %lu: object %u of slab %u is handed out twice", p->seed, o.index, o.slab);
	cr_assert_eq(slab_object_cache(p->f->slab, o), cache, "seed %lu", p->seed);
	cr_assert(slab_object_live(p->f->slab, o), "seed %lu", p->seed);
	p->held[p->nr_held++] = (struct held){ o, cache };
}

static struct slab_object let_go(struct property *p, uint32_t i)
{
	struct slab_object o = p->held[i].object;

	p->held[i] = p->held[--p->nr_held];
	return o;
}

static void do_alloc(struct property *p)
{
	static const gfp_t masks[] = { GFP_KERNEL, GFP_ATOMIC, GFP_KERNEL_ACCOUNT, GFP_KERNEL | GFP_BIT_ZERO,
		GFP_KERNEL | GFP_BIT_THISNODE };
	uint32_t nr = 1 + below(p, 60), cache = p->caches[below(p, CACHES)];
	unsigned int cpu = below(p, CPUS);
	int node = below(p, 4) ? -1 : (int)below(p, NODES);

	for (; nr && p->nr_held < LIVE; nr--) {
		struct slab_object o;

		if (slab_alloc(p->f->slab, cache, masks[below(p, 5)], node, cpu, &o, &p->f->meter) == MM_DONE)
			hold(p, o, cache);
	}
}

static void do_large(struct property *p)
{
	struct slab_object o;

	if (kmalloc_class(p->f->slab, 8, GFP_KERNEL) == CACHE_NONE && p->nr_held < LIVE &&
		kmalloc_sized(p->f->slab, 1 + below(p, 4087), GFP_KERNEL, -1, below(p, CPUS), &o, &p->f->meter) ==
			MM_DONE)
		hold(p, o, CACHE_NONE);
	if (p->nr_held < LIVE && kmalloc_large(p->f->slab, 8193 + below(p, 60000), GFP_KERNEL, -1, below(p, CPUS), &o,
			&p->f->meter) == MM_DONE)
		hold(p, o, CACHE_NONE);
}

/* Neighbours in time, as most frees are, or anything. */
static void do_free(struct property *p)
{
	unsigned int cpu = below(p, CPUS);
	uint32_t nr = 1 + below(p, 60);
	bool newest = below(p, 2);

	for (; nr && p->nr_held; nr--)
		slab_free(p->f->slab, let_go(p, newest ? p->nr_held - 1 : below(p, p->nr_held)), cpu, &p->f->meter);
}

static void do_bulk(struct property *p)
{
	struct slab_object objects[BULK];
	uint32_t nr = 0, wanted = 1 + below(p, BULK);
	bool newest = below(p, 2);

	while (nr < wanted && p->nr_held)
		objects[nr++] = let_go(p, newest ? p->nr_held - 1 : below(p, p->nr_held));
	if (nr)
		slab_free_bulk(p->f->slab, objects, nr, below(p, CPUS), &p->f->meter);
}

static void do_destroy(struct property *p)
{
	uint32_t which = below(p, CACHES), cache = p->caches[which], live = 0;
	struct slab_geometry g = *slab_cache_geometry(p->f->slab, cache);
	uint32_t flags = p->f->slab->caches[cache].flags;

	for (uint32_t i = 0; i < p->nr_held; i++)
		live += p->held[i].cache == cache;
	p->f->slab->caches[cache].refcount = 1; /* as if it had not been refused before */
	cr_assert_eq(slab_cache_destroy(p->f->slab, cache, &p->f->meter), live == 0, "seed %lu", p->seed);
	if (!live)
		p->caches[which] = fixture_cache(p->f, "again", g.object_size, g.align, flags);
}

static void step(struct property *p)
{
	uint32_t what = below(p, 100);

	p->f->pages.refuse_from = below(p, 8) ? PAGE_MAX_ORDERS : 1 + below(p, 3);
	if (what < 45)
		do_alloc(p);
	else if (what < 75)
		do_free(p);
	else if (what < 90)
		do_bulk(p);
	else if (what < 94)
		do_large(p);
	else if (what < 95 && slab_reaps(p->f->slab))
		slab_reap(p->f->slab, below(p, CPUS), &p->f->meter);
	else if (what < 97)
		slab_cache_shrink(p->f->slab, p->caches[below(p, CACHES)], &p->f->meter);
	else
		do_destroy(p);
}

static void expect_same(struct property *p)
{
	uint64_t pages = slab_large_pages(p->f->slab) + slab_pages(p->f->slab);
	struct err err = { 0 };

	cr_assert_eq(slab_check(p->f->slab, &err), 0, "seed %lu: %s", p->seed, err.text);
	for (uint32_t i = 0; i < CACHES; i++) {
		struct slab_stats s = fixture_stats(p->f, p->caches[i]);
		uint64_t live = 0;

		for (uint32_t k = 0; k < p->nr_held; k++)
			live += p->held[k].cache == p->caches[i];
		cr_assert_eq(s.live_objs, live, "seed %lu: %lu live, %lu held", p->seed, s.live_objs, live);
		cr_assert(live <= s.active_objs && s.active_objs <= s.total_objs, "seed %lu", p->seed);
		cr_assert_eq(s.allocs - s.frees, live, "seed %lu", p->seed);
	}
	cr_assert_eq(pages, p->f->pages.pages_out, "seed %lu: pages", p->seed);
}

/* @cpu_partial: objects, -1 = by their size, as the kernel does. */
static void run(uint64_t seed, const char *allocator, bool random, int cpu_partial)
{
	static const struct { uint32_t size, flags; } kinds[CACHES] = { { 256, 0 }, { 1024, SLAB_RECLAIM_ACCOUNT },
		{ 24, SLAB_ACCOUNT }, { 5000, 0 }, { 1024, SLAB_CTOR }, { 192, SLAB_POISON }, { 704,
			SLAB_TYPESAFE_BY_RCU } };
	struct property *p = calloc(1, sizeof(*p));

	p->f = calloc(1, sizeof(*p->f));
	p->seed = seed;
	rng_init(&p->rng, seed, "property");
	fixture_machine(&p->f->machine, CPUS, NODES);
	strcpy(p->f->machine.slab.allocator, allocator);
	p->f->machine.slab.freelist_random = random;
	p->f->machine.slab.cpu_partial = cpu_partial;
	if (seed % 4 == 0 && strcmp(allocator, "slub"))
		p->f->machine.behaviour = BEHAVIOUR_2_6_CLASSIC;
	fixture_start(p->f);
	for (uint32_t i = 0; i < CACHES; i++)
		p->caches[i] = fixture_cache(p->f, "c", kinds[i].size, 0, kinds[i].flags);
	for (int i = 0; i < 150; i++) {
		step(p);
		expect_same(p);
	}
	fixture_free(p->f);
	free(p);
}

Test(slab_property, live_objects_of_slub_are_those_that_callers_hold)
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		run(seed, "slub", seed % 2, seed % 5 == 0 ? 0 : -1);
}

Test(slab_property, live_objects_of_slab_are_those_that_callers_hold)
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		run(seed, "slab", false, -1);
}

Test(slab_property, live_objects_of_slob_are_those_that_callers_hold)
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		run(seed, "slob", false, -1);
}

/*
 * Corrections: whatever free object the kernel took instead, afterwards it is as if the model had
 * taken that one. Seeded operations from a loaded state on, every invariant checked after each.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "slab_fixture.h"

#define OBJECTS 16u
#define SLABS   40u
#define CPUS    2u

struct live {
	struct slab_object objects[4 * SLABS * OBJECTS];
	uint32_t nr;
};

/* A cache with slabs in all places; CPU 0 has a current one, CPU 1 none. The freelists are borrowed from @lists. */
static void make_state(struct fixture *f, struct state *state, uint16_t lists[SLABS][OBJECTS], struct rng *rng)
{
	static struct state_cache cache;
	static struct state_slab slabs[SLABS];

	cache = (struct state_cache){ .name = "c", .object_size = 256, .size = 256, .align = 8, .inuse = 256,
		.offset = 128, .objs_per_slab = OBJECTS, .min_objs = OBJECTS, .min_partial = 5, .cpu_partial = 52,
		.cpu_partial_slabs = 7 };
	for (uint32_t i = 0; i < SLABS; i++) {
		struct page_request req = { .gfp = GFP_KERNEL, .node = 0 };
		uint32_t nr = 0;
		pfn_t pfn;

		cr_assert_eq(page_alloc_take(&f->pages, &req, &pfn, &f->meter), MM_DONE);
		for (uint16_t object = 0; object < OBJECTS - 1 && i < SLABS / 2; object++)
			if (object == 0 || rng_below(rng, 2))
				lists[i][nr++] = object;
		slabs[i] = (struct state_slab){ .pfn = pfn, .cpu = STATE_NO_CPU, .objects = OBJECTS,
			.inuse = (uint16_t)(OBJECTS - nr), .freelist = lists[i], .nr_freelist = nr,
			.place = i < SLABS / 2 ? STATE_SLAB_NODE_PARTIAL : STATE_SLAB_FULL };
		if (i < 6) {
			slabs[i].place = i ? STATE_SLAB_CPU_PARTIAL : STATE_SLAB_CPU;
			slabs[i].cpu = i < 4 ? 0 : 1;
		}
	}
	*state = (struct state){ .source = "made", .caches = &cache, .nr_caches = 1, .slabs = slabs, .nr_slabs = SLABS,
		.exact_slabs = true };
}

/* All objects of the cache's slabs that are @live, or free. */
static void list_objects(struct fixture *f, uint32_t cache, bool live, struct live *list)
{
	list->nr = 0;
	for (uint32_t slab = 0; slab < f->slub->store.nr_slabs; slab++) {
		const struct slub_slab *s = &f->slub->store.slabs[slab];

		for (uint32_t i = 0; s->place != SLUB_UNUSED && s->cache == cache && i < s->objects; i++)
			if (slab_object_live(f->slab, (struct slab_object){ slab, i }) == live)
				list->objects[list->nr++] = (struct slab_object){ slab, i };
	}
}

/* The model just handed out @wrong where the kernel handed out @right: as verify puts it right. */
static bool correct(struct fixture *f, struct slab_object wrong, struct slab_object right, unsigned int cpu)
{
	if (!slab_claim(f->slab, right))
		return false;
	slab_unclaim(f->slab, wrong, cpu);
	return true;
}

static void alloc_and_correct(struct fixture *f, uint32_t cache, struct rng *rng, struct live *list)
{
	unsigned int cpu = (unsigned int)rng_below(rng, CPUS);
	struct slab_object got, right;
	uint64_t live = fixture_stats(f, cache).live_objs;

	cr_assert_eq(slab_alloc(f->slab, cache, GFP_KERNEL, -1, cpu, &got, &f->meter), MM_DONE);
	list_objects(f, cache, false, list);
	if (!list->nr || rng_below(rng, 4) == 0)
		return;
	right = list->objects[rng_below(rng, list->nr)];
	cr_assert(correct(f, got, right, cpu));
	cr_assert(slab_object_live(f->slab, right));
	cr_assert_not(slab_object_live(f->slab, got));
	cr_assert_not(correct(f, got, right, cpu), "it is not free any more");
	cr_assert_eq(fixture_stats(f, cache).live_objs, live + 1);
}

/* What the kernel did unseen: took an object, did not take the one of the model, or uses another slab. */
static void follow_unseen(struct fixture *f, uint32_t cache, struct rng *rng, struct live *list)
{
	unsigned int cpu = (unsigned int)rng_below(rng, CPUS);
	struct slab_object got, free;

	cr_assert_eq(slab_alloc(f->slab, cache, GFP_KERNEL, -1, cpu, &got, &f->meter), MM_DONE);
	if (rng_below(rng, 2)) {
		slab_unclaim(f->slab, got, cpu);
		cr_assert_not(slab_object_live(f->slab, got));
	}
	list_objects(f, cache, false, list);
	if (!list->nr)
		return;
	free = list->objects[rng_below(rng, list->nr)];
	if (rng_below(rng, 2)) {
		slab_switch_to(f->slab, free, cpu, &f->meter);
		cr_assert(f->slub->caches[cache].debug || slub_cpu_of(f->slub, cache, cpu)->slab == free.slab);
	}
	cr_assert(slab_claim(f->slab, free));
	cr_assert(slab_object_live(f->slab, free));
	cr_assert_not(slab_claim(f->slab, free), "it is not free any more");
}

static void free_some(struct fixture *f, uint32_t cache, struct rng *rng, struct live *list)
{
	unsigned int cpu = (unsigned int)rng_below(rng, CPUS);

	list_objects(f, cache, true, list);
	for (uint64_t nr = rng_below(rng, 30); nr && list->nr; nr--) {
		uint32_t i = (uint32_t)rng_below(rng, list->nr);

		slab_free(f->slab, list->objects[i], cpu, &f->meter);
		list->objects[i] = list->objects[--list->nr];
	}
}

static void run(uint64_t seed, uint32_t flags)
{
	struct fixture *f = fixture_new(CPUS, 1);
	struct live *list = malloc(sizeof(*list));
	uint16_t lists[SLABS][OBJECTS];
	struct err err = { 0 };
	struct state state;
	struct rng rng;
	uint32_t cache;

	rng_init(&rng, seed, "correct");
	make_state(f, &state, lists, &rng);
	cr_assert_eq(slab_load(f->slab, &state, &err), 0, "%s", err.text);
	cache = slab_cache_find(f->slab, "c");
	if (flags)
		cache = fixture_cache(f, "debug", 256, 0, flags);
	for (int i = 0; i < 400; i++) {
		meter_start(&f->meter, f->machine.latency.step_ns);
		if (rng_below(&rng, 10) == 0 || fixture_stats(f, cache).live_objs > 2 * SLABS * OBJECTS)
			free_some(f, cache, &rng, list);
		else if (rng_below(&rng, 3) == 0)
			follow_unseen(f, cache, &rng, list);
		else
			alloc_and_correct(f, cache, &rng, list);
		cr_assert_eq(slab_check(f->slab, &err), 0, "seed %lu, step %d: %s", seed, i, err.text);
	}
	free(list);
	fixture_free(f);
}

Test(slab_recorded, any_free_object_can_take_the_place_of_the_one_handed_out)
{
	for (uint64_t seed = 1; seed <= 12; seed++)
		run(seed, 0);
}

Test(slab_recorded, caches_without_current_slabs_are_corrected_too)
{
	run(1, SLAB_POISON);
}

Test(slab_recorded, object_handed_out_wrongly_is_the_next_one)
{
	struct fixture *f = fixture_new(1, 1);
	uint32_t cache = fixture_cache(f, "c", 256, 0, 0);
	struct slab_object got = fixture_alloc(f, cache), right = { got.slab, 9 }, next;

	cr_assert(correct(f, got, right, 0));
	next = fixture_alloc(f, cache);
	cr_expect(next.slab == got.slab && next.index == got.index);
	cr_expect_not(correct(f, next, (struct slab_object){ 7, 0 }, 0), "there is no such slab");
	cr_expect_not(correct(f, next, (struct slab_object){ got.slab, 16 }, 0), "nor object");
	cr_expect_not(correct(f, next, (struct slab_object){ SLAB_LARGE, 16 }, 0), "nor that");
	fixture_check(f);
	fixture_free(f);
}

Test(slab_recorded, the_slab_that_the_kernel_uses_becomes_the_current_one_from_every_place)
{
	struct fixture *f = fixture_new(2, 1);
	uint32_t cache = fixture_cache(f, "c", 256, 0, 0);
	struct slab_object objects[4 * OBJECTS], next;

	fixture_alloc_many(f, cache, objects, 4 * OBJECTS);
	cr_expect_not(slab_switch_to(f->slab, objects[0], 0, &f->meter), "it is full");
	fixture_free_object(f, objects[0]); /* to the stack of CPU 0 */
	cr_expect(slab_switch_to(f->slab, objects[0], 1, &f->meter));
	fixture_check(f);
	cr_expect_not(slab_switch_to(f->slab, objects[0], 1, &f->meter), "it is that already");
	cr_expect(slab_switch_to(f->slab, objects[0], 0, &f->meter), "the current one of CPU 1");
	fixture_check(f);
	cr_expect_eq(slub_cpu_of(f->slub, cache, 1)->slab, SLAB_NONE);
	fixture_free_object(f, objects[OBJECTS]);
	cr_expect(slab_switch_to(f->slab, objects[OBJECTS], 0, &f->meter));
	cr_expect_eq(fixture_stats(f, cache).partial, 1, "the current one until then");
	cr_expect(slab_switch_to(f->slab, objects[0], 0, &f->meter), "from the list of the node");
	fixture_check(f);
	next = fixture_alloc(f, cache);
	cr_expect(next.slab == objects[0].slab && next.index == objects[0].index);
	slab_unclaim(f->slab, next, 0);
	next = fixture_alloc(f, cache);
	cr_expect(next.slab == objects[0].slab && next.index == objects[0].index, "it was given back");
	cr_expect_not(slab_claim(f->slab, next));
	cr_expect_not(slab_claim(f->slab, (struct slab_object){ next.slab, OBJECTS }), "there is no such object");
	cr_expect_not(slab_claim(f->slab, (struct slab_object){ SLAB_LARGE, 8 }));
	fixture_free(f);
}

Test(slab_recorded, next_slab_gets_the_pages_that_were_told)
{
	struct fixture *f = fixture_new(1, 1);
	uint32_t cache = fixture_cache(f, "c", 256, 0, 0);
	struct page_request req = { .gfp = GFP_KERNEL, .node = 0 };
	struct slab_object objects[OBJECTS];
	pfn_t taken;

	slab_next_pfn(f->slab, cache, 700, 0);
	cr_expect_eq(slab_object_pfn(f->slab, fixture_alloc(f, cache)), 700);
	fixture_alloc_many(f, cache, objects, OBJECTS - 1);
	cr_assert_eq(page_alloc_take(&f->pages, &req, &taken, &f->meter), MM_DONE);
	slab_next_pfn(f->slab, cache, taken, 0);
	cr_expect_eq(slab_object_pfn(f->slab, fixture_alloc(f, cache)), taken, "handed out already");
	fixture_alloc_many(f, cache, objects, OBJECTS - 1);
	slab_next_pfn(f->slab, cache, 700, 0);
	cr_expect_neq(slab_object_pfn(f->slab, fixture_alloc(f, cache)), 700, "a slab is there");
	fixture_alloc_many(f, cache, objects, OBJECTS - 1);
	slab_next_pfn(f->slab, cache, 808, 3);
	cr_expect_neq(slab_object_pfn(f->slab, fixture_alloc(f, cache)), 808, "no order of this cache");
	fixture_check(f);
	fixture_free(f);
}

Test(slab_recorded, slab_that_only_the_kernel_made_becomes_the_current_one)
{
	struct fixture *f = fixture_new(1, 1);
	uint32_t cache = fixture_cache(f, "c", 256, 0, 0);
	struct slab_object first = fixture_alloc(f, cache);

	cr_assert(slab_grow_at(f->slab, cache, 700, 0, 0, 0, &f->meter));
	fixture_check(f);
	cr_expect_eq(slab_object_pfn(f->slab, fixture_alloc(f, cache)), 700);
	cr_expect_eq(fixture_stats(f, cache).partial, 1, "the current one until then");
	cr_expect_not(slab_grow_at(f->slab, cache, slab_object_pfn(f->slab, first), 0, 0, 0, &f->meter));
	cr_expect_not(slab_grow_at(f->slab, cache, 900, 1, 0, 0, &f->meter));
	fixture_check(f);
	fixture_free(f);
}

Test(slab_recorded, slab_that_the_kernel_has_no_more_is_dropped_from_every_place)
{
	struct fixture *f = fixture_new(1, 1);
	uint32_t cache = fixture_cache(f, "c", 1024, 0, 0);
	struct slab_object objects[8 * 8];
	uint64_t pages = 0;

	fixture_alloc_many(f, cache, objects, 8 * 8 - 2);
	for (uint32_t slab = 0; slab < 3; slab++)
		fixture_free_object(f, objects[slab * 8]);
	cr_assert_eq(f->slub->store.slabs[objects[8].slab].place, SLUB_CPU_PARTIAL);
	for (uint32_t slab = 0; slab < 8; slab++) {
		pfn_t pfn = slab_object_pfn(f->slab, objects[slab * 8]);

		cr_expect_not(slab_drop_at(f->slab, pfn + 1, 0, &f->meter), "it does not begin there");
		cr_assert(slab_drop_at(f->slab, pfn, 0, &f->meter));
		cr_expect_not(slab_drop_at(f->slab, pfn, 0, &f->meter));
		fixture_check(f);
	}
	pages = fixture_stats(f, cache).slab_pages;
	cr_expect_eq(pages, 0);
	cr_expect_eq(f->pages.pages_out, 0);
	fixture_free(f);
}

Test(slab_recorded, state_is_told_in_words_and_cut_where_the_room_ends)
{
	struct fixture *f = fixture_new(1, 1);
	uint32_t cache = fixture_cache(f, "c", 1024, 0, 0);
	char text[400];

	slab_describe(f->slab, cache, 0, text, sizeof(text));
	cr_expect_str_eq(text,
		"CPU 0: no slab\nCPU 0 partial, top first: none\nnode 0 partial, head first (0): none\n");
	fixture_alloc(f, cache);
	slab_describe(f->slab, cache, 0, text, sizeof(text));
	cr_expect(strstr(text, "CPU freelist: 1 2 3 4 5 6 7; freed by others: none\n"), "%s", text);
	slab_describe(f->slab, cache, 0, text, 10);
	cr_expect_eq(strlen(text), 9);
	fixture_free(f);
}

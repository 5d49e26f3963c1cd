/* The SLOB allocator: first fit in pages of three lists, headers of kmalloc objects, pages given back at once. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "mm/slob_priv.h"
#include "slab_fixture.h"

static struct fixture *slob_machine(void)
{
	struct fixture *f = calloc(1, sizeof(*f));

	fixture_machine(&f->machine, 1, 1);
	strcpy(f->machine.slab.allocator, "slob");
	fixture_start(f);
	return f;
}

static struct slab_object take(struct fixture *f, uint32_t size)
{
	struct slab_object o;

	cr_assert_eq(kmalloc_sized(f->slab, size, GFP_KERNEL, -1, 0, &o, &f->meter), MM_DONE);
	fixture_check(f);
	return o;
}

Test(slob, kmalloc_has_a_header_below_a_page_and_whole_pages_from_there)
{
	struct fixture *f = slob_machine();

	cr_expect_eq(kmalloc_size(f->slab, 100, GFP_KERNEL), 108);
	cr_expect_eq(kmalloc_size(f->slab, 4087, GFP_KERNEL), 4095);
	cr_expect_eq(kmalloc_size(f->slab, 4088, GFP_KERNEL), 4096);
	cr_expect_eq(kmalloc_size(f->slab, 5000, GFP_KERNEL), 8192);
	cr_expect(kmalloc_is_large(f->slab, 4088));
	cr_expect_eq(kmalloc_class(f->slab, 100, GFP_KERNEL), CACHE_NONE);
	cr_expect_eq(slab_cache_find(f->slab, "kmalloc-128"), CACHE_NONE);
	fixture_free(f);
}

Test(slob, powers_of_two_are_aligned_to_themselves)
{
	struct fixture *f = slob_machine();

	take(f, 10);
	for (uint32_t size = 8; size <= 2048; size *= 2)
		cr_expect_eq(slab_object_address(f->slab, take(f, size)) % size, 0, "%u", size);
	fixture_free(f);
}

Test(slob, first_fit_takes_the_hole_in_front_and_neighbours_merge)
{
	struct fixture *f = slob_machine();
	struct slab_object o[4];
	struct slob *slob = f->slab->state;

	for (int i = 0; i < 4; i++) {
		o[i] = take(f, 92); /* 100 bytes: 50 units, the next at a multiple of four */
		cr_expect_eq(o[i].index, (uint32_t)i * 52);
	}
	fixture_free_object(f, o[1]);
	fixture_check(f);
	cr_expect_eq(take(f, 92).index, 52);
	fixture_free_object(f, o[1]);
	fixture_free_object(f, o[2]);
	fixture_check(f);
	cr_expect_eq(take(f, 180).index, 52, "both holes are one");
	cr_expect_eq(slob->held, 1);
	fixture_free(f);
}

Test(slob, three_lists_keep_sizes_apart_and_an_empty_page_goes_at_once)
{
	struct fixture *f = slob_machine();
	struct slab_object small = take(f, 100), medium = take(f, 500), large = take(f, 2000);

	cr_expect(small.slab != medium.slab && medium.slab != large.slab);
	cr_expect_eq(slab_pages(f->slab), 3);
	cr_expect_eq(take(f, 247).slab, small.slab, "255 bytes with the header");
	cr_expect_eq(take(f, 248).slab, medium.slab);
	fixture_free_object(f, large);
	cr_expect_eq(slab_pages(f->slab), 2);
	cr_expect_eq(f->pages.pages_out, 2);
	fixture_free(f);
}

Test(slob, caches_share_pages_and_are_never_merged)
{
	struct fixture *f = slob_machine();
	struct slab_create create = { .name = "b", .object_size = 60 };
	uint32_t a = fixture_cache(f, "a", 60, 0, 0), b, whole = fixture_cache(f, "w", 5000, 0, 0);
	struct slab_object o, p, q;

	cr_expect_eq(slab_cache_create(f->slab, &create, &b, &f->meter), SLAB_CREATED);
	o = fixture_alloc(f, a);
	p = fixture_alloc(f, b);
	q = fixture_alloc(f, whole);
	cr_expect_eq(o.slab, p.slab);
	cr_expect_eq(slab_object_cache(f->slab, o), a);
	cr_expect_eq(slab_object_cache(f->slab, p), b);
	cr_expect_eq(fixture_stats(f, whole).slab_pages, 2);
	cr_expect_eq(slab_pages(f->slab), 3);
	cr_expect_not(slab_cache_destroy(f->slab, b, &f->meter));
	fixture_free_object(f, o);
	fixture_free_object(f, p);
	fixture_free_object(f, q);
	fixture_check(f);
	cr_expect_eq(f->pages.pages_out, 0);
	fixture_free(f);
}

/** Two objects that a shrinker frees. */
struct shrunk {
	struct fixture *f;
	struct slab_object objects[2];
};

static void shrink(void *arg)
{
	struct shrunk *shrunk = arg;

	for (int i = 0; i < 2; i++)
		fixture_free_object(shrunk->f, shrunk->objects[i]);
}

/* The footer that call_rcu() needs: struct slob_rcu. */
Test(slob, objects_typesafe_by_rcu_have_a_footer)
{
	for (int bits32 = 0; bits32 < 2; bits32++) {
		struct fixture *f = calloc(1, sizeof(*f));
		uint32_t cache;

		fixture_machine(&f->machine, 1, 1);
		strcpy(f->machine.slab.allocator, "slob");
		f->machine.bits32 = bits32;
		fixture_start(f);
		cache = fixture_cache(f, "c", 40, 0, SLAB_TYPESAFE_BY_RCU);
		cr_expect_eq(slab_cache_geometry(f->slab, cache)->size, bits32 ? 52 : 64);
		fixture_free(f);
	}
}

Test(slob, pages_that_reclaim_frees_while_one_is_taken_are_used_again)
{
	struct fixture *f = slob_machine();
	struct slob *slob = f->slab->state;
	struct shrunk shrunk = { .f = f, .objects = { take(f, 4000), take(f, 4000) } };

	fixture_free_object(f, take(f, 4000)); /* one number is unused before */
	f->pages.reclaim_arg = &shrunk;
	f->pages.reclaim = shrink;
	for (int i = 0; i < 3; i++)
		take(f, 4000);
	cr_expect_null(f->pages.reclaim);
	cr_expect_eq(slob->nr_pages, 3, "numbers of pages");
	fixture_free(f);
}

Test(slob, each_broken_invariant_is_reported)
{
	struct fixture *f = slob_machine();
	struct slob *slob = f->slab->state;
	uint32_t c = fixture_cache(f, "c", 64, 0, 0);
	struct slab_object o = fixture_alloc(f, c);
	struct slob_page *page = &slob->pages[o.slab];

	fixture_check(f);
	FIXTURE_BREAK(f, page->units, 5, "slob 1");
	FIXTURE_BREAK(f, page->largest, 5, "slob 1");
	FIXTURE_BREAK(f, page->list, SLOB_MEDIUM, "slob 2");
	FIXTURE_BREAK(f, slob->head[SLOB_SMALL], SLOB_NONE, "slob 2");
	FIXTURE_BREAK(f, slob->starts[0], 0, "slob 3");
	FIXTURE_BREAK(f, slob->caches[c].live_objs, 0, "slob 4");
	FIXTURE_BREAK(f, f->pages.owner[page->pfn], 0, "slob 5");
	FIXTURE_BREAK(f, slob->held, 0, "slob 6");
	fixture_free(f);
}

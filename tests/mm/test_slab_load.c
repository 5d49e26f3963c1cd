/* A slab layer that starts from a saved state: everything is where it was, and goes on from there. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "slab_fixture.h"

#define OBJECTS 16u /* of "c": 256 bytes each, one page */

/* Two caches, listed newest first as the kernel does: "c" with a slab in each place, "large" of order 3. */
struct made {
	struct state state;
	struct state_cache caches[2];
	struct state_slab slabs[8];
	uint16_t sequence[OBJECTS];
};

static const uint16_t on_cpu[] = { 5, 3, 9 }, remote[] = { 7, 1 }, one_free[] = { 4 }, two_free[] = { 8, 2 };

static void add_slab(struct made *m, struct fixture *f, enum state_slab_place place, const uint16_t *freelist,
	uint32_t nr_freelist)
{
	struct page_request req = { .gfp = GFP_KERNEL, .node = 0 };
	struct state_slab *s = &m->slabs[m->state.nr_slabs++];
	pfn_t pfn;

	cr_assert_eq(page_alloc_take(&f->pages, &req, &pfn, &f->meter), MM_DONE);
	*s = (struct state_slab){ .pfn = pfn, .cache = 0, .cpu = place <= STATE_SLAB_CPU_PARTIAL ? 0 : STATE_NO_CPU,
		.objects = OBJECTS, .inuse = (uint16_t)(OBJECTS - nr_freelist), .place = place,
		.freelist = freelist, .nr_freelist = nr_freelist };
}

static void add_large_slab(struct made *m, struct fixture *f)
{
	static const uint16_t free_of_large[] = { 1 };
	struct page_request req = { .gfp = GFP_KERNEL, .node = 0, .order = 3 };
	pfn_t pfn;

	cr_assert_eq(page_alloc_take(&f->pages, &req, &pfn, &f->meter), MM_DONE);
	m->slabs[m->state.nr_slabs++] = (struct state_slab){ .pfn = pfn, .cache = 1, .cpu = STATE_NO_CPU,
		.objects = 10, .inuse = 9, .order = 3, .place = STATE_SLAB_NODE_PARTIAL,
		.freelist = free_of_large, .nr_freelist = 1 };
}

static struct made *make(struct fixture *f)
{
	struct made *m = calloc(1, sizeof(*m));

	for (uint32_t i = 0; i < OBJECTS; i++)
		m->sequence[i] = (uint16_t)(i * 5 % OBJECTS);
	m->caches[0] = (struct state_cache){ .name = "c", .object_size = 250, .size = 256, .align = 8, .inuse = 256,
		.offset = 128, .objs_per_slab = OBJECTS, .min_objs = OBJECTS, .min_partial = 5, .cpu_partial = 52,
		.cpu_partial_slabs = 7, .slabs = 7, .objects = 7 * OBJECTS,
		.random_seq = m->sequence, .nr_random_seq = OBJECTS };
	m->caches[1] = (struct state_cache){
		.name = "large",
		.object_size = 3000,
		.size = 3008,
		.align = 64,
		.inuse = 3000,
		.offset = 1496,
		.flags = SLAB_HWCACHE_ALIGN | SLAB_ACCOUNT,
		.order = 3,
		.objs_per_slab = 10,
		.min_objs = 1,
		.min_partial = 5,
		.cpu_partial = 24,
		.cpu_partial_slabs = 5,
		.slabs = 1,
		.objects = 10,
	};
	m->state = (struct state){ .source = "made", .caches = m->caches, .nr_caches = 2, .slabs = m->slabs,
		.exact_slabs = true };
	add_slab(m, f, STATE_SLAB_CPU, remote, 2);
	m->slabs[0].cpu_freelist = on_cpu;
	m->slabs[0].nr_cpu_freelist = 3;
	add_slab(m, f, STATE_SLAB_CPU_PARTIAL, one_free, 1);
	add_slab(m, f, STATE_SLAB_CPU_PARTIAL, two_free, 2);
	add_slab(m, f, STATE_SLAB_NODE_PARTIAL, two_free, 2);
	add_slab(m, f, STATE_SLAB_NODE_PARTIAL, one_free, 1);
	add_slab(m, f, STATE_SLAB_FULL, NULL, 0);
	add_slab(m, f, STATE_SLAB_FULL, NULL, 0);
	add_large_slab(m, f);
	return m;
}

static struct made *load(struct fixture *f)
{
	struct made *m = make(f);
	struct err err = { 0 };

	cr_assert_eq(slab_load(f->slab, &m->state, &err), 0, "%s", err.text);
	fixture_check(f);
	return m;
}

static void expect_refused(struct fixture *f, struct made *m, const char *what)
{
	struct err err = { 0 };

	cr_expect_eq(slab_load(f->slab, &m->state, &err), -(int)ERR_CONFIG, "%s", what);
	cr_expect(strstr(err.text, what), "%s expected: %s", what, err.text);
}

static void expect_next(struct fixture *f, uint32_t cache, pfn_t pfn, uint32_t index)
{
	struct slab_object o = fixture_alloc(f, cache);

	cr_expect_eq(slab_object_pfn(f->slab, o), pfn, "page %lu, expected %lu", slab_object_pfn(f->slab, o), pfn);
	cr_expect_eq(o.index, index, "object %u, expected %u", o.index, index);
}

/* CPU freelist, what others freed there, the stack from its top, then the node's list from its head. */
Test(slab_load, objects_come_in_the_order_of_the_saved_lists)
{
	struct fixture *f = fixture_new(1, 1);
	struct made *m = load(f);
	uint32_t c = slab_cache_find(f->slab, "c");
	static const struct { uint32_t slab, index; } expected[] = { { 0, 5 }, { 0, 3 }, { 0, 9 }, { 0, 7 }, { 0, 1 },
		{ 1, 4 }, { 2, 8 }, { 2, 2 }, { 3, 8 }, { 3, 2 }, { 4, 4 } };

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		expect_next(f, c, m->slabs[expected[i].slab].pfn, expected[i].index);
	fixture_check(f);
	free(m);
	fixture_free(f);
}

Test(slab_load, counts_are_the_saved_ones)
{
	struct fixture *f = fixture_new(1, 1);
	struct made *m = load(f);
	struct slab_stats s = fixture_stats(f, slab_cache_find(f->slab, "c"));

	cr_expect_eq(s.slabs, 7);
	cr_expect_eq(s.total_objs, 7 * OBJECTS);
	cr_expect_eq(s.partial, 2);
	cr_expect_eq(s.active_objs, 7 * OBJECTS - 3);
	cr_expect_eq(s.live_objs, 7 * OBJECTS - 11);
	cr_expect_eq(s.slabs_cpu_partial, 2);
	cr_expect_eq(s.allocs, 0);
	cr_expect_eq(s.frees, 0);
	cr_expect_eq(slab_load_report(f->slab)->slabs, 8);
	cr_expect_eq(slab_load_report(f->slab)->caches, 2);
	cr_expect_eq(slab_load_report(f->slab)->geometry_differs, 0);
	free(m);
	fixture_free(f);
}

/* Of a CPU's 14 objects 10 are taken to be free, until it is known how many live; 90 are in other slabs. */
Test(slab_load, what_is_free_on_cpus_follows_from_what_is_known_to_live)
{
	struct fixture *f = fixture_new(1, 1);
	struct made *m = make(f);
	struct err err = { 0 };
	uint32_t c;

	m->state.exact_slabs = false;
	m->slabs[0].nr_cpu_freelist = 0;
	cr_assert_eq(slab_load(f->slab, &m->state, &err), 0, "%s", err.text);
	c = slab_cache_find(f->slab, "c");
	cr_expect_eq(fixture_stats(f, c).live_objs, 94);
	cr_expect(slab_assume_live(f->slab, c, 97));
	fixture_check(f);
	cr_expect_eq(fixture_stats(f, c).live_objs, 97);
	cr_expect_eq(fixture_stats(f, c).frees, 0);
	cr_expect_not(slab_assume_live(f->slab, c, 89), "more would be free than CPUs have");
	cr_expect_not(slab_assume_live(f->slab, c, 105), "more would live than there are");
	cr_expect_eq(fixture_stats(f, c).live_objs, 97);
	for (int i = 0; i < 7 + 2; i++)
		cr_expect_eq(slab_object_pfn(f->slab, fixture_alloc(f, c)), m->slabs[0].pfn,
			"the CPU's slab has 7, and 2 that others freed");
	cr_expect_neq(slab_object_pfn(f->slab, fixture_alloc(f, c)), m->slabs[0].pfn);
	fixture_check(f);
	free(m);
	fixture_free(f);
}

Test(slab_load, kmalloc_finds_the_loaded_caches_and_those_that_were_missing)
{
	struct fixture *f = fixture_new(1, 1);
	struct made *m = make(f);
	struct err err = { 0 };
	uint32_t before = slab_nr_caches(f->slab);

	m->caches[0] = (struct state_cache){ .name = "kmalloc-cg-256", .object_size = 256, .size = 256, .align = 256,
		.inuse = 256, .offset = 128, .objs_per_slab = OBJECTS, .min_objs = OBJECTS, .min_partial = 5,
		.cpu_partial = 52, .cpu_partial_slabs = 7, .flags = SLAB_ACCOUNT, .no_merge = true };
	cr_assert_eq(slab_load(f->slab, &m->state, &err), 0, "%s", err.text);
	cr_expect_eq(kmalloc_class(f->slab, 200, GFP_KERNEL_ACCOUNT), slab_cache_find(f->slab, "kmalloc-cg-256"));
	expect_next(f, kmalloc_class(f->slab, 200, GFP_KERNEL_ACCOUNT), m->slabs[0].pfn, 5);
	cr_expect_eq(slab_load_report(f->slab)->caches_added, before - 1);
	cr_expect_eq(slab_nr_caches(f->slab), before + 1);
	free(m);
	fixture_free(f);
}

Test(slab_load, saved_sizes_win_over_computed_ones_and_are_counted)
{
	struct fixture *f = fixture_new(1, 1);
	struct made *m = make(f);
	struct err err = { 0 };

	m->caches[1].min_partial = 9;
	cr_assert_eq(slab_load(f->slab, &m->state, &err), 0, "%s", err.text);
	cr_expect_eq(slab_cache_geometry(f->slab, slab_cache_find(f->slab, "large"))->min_partial, 9);
	cr_expect_eq(slab_load_report(f->slab)->geometry_differs, 1);
	free(m);
	fixture_free(f);
}

Test(slab_load, merging_looks_at_the_last_of_the_list_first)
{
	struct fixture *f = fixture_new(1, 1);
	struct made *m = make(f);
	struct slab_create create = { .name = "alias", .object_size = 256 };
	struct err err = { 0 };
	uint32_t cache;

	m->state.nr_slabs = 0;
	m->caches[1] = m->caches[0];
	strcpy(m->caches[1].name, "oldest");
	cr_assert_eq(slab_load(f->slab, &m->state, &err), 0, "%s", err.text);
	cr_expect_eq(slab_cache_create(f->slab, &create, &cache, &f->meter), SLAB_MERGED);
	cr_expect_eq(cache, slab_cache_find(f->slab, "oldest"));
	free(m);
	fixture_free(f);
}

Test(slab_load, new_slab_follows_the_saved_sequence_from_the_start_that_was_told)
{
	struct fixture *f = fixture_new(1, 1);
	struct made *m = make(f);
	struct err err = { 0 };
	uint32_t c, at = 0;

	m->state.nr_slabs = 0;
	cr_assert_eq(slab_load(f->slab, &m->state, &err), 0, "%s", err.text);
	c = slab_cache_find(f->slab, "c");
	slab_next_start(f->slab, c, 15);
	while (m->sequence[at] != 15)
		at++;
	for (uint32_t i = 0; i < OBJECTS; i++)
		cr_expect_eq(fixture_alloc(f, c).index, m->sequence[(at + i) % OBJECTS], "object %u", i);
	free(m);
	fixture_free(f);
}

Test(slab_load, address_and_object_lead_to_each_other_on_every_page_of_a_slab)
{
	struct fixture *f = fixture_new(1, 1);
	struct made *m = load(f);
	struct slab_object o, back;
	struct slab_object large;

	for (uint64_t at = m->slabs[7].pfn << 12; at < (m->slabs[7].pfn << 12) + 10 * 3008; at += 64) {
		cr_assert(slab_object_at(f->slab, at, &o), "0x%lx", at);
		cr_expect_eq(slab_object_cache(f->slab, o), slab_cache_find(f->slab, "large"));
		cr_expect_eq(slab_object_address(f->slab, o), at - (at - (m->slabs[7].pfn << 12)) % 3008);
		cr_assert(slab_object_at(f->slab, slab_object_address(f->slab, o), &back));
		cr_expect(back.slab == o.slab && back.index == o.index);
	}
	cr_expect_not(slab_object_at(f->slab, (m->slabs[7].pfn << 12) + 10 * 3008, &o), "behind the last object");
	cr_expect_not(slab_object_at(f->slab, (m->slabs[7].pfn + 8) << 12, &o), "a free page");
	cr_assert_eq(kmalloc_large(f->slab, 20000, GFP_KERNEL, -1, 0, &large, &f->meter), MM_DONE);
	cr_assert(slab_object_at(f->slab, slab_object_address(f->slab, large) + 5000, &o));
	cr_expect(o.slab == SLAB_LARGE && o.index == large.index);
	free(m);
	fixture_free(f);
}

Test(slab_load, state_that_contradicts_itself_is_refused)
{
	struct fixture *f = fixture_new(1, 1);
	struct made *m = make(f);

	m->slabs[1].nr_freelist = 0;
	expect_refused(f, m, "made: slab at page 2 of cache c: objects in use and on its freelist");
	m->slabs[1].nr_freelist = 1;
	m->slabs[0].freelist = on_cpu;
	expect_refused(f, m, "CPU freelist names an object twice");
	m->slabs[0].freelist = remote;
	m->slabs[2].pfn = 5000;
	expect_refused(f, m, "page 5000 of cache c: the machine has no such pages");
	m->slabs[2].pfn = m->slabs[5].pfn;
	expect_refused(f, m, "of cache c: another slab has pages of it");
	m->slabs[2].pfn = m->slabs[7].pfn + 2;
	expect_refused(f, m, "of cache c: another slab has pages of it");
	m->slabs[2].pfn = 3;
	m->slabs[2].cpu = 1;
	expect_refused(f, m, "a CPU that the machine does not have");
	m->slabs[2].cpu = 0;
	m->sequence[3] = 0;
	expect_refused(f, m, "random sequence");
	m->caches[0].nr_random_seq = 0;
	m->caches[0].random_seq = NULL;
	m->caches[1].objs_per_slab = 11;
	expect_refused(f, m, "there is no such cache");
	free(m);
	fixture_free(f);
}

Test(slab_load, slab_that_was_being_moved_goes_to_the_tail_of_its_list)
{
	struct fixture *f = fixture_new(1, 1);
	struct made *m = make(f);
	struct err err = { 0 };

	m->slabs[5].freelist = one_free;
	m->slabs[5].nr_freelist = 1;
	m->slabs[5].inuse--;
	cr_assert_eq(slab_load(f->slab, &m->state, &err), 0, "%s", err.text);
	fixture_check(f);
	cr_expect_eq(slab_load_report(f->slab)->slabs_in_transit, 1);
	cr_expect_eq(fixture_stats(f, slab_cache_find(f->slab, "c")).partial, 3);
	free(m);
	fixture_free(f);
}

/* Only numbers: "c" with @slabs, "large" with 3 slabs that are full. */
static struct made *make_counts(struct fixture *f, uint64_t slabs, uint64_t active)
{
	struct made *m = make(f);

	m->state.exact_slabs = false;
	m->state.nr_slabs = 0;
	m->caches[0].slabs = slabs;
	m->caches[0].objects = slabs * OBJECTS;
	m->caches[0].active_objs = active;
	m->caches[0].min_objs = 0;
	m->caches[1].slabs = 3;
	m->caches[1].objects = 30;
	m->caches[1].active_objs = 30;
	return m;
}

static struct made *load_counts(struct fixture *f, struct made *m)
{
	struct err err = { 0 };

	cr_assert_eq(slab_load(f->slab, &m->state, &err), 0, "%s", err.text);
	fixture_check(f);
	return m;
}

/*
 * 80 objects in 5 slabs, 61 active: 19 are free, 8 a slab; and
 * the CPU's current slab has three quarters of 16 to give.
 */
Test(slab_load, counts_alone_make_the_nearest_consistent_slabs)
{
	struct fixture *f = fixture_new(1, 1);
	struct made *m = load_counts(f, make_counts(f, 5, 61));
	struct slab_stats s = fixture_stats(f, slab_cache_find(f->slab, "c"));

	cr_expect_eq(s.slabs, 5);
	cr_expect_eq(s.active_objs, 61);
	cr_expect_eq(s.live_objs, 61 - 12);
	cr_expect_eq(s.partial, 3, "19 are free, 8 a slab");
	cr_expect_eq(fixture_stats(f, slab_cache_find(f->slab, "large")).active_objs, 30);
	cr_expect_eq(slab_load_report(f->slab)->objects_assumed, 91);
	cr_expect_eq(slab_load_report(f->slab)->slabs, 8);
	free(m);
	fixture_free(f);
}

/* Of 5 slabs one is the CPU's, and two are on its stack, half of their objects free. */
Test(slab_load, slabs_that_sysfs_counts_with_cpus_are_there)
{
	struct fixture *f = fixture_new(1, 1);
	struct made *m = make_counts(f, 5, 80);
	struct slab_stats s;

	m->caches[0].cpu_slabs = 3;
	load_counts(f, m);
	s = fixture_stats(f, slab_cache_find(f->slab, "c"));
	cr_expect_eq(s.slabs_cpu_partial, 2);
	cr_expect_eq(s.partial, 0);
	cr_expect_eq(s.live_objs, 80 - 12 - 2 * 8);
	for (int i = 0; i < 12 + 2 * 8; i++)
		fixture_alloc(f, slab_cache_find(f->slab, "c"));
	cr_expect_eq(fixture_stats(f, slab_cache_find(f->slab, "c")).slabs, 5, "none was needed");
	fixture_alloc(f, slab_cache_find(f->slab, "c"));
	cr_expect_eq(fixture_stats(f, slab_cache_find(f->slab, "c")).slabs, 6);
	fixture_check(f);
	free(m);
	fixture_free(f);
}

/*
 * The pages of saved slabs are among those in use: both that are made have four of "c", and one of "large";
 * the third comes from free memory.
 */
Test(slab_load, counted_slabs_lie_in_pages_that_are_in_use)
{
	struct fixture *f = fixture_new(1, 1);
	struct made *m = make(f);
	uint64_t before;

	free(m);
	m = make_counts(f, 4, 64);
	before = f->pages.pages_out;
	load_counts(f, m);
	cr_expect_eq(f->pages.pages_out, before + 8);
	cr_expect_eq(slab_load_report(f->slab)->slabs_from_free, 1);
	cr_expect_eq(slab_load_report(f->slab)->slabs, 7);
	free(m);
	fixture_free(f);
}

/* More than a meter keeps in place; nobody pays for them. */
Test(slab_load, counted_slabs_in_free_pages_may_take_any_number_of_locks)
{
	struct fixture *f = fixture_new(1, 1);
	struct made *m = make_counts(f, 1000, 1000 * OBJECTS);

	f->pages.locks = true;
	load_counts(f, m);
	cr_expect_eq(slab_load_report(f->slab)->slabs, 1003);
	cr_expect_eq(slab_load_report(f->slab)->slabs_from_free, 1003 - 8, "but for those that were made");
	free(m);
	fixture_free(f);
}

Test(slab_load, without_cpu_freelists_three_quarters_of_what_may_be_on_one_is_taken_to_be)
{
	struct fixture *f = fixture_new(1, 1);
	struct made *m = make(f);
	struct err err = { 0 };
	uint32_t inuse = m->slabs[0].inuse, live = 0;

	for (size_t i = 0; i < m->state.nr_slabs; i++)
		live += m->slabs[i].cache == m->slabs[0].cache ? m->slabs[i].inuse : 0;
	m->state.exact_slabs = false;
	cr_assert_eq(m->slabs[0].place, STATE_SLAB_CPU);
	m->slabs[0].cpu_freelist = NULL;
	m->slabs[0].nr_cpu_freelist = 0;
	cr_assert_eq(slab_load(f->slab, &m->state, &err), 0, "%s", err.text);
	fixture_check(f);
	cr_expect_eq(fixture_stats(f, slab_cache_find(f->slab, "c")).live_objs, live - inuse * 3 / 4);
	cr_expect_eq(slab_load_report(f->slab)->objects_assumed, inuse);
	free(m);
	fixture_free(f);
}

Test(slab_load, counts_for_which_there_are_no_pages_are_reported)
{
	struct fixture *f = fixture_new(1, 1);
	struct made *m = make(f);
	struct err err = { 0 };

	m->state.exact_slabs = false;
	m->state.nr_slabs = 0;
	m->caches[0].slabs = 1000;
	f->pages.refuse_from = 0;
	cr_assert_eq(slab_load(f->slab, &m->state, &err), 0, "%s", err.text);
	fixture_check(f);
	/* Some find a place in pages that are in use. */
	cr_expect_gt(slab_load_report(f->slab)->slabs_missing, 0);
	cr_expect_gt(slab_load_report(f->slab)->slabs, 0);
	cr_expect_eq(slab_load_report(f->slab)->slabs_missing + slab_load_report(f->slab)->slabs,
		1000 + m->caches[1].slabs);
	free(m);
	fixture_free(f);
}

Test(slab_load, loaded_objects_can_be_freed_down_to_the_last_slab)
{
	struct fixture *f = fixture_new(1, 1);
	struct made *m = load(f);
	uint32_t c = slab_cache_find(f->slab, "c");

	for (int i = 0; i < 7; i++) {
		for (uint32_t index = 0; index < OBJECTS; index++) {
			struct slab_object o;

			cr_assert(slab_object_at(f->slab, (m->slabs[i].pfn << 12) + index * 256, &o));
			if (slab_object_live(f->slab, o))
				fixture_free_object(f, o);
		}
		fixture_check(f);
	}
	cr_expect_eq(fixture_stats(f, c).live_objs, 0);
	cr_expect(slab_cache_destroy(f->slab, c, &f->meter));
	fixture_check(f);
	free(m);
	fixture_free(f);
}

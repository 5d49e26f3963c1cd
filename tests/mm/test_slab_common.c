/* Creating, merging, finding and destroying caches: worked examples 13.6 of the specification. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "slab_fixture.h"

struct merging {
	struct fixture *f;
	uint32_t x, y; /* slot 64; slot 192 of 176 bytes on cache lines */
};

static struct merging merging_new(void)
{
	struct fixture *f = fixture_new(4, 1);
	struct merging m = { .f = f };

	m.x = fixture_cache(f, "x", 64, 0, 0);
	m.y = fixture_cache(f, "y", 176, 0, SLAB_HWCACHE_ALIGN);
	return m;
}

static enum slab_create_result create(struct fixture *f, const char *name, uint32_t object_size, uint32_t align,
	uint32_t flags, uint32_t *cache)
{
	struct slab_create c = { .name = name, .object_size = object_size, .align = align, .flags = flags };

	return slab_cache_create(f->slab, &c, cache, &f->meter);
}

static void expect_merge(struct merging *m, const char *name, uint32_t object_size, uint32_t align, uint32_t flags,
	uint32_t into)
{
	uint32_t cache;

	cr_expect_eq(create(m->f, name, object_size, align, flags, &cache), SLAB_MERGED, "%s", name);
	cr_expect_eq(cache, into, "%s", name);
	cr_expect_eq(slab_cache_find(m->f->slab, name), into, "%s", name);
}

static void expect_new(struct merging *m, const char *name, uint32_t object_size, uint32_t flags, uint32_t size)
{
	uint32_t cache;

	cr_expect_eq(create(m->f, name, object_size, 0, flags, &cache), SLAB_CREATED, "%s", name);
	cr_expect_eq(slab_cache_geometry(m->f->slab, cache)->size, size, "%s", name);
}

Test(slab_common, requests_that_fit_an_older_cache_merge_with_it)
{
	struct merging m = merging_new();

	expect_merge(&m, "a", 60, 0, 0, m.x);                     /* M1 */
	expect_merge(&m, "b", 57, 0, 0, m.x);                     /* M2 */
	cr_expect_eq(slab_cache_geometry(m.f->slab, m.x)->object_size, 64);
	expect_new(&m, "c", 56, 0, 56);                           /* M3 */
	expect_merge(&m, "d", 185, 0, SLAB_HWCACHE_ALIGN, m.y);   /* M4 */
	cr_expect_eq(slab_cache_geometry(m.f->slab, m.y)->object_size, 185);
	cr_expect_eq(slab_cache_geometry(m.f->slab, m.y)->inuse, 192);
	expect_new(&m, "e", 64, SLAB_ACCOUNT, 64);                /* M5 */
	expect_new(&m, "f", 64, SLAB_CTOR, 72);                   /* M6 */
	expect_merge(&m, "g", 48, 64, 0, m.x);                    /* M7 */
	expect_merge(&m, "h", 40, 32, SLAB_HWCACHE_ALIGN, m.x);   /* M8 */
	cr_expect_eq(fixture_stats(m.f, m.x).aliases, 4);
	cr_expect_str_eq(fixture_stats(m.f, m.x).name, "x");
	fixture_check(m.f);
	fixture_free(m.f);
}

Test(slab_common, nothing_merges_where_the_machine_says_so)
{
	struct fixture *f = calloc(1, sizeof(*f));
	uint32_t cache;

	fixture_machine(&f->machine, 4, 1);
	f->machine.slab.merge = false;
	fixture_start(f);
	fixture_cache(f, "x", 64, 0, 0);
	cr_expect_eq(create(f, "a", 64, 0, 0, &cache), SLAB_CREATED);
	fixture_free(f);
}

Test(slab_common, caches_that_want_to_be_alone_are_neither_found_nor_merged)
{
	static const uint32_t alone[] = { SLAB_NO_MERGE, SLAB_CTOR, SLAB_TYPESAFE_BY_RCU, SLAB_NOLEAKTRACE, SLAB_POISON,
		SLAB_RED_ZONE, SLAB_STORE_USER, SLAB_TRACE };
	uint32_t cache;

	for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) {
		struct fixture *f = fixture_new(4, 1);

		cr_expect_eq(create(f, "first", 128, 0, alone[i], &cache), SLAB_CREATED, "0x%x", alone[i]);
		cr_expect_eq(create(f, "second", 128, 0, 0, &cache), SLAB_CREATED, "0x%x: kmalloc-128 is alone, too",
			alone[i]);
		cr_expect_eq(create(f, "third", 128, 0, alone[i], &cache), SLAB_CREATED, "0x%x", alone[i]);
		cr_expect_eq(create(f, "fourth", 128, 0, 0, &cache), SLAB_MERGED);
		fixture_free(f);
	}
}

Test(slab_common, oldest_match_wins)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t young, old, cache;

	old = fixture_cache(f, "old", 64, 0, 0);
	young = fixture_cache(f, "young", 64, 0, 0);
	cr_expect_eq(create(f, "a", 64, 0, 0, &cache), SLAB_MERGED);
	cr_expect_eq(cache, old);
	cr_expect(slab_cache_destroy(f->slab, old, &f->meter));
	cr_expect(slab_cache_live(f->slab, old), "a still uses it");
	cr_expect(slab_cache_destroy(f->slab, old, &f->meter));
	cr_expect_not(slab_cache_live(f->slab, old));
	cr_expect_eq(slab_cache_find(f->slab, "a"), CACHE_NONE);
	/* The number is used again, but the cache is younger now. */
	cr_expect_eq(fixture_cache(f, "youngest", 64, 0, 0), old);
	cr_expect_eq(create(f, "b", 64, 0, 0, &cache), SLAB_MERGED);
	cr_expect_eq(cache, young);
	fixture_check(f);
	fixture_free(f);
}

Test(slab_common, later_of_two_equal_names_is_found)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t first = fixture_cache(f, "twin", 100, 0, 0), second = fixture_cache(f, "twin", 300, 0, 0);

	cr_expect_eq(slab_cache_find(f->slab, "twin"), second);
	cr_expect(slab_cache_destroy(f->slab, second, &f->meter));
	cr_expect_eq(slab_cache_find(f->slab, "twin"), first);
	fixture_free(f);
}

Test(slab_common, merging_again_under_one_name_keeps_one_name)
{
	struct merging m = merging_new();
	uint32_t names;

	expect_merge(&m, "module", 60, 0, 0, m.x);
	names = m.f->slab->nr_names;
	for (int i = 0; i < 10; i++) {
		cr_expect(slab_cache_destroy(m.f->slab, m.x, &m.f->meter));
		expect_merge(&m, "module", 60, 0, 0, m.x);
	}
	cr_expect_eq(m.f->slab->nr_names, names);
	fixture_free(m.f);
}

Test(slab_common, long_names_are_cut_and_found)
{
	struct fixture *f = fixture_new(4, 1);
	char name[200];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	cr_expect_eq(slab_cache_find(f->slab, name), CACHE_NONE);
	cr_expect_eq(fixture_cache(f, name, 100, 0, 0), slab_cache_find(f->slab, name));
	fixture_check(f);
	fixture_free(f);
}

Test(slab_common, what_cannot_be_created_leaves_no_trace)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t cache, nr = slab_nr_caches(f->slab);

	cr_expect_eq(create(f, "huge", 4194305, 0, 0, &cache), SLAB_CREATE_FAILED);
	cr_expect_eq(create(f, "zero", 0, 0, 0, &cache), SLAB_CREATE_FAILED);
	cr_expect_eq(create(f, "crooked", 64, 24, 0, &cache), SLAB_CREATE_FAILED);
	cr_expect_eq(create(f, "max", UINT32_MAX, 0, SLAB_HWCACHE_ALIGN, &cache), SLAB_CREATE_FAILED);
	cr_expect_eq(slab_nr_caches(f->slab), nr);
	cr_expect_eq(slab_cache_find(f->slab, "huge"), CACHE_NONE);
	fixture_check(f);
	fixture_free(f);
}

Test(slab_common, cache_with_live_objects_stays_and_takes_its_frees)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t cache = fixture_cache(f, "busy", 128, 0, 0), other;
	struct slab_object o = fixture_alloc(f, cache);

	cr_expect_not(slab_cache_destroy(f->slab, cache, &f->meter));
	cr_expect(slab_cache_live(f->slab, cache));
	fixture_check(f);
	cr_expect_eq(create(f, "next", 128, 0, 0, &other), SLAB_MERGED, "it is still in the kernel's list");
	cr_expect_eq(other, cache);
	fixture_free_object(f, o);
	cr_expect_eq(fixture_stats(f, cache).live_objs, 0);
	cr_expect(slab_cache_destroy(f->slab, cache, &f->meter));
	cr_expect_not(slab_cache_live(f->slab, cache));
	cr_expect_eq(f->pages.pages_out, 0);
	fixture_check(f);
	fixture_free(f);
}

Test(slab_common, account_flag_means_nothing_without_memcg)
{
	struct fixture *f = calloc(1, sizeof(*f));
	uint32_t cache, merged;

	fixture_machine(&f->machine, 4, 1);
	f->machine.slab.memcg_kmem = false;
	fixture_start(f);
	cache = fixture_cache(f, "x", 64, 0, 0);
	cr_expect_eq(create(f, "a", 64, 0, SLAB_ACCOUNT, &merged), SLAB_MERGED);
	cr_expect_eq(merged, cache);
	fixture_free(f);
}

static uint64_t alloc_ns(struct fixture *f, uint32_t cache, gfp_t gfp)
{
	struct slab_object o;

	meter_start(&f->meter, f->machine.latency.step_ns);
	cr_assert_eq(slab_alloc(f->slab, cache, gfp, -1, 0, &o, &f->meter), MM_DONE);
	return f->meter.ns;
}

Test(slab_common, clearing_and_accounting_are_charged_beside_the_fast_path)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t plain = fixture_cache(f, "plain", 4096, 0, 0), acct = fixture_cache(f, "acct", 64, 0, SLAB_ACCOUNT);
	const uint32_t *ns = f->machine.latency.step_ns;
	uint64_t fast = ns[STEP_SLAB_ALLOC_FAST];

	alloc_ns(f, plain, GFP_KERNEL);
	alloc_ns(f, acct, GFP_KERNEL);
	cr_expect_eq(alloc_ns(f, plain, GFP_KERNEL), fast);
	cr_expect_eq(alloc_ns(f, plain, GFP_KERNEL | GFP_BIT_ZERO), fast + 4 * ns[STEP_ZERO_KIB]);
	cr_expect_eq(alloc_ns(f, plain, GFP_KERNEL_ACCOUNT), fast + ns[STEP_MEMCG_CHARGE]);
	cr_expect_eq(alloc_ns(f, acct, GFP_KERNEL), fast + ns[STEP_MEMCG_CHARGE]);
	cr_expect_eq(alloc_ns(f, acct, GFP_KERNEL | GFP_BIT_ZERO), fast + ns[STEP_MEMCG_CHARGE],
		"64 bytes cost nothing to clear");
	fixture_free(f);
}

Test(slab_common, bulk_free_takes_large_ones_and_several_caches)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t a = fixture_cache(f, "a", 256, 0, 0), b = fixture_cache(f, "b", 512, 0, 0);
	struct slab_object o[9];

	for (uint32_t i = 0; i < 9; i++) {
		if (i % 3 == 2)
			cr_assert_eq(kmalloc_large(f->slab, 9000, GFP_KERNEL, -1, 0, &o[i], &f->meter), MM_DONE);
		else
			o[i] = fixture_alloc(f, i % 3 ? a : b);
	}
	slab_free_bulk(f->slab, o, 9, 1, &f->meter);
	fixture_check(f);
	cr_expect_eq(slab_large_pages(f->slab), 0);
	cr_expect_eq(fixture_stats(f, a).live_objs, 0);
	cr_expect_eq(fixture_stats(f, b).live_objs, 0);
	fixture_free(f);
}

Test(slab_common, memory_beyond_32_bits_of_pages_is_a_configuration_error)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = { 0 };

	fixture_machine(&f->machine, 2, 1);
	f->machine.ram[0].size = (uint64_t)1 << 45;
	f->mm = (struct mm){ .machine = &f->machine, .pages = &f->pages };
	cr_expect_eq(slab_create_all(&f->slab, &f->mm, &err), -(int)ERR_CONFIG);
	free(f);
}

Test(slab_common, broken_invariants_are_reported_by_number)
{
	struct fixture *f = fixture_new(4, 1);
	uint32_t cache = fixture_cache(f, "x", 64, 0, 0);

	f->slab->by_age[0] = 1;
	fixture_expect_broken(f, "slab 1");
	f->slab->by_age[0] = 0;
	f->slab->names[0].cache = slab_nr_caches(f->slab);
	fixture_expect_broken(f, "slab 2");
	f->slab->names[0].cache = 0;
	f->slab->names[cache].name[0] = 'z';
	fixture_expect_broken(f, "slab 2");
	f->slab->names[cache].name[0] = 'x';
	f->slab->accounted[cache] = 1;
	fixture_expect_broken(f, "slab 4");
	f->slab->accounted[cache] = 0;
	fixture_check(f);
	fixture_free(f);
}
